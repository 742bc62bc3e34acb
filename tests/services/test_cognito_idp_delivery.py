"""What a user pool sends by the customer's own means, text messages through SNS and mails through SES, and the factors that are made of it.

https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-mfa-sms-email-message.html
"""

from __future__ import annotations

import json
import re
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from cognito_workshop import ANN, NEW_PASSWORD, PASSWORD, Pool, attributes, code_for
from lambda_workshop import ACCOUNT, make, put_role, put_user
from mail_workshop import leave_sandbox, mails, prove
from refusals import refused
from test_cloudformation_stack import create, outputs, settled
from test_cognito_idp_hosted import BACK, HOST, OAUTH, asked, post
from test_cognito_idp_signin import app
from test_sns_phones import texts

PHONE, SHOP = "+15555550100", "shop@example.com"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/texter"
SMS = {"SmsConfiguration": {"SnsCallerArn": ROLE, "ExternalId": "garden"}}
SES = {"EmailConfiguration": {"EmailSendingAccount": "DEVELOPER", "SourceArn": f"arn:aws:ses:us-east-1:{ACCOUNT}:identity/{SHOP}"}}
TRUST = json.dumps({
    "Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": {"Service": "cognito-idp.amazonaws.com"}, "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": "garden"}},
    },
})  # fmt: skip


@pytest.fixture
def texter(cloud):
    """A role that sends text messages, in an account that may write to anybody."""
    assert cloud.http("POST", "/_aws/sns/us-east-1/sandbox", body=b'{"isInSandbox": false}')[0] == 200
    return put_role(cloud, "sns:Publish", trust=TRUST, arn=ROLE)


@pytest.fixture
def shop(cloud):
    """An identity in SES that is proven, in an account that may write to anybody."""
    prove(cloud, SHOP)
    leave_sandbox(cloud)


def text_code(cloud, number: str = PHONE) -> str:
    return re.search(r"\b(\d{6})\b", texts(cloud, number)[-1]["text"])[1]


def mail_code(cloud) -> str:
    return re.search(r"\b(\d{6})\b", mails(cloud, f"?email={ANN}")[-1]["Body"]["html_part"])[1]


def told(**attributes: str) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in attributes.items()]


# Text messages -------------------------------------------------------------------------------------


def test_who_signs_up_with_a_number_proves_it_by_a_text_message(cloud, texter):
    pool = Pool(cloud, UsernameAttributes=["phone_number"], AutoVerifiedAttributes=["phone_number"], SmsVerificationMessage="The shop: {####}", **SMS)
    made = pool.idp.sign_up(ClientId=pool.client, Username=PHONE, Password=PASSWORD)
    # The form: https://github.com/amazon-archives/amazon-cognito-identity-js/issues/236
    assert made["CodeDeliveryDetails"] == {"Destination": "+*******0100", "DeliveryMedium": "SMS", "AttributeName": "phone_number"}
    (text,) = texts(cloud)
    assert text["text"].startswith("The shop: ") and text["subject"].startswith("Transactional")
    pool.idp.confirm_sign_up(ClientId=pool.client, Username=PHONE, ConfirmationCode=text_code(cloud))
    assert attributes(pool.get(PHONE))["phone_number_verified"] == "true"
    assert pool.sign_in(PHONE)["AccessToken"]


def test_of_a_mail_and_a_number_the_number_is_proven_first(cloud, texter):
    # https://github.com/amazon-archives/amazon-cognito-identity-js/issues/428
    pool = Pool(cloud, AutoVerifiedAttributes=["email", "phone_number"], **SMS)
    pool.idp.sign_up(ClientId=pool.client, Username="ann", Password=PASSWORD, UserAttributes=told(email=ANN, phone_number=PHONE))
    assert pool.idp.resend_confirmation_code(ClientId=pool.client, Username="ann")["CodeDeliveryDetails"]["DeliveryMedium"] == "SMS"
    pool.idp.confirm_sign_up(ClientId=pool.client, Username="ann", ConfirmationCode=text_code(cloud))
    access = pool.sign_in()["AccessToken"]
    assert "email_verified" not in attributes(pool.get())
    assert pool.idp.get_user_attribute_verification_code(AccessToken=access, AttributeName="email")["CodeDeliveryDetails"]["DeliveryMedium"] == "EMAIL"
    pool.idp.verify_user_attribute(AccessToken=access, AttributeName="email", Code=code_for(cloud))
    assert attributes(pool.get())["email_verified"] == "true"


