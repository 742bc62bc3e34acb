"""DynamoDB's expression grammar: from text to a small syntax tree.

The tree knows nothing of names and values, so one parse serves every request with the same text. Two things
that AWS refuses are found here: syntax, and (in conditions) redundant parentheses. AWS reports a syntax
error wherever it stands before anything else, so the parser remembers the parentheses and ``condition``
reports them. Limits: "Expression parameters", quotas page of the developer guide.
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

from kumoniwa.kernel.errors import ValidationException

TEXT_BYTES_MAX = 4096
OPERATORS_MAX = 300
CHOICES_MAX = 100
PATH_PARTS_MAX = 32
DEPTH_MAX = 64
"""Parentheses within one another. AWS's limit is the 300 operators alone; ours keeps Python's stack safe."""

# A name that starts with a digit is one token, so that the error shows all of it, as AWS's does; an underscore that starts one is
# a token of its own, and no name: scylladb/scylladb, test_update_expression_name_token.
_TOKEN = re.compile(r"\s*([#:][A-Za-z0-9_]+|[A-Za-z0-9][A-Za-z0-9_]*|<>|<=|>=|\S)")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_COMPARATORS = frozenset(("=", "<>", "<", "<=", ">", ">="))
END = "<EOF>"


class Path(msgspec.Struct, frozen=True):
    """A document path: ``a.#b[1]`` is ``("a", "#b", 1)``."""

    parts: tuple[str | int, ...]


class Placeholder(msgspec.Struct, frozen=True):
    """``:v``."""

    name: str


class Function(msgspec.Struct, frozen=True):
    name: str
    operands: tuple


class Comparison(msgspec.Struct, frozen=True):
    operator: str
    left: Operand
    right: Operand


class Between(msgspec.Struct, frozen=True):
    operand: Operand
    low: Operand
    high: Operand


class Membership(msgspec.Struct, frozen=True):
    operand: Operand
    choices: tuple


class Junction(msgspec.Struct, frozen=True):
    """AND or OR over two or more conditions."""

    operator: str
    conditions: tuple


class Negation(msgspec.Struct, frozen=True):
    condition: object


class Arithmetic(msgspec.Struct, frozen=True):
    operator: str
    left: Operand
    right: Operand


class Clause(msgspec.Struct, frozen=True):
    """One action of an update expression: ``SET path = operand``, ``REMOVE path``, ``ADD``/``DELETE path
    operand``.
    """

    section: str
    path: Path
    operand: object = None


Operand = Path | Placeholder | Function
Condition = Comparison | Between | Membership | Junction | Negation | Function


class Parsed(msgspec.Struct, frozen=True):
    """``tree`` is a condition, a tuple of clauses or a tuple of paths."""

    tree: object
    has_redundant_parentheses: bool = False
    repeated_section: str = ""


_CONDITION_WORDS = frozenset(("AND", "OR", "NOT", "BETWEEN", "IN"))
_SECTIONS = ("SET", "REMOVE", "ADD", "DELETE")
_KEYWORDS = {"UpdateExpression": frozenset(_SECTIONS), "ProjectionExpression": frozenset()}


class _Reader:
    """Tokens with one of look-ahead, and the three grammars over them."""

    def __init__(self, kind: str, text: str) -> None:
        self.kind = kind
        self.text = text
        self.spans = [found.span(1) for found in _TOKEN.finditer(text)]
        self.tokens = [text[start:end] for start, end in self.spans] + [END, END]
        self.at = 0
        self.token = self.tokens[0]
        self.keywords = _KEYWORDS.get(kind, _CONDITION_WORDS)
        self.operators = 0
        self.depth = 0
        self.last_group = (-1, -1)
        self.has_redundant_parentheses = False

    def refuse(self, why: str) -> ValidationException:
        return ValidationException(f"Invalid {self.kind}: {why}")

    def unexpected(self) -> ValidationException:
        """AWS shows the token it stumbled over, with one neighbour on each side."""
        first, last = max(self.at - 1, 0), min(self.at + 1, len(self.spans) - 1)
        near = self.text[self.spans[first][0] : self.spans[last][1]] if self.spans else ""
        return self.refuse(f'Syntax error; token: "{self.token}", near: "{near}"')

    def next(self) -> str:
        token = self.token
        self.at += 1
        self.token = self.tokens[self.at]
        return token

    def take(self, token: str) -> None:
        if self.token != token:
            raise self.unexpected()
        self.next()

    def is_word(self, word: str) -> bool:
        return self.token.upper() == word

    def count_operator(self) -> None:
        self.operators += 1
        if self.operators > OPERATORS_MAX:
            raise self.refuse(
                f"The expression contains too many operators; operator count: {self.operators}"
            )

    def separated(self, read) -> list:
        found = [read()]
        while self.token == ",":
            self.next()
            found.append(read())
        return found

    def path(self) -> Path:
        parts: list[str | int] = [self.path_name()]
        while True:
            if self.token == ".":
                self.next()
                parts.append(self.path_name())
            elif self.token == "[":
                self.next()
                parts.append(self.index())
                self.take("]")
            elif len(parts) > PATH_PARTS_MAX:
                raise self.refuse(
                    f"The document path has too many nesting elements; nesting levels: {len(parts)}"
                )
            else:
                return Path(tuple(parts))

    def path_name(self) -> str:
        token = self.token
        is_placeholder = token[0] == "#" and len(token) > 1
        if not is_placeholder and (not _NAME.fullmatch(token) or token.upper() in self.keywords):
            raise self.unexpected()
        return self.next()

    def index(self) -> int:
        token = self.token
        if not (token.isascii() and token.isdigit()):
            raise self.unexpected()
        self.next()
        if len(token) > 10 or int(token) > 2**31 - 1:
            raise self.refuse(f"List index is not within the allowable range; index: [{token}]")
        return int(token)

    def enclosed(self, read):
        self.depth += 1
        if self.depth > DEPTH_MAX:
            raise self.refuse(f"The expression is nested too deeply; maximum depth: {DEPTH_MAX}")
        self.take("(")
        inside = read()
        self.take(")")
        self.depth -= 1
        return inside

    def group(self, read):
        """An operand or condition in parentheses. A pair around nothing but another pair is redundant."""
        start = self.at
        inside = self.enclosed(read)
        if self.last_group == (start + 1, self.at - 1):
            self.has_redundant_parentheses = True
        self.last_group = (start, self.at)
        return inside

    def operand(self) -> Operand:
        token = self.token
        if token == "(":
            return self.group(self.operand)
        if token[0] == ":" and len(token) > 1:
            return Placeholder(self.next())
        if self.tokens[self.at + 1] == "(" and _NAME.fullmatch(token) and token.upper() not in self.keywords:
            self.count_operator()
            name = self.next()
            return Function(name, self.enclosed(lambda: tuple(self.separated(self.operand))))
        return self.path()


