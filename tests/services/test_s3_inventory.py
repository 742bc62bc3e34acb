"""Inventories of S3: lists that are really delivered, when they are due and to whom they may be."""

import csv
import gzip
import hashlib
import io
import json
import re

import pytest
from refusals import refused_fully

DAY_S = 86_400
EVERYTHING = [
    "Size", "LastModifiedDate", "StorageClass", "ETag", "IsMultipartUploaded", "ReplicationStatus", "EncryptionStatus",
    "ObjectLockRetainUntilDate", "ObjectLockMode", "ObjectLockLegalHoldStatus", "IntelligentTieringAccessTier", "BucketKeyStatus",
    "ChecksumAlgorithm", "ObjectAccessControlList", "ObjectOwner", "LifecycleExpirationDate",
]  # fmt: skip


@pytest.fixture
def s3(cloud):
    return prepared(cloud)


def prepared(cloud):
    s3 = cloud.client("s3")
    for name in ("shop", "books"):
        s3.create_bucket(Bucket=name)
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html, "Grant permissions for S3 Inventory"
    allowed = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "s3:PutObject", "Resource": "arn:aws:s3:::books/*",
               "Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::shop"},
                             "StringEquals": {"aws:SourceAccount": "000000000000", "s3:x-amz-acl": "bucket-owner-full-control"}}}  # fmt: skip
    s3.put_bucket_policy(Bucket="books", Policy=json.dumps({"Version": "2012-10-17", "Statement": allowed}))
    return s3


def configuration(id: str = "all", *, versions: str = "All", frequency: str = "Daily", target: dict | None = None, **more):
    place = {"Bucket": "arn:aws:s3:::books", "Format": "CSV", "Prefix": "lists", **(target or {})}
    return {"Id": id, "IsEnabled": True, "IncludedObjectVersions": versions, "Schedule": {"Frequency": frequency},
            "Destination": {"S3BucketDestination": place}, **more}  # fmt: skip


def configure(s3, **said):
    wanted = configuration(**said)
    return s3.put_bucket_inventory_configuration(Bucket="shop", Id=wanted["Id"], InventoryConfiguration=wanted)


def keys(s3) -> list[str]:
    return [each["Key"] for each in s3.list_objects_v2(Bucket="books").get("Contents", [])]


def body(s3, key: str) -> bytes:
    return s3.get_object(Bucket="books", Key=key)["Body"].read()


def manifests(s3) -> list[str]:
    return [key for key in keys(s3) if key.endswith("manifest.json")]


def rows(s3, manifest: str) -> list[dict[str, str]]:
    """The lines of a list, by column."""
    told = json.loads(body(s3, manifest))
    lines = []
    for file in told["files"]:
        text = gzip.decompress(body(s3, file["key"])).decode()
        lines += csv.reader(io.StringIO(text))
    return [dict(zip(told["fileSchema"].split(", "), line, strict=True)) for line in lines]


def test_a_list_has_the_layout_of_aws(cloud, s3):
    s3.put_object(Bucket="shop", Key="a b", Body=b"12345")
    assert configure(s3, versions="Current", OptionalFields=["ETag", "Size"])["ResponseMetadata"]["HTTPStatusCode"] == 204
    cloud.sleep(1)
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html
    data, symlink, checksum, manifest = sorted(keys(s3), key=lambda key: ["data", "symlink", "manifest.checksum", "manifest.json"].index(
        next(name for name in ("data", "symlink", "manifest.checksum", "manifest.json") if name in key)
    ))  # fmt: skip
    assert re.fullmatch(r"lists/shop/all/data/[0-9a-f-]{36}\.csv\.gz", data)
    assert symlink == "lists/shop/all/hive/dt=2030-01-01-00-00/symlink.txt"
    assert (checksum, manifest) == tuple(f"lists/shop/all/2030-01-01T00-00Z/manifest.{kind}" for kind in ("checksum", "json"))
    assert body(s3, checksum).decode() == hashlib.md5(body(s3, manifest)).hexdigest()
    assert body(s3, symlink).decode() == f"s3://books/{data}"
    packed = body(s3, data)
    assert json.loads(body(s3, manifest)) == {
        "sourceBucket": "shop", "destinationBucket": "arn:aws:s3:::books", "version": "2016-11-30", "creationTimestamp": "1893456000000",
        "fileFormat": "CSV", "fileSchema": "Bucket, Key, Size, ETag",
        "files": [{"key": data, "size": len(packed), "MD5checksum": hashlib.md5(packed).hexdigest()}],
    }  # fmt: skip
    assert gzip.decompress(packed).decode() == f'"shop","a+b","5","{hashlib.md5(b"12345").hexdigest()}"\n'


