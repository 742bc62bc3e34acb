"""Server access logs that CloudWatch Logs delivers: a record of JSON for each request to a bucket.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/sal-cw-log-format.html and …/sal-cw-enabling.html
"""

from __future__ import annotations

import gzip
import json

import pytest
from refusals import refused, refused_status
from sealed import ACCOUNT

OTHER = "222222222222"
BUCKET = "arn:aws:s3:::watched"
FIELDS = [
    "schema_version_id", "bucket_arn", "bucket_name", "request_time", "bucket_owner_id", "remote_ip", "requester", "request_id", "operation", "key_name",
    "request_uri", "http_status", "error_code", "bytes_sent_size", "object_size", "total_duration", "turn_around_duration", "referer", "user_agent",
    "version_id", "host_id", "signature_version", "cipher_suite", "authentication_type", "host_header", "tls_version", "access_point_arn", "acl_required",
    "source_region",
]  # fmt: skip


@pytest.fixture
def s3(cloud):
    s3 = cloud.client("s3", key=ACCOUNT)
    s3.create_bucket(Bucket="watched")
    return s3


@pytest.fixture
def logs(cloud):
    return cloud.client("logs", key=ACCOUNT)


def source(logs, bucket: str = BUCKET, name: str = "s") -> dict:
    return logs.put_delivery_source(name=name, resourceArn=bucket, logType="S3_SERVER_ACCESS_LOGS")["deliverySource"]


def deliver(logs, target: str, name: str = "d", form: str | None = None, **more) -> dict:
    form = {"outputFormat": form} if form else {}
    arn = logs.put_delivery_destination(name=name, deliveryDestinationConfiguration={"destinationResourceArn": target}, **form)["deliveryDestination"]["arn"]
    return logs.create_delivery(deliverySourceName="s", deliveryDestinationArn=arn, **more)["delivery"]


def group(logs) -> dict:
    logs.create_log_group(logGroupName="g")
    source(logs)
    return deliver(logs, f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:g")


def told(cloud, logs) -> list[dict]:
    cloud.sleep(10)
    return [json.loads(each["message"]) for each in logs.filter_log_events(logGroupName="g")["events"]]


def test_a_bucket_is_a_source_in_its_own_region_and_account(make_cloud):
    cloud = make_cloud("us-east-1", "eu-west-1", "aws-global")
    cloud.client("s3", "eu-west-1", key=ACCOUNT).create_bucket(Bucket="far", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    cloud.client("s3", key=OTHER).create_bucket(Bucket="theirs")
    cloud.client("s3", key=ACCOUNT).create_bucket(Bucket="watched")
    logs = cloud.client("logs", key=ACCOUNT)
    assert source(logs) == {
        "name": "s", "arn": f"arn:aws:logs:us-east-1:{ACCOUNT}:delivery-source:s", "resourceArns": [BUCKET], "service": "s3", "logType": "S3_SERVER_ACCESS_LOGS",
    }  # fmt: skip
    for name in ("far", "theirs", "nobodys"):
        assert refused(logs.put_delivery_source, name="other", resourceArn=f"arn:aws:s3:::{name}", logType="S3_SERVER_ACCESS_LOGS")[0] == "ResourceNotFoundException"
    assert source(cloud.client("logs", "eu-west-1", key=ACCOUNT), "arn:aws:s3:::far", "far")["resourceArns"] == ["arn:aws:s3:::far"]
    assert refused(logs.put_delivery_source, name="again", resourceArn=BUCKET, logType="S3_SERVER_ACCESS_LOGS")[0] == "ConflictException"


def test_whoever_makes_a_source_must_be_let_have_the_logs_of_the_bucket(cloud, s3):
    iam = cloud.client("iam", key=ACCOUNT)
    iam.create_user(UserName="u")
    key = iam.create_access_key(UserName="u")["AccessKey"]
    theirs = cloud.client("logs", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    statements = [{"Effect": "Allow", "Action": "logs:PutDeliverySource", "Resource": "*"}]
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}))
    code, text = refused(source, theirs)
    assert code == "AccessDeniedException" and "s3:AllowVendedLogDeliveryForResource" in text and BUCKET in text
    statements.append({"Effect": "Allow", "Action": "s3:AllowVendedLogDeliveryForResource", "Resource": BUCKET})
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}))
    assert source(theirs)["name"] == "s"


