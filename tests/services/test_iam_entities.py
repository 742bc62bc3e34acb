"""IAM's users, groups, roles, policies and keys through a real client.

Texts of refusals as users met them: https://github.com/hashicorp/terraform/issues/29147 (groups),
https://github.com/99designs/iamy/pull/68 (instance profiles), https://github.com/getmoto/moto/pull/2504 (roles and users).
"""

from __future__ import annotations

import base64
import json
import re

import pytest
from refusals import refused

ACCOUNT = "111111111111"


def policy(*statements, **more) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements), **more})


ALLOW = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}
TRUST = policy(
    {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
)


@pytest.fixture
def iam(cloud):
    return cloud.client("iam", key=ACCOUNT)


def made_policy(iam, name="p", *statements) -> str:
    return iam.create_policy(PolicyName=name, PolicyDocument=policy(*(statements or (ALLOW,))))["Policy"][
        "Arn"
    ]


# Users ---------------------------------------------------------------------------------------------


def test_a_user_is_answered_as_it_was_made(iam):
    made = iam.create_user(
        UserName="alice", Path="/team/", Tags=[{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "1"}]
    )["User"]
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/team/alice"
    assert re.fullmatch(r"AIDA[A-Z2-7]{17}", made["UserId"])
    assert made["CreateDate"].year == 2030
    found = iam.get_user(UserName="alice")["User"]
    assert found == {**made, "Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]}
    assert "Tags" not in iam.list_users()["Users"][0]


def test_names_differ_by_more_than_case(iam):
    iam.create_user(UserName="Alice")
    assert refused(iam.create_user, UserName="alice") == (
        "EntityAlreadyExists",
        "User with name alice already exists.",
    )
    assert iam.get_user(UserName="ALICE")["User"]["UserName"] == "Alice"


def test_what_is_not_there_is_named(iam):
    assert refused(iam.get_user, UserName="x") == ("NoSuchEntity", "The user with name x cannot be found.")
    assert refused(iam.get_group, GroupName="x") == ("NoSuchEntity", "The group with name x cannot be found.")
    assert refused(iam.get_role, RoleName="x") == ("NoSuchEntity", "The role with name x cannot be found.")
    arn = f"arn:aws:iam::{ACCOUNT}:policy/x"
    assert refused(iam.get_policy, PolicyArn=arn) == ("NoSuchEntity", f"Policy {arn} was not found.")
    expected = ("NoSuchEntity", "Instance Profile x cannot be found.")
    assert refused(iam.get_instance_profile, InstanceProfileName="x") == expected
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)
    expected = ("NoSuchEntity", "The role policy with name x cannot be found.")
    assert refused(iam.get_role_policy, RoleName="r", PolicyName="x") == expected
    expected = ("NoSuchEntity", f"Policy {arn} does not exist or is not attachable.")
    assert refused(iam.attach_role_policy, RoleName="r", PolicyArn=arn) == expected


def test_listings_are_sorted_filtered_by_path_and_paged(iam):
    for name, path in (("carol", "/a/"), ("alice", "/a/"), ("bob", "/b/")):
        iam.create_user(UserName=name, Path=path)
    assert [u["UserName"] for u in iam.list_users(PathPrefix="/a/")["Users"]] == ["alice", "carol"]
    first = iam.list_users(MaxItems=2)
    assert first["IsTruncated"] and [u["UserName"] for u in first["Users"]] == ["alice", "bob"]
    rest = iam.list_users(Marker=first["Marker"])
    assert not rest["IsTruncated"] and [u["UserName"] for u in rest["Users"]] == ["carol"]
    assert refused(iam.list_users, Marker="10") == ("ValidationError", "Invalid Marker.")
    before_the_first = base64.urlsafe_b64encode(base64.urlsafe_b64decode(first["Marker"]).replace(b":", b":-")).decode()
    assert refused(iam.list_users, Marker=before_the_first) == ("ValidationError", "Invalid Marker.")
    for n in range(101):
        iam.create_user(UserName=f"worker-{n:03}", Path="/w/")
    assert len(iam.list_users(PathPrefix="/w/")["Users"]) == 100  # AWS's page where nobody asks for another
    pages = iam.get_paginator("list_users").paginate(PathPrefix="/", PaginationConfig={"PageSize": 40})
    assert len([user for page in pages for user in page["Users"]]) == 104
    pages = iam.get_paginator("list_users").paginate(PathPrefix="/a/", PaginationConfig={"PageSize": 1})
    assert len([user for page in pages for user in page["Users"]]) == 2


def test_a_renamed_user_keeps_id_keys_and_rights(cloud, iam):
    user = iam.create_user(UserName="old")["User"]
    key = iam.create_access_key(UserName="old")["AccessKey"]
    iam.put_user_policy(UserName="old", PolicyName="p", PolicyDocument=policy(ALLOW))
    iam.update_user(UserName="old", NewUserName="new", NewPath="/moved/")
    found = iam.get_user(UserName="new")["User"]
    assert (found["UserId"], found["Arn"]) == (user["UserId"], f"arn:aws:iam::{ACCOUNT}:user/moved/new")
    pair = {"key": key["AccessKeyId"], "secret": key["SecretAccessKey"]}
    assert cloud.client("sts", **pair).get_caller_identity()["Arn"] == found["Arn"]
    cloud.client("sqs", **pair).create_queue(QueueName="q")
    assert refused(iam.get_user, UserName="old")[0] == "NoSuchEntity"


def test_a_user_is_deleted_only_bare(iam):
    iam.create_user(UserName="alice")
    iam.create_group(GroupName="g")
    iam.add_user_to_group(GroupName="g", UserName="alice")
    key = iam.create_access_key(UserName="alice")["AccessKey"]["AccessKeyId"]
    arn = made_policy(iam)
    iam.attach_user_policy(UserName="alice", PolicyArn=arn)
    iam.put_user_policy(UserName="alice", PolicyName="in", PolicyDocument=policy(ALLOW))
    steps = (
        (
            "must remove users from group first.",
            lambda: iam.remove_user_from_group(GroupName="g", UserName="alice"),
        ),
        ("must delete access keys first.", lambda: iam.delete_access_key(UserName="alice", AccessKeyId=key)),
        ("must detach all policies first.", lambda: iam.detach_user_policy(UserName="alice", PolicyArn=arn)),
        ("must delete policies first.", lambda: iam.delete_user_policy(UserName="alice", PolicyName="in")),
    )
    for text, step in steps:
        assert refused(iam.delete_user, UserName="alice") == (
            "DeleteConflict",
            f"Cannot delete entity, {text}",
        )
        step()
    iam.delete_user(UserName="alice")
    assert iam.list_users()["Users"] == []


def test_tags_are_told_apart_without_regard_to_case(iam):
    iam.create_user(UserName="alice", Tags=[{"Key": "Team", "Value": "red"}])
    iam.tag_user(UserName="alice", Tags=[{"Key": "team", "Value": "blue"}, {"Key": "x", "Value": ""}])
    tags = [{"Key": "team", "Value": "blue"}, {"Key": "x", "Value": ""}]
    assert iam.list_user_tags(UserName="alice")["Tags"] == tags
    iam.untag_user(UserName="alice", TagKeys=["TEAM"])
    assert iam.list_user_tags(UserName="alice")["Tags"] == tags[1:]
    twice = [{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]
    expected = ("InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    assert refused(iam.tag_user, UserName="alice", Tags=twice) == expected


# Access keys ---------------------------------------------------------------------------------------


def test_a_key_shows_its_secret_once_and_there_are_two_at_most(iam):
    iam.create_user(UserName="alice")
    key = iam.create_access_key(UserName="alice")["AccessKey"]
    assert re.fullmatch(r"AKIA[A-Z2-7]{16}", key["AccessKeyId"]) and len(key["SecretAccessKey"]) == 40
    (shown,) = iam.list_access_keys(UserName="alice")["AccessKeyMetadata"]
    assert shown.keys() == {"UserName", "AccessKeyId", "Status", "CreateDate"} and shown["Status"] == "Active"
    iam.create_access_key(UserName="alice")
    expected = ("LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2")
    assert refused(iam.create_access_key, UserName="alice") == expected
    iam.update_access_key(UserName="alice", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    assert {one["Status"] for one in iam.list_access_keys(UserName="alice")["AccessKeyMetadata"]} == {
        "Active",
        "Inactive",
    }
    expected = ("NoSuchEntity", "The Access Key with id AKIAAAAAAAAAAAAAAAAA cannot be found.")
    assert refused(iam.delete_access_key, UserName="alice", AccessKeyId="AKIAAAAAAAAAAAAAAAAA") == expected


def test_a_key_may_speak_of_its_own_user_without_naming_it(cloud, iam):
    iam.create_user(UserName="alice")
    key = iam.create_access_key(UserName="alice")["AccessKey"]
    own = {
        "Effect": "Allow",
        "Action": ["iam:GetUser", "iam:*AccessKey*"],
        "Resource": f"arn:aws:iam::{ACCOUNT}:user/alice",
    }
    iam.put_user_policy(UserName="alice", PolicyName="own", PolicyDocument=policy(own))
    self = cloud.client("iam", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    assert self.get_user()["User"]["UserName"] == "alice"
    assert self.list_access_keys()["AccessKeyMetadata"][0]["AccessKeyId"] == key["AccessKeyId"]
    self.create_access_key()
    assert refused(self.list_users)[0] == "AccessDenied"


def test_a_key_id_spells_its_account(cloud, iam):
    # https://awsteele.com/blog/2020/09/26/aws-access-key-format.html with the pair it gives.
    iam.create_user(UserName="alice")
    sts = cloud.client("sts", key=ACCOUNT)
    assert (
        sts.get_access_key_info(
            AccessKeyId=iam.create_access_key(UserName="alice")["AccessKey"]["AccessKeyId"]
        )["Account"]
        == ACCOUNT
    )
    assert sts.get_access_key_info(AccessKeyId="ASIAQNZGKIQY56JQ7WML")["Account"] == "029608264753"


# Groups --------------------------------------------------------------------------------------------


def test_a_group_knows_its_members_and_is_deleted_only_bare(iam):
    group = iam.create_group(GroupName="g", Path="/p/")["Group"]
    assert group["Arn"] == f"arn:aws:iam::{ACCOUNT}:group/p/g" and group["GroupId"].startswith("AGPA")
    for name in ("bob", "alice"):
        iam.create_user(UserName=name)
        iam.add_user_to_group(GroupName="g", UserName=name)
    iam.add_user_to_group(GroupName="g", UserName="bob")
    assert [user["UserName"] for user in iam.get_group(GroupName="g")["Users"]] == ["alice", "bob"]
    assert [one["GroupName"] for one in iam.list_groups_for_user(UserName="bob")["Groups"]] == ["g"]
    assert refused(iam.delete_group, GroupName="g") == (
        "DeleteConflict",
        "Cannot delete entity, must remove users from group first.",
    )
    iam.update_group(GroupName="g", NewGroupName="h")
    assert [user["UserName"] for user in iam.get_group(GroupName="h")["Users"]] == ["alice", "bob"]
    for name in ("bob", "alice"):
        iam.remove_user_from_group(GroupName="h", UserName=name)
    iam.delete_group(GroupName="h")
    assert iam.list_groups()["Groups"] == []


def test_a_user_belongs_to_ten_groups_at_most(iam):
    iam.create_user(UserName="alice")
    for n in range(11):
        iam.create_group(GroupName=f"g{n}")
    for n in range(10):
        iam.add_user_to_group(GroupName=f"g{n}", UserName="alice")
    expected = ("LimitExceeded", "Cannot exceed quota for GroupsPerUser: 10")
    assert refused(iam.add_user_to_group, GroupName="g10", UserName="alice") == expected


# Roles ---------------------------------------------------------------------------------------------


def test_a_role_is_answered_as_it_was_made(iam):
    made = iam.create_role(
        RoleName="r", Path="/svc/", AssumeRolePolicyDocument=TRUST, Description="d", MaxSessionDuration=7200,
        Tags=[{"Key": "a", "Value": "1"}],
    )["Role"]  # fmt: skip
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT}:role/svc/r" and re.fullmatch(
        r"AROA[A-Z2-7]{17}", made["RoleId"]
    )
    found = iam.get_role(RoleName="r")["Role"]
    assert (found["Description"], found["MaxSessionDuration"], found["Tags"]) == (
        "d",
        7200,
        [{"Key": "a", "Value": "1"}],
    )
    assert found["AssumeRolePolicyDocument"] == json.loads(TRUST)
    iam.update_role(RoleName="r", Description="e")
    found = iam.get_role(RoleName="r")["Role"]
    assert (found["Description"], found["MaxSessionDuration"]) == ("e", 3600)


def test_documents_leave_percent_encoded(cloud):
    body = b"Action=CreateRole&Version=2010-05-08&RoleName=r&AssumeRolePolicyDocument=" + (
        b"%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%2C%22Principal%22%3A%7B%22AWS%22%3A%22*%22%7D%2C"
        b"%22Action%22%3A%22sts%3AAssumeRole%22%7D%7D"
    )
    scope = "20300101/us-east-1/iam/aws4_request"
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "x-amz-date": "20300101T000000Z",
        "authorization": f"AWS4-HMAC-SHA256 Credential={ACCOUNT}/{scope}, SignedHeaders=host;x-amz-date, Signature=0",
    }
    status, _, content = cloud.http("POST", "/", headers=headers, body=body)
    assert status == 200
    assert b"<AssumeRolePolicyDocument>%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22" in content


@pytest.mark.parametrize(
    ("principal", "text"),
    [
        (
            {"AWS": f"arn:aws:iam::{ACCOUNT}:user/ghost"},
            f'Invalid principal in policy: "AWS":"arn:aws:iam::{ACCOUNT}:user/ghost"',
        ),
        ({"AWS": f"arn:aws:sts::{ACCOUNT}:assumed-role/ghost/x"}, None),
        ({"AWS": "AIDAAAAAAAAAAAAAAAAAA"}, None),
        ({"Service": "lambda"}, None),
    ],
)
def test_a_trust_policy_names_only_who_exists(iam, principal, text):
    document = policy({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})
    code, said = refused(iam.create_role, RoleName="r", AssumeRolePolicyDocument=document)
    assert code == "MalformedPolicyDocument" and said.startswith("Invalid principal in policy:")
    assert text is None or said == text


def test_a_trust_policy_may_be_replaced_by_one_that_names_a_role_or_its_session(iam):
    iam.create_role(RoleName="a", Path="/p/", AssumeRolePolicyDocument=TRUST)
    iam.create_role(RoleName="b", AssumeRolePolicyDocument=TRUST)
    for arn in (
        f"arn:aws:iam::{ACCOUNT}:role/p/a",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/a/me",
        f"arn:aws:iam::{ACCOUNT}:root",
    ):
        document = policy({"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "sts:AssumeRole"})
        iam.update_assume_role_policy(RoleName="b", PolicyDocument=document)
        assert iam.get_role(RoleName="b")["Role"]["AssumeRolePolicyDocument"] == json.loads(document)
    expected = ("MalformedPolicyDocument", "Has prohibited field Resource")
    wrong = policy({**ALLOW, "Action": "sts:AssumeRole", "Principal": "*"})
    assert refused(iam.update_assume_role_policy, RoleName="b", PolicyDocument=wrong) == expected


def test_a_role_is_deleted_only_bare(iam):
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)
    iam.create_instance_profile(InstanceProfileName="i")
    iam.add_role_to_instance_profile(InstanceProfileName="i", RoleName="r")
    arn = made_policy(iam)
    iam.attach_role_policy(RoleName="r", PolicyArn=arn)
    iam.put_role_policy(RoleName="r", PolicyName="in", PolicyDocument=policy(ALLOW))
    steps = (
        (
            "must remove roles from instance profile first.",
            lambda: iam.remove_role_from_instance_profile(InstanceProfileName="i", RoleName="r"),
        ),
        ("must detach all policies first.", lambda: iam.detach_role_policy(RoleName="r", PolicyArn=arn)),
        ("must delete policies first.", lambda: iam.delete_role_policy(RoleName="r", PolicyName="in")),
    )
    for text, step in steps:
        assert refused(iam.delete_role, RoleName="r") == ("DeleteConflict", f"Cannot delete entity, {text}")
        step()
    iam.delete_role(RoleName="r")
    assert refused(iam.get_role, RoleName="r")[0] == "NoSuchEntity"


def test_an_instance_profile_holds_one_role(iam):
    for name in ("r", "s"):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    profile = iam.create_instance_profile(InstanceProfileName="i", Path="/p/")["InstanceProfile"]
    assert profile["Arn"] == f"arn:aws:iam::{ACCOUNT}:instance-profile/p/i" and profile["Roles"] == []
    iam.add_role_to_instance_profile(InstanceProfileName="i", RoleName="r")
    expected = ("LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
    assert refused(iam.add_role_to_instance_profile, InstanceProfileName="i", RoleName="s") == expected
    (listed,) = iam.list_instance_profiles_for_role(RoleName="r")["InstanceProfiles"]
    assert listed["InstanceProfileName"] == "i" and listed["Roles"][0]["RoleName"] == "r"
    expected = ("DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.")
    assert refused(iam.delete_instance_profile, InstanceProfileName="i") == expected


# Policies ------------------------------------------------------------------------------------------


def test_inline_policies_come_back_as_they_were_sent(iam):
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)
    iam.put_role_policy(RoleName="r", PolicyName="b", PolicyDocument=policy(ALLOW))
    iam.put_role_policy(RoleName="r", PolicyName="a", PolicyDocument=policy(ALLOW, Id="x"))
    assert iam.list_role_policies(RoleName="r")["PolicyNames"] == ["a", "b"]
    assert iam.get_role_policy(RoleName="r", PolicyName="a")["PolicyDocument"]["Id"] == "x"


def test_a_document_that_is_no_policy_is_refused_and_changes_nothing(iam):
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)
    expected = ("MalformedPolicyDocument", "Syntax errors in policy.")
    assert refused(iam.put_role_policy, RoleName="r", PolicyName="p", PolicyDocument="{") == expected
    assert refused(iam.create_policy, PolicyName="p", PolicyDocument="{}") == expected
    old = json.dumps({"Version": "2008-10-17", "Statement": [ALLOW]})
    expected = ("MalformedPolicyDocument", "Policy document must be version 2012-10-17 or greater.")
    assert refused(iam.create_policy, PolicyName="p", PolicyDocument=old) == expected
    assert (
        iam.list_role_policies(RoleName="r")["PolicyNames"] == []
        and iam.list_policies(Scope="Local")["Policies"] == []
    )


def test_policies_have_a_size_that_white_space_does_not_count_in(iam):
    iam.create_user(UserName="alice")
    big = policy({**ALLOW, "Resource": [f"arn:aws:sqs:us-east-1:{ACCOUNT}:{n:04}" for n in range(60)]})
    expected = ("LimitExceeded", "Maximum policy size of 2048 bytes exceeded for user alice")
    assert refused(iam.put_user_policy, UserName="alice", PolicyName="p", PolicyDocument=big) == expected
    iam.put_user_policy(UserName="alice", PolicyName="p", PolicyDocument=policy(ALLOW) + " " * 4000)
    bigger = policy({**ALLOW, "Resource": [f"arn:aws:sqs:us-east-1:{ACCOUNT}:{n:04}" for n in range(200)]})
    expected = ("LimitExceeded", "Cannot exceed quota for PolicySize: 6144")
    assert refused(iam.create_policy, PolicyName="p", PolicyDocument=bigger) == expected


def test_a_managed_policy_has_five_versions_at_most_and_one_default(iam):
    arn = made_policy(iam)
    for n in range(2, 6):
        version = iam.create_policy_version(PolicyArn=arn, PolicyDocument=policy({**ALLOW, "Sid": f"v{n}"}))[
            "PolicyVersion"
        ]
        assert (version["VersionId"], version["IsDefaultVersion"]) == (f"v{n}", False)
    code, text = refused(iam.create_policy_version, PolicyArn=arn, PolicyDocument=policy(ALLOW))
    assert code == "LimitExceeded" and text.startswith("A managed policy can have up to 5 versions.")
    assert [v["VersionId"] for v in iam.list_policy_versions(PolicyArn=arn)["Versions"]] == [
        "v5",
        "v4",
        "v3",
        "v2",
        "v1",
    ]
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v3")
    assert iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v3"
    assert refused(iam.delete_policy_version, PolicyArn=arn, VersionId="v3") == (
        "DeleteConflict", "Cannot delete the default version of a policy.",
    )  # fmt: skip
    iam.delete_policy_version(PolicyArn=arn, VersionId="v5")
    made = iam.create_policy_version(PolicyArn=arn, PolicyDocument=policy(ALLOW), SetAsDefault=True)[
        "PolicyVersion"
    ]
    assert (made["VersionId"], made["IsDefaultVersion"]) == ("v6", True)  # numbers are never used twice
    assert refused(iam.delete_policy, PolicyArn=arn)[1].startswith("This policy has more than one version.")
    document = iam.get_policy_version(PolicyArn=arn, VersionId="v2")["PolicyVersion"]["Document"]
    assert document["Statement"][0]["Sid"] == "v2"


def test_a_policy_knows_who_holds_it(iam):
    arn = made_policy(iam)
    iam.create_user(UserName="u", PermissionsBoundary=arn)
    iam.create_group(GroupName="g")
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)
    iam.attach_group_policy(GroupName="g", PolicyArn=arn)
    iam.attach_role_policy(RoleName="r", PolicyArn=arn)
    iam.attach_role_policy(RoleName="r", PolicyArn=arn)
    found = iam.get_policy(PolicyArn=arn)["Policy"]
    assert (found["AttachmentCount"], found["PermissionsBoundaryUsageCount"]) == (2, 1)
    held = iam.list_entities_for_policy(PolicyArn=arn, PolicyUsageFilter="PermissionsPolicy")
    assert [
        held[f"Policy{kind}s"] and held[f"Policy{kind}s"][0][f"{kind}Name"]
        for kind in ("Group", "User", "Role")
    ] == ["g", [], "r"]
    assert len(iam.list_entities_for_policy(PolicyArn=arn)["PolicyUsers"]) == 1
    assert refused(iam.delete_policy, PolicyArn=arn) == (
        "DeleteConflict",
        "Cannot delete a policy attached to entities.",
    )
    assert [p["PolicyName"] for p in iam.list_policies(OnlyAttached=True)["Policies"]] == ["p"]


def test_twenty_policies_may_be_attached_to_a_role(iam):
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)
    for n in range(20):
        iam.attach_role_policy(RoleName="r", PolicyArn=made_policy(iam, f"p{n}"))
    expected = ("LimitExceeded", "Cannot exceed quota for PoliciesPerRole: 20")
    assert refused(iam.attach_role_policy, RoleName="r", PolicyArn=made_policy(iam, "p20")) == expected
    page = iam.list_attached_role_policies(RoleName="r", MaxItems=3)
    assert page["IsTruncated"] and len(page["AttachedPolicies"]) == 3


