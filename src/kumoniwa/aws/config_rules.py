"""The rules AWS Config manages: what each is called, which resources it looks at, what sets it off and which parameters it takes.

A data file of facts as AWS publishes them (AWS Config's developer guide of April 2023, "List of AWS Config Managed Rules", and six newer ones
of its pages of 2026), read when the first one is asked for. Which of them are evaluated here is their service's to say.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

import orjson


class Parameter(NamedTuple):
    name: str
    type: str
    """``String``, ``CSV``, ``int``, ``double``, ``boolean`` or ``StringMap``."""
    is_optional: bool
    default: str | None


class ManagedRule(NamedTuple):
    identifier: str
    name: str
    types: tuple[str, ...]
    """Types of resources; none where it looks at the account, or asks for itself."""
    is_set_off_by_changes: bool
    is_periodic: bool
    parameters: dict[str, Parameter]


@cache
def rules() -> dict[str, ManagedRule]:
    """Every managed rule, by its identifier."""
    held = orjson.loads(Path(__file__).with_suffix(".json").read_bytes())
    return {each["identifier"]: _read(each) for each in held}


def _read(said: dict) -> ManagedRule:
    parameters = (
        Parameter(each["name"], each["type"], each.get("optional", False), each.get("default")) for each in said.get("parameters", ())
    )
    return ManagedRule(
        said["identifier"], said["name"], tuple(said.get("types", ())), "change" in said["triggers"], "periodic" in said["triggers"],
        {each.name: each for each in parameters},
    )  # fmt: skip
