"""Lines of AWS's own services on their way to where they are delivered: a file in a bucket, events of a stream, records of a Firehose.

Whoever serves the resource hands them over once (``lines``); from then on each delivery is a row that is tried again for a day.
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logging.html
"""

from __future__ import annotations

import gzip
import re
import time
from collections.abc import Callable
from typing import Any

import msgspec
import orjson

from kumoniwa.engines import cipher
from kumoniwa.gate import log_delivery, outbox, patience
from kumoniwa.gate.identity import SHARED
from kumoniwa.gate.log_delivery import SERVICE
from kumoniwa.gate.names import region_of_bucket
from kumoniwa.gate.outbox import Outbox
from kumoniwa.gate.vended_logs import Wanted
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record
from kumoniwa.services.logs import delivery_source
from kumoniwa.services.logs.delivery import DELIMITER
from kumoniwa.services.logs.delivery_destination import DeliveryDestination
from kumoniwa.services.logs.delivery_kind import KINDS, Kind
from kumoniwa.services.logs.delivery_source import Delivery, DeliverySource
from kumoniwa.services.logs.group import name_in

_VARIABLE = re.compile(r"\{([^{}]*)\}")


class Handed(Record):
    """Up to which of its lines an edge location has handed over those of a resource; shelved by both."""

    number: int


class Promise(msgspec.Struct, array_like=True):
    delivery: str
    source: str
    resource: str
    lines: list[tuple[float, list[str]]]
    """Times, and the values of all fields, or the name of the log and the record."""

    @property
    def kind(self) -> Kind:
        return KINDS[arns.parse(self.resource).service]

    @property
    def name(self) -> str:
        """Of the resource, such as the id of a distribution."""
        return arns.parse(self.resource).resource.rpartition("/")[2]


_encode, _decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(Promise).decode
_PURPOSE = b"vended logs"
_SECRET = b"\xc1"
"""Stands before a promise under the cloud's seal, and begins no msgpack."""


# What others say ------------------------------------------------------------------------------------


def want(home: Any, message: dict[str, Any]) -> None:
    """In ``aws-global``."""
    home.store.shelf(SHARED, Wanted)[message["arn"]] = Wanted(arn=message["arn"], account=message["account"], region=message["region"])


def drop(home: Any, message: dict[str, Any]) -> None:
    home.store.shelf(SHARED, Wanted).pop(message["arn"], None)


def lines(home: Any, origin: str, message: dict[str, Any]) -> None:
    """``lines`` are numbers, times and values; those that were handed over before are passed over. What was told under a key of its owner
    (``is_secret``) waits under the cloud's seal until it is where it belongs."""
    account = message["account"]
    call = home.call("logs", account, principals.service(SERVICE, account))
    call.atomically(lambda: _promise(call, origin, message["arn"], message["lines"], bool(message.get("is_secret"))))


def _promise(call: Call, origin: str, resource: str, told: list[Any], is_secret: bool) -> None:
    shelf, key = call.shelf(Handed), f"{origin} {resource}"
    known = shelf[key].number if key in shelf else 0
    fresh = [(at, values) for number, at, values in told if number > known]
    if not fresh:
        return
    shelf[key] = Handed(number=told[-1][0])
    sources = call.shelf(DeliverySource)
    for each in call.shelf(Delivery).values():
        source = sources[each.source]
        if source.resource != resource:
            continue
        lines = fresh if source.kind.is_text else [(at, values) for at, values in fresh if values[0] == source.log_type]
        if lines:
            body = _encode(Promise(each.id, each.source, resource, lines))
            OUTBOX.put(call, _SECRET + cipher.seal(call.home.settings.seal, body, _PURPOSE) if is_secret else body, lane=each.id)


# Delivering -----------------------------------------------------------------------------------------


def _opened(call: Call, body: bytes) -> bytes:
    is_secret = body[:1] == _SECRET
    return cipher.unseal(call.home.settings.seal, body[1:], _PURPOSE) if is_secret else body


async def deliver(call: Call, promised: outbox.Delivery) -> float | None:
    promise = _decode(_opened(call, promised.body))
    held = call.shelf(Delivery).get(promise.delivery)
    if held is None:
        return None
    there = arns.parse(held.destination)
    owner = call.home.call("logs", there.account, principals.service(SERVICE, there.account))
    destination = owner.shelf(DeliveryDestination).get(there.resource.removeprefix("delivery-destination:"))
    if destination is None:
        return None
    try:
        await _SENT[held.type](call, owner, held, destination, promise, promised.token)
    except AwsError as error:
        wait_s, exhausted = patience.pause({}, promised, call.now(), promised.born, call.ids.random)
        if exhausted:
            call.home.note("undelivered", source=promise.source, target=destination.target, code=error.code)
            return None
        return wait_s
    return None


