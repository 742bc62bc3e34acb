"""Centralized root access: an organization does to its members' root users what it turned on, one task at a time, and nothing else.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-enable-root-access.html and id_root-user-privileged-task.html; the
documents of the tasks as https://github.com/iann0036/iam-dataset holds them.
"""

from __future__ import annotations

import json

import pytest
from botocore.awsrequest import AWSPreparedRequest
from certificate_workshop import certificate
from organization_workshop import MASTER, SCP, Garden, deny, document
from refusals import refused

IAM = "iam.amazonaws.com"
TASKS = "arn:aws:iam::aws:policy/root-task/"
CREDENTIALS, SESSIONS = "RootCredentialsManagement", "RootSessions"


class Rooted(Garden):
    """An organization with centralized root access and one member."""

    def __init__(self, cloud, *types):
        super().__init__(cloud, *types)
        self.iam = cloud.client("iam", key=MASTER)
        self.child = self.member()
        self.api.enable_aws_service_access(ServicePrincipal=IAM)
        self.admin = self.user(MASTER)
        self.sts = cloud.client("sts", **self.admin)

    def on(self):
        self.iam.enable_organizations_root_credentials_management()
        self.iam.enable_organizations_root_sessions()
        return self

    def session(self, task, service, account=None, region="us-east-1", sts=None):
        made = (sts or self.sts).assume_root(TargetPrincipal=account or self.child, TaskPolicyArn={"arn": TASKS + task})["Credentials"]
        return self.cloud.client(service, region, key=made["AccessKeyId"], secret=made["SecretAccessKey"], token=made["SessionToken"])

    def asked(self, account=None, task="S3UnlockBucketPolicy", sts=None):
        return refused((sts or self.sts).assume_root, TargetPrincipal=account or self.child, TaskPolicyArn={"arn": TASKS + task})


@pytest.fixture
def garden(cloud):
    return Rooted(cloud)


# What is turned on ---------------------------------------------------------------------------------------


def test_features_are_turned_on_by_the_management_account_and_off_by_whoever_administers_iam(cloud, garden):
    assert garden.iam.list_organizations_features()["EnabledFeatures"] == []
    assert garden.iam.enable_organizations_root_sessions()["EnabledFeatures"] == [SESSIONS]
    both = garden.iam.enable_organizations_root_credentials_management()
    assert (both["OrganizationId"], both["EnabledFeatures"]) == (garden.id, [CREDENTIALS, SESSIONS])
    child = cloud.client("iam", key=garden.child)
    strange = "AccountNotManagementOrDelegatedAdministratorException"
    for operation in (child.list_organizations_features, child.disable_organizations_root_sessions, child.enable_organizations_root_sessions):
        assert refused(operation)[0] == strange
    garden.api.register_delegated_administrator(AccountId=garden.child, ServicePrincipal=IAM)
    assert child.list_organizations_features()["EnabledFeatures"] == [CREDENTIALS, SESSIONS]
    assert refused(child.enable_organizations_root_sessions)[0] == "CallerIsNotManagementAccountException"
    assert child.disable_organizations_root_sessions()["EnabledFeatures"] == [CREDENTIALS]
    garden.api.deregister_delegated_administrator(AccountId=garden.child, ServicePrincipal=IAM)
    assert refused(child.list_organizations_features)[0] == strange
    assert garden.iam.disable_organizations_root_credentials_management()["EnabledFeatures"] == []


