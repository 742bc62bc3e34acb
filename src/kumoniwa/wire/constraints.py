"""The model's constraints: required, length, range, pattern, enumeration, and AWS's words for breaking them.

What is right is recognised at C speed: a shape with constraints becomes a msgspec type, and converting the params to it
either succeeds or does not. Only then does the slow walk below find every violation and phrase it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import msgspec

from kumoniwa.kernel.errors import AwsError, ValidationError, ValidationException
from kumoniwa.wire.json import typed_dict
from kumoniwa.wire.walk import touched

if TYPE_CHECKING:
    from kumoniwa.aws.models import Member, Operation, Shape

PATTERN_SUBJECT_MAX = 8192
"""Longer values are not matched against patterns: some of AWS's patterns are quadratic, and none is meant for essays."""
VALUES_SHOWN_MAX = 20


class MissingParameter(AwsError):
    """EC2's and the formerly query-speaking services' way to say that a required member is absent."""

    status = 400


class InvalidInput(AwsError):
    """Route 53's validation error."""

    status = 400


class Policy(NamedTuple):
    """Which constraints a service's front end checks, and how it says so."""

    refuse: Callable[[list[tuple[str, str]]], AwsError]
    """Makes the error of ``(path, text)`` pairs."""
    is_only_required: bool = False
    wraps_body: bool = False
    """API Gateway checks one object per request body and says so in paths: ``createRestApiInput.name``."""


def _coral(kind: type[AwsError]) -> Callable[[list[tuple[str, str]]], AwsError]:
    def refuse(violations: list[tuple[str, str]]) -> AwsError:
        count = len(violations)
        texts = "; ".join(text for _, text in violations)
        return kind(f"{count} validation error{'s' if count > 1 else ''} detected: {texts}")

    return refuse


def _missing(violations: list[tuple[str, str]]) -> AwsError:
    # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html and SQS's answers.
    return MissingParameter(f"The request must contain the parameter {violations[0][0]}.")


def _malformed(violations: list[tuple[str, str]]) -> AwsError:
    """CloudFront's: https://github.com/fog/fog/issues/3428."""
    error = _coral(ValidationException)(violations)
    error.code = "MalformedXML"
    return error


def policy_of(operation: Operation, protocol: str) -> Policy | None:
    service = operation.service
    if service.signature_version == "s3":
        # S3 has no such front end: each operation checks for itself, with its own codes.
        return None
    if protocol == "ec2" or (service.is_query_compatible and protocol == "json"):
        return Policy(_missing, is_only_required=True)
    if protocol == "query":
        return Policy(_coral(ValidationError))
    if protocol == "rest-xml":
        declared = "InvalidInput" in service.errors
        return Policy(_coral(InvalidInput) if declared else _malformed)
    return Policy(_coral(ValidationException), wraps_body=service.endpoint_prefix == "apigateway")


# The fast check ------------------------------------------------------------------------------------------------------


@lru_cache(1024)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """A model's pattern in Python's dialect, or None if Python cannot say it. AWS matches the whole value."""
    try:
        return re.compile(pattern)
    except re.error:
        pass
    translated = re.sub(r"\\p\{(\w+)\}", _class_of_property, pattern).replace("\\z", "\\Z")
    try:
        return re.compile(translated)
    except re.error:
        return None


def _class_of_property(found: re.Match[str]) -> str:
    inner = {"L": "^\\W\\d_", "IsLetter": "^\\W\\d_", "Alpha": "A-Za-z", "Alnum": "A-Za-z0-9", "N": "\\d",
             "ASCII": "\\x00-\\x7f", "Print": "\\x20-\\x7e", "Graph": "\\x21-\\x7e", "Z": "\\s", "Space": "\\s",
             "Digit": "0-9", "Punct": "!-/:-@\\[-`{-~"}.get(found[1])  # fmt: skip
    return found[0] if inner is None or inner.startswith("^") else inner


def _matches(pattern: str, value: str) -> bool:
    compiled = _compiled(pattern)
    return compiled is None or len(value) > PATTERN_SUBJECT_MAX or compiled.fullmatch(value) is not None


def _bounds(shape: Shape) -> tuple[float | None, float | None]:
    return shape.min, shape.max


def _is_constrained(shape: Shape) -> bool:
    if shape.required or shape.min is not None or shape.max is not None or shape.enum or shape.pattern:
        return True
    return any(member.enum for member in shape.members.values())


