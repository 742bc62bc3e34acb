"""Scans meet partitions in AWS's order, and segments divide it. Tables of older stores keep the order that they were made with.

Orders and segments, unless a test says otherwise: architect/dynalite, test/scan.js at c5e5b46, which was run against AWS.
"""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from kumoniwa.kernel.record import changed
from kumoniwa.services.dynamodb.table import Table

STRINGS = ["2", "8", "9", "1", "6", "hello", "0", "5", "4", "äáöü", "aardman", "7", "3", "zapf"]
NUMBERS = ["7", "999.9", "8", "3", "2", "-999.9", "9", "4", "-0.09", "6", "1", "0", "0.012345", "5"]
US, EU = "us-east-1", "eu-west-1"


@pytest.fixture
def ddb(cloud):
    return cloud.client("dynamodb")


def make(ddb, kind="S", name="tbl", **more):
    """A table, and an index that is keyed by the same attribute."""
    index = {"IndexName": "by-a", "KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}
    ddb.create_table(
        TableName=name, BillingMode="PAY_PER_REQUEST", AttributeDefinitions=[{"AttributeName": "a", "AttributeType": kind}],
        KeySchema=[{"AttributeName": "a", "KeyType": "HASH"}], GlobalSecondaryIndexes=[index], **more,
    )  # fmt: skip


def put(ddb, keys, kind="S", name="tbl"):
    for key in keys:
        ddb.put_item(TableName=name, Item={"a": {kind: key}})


def met(ddb, name="tbl", **more):
    """The keys that a scan meets, page after page."""
    found, start = [], {}
    while True:
        page = ddb.scan(TableName=name, Limit=5, **more, **start)
        found += [next(iter(item["a"].values())) for item in page["Items"]]
        if "LastEvaluatedKey" not in page:
            return found
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def got(ddb, key, name="tbl"):
    return "Item" in ddb.get_item(TableName=name, Key={"a": {"S": key}})


@pytest.mark.parametrize(("kind", "order"), [("S", STRINGS), ("N", NUMBERS)])
def test_partitions_are_met_in_the_order_of_aws(ddb, kind, order):
    make(ddb, kind)
    put(ddb, sorted(order), kind)
    assert met(ddb) == order
    assert met(ddb, IndexName="by-a") == order


def test_binary_keys_are_hashed_as_the_bytes_that_they_are(ddb):
    # Of binary keys no test of AWS is known to us; that they are hashed raw, as strings are as UTF-8, is what dynalite does.
    make(ddb, "B")
    put(ddb, [key.encode() for key in sorted(STRINGS)], "B")
    assert met(ddb) == [key.encode() for key in STRINGS]


@pytest.mark.parametrize(
    ("kind", "segments"),
    [("S", {"3635": 0, "228": 0, "1668": 1, "3435": 4}), ("N", {"251": 1, "2388": 4095})],
)
def test_segments_divide_the_hashes(ddb, kind, segments):
    make(ddb, kind)
    put(ddb, segments, kind)
    for key, segment in segments.items():
        assert key in met(ddb, Segment=segment, TotalSegments=4096)
    assert met(ddb, Segment=2, TotalSegments=4096) == []


def test_segments_of_half_as_many_are_made_of_two_each(ddb):
    make(ddb)
    put(ddb, STRINGS)
    quarters = [met(ddb, Segment=segment, TotalSegments=4) for segment in range(4)]
    halves = [met(ddb, Segment=segment, TotalSegments=2) for segment in range(2)]
    assert halves == [quarters[0] + quarters[1], quarters[2] + quarters[3]]
    assert halves[0] + halves[1] == STRINGS and all(halves)


def test_one_partition_lies_in_one_segment(ddb):
    # getmoto/moto, test_dynamodb_scan.py at 0af643a5, test_scan_single_hash_key (aws_verified), which saw it in segment 1 of 3.
    schema = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "rk", "KeyType": "RANGE"}]
    definitions = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "rk")]
    ddb.create_table(TableName="tbl", BillingMode="PAY_PER_REQUEST", AttributeDefinitions=definitions, KeySchema=schema)
    for n in range(5):
        ddb.put_item(TableName="tbl", Item={"pk": {"S": "item"}, "rk": {"S": f"range{n}"}})
    assert [ddb.scan(TableName="tbl", Segment=segment, TotalSegments=3)["Count"] for segment in range(3)] == [0, 5, 0]