def test_an_organization_must_be_there_whole_and_trust_iam(cloud):
    iam, api = cloud.client("iam", key=MASTER), cloud.client("organizations", key=MASTER)
    assert refused(iam.list_organizations_features)[0] == "OrganizationNotFoundException"
    api.create_organization(FeatureSet="CONSOLIDATED_BILLING")
    assert refused(iam.enable_organizations_root_sessions)[0] == "OrganizationNotInAllFeaturesModeException"
    api.delete_organization()
    api.create_organization(FeatureSet="ALL")
    assert refused(iam.enable_organizations_root_sessions)[0] == "ServiceAccessNotEnabledException"
    api.enable_aws_service_access(ServicePrincipal=IAM)
    assert iam.enable_organizations_root_sessions()["EnabledFeatures"] == [SESSIONS]
    api.disable_aws_service_access(ServicePrincipal=IAM)
    assert refused(iam.list_organizations_features)[0] == "ServiceAccessNotEnabledException"


def test_features_outlive_the_process(cloud, garden):
    garden.on()
    cloud.restart(kill=True)
    assert garden.iam.list_organizations_features()["EnabledFeatures"] == [CREDENTIALS, SESSIONS]
    assert garden.session("S3UnlockBucketPolicy", "s3").list_buckets()["Buckets"] == []


# Who may open a session, and whose -----------------------------------------------------------------------


def test_a_session_is_opened_for_active_members_by_the_management_account_and_who_it_delegates_to(cloud, garden):
    garden.on()
    other = garden.member()
    ann = cloud.client("sts", **garden.user(garden.child))
    said = f"is not authorized to perform: sts:AssumeRoot on resource: arn:aws:iam::{other}:root"
    code, text = garden.asked(other, sts=ann)
    assert code == "AccessDenied" and text.endswith(said)
    garden.api.register_delegated_administrator(AccountId=garden.child, ServicePrincipal=IAM)
    assert garden.session("S3UnlockBucketPolicy", "s3", other, sts=ann).list_buckets()["Buckets"] == []
    for account in (MASTER, "999999999999"):
        assert garden.asked(account)[0] == garden.asked(account, sts=ann)[0] == "AccessDenied"
    arn = garden.sts.assume_root(TargetPrincipal=f"arn:aws:iam::{other}:root", TaskPolicyArn={"arn": f"{TASKS}S3UnlockBucketPolicy"})
    assert arn["Credentials"]["AccessKeyId"].startswith("ASIA") and "SourceIdentity" not in arn
    for wrong in ("12345678901a", f"arn:aws:iam::{other}:user/ann", f"arn:aws:iam::{other}", f"{other}:root"):
        assert garden.asked(wrong)[0] == "ValidationError"
    garden.api.close_account(AccountId=other)
    assert garden.asked(other)[0] == "AccessDenied"


def test_each_task_needs_the_feature_it_belongs_to(garden):
    tasks = {"IAMAuditRootUserCredentials": CREDENTIALS, "IAMCreateRootUserPassword": CREDENTIALS, "IAMDeleteRootUserCredentials": CREDENTIALS,
             "S3UnlockBucketPolicy": SESSIONS, "SQSUnlockQueuePolicy": SESSIONS}  # fmt: skip
    assert {garden.asked(task=task)[0] for task in tasks} == {"AccessDenied"}
    for feature, enable, disable in (
        (CREDENTIALS, garden.iam.enable_organizations_root_credentials_management, garden.iam.disable_organizations_root_credentials_management),
        (SESSIONS, garden.iam.enable_organizations_root_sessions, garden.iam.disable_organizations_root_sessions),
    ):
        enable()
        for task, needed in tasks.items():
            if needed == feature:
                assert garden.session(task, "sts").get_caller_identity()["Arn"] == f"arn:aws:iam::{garden.child}:root"
            else:
                assert garden.asked(task=task)[0] == "AccessDenied"
        disable()
    garden.on()
    garden.api.disable_aws_service_access(ServicePrincipal=IAM)
    assert {garden.asked(task=task)[0] for task in tasks} == {"AccessDenied"}


