"""Custom senders of a user pool: functions that bring people their codes, which they are told encrypted.

https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-custom-sender-triggers.html
"""

from __future__ import annotations

import base64
import json

import pytest
from cognito_workshop import ANN, NEW_PASSWORD, PASSWORD, Pool
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from lambda_workshop import ACCOUNT, make, put_user, settle
from mail_workshop import mails
from refusals import refused
from test_cloudformation_stack import create, outputs
from test_cognito_idp_delivery import PHONE, SMS, texter  # noqa: F401 (a fixture)
from test_sns_phones import texts

SENDER = """
import json
def handler(event, context):
    if event["userName"] == "mute":
        raise Exception("no words")
    print("told " + json.dumps(event))
"""
SEEN_OF_AWS = (
    "AYADeJsc8ABfz4We35yeVQUr6A8AgQACABVhd3MtY3J5cHRvLXB1YmxpYy1rZXkAREF1c29tTFBxVGJHZ3BKaHlJMGJVVFVIcGk3bEl4SmhMNVBMejExc043YmI0MzNLb1RVbWZYTzBM"
    "V3JZYzFsS1N6Zz09AAt1c2VycG9vbC1pZAATZXUtd2VzdC0xX1VWY3d2WjFFOAABAAdhd3Mta21zAEthcm46YXdzOmttczpldS13ZXN0LTE6MjQ5NzU5Mzk4OTM0OmtleS84YTIzMTAy"
    "Yy05YjY4LTRmZWQtODJjZS01MjNjNTM2MzUzOWUAuAECAQB4zjtU8csJUK3MLH8Y6WeSR/UlTZ5dBq+1YWcTwrPeeIUB/sLrtmrF6weu6juPsOHF/gAAAH4wfAYJKoZIhvcNAQcGoG8w"
    "bQIBADBoBgkqhkiG9w0BBwEwHgYJYIZIAWUDBAEuMBEEDGJqb9919luTGmPbEgIBEIA7wHTDUaKbPmKtg6QETi2TiVJK7tvfTZRP4VWFGxmB5/0lhcAiKTA7EGweo1/BTKTk0x4b3Lil"
    "uzDd+yMCAAAAAAwAABAAAAAAAAAAAAAAAAAALZddEWiNl+OGHRMKbclmQf////8AAAABAAAAAAAAAAAAAAABAAAABvMlKUZN7tCz953A13RxWz39z56LZ2QAZzBlAjAR+8fFCOlFWEm0"
    "hFajxMCD3C3Tuo76l0pJicv6yRw0hQbRHcoD+3RJcvxyX8cq1yMCMQDhZrrFr90sDr1NuKJew6oLDuBFZUz3pIXOe3hJb1/gi1bfN1t/EXAMPLE="
)
"""A code as Cognito itself told a function, as a log of one shows it in public, but for six bytes of its signature."""


class Read:
    """A message of the Encryption SDK, read as its page describes the form:
    https://docs.aws.amazon.com/encryption-sdk/latest/developer-guide/message-format.html"""

    def __init__(self, told: str) -> None:
        self.body, self.at = base64.b64decode(told), 0
        self.form, self.id = self.take(4), self.take(16)
        self.take(2)
        self.context = {self.text().decode(): self.text().decode() for _ in range(self.number(2))}
        assert self.number(2) == 1
        self.provider, self.key, self.wrapped = self.text(), self.text().decode(), self.text()
        self.framing = self.take(10)
        self.head = self.body[: self.at]
        self.proof = self.take(12), self.take(16)
        self.mark, self.sequence, self.nonce = self.take(4), self.take(4), self.take(12)
        self.sealed = self.take(self.number(4) + 16)
        self.signed = self.body[: self.at]
        self.signature = self.text()

    def take(self, count: int) -> bytes:
        self.at += count
        return self.body[self.at - count : self.at]

    def number(self, count: int) -> int:
        return int.from_bytes(self.take(count), "big")

    def text(self) -> bytes:
        return self.take(self.number(2))

    @property
    def looks(self) -> tuple:
        """All that is the same in any two of them."""
        return self.form, sorted(self.context), self.provider, self.framing, self.proof[0], self.mark, self.sequence, self.nonce, len(self.sealed)

    def opened(self, kms) -> str:
        assert self.at == len(self.body)
        secret = kms.decrypt(CiphertextBlob=self.wrapped, EncryptionContext=self.context, KeyId=self.key)["Plaintext"]
        gcm = AESGCM(HKDF(hashes.SHA384(), 32, None, self.form[2:] + self.id).derive(secret))
        gcm.decrypt(self.proof[0], self.proof[1], self.head)
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP384R1(), base64.b64decode(self.context["aws-crypto-public-key"]))
        public.verify(self.signature, self.signed, ec.ECDSA(hashes.SHA384()))
        size = (len(self.sealed) - 16).to_bytes(8, "big")
        return gcm.decrypt(self.nonce, self.sealed, self.id + b"AWSKMSEncryptionClient Final Frame" + self.sequence + size).decode()


