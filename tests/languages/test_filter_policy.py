"""SNS's filter policies. What they refuse was recorded from AWS by localstack's test_sns_filter_policy."""

from __future__ import annotations

import json

import pytest

from kumoniwa.languages.event_pattern import InvalidPattern
from kumoniwa.languages.filter_policy import NestedPolicy, attributes_laid_flat, body_laid_flat, compile

REFUSED = [
    ('{"key":[["value"]]}', "Match value must be String, number, true, false, or null", 10),
    ('{"key":[{"wrong-operator":true}]}', "Unrecognized match type wrong-operator", 31),
    ('{"key":[{"suffix":"value","prefix":"value2"}]}', "Only one key allowed in match expression", 37),
    ('{"key":[]}', "Empty arrays are not allowed", 10),
    ('{"key":[{"suffix":100}]}', "suffix match pattern must be a string", 22),
    ('{"key":{"suffix":"value"}}', '"suffix" must be an object or an array', 19),
    ('{"key":[{"cidr":["bad-filter"]}]}', "prefix match pattern must be a string", 18),
    ('{"key":[{"numeric":[]}]}', "Invalid member in numeric match: ]", 22),
    ('{"key":[{"numeric":["operator"]}]}', "Unrecognized numeric range operator: operator", 32),
    ('{"key":[{"numeric":[1,"<="]}]}', "Invalid member in numeric match: 1", 22),
    ('{"key":[{"numeric":[">",20,30]}]}', "Bad value in numeric range: 30", 30),
    ('{"key":[{"numeric":[">",20,"<",30,"<",50]}]}', "Too many terms in numeric range expression", 36),
    ('{"key":[{"numeric":[">",3,"<",1]}]}', "Bottom must be less than top", 33),
    ('{"key":[{"exists":"no"}]}', "exists match pattern must be either true or false.", 20),
    ('{"key":[{"anything-but":{"wrong-operator":null}}]}', "Unsupported anything-but pattern: wrong-operator", 47),
    ('{"key":[{"anything-but":{"suffix":"test"}}]}', "Unsupported anything-but pattern: suffix", 36),
    ('{"key":[{"anything-but":{"prefix":false}}]}', "prefix match pattern must be a string", 40),
]


@pytest.mark.parametrize("policy, reason, column", REFUSED)
def test_what_is_no_policy_is_refused_where_aws_stopped_reading(policy, reason, column):
    with pytest.raises(InvalidPattern) as refused:
        compile(policy, "MessageBody")
    assert str(refused.value) == reason + f'\n at [Source: (String)"{policy}"; line: 1, column: {column}]'


SIX = {f"key{n}": ["value"] for n in range(6)}
OR_152 = {
    "source": list("abcd"),
    "$or": [{"metricName": list("abcdef")}, {"metricType": list("abcd"), "$or": [{"metricId": [1, 2, 3, 4]}, {"spaceId": [1, 2, 3, 4]}]}],
}
OR_150 = {
    "source": list("abc"),
    "$or": [{"metricName": list("abcdef")}, {"metricType": list("abcd"), "$or": [{"metricId": [1, 2, 3, 4]}, {"spaceId": [1, 2, 3, 4, 5, 6, 7]}]}],
}
NESTED = {"key_a": {"key_b": {"key_c": list("abcd")}}, "key_d": {"key_e": list("abc")}, "key_f": list("abc")}


@pytest.mark.parametrize("policy, reason", [
    ({"key": [f"value{n}" for n in range(151)]}, "Filter policy is too complex"),
    (SIX, "Filter policy can not have more than 5 keys"),
    (OR_152, "Filter policy is too complex"),
    (NESTED, "Filter policy is too complex"),
])  # fmt: skip
def test_a_policy_has_bounds(policy, reason):
    with pytest.raises(InvalidPattern, match=f"^{reason}$"):
        compile(json.dumps(policy), "MessageBody")


def test_a_policy_may_reach_its_bounds():
    compile(json.dumps(OR_150), "MessageAttributes")
    compile(json.dumps({"key": [f"value{n}" for n in range(150)]}), "MessageAttributes")


def test_what_is_no_json_is_refused_by_the_reader_before():
    with pytest.raises(InvalidPattern) as refused:
        compile("{invalid", "MessageAttributes")
    assert str(refused.value) == (
        "failed to parse JSON. Unexpected character ('i' (code 105)): was expecting double-quote to start field name\n"
        " at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 2]"
    )


def test_attributes_lie_flat():
    with pytest.raises(NestedPolicy):
        compile('{"object":{"key":[{"prefix":"auto-"}]}}', "MessageAttributes")


def text(value: str) -> dict:
    return {"DataType": "String", "StringValue": value}


def number(value: str) -> dict:
    return {"DataType": "Number", "StringValue": value}


def array(*values) -> dict:
    return {"DataType": "String.Array", "StringValue": json.dumps(values)}


