"""From a path to a plan, whichever form the file is written in."""

from __future__ import annotations

from pathlib import Path

from kumoniwa.drill.format.chaos_form import read_long
from kumoniwa.drill.format.page import Page
from kumoniwa.drill.format.plan import Plan
from kumoniwa.drill.format.short_form import read_short


def read_plan(path: Path) -> Plan:
    """The drill in that file, or in ``drill.yaml`` of that folder. Raises Refused with every complaint."""
    if path.is_dir():
        path = path / "drill.yaml"
    page = Page.read(path)
    return plan_of(page, path.parent)


def plan_of(page: Page, folder: Path) -> Plan:
    if "drill" in page.value:
        return read_short(page, folder)
    if "method" in page.value or "extensions" in page.value:
        return read_long(page, folder)
    page.complain((), "is neither form of a drill", "begin with `drill: NAME`, or write a Chaos Toolkit experiment with `method` and `extensions`")
    page.settle()
    raise AssertionError
