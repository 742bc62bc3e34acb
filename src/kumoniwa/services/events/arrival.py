"""Arrivals: events that a bus hears, for the targets of its rules and for its archives.

Who puts an event on a bus that has a key of KMS, or into an archive that has one, does not wait for the key, and is not refused because of
it: until it is open the event waits under the cloud's seal. What a key that is lost keeps from the bus goes to the dead-letter queue of the bus, if there is one.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-encryption-event-bus-dlq.html
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
import orjson

from kumoniwa.engines import cipher
from kumoniwa.gate import patience
from kumoniwa.gate.data_key import opening
from kumoniwa.gate.outbox import Delivery, Outbox
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.principal import Principal
from kumoniwa.languages import event_pattern
from kumoniwa.services.events import archive as archives
from kumoniwa.services.events import bus as buses
from kumoniwa.services.events import delivery as deliveries
from kumoniwa.services.events import encryption
from kumoniwa.services.events import log as logs
from kumoniwa.services.events import rule as rules
from kumoniwa.services.events.delivery import Turn

_PURPOSE = b"arrivals of events"


class Arrival(msgspec.Struct, array_like=True):
    bus: str
    event: bytes
    is_forwarded: bool = False
    only: tuple[str, ...] = ()
    fires: str = ""
    """The ARN of the rule whose schedule fired; others do not see it."""
    trace: str = ""
    request: str = ""


_encode, _decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(Arrival).decode


def route(
    call: Call, bus: str, event: dict[str, Any], *, is_forwarded: bool = False, only: frozenset[str] = frozenset(),
    turn: Turn | None = None,
) -> None:  # fmt: skip
    """Promise an event to the targets of all rules of the bus that want it, or of those whose ARNs are in ``only``, and keep it in the
    archives of the bus. A bus that does not exist wants nothing. With a ``turn`` all that is left to the caller."""
    if _has_key(call, bus):
        arrival = Arrival(bus, orjson.dumps(event), is_forwarded, tuple(only), trace=call.trace, request=call.request_id)
        _left(turn, partial(_wait, call, arrival))
        return
    body = b""
    wanting = deliveries.wanting(rules.listeners(call, bus), event, only)
    log = _told(call, logs.of(call, bus), wanting, event)
    for listener in wanting:
        body = body or orjson.dumps(event)
        deliveries.promise(call, listener, body, is_forwarded=is_forwarded, turn=turn, log=log)
    _left(turn, partial(archives.keep, call, bus, event))


def _told(
    call: Call, log: logs.Log | None, wanting: list[rules.Listener], event: dict[str, Any], open_to: frozenset[str] | None = None
) -> logs.Log | None:
    """The log that is told of an event, and that it came; None if none is."""
    if log is None:
        return None

    def by_aws() -> bool:
        return bool(wanting) or any(True for _ in archives.wanting(call, log.bus.name, event, open_to))

    return log if logs.took(log, event, is_wanted=any(not each.rule.manager for each in wanting), by_aws=by_aws) else None


def _left(turn: Turn | None, write: Callable[[], None]) -> None:
    if turn is None:
        write()
    else:
        turn.writes.append(write)


def _has_key(call: Call, bus: str) -> bool:
    held = call.shelf(buses.Bus).get(bus)
    return (held is not None and bool(held.key)) or any(each.key and each.bus == bus for each in call.shelf(archives.Archive).values())


def may_be_wanted(call: Call, bus: str, source: str, kind: str) -> bool:
    """Whether an event of this source and kind may be wanted by a rule of a bus, by an archive or by its log. Where a key lies on them, it may."""
    held = call.shelf(buses.Bus).get(bus)
    if held is not None and (held.key or logs.of(call, bus) is not None) or rules.may_want(call, bus, source, kind):
        return True
    there = [each for each in call.shelf(archives.Archive).values() if each.bus == bus]
    if not there:
        return False
    known = event_pattern.flat({"source": source, "detail-type": kind})
    return any(each.key or each.pattern is None or event_pattern.compile(each.pattern).may_match(known) for each in there)


def fire(call: Call, rule: rules.Rule, fired: dict[str, Any]) -> None:
    """The event of a schedule goes to the rule's own targets; other rules do not see it."""
    if rule.sealed:
        _wait(call, Arrival(rule.bus, orjson.dumps(fired), fires=rules.arn_of(call, rule)))
    else:
        listener = rules.listener(call, rule)
        deliveries.promise(call, listener, orjson.dumps(fired), log=_told(call, logs.of(call, rule.bus), [listener], fired))


