"""DynamoDB: tables that are encrypted under a key of KMS."""

from __future__ import annotations

import gzip
import json

import pytest
from refusals import refused
from sealed import ACCOUNT, SECRET, on_disk


@pytest.fixture
def dynamodb(cloud):
    return cloud.client("dynamodb", key=ACCOUNT)


SEALED = {"Enabled": True, "SSEType": "KMS"}


def table(dynamodb, key=None, name="tbl", *, stream=False, **more) -> dict:
    sealed = {"SSESpecification": SEALED | ({"KMSMasterKeyId": key} if key else {})} if key != "" else {}
    streamed = {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}} if stream else {}
    return dynamodb.create_table(
        TableName=name, BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "p", "KeyType": "HASH"}, {"AttributeName": "s", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("p", "s", "g")],
        GlobalSecondaryIndexes=[
            {"IndexName": "by-g", "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}], "Projection": {"ProjectionType": "KEYS_ONLY"}}
        ],
        **sealed, **streamed, **more,
    )["TableDescription"]  # fmt: skip


def item(n: int, p: str = f"p-{SECRET}") -> dict:
    return {"p": {"S": p}, "s": {"S": f"{n:03} {SECRET}"}, "g": {"S": f"g-{n % 2}-{SECRET}"}, "text": {"S": f"{n} {SECRET}"}}


def key_of(n: int) -> dict:
    return {name: item(n)[name] for name in ("p", "s")}


def fill(dynamodb, count: int, name="tbl") -> None:
    for n in range(count):
        dynamodb.put_item(TableName=name, Item=item(n))


def queried(dynamodb, name="tbl", **more) -> list[str]:
    answer = dynamodb.query(
        TableName=name, KeyConditionExpression="p = :p", ExpressionAttributeValues={":p": {"S": f"p-{SECRET}"}}, **more
    )
    return [each["s"]["S"][:3] for each in answer["Items"]]


def test_items_come_out_as_they_went_in_and_nothing_of_them_is_on_the_disk(cloud, dynamodb, key):
    table(dynamodb, key, stream=True)
    fill(dynamodb, 7)
    dynamodb.update_item(TableName="tbl", Key=key_of(3), UpdateExpression="set extra = :x", ExpressionAttributeValues={":x": {"S": SECRET * 2}})
    dynamodb.delete_item(TableName="tbl", Key=key_of(5))
    assert on_disk(cloud) == []
    cloud.restart(kill=True)
    assert on_disk(cloud) == []
    assert dynamodb.get_item(TableName="tbl", Key=key_of(3))["Item"] == item(3) | {"extra": {"S": SECRET * 2}}
    assert "Item" not in dynamodb.get_item(TableName="tbl", Key=key_of(5))
    assert dynamodb.get_item(TableName="tbl", Key=key_of(6))["Item"] == item(6)


def test_a_sealed_table_keeps_its_order(cloud, dynamodb, key):
    table(dynamodb, key)
    for n in (4, 0, 6, 2, 5, 1, 3):
        dynamodb.put_item(TableName="tbl", Item=item(n))
    for _ in range(2):
        assert queried(dynamodb) == ["000", "001", "002", "003", "004", "005", "006"]
        assert queried(dynamodb, ScanIndexForward=False, Limit=3) == ["006", "005", "004"]
        between = dynamodb.query(
            TableName="tbl", KeyConditionExpression="p = :p and s between :a and :b",
            ExpressionAttributeValues={":p": {"S": f"p-{SECRET}"}, ":a": {"S": "002"}, ":b": {"S": "005"}},
        )  # fmt: skip
        assert [each["text"]["S"][0] for each in between["Items"]] == ["2", "3", "4"]
        pages, start = [], {}
        while True:
            page = dynamodb.query(
                TableName="tbl", KeyConditionExpression="p = :p", ExpressionAttributeValues={":p": {"S": f"p-{SECRET}"}}, Limit=2, **start
            )
            pages.append([each["s"]["S"][:3] for each in page["Items"]])
            if "LastEvaluatedKey" not in page:
                break
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
        assert sum(pages, []) == ["000", "001", "002", "003", "004", "005", "006"]
        found = dynamodb.query(
            TableName="tbl", IndexName="by-g", KeyConditionExpression="g = :g", ExpressionAttributeValues={":g": {"S": f"g-1-{SECRET}"}}
        )["Items"]
        assert sorted(each["s"]["S"][:3] for each in found) == ["001", "003", "005"] and "text" not in found[0]
        cloud.restart(kill=True)


