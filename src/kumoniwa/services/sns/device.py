"""Platform endpoints: devices on which an app is installed, each known by the token that its push service gave it.

They are rows, because an app may be on any number of devices.
"""

from __future__ import annotations

from typing import NamedTuple

from kumoniwa.kernel.call import Call
from kumoniwa.services.sns import application as applications
from kumoniwa.services.sns.application import Application
from kumoniwa.services.sns.errors import InvalidParameterException, NotFoundException
from kumoniwa.store.rows import Table

ENDPOINTS = Table(
    "sns_endpoint",
    """create table if not exists sns_endpoint (seq integer primary key, app text, id text, token text, data text, is_enabled integer);
       create unique index if not exists sns_endpoint_id on sns_endpoint (app, id);
       create unique index if not exists sns_endpoint_token on sns_endpoint (app, token)""",
)
DATA_BYTES_MAX = 2_048


class Endpoint(NamedTuple):
    app: str
    """The key of its application."""
    id: str
    token: str
    data: str | None
    """CustomUserData."""
    is_enabled: bool


_COLUMNS = "app, id, token, data, is_enabled"


def _one(call: Call, where: str, *args: str) -> Endpoint | None:
    found = call.rows(ENDPOINTS).one(f"select {_COLUMNS} from sns_endpoint where app = ? and {where} = ?", *args)
    return Endpoint(*found[:4], bool(found[4])) if found is not None else None


def find(call: Call, arn: str, what: str = "EndpointArn") -> Endpoint | None:
    """The endpoint of an ARN of this region. Raises InvalidParameterException for what is no such ARN."""
    path = applications.path_of(call, arn, what, "endpoint", 2)
    if path is None:
        return None
    app, _, id_ = path.rpartition("/")
    return _one(call, "id", app, id_)


def existing(call: Call, arn: str) -> Endpoint:
    found = find(call, arn)
    if found is None:
        raise NotFoundException("Endpoint does not exist")
    return found


def arn_of(call: Call, endpoint: Endpoint) -> str:
    return call.arn(f"endpoint/{endpoint.app}/{endpoint.id}")


def application_of(call: Call, endpoint: Endpoint) -> Application:
    return call.shelf(Application)[endpoint.app]


def shown(endpoint: Endpoint) -> dict[str, str]:
    told = {"Enabled": str(endpoint.is_enabled).lower(), "Token": endpoint.token}
    return told | ({"CustomUserData": endpoint.data} if endpoint.data is not None else {})


def _checked(said: dict[str, str]) -> dict[str, str]:
    """Refusals recorded: test_set_platform_endpoint_attributes_invalid_attributes. For the value of Enabled no source states one."""
    for name, value in said.items():
        if name not in ("CustomUserData", "Enabled", "Token"):
            raise InvalidParameterException.of("Attributes", f"Invalid attribute name: {name}")
        if name == "CustomUserData" and len(value.encode()) > DATA_BYTES_MAX:
            reason = f"Invalid value for attribute: {name}: must be at most {DATA_BYTES_MAX} bytes long in UTF-8 encoding"
            raise InvalidParameterException.of("Attributes", reason)
        if name == "Enabled" and value.lower() not in ("true", "false"):
            raise InvalidParameterException.of("Attributes", f"Invalid value for attribute: {name}: must be true or false")
        if name == "Token" and not value:
            raise InvalidParameterException.of("Attributes", f"Invalid value for attribute: {name}: cannot be empty")
    return said


def _after(endpoint: Endpoint, said: dict[str, str]) -> Endpoint:
    if "Enabled" in said:
        endpoint = endpoint._replace(is_enabled=said["Enabled"].lower() == "true")
    return endpoint._replace(token=said.get("Token", endpoint.token), data=said.get("CustomUserData", endpoint.data))


def _check_token(call: Call, endpoint: Endpoint) -> None:
    """Recorded by moto's verified test_create_duplicate_platform_endpoint_with_attrs."""
    held = _one(call, "token", endpoint.app, endpoint.token)
    if held is not None and held.id != endpoint.id:
        raise InvalidParameterException.of("Token", f"Endpoint {arn_of(call, held)} already exists with the same Token, but different attributes.")


