"""The commands ``anomaly``, which tells what is unusual of patterns, and ``relevantfields``, which tells by what events differ.

How AWS computes either is not published, nor how the columns of ``anomaly`` are called. Here the time that is asked about is divided into
24 stretches, each of which is held against those before it as ``languages.log_anomaly`` does. The relevance of a field is how far apart the
values of the events that meet the condition are from those of the others: of numbers the distance of Kolmogorov and Smirnov, of other values
the total variation distance; both are 0 for the same and 1 for nothing in common.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-RelevantFields.html
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

from kumoniwa.languages.insights.barriers import Barrier
from kumoniwa.languages.insights.expression import AT, MADE, STREAM, Read, Row, everything
from kumoniwa.languages.insights.setting import Setting
from kumoniwa.languages.insights.syntax import Field
from kumoniwa.languages.insights.value import ANY, FIGURE, TIME, number, spelled, text
from kumoniwa.languages.log_anomaly import Watch

STRETCHES = 24
COLUMNS = {"@anomalyType": ANY, "@anomalyDescription": ANY, "@anomalyPriority": ANY, "@anomalyTime": TIME, "@anomalyCount": FIGURE}
RELEVANCE = {"@fieldName": ANY, "@relevanceScore": FIGURE, "@topRelevanceContributors": ANY, "@conditionalMedian": FIGURE, "@baselineMedian": FIGURE}
_FOUND = "\0found"
FIELDS_MAX, VALUES_MAX, CONTRIBUTORS_MAX = 500, 2_000, 5
SKIPPED = ("@timestamp", "@ingestionTime", "@message", "@ptr")


def _row(made: dict[str, Any]) -> Row:
    return [None, None, None, None, None, None, made]


# anomaly --------------------------------------------------------------------------------------------------------


class Watching(Barrier):
    """The command ``pattern``, where ``anomaly`` comes after it."""

    def __init__(self, read: Read, setting: Setting) -> None:
        self.read, self.start_ms = read, setting.start_ms
        self.width_ms = max((setting.end_ms + 1 - setting.start_ms) / STRETCHES, 1)
        self.watch = Watch(is_bounded=False)

    def take(self, rows: list[Row]) -> None:
        for row in rows:
            value = text(self.read(row))
            if value is not None:
                self.watch.see(value, row[AT], int((row[AT] - self.start_ms) // self.width_ms))

    def rows(self) -> list[Row]:
        patterns = self.watch.patterns()
        found: dict[str, dict[tuple[str, int], dict[str, Any]]] = {}
        for place in sorted({each for pattern in self.watch.clusters for each in pattern.seen}):
            for pattern, finding, _ in self.watch.settle(place, learns_all=True):
                held = found.setdefault(pattern.id, {})
                key = (finding.kind, finding.place)
                if key not in held or held[key]["@anomalyCount"] < finding.times:
                    held[key] = {
                        "@anomalyType": finding.kind, "@anomalyDescription": finding.description, "@anomalyPriority": pattern.priority(finding),
                        "@anomalyTime": int(self.start_ms + place * self.width_ms), "@anomalyCount": finding.times,
                    }  # fmt: skip
        return [
            _row(shown | {_FOUND: list(found.get(pattern.id, {}).values())}) for pattern, shown in zip(self.watch.clusters, patterns)
        ]


def findings(rows: list[Row]) -> list[Row]:
    """A row for each finding; patterns of which nothing is unusual are left out."""
    return [_row({**row[MADE], **found}) for row in rows for found in row[MADE].get(_FOUND, ())]


# relevantfields -------------------------------------------------------------------------------------------------


def names_in(node: Any) -> set[str]:
    """The fields that an expression reads."""
    if isinstance(node, Field):
        return {node.name}
    return set().union(*map(names_in, node)) if isinstance(node, tuple) else set()


class _Values:
    """Of one field, on one side."""

    def __init__(self) -> None:
        self.count, self.texts = 0, Counter[str]()
        self.figures: list[float] = []

    def saw(self, value: Any) -> None:
        self.count += 1
        written, figure = spelled(value), number(value)
        if len(self.texts) < VALUES_MAX or written in self.texts:
            self.texts[written] += 1
        if figure is not None and len(self.figures) < VALUES_MAX:
            self.figures.append(figure)

    @property
    def is_numeric(self) -> bool:
        return len(self.figures) == min(self.count, VALUES_MAX)


class Relevance(Barrier):
    """The fields of events that meet a condition against those of the others, the most relevant first.

    A field that the condition itself reads tells nothing, so it is left out unless it is asked for.
    """

    def __init__(self, meets: Callable[[Row], Any], reads: Mapping[str, Read], asked: set[str], places: Any) -> None:
        self.meets, self.reads, self.asked, self.places = meets, reads, asked, places
        self.sides: dict[str, tuple[_Values, _Values]] = {}
        self.counts = [0, 0]

    def take(self, rows: list[Row]) -> None:
        for row in rows:
            side = 0 if self.meets(row) else 1
            self.counts[side] += 1
            if self.reads:
                found = {name: read(row) for name, read in self.reads.items()}
            else:
                found = {name: value for name, value in self._all(row).items() if name not in self.asked and name not in SKIPPED}
            for name, value in found.items():
                if value is not None and (name in self.sides or len(self.sides) < FIELDS_MAX):
                    self.sides.setdefault(name, (_Values(), _Values()))[side].saw(value)

    def _all(self, row: Row) -> dict[str, Any]:
        """What commands made of an event, too; a row that one of them added is of no stream."""
        found = everything(row, self.places) if row[STREAM] is not None else {}
        return found | {name: value for name, value in (row[MADE] or {}).items() if not name.startswith("\0")}

    def rows(self) -> list[Row]:
        if not all(self.counts):
            return []
        made = [_relevance(name, *sides, self.counts) for name, sides in self.sides.items()]
        return [_row(each) for each in sorted(made, key=lambda each: (-each["@relevanceScore"], each["@fieldName"]))]


def _relevance(name: str, met: _Values, others: _Values, counts: list[int]) -> dict[str, Any]:
    if met.is_numeric and others.is_numeric and met.figures and others.figures:
        score = _distance(sorted(met.figures), sorted(others.figures))
        return {"@fieldName": name, "@relevanceScore": score, "@conditionalMedian": median(met.figures), "@baselineMedian": median(others.figures)}
    shares = {
        value: (met.texts[value] / counts[0], others.texts[value] / counts[1]) for value in met.texts.keys() | others.texts.keys()
    }
    # Events that have no such field are a value of their own.
    absent = abs((counts[0] - met.count) / counts[0] - (counts[1] - others.count) / counts[1])
    score = (sum(abs(one - other) for one, other in shares.values()) + absent) / 2
    shifts = sorted(shares.items(), key=lambda each: (-abs(each[1][0] - each[1][1]), each[0]))[:CONTRIBUTORS_MAX]
    top = ", ".join(f"{value} ({other:.0%} to {one:.0%})" for value, (one, other) in shifts if one != other)
    return {"@fieldName": name, "@relevanceScore": min(score, 1.0), "@topRelevanceContributors": top or None}


def _distance(one: list[float], other: list[float]) -> float:
    """Of Kolmogorov and Smirnov: the greatest difference of the shares of values up to some value."""
    return max(abs(bisect_right(one, value) / len(one) - bisect_right(other, value) / len(other)) for value in {*one, *other})
