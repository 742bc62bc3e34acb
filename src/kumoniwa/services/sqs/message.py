"""How messages lie in a queue, are taken, and go away.

A message is one row. Receiving it sets a new ``visible_at``; the receipt handle names the row and that one receive, so
that a FIFO queue can tell a handle that has expired. Time alone makes a message visible again: nothing runs meanwhile.
Content is sealed with the queue's key unless SqsManagedSseEnabled was set to false.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import struct
from functools import lru_cache
from typing import Any

from kumoniwa.engines.cipher import Lock
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record, changed, pack, unpack
from kumoniwa.services.sqs import fault, fifo
from kumoniwa.services.sqs.queue import InvalidParameterValue, MissingParameter, Queue
from kumoniwa.store.rows import Table

MESSAGES = Table(
    "sqs_message",
    """create table if not exists sqs_message (seq integer primary key autoincrement, queue text, visible_at real, sent real,
         received integer, first real, receive text, group_id text, content blob);
       create index if not exists sqs_message_visible on sqs_message (queue, visible_at, seq, received, sent)""",
)
_INSERT = "insert into sqs_message (queue, visible_at, sent, received, group_id, content) values (?,?,?,?,?,?)"
IN_FLIGHT_MAX = 120_000
FLIGHTS_COUNTED_EVERY = 4_096
SEQ_DIGITS_MAX = 18
"""SQLite counts to nineteen digits."""


class InvalidMessageContents(AwsError): ...


class ReceiptHandleIsInvalid(AwsError):
    message = "The input receipt handle is invalid."


class OverLimit(AwsError):
    status = 403  # moto's test_add_permission_errors; as PurgeQueueInProgress, of which it is recorded


class Content(Record):
    """What the sender said, and what SQS noted when it came."""

    id: str
    body: str
    md5: str
    sender: str
    attributes: dict[str, dict[str, Any]] = {}
    system: dict[str, str] = {}
    """AWSTraceHeader, MessageGroupId, MessageDeduplicationId, DeadLetterQueueSourceArn."""
    md5_of_attributes: str = ""
    data_key: str = ""
    """What its body is sealed with (see ``sealing``); then ``body`` is empty and it is ``sealed``."""
    sealed: bytes = b""


class Flights:
    """How many receives this region has answered since it last counted what is in flight. Not durable: counting is cheap."""

    def __init__(self) -> None:
        self.since_count: dict[str, int] = {}


# Coming in -------------------------------------------------------------------------------------

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PLAIN = bytes({*b"\t\n\r", *range(0x20, 0x80)})
"""The letters of nearly all bodies: these are told from others at the speed of memory, which no expression is."""
_ALLOWED = "the set of allowed characters is #x9 | #xA | #xD | [#x20-#xD7FF] | [#xE000-#xFFFD] | [#x10000-#x10FFFF]"
_ATTRIBUTE_NAME = re.compile(r"[\w\-.]{1,256}")
"""Letters of any script: localstack's test_send_message_with_invalid_string_attributes, validated against AWS."""
TYPE_CHARACTERS_MAX = 256


def check(queue: Queue, body: str, attributes: dict[str, dict] | None) -> None:
    """Raises what AWS answers to a body or attributes it does not take."""
    if not body:
        raise MissingParameter.of("MessageBody")
    size = size_of(body, attributes)
    if attributes:
        for name, value in attributes.items():
            _check_attribute(name, value)
        if len(attributes) > 10:
            raise InvalidParameterValue(f"Number of message attributes [{len(attributes)}] exceeds the allowed maximum [10].")
    limit = queue.message_bytes_max
    if size > limit:
        raise InvalidParameterValue(f"One or more parameters are invalid. Reason: Message must be shorter than {limit} bytes.")
    is_plain = body.isascii() and not body.encode().translate(None, _PLAIN)
    if not is_plain and (forbidden := _FORBIDDEN.search(body)):
        raise InvalidMessageContents(f"Invalid binary character '#x{ord(forbidden[0]):X}' was found in the message body, {_ALLOWED}")


