"""Enhanced monitoring: what CloudWatch is told of each shard by itself, for the streams that ask for it.

https://docs.aws.amazon.com/streams/latest/dev/monitoring-with-cloudwatch.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.kinesis.stream import Shard, Stream, active, arn_of, named, updating

_UNITS = {
    "IncomingBytes": "Bytes", "IncomingRecords": "Count", "OutgoingBytes": "Bytes", "OutgoingRecords": "Count",
    "WriteProvisionedThroughputExceeded": "Count", "ReadProvisionedThroughputExceeded": "Count", "IteratorAgeMilliseconds": "Milliseconds",
}  # fmt: skip


def measure(call: Call, stream: Stream, shard: Shard, **figures: float) -> None:
    """Figures of one shard, of which those that the stream asks for are counted."""
    for name in stream.shard_metrics:
        if name in figures:
            call.measure("AWS/Kinesis", name, "StreamName", stream.name, "ShardId", shard.id, value=figures[name], unit=_UNITS[name])


def EnableEnhancedMonitoring(
    call: Call, *, ShardLevelMetrics: list[str], StreamName: str | None = None, StreamARN: str | None = None
) -> dict:
    return _changed(call, StreamName, StreamARN, lambda held: held | _meant(ShardLevelMetrics))


def DisableEnhancedMonitoring(
    call: Call, *, ShardLevelMetrics: list[str], StreamName: str | None = None, StreamARN: str | None = None
) -> dict:
    return _changed(call, StreamName, StreamARN, lambda held: held - _meant(ShardLevelMetrics))


def _meant(names: list[str]) -> set[str]:
    return set(_UNITS) if "ALL" in names else set(names)


def _changed(call: Call, name: str | None, arn: str | None, change: Any) -> dict[str, Any]:
    stream = active(call, named(call, name, arn))
    wanted = change(set(stream.shard_metrics))
    after = updating(call, stream, shard_metrics=tuple(each for each in _UNITS if each in wanted))
    return {
        "StreamName": stream.name, "StreamARN": arn_of(call, stream), "CurrentShardLevelMetrics": list(stream.shard_metrics),
        "DesiredShardLevelMetrics": list(after.shard_metrics),
    }  # fmt: skip
