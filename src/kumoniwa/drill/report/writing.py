"""The reports of a drill, written into its folder: report.html, report.json, report.md, junit.xml beside history.jsonl."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from kumoniwa.drill.report.machines import junit, markdown
from kumoniwa.drill.report.page import page


def write_reports(told: dict[str, Any], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.json").write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS) + b"\n")
    (out / "report.html").write_text(page(told))
    (out / "report.md").write_text(markdown(told))
    (out / "junit.xml").write_bytes(junit(told))