def test_a_new_number_counts_when_it_is_proven(cloud, texter):
    pool = Pool(cloud, AutoVerifiedAttributes=["phone_number"], UserAttributeUpdateSettings={"AttributesRequireVerificationBeforeUpdate": ["phone_number"]}, **SMS)
    pool.add(phone_number="+15555550199", phone_number_verified="true")
    access = pool.sign_in()["AccessToken"]
    (sent,) = pool.idp.update_user_attributes(AccessToken=access, UserAttributes=told(phone_number=PHONE))["CodeDeliveryDetailsList"]
    assert sent["Destination"] == "+*******0100" and attributes(pool.get())["phone_number"] == "+15555550199"
    pool.idp.verify_user_attribute(AccessToken=access, AttributeName="phone_number", Code=text_code(cloud))
    assert attributes(pool.get())["phone_number"] == PHONE


def test_a_forgotten_password_is_reset_by_text_message_where_nothing_else_is_said(cloud, texter):
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-cognito-userpool-accountrecoverysetting.html
    pool = Pool(cloud, **SMS)
    pool.add(email=ANN, email_verified="true", phone_number=PHONE, phone_number_verified="true")
    sent = pool.idp.forgot_password(ClientId=pool.client, Username="ann")["CodeDeliveryDetails"]
    assert (sent["DeliveryMedium"], sent["AttributeName"]) == ("SMS", "phone_number")
    pool.idp.confirm_forgot_password(ClientId=pool.client, Username="ann", ConfirmationCode=text_code(cloud), Password=NEW_PASSWORD)
    assert pool.sign_in(password=NEW_PASSWORD)
    pool.idp.admin_reset_user_password(UserPoolId=pool.id, Username="ann")
    assert len(texts(cloud)) == 2


def test_a_number_that_is_a_second_factor_resets_no_password_where_the_ways_are_said(cloud, texter):
    ways = [{"Name": "verified_phone_number", "Priority": 1}, {"Name": "verified_email", "Priority": 2}]
    pool = Pool(cloud, AccountRecoverySetting={"RecoveryMechanisms": ways}, **SMS)
    pool.add(email=ANN, email_verified="true", phone_number=PHONE, phone_number_verified="true")
    assert pool.idp.forgot_password(ClientId=pool.client, Username="ann")["CodeDeliveryDetails"]["DeliveryMedium"] == "SMS"
    pool.idp.admin_set_user_mfa_preference(UserPoolId=pool.id, Username="ann", SMSMfaSettings={"Enabled": True})
    assert pool.idp.forgot_password(ClientId=pool.client, Username="ann")["CodeDeliveryDetails"]["DeliveryMedium"] == "EMAIL"


def test_an_administrator_invites_by_the_ways_he_names(cloud, texter):
    invite = {"SMSMessage": "{username}, come in with {####}", "EmailMessage": "{username}: {####}"}
    pool = Pool(cloud, AdminCreateUserConfig={"InviteMessageTemplate": invite}, **SMS)
    make_user = {"UserPoolId": pool.id, "UserAttributes": told(email=ANN, phone_number=PHONE)}
    pool.idp.admin_create_user(Username="ann", **make_user)
    assert texts(cloud)[-1]["text"].startswith("ann, come in with ") and mails(cloud, f"?email={ANN}") == []
    pool.idp.admin_create_user(Username="ann", MessageAction="RESEND", DesiredDeliveryMediums=["SMS", "EMAIL"], **make_user)
    assert len(texts(cloud)) == 2 and len(mails(cloud, f"?email={ANN}")) == 1


