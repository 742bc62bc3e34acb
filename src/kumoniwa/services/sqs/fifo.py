"""Order and exactly-once for FIFO queues.

A group is closed while its first message is hidden: nobody receives from it until that message is deleted or its
visibility ends, and what is received of it ends before the next hidden one. Everything else here follows from that. Each
group of a queue is one row saying when it opens and which of its messages is first, so that receiving costs the same with
one message as with a million. (Validated against AWS by localstack's test_fifo_group_visibility_extends_with_… and
test_fifo_receive_message_visibility_timeout_shared_in_group.)
"""

from __future__ import annotations

import hashlib
import json

from kumoniwa.kernel.call import Call
from kumoniwa.services.sqs.queue import InvalidParameterValue, MissingParameter, Queue
from kumoniwa.store.rows import Table

DEDUPLICATION_S = 300

GROUPS = Table(
    "sqs_group",
    """create table if not exists sqs_group (queue text, group_id text, opens real, first integer, primary key (queue, group_id)) without rowid;
       create index if not exists sqs_group_open on sqs_group (queue, opens, first);
       create index if not exists sqs_message_group on sqs_message (queue, group_id, seq) where group_id is not null""",
)
SENT = Table(
    "sqs_sent",
    """create table if not exists sqs_sent (queue text, token text, at real, id text, sequence text, primary key (queue, token)) without rowid;
       create index if not exists sqs_sent_at on sqs_sent (queue, at)""",
)
ATTEMPTS = Table(
    "sqs_attempt",
    "create table if not exists sqs_attempt (queue text, attempt text, at real, taken text, primary key (queue, attempt)) without rowid",
)


# Exactly once ------------------------------------------------------------------------------------


def token(queue: Queue, body: str, deduplication_id: str | None, group: str | None) -> tuple[str, str]:
    """The deduplication id of a message, and the token under which it may be sent once in five minutes."""
    if not group:
        raise MissingParameter.of("MessageGroupId")
    if not deduplication_id:
        if queue.of("ContentBasedDeduplication") != "true":
            raise InvalidParameterValue(
                "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"
            )
        deduplication_id = hashlib.sha256(body.encode()).hexdigest()
    is_by_group = queue.attributes.get("DeduplicationScope") == "messageGroup"
    return deduplication_id, f"{group}\0{deduplication_id}" if is_by_group else deduplication_id


def already_sent(call: Call, queue: Queue, token: str) -> tuple[str, str] | None:
    """The message id and sequence number of an equal message sent less than five minutes ago."""
    rows, horizon = call.rows(SENT), call.now() - DEDUPLICATION_S
    rows.run("delete from sqs_sent where queue = ? and at <= ?", queue.id, horizon)
    return rows.one("select id, sequence from sqs_sent where queue = ? and token = ?", queue.id, token)


def remember_sent(call: Call, queue: Queue, token: str, message_id: str, sequence: str) -> None:
    call.rows(SENT).run("insert into sqs_sent values (?,?,?,?,?)", queue.id, token, call.now(), message_id, sequence)


# Order -------------------------------------------------------------------------------------------


def arrived(call: Call, queue: Queue, group: str, seq: int, visible_at: float) -> None:
    """A new group opens when its first message shows; one that was there already waits for the messages it has."""
    call.rows(GROUPS).run("insert into sqs_group values (?,?,?,?) on conflict do nothing", queue.id, group, visible_at, seq)


def first_open(call: Call, queue: Queue, count: int) -> list[tuple]:
    """The first visible messages of open groups, (seq, sent, received), as many as possible of one group before the next.
    The group that has been open the longest comes first."""
    rows, now = call.rows(GROUPS), call.now()
    found: list[tuple] = []
    open_groups = "select group_id from sqs_group where queue = ? and opens <= ? order by opens, first limit ?"
    for (group,) in rows.all(open_groups, queue.id, now, count):
        waiting = rows.all(
            "select seq, sent, received, visible_at from sqs_message where queue = ? and group_id = ? order by seq limit ?",
            queue.id, group, count - len(found),
        )  # fmt: skip
        for seq, sent, received, visible_at in waiting:
            if visible_at > now:
                break  # A hidden message holds back the ones behind it: order goes before speed.
            found.append((seq, sent, received))
        if len(found) >= count:
            break
    return found


def taken(call: Call, queue: Queue, seqs: list[int], until: float) -> None:
    """Close the groups of these messages, which are their groups' first ones, while they are in flight."""
    rows = call.rows(GROUPS)
    for (group,) in rows.all(f"select distinct group_id from sqs_message where seq in ({','.join('?' * len(seqs))})", *seqs):
        rows.run("update sqs_group set opens = ? where queue = ? and group_id = ?", until, queue.id, group)


def settle(call: Call, queue: Queue, seq: int, *, is_leaving: bool = False) -> None:
    """A message goes away or shows at another time: its group opens when the first of those it has left shows."""
    rows = call.rows(GROUPS)
    row = rows.one("select group_id from sqs_message where seq = ?", seq)
    if row is None:
        return
    group, gone = row[0], seq if is_leaving else -1
    first = rows.one(
        "select seq, visible_at from sqs_message where queue = ? and group_id = ? and seq <> ? order by seq limit 1", queue.id, group, gone
    )
    if first is None:
        rows.run("delete from sqs_group where queue = ? and group_id = ?", queue.id, group)
        return
    rows.run("update sqs_group set first = ?, opens = ? where queue = ? and group_id = ?", *first, queue.id, group)
    if first[1] <= call.now():
        call.wake(queue.id)


def delayed_anew(call: Call, queue: Queue) -> None:
    """The delay of a FIFO queue was changed: that holds for the messages it has already, too.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-delay-queues.html"""
    rows, delay_s = call.rows(GROUPS), queue.delay_s
    rows.run("update sqs_message set visible_at = sent + ? where queue = ? and received = 0", delay_s, queue.id)
    for (first,) in rows.all("select first from sqs_group where queue = ?", queue.id):
        settle(call, queue, first)


# Receiving again what a lost reply held ------------------------------------------------------------


def attempted(call: Call, queue: Queue, attempt: str, visibility_s: int) -> list[tuple] | None:
    """The messages an earlier receive of the same attempt took, their visibility begun anew; None if it took none or they moved on."""
    rows, now = call.rows(ATTEMPTS), call.now()
    rows.run("delete from sqs_attempt where queue = ? and at <= ?", queue.id, now - DEDUPLICATION_S)
    found = rows.one("select taken from sqs_attempt where queue = ? and attempt = ?", queue.id, attempt)
    if found is None:
        return None
    again = []
    for seq, receive in json.loads(found[0]):
        row = rows.one(
            "select seq, sent, received, first, receive, content from sqs_message where seq = ? and receive = ? and visible_at > ?",
            seq, receive, now,
        )  # fmt: skip
        if row is None:
            return None
        again.append(row)
    for row in again:
        rows.run("update sqs_message set visible_at = ? where seq = ?", now + visibility_s, row[0])
    taken(call, queue, [row[0] for row in again], now + visibility_s)
    return again


def remember_attempt(call: Call, queue: Queue, attempt: str, taken: list[tuple]) -> None:
    body = json.dumps([(row[0], row[4]) for row in taken])
    call.rows(ATTEMPTS).run("insert or replace into sqs_attempt values (?,?,?,?)", queue.id, attempt, call.now(), body)
