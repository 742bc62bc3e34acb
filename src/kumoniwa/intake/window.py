"""Tumbling windows: records of the same span of time, with a state that is handed from one batch to the next.

A window is open while its state is in the shard's place; when its span is over and all that came in it was read, its customer is
asked once more, to end it. https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-windows.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from kumoniwa.intake.place import Place, place_of, remember
from kumoniwa.wire import timestamps

if TYPE_CHECKING:
    from kumoniwa.intake.stream import ShardReader

STATE_BYTES_MAX = 1 << 20


class TumblingWindows:
    """The windows of one shard, of which at most one is open."""

    def __init__(self, shard: ShardReader) -> None:
        self.shard = shard

    @property
    def _place(self) -> Place:
        return place_of(self.shard.call, self.shard.customer.id, self.shard.shard) or Place()

    def _keep(self, **said: Any) -> None:
        remember(self.shard.call, self.shard.customer.id, self.shard.shard, self._place._replace(**said))

    def ends_at(self) -> float | None:
        """When the open window ends, if there is one."""
        begins = self._place.window
        return begins + self.shard.wishes.tumbling_s if begins else None

    async def add(self, records: list[dict[str, Any]]) -> None:
        """Give records away, each batch within one window. A window ends where the first record of a later one is."""
        shard, size_s = self.shard, self.shard.wishes.tumbling_s
        while records:
            begins = int(shard.feed.arrived(records[0]) // size_s * size_s)
            if (opened := self._place.window) and opened < begins:
                await self._end()
            begins = max(begins, self._place.window)
            count = next((n for n, record in enumerate(records) if shard.feed.arrived(record) >= begins + size_s), len(records))
            self._keep(window=begins)
            for batch in shard.batches(records[:count]):
                said = await shard.settle(batch, self._frame(begins, is_final=False))
                state = _state(said)
                shard.done(batch[-1], state=state)
                if len(state) > STATE_BYTES_MAX:
                    await self._end(is_early=True)
                    self._keep(window=begins)
            records = records[count:]

    async def close_due(self, *, is_over: bool) -> None:
        """End the open window if its time, or its shard, is over."""
        ends = self.ends_at()
        if ends is not None and (is_over or self.shard.call.now() >= ends):
            await self._end()

    async def _end(self, *, is_early: bool = False) -> None:
        await self.shard.settle([], self._frame(self._place.window, is_final=True, is_early=is_early))
        self._keep(window=0, state=b"")

    def _frame(self, begins: int, *, is_final: bool, is_early: bool = False) -> dict[str, Any]:
        size_s = self.shard.wishes.tumbling_s
        return {
            "window": {"start": timestamps.to_second(begins), "end": timestamps.to_second(begins + size_s)},
            "state": orjson.loads(self._place.state or b"{}"),
            "shardId": self.shard.shard,
            "eventSourceARN": self.shard.wishes.source,
            "isFinalInvokeForWindow": is_final,
            "isWindowTerminatedEarly": is_early,
        }


def _state(said: bytes) -> bytes:
    """The state that was answered: an object, or nothing."""
    answer = orjson.loads(said or b"null")
    state = answer.get("state") if isinstance(answer, dict) else None
    return orjson.dumps(state) if isinstance(state, dict) else b""
