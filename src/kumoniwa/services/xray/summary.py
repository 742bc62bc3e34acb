"""What is told of a trace where many are listed."""

from __future__ import annotations

from typing import Any

from kumoniwa.services.xray.trace import Service, Trace

_HTTP = (
    ("HttpURL", "http.url"),
    ("HttpStatus", "http.status"),
    ("HttpMethod", "http.method"),
    ("UserAgent", "http.useragent"),
    ("ClientIp", "http.clientip"),
)


def summary(trace: Trace) -> dict[str, Any]:
    root = trace.root
    throttled = any(service.is_throttle for service in trace.all)
    shown = {
        "Id": trace.id, "StartTime": trace.starts, "Duration": round(trace.duration_s, 6), "ResponseTime": round(root.response_s, 6),
        "HasFault": root.is_fault, "HasError": root.is_error, "HasThrottle": throttled, "IsPartial": trace.is_partial,
        "Http": {name: value for name, keyword in _HTTP for value in root.values(keyword) if isinstance(value, int if name == "HttpStatus" else str)},
        "Annotations": _annotations(trace), "Users": _users(trace), "ServiceIds": list(_once(trace.all).values()),
        "ResourceARNs": [{"ARN": arn} for arn in _strings(trace, "resource.arn")],
        "InstanceIds": [{"Id": id_} for id_ in _strings(trace, "instance.id")],
        "AvailabilityZones": [{"Name": name} for name in _strings(trace, "availabilityzone")],
        "EntryPoint": root.id, "Revision": len(trace.sent),
    }  # fmt: skip
    return {key: value for key, value in shown.items() if value is not None}


def _once(services: list[Service]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(service.name, service.type): service.id for service in services}


def _strings(trace: Trace, keyword: str) -> list[str]:
    return list(dict.fromkeys(value for value in trace.values(keyword) if isinstance(value, str)))


def _annotations(trace: Trace) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, dict[Any, list[Service]]] = {}
    for service in trace.all:
        for part in service.parts():
            for key, value in (part.get("annotations") or {}).items():
                if isinstance(value, (str, int, float)):
                    # True and 1 are one key of a dictionary, and two values.
                    found.setdefault(key, {}).setdefault((type(value), value), []).append(service)
    return {
        key: [{"AnnotationValue": _value(value), "ServiceIds": list(_once(services).values())} for (_, value), services in values.items()]
        for key, values in found.items()
    }


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"BooleanValue": value}
    return {"StringValue": value} if isinstance(value, str) else {"NumberValue": float(value)}


def _users(trace: Trace) -> list[dict[str, Any]]:
    users: dict[str, list[Service]] = {}
    for service in trace.all:
        for name in service.values("user"):
            users.setdefault(name, []).append(service)
    return [{"UserName": name, "ServiceIds": list(_once(services).values())} for name, services in users.items()]
