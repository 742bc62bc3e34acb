"""What a bucket tells queues, topics, functions and EventBridge. Records are those that localstack's tests/aws/services/s3 recorded."""

from __future__ import annotations

import json
from datetime import datetime

import pytest
from botocore.exceptions import ClientError
from lambda_workshop import make, settle
from refusals import refusal

ACCOUNT = "000000000000"
QUEUE_ARN = f"arn:aws:sqs:us-east-1:{ACCOUNT}:told"
POLICY = {
    "Statement": {
        "Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": QUEUE_ARN,
        "Condition": {"ArnEquals": {"aws:SourceArn": "arn:aws:s3:::shelf"}, "StringEquals": {"aws:SourceAccount": ACCOUNT}},
    }
}  # fmt: skip


class Told:
    """A bucket and a queue that may hear of it."""

    def __init__(self, cloud) -> None:
        self.cloud, self.s3, self.sqs = cloud, cloud.client("s3"), cloud.client("sqs")
        self.s3.create_bucket(Bucket="shelf")
        self.url = self.sqs.create_queue(QueueName="told", Attributes={"Policy": json.dumps(POLICY)})["QueueUrl"]

    def configure(self, *events: str, rules=None, bridge: bool = False, **more) -> None:
        wish = {"QueueArn": QUEUE_ARN, "Events": list(events), "Id": "mine"}
        if rules is not None:
            wish["Filter"] = {"Key": {"FilterRules": [{"Name": name, "Value": value} for name, value in rules.items()]}}
        configuration = {"QueueConfigurations": [wish] if events else []} | ({"EventBridgeConfiguration": {}} if bridge else {})
        self.s3.put_bucket_notification_configuration(Bucket="shelf", NotificationConfiguration=configuration, **more)

    def messages(self) -> list[dict]:
        self.cloud.sleep(1)
        found = []
        while got := self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages", []):
            for each in got:
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=each["ReceiptHandle"])
                found.append(json.loads(each["Body"]))
        return found

    def records(self) -> list[dict]:
        """By their sequence, as whoever hears of them must sort them; what has none comes first."""
        heard = [record for message in self.messages() for record in message.get("Records", [])]
        return sorted(heard, key=lambda record: record["s3"]["object"].get("sequencer", ""))

    def names(self) -> list[str]:
        return [record["eventName"] for record in self.records()]


@pytest.fixture
def told(cloud) -> Told:
    return Told(cloud)


def error_of(method, **params) -> tuple[str, str, dict]:
    error = refusal(method, **params)["Error"]
    return error["Code"], error["Message"], {name: value for name, value in error.items() if name.startswith("Argument")}


def test_a_destination_hears_a_test_message_first(told):
    told.configure("s3:ObjectCreated:*")
    [test] = told.messages()
    assert (test["Service"], test["Event"], test["Bucket"]) == ("Amazon S3", "s3:TestEvent", "shelf")
    assert told.s3.get_bucket_notification_configuration(Bucket="shelf")["QueueConfigurations"] == [
        {"Id": "mine", "QueueArn": QUEUE_ARN, "Events": ["s3:ObjectCreated:*"]}
    ]


def test_an_upload_is_told_as_aws_tells_it(told):
    told.configure("s3:ObjectCreated:*")
    told.messages()
    put = told.s3.put_object(Bucket="shelf", Key="a b@ü/k", Body=b"something")
    [record] = told.records()
    assert list(record) == [
        "eventVersion", "eventSource", "awsRegion", "eventTime", "eventName", "userIdentity", "requestParameters", "responseElements", "s3",
    ]  # fmt: skip
    assert [record[name] for name in ("eventVersion", "eventSource", "awsRegion", "eventName")] == ["2.1", "aws:s3", "us-east-1", "ObjectCreated:Put"]
    datetime.strptime(record["eventTime"], "%Y-%m-%dT%H:%M:%S.%fZ")
    assert record["responseElements"]["x-amz-request-id"] == put["ResponseMetadata"]["RequestId"]
    assert (record["s3"]["configurationId"], record["s3"]["bucket"]["arn"]) == ("mine", "arn:aws:s3:::shelf")
    thing = record["s3"]["object"]
    assert list(thing) == ["key", "size", "eTag", "sequencer"]
    # Recorded: test_key_encoding.
    assert (thing["key"], thing["size"], thing["eTag"]) == ("a+b%40%C3%BC/k", 9, "437b930db84b8079c2dd804a71936b5f")


