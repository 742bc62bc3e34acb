"""Runs log anomaly detectors: each is trained on the last two weeks of its group and then looks, each time its frequency says, at what came since.

A run in which nothing came in is none. What a detector knows is kept with what it found, so that a region that was killed goes on where it
was. https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/LogsAnomalyDetection.html
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from kumoniwa.gate.data_key import opening
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.languages.log_anomaly import STRETCHES_MAX, Finding, Pattern, Tally, Watch
from kumoniwa.languages.log_pattern import compiled
from kumoniwa.services.logs.anomaly import Anomaly, Watches, keep_watch, report, watch_kept
from kumoniwa.services.logs.anomaly_detector import (
    ANALYZING,
    DETECTORS,
    FAILED,
    FREQUENCIES_S,
    TRAINING,
    Detector,
    group_of,
    key_of,
)
from kumoniwa.services.logs.event import EVENTS, STREAMS, readable, text_of
from kumoniwa.services.logs.group import DAY_MS, Group

TRAINED_ON_MS = 14 * DAY_MS
EVENTS_MAX, PORTION = 100_000, 250
"""So many events of a stream are looked at in one run, the newest, and so many before others have their turn."""
LATE_MS = 600_000
"""What comes later than that after it happened is not looked at."""
FOREVER_S = 86_400.0


async def run(region: Any) -> None:
    while True:
        now = region.clock.now()
        due = now + FOREVER_S
        for call in region.calls("logs", "logs.amazonaws.com"):
            for detector in list(call.shelf(Detector).values()):
                if not detector.is_enabled or detector.status == FAILED:
                    continue
                every_s = FREQUENCIES_S[detector.frequency]
                if not detector.seen_ms or detector.seen_ms <= (now // every_s) * every_s * 1000:
                    await _evaluate(call, detector)
                due = min(due, (region.clock.now() // every_s + 1) * every_s)
        await region.wait(DETECTORS, due)


async def _evaluate(call: Call, detector: Detector) -> None:
    group, now_ms = group_of(call, detector), milliseconds(call.now())
    if group is None:
        call.atomically(lambda: _change(call, detector, status=FAILED))
        return
    try:
        watch = await opening(call, lambda: watch_kept(call, detector))
        width_ms = FREQUENCIES_S[detector.frequency] * 1000
        latest, stretches = now_ms // width_ms, set()
        matches = compiled(detector.pattern)
        async for at_ms, message in _events(call, group, detector, now_ms):
            if matches(message):
                # Everything that came since the last run is one stretch; of the past only the last ones are told apart.
                number = latest if detector.seen_ms else max(at_ms // width_ms, latest - STRETCHES_MAX)
                watch.see(message, at_ms, number)
                stretches.add(number)
        if not stretches and detector.seen_ms:
            return
        found = _settled(watch, stretches, is_training=not detector.seen_ms)
        reported = await opening(call, lambda: _keep(call, detector, watch, found, now_ms))
    except BaseException as error:
        # What is half learned is learned again from what was kept.
        call.memory(Watches).held.pop(detector.id, None)
        if not isinstance(error, AwsError):
            raise
        call.home.note("detector failed", detector=detector.id, code=error.code)
        return
    for anomaly in reported:
        call.measure("AWS/Logs", "AnomalyCount", "LogAnomalyDetector", detector.name or detector.id, "LogAnomalyPriority", anomaly.priority)


async def _events(call: Call, group: Group, detector: Detector, now_ms: int) -> AsyncIterator[tuple[int, str]]:
    """Times and messages of what came in since the detector last looked, stream by stream in order of time."""
    rows = call.rows(STREAMS, EVENTS)
    # What was encrypted before the group lost its key is not made plain by being learned.
    plain = "" if key_of(call, detector) or not group.is_sealed else " and link is null"
    since = detector.seen_ms - LATE_MS if detector.seen_ms else now_ms - TRAINED_ON_MS
    streams = rows.all("select id from log_stream where grp = ? and ingested > ? order by last desc", group.number, detector.seen_ms)
    for (stream,) in streams:
        newest = rows.one("select at from log_event where stream = ? and at >= ? order by at desc limit 1 offset ?", stream, since, EVENTS_MAX)
        at, seq, found = newest[0] if newest is not None else since, -1, [()] * PORTION
        while len(found) == PORTION:
            def portion(stream: int = stream, at: int = at, seq: int = seq) -> list[tuple]:
                found = rows.all(
                    f"select at, seq, {text_of(group)} from log_event where stream = ? and (at, seq) > (?, ?) "
                    f"and ingested > ? and ingested <= ?{plain} order by at, seq limit ?",
                    stream, at, seq, detector.seen_ms, now_ms, PORTION,
                )  # fmt: skip
                return list(readable(call, group, found))

            found = await opening(call, portion)
            for at_ms, _, message in found:
                yield at_ms, message
            if found:
                at, seq = found[-1][:2]
            await asyncio.sleep(0)


def _settled(watch: Watch, stretches: set[int], *, is_training: bool) -> list[tuple[Pattern, Finding, Tally]]:
    if is_training:
        for number in sorted(stretches):
            watch.learn(number)
        return []
    return [each for number in stretches for each in watch.settle(number, learns_all=False)]


def _keep(call: Call, detector: Detector, watch: Watch, found: list[tuple[Pattern, Finding, Tally]], now_ms: int) -> list[Anomaly]:
    now = call.shelf(Detector).get(detector.id)
    if now is None or (now.frequency, now.pattern) != (detector.frequency, detector.pattern):
        call.memory(Watches).held.pop(detector.id, None)
        return []
    reported = report(call, now, found, now_ms) if found else []
    keep_watch(call, now, watch)
    _change(call, now, seen_ms=now_ms, status=ANALYZING if watch.knows_enough else TRAINING)
    return reported


def _change(call: Call, detector: Detector, **facts: Any) -> None:
    if (held := call.shelf(Detector).get(detector.id)) is not None:
        call.shelf(Detector)[detector.id] = changed(held, **facts)
