"""UpdateExpression, compiled to ``apply(item, values)``, which answers a new item and leaves the old one
alone.

Everything on the right of an ``=`` is read from the item as it was. List indexes mean positions in the item
as it was, too: elements are set first, then removed from the back.

AWS complains in this order: reserved words, unknown functions, repeated sections, undefined names,
undefined values, overlapping paths, conflicting paths, operands of ADD and DELETE, operands of functions.
Source: recorded from AWS by mhart/dynalite.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Mapping
from decimal import Context, Decimal
from functools import lru_cache

from kumoniwa.kernel.errors import ValidationException
from kumoniwa.languages.dynamodb.grammar import Arithmetic, Clause, Function, Path, Placeholder, parse
from kumoniwa.languages.dynamodb.operand import (
    CONDITION_FUNCTIONS,
    UPDATE_FUNCTIONS,
    Parts,
    Plan,
    Scope,
    Values,
    getter,
    operands_in,
    refuse_overlaps,
)
from kumoniwa.languages.dynamodb.projection import projector
from kumoniwa.languages.dynamodb.value import OVERFLOW, Item, TooPrecise, Value, kind_of, number_text

WRONG_KIND = "An operand in the update expression has an incorrect data type"
_NO_ATTRIBUTE = "The provided expression refers to an attribute that does not exist in the item"
_NO_PATH = "The document path provided in the update expression is invalid for update"
_KIND_NAMES = {
    "S": "STRING",
    "N": "NUMBER",
    "B": "BINARY",
    "SS": "STRING_SET",
    "NS": "NUMBER_SET",
    "BS": "BINARY_SET",
    "M": "MAP",
    "L": "LIST",
    "BOOL": "BOOLEAN",
    "NULL": "NULL",
}
_SET_KINDS = frozenset(("SS", "NS", "BS"))
# Wide enough for 9.9E125 + 1E-130: sums are exact, and number_text judges them.
_EXACT = Context(prec=300)

Evaluate = Callable[[Item, Values], Value]


class UpdatePlan(Plan, frozen=True):
    apply: Callable[[Item, Values], Item]
    targets: frozenset[str]
    """Top-level attributes that are changed, wholly or in part."""
    only_removes: bool
    """Whether it takes away and puts nothing, so that it makes no item where there is none."""
    nested_attributes: frozenset[str]
    updated: Callable[[Item], Item]
    """The changed parts of an item (old or new), for UPDATED_OLD and UPDATED_NEW."""
    clauses: tuple[Clause, ...]

    def given(self, values: Values) -> Item:
        """What top-level attributes will get whatever the item holds, where the request itself tells; of what is counted or joined
        the type alone."""
        found = {}
        for clause in self.clauses:
            if len(clause.path.parts) == 1 and clause.operand is not None:
                value = _given(clause.operand, values)
                if value is not None:
                    found[clause.path.parts[0]] = value
        return found


def update_plan(text: str, names: Mapping[str, str]) -> UpdatePlan:
    return _update_plan(text, tuple(names.items()))


@lru_cache(2048)
def _update_plan(text: str, names: tuple[tuple[str, str], ...]) -> UpdatePlan:
    parsed = parse("UpdateExpression", text)
    return compile_clauses(Scope("UpdateExpression", dict(names)), parsed.tree, parsed.repeated_section)


def compile_clauses(scope: Scope, tree: tuple[Clause, ...], repeated_section: str = "") -> UpdatePlan:
    mentioned = [inner for clause in tree for inner in (clause.path, *_operands_in(clause.operand))]
    scope.refuse_reserved([path for path in mentioned if isinstance(path, Path)])
    for clause in tree:
        for function in _functions_in(clause.operand):
            _refuse_function(scope, function, is_operand=function is not clause.operand)
    if repeated_section:
        raise scope.refuse(f'The "{repeated_section}" section can only be used once in an update expression;')
    clauses = [
        Clause(clause.section, Path(scope.bind(clause.path)), _bind(scope, clause.operand)) for clause in tree
    ]
    for placeholder in mentioned:
        if isinstance(placeholder, Placeholder):
            scope.need(placeholder)
    refuse_overlaps([clause.path.parts for clause in clauses], scope.doom)
    for clause in clauses:
        if clause.section in ("ADD", "DELETE"):
            _check_addend(scope, clause)
    for clause in clauses:
        if clause.section == "SET":
            _check_operand(scope, clause.operand)
    return assemble(scope, clauses)


def _refuse_function(scope: Scope, function: Function, *, is_operand: bool) -> None:
    """Among the operands of something else only ``if_not_exists`` may stand: scylladb/scylladb, test_update_expression_function_nesting."""
    if function.name in CONDITION_FUNCTIONS:
        raise scope.refuse(f"The function is not allowed in an update expression; function: {function.name}")
    if function.name not in UPDATE_FUNCTIONS:
        raise scope.refuse(f"Invalid function name; function: {function.name}")
    if is_operand and function.name != "if_not_exists":
        raise scope.refuse(f"The function is not allowed to be used this way in an expression; function: {function.name}")


def assemble(scope: Scope, clauses: list[Clause], wrong_kind: str = WRONG_KIND) -> UpdatePlan:
    """The plan of clauses whose paths are bound and checked already.

    ``wrong_kind`` is the complaint when what the item holds does not fit (the legacy parameters have their
    own).
    """
    targets = [clause.path.parts for clause in clauses]
    paths = targets + [
        operand.parts
        for clause in clauses
        for operand in _operands_in(clause.operand)
        if isinstance(operand, Path)
    ]
    return UpdatePlan(
        used_names=frozenset(scope.used_names),
        placeholders=frozenset(scope.placeholders),
        attributes=frozenset(parts[0] for parts in paths),
        checks=tuple(scope.checks),
        steps=tuple(scope.steps),
        apply=_compile(clauses, wrong_kind),
        targets=frozenset(parts[0] for parts in targets),
        only_removes=bool(clauses) and all(clause.section in ("REMOVE", "DELETE") for clause in clauses),
        nested_attributes=frozenset(parts[0] for parts in paths if len(parts) > 1),
        updated=projector(targets),
        clauses=tuple(clauses),
    )


def _operands_in(operand) -> list:
    if isinstance(operand, Arithmetic):
        return operands_in(operand.left) + operands_in(operand.right)
    return operands_in(operand)


def _functions_in(operand):
    if isinstance(operand, Arithmetic):
        yield from _functions_in(operand.left)
        yield from _functions_in(operand.right)
    elif isinstance(operand, Function):
        for inner in operand.operands:
            yield from _functions_in(inner)
        yield operand


def _bind(scope: Scope, operand):
    if isinstance(operand, Path):
        return Path(scope.bind(operand))
    if isinstance(operand, Arithmetic):
        return Arithmetic(operand.operator, _bind(scope, operand.left), _bind(scope, operand.right))
    if isinstance(operand, Function):
        return Function(operand.name, tuple([_bind(scope, inner) for inner in operand.operands]))
    return operand


# --- complaints ---------------------------------------------------------------------------------


def _check_addend(scope: Scope, clause: Clause) -> None:
    section, name = clause.section, clause.operand.name
    allowed = _SET_KINDS | {"N"} if section == "ADD" else _SET_KINDS

    def check(values: Values) -> None:
        kind = kind_of(values[name])
        if kind not in allowed:
            raise scope.refuse(
                "Incorrect operand type for operator or function; "
                f"operator: {section}, operand type: {_KIND_NAMES[kind]}, "
                f"typeSet: ALLOWED_FOR_{section}_OPERAND"
            )

    scope.check(check)


def _check_operand(scope: Scope, operand) -> None:
    if isinstance(operand, Arithmetic):
        for side in (operand.left, operand.right):
            _check_operand(scope, side)
        for side in (operand.left, operand.right):
            _check_kind(scope, operand.operator, side, "N")
    elif isinstance(operand, Function):
        for inner in operand.operands:
            _check_operand(scope, inner)
        if len(operand.operands) != 2:
            scope.doom(
                "Incorrect number of operands for operator or function; "
                f"operator or function: {operand.name}, number of operands: {len(operand.operands)}"
            )
        elif operand.name == "list_append":
            for inner in operand.operands:
                _check_kind(scope, "list_append", inner, "L")
        elif not isinstance(operand.operands[0], Path):
            scope.doom("Operator or function requires a document path; operator or function: if_not_exists")


def _given(operand, values: Values) -> Value | None:
    if isinstance(operand, Placeholder):
        return values[operand.name]
    if isinstance(operand, Arithmetic):
        return {"N": "0"}
    if isinstance(operand, Function) and operand.name == "list_append":
        return {"L": []}
    return None


def _check_kind(scope: Scope, name: str, operand, wanted: str) -> None:
    if isinstance(operand, Path):
        return

    def check(values: Values) -> None:
        value = _given(operand, values)
        if value is not None and wanted not in value:
            raise scope.refuse(
                "Incorrect operand type for operator or function; "
                f"operator or function: {name}, operand type: {kind_of(value)}"
            )

    scope.check(check)


# --- evaluation ---------------------------------------------------------------------------------


def _evaluator(operand, wrong_kind: str) -> Evaluate:
    if isinstance(operand, Placeholder):
        name = operand.name
        return lambda item, values: values[name]
    if isinstance(operand, Path):
        find = getter(operand.parts)

        def read(item: Item, values: Values) -> Value:
            found = find(item)
            if found is None:
                raise ValidationException(_NO_ATTRIBUTE)
            return found

        return read
    if isinstance(operand, Arithmetic):
        left, right = _evaluator(operand.left, wrong_kind), _evaluator(operand.right, wrong_kind)
        sign = 1 if operand.operator == "+" else -1
        return lambda item, values: _sum(left(item, values), right(item, values), sign, wrong_kind)
    if len(operand.operands) != 2:
        # The wrong number of operands: the plan's checks refuse it before any item is seen.
        return lambda item, values: {}
    return _function_evaluator(operand, wrong_kind)


def _function_evaluator(operand: Function, wrong_kind: str) -> Evaluate:
    first, second = (_evaluator(inner, wrong_kind) for inner in operand.operands)
    if operand.name == "list_append":

        def append(item: Item, values: Values) -> Value:
            head, tail = first(item, values), second(item, values)
            if "L" not in head or "L" not in tail:
                raise ValidationException(wrong_kind)
            return {"L": head["L"] + tail["L"]}

        return append
    if not isinstance(operand.operands[0], Path):
        return second
    find = getter(operand.operands[0].parts)

    def if_not_exists(item: Item, values: Values) -> Value:
        found = find(item)
        return second(item, values) if found is None else found

    return if_not_exists


def _sum(left: Value, right: Value, sign: int, wrong_kind: str) -> Value:
    if "N" not in left or "N" not in right:
        raise ValidationException(wrong_kind)
    a, b = left["N"], right["N"]
    if "." in a or "." in b:
        total = f"{_EXACT.add(Decimal(a), Decimal(b) if sign == 1 else -Decimal(b)):f}"
    else:
        total = str(int(a) + sign * int(b))
    try:
        return {"N": number_text(total)}
    except TooPrecise:
        # Of a sum AWS says this: scylladb/scylladb, test_update_expression_plus_imprecise.
        raise ValidationException(OVERFLOW) from None


def _added(old: Value | None, value: Value, wrong_kind: str) -> Value:
    if old is None:
        return value
    [(kind, content)] = value.items()
    if kind not in old:
        raise ValidationException(wrong_kind)
    if kind == "N":
        return _sum(old, value, 1, wrong_kind)
    if kind == "L":
        return {"L": old["L"] + content}
    return {kind: _sorted(kind, {*old[kind], *content})}


def _sorted(kind: str, members: set[str]) -> list[str]:
    return sorted(members, key={"SS": None, "NS": Decimal, "BS": b64decode}[kind])


def _deleted(old: Value, value: Value, wrong_kind: str) -> Value | None:
    [(kind, content)] = value.items()
    if kind not in old:
        raise ValidationException(wrong_kind)
    left = [member for member in old[kind] if member not in content]
    return {kind: left} if left else None


def _compile(clauses: list[Clause], wrong_kind: str) -> Callable[[Item, Values], Item]:
    sets = [
        (clause.path.parts, _evaluator(clause.operand, wrong_kind))
        for clause in clauses
        if clause.section == "SET"
    ]
    removes = [clause.path.parts for clause in clauses if clause.section == "REMOVE"]
    changes = [
        (clause.path.parts, getter(clause.path.parts), clause.operand.name, clause.section == "ADD")
        for clause in clauses
        if clause.section in ("ADD", "DELETE")
    ]
    is_flat = all(len(clause.path.parts) == 1 for clause in clauses)

    def apply(item: Item, values: Values) -> Item:
        written = [(parts, evaluate(item, values)) for parts, evaluate in sets]
        removed = list(removes)
        for parts, find, name, is_add in changes:
            old = find(item)
            if is_add:
                written.append((parts, _added(old, values[name], wrong_kind)))
            elif old is not None:
                left = _deleted(old, values[name], wrong_kind)
                if left is None:
                    removed.append(parts)
                else:
                    written.append((parts, left))
            elif len(parts) > 1:
                # Nothing to delete, but the way there must exist: removing nothing checks it.
                removed.append(parts)
        new = dict(item)
        if is_flat:
            for parts, value in written:
                new[parts[0]] = value
            for parts in removed:
                new.pop(parts[0], None)
        else:
            _write(new, written, removed)
        return new

    return apply


def _write(new: Item, written: list[tuple[Parts, Value]], removed: list[Parts]) -> None:
    """Lists and maps on the way are copied once, when first entered; ``owned`` holds the copies."""
    owned: dict[int, object] = {}
    # Elements beyond a list's end are appended in the order of their indexes.
    for parts, value in sorted(written, key=lambda pair: pair[0]):
        holder, key = _enter(new, parts, owned)
        if type(holder) is list and key >= len(holder):
            holder.append(value)
        else:
            holder[key] = value
    for parts in sorted(removed, reverse=True):
        holder, key = _enter(new, parts, owned)
        if type(holder) is dict:
            holder.pop(key, None)
        elif key < len(holder):
            del holder[key]


def _enter(new: Item, parts: Parts, owned: dict[int, object]) -> tuple[dict | list, str | int]:
    holder, key = new, parts[0]
    for part in parts[1:]:
        if type(holder) is dict:
            value = holder.get(key)
        else:
            value = holder[key] if key < len(holder) else None
        kind = "L" if type(part) is int else "M"
        members = value.get(kind) if value is not None else None
        if members is None:
            raise ValidationException(_NO_PATH)
        if id(members) not in owned:
            members = members.copy()
            owned[id(members)] = members
            holder[key] = {kind: members}
        holder, key = members, part
    return holder, key