def test_a_delivery_has_all_fields_and_is_json(cloud, s3, logs):
    # AWS's package aws-cdk-mixins-preview knows of all fields that they must be, and of no form but JSON and parquet.
    s3.create_bucket(Bucket="logs")
    assert group(logs)["recordFields"] == FIELDS
    (template,) = logs.describe_configuration_templates(service="s3", deliveryDestinationTypes=["S3"])["configurationTemplates"]
    assert template["allowedFields"] == [{"name": name, "mandatory": True} for name in FIELDS] and template["allowedOutputFormats"] == ["json"]
    assert template["allowedActionForAllowVendedLogsDeliveryForResource"] == "s3:AllowVendedLogDeliveryForResource"
    for more, code in (
        ({"recordFields": FIELDS[:-1]}, "ValidationException"), ({"recordFields": [*FIELDS, "colour"]}, "ValidationException"),
        ({"form": "w3c"}, "ValidationException"), ({"fieldDelimiter": ","}, "NotImplemented"), ({"s3DeliveryConfiguration": {"suffixPath": "{yyyy}"}}, "NotImplemented"),
    ):  # fmt: skip
        assert refused(deliver, logs, "arn:aws:s3:::logs", f"d{len(more)}{code}{next(iter(more))}", **more)[0] == code
    assert deliver(logs, "arn:aws:s3:::logs", "last", recordFields=FIELDS[::-1])["recordFields"] == FIELDS[::-1]


def test_every_request_is_a_record(cloud, s3, logs):
    s3.get_bucket_location(Bucket="watched")
    group(logs)
    put = s3.put_object(Bucket="watched", Key="a b", Body=b"12345")["ResponseMetadata"]
    s3.get_object(Bucket="watched", Key="a b", Range="bytes=0-1")
    refused_status(s3.get_object, Bucket="watched", Key="none")
    s3.list_objects_v2(Bucket="watched")
    first, got, absent, listed = found = told(cloud, logs)
    assert [list(each) for each in found] == [FIELDS] * 4
    headers = put["HTTPHeaders"]
    owner = s3.list_buckets()["Owner"]["ID"]
    sent = first.pop("user_agent")
    assert sent.startswith("Boto3/") and first.pop("total_duration") >= 0 and first.pop("turn_around_duration") >= 0
    assert first == {
        "schema_version_id": "V_1_0", "bucket_arn": BUCKET, "bucket_name": "watched", "request_time": "2030-01-01T00:00:00.000Z", "bucket_owner_id": owner,
        "remote_ip": "127.0.0.1", "requester": owner, "request_id": headers["x-amz-request-id"], "operation": "REST.PUT.OBJECT", "key_name": "a b",
        "request_uri": "PUT /watched/a%20b HTTP/1.1", "http_status": 200, "error_code": None, "bytes_sent_size": None, "object_size": 5, "referer": None,
        "version_id": None, "host_id": headers["x-amz-id-2"], "signature_version": "SigV4", "cipher_suite": None, "authentication_type": "AuthHeader",
        "host_header": first["host_header"], "tls_version": None, "access_point_arn": None, "acl_required": None, "source_region": None,
    }  # fmt: skip
    assert (got["http_status"], got["bytes_sent_size"], got["object_size"]) == (206, 2, 5)
    assert (absent["http_status"], absent["error_code"]) == (404, "NoSuchKey")
    assert (listed["operation"], listed["key_name"]) == ("REST.GET.BUCKET", None)
    assert {each["logStreamName"] for each in logs.filter_log_events(logGroupName="g")["events"]} == {"S3_watched"}


