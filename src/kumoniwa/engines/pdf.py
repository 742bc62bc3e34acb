"""A report on paper: a title, facts, bars over time, tables, as a PDF, made by reportlab in a process of its own.

``python -m kumoniwa.engines.pdf`` reads a ``Report`` as JSON and writes the PDF: laying out pages would hold a region's loop.
"""

from __future__ import annotations

import asyncio
import importlib.util
import io
import sys
from typing import Any

import msgspec

from kumoniwa.engines.child import child

MISSING = "Reports in PDF need reportlab: pip install 'kumoniwa[reports]'."
MADE_WITHIN_S = 60.0


class Bar(msgspec.Struct):
    """Something that lasted, in seconds since the beginning of the report."""

    name: str
    begins_s: float
    ends_s: float
    state: str


class Sheet(msgspec.Struct):
    title: str
    head: list[str]
    rows: list[list[str]]


class Report(msgspec.Struct):
    title: str
    facts: list[tuple[str, str]]
    bars: list[Bar] = []
    sheets: list[Sheet] = []


class PdfFailed(Exception):
    """No PDF could be made; the text says why."""


def is_here() -> bool:
    """Whether reportlab is installed."""
    return importlib.util.find_spec("reportlab") is not None


async def pdf(report: Report) -> bytes:
    """Raises PdfFailed."""
    if not is_here():
        raise PdfFailed(MISSING)
    async with child(sys.executable, "-m", "kumoniwa.engines.pdf") as maker:
        try:
            async with asyncio.timeout(MADE_WITHIN_S):
                made, said = await maker.communicate(msgspec.json.encode(report))
        except TimeoutError:
            raise PdfFailed(f"reportlab did not end within {MADE_WITHIN_S:g} s") from None
    if maker.returncode:
        raise PdfFailed(said.decode("utf-8", "replace")[-500:])
    return made


# In the process of its own -------------------------------------------------------------------------

COLOURS = {"completed": "#2f7d5b", "stopped": "#8a5a00", "failed": "#b3261e", "skipped": "#6d7671", "cancelled": "#6d7671"}
PAGE_MM, MARGIN_MM, BAR_MM = 210, 18, 6


def laid_out(report: Report) -> bytes:
    from reportlab.lib import colors  # noqa: PLC0415
    from reportlab.lib.pagesizes import A4  # noqa: PLC0415
    from reportlab.lib.styles import getSampleStyleSheet  # noqa: PLC0415
    from reportlab.lib.units import mm  # noqa: PLC0415
    from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table  # noqa: PLC0415

    styles, file = getSampleStyleSheet(), io.BytesIO()
    document = SimpleDocTemplate(file, pagesize=A4, title=report.title, leftMargin=MARGIN_MM * mm, rightMargin=MARGIN_MM * mm)
    wide = (PAGE_MM - 2 * MARGIN_MM) * mm
    grid = [("GRID", (0, 0), (-1, -1), 0.4, colors.lightgrey), ("VALIGN", (0, 0), (-1, -1), "TOP")]

    def cell(text: str) -> Any:
        return Paragraph(text.replace("&", "&amp;").replace("<", "&lt;"), styles["BodyText"])

    parts: list[Any] = [Paragraph(report.title, styles["Title"])]
    parts.append(Table([[cell(name), cell(value)] for name, value in report.facts], colWidths=[wide * 0.28, wide * 0.72], style=grid))
    if report.bars:
        parts += [Spacer(1, 6 * mm), Paragraph("Timeline", styles["Heading2"]), _timeline(report.bars, wide)]
    for sheet in report.sheets:
        rows = [[cell(name) for name in sheet.head], *([cell(text) for text in row] for row in sheet.rows)]
        parts += [Spacer(1, 6 * mm), Paragraph(sheet.title, styles["Heading2"])]
        parts.append(
            Table(
                rows,
                colWidths=[wide / len(sheet.head)] * len(sheet.head),
                style=[*grid, ("BACKGROUND", (0, 0), (-1, 0), colors.whitesmoke)],
                repeatRows=1,
            )
        )
    document.build(parts)
    return file.getvalue()


def _timeline(bars: list[Bar], wide: float) -> Any:
    from reportlab.graphics.shapes import Drawing, Line, Rect, String  # noqa: PLC0415
    from reportlab.lib.colors import HexColor, lightgrey  # noqa: PLC0415
    from reportlab.lib.units import mm  # noqa: PLC0415

    left, high, long_s = wide * 0.3, BAR_MM * mm, max(1.0, *(bar.ends_s for bar in bars))
    drawing = Drawing(wide, high * (len(bars) + 1))
    for n, bar in enumerate(bars):
        y = high * (len(bars) - n)
        x, width = left + (wide - left) * bar.begins_s / long_s, (wide - left) * (bar.ends_s - bar.begins_s) / long_s
        drawing.add(Line(left, y, wide, y, strokeColor=lightgrey))
        drawing.add(String(0, y + 2, bar.name[:34], fontSize=8))
        drawing.add(Rect(x, y + 1, max(1.0, width), high - 3, fillColor=HexColor(COLOURS.get(bar.state, "#1d5f8a")), strokeColor=None))
    for share in (0.0, 0.5, 1.0):
        drawing.add(
            String(
                left + (wide - left) * share,
                2,
                f"{long_s * share:.0f} s",
                fontSize=8,
                textAnchor=["start", "middle", "end"][int(share * 2)],
            )
        )
    return drawing


if __name__ == "__main__":
    sys.stdout.buffer.write(laid_out(msgspec.json.decode(sys.stdin.buffer.read(), type=Report)))
