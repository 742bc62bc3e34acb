"""The last lines on a terminal: one per objective, and the one next thing to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kumoniwa.drill.cost import sentence
from kumoniwa.drill.report.machines import WORDS, quantity, spread_text


def lines(told: dict[str, Any], out: Path) -> list[str]:
    said = []
    if told["objectives"]:
        said.append(f"{'objective':<34}{'asked':>10}{'measured':>12}  {'verdict':<15}spread")
    for one in told["objectives"]:
        said.append(
            f"{one['name']:<34}{quantity(one['asked'], one['unit']):>10}{quantity(one['measured'], one['unit']):>12}  "
            f"{WORDS[one['verdict']]:<15}{spread_text(one)}"
        )
        if one.get("why"):
            said.append(f"    {one['why']}")
    for one in told["invariants"]:
        said.append(f"{one['name']:<56}  {WORDS[one['verdict']]:<15}{one.get('why', '')}".rstrip())
    lost = sum(run["lost_count"] for run in told["runs"])
    if lost:
        first = next(run["lost"][0] for run in told["runs"] if run["lost"])
        said.append(f"{lost} acknowledged writes were missed, the first {first['key']} at {first['t']:+.3f} s")
    if told["cost"] is not None and told["cost"]["lines"]:
        said.append(f"would cost {sentence(told['cost'])}, estimated")
    said += [f"! {trouble}" for trouble in [told["failure"], *told["troubles"]] if trouble]
    said.append(f"{told['verdict']}: {_next(told)}")
    said.append(f"{out / 'report.html'}")
    return said


def _next(told: dict[str, Any]) -> str:
    if told["verdict"] == "met":
        return "everything asked for was met"
    if told["verdict"] == "breached":
        worst = next(one for one in (*told["objectives"], *told["invariants"]) if one["verdict"] == "PolicyBreached")
        return f"look first at {worst['name']}"
    if told["verdict"] == "inconclusive":
        return "no verdict can be given; see the lines marked !" if told["troubles"] else "something asked for was not measured"
    return "the harness failed; nothing here says anything about the system"
