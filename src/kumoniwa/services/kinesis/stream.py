"""What a stream is: shards, each of which takes the records of a range of hash keys.

A shard that was split or merged is closed: it takes no more records, and is shown until the last of them is too old to be read. Its
children begin behind its end, so that who reads parents first reads each key in order.
"""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.kinesis.errors import (
    InvalidArgumentException,
    ResourceInUseException,
    ResourceNotFoundException,
)

HASH_KEYS = 1 << 128
SETTLING_S = 10.0
"""How long a creation or a change takes at AWS's pace."""
SHARD_INDEX_MAX = 2_147_483_647

_SEQUENCE_VERSION = 2
_SHARD = re.compile(r"(?:[a-zA-Z0-9_.-]*-)?(\d+)")


class Shard(Record):
    index: int
    start: str
    """The first hash key it takes, and the last: decimal, as they have 128 bits."""
    end: str
    created: float
    first: int
    """No record of it has a smaller place."""
    parent: int = -1
    adjacent: int = -1
    ended: float = 0.0
    last: int = 0
    """The place at its end."""

    @property
    def is_open(self) -> bool:
        return not self.ended

    @property
    def id(self) -> str:
        return shard_id(self.index)


class Stream(Record):
    """Shelved by name."""

    name: str
    id: str
    created: float
    mode: str
    shards: tuple[Shard, ...]
    retention_h: int = 24
    state: str = "CREATING"
    """What the latest change does to it, until that has settled."""
    settled: float = 0.0
    tags: dict[str, str] = {}
    policy: str = ""
    key: str = ""
    """The key of KMS that records are encrypted under, as it was told; empty if they are not."""
    is_sealed: bool = False
    """Whether some of its records are."""
    shard_metrics: tuple[str, ...] = ()
    """What CloudWatch is told of each shard."""

    @property
    def open_shards(self) -> list[Shard]:
        """In the order of their hash keys."""
        return sorted((shard for shard in self.shards if shard.is_open), key=lambda shard: int(shard.start))


def shard_id(index: int) -> str:
    return f"shardId-{index:012}"


def shard_key(stream: Stream, shard: Shard) -> str:
    """Under what its records lie."""
    return f"{stream.id} {shard.index}"


# Sequence numbers ----------------------------------------------------------------------------------


def _base(stream: Stream) -> int:
    return _SEQUENCE_VERSION << 184 | int(stream.created) << 140


def sequence(stream: Stream, shard: Shard, place: int) -> str:
    """56 digits that grow within a shard, as AWS's do."""
    return str(_base(stream) | place << 36 | shard.index << 4 | _SEQUENCE_VERSION)


def place_of(stream: Stream, number: str) -> tuple[int, int] | None:
    """The index of a shard and the place in it that a sequence number of this stream names."""
    value = int(number) ^ _base(stream)
    if value >> 100 or value & 15 != _SEQUENCE_VERSION:
        return None
    return value >> 4 & 0xFFFFFFFF, value >> 36


# Finding -------------------------------------------------------------------------------------------


def named(call: Call, name: str | None, arn: str | None) -> str:
    """The name in a request that says it, or the ARN, or both."""
    if arn is not None:
        parsed = arns.parse(arn)
        said = parsed.resource.partition("/")[2].partition("/")[0]
        if parsed.region != call.region:
            # As cdk-preflight saw it of AWS: pf-kinesis-consumer-stream-region, -resource-policy-region. It told no code.
            raise InvalidArgumentException(f"The region specified in the ARN '{arn}' does not match the endpoint region")
        if name is not None and name != said:
            raise InvalidArgumentException(f"StreamARN {arn} and StreamName {name} do not match.")
        return said
    if name is None:
        raise InvalidArgumentException("Either StreamName or StreamARN should be provided.")
    return name


def existing(call: Call, name: str) -> Stream:
    stream = call.shelf(Stream).get(name)
    if stream is None or is_gone(call, stream):
        raise ResourceNotFoundException(f"Stream {name} under account {call.account} not found.")
    return stream


def is_gone(call: Call, stream: Stream) -> bool:
    """Whether it was deleted, and its deletion is done."""
    return stream.state == "DELETING" and stream.settled <= call.now()


