"""What the pattern claims: a row comes back as it was a second before its deletion, a region comes back from yesterday's backup in another,
and nobody deletes that backup before its date."""

import base64
import hashlib
import time
from datetime import UTC, datetime
from pathlib import Path

from botocore.exceptions import ClientError
from stage import all_at_once, holds, seconds, until

US, EU = "us-east-1", "eu-west-1"
DAY_S = 86_400
ORDERS, INVOICES, LATE = 500, 40, 60
BLOCK, BLOCKS = 524_288, 12
HERE = Path(__file__).parent


def refusal(operation, **params):
    try:
        operation(**params)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "taken"


def ids(cloud, region, table="Orders"):
    pages = cloud.client("dynamodb", region).get_paginator("scan").paginate(TableName=table, ProjectionExpression="id")
    return {item["id"]["S"] for page in pages for item in page["Items"]}


def put(cloud, number):
    cloud.client("dynamodb", US).put_item(TableName="Orders", Item={"id": {"S": f"{number:06}"}, "total": {"N": str(number)}})


def block(number):
    return (b"page %d " % number * 100_000)[:BLOCK]


def digest(body):
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


def written(cloud):
    """A snapshot whose blocks are written here, since there is no instance to write to a volume; its id."""
    ebs = cloud.client("ebs", US)
    id_ = ebs.start_snapshot(VolumeSize=1)["SnapshotId"]
    all_at_once(lambda number: ebs.put_snapshot_block(
        SnapshotId=id_, BlockIndex=number, BlockData=block(number), DataLength=BLOCK, Checksum=digest(block(number)), ChecksumAlgorithm="SHA256"
    ), range(BLOCKS))  # fmt: skip
    ebs.complete_snapshot(SnapshotId=id_, ChangedBlocksCount=BLOCKS)
    until(lambda: cloud.client("ec2", US).describe_snapshots(SnapshotIds=[id_])["Snapshots"][0]["State"] == "completed", 60)
    return id_


def content(cloud, volume):
    """What a volume of the second region holds, by way of a snapshot of it."""
    ec2, ebs = cloud.client("ec2", EU), cloud.client("ebs", EU)
    id_ = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    until(lambda: ec2.describe_snapshots(SnapshotIds=[id_])["Snapshots"][0]["State"] == "completed", 60)
    blocks = ebs.list_snapshot_blocks(SnapshotId=id_)["Blocks"]
    return {each["BlockIndex"]: ebs.get_snapshot_block(SnapshotId=id_, **each)["BlockData"].read() for each in blocks}


def to_five(now):
    """Seconds until a second past 5:00 UTC, when the plan's rule is due."""
    return (5 * 3_600 - now) % DAY_S + 1


def restored(cloud, role, point, metadata):
    backup = cloud.client("backup", EU)
    job = backup.start_restore_job(RecoveryPointArn=point, Metadata=metadata, IamRoleArn=role)["RestoreJobId"]
    until(lambda: backup.describe_restore_job(RestoreJobId=job)["Status"] not in ("PENDING", "RUNNING"), 120)
    return backup.describe_restore_job(RestoreJobId=job)


def a_second_before(cloud):
    """Delete a row, and have the table as it was a second before that beside it."""
    dynamodb = cloud.client("dynamodb", US)
    put(cloud, 0)
    written = time.time()
    until(lambda: time.time() > int(written) + 2.05)
    deleted = int(time.time())
    dynamodb.delete_item(TableName="Orders", Key={"id": {"S": "000000"}})
    until(lambda: time.time() > deleted + 1.05)
    began = time.monotonic()
    dynamodb.restore_table_to_point_in_time(
        SourceTableName="Orders", TargetTableName="OrdersBefore", RestoreDateTime=datetime.fromtimestamp(deleted - 1, UTC)
    )  # fmt: skip
    until(lambda: dynamodb.describe_table(TableName="OrdersBefore")["Table"]["TableStatus"] == "ACTIVE", 120)
    took = time.monotonic() - began
    is_back = "000000" in ids(cloud, US, "OrdersBefore") and "000000" not in ids(cloud, US)
    holds("a restore to a second before the delete brings the row back", is_back, f"table made again in {seconds(took)}")


