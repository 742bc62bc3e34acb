"""Expressions compiled into functions of a row.

A row is a list: when, of which stream, its number there, when it came in, the message, what was found in it, and what commands made.
What is not there is None, and so is any comparison with it: neither it nor its ``not`` lets an event through.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from operator import ge, gt, le, lt
from typing import Any, NamedTuple

import msgspec

from kumoniwa.languages.insights import discovery, function, period, regex
from kumoniwa.languages.insights.aside import Aside
from kumoniwa.languages.insights.setting import Place, Setting
from kumoniwa.languages.insights.syntax import (
    Call,
    Constant,
    Field,
    In,
    Like,
    Malformed,
    Not,
    Operation,
    Pattern,
    Period,
    Source,
    Star,
    Subquery,
)
from kumoniwa.languages.insights.value import ANY, FIGURE, TIME, is_equal, number, order, spelled, text

AT, STREAM, SEQ, INGESTED, MESSAGE, FOUND, MADE = range(7)
Row = list[Any]
Read = Callable[[Row], Any]
JOINED = "\0joined"
"""What commands made of a row has the event of the other side there."""
TIMES = ("@timestamp", "@ingestionTime")
SYSTEM = ("@timestamp", "@ingestionTime", "@message", "@logStream", "@log", "@ptr")
REGEX_REPLACE = ("regex_replace", "regexreplace")
_TESTS: dict[str, Callable[[int], bool]] = {
    "<": lambda sign: sign < 0, "<=": lambda sign: sign <= 0, ">": lambda sign: sign > 0, ">=": lambda sign: sign >= 0,
}  # fmt: skip


class Compiled(NamedTuple):
    read: Read
    kind: str = ANY
    constant: Any = None
    """The value, where it is always the same."""


class Scope:
    """What names mean at one place of a query.

    ``found`` are the names that are looked for in messages. They are known once the query was compiled, so it is compiled twice.
    """

    def __init__(self, setting: Setting, found: list[str], plan_of: Callable[[Any], Any]) -> None:
        self.setting, self.places, self.plan_of = setting, setting.places, plan_of
        self.asides: list[Aside] = []
        self.joined: tuple[str, str] | None = None
        """The aliases of the two sides that were joined."""
        self.indexes = {name: index for index, name in enumerate(found)}
        self.asked: set[str] = set()
        self.made: dict[str, str] = {}
        """Names that commands made, and of which kind each is."""
        self.settled: frozenset[str] = frozenset()
        """Those that earlier commands made: only in them may dots lead on."""
        self.is_aggregated = False
        """Whether ``stats`` came before: then there are no events any more, only what it made."""
        self.has_time = True

    def after(self) -> Scope:
        """Where the events are gone, and only what commands made of them is left."""
        found = Scope(self.setting, list(self.indexes), self.plan_of)
        found.asked, found.asides, found.is_aggregated, found.has_time = self.asked, self.asides, True, False
        return found

    def aside(self, query: tuple[Any, ...]) -> Aside:
        source = next((each for each in query if isinstance(each, Source)), None)
        self.asides.append(Aside(self.plan_of(query), source))
        return self.asides[-1]

    def settle(self) -> None:
        self.settled = frozenset(self.made)


# Fields -------------------------------------------------------------------------------------------------------


def pointer(row: Row, place: Place) -> str:
    """What GetLogRecord finds an event by."""
    return base64.b64encode(msgspec.json.encode((place.group, row[STREAM], row[AT], row[SEQ]))).decode()


def field(node: Field, scope: Scope) -> Compiled:
    name = node.name
    if scope.joined is not None and len(node.path) > 1 and node.path[0] in scope.joined:
        rest = Field(node.path[1:], node.at)
        return field(rest, scope) if node.path[0] == scope.joined[0] else Compiled(_joined_field(rest.name), TIME if rest.name in TIMES else ANY)
    if name in scope.made:
        return Compiled(lambda row: row[MADE].get(name), scope.made[name])
    for end in range(len(node.path) - 1, 0, -1):
        prefix = ".".join(map(str, node.path[:end]))
        if prefix in scope.settled:
            return Compiled(_structural(prefix, node.path[end:]))
    if scope.is_aggregated:
        raise Malformed(f"Unknown symbols found in or after stats: {name}", node.at, node.at + len(name))
    if name in SYSTEM:
        return _system(name, scope)
    scope.asked.add(name)
    index = scope.indexes.get(name, 0)
    return Compiled(lambda row: row[FOUND][index])


def _joined_field(name: str) -> Read:
    def read(row: Row) -> Any:
        other = row[MADE].get(JOINED)
        return None if other is None else other.get(name)

    return read


def everything(row: Row, places: Any) -> dict[str, Any]:
    """All fields of an event by name."""
    place = places[row[STREAM]]
    found = discovery.all_fields(discovery.with_fields(row[MESSAGE]), place.is_function)
    return found | {
        "@timestamp": row[AT], "@ingestionTime": row[INGESTED], "@message": row[MESSAGE], "@logStream": place.name, "@log": place.group,
    }  # fmt: skip


def _structural(name: str, path: tuple[str | int, ...]) -> Read:
    def read(row: Row) -> Any:
        value = row[MADE].get(name)
        for step in path:
            if isinstance(value, dict) and not isinstance(step, int):
                value = value.get(step)
            elif isinstance(value, list) and (isinstance(step, int) or step.isdecimal()) and int(step) < len(value):
                value = value[int(step)]
            else:
                return None
        return value

    return read


def _system(name: str, scope: Scope) -> Compiled:
    places = scope.places
    if name == "@timestamp":
        return Compiled(lambda row: row[AT], TIME)
    if name == "@ingestionTime":
        return Compiled(lambda row: row[INGESTED], TIME)
    if name == "@message":
        return Compiled(lambda row: row[MESSAGE])
    # A row that a command added is of no stream.
    if name == "@logStream":
        return Compiled(lambda row: places[row[STREAM]].name if row[STREAM] is not None else None)
    if name == "@log":
        return Compiled(lambda row: places[row[STREAM]].group if row[STREAM] is not None else None)
    return Compiled(lambda row: pointer(row, places[row[STREAM]]) if row[STREAM] is not None else None)


# Everything ---------------------------------------------------------------------------------------------------


def compiled(node: Any, scope: Scope) -> Compiled:
    if isinstance(node, Constant):
        value = node.value
        return Compiled(lambda row: value, FIGURE if isinstance(value, float) else ANY, value)
    if isinstance(node, Field):
        return field(node, scope)
    if isinstance(node, Operation):
        return _operation(node, scope)
    if isinstance(node, Not):
        inner = condition(node.inner, scope)

        def negated(row: Row) -> Any:
            value = inner(row)
            return None if value is None else not value

        return Compiled(negated)
    if isinstance(node, Like):
        return Compiled(_like(node, scope))
    if isinstance(node, In):
        return Compiled(_in(node, scope))
    if isinstance(node, Call):
        return _call(node, scope)
    what = f"{node.count}{node.unit}" if isinstance(node, Period) else "*" if isinstance(node, Star) else "/"
    at = node.at if isinstance(node, Pattern) else 0
    raise Malformed(f"unexpected symbol found {what}", at, at + len(what))


def condition(node: Any, scope: Scope) -> Read:
    """The expression as true, false or unknown."""
    made = compiled(node, scope)
    if isinstance(node, Operation | Not | Like | In):
        return made.read
    read = made.read

    def is_true(row: Row) -> Any:
        value = read(row)
        if value is None or value is True or value is False:
            return value
        return bool(number(value))

    return is_true


# Operators ----------------------------------------------------------------------------------------------------


def _operation(node: Operation, scope: Scope) -> Compiled:
    if node.sign in ("and", "or"):
        return Compiled(_joined(node.sign == "and", condition(node.left, scope), condition(node.right, scope)))
    left, right = compiled(node.left, scope), compiled(node.right, scope)
    if node.sign in function.ARITHMETIC:
        return _arithmetic(node.sign, left, right)
    if node.sign in ("=", "!="):
        return Compiled(_equality(node.sign == "=", left, right))
    return Compiled(_comparison(node.sign, left, right))


def _joined(is_and: bool, left: Read, right: Read) -> Read:
    def joined(row: Row) -> Any:
        one = left(row)
        if one is not None and bool(one) is not is_and:
            return not is_and
        other = right(row)
        if other is not None and bool(other) is not is_and:
            return not is_and
        return None if one is None or other is None else is_and

    return joined


def _arithmetic(sign: str, left: Compiled, right: Compiled) -> Compiled:
    act, one, other = function.ARITHMETIC[sign], left.read, right.read

    def made(row: Row) -> Any:
        first, second = number(one(row)), number(other(row))
        if first is None or second is None:
            return None
        try:
            result = act(first, second)
        except OverflowError:
            return None
        return None if result is None or result != result or result in (float("inf"), float("-inf")) else result

    return Compiled(made, FIGURE)


def _equality(is_same: bool, left: Compiled, right: Compiled) -> Read:
    if left.constant is not None and right.constant is None:
        left, right = right, left
    read, other = left.read, right.read
    if right.constant is not None:
        figure = number(right.constant)
        wanted = right.constant if figure is None else figure

        def against(row: Row) -> Any:
            value = read(row)
            if value is None:
                return None
            if figure is not None and type(value) is str:
                value = number(value)
            return (value == wanted) is is_same

        return against

    def between(row: Row) -> Any:
        one, two = read(row), other(row)
        return None if one is None or two is None else is_equal(one, two) is is_same

    return between


_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_FIGURES: dict[str, Callable[[float, float], bool]] = {"<": lt, "<=": le, ">": gt, ">=": ge}


def _comparison(sign: str, left: Compiled, right: Compiled) -> Read:
    if left.constant is not None and right.constant is None:
        left, right, sign = right, left, _TURNED[sign]
    test, one, other = _TESTS[sign], left.read, right.read
    figure = number(right.constant)
    if figure is not None:
        meets = _FIGURES[sign]

        def against(row: Row) -> Any:
            value = one(row)
            kind = type(value)
            if kind is not int and kind is not float and (value := number(value)) is None:
                return None
            return meets(value, figure)

        return against

    def compare(row: Row) -> Any:
        found = order(one(row), other(row))
        return None if found is None else test(found)

    return compare


def _like(node: Like, scope: Scope) -> Read:
    read = compiled(node.left, scope).read
    if isinstance(node.right, Pattern):
        search = regex.compiled(node.right.text, node.right.at).search

        def matches(row: Row) -> Any:
            value = read(row)
            if type(value) is not str and (value := text(value)) is None:
                return None
            return search(value) is not None

        return matches
    part = compiled(node.right, scope).read

    def contains(row: Row) -> Any:
        value, wanted = read(row), text(part(row))
        if wanted is None or (type(value) is not str and (value := text(value)) is None):
            return None
        return wanted in value

    return contains


def _in(node: In, scope: Scope) -> Read:
    read = compiled(node.left, scope).read
    if node.options and isinstance(node.options[0], Subquery):
        return _among(read, node.options[0], scope)
    if len(node.options) == 1 and isinstance(node.options[0], Field):
        held = compiled(node.options[0], scope).read

        def is_held(row: Row) -> Any:
            value, options = read(row), held(row)
            if value is None or options is None:
                return None
            return any(is_equal(value, option) for option in options) if isinstance(options, list) else is_equal(value, options)

        return is_held
    reads = [compiled(option, scope) for option in node.options]
    if any(each.constant is None for each in reads):
        raise Malformed("in takes a list of constants")
    figures = {number(each.constant) for each in reads} - {None}
    texts = {each.constant for each in reads if number(each.constant) is None}

    def is_one(row: Row) -> Any:
        value = read(row)
        if value is None:
            return None
        if type(value) is str and value in texts:
            return True
        return number(value) in figures

    return is_one


def _among(read: Read, node: Subquery, scope: Scope) -> Read:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-Subqueries.html"""
    aside = scope.aside(node.query)
    if len(aside.plan.columns) != 1:
        raise Malformed("A subquery of in must give one field", node.at, node.at)

    def is_among(row: Row) -> Any:
        value = read(row)
        if value is None:
            return None
        texts, figures = aside.options
        if type(value) is str and value in texts:
            return True
        return number(value) in figures if number(value) is not None else spelled(value) in texts

    return is_among