def test_a_function_words_the_text(cloud, texter):
    pool = Pool(cloud, AutoVerifiedAttributes=["phone_number"], **SMS)
    code = 'def handler(event, context):\n    event["response"]["smsMessage"] = "Hello, " + event["request"]["codeParameter"]\n    return event'
    make(cloud, code, "words")
    arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:words"
    cloud.client("lambda").add_permission(FunctionName="words", StatementId="c", Action="lambda:InvokeFunction", Principal="cognito-idp.amazonaws.com")
    pool.idp.update_user_pool(UserPoolId=pool.id, AutoVerifiedAttributes=["phone_number"], LambdaConfig={"CustomMessage": arn}, **SMS)
    pool.idp.sign_up(ClientId=pool.client, Username="ann", Password=PASSWORD, UserAttributes=told(phone_number=PHONE))
    assert re.match(r"Hello, \d{6}", texts(cloud)[-1]["text"])


def test_a_pool_that_cannot_send_texts_is_refused(cloud):
    # cdk-preflight: pf-cognito-sms-…, pf-cognito-auto-verified-username-consistency; https://github.com/aws-amplify/amplify-flutter/issues/1328,
    # https://github.com/OElesin/querypal/issues/6
    idp = cloud.client("cognito-idp")

    def refusal(**settings) -> tuple[str, str]:
        return refused(idp.create_user_pool, PoolName="p", **settings)

    needed = ("InvalidParameterException", "SMS configuration is required when phone_number is selected for auto verification")
    assert refusal(AutoVerifiedAttributes=["phone_number"]) == needed
    untrusted = ("InvalidSmsRoleTrustRelationshipException", "Role does not have a trust relationship allowing Cognito to assume the role")
    assert refusal(**SMS) == untrusted
    put_role(cloud, trust=TRUST, arn=ROLE)
    assert refusal(**SMS) == ("InvalidSmsRoleAccessPolicyException", "Role does not have permission to publish with SNS")
    put_role(cloud, "sns:Publish", trust=TRUST, arn=ROLE)
    assert refusal(SmsConfiguration={"SnsCallerArn": ROLE, "ExternalId": "another"}) == untrusted
    elsewhere = {"SnsCallerArn": ROLE, "ExternalId": "garden", "SnsRegion": "eu-west-1"}
    assert refusal(SmsConfiguration=elsewhere) == ("InvalidParameterException", "Invalid snsRegion. Allowed SNS region for us-east-1 is us-east-1")
    foreign = {"SnsCallerArn": "arn:aws:iam::111122223333:role/texter"}
    assert refusal(SmsConfiguration=foreign)[1] == "Cross-account pass role is not allowed."
    put_user(cloud, "ben", "AKIABENBENBENBENBENB", "cognito-idp:*")
    text = refused(cloud.client("cognito-idp", key="AKIABENBENBENBENBENB", secret="secret").create_user_pool, PoolName="p", **SMS)[1]
    assert "iam:PassRole" in text
    idp.create_user_pool(PoolName="p", **SMS)


def test_a_role_that_may_send_no_more_is_told_to_who_signs_up(cloud, texter):
    pool = Pool(cloud, AutoVerifiedAttributes=["phone_number"], **SMS)
    put_role(cloud, trust=TRUST, arn=ROLE)
    who = {"ClientId": pool.client, "Password": PASSWORD, "UserAttributes": told(phone_number=PHONE)}
    assert refused(pool.idp.sign_up, Username="ann", **who)[0] == "InvalidSmsRoleAccessPolicyException"


# Mails by SES --------------------------------------------------------------------------------------


def test_mails_go_out_from_the_customers_own_identity(cloud, shop):
    more = {"From": f"The Shop <{SHOP}>", "ReplyToEmailAddress": "help@example.com"}
    pool = Pool(cloud, AutoVerifiedAttributes=["email"], EmailConfiguration=SES["EmailConfiguration"] | more)
    assert cloud.client("iam").get_role(RoleName="AWSServiceRoleForAmazonCognitoIdpEmailService")
    pool.idp.sign_up(ClientId=pool.client, Username="ann", Password=PASSWORD, UserAttributes=told(email=ANN))
    letter = mails(cloud, f"?email={ANN}")[-1]
    assert letter["Source"] == f"The Shop <{SHOP}>" and letter["Destination"]["ToAddresses"] == [ANN]
    pool.idp.confirm_sign_up(ClientId=pool.client, Username="ann", ConfirmationCode=mail_code(cloud))
    assert pool.idp.describe_user_pool(UserPoolId=pool.id)["UserPool"]["EmailConfiguration"]["EmailSendingAccount"] == "DEVELOPER"


