"""What services measure of themselves: counted in memory, and put into CloudWatch as its minute ends, or when somebody asks.

To count costs two look-ups. What a minute counted is lost with a region that is killed in it, as AWS's own figures may be.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.errors import AwsError

SERVICE = "monitoring.amazonaws.com"
"""Whom CloudWatch lets put figures into the namespaces that are AWS's own."""
MINUTE_S = 60
GLOBALS_PLACE = "us-east-1"
EARLY_S = 0.5
REST_MIN_S = 0.001
"""Less than that is now: the time of day as a float tells no shorter rests apart."""
METRICS_MAX = 20_000
"""So many metrics are counted in one minute, and no more."""
DATA_AT_ONCE, VALUES_AT_ONCE = 1_000, 150
"""What one PutMetricData takes."""

Gauge = Callable[[], None]
"""Measures what there is at the end of a minute."""


class Meter:
    def __init__(self, home: Any) -> None:
        self.home = home
        self._counted: dict[tuple, dict[float, int]] = {}
        self._gauges: dict[Any, Gauge] = {}
        self._is_due = False

    def count(
        self, account: str, namespace: str, name: str, dimensions: tuple[str, ...], value: float = 1.0, unit: str = "Count",
        place: str | None = None, times: int = 1,
    ) -> None:  # fmt: skip
        """A value of a metric, whose dimensions are names and values in turn; ``place`` is the region that shows it, if that is another."""
        key = (account, namespace, name, unit, dimensions, place)
        values = self._counted.get(key)
        if values is None:
            values = self._begin(key)
        values[value] = values.get(value, 0) + times

    def count_all(
        self, account: str, namespace: str, name: str, dimensions: tuple[str, ...], values: Mapping[float, int], unit: str
    ) -> None:  # fmt: skip
        """Values of a metric and how many there are of each, rounded to three digits."""
        key = (account, namespace, name, unit, dimensions, None)
        held = self._counted.get(key)
        if held is None:
            held = self._begin(key)
        for value, times in values.items():
            value = rounded(value)
            held[value] = held.get(value, 0) + times

    def gauge(self, key: Any, measure: Gauge | None) -> None:
        """Have something measured at the end of each minute from now on; None to stop it."""
        if measure is None:
            self._gauges.pop(key, None)
        else:
            self._gauges[key] = measure
            self._expect_end()

    def _begin(self, key: tuple) -> dict[float, int]:
        self._expect_end()
        return self._counted.setdefault(key, {}) if len(self._counted) < METRICS_MAX else {}

    def _expect_end(self) -> None:
        if not self._is_due:
            self._is_due = True
            self.home.spawn(self._end_minute())

    async def _end_minute(self) -> None:
        # Our minutes end half a second early, so that whoever looks at one on its stroke finds it.
        began = (self.home.clock.now() + EARLY_S) // MINUTE_S * MINUTE_S
        try:
            await asyncio.sleep(max(REST_MIN_S, began + MINUTE_S - EARLY_S - self.home.clock.now()))
        finally:
            self._is_due = False
        for measure in list(self._gauges.values()):
            measure()
        counted, self._counted = self._counted, {}
        if self._gauges:
            self._expect_end()
        await self._put(counted, began)

    def holds(self, account: str) -> bool:
        """Whether something was counted that an account would be shown here."""
        return any(key[0] == account and key[5] in (None, self.home.name) for key in self._counted)

    async def put_early(self, account: str) -> None:
        """Put what was counted so far, for somebody who wants to see it now; what is counted later in its minute is added to it."""
        chosen = [key for key in self._counted if key[0] == account and key[5] in (None, self.home.name)]
        began = (self.home.clock.now() + EARLY_S) // MINUTE_S * MINUTE_S
        await self._put({key: self._counted.pop(key) for key in chosen}, began)

    async def _put(self, counted: dict[tuple, dict[float, int]], at: float) -> None:
        data: dict[tuple[str, str, str | None], list[dict[str, Any]]] = {}
        # AWS says of its global services that they are in us-east-1.
        here = GLOBALS_PLACE if self.home.name.startswith("aws-") else None
        for (account, namespace, name, unit, dimensions, place), values in counted.items():
            named = [{"Name": key, "Value": value} for key, value in zip(dimensions[::2], dimensions[1::2])]
            held = list(values.items())
            for start in range(0, len(held), VALUES_AT_ONCE):
                some = held[start : start + VALUES_AT_ONCE]
                data.setdefault((account, namespace, place or here), []).append({
                    "MetricName": name, "Dimensions": named, "Unit": unit, "Timestamp": at,
                    "Values": [float(value) for value, _ in some], "Counts": [float(count) for _, count in some],
                })  # fmt: skip
        for (account, namespace, place), metrics in data.items():
            us = principals.service(SERVICE, account)
            for start in range(0, len(metrics), DATA_AT_ONCE):
                asked = {"Namespace": namespace, "MetricData": metrics[start : start + DATA_AT_ONCE]}
                try:
                    await self.home.ask(us, "cloudwatch:PutMetricData", asked, region=place)
                except AwsError as error:
                    # CloudWatch is down by somebody's wish: these figures are missing, as they would be.
                    self.home.note("unmeasured", namespace=namespace, code=error.code)


def rounded(value: float) -> float:
    """Three digits are enough for a duration, and keep the number of different values small."""
    return float(f"{value:.3g}")
