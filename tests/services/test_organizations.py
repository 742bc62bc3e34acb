"""The organization, its tree, its accounts, its policies and who may act for it."""

from __future__ import annotations

import json

import pytest
from organization_workshop import FULL, MASTER, RCP, RESOURCE_FULL, SCP, TAGS, Garden, deny, document
from refusals import refused

from kumoniwa.gate.address import GLOBAL

GUEST = "333333333333"
DAY_S = 86_400


@pytest.fixture
def garden(cloud):
    return Garden(cloud)


@pytest.fixture
def guest(cloud):
    return cloud.client("organizations", key=GUEST)


# The organization ---------------------------------------------------------------------------------------


def test_an_organization_is_made_told_and_deleted(cloud):
    api = cloud.client("organizations", key=MASTER)
    assert refused(api.describe_organization) == ("AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")
    made = api.create_organization(FeatureSet="ALL")["Organization"]
    assert made["MasterAccountArn"] == f"arn:aws:organizations::{MASTER}:account/{made['Id']}/{MASTER}"
    assert made["Arn"] == f"arn:aws:organizations::{MASTER}:organization/{made['Id']}"
    assert made["AvailablePolicyTypes"] == [{"Type": SCP, "Status": "ENABLED"}]
    assert api.describe_organization()["Organization"] == made
    assert refused(api.create_organization)[0] == "AlreadyInOrganizationException"
    (root,) = api.list_roots()["Roots"]
    assert (root["Name"], root["PolicyTypes"]) == ("Root", [])
    (account,) = api.list_accounts()["Accounts"]
    assert (account["Id"], account["Status"], account["JoinedMethod"]) == (MASTER, "ACTIVE", "INVITED")
    assert account["Paths"] == [f"{made['Id']}/{root['Id']}/{MASTER}/"]
    api.delete_organization()
    assert refused(api.list_roots)[0] == "AWSOrganizationsNotInUseException"
    assert api.create_organization()["Organization"]["FeatureSet"] == "ALL"


def test_policy_types_are_enabled_in_the_root(garden):
    api, root = garden.api, garden.root
    assert api.enable_policy_type(RootId=root, PolicyType=SCP)["Root"]["PolicyTypes"] == [{"Type": SCP, "Status": "ENABLED"}]
    assert refused(api.enable_policy_type, RootId=root, PolicyType=SCP)[0] == "PolicyTypeAlreadyEnabledException"
    assert refused(api.enable_policy_type, RootId="r-zzzz", PolicyType=SCP) == ("RootNotFoundException", "You specified a root that doesn't exist.")
    assert api.disable_policy_type(RootId=root, PolicyType=SCP)["Root"]["PolicyTypes"] == []
    assert refused(api.disable_policy_type, RootId=root, PolicyType=SCP)[0] == "PolicyTypeNotEnabledException"
    code, text = refused(api.enable_policy_type, RootId=root, PolicyType="BACKUP_POLICY")
    assert code == "NotImplemented" and "BACKUP_POLICY" in text
    assert refused(api.enable_policy_type, RootId=root, PolicyType="NONE") == ("InvalidInputException", "You specified an invalid value.")


def test_consolidated_billing_has_no_policies_until_all_features_are_agreed_to(cloud, guest):
    api = cloud.client("organizations", key=MASTER)
    assert api.create_organization(FeatureSet="CONSOLIDATED_BILLING")["Organization"]["AvailablePolicyTypes"] == []
    root = api.list_roots()["Roots"][0]["Id"]
    assert refused(api.enable_policy_type, RootId=root, PolicyType=SCP)[0] == "PolicyTypeNotAvailableForOrganizationException"
    assert refused(api.create_policy, Content=deny("s3:*"), Name="n", Description="", Type=SCP)[0] == "PolicyTypeNotAvailableForOrganizationException"
    guest.accept_handshake(HandshakeId=api.invite_account_to_organization(Target={"Id": GUEST, "Type": "ACCOUNT"})["Handshake"]["Id"])
    whole = api.enable_all_features()["Handshake"]
    assert (whole["Action"], whole["State"]) == ("ENABLE_ALL_FEATURES", "REQUESTED")
    assert refused(api.accept_handshake, HandshakeId=whole["Id"])[0] == "InvalidHandshakeTransitionException"
    (part,) = guest.list_handshakes_for_account(Filter={"ActionType": "APPROVE_ALL_FEATURES"})["Handshakes"]
    guest.accept_handshake(HandshakeId=part["Id"])
    assert api.describe_organization()["Organization"]["FeatureSet"] == "CONSOLIDATED_BILLING"
    api.accept_handshake(HandshakeId=whole["Id"])
    assert api.describe_organization()["Organization"]["FeatureSet"] == "ALL"
    api.enable_policy_type(RootId=root, PolicyType=SCP)
    assert refused(api.enable_all_features)[0] == "HandshakeConstraintViolationException"


