"""DynamoDB: tables, indexes, tags, time to live."""

from __future__ import annotations

import pytest
from music import G, index, table
from refusals import refused


@pytest.fixture
def ddb(cloud):
    return cloud.client("dynamodb")


def test_a_new_table_is_creating_in_the_answer_and_active_when_described(ddb):
    made = ddb.create_table(
        TableName="t-1",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "N"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        ProvisionedThroughput={"ReadCapacityUnits": 3, "WriteCapacityUnits": 4},
    )["TableDescription"]
    assert made["TableStatus"] == "CREATING"
    shown = ddb.describe_table(TableName="t-1")["Table"]
    assert shown["TableStatus"] == "ACTIVE"
    assert shown["TableArn"] == "arn:aws:dynamodb:us-east-1:000000000000:table/t-1"
    assert shown["ProvisionedThroughput"]["WriteCapacityUnits"] == 4
    assert "BillingModeSummary" not in shown
    assert ddb.describe_table(TableName=shown["TableArn"])["Table"]["TableId"] == made["TableId"]


def test_at_awss_pace_a_table_cannot_be_used_before_it_is_active(make_cloud):
    cloud = make_cloud(pace="real")
    ddb = cloud.client("dynamodb")
    table(ddb)
    assert ddb.describe_table(TableName="music")["Table"]["TableStatus"] == "CREATING"
    assert refused(ddb.scan, TableName="music")[0] == "ResourceNotFoundException"
    assert refused(ddb.delete_table, TableName="music")[0] == "ResourceInUseException"
    cloud.sleep(6)
    assert ddb.describe_table(TableName="music")["Table"]["TableStatus"] == "ACTIVE"
    assert ddb.scan(TableName="music")["Count"] == 0


def test_tables_are_refused_in_awss_words(ddb):
    table(ddb)
    assert refused(table, client=ddb) == ("ResourceInUseException", "Table already exists: music")
    missing = "Requested resource not found: Table: nope not found"
    assert refused(ddb.describe_table, TableName="nope") == ("ResourceNotFoundException", missing)
    assert refused(ddb.delete_table, TableName="nope") == ("ResourceNotFoundException", missing)
    code, text = refused(table, client=ddb, name="unused", attributes=G)
    assert text.endswith(
        "Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions"
    )
    code, text = refused(
        table, client=ddb, name="local", attributes=G, LocalSecondaryIndexes=[index("i-1", "g", "sk")]
    )
    assert text.endswith("for index: i-1. index hash key: g, table hash key: pk")


def test_what_is_not_implemented_is_refused_by_name(ddb):
    code, text = refused(table, client=ddb, VectorIndexes=[])
    assert code == "NotImplemented"
    assert "VectorIndexes" in text


def test_a_new_index_is_keyed_by_what_the_request_itself_defines(ddb):
    # API_UpdateTable; the text was captured from AWS by nubo-db/dynoxide (issue 144).
    table(ddb)
    create = {"Create": index("by-sk", "sk", "g")}
    answer = refused(ddb.update_table, TableName="music", AttributeDefinitions=G, GlobalSecondaryIndexUpdates=[create])
    assert answer == (
        "ValidationException",
        "One or more parameter values were invalid: Some index key attributes are not defined in AttributeDefinitions. "
        "Keys: [sk, g], AttributeDefinitions: [g]",
    )
    definitions = [*G, {"AttributeName": "sk", "AttributeType": "S"}]
    ddb.update_table(TableName="music", AttributeDefinitions=definitions, GlobalSecondaryIndexUpdates=[create])
    assert ddb.describe_table(TableName="music")["Table"]["GlobalSecondaryIndexes"][0]["IndexName"] == "by-sk"


def test_a_table_made_without_a_stream_names_no_view(ddb):
    # Captured from AWS by nubo-db/dynoxide (issue 115).
    stream = {"StreamEnabled": False, "StreamViewType": "NEW_IMAGE"}
    assert refused(table, client=ddb, StreamSpecification=stream)[1] == (
        "One or more parameter values were invalid: Table is being created with a stream disabled, UpdateViewType should not be specified"
    )


# Ceilings of tables on demand. What AWS answers was captured by nubo-db/dynoxide, pull request 161; the words about an index follow the
# table's, and that no ceiling throttles anybody is told in the handbook.


