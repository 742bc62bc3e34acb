"""Stages: the names under which deployments are called, with the variables and limits that belong to the name."""

from __future__ import annotations

import copy
import re
from typing import Any

from kumoniwa.gate import firewall
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.apigateway import canary, logstream
from kumoniwa.services.apigateway.patch import BadRequestException, NotFoundException, flag, unescaped
from kumoniwa.services.apigateway.restapi import ConflictException


class Stage(Record):
    document: dict[str, Any]
    """What GetStage answers, without tags."""
    tags: dict[str, str] = {}


_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
_VARIABLE_NAME = re.compile(r"[A-Za-z0-9_]+")
_VARIABLE_VALUE = re.compile(r"[A-Za-z0-9 \-._~:/?#&=,]+")


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


def stage_arn(home: Any, api_id: str, name: str) -> str:
    """As those call it that guard it."""
    return f"arn:{home.partition}:apigateway:{home.name}::/restapis/{api_id}/stages/{name}"


def shown(call: Call, api_id: str, stage: Stage) -> dict[str, Any]:
    web_acl = firewall.guarding(call, stage_arn(call.home, api_id, stage.document["stageName"]))
    return stage.document | ({"tags": stage.tags} if stage.tags else {}) | ({"webAclArn": web_acl} if web_acl is not None else {})


CACHE_SIZES = ("0.5", "1.6", "6.1", "13.5", "28.4", "58.2", "118", "237")


def _cluster(is_cached: bool, size: str | None) -> dict[str, Any]:
    """What a stage says of its cache, which is there at once."""
    if size and size not in CACHE_SIZES:
        raise BadRequestException(f"Invalid cache cluster size specified: {size}. Must be one of [{', '.join(CACHE_SIZES)}]")
    size = size or ("0.5" if is_cached else None)
    cluster = {"cacheClusterEnabled": is_cached, "cacheClusterStatus": "AVAILABLE" if is_cached else "NOT_AVAILABLE"}
    return cluster | ({"cacheClusterSize": size} if size else {})


def make(
    call: Call,
    api_id: str,
    name: str,
    deployment_id: str,
    *,
    description: str | None = None,
    variables: dict[str, str] | None = None,
    is_cached: bool = False,
    cache_size: str | None = None,
    is_traced: bool = False,
    canary_settings: dict[str, Any] | None = None,
    documentation_version: str | None = None,
    tags: dict[str, str] | None = None,
) -> Stage:
    if not _NAME.fullmatch(name):
        raise BadRequestException("Stage name only allows a-zA-Z0-9_")
    if key(api_id, name) in call.shelf(Stage):
        raise ConflictException("Stage already exists")
    for variable, value in (variables or {}).items():
        check_variable(variable, value)
    now = float(int(call.now()))
    document = {
        "deploymentId": deployment_id, "stageName": name, **_cluster(is_cached, cache_size),
        "methodSettings": {}, "tracingEnabled": is_traced, "createdDate": now, "lastUpdatedDate": now,
    }  # fmt: skip
    given = {"description": description, "variables": variables, "documentationVersion": documentation_version}
    document |= {member: value for member, value in given.items() if value}
    if canary_settings is not None:
        document["canarySettings"] = canary.settings(canary_settings, deployment_id)
        _check_overrides(document)
    stage = call.shelf(Stage)[key(api_id, name)] = Stage(document=document, tags=tags or {})
    return stage


def move(
    call: Call,
    api_id: str,
    stage: Stage,
    deployment_id: str,
    description: str | None,
    variables: dict[str, str] | None,
    *,
    is_cached: bool | None = None,
    cache_size: str | None = None,
    is_traced: bool | None = None,
    canary_settings: dict[str, Any] | None = None,
) -> None:
    """Let the stage show another deployment; with a canary's settings, only to the canary's share of its callers."""
    document = stage.document | {"lastUpdatedDate": float(int(call.now()))}
    if is_traced is not None:
        document["tracingEnabled"] = is_traced
    if canary_settings is not None:
        document["canarySettings"] = canary.settings({**canary_settings, "deploymentId": deployment_id}, deployment_id)
        _check_overrides(document)
    else:
        document["deploymentId"] = deployment_id
    if is_cached is not None or cache_size:
        is_on = document["cacheClusterEnabled"] if is_cached is None else is_cached
        document |= _cluster(is_on, cache_size or document.get("cacheClusterSize"))
    if description:
        document["description"] = description
    for variable, value in (variables or {}).items():
        check_variable(variable, value)
    if variables:
        document["variables"] = document.get("variables", {}) | variables
    call.shelf(Stage)[key(api_id, document["stageName"])] = changed(stage, document=document)