def size_of(body: str, attributes: dict[str, dict] | None) -> int:
    """Bytes of the body and of every attribute's name, type and value."""
    size = len(body.encode())
    for name, value in (attributes or {}).items():
        text = name + value.get("DataType", "") + value.get("StringValue", "")
        size += len(text.encode()) + len(value.get("BinaryValue", b""))
    return size


def _check_attribute(name: str, value: dict[str, Any]) -> None:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html"""
    if not _ATTRIBUTE_NAME.fullmatch(name) or ".." in name or name[0] == "." or name[-1] == ".":
        raise InvalidParameterValue(
            "Message (user) attribute name can contain upper and lower-case letters, digits, underscores, hyphens and periods, "
            "it must not start or end with a period and it must not have periods in succession."
        )
    if name.lower().startswith(("aws.", "amazon.")):
        raise InvalidParameterValue(f"Message (user) attribute name must not be reserved: {name}. Names starting with AWS. or Amazon. are.")
    kind = value.get("DataType") or ""
    if not kind:
        raise InvalidParameterValue(f"The message attribute '{name}' must contain a non-empty message attribute type.")
    base = kind.partition(".")[0]
    if len(kind) > TYPE_CHARACTERS_MAX:
        raise InvalidParameterValue(
            f"The message attribute '{name}' has an invalid message attribute type: it must be at most 256 characters long."
        )
    if base not in ("String", "Number", "Binary"):
        raise InvalidParameterValue(
            f"The message attribute '{name}' has an invalid message attribute type, the set of supported type prefixes is "
            "Binary, Number, and String."
        )
    content = value.get("BinaryValue" if base == "Binary" else "StringValue")
    if not content:
        # Recorded: localstack's test_send_message_with_empty_string_attribute.
        raise InvalidParameterValue(f"Message (user) attribute '{name}' must contain a non-empty value of type '{base}'.")
    if base != "Binary" and (forbidden := _FORBIDDEN.search(content)):
        raise InvalidParameterValue(
            f"Invalid binary character '#x{ord(forbidden[0]):X}' was found in the message attribute '{name}' value, {_ALLOWED}"
        )
    if base == "Number":
        try:
            float(content)
        except ValueError:
            raise InvalidParameterValue(f"Can't cast the value of message (user) attribute '{name}' to a number.")


def md5_of_attributes(attributes: dict[str, dict[str, Any]]) -> str:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html#sqs-attributes-md5-message-digest-calculation"""
    digest = hashlib.md5(usedforsecurity=False)

    def part(piece: bytes) -> None:
        digest.update(struct.pack(">I", len(piece)) + piece)

    for name in sorted(attributes):
        value = attributes[name]
        part(name.encode())
        part(value["DataType"].encode())
        is_binary = value["DataType"].startswith("Binary")
        digest.update(b"\x02" if is_binary else b"\x01")
        part(value["BinaryValue"] if is_binary else value["StringValue"].encode())
    return digest.hexdigest()


def put(
    call: Call, queue: Queue, content: Content, *, visible_at: float, group: str | None, sent: float | None = None, received: int = 0
) -> int | None:  # fmt: skip
    """Lay a message into a queue, with the age and the receives that it has had elsewhere; answers its sequence in a FIFO queue."""
    row = (queue.id, visible_at, call.now() if sent is None else sent, received, group, _sealed(call, queue, content))
    if call.home.faults:
        row = (queue.id, fault.delayed_until(call, queue, visible_at), *row[2:])
        for _ in range(1, fault.copies(call, queue)):
            _lay(call, queue, row)
    seq = _lay(call, queue, row)
    call.wake(queue.id)
    return seq


