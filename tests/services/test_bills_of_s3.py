"""What AWS would bill for buckets: https://aws.amazon.com/s3/pricing/"""

from __future__ import annotations

import pytest
from bill_workshop import used
from botocore.exceptions import ClientError
from replicated_buckets import Pair, make_role, rule

from kumoniwa.services.s3 import bill

HOUR_S, DAY_S = 3_600, 86_400
GB = 1 << 30
PUT, GET = ("s3:put_requests", "shop"), ("s3:get_requests", "shop")


@pytest.fixture
def s3(cloud):
    client = cloud.client("s3")
    client.create_bucket(Bucket="shop")
    return client


def stood(cloud, usage: str, hours: int = 4) -> float:
    """How much of a usage stands in the bucket, on the average of some hours."""
    cloud.sleep(HOUR_S + 2)
    before = used(cloud).get((usage, "shop"), 0.0)
    cloud.sleep(hours * HOUR_S)
    return (used(cloud).get((usage, "shop"), 0.0) - before) / hours


# Requests -------------------------------------------------------------------------------------------------------


def test_put_copy_post_and_list_have_one_price_and_get_the_other(cloud, s3):
    assert used(cloud)[PUT] == 1
    s3.put_object(Bucket="shop", Key="a", Body=b"x")
    s3.copy_object(Bucket="shop", Key="b", CopySource="shop/a")
    s3.list_objects_v2(Bucket="shop")
    upload = s3.create_multipart_upload(Bucket="shop", Key="c")["UploadId"]
    part = s3.upload_part(Bucket="shop", Key="c", UploadId=upload, PartNumber=1, Body=b"x")["ETag"]
    s3.complete_multipart_upload(Bucket="shop", Key="c", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]})
    assert used(cloud)[PUT] == 7
    assert GET not in used(cloud)
    s3.get_object(Bucket="shop", Key="a")
    s3.head_object(Bucket="shop", Key="a")
    s3.get_bucket_location(Bucket="shop")
    found = used(cloud)
    assert (found[PUT], found[GET]) == (7, 3)


def test_that_names_are_kept_in_one_place_for_all_regions_is_not_billed(make_cloud):
    cloud = make_cloud("aws-global", "us-east-1")
    cloud.client("s3").create_bucket(Bucket="somewhere")
    assert used(cloud)["s3:put_requests", "somewhere"] == 1 and used(cloud, "aws-global") == {}


def test_to_delete_and_to_cancel_is_free(cloud, s3):
    s3.put_object(Bucket="shop", Key="a", Body=b"x")
    upload = s3.create_multipart_upload(Bucket="shop", Key="c")["UploadId"]
    before = used(cloud)
    s3.abort_multipart_upload(Bucket="shop", Key="c", UploadId=upload)
    s3.delete_object(Bucket="shop", Key="a")
    s3.delete_objects(Bucket="shop", Delete={"Objects": [{"Key": "b"}]})
    s3.delete_bucket(Bucket="shop")
    assert _requests(used(cloud)) == _requests(before)


def _requests(found):
    return {key: value for key, value in found.items() if "requests" in key[0]}


def test_requests_of_cold_classes_are_told_apart_and_so_is_what_is_fetched(cloud, s3):
    s3.put_object(Bucket="shop", Key="a", Body=b"x" * 4_096, StorageClass="STANDARD_IA")
    s3.put_object(Bucket="shop", Key="b", Body=b"x", StorageClass="INTELLIGENT_TIERING")
    s3.get_object(Bucket="shop", Key="a")
    s3.head_object(Bucket="shop", Key="a")
    s3.get_object(Bucket="shop", Key="b")
    found = used(cloud)
    assert found[PUT] == 2 and found[GET] == 1
    assert found["s3:standard_ia_put_requests", "shop"] == 1 and found["s3:standard_ia_get_requests", "shop"] == 2
    assert found["s3:standard_ia_retrieval", "shop"] == pytest.approx(4_096 / GB)
    s3.put_object(Bucket="shop", Key="large", Body=b"x" * 200_000, StorageClass="STANDARD_IA", ServerSideEncryption="AES256")
    s3.get_object(Bucket="shop", Key="large")["Body"].read()
    s3.get_object(Bucket="shop", Key="large", Range="bytes=0-99999")["Body"].read()
    assert used(cloud)["s3:standard_ia_retrieval", "shop"] == pytest.approx(304_096 / GB)


def test_a_restore_and_what_it_fetches_are_billed_by_class_and_haste(cloud, s3):
    s3.put_object(Bucket="shop", Key="a", Body=b"x" * 4_096, StorageClass="GLACIER")
    s3.restore_object(Bucket="shop", Key="a", RestoreRequest={"Days": 2, "GlacierJobParameters": {"Tier": "Bulk"}})
    s3.restore_object(Bucket="shop", Key="a", RestoreRequest={"Days": 3})
    found = used(cloud)
    assert found["s3:glacier_flexible_bulk_restore_requests", "shop"] == 1
    assert found["s3:glacier_flexible_bulk_retrieval", "shop"] == pytest.approx(4_096 / GB)
    assert ("s3:glacier_flexible_standard_restore_requests", "shop") not in found


def test_a_refusal_is_not_counted(cloud, s3):
    before = used(cloud)
    with pytest.raises(ClientError):
        s3.get_object(Bucket="shop", Key="none")
    assert used(cloud) == before


# What is stored -------------------------------------------------------------------------------------------------


