"""What a service asks of others for whoever called it: the same principal, and the services that passed on what he asked.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access_forward_access_sessions.html
"""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

KEYS = {"KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}], "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}], "BillingMode": "PAY_PER_REQUEST"}
TOPIC = json.dumps({"Resources": {"T": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "made"}}}})


def allow(action, **conditions):
    return {"Effect": "Allow", "Action": action, "Resource": "*", **({"Condition": conditions} if conditions else {})}


def deny(action, **conditions):
    return {**allow(action, **conditions), "Effect": "Deny"}


class Ann:
    def __init__(self, cloud) -> None:
        self.cloud, self.iam = cloud, cloud.client("iam")
        self.iam.create_user(UserName="ann")
        key = self.iam.create_access_key(UserName="ann")["AccessKey"]
        self.keys = {"key": key["AccessKeyId"], "secret": key["SecretAccessKey"]}

    def may(self, *statements) -> None:
        self.iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}))

    def __getattr__(self, service: str):
        return self.cloud.client(service, **self.keys)


@pytest.fixture
def ann(cloud):
    return Ann(cloud)


def stack(cloud, ann, body: str, **more) -> str:
    """The status that it came to."""
    ann.cloudformation.create_stack(StackName="s", TemplateBody=body, **more)
    for _ in range(30):
        cloud.sleep(1)
        status = cloud.client("cloudformation").describe_stacks(StackName="s")["Stacks"][0]["StackStatus"]
        if not status.endswith("PROGRESS"):
            break
    return status


def test_kms_knows_by_whom_it_is_called_and_that_nobody_called_directly(cloud, ann):
    key = cloud.client("kms").create_key()["KeyMetadata"]["Arn"]
    cloud.client("dynamodb").create_table(TableName="table", **KEYS, SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key})
    via = {"ForAnyValue:StringEquals": {"aws:CalledVia": "dynamodb.amazonaws.com"}}
    ann.may(allow("dynamodb:*"), allow("kms:*", **via, Bool={"aws:ViaAWSService": "true"}, StringEquals={"kms:ViaService": "dynamodb.us-east-1.amazonaws.com"}))
    ann.dynamodb.put_item(TableName="table", Item={"id": {"S": "1"}})
    with pytest.raises(ClientError, match="AccessDenied"):
        ann.kms.describe_key(KeyId=key)
    cloud.sleep(600)  # DynamoDB keeps a key open for five minutes
    ann.may(allow("dynamodb:*"), allow("kms:*", **{"ForAnyValue:StringEquals": {"aws:CalledVia": "s3.amazonaws.com"}}))
    with pytest.raises(ClientError, match="AccessDenied"):
        ann.dynamodb.get_item(TableName="table", Key={"id": {"S": "1"}})


