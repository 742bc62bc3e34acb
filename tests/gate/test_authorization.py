"""The gate as its callers meet it: keys, policies and refusals, through real clients and several services.

Texts of refusals: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""

from __future__ import annotations

import json

import orjson
import pytest
from refusals import refusal

from kumoniwa.gate.address import GLOBAL
from kumoniwa.gate.authorize import OBSERVED, AccessDenied
from kumoniwa.gate.identity import SHARED, Credential, Grant, Identity
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.errors import ValidationError
from kumoniwa.kernel.operation import service_names

ACCOUNT, OTHER = "111111111111", "222222222222"
ALICE = f"arn:aws:iam::{ACCOUNT}:user/alice"


def allow(action, resource="*", **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action, resource="*", **more):
    return {**allow(action, resource, **more), "Effect": "Deny"}


def policy(*statements) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def trust(principal, **more) -> str:
    return policy({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **more})


class Person:
    """A user with one access key, and her clients."""

    def __init__(self, cloud, name="alice", account=ACCOUNT, **more):
        self.cloud, self.name, self.iam = cloud, name, cloud.client("iam", key=account)
        self.arn = self.iam.create_user(UserName=name, **more)["User"]["Arn"]
        key = self.iam.create_access_key(UserName=name)["AccessKey"]
        self.key, self.secret = key["AccessKeyId"], key["SecretAccessKey"]

    def may(self, *statements):
        self.iam.put_user_policy(UserName=self.name, PolicyName="own", PolicyDocument=policy(*statements))
        return self

    def client(self, service, region="us-east-1"):
        return self.cloud.client(service, region, key=self.key, secret=self.secret)


def session(cloud, credentials, service, region="us-east-1"):
    c = credentials
    return cloud.client(
        service, region, key=c["AccessKeyId"], secret=c["SecretAccessKey"], token=c["SessionToken"]
    )


def code(error):
    return error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]


def text(error):
    return error["Error"]["Message"]


# No rights at all --------------------------------------------------------------------------------------

CALLS = {
    # service: (method, parameters, action, resource, code, status). SQS alone writes its actions in lower case:
    # https://github.com/aws/aws-sdk-js-v3/issues/5630
    "sqs": ("create_queue", {"QueueName": "q"}, "sqs:createqueue", f"arn:aws:sqs:us-east-1:{ACCOUNT}:q", "AccessDeniedException", 400),
    "iam": ("get_role", {"RoleName": "r"}, "iam:GetRole", f"arn:aws:iam::{ACCOUNT}:role/r", "AccessDenied", 403),
    "sts": (
        "get_federation_token", {"Name": "bob"}, "sts:GetFederationToken",
        f"arn:aws:sts::{ACCOUNT}:federated-user/bob", "AccessDenied", 403,
    ),
    "dynamodb": (
        "get_item", {"TableName": "t", "Key": {"id": {"S": "1"}}}, "dynamodb:GetItem",
        f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/t", "AccessDeniedException", 400,
    ),
    "lambda": (
        "get_function", {"FunctionName": "f"}, "lambda:GetFunction",
        f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f", "AccessDeniedException", 403,
    ),
    "apigateway": (
        "get_rest_api", {"restApiId": "abc"}, "apigateway:GET",
        "arn:aws:apigateway:us-east-1::/restapis/abc", "AccessDeniedException", 403,
    ),
    "sns": (
        "create_topic", {"Name": "t"}, "SNS:CreateTopic", f"arn:aws:sns:us-east-1:{ACCOUNT}:t", "AuthorizationError", 403,
    ),
    "cloudformation": (
        "describe_stacks", {"StackName": "s"}, "cloudformation:DescribeStacks",
        f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/s/", "AccessDenied", 403,
    ),
    "logs": (
        "create_log_group", {"logGroupName": "g"}, "logs:CreateLogGroup",
        f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:g", "AccessDeniedException", 400,
    ),
    "events": (
        "describe_rule", {"Name": "r"}, "events:DescribeRule",
        f"arn:aws:events:us-east-1:{ACCOUNT}:rule/r", "AccessDeniedException", 400,
    ),
}  # fmt: skip


@pytest.mark.parametrize("service", sorted(CALLS.keys() & service_names()))
def test_a_user_without_rights_is_told_action_resource_and_kind_of_policy(cloud, service):
    method, params, action, resource, expected, status = CALLS[service]
    alice = Person(cloud)
    error = refusal(getattr(alice.client(service), method), **params)
    assert text(error).startswith(
        f"User: {alice.arn} is not authorized to perform: {action} on resource: {resource}"
    )
    assert text(error).endswith(f"because no identity-based policy allows the {action} action")
    assert code(error) == (expected, status)


@pytest.mark.parametrize("service", sorted({"s3"} & service_names()))
def test_s3_names_the_resource_in_quotes(cloud, service):
    alice = Person(cloud)
    cloud.client("s3", key=ACCOUNT).create_bucket(Bucket="bucket-of-alice")
    error = refusal(alice.client("s3").list_objects_v2, Bucket="bucket-of-alice")
    assert code(error) == ("AccessDenied", 403)
    assert (
        's3:ListBucket on resource: "arn:aws:s3:::bucket-of-alice" because no identity-based policy'
        in text(error)
    )


def test_the_refusal_carries_the_statement_that_would_allow_as_a_hint(cloud):
    error = refusal(Person(cloud).client("sqs").create_queue, QueueName="q")
    hint = error["ResponseMetadata"]["HTTPHeaders"]["x-kumoniwa-hint"]
    assert f'"Action": "sqs:CreateQueue", "Resource": "arn:aws:sqs:us-east-1:{ACCOUNT}:q"' in hint


def test_the_right_to_one_queue_is_no_right_to_another(cloud):
    sqs = Person(cloud).may(allow("sqs:CreateQueue", f"arn:aws:sqs:us-east-1:{ACCOUNT}:mine-*")).client("sqs")
    assert sqs.create_queue(QueueName="mine-1")["QueueUrl"].endswith(f"/{ACCOUNT}/mine-1")
    assert "identity-based" in text(refusal(sqs.create_queue, QueueName="yours"))


def test_denial_comes_before_explanation(cloud):
    # A caller without rights must not learn whether the queue exists.
    error = refusal(Person(cloud).client("sqs").get_queue_url, QueueName="absent")
    assert "not authorized" in text(error)


# How policies combine ----------------------------------------------------------------------------------


def test_an_explicit_deny_beats_every_allow(cloud):
    alice = Person(cloud).may(allow("*"), deny("sqs:DeleteQueue"))
    sqs = alice.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    error = refusal(sqs.delete_queue, QueueUrl=url)
    assert text(error).endswith("with an explicit deny in an identity-based policy")


def test_the_boundary_bounds_what_a_user_may(cloud):
    iam = cloud.client("iam", key=ACCOUNT)
    boundary = iam.create_policy(PolicyName="edge", PolicyDocument=policy(allow("sqs:*")))["Policy"]["Arn"]
    alice = Person(cloud, PermissionsBoundary=boundary).may(allow("*"))
    alice.client("sqs").create_queue(QueueName="q")
    error = refusal(alice.client("iam").get_role, RoleName="r")
    assert text(error).endswith("because no permissions boundary allows the iam:GetRole action")


def test_a_new_version_of_a_boundary_counts_at_once(cloud):
    iam = cloud.client("iam", key=ACCOUNT)
    boundary = iam.create_policy(PolicyName="edge", PolicyDocument=policy(allow("sqs:*")))["Policy"]["Arn"]
    alice = Person(cloud, PermissionsBoundary=boundary).may(allow("*"))
    alice.client("sqs").create_queue(QueueName="q")
    iam.create_policy_version(PolicyArn=boundary, PolicyDocument=policy(allow("iam:*")), SetAsDefault=True)
    assert "permissions boundary" in text(refusal(alice.client("sqs").create_queue, QueueName="r"))


def test_rights_come_through_groups_and_go_with_them(cloud):
    iam = cloud.client("iam", key=ACCOUNT)
    alice = Person(cloud)
    iam.create_group(GroupName="workers")
    iam.add_user_to_group(GroupName="workers", UserName="alice")
    iam.put_group_policy(GroupName="workers", PolicyName="p", PolicyDocument=policy(allow("sqs:*")))
    alice.client("sqs").create_queue(QueueName="q")
    iam.remove_user_from_group(GroupName="workers", UserName="alice")
    assert "identity-based" in text(refusal(alice.client("sqs").create_queue, QueueName="r"))


def test_a_session_policy_takes_from_a_role_and_gives_nothing(cloud):
    iam = cloud.client("iam", key=ACCOUNT)
    alice = Person(cloud)
    role = iam.create_role(RoleName="worker", AssumeRolePolicyDocument=trust({"AWS": alice.arn}))["Role"][
        "Arn"
    ]
    iam.put_role_policy(RoleName="worker", PolicyName="p", PolicyDocument=policy(allow("sqs:*")))
    sts = alice.client("sts")
    narrow = sts.assume_role(
        RoleArn=role, RoleSessionName="me", Policy=policy(allow(["sqs:CreateQueue", "iam:*"]))
    )
    credentials = narrow["Credentials"]
    sqs = session(cloud, credentials, "sqs")
    sqs.create_queue(QueueName="q")
    assert text(refusal(sqs.list_queues)).endswith(
        "because no session policy allows the sqs:listqueues action"
    )
    assert "no identity-based policy" in text(
        refusal(session(cloud, credentials, "iam").get_role, RoleName="worker")
    )


def test_across_accounts_both_sides_must_allow(cloud):
    bob = Person(cloud, "bob", OTHER)
    owner = cloud.client("sqs", key=ACCOUNT)
    url = owner.create_queue(QueueName="shared")["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:shared"
    bob.may(allow("sqs:SendMessage", arn))
    sqs = bob.client("sqs")
    assert "no resource-based policy" in text(refusal(sqs.send_message, QueueUrl=url, MessageBody="x"))
    owner.set_queue_attributes(
        QueueUrl=url,
        Attributes={"Policy": policy({**allow("sqs:SendMessage", arn), "Principal": {"AWS": OTHER}})},
    )
    sqs.send_message(QueueUrl=url, MessageBody="x")
    assert owner.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "x"
    bob.may(allow("sqs:GetQueueUrl"))
    assert "no identity-based policy" in text(refusal(sqs.send_message, QueueUrl=url, MessageBody="x"))


def test_in_one_account_the_resource_may_allow_alone_and_may_deny_its_root(cloud):
    alice = Person(cloud)
    owner = cloud.client("sqs", key=ACCOUNT)
    url = owner.create_queue(QueueName="q")["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"
    statements = [
        {**allow("sqs:SendMessage", arn), "Principal": {"AWS": alice.arn}},
        {**deny("sqs:PurgeQueue", arn), "Principal": "*"},
    ]
    owner.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy(*statements)})
    alice.client("sqs").send_message(QueueUrl=url, MessageBody="x")
    assert text(refusal(owner.purge_queue, QueueUrl=url)).endswith(
        "with an explicit deny in a resource-based policy"
    )


def test_not_action_not_resource_and_not_principal(cloud):
    alice = Person(cloud)
    mine = f"arn:aws:sqs:us-east-1:{ACCOUNT}:mine"
    alice.may(
        {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "sqs:DeleteQueue", "NotResource": mine},
    )
    sqs = alice.client("sqs")
    mine_url, other_url = (sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("mine", "other"))
    assert "explicit deny" in text(refusal(sqs.delete_queue, QueueUrl=other_url))
    assert "identity-based" in text(refusal(alice.client("iam").get_role, RoleName="r"))
    excluding = {
        "Effect": "Deny",
        "NotPrincipal": {"AWS": [alice.arn, f"arn:aws:iam::{ACCOUNT}:root"]},
        "Action": "sqs:*",
        "Resource": mine,
    }
    sqs.set_queue_attributes(QueueUrl=mine_url, Attributes={"Policy": policy(excluding)})
    sqs.send_message(QueueUrl=mine_url, MessageBody="x")
    carol = Person(cloud, "carol").may(allow("*"))
    assert "resource-based" in text(
        refusal(carol.client("sqs").send_message, QueueUrl=mine_url, MessageBody="x")
    )
    sqs.delete_queue(QueueUrl=mine_url)


# Conditions and variables ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, True),
        ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, False),
        ({"StringEquals": {"aws:RequestedRegion": "us-east-1"}}, True),
        ({"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}, False),
        ({"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:user/al*"}}, True),
        ({"StringEquals": {"aws:PrincipalAccount": OTHER}}, False),
        ({"StringEquals": {"aws:PrincipalType": "User"}}, True),
        ({"StringEquals": {"aws:username": "alice"}}, True),
        ({"StringEquals": {"aws:PrincipalTag/team": "blue"}}, True),
        ({"StringEquals": {"aws:PrincipalTag/team": "red"}}, False),
        ({"StringEquals": {"aws:ResourceAccount": "${aws:PrincipalAccount}"}}, True),
        ({"DateGreaterThan": {"aws:CurrentTime": "2029-12-31T00:00:00Z"}}, True),
        ({"DateLessThan": {"aws:CurrentTime": "2029-12-31T00:00:00Z"}}, False),
        ({"NumericGreaterThan": {"aws:EpochTime": "1000000000"}}, True),
        ({"Bool": {"aws:SecureTransport": "true"}}, False),
        ({"Bool": {"aws:SecureTransport": "false"}}, True),
        ({"StringLike": {"aws:UserAgent": "*Boto*"}}, True),
        ({"Null": {"aws:TokenIssueTime": "true"}}, True),
        ({"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}}, True),
        ({"Bool": {"aws:MultiFactorAuthPresent": "true"}}, False),
    ],
    ids=str,
)
def test_a_condition_on_a_global_key(cloud, condition, holds):
    sqs = (
        Person(cloud, Tags=[{"Key": "team", "Value": "blue"}])
        .may(allow("sqs:CreateQueue", Condition=condition))
        .client("sqs")
    )
    if holds:
        sqs.create_queue(QueueName="q")
    else:
        assert "identity-based" in text(refusal(sqs.create_queue, QueueName="q"))


def test_a_right_ends_when_the_time_of_its_condition_comes(cloud):
    until = {"DateLessThan": {"aws:CurrentTime": "2030-01-01T01:00:00Z"}}
    sqs = Person(cloud).may(allow("sqs:*", Condition=until)).client("sqs")
    sqs.create_queue(QueueName="q")
    cloud.sleep(3601)
    assert "identity-based" in text(refusal(sqs.create_queue, QueueName="r"))


def test_a_variable_in_a_resource_stands_for_the_caller(cloud):
    statement = allow("sqs:*", f"arn:aws:sqs:*:{ACCOUNT}:" + "${aws:username}-*")
    sqs = Person(cloud).may(statement).client("sqs")
    sqs.create_queue(QueueName="alice-jobs")
    assert "identity-based" in text(refusal(sqs.create_queue, QueueName="bob-jobs"))


# Keys and sessions -------------------------------------------------------------------------------------


def test_a_wrong_secret_is_refused_in_the_words_of_each_protocol(cloud):
    alice = Person(cloud).may(allow("*"))
    wrong = {"key": alice.key, "secret": "not-the-secret"}
    assert code(refusal(cloud.client("sts", **wrong).get_caller_identity)) == ("SignatureDoesNotMatch", 403)
    if "dynamodb" in service_names():
        assert code(refusal(cloud.client("dynamodb", **wrong).list_tables)) == (
            "InvalidSignatureException",
            400,
        )
    if "lambda" in service_names():
        assert code(refusal(cloud.client("lambda", **wrong).list_functions)) == (
            "InvalidSignatureException",
            403,
        )
    if "s3" in service_names():
        assert code(refusal(cloud.client("s3", **wrong).list_buckets)) == ("SignatureDoesNotMatch", 403)


def test_strict_refuses_a_key_nobody_issued(make_cloud):
    cloud = make_cloud("us-east-1", GLOBAL, auth="strict")
    error = refusal(cloud.client("sts", key="test").get_caller_identity)
    assert code(error) == ("InvalidClientTokenId", 403)
    assert text(error) == "The security token included in the request is invalid."
    if "dynamodb" in service_names():
        assert code(refusal(cloud.client("dynamodb", key="test").list_tables)) == (
            "UnrecognizedClientException",
            400,
        )
    if "s3" in service_names():
        assert code(refusal(cloud.client("s3", key="test").list_buckets)) == ("InvalidAccessKeyId", 403)


def test_in_open_mode_twelve_digits_are_the_root_of_that_account(cloud):
    found = cloud.client("sts", key=OTHER).get_caller_identity()
    assert (found["Account"], found["Arn"]) == (OTHER, f"arn:aws:iam::{OTHER}:root")


def test_a_key_that_was_taken_away_opens_nothing_not_even_in_open_mode(cloud):
    alice = Person(cloud).may(allow("*"))
    alice.client("sts").get_caller_identity()
    alice.iam.update_access_key(UserName="alice", AccessKeyId=alice.key, Status="Inactive")
    assert code(refusal(alice.client("sts").get_caller_identity)) == ("InvalidClientTokenId", 403)
    alice.iam.update_access_key(UserName="alice", AccessKeyId=alice.key, Status="Active")
    alice.client("sts").get_caller_identity()
    alice.iam.delete_access_key(UserName="alice", AccessKeyId=alice.key)
    assert code(refusal(alice.client("sts").get_caller_identity)) == ("InvalidClientTokenId", 403)


def test_an_expired_session_is_refused_in_the_words_of_each_protocol(cloud):
    credentials = Person(cloud).client("sts").get_session_token(DurationSeconds=900)["Credentials"]
    session(cloud, credentials, "sts").get_caller_identity()
    cloud.sleep(901)
    error = refusal(session(cloud, credentials, "sts").get_caller_identity)
    assert code(error) == ("ExpiredToken", 403)
    assert text(error) == "The security token included in the request is expired"
    if "dynamodb" in service_names():
        assert code(refusal(session(cloud, credentials, "dynamodb").list_tables)) == (
            "ExpiredTokenException",
            400,
        )
    if "s3" in service_names():
        # https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
        assert code(refusal(session(cloud, credentials, "s3").list_buckets)) == ("ExpiredToken", 400)


def test_a_session_token_that_was_tampered_with_or_goes_with_another_key_is_refused(cloud):
    alice = Person(cloud)
    credentials = alice.client("sts").get_session_token()["Credentials"]
    token = credentials["SessionToken"]
    broken = {**credentials, "SessionToken": token[:-8] + ("A" if token[-8] != "A" else "B") + token[-7:]}
    assert code(refusal(session(cloud, broken, "sts").get_caller_identity)) == ("InvalidClientTokenId", 403)
    other = alice.client("sts").get_session_token()["Credentials"]
    swapped = {**credentials, "SessionToken": other["SessionToken"]}
    assert code(refusal(session(cloud, swapped, "sts").get_caller_identity)) == ("InvalidClientTokenId", 403)


def test_nobody_is_asked_for_a_token(cloud):
    host = {"host": "sts.us-east-1.amazonaws.com", "content-type": "application/x-www-form-urlencoded"}
    body = b"Action=GetCallerIdentity&Version=2011-06-15"
    status, _, content = cloud.http("POST", "/", host=host["host"], headers=host, body=body)
    assert status == 403 and b"<Code>MissingAuthenticationToken</Code>" in content


# Regions -----------------------------------------------------------------------------------------------


def test_a_session_of_one_region_works_in_another(make_cloud):
    cloud = make_cloud("us-east-1", "eu-west-1", GLOBAL)
    alice = Person(cloud).may(allow("sqs:*"))
    credentials = alice.client("sts").get_session_token()["Credentials"]
    assert session(cloud, credentials, "sqs", "eu-west-1").create_queue(QueueName="q")["QueueUrl"]


def test_regions_go_on_authorizing_while_iam_is_away(make_cloud):
    cloud = make_cloud("us-east-1", GLOBAL)
    alice = Person(cloud).may(allow("sqs:*"), deny("sqs:DeleteQueue"))
    role = alice.iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust({"AWS": alice.arn}))["Role"][
        "Arn"
    ]
    cloud.run(cloud.regions.pop(GLOBAL).close())
    url = alice.client("sqs").create_queue(QueueName="q")["QueueUrl"]
    assert "explicit deny" in text(refusal(alice.client("sqs").delete_queue, QueueUrl=url))
    assert alice.client("sts").assume_role(RoleArn=role, RoleSessionName="me")["Credentials"]
    cloud.restart("us-east-1")
    alice.client("sqs").send_message(QueueUrl=url, MessageBody="x")


def test_what_a_call_of_iam_acknowledged_survives_a_kill(make_cloud):
    cloud = make_cloud("us-east-1", GLOBAL)
    alice = Person(cloud).may(allow("sqs:*"))
    cloud.restart(GLOBAL, kill=True)
    cloud.restart("us-east-1", kill=True)
    assert alice.iam.get_user(UserName="alice")["User"]["Arn"] == alice.arn
    alice.client("sqs").create_queue(QueueName="q")


# Passing roles -----------------------------------------------------------------------------------------


def test_handing_on_a_role_needs_pass_role_for_that_service(cloud):
    iam = cloud.client("iam", key=ACCOUNT)
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust({"Service": "ec2.amazonaws.com"}))[
        "Role"
    ]["Arn"]
    iam.create_instance_profile(InstanceProfileName="p")
    alice = Person(cloud).may(allow("iam:AddRoleToInstanceProfile"))
    add = alice.client("iam").add_role_to_instance_profile
    error = refusal(add, InstanceProfileName="p", RoleName="r")
    assert code(error) == ("AccessDenied", 403)
    assert text(error) == (
        f"User: {ALICE} is not authorized to perform: iam:PassRole on resource: {role} "
        "because no identity-based policy allows the iam:PassRole action"
    )
    adding = allow("iam:AddRoleToInstanceProfile")
    to_lambda = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    alice.may(adding, allow("iam:PassRole", role, Condition=to_lambda))
    assert "iam:PassRole" in text(refusal(add, InstanceProfileName="p", RoleName="r"))
    assert iam.get_instance_profile(InstanceProfileName="p")["InstanceProfile"]["Roles"] == []
    to_ec2 = {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}
    alice.may(adding, allow("iam:PassRole", role, Condition=to_ec2))
    add(InstanceProfileName="p", RoleName="r")
    assert iam.get_instance_profile(InstanceProfileName="p")["InstanceProfile"]["Roles"][0]["Arn"] == role


# Modes, and what is kept -------------------------------------------------------------------------------


def observed(cloud, region="us-east-1"):
    cloud.sleep(0.1)
    rows = cloud.regions[region].store.rows(SHARED)
    if OBSERVED.name not in rows.tables:
        return set()
    return {tuple(row) for row in rows.all("select who, action, resource, was_allowed from observed")}


def test_audit_allows_what_it_would_have_refused_and_remembers(make_cloud):
    cloud = make_cloud("us-east-1", GLOBAL, iam="audit")
    alice = Person(cloud)
    alice.client("sqs").create_queue(QueueName="q")
    assert (ALICE, "sqs:CreateQueue", f"arn:aws:sqs:us-east-1:{ACCOUNT}:q", 0) in observed(cloud)


def test_off_asks_nobody(make_cloud):
    cloud = make_cloud("us-east-1", GLOBAL, iam="off")
    Person(cloud).client("sqs").create_queue(QueueName="q")
    assert observed(cloud) == set()


def test_what_principals_did_and_tried_is_kept_once(cloud):
    alice = Person(cloud).may(allow("sqs:CreateQueue"))
    for _ in range(3):
        alice.client("sqs").create_queue(QueueName="q")
        refusal(alice.client("sqs").list_queues)
    cloud.client("sqs", key=ACCOUNT).list_queues()  # a root user needs no policy: nothing to learn
    assert {(action, allowed) for _, action, _, allowed in observed(cloud)} == {
        ("sqs:CreateQueue", 1),
        ("sqs:ListQueues", 0),
    }


def test_a_role_is_observed_under_its_own_name_not_its_sessions(cloud):
    alice = Person(cloud)
    role = alice.iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust({"AWS": alice.arn}))["Role"][
        "Arn"
    ]
    credentials = alice.client("sts").assume_role(RoleArn=role, RoleSessionName="me")["Credentials"]
    refusal(session(cloud, credentials, "sqs").list_queues)
    assert role in {who for who, *_ in observed(cloud)}


def trail(cloud, region="us-east-1", account=ACCOUNT):
    rows = cloud.regions[region].store.rows(account)
    return [orjson.loads(body) for (body,) in rows.all("select event from trail order by at")]


def test_management_calls_are_in_the_trail_and_data_calls_are_not(cloud):
    alice = Person(cloud).may(allow("sqs:*"))
    url = alice.client("sqs").create_queue(QueueName="q")["QueueUrl"]
    alice.client("sqs").send_message(QueueUrl=url, MessageBody="secret words")
    (event,) = trail(cloud)
    assert (event["eventName"], event["eventSource"], event["readOnly"]) == (
        "CreateQueue",
        "sqs.amazonaws.com",
        False,
    )
    assert event["requestParameters"] == {"queueName": "q"}
    identity = event["userIdentity"]
    assert (identity["type"], identity["userName"], identity["accessKeyId"]) == (
        "IAMUser",
        "alice",
        alice.key,
    )


def test_refused_calls_are_in_the_trail_with_their_error(cloud):
    alice = Person(cloud)
    error = refusal(alice.client("sqs").create_queue, QueueName="q")
    (event,) = trail(cloud)
    assert event["errorCode"] == "AccessDenied" and event["errorMessage"] == text(error)
    assert event["responseElements"] is None


def test_secrets_do_not_enter_the_trail(cloud):
    alice = Person(cloud)
    (event,) = [event for event in trail(cloud, GLOBAL) if event["eventName"] == "CreateAccessKey"]
    assert event["eventSource"] == "iam.amazonaws.com"
    assert event["responseElements"]["accessKey"]["accessKeyId"] == alice.key
    assert alice.secret not in json.dumps(event)


def test_the_trail_names_an_sts_call_that_needs_no_permission(cloud):
    Person(cloud).client("sts").get_caller_identity()
    assert [(event["eventSource"], event["eventName"]) for event in trail(cloud)] == [
        ("sts.amazonaws.com", "GetCallerIdentity")
    ]


def test_the_trail_takes_numbers_that_json_of_64_bits_cannot(cloud):
    asking = cloud.region().ask(principals.root(ACCOUNT), "sts:GetSessionToken", {"DurationSeconds": 10**20})
    with pytest.raises(ValidationError):
        cloud.run(asking)
    (event,) = trail(cloud)
    assert event["errorCode"] == "ValidationError" and "durationSeconds" in event["requestParameters"]


# Services as roles -------------------------------------------------------------------------------------


def assumed(cloud, role, service="lambda.amazonaws.com", **context):
    return cloud.region().assume(role, service, "me", ACCOUNT, context)


def test_a_service_assumes_only_a_role_that_trusts_it(cloud):
    iam = cloud.client("iam", key=ACCOUNT)
    document = trust({"Service": "lambda.amazonaws.com"})
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    assert assumed(cloud, role).arn == f"arn:aws:sts::{ACCOUNT}:assumed-role/r/me"
    for arn, service in (
        (role, "events.amazonaws.com"),
        (f"arn:aws:iam::{ACCOUNT}:role/ghost", "lambda.amazonaws.com"),
    ):
        with pytest.raises(AccessDenied):
            assumed(cloud, arn, service)


def test_a_trust_policy_may_ask_for_whom_the_service_assumes(cloud):
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
    rule = f"arn:aws:events:us-east-1:{ACCOUNT}:rule/r"
    condition = {"StringEquals": {"aws:SourceAccount": ACCOUNT}, "ArnLike": {"aws:SourceArn": rule}}
    document = trust({"Service": "events.amazonaws.com"}, Condition=condition)
    role = cloud.client("iam", key=ACCOUNT).create_role(RoleName="r", AssumeRolePolicyDocument=document)[
        "Role"
    ]["Arn"]
    assert assumed(cloud, role, "events.amazonaws.com", **{"aws:SourceArn": rule}).source_arn == role
    with pytest.raises(AccessDenied):
        assumed(cloud, role, "events.amazonaws.com", **{"aws:SourceArn": rule + "-other"})


# Records no IAM wrote ----------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["grant", "boundary"])
def test_a_document_nobody_can_read_denies(cloud, place):
    everything = Grant(name="all", kind="inline", document=policy(allow("*")))
    broken = Grant(name="broken", kind="inline", document="{")
    shelf = cloud.region().store.shelf
    held = (
        {"grants": (everything, broken)}
        if place == "grant"
        else {"grants": (everything,), "boundary": "not json"}
    )

    async def issue():
        shelf(SHARED, Credential)["AKIABYHAND"] = Credential(
            key_id="AKIABYHAND", secret="s", account=ACCOUNT, arn=ALICE, user_id="AIDA1"
        )
        shelf(SHARED, Identity)[ALICE] = Identity(arn=ALICE, kind="user", account=ACCOUNT, id="AIDA1", **held)

    cloud.run(issue())
    assert "explicit deny" in text(refusal(cloud.client("sqs", key="AKIABYHAND", secret="s").list_queues))


def test_a_root_user_whose_key_was_issued_assumes_no_role(cloud):
    root = f"arn:aws:iam::{ACCOUNT}:root"
    role = cloud.client("iam", key=ACCOUNT).create_role(
        RoleName="r", AssumeRolePolicyDocument=trust({"AWS": root})
    )["Role"]["Arn"]

    async def issue():
        credential = Credential(key_id="AKIAROOT", secret="s", account=ACCOUNT, arn=root, user_id=ACCOUNT)
        cloud.region().store.shelf(SHARED, Credential)["AKIAROOT"] = credential

    cloud.run(issue())
    sts = cloud.client("sts", key="AKIAROOT", secret="s")
    assert sts.get_caller_identity()["Arn"] == root
    assert (
        text(refusal(sts.assume_role, RoleArn=role, RoleSessionName="me"))
        == "Roles may not be assumed by root accounts."
    )