def test_a_sealed_table_is_scanned_in_pages_and_segments(cloud, dynamodb, key):
    table(dynamodb, key)
    for n in range(40):
        dynamodb.put_item(TableName="tbl", Item=item(n, p=f"{SECRET}-{n % 10}"))
    seen = []
    for segment in range(3):
        start: dict = {}
        while True:
            page = dynamodb.scan(TableName="tbl", Segment=segment, TotalSegments=3, Limit=3, **start)
            seen += [each["text"]["S"] for each in page["Items"]]
            if "LastEvaluatedKey" not in page:
                break
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    assert sorted(seen) == sorted(f"{n} {SECRET}" for n in range(40))
    assert dynamodb.scan(TableName="tbl", IndexName="by-g", Select="COUNT")["Count"] == 40


def test_every_way_of_writing_is_sealed_and_read_again(cloud, dynamodb, key):
    table(dynamodb, key)
    dynamodb.batch_write_item(RequestItems={"tbl": [{"PutRequest": {"Item": item(n)}} for n in range(3)]})
    dynamodb.transact_write_items(
        TransactItems=[{"Put": {"TableName": "tbl", "Item": item(3)}}, {"Delete": {"TableName": "tbl", "Key": key_of(0)}}], ClientRequestToken="once"
    )
    dynamodb.execute_statement(Statement=f"insert into tbl value {{'p': 'p-{SECRET}', 's': '004', 'g': 'g-0-{SECRET}', 'text': '{SECRET}'}}")
    assert on_disk(cloud) == []
    cloud.restart(kill=True)
    got = dynamodb.batch_get_item(RequestItems={"tbl": {"Keys": [key_of(1), key_of(2)]}})["Responses"]["tbl"]
    assert sorted(each["text"]["S"] for each in got) == [f"1 {SECRET}", f"2 {SECRET}"]
    got = dynamodb.transact_get_items(TransactItems=[{"Get": {"TableName": "tbl", "Key": key_of(3)}}])["Responses"]
    assert got[0]["Item"] == item(3)
    rows = dynamodb.execute_statement(Statement=f"select s from tbl where p = 'p-{SECRET}'")["Items"]
    assert [each["s"]["S"][:3] for each in rows] == ["001", "002", "003", "004"]


def test_a_write_whose_condition_fails_leaves_nothing_in_memory_either(dynamodb, key):
    table(dynamodb, key)
    fill(dynamodb, 2)
    dynamodb.get_item(TableName="tbl", Key=key_of(0))
    code, _ = refused(
        dynamodb.transact_write_items,
        TransactItems=[
            {"Put": {"TableName": "tbl", "Item": item(8)}},
            {"Put": {"TableName": "tbl", "Item": item(0), "ConditionExpression": "attribute_not_exists(p)"}},
        ],
    )
    assert code == "TransactionCanceledException"
    assert queried(dynamodb) == ["000", "001"]


def test_a_table_shows_how_it_is_encrypted(dynamodb, kms, key):
    made = table(dynamodb, key)
    assert made["SSEDescription"] == {"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": key}
    table(dynamodb, None, "managed")
    shown = dynamodb.describe_table(TableName="managed")["Table"]["SSEDescription"]
    managed = kms.describe_key(KeyId="alias/aws/dynamodb")["KeyMetadata"]
    assert (shown["KMSMasterKeyArn"], managed["KeyManager"]) == (managed["Arn"], "AWS")
    table(dynamodb, "", "plain")
    assert "SSEDescription" not in dynamodb.describe_table(TableName="plain")["Table"]
    (grant,) = kms.list_grants(KeyId=key)["Grants"]
    assert grant["Constraints"]["EncryptionContextSubset"] == {"aws:dynamodb:tableName": "tbl", "aws:dynamodb:subscriberId": ACCOUNT}


def test_a_key_that_is_not_there_or_may_not_be_used_makes_no_table(cloud, dynamodb, kms, key):
    gone = key[:-12] + "000000000000"
    code, text = refused(table, dynamodb=dynamodb, key=gone)
    assert code == "ValidationException"
    assert text.startswith("KMS validation error: com.amazonaws.services.kms.model.NotFoundException: ")
    kms.disable_key(KeyId=key)
    assert "DisabledException" in refused(table, dynamodb=dynamodb, key=key)[1]
    assert dynamodb.list_tables()["TableNames"] == []


