"""DynamoDB: what updates make of items and of nothing, and what expressions may say of keys. Where AWS's answer is in no model, the test
that saw it is named: of scylladb/scylladb (test/alternator), of architect/dynalite (recorded from AWS), of nubo-db/dynoxide (captured)."""

from __future__ import annotations

import pytest
from music import G, index, table
from refusals import refused

KEY = {"pk": {"S": "a"}, "sk": {"S": "1"}}
INVALID = "One or more parameter values were invalid: "


@pytest.fixture
def ddb(cloud):
    client = cloud.client("dynamodb")
    table(
        client, attributes=G, GlobalSecondaryIndexes=[index("z-by-g", "g")],
        LocalSecondaryIndexes=[index("local", "pk", "g", ProjectionType="KEYS_ONLY")],
    )  # fmt: skip
    return client


def update(ddb, expression, values=None, names=None, method=None, **more):
    more |= {"ExpressionAttributeValues": values} if values else {}
    more |= {"ExpressionAttributeNames": names} if names else {}
    return (method or ddb.update_item)(TableName="music", Key=KEY, UpdateExpression=expression, **more)


def told_of(ddb, expression, values=None, names=None, **more):
    more |= {"ExpressionAttributeValues": values} if values else {}
    more |= {"ExpressionAttributeNames": names} if names else {}
    code, text = refused(ddb.update_item, TableName="music", Key=KEY, UpdateExpression=expression, **more)
    assert code == "ValidationException"
    return text


# What is made of nothing -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "asked",
    [
        {"UpdateExpression": "REMOVE n"},
        {"UpdateExpression": "REMOVE m.n, l[0]"},
        {"UpdateExpression": "DELETE s :s", "ExpressionAttributeValues": {":s": {"SS": ["x"]}}},
        {"AttributeUpdates": {"n": {"Action": "DELETE"}}},
        {"AttributeUpdates": {"s": {"Action": "DELETE", "Value": {"SS": ["x"]}}}},
    ],
)
def test_what_only_takes_away_makes_no_item(ddb, asked):
    # scylladb: test_update_item_non_existent, test_update_item_delete, test_nested_attribute_remove_from_missing_item.
    answer = ddb.update_item(TableName="music", Key=KEY, ReturnValues="ALL_NEW", ReturnConsumedCapacity="TOTAL", **asked)
    assert "Attributes" not in answer
    assert answer["ConsumedCapacity"]["CapacityUnits"] == 1
    assert "Item" not in ddb.get_item(TableName="music", Key=KEY)


@pytest.mark.parametrize(
    "asked",
    [{}, {"AttributeUpdates": {}}, {"UpdateExpression": "REMOVE n SET o = :v", "ExpressionAttributeValues": {":v": {"N": "1"}}}],
)
def test_what_puts_something_or_asks_for_nothing_makes_an_item(ddb, asked):
    ddb.update_item(TableName="music", Key=KEY, **asked)
    made = ddb.get_item(TableName="music", Key=KEY)["Item"]
    assert made == (KEY | {"o": {"N": "1"}} if "UpdateExpression" in asked else KEY)


def test_what_only_takes_away_makes_no_item_in_a_transaction_and_is_told_to_no_stream(cloud, ddb):
    table(ddb, "told", StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"})
    streams = cloud.client("dynamodbstreams")
    ddb.transact_write_items(TransactItems=[{"Update": {"TableName": "told", "Key": KEY, "UpdateExpression": "REMOVE n"}}])
    assert "Item" not in ddb.get_item(TableName="told", Key=KEY)
    arn = ddb.describe_table(TableName="told")["Table"]["LatestStreamArn"]
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    at = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    assert streams.get_records(ShardIterator=at)["Records"] == []


# What expressions are made of -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "token", "near"),
    [
        ("SET _123 = :v", "_", "SET _123"),
        ("SET _abc = :v", "_", "SET _abc"),
        ("SET a = _f(b, c)", "_", "= _f"),
        ("SET a._b = :v", "_", "._b"),
    ],
)
def test_no_name_begins_with_an_underscore(ddb, expression, token, near):
    # scylladb: test_update_expression_name_token and test_update_expression_unknown_function.
    text = told_of(ddb, expression, {":v": {"N": "1"}})
    assert text == f'Invalid UpdateExpression: Syntax error; token: "{token}", near: "{near}"'


def test_a_placeholder_may_begin_with_an_underscore(ddb):
    update(ddb, "SET #_ = :_", {":_": {"N": "1"}}, {"#_": "_a"})
    assert ddb.get_item(TableName="music", Key=KEY)["Item"]["_a"] == {"N": "1"}


