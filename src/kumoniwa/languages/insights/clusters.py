"""Messages clustered by the text they share: the command ``pattern``.

A message is a row of tokens. Those that look like times, addresses, identifiers or numbers are variable from the start; messages of the
same length that agree in most of the others form one pattern, in which whatever they do not agree in is variable too (after Drain,
He et al. 2017). How AWS clusters is not published: what is promised is that every event of a pattern reads as the pattern does.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-Pattern.html
"""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.languages.insights.value import ANY, FIGURE

DIFFERENCES = {"@pattern": ANY, "@sampleCount": FIGURE, "@diffEventCount": FIGURE, "@diffDescription": ANY, "@severityLabel": ANY}
COLUMNS = {"@pattern": ANY, "@sampleCount": FIGURE, "@ratio": FIGURE, "@severityLabel": ANY}
ALIKE = 0.6
TOKENS_MAX = 300
CLUSTERS_MAX = 2_000
NEAR_MAX = 200
"""So many of one length and one beginning are told apart: what comes then joins the likest, so that no log makes looking for it long."""

_TOKEN = re.compile(r"\s+|[\[\](){}<>\"',;=|]|[^\s\[\](){}<>\"',;=|]+")
_KINDS = (
    ("Time", re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?|\d\d:\d\d:\d\d(?:[.,]\d+)?")),
    ("Date", re.compile(r"\d{4}[-/]\d\d[-/]\d\d|\d\d/\w{3}/\d{4}")),
    ("UUID", re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")),
    ("IP", re.compile(r"\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?")),
    ("Number", re.compile(r"[+-]?\d+(?:\.\d+)?(?:ms|s|%|MB|KB|GB)?")),
    ("Token", re.compile(r"(?=\S*\d)[\w./:+-]{8,}|(?=\w*\d)[0-9a-fA-F]{6,}")),
)
VARIABLE = "\0"
_SEVERITY = re.compile(r"\b(FATAL|CRITICAL|ERROR|EXCEPTION|WARN|WARNING|INFO|DEBUG|TRACE)\b", re.IGNORECASE)
_LABELS = {"CRITICAL": "FATAL", "EXCEPTION": "ERROR", "WARNING": "WARN"}


def raw_tokens(message: str) -> list[str]:
    """A message's tokens as they stand in it."""
    return _TOKEN.findall(message)[:TOKENS_MAX]


def tokens_of(raw: list[str]) -> list[str]:
    """The same; those that are variable are a zero and the name of their kind."""
    tokens = []
    for token in raw:
        if any(character.isdigit() for character in token):
            for name, pattern in _KINDS:
                if pattern.fullmatch(token):
                    token = VARIABLE + name
                    break
        tokens.append(token)
    return tokens


class Cluster:
    def __init__(self, tokens: list[str], message: str) -> None:
        self.tokens, self.count, self.before = tokens, 0, 0
        severity = _SEVERITY.search(message)
        found = severity[1].upper() if severity else ""
        self.severity = _LABELS.get(found, found)

    def likeness(self, tokens: list[str]) -> float:
        same = words = 0
        for one, other in zip(self.tokens, tokens):
            if one.isspace() and one == other:
                continue
            words += 1
            same += one == other
        return same / words if words else 1.0

    def met(self, is_now: bool) -> None:
        if is_now:
            self.count += 1
        else:
            self.before += 1

    def join(self, tokens: list[str]) -> None:
        if tokens != self.tokens:
            self.tokens = [one if one == other else f"{VARIABLE}Token" for one, other in zip(self.tokens, tokens)]

    def text(self) -> str:
        made, place = [], 0
        for token in self.tokens:
            if token.startswith(VARIABLE):
                place += 1
                made.append(f"<{token[1:]}-{place}>")
            else:
                made.append(token)
        return "".join(made)


def _near_key(tokens: list[str]) -> tuple[int, str]:
    return len(tokens), tokens[0] if tokens else ""


class Tree:
    """Clusters by how many tokens they have and the first of these, among which the likest is looked for."""

    make: type[Cluster] = Cluster

    def __init__(self) -> None:
        self.clusters: list[Any] = []
        self.known: dict[tuple[str, ...], Any] = {}
        self.near: dict[tuple[int, str], list[Any]] = {}
        self.count = 0

    def add(self, message: str, is_now: bool = True, tokens: list[str] | None = None) -> Any:
        """The cluster of a message of the time that is asked about, or of the one it is compared with. ``tokens`` are its own, if they are known."""
        self.count += is_now
        tokens = tokens_of(raw_tokens(message)) if tokens is None else tokens
        key = tuple(tokens)
        cluster = self.known.get(key)
        if cluster is None:
            best, likeness = self._likest(tokens)
            if best is not None and (likeness >= ALIKE or len(self.near[_near_key(tokens)]) >= NEAR_MAX):
                best.join(tokens)
                cluster = best
            else:
                cluster = self.make(tokens, message)
                self.place(cluster)
            if len(self.known) < CLUSTERS_MAX:
                self.known[key] = cluster
        cluster.met(is_now)
        return cluster

    def place(self, cluster: Any) -> None:
        self.near.setdefault(_near_key(cluster.tokens), []).append(cluster)
        self.clusters.append(cluster)

    def _likest(self, tokens: list[str]) -> tuple[Any, float]:
        found = [(each.likeness(tokens), each) for each in self.near.get(_near_key(tokens), ())]
        likeness, best = max(found, key=lambda each: each[0], default=(0.0, None))
        return best, likeness

    def is_near(self, tokens: list[str]) -> bool:
        """Whether such a message would join a cluster that is there."""
        return self._likest(tokens)[1] >= ALIKE

    def patterns(self) -> list[dict[str, Any]]:
        return [
            {"@pattern": each.text(), "@sampleCount": each.count, "@ratio": each.count / self.count, "@severityLabel": each.severity or None}
            for each in self.clusters
        ]

    def differences(self) -> list[dict[str, Any]]:
        """What ``diff`` shows of each pattern, the greatest change first. AWS shows these columns and does not publish how a query's
        results name them: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_AnalyzeLogData_Compare.html"""
        return [
            {
                "@pattern": each.text(), "@sampleCount": each.count, "@diffEventCount": each.count - each.before,
                "@diffDescription": _described(each.count, each.before), "@severityLabel": each.severity or None,
            }
            for each in sorted(self.clusters, key=lambda each: abs(each.count - each.before), reverse=True)
        ]  # fmt: skip


def _described(now: int, before: int) -> str:
    if now == before:
        return "unchanged"
    if not before or not now:
        return "new" if now else "gone"
    return f"{abs(now - before) / before:.0%} {'more' if now > before else 'fewer'}"
