"""Command documents of Systems Manager, schemas 1.2, 2.0 and 2.2: what nodes run, with which parameters, and when a step is left out.

https://docs.aws.amazon.com/systems-manager/latest/userguide/documents-schemas-features.html
What a node makes of them is as aws/amazon-ssm-agent does it: agent/framework/docparser and agent/framework/runpluginutil.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from kumoniwa.languages import backtracking

SCRIPT = "aws:runShellScript"
ELSEWHERE = (
    "aws:applications", "aws:cloudWatch", "aws:configureDocker", "aws:configurePackage", "aws:domainJoin", "aws:downloadContent", "aws:psModule",
    "aws:refreshAssociation", "aws:runDockerAction", "aws:runDocument", "aws:runPowerShellScript", "aws:softwareInventory", "aws:updateAgent",
    "aws:updateSsmAgent",
)  # fmt: skip
"""Plugins of AWS's that no node here runs. A step of theirs may stand in a document where its precondition wants another platform."""
_NEVER_ON_LINUX = ("aws:applications", "aws:cloudWatch", "aws:psModule", "aws:updateAgent")
SCRIPT_S, SCRIPT_S_MIN, SCRIPT_S_MAX = 3_600, 5, 172_800
"""How long a script may take that does not say, or says something else than it may."""
PARAMETER_TYPES = ("String", "StringList", "Integer", "Boolean", "MapList", "StringMap")
_NAME = re.compile(r"[a-zA-Z0-9_\-.]{1,128}")
_BRACES = re.compile(r"\{\{\s*([a-zA-Z0-9]+)\s*\}\}")
_PLATFORM, _EQUALS = "platformType", "StringEquals"


class InvalidContent(ValueError):
    """No document; the text says why."""


class InvalidValue(ValueError):
    """A parameter's value that the document does not take; the text says why."""


class Unsupported(ValueError):
    """A document that AWS would run and we do not; the text names what."""


class Step(NamedTuple):
    """``name`` is what replies and results call it, ``folder`` what its output lies under, beside the plugin's name."""

    name: str
    plugin: str
    inputs: tuple[Any, ...]
    """More than one where a document of schema 1.2 has several properties."""
    precondition: dict[str, list[str]]


class Document(NamedTuple):
    schema: str
    parameters: dict[str, dict[str, Any]]
    steps: tuple[Step, ...]


def _must(holds: Any, text: str) -> None:
    if not holds:
        raise InvalidContent(text)


def read(body: Any) -> Document:
    """Raises InvalidContent, Unsupported."""
    _must(isinstance(body, dict), "The document is not an object.")
    schema = str(body.get("schemaVersion"))
    parameters = body.get("parameters") if body.get("parameters") is not None else {}
    _must(isinstance(parameters, dict), "parameters must be an object.")
    for name, said in parameters.items():
        _must(isinstance(said, dict) and said.get("type") in PARAMETER_TYPES, f"The parameter {name} is of no known type.")
    steps = _properties(body) if schema.startswith("1.") else _main_steps(body)
    for step in steps:
        _check_plugin(step)
    return Document(schema, parameters, steps)


def _properties(body: dict[str, Any]) -> tuple[Step, ...]:
    """Schema 1.2: plugins by their names, which are the names of their steps, too."""
    config = body.get("runtimeConfig")
    _must(isinstance(config, dict) and config and all(isinstance(each, dict) for each in config.values()), "runtimeConfig must be an object.")
    steps = []
    for plugin, said in config.items():
        properties = said.get("properties")
        listed = properties if isinstance(properties, list) else [properties]
        _must(all(isinstance(each, dict) for each in listed), f"The properties of {plugin} must be objects.")
        steps.append(Step(plugin, plugin, tuple(listed), {}))
    return tuple(steps)


