"""Velocity, the language of mapping templates, as AWS runs it: version 1.7 with AWS's settings.

A template is read once and becomes functions. Macros are not expanded; a loop ends after a thousand turns. Each rendering
has a budget of work and text. The hosts of the language differ in a ``Dialect``: in API Gateway what has no value is the empty
string, printed and compared as such; in AppSync it is null, its reference stays as it was written, and ``#return`` ends a template.
What AWS does was learnt from https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
and from recorded renderings.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NamedTuple

from kumoniwa.languages import vtl_value as values
from kumoniwa.languages.vtl_run import (
    Break,
    Definition,
    Frame,
    Index,
    Invocation,
    Part,
    Return,
    Stop,
    Value,
    Write,
    all_of,
    key_of,
    leave,
    looped,
    named,
    operation,
    ranged,
    returned,
    stop,
)
from kumoniwa.languages.vtl_value import TemplateError

TEMPLATE_MAX = 300 << 10
"""https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html"""
DEPTH_MAX = 40


class Dialect(NamedTuple):
    """What differs between the hosts of the language."""

    nothing: Any = ""
    """What a reference without a value stands for."""
    has_return: bool = False


API_GATEWAY = Dialect()
APPSYNC = Dialect(nothing=None, has_return=True)


class Rendering(NamedTuple):
    text: str
    value: Any = None
    """What ``#return`` gave."""
    has_returned: bool = False


class Template:
    """A template that was read. Raises TemplateError if it cannot be."""

    def __init__(self, source: str, dialect: Dialect = API_GATEWAY) -> None:
        if len(source) > TEMPLATE_MAX:
            raise TemplateError("The template is too long.")
        self.dialect = dialect
        try:
            self._write = _Reader(source, 0, dialect).template()
        except RecursionError:
            raise TemplateError("The template is too deeply nested.")

    def evaluate(self, **names: Any) -> Rendering:
        """What it makes with these variables. Raises TemplateError."""
        frame = Frame(names, self.dialect.nothing)
        try:
            self._write(frame)
        except (Stop, Break):
            pass
        except Return as early:
            return Rendering("".join(frame.out), early.value, True)
        except (RecursionError, MemoryError):
            raise TemplateError("The template goes too deep.")
        return Rendering("".join(frame.out))

    def render(self, **names: Any) -> str:
        """The text it makes with these variables. Raises TemplateError."""
        return self.evaluate(**names).text


@lru_cache(maxsize=1024)
def compiled(source: str, dialect: Dialect = API_GATEWAY) -> Template:
    return Template(source, dialect)


# Reading -----------------------------------------------------------------------------------------------

_PLAIN = re.compile(r"[^$#\\]+")
_BACKSLASHES = re.compile(r"\\+")
_REFERENCE = re.compile(r"\$(?P<quiet>!?)(?P<brace>\{?)(?P<name>[A-Za-z_][A-Za-z0-9_-]*)")
_DIRECTIVE = re.compile(r"#(?:(?P<bare>[A-Za-z]+)|\{(?P<braced>[A-Za-z]+)\})")
_KNOWN = frozenset(
    ["set", "if", "elseif", "else", "end", "foreach", "break", "stop", "define", "macro", "include", "parse"]
)
_LINE_END = re.compile(r"[ \t]*(?:\r\n|\n|\r)")
_COMMENT = re.compile(r"##[^\r\n]*(?:\r\n|\n|\r)?|#\*.*?(?:\*#|\Z)|#\[\[(?P<literal>.*?)\]\]#", re.DOTALL)
_MEMBER = re.compile(r"\.([A-Za-z_][A-Za-z0-9_-]*)(\()?")
_SPACE = re.compile(r"\s*")
_NUMBER = re.compile(
    r"-?(?:\d{1,300}\.\d{1,300}(?:[eE][+-]?\d{1,3})?|\d{1,300}(?:[eE][+-]?\d{1,3})?(?!\.\d)|\.\d{1,300})"
)
_STRING = re.compile(r"'((?:[^']|'')*)'|\"((?:[^\"]|\"\")*)\"", re.DOTALL)
_WORD = re.compile(r"[A-Za-z_]\w*")
_LEVELS: tuple[tuple[dict[str, str], str], ...] = (
    ({"||": "||", "or": "||"}, r"\|\||or\b"),
    ({"&&": "&&", "and": "&&"}, r"&&|and\b"),
    ({"==": "==", "eq": "==", "!=": "!=", "ne": "!="}, r"==|!=|eq\b|ne\b"),
    (
        {"<=": "<=", "le": "<=", ">=": ">=", "ge": ">=", "<": "<", "lt": "<", ">": ">", "gt": ">"},
        r"<=|>=|<|>|le\b|ge\b|lt\b|gt\b",
    ),
    ({"+": "+", "-": "-"}, r"[+-]"),
    ({"*": "*", "/": "/", "%": "%"}, r"[*/%]"),
)
"""From the loosest to the tightest."""
_SIGNS = tuple((known, re.compile(rf"\s*({pattern})")) for known, pattern in _LEVELS)