# Functions ----------------------------------------------------------------------------------------------------


def _call(node: Call, scope: Scope) -> Compiled:
    if node.name in ("bin", "datefloor", "dateceil"):
        return _moment(node, scope)
    if node.name == "now" and not node.arguments:
        now = int(scope.setting.now_s)
        return Compiled(lambda row: now, ANY, now)
    if node.name in ("querystarttime", "queryendtime", "querytimerange") and not node.arguments:
        start_ms, end_ms = scope.setting.start_ms, scope.setting.end_ms
        moment = {"querystarttime": start_ms, "queryendtime": end_ms, "querytimerange": end_ms - start_ms}[node.name]
        return Compiled(lambda row: moment, ANY, moment)
    if node.name in ("coalesce", "if", "case") and node.arguments:
        return _choice(node, scope)
    known = function.FUNCTIONS.get(node.name)
    if known is None:
        raise Malformed(f"Invalid function name: {node.name}", node.at, node.at + len(node.name))
    if not known.least <= len(node.arguments) <= known.most:
        raise Malformed(f"Invalid number of arguments for function {node.name}", node.at, node.at + len(node.name))
    arguments = [
        Constant(each.text) if node.name in REGEX_REPLACE and isinstance(each, Pattern) else each for each in node.arguments
    ]
    if node.name in REGEX_REPLACE:
        if not (isinstance(arguments[1], Constant) and isinstance(arguments[1].value, str)):
            raise Malformed("regex_replace takes a constant expression", node.at, node.at + len(node.name))
        regex.compiled(arguments[1].value, node.at)
    made = [compiled(each, scope) for each in arguments]
    kind = known.kind
    if node.name in ("greatest", "least") and all(each.kind == TIME for each in made):
        kind = TIME
    return Compiled(_applied(known, made), kind)