def _main_steps(body: dict[str, Any]) -> tuple[Step, ...]:
    listed = body.get("mainSteps")
    _must(isinstance(listed, list) and listed, "mainSteps must be a list of at least one step.")
    steps: dict[str, Step] = {}
    for said in listed:
        _must(isinstance(said, dict), "A step is not an object.")
        name, plugin, inputs = said.get("name"), said.get("action"), said.get("inputs") or {}
        _must(isinstance(name, str) and _NAME.fullmatch(name), "A step has no name, or no valid one.")
        _must(name not in steps, f"Two steps are called {name}.")
        _must(isinstance(plugin, str), f"The step {name} has no action.")
        _must(isinstance(inputs, dict), f"The inputs of the step {name} are not an object.")
        precondition = said.get("precondition") or {}
        _must(
            isinstance(precondition, dict) and all(isinstance(each, list) and all(map(_is_text, each)) for each in precondition.values()),
            f"The precondition of the step {name} compares lists of texts.",
        )
        steps[name] = Step(name, plugin, (inputs,), precondition)
    return tuple(steps.values())


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _check_plugin(step: Step) -> None:
    if step.plugin == SCRIPT:
        _must(all("runCommand" in each for each in step.inputs), f"The step {step.name} lacks the input runCommand.")
    elif step.plugin in ELSEWHERE:
        wanted = step.precondition.get(_EQUALS, [])
        if len(wanted) != 2 or _PLATFORM not in wanted or "linux" in (each.lower() for each in wanted):
            raise Unsupported(f"the plugin {step.plugin} of Command documents")
    else:
        raise InvalidContent(f"The step {step.name} has an unknown action: {step.plugin}.")


# Values --------------------------------------------------------------------------------------------


def given(document: Document, said: Mapping[str, list[str]]) -> dict[str, Any]:
    """The values of a request, each of its declared type; a node puts in the defaults. Raises InvalidValue."""
    if unknown := sorted(set(said) - set(document.parameters)):
        raise InvalidValue(f"The document has no parameter {', '.join(unknown)}.")
    missing = [name for name, declared in document.parameters.items() if name not in said and declared.get("default") is None]
    if missing:
        raise InvalidValue(f"Missing the following required parameters: {', '.join(missing)}.")
    return {name: _typed(name, document.parameters[name], values) for name, values in said.items()}


def _typed(name: str, declared: dict[str, Any], values: list[str]) -> Any:
    allowed, pattern = [text_of(each) for each in declared.get("allowedValues") or ()], declared.get("allowedPattern")
    for value in values:
        if allowed and value not in allowed:
            raise InvalidValue(f"The value {value} of the parameter {name} is not one of {', '.join(allowed)}.")
        if pattern and not _fits(str(pattern), value):
            raise InvalidValue(f"The value {value} of the parameter {name} does not fit its pattern {pattern}.")
        _within(name, declared, "Chars", len(value))
    kind = declared["type"]
    if kind in ("StringList", "MapList"):
        _within(name, declared, "Items", len(values))
        return list(values) if kind == "StringList" else [_json(name, each, dict) for each in values]
    if len(values) != 1:
        raise InvalidValue(f"The parameter {name} takes one value.")
    if kind == "String":
        return values[0]
    return _json(name, values[0].lower() if kind == "Boolean" else values[0], {"Integer": int, "Boolean": bool, "StringMap": dict}[kind])


def _within(name: str, declared: dict[str, Any], what: str, size: int) -> None:
    least, most = declared.get(f"min{what}"), declared.get(f"max{what}")
    if (isinstance(least, int) and size < least) or (isinstance(most, int) and size > most):
        raise InvalidValue(f"The parameter {name} has {size} {what.lower()}, and may have {least or 0} to {most if most is not None else 'any'}.")


def _fits(pattern: str, value: str) -> bool:
    try:
        return backtracking.compiled(pattern).is_whole(value)
    except (backtracking.InvalidPattern, backtracking.TooMuchWork):
        return False


def _json(name: str, text: str, kind: type) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if type(value) is not kind:
        raise InvalidValue(f"The value of the parameter {name} cannot be read: {text}.")
    return value