def test_the_trace_of_a_request_goes_on_in_the_queue(cloud, told):
    """localstack's test_xray_header."""
    told.configure("s3:ObjectCreated:*")
    told.messages()
    trace = "Root=1-3152b799-8954dae64eda91bc9a23a7e8;Parent=7fa8c0f79203be72;Sampled=1"
    told.s3.meta.events.register("before-send.s3.*", lambda request, **_: request.headers.update({"X-Amzn-Trace-Id": trace}))
    told.s3.put_object(Bucket="shelf", Key="k")
    cloud.sleep(1)
    [message] = told.sqs.receive_message(QueueUrl=told.url, AttributeNames=["AWSTraceHeader"])["Messages"]
    assert message["Attributes"]["AWSTraceHeader"] == trace


def test_each_way_to_make_or_remove_an_object_has_its_name(told):
    told.configure("s3:ObjectCreated:*", "s3:ObjectRemoved:*")
    told.messages()
    s3 = told.s3
    s3.put_object(Bucket="shelf", Key="k", Body=b"x")
    s3.copy_object(Bucket="shelf", Key="k2", CopySource="shelf/k")
    upload = s3.create_multipart_upload(Bucket="shelf", Key="m")["UploadId"]
    part = s3.upload_part(Bucket="shelf", Key="m", UploadId=upload, PartNumber=1, Body=b"part")
    s3.complete_multipart_upload(
        Bucket="shelf", Key="m", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    )
    s3.delete_object(Bucket="shelf", Key="k")
    s3.delete_objects(Bucket="shelf", Delete={"Objects": [{"Key": "k2"}]})
    assert told.names() == [
        "ObjectCreated:Put", "ObjectCreated:Copy", "ObjectCreated:CompleteMultipartUpload", "ObjectRemoved:Delete", "ObjectRemoved:Delete",
    ]  # fmt: skip
    s3.delete_object(Bucket="shelf", Key="was never there")
    assert told.names() == []
    # Recorded: test_delete_objects.
    s3.delete_objects(Bucket="shelf", Delete={"Objects": [{"Key": "was never there"}, {"Key": "m"}]})
    assert told.names() == ["ObjectRemoved:Delete", "ObjectRemoved:Delete"]


def test_versions_and_markers_are_told_with_their_ids(told):
    # Recorded: test_object_created_put_versioned.
    s3 = told.s3
    s3.put_bucket_versioning(Bucket="shelf", VersioningConfiguration={"Status": "Enabled"})
    told.configure("s3:ObjectCreated:*", "s3:ObjectRemoved:*")
    told.messages()
    first = s3.put_object(Bucket="shelf", Key="k", Body=b"one")["VersionId"]
    marker = s3.delete_object(Bucket="shelf", Key="k")["VersionId"]
    s3.delete_object(Bucket="shelf", Key="k", VersionId=first)
    told_of = [(record["eventName"], record["s3"]["object"].get("versionId"), list(record["s3"]["object"])) for record in told.records()]
    assert told_of == [
        ("ObjectCreated:Put", first, ["key", "size", "eTag", "versionId", "sequencer"]),
        ("ObjectRemoved:DeleteMarkerCreated", marker, ["key", "eTag", "versionId", "sequencer"]),
        ("ObjectRemoved:Delete", first, ["key", "versionId", "sequencer"]),
    ]