def test_a_table_on_demand_keeps_its_ceilings_and_loses_them_one_by_one(ddb):
    table(ddb, OnDemandThroughput={"MaxReadRequestUnits": 10, "MaxWriteRequestUnits": 5})

    def ceilings():
        return ddb.describe_table(TableName="music")["Table"].get("OnDemandThroughput")

    def update(**asked):
        return ddb.update_table(TableName="music", OnDemandThroughput=asked)["TableDescription"]["OnDemandThroughput"]

    assert ceilings() == {"MaxReadRequestUnits": 10, "MaxWriteRequestUnits": 5}
    assert update(MaxReadRequestUnits=40) == {"MaxReadRequestUnits": 40, "MaxWriteRequestUnits": 5}
    assert update(MaxReadRequestUnits=-1) == {"MaxReadRequestUnits": -1, "MaxWriteRequestUnits": 5}
    assert ceilings() == {"MaxWriteRequestUnits": 5}
    assert update(MaxWriteRequestUnits=-1) == {"MaxWriteRequestUnits": -1}
    assert ceilings() is None
    update(MaxWriteRequestUnits=7)
    ddb.update_table(
        TableName="music", BillingMode="PROVISIONED", ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}
    )  # fmt: skip
    ddb.update_table(TableName="music", BillingMode="PAY_PER_REQUEST")
    assert ceilings() is None


def test_what_indexes_project_and_sealing_without_a_seal_are_refused_as_cdk_preflight_saw_it_of_aws(ddb):
    """Its rules pf-dynamodb-projection-nonkey-total and -sse-type."""
    invalid = "One or more parameter values were invalid: "
    made = ddb.describe_table(TableName=table(ddb, name="plain"))["Table"]
    key, definitions = made["KeySchema"], made["AttributeDefinitions"]
    full = [
        {"IndexName": f"by-{n}", "KeySchema": key, "Projection": {
            "ProjectionType": "INCLUDE", "NonKeyAttributes": [f"a{n}.{m}" for m in range(20)]}}
        for n in range(5)
    ]  # fmt: skip
    more = {"IndexName": "more", "KeySchema": key, "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["a"]}}
    text = f"{invalid}Number of projected attributes in all indexes exceeds limit of 100, number of projected attributes:101"
    assert refused(table, client=ddb, name="wide", GlobalSecondaryIndexes=[*full, more]) == ("ValidationException", text)
    table(ddb, name="wide", GlobalSecondaryIndexes=full)
    added = {"TableName": "wide", "AttributeDefinitions": definitions, "GlobalSecondaryIndexUpdates": [{"Create": more}]}
    assert refused(ddb.update_table, **added) == ("ValidationException", text)
    off = {"Enabled": False, "SSEType": "KMS"}
    text = f"{invalid}SSEType can not be specified if Enabled is false"
    assert refused(table, client=ddb, name="open", SSESpecification=off) == ("ValidationException", text)


def test_a_ceiling_is_for_tables_on_demand_and_at_least_one(ddb):
    units = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}
    provisioned = {"BillingMode": "PROVISIONED", "ProvisionedThroughput": units}
    invalid = "One or more parameter values were invalid: "
    answer = refused(table, client=ddb, **provisioned, OnDemandThroughput={"MaxReadRequestUnits": 0, "MaxWriteRequestUnits": 1})
    text = f"{invalid}MaxReadRequestUnits for OnDemandThroughput cannot be specified when table BillingMode is PROVISIONED."
    assert answer == ("ValidationException", text)
    for bad in (0, -1, -2):
        assert refused(table, client=ddb, OnDemandThroughput={"MaxWriteRequestUnits": bad})[1] == (
            f"{invalid}Requested MaxWriteRequestUnits for OnDemandThroughput for table is outside of valid range"
        )
    table(ddb, OnDemandThroughput={})
    assert "OnDemandThroughput" not in ddb.describe_table(TableName="music")["Table"]
    for bad in (0, -2):
        assert refused(ddb.update_table, TableName="music", OnDemandThroughput={"MaxReadRequestUnits": bad})[1] == (
            f"{invalid}Requested MaxReadRequestUnits for OnDemandThroughput for table is outside of valid range"
        )
    table(ddb, "priced", **provisioned)
    assert refused(ddb.update_table, TableName="priced", OnDemandThroughput={"MaxWriteRequestUnits": 3})[1] == (
        f"{invalid}MaxWriteRequestUnits for OnDemandThroughput cannot be specified when the table BillingMode is PROVISIONED"
    )