def test_only_the_five_tasks_are_policies_of_a_session_and_they_are_attached_to_nobody(garden):
    garden.on()
    for arn in ("arn:aws:iam::aws:policy/AdministratorAccess", f"{TASKS}Everything", "nothing of the kind at all"):
        assert refused(garden.sts.assume_root, TargetPrincipal=garden.child, TaskPolicyArn={"arn": arn})[0] == "ValidationError"
    assert refused(garden.sts.assume_root, TargetPrincipal=garden.child, TaskPolicyArn={})[0] == "ValidationError"
    assert refused(garden.iam.attach_user_policy, UserName="ann", PolicyArn=f"{TASKS}S3UnlockBucketPolicy")[0] == "PolicyNotAttachable"
    assert garden.iam.get_policy(PolicyArn=f"{TASKS}S3UnlockBucketPolicy")["Policy"]["Path"] == "/root-task/"


def test_identity_policies_and_their_keys_decide_who_may_ask(cloud, garden):
    garden.on()
    only = {"Effect": "Allow", "Action": "sts:AssumeRoot", "Resource": f"arn:aws:iam::{garden.child}:root",
            "Condition": {"StringEquals": {"sts:TaskPolicyArn": f"{TASKS}SQSUnlockQueuePolicy"}}}  # fmt: skip
    bob = cloud.client("sts", **garden.user(MASTER, only, name="bob"))
    assert garden.session("SQSUnlockQueuePolicy", "sqs", sts=bob).list_queues().get("QueueUrls", []) == []
    assert "no identity-based policy allows the sts:AssumeRoot action" in garden.asked(task="S3UnlockBucketPolicy", sts=bob)[1]
    assert garden.asked(garden.member(), task="SQSUnlockQueuePolicy", sts=bob)[0] == "AccessDenied"


def test_a_root_user_with_keys_of_its_own_may_not_ask(cloud, garden):
    garden.on()
    made = garden.iam.create_access_key()["AccessKey"]
    assert garden.asked(sts=cloud.client("sts", key=made["AccessKeyId"], secret=made["SecretAccessKey"]))[0] == "AccessDenied"


def test_the_global_endpoint_does_not_know_the_operation(cloud, garden):
    """https://github.com/boto/boto3/issues/4461"""
    garden.on()

    def to_global(request: AWSPreparedRequest, **_):
        request.url = request.url.replace("localhost:4566", "sts.amazonaws.com")

    client = cloud.own_client("sts", **garden.admin)
    client.meta.events.register_first("before-sign", to_global)
    assert client.get_caller_identity()["Account"] == MASTER
    assert garden.asked(sts=client) == ("InvalidAction", "Unknown Operation")


# What the session is -------------------------------------------------------------------------------------


def test_a_session_lasts_a_quarter_of_an_hour_at_most(cloud, garden):
    garden.on()
    task = {"arn": f"{TASKS}S3UnlockBucketPolicy"}
    assert refused(garden.sts.assume_root, TargetPrincipal=garden.child, TaskPolicyArn=task, DurationSeconds=901)[0] == "ValidationError"
    s3, short = garden.session("S3UnlockBucketPolicy", "s3"), garden.sts.assume_root(
        TargetPrincipal=garden.child, TaskPolicyArn=task, DurationSeconds=60
    )["Credentials"]  # fmt: skip
    brief = cloud.client("s3", key=short["AccessKeyId"], secret=short["SecretAccessKey"], token=short["SessionToken"])
    cloud.sleep(59)
    brief.list_buckets()
    cloud.sleep(2)
    assert refused(brief.list_buckets)[0] == "ExpiredToken"
    cloud.sleep(838)
    s3.list_buckets()
    cloud.sleep(2)
    assert refused(s3.list_buckets)[0] == "ExpiredToken"


