"""Attribute values: what AWS accepts, how it spells it, what it counts."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumoniwa.kernel.errors import AwsError, SerializationException, ValidationException
from kumoniwa.languages.dynamodb.value import check_item, check_value, item_bytes, number_bytes, number_text


def refusal(value) -> str:
    with pytest.raises(ValidationException) as refused:
        check_value(value)
    return refused.value.text


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("00042", "42"),
        ("1.0", "1"),
        ("3.1400", "3.14"),
        ("1.5E2", "150"),
        ("1e2", "100"),
        ("-0", "0"),
        ("0.000", "0"),
        ("-.5", "-0.5"),
        ("+7", "7"),
        ("5.", "5"),
        ("12e-3", "0.012"),
        ("1E-130", "0." + "0" * 129 + "1"),
        ("9.9999999999999999999999999999999999999E+125", "9" * 38 + "0" * 88),
    ],
)
def test_a_number_has_one_spelling(given, kept):
    assert number_text(given) == kept


# Texts recorded from AWS by mhart/dynalite (test/putItem.js) and nubo-db/dynamodb-conformance.
@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({}, "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"),
        ({"X": "1"}, "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"),
        (
            {"S": None},
            "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes",
        ),
        (
            {"S": "a", "N": "1"},
            "Supplied AttributeValue has more than one datatypes set, "
            "must contain exactly one of the supported datatypes",
        ),
        ({"S": "a", "N": "b"}, "The parameter cannot be converted to a numeric value: b"),
        ({"N": ""}, "The parameter cannot be converted to a numeric value"),
        ({"N": "."}, "The parameter cannot be converted to a numeric value: ."),
        ({"N": "1" * 39}, "Attempting to store more than 38 significant digits in a Number"),
        (
            {"N": "-1.23456789012345678901234567890123456789"},
            "Attempting to store more than 38 significant digits in a Number",
        ),
        (
            {"N": "1e126"},
            "Number overflow. Attempting to store a number with magnitude larger than supported range",
        ),
        (
            {"N": "-1e99999999999999999999"},
            "Number overflow. Attempting to store a number with magnitude larger than supported range",
        ),
        (
            {"N": "1e-131"},
            "Number underflow. Attempting to store a number with magnitude smaller than supported range",
        ),
        (
            {"NULL": False},
            "One or more parameter values were invalid: Null attribute value types must have the value of true",
        ),
        ({"SS": []}, "One or more parameter values were invalid: An string set  may not be empty"),
        ({"NS": []}, "One or more parameter values were invalid: An number set  may not be empty"),
        ({"BS": []}, "One or more parameter values were invalid: Binary sets should not be empty"),
        (
            {"SS": ["a", "a"]},
            "One or more parameter values were invalid: Input collection [a, a] contains duplicates.",
        ),
        ({"NS": ["1", "1.0"]}, "Input collection contains duplicates"),
        (
            {"BS": ["Yg==", "Yg=="]},
            "One or more parameter values were invalid: Input collection [Yg==, Yg==]of type BS contains duplicates.",
        ),
    ],
)
def test_what_is_no_attribute_value_is_refused_in_awss_words(value, text):
    assert refusal(value) == text
    assert refusal({"M": {"inner": {"L": [value]}}}) == text


@pytest.mark.parametrize(
    "value", [{"S": 5}, {"N": 5}, {"B": 5}, {"SS": "a"}, {"L": {}}, {"M": []}, [], "a", None]
)
def test_a_wrong_json_type_is_a_serialization_error(value):
    with pytest.raises(SerializationException):
        check_item({"a": value})


def nested(levels: int) -> dict:
    value = {"S": "leaf"}
    for i in range(levels):
        value = {"M": {"n": value}} if i % 2 else {"L": [value]}
    return value


def test_thirty_two_levels_are_accepted_and_thirty_three_are_not():
    # Source: nubo-db/dynamodb-conformance, "Nesting depth", captured in eu-west-2, 2026-06.
    check_value(nested(31))
    assert refusal(nested(32)).startswith("Nesting Levels have exceeded supported limits")


def test_sets_are_sorted_so_that_equality_needs_no_thought():
    item = {"s": {"SS": ["b", "a"]}, "n": {"NS": ["10", "9.0", "-1"]}, "b": {"BS": ["gA==", "AQ=="]}}
    check_item(item)
    assert item == {"s": {"SS": ["a", "b"]}, "n": {"NS": ["-1", "9", "10"]}, "b": {"BS": ["AQ==", "gA=="]}}


def test_binary_from_inside_the_house_becomes_base64():
    item = {"b": {"B": b"abc"}}
    assert check_item(item) == 1 + 3
    assert item == {"b": {"B": "YWJj"}}


@pytest.mark.parametrize(
    ("number", "size"),
    # Source: nubo-db/dynamodb-conformance, numberByteSize: one byte, two digits to a byte on either side of the point.
    [
        ("0", 1),
        ("1", 2),
        ("123456", 4),
        ("3.14159", 5),
        ("-1", 3),
        ("1" + "0" * 125, 2),
        ("0.001", 2),
        ("42.12", 3),
    ],
)
def test_a_number_costs_its_significant_digits(number, size):
    assert number_bytes(number) == size


def test_an_item_is_as_large_as_its_names_and_values():
    # Source: "DynamoDB item sizes and formats", developer guide.
    assert check_item({"name": {"S": "é"}}) == 4 + 2
    assert check_item({"é": {"BOOL": True}}) == 2 + 1
    assert check_item({"l": {"L": [{"S": "ab"}, {"NULL": True}]}}) == 1 + 3 + (1 + 2) + (1 + 1)
    assert check_item({"m": {"M": {"k": {"S": "v"}}}}) == 1 + 3 + 1 + (1 + 1)


values = st.recursive(
    st.one_of(
        st.builds(lambda text: {"S": text}, st.text(max_size=5)),
        st.builds(
            lambda number: {"N": str(number)},
            st.decimals(
                allow_nan=False, allow_infinity=False, places=3, min_value=-(10**35), max_value=10**35
            ),
        ),
        st.builds(lambda body: {"B": body}, st.binary(max_size=5)),
        st.just({"BOOL": False}),
        st.just({"NULL": True}),
        st.builds(
            lambda texts: {"SS": texts}, st.lists(st.text(max_size=3), min_size=1, max_size=3, unique=True)
        ),
    ),
    lambda inner: st.one_of(
        st.builds(lambda members: {"L": members}, st.lists(inner, max_size=3)),
        st.builds(lambda members: {"M": members}, st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(min_size=1, max_size=4), values, max_size=4))
def test_checking_twice_changes_nothing_and_measures_the_same(item):
    size = check_item(item)
    before = repr(item)
    assert check_item(item) == size == item_bytes(item)
    assert repr(item) == before


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_the_spelling_keeps_the_number(number):
    try:
        text = number_text(str(number))
    except ValidationException:
        return
    assert Decimal(text) == number
    assert "E" not in text


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["S", "N", "B", "L", "M", "SS", "NS", "BS", "NULL", "BOOL", "x"]), inner
        )
    ),
    max_leaves=10,
)


@given(anything)
def test_no_json_at_all_makes_the_check_stumble(value):
    try:
        check_item({"a": value})
    except AwsError as refused:
        assert refused.text
