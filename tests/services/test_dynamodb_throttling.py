"""DynamoDB: who asks for more than is provisioned, or than a ceiling lets through, is throttled.

One item of 300 KB empties a bucket of one unit a second, which holds five minutes:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/burst-adaptive-capacity.html
"""

from __future__ import annotations

import json

import pytest
from music import G, index, table
from refusals import refusal, refused
from services import lambda_workshop
from services.test_cloudwatch_services import figures

# The texts are those of AWS: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
TABLE = (
    "The level of configured provisioned throughput for the table was exceeded. "
    "Consider increasing your provisioning level with the UpdateTable API."
)
INDEX = (
    "The level of configured provisioned throughput for one or more global secondary indexes of the table was exceeded. "
    "Consider increasing your provisioning level for the under-provisioned global secondary indexes with the UpdateTable API."
)
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/throttling-diagnosing-workflow.html
CEILING = "Throughput exceeds the maximum OnDemandThroughput configured on table or index"
EXCEEDED = "ProvisionedThroughputExceededException"
ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/music"
KEY = {"pk": {"S": "a"}, "sk": {"S": "1"}}
ONE = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}
PROVISIONED = {"BillingMode": "PROVISIONED", "ProvisionedThroughput": ONE}
WITH_INDEX = {**PROVISIONED, "attributes": G, "GlobalSecondaryIndexes": [{**index("by-g", "g"), "ProvisionedThroughput": ONE}]}
PUT = "INSERT INTO music VALUE {'pk': 'b', 'sk': '1'}"


@pytest.fixture
def ddb(cloud):
    client = cloud.client("dynamodb")
    table(client, **PROVISIONED)
    return client


def put(ddb, units=1, name="music", pk="a", **more):
    """A write that costs so many units."""
    ddb.put_item(TableName=name, Item={"pk": {"S": pk}, "sk": {"S": "1"}, "v": {"S": "x" * (units * 1024 - 100)}, **more})


def drain(ddb, name="music"):
    put(ddb, 300, name)


def drain_reads(ddb):
    """An item of 300 KB costs 75 units when it is read consistently. Its write empties the other bucket."""
    drain(ddb)
    for _ in range(4):
        read(ddb)


def read(ddb, **more):
    return ddb.get_item(TableName="music", Key=KEY, **{"ConsistentRead": True, **more})


def reasons(method, **params):
    said = refusal(method, **params)
    return said["Error"]["Code"], said.get("ThrottlingReasons") or said.get("throttlingReasons")


def codes(method, **params):
    """Why a transaction was cancelled: code and text for each item."""
    return [(each["Code"], each.get("Message")) for each in refusal(method, **params)["CancellationReasons"]]


# Tables -------------------------------------------------------------------------------------------


def test_what_is_left_is_used_up_then_refused_and_a_second_later_there_is_more(cloud, ddb):
    put(ddb, 295)
    for _ in range(5):
        put(ddb)
    asked = {"TableName": "music", "Item": KEY}
    assert refused(ddb.put_item, **asked) == (EXCEEDED, TABLE)
    assert reasons(ddb.put_item, **asked) == (EXCEEDED, [{"reason": "TableWriteProvisionedThroughputExceeded", "resource": ARN}])
    cloud.sleep(1)
    ddb.put_item(**asked)
    assert refused(ddb.put_item, **asked) == (EXCEEDED, TABLE)


def test_a_write_that_is_throttled_changes_nothing(ddb):
    drain(ddb)
    for method, asked in (
        (ddb.put_item, {"Item": {**KEY, "v": {"S": "other"}}}),
        (ddb.update_item, {"Key": KEY, "UpdateExpression": "REMOVE v"}),
        (ddb.delete_item, {"Key": KEY}),
    ):
        assert refused(method, TableName="music", **asked) == (EXCEEDED, TABLE)
    assert len(read(ddb)["Item"]["v"]["S"]) > 300_000


def test_who_takes_more_than_is_left_is_served_and_waited_for(cloud, ddb):
    put(ddb, 360)
    cloud.sleep(59)
    assert refused(ddb.put_item, TableName="music", Item=KEY) == (EXCEEDED, TABLE)
    cloud.sleep(2)
    put(ddb, 360)