def test_the_replicas_of_a_table_have_its_ceilings(make_cloud):
    cloud = make_cloud("us-east-1", "eu-west-1", "aws-global")
    here, there = cloud.client("dynamodb"), cloud.client("dynamodb", "eu-west-1")
    stream = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    table(here, OnDemandThroughput={"MaxWriteRequestUnits": 5}, StreamSpecification=stream)
    here.update_table(TableName="music", ReplicaUpdates=[{"Create": {"RegionName": "eu-west-1"}}])
    cloud.sleep(30)
    assert there.describe_table(TableName="music")["Table"]["OnDemandThroughput"] == {"MaxWriteRequestUnits": 5}
    here.update_table(TableName="music", OnDemandThroughput={"MaxReadRequestUnits": 2})
    cloud.sleep(30)
    assert there.describe_table(TableName="music")["Table"]["OnDemandThroughput"] == {"MaxReadRequestUnits": 2, "MaxWriteRequestUnits": 5}


def test_an_index_has_a_ceiling_of_its_own_and_a_restored_table_those_of_its_source(cloud, ddb):
    most = {"MaxReadRequestUnits": 3}
    table(ddb, attributes=G, GlobalSecondaryIndexes=[{**index("by-g", "g"), "OnDemandThroughput": most}], OnDemandThroughput=most)

    def ceilings(name="music"):
        shown = ddb.describe_table(TableName=name)["Table"]
        return shown["OnDemandThroughput"], shown["GlobalSecondaryIndexes"][0]["OnDemandThroughput"]

    assert ceilings() == (most, most)
    change = {"IndexName": "by-g", "OnDemandThroughput": {"MaxWriteRequestUnits": 9}}
    ddb.update_table(TableName="music", GlobalSecondaryIndexUpdates=[{"Update": change}])
    assert ceilings() == (most, {**most, "MaxWriteRequestUnits": 9})
    backup = ddb.create_backup(TableName="music", BackupName="b-1")["BackupDetails"]["BackupArn"]
    cloud.sleep(1)
    assert ddb.describe_backup(BackupArn=backup)["BackupDescription"]["SourceTableDetails"]["OnDemandThroughput"] == most
    ddb.restore_table_from_backup(TargetTableName="again", BackupArn=backup)
    ddb.restore_table_from_backup(TargetTableName="other", BackupArn=backup, OnDemandThroughputOverride={"MaxWriteRequestUnits": 1})
    cloud.sleep(5)
    assert ceilings("again") == (most, {**most, "MaxWriteRequestUnits": 9})
    assert ceilings("other")[0] == {"MaxWriteRequestUnits": 1}
    cloud.restart(kill=True)
    assert ceilings() == (most, {**most, "MaxWriteRequestUnits": 9})



def test_names_are_listed_in_pages(ddb):
    for name in ("ccc", "aaa", "bbb"):
        table(ddb, name)
    first = ddb.list_tables(Limit=2)
    assert (first["TableNames"], first["LastEvaluatedTableName"]) == (["aaa", "bbb"], "bbb")
    assert ddb.list_tables(ExclusiveStartTableName="bbb")["TableNames"] == ["ccc"]


def test_a_protected_table_is_not_deleted(ddb):
    table(ddb, DeletionProtectionEnabled=True)
    assert refused(ddb.delete_table, TableName="music")[0] == "ValidationException"
    ddb.update_table(TableName="music", DeletionProtectionEnabled=False)
    assert ddb.delete_table(TableName="music")["TableDescription"]["TableStatus"] == "DELETING"
    assert ddb.list_tables()["TableNames"] == []


def test_a_table_made_again_is_empty_and_the_old_rows_are_swept(cloud, ddb):
    table(ddb, attributes=G, GlobalSecondaryIndexes=[index("i-1", "g")])
    for i in range(30):
        ddb.put_item(TableName="music", Item={"pk": {"S": "a"}, "sk": {"S": str(i)}, "g": {"S": "x"}})
    ddb.delete_table(TableName="music")
    table(ddb)
    assert ddb.scan(TableName="music")["Count"] == 0
    cloud.sleep(30)
    rows = cloud.region().store.rows("000000000000")
    assert (
        rows.all("select count(*) from dynamodb_item")
        == rows.all("select count(*) from dynamodb_place")
        == [(0,)]
    )


def test_billing_and_throughput_change(ddb):
    table(ddb)
    ddb.update_table(
        TableName="music",
        BillingMode="PROVISIONED",
        ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 6},
    )
    shown = ddb.describe_table(TableName="music")["Table"]
    assert shown["BillingModeSummary"]["BillingMode"] == "PROVISIONED"
    assert shown["ProvisionedThroughput"]["ReadCapacityUnits"] == 5
    same = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 6}
    assert "will not change" in refused(ddb.update_table, TableName="music", ProvisionedThroughput=same)[1]


