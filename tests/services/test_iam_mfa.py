"""MFA devices: codes as authenticator apps show them, and what they open.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_mfa_configure-api-require.html. Texts of refusals:
https://stackengine.dev/aws-iam-mfa-token-out-of-sync (wrong code).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json

import pytest
import segno
from refusals import refused

from kumoniwa.gate.mfa import code_at

ACCOUNT = "111111111111"


def shown(seed: bytes, at: float) -> str:
    """The code of RFC 6238, worked out here as an app would."""
    digest = hmac.new(base64.b32decode(seed), int(at // 30).to_bytes(8, "big"), hashlib.sha1).digest()
    start = digest[-1] % 16
    return str(int.from_bytes(digest[start : start + 4], "big") % (1 << 31) % 10**6).zfill(6)


class World:
    def __init__(self, cloud):
        self.cloud = cloud
        self.iam = cloud.client("iam", key=ACCOUNT)
        self.alice = self.iam.create_user(UserName="alice")["User"]["Arn"]
        key = self.iam.create_access_key(UserName="alice")["AccessKey"]
        self.keys = {"key": key["AccessKeyId"], "secret": key["SecretAccessKey"]}
        self.sts = cloud.client("sts", **self.keys)
        device = self.iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")["VirtualMFADevice"]
        self.serial, self.seed = device["SerialNumber"], device["Base32StringSeed"]

    def code(self, later_s: float = 0) -> str:
        return shown(self.seed, self.cloud.now() + later_s)

    def enable(self, user="alice"):
        self.iam.enable_mfa_device(
            UserName=user,
            SerialNumber=self.serial,
            AuthenticationCode1=self.code(-30),
            AuthenticationCode2=self.code(),
        )
        self.cloud.sleep(60)

    def client(self, service, credentials):
        c = credentials["Credentials"]
        return self.cloud.client(
            service, key=c["AccessKeyId"], secret=c["SecretAccessKey"], token=c["SessionToken"]
        )

    def may(self, action, **condition):
        statement = {"Effect": "Allow", "Action": action, "Resource": "*"} | (
            {"Condition": condition} if condition else {}
        )
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.iam.put_user_policy(UserName="alice", PolicyName="p", PolicyDocument=document)


@pytest.fixture
def world(cloud):
    return World(cloud)


@pytest.mark.parametrize(
    "time, code",
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (20000000000, "353130"),
    ],
)
def test_codes_are_those_of_the_rfc(time, code):
    """RFC 6238, appendix B, cut to six digits."""
    assert code_at(base64.b32encode(b"12345678901234567890").decode(), time // 30) == code


def test_a_device_is_enabled_by_two_codes_in_a_row_and_by_nothing_else(world):
    assert world.serial == f"arn:aws:iam::{ACCOUNT}:mfa/phone" and len(base64.b32decode(world.seed)) >= 20
    given = {"UserName": "alice", "SerialNumber": world.serial}
    for codes in (
        ("123456", "654321"),
        (world.code(), world.code()),
        (world.code(), world.code(-30)),
        (world.code(-60), world.code()),
    ):
        assert refused(
            world.iam.enable_mfa_device, **given, AuthenticationCode1=codes[0], AuthenticationCode2=codes[1]
        ) == ("InvalidAuthenticationCode", "Authentication code for device is not valid.")
    assert world.iam.list_virtual_mfa_devices(AssignmentStatus="Assigned")["VirtualMFADevices"] == []
    world.enable()
    (device,) = world.iam.list_mfa_devices(UserName="alice")["MFADevices"]
    assert (device["UserName"], device["SerialNumber"]) == ("alice", world.serial)
    (device,) = world.iam.list_virtual_mfa_devices(AssignmentStatus="Assigned")["VirtualMFADevices"]
    assert device["User"]["Arn"] == world.alice and "Base32StringSeed" not in device
    assert world.iam.get_mfa_device(SerialNumber=world.serial)["UserName"] == "alice"
    codes = {"AuthenticationCode1": world.code(-30), "AuthenticationCode2": world.code()}
    assert refused(world.iam.enable_mfa_device, **given, **codes)[0] == "EntityAlreadyExists"


def test_a_device_in_use_stays_and_holds_its_user(world):
    world.enable()
    assert refused(world.iam.delete_virtual_mfa_device, SerialNumber=world.serial)[0] == "DeleteConflict"
    key = world.iam.list_access_keys(UserName="alice")["AccessKeyMetadata"][0]["AccessKeyId"]
    world.iam.delete_access_key(UserName="alice", AccessKeyId=key)
    assert refused(world.iam.delete_user, UserName="alice")[0] == "DeleteConflict"
    world.iam.deactivate_mfa_device(UserName="alice", SerialNumber=world.serial)
    assert (
        refused(world.iam.deactivate_mfa_device, UserName="alice", SerialNumber=world.serial)[0]
        == "NoSuchEntity"
    )
    world.iam.delete_user(UserName="alice")
    world.iam.delete_virtual_mfa_device(SerialNumber=world.serial)
    assert refused(world.iam.delete_virtual_mfa_device, SerialNumber=world.serial)[0] == "NoSuchEntity"


def test_a_session_with_a_code_has_the_second_factor_and_its_age(world):
    world.enable()
    world.may(
        "sqs:*",
        Bool={"aws:MultiFactorAuthPresent": "true"},
        NumericLessThan={"aws:MultiFactorAuthAge": "600"},
    )
    plain = world.client("sqs", world.sts.get_session_token())
    assert refused(plain.list_queues)[0] == "AccessDeniedException"
    proved = world.client(
        "sqs", world.sts.get_session_token(SerialNumber=world.serial, TokenCode=world.code())
    )
    proved.list_queues()
    world.cloud.sleep(601)
    assert refused(proved.list_queues)[0] == "AccessDeniedException"


def test_a_session_with_a_code_may_call_iam(world):
    """https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html"""
    world.enable()
    world.may("iam:*")
    plain = world.client("iam", world.sts.get_session_token())
    assert refused(plain.list_users)[0] == "InvalidClientTokenId"
    proved = world.client(
        "iam", world.sts.get_session_token(SerialNumber=world.serial, TokenCode=world.code())
    )
    assert proved.get_user()["User"]["UserName"] == "alice"


def test_a_code_opens_once_and_soon(world):
    world.enable()
    ask, wrong = (
        world.sts.get_session_token,
        "MultiFactorAuthentication failed with invalid MFA one time pass code.",
    )
    code = world.code()
    ask(SerialNumber=world.serial, TokenCode=code)
    assert refused(ask, SerialNumber=world.serial, TokenCode=code) == ("AccessDenied", wrong)
    world.cloud.sleep(120)
    assert refused(ask, SerialNumber=world.serial, TokenCode=world.code(-90)) == ("AccessDenied", wrong)
    ask(SerialNumber=world.serial, TokenCode=world.code(-30))
    ask(SerialNumber=world.serial, TokenCode=world.code())
    assert "must provide both" in refused(ask, SerialNumber=world.serial)[1]


def test_another_s_device_opens_nothing(world):
    world.iam.create_user(UserName="bob")
    world.enable("bob")
    code, text = refused(world.sts.get_session_token, SerialNumber=world.serial, TokenCode=world.code())
    assert code == "AccessDenied" and "verify your MFA serial number" in text


def test_a_role_may_ask_for_a_second_factor(world):
    world.enable()
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": world.alice},
        "Action": "sts:AssumeRole",
        "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = world.iam.create_role(RoleName="careful", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    asked = {"RoleArn": role, "RoleSessionName": "me"}
    assert refused(world.sts.assume_role, **asked)[0] == "AccessDenied"
    assert (
        refused(world.sts.assume_role, **asked, SerialNumber=world.serial, TokenCode="000000")[0]
        == "AccessDenied"
    )
    reply = world.sts.assume_role(**asked, SerialNumber=world.serial, TokenCode=world.code())
    assert reply["AssumedRoleUser"]["Arn"].endswith(":assumed-role/careful/me")


def test_long_lived_keys_say_nothing_of_a_second_factor(world):
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-multifactorauthpresent"""
    sqs = world.cloud.client("sqs", **world.keys)
    world.may("sqs:*", Bool={"aws:MultiFactorAuthPresent": "false"})
    assert refused(sqs.list_queues)[0] == "AccessDeniedException"
    world.may("sqs:*", BoolIfExists={"aws:MultiFactorAuthPresent": "true"})
    sqs.list_queues()
    world.may("sqs:*", Null={"aws:MultiFactorAuthAge": "true"})
    sqs.list_queues()
    plain = world.client("sqs", world.sts.get_session_token())
    world.may("sqs:*", Bool={"aws:MultiFactorAuthPresent": "false"})
    plain.list_queues()