def test_five_minutes_are_kept_and_no_more(cloud, ddb):
    drain(ddb)
    cloud.sleep(3600)
    drain(ddb)
    assert refused(ddb.put_item, TableName="music", Item=KEY) == (EXCEEDED, TABLE)


def test_reads_have_what_is_theirs_and_cost_half_when_they_may_be_old(cloud, ddb):
    drain(ddb)
    for _ in range(8):
        read(ddb, ConsistentRead=False)
    asked = {"TableName": "music", "Key": KEY}
    assert reasons(ddb.get_item, **asked) == (EXCEEDED, [{"reason": "TableReadProvisionedThroughputExceeded", "resource": ARN}])
    cloud.sleep(300)
    for _ in range(4):
        read(ddb)
    assert refused(ddb.get_item, **asked) == (EXCEEDED, TABLE)
    assert refused(ddb.scan, TableName="music") == (EXCEEDED, TABLE)
    by_key = {"KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": {"S": "a"}}}
    assert refused(ddb.query, TableName="music", **by_key) == (EXCEEDED, TABLE)
    cloud.sleep(1)
    assert ddb.query(TableName="music", **by_key)["Count"] == 1


def test_a_condition_that_fails_costs_what_the_write_would(ddb):
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/WorkingWithItems.html#WorkingWithItems.ConditionalUpdate
    put(ddb, 150)
    never = {"ConditionExpression": "attribute_not_exists(pk)"}
    assert refused(ddb.delete_item, TableName="music", Key=KEY, **never)[0] == "ConditionalCheckFailedException"
    assert refused(ddb.delete_item, TableName="music", Key=KEY, **never) == (EXCEEDED, TABLE)


def test_a_rate_that_is_raised_holds_from_that_moment(cloud, ddb):
    put(ddb, 302)
    assert refused(ddb.put_item, TableName="music", Item=KEY) == (EXCEEDED, TABLE)
    ddb.update_table(TableName="music", ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 10})
    for _ in range(7):
        put(ddb)
    assert refused(ddb.put_item, TableName="music", Item=KEY) == (EXCEEDED, TABLE)
    cloud.sleep(1)
    for _ in range(10):
        put(ddb)


def test_a_rate_that_is_lowered_leaves_five_minutes_of_itself(cloud):
    ddb = cloud.client("dynamodb")
    table(ddb, BillingMode="PROVISIONED", ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 10})
    ddb.update_table(TableName="music", ProvisionedThroughput=ONE)
    drain(ddb)
    assert refused(ddb.put_item, TableName="music", Item=KEY) == (EXCEEDED, TABLE)


def test_a_table_on_demand_takes_all_that_comes(ddb):
    drain(ddb)
    ddb.update_table(TableName="music", BillingMode="PAY_PER_REQUEST")
    for _ in range(3):
        put(ddb, 390)


def test_a_table_that_is_made_again_begins_anew(ddb):
    drain(ddb)
    ddb.delete_table(TableName="music")
    table(ddb, **PROVISIONED)
    put(ddb)


def test_what_a_region_counted_dies_with_it(cloud, ddb):
    drain(ddb)
    assert refused(ddb.put_item, TableName="music", Item=KEY) == (EXCEEDED, TABLE)
    cloud.restart(kill=True)
    drain(ddb)
    assert refused(ddb.put_item, TableName="music", Item=KEY) == (EXCEEDED, TABLE)


def test_what_ends_by_itself_is_deleted_though_nothing_is_left(cloud, ddb):
    ddb.update_time_to_live(TableName="music", TimeToLiveSpecification={"Enabled": True, "AttributeName": "end"})
    put(ddb, 390, pk="b", end={"N": str(int(cloud.now()) + 10)})
    cloud.sleep(40)
    assert refused(ddb.put_item, TableName="music", Item=KEY) == (EXCEEDED, TABLE)
    assert ddb.scan(TableName="music")["Count"] == 0


