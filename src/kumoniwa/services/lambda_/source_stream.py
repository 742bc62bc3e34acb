"""Reading a stream for a function: each shard in order, batch after batch, from where the mapping's rows say it stands.

A batch that fails is tried again until the function takes it or the mapping gives it up; only then does the shard go on. A place is
written after what it stands for was done: a killed region gives some records to the function again and skips none.
https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-create.html
"""

from __future__ import annotations

import asyncio
import zlib
from typing import Any

from kumoniwa.engines.lambda_runtime.environment import Outcome
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.services.lambda_ import source_failure
from kumoniwa.services.lambda_.name import arn
from kumoniwa.services.lambda_.source import Mapping
from kumoniwa.services.lambda_.source_failure import Attempt
from kumoniwa.services.lambda_.source_feed import Feed, Shard, feed_of, is_gone
from kumoniwa.services.lambda_.source_filter import passes
from kumoniwa.services.lambda_.source_invocation import batches, failed_items, function_of, invoke
from kumoniwa.services.lambda_.source_place import Place, forget_gone, place_of, places, remember
from kumoniwa.services.lambda_.source_window import TumblingWindows

REFRESHED_AFTER_S = 120.0
"""Iterators live five minutes (Kinesis) or fifteen (DynamoDB)."""
RETRY_FIRST_S = 0.5
RETRY_S_MAX = 60.0


class Stopped(Exception):
    """The mapping is to be read no more."""