def _applied(known: function.Function, arguments: list[Compiled]) -> Read:
    act, takes, reads = known.act, known.takes, [each.read for each in arguments]
    if takes is None:
        return lambda row: act(*[read(row) for read in reads])
    if takes is text and any(each.kind != ANY for each in arguments):
        # A text function sees a time or a figure as an answer would show it.
        reads = [_shown(each) for each in arguments]
    if len(reads) == 1:
        only = reads[0]

        def applied(row: Row) -> Any:
            value = takes(only(row))
            return None if value is None else act(value)

        return applied

    def applied_to_all(row: Row) -> Any:
        values = [takes(read(row)) for read in reads]
        return None if None in values else act(*values)

    return applied_to_all


def _shown(made: Compiled) -> Read:
    read, kind = made.read, made.kind
    if kind == ANY:
        return read

    def shown(row: Row) -> Any:
        value = read(row)
        return None if value is None else spelled(value, kind)

    return shown


def _choice(node: Call, scope: Scope) -> Compiled:
    if node.name == "coalesce":
        made = [compiled(each, scope) for each in node.arguments]
        reads = [each.read for each in made]

        def first(row: Row) -> Any:
            for read in reads:
                if (value := read(row)) is not None:
                    return value
            return None

        return Compiled(first, _shared(made))
    count = len(node.arguments)
    if count < 2 or (node.name == "if" and count != 3):
        raise Malformed(f"Invalid number of arguments for function {node.name}", node.at, node.at + len(node.name))
    tests = [condition(each, scope) for each in node.arguments[: count - 1 : 2]]
    values = [compiled(each, scope) for each in node.arguments[1::2]]
    default = compiled(node.arguments[-1], scope) if count % 2 else None
    reads = [each.read for each in values]

    def chosen(row: Row) -> Any:
        for test, read in zip(tests, reads):
            if test(row):
                return read(row)
        return default.read(row) if default is not None else None

    return Compiled(chosen, _shared(values + ([default] if default else [])))


