"""DynamoDB: one item, many items, transactions; what a kill leaves."""

from __future__ import annotations

import json
import zlib

import pytest
from botocore.exceptions import ClientError
from music import G, index, table
from refusals import refused

from kumoniwa.gate.identity import SHARED, Credential, Grant, Identity
from kumoniwa.kernel import principal as principals

KEY = {"pk": {"S": "a"}, "sk": {"S": "1"}}


@pytest.fixture
def ddb(cloud):
    client = cloud.client("dynamodb")
    table(
        client, attributes=G, GlobalSecondaryIndexes=[index("by-g", "g")],
        LocalSecondaryIndexes=[index("local", "pk", "g", ProjectionType="KEYS_ONLY")],
    )  # fmt: skip
    table(client, "plain")
    return client


def put(ddb, pk="a", sk="1", **attributes):
    ddb.put_item(TableName="music", Item={"pk": {"S": pk}, "sk": {"S": sk}, **attributes})


def query(ddb, condition, values, **more):
    return ddb.query(
        TableName="music", KeyConditionExpression=condition, ExpressionAttributeValues=values, **more
    )


def test_every_kind_of_value_comes_back_as_it_was(ddb):
    item = {
        **KEY, "n": {"N": "-1.5"}, "b": {"B": b"\x00\xff"}, "t": {"BOOL": True}, "z": {"NULL": True}, "ss": {"SS": ["a", "b"]},
        "ns": {"NS": ["1", "2"]}, "bs": {"BS": [b"x"]}, "l": {"L": [{"S": "null"}, {"M": {"é": {"S": ""}}}]},
    }  # fmt: skip
    ddb.put_item(TableName="music", Item=item)
    assert ddb.get_item(TableName="music", Key=KEY)["Item"] == item


def test_a_write_whose_condition_fails_changes_nothing(ddb):
    put(ddb, n={"N": "1"})
    with pytest.raises(ClientError) as caught:
        ddb.update_item(
            TableName="music", Key=KEY, UpdateExpression="SET n = :v", ConditionExpression="n = :w",
            ExpressionAttributeValues={":v": {"N": "2"}, ":w": {"N": "9"}}, ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )  # fmt: skip
    assert caught.value.response["Error"] == {
        "Code": "ConditionalCheckFailedException",
        "Message": "The conditional request failed",
    }
    assert caught.value.response["Item"]["n"] == {"N": "1"}
    assert ddb.get_item(TableName="music", Key=KEY)["Item"]["n"] == {"N": "1"}


def test_updates_answer_what_was_asked(ddb):
    put(ddb, n={"N": "1"}, m={"S": "x"})

    def add(values):
        return ddb.update_item(
            TableName="music", Key=KEY, UpdateExpression="ADD n :n", ExpressionAttributeValues={":n": {"N": "1"}}, ReturnValues=values
        ).get("Attributes")  # fmt: skip

    assert add("NONE") is None
    assert add("UPDATED_OLD") == {"n": {"N": "2"}}
    assert add("UPDATED_NEW") == {"n": {"N": "4"}}
    assert add("ALL_OLD") == {**KEY, "n": {"N": "4"}, "m": {"S": "x"}}
    assert add("ALL_NEW") == {**KEY, "n": {"N": "6"}, "m": {"S": "x"}}


def test_keys_are_refused_in_awss_words(ddb):
    schema = "The provided key element does not match the schema"
    assert refused(ddb.get_item, TableName="music", Key={"pk": {"S": "a"}}) == ("ValidationException", schema)
    assert refused(ddb.get_item, TableName="nope", Key=KEY) == (
        "ResourceNotFoundException",
        "Requested resource not found",
    )
    assert refused(ddb.put_item, TableName="music", Item={"pk": {"S": "a"}})[1] == (
        "One or more parameter values were invalid: Missing the key sk in the item"
    )
    assert refused(ddb.put_item, TableName="music", Item={**KEY, "x": {"S": "y" * 410_000}})[1] == (
        "Item size has exceeded the maximum allowed size"
    )


def test_legacy_parameters_still_work(ddb):
    put(ddb, n={"N": "1"})
    ddb.update_item(
        TableName="music", Key=KEY, AttributeUpdates={"n": {"Action": "ADD", "Value": {"N": "4"}}},
        Expected={"n": {"Value": {"N": "1"}}},
    )  # fmt: skip
    assert ddb.get_item(TableName="music", Key=KEY, AttributesToGet=["n"])["Item"] == {"n": {"N": "5"}}
    conditions = {"pk": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "a"}]}}
    assert ddb.query(TableName="music", KeyConditions=conditions)["Count"] == 1