def test_an_identity_in_ses_that_cannot_send_is_refused(cloud):
    # cdk-preflight: pf-cognito-email-…; https://github.com/aws/aws-cdk/issues/18964 and /issues/25115
    idp, source = cloud.client("cognito-idp"), SES["EmailConfiguration"]["SourceArn"]

    def refusal(**told) -> tuple[str, str]:
        return refused(idp.create_user_pool, PoolName="p", EmailConfiguration=told)

    ours = {"EmailSendingAccount": "DEVELOPER"}
    assert refusal(**ours) == ("InvalidParameterException", "Source ARN is required to use DEVELOPER email sending owner")
    assert refusal(**ours, SourceArn=source) == (
        "InvalidParameterException",
        "Cognito received the following error from Amazon SES when attempting to send email: Email address is not verified. "
        f"The following identities failed the check in region US-EAST-1: {source}",
    )
    assert refusal(**ours, SourceArn=source.replace("us-east-1", "eu-north-1")) == (
        "InvalidParameterException",
        "Invalid EmailConfiguration.SourceArn. Provided SourceArn must be in one of the following SES regions: eu-west-1, us-east-1, us-west-2.",
    )
    foreign = source.replace(ACCOUNT, "111122223333")
    assert refusal(**ours, SourceArn=foreign) == ("NotAuthorizedException", "Email arn does not belong to your account.")
    assert refusal(**ours, SourceArn=source, From="nobody") == ("InvalidParameterException", "Provided From email address is invalid")
    assert refusal(SourceArn=source) == ("InvalidEmailRoleAccessPolicyException", "Cognito is not allowed to use your email identity")


def test_what_ses_refuses_is_told_to_who_signs_up(cloud, shop):
    pool = Pool(cloud, AutoVerifiedAttributes=["email"], **SES)
    cloud.client("ses").delete_identity(Identity=SHOP)
    code, text = refused(pool.idp.sign_up, ClientId=pool.client, Username="ann", Password=PASSWORD, UserAttributes=told(email=ANN))
    assert code == "CodeDeliveryFailureException" and "not verified" in text


# Second factors ------------------------------------------------------------------------------------


def test_a_code_in_a_text_message_is_a_second_factor_and_proves_the_number(cloud, texter):
    pool = Pool(cloud, AutoVerifiedAttributes=["phone_number"], MfaConfiguration="OPTIONAL", SmsAuthenticationMessage="In with {####}", **SMS)
    assert pool.idp.get_user_pool_mfa_config(UserPoolId=pool.id)["SmsMfaConfiguration"] == {**SMS, "SmsAuthenticationMessage": "In with {####}"}
    pool.add()
    access = pool.sign_in()["AccessToken"]
    # https://github.com/aws-amplify/amplify-js/issues/618
    assert refused(pool.idp.set_user_mfa_preference, AccessToken=access, SMSMfaSettings={"Enabled": True}) == (
        "InvalidParameterException", "User does not have a phone_number set to turn on SMS MFA",
    )  # fmt: skip
    pool.idp.admin_update_user_attributes(UserPoolId=pool.id, Username="ann", UserAttributes=told(phone_number=PHONE))
    pool.idp.set_user_mfa_preference(AccessToken=access, SMSMfaSettings={"Enabled": True, "PreferredMfa": True})
    shown = pool.get()
    assert (shown["UserMFASettingList"], shown["PreferredMfaSetting"]) == (["SMS_MFA"], "SMS_MFA")
    begun = pool.begin()
    assert begun["ChallengeName"] == "SMS_MFA"
    assert begun["ChallengeParameters"] == {
        "USER_ID_FOR_SRP": "ann", "CODE_DELIVERY_DELIVERY_MEDIUM": "SMS", "CODE_DELIVERY_DESTINATION": "+*******0100",
    }  # fmt: skip
    assert texts(cloud)[-1]["text"].startswith("In with ")
    right = text_code(cloud)
    # Who mistyped it types it again; the words are reported in https://github.com/aws-amplify/amplify-js/issues/11069.
    wrong = f"{(int(right) + 1) % 1_000_000:06d}"
    assert refused(pool.answer, begun, SMS_MFA_CODE=wrong) == ("CodeMismatchException", "Invalid code or auth state for the user.")
    assert pool.answer(begun, SMS_MFA_CODE=right)["AuthenticationResult"]["AccessToken"]
    assert attributes(pool.get())["phone_number_verified"] == "true"
    assert refused(pool.answer, begun, SMS_MFA_CODE=right)[0] == "NotAuthorizedException"


