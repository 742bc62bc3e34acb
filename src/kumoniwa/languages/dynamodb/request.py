"""All expressions of one call, together with the names and values they share.

``bind`` is the door: it answers compiled plans whose checks have passed, and refuses names and values that
are malformed or that no expression uses. On the hot path it is a few dictionary look-ups.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kumoniwa.kernel.errors import ValidationException
from kumoniwa.languages.dynamodb.condition import ConditionPlan, condition_plan
from kumoniwa.languages.dynamodb.projection import ProjectionPlan, projection_plan
from kumoniwa.languages.dynamodb.update import UpdatePlan, update_plan
from kumoniwa.languages.dynamodb.value import Item, Value, check_value

if TYPE_CHECKING:
    from kumoniwa.languages.dynamodb.operand import Plan

_KEY = re.compile(r"[0-9a-zA-Z_]+")
_NOTHING: dict = {}


def bind(
    names: Mapping[str, str] | None,
    values: Mapping[str, Value] | None,
    *expressions: tuple[str, str | None],
) -> list[Any]:
    """For every ``(kind, text)`` its plan, or None where the text is None. ``values`` are made canonical in
    place.

    Kinds in AWS's order of complaint: UpdateExpression, ConditionExpression; KeyConditionExpression,
    FilterExpression, ProjectionExpression. Afterwards use ``plan.test(item, values)``, ``plan.apply(item,
    values)``, ``plan.project(item)``.
    """
    if names is not None and not names:
        raise ValidationException("ExpressionAttributeNames must not be empty")
    if names:
        _check_keys("ExpressionAttributeNames", "#", names)
        for key, name in names.items():
            if not name:
                raise ValidationException(f"ExpressionAttributeNames contains invalid value: Empty attribute name for key {key}")
    if values is not None and not values:
        raise ValidationException("ExpressionAttributeValues must not be empty")
    if values:
        _check_keys("ExpressionAttributeValues", ":", values)
        _check_values(values)
    plans: list[Plan | None] = []
    for kind, text in expressions:
        plan = None if text is None else _plan(kind, text, names or _NOTHING)
        if plan is not None and (plan.checks or plan.placeholders):
            plan.check(values or _NOTHING)
        plans.append(plan)
    if names:
        _refuse_unused("ExpressionAttributeNames", names, [plan.used_names for plan in plans if plan])
    if values:
        _refuse_unused("ExpressionAttributeValues", values, [plan.placeholders for plan in plans if plan])
    return plans


def _plan(kind: str, text: str, names: Mapping[str, str]) -> Plan:
    if kind == "UpdateExpression":
        return update_plan(text, names)
    if kind == "ProjectionExpression":
        return projection_plan(text, names)
    return condition_plan(kind, text, names)


def _check_keys(parameter: str, sign: str, given: Mapping) -> None:
    for key in given:
        if key[:1] != sign or not _KEY.fullmatch(key, 1):
            raise ValidationException(f'{parameter} contains invalid key: Syntax error; key: "{key}"')


def _check_values(values: Mapping[str, Value]) -> None:
    for key, value in values.items():
        try:
            check_value(value)
        except ValidationException as refusal:
            raise ValidationException(
                f"ExpressionAttributeValues contains invalid value: {refusal.text} for key {key}"
            ) from None


def _refuse_unused(parameter: str, given: Mapping, used: list[frozenset[str]]) -> None:
    unused = given.keys() - used[0] if used else set(given)
    for some in used[1:]:
        unused -= some
    if unused:
        keys = ", ".join([key for key in given if key in unused])
        raise ValidationException(f"Value provided in {parameter} unused in expressions: keys: {{{keys}}}")


def refuse_mixing(
    expressions: Mapping[str, str | None],
    legacy: Mapping[str, Any],
    names: Mapping | None,
    values: Mapping | None,
) -> None:
    """Expressions and the parameters that came before them exclude one another; names and values need an
    expression.

    Both mappings list all parameters the operation has, in the order in which AWS names them: Query has
    ProjectionExpression, FilterExpression, KeyConditionExpression and AttributesToGet, QueryFilter,
    ConditionalOperator, KeyConditions; UpdateItem has UpdateExpression, ConditionExpression and
    AttributeUpdates, Expected, ConditionalOperator.
    """
    written = [name for name, text in expressions.items() if text is not None]
    old = [name for name, given in legacy.items() if given is not None]
    if written and "KeyConditions" in old and expressions.get("KeyConditionExpression") is None:
        # KeyConditions may go with a FilterExpression or ProjectionExpression.
        old.remove("KeyConditions")
    if written and old:
        raise ValidationException(
            "Can not use both expression and non-expression parameters in the same request: "
            f"Non-expression parameters: {{{', '.join(old)}}} "
            f"Expression parameters: {{{', '.join(written)}}}"
        )
    if names is not None and not written:
        raise ValidationException("ExpressionAttributeNames can only be specified when using expressions")
    if values is None:
        return
    takers = [name for name in expressions if name != "ProjectionExpression"]
    if takers and not any(name in written for name in takers):
        verb = "are" if len(takers) > 1 else "is"
        raise ValidationException(
            "ExpressionAttributeValues can only be specified when using expressions: "
            f"{' and '.join(takers)} {verb} null"
        )


def compile_condition(
    text: str, names: Mapping[str, str] | None = None, values: Mapping[str, Value] | None = None
):
    """One condition by itself, as ``test(item) -> bool``."""
    plan: ConditionPlan
    [plan] = bind(names, values, ("ConditionExpression", text))
    given = values or _NOTHING

    def test(item: Item) -> bool:
        return plan.test(item, given)

    return test


__all__ = [
    "ConditionPlan",
    "ProjectionPlan",
    "UpdatePlan",
    "bind",
    "compile_condition",
    "refuse_mixing",
]
