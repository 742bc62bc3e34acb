"""Reads the text of a query into commands. Refusals are worded as AWS's: ``unexpected symbol found … at line … and position …``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from kumoniwa.languages.insights import regex
from kumoniwa.languages.insights.symbols import Symbols
from kumoniwa.languages.insights.syntax import (
    Accumulate,
    AddTotals,
    Anomaly,
    AppendColumns,
    Autoregress,
    Call,
    Cluster,
    Compare,
    Constant,
    Dedup,
    Display,
    Field,
    Fields,
    FillDown,
    FillMissing,
    Filter,
    FilterIndex,
    In,
    Join,
    JsonField,
    Like,
    Limit,
    Lookup,
    Malformed,
    Named,
    Not,
    Operation,
    Outlier,
    Parse,
    ParseParts,
    Period,
    Query,
    RelevantFields,
    Sessionize,
    Sort,
    Source,
    Star,
    Stats,
    Subquery,
    Unbuilt,
    Unmask,
    Unnest,
)

DEPTH_MAX = 60
LIMIT_MAX = 100_000
"""https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartQuery.html"""
COMPARISONS = ("<=", ">=", "!=", "=", "<", ">")

_NUMBER = re.compile(r"(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?")
_UNIT = re.compile(r"[A-Za-z]+")

MULTIPLIER, GAP, APPENDED_MAX = 2.5, Period(30, "m"), 10_000
BACK = {"previousday": Period(1, "d"), "previousweek": Period(1, "w"), "previousmonth": Period(1, "mo")}


def read(text: str) -> Query:
    """The commands of a query, in order. Raises Malformed or Unbuilt."""
    return _Reader(text).query()


class _Reader(Symbols):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.is_within = False
        """Whether a subquery is being read: they do not nest."""
        self.commands: dict[str, Callable[[], Any]] = {
            "fields": lambda: Fields(self.named_list()), "display": lambda: Display(self.named_list()),
            "filter": lambda: Filter(self.expression()), "where": lambda: Filter(self.expression()), "filterindex": self.filter_index,
            "stats": self.stats, "sort": self.sort, "limit": self.limit, "dedup": lambda: Dedup(self.fields()), "parse": self.parse,
            "json": self.json_field, "unnest": self.unnest, "expand": self.expand, "pattern": lambda: Cluster(self.expression()),
            "unmask": lambda: Unmask(self.fields()), "source": self.source, "diff": self.diff, "logcompare": self.compare,
            "lookup": self.lookup, "cidrlookup": self.range_lookup, "join": self.join, "appendcols": self.append_columns,
            "addtotals": self.add_totals, "accum": self.accumulate, "autoregress": self.autoregress, "filldown": self.fill_down,
            "fillmissing": self.fill_missing, "outlier": self.outlier, "sessionize": self.sessionize,
            "anomaly": Anomaly, "relevantfields": self.relevant_fields,
            "countfrequent": self.count_frequent, "count_frequent": self.count_frequent,
        }  # fmt: skip

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
        if close == ")" and (found := self.subquery()) is not None:
            return (found,)
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
        commands = self.piped()
        if self.at != len(self.text):
            raise self.refuse()
        return commands

    def piped(self) -> Query:
        commands = [self.command()]
        while self.take("|"):
            commands.append(self.command())
        self.blank()
        return tuple(commands)

    def subquery(self) -> Subquery | None:
        """What follows an opened bracket, with the closing one, if it is a query."""
        start = self.at
        if not self.word(*self.commands) or self.peek(",") or self.peek(")"):
            self.at = start
            return None
        self.at = start
        if self.is_within:
            raise Malformed("Nested subqueries are not supported", start, self.at)
        self.is_within = True
        commands = self.piped()
        self.is_within = False
        self.need(")")
        return Subquery(commands, start)

    def command(self) -> Any:
        self.blank()
        name = self.word(*self.commands)
        if not name:
            raise self.refuse()
        return self.commands[name]()

    def stats(self) -> Stats:
        start, items = self.at, self.named_list()
        by = self.named_list() if self.word("by") else ()
        return Stats(items, by, offset=self.period() if self.word("offset") else None, at=start)

    def relevant_fields(self) -> RelevantFields:
        fields = () if self.word("where") else self.fields()
        if fields:
            self.need_word("where")
        return RelevantFields(fields, self.expression())

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
            return self.parse_parts(source, mode, start)
        if (pattern := self.pattern()) is not None:
            return self.parse_pattern(source, pattern, start)
        text = self.string()
        if text is None:
            raise self.refuse()
        self.need_word("as")
        names = self.list(self.name)
        if len(names) != text.count("*"):
            raise Malformed(f"parse has {text.count('*')} wildcards and {len(names)} names", start, self.at)
        return Parse(source, regex.of_glob(text), names, start)

    def parse_pattern(self, source: Any, pattern: Any, start: int) -> Parse:
        """Names come from the groups, or after ``as``, one for each group."""
        names, count = regex.names(pattern.text, pattern.at), regex.compiled(pattern.text, pattern.at).groups
        if self.word("as"):
            given = self.list(self.name)
            if len(given) != (len(names) or count):
                raise Malformed(f"parse has {len(names) or count} groups and {len(given)} names", start, self.at)
            names = given
        if not names:
            raise Malformed("The regular expression of parse has no named groups", pattern.at, self.at)
        return Parse(source, regex.translated(pattern.text), names, start, bool(self.word("multi")))

    def parse_parts(self, source: Any, mode: str, start: int) -> ParseParts:
        if mode in ("xml", "json"):
            raise Unbuilt(f"parse with {mode} in Logs Insights")
        self.need_word("as")
        names = self.list(self.name) if mode == "csv" else (self.name(),)
        return ParseParts(source, names, mode == "logfmt", start)

    def json_field(self) -> JsonField:
        start = self.at
        source = self.field() if self.option("field") else Field(("@message",))
        path = tuple(self.text_or_refuse().split("."))
        self.need_word("as")
        return JsonField(source, path, self.name(), start)

    def unnest(self) -> Unnest:
        source = self.field()
        self.need_word("into")
        return Unnest(source, self.name())

    def expand(self) -> Unnest:
        source = self.field()
        return Unnest(source, source.name, True)

    def filter_index(self) -> FilterIndex:
        self.blank()
        start, condition = self.at, self.expression()
        is_equal = isinstance(condition, Operation) and condition.sign == "=" and isinstance(condition.right, Constant)
        if not (is_equal or isinstance(condition, In)) or not isinstance(condition.left, Field):
            raise Malformed("filterIndex takes field = value or field in [values]", start, self.at)
        return FilterIndex(condition, condition.left)

    # Of two times, of two sources ---------------------------------------------------------------------------------

    def diff(self) -> Compare:
        return Compare(BACK.get(self.word(*BACK)))

    def compare(self) -> Compare:
        self.need_word("timeshift")
        return Compare(self.period())

    def lookup(self) -> Lookup:
        start, table = self.at, self.name()

        def key() -> tuple[str, Field]:
            column = self.field()
            return column.name, self.field() if self.word("as") else column

        return self.with_outputs(table, self.list(key), False, start)

    def range_lookup(self) -> Lookup:
        start, table, field = self.at, self.name(), self.field()
        return self.with_outputs(table, ((self.name() if self.word("as") else "", field),), True, start)

    def with_outputs(self, table: str, keys: tuple[tuple[str, Field], ...], is_range: bool, start: int) -> Lookup:
        fills_only = self.need_word("output", "outputnew") == "outputnew"

        def output() -> tuple[str, str]:
            column = self.name()
            return column, self.name() if self.word("as") else column

        return Lookup(table, keys, self.list(output), fills_only, is_range, start)

    def join(self) -> Join:
        start = self.at
        options = {"type": "inner"}
        while name := self.option("type", "left", "right"):
            options[name] = self.name()
        left, right = options.get("left"), options.get("right")
        if left is None or right is None or left == right or options["type"] not in ("inner", "left"):
            raise Malformed("join takes type=inner or type=left, and two aliases, left= and right=", start, self.at)
        self.need_word("where")
        sides = {}
        for sign in ("=", ""):
            side = self.field()
            sides[side.path[0]] = Field(side.path[1:], side.at)
            if sign:
                self.need(sign)
        if set(sides) != {left, right} or not all(side.path for side in sides.values()):
            raise Malformed(f"join takes one condition, {left}.field = {right}.field", start, self.at)
        self.need("(")
        self.need_word("source")
        source = self.source()
        self.need(")")
        return Join(options["type"] == "left", left, right, sides[left], sides[right].name, source, start)

    def append_columns(self) -> AppendColumns:
        start, overrides, most = self.at, False, APPENDED_MAX
        while name := self.option("override", "max"):
            if name == "override":
                overrides = self.yes_or_no()
            elif not 1 <= (most := self.whole()) <= LIMIT_MAX:
                raise self.refuse()
        self.need("(")
        if (found := self.subquery()) is None:
            raise self.refuse()
        return AppendColumns(found.query, overrides, most, start)

    # Over rows in their order -------------------------------------------------------------------------------------

    def add_totals(self) -> AddTotals:
        name, kinds = "Total", {"row": True, "col": False}
        while option := self.option("fieldname", "row", "col"):
            if option == "fieldname":
                name = self.string() or self.name()
            else:
                kinds[option] = self.yes_or_no()
        return AddTotals(self.loose_fields(), name, kinds["row"], kinds["col"])

    def accumulate(self) -> Accumulate:
        field = self.field()
        return Accumulate(field, self.name() if self.word("as") else field.name)

    def autoregress(self) -> Autoregress:
        field = self.field()
        alias = self.name() if self.word("as") else None
        first = last = 1
        is_range = False
        if self.option("p"):
            first = last = self.whole()
            if is_range := bool(self.take("-")):
                last = self.whole()
        if not 1 <= first <= last <= LIMIT_MAX:
            raise self.refuse()
        if alias is not None and not is_range:
            return Autoregress(field, ((alias, first),))
        return Autoregress(field, tuple((f"{alias or field.name}_p{lag}", lag) for lag in range(first, last + 1)))

    def fill_down(self) -> FillDown:
        patterns = []
        while (found := self.wildcard()) is not None:
            patterns.append(found)
            self.take(",")
        return FillDown(tuple(patterns))

    def fill_missing(self) -> FillMissing:
        def value() -> tuple[str, Any]:
            found = self.operand()
            if not isinstance(found, Constant):
                raise self.refuse()
            self.need_word("for")
            return self.name(), found.value

        return FillMissing(self.list(value) if self.word("with") else (), self.at)

    def outlier(self) -> Outlier:
        removes, factor, has_lower, marks = False, MULTIPLIER, False, False
        while option := self.option("action", "param", "uselower", "mark"):
            if option == "action":
                removes = self.need_word("remove", "transform") == "remove"
            elif option == "param":
                found = self.operand()
                if not isinstance(found, Constant) or isinstance(found.value, str):
                    raise self.refuse()
                factor = float(found.value)
            elif option == "uselower":
                has_lower = self.yes_or_no()
            else:
                marks = self.yes_or_no()
        if not (fields := self.loose_fields()):
            raise self.refuse()
        return Outlier(fields, removes, factor, has_lower, marks)

    def sessionize(self) -> Sessionize:
        start, fields = self.at, self.fields()
        gap = self.period() if self.word("maxspan") else GAP
        return Sessionize(fields, gap, self.name() if self.word("as") else "session_id", start)

    def count_frequent(self) -> Any:
        """Exactly counted, which is within any approximation."""
        count = Named(Call("count", (Star(),)), "_approxcount", True)
        return Stats((count,), tuple(Named(each, each.name, False) for each in self.fields()), True)

    # Sources ------------------------------------------------------------------------------------------------------

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