class Post:
    """What the function was told."""

    def __init__(self, cloud) -> None:
        self.cloud, self.kms, self.read = cloud, cloud.client("kms"), 0
        self.key = self.kms.create_key()["KeyMetadata"]["Arn"]
        arn = make(cloud, SENDER)["FunctionArn"]
        cloud.client("lambda").add_permission(FunctionName="f", StatementId="a", Action="lambda:InvokeFunction", Principal="cognito-idp.amazonaws.com")
        sender = {"LambdaVersion": "V1_0", "LambdaArn": arn}
        self.config = {"CustomEmailSender": sender, "CustomSMSSender": sender, "KMSKeyID": self.key}

    def last(self) -> dict:
        """The next event, in their order."""
        settle(self.cloud)
        events = self.cloud.client("logs").filter_log_events(logGroupName="/aws/lambda/f", filterPattern="told")["events"]
        self.read += 1
        return json.loads(events[self.read - 1]["message"].partition(" ")[2])

    def code(self, source: str) -> str:
        event = self.last()
        assert event["triggerSource"] == source
        return Read(event["request"]["code"]).opened(self.kms)


@pytest.fixture
def post(cloud) -> Post:
    return Post(cloud)


def sign_up(pool: Pool, name: str = "ann", **attributes: str) -> dict:
    told = [{"Name": key, "Value": value} for key, value in attributes.items()]
    return pool.idp.sign_up(ClientId=pool.client, Username=name, Password=PASSWORD, UserAttributes=told, ClientMetadata={"lang": "de"})


def test_a_function_is_told_the_code_and_no_mail_is_sent(cloud, post):
    pool = Pool(cloud, LambdaConfig=post.config, AutoVerifiedAttributes=["email"])
    assert sign_up(pool, email=ANN)["CodeDeliveryDetails"]["Destination"] == "a***@e***"
    event = post.last()
    code, attributes = event["request"].pop("code"), event["request"].pop("userAttributes")
    assert event == {
        "version": "1", "triggerSource": "CustomEmailSender_SignUp", "region": "us-east-1", "userPoolId": pool.id, "userName": "ann",
        "callerContext": {"awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": pool.client},
        "request": {"type": "customEmailSenderRequestV1", "clientMetadata": {"lang": "de"}}, "response": {},
    }  # fmt: skip
    assert (attributes["email"], attributes["cognito:user_status"]) == (ANN, "UNCONFIRMED")
    assert mails(cloud, f"?email={ANN}") == []
    pool.idp.confirm_sign_up(ClientId=pool.client, Username="ann", ConfirmationCode=Read(code).opened(post.kms))
    assert pool.sign_in()


def test_the_code_is_a_message_as_cognito_was_seen_to_write_it(cloud, post):
    pool = Pool(cloud, LambdaConfig=post.config, AutoVerifiedAttributes=["email"])
    sign_up(pool, email=ANN)
    told, seen = Read(post.last()["request"]["code"]), Read(SEEN_OF_AWS)
    assert told.looks == seen.looks
    assert (told.context["userpool-id"], told.key) == (pool.id, post.key)
    other = post.kms.create_key()["KeyMetadata"]["Arn"]
    with pytest.raises(Exception, match="IncorrectKey"):
        post.kms.decrypt(CiphertextBlob=told.wrapped, EncryptionContext=told.context, KeyId=other)
    with pytest.raises(Exception, match="InvalidCiphertext"):
        post.kms.decrypt(CiphertextBlob=told.wrapped, EncryptionContext={"userpool-id": pool.id})


def test_every_mail_goes_that_way_with_a_source_of_its_own(cloud, post):
    pool = Pool(cloud, LambdaConfig=post.config, AutoVerifiedAttributes=["email"])
    told = [{"Name": "email", "Value": ANN}, {"Name": "email_verified", "Value": "true"}]
    pool.idp.admin_create_user(UserPoolId=pool.id, Username="ann", UserAttributes=told)
    password = post.code("CustomEmailSender_AdminCreateUser")
    assert pool.answer(pool.begin(password=password), NEW_PASSWORD=PASSWORD)["AuthenticationResult"]
    pool.idp.forgot_password(ClientId=pool.client, Username="ann")
    code = post.code("CustomEmailSender_ForgotPassword")
    pool.idp.confirm_forgot_password(ClientId=pool.client, Username="ann", ConfirmationCode=code, Password=NEW_PASSWORD)
    access = pool.sign_in(password=NEW_PASSWORD)["AccessToken"]
    pool.idp.get_user_attribute_verification_code(AccessToken=access, AttributeName="email")
    pool.idp.verify_user_attribute(AccessToken=access, AttributeName="email", Code=post.code("CustomEmailSender_VerifyUserAttribute"))
    pool.idp.update_user_attributes(AccessToken=access, UserAttributes=[{"Name": "email", "Value": "ann@example.org"}])
    assert post.code("CustomEmailSender_UpdateUserAttribute").isdigit()
    sign_up(pool, "bob", email="bob@example.com")
    post.last()
    pool.idp.resend_confirmation_code(ClientId=pool.client, Username="bob")
    assert post.code("CustomEmailSender_ResendCode").isdigit()
    assert mails(cloud) == []


