"""A graph of time series as a PNG, drawn by Pillow, as CloudWatch's GetMetricWidgetImage answers it.

Drawing takes some ten milliseconds: call it in a thread.
"""

from __future__ import annotations

import importlib.util
import io
import time
from typing import Any, NamedTuple

MISSING = "Pictures of metrics need Pillow: pip install 'kumoniwa[charts]'."
COLORS = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf")
"""What lines are drawn in whose color nobody says, in turn: CloudWatch's own."""
_INK, _GRID, _PAPER = "#16191f", "#e9ebed", "#ffffff"
_LEFT, _TOP, _BOTTOM, _ROW, _FONT = 60, 34, 26, 18, 12


class Line(NamedTuple):
    label: str
    color: str
    points: list[tuple[float, float]]
    """Times and values, in ascending order."""
    period: float
    is_right: bool = False


class Band(NamedTuple):
    """What lies between two lines, such as the values that are expected of a third."""

    label: str
    color: str
    upper: list[tuple[float, float]]
    lower: list[tuple[float, float]]
    """At the same times."""
    is_right: bool = False


class Mark(NamedTuple):
    """A horizontal line."""

    label: str
    value: float
    color: str


class Graph(NamedTuple):
    title: str
    width: int
    height: int
    start: float
    end: float
    lines: list[Line]
    marks: list[Mark]
    left: tuple[float | None, float | None]
    """The least and most of the axis, where somebody says so."""
    right: tuple[float | None, float | None]
    view: str
    """``timeSeries``, ``bar``, ``pie`` or ``singleValue``."""
    is_stacked: bool = False
    bands: list[Band] = []
    """Drawn below everything."""


def is_here() -> bool:
    """Whether Pillow is installed."""
    return importlib.util.find_spec("PIL") is not None


def drawn(graph: Graph) -> bytes:
    from PIL import Image, ImageDraw, ImageFont  # noqa: PLC0415 (an extra)

    image = Image.new("RGB", (graph.width, graph.height), _PAPER)
    pen = ImageDraw.Draw(image)
    font = ImageFont.load_default(_FONT)
    if graph.title:
        pen.text((graph.width / 2, 8), graph.title, fill=_INK, font=ImageFont.load_default(_FONT + 2), anchor="ma")
    if graph.view == "singleValue":
        _values(pen, graph, font, ImageFont.load_default(28))
    elif graph.view == "pie":
        _pie(pen, graph, font)
    else:
        _series(pen, graph, font)
    held = io.BytesIO()
    image.save(held, "PNG")
    return held.getvalue()


# Kinds of graphs ----------------------------------------------------------------------------------------------


class _Area(NamedTuple):
    left: int
    top: int
    right: int
    bottom: int


def _rows(pen: Any, graph: Graph, font: Any) -> list[list[Line | Band]]:
    """The legend's lines, as many in each row as fit."""
    rows: list[list[Line | Band]] = [[]]
    room = graph.width - 2 * _FONT
    for line in [*graph.bands, *graph.lines]:
        needed = 24 + pen.textlength(line.label, font=font)
        if rows[-1] and needed > room:
            rows.append([])
            room = graph.width - 2 * _FONT
        rows[-1].append(line)
        room -= needed
    return rows