def test_policies_that_aws_manages_are_there_and_nobodys_to_change(iam):
    arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    found = iam.get_policy(PolicyArn=arn)["Policy"]
    # As AWS publishes it: https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSLambdaBasicExecutionRole.html
    assert (found["PolicyName"], found["Path"], found["DefaultVersionId"]) == (
        "AWSLambdaBasicExecutionRole",
        "/service-role/",
        "v1",
    )
    document = iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"]
    assert document["Statement"][0]["Action"] == [
        "logs:CreateLogGroup",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
    ]
    # No record of AWS is at hand; OOS, which speaks IAM's protocol with IAM's words, has these.
    outside = ("AccessDenied", "Policy is outside your own account.")
    assert refused(iam.delete_policy, PolicyArn=arn) == outside
    assert refused(iam.tag_policy, PolicyArn=arn, Tags=[{"Key": "k", "Value": "v"}]) == outside
    unknown = "arn:aws:iam::aws:policy/NoSuchPolicyOfAws"
    assert refused(iam.get_policy, PolicyArn=unknown) == ("NoSuchEntity", f"Policy {unknown} was not found.")
    pages = iam.get_paginator("list_policies").paginate(Scope="AWS", PaginationConfig={"PageSize": 20})
    assert {"AdministratorAccess", "AmazonSQSFullAccess"} <= {
        p["PolicyName"] for page in pages for p in page["Policies"]
    }


