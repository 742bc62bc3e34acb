"""PartiQL as DynamoDB speaks it: from the text of a statement to its syntax tree.

The tree is made of the expression languages' own nodes, so that what evaluates them evaluates PartiQL. A literal becomes
a placeholder like a parameter: a statement's values are its constants and the caller's parameters in one mapping.
Grammar: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.statements.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec

from kumoniwa.kernel.errors import ValidationException
from kumoniwa.languages.dynamodb.grammar import (
    Arithmetic,
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
from kumoniwa.languages.dynamodb.value import check_value

DEPTH_MAX = 64
"""Parentheses, negations and collections within one another: ours, to keep Python's stack safe."""
CHOICES_MAX = 100
PATH_PARTS_MAX = 32

SELECT, INSERT, UPDATE, DELETE, EXISTS = "Select", "Insert", "Update", "Delete", "Exists"

_TOKEN = re.compile(
    r"""\s*(?:(?P<word>[A-Za-z_$][A-Za-z0-9_$]*)|(?P<name>"(?:[^"]|"")*")|(?P<text>'(?:[^']|'')*')"""
    r"""|(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)|(?P<sign><<|>>|<=|>=|<>|!=|\S))"""
)
_COMPARATORS = frozenset(("=", "<>", "!=", "<", "<=", ">", ">="))
_FUNCTIONS = frozenset(("begins_with", "contains", "size", "attribute_type"))
_SET_FUNCTIONS = frozenset(("list_append", "set_add", "set_delete"))
_KEYWORDS = frozenset((
    "SELECT", "FROM", "WHERE", "ORDER", "BY", "ASC", "DESC", "INSERT", "INTO", "VALUE", "UPDATE", "SET", "REMOVE", "DELETE",
    "RETURNING", "EXISTS", "AND", "OR", "NOT", "IN", "BETWEEN", "IS", "MISSING", "NULL", "TRUE", "FALSE",
))  # fmt: skip


def _malformed(why: str) -> ValidationException:
    return ValidationException(f"Statement wasn't well formed, can't be processed: {why}")


class Template(msgspec.Struct, frozen=True):
    """A list, set or map with parameters in it; it becomes a value when they are known."""

    kind: str
    members: tuple
    """Nodes, or (name, node) of a map."""


class Statement(msgspec.Struct, frozen=True, eq=False):
    kind: str
    table: str
    index: str | None = None
    projection: tuple[Path, ...] = ()
    """Empty for ``*``."""
    where: Any = None
    order: tuple[tuple[str, bool], ...] = ()
    """(attribute, whether descending)."""
    clauses: tuple[Clause, ...] = ()
    item: Placeholder | None = None
    returning: str = ""
    """As ReturnValues spells it: ALL_OLD, UPDATED_NEW, …"""
    parameters: int = 0
    constants: Mapping[str, Any] = {}
    """By placeholder: a canonical value, or a Template."""

    def values(self, parameters: list[dict] | None) -> dict[str, Any]:
        """What the placeholders stand for. Raises ValidationException if the parameters do not fit."""
        if len(parameters or ()) != self.parameters:
            raise ValidationException("Number of parameters in request and statement don't match.")
        values = {}
        for number, value in enumerate(parameters or ()):
            check_value(value)
            values[f"?{number}"] = value
        for name, constant in self.constants.items():
            if isinstance(constant, Template):
                constant = _assembled(constant, values)
                # An item is a map here, but its attributes' nesting begins with themselves.
                check_value(constant, 0 if self.item is not None and name == self.item.name else 1)
            values[name] = constant
        return values


