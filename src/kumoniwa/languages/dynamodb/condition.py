"""ConditionExpression, FilterExpression and KeyConditionExpression, compiled to closures ``test(item,
values)``.

AWS complains in this order: redundant parentheses, unknown functions, functions in the wrong place,
reserved words; and then, condition by condition in the order of the text: undefined names and values, the
number of operands, a first operand that is repeated, and operands of the wrong type. Source: recorded from
AWS by mhart/dynalite.
"""

from __future__ import annotations

import operator
from base64 import b64decode
from collections.abc import Callable, Mapping
from functools import lru_cache

from kumoniwa.kernel.errors import ValidationException
from kumoniwa.languages.dynamodb.grammar import (
    Between,
    Comparison,
    Function,
    Junction,
    Membership,
    Negation,
    Path,
    Placeholder,
    parse,
)
from kumoniwa.languages.dynamodb.operand import CONDITION_FUNCTIONS, UPDATE_FUNCTIONS, Plan, Scope, Values, getter, operands_in, shown
from kumoniwa.languages.dynamodb.value import KINDS, Item, Value, kind_of, sortable

Test = Callable[[Item, Values], bool]
Get = Callable[[Item, Values], Value | None]

_ORDERINGS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_ORDERED_KINDS = frozenset("SNB")


KeyShape = list[tuple[str, str, list[str]]]
"""Attribute, operator, placeholders."""


class ConditionPlan(Plan, frozen=True):
    test: Test
    key_shape: KeyShape | ValidationException | None
    """For a KeyConditionExpression: what ``key_conditions`` fills with values, or why it cannot."""
    nested_attributes: frozenset[str]
    """Top-level attributes that are looked into (``a.b``, ``a[1]``)."""


def condition_plan(kind: str, text: str, names: Mapping[str, str]) -> ConditionPlan:
    return _condition_plan(kind, text, tuple(names.items()))


@lru_cache(2048)
def _condition_plan(kind: str, text: str, names: tuple[tuple[str, str], ...]) -> ConditionPlan:
    parsed = parse(kind, text)
    scope = Scope(kind, dict(names))
    if parsed.has_redundant_parentheses:
        raise scope.refuse("The expression has redundant parentheses;")
    return compile_tree(scope, parsed.tree)


def compile_tree(scope: Scope, tree) -> ConditionPlan:
    leaves = list(_leaves(tree))
    operands = [operand for leaf in leaves for operand in _direct_operands(leaf)]
    for leaf in leaves:
        _refuse_unknown_functions(scope, leaf)
    for leaf in leaves:
        _refuse_misplaced_functions(scope, leaf)
    mentioned = [inner for operand in operands for inner in operands_in(operand)]
    scope.refuse_reserved([path for path in mentioned if isinstance(path, Path)])
    return assemble(scope, _bind(scope, tree))


def assemble(scope: Scope, tree) -> ConditionPlan:
    """The plan of a tree whose paths are bound already; the checks are those the scope has gathered."""
    paths = [
        path
        for leaf in _leaves(tree)
        for operand in _direct_operands(leaf)
        for path in operands_in(operand)
        if isinstance(path, Path)
    ]
    return ConditionPlan(
        used_names=frozenset(scope.used_names),
        placeholders=frozenset(scope.placeholders),
        attributes=frozenset(path.parts[0] for path in paths),
        checks=tuple(scope.checks),
        steps=tuple(scope.steps),
        test=_compile(tree),
        key_shape=_key_shape(tree) if scope.kind == "KeyConditionExpression" else None,
        nested_attributes=frozenset(path.parts[0] for path in paths if len(path.parts) > 1),
    )


def _leaves(tree):
    if isinstance(tree, Junction):
        for condition in tree.conditions:
            yield from _leaves(condition)
    elif isinstance(tree, Negation):
        yield from _leaves(tree.condition)
    else:
        yield tree


def _direct_operands(leaf) -> tuple:
    if isinstance(leaf, Comparison):
        return (leaf.left, leaf.right)
    if isinstance(leaf, Between):
        return (leaf.operand, leaf.low, leaf.high)
    if isinstance(leaf, Membership):
        return (leaf.operand, *leaf.choices)
    return leaf.operands


def _functions_in(node):
    """Functions from the inside out, as AWS checks them."""
    for operand in _direct_operands(node):
        if isinstance(operand, Function):
            yield from _functions_in(operand)
    if isinstance(node, Function):
        yield node


def _refuse_unknown_functions(scope: Scope, leaf) -> None:
    for function in _functions_in(leaf):
        if function.name in UPDATE_FUNCTIONS:
            raise scope.refuse(f"The function is not allowed in a condition expression; function: {function.name}")
        if function.name not in CONDITION_FUNCTIONS:
            raise scope.refuse(f"Invalid function name; function: {function.name}")


