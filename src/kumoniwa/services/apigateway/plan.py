"""API keys and usage plans: who may call which stages, how fast, and how often."""

from __future__ import annotations

import csv
import io
import math
import re
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.apigateway import restapi
from kumoniwa.services.apigateway import stage as stages
from kumoniwa.services.apigateway.patch import BadRequestException, NotFoundException, Rule, Rules, flag
from kumoniwa.services.apigateway.restapi import ConflictException
from kumoniwa.services.apigateway.stage import Stage


class ApiKey(Record):
    document: dict[str, Any]
    """What GetApiKey answers, with its value."""
    tags: dict[str, str] = {}


class KeyValue(Record):
    """Shelved by the key's value, which is what callers know: the key's id."""

    id: str


class UsagePlan(Record):
    document: dict[str, Any]
    keys: tuple[str, ...] = ()
    """The ids of the API keys in this plan."""
    tags: dict[str, str] = {}


def is_in(plan: UsagePlan, api_id: str, stage: str) -> dict[str, Any] | None:
    """The plan's entry for a stage, if the stage is in the plan."""
    for entry in plan.document["apiStages"]:
        if entry["apiId"] == api_id and entry["stage"] == stage:
            return entry
    return None


def forget_stages(call: Call, api_id: str, stage: str | None = None) -> None:
    """Stages that are gone are in no plan any more: one, or all of an API."""
    plans = call.shelf(UsagePlan)
    for name, plan in list(plans.items()):
        kept = [one for one in plan.document["apiStages"] if one["apiId"] != api_id or stage not in (None, one["stage"])]
        if len(kept) < len(plan.document["apiStages"]):
            plans[name] = changed(plan, document=plan.document | {"apiStages": kept})


# API keys ----------------------------------------------------------------------------------------------


def _described(value: str | None) -> str | None:
    if value and len(value) > 125_000:
        raise BadRequestException("Invalid API Key description specified.")
    return value or None


def _key_name(value: str | None) -> str | None:
    if value and len(value) > 1024:
        raise BadRequestException("Invalid API Key name, can be at most 1024 characters.")
    return value or None


KEY_RULES = Rules(
    {
        "/description": Rule("description", _described),
        "/enabled": Rule("enabled", flag),
        "/name": Rule("name", _key_name),
        "/customerId": Rule("customerId"),
    },
    is_listed=True,
)


def _key(call: Call, key_id: str) -> ApiKey:
    key = call.shelf(ApiKey).get(key_id)
    if key is None:
        raise NotFoundException("Invalid API Key identifier specified")
    return key


def _shown_key(key: ApiKey, *, has_value: bool, has_tags: bool = False) -> dict[str, Any]:
    document = (
        key.document
        if has_value
        else {member: value for member, value in key.document.items() if member != "value"}
    )
    return document | ({"tags": key.tags} if has_tags or key.tags else {})


def CreateApiKey(
    call: Call,
    *,
    name: str | None = None,
    description: str | None = None,
    enabled: bool = False,
    generateDistinctId: bool = False,
    value: str | None = None,
    customerId: str | None = None,
    tags: dict[str, str] | None = None,
) -> dict:
    """The id is always distinct from the value, whether asked for or not."""
    if value and len(value) < 20:
        raise BadRequestException("API Key value should be at least 20 characters")
    if value and len(value) > 128:
        raise BadRequestException("API Key value exceeds maximum size of 128 characters")
    value = value or call.ids.secret(40).replace("+", "a").replace("/", "b")
    if value in call.shelf(KeyValue):
        raise ConflictException("API Key already exists")
    now = float(int(call.now()))
    document = {
        "id": call.ids.lower(10),
        "value": value,
        "enabled": enabled,
        "createdDate": now,
        "lastUpdatedDate": now,
        "stageKeys": [],
    }
    given = {"name": _key_name(name), "description": _described(description), "customerId": customerId}
    document |= {member: value for member, value in given.items() if value}
    key = call.shelf(ApiKey)[document["id"]] = ApiKey(document=document, tags=tags or {})
    call.shelf(KeyValue)[value] = KeyValue(id=document["id"])
    return _shown_key(key, has_value=True)


def GetApiKey(call: Call, *, apiKey: str, includeValue: bool = False) -> dict:
    return _shown_key(_key(call, apiKey), has_value=includeValue, has_tags=True)


def GetApiKeys(
    call: Call, *, nameQuery: str | None = None, customerId: str | None = None, includeValues: bool = False
) -> dict:
    found = [
        key
        for key in call.shelf(ApiKey).values()
        if key.document.get("name", "").startswith(nameQuery or "")
        and customerId in (None, key.document.get("customerId"))
    ]
    return {"items": [_shown_key(key, has_value=includeValues) for key in reversed(found)]}


