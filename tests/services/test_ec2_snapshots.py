"""Snapshots: taken, listed, shared with others, copied between regions, locked and deleted."""

from __future__ import annotations

import asyncio
import json

import pytest
from refusals import refusal, refused, refused_code
from sealed import SECRET, on_disk
from services.fact_workshop import heard, hears
from services.volume_workshop import block, held, written

ZONE, OTHER, THIRD = "us-east-1a", "111122223333", "444455556666"
EU = "eu-west-1"


@pytest.fixture
def ec2(cloud):
    return cloud.client("ec2")


@pytest.fixture
def kms(cloud):
    return cloud.client("kms")


@pytest.fixture
def far(cloud):
    cloud.region(EU)
    return cloud.client("ec2", EU)


def shown(ec2, id_: str) -> dict:
    return ec2.describe_snapshots(SnapshotIds=[id_])["Snapshots"][0]


def completed(cloud, ec2, id_: str) -> dict:
    while shown(ec2, id_)["State"] == "pending":
        cloud.sleep(1)
    return shown(ec2, id_)


def test_a_snapshot_is_told_as_aws_tells_it(cloud, ec2):
    volume = ec2.create_volume(AvailabilityZone=ZONE, Size=8)["VolumeId"]
    cloud.sleep(1)
    hears(cloud, "aws.ec2", "EBS Snapshot Notification")
    begun = ec2.create_snapshot(VolumeId=volume, Description="d", TagSpecifications=[{"ResourceType": "snapshot", "Tags": [{"Key": "team", "Value": "blue"}]}])
    assert (begun["State"], begun["Progress"], begun["VolumeSize"], begun["Tags"]) == ("pending", "", 8, [{"Key": "team", "Value": "blue"}])
    cloud.sleep(1)
    told = shown(ec2, begun["SnapshotId"])
    assert (told["State"], told["Progress"], told["OwnerId"], told["FullSnapshotSizeInBytes"]) == ("completed", "100%", "000000000000", 0)
    (event,) = heard(cloud)
    assert event["resources"] == [f"arn:aws:ec2:us-east-1::snapshot/{begun['SnapshotId']}"] and event["source"] == "aws.ec2"
    assert (event["detail"]["event"], event["detail"]["result"], event["detail"]["source"]) == ("createSnapshot", "succeeded", f"arn:aws:ec2:us-east-1::volume/{volume}")
    assert refused(ec2.delete_snapshot, SnapshotId="snap-0123456789abcdef0") == (
        "InvalidSnapshot.NotFound", "The snapshot 'snap-0123456789abcdef0' does not exist.",
    )  # fmt: skip
    assert refused(ec2.delete_snapshot, SnapshotId="vol-1") == (
        "InvalidParameterValue", "Value (vol-1) for parameter snapshotId is invalid. Expected: 'snap-...'.",
    )  # fmt: skip


def test_snapshots_are_listed_by_filter_owner_and_page(cloud, ec2):
    ids = [written(cloud, {0: block(f"{number}")}, size=number + 1, Description=f"the {number}.") for number in range(7)]

    def found(**said) -> list[str]:
        return [each["SnapshotId"] for each in ec2.describe_snapshots(**said)["Snapshots"]]

    assert found() == found(OwnerIds=["self"]) == found(OwnerIds=["000000000000"]) == ids and found(OwnerIds=["amazon"]) == []
    assert found(Filters=[{"Name": "volume-size", "Values": ["3"]}]) == [ids[2]] == found(Filters=[{"Name": "description", "Values": ["*2*"]}])
    first = ec2.describe_snapshots(MaxResults=5)
    assert [each["SnapshotId"] for each in first["Snapshots"]] == ids[:5]
    assert [each["SnapshotId"] for each in ec2.describe_snapshots(MaxResults=5, NextToken=first["NextToken"])["Snapshots"]] == ids[5:]


# Sharing -------------------------------------------------------------------------------------------


