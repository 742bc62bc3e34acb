"""What AWS would bill for streams of Kinesis, and for streams, backups and restores of tables of DynamoDB."""

from __future__ import annotations

import pytest
from bill_workshop import used
from source_workshop import Workshop

HOUR_S, DAY_S = 3_600, 86_400
GB = 1 << 30
KEYS = {"KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}], "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}]}


def stood(cloud, usage: str, resource: str, hours: int = 3) -> float:
    """How much of a usage stands, on the average of some hours."""
    cloud.sleep(2)
    before = used(cloud).get((usage, resource), 0.0)
    cloud.sleep(hours * HOUR_S)
    return (used(cloud).get((usage, resource), 0.0) - before) / hours


# Kinesis: https://aws.amazon.com/kinesis/data-streams/pricing/ -------------------------------------------------


@pytest.fixture
def kinesis(cloud):
    return cloud.client("kinesis")


def put(kinesis, *sizes: int, stream: str = "clicks") -> None:
    kinesis.put_records(StreamName=stream, Records=[{"Data": b"x" * (size - 1), "PartitionKey": "k"} for size in sizes])


def read(kinesis, stream: str = "clicks") -> int:
    """Read all of a stream; answers how many bytes that was."""
    size = 0
    for shard in kinesis.list_shards(StreamName=stream)["Shards"]:
        start = kinesis.get_shard_iterator(StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        size += sum(len(record["Data"]) + len(record["PartitionKey"]) for record in kinesis.get_records(ShardIterator=start)["Records"])
    return size


def test_a_provisioned_stream_is_billed_by_its_shards_and_each_25_kb_of_a_record(cloud, kinesis):
    kinesis.create_stream(StreamName="clicks", ShardCount=2)
    assert stood(cloud, "kinesis:provisioned_shard", "clicks") == pytest.approx(2)
    kinesis.put_record(StreamName="clicks", Data=b"x" * (25 * 1024 - 1), PartitionKey="k")
    put(kinesis, 25 * 1024 + 1, 10, 10)
    assert read(kinesis) > 0
    found = used(cloud)
    assert found["kinesis:put_payload_units", "clicks"] == 5
    assert not [usage for usage, _ in found if "on_demand" in usage]
    kinesis.delete_stream(StreamName="clicks")
    assert stood(cloud, "kinesis:provisioned_shard", "clicks") == 0


def test_a_stream_on_demand_is_billed_by_the_hour_and_by_what_is_put_in_whole_kb_and_read(cloud, kinesis):
    kinesis.create_stream(StreamName="clicks", StreamModeDetails={"StreamMode": "ON_DEMAND"})
    assert stood(cloud, "kinesis:on_demand_stream", "clicks") == pytest.approx(1)
    put(kinesis, 100, 1_025)
    size = read(kinesis) + read(kinesis)
    found = used(cloud)
    assert found["kinesis:on_demand_ingest", "clicks"] == pytest.approx(3 * 1024 / GB)
    assert found["kinesis:on_demand_retrieval", "clicks"] == pytest.approx(size / GB)
    assert ("kinesis:put_payload_units", "clicks") not in found and ("kinesis:provisioned_shard", "clicks") not in found


def test_what_a_shard_does_not_take_is_not_billed(cloud, kinesis):
    kinesis.create_stream(StreamName="clicks", ShardCount=1)
    put(kinesis, *[1_000_000] * 3)
    assert used(cloud)["kinesis:put_payload_units", "clicks"] == 40


def test_a_longer_retention_of_a_provisioned_stream_costs_for_each_shard(cloud, kinesis):
    kinesis.create_stream(StreamName="clicks", ShardCount=2)
    assert stood(cloud, "kinesis:extended_retention", "clicks") == 0
    kinesis.increase_stream_retention_period(StreamName="clicks", RetentionPeriodHours=48)
    assert stood(cloud, "kinesis:extended_retention", "clicks") == pytest.approx(2)


def test_what_is_kept_for_longer_than_a_day_or_a_week_costs_by_its_size(cloud, kinesis):
    for name, mode in (("clicks", {"StreamModeDetails": {"StreamMode": "ON_DEMAND"}}), ("fixed", {"ShardCount": 1})):
        kinesis.create_stream(StreamName=name, **mode)
        cloud.sleep(1)
        kinesis.increase_stream_retention_period(StreamName=name, RetentionPeriodHours=10 * 24)
        put(kinesis, 300_000, stream=name)
    extended, long = "kinesis:on_demand_extended_retention", "kinesis:long_term_retention"
    assert stood(cloud, extended, "clicks") == 0
    cloud.sleep(DAY_S)
    assert stood(cloud, extended, "clicks") == pytest.approx(300_000 / GB)
    assert stood(cloud, long, "clicks") == stood(cloud, long, "fixed") == 0
    cloud.sleep(7 * DAY_S)
    assert stood(cloud, extended, "clicks") == 0
    assert stood(cloud, long, "clicks") == stood(cloud, long, "fixed") == pytest.approx(300_000 / GB)
    assert stood(cloud, extended, "fixed") == 0
    cloud.sleep(3 * DAY_S)
    assert stood(cloud, long, "clicks") == 0


def test_a_consumer_costs_for_each_shard_and_for_what_it_is_told(cloud, kinesis):
    kinesis.create_stream(StreamName="clicks", ShardCount=2)
    cloud.sleep(1)
    arn = kinesis.describe_stream_summary(StreamName="clicks")["StreamDescriptionSummary"]["StreamARN"]
    consumer = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="fan")["Consumer"]["ConsumerARN"]
    assert stood(cloud, "kinesis:fan_out_consumer", "clicks") == pytest.approx(2)
    kinesis.put_record(StreamName="clicks", Data=b"x" * 999, PartitionKey="k", ExplicitHashKey="0")
    shard = kinesis.list_shards(StreamName="clicks")["Shards"][0]["ShardId"]
    told = kinesis.subscribe_to_shard(ConsumerARN=consumer, ShardId=shard, StartingPosition={"Type": "TRIM_HORIZON"})["EventStream"]
    next(event for event in told if event.get("SubscribeToShardEvent", {}).get("Records"))
    assert used(cloud)["kinesis:fan_out_retrieval", "clicks"] == pytest.approx(1_000 / GB)