def test_a_disabled_key_closes_the_table_and_an_enabled_one_opens_it(cloud, dynamodb, kms, key):
    table(dynamodb, key)
    fill(dynamodb, 2)
    assert dynamodb.get_item(TableName="tbl", Key=key_of(1))["Item"] == item(1)
    kms.disable_key(KeyId=key)
    cloud.sleep(120)
    shown = dynamodb.describe_table(TableName="tbl")["Table"]
    assert shown["TableStatus"] == "INACCESSIBLE_ENCRYPTION_CREDENTIALS"
    assert shown["SSEDescription"]["InaccessibleEncryptionDateTime"]
    for call, params in (
        (dynamodb.get_item, {"Key": key_of(1)}), (dynamodb.put_item, {"Item": item(1)}), (dynamodb.scan, {}),
    ):  # fmt: skip
        code, text = refused(call, TableName="tbl", **params)
        assert code == "ValidationException"
        assert text.startswith(f"KMS validation error: com.amazonaws.services.kms.model.DisabledException: {key} is disabled.")
    cloud.restart(kill=True)
    assert refused(dynamodb.scan, TableName="tbl")[0] == "ValidationException"
    kms.enable_key(KeyId=key)
    cloud.sleep(120)
    shown = dynamodb.describe_table(TableName="tbl")["Table"]
    assert (shown["TableStatus"], "InaccessibleEncryptionDateTime" in shown["SSEDescription"]) == ("ACTIVE", False)
    assert queried(dynamodb) == ["000", "001"]


def user(cloud, name="alice"):
    iam = cloud.client("iam", key=ACCOUNT)
    iam.create_user(UserName=name)
    held = iam.create_access_key(UserName=name)["AccessKey"]

    def may(*actions):
        document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": list(actions), "Resource": "*"}}
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(document))

    return may, {"key": held["AccessKeyId"], "secret": held["SecretAccessKey"]}


def test_who_reads_or_writes_needs_the_key_as_well_as_the_table(cloud, dynamodb, key):
    """PutItem needs kms:Decrypt too: https://github.com/aws/aws-cdk/issues/10010"""
    table(dynamodb, key, stream=True)
    fill(dynamodb, 1)
    may, keys = user(cloud)
    alice, streams = cloud.client("dynamodb", **keys), cloud.client("dynamodbstreams", **keys)
    may("dynamodb:*")
    code, text = refused(alice.put_item, TableName="tbl", Item=item(1))
    assert code == "AccessDeniedException"
    assert text.startswith(
        "KMS key access denied error: com.amazonaws.services.kms.model.AWSKMSException: The ciphertext refers to a customer master key"
    )
    assert refused(alice.get_item, TableName="tbl", Key=key_of(0))[0] == "AccessDeniedException"
    stream = streams.list_streams(TableName="tbl")["Streams"][0]["StreamArn"]
    shard = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"][0]["ShardId"]
    place = streams.get_shard_iterator(StreamArn=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    assert refused(streams.get_records, ShardIterator=place)[0] == "AccessDeniedException"
    may("dynamodb:*", "kms:Decrypt")
    alice.put_item(TableName="tbl", Item=item(1))
    assert alice.get_item(TableName="tbl", Key=key_of(0))["Item"] == item(0)
    told = streams.get_records(ShardIterator=place)["Records"]
    assert [each["dynamodb"]["NewImage"] for each in told] == [item(0), item(1)]
    may("dynamodb:*")
    cloud.sleep(301)
    assert refused(alice.get_item, TableName="tbl", Key=key_of(0))[0] == "AccessDeniedException"
    assert refused(alice.create_table, TableName="other", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "p", "KeyType": "HASH"}],
                   AttributeDefinitions=[{"AttributeName": "p", "AttributeType": "S"}],
                   SSESpecification=SEALED | {"KMSMasterKeyId": key})[0] == "AccessDeniedException"  # fmt: skip


