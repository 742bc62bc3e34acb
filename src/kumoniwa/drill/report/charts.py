"""Pictures as static SVG: the timeline of a run, where the recovery time went, asked against measured, the map of regions.

Each picture has a title and a description for those who cannot see it, and every number in it stands in a table as well.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from html import escape
from typing import Any

from kumoniwa.drill.report.places import LAND, PLACES

WIDTH = 1080
LEFT, RIGHT = 64, 16
MARK_WORDS = {"fault": "fault", "detect": "detected", "decide": "decided", "switch": "switched", "warm": "recovered"}
PART_WORDS = {"detect": "detect", "decide": "decide", "switch": "switch", "warm": "warm up"}


def svg(width: float, height: float, title: str, description: str, content: Iterable[str], name: str) -> str:
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-labelledby="{name}-t {name}-d" xmlns="http://www.w3.org/2000/svg">'
        f'<title id="{name}-t">{escape(title)}</title><desc id="{name}-d">{escape(description)}</desc>{"".join(content)}</svg>'
    )


def text(x: float, y: float, said: str, kind: str = "", anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{f" class={chr(34)}{kind}{chr(34)}" if kind else ""}>{escape(said)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def box(x: float, y: float, width: float, height: float, kind: str, title: str = "") -> str:
    inner = f"<title>{escape(title)}</title>" if title else ""
    return f'<rect x="{x:.2f}" y="{y:.2f}" width="{max(0.0, width):.2f}" height="{max(0.0, height):.2f}" class="{kind}">{inner}</rect>'


def ticks(low: float, high: float, count: int = 8) -> list[float]:
    """Round numbers across a range."""
    rough = (high - low) / count or 1
    size = 10 ** math.floor(math.log10(rough))
    step = next(size * times for times in (1, 2, 5, 10) if size * times >= rough)
    first = math.ceil(low / step)
    return [n * step for n in range(first, math.floor(high / step + 1e-9) + 1)]


# The timeline -----------------------------------------------------------------------------------------------

LANE, GAP, WORD_HEIGHT = 128, 30, 14


class _Timeline:
    """Error rate above, p99 below, the verdict of each window as a strip; the fault shaded, the marks of recovery through all."""

    def __init__(self, run: dict[str, Any], slo: dict[str, Any]) -> None:
        self.run, self.slo, self.cells = run, slo, run["timeline"]
        self.since = min(cell["t"] for cell in self.cells)
        self.until = max(cell["until"] for cell in self.cells)
        self.moments = self._placed()
        self.top = 30 + WORD_HEIGHT * (1 + max((row for *_, row in self.moments), default=0))
        self.rate_top, self.p99_top = self.top, self.top + LANE + GAP
        self.strip_top = self.p99_top + LANE + 14
        self.runbook_top = self.strip_top + (20 if run["runbooks"] else 0)
        self.lost_top = self.runbook_top + (20 if run["lost"] else 0)
        self.bottom = self.lost_top + 14
        self.height = self.bottom + 30

    def x(self, t: float) -> float:
        return LEFT + (t - self.since) / (self.until - self.since) * (WIDTH - LEFT - RIGHT)

    def draw(self, name: str) -> str:
        parts = [*self._grid(), *self._shades(), *self._errors(), *self._p99(), *self._strip(), *self._runbooks(), *self._lost(), *self._marks()]
        run = self.run
        rto = run["rto"]["value"]
        said = "recovered at once" if rto == 0 else f"recovered after {rto:.1f} s" if rto is not None else "did not recover"
        bad = sum(cell["verdict"] == "bad" for cell in self.cells)
        description = f"{len(self.cells)} windows, {bad} of them bad; the service {said}. The table below the picture has every window."
        return svg(WIDTH, self.height, f"Error rate and p99 latency of run {run['number']} over time", description, parts, name)

    def _grid(self) -> Iterable[str]:
        for t in ticks(self.since, self.until, 10):
            yield line(self.x(t), self.top, self.x(t), self.bottom, "grid")
            yield text(self.x(t), self.bottom + 18, f"{t:g} s", "tick", "middle")
        for top, title in ((self.rate_top, "requests that failed"), (self.p99_top, "p99 latency")):
            yield text(LEFT, top - 8, title, "lane")
            yield line(LEFT, top + LANE, WIDTH - RIGHT, top + LANE, "axis")
        for share in (0, 0.5, 1):
            y = self.rate_top + LANE * (1 - share)
            yield text(LEFT - 8, y + 4, f"{100 * share:.0f} %", "tick", "end")

    def _shades(self) -> Iterable[str]:
        for span in self.run["faults"]:
            width = self.x(min(span["to"], self.until)) - self.x(span["from"])
            title = f"{span['fault']} {' '.join(map(str, span['target'].values()))}: {span['from']:.1f} s to {span['to']:.1f} s"
            yield box(self.x(span["from"]), self.top, width, self.bottom - self.top, "fault", title)
            yield text(self.x(span["from"]) + 6, self.p99_top + 16, f"{span['fault']} {' '.join(map(str, span['target'].values()))}", "fault-word")

    def _errors(self) -> Iterable[str]:
        """One bar a window, as high as the share that failed."""
        for cell in self.cells:
            if cell["requests"]:
                share = 1 - cell["ok"] / cell["requests"]
                height = LANE * share
                title = f"{cell['t']:.1f} s: {cell['requests'] - cell['ok']} of {cell['requests']} failed"
                width = self.x(cell["until"]) - self.x(cell["t"])
                if share:
                    yield box(self.x(cell["t"]), self.rate_top + LANE - height, max(1.0, width - 0.6), height, "errors", title)

    def _p99(self) -> Iterable[str]:
        """A line on a logarithmic scale; it breaks where nothing succeeded."""
        known = [cell["p99_ms"] for cell in self.cells if cell["p99_ms"]]
        low = 10 ** math.floor(math.log10(max(0.1, min([*known, self.slo["p99_ms"]]))))
        high = 10 ** math.ceil(math.log10(max([*known, self.slo["p99_ms"], low * 10]) + 1e-9))

        def y(ms: float) -> float:
            share = (math.log10(max(ms, low)) - math.log10(low)) / (math.log10(high) - math.log10(low))
            return self.p99_top + LANE * (1 - share)

        exponent = round(math.log10(low))
        while 10**exponent <= high * 1.001:
            yield text(LEFT - 8, y(10**exponent) + 4, f"{10**exponent:g} ms" if exponent < 3 else f"{10 ** (exponent - 3):g} s", "tick", "end")
            yield line(LEFT, y(10**exponent), WIDTH - RIGHT, y(10**exponent), "grid")
            exponent += 1
        yield line(LEFT, y(self.slo["p99_ms"]), WIDTH - RIGHT, y(self.slo["p99_ms"]), "limit")
        yield text(WIDTH - RIGHT - 4, y(self.slo["p99_ms"]) - 5, f"limit {self.slo['p99_ms']:g} ms", "limit-word", "end")
        path, is_drawing = "", False
        for cell in self.cells:
            if cell["p99_ms"] is None:
                is_drawing = False
                continue
            path += f"{'L' if is_drawing else 'M'}{self.x((cell['t'] + cell['until']) / 2):.1f} {y(cell['p99_ms']):.1f}"
            is_drawing = True
        if path:
            yield f'<path d="{path}" class="p99"/>'

    def _strip(self) -> Iterable[str]:
        yield text(LEFT - 8, self.strip_top + 11, "windows", "tick", "end")
        for cell in self.cells:
            width = self.x(cell["until"]) - self.x(cell["t"])
            yield box(self.x(cell["t"]), self.strip_top, max(0.8, width - 0.6), 14, f"w-{cell['verdict']}", f"{cell['t']:.1f} s: {cell['verdict']}")

    def _runbooks(self) -> Iterable[str]:
        """From when to when each runbook ran."""
        if self.run["runbooks"]:
            yield text(LEFT - 8, self.runbook_top + 11, "runbook", "tick", "end")
        for one in self.run["runbooks"]:
            left, right = self.x(one["from"]), self.x(min(one["to"], self.until))
            how = "was ended" if one["exit"] is None else f"exit code {one['exit']}"
            yield box(
                left,
                self.runbook_top,
                max(2.0, right - left),
                14,
                "runbook",
                f"{one['file']}: {one['from']:.1f} s to {one['to']:.1f} s, {how}",
            )
            yield text(right + 6, self.runbook_top + 11, one["file"], "tick")

    def _lost(self) -> Iterable[str]:
        """A stroke for each acknowledged write that was missed, at the moment of its acknowledgement."""
        if self.run["lost"]:
            yield text(LEFT - 8, self.lost_top + 11, "lost", "tick", "end")
        for one in self.run["lost"]:
            if self.since <= one["t"] <= self.until:
                yield box(self.x(one["t"]) - 0.75, self.lost_top, 1.5, 14, "lost", f"{one['key']} was acknowledged at {one['t']:+.3f} s")

    def _placed(self) -> list[tuple[str, float, str, int]]:
        """Each moment with its word and the row in which that collides with no other."""
        placed: list[tuple[str, float, str, int]] = []
        taken: list[float] = []
        moments = [("fault", self.run["t_fault"])] + [(name, self.run["marks"].get(name)) for name in PART_WORDS]
        for name, t in moments:
            if t is None or not self.since <= t <= self.until:
                continue
            said = f"{MARK_WORDS[name]} {t:+.1f} s"
            left, right = self.x(t) - 3, self.x(t) + 7.4 * len(said)
            row = next((row for row, end in enumerate(taken) if end < left), len(taken))
            taken[row : row + 1] = [right]
            placed.append((name, t, said, row))
        return placed

    def _marks(self) -> Iterable[str]:
        """A line through all lanes for each moment, and over all lines the words."""
        for name, t, _, row in self.moments:
            yield line(self.x(t), self.top - 22 - WORD_HEIGHT * row, self.x(t), self.bottom, f"mark m-{name}")
        for name, t, said, row in self.moments:
            anchor = "end" if self.x(t) + 7.4 * len(said) > WIDTH else "start"
            x = self.x(t) + (4 if anchor == "start" else -4)
            yield text(x, self.top - 14 - WORD_HEIGHT * row, said, f"mark-word m-{name}-word", anchor)


def timeline(run: dict[str, Any], slo: dict[str, Any], name: str) -> str:
    return _Timeline(run, slo).draw(name) if run["timeline"] else ""


# Parts of the recovery ------------------------------------------------------------------------------------------


def rto_parts(run: dict[str, Any], name: str) -> str:
    """One bar, cut where detecting, deciding, switching and warming ended."""
    known = [(part, told["value"]) for part, told in run["rto_parts"].items() if told["value"] is not None]
    total = sum(seconds for _, seconds in known)
    if not total:
        return ""
    pieces, x = [], 0.0
    for part, seconds in known:
        width = seconds / total * WIDTH
        pieces.append(box(x, 0, max(1.0, width - 2), 30, f"part p-{part}", f"{PART_WORDS[part]} {seconds:.2f} s"))
        said = f"{PART_WORDS[part]} {seconds:.1f} s"
        if width > 7.4 * len(said):
            pieces.append(text(x + 8, 20, said, "part-word"))
        x += width
    said = ", ".join(f"{PART_WORDS[part]} {seconds:.2f} seconds" for part, seconds in known)
    return svg(WIDTH, 30, "Where the recovery time went", said, pieces, name)


# Asked against measured -----------------------------------------------------------------------------------------


def gauge(one: dict[str, Any], name: str) -> str:
    """A line from zero: the limit as a bar across, each run as a dot, the range between them."""
    values = [value for value in one.get("spread", {}).get("values", ()) if value is not None]
    if not values:
        return ""
    is_share = one["unit"] == "%"
    low = min([*values, one["asked"]]) if is_share else 0.0
    high = 100.0 if is_share else max([*values, one["asked"]]) * 1.15 or 1.0
    low = low - (high - low) * 0.25 if is_share else low
    width, y = 440, 24

    def x(value: float) -> float:
        return 6 + (value - low) / ((high - low) or 1) * (width - 12)

    parts = [line(6, y, width - 6, y, "axis")]
    since, until = (one["asked"], high) if is_share else (low, one["asked"])
    parts.append(box(x(since), y - 5, x(until) - x(since), 10, "allowed"))
    parts.append(line(x(one["asked"]), y - 11, x(one["asked"]), y + 11, "limit"))
    place = x(one["asked"])
    anchor = "middle" if 24 < place < width - 24 else "end" if place > width / 2 else "start"
    parts.append(text(min(width - 4, max(4, place)), 10, "asked", "tick", anchor))
    parts.append(line(x(min(values)), y, x(max(values)), y, "range"))
    parts += [f'<circle cx="{x(value):.1f}" cy="{y}" r="4.5" class="dot"/>' for value in values]
    return svg(
        width,
        40,
        f"{one['name']}: asked against measured",
        f"asked {one['asked']:g}, measured {', '.join(f'{value:g}' for value in values)}",
        parts,
        name,
    )


# The map --------------------------------------------------------------------------------------------------------


def _outline(land: tuple[tuple[float, float], ...], at: Any) -> str:
    return "M" + "L".join(f"{x:.0f} {y:.0f}" for x, y in (at(lat, lon) for lon, lat in land)) + "Z"


def region_map(regions: dict[str, Any], links: list[dict[str, Any]], lag: dict[str, Any], struck: str | None, name: str) -> str:
    """Regions where they lie, the links between them with round trip and measured lag."""
    known = [region for region in regions if region in PLACES]
    if len(known) < 2:
        return ""
    lats, lons = [PLACES[region][0] for region in known], [PLACES[region][1] for region in known]
    middle = (max(lons) + min(lons)) / 2
    spread = max(max(lons) - min(lons), (max(lats) - min(lats)) * 2.4, 30) * 1.35
    height, scale = 360, WIDTH / spread

    def at(lat: float, lon: float) -> tuple[float, float]:
        return WIDTH / 2 + (lon - middle) * scale, height / 2 - (lat - (max(lats) + min(lats)) / 2) * scale * 1.25

    def place(region: str) -> tuple[float, float]:
        return at(*PLACES[region])

    parts = [f'<path d="{"".join(_outline(land, at) for land in LAND)}" class="land"/>']
    for lon in range(-180, 181, 15):
        x = at(0, lon)[0]
        if 0 < x < WIDTH - 40:
            parts += [line(x, 0, x, height, "grid"), text(x + 4, height - 6, f"{abs(lon)}° {'W' if lon < 0 else 'E' if lon else ''}".strip(), "tick")]
    said = []
    for n, (one, other) in enumerate((a, b) for at, a in enumerate(known) for b in known[at + 1 :]):
        told = next((link for link in links if {link["from"], link["to"]} == {one, other}), None)
        if told is None:
            continue
        (x1, y1), (x2, y2) = place(one), place(other)
        bend = min(90, math.hypot(x2 - x1, y2 - y1) * 0.18)
        parts.append(f'<path d="M{x1:.1f} {y1:.1f}Q{(x1 + x2) / 2:.1f} {min(y1, y2) - bend:.1f} {x2:.1f} {y2:.1f}" class="link"/>')
        words = f"{told['rtt_ms']:.0f} ms round trip"
        # The curve's own middle, and a little above it.
        parts.append(text((x1 + x2) / 2, (y1 + y2) / 4 + (min(y1, y2) - bend) / 2 - 16 - 16 * (n % 2), words, "link-word", "middle"))
        said.append(f"{one} to {other} {words}")
    for region in known:
        x, y = place(region)
        kind = "struck" if region == struck else "alive"
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="9" class="region {kind}"/>')
        parts.append(text(x, y + 28, region, "region-word", "middle"))
        told = lag.get(region)
        words = (
            f"lag p50 {told['p50_s'] * 1000:.0f} ms, p99 {told['p99_s'] * 1000:.0f} ms"
            if told and told["p99_s"] is not None
            else "struck"
            if region == struck
            else ""
        )
        if words:
            parts.append(text(x, y + 44, words, "tick", "middle"))
            said.append(f"{region}: {words}")
    return svg(WIDTH, height, "Regions and the links between them", "; ".join(said), parts, name)
