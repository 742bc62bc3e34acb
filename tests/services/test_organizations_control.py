"""Service control policies bind every principal of a member account, its root too, on every call; nobody else.

https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html
"""

from __future__ import annotations

import json

import pytest
from organization_workshop import FULL, MASTER, SCP, Garden, deny, document
from refusals import refused
from replicated_buckets import Pair, make_role, rule

from kumoniwa.gate.address import GLOBAL

EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


@pytest.fixture
def garden(cloud):
    return Garden(cloud, SCP)


def assumed(cloud, account, role="OrganizationAccountAccessRole", **keys):
    made = cloud.client("sts", **keys).assume_role(RoleArn=f"arn:aws:iam::{account}:role/{role}", RoleSessionName="visit")["Credentials"]
    return {"key": made["AccessKeyId"], "secret": made["SecretAccessKey"], "token": made["SessionToken"]}


# In AWS's words ----------------------------------------------------------------------------------------


def test_a_denial_names_the_service_control_policy(cloud, garden):
    account = garden.member()
    keys = garden.user(account)
    garden.policy(deny("dynamodb:ListTables"), garden.root)
    assert refused(cloud.client("dynamodb", **keys).list_tables) == (
        "AccessDeniedException",
        f"User: arn:aws:iam::{account}:user/ann is not authorized to perform: dynamodb:ListTables "
        f"on resource: arn:aws:dynamodb:us-east-1:{account}:table/* with an explicit deny in a service control policy",
    )