@pytest.mark.parametrize("function", ["if_not_exists", "list_append"])
def test_functions_of_updates_are_none_of_conditions(ddb, function):
    # scylladb: test_update_condition_other_funcs.
    text = told_of(ddb, "SET n = :v", {":v": {"N": "1"}}, ConditionExpression=f"{function}(a, a) = :v")
    assert text == f"Invalid ConditionExpression: The function is not allowed in a condition expression; function: {function}"


@pytest.mark.parametrize("function", ["size", "attribute_exists"])
def test_functions_of_conditions_are_none_of_updates(ddb, function):
    text = told_of(ddb, f"SET n = {function}(a)")
    assert text == f"Invalid UpdateExpression: The function is not allowed in an update expression; function: {function}"


@pytest.mark.parametrize(
    "operand", ["list_append(list_append(:a, :b), :c)", "if_not_exists(z, list_append(:a, :b))", "list_append(:a, :b) + :c"]
)
def test_lists_are_not_joined_within_something_else(ddb, operand):
    # scylladb: test_update_expression_function_nesting.
    values = {name: {"L": []} for name in (":a", ":b", ":c") if name in operand}
    text = told_of(ddb, f"SET l = {operand}", values)
    assert text == "Invalid UpdateExpression: The function is not allowed to be used this way in an expression; function: list_append"


def test_what_is_there_or_else_may_stand_within_something_else(ddb):
    values = {":a": {"L": [{"S": "x"}]}, ":b": {"L": [{"S": "y"}]}}
    update(ddb, "SET l = list_append(if_not_exists(l, if_not_exists(k, :a)), :b)", values)
    assert ddb.get_item(TableName="music", Key=KEY)["Item"]["l"] == {"L": [{"S": "x"}, {"S": "y"}]}


@pytest.mark.parametrize(("a", "b"), [("1e50", "1"), ("1e30", "0.0000000001")])
@pytest.mark.parametrize("sign", "+-")
def test_a_sum_that_is_too_precise_is_said_to_be_too_large(ddb, a, b, sign):
    # scylladb: test_update_expression_plus_imprecise.
    text = told_of(ddb, f"SET n = :a {sign} :b", {":a": {"N": a}, ":b": {"N": b}})
    assert text == "Number overflow. Attempting to store a number with magnitude larger than supported range"


@pytest.mark.parametrize(
    "asked",
    [
        {"UpdateExpression": "SET #n = :v", "ExpressionAttributeNames": {"#n": ""}, "ExpressionAttributeValues": {":v": {"N": "1"}}},
        {"AttributeUpdates": {"": {"Action": "PUT", "Value": {"N": "1"}}}},
    ],
)
def test_an_attribute_has_a_name(ddb, asked):
    # scylladb: test_limit_attribute_length_nonkey_empty.
    code, text = refused(ddb.update_item, TableName="music", Key=KEY, **asked)
    assert (code, "Empty attribute name" in text) == ("ValidationException", True)
    code, text = refused(ddb.put_item, TableName="music", Item={**KEY, "": {"S": "x"}})
    assert (code, text) == ("ValidationException", INVALID + "Empty attribute name")
    code, text = refused(ddb.get_item, TableName="music", Key=KEY, AttributesToGet=[""])
    assert (code, text) == ("ValidationException", INVALID + "Empty attribute name")


# Keys of indexes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "value"),
    [("SET g = :v", {"N": "1"}), ("SET g = n + :v", {"N": "1"}), ("ADD g :v", {"N": "1"}), ("SET g = list_append(n, :v)", {"L": []})],
)
def test_an_update_that_gives_an_indexs_key_another_type_is_told_of_the_index(ddb, expression, value):
    # dynalite: updateItem.js; which index is named: nubo-db/dynoxide, tests/index_key_validation.rs.
    [kind] = value
    told = f"{INVALID}Type mismatch for Index Key g Expected: S Actual: {kind} IndexName: local"
    assert told_of(ddb, expression, {":v": value}) == told


def test_old_updates_are_told_so_too(ddb):
    # scylladb: test_gsi_null_value.
    told = f"{INVALID}Type mismatch for Index Key g Expected: S Actual: NULL IndexName: local"
    answer = refused(ddb.update_item, TableName="music", Key=KEY, AttributeUpdates={"g": {"Action": "PUT", "Value": {"NULL": True}}})
    assert answer == ("ValidationException", told)
    assert refused(ddb.put_item, TableName="music", Item={**KEY, "g": {"NULL": True}}) == ("ValidationException", told)


def test_an_update_that_finds_another_type_in_the_item_is_told_of_no_index(ddb):
    update(ddb, "SET n = :v", {":v": {"N": "1"}})
    assert told_of(ddb, "SET g = n") == "The update expression attempted to update the secondary index key to unsupported type"


