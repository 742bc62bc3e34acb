"""The model's constraints: required, length, range, pattern, enumeration, and AWS's words for breaking them.

What is right is recognised at C speed: a shape with constraints becomes a msgspec type, and converting the params to it
either succeeds or does not. Only then does the slow walk below find every violation and phrase it.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Callable, Iterator
from functools import lru_cache
from re import _compiler as _sre_compiler
from re import _parser as _sre_parser
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import msgspec

from kumoniwa.aws.aliases import CONSTRAINT_CODES
from kumoniwa.kernel.errors import AwsError, SerializationException, ValidationError, ValidationException
from kumoniwa.wire.json import typed_dict
from kumoniwa.wire.walk import touched

if TYPE_CHECKING:
    from kumoniwa.aws.models import Member, Operation, Shape

PATTERN_SUBJECT_MAX = 8192
AMBIGUOUS_SUBJECT_MAX = 20
VALUES_SHOWN_MAX = 1_000
"""AWS was seen to show twenty-one (cdk-preflight's pf-dynamodb-projection-nonkey-limit); this only bounds what a text may become."""


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


def _coded(code: str) -> Callable[[list[tuple[str, str]]], AwsError]:
    def refuse(violations: list[tuple[str, str]]) -> AwsError:
        error = _coral(ValidationException)(violations)
        error.code = code
        return error

    return refuse


def policy_of(operation: Operation, protocol: str) -> Policy | None:
    service = operation.service
    if service.signature_version == "s3":
        # S3 has no such front end: each operation checks for itself, with its own codes.
        return None
    if protocol == "ec2" or service.name == "sqs":
        return Policy(_missing, is_only_required=True)
    if protocol == "query":
        return Policy(_coral(ValidationError))
    if protocol == "rest-xml":
        declared = "InvalidInput" in service.errors
        return Policy(_coral(InvalidInput) if declared else _malformed)
    if (code := CONSTRAINT_CODES.get(service.name)) is not None:
        return Policy(_coded(code))
    return Policy(_coral(ValidationException), wraps_body=service.endpoint_prefix == "apigateway")


# The fast check ------------------------------------------------------------------------------------------------------


_PROPERTIES = {
    "L": r"\w", "IsL": r"\w", "IsLetter": r"\w", "IsAlphabetic": r"\w", "Alpha": "A-Za-z", "Alnum": "A-Za-z0-9",
    "Lu": "A-Z", "Ll": "a-z", "Lower": "a-z", "Upper": "A-Z", "N": r"\d", "Nd": r"\d", "IsDigit": r"\d", "Digit": "0-9",
    "Z": r"\s", "Zs": r"\s", "Space": r"\s", "IsWhite_Space": r"\s", "M": "\u0300-\u036f\u0900-\u0903\u093a-\u094f\u3099\u309a",
    "P": r"!-/:-@\[-`{-~\u2010-\u2027\u3001-\u3011", "IsPunctuation": r"!-/:-@\[-`{-~\u2010-\u2027\u3001-\u3011",
    "Punct": r"!-/:-@\[-`{-~", "S": r"$+<=>^`|~\u2190-\u2bff", "Sc": r"$\u00a2-\u00a5\u20a0-\u20bf", "ASCII": r"\x00-\x7f",
    "Print": r"\x20-\x7e", "Graph": r"\x21-\x7e", "C": r"\x00-\x1f\x7f-\x9f", "Cc": r"\x00-\x1f\x7f-\x9f",
    "Cntrl": r"\x00-\x1f\x7f", "XDigit": "0-9a-fA-F", "Blank": r" \t",
}  # fmt: skip
"""Java's character properties in Python's dialect, as they stand inside brackets. Where Python has no such class the
next larger one stands in: rather a few values too many accepted than right ones refused."""


def _bracketed(pattern: str) -> str:
    """The pattern with properties replaced, inside brackets and out."""
    out, depth, at = [], 0, 0
    while at < len(pattern):
        found = re.match(r"\\([pP])\{(\w+)\}", pattern[at:])
        if found is not None:
            inner = _PROPERTIES.get(found[2])
            if inner is None or (found[1] == "P" and depth):
                return pattern
            out.append(inner if depth else f"[{'^' if found[1] == 'P' else ''}{inner}]")
            at += found.end()
            continue
        if pattern[at] == "\\":
            out.append(pattern[at : at + 2])
            at += 2
            continue
        depth = 1 if pattern[at] == "[" else 0 if pattern[at] == "]" else depth
        out.append(pattern[at])
        at += 1
    return "".join(out)


_ASCII = {r"\w": "A-Za-z0-9_", r"\d": "0-9"}


def _plain(pattern: str) -> str:
    """The pattern with the classes that are of ASCII in Java and of all letters in Python, inside brackets and out.

    IAM was seen to refuse letters of others in names (pf-iam-name-format of badmintoncryer/cdk-preflight)."""
    out, depth, at = [], 0, 0
    while at < len(pattern):
        piece = pattern[at : at + 2] if pattern[at] == "\\" else pattern[at]
        held = _ASCII.get(piece)
        out.append(piece if held is None else held if depth else f"[{held}]")
        depth = 1 if piece == "[" else 0 if piece == "]" else depth
        at += len(piece)
    return "".join(out)


@lru_cache(4096)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """A model's pattern in Python's dialect, to match a value as a whole as AWS does; None if Python cannot say it."""
    flags = re.match(r"\^?(\(\?[a-z]+\))", pattern)
    text = pattern if flags is None else pattern[flags.end() :]
    if text == "^.*$":
        # AppSync says so of its mapping templates, and AWS's own examples of them have many lines.
        text = r"[\s\S]*"
    text = text.replace("\\z", "\\Z").replace("(?<", "(?P<").replace("(?P<=", "(?<=").replace("(?P<!", "(?<!")
    text = re.sub(r"\\uD800\\uDC00-\\uDBFF\\uDFFF", r"\\U00010000-\\U0010ffff", text, flags=re.IGNORECASE)
    text = re.sub(r"\\x\{([0-9a-fA-F]{1,6})\}", lambda at: f"\\U{int(at[1], 16):08x}", text)
    text = _plain(re.sub(r"(\\[swd])-(?!\])", r"\1\\-", text))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for each in (text, _bracketed(text)):
            try:
                return re.compile(f"{flags[1] if flags else ''}^(?:{each})\\Z")
            except (re.error, RecursionError, OverflowError):
                continue
    return None


_PROBES = tuple(
    unit * count for unit in (*"aA0-._/: *,é", "a-", "-a", "a.", "a/", "a ") for count in (1, 2, 3, 4)
)


def _is_ambiguous(parsed: Any) -> bool:
    """Whether some repetition can cut the same text in several ways: its body matches a text both once and twice. Only
    such a pattern may take exponential time to refuse a value."""
    for code, argument in parsed:
        name = str(code)
        if name in ("MAX_REPEAT", "MIN_REPEAT"):
            body = list(argument[2])
            if argument[1] > 9 and _matches_twice(parsed.state, body):
                return True
            if _is_ambiguous(argument[2]):
                return True
        elif (
            name == "SUBPATTERN"
            and _is_ambiguous(argument[-1])
            or name == "BRANCH"
            and any(map(_is_ambiguous, argument[1]))
        ):
            return True
    return False


def _matches_twice(state: Any, body: list) -> bool:
    once = _sre_compiler.compile(_sre_parser.SubPattern(state, body))
    twice = _sre_compiler.compile(_sre_parser.SubPattern(state, body + body))
    return any(once.fullmatch(text) and twice.fullmatch(text) for text in _PROBES)


@lru_cache(4096)
def _subject_max(pattern: str) -> int:
    """The length up to which values are matched against a pattern; longer ones pass. Most of AWS's patterns are linear,
    some are quadratic, about twenty are exponential, and AWS's own engine gives up on those as well."""
    compiled = _compiled(pattern)
    if compiled is None:
        return -1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        is_ambiguous = _is_ambiguous(_sre_parser.parse(compiled.pattern))
    return AMBIGUOUS_SUBJECT_MAX if is_ambiguous else PATTERN_SUBJECT_MAX


def _guarded(shape: Shape) -> str | None:
    """The pattern for the fast check, which knows no limit of its own: values too long for it match at once."""
    compiled, subject_max = _compiled(shape.pattern), _subject_max(shape.pattern)
    if compiled is None:
        return None
    if subject_max == PATTERN_SUBJECT_MAX and shape.max is not None and shape.max <= PATTERN_SUBJECT_MAX:
        return compiled.pattern
    flags, start, rest = compiled.pattern.partition("^")
    return f"{flags}{start}(?:(?s:.{{{subject_max + 1},}})|{rest})"


def _matches(pattern: str, value: str) -> bool:
    return len(value) > _subject_max(pattern) or _compiled(pattern).match(value) is not None


def _is_constrained(shape: Shape) -> bool:
    if shape.required or shape.min is not None or shape.max is not None or shape.enum or shape.pattern:
        return True
    return any(member.enum for member in shape.members.values())


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
            min_length=int(low) if low and low > 0 else None,
            max_length=max(int(high), 0) if high is not None else None,
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
            pattern = _guarded(shape) if shape.pattern else None
            return Annotated[
                str,
                msgspec.Meta(min_length=length.min_length, max_length=length.max_length, pattern=pattern),
            ]
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


# The slow, explaining check ------------------------------------------------------------------------------------------


def _shown(value: Any, shape: Shape | None = None) -> str:
    """A value as Java prints it; a structure with all members that it may have (recorded: localstack's test_put_events_with_too_many_entries)."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    kind = shape.type if shape is not None else ""
    if isinstance(value, list):
        inner = shape.element.shape if kind == "list" else None
        return f"[{', '.join(_shown(item, inner) for item in value[:VALUES_SHOWN_MAX])}]"
    if isinstance(value, dict) and kind == "structure":
        told = (f"{_lowered(name)}={_part(value.get(name), each.shape)}" for name, each in shape.members.items())
        return f"{shape.name}({', '.join(told)})"
    if isinstance(value, dict):
        inner = shape.value.shape if kind == "map" else None
        return "{" + ", ".join(f"{k}={_shown(v, inner)}" for k, v in list(value.items())[:VALUES_SHOWN_MAX]) + "}"
    if isinstance(value, bytes):
        return f"java.nio.HeapByteBuffer[pos=0 lim={len(value)} cap={len(value)}]"
    return str(value)


def _part(value: Any, shape: Shape) -> str:
    return "***" if shape.is_sensitive and value is not None else _shown(value, shape)


def _said(shape: Shape, value: Any) -> str:
    # AWS does not repeat what the model calls sensitive.
    return "Value" if shape.is_sensitive else f"Value '{_shown(value, shape)}'"


def _number(bound: float, shape: Shape) -> str:
    return str(float(bound)) if shape.type in ("float", "double") else str(int(bound))


def enumerated(values: tuple[str, ...]) -> str:
    """Values in the order in which AWS's front end names them: that of a hash table of 32 buckets by Java's ``String.hashCode``, in a
    bucket the last one first. (Recorded from nine services, the longest from API Gateway's gateway responses.)"""

    def bucket(value: str) -> int:
        code = 0
        for letter in value:
            code = code * 31 + ord(letter)
        return code % 32

    return ", ".join(sorted(reversed(values), key=bucket))


def _rules(member: Member) -> list[tuple[str, Callable[[Any], bool]]]:
    """Every rule of one place with its text: pattern or enumeration, then the upper and the lower bound."""
    shape, rules = member.shape, []
    if shape.type == "string":
        if member.enum:
            allowed = frozenset(member.enum)
            rules.append(
                (f"Member must satisfy enum value set: [{enumerated(member.enum)}]", allowed.__contains__)
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
    if not member.enum and not is_key and member.shape.type not in ("list", "map"):
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
    if any(not holds(item) for _, holds in _rules(shape.value) for item in value.values() if item is not None):
        text = f"Map value must satisfy constraint: {_combined(shape.value)}"
        yield path, f"{_said(shape.value.shape, value)} at '{path}' failed to satisfy constraint: {text}"
    elif shape.value.shape.type in ("structure", "list", "map"):
        for key, item in value.items():
            if item is not None:
                yield from _violations(item, shape.value, f"{path}.{key}.member")


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


def violations(shape: Shape, params: dict) -> Iterator[tuple[str, str]]:
    """Every broken constraint as path and text, in the order of the model's members."""
    return _of_structure(params, shape, "")


def _wrapped(operation: Operation, found: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Paths of body members under the name of the request's object, and those before the others."""
    bound = {
        _lowered(name) for name, member in operation.input.members.items() if member.location is not None
    }
    name = f"{_lowered(operation.name)}Input."
    inner, outer = [], []
    for path, text in found:
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
    speaks_json = protocol in ("json", "rest-json", "smithy-rpc-v2-cbor")
    misshapen = SerializationException if speaks_json else ValidationError

    def check(params: dict) -> None:
        try:
            convert(params, kind)
        except (refused, RecursionError) as reason:
            try:
                found = list(violations(shape, params))
            except (TypeError, AttributeError):
                # Only a call from inside can hold what is no string where the model wants one: readers saw to the types.
                raise misshapen(str(reason)) from None
            if found:
                raise policy.refuse(_wrapped(operation, found) if policy.wraps_body else found) from None

    return check
