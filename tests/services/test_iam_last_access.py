"""Which services an identity used, and which of its policies open them."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

ACCOUNT = "111111111111"


def policy(*actions: str, effect: str = "Allow", element: str = "Action") -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": effect, element: list(actions), "Resource": "*"}]})


@pytest.fixture
def iam(cloud):
    return cloud.client("iam", key=ACCOUNT)


def user(cloud, iam, name: str):
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"key": key["AccessKeyId"], "secret": key["SecretAccessKey"]}


def report(iam, arn: str) -> dict:
    job = iam.generate_service_last_accessed_details(Arn=arn)["JobId"]
    reply = iam.get_service_last_accessed_details(JobId=job)
    assert (reply["JobStatus"], reply["IsTruncated"]) == ("COMPLETED", False)
    return {one["ServiceNamespace"]: one for one in reply["ServicesLastAccessed"]}


def test_a_user_s_report_tells_of_each_service_its_policies_open(cloud, iam):
    keys = user(cloud, iam, "u")
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=policy("sqs:*", "dynamodb:GetItem"))
    cloud.client("sqs", **keys).list_queues()
    used_at = cloud.now()
    cloud.sleep(1)
    found = report(iam, f"arn:aws:iam::{ACCOUNT}:user/u")
    assert found.keys() == {"sqs", "dynamodb"}
    assert found["sqs"]["ServiceName"] == "Amazon Simple Queue Service"
    assert found["sqs"]["LastAuthenticated"].timestamp() == int(used_at)
    assert found["sqs"]["LastAuthenticatedEntity"] == f"arn:aws:iam::{ACCOUNT}:user/u"
    assert (found["sqs"]["LastAuthenticatedRegion"], found["sqs"]["TotalAuthenticatedEntities"]) == ("us-east-1", 1)
    assert "LastAuthenticated" not in found["dynamodb"] and found["dynamodb"]["TotalAuthenticatedEntities"] == 0


def test_an_attempt_that_was_denied_counts_and_a_later_use_is_no_part_of_an_older_report(cloud, iam):
    keys = user(cloud, iam, "u")
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=policy("sqs:ListQueues", "logs:*"))
    with pytest.raises(ClientError):
        cloud.client("sqs", **keys).create_queue(QueueName="q")
    cloud.sleep(1)
    job = iam.generate_service_last_accessed_details(Arn=f"arn:aws:iam::{ACCOUNT}:user/u")["JobId"]
    cloud.client("logs", **keys).describe_log_groups()
    cloud.sleep(1)
    told = {one["ServiceNamespace"]: one for one in iam.get_service_last_accessed_details(JobId=job)["ServicesLastAccessed"]}
    assert "LastAuthenticated" in told["sqs"] and "LastAuthenticated" not in told["logs"]


def test_a_role_s_sessions_are_its_uses(cloud, iam):
    trust = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": trust})
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=policy("sqs:*"))
    keys = cloud.client("sts", key=ACCOUNT).assume_role(RoleArn=role, RoleSessionName="me")["Credentials"]
    cloud.client("sqs", key=keys["AccessKeyId"], secret=keys["SecretAccessKey"], token=keys["SessionToken"]).list_queues()
    cloud.sleep(1)
    assert report(iam, role)["sqs"]["LastAuthenticatedEntity"] == role


def test_a_group_s_and_a_policy_s_report_tell_who_used_it(cloud, iam):
    arn = iam.create_policy(PolicyName="p", PolicyDocument=policy("sqs:*"))["Policy"]["Arn"]
    iam.create_group(GroupName="g")
    iam.attach_group_policy(GroupName="g", PolicyArn=arn)
    keys = user(cloud, iam, "active")
    iam.create_user(UserName="idle")
    for name in ("active", "idle"):
        iam.add_user_to_group(GroupName="g", UserName=name)
    cloud.client("sqs", **keys).list_queues()
    cloud.sleep(1)
    for subject in (arn, f"arn:aws:iam::{ACCOUNT}:group/g"):
        job = iam.generate_service_last_accessed_details(Arn=subject)["JobId"]
        (service,) = iam.get_service_last_accessed_details(JobId=job)["ServicesLastAccessed"]
        assert service["TotalAuthenticatedEntities"] == 1
        told = iam.get_service_last_accessed_details_with_entities(JobId=job, ServiceNamespace="sqs")["EntityDetailsList"]
        assert {one["EntityInfo"]["Name"]: "LastAuthenticated" in one for one in told} == {"active": True, "idle": False}


def test_what_there_is_no_report_of_is_refused(iam):
    iam.create_user(UserName="u")
    for method, params in (
        (iam.generate_service_last_accessed_details, {"Arn": f"arn:aws:iam::{ACCOUNT}:user/nobody"}),
        (iam.generate_service_last_accessed_details, {"Arn": f"arn:aws:iam::{ACCOUNT}:mfa/device"}),
        (iam.get_service_last_accessed_details, {"JobId": "0" * 36}),
    ):
        with pytest.raises(iam.exceptions.NoSuchEntityException):
            method(**params)


def test_single_actions_are_told_with_who_last_tried_them(cloud, iam):
    # https://docs.aws.amazon.com/IAM/latest/APIReference/API_TrackedActionLastAccessed.html
    keys = user(cloud, iam, "u")
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=policy("sqs:ListQueues", "sqs:CreateQueue", "states:List*"))
    cloud.client("sqs", **keys).list_queues()
    cloud.client("stepfunctions", **keys).list_activities()
    cloud.sleep(1)
    job = iam.generate_service_last_accessed_details(Arn=f"arn:aws:iam::{ACCOUNT}:user/u", Granularity="ACTION_LEVEL")["JobId"]
    reply = iam.get_service_last_accessed_details(JobId=job)
    assert reply["JobType"] == "ACTION_LEVEL"
    told = {one["ServiceNamespace"]: one for one in reply["ServicesLastAccessed"]}
    assert "LastAuthenticated" in told["states"]
    actions = {one["ActionName"]: one for one in told["sqs"]["TrackedActionsLastAccessed"]}
    assert set(actions) == {"CreateQueue", "ListQueues"}
    assert actions["ListQueues"]["LastAccessedEntity"] == f"arn:aws:iam::{ACCOUNT}:user/u"
    assert actions["ListQueues"]["LastAccessedRegion"] == "us-east-1"
    assert "LastAccessedTime" not in actions["CreateQueue"]


def test_reports_are_kept_for_a_week(cloud, iam):
    user(cloud, iam, "u")
    job = iam.generate_service_last_accessed_details(Arn=f"arn:aws:iam::{ACCOUNT}:user/u")["JobId"]
    cloud.sleep(8 * 86_400)
    iam.generate_service_last_accessed_details(Arn=f"arn:aws:iam::{ACCOUNT}:user/u")
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_service_last_accessed_details(JobId=job)


def test_the_policies_that_open_a_service_are_listed_with_who_holds_them(iam):
    # https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListPoliciesGrantingServiceAccess.html
    iam.create_user(UserName="u")
    iam.create_group(GroupName="g")
    iam.add_user_to_group(GroupName="g", UserName="u")
    arn = iam.create_policy(PolicyName="managed", PolicyDocument=policy("s3:*", "sqs:*"))["Policy"]["Arn"]
    iam.attach_user_policy(UserName="u", PolicyArn=arn)
    iam.put_user_policy(UserName="u", PolicyName="own", PolicyDocument=policy("sqs:SendMessage"))
    iam.put_user_policy(UserName="u", PolicyName="denies", PolicyDocument=policy("sqs:*", effect="Deny"))
    iam.put_user_policy(UserName="u", PolicyName="spares", PolicyDocument=policy("sqs:*", element="NotAction"))
    iam.put_group_policy(GroupName="g", PolicyName="shared", PolicyDocument=policy("*"))
    reply = iam.list_policies_granting_service_access(Arn=f"arn:aws:iam::{ACCOUNT}:user/u", ServiceNamespaces=["sqs", "iam"])
    listed = {one["ServiceNamespace"]: one["Policies"] for one in reply["PoliciesGrantingServiceAccess"]}
    assert sorted(one["PolicyName"] for one in listed["sqs"]) == ["managed", "own", "shared"]
    assert sorted(one["PolicyName"] for one in listed["iam"]) == ["shared", "spares"]
    by_name = {one["PolicyName"]: one for one in listed["sqs"]}
    assert by_name["managed"] == {"PolicyName": "managed", "PolicyType": "MANAGED", "PolicyArn": arn}
    assert by_name["shared"] == {"PolicyName": "shared", "PolicyType": "INLINE", "EntityType": "GROUP", "EntityName": "g"}