def _has_local_rules(shape: Shape) -> bool:
    return shape.min is not None or shape.max is not None


class _Types:
    """Compiles shapes to the msgspec types that accept exactly what the constraints accept."""

    def __init__(self, root: Shape) -> None:
        self.constrained = touched(root, _is_constrained)
        self.made: dict[int, Any] = {}
        self.patterns: list[tuple] = []

    def of(self, member: Member) -> Any:
        shape = member.shape
        if member.is_streaming or shape.is_document or shape.is_event_stream or member.is_json_value:
            return Any
        if id(shape) not in self.constrained and not member.enum:
            return Any
        kind = shape.type
        if kind == "structure":
            return self.structure(shape)
        low, high = shape.min, shape.max
        length = msgspec.Meta(
            min_length=int(low) if low else None, max_length=int(high) if high is not None else None
        )
        if kind == "list":
            return Annotated[list[self.of(shape.element)], length]
        if kind == "map":
            return Annotated[dict[self.of(shape.key), self.of(shape.value)], length]
        if kind == "blob":
            return Annotated[bytes, length]
        if kind == "string":
            if member.enum:
                return Literal[tuple(member.enum)]
            if shape.pattern and (compiled := _compiled(shape.pattern)) is not None:
                whole = f"^(?:{compiled.pattern})\\Z"
                with_pattern = msgspec.Meta(
                    min_length=length.min_length, max_length=length.max_length, pattern=_anchored(whole)
                )
                return Annotated[str, with_pattern]
            return Annotated[str, length]
        if kind in ("integer", "long"):
            return Annotated[
                int,
                msgspec.Meta(
                    ge=math.ceil(low) if low is not None else None,
                    le=math.floor(high) if high is not None else None,
                ),
            ]
        if kind in ("float", "double"):
            return Annotated[float, msgspec.Meta(ge=low, le=high)]
        return Any

    def structure(self, shape: Shape) -> Any:
        found = self.made.get(id(shape))
        if found is None:
            required = frozenset(name for name in shape.required if name in shape.members)
            found = self.made[id(shape)] = typed_dict(shape.name, required)
            for each in shape.members.values():
                kind = self.of(each)
                if kind is not Any or each.name in required:
                    found.__annotations__[each.name] = kind
            found.__optional_keys__ = frozenset(found.__annotations__) - required
        return found


