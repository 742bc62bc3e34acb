"""Order and exactly-once for FIFO topics: which messages were published already, and the numbers of those that were not.

https://docs.aws.amazon.com/sns/latest/dg/fifo-message-dedup.html
"""

from __future__ import annotations

from kumoniwa.kernel.call import Call
from kumoniwa.services.sns.message import Message
from kumoniwa.services.sns.topic import Topic
from kumoniwa.store.rows import Table

DEDUPLICATION_S = 300
FIRST, STEP = 10**19, 1000

PUBLISHED = Table(
    "sns_published",
    """create table if not exists sns_published (topic text, token text, at real, id text, sequence text, primary key (topic, token)) without rowid;
       create index if not exists sns_published_at on sns_published (topic, at)""",
)
NUMBERS = Table("sns_number", "create table if not exists sns_number (topic text primary key, last integer) without rowid")


def _token(topic: Topic, message: Message) -> str:
    is_by_group = topic.attributes.get("FifoThroughputScope") == "MessageGroup"
    return f"{message.group}\0{message.deduplication}" if is_by_group else message.deduplication


def already_published(call: Call, topic: Topic, message: Message) -> tuple[str, str] | None:
    """The id and the number of an equal message that was published less than five minutes ago."""
    rows = call.rows(PUBLISHED)
    rows.run("delete from sns_published where topic = ? and at <= ?", topic.id, call.now() - DEDUPLICATION_S)
    return rows.one("select id, sequence from sns_published where topic = ? and token = ?", topic.id, _token(topic, message))


def number(call: Call, topic: Topic, message: Message) -> str:
    """The message's place among all of its topic: twenty digits that grow. From now on it was published."""
    rows = call.rows(NUMBERS, PUBLISHED)
    ((last,),) = rows.take("insert into sns_number values (?, 1) on conflict do update set last = last + 1 returning last", topic.id)
    sequence = str(FIRST + last * STEP)
    rows.run("insert into sns_published values (?,?,?,?,?)", topic.id, _token(topic, message), call.now(), message.id, sequence)
    return sequence


def forget(call: Call, topic: Topic) -> None:
    rows = call.rows(NUMBERS, PUBLISHED)
    for table in (NUMBERS, PUBLISHED):
        rows.run(f"delete from {table.name} where topic = ?", topic.id)
