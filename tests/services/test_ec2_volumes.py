"""Volumes: what they may be, what they hold, how they change and go."""

from __future__ import annotations

import pytest
from refusals import refused, refused_code
from sealed import SECRET, on_disk
from services.fact_workshop import heard, hears
from services.volume_workshop import block, block_files, held, written

from kumoniwa.services.ec2 import ebs_key
from kumoniwa.services.ec2.ebs_record import Snapshot

ZONE = "us-east-1a"


@pytest.fixture
def ec2(cloud):
    return cloud.client("ec2")


def made(cloud, ec2, **said) -> dict:
    """A volume that can be used."""
    id_ = ec2.create_volume(AvailabilityZone=ZONE, **said)["VolumeId"]
    cloud.sleep(1)
    return ec2.describe_volumes(VolumeIds=[id_])["Volumes"][0]


def taken(cloud, ec2, volume: str, **said) -> str:
    """A snapshot of a volume; its id."""
    id_ = ec2.create_snapshot(VolumeId=volume, **said)["SnapshotId"]
    cloud.sleep(1)
    return id_


def test_a_volume_is_told_as_aws_tells_it(cloud, ec2):
    begun = ec2.create_volume(AvailabilityZoneId="use1-az2", Size=100, TagSpecifications=[{"ResourceType": "volume", "Tags": [{"Key": "team", "Value": "blue"}]}])
    id_ = begun["VolumeId"]
    assert (begun["State"], begun["AvailabilityZone"], begun["VolumeType"], begun["Iops"]) == ("creating", "us-east-1b", "gp2", 300)
    assert "Attachments" not in begun and begun["SnapshotId"] == "" and not begun["Encrypted"]
    cloud.sleep(1)
    (shown,) = ec2.describe_volumes(Filters=[{"Name": "tag:team", "Values": ["blue"]}])["Volumes"]
    assert (shown["VolumeId"], shown["State"], shown["Attachments"], shown["Tags"]) == (id_, "available", [], [{"Key": "team", "Value": "blue"}])
    (status,) = ec2.describe_volume_status(VolumeIds=[id_])["VolumeStatuses"]
    assert status["VolumeStatus"]["Status"] == "ok" and status["AvailabilityZone"] == "us-east-1b"
    assert ec2.describe_volumes(Filters=[{"Name": "status", "Values": ["creating"]}])["Volumes"] == []
    ec2.delete_volume(VolumeId=id_)
    cloud.sleep(1)
    assert refused(ec2.describe_volumes, VolumeIds=[id_]) == ("InvalidVolume.NotFound", f"The volume '{id_}' does not exist.")


@pytest.mark.parametrize(
    ("said", "code", "text"),
    [
        ({}, "MissingParameter", "The request must contain the parameter size/snapshot"),
        ({"Size": 8, "KmsKeyId": "alias/mine"}, "InvalidParameterDependency", "The parameter KmsKeyId requires the parameter Encrypted to be set."),
        ({"Size": 8, "VolumeType": "io2"}, "InvalidParameterCombination", "The parameter iops must be specified for io2 volumes."),
        ({"Size": 20, "VolumeType": "gp3", "Iops": 15_000}, "InvalidParameterValue", "Iops to volume size ratio of 750.000000 is too high; maximum is 500"),
        ({"Size": 20, "VolumeType": "gp3", "Throughput": 1_000}, "InvalidParameterValue",
         "Throughput (MiBps) to iops ratio of 0.333333 is too high; maximum is 0.250000 MiBps per iops"),
        ({"Size": 20, "Iops": 100}, "InvalidParameterCombination", "The parameter iops is not supported for gp2 volumes."),
        ({"Size": 8, "VolumeType": "io1", "Iops": 100, "Throughput": 200}, "InvalidParameterCombination", "The parameter throughput is not supported for io1 volumes."),
        ({"Size": 17_000}, "InvalidParameterValue", "Volume of 17000GiB is too large for volume type gp2; maximum is 16384GiB."),
        ({"Size": 1, "VolumeType": "st1"}, "InvalidParameterValue", "Volume of 1GiB is too small for volume type st1; minimum is 125GiB."),
        ({"Size": 8, "SnapshotId": "snap-0123456789abcdef0"}, "InvalidSnapshot.NotFound", "The snapshot 'snap-0123456789abcdef0' does not exist."),
        ({"Size": 8, "MultiAttachEnabled": True}, "InvalidParameterCombination", "The parameter multiAttachEnabled is not supported for gp2 volumes."),
    ],
)  # fmt: skip
def test_what_no_volume_may_be_is_refused(lasting_cloud, said, code, text):
    ec2 = lasting_cloud.client("ec2")
    assert refused(ec2.create_volume, AvailabilityZone=ZONE, **said) == (code, text)
    assert ec2.describe_volumes()["Volumes"] == []


