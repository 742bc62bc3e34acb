"""How far AWS's regions are from each other: measured round trips in milliseconds.

The table (``links.csv``, its first line names the source) holds fourteen regions. A pair that it does not hold is given
``UNMEASURED_RTT_MS``, which is declared and not measured. A round trip has one value for both ends; where the two ends measured
different ones, it is their mean.
"""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

UNMEASURED_RTT_MS = 150.0
JITTER_MS = 0.4
"""Standard deviation of a one-way delay. Median of the mean deviations of pings between 19 regions, 2020-06-05,
vitorenesduarte/fantoch (MIT/Apache-2.0): 0.43 ms."""


@cache
def round_trips(path: str = "") -> dict[tuple[str, str], float]:
    """Round trips by pair of regions, from our table or from a file of the same form. Raises ValueError for another form."""
    file = Path(path) if path else Path(__file__).with_name("links.csv")
    rows = list(csv.reader(line for line in file.read_text().splitlines() if line.strip() and not line.startswith("#")))
    names = rows[0][1:] if rows else []
    said = {(row[0], name): float(value) for row in rows[1:] for name, value in zip(names, row[1:], strict=True) if value.strip()}
    if not said:
        raise ValueError(f"{path}: a table of links begins with a line of region names and has a line of milliseconds for each region")
    return {(a, b): (rtt + said.get((b, a), rtt)) / 2 for (a, b), rtt in said.items()}


def rtt_ms(one: str, other: str, path: str = "") -> float:
    """The round trip between two regions, milliseconds."""
    table = round_trips(path)
    return table.get((one, other), table.get((other, one), UNMEASURED_RTT_MS))