def test_an_index_follows_its_items(ddb):
    def found():
        return [
            item["sk"]["S"] for item in query(ddb, "g = :g", {":g": {"S": "x"}}, IndexName="by-g")["Items"]
        ]

    put(ddb, sk="1", g={"S": "x"})
    put(ddb, sk="2")
    assert found() == ["1"]
    ddb.update_item(
        TableName="music", Key={"pk": {"S": "a"}, "sk": {"S": "2"}}, UpdateExpression="SET g = :g",
        ExpressionAttributeValues={":g": {"S": "x"}},
    )  # fmt: skip
    assert sorted(found()) == ["1", "2"]
    put(ddb, sk="1", g={"S": "y"})
    assert found() == ["2"]
    ddb.delete_item(TableName="music", Key={"pk": {"S": "a"}, "sk": {"S": "2"}})
    assert found() == []


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({"Select": "ALL_PROJECTED_ATTRIBUTES"}, "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName"),
        ({"Select": "SPECIFIC_ATTRIBUTES"}, "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES"),
        ({"Select": "COUNT", "ProjectionExpression": "g"}, "Cannot specify the ProjectionExpression when choosing to get only the Count"),
        ({"Select": "ALL_ATTRIBUTES", "ProjectionExpression": "g"}, "Cannot specify the ProjectionExpression when choosing to get ALL_ATTRIBUTES"),
    ],
)
def test_what_is_selected_and_what_is_projected_must_agree(ddb, asked, text):
    # Verified against AWS in August 2026 by moto's test_dynamodb_select: a query says so with a prefix, a scan without.
    condition = {"KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": {"S": "a"}}}
    assert refused(ddb.query, TableName="music", **condition, **asked)[-1] == f"1 validation error detected: {text}"
    assert refused(ddb.scan, TableName="music", **asked)[-1] == text


def test_a_local_index_fetches_what_it_does_not_hold_when_asked(ddb):
    put(ddb, g={"S": "x"}, more={"S": "z"})
    asked = {"condition": "pk = :p", "values": {":p": {"S": "a"}}, "IndexName": "local"}
    assert query(ddb, **asked)["Items"] == [{**KEY, "g": {"S": "x"}}]
    assert query(ddb, **asked, ProjectionExpression="more")["Items"] == [{"more": {"S": "z"}}]
    whole = query(ddb, **asked, Select="ALL_ATTRIBUTES", ReturnConsumedCapacity="INDEXES")
    assert whole["Items"][0]["more"] == {"S": "z"}
    assert (
        whole["ConsumedCapacity"]["Table"]["CapacityUnits"]
        == whole["ConsumedCapacity"]["LocalSecondaryIndexes"]["local"]["CapacityUnits"]
    )


@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize("index_name", [None, "by-g", "local"])
def test_pages_put_together_are_the_whole(ddb, forward, index_name):
    for i in range(23):
        put(ddb, sk=f"{i:02}", g={"S": "x"})
    name = "g" if index_name == "by-g" else "pk"
    asked = {
        "condition": f"{name} = :v", "values": {":v": {"S": "x" if name == "g" else "a"}}, "ScanIndexForward": forward,
    }  # fmt: skip
    if index_name:
        asked["IndexName"] = index_name
    whole = query(ddb, **asked)["Items"]
    pages, start = [], {}
    while True:
        page = query(ddb, **asked, Limit=5, **start)
        pages += page["Items"]
        if "LastEvaluatedKey" not in page:
            break
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    assert pages == whole
    assert len(whole) == 23
    there = [item["sk"]["S"] for item in whole]
    # Of a global index without a sort key, all of these stand at one place, in the order of their hashes.
    assert (sorted(there, reverse=not forward) if index_name == "by-g" else there) == sorted((f"{i:02}" for i in range(23)), reverse=not forward)


def test_a_page_holds_a_megabyte(ddb):
    for i in range(6):
        put(ddb, sk=str(i), data={"S": "x" * 300_000})
    first = query(ddb, "pk = :p", {":p": {"S": "a"}}, ReturnConsumedCapacity="TOTAL", ConsistentRead=True)
    assert first["Count"] == 3
    assert first["LastEvaluatedKey"]["sk"] == {"S": "2"}
    assert first["ConsumedCapacity"]["CapacityUnits"] == 220.0  # 900,0xx bytes in steps of 4 KB
    assert (
        query(ddb, "pk = :p", {":p": {"S": "a"}}, ExclusiveStartKey=first["LastEvaluatedKey"])["Count"] == 3
    )


