"""One field's value: the customer's logic before and after a data source, alone or as a pipeline of functions.

https://docs.aws.amazon.com/appsync/latest/devguide/resolver-context-reference.html
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple, Protocol

import orjson

from kumoniwa.gate.tracing import Part
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.appsync import code as codes
from kumoniwa.services.appsync import (
    source_dynamodb,
    source_events,
    source_http,
    source_lambda,
    source_relational,
    template,
    tracing,
)
from kumoniwa.services.appsync.caller import SERVICE, Caller
from kumoniwa.services.appsync.code import Outcome
from kumoniwa.services.appsync.datasource import DataSource
from kumoniwa.services.appsync.failure import Failure
from kumoniwa.services.appsync.function import Function
from kumoniwa.services.appsync.graphqlapi import Api, arn_of
from kumoniwa.services.appsync.logic import Logic
from kumoniwa.services.appsync.resolver import Resolver

OLD_VERSION = "2017-02-28"
UNSAID_BATCH = 5
"""How many go together where a template says BatchInvoke and the resolver not how many."""
SESSION = "APPSYNC_ASSUME_ROLE"


class Field(NamedTuple):
    """The field that is being resolved, and where the caller asked for it."""

    type: str
    name: str
    path: list[Any]
    arguments: dict[str, Any]
    source: Any
    info: Any
    """graphql-core's, of which the selection is told only to who wants to hear it."""


class Request(Protocol):
    """What resolving needs of the request that it is part of."""

    call: Call
    api: Api
    caller: Caller
    headers: dict[str, str]
    variables: dict[str, Any]
    batches: source_lambda.Batches
    part: Part | None

    def hear(self, outcome: Outcome, field: Field, which: str, context: dict[str, Any]) -> None: ...
    def selection(self, info: Any) -> dict[str, Any]: ...


def _wants_selection(logic: Logic) -> bool:
    return logic.is_direct or any(
        "selectionSet" in text for text in (logic.before, logic.after, logic.code) if text
    )


def _context(request: Request, field: Field, wants_selection: bool) -> dict[str, Any]:
    info = {"fieldName": field.name, "parentTypeName": field.type, "variables": request.variables}
    if wants_selection:
        info |= request.selection(field.info)
    return {
        "arguments": field.arguments,
        "identity": request.caller.identity,
        "source": field.source,
        "request": {"headers": request.headers, "domainName": None},
        "info": info,
        "stash": {},
        "prev": None,
        "env": request.api.variables,
        "error": None,
        "result": None,
    }


async def resolved(request: Request, resolver: Resolver, field: Field) -> Any:
    """Raises Failure."""
    held = request.call.shelf(Function)
    functions = None
    if resolver.functions is not None:
        functions = [held[f"{request.api.id}/{id_}"] for id_ in resolver.functions]
    steps = [resolver.logic, *(each.logic for each in functions or ())]
    context = _context(request, field, any(map(_wants_selection, steps)))
    if functions is None:
        key = (field.type, field.name)
        value, _ = await _step(request, field, resolver.logic, resolver.source, context, key)
        return value
    return await _piped(request, field, resolver.logic, functions, context)


async def _piped(
    request: Request, field: Field, logic: Logic, functions: list[Function], context: dict[str, Any]
) -> Any:
    context["prev"] = {"result": None}
    if not logic.is_direct:
        before = await _told(request, field, logic, "request", context)
        if before.skip_to is not None:
            return before.value
        context["prev"] = {"result": before.value}
    for function in functions:
        context |= {"error": None, "result": None}
        value, skip_to = await _step(
            request, field, function.logic, function.source, context, (field.type, field.name, function.id)
        )
        context["prev"] = {"result": value}
        if skip_to == "END":
            break
    context |= {"error": None, "result": context["prev"]["result"]}
    if logic.is_direct:
        return context["result"]
    return (await _told(request, field, logic, "response", context)).value


async def _told(request: Request, field: Field, logic: Logic, which: str, context: dict[str, Any]) -> Outcome:
    """What the customer's logic says. Raises Failure if it says an error."""
    home, mode = request.call.home, auth_type(request.caller.mode)
    if logic.code is not None:
        outcome = await codes.run(home, logic.code, which, context, mode)
        context["stash"] = outcome.stash
    else:
        source = logic.before if which == "request" else logic.after
        if which == "request":
            # A template may change what it is lent.
            context["arguments"] = orjson.loads(orjson.dumps(context["arguments"]))
        outcome = template.run(home, source or "null", context, mode)
    request.hear(outcome, field, which, context)
    if outcome.error is not None:
        raise Failure.said(outcome.error)
    return outcome