def test_a_kill_loses_and_doubles_nothing_and_an_end_is_one(cloud, s3, logs):
    made = group(logs)
    s3.put_object(Bucket="watched", Key="k", Body=b"1")
    cloud.sleep(0.1)
    cloud.restart(kill=True)
    assert [each["key_name"] for each in told(cloud, logs)] == ["k"]
    s3.put_object(Bucket="watched", Key="l", Body=b"1")
    assert [each["key_name"] for each in told(cloud, logs)] == ["k", "l"]
    logs.delete_delivery(id=made["id"])
    s3.put_object(Bucket="watched", Key="m", Body=b"1")
    assert len(told(cloud, logs)) == 2


def test_records_are_filed_beside_the_lines_of_the_older_log(cloud, s3, logs):
    for name in ("logs", "lines"):
        s3.create_bucket(Bucket=name)
    let_in = {"Effect": "Allow", "Principal": {"Service": "logging.s3.amazonaws.com"}, "Action": "s3:PutObject", "Resource": "arn:aws:s3:::lines/*"}
    s3.put_bucket_policy(Bucket="lines", Policy=json.dumps({"Version": "2012-10-17", "Statement": let_in}))
    s3.put_bucket_logging(Bucket="watched", BucketLoggingStatus={"LoggingEnabled": {"TargetBucket": "lines", "TargetPrefix": ""}})
    source(logs)
    deliver(logs, "arn:aws:s3:::logs")
    s3.put_object(Bucket="watched", Key="k", Body=b"1")
    cloud.sleep(10)
    (key,) = [each["Key"] for each in s3.list_objects_v2(Bucket="logs")["Contents"]]
    assert key.startswith(f"AWSLogs/{ACCOUNT}/S3/watched.2030-01-01-00.")
    record = json.loads(gzip.decompress(s3.get_object(Bucket="logs", Key=key)["Body"].read()))
    (key,) = [each["Key"] for each in s3.list_objects_v2(Bucket="lines")["Contents"]]
    line = s3.get_object(Bucket="lines", Key=key)["Body"].read().decode().split()
    assert (record["operation"], record["key_name"], record["request_id"]) == ("REST.PUT.OBJECT", "k", line[6])


def test_the_template_of_aws_delivers_what_its_bucket_is_asked(cloud, s3, logs):
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/sal-cw-enabling.html#sal-cw-setup-cfn
    resources = {
        "SALLogGroup": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "g", "RetentionInDays": 180}},
        "SALDeliverySource": {"Type": "AWS::Logs::DeliverySource", "Properties": {
            "Name": {"Fn::Sub": "${AWS::StackName}-sal-source"}, "ResourceArn": BUCKET, "LogType": "S3_SERVER_ACCESS_LOGS"}},
        "SALDeliveryDestination": {"Type": "AWS::Logs::DeliveryDestination", "Properties": {
            "Name": {"Fn::Sub": "${AWS::StackName}-sal-destination"}, "DestinationResourceArn": {"Fn::GetAtt": ["SALLogGroup", "Arn"]}}},
        "SALDelivery": {"Type": "AWS::Logs::Delivery", "Properties": {
            "DeliverySourceName": {"Ref": "SALDeliverySource"}, "DeliveryDestinationArn": {"Fn::GetAtt": ["SALDeliveryDestination", "Arn"]}}},
    }  # fmt: skip
    stacks = cloud.client("cloudformation", key=ACCOUNT)
    stacks.create_stack(StackName="s", TemplateBody=json.dumps({"Resources": resources}))
    cloud.sleep(30)
    assert stacks.describe_stacks(StackName="s")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE", stacks.describe_stack_events(StackName="s")["StackEvents"]
    s3.put_object(Bucket="watched", Key="k", Body=b"1")
    assert [each["key_name"] for each in told(cloud, logs)] == ["k"]
    stacks.delete_stack(StackName="s")
    cloud.sleep(30)
    assert logs.describe_delivery_sources()["deliverySources"] == []