def _assembled(node: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(node, Placeholder):
        return values[node.name]
    if not isinstance(node, Template):
        return node
    if node.kind == "M":
        return {"M": {name: _assembled(member, values) for name, member in node.members}}
    members = [_assembled(member, values) for member in node.members]
    if node.kind == "L":
        return {"L": members}
    kinds = {next(iter(member)) for member in members}
    if len(kinds) != 1 or not kinds <= {"S", "N", "B"}:
        raise ValidationException("Sets must have members of one type, which is a string, a number or binary")
    [kind] = kinds
    return {kind + "S": [member[kind] for member in members]}


@lru_cache(1024)
def _parse(text: str) -> Statement | ValidationException:
    """The statement, or what is wrong with it: a refusal is kept as well as a success."""
    try:
        return _Reader(text).whole()
    except ValidationException as refusal:
        return refusal.with_traceback(None)


def parse(text: str) -> Statement:
    """Raises ValidationException if it is none."""
    parsed = _parse(text)
    if isinstance(parsed, Statement):
        return parsed
    raise ValidationException(parsed.text)


_END = ("end", "<EOF>", 0)


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = [(f.lastgroup, f[f.lastgroup], f.start(f.lastgroup)) for f in _TOKEN.finditer(text)]
        self.tokens += [_END, _END]
        self.at = 0
        self.depth = 0
        self.parameters = 0
        self.constants: dict[str, Any] = {}

    # Tokens -------------------------------------------------------------------------------------

    @property
    def token(self) -> str:
        return self.tokens[self.at][1]

    @property
    def sort(self) -> str:
        """word, name, text, number, sign or end."""
        return self.tokens[self.at][0]

    def next(self) -> str:
        token = self.token
        self.at += 1
        return token

    def place(self) -> str:
        """line:column:length of the token, as AWS points at it."""
        _, token, start = self.tokens[self.at]
        before = self.text[:start]
        line = before.count("\n") + 1
        return f"{line}:{start - before.rfind(chr(10))}:{len(token)}"

    def unexpected(self) -> ValidationException:
        if self.sort == "end":
            return _malformed("Unexpected end of statement")
        return _malformed(f"Unexpected term at {self.place()}")

    def is_sign(self, sign: str) -> bool:
        return self.sort == "sign" and self.token == sign

    def is_word(self, *words: str) -> bool:
        return self.sort == "word" and self.token.upper() in words

    def take(self, sign: str) -> None:
        if not self.is_sign(sign):
            raise self.unexpected()
        self.next()

    def take_word(self, *words: str) -> str:
        if not self.is_word(*words):
            raise self.unexpected()
        return self.next().upper()

    def took_word(self, word: str) -> bool:
        if self.is_word(word):
            self.next()
            return True
        return False

    def separated(self, read) -> list:
        found = [read()]
        while self.is_sign(","):
            self.next()
            found.append(read())
        return found

    def within(self, read):
        self.depth += 1
        if self.depth > DEPTH_MAX:
            raise _malformed(f"Statement is nested too deeply; maximum depth: {DEPTH_MAX}")
        inside = read()
        self.depth -= 1
        return inside

    # Statements ---------------------------------------------------------------------------------

    def whole(self) -> Statement:
        if not self.is_word("SELECT", "INSERT", "UPDATE", "DELETE", "EXISTS"):
            raise _malformed("Expected data manipulation")
        kind = self.next().upper()
        read = {
            "SELECT": self.select, "INSERT": self.insert, "UPDATE": self.update, "DELETE": self.delete, "EXISTS": self.exists,
        }[kind]  # fmt: skip
        parts = read()
        if self.is_sign(";"):
            self.next()
        if self.sort != "end":
            raise self.unexpected()
        return Statement(
            **({"kind": kind.capitalize()} | parts), parameters=self.parameters, constants=self.constants
        )

    def select(self) -> dict[str, Any]:
        projection: tuple[Path, ...] = ()
        if self.is_sign("*"):
            self.next()
        else:
            projection = tuple(self.separated(self.projected))
        self.take_word("FROM")
        parts = {**self.source(), "projection": projection, "where": self.condition_after("WHERE")}
        if self.took_word("ORDER"):
            self.take_word("BY")
            parts["order"] = tuple(self.separated(self.ordering))
        return parts

    def projected(self) -> Path:
        if self.sort == "word" and self.tokens[self.at + 1][:2] == ("sign", "("):
            # https://github.com/nubo-db/dynoxide: recorded from AWS, for COUNT(*).
            raise ValidationException(f"Unexpected path component at {self.place()}")
        return self.path()

    def ordering(self) -> tuple[str, bool]:
        path = self.path()
        if len(path.parts) > 1:
            raise self.unexpected()
        return path.parts[0], self.is_word("ASC", "DESC") and self.next().upper() == "DESC"

    def insert(self) -> dict[str, Any]:
        self.take_word("INTO")
        source = self.source()
        self.take_word("VALUE")
        if not (self.is_sign("{") or self.is_sign("?")):
            raise self.unexpected()
        return {**source, "item": self.constant(self.literal())}

    def update(self) -> dict[str, Any]:
        source = self.source()
        clauses: list[Clause] = []
        while self.is_word("SET", "REMOVE"):
            clauses += self.separated(self.assigned if self.next().upper() == "SET" else self.removed)
        if not clauses:
            raise self.unexpected()
        where = self.condition_after("WHERE")
        return {**source, "clauses": tuple(clauses), "where": where, "returning": self.returning()}

    def delete(self) -> dict[str, Any]:
        self.take_word("FROM")
        parts = {**self.source(), "where": self.condition_after("WHERE"), "returning": self.returning()}
        if parts["returning"] not in ("", "ALL_OLD"):
            # https://github.com/nubo-db/dynoxide: recorded from AWS.
            shown = parts["returning"].replace("UPDATED", "MODIFIED").replace("_", " ")
            raise ValidationException(
                f"Invalid returning clause: RETURNING {shown} *. Only RETURNING ALL OLD * is allowed in DELETE statements."
            )
        return parts

    def exists(self) -> dict[str, Any]:
        self.take("(")
        self.take_word("SELECT")
        parts = self.select()
        self.take(")")
        if parts["where"] is None:
            raise self.unexpected()
        return parts

    def returning(self) -> str:
        if not self.took_word("RETURNING"):
            return ""
        which = "ALL" if self.take_word("ALL", "MODIFIED") == "ALL" else "UPDATED"
        age = self.take_word("OLD", "NEW")
        self.take("*")
        return f"{which}_{age}"

    def source(self) -> dict[str, str]:
        names = [self.name()]
        while self.is_sign("."):
            self.next()
            names.append(self.name())
        if "" in names:
            raise ValidationException("Path component cannot be an empty string")
        if len(names) > 2:
            raise ValidationException("A path may contain at most 2 components in the FROM clause")
        return {"table": names[0], "index": names[1] if len(names) == 2 else None}

    # Paths --------------------------------------------------------------------------------------

    def name(self) -> str:
        if self.sort == "name":
            return self.next()[1:-1].replace('""', '"')
        if self.sort != "word" or self.token.upper() in _KEYWORDS:
            raise self.unexpected()
        return self.next()

    def path(self) -> Path:
        parts: list[str | int] = [self.name()]
        while self.is_sign(".") or self.is_sign("["):
            if self.next() == ".":
                parts.append(self.name())
                continue
            if self.sort == "number" and self.token.isdigit() and len(self.token) < 10:
                parts.append(int(self.next()))
            elif self.sort == "text":
                parts.append(self.next()[1:-1].replace("''", "'"))
            else:
                raise self.unexpected()
            self.take("]")
        if len(parts) > PATH_PARTS_MAX:
            raise _malformed(f"The document path has too many nesting elements; nesting levels: {len(parts)}")
        return Path(tuple(parts))

    # Values -------------------------------------------------------------------------------------

    def constant(self, node: Any) -> Placeholder:
        if isinstance(node, Placeholder):
            return node
        name = f"={len(self.constants)}"
        if not isinstance(node, Template):
            check_value(node)
        self.constants[name] = node
        return Placeholder(name)

    def literal(self) -> Any:
        """A value, a placeholder of a parameter, or a template."""
        if self.sort == "text":
            return {"S": self.next()[1:-1].replace("''", "'")}
        if self.sort == "number":
            return {"N": self.next()}
        if self.sort == "word":
            word = self.take_word("TRUE", "FALSE", "NULL")
            return {"NULL": True} if word == "NULL" else {"BOOL": word == "TRUE"}
        sign = self.token if self.sort == "sign" else ""
        if sign == "?":
            self.next()
            self.parameters += 1
            return Placeholder(f"?{self.parameters - 1}")
        if sign in ("-", "+"):
            self.next()
            if self.sort != "number":
                raise self.unexpected()
            return {"N": (sign if sign == "-" else "") + self.next()}
        if sign == "[":
            return Template("L", self.enclosed(self.literal, "]"))
        if sign == "<<":
            return Template("SET", self.enclosed(self.literal, ">>"))
        if sign == "{":
            return Template("M", self.enclosed(self.member, "}"))
        raise self.unexpected()

    def member(self) -> tuple[str, Any]:
        if self.sort != "text":
            raise self.unexpected()
        name = self.next()[1:-1].replace("''", "'")
        self.take(":")
        return name, self.literal()

    def enclosed(self, read, end: str) -> tuple:
        self.next()
        if self.is_sign(end):
            self.next()
            return ()
        found = self.within(lambda: self.separated(read))
        self.take(end)
        return tuple(found)

    # Conditions ---------------------------------------------------------------------------------

    def condition_after(self, word: str) -> Any:
        return self.disjunction() if self.took_word(word) else None

    def disjunction(self) -> Any:
        return self.junction("OR", self.conjunction)

    def conjunction(self) -> Any:
        return self.junction("AND", self.negation)

    def junction(self, word: str, read) -> Any:
        parts = [self.truth(read())]
        while self.took_word(word):
            parts.append(self.truth(read()))
        return parts[0] if len(parts) == 1 else Junction(word, tuple(parts))

    def truth(self, node: Any) -> Any:
        """What stands where a condition must: not a mere value."""
        if isinstance(node, Path | Placeholder | Arithmetic) or (
            isinstance(node, Function) and node.name == "size"
        ):
            raise self.unexpected()
        return node

    def negation(self) -> Any:
        if not self.took_word("NOT"):
            return self.comparison()
        return Negation(self.truth(self.within(self.negation)))

    def comparison(self) -> Any:
        if self.is_sign("("):
            self.next()
            inside = self.within(self.disjunction)
            self.take(")")
            return inside
        left = self.operand()
        if self.sort == "sign" and self.token in _COMPARATORS:
            operator = self.next()
            return Comparison("<>" if operator == "!=" else operator, left, self.operand())
        is_negated = self.is_word("NOT") and self.took_word("NOT")
        found = self.worded(left)
        if found is None:
            if is_negated:
                raise self.unexpected()
            return left
        return Negation(found) if is_negated else found

    def worded(self, left: Any) -> Any:
        if self.took_word("BETWEEN"):
            low = self.operand()
            self.take_word("AND")
            return Between(left, low, self.operand())
        if self.took_word("IN"):
            if not (self.is_sign("[") or self.is_sign("(") or self.is_sign("<<")):
                raise self.unexpected()
            choices = self.enclosed(self.operand, {"[": "]", "(": ")", "<<": ">>"}[self.token])
            if not 0 < len(choices) <= CHOICES_MAX:
                raise ValidationException(
                    f"The IN operator is provided with too many operands; number of operands: {len(choices)}"
                    if choices
                    else "The IN operator is provided with no operands"
                )
            return Membership(left, choices)
        if self.took_word("IS"):
            is_not = self.took_word("NOT")
            if self.take_word("MISSING", "NULL") == "MISSING":
                found = Function("attribute_not_exists", (left,))
            else:
                found = Function("attribute_type", (left, self.constant({"S": "NULL"})))
            return Negation(found) if is_not else found
        return None

    def operand(self) -> Any:
        if self.sort == "word" and self.tokens[self.at + 1][:2] == ("sign", "("):
            name = self.token.lower()
            if name not in _FUNCTIONS:
                raise self.unexpected()
            self.next()
            return Function(name, self.enclosed(self.operand, ")"))
        if self.sort == "name" or (
            self.sort == "word" and self.token.upper() not in ("TRUE", "FALSE", "NULL")
        ):
            return self.path()
        return self.constant(self.literal())

    # Changes ------------------------------------------------------------------------------------

    def removed(self) -> Clause:
        return Clause("REMOVE", self.path())

    def assigned(self) -> Clause:
        path = self.path()
        self.take("=")
        operand = self.sum()
        if isinstance(operand, Function) and operand.name in ("set_add", "set_delete"):
            if (
                len(operand.operands) != 2
                or operand.operands[0] != path
                or not isinstance(operand.operands[1], Placeholder)
            ):
                raise ValidationException(
                    f"{operand.name} must be given the attribute that is set, and a set"
                )
            return Clause("ADD" if operand.name == "set_add" else "DELETE", path, operand.operands[1])
        return Clause("SET", path, operand)

    def sum(self) -> Any:
        left = self.addend()
        if not (self.is_sign("+") or self.is_sign("-")):
            return left
        return Arithmetic(self.next(), left, self.addend())

    def addend(self) -> Any:
        if self.sort == "word" and self.tokens[self.at + 1][:2] == ("sign", "("):
            name = self.token.lower()
            if name not in _SET_FUNCTIONS:
                raise self.unexpected()
            self.next()
            return Function(name, self.enclosed(lambda: self.within(self.addend), ")"))
        if self.sort == "name" or (
            self.sort == "word" and self.token.upper() not in ("TRUE", "FALSE", "NULL")
        ):
            return self.path()
        return self.constant(self.literal())