def state_of(call: Call, stream: Stream) -> str:
    return stream.state if stream.settled > call.now() else "ACTIVE"


def active(call: Call, name: str) -> Stream:
    stream = existing(call, name)
    state = state_of(call, stream)
    if state != "ACTIVE":
        raise ResourceInUseException(f"Stream {name} under account {call.account} not ACTIVE, instead in state {state}")
    return stream


def writable(call: Call, name: str) -> Stream:
    """A stream that is being made, or is going, does not hold records."""
    stream = existing(call, name)
    if state_of(call, stream) in ("CREATING", "DELETING"):
        raise ResourceNotFoundException(f"Stream {name} under account {call.account} not found.")
    return stream


def updating(call: Call, stream: Stream, **changes: Any) -> Stream:
    """Put a changed stream on its shelf; at AWS's pace it is UPDATING for a while."""
    stream = changed(stream, state="UPDATING", settled=settles(call), **changes)
    call.shelf(Stream)[stream.name] = stream
    return stream


def settles(call: Call) -> float:
    return call.now() + SETTLING_S if call.home.settings.pace == "real" else 0.0


def listed_shards(call: Call, stream: Stream) -> list[Shard]:
    """Those that are open or hold what can still be read."""
    before = call.now() - stream.retention_h * 3600.0
    return [shard for shard in stream.shards if shard.is_open or shard.ended > before]


def shard_named(call: Call, stream: Stream, text: str) -> Shard:
    """A shard by its id, of which only the digits matter."""
    index = index_in(call, stream.name, text)
    shard = next((shard for shard in listed_shards(call, stream) if shard.index == index), None)
    if shard is None:
        raise ResourceNotFoundException(
            f"Could not find shard {shard_id(index)} in stream {stream.name} under account {call.account}."
        )
    return shard


def index_in(call: Call, name: str, text: str) -> int:
    """The number in the id of a shard. Ids that have none are refused before anybody asks whether their stream exists."""
    found = _SHARD.fullmatch(text)
    digits = found[1].lstrip("0") or "0" if found else ""
    if not digits or len(digits) > 10 or int(digits) > SHARD_INDEX_MAX:
        raise ResourceNotFoundException(f"Could not find shard {text} in stream {name} under account {call.account}.")
    return int(digits)


def readable_shard(call: Call, name: str, text: str) -> tuple[Stream, Shard]:
    """The same for those who read, whom no stream answers as no shard does."""
    index = index_in(call, name, text)
    stream = call.shelf(Stream).get(name)
    if stream is not None and not is_gone(call, stream) and state_of(call, stream) not in ("CREATING", "DELETING"):
        for shard in listed_shards(call, stream):
            if shard.index == index:
                return stream, shard
    raise ResourceNotFoundException(f"Shard {shard_id(index)} in stream {name} under account {call.account} does not exist")


# Showing -------------------------------------------------------------------------------------------


def arn_of(call: Call, stream: Stream) -> str:
    return call.arn(f"stream/{stream.name}", "kinesis")


def shown_shard(stream: Stream, shard: Shard) -> dict[str, Any]:
    numbers = {"StartingSequenceNumber": sequence(stream, shard, shard.first)}
    if not shard.is_open:
        numbers["EndingSequenceNumber"] = sequence(stream, shard, shard.last)
    reply: dict[str, Any] = {"ShardId": shard.id}
    if shard.parent >= 0:
        reply["ParentShardId"] = shard_id(shard.parent)
    if shard.adjacent >= 0:
        reply["AdjacentParentShardId"] = shard_id(shard.adjacent)
    return reply | {"HashKeyRange": _range(shard), "SequenceNumberRange": numbers}


def _range(shard: Shard) -> dict[str, str]:
    return {"StartingHashKey": shard.start, "EndingHashKey": shard.end}


def children(call: Call, stream: Stream, shard: Shard) -> list[dict[str, Any]]:
    """What a closed shard became, for those who have read it to its end."""
    found = []
    for child in stream.shards:
        parents = [index for index in (child.parent, child.adjacent) if index >= 0]
        if shard.index in parents:
            found.append({"ShardId": child.id, "ParentShards": [shard_id(index) for index in parents], "HashKeyRange": _range(child)})
    return found