def _lay(call: Call, queue: Queue, row: tuple) -> int | None:
    rows = call.rows(MESSAGES)
    if not queue.is_fifo:
        rows.append(_INSERT, *row)
        return None
    rows.run(_INSERT, *row)
    seq = rows.connection.last_insert_rowid()
    _, visible_at, _, _, group, _ = row
    fifo.arrived(call, queue, group, seq, visible_at)
    return seq


# Going out -------------------------------------------------------------------------------------


def take(call: Call, queue: Queue, count: int, visibility_s: int) -> list[tuple]:
    """Receive up to ``count`` messages: rows of (seq, sent, received, first, receive, content blob)."""
    rows, now = call.rows(MESSAGES), call.now()
    _stay_below_limit(call, queue)
    dead_letter = queue.dead_letter
    among = fault.window(call, queue) if call.home.faults else 0
    taken: list[tuple] = []
    order: dict[int, int] = {}
    while len(taken) < count:
        if queue.is_fifo:
            found = fifo.first_open(call, queue, count - len(taken))
        else:
            found = rows.all(
                "select seq, sent, received from sqs_message where queue = ? and visible_at <= ? order by visible_at, seq limit ?",
                queue.id, now, max(count - len(taken), among),
            )  # fmt: skip
            if among:
                found = call.home.faults.random.sample(found, min(count - len(taken), len(found)))
        # Without a visibility timeout what was just taken shows at once.
        found = [row for row in found if row[0] not in order]
        kept = [row[0] for row in found if not _goes_elsewhere(call, queue, row, dead_letter, now)]
        if kept:
            receive = os.urandom(6).hex()
            taken += rows.take(
                f"""update sqs_message set visible_at = ?, received = received + 1, first = coalesce(first, ?), receive = ?
                    where seq in ({",".join("?" * len(kept))}) returning seq, sent, received, first, receive, content""",
                now + visibility_s, now, receive, *kept,
            )  # fmt: skip
            order.update(zip(kept, range(len(order), len(order) + len(kept))))
            if queue.is_fifo:
                fifo.taken(call, queue, kept, now + visibility_s)
        if len(kept) == len(found):
            break
    # A FIFO queue gives all of one group before the next.
    taken.sort(key=(lambda row: order[row[0]]) if queue.is_fifo else None)
    return taken


def _goes_elsewhere(call: Call, queue: Queue, row: tuple, dead_letter: tuple[str, int] | None, now: float) -> bool:
    """Whether a message about to be received is too old, or has been received too often, and so is gone from here."""
    seq, sent, received = row
    if sent + queue.retention_s <= now:
        drop(call, queue, seq)
        return True
    if dead_letter is None or received < dead_letter[1]:
        return False
    target = call.shelf(Queue).get(dead_letter[0])
    if target is None:
        return False  # The dead-letter queue was deleted: the message goes on being received.
    bury(call, queue, target, seq)
    return True


def bury(call: Call, source: Queue, target: Queue, seq: int) -> None:
    """Take a message to the dead-letter queue. It keeps its id and how often it was received; a standard queue also counts its
    age from when it was first sent, and a FIFO queue tells it from others by its id, whatever id it was sent with.
    Recorded: localstack's test_dead_letter_queue_message_attributes; the FIFO rule:
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html"""
    sent, received = call.rows(MESSAGES).one("select sent, received from sqs_message where seq = ?", seq)
    content, group = _out_of(call, source, seq)
    system = {**content.system, "DeadLetterQueueSourceArn": call.arn(source.name)}
    if target.is_fifo:
        system["MessageDeduplicationId"] = content.id
    put(
        call, target, changed(content, system=system), visible_at=call.now(), group=group,
        sent=None if target.is_fifo else sent, received=received,
    )  # fmt: skip


def redrive(call: Call, source: Queue, target: Queue, seq: int) -> None:
    """Take a message out of a dead-letter queue: it is a new message then, with a new id and a new age.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html"""
    content, group = _out_of(call, source, seq)
    system = {name: value for name, value in content.system.items() if name != "DeadLetterQueueSourceArn"}
    put(call, target, changed(content, id=call.new_id(), system=system), visible_at=call.now(), group=group)


