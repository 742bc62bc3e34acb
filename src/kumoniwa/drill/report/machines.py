"""The report for machines and for pull requests: JUnit for a build server, Markdown for a page of text."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

PASSED = ("PolicyMet",)
WORDS = {"PolicyMet": "met", "PolicyBreached": "BREACHED", "NotMeasured": "not measured", "NotApplicable": "not applicable"}


def junit(told: dict[str, Any]) -> bytes:
    """One test case per objective and invariant. What was not measured is an error, what does not apply is skipped."""
    cases = [("objective", one) for one in told["objectives"]] + [("invariant", one) for one in told["invariants"]]
    verdicts = [one["verdict"] for _, one in cases]
    suite = ElementTree.Element(
        "testsuite", name=told["drill"], tests=str(len(cases) + bool(told["failure"])), failures=str(verdicts.count("PolicyBreached")),
        errors=str(verdicts.count("NotMeasured") + bool(told["failure"])), skipped=str(verdicts.count("NotApplicable")), time=f"{told['took_s']:.3f}",
    )  # fmt: skip
    for kind, one in cases:
        case = ElementTree.SubElement(suite, "testcase", classname=f"{told['drill']}.{kind}", name=one["name"])
        element = {"PolicyBreached": "failure", "NotMeasured": "error", "NotApplicable": "skipped"}.get(one["verdict"])
        if element:
            ElementTree.SubElement(case, element, message=sentence(one))
    if told["failure"]:
        case = ElementTree.SubElement(suite, "testcase", classname=f"{told['drill']}.harness", name="the drill could be held")
        ElementTree.SubElement(case, "error", message=told["failure"])
    return ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)


def quantity(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    if unit == "%":
        return f"{value:.3f}".rstrip("0").rstrip(".") + " %"
    return f"{value:.2f} {unit}" if value and value < 100 else f"{value:g} {unit}"


def sentence(one: dict[str, Any]) -> str:
    """What was asked, what was measured, and why that is the verdict."""
    said = WORDS[one["verdict"]]
    if "asked" in one:
        said = f"asked {quantity(one['asked'], one['unit'])}, measured {quantity(one['measured'], one['unit'])}: {said}"
    return f"{said}; {one['why']}" if one.get("why") else said


def spread_text(one: dict[str, Any]) -> str:
    """The range over runs, and how sure it is."""
    spread = one.get("spread")
    if not spread or spread["least"] is None:
        return "–"
    runs = len(spread["values"])
    if runs == 1:
        return "1 run"
    missing = sum(value is None for value in spread["values"])
    said = f"{spread['least']:.2f}..{spread['most']:.2f}" + (f" and {missing} × none" if missing else "")
    return f"{said} in {runs} runs ({100 * spread['median_covered']:.4g} % sure of the median)"


def markdown(told: dict[str, Any]) -> str:
    lines = [f"# {told['says']}", "", f"**{told['verdict']}** · drill `{told['drill']}` · seed {told['seed']} · {len(told['runs'])} runs", ""]
    lines += [f"> {trouble}" for trouble in [told["failure"], *told["troubles"]] if trouble]
    lines += ["", "| objective | asked | measured | spread | verdict |", "|---|---|---|---|---|"]
    for one in told["objectives"]:
        cells = [one["name"], quantity(one["asked"], one["unit"]), quantity(one["measured"], one["unit"]), spread_text(one), WORDS[one["verdict"]]]
        lines.append("| " + " | ".join(cells) + " |")
    if told["invariants"]:
        lines += ["", "| invariant | verdict | why |", "|---|---|---|"]
        lines += [f"| {one['name']} | {WORDS[one['verdict']]} | {one.get('why', '')} |" for one in told["invariants"]]
    for run in told["runs"]:
        if run["lost"]:
            lines += ["", f"## Lost writes of run {run['number']}", "", "| acknowledged at | key | value | for good |", "|---|---|---|---|"]
            lines += [
                f"| {one['t']:.3f} s | `{one['key']}` | `{one['value']}` | {'yes' if one['is_final'] else 'no, it came back'} |"
                for one in run["lost"][:50]
            ]
            if run["lost_count"] > 50:
                lines.append(f"| … | {run['lost_count'] - 50} more in `report.json` | | |")
    lines += ["", "Every number of a run is measured on this machine; link delays, health intervals and TTLs are modelled on AWS's.", ""]
    return "\n".join(lines)
