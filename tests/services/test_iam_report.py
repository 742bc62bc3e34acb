"""What IAM tells of credentials: the report, and the last use of a key.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_getting-report.html,
https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccessKeyLastUsed.html
"""

from __future__ import annotations

import csv
import json

import pytest
from botocore.exceptions import ClientError

ACCOUNT = "111111111111"


@pytest.fixture
def iam(cloud):
    return cloud.client("iam", key=ACCOUNT)


@pytest.fixture
def key(iam):
    iam.create_user(UserName="alice")
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="alice", PolicyName="p", PolicyDocument=document)
    made = iam.create_access_key(UserName="alice")["AccessKey"]
    return {"key": made["AccessKeyId"], "secret": made["SecretAccessKey"]}


def used(iam, key) -> dict:
    return iam.get_access_key_last_used(AccessKeyId=key["key"])["AccessKeyLastUsed"]


def test_the_last_use_of_a_key_is_known_from_every_region(make_cloud):
    cloud = make_cloud("us-east-1", "eu-west-1", "aws-global")
    iam = cloud.client("iam", key=ACCOUNT)
    iam.create_user(UserName="alice")
    made = iam.create_access_key(UserName="alice")["AccessKey"]
    key = {"key": made["AccessKeyId"], "secret": made["SecretAccessKey"]}
    assert used(iam, key) == {"ServiceName": "N/A", "Region": "N/A"}
    cloud.sleep(10)
    cloud.client("sts", "eu-west-1", **key).get_caller_identity()
    last = used(iam, key)
    assert (last["ServiceName"], last["Region"]) == ("sts", "eu-west-1")
    # A call that is refused is a use as well; within a minute no further one is noted by the same region.
    with pytest.raises(ClientError):
        cloud.client("sqs", "eu-west-1", **key).list_queues()
    assert used(iam, key) == last
    cloud.sleep(61)
    with pytest.raises(ClientError):
        cloud.client("sqs", "eu-west-1", **key).list_queues()
    now = used(iam, key)
    assert now["ServiceName"] == "sqs" and (now["LastUsedDate"] - last["LastUsedDate"]).seconds >= 61
    assert iam.get_access_key_last_used(AccessKeyId=key["key"])["UserName"] == "alice"
    cloud.sleep(61)
    with pytest.raises(ClientError):
        cloud.client("iam", **key).list_users()
    assert (used(iam, key)["ServiceName"], used(iam, key)["Region"]) == ("iam", "us-east-1")
    cloud.restart("aws-global", kill=True)
    assert used(iam, key)["ServiceName"] == "iam"


def test_a_wrong_signature_is_no_use_of_a_key(cloud, iam, key):
    with pytest.raises(ClientError):
        cloud.client("sts", key=key["key"], secret="a guess").get_caller_identity()
    assert used(iam, key)["ServiceName"] == "N/A"
    with pytest.raises(ClientError, match="cannot be found"):
        cloud.client("iam", key="222222222222").get_access_key_last_used(AccessKeyId=key["key"])


def test_the_last_use_of_a_role_is_that_of_its_sessions(cloud, iam, key):
    arn = f"arn:aws:iam::{ACCOUNT}:user/alice"
    trust = {"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    c = cloud.client("sts", **key).assume_role(RoleArn=role, RoleSessionName="me")["Credentials"]
    assert iam.get_role(RoleName="r")["Role"]["RoleLastUsed"] == {}
    session = {"key": c["AccessKeyId"], "secret": c["SecretAccessKey"], "token": c["SessionToken"]}
    cloud.client("sts", **session).get_caller_identity()
    used = iam.get_role(RoleName="r")["Role"]["RoleLastUsed"]
    assert used["Region"] == "us-east-1" and used["LastUsedDate"].year == 2030
    iam.delete_role(RoleName="r")
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=document)
    assert iam.get_role(RoleName="r")["Role"]["RoleLastUsed"] == {}


def test_a_role_s_duration_goes_back_to_an_hour_and_its_description_stays(iam):
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateRole.html"""
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=document, MaxSessionDuration=7200, Description="")
    assert iam.get_role(RoleName="r")["Role"]["Description"] == ""
    iam.update_role(RoleName="r", Description="d")
    role = iam.get_role(RoleName="r")["Role"]
    assert (role["MaxSessionDuration"], role["Description"]) == (3600, "d")


def test_the_report_has_a_line_for_everybody(cloud, iam, key):
    with pytest.raises(ClientError, match="ReportNotPresent"):
        iam.get_credential_report()
    iam.create_user(UserName="bob")
    iam.create_login_profile(UserName="bob", Password="Correct-horse1")
    iam.update_account_password_policy(MaxPasswordAge=30)
    cloud.client("sts", **key).get_caller_identity()
    assert iam.generate_credential_report()["State"] == "STARTED"
    assert iam.generate_credential_report()["State"] == "COMPLETE"
    reply = iam.get_credential_report()
    root, alice, bob = csv.DictReader(reply["Content"].decode().splitlines())
    assert reply["ReportFormat"] == "text/csv"
    assert (root["user"], root["arn"]) == ("<root_account>", f"arn:aws:iam::{ACCOUNT}:root")
    assert (root["password_enabled"], root["access_key_1_active"]) == ("true", "false")
    assert alice["user_creation_time"].startswith("2030-01-01T00:0") and alice["password_enabled"] == "false"
    assert (alice["access_key_1_active"], alice["access_key_1_last_used_service"]) == ("true", "sts")
    assert (alice["access_key_2_active"], alice["access_key_2_last_rotated"]) == ("false", "N/A")
    assert (bob["password_enabled"], bob["password_last_used"]) == ("true", "no_information")
    assert bob["password_next_rotation"].startswith("2030-01-31T") and bob["mfa_active"] == "false"


def test_a_report_stands_for_four_hours(cloud, iam):
    iam.generate_credential_report()
    iam.create_user(UserName="late")
    iam.generate_credential_report()
    assert b"late" not in iam.get_credential_report()["Content"]
    cloud.sleep(4 * 3600)
    with pytest.raises(ClientError, match="ReportExpired"):
        iam.get_credential_report()
    assert iam.generate_credential_report()["State"] == "STARTED"
    assert b"late" in iam.get_credential_report()["Content"]


def test_root_who_asks_for_itself_is_told_its_account(cloud, iam):
    me = iam.get_user()["User"]
    assert (me["Arn"], me["UserId"]) == (f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT)
    cloud.sleep(100)
    assert iam.get_user()["User"] == me


def test_names_and_paths_are_refused_in_iam_s_own_words(iam):
    for method, params, text in (
        (
            iam.create_user,
            {"UserName": "a", "Path": "x"},
            "value for path is invalid. It must begin and end with /",
        ),
        (
            iam.create_user,
            {"UserName": "a b"},
            "value for userName is invalid. It must contain only alphanumeric",
        ),
        (iam.create_group, {"GroupName": "a/b"}, "value for groupName is invalid"),
    ):
        with pytest.raises(ClientError, match=text):
            method(**params)


def test_an_access_point_is_a_resource_of_its_region(iam):
    statement = {
        "Effect": "Allow",
        "Action": "s3:*",
        "Resource": "arn:aws:s3:us-west-2:111111111111:accesspoint/a/object/*",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    assert iam.create_policy(PolicyName="p", PolicyDocument=document)["Policy"]["Arn"]