def test_a_sealed_table_has_the_same_order(cloud, ddb):
    make(ddb, SSESpecification={"Enabled": True})
    put(ddb, sorted(STRINGS))
    cloud.restart(kill=True)
    assert met(ddb) == STRINGS


# Ties ------------------------------------------------------------------------------------------------

KEYED = {"hash": "c", "ranged": "cd"}
ONE, OTHER = ["bb", "aa", "ce", "ea", "da", "cd"], ["aa", "da", "ba", "ca", "db", "cb"]


def make_tied(ddb, name="tbl", **more):
    """A table with a sort key, and two indexes of which the second has one, too."""
    kinds = ("HASH", "RANGE")
    indexes = [
        {"IndexName": index, "KeySchema": [{"AttributeName": n, "KeyType": k} for n, k in zip(names, kinds)], "Projection": {"ProjectionType": "KEYS_ONLY"}}
        for index, names in KEYED.items()
    ]
    ddb.create_table(
        TableName=name, BillingMode="PAY_PER_REQUEST", AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in "abcd"],
        KeySchema=[{"AttributeName": n, "KeyType": k} for n, k in zip("ab", kinds)], GlobalSecondaryIndexes=indexes, **more,
    )  # fmt: skip


def put_tied(ddb, keys, name="tbl"):
    for key in sorted(keys):
        ddb.put_item(TableName=name, Item={"a": {"S": key[0]}, "b": {"S": key[1]}, "c": {"S": "x"}, "d": {"S": "a"}})


def found(ddb, index, name="tbl", **more):
    """What a query of an index finds, page after page."""
    keys, start, values = [], {}, {":c": {"S": "x"}}
    while True:
        page = ddb.query(
            TableName=name, IndexName=index, KeyConditionExpression="c = :c", ExpressionAttributeValues=values, Limit=2, **start, **more
        )
        keys += [item["a"]["S"] + item["b"]["S"] for item in page["Items"]]
        if "LastEvaluatedKey" not in page:
            return keys
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


# architect/dynalite, test/query.js at c5e5b46: "should query on basic hash global index", its reverse, and "if values are equal".
@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize("order", [ONE, OTHER])
def test_items_at_one_place_of_an_index_are_in_the_order_of_their_hashes(cloud, ddb, order, sealed):
    make_tied(ddb, **({"SSESpecification": {"Enabled": True}} if sealed else {}))
    put_tied(ddb, order)
    cloud.restart(kill=True)
    for index in KEYED:
        assert found(ddb, index) == order
        assert found(ddb, index, ScanIndexForward=False) == order[::-1]
        assert [item["a"]["S"] + item["b"]["S"] for item in ddb.scan(TableName="tbl", IndexName=index)["Items"]] == order
    shown = ddb.describe_table(TableName="tbl")["Table"]["GlobalSecondaryIndexes"]
    assert [each["ItemCount"] for each in shown] == [6, 6]
    ddb.delete_item(TableName="tbl", Key={"a": {"S": order[2][0]}, "b": {"S": order[2][1]}})
    assert found(ddb, "hash") == [*order[:2], *order[3:]]


def test_what_moves_under_a_key_and_back_keeps_its_order(cloud, ddb):
    make_tied(ddb)
    put_tied(ddb, ONE)
    for is_sealed in (True, False):
        ddb.update_table(TableName="tbl", SSESpecification={"Enabled": is_sealed})
        cloud.sleep(5)
        assert found(ddb, "ranged") == ONE


