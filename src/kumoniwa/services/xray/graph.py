"""The map of services: what answered, who called whom, how often it went wrong and how long it took."""

from __future__ import annotations

from collections import Counter
from typing import Any

from kumoniwa.services.xray.trace import Service, Trace

CLIENT = "client"


class Tally:
    """Requests that came to one service, or over one edge. An edge that is a link counts how long its messages were under way."""

    def __init__(self, *, is_link: bool = False) -> None:
        self.is_link = is_link
        self.ages: Counter[float] = Counter()
        self.ok = self.throttles = self.errors = self.faults = self.count = 0
        self.response_s = 0.0
        self.starts, self.ends = float("inf"), 0.0
        self.times: Counter[float] = Counter()

    def add(self, service: Service) -> None:
        document = service.document
        self.starts = min(self.starts, document["start_time"])
        self.ends = max(self.ends, document.get("end_time", document["start_time"]))
        if document.get("in_progress"):
            return
        self.count += 1
        self.faults += service.is_fault
        self.throttles += service.is_throttle and not service.is_fault
        self.errors += service.is_error and not service.is_throttle and not service.is_fault
        self.ok += not (service.is_fault or service.is_error)
        self.response_s += service.response_s
        self.times[round(service.response_s, 3)] += 1

    def statistics(self) -> dict[str, Any]:
        return {
            "OkCount": self.ok,
            "ErrorStatistics": {"ThrottleCount": self.throttles, "OtherCount": self.errors, "TotalCount": self.throttles + self.errors},
            "FaultStatistics": {"OtherCount": self.faults, "TotalCount": self.faults},
            "TotalCount": self.count,
            "TotalResponseTime": round(self.response_s, 6),
        }

    def histogram(self) -> list[dict[str, Any]]:
        return _histogram(self.times)


def _histogram(counted: Counter[float]) -> list[dict[str, Any]]:
    return [{"Value": value, "Count": count} for value, count in sorted(counted.items())]


Node = tuple[str, str]
"""Name and type of a service."""


class Graph:
    """Of several traces, also where one is linked to another: what a message brought about is a trace of its own."""

    def __init__(self, account: str) -> None:
        self.account = account
        self.nodes: dict[Node, Tally] = {}
        self.edges: dict[tuple[Node, Node], Tally] = {}
        self.roots: set[Node] = set()
        self.places: dict[tuple[str, str], tuple[Node, float]] = {}
        """By trace and id of a segment or subsegment: the service it stands for, and when it ended. A call stands for whom it called."""
        self.links: list[tuple[Service, tuple[str, str]]] = []
        """Services with the trace and the id that each is linked to."""

    def add(self, trace: Trace) -> None:
        for service in trace.all:
            self.nodes.setdefault((service.name, service.type), Tally()).add(service)
        for begin, end in trace.pairs:
            self.edges.setdefault(((begin.name, begin.type), (end.name, end.type)), Tally()).add(end)
        self._place(trace)
        root = trace.root
        # What is linked to others was called by them, and by no client.
        if root.document.get("type") != "subsegment" and not root.links:
            client, entry = (root.name, CLIENT), (root.name, root.type)
            self.roots.add(entry)
            self.nodes.setdefault(client, Tally()).add(root)
            self.edges.setdefault((client, entry), Tally()).add(root)

    def _place(self, trace: Trace) -> None:
        for service in trace.all:
            node = (service.name, service.type)
            for part in service.parts():
                if "id" in part:
                    self.places.setdefault((trace.id, part["id"].lower()), (node, part.get("end_time", part["start_time"])))
            self.links += [(service, link) for link in service.links]
        for _, service in trace.pairs:
            document = service.document
            if document["parent_id"].lower() in trace.by_id:
                continue  # called by a segment as such, which stands for itself
            self.places[trace.id, document["parent_id"].lower()] = ((service.name, service.type), document.get("end_time", document["start_time"]))

    def _joined(self) -> dict[tuple[Node, Node], Tally]:
        """What was brought about, by whom and by what."""
        found: dict[tuple[Node, Node], Tally] = {}
        for service, link in self.links:
            place = self.places.get(link)
            if place is not None:
                tally = found.setdefault((place[0], (service.name, service.type)), Tally(is_link=True))
                tally.add(service)
                tally.ages[round(max(service.document["start_time"] - place[1], 0.0), 3)] += 1
        return found

    def shown(self) -> list[dict[str, Any]]:
        self.edges |= self._joined()
        numbers = {node: number for number, node in enumerate(sorted(self.nodes))}
        return [self._node(node, numbers) for node in numbers]

    def _node(self, node: Node, numbers: dict[Node, int]) -> dict[str, Any]:
        (name, kind), tally = node, self.nodes[node]
        leaving = sorted((numbers[end], tally) for (begin, end), tally in self.edges.items() if begin == node)
        shown: dict[str, Any] = {
            "ReferenceId": numbers[node], "Name": name, "Names": [name], "State": "unknown" if kind == CLIENT else "active",
            "StartTime": tally.starts, "EndTime": tally.ends, "Edges": [_edge(number, held) for number, held in leaving],
        }  # fmt: skip
        if kind:
            shown["Type"] = kind
        if kind != CLIENT:
            shown |= {
                "AccountId": self.account, "SummaryStatistics": tally.statistics(), "DurationHistogram": tally.histogram(),
                "ResponseTimeHistogram": tally.histogram(),
            }  # fmt: skip
        if node in self.roots:
            shown["Root"] = True
        return shown


def _edge(number: int, tally: Tally) -> dict[str, Any]:
    shown = {
        "ReferenceId": number, "StartTime": tally.starts, "EndTime": tally.ends, "SummaryStatistics": tally.statistics(), "Aliases": [],
    }  # fmt: skip
    if tally.is_link:
        return shown | {"EdgeType": "link", "ReceivedEventAgeHistogram": _histogram(tally.ages)}
    return shown | {"ResponseTimeHistogram": _histogram(tally.times)}