# Accounts -----------------------------------------------------------------------------------------------


def test_an_account_is_made_in_its_own_time_with_a_role_for_the_management_account(cloud, garden):
    api = garden.api
    asked = api.create_account(Email="ann@example.com", AccountName="ann", Tags=[{"Key": "a", "Value": "b"}])["CreateAccountStatus"]
    assert (asked["State"], asked["AccountName"]) == ("IN_PROGRESS", "ann") and "AccountId" not in asked
    cloud.sleep(1)
    status = api.describe_create_account_status(CreateAccountRequestId=asked["Id"])["CreateAccountStatus"]
    assert status["State"] == "SUCCEEDED" and status["CompletedTimestamp"] >= status["RequestedTimestamp"]
    account = status["AccountId"]
    told = api.describe_account(AccountId=account)["Account"]
    assert (told["Email"], told["Name"], told["JoinedMethod"], told["State"]) == ("ann@example.com", "ann", "CREATED", "ACTIVE")
    assert api.list_tags_for_resource(ResourceId=account)["Tags"] == [{"Key": "a", "Value": "b"}]
    iam = cloud.client("iam", key=account)
    role = iam.get_role(RoleName="OrganizationAccountAccessRole")["Role"]
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"AWS": f"arn:aws:iam::{MASTER}:root"}
    (held,) = iam.list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"]
    assert held["PolicyName"] == "AdministratorAccess"
    made = cloud.client("sts", key=MASTER).assume_role(RoleArn=role["Arn"], RoleSessionName="visit")["Credentials"]
    inside = {"key": made["AccessKeyId"], "secret": made["SecretAccessKey"], "token": made["SessionToken"]}
    assert cloud.client("s3", **inside).create_bucket(Bucket="plot")["Location"]
    assert refused(cloud.client("sts", key=GUEST).assume_role, RoleArn=role["Arn"], RoleSessionName="visit")[0] == "AccessDenied"
    assert [each["RoleName"] for each in iam.list_roles(PathPrefix="/aws-service-role/")["Roles"]] == ["AWSServiceRoleForOrganizations"]


def test_an_organization_is_not_deleted_while_an_account_is_being_made(cloud, garden):
    garden.api.create_account(Email="ann@example.com", AccountName="ann")
    assert refused(garden.api.delete_organization)[0] == "OrganizationNotEmptyException"
    cloud.sleep(1)
    assert len(garden.api.list_accounts()["Accounts"]) == 2


def test_a_mail_address_serves_one_account(cloud, garden):
    garden.member()
    asked = garden.api.create_account(Email="Member1@example.com", AccountName="again")["CreateAccountStatus"]
    cloud.sleep(1)
    status = garden.api.describe_create_account_status(CreateAccountRequestId=asked["Id"])["CreateAccountStatus"]
    assert (status["State"], status["FailureReason"]) == ("FAILED", "EMAIL_ALREADY_EXISTS")
    assert [each["Id"] for each in garden.api.list_create_account_status(States=["FAILED"])["CreateAccountStatuses"]] == [asked["Id"]]
    assert refused(garden.api.describe_create_account_status, CreateAccountRequestId="car-12345678")[0] == "CreateAccountStatusNotFoundException"


def test_an_account_that_was_asked_for_is_made_after_a_crash_and_once(cloud, garden):
    asked = [cloud.start(garden.api.create_account, Email=f"{n}@example.com", AccountName=f"n{n}") for n in range(3)]
    statuses = [each["CreateAccountStatus"] for each in cloud.wait(*asked)]
    cloud.restart(GLOBAL, kill=True)
    cloud.sleep(1)
    garden.api.list_roots()
    cloud.sleep(1)
    found = [garden.api.describe_create_account_status(CreateAccountRequestId=each["Id"])["CreateAccountStatus"] for each in statuses]
    assert [each["State"] for each in found] == ["SUCCEEDED"] * 3
    assert len(garden.api.list_accounts()["Accounts"]) == 4
    for each in found:
        roles = cloud.client("iam", key=each["AccountId"]).list_roles()["Roles"]
        assert sorted(role["RoleName"] for role in roles) == ["AWSServiceRoleForOrganizations", "OrganizationAccountAccessRole"]