def test_segments_are_disjoint_and_complete_and_page_by_themselves(ddb):
    for i in range(60):
        ddb.put_item(TableName="plain", Item={"pk": {"S": f"p{i}"}, "sk": {"S": "1"}})
    seen = []
    for segment in range(7):
        start = {}
        while True:
            page = ddb.scan(TableName="plain", Segment=segment, TotalSegments=7, Limit=3, **start)
            seen += [item["pk"]["S"] for item in page["Items"]]
            if "LastEvaluatedKey" not in page:
                break
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    assert sorted(seen) == sorted(f"p{i}" for i in range(60))


def test_a_start_that_lies_elsewhere_is_refused(ddb):
    def start(key, **more):
        return refused(
            query, ddb=ddb, condition="pk = :p", values={":p": {"S": "a"}}, ExclusiveStartKey=key, **more
        )[1]

    assert start({"pk": {"S": "b"}, "sk": {"S": "1"}}).startswith(
        "The provided starting key is outside query boundaries"
    )
    assert start({"pk": {"S": "a"}}).startswith("The provided starting key is invalid")
    assert start({"pk": {"S": "a"}, "sk": {"N": "1"}}).startswith("The provided starting key is invalid")


def test_writes_cost_what_aws_charges(ddb):
    def units(**params):
        return ddb.put_item(TableName="music", ReturnConsumedCapacity="INDEXES", **params)["ConsumedCapacity"]

    new = units(Item={**KEY, "g": {"S": "x"}, "data": {"S": "y" * 1_500}})
    assert new["Table"]["CapacityUnits"] == 2.0
    assert new["GlobalSecondaryIndexes"] == {"by-g": {"CapacityUnits": 2.0}}
    assert new["LocalSecondaryIndexes"] == {"local": {"CapacityUnits": 1.0}}
    # Deleted in one place of the index, put in another.
    assert (
        units(Item={**KEY, "g": {"S": "y"}, "data": {"S": "y" * 1_500}})["GlobalSecondaryIndexes"]["by-g"][
            "CapacityUnits"
        ]
        == 4.0
    )
    # What an index does not project does not touch it.
    assert "LocalSecondaryIndexes" not in units(Item={**KEY, "g": {"S": "y"}, "data": {"S": "z"}})


def test_who_asks_from_inside_gets_plain_values(cloud, ddb):
    put(ddb, n={"N": "1"}, b={"B": b"x"})
    asked = {"TableName": "music", "Key": KEY}
    got = cloud.run(cloud.region().gate.ask(principals.root("000000000000"), "dynamodb:GetItem", asked))
    assert got["Item"] == {**KEY, "n": {"N": "1"}, "b": {"B": "eA=="}}


# Many at once --------------------------------------------------------------------------------------


