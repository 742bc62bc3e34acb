"""Devices of a user pool's people: those that are remembered prove themselves, and no second factor is asked for.

https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-device-tracking.html
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
import json

import pytest
from cognito_workshop import PASSWORD, Pool, Srp, claims
from lambda_workshop import make, settle
from refusals import refused
from test_cloudformation_stack import create, outputs

from kumoniwa.gate.mfa import code_at, step_of
from kumoniwa.services.cognito_idp.srp import GROUP

GONE = ("ResourceNotFoundException", "Device does not exist.")
BAD_KEY = ("InvalidParameterException", "Invalid device key given.")
WRONG = ("NotAuthorizedException", "Incorrect username or password.")
ALWAYS = {"ChallengeRequiredOnNewDevice": True, "DeviceOnlyRememberedOnUserPrompt": False}


class Phone:
    """A device's half: its secret, and the answers that it makes of it, as the page's pseudocode has it."""

    def __init__(self, told: dict[str, str], secret: str = "a device's secret") -> None:
        self.key, self.group, self.secret = told["DeviceKey"], told["DeviceGroupKey"], secret
        self.salt = hashlib.sha256(b"salt").hexdigest()[:32]
        self.a = int.from_bytes(hashlib.sha256(b"a device's own").digest(), "big")
        self.public = pow(2, self.a, GROUP)

    def x(self, salt: str) -> int:
        inner = hashlib.sha256(f"{self.group}{self.key}:{self.secret}".encode()).hexdigest()
        return Srp.hashed(Srp.padded(salt) + inner)

    @property
    def verifier(self) -> dict[str, str]:
        value = pow(2, self.x(self.salt), GROUP)
        return {name: base64.b64encode(bytes.fromhex(Srp.padded(each))).decode() for name, each in (("PasswordVerifier", value), ("Salt", self.salt))}

    def answers(self, shown: dict[str, str], at: float) -> dict[str, str]:
        theirs, x = int(shown["SRP_B"], 16), self.x(shown["SALT"])
        u = Srp.hashed(Srp.padded(self.public) + Srp.padded(theirs))
        k = Srp.hashed("00" + f"{GROUP:x}" + "02")
        shared = pow(theirs - k * pow(2, x, GROUP), self.a + u * x, GROUP)
        extracted = hmac.digest(bytes.fromhex(Srp.padded(u)), bytes.fromhex(Srp.padded(shared)), "sha256")
        key = hmac.digest(extracted, b"Caldera Derived Key" + bytes([1]), "sha256")[:16]
        moment = datetime.datetime.fromtimestamp(at, datetime.UTC)
        stamp = f"{moment:%a %b} {moment.day} {moment:%H:%M:%S UTC %Y}"
        message = f"{self.group}{self.key}".encode() + base64.b64decode(shown["SECRET_BLOCK"]) + stamp.encode()
        return {
            "DEVICE_KEY": self.key, "PASSWORD_CLAIM_SECRET_BLOCK": shown["SECRET_BLOCK"], "TIMESTAMP": stamp,
            "PASSWORD_CLAIM_SIGNATURE": base64.b64encode(hmac.digest(key, message, "sha256")).decode(),
        }  # fmt: skip


class People(Pool):
    """Ann with a second factor, in a pool that remembers devices."""

    def __init__(self, cloud, configuration: dict | None = None, *, with_factor: bool = True, **settings) -> None:
        super().__init__(cloud, DeviceConfiguration=ALWAYS if configuration is None else configuration, **settings)
        self.add()
        self.seed = None
        if with_factor:
            self.idp.set_user_pool_mfa_config(UserPoolId=self.id, SoftwareTokenMfaConfiguration={"Enabled": True}, MfaConfiguration="OPTIONAL")
            access = self.sign_in()["AccessToken"]
            self.seed = self.idp.associate_software_token(AccessToken=access)["SecretCode"]
            self.idp.verify_software_token(AccessToken=access, UserCode=self.totp)
            self.idp.set_user_mfa_preference(AccessToken=access, SoftwareTokenMfaSettings={"Enabled": True, "PreferredMfa": True})

    @property
    def totp(self) -> str:
        self.cloud.sleep(31)
        return code_at(self.seed, step_of(self.cloud.now()))

    def begin_on(self, key: str | None = None) -> dict:
        told = {"USERNAME": "ann", "PASSWORD": PASSWORD, **({"DEVICE_KEY": key} if key else {})}
        return self.idp.initiate_auth(ClientId=self.client, AuthFlow="USER_PASSWORD_AUTH", AuthParameters=told)

    def first(self) -> dict:
        begun = self.begin_on()
        return (self.answer(begun, SOFTWARE_TOKEN_MFA_CODE=self.totp) if self.seed else begun)["AuthenticationResult"]

    def confirmed(self) -> tuple[Phone, dict]:
        """A phone that was confirmed, and the tokens of the sign-in on it."""
        result = self.first()
        phone = Phone(result["NewDeviceMetadata"])
        self.confirm(phone, result)
        return phone, result

    def confirm(self, phone: Phone, result: dict) -> bool:
        return self.idp.confirm_device(
            AccessToken=result["AccessToken"], DeviceKey=phone.key, DeviceName="phone", DeviceSecretVerifierConfig=phone.verifier
        )["UserConfirmationNecessary"]

    def prove(self, begun: dict, phone: Phone) -> dict:
        assert begun["ChallengeName"] == "DEVICE_SRP_AUTH"
        shown = self.answer(begun, DEVICE_KEY=phone.key, SRP_A=f"{phone.public:x}")
        assert (shown["ChallengeName"], shown["ChallengeParameters"]["DEVICE_KEY"]) == ("DEVICE_PASSWORD_VERIFIER", phone.key)
        return self.answer(shown, **phone.answers(shown["ChallengeParameters"], self.cloud.now()))


@pytest.fixture
def people(cloud) -> People:
    return People(cloud)


def test_a_sign_in_without_a_device_is_given_its_key_which_the_access_token_tells(cloud, people):
    result = people.first()
    told = result["NewDeviceMetadata"]
    assert told["DeviceKey"].startswith("us-east-1_") and told["DeviceGroupKey"]
    assert claims(result["AccessToken"])["device_key"] == told["DeviceKey"] and "device_key" not in claims(result["IdToken"])
    assert people.first()["NewDeviceMetadata"]["DeviceKey"] != told["DeviceKey"]
    untracked = Pool(cloud)
    untracked.add()
    assert "NewDeviceMetadata" not in untracked.sign_in()


def test_a_remembered_device_proves_itself_instead_of_a_second_factor(people):
    phone, _ = people.confirmed()
    result = people.prove(people.begin_on(phone.key), phone)["AuthenticationResult"]
    assert "NewDeviceMetadata" not in result and claims(result["AccessToken"])["device_key"] == phone.key
    assert people.idp.get_user(AccessToken=result["AccessToken"])["Username"] == "ann"
    assert people.begin_on()["ChallengeName"] == "SOFTWARE_TOKEN_MFA"


def test_a_device_with_another_secret_opens_nothing(people):
    phone, _ = people.confirmed()
    other = Phone({"DeviceKey": phone.key, "DeviceGroupKey": phone.group}, "another secret")
    assert refused(people.prove, people.begin_on(phone.key), other) == WRONG
    begun = people.begin_on(phone.key)
    assert refused(people.answer, begun, DEVICE_KEY="us-east-1_00000000-0000-4000-8000-000000000000", SRP_A="2") == WRONG
    for public in ("0", f"{GROUP:x}", "no number"):
        assert refused(people.answer, people.begin_on(phone.key), DEVICE_KEY=phone.key, SRP_A=public)[0] == "InvalidParameterException"


def test_a_device_alone_signs_nobody_in(people):
    phone, _ = people.confirmed()
    for challenge in ("DEVICE_SRP_AUTH", "DEVICE_PASSWORD_VERIFIER"):
        told = {"USERNAME": "ann", "DEVICE_KEY": phone.key, "SRP_A": f"{phone.public:x}", "PASSWORD_CLAIM_SECRET_BLOCK": "eA=="}
        code, _ = refused(people.idp.respond_to_auth_challenge, ClientId=people.client, ChallengeName=challenge, ChallengeResponses=told)
        assert code == "NotAuthorizedException"


def test_the_session_need_not_be_shown_as_amazons_own_library_does_not(cloud, people):
    """amazon-cognito-identity-js: getDeviceResponse"""
    phone, _ = people.confirmed()

    def answer(challenge: str, **told: str) -> dict:
        said = {"USERNAME": "ann", "DEVICE_KEY": phone.key, **told}
        return people.idp.respond_to_auth_challenge(ClientId=people.client, ChallengeName=challenge, ChallengeResponses=said)

    people.begin_on(phone.key)
    shown = answer("DEVICE_SRP_AUTH", SRP_A=f"{phone.public:x}")
    assert answer("DEVICE_PASSWORD_VERIFIER", **phone.answers(shown["ChallengeParameters"], cloud.now()))["AuthenticationResult"]
    ended = ("NotAuthorizedException", "Invalid session for the user, session is expired.")
    assert refused(answer, "DEVICE_SRP_AUTH", SRP_A=f"{phone.public:x}") == ended
    people.begin_on(phone.key)
    cloud.sleep(3 * 60 + 1)
    assert refused(answer, "DEVICE_SRP_AUTH", SRP_A=f"{phone.public:x}") == ended


def test_the_key_may_be_told_with_the_answer_to_srp(cloud, people):
    phone, _ = people.confirmed()
    client = Srp(people, GROUP)
    begun = people.idp.initiate_auth(ClientId=people.client, AuthFlow="USER_SRP_AUTH", AuthParameters={"USERNAME": "ann", "SRP_A": f"{client.public:x}"})
    told = client.answers(begun["ChallengeParameters"], PASSWORD, cloud.now()) | {"DEVICE_KEY": phone.key}
    shown = people.idp.respond_to_auth_challenge(ClientId=people.client, ChallengeName="PASSWORD_VERIFIER", ChallengeResponses=told)
    assert people.prove(shown, phone)["AuthenticationResult"]


def test_where_people_choose_a_device_is_not_remembered_before(cloud):
    people = People(cloud, {"ChallengeRequiredOnNewDevice": True, "DeviceOnlyRememberedOnUserPrompt": True})
    result = people.first()
    phone = Phone(result["NewDeviceMetadata"])
    assert people.confirm(phone, result) is True
    # "A confirmed but unremembered device … proceeds with non-device sign-in when you provide the device key."
    begun = people.begin_on(phone.key)
    assert begun["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
    signed_in = people.answer(begun, SOFTWARE_TOKEN_MFA_CODE=people.totp)["AuthenticationResult"]
    assert "NewDeviceMetadata" not in signed_in and claims(signed_in["AccessToken"])["device_key"] == phone.key
    access = result["AccessToken"]
    assert refused(people.idp.get_device, AccessToken=access, DeviceKey=phone.key) == GONE
    assert people.idp.list_devices(AccessToken=access)["Devices"] == []
    people.idp.update_device_status(AccessToken=access, DeviceKey=phone.key, DeviceRememberedStatus="remembered")
    assert people.idp.get_device(AccessToken=access, DeviceKey=phone.key)["Device"]["DeviceKey"] == phone.key
    assert people.prove(people.begin_on(phone.key), phone)["AuthenticationResult"]


def test_a_pool_may_ask_a_remembered_device_for_a_second_factor_all_the_same(cloud):
    people = People(cloud, {"ChallengeRequiredOnNewDevice": False, "DeviceOnlyRememberedOnUserPrompt": False})
    phone, _ = people.confirmed()
    shown = people.prove(people.begin_on(phone.key), phone)
    assert shown["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
    assert people.answer(shown, SOFTWARE_TOKEN_MFA_CODE=people.totp)["AuthenticationResult"]


def test_a_device_is_confirmed_once_by_who_was_given_its_key(cloud, people):
    result = people.first()
    phone = Phone(result["NewDeviceMetadata"])
    confirm, said = people.idp.confirm_device, {"AccessToken": result["AccessToken"], "DeviceKey": phone.key}
    other = Phone(people.first()["NewDeviceMetadata"])
    assert refused(confirm, **{**said, "DeviceKey": other.key}, DeviceSecretVerifierConfig=phone.verifier) == BAD_KEY
    assert refused(confirm, **said)[0] == "InvalidParameterException"
    for wrong in ({"Salt": "?"}, {"PasswordVerifier": ""}, {"PasswordVerifier": base64.b64encode(GROUP.to_bytes(384, "big")).decode()}):
        assert refused(confirm, **said, DeviceSecretVerifierConfig=phone.verifier | wrong)[0] == "InvalidParameterException"
    assert people.confirm(phone, result) is False
    assert refused(people.confirm, phone, result)[0] == "DeviceKeyExistsException"
    untracked = Pool(cloud)
    untracked.add()
    said["AccessToken"] = untracked.sign_in()["AccessToken"]
    assert refused(confirm, **said, DeviceSecretVerifierConfig=phone.verifier) == BAD_KEY


def test_people_and_administrators_see_change_and_forget_devices(cloud, people):
    phone, result = people.confirmed()
    access, who = result["AccessToken"], {"UserPoolId": people.id, "Username": "ann"}
    seen = people.idp.get_device(AccessToken=access, DeviceKey=phone.key)["Device"]
    shown = {each["Name"]: each["Value"] for each in seen["DeviceAttributes"]}
    assert shown == {"device_status": "valid", "device_name": "phone", "last_ip_used": "127.0.0.1"}
    assert people.idp.list_devices(AccessToken=access)["Devices"] == [seen]
    told = people.idp.admin_get_device(**who, DeviceKey=phone.key)["Device"]
    owner = f"ann.{people.id}"
    assert {each["Name"]: each["Value"] for each in told["DeviceAttributes"]} == shown | {
        "dev:device_arn": f"arn:aws:cognito-idp:us-east-1:000000000000:owner/{owner}/device/{phone.key}", "dev:device_owner": owner,
        "dev:device_remembered_status": "remembered", "dev:device_sdk": "aws-sdk-unknown-unknown",
    }  # fmt: skip
    before = told["DeviceLastAuthenticatedDate"]
    cloud.sleep(60)
    people.prove(people.begin_on(phone.key), phone)
    assert people.idp.admin_list_devices(**who)["Devices"][0]["DeviceLastAuthenticatedDate"] > before
    people.idp.admin_update_device_status(**who, DeviceKey=phone.key, DeviceRememberedStatus="not_remembered")
    assert people.begin_on(phone.key)["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
    people.idp.forget_device(AccessToken=access, DeviceKey=phone.key)
    assert refused(people.begin_on, phone.key) == GONE
    for call in (people.idp.admin_get_device, people.idp.admin_forget_device, people.idp.admin_update_device_status):
        more = {"DeviceRememberedStatus": "remembered"} if call == people.idp.admin_update_device_status else {}
        assert refused(call, **who, DeviceKey=phone.key, **more) == GONE
    second, _ = people.confirmed()
    people.idp.admin_forget_device(**who, DeviceKey=second.key)
    assert people.idp.admin_list_devices(**who)["Devices"] == []


def test_devices_are_listed_in_pages(people):
    keys = [people.confirmed()[0].key for _ in range(3)]
    who = {"UserPoolId": people.id, "Username": "ann"}
    first = people.idp.admin_list_devices(**who, Limit=2)
    second = people.idp.admin_list_devices(**who, Limit=2, PaginationToken=first["PaginationToken"])
    assert [each["DeviceKey"] for each in (*first["Devices"], *second["Devices"])] == keys and "PaginationToken" not in second
    assert refused(people.idp.admin_list_devices, **who, PaginationToken="nonsense")[0] == "InvalidParameterException"


def test_tokens_of_a_confirmed_device_are_refreshed_with_its_key(people):
    """https://github.com/aws/aws-sdk-java-v2/issues/3418"""
    phone, result = people.confirmed()
    told = {"ClientId": people.client, "AuthFlow": "REFRESH_TOKEN_AUTH"}
    token = {"REFRESH_TOKEN": result["RefreshToken"]}
    invalid = ("NotAuthorizedException", "Invalid Refresh Token.")
    assert refused(people.idp.initiate_auth, **told, AuthParameters=token) == invalid
    fresh = people.idp.initiate_auth(**told, AuthParameters=token | {"DEVICE_KEY": phone.key})["AuthenticationResult"]
    assert claims(fresh["AccessToken"])["device_key"] == phone.key
    anew = {"ClientId": people.client, "RefreshToken": result["RefreshToken"]}
    assert refused(people.idp.get_tokens_from_refresh_token, **anew) == invalid
    assert people.idp.get_tokens_from_refresh_token(**anew, DeviceKey=phone.key)["AuthenticationResult"]
    unconfirmed = people.first()
    assert people.idp.initiate_auth(**told, AuthParameters={"REFRESH_TOKEN": unconfirmed["RefreshToken"]})["AuthenticationResult"]


