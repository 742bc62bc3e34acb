"""Keys sort in SQLite as they do in DynamoDB, and what they cost."""

from __future__ import annotations

from base64 import b64encode
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumoniwa.kernel.errors import ValidationException
from kumoniwa.languages.dynamodb.value import number_text
from kumoniwa.services.dynamodb.capacity import consumed, read_units, write_units
from kumoniwa.services.dynamodb.key import (
    KeySchema,
    Range,
    after_prefix,
    encode_key,
    encode_number,
    encode_sort_key,
    hashed_number,
    segment_of,
)

numbers = st.builds(
    lambda sign, digits, exponent: number_text(f"{sign}{digits}E{exponent}"),
    st.sampled_from(["", "-"]),
    st.integers(0, 10**38 - 1),
    st.integers(-130, 88),
)


@given(numbers, numbers)
def test_numbers_sort_by_value(one, other):
    a, b = encode_number(one), encode_number(other)
    assert (a < b, a == b) == (Decimal(one) < Decimal(other), Decimal(one) == Decimal(other))


def test_numbers_at_the_edges_sort_by_value():
    edges = [
        "-" + "9" * 38 + "0" * 88,
        "-10.01",
        "-10",
        "-1.1",
        "-1",
        "-0.01",
        "-" + number_text("1E-130"),
        "0",
    ]
    edges += [
        number_text("1E-130"),
        "0.01",
        "0.011",
        "1",
        "1.1",
        "2",
        "10",
        "10.01",
        "100",
        "9" * 38 + "0" * 88,
    ]
    assert sorted(edges, key=encode_number) == edges


@given(st.text(max_size=5), st.text(max_size=5))
def test_strings_sort_by_their_utf8(one, other):
    a, b = encode_sort_key("S", one), encode_sort_key("S", other)
    assert (a < b) == (one.encode() < other.encode())


@given(st.binary(max_size=4), st.binary(max_size=6))
def test_a_prefix_ends_where_its_successor_begins(prefix, body):
    end = after_prefix(prefix)
    assert body.startswith(prefix) == (body >= prefix and (end is None or body < end))


# That AWS hashes what Oracle keeps of a number is architect/dynalite's finding. Oracle's bytes sort as the numbers do, and those
# below are of its documentation and of what its DUMP shows.
@given(numbers, numbers)
def test_what_is_hashed_of_numbers_sorts_by_value_too(one, other):
    a, b = hashed_number(encode_number(one)), hashed_number(encode_number(other))
    assert (a < b, a == b) == (Decimal(one) < Decimal(other), Decimal(one) == Decimal(other))


@pytest.mark.parametrize(
    ("number", "kept"),
    [
        ("0", [128]), ("1", [193, 2]), ("-1", [62, 100, 102]), ("10", [193, 11]), ("100", [194, 2]), ("123", [194, 2, 24]),
        ("-123", [61, 100, 78, 102]), ("0.1", [192, 11]), ("0.01", [192, 2]), ("0.001", [191, 11]), ("123456.789", [195, 13, 35, 57, 79, 91]),
        ("-" + "9" * 38, [44, *[2] * 19, 102]), ("-" + "9" * 37 + "." + "9", [44, 92, *[2] * 18, 11]),
    ],
)  # fmt: skip
def test_numbers_are_hashed_as_oracle_keeps_them(number, kept):
    assert list(hashed_number(encode_number(number))) == kept


def test_segments_divide_all_partitions():
    keys = [f"user-{i}".encode() for i in range(1000)]
    counts = [0] * 7
    for key in keys:
        counts[segment_of(TABLE.partition(key), 7)] += 1
    assert sum(counts) == 1000
    assert min(counts) > 80


TABLE = KeySchema(hash_name="pk", hash_kind="S", range_name="sk", range_kind="N")
INDEX = KeySchema(hash_name="g", hash_kind="S", index_name="gsi1")


def refusal(call) -> str:
    with pytest.raises(ValidationException) as refused:
        call()
    return refused.value.text


def test_keys_must_match_the_schema():
    assert TABLE.of_key({"pk": {"S": "a"}, "sk": {"N": "1"}}) == (b"a", encode_number("1"))
    for key in (
        {"pk": {"S": "a"}},
        {"pk": {"S": "a"}, "x": {"N": "1"}},
        {"pk": {"N": "1"}, "sk": {"N": "1"}},
    ):
        assert (
            refusal(lambda key=key: TABLE.of_key(key)) == "The provided key element does not match the schema"
        )