def UpdateApiKey(call: Call, *, apiKey: str, patchOperations: list[dict] | None = None) -> dict:
    key = _key(call, apiKey)
    document = KEY_RULES.applied(key.document, patchOperations) | {"lastUpdatedDate": float(int(call.now()))}
    key = call.shelf(ApiKey)[apiKey] = changed(key, document=document)
    return _shown_key(key, has_value=False, has_tags=True)


def DeleteApiKey(call: Call, *, apiKey: str) -> None:
    key = _key(call, apiKey)
    plans = call.shelf(UsagePlan)
    for plan in list(plans.values()):
        if apiKey in plan.keys:
            plans[plan.document["id"]] = changed(plan, keys=tuple(one for one in plan.keys if one != apiKey))
    del call.shelf(KeyValue)[key.document["value"]]
    del call.shelf(ApiKey)[apiKey]


IMPORT_BYTES_MAX = 1 << 20
COLUMNS = ("name", "key", "description", "enabled", "usageplanids")


def ImportApiKeys(call: Call, *, body: bytes, format: str, failOnWarnings: bool = False) -> dict:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/api-key-file-format.html"""
    if format != "csv":
        raise BadRequestException("Invalid format specified. Valid options are csv")
    if len(body) > IMPORT_BYTES_MAX:
        raise BadRequestException("The file is too large")
    try:
        lines = [line for line in csv.reader(io.StringIO(body.decode("utf-8-sig"))) if any(line)]
    except (UnicodeDecodeError, csv.Error):
        raise BadRequestException("The file is not CSV")
    columns = [name.strip().lower() for name in lines[0]] if lines else []
    if "key" not in columns or "name" not in columns or set(columns) - set(COLUMNS):
        raise BadRequestException(
            "The first line of the file must name the columns, with name and key among them"
        )
    ids, warnings = [], []
    for number, line in enumerate(lines[1:], 2):
        try:
            ids.append(_imported(call, dict(zip(columns, map(str.strip, line)))))
        except AwsError as error:
            warnings.append(f"Line {number}: {error.text}")
    if warnings and failOnWarnings:
        raise BadRequestException("Warnings found during import:\n\t" + "\n\t".join(warnings))
    return {"ids": ids, "warnings": warnings}


def _imported(call: Call, said: dict[str, str]) -> str:
    if not said.get("key"):
        raise BadRequestException("API Key value should be at least 20 characters")
    plans = [
        find_plan(call, plan_id) for plan_id in re.split(r"[,;|\s]+", said.get("usageplanids", "")) if plan_id
    ]
    key_id = CreateApiKey(
        call, name=said.get("name") or None, description=said.get("description") or None,
        enabled=flag(said.get("enabled") or "true"), value=said["key"],
    )["id"]  # fmt: skip
    for plan in plans:
        CreateUsagePlanKey(call, usagePlanId=plan.document["id"], keyId=key_id, keyType="API_KEY")
    return key_id


# Usage plans -------------------------------------------------------------------------------------------

OFFSETS_MAX = {"DAY": 0, "WEEK": 6, "MONTH": 27}
"""By period of a quota."""


def find_plan(call: Call, plan_id: str) -> UsagePlan:
    plan = call.shelf(UsagePlan).get(plan_id)
    if plan is None:
        raise NotFoundException("Invalid Usage Plan ID specified")
    return plan


def _shown(plan: UsagePlan, *, has_tags: bool = False) -> dict[str, Any]:
    return plan.document | ({"tags": plan.tags} if has_tags or plan.tags else {})


def _checked(call: Call, document: dict[str, Any]) -> dict[str, Any]:
    if not document.get("name"):
        raise BadRequestException("Usage Plan name must be non-empty")
    if document.get("quota") is not None:
        _check_quota(document["quota"])
    for limits in (
        document.get("throttle"),
        *(limit for stage in document["apiStages"] for limit in stage.get("throttle", {}).values()),
    ):
        if limits is not None and any(limits.get(member, 0) < 0 for member in ("rateLimit", "burstLimit")):
            raise BadRequestException("Usage Plan throttle rate limit and burst limit must not be negative")
    for entry in document["apiStages"]:
        _check_stage(call, entry)
    return document


def _check_quota(quota: dict[str, Any]) -> None:
    """As cdk-preflight saw it of AWS: pf-apigw-usage-plan-quota-limit, -quota-period-required and -quota-offset-range."""
    if quota.get("limit", 0) < 1:
        raise BadRequestException("Usage Plan quota limit must be a non-negative numeric")
    period = quota.get("period")
    if period not in OFFSETS_MAX:
        raise BadRequestException(f"Invalid Usage Plan quota period specified. Must be one of [{', '.join(OFFSETS_MAX)}]")
    offset, offset_max = quota.setdefault("offset", 0), OFFSETS_MAX[period]
    if not 0 <= offset <= offset_max:
        # Of days as Terraform's provider says it.
        wanted = f"between 0 and {offset_max} inclusive" if offset_max else "zero"
        raise BadRequestException(f"Usage Plan quota offset must be {wanted} in the {period} period")
    if offset:
        raise NotImplementedHere("the quota offset of apigateway usage plans")


def _check_stage(call: Call, entry: dict[str, Any]) -> None:
    """As cdk-preflight saw it of AWS (pf-apigw-usage-plan-api-stage-exists, pf-apigw-usage-plan-throttle-key); with the codes of
    https://github.com/aws/aws-sdk/issues/354, https://github.com/aws/aws-cdk/issues/12731 and https://github.com/aws/aws-cdk/issues/15426."""
    api_id, stage = entry.get("apiId"), entry.get("stage")
    if not api_id or not stage:
        # AWS leaves the places of its text empty.
        raise BadRequestException("Invalid API Stage {api: %s, stage: %s} specified for usageplan %s")
    api = restapi.find(call, api_id)
    if stages.key(api_id, stage) not in call.shelf(Stage):
        raise NotFoundException(f"API Stage not found: {api_id}:{stage}")
    known = {f"{place['path']}/{verb}" for place in api.resources.values() for verb in place.get("resourceMethods", {})}
    for method in entry.get("throttle") or ():
        if method not in known:
            path, _, verb = method.rpartition("/") if "/" in method else (method, "", "")
            raise NotFoundException(f"Invalid method {{resourcePath: {path},method: {verb}}} specified")


