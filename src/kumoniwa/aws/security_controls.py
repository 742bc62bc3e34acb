"""The controls of Security Hub in two of its standards: what each is called and about, how severe it is, and which rule of AWS Config judges it.

A data file of facts as AWS publishes them: what ListSecurityControlDefinitions answered in 2025 with what the user guide says beside it (as
SooJongKim2/securityhub-controls-export brought both together); which requirement of CIS's benchmark v3.0.0 each meets is that benchmark's own
number. Read when the first one is asked for. Which of them are judged here is their service's to say.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

import orjson

FSBP, CIS = "aws-foundational-security-best-practices/v/1.0.0", "cis-aws-foundations-benchmark/v/3.0.0"


class Parameter(NamedTuple):
    name: str
    description: str
    type: str
    """``Integer``, ``Boolean``, ``Double``, ``Enum`` or lists of them. What an Enum may be is not among the facts."""
    default: str | None
    least: str | None
    most: str | None


class Control(NamedTuple):
    id: str
    title: str
    description: str
    severity: str
    standards: tuple[str, ...]
    requirement: str
    """Its number in CIS's benchmark, empty if it is none of that."""
    rule: str
    """The name of AWS's rule, such as ``s3-bucket-level-public-access-prohibited``; empty where Security Hub judges by itself."""
    parameters: dict[str, Parameter]


@cache
def controls() -> dict[str, Control]:
    """Every control of the two standards, by its id."""
    held = orjson.loads(Path(__file__).with_suffix(".json").read_bytes())
    return {each["id"]: _read(each) for each in held}


def _read(said: dict) -> Control:
    parameters = (
        Parameter(each["name"], each["description"], each["type"], each.get("default"), each.get("min"), each.get("max"))
        for each in said.get("parameters", ())
    )
    return Control(
        said["id"], said["title"], said["description"], said["severity"], tuple(said["standards"]), said.get("requirement", ""), said["rule"],
        {each.name: each for each in parameters},
    )  # fmt: skip