class StreamReader:
    """One mapping of a stream: a task for each shard that can be read."""

    def __init__(self, call: Call, uuid: str) -> None:
        self.call, self.uuid = call, uuid
        self.is_stopping = False
        self.working = 0
        """How many invocations are under way."""

    @property
    def is_idle(self) -> bool:
        return not self.working

    @property
    def mapping(self) -> Mapping:
        mapping = self.call.shelf(Mapping).get(self.uuid)
        if mapping is None:
            raise Stopped
        return mapping

    def check(self) -> None:
        """Go no further if the mapping was disabled."""
        if self.is_stopping:
            raise Stopped

    async def run(self) -> None:
        readers: dict[str, ShardReader] = {}
        failures = 0
        try:
            while True:
                self.check()
                try:
                    ready = await self._ready_shards()
                    failures = 0
                except AwsError as error:
                    failures += 1
                    self.say(f"PROBLEM: {error.code}: {error.text}")
                    await self.pause(min(RETRY_S_MAX, 2.0**failures))
                    continue
                for shard in ready:
                    if shard.id not in readers:
                        readers[shard.id] = ShardReader(self, shard)
                if not readers:
                    # All that there was is read, and the stream has ended or nothing else begins.
                    await self.pause(RETRY_S_MAX)
                    continue
                done, _ = await asyncio.wait([reader.task for reader in readers.values()], return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
                readers = {name: reader for name, reader in readers.items() if reader.task not in done}
        except Stopped:
            # What the function is about to answer is heard and noted.
            await asyncio.gather(*[reader.task for reader in readers.values() if reader.working], return_exceptions=True)
        finally:
            for reader in readers.values():
                reader.task.cancel()

    async def _ready_shards(self) -> list[Shard]:
        """Shards that are not read to their end and whose parents are, so that the records of a key stay in order."""
        mapping = self.mapping
        _, role = function_of(self.call, mapping)
        shards = await feed_of(mapping).shards(role)
        forget_gone(self.call, self.uuid, {shard.id for shard in shards})
        known = places(self.call, self.uuid)
        over = {name for name, place in known.items() if place.is_over}
        open_ids = {shard.id for shard in shards} - over
        return [shard for shard in shards if shard.id in open_ids and not open_ids.intersection(shard.parents)]

    async def pause(self, seconds: float) -> None:
        await self.call.home.wait(("lambda", "source", self.call.account, self.uuid), self.call.now() + seconds)

    def say(self, result: str) -> None:
        """What the mapping shows as its last result."""
        shelf = self.call.shelf(Mapping)
        if (held := shelf.get(self.uuid)) is not None and held.result != result:
            shelf[self.uuid] = changed(held, result=result)


class ShardReader:
    def __init__(self, reader: StreamReader, shard: Shard) -> None:
        self.reader, self.shard = reader, shard.id
        self.call = reader.call
        self.feed: Feed = feed_of(reader.mapping)
        self.working = 0
        self.since = 0.0
        """Records that came before do not concern the mapping."""
        self.windows = TumblingWindows(self)
        self.task = self.call.home.spawn(self.run())

    @property
    def mapping(self) -> Mapping:
        return self.reader.mapping

    async def run(self) -> None:
        """Read the shard to its end, or until the mapping is gone or disabled."""
        try:
            await self._read_on()
        except Stopped:
            pass

    async def _read_on(self) -> None:
        iterator: str | None = None
        failures = 0
        while True:
            self.reader.check()
            waiting = await self._listen(self._until())
            try:
                version, role = function_of(self.call, self.mapping)
                self.feed.reader = version.role
                iterator = iterator or await self._begin(role)
                most = self.mapping.batch_size * self.mapping.parallel
                records, after = await self._gather(role, iterator, most)
                failures = 0
            except AwsError as error:
                waiting.cancel()
                if error.code == "ProvisionedThroughputExceededException":
                    # Others read the shard, too.
                    await self.reader.pause(RETRY_FIRST_S)
                    continue
                iterator, failures = None, failures + 1
                if not is_gone(error):
                    self.reader.say(f"PROBLEM: {error.code}: {error.text}")
                await self.reader.pause(min(RETRY_S_MAX, RETRY_FIRST_S * 2**failures))
                if error.code == "ResourceNotFoundException":
                    return
                continue
            if records:
                waiting.cancel()
                await self._work_on(records)
            await self.windows.close_due(is_over=after is None)
            if after is None:
                self._keep(is_over=True)
                waiting.cancel()
                return
            if not records:
                place = place_of(self.call, self.reader.uuid, self.shard)
                if place is None or not place.sequence:
                    self._keep(iterator=after, at=self.call.now())
                await waiting
            elif self.feed.pause_s:
                await self.reader.pause(self.feed.pause_s)
            iterator = after

    async def _listen(self, until: float) -> asyncio.Task:
        """A task that ends when something comes. It listens already: what comes while the shard is being read is not missed."""
        waiting = self.call.home.spawn(self.call.home.wait(self.feed.wakes(), until))
        await asyncio.sleep(0)
        return waiting

    def _until(self) -> float:
        until = self.call.now() + REFRESHED_AFTER_S
        ends = self.windows.ends_at()
        return until if ends is None else min(until, ends)

    # Reading ----------------------------------------------------------------------------------

    async def _begin(self, role: Call) -> str:
        """An iterator behind the last record that is done with."""
        place = place_of(self.call, self.reader.uuid, self.shard) or Place()
        if place.sequence:
            try:
                return await self.feed.iterator(role, self.shard, "AFTER_SEQUENCE_NUMBER", place.sequence)
            except AwsError as error:
                if not is_gone(error):
                    raise
                return await self.feed.iterator(role, self.shard, "TRIM_HORIZON")
        if place.iterator:
            try:
                await self.feed.read(role, place.iterator, 1)
                return place.iterator
            except AwsError as error:
                if not is_gone(error):
                    raise
                self.since = float(int(place.at))
                return await self.feed.iterator(role, self.shard, "TRIM_HORIZON")
        return await self.feed.start(role, self.shard)

    async def _gather(self, role: Call, iterator: str, most: int) -> tuple[list[dict[str, Any]], str | None]:
        """Records of the next batches: what is there, or what comes within the batching window."""
        records, after = await self._read(role, iterator, most)
        until = self.call.now() + self.mapping.window_s
        while records and after is not None and len(records) < most and self.call.now() < until:
            waiting = await self._listen(until)
            more, after = await self._read(role, after, most - len(records))
            records += more
            if more or after is None:
                waiting.cancel()
            else:
                await waiting
            if self.feed.pause_s:
                await self.reader.pause(self.feed.pause_s)
        return records, after

    async def _read(self, role: Call, iterator: str, most: int) -> tuple[list[dict[str, Any]], str | None]:
        feed = self.feed
        found, after = await feed.read(role, iterator, most)
        records = [feed.record(self.shard, record) for record in found]
        return [record for record in records if feed.arrived(record) >= self.since], after

    def _keep(self, **said: Any) -> None:
        place = place_of(self.call, self.mapping.uuid, self.shard) or Place()
        remember(self.call, self.reader.uuid, self.shard, place._replace(**said))

    def done(self, record: dict[str, Any], **more: Any) -> None:
        """Everything up to this record is done with."""
        self._keep(sequence=self.feed.sequence(record), **more)

    # Working ----------------------------------------------------------------------------------

    async def _work_on(self, records: list[dict[str, Any]]) -> None:
        mapping = self.mapping
        wanted = records
        if mapping.filters:
            wanted = [record for record in records if passes(mapping.filters, record)]
        if mapping.tumbling_s:
            await self.windows.add(wanted)
        elif mapping.parallel > 1:
            await self._side_by_side(wanted, mapping.parallel)
        else:
            for batch in batches(wanted, mapping.batch_size):
                await self.settle(batch, is_alone=True)
        self.done(records[-1])

    async def _side_by_side(self, records: list[dict[str, Any]], count: int) -> None:
        """As many batches at once as the mapping says. Records of one key are all in one lane, and so in order."""
        lanes: dict[int, list[dict[str, Any]]] = {}
        for record in records:
            lanes.setdefault(zlib.crc32(self.feed.key(record).encode()) % count, []).append(record)

        async def follow(lane: list[dict[str, Any]]) -> None:
            for batch in batches(lane, self.mapping.batch_size):
                await self.settle(batch)

        for result in await asyncio.gather(*[follow(lane) for lane in lanes.values()], return_exceptions=True):
            if isinstance(result, BaseException):
                raise result

    async def settle(
        self, batch: list[dict[str, Any]], frame: dict[str, Any] | None = None, *, is_alone: bool = False, count: int = 0
    ) -> bytes:
        """Give a batch to the function until it is done with; answers the function's last word. ``frame`` is what the event says beside its
        records. When the batch is alone in its shard, what is done of it is noted at once."""
        attempt = Attempt(count=count)
        throttles = 0
        while True:
            self.reader.check()
            fresh = await self._without_old(batch, attempt)
            if len(fresh) < len(batch):
                batch, attempt = fresh, Attempt()
            if not batch and not frame:
                return b""
            try:
                attempt, outcome, failed_at = await self._try(batch, frame or {}, attempt)
            except AwsError as error:
                # It did not reach the function, and so does not count.
                throttles += 1
                self.reader.say(f"PROBLEM: {error.code}: {error.text}")
                await self._back_off(throttles)
                continue
            if failed_at is None:
                self.reader.say("OK")
                if batch and is_alone:
                    self.done(batch[-1])
                return outcome.payload
            self.reader.say("PROBLEM: Function call failed")
            if failed_at:
                if is_alone:
                    self.done(batch[failed_at - 1])
                batch, attempt = batch[failed_at:], Attempt()
                continue
            mapping = self.mapping
            if mapping.bisects and len(batch) > 1:
                half = len(batch) // 2
                await self.settle(batch[:half], frame, is_alone=is_alone, count=attempt.count - 1)
                batch, attempt = batch[half:], changed(attempt, count=attempt.count - 1)
                continue
            if 0 <= mapping.retries_max < attempt.count:
                await self._give_up(batch, "RetryAttemptsExhausted", attempt)
                if batch and is_alone:
                    self.done(batch[-1])
                return b""
            await self._back_off(attempt.count)

    async def _try(
        self, batch: list[dict[str, Any]], frame: dict[str, Any], attempt: Attempt
    ) -> tuple[Attempt, Outcome, int | None]:
        """One invocation: what came of it, and the first record that failed if one did."""
        mapping = self.mapping
        version, _ = function_of(self.call, mapping)
        self.reader.working += 1
        self.working += 1
        try:
            request_id, outcome = await invoke(self.call, mapping, version, {"Records": batch} | frame)
        finally:
            self.reader.working -= 1
            self.working -= 1
        attempt = Attempt(request_id=request_id, executed=version.version, error=outcome.function_error, count=attempt.count + 1)
        if outcome.function_error is not None:
            return attempt, outcome, 0
        if not mapping.response_types:
            return attempt, outcome, None
        sequences = [self.feed.sequence(record) for record in batch]
        failed = failed_items(outcome.payload, set(sequences))
        if failed is None:
            return attempt, outcome, 0
        return attempt, outcome, min((sequences.index(each) for each in failed), default=None)

    async def _back_off(self, count: int) -> None:
        await self.reader.pause(min(RETRY_S_MAX, RETRY_FIRST_S * 2 ** min(count - 1, 16)))

    async def _without_old(self, batch: list[dict[str, Any]], attempt: Attempt) -> list[dict[str, Any]]:
        """The batch without records that are older than the mapping wants, which are given up."""
        age_s_max = self.mapping.age_s_max
        if age_s_max < 0:
            return batch
        oldest = self.call.now() - age_s_max
        fresh = [record for record in batch if self.feed.arrived(record) >= oldest]
        if len(fresh) < len(batch):
            await self._give_up(batch[: len(batch) - len(fresh)], "RecordAgeExceeded", attempt)
        return fresh

    async def _give_up(self, batch: list[dict[str, Any]], condition: str, attempt: Attempt) -> None:
        mapping = self.mapping
        if not mapping.on_failure or not batch:
            return
        _, role = function_of(self.call, mapping)
        function = arn(self.call, mapping.function, mapping.qualifier or None)
        said = source_failure.report(self.call, self.feed, self.shard, batch, function, condition, attempt)
        once = f"{mapping.uuid}:{self.shard}:{self.feed.sequence(batch[0])}:{self.feed.sequence(batch[-1])}"
        await source_failure.deliver(role, mapping, self.shard, said, batch, once)
