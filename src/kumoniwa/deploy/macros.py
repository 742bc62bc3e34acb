"""Transforms that need the world: what ``AWS::Include`` fetches, and macros that are somebody's Lambda function. Parameters need it, too,
that stand for one of the Parameter Store.

A drawing is a function from text to data and touches nothing. So it does not ask: it stops with `Wanted`, somebody finds the
answer, and the drawing begins anew with all answers so far. Nested transforms come before those of the whole template, and
the innermost first:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-macros-overview.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from kumoniwa.deploy import template
from kumoniwa.kernel.errors import ValidationError

INCLUDE = "AWS::Include"
KEY = "Fn::Transform"
ANSWERS_MAX = 100
DEPTH_MAX = 200


class TransformFailed(ValidationError):
    """A transform that did not succeed: on AWS the stack is there by then, and rolls back."""

    code = "ValidationError"


class Wanted(Exception):
    """The drawing needs an answer from outside."""

    def __init__(self, request: dict[str, Any]) -> None:
        super().__init__(request)
        self.request = request


@dataclass(slots=True)
class World:
    """The answers so far, given in the order in which they were asked for."""

    told: list[dict[str, Any]]
    at: int = 0
    used: list[str] = field(default_factory=list)
    """The transforms that were met, for whoever has to allow them."""
    stored: dict[str, str | None] = field(default_factory=dict)
    """What parameters of the Parameter Store say."""

    def parameter(self, name: str) -> str | None:
        """What a parameter of the Parameter Store says, None if there is none."""
        if name not in self.stored:
            answer = self.ask({"parameter": name})
            if problem := answer.get("problem"):
                raise ValidationError(problem)
            self.stored[name] = answer["value"]
        return self.stored[name]

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        if self.at == len(self.told):
            raise Wanted(request)
        self.at += 1
        return self.told[self.at - 1]


def definitions(found: Any) -> list[dict[str, Any]]:
    """What a template writes under Transform or Fn::Transform, as ``[{"Name": …, "Parameters": …}]``."""
    return [_definition(each) for each in (found if isinstance(found, list) else [found])]


def _definition(found: Any) -> dict[str, Any]:
    if isinstance(found, str):
        return {"Name": found, "Parameters": {}}
    if not isinstance(found, dict) or set(found) - {"Name", "Parameters"}:
        raise ValidationError("Transform definition must be a string or an object with the keys Name and Parameters.")
    if not isinstance(found.get("Name"), str):
        # Recorded: localstack/localstack, test_template_engine.snapshot.json, test_error_pass_macro_as_reference.
        raise ValidationError("Key Name of transform definition must be a string.")
    parameters = found.get("Parameters") or {}
    if not isinstance(parameters, dict):
        raise ValidationError("Key Parameters of transform definition must be an object.")
    return {"Name": found["Name"], "Parameters": parameters}


def nested(value: Any) -> list[str]:
    """The transforms by which a template changes parts of itself."""
    found, pending = [], [value]
    while pending:
        each = pending.pop()
        if isinstance(each, dict):
            if KEY in each:
                found += [definition["Name"] for definition in definitions(each[KEY])]
            pending.extend(each.values())
        elif isinstance(each, list):
            pending.extend(each)
    return found


Evaluate = Callable[[Any], Any]


def expand(value: Any, world: World, evaluate: Evaluate, values: dict[str, Any], depth: int = 0) -> Any:
    """A part of a template with its nested transforms done. ``evaluate`` computes their parameters, ``values`` are the template's."""
    if depth > DEPTH_MAX:
        raise ValidationError("Template error: nested too deeply.")
    if isinstance(value, list):
        return [expand(each, world, evaluate, values, depth + 1) for each in value]
    if not isinstance(value, dict):
        return value
    found: Any = {
        key: expand(member, world, evaluate, values, depth + 1) for key, member in value.items() if key != KEY
    }
    for definition in definitions(value[KEY]) if KEY in value else ():
        found = run(definition, found, world, evaluate, values)
    return found


def run(definition: dict[str, Any], fragment: Any, world: World, evaluate: Evaluate, values: dict[str, Any]) -> Any:
    """What one transform makes of a fragment."""
    name, parameters = definition["Name"], evaluate(definition["Parameters"])
    world.used.append(name)
    if name == INCLUDE:
        return _included(parameters, fragment, world)
    if name.startswith("AWS::"):
        raise ValidationError(f"No transform named {name} found.")
    answer = world.ask({"macro": name, "fragment": fragment, "params": parameters, "values": values})
    if problem := answer.get("problem"):
        raise TransformFailed(problem)
    return answer["fragment"]


def _included(parameters: dict[str, Any], fragment: Any, world: World) -> Any:
    location = parameters.get("Location")
    if not isinstance(location, str):
        raise TransformFailed(f"Transform {INCLUDE} failed with: Location is a required parameter.")
    answer = world.ask({"include": location})
    if problem := answer.get("problem"):
        raise TransformFailed(f"Transform {INCLUDE} failed with: {problem}")
    try:
        found = template.read(answer["text"]).body
    except ValidationError as error:
        raise TransformFailed(f"Transform {INCLUDE} failed with: {error.text}") from None
    if not isinstance(fragment, dict) or not isinstance(found, dict):
        return found
    return fragment | {
        key: fragment[key] | member if isinstance(member, dict) and isinstance(fragment.get(key), dict) else member
        for key, member in found.items()
    }
