"""JSON Schema, draft 4: a model's schema compiled to one function that says whether a value fits.

https://json-schema.org/draft-04/draft-fge-json-schema-validation-00. ``$ref`` may name a definition of the same schema or
another model of the API by its URL. Formats that the draft does not name say nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address
from typing import Any
from urllib.parse import urlsplit

from kumoniwa.languages import backtracking

Fits = Callable[[Any], bool]

PATTERN_SUBJECT_MAX = 8192
MODEL_URL = re.compile(r"https?://[^/]*/restapis/[^/]+/models/(?P<name>[A-Za-z0-9]+)")


class Malformed(ValueError):
    """A schema that is none."""


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


TYPES: dict[str, Fits] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "number": _is_number,
    "integer": lambda value: _is_number(value) and value == int(value),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
}


class Compiler:
    """Compiles the schemas of one API. ``models`` are their schemas by name, as text has been parsed."""

    def __init__(self, models: dict[str, Any]) -> None:
        self.models = models
        self._known: dict[tuple[str, str], Fits] = {}

    def model(self, name: str) -> Fits:
        """The function of a model. A value nested too deeply to be walked does not fit."""
        fits = self._reference(name, "#")

        def bounded(value: Any) -> bool:
            try:
                return fits(value)
            except RecursionError:
                return False

        return bounded

    def _reference(self, model: str, pointer: str) -> Fits:
        """What a reference means; found when it is first used, since references may be circular."""

        def resolved(value: Any) -> bool:
            fits = self._known.get((model, pointer))
            if fits is None:
                fits = self._known[model, pointer] = self.compile(self._at(model, pointer), model)
            return fits(value)

        return resolved

    def _at(self, model: str, pointer: str) -> Any:
        found = self.models.get(model)
        for part in pointer.split("/")[1:]:
            found = found.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(found, dict) else None
        if not isinstance(found, dict):
            raise Malformed(f"no schema at {pointer} of {model}")
        return found

    def compile(self, schema: Any, model: str, depth: int = 0) -> Fits:
        if not isinstance(schema, dict) or depth > 100:
            raise Malformed("a schema must be an object")
        if "$ref" in schema:
            reference = str(schema["$ref"])
            other = MODEL_URL.fullmatch(reference)
            if other is None and not reference.startswith("#"):
                raise Malformed(f"unknown reference {reference}")
            return self._reference(other["name"], "#") if other else self._reference(model, reference)
        rules = [
            rule
            for word, make in WORDS.items()
            if word in schema
            for rule in [make(self, schema, schema[word], model, depth + 1)]
        ]
        if any(word in schema for word in ("properties", "patternProperties", "additionalProperties")):
            rules.append(_properties(self, schema, model, depth + 1))
        if "items" in schema:
            rules.append(_items(self, schema, model, depth + 1))
        if len(rules) == 1:
            return rules[0]
        return lambda value: all(rule(value) for rule in rules)

    def each(self, schemas: Any, model: str, depth: int) -> list[Fits]:
        if not isinstance(schemas, list):
            raise Malformed("an array of schemas is wanted")
        return [self.compile(schema, model, depth) for schema in schemas]


# Each word of the language makes a function of (compiler, schema, its value, model, depth) ------------------


def _type(_c: Compiler, _s: dict, wanted: Any, _m: str, _d: int) -> Fits:
    names = wanted if isinstance(wanted, list) else [wanted]
    if not all(isinstance(name, str) and name in TYPES for name in names):
        raise Malformed(f"unknown type {wanted}")
    kinds = [TYPES[name] for name in names]
    return kinds[0] if len(kinds) == 1 else lambda value: any(kind(value) for kind in kinds)


def _is_same(a: Any, b: Any) -> bool:
    """JSON's equality: ``true`` is not 1."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_is_same(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_is_same, a, b))
    return a == b


def _enum(_c: Compiler, _s: dict, wanted: Any, _m: str, _d: int) -> Fits:
    if not isinstance(wanted, list):
        raise Malformed("enum must be an array")
    return lambda value: any(_is_same(value, one) for one in wanted)