def _anchored(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error:
        return ""
    return pattern


# The slow, explaining check ------------------------------------------------------------------------------------------


def _shown(value: Any) -> str:
    """A value as Java prints it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(_shown(item) for item in value[:VALUES_SHOWN_MAX])}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}={_shown(v)}" for k, v in list(value.items())[:VALUES_SHOWN_MAX]) + "}"
    if isinstance(value, bytes):
        return f"java.nio.HeapByteBuffer[pos=0 lim={len(value)} cap={len(value)}]"
    return str(value)


def _said(shape: Shape, value: Any) -> str:
    # AWS does not repeat what the model calls sensitive.
    return "Value" if shape.is_sensitive else f"Value '{_shown(value)}'"


def _number(bound: float, shape: Shape) -> str:
    return str(float(bound)) if shape.type in ("float", "double") else str(int(bound))


def _rules(member: Member) -> list[tuple[str, Callable[[Any], bool]]]:
    """Every rule of one place with its text: pattern or enumeration, then the upper and the lower bound."""
    shape, rules = member.shape, []
    if shape.type == "string":
        if member.enum:
            allowed = frozenset(member.enum)
            rules.append(
                (f"Member must satisfy enum value set: [{', '.join(member.enum)}]", allowed.__contains__)
            )
        elif shape.pattern:
            rules.append(
                (
                    f"Member must satisfy regular expression pattern: {shape.pattern}",
                    lambda value: _matches(shape.pattern, value),
                )
            )
    low, high = shape.min, shape.max
    if shape.type in ("string", "list", "map", "blob"):
        if member.is_streaming or member.enum:
            return rules
        if high is not None:
            rules.append(
                (f"Member must have length less than or equal to {int(high)}", lambda v: len(v) <= high)
            )
        if low is not None:
            rules.append(
                (f"Member must have length greater than or equal to {int(low)}", lambda v: len(v) >= low)
            )
    elif shape.type in ("integer", "long", "float", "double"):
        if high is not None:
            text = f"Member must have value less than or equal to {_number(high, shape)}"
            rules.append((text, lambda value: value <= high))
        if low is not None:
            text = f"Member must have value greater than or equal to {_number(low, shape)}"
            rules.append((text, lambda value: value >= low))
    return rules


def _combined(member: Member, is_key: bool = False) -> str:
    """All rules of a list's items or a map's keys or values, as AWS lists them: bounds before the pattern."""
    rules = [text for text, _ in _rules(member)]
    bounds = [text for text in rules if "length" in text or "value " in text and "enum" not in text]
    others = [text for text in rules if text not in bounds]
    if not member.enum and not is_key:
        others.append("Member must not be null")
    return f"[{', '.join(bounds + others)}]"


def _lowered(name: str) -> str:
    return name[:1].lower() + name[1:]


def _violations(value: Any, member: Member, path: str) -> Iterator[tuple[str, str]]:
    shape = member.shape
    if shape.is_document or shape.is_event_stream or member.is_streaming or member.is_json_value:
        return
    for text, holds in _rules(member):
        if not holds(value):
            yield path, f"{_said(shape, value)} at '{path}' failed to satisfy constraint: {text}"
    if shape.type == "structure":
        yield from _of_structure(value, shape, f"{path}.")
    elif shape.type == "list":
        element = shape.element
        if element.shape.type in ("structure", "list", "map"):
            for number, item in enumerate(value, 1):
                if item is not None:
                    yield from _violations(item, element, f"{path}.{number}.member")
        elif any(not holds(item) for _, holds in _rules(element) for item in value if item is not None):
            said = _said(element.shape, value)
            text = f"Member must satisfy constraint: {_combined(element)}"
            yield path, f"{said} at '{path}' failed to satisfy constraint: {text}"
    elif shape.type == "map":
        yield from _of_map(value, shape, path)


def _of_map(value: dict, shape: Shape, path: str) -> Iterator[tuple[str, str]]:
    if any(not holds(key) for _, holds in _rules(shape.key) for key in value):
        text = f"Map keys must satisfy constraint: {_combined(shape.key, is_key=True)}"
        yield path, f"{_said(shape.key.shape, value)} at '{path}' failed to satisfy constraint: {text}"
    if shape.value.shape.type in ("structure", "list", "map"):
        for key, item in value.items():
            if item is not None:
                yield from _violations(item, shape.value, f"{path}.{key}.member")
    elif any(
        not holds(item) for _, holds in _rules(shape.value) for item in value.values() if item is not None
    ):
        text = f"Map value must satisfy constraint: {_combined(shape.value)}"
        yield path, f"{_said(shape.value.shape, value)} at '{path}' failed to satisfy constraint: {text}"


def _of_structure(value: dict, shape: Shape, path: str) -> Iterator[tuple[str, str]]:
    required = frozenset(shape.required)
    for name, member in shape.members.items():
        given = value.get(name)
        at = path + _lowered(name)
        if given is not None:
            yield from _violations(given, member, at)
        elif name in required:
            yield (
                (at if path else name),
                f"Value null at '{at}' failed to satisfy constraint: Member must not be null",
            )


def _wrapped(operation: Operation, violations: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Paths of body members under the name of the request's object, and those before the others."""
    bound = {
        _lowered(name) for name, member in operation.input.members.items() if member.location is not None
    }
    name = f"{_lowered(operation.name)}Input."
    inner, outer = [], []
    for path, text in violations:
        if path.partition(".")[0] in bound or _lowered(path) in bound:
            outer.append((path, text))
        else:
            inner.append(
                (name + path, text.replace(f" at '{_lowered(path)}", f" at '{name}{_lowered(path)}", 1))
            )
    return inner + outer


def checker(operation: Operation, protocol: str) -> Callable[[dict], None]:
    """``check(params)``: returns nothing, or raises what AWS answers."""
    shape, policy = operation.input, policy_of(operation, protocol)
    if shape is None or policy is None or id(shape) not in touched(shape, _is_constrained):
        return lambda params: None
    if policy.is_only_required:
        required = tuple(name for name in shape.required if name in shape.members)

        def check_required(params: dict) -> None:
            for name in required:
                if name not in params:
                    raise policy.refuse([(name, "")])

        return check_required
    kind, convert, refused = _Types(shape).structure(shape), msgspec.convert, msgspec.ValidationError

    def check(params: dict) -> None:
        try:
            convert(params, kind)
        except (refused, RecursionError):
            violations = list(_of_structure(params, shape, ""))
            if violations:
                raise policy.refuse(
                    _wrapped(operation, violations) if policy.wraps_body else violations
                ) from None

    return check
