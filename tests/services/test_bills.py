"""What AWS would bill: each use of each service, and what stands, by the hour."""

from __future__ import annotations

import base64
import re

import pytest
from bill_workshop import used
from botocore.exceptions import ClientError
from lambda_workshop import invoke, make, provisioned
from source_workshop import Workshop

HOUR_S = 3_600
GB = 1 << 30
KEYS = {"KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}], "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}]}


def test_a_cloud_that_does_nothing_costs_nothing(cloud):
    make(cloud, "def handler(event, context): return 1")
    before = used(cloud)
    cloud.sleep(30 * 24 * HOUR_S)
    assert used(cloud) == before
    assert not {usage for usage, _ in before} & {"lambda:requests", "lambda:duration_x86"}


# SQS: https://aws.amazon.com/sqs/pricing/ ---------------------------------------------------------------------


def test_each_request_to_a_queue_is_billed_and_each_64_kb_of_it(cloud):
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName="orders")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="x")
    sqs.send_message(QueueUrl=url, MessageBody="x" * 65_536)
    assert used(cloud)["sqs:standard_requests", "orders"] == 3
    sqs.send_message(QueueUrl=url, MessageBody="x" * 65_537)
    assert used(cloud)["sqs:standard_requests", "orders"] == 5
    sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": str(n), "MessageBody": "x" * 10_000} for n in range(10)])
    assert used(cloud)["sqs:standard_requests", "orders"] == 7
    sqs.purge_queue(QueueUrl=url)
    cloud.sleep(60)
    sqs.receive_message(QueueUrl=url)
    assert used(cloud)["sqs:standard_requests", "orders"] == 9


def test_what_is_received_counts_by_its_size_and_attributes_count(cloud):
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName="orders")["QueueUrl"]
    note = {"note": {"DataType": "String", "StringValue": "y" * 60_000}}
    sqs.send_message(QueueUrl=url, MessageBody="x" * 60_000, MessageAttributes=note)
    assert used(cloud)["sqs:standard_requests", "orders"] == 3
    sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"])
    assert used(cloud)["sqs:standard_requests", "orders"] == 5


def test_fifo_queues_have_a_price_of_their_own_and_refusals_none(cloud):
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName="orders.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    with pytest.raises(ClientError):
        sqs.send_message(QueueUrl=url, MessageBody="without a group")
    assert used(cloud) == {("sqs:fifo_requests", "orders.fifo"): 1}


# Lambda: https://aws.amazon.com/lambda/pricing/ ----------------------------------------------------------------


def test_a_function_is_billed_by_requests_and_by_memory_for_each_millisecond_of_its_reports(cloud):
    make(cloud, "def handler(event, context): return 1", MemorySize=256)
    billed_ms = 0
    for _ in range(3):
        tail = base64.b64decode(invoke(cloud, LogType="Tail")["LogResult"]).decode()
        billed_ms += int(re.search(r"Billed Duration: (\d+) ms", tail)[1])
    found = used(cloud)
    assert found["lambda:requests", "f"] == 3
    assert found["lambda:duration_x86", "f"] == pytest.approx(billed_ms / 1000 * 256 / 1024)


def test_an_error_is_billed_and_a_larger_tmp_beyond_its_first_half_gigabyte(cloud):
    make(cloud, "def handler(event, context): raise ValueError", EphemeralStorage={"Size": 1536}, Architectures=["arm64"], MemorySize=1024)
    invoke(cloud)
    found = used(cloud)
    assert found["lambda:requests", "f"] == 1
    assert found["lambda:ephemeral_storage", "f"] == pytest.approx(found["lambda:duration_arm", "f"]) and found["lambda:duration_arm", "f"] > 0


