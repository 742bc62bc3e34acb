"""Named parameters of statements: what is one, and what is left alone."""

import pytest

from kumoniwa.languages.sql_parameters import read


@pytest.mark.parametrize(
    "text, wanted, names",
    [
        ("select :a, :b, :a", "select $1, $2, $1", "a b"),
        ("select :id::uuid, a::text", "select $1::uuid, a::text", "id"),
        ("select ':a', 'it''s :a', \":a\", E'\\':a', :b", "select ':a', 'it''s :a', \":a\", E'\\':a', $1", "b"),
        ("select 1 -- :a\n, :b", "select 1 -- :a\n, $1", "b"),
        ("select /* :a /* :b */ :c */ :d", "select /* :a /* :b */ :c */ $1", "d"),
        ("select $$ :a $$, $x$ :b $$ $x$, :c", "select $$ :a $$, $x$ :b $$ $x$, $1", "c"),
        ("call f(a := :a)", "call f(a := $1)", "a"),
        ("select ':a", "select ':a", ""),
        ("select $$ :a", "select $$ :a", ""),
        # As it was seen of AWS.
        ("select a[1:2]", "select a[1$1]", "2"),
    ],
)
def test_names_are_found_where_they_stand_for_values(text, wanted, names):
    found = read(text)
    assert (found.text, " ".join(found.names), found.is_single) == (wanted, names, True)


@pytest.mark.parametrize(
    "text, is_single",
    [("select 1; select 2", False), ("select 1;", True), ("select ';'; -- ;\n /* ; */", True), ("do $$ begin; end $$", True), ("select 1;;", True)],
)
def test_a_statement_is_one_whatever_stands_in_its_texts(text, is_single):
    assert read(text).is_single is is_single
