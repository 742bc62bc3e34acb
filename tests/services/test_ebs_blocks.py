"""Snapshots that are written and read block by block, by the EBS direct APIs."""

from __future__ import annotations

import os

import pytest
from refusals import refusal, refused_code
from sealed import SECRET, on_disk
from services.volume_workshop import BLOCK, block, block_files, completed, digest, held, put, said, tokens, written

GIB_BLOCKS = 2_048


@pytest.fixture
def ebs(cloud):
    return cloud.client("ebs")


def reason(call, /, **params) -> tuple[str, str]:
    answer = refusal(call, **params)
    return answer["Error"]["Code"], answer["Reason"]


def test_what_was_written_is_read_again(cloud, ebs):
    begun = ebs.start_snapshot(VolumeSize=8, Description="of the basement", Tags=[{"Key": "team", "Value": "blue"}])
    id_ = begun["SnapshotId"]
    assert (begun["Status"], begun["BlockSize"], begun["VolumeSize"], begun["Description"]) == ("pending", BLOCK, 8, "of the basement")
    assert begun["OwnerId"] == "000000000000" and id_.startswith("snap-0") and len(id_) == 22
    blocks = {0: block("first"), 7: os.urandom(BLOCK), 8 * GIB_BLOCKS - 1: block("last")}
    for number, body in blocks.items():
        assert put(ebs, id_, number, body)["Checksum"] == said(digest(body))
    completed(cloud, ebs, id_, blocks)
    assert held(ebs, id_) == blocks
    (shown,) = cloud.client("ec2").describe_snapshots(SnapshotIds=[id_])["Snapshots"]
    assert (shown["State"], shown["Progress"], shown["FullSnapshotSizeInBytes"], shown["Encrypted"]) == ("completed", "100%", 3 * BLOCK, False)
    assert shown["Tags"] == [{"Key": "team", "Value": "blue"}] and shown["VolumeId"] == "vol-ffffffff"


def test_a_block_that_comes_again_replaces_the_one_before(cloud, ebs):
    id_ = ebs.start_snapshot(VolumeSize=1)["SnapshotId"]
    put(ebs, id_, 3, block("old"))
    put(ebs, id_, 3, block("new"))
    completed(cloud, ebs, id_, {3: block("new")})
    assert held(ebs, id_) == {3: block("new")}
    assert len(block_files(cloud)) == 1


def test_only_what_its_checksum_means_is_kept(cloud, ebs):
    id_ = ebs.start_snapshot(VolumeSize=1)["SnapshotId"]
    place = {"SnapshotId": id_, "BlockIndex": 0, "DataLength": BLOCK, "ChecksumAlgorithm": "SHA256"}
    assert reason(ebs.put_snapshot_block, **place, BlockData=block("a"), Checksum=said(digest(block("b")))) == ("ValidationException", "INVALID_BLOCK")
    assert reason(ebs.put_snapshot_block, **place, BlockData=b"short", Checksum=said(digest(b"short"))) == ("ValidationException", "INVALID_PARAMETER_VALUE")
    assert refused_code(ebs.put_snapshot_block, **place, BlockData=block("a") + b"x", Checksum=said(digest(block("a")))) == "ValidationException"
    assert refused_code(ebs.put_snapshot_block, **place, BlockData=block("a"), Checksum="bm90IGEgc3Vt") == "ValidationException"
    assert reason(put, ebs=ebs, snapshot=id_, number=GIB_BLOCKS, body=block("a")) == ("ValidationException", "INVALID_BLOCK")
    assert reason(put, ebs=ebs, snapshot=id_, number=0, body=block("a"), DataLength=512) == ("ValidationException", "INVALID_PARAMETER_VALUE")
    assert not block_files(cloud)


def test_a_snapshot_is_complete_when_it_is_what_its_writer_means(cloud, ebs):
    id_ = ebs.start_snapshot(VolumeSize=1)["SnapshotId"]
    blocks = {5: block("five"), 1: block("one")}
    for number, body in blocks.items():
        put(ebs, id_, number, body)
    sums = {"ChecksumAlgorithm": "SHA256", "ChecksumAggregationMethod": "LINEAR"}
    wrong = said(digest(digest(blocks[5]) + digest(blocks[1])))
    assert refused_code(ebs.complete_snapshot, SnapshotId=id_, ChangedBlocksCount=3) == "ValidationException"
    assert refused_code(ebs.complete_snapshot, SnapshotId=id_, ChangedBlocksCount=2, Checksum=wrong, **sums) == "ValidationException"
    assert reason(ebs.list_snapshot_blocks, SnapshotId=id_) == ("ValidationException", "INVALID_SNAPSHOT_ID")
    completed(cloud, ebs, id_, blocks)
    assert reason(put, ebs=ebs, snapshot=id_, number=2, body=block("late")) == ("ValidationException", "INVALID_SNAPSHOT_ID")
    assert refused_code(ebs.complete_snapshot, SnapshotId=id_, ChangedBlocksCount=2) == "ValidationException"
    assert held(ebs, id_) == blocks


