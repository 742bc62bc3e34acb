"""Parameters: what servers can be told, as they say themselves, and what a group's values come to for an instance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from kumoniwa.services.rds import classes, formula
from kumoniwa.services.rds.errors import InvalidParameterValue


class Parameter(NamedTuple):
    name: str
    kind: str
    """``boolean``, ``integer``, ``float``, ``string`` or ``list``."""
    description: str
    is_static: bool
    """Whether it acts when the server starts."""
    is_modifiable: bool = True
    allowed: str = ""

    def shown(self, value: str | None, source: str, method: str) -> dict[str, Any]:
        told = {
            "ParameterName": self.name, "ParameterValue": value, "Description": self.description, "Source": source,
            "ApplyType": "static" if self.is_static else "dynamic", "DataType": self.kind, "AllowedValues": self.allowed or None,
            "IsModifiable": self.is_modifiable, "ApplyMethod": method,
        }  # fmt: skip
        return {name: each for name, each in told.items() if each is not None}


def variables(class_: str, storage_gb: int, port: int, *, is_replica: bool = False) -> dict[str, float]:
    of = classes.of(class_)
    return {
        "AllocatedStorage": storage_gb << 30, "DBInstanceClassMemory": of.memory_gib << 30, "DBInstanceVCPU": of.processors, "EndPointPort": port,
        "TrueIfReplica": int(is_replica),
    }  # fmt: skip


SMALLEST = ("db.t3.micro", 20, 5_432)
"""With what a formula is tried before there is an instance."""


def computed(text: str, known_values: Mapping[str, float]) -> str:
    return str(formula.value(text, known_values)) if formula.is_formula(text) else text


def is_on(text: str) -> bool:
    return text.lower() in ("1", "on", "true", "yes")


def checked(known: Mapping[str, Parameter], name: str) -> Parameter:
    found = known.get(name)
    if found is None:
        raise InvalidParameterValue(f"Could not find parameter with name: {name}")
    if not found.is_modifiable:
        raise InvalidParameterValue(f"The parameter {name} cannot be modified.")
    return found


def refused(parameter: Parameter, value: str) -> InvalidParameterValue:
    return InvalidParameterValue(f"Invalid parameter value: {value} for: {parameter.name} allowed values are: {parameter.allowed}")
