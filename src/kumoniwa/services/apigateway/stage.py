"""Stages: the names under which deployments are called, with the variables and limits that belong to the name."""

from __future__ import annotations

import copy
import re
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.apigateway.patch import BadRequestException, NotFoundException, flag, unescaped
from kumoniwa.services.apigateway.restapi import ConflictException


class Stage(Record):
    document: dict[str, Any]
    """What GetStage answers, without tags."""
    tags: dict[str, str] = {}


_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
_VARIABLE_NAME = re.compile(r"[A-Za-z0-9_]+")
_VARIABLE_VALUE = re.compile(r"[A-Za-z0-9\-._~:/?#&=,]*")


def key(api_id: str, name: str) -> str:
    return f"{api_id}/{name}"


def of(call: Call, api_id: str) -> list[Stage]:
    found = call.shelf(Stage)
    return [found[name] for name in sorted(found) if name.startswith(f"{api_id}/")]


def found(call: Call, api_id: str, name: str) -> Stage:
    stage = call.shelf(Stage).get(key(api_id, name))
    if stage is None:
        raise NotFoundException("Invalid stage identifier specified")
    return stage


def shown(stage: Stage) -> dict[str, Any]:
    return stage.document | ({"tags": stage.tags} if stage.tags else {})


def check_supported(is_cached: bool, is_traced: bool) -> None:
    if is_cached:
        raise NotImplementedHere("cache clusters of apigateway stages")
    if is_traced:
        raise NotImplementedHere("X-Ray tracing of apigateway stages")


def make(
    call: Call,
    api_id: str,
    name: str,
    deployment_id: str,
    *,
    description: str | None = None,
    variables: dict[str, str] | None = None,
    is_cached: bool = False,
    is_traced: bool = False,
    tags: dict[str, str] | None = None,
) -> Stage:
    if not _NAME.fullmatch(name):
        raise BadRequestException("Stage name only allows a-zA-Z0-9_")
    if key(api_id, name) in call.shelf(Stage):
        raise ConflictException("Stage already exists")
    check_supported(is_cached, is_traced)
    for variable, value in (variables or {}).items():
        _check_variable(variable, value)
    now = float(int(call.now()))
    document = {
        "deploymentId": deployment_id, "stageName": name, "cacheClusterEnabled": False, "cacheClusterStatus": "NOT_AVAILABLE",
        "methodSettings": {}, "tracingEnabled": False, "createdDate": now, "lastUpdatedDate": now,
    }  # fmt: skip
    document |= {
        member: value for member, value in (("description", description), ("variables", variables)) if value
    }
    stage = call.shelf(Stage)[key(api_id, name)] = Stage(document=document, tags=tags or {})
    return stage


def move(
    call: Call,
    api_id: str,
    stage: Stage,
    deployment_id: str,
    description: str | None,
    variables: dict[str, str] | None,
) -> None:
    """Let the stage show another deployment."""
    document = stage.document | {"deploymentId": deployment_id, "lastUpdatedDate": float(int(call.now()))}
    if description:
        document["description"] = description
    for variable, value in (variables or {}).items():
        _check_variable(variable, value)
    if variables:
        document["variables"] = document.get("variables", {}) | variables
    call.shelf(Stage)[key(api_id, document["stageName"])] = changed(stage, document=document)


def _check_variable(name: str, value: str) -> None:
    if not _VARIABLE_NAME.fullmatch(name):
        raise BadRequestException(
            f"Stage variable name {name} is invalid. Please use names with alphanumeric characters and underscores."
        )
    if not _VARIABLE_VALUE.fullmatch(value):
        raise BadRequestException(
            f"Stage variable value {value} is invalid. Please use values with alphanumeric characters and the symbols "
            "'-', '.', '_', '~', ':', '/', '?', '#', '&', '=', and ','."
        )


# Patches -----------------------------------------------------------------------------------------------

DEFAULT_SETTING: dict[str, Any] = {
    "metricsEnabled": False,
    "dataTraceEnabled": False,
    "throttlingBurstLimit": 5000,
    "throttlingRateLimit": 10000.0,
    "cachingEnabled": False,
    "cacheTtlInSeconds": 300,
    "cacheDataEncrypted": False,
    "requireAuthorizationForCacheControl": True,
    "unauthorizedCacheControlHeaderStrategy": "SUCCEED_WITH_RESPONSE_HEADER",
}


def _limit(value: str | None) -> float:
    try:
        number = float(value or "")
    except ValueError:
        number = -2.0
    if not (number >= 0 or number == -1) or number > 1e9:
        raise BadRequestException(f"Invalid throttling limit specified: {value}")
    return number


def _off(value: str | None, what: str) -> bool:
    if flag(value):
        raise NotImplementedHere(f"{what} of apigateway stages")
    return False


def _log_level(value: str | None) -> str:
    if value not in ("OFF", "ERROR", "INFO"):
        raise BadRequestException("Invalid logging level specified. Must be one of [OFF, ERROR, INFO]")
    if value != "OFF":
        raise NotImplementedHere("execution logs of apigateway stages")
    return value


SETTINGS = {
    "throttling/burstLimit": ("throttlingBurstLimit", lambda value: int(_limit(value))),
    "throttling/rateLimit": ("throttlingRateLimit", _limit),
    "metrics/enabled": ("metricsEnabled", lambda value: _off(value, "detailed metrics")),
    "logging/dataTrace": ("dataTraceEnabled", lambda value: _off(value, "data tracing")),
    "logging/loglevel": ("loggingLevel", _log_level),
    "caching/enabled": ("cachingEnabled", lambda value: _off(value, "caching")),
}

