"""What a line of an answer is called: by its metric, by what tells it from the others, or by a label that names what it shows.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/graph-dynamic-labels.html
"""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.languages.metric_math_run import REDUCERS

_DYNAMIC = re.compile(r"\$\{([^}]*)\}")
_PROP = re.compile(r"PROP\(\s*['\"]([^'\"]*)['\"]\s*\)")


def defaults(told: list[dict[str, Any]]) -> list[str]:
    """Names for what queries show (``metric``, ``stat``, ``period``, ``dimensions``): statistic and period where those differ.

    Recorded: localstack's test_label_generation. That values of dimensions stand before the name is what the console shows.
    """
    names = []
    for one in told:
        others = [other for other in told if other["metric"] == one["metric"]]
        parts = [value for name, value in one["dimensions"].items() if len({other["dimensions"].get(name) for other in others}) > 1]
        parts.append(one["metric"])
        parts += [str(one[what]) for what in ("stat", "period") if len({other[what] for other in told}) > 1]
        names.append(" ".join(parts))
    return names


def spelled(template: str, facts: dict[str, Any], values: list[float]) -> str:
    """A label with what it names in place. ``facts`` are the properties of the metric, ``values`` what the line shows."""

    def put(match: re.Match) -> str:
        asked = match[1].strip()
        prop = _PROP.fullmatch(asked)
        if prop is not None:
            held = facts["dimensions"].get(prop[1][4:]) if prop[1].startswith("Dim.") else facts.get(prop[1])
            return "" if held is None else str(held)
        if asked == "LABEL":
            return facts["LABEL"]
        if "TIME" in asked:
            raise NotImplementedHere(f"${{{asked}}} in the labels of metrics")
        return _figures(asked, values)

    return _DYNAMIC.sub(put, template)


def _figures(asked: str, values: list[float]) -> str:
    ranges = {"MIN_MAX_RANGE": ("MIN", "MAX"), "FIRST_LAST_RANGE": ("FIRST", "LAST")}
    if asked in ranges:
        return " - ".join(_figures(each, values) for each in ranges[asked])
    if asked not in REDUCERS and asked not in ("FIRST", "LAST"):
        return "${" + asked + "}"
    if not values:
        return "0" if asked == "DATAPOINT_COUNT" else "--"
    value = values[0] if asked == "FIRST" else values[-1] if asked == "LAST" else REDUCERS[asked](values)
    return f"{value:.3f}".rstrip("0").rstrip(".")