def test_an_index_made_later_has_the_items_that_were_there(cloud, ddb):
    table(ddb)
    # More than are put into an index at once; one has a key of another type and is left out.
    for start in range(0, 2_600, 25):
        items = [
            {"pk": {"S": "a"}, "sk": {"S": f"{i:05}"}, "g": {"S": "x"}} for i in range(start, start + 25)
        ]
        ddb.batch_write_item(RequestItems={"music": [{"PutRequest": {"Item": item}} for item in items]})
    ddb.put_item(TableName="music", Item={"pk": {"S": "a"}, "sk": {"S": "odd"}, "g": {"N": "1"}})
    ddb.update_table(
        TableName="music", AttributeDefinitions=G, GlobalSecondaryIndexUpdates=[{"Create": index("i-1", "g")}]
    )
    asked = {
        "TableName": "music", "IndexName": "i-1", "KeyConditionExpression": "g = :g",
        "ExpressionAttributeValues": {":g": {"S": "x"}}, "Select": "COUNT",
    }  # fmt: skip
    shown = ddb.describe_table(TableName="music")["Table"]["GlobalSecondaryIndexes"][0]
    assert (shown["IndexStatus"], shown["Backfilling"]) == ("CREATING", True)
    assert refused(ddb.query, **asked) == (
        "ValidationException", "Cannot read from backfilling global secondary index: i-1",
    )  # fmt: skip
    ddb.delete_item(TableName="music", Key={"pk": {"S": "a"}, "sk": {"S": "02599"}})
    cloud.sleep(5)
    assert (
        ddb.describe_table(TableName="music")["Table"]["GlobalSecondaryIndexes"][0]["IndexStatus"] == "ACTIVE"
    )
    assert ddb.query(**asked)["Count"] == 2_599
    ddb.update_item(
        TableName="music", Key={"pk": {"S": "a"}, "sk": {"S": "odd"}}, UpdateExpression="SET h = g"
    )
    assert "Type mismatch for Index Key g" in refused(
        ddb.put_item, TableName="music", Item={"pk": {"S": "b"}, "sk": {"S": "b"}, "g": {"N": "1"}}
    )[1]  # fmt: skip
    ddb.update_table(TableName="music", GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "i-1"}}])
    assert refused(ddb.query, **asked)[1] == "The table does not have the specified index: i-1"


def test_items_are_counted_a_few_at_once_and_many_in_the_background(cloud, ddb):
    table(ddb, attributes=G, GlobalSecondaryIndexes=[index("i-1", "g", ProjectionType="KEYS_ONLY")])
    ddb.put_item(
        TableName="music",
        Item={"pk": {"S": "a"}, "sk": {"S": "1"}, "g": {"S": "x"}, "more": {"S": "y" * 100}},
    )
    shown = ddb.describe_table(TableName="music")["Table"]
    # pka sk1 gx: 3 + 3 + 2 bytes; more and its value: 104.
    assert (shown["ItemCount"], shown["TableSizeBytes"]) == (1, 112)
    assert shown["GlobalSecondaryIndexes"][0]["IndexSizeBytes"] == 8
    for start in range(0, 2_500, 25):
        items = [{"pk": {"S": "b"}, "sk": {"S": f"{i:05}"}} for i in range(start, start + 25)]
        ddb.batch_write_item(RequestItems={"music": [{"PutRequest": {"Item": item}} for item in items]})
    ddb.describe_table(TableName="music")
    cloud.sleep(1)
    assert ddb.describe_table(TableName="music")["Table"]["ItemCount"] == 2_501


def test_tags_come_and_go(ddb):
    table(ddb, Tags=[{"Key": "a", "Value": "1"}])
    arn = ddb.describe_table(TableName="music")["Table"]["TableArn"]
    ddb.tag_resource(ResourceArn=arn, Tags=[{"Key": "b", "Value": "2"}])
    ddb.untag_resource(ResourceArn=arn, TagKeys=["a"])
    assert ddb.list_tags_of_resource(ResourceArn=arn)["Tags"] == [{"Key": "b", "Value": "2"}]


