"""Logs of a bus: a record for each step of an event on its way, as far as the bus's level asks for it, for CloudWatch Logs to deliver.

What is told and how is AWS's, as far as it is published; what its pages do not say (``invocation_status`` and ``final_invocation_status``,
``target_properties``, ``target_response_body``, and when the steps of throttling are) is not told.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-bus-logs.html and …/eb-event-logs-schema.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import orjson

from kumoniwa.gate.backlog import Backlog, Batch
from kumoniwa.gate.data_key import opening
from kumoniwa.gate.key_chain import OPEN, Lock, is_sealed
from kumoniwa.gate.vended_logs import RECORDS, is_wanted_nearby
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.events import bus as buses
from kumoniwa.services.events import encryption
from kumoniwa.wire import timestamps

RECORD_BYTES_MAX = 1_000_000
"""AWS says 1 MB."""
LEVELS = ("ERROR", "INFO", "TRACE")
LEVEL_OF = {
    "EVENT_INGEST_SUCCESS": "INFO",
    "EVENT_INGEST_FAILURE": "ERROR",
    "EVENT_RECEIPT": "TRACE",
    "INVOCATION_ATTEMPT_START": "TRACE",
    "INVOCATION_ATTEMPT_PERMANENT_FAILURE": "ERROR",
    "INVOCATION_ATTEMPT_RETRYABLE_FAILURE": "ERROR",
    "INVOCATION_ATTEMPT_SUCCESS": "TRACE",
    "INVOCATION_DLQ": "ERROR",
    "INVOCATION_FAILURE": "ERROR",
    "INVOCATION_START": "INFO",
    "INVOCATION_SUCCESS": "INFO",
    "NO_STANDARD_RULES_MATCHED": "INFO",
    "RULE_MATCH": "INFO",
    "RULE_MATCH_START": "TRACE",
}
"""https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-bus-logs.html#eb-event-bus-logs-level"""
DETAIL = ("target_input", "event_detail")
"""What is told of details alone, and what goes of a record that is too long, in this order."""
BACKLOG = Backlog("events", 300.0)
CARRIED_AFTER_S = {"instant": 1.0, "real": 60.0}
"""A minute to one and a half were seen of AWS."""
_encode, _decode = msgspec.msgpack.encode, msgspec.msgpack.decode


class Log(NamedTuple):
    """Of one bus, that somebody wants to have."""

    call: Call
    bus: buses.Bus
    lock: Lock
    request_id: str

    def write(
        self, step: str, event_id: str, details: dict[str, Any], *, invocation: str = "", error: dict[str, Any] | None = None
    ) -> None:
        """Details and error lie under the key of the bus until they are delivered. Raises ``data_key.Shut`` until that is open."""
        level = LEVEL_OF[step]
        if LEVELS.index(level) > LEVELS.index(self.bus.log["Level"]):
            return
        if self.bus.log.get("IncludeDetail") != "FULL":
            details = {name: value for name, value in details.items() if name not in DETAIL}
        head = {
            "resource_arn": buses.arn_of(self.call, self.bus.name),
            # AWS's page spells the time as a text, and has a schema without the name of the bus, which its records were seen to have.
            "message_timestamp_ms": milliseconds(self.call.now()), "event_bus_name": self.bus.name, "request_id": self.request_id,
            "event_id": event_id, **({"invocation_id": invocation} if invocation else {}), "message_type": step, "log_level": level,
        }  # fmt: skip
        told = _fitted({"details": details} | ({"error": error} if error else {}))
        text = _encode((RECORDS[level], orjson.dumps(head), self.lock.shut(told)))
        BACKLOG.add(self.call.home, self.call.account, self.bus.name, text)


def _fitted(told: dict[str, Any]) -> bytes:
    text, dropped = orjson.dumps(told), []
    for name in DETAIL:
        if len(text) > RECORD_BYTES_MAX and name in told["details"]:
            dropped.append(name)
            details = {each: value for each, value in told["details"].items() if each != name}
            told = {**told, "details": details, "dropped_fields": dropped}
            text = orjson.dumps(told)
    return text


def of(call: Call, name: str, request_id: str = "") -> Log | None:
    """The log of a bus, for what one request brought; None if nobody wants it."""
    bus = call.shelf(buses.Bus).get(name)
    if bus is None or bus.log.get("Level", "OFF") == "OFF" or not is_wanted_nearby(call, buses.arn_of(call, name)):
        return None
    lock = encryption.of_log(call, buses.arn_of(call, name), bus.key) if bus.key else OPEN
    return Log(call, bus, lock, request_id or call.request_id or call.new_id())


async def open_of(call: Call, name: str, request_id: str = "") -> Log | None:
    """The same, if what it tells may be sealed with the key of its bus. An event waits for no log."""
    log = of(call, name, request_id)
    if log is not None and log.lock is not OPEN:
        try:
            await opening(call, lambda: log.lock.shut(b""))
        except AwsError as error:
            call.home.note("unlogged", bus=name, code=error.code)
            return None
    return log


def of_event(event: dict[str, Any]) -> dict[str, Any]:
    """What is told of an event itself."""
    return {
        "caller_account_id": event["account"], "source_time_ms": milliseconds(timestamps.parsed(event["time"])), "source": event["source"],
        "detail_type": event["detail-type"], "resources": event["resources"], "event_detail": orjson.dumps(event["detail"]).decode(),
    }  # fmt: skip


def took(log: Log, event: dict[str, Any], *, is_wanted: bool, by_aws: Callable[[], bool]) -> bool:
    """Tell that a bus took an event, and whether a rule wants it; answers whether it is told at all: an event of a service of AWS only if a
    rule wants it, and none that only rules want which AWS manages.
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-bus-logs.html#eb-event-logs-overview"""
    is_of_aws = event["source"].startswith("aws.") and "replay-name" not in event
    if not is_wanted and (is_of_aws or by_aws()):
        return False
    id_, details = event["id"], of_event(event)
    for step in ("EVENT_RECEIPT", "EVENT_INGEST_SUCCESS", "RULE_MATCH_START"):
        log.write(step, id_, details)
    if not is_wanted:
        log.write("NO_STANDARD_RULES_MATCHED", id_, {})
    return True


# On their way ---------------------------------------------------------------------------------------


def wait_s(call: Call, source: str) -> float:
    return CARRIED_AFTER_S[call.home.settings.pace]


async def carry(call: Call, batch: Batch) -> None:
    """Hand records over to CloudWatch Logs, whose delivery opens what lies under the key of the bus, and needs to be let do so.
    https://docs.aws.amazon.com/eventbridge/latest/userguide/encryption-bus-logs.html"""
    us = call.home.call("events", call.account, principals.service("delivery.logs.amazonaws.com", call.account))
    lines, is_secret = [], False
    for line in batch.lines:
        kind, head, held = _decode(line.text)
        is_secret |= is_sealed(held)
        told = await opening(us, lambda held=held: encryption.delivered(us).open(held))
        lines.append((line.number, line.at, (kind, (head[:-1] + b"," + told[1:]).decode())))
    message = {"what": "lines", "account": call.account, "arn": buses.arn_of(call, batch.source), "lines": lines, "is_secret": is_secret}
    await call.home.heard(call.region, "logs", message)