def _number(wanted: Any) -> Any:
    if not _is_number(wanted):
        raise Malformed("a number is wanted")
    return wanted


def _minimum(_c: Compiler, schema: dict, wanted: Any, _m: str, _d: int) -> Fits:
    least = _number(wanted)
    if schema.get("exclusiveMinimum") is True:
        return lambda value: not _is_number(value) or value > least
    return lambda value: not _is_number(value) or value >= least


def _maximum(_c: Compiler, schema: dict, wanted: Any, _m: str, _d: int) -> Fits:
    most = _number(wanted)
    if schema.get("exclusiveMaximum") is True:
        return lambda value: not _is_number(value) or value < most
    return lambda value: not _is_number(value) or value <= most


def _multiple_of(_c: Compiler, _s: dict, wanted: Any, _m: str, _d: int) -> Fits:
    divisor = _number(wanted)
    if divisor <= 0:
        raise Malformed("multipleOf must be greater than 0")
    return lambda value: not _is_number(value) or abs(value / divisor - round(value / divisor)) < 1e-9


def _sized(kind: type, is_most: bool):
    def make(_c: Compiler, _s: dict, wanted: Any, _m: str, _d: int) -> Fits:
        size = _number(wanted)
        if is_most:
            return lambda value: not isinstance(value, kind) or len(value) <= size
        return lambda value: not isinstance(value, kind) or len(value) >= size

    return make


def _pattern(_c: Compiler, _s: dict, wanted: Any, _m: str, _d: int) -> Fits:
    search = _searching(wanted)
    return lambda value: not isinstance(value, str) or search(value)


def _searching(pattern: Any) -> Callable[[str], bool]:
    try:
        expression = backtracking.compiled(pattern)
    except (backtracking.InvalidPattern, TypeError):
        raise Malformed(f"unreadable pattern {pattern}")

    def holds(text: str) -> bool:
        try:
            return len(text) <= PATTERN_SUBJECT_MAX and next(expression.found(text), None) is not None
        except backtracking.TooMuchWork:
            return False

    return holds


def _is_uri(text: str) -> bool:
    try:
        urlsplit(text)
    except ValueError:
        return False
    return re.fullmatch(r"[^\s<>\"{}|\\^`]+", text) is not None


def _is_address(kind: type) -> Callable[[str], bool]:
    def holds(text: str) -> bool:
        try:
            kind(text)
        except ValueError:
            return False
        return True

    return holds


def _is_moment(text: str) -> bool:
    if not _MOMENT.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(f"{text[:19]}+00:00")
    except ValueError:
        return False
    return True


def _is_expression(text: str) -> bool:
    try:
        re.compile(text)
    except (re.error, RecursionError, OverflowError):
        return False
    return True


_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,12})?(?:Z|[+-]\d\d:?\d\d)")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
FORMATS: dict[str, Callable[[str], bool]] = {
    "date-time": _is_moment,
    "email": lambda text: re.fullmatch(r"[^\s@<>(),;:]+@[^\s@<>(),;:]+", text) is not None,
    "hostname": lambda text: re.fullmatch(rf"{_LABEL}(?:\.{_LABEL})*", text) is not None,
    "ipv4": _is_address(IPv4Address),
    "ipv6": _is_address(IPv6Address),
    "regex": _is_expression,
    "uri": _is_uri,
}
"""Those of draft 4: https://json-schema.org/draft-04/draft-fge-json-schema-validation-00 section 7.3."""


def _format(_c: Compiler, _s: dict, wanted: Any, _m: str, _d: int) -> Fits:
    if not isinstance(wanted, str):
        raise Malformed("format must be a string")
    holds = FORMATS.get(wanted)
    return lambda value: (
        holds is None or not isinstance(value, str) or (len(value) <= PATTERN_SUBJECT_MAX and holds(value))
    )


def _unique(_c: Compiler, _s: dict, wanted: Any, _m: str, _d: int) -> Fits:
    if wanted is not True:
        return lambda value: True
    return lambda value: (
        not isinstance(value, list)
        or not any(_is_same(one, other) for n, one in enumerate(value) for other in value[:n])
    )