def test_the_source_identity_of_who_asks_goes_along(cloud, garden):
    garden.on()
    trust = document({"Effect": "Allow", "Principal": {"AWS": MASTER}, "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"]})
    role = garden.iam.create_role(RoleName="ops", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    garden.iam.put_role_policy(RoleName="ops", PolicyName="p", PolicyDocument=document({"Effect": "Allow", "Action": "sts:*", "Resource": "*"}))
    ops = garden.sts.assume_role(RoleArn=role, RoleSessionName="shift", SourceIdentity="ann")["Credentials"]
    sts = cloud.client("sts", key=ops["AccessKeyId"], secret=ops["SecretAccessKey"], token=ops["SessionToken"])
    made = sts.assume_root(TargetPrincipal=garden.child, TaskPolicyArn={"arn": f"{TASKS}S3UnlockBucketPolicy"})
    assert made["SourceIdentity"] == "ann"


def test_the_trail_of_the_member_says_that_the_root_user_was_assumed(cloud, garden):
    garden.on()
    garden.session("SQSUnlockQueuePolicy", "sqs").list_queues()
    asked = _events(cloud.client("cloudtrail", key=MASTER), "AssumeRoot")
    assert asked["requestParameters"]["targetPrincipal"] == garden.child
    assert asked["requestParameters"]["taskPolicyArn"] == {"arn": f"{TASKS}SQSUnlockQueuePolicy"}
    assert "secretAccessKey" not in json.dumps(asked) or asked["responseElements"]["credentials"]["secretAccessKey"].startswith("HIDDEN")
    who = _events(cloud.client("cloudtrail", key=garden.child), "ListQueues")["userIdentity"]
    assert (who["type"], who["accountId"], who["sessionContext"]["assumedRoot"]) == ("Root", garden.child, "true")


def _events(trail, name):
    found = trail.lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}])["Events"]
    return json.loads(found[0]["CloudTrailEvent"])


# The tasks -----------------------------------------------------------------------------------------------

DENY_ALL = {"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}


def test_a_bucket_that_denies_everybody_is_unlocked_and_nothing_else_is_done(cloud, garden):
    garden.on()
    ann = garden.user(garden.child)
    s3 = cloud.client("s3", **ann)
    s3.create_bucket(Bucket="locked")
    s3.put_object(Bucket="locked", Key="k", Body=b"v")
    locked = document({**DENY_ALL, "Action": "s3:*", "Resource": ["arn:aws:s3:::locked", "arn:aws:s3:::locked/*"]})
    s3.put_bucket_policy(Bucket="locked", Policy=locked)
    assert refused(s3.delete_bucket_policy, Bucket="locked")[0] == "AccessDenied"
    root = garden.session("S3UnlockBucketPolicy", "s3")
    assert [bucket["Name"] for bucket in root.list_buckets()["Buckets"]] == ["locked"]
    assert json.loads(root.get_bucket_policy(Bucket="locked")["Policy"])["Statement"][0]["Effect"] == "Deny"
    for operation, params in (
        (root.get_object, {"Bucket": "locked", "Key": "k"}),
        (root.put_object, {"Bucket": "locked", "Key": "k", "Body": b""}),
        (root.delete_bucket, {"Bucket": "locked"}),
        (root.create_bucket, {"Bucket": "another"}),
        (root.list_objects_v2, {"Bucket": "locked"}),
    ):
        assert refused(operation, **params)[0] == "AccessDenied"
    assert refused(garden.session("SQSUnlockQueuePolicy", "s3").delete_bucket_policy, Bucket="locked")[0] == "AccessDenied"
    root.delete_bucket_policy(Bucket="locked")
    assert s3.get_object(Bucket="locked", Key="k")["Body"].read() == b"v"
    # The refusal says which policy it is.
    assert "with an explicit deny in a session policy" in refused(root.get_object, Bucket="locked", Key="k")[1]


def test_a_queue_that_denies_everybody_is_unlocked_in_its_own_region(make_cloud):
    cloud = make_cloud("us-east-1", "eu-west-1", "aws-global")
    garden = Rooted(cloud).on()
    sqs = cloud.client("sqs", "eu-west-1", **garden.user(garden.child))
    url = sqs.create_queue(QueueName="locked")["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": document({**DENY_ALL, "Action": "sqs:*"})})
    assert refused(sqs.get_queue_attributes, QueueUrl=url, AttributeNames=["All"])[0] == "AccessDeniedException"
    root = garden.session("SQSUnlockQueuePolicy", "sqs", region="eu-west-1")
    assert root.list_queues()["QueueUrls"] == [root.get_queue_url(QueueName="locked")["QueueUrl"]] == [url]
    assert "Deny" in root.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"]
    for operation, params in ((root.send_message, {"MessageBody": "m"}), (root.receive_message, {}), (root.delete_queue, {})):
        assert refused(operation, QueueUrl=url, **params)[0] == "AccessDeniedException"
    assert refused(root.create_queue, QueueName="another")[0] == "AccessDeniedException"
    root.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    sqs.send_message(QueueUrl=url, MessageBody="m")


