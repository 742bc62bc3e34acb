"""What X-Ray hears of an account, measured: the metrics that AWS's agent makes of spans, in the namespace ApplicationSignals.

Which dimensions go together is aws/amazon-cloudwatch-agent's ``appsignals_config_generic.yaml``. AWS's agent sees each span, sampled or not; here
those count that were sent.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.meter import rounded
from kumoniwa.services.application_signals import discovery, signal, topology
from kumoniwa.services.application_signals.signal import Signal

NAMESPACE = "ApplicationSignals"
XRAY, SPANS = "xray", "Spans"
"""The fact ``(XRAY, SPANS, account, spans)`` on the region's bus: what has come in and is kept."""
WAITS_S, WAITING_MAX = 60.0, 5_000
OF_REQUESTS = (("Environment", "Service", "Operation"), ("Environment", "Service"))
OF_CALLS = (
    ("Environment", "Service", "Operation", "RemoteService", "RemoteOperation", "RemoteResourceIdentifier", "RemoteResourceType"),
    ("Environment", "Service", "Operation", "RemoteService", "RemoteOperation", "RemoteEnvironment"),
    ("Environment", "Service", "Operation", "RemoteService", "RemoteOperation"),
    ("Environment", "Service", "RemoteService"),
    ("Environment", "Service", "RemoteService", "RemoteOperation", "RemoteResourceIdentifier", "RemoteResourceType"),
    ("Environment", "Service", "RemoteService", "RemoteOperation"),
    ("Environment", "Service", "RemoteService", "RemoteResourceIdentifier", "RemoteResourceType"),
    ("RemoteService", "RemoteResourceIdentifier", "RemoteResourceType"),
    ("RemoteService",),
)


def dimensions(signal: Signal) -> dict[str, str]:
    """All that can be said of one; what is empty is none."""
    told = {"Environment": signal.environment, "Service": signal.service, "Operation": signal.operation}
    if (remote := signal.remote) is not None:
        told |= {
            "RemoteService": remote.service, "RemoteOperation": remote.operation, "RemoteEnvironment": remote.environment,
            "RemoteResourceIdentifier": remote.resource, "RemoteResourceType": remote.resource_type,
        }  # fmt: skip
    return {name: value for name, value in told.items() if value}


def heard(region: Any, fact: tuple) -> None:
    service, kind, account, detail = fact
    if (service, kind) != (XRAY, SPANS):
        return
    call = region.call("application-signals", account, principals.service(discovery.ROLE.service, account))
    if discovery.is_on(call):
        spans, by_id = call.memory(Waiting).joined(detail, call.now())
        for each in signal.read(spans, by_id):
            _measured(call, each)
            topology.see(call, each)
            # Each request that comes or goes is a signal: https://aws.amazon.com/cloudwatch/pricing/. What objectives add is not counted.
            call.bill("application_signals:signals", each.service)


class Waiting:
    """Spans that came before the request in which they happened, as they do that are sent when they end. After a while they stand for themselves,
    or, as parts of a segment that does not come, for nothing. Not durable."""

    def __init__(self) -> None:
        self.by_trace: dict[str, tuple[float, list[dict[str, Any]]]] = {}
        self.count = 0

    def joined(self, came: list[dict[str, Any]], now: float) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
        """What can be read now, of what came and what has waited for it; and all that may enclose it."""
        spans = [signal.plain(span) for span in came]
        for trace in {span["traceId"] for span in came} & self.by_trace.keys():
            spans += self._taken(trace)
        by_id = signal.by_ids(spans)
        ready = []
        for span in spans:
            if signal.is_placed(span, by_id):
                ready.append(span)
            else:
                self.by_trace.setdefault(span["traceId"], (now, []))[1].append(span)
                self.count += 1
        while self.by_trace:
            trace, (since, _) = next(iter(self.by_trace.items()))
            if since + WAITS_S > now and self.count <= WAITING_MAX:
                break
            late = self._taken(trace)
            by_id |= signal.by_ids(late)
            ready += [span for span in late if not signal.is_part(span)]
        return ready, by_id

    def _taken(self, trace: str) -> list[dict[str, Any]]:
        _, spans = self.by_trace.pop(trace)
        self.count -= len(spans)
        return spans


def _measured(call: Call, each: Signal) -> None:
    told = dimensions(each)
    figures = (("Latency", rounded(each.latency_ms), "Milliseconds"), ("Fault", float(each.is_fault), "None"), ("Error", float(each.is_error), "None"))
    for names in OF_REQUESTS if each.remote is None else OF_CALLS:
        if all(name in told for name in names):
            pairs = [part for name in names for part in (name, told[name])]
            for name, value, unit in figures:
                call.measure(NAMESPACE, name, *pairs, value=value, unit=unit)
