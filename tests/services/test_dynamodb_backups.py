"""Backups, and tables restored: from a backup, or as they were at a moment."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

TABLE = "orders"


@pytest.fixture
def ddb(cloud):
    return cloud.client("dynamodb")


def make(ddb, name=TABLE, **more):
    definitions = [{"AttributeName": "id", "AttributeType": "S"}, {"AttributeName": "v", "AttributeType": "S"}]
    index = {"IndexName": "by-v", "KeySchema": [{"AttributeName": "v", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}
    ddb.create_table(
        TableName=name, BillingMode="PAY_PER_REQUEST", AttributeDefinitions=definitions,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}], GlobalSecondaryIndexes=[index], **more,
    )  # fmt: skip


def put(ddb, key, value, table=TABLE):
    ddb.put_item(TableName=table, Item={"id": {"S": key}, "v": {"S": value}})


def contents(ddb, table):
    pages = ddb.get_paginator("scan").paginate(TableName=table)
    return {item["id"]["S"]: item["v"]["S"] for page in pages for item in page["Items"]}


def recover(ddb, is_on=True, **more):
    specification = {"PointInTimeRecoveryEnabled": is_on, **more}
    reply = ddb.update_continuous_backups(TableName=TABLE, PointInTimeRecoverySpecification=specification)
    return reply["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]


def test_a_backup_holds_what_was_there_and_nothing_later(cloud, ddb):
    make(ddb)
    put(ddb, "a", "1")
    details = ddb.create_backup(TableName=TABLE, BackupName="monday")["BackupDetails"]
    assert (details["BackupStatus"], details["BackupType"]) == ("CREATING", "USER")
    put(ddb, "a", "2")
    put(ddb, "b", "2")
    ddb.delete_table(TableName=TABLE)
    shown = ddb.describe_backup(BackupArn=details["BackupArn"])["BackupDescription"]
    assert shown["BackupDetails"]["BackupStatus"] == "AVAILABLE"
    assert (shown["SourceTableDetails"]["ItemCount"], shown["SourceTableDetails"]["TableName"]) == (1, TABLE)
    assert shown["SourceTableFeatureDetails"]["GlobalSecondaryIndexes"][0]["IndexName"] == "by-v"
    made = ddb.restore_table_from_backup(TargetTableName="again", BackupArn=details["BackupArn"])["TableDescription"]
    assert made["RestoreSummary"]["SourceBackupArn"] == details["BackupArn"]
    assert contents(ddb, "again") == {"a": "1"}
    found = ddb.query(
        TableName="again", IndexName="by-v", KeyConditionExpression="v = :v", ExpressionAttributeValues={":v": {"S": "1"}}
    )
    assert found["Count"] == 1


def test_a_large_table_is_backed_up_and_restored_in_the_background_through_a_kill(cloud, ddb):
    make(ddb)
    for start in range(0, 5_000, 25):
        puts = [{"PutRequest": {"Item": {"id": {"S": str(n)}, "v": {"S": "x"}}}} for n in range(start, start + 25)]
        ddb.batch_write_item(RequestItems={TABLE: puts})
    arn = ddb.create_backup(TableName=TABLE, BackupName="large")["BackupDetails"]["BackupArn"]
    assert ddb.describe_backup(BackupArn=arn)["BackupDescription"]["BackupDetails"]["BackupStatus"] == "CREATING"
    with pytest.raises(ddb.exceptions.BackupInUseException):
        ddb.restore_table_from_backup(TargetTableName="again", BackupArn=arn)
    cloud.restart(kill=True)
    cloud.sleep(5)
    assert ddb.describe_backup(BackupArn=arn)["BackupDescription"]["SourceTableDetails"]["ItemCount"] == 5_000
    ddb.restore_table_from_backup(TargetTableName="again", BackupArn=arn)
    assert ddb.describe_table(TableName="again")["Table"]["RestoreSummary"]["RestoreInProgress"] is True
    with pytest.raises(ddb.exceptions.ResourceNotFoundException):
        ddb.scan(TableName="again")
    cloud.restart(kill=True)
    cloud.sleep(5)
    assert len(contents(ddb, "again")) == 5_000


def test_backups_are_listed_and_deleted(cloud, ddb):
    make(ddb)
    arns = [ddb.create_backup(TableName=TABLE, BackupName=f"b-{n}")["BackupDetails"]["BackupArn"] for n in range(3)]
    page = ddb.list_backups(TableName=TABLE, Limit=2)
    rest = ddb.list_backups(TableName=TABLE, ExclusiveStartBackupArn=page["LastEvaluatedBackupArn"])
    assert sorted(s["BackupArn"] for s in page["BackupSummaries"] + rest["BackupSummaries"]) == sorted(arns)
    gone = ddb.delete_backup(BackupArn=arns[0])["BackupDescription"]
    assert gone["BackupDetails"]["BackupStatus"] == "DELETED"
    with pytest.raises(ddb.exceptions.BackupNotFoundException, match=f"Backup not found: {arns[0]}"):
        ddb.describe_backup(BackupArn=arns[0])
    assert len(ddb.list_backups()["BackupSummaries"]) == 2


def test_a_table_is_restored_as_it_was_at_any_moment(cloud, ddb):
    make(ddb)
    put(ddb, "old", "1")
    cloud.sleep(10)
    recovery = recover(ddb)
    assert recovery["PointInTimeRecoveryStatus"] == "ENABLED" and recovery["RecoveryPeriodInDays"] == 35
    moments = {}
    for number in range(5):
        cloud.sleep(10)
        put(ddb, "changing", str(number))
        put(ddb, f"new {number}", "x")
        if number == 3:
            ddb.delete_item(TableName=TABLE, Key={"id": {"S": "old"}})
        cloud.sleep(2)
        moments[int(cloud.now())] = contents(ddb, TABLE)
    for number, (moment, then) in enumerate(moments.items()):
        ddb.restore_table_to_point_in_time(SourceTableName=TABLE, TargetTableName=f"then-{number}", RestoreDateTime=moment)
        assert contents(ddb, f"then-{number}") == then
    latest = ddb.restore_table_to_point_in_time(SourceTableName=TABLE, TargetTableName="latest", UseLatestRestorableTime=True)
    assert latest["TableDescription"]["RestoreSummary"]["SourceTableArn"].endswith(f"table/{TABLE}")
    assert contents(ddb, "latest") == contents(ddb, TABLE)


def test_every_kind_of_write_can_be_undone(cloud, ddb):
    make(ddb)
    recover(ddb)
    for key in ("put", "updated", "deleted", "transacted", "expired"):
        put(ddb, key, "before")
    cloud.sleep(2)
    before, moment = contents(ddb, TABLE), int(cloud.now())
    cloud.sleep(2)
    put(ddb, "put", "after")
    ddb.update_item(TableName=TABLE, Key={"id": {"S": "updated"}}, UpdateExpression="SET v = :v", ExpressionAttributeValues={":v": {"S": "after"}})
    ddb.delete_item(TableName=TABLE, Key={"id": {"S": "deleted"}})
    ddb.transact_write_items(TransactItems=[{"Delete": {"TableName": TABLE, "Key": {"id": {"S": "transacted"}}}}])
    ddb.put_item(TableName=TABLE, Item={"id": {"S": "expired"}, "v": {"S": "x"}, "until": {"N": str(moment)}})
    ddb.update_time_to_live(TableName=TABLE, TimeToLiveSpecification={"Enabled": True, "AttributeName": "until"})
    cloud.sleep(30)
    assert contents(ddb, TABLE) == {"put": "after", "updated": "after"}
    ddb.restore_table_to_point_in_time(SourceTableName=TABLE, TargetTableName="then", RestoreDateTime=moment)
    assert contents(ddb, "then") == before


def test_a_deleted_table_that_could_be_restored_leaves_a_backup_for_35_days(cloud, ddb):
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/PointInTimeRecovery_Howitworks.html
    make(ddb)
    recover(ddb)
    put(ddb, "a", "1")
    ddb.delete_table(TableName=TABLE)
    cloud.sleep(30)
    [kept] = ddb.list_backups(BackupType="SYSTEM")["BackupSummaries"]
    assert kept["BackupName"] == f"{TABLE}$DeletedTableBackup"
    ddb.restore_table_from_backup(TargetTableName=TABLE, BackupArn=kept["BackupArn"])
    assert contents(ddb, TABLE) == {"a": "1"}
    cloud.sleep_dark(34 * 86_400)
    assert len(ddb.list_backups(BackupType="ALL")["BackupSummaries"]) == 1
    cloud.sleep_dark(86_400)
    cloud.sleep(30)
    assert ddb.list_backups(BackupType="ALL")["BackupSummaries"] == []


def test_what_lies_too_far_back_or_ahead_is_refused(cloud, ddb):
    make(ddb)
    with pytest.raises(ddb.exceptions.PointInTimeRecoveryUnavailableException, match="Point in time recovery is not enabled for table 'orders'"):
        ddb.restore_table_to_point_in_time(SourceTableName=TABLE, TargetTableName="then", UseLatestRestorableTime=True)
    cloud.sleep(100)
    recover(ddb, RecoveryPeriodInDays=1)
    for moment in (cloud.now() - 50, cloud.now() + 50):
        with pytest.raises(ddb.exceptions.InvalidRestoreTimeException):
            ddb.restore_table_to_point_in_time(SourceTableName=TABLE, TargetTableName="then", RestoreDateTime=moment)
    cloud.sleep(3 * 86_400)
    window = ddb.describe_continuous_backups(TableName=TABLE)["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert window["EarliestRestorableDateTime"].timestamp() == pytest.approx(cloud.now() - 86_400, abs=2)
    assert recover(ddb, False) == {"PointInTimeRecoveryStatus": "DISABLED"}
    for call, refusal in (
        (lambda: ddb.restore_table_from_backup(TargetTableName="x-x", BackupArn=f"arn:aws:dynamodb:us-east-1:000000000000:table/{TABLE}/backup/01-x"), "BackupNotFound"),
        (lambda: ddb.create_backup(TableName="nothing", BackupName="monday"), "TableNotFoundException.*Table not found: nothing"),
        (lambda: ddb.describe_continuous_backups(TableName="nothing"), "TableNotFoundException.*Table not found: nothing"),
    ):  # fmt: skip
        with pytest.raises(ClientError, match=refusal):
            call()
    arn = ddb.create_backup(TableName=TABLE, BackupName="monday")["BackupDetails"]["BackupArn"]
    with pytest.raises(ddb.exceptions.TableAlreadyExistsException, match=f"Table already exists: {TABLE}"):
        ddb.restore_table_from_backup(TargetTableName=TABLE, BackupArn=arn)