def _put(call: Call, endpoint: Endpoint) -> None:
    call.rows(ENDPOINTS).run(
        "insert into sns_endpoint (app, id, token, data, is_enabled) values (?,?,?,?,?) on conflict (app, id) do update set "
        "token = excluded.token, data = excluded.data, is_enabled = excluded.is_enabled",
        endpoint.app, endpoint.id, endpoint.token, endpoint.data, int(endpoint.is_enabled),
    )  # fmt: skip


def disable(call: Call, endpoint: Endpoint) -> None:
    """The push service knows its token no more."""
    _put(call, endpoint._replace(is_enabled=False))
    applications.tell(call, application_of(call, endpoint), "EventEndpointUpdated", arn_of(call, endpoint))


# Operations ------------------------------------------------------------------------------------------


def CreatePlatformEndpoint(
    call: Call, *, PlatformApplicationArn: str, Token: str, CustomUserData: str | None = None, Attributes: dict[str, str] | None = None
) -> dict:
    """Who makes the same device again is told its ARN. What the attributes say counts before CustomUserData
    (recorded: test_create_platform_endpoint_double_custom_data)."""
    application = applications.named(call, PlatformApplicationArn)
    if not Token:
        raise InvalidParameterException.of("Token", "cannot be empty")
    said = _checked({**({"CustomUserData": CustomUserData} if CustomUserData is not None else {}), "Token": Token, **(Attributes or {})})
    endpoint = _after(Endpoint(application.key, call.new_id(), Token, None, True), said)
    held = _one(call, "token", endpoint.app, endpoint.token)
    if held is not None and held._replace(id=endpoint.id) == endpoint:
        return {"EndpointArn": arn_of(call, held)}
    _check_token(call, endpoint)
    _put(call, endpoint)
    applications.tell(call, application, "EventEndpointCreated", arn_of(call, endpoint))
    return {"EndpointArn": arn_of(call, endpoint)}


def GetEndpointAttributes(call: Call, *, EndpointArn: str) -> dict:
    return {"Attributes": shown(existing(call, EndpointArn))}


def SetEndpointAttributes(call: Call, *, EndpointArn: str, Attributes: dict[str, str]) -> None:
    held = existing(call, EndpointArn)
    endpoint = _after(held, _checked(Attributes))
    if endpoint == held:
        return
    _check_token(call, endpoint)
    _put(call, endpoint)
    applications.tell(call, application_of(call, endpoint), "EventEndpointUpdated", EndpointArn)


def ListEndpointsByPlatformApplication(call: Call, *, PlatformApplicationArn: str) -> dict:
    application = applications.named(call, PlatformApplicationArn)
    rows = call.rows(ENDPOINTS).all(f"select {_COLUMNS} from sns_endpoint where app = ? order by seq", application.key)
    found = [Endpoint(*row[:4], bool(row[4])) for row in rows]
    return {"Endpoints": [{"EndpointArn": arn_of(call, each), "Attributes": shown(each)} for each in found]}


def DeleteEndpoint(call: Call, *, EndpointArn: str) -> None:
    """One that is not there is deleted with success. Its subscriptions stay (recorded: test_delete_platform_endpoint_with_subscription)."""
    held = find(call, EndpointArn)
    if held is None:
        return
    call.rows(ENDPOINTS).run("delete from sns_endpoint where app = ? and id = ?", held.app, held.id)
    applications.tell(call, application_of(call, held), "EventEndpointDeleted", EndpointArn)


def DeletePlatformApplication(call: Call, *, PlatformApplicationArn: str) -> None:
    """With all its endpoints; one that is not there is deleted with success."""
    path = applications.path_of(call, PlatformApplicationArn, "PlatformApplicationArn", "app", 1)
    if path is None or path not in call.shelf(Application):
        return
    del call.shelf(Application)[path]
    call.rows(ENDPOINTS).run("delete from sns_endpoint where app = ?", path)
