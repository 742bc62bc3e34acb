"""Subscriptions of log groups: to functions, to streams, to destinations of other accounts. Texts of refusals:
localstack's TestCloudWatchLogs::test_put_subscription_filter_lambda and its kin."""

from __future__ import annotations

import gzip
import json

import pytest
from botocore.exceptions import ClientError
from lambda_workshop import invoke, make, settle
from log_workshop import ACCOUNT, kinesis, role, said
from refusals import refused

OTHER = "222222222222"
CODE = """
import base64, gzip, json
seen = []
def handler(event, context):
    if "awslogs" in event:
        seen.append(json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"]))))
    return seen
"""


@pytest.fixture
def logs(cloud):
    client = cloud.client("logs")
    client.create_log_group(logGroupName="g")
    client.create_log_stream(logGroupName="g", logStreamName="s")
    return client


def write(cloud, logs, *messages: str, group="g") -> None:
    at = int(cloud.now() * 1000)
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=[{"timestamp": at, "message": each} for each in messages])
    cloud.sleep(1)


def subscribe(logs, arn: str, pattern: str = "", name: str = "f", **more) -> None:
    logs.put_subscription_filter(logGroupName="g", filterName=name, filterPattern=pattern, destinationArn=arn, **more)


def test_a_function_hears_what_its_filter_wants(cloud, logs):
    arn = make(cloud, CODE)["FunctionArn"]
    assert refused(subscribe, logs, arn) == (
        "InvalidParameterException",
        "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to execute your function.",
    )
    cloud.client("lambda").add_permission(FunctionName="f", StatementId="l", Action="lambda:InvokeFunction", Principal="logs.amazonaws.com")
    subscribe(logs, arn, "ERROR")
    write(cloud, logs, "INFO a", "ERROR b", "ERROR c")
    for _ in range(100):
        settle(cloud)
        if heard := invoke(cloud)["Payload"]:
            break
    (told,) = heard  # and not of the subscription: test_put_subscription_filter_lambda
    assert (told["owner"], told["logGroup"], told["logStream"], told["subscriptionFilters"]) == (ACCOUNT, "g", "s", ["f"])
    assert [event["message"] for event in told["logEvents"]] == ["ERROR b", "ERROR c"]
    found = {event["message"]: event["eventId"] for event in logs.filter_log_events(logGroupName="g")["events"]}
    assert [event["id"] for event in told["logEvents"]] == [found["ERROR b"], found["ERROR c"]]


def test_a_stream_gets_every_batch_in_order_and_a_kill_loses_none(cloud, logs):
    arn = kinesis(cloud)
    assert refused(subscribe, logs, arn)[0] == "InvalidParameterException"
    subscribe(logs, arn, roleArn=role(cloud, "logs.us-east-1.amazonaws.com"))
    for number in range(10):
        at = int(cloud.now() * 1000)
        logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=[{"timestamp": at, "message": str(number)}])
        cloud.restart(kill=number % 3 == 0)
    cloud.sleep(60)
    assert [event["message"] for each in said(cloud) for event in each["logEvents"]] == [str(number) for number in range(10)]


def test_filters_are_described_replaced_and_two_at_most(cloud, logs):
    arn, sender = kinesis(cloud), role(cloud)
    subscribe(logs, arn, "a", roleArn=sender)
    subscribe(logs, arn, "b", roleArn=sender, distribution="Random")
    (shown,) = logs.describe_subscription_filters(logGroupName="g")["subscriptionFilters"]
    # Recorded: localstack's test_put_subscription_filter_kinesis has applyOnTransformedLogs.
    assert shown.pop("creationTime") and shown == {
        "applyOnTransformedLogs": False,
        "filterName": "f", "logGroupName": "g", "filterPattern": "b", "destinationArn": arn, "roleArn": sender, "distribution": "Random",
    }  # fmt: skip
    subscribe(logs, arn, name="second", roleArn=sender)
    assert refused(subscribe, logs, arn, name="third", roleArn=sender) == ("LimitExceededException", "Resource limit exceeded.")
    logs.delete_subscription_filter(logGroupName="g", filterName="f")
    assert refused(logs.delete_subscription_filter, logGroupName="g", filterName="f")[0] == "ResourceNotFoundException"
    assert refused(subscribe, logs, "arn:aws:sqs:us-east-1:000000000000:q")[0] == "InvalidParameterException"


