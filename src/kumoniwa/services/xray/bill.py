"""What AWS bills for traces: each once when it is recorded, however many segments it has, and when it is retrieved or scanned.

https://aws.amazon.com/xray/pricing/. Where traces are lines of a log (Transaction Search) their lines are billed as all that logs take; what is
indexed of them beyond the first percent, and the traces that insights look at, are not counted. That graphs and statistics scan nothing that is
billed is not said in words.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.ledger import Use
from kumoniwa.kernel.call import Call

REMEMBERED_MAX = 20_000
CLOCKS_APART_S = 5.0
"""So far ahead may the clock be that a trace's id was made by."""


class Recent:
    """Traces that somebody sent a segment of, so that the next is known to be of the same. They are forgotten half at a time."""

    def __init__(self) -> None:
        self.traces: set[str] = set()
        self.before: set[str] = set()
        self.began = self.since = float("inf")
        """Since when each of the two is whole."""

    def add(self, trace: str, now: float) -> None:
        if self.began > now:
            self.began = self.since = now
        self.traces.add(trace)
        if len(self.traces) == REMEMBERED_MAX:
            self.before, self.since = self.traces, self.began
            self.traces, self.began = set(), now


def recorded(call: Call, recent: Recent, trace: str, now: float, rows: Any) -> None:
    """The first segment of a trace for a while, which is not kept yet. When a trace began its id says, so that rows are asked only about
    those that may have been known before this life of the region."""
    is_known = trace in recent.before
    if not is_known and not recent.since + CLOCKS_APART_S < int(trace[2:10], 16) <= now:
        is_known = rows.one("select 1 from xray_segment where trace = ? limit 1", trace) is not None
    recent.add(trace, now)
    if not is_known:
        call.bill("xray:traces_recorded", "")


def uses_of(call: Call, operation: str, params: dict[str, Any], result: dict[str, Any]) -> tuple[Use, ...]:
    if operation == "BatchGetTraces":
        return (("xray:traces_retrieved", "", float(len(result["Traces"]))),)
    return (("xray:traces_scanned", "", float(result["TracesProcessedCount"])),) if operation == "GetTraceSummaries" else ()
