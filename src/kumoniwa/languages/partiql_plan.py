"""PartiQL statements compiled: conditions and changes by the expression languages' compilers, and the cut of a WHERE.

A WHERE is cut at a table's key: what the key says becomes a range or an item's key, what is left over is a test. The
key is the table's, so the cut is made, and kept, for each statement and key.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import msgspec

from kumoniwa.kernel.errors import ValidationException
from kumoniwa.languages.dynamodb import condition, update
from kumoniwa.languages.dynamodb.grammar import (
    Between,
    Comparison,
    Function,
    Junction,
    Membership,
    Path,
    Placeholder,
)
from kumoniwa.languages.dynamodb.operand import Parts, Scope, Values, getter
from kumoniwa.languages.dynamodb.value import Item, kind_of
from kumoniwa.languages.partiql import Statement

_MIRRORED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


class _Scope(Scope):
    """In PartiQL no word is reserved, ``#`` means nothing, and complaints do not name an expression."""

    def refuse(self, why: str) -> ValidationException:
        return ValidationException(why)

    def bind(self, path: Path) -> Parts:
        return path.parts

    def refuse_reserved(self, paths: list[Path]) -> None:
        pass


class Plan(msgspec.Struct, frozen=True):
    test: condition.ConditionPlan | None
    """The whole WHERE."""
    update: update.UpdatePlan | None
    project: Callable[[Item], Item] | None
    projected: frozenset[str] | None
    """Top-level attributes that are answered; None if all are."""

    def check(self, values: dict[str, Any]) -> None:
        """Raises ValidationException if values have types that no operator takes; no table is needed to tell."""
        for plan in (self.test, self.update):
            if plan is not None:
                plan.check(values)


@lru_cache(1024)
def compiled(statement: Statement) -> Plan:
    test = changing = None
    if statement.where is not None:
        test = condition.compile_tree(_Scope("", {}), statement.where)
    if statement.clauses:
        scope = _Scope("", {})
        for clause in statement.clauses:
            if clause.section == "ADD":
                scope.check(partial(_check_set, clause.operand.name))
        changing = update.compile_clauses(scope, statement.clauses)
    paths = [path.parts for path in statement.projection]
    return Plan(
        test,
        changing,
        _projector(paths) if paths else None,
        frozenset(parts[0] for parts in paths) if paths else None,
    )


def _check_set(name: str, values: Values) -> None:
    kind = kind_of(values[name])
    if kind not in ("SS", "NS", "BS"):
        raise ValidationException(
            f"Incorrect operand type for operator or function; operator or function: set_add, operand type: {kind}"
        )


def _projector(paths: list[Parts]) -> Callable[[Item], Item]:
    """A path's value stands under its last name, with the indexes behind it."""
    wanted = [(_label(parts), getter(parts)) for parts in paths]

    def project(item: Item) -> Item:
        found = ((label, find(item)) for label, find in wanted)
        return {label: value for label, value in found if value is not None}

    return project


def _label(parts: Parts) -> str:
    last = max(at for at, part in enumerate(parts) if type(part) is str)
    return parts[last] + "".join(f"[{index}]" for index in parts[last + 1 :])


# The cut -------------------------------------------------------------------------------------------


class Cut(msgspec.Struct, frozen=True):
    hashes: tuple[str, ...]
    """Placeholders of the partitions that are named; none if the statement reaches over all of them."""
    range: tuple[str, tuple[str, ...]] | None
    """Operator and placeholders of a condition on the sort key."""
    rest: condition.ConditionPlan | None
    is_exact: bool
    """Whether one item is named by equality on all of its key."""


@lru_cache(1024)
def cut(statement: Statement, hash_name: str, range_name: str) -> Cut:
    where = statement.where
    parts = (
        list(where.conditions)
        if isinstance(where, Junction) and where.operator == "AND"
        else [where]
        if where
        else []
    )
    hashes = _first(parts, lambda part: _equal_to(part, hash_name))
    stretch = _first(parts, lambda part: _range_of(part, range_name)) if hashes and range_name else None
    if not hashes:
        rest = compiled(statement).test
    elif not parts:
        rest = None
    else:
        rest = condition.assemble(_Scope("", {}), parts[0] if len(parts) == 1 else Junction("AND", tuple(parts)))
    is_exact = (
        bool(hashes) and len(hashes) == 1 and (not range_name or (stretch is not None and stretch[0] == "="))
    )
    return Cut(hashes or (), stretch, rest, is_exact)


def _first(parts: list, read: Callable) -> Any:
    """What the first part that can be read says; it is taken out."""
    for at, part in enumerate(parts):
        found = read(part)
        if found is not None:
            del parts[at]
            return found
    return None


def _is_name(node: Any, name: str) -> bool:
    return isinstance(node, Path) and node.parts == (name,)


def _equal_to(part: Any, name: str) -> tuple[str, ...] | None:
    """Placeholders of the values that an attribute must have one of."""
    if isinstance(part, Comparison) and part.operator == "=":
        for side, other in ((part.left, part.right), (part.right, part.left)):
            if _is_name(side, name) and isinstance(other, Placeholder):
                return (other.name,)
    if isinstance(part, Membership) and _is_name(part.operand, name):
        if all(isinstance(choice, Placeholder) for choice in part.choices):
            return tuple(choice.name for choice in part.choices)
    if isinstance(part, Junction) and part.operator == "OR":
        found = [_equal_to(each, name) for each in part.conditions]
        return tuple(one for each in found for one in each) if None not in found else None
    return None


def _range_of(part: Any, name: str) -> tuple[str, tuple[str, ...]] | None:
    if isinstance(part, Comparison) and part.operator in _MIRRORED:
        if _is_name(part.left, name) and isinstance(part.right, Placeholder):
            return part.operator, (part.right.name,)
        if _is_name(part.right, name) and isinstance(part.left, Placeholder):
            return _MIRRORED[part.operator], (part.left.name,)
    if isinstance(part, Between) and _is_name(part.operand, name):
        if isinstance(part.low, Placeholder) and isinstance(part.high, Placeholder):
            return "BETWEEN", (part.low.name, part.high.name)
    if isinstance(part, Function) and part.name == "begins_with" and len(part.operands) == 2:
        if _is_name(part.operands[0], name) and isinstance(part.operands[1], Placeholder):
            return "begins_with", (part.operands[1].name,)
    return None
