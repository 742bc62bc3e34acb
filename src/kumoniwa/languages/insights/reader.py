"""Reads the text of a query into commands. Refusals are worded as AWS's: ``unexpected symbol found … at line … and position …``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from kumoniwa.languages.insights import regex
from kumoniwa.languages.insights.syntax import (
    Call,
    Cluster,
    Constant,
    Dedup,
    Display,
    Field,
    Fields,
    Filter,
    In,
    Like,
    Limit,
    Malformed,
    Named,
    Not,
    Operation,
    Parse,
    Pattern,
    Period,
    Query,
    Sort,
    Source,
    Star,
    Stats,
    Unbuilt,
    Unmask,
    Unnest,
)

DEPTH_MAX = 60
LIMIT_MAX = 100_000
"""https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartQuery.html"""
COMPARISONS = ("<=", ">=", "!=", "=", "<", ">")

_BLANK = re.compile(r"(?:\s+|#[^\n]*)*")
_WORD = re.compile(r"[@$A-Za-z_][\w@$]*")
_STEP = re.compile(r"\.(?:`([^`]+)`|([\w@$]+))|\[(\d+)\]")
_NUMBER = re.compile(r"(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?")
_UNIT = re.compile(r"[A-Za-z]+")
_STRING = re.compile(r'"((?:\\.|[^"\\])*)"|\'((?:\\.|[^\'\\])*)\'', re.DOTALL)
_PATTERN = re.compile(r"/((?:\\.|[^/\\])+)/", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_SYMBOL = re.compile(r"\w+|<=|>=|!=|=~|.", re.DOTALL)

UNBUILT = frozenset({
    "anomaly", "diff", "filterindex", "lookup", "join", "addtotals", "relevantfields", "search", "head", "tail", "order",
})  # fmt: skip
"""Commands of the language that are refused by name."""


def read(text: str) -> Query:
    """The commands of a query, in order. Raises Malformed or Unbuilt."""
    return _Reader(text).query()


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.at, self.depth = text, 0, 0
        self.commands: dict[str, Callable[[], Any]] = {
            "fields": lambda: Fields(self.named_list()), "display": lambda: Display(self.named_list()),
            "filter": lambda: Filter(self.expression()), "stats": self.stats, "sort": self.sort, "limit": self.limit,
            "dedup": lambda: Dedup(self.fields()), "parse": self.parse, "unnest": self.unnest, "expand": self.expand,
            "pattern": lambda: Cluster(self.expression()), "unmask": lambda: Unmask(self.fields()), "source": self.source,
        }  # fmt: skip

    # Symbols ----------------------------------------------------------------------------------------------------

    def blank(self) -> None:
        self.at = _BLANK.match(self.text, self.at).end()  # type: ignore[union-attr]

    def refuse(self, at: int | None = None) -> Malformed:
        self.blank()
        start = self.at if at is None else at
        symbol = _SYMBOL.match(self.text, start)
        shown = symbol[0] if symbol else "<EOF>"
        line, position = self.text.count("\n", 0, start) + 1, start - self.text.rfind("\n", 0, start) - 1
        return Malformed(f"unexpected symbol found {shown} at line {line} and position {position}", start, start + len(shown) if symbol else start)

    def peek(self, sign: str) -> bool:
        self.blank()
        return self.text.startswith(sign, self.at)

    def take(self, *signs: str) -> str:
        """The first of these signs that is next, taken; empty if none is."""
        self.blank()
        for sign in signs:
            if self.text.startswith(sign, self.at):
                self.at += len(sign)
                return sign
        return ""

    def need(self, sign: str) -> None:
        if not self.take(sign):
            raise self.refuse()

    def word(self, *words: str) -> str:
        """The next word if it is one of these, in lower case, taken; empty if it is not."""
        self.blank()
        found = _WORD.match(self.text, self.at)
        if found and (lowered := found[0].lower()) in words:
            self.at = found.end()
            return lowered
        return ""

    def need_word(self, *words: str) -> str:
        found = self.word(*words)
        if not found:
            raise self.refuse()
        return found

    def string(self) -> str | None:
        self.blank()
        found = _STRING.match(self.text, self.at)
        if found is None:
            return None
        self.at = found.end()
        held = found[1] if found[1] is not None else found[2]
        return _ESCAPE.sub(lambda escape: _ESCAPES.get(escape[1], escape[1] if escape[1] in "\"'\\" else escape[0]), held)

    def pattern(self) -> Pattern | None:
        self.blank()
        found = _PATTERN.match(self.text, self.at)
        if found is None:
            return None
        start, self.at = self.at, found.end()
        return Pattern(found[1], start)

    def whole(self) -> int:
        self.blank()
        found = re.compile(r"\d+(?![\w.])").match(self.text, self.at)
        if found is None or len(found[0]) > 12:
            raise self.refuse()
        self.at = found.end()
        return int(found[0])

    def name(self) -> str:
        """What an ``as`` gives: one name, which may have dots."""
        return self.field().name

    def field(self) -> Field:
        self.blank()
        start = self.at
        if self.text.startswith("`", start):
            end = self.text.find("`", start + 1)
            if end <= start + 1:
                raise self.refuse()
            path: list[str | int] = [self.text[start + 1 : end]]
            self.at = end + 1
        else:
            found = _WORD.match(self.text, start)
            if found is None:
                raise self.refuse()
            path, self.at = [found[0]], found.end()
        while step := _STEP.match(self.text, self.at):
            path.append(int(step[3]) if step[3] is not None else step[1] or step[2])
            self.at = step.end()
        return Field(tuple(path), start)

    def fields(self) -> tuple[Field, ...]:
        return self.list(self.field)

    def list(self, one: Callable[[], Any]) -> tuple[Any, ...]:
        found = [one()]
        while self.take(","):
            found.append(one())
        return tuple(found)

    # Expressions ------------------------------------------------------------------------------------------------

    def expression(self) -> Any:
        self.depth += 1
        if self.depth > DEPTH_MAX:
            raise self.refuse()
        left = self.conjunction()
        while self.word("or"):
            left = Operation("or", left, self.conjunction())
        self.depth -= 1
        return left

    def conjunction(self) -> Any:
        left = self.negation()
        while self.word("and"):
            left = Operation("and", left, self.negation())
        return left

    def negation(self) -> Any:
        turns = 0
        while self.word("not") or (not self.peek("!=") and self.take("!")):
            turns += 1
        found = self.comparison()
        return Not(found) if turns % 2 else found

    def comparison(self) -> Any:
        left = self.sum()
        while True:
            if self.take("=~"):
                left = Like(left, self.likened())
            elif sign := self.take(*COMPARISONS):
                left = Operation(sign, left, self.sum())
            elif self.word("like"):
                left = Like(left, self.likened())
            elif self.word("in"):
                left = In(left, self.options())
            elif self.word("not"):
                left = Not(Like(left, self.likened()) if self.need_word("like", "in") == "like" else In(left, self.options()))
            else:
                return left

    def likened(self) -> Any:
        return self.pattern() or self.sum()

    def options(self) -> tuple[Any, ...]:
        close = {"[": "]", "(": ")"}.get(self.take("[", "("))
        if close is None:
            return (self.field(),)
        if close == ")" and self.word("source"):
            raise Unbuilt("subqueries")
        options = () if self.peek(close) else self.list(self.sum)
        self.need(close)
        return options

    def sum(self) -> Any:
        left = self.product()
        while sign := self.take("+", "-"):
            left = Operation(sign, left, self.product())
        return left

    def product(self) -> Any:
        left = self.power()
        while sign := self.take("*", "/", "%"):
            left = Operation(sign, left, self.power())
        return left

    def power(self) -> Any:
        left = self.unary()
        if self.take("^"):
            self.depth += 1
            if self.depth > DEPTH_MAX:
                raise self.refuse()
            left = Operation("^", left, self.power())
            self.depth -= 1
        return left

    def unary(self) -> Any:
        turns = 0
        while self.take("-"):
            turns += 1
        found = self.operand()
        return Operation("-", Constant(0), found) if turns % 2 else found

    def operand(self) -> Any:
        if self.take("("):
            inner = self.expression()
            self.need(")")
            return inner
        if (text := self.string()) is not None:
            return Constant(text)
        if self.peek("/"):
            found = self.pattern()
            if found is None:
                raise self.refuse()
            return found
        number = _NUMBER.match(self.text, self.at)
        if number is not None:
            return self.number(number)
        start = self.at
        if self.word("true", "false") and not self.peek("("):
            return Constant(int(self.text[start].lower() == "t"))
        self.at = start
        found = self.field()
        if not self.take("("):
            return found
        if len(found.path) > 1:
            raise self.refuse(start)
        return self.call(str(found.path[0]).lower(), start)

    def number(self, number: re.Match[str]) -> Any:
        self.at = number.end()
        unit = _UNIT.match(self.text, self.at)
        if unit is not None:
            if not number[0].isdigit():
                raise self.refuse()
            self.at = unit.end()
            return Period(int(number[0]), unit[0].lower())
        return Constant(int(number[0]) if number[0].isdigit() else float(number[0]))

    def call(self, name: str, start: int) -> Call:
        if self.take(")"):
            return Call(name, (), start)
        if self.peek("*"):
            self.take("*")
            arguments: tuple[Any, ...] = (Star(),)
        else:
            arguments = self.list(self.expression)
        self.need(")")
        return Call(name, arguments, start)

    def named(self) -> Named:
        self.blank()
        start = self.at
        expression = self.expression()
        written = " ".join(self.text[start : self.at].split())
        if isinstance(expression, Field):
            written = expression.name
        if self.word("as"):
            return Named(expression, self.name(), True, start)
        return Named(expression, written, False, start)

    def named_list(self) -> tuple[Named, ...]:
        return self.list(self.named)

    # Commands ---------------------------------------------------------------------------------------------------

    def query(self) -> Query:
        commands: list[Any] = []
        self.blank()
        if self.at == len(self.text):
            raise self.refuse()
        while True:
            commands.append(self.command())
            self.blank()
            if self.at == len(self.text):
                return tuple(commands)
            self.need("|")

    def command(self) -> Any:
        self.blank()
        if (name := self.word(*UNBUILT)) and self.text[self.at : self.at + 1] != "(":
            raise Unbuilt(f"the command {name} of Logs Insights")
        name = self.word(*self.commands)
        if not name:
            raise self.refuse()
        return self.commands[name]()

    def stats(self) -> Stats:
        items = self.named_list()
        by = self.named_list() if self.word("by") else ()
        if self.word("offset"):
            raise Unbuilt("the offset of bins in Logs Insights")
        return Stats(items, by)

    def sort(self) -> Sort:
        def key() -> tuple[Any, bool]:
            return self.sum(), self.word("asc", "desc") == "desc"

        return Sort(self.list(key))

    def limit(self) -> Limit:
        is_any = bool(self.word("any"))
        self.blank()
        start = self.at
        count = self.whole()
        if not 1 <= count <= LIMIT_MAX:
            raise self.refuse(start)
        return Limit(count, is_any)

    def parse(self) -> Parse:
        self.blank()
        start, source = self.at, Field(("@message",))
        if not (self.text[self.at : self.at + 1] in "\"'/" and self.at < len(self.text)):
            source = self.operand()
        if mode := self.word("logfmt", "csv", "xml", "json"):
            raise Unbuilt(f"parse with {mode} in Logs Insights")
        if (pattern := self.pattern()) is not None:
            if self.word("multi"):
                raise Unbuilt("parse with multi in Logs Insights")
            names = regex.names(pattern.text, pattern.at)
            if not names:
                raise Malformed("The regular expression of parse has no named groups", pattern.at, self.at)
            return Parse(source, regex.translated(pattern.text), names, start)
        text = self.string()
        if text is None:
            raise self.refuse()
        self.need_word("as")
        names = self.list(self.name)
        if len(names) != text.count("*"):
            raise Malformed(f"parse has {text.count('*')} wildcards and {len(names)} names", start, self.at)
        return Parse(source, regex.of_glob(text), names, start)

    def unnest(self) -> Unnest:
        source = self.field()
        self.need_word("into")
        return Unnest(source, self.name())

    def expand(self) -> Unnest:
        raise Unbuilt("the command expand of Logs Insights: unnest is the one that is documented")

    def source(self) -> Source:
        self.blank()
        if (name := self.string()) is not None:
            names = [name]
            while self.take(","):
                names.append(self.string() or "")
            return Source(tuple(names), None)
        if self.word("datasource"):
            raise Unbuilt("data sources of Logs Insights")
        self.need_word("loggroups")
        self.need("(")
        asked: dict[str, tuple[str, ...]] = {}
        while not self.peek(")"):
            key = self.need_word("nameprefix", "accountidentifier", "accountidentifiers", "class", "loggroupclass", "tags")
            self.need(":")
            if key == "tags":
                raise Unbuilt("log groups of Logs Insights by tag")
            self.need("[")
            asked[key] = self.list(self.text_or_refuse)
            self.need("]")
            self.take(",")
        self.need(")")
        accounts = asked.get("accountidentifier", asked.get("accountidentifiers", ()))
        return Source((), asked.get("nameprefix", ("",)), accounts, asked.get("class", asked.get("loggroupclass", ())))

    def text_or_refuse(self) -> str:
        found = self.string()
        if found is None:
            raise self.refuse()
        return found