def _shared(made: list[Compiled]) -> str:
    kinds = {each.kind for each in made}
    return kinds.pop() if len(kinds) == 1 else ANY


def binned(width: Period, later_ms: int = 0) -> Compiled:
    """The bin of an event, or the one that is so much later."""
    floor, span = period.floored(width), period.span_ms(width)
    if later_ms:
        return Compiled(lambda row: floor(row[AT] + later_ms), TIME)
    if span is not None and width.unit[0] != "w":
        return Compiled(lambda row: row[AT] - row[AT] % span, TIME)
    return Compiled(lambda row: floor(row[AT]), TIME)


def _moment(node: Call, scope: Scope) -> Compiled:
    arguments = node.arguments
    if len(arguments) != (1 if node.name == "bin" else 2) or not isinstance(arguments[-1], Period):
        raise Malformed(f"Invalid arguments for function {node.name}", node.at, node.at + len(node.name))
    if node.name == "bin":
        if not scope.has_time:
            raise Malformed("Unknown symbols found in or after stats: @timestamp", node.at, node.at + len(node.name))
        return binned(arguments[0])
    move = (period.floored if node.name == "datefloor" else period.raised)(arguments[1])
    read = compiled(arguments[0], scope).read

    def moved(row: Row) -> Any:
        value = number(read(row))
        try:
            return None if value is None else move(value)
        except (OverflowError, ValueError):
            return None

    return Compiled(moved, TIME)
