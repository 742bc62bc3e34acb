"""Global endpoints: one address for two buses of one name in two regions, of which a health check says which one hears.

Whoever is asked at the address is ``aws-edge``, as on AWS it is the name servers that point to one region or the other: it knows the health
checks, and is there whatever becomes of regions. What an endpoint is made of lies in its primary region, which tells the edge.
Where events are replicated, a managed rule on each bus sends to the other what was put in its own region.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-global-endpoints.html
"""

from __future__ import annotations

from collections.abc import Awaitable
from functools import partial
from typing import Any

import msgspec
import orjson

from kumoniwa.aws import regions
from kumoniwa.gate import patience
from kumoniwa.gate.address import EDGE
from kumoniwa.gate.data_key import opening
from kumoniwa.gate.outbox import Delivery, Outbox
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.principal import Principal
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.events import bus as buses
from kumoniwa.services.events import rule as rules
from kumoniwa.services.events.encryption import SERVICE
from kumoniwa.services.events.errors import (
    LimitExceededException,
    ResourceAlreadyExistsException,
    ResourceNotFoundException,
    ValidationException,
)
from kumoniwa.services.events.page import paged

ENDPOINTS_MAX = 100
AGAIN_S = 5.0
"""While a region cannot be reached."""
MANAGER = "events.amazonaws.com"
"""No source states whom AWS names."""
READY, GONE = "ACTIVE", "DELETING"


class Endpoint(Record):
    """Shelved by its name in its primary region."""

    name: str
    id: str
    created: float
    modified: float
    routing: dict[str, Any]
    """AWS's RoutingConfig."""
    buses: tuple[str, ...]
    """ARNs; the primary region's first."""
    is_replicated: bool
    role: str = ""
    description: str | None = None
    state: str = "CREATING"
    reason: str = ""
    version: int = 1


class Routed(Record):
    """What the edge knows of an endpoint; shelved by its id."""

    bus: str
    check: str
    primary: str
    secondary: str


def _check_id(endpoint: Endpoint) -> str:
    return endpoint.routing["FailoverConfig"]["Primary"]["HealthCheck"].rpartition("/")[2]


def _secondary(endpoint: Endpoint) -> str:
    return endpoint.routing["FailoverConfig"]["Secondary"]["Route"]


def existing(call: Call, name: str) -> Endpoint:
    found = call.shelf(Endpoint).get(name)
    if found is None:
        raise ResourceNotFoundException(f"Endpoint {name} does not exist.")
    return found


def shown(call: Call, endpoint: Endpoint) -> dict[str, Any]:
    told = {
        "Name": endpoint.name, "Description": endpoint.description, "Arn": call.arn(f"endpoint/{endpoint.name}"), "RoutingConfig": endpoint.routing,
        "ReplicationConfig": {"State": "ENABLED" if endpoint.is_replicated else "DISABLED"},
        "EventBuses": [{"EventBusArn": arn} for arn in endpoint.buses], "RoleArn": endpoint.role or None, "EndpointId": endpoint.id,
        "EndpointUrl": f"https://{endpoint.id}.endpoint.events.amazonaws.com", "State": endpoint.state, "StateReason": endpoint.reason or None,
        "CreationTime": endpoint.created, "LastModifiedTime": endpoint.modified,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value is not None}


def _checked(call: Call, endpoint: Endpoint) -> Endpoint:
    """With its buses in their order. Texts of buses and of the role are as cdk-preflight saw them of AWS: pf-events-endpoint-buses,
    -replication-role; the others are stated nowhere, and their rules are those of its user guide."""
    secondary, named = _secondary(endpoint), [arns.parse(arn) for arn in endpoint.buses]
    if not regions.is_region(secondary) or secondary == call.region:
        raise ValidationException("Parameter RoutingConfig is not valid. Reason: the secondary Region must be another Region.")
    by_region = {arn.region: arn for arn in named if arn is not None}
    if set(by_region) != {call.region, secondary}:
        raise ValidationException("Parameter EventBuses is not valid. Reason: An event bus must be provided in both the primary and secondary regions.")
    first, second = by_region[call.region], by_region[secondary]
    if first.resource != second.resource or {first.account, second.account} != {call.account}:
        raise ValidationException("Parameter EventBuses is not valid. Reason: Event bus names must match in the primary and secondary regions.")
    buses.existing(call, str(first))
    if endpoint.is_replicated and not endpoint.role:
        raise ValidationException("When replication is enabled, role cannot be empty.")
    if endpoint.role:
        call.require("iam:PassRole", endpoint.role, **{"iam:PassedToService": SERVICE})
    return changed(endpoint, buses=(str(first), str(second)))


def _keep(call: Call, endpoint: Endpoint) -> dict[str, Any]:
    call.shelf(Endpoint)[endpoint.name] = endpoint
    OUTBOX.put(call, _encode(Setting(endpoint.name, endpoint.version)))
    return shown(call, endpoint)