def test_a_boundary_is_a_policy_that_exists(iam):
    ghost = f"arn:aws:iam::{ACCOUNT}:policy/ghost"
    expected = ("NoSuchEntity", f"Scope ARN: {ghost} does not exist or is not attachable.")
    assert refused(iam.create_user, UserName="u", PermissionsBoundary=ghost) == expected
    iam.create_user(UserName="u")
    arn = made_policy(iam)
    iam.put_user_permissions_boundary(UserName="u", PermissionsBoundary=arn)
    shown = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}
    assert iam.get_user(UserName="u")["User"]["PermissionsBoundary"] == shown
    iam.delete_user_permissions_boundary(UserName="u")
    assert "PermissionsBoundary" not in iam.get_user(UserName="u")["User"]


# The account ---------------------------------------------------------------------------------------


def test_the_summary_counts(iam):
    iam.create_user(UserName="u")
    made_policy(iam)
    summary = iam.get_account_summary()["SummaryMap"]
    assert (summary["Users"], summary["Policies"], summary["Groups"], summary["PolicySizeQuota"]) == (
        1,
        1,
        0,
        6144,
    )


def test_the_details_hold_everything_and_are_paged_across_their_lists(iam):
    iam.create_user(UserName="u")
    iam.create_group(GroupName="g")
    iam.add_user_to_group(GroupName="g", UserName="u")
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)
    iam.put_role_policy(RoleName="r", PolicyName="in", PolicyDocument=policy(ALLOW))
    iam.attach_role_policy(RoleName="r", PolicyArn="arn:aws:iam::aws:policy/AmazonSQSFullAccess")
    found = iam.get_account_authorization_details()
    assert found["UserDetailList"][0]["GroupList"] == ["g"]
    role = found["RoleDetailList"][0]
    assert role["RolePolicyList"][0]["PolicyDocument"]["Statement"] == [ALLOW]
    assert (
        role["AttachedManagedPolicies"][0]["PolicyName"]
        == found["Policies"][0]["PolicyName"]
        == "AmazonSQSFullAccess"
    )
    pages = list(
        iam.get_paginator("get_account_authorization_details").paginate(PaginationConfig={"PageSize": 1})
    )
    assert len(pages) == 4
    names = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")
    assert [[len(page[name]) for name in names] for page in pages] == [
        [1, 0, 0, 0],
        [0, 1, 0, 0],
        [0, 0, 1, 0],
        [0, 0, 0, 1],
    ]