def test_every_version_is_listed_with_all_that_is_asked(cloud):
    s3 = prepared(cloud)
    s3.create_bucket(Bucket="vault", ObjectLockEnabledForBucket=True)
    s3.put_object(Bucket="shop", Key="old", Body=b"1")
    s3.put_bucket_versioning(Bucket="shop", VersioningConfiguration={"Status": "Enabled"})
    newer = s3.put_object(Bucket="shop", Key="old", Body=b"22", StorageClass="INTELLIGENT_TIERING")["VersionId"]
    marker = s3.delete_object(Bucket="shop", Key="gone")["VersionId"]
    s3.put_object(Bucket="shop", Key="other", Body=b"not of the prefix")
    configure(s3, OptionalFields=EVERYTHING, Filter={"Prefix": "o"})
    configure(s3, id="gone", OptionalFields=EVERYTHING, Filter={"Prefix": "g"})
    cloud.sleep(1)
    listed, marked = (rows(s3, f"lists/shop/{id}/2030-01-01T00-00Z/manifest.json") for id in ("all", "gone"))
    assert [(each["Key"], each["VersionId"], each["IsLatest"], each["IsDeleteMarker"], each["Size"]) for each in listed] == [
        ("old", newer, "true", "false", "2"), ("old", "", "false", "false", "1"), ("other", listed[2]["VersionId"], "true", "false", "17"),
    ]  # fmt: skip
    first = listed[0]
    assert (first["StorageClass"], first["IntelligentTieringAccessTier"]) == ("INTELLIGENT_TIERING", "FREQUENT")
    assert (first["LastModifiedDate"], first["EncryptionStatus"], first["BucketKeyStatus"]) == ("2030-01-01T00:00:00.000Z", "SSE-S3", "DISABLED")
    assert first["ObjectOwner"] == s3.list_buckets()["Owner"]["ID"] and first["IsMultipartUploaded"] == "false"
    assert [(each["Key"], each["VersionId"], each["IsDeleteMarker"], each["Size"]) for each in marked] == [("gone", marker, "true", "")]


def test_lists_come_every_day_at_midnight(cloud, s3):
    configure(s3)
    cloud.sleep(2.5 * DAY_S)
    assert manifests(s3) == [f"lists/shop/all/2030-01-0{day}T00-00Z/manifest.json" for day in (1, 2, 3)]
    s3.delete_bucket_inventory_configuration(Bucket="shop", Id="all")
    cloud.sleep(2 * DAY_S)
    assert len(manifests(s3)) == 3


def test_or_on_sundays(cloud, s3):
    configure(s3, frequency="Weekly")
    cloud.sleep(13 * DAY_S)
    # The first of January 2030 is a Tuesday.
    assert [key.split("/")[3] for key in manifests(s3)] == ["2030-01-01T00-00Z", "2030-01-06T00-00Z", "2030-01-13T00-00Z"]


def test_at_the_real_pace_the_first_list_comes_at_midnight(make_cloud):
    cloud = make_cloud(pace="real")
    s3 = prepared(cloud)
    configure(s3)
    cloud.sleep(DAY_S - 60)
    assert keys(s3) == []
    cloud.sleep(120)
    assert len(manifests(s3)) == 1


