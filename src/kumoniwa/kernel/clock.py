"""Time. The only module that may ask the operating system what time it is.

Services read ``call.now()`` and wait with ``asyncio``. In production the loop waits for
real; under ``VirtualLoop`` a wait costs nothing and moves the clock instead, so a day of
long polling runs in milliseconds and always the same way.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import selectors
import time
from collections.abc import Iterator
from datetime import date
from typing import Any

VIRTUAL_EPOCH_S = 1_893_456_000.0
"""2030-01-01T00:00:00Z: where virtual time begins."""

monotonic = time.monotonic
"""Seconds for measuring how long our own work took; never a date."""


_EPOCH_DAY = date(1970, 1, 1).toordinal()


def epoch_of(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> int:
    """Epoch seconds of a moment in UTC; days, hours, … that are too many run over. As ``calendar.timegm`` counts, whose module would cost every
    region a tenth of a mebibyte."""
    days = date(year, month, 1).toordinal() - _EPOCH_DAY + day - 1
    return ((days * 24 + hour) * 60 + minute) * 60 + second


def milliseconds(epoch_s: float) -> int:
    """A moment as AWS counts it: the milliseconds that have passed since 1970, and what is left over is dropped.

    Its services read a clock that ticks in milliseconds, so that one moment is the same number in each of their answers. A moment that came
    as so many milliseconds is that many again, although a float may hold a hair less of it.
    """
    return math.floor(epoch_s * 1000 + 1e-3)


class Clock:
    """One region's idea of the date, which ``skew`` makes wrong."""

    __slots__ = ("loop", "skew_s", "drift_ppm", "drifts_since")

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self.loop = loop if isinstance(loop, VirtualLoop) else None
        self.skew_s = self.drift_ppm = self.drifts_since = 0.0

    def now(self) -> float:
        """Epoch seconds."""
        now = VIRTUAL_EPOCH_S + self.loop.time() if self.loop is not None else time.time()
        if self.drift_ppm:
            now += (now - self.drifts_since) * self.drift_ppm / 1e6
        return now + self.skew_s

    def skew(self, offset_s: float, drift_ppm: float = 0.0) -> None:
        """Be wrong by so much from now on, and by ever more."""
        if drift_ppm and not self.drift_ppm:
            self.drifts_since = self.now() - self.skew_s
        self.skew_s, self.drift_ppm = offset_s, drift_ppm


class _HttpDate:
    """The Date header, made once a second."""

    def __init__(self) -> None:
        self.second, self.text = 0, ""

    def __call__(self) -> str:
        second = int(time.time())
        if second != self.second:
            self.second, self.text = second, time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(second))
        return self.text


http_date = _HttpDate()


class _Skipping(selectors.DefaultSelector):
    """A selector that skips the wait and remembers how long it would have been."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped_s = 0.0
        self.holds = 0

    def select(self, timeout: float | None = None):
        if self.holds:
            began = time.monotonic()
            ready = super().select(timeout)
            self.skipped_s += time.monotonic() - began
            return ready
        ready = super().select(0)
        if not ready and timeout:
            self.skipped_s += timeout
        elif not ready and timeout is None:
            # Nothing is scheduled and nothing is ready: only another thread or process can move us on.
            ready = super().select(1.0)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose waits are instantaneous and whose time is virtual."""

    def __init__(self) -> None:
        self._skipping = _Skipping()
        super().__init__(self._skipping)
        # After half a year a nanosecond, asyncio's own idea of "now", is lost in a float: timers would be due and never run.
        self._clock_resolution = 1e-6

    def time(self) -> float:
        return self._skipping.skipped_s

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> asyncio.Future:
        """Threads work in real time: it is held while one does."""
        done = super().run_in_executor(executor, func, *args)
        self._skipping.holds += 1
        done.add_done_callback(self._release)
        return done

    def _release(self, _: asyncio.Future) -> None:
        self._skipping.holds -= 1


@contextlib.contextmanager
def outside() -> Iterator[None]:
    """Hold virtual time to real time while we wait for something outside the loop (a child process, a socket)."""
    loop = asyncio.get_running_loop()
    if not isinstance(loop, VirtualLoop):
        yield
        return
    loop._skipping.holds += 1
    try:
        yield
    finally:
        loop._skipping.holds -= 1