def test_a_shared_snapshot_becomes_a_volume_of_somebody_else(cloud, ec2):
    id_ = written(cloud, {0: block("a"), 5: block("b")})
    theirs, their_blocks = cloud.client("ec2", key=OTHER), cloud.client("ebs", key=OTHER)
    assert refused_code(theirs.create_volume, AvailabilityZone=ZONE, SnapshotId=id_) == "InvalidSnapshot.NotFound"
    assert refused_code(their_blocks.list_snapshot_blocks, SnapshotId=id_) == "ResourceNotFoundException"
    ec2.modify_snapshot_attribute(SnapshotId=id_, Attribute="createVolumePermission", OperationType="add", UserIds=[OTHER])
    assert ec2.describe_snapshot_attribute(SnapshotId=id_, Attribute="createVolumePermission")["CreateVolumePermissions"] == [{"UserId": OTHER}]
    (told,) = theirs.describe_snapshots(RestorableByUserIds=["self"])["Snapshots"]
    assert (told["SnapshotId"], told["OwnerId"]) == (id_, "000000000000")
    assert held(their_blocks, id_) == {0: block("a"), 5: block("b")}
    volume = theirs.create_volume(AvailabilityZone=ZONE, SnapshotId=id_)["VolumeId"]
    cloud.sleep_and_settle(1)
    own = theirs.create_snapshot(VolumeId=volume)["SnapshotId"]
    ec2.delete_snapshot(SnapshotId=id_)
    cloud.sleep_and_settle(1)
    assert held(their_blocks, own) == {0: block("a"), 5: block("b")}


def test_a_snapshot_may_be_public_unless_that_is_blocked(cloud, ec2):
    id_, theirs = written(cloud, {0: block("a")}), cloud.client("ec2", key=OTHER)
    everybody = {"SnapshotId": id_, "CreateVolumePermission": {"Add": [{"Group": "all"}]}}
    ec2.enable_snapshot_block_public_access(State="block-new-sharing")
    assert refused_code(ec2.modify_snapshot_attribute, **everybody) == "OperationNotPermitted"
    ec2.disable_snapshot_block_public_access()
    ec2.modify_snapshot_attribute(**everybody)
    assert [each["SnapshotId"] for each in theirs.describe_snapshots(RestorableByUserIds=["all"])["Snapshots"]] == [id_]
    # https://docs.aws.amazon.com/ebs/latest/userguide/ebsapi-faq.html
    assert refused_code(cloud.client("ebs", key=OTHER).list_snapshot_blocks, SnapshotId=id_) == "ValidationException"
    assert ec2.enable_snapshot_block_public_access(State="block-all-sharing")["State"] == "block-all-sharing"
    assert theirs.describe_snapshots()["Snapshots"] == []
    ec2.disable_snapshot_block_public_access()
    assert len(theirs.describe_snapshots()["Snapshots"]) == 1
    ec2.reset_snapshot_attribute(SnapshotId=id_, Attribute="createVolumePermission")
    assert theirs.describe_snapshots()["Snapshots"] == []
    shut = written(cloud, {0: block("a")}, Encrypted=True)
    text = "Encrypted snapshots with EBS default key cannot be shared"
    assert refused(ec2.modify_snapshot_attribute, SnapshotId=shut, OperationType="add", UserIds=[OTHER]) == ("OperationNotPermitted", text)
    assert refused_code(ec2.modify_snapshot_attribute, SnapshotId=shut, OperationType="add", GroupNames=["all"]) == "OperationNotPermitted"


def test_an_encrypted_snapshot_is_shared_with_its_key_or_not_at_all(cloud, ec2, kms):
    key = kms.create_key()["KeyMetadata"]["Arn"]
    id_ = written(cloud, {0: block(SECRET)}, Encrypted=True, KmsKeyArn=key)
    theirs, their_blocks = cloud.client("ec2", key=OTHER), cloud.client("ebs", key=OTHER)
    ec2.modify_snapshot_attribute(SnapshotId=id_, OperationType="add", UserIds=[OTHER])
    token = their_blocks.list_snapshot_blocks(SnapshotId=id_)["Blocks"][0]["BlockToken"]
    answer = refusal(their_blocks.get_snapshot_block, SnapshotId=id_, BlockIndex=0, BlockToken=token)
    assert (answer["Error"]["Code"], answer["Reason"]) == ("AccessDeniedException", "DEPENDENCY_ACCESS_DENIED")
    copy = theirs.copy_snapshot(SourceRegion="us-east-1", SourceSnapshotId=id_)["SnapshotId"]
    assert completed(cloud, theirs, copy)["StateMessage"] == "Given key ID is not accessible"
    policy = json.loads(kms.get_key_policy(KeyId=key)["Policy"])
    policy["Statement"].append({"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{OTHER}:root"}, "Action": "kms:*", "Resource": "*"})
    kms.put_key_policy(KeyId=key, Policy=json.dumps(policy))
    assert held(their_blocks, id_) == {0: block(SECRET)}
    copy = theirs.copy_snapshot(SourceRegion="us-east-1", SourceSnapshotId=id_)["SnapshotId"]
    told = completed(cloud, theirs, copy)
    assert told["State"] == "completed" and told["KmsKeyId"].split(":")[4] == OTHER
    ec2.delete_snapshot(SnapshotId=id_)
    kms.disable_key(KeyId=key)
    assert held(their_blocks, copy) == {0: block(SECRET)} and not on_disk(cloud)