def test_zones_are_those_of_the_region(ec2):
    assert refused(ec2.create_volume, AvailabilityZone="us-east-1z", Size=1) == ("InvalidZone.NotFound", "The zone 'us-east-1z' does not exist.")
    assert refused_code(ec2.create_volume, AvailabilityZone=ZONE, AvailabilityZoneId="use1-az1", Size=1) == "InvalidParameterCombination"
    assert refused_code(ec2.create_volume, Size=1) == "MissingParameter"


def test_each_type_has_its_speed(cloud, ec2):
    def speed(**said) -> tuple:
        volume = made(cloud, ec2, **said)
        return volume.get("Iops"), volume.get("Throughput"), volume["Size"]

    assert speed(Size=10) == (100, None, 10) and speed(Size=16_000) == (16_000, None, 16_000)
    assert speed(Size=1, VolumeType="gp3") == (3_000, 125, 1) and speed(Size=100, VolumeType="gp3", Iops=8_000, Throughput=2_000) == (8_000, 2_000, 100)
    assert speed(Size=4, VolumeType="io1", Iops=200) == (200, None, 4) and speed(Size=125, VolumeType="sc1") == (None, None, 125)


def test_a_volume_holds_what_its_snapshot_did_though_that_is_gone(cloud, ec2):
    """What nobody can look at on a volume, which no instance has, is seen in a snapshot of it."""
    first = written(cloud, {0: block("a"), 9: block("b")}, size=2)
    volume = made(cloud, ec2, SnapshotId=first, Size=3)
    assert (volume["SnapshotId"], volume["Size"]) == (first, 3)
    ec2.delete_snapshot(SnapshotId=first)
    second = taken(cloud, ec2, volume["VolumeId"], Description="again")
    ec2.delete_volume(VolumeId=volume["VolumeId"])
    cloud.sleep_and_settle(1)
    assert held(cloud.client("ebs"), second) == {0: block("a"), 9: block("b")}
    (shown,) = ec2.describe_snapshots(SnapshotIds=[second])["Snapshots"]
    assert (shown["VolumeId"], shown["VolumeSize"], shown["Description"]) == (volume["VolumeId"], 3, "again")


def test_snapshots_of_one_volume_are_of_one_lineage(cloud, ec2):
    first = written(cloud, {0: block("a"), 1: block("b")})
    volume = made(cloud, ec2, SnapshotId=first)["VolumeId"]
    second = taken(cloud, ec2, volume)
    third = written(cloud, {1: block("B")}, ParentSnapshotId=second)
    changed = cloud.client("ebs").list_changed_blocks
    assert changed(FirstSnapshotId=first, SecondSnapshotId=second)["ChangedBlocks"] == []
    assert [each["BlockIndex"] for each in changed(FirstSnapshotId=first, SecondSnapshotId=third)["ChangedBlocks"]] == [1]


