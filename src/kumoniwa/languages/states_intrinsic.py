"""Intrinsic functions of the Amazon States Language: ``States.Format('{}', $.name)`` compiled to a function of a scope.

https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
import random
import re
import uuid
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import orjson

from kumoniwa.languages.states_path import (
    Expression,
    InvalidExpression,
    Scope,
    StateFailure,
    expression,
    runtime,
)

DEPTH_MAX = 10
"""How deeply calls may nest."""
RANGE_MAX = 1000
TEXT_MAX = 10_000


def _fail(cause: str) -> StateFailure:
    return StateFailure("States.IntrinsicFailure", cause)


def text_of(value: Any) -> str:
    return orjson.dumps(value).decode()


def _need(holds: bool, function: str, what: str) -> None:
    if not holds:
        raise _fail(f"Invalid arguments in States.{function}: {what}")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _whole(value: Any, function: str) -> int:
    """A number as these functions take it: rounded, and halves upwards."""
    _need(_is_number(value), function, "a number is wanted")
    return math.floor(value + 0.5)


def _shown(value: Any) -> str:
    """As Java shows a value: ``{Arg1=1, Arg2=[]}``. States.Format does (recorded: intrinsic_functions/test_generic)."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}={_shown(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_shown(one) for one in value) + "]"
    return text_of(value)


def _format(template: Any, *values: Any) -> str:
    _need(isinstance(template, str), "Format", "the first argument must be a string")
    pieces = re.split(r"(\\\\|\\\{|\\\}|\{\})", template)
    given = iter(values)
    _need(pieces.count("{}") == len(values), "Format", "the number of arguments does not match the occurrences of {}")
    made = []
    for piece in pieces:
        if piece == "{}":
            value = next(given)
            made.append(_shown(value))
        else:
            made.append(piece[1:] if piece in ("\\{", "\\}", "\\\\") else piece)
    return "".join(made)


def _string_to_json(text: Any) -> Any:
    _need(isinstance(text, str), "StringToJson", "a string is wanted")
    if not text.strip():
        return None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise _fail("The input string is not valid JSON")


def _partition(array: Any, size: Any) -> list:
    _need(isinstance(array, list), "ArrayPartition", "the first argument must be an array")
    length = _whole(size, "ArrayPartition")
    _need(length > 0, "ArrayPartition", "the size must be positive")
    return [array[at : at + length] for at in range(0, len(array), length)]


def _contains(array: Any, value: Any) -> bool:
    _need(isinstance(array, list), "ArrayContains", "the first argument must be an array")
    return any(type(one) is type(value) and one == value for one in array)


def _range(first: Any, last: Any, step: Any) -> list:
    start, end, stride = (_whole(one, "ArrayRange") for one in (first, last, step))
    _need(stride != 0, "ArrayRange", "the step must not be zero")
    made = range(start, end + (1 if stride > 0 else -1), stride)
    _need(len(made) <= RANGE_MAX, "ArrayRange", f"more than {RANGE_MAX} items")
    return list(made)


def _item(array: Any, index: Any) -> Any:
    _need(isinstance(array, list), "ArrayGetItem", "the first argument must be an array")
    at = _whole(index, "ArrayGetItem")
    _need(0 <= at < len(array), "ArrayGetItem", "the index is outside the array")
    return array[at]


def _length(array: Any) -> int:
    _need(isinstance(array, list), "ArrayLength", "an array is wanted")
    return len(array)


def _unique(array: Any) -> list:
    _need(isinstance(array, list), "ArrayUnique", "an array is wanted")
    return list({text_of(one): one for one in reversed(array)}.values())[::-1]


def _encoded(text: Any) -> str:
    _need(isinstance(text, str) and len(text) <= TEXT_MAX, "Base64Encode", f"a string of at most {TEXT_MAX} characters is wanted")
    return base64.b64encode(text.encode()).decode()


def _decoded(text: Any) -> str:
    _need(isinstance(text, str) and len(text) <= TEXT_MAX, "Base64Decode", f"a string of at most {TEXT_MAX} characters is wanted")
    try:
        return base64.b64decode(text, validate=True).decode(errors="replace")
    except binascii.Error:
        raise _fail("Invalid Base64 in States.Base64Decode")


_HASHES = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}


def _hash(value: Any, algorithm: Any) -> str:
    _need(isinstance(algorithm, str) and algorithm in _HASHES, "Hash", f"the algorithm is one of {', '.join(_HASHES)}")
    text = value if isinstance(value, str) else text_of(value)
    _need(len(text) <= TEXT_MAX, "Hash", f"at most {TEXT_MAX} characters")
    return hashlib.new(_HASHES[algorithm], text.encode(), usedforsecurity=False).hexdigest()


def _merged(one: Any, other: Any, is_deep: Any) -> dict:
    _need(isinstance(one, dict) and isinstance(other, dict), "JsonMerge", "two objects are wanted")
    _need(is_deep is False, "JsonMerge", "only shallow merging is supported, the third argument must be false")
    return one | other


def _random(first: Any, last: Any, seed: Any = None) -> int:
    start, end = _whole(first, "MathRandom"), _whole(last, "MathRandom")
    _need(start < end, "MathRandom", "the end must be greater than the start")
    chance = random.Random(_whole(seed, "MathRandom")) if seed is not None else random
    return chance.randrange(start, end)


def _sum(one: Any, other: Any) -> int:
    return _whole(one, "MathAdd") + _whole(other, "MathAdd")


def _split(text: Any, signs: Any) -> list[str]:
    _need(isinstance(text, str) and isinstance(signs, str), "StringSplit", "two strings are wanted")
    if not signs:
        return [text]
    return [one for one in re.split(f"[{re.escape(signs)}]", text) if one]