def test_what_no_level_allows_is_refused_in_other_words(cloud, garden):
    account = garden.member()
    only = garden.policy(document({"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}), account)
    garden.api.detach_policy(PolicyId=FULL, TargetId=account)
    keys = {"key": account}
    cloud.client("dynamodb", **keys).list_tables()
    code, text = refused(cloud.client("sns", **keys).list_topics)
    assert (code, text) == (
        "AuthorizationError",
        f"User: arn:aws:iam::{account}:root is not authorized to perform: SNS:ListTopics on resource: * "
        "because no service control policy allows the SNS:ListTopics action",
    )
    garden.api.attach_policy(PolicyId=FULL, TargetId=account)
    garden.api.detach_policy(PolicyId=only, TargetId=account)
    assert cloud.client("sns", **keys).list_topics()["Topics"] == []


@pytest.mark.parametrize(
    ("service", "action", "operation", "params", "code"),
    [
        ("s3", "s3:ListAllMyBuckets", "list_buckets", {}, "AccessDenied"),
        ("iam", "iam:ListUsers", "list_users", {}, "AccessDenied"),
        ("lambda", "lambda:ListFunctions", "list_functions", {}, "AccessDeniedException"),
        ("kms", "kms:ListKeys", "list_keys", {}, "AccessDeniedException"),
        ("sqs", "sqs:ListQueues", "list_queues", {}, "AccessDeniedException"),
        ("cloudformation", "cloudformation:DescribeStacks", "describe_stacks", {}, "AccessDenied"),
        ("logs", "logs:DescribeLogGroups", "describe_log_groups", {}, "AccessDeniedException"),
        ("secretsmanager", "secretsmanager:ListSecrets", "list_secrets", {}, "AccessDeniedException"),
        ("route53", "route53:ListHostedZones", "list_hosted_zones", {}, "AccessDenied"),
        ("sts", "sts:GetSessionToken", "get_session_token", {}, None),
    ],
)  # fmt: skip
def test_every_protocol_refuses_the_root_of_a_member_account(cloud, garden, service, action, operation, params, code):
    account = garden.member()
    garden.policy(deny(action), account)
    ask = getattr(cloud.client(service, key=account), operation)
    if code is None:  # which needs no permission, and so nothing can take it: it is not asked about
        assert ask(**params)
        return
    found, text = refused(ask, **params)
    assert found == code
    assert f"arn:aws:iam::{account}:root is not authorized to perform: " in text
    assert text.endswith("with an explicit deny in a service control policy")
    assert getattr(cloud.client(service, key="222222222222"), operation)(**params)  # an account of no organization is free


# Who is bound -------------------------------------------------------------------------------------------


def test_roles_and_sessions_of_a_member_are_bound_and_the_management_account_is_not(cloud, garden):
    account = garden.member()
    garden.policy(deny("dynamodb:*"), garden.root)
    session = assumed(cloud, account, key=MASTER)
    assert cloud.client("sts", **session).get_caller_identity()["Account"] == account
    assert refused(cloud.client("dynamodb", **session).list_tables)[0] == "AccessDeniedException"
    master = garden.user(MASTER)
    assert cloud.client("dynamodb", **master).list_tables()["TableNames"] == []
    assert cloud.client("dynamodb", key=MASTER).list_tables()["TableNames"] == []


def test_temporary_keys_of_a_member_s_root_are_bound(cloud, garden):
    account = garden.member()
    garden.policy(deny("dynamodb:*"), account)
    made = cloud.client("sts", key=account).get_session_token()["Credentials"]
    keys = {"key": made["AccessKeyId"], "secret": made["SecretAccessKey"], "token": made["SessionToken"]}
    assert refused(cloud.client("dynamodb", **keys).list_tables)[0] == "AccessDeniedException"


def test_a_principal_is_bound_by_its_own_account_and_not_by_the_resource_s(cloud, garden):
    """An SCP of the account that owns a queue says nothing of strangers whom the queue lets in."""
    account = garden.member()
    sqs = cloud.client("sqs", key=account)
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    may = document({"Effect": "Allow", "Principal": {"AWS": "222222222222"}, "Action": "sqs:*", "Resource": "*"})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": may})
    garden.policy(deny("sqs:SendMessage"), account)
    assert refused(sqs.send_message, QueueUrl=url, MessageBody="m")[0] == "AccessDeniedException"
    assert cloud.client("sqs", key="222222222222").send_message(QueueUrl=url, MessageBody="m")["MessageId"]


def test_a_resource_s_own_policy_does_not_let_past_a_control_policy(cloud, garden):
    account = garden.member()
    keys = garden.user(account)
    s3 = cloud.client("s3", key=account)
    s3.create_bucket(Bucket="plot")
    arn = f"arn:aws:iam::{account}:user/ann"
    s3.put_bucket_policy(Bucket="plot", Policy=document({"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "s3:*", "Resource": "arn:aws:s3:::plot/*"}))
    cloud.client("s3", **keys).put_object(Bucket="plot", Key="k", Body=b"1")
    garden.policy(deny("s3:PutObject"), account)
    code, text = refused(cloud.client("s3", **keys).put_object, Bucket="plot", Key="k", Body=b"2")
    assert code == "AccessDenied" and text.endswith("with an explicit deny in a service control policy")


def test_a_further_permission_is_bound_as_well(cloud, garden):
    """lambda:CreateFunction asks for iam:PassRole of the same caller."""
    account = garden.member()
    trust = document({"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"})
    role = cloud.client("iam", key=account).create_role(RoleName="runner", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    garden.policy(deny("iam:PassRole"), account)
    make = cloud.client("lambda", key=account).create_function
    code, text = refused(make, FunctionName="f", Runtime="python3.12", Handler="h.h", Role=role, Code={"ZipFile": b"PK"})
    assert code == "AccessDeniedException" and "iam:PassRole" in text and text.endswith("in a service control policy")


def test_service_linked_roles_are_free(cloud, garden):
    """What a service does by its linked role is bound by no policy of an organization:
    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html#not-restricted-by-scp"""
    account = garden.member()
    cloud.client("dynamodb", key=account).create_table(
        TableName="table", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}], AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
    )  # fmt: skip
    region = cloud.region()
    role = f"arn:aws:iam::{account}:role/aws-service-role/dynamodb.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_DynamoDBTable"
    cloud.client("iam", key=account).create_service_linked_role(AWSServiceName="dynamodb.application-autoscaling.amazonaws.com")
    garden.policy(deny("dynamodb:*", "cloudwatch:*"), account)
    linked = region.assume(role, "dynamodb.application-autoscaling.amazonaws.com", "s", account)
    assert cloud.run(region.ask(linked, "dynamodb:DescribeTable", {"TableName": "table"}))["Table"]["TableName"] == "table"


# Where it hangs -----------------------------------------------------------------------------------------


def test_each_level_of_the_path_must_allow(cloud, garden):
    outer = garden.unit("outer")
    inner = garden.unit("inner", outer)
    account = garden.member(parent=inner)
    may = cloud.client("dynamodb", key=account).list_tables
    assert may()["TableNames"] == []
    narrow = garden.policy(document({"Effect": "Allow", "Action": "s3:*", "Resource": "*"}))
    for place in (garden.root, outer, inner, account):
        garden.api.attach_policy(PolicyId=narrow, TargetId=place)
        garden.api.detach_policy(PolicyId=FULL, TargetId=place)
        assert "because no service control policy allows the dynamodb:ListTables action" in refused(may)[1]
        cloud.client("s3", key=account).list_buckets()
        garden.api.attach_policy(PolicyId=FULL, TargetId=place)
        garden.api.detach_policy(PolicyId=narrow, TargetId=place)
        assert may()["TableNames"] == []


def test_a_change_of_policy_attachment_or_place_counts_from_the_next_call(cloud, garden):
    unit = garden.unit("strict")
    account = garden.member()
    may = cloud.client("dynamodb", key=account).list_tables
    policy = garden.policy(deny("dynamodb:*"), unit)
    may()
    garden.api.move_account(AccountId=account, SourceParentId=garden.root, DestinationParentId=unit)
    assert refused(may)[0] == "AccessDeniedException"
    garden.api.update_policy(PolicyId=policy, Content=deny("sqs:*"))
    may()
    garden.api.update_policy(PolicyId=policy, Content=deny("dynamodb:List*"))
    assert refused(may)[0] == "AccessDeniedException"
    garden.api.detach_policy(PolicyId=policy, TargetId=unit)
    may()
    garden.api.attach_policy(PolicyId=policy, TargetId=account)
    assert refused(may)[0] == "AccessDeniedException"
    garden.api.disable_policy_type(RootId=garden.root, PolicyType=SCP)
    may()
    garden.api.enable_policy_type(RootId=garden.root, PolicyType=SCP)
    may()  # disabling has detached it


def test_conditions_of_a_control_policy_are_evaluated(make_cloud):
    cloud = make_cloud("us-east-1", "eu-west-1", GLOBAL)
    garden = Garden(cloud, SCP)
    account = garden.member()
    outside = {"StringNotEquals": {"aws:RequestedRegion": ["eu-west-1", "eu-central-1"]}}
    guard = {"Effect": "Deny", "NotAction": ["iam:*", "organizations:*", "sts:*"], "Resource": "*", "Condition": outside}
    garden.policy(document(guard), account)
    assert refused(cloud.client("dynamodb", "us-east-1", key=account).list_tables)[0] == "AccessDeniedException"
    assert cloud.client("dynamodb", "eu-west-1", key=account).list_tables()["TableNames"] == []
    assert cloud.client("iam", "us-east-1", key=account).list_users()["Users"] == []


def test_what_aws_keeps_once_for_all_regions_is_asked_in_us_east_1(cloud, garden):
    """So a guard of regions that forgets to except IAM shuts it, or does not, by the regions that it names."""
    account = garden.member()
    users = cloud.client("iam", "eu-west-1", key=account).list_users

    def guard(region):
        return deny("*", Condition={"StringNotEquals": {"aws:RequestedRegion": region}})

    policy = garden.policy(guard("us-east-1"), account)
    assert users()["Users"] == []
    garden.api.update_policy(PolicyId=policy, Content=guard("eu-west-1"))
    assert refused(users)[0] == "AccessDenied"


def test_a_control_policy_may_exempt_a_principal_by_its_arn(cloud, garden):
    account = garden.member()
    but = {"ArnNotLike": {"aws:PrincipalARN": f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole"}}
    garden.policy(deny("dynamodb:*", Condition=but), account)
    assert refused(cloud.client("dynamodb", key=account).list_tables)[0] == "AccessDeniedException"
    assert cloud.client("dynamodb", **assumed(cloud, account, key=MASTER)).list_tables()["TableNames"] == []


def test_a_bucket_s_copies_end_where_its_account_s_policies_do(make_cloud):
    """The role by which S3 replicates is one of the member's, and bound as its others, although the copying was agreed before."""
    cloud = make_cloud("us-east-1", "eu-west-1", GLOBAL)
    garden = Garden(cloud, SCP)
    invitation = garden.api.invite_account_to_organization(Target={"Id": "000000000000", "Type": "ACCOUNT"})["Handshake"]["Id"]
    cloud.client("organizations").accept_handshake(HandshakeId=invitation)
    make_role(cloud)
    pair = Pair(cloud)
    pair.replicate(rule())
    pair.put("one")
    cloud.sleep(30)
    assert pair.there() == ["one"] and pair.status("one") == "COMPLETED"
    outside = {"StringNotEquals": {"aws:RequestedRegion": "us-east-1"}}
    garden.policy(document({"Effect": "Deny", "Action": "s3:Replicate*", "Resource": "*", "Condition": outside}), "000000000000")
    pair.put("two")
    cloud.sleep(30)
    assert pair.there() == ["one"] and pair.status("two") == "FAILED"


# Whatever happens ---------------------------------------------------------------------------------------


def test_regions_hold_to_the_policies_while_the_control_plane_is_down_and_after_their_own_death(cloud, garden):
    account = garden.member()
    garden.policy(deny("dynamodb:*"), account)
    cloud.kill(GLOBAL)
    may = cloud.client("dynamodb", key=account).list_tables
    assert refused(may)[0] == "AccessDeniedException"
    cloud.restart("us-east-1", kill=True)
    assert refused(may)[0] == "AccessDeniedException"
    cloud.region(GLOBAL)
    assert refused(may)[0] == "AccessDeniedException"
    assert cloud.client("dynamodb", key=MASTER).list_tables()["TableNames"] == []


def test_under_audit_nothing_is_refused(make_cloud):
    cloud = make_cloud(iam="audit")
    garden = Garden(cloud, SCP)
    account = garden.member()
    garden.policy(deny("dynamodb:*"), account)
    assert cloud.client("dynamodb", key=account).list_tables()["TableNames"] == []


def test_whoever_leaves_is_free_again(cloud, garden):
    made = garden.api.invite_account_to_organization(Target={"Id": "333333333333", "Type": "ACCOUNT"})["Handshake"]
    cloud.client("organizations", key="333333333333").accept_handshake(HandshakeId=made["Id"])
    garden.policy(deny("dynamodb:*"), garden.root)
    may = cloud.client("dynamodb", key="333333333333").list_tables
    assert refused(may)[0] == "AccessDeniedException"
    garden.policy(deny("organizations:LeaveOrganization"), "333333333333")
    leave = cloud.client("organizations", key="333333333333").leave_organization
    code, text = refused(leave)
    assert code == "AccessDeniedException" and text.endswith("with an explicit deny in a service control policy")
    garden.api.remove_account_from_organization(AccountId="333333333333")
    assert may()["TableNames"] == []


# The simulator ------------------------------------------------------------------------------------------


def test_the_simulator_counts_control_policies(cloud, garden):
    account = garden.member()
    garden.user(account)
    iam, arn = cloud.client("iam", key=account), f"arn:aws:iam::{account}:user/ann"
    garden.policy(deny("dynamodb:DeleteTable"), garden.root)
    found = iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=["dynamodb:DeleteTable", "dynamodb:GetItem"])["EvaluationResults"]
    told = {each["EvalActionName"]: (each["EvalDecision"], each["OrganizationsDecisionDetail"]["AllowedByOrganizations"]) for each in found}
    assert told == {"dynamodb:DeleteTable": ("explicitDeny", False), "dynamodb:GetItem": ("allowed", True)}
    free = cloud.client("iam", key=MASTER)
    garden.user(MASTER, EVERYTHING)
    (one,) = free.simulate_principal_policy(PolicySourceArn=f"arn:aws:iam::{MASTER}:user/ann", ActionNames=["dynamodb:DeleteTable"])["EvaluationResults"]
    assert one["EvalDecision"] == "allowed" and "OrganizationsDecisionDetail" not in one


def test_what_a_denial_by_ec2_s_kin_encodes_and_cloudtrail_records_names_the_member(cloud, garden):
    account = garden.member()
    garden.policy(deny("dynamodb:CreateTable"), account)
    refused(
        cloud.client("dynamodb", key=account).create_table, TableName="table", BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}], AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )  # fmt: skip
    events = cloud.client("cloudtrail", key=account).lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "CreateTable"}])["Events"]
    told = json.loads(events[0]["CloudTrailEvent"])
    assert told["errorCode"] == "AccessDenied" and "service control policy" in told["errorMessage"]


def test_a_policy_against_root_users_keeps_no_account_from_coming(garden):
    """The service's own role is there before the account is bound: it was made by its root user afterwards, and no account came any more."""
    against = garden.policy(deny("*", Condition={"StringLike": {"aws:PrincipalArn": "arn:aws:iam::*:root"}}), garden.root)
    stranger = "444455556666"
    members = [garden.member(), garden.member(), stranger]
    asked = garden.api.invite_account_to_organization(Target={"Id": stranger, "Type": "ACCOUNT"})
    garden.cloud.client("organizations", key=stranger).accept_handshake(HandshakeId=asked["Handshake"]["Id"])
    assert {each["Id"] for each in garden.api.list_accounts()["Accounts"]} == {MASTER, *members}
    garden.api.detach_policy(PolicyId=against, TargetId=garden.root)
    for account in members:
        assert garden.cloud.client("iam", key=account).get_role(RoleName="AWSServiceRoleForOrganizations")