def _refuse_misplaced_functions(scope: Scope, leaf) -> None:
    """``size`` yields a number and stands among operands; all others yield truth and stand alone."""
    for function in _functions_in(leaf):
        if (function is leaf) == (function.name == "size"):
            raise scope.refuse(
                "The function is not allowed to be used this way in an expression; "
                f"function: {function.name}"
            )


# --- binding: from names to paths, and the complaints of each condition -------------------------


def _bind(scope: Scope, tree):
    if isinstance(tree, Junction):
        return Junction(tree.operator, tuple([_bind(scope, condition) for condition in tree.conditions]))
    if isinstance(tree, Negation):
        return Negation(_bind(scope, tree.condition))
    if isinstance(tree, Comparison):
        leaf = Comparison(tree.operator, _bind_operand(scope, tree.left), _bind_operand(scope, tree.right))
        _check_functions(scope, leaf)
        _check_distinct(scope, tree.operator, (leaf.left, leaf.right))
        if tree.operator in _ORDERINGS:
            _check_kinds(scope, tree.operator, (leaf.left, leaf.right), _ORDERED_KINDS)
    elif isinstance(tree, Between):
        operands = [_bind_operand(scope, operand) for operand in (tree.operand, tree.low, tree.high)]
        leaf = Between(*operands)
        _check_functions(scope, leaf)
        _check_kinds(scope, "BETWEEN", operands, _ORDERED_KINDS)
        _check_bounds(scope, leaf)
    elif isinstance(tree, Membership):
        operand = _bind_operand(scope, tree.operand)
        leaf = Membership(operand, tuple([_bind_operand(scope, choice) for choice in tree.choices]))
        _check_functions(scope, leaf)
    else:
        leaf = _bind_operand(scope, tree)
        _check_functions(scope, leaf)
    return leaf


def _bind_operand(scope: Scope, operand):
    if isinstance(operand, Path):
        return Path(scope.bind(operand))
    if isinstance(operand, Placeholder):
        scope.need(operand)
        return operand
    return Function(operand.name, tuple([_bind_operand(scope, inner) for inner in operand.operands]))


def _check_functions(scope: Scope, leaf) -> None:
    functions = list(_functions_in(leaf))
    for function in functions:
        if len(function.operands) != CONDITION_FUNCTIONS[function.name]:
            scope.doom(
                "Incorrect number of operands for operator or function; "
                f"operator or function: {function.name}, number of operands: {len(function.operands)}"
            )
            return
    for function in functions:
        if len(function.operands) == 2:
            _check_distinct(scope, function.name, function.operands)
    for function in functions:
        _check_function(scope, function)


def _check_function(scope: Scope, function: Function) -> None:
    name, operands = function.name, function.operands
    if name in ("attribute_exists", "attribute_not_exists"):
        if not isinstance(operands[0], Path):
            scope.doom(f"Operator or function requires a document path; operator or function: {name}")
    elif name == "begins_with":
        _check_kinds(scope, name, operands, frozenset("SB"))
    elif name == "size":
        _check_kinds(scope, name, operands, KINDS - {"N", "BOOL", "NULL"})
    elif name == "attribute_type":
        if isinstance(operands[1], Path):
            scope.doom(_incorrect_kind(name, "{NS,SS,L,BS,N,M,B,BOOL,NULL,S}"))
            return
        _check_kinds(scope, name, operands[1:], frozenset("S"))
        if isinstance(operands[1], Placeholder):
            scope.check(lambda values, wanted=operands[1].name: _check_kind_name(scope, values[wanted]["S"]))


def _check_kind_name(scope: Scope, name: str) -> None:
    if name not in KINDS:
        raise scope.refuse(
            f"Invalid attribute type name found; type: {name}, valid types: {{B,NULL,SS,BOOL,L,BS,N,NS,S,M}}"
        )


def _incorrect_kind(name: str, kind: str) -> str:
    why = "Incorrect operand type for operator or function; operator or function: "
    return f"{why}{name}, operand type: {kind}"


def _check_kinds(scope: Scope, name: str, operands, allowed: frozenset[str]) -> None:
    """What is written in the request must have a right type; what is found in an item need not."""
    for operand in operands:
        if isinstance(operand, Function):
            kind = "N" if operand.name == "size" else "BOOL"
            if kind not in allowed:
                scope.doom(_incorrect_kind(name, kind))
        elif isinstance(operand, Placeholder):

            def check(values: Values, wanted: str = operand.name) -> None:
                kind = kind_of(values[wanted])
                if kind not in allowed:
                    raise scope.refuse(_incorrect_kind(name, kind))

            scope.check(check)