def test_a_code_is_guessed_five_times_and_no_more(cloud, texter):
    # How often AWS lets somebody guess is not documented.
    pool = Pool(cloud, AutoVerifiedAttributes=["phone_number"], MfaConfiguration="ON", **SMS)
    pool.add(phone_number=PHONE)
    begun = pool.begin()
    right = text_code(cloud)
    wrong = f"{(int(right) + 1) % 1_000_000:06d}"
    codes = [refused(pool.answer, begun, SMS_MFA_CODE=wrong)[0] for _ in range(6)]
    assert codes == ["CodeMismatchException"] * 5 + ["NotAuthorizedException"]
    assert refused(pool.answer, begun, SMS_MFA_CODE=right)[0] == "NotAuthorizedException"


def test_a_code_of_a_text_message_is_good_for_three_minutes_and_over_a_kill(cloud, texter):
    # https://github.com/awsdocs/amazon-cognito-developer-guide, user-pool-settings-mfa-sms-text-message
    pool = Pool(cloud, AutoVerifiedAttributes=["phone_number"], MfaConfiguration="ON", **SMS, client={"AuthSessionValidity": 10})
    pool.add(phone_number=PHONE)
    begun = pool.begin()
    code = text_code(cloud)
    cloud.sleep(181)
    assert refused(pool.answer, begun, SMS_MFA_CODE=code)[0] == "CodeMismatchException"
    begun = pool.begin()
    code = text_code(cloud)
    cloud.restart(kill=True)
    assert pool.answer(begun, SMS_MFA_CODE=code)["AuthenticationResult"]


def test_who_must_show_a_factor_and_chose_none_is_asked_at_the_address_he_has(cloud, texter):
    pool = Pool(cloud, AutoVerifiedAttributes=["phone_number"], MfaConfiguration="ON", **SMS)
    pool.add("ann", phone_number=PHONE)
    pool.add("ben")
    assert pool.begin("ann")["ChallengeName"] == "SMS_MFA"
    begun = pool.begin("ben")
    assert (begun["ChallengeName"], begun["ChallengeParameters"]["MFAS_CAN_SETUP"]) == ("MFA_SETUP", '["SMS_MFA"]')


