"""Function URLs: a function, or one of its aliases, answers HTTP under a host name of its own."""

from __future__ import annotations

import re
import time
from typing import Any

from kumoniwa.gate.address import region_mark
from kumoniwa.gate.identity import SHARED
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.lambda_.errors import InvalidParameterValueException, ResourceConflictException, ResourceNotFoundException
from kumoniwa.services.lambda_.function import Alias, Version
from kumoniwa.services.lambda_.name import LATEST, arn, function_named

ID_LENGTH = 32


class Url(Record):
    """Shelved by ``function:alias``, without an alias by ``function:``."""

    function: str
    qualifier: str
    id: str
    auth: str
    created: float
    modified: float
    cors: dict[str, Any] = {}
    mode: str = "BUFFERED"


class Address(Record):
    """Whose a URL is, shelved by its id among what belongs to no account: a caller names no account.

    It outlives the URL: one that was there once is refused in other words than one that never was.
    """

    account: str
    key: str


def host(home, id: str) -> str:
    return f"{id}.lambda-url.{home.name}.localhost"


def _moment(epoch_s: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(epoch_s)) + f"{int(epoch_s * 1000000) % 1000000:06d}Z"


def _shown(call: Call, url: Url) -> dict[str, Any]:
    port = re.search(r":(\d+)$", call.home.settings.endpoint)
    reply = {
        "FunctionUrl": f"http://{host(call.home, url.id)}{port[0] if port else ''}/",
        "FunctionArn": arn(call, url.function, url.qualifier or None),
        "AuthType": url.auth,
        "CreationTime": _moment(url.created),
        "LastModifiedTime": _moment(url.modified),
        "InvokeMode": url.mode,
    }
    return reply | ({"Cors": url.cors} if url.cors else {})


def _key(call: Call, text: str, qualifier: str | None) -> str:
    name, qualifier = function_named(call, text, qualifier)
    return f"{name}:{qualifier or ''}"


def _existing(call: Call, text: str, qualifier: str | None) -> Url:
    url = call.shelf(Url).get(_key(call, text, qualifier))
    if url is None:
        raise ResourceNotFoundException("The resource you requested does not exist.")
    return url


def _check_cors(cors: dict[str, Any]) -> None:
    """As cdk-preflight saw it of AWS: pf-lambda-url-cors-allow-methods-wildcard-mix, -origins-wildcard-mix. It told no code."""
    for member in ("AllowMethods", "AllowOrigins"):
        said = cors.get(member) or ()
        if "*" in said and len(said) > 1:
            raise InvalidParameterValueException(
                f"You can't specify additional fields for {member} because you already specified the wildcard character (*)."
            )


def CreateFunctionUrlConfig(
    call: Call,
    *,
    FunctionName: str,
    AuthType: str,
    Qualifier: str | None = None,
    Cors: dict[str, Any] | None = None,
    InvokeMode: str | None = None,
) -> dict:
    name, qualifier = function_named(call, FunctionName, Qualifier)
    _check_cors(Cors or {})
    kind = Version if qualifier is None else Alias
    if f"{name}:{qualifier or LATEST}" not in call.shelf(kind):
        raise ResourceNotFoundException("Function does not exist")
    key = f"{name}:{qualifier or ''}"
    if key in call.shelf(Url):
        raise ResourceConflictException(
            f"Failed to create function url config for [functionArn = {arn(call, name, qualifier)}]. "
            "Error message:  FunctionUrlConfig exists for this Lambda function"
        )
    mark = region_mark(call.region)
    now, id = call.now(), mark + call.ids.lower(ID_LENGTH - len(mark))
    url = Url(
        function=name, qualifier=qualifier or "", id=id, auth=AuthType, created=now, modified=now, cors=Cors or {},
        mode=InvokeMode or "BUFFERED",
    )  # fmt: skip
    call.shelf(Url)[key] = url
    call.home.store.shelf(SHARED, Address)[id] = Address(account=call.account, key=key)
    # A creation answers the mode only to those who said one (recorded: test_lambda_url_echo_invoke).
    unsaid = {"LastModifiedTime"} if InvokeMode else {"LastModifiedTime", "InvokeMode"}
    return {name: value for name, value in _shown(call, url).items() if name not in unsaid}


def GetFunctionUrlConfig(call: Call, *, FunctionName: str, Qualifier: str | None = None) -> dict:
    return _shown(call, _existing(call, FunctionName, Qualifier))


def UpdateFunctionUrlConfig(
    call: Call,
    *,
    FunctionName: str,
    Qualifier: str | None = None,
    AuthType: str | None = None,
    Cors: dict[str, Any] | None = None,
    InvokeMode: str | None = None,
) -> dict:
    name, alias = function_named(call, FunctionName, Qualifier)
    if f"{name}:{alias or LATEST}" not in call.shelf(Version if alias is None else Alias):
        raise ResourceNotFoundException("Function does not exist")
    url = _existing(call, FunctionName, Qualifier)
    _check_cors(Cors or {})
    cors, mode = url.cors if Cors is None else Cors, InvokeMode or url.mode
    url = changed(url, auth=AuthType or url.auth, cors=cors, mode=mode, modified=call.now())
    call.shelf(Url)[f"{url.function}:{url.qualifier}"] = url
    return _shown(call, url)


def DeleteFunctionUrlConfig(call: Call, *, FunctionName: str, Qualifier: str | None = None) -> None:
    forget(call, _existing(call, FunctionName, Qualifier))


def forget(call: Call, url: Url) -> None:
    del call.shelf(Url)[f"{url.function}:{url.qualifier}"]


def ListFunctionUrlConfigs(call: Call, *, FunctionName: str) -> dict:
    name, _ = function_named(call, FunctionName)
    if f"{name}:{LATEST}" not in call.shelf(Version):
        raise ResourceNotFoundException("Function does not exist")
    mine = sorted((url for url in call.shelf(Url).values() if url.function == name), key=lambda u: u.qualifier)
    return {"FunctionUrlConfigs": [_shown(call, url) for url in mine]}