def test_a_volume_is_no_smaller_than_its_snapshot(cloud, ec2):
    first = written(cloud, {0: block("a")}, size=4)
    text = f"Volume of size 3GB is smaller than snapshot '{first}', expect size >= 4GB"
    assert refused(ec2.create_volume, AvailabilityZone=ZONE, SnapshotId=first, Size=3) == ("InvalidParameterValue", text)
    pending = cloud.client("ebs").start_snapshot(VolumeSize=1)["SnapshotId"]
    assert refused(ec2.create_volume, AvailabilityZone=ZONE, SnapshotId=pending) == ("IncorrectState", "Snapshot is in invalid state - pending")


# Encryption ----------------------------------------------------------------------------------------


@pytest.fixture
def kms(cloud):
    return cloud.client("kms")


@pytest.fixture
def key(kms) -> str:
    return kms.create_key()["KeyMetadata"]["Arn"]


def test_a_plain_snapshot_becomes_an_encrypted_volume(cloud, ec2, kms, key):
    plain = written(cloud, {0: block(SECRET), 1: block("b")})
    kms.create_alias(AliasName="alias/mine", TargetKeyId=key)
    volume = made(cloud, ec2, SnapshotId=plain, Encrypted=True, KmsKeyId="alias/mine")
    assert (volume["Encrypted"], volume["KmsKeyId"]) == (True, key)
    again = taken(cloud, ec2, volume["VolumeId"])
    ec2.delete_snapshot(SnapshotId=plain)
    cloud.sleep_and_settle(1)
    assert not on_disk(cloud)
    ebs = cloud.client("ebs")
    assert held(ebs, again) == {0: block(SECRET), 1: block("b")}
    kms.disable_key(KeyId=key)
    token = ebs.list_snapshot_blocks(SnapshotId=again)["Blocks"][0]["BlockToken"]
    assert refused_code(ebs.get_snapshot_block, SnapshotId=again, BlockIndex=0, BlockToken=token) == "ValidationException"
    assert kms.list_grants(KeyId=key)["Grants"] == []


def test_a_volume_is_under_its_snapshots_key_or_another(cloud, ec2, kms, key):
    first = written(cloud, {0: block("a")}, Encrypted=True, KmsKeyArn=key)
    same, other_key = made(cloud, ec2, SnapshotId=first), kms.create_key()["KeyMetadata"]["Arn"]
    other = made(cloud, ec2, SnapshotId=first, Encrypted=True, KmsKeyId=other_key)
    assert (same["KmsKeyId"], other["KmsKeyId"]) == (key, other_key)
    snapshots = [taken(cloud, ec2, each["VolumeId"]) for each in (same, other)]
    ids = [each["DataEncryptionKeyId"] for each in (ec2.describe_snapshots(SnapshotIds=[id_])["Snapshots"][0] for id_ in (first, *snapshots))]
    assert ids[0] == ids[1] != ids[2]
    kms.disable_key(KeyId=key)
    ebs = cloud.client("ebs")
    assert held(ebs, snapshots[1]) == {0: block("a")}
    assert refused_code(held, ebs, snapshots[0]) == "ValidationException"


def test_a_disabled_key_makes_no_volume(cloud, ec2, kms, key):
    """It is taken and comes to nothing, and the bus is told why."""
    first = written(cloud, {0: block("a")}, Encrypted=True, KmsKeyArn=key)
    hears(cloud, "aws.ec2", "EBS Volume Notification")
    kms.disable_key(KeyId=key)
    for said in ({"SnapshotId": first}, {"Size": 1, "Encrypted": True, "KmsKeyId": key}):
        begun = ec2.create_volume(AvailabilityZone=ZONE, **said)
        assert begun["State"] == "creating" and begun["Encrypted"]
        (event,) = heard(cloud)
        assert refused_code(ec2.describe_volumes, VolumeIds=[begun["VolumeId"]]) == "InvalidVolume.NotFound"
        assert event["resources"] == [f"arn:aws:ec2:us-east-1:000000000000:volume/{begun['VolumeId']}"]
        del event["detail"]["request-id"]
        assert event["detail"] == {"event": "createVolume", "result": "failed", "cause": f"{key} is disabled."}
    assert ec2.describe_volumes()["Volumes"] == []