def test_devices_go_with_their_user(people):
    phone, _ = people.confirmed()
    people.idp.admin_delete_user(UserPoolId=people.id, Username="ann")
    people.add()
    assert people.idp.admin_list_devices(UserPoolId=people.id, Username="ann")["Devices"] == []
    assert refused(people.begin_on, phone.key) == GONE


def test_a_function_is_told_of_a_new_device_and_how_tokens_came_about(cloud):
    arn = make(cloud, """
import json
def handler(event, context):
    print("told " + json.dumps([event["triggerSource"], event["request"].get("newDeviceUsed")]))
    return event
""")["FunctionArn"]  # fmt: skip
    cloud.client("lambda").add_permission(FunctionName="f", StatementId="a", Action="lambda:InvokeFunction", Principal="cognito-idp.amazonaws.com")
    people = People(cloud, with_factor=False, LambdaConfig={"PostAuthentication": arn, "PreTokenGeneration": arn})
    phone, _ = people.confirmed()
    people.prove(people.begin_on(phone.key), phone)
    settle(cloud)
    events = cloud.client("logs").filter_log_events(logGroupName="/aws/lambda/f", filterPattern="told")["events"]
    assert [json.loads(event["message"].partition(" ")[2]) for event in events] == [
        ["PostAuthentication_Authentication", True], ["TokenGeneration_Authentication", None],
        ["PostAuthentication_Authentication", False], ["TokenGeneration_AuthenticateDevice", None],
    ]  # fmt: skip


def test_a_template_has_devices_remembered(cloud):
    template = {
        "Resources": {"Pool": {"Type": "AWS::Cognito::UserPool", "Properties": {"DeviceConfiguration": ALWAYS}}},
        "Outputs": {"Pool": {"Value": {"Ref": "Pool"}}},
    }  # fmt: skip
    out, idp = outputs(create(cloud, "s", json.dumps(template))), cloud.client("cognito-idp")
    assert idp.describe_user_pool(UserPoolId=out["Pool"])["UserPool"]["DeviceConfiguration"] == ALWAYS
    idp.update_user_pool(UserPoolId=out["Pool"])
    assert "DeviceConfiguration" not in idp.describe_user_pool(UserPoolId=out["Pool"])["UserPool"]
