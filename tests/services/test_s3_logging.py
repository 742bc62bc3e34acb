"""Server access logs that are really delivered; who pays; the accelerated endpoint."""

import json
import re

import pytest
from refusals import refused_status

LOG_FIELDS = re.compile(r'"[^"]*"|\[[^\]]*\]|\S+')
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html


@pytest.fixture
def s3(cloud):
    s3 = cloud.client("s3")
    for name in ("watched", "logs"):
        s3.create_bucket(Bucket=name)
    return s3


def let_deliver(s3):
    allowed = {"Effect": "Allow", "Principal": {"Service": "logging.s3.amazonaws.com"}, "Action": "s3:PutObject", "Resource": "arn:aws:s3:::logs/*",
               "Condition": {"StringEquals": {"aws:SourceAccount": "000000000000"}}}  # fmt: skip
    s3.put_bucket_policy(Bucket="logs", Policy=json.dumps({"Version": "2012-10-17", "Statement": allowed}))


def watch(s3, **more):
    s3.put_bucket_logging(
        Bucket="watched", BucketLoggingStatus={"LoggingEnabled": {"TargetBucket": "logs", "TargetPrefix": "at/", **more}}
    )


def delivered(s3) -> list[list[str]]:
    found = []
    for each in s3.list_objects_v2(Bucket="logs").get("Contents", []):
        text = s3.get_object(Bucket="logs", Key=each["Key"])["Body"].read().decode()
        found += [LOG_FIELDS.findall(line) for line in text.splitlines()]
    return found


def test_every_request_is_a_line(cloud, s3):
    let_deliver(s3)
    watch(s3)
    written = s3.put_object(Bucket="watched", Key="a b", Body=b"12345")["ResponseMetadata"]
    s3.get_object(Bucket="watched", Key="a b", Range="bytes=0-1")
    refused_status(s3.get_object, Bucket="watched", Key="none")
    s3.list_objects_v2(Bucket="watched")
    s3.get_bucket_location(Bucket="watched")
    cloud.sleep(5)
    lines = delivered(s3)
    assert [line[6] for line in lines] == [
        "REST.PUT.OBJECT", "REST.GET.OBJECT", "REST.GET.OBJECT", "REST.GET.BUCKET", "REST.GET.LOCATION",
    ]  # fmt: skip
    assert all(len(line) == 27 for line in lines)
    put, got, absent = lines[:3]
    assert put[18] == written["HTTPHeaders"]["x-amz-id-2"] and put[-1] == "-"
    assert put[1:3] == ["watched", "[01/Jan/2030:00:00:00 +0000]"] and put[7] == "a+b" and put[9] == "200" and put[12] == "5"
    assert got[8] == '"GET /watched/a%20b HTTP/1.1"' and got[9:13] == ["206", "-", "2", "5"]
    assert absent[9:11] == ["404", "NoSuchKey"]
    key = s3.list_objects_v2(Bucket="logs")["Contents"][0]["Key"]
    assert re.fullmatch(r"at/2030-01-01-00-00-\d\d-[0-9A-F]{16}", key)


def test_what_waits_outlives_the_region(cloud, s3):
    let_deliver(s3)
    watch(s3)
    s3.put_object(Bucket="watched", Key="k", Body=b"1")
    cloud.sleep(0.1)
    cloud.restart(kill=True)
    cloud.sleep(5)
    assert [line[6] for line in delivered(s3)] == ["REST.PUT.OBJECT"]


def test_keys_may_be_partitioned_by_the_day_of_the_event(cloud, s3):
    let_deliver(s3)
    watch(s3, TargetObjectKeyFormat={"PartitionedPrefix": {"PartitionDateSource": "EventTime"}})
    s3.put_object(Bucket="watched", Key="k", Body=b"1")
    cloud.sleep(5)
    key = s3.list_objects_v2(Bucket="logs")["Contents"][0]["Key"]
    assert key.startswith("at/000000000000/us-east-1/watched/2030/01/01/2030-01-01-00-00-00-")


def test_without_permission_nothing_is_delivered(cloud, s3):
    watch(s3)
    s3.put_object(Bucket="watched", Key="k", Body=b"1")
    cloud.sleep(5)
    assert delivered(s3) == []


