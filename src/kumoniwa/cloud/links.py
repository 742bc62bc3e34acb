"""The links between a cloud's regions: how far they are by default, and what faults make of them.

A link has two directions. ``aws-global`` and ``aws-edge`` stand beside every region, as AWS's control planes and edges do: their
links have no delay of their own, and can be cut like any other.
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from kumoniwa.aws.links import JITTER_MS, round_trips, rtt_ms
from kumoniwa.gate.address import EDGE, GLOBAL
from kumoniwa.links.line import Conditions

LAN_RTT_MS = 0.5
PROFILES = ("aws-p50", "lan", "none")


class Overlay(NamedTuple):
    """What one fault does to some lines."""

    fault: str
    sources: tuple[str, ...]
    """Patterns of names."""
    destinations: tuple[str, ...]
    spared: tuple[str, ...] = ()
    is_cut: bool = False
    is_reset: bool = False
    rtt_add_ms: float = 0.0
    jitter_ms: float = 0.0
    mbps: float = 0.0
    loss_percent: float = 0.0

    def lies_on(self, source: str, destination: str) -> bool:
        if source in self.spared or destination in self.spared:
            return False
        return _is_one(source, self.sources) and _is_one(destination, self.destinations)


def _is_one(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


class Links:
    """``profile`` is ``aws-p50`` (measured medians), ``lan``, ``none``, or a file like ``aws/links.csv``."""

    def __init__(self, profile: str) -> None:
        if profile not in PROFILES:
            round_trips(profile)  # to refuse a file that is no table when the cloud starts
        self.profile = profile
        self.overlays: list[Overlay] = []

    def conditions(self, source: str, destination: str) -> Conditions:
        """Of the line from ``source`` to ``destination``."""
        base_ms = self._rtt_ms(source, destination)
        delay_ms, jitter_ms = base_ms / 2, JITTER_MS if base_ms and self.profile != "lan" else 0.0
        mbps, loss, is_cut = 0.0, 0.0, False
        for overlay in self._on(source, destination):
            delay_ms += overlay.rtt_add_ms / 2
            jitter_ms = max(jitter_ms, overlay.jitter_ms)
            mbps = min(mbps or overlay.mbps, overlay.mbps or mbps)
            loss = 100 - (100 - loss) * (100 - overlay.loss_percent) / 100
            is_cut = is_cut or overlay.is_cut
        return Conditions(delay_ms=delay_ms, jitter_ms=jitter_ms, mbps=mbps, loss_percent=loss, is_cut=is_cut)

    def is_refused(self, source: str, destination: str) -> bool:
        """Whether the link is cut so that both ends notice at once."""
        return any(overlay.is_reset for pair in ((source, destination), (destination, source)) for overlay in self._on(*pair))

    def told(self, names: Iterable[str]) -> list[dict[str, Any]]:
        """Every line between these regions, as people ask for it."""
        names = sorted(names)
        return [self._told(a, b) for a in names for b in names if a != b]

    def _told(self, source: str, destination: str) -> dict[str, Any]:
        there, back = self.conditions(source, destination), self.conditions(destination, source)
        state = "cut" if there.is_cut else "slow" if there.mbps or there.loss_percent or self._on(source, destination) else "up"
        return {
            "from": source, "to": destination, "rtt_ms": round(there.delay_ms + back.delay_ms, 3), "delay_ms": round(there.delay_ms, 3),
            "jitter_ms": there.jitter_ms, "mbps": there.mbps or None, "loss_percent": there.loss_percent, "state": state,
            "faults": [overlay.fault for overlay in self._on(source, destination)],
        }  # fmt: skip

    def _on(self, source: str, destination: str) -> list[Overlay]:
        return [overlay for overlay in self.overlays if overlay.lies_on(source, destination)]

    def _rtt_ms(self, source: str, destination: str) -> float:
        if self.profile == "none" or {source, destination} & {GLOBAL, EDGE}:
            return 0.0
        return LAN_RTT_MS if self.profile == "lan" else rtt_ms(source, destination, "" if self.profile == "aws-p50" else self.profile)