@pytest.mark.parametrize("turns", range(0, 40, 3))
def test_an_account_is_made_whole_whichever_turn_of_the_loop_was_the_last(cloud, garden, turns):
    asked = garden.api.create_account(Email="ann@example.com", AccountName="ann")["CreateAccountStatus"]["Id"]
    for _ in range(turns):
        cloud.sleep(0)
    cloud.restart(GLOBAL, kill=True)
    cloud.sleep(1)
    told = garden.api.describe_create_account_status(CreateAccountRequestId=asked)["CreateAccountStatus"]
    assert told["State"] == "SUCCEEDED"
    assert {each["Id"] for each in garden.api.list_accounts()["Accounts"]} == {MASTER, told["AccountId"]}
    iam = cloud.client("iam", key=told["AccountId"])
    assert iam.list_attached_role_policies(RoleName="OrganizationAccountAccessRole")["AttachedPolicies"][0]["PolicyName"] == "AdministratorAccess"
    assert {each["RoleName"] for each in iam.list_roles()["Roles"]} == {"AWSServiceRoleForOrganizations", "OrganizationAccountAccessRole"}


def test_ten_accounts_are_all(cloud, garden):
    for _ in range(8):
        garden.member()
    garden.api.invite_account_to_organization(Target={"Id": GUEST, "Type": "ACCOUNT"})
    code, text = refused(garden.api.create_account, Email="x@example.com", AccountName="x")
    assert (code, text) == ("ConstraintViolationException", "You have exceeded the allowed number of AWS accounts.")
    cloud.sleep(16 * DAY_S)  # the invitation has expired
    garden.member()


def test_an_account_leaves_when_it_is_old_enough(cloud, garden):
    account = garden.member()
    own = cloud.client("organizations", key=account)
    assert refused(own.leave_organization)[0] == "ConstraintViolationException"
    assert refused(garden.api.delete_organization)[0] == "OrganizationNotEmptyException"
    cloud.sleep(7 * DAY_S)
    own.leave_organization()
    assert refused(own.describe_organization)[0] == "AWSOrganizationsNotInUseException"
    assert refused(garden.api.describe_account, AccountId=account) == ("AccountNotFoundException", "You specified an account that doesn't exist.")
    assert refused(garden.api.leave_organization)[0] == "MasterCannotLeaveOrganizationException"
    garden.api.delete_organization()


def test_a_closed_account_lets_nobody_in(cloud, garden):
    account = garden.member()
    keys = garden.user(account)
    cloud.client("dynamodb", **keys).list_tables()
    s3 = cloud.client("s3", key=account)
    s3.create_bucket(Bucket="plot")
    s3.put_object(Bucket="plot", Key="k", Body=b"1")
    s3.put_bucket_policy(Bucket="plot", Policy=document({"Effect": "Allow", "Principal": {"AWS": GUEST}, "Action": "s3:*", "Resource": "arn:aws:s3:::plot/*"}))
    assert cloud.client("s3", key=GUEST).get_object(Bucket="plot", Key="k")
    garden.api.close_account(AccountId=account)
    assert refused(cloud.client("dynamodb", **keys).list_tables)[0] == "UnrecognizedClientException"
    assert refused(s3.list_buckets)[0] == "InvalidAccessKeyId"
    assert refused(cloud.client("s3", key=GUEST).get_object, Bucket="plot", Key="k")[0] == "AccessDenied"
    role = f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole"
    assert refused(cloud.client("sts", key=MASTER).assume_role, RoleArn=role, RoleSessionName="visit")[0] == "AccessDenied"
    cloud.sleep(1)
    assert garden.api.describe_account(AccountId=account)["Account"]["State"] == "SUSPENDED"
    assert refused(garden.api.close_account, AccountId=account)[0] == "AccountAlreadyClosedException"
    assert refused(garden.api.close_account, AccountId=MASTER)[0] == "ConstraintViolationException"
    assert refused(garden.api.remove_account_from_organization, AccountId=account)[0] == "ConstraintViolationException"


# The tree -----------------------------------------------------------------------------------------------


def test_units_hold_units_and_accounts(garden):
    api, root = garden.api, garden.root
    outer = garden.unit("outer")
    inner = garden.unit("inner", outer)
    account = garden.member(parent=inner)
    told = api.describe_organizational_unit(OrganizationalUnitId=inner)["OrganizationalUnit"]
    assert (told["Name"], told["Path"]) == ("inner", f"{garden.id}/{root}/{outer}/{inner}/")
    assert told["Arn"] == f"arn:aws:organizations::{MASTER}:ou/{garden.id}/{inner}"
    assert [each["Id"] for each in api.list_organizational_units_for_parent(ParentId=root)["OrganizationalUnits"]] == [outer]
    assert api.list_children(ParentId=outer, ChildType="ORGANIZATIONAL_UNIT")["Children"] == [{"Id": inner, "Type": "ORGANIZATIONAL_UNIT"}]
    assert api.list_children(ParentId=inner, ChildType="ACCOUNT")["Children"] == [{"Id": account, "Type": "ACCOUNT"}]
    assert api.list_parents(ChildId=account)["Parents"] == [{"Id": inner, "Type": "ORGANIZATIONAL_UNIT"}]
    assert api.list_parents(ChildId=outer)["Parents"] == [{"Id": root, "Type": "ROOT"}]
    (listed,) = api.list_accounts_for_parent(ParentId=inner)["Accounts"]
    assert listed["Paths"] == [f"{garden.id}/{root}/{outer}/{inner}/{account}/"]
    assert refused(api.delete_organizational_unit, OrganizationalUnitId=outer)[0] == "OrganizationalUnitNotEmptyException"
    assert refused(api.create_organizational_unit, ParentId=root, Name="outer") == (
        "DuplicateOrganizationalUnitException", "An OU with the same name already exists.",
    )  # fmt: skip
    api.update_organizational_unit(OrganizationalUnitId=outer, Name="other")
    assert garden.unit("outer")
    assert refused(api.list_children, ParentId="ou-zzzz-12345678", ChildType="ACCOUNT")[0] == "ParentNotFoundException"
    assert refused(api.list_parents, ChildId="ou-zzzz-12345678")[0] == "ChildNotFoundException"


