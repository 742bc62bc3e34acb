"""The map of services: what answered, who called whom, how often it went wrong and how long it took."""

from __future__ import annotations

from collections import Counter
from typing import Any

from kumoniwa.services.xray.trace import Service, Trace

CLIENT = "client"


class Tally:
    """Requests that came to one service, or over one edge."""

    def __init__(self) -> None:
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
        return [{"Value": value, "Count": count} for value, count in sorted(self.times.items())]


Node = tuple[str, str]
"""Name and type of a service."""


class Graph:
    def __init__(self, account: str) -> None:
        self.account = account
        self.nodes: dict[Node, Tally] = {}
        self.edges: dict[tuple[Node, Node], Tally] = {}
        self.roots: set[Node] = set()

    def add(self, trace: Trace) -> None:
        for service in trace.all:
            self.nodes.setdefault((service.name, service.type), Tally()).add(service)
        for begin, end in trace.pairs:
            self.edges.setdefault(((begin.name, begin.type), (end.name, end.type)), Tally()).add(end)
        root = trace.root
        if root.document.get("type") != "subsegment":
            client, entry = (root.name, CLIENT), (root.name, root.type)
            self.roots.add(entry)
            self.nodes.setdefault(client, Tally()).add(root)
            self.edges.setdefault((client, entry), Tally()).add(root)

    def shown(self) -> list[dict[str, Any]]:
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
    return {
        "ReferenceId": number, "StartTime": tally.starts, "EndTime": tally.ends, "SummaryStatistics": tally.statistics(),
        "ResponseTimeHistogram": tally.histogram(), "Aliases": [],
    }  # fmt: skip
