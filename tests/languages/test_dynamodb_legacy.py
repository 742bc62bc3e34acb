"""The parameters before expressions. Texts recorded from AWS by mhart/dynalite (test/putItem.js,
test/query.js).
"""

from __future__ import annotations

import pytest

from kumoniwa.kernel.errors import ValidationException
from kumoniwa.languages.dynamodb.legacy import (
    attributes_projection,
    expected_plan,
    filter_plan,
    legacy_key_conditions,
    updates_plan,
)
from kumoniwa.languages.dynamodb.request import refuse_mixing

ITEM = {"pk": {"S": "k"}, "#n": {"N": "5"}, "tags": {"SS": ["a", "b"]}, "text": {"S": "hello"}}


def judge(conditions: dict, conditional_operator: str | None = None) -> bool:
    plan, values = filter_plan(conditions, conditional_operator)
    return plan.test(ITEM, values)


def one(name: str, *values: dict) -> dict:
    return {"ComparisonOperator": name, "AttributeValueList": list(values)}


@pytest.mark.parametrize(
    ("attribute", "name", "values", "verdict"),
    [
        ("#n", "EQ", [{"N": "5.0"}], True),
        ("#n", "GT", [{"N": "5"}], False),
        ("#n", "BETWEEN", [{"N": "1"}, {"N": "9"}], True),
        ("#n", "IN", [{"N": "1"}, {"N": "5"}], True),
        ("text", "BEGINS_WITH", [{"S": "he"}], True),
        ("text", "CONTAINS", [{"S": "ll"}], True),
        ("tags", "CONTAINS", [{"S": "a"}], True),
        ("tags", "NOT_CONTAINS", [{"S": "z"}], True),
        ("gone", "NOT_CONTAINS", [{"S": "z"}], False),
        ("gone", "NE", [{"S": "z"}], True),
        ("gone", "NULL", [], True),
        ("pk", "NOT_NULL", [], True),
    ],
)
def test_a_filter_judges_an_item(attribute, name, values, verdict):
    assert judge({attribute: one(name, *values)}) is verdict


def test_conditions_are_joined_by_and_unless_or_is_asked_for():
    conditions = {"#n": one("EQ", {"N": "5"}), "text": one("EQ", {"S": "no"})}
    assert judge(conditions) is False
    assert judge(conditions, "OR") is True


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (
            {"ComparisonOperator": "LT"},
            "Value or AttributeValueList must be used with ComparisonOperator: LT for Attribute: a",
        ),
        (
            {"Exists": True, "ComparisonOperator": "LT"},
            "Exists and ComparisonOperator cannot be used together for Attribute: a",
        ),
        (
            {"AttributeValueList": [], "Value": {"S": "a"}, "ComparisonOperator": "EQ"},
            "Value and AttributeValueList cannot be used together for Attribute: a",
        ),
        (
            {"AttributeValueList": []},
            "AttributeValueList can only be used with a ComparisonOperator for Attribute: a",
        ),
        ({}, "Value must be provided when Exists is null for Attribute: a"),
        ({"Exists": True}, "Value must be provided when Exists is true for Attribute: a"),
        (
            {"Exists": False, "Value": {"S": "a"}},
            "Value cannot be used when Exists is false for Attribute: a",
        ),
        (
            {"ComparisonOperator": "EQ", "AttributeValueList": []},
            "Invalid number of argument(s) for the EQ ComparisonOperator",
        ),
        (
            {"ComparisonOperator": "LT", "AttributeValueList": [{"BOOL": True}]},
            "ComparisonOperator LT is not valid for BOOL AttributeValue type",
        ),
        (
            {"ComparisonOperator": "IN", "AttributeValueList": [{"S": "a"}, {"N": "1"}]},
            "AttributeValues inside AttributeValueList must be of same type",
        ),
    ],
)
def test_an_odd_expectation_is_refused(given, why):
    with pytest.raises(ValidationException) as refused:
        expected_plan({"a": given})
    assert refused.value.text == f"One or more parameter values were invalid: {why}"


def test_expectations_of_existence_and_value():
    for expected, verdict in (
        ({"pk": {"Exists": False}}, False),
        ({"gone": {"Exists": False}}, True),
        ({"text": {"Exists": True, "Value": {"S": "hello"}}}, True),
        ({"text": {"Value": {"S": "other"}}}, False),
    ):
        plan, values = expected_plan(expected)
        assert plan.test(ITEM, values) is verdict


def test_attribute_updates_put_add_and_delete():
    plan, values = updates_plan(
        {
            "text": {"Value": {"S": "new"}},
            "#n": {"Action": "ADD", "Value": {"N": "2"}},
            "tags": {"Action": "DELETE", "Value": {"SS": ["a"]}},
            "list": {"Action": "ADD", "Value": {"L": [{"S": "x"}]}},
            "pk": {"Action": "DELETE"},
        }
    )
    assert plan.apply(ITEM, values) == {
        "#n": {"N": "7"},
        "tags": {"SS": ["b"]},
        "text": {"S": "new"},
        "list": {"L": [{"S": "x"}]},
    }
    plan, values = updates_plan({"text": {"Action": "ADD", "Value": {"N": "1"}}})
    with pytest.raises(ValidationException, match="Type mismatch for attribute to update"):
        plan.apply(ITEM, values)
    with pytest.raises(ValidationException, match="ADD action is not supported for the type S"):
        updates_plan({"text": {"Action": "ADD", "Value": {"S": "1"}}})
    with pytest.raises(
        ValidationException, match="Only DELETE action is allowed when no attribute value is specified"
    ):
        updates_plan({"text": {"Action": "PUT"}})


def test_attributes_to_get_must_not_repeat():
    assert attributes_projection(["pk", "gone"])(ITEM) == {"pk": {"S": "k"}}
    with pytest.raises(ValidationException, match="Duplicate value in attribute name: a"):
        attributes_projection(["a", "b", "a"])


def test_key_conditions_take_the_form_of_the_expression():
    conditions = {"pk": one("EQ", {"S": "k"}), "sk": one("BEGINS_WITH", {"S": "a"})}
    assert legacy_key_conditions(conditions) == {
        "pk": ("=", [{"S": "k"}]),
        "sk": ("begins_with", [{"S": "a"}]),
    }


def test_old_and_new_parameters_exclude_one_another():
    with pytest.raises(ValidationException) as refused:
        refuse_mixing({"ConditionExpression": "a = b"}, {"Expected": {}}, None, None)
    assert refused.value.text == (
        "Can not use both expression and non-expression parameters in the same request: "
        "Non-expression parameters: {Expected} Expression parameters: {ConditionExpression}"
    )
    with pytest.raises(ValidationException) as refused:
        refuse_mixing(
            {"UpdateExpression": None, "ConditionExpression": None}, {"Expected": None}, None, {":v": {}}
        )
    assert refused.value.text == (
        "ExpressionAttributeValues can only be specified when using expressions: "
        "UpdateExpression and ConditionExpression are null"
    )
    with pytest.raises(ValidationException) as refused:
        refuse_mixing({"ProjectionExpression": None}, {}, {"#n": "n"}, None)
    assert refused.value.text == "ExpressionAttributeNames can only be specified when using expressions"
    refuse_mixing(
        {"FilterExpression": "a = b", "KeyConditionExpression": None},
        {"KeyConditions": {}},
        {"#n": "n"},
        None,
    )