class _Reader:
    def __init__(self, source: str, depth: int, dialect: Dialect) -> None:
        self.source, self.at, self.depth, self.dialect = source, 0, depth, dialect
        self.macros: set[str] = set()

    def fail(self, what: str) -> TemplateError:
        line = self.source.count("\n", 0, self.at) + 1
        return TemplateError(f"{what} at line {line}")

    def template(self) -> Write:
        block, end = self.block()
        if end is not None:
            raise self.fail(f"#{end} without a beginning")
        return block

    # Text ------------------------------------------------------------------------------------------

    def block(self) -> tuple[Write, str | None]:
        """Everything up to an ``#end``, ``#else`` or ``#elseif``, which is answered, too, or to the end of the template."""
        self.depth += 1
        if self.depth > DEPTH_MAX:
            raise self.fail("Too deeply nested")
        parts: list[Write] = []
        literal: list[str] = []

        def flush() -> None:
            if literal:
                text = "".join(literal)
                literal.clear()
                parts.append(lambda frame: frame.write(text))

        end = None
        while self.at < len(self.source):
            plain = _PLAIN.match(self.source, self.at)
            if plain is not None:
                literal.append(plain[0])
                self.at = plain.end()
                continue
            sign = self.source[self.at]
            if sign == "\\":
                literal.append(self.backslashes())
                continue
            part = self.reference() if sign == "$" else self.directive()
            if type(part) is str:
                literal.append(part)
            elif isinstance(part, _End):
                end = part.name
                break
            else:
                flush()
                parts.append(part)
        flush()
        self.depth -= 1
        return all_of(parts), end

    def backslashes(self) -> str:
        """Before a reference or a directive two backslashes are one, and one keeps what follows as it is."""
        found = _BACKSLASHES.match(self.source, self.at)
        self.at = found.end()
        following = _REFERENCE.match(self.source, self.at) or self.known_directive()
        if following is None:
            return found[0]
        kept = found[0][: len(found[0]) // 2]
        if len(found[0]) % 2:
            self.at = following.end()
            return kept + following[0]
        return kept

    def known_directive(self) -> re.Match[str] | None:
        found = _DIRECTIVE.match(self.source, self.at)
        name = (found["bare"] or found["braced"]) if found is not None else None
        return found if name in _KNOWN or (name == "return" and self.dialect.has_return) else None

    def reference(self) -> str | Write:
        found = _REFERENCE.match(self.source, self.at)
        if found is None:
            self.at += 1
            return "$"
        begin = self.at
        value = self.value_of_reference()
        unknown = "" if found["quiet"] else self.source[begin : self.at]

        def write(frame: Frame) -> None:
            found = value(frame)
            if found is None:
                frame.write(unknown)
            elif isinstance(found, Definition):
                frame.budget.step()
                found.block(frame)
            else:
                frame.write(values.text(found))

        return write

    # References ------------------------------------------------------------------------------------

    def value_of_reference(self) -> Value:
        found = _REFERENCE.match(self.source, self.at)
        if found is None:
            raise self.fail("A reference is wanted")
        self.at = found.end()
        value, name = named(found["name"]), found["name"]
        path = self.path()
        if found["brace"]:
            if not self.source.startswith("}", self.at):
                raise self.fail(f"${{{name} without its brace")
            self.at += 1
        for part in path:
            value = part.read(value)
        return value

    def path(self) -> list[Part]:
        """Members, methods and indices behind a name."""
        parts: list[Part] = []
        while True:
            member = _MEMBER.match(self.source, self.at)
            if member is not None:
                self.at = member.end()
                if member[2]:
                    parts.append(Invocation(member[1], self.values(")")))
                else:
                    parts.append(Index(lambda frame, name=member[1]: name, is_member=True))
            elif self.source.startswith("[", self.at):
                self.at += 1
                index = self.expression()
                self.need("]")
                parts.append(Index(index))
            else:
                return parts
            if len(parts) > 200:
                raise self.fail("Too long a reference")

    def values(self, end: str) -> list[Value]:
        """Expressions between commas up to ``end``."""
        found: list[Value] = []
        self.space()
        while not self.source.startswith(end, self.at):
            found.append(self.expression())
            self.space()
            if not self.source.startswith(end, self.at):
                self.need(",")
                self.space()
        self.at += len(end)
        return found

    # Expressions -----------------------------------------------------------------------------------

    def space(self) -> None:
        self.at = _SPACE.match(self.source, self.at).end()

    def need(self, sign: str) -> None:
        self.space()
        if not self.source.startswith(sign, self.at):
            raise self.fail(f"{sign} is wanted")
        self.at += len(sign)

    def expression(self, level: int = 0) -> Value:
        if level == len(_SIGNS):
            return self.negated()
        if level == 0:
            self.depth += 1
            if self.depth > DEPTH_MAX:
                raise self.fail("Too deeply nested")
        known, pattern = _SIGNS[level]
        left = self.expression(level + 1)
        while sign := pattern.match(self.source, self.at):
            self.at = sign.end()
            left = operation(known[sign[1]], left, self.expression(level + 1))
        if level == 0:
            self.depth -= 1
        return left

    def negated(self) -> Value:
        self.space()
        count = 0
        while sign := re.compile(r"!(?!=)\s*|not\b\s*").match(self.source, self.at):
            self.at, count = sign.end(), count + 1
        value = self.primary()
        if not count:
            return value
        wanted = count % 2 == 0
        return lambda frame: values.is_true(value(frame)) is wanted

    def primary(self) -> Value:
        source, sign = self.source, self.source[self.at : self.at + 1]
        if sign == "$":
            return self.value_of_reference()
        if sign == "(":
            self.at += 1
            value = self.expression()
            self.need(")")
            return value
        if sign == "[":
            return self.list_or_range()
        if sign == "{":
            return self.map()
        if sign in ("'", '"') and sign:
            return self.string()
        number = _NUMBER.match(source, self.at)
        if number is not None:
            self.at = number.end()
            known = float(number[0]) if re.search("[.eE]", number[0]) else int(number[0])
            return lambda frame: known
        word = _WORD.match(source, self.at)
        if word is None or word[0] not in ("true", "false", "null"):
            raise self.fail("An expression is wanted")
        self.at = word.end()
        constant = {"true": True, "false": False, "null": None}[word[0]]
        return lambda frame: constant

    def string(self) -> Value:
        found = _STRING.match(self.source, self.at)
        if found is None:
            raise self.fail("A string without end")
        self.at = found.end()
        if found[1] is not None:
            text = found[1].replace("''", "'")
            return lambda frame: text
        text = found[2].replace('""', '"')
        if "$" not in text and "#" not in text:
            return lambda frame: text
        write = _Reader(text, self.depth, self.dialect).template()

        def interpolated(frame: Frame) -> str:
            outside, frame.out = frame.out, []
            try:
                write(frame)
                return "".join(frame.out)
            finally:
                frame.out = outside

        return interpolated

    def list_or_range(self) -> Value:
        self.at += 1
        self.space()
        if self.source.startswith("]", self.at):
            self.at += 1
            return lambda frame: []
        first = self.expression()
        self.space()
        if self.source.startswith("..", self.at):
            self.at += 2
            last = self.expression()
            self.need("]")
            return ranged(first, last)
        rest: list[Value] = []
        if not self.source.startswith("]", self.at):
            self.need(",")
            rest = self.values("]")
        else:
            self.at += 1
        members = [first, *rest]
        return lambda frame: [member(frame) for member in members]

    def map(self) -> Value:
        self.at += 1
        entries: list[tuple[Value, Value]] = []
        self.space()
        while not self.source.startswith("}", self.at):
            word = _WORD.match(self.source, self.at)
            if word is not None:
                self.at = word.end()
                key: Value = lambda frame, name=word[0]: name  # noqa: E731
            else:
                key = self.primary()
            self.need(":")
            entries.append((key, self.expression()))
            self.space()
            if not self.source.startswith("}", self.at):
                self.need(",")
                self.space()
        self.at += 1
        return lambda frame: {key_of(key(frame)): value(frame) for key, value in entries}

    # Directives --------------------------------------------------------------------------------------

    def directive(self) -> str | Write | _End:
        comment = _COMMENT.match(self.source, self.at)
        if comment is not None:
            self.at = comment.end()
            return comment["literal"] or ""
        found = self.known_directive()
        if found is None:
            self.at += 1
            return "#"
        name = found["bare"] or found["braced"]
        self.at = found.end()
        if name in ("end", "else"):
            self.line_end()
            return _End(name)
        if name == "elseif":
            return _End(name)
        if name in ("stop", "break"):
            return stop if name == "stop" else leave
        if name == "return" and not self.source.startswith("(", self.at):
            return returned(lambda frame: None)
        if not re.compile(r"\s*\(").match(self.source, self.at):
            return found[0]
        self.need("(")
        return getattr(self, f"read_{name}")()

    def line_end(self) -> None:
        found = _LINE_END.match(self.source, self.at)
        if found is not None:
            self.at = found.end()

    def close(self) -> None:
        self.need(")")
        self.line_end()

    def until_end(self) -> Write:
        block, end = self.block()
        if end != "end":
            raise self.fail("#end is wanted")
        return block

    def read_set(self) -> Write:
        self.space()
        found = _REFERENCE.match(self.source, self.at)
        if found is None:
            raise self.fail("#set wants a reference")
        self.at = found.end()
        name, path = found["name"], self.path()
        if found["brace"]:
            self.need("}")
        self.need("=")
        value = self.expression()
        self.close()
        if not path:

            def assign(frame: Frame) -> None:
                frame.budget.step()
                given = value(frame)
                frame.names[name] = frame.nothing if given is None else given

            return assign
        if isinstance(path[-1], Invocation):
            raise self.fail("A method cannot be set")
        holder = named(name)
        for part in path[:-1]:
            holder = part.read(holder)
        index = path[-1].index

        def assign_inside(frame: Frame) -> None:
            frame.budget.step()
            given = value(frame)
            values.assigned(holder(frame), key_of(index(frame)), frame.nothing if given is None else given)

        return assign_inside

    def read_if(self) -> Write:
        branches: list[tuple[Value, Write]] = []
        otherwise: Write | None = None
        condition = self.expression()
        self.close()
        while True:
            block, end = self.block()
            branches.append((condition, block))
            if end == "elseif":
                self.need("(")
                condition = self.expression()
                self.close()
                continue
            if end == "else":
                otherwise = self.until_end()
            elif end is None:
                raise self.fail("#end is wanted")
            break

        def choose(frame: Frame) -> None:
            frame.budget.step()
            for holds, write in branches:
                if values.is_true(holds(frame)):
                    write(frame)
                    return
            if otherwise is not None:
                otherwise(frame)

        return choose

    def read_foreach(self) -> Write:
        self.space()
        found = _REFERENCE.match(self.source, self.at)
        if found is None:
            raise self.fail("#foreach wants a reference")
        self.at = found.end()
        if found["brace"]:
            self.need("}")
        self.space()
        if not re.compile(r"in\b").match(self.source, self.at):
            raise self.fail("in is wanted")
        self.at += 2
        items = self.expression()
        self.close()
        return looped(found["name"], items, self.until_end())

    def read_return(self) -> Write:
        value = self.expression()
        self.close()
        return returned(value)

    def read_define(self) -> Write:
        self.space()
        found = _REFERENCE.match(self.source, self.at)
        if found is None:
            raise self.fail("#define wants a reference")
        self.at = found.end()
        if found["brace"]:
            self.need("}")
        self.close()
        name, definition = found["name"], Definition(self.until_end())

        def define(frame: Frame) -> None:
            frame.names[name] = definition

        return define

    def read_macro(self) -> str:
        """Read and forgotten: AWS expands no macros and prints their calls as they stand."""
        end = self.source.find(")", self.at)
        if end < 0:
            raise self.fail(") is wanted")
        self.at = end
        self.close()
        self.until_end()
        return ""

    def read_parse(self) -> Write:
        raise self.fail("There are no other templates to include")

    read_include = read_parse


class _End:
    """A directive that ends a block."""

    def __init__(self, name: str) -> None:
        self.name = name