def test_items_end_when_their_time_has_come(cloud, ddb):
    table(ddb)
    now = int(cloud.now())
    for name, end in (("past", now - 60), ("soon", now + 100), ("ancient", now - 6 * 365 * 86_400)):
        ddb.put_item(TableName="music", Item={"pk": {"S": name}, "sk": {"S": "1"}, "end": {"N": str(end)}})
    ddb.put_item(TableName="music", Item={"pk": {"S": "text"}, "sk": {"S": "1"}, "end": {"S": str(now - 60)}})
    ddb.update_time_to_live(
        TableName="music", TimeToLiveSpecification={"Enabled": True, "AttributeName": "end"}
    )
    assert ddb.describe_time_to_live(TableName="music")["TimeToLiveDescription"] == {
        "TimeToLiveStatus": "ENABLED", "AttributeName": "end",
    }  # fmt: skip
    cloud.sleep(15)
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-before-you-start.html
    left = {item["pk"]["S"] for item in ddb.scan(TableName="music")["Items"]}
    assert left == {"soon", "ancient", "text"}
    ddb.update_item(
        TableName="music", Key={"pk": {"S": "text"}, "sk": {"S": "1"}}, UpdateExpression="SET #e = :e",
        ExpressionAttributeNames={"#e": "end"}, ExpressionAttributeValues={":e": {"N": str(now + 1)}},
    )  # fmt: skip
    cloud.sleep(120)
    assert {item["pk"]["S"] for item in ddb.scan(TableName="music")["Items"]} == {"ancient"}
    already = {"Enabled": True, "AttributeName": "end"}
    assert (
        refused(ddb.update_time_to_live, TableName="music", TimeToLiveSpecification=already)[1]
        == "TimeToLive is already enabled"
    )


@pytest.mark.parametrize(
    "billing, warm",
    [
        ({"BillingMode": "PAY_PER_REQUEST"}, (12_000, 4_000)),
        ({"ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 6}}, (5, 6)),
        ({"BillingMode": "PAY_PER_REQUEST", "WarmThroughput": {"ReadUnitsPerSecond": 15_000, "WriteUnitsPerSecond": 5_000}}, (15_000, 5_000)),
    ],
)
def test_a_table_is_as_warm_as_its_billing_or_as_asked(cloud, billing, warm):
    # Recorded from AWS by localstack: test_dynamodb.snapshot.json
    ddb = cloud.client("dynamodb")
    made = ddb.create_table(
        TableName="warm", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}], **billing,
    )["TableDescription"]  # fmt: skip
    warming = {"ReadUnitsPerSecond": warm[0], "WriteUnitsPerSecond": warm[1], "Status": "UPDATING"}
    assert made.get("WarmThroughput") == (warming if "WarmThroughput" in billing else None)
    shown = ddb.describe_table(TableName="warm")["Table"]["WarmThroughput"]
    assert (shown["ReadUnitsPerSecond"], shown["WriteUnitsPerSecond"], shown["Status"]) == (*warm, "ACTIVE")


def test_a_table_gets_no_colder(cloud):
    ddb = cloud.client("dynamodb")
    params = {
        "TableName": "warm", "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}], "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    }  # fmt: skip
    with pytest.raises(ddb.exceptions.ClientError, match="Requested WriteUnitsPerSecond for WarmThroughput for table is lower than initial"):
        ddb.create_table(**params, WarmThroughput={"WriteUnitsPerSecond": 3_000})
    ddb.create_table(**params, SSESpecification={"Enabled": False})
    ddb.update_table(TableName="warm", WarmThroughput={"ReadUnitsPerSecond": 20_000})
    shown = ddb.describe_table(TableName="warm")["Table"]
    assert shown["WarmThroughput"]["ReadUnitsPerSecond"] == 20_000 and "SSEDescription" not in shown
    with pytest.raises(ddb.exceptions.ClientError, match="lower than current WarmThroughput"):
        ddb.update_table(TableName="warm", WarmThroughput={"ReadUnitsPerSecond": 15_000})


def test_what_is_not_done_here_says_so(cloud):
    # Shapes recorded from AWS by localstack
    ddb = cloud.client("dynamodb")
    params = {
        "TableName": "plain", "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}], "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    }  # fmt: skip
    ddb.create_table(**params)
    assert ddb.describe_kinesis_streaming_destination(TableName="plain")["KinesisDataStreamDestinations"] == []
    with pytest.raises(ddb.exceptions.ClientError, match="NotImplemented"):
        ddb.export_table_to_point_in_time(
            TableArn=ddb.describe_table(TableName="plain")["Table"]["TableArn"], S3Bucket="b-u-c-k-e-t", ExportFormat="ION"
        )