def _check_distinct(scope: Scope, name: str, operands) -> None:
    first = operands[0]
    if isinstance(first, Path) and first in operands[1:]:
        scope.doom(
            "The first operand must be distinct from the remaining operands for this operator or function; "
            f"operator: {name}, first operand: {shown(first.parts)}"
        )


def _check_bounds(scope: Scope, between: Between) -> None:
    low, high = between.low, between.high
    if not (isinstance(low, Placeholder) and isinstance(high, Placeholder)):
        return

    def check(values: Values) -> None:
        [(low_kind, low_content)] = values[low.name].items()
        [(high_kind, high_content)] = values[high.name].items()
        if low_kind != high_kind:
            why = "The BETWEEN operator requires same data type for lower and upper bounds; "
        elif sortable(low_kind, low_content) > sortable(high_kind, high_content):
            why = "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; "
        else:
            return
        raise scope.refuse(
            f"{why}lower bound operand: AttributeValue: {{{low_kind}:{low_content}}}, "
            f"upper bound operand: AttributeValue: {{{high_kind}:{high_content}}}"
        )

    scope.check(check)


# --- closures -----------------------------------------------------------------------------------


def _compile(tree) -> Test:
    if isinstance(tree, Junction):
        return _junction(tree)
    if isinstance(tree, Negation):
        inner = _compile(tree.condition)
        return lambda item, values: not inner(item, values)
    if isinstance(tree, Comparison):
        return _comparison(tree)
    if isinstance(tree, Between):
        return _between(tree)
    if isinstance(tree, Membership):
        return _membership(tree)
    return _function(tree)


def _junction(tree: Junction) -> Test:
    tests = tuple([_compile(condition) for condition in tree.conditions])
    verdict = tree.operator == "OR"

    def test(item: Item, values: Values) -> bool:
        for one in tests:
            if one(item, values) == verdict:
                return verdict
        return not verdict

    return test


def _get(operand) -> Get:
    if isinstance(operand, Placeholder):
        name = operand.name
        return lambda item, values: values[name]
    if isinstance(operand, Path):
        if len(operand.parts) == 1:
            attribute = operand.parts[0]
            return lambda item, values: item.get(attribute)
        find = getter(operand.parts)
        return lambda item, values: find(item)
    inner = _get(operand.operands[0])
    return lambda item, values: size_of(inner(item, values))


def size_of(value: Value | None) -> Value | None:
    """``size()``: a string's UTF-16 units, a binary's bytes, the members of anything else; nothing for what
    has no size.

    Source for UTF-16: measured against AWS in ExtendDB pull request 67.
    """
    if value is None:
        return None
    [(kind, content)] = value.items()
    if kind == "S":
        size = len(content) if content.isascii() else len(content.encode("utf-16-le", "surrogatepass")) // 2
    elif kind == "B":
        size = len(b64decode(content))
    elif kind in ("N", "BOOL", "NULL"):
        return None
    else:
        size = len(content)
    return {"N": str(size)}


def is_ordered(compare: Callable, left: Value | None, right: Value | None) -> bool:
    """Values of different types, and of types without order, are in no order at all."""
    if left is None or right is None:
        return False
    [(kind, content)] = left.items()
    other = right.get(kind)
    if other is None or kind not in _ORDERED_KINDS:
        return False
    if kind == "S":
        return compare(content, other)
    return compare(sortable(kind, content), sortable(kind, other))


def _comparison(tree: Comparison) -> Test:
    left, right = _get(tree.left), _get(tree.right)
    if tree.operator == "=":

        def test(item: Item, values: Values) -> bool:
            found = left(item, values)
            return found is not None and found == right(item, values)

    elif tree.operator == "<>":

        def test(item: Item, values: Values) -> bool:
            found = left(item, values)
            return found is None or found != right(item, values)

    else:
        compare = _ORDERINGS[tree.operator]

        def test(item: Item, values: Values) -> bool:
            return is_ordered(compare, left(item, values), right(item, values))

    return test


def _between(tree: Between) -> Test:
    operand, low, high = _get(tree.operand), _get(tree.low), _get(tree.high)

    def test(item: Item, values: Values) -> bool:
        found = operand(item, values)
        return is_ordered(operator.ge, found, low(item, values)) and is_ordered(
            operator.le, found, high(item, values)
        )

    return test


def _membership(tree: Membership) -> Test:
    operand, choices = _get(tree.operand), tuple([_get(choice) for choice in tree.choices])

    def test(item: Item, values: Values) -> bool:
        found = operand(item, values)
        return found is not None and any([found == choice(item, values) for choice in choices])

    return test


