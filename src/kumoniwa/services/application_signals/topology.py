"""Who was seen, and whom they called, by the hour: https://docs.aws.amazon.com/applicationsignals/latest/APIReference/API_ListServices.html"""

from __future__ import annotations

from typing import Any

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.services.application_signals.errors import ValidationException
from kumoniwa.services.application_signals.signal import Remote, Signal
from kumoniwa.store.rows import Table

HOUR_S, KEPT_S = 3_600, 30 * 86_400
SEEN = Table(
    "signals_seen",
    """create table if not exists signals_seen (kind text, service text, environment text, name text, more text, hour integer,
         primary key (hour, kind, service, environment, name, more)) without rowid""",
)
SERVICE, OPERATION, CALL = "service", "operation", "call"
_METRICS = (("LATENCY", "Latency"), ("FAULT", "Fault"), ("ERROR", "Error"))

Service = tuple[str, str]
"""A name and an environment."""


class Known:
    """What was seen in this hour already, so that most spans write nothing."""

    def __init__(self) -> None:
        self.hour, self.rows = 0, set()


def see(call: Call, signal: Signal) -> None:
    hour, known = int(call.now()) // HOUR_S, call.memory(Known)
    if known.hour != hour:
        known.hour, known.rows = hour, set()
        call.rows(SEEN).run("delete from signals_seen where hour < ?", hour - KEPT_S // HOUR_S)
    place = (signal.service, signal.environment)
    if signal.remote is None:
        rows = [(SERVICE, *place, "", orjson.dumps(dict(signal.about)).decode(), hour), (OPERATION, *place, signal.operation, "", hour)]
    else:
        rows = [(CALL, *place, signal.operation, orjson.dumps([*signal.remote]).decode(), hour)]
    for row in rows:
        if row not in known.rows:
            call.rows(SEEN).run("insert or ignore into signals_seen values (?, ?, ?, ?, ?, ?)", *row)
            known.rows.add(row)


def has_reported(call: Call, name: str, environment: str, operation: str | None) -> bool:
    """Whether a service, or an operation of it, has ever been seen."""
    kind, wanted = (SERVICE, "") if operation is None else (OPERATION, operation)
    sql = "select 1 from signals_seen where kind = ? and service = ? and environment = ? and (name = ? or kind = 'service') limit 1"
    return call.rows(SEEN).one(sql, kind, name, environment, wanted) is not None


# Telling ---------------------------------------------------------------------------------------------


def _hours(start: float, end: float) -> tuple[int, int, dict[str, float]]:
    """The hours of a time, and how AWS tells it: from the stroke of the first to a second after that of the last, as its examples show."""
    if start > end:
        raise ValidationException("StartTime must be before EndTime.")
    first, last = int(start) // HOUR_S, -(-int(end) // HOUR_S)
    return first, last, {"StartTime": float(first * HOUR_S), "EndTime": float(last * HOUR_S + 1)}


def _rows(call: Call, kind: str, hours: tuple[int, int], place: Service | None = None) -> list[tuple]:
    sql = "select distinct service, environment, name, more from signals_seen where hour between ? and ? and kind = ?"
    if place is None:
        return call.rows(SEEN).all(f"{sql} order by 1, 2, 3, 4", *hours, kind)
    return call.rows(SEEN).all(f"{sql} and service = ? and environment = ? order by 1, 2, 3, 4", *hours, kind, *place)


def key_attributes(name: str, environment: str) -> dict[str, str]:
    return {"Type": "Service", "Name": name, "Environment": environment}


def place_of(attributes: dict[str, str]) -> Service:
    """Of a service's key attributes. Raises ValidationException; the words are ours."""
    if attributes.get("Type") != "Service" or not attributes.get("Name") or not attributes.get("Environment"):
        raise ValidationException("KeyAttributes must have the Type Service, and a Name and an Environment.")
    return attributes["Name"], attributes["Environment"]


def metric_references(dimensions: dict[str, str]) -> list[dict[str, Any]]:
    named = [{"Name": name, "Value": value} for name, value in sorted(dimensions.items()) if value]
    return [{"Namespace": "ApplicationSignals", "MetricType": kind, "Dimensions": named, "MetricName": name} for kind, name in _METRICS]


def _services(call: Call, hours: tuple[int, int], place: Service | None = None) -> dict[Service, list[dict[str, str]]]:
    """What is known of each."""
    found: dict[Service, list[dict[str, str]]] = {}
    for name, environment, _, more in _rows(call, SERVICE, hours, place):
        found.setdefault((name, environment), []).append(orjson.loads(more))
    return found


def _summary(place: Service, about: list[dict[str, str]]) -> dict[str, Any]:
    name, environment = place
    return {
        "KeyAttributes": key_attributes(name, environment), "AttributeMaps": about,
        "MetricReferences": metric_references({"Environment": environment, "Service": name}),
    }  # fmt: skip


def ListServices(
    call: Call, *, StartTime: float, EndTime: float, IncludeLinkedAccounts: bool | None = None, AwsAccountId: str | None = None
) -> dict:
    """No account is linked to another here."""
    first, last, told = _hours(StartTime, EndTime)
    found = _services(call, (first, last)) if AwsAccountId in (None, call.account) else {}
    return {"ServiceSummaries": [_summary(place, about) for place, about in found.items()], **told}


def GetService(call: Call, *, StartTime: float, EndTime: float, KeyAttributes: dict[str, str]) -> dict:
    first, last, told = _hours(StartTime, EndTime)
    place = place_of(KeyAttributes)
    about = _services(call, (first, last), place).get(place)
    if about is None:
        # AWS's model has no error of its own for this.
        raise ValidationException(f"Service {place[0]} was not found in {place[1]} within the time range.")
    logs = [
        {"Type": "AWS::Resource", "ResourceType": "AWS::Logs::LogGroup", "Identifier": f"/aws/lambda/{each['Lambda.Function.Name']}"}
        for each in about
        if "Lambda.Function.Name" in each
    ]
    return {"Service": _summary(place, about) | {"LogGroupReferences": logs}, **told, "LogGroupReferences": logs}


def ListServiceOperations(call: Call, *, StartTime: float, EndTime: float, KeyAttributes: dict[str, str]) -> dict:
    first, last, told = _hours(StartTime, EndTime)
    listed = [
        {"Name": name, "MetricReferences": metric_references({"Environment": environment, "Operation": name, "Service": service})}
        for service, environment, name, _ in _rows(call, OPERATION, (first, last), place_of(KeyAttributes))
    ]
    return {"ServiceOperations": listed, **told}


def _call_references(service: str, environment: str, operation: str, remote: Remote) -> list[dict[str, Any]]:
    return metric_references({
        "Environment": environment, "Operation": operation, "RemoteEnvironment": remote.environment, "RemoteOperation": remote.operation,
        "RemoteResourceIdentifier": "" if remote.environment else remote.resource,
        "RemoteResourceType": "" if remote.environment else remote.resource_type, "RemoteService": remote.service, "Service": service,
    })  # fmt: skip


def _who(remote: Remote, known: dict[Service, Any]) -> dict[str, str]:
    """The key attributes of whom a service called: a resource, a service of AWS, one that was seen, or one that nobody knows."""
    if remote.resource_type and remote.service.startswith("AWS::"):
        return {"Type": "AWS::Resource", "ResourceType": remote.resource_type, "Identifier": remote.resource}
    if remote.service.startswith("AWS::"):
        return {"Type": "AWS::Service", "Name": remote.service}
    places = [remote.environment] if remote.environment else [environment for name, environment in known if name == remote.service]
    if len(places) == 1:
        return key_attributes(remote.service, places[0])
    return {"Type": "RemoteService", "Name": remote.service}


def ListServiceDependencies(call: Call, *, StartTime: float, EndTime: float, KeyAttributes: dict[str, str]) -> dict:
    first, last, told = _hours(StartTime, EndTime)
    known, listed = _services(call, (first, last)), []
    for service, environment, operation, more in _rows(call, CALL, (first, last), place_of(KeyAttributes)):
        remote = Remote(*orjson.loads(more))
        listed.append({
            "OperationName": operation, "DependencyKeyAttributes": _who(remote, known), "DependencyOperationName": remote.operation,
            "MetricReferences": _call_references(service, environment, operation, remote),
        })  # fmt: skip
    return {"ServiceDependencies": listed, **told}


def ListServiceDependents(call: Call, *, StartTime: float, EndTime: float, KeyAttributes: dict[str, str]) -> dict:
    first, last, told = _hours(StartTime, EndTime)
    wanted, known, listed = key_attributes(*place_of(KeyAttributes)), _services(call, (first, last)), []
    for service, environment, operation, more in _rows(call, CALL, (first, last)):
        remote = Remote(*orjson.loads(more))
        if _who(remote, known) == wanted:
            listed.append({
                "OperationName": remote.operation, "DependentKeyAttributes": key_attributes(service, environment),
                "DependentOperationName": operation, "MetricReferences": _call_references(service, environment, operation, remote),
            })  # fmt: skip
    return {"ServiceDependents": listed, **told}