def test_a_stack_without_a_role_is_made_for_who_made_it_and_names_the_chain(cloud, ann):
    first = {"StringEquals": {"aws:CalledViaFirst": "cloudformation.amazonaws.com"}}
    last = {"StringEquals": {"aws:CalledViaFirst": "cloudformation.amazonaws.com", "aws:CalledViaLast": "dynamodb.amazonaws.com"}}
    ann.may(allow("cloudformation:*"), allow("dynamodb:*", **first), allow("kms:*", **last))
    key = cloud.client("kms").create_key()["KeyMetadata"]["Arn"]
    table = {**KEYS, "TableName": "table", "SSESpecification": {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": key}}
    assert stack(cloud, ann, json.dumps({"Resources": {"T": {"Type": "AWS::DynamoDB::Table", "Properties": table}}})) == "CREATE_COMPLETE"
    with pytest.raises(ClientError, match="AccessDenied"):
        ann.dynamodb.describe_table(TableName="table")


def test_a_role_that_a_service_assumes_is_nobody_for_whom_it_asks(cloud, ann):
    trust = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": "cloudformation.amazonaws.com"}, "Action": "sts:AssumeRole"}}
    role = ann.iam.create_role(RoleName="maker", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    document = {"Version": "2012-10-17", "Statement": [allow("sns:*"), deny("*", Bool={"aws:ViaAWSService": "true"}), deny("*", Null={"aws:CalledVia": "false"})]}
    ann.iam.put_role_policy(RoleName="maker", PolicyName="p", PolicyDocument=json.dumps(document))
    ann.may(allow("cloudformation:*"), allow("iam:PassRole"))
    assert stack(cloud, ann, TOPIC, RoleARN=role) == "CREATE_COMPLETE"


def test_what_is_passed_on_comes_from_the_address_of_who_asked_first(cloud, ann):
    elsewhere = {"NotIpAddress": {"aws:SourceIp": "127.0.0.0/8"}}
    ann.may(allow("*"), deny("sns:*", **elsewhere))
    assert stack(cloud, ann, TOPIC) == "CREATE_COMPLETE"
    ann.may(allow("*"), deny("sns:*", Bool={"aws:ViaAWSService": "false"}))
    with pytest.raises(ClientError, match="explicit deny"):
        ann.sns.list_topics()


def test_the_trail_names_the_service_by_which_somebody_asked(cloud, ann):
    """https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html: invokedBy."""
    ann.may(allow("*"))
    assert stack(cloud, ann, TOPIC) == "CREATE_COMPLETE"
    found = cloud.client("cloudtrail").lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "CreateTopic"}])["Events"]
    event = json.loads(found[0]["CloudTrailEvent"])
    assert (event["userIdentity"]["invokedBy"], event["sourceIPAddress"]) == ("cloudformation.amazonaws.com",) * 2
    assert event["userIdentity"]["userName"] == "ann"


# Tags of sessions ----------------------------------------------------------------------------------


def test_tags_of_a_session_go_on_to_the_next_role_where_they_are_said_to_be_transitive(cloud, ann):
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html"""
    trust = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": "000000000000"}, "Action": ["sts:AssumeRole", "sts:TagSession"]}}
    mine = {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}
    arns = []
    for name in ("first", "second"):
        arns.append(ann.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust), Tags=[{"Key": "desk", "Value": name}])["Role"]["Arn"])
        document = {"Version": "2012-10-17", "Statement": [allow("sts:*"), allow("sqs:*", **mine)]}
        ann.iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(document))
    ann.may(allow("sts:*"))
    tags = [{"Key": "team", "Value": "a"}, {"Key": "mood", "Value": "good"}]
    keys = ann.sts.assume_role(RoleArn=arns[0], RoleSessionName="session", Tags=tags, TransitiveTagKeys=["team"])["Credentials"]
    urls = [cloud.client("sqs").create_queue(QueueName=f"q{team}", tags={"team": team, "desk": "second"})["QueueUrl"] for team in "ab"]
    for arn in (None, arns[1]):
        if arn:
            keys = cloud.client("sts", key=keys["AccessKeyId"], secret=keys["SecretAccessKey"], token=keys["SessionToken"]).assume_role(RoleArn=arn, RoleSessionName="session")["Credentials"]
        sqs = cloud.client("sqs", key=keys["AccessKeyId"], secret=keys["SecretAccessKey"], token=keys["SessionToken"])
        sqs.send_message(QueueUrl=urls[0], MessageBody="x")
        with pytest.raises(ClientError, match="AccessDenied"):
            sqs.send_message(QueueUrl=urls[1], MessageBody="x")
    # What was not transitive stays behind; the role's own tags are the principal's, too.
    by_desk = {"StringEquals": {"aws:ResourceTag/desk": "${aws:PrincipalTag/desk}"}, "Null": {"aws:PrincipalTag/mood": "true"}}
    ann.iam.put_role_policy(RoleName="second", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": allow("sqs:*", **by_desk)}))
    sqs.send_message(QueueUrl=urls[1], MessageBody="x")