def test_an_alias_belongs_to_one_account(cloud, iam):
    iam.create_account_alias(AccountAlias="acme")
    assert iam.list_account_aliases()["AccountAliases"] == ["acme"]
    other = cloud.client("iam", key="222222222222")
    assert refused(other.create_account_alias, AccountAlias="acme") == (
        "EntityAlreadyExists", "The account alias acme already exists.",
    )  # fmt: skip
    iam.create_account_alias(AccountAlias="acme-two")
    assert iam.list_account_aliases()["AccountAliases"] == ["acme-two"]
    iam.delete_account_alias(AccountAlias="acme-two")
    assert iam.list_account_aliases()["AccountAliases"] == []


def test_what_is_not_implemented_is_refused_by_name(iam):
    code, text = refused(iam.get_account_properties)
    assert code == "NotImplemented" and "iam:GetAccountProperties" in text
    assert refused(iam.set_security_token_service_preferences, GlobalEndpointTokenVersion="v1Token")[0] == "NotImplemented"


def test_tokens_open_every_region_as_those_of_version_two_do(iam):
    iam.set_security_token_service_preferences(GlobalEndpointTokenVersion="v2Token")
    summary = iam.get_account_summary()["SummaryMap"]
    assert (summary["GlobalEndpointTokenVersion"], summary["PolicyVersionsInUseQuota"]) == (2, 10_000)