def auth_type(mode: str) -> str:
    """https://docs.aws.amazon.com/appsync/latest/devguide/utility-helpers-in-util.html: util.authType()"""
    names = {
        "API_KEY": "API Key Authorization",
        "AWS_IAM": "IAM Authorization",
        "AMAZON_COGNITO_USER_POOLS": "User Pool Authorization",
        "OPENID_CONNECT": "Open ID Connect Authorization",
        "AWS_LAMBDA": "Lambda Authorization",
    }
    return names.get(mode, mode)


async def _step(
    request: Request, field: Field, logic: Logic, source_name: str, context: dict[str, Any], key: Any
) -> tuple[Any, str | None]:
    """Its value, and whether the rest of a pipeline is skipped."""
    source = request.call.shelf(DataSource)[f"{request.api.id}/{source_name}"]
    if logic.code is not None or logic.before is not None:
        before = await _told(request, field, logic, "request", context)
        if before.skip_to is not None:
            return before.value, before.skip_to
        asked, is_direct = before.value, False
    else:
        kind = "BatchInvoke" if logic.batch_max else "Invoke"
        asked, is_direct = {"operation": kind, "payload": _whole(context)}, True
    has_after = logic.code is not None or logic.after is not None
    try:
        context["result"] = await _asked(request, field, source, logic, asked, key, is_direct=is_direct)
    except Failure as failure:
        is_old = logic.code is None and isinstance(asked, dict) and asked.get("version") == OLD_VERSION
        if not has_after or is_old or failure.kind == "MappingTemplate":
            raise
        context["error"], context["result"] = failure.told(), failure.data
    if not has_after:
        return context["result"], None
    after = await _told(request, field, logic, "response", context)
    return after.value, after.skip_to


def _whole(context: dict[str, Any]) -> dict[str, Any]:
    """What a Lambda function gets of which the customer wrote no logic.
    https://docs.aws.amazon.com/appsync/latest/devguide/resolver-mapping-template-reference-lambda.html#direct-lambda-resolvers"""
    names = ("arguments", "identity", "source", "request", "prev", "info", "stash")
    return {name: context[name] for name in names}


async def _asked(
    request: Request, field: Field, source: DataSource, logic: Logic, asked: Any, key: Any, *, is_direct: bool
) -> Any:
    """What the data source answers. Raises Failure."""
    if not isinstance(asked, dict):
        raise Failure(
            "Expected JSON object for the request but got something else instead.", "MappingTemplate"
        )
    if source.kind == "NONE":
        return asked.get("payload")
    ask = _SOURCES.get(source.kind)
    if ask is None:
        kind = asked.get("operation")
        if kind not in ("Invoke", "BatchInvoke"):
            raise Failure(f"Unsupported operation '{kind}'.", "MappingTemplate")
        ask = source_lambda.ask
        if kind == "BatchInvoke":
            ask = partial(request.batches.ask, key, logic.batch_max or UNSAID_BATCH, is_direct=is_direct)
    return await tracing.asked(
        request.part, f"{field.type}.{field.name}", source, asking(request.call, request.api.id, request.caller, source), asked,
        lambda call: ask(call, source.config, asked)
    )


_SOURCES = {
    "AMAZON_DYNAMODB": source_dynamodb.ask, "HTTP": source_http.ask, "AMAZON_EVENTBRIDGE": source_events.ask,
    "RELATIONAL_DATABASE": source_relational.ask,
}  # fmt: skip


def asking(call: Call, api_id: str, caller: Caller, source: DataSource) -> Call:
    """The call in whose name the data source is asked."""
    if source.config.get("useCallerCredentials"):
        return call.speaking(caller.principal)
    if not source.role:
        return call
    context = {"aws:SourceArn": arn_of(call, api_id), "aws:SourceAccount": call.account}
    try:
        return call.assuming(source.role, SERVICE, SESSION, **context)
    except AwsError as error:
        raise Failure(
            f"Unable to assume role {source.role}.", "UnauthorizedException", info=error.hint or None
        ) from None


async def answered(call: Call, api_id: str, caller: Caller, source: DataSource, asked: Any) -> Any:
    """What a data source answers to the handler of an event. Raises Failure."""
    if not isinstance(asked, dict):
        raise Failure(
            "Expected JSON object for the request but got something else instead.", "MappingTemplate"
        )
    if source.kind == "NONE":
        return asked.get("payload")
    ask = _SOURCES.get(source.kind)
    if ask is None:
        if asked.get("operation") != "Invoke":
            raise Failure(f"Unsupported operation '{asked.get('operation')}'.", "MappingTemplate")
        ask = source_lambda.ask
    return await ask(asking(call, api_id, caller, source), source.config, asked)