def test_a_sealed_stream_is_read_after_its_table_is_gone(cloud, dynamodb, key):
    table(dynamodb, key, stream=True)
    fill(dynamodb, 2)
    streams = cloud.client("dynamodbstreams", key=ACCOUNT)
    stream = streams.list_streams(TableName="tbl")["Streams"][0]["StreamArn"]
    dynamodb.delete_table(TableName="tbl")
    assert on_disk(cloud) == []
    cloud.restart(kill=True)
    shard = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"][0]["ShardId"]
    place = streams.get_shard_iterator(StreamArn=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    assert [each["dynamodb"]["NewImage"] for each in streams.get_records(ShardIterator=place)["Records"]] == [item(0), item(1)]


def test_items_of_a_sealed_table_end_when_their_time_comes(cloud, dynamodb, key):
    table(dynamodb, key)
    dynamodb.update_time_to_live(TableName="tbl", TimeToLiveSpecification={"Enabled": True, "AttributeName": "ends"})
    dynamodb.put_item(TableName="tbl", Item=item(0) | {"ends": {"N": str(int(cloud.now()) + 100)}})
    dynamodb.put_item(TableName="tbl", Item=item(1))
    cloud.restart(kill=True)
    cloud.sleep(200)
    assert queried(dynamodb) == ["001"]


def test_an_index_that_comes_later_has_the_items(cloud, dynamodb, key):
    table(dynamodb, key)
    fill(dynamodb, 4)
    more = {"IndexName": "by-text", "KeySchema": [{"AttributeName": "text", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}
    cloud.restart(kill=True)
    dynamodb.update_table(
        TableName="tbl", AttributeDefinitions=[{"AttributeName": "text", "AttributeType": "S"}], GlobalSecondaryIndexUpdates=[{"Create": more}]
    )
    cloud.sleep(30)
    asked = {"KeyConditionExpression": "#t = :t", "ExpressionAttributeNames": {"#t": "text"}, "ExpressionAttributeValues": {":t": {"S": f"2 {SECRET}"}}}
    assert dynamodb.query(TableName="tbl", IndexName="by-text", **asked)["Items"] == [item(2)]
    shown = dynamodb.describe_table(TableName="tbl")["Table"]
    assert [index["ItemCount"] for index in shown["GlobalSecondaryIndexes"]] == [4, 4]
    assert on_disk(cloud) == []


def test_backups_and_restored_tables_are_sealed(cloud, dynamodb, kms, key):
    table(dynamodb, key)
    dynamodb.update_continuous_backups(TableName="tbl", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True})
    fill(dynamodb, 3)
    arn = dynamodb.create_backup(TableName="tbl", BackupName="backup")["BackupDetails"]["BackupArn"]
    cloud.sleep(10)
    then = cloud.now()
    cloud.sleep(10)
    dynamodb.delete_item(TableName="tbl", Key=key_of(0))
    dynamodb.put_item(TableName="tbl", Item=item(1) | {"text": {"S": "new"}})
    assert on_disk(cloud) == []
    cloud.restart(kill=True)
    other = kms.create_key()["KeyMetadata"]["Arn"]
    dynamodb.restore_table_from_backup(TargetTableName="again", BackupArn=arn)
    dynamodb.restore_table_to_point_in_time(SourceTableName="tbl", TargetTableName="then", RestoreDateTime=then,
                                            SSESpecificationOverride=SEALED | {"KMSMasterKeyId": other})  # fmt: skip
    cloud.sleep(20)
    for name, under in (("again", key), ("then", other)):
        assert queried(dynamodb, name) == ["000", "001", "002"]
        assert dynamodb.get_item(TableName=name, Key=key_of(1))["Item"] == item(1)
        assert dynamodb.describe_table(TableName=name)["Table"]["SSEDescription"]["KMSMasterKeyArn"] == under
    assert on_disk(cloud) == []
    dynamodb.restore_table_from_backup(TargetTableName="plain", BackupArn=arn, SSESpecificationOverride={"Enabled": False})
    cloud.sleep(20)
    assert queried(dynamodb, "plain") == ["000", "001", "002"] and on_disk(cloud)


def test_a_table_moves_under_another_key_and_the_old_one_is_not_needed(cloud, dynamodb, kms, key):
    table(dynamodb, key, stream=True)
    fill(dynamodb, 3)
    other = kms.create_key()["KeyMetadata"]["Arn"]
    answer = dynamodb.update_table(TableName="tbl", SSESpecification=SEALED | {"KMSMasterKeyId": other})["TableDescription"]
    assert answer["SSEDescription"] == {"Status": "UPDATING", "SSEType": "KMS", "KMSMasterKeyArn": other}
    code, text = refused(dynamodb.update_table, TableName="tbl", SSESpecification=SEALED | {"KMSMasterKeyId": other})
    assert (code, text.rpartition(": ")[2]) == ("ValidationException", "Table is already encrypted by given KMSMasterKeyId")
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    cloud.sleep(600)
    cloud.restart(kill=True)
    assert queried(dynamodb) == ["000", "001", "002"]
    assert kms.list_grants(KeyId=other)["Grants"] and on_disk(cloud) == []


@pytest.mark.parametrize("kill", [False, True])
def test_a_plain_table_becomes_sealed_and_nothing_readable_stays(cloud, dynamodb, key, kill):
    table(dynamodb, "", stream=True)
    dynamodb.update_continuous_backups(TableName="tbl", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True})
    for n in range(300):
        dynamodb.put_item(TableName="tbl", Item=item(n))
    dynamodb.put_item(TableName="tbl", Item=item(7))
    assert on_disk(cloud)
    dynamodb.update_table(TableName="tbl", SSESpecification=SEALED | {"KMSMasterKeyId": key})
    assert dynamodb.describe_table(TableName="tbl")["Table"]["TableStatus"] == "UPDATING"
    if kill:
        cloud.restart(kill=True)
    assert len(queried(dynamodb)) == 300
    cloud.sleep(30)
    assert dynamodb.describe_table(TableName="tbl")["Table"]["TableStatus"] == "ACTIVE"
    assert on_disk(cloud) == []
    cloud.restart(kill=True)
    assert dynamodb.get_item(TableName="tbl", Key=key_of(299))["Item"] == item(299)
    streams = cloud.client("dynamodbstreams", key=ACCOUNT)
    stream = streams.list_streams(TableName="tbl")["Streams"][0]["StreamArn"]
    shard = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"][0]["ShardId"]
    place = streams.get_shard_iterator(StreamArn=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    assert streams.get_records(ShardIterator=place)["Records"][7]["dynamodb"]["NewImage"] == item(7)


def test_a_sealed_table_becomes_plain_again_and_needs_no_key(cloud, dynamodb, kms, key):
    table(dynamodb, key, stream=True)
    fill(dynamodb, 5)
    dynamodb.update_table(TableName="tbl", SSESpecification={"Enabled": False})
    cloud.sleep(30)
    kms.disable_key(KeyId=key)
    assert kms.list_grants(KeyId=key)["Grants"] == []
    cloud.restart(kill=True)
    shown = dynamodb.describe_table(TableName="tbl")["Table"]
    assert (shown["TableStatus"], "SSEDescription" in shown) == ("ACTIVE", False)
    assert queried(dynamodb) == ["000", "001", "002", "003", "004"]
    found = dynamodb.query(
        TableName="tbl", IndexName="by-g", KeyConditionExpression="g = :g", ExpressionAttributeValues={":g": {"S": f"g-1-{SECRET}"}}
    )["Items"]
    assert len(found) == 2


def test_the_grant_goes_with_the_table(cloud, dynamodb, kms, key):
    table(dynamodb, key)
    dynamodb.delete_table(TableName="tbl")
    cloud.sleep(5)
    assert kms.list_grants(KeyId=key)["Grants"] == []


def test_what_a_stream_of_kinesis_is_told_waits_sealed(cloud, dynamodb, key):
    kinesis = cloud.client("kinesis", key=ACCOUNT)
    kinesis.create_stream(StreamName="told", ShardCount=1)
    table(dynamodb, key)
    arn = kinesis.describe_stream_summary(StreamName="told")["StreamDescriptionSummary"]["StreamARN"]
    dynamodb.enable_kinesis_streaming_destination(TableName="tbl", StreamArn=arn)
    cloud.fault("service.error", {"region": "us-east-1", "service": "kinesis"})
    fill(dynamodb, 2)
    cloud.sleep(5)
    assert on_disk(cloud) == []
    cloud.restart(kill=True)
    cloud.heal()
    cloud.sleep(600)
    shard = kinesis.list_shards(StreamName="told")["Shards"][0]["ShardId"]
    place = kinesis.get_shard_iterator(StreamName="told", ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    told = [json.loads(record["Data"])["dynamodb"]["NewImage"] for record in kinesis.get_records(ShardIterator=place)["Records"]]
    assert sorted(told, key=str) == [item(0), item(1)]


def test_an_export_of_a_sealed_table_holds_its_items(cloud, dynamodb, key):
    table(dynamodb, key)
    dynamodb.update_continuous_backups(TableName="tbl", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True})
    fill(dynamodb, 3)
    s3 = cloud.client("s3", key=ACCOUNT)
    s3.create_bucket(Bucket="exports")
    arn = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/tbl"
    made = dynamodb.export_table_to_point_in_time(TableArn=arn, S3Bucket="exports")["ExportDescription"]
    cloud.sleep(30)
    assert dynamodb.describe_export(ExportArn=made["ExportArn"])["ExportDescription"]["ExportStatus"] == "COMPLETED"
    (data,) = [each["Key"] for each in s3.list_objects_v2(Bucket="exports")["Contents"] if "/data/" in each["Key"]]
    lines = gzip.decompress(s3.get_object(Bucket="exports", Key=data)["Body"].read()).splitlines()
    assert sorted((json.loads(line)["Item"] for line in lines), key=str) == [item(0), item(1), item(2)]


def test_every_replica_has_a_key_of_its_own(make_cloud):
    cloud = make_cloud("us-east-1", "eu-west-1", "aws-global")
    here, there = (cloud.client("dynamodb", region, key=ACCOUNT) for region in ("us-east-1", "eu-west-1"))
    keys = [cloud.client("kms", region, key=ACCOUNT).create_key()["KeyMetadata"]["Arn"] for region in ("us-east-1", "eu-west-1")]
    table(here, keys[0])
    fill(here, 3)
    code, text = refused(here.update_table, TableName="tbl", ReplicaUpdates=[{"Create": {"RegionName": "eu-west-1"}}])
    assert (code, text) == ("ValidationException", "One or more parameter values were invalid: KMSMasterKeyId must be specified for each replica.")
    here.update_table(TableName="tbl", ReplicaUpdates=[{"Create": {"RegionName": "eu-west-1", "KMSMasterKeyId": keys[1]}}])
    cloud.sleep(30)
    (replica,) = here.describe_table(TableName="tbl")["Table"]["Replicas"]
    assert (replica["ReplicaStatus"], replica["KMSMasterKeyId"]) == ("ACTIVE", keys[1])
    assert there.describe_table(TableName="tbl")["Table"]["SSEDescription"]["KMSMasterKeyArn"] == keys[1]
    assert queried(there) == ["000", "001", "002"]
    here.put_item(TableName="tbl", Item=item(3))
    there.put_item(TableName="tbl", Item=item(4))
    here.delete_item(TableName="tbl", Key=key_of(0))
    assert on_disk(cloud) == []
    cloud.sleep(10)
    assert queried(here) == queried(there) == ["001", "002", "003", "004"]
    # While a replica's key is shut, what was written elsewhere waits, sealed, and arrives afterwards.
    kms = cloud.client("kms", "eu-west-1", key=ACCOUNT)
    kms.disable_key(KeyId=keys[1])
    cloud.sleep(120)
    here.put_item(TableName="tbl", Item=item(5))
    cloud.restart("us-east-1", kill=True)
    cloud.restart("eu-west-1", kill=True)
    cloud.sleep(30)
    assert refused(there.scan, TableName="tbl")[0] == "ValidationException"
    kms.enable_key(KeyId=keys[1])
    cloud.sleep(120)
    assert queried(here) == queried(there) == ["001", "002", "003", "004", "005"]
    assert on_disk(cloud) == []
    code, text = refused(here.update_table, TableName="tbl", SSESpecification={"Enabled": False})
    assert text == "One or more parameter values were invalid: KMSMasterKeyId must be specified for each replica."


def test_the_key_that_is_being_left_is_shown_once_more(dynamodb, kms):
    # Recorded: test_dynamodb_create_table_with_partial_sse_specification.
    key = table(dynamodb)["SSEDescription"]["KMSMasterKeyArn"]
    said = kms.describe_key(KeyId=key)["KeyMetadata"]["Description"]
    assert said == "Default key that protects my DynamoDB data when no other key is defined"
    answer = dynamodb.update_table(TableName="tbl", SSESpecification={"Enabled": False})["TableDescription"]
    assert answer["SSEDescription"] == {"Status": "UPDATING", "SSEType": "KMS", "KMSMasterKeyArn": key}