# The simulator -------------------------------------------------------------------------------------


def verdicts(reply):
    return [result["EvalDecision"] for result in reply["EvaluationResults"]]


def test_a_custom_policy_is_simulated(iam):
    deny = {"Sid": "No", "Effect": "Deny", "Action": "sqs:DeleteQueue", "Resource": "*"}
    reply = iam.simulate_custom_policy(
        PolicyInputList=[policy(ALLOW), policy(deny)],
        ActionNames=["sqs:SendMessage", "sqs:DeleteQueue", "s3:GetObject"],
    )
    assert verdicts(reply) == ["allowed", "explicitDeny", "implicitDeny"]
    matched = [
        statement["SourcePolicyId"] for statement in reply["EvaluationResults"][1]["MatchedStatements"]
    ]
    assert matched == ["PolicyInputList.2", "PolicyInputList.1"]


def test_a_simulation_says_which_keys_it_missed_and_takes_them(iam):
    asks = {**ALLOW, "Condition": {"StringEquals": {"aws:RequestedRegion": ["eu-west-1"]}}}
    given = {"PolicyInputList": [policy(asks)], "ActionNames": ["sqs:SendMessage"]}
    (result,) = iam.simulate_custom_policy(**given)["EvaluationResults"]
    assert (result["EvalDecision"], result["MissingContextValues"]) == (
        "implicitDeny",
        ["aws:requestedregion"],
    )
    entry = {
        "ContextKeyName": "aws:RequestedRegion",
        "ContextKeyValues": ["eu-west-1"],
        "ContextKeyType": "string",
    }
    (result,) = iam.simulate_custom_policy(**given, ContextEntries=[entry])["EvaluationResults"]
    assert (result["EvalDecision"], result["MissingContextValues"]) == ("allowed", [])


