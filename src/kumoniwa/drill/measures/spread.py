"""A number over repeats: its range, how sure the range is, and the one that counts.

The range of n runs covers the true median with probability 1 - 2·(1/2)ⁿ (order statistics). A verdict takes the worst run.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    values: tuple[float | None, ...]
    """One per run; None is worse than any number (it did not recover)."""

    @property
    def known(self) -> list[float]:
        return [value for value in self.values if value is not None]

    @property
    def least(self) -> float | None:
        return min(self.known, default=None)

    @property
    def most(self) -> float | None:
        """The worst known value."""
        return max(self.known, default=None)

    @property
    def median_covered(self) -> float:
        """Probability that the true median lies within the range."""
        return max(0.0, 1 - 2 * 0.5 ** len(self.values)) if self.values else 0.0

    def is_at_most(self, asked: float) -> bool:
        """Every run met it."""
        return bool(self.values) and None not in self.values and max(self.known) <= asked


def is_distinguishable(difference: float, noise: float) -> bool:
    """A difference smaller than what calibration shows without any cause says nothing."""
    return abs(difference) > noise