# Texts recorded from AWS by mhart/dynalite (test/putItem.js) and nubo-db/dynamodb-conformance.
def test_items_must_carry_their_key():
    assert refusal(lambda: TABLE.of_item({"pk": {"S": "a"}})) == (
        "One or more parameter values were invalid: Missing the key sk in the item"
    )
    assert refusal(lambda: TABLE.of_item({"pk": {"N": "1"}})) == (
        "One or more parameter values were invalid: Type mismatch for key pk expected: S actual: N"
    )
    assert refusal(lambda: TABLE.of_item({"pk": {"S": ""}, "sk": {"N": "1"}})) == (
        "One or more parameter values are not valid. "
        "The AttributeValue for a key attribute cannot contain an empty string value. Key: pk"
    )
    assert refusal(lambda: encode_key("b", "B", "", 1024)) == (
        "One or more parameter values are not valid. "
        "The AttributeValue for a key attribute cannot contain an empty binary value. Key: b"
    )
    assert refusal(lambda: TABLE.of_item({"pk": {"S": "é" * 1025}, "sk": {"N": "1"}})) == (
        "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes"
    )


def test_an_index_keeps_only_items_that_have_its_key():
    assert INDEX.of_index({"pk": {"S": "a"}}) is None
    assert INDEX.of_index({"g": {"S": "a"}}) == (b"a", b"")
    assert refusal(lambda: INDEX.of_index({"g": {"N": "1"}})) == (
        "One or more parameter values were invalid: Type mismatch for Index Key g Expected: S Actual: N IndexName: gsi1"
    )


@pytest.mark.parametrize(
    ("operator", "values", "inside", "outside"),
    [
        ("=", ["5"], ["5"], ["4", "6"]),
        ("<", ["5"], ["-7", "4.9"], ["5", "6"]),
        ("<=", ["5"], ["5"], ["5.1"]),
        (">", ["5"], ["5.1"], ["5"]),
        (">=", ["5"], ["5"], ["4"]),
        ("BETWEEN", ["1", "5"], ["1", "3", "5"], ["0", "6"]),
    ],
)
def test_a_key_condition_is_one_range(operator, values, inside, outside):
    stretch = TABLE.range_of(
        {"pk": ("=", [{"S": "a"}]), "sk": (operator, [{"N": value} for value in values])}
    )
    assert stretch.hash_key == b"a"
    assert all(stretch.holds(encode_number(number)) for number in inside)
    assert not any(stretch.holds(encode_number(number)) for number in outside)


def test_a_prefix_is_one_range():
    schema = KeySchema(hash_name="pk", hash_kind="S", range_name="sk", range_kind="B")
    body = b64encode(b"\x01\xff").decode()
    stretch = schema.range_of({"pk": ("=", [{"S": "a"}]), "sk": ("begins_with", [{"B": body}])})
    assert stretch == Range(b"a", low=b"\x01\xff", high=b"\x02", high_is_open=True)


@pytest.mark.parametrize(
    ("conditions", "text"),
    [
        ({"sk": ("=", [{"N": "1"}])}, "Query condition missed key schema element: pk"),
        (
            {"pk": ("=", [{"S": "a"}]), "x": ("=", [{"N": "1"}])},
            "Query condition missed key schema element: sk",
        ),
        ({"pk": ("<", [{"S": "a"}])}, "Query key condition not supported"),
        (
            {"pk": ("=", [{"N": "1"}])},
            "One or more parameter values were invalid: Condition parameter type does not match schema type",
        ),
        (
            {"pk": ("=", [{"S": "a"}]), "sk": ("NULL", [])},
            "Attempted conditional constraint is not an indexable operation",
        ),
    ],
)
def test_a_query_that_no_key_serves_is_refused(conditions, text):
    assert refusal(lambda: TABLE.range_of(conditions)) == text


def test_capacity_is_counted_in_steps():
    assert read_units(0) == 0.5
    assert read_units(4096, is_consistent=True) == 1
    assert read_units(4097) == 1
    assert read_units(4097, is_transactional=True) == 4
    assert write_units(0, 1024) == 1
    assert write_units(3000, 10) == 3
    assert write_units(0, 1025, is_transactional=True) == 4
    assert consumed("t", 2.0, detail="INDEXES", global_indexes={"g": 1.0}) == {
        "TableName": "t",
        "CapacityUnits": 3.0,
        "Table": {"CapacityUnits": 2.0},
        "GlobalSecondaryIndexes": {"g": {"CapacityUnits": 1.0}},
    }