def test_a_principal_is_simulated_with_its_groups_and_boundary(iam):
    boundary = made_policy(iam, "edge", {**ALLOW, "Action": "sqs:Send*"})
    user = iam.create_user(UserName="u", PermissionsBoundary=boundary)["User"]["Arn"]
    iam.create_group(GroupName="g")
    iam.add_user_to_group(GroupName="g", UserName="u")
    iam.attach_group_policy(GroupName="g", PolicyArn="arn:aws:iam::aws:policy/AmazonSQSFullAccess")
    reply = iam.simulate_principal_policy(
        PolicySourceArn=user, ActionNames=["sqs:SendMessage", "sqs:DeleteQueue"]
    )
    assert verdicts(reply) == ["allowed", "implicitDeny"]
    allowed = [
        result["PermissionsBoundaryDecisionDetail"]["AllowedByPermissionsBoundary"]
        for result in reply["EvaluationResults"]
    ]
    assert allowed == [True, False]
    assert reply["EvaluationResults"][0]["MatchedStatements"][0]["SourcePolicyId"] == "AmazonSQSFullAccess"


# Recorded answers of AWS: localstack's tests/aws/services/iam, whose tests stand beside them ----------


def test_the_making_of_a_role_tells_no_duration_and_asking_for_it_does(iam):
    # test_create_describe_role
    trust = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}'
    made = iam.create_role(RoleName="told", AssumeRolePolicyDocument=trust)["Role"]
    assert "MaxSessionDuration" not in made
    assert iam.get_role(RoleName="told")["Role"]["MaxSessionDuration"] == 3_600


