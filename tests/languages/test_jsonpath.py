"""JSONPath as Jayway's library, which AWS uses, reads it: https://github.com/json-path/JsonPath#readme"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kumoniwa.languages import backtracking, jsonpath

STORE = {
    "book": [
        {"title": "Sayings", "price": 8.95, "tags": ["old"]},
        {"title": "Sword", "price": 12.99, "isbn": "0-55"},
        {"title": "Moby", "price": 8.99, "isbn": "0-39", "tags": []},
    ],
    "bike": {"color": "red", "price": 19.95, "a.b": 1, "": 2},
    "limit": 10,
}


def read(path: str):
    return jsonpath.compiled(path).read(STORE)


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("$.bike.color", "red"),
        ("$['bike']['color']", "red"),
        ('$["bike"].price', 19.95),
        ("$.bike['a.b']", 1),
        ("bike.color", "red"),
        ("$.book[0].title", "Sayings"),
        ("$.book[-1].title", "Moby"),
        ("$.book[*].title", ["Sayings", "Sword", "Moby"]),
        ("$.book[0,2].title", ["Sayings", "Moby"]),
        ("$.book[1:].title", ["Sword", "Moby"]),
        ("$.book[:-1].title", ["Sayings", "Sword"]),
        ("$.book[-2:].title", ["Sword", "Moby"]),
        ("$.bike['color','price']", ["red", 19.95]),
        ("$..price", [8.95, 12.99, 8.99, 19.95]),
        ("$..book[2].title", ["Moby"]),
        ("$.bike.*", ["red", 19.95, 1, 2]),
        ("$.book[?(@.isbn)].title", ["Sword", "Moby"]),
        ("$.book[?(!@.isbn)].title", ["Sayings"]),
        ("$.book[?(@.price < $.limit)].title", ["Sayings", "Moby"]),
        ("$.book[?(@.price < 10 && @.title == 'Moby')].price", [8.99]),
        ("$.book[?(@.price > 12 || (@.title in ['Moby']))].title", ["Sword", "Moby"]),
        ("$.book[?(@.title =~ /S.*/)].title", ["Sayings", "Sword"]),
        ("$.book[?(@.title =~ /moby/i)].title", ["Moby"]),
        ("$.book[?(@.tags contains 'old')].title", ["Sayings"]),
        ("$.book[?(@.tags size 0)].title", ["Moby"]),
        ("$.book[?(@.isbn nin ['0-55'])].title", ["Moby"]),
        ("$.book[?(@.nothing == null)].title", []),
        ("$.book.length()", 3),
        ("$..price.max()", 19.95),
        ("$.bike.keys()", ["color", "price", "a.b", ""]),
    ],
)
def test_a_path_leads_where_jayway_says(path, wanted):
    assert read(path) == wanted


def test_a_definite_path_to_nowhere_is_not_found_and_an_indefinite_one_is_empty():
    with pytest.raises(jsonpath.PathNotFound):
        read("$.book[9].title")
    assert read("$..nothing") == [] and read("$.book[7:]") == []
    assert jsonpath.compiled("$.a[0]").is_definite and not jsonpath.compiled("$.a[*]").is_definite


@pytest.mark.parametrize(
    "path", ["$.", "$[", "$.a[", "$.a[b]", "$.a[?(@.b ==)]", "$.a['b]", "$.a.b()", "$.a[1:2:0]", "$..", "$ $"]
)
def test_what_is_no_path_is_refused(path):
    with pytest.raises(jsonpath.InvalidPath):
        jsonpath.compiled(path)


def test_a_path_that_grows_without_end_is_given_up():
    document = 1
    for _ in range(12):
        document = [document] * 3
    with pytest.raises(jsonpath.TooManyValues):
        jsonpath.compiled("$..*..*").read(document)


PIECES = st.sampled_from(
    "$ @ . .. [ ] * ? ( ) ' a b 0 -1 : , == < =~ /a*/ && || ! in size .length() .min()".split(" ")  # noqa: SIM905
)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.one_of(PIECES, st.text(max_size=3)), max_size=14))
def test_any_text_is_a_path_or_refused(pieces):
    try:
        jsonpath.compiled("$" + "".join(pieces)).read(STORE)
    except (jsonpath.InvalidPath, jsonpath.PathNotFound, jsonpath.TooManyValues, backtracking.TooMuchWork):
        pass


# Java's expressions ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "text", "wanted"),
    [
        ("a+b?", "aab ab a", ["aab", "ab", "a"]),
        ("(a|ab)(c|bcd)", "abcd", ["abcd"]),
        ("<.+?>", "<a><b>", ["<a>", "<b>"]),
        (r"\d{2,3}", "1 22 4444", ["22", "444"]),
        (r"\bfoo\b", "foo food foo", ["foo", "foo"]),
        ("[^a-c]+", "abxyc", ["xy"]),
        ("(?i)ABC", "abc", ["abc"]),
        (r"foo(?=bar)", "foobaz foobar", ["foo"]),
        (r"foo(?!bar)\w", "foobar foobaz", ["foob"]),
        (r"\Qa.b\E", "axb a.b", ["a.b"]),
        ("x*", "ax", ["", "x", ""]),
        ("^a|b$", "ab", ["a", "b"]),
        ("(?:ab){2}", "ababab", ["abab"]),
    ],
)
def test_an_expression_finds_what_java_finds(pattern, text, wanted):
    assert [found.groups[0] for found in backtracking.compiled(pattern).found(text)] == wanted


@pytest.mark.parametrize(
    "pattern", ["(", ")", "[", "*a", "a{2,1}", "a{99999}", r"\k", "(?<=a)b", "a*+", "[a&&b]", "(" * 200]
)
def test_what_is_no_expression_is_refused(pattern):
    with pytest.raises(backtracking.InvalidPattern):
        backtracking.Expression(pattern)


@pytest.mark.parametrize("pattern", ["(a|a)*b", "(a+)+b", "a*a*a*a*a*b", "(a*)*b"])
def test_an_expression_that_tries_without_end_is_given_up(pattern):
    with pytest.raises(backtracking.TooMuchWork):
        backtracking.compiled(pattern).is_whole("a" * 3000)


EXPRESSION = st.lists(st.sampled_from(list(r"ab.|()[]*+?^$\{}12,-d") + ["(?:", "{1,3}", r"\w"]), max_size=12)


@settings(max_examples=300, deadline=None)
@given(EXPRESSION, st.text(alphabet="ab1", max_size=12))
def test_any_text_is_an_expression_or_refused(pieces, text):
    try:
        list(backtracking.compiled("".join(pieces)).found(text))
    except (backtracking.InvalidPattern, backtracking.TooMuchWork):
        pass