# Copies --------------------------------------------------------------------------------------------


def test_a_snapshot_is_there_in_another_region_while_its_own_is_dark(cloud, ec2, far):
    blocks = {number: block(f"{number}") for number in range(0, 60, 3)}
    id_ = written(cloud, blocks, size=5)
    hears(cloud, "aws.ec2", "EBS Snapshot Notification", region=EU)
    copy = far.copy_snapshot(SourceRegion="us-east-1", SourceSnapshotId=id_, Description="far")["SnapshotId"]
    told = completed(cloud, far, copy)
    assert (told["State"], told["VolumeSize"], told["Description"], told["VolumeId"]) == ("completed", 5, "far", "vol-ffffffff")
    (event,) = heard(cloud, EU)
    assert (event["detail"]["event"], event["detail"]["source"]) == ("copySnapshot", f"arn:aws:ec2:us-east-1::snapshot/{id_}")
    cloud.kill("us-east-1")
    assert held(cloud.client("ebs", EU), copy) == blocks


def test_a_copy_is_encrypted_under_a_key_of_its_own_region(cloud, ec2, far, kms):
    key, far_kms = kms.create_key()["KeyMetadata"]["Arn"], cloud.client("kms", EU)
    far_key = far_kms.create_key()["KeyMetadata"]["Arn"]
    id_ = written(cloud, {0: block(SECRET), 1: block("b")}, Encrypted=True, KmsKeyArn=key)
    own, default = (
        far.copy_snapshot(SourceRegion="us-east-1", SourceSnapshotId=id_, **said)["SnapshotId"] for said in ({"Encrypted": True, "KmsKeyId": far_key}, {})
    )
    assert completed(cloud, far, own)["KmsKeyId"] == far_key
    assert completed(cloud, far, default)["KmsKeyId"] == far_kms.describe_key(KeyId="alias/aws/ebs")["KeyMetadata"]["Arn"]
    assert not on_disk(cloud)
    kms.disable_key(KeyId=key)
    assert held(cloud.client("ebs", EU), own) == {0: block(SECRET), 1: block("b")}
    failed = far.copy_snapshot(SourceRegion="us-east-1", SourceSnapshotId=id_)["SnapshotId"]
    told = completed(cloud, far, failed)
    assert (told["State"], told["StateMessage"]) == ("error", "Given key ID is not accessible")
    assert kms.list_grants(KeyId=key)["Grants"] == [] == far_kms.list_grants(KeyId=far_key)["Grants"]


def test_a_key_that_is_disabled_while_a_copy_is_made_ends_it(cloud, ec2, far, kms):
    key = kms.create_key()["KeyMetadata"]["Arn"]
    id_ = written(cloud, {number: block("x") for number in range(40)}, Encrypted=True, KmsKeyArn=key)
    copy = far.copy_snapshot(SourceRegion="us-east-1", SourceSnapshotId=id_)["SnapshotId"]
    while shown(far, copy)["Progress"] == "0%":
        cloud.run(asyncio.sleep(0.001))
    assert shown(far, copy)["State"] == "pending"
    kms.disable_key(KeyId=key)
    assert completed(cloud, far, copy)["State"] == "error"


@pytest.mark.parametrize("killed", ["us-east-1", EU])
def test_a_copy_whose_region_is_killed_goes_on_where_it_was(cloud, ec2, far, killed):
    blocks = {number: block(f"{number}") for number in range(40)}
    id_ = written(cloud, blocks)
    copy = far.copy_snapshot(SourceRegion="us-east-1", SourceSnapshotId=id_)["SnapshotId"]
    while shown(far, copy)["Progress"] == "0%":
        cloud.run(asyncio.sleep(0.001))
    assert shown(far, copy)["State"] == "pending"
    cloud.restart(killed, kill=True)
    assert completed(cloud, far, copy)["State"] == "completed"
    assert held(cloud.client("ebs", EU), copy) == blocks