def CreateUsagePlan(
    call: Call,
    *,
    name: str,
    description: str | None = None,
    apiStages: list[dict] | None = None,
    throttle: dict | None = None,
    quota: dict | None = None,
    tags: dict[str, str] | None = None,
) -> dict:
    document: dict[str, Any] = {"id": call.ids.lower(6), "name": name, "apiStages": apiStages or []}
    given = {
        "description": description,
        "throttle": _limits(throttle) if throttle else None,
        "quota": dict(quota) if quota else None,
    }
    document |= {member: value for member, value in given.items() if value}
    plan = call.shelf(UsagePlan)[document["id"]] = UsagePlan(
        document=_checked(call, document), tags=tags or {}
    )
    return _shown(plan)


def _limits(throttle: dict) -> dict:
    return {
        "burstLimit": int(throttle.get("burstLimit", 0)),
        "rateLimit": float(throttle.get("rateLimit", 0.0)),
    }


def GetUsagePlan(call: Call, *, usagePlanId: str) -> dict:
    return _shown(find_plan(call, usagePlanId), has_tags=True)


def GetUsagePlans(call: Call, *, keyId: str | None = None) -> dict:
    plans = [plan for plan in call.shelf(UsagePlan).values() if keyId is None or keyId in plan.keys]
    return {"items": [_shown(plan) for plan in plans]}


def _whole(value: str | None) -> int:
    try:
        return int(value or "")
    except ValueError:
        raise BadRequestException(f"Invalid number specified: {value}")


def _rate(value: str | None) -> float:
    try:
        number = float(value or "")
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise BadRequestException(f"Invalid number specified: {value}")
    return number


PLAN_RULES = Rules(
    {
        "/name": Rule("name"),
        "/description": Rule("description"),
        "/productCode": Rule("productCode"),
        "/throttle": Rule("throttle", operations=("remove",)),
        "/throttle/rateLimit": Rule("throttle.rateLimit", _rate, ("replace", "add")),
        "/throttle/burstLimit": Rule("throttle.burstLimit", _whole, ("replace", "add")),
        "/quota": Rule("quota", operations=("remove",)),
        "/quota/limit": Rule("quota.limit", _whole, ("replace", "add")),
        "/quota/offset": Rule("quota.offset", _whole, ("replace", "add")),
        "/quota/period": Rule("quota.period", operations=("replace", "add")),
    }
)
_STAGE_LIMIT = re.compile(
    r"/apiStages/(?P<api>[^/:]+):(?P<stage>[^/]+)/throttle/(?P<path>[^/]+)/(?P<verb>[A-Z*]+)(?:/(?P<member>rateLimit|burstLimit))?"
)


def UpdateUsagePlan(call: Call, *, usagePlanId: str, patchOperations: list[dict] | None = None) -> dict:
    plan = find_plan(call, usagePlanId)
    document = {**plan.document, "apiStages": [dict(entry) for entry in plan.document["apiStages"]]}
    for operation in patchOperations or ():
        path = operation.get("path") or ""
        if path == "/apiStages":
            _patch_stages(document, operation)
        elif path.startswith("/apiStages/"):
            _patch_stage_limit(document, operation)
        else:
            document = PLAN_RULES.applied(document, [operation])
    if document.get("throttle"):
        document["throttle"] = _limits(document["throttle"])
    plan = call.shelf(UsagePlan)[usagePlanId] = changed(plan, document=_checked(call, document))
    return _shown(plan, has_tags=True)