def test_five_levels_of_units_are_all(garden):
    parent = None
    for depth in range(5):
        parent = garden.unit(f"u{depth}", parent)
    code, text = refused(garden.api.create_organizational_unit, ParentId=parent, Name="deeper")
    assert code == "ConstraintViolationException"
    assert text == "You cannot add an organizational unit to the specified parent because it would exceed the max depth allowed."


def test_an_account_is_moved_from_where_it_is(garden):
    unit, account = garden.unit("u"), garden.member()
    move = garden.api.move_account
    assert refused(move, AccountId=account, SourceParentId=unit, DestinationParentId=unit)[0] == "SourceParentNotFoundException"
    assert refused(move, AccountId=account, SourceParentId=garden.root, DestinationParentId=garden.root)[0] == "DuplicateAccountException"
    nowhere = {"SourceParentId": garden.root, "DestinationParentId": "ou-zzzz-12345678"}
    assert refused(move, AccountId=account, **nowhere)[0] == "DestinationParentNotFoundException"
    assert refused(move, AccountId="000000000001", SourceParentId=garden.root, DestinationParentId=unit)[0] == "AccountNotFoundException"
    move(AccountId=account, SourceParentId=garden.root, DestinationParentId=unit)
    assert garden.api.list_parents(ChildId=account)["Parents"][0]["Id"] == unit


# Policies -----------------------------------------------------------------------------------------------


def test_a_policy_is_made_changed_attached_and_deleted(garden):
    api, root = garden.api, garden.root
    made = api.create_policy(Content=deny("s3:*"), Name="no S3", Description="d", Type=SCP)["Policy"]
    summary = made["PolicySummary"]
    assert summary["Arn"] == f"arn:aws:organizations::{MASTER}:policy/{garden.id}/service_control_policy/{summary['Id']}"
    assert api.describe_policy(PolicyId=summary["Id"])["Policy"] == made
    assert refused(api.attach_policy, PolicyId=summary["Id"], TargetId=root)[0] == "PolicyTypeNotEnabledException"
    api.enable_policy_type(RootId=root, PolicyType=SCP)
    api.attach_policy(PolicyId=summary["Id"], TargetId=root)
    assert refused(api.attach_policy, PolicyId=summary["Id"], TargetId=root)[0] == "DuplicatePolicyAttachmentException"
    assert [each["Id"] for each in api.list_policies_for_target(TargetId=root, Filter=SCP)["Policies"]] == [FULL, summary["Id"]]
    assert api.list_targets_for_policy(PolicyId=summary["Id"])["Targets"] == [
        {"TargetId": root, "Arn": f"arn:aws:organizations::{MASTER}:root/{garden.id}/{root}", "Name": "Root", "Type": "ROOT"}
    ]
    assert refused(api.delete_policy, PolicyId=summary["Id"])[0] == "PolicyInUseException"
    api.update_policy(PolicyId=summary["Id"], Name="no SQS", Content=deny("sqs:*"))
    assert json.loads(api.describe_policy(PolicyId=summary["Id"])["Policy"]["Content"])["Statement"][0]["Action"] == ["sqs:*"]
    api.detach_policy(PolicyId=summary["Id"], TargetId=root)
    assert refused(api.detach_policy, PolicyId=summary["Id"], TargetId=root)[0] == "PolicyNotAttachedException"
    api.delete_policy(PolicyId=summary["Id"])
    assert refused(api.describe_policy, PolicyId=summary["Id"])[0] == "PolicyNotFoundException"