def test_an_import_takes_what_it_finds(cloud, ddb):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="source-of-items")
    lines = [json.dumps({"Item": {"pk": {"S": str(n)}, "v": {"S": "x" * 200_000}}}) for n in range(4)]
    s3.put_object(Bucket="source-of-items", Key="items.json", Body="\n".join(lines).encode())
    ddb.import_table(
        S3BucketSource={"S3Bucket": "source-of-items"}, InputFormat="DYNAMODB_JSON",
        TableCreationParameters={
            "TableName": "imported", "ProvisionedThroughput": ONE, "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        },
    )  # fmt: skip
    cloud.sleep(5)
    assert ddb.scan(TableName="imported", Select="COUNT")["Count"] == 4
    ddb.put_item(TableName="imported", Item={"pk": {"S": "a"}})


# Indexes ------------------------------------------------------------------------------------------


def test_an_index_that_cannot_keep_up_holds_back_the_writes_that_concern_it(cloud):
    ddb = cloud.client("dynamodb")
    table(ddb, **{**WITH_INDEX, "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 10}})
    put(ddb, 300, g={"S": "g"})
    asked = {"TableName": "music", "Item": {**KEY, "g": {"S": "h"}}}
    assert refused(ddb.put_item, **asked) == (EXCEEDED, INDEX)
    assert reasons(ddb.put_item, **asked) == (
        EXCEEDED, [{"reason": "IndexWriteProvisionedThroughputExceeded", "resource": f"{ARN}/index/by-g"}],
    )  # fmt: skip
    ddb.put_item(TableName="music", Item={"pk": {"S": "b"}, "sk": {"S": "1"}})
    assert read(ddb)["Item"]["g"] == {"S": "g"}
    update = {"IndexName": "by-g", "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 400}}
    ddb.update_table(TableName="music", GlobalSecondaryIndexUpdates=[{"Update": update}])
    ddb.put_item(**asked)


def test_who_queries_an_index_uses_up_what_is_the_indexs(cloud):
    ddb = cloud.client("dynamodb")
    table(ddb, **WITH_INDEX)
    put(ddb, 300, g={"S": "g"})
    by_g = {"IndexName": "by-g", "KeyConditionExpression": "g = :g", "ExpressionAttributeValues": {":g": {"S": "g"}}}
    for _ in range(8):
        assert ddb.query(TableName="music", **by_g)["Count"] == 1
    assert reasons(ddb.query, TableName="music", **by_g) == (
        EXCEEDED, [{"reason": "IndexReadProvisionedThroughputExceeded", "resource": f"{ARN}/index/by-g"}],
    )  # fmt: skip
    assert ddb.scan(TableName="music")["Count"] == 1


# Ceilings -----------------------------------------------------------------------------------------


def test_a_ceiling_on_demand_throttles_what_it_is_for_until_it_is_taken_away(cloud):
    # It bursts, too: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode-max-throughput.html
    ddb = cloud.client("dynamodb")
    table(ddb, OnDemandThroughput={"MaxWriteRequestUnits": 1})
    drain(ddb)
    asked = {"TableName": "music", "Item": KEY}
    assert refused(ddb.put_item, **asked) == ("ThrottlingException", CEILING)
    assert reasons(ddb.put_item, **asked) == (
        "ThrottlingException", [{"reason": "TableWriteMaxOnDemandThroughputExceeded", "resource": ARN}],
    )  # fmt: skip
    for _ in range(5):
        read(ddb)
    [said] = codes(ddb.transact_write_items, TransactItems=[{"Put": asked}])
    assert said == ("ThrottlingError", CEILING)
    [one] = ddb.batch_execute_statement(Statements=[{"Statement": PUT}])["Responses"]
    assert one == {"TableName": "music", "Error": {"Code": "ThrottlingError", "Message": CEILING}}
    ddb.update_table(TableName="music", OnDemandThroughput={"MaxWriteRequestUnits": -1})
    ddb.put_item(**asked)


def test_an_index_has_a_ceiling_of_its_own(cloud):
    ddb = cloud.client("dynamodb")
    limited = {**index("by-g", "g"), "OnDemandThroughput": {"MaxWriteRequestUnits": 1}}
    table(ddb, attributes=G, GlobalSecondaryIndexes=[limited])
    put(ddb, 300, g={"S": "g"})
    assert reasons(ddb.delete_item, TableName="music", Key=KEY) == (
        "ThrottlingException", [{"reason": "IndexWriteMaxOnDemandThroughputExceeded", "resource": f"{ARN}/index/by-g"}],
    )  # fmt: skip
    put(ddb, 300, pk="b")


# Many at once -------------------------------------------------------------------------------------


def test_of_a_batch_of_writes_what_is_throttled_is_left_and_all_of_it_is_refused(ddb):
    table(ddb, "plain")
    drain(ddb)
    wanted = [{"PutRequest": {"Item": KEY}}]
    done = ddb.batch_write_item(RequestItems={"music": wanted, "plain": wanted}, ReturnConsumedCapacity="TOTAL")
    assert done["UnprocessedItems"] == {"music": wanted}
    assert done["ConsumedCapacity"] == [{"TableName": "plain", "CapacityUnits": 1.0}]
    assert ddb.scan(TableName="plain")["Count"] == 1
    assert refused(ddb.batch_write_item, RequestItems={"music": wanted}) == (EXCEEDED, TABLE)


def test_a_batch_of_writes_goes_as_far_as_there_is_something_left(cloud, ddb):
    put(ddb, 299)
    wanted = [{"PutRequest": {"Item": {"pk": {"S": str(n)}, "sk": {"S": "1"}}}} for n in range(5)]
    left = ddb.batch_write_item(RequestItems={"music": wanted})["UnprocessedItems"]
    assert left == {"music": wanted[1:]}
    cloud.sleep(4)
    assert ddb.batch_write_item(RequestItems=left)["UnprocessedItems"] == {}


def test_of_a_batch_of_reads_what_is_throttled_is_left_and_all_of_it_is_refused(ddb):
    table(ddb, "plain")
    ddb.put_item(TableName="plain", Item=KEY)
    drain_reads(ddb)
    wanted = {"Keys": [KEY], "ConsistentRead": True}
    done = ddb.batch_get_item(RequestItems={"music": wanted, "plain": wanted})
    assert done["UnprocessedKeys"] == {"music": wanted}
    assert done["Responses"] == {"music": [], "plain": [KEY]}
    assert refused(ddb.batch_get_item, RequestItems={"music": wanted}) == (EXCEEDED, TABLE)


def test_a_transaction_is_cancelled_with_the_reason_of_each_item_and_writes_nothing(cloud, ddb):
    table(ddb, "plain")
    drain(ddb)
    both = [{"Put": {"TableName": name, "Item": {**KEY, "n": {"N": "1"}}}} for name in ("plain", "music")]
    asked = {"TransactItems": both}
    throttled = ("ProvisionedThroughputExceeded", TABLE)
    assert codes(ddb.transact_write_items, **asked) == [("None", None), throttled]
    assert refused(ddb.transact_write_items, **asked) == (
        "TransactionCanceledException",
        "Transaction cancelled, please refer cancellation reasons for specific reasons [None, ProvisionedThroughputExceeded]",
    )
    assert ddb.scan(TableName="plain")["Count"] == 0
    statements = [{"Statement": PUT.replace("music", "plain")}, {"Statement": PUT}]
    assert codes(ddb.execute_transaction, TransactStatements=statements) == [("None", None), throttled]
    cloud.sleep(1)
    ddb.transact_write_items(**asked)
    cloud.sleep(1)
    # It cost twice.
    assert codes(ddb.transact_write_items, **asked) == [("None", None), throttled]


def test_a_transaction_is_cancelled_for_an_index_too(cloud):
    ddb = cloud.client("dynamodb")
    table(ddb, **{**WITH_INDEX, "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 10}})
    put(ddb, 300, g={"S": "g"})
    items = [{"Put": {"TableName": "music", "Item": {"pk": {"S": "b"}, "sk": {"S": "1"}}}}, {"Delete": {"TableName": "music", "Key": KEY}}]
    assert codes(ddb.transact_write_items, TransactItems=items) == [("None", None), ("ProvisionedThroughputExceeded", INDEX)]
    assert ddb.scan(TableName="music")["Count"] == 1


def test_a_transaction_of_reads_is_cancelled_and_costs_twice(cloud, ddb):
    drain(ddb)
    gets = [{"Get": {"TableName": "music", "Key": KEY}}]
    for _ in range(2):
        ddb.transact_get_items(TransactItems=gets)
    assert codes(ddb.transact_get_items, TransactItems=gets) == [("ProvisionedThroughputExceeded", TABLE)]
    cloud.sleep(1)
    ddb.transact_get_items(TransactItems=[*gets, {"Get": {"TableName": "music", "Key": {**KEY, "sk": {"S": "2"}}}}])


def test_partiql_is_throttled_alike(ddb):
    drain_reads(ddb)
    select = "SELECT * FROM music WHERE pk = 'a' AND sk = '1'"
    assert refused(ddb.execute_statement, Statement=PUT) == (EXCEEDED, TABLE)
    assert refused(ddb.execute_statement, Statement=select) == (EXCEEDED, TABLE)
    for statement in (PUT, select):
        [one] = ddb.batch_execute_statement(Statements=[{"Statement": statement}])["Responses"]
        assert one == {"TableName": "music", "Error": {"Code": "ProvisionedThroughputExceeded", "Message": TABLE}}


# What is measured ---------------------------------------------------------------------------------


def test_throttled_requests_are_measured_by_operation_and_throttled_events_by_table_and_index(cloud):
    ddb = cloud.client("dynamodb")
    table(ddb, "plain")
    table(ddb, **{**WITH_INDEX, "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 2}})
    put(ddb, 300, g={"S": "g"})
    refused(ddb.delete_item, TableName="music", Key=KEY)
    put(ddb, 300, pk="b")
    wanted = [{"PutRequest": {"Item": {"pk": {"S": str(n)}, "sk": {"S": "1"}}}} for n in range(2)]
    ddb.batch_write_item(RequestItems={"music": wanted, "plain": wanted})
    refused(ddb.batch_write_item, RequestItems={"music": wanted})
    refused(ddb.transact_write_items, TransactItems=[{"Put": {"TableName": "music", **one["PutRequest"]}} for one in wanted])
    for _ in range(4):
        read(ddb)
    refused(ddb.get_item, TableName="music", Key=KEY)
    cloud.sleep(61)

    def seen(name, **more):
        return figures(cloud, "AWS/DynamoDB", name, TableName="music", **more)

    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TroubleshootingThrottling-cloudwatch.html, metrics-dimensions.html
    operations = ("DeleteItem", "BatchWriteItem", "TransactWriteItems", "GetItem", "PutItem")
    assert [seen("ThrottledRequests", Operation=name) for name in operations] == [1.0, 1.0, 1.0, 1.0, None]
    assert seen("WriteThrottleEvents") == seen("WriteProvisionedThroughputThrottleEvents") == 6.0
    assert seen("WriteThrottleEvents", GlobalSecondaryIndexName="by-g") == 1.0
    assert seen("WriteProvisionedThroughputThrottleEvents", GlobalSecondaryIndexName="by-g") == 1.0
    assert seen("ReadThrottleEvents") == 1.0


# Who writes to tables -----------------------------------------------------------------------------


def test_a_state_machine_tries_again_what_is_throttled(cloud, ddb):
    drain(ddb)
    machines = cloud.client("stepfunctions")
    put_it = {
        "Type": "Task", "Resource": "arn:aws:states:::dynamodb:putItem", "Parameters": {"TableName": "music", "Item": KEY}, "End": True,
        "Retry": [{"ErrorEquals": ["DynamoDB.ProvisionedThroughputExceededException"], "IntervalSeconds": 2}],
    }  # fmt: skip
    role = lambda_workshop.put_role(cloud, "dynamodb:*", trust=lambda_workshop.TRUST.replace("lambda", "states"))
    definition = json.dumps({"StartAt": "P", "States": {"P": put_it}})
    arn = machines.create_state_machine(name="m", definition=definition, roleArn=role)["stateMachineArn"]
    run = machines.start_execution(stateMachineArn=arn)["executionArn"]
    cloud.sleep(1)
    assert machines.describe_execution(executionArn=run)["status"] == "RUNNING"
    cloud.sleep(3)
    assert machines.describe_execution(executionArn=run)["status"] == "SUCCEEDED"


def test_what_another_region_wrote_arrives_though_nothing_is_left_here(cloud):
    far = "eu-west-1"
    cloud.region(far)
    ddb = cloud.client("dynamodb")
    table(ddb, OnDemandThroughput={"MaxWriteRequestUnits": 1})
    cloud.sleep(1)
    ddb.update_table(TableName="music", ReplicaUpdates=[{"Create": {"RegionName": far}}])
    cloud.sleep(20)
    there = cloud.client("dynamodb", region=far)
    drain(there)
    assert refused(there.put_item, TableName="music", Item=KEY) == ("ThrottlingException", CEILING)
    put(ddb, pk="near")
    cloud.sleep(1)
    assert "Item" in there.get_item(TableName="music", Key={"pk": {"S": "near"}, "sk": {"S": "1"}})