def CreateEndpoint(
    call: Call, *, Name: str, RoutingConfig: dict[str, Any], EventBuses: list[dict[str, str]], ReplicationConfig: dict[str, str] | None = None,
    RoleArn: str | None = None, Description: str | None = None,
) -> dict:  # fmt: skip
    """Events are replicated unless one says otherwise."""
    held = call.shelf(Endpoint)
    if Name in held:
        raise ResourceAlreadyExistsException(f"Endpoint {Name} already exists.")
    if len(held) >= ENDPOINTS_MAX:
        raise LimitExceededException
    now = call.now()
    endpoint = Endpoint(
        name=Name, id=f"{call.ids.lower(10)}.{call.ids.lower(3)}", created=now, modified=now, routing=RoutingConfig,
        buses=tuple(each["EventBusArn"] for each in EventBuses), is_replicated=(ReplicationConfig or {}).get("State", "ENABLED") == "ENABLED",
        role=RoleArn or "", description=Description,
    )  # fmt: skip
    told = _keep(call, _checked(call, endpoint))
    return {name: told[name] for name in ("Name", "Arn", "RoutingConfig", "ReplicationConfig", "EventBuses", "RoleArn", "State") if name in told}


def UpdateEndpoint(
    call: Call, *, Name: str, RoutingConfig: dict[str, Any] | None = None, EventBuses: list[dict[str, str]] | None = None,
    ReplicationConfig: dict[str, str] | None = None, RoleArn: str | None = None, Description: str | None = None,
) -> dict:  # fmt: skip
    """What is not said stays."""
    held = existing(call, Name)
    if held.state == GONE:
        raise ResourceNotFoundException(f"Endpoint {Name} does not exist.")
    said: dict[str, Any] = {"routing": RoutingConfig, "role": RoleArn, "description": Description}
    if EventBuses is not None:
        said["buses"] = tuple(each["EventBusArn"] for each in EventBuses)
    if ReplicationConfig is not None and "State" in ReplicationConfig:
        said["is_replicated"] = ReplicationConfig["State"] == "ENABLED"
    said = {name: value for name, value in said.items() if value is not None}
    if said.get("buses", held.buses) != held.buses and set(said["buses"]) != set(held.buses) and held.is_replicated:
        raise ValidationException("Parameter EventBuses is not valid. Reason: disable event replication before other event buses are set.")
    endpoint = _checked(call, changed(held, **said))
    return {
        name: value
        for name, value in _keep(call, changed(endpoint, modified=call.now(), state="UPDATING", reason="", version=held.version + 1)).items()
        if name not in ("Description", "StateReason", "CreationTime", "LastModifiedTime")
    }


def DeleteEndpoint(call: Call, *, Name: str) -> dict:
    held = existing(call, Name)
    _keep(call, changed(held, state=GONE, version=held.version + 1))
    return {}


def DescribeEndpoint(call: Call, *, Name: str, HomeRegion: str | None = None) -> Any:
    if HomeRegion not in (None, call.region):
        return call.ask("events:DescribeEndpoint", to_region=HomeRegion, Name=Name)
    return shown(call, existing(call, Name))


def ListEndpoints(
    call: Call, *, NamePrefix: str | None = None, HomeRegion: str | None = None, NextToken: str | None = None, MaxResults: int | None = None
) -> Any:
    if HomeRegion not in (None, call.region):
        said = {"NamePrefix": NamePrefix, "NextToken": NextToken, "MaxResults": MaxResults}
        return call.ask("events:ListEndpoints", to_region=HomeRegion, **{name: value for name, value in said.items() if value is not None})
    found = {name: each for name, each in call.shelf(Endpoint).items() if name.startswith(NamePrefix or "")}
    return paged(found, NextToken, MaxResults, partial(shown, call), "Endpoints")


# What stands behind one ------------------------------------------------------------------------------


class Setting(msgspec.Struct, array_like=True):
    """An endpoint that is to be as it was said: of the version then, unless there is a newer one."""

    name: str
    version: int


_encode, _decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(Setting).decode


def _say(call: Call, region: str, message: dict[str, Any]) -> Awaitable[dict[str, str]]:
    return call.home.heard(region, "events", message) if region == call.region else call.home.exchange(region, "events", message)


async def _deliver(call: Call, delivery: Delivery) -> float | None:
    setting = _decode(delivery.body)
    endpoint = call.shelf(Endpoint).get(setting.name)
    if endpoint is None or endpoint.version != setting.version:
        return None
    is_gone = endpoint.state == GONE
    try:
        await _tell_edge(call, endpoint, is_gone=is_gone)
        reason = await _replicate(call, endpoint, is_wanted=endpoint.is_replicated and not is_gone)
    except AwsError as error:
        if patience.is_passing(error):
            return AGAIN_S
        reason = error.text
    call.atomically(lambda: _settled(call, setting, reason))
    return None


def _settled(call: Call, setting: Setting, reason: str) -> None:
    endpoint = call.shelf(Endpoint).get(setting.name)
    if endpoint is None or endpoint.version != setting.version:
        return
    if endpoint.state == GONE and not reason:
        del call.shelf(Endpoint)[setting.name]
        return
    failed = {"CREATING": "CREATE_FAILED", "UPDATING": "UPDATE_FAILED", GONE: "DELETE_FAILED"}
    state = failed.get(endpoint.state, endpoint.state) if reason else READY
    call.shelf(Endpoint)[setting.name] = changed(endpoint, state=state, reason=reason[:512])


