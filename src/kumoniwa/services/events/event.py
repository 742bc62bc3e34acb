"""Events: what PutEvents takes and refuses, and what an event looks like."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import orjson

from kumoniwa.kernel.call import Afterwards, Call
from kumoniwa.services.events import bus as buses
from kumoniwa.services.events import endpoint
from kumoniwa.services.events import rule as rules
from kumoniwa.services.events.arrival import route
from kumoniwa.services.events.bill import size_of
from kumoniwa.services.events.delivery import Turn, at_once
from kumoniwa.services.events.errors import ValidationException
from kumoniwa.wire import timestamps

BYTES_MAX = 262_144
DETAIL_TYPE_MAX = 128
REQUIRED = ("Source", "DetailType", "Detail")
TESTED = ("id", "account", "source", "time", "region", "detail-type")


def PutEvents(call: Call, *, Entries: list[dict[str, Any]], EndpointId: str | None = None) -> Any:
    """One answer for each entry, in their order; some may fail. Entries for buses of other accounts go there through their door."""
    if sum(map(size_of, Entries)) > BYTES_MAX:
        raise ValidationException("Total size of the entries in the request is over the limit.")
    if EndpointId is not None:
        return endpoint.put(call, EndpointId, Entries)
    owners = [buses.account_named(entry.get("EventBusName")) or call.account for entry in Entries]
    if any(owner != call.account for owner in owners):
        return _parted(call, Entries, owners)
    turn = Turn()
    reply = _answer([_put(call, entry, turn) for entry in Entries])
    if turn.soon:
        return Afterwards(partial(_at_once, call, turn, reply))
    turn.write()
    return reply


def _at_once(call: Call, turn: Turn, reply: dict) -> dict:
    at_once(call, turn)
    return reply


async def _parted(call: Call, entries: list[dict[str, Any]], owners: list[str]) -> dict:
    answers: list[dict[str, Any]] = [{}] * len(entries)
    for owner in dict.fromkeys(owners):
        numbers = [number for number, each in enumerate(owners) if each == owner]
        there = await call.ask("events:PutEvents", Entries=[entries[number] for number in numbers])
        for number, answer in zip(numbers, there["Entries"]):
            answers[number] = answer
    return _answer(answers)


def _answer(entries: list[dict[str, Any]]) -> dict:
    return {"FailedEntryCount": sum("ErrorCode" in each for each in entries), "Entries": entries}


def _refusal(entry: dict[str, Any]) -> dict[str, str] | None:
    for name in REQUIRED:
        if not entry.get(name):
            return {"ErrorCode": "InvalidArgument", "ErrorMessage": f"Parameter {name} is not valid. Reason: {name} is a required argument."}
    if len(entry["DetailType"]) > DETAIL_TYPE_MAX:
        reason = f"DetailType is too long: at most {DETAIL_TYPE_MAX} characters."
        return {"ErrorCode": "InvalidArgument", "ErrorMessage": f"Parameter DetailType is not valid. Reason: {reason}"}
    if entry["Source"].startswith("aws."):
        return {"ErrorCode": "NotAuthorizedForSourceException", "ErrorMessage": "Not authorized for the source."}
    return None


def _put(call: Call, entry: dict[str, Any], turn: Turn) -> dict[str, str]:
    if (refusal := _refusal(entry)) is not None:
        return refusal
    try:
        detail = orjson.loads(entry["Detail"])
    except orjson.JSONDecodeError:
        detail = None
    if not isinstance(detail, dict):
        return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
    event = made(call, entry["Source"], entry["DetailType"], detail, entry.get("Resources") or [], entry.get("Time"))
    # Who puts an event on a bus of another account stays its account.
    event["account"] = call.principal.account
    asker = call.traced(entry["TraceHeader"]) if "TraceHeader" in entry else call
    route(asker, buses.name_in(entry.get("EventBusName")), event, turn=turn)
    return {"EventId": event["id"]}


def made(call: Call, source: str, kind: str, detail: dict[str, Any], resources: list[str] | None = None, at: float | None = None) -> dict:
    """An event in AWS's form."""
    return {
        "version": "0",
        "id": call.new_id(),
        "detail-type": kind,
        "source": source,
        "account": call.account,
        "time": timestamps.to_second(call.now() if at is None else at),
        "region": call.region,
        "resources": resources or [],
        "detail": detail,
    }


def TestEventPattern(call: Call, *, EventPattern: str, Event: str) -> dict:
    """Refusals recorded: test_plain_string_payload, test_array_event_payload, test_invalid_event_payload."""
    try:
        event = json.loads(Event)
    except (ValueError, RecursionError):
        event = None
    if not isinstance(event, dict) or any(name not in event for name in TESTED):
        raise ValidationException("Parameter Event is not valid.")
    return {"Result": rules.check_pattern(EventPattern).matches(event)}