def _required(_c: Compiler, _s: dict, wanted: Any, _m: str, _d: int) -> Fits:
    if not isinstance(wanted, list):
        raise Malformed("required must be an array")
    names = frozenset(map(str, wanted))
    return lambda value: not isinstance(value, dict) or names <= value.keys()


def _dependencies(compiler: Compiler, _s: dict, wanted: Any, model: str, depth: int) -> Fits:
    if not isinstance(wanted, dict):
        raise Malformed("dependencies must be an object")
    rules = {
        name: _required(compiler, {}, needs, model, depth)
        if isinstance(needs, list)
        else compiler.compile(needs, model, depth)
        for name, needs in wanted.items()
    }
    return lambda value: (
        not isinstance(value, dict) or all(rule(value) for name, rule in rules.items() if name in value)
    )


def _all_of(compiler: Compiler, _s: dict, wanted: Any, model: str, depth: int) -> Fits:
    parts = compiler.each(wanted, model, depth)
    return lambda value: all(part(value) for part in parts)


def _any_of(compiler: Compiler, _s: dict, wanted: Any, model: str, depth: int) -> Fits:
    parts = compiler.each(wanted, model, depth)
    return lambda value: any(part(value) for part in parts)


def _one_of(compiler: Compiler, _s: dict, wanted: Any, model: str, depth: int) -> Fits:
    parts = compiler.each(wanted, model, depth)
    return lambda value: sum(part(value) for part in parts) == 1


def _not(compiler: Compiler, _s: dict, wanted: Any, model: str, depth: int) -> Fits:
    part = compiler.compile(wanted, model, depth)
    return lambda value: not part(value)


WORDS = {
    "type": _type,
    "enum": _enum,
    "minimum": _minimum,
    "maximum": _maximum,
    "multipleOf": _multiple_of,
    "minLength": _sized(str, False),
    "maxLength": _sized(str, True),
    "pattern": _pattern,
    "format": _format,
    "minItems": _sized(list, False),
    "maxItems": _sized(list, True),
    "uniqueItems": _unique,
    "minProperties": _sized(dict, False),
    "maxProperties": _sized(dict, True),
    "required": _required,
    "dependencies": _dependencies,
    "allOf": _all_of,
    "anyOf": _any_of,
    "oneOf": _one_of,
    "not": _not,
}


def _properties(compiler: Compiler, schema: dict, model: str, depth: int) -> Fits:
    named, matched = schema.get("properties", {}), schema.get("patternProperties", {})
    if not isinstance(named, dict) or not isinstance(matched, dict):
        raise Malformed("properties must be an object")
    rules = {name: compiler.compile(part, model, depth) for name, part in named.items()}
    patterns = [
        (_searching(pattern), compiler.compile(part, model, depth)) for pattern, part in matched.items()
    ]
    others = schema.get("additionalProperties", True)
    other = compiler.compile(others, model, depth) if isinstance(others, dict) else None

    def fits(value: Any) -> bool:
        if not isinstance(value, dict):
            return True
        for name, part in value.items():
            rule = rules.get(name)
            if rule is not None and not rule(part):
                return False
            is_known = rule is not None
            for search, matching in patterns:
                if search(name):
                    is_known = True
                    if not matching(part):
                        return False
            if not is_known and (others is False or (other is not None and not other(part))):
                return False
        return True

    return fits


def _items(compiler: Compiler, schema: dict, model: str, depth: int) -> Fits:
    items = schema["items"]
    if isinstance(items, dict):
        rule = compiler.compile(items, model, depth)
        return lambda value: not isinstance(value, list) or all(rule(one) for one in value)
    rules = compiler.each(items, model, depth)
    others = schema.get("additionalItems", True)
    other = compiler.compile(others, model, depth) if isinstance(others, dict) else None

    def fits(value: Any) -> bool:
        if not isinstance(value, list):
            return True
        beyond = value[len(rules) :]
        if beyond and (others is False or (other is not None and not all(other(one) for one in beyond))):
            return False
        return all(rule(one) for rule, one in zip(rules, value, strict=False))

    return fits