def test_a_role_trusts_a_code_by_its_age_and_its_session_does_not_carry_it(world):
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_mfa_configure-api-require.html"""
    world.enable()
    trust = {
        "Effect": "Allow", "Principal": {"AWS": world.alice}, "Action": "sts:AssumeRole",
        "Condition": {"NumericLessThan": {"aws:MultiFactorAuthAge": "300"}},
    }  # fmt: skip
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = world.iam.create_role(RoleName="careful", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    wanted = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*", "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}
    world.iam.put_role_policy(RoleName="careful", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": wanted}))
    asked = {"RoleArn": role, "RoleSessionName": "me"}
    assert refused(world.sts.assume_role, **asked)[0] == "AccessDenied"
    opened = world.sts.assume_role(**asked, SerialNumber=world.serial, TokenCode=world.code())
    assert refused(world.client("sqs", opened).list_queues)[0] == "AccessDeniedException"
    world.cloud.sleep(60)
    proved = world.client("sts", world.sts.get_session_token(SerialNumber=world.serial, TokenCode=world.code()))
    proved.assume_role(**asked)
    world.cloud.sleep(301)
    assert refused(proved.assume_role, **asked)[0] == "AccessDenied"


def test_a_device_whose_clock_is_off_is_brought_back_in_step(world):
    world.enable()
    ask = {"SerialNumber": world.serial}
    assert refused(world.sts.get_session_token, **ask, TokenCode=world.code(3600))[0] == "AccessDenied"
    world.iam.resync_mfa_device(
        UserName="alice", **ask, AuthenticationCode1=world.code(3570), AuthenticationCode2=world.code(3600)
    )
    world.cloud.sleep(30)
    world.sts.get_session_token(**ask, TokenCode=world.code(3600))
    assert refused(world.sts.get_session_token, **ask, TokenCode=world.code())[0] == "AccessDenied"


def test_devices_have_tags_and_paths_that_are_paths(world):
    world.iam.tag_mfa_device(
        SerialNumber=world.serial, Tags=[{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "1"}]
    )
    world.iam.untag_mfa_device(SerialNumber=world.serial, TagKeys=["B"])
    assert world.iam.list_mfa_device_tags(SerialNumber=world.serial)["Tags"] == [{"Key": "a", "Value": "1"}]
    made = world.iam.create_virtual_mfa_device(VirtualMFADeviceName="phone", Path="/a/b/")["VirtualMFADevice"]
    assert made["SerialNumber"] == f"arn:aws:iam::{ACCOUNT}:mfa/a/b/phone"
    assert (
        refused(world.iam.create_virtual_mfa_device, VirtualMFADeviceName="phone")[0] == "EntityAlreadyExists"
    )
    assert (
        refused(world.iam.create_virtual_mfa_device, VirtualMFADeviceName="x", Path="/a//b/")[0]
        == "ValidationError"
    )


def test_a_device_comes_with_the_picture_that_an_app_photographs(world):
    # https://docs.aws.amazon.com/IAM/latest/APIReference/API_VirtualMFADevice.html
    made = world.iam.create_virtual_mfa_device(VirtualMFADeviceName="tablet")["VirtualMFADevice"]
    drawn = io.BytesIO()
    said = f"otpauth://totp/tablet@{ACCOUNT}?secret={made['Base32StringSeed'].decode()}"
    segno.make_qr(said).save(drawn, kind="png", scale=5)
    assert made["QRCodePNG"] == drawn.getvalue()
