"""The body of a CloudWatch dashboard: what is wrong with it, by path, in AWS's words.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html; the words as seen in
https://github.com/aws-samples/aws-eda-slurm-cluster/issues/116, https://github.com/pulumi/pulumi/issues/13059,
https://github.com/aws-solutions-library-samples/guidance-for-automating-network-monitoring-and-alerting-on-aws/issues/7 and in the rules of
badmintoncryer/cdk-preflight (rules/cloudwatch/pf-cloudwatch-dashboard-…), which also found that any word is taken for a widget's type.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

WIDGETS_MAX, METRICS_MAX, COLUMNS, ROWS_MAX = 500, 500, 24, 1000
PERIODS = (1, 5, 10, 20, 30)
_SHARE = r"(\d{1,2})(\.\d{0,10})?|100(\.0{0,10})?"
_NUMBER = r"\d+(\.\d{0,10})?|(\d+(\.\d{0,10})?[Ee][+-]?\d+)"
_STATISTIC = re.compile(
    r"((SampleCount|Average|Sum|Minimum|Maximum|IQM)|(p|tc|tm|ts|wm)(\d{1,2}(\.\d{0,10})?|100)|[ou]\d+(\.\d*)?)(_E|_L|_H)?"
    rf"|(TM|TC|TS|WM)\(((({_SHARE})%)?:({_SHARE})%|({_SHARE})%:(({_SHARE})%)?)\)"
    rf"|(TM|TC|TS|WM|PR)\((({_NUMBER}):(({_NUMBER}))?|(({_NUMBER}))?:({_NUMBER}))\)"
)
"""As AWS tells it so far as it is known (pf-cloudwatch-dashboard-widget-stat-syntax); then as its model has it of an anomaly detector's."""
_COLOR = re.compile(r"#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
_ALLOWED = "Should be equal to one of the allowed values"
_OF_METRICS = 'Field "metrics" has to be an array of array of strings, with an optional metricRenderer object as last element'
_NO_SOURCE = "The metric widget should have specified a region and a data source or an alarm annotation"
_REQUIRED = {"text": ("markdown",), "log": ("query", "region"), "alarm": ("alarms",), "custom": ("endpoint",), "explorer": ("metrics",)}


class Complaint(NamedTuple):
    path: str
    text: str


def complaints(text: str) -> list[Complaint]:
    """What CloudWatch refuses a body with; nothing if it is sound."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return [Complaint("", "The field DashboardBody must be a valid JSON object")]
    if not isinstance(body, dict):
        return [Complaint("", "Should be object")]
    found: list[Complaint] = []
    if "widgets" not in body:
        found.append(Complaint("", _required("widgets")))
    elif not isinstance(body["widgets"], list):
        found.append(Complaint("/widgets", "Should be array"))
    else:
        if len(body["widgets"]) > WIDGETS_MAX:
            found.append(Complaint("/widgets", f"Should NOT have more than {WIDGETS_MAX} items"))
        for number, widget in enumerate(body["widgets"][:WIDGETS_MAX]):
            _widget(widget, f"/widgets/{number}", found)
    if "end" in body and "start" not in body:
        found.append(Complaint("", _required("start")))
    if body.get("periodOverride", "auto") not in ("auto", "inherit"):
        found.append(Complaint("/periodOverride", _ALLOWED))
    return found


def _required(name: str) -> str:
    return f"Should have required property '{name}'"


def _widget(widget: Any, path: str, found: list[Complaint]) -> None:
    if not isinstance(widget, dict):
        found.append(Complaint(path, "Should be object"))
        return
    found += [Complaint(path, _required(name)) for name in ("type", "properties") if name not in widget]
    for name, least, most in (("x", 0, COLUMNS - 1), ("y", 0, None), ("width", 1, COLUMNS), ("height", 1, ROWS_MAX)):
        _whole(widget.get(name), f"{path}/{name}", least, most, found)
    properties = widget.get("properties")
    if "properties" in widget and not isinstance(properties, dict):
        found.append(Complaint(f"{path}/properties", "Should be object"))
    elif properties is not None and widget.get("type") == "metric":
        _metric_widget(properties, f"{path}/properties", found)
    elif properties is not None:
        found += [Complaint(f"{path}/properties", _required(name)) for name in _REQUIRED.get(widget.get("type"), ()) if name not in properties]
        alarms = properties.get("alarms")
        if widget.get("type") == "alarm" and isinstance(alarms, list) and not alarms:
            found.append(Complaint(f"{path}/properties/alarms", "Should NOT have less than 1 items"))


def _whole(value: Any, path: str, least: int, most: int | None, found: list[Complaint]) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int):
        found.append(Complaint(path, "Should be integer"))
    elif value < least:
        found.append(Complaint(path, f"Should be >= {least}"))
    elif most is not None and value > most:
        found.append(Complaint(path, f"Should be <= {most}"))


def _metric_widget(properties: dict[str, Any], path: str, found: list[Complaint]) -> None:
    metrics, annotations = properties.get("metrics"), properties.get("annotations")
    shows_alarms = isinstance(annotations, dict) and bool(annotations.get("alarms"))
    if metrics is None and not shows_alarms:
        found += [Complaint(path, _required("metrics")), Complaint(path, _NO_SOURCE)]
        if annotations is None:
            found.append(Complaint(path, _required("annotations")))
    elif metrics is not None and not properties.get("region"):
        found.append(Complaint(path, _NO_SOURCE))
    if metrics is not None and not isinstance(metrics, list):
        found.append(Complaint(f"{path}/metrics", "Should be array"))
    elif metrics is not None:
        if not metrics and not shows_alarms:
            found.append(Complaint(f"{path}/metrics", "Should NOT have less than 1 items"))
        if len(metrics) > METRICS_MAX:
            found.append(Complaint(f"{path}/metrics", f"Should NOT have more than {METRICS_MAX} items"))
        for number, metric in enumerate(metrics[:METRICS_MAX]):
            _metric(metric, f"{path}/metrics/{number}", found)
    _period(properties.get("period"), f"{path}/period", found)
    if isinstance(properties.get("stat"), str) and not _STATISTIC.fullmatch(properties["stat"]):
        found.append(Complaint(f"{path}/stat", f'Should match pattern "^{_STATISTIC.pattern}$"'))
    axes = properties.get("yAxis")
    for side in ("left", "right") if isinstance(axes, dict) else ():
        _axis(axes.get(side), f"{path}/yAxis/{side}", found)
    if properties.get("view", "timeSeries") not in ("timeSeries", "singleValue", "gauge", "bar", "pie", "table"):
        found.append(Complaint(f"{path}/view", _ALLOWED))
    for name in ("title", "region", "stat"):
        if name in properties and not isinstance(properties[name], str):
            found.append(Complaint(f"{path}/{name}", "Should be string"))
    if "stacked" in properties and not isinstance(properties["stacked"], bool):
        found.append(Complaint(f"{path}/stacked", "Should be boolean"))


def _period(value: Any, path: str, found: list[Complaint]) -> None:
    before = len(found)
    if value not in PERIODS:
        _whole(value, path, 60, None, found)
        if isinstance(value, int) and value % 60:
            found.append(Complaint(path, "Should be multiple of 60"))
    if len(found) > before:
        found.append(Complaint(path, "Should match exactly one schema in oneOf"))


def _axis(axis: Any, path: str, found: list[Complaint]) -> None:
    least, most = (axis.get(name) for name in ("min", "max")) if isinstance(axis, dict) else (None, None)
    if isinstance(least, int | float) and isinstance(most, int | float) and least > most:
        found += [Complaint(f"{path}/min", f"Should be <= {most}"), Complaint(f"{path}/max", f"Should be >= {least}")]


def _metric(metric: Any, path: str, found: list[Complaint]) -> None:
    if not isinstance(metric, list):
        found += [Complaint(path, "Should be array"), Complaint(path, _OF_METRICS)]
        return
    options = metric[-1] if metric and isinstance(metric[-1], dict) else None
    names = metric[:-1] if options is not None else metric
    # A namespace, a name, then names and values of dimensions; only an expression does without.
    is_sound = all(isinstance(name, str) for name in names) and (len(names) >= 1 or options is not None and "expression" in options)
    if not is_sound or (len(names) % 2 and "..." not in names):
        found.append(Complaint(path, _OF_METRICS))
    if options is None:
        return
    at = f"{path}/{len(names)}"
    if "color" in options and not (isinstance(options["color"], str) and _COLOR.fullmatch(options["color"])):
        found.append(Complaint(f"{at}/color", 'Should match pattern "^#([A-Fa-f0-9]{6}|[A-Fa-f0-9]{3})$"'))
    if options.get("yAxis", "left") not in ("left", "right"):
        found.append(Complaint(f"{at}/yAxis", _ALLOWED))
    _whole(options.get("period"), f"{at}/period", 1, None, found)


class Line(NamedTuple):
    """One entry of a widget's metrics, written out."""

    names: tuple[str, ...]
    """Namespace, name, names and values of dimensions; none for an expression."""
    options: dict[str, Any]


def lines(metrics: list[list[Any]]) -> list[Line]:
    """A widget's metrics with what stands for what stood before: ``.`` for one word, ``...`` for as many as fit."""
    written: list[Line] = []
    before: tuple[str, ...] = ()
    for metric in metrics:
        options = metric[-1] if metric and isinstance(metric[-1], dict) else {}
        names = [name for name in metric if isinstance(name, str)]
        if "..." in names:
            place = names.index("...")
            tail = names[place + 1 :]
            names = names[:place] + list(before[place : max(place, len(before) - len(tail))]) + tail
        names = [before[place] if name == "." and place < len(before) else name for place, name in enumerate(names)]
        before = tuple(names) or before
        written.append(Line(tuple(names), options))
    return written