def test_what_is_due_outlives_the_region(cloud, s3):
    configure(s3)
    cloud.sleep(1)
    cloud.restart(kill=True)
    cloud.sleep(DAY_S)
    assert len(manifests(s3)) == 2


def test_a_configuration_that_is_switched_off_makes_no_lists(cloud, s3):
    configure(s3, IsEnabled=False)
    cloud.sleep(2 * DAY_S)
    assert keys(s3) == []


@pytest.mark.parametrize("target", [{"Bucket": "arn:aws:s3:::shop"}, {"AccountId": "111111111111"}, {"Bucket": "arn:aws:s3:::nowhere"}])
def test_where_s3_may_not_write_there_is_no_list(cloud, s3, target):
    """A bucket without a policy, one that is another account's, and none at all."""
    configure(s3, target=target)
    cloud.sleep(1)
    assert keys(s3) == [] and s3.list_objects_v2(Bucket="shop")["KeyCount"] == 0
    assert [each for each in cloud.events if each["kind"] == "undelivered"]


def test_a_list_may_be_encrypted_under_a_key_that_lets_s3_use_it(cloud, s3):
    kms = cloud.client("kms")
    owner = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "kms:*", "Resource": "*"}
    service = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "kms:GenerateDataKey*", "Resource": "*"}
    shut = kms.create_key(Policy=json.dumps({"Version": "2012-10-17", "Statement": [owner]}))["KeyMetadata"]["Arn"]
    key = kms.create_key(Policy=json.dumps({"Version": "2012-10-17", "Statement": [owner, service]}))["KeyMetadata"]["Arn"]
    configure(s3, target={"Encryption": {"SSEKMS": {"KeyId": shut}}})
    cloud.sleep(1)
    assert keys(s3) == []
    configure(s3, target={"Encryption": {"SSEKMS": {"KeyId": key}}})
    cloud.sleep(1)
    (manifest,) = manifests(s3)
    assert s3.head_object(Bucket="books", Key=manifest)["SSEKMSKeyId"] == key


def test_configurations_are_told_again_in_the_order_of_their_ids(s3):
    for id in ("z", "a", "m"):
        configure(s3, id=id, IsEnabled=False)
    told = s3.list_bucket_inventory_configurations(Bucket="shop")
    assert [each["Id"] for each in told["InventoryConfigurationList"]] == ["a", "m", "z"] and told["IsTruncated"] is False
    assert s3.get_bucket_inventory_configuration(Bucket="shop", Id="a")["InventoryConfiguration"] == configuration("a", IsEnabled=False)
    s3.delete_bucket_inventory_configuration(Bucket="shop", Id="a")
    absent = (404, "NoSuchConfiguration", "The specified configuration does not exist.")
    assert refused_fully(s3.get_bucket_inventory_configuration, Bucket="shop", Id="a") == absent
    assert refused_fully(s3.delete_bucket_inventory_configuration, Bucket="shop", Id="a") == absent


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        # Recorded: localstack's test_s3_put_inventory_report_exceptions.
        ({"id": "other"}, "IdMismatch"),
        ({"target": {"Bucket": "books"}}, "InvalidS3DestinationBucket"),
        ({"target": {"Format": "Excel"}}, "MalformedXML"),
        ({"frequency": "Hourly"}, "MalformedXML"),
        ({"versions": "Some"}, "MalformedXML"),
        ({"OptionalFields": ["Colour"]}, "MalformedXML"),
        # Not built.
        ({"target": {"Format": "Parquet"}}, "NotImplemented"),
        ({"target": {"Format": "ORC"}}, "NotImplemented"),
        ({"OptionalFields": ["ObjectLockEventHoldStatus"]}, "NotImplemented"),
    ],
)
def test_configurations_that_aws_refuses_are_refused(s3, said, refused):
    wanted = configuration(**said)
    assert refused_fully(s3.put_bucket_inventory_configuration, Bucket="shop", Id="all", InventoryConfiguration=wanted)[1] == refused