def test_an_index_that_comes_later_and_a_table_that_is_restored_have_ties_of_aws(cloud, ddb):
    make_tied(ddb)
    put_tied(ddb, ONE)
    index = {"IndexName": "again", "KeySchema": [{"AttributeName": "c", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}
    told = [{"AttributeName": "c", "AttributeType": "S"}]
    ddb.update_table(TableName="tbl", AttributeDefinitions=told, GlobalSecondaryIndexUpdates=[{"Create": index}])
    backup = ddb.create_backup(TableName="tbl", BackupName="before")["BackupDetails"]["BackupArn"]
    ddb.restore_table_from_backup(TargetTableName="other", BackupArn=backup)
    assert found(ddb, "again") == found(ddb, "again", "other") == found(ddb, "ranged", "other") == ONE


def test_an_index_of_an_older_store_keeps_its_ties(cloud, ddb):
    make_tied(ddb)
    aged(cloud)
    put_tied(ddb, ONE[:3])
    cloud.restart(kill=True)
    put_tied(ddb, ONE[3:])
    for index in KEYED:
        assert sorted(found(ddb, index)) == sorted(ONE)
    ddb.delete_item(TableName="tbl", Key={"a": {"S": "a"}, "b": {"S": "a"}})
    assert sorted(found(ddb, "hash")) == sorted(set(ONE) - {"aa"})


# Older stores ----------------------------------------------------------------------------------------


@pytest.fixture
def older(cloud, ddb):
    """A table as stores hold it that are older than AWS's order: its record says nothing of an order."""
    make(ddb)
    return aged(cloud)


def aged(cloud, region=US):
    async def age():
        shelf = cloud.region(region).store.shelf("000000000000", Table)
        shelf["tbl"] = changed(shelf["tbl"], has_aws_order=False, has_aws_ties=False)

    cloud.run(age())
    return cloud.client("dynamodb", region)


def holds(ddb, name="tbl", keys=STRINGS):
    """Whether a table finds its items whatever way they are looked for."""
    values = {":a": {"S": keys[0]}}
    pieces = [met(ddb, name, Segment=segment, TotalSegments=3) for segment in range(3)]
    return (
        sorted(met(ddb, name)) == sorted(met(ddb, name, IndexName="by-a")) == sorted(sum(pieces, [])) == sorted(keys)
        and all(got(ddb, key, name) for key in keys)
        and ddb.query(TableName=name, IndexName="by-a", KeyConditionExpression="a = :a", ExpressionAttributeValues=values)["Count"] == 1
    )


def test_a_table_of_an_older_store_finds_its_items(cloud, older):
    put(older, STRINGS[:7])
    cloud.restart(kill=True)
    put(older, STRINGS[7:])
    assert holds(older) and met(older) != STRINGS
    older.delete_item(TableName="tbl", Key={"a": {"S": STRINGS[0]}})
    older.transact_write_items(TransactItems=[{"Delete": {"TableName": "tbl", "Key": {"a": {"S": STRINGS[1]}}}}])
    assert holds(older, keys=STRINGS[2:])


def test_an_index_that_an_older_table_is_given_has_the_order_of_the_table(older):
    put(older, STRINGS)
    index = {"IndexName": "again", "KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}
    older.update_table(
        TableName="tbl", AttributeDefinitions=[{"AttributeName": "a", "AttributeType": "S"}], GlobalSecondaryIndexUpdates=[{"Create": index}]
    )
    assert met(older, IndexName="again") == met(older)


def test_what_is_made_of_an_older_table_finds_its_items_too(cloud, older):
    put(older, STRINGS)
    older.update_continuous_backups(TableName="tbl", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True})
    cloud.sleep(2)
    backup = older.create_backup(TableName="tbl", BackupName="before")["BackupDetails"]["BackupArn"]
    older.restore_table_from_backup(TargetTableName="from-backup", BackupArn=backup)
    older.restore_table_to_point_in_time(SourceTableName="tbl", TargetTableName="of-then", UseLatestRestorableTime=True)
    for name in ("from-backup", "of-then"):
        put(older, ["later"], name=name)
        assert holds(older, name, [*STRINGS, "later"])


def test_replicas_have_the_order_of_the_first(make_cloud):
    for is_older in (False, True):
        cloud = make_cloud(US, EU)
        here, there = (cloud.client("dynamodb", region) for region in (US, EU))
        make(here)
        if is_older:
            aged(cloud)
        put(here, STRINGS[:5])
        here.update_table(TableName="tbl", ReplicaUpdates=[{"Create": {"RegionName": EU}}])
        cloud.sleep(3)
        put(here, STRINGS[5:10])
        put(there, STRINGS[10:])
        cloud.sleep(3)
        assert holds(here) and holds(there) and met(here) == met(there)
        assert (met(here) == STRINGS) is not is_older


def test_tables_of_two_orders_are_not_joined(make_cloud):
    cloud = make_cloud(US, EU)
    stream = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    for region in (US, EU):
        make(cloud.client("dynamodb", region), StreamSpecification=stream)
    aged(cloud, EU)
    with pytest.raises(ClientError, match="Table 'tbl' in region 'eu-west-1' keeps its items in another order than the other replicas"):
        cloud.client("dynamodb").create_global_table(GlobalTableName="tbl", ReplicationGroup=[{"RegionName": US}, {"RegionName": EU}])
