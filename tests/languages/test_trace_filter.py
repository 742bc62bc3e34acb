"""The filter expressions of X-Ray, on a subject that says what it is told.
https://docs.aws.amazon.com/xray/latest/devguide/xray-console-filters.html"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumoniwa.languages.trace_filter import (
    InvalidExpression,
    Selector,
    UnsupportedKeyword,
    parse,
)


class Told:
    def __init__(self, flags=(), values=None, annotations=None, services=(), edges=(), groups=()) -> None:
        self.flags, self.held, self.notes = flags, values or {}, annotations or {}
        self.inner, self.pairs, self.groups = services, edges, groups

    def says(self, keyword):
        return keyword in self.flags

    def values(self, keyword):
        return self.held.get(keyword, [])

    def annotations(self, key):
        return self.notes.get(key, [])

    def services(self, wanted):
        return [one for selector, one in self.inner if _fits(wanted, selector)]

    def edges(self, source, target):
        return [one for begin, end, one in self.pairs if _fits(source, begin) and _fits(target, end)]

    def is_in_group(self, keyword, value):
        return (keyword, value) in self.groups


def _fits(wanted: Selector, held: Selector) -> bool:
    return all(want in (None, have) for want, have in zip(wanted, held))


API, TABLE = Selector("api", "AWS::ApiGateway::Stage", "1"), Selector("users", "AWS::DynamoDB::Table", "1")
SLOW = Told(
    flags={"error"}, values={"responsetime": [5.5], "duration": [6], "http.status": [404], "http.url": ["http://api/game/7"], "user": ["ann"]},
    annotations={"age": [31, "31"], "is_new": [True], "mission_id": ["mars"]}, services=[(API, Told()), (TABLE, Told(flags={"fault"}))],
    edges=[(API, TABLE, Told(flags={"fault"}))], groups={("group.name", "slow")},
)  # fmt: skip


@pytest.mark.parametrize("text", [
    "error", "ERROR", "!fault", "!!error", "error = true", "fault != true", "responsetime > 5", "duration >= 5 AND duration <= 8", "http.status != 200",
    "http.url CONTAINS \"/game/\"", "http.url beginswith 'http://api'", "http.url ENDSWITH \"7\"", "user = \"ann\"", "fault OR error",
    "annotation[age] > 30", "annotation.age = 31", "annotation[\"mission_id\"] = \"mars\"", "annotation[is_new] = true", "annotation[age]",
    "!annotation[weight]", "service(\"users\")", "service(\"users\") { fault }", "!service(\"api\") { fault }", "service() { fault }",
    "service(id(type: \"AWS::DynamoDB::Table\"))", "service(id(name: \"api\", type: \"AWS::ApiGateway::Stage\", account.id: \"1\"))",
    "edge(\"api\", \"users\")", "edge(\"api\", \"users\") { fault AND !ok }", "edge(id(name: \"api\"), id(type: \"AWS::DynamoDB::Table\"))",
    "!edge(\"users\", \"api\")", "group.name = \"slow\"", "group.name != \"fast\"", "fault AND ok OR error", "(fault OR error) AND user = \"ann\"",
    "responsetime > 5.4e0", "annotation[mission_id] != \"moon\"",
])  # fmt: skip
def test_what_the_language_can_say_is_true_of_what_it_speaks_of(text):
    assert parse(text)(SLOW)


@pytest.mark.parametrize("text", [
    "fault", "!error", "responsetime > 6", "http.url CONTAINS \"nobody\"", "annotation[age] = \"30\"", "annotation[weight] > 1", "service(\"none\")",
    "service(\"api\") { fault }", "edge(\"users\", \"api\")", "group.name = \"fast\"", "(fault OR ok) AND error", "annotation[is_new] = 1",
])  # fmt: skip
def test_what_is_not_so_is_not_found(text):
    assert not parse(text)(SLOW)


@pytest.mark.parametrize("text", [
    "responsetime", "responsetime > \"5\"", "user > \"a\"", "user = 5", "nonsense = 1", "error AND", "(error", "error)", "service(api)", "edge(\"a\")",
    "service(\"a\") { }", "id(name: \"a\")", "annotation[", "annotation[a] CONTAINS 5", "service(id())", "service(id(name: \"a\", name: \"b\"))", "error error",
    "\"text\"", "@", "user = \"open", "(" * 60 + "error" + ")" * 60, "ok = 5",
])  # fmt: skip
def test_what_is_no_expression_is_refused(text):
    with pytest.raises(InvalidExpression):
        parse(text)


@pytest.mark.parametrize("text", ["rootcause.fault.entity { name = \"a\" }", "coverage > 0.5", "remote"])
def test_root_causes_are_refused_by_name(text):
    with pytest.raises(UnsupportedKeyword):
        parse(text)


@given(st.text(alphabet="()[]{}!=<>,:.\"' abcdeAND0189-service", max_size=60))
def test_no_text_breaks_the_reader(text):
    try:
        parse(text)(SLOW)
    except (InvalidExpression, UnsupportedKeyword):
        pass
