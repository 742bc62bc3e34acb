"""STS: who may have temporary keys, for how long, and what the session carries.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html,
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html
"""

from __future__ import annotations

import json
import re

import pytest
from refusals import refused

ACCOUNT, OTHER = "111111111111", "222222222222"


def allow(action, resource="*", **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def policy(*statements) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def trust(*principals, action="sts:AssumeRole", effect="Allow", **more) -> dict:
    return {"Effect": effect, "Principal": {"AWS": list(principals)}, "Action": action, **more}


class World:
    """An account with a user and a maker of roles."""

    def __init__(self, cloud, account=ACCOUNT):
        self.cloud, self.account = cloud, account
        self.iam = cloud.client("iam", key=account)
        self.alice = self.iam.create_user(UserName="alice")["User"]["Arn"]
        key = self.iam.create_access_key(UserName="alice")["AccessKey"]
        self.pair = {"key": key["AccessKeyId"], "secret": key["SecretAccessKey"]}
        self.sts = cloud.client("sts", **self.pair)

    def may(self, *statements):
        self.iam.put_user_policy(UserName="alice", PolicyName="p", PolicyDocument=policy(*statements))

    def role(self, name, *trusted, rights=(), **more):
        statements = trusted or (trust(self.alice),)
        role = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(*statements), **more)[
            "Role"
        ]["Arn"]
        if rights:
            self.iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy(*rights))
        return role

    def session(self, credentials, service="sts"):
        c = credentials.get("Credentials", credentials)
        return self.cloud.client(
            service, key=c["AccessKeyId"], secret=c["SecretAccessKey"], token=c["SessionToken"]
        )


@pytest.fixture
def world(cloud):
    return World(cloud)


# Assuming a role -----------------------------------------------------------------------------------


