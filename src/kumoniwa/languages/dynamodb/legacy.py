"""The parameters that came before expressions, translated into the same plans.

``Expected``, ``QueryFilter`` and ``ScanFilter`` become a condition, ``AttributeUpdates`` an update,
``AttributesToGet`` a projection, ``KeyConditions`` key conditions. Their values become the plan's values,
named ``:0``, ``:1``, … Source of the refusals: "Legacy conditional parameters", developer guide; texts
recorded from AWS by mhart/dynalite.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from kumoniwa.kernel.errors import ValidationException
from kumoniwa.languages.dynamodb import condition, update
from kumoniwa.languages.dynamodb.grammar import (
    Between,
    Clause,
    Comparison,
    Function,
    Junction,
    Membership,
    Negation,
    Path,
    Placeholder,
)
from kumoniwa.languages.dynamodb.operand import Scope
from kumoniwa.languages.dynamodb.projection import projector
from kumoniwa.languages.dynamodb.value import EMPTY_NAME, INVALID, Item, Value, check_value, kind_of

if TYPE_CHECKING:
    from kumoniwa.languages.dynamodb.condition import ConditionPlan
    from kumoniwa.languages.dynamodb.update import UpdatePlan

_COMPARISONS = {"EQ": "=", "NE": "<>", "LE": "<=", "LT": "<", "GE": ">=", "GT": ">"}
_FUNCTIONS = {"CONTAINS": "contains", "NOT_CONTAINS": "contains", "BEGINS_WITH": "begins_with"}
_EXISTENCE = {"NULL": "attribute_not_exists", "NOT_NULL": "attribute_exists"}
_SCALARS = frozenset("SNB")
_ALLOWED_KINDS = {
    **dict.fromkeys(("LE", "LT", "GE", "GT", "CONTAINS", "NOT_CONTAINS", "IN", "BETWEEN"), _SCALARS),
    "BEGINS_WITH": frozenset("SB"),
}
_SET_KINDS = frozenset(("SS", "NS", "BS"))

Bound = tuple["ConditionPlan", dict[str, Value]]


def _refuse(why: str) -> ValidationException:
    return ValidationException(INVALID + why)


def _check_arguments(name: str, given: list[Value]) -> None:
    count = len(given)
    wanted = {"NULL": count == 0, "NOT_NULL": count == 0, "IN": count > 0, "BETWEEN": count == 2}
    if not wanted.get(name, count == 1):
        raise _refuse(f"Invalid number of argument(s) for the {name} ComparisonOperator")
    kinds = [kind_of(value) for value in given]
    if len(set(kinds)) > 1:
        raise _refuse("AttributeValues inside AttributeValueList must be of same type")
    allowed = _ALLOWED_KINDS.get(name)
    if allowed is not None and kinds and kinds[0] not in allowed:
        raise _refuse(f"ComparisonOperator {name} is not valid for {kinds[0]} AttributeValue type")
    if name == "BETWEEN" and condition.is_ordered(operator.gt, given[0], given[1]):
        raise ValidationException(
            "The BETWEEN condition was provided a range where "
            "the lower bound is greater than the upper bound"
        )


def _tree(name: str, attribute: str, given: list[Placeholder]):
    path = Path((attribute,))
    if name in _COMPARISONS:
        return Comparison(_COMPARISONS[name], path, given[0])
    if name == "BETWEEN":
        return Between(path, *given)
    if name == "IN":
        return Membership(path, tuple(given))
    if name in _EXISTENCE:
        return Function(_EXISTENCE[name], (path,))
    found = Function(_FUNCTIONS[name], (path, given[0]))
    if name != "NOT_CONTAINS":
        return found
    # What is not there does not "not contain" anything.
    return Junction("AND", (Function("attribute_exists", (path,)), Negation(found)))


def _plan(conditions: list[tuple[str, str, list[Value]]], conditional_operator: str | None) -> Bound | None:
    """``conditions`` are (attribute, comparison operator, values)."""
    if conditional_operator is not None and not conditions:
        raise ValidationException("ConditionalOperator cannot be used without Filter or Expected")
    if conditional_operator is not None and len(conditions) < 2:
        raise ValidationException(
            "ConditionalOperator can only be used when Filter or Expected has two or more elements"
        )
    if not conditions:
        return None
    values: dict[str, Value] = {}
    trees = []
    for attribute, name, given in conditions:
        placeholders = [Placeholder(f":{len(values) + i}") for i in range(len(given))]
        values.update({placeholder.name: value for placeholder, value in zip(placeholders, given)})
        trees.append(_tree(name, attribute, placeholders))
    tree = trees[0] if len(trees) == 1 else Junction(conditional_operator or "AND", tuple(trees))
    return condition.assemble(Scope("Expected", {}), tree), values


def filter_plan(conditions: Mapping[str, Any], conditional_operator: str | None = None) -> Bound | None:
    """QueryFilter or ScanFilter as a plan and its values; None if it asks for nothing."""
    return _plan(_check_conditions(conditions), conditional_operator)


def _check_conditions(conditions: Mapping[str, Any]) -> list[tuple[str, str, list[Value]]]:
    found = []
    for attribute, given in conditions.items():
        values = given.get("AttributeValueList") or []
        for value in values:
            check_value(value)
        _check_arguments(given["ComparisonOperator"], values)
        found.append((attribute, given["ComparisonOperator"], values))
    return found


def expected_plan(expected: Mapping[str, Any], conditional_operator: str | None = None) -> Bound | None:
    """Expected as a plan and its values; None if it asks for nothing."""
    return _plan([_expectation(*pair) for pair in expected.items()], conditional_operator)


def _expectation(attribute: str, given: Mapping[str, Any]) -> tuple[str, str, list[Value]]:
    value, values, name, exists = (
        given.get(key) for key in ("Value", "AttributeValueList", "ComparisonOperator", "Exists")
    )
    where = f" for Attribute: {attribute}"
    for one in [value] if value is not None else values or []:
        check_value(one)
    if value is not None and values is not None:
        raise _refuse("Value and AttributeValueList cannot be used together" + where)
    if name is None:
        if values is not None:
            raise _refuse("AttributeValueList can only be used with a ComparisonOperator" + where)
        if exists is False:
            if value is not None:
                raise _refuse("Value cannot be used when Exists is false" + where)
            return attribute, "NULL", []
        if value is None:
            raise _refuse(
                f"Value must be provided when Exists is {'null' if exists is None else 'true'}" + where
            )
        return attribute, "EQ", [value]
    if exists is not None:
        raise _refuse("Exists and ComparisonOperator cannot be used together" + where)
    if value is None and values is None and name not in _EXISTENCE:
        raise _refuse(f"Value or AttributeValueList must be used with ComparisonOperator: {name}" + where)
    arguments = [value] if value is not None else values or []
    _check_arguments(name, arguments)
    return attribute, name, arguments


def updates_plan(updates: Mapping[str, Any]) -> tuple[UpdatePlan, dict[str, Value]]:
    """AttributeUpdates as a plan and its values."""
    values: dict[str, Value] = {}
    clauses = []
    for attribute, given in updates.items():
        action, value = given.get("Action") or "PUT", given.get("Value")
        if not attribute:
            raise ValidationException(EMPTY_NAME)
        path = Path((attribute,))
        if value is None:
            if action != "DELETE":
                raise _refuse("Only DELETE action is allowed when no attribute value is specified")
            clauses.append(Clause("REMOVE", path))
            continue
        check_value(value)
        kind = kind_of(value)
        if action == "DELETE" and kind not in _SET_KINDS:
            raise _refuse(f"DELETE action with value is not supported for the type {kind}")
        if action == "ADD" and kind not in _SET_KINDS and kind not in ("N", "L"):
            raise _refuse(f"ADD action is not supported for the type {kind}")
        placeholder = Placeholder(f":{len(values)}")
        values[placeholder.name] = value
        clauses.append(Clause("SET" if action == "PUT" else action, path, placeholder))
    scope = Scope("AttributeUpdates", {})
    return update.assemble(scope, clauses, wrong_kind="Type mismatch for attribute to update"), values


def attributes_projection(names: list[str]) -> Callable[[Item], Item]:
    """AttributesToGet as ``project(item)``."""
    if len(set(names)) < len(names):
        twice = next(name for i, name in enumerate(names) if name in names[:i])
        raise _refuse(f"Duplicate value in attribute name: {twice}")
    if "" in names:
        raise ValidationException(EMPTY_NAME)
    return projector([(name,) for name in names])


def refuse_count(count: int, most: int) -> None:
    """AWS's words where more or fewer attributes have conditions than a key is made of."""
    if not 1 <= count <= most:
        raise ValidationException("Conditions can be of length 1 or 2 only")


def legacy_key_conditions(conditions: Mapping[str, Any], most: int = 2) -> dict[str, tuple[str, list[Value]]]:
    """KeyConditions in the form of ``condition.key_conditions``; ``most`` attributes make a key."""
    checked = _check_conditions(conditions)
    refuse_count(len(checked), most)
    names = {**_COMPARISONS, "BETWEEN": "BETWEEN", "BEGINS_WITH": "begins_with"}
    return {attribute: (names.get(name, name), values) for attribute, name, values in checked}