class _ConditionReader(_Reader):
    """Conditions. A parenthesis may open an operand or a condition; what stands inside tells which."""

    def whole(self) -> Parsed:
        tree = self.junction_of_any()
        if self.token != END or isinstance(tree, Path | Placeholder):
            raise self.unexpected()
        return Parsed(tree, self.has_redundant_parentheses)

    def junction_of_any(self):
        return self.junction("OR", self.junction_of_all)

    def junction_of_all(self):
        return self.junction("AND", self.negation)

    def junction(self, word: str, read):
        parts = [read()]
        while self.is_word(word):
            if isinstance(parts[-1], Path | Placeholder):
                raise self.unexpected()
            self.count_operator()
            self.next()
            parts.append(read())
        if len(parts) == 1:
            return parts[0]
        if isinstance(parts[-1], Path | Placeholder):
            raise self.unexpected()
        return Junction(word, tuple(parts))

    def negation(self):
        times = 0
        while self.is_word("NOT"):
            self.count_operator()
            self.next()
            times += 1
        condition = self.comparison()
        if times and isinstance(condition, Path | Placeholder):
            raise self.unexpected()
        if times:
            condition = Negation(condition)
        # An even number of NOTs needs two nodes, not two hundred.
        return Negation(condition) if times and times % 2 == 0 else condition

    def comparison(self):
        left = self.group(self.junction_of_any) if self.token == "(" else self.operand()
        if not isinstance(left, Path | Placeholder | Function):
            return left
        if self.token in _COMPARATORS:
            self.count_operator()
            return Comparison(self.next(), left, self.operand())
        if self.is_word("BETWEEN"):
            self.count_operator()
            self.next()
            low = self.operand()
            if not self.is_word("AND"):
                raise self.unexpected()
            self.next()
            return Between(left, low, self.operand())
        if self.is_word("IN"):
            self.count_operator()
            self.next()
            choices = self.enclosed(lambda: self.separated(self.operand))
            if len(choices) > CHOICES_MAX:
                raise self.refuse(
                    f"The IN operator is provided with too many operands; number of operands: {len(choices)}"
                )
            return Membership(left, tuple(choices))
        return left


class _UpdateReader(_Reader):
    def whole(self) -> Parsed:
        clauses: list[Clause] = []
        seen: set[str] = set()
        repeated = ""
        while self.token != END or not clauses:
            section = self.token.upper()
            if section not in _SECTIONS:
                raise self.unexpected()
            self.next()
            if section in seen:
                repeated = repeated or section
            seen.add(section)
            clauses += self.separated(lambda section=section: self.clause(section))
        return Parsed(tuple(clauses), repeated_section=repeated)

    def clause(self, section: str) -> Clause:
        path = self.path()
        if section == "REMOVE":
            return Clause(section, path)
        if section == "SET":
            self.take("=")
            return Clause(section, path, self.set_operand())
        if self.token[0] != ":" or len(self.token) == 1:
            raise self.unexpected()
        return Clause(section, path, Placeholder(self.next()))

    def set_operand(self):
        left = self.group(self.set_operand) if self.token == "(" else self.operand()
        if isinstance(left, Arithmetic) or self.token not in ("+", "-"):
            return left
        self.count_operator()
        return Arithmetic(self.next(), left, self.operand())


class _ProjectionReader(_Reader):
    def whole(self) -> Parsed:
        paths = tuple(self.separated(self.path))
        if self.token != END:
            raise self.unexpected()
        return Parsed(paths)


_READERS = {"UpdateExpression": _UpdateReader, "ProjectionExpression": _ProjectionReader}


@lru_cache(1024)
def parse(kind: str, text: str) -> Parsed:
    """``kind`` is the parameter's name as AWS's messages show it: ``ConditionExpression``,
    ``UpdateExpression``, …
    """
    if not text or text.isspace():
        raise ValidationException(f"Invalid {kind}: The expression can not be empty;")
    if len(text) > TEXT_BYTES_MAX or len(text.encode("utf-8", "replace")) > TEXT_BYTES_MAX:
        size = len(text.encode("utf-8", "replace"))
        raise ValidationException(
            f"Invalid {kind}: Expression size has exceeded the maximum allowed size; expression size: {size}"
        )
    return _READERS.get(kind, _ConditionReader)(kind, text).whole()
