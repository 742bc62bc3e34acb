"""Figures that logs make: by metric filters, and by messages that bring their own (the embedded metric format).

They are put into CloudWatch in the commit in which the messages are taken.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import isfinite
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.languages.log_pattern import compiled
from kumoniwa.languages.log_value import reader
from kumoniwa.services.logs.group import Group, MetricFilter

SERVICE = "monitoring.amazonaws.com"
MARK = '"_aws"'
VALUES_MAX, DIMENSIONS_MAX, METRICS_MAX, DATA_AT_ONCE = 100, 30, 100, 1_000
MINUTE_MS = 60_000

Batch = list[tuple[int, str]]
"""Times and messages."""
Data = dict[str, list[dict[str, Any]]]
"""What PutMetricData takes, by namespace."""


class Defaults:
    """Of each filter: the minute in which it last made a figure, so that a default is made once in those in which nothing matched."""

    def __init__(self) -> None:
        self.minutes: dict[tuple[int, str], int] = {}


def has_any(group: Group, batch: Batch) -> bool:
    return bool(group.filters) or any(MARK in message for _, message in batch)


async def put(call: Call, group: Group, batch: Batch, made: list[str | None], reply: dict) -> dict:
    """Put what a batch makes, and answer for it; ``made`` is what its events were transformed to."""
    data: Data = {}
    for each in group.filters:
        _filter(call, group, each, as_seen(batch, made) if each.is_of_transformed else batch, data)
    for at_ms, message in batch:
        if MARK in message:
            for namespace, datum in embedded(at_ms, message):
                data.setdefault(namespace, []).append(datum)
    if call.home.faults:
        # CloudWatch may not answer by somebody's wish; whoever writes logs does not wait for it.
        call.home.spawn(_put(call, data))
    else:
        await _put(call, data)
    return reply


def as_seen(batch: Batch, made: list[str | None]) -> Batch:
    """A batch as those see it who look at transformed events; one that could not be transformed is as it came."""
    return [(at_ms, message if other is None else other) for (at_ms, message), other in zip(batch, made)]


async def _put(call: Call, data: Data) -> None:
    us = call.acting(SERVICE)
    for namespace, made in data.items():
        for start in range(0, len(made), DATA_AT_ONCE):
            try:
                await us.ask_along("cloudwatch:PutMetricData", Namespace=namespace, MetricData=made[start : start + DATA_AT_ONCE])
            except AwsError as error:
                # Messages are taken whatever becomes of the figures in them.
                call.home.note("unmeasured", namespace=namespace, code=error.code)


# Metric filters -----------------------------------------------------------------------------------------------


def _filter(call: Call, group: Group, each: MetricFilter, batch: Batch, data: Data) -> None:
    matches, minutes, key = compiled(each.pattern), call.memory(Defaults).minutes, (group.number, each.name)
    made = data.setdefault(each.namespace, [])
    for at_ms, message in batch:
        if not matches(message):
            continue
        value = number(reader(each.pattern, each.value)(message) if each.value.startswith("$") else each.value)
        read = {name: reader(each.pattern, selector)(message) for name, selector in each.dimensions.items()}
        if value is None or None in read.values():
            continue
        dimensions = [{"Name": name, "Value": spelled(held)} for name, held in read.items()]
        made.append(_datum(each, at_ms, value, dimensions))
        minutes[key] = at_ms // MINUTE_MS
    now = batch[-1][0] // MINUTE_MS
    if each.default is not None and minutes.get(key) != now:
        minutes[key] = now
        made.append(_datum(each, batch[-1][0], each.default, []))
    if not made:
        del data[each.namespace]


def _datum(each: MetricFilter, at_ms: int, value: float, dimensions: list[dict[str, str]]) -> dict[str, Any]:
    return {"MetricName": each.metric, "Timestamp": at_ms / 1000, "Value": value, "Unit": each.unit or "None", "Dimensions": dimensions}


def number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        read = float(value)
    except (ValueError, OverflowError):
        return None
    return read if isfinite(read) and abs(read) <= 2.0**360 else None


def spelled(value: Any) -> str:
    """A value as a dimension has it."""
    return value if isinstance(value, str) else json.dumps(value)


# The embedded metric format --------------------------------------------------------------------------------------


def embedded(at_ms: int, message: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """What a message says of itself; nothing where it does not keep to the format."""
    try:
        root = json.loads(message)
    except (ValueError, RecursionError):
        return
    said = root.get("_aws") if isinstance(root, dict) else None
    directives = said.get("CloudWatchMetrics") if isinstance(said, dict) else None
    if not isinstance(directives, list):
        return
    moment = said.get("Timestamp", at_ms)
    at_ms = moment if isinstance(moment, int) and not isinstance(moment, bool) and 0 < moment < 1 << 48 else at_ms
    for directive in directives:
        namespace = directive.get("Namespace") if isinstance(directive, dict) else None
        if not isinstance(namespace, str) or not 1 <= len(namespace) <= 255 or namespace.startswith(("AWS/", ":")):
            continue
        for dimensions in _dimension_sets(directive.get("Dimensions"), root):
            for definition in _list(directive.get("Metrics"))[:METRICS_MAX]:
                datum = _embedded_datum(definition, root)
                if datum is not None:
                    yield namespace, {**datum, "Timestamp": at_ms / 1000, "Dimensions": dimensions}


def _list(value: Any) -> list:
    return value if isinstance(value, list) else []


def _dimension_sets(sets: Any, root: dict[str, Any]) -> Iterator[list[dict[str, str]]]:
    for names in _list(sets) or [[]]:
        values = {name: root.get(name) for name in _list(names) if isinstance(name, str)}
        sound = all(isinstance(value, str) and 1 <= len(value) <= 1024 and 1 <= len(name) <= 250 for name, value in values.items())
        if sound and len(values) <= DIMENSIONS_MAX:
            yield [{"Name": name, "Value": value} for name, value in values.items()]


def _embedded_datum(definition: Any, root: dict[str, Any]) -> dict[str, Any] | None:
    name = definition.get("Name") if isinstance(definition, dict) else None
    if not isinstance(name, str) or not 1 <= len(name) <= 255:
        return None
    held = root.get(name)
    values = [number(each) for each in (held if isinstance(held, list) else [held]) if not isinstance(each, str)]
    if not values or None in values or len(values) > VALUES_MAX:
        return None
    unit, resolution = definition.get("Unit", "None"), definition.get("StorageResolution", 60)
    datum = {"MetricName": name, "Unit": unit if unit in UNITS else "None", "Values": values, "Counts": [1.0] * len(values)}
    return datum | ({"StorageResolution": 1} if resolution == 1 else {})


UNITS = frozenset(
    [f"{size}{thing}{per}" for size in ("", "Kilo", "Mega", "Giga", "Tera") for thing in ("bytes", "bits") for per in ("", "/Second") if size]
    + ["Bytes", "Bits", "Bytes/Second", "Bits/Second", "Seconds", "Microseconds", "Milliseconds", "Percent", "Count", "Count/Second", "None"]
)