def test_a_snapshot_that_nobody_goes_on_with_is_given_up(cloud, ebs):
    id_ = ebs.start_snapshot(VolumeSize=1, Timeout=10)["SnapshotId"]
    cloud.sleep(590)
    put(ebs, id_, 0, block("a"))
    cloud.sleep(590)
    put(ebs, id_, 1, block("b"))
    cloud.sleep(601)
    assert reason(put, ebs=ebs, snapshot=id_, number=2, body=block("c")) == ("ValidationException", "WRITE_REQUEST_TIMEOUT")
    assert cloud.client("ec2").describe_snapshots(SnapshotIds=[id_])["Snapshots"][0]["State"] == "error"
    cloud.sleep_and_settle(1)
    assert not block_files(cloud)


def test_a_child_has_its_parents_blocks_and_its_own(cloud, ebs):
    first = written(cloud, {0: block("a"), 1: block("b"), 2: block("c")})
    child = ebs.start_snapshot(VolumeSize=2, ParentSnapshotId=first)["SnapshotId"]
    put(ebs, child, 1, block("B"))
    put(ebs, child, 3_000, block("far"))
    completed(cloud, ebs, child, {1: block("B"), 3_000: block("far")})
    assert held(ebs, child) == {0: block("a"), 1: block("B"), 2: block("c"), 3_000: block("far")}
    assert held(ebs, first) == {0: block("a"), 1: block("b"), 2: block("c")}
    # Only what differs takes room.
    assert len(block_files(cloud)) == 5
    told = ebs.list_changed_blocks(FirstSnapshotId=first, SecondSnapshotId=child)
    assert [(each["BlockIndex"], "FirstBlockToken" in each, "SecondBlockToken" in each) for each in told["ChangedBlocks"]] == [(1, True, True), (3_000, False, True)]
    back = ebs.list_changed_blocks(FirstSnapshotId=child, SecondSnapshotId=first)["ChangedBlocks"]
    assert [(each["BlockIndex"], "FirstBlockToken" in each, "SecondBlockToken" in each) for each in back] == [(1, True, True), (3_000, True, False)]
    got = ebs.get_snapshot_block(SnapshotId=child, BlockIndex=1, BlockToken=told["ChangedBlocks"][0]["SecondBlockToken"])
    assert got["BlockData"].read() == block("B")


def test_a_child_outlives_its_parent(cloud, ebs):
    first = written(cloud, {0: block("a"), 1: block("b")})
    child = written(cloud, {1: block("B")}, ParentSnapshotId=first)
    cloud.client("ec2").delete_snapshot(SnapshotId=first)
    cloud.sleep_and_settle(1)
    assert held(ebs, child) == {0: block("a"), 1: block("B")}
    assert len(block_files(cloud)) == 2
    cloud.client("ec2").delete_snapshot(SnapshotId=child)
    cloud.sleep_and_settle(1)
    assert not block_files(cloud)


def test_a_parent_must_fit(cloud, ebs):
    first = written(cloud, {0: block("a")}, size=4)
    assert reason(ebs.start_snapshot, VolumeSize=3, ParentSnapshotId=first) == ("ValidationException", "INVALID_VOLUME_SIZE")
    assert reason(ebs.start_snapshot, VolumeSize=65_537) == ("ValidationException", "INVALID_VOLUME_SIZE")
    assert reason(ebs.start_snapshot, VolumeSize=4, ParentSnapshotId="snap-00000000000000000") == ("ResourceNotFoundException", "SNAPSHOT_NOT_FOUND")
    other = written(cloud, {0: block("a")})
    assert reason(ebs.list_changed_blocks, FirstSnapshotId=first, SecondSnapshotId=other) == ("ValidationException", "UNRELATED_SNAPSHOTS")
    assert refused_code(ebs.list_changed_blocks, SecondSnapshotId=other) == "ValidationException"