def test_tags_grants_and_restores_are_told(told):
    s3 = told.s3
    told.configure("s3:ObjectTagging:*", "s3:ObjectRestore:*", "s3:ObjectAcl:Put")
    told.messages()
    s3.put_object(Bucket="shelf", Key="k", Body=b"x", StorageClass="GLACIER")
    s3.put_object_tagging(Bucket="shelf", Key="k", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    s3.delete_object_tagging(Bucket="shelf", Key="k")
    records = told.records()
    assert sorted(record["eventName"] for record in records) == ["ObjectTagging:Delete", "ObjectTagging:Put"]
    assert [list(record["s3"]["object"]) for record in records] == [["key", "eTag"]] * 2 and records[0]["eventVersion"] == "2.3"
    s3.restore_object(Bucket="shelf", Key="k", RestoreRequest={"Days": 1})
    asked, came = told.records()
    assert (asked["eventName"], came["eventName"]) == ("ObjectRestore:Post", "ObjectRestore:Completed")
    assert came["glacierEventData"]["restoreEventData"]["lifecycleRestoreStorageClass"] == "GLACIER"
    owner = came["s3"]["bucket"]["ownerIdentity"]["principalId"]
    assert [each["userIdentity"]["principalId"] for each in (asked, came)] == [owner, f"AmazonCustomer:{owner}"]


@pytest.mark.parametrize("rule", [{}, {"Name": "prefix"}, {"Value": "a"}])
def test_a_rule_of_a_filter_has_a_name_and_a_value(told, rule):
    """test_bucket_notification_with_missing_values_in_rule."""
    wish = {"QueueArn": QUEUE_ARN, "Events": ["s3:ObjectCreated:*"], "Filter": {"Key": {"FilterRules": [rule]}}}
    with pytest.raises(ClientError, match="MalformedXML"):
        told.s3.put_bucket_notification_configuration(Bucket="shelf", NotificationConfiguration={"QueueConfigurations": [wish]})


def test_what_was_written_while_versions_were_not_kept_has_no_version(told):
    """test_object_created_put_versioned, after the bucket was suspended."""
    told.s3.put_bucket_versioning(Bucket="shelf", VersioningConfiguration={"Status": "Suspended"})
    told.configure("s3:ObjectCreated:*")
    told.messages()
    told.s3.put_object(Bucket="shelf", Key="k")
    assert "versionId" not in told.records()[0]["s3"]["object"]


def test_what_a_lifecycle_does_is_told(told):
    told.configure("s3:LifecycleExpiration:*")
    told.messages()
    told.s3.put_object(Bucket="shelf", Key="k", Body=b"x")
    rule = {"ID": "r", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}
    told.s3.put_bucket_lifecycle_configuration(Bucket="shelf", LifecycleConfiguration={"Rules": [rule]})
    told.cloud.sleep(3 * 86_400)
    assert told.names() == ["LifecycleExpiration:Delete"]


def test_prefix_and_suffix_choose_keys(told):
    told.configure("s3:ObjectCreated:*", rules={"prefix": "in/", "suffix": ".txt"})
    told.messages()
    for key in ("in/a.txt", "in/a.bin", "out/a.txt"):
        told.s3.put_object(Bucket="shelf", Key=key, Body=b"x")
    assert [record["s3"]["object"]["key"] for record in told.records()] == ["in/a.txt"]
    # Recorded: test_filter_rules_case_insensitive.
    [kept] = told.s3.get_bucket_notification_configuration(Bucket="shelf")["QueueConfigurations"]
    assert kept["Filter"]["Key"]["FilterRules"] == [{"Name": "Prefix", "Value": "in/"}, {"Name": "Suffix", "Value": ".txt"}]


def test_a_function_is_invoked_with_the_event(told, tmp_path):
    heard = tmp_path / "heard"
    make(told.cloud, f"def handler(event, context): open({str(heard)!r}, 'w').write(event['Records'][0]['s3']['object']['key'])")
    lambda_ = told.cloud.client("lambda")
    arn = lambda_.get_function_configuration(FunctionName="f")["FunctionArn"]
    wish = {"LambdaFunctionConfigurations": [{"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
    # Recorded: test_invalid_lambda_arn.
    assert error_of(told.s3.put_bucket_notification_configuration, Bucket="shelf", NotificationConfiguration=wish) == (
        "InvalidArgument", "Unable to validate the following destination configurations",
        {"ArgumentName1": f"{arn}, null", "ArgumentValue1": f"Not authorized to invoke function [{arn}]"},
    )  # fmt: skip
    lambda_.add_permission(
        FunctionName="f", StatementId="s3", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com", SourceArn="arn:aws:s3:::shelf"
    )
    told.s3.put_bucket_notification_configuration(Bucket="shelf", NotificationConfiguration=wish)
    told.s3.put_object(Bucket="shelf", Key="hello", Body=b"x")
    told.cloud.sleep(1)
    settle(told.cloud)
    assert heard.read_text() == "hello"


def test_eventbridge_hears_of_what_it_knows(told):
    # Recorded: test_s3_notifications_eventbridge.
    events, sqs = told.cloud.client("events"), told.sqs
    url = sqs.create_queue(
        QueueName="bridged",
        Attributes={"Policy": json.dumps({"Statement": {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:*", "Resource": "*"}})},
    )["QueueUrl"]  # fmt: skip
    events.put_rule(Name="r", EventPattern='{"source": ["aws.s3"], "detail": {"bucket": {"name": ["shelf"]}}}')
    events.put_targets(Rule="r", Targets=[{"Id": "q", "Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:bridged"}])
    told.s3.put_object(Bucket="shelf", Key="before", Body=b"x")
    told.configure(bridge=True)
    told.s3.put_object(Bucket="shelf", Key="k", Body=b"test")
    told.cloud.sleep(2)
    [message] = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    event = json.loads(message["Body"])
    assert (event["source"], event["detail-type"], event["resources"]) == ("aws.s3", "Object Created", ["arn:aws:s3:::shelf"])
    detail = event["detail"]
    assert (detail["bucket"], detail["reason"], detail["requester"]) == ({"name": "shelf"}, "PutObject", ACCOUNT)
    assert list(detail["object"]) == ["key", "size", "etag", "sequencer"] and detail["object"]["key"] == "k"


def test_a_queue_that_is_away_for_a_while_hears_later_and_a_kill_forgets_nothing(told):
    told.configure("s3:ObjectCreated:*")
    told.messages()
    told.sqs.set_queue_attributes(QueueUrl=told.url, Attributes={"Policy": ""})
    told.s3.put_object(Bucket="shelf", Key="k", Body=b"x")
    assert told.records() == []
    told.cloud.restart(kill=True)
    told.sqs.set_queue_attributes(QueueUrl=told.url, Attributes={"Policy": json.dumps(POLICY)})
    told.cloud.sleep(60)
    assert [record["s3"]["object"]["key"] for record in told.records()] == ["k"]


@pytest.mark.parametrize(
    "wish, message, arguments",
    [
        # cdk-preflight's pf-s3-notification-fifo-queue and -event-name, of AWS
        (
            {"QueueArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:line.fifo"},
            "FIFO SQS queues are not supported.",
            {"ArgumentName": "Queue", "ArgumentValue": f"arn:aws:sqs:us-east-1:{ACCOUNT}:line.fifo"},
        ),
        (
            {"QueueArn": QUEUE_ARN, "Events": ["s3:ObjectBogus:*"]},
            "The event is not supported for notifications",
            {"ArgumentName": "Event", "ArgumentValue": "s3:ObjectBogus:*"},
        ),
        ({"QueueArn": "invalid-queue"}, "The ARN could not be parsed", {"ArgumentName": "Queue", "ArgumentValue": "invalid-queue"}),
        (
            {"QueueArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:none"},
            "Unable to validate the following destination configurations",
            {"ArgumentName1": f"arn:aws:sqs:us-east-1:{ACCOUNT}:none", "ArgumentValue1": "The destination queue does not exist"},
        ),
        (
            {"QueueArn": f"arn:aws:sqs:eu-west-1:{ACCOUNT}:told"},
            "The notification destination service region is not valid for the bucket location constraint",
            {"ArgumentName": "Queue", "ArgumentValue": f"arn:aws:sqs:eu-west-1:{ACCOUNT}:told"},
        ),
        (
            {"QueueArn": QUEUE_ARN, "Filter": {"Key": {"FilterRules": [{"Name": "middle", "Value": "x"}]}}},
            "filter rule name must be either prefix or suffix",
            {"ArgumentName": "FilterRule.Name", "ArgumentValue": "middle"},
        ),
    ],
)
def test_what_cannot_be_told_is_refused(told, wish, message, arguments):
    # Recorded: test_invalid_sqs_arn.
    configuration = {"QueueConfigurations": [{"Events": ["s3:ObjectCreated:*"], **wish}]}
    got = error_of(told.s3.put_bucket_notification_configuration, Bucket="shelf", NotificationConfiguration=configuration)
    assert got == ("InvalidArgument", message, arguments)


def test_a_destination_need_not_be_there_yet(told):
    wish = {"QueueConfigurations": [{"QueueArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:later", "Events": ["s3:ObjectCreated:*"], "Id": "i"}]}
    told.s3.put_bucket_notification_configuration(Bucket="shelf", NotificationConfiguration=wish, SkipDestinationValidation=True)
    assert told.s3.get_bucket_notification_configuration(Bucket="shelf")["QueueConfigurations"] == wish["QueueConfigurations"]
    told.configure()
    assert "QueueConfigurations" not in told.s3.get_bucket_notification_configuration(Bucket="shelf")


def test_one_event_has_one_way_to_go(told):
    both = [
        {"QueueArn": QUEUE_ARN, "Events": ["s3:ObjectCreated:*"], "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}}}
        for prefix in ("a", "ab")
    ]
    code, message, _ = error_of(
        told.s3.put_bucket_notification_configuration, Bucket="shelf", NotificationConfiguration={"QueueConfigurations": both}
    )
    assert code == "InvalidArgument" and message == (
        # cdk-preflight's pf-s3-notification-overlapping-filters, of AWS
        "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are overlapping for the same event type."
    )
    bare = [{"QueueArn": QUEUE_ARN, "Events": ["s3:ObjectCreated:*"]}] * 2
    _, message, _ = error_of(told.s3.put_bucket_notification_configuration, Bucket="shelf", NotificationConfiguration={"QueueConfigurations": bare})
    assert message.startswith("Configurations overlap.")
    both[0]["Filter"]["Key"]["FilterRules"][0]["Value"] = "c"
    told.s3.put_bucket_notification_configuration(Bucket="shelf", NotificationConfiguration={"QueueConfigurations": both})
