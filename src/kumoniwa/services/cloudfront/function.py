"""CloudFront Functions: JavaScript at the edge, developed in one stage and live in another."""

from __future__ import annotations

from typing import Any

import orjson

from kumoniwa.gate.edge import EdgeResource, key_of
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import monotonic
from kumoniwa.kernel.record import changed
from kumoniwa.services.cloudfront import errors, held, keyvaluestore, script
from kumoniwa.services.cloudfront.held import Kind

CODE_BYTES_MAX = 10_240
"""https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html#limits-functions"""
DEVELOPMENT = Kind("function", "function", errors.NoSuchFunctionExists)
LIVE = Kind("function-live", "function", errors.NoSuchFunctionExists)
"""What was published, by the same ARN: only this is what edge locations run."""


def _stage(stage: str | None) -> Kind:
    return LIVE if stage == "LIVE" else DEVELOPMENT


def _found(call: Call, name: str, stage: str | None) -> EdgeResource:
    return held.find(call, _stage(stage), held.arn(call, "function", name))


def _matched(call: Call, name: str, if_match: str) -> EdgeResource:
    return held.matched(call, DEVELOPMENT, held.arn(call, "function", name), if_match)


def _shown(call: Call, function: EdgeResource) -> dict[str, Any]:
    is_live = function.kind == LIVE.name
    live = held.shelf(call.home).get(key_of(LIVE.name, function.id))
    is_published = live is not None and live.more["code"] == function.more["code"] and live.config == function.config
    return {
        "Name": function.id.rpartition("/")[2],
        # https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_FunctionSummary.html shows both words.
        "Status": ("DEPLOYED" if is_live else "UNASSOCIATED") if is_published else "UNPUBLISHED",
        "FunctionConfig": function.config,
        "FunctionMetadata": {
            "FunctionARN": function.id,
            "Stage": "LIVE" if is_live else "DEVELOPMENT",
            "CreatedTime": function.created,
            "LastModifiedTime": function.modified,
        },
    }


def _checked(call: Call, code: bytes, config: dict[str, Any]) -> str:
    if len(code) > CODE_BYTES_MAX:
        raise errors.FunctionSizeLimitExceeded
    try:
        text = code.decode()
    except UnicodeDecodeError:
        raise errors.InvalidArgument("The function code must be UTF-8.")
    keyvaluestore.check(call, config)
    script.check(text)
    return text


def CreateFunction(
    call: Call, *, Name: str, FunctionConfig: dict[str, Any], FunctionCode: bytes, Tags: dict[str, Any] | None = None
) -> dict:
    arn = held.arn(call, "function", Name)
    if key_of(DEVELOPMENT.name, arn) in held.shelf(call.home):
        raise errors.FunctionAlreadyExists
    made = held.make(call, DEVELOPMENT.name, arn, FunctionConfig, {"code": _checked(call, FunctionCode, FunctionConfig)})
    if Tags:
        made = changed(made, tags={tag["Key"]: tag.get("Value", "") for tag in Tags.get("Items") or ()})
        held.shelf(call.home)[key_of(made.kind, made.id)] = made
    return {"FunctionSummary": _shown(call, made), "Location": f"{held.ADDRESS}/function/{Name}", "ETag": made.etag}


def DescribeFunction(call: Call, *, Name: str, Stage: str | None = None) -> dict:
    found = _found(call, Name, Stage)
    return {"FunctionSummary": _shown(call, found), "ETag": found.etag}


def GetFunction(call: Call, *, Name: str, Stage: str | None = None) -> dict:
    found = _found(call, Name, Stage)
    return {"FunctionCode": found.more["code"].encode(), "ETag": found.etag, "ContentType": "application/octet-stream"}


def UpdateFunction(call: Call, *, Name: str, IfMatch: str, FunctionConfig: dict[str, Any], FunctionCode: bytes) -> dict:
    found = _matched(call, Name, IfMatch)
    found = held.keep(call, found, config=FunctionConfig, more={"code": _checked(call, FunctionCode, FunctionConfig)})
    return {"FunctionSummary": _shown(call, found), "ETag": found.etag}


def PublishFunction(call: Call, *, Name: str, IfMatch: str) -> dict:
    found = _matched(call, Name, IfMatch)
    live = held.shelf(call.home).get(key_of(LIVE.name, found.id))
    if live is None:
        live = held.make(call, LIVE.name, found.id, found.config, found.more)
    else:
        live = held.keep(call, live, config=found.config, more=found.more)
    return {"FunctionSummary": _shown(call, live)}


def DeleteFunction(call: Call, *, Name: str, IfMatch: str) -> None:
    found = _matched(call, Name, IfMatch)
    for distribution in held.all_of(call, "distribution"):
        for behavior in held.behaviors(distribution.config):
            if any(each["FunctionARN"] == found.id for each in behavior["FunctionAssociations"].get("Items") or ()):
                raise errors.FunctionInUse
    if (live := held.shelf(call.home).get(key_of(LIVE.name, found.id))) is not None:
        held.drop(call, live)
    held.drop(call, found)


def ListFunctions(call: Call, *, Marker: str | None = None, MaxItems: str | None = None, Stage: str | None = None) -> dict:
    kinds = (DEVELOPMENT, LIVE) if Stage is None else (_stage(Stage),)
    items = [_shown(call, each) for kind in kinds for each in held.all_of(call, kind.name)]
    return {"FunctionList": held.page(items, Marker, MaxItems, is_marked=False)}


async def TestFunction(call: Call, *, Name: str, IfMatch: str, EventObject: bytes, Stage: str | None = None) -> dict:
    """Run a function on an event that is given. ComputeUtilization is measured: percent of the time that is allowed here."""
    found = _found(call, Name, Stage)
    if IfMatch != found.etag:
        raise errors.PreconditionFailed
    try:
        event = orjson.loads(EventObject)
    except orjson.JSONDecodeError:
        event = None
    if not isinstance(event, dict) or "request" not in event:
        raise errors.InvalidArgument("The event object must be JSON with a request in it.")
    began = monotonic()
    outcome = await script.run(call.home, found, event)
    share = min(100, round(100 * (monotonic() - began) / script.ALLOWED_S))
    kind = "response" if "response" in event else "request"
    value = outcome.value
    if value is not None:
        # What is given back as a whole event is told by what it holds, as AWS does.
        value = {"response": value} if kind == "response" or "statusCode" in value else {"request": value}
    return {
        "TestResult": {
            "FunctionSummary": _shown(call, found),
            "ComputeUtilization": str(share),
            "FunctionExecutionLogs": list(outcome.logs),
            "FunctionErrorMessage": outcome.error,
            "FunctionOutput": orjson.dumps(value).decode() if value is not None else "",
        }
    }