def test_what_is_no_arn_of_a_policy_is_refused_as_unparsable(iam):
    # test_role_attach_policy, test_user_attach_policy
    iam.create_user(UserName="attaches")
    for wrong in ("longpolicynamebutnoarn", "AmazonS3ReadOnlyAccess"):
        assert refused(iam.attach_user_policy, UserName="attaches", PolicyArn=wrong) == (
            "ValidationError", "Invalid ARN:  Could not be parsed!"
        )  # fmt: skip


def test_more_services_have_roles_of_their_own_and_few_of_them_take_a_suffix(iam):
    # test_service_role_lifecycle, test_service_role_lifecycle_custom_suffix
    made = iam.create_service_linked_role(AWSServiceName="batch.amazonaws.com")["Role"]
    assert made["Arn"].endswith(":role/aws-service-role/batch.amazonaws.com/AWSServiceRoleForBatch")
    assert refused(iam.create_service_linked_role, AWSServiceName="batch.amazonaws.com") == (
        "InvalidInput", "Service role name AWSServiceRoleForBatch has been taken in this account, please try a different suffix."
    )  # fmt: skip
    suffixed = iam.create_service_linked_role(AWSServiceName="lexv2.amazonaws.com", CustomSuffix="x")["Role"]
    assert suffixed["RoleName"] == "AWSServiceRoleForLexV2Bots_x"
    assert refused(iam.create_service_linked_role, AWSServiceName="mq.amazonaws.com", CustomSuffix="x") == (
        "InvalidInput", "Custom suffix is not allowed for mq.amazonaws.com"
    )  # fmt: skip


def test_a_policy_may_let_somebody_make_the_role_of_one_service_by_its_name_or_its_arn(cloud):
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/using-service-linked-roles.html#service-linked-role-permissions
    iam = cloud.client("iam")
    arn = "arn:aws:iam::*:role/aws-service-role/batch.amazonaws.com/AWSServiceRoleForBatch*"
    allowed = {"Effect": "Allow", "Action": "iam:CreateServiceLinkedRole", "Resource": arn, "Condition": {"StringLike": {"iam:AWSServiceName": "batch.amazonaws.com"}}}
    iam.create_user(UserName="some")
    iam.put_user_policy(UserName="some", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allowed]}))
    key = iam.create_access_key(UserName="some")["AccessKey"]
    some = cloud.client("iam", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    code, text = refused(some.create_service_linked_role, AWSServiceName="ecs.amazonaws.com")
    assert code == "AccessDenied"
    assert "on resource: arn:aws:iam::000000000000:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS" in text
    assert some.create_service_linked_role(AWSServiceName="batch.amazonaws.com")["Role"]["RoleName"] == "AWSServiceRoleForBatch"