def test_aws_s_own_policies_stand_at_every_place_from_the_day_on_which_their_type_is_enabled(garden):
    api, unit, account = garden.api, garden.unit("u"), garden.member()
    for kind, full in ((SCP, FULL), (RCP, RESOURCE_FULL)):
        api.enable_policy_type(RootId=garden.root, PolicyType=kind)
        later = garden.unit(f"later {kind}")
        newer = garden.member()
        for place in (garden.root, unit, account, MASTER, later, newer):
            assert [each["Id"] for each in api.list_policies_for_target(TargetId=place, Filter=kind)["Policies"]] == [full]
        (own,) = api.list_policies(Filter=kind)["Policies"]
        assert own["AwsManaged"] and own["Arn"] == f"arn:aws:organizations::aws:policy/{kind.lower()}/{full}"
        assert refused(api.delete_policy, PolicyId=full)[0] == "InvalidInputException"
        assert refused(api.update_policy, PolicyId=full, Name="mine")[0] == "InvalidInputException"
    assert refused(api.detach_policy, PolicyId=FULL, TargetId=unit)[0] == "ConstraintViolationException"  # one there must be


def test_five_service_control_policies_hang_at_a_place(cloud):
    garden = Garden(cloud, SCP)
    for _ in range(4):
        garden.policy(deny("s3:*"), garden.root)
    sixth = garden.policy(deny("s3:*"))
    assert refused(garden.api.attach_policy, PolicyId=sixth, TargetId=garden.root)[0] == "ConstraintViolationException"


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (SCP, "{"),
        (SCP, "[]"),
        (SCP, document()),
        (SCP, document({"Effect": "Deny", "Action": "s3:*"})),
        (SCP, document({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"})),
        (SCP, document({"Effect": "Perhaps", "Action": "s3:*", "Resource": "*"})),
        (RCP, document({"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"})),
        (RCP, document({"Effect": "Deny", "Action": "s3:*", "Resource": "*"})),
        (RCP, document({"Effect": "Deny", "Principal": {"AWS": MASTER}, "Action": "s3:*", "Resource": "*"})),
        (RCP, document({"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"})),
        (RCP, document({"Effect": "Deny", "Principal": "*", "NotAction": "s3:*", "Resource": "*"})),
        (TAGS, '{"tags": {"a": {"tag_key": "A"}}}'),
        (TAGS, '{"tag": {}}'),
        (TAGS, '{"tags": {"a": {"tag_value": {"@@assign": "x"}}}}'),
    ],
)
def test_documents_that_are_no_policies_of_their_type_are_refused(garden, kind, content):
    code, text = refused(garden.api.create_policy, Content=content, Name="n", Description="", Type=kind)
    assert (code, text) == (
        "MalformedPolicyDocumentException", "The provided policy document does not meet the requirements of the specified policy type.",
    )  # fmt: skip


def test_a_control_policy_has_a_longest_form_and_its_type_one_policy_of_a_name(garden):
    long = deny(*(f"s3:Get{'x' * 40}{n}" for n in range(120)))
    assert refused(garden.api.create_policy, Content=long, Name="n", Description="", Type=SCP)[0] == "ConstraintViolationException"
    garden.api.create_policy(Content=deny("s3:*"), Name="n", Description="", Type=SCP)
    assert refused(garden.api.create_policy, Content=deny("s3:*"), Name="n", Description="", Type=SCP)[0] == "DuplicatePolicyException"
    assert refused(garden.api.list_policies_for_target, TargetId="nowhere", Filter=SCP) == (
        "InvalidInputException", "You provided a value that does not match the required pattern.",
    )  # fmt: skip
    assert refused(garden.api.list_policies_for_target, TargetId="999999999999", Filter=SCP)[0] == "TargetNotFoundException"


# Tag policies -------------------------------------------------------------------------------------------


def rule(key: str, **settings: object) -> str:
    return json.dumps({"tags": {key: settings}})


def test_tag_policies_merge_from_the_root_down_to_what_an_account_sees(cloud):
    """https://docs.aws.amazon.com/organizations/latest/userguide/inheritance-examples.html"""
    garden = Garden(cloud, TAGS)
    outer = garden.unit("outer")
    account = garden.member(parent=outer)
    own = cloud.client("organizations", key=account)
    ask = {"PolicyType": TAGS}
    assert refused(own.describe_effective_policy, **ask)[0] == "EffectivePolicyNotFoundException"
    garden.policy(rule("CostCenter", tag_key={"@@assign": "CostCenter"}, tag_value={"@@assign": ["Development", "Support"]}), garden.root, kind=TAGS)
    garden.policy(rule("costcenter", tag_value={"@@append": ["Marketing"]}), outer, kind=TAGS)
    garden.policy(rule("costcenter", tag_value={"@@remove": ["Support"]}), account, kind=TAGS)
    found = own.describe_effective_policy(**ask)["EffectivePolicy"]
    assert (found["TargetId"], found["PolicyType"]) == (account, TAGS)
    assert json.loads(found["PolicyContent"]) == {"tags": {"costcenter": {"tag_key": "CostCenter", "tag_value": ["Development", "Marketing"]}}}
    assert garden.api.describe_effective_policy(TargetId=account, **ask)["EffectivePolicy"]["PolicyContent"] == found["PolicyContent"]
    assert refused(own.describe_effective_policy, TargetId=MASTER, **ask)[0] == "AccessDeniedException"


def test_a_tag_policy_above_says_what_those_below_may_change(cloud):
    garden = Garden(cloud, TAGS)
    account = garden.member()
    fixed = {"@@assign": "Project", "@@operators_allowed_for_child_policies": ["@@none"]}
    listed = {"@@assign": ["Escalations"], "@@operators_allowed_for_child_policies": ["@@append"]}
    garden.policy(rule("project", tag_key=fixed, tag_value=listed), garden.root, kind=TAGS)
    garden.policy(rule("project", tag_key={"@@assign": "PROJECT"}, tag_value={"@@assign": ["Other"]}), account, kind=TAGS)
    garden.policy(rule("project", tag_value={"@@append": ["More"]}), account, kind=TAGS)
    found = garden.api.describe_effective_policy(PolicyType=TAGS, TargetId=account)["EffectivePolicy"]["PolicyContent"]
    assert json.loads(found) == {"tags": {"project": {"tag_key": "Project", "tag_value": ["Escalations", "More"]}}}


def test_enforcing_tags_is_refused_by_name(garden):
    content = rule("project", tag_key={"@@assign": "Project"}, enforced_for={"@@assign": ["ec2:instance"]})
    assert refused(garden.api.create_policy, Content=content, Name="n", Description="", Type=TAGS)[0] == "NotImplemented"


# Handshakes ---------------------------------------------------------------------------------------------


def test_an_account_is_invited_and_accepts(garden, guest):
    made = garden.api.invite_account_to_organization(Target={"Id": GUEST, "Type": "ACCOUNT"}, Notes="come in")["Handshake"]
    assert made["Arn"] == f"arn:aws:organizations::{MASTER}:handshake/{garden.id}/invite/{made['Id']}"
    assert (made["State"], made["Action"]) == ("OPEN", "INVITE")
    assert {(each["Type"], each["Value"]) for each in made["Resources"]} == {("ORGANIZATION", garden.id), ("ACCOUNT", GUEST), ("NOTES", "come in")}
    assert refused(garden.api.invite_account_to_organization, Target={"Id": GUEST, "Type": "ACCOUNT"})[0] == "DuplicateHandshakeException"
    assert [each["Id"] for each in guest.list_handshakes_for_account()["Handshakes"]] == [made["Id"]]
    assert guest.describe_handshake(HandshakeId=made["Id"])["Handshake"]["State"] == "OPEN"
    assert guest.accept_handshake(HandshakeId=made["Id"])["Handshake"]["State"] == "ACCEPTED"
    assert garden.api.describe_account(AccountId=GUEST)["Account"]["JoinedMethod"] == "INVITED"
    assert guest.describe_organization()["Organization"]["Id"] == garden.id
    assert refused(guest.accept_handshake, HandshakeId=made["Id"])[0] == "HandshakeAlreadyInStateException"
    assert refused(garden.api.invite_account_to_organization, Target={"Id": GUEST, "Type": "ACCOUNT"})[0] == "HandshakeConstraintViolationException"


def test_invitations_are_declined_cancelled_and_expire(cloud, garden, guest):
    def invite():
        return garden.api.invite_account_to_organization(Target={"Id": GUEST, "Type": "ACCOUNT"})["Handshake"]["Id"]

    first = invite()
    assert guest.decline_handshake(HandshakeId=first)["Handshake"]["State"] == "DECLINED"
    second = invite()
    assert garden.api.cancel_handshake(HandshakeId=second)["Handshake"]["State"] == "CANCELED"
    assert refused(guest.accept_handshake, HandshakeId=second)[0] == "InvalidHandshakeTransitionException"
    third = invite()
    cloud.sleep(15 * DAY_S)
    assert refused(guest.accept_handshake, HandshakeId=third)[0] == "InvalidHandshakeTransitionException"
    states = [each["State"] for each in garden.api.list_handshakes_for_organization()["Handshakes"]]
    assert sorted(states) == ["CANCELED", "DECLINED", "EXPIRED"]


def test_whoever_is_not_asked_has_nothing_to_say(cloud, garden):
    made = garden.api.invite_account_to_organization(Target={"Id": GUEST, "Type": "ACCOUNT"})["Handshake"]["Id"]
    stranger = cloud.client("organizations", key="444444444444")
    assert refused(stranger.accept_handshake, HandshakeId=made)[0] == "AccessDeniedException"
    assert refused(stranger.describe_handshake, HandshakeId=made)[0] == "AccessDeniedException"
    assert refused(stranger.decline_handshake, HandshakeId="h-12345678")[0] == "HandshakeNotFoundException"
    assert refused(garden.api.accept_handshake, HandshakeId=made)[0] == "AccessDeniedException"


def test_an_account_is_invited_by_its_mail_address(cloud, garden, guest):
    other = Garden.__new__(Garden)
    other.__dict__ |= {"cloud": cloud, "api": cloud.client("organizations", key=GUEST), "count": 7}
    other.api.create_organization()
    other.root = other.api.list_roots()["Roots"][0]["Id"]
    account = other.member()
    cloud.sleep(7 * DAY_S)
    made = garden.api.invite_account_to_organization(Target={"Id": "member8@example.com", "Type": "EMAIL"})["Handshake"]
    own = cloud.client("organizations", key=account)
    assert refused(own.accept_handshake, HandshakeId=made["Id"])[0] == "HandshakeConstraintViolationException"  # it is a member elsewhere
    own.leave_organization()
    own.accept_handshake(HandshakeId=made["Id"])
    assert garden.api.describe_account(AccountId=account)["Account"]["Email"] == "member8@example.com"


# Who else may act ---------------------------------------------------------------------------------------


def test_members_see_their_organization_and_no_more(cloud, garden):
    account = garden.member()
    own = cloud.client("organizations", key=account)
    assert own.describe_organization()["Organization"]["MasterAccountId"] == MASTER
    for ask in (own.list_accounts, own.list_roots, own.delete_organization, own.list_aws_service_access_for_organization):
        assert refused(ask) == ("AccessDeniedException", "You don't have permissions to access this resource.")
    assert refused(own.move_account, AccountId=account, SourceParentId=garden.root, DestinationParentId=garden.root)[0] == "AccessDeniedException"


def test_a_delegated_administrator_reads_the_organization(cloud, garden):
    api, account = garden.api, garden.member()
    ask = {"AccountId": account, "ServicePrincipal": "guardduty.amazonaws.com"}
    assert refused(api.register_delegated_administrator, **ask)[0] == "ConstraintViolationException"  # the service is not trusted yet
    api.enable_aws_service_access(ServicePrincipal="guardduty.amazonaws.com")
    api.register_delegated_administrator(**ask)
    assert refused(api.register_delegated_administrator, **ask)[0] == "AccountAlreadyRegisteredException"
    own = cloud.client("organizations", key=account)
    assert len(own.list_accounts()["Accounts"]) == 2
    assert refused(own.create_organizational_unit, ParentId=garden.root, Name="u")[0] == "AccessDeniedException"
    (told,) = api.list_delegated_administrators(ServicePrincipal="guardduty.amazonaws.com")["DelegatedAdministrators"]
    assert told["Id"] == account and told["DelegationEnabledDate"]
    assert [each["ServicePrincipal"] for each in api.list_delegated_services_for_account(AccountId=account)["DelegatedServices"]] == ["guardduty.amazonaws.com"]
    assert refused(api.disable_aws_service_access, ServicePrincipal="guardduty.amazonaws.com")[0] == "ConstraintViolationException"
    cloud.sleep(7 * DAY_S)
    assert refused(api.remove_account_from_organization, AccountId=account)[0] == "ConstraintViolationException"
    api.deregister_delegated_administrator(**ask)
    assert refused(api.deregister_delegated_administrator, **ask)[0] == "AccountNotRegisteredException"
    assert refused(own.list_accounts)[0] == "AccessDeniedException"
    api.disable_aws_service_access(ServicePrincipal="guardduty.amazonaws.com")
    assert api.list_aws_service_access_for_organization()["EnabledServicePrincipals"] == []
    for number, name in ((MASTER, "guardduty.amazonaws.com"), (account, "moon")):
        assert refused(api.register_delegated_administrator, AccountId=number, ServicePrincipal=name)[0] in ("ConstraintViolationException", "InvalidInputException")


def test_the_policy_that_delegates_lets_a_member_in_to_what_it_says(cloud, garden):
    api, account = garden.api, garden.member()
    assert refused(api.describe_resource_policy)[0] == "ResourcePolicyNotFoundException"
    may = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": ["organizations:ListPolicies", "organizations:CreatePolicy"], "Resource": "*"}
    only = {"StringLikeIfExists": {"organizations:PolicyType": TAGS}}
    made = api.put_resource_policy(Content=document({**may, "Condition": only}))["ResourcePolicy"]
    assert made["ResourcePolicySummary"]["Arn"].startswith(f"arn:aws:organizations::{MASTER}:resourcepolicy/{garden.id}/rp-")
    own = cloud.client("organizations", key=account)
    assert own.list_policies(Filter=TAGS)["Policies"] == []
    assert refused(own.list_policies, Filter=SCP)[0] == "AccessDeniedException"
    own.create_policy(Content=rule("a", tag_key={"@@assign": "A"}), Name="n", Description="", Type=TAGS)
    assert [each["Name"] for each in api.list_policies(Filter=TAGS)["Policies"]] == ["n"]
    for action in ("s3:*", "organizations:CreateAccount"):
        assert refused(api.put_resource_policy, Content=document({**may, "Action": action}))[0] == "InvalidInputException"
    api.put_resource_policy(Content=document({**may, "Action": "organizations:*"}))
    assert len(own.list_roots()["Roots"]) == 1
    assert refused(own.create_account, Email="x@example.com", AccountName="x")[0] == "AccessDeniedException"  # which cannot be delegated
    api.delete_resource_policy()
    assert refused(own.list_policies, Filter=TAGS)[0] == "AccessDeniedException"


# Tags, pages, and the rest --------------------------------------------------------------------------------


def test_root_units_accounts_and_policies_have_tags(garden):
    api = garden.api
    policy = api.create_policy(Content=deny("s3:*"), Name="n", Description="", Type=SCP, Tags=[{"Key": "k", "Value": "v"}])["Policy"]["PolicySummary"]["Id"]
    for thing in (garden.root, garden.unit("u"), MASTER, policy):
        api.tag_resource(ResourceId=thing, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
        api.untag_resource(ResourceId=thing, TagKeys=["b", "k"])
        assert api.list_tags_for_resource(ResourceId=thing)["Tags"] == [{"Key": "a", "Value": "1"}]
    assert refused(api.tag_resource, ResourceId="000000000009", Tags=[{"Key": "a", "Value": "1"}]) == (
        "TargetNotFoundException", "You specified a target that doesn't exist.",
    )  # fmt: skip
    twice = [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]
    assert refused(api.tag_resource, ResourceId=MASTER, Tags=twice)[0] == "InvalidInputException"


def test_lists_come_in_pages(garden):
    for n in range(5):
        garden.unit(f"u{n}")
    pages = list(garden.api.get_paginator("list_organizational_units_for_parent").paginate(ParentId=garden.root, PaginationConfig={"PageSize": 2}))
    assert [len(page["OrganizationalUnits"]) for page in pages] == [2, 2, 1]


def test_everything_is_there_after_a_crash(cloud):
    garden = Garden(cloud, SCP)
    unit = garden.unit("u")
    account = garden.member(parent=unit)
    policy = garden.policy(deny("s3:*"), unit)
    before = (garden.api.list_accounts()["Accounts"], garden.api.list_roots()["Roots"], garden.api.list_targets_for_policy(PolicyId=policy)["Targets"])
    cloud.restart(GLOBAL, kill=True)
    api = garden.api
    assert before == (api.list_accounts()["Accounts"], api.list_roots()["Roots"], api.list_targets_for_policy(PolicyId=policy)["Targets"])
    assert refused(cloud.client("s3", key=account).list_buckets)[0] == "AccessDenied"


def test_an_organization_is_gone_with_the_account_that_manages_it(cloud):
    garden = Garden(cloud, SCP)
    account = garden.member()
    garden.policy(deny("s3:*"), account)
    for region in cloud.regions.values():
        cloud.run(region.reset(MASTER))
    assert cloud.client("s3", key=account).list_buckets()["Buckets"] == []
    own = cloud.client("organizations", key=account)
    assert refused(own.describe_organization)[0] == "AWSOrganizationsNotInUseException"
    assert own.create_organization()["Organization"]["MasterAccountId"] == account


def test_a_user_needs_the_right_to_do_what_an_organization_is_asked(cloud, garden):
    keys = garden.user(MASTER, {"Effect": "Allow", "Action": "organizations:ListRoots", "Resource": "*"})
    ann = cloud.client("organizations", **keys)
    assert len(ann.list_roots()["Roots"]) == 1
    code, text = refused(ann.describe_account, AccountId=MASTER)
    assert code == "AccessDeniedException"
    assert f"organizations:DescribeAccount on resource: arn:aws:organizations::{MASTER}:account/{garden.id}/{MASTER} because no identity-based" in text


def test_accounts_asked_for_at_once_are_all_made(cloud, garden):
    """The work that makes them is not to sleep through a call that comes while it works."""
    started = [cloud.start(garden.api.create_account, Email=f"{n}@example.com", AccountName=f"n{n}") for n in range(6)]
    cloud.wait(*started)
    cloud.sleep(1)
    assert {each["State"] for each in garden.api.list_create_account_status()["CreateAccountStatuses"]} == {"SUCCEEDED"}
    assert len(garden.api.list_accounts()["Accounts"]) == 7