FUNCTIONS: dict[str, tuple[Callable[..., Any], int, int]] = {
    "Format": (_format, 1, 10_000),
    "StringToJson": (_string_to_json, 1, 1),
    "JsonToString": (text_of, 1, 1),
    "Array": (lambda *values: list(values), 0, 10_000),
    "ArrayPartition": (_partition, 2, 2),
    "ArrayContains": (_contains, 2, 2),
    "ArrayRange": (_range, 3, 3),
    "ArrayGetItem": (_item, 2, 2),
    "ArrayLength": (_length, 1, 1),
    "ArrayUnique": (_unique, 1, 1),
    "Base64Encode": (_encoded, 1, 1),
    "Base64Decode": (_decoded, 1, 1),
    "Hash": (_hash, 2, 2),
    "JsonMerge": (_merged, 3, 3),
    "MathRandom": (_random, 2, 3),
    "MathAdd": (_sum, 2, 2),
    "StringSplit": (_split, 2, 2),
    "UUID": (lambda: str(uuid.uuid4()), 0, 0),
}

_SPACE = re.compile(r"\s*")
_NAME = re.compile(r"States\.(\w+)\(")
_STRING = re.compile(r"'((?:\\.|[^'\\])*)'", re.DOTALL)
_NUMBER = re.compile(r"-?\d{1,300}(?:\.\d{1,300})?(?:[eE][+-]?\d{1,3})?(?=\s*[,)])")
_WORD = re.compile(r"(?:true|false|null)(?=\s*[,)])")
_PATH_END = re.compile(r"[,)]")


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def space(self) -> None:
        self.at = _SPACE.match(self.text, self.at).end()

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self.text, self.at)
        if found is not None:
            self.at = found.end()
        return found

    def call(self, depth: int) -> Expression:
        found = self.take(_NAME)
        if found is None or found[1] not in FUNCTIONS or depth > DEPTH_MAX:
            raise InvalidExpression(self.text)
        function, least, most = FUNCTIONS[found[1]]
        arguments: list[Expression] = []
        self.space()
        if self.text.startswith(")", self.at):
            self.at += 1
        else:
            while True:
                arguments.append(self.argument(depth))
                self.space()
                sign = self.text[self.at : self.at + 1]
                self.at += 1
                if sign == ")":
                    break
                if sign != ",":
                    raise InvalidExpression(self.text)
        if not least <= len(arguments) <= most:
            raise InvalidExpression(self.text)
        return lambda scope: function(*[argument(scope) for argument in arguments])

    def argument(self, depth: int) -> Expression:
        self.space()
        if self.text.startswith("States.", self.at):
            return self.call(depth + 1)
        if self.text.startswith("$", self.at):
            return self.path()
        for pattern, value_of in ((_STRING, _plain), (_NUMBER, lambda found: orjson.loads(found[0])), (_WORD, lambda found: orjson.loads(found[0]))):
            found = self.take(pattern)
            if found is not None:
                value = value_of(found)
                return lambda scope, value=value: value
        raise InvalidExpression(self.text)

    def path(self) -> Expression:
        """The longest text up to a comma or parenthesis that is a path: filters hold both."""
        ends = [found.start() for found in _PATH_END.finditer(self.text, self.at)]
        for end in ends:
            candidate = self.text[self.at : end].rstrip()
            if candidate.count("[") == candidate.count("]") and candidate.count("(") == candidate.count(")"):
                self.at = end
                return expression(candidate)
        raise InvalidExpression(self.text)


def _plain(found: re.Match[str]) -> str:
    r"""``\'``, ``\{``, ``\}`` and ``\\`` are escapes; what ``States.Format`` reads as one stays for it to read."""
    return re.sub(r"\\(['])", r"\1", found[1])


@lru_cache(maxsize=4096)
def compiled(text: str) -> Expression:
    """A path or a call of an intrinsic function. Raises InvalidExpression."""
    if not text.startswith("States."):
        return expression(text)
    reader = _Reader(text)
    made = reader.call(1)
    reader.space()
    if reader.at != len(text):
        raise InvalidExpression(text)
    return made


Template = Callable[[Scope], Any]


def _found(field: str, text: str, compute: Expression) -> Expression:
    """A path in a template, which says where it stands if it leads nowhere (recorded: test_invalid_jsonpath)."""
    if not text.startswith("$"):
        return compute

    def read(scope: Scope) -> Any:
        try:
            return compute(scope)
        except StateFailure as failure:
            if failure.error != "States.Runtime":
                raise
        said = orjson.dumps(scope.data).decode()
        raise runtime(f"The JSONPath '{text}' specified for the field '{field}' could not be found in the input '{said}'")

    return read


def template(value: Any, fail: Callable[[str], None] = lambda name: None) -> Template:
    """A payload template: members whose names end in ``.$`` are computed. ``fail`` is told the name of one that cannot be."""
    if isinstance(value, dict):
        members: list[tuple[str, Template]] = []
        is_constant = True
        for name, inner in value.items():
            if name.endswith(".$"):
                is_constant = False
                try:
                    if not isinstance(inner, str):
                        raise InvalidExpression(str(inner))
                    members.append((name[:-2], _found(name, inner, compiled(inner))))
                except InvalidExpression:
                    fail(name)
            else:
                made = template(inner, fail)
                is_constant = is_constant and getattr(made, "is_constant", False)
                members.append((name, made))
        if not is_constant:
            return lambda scope: {name: compute(scope) for name, compute in members}
    elif isinstance(value, list):
        items = [template(inner, fail) for inner in value]
        if not all(getattr(item, "is_constant", False) for item in items):
            return lambda scope: [item(scope) for item in items]

    def constant(_: Scope) -> Any:
        return value

    constant.is_constant = True
    return constant