def test_what_is_stored_costs_by_its_class_all_versions_and_parts(cloud, s3):
    s3.put_bucket_versioning(Bucket="shop", VersioningConfiguration={"Status": "Enabled"})
    for _ in range(2):
        s3.put_object(Bucket="shop", Key="a", Body=b"x" * 300_000)
    upload = s3.create_multipart_upload(Bucket="shop", Key="c")["UploadId"]
    s3.upload_part(Bucket="shop", Key="c", UploadId=upload, PartNumber=1, Body=b"x" * 100_000)
    assert stood(cloud, "s3:standard_storage") == pytest.approx(700_000 / GB)
    s3.abort_multipart_upload(Bucket="shop", Key="c", UploadId=upload)
    for version in s3.list_object_versions(Bucket="shop")["Versions"]:
        s3.delete_object(Bucket="shop", Key="a", VersionId=version["VersionId"])
    assert stood(cloud, "s3:standard_storage") == 0


def test_small_objects_of_cold_classes_are_billed_as_larger_ones(cloud, s3):
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-class-intro.html"""
    for kind in ("STANDARD_IA", "ONEZONE_IA", "GLACIER_IR"):
        s3.put_object(Bucket="shop", Key=kind, Body=b"x", StorageClass=kind)
        s3.put_object(Bucket="shop", Key=f"{kind} large", Body=b"x" * 200_000, StorageClass=kind)
    for usage in ("s3:standard_ia_storage", "s3:one_zone_ia_storage", "s3:glacier_instant_storage"):
        assert stood(cloud, usage) == pytest.approx((128 * 1024 + 200_000) / GB)


def test_what_is_archived_takes_an_index_and_a_restored_copy_until_its_day_ends(cloud, s3):
    s3.put_object(Bucket="shop", Key="a", Body=b"x" * 100_000, StorageClass="DEEP_ARCHIVE")
    assert stood(cloud, "s3:glacier_deep_archive_storage") == pytest.approx((100_000 + 32 * 1024) / GB)
    assert stood(cloud, "s3:standard_storage") == pytest.approx(8 * 1024 / GB)
    s3.restore_object(Bucket="shop", Key="a", RestoreRequest={"Days": 1})
    assert stood(cloud, "s3:standard_storage", 1) == pytest.approx((100_000 + 8 * 1024) / GB)
    cloud.sleep(3 * DAY_S)
    assert stood(cloud, "s3:standard_storage") == pytest.approx(8 * 1024 / GB)


def test_intelligent_tiering_is_billed_by_tier_and_larger_objects_are_watched(cloud, s3):
    s3.put_object(Bucket="shop", Key="small", Body=b"x" * 1_000, StorageClass="INTELLIGENT_TIERING")
    s3.put_object(Bucket="shop", Key="large", Body=b"x" * 200_000, StorageClass="INTELLIGENT_TIERING")
    assert stood(cloud, "s3:intelligent_tiering_frequent_storage") == pytest.approx(201_000 / GB)
    assert stood(cloud, "s3:intelligent_tiering_monitoring") == pytest.approx(1)
    cloud.sleep(32 * DAY_S)
    assert stood(cloud, "s3:intelligent_tiering_frequent_storage") == pytest.approx(1_000 / GB)
    assert stood(cloud, "s3:intelligent_tiering_infrequent_storage") == pytest.approx(200_000 / GB)


def test_a_rule_moves_what_is_stored_and_the_move_is_billed(cloud, s3):
    rule = {"ID": "r", "Status": "Enabled", "Filter": {"Prefix": ""}, "Transitions": [{"Days": 1, "StorageClass": "GLACIER"}]}
    s3.put_object(Bucket="shop", Key="a", Body=b"x" * 200_000)
    s3.put_bucket_lifecycle_configuration(Bucket="shop", LifecycleConfiguration={"Rules": [rule]})
    cloud.sleep(3 * DAY_S)
    assert used(cloud)["s3:glacier_flexible_transition_requests", "shop"] == 1
    assert stood(cloud, "s3:glacier_flexible_storage") == pytest.approx((200_000 + 32 * 1024) / GB)
    assert stood(cloud, "s3:standard_storage") == pytest.approx(8 * 1024 / GB)


def test_a_large_account_is_counted_in_steps_while_its_region_answers(cloud, s3):
    count = 2 * bill.STEP_ROWS + 1
    for number in range(count):
        s3.put_object(Bucket="shop", Key=str(number), Body=b"x" * 1_000)
    assert stood(cloud, "s3:standard_storage") == pytest.approx(count * 1_000 / GB)
    cloud.restart(kill=True)

    async def told():
        return cloud.region().gate.ledger.told()

    for _ in range(2):
        assert ["s3:standard_storage", "shop", pytest.approx(count * 1_000 / GB)] in [row[1:] for row in cloud.run(told())["standing"]]


def test_a_replica_is_a_put_in_its_region_and_is_stored_there(make_cloud):
    cloud = make_cloud("us-east-1", "eu-west-1", "aws-global")
    make_role(cloud)
    pair = Pair(cloud)
    pair.replicate(rule())
    put, stored = ("s3:put_requests", "there"), ("s3:standard_storage", "there")
    before = used(cloud, "eu-west-1")[put]
    pair.east.put_object(Bucket="here", Key="a", Body=b"x" * 100_000)
    cloud.sleep(2 * HOUR_S)
    found = used(cloud, "eu-west-1")
    assert found[put] == before + 1
    cloud.sleep(HOUR_S)
    assert used(cloud, "eu-west-1")[stored] - found[stored] == pytest.approx(100_000 / GB)
