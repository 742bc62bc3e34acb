"""What a namespace does with events before they are heard and with those who want to hear them: its handlers, alone or around a data source.

A handler that asks a data source is an object with a ``request`` and a ``response``; with the behavior DIRECT a Lambda function is the
handler. https://docs.aws.amazon.com/appsync/latest/eventapi/writing-event-handlers.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from kumoniwa.kernel.call import Call
from kumoniwa.services.appsync import code as codes
from kumoniwa.services.appsync import resolving, source_lambda
from kumoniwa.services.appsync.caller import Caller
from kumoniwa.services.appsync.channel import Namespace
from kumoniwa.services.appsync.code import Outcome
from kumoniwa.services.appsync.datasource import DataSource
from kumoniwa.services.appsync.failure import Failure
from kumoniwa.services.appsync.log import Log

PUBLISH, SUBSCRIBE = "onPublish", "onSubscribe"
_OPERATIONS = {PUBLISH: "PUBLISH", SUBSCRIBE: "SUBSCRIBE"}


class Met(NamedTuple):
    """One request to a channel: who asks it, and how."""

    call: Call
    namespace: Namespace
    segments: tuple[str, ...]
    caller: Caller
    headers: Mapping[str, str]
    log: Log | None = None


def _context(met: Met, which: str, events: list[dict[str, Any]] | None) -> dict[str, Any]:
    """https://docs.aws.amazon.com/appsync/latest/eventapi/runtime-context-reference.html"""
    return {
        "identity": met.caller.identity,
        "result": None,
        "request": {"headers": dict(met.headers), "domainName": None},
        "info": {
            "channel": {"path": "/" + "/".join(met.segments), "segments": list(met.segments)},
            "channelNamespace": {"name": met.namespace.name},
            "operation": _OPERATIONS[which],
        },
        "error": None,
        "prev": None,
        "stash": {},
        "outErrors": [],
        "events": events,
    }


def _is_exported(namespace: Namespace, which: str) -> bool:
    return namespace.code is not None and which in codes.prepared(namespace.code).handlers


async def handled(met: Met, which: str, events: list[dict[str, Any]] | None) -> Any:
    """What the namespace's handler answers: of a publication the events as they shall be heard. Raises Failure if it says no."""
    namespace, context = met.namespace, _context(met, which, events)
    config = (namespace.handlers or {}).get(which)
    if config is None:
        if not _is_exported(namespace, which):
            return events
        return (await _told(met, which, context)).value
    source = met.call.shelf(DataSource)[f"{namespace.api}/{config['integration']['dataSourceName']}"]
    if config["behavior"] == "DIRECT":
        return await _direct(met, source, config, context, events)
    if not _is_exported(namespace, which):
        return events
    before = await _told(met, f"{which}.request", context)
    if before.skip_to is not None:
        return before.value
    try:
        context["result"] = await resolving.answered(met.call, namespace.api, met.caller, source, before.value)
    except Failure as failure:
        if failure.kind == "MappingTemplate":
            raise
        context["error"], context["result"] = failure.told(), failure.data
    return (await _told(met, f"{which}.response", context)).value


async def _told(met: Met, handler: str, context: dict[str, Any]) -> Outcome:
    outcome = await codes.run(met.call.home, met.namespace.code, handler, context, resolving.auth_type(met.caller.mode))
    context["stash"] = outcome.stash
    if met.log is not None:
        met.log.hear(outcome)
    if outcome.error is not None:
        raise Failure.said(outcome.error)
    return outcome


async def _direct(met: Met, source: DataSource, config: dict[str, Any], context: dict[str, Any], events: Any) -> Any:
    """The function is the handler. Whoever invokes it as an event does not wait for what it says.
    https://docs.aws.amazon.com/appsync/latest/eventapi/direct-lambda-integrations.html"""
    is_event = (config["integration"].get("lambdaConfig") or {}).get("invokeType") == "EVENT"
    kind = "Event" if is_event else "RequestResponse"
    asked = {"operation": "Invoke", "payload": context, "invocationType": kind}
    answer = await source_lambda.ask(resolving.asking(met.call, met.namespace.api, met.caller, source), source.config, asked)
    if is_event or answer is None:
        return events if is_event else None
    if not isinstance(answer, dict):
        raise Failure("The function's answer is no object.", "Lambda:IllegalArgument")
    if answer.get("error"):
        raise Failure(str(answer["error"]), "Lambda:Unhandled")
    return answer.get("events")