def text_of(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def values_of(document: Document, said: Mapping[str, Any]) -> dict[str, Any]:
    """What was said, and the defaults of the rest."""
    return {name: declared.get("default") for name, declared in document.parameters.items()} | dict(said)


def filled(value: Any, values: Mapping[str, Any]) -> Any:
    """What stands in braces, replaced: a text that is nothing else becomes the value itself. Names that nobody knows stay as they are."""
    if isinstance(value, dict):
        return {key: filled(member, values) for key, member in value.items()}
    if isinstance(value, list):
        return [filled(member, values) for member in value]
    if not isinstance(value, str):
        return value
    whole = _BRACES.fullmatch(value)
    if whole is not None and whole[1] in values:
        return values[whole[1]]
    return _BRACES.sub(lambda found: text_of(values[found[1]]) if found[1] in values else found[0], value)


def script_s(inputs: Mapping[str, Any]) -> int:
    """How long a script may take, by its input ``timeoutSeconds``."""
    try:
        said = int(float(inputs.get("timeoutSeconds", SCRIPT_S)))
    except (TypeError, ValueError, OverflowError):
        return SCRIPT_S
    return said if SCRIPT_S_MIN <= said <= SCRIPT_S_MAX else SCRIPT_S


def total_s(document: Document, said: Mapping[str, Any]) -> int:
    """How long all its scripts may take."""
    values = values_of(document, said)
    return sum(script_s(filled(inputs, values)) for step in document.steps for inputs in step.inputs)


# Which steps ---------------------------------------------------------------------------------------


class Skipped(NamedTuple):
    why: str


class Refused(NamedTuple):
    why: str


def _judged(arguments: list[str], values: Mapping[str, Any], platform: str) -> tuple[bool, str]:
    """Whether the two arguments of StringEquals are equal, and what is wrong with them."""
    if len(arguments) != 2:
        return True, f'"{_EQUALS}": operator accepts exactly 2 arguments'
    left, right = arguments
    if left == right:
        return True, f'"{_EQUALS}": ' + (f"[{left} {right}]" if left == _PLATFORM else "operator's arguments can't be identical")
    if _PLATFORM in arguments:
        other = right if left == _PLATFORM else left
        if text_of(filled(other, values)).lower() != other.lower():
            return True, f"\"{_EQUALS}\": the second argument for the platformType variable can't contain document parameters"
        return (True, "") if other.lower() == platform.lower() else (False, f'"{_EQUALS}": [{left}, {right}]')
    meant = [text_of(filled(each, values)) for each in arguments]
    if meant == arguments:
        return True, f"\"{_EQUALS}\": at least one of operator's arguments must contain a valid document parameter"
    return (True, "") if meant[0] == meant[1] else (False, f'"{_EQUALS}": [{left}, {right}]')


def held_back(document: Document, step: Step, values: Mapping[str, Any], platform: str) -> Skipped | Refused | None:
    """Why a step is left out or fails before it begins; None if it may be run."""
    judged = [
        _judged(arguments, values, platform) if operator == _EQUALS else (True, f'unrecognized operator: "{operator}"')
        for operator, arguments in step.precondition.items()
    ]
    faults = ", ".join(text for _, text in judged if text)
    if document.schema != "2.2" and step.precondition:
        return Refused(f"Precondition is not supported for document schema version prior to 2.2. Step name: {step.name}")
    if step.plugin in _NEVER_ON_LINUX:
        return Skipped(f"Step execution skipped due to unsupported plugin: {step.plugin}. Step name: {step.name}")
    if not all(is_equal for is_equal, _ in judged):
        return Skipped(f"Step execution skipped due to unsatisfied preconditions: '{faults}'. Step name: {step.name}")
    if faults:
        return Refused(f"Unrecognized precondition(s): '{faults}', please update agent to latest version. Step name: {step.name}")
    return None