async def _tell_edge(call: Call, endpoint: Endpoint, *, is_gone: bool) -> None:
    routed = Routed(bus=buses.name_in(endpoint.buses[0]), check=_check_id(endpoint), primary=call.region, secondary=_secondary(endpoint))
    told = None if is_gone else msgspec.to_builtins(routed)
    await call.home.exchange(EDGE, "events", {"routed": told, "id": endpoint.id, "account": call.account})


async def _replicate(call: Call, endpoint: Endpoint, *, is_wanted: bool) -> str:
    """See that each bus has its rule, or none. Answers what was refused, in the words of who refused it."""
    if not endpoint.role:
        return ""
    role = call.assuming(endpoint.role, SERVICE, "events", **{"aws:SourceArn": call.arn(f"endpoint/{endpoint.name}")})
    for arn, other in (endpoint.buses, endpoint.buses[::-1]):
        message = {
            "rule": f"GlobalEndpointManagedRule-{endpoint.id.replace('.', '-')}", "is_wanted": is_wanted, "bus": arn, "target": other,
            "role": endpoint.role,
            "principal": msgspec.to_builtins(role.principal),
        }  # fmt: skip
        answer = await _say(call, arns.parse(arn).region, message)
        if answer["text"]:
            return answer["text"]
    return ""


OUTBOX = Outbox("events", _deliver, kind="endpoint")


async def hear(home: Any, message: dict[str, Any]) -> dict[str, str]:
    """What the primary region of an endpoint says: to the edge which it is, to the regions of its buses which rule they need."""
    if "rule" in message:
        return await _managed(home, message)
    call = home.call("events", message["account"], principals.service(SERVICE, message["account"]))
    call.atomically(lambda: _route(call, message["id"], message["routed"]))
    return {"text": ""}


def _route(call: Call, id_: str, routed: dict[str, Any] | None) -> None:
    if routed is not None:
        call.shelf(Routed)[id_] = msgspec.convert(routed, Routed)
    else:
        call.shelf(Routed).pop(id_, None)


async def _managed(home: Any, message: dict[str, Any]) -> dict[str, str]:
    """As the role of the endpoint, which needs the rights on the rule.
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-ge-create-endpoint.html"""
    arn = arns.parse(message["bus"])
    call = home.call("events", arn.account, msgspec.convert(message["principal"], Principal))
    rule = rules.Rule(
        name=message["rule"], bus=buses.name_in(message["bus"]), pattern=_of_here(call), creator=arn.account, anchored=call.now(), manager=MANAGER,
        targets={"GlobalEndpoint": {"Id": "GlobalEndpoint", "Arn": message["target"], "RoleArn": message["role"]}},
    )  # fmt: skip
    needed = ("PutRule", "PutTargets") if message["is_wanted"] else ("DeleteRule", "RemoveTargets")
    try:
        if not message["is_wanted"] and rule.key not in call.shelf(rules.Rule):
            return {"text": ""}
        for action in needed:
            call.require(f"events:{action}", rules.arn_of(call, rule))
        await opening(call, lambda: _set(call, rule, is_wanted=message["is_wanted"]))
    except AwsError as error:
        return {"text": f"{error.code}: {error.text}"}
    return {"text": ""}


def _of_here(call: Call) -> str:
    """What was put in this region and is nobody's but a customer's: what came from the other one does not go back."""
    return orjson.dumps({"region": [call.region], "source": [{"anything-but": {"prefix": "aws."}}]}).decode()


def _set(call: Call, rule: rules.Rule, *, is_wanted: bool) -> None:
    if is_wanted:
        rules.keep(call, rule, buses.existing(call, rule.bus))
    else:
        del call.shelf(rules.Rule)[rule.key]


# Events for one ----------------------------------------------------------------------------------------


async def put(call: Call, endpoint_id: str, entries: list[dict[str, Any]]) -> dict[str, Any]:
    """Events go to the primary region while its health check says so, to the secondary one otherwise: in the name of who puts them, who
    needs events:PutEvents on both buses."""
    if call.region != EDGE:
        return await call.ask("events:PutEvents", to_region=EDGE, EndpointId=endpoint_id, Entries=entries)
    routed = call.shelf(Routed).get(endpoint_id)
    if routed is None:
        raise ResourceNotFoundException(f"Endpoint {endpoint_id} does not exist.")
    if any(buses.name_in(entry.get("EventBusName")) != routed.bus for entry in entries):
        raise ValidationException(f"Parameter EventBusName is not valid. Reason: the endpoint is for the event bus {routed.bus}.")
    is_healthy = await call.home.heard("", "route53", {"account": call.account, "ask": "healthy", "check": routed.check})
    region = routed.primary if is_healthy else routed.secondary
    return await call.ask("events:PutEvents", to_region=region, Entries=[{**entry, "EventBusName": routed.bus} for entry in entries])