# DynamoDB: https://aws.amazon.com/dynamodb/pricing/on-demand/ --------------------------------------------------

READS = ("dynamodb:streams_read", "things")


def test_who_reads_a_stream_pays_for_each_answer_and_lambda_does_not(cloud, tmp_path):
    shop = Workshop(cloud, tmp_path)
    stream = shop.table()
    shop.put("a", 1)
    streams = cloud.client("dynamodbstreams")
    shard = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"][0]["ShardId"]
    start = streams.get_shard_iterator(StreamArn=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    assert READS not in used(cloud)
    for _ in range(2):
        assert streams.get_records(ShardIterator=start)["Records"]
    assert used(cloud)[READS] == 2
    shop.function("def handler(event, context): open(__import__('os').environ['LOG'], 'a').write('{}\\n')")
    shop.map(stream, StartingPosition="TRIM_HORIZON")
    cloud.sleep(30)
    assert shop.events() and used(cloud)[READS] == 2


def test_a_backup_costs_as_long_as_it_is_kept_and_a_restore_by_its_size(cloud):
    db = cloud.client("dynamodb")
    db.create_table(TableName="items", BillingMode="PAY_PER_REQUEST", **KEYS)
    db.put_item(TableName="items", Item={"id": {"S": "a"}, "x": {"S": "x" * 100_000}})
    backup = db.create_backup(TableName="items", BackupName="monday")["BackupDetails"]["BackupArn"]
    size = db.describe_backup(BackupArn=backup)["BackupDescription"]["BackupDetails"]["BackupSizeBytes"]
    assert size > 100_000
    assert stood(cloud, "dynamodb:on_demand_backup", "items") == pytest.approx(size / GB)
    db.restore_table_from_backup(TargetTableName="again", BackupArn=backup)
    cloud.sleep(2)
    assert used(cloud)["dynamodb:restore", "again"] == pytest.approx(size / GB)
    db.delete_backup(BackupArn=backup)
    assert stood(cloud, "dynamodb:on_demand_backup", "items") == 0


def test_the_backup_that_a_deleted_table_leaves_costs_nothing(cloud):
    db = cloud.client("dynamodb")
    db.create_table(TableName="items", BillingMode="PAY_PER_REQUEST", **KEYS)
    db.update_continuous_backups(TableName="items", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True})
    db.put_item(TableName="items", Item={"id": {"S": "a"}, "x": {"S": "x" * 100_000}})
    db.delete_table(TableName="items")
    assert db.list_backups(BackupType="SYSTEM")["BackupSummaries"]
    assert stood(cloud, "dynamodb:on_demand_backup", "items") == 0