def test_a_token_is_good_for_its_block_and_for_a_week(cloud, ebs):
    id_ = written(cloud, {0: block("a"), 1: block("b")})
    found = tokens(ebs, id_)
    for number, token in ((1, found[0]), (0, found[0][:-4] + "AAAA"), (2, found[0]), (0, "AAAB")):
        assert reason(ebs.get_snapshot_block, SnapshotId=id_, BlockIndex=number, BlockToken=token) == ("ValidationException", "INVALID_BLOCK_TOKEN")
    other = written(cloud, {0: block("a")})
    assert refused_code(ebs.get_snapshot_block, SnapshotId=other, BlockIndex=0, BlockToken=found[0]) == "ValidationException"
    cloud.sleep_dark(7 * 86_400 - 10)
    assert ebs.get_snapshot_block(SnapshotId=id_, BlockIndex=0, BlockToken=found[0])["BlockData"].read() == block("a")
    cloud.sleep(20)
    assert refused_code(ebs.get_snapshot_block, SnapshotId=id_, BlockIndex=0, BlockToken=found[0]) == "ValidationException"


def test_long_lists_come_in_pages(cloud, ebs):
    body = block("x")
    id_ = written(cloud, dict.fromkeys(range(0, 210, 2), body))
    first = ebs.list_snapshot_blocks(SnapshotId=id_, MaxResults=100, StartingBlockIndex=3)
    assert [each["BlockIndex"] for each in first["Blocks"]] == list(range(4, 204, 2))
    rest = ebs.list_snapshot_blocks(SnapshotId=id_, MaxResults=100, NextToken=first["NextToken"], StartingBlockIndex=0)
    assert [each["BlockIndex"] for each in rest["Blocks"]] == [204, 206, 208] and "NextToken" not in rest
    assert reason(ebs.list_snapshot_blocks, SnapshotId=id_, NextToken="AAAB") == ("ValidationException", "INVALID_PAGE_TOKEN")
    cloud.sleep(3_601)
    assert reason(ebs.list_snapshot_blocks, SnapshotId=id_, NextToken=first["NextToken"]) == ("ValidationException", "INVALID_PAGE_TOKEN")


def test_a_snapshot_is_begun_once_for_each_token(ebs):
    once = {"VolumeSize": 1, "ClientToken": "mine"}
    assert ebs.start_snapshot(**once)["SnapshotId"] == ebs.start_snapshot(**once)["SnapshotId"]
    assert refused_code(ebs.start_snapshot, VolumeSize=2, ClientToken="mine") == "ConflictException"


def test_what_is_malformed_is_refused(cloud):
    """Each with the reason that the model has for it; what no type holds, before anybody asks why."""
    ebs = cloud.client("ebs", parameter_validation=False)
    id_ = written(cloud, {0: block("a")})
    for wish in ({"VolumeSize": 10**25}, {"VolumeSize": "x"}):
        assert refused_code(ebs.start_snapshot, **wish) == "SerializationException"
    for wish in ({}, {"VolumeSize": 0}, {"VolumeSize": 1, "Timeout": 5}, {"VolumeSize": 1, "Encrypted": True, "KmsKeyArn": "x"}):
        assert reason(ebs.start_snapshot, **wish) == ("ValidationException", "INVALID_PARAMETER_VALUE")
    for tags in ([{}], [{"Key": "aws:x", "Value": "y"}], [{"Key": "a", "Value": "b"}] * 2):
        assert reason(ebs.start_snapshot, VolumeSize=1, Tags=tags) == ("ValidationException", "INVALID_TAG")
    none = "arn:aws:kms:us-east-1:000000000000:key/none"
    assert reason(ebs.start_snapshot, VolumeSize=1, Encrypted=True, KmsKeyArn=none) == ("ResourceNotFoundException", "DEPENDENCY_RESOURCE_NOT_FOUND")
    assert refused_code(ebs.list_snapshot_blocks, SnapshotId=id_, StartingBlockIndex=2**40) == "SerializationException"
    assert reason(ebs.list_snapshot_blocks, SnapshotId="x") == ("ValidationException", "INVALID_PARAMETER_VALUE")
    # Fewer than a hundred are a hundred: https://docs.aws.amazon.com/ebs/latest/userguide/ebsapi-faq.html
    assert len(ebs.list_snapshot_blocks(SnapshotId=id_, MaxResults=5)["Blocks"]) == 1