def show(cloud):
    cloud.deploy(HERE / "second.yaml", "backup-restore", EU)
    role = cloud.deploy(HERE / "template.yaml", "backup-restore", US, {"SecondRegion": EU, "ArchiveSnapshot": written(cloud)})["RoleArn"]
    orders, invoices = (ORDERS, INVOICES) if not cloud.is_short else (100, 10)
    a_second_before(cloud)
    all_at_once(lambda number: put(cloud, number), range(1, orders + 1))
    s3 = cloud.client("s3", US)
    all_at_once(lambda number: s3.put_object(Bucket=f"invoices-{US}", Key=f"{number:04}", Body=b"%d " % number * 500), range(invoices))

    here, there = cloud.client("backup", US), cloud.client("backup", EU)
    with cloud.fault("clock.skew", {"region": US}, offset=to_five(time.time())):
        took = until(lambda: len(there.list_recovery_points_by_backup_vault(BackupVaultName="second")["RecoveryPoints"]) == 3 and all(
            job["State"] == "COMPLETED" for job in here.list_copy_jobs()["CopyJobs"]), 120)  # fmt: skip
        jobs = here.list_backup_jobs()["BackupJobs"]
        at_five = {job["CreationDate"].astimezone(UTC).strftime("%H:%M") for job in jobs}
        holds("at 5:00 the plan backs up what is tagged, and copies it", took is not None and at_five == {"05:00"}, f"{len(jobs)} jobs, all copies there in {seconds(took)}")
        backed_up_at = time.time()
        all_at_once(lambda number: put(cloud, number), range(orders + 1, orders + LATE + 1))

    points = {point["ResourceType"]: point["RecoveryPointArn"] for point in there.list_recovery_points_by_backup_vault(BackupVaultName="second")["RecoveryPoints"]}
    killed, killed_at = time.monotonic(), time.time()
    cloud.admin("POST", f"regions/{US}/kill")
    table = restored(cloud, role, points["DynamoDB"], {"targetTableName": "Orders"})
    bucket = restored(cloud, role, points["S3"], {"DestinationBucketName": f"invoices-{EU}"})
    volume = restored(cloud, role, points["EBS"], {"availabilityZone": f"{EU}a", "volumeType": "gp3"})
    until(lambda: len(ids(cloud, EU)) == orders, 60)
    rto = time.monotonic() - killed
    found = {each["Key"] for each in cloud.client("s3", EU).list_objects_v2(Bucket=f"invoices-{EU}")["Contents"]}
    is_whole = table["Status"] == bucket["Status"] == volume["Status"] == "COMPLETED" and len(found) == invoices
    holds(f"{US} is killed: its table, bucket and volume are made again in {EU} (RTO)", is_whole, f"{seconds(rto)} from the kill, {orders} rows and {len(found)} objects")
    pages = content(cloud, volume["CreatedResourceArn"].rpartition("/")[2])
    holds("the volume holds what its own held, block by block", pages == {each: block(each) for each in range(BLOCKS)}, f"{len(pages)} blocks")
    acknowledged = {f"{number:06}" for number in range(1, orders + LATE + 1)}
    lost = sorted(acknowledged - ids(cloud, EU))
    holds("what was acknowledged after the backup is lost, and nothing else (RPO)", lost == [f"{number:06}" for number in range(orders + 1, orders + LATE + 1)],
          f"{len(lost)} orders of the last {seconds(killed_at - backed_up_at)}")  # fmt: skip

    named = {"BackupVaultName": "second", "RecoveryPointArn": points["DynamoDB"]}
    said = refusal(there.delete_recovery_point, **named)
    holds("root does not delete from the locked vault", said == "InvalidRequestException", said)
    with cloud.fault("clock.skew", {"region": EU}, offset=3.01 * DAY_S):
        said = refusal(there.delete_backup_vault_lock_configuration, BackupVaultName="second")
        holds("three days later root cannot take the lock away any more", said == "InvalidRequestException", said)
    with cloud.fault("clock.skew", {"region": EU}, offset=34.9 * DAY_S):
        said = refusal(there.delete_recovery_point, **named)
        holds("nor delete the backup on its 34th day", said == "InvalidRequestException", said)
    with cloud.fault("clock.skew", {"region": EU}, offset=35.1 * DAY_S):
        took = until(lambda: not there.list_recovery_points_by_backup_vault(BackupVaultName="second")["RecoveryPoints"], 60)
        holds("when its 35 days are over it goes by itself", took is not None, seconds(took))
    cloud.admin("POST", f"regions/{US}/restart")
    holds(f"{US} comes back with everything it had acknowledged", until(lambda: acknowledged <= ids(cloud, US), 60) is not None, f"{len(acknowledged)} orders")