def _function(tree: Function) -> Test:
    first = _get(tree.operands[0]) if tree.operands else None
    if tree.name == "attribute_exists":
        return lambda item, values: first(item, values) is not None
    if tree.name == "attribute_not_exists":
        return lambda item, values: first(item, values) is None
    if len(tree.operands) < 2:
        # The wrong number of operands: the plan's checks refuse it before any item is seen.
        return lambda item, values: False
    second = _get(tree.operands[1])
    judge = {"attribute_type": _is_of_kind, "begins_with": begins_with, "contains": contains}[tree.name]

    def test(item: Item, values: Values) -> bool:
        found, other = first(item, values), second(item, values)
        return found is not None and other is not None and judge(found, other)

    return test


def _is_of_kind(value: Value, kind: Value) -> bool:
    return kind.get("S") in value


def begins_with(value: Value, prefix: Value) -> bool:
    if "S" in value:
        return "S" in prefix and value["S"].startswith(prefix["S"])
    return "B" in value and "B" in prefix and b64decode(value["B"]).startswith(b64decode(prefix["B"]))


def contains(value: Value, sought: Value) -> bool:
    """A substring of a string or binary, a member of a set, an element of a list."""
    [(kind, content)] = value.items()
    [(sought_kind, sought_content)] = sought.items()
    if kind == "L":
        return sought in content
    if kind == "B":
        return sought_kind == "B" and b64decode(sought_content) in b64decode(content)
    if kind == "S":
        return sought_kind == "S" and sought_content in content
    return kind == sought_kind + "S" and sought_content in content


# --- key conditions -----------------------------------------------------------------------------

_MIRRORED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def key_conditions(plan: ConditionPlan, values: Values) -> dict[str, tuple[str, list[Value]]]:
    """A KeyConditionExpression as ``{attribute: (operator, values)}``, operators being ``= < <= > >=
    BETWEEN begins_with``.

    Which attributes are keys is for the table to say. AWS complains of the shape only after it has found
    all expressions of the call valid, so do not ask before ``bind`` has. Source: recorded from AWS by
    mhart/dynalite.
    """
    shape = plan.key_shape
    if isinstance(shape, ValidationException):
        raise ValidationException(shape.text)
    return {attribute: (name, [values[given] for given in wanted]) for attribute, name, wanted in shape}


def _key_shape(tree) -> KeyShape | ValidationException:
    found: KeyShape = []
    try:
        _collect(tree, found)
    except ValidationException as refusal:
        return refusal.with_traceback(None)
    return found


def _collect(tree, found: KeyShape) -> None:
    if isinstance(tree, Junction) and tree.operator == "AND":
        for condition in tree.conditions:
            _collect(condition, found)
        return
    name = _operator_name(tree)
    if name in ("OR", "NOT", "IN", "<>") or name.startswith(("attribute_", "contains")):
        raise ValidationException(f"Invalid operator used in KeyConditionExpression: {name}")
    operands = _direct_operands(tree)
    if name in ("BETWEEN", "begins_with") and not isinstance(operands[0], Path):
        raise ValidationException(
            f"Invalid condition in KeyConditionExpression: {name} operator must have the key attribute "
            "as its first operand"
        )
    path = _only_path(operands)
    if any(attribute == path.parts[0] for attribute, _, _ in found):
        raise ValidationException("KeyConditionExpressions must only contain one condition per key")
    if isinstance(tree, Comparison) and path is not tree.left:
        name = _MIRRORED[name]
    found.append((path.parts[0], name, [part.name for part in operands if isinstance(part, Placeholder)]))


def _operator_name(tree) -> str:
    if isinstance(tree, Comparison | Junction):
        return tree.operator
    if isinstance(tree, Function):
        return tree.name
    return {Negation: "NOT", Membership: "IN", Between: "BETWEEN"}[type(tree)]


def _only_path(operands) -> Path:
    path = None
    for operand in operands:
        if isinstance(operand, Function):
            raise ValidationException("KeyConditionExpressions cannot contain nested operations")
        if isinstance(operand, Path):
            if path is not None:
                raise ValidationException(
                    "Invalid condition in KeyConditionExpression: "
                    "Multiple attribute names used in one condition"
                )
            if len(operand.parts) > 1:
                raise ValidationException(
                    "Invalid KeyConditionExpression: KeyConditionExpressions cannot have conditions on nested attributes"
                )
            path = operand
    if path is None:
        raise ValidationException("Invalid condition in KeyConditionExpression: No key attribute specified")
    return path