@pytest.mark.parametrize("expression", ["SET g = :v", "SET g = e"])
def test_an_update_leaves_no_indexs_key_empty(ddb, expression):
    # nubo-db/dynoxide: update_set_empty_string_index_key_rejected.
    update(ddb, "SET e = :v", {":v": {"S": ""}})
    told = told_of(ddb, expression, {":v": {"S": ""}} if ":v" in expression else None)
    assert told == (
        "One or more parameter values are not valid. The update expression attempted to update a secondary index key to a value that is not "
        "supported. The AttributeValue for a key attribute cannot contain an empty string value."
    )


@pytest.mark.parametrize(
    "action",
    [
        {"Put": {"TableName": "music", "Item": {**KEY, "g": {"S": ""}}}},
        {
            "Update": {
                "TableName": "music", "Key": KEY, "UpdateExpression": "SET g = :v", "ExpressionAttributeValues": {":v": {"S": ""}},
            }
        },
    ],
)  # fmt: skip
def test_an_empty_key_of_an_index_cancels_no_transaction(ddb, action):
    # nubo-db/dynoxide: transact_put_empty_string_index_key_is_top_level_validation.
    code, text = refused(ddb.transact_write_items, TransactItems=[action])
    assert code == "ValidationException"
    assert "secondary index key" in text


LOOKS_INTO = "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: "


def test_no_expression_looks_into_a_key(ddb):
    # dynalite: getItem.js, query.js, scan.js and updateItem.js.
    assert told_of(ddb, "SET n = pk.a") == f"{LOOKS_INTO}Key: pk"
    assert told_of(ddb, "SET n = g[0]") == f"{LOOKS_INTO}IndexKey: g"
    assert told_of(ddb, "SET n = :v", {":v": {"S": "x"}}, ConditionExpression="g.a = :v") == f"{LOOKS_INTO}IndexKey: g"
    values = {":v": {"S": "x"}}
    asked = [
        (ddb.get_item, {"Key": KEY, "ProjectionExpression": "g.a"}, "IndexKey: g"),
        (ddb.get_item, {"Key": KEY, "ProjectionExpression": "sk[0]"}, "Key: sk"),
        (ddb.scan, {"FilterExpression": "attribute_exists(pk.a)"}, "Key: pk"),
        (
            ddb.query,
            {"KeyConditionExpression": "pk = :v", "FilterExpression": "g[1] = :v", "ExpressionAttributeValues": values},
            "IndexKey: g",
        ),
    ]
    for method, params, which in asked:
        assert refused(method, TableName="music", **params) == ("ValidationException", LOOKS_INTO + which)


def test_of_several_keys_that_do_not_fit_a_transaction_tells_the_first(cloud, ddb):
    # scylladb: test_transact_write_cancellation_reasons_validationerror.
    wrong = {"Put": {"TableName": "music", "Item": {"pk": {"N": "1"}, "sk": {"S": "1"}}}}
    never = {"Put": {"TableName": "music", "Item": KEY, "ConditionExpression": "attribute_exists(pk)"}}
    with pytest.raises(ddb.exceptions.TransactionCanceledException) as caught:
        ddb.transact_write_items(TransactItems=[wrong, wrong, never])
    assert [reason["Code"] for reason in caught.value.response["CancellationReasons"]] == ["ValidationError", "None", "None"]


# Where queries begin and what they ask --------------------------------------------------------------


def test_a_query_has_conditions_on_two_attributes_at_most(ddb):
    # scylladb: test_key_condition_expression_non_key; the text: dynalite, query.js.
    values = {":p": {"S": "a"}, ":s": {"S": "1"}, ":n": {"N": "1"}}
    answer = refused(
        ddb.query, TableName="music", KeyConditionExpression="pk = :p AND sk < :s AND n < :n", ExpressionAttributeValues=values
    )
    assert answer == ("ValidationException", "Conditions can be of length 1 or 2 only")


def test_nothing_follows_the_only_item_of_a_partition(ddb):
    # scylladb: test_query_no_sort_key_exclusive_start_key.
    ddb.create_table(
        TableName="single", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "p", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "p", "AttributeType": "S"}],
    )  # fmt: skip
    answer = refused(
        ddb.query, TableName="single", KeyConditionExpression="p = :p", ExpressionAttributeValues={":p": {"S": "a"}},
        ExclusiveStartKey={"p": {"S": "a"}},
    )  # fmt: skip
    told = "The provided exclusive start key is invalid: ExclusiveStartKey: {p=AttributeValue: {S:a}}"
    assert answer == ("ValidationException", told)
    ddb.put_item(TableName="single", Item={"p": {"S": "a"}})
    assert ddb.scan(TableName="single", ExclusiveStartKey={"p": {"S": "a"}})["Items"] == []
