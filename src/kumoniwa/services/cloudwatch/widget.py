"""Pictures of metrics: a widget as dashboards have them, asked of every region it shows, and drawn.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Metric-Widget-Structure.html
"""

from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, datetime
from typing import Any

from kumoniwa.engines import chart
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.languages import dashboard_body, metric_math, metric_statistic
from kumoniwa.languages.dashboard_body import Line
from kumoniwa.services.cloudwatch.errors import ValidationException

WIDTH, HEIGHT, SIZE_MAX, METRICS_MAX = 600, 400, 2_000, 100
SHOWN_S = 3 * 3_600
VIEWS = ("timeSeries", "bar", "pie", "singleValue")
BAND_COLOR = "#95a5a6"
_DURATION = re.compile(r"-P(?:(\d{1,4})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,6})M)?)?")


async def GetMetricWidgetImage(call: Call, *, MetricWidget: str, OutputFormat: str | None = None) -> dict:
    """As ``image/png`` the answer would be the picture and no document, which no SDK asks for: refused by name."""
    if OutputFormat not in (None, "png"):
        raise NotImplementedHere(f"cloudwatch:GetMetricWidgetImage(OutputFormat={OutputFormat})")
    if not chart.is_here():
        raise NotImplementedHere(f"pictures of metrics on this machine. {chart.MISSING}")
    try:
        said = json.loads(MetricWidget)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise _wrong("it must be a valid JSON object")
    graph = await _graph(call, said)
    return {"MetricWidgetImage": await asyncio.to_thread(chart.drawn, graph)}


def _wrong(text: str) -> ValidationException:
    return ValidationException(f"Invalid MetricWidget: {text}")


async def _graph(call: Call, said: dict[str, Any]) -> chart.Graph:
    view = said.get("view", "timeSeries")
    if view not in VIEWS:
        raise NotImplementedHere(f"the view {view} in pictures of metrics")
    width, height = (_size(said, name, default) for name, default in (("width", WIDTH), ("height", HEIGHT)))
    end = _moment(said.get("end", "PT0H"), call.now())
    start = _moment(said.get("start", f"-PT{SHOWN_S // 3600}H"), call.now())
    if start >= end:
        raise _wrong("start must lie before end")
    metrics = said.get("metrics", [])
    if not isinstance(metrics, list) or not all(isinstance(each, list) for each in metrics) or len(metrics) > METRICS_MAX:
        raise _wrong('Field "metrics" has to be an array of array of strings, with an optional metricRenderer object as last element')
    lines, bands = await _lines(call, dashboard_body.lines(metrics), said, start, end)
    axes = said.get("yAxis") if isinstance(said.get("yAxis"), dict) else {}
    return chart.Graph(
        str(said.get("title", "")), width, height, start, end, lines, _marks(said), _axis(axes, "left"), _axis(axes, "right"), view,
        bool(said.get("stacked", False)), bands,
    )  # fmt: skip


def _size(said: dict[str, Any], name: str, default: int) -> int:
    size = said.get(name, default)
    if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= SIZE_MAX:
        raise _wrong(f"{name} must be from 1 to {SIZE_MAX}")
    return size


def _moment(text: Any, now: float) -> float:
    """A time, or how long ago: ``-PT3H``."""
    if text == "PT0H":
        return now
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if found is not None:
        days, hours, minutes = (int(part or 0) for part in found.groups())
        return now - days * 86_400 - hours * 3_600 - minutes * 60
    try:
        read = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise _wrong(f"{text!r} is no time")
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


def _axis(axes: dict[str, Any], side: str) -> tuple[float | None, float | None]:
    said = axes.get(side) if isinstance(axes.get(side), dict) else {}
    low, high = (float(said[name]) if isinstance(said.get(name), int | float) else None for name in ("min", "max"))
    return low, high


def _marks(said: dict[str, Any]) -> list[chart.Mark]:
    annotations = said.get("annotations") if isinstance(said.get("annotations"), dict) else {}
    if annotations.get("vertical") or annotations.get("alarms"):
        raise NotImplementedHere("vertical and alarm annotations in pictures of metrics")
    found = annotations.get("horizontal") or []
    flat = [mark for each in found for mark in (each if isinstance(each, list) else [each])]
    return [
        chart.Mark(str(mark.get("label", "")), float(mark["value"]), _color(mark, "#d62728"))
        for mark in flat if isinstance(mark, dict) and isinstance(mark.get("value"), int | float)
    ]  # fmt: skip