_PLACES = (
    "/deploymentId, /description, /cacheClusterEnabled, /cacheClusterSize, /clientCertificateId, /accessLogSettings, "
    "/accessLogSettings/destinationArn, /accessLogSettings/format, /{resourcePath}/{httpMethod}/metrics/enabled, "
    "/{resourcePath}/{httpMethod}/logging/dataTrace, /{resourcePath}/{httpMethod}/logging/loglevel, "
    "/{resourcePath}/{httpMethod}/throttling/burstLimit/{resourcePath}/{httpMethod}/throttling/rateLimit"
    "/{resourcePath}/{httpMethod}/caching/ttlInSeconds, /{resourcePath}/{httpMethod}/caching/enabled, "
    "/{resourcePath}/{httpMethod}/caching/dataEncrypted, "
    "/{resourcePath}/{httpMethod}/caching/requireAuthorizationForCacheControl, "
    "/{resourcePath}/{httpMethod}/caching/unauthorizedCacheControlHeaderStrategy, /*/*/metrics/enabled, "
    "/*/*/logging/dataTrace, /*/*/logging/loglevel, /*/*/throttling/burstLimit /*/*/throttling/rateLimit "
    "/*/*/caching/ttlInSeconds, /*/*/caching/enabled, /*/*/caching/dataEncrypted, "
    "/*/*/caching/requireAuthorizationForCacheControl, /*/*/caching/unauthorizedCacheControlHeaderStrategy, "
    "/variables/{variable_name}, /tracingEnabled"
)
"""In AWS's own spelling, with its missing commas."""


def patched(document: dict[str, Any], operations: list[dict[str, str]] | None) -> dict[str, Any]:
    """The stage's document after the operations. Stages are patched by rules of their own: a method's path stands in the patch's."""
    document = copy.deepcopy(document)
    for operation in operations or ():
        op, path, value = operation.get("op", ""), operation.get("path") or "", operation.get("value")
        if op in ("copy", "move", "test") or path.startswith("/canarySettings"):
            raise NotImplementedHere("canary releases of apigateway stages")
        if op == "remove":
            _remove(document, path)
        else:
            _replace(document, path, value)
    return document


def _remove(document: dict[str, Any], path: str) -> None:
    parts = path.split("/")[1:]
    if parts[:1] == ["variables"] and len(parts) == 2:
        document.get("variables", {}).pop(unescaped(parts[1]), None)
    elif path == "/description":
        document.pop("description", None)
    elif path == "/accessLogSettings":
        document.pop("accessLogSettings", None)
    elif len(parts) == 2:
        place = _setting_name(*parts)
        if document["methodSettings"].pop(place, None) is None:
            raise BadRequestException(
                f"Cannot remove method setting {place} because there is no method setting for this method "
            )
    else:
        raise BadRequestException(f"Invalid method setting path: {path}. Must be one of: [{_PLACES}]")


LOG_PLACES = ("/accessLogSettings/destinationArn", "/accessLogSettings/format")
_LOG_GROUP = re.compile(r"arn:aws[a-z-]*:logs:[a-z0-9-]+:\d{12}:log-group:[^:]+(?::\*)?")


def _log(document: dict[str, Any], path: str, value: str | None) -> None:
    if path not in LOG_PLACES:
        raise BadRequestException(
            f"Invalid accessLogSettings path. Must be one of : [{', '.join(LOG_PLACES)}]"
        )
    if not value:
        raise BadRequestException("Access Log value must not be empty")
    if path.endswith("Arn"):
        if ":firehose:" in value:
            raise NotImplementedHere("access logs of apigateway stages in Firehose")
        if not _LOG_GROUP.fullmatch(value):
            raise BadRequestException(f"Invalid ARN specified in the request. ARN: {value}")
        value = value.removesuffix(":*")
    document["accessLogSettings"] = document.get("accessLogSettings", {}) | {path.rpartition("/")[2]: value}


def _setting_name(path: str, verb: str) -> str:
    return f"{path.removeprefix('~1') or path}/{verb}"


def _replace(document: dict[str, Any], path: str, value: str | None) -> None:
    parts = path.split("/")[1:]
    if path in ("/deploymentId", "/description"):
        document[path[1:]] = value or ""
    elif path in ("/tracingEnabled", "/cacheClusterEnabled"):
        check_supported(
            path == "/cacheClusterEnabled" and flag(value), path == "/tracingEnabled" and flag(value)
        )
        document[path[1:]] = False
    elif parts[:1] == ["variables"] and len(parts) == 2:
        _check_variable(unescaped(parts[1]), value or "")
        document.setdefault("variables", {})[unescaped(parts[1])] = value or ""
    elif parts and parts[0] == "accessLogSettings":
        _log(document, path, value)
    elif parts and parts[0] in (
        "clientCertificateId",
        "cacheClusterSize",
        "documentationVersion",
    ):
        if value:
            raise NotImplementedHere(f"{parts[0]} of apigateway stages")
    elif len(parts) == 4 and "/".join(parts[2:]) in SETTINGS:
        member, read = SETTINGS["/".join(parts[2:])]
        settings = document["methodSettings"]
        settings.setdefault(_setting_name(parts[0], parts[1]), dict(DEFAULT_SETTING))[member] = read(value)
    elif len(parts) == 4 and parts[2] == "caching":
        raise NotImplementedHere("caching of apigateway stages")
    else:
        raise BadRequestException(f"Invalid method setting path: {path}. Must be one of: [{_PLACES}]")