def test_an_assumed_role_is_somebody_of_its_own(world):
    role = world.role("worker", Path="/svc/", rights=[allow("sqs:*")])
    reply = world.sts.assume_role(RoleArn=role, RoleSessionName="job-1")
    who = reply["AssumedRoleUser"]
    assert who["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/job-1"
    assert re.fullmatch(r"AROA[A-Z2-7]{17}:job-1", who["AssumedRoleId"])
    keys = reply["Credentials"]
    assert re.fullmatch(r"ASIA[A-Z2-7]{16}", keys["AccessKeyId"]) and keys["Expiration"].hour == 1
    assert "PackedPolicySize" not in reply
    me = world.session(reply).get_caller_identity()
    assert (me["Arn"], me["UserId"], me["Account"]) == (who["Arn"], who["AssumedRoleId"], ACCOUNT)
    world.session(reply, "sqs").create_queue(QueueName="q")
    world.may(allow("sts:GetAccessKeyInfo"))
    assert world.sts.get_access_key_info(AccessKeyId=keys["AccessKeyId"])["Account"] == ACCOUNT


def test_a_role_opens_only_to_those_it_trusts(world):
    role = world.role("r", trust(f"arn:aws:iam::{ACCOUNT}:root"))
    # The trust policy names the account: the account must pass it on.
    code, text = refused(world.sts.assume_role, RoleArn=role, RoleSessionName="me")
    assert code == "AccessDenied" and text.endswith(
        "because no identity-based policy allows the sts:AssumeRole action"
    )
    world.may(allow("sts:AssumeRole"))
    world.sts.assume_role(RoleArn=role, RoleSessionName="me")
    closed = world.role(
        "closed",
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
    )
    code, text = refused(world.sts.assume_role, RoleArn=closed, RoleSessionName="me")
    assert code == "AccessDenied" and text.endswith(
        "because no role trust policy allows the sts:AssumeRole action"
    )
    denying = world.role("denying", trust(world.alice), trust("*", effect="Deny"))
    code, text = refused(world.sts.assume_role, RoleArn=denying, RoleSessionName="me")
    assert code == "AccessDenied" and text.endswith("with an explicit deny in the role trust policy")


def test_a_role_that_is_not_there_is_denied_not_missing(world, cloud):
    world.may(allow("*"))
    ghost = f"arn:aws:iam::{ACCOUNT}:role/ghost"
    assert refused(world.sts.assume_role, RoleArn=ghost, RoleSessionName="me")[0] == "AccessDenied"
    root = cloud.client("sts", key=ACCOUNT)
    assert refused(root.assume_role, RoleArn=ghost, RoleSessionName="me")[0] == "AccessDenied"
    # Recorded: localstack's test_sts_invalid_parameters.
    words = ("not-an-arn-at-all-really", "arn::b:::something/test-role", "arn:a::::something/test-role", "arn:a:a::aaaaaaaaaaaaaa:")
    for wrong in words:
        assert refused(root.assume_role, RoleArn=wrong, RoleSessionName="me") == ("ValidationError", f"{wrong} is invalid")
    # What people tell whose tools take another ARN for a role's: aws-actions/configure-aws-credentials, its issues.
    for other in ("arn:aws:iam::000000000000:user/me", "arn:aws:lambda:us-east-1:000000000000:function:f"):
        expected = ("ValidationError", "Request ARN is invalid")
        assert refused(root.assume_role, RoleArn=other, RoleSessionName="me") == expected


def test_a_root_key_nobody_issued_may_try_a_role_that_trusts_its_account(world, cloud):
    root = cloud.client("sts", key=ACCOUNT)
    assert root.assume_role(RoleArn=world.role("open", trust(ACCOUNT)), RoleSessionName="me")["Credentials"]
    code, text = refused(root.assume_role, RoleArn=world.role("shut"), RoleSessionName="me")
    assert code == "AccessDenied" and "role trust policy" in text


def test_across_accounts_trust_and_rights_are_both_needed(world, cloud):
    there = World(cloud, OTHER)
    role = there.role("shared", trust(ACCOUNT))
    code, text = refused(world.sts.assume_role, RoleArn=role, RoleSessionName="me")
    assert code == "AccessDenied" and "no identity-based policy" in text
    world.may(allow("sts:AssumeRole", role))
    reply = world.sts.assume_role(RoleArn=role, RoleSessionName="me")
    assert world.session(reply).get_caller_identity()["Account"] == OTHER
    assert (
        refused(world.sts.assume_role, RoleArn=there.role("own", trust(there.alice)), RoleSessionName="me")[0]
        == "AccessDenied"
    )


def test_an_external_id_must_be_the_one_the_trust_policy_wants(world):
    role = world.role("r", trust(world.alice, Condition={"StringEquals": {"sts:ExternalId": "42"}}))
    assert refused(world.sts.assume_role, RoleArn=role, RoleSessionName="me")[0] == "AccessDenied"
    assert (
        refused(world.sts.assume_role, RoleArn=role, RoleSessionName="me", ExternalId="41")[0]
        == "AccessDenied"
    )
    assert world.sts.assume_role(RoleArn=role, RoleSessionName="me", ExternalId="42")["Credentials"]


def test_a_session_lasts_as_long_as_its_role_allows(world, cloud):
    role = world.role("r", MaxSessionDuration=7200)
    begun = cloud.now()
    reply = world.sts.assume_role(RoleArn=role, RoleSessionName="me", DurationSeconds=7200)
    assert reply["Credentials"]["Expiration"].timestamp() == int(begun + 7200)
    expected = (
        "ValidationError",
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
    )
    assert (
        refused(world.sts.assume_role, RoleArn=role, RoleSessionName="me", DurationSeconds=7201) == expected
    )


def test_a_chained_role_lasts_an_hour_at_most(world):
    first = world.role("first", rights=[allow("sts:AssumeRole")], MaxSessionDuration=7200)
    second = world.role("second", trust(first), MaxSessionDuration=7200)
    chained = world.session(world.sts.assume_role(RoleArn=first, RoleSessionName="me"))
    code, text = refused(chained.assume_role, RoleArn=second, RoleSessionName="me", DurationSeconds=3601)
    assert (code, text) == (
        "ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
    )  # fmt: skip
    reply = chained.assume_role(RoleArn=second, RoleSessionName="me", DurationSeconds=3600)
    assert world.session(reply).get_caller_identity()["Arn"].endswith(":assumed-role/second/me")


def test_a_trust_policy_may_name_one_session(world):
    first = world.role("first", rights=[allow("sts:AssumeRole")])
    world.sts.assume_role(RoleArn=first, RoleSessionName="me")
    second = world.role("second", trust(f"arn:aws:sts::{ACCOUNT}:assumed-role/first/right"))
    for name, is_let_in in (("wrong", False), ("right", True)):
        chained = world.session(world.sts.assume_role(RoleArn=first, RoleSessionName=name))
        if is_let_in:
            assert chained.assume_role(RoleArn=second, RoleSessionName="me")["Credentials"]
        else:
            assert refused(chained.assume_role, RoleArn=second, RoleSessionName="me")[0] == "AccessDenied"


def test_sessions_of_a_role_that_was_made_anew_have_no_rights(world):
    role = world.role("r", rights=[allow("sqs:*")])
    sqs = world.session(world.sts.assume_role(RoleArn=role, RoleSessionName="me"), "sqs")
    sqs.create_queue(QueueName="a")
    world.iam.delete_role_policy(RoleName="r", PolicyName="p")
    world.iam.delete_role(RoleName="r")
    world.role("r", rights=[allow("sqs:*")])
    assert "identity-based" in refused(sqs.create_queue, QueueName="b")[1]


def test_trust_is_in_a_person_and_not_in_a_name(world):
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
    first = world.role("first", rights=[allow("sts:AssumeRole")])
    second = world.role("second", trust(first, world.alice))

    def trusted():
        document = world.iam.get_role(RoleName="second")["Role"]["AssumeRolePolicyDocument"]
        return document["Statement"][0]["Principal"]["AWS"]

    world.session(world.sts.assume_role(RoleArn=first, RoleSessionName="me")).assume_role(
        RoleArn=second, RoleSessionName="me"
    )
    assert trusted() == [first, world.alice]
    old_id = world.iam.get_role(RoleName="first")["Role"]["RoleId"]
    world.iam.delete_role_policy(RoleName="first", PolicyName="p")
    world.iam.delete_role(RoleName="first")
    world.role("first", rights=[allow("sts:AssumeRole")])
    anew = world.session(world.sts.assume_role(RoleArn=first, RoleSessionName="me"))
    assert "role trust policy" in refused(anew.assume_role, RoleArn=second, RoleSessionName="me")[1]
    world.iam.update_user(UserName="alice", NewUserName="alison")
    assert world.sts.assume_role(RoleArn=second, RoleSessionName="me")["Credentials"]
    assert trusted() == [old_id, f"arn:aws:iam::{ACCOUNT}:user/alison"]


def test_older_sessions_can_be_revoked_by_the_time_they_were_issued(world, cloud):
    role = world.role("r", rights=[allow("sqs:*")])
    old = world.session(world.sts.assume_role(RoleArn=role, RoleSessionName="me"), "sqs")
    cloud.sleep(60)
    since = {"DateLessThan": {"aws:TokenIssueTime": "2030-01-01T00:00:30Z"}}
    revoking = {**allow("*", Condition=since), "Effect": "Deny"}
    world.iam.put_role_policy(
        RoleName="r", PolicyName="AWSRevokeOlderSessions", PolicyDocument=policy(revoking)
    )
    assert "explicit deny" in refused(old.list_queues)[1]
    world.session(world.sts.assume_role(RoleArn=role, RoleSessionName="me"), "sqs").list_queues()


# What a session carries ----------------------------------------------------------------------------


def test_session_policies_may_be_named_and_follow_their_default_version(world):
    role = world.role("r", rights=[allow("*")])
    arn = world.iam.create_policy(PolicyName="narrow", PolicyDocument=policy(allow("sqs:CreateQueue")))[
        "Policy"
    ]["Arn"]
    reply = world.sts.assume_role(RoleArn=role, RoleSessionName="me", PolicyArns=[{"arn": arn}])
    assert 1 <= reply["PackedPolicySize"] <= 100
    sqs = world.session(reply, "sqs")
    sqs.create_queue(QueueName="q")
    assert "no session policy" in refused(sqs.list_queues)[1]
    world.iam.create_policy_version(
        PolicyArn=arn, PolicyDocument=policy(allow("sqs:ListQueues")), SetAsDefault=True
    )
    sqs.list_queues()


def test_a_session_policy_of_aws_serves_too(world):
    role = world.role("r", rights=[allow("*")])
    read_only = [{"arn": "arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess"}]
    sqs = world.session(
        world.sts.assume_role(RoleArn=role, RoleSessionName="me", PolicyArns=read_only), "sqs"
    )
    sqs.list_queues()
    assert "no session policy" in refused(sqs.create_queue, QueueName="q")[1]


def test_a_session_policy_that_is_none_is_refused(world):
    role = world.role("r")
    given = {"RoleArn": role, "RoleSessionName": "me"}
    assert refused(world.sts.assume_role, **given, Policy="{}")[0] == "MalformedPolicyDocument"
    ghost = f"arn:aws:iam::{ACCOUNT}:policy/ghost"
    assert ghost in refused(world.sts.assume_role, **given, PolicyArns=[{"arn": ghost}])[1]


def test_tags_need_the_right_to_tag_and_are_conditions_afterwards(world):
    role = world.role("plain")
    tags = [{"Key": "Project", "Value": "apollo"}]
    code, text = refused(world.sts.assume_role, RoleArn=role, RoleSessionName="me", Tags=tags)
    assert code == "AccessDenied" and "sts:TagSession" in text
    condition = {"StringEquals": {"aws:PrincipalTag/project": "apollo"}}
    tagged = world.role(
        "tagged", trust(world.alice, action=["sts:AssumeRole", "sts:TagSession"]), rights=[allow("sqs:*", Condition=condition)],
        Tags=[{"Key": "project", "Value": "gemini"}],
    )  # fmt: skip
    without = world.session(world.sts.assume_role(RoleArn=tagged, RoleSessionName="me"), "sqs")
    assert "identity-based" in refused(without.list_queues)[1]
    # A session's tag stands before its role's tag of the same key.
    world.session(world.sts.assume_role(RoleArn=tagged, RoleSessionName="me", Tags=tags), "sqs").list_queues()


def test_transitive_tags_go_on_to_the_next_role_and_cannot_be_replaced_there(world):
    both = ["sts:AssumeRole", "sts:TagSession"]
    condition = {
        "StringEquals": {"aws:PrincipalTag/Team": "blue"},
        "Null": {"aws:PrincipalTag/Local": "true"},
    }
    first = world.role("first", trust(world.alice, action=both), rights=[allow("sts:*")])
    second = world.role("second", trust(first, action=both), rights=[allow("sqs:*", Condition=condition)])
    tags = [{"Key": "Team", "Value": "blue"}, {"Key": "Local", "Value": "x"}]
    given = {"RoleArn": first, "RoleSessionName": "me", "Tags": tags}
    assert refused(world.sts.assume_role, **given, TransitiveTagKeys=["Other"]) == (
        "InvalidParameterValue", "The specified transitive tag key must be included in the requested tags.",
    )  # fmt: skip
    chained = world.session(world.sts.assume_role(**given, TransitiveTagKeys=["Team"]))
    world.session(chained.assume_role(RoleArn=second, RoleSessionName="me"), "sqs").list_queues()
    replaced = [{"Key": "team", "Value": "red"}]
    code, text = refused(chained.assume_role, RoleArn=second, RoleSessionName="me", Tags=replaced)
    assert code == "InvalidParameterValue" and text.startswith(
        "One of the specified transitive tag keys can't be set"
    )


def test_a_source_identity_is_set_once_and_stays(world):
    setting = ["sts:AssumeRole", "sts:SetSourceIdentity"]
    first = world.role("first", trust(world.alice, action=setting), rights=[allow("sts:*")])
    second = world.role("second", trust(first, action=setting))
    reply = world.sts.assume_role(RoleArn=first, RoleSessionName="me", SourceIdentity="alice")
    assert reply["SourceIdentity"] == "alice"
    chained = world.session(reply)
    assert chained.assume_role(RoleArn=second, RoleSessionName="me")["SourceIdentity"] == "alice"
    assert (
        refused(chained.assume_role, RoleArn=second, RoleSessionName="me", SourceIdentity="bob")[0]
        == "AccessDenied"
    )
    assert "sts:SetSourceIdentity" in refused(
        world.sts.assume_role, RoleArn=world.role("plain"), RoleSessionName="me", SourceIdentity="alice"
    )[1]  # fmt: skip


# Session tokens and federation ---------------------------------------------------------------------


def test_a_session_token_is_the_user_with_other_keys(world, cloud):
    world.may(allow("sqs:*"))
    reply = world.sts.get_session_token()
    assert reply["Credentials"]["Expiration"].timestamp() == int(cloud.now() + 43_200)
    assert world.session(reply).get_caller_identity()["Arn"] == world.alice
    world.session(reply, "sqs").create_queue(QueueName="q")
    expected = ("AccessDenied", "Cannot call GetSessionToken with session credentials")
    assert refused(world.session(reply).get_session_token) == expected


def test_a_session_token_of_root_ends_after_an_hour(cloud):
    reply = cloud.client("sts", key=ACCOUNT).get_session_token(DurationSeconds=7200)
    assert reply["Credentials"]["Expiration"].timestamp() == int(cloud.now() + 3600)


def test_a_federated_user_has_what_user_and_policy_both_give(world, cloud):
    world.may(allow("sts:GetFederationToken"), allow("sqs:*"))
    nothing = world.sts.get_federation_token(Name="bob")
    assert nothing["FederatedUser"] == {
        "FederatedUserId": f"{ACCOUNT}:bob", "Arn": f"arn:aws:sts::{ACCOUNT}:federated-user/bob",
    }  # fmt: skip
    assert "no session policy" in refused(world.session(nothing, "sqs").list_queues)[1]
    some = world.sts.get_federation_token(Name="bob", Policy=policy(allow(["sqs:ListQueues", "iam:*"])))
    world.session(some, "sqs").list_queues()
    assert "no session policy" in refused(world.session(some, "sqs").create_queue, QueueName="q")[1]
    of_root = cloud.client("sts", key=ACCOUNT).get_federation_token(
        Name="carol", Policy=policy(allow("sqs:*"))
    )
    world.session(of_root, "sqs").create_queue(QueueName="q")


def test_keys_of_a_users_session_have_no_way_to_iam(world, cloud):
    # https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html
    world.may(allow("*"))
    expected = ("InvalidClientTokenId", "The security token included in the request is invalid.")
    for reply in (
        world.sts.get_session_token(),
        world.sts.get_federation_token(Name="bob", Policy=policy(allow("*"))),
        cloud.client("sts", key=ACCOUNT).get_session_token(),
    ):
        assert refused(world.session(reply, "iam").list_users) == expected
    role = world.role("r", rights=[allow("iam:*")])
    world.session(world.sts.assume_role(RoleArn=role, RoleSessionName="me"), "iam").list_users()


def test_a_federated_user_may_do_what_a_resource_gives_it(world, cloud):
    world.may(allow("sts:GetFederationToken"))
    owner = cloud.client("sqs", key=ACCOUNT)
    url = owner.create_queue(QueueName="q")["QueueUrl"]
    bob = {"AWS": f"arn:aws:sts::{ACCOUNT}:federated-user/bob"}
    statement = {**allow("sqs:SendMessage", f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"), "Principal": bob}
    owner.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy(statement)})
    sqs = world.session(world.sts.get_federation_token(Name="bob"), "sqs")
    assert sqs.send_message(QueueUrl=url, MessageBody="x")["MessageId"]


def test_what_is_not_implemented_is_refused_by_name(world):
    role = world.role("r")
    provided = [{"ProviderArn": "arn:aws:iam::aws:contextProvider/IdentityCenter", "ContextAssertion": "x" * 8}]
    code, text = refused(world.sts.assume_role, RoleArn=role, RoleSessionName="me", ProvidedContexts=provided)
    assert code == "NotImplemented" and "ProvidedContexts" in text
