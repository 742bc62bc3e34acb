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
        for each in signal.read(detail):
            _measured(call, each)
            topology.see(call, each)


def _measured(call: Call, each: Signal) -> None:
    told = dimensions(each)
    figures = (("Latency", rounded(each.latency_ms), "Milliseconds"), ("Fault", float(each.is_fault), "None"), ("Error", float(each.is_error), "None"))
    for names in OF_REQUESTS if each.remote is None else OF_CALLS:
        if all(name in told for name in names):
            pairs = [part for name in names for part in (name, told[name])]
            for name, value, unit in figures:
                call.measure(NAMESPACE, name, *pairs, value=value, unit=unit)