def _color(options: dict[str, Any], default: str) -> str:
    color = options.get("color", default)
    if not isinstance(color, str) or not re.fullmatch(r"#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})", color):
        raise _wrong(f"{color!r} is no color")
    return color


# The figures ---------------------------------------------------------------------------------------------------


async def _lines(
    call: Call, written: list[Line], said: dict[str, Any], start: float, end: float
) -> tuple[list[chart.Line], list[chart.Band]]:
    """Every region that a line names is asked for its own."""
    queries: dict[str, list[dict[str, Any]]] = {}
    looks: dict[tuple[str, str], tuple[int, dict[str, Any]]] = {}
    for number, line in enumerate(written):
        region = line.options.get("region") or said.get("region") or call.region
        query = _query(line, said, number)
        looks[region, query["Id"]] = number, line.options
        queries.setdefault(region, []).append(query)
    found: list[tuple[int, chart.Line]] = []
    bands: list[chart.Band] = []
    for region, asked in queries.items():
        results = await _asked(call, region, asked, start, end)
        for query in [query for query in asked if metric_math.is_band(query.get("Expression", ""))]:
            edges = [result for result in results if result["Id"] == query["Id"]]
            results = [result for result in results if result["Id"] != query["Id"]]
            number, options = looks[region, query["Id"]]
            if edges:
                upper, lower = (list(zip(edge["Timestamps"], edge["Values"])) for edge in edges)
                label = str(options.get("label") or query["Expression"])
                bands.append(chart.Band(label, _color(options, BAND_COLOR), upper, lower, options.get("yAxis") == "right"))
        for result in results:
            number, options = looks[region, result["Id"]]
            color = _color(options, chart.COLORS[(number if len(written) > 1 else len(found)) % len(chart.COLORS)])
            points = list(zip(result["Timestamps"], result["Values"]))
            is_right = options.get("yAxis") == "right"
            found.append((number, chart.Line(result["Label"], color, points, _period(options, said), is_right)))
    return [line for _, line in sorted(found, key=lambda each: each[0])], bands


def _period(options: dict[str, Any], said: dict[str, Any]) -> int:
    period = options.get("period", said.get("period", 300))
    if not isinstance(period, int) or isinstance(period, bool) or period < 1:
        raise _wrong(f"{period!r} is no period")
    return period


def _query(line: Line, said: dict[str, Any], number: int) -> dict[str, Any]:
    options = line.options
    query: dict[str, Any] = {"Id": options.get("id") or f"line{number}", "ReturnData": options.get("visible", True) is not False}
    if options.get("label"):
        query["Label"] = str(options["label"])
    if "expression" in options:
        return query | {"Expression": str(options["expression"]), "Period": _period(options, said)}
    names = line.names
    if len(names) < 2 or len(names) % 2:
        raise _wrong("each metric needs a namespace, a name, and a value for each dimension")
    try:
        stat = str(options.get("stat", said.get("stat", "Average")))
        plain = metric_statistic.named(stat)
    except metric_statistic.InvalidStatistic:
        raise _wrong(f"{stat} is no statistic")
    dimensions = [{"Name": name, "Value": value} for name, value in zip(names[2::2], names[3::2])]
    metric = {"Namespace": names[0], "MetricName": names[1], "Dimensions": dimensions}
    named = plain.kind if plain.kind in metric_statistic.PLAIN else stat
    return query | {"MetricStat": {"Metric": metric, "Period": _period(options, said), "Stat": named}}


async def _asked(call: Call, region: str, queries: list[dict[str, Any]], start: float, end: float) -> list[dict[str, Any]]:
    found: dict[tuple[str, str], dict[str, Any]] = {}
    token: dict[str, str] = {}
    while True:
        page = await call.ask(
            "cloudwatch:GetMetricData", to_region=region, MetricDataQueries=queries, StartTime=start, EndTime=end,
            ScanBy="TimestampAscending", **token
        )
        for result in page["MetricDataResults"]:
            held = found.setdefault((result["Id"], result["Label"]), {**result, "Timestamps": [], "Values": []})
            held["Timestamps"] += result["Timestamps"]
            held["Values"] += result["Values"]
        if "NextToken" not in page:
            return list(found.values())
        token = {"NextToken": page["NextToken"]}
