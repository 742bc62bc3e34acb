"""What was put is folded when its minute is over, alarms are evaluated and act, and old points become coarser."""

from __future__ import annotations

import asyncio
import math
from functools import partial
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record
from kumoniwa.services.cloudwatch import (
    action,
    anomaly_detector,
    history,
    metric,
    streaming,
    transition,
    waiting,
    watch,
)
from kumoniwa.services.cloudwatch.anomaly_band import Detector

SERVICE = "monitoring.amazonaws.com"
MINUTE_S = 60
REST_MIN_S = 0.001
AGED_EVERY_S = 3_600
STREAMED_AFTER_S = 1.0


class Aged(Record):
    """Until when the points of an account were made coarser."""

    until: float


def accounts(region: Any) -> list[Call]:
    return region.calls("cloudwatch", SERVICE)


def _stroke(now: float, step: int) -> float:
    """The next whole multiple of so many seconds. What is nearer than a rest can be is past: a float of the date tells no less apart."""
    return float(int((now + REST_MIN_S) // step + 1) * step)


async def run(region: Any) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(action.OUTBOX.run(region))
        group.create_task(streaming.OUTBOX.run(region))
        group.create_task(_fold(region))
        group.create_task(_stream(region))
        group.create_task(_watch(region))
        group.create_task(_age(region))
        group.create_task(_train(region))


async def _fold(region: Any) -> None:
    """Piece by piece, so that nobody waits long: one who asks folds what is left. Where nothing waits this does nothing."""
    while True:
        for call in accounts(region):
            if not call.memory(waiting.Inbox).is_empty:
                while call.atomically(partial(metric.fold_some, call)):
                    await asyncio.sleep(0)
                call.atomically(partial(metric.fold, call))
        if all(call.memory(waiting.Inbox).is_empty for call in accounts(region)):
            await region.wait(waiting.ARRIVING, math.inf)
        await region.wait(waiting.FOLDING, _stroke(region.clock.now(), MINUTE_S))


async def _stream(region: Any) -> None:
    """A moment after each minute, so that what was put in its last second is folded; where nothing changed this does nothing."""
    while True:
        for call in accounts(region):
            while call.atomically(partial(streaming.flow, call)):
                await asyncio.sleep(0)
        if any(streaming.is_waiting(call) for call in accounts(region)):
            await region.wait(("cloudwatch", "flowing"), _stroke(region.clock.now(), MINUTE_S) + STREAMED_AFTER_S)
        else:
            await region.wait(metric.STREAMING, math.inf)


async def _watch(region: Any) -> None:
    """At each whole minute, and at each ten seconds for alarms with short periods. What a dead region missed it does not make up for."""
    while True:
        end = _next_round(region)
        until = end
        for call in accounts(region):
            until = min(until, call.atomically(partial(transition.end_suppression, call)) or until)
        if await region.wait(transition.WATCHING, until) or until < end:
            continue
        for call in accounts(region):
            for alarm in watch.watched(call):
                if end % watch.MINUTE_S == 0 or watch.is_short(alarm):
                    insights = await watch.counted(call, alarm, int(end))
                    call.atomically(partial(watch.evaluate, call, alarm.name, int(end), insights))
                    await asyncio.sleep(0)


async def _train(region: Any) -> None:
    """Each detector at the minute after it was put, then each hour; where there is none this does nothing."""
    while True:
        for call in accounts(region):
            for key, detector in list(call.shelf(Detector).items()):
                if detector.due <= region.clock.now():
                    call.atomically(partial(anomaly_detector.train, call, key))
                    await asyncio.sleep(0)
        due = min((detector.due for call in accounts(region) for detector in call.shelf(Detector).values()), default=math.inf)
        await region.wait(anomaly_detector.TRAINING, due)


def _next_round(region: Any) -> float:
    """When alarms are looked at next: never, while there are none."""
    alarms = [alarm for call in accounts(region) for alarm in watch.watched(call)]
    return _stroke(region.clock.now(), watch.SHORT_S if any(map(watch.is_short, alarms)) else watch.MINUTE_S) if alarms else math.inf


async def _age(region: Any) -> None:
    while True:
        now = region.clock.now()
        for call in accounts(region):
            shelf = call.shelf(Aged)
            since = shelf["aged"].until if "aged" in shelf else now - metric.KEPT_S
            if now - since >= AGED_EVERY_S:
                for id_, units in call.rows(metric.METRICS).all("select id, units from metric"):
                    call.atomically(partial(metric.grow_old, call, id_, units, since, now))
                    await asyncio.sleep(0)
                call.atomically(partial(history.forget_old, call))
                shelf["aged"] = Aged(until=now)
        await region.wait(("cloudwatch", "aging"), now + AGED_EVERY_S)
