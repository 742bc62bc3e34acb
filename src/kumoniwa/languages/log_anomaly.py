"""What is unusual in logs: the patterns of a stretch of time held against those of the stretches before it.

AWS names five kinds of anomalies and does not publish how it finds them. The model here is one of counts and medians, so that every
finding can be checked by hand:

* **new pattern**: a pattern that never came before;
* **frequency**: a pattern came oftener or more rarely than the median of the stretches before, by more than six of their median absolute
  deviations (as standard deviations) and by more than half of it;
* **token value**: a token that had ten values at most has one that it never had;
* **number**: a number lies further from the median of the last 256 than ten of their deviations; numbers that only grow are counters;
* **HTTP errors**: a token whose values are all HTTP status codes is an error thrice as often as before, and at least three times.

Nothing is unusual before ``STRETCHES_MIN`` stretches and ``EVENTS_MIN`` events are known.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-Anomaly.html
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from statistics import median
from typing import Any, NamedTuple

from kumoniwa.languages.insights.clusters import VARIABLE, Cluster, Tree, raw_tokens, tokens_of

NEW, FREQUENCY, VALUE, NUMBER, HTTP = "new pattern", "frequency", "token value", "number", "HTTP errors"
KINDS = (NEW, FREQUENCY, VALUE, NUMBER, HTTP)
HIGH, MEDIUM, LOW = "HIGH", "MEDIUM", "LOW"
STRETCHES_MIN, EVENTS_MIN = 6, 20
STRETCHES_MAX = 288
"""So many counts of a pattern are kept: a day of stretches of five minutes."""
DEVIATION = 1.4826
FAR, NUMBER_FAR, CHANGE_MIN, COUNT_MIN = 6.0, 10.0, 0.5, 5
VALUES_MAX, FIGURES_MAX, WATCHED_MAX, SAMPLES_MAX = 10, 256, 20, 10
"""Values and numbers of a token, tokens of a pattern that are watched, events that are shown."""
KNOWN_MIN = 20
"""So often a token must have been seen."""
ERRORS_MIN, ERRORS_TIMES = 3, 3.0
PATTERNS_MAX = 500

_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
_STATUS = re.compile(r"[1-5]\d\d")
_ALARMING = re.compile(r"exception|fatal|panic|traceback|out of memory", re.IGNORECASE)
_NEVER_THE_SAME = frozenset({"Time", "Date", "UUID"})


class Tally:
    """What was seen of one pattern in one stretch of time, or in all before it."""

    __slots__ = ("count", "values", "figures", "samples")

    def __init__(self, count: int = 0, values: Any = None, figures: Any = None) -> None:
        self.count = count
        self.values: dict[int, dict[str, int] | None] = values or {}
        """By the place of a token; None where it had too many to be a choice of a few."""
        self.figures: dict[int, list[float]] = figures or {}
        self.samples: list[tuple[int, str]] = []

    def saw(self, place: int, value: str, times: int = 1) -> None:
        if place not in self.values and len(self.values) >= WATCHED_MAX:
            return
        held = self.values.setdefault(place, {})
        if held is not None:
            held[value] = held.get(value, 0) + times
            # A stretch may have a few more than all before it, which is just what is looked for.
            if len(held) > 2 * VALUES_MAX:
                self.values[place] = None
        number = _NUMBER.match(value)
        if number is not None:
            figures = self.figures.setdefault(place, [])
            figures += [float(number[0])] * min(times, FIGURES_MAX)
            if len(figures) > 2 * FIGURES_MAX:
                del figures[:-FIGURES_MAX]

    def learn(self, other: Tally) -> None:
        self.count += other.count
        for place, values in other.values.items():
            if values is None:
                self.values[place] = None
            for value, times in (values or {}).items():
                held = self.values.setdefault(place, {}) if place in self.values or len(self.values) < WATCHED_MAX else None
                if held is not None:
                    held[value] = held.get(value, 0) + times
                    if len(held) > VALUES_MAX:
                        self.values[place] = None
        for place, figures in other.figures.items():
            self.figures[place] = (self.figures.get(place, []) + figures)[-FIGURES_MAX:]


class Finding(NamedTuple):
    kind: str
    place: int
    """Of the token; -1 where it is the pattern."""
    description: str
    times: int
    """How many events of the stretch are unusual."""


class Pattern(Cluster):
    def __init__(self, tokens: list[str], message: str) -> None:
        super().__init__(tokens, message)
        self.id = hashlib.md5("".join(tokens).encode(), usedforsecurity=False).hexdigest()
        self.past = Tally()
        self.counts: list[int] = []
        self.seen: dict[int, Tally] = {}
        """By the number of the stretch."""
        self.normal: set[tuple[str, int]] = set()
        """Kinds of anomalies, and the tokens they are of, that were told to be none."""
        self.is_alarming = self.severity in ("FATAL", "ERROR") or _ALARMING.search(message) is not None

    def join(self, tokens: list[str]) -> None:
        """A token that now proves to vary had one value until now."""
        for place, (one, other) in enumerate(zip(self.tokens, tokens)):
            if one != other and not one.startswith(VARIABLE):
                for tally in (self.past, *self.seen.values()):
                    if tally.count:
                        tally.saw(place, one, tally.count)
        super().join(tokens)

    def saw(self, number: int, at_ms: int, message: str, raw: list[str]) -> None:
        tally = self.seen.get(number)
        if tally is None:
            tally = self.seen[number] = Tally()
        tally.count += 1
        for place, token in enumerate(self.tokens):
            if token.startswith(VARIABLE) and token[1:] not in _NEVER_THE_SAME:
                tally.saw(place, raw[place])
        if len(tally.samples) < SAMPLES_MAX:
            tally.samples.append((at_ms, message))

    def priority(self, finding: Finding) -> str:
        """By words and by how much changed, as AWS says: LogsAnomalyDetection-View."""
        if self.is_alarming or (finding.kind == HTTP and " 5xx" in finding.description):
            return HIGH
        return LOW if self.severity in ("DEBUG", "TRACE") or (finding.kind == VALUE and self.severity == "INFO") else MEDIUM

    def values_of(self, place: int, now: Tally) -> dict[str, int]:
        """The values of a token in all that is past and in a stretch, the commonest first."""
        found = dict(self.past.values.get(place) or {})
        for value, times in (now.values.get(place) or {}).items():
            found[value] = found.get(value, 0) + times
        return dict(sorted(found.items(), key=lambda each: -each[1])[:VALUES_MAX])


class Watch(Tree):
    """The patterns of a log, and what of each was usual until now."""

    make = Pattern

    def __init__(self, stretches: int = 0, is_bounded: bool = True) -> None:
        super().__init__()
        self.is_bounded = is_bounded
        """Whether what fits to no pattern is left aside when there are very many."""
        self.stretches = stretches
        """So many were settled."""
        self.events = 0

    def see(self, message: str, at_ms: int, number: int) -> None:
        raw = raw_tokens(message)
        tokens = tokens_of(raw)
        if self.is_bounded and len(self.clusters) >= PATTERNS_MAX and tuple(tokens) not in self.known and not self.is_near(tokens):
            return
        self.add(message, tokens=tokens).saw(number, at_ms, message, raw)

    @property
    def knows_enough(self) -> bool:
        return self.stretches >= STRETCHES_MIN and self.events >= EVENTS_MIN

    def settle(self, number: int, *, learns_all: bool) -> list[tuple[Pattern, Finding, Tally]]:
        """What is unusual in a stretch, which from now on is past. Unless it ``learns_all``, what is unusual stays so."""
        found: list[tuple[Pattern, Finding, Tally]] = []
        for pattern in self.clusters:
            tally = pattern.seen.pop(number, None) or Tally()
            findings = [each for each in _findings(pattern, tally) if (each.kind, each.place) not in pattern.normal] if self.knows_enough else []
            found += [(pattern, each, tally) for each in findings]
            if learns_all:
                findings = []
            self._learn(pattern, tally, findings)
        self.stretches += 1
        return found

    def learn(self, number: int) -> None:
        """Make a stretch past, whatever is in it."""
        for pattern in self.clusters:
            self._learn(pattern, pattern.seen.pop(number, None) or Tally(), ())
        self.stretches += 1

    def _learn(self, pattern: Pattern, tally: Tally, findings: Iterable[Finding]) -> None:
        kinds = {each.kind for each in findings}
        if NEW in kinds:
            return
        if FREQUENCY not in kinds and (pattern.past.count or tally.count):
            pattern.counts = (pattern.counts + [tally.count])[-STRETCHES_MAX:]
        for each in findings:
            if each.place >= 0:
                tally.values.pop(each.place, None)
                tally.figures.pop(each.place, None)
        self.events += tally.count
        pattern.past.learn(tally)

    # To be kept -------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """All that is known, as plain values. Nothing of a stretch that is not settled."""
        patterns = [
            {
                "tokens": each.tokens, "id": each.id, "severity": each.severity, "alarming": each.is_alarming, "count": each.past.count,
                "values": each.past.values, "figures": each.past.figures, "counts": each.counts, "normal": sorted(each.normal),
            }
            for each in self.clusters
        ]  # fmt: skip
        return {"stretches": self.stretches, "events": self.events, "patterns": patterns}


def watch_of(state: dict[str, Any]) -> Watch:
    """What ``state`` was of."""
    watch = Watch(state["stretches"])
    watch.events = state["events"]
    for held in state["patterns"]:
        pattern = Pattern(held["tokens"], "")
        pattern.id, pattern.severity, pattern.is_alarming = held["id"], held["severity"], held["alarming"]
        pattern.past, pattern.counts = Tally(held["count"], held["values"], held["figures"]), held["counts"]
        pattern.normal = {(kind, place) for kind, place in held["normal"]}
        watch.place(pattern)
    return watch


# What is unusual ------------------------------------------------------------------------------------------------


def _findings(pattern: Pattern, now: Tally) -> list[Finding]:
    past = pattern.past
    if not past.count:
        return [Finding(NEW, -1, f"New pattern: {now.count} events", now.count)] if now.count else []
    found = _frequency(pattern.counts, now.count)
    for place in now.values.keys() | now.figures.keys():
        known, values = past.values.get(place), now.values.get(place)
        seen = sum((known or {}).values())
        if known and values and seen >= KNOWN_MIN and all(_STATUS.fullmatch(value) for value in (*known, *values)):
            found += _errors(place, known, values)
        elif (
            known
            and values
            and seen >= KNOWN_MIN
            and len(known) <= VALUES_MAX // 2
            and (fresh := [value for value in values if value not in known])
        ):
            times = sum(values[value] for value in fresh)
            found.append(Finding(VALUE, place, f"Unexpected value {fresh[0]} of token {_name(pattern, place)}", times))
        elif known is None or not known or len(known) > VALUES_MAX // 2:
            found += _numbers(pattern, place, past.figures.get(place, []), now.figures.get(place, []))
    return found


def _frequency(counts: list[int], now: int) -> list[Finding]:
    if len(counts) < STRETCHES_MIN:
        return []
    middle = median(counts)
    spread = DEVIATION * median(abs(count - middle) for count in counts)
    apart = abs(now - middle)
    if apart <= FAR * max(spread, 0.5) or apart < max(CHANGE_MIN * middle, COUNT_MIN):
        return []
    change = f"{apart / middle:.0%}" if middle else f"{apart:g} events"
    return [Finding(FREQUENCY, -1, f"{change} {'increase' if now > middle else 'decrease'} in the number of events", now)]


def _errors(place: int, known: dict[str, int], values: dict[str, int]) -> list[Finding]:
    def errors(counts: dict[str, int]) -> int:
        return sum(times for value, times in counts.items() if value[0] in "45")

    now, before = errors(values), errors(known) / sum(known.values())
    share = now / sum(values.values())
    if now < ERRORS_MIN or share <= ERRORS_TIMES * before:
        return []
    worst = max((value for value in values if value[0] in "45"), key=lambda value: (value[0] == "5", values[value]))
    return [Finding(HTTP, place, f"{share:.0%} of responses are errors, {worst[0]}xx among them {worst}, after {before:.0%}", now)]


def _numbers(pattern: Pattern, place: int, known: list[float], values: list[float]) -> list[Finding]:
    if len(known) < KNOWN_MIN or not values:
        return []
    rising = sum(other >= one for one, other in zip(known, known[1:]))
    if rising >= 0.95 * (len(known) - 1) and known[0] != known[-1]:
        return []
    middle = median(known)
    spread = max(DEVIATION * median(abs(value - middle) for value in known), abs(middle) * 0.1)
    far = [value for value in values if abs(value - middle) > NUMBER_FAR * spread]
    if not spread or not far:
        return []
    worst = max(far, key=lambda value: abs(value - middle))
    return [Finding(NUMBER, place, f"Unusual number {worst:g} of token {_name(pattern, place)}, whose median is {middle:g}", len(far))]


def _name(pattern: Pattern, place: int) -> str:
    number = sum(token.startswith(VARIABLE) for token in pattern.tokens[: place + 1])
    return f"<{pattern.tokens[place][1:]}-{number}>"