def _legend(pen: Any, graph: Graph, font: Any) -> int:
    """Draw the legend at the foot; answers how high it is."""
    rows = _rows(pen, graph, font)
    most = max(1, (graph.height // 3) // _ROW)
    for number, row in enumerate(rows[:most]):
        x, y = float(_FONT), graph.height - (len(rows[:most]) - number) * _ROW
        for line in row:
            pen.rectangle((x, y + 3, x + 10, y + 12), fill=_pale(line.color) if isinstance(line, Band) else line.color)
            pen.text((x + 14, y), line.label, fill=_INK, font=font)
            x += 24 + pen.textlength(line.label, font=font)
    return len(rows[:most]) * _ROW


def _series(pen: Any, graph: Graph, font: Any) -> None:
    foot = _legend(pen, graph, font)
    has_right = any(line.is_right for line in graph.lines)
    area = _Area(_LEFT, _TOP, graph.width - (_LEFT if has_right else 16), max(_TOP + 20, graph.height - _BOTTOM - foot))
    sides = {False: _scale(graph, False), True: _scale(graph, True)}
    _axes(pen, graph, area, font, sides, has_right)
    for band in graph.bands:
        _filled(pen, graph, area, band, sides[band.is_right])
    floor: dict[float, float] = {}
    for line in graph.lines:
        low, high = sides[line.is_right]
        points = [(at, value + floor.get(at, 0.0)) for at, value in line.points] if graph.is_stacked else line.points
        places = [(_x(graph, area, at), _y(area, value, low, high)) for at, value in points]
        if graph.view == "bar":
            half = max(1.0, (area.right - area.left) * line.period / max(1.0, graph.end - graph.start) * 0.4)
            for x, y in places:
                pen.rectangle((max(area.left, x), min(y, area.bottom), min(area.right, x + 2 * half), area.bottom), fill=line.color)
        else:
            _curve(pen, places, line.color)
        if graph.is_stacked:
            floor.update(points)
    for mark in graph.marks:
        y = _y(area, mark.value, *sides[False])
        pen.line((area.left, y, area.right, y), fill=mark.color, width=2)
        pen.text((area.right - 2, y - 2), mark.label, fill=mark.color, font=font, anchor="rs")


def _filled(pen: Any, graph: Graph, area: _Area, band: Band, side: tuple[float, float]) -> None:
    edges = [[(_x(graph, area, at), _y(area, value, *side)) for at, value in line] for line in (band.upper, band.lower)]
    if len(edges[0]) > 1:
        pen.polygon(edges[0] + edges[1][::-1], fill=_pale(band.color))


def _pale(color: str) -> str:
    """A color as it looks through to the paper."""
    digits = color[1:] if len(color) == 7 else "".join(digit * 2 for digit in color[1:])
    return "#" + "".join(f"{255 - (255 - int(digits[place : place + 2], 16)) // 3:02x}" for place in (0, 2, 4))


def _curve(pen: Any, places: list[tuple[float, float]], color: str) -> None:
    if len(places) > 1:
        pen.line(places, fill=color, width=2, joint="curve")
    for x, y in places if len(places) < 60 else ():
        pen.ellipse((x - 2, y - 2, x + 2, y + 2), fill=color)


def _scale(graph: Graph, is_right: bool) -> tuple[float, float]:
    """From where to where an axis goes."""
    sums: dict[float, float] = {}
    values: list[float] = []
    for band in graph.bands:
        if band.is_right == is_right:
            values += [value for line in (band.upper, band.lower) for _, value in line]
    for line in graph.lines:
        if line.is_right == is_right:
            values += [value for _, value in line.points]
            for at, value in line.points:
                sums[at] = sums.get(at, 0.0) + value
    if graph.is_stacked or graph.view == "bar":
        values += [0.0, *(sums.values() if graph.is_stacked else ())]
    values += [mark.value for mark in graph.marks if not is_right]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if low == high:
        low, high = low - (abs(low) or 1.0) / 2, high + (abs(high) or 1.0) / 2
    said_low, said_high = graph.right if is_right else graph.left
    low, high = low if said_low is None else said_low, high if said_high is None else said_high
    return (low, high) if low < high else (low, low + 1.0)


def _x(graph: Graph, area: _Area, at: float) -> float:
    return area.left + (area.right - area.left) * (at - graph.start) / max(1.0, graph.end - graph.start)


def _y(area: _Area, value: float, low: float, high: float) -> float:
    y = area.bottom - (area.bottom - area.top) * (value - low) / (high - low)
    return min(max(y, area.top), area.bottom)


def _axes(pen: Any, graph: Graph, area: _Area, font: Any, sides: dict[bool, tuple[float, float]], has_right: bool) -> None:
    for step in range(5):
        y = area.bottom - (area.bottom - area.top) * step / 4
        pen.line((area.left, y, area.right, y), fill=_GRID)
        low, high = sides[False]
        pen.text((area.left - 6, y), figure(low + (high - low) * step / 4), fill=_INK, font=font, anchor="rm")
        if has_right:
            low, high = sides[True]
            pen.text((area.right + 6, y), figure(low + (high - low) * step / 4), fill=_INK, font=font, anchor="lm")
    form = "%H:%M" if graph.end - graph.start <= 86_400 else "%m/%d"
    for step in range(5):
        at = graph.start + (graph.end - graph.start) * step / 4
        pen.text((_x(graph, area, at), area.bottom + 6), time.strftime(form, time.gmtime(at)), fill=_INK, font=font, anchor="ma")
    pen.line((area.left, area.bottom, area.right, area.bottom), fill=_INK)


def figure(value: float) -> str:
    """A number in little room: ``1.5k``, ``3M``."""
    for size, sign in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{sign}"
    return f"{value:.3g}"


def _values(pen: Any, graph: Graph, font: Any, large: Any) -> None:
    width = graph.width / max(1, len(graph.lines))
    for number, line in enumerate(graph.lines):
        x = width * (number + 0.5)
        pen.text((x, graph.height / 2), figure(line.points[-1][1]) if line.points else "--", fill=line.color, font=large, anchor="mm")
        pen.text((x, graph.height / 2 + 28), line.label, fill=_INK, font=font, anchor="ma")


def _pie(pen: Any, graph: Graph, font: Any) -> None:
    foot = _legend(pen, graph, font)
    values = [max(0.0, line.points[-1][1]) if line.points else 0.0 for line in graph.lines]
    whole, size = sum(values), max(20, min(graph.width, graph.height - _TOP - foot) - 20)
    x, y, turned = (graph.width - size) / 2, _TOP + 4, -90.0
    for line, value in zip(graph.lines, values):
        if whole and value:
            share = 360 * value / whole
            pen.pieslice((x, y, x + size, y + size), turned, turned + share, fill=line.color)
            turned += share