def test_of_several_factors_one_is_chosen(cloud, texter, shop):
    pool = Pool(cloud, **SES, **SMS)
    config = {"SmsMfaConfiguration": SMS, "SoftwareTokenMfaConfiguration": {"Enabled": True}, "EmailMfaConfiguration": {"Message": "Here: {####}", "Subject": "In"}}
    set_up = pool.idp.set_user_pool_mfa_config(UserPoolId=pool.id, MfaConfiguration="OPTIONAL", **config)
    assert {name: set_up[name] for name in config} == config
    pool.add(phone_number=PHONE, email=ANN)
    access = pool.sign_in()["AccessToken"]
    seed = pool.idp.associate_software_token(AccessToken=access)["SecretCode"]
    pool.idp.verify_software_token(AccessToken=access, UserCode=app(cloud, seed))
    each = {"Enabled": True}
    pool.idp.set_user_mfa_preference(AccessToken=access, SMSMfaSettings=each, SoftwareTokenMfaSettings=each, EmailMfaSettings=each)
    assert "PreferredMfaSetting" not in pool.get()
    begun = pool.begin()
    assert (begun["ChallengeName"], begun["ChallengeParameters"]["MFAS_CAN_CHOOSE"]) == (
        "SELECT_MFA_TYPE", '["SMS_MFA", "SOFTWARE_TOKEN_MFA", "EMAIL_OTP"]',
    )  # fmt: skip
    chosen = pool.answer(begun, ANSWER="EMAIL_OTP")
    assert (chosen["ChallengeName"], chosen["ChallengeParameters"]["CODE_DELIVERY_DESTINATION"]) == ("EMAIL_OTP", "a***@e***")
    assert mails(cloud, f"?email={ANN}")[-1]["Subject"] == "In"
    assert pool.answer(chosen, EMAIL_OTP_CODE=mail_code(cloud))["AuthenticationResult"]
    pool.idp.set_user_mfa_preference(AccessToken=access, EmailMfaSettings={"Enabled": True, "PreferredMfa": True})
    assert pool.begin()["ChallengeName"] == "EMAIL_OTP"
    pool.idp.set_user_mfa_preference(AccessToken=access, SMSMfaSettings={"Enabled": True, "PreferredMfa": True})
    assert (pool.begin()["ChallengeName"], pool.get()["PreferredMfaSetting"]) == ("SMS_MFA", "SMS_MFA")


def test_an_address_for_codes_is_set_up_on_the_way_in(cloud, shop):
    pool = Pool(cloud, **SES)
    pool.idp.set_user_pool_mfa_config(UserPoolId=pool.id, MfaConfiguration="ON", EmailMfaConfiguration={})
    pool.add()
    begun = pool.begin()
    assert begun["ChallengeParameters"]["MFAS_CAN_SETUP"] == '["EMAIL_OTP"]'
    asked_for = pool.answer(begun, EMAIL=ANN)
    assert asked_for["ChallengeName"] == "EMAIL_OTP"
    assert pool.answer(asked_for, EMAIL_OTP_CODE=mail_code(cloud))["AuthenticationResult"]
    assert attributes(pool.get())["email_verified"] == "true"


def test_factors_that_a_pool_cannot_ask_for_are_refused(cloud, texter):
    # cdk-preflight: pf-cognito-mfa-…; moto: test_set_user_pool_mfa_config; https://github.com/go-to-k/cdkd/issues/1923
    both = "SMS configuration and Auto verification for phone_number are required when MFA is required/optional"
    assert refused(Pool, cloud, MfaConfiguration="OPTIONAL") == ("InvalidParameterException", both)
    assert refused(Pool, cloud, MfaConfiguration="ON", **SMS) == ("InvalidParameterException", both)
    pool = Pool(cloud)
    put = pool.idp.set_user_pool_mfa_config

    def text(**config) -> str:
        return refused(put, UserPoolId=pool.id, **config)[1]

    assert text(MfaConfiguration="ON") == "At least one of [SmsMfaConfiguration] or [SoftwareTokenMfaConfiguration] must be provided."
    bare = "[SmsConfiguration] is a required member of [SoftwareTokenMfaConfiguration]."
    assert text(MfaConfiguration="ON", SmsMfaConfiguration={}) == bare
    off = "Invalid MFA configuration given, can't turn off MFA and configure an MFA together."
    assert text(MfaConfiguration="OFF", EmailMfaConfiguration={}) == off and text(MfaConfiguration="OFF", SmsMfaConfiguration=SMS) == off
    assert text(MfaConfiguration="ON", EmailMfaConfiguration={}) == (
        "Cannot set EmailMfaConfiguration when user pool EmailConfiguration contains an EmailSendingAccount of COGNITO_DEFAULT. "
        "Update the value of EmailSendingAccount."
    )


