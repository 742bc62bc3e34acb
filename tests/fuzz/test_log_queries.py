"""Logs Insights under queries nobody would write: each is refused as AWS refuses, or runs and answers texts."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kumoniwa.languages.insights import function, plan, reader
from kumoniwa.languages.insights.aggregate import AGGREGATES
from kumoniwa.languages.insights.aside import Failed
from kumoniwa.languages.insights.expression import Place
from kumoniwa.languages.insights.setting import Setting, Table
from kumoniwa.languages.insights.syntax import Malformed, Unbuilt

PLACES = {1: Place("0:g", "s", False), 2: Place("0:g", "2026/01/01/[1]0123456789abcdef0123456789abcdef", True)}
TABLES = {"users": Table(("a", "name"), "a,name\n1,one\n12,twelve\n")}
MESSAGES = [
    '{"a": 1, "b": {"c": [1, {"d": "x"}]}, "e": true, "f": null}', '{"a": "12", "b": "text", "@g": 0.5}', '{"a": [1, 2]}', "{", "plain 10.0.0.1", "",
    "START RequestId: 8f5a5c1e-5c6b-4d43-8b2f-1e2d3c4b5a69", 'INFO {"a": -3}', "2026-01-01 ERROR ünï\tcode", '{"a": 1e400, "b": 99999999999999999999}',
]  # fmt: skip
NAMES = ["a", "b", "b.c", "b.c.1.d", "e", "@message", "@timestamp", "@logStream", "@log", "@ptr", "@type", "@@g", "`b c`", "j", "j.a", "j[0]", "x"]
COMMANDS = ["fields", "display", "filter", "stats", "sort", "limit", "dedup", "parse", "unnest", "pattern", "unmask", "SOURCE", "anomaly", "relevantfields", "relevantfields where", "diff", "where", "filterIndex", "logcompare timeshift", "lookup users", "cidrlookup users", "join left=l right=r where", "appendcols (", "addtotals", "accum",
            "autoregress", "filldown", "fillmissing", "outlier", "sessionize", "countFrequent", "json field=", "expand"]
WORDS = ["as", "by", "asc", "desc", "and", "or", "not", "like", "in", "into", "any", "any", "true", "with", "for", "OUTPUT", "OUTPUTNEW", "multi", "logfmt", "csv", "maxspan", "(SOURCE 'g')", "col=true", "mark=true", "p=2", "offset 1h"]
SIGNS = list("()[],|+-*/%^=<>!.'\"`#\\{}:;?") + ["!=", "<=", ">=", "=~", "/a.*/", "/(?<x>\\w+)/", "/(/", "'*'", "'a*b'", "5", "0", "1.5", "5m", "1mo", "99999999999999", "  ", "\n"]
CALLS = sorted([*function.FUNCTIONS, *AGGREGATES, "bin", "datefloor", "coalesce", "if", "case", "now"])

pieces = st.sampled_from(NAMES + COMMANDS + WORDS + SIGNS + [f"{name}(" for name in CALLS])
soup = st.lists(pieces, max_size=25).map(" ".join)

literal = st.one_of(st.integers(-5, 10**6).map(str), st.sampled_from(["'a'", "'12'", "''", "\"1,2\"", "0.5", "'10.0.0.1'", "'{\"a\": [1]}'"]), st.sampled_from(NAMES))


def larger(inner):
    return st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "%", "^", "=", "!=", "<", ">=", "and", "or", "like"]), inner).map(lambda it: f"({it[0]} {it[1]} {it[2]})"),
        st.tuples(st.sampled_from(CALLS), st.lists(inner, min_size=1, max_size=3)).map(lambda it: f"{it[0]}({', '.join(it[1])})"),
        inner.map(lambda it: f"(not {it})"),
        st.tuples(inner, st.lists(literal, max_size=3)).map(lambda it: f"({it[0]} in [{', '.join(it[1])}])"),
    )


expression = st.recursive(literal, larger, max_leaves=8)
aggregate = st.tuples(st.sampled_from(sorted(AGGREGATES)), expression).map(lambda it: f"{it[0]}({it[1]}{', 50' if it[0] == 'pct' else ''})")
command = st.one_of(
    expression.map(lambda it: f"fields {it} as n{abs(hash(it)) % 1000}"), expression.map(lambda it: f"filter {it}"),
    st.tuples(aggregate, expression).map(lambda it: f"stats {it[0]} as s by {it[1]}, bin(1h)"),
    expression.map(lambda it: f"sort {it} desc"), st.sampled_from(["limit 3", "limit any 2", "dedup a", "display a, @message", "parse @message '* *' as p, q", "pattern @message"]),
    st.sampled_from(["parse @message /(?<x>\\w+) (?<y>.*)/", "fields jsonParse(@message) as j", "unnest j.b into u", "unnest j into v"]),
    st.sampled_from(["accum a", "autoregress b p=1-2", "filldown", "addtotals", "addtotals col=true a", "outlier mark=true a", "sessionize e as s1", "countFrequent a", "expand b", "diff", "fillmissing",
                     "lookup users a as b OUTPUT name", "filter a in (filter e = 1 | fields a)", "join left=l right=r where l.a=r.a (SOURCE 'g')", "appendcols (stats count(*) as k by a)",
                     "parse @message csv as c1, c2", "parse @message logfmt as lf", "parse @message /(?<m1>\\w+)/ multi", "anomaly", "pattern b", "relevantfields a, b where e = 1", "relevantfields where a > 1", "stats count(*) by bin(1h) offset 5m", "json field=b 'c.1' as jc"]),
)  # fmt: skip
sound = st.lists(command, min_size=1, max_size=5).map(" | ".join)


def outcome(text, portion):
    """What a query answers, or None if it is refused."""
    try:
        made = plan.planned(reader.read(text), Setting(PLACES, 1.7e9, 0, 1000, TABLES))
    except Malformed as error:
        assert 0 <= error.start <= error.end <= len(text) + 2 and error.text
        return None
    except Unbuilt as error:
        assert str(error)
        return None
    rows = [[1_700_000_000_000 + 1_000 * n, n % 2 + 1, n, 1_700_000_000_000, message, None, None] for n, message in enumerate(MESSAGES)]
    try:
        running = plan.prepared(made, lambda *_: [list(map(list, rows))]).start()
    except Failed:
        return None
    for start in range(0, len(rows), portion):
        running.take(rows[start : start + portion])
    return made.answer(running.rows())


@settings(max_examples=600)
@given(soup)
def test_any_text_is_refused_or_runs(text):
    outcome(text, 4)


@settings(max_examples=600)
@given(sound)
def test_what_runs_answers_texts_whatever_the_portions(text):
    found = outcome(text, 3)
    if found is None:
        return
    assert all(type(name) is str and type(value) is str for row in found for name, value in row)
    if not any(word in text for word in ("any", "pattern", "diff", "anomaly")):
        assert sorted(map(json.dumps, found)) == sorted(map(json.dumps, outcome(text, 100)))


@pytest.mark.parametrize("text", ["fields " + "abs(" * 500 + "1" + ")" * 500, "fields " + "-" * 5000 + "1", "filter " + "not " * 5000 + "a", "fields 2" + "^2" * 5000, "|" * 5000, "fields a" + ",a" * 3000])
def test_deep_and_long_queries_are_refused_or_run(text):
    outcome(text, 10)