def test_an_account_can_encrypt_all_that_is_new(cloud, ec2, kms, key):
    plain = written(cloud, {0: block("a")})
    assert ec2.get_ebs_encryption_by_default()["EbsEncryptionByDefault"] is False
    assert ec2.get_ebs_default_kms_key_id()["KmsKeyId"] == "alias/aws/ebs"
    assert ec2.enable_ebs_encryption_by_default()["EbsEncryptionByDefault"] is True
    aws = kms.describe_key(KeyId="alias/aws/ebs")["KeyMetadata"]["Arn"]
    assert made(cloud, ec2, Size=1)["KmsKeyId"] == made(cloud, ec2, SnapshotId=plain)["KmsKeyId"] == aws
    assert ec2.modify_ebs_default_kms_key_id(KmsKeyId=key)["KmsKeyId"] == key == ec2.get_ebs_default_kms_key_id()["KmsKeyId"]
    assert made(cloud, ec2, Size=1)["KmsKeyId"] == key
    assert refused_code(ec2.modify_ebs_default_kms_key_id, KmsKeyId="alias/none") == "InvalidKmsKeyId.NotFound"
    assert ec2.reset_ebs_default_kms_key_id()["KmsKeyId"] == "alias/aws/ebs"
    assert ec2.disable_ebs_encryption_by_default()["EbsEncryptionByDefault"] is False
    assert not made(cloud, ec2, Size=1)["Encrypted"]


def test_a_volume_that_is_being_filled_goes_on_after_a_kill(cloud, ec2, kms, key):
    blocks = {number: block(f"{number}") for number in range(20)}
    plain = written(cloud, blocks)
    id_ = ec2.create_volume(AvailabilityZone=ZONE, SnapshotId=plain, Encrypted=True, KmsKeyId=key)["VolumeId"]
    cloud.restart("us-east-1", kill=True)
    cloud.sleep_and_settle(1)
    assert held(cloud.client("ebs"), taken(cloud, ec2, id_)) == blocks


def test_a_snapshot_may_go_while_a_volume_is_filled_from_it(cloud, ec2, key):
    blocks = {number: block(f"{number}") for number in range(20)}
    plain = written(cloud, blocks)
    id_ = ec2.create_volume(AvailabilityZone=ZONE, SnapshotId=plain, Encrypted=True, KmsKeyId=key)["VolumeId"]
    ec2.delete_snapshot(SnapshotId=plain)
    assert ec2.describe_volumes(VolumeIds=[id_])["Volumes"][0]["State"] == "creating"
    cloud.restart("us-east-1", kill=True)
    cloud.sleep_and_settle(1)
    assert held(cloud.client("ebs"), taken(cloud, ec2, id_)) == blocks
    assert len(block_files(cloud)) == len(blocks)


# Modifications -------------------------------------------------------------------------------------


def test_a_volume_becomes_larger_and_faster(cloud, ec2):
    hears(cloud, "aws.ec2", "EBS Volume Notification", {"event": ["modifyVolume"]})
    id_ = made(cloud, ec2, Size=10)["VolumeId"]
    begun = ec2.modify_volume(VolumeId=id_, Size=20, VolumeType="gp3", Throughput=250)["VolumeModification"]
    assert (begun["ModificationState"], begun["OriginalSize"], begun["TargetSize"], begun["TargetThroughput"]) == ("modifying", 10, 20, 250)
    assert [event["detail"]["result"] for event in heard(cloud)] == ["optimizing", "completed"]
    (volume,) = ec2.describe_volumes(VolumeIds=[id_])["Volumes"]
    assert (volume["Size"], volume["VolumeType"], volume["Iops"], volume["Throughput"]) == (20, "gp3", 3_000, 250)
    (shown,) = ec2.describe_volumes_modifications(VolumeIds=[id_])["VolumesModifications"]
    assert (shown["ModificationState"], shown["Progress"], shown["OriginalVolumeType"]) == ("completed", 100, "gp2")
    assert refused(ec2.modify_volume, VolumeId=id_, Size=19) == ("InvalidParameterValue", "New size cannot be smaller than existing size")
    assert refused_code(ec2.modify_volume, VolumeId=id_) == "InvalidParameterValue"