def _records(held: Delivery, form: str, promise: Promise) -> list[str]:
    if not promise.kind.is_text:
        return [_chosen(record, held.fields) for _, (_, record) in promise.lines]
    places = [promise.kind.fields.index(name) for name in held.fields]
    chosen = [[values[place] for place in places] for _, values in promise.lines]
    if form == "json":
        return [orjson.dumps(dict(zip(held.fields, values))).decode() for values in chosen]
    return [(DELIMITER if held.delimiter is None else held.delimiter).join(values) for values in chosen]


def _chosen(record: str, fields: list[str]) -> str:
    """Some fields of a record, as far as it has them; without any named all of it."""
    if not fields:
        return record
    told = orjson.loads(record)
    return orjson.dumps({name: told[name] for name in fields if name in told}).decode()


def _as_service(call: Call, owner: Call, promise: Promise) -> Call:
    source = delivery_source.arn_of(call, promise.source)
    return owner.acting(SERVICE, **{"aws:SourceArn": source, "aws:SourceAccount": call.account})


async def _to_bucket(call: Call, owner: Call, held: Delivery, destination: DeliveryDestination, promise: Promise, once: str) -> None:
    bucket, _, prefix = arns.parse(destination.target).resource.partition("/")
    form = destination.written_as(promise.kind)
    head = f"#Version: 1.0\n#Fields: {' '.join(held.fields)}\n" if form == "w3c" else ""
    body = gzip.compress((head + "".join(f"{line}\n" for line in _records(held, form, promise))).encode(), mtime=0)
    name, at = promise.name, promise.lines[0][0]
    path = "/".join(part.strip("/") for part in (prefix, _suffix(held, call.account, name, at)) if part.strip("/"))
    key = f"{path}{'/' if path else ''}{name}.{time.strftime('%Y-%m-%d-%H', time.gmtime(at))}.{once.rpartition('-')[2][:8]}.gz"
    await _as_service(call, owner, promise).ask(
        "s3:PutObject", to_region=region_of_bucket(call.home, bucket), once=once, Bucket=bucket, Key=key, Body=body,
        ContentType="application/x-gzip", ACL="bucket-owner-full-control",
    )  # fmt: skip


def _suffix(held: Delivery, account: str, distribution: str, at: float) -> str:
    """Hive wants to read in the path what each part of it is called."""
    moment = time.gmtime(at)
    values = {
        "account-id": account, "accountid": account, "DistributionId": distribution, "distributionid": distribution,
        "yyyy": time.strftime("%Y", moment), "MM": time.strftime("%m", moment), "dd": time.strftime("%d", moment), "HH": time.strftime("%H", moment),
    }  # fmt: skip
    names = {"account-id": "aws-account-id", "accountid": "accountid", "yyyy": "year", "MM": "month", "dd": "day", "HH": "hour"}

    def put(found: re.Match) -> str:
        value = values[found[1]]
        return f"{names.get(found[1], found[1])}={value}" if held.is_hive else value

    return _VARIABLE.sub(put, held.suffix)


async def _to_group(call: Call, owner: Call, held: Delivery, destination: DeliveryDestination, promise: Promise, once: str) -> None:
    us, group, kind = _as_service(call, owner, promise), name_in(destination.target), promise.kind
    records = _records(held, destination.written_as(kind), promise)
    events = [{"timestamp": milliseconds(at), "message": line} for (at, _), line in zip(promise.lines, records)]
    await log_delivery.to_group(us, arns.parse(destination.target).region, group, kind.stream.format(promise.name), events, once)


async def _to_stream(call: Call, owner: Call, held: Delivery, destination: DeliveryDestination, promise: Promise, once: str) -> None:
    await log_delivery.to_stream(owner, destination.target, _records(held, destination.written_as(promise.kind), promise), once)


_SENT: dict[str, Callable[..., Any]] = {"S3": _to_bucket, "CWL": _to_group, "FH": _to_stream}
OUTBOX = Outbox("logs", deliver, kind="vended")
