"""One direction of a link between two regions: what becomes of the bytes on their way.

A line acts where bytes arrive, so that what a dying region sent is still under way, and what a dying region had not yet heard is
lost with it. Bytes keep their order, as TCP keeps it: they come later, slower, in stalls, or, while the line is cut, not at all.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable

from kumoniwa.kernel.record import Record

HELD_BYTES_MAX = 64 << 20
"""How much may be under way before the receiving side stops reading, which is what tells the sender to wait."""
SEGMENT_BYTES = 1_460
RETRANSMITTED_AFTER_S = 0.2
"""The least time after which TCP sends a lost segment again (Linux: 200 ms); it doubles with each loss."""


class Conditions(Record):
    """How a line is. Without delay, limit or loss it is a wire."""

    delay_ms: float = 0.0
    """One way."""
    jitter_ms: float = 0.0
    """Standard deviation of the delay; it never takes away more than a fifth of it."""
    mbps: float = 0.0
    """Megabits per second; 0 is no limit."""
    loss_percent: float = 0.0
    """Of segments of 1,460 bytes. Emulated: a lost one is a stall of 200 ms, twice that if it is lost again, and so on."""
    is_cut: bool = False
    """A blackhole: what is sent waits, as TCP sends it again, and arrives when the line is whole."""


class Line:
    """What arrives through ``arrive`` is passed to ``deliver`` when it is due."""

    def __init__(
        self, deliver: Callable[[bytes], None], conditions: Conditions, *, dice: random.Random, pause: Callable[[], None], resume: Callable[[], None]
    ) -> None:
        self.deliver, self.conditions, self.dice = deliver, conditions, dice
        self.pause, self.resume = pause, resume
        self.loop = asyncio.get_running_loop()
        self.waiting: deque[tuple[float, bytes]] = deque()
        self.waiting_bytes = 0
        self.passed_bytes = 0
        self.free_at = self.last_due = 0.0
        self.timer: asyncio.TimerHandle | None = None
        self.is_paused = False

    def arrive(self, chunk: bytes) -> None:
        conditions = self.conditions
        if not self.waiting and conditions == Conditions():
            self.passed_bytes += len(chunk)
            self.deliver(chunk)
            return
        self.waiting.append((self._due(len(chunk)), chunk))
        self.waiting_bytes += len(chunk)
        if self.waiting_bytes > HELD_BYTES_MAX and not self.is_paused:
            self.is_paused = True
            self.pause()
        self._expect()

    def become(self, conditions: Conditions) -> None:
        """Change. What a cut line held comes through as if it were sent now; what is under way otherwise stays so."""
        was_cut, self.conditions = self.conditions.is_cut, conditions
        if was_cut and not conditions.is_cut:
            held, self.waiting = self.waiting, deque()
            self.free_at = self.last_due = 0.0
            for _, chunk in held:
                self.waiting.append((self._due(len(chunk)), chunk))
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        self._expect()

    def close(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
        self.waiting.clear()

    def _due(self, size: int) -> float:
        now, conditions = self.loop.time(), self.conditions
        sent_at = now
        if conditions.mbps:
            self.free_at = sent_at = max(self.free_at, now) + size * 8 / (conditions.mbps * 1e6)
        delay_ms = conditions.delay_ms
        if conditions.jitter_ms:
            delay_ms += max(self.dice.gauss(0.0, conditions.jitter_ms), -delay_ms / 5)
        due = sent_at + delay_ms / 1e3 + self._stalls(size)
        # Bytes do not overtake each other.
        self.last_due = due = max(due, self.last_due)
        return due

    def _stalls(self, size: int) -> float:
        lost = self.conditions.loss_percent / 100
        stalled_s = 0.0
        if lost:
            for _ in range(-(-size // SEGMENT_BYTES)):
                again_s = RETRANSMITTED_AFTER_S
                while self.dice.random() < lost:
                    stalled_s, again_s = stalled_s + again_s, again_s * 2
        return stalled_s

    def _expect(self) -> None:
        if self.timer is None and self.waiting and not self.conditions.is_cut:
            self.timer = self.loop.call_at(self.waiting[0][0], self._come)

    def _come(self) -> None:
        self.timer = None
        # The loop wakes within its clock's resolution of the time asked for.
        now = self.loop.time() + 0.0005
        while self.waiting and self.waiting[0][0] <= now:
            chunk = self.waiting.popleft()[1]
            self.waiting_bytes -= len(chunk)
            self.passed_bytes += len(chunk)
            self.deliver(chunk)
        if self.is_paused and self.waiting_bytes < HELD_BYTES_MAX // 2:
            self.is_paused = False
            self.resume()
        self._expect()