def _patch_stages(document: dict[str, Any], operation: dict[str, str]) -> None:
    api_id, colon, stage = (operation.get("value") or "").partition(":")
    if not (api_id and colon and stage) or operation.get("op") not in ("add", "remove"):
        raise BadRequestException("Invalid API Stage specified")
    kept = [entry for entry in document["apiStages"] if (entry["apiId"], entry["stage"]) != (api_id, stage)]
    if operation["op"] == "remove" and len(kept) == len(document["apiStages"]):
        raise NotFoundException(
            f"Invalid API Stage {{api: {api_id}, stage: {stage}}} specified for usageplan {document['id']}"
        )
    document["apiStages"] = kept + ([{"apiId": api_id, "stage": stage}] if operation["op"] == "add" else [])


def _patch_stage_limit(document: dict[str, Any], operation: dict[str, str]) -> None:
    found = _STAGE_LIMIT.fullmatch(operation.get("path") or "")
    entry = found and next(
        (
            one
            for one in document["apiStages"]
            if (one["apiId"], one["stage"]) == (found["api"], found["stage"])
        ),
        None,
    )
    if not found or entry is None or operation.get("op") not in ("add", "replace", "remove"):
        raise BadRequestException(f"Invalid patch path {operation.get('path') or 'null'}")
    method = f"{found['path'].replace('~1', '/').replace('~0', '~')}/{found['verb']}"
    limits = entry["throttle"] = {name: dict(limit) for name, limit in entry.get("throttle", {}).items()}
    if operation["op"] == "remove":
        limits.pop(method, None)
    elif found["member"]:
        read = _rate if found["member"] == "rateLimit" else _whole
        limits.setdefault(method, {"burstLimit": 0, "rateLimit": 0.0})[found["member"]] = read(
            operation.get("value")
        )
    if not limits:
        del entry["throttle"]


def DeleteUsagePlan(call: Call, *, usagePlanId: str) -> None:
    plan = find_plan(call, usagePlanId)
    if plan.document["apiStages"]:
        raise BadRequestException(
            f"Cannot delete usage plan {usagePlanId} because there are API stages associated with it."
        )
    del call.shelf(UsagePlan)[usagePlanId]


# Keys in plans -----------------------------------------------------------------------------------------


def _member(key: ApiKey) -> dict[str, Any]:
    document = {"id": key.document["id"], "type": "API_KEY", "value": key.document["value"]}
    return document | ({"name": key.document["name"]} if "name" in key.document else {})


def CreateUsagePlanKey(call: Call, *, usagePlanId: str, keyId: str, keyType: str) -> dict:
    plan, key = find_plan(call, usagePlanId), _key(call, keyId)
    if keyType != "API_KEY":
        raise BadRequestException("Usage Plan Key type must be API_KEY")
    if keyId in plan.keys:
        raise ConflictException("Usage Plan Key already exists")
    for other in call.shelf(UsagePlan).values():
        if keyId in other.keys and any(
            is_in(other, entry["apiId"], entry["stage"]) for entry in plan.document["apiStages"]
        ):
            raise ConflictException(
                "Api key cannot be added to multiple usage plans which contain the same stage."
            )
    call.shelf(UsagePlan)[usagePlanId] = changed(plan, keys=(*plan.keys, keyId))
    return _member(key)


def _planned(call: Call, plan_id: str, key_id: str) -> ApiKey:
    if key_id not in find_plan(call, plan_id).keys:
        raise NotFoundException("Invalid Usage Plan Key identifier specified")
    return _key(call, key_id)


def GetUsagePlanKey(call: Call, *, usagePlanId: str, keyId: str) -> dict:
    return _member(_planned(call, usagePlanId, keyId))


def GetUsagePlanKeys(call: Call, *, usagePlanId: str, nameQuery: str | None = None) -> dict:
    """AWS answers an empty list for a plan that does not exist."""
    plan = call.shelf(UsagePlan).get(usagePlanId)
    members = [_member(_key(call, key_id)) for key_id in reversed(plan.keys)] if plan is not None else []
    return {"items": [member for member in members if member.get("name", "").startswith(nameQuery or "")]}


def DeleteUsagePlanKey(call: Call, *, usagePlanId: str, keyId: str) -> None:
    _planned(call, usagePlanId, keyId)
    plan = find_plan(call, usagePlanId)
    call.shelf(UsagePlan)[usagePlanId] = changed(plan, keys=tuple(key for key in plan.keys if key != keyId))
