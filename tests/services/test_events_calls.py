"""EventBridge hears of calls that a trail of CloudTrail keeps.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
"""

from __future__ import annotations

import json

import pytest
from refusals import refused
from test_events_rules import ACCOUNT, queue, received, rule

US, EU, GLOBAL = "us-east-1", "eu-west-1", "aws-global"
VIA = "AWS API Call via CloudTrail"
BUCKET = "trail-files"


@pytest.fixture
def cloud(make_cloud):
    return make_cloud(US, EU, GLOBAL)


def trail(cloud, **more):
    s3, trails = cloud.client("s3"), cloud.client("cloudtrail")
    s3.create_bucket(Bucket=BUCKET)
    allow = {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": ["s3:GetBucketAcl", "s3:PutObject"]}
    document = {"Version": "2012-10-17", "Statement": {**allow, "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]}}
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(document))
    trails.create_trail(Name="main", S3BucketName=BUCKET, **more)
    trails.start_logging(Name="main")
    return trails


def hears(cloud, detail: dict | None = None, *, region: str = US, **more) -> None:
    """A queue hears of such calls."""
    pattern = {"detail-type": [VIA]} | ({"detail": detail} if detail else {})
    rule(cloud, {"Id": "q", "Arn": queue(cloud, region=region)}, region=region, pattern=json.dumps(pattern), **more)


def heard(cloud, region: str = US) -> list[dict]:
    cloud.sleep(3)
    return [json.loads(each["Body"]) for each in received(cloud, region=region)]


def test_a_rule_hears_of_a_call_as_the_trail_has_it(cloud):
    trails = trail(cloud)
    hears(cloud, {"eventSource": ["s3.amazonaws.com"], "eventName": ["CreateBucket"]})
    cloud.client("s3").create_bucket(Bucket="shop")
    (event,) = heard(cloud)
    detail = event.pop("detail")
    assert {name: event[name] for name in ("source", "detail-type", "account", "region", "resources")} == {
        "source": "aws.s3", "detail-type": VIA, "account": ACCOUNT, "region": US, "resources": [],
    }  # fmt: skip
    found = trails.lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "CreateBucket"}])["Events"][0]
    assert detail == json.loads(found["CloudTrailEvent"])
    assert (detail["requestParameters"]["bucketName"], detail["readOnly"]) == ("shop", False)


def test_without_a_trail_that_logs_nobody_hears_of_calls(cloud):
    hears(cloud, {"eventName": ["CreateQueue"]})
    cloud.client("sqs").create_queue(QueueName="a")
    trails = trail(cloud)
    trails.stop_logging(Name="main")
    cloud.client("sqs").create_queue(QueueName="b")
    assert heard(cloud) == []
    trails.start_logging(Name="main")
    cloud.client("sqs").create_queue(QueueName="c")
    assert [each["detail"]["requestParameters"]["queueName"] for each in heard(cloud)] == ["c"]


def test_a_refused_call_is_heard_of_with_its_error(cloud):
    trail(cloud)
    hears(cloud, {"errorCode": [{"exists": True}]})
    assert refused(cloud.client("sqs").delete_queue, QueueUrl=f"http://sqs/{ACCOUNT}/none")[0] == "AWS.SimpleQueueService.NonExistentQueue"
    (event,) = heard(cloud)
    assert (event["source"], event["detail"]["eventName"]) == ("aws.sqs", "DeleteQueue") and event["detail"]["errorCode"]


def test_only_rules_that_say_so_hear_of_calls_that_read(cloud):
    trail(cloud)
    hears(cloud, {"eventSource": ["sqs.amazonaws.com"], "eventName": ["ListQueues"]})
    cloud.client("sqs").list_queues()
    assert heard(cloud) == []
    events = cloud.client("events")
    pattern = json.dumps({"detail": {"eventName": ["ListQueues"]}})
    events.put_rule(Name="r", EventPattern=pattern, State="ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS")
    assert events.describe_rule(Name="r")["State"] == "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
    cloud.client("sqs").list_queues()
    (event,) = heard(cloud)
    assert event["detail"]["readOnly"] is True


def test_what_is_called_in_services_without_a_region_is_heard_in_virginia_within_seconds(cloud):
    trail(cloud, IsMultiRegionTrail=True)
    for region in (US, EU):
        hears(cloud, {"eventSource": ["iam.amazonaws.com"]}, region=region)
    cloud.client("iam").create_user(UserName="ann")
    (event,) = heard(cloud)
    assert (event["source"], event["region"], event["detail"]["eventName"]) == ("aws.iam", US, "CreateUser")
    cloud.sleep(600)
    assert heard(cloud) == heard(cloud, EU) == []


def test_calls_on_data_are_heard_of_where_the_trail_keeps_them(cloud):
    trails = trail(cloud)
    cloud.client("s3").create_bucket(Bucket="shop")
    hears(cloud, {"eventName": ["PutObject"]})
    cloud.client("s3").put_object(Bucket="shop", Key="a", Body=b"")
    assert heard(cloud) == []
    selector = {"ReadWriteType": "All", "DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::shop/"]}]}
    trails.put_event_selectors(TrailName="main", EventSelectors=[selector])
    cloud.client("s3").put_object(Bucket="shop", Key="b", Body=b"")
    (event,) = heard(cloud)
    assert (event["detail"]["requestParameters"]["key"], event["detail"]["managementEvent"]) == ("b", False)


def test_a_trail_that_keeps_no_writes_tells_of_none(cloud):
    trails = trail(cloud)
    trails.put_event_selectors(TrailName="main", EventSelectors=[{"ReadWriteType": "ReadOnly", "IncludeManagementEvents": True}])
    hears(cloud, {"eventName": ["CreateTopic"]})
    cloud.client("sns").create_topic(Name="t")
    assert heard(cloud) == []


def test_what_was_answered_is_heard_of_after_a_kill(cloud):
    trail(cloud)
    hears(cloud, {"eventName": ["CreateTopic"]})
    for number in range(5):
        cloud.client("sns").create_topic(Name=f"t{number}")
        cloud.restart(kill=True)
    assert {each["detail"]["requestParameters"]["name"] for each in heard(cloud)} == {f"t{number}" for number in range(5)}


def test_what_eventbridge_asks_itself_to_deliver_an_event_is_no_event(cloud):
    """Or it would not end: a rule that hears of everything, with a log group as its target."""
    trail(cloud)
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName="/aws/events/calls")
    statement = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "*"}
    logs.put_resource_policy(policyName="p", policyDocument=json.dumps({"Version": "2012-10-17", "Statement": statement}))
    target = {"Id": "l", "Arn": f"arn:aws:logs:{US}:{ACCOUNT}:log-group:/aws/events/calls"}
    rule(cloud, target, pattern=json.dumps({"detail-type": [VIA]}), State="ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS")
    cloud.client("sns").create_topic(Name="t")
    cloud.sleep(60)
    told = [json.loads(each["message"])["detail"] for each in logs.filter_log_events(logGroupName="/aws/events/calls")["events"]]
    assert "CreateTopic" in {each["eventName"] for each in told}
    assert not [each for each in told if each["userIdentity"].get("invokedBy") == "events.amazonaws.com"]