def test_a_transaction_happens_wholly_or_not_at_all(ddb):
    put(ddb, n={"N": "1"})
    actions = [
        {"Put": {"TableName": "plain", "Item": KEY}},
        {"Update": {
            "TableName": "music", "Key": KEY, "UpdateExpression": "SET n = :v", "ConditionExpression": "n > :v",
            "ExpressionAttributeValues": {":v": {"N": "5"}}, "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }},
        {"Put": {"TableName": "plain", "Item": {"pk": {"N": "1"}, "sk": {"S": "1"}}}},
    ]  # fmt: skip
    with pytest.raises(ClientError) as caught:
        ddb.transact_write_items(TransactItems=actions[:2])
    error = caught.value.response
    assert error["Error"]["Message"] == (
        "Transaction cancelled, please refer cancellation reasons for specific reasons [None, ConditionalCheckFailed]"
    )
    assert error["CancellationReasons"][1]["Item"] == {**KEY, "n": {"N": "1"}}
    assert refused(ddb.transact_write_items, TransactItems=[actions[0], actions[2]])[1].endswith(
        "[None, ValidationError]"
    )
    assert ddb.scan(TableName="plain")["Count"] == 0


@pytest.mark.parametrize("action", ["Put", "Update", "Delete", "ConditionCheck"])
def test_a_key_without_content_refuses_a_transaction_and_cancels_none(ddb, action):
    """moto's test_transaction_with_empty_key, verified against AWS for Update."""
    empty = {"pk": {"S": ""}, "sk": {"S": "1"}}
    more = {
        "Put": {"Item": empty},
        "Update": {"Key": empty, "UpdateExpression": "SET a = :v", "ExpressionAttributeValues": {":v": {"N": "0"}}},
        "Delete": {"Key": empty},
        "ConditionCheck": {"Key": empty, "ConditionExpression": "attribute_exists(pk)"},
    }[action]
    assert refused(ddb.transact_write_items, TransactItems=[{action: {"TableName": "plain", **more}}]) == (
        "ValidationException",
        "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: pk",
    )


def test_a_transaction_tells_what_it_costs_twice_and_pays_double_in_the_table_alone(ddb):
    # Captured from AWS by nubo-db/dynoxide (issue 178, captured in July 2026); moto's test_valid_transact_get_items has the same shape of reads.
    item = {**KEY, "g": {"S": "x"}}

    def write(item):
        answer = ddb.transact_write_items(TransactItems=[{"Put": {"TableName": "music", "Item": item}}], ReturnConsumedCapacity="INDEXES")
        (entry,) = answer["ConsumedCapacity"]
        return entry

    def figure(units):
        return {"CapacityUnits": units, "WriteCapacityUnits": units}

    assert write(item) == {
        "TableName": "music", **figure(4.0), "Table": figure(2.0),
        "GlobalSecondaryIndexes": {"by-g": figure(1.0)}, "LocalSecondaryIndexes": {"local": figure(1.0)},
    }  # fmt: skip
    # In an index an entry that moves is deleted and put: twice one unit, and nothing of the transaction.
    assert write({**KEY, "g": {"S": "y"}})["GlobalSecondaryIndexes"] == {"by-g": figure(2.0)}
    get = ddb.transact_get_items(TransactItems=[{"Get": {"TableName": "music", "Key": KEY}}], ReturnConsumedCapacity="INDEXES")
    both = {"CapacityUnits": 2.0, "ReadCapacityUnits": 2.0}
    assert get["ConsumedCapacity"] == [{"TableName": "music", **both, "Table": both}]


def test_a_batch_asks_for_attributes_in_one_way_in_all_of_its_tables(ddb):
    # Captured from AWS by nubo-db/dynoxide.
    asked = {"music": {"Keys": [KEY], "ProjectionExpression": "g"}, "plain": {"Keys": [KEY], "AttributesToGet": ["g"]}}
    assert refused(ddb.batch_get_item, RequestItems=asked) == (
        "ValidationException",
        "Can not use both expression and non-expression parameters in the same request: "
        "Non-expression parameters: {AttributesToGet} Expression parameters: {ProjectionExpression}",
    )


def test_a_transaction_with_a_token_happens_once_within_ten_minutes(cloud, ddb):
    def add(by, token="t"):
        update = {
            "TableName": "plain", "Key": KEY, "UpdateExpression": "ADD n :n", "ExpressionAttributeValues": {":n": {"N": by}},
        }  # fmt: skip
        return ddb.transact_write_items(
            TransactItems=[{"Update": update}], ClientRequestToken=token, ReturnConsumedCapacity="TOTAL"
        )["ConsumedCapacity"][0]  # fmt: skip

    assert add("1")["WriteCapacityUnits"] == 2.0
    assert add("1")["ReadCapacityUnits"] == 2.0
    assert refused(add, by="2")[0] == "IdempotentParameterMismatchException"
    assert ddb.get_item(TableName="plain", Key=KEY)["Item"]["n"] == {"N": "1"}
    cloud.sleep(601)
    add("2")
    assert ddb.get_item(TableName="plain", Key=KEY)["Item"]["n"] == {"N": "3"}


def test_a_token_asks_for_the_same_in_whatever_order_members_stand(ddb):
    """localstack's test_dynamodb_idempotent_writing."""
    for item in ({**KEY, "n": {"N": "1"}}, {"n": {"N": "1"}, **dict(reversed(KEY.items()))}):
        ddb.transact_write_items(TransactItems=[{"Put": {"TableName": "plain", "Item": item}}], ClientRequestToken="t")
    assert ddb.scan(TableName="plain")["Count"] == 1


def test_a_batch_says_in_its_own_words_that_an_item_lacks_its_key(ddb):
    """localstack's test_batch_write_not_matching_schema."""
    lacking = {"PutRequest": {"Item": {"n": {"N": "1"}}}}
    assert refused(ddb.batch_write_item, RequestItems={"plain": [lacking]}) == (
        "ValidationException", "The provided key element does not match the schema",
    )  # fmt: skip
    assert "Missing the key pk in the item" in refused(ddb.put_item, TableName="plain", Item={"n": {"N": "1"}})[1]


def test_transactions_read_in_the_order_asked(ddb):
    put(ddb, n={"N": "1"})
    wanted = [
        {"Get": {"TableName": "plain", "Key": KEY}},
        {"Get": {"TableName": "music", "Key": KEY, "ProjectionExpression": "n"}},
    ]
    assert ddb.transact_get_items(TransactItems=wanted)["Responses"] == [{}, {"Item": {"n": {"N": "1"}}}]


def test_a_batch_answers_sixteen_megabytes_and_names_the_rest(ddb):
    for i in range(50):
        ddb.put_item(
            TableName="plain", Item={"pk": {"S": "a"}, "sk": {"S": str(i)}, "d": {"S": "x" * 390_000}}
        )
    keys = [{"pk": {"S": "a"}, "sk": {"S": str(i)}} for i in range(50)]
    first = ddb.batch_get_item(RequestItems={"plain": {"Keys": keys, "ProjectionExpression": "sk"}})
    left = first["UnprocessedKeys"]["plain"]["Keys"]
    assert len(first["Responses"]["plain"]) == 43  # 16 MiB / 390,0xx bytes
    assert len(left) == 7
    assert len(ddb.batch_get_item(RequestItems=first["UnprocessedKeys"])["Responses"]["plain"]) == 7


# A kill, and who may -----------------------------------------------------------------------------


def test_what_was_acknowledged_survives_a_kill(cloud, ddb):
    put(ddb, g={"S": "x"})
    ddb.transact_write_items(
        TransactItems=[{"Put": {"TableName": "plain", "Item": KEY}}], ClientRequestToken="once"
    )
    cloud.restart(kill=True)
    assert ddb.get_item(TableName="plain", Key=KEY)["Item"] == KEY
    assert query(ddb, "g = :g", {":g": {"S": "x"}}, IndexName="by-g")["Count"] == 1
    changed = [{"Put": {"TableName": "plain", "Item": {**KEY, "n": {"N": "1"}}}}]
    code, _ = refused(ddb.transact_write_items, TransactItems=changed, ClientRequestToken="once")
    assert code == "IdempotentParameterMismatchException"


def test_a_policy_may_grant_single_partitions_and_attributes(cloud, ddb):
    alice = "arn:aws:iam::000000000000:user/alice"
    document = json.dumps({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Action": ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"],
            "Resource": "arn:aws:dynamodb:us-east-1:000000000000:table/plain",
            "Condition": {
                "ForAllValues:StringEquals": {
                    "dynamodb:LeadingKeys": ["a"], "dynamodb:Attributes": ["pk", "sk", "n"],
                },
            },
        }],
    })  # fmt: skip

    async def issue():
        shelf = cloud.region().store.shelf
        shelf(SHARED, Credential)["AKIABYHAND"] = Credential(
            key_id="AKIABYHAND", secret="s", account="000000000000", arn=alice, user_id="AIDA1"
        )
        grant = Grant(name="own", kind="inline", document=document)
        shelf(SHARED, Identity)[alice] = Identity(
            arn=alice, kind="user", account="000000000000", id="AIDA1", grants=(grant,)
        )

    cloud.run(issue())
    hers = cloud.client("dynamodb", key="AKIABYHAND", secret="s")
    hers.put_item(TableName="plain", Item={**KEY, "n": {"N": "1"}})
    asked = {"TableName": "plain", "KeyConditionExpression": "pk = :p", "ProjectionExpression": "n"}
    assert hers.query(**asked, ExpressionAttributeValues={":p": {"S": "a"}})["Items"] == [{"n": {"N": "1"}}]
    denied = "AccessDeniedException"
    assert refused(hers.query, **asked, ExpressionAttributeValues={":p": {"S": "b"}})[0] == denied
    assert refused(hers.put_item, TableName="plain", Item={**KEY, "secret": {"N": "1"}})[0] == denied
    assert refused(hers.delete_item, TableName="plain", Key=KEY)[0] == denied
    both = [{"Put": {"TableName": "plain", "Item": KEY}}, {"Put": {"TableName": "music", "Item": KEY}}]
    assert refused(hers.transact_write_items, TransactItems=both)[0] == denied
    hers.transact_write_items(TransactItems=both[:1])


@pytest.mark.parametrize("service", ["dynamodb", "dynamodbstreams"])
def test_answers_and_refusals_carry_a_sum_of_their_body(cloud, service):
    """AWS's SDKs compare it, and that for Go warns of every answer without one: aws/aws-sdk-go-v2, service/dynamodb/internal/customizations."""
    client, seen = cloud.own_client(service), []
    client.meta.events.register("before-parse.*", lambda response_dict, **_: seen.append(response_dict))
    if service == "dynamodb":
        calls = [client.list_tables, lambda: client.describe_table(TableName="none")]
    else:
        calls = [client.list_streams, lambda: client.describe_stream(StreamArn="a" * 40)]
    calls[0]()
    with pytest.raises(ClientError):
        calls[1]()
    assert len(seen) == 2
    for each in seen:
        assert each["headers"]["x-amz-crc32"] == str(zlib.crc32(each["body"]))
