"""Automation documents of Systems Manager, schema 0.3: steps, what follows them, and the values they name between double braces.

https://docs.aws.amazon.com/systems-manager/latest/userguide/documents-schemas-features.html
https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-actions.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

SCHEMA = "0.3"
STEPS_MAX, DEPTH_MAX = 100, 20
_NAME = re.compile(r"[a-zA-Z0-9_]{3,128}")
_BRACES = re.compile(r"\{\{\s*([A-Za-z0-9_.:]+)\s*\}\}")
_DURATION = re.compile(r"P(?:(\d{1,9})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})S)?)?")
_DOCUMENT = {"schemaVersion", "description", "assumeRole", "parameters", "mainSteps", "outputs", "files"}
_STEP = {"name", "action", "inputs", "description", "onFailure", "onCancel", "isCritical", "isEnd", "nextStep", "maxAttempts",
         "timeoutSeconds", "outputs"}  # fmt: skip
PARAMETER_TYPES = ("String", "StringList", "Integer", "Boolean", "MapList", "StringMap")

NEEDED = {
    "aws:executeAwsApi": ("Service", "Api"),
    "aws:assertAwsResourceProperty": ("Service", "Api", "PropertySelector", "DesiredValues"),
    "aws:waitForAwsResourceProperty": ("Service", "Api", "PropertySelector", "DesiredValues"),
    "aws:branch": ("Choices",),
    "aws:sleep": (),
    "aws:pause": (),
    "aws:approve": ("Approvers",),
    "aws:executeScript": ("Runtime",),
    "aws:invokeLambdaFunction": ("FunctionName",),
    "aws:executeStateMachine": ("stateMachineArn",),
    "aws:createStack": ("StackName",),
    "aws:deleteStack": ("StackName",),
    "aws:executeAutomation": ("DocumentName",),
    "aws:runCommand": ("DocumentName",),
}
"""The actions that there are, and the inputs they cannot do without."""
ELSEWHERE = (
    "aws:changeInstanceState", "aws:copyImage", "aws:createImage", "aws:createTags", "aws:deleteImage", "aws:loop", "aws:runInstances",
    "aws:updateVariable",
)


class InvalidContent(ValueError):
    """No document; the text says why."""


class Unsupported(ValueError):
    """A document that AWS would run and we do not; the text names what."""


class Step(NamedTuple):
    name: str
    action: str
    inputs: dict[str, Any]
    outputs: tuple[dict[str, str], ...]
    on_failure: str
    """``Abort``, ``Continue``, or the name of the step that follows then."""
    is_critical: bool
    is_end: bool
    next: str
    """The step that follows; empty at the end."""
    attempts_max: int
    timeout_s: float | None


class Document(NamedTuple):
    description: str
    role: str
    parameters: dict[str, dict[str, Any]]
    steps: dict[str, Step]
    outputs: tuple[str, ...]


def _must(holds: Any, text: str) -> None:
    if not holds:
        raise InvalidContent(text)


def read(body: Any) -> Document:
    """Raises InvalidContent, Unsupported."""
    _must(isinstance(body, dict), "The document is not an object.")
    if unknown := sorted(set(body) - _DOCUMENT):
        if unknown[0] == "variables":
            raise Unsupported("variables of Automation documents")
        raise InvalidContent(f"The document has an unknown member: {unknown[0]}.")
    if "files" in body:
        raise Unsupported("attachments of Automation documents")
    listed = body.get("mainSteps")
    _must(isinstance(listed, list) and listed, "mainSteps must be a list of at least one step.")
    _must(len(listed) <= STEPS_MAX, f"A document has {STEPS_MAX} steps at most.")
    _must(isinstance(body.get("description", ""), str) and isinstance(body.get("assumeRole", ""), str), "description and assumeRole are texts.")
    steps = _steps(listed)
    parameters = body.get("parameters") or {}
    _must(isinstance(parameters, dict), "parameters must be an object.")
    for name, said in parameters.items():
        _check_parameter(name, said)
    outputs = body.get("outputs") or []
    _must(isinstance(outputs, list) and all(isinstance(each, str) for each in outputs), "outputs must be a list of texts.")
    names = {*parameters, *(f"{step.name}.{each['Name']}" for step in steps.values() for each in step.outputs)}
    _check_named(body, names, steps)
    return Document(body.get("description") or "", body.get("assumeRole") or "", parameters, steps, tuple(outputs))


def _check_parameter(name: str, said: Any) -> None:
    _must(isinstance(said, dict) and isinstance(said.get("type"), str), f"The parameter {name} has no type.")
    _must(said["type"] in PARAMETER_TYPES or re.match(r"(List<)?AWS::", said["type"]), f"The parameter {name} is of no known type: {said['type']}.")


def _steps(listed: list[Any]) -> dict[str, Step]:
    names = [each.get("name") if isinstance(each, dict) else None for each in listed]
    steps: dict[str, Step] = {}
    for at, said in enumerate(listed):
        step = _step(said, names[at + 1] if at + 1 < len(names) else "")
        _must(step.name not in steps, f"Two steps are called {step.name}.")
        steps[step.name] = step
    for step in steps.values():
        for following in (step.next, *_chosen(step), *([] if step.on_failure in ("Abort", "Continue") else [step.on_failure])):
            _must(not following or following in steps, f"The step {step.name} is followed by {following}, which is no step.")
    return steps


def _chosen(step: Step) -> list[str]:
    """The steps that a branch may lead to."""
    if step.action != "aws:branch":
        return []
    choices = step.inputs["Choices"]
    _must(isinstance(choices, list) and all(isinstance(each, dict) and isinstance(each.get("NextStep"), str) for each in choices),
          f"Choices of the step {step.name} each name their NextStep.")  # fmt: skip
    for each in choices:
        _check_choice(step.name, {key: value for key, value in each.items() if key != "NextStep"})
    _must(isinstance(step.inputs.get("Default", ""), str), f"Default of the step {step.name} is no text.")
    return [each["NextStep"] for each in choices] + ([step.inputs["Default"]] if "Default" in step.inputs else [])


def _check_choice(name: str, choice: Any, depth: int = 0) -> None:
    _must(isinstance(choice, dict) and depth < DEPTH_MAX, f"A choice of the step {name} is no object, or nested too deeply.")
    for combined in ("And", "Or"):
        if combined in choice:
            _must(isinstance(choice[combined], list) and len(choice) == 1, f"{combined} of the step {name} is a list.")
            for each in choice[combined]:
                _check_choice(name, each, depth + 1)
            return
    if "Not" in choice:
        _check_choice(name, choice["Not"], depth + 1)
    else:
        operators = choice.keys() - {"Variable"}
        _must(
            "Variable" in choice and len(operators) == 1 and operators <= _COMPARE.keys(),
            f"A choice of the step {name} compares its Variable by one operator.",
        )


def _step(said: Any, following: str) -> Step:
    _must(isinstance(said, dict) and isinstance(said.get("name"), str) and _NAME.fullmatch(said["name"]), "A step has no name, or no valid one.")
    name, action, inputs = said["name"], said.get("action"), said.get("inputs") or {}
    if unknown := sorted(set(said) - _STEP):
        raise InvalidContent(f"The step {name} has an unknown member: {unknown[0]}.")
    _must(isinstance(action, str), f"The step {name} has no action.")
    if action in ELSEWHERE:
        raise Unsupported(f"the action {action} of Automation documents")
    _must(action in NEEDED, f"The step {name} has an unknown action: {action}.")
    _must(isinstance(inputs, dict), f"The inputs of the step {name} are not an object.")
    if "onCancel" in said:
        raise Unsupported("onCancel in steps of Automation documents")
    for each in NEEDED[action]:
        _must(each in inputs, f"The step {name} lacks the input {each}.")
    if action == "aws:sleep":
        _must(("Duration" in inputs) != ("Timestamp" in inputs), f"The step {name} sleeps for a Duration or until a Timestamp.")
    if action == "aws:executeScript":
        _check_script(name, inputs)
    outputs = said.get("outputs") or []
    _must(isinstance(outputs, list) and all(_is_output(each) for each in outputs), f"The outputs of the step {name} each have a Name and a Selector.")
    is_end, named = _flag(said, "isEnd", default=False), said.get("nextStep") or following
    _must(isinstance(named, str) or named is None, f"nextStep of the step {name} is no text.")
    return Step(
        name, action, inputs, tuple(outputs), _on_failure(name, said.get("onFailure", "Abort")), _flag(said, "isCritical", default=True),
        is_end, "" if is_end else named or "",
        _whole(name, said.get("maxAttempts", 1)), float(_whole(name, said["timeoutSeconds"])) if "timeoutSeconds" in said else None,
    )  # fmt: skip


def _is_output(said: Any) -> bool:
    return (
        isinstance(said, dict)
        and all(isinstance(said.get(name), str) for name in ("Name", "Selector"))
        and said.get("Type", "String") in PARAMETER_TYPES
    )


def _check_script(name: str, inputs: dict[str, Any]) -> None:
    runtime = str(inputs["Runtime"])
    if runtime.lower().startswith("powershell"):
        raise Unsupported(f"the runtime {runtime} of aws:executeScript")
    _must(re.fullmatch(r"python3\.\d+", runtime), f"The step {name} has an unknown runtime: {runtime}.")
    if "Attachment" in inputs:
        raise Unsupported("attachments of Automation documents")
    _must(isinstance(inputs.get("Script"), str) and isinstance(inputs.get("Handler"), str), f"The step {name} needs a Script and a Handler.")


def _on_failure(name: str, said: Any) -> str:
    _must(
        said in ("Abort", "Continue") or (isinstance(said, str) and said.startswith("step:")),
        f"onFailure of the step {name} is not valid: {said}.",
    )
    return said.removeprefix("step:")


def _flag(said: dict[str, Any], name: str, *, default: bool) -> bool:
    value = said.get(name, default)
    return value if isinstance(value, bool) else str(value).lower() == "true"


def _whole(name: str, value: Any) -> int:
    _must(str(value).isdecimal() and 1 <= int(value) <= 1_000_000, f"The step {name} counts with something that is no number: {value}.")
    return int(value)


def _check_named(body: Any, names: set[str], steps: dict[str, Step]) -> None:
    """What stands in braces must be there. What actions make by themselves is known when they have run."""
    pending = [body.get("mainSteps"), body.get("assumeRole")]
    while pending:
        value = pending.pop()
        if isinstance(value, dict | list):
            pending.extend(value.values() if isinstance(value, dict) else value)
        elif isinstance(value, str):
            for named in _BRACES.findall(value):
                is_known = named in names or ":" in named or named.partition(".")[0] in steps
                _must(is_known, f"The document names {{{{ {named} }}}}, which is neither a parameter nor an output of a step.")


# Values --------------------------------------------------------------------------------------------


class Unknown(LookupError):
    """Something in braces has no value."""


def filled(value: Any, values: Mapping[str, Any]) -> Any:
    """What stands in braces, replaced: a text that is nothing else becomes the value itself. Raises Unknown."""
    if isinstance(value, dict):
        return {key: filled(member, values) for key, member in value.items()}
    if isinstance(value, list):
        return [filled(member, values) for member in value]
    if not isinstance(value, str):
        return value
    whole = _BRACES.fullmatch(value.strip())
    if whole is not None:
        return _value(whole[1], values)
    return _BRACES.sub(lambda found: text_of(_value(found[1], values)), value)


def _value(name: str, values: Mapping[str, Any]) -> Any:
    if name not in values:
        raise Unknown(name)
    return values[name]


def text_of(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def seconds(text: str) -> float:
    """Of an ISO 8601 duration. Raises InvalidContent."""
    found = _DURATION.fullmatch(text)
    _must(found is not None and any(found.groups()), f"{text} is not a duration.")
    days, hours, minutes, rest = (int(part or 0) for part in found.groups())
    return days * 86_400.0 + hours * 3_600 + minutes * 60 + rest


# Choices -------------------------------------------------------------------------------------------


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "StringEquals": lambda left, right: text_of(left) == text_of(right),
    "EqualsIgnoreCase": lambda left, right: text_of(left).lower() == text_of(right).lower(),
    "StartsWith": lambda left, right: text_of(left).startswith(text_of(right)),
    "EndsWith": lambda left, right: text_of(left).endswith(text_of(right)),
    "Contains": lambda left, right: right in left if isinstance(left, list) else text_of(right) in text_of(left),
    "NumericEquals": lambda left, right: float(left) == float(right),
    "NumericGreater": lambda left, right: float(left) > float(right),
    "NumericLesser": lambda left, right: float(left) < float(right),
    "NumericGreaterOrEquals": lambda left, right: float(left) >= float(right),
    "NumericLesserOrEquals": lambda left, right: float(left) <= float(right),
    "BooleanEquals": lambda left, right: str(left).lower() == str(right).lower(),
}


def holds(choice: dict[str, Any]) -> bool:
    """Whether a choice of a branch, with its values filled in, is taken. Raises InvalidContent."""
    if "And" in choice:
        return all(holds(each) for each in choice["And"])
    if "Or" in choice:
        return any(holds(each) for each in choice["Or"])
    if "Not" in choice:
        return not holds(choice["Not"])
    operator = next(name for name in choice if name in _COMPARE)
    try:
        return _COMPARE[operator](choice["Variable"], choice[operator])
    except (TypeError, ValueError, OverflowError):
        raise InvalidContent(f"{operator} cannot compare {text_of(choice['Variable'])}.") from None
