"""DynamoDB: whatever is sent, the answer is AWS's, never a failure of ours."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from music import G, index, table

from kumoniwa.kernel.principal import ANONYMOUS
from kumoniwa.services.dynamodb.api import conditions_of, resource_of

AUTHORIZATION = "AWS4-HMAC-SHA256 Credential=test/20300101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0"
BOUNDED = settings(
    max_examples=80, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip


def send(cloud, operation, body, service="DynamoDB_20120810"):
    """Answers the code of the refusal, or an empty text. Nothing may answer 500."""
    headers = {
        "x-amz-target": f"{service}.{operation}", "content-type": "application/x-amz-json-1.0",
        "authorization": AUTHORIZATION, "x-amz-date": "20300101T000000Z",
    }  # fmt: skip
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    status, _, answer = cloud.http("POST", "/", headers=headers, body=content)
    assert status in (200, 400, 501), (status, answer, content[:500])
    return json.loads(answer).get("__type", "").rpartition("#")[2]


@pytest.fixture
def world(cloud):
    table(cloud.client("dynamodb"), attributes=G, GlobalSecondaryIndexes=[index("by-g", "g")])
    cloud.client("dynamodb").put_item(
        TableName="music", Item={"pk": {"S": "a"}, "sk": {"S": "1"}, "n": {"N": "1"}}
    )
    return cloud


text = some.sampled_from(
    ["", "a", "pk", "é", "\x00", "1", "1e999999999999", "-", "#a", ":a", "YQ==", "a" * 3_000]
) | some.text(max_size=6)
scalar = text | some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False)
junk = some.recursive(
    scalar,
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)
kinds = some.sampled_from(["S", "N", "B", "SS", "NS", "BS", "M", "L", "BOOL", "NULL", "X"])
number = some.sampled_from(
    ["0", "-0.0", "1", "-7", "1e125", "9e-130", "0.1", "99999999999999999999999999999999999999", "1e126", "x"]
)
sound = some.recursive(
    text.map(lambda content: {"S": content})
    | number.map(lambda content: {"N": content})
    | some.just({"B": "YQ=="})
    | some.lists(text, min_size=1, max_size=3).map(lambda members: {"SS": members})
    | some.lists(number, min_size=1, max_size=3).map(lambda members: {"NS": members})
    | some.just({"NULL": True}),
    lambda inner: (
        some.lists(inner, max_size=3).map(lambda members: {"L": members})
        | some.dictionaries(text, inner, max_size=2).map(lambda members: {"M": members})
    ),
    max_leaves=5,
)
value = sound | some.one_of(
    sound, sound, some.dictionaries(kinds, junk | some.lists(text, max_size=3), min_size=1, max_size=2) | junk
)
string = text.map(lambda content: {"S": content})
key_part = some.sampled_from(["a", "b", "1"]).map(lambda content: {"S": content})
key = some.fixed_dictionaries({"pk": key_part, "sk": key_part}) | some.dictionaries(text, value, max_size=3)
attributes = some.dictionaries(some.sampled_from(["n", "g", "l", "m", ""]), value, max_size=3)
item = some.tuples(key, attributes).map(lambda parts: {**parts[1], **parts[0]})
jumble = some.lists(
    some.sampled_from(
        ["SET", "REMOVE", "ADD", "DELETE", "pk", "n", "g", "#a", ":a", "=", "<", "(", ")", "AND", "OR", "NOT", ",", "+", "BETWEEN",
         "IN", "begins_with", "size", "attribute_exists", "if_not_exists", "list_append", "[0]", ".", "[99999999999]", "é"]
    ),
    max_size=9,
).map(" ".join)  # fmt: skip
conditions = some.sampled_from(
    ["n = :a", "n < :a", "NOT contains(n, :a)", "begins_with(g, :a)", "n BETWEEN :a AND :a", "n IN (:a, l[0])", "size(l) > :a",
     "attribute_type(n, :a)", "m.x.y[3] <> :a", "pk = :a", "pk = :a AND sk > :a", "(n = :a) OR (l = :a)"]
)  # fmt: skip
updates = some.sampled_from(
    ["SET n = :a", "SET n = n + :a", "SET l[1] = :a REMOVE m.x", "ADD n :a", "DELETE n :a", "SET l = list_append(l, :a)",
     "SET g = :a", "SET pk = :a", "SET m.x = if_not_exists(m.x, :a)", "ADD l :a REMOVE g"]
)  # fmt: skip
words = conditions | updates | jumble
expressions = {
    "ExpressionAttributeNames": some.dictionaries(some.just("#a") | text, text, max_size=2),
    "ExpressionAttributeValues": value.map(lambda given: {":a": given})
    | some.dictionaries(text, value, max_size=2),
}
sound_parts = {
    "Put": {"Item": item}, "Update": {"Key": key, "UpdateExpression": updates}, "Delete": {"Key": key},
    "ConditionCheck": {"Key": key, "ConditionExpression": conditions},
}  # fmt: skip


def bound(params, given):
    """The parameters with a value for ``:a`` if an expression asks for it."""
    asks = any(":a" in text for name, text in params.items() if name.endswith("Expression"))
    return {"ExpressionAttributeValues": {":a": given}, **params} if asks else params


actions = some.sampled_from(sorted(sound_parts)).flatmap(
    lambda kind: some.tuples(
        some.fixed_dictionaries({"TableName": some.just("music"), **sound_parts[kind]}), value
    ).map(lambda drawn: {kind: bound(*drawn)})
)
OPERATIONS = {
    "GetItem": {"Key": key, "ProjectionExpression": words, "AttributesToGet": some.lists(text, max_size=2)},
    "PutItem": {"Item": item, "ConditionExpression": words, "Expected": some.dictionaries(text, junk, max_size=2)},
    "UpdateItem": {"Key": key, "UpdateExpression": updates | jumble, "ConditionExpression": conditions, "AttributeUpdates": some.dictionaries(text, junk, max_size=2)},
    "DeleteItem": {"Key": key, "ConditionExpression": conditions | jumble, "ReturnValues": text},
    "Query": {
        "KeyConditionExpression": words, "FilterExpression": words, "ExclusiveStartKey": item, "IndexName": some.just("by-g") | text,
        "Limit": some.integers(), "Select": text, "KeyConditions": some.dictionaries(text, junk, max_size=2),
    },
    "Scan": {"FilterExpression": words, "ExclusiveStartKey": item, "Segment": some.integers(), "TotalSegments": some.integers(-1, 10**7)},
}  # fmt: skip


@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_request_on_items_makes_us_fail(world, operation):
    parameters = OPERATIONS[operation] | expressions

    @BOUNDED
    @given(
        some.sets(some.sampled_from(sorted(parameters)), max_size=3).flatmap(
            lambda names: some.fixed_dictionaries(
                {n: parameters[n] for n in names | {next(iter(parameters))}}
            )
        ),
        value,
    )
    def check(params, given):
        send(world, operation, {"TableName": "music", **bound(params, given)})

    check()


@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_policies_may_ask_of_a_request_can_always_be_answered(world, operation):
    parameters = OPERATIONS[operation] | expressions
    call = world.region().call("dynamodb", "000000000000", ANONYMOUS)

    @BOUNDED
    @given(some.fixed_dictionaries({}, optional=parameters), value)
    def check(params, given):
        asked = {"TableName": "music", **bound(params, given)}
        assert resource_of(call, operation, asked).startswith(
            "arn:aws:dynamodb:us-east-1:000000000000:table/music"
        )
        for answer in conditions_of(call, operation, asked).values():
            if callable(answer):
                assert isinstance(answer(), list)

    check()


@BOUNDED
@given(some.lists(actions, max_size=3), text)
def test_no_transaction_makes_us_fail(world, asked, token):
    send(world, "TransactWriteItems", {"TransactItems": asked, "ClientRequestToken": token})


@BOUNDED
@given(some.sampled_from(["CreateTable", "UpdateTable", "BatchGetItem", "BatchWriteItem", "TransactGetItems", "UpdateTimeToLive", "TagResource",
                          "DescribeTable", "DeleteTable", "ListTables"]),
       some.dictionaries(some.sampled_from(
           ["TableName", "KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes", "LocalSecondaryIndexes", "GlobalSecondaryIndexUpdates",
            "ProvisionedThroughput", "RequestItems", "TransactItems", "TimeToLiveSpecification", "StreamSpecification", "ResourceArn", "Tags",
            "BillingMode", "Limit"]), junk, max_size=4))  # fmt: skip
def test_no_request_on_tables_makes_us_fail(world, operation, params):
    send(world, operation, params)


@BOUNDED
@given(some.binary(max_size=40) | junk.map(lambda body: json.dumps(body).encode()))
def test_no_body_makes_us_fail(world, body):
    send(world, "PutItem", body)
    send(world, "GetRecords", body, "DynamoDBStreams_20120810")


@pytest.mark.parametrize("depth", [31, 32, 33, 300, 5_000])
def test_nesting_ends_at_32_levels(world, depth):
    # 32 levels: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
    deep = b'{"L":[' * (depth - 1) + b'{"S":"x"}' + b"]}" * (depth - 1)
    body = b'{"TableName":"music","Item":{"pk":{"S":"d"},"sk":{"S":"d"},"x":' + deep + b"}}"
    code = send(world, "PutItem", body)
    assert code == (
        "" if depth <= 32 else "SerializationException" if depth >= 5_000 else "ValidationException"
    )


def test_deep_values_are_refused_wherever_they_stand(world):
    deep = {"S": "x"}
    for _ in range(300):
        deep = {"L": [deep]}
    key = {"pk": {"S": "a"}, "sk": {"S": "1"}}
    named = {
        "TableName": "music",
        "Key": key,
        "ConditionExpression": "n = :a",
        "ExpressionAttributeValues": {":a": deep},
    }
    assert send(world, "DeleteItem", named) == "ValidationException"
    transaction = {"TransactItems": [{"Delete": named}], "ClientRequestToken": "t"}
    assert send(world, "TransactWriteItems", transaction) == "ValidationException"
    assert (
        send(world, "Query", {"TableName": "music", "ExclusiveStartKey": {"pk": deep}})
        == "ValidationException"
    )


def test_an_expression_without_end_is_refused(world):
    key = {"pk": {"S": "a"}, "sk": {"S": "1"}}
    for condition in (
        "(" * 3_000 + "n = n" + ")" * 3_000,
        "NOT " * 1_500 + "n = n",
        "n" + ".n" * 2_500 + " = n",
    ):
        asked = {"TableName": "music", "Key": key, "ConditionExpression": condition}
        assert send(world, "DeleteItem", asked) == "ValidationException"