async def receive(home: Any, message: dict[str, Any]) -> dict[str, str]:
    """An event that another bus sends: its sender needs events:PutEvents of the bus it names."""
    arn = arns.parse(message["bus"])
    call = home.call("events", arn.account, msgspec.convert(message["principal"], Principal))
    try:
        call.require("events:PutEvents", message["bus"])
    except AwsError as error:
        return {"code": "NO_PERMISSIONS", "text": error.text}
    event = orjson.loads(message["event"])
    call.within = message["trace"]
    call.atomically(lambda: route(call, arn.resource.removeprefix("event-bus/"), event, is_forwarded=message["is_far"]))
    return {"code": "", "text": ""}


# Those that wait for a key ------------------------------------------------------------------------------


def _wait(call: Call, arrival: Arrival) -> None:
    OUTBOX.put(call, cipher.seal(call.home.settings.seal, _encode(arrival), _PURPOSE))


async def deliver(call: Call, delivery: Delivery) -> float | None:
    arrival = _decode(cipher.unseal(call.home.settings.seal, delivery.body, _PURPOSE))
    bus = call.shelf(buses.Bus).get(arrival.bus) or buses.Bus(name=arrival.bus)
    there = call.traced(arrival.trace)
    try:
        await opening(there, lambda: _wanted(there, arrival))
        await opening(there, lambda: buses.lock(there, bus).shut(b""))
    except AwsError as error:
        if patience.is_passing(error):
            wait_s, _ = patience.pause({}, delivery, call.now(), delivery.born, call.ids.random)
            if wait_s:
                return wait_s
        await _bury(call, bus, arrival, error, f"{delivery.token}-dead")
        return None
    open_to = await _archives(there, arrival.bus)
    log = await logs.open_of(there, arrival.bus, arrival.request)
    await opening(there, lambda: _arrived(there, delivery, arrival, open_to, log))
    return None


def _wanted(call: Call, arrival: Arrival) -> list[rules.Listener]:
    """The rules of the bus, open, that want the event."""
    there = [rules.listener(call, rule) for rule in rules.open_of_bus(call, arrival.bus)]
    if arrival.fires:
        return [listener for listener in there if listener.arn == arrival.fires]
    return deliveries.wanting(there, orjson.loads(arrival.event), frozenset(arrival.only))


async def _archives(call: Call, bus: str) -> frozenset[str]:
    """The archives of the bus whose keys can be had."""
    found = set()
    for archive in [each for each in call.shelf(archives.Archive).values() if each.bus == bus]:
        try:
            await opening(call, lambda archive=archive: archives.prove(call, archive))
        except AwsError as error:
            call.home.note("unarchived", archive=archive.name, code=error.code)
        else:
            found.add(archive.name)
    return frozenset(found)


def _arrived(call: Call, delivery: Delivery, arrival: Arrival, open_to: frozenset[str], log: logs.Log | None) -> None:
    OUTBOX.done(call, delivery)
    event, wanting = orjson.loads(arrival.event), _wanted(call, arrival)
    log = _told(call, log, wanting, event, open_to)
    for listener in wanting:
        deliveries.promise(call, listener, arrival.event, is_forwarded=arrival.is_forwarded, log=log)
    if not arrival.fires:
        archives.keep(call, arrival.bus, event, open_to)


async def _bury(call: Call, bus: buses.Bus, arrival: Arrival, error: AwsError, once: str) -> None:
    log = await logs.open_of(call, bus.name, arrival.request)
    if log is not None:
        event = orjson.loads(arrival.event)
        told = {"error_message": error.text, "aws_service": "kms"}
        await opening(call, lambda: log.write("EVENT_INGEST_FAILURE", event["id"], logs.of_event(event), error=told))
    call.home.note("undelivered", rule=buses.arn_of(call, bus.name), target="", code=error.code, is_buried=bool(bus.dead))
    if not bus.dead:
        return
    facts = {"EVENT_BUS_ARN": buses.arn_of(call, bus.name), "ERROR_CODE": "KMS_ERROR", "ERROR_MESSAGE": error.text}
    attributes = {name: {"DataType": "String", "StringValue": value} for name, value in facts.items()}
    us = call.acting(encryption.SERVICE, **{"aws:SourceArn": buses.arn_of(call, bus.name), "aws:SourceAccount": call.account})
    try:
        await deliveries.send_message(us, arns.parse(bus.dead), arrival.event.decode(), once, MessageAttributes=attributes)
    except AwsError:
        return  # like every dead-letter queue that cannot be reached


OUTBOX = Outbox("events", deliver, kind="arrival")