def test_targets_that_aws_refuses_are_refused(make_cloud):
    cloud = make_cloud("us-east-1", "eu-west-1", "aws-global")
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="watched")
    cloud.client("s3", "eu-west-1").create_bucket(Bucket="far", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    cloud.client("s3", key="111111111111").create_bucket(Bucket="theirs")
    s3.create_bucket(Bucket="listed", ObjectOwnership="BucketOwnerPreferred")
    for target, code in (
        ("none-such", "InvalidTargetBucketForLogging"), ("far", "CrossLocationLoggingProhibitted"),
        ("theirs", "InvalidTargetBucketForLogging"),
    ):  # fmt: skip
        wanted = {"LoggingEnabled": {"TargetBucket": target, "TargetPrefix": ""}}
        assert refused_status(s3.put_bucket_logging, Bucket="watched", BucketLoggingStatus=wanted)[1] == code
    # Whether logs may be put there is not asked before they are: recorded by localstack's test_put_bucket_logging_accept_wrong_grants.
    s3.put_bucket_logging(Bucket="watched", BucketLoggingStatus={"LoggingEnabled": {"TargetBucket": "listed", "TargetPrefix": ""}})
    s3.put_object(Bucket="watched", Key="k", Body=b"1")
    cloud.sleep(5)
    assert s3.list_objects_v2(Bucket="listed")["KeyCount"] == 0
    s3.put_bucket_acl(Bucket="listed", ACL="log-delivery-write")
    s3.put_object(Bucket="watched", Key="k", Body=b"1")
    cloud.sleep(5)
    assert len(s3.list_objects_v2(Bucket="listed")["Contents"]) == 1
    assert s3.get_bucket_logging(Bucket="watched")["LoggingEnabled"]["TargetBucket"] == "listed"
    s3.put_bucket_logging(Bucket="watched", BucketLoggingStatus={})
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket="watched")


def test_logs_are_given_to_whom_their_owner_tells(cloud, s3):
    """What may be told is recorded: localstack's test_put_bucket_logging_accept_wrong_grants."""
    group = {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/s3/LogDelivery"}
    reader = {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"}
    grants = [{"Grantee": group, "Permission": "WRITE"}, {"Grantee": group, "Permission": "READ_ACP"}, {"Grantee": reader, "Permission": "READ"}]
    wanted = {"LoggingEnabled": {"TargetBucket": "logs", "TargetPrefix": "at/", "TargetGrants": grants}}
    let_deliver(s3)
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html: not where ACLs are disabled.
    assert refused_status(s3.put_bucket_logging, Bucket="watched", BucketLoggingStatus=wanted)[1] == "InvalidTargetBucketForLogging"
    s3.delete_public_access_block(Bucket="logs")
    s3.delete_bucket_ownership_controls(Bucket="logs")
    s3.put_bucket_logging(Bucket="watched", BucketLoggingStatus=wanted)
    assert s3.get_bucket_logging(Bucket="watched")["LoggingEnabled"] == wanted["LoggingEnabled"]
    s3.put_object(Bucket="watched", Key="k", Body=b"1")
    cloud.sleep(5)
    (key,) = [each["Key"] for each in s3.list_objects_v2(Bucket="logs")["Contents"]]
    told = s3.get_object_acl(Bucket="logs", Key=key)["Grants"]
    assert sorted((each["Grantee"]["Type"], each["Permission"]) for each in told) == [
        ("CanonicalUser", "FULL_CONTROL"), ("Group", "READ"), ("Group", "READ_ACP"),
    ]  # fmt: skip


def test_where_requesters_pay_others_must_say_that_they_will(cloud, s3):
    assert s3.get_bucket_request_payment(Bucket="watched")["Payer"] == "BucketOwner"
    s3.put_bucket_request_payment(Bucket="watched", RequestPaymentConfiguration={"Payer": "Requester"})
    s3.put_object(Bucket="watched", Key="k", Body=b"1")
    reader = {"Effect": "Allow", "Principal": {"AWS": "111111111111"}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::watched/*"}
    s3.put_bucket_policy(Bucket="watched", Policy=json.dumps({"Version": "2012-10-17", "Statement": reader}))
    theirs = cloud.client("s3", key="111111111111")
    assert refused_status(theirs.get_object, Bucket="watched", Key="k") == (403, "AccessDenied")
    got = theirs.get_object(Bucket="watched", Key="k", RequestPayer="requester")
    assert got["Body"].read() == b"1" and got["RequestCharged"] == "requester"
    assert "RequestCharged" not in s3.get_object(Bucket="watched", Key="k")


def test_the_accelerated_endpoint_is_there_for_who_enabled_it(cloud, s3):
    s3.put_object(Bucket="watched", Key="k", Body=b"1")
    s3.delete_public_access_block(Bucket="watched")
    everybody = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::watched/*"}
    s3.put_bucket_policy(Bucket="watched", Policy=json.dumps({"Version": "2012-10-17", "Statement": everybody}))
    host = "watched.s3-accelerate.amazonaws.com"
    assert "Status" not in s3.get_bucket_accelerate_configuration(Bucket="watched")
    assert cloud.http("GET", "/k", host=host)[0] == 400
    s3.put_bucket_accelerate_configuration(Bucket="watched", AccelerateConfiguration={"Status": "Enabled"})
    assert cloud.http("GET", "/k", host=host)[::2] == (200, b"1")
    assert s3.get_bucket_accelerate_configuration(Bucket="watched")["Status"] == "Enabled"
    s3.create_bucket(Bucket="a.b")
    wanted = {"Status": "Enabled"}
    assert refused_status(s3.put_bucket_accelerate_configuration, Bucket="a.b", AccelerateConfiguration=wanted)[1] == "InvalidRequest"