def test_provisioned_concurrency_costs_as_long_as_it_stands(cloud):
    make(cloud, "def handler(event, context): return 1", MemorySize=512, Publish=True)
    cloud.client("lambda").put_provisioned_concurrency_config(FunctionName="f", Qualifier="1", ProvisionedConcurrentExecutions=4)
    provisioned(cloud, "1")
    cloud.sleep(2)
    before = used(cloud)["lambda:provisioned_concurrency", "f"]
    cloud.sleep(3 * HOUR_S)
    assert used(cloud)["lambda:provisioned_concurrency", "f"] - before == pytest.approx(3 * 4 * 0.5)
    cloud.client("lambda").delete_provisioned_concurrency_config(FunctionName="f", Qualifier="1")
    cloud.sleep(2)
    after = used(cloud)["lambda:provisioned_concurrency", "f"]
    cloud.sleep(3 * HOUR_S)
    assert used(cloud)["lambda:provisioned_concurrency", "f"] == after


def test_provisioned_pollers_of_a_queue_cost_as_long_as_they_stand(cloud, tmp_path):
    shop = Workshop(cloud, tmp_path)
    shop.function()
    _, source = shop.queue()
    uuid = shop.map(source, ProvisionedPollerConfig={"MinimumPollers": 3})["UUID"]
    cloud.sleep(2)
    before = used(cloud).get(("lambda:event_pollers", uuid), 0)
    cloud.sleep(2 * HOUR_S)
    assert used(cloud)["lambda:event_pollers", uuid] - before == pytest.approx(2 * 3)


# DynamoDB: https://aws.amazon.com/dynamodb/pricing/on-demand/ --------------------------------------------------


def test_a_table_on_demand_is_billed_by_what_its_answers_say_that_they_consumed(cloud):
    db = cloud.client("dynamodb")
    db.create_table(TableName="items", BillingMode="PAY_PER_REQUEST", **KEYS)
    put = db.put_item(TableName="items", Item={"id": {"S": "a"}, "x": {"S": "x" * 2_500}}, ReturnConsumedCapacity="TOTAL")
    get = db.get_item(TableName="items", Key={"id": {"S": "a"}}, ReturnConsumedCapacity="TOTAL")
    strong = db.get_item(TableName="items", Key={"id": {"S": "a"}}, ConsistentRead=True, ReturnConsumedCapacity="TOTAL")
    found = used(cloud)
    assert found["dynamodb:on_demand_write", "items"] == put["ConsumedCapacity"]["CapacityUnits"] == 3
    assert found["dynamodb:on_demand_read", "items"] == get["ConsumedCapacity"]["CapacityUnits"] + strong["ConsumedCapacity"]["CapacityUnits"] == 1.5
    with pytest.raises(ClientError):
        db.put_item(TableName="items", Item={"id": {"S": "a"}}, ConditionExpression="attribute_not_exists(id)")
    assert used(cloud)["dynamodb:on_demand_write", "items"] > 3


def test_a_provisioned_table_is_billed_by_the_hour_and_not_by_its_use(cloud):
    db = cloud.client("dynamodb")
    throughput = {"ReadCapacityUnits": 10, "WriteCapacityUnits": 5}
    db.create_table(TableName="items", ProvisionedThroughput=throughput, **KEYS)
    cloud.sleep(2)
    before = used(cloud)
    db.put_item(TableName="items", Item={"id": {"S": "a"}})
    cloud.sleep(2 * HOUR_S)
    found = used(cloud)
    assert found["dynamodb:provisioned_wcu", "items"] - before["dynamodb:provisioned_wcu", "items"] == pytest.approx(10)
    assert found["dynamodb:provisioned_rcu", "items"] - before["dynamodb:provisioned_rcu", "items"] == pytest.approx(20)
    assert ("dynamodb:on_demand_write", "items") not in found


def test_what_is_stored_costs_until_it_is_deleted_also_while_the_region_is_dark(cloud):
    db = cloud.client("dynamodb")
    db.create_table(TableName="items", BillingMode="PAY_PER_REQUEST", **KEYS)
    db.put_item(TableName="items", Item={"id": {"S": "a"}, "x": {"S": "x" * 100_000}})
    cloud.sleep(2)
    size = db.describe_table(TableName="items")["Table"]["TableSizeBytes"]
    before = used(cloud)["dynamodb:storage", "items"]
    cloud.restart(kill=True)
    cloud.sleep(5 * HOUR_S)
    after = used(cloud)["dynamodb:storage", "items"]
    assert after - before == pytest.approx(5 * size / GB, rel=1e-3)
    cloud.client("dynamodb").delete_table(TableName="items")
    cloud.sleep(2)
    after = used(cloud)["dynamodb:storage", "items"]
    cloud.sleep(5 * HOUR_S)
    assert used(cloud)["dynamodb:storage", "items"] == after