def test_a_copy_in_its_region_is_under_another_key_if_it_shall_be(cloud, ec2, kms):
    key = kms.create_key()["KeyMetadata"]["Arn"]
    id_ = written(cloud, {0: block("a"), 1: block("b")})
    plain = ec2.copy_snapshot(SourceRegion="us-east-1", SourceSnapshotId=id_)["SnapshotId"]
    shut = ec2.copy_snapshot(SourceRegion="us-east-1", SourceSnapshotId=id_, Encrypted=True, KmsKeyId=key)["SnapshotId"]
    assert (completed(cloud, ec2, plain)["Encrypted"], completed(cloud, ec2, shut)["KmsKeyId"]) == (False, key)
    ec2.delete_snapshot(SnapshotId=id_)
    cloud.sleep_and_settle(1)
    ebs = cloud.client("ebs")
    assert held(ebs, plain) == held(ebs, shut) == {0: block("a"), 1: block("b")}
    assert refused_code(ec2.copy_snapshot, SourceRegion="us-east-1", SourceSnapshotId=id_) == "InvalidSnapshot.NotFound"
    assert refused_code(ec2.copy_snapshot, SourceRegion="moon-1", SourceSnapshotId=plain) == "InvalidParameterValue"


# Locks ---------------------------------------------------------------------------------------------


def test_a_locked_snapshot_stays_until_its_lock_ends(cloud, ec2):
    id_ = written(cloud, {0: block("a")})
    lock = ec2.lock_snapshot(SnapshotId=id_, LockMode="governance", LockDuration=2)
    assert (lock["LockState"], (lock["LockExpiresOn"] - lock["LockCreatedOn"]).days) == ("governance", 2)
    assert refused_code(ec2.delete_snapshot, SnapshotId=id_) == "OperationNotPermitted"
    ec2.unlock_snapshot(SnapshotId=id_)
    ec2.lock_snapshot(SnapshotId=id_, LockMode="compliance", LockDuration=2, CoolOffPeriod=1)
    assert [each["LockState"] for each in ec2.describe_locked_snapshots()["Snapshots"]] == ["compliance-cooloff"]
    cloud.sleep(3_601)
    assert refused_code(ec2.unlock_snapshot, SnapshotId=id_) == "OperationNotPermitted"
    assert refused_code(ec2.lock_snapshot, SnapshotId=id_, LockMode="compliance", LockDuration=1) == "OperationNotPermitted"
    assert ec2.lock_snapshot(SnapshotId=id_, LockMode="compliance", LockDuration=3)["LockState"] == "compliance"
    cloud.sleep_dark(3 * 86_400 + 10)
    assert [each["LockState"] for each in ec2.describe_locked_snapshots(SnapshotIds=[id_])["Snapshots"]] == ["expired"]
    ec2.delete_snapshot(SnapshotId=id_)


# Policies ------------------------------------------------------------------------------------------


def test_policies_know_snapshots_and_what_volumes_shall_be(cloud, ec2):
    iam = cloud.client("iam")
    iam.create_user(UserName="alice")
    key = iam.create_access_key(UserName="alice")["AccessKey"]
    mine, other = written(cloud, {0: block("a")}), written(cloud, {0: block("b")})
    statements = [
        {"Effect": "Allow", "Action": "ebs:ListSnapshotBlocks", "Resource": f"arn:aws:ec2:us-east-1::snapshot/{mine}"},
        {"Effect": "Allow", "Action": "ec2:CreateVolume", "Resource": "*", "Condition": {"Bool": {"ec2:Encrypted": "true"}, "NumericLessThan": {"ec2:VolumeSize": "10"}}},
        {"Effect": "Allow", "Action": "kms:*", "Resource": "*"},
        {"Effect": "Allow", "Action": "ec2:CopySnapshot", "Resource": ["arn:aws:ec2:us-east-1::snapshot/${*}", f"arn:aws:ec2:us-east-1::snapshot/{mine}"]},
    ]
    iam.put_user_policy(UserName="alice", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}))
    keys = {"key": key["AccessKeyId"], "secret": key["SecretAccessKey"]}
    blocks, volumes = cloud.client("ebs", **keys), cloud.client("ec2", **keys)
    assert len(blocks.list_snapshot_blocks(SnapshotId=mine)["Blocks"]) == 1
    assert refused_code(blocks.list_snapshot_blocks, SnapshotId=other) == "AccessDeniedException"
    assert volumes.copy_snapshot(SourceRegion="us-east-1", SourceSnapshotId=mine)["SnapshotId"]
    assert refused_code(volumes.copy_snapshot, SourceRegion="us-east-1", SourceSnapshotId=other) == "UnauthorizedOperation"
    assert volumes.create_volume(AvailabilityZone=ZONE, Size=9, Encrypted=True)["Encrypted"]
    for said in ({"Size": 9}, {"Size": 10, "Encrypted": True}):
        assert refused_code(volumes.create_volume, AvailabilityZone=ZONE, **said) == "UnauthorizedOperation"
