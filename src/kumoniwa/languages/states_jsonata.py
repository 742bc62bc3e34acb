"""JSONata as states use it: strings ``{% … %}`` anywhere in a template, evaluated by the library ``jsonata``.

Step Functions knows JSONata 2.0.6 without ``$eval`` and with six functions of its own
(https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html).
"""

from __future__ import annotations

import hashlib
import random
import sys
import uuid
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import orjson
from jsonata import DateTimeUtils, JException, Jsonata
from jsonata.parser import Parser
from jsonata.utils import Utils

from kumoniwa.kernel.clock import milliseconds
from kumoniwa.languages.states_path import InvalidExpression, Scope, StateFailure

RECURSION_MAX = 1_000
"""Python's own. The library raises it to ten times as much for the whole process when it is imported: what others refuse because it
is nested too deeply would then exhaust the stack of C."""
sys.setrecursionlimit(RECURSION_MAX)

EVALUATION_MS_MAX = 250
"""An expression that runs longer is given up: it would hold up everybody else."""
DEPTH_MAX = 200
PADDED_MAX = 262_144

QUERY_EVALUATION = "States.QueryEvaluationError"
_HASHES = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}

Compute = Callable[[Scope], Any]


class _Refused(Exception):
    """A function refuses its arguments."""


def is_expression(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("{%") and value.endswith("%}") and len(value) >= 4


def inner(value: str) -> str:
    return value[2:-2].strip()


def kind_of(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    return {str: "string", list: "array", dict: "object"}[type(value)]


# Functions of Step Functions' own ----------------------------------------------------------------------


def _partition(array: Any = None, size: Any = None) -> Any:
    if array is None:
        return None
    if not isinstance(array, list) or isinstance(size, bool) or not isinstance(size, (int, float)) or size < 1:
        raise _Refused("$partition takes an array and a positive number")
    return [array[at : at + int(size)] for at in range(0, len(array), int(size))]


def _range(first: Any = None, last: Any = None, step: Any = None) -> Any:
    """A single number is no array, as everywhere in JSONata: localstack's test_array_range."""
    if any(isinstance(one, bool) or not isinstance(one, (int, float)) for one in (first, last, step)) or not step:
        raise _Refused("$range takes a first and a last number and a step that is not 0")
    count = int((last - first) / step + 1e-9) + 1
    if count > 1000:
        raise _Refused("$range makes at most 1000 items")
    made = [first + at * step for at in range(max(0, count))]
    return made[0] if count == 1 else made


def _hash(text: Any = None, algorithm: Any = None) -> str | None:
    if text is None:
        return None
    if not isinstance(text, str) or algorithm not in _HASHES:
        raise _Refused(f"$hash takes a string and one of {', '.join(_HASHES)}")
    return hashlib.new(_HASHES[algorithm], text.encode(), usedforsecurity=False).hexdigest()


def _random(seed: Any = None) -> float:
    return random.random() if seed is None else random.Random(seed).random()


def _parse(text: Any = None) -> Any:
    if text is None:
        return None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise _Refused("$parse takes a string of JSON")


def _pad(text: Any = None, width: Any = None, sign: Any = None) -> Any:
    if not isinstance(text, str) or isinstance(width, bool) or not isinstance(width, (int, float)):
        return None
    if abs(width) > PADDED_MAX:
        raise _Refused(f"$pad makes at most {PADDED_MAX} characters")
    filling = (sign or " ") * max(0, int(abs(width)) - len(text))
    filling = filling[: max(0, int(abs(width)) - len(text))]
    return text + filling if width > 0 else filling + text


_OWN = {
    "partition": Jsonata.JLambda(_partition),
    "range": Jsonata.JLambda(_range),
    "hash": Jsonata.JLambda(_hash),
    "random": Jsonata.JLambda(_random),
    "uuid": Jsonata.JLambda(lambda: str(uuid.uuid4())),
    "parse": Jsonata.JLambda(_parse),
    "pad": Jsonata.JLambda(_pad),
    "eval": None,
}


def _clock(epoch_s: float) -> dict[str, Any]:
    """``$now()`` and ``$millis()`` by the region's clock."""
    millis = milliseconds(epoch_s)
    return {
        "millis": Jsonata.JLambda(lambda: millis),
        "now": Jsonata.JLambda(lambda picture=None, timezone=None: DateTimeUtils.format_datetime(millis, picture, timezone)),
    }


# Evaluation --------------------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def _parsed(text: str) -> Jsonata:
    made = Jsonata(text)
    made.set_output_convert_nulls(False)
    return made


def check(text: str) -> None:
    """Raises InvalidExpression with the reason why a text is no JSONata."""
    try:
        _parsed(text)
    except (JException, RecursionError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise InvalidExpression(str(error))


def variables(text: str) -> set[str]:
    """The variables that an expression reads and does not bind itself. Functions are none of them."""
    read: set[str] = set()
    bound = {"", "$", "states"}
    waiting: list[Any] = [_parsed(text).ast]
    met: set[int] = set()
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += node
        elif isinstance(node, Parser.Symbol) and id(node) not in met:
            met.add(id(node))
            called = node.rhs if node.type == "apply" else node.procedure
            if node.type == "variable":
                read.add(node.value)
            elif node.type == "bind":
                bound.add(node.lhs.value)
            elif node.type == "lambda":
                bound |= {argument.value for argument in node.arguments}
            elif called is not None and called.type == "variable":
                met.add(id(called))
            waiting += [value for name, value in vars(node).items() if name != "_outer_instance"]
    return read - bound


class _Unsupported(Exception):
    """A value that no JSON spells, such as a function."""


def _plain(value: Any) -> Any:
    """The library's values as JSON has them."""
    if value is Utils.NULL_VALUE or value is None:
        return None
    if isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            raise _Unsupported
        return value
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    raise _Unsupported


def _evaluated(text: str, field: str, scope: JsonataScope) -> Any:
    program = _parsed(text)
    program.environment.set_runtime_bounds(EVALUATION_MS_MAX, DEPTH_MAX)
    said = f"The JSONata expression '{text}' specified for the field '{field}'"
    try:
        value = program.evaluate(None, scope.bindings())
    except JException as error:
        raise StateFailure(QUERY_EVALUATION, f"{said} threw an error during evaluation. {error.error}: {error}", location=field)
    except (_Refused, ArithmeticError, TypeError, ValueError, LookupError, AttributeError, RecursionError) as error:
        raise StateFailure(QUERY_EVALUATION, f"{said} threw an error during evaluation. {error}", location=field)
    if value is None:
        raise StateFailure(QUERY_EVALUATION, f"{said} returned nothing (undefined).", location=field)
    try:
        return _plain(value)
    except _Unsupported:
        raise StateFailure(QUERY_EVALUATION, f"{said} returned an unsupported result type.", location=field)


class JsonataScope(Scope):
    """A scope with the reserved variable ``$states``."""

    __slots__ = ("more", "now")

    def __init__(self, scope: Scope, now: float, **more: Any) -> None:
        super().__init__(scope.data, scope.variables, scope.context_of)
        self._context, self.now, self.more = scope._context, now, more

    def bindings(self) -> dict[str, Any]:
        states = {"input": self.data, "context": self.context, **self.more}
        # To the library a variable that is None has no value; a member that is None is null.
        variables = {name: Utils.NULL_VALUE if value is None else value for name, value in self.variables.items()}
        return {**_OWN, **_clock(self.now), **variables, "states": states}


def template(value: Any, field: str, fail: Callable[[str, str], None] = lambda field, reason: None) -> Compute:
    """A value in which strings ``{% … %}`` are computed. ``fail`` is told the field and the reason of one that cannot be."""
    if is_expression(value):
        text = inner(value)
        try:
            check(text)
        except InvalidExpression as error:
            fail(field, str(error))
        return lambda scope: _evaluated(text, field, scope)
    if isinstance(value, dict) and value:
        members = [(name, template(one, f"{field}/{name}", fail)) for name, one in value.items()]
        return lambda scope: {name: compute(scope) for name, compute in members}
    if isinstance(value, list) and value:
        items = [template(one, f"{field}[{at}]", fail) for at, one in enumerate(value)]
        return lambda scope: [compute(scope) for compute in items]
    return lambda scope: value


def of_kind(kind: str, value: Any, text: Any, field: str) -> Any:
    """The value of an expression that must be of one kind."""
    if kind_of(value) != kind:
        raise StateFailure(
            QUERY_EVALUATION,
            f"The JSONata expression '{inner(text)}' specified for the field '{field}' returned an unexpected result type. "
            f"Expected '{kind}', but was '{kind_of(value)}' for value: {orjson.dumps(value).decode()}",
            location=field,
        )
    return value