def test_text_messages_go_that_way_too_and_an_invitation_by_both(cloud, post, texter):  # noqa: F811
    config = {**post.config, "CustomEmailSender": post.config["CustomEmailSender"]}
    pool = Pool(cloud, LambdaConfig=config, AutoVerifiedAttributes=["phone_number"], MfaConfiguration="OPTIONAL", **SMS)
    sign_up(pool, phone_number=PHONE)
    event = post.last()
    assert (event["triggerSource"], event["request"]["type"]) == ("CustomSMSSender_SignUp", "customSMSSenderRequestV1")
    code = Read(event["request"]["code"]).opened(post.kms)
    pool.idp.confirm_sign_up(ClientId=pool.client, Username="ann", ConfirmationCode=code)
    pool.idp.admin_set_user_mfa_preference(UserPoolId=pool.id, Username="ann", SMSMfaSettings={"Enabled": True})
    assert pool.answer(pool.begin(), SMS_MFA_CODE=post.code("CustomSMSSender_Authentication"))["AuthenticationResult"]
    told = [{"Name": "email", "Value": "bob@example.com"}, {"Name": "phone_number", "Value": "+15555550111"}]
    pool.idp.admin_create_user(UserPoolId=pool.id, Username="bob", UserAttributes=told, DesiredDeliveryMediums=["SMS", "EMAIL"])
    first, second = post.last(), post.last()
    assert sorted((first["triggerSource"], second["triggerSource"])) == ["CustomEmailSender_AdminCreateUser", "CustomSMSSender_AdminCreateUser"]
    assert texts(cloud, PHONE) == []


def test_a_function_that_fails_is_told_of_and_so_is_a_key_that_is_shut(cloud, post):
    pool = Pool(cloud, LambdaConfig=post.config, AutoVerifiedAttributes=["email"])
    assert refused(sign_up, pool, "mute", email=ANN) == ("UserLambdaValidationException", "CustomEmailSender failed with error no words.")
    post.kms.disable_key(KeyId=post.key)
    assert refused(sign_up, pool, "bob", email="bob@example.com")[0] == "CodeDeliveryFailureException"


def test_cognito_uses_the_key_by_a_grant_of_whoever_configures_the_pool(cloud, post):
    """The first words: cdk-preflight's pf-cognito-custom-sender-kms-region"""
    document = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*", "Resource": "*",
    }]}  # fmt: skip
    post.kms.put_key_policy(KeyId=post.key, PolicyName="default", Policy=json.dumps(document))
    put_user(cloud, "owner", "AKIAOWNER", "cognito-idp:*")
    owner = cloud.client("cognito-idp", key="AKIAOWNER", secret="secret")
    code, text = refused(owner.create_user_pool, PoolName="p", LambdaConfig=post.config)
    assert code == "InvalidParameterException" and text.startswith("Encountered error when CreateGrant was attempted on the input KMS key - ")
    pool = Pool(cloud, LambdaConfig=post.config, AutoVerifiedAttributes=["email"])
    grant, = post.kms.list_grants(KeyId=post.key)["Grants"]
    assert (grant["GranteeServicePrincipal"], grant["Constraints"]) == ("cognito-idp.amazonaws.com", {"EncryptionContextSubset": {"userpool-id": pool.id}})
    pool.idp.update_user_pool(UserPoolId=pool.id, LambdaConfig=post.config, AutoVerifiedAttributes=["email"])
    assert [each["GrantId"] for each in post.kms.list_grants(KeyId=post.key)["Grants"]] == [grant["GrantId"]]
    other = post.kms.create_key()["KeyMetadata"]["Arn"]
    pool.idp.update_user_pool(UserPoolId=pool.id, LambdaConfig={**post.config, "KMSKeyID": other}, AutoVerifiedAttributes=["email"])
    cloud.sleep(0.1)
    assert post.kms.list_grants(KeyId=post.key)["Grants"] == []
    sign_up(pool, email=ANN)
    assert Read(post.last()["request"]["code"]).key == other
    pool.idp.delete_user_pool(UserPoolId=pool.id)
    cloud.sleep(0.1)
    assert post.kms.list_grants(KeyId=other)["Grants"] == []


def test_a_template_names_a_sender(cloud, post):
    config = {name: value for name, value in post.config.items() if name != "CustomSMSSender"}
    template = {
        "Resources": {
            "Pool": {"Type": "AWS::Cognito::UserPool", "Properties": {"LambdaConfig": config, "AutoVerifiedAttributes": ["email"]}},
            "App": {"Type": "AWS::Cognito::UserPoolClient", "Properties": {"UserPoolId": {"Ref": "Pool"}}},
        },
        "Outputs": {"App": {"Value": {"Ref": "App"}}},
    }  # fmt: skip
    app, idp = outputs(create(cloud, "s", json.dumps(template)))["App"], cloud.client("cognito-idp")
    idp.sign_up(ClientId=app, Username="ann", Password=PASSWORD, UserAttributes=[{"Name": "email", "Value": ANN}])
    idp.confirm_sign_up(ClientId=app, Username="ann", ConfirmationCode=post.code("CustomEmailSender_SignUp"))
