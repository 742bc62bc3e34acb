"""Which of a function's forms is meant by the types of its arguments: ``(varchar, bigint) -> varchar``, with ``T`` for any type.

Trino takes the form that needs no coercion, else the first that coercions reach.
https://github.com/trinodb/trino/blob/master/core/trino-main/src/main/java/io/trino/metadata/FunctionBinder.java
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from kumoniwa.languages.athena import cast, types
from kumoniwa.languages.athena.types import Type


class Typed(NamedTuple):
    """An expression in DuckDB's SQL."""

    sql: str
    type: Type
    value: Any = None
    """What a literal says."""
    is_constant: bool = False
    """Whether it is the same for all rows."""


class Form(NamedTuple):
    params: tuple[Type, ...]
    is_variadic: bool
    result: Type
    template: str | Callable[..., Any]
    """SQL with ``{0}`` for the first argument, or a function of the arguments."""
    text: str


Table = dict[str, tuple[Form, ...]]
_FORM = re.compile(r"\((?P<params>.*?)\)\s*->\s*(?P<result>.+)\Z")
_GENERIC = re.compile(r"[A-Z]\d?\Z")


def _split(text: str) -> list[str]:
    parts, depth, part = [], 0, ""
    for each in text:
        depth += {"(": 1, ")": -1}.get(each, 0)
        if each == "," and not depth:
            parts.append(part.strip())
            part = ""
        else:
            part += each
    return [*parts, part.strip()] if part.strip() else parts


@lru_cache(maxsize=512)
def _type(text: str) -> Type:
    text = text.strip()
    if _GENERIC.match(text) or text in ("number", "integral", "instant", "any"):
        return Type("?" + text)
    if text == "timestamptz":
        return types.UTC
    if text in ("interval day to second", "interval year to month", "unknown"):
        return Type(text)
    head, is_open, rest = text.partition("(")
    if head in ("array", "map", "row") and is_open:
        args = tuple(map(_type, _split(rest[:-1])))
        return Type(head, args, (None,) * len(args) if head == "row" else ())
    return types.read(text)


def form(text: str, template: str | Callable[..., Any]) -> Form:
    found = _FORM.match(text)
    assert found is not None, text
    params = _split(found["params"])
    is_variadic = bool(params) and params[-1].endswith("...")
    if is_variadic:
        params[-1] = params[-1][:-3]
    return Form(tuple(map(_type, params)), is_variadic, _type(found["result"]), template, f"({found['params']})")


def table(lines: dict[str, Any]) -> Table:
    """``{"upper": ("(varchar) -> varchar", "upper({0})"), …}``; several forms follow each other in one tuple."""
    return {
        name: tuple(form(said[n], said[n + 1]) for n in range(0, len(said), 2))
        for name, said in lines.items()
    }  # fmt: skip


_CLASSES = {"?number": types.NUMBERS, "?integral": types.INTEGERS, "?instant": ("date", "timestamp", "timestamptz")}


def _unified(wanted: Type, given: Type, known: dict[str, Type]) -> bool:
    """Whether a type fits, with what is known of generic ones."""
    if wanted.kind in _CLASSES or wanted.kind == "?any":
        return wanted.kind == "?any" or given.kind in _CLASSES[wanted.kind] or given.kind == "unknown"
    if wanted.kind.startswith("?"):
        before = known.get(wanted.kind)
        found = given if before is None else types.common(before, given)
        if found is None:
            return False
        known[wanted.kind] = found
        return True
    if given.kind == "unknown":
        for each in wanted.args:
            if isinstance(each, Type):
                _unified(each, types.UNKNOWN, known)
        return True
    if wanted.kind in ("array", "map", "row") and wanted.kind == given.kind and len(wanted.args) == len(given.args):
        return all(_unified(x, y, known) for x, y in zip(wanted.args, given.args))
    return types.becomes(given, wanted)


def filled(wanted: Type, known: dict[str, Type]) -> Type:
    if wanted.kind.startswith("?"):
        return known.get(wanted.kind, types.UNKNOWN)
    if wanted.kind in ("array", "map", "row"):
        return Type(wanted.kind, tuple(filled(each, known) for each in wanted.args), wanted.names)
    return wanted


def _cost(wanted: Type, given: Type) -> int:
    if wanted.kind.startswith("?") or wanted.kind == given.kind:
        return 0
    if wanted.kind in types.NUMBERS and given.kind in types.NUMBERS:
        return 1 + abs(types.NUMBERS.index(wanted.kind) - types.NUMBERS.index(given.kind))
    return 1


def chosen(forms: tuple[Form, ...], args: list[Typed]) -> tuple[Form, list[Type]] | None:
    """The form and the types its arguments are to have."""
    best: tuple[int, Form, list[Type]] | None = None
    for each in forms:
        wanted = list(each.params)
        if each.is_variadic and len(args) >= len(wanted) - 1:
            wanted = wanted[:-1] + [wanted[-1]] * (len(args) - len(wanted) + 1)
        if len(wanted) != len(args):
            continue
        known: dict[str, Type] = {}
        if not all(_unified(want, arg.type, known) for want, arg in zip(wanted, args)):
            continue
        to = [arg.type if want.kind in _CLASSES or want.kind == "?any" else filled(want, known) for want, arg in zip(wanted, args)]
        cost = sum(_cost(want, arg.type) for want, arg in zip(wanted, args))
        if best is None or cost < best[0]:
            known_form = each._replace(result=args[0].type if each.result.kind in _CLASSES else filled(each.result, known))
            best = cost, known_form, to
    return best and (best[1], best[2])


def coerced(arg: Typed, to: Type) -> Typed:
    return arg if arg.type == to else arg._replace(sql=cast.cast(arg.sql, arg.type, to), type=to)


def applied(found: tuple[Form, list[Type]], args: list[Typed]) -> Typed:
    """What a form answers. A template that is a function answers SQL or a whole Typed."""
    chosen_form, to = found
    given = [coerced(arg, want) for arg, want in zip(args, to)]
    if callable(chosen_form.template):
        answer = chosen_form.template(*given)
        return answer if isinstance(answer, Typed) else Typed(answer, chosen_form.result)
    return Typed(chosen_form.template.format(*(each.sql for each in given), all=", ".join(each.sql for each in given)), chosen_form.result)
