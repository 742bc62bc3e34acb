"""Reading a stream: each shard in order, batch after batch, from where the customer's rows say it stands.

A batch that fails is tried again until it is taken or given up; only then does the shard go on. A place is
written after what it stands for was done: a killed region gives some records again and skips none.
https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-create.html
"""

from __future__ import annotations

import asyncio
import zlib
from typing import Any

from kumoniwa.intake import customer as customers
from kumoniwa.intake.customer import Customer, Lost, Taken, Wishes
from kumoniwa.intake.feed import Feed, Shard, feed_of, is_gone
from kumoniwa.intake.filter import passes
from kumoniwa.intake.place import Place, forget_gone, place_of, places, remember
from kumoniwa.intake.window import TumblingWindows
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError

REFRESHED_AFTER_S = 120.0
"""Iterators live five minutes (Kinesis) or fifteen (DynamoDB)."""
RETRY_FIRST_S = 0.5
RETRY_S_MAX = 60.0


class Stopped(Exception):
    """Nobody wants to be read for any more."""


class StreamReader:
    """One stream for one customer: a task for each shard that can be read."""

    def __init__(self, customer: Customer) -> None:
        self.customer, self.call = customer, customer.call
        self.is_stopping = False
        self.working = 0
        """How many batches the customer has."""

    @property
    def is_idle(self) -> bool:
        return not self.working

    @property
    def wishes(self) -> Wishes:
        wishes = self.customer.wishes()
        if wishes is None:
            raise Stopped
        return wishes

    def check(self) -> None:
        """Go no further once told to stop."""
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
                    self.customer.say(f"PROBLEM: {error.code}: {error.text}")
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
            # What the customer is about to answer is heard and noted.
            await asyncio.gather(*[reader.task for reader in readers.values() if reader.working], return_exceptions=True)
        finally:
            for reader in readers.values():
                reader.task.cancel()

    async def _ready_shards(self) -> list[Shard]:
        """Shards that are not read to their end and whose parents are, so that the records of a key stay in order."""
        shards = await feed_of(self.wishes).shards(self.customer.reader())
        forget_gone(self.call, self.customer.id, {shard.id for shard in shards})
        known = places(self.call, self.customer.id)
        over = {name for name, place in known.items() if place.is_over}
        open_ids = {shard.id for shard in shards} - over
        return [shard for shard in shards if shard.id in open_ids and not open_ids.intersection(shard.parents)]

    async def pause(self, seconds: float) -> None:
        await self.call.home.wait(self.customer.key, self.call.now() + seconds)