def _check_overrides(document: dict[str, Any]) -> None:
    for variable, value in document["canarySettings"].get("stageVariableOverrides", {}).items():
        check_variable(variable, value)


def check_variable(name: str, value: str) -> None:
    """As cdk-preflight saw it of AWS (pf-apigw-stage-variable-name, pf-apigw-stage-variable-value), with both spaces of
    https://github.com/serverless/serverless/issues/6133; and https://github.com/sirceljm/aws-lambda-blog/issues/10 of values that are
    nothing. The reference lets ``~`` and ``#`` in, which the words do not name."""
    if not _VARIABLE_NAME.fullmatch(name):
        raise BadRequestException(
            f"Invalid stage variable name: {name}.  Please use names with only word characters."
        )
    if not _VARIABLE_VALUE.fullmatch(value):
        raise BadRequestException(
            f"Invalid stage variable value of key {name}.  Please use values with alphanumeric characters and the symbols "
            "' ', -', '.', '_', ':', '/', '?', '&', '=', and ','."
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


CACHE_TTL_S_MAX = 3600
STRATEGIES = ("FAIL_WITH_403", "SUCCEED_WITH_RESPONSE_HEADER", "SUCCEED_WITHOUT_RESPONSE_HEADER")


def _limit(value: str | None) -> float:
    try:
        number = float(value or "")
    except ValueError:
        number = -2.0
    if not (number >= 0 or number == -1) or number > 1e9:
        raise BadRequestException(f"Invalid throttling limit specified: {value}")
    return number


def _seconds(value: str | None) -> int:
    if not (value or "").isdecimal() or not 0 <= int(value) <= CACHE_TTL_S_MAX:
        raise BadRequestException(f"Invalid time-to-live setting, must be an integer no greater than {CACHE_TTL_S_MAX}")
    return int(value)


def _strategy(value: str | None) -> str:
    if value not in STRATEGIES:
        raise BadRequestException(
            f"Invalid unauthorizedCacheControlHeaderStrategy specified: {value}. Must be one of [{', '.join(STRATEGIES)}]"
        )
    return value


def _log_level(value: str | None) -> str:
    if value not in ("OFF", "ERROR", "INFO"):
        raise BadRequestException("Invalid logging level specified. Must be one of [OFF, ERROR, INFO]")
    return value


SETTINGS = {
    "throttling/burstLimit": ("throttlingBurstLimit", lambda value: int(_limit(value))),
    "throttling/rateLimit": ("throttlingRateLimit", _limit),
    "metrics/enabled": ("metricsEnabled", flag),
    "logging/dataTrace": ("dataTraceEnabled", flag),
    "logging/loglevel": ("loggingLevel", _log_level),
    "caching/enabled": ("cachingEnabled", flag),
    "caching/ttlInSeconds": ("cacheTtlInSeconds", _seconds),
    "caching/dataEncrypted": ("cacheDataEncrypted", flag),
    "caching/requireAuthorizationForCacheControl": ("requireAuthorizationForCacheControl", flag),
    "caching/unauthorizedCacheControlHeaderStrategy": ("unauthorizedCacheControlHeaderStrategy", _strategy),
}

SETTING_VERBS = ("GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "HEAD", "ANY", "*")
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
        if op == "copy":
            canary.promote(document, path, operation.get("from") or "")
        elif op in ("move", "test"):
            raise BadRequestException("Invalid patch operation specified. Must be 'add'|'remove'|'replace'")
        elif op == "add" and path.startswith("/canarySettings"):
            raise BadRequestException(f"Invalid add operation with path: {path}")
        elif op == "remove":
            _remove(document, path)
        else:
            _replace(document, path, value)
    if "canarySettings" in document:
        _check_overrides(document)
    return document


def _remove(document: dict[str, Any], path: str) -> None:
    parts = path.split("/")[1:]
    if parts[:1] == ["variables"] and len(parts) == 2:
        document.get("variables", {}).pop(unescaped(parts[1]), None)
    elif path == "/description":
        document.pop("description", None)
    elif path in ("/accessLogSettings", "/clientCertificateId", "/documentationVersion"):
        document.pop(path[1:], None)
    elif parts[0] == "canarySettings" and canary.remove(document, path):
        pass
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
_NO_GROUP = (
    "Invalid ARN specified in the request. The ARN must be a valid CloudWatch Logs log group or Kinesis Data Firehose delivery stream ARN."
)


def check_format(text: str) -> None:
    """As cdk-preflight saw it of AWS (pf-apigw-access-log-format-request-id), and
    https://github.com/ministryofjustice/cloud-platform-environments/pull/12962."""
    if "\n" in text.removesuffix("\n"):
        raise BadRequestException("Access Log format must be single line, new line character is allowed only at end of the format")
    if not any(f"$context.{name}" in text for name in ("requestId", "extendedRequestId")):
        raise BadRequestException(
            f"Access Log format must include either $context.requestId or $context.extendedRequestId : '{text}'"
        )


def _destination(arn: str) -> str:
    """As cdk-preflight saw it of AWS: pf-apigw-stage-access-log-destination-arn."""
    if logstream.is_stream(arn):
        return arn
    if not _LOG_GROUP.fullmatch(arn):
        raise BadRequestException(_NO_GROUP)
    return arn.removesuffix(":*")


def check_place_of_log(call: Call, document: dict[str, Any]) -> None:
    """No source tells how AWS refuses a log group of another region or account; here it is none that could be named."""
    named = arns.parse(document.get("accessLogSettings", {}).get("destinationArn", ""))
    if named is not None and (named.region, named.account) != (call.region, call.account):
        raise BadRequestException(_NO_GROUP, hint=f"Log to {call.region} of the account {call.account}, where the stage is.")


def _log(document: dict[str, Any], path: str, value: str | None) -> None:
    if path not in LOG_PLACES:
        raise BadRequestException(
            f"Invalid accessLogSettings path. Must be one of : [{', '.join(LOG_PLACES)}]"
        )
    if not value:
        raise BadRequestException("Access Log value must not be empty")
    if path.endswith("Arn"):
        value = _destination(value)
    else:
        check_format(value)
    document["accessLogSettings"] = document.get("accessLogSettings", {}) | {path.rpartition("/")[2]: value}


def _setting_name(path: str, verb: str) -> str:
    return f"{path.removeprefix('~1') or path}/{verb}"


def _replace(document: dict[str, Any], path: str, value: str | None) -> None:
    parts = path.split("/")[1:]
    if path in ("/deploymentId", "/description"):
        document[path[1:]] = value or ""
    elif path == "/tracingEnabled":
        document["tracingEnabled"] = flag(value)
    elif path == "/cacheClusterEnabled":
        document |= _cluster(flag(value), document.get("cacheClusterSize"))
    elif path == "/cacheClusterSize":
        document |= _cluster(document["cacheClusterEnabled"], value)
    elif path in ("/clientCertificateId", "/documentationVersion"):
        document.pop(path[1:], None)
        if value:
            document[path[1:]] = value
    elif parts[0] == "canarySettings" and len(parts) > 1 and canary.replace(document, path, value):
        pass
    elif parts[:1] == ["variables"] and len(parts) == 2:
        check_variable(unescaped(parts[1]), value or "")
        document.setdefault("variables", {})[unescaped(parts[1])] = value or ""
    elif parts and parts[0] == "accessLogSettings":
        _log(document, path, value)
    elif len(parts) == 4 and path[0] == "/" and parts[1] in SETTING_VERBS and "/".join(parts[2:]) in SETTINGS:
        member, read = SETTINGS["/".join(parts[2:])]
        settings = document["methodSettings"]
        # Recorded (test_create_update_stages): a method's settings begin as those of all methods are then.
        begun = dict(settings.get("*/*", DEFAULT_SETTING))
        settings.setdefault(_setting_name(parts[0], parts[1]), begun)[member] = read(value)
    else:
        raise BadRequestException(f"Invalid method setting path: {path}. Must be one of: [{_PLACES}]")