def _out_of(call: Call, source: Queue, seq: int) -> tuple[Content, str | None]:
    group, blob = call.rows(MESSAGES).one("select group_id, content from sqs_message where seq = ?", seq)
    content = opened(call, source, blob)
    drop(call, source, seq)
    return content, group


def _stay_below_limit(call: Call, queue: Queue) -> None:
    """A queue has at most 120,000 messages in flight. Counting them costs, so it is done every few thousand receives."""
    counted = call.memory(Flights).since_count
    counted[queue.id] = since = counted.get(queue.id, 0) + 1
    if since < FLIGHTS_COUNTED_EVERY:
        return
    is_full = counts(call, queue)[1] >= IN_FLIGHT_MAX
    counted[queue.id] = FLIGHTS_COUNTED_EVERY if is_full else 0
    if is_full:
        raise OverLimit("Too many messages in flight. The queue reached the quota of 120000 inflight messages.")


def next_visible(call: Call, queue: Queue) -> float | None:
    """When the next hidden message shows, if there is one."""
    found = call.rows(MESSAGES).one("select min(visible_at) from sqs_message where queue = ? and visible_at > ?", queue.id, call.now())
    return found[0] if found else None


def counts(call: Call, queue: Queue) -> tuple[int, int, int]:
    """Messages that are visible, in flight, delayed."""
    now = call.now()
    expired = now - queue.retention_s
    visible, in_flight, total = call.rows(MESSAGES).one(
        """select count(*) filter (where visible_at <= ?), count(*) filter (where visible_at > ? and received > 0), count(*)
           from sqs_message where queue = ? and sent > ?""",
        now, now, queue.id, expired,
    )  # fmt: skip
    return visible, in_flight, total - visible - in_flight


def oldest(call: Call, queue: Queue) -> float | None:
    """When the message that waits longest was sent."""
    expired = call.now() - queue.retention_s
    return call.rows(MESSAGES).one("select min(sent) from sqs_message where queue = ? and sent > ?", queue.id, expired)[0]


# Going away ------------------------------------------------------------------------------------


def handle(queue: Queue, seq: int, receive: str) -> str:
    return base64.b64encode(f"{queue.id} {seq} {receive}".encode()).decode()


def named(queue: Queue, receipt_handle: str) -> tuple[int, str]:
    """The row and the receive a handle stands for."""
    try:
        owner, seq, receive = base64.b64decode(receipt_handle, validate=True).decode("ascii").split(" ")
        if owner == queue.id and len(seq) <= SEQ_DIGITS_MAX:
            return int(seq), receive
    except (binascii.Error, ValueError):
        raise ReceiptHandleIsInvalid(f'The input receipt handle "{receipt_handle}" is not a valid receipt handle.')
    raise ReceiptHandleIsInvalid


def drop(call: Call, queue: Queue, seq: int) -> None:
    rows = call.rows(MESSAGES)
    if queue.is_fifo:
        fifo.settle(call, queue, seq, is_leaving=True)
    rows.run("delete from sqs_message where seq = ?", seq)


# Content at rest ---------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def _lock(seal: bytes, queue_id: str) -> Lock:
    return Lock(hashlib.sha256(b"sqs" + seal + queue_id.encode()).digest())


def _sealed(call: Call, queue: Queue, content: Content) -> bytes:
    body = pack(content)
    if not queue.is_sealed:
        return b"\0" + body
    return b"\1" + _lock(call.home.settings.seal, queue.id).seal(body, b"")


def opened(call: Call, queue: Queue, blob: bytes) -> Content:
    if blob[0] == 0:
        return unpack(blob[1:], Content)
    return unpack(_lock(call.home.settings.seal, queue.id).unseal(blob[1:], b""), Content)