def test_a_destination_takes_what_other_accounts_log_as_its_policy_says(cloud, logs):
    arn, sender = kinesis(cloud, OTHER), role(cloud, account=OTHER)
    theirs = cloud.client("logs", key=OTHER)
    made = theirs.put_destination(destinationName="central", targetArn=arn, roleArn=sender)["destination"]
    assert refused(subscribe, logs, made["arn"])[1].startswith(f"User with accountId: {ACCOUNT} is not authorized")
    statement = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "logs:PutSubscriptionFilter", "Resource": made["arn"]}
    theirs.put_destination_policy(destinationName="central", accessPolicy=json.dumps({"Version": "2012-10-17", "Statement": statement}))
    subscribe(logs, made["arn"])
    write(cloud, logs, "x")
    (told,) = said(cloud, OTHER)
    assert (told["owner"], told["logEvents"][0]["message"]) == (ACCOUNT, "x")
    (shown,) = theirs.describe_destinations()["destinations"]
    assert (shown["targetArn"], json.loads(shown["accessPolicy"])["Statement"]) == (arn, statement)
    theirs.delete_destination(destinationName="central")
    assert refused(subscribe, logs, made["arn"])[1] == "Could not find the specified destination."


def test_a_destination_is_tagged_by_its_arn(cloud, logs):
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_TagResource.html"""
    arn = logs.put_destination(destinationName="central", targetArn=kinesis(cloud), roleArn=role(cloud), tags={"a": "1"})["destination"]["arn"]
    logs.tag_resource(resourceArn=arn, tags={"b": "2"})
    logs.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"b": "2"}


def test_a_destination_may_be_open_to_its_organization(cloud, logs):
    """As https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CreateDestination.html writes it."""
    theirs = cloud.client("logs", key=OTHER)
    arn = theirs.put_destination(destinationName="central", targetArn=kinesis(cloud, OTHER), roleArn=role(cloud, account=OTHER))["destination"]["arn"]
    garden = cloud.client("organizations", key=OTHER)
    id_ = garden.create_organization()["Organization"]["Id"]
    own = {"StringEquals": {"aws:PrincipalOrgID": [id_]}}
    statement = {"Effect": "Allow", "Principal": "*", "Action": "logs:PutSubscriptionFilter", "Resource": arn, "Condition": own}
    theirs.put_destination_policy(destinationName="central", accessPolicy=json.dumps({"Version": "2012-10-17", "Statement": statement}))
    assert refused(subscribe, logs, arn)[1].startswith(f"User with accountId: {ACCOUNT} is not authorized")
    invitation = garden.invite_account_to_organization(Target={"Id": ACCOUNT, "Type": "ACCOUNT"})["Handshake"]["Id"]
    cloud.client("organizations").accept_handshake(HandshakeId=invitation)
    subscribe(logs, arn)
    write(cloud, logs, "x")
    assert [event["message"] for each in said(cloud, OTHER) for event in each["logEvents"]] == ["x"]


def test_the_policy_of_a_destination_may_name_a_service_as_an_account(cloud, logs):
    # Recorded: localstack's test_put_destination_policy.
    arn = kinesis(cloud)
    logs.put_destination(destinationName="central", targetArn=arn, roleArn=role(cloud))
    statement = {"Effect": "Allow", "Principal": {"AWS": "logs.amazonaws.com"}, "Action": "logs:PutSubscriptionFilter", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    logs.put_destination_policy(destinationName="central", accessPolicy=policy)
    assert logs.describe_destinations()["destinations"][0]["accessPolicy"] == policy
    for wrong in ("{", json.dumps({"Version": "2012-10-17", "Statement": [{**statement, "Principal": {"AWS": "somebody"}}]})):
        with pytest.raises(ClientError, match="Error occurred while parsing accessPolicy"):
            logs.put_destination_policy(destinationName="central", accessPolicy=wrong)


def test_a_destination_must_lead_somewhere(cloud, logs):
    """S30 of the handbook as it is written: its account is a word."""
    sender = role(cloud)
    for target in ("arn:aws:firehose:us-east-1:account:deliverystream/central-logs", "arn:aws:firehose:us-east-1:000000000000:deliverystream/none"):
        assert refused(logs.put_destination, destinationName="c", targetArn=target, roleArn=sender) == (
            "InvalidParameterException", "Could not deliver test message to specified destination. Check if the destination is valid.",
        )  # fmt: skip


def test_what_is_logged_ends_in_a_bucket(cloud, logs):
    s3, sender = cloud.client("s3"), role(cloud)
    s3.create_bucket(Bucket="central-files")
    cloud.client("firehose").create_delivery_stream(
        DeliveryStreamName="central-logs",
        S3DestinationConfiguration={"RoleARN": sender, "BucketARN": "arn:aws:s3:::central-files", "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 60}},
    )
    target = f"arn:aws:firehose:us-east-1:{ACCOUNT}:deliverystream/central-logs"
    made = logs.put_destination(destinationName="c", targetArn=target, roleArn=sender)["destination"]
    subscribe(logs, made["arn"])
    write(cloud, logs, "one", "two")
    cloud.sleep(70)
    (file,) = s3.list_objects_v2(Bucket="central-files")["Contents"]
    body = s3.get_object(Bucket="central-files", Key=file["Key"])["Body"].read()
    told = [json.loads(line) for line in gzip.decompress(body).decode().replace("}{", "}\n{").splitlines()]
    assert [event["message"] for each in told for event in each["logEvents"] if each["messageType"] == "DATA_MESSAGE"] == ["one", "two"]