def test_the_hosted_pages_ask_for_the_second_factor(cloud, texter):
    pool = Pool(cloud, client=OAUTH, AutoVerifiedAttributes=["phone_number"], **SMS)
    config = {"SmsMfaConfiguration": SMS, "SoftwareTokenMfaConfiguration": {"Enabled": True}}
    pool.idp.set_user_pool_mfa_config(UserPoolId=pool.id, MfaConfiguration="OPTIONAL", **config)
    pool.idp.create_user_pool_domain(Domain="shop", UserPoolId=pool.id)
    pool.add(phone_number=PHONE)
    page = f"/login?{urlencode(asked(pool))}"

    def turned(form: dict[str, str]) -> str:
        status, _, body = post(cloud, page, form)
        assert status == 200
        return re.search(rb'name="session" type="hidden" value="([^"]+)"', body)[1].decode()

    pool.idp.admin_set_user_mfa_preference(UserPoolId=pool.id, Username="ann", SMSMfaSettings={"Enabled": True})
    session = turned({"username": "ann", "password": PASSWORD})
    status, headers, _ = post(cloud, page, {"session": session, "code": text_code(cloud)})
    assert status == 302 and headers["Location"].startswith(f"{BACK}?") and parse_qs(urlsplit(headers["Location"]).query)["code"]
    status, _, body = post(cloud, page, {"session": session, "code": text_code(cloud)})
    assert status == 400 and b"session is expired" in body
    session = turned({"username": "ann", "password": PASSWORD})
    assert post(cloud, page, {"session": session, "code": "abc"})[0] == 400
    assert cloud.http("GET", page, host=HOST)[0] == 200


def test_a_template_says_which_factors_a_pool_asks_for(cloud, texter, shop):
    template = {
        "Resources": {
            "Pool": {"Type": "AWS::Cognito::UserPool", "Properties": {
                "MfaConfiguration": "ON", "EnabledMfas": ["SMS_MFA", "EMAIL_OTP"], "AutoVerifiedAttributes": ["phone_number"], **SMS, **SES,
                "EmailAuthenticationMessage": "Here: {####}", "EmailAuthenticationSubject": "In",
            }},
            "Texts": {"Type": "AWS::Cognito::UserPool", "Properties": {"MfaConfiguration": "OPTIONAL", "AutoVerifiedAttributes": ["phone_number"], **SMS}},
        },
        "Outputs": {name: {"Value": {"Ref": name}} for name in ("Pool", "Texts")},
    }  # fmt: skip
    out, idp = outputs(create(cloud, "s", json.dumps(template))), cloud.client("cognito-idp")
    told_of = idp.get_user_pool_mfa_config(UserPoolId=out["Pool"])
    assert told_of["EmailMfaConfiguration"] == {"Message": "Here: {####}", "Subject": "In"}
    assert (told_of["MfaConfiguration"], told_of["SmsMfaConfiguration"]["SmsConfiguration"]) == ("ON", SMS["SmsConfiguration"])
    assert "SmsMfaConfiguration" in idp.get_user_pool_mfa_config(UserPoolId=out["Texts"])


@pytest.mark.parametrize("given", [{}, SMS])
def test_a_template_that_names_no_factor_needs_all_that_texts_need(cloud, texter, given):
    # cdk-preflight: pf-cognito-mfa-sms-config
    def template(**more) -> str:
        return json.dumps({"Resources": {"Pool": {"Type": "AWS::Cognito::UserPool", "Properties": {**given, **more}}}})

    def reasons(name: str) -> str:
        return " ".join(event.get("ResourceStatusReason", "") for event in stacks.describe_stack_events(StackName=name)["StackEvents"])

    stacks = cloud.client("cloudformation")
    words = "SMS configuration and Auto verification for phone_number are required when MFA is required/optional"
    assert create(cloud, "made", template(MfaConfiguration="ON"))["StackStatus"] == "ROLLBACK_COMPLETE" and words in reasons("made")
    create(cloud, "kept", template())
    stacks.update_stack(StackName="kept", TemplateBody=template(MfaConfiguration="OPTIONAL"))
    assert settled(cloud, "kept")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE" and words in reasons("kept")