def test_no_other_member_s_queue_is_unlocked(cloud, garden):
    garden.on()
    other = garden.member()
    url = cloud.client("sqs", key=other).create_queue(QueueName="theirs")["QueueUrl"]
    assert refused(garden.session("SQSUnlockQueuePolicy", "sqs").set_queue_attributes, QueueUrl=url, Attributes={"Policy": ""})[0] == "AccessDeniedException"


def test_the_root_user_s_credentials_are_looked_at_and_taken_away(cloud, garden):
    garden.on()
    own = cloud.client("iam", key=garden.child)
    key = own.create_access_key()["AccessKey"]
    root_user = cloud.client("sts", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    uploaded = own.upload_signing_certificate(CertificateBody=certificate("shop", kind="P256")[0].decode())["Certificate"]
    assert "UserName" not in uploaded
    root_user.get_caller_identity()
    own.create_user(UserName="eve")
    theirs = own.create_access_key(UserName="eve")["AccessKey"]["AccessKeyId"]

    audit = garden.session("IAMAuditRootUserCredentials", "iam")
    assert audit.get_user()["User"]["Arn"] == f"arn:aws:iam::{garden.child}:root"
    assert "CreateDate" in audit.get_login_profile()["LoginProfile"] and audit.list_mfa_devices()["MFADevices"] == []
    assert [each["AccessKeyId"] for each in audit.list_access_keys()["AccessKeyMetadata"]] == [key["AccessKeyId"]]
    assert [each["CertificateId"] for each in audit.list_signing_certificates()["Certificates"]] == [uploaded["CertificateId"]]
    assert audit.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])["AccessKeyLastUsed"]["ServiceName"] == "sts"
    summary = audit.get_account_summary()["SummaryMap"]
    present = ("AccountPasswordPresent", "AccountAccessKeysPresent", "AccountSigningCertificatesPresent", "AccountMFAEnabled")
    assert [summary[name] for name in present] == [1, 1, 1, 0]
    for operation, params in (
        (audit.get_access_key_last_used, {"AccessKeyId": theirs}), (audit.list_access_keys, {"UserName": "eve"}), (audit.list_users, {}),
        (audit.delete_access_key, {"AccessKeyId": key["AccessKeyId"]}), (audit.create_access_key, {}),
        (audit.get_login_profile, {"UserName": "eve"}),
    ):  # fmt: skip
        assert refused(operation, **params)[0] == "AccessDenied"

    task = garden.session("IAMDeleteRootUserCredentials", "iam")
    task.delete_login_profile()
    task.delete_access_key(AccessKeyId=key["AccessKeyId"])
    task.delete_signing_certificate(CertificateId=uploaded["CertificateId"])
    assert refused(task.deactivate_mfa_device, SerialNumber=f"arn:aws:iam::{garden.child}:mfa/root-account-mfa-device")[0] == "NoSuchEntity"
    assert refused(task.delete_access_key, UserName="eve", AccessKeyId=theirs)[0] == "AccessDenied"
    assert refused(task.delete_login_profile)[0] == refused(audit.get_login_profile)[0] == "NoSuchEntity"
    summary = audit.get_account_summary()["SummaryMap"]
    assert [summary[name] for name in present] == [0, 0, 0, 0]
    assert refused(root_user.get_caller_identity)[0] == "InvalidClientTokenId"