def test_what_can_be_restored_is_the_table_and_not_its_global_indexes(cloud):
    db = cloud.client("dynamodb")
    index = {"IndexName": "others", "KeySchema": KEYS["KeySchema"], "Projection": {"ProjectionType": "ALL"}}
    db.create_table(TableName="items", BillingMode="PAY_PER_REQUEST", GlobalSecondaryIndexes=[index], **KEYS)
    db.put_item(TableName="items", Item={"id": {"S": "a"}, "x": {"S": "x" * 10_000}})
    db.update_continuous_backups(TableName="items", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True})
    cloud.sleep(2)
    before = used(cloud)
    cloud.sleep(HOUR_S)
    grown = {name: used(cloud)[name, "items"] - before[name, "items"] for name in ("dynamodb:storage", "dynamodb:pitr")}
    assert grown["dynamodb:storage"] == pytest.approx(2 * grown["dynamodb:pitr"], rel=0.01)


# The ledger ----------------------------------------------------------------------------------------------------


def test_a_kill_forgets_no_more_than_the_last_second(cloud):
    sqs = cloud.client("sqs")
    sqs.create_queue(QueueName="orders")
    cloud.sleep(1.1)
    sqs.get_queue_url(QueueName="orders")
    cloud.restart(kill=True)
    assert used(cloud) == {("sqs:standard_requests", "orders"): 1}


def test_a_region_that_ends_in_good_order_forgets_nothing(cloud):
    cloud.client("sqs").create_queue(QueueName="orders")
    cloud.restart()
    assert used(cloud) == {("sqs:standard_requests", "orders"): 1}


def test_what_was_made_just_before_a_region_ended_is_found_in_its_next_life(cloud):
    key = cloud.client("kms").create_key()["KeyMetadata"]["KeyId"]
    cloud.restart()
    used(cloud)
    cloud.sleep(3 * HOUR_S)
    assert used(cloud)["kms:customer_key", key] == pytest.approx(3)
    assert all(usage for usage, _ in used(cloud))


def test_each_account_has_its_own(cloud):
    cloud.client("sqs", key="111111111111").create_queue(QueueName="a")
    cloud.client("sqs", key="222222222222").create_queue(QueueName="b")

    async def told():
        return cloud.region().gate.ledger.told()

    assert {tuple(row[:1] + row[2:]) for row in cloud.run(told())["used"]} == {
        ("111111111111", "sqs:standard_requests", "a", 1.0), ("222222222222", "sqs:standard_requests", "b", 1.0),
    }  # fmt: skip
    cloud.run(cloud.region().reset("111111111111"))
    assert used(cloud) == {("sqs:standard_requests", "b"): 1}


def test_what_changes_soon_after_it_was_looked_at_is_looked_at_when_the_hour_is_over(cloud):
    db = cloud.client("dynamodb")
    db.create_table(TableName="items", BillingMode="PAY_PER_REQUEST", **KEYS)
    cloud.sleep(60)
    db.put_item(TableName="items", Item={"id": {"S": "a"}, "x": {"S": "x" * 100_000}})
    size = db.describe_table(TableName="items")["Table"]["TableSizeBytes"]
    cloud.sleep(5 * HOUR_S)
    assert used(cloud)["dynamodb:storage", "items"] == pytest.approx(4 * size / GB, rel=0.02)


def test_uses_are_told_by_the_hour(cloud):
    sqs = cloud.client("sqs")
    sqs.create_queue(QueueName="a")
    cloud.sleep(HOUR_S)
    sqs.get_queue_url(QueueName="a")

    async def told():
        return cloud.region().gate.ledger.told()

    hours = [row[1] for row in cloud.run(told())["used"]]
    assert len(hours) == 2 and hours[1] == hours[0] + 1