class ShardReader:
    def __init__(self, reader: StreamReader, shard: Shard) -> None:
        self.reader, self.shard, self.customer = reader, shard.id, reader.customer
        self.call = reader.call
        self.feed: Feed = feed_of(reader.wishes)
        self.working = 0
        self.since = 0.0
        """Records that came before are not wanted."""
        self.windows = TumblingWindows(self)
        self.task = self.call.home.spawn(self.run())

    @property
    def wishes(self) -> Wishes:
        return self.reader.wishes

    async def run(self) -> None:
        """Read the shard to its end, or until nobody wants it any more."""
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
                wishes, role = self.wishes, self.customer.reader()
                self.feed.reader = self.customer.role
                iterator = iterator or await self._begin(role)
                most = wishes.batch_size * wishes.parallel
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
                    self.customer.say(f"PROBLEM: {error.code}: {error.text}")
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
                place = place_of(self.call, self.customer.id, self.shard)
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
        place = place_of(self.call, self.customer.id, self.shard) or Place()
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
        until = self.call.now() + self.wishes.window_s
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
        records = [record for record in records if feed.arrived(record) >= self.since]
        self.customer.counted("Polled", len(records))
        return records, after

    def _keep(self, **said: Any) -> None:
        place = place_of(self.call, self.customer.id, self.shard) or Place()
        remember(self.call, self.customer.id, self.shard, place._replace(**said))

    def done(self, record: dict[str, Any], **more: Any) -> None:
        """Everything up to this record is done with."""
        self._keep(sequence=self.feed.sequence(record), **more)

    # Working ----------------------------------------------------------------------------------

    async def _work_on(self, records: list[dict[str, Any]]) -> None:
        wishes = self.wishes
        wanted = records
        if wishes.filters:
            wanted = [record for record in records if passes(wishes.filters, self.customer.shaped(record))]
            self.customer.counted("FilteredOut", len(records) - len(wanted))
        if wishes.tumbling_s:
            await self.windows.add(wanted)
        elif wishes.parallel > 1:
            await self._side_by_side(wanted, wishes.parallel)
        else:
            for batch in self.batches(wanted):
                await self.settle(batch, is_alone=True)
        self.done(records[-1])

    def batches(self, records: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
        return customers.batches(records, self.wishes.batch_size, self.customer.batch_bytes_max)

    async def _side_by_side(self, records: list[dict[str, Any]], count: int) -> None:
        """As many batches at once as the customer says. Records of one key are all in one lane, and so in order."""
        lanes: dict[int, list[dict[str, Any]]] = {}
        for record in records:
            lanes.setdefault(zlib.crc32(self.feed.key(record).encode()) % count, []).append(record)

        async def follow(lane: list[dict[str, Any]]) -> None:
            for batch in self.batches(lane):
                await self.settle(batch)

        for result in await asyncio.gather(*[follow(lane) for lane in lanes.values()], return_exceptions=True):
            if isinstance(result, BaseException):
                raise result

    async def settle(
        self, batch: list[dict[str, Any]], frame: dict[str, Any] | None = None, *, is_alone: bool = False, count: int = 0
    ) -> bytes:
        """Give a batch to the customer until it is done with; answers the customer's last word. ``frame`` is what is said beside its
        records. When the batch is alone in its shard, what is done of it is noted at once. ``count`` is how often it was tried."""
        facts: dict[str, Any] = {}
        throttles = 0
        while True:
            self.reader.check()
            fresh = await self._without_old(batch, count, facts)
            if len(fresh) < len(batch):
                batch, count, facts = fresh, 0, {}
            if not batch and not frame:
                return b""
            try:
                taken = await self._try(batch, frame or {})
            except AwsError as error:
                # The customer could not even try, and so it does not count.
                throttles += 1
                self.customer.say(f"PROBLEM: {error.code}: {error.text}")
                await self._back_off(throttles)
                continue
            count, facts = count + 1, taken.facts
            if not taken.failed and not taken.is_failure:
                self.customer.say("OK")
                if batch and is_alone:
                    self.done(batch[-1])
                return taken.payload
            self.customer.say("PROBLEM: Function call failed")
            if failed_at := min(taken.failed, default=0):
                if is_alone:
                    self.done(batch[failed_at - 1])
                batch, count, facts = batch[failed_at:], 0, {}
                continue
            wishes = self.wishes
            if wishes.bisects and len(batch) > 1:
                half = len(batch) // 2
                await self.settle(batch[:half], frame, is_alone=is_alone, count=count - 1)
                batch, count = batch[half:], count - 1
                continue
            if 0 <= wishes.retries_max < count:
                await self._give_up(batch, "RetryAttemptsExhausted", count, facts)
                if batch and is_alone:
                    self.done(batch[-1])
                return b""
            await self._back_off(count)

    async def _try(self, batch: list[dict[str, Any]], frame: dict[str, Any]) -> Taken:
        self.reader.working += 1
        self.working += 1
        try:
            return await self.customer.take(batch, frame)
        finally:
            self.reader.working -= 1
            self.working -= 1

    async def _back_off(self, count: int) -> None:
        await self.reader.pause(min(RETRY_S_MAX, RETRY_FIRST_S * 2 ** min(count - 1, 16)))

    async def _without_old(self, batch: list[dict[str, Any]], count: int, facts: dict[str, Any]) -> list[dict[str, Any]]:
        """The batch without records that are older than the customer wants, which are given up. Those that came too old to be tried
        count as tried once (recorded: test_kinesis_maximum_record_age_exceeded)."""
        age_s_max = self.wishes.age_s_max
        if age_s_max < 0:
            return batch
        oldest = self.call.now() - age_s_max
        fresh = [record for record in batch if self.feed.arrived(record) >= oldest]
        if len(fresh) < len(batch):
            await self._give_up(batch[: len(batch) - len(fresh)], "RecordAgeExceeded", max(1, count), facts)
        return fresh

    async def _give_up(self, batch: list[dict[str, Any]], condition: str, count: int, facts: dict[str, Any]) -> None:
        if not batch:
            return
        feed, first, last = self.feed, batch[0], batch[-1]
        information = {
            "shardId": self.shard,
            "startSequenceNumber": feed.sequence(first),
            "endSequenceNumber": feed.sequence(last),
            "approximateArrivalOfFirstRecord": feed.moment(feed.arrived(first)),
            "approximateArrivalOfLastRecord": feed.moment(feed.arrived(last)),
            "batchSize": len(batch),
            "streamArn": self.wishes.source,
        }
        once = f"{self.customer.id}:{self.shard}:{feed.sequence(first)}:{feed.sequence(last)}"
        await self.customer.give_up(Lost(condition, count, facts, self.shard, batch, {feed.information: information}, once))