WANTED = [
    ({"a": ["x", "y"]}, {"a": text("y")}, True),
    ({"a": ["x", "y"]}, {"a": text("z")}, False),
    ({"a": ["x"], "b": ["y"]}, {"a": text("x")}, False),
    ({"a": ["7"]}, {"a": number("7")}, False),
    ({"a": [7]}, {"a": number("7.0")}, True),
    ({"a": [7]}, {"a": text("7")}, False),
    ({"a": [{"numeric": [">", 0, "<=", 100]}]}, {"a": number("99.12")}, True),
    ({"a": [{"numeric": [">", 0, "<=", 100]}]}, {"a": number("111")}, False),
    ({"a": [{"numeric": ["=", 301.5]}]}, {"a": number("3.015e2")}, True),
    # Five digits count: https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html
    ({"a": [123.456789]}, {"a": number("123.4567891")}, True),
    ({"a": [123.456789]}, {"a": array(123.4567891)}, True),
    ({"a": [123.45678]}, {"a": number("123.45679")}, False),
    ({"a": ["rugby"]}, {"a": array("rugby", "tennis")}, True),
    ({"a": ["rugby"]}, {"a": array("tennis")}, False),
    ({"a": [True, None]}, {"a": array(None)}, True),
    ({"a": [{"anything-but": ["rugby", "tennis"]}]}, {"a": array("rugby", "baseball")}, True),
    ({"a": [{"anything-but": ["rugby", "tennis"]}]}, {"a": array("rugby", "tennis")}, False),
    ({"a": [{"anything-but": {"prefix": "bas"}}]}, {"a": text("rugby")}, True),
    ({"a": [{"anything-but": {"prefix": "bas"}}]}, {"a": text("baseball")}, False),
    ({"a": [{"anything-but": {"wildcard": "*ball"}}]}, {"a": text("baseball")}, False),
    ({"a": [{"anything-but": [100, 500]}]}, {"a": number("101")}, True),
    ({"a": [{"prefix": "bas"}]}, {"a": text("baseball")}, True),
    ({"a": [{"suffix": "ball"}]}, {"a": text("baseball")}, True),
    ({"a": [{"wildcard": "b*l"}]}, {"a": text("baseball")}, True),
    ({"a": [{"equals-ignore-case": "TENNIS"}]}, {"a": text("tennis")}, True),
    ({"a": [{"cidr": "10.0.0.0/24"}]}, {"a": text("10.0.0.255")}, True),
    ({"a": [{"cidr": "10.0.0.0/24"}]}, {"a": text("10.0.1.1")}, False),
    ({"a": [{"exists": True}]}, {"a": number("1")}, True),
    ({"a": [{"exists": True}]}, {"a": {"DataType": "Binary", "BinaryValue": b"x"}}, False),
    ({"a": [{"exists": False}]}, {"b": number("1")}, True),
    ({"a": [None, {"anything-but": "whatever"}]}, {}, False),
    ({"a": ["x"], "$or": [{"b": ["y"]}, {"c": ["z"]}]}, {"a": text("x"), "c": text("z")}, True),
    ({"a": ["x"], "$or": [{"b": ["y"]}, {"c": ["z"]}]}, {"a": text("x")}, False),
    ({}, {}, True),
]  # fmt: skip


@pytest.mark.parametrize("policy, attributes, is_wanted", WANTED)
def test_a_message_is_wanted_by_its_attributes(policy, attributes, is_wanted):
    assert compile(json.dumps(policy), "MessageAttributes").matches_flat(attributes_laid_flat(attributes)) is is_wanted


RECORDS = {"Records": {"s3": {"object": {"key": [{"prefix": "auto-"}]}}, "eventName": [{"prefix": "ObjectCreated:"}]}}


def record(event: str, key) -> dict:
    return {"eventName": event, "s3": {"object": {"key": key}}}


@pytest.mark.parametrize("policy, body, is_wanted", [
    (RECORDS, {"Records": [record("ObjectCreated:Put", "auto-1")]}, True),
    (RECORDS, {"Records": [record("ObjectRemoved:Delete", "auto-1")]}, False),
    (RECORDS, {"Records": [record("ObjectCreated:Put", "home-1"), record("ObjectRemoved:Delete", "auto-1")]}, False),
    (RECORDS, {"Records": [{"eventName": "ObjectCreated:Put", "s3": {"object": [[{"key": "auto-1"}]]}}, record("ObjectRemoved:Delete", "home-1")]}, True),
    ({"object.nested": ["v"]}, {"object": {"nested": "v"}}, True),
    ({"object": {"nested": ["v"]}}, {"object.nested": "v"}, True),
    ({"detail": {"eventVersion": [""]}}, {"resources": [], "detail": {"eventVersion": "", "responseElements": None}}, True),
    ({"a": [{"exists": False}]}, {"b": 1}, True),
])  # fmt: skip
def test_a_message_is_wanted_by_its_body(policy, body, is_wanted):
    assert compile(json.dumps(policy), "MessageBody").matches_flat(body_laid_flat(json.dumps(body))) is is_wanted


@pytest.mark.parametrize("body", ["no json", '"text"', "[1]", "7"])
def test_a_body_that_is_no_object_cannot_be_asked_about(body):
    assert body_laid_flat(body) is None