def test_a_password_can_be_recovered_only_where_there_is_none(garden):
    garden.on()
    recover = garden.session("IAMCreateRootUserPassword", "iam")
    assert refused(recover.create_login_profile)[0] == "EntityAlreadyExists"
    garden.session("IAMDeleteRootUserCredentials", "iam").delete_login_profile()
    assert refused(recover.get_login_profile)[0] == "NoSuchEntity"
    assert refused(recover.create_login_profile, Password="Correct-horse1")[0] == "ValidationError"
    assert "CreateDate" in recover.create_login_profile()["LoginProfile"]
    assert "CreateDate" in recover.get_login_profile()["LoginProfile"]
    assert refused(recover.delete_login_profile)[0] == refused(recover.list_access_keys)[0] == "AccessDenied"


def test_new_members_have_no_password_while_credentials_are_managed(garden):
    garden.iam.enable_organizations_root_credentials_management()
    young = garden.member()
    assert refused(garden.session("IAMAuditRootUserCredentials", "iam", young).get_login_profile)[0] == "NoSuchEntity"
    garden.session("IAMAuditRootUserCredentials", "iam").get_login_profile()
    assert "false" in _root_line(garden.cloud.client("iam", key=young)) and "true" in _root_line(garden.cloud.client("iam", key=garden.child))


def _root_line(iam):
    iam.generate_credential_report()
    return iam.get_credential_report()["Content"].decode().splitlines()[1].split(",")[3]


def test_without_a_privileged_session_the_root_user_must_name_whose_password_it_means(cloud, garden):
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteLoginProfile.html"""
    own = cloud.client("iam", key=garden.child)
    for operation in (own.get_login_profile, own.delete_login_profile, own.create_login_profile):
        assert refused(operation)[0] == "ValidationError"


def test_service_control_policies_bind_the_session_and_know_it(cloud):
    garden = Rooted(cloud, SCP).on()
    cloud.client("sqs", key=garden.child).create_queue(QueueName="q")
    root = garden.session("SQSUnlockQueuePolicy", "sqs")
    root.list_queues()
    garden.policy(deny("sqs:ListQueues", Condition={"Bool": {"aws:AssumedRoot": "true"}}), garden.child)
    assert refused(root.list_queues)[0] == "AccessDeniedException"
    cloud.client("sqs", key=garden.child).list_queues()


# Tokens --------------------------------------------------------------------------------------------------


def test_a_token_is_at_least_as_long_as_it_was_asked_to_be(cloud, garden):
    plain = garden.sts.get_session_token()
    assert plain["SessionTokenSize"] == len(plain["Credentials"]["SessionToken"])
    for size in (plain["SessionTokenSize"] + 1, 2_000, 4_096):
        made = garden.sts.get_session_token(MinimumSessionTokenSize=size)
        assert size <= made["SessionTokenSize"] == len(made["Credentials"]["SessionToken"]) < size + 32
        assert made["SessionTokenUtilization"] == min(100, -(-made["SessionTokenSize"] * 100 // 4_096))
        held = made["Credentials"]
        ann = cloud.client("sts", key=held["AccessKeyId"], secret=held["SecretAccessKey"], token=held["SessionToken"])
        assert ann.get_caller_identity()["Arn"].endswith(":user/ann")
    assert garden.sts.get_session_token(MinimumSessionTokenSize=0)["SessionTokenSize"] == plain["SessionTokenSize"]
    assert refused(garden.sts.get_session_token, MinimumSessionTokenSize=4_097)[0] == "ValidationError"