def test_a_volume_is_modified_four_times_a_day(cloud, ec2):
    id_ = made(cloud, ec2, Size=10)["VolumeId"]
    for size in (11, 12, 13, 14):
        ec2.modify_volume(VolumeId=id_, Size=size)
        assert refused_code(ec2.modify_volume, VolumeId=id_, Size=20) == "IncorrectModificationState"
        cloud.sleep(1)
    code, text = refused(ec2.modify_volume, VolumeId=id_, Size=15)
    assert code == "VolumeModificationRateExceeded" and text.startswith("You've reached the maximum modification rate per volume limit.")
    cloud.sleep(86_400)
    assert ec2.modify_volume(VolumeId=id_, Size=15)["VolumeModification"]["OriginalSize"] == 14


def test_what_needs_an_instance_is_refused_by_name(ec2):
    assert refused_code(ec2.attach_volume, VolumeId="vol-0123456789abcdef0", InstanceId="i-0123456789abcdef0", Device="/dev/sdf") == "NotImplemented"


def test_a_volume_is_made_once_for_each_token(ec2):
    once = {"AvailabilityZone": ZONE, "Size": 1, "ClientToken": "mine"}
    assert ec2.create_volume(**once)["VolumeId"] == ec2.create_volume(**once)["VolumeId"]
    assert refused_code(ec2.create_volume, **{**once, "Size": 2}) == "IdempotentParameterMismatch"
    assert refused_code(ec2.create_volume, AvailabilityZone=ZONE, Size=1, DryRun=True) == "DryRunOperation"
    assert len(ec2.describe_volumes()["Volumes"]) == 1


@pytest.mark.parametrize("key", ["its own", "another"])
def test_nothing_is_made_of_a_snapshot_that_goes_while_its_key_is_asked(cloud, ec2, key, monkeypatch):
    kms = cloud.client("kms")
    first, other = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
    source = written(cloud, {0: block("held")}, Encrypted=True, KmsKeyArn=first)
    asked = ebs_key.inherited if key == "its own" else ebs_key.made

    async def slow(call, *more):
        if source in call.shelf(Snapshot):
            await call.ask("ec2:DeleteSnapshot", SnapshotId=source)
        return await asked(call, *more)

    monkeypatch.setattr(ebs_key, asked.__name__, slow)
    said = {"SnapshotId": source, "Encrypted": True, "KmsKeyId": first if key == "its own" else other}
    assert refused(ec2.create_volume, AvailabilityZone=ZONE, **said) == ("InvalidSnapshot.NotFound", f"The snapshot '{source}' does not exist.")
    cloud.sleep(1)
    assert ec2.describe_volumes()["Volumes"] == [] == kms.list_grants(KeyId=other)["Grants"] + kms.list_grants(KeyId=first)["Grants"]


def test_no_copy_is_made_of_a_snapshot_that_goes_while_its_key_is_asked(cloud, ec2, monkeypatch):
    key = cloud.client("kms").create_key()["KeyMetadata"]["Arn"]
    source = written(cloud, {0: block("held")}, Encrypted=True, KmsKeyArn=key)
    asked = ebs_key.inherited

    async def slow(call, *more):
        await call.ask("ec2:DeleteSnapshot", SnapshotId=source)
        return await asked(call, *more)

    monkeypatch.setattr(ebs_key, "inherited", slow)
    said = {"SourceRegion": "us-east-1", "SourceSnapshotId": source, "Encrypted": True, "KmsKeyId": key}
    assert refused(ec2.copy_snapshot, **said)[0] == "InvalidSnapshot.NotFound"
    assert ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"] == []