def test_what_was_acknowledged_is_there_after_a_kill(cloud, ebs):
    first = written(cloud, {0: block("a")})
    id_ = ebs.start_snapshot(VolumeSize=1, ParentSnapshotId=first)["SnapshotId"]
    put(ebs, id_, 1, block("b"))
    cloud.restart("us-east-1", kill=True)
    put(ebs, id_, 2, block("c"))
    ebs.complete_snapshot(SnapshotId=id_, ChangedBlocksCount=2)
    cloud.restart("us-east-1", kill=True)
    cloud.sleep(1)
    assert held(ebs, id_) == {0: block("a"), 1: block("b"), 2: block("c")}


def test_what_a_kill_left_without_a_name_goes(cloud, ebs):
    id_ = written(cloud, {0: block("a")})
    (kept,) = block_files(cloud)
    stray = kept.with_name("f" * 32)
    stray.write_bytes(block("stray"))
    cloud.restart("us-east-1", kill=True)
    cloud.sleep(1)
    assert block_files(cloud) == [kept] and held(ebs, id_) == {0: block("a")}


def test_encrypted_blocks_are_on_the_disk_as_nobody_can_read_them(cloud, ebs):
    plain = written(cloud, {0: block(SECRET)})
    assert len(on_disk(cloud)) == 1
    cloud.client("ec2").delete_snapshot(SnapshotId=plain)
    cloud.sleep_and_settle(1)
    assert not on_disk(cloud)
    shut = written(cloud, {0: block(SECRET)}, Encrypted=True)
    assert held(ebs, shut) == {0: block(SECRET)} and not on_disk(cloud)
    (shown,) = cloud.client("ec2").describe_snapshots(SnapshotIds=[shut])["Snapshots"]
    aws = cloud.client("kms").describe_key(KeyId="alias/aws/ebs")["KeyMetadata"]
    assert shown["Encrypted"] and shown["KmsKeyId"] == aws["Arn"] and aws["KeyManager"] == "AWS"


def test_a_disabled_key_keeps_blocks_shut(cloud, ebs):
    kms = cloud.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    id_ = written(cloud, {0: block(SECRET)}, Encrypted=True, KmsKeyArn=key)
    (token,) = tokens(ebs, id_).values()
    kms.disable_key(KeyId=key)
    asked = {"SnapshotId": id_, "BlockIndex": 0, "BlockToken": token}
    assert reason(ebs.get_snapshot_block, **asked) == ("ValidationException", "INVALID_CUSTOMER_KEY")
    assert reason(ebs.start_snapshot, VolumeSize=1, ParentSnapshotId=id_) == ("ValidationException", "INVALID_CUSTOMER_KEY")
    assert reason(ebs.start_snapshot, VolumeSize=1, Encrypted=True, KmsKeyArn=key) == ("ValidationException", "INVALID_CUSTOMER_KEY")
    kms.enable_key(KeyId=key)
    assert ebs.get_snapshot_block(**asked)["BlockData"].read() == block(SECRET)
    child = written(cloud, {1: block("more")}, ParentSnapshotId=id_)
    assert held(ebs, child) == {0: block(SECRET), 1: block("more")}


def test_encryption_is_as_the_account_the_parent_and_the_request_say(cloud, ebs):
    """https://docs.aws.amazon.com/ebs/latest/userguide/ebsapis-using-encryption.html"""
    ec2, key = cloud.client("ec2"), cloud.client("kms").create_key()["KeyMetadata"]["Arn"]
    plain, shut = written(cloud, {0: block("a")}), written(cloud, {0: block("a")}, Encrypted=True, KmsKeyArn=key)

    def begun(**said) -> str | None:
        return ebs.start_snapshot(VolumeSize=1, **said).get("KmsKeyArn")

    def refuses(**said) -> bool:
        return refused_code(ebs.start_snapshot, VolumeSize=1, **said) == "ValidationException"

    aws = cloud.client("kms").describe_key(KeyId="alias/aws/ebs")["KeyMetadata"]["Arn"]
    assert begun() is begun(Encrypted=False) is begun(ParentSnapshotId=plain) is None
    assert begun(Encrypted=True) == aws and begun(ParentSnapshotId=shut) == key
    assert refuses(KmsKeyArn=key) and refuses(Encrypted=False, KmsKeyArn=key)
    assert all(refuses(ParentSnapshotId=parent, **said) for parent in (plain, shut) for said in ({"Encrypted": True}, {"KmsKeyArn": key}))
    ec2.enable_ebs_encryption_by_default()
    assert begun() == aws and begun(ParentSnapshotId=shut) == key
    assert refuses(Encrypted=False) and refuses(ParentSnapshotId=plain)
    ec2.modify_ebs_default_kms_key_id(KmsKeyId=key)
    assert begun() == key
