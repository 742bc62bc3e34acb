"""What users hold beside access keys, and roles that belong to services.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_passwords_account-policy.html,
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from refusals import refused, refused_status

ACCOUNT = "111111111111"
GOOD, BETTER = "Correct-horse1", "Battery-staple2"


@pytest.fixture
def iam(cloud):
    iam = cloud.client("iam", key=ACCOUNT)
    iam.create_user(UserName="alice")
    return iam


@pytest.fixture
def alice(cloud, iam):
    key = iam.create_access_key(UserName="alice")["AccessKey"]
    return cloud.client("iam", key=key["AccessKeyId"], secret=key["SecretAccessKey"])


def may(iam, *actions):
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}],
    }
    iam.put_user_policy(UserName="alice", PolicyName="p", PolicyDocument=json.dumps(document))


# Passwords -----------------------------------------------------------------------------------------


def test_a_login_profile_shows_all_but_the_password(iam):
    made = iam.create_login_profile(UserName="alice", Password=GOOD, PasswordResetRequired=True)[
        "LoginProfile"
    ]
    assert made == iam.get_login_profile(UserName="alice")["LoginProfile"]
    assert made["PasswordResetRequired"] and "Password" not in made
    expected = ("EntityAlreadyExists", "Login Profile for user alice already exists.")
    assert refused(iam.create_login_profile, UserName="alice", Password=GOOD) == expected
    iam.update_login_profile(UserName="alice", PasswordResetRequired=False)
    assert not iam.get_login_profile(UserName="alice")["LoginProfile"]["PasswordResetRequired"]
    assert refused(iam.delete_user, UserName="alice")[0] == "DeleteConflict"
    iam.delete_login_profile(UserName="alice")
    expected = ("NoSuchEntity", "Login Profile for User alice cannot be found.")
    assert refused(iam.get_login_profile, UserName="alice") == expected
    iam.delete_user(UserName="alice")


@pytest.mark.parametrize("password", ["Short-1", "onlylowercase", "lower-and-symbols", "12345678"])
def test_without_a_policy_aws_s_own_holds(iam, password):
    assert (
        refused(iam.create_login_profile, UserName="alice", Password=password)[0] == "PasswordPolicyViolation"
    )


@pytest.mark.parametrize(
    "rule, bad",
    [
        ({"MinimumPasswordLength": 20}, "Correct-horse1"),
        ({"RequireSymbols": True}, "Correcthorse1"),
        ({"RequireNumbers": True}, "Correct-horse"),
        ({"RequireUppercaseCharacters": True}, "correct-horse1"),
        ({"RequireLowercaseCharacters": True}, "CORRECT-HORSE1"),
    ],
)
def test_the_account_s_policy_holds_in_place_of_aws_s(iam, rule, bad):
    iam.update_account_password_policy(**rule)
    assert refused(iam.create_login_profile, UserName="alice", Password=bad)[0] == "PasswordPolicyViolation"
    iam.update_account_password_policy()
    iam.create_login_profile(UserName="alice", Password=bad)


def test_a_password_policy_is_replaced_whole(iam):
    absent = ("NoSuchEntity", f"The Password Policy with domain name {ACCOUNT} cannot be found.")
    assert refused(iam.get_account_password_policy) == absent
    iam.update_account_password_policy(RequireSymbols=True, MaxPasswordAge=90, PasswordReusePrevention=2)
    held = iam.get_account_password_policy()["PasswordPolicy"]
    assert held["ExpirePasswords"] and held["MaxPasswordAge"] == 90 and held["MinimumPasswordLength"] == 6
    iam.update_account_password_policy(MinimumPasswordLength=12)
    held = iam.get_account_password_policy()["PasswordPolicy"]
    assert not held["ExpirePasswords"] and not held["RequireSymbols"] and "MaxPasswordAge" not in held
    iam.delete_account_password_policy()
    assert refused(iam.get_account_password_policy) == absent
    assert refused(iam.delete_account_password_policy)[0] == "NoSuchEntity"


def test_a_user_who_may_changes_the_password_it_knows(iam, alice):
    iam.create_login_profile(UserName="alice", Password=GOOD, PasswordResetRequired=True)
    change = {"OldPassword": GOOD, "NewPassword": BETTER}
    assert refused(alice.change_password, **change)[0] == "AccessDenied"
    iam.update_account_password_policy(AllowUsersToChangePassword=True, PasswordReusePrevention=1)
    assert refused(alice.change_password, OldPassword="wrong", NewPassword=BETTER) == (
        "AccessDenied",
        "The old password was incorrect.",
    )
    assert refused(alice.change_password, OldPassword=GOOD, NewPassword=GOOD)[0] == "PasswordPolicyViolation"
    alice.change_password(**change)
    assert not iam.get_login_profile(UserName="alice")["LoginProfile"]["PasswordResetRequired"]
    assert refused(alice.change_password, **change)[0] == "AccessDenied"
    assert alice.get_account_password_policy()["PasswordPolicy"]["AllowUsersToChangePassword"]
    assert refused(alice.get_login_profile)[0] == "AccessDenied"


def test_a_password_that_expired_hard_is_the_administrator_s_to_set(cloud, iam, alice):
    iam.create_login_profile(UserName="alice", Password=GOOD)
    iam.update_account_password_policy(AllowUsersToChangePassword=True, MaxPasswordAge=1, HardExpiry=True)
    cloud.sleep(86_401)
    assert refused(alice.change_password, OldPassword=GOOD, NewPassword=BETTER)[0] == "AccessDenied"
    iam.update_login_profile(UserName="alice", Password=BETTER)
    alice.change_password(OldPassword=BETTER, NewPassword=GOOD)


# Certificates and keys -----------------------------------------------------------------------------


def certificate(key, days=1) -> str:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "kumo")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    return (
        builder.not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2040, 1, days, tzinfo=UTC))
        .sign(key, hashes.SHA256())
        .public_bytes(Encoding.PEM)
        .decode()
    )


def private(key) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def test_a_user_holds_two_signing_certificates(iam):
    key = ec.generate_private_key(ec.SECP256R1())
    bodies = [certificate(key, days) for days in (1, 2, 3)]
    made = iam.upload_signing_certificate(UserName="alice", CertificateBody=bodies[0])["Certificate"]
    assert (made["Status"], made["CertificateBody"]) == ("Active", bodies[0])
    assert (
        refused(iam.upload_signing_certificate, UserName="alice", CertificateBody=bodies[0])[0]
        == "DuplicateCertificate"
    )
    assert (
        refused(iam.upload_signing_certificate, UserName="alice", CertificateBody="nothing")[0]
        == "MalformedCertificate"
    )
    iam.upload_signing_certificate(UserName="alice", CertificateBody=bodies[1])
    assert refused(iam.upload_signing_certificate, UserName="alice", CertificateBody=bodies[2]) == (
        "LimitExceeded",
        "Cannot exceed quota for CertificatesPerUser: 2",
    )
    iam.update_signing_certificate(UserName="alice", CertificateId=made["CertificateId"], Status="Inactive")
    held = iam.list_signing_certificates(UserName="alice")["Certificates"]
    assert [one["Status"] for one in held] == ["Inactive", "Active"]
    for one in held:
        iam.delete_signing_certificate(UserName="alice", CertificateId=one["CertificateId"])
    assert (
        refused(iam.delete_signing_certificate, UserName="alice", CertificateId=made["CertificateId"])[0]
        == "NoSuchEntity"
    )
    iam.delete_user(UserName="alice")


def test_an_ssh_key_is_handed_out_in_either_encoding(iam):
    public = rsa.generate_private_key(65537, 2048).public_key()
    line = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    made = iam.upload_ssh_public_key(UserName="alice", SSHPublicKeyBody=line)["SSHPublicKey"]
    asked = {"UserName": "alice", "SSHPublicKeyId": made["SSHPublicKeyId"]}
    assert made["SSHPublicKeyId"].startswith("APKA") and made["Fingerprint"].count(":") == 15
    assert iam.get_ssh_public_key(**asked, Encoding="SSH")["SSHPublicKey"]["SSHPublicKeyBody"] == line
    assert iam.get_ssh_public_key(**asked, Encoding="PEM")["SSHPublicKey"]["SSHPublicKeyBody"] == pem
    assert (
        refused(iam.upload_ssh_public_key, UserName="alice", SSHPublicKeyBody=pem)[0]
        == "DuplicateSSHPublicKey"
    )
    iam.update_ssh_public_key(**asked, Status="Inactive")
    assert [key["Status"] for key in iam.list_ssh_public_keys(UserName="alice")["SSHPublicKeys"]] == [
        "Inactive"
    ]
    iam.delete_ssh_public_key(**asked)
    assert refused(iam.get_ssh_public_key, **asked, Encoding="SSH")[0] == "NoSuchEntity"
    other = (
        ec.generate_private_key(ec.SECP256R1())
        .public_key()
        .public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    )
    for body in ("ssh-rsa nonsense", other.decode()):
        assert (
            refused(iam.upload_ssh_public_key, UserName="alice", SSHPublicKeyBody=body)[0]
            == "InvalidPublicKey"
        )


def test_a_server_certificate_fits_its_key_and_never_shows_it(iam):
    key, other = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    sent = {"ServerCertificateName": "web", "CertificateBody": certificate(key), "PrivateKey": private(key)}
    assert (
        refused(iam.upload_server_certificate, **{**sent, "PrivateKey": private(other)})[0]
        == "KeyPairMismatch"
    )
    assert (
        refused(iam.upload_server_certificate, **{**sent, "CertificateBody": "x"})[0]
        == "MalformedCertificate"
    )
    assert refused(iam.upload_server_certificate, **{**sent, "PrivateKey": "x"})[0] == "MalformedCertificate"
    made = iam.upload_server_certificate(**sent, Path="/a/", Tags=[{"Key": "k", "Value": "v"}])
    data = made["ServerCertificateMetadata"]
    assert (
        data["Arn"] == f"arn:aws:iam::{ACCOUNT}:server-certificate/a/web" and data["Expiration"].year == 2040
    )
    held = iam.get_server_certificate(ServerCertificateName="web")["ServerCertificate"]
    assert held["CertificateBody"] == sent["CertificateBody"] and "PrivateKey" not in held
    iam.update_server_certificate(ServerCertificateName="web", NewServerCertificateName="site", NewPath="/b/")
    iam.untag_server_certificate(ServerCertificateName="site", TagKeys=["k"])
    iam.tag_server_certificate(ServerCertificateName="site", Tags=[{"Key": "l", "Value": "v"}])
    assert iam.list_server_certificate_tags(ServerCertificateName="site")["Tags"] == [
        {"Key": "l", "Value": "v"}
    ]
    assert len(iam.list_server_certificates(PathPrefix="/b/")["ServerCertificateMetadataList"]) == 1
    iam.delete_server_certificate(ServerCertificateName="site")
    assert refused(iam.get_server_certificate, ServerCertificateName="site") == (
        "NoSuchEntity",
        "The Server Certificate with name site cannot be found.",
    )


# Roles of services, tags, context keys -------------------------------------------------------------


def test_the_service_of_a_service_linked_role_has_a_policy_of_its_own_there(iam):
    # Recorded: localstack's TestIAMServiceRoles.
    iam.create_service_linked_role(AWSServiceName="shield.amazonaws.com")
    attached = iam.list_attached_role_policies(RoleName="AWSServiceRoleForAWSShield")["AttachedPolicies"]
    arn = "arn:aws:iam::aws:policy/aws-service-role/AWSShieldServiceRolePolicy"
    assert attached == [{"PolicyName": "AWSShieldServiceRolePolicy", "PolicyArn": arn}]
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    assert "wafv2:UpdateWebACL" in document["Statement"][0]["Action"]


def test_a_service_linked_role_trusts_its_service_and_is_the_service_s_own(cloud, iam):
    role = iam.create_service_linked_role(AWSServiceName="ecs.amazonaws.com", Description="d")["Role"]
    assert (
        role["Arn"] == f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"
    )
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": "ecs.amazonaws.com"}
    assert cloud.region("aws-global").assume(role["Arn"], "ecs.amazonaws.com", "s", ACCOUNT).kind == "role"
    name = {"RoleName": "AWSServiceRoleForECS"}
    arn = "arn:aws:iam::aws:policy/AdministratorAccess"
    for method, more in (
        (iam.delete_role, {}),
        (iam.attach_role_policy, {"PolicyArn": arn}),
        (iam.put_role_policy, {"PolicyName": "p", "PolicyDocument": "{}"}),
        (iam.update_assume_role_policy, {"PolicyDocument": "{}"}),
    ):
        assert refused(method, **name, **more)[0] == "UnmodifiableEntity"
    assert refused(iam.create_service_linked_role, AWSServiceName="ecs.amazonaws.com") == (
        "InvalidInput",
        "Service role name AWSServiceRoleForECS has been taken in this account, please try a different suffix.",
    )
    assert refused(iam.create_service_linked_role, AWSServiceName="tea.amazonaws.com")[0] == "AccessDenied"
    assert (
        refused(iam.create_service_linked_role, AWSServiceName="rds.amazonaws.com", CustomSuffix="x")[0]
        == "InvalidInput"
    )
    task = iam.delete_service_linked_role(**name)["DeletionTaskId"]
    assert task.startswith("task/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS/")
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"
    assert refused(iam.get_role, **name)[0] == "NoSuchEntity"
    assert refused(iam.get_service_linked_role_deletion_status, DeletionTaskId="x" * 30)[0] == "NoSuchEntity"


def test_instance_profiles_have_tags(iam):
    iam.create_instance_profile(InstanceProfileName="box")
    iam.tag_instance_profile(
        InstanceProfileName="box", Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
    )
    iam.untag_instance_profile(InstanceProfileName="box", TagKeys=["a"])
    tags = [{"Key": "b", "Value": "2"}]
    assert iam.list_instance_profile_tags(InstanceProfileName="box")["Tags"] == tags
    assert iam.get_instance_profile(InstanceProfileName="box")["InstanceProfile"]["Tags"] == tags


def test_the_keys_policies_ask_about_are_named(iam):
    statement = {
        "Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::home/${aws:username}/*",
        "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
    }  # fmt: skip
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    expected = ["aws:sourceip", "aws:username"]
    assert iam.get_context_keys_for_custom_policy(PolicyInputList=[document])["ContextKeyNames"] == expected
    iam.create_group(GroupName="g")
    iam.add_user_to_group(GroupName="g", UserName="alice")
    iam.put_group_policy(GroupName="g", PolicyName="p", PolicyDocument=document)
    arn = f"arn:aws:iam::{ACCOUNT}:user/alice"
    assert iam.get_context_keys_for_principal_policy(PolicySourceArn=arn)["ContextKeyNames"] == expected


# For one service: recorded, localstack's TestIAMServiceSpecificCredentials ----------------------------


def test_a_user_signs_in_to_one_service_with_a_name_and_a_password_of_its_own(cloud):
    iam = cloud.client("iam", key="111111111111")
    iam.create_user(UserName="u")
    service = "codecommit.amazonaws.com"
    made = iam.create_service_specific_credential(UserName="u", ServiceName=service)["ServiceSpecificCredential"]
    assert (made["ServiceUserName"], made["Status"], made["ServiceName"]) == ("u-at-111111111111", "Active", service)
    number = made["ServiceSpecificCredentialId"]
    (listed,) = iam.list_service_specific_credentials(UserName="u")["ServiceSpecificCredentials"]
    assert listed == {name: value for name, value in made.items() if name != "ServicePassword"}
    iam.update_service_specific_credential(UserName="u", ServiceSpecificCredentialId=number, Status="Inactive")
    new = iam.reset_service_specific_credential(UserName="u", ServiceSpecificCredentialId=number)["ServiceSpecificCredential"]
    assert new["Status"] == "Inactive" and new["ServicePassword"] != made["ServicePassword"]
    second = iam.create_service_specific_credential(UserName="u", ServiceName=service)["ServiceSpecificCredential"]
    assert second["ServiceUserName"] == "u+1-at-111111111111"
    with pytest.raises(iam.exceptions.LimitExceededException):
        iam.create_service_specific_credential(UserName="u", ServiceName=service)
    assert iam.list_service_specific_credentials(UserName="u", ServiceName="cassandra.amazonaws.com")["ServiceSpecificCredentials"] == []
    with pytest.raises(iam.exceptions.DeleteConflictException, match="must remove referenced objects first"):
        iam.delete_user(UserName="u")
    for held in (number, second["ServiceSpecificCredentialId"]):
        iam.delete_service_specific_credential(UserName="u", ServiceSpecificCredentialId=held)
    iam.delete_user(UserName="u")


@pytest.mark.parametrize(
    ("operation", "params", "code", "text"),
    [
        ("create", {"ServiceName": "x.amazonaws.com"}, "NoSuchEntity", "No such service x.amazonaws.com is supported for Service Specific Credentials"),
        ("create", {"ServiceName": "bedrock.amazonaws.com"}, "NotImplemented", None),
        ("reset", {"ServiceSpecificCredentialId": "A" * 20}, "NoSuchEntity", f"No such credential {'A' * 20} exists"),
        (
            "delete", {"ServiceSpecificCredentialId": "wrong-because-of-the-hyphens"}, "ValidationError",
            "1 validation error detected: Value at 'serviceSpecificCredentialId' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [\\w]+",
        ),
        (
            "update", {"ServiceSpecificCredentialId": "A" * 20, "Status": "x"}, "ValidationError",
            "1 validation error detected: Value at 'status' failed to satisfy constraint: Member must satisfy enum value set",
        ),
    ],
)  # fmt: skip
def test_what_is_no_credential_for_a_service_is_refused(cloud, operation, params, code, text):
    iam = cloud.client("iam")
    iam.create_user(UserName="u")
    with pytest.raises(ClientError) as caught:
        getattr(iam, f"{operation}_service_specific_credential")(UserName="u", **params)
    assert caught.value.response["Error"]["Code"] == code
    assert text in (None, caught.value.response["Error"]["Message"])


def test_a_stack_makes_a_service_linked_role_and_a_server_certificate(cloud, iam):
    # Ref of the role is its name, GetAtt of the certificate its ARN: the types' schemas, and localstack's test_server_certificate.
    key, stacks = ec.generate_private_key(ec.SECP256R1()), cloud.client("cloudformation", key=ACCOUNT)
    wanted = {"CertificateBody": certificate(key), "PrivateKey": private(key), "Path": "/a/"}
    role = {"AWSServiceName": "elasticbeanstalk.amazonaws.com", "Description": "d"}
    resources = {
        "C": {"Type": "AWS::IAM::ServerCertificate", "Properties": {"ServerCertificateName": "web", **wanted}},
        "R": {"Type": "AWS::IAM::ServiceLinkedRole", "Properties": role},
    }
    outputs = {"role": {"Value": {"Ref": "R"}}, "name": {"Value": {"Ref": "C"}}, "arn": {"Value": {"Fn::GetAtt": ["C", "Arn"]}}}
    stacks.create_stack(StackName="s", TemplateBody=json.dumps({"Resources": resources, "Outputs": outputs}), Capabilities=["CAPABILITY_NAMED_IAM"])
    cloud.sleep(60)
    (stack,) = stacks.describe_stacks(StackName="s")["Stacks"]
    told = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    arn = f"arn:aws:iam::{ACCOUNT}:server-certificate/a/web"
    assert told == {"role": "AWSServiceRoleForElasticBeanstalk", "name": "web", "arn": arn}
    assert iam.get_role(RoleName=told["role"])["Role"]["Description"] == "d"
    stacks.delete_stack(StackName="s")
    cloud.sleep(60)
    assert refused(iam.get_role, RoleName=told["role"])[0] == "NoSuchEntity"
    assert refused(iam.get_server_certificate, ServerCertificateName="web")[0] == "NoSuchEntity"


def test_a_key_that_stands_for_long_has_no_token(cloud):
    """botocore's test_bad_request_on_invalid_credentials; the others' words are those for any token that is none."""
    iam = cloud.client("iam")
    iam.create_user(UserName="u")
    iam.attach_user_policy(UserName="u", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    key = iam.create_access_key(UserName="u")["AccessKey"]
    held = {"key": key["AccessKeyId"], "secret": key["SecretAccessKey"]}
    cloud.client("s3", **held).list_buckets()
    assert refused_status(cloud.client("s3", token="none", **held).list_buckets) == (400, "InvalidToken")
    assert refused_status(cloud.client("sts", token="none", **held).get_caller_identity) == (403, "InvalidClientTokenId")
    assert refused_status(cloud.client("sqs", token="none", **held).list_queues)[1] == "UnrecognizedClientException"
