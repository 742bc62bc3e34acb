"""What a traced API tells X-Ray of a request: a segment of its own, and in it each question to a data source.

Whether a request is traced its header decides, and where that is silent, X-Ray's sampling rules.
https://docs.aws.amazon.com/appsync/latest/devguide/x-ray-tracing.html
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from kumoniwa.gate import tracing
from kumoniwa.gate.sampling import Asked
from kumoniwa.gate.tracing import Part
from kumoniwa.kernel.call import Call
from kumoniwa.services.appsync.datasource import DataSource
from kumoniwa.services.appsync.graphqlapi import Api, arn_of
from kumoniwa.wire.message import Request

ORIGIN = "AWS::AppSync::GraphQLAPI"


def begun(call: Call, api: Api, request: Request) -> Part | None:
    """The API's part of a request's trace, if there is one."""
    if not api.settings.get("xrayEnabled"):
        return None
    return tracing.begun(call, call.trace, Asked(api.name, ORIGIN, arn_of(call, api.id), request.host, request.method, request.path))


def over(part: Part, api: Api, request: Request, status: int) -> None:
    url = f"https://{request.host.partition(':')[0]}{request.path}"
    http = {"request": {"method": request.method, "url": url}, "response": {"status": status}}
    part.tell(part.segment(
        api.name, ORIGIN, arn_of(part.call, api.id), http=http, aws={"request_id": part.call.request_id}, subsegments=part.calls,
        **tracing.outcome(status)
    ))  # fmt: skip


async def asked(
    part: Part | None, field: str, source: DataSource, call: Call, said: dict[str, Any], ask: Callable[[Call], Awaitable[Any]]
) -> Any:
    """What ``ask`` answers, asked as a call of the part where there is one."""
    if part is None:
        return await ask(call)
    doing, is_failed = part.calling(), True
    try:
        answer = await ask(call.traced(part.handed_on(doing.id)))
        is_failed = False
        return answer
    finally:
        about = {"metadata": {"default": {"field": field, "data_source": source.name}}}
        part.called(doing, **_whom(source, said), **about, **({"fault": True} if is_failed else {}))


def _whom(source: DataSource, said: dict[str, Any]) -> dict[str, Any]:
    """A data source as X-Ray knows it."""
    config, operation = source.config, said.get("operation")
    if source.kind == "HTTP":
        return {"name": urlsplit(config["endpoint"]).hostname or "endpoint", "namespace": "remote"}
    if source.kind == "AMAZON_DYNAMODB":
        return {"name": "DynamoDB", "namespace": "aws", "aws": {"operation": operation, "table_name": config["tableName"]}}
    if source.kind == "AMAZON_EVENTBRIDGE":
        return {"name": "EventBridge", "namespace": "aws", "aws": {"operation": operation}}
    if source.kind == "RELATIONAL_DATABASE":
        return {"name": "RDS Data", "namespace": "aws", "aws": {"operation": "ExecuteStatement"}}
    function = config["lambdaFunctionArn"].partition(":function:")[2]
    return {"name": "Lambda", "namespace": "aws", "aws": {"operation": "Invoke", "function_name": function}}
