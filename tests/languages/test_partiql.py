"""PartiQL: whatever is written, it is a statement or refused; how a WHERE is cut at a key."""

from __future__ import annotations

import random

import pytest

from kumoniwa.kernel.errors import ValidationException
from kumoniwa.languages.partiql import Statement, parse
from kumoniwa.languages.partiql_plan import compiled, cut

STATEMENTS = [
    "SELECT a.b[0], \"c d\" FROM \"t\".\"i\" WHERE pk = 'x' AND (n IN [1, 2] OR size(s) > 3) ORDER BY sk DESC",
    "INSERT INTO t VALUE {'pk': ?, 'l': [1, -2.5e3, TRUE, null], 's': <<'a', ?>>}",
    "UPDATE t SET a = list_append(a, [1]), b.c = b.c + 1 REMOVE d[2] WHERE pk = 1 AND NOT n BETWEEN 1 AND 2 RETURNING ALL NEW *",
    "DELETE FROM t WHERE pk = 'it''s' AND e IS NOT MISSING RETURNING ALL OLD *",
    "EXISTS(SELECT * FROM t WHERE pk = 1 AND contains(a, 'b') AND attribute_type(c, 'S'))",
]
BITS = ["(", ")", "[", "]", "<<", ">>", "{", "}", "'", '"', "?", ",", ".", " AND ", " NOT ", " IN ", " IS ", "=", "+", "`", "é", "\n", "1", "x"]


@pytest.mark.parametrize("seed", range(5))
def test_whatever_is_written_is_a_statement_or_is_refused(seed):
    chance = random.Random(seed)
    for _ in range(600):
        text = chance.choice(STATEMENTS)
        for _ in range(chance.randint(1, 4)):
            start = chance.randrange(len(text) + 1)
            text = text[:start] + chance.choice(BITS) + text[start + chance.randint(0, 6) :]
        try:
            statement = parse(text)
            values = statement.values([{"S": "v"}] * statement.parameters)
            plan = compiled(statement)
            plan.check(values)
            if plan.test is not None:
                plan.test.test({"pk": {"S": "x"}, "n": {"N": "1"}}, values)
            cut(statement, "pk", "sk")
        except ValidationException as refusal:
            assert refusal.text


@pytest.mark.parametrize("text", ["(" * 4000, "[" * 4000, "NOT " * 2000, "a[0]" * 2000, "'" * 4001])
def test_what_is_nested_too_deeply_is_refused(text):
    for frame in ("SELECT * FROM t WHERE {}", "INSERT INTO t VALUE {{'a': {}", "UPDATE t SET a = {}"):
        with pytest.raises(ValidationException):
            parse(frame.format(text))


@pytest.mark.parametrize("text", STATEMENTS)
def test_a_statement_reads_alike_whatever_the_case_of_its_keywords(text):
    assert isinstance(parse(text), Statement)
    lowered = text
    for word in ("SELECT", "FROM", "WHERE", "AND", "OR", "ORDER BY", "INSERT INTO", "VALUE", "UPDATE", "DELETE", "RETURNING"):
        lowered = lowered.replace(f"{word} ", f"{word.lower()} ")
    one, other = parse(text), parse(lowered)
    assert (one.kind, one.where, one.clauses, one.order) == (other.kind, other.where, other.clauses, other.order)


@pytest.mark.parametrize(
    ("where", "hashes", "operator", "has_rest", "is_exact"),
    [
        ("pk = 1", 1, None, False, False),
        ("pk = 1 AND sk = 2", 1, "=", False, True),
        ("2 > sk AND pk = 1", 1, "<", False, False),
        ("pk IN [1, 2] AND sk = 2", 2, "=", False, False),
        ("pk = 1 OR pk = 2", 2, None, False, False),
        ("pk = 1 OR a = 2", 0, None, True, False),
        ("NOT pk = 1", 0, None, True, False),
        ("pk = 1 AND pk = 2", 1, None, True, False),
        ("pk = a", 0, None, True, False),
        ("sk = 1", 0, None, True, False),
        ("pk = 1 AND (sk > 1 OR sk < 0)", 1, None, True, False),
    ],
)
def test_a_where_is_cut_at_the_key(where, hashes, operator, has_rest, is_exact):
    found = cut(parse(f"SELECT * FROM t WHERE {where}"), "pk", "sk")
    assert (len(found.hashes), found.range and found.range[0], found.rest is not None, found.is_exact) == (
        hashes, operator, has_rest, is_exact,
    )  # fmt: skip
