"""Choice-based sign-in of a user pool, and people without a password.

https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-authentication-flow-methods.html
"""

from __future__ import annotations

import json

import pytest
from cognito_workshop import ANN, NEW_PASSWORD, PASSWORD, Pool, Srp, attributes, code_for
from mail_workshop import mails
from refusals import refused
from test_cloudformation_stack import create, outputs
from test_cognito_idp_delivery import PHONE, SMS, text_code, texter  # noqa: F401 (a fixture)

from kumoniwa.gate.mfa import code_at, step_of
from kumoniwa.services.cognito_idp.srp import GROUP

CHOICE = {"ExplicitAuthFlows": ["ALLOW_USER_AUTH", "ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]}
WRONG = ("NotAuthorizedException", "Incorrect username or password.")
WRONG_CODE = ("CodeMismatchException", "Invalid code or auth state for the user.")
ENDED = ("NotAuthorizedException", "Invalid session for the user, session is expired.")
BARRED = ("InvalidParameterException", "Password Challenge is Required to SignIn")
"""The text of https://github.com/dmeiser/kernelworx, with the error that a sample of ASP.NET met where a password had to be changed."""


def choosing(cloud, *factors: str, client: dict | None = None, **settings) -> Pool:
    policy = {"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", *factors]}}
    return Pool(cloud, client={**CHOICE, **(client or {})}, Policies=policy, **settings)


@pytest.fixture
def pool(cloud):
    return choosing(cloud, "EMAIL_OTP")


def begin(pool: Pool, wanted: str | None = None, name: str = "ann", **told: str) -> dict:
    said = {"USERNAME": name, **pool.hash(name), **told, **({"PREFERRED_CHALLENGE": wanted} if wanted else {})}
    return pool.idp.initiate_auth(ClientId=pool.client, AuthFlow="USER_AUTH", AuthParameters=said)


def answer(pool: Pool, begun: dict, challenge: str, **told: str) -> dict:
    return pool.answer({**begun, "ChallengeName": challenge}, **told)


def test_who_prefers_nothing_is_told_what_he_may_choose(pool):
    pool.add(email=ANN)
    begun = begin(pool)
    assert (begun["ChallengeName"], begun["ChallengeParameters"]) == ("SELECT_CHALLENGE", {})
    assert sorted(begun["AvailableChallenges"]) == ["EMAIL_OTP", "PASSWORD", "PASSWORD_SRP"]
    pool.add("bob")
    assert sorted(begin(pool, name="bob")["AvailableChallenges"]) == ["PASSWORD", "PASSWORD_SRP"]


def test_a_preference_that_a_user_cannot_have_is_answered_with_those_that_he_can(pool):
    pool.add()
    for wanted in ("EMAIL_OTP", "SMS_OTP", "WEB_AUTHN"):
        begun = begin(pool, wanted)
        assert (begun["ChallengeName"], sorted(begun["AvailableChallenges"])) == ("SELECT_CHALLENGE", ["PASSWORD", "PASSWORD_SRP"])


def test_a_preferred_password_opens_at_once_and_a_wrong_one_does_not(pool):
    pool.add()
    assert begin(pool, "PASSWORD", PASSWORD=PASSWORD)["AuthenticationResult"]["IdToken"]
    assert refused(begin, pool, "PASSWORD", PASSWORD="Wrong.1234") == WRONG
    assert refused(begin, pool, "PASSWORD") == ("InvalidParameterException", "Missing required parameter PASSWORD")


def test_a_password_is_told_with_the_choice_or_instead_of_it(pool):
    pool.add()
    assert answer(pool, begin(pool), "SELECT_CHALLENGE", ANSWER="PASSWORD", PASSWORD=PASSWORD)["AuthenticationResult"]
    begun = begin(pool)
    assert answer(pool, begun, "PASSWORD", PASSWORD=PASSWORD)["AuthenticationResult"]
    assert refused(answer, pool, begun, "PASSWORD", PASSWORD=PASSWORD) == ENDED
    assert refused(answer, pool, begin(pool), "SELECT_CHALLENGE", ANSWER="PASSWORD", PASSWORD="Wrong.1234") == WRONG
    assert refused(answer, pool, begin(pool), "SELECT_CHALLENGE", ANSWER="EMAIL_OTP")[0] == "InvalidParameterException"


@pytest.mark.parametrize("way", ["preferred", "selected", "instead"])
def test_srp_is_chosen_and_opens_by_the_password_that_is_not_said(cloud, pool, way):
    pool.add()
    srp = Srp(pool, GROUP)
    told = {"SRP_A": f"{srp.public:x}"}
    if way == "preferred":
        shown = begin(pool, "PASSWORD_SRP", **told)
    elif way == "selected":
        shown = answer(pool, begin(pool), "SELECT_CHALLENGE", ANSWER="PASSWORD_SRP", **told)
    else:
        shown = answer(pool, begin(pool), "PASSWORD_SRP", **told)
    assert shown["ChallengeName"] == "PASSWORD_VERIFIER"
    said = srp.answers(shown["ChallengeParameters"], PASSWORD, cloud.now())
    assert pool.idp.respond_to_auth_challenge(
        ClientId=pool.client, ChallengeName="PASSWORD_VERIFIER", ChallengeResponses=said, Session=shown["Session"]
    )["AuthenticationResult"]  # fmt: skip


def test_a_code_in_a_mail_opens_once_and_proves_the_address(cloud, pool):
    pool.add(email=ANN)
    begun = begin(pool, "EMAIL_OTP")
    assert begun["ChallengeName"] == "EMAIL_OTP"
    assert begun["ChallengeParameters"] == {"CODE_DELIVERY_DELIVERY_MEDIUM": "EMAIL", "CODE_DELIVERY_DESTINATION": "a***@e***"}
    code = code_for(cloud)
    assert refused(pool.answer, begun, EMAIL_OTP_CODE="000000" if code != "000000" else "111111") == WRONG_CODE
    result = pool.answer(begun, EMAIL_OTP_CODE=code)["AuthenticationResult"]
    assert pool.idp.get_user(AccessToken=result["AccessToken"])["Username"] == "ann"
    assert attributes(pool.get())["email_verified"] == "true"
    assert refused(pool.answer, begun, EMAIL_OTP_CODE=code) == ENDED


def test_a_code_ends_with_its_session(cloud):
    pool = choosing(cloud, "EMAIL_OTP", client={"AuthSessionValidity": 5})
    pool.add(email=ANN)
    begun = begin(pool, "EMAIL_OTP")
    cloud.sleep(4 * 60)
    assert pool.answer(begun, EMAIL_OTP_CODE=code_for(cloud))["AuthenticationResult"]
    begun = begin(pool, "EMAIL_OTP")
    cloud.sleep(5 * 60 + 1)
    assert refused(pool.answer, begun, EMAIL_OTP_CODE=code_for(cloud)) == ENDED


def test_a_code_is_sent_when_it_is_chosen(cloud, pool):
    pool.add(email=ANN)
    begun = begin(pool)
    assert mails(cloud, f"?email={ANN}") == []
    chosen = answer(pool, begun, "SELECT_CHALLENGE", ANSWER="EMAIL_OTP")
    assert chosen["ChallengeName"] == "EMAIL_OTP"
    assert pool.answer(chosen, EMAIL_OTP_CODE=code_for(cloud))["AuthenticationResult"]


def test_a_code_in_a_text_message_opens(cloud, texter):  # noqa: F811
    pool = choosing(cloud, "SMS_OTP", SmsAuthenticationMessage="In: {####}", **SMS)
    pool.add(phone_number=PHONE)
    begun = begin(pool, "SMS_OTP")
    assert (begun["ChallengeName"], begun["ChallengeParameters"]["CODE_DELIVERY_DELIVERY_MEDIUM"]) == ("SMS_OTP", "SMS")
    assert pool.answer(begun, SMS_OTP_CODE=text_code(cloud))["AuthenticationResult"]
    assert attributes(pool.get())["phone_number_verified"] == "true"


def test_an_administrator_lets_choose_too(cloud, pool):
    pool.add(email=ANN)
    begun = pool.idp.admin_initiate_auth(
        UserPoolId=pool.id, ClientId=pool.client, AuthFlow="USER_AUTH", AuthParameters={"USERNAME": "ann", "PREFERRED_CHALLENGE": "EMAIL_OTP"}
    )
    assert pool.idp.admin_respond_to_auth_challenge(
        UserPoolId=pool.id, ClientId=pool.client, ChallengeName="EMAIL_OTP", Session=begun["Session"],
        ChallengeResponses={"USERNAME": "ann", "EMAIL_OTP_CODE": code_for(cloud)},
    )["AuthenticationResult"]  # fmt: skip


def test_who_has_a_second_factor_signs_in_with_his_password_first(cloud, pool):
    """"If MFA is optional in your user pool, users who have activated MFA can't sign in with a passwordless first factor." """
    pool.idp.set_user_pool_mfa_config(UserPoolId=pool.id, SoftwareTokenMfaConfiguration={"Enabled": True}, MfaConfiguration="OPTIONAL")
    pool.add(email=ANN)
    assert "EMAIL_OTP" in begin(pool)["AvailableChallenges"]
    access = pool.sign_in()["AccessToken"]
    seed = pool.idp.associate_software_token(AccessToken=access)["SecretCode"]
    pool.idp.verify_software_token(AccessToken=access, UserCode=code_at(seed, step_of(cloud.now())))
    assert pool.idp.get_user_auth_factors(AccessToken=access)["ConfiguredUserAuthFactors"] == ["PASSWORD", "EMAIL_OTP"]
    pool.idp.set_user_mfa_preference(AccessToken=access, SoftwareTokenMfaSettings={"Enabled": True, "PreferredMfa": True})
    assert sorted(begin(pool)["AvailableChallenges"]) == ["PASSWORD", "PASSWORD_SRP"]
    assert refused(begin, pool, "EMAIL_OTP") == BARRED
    assert begin(pool, "PASSWORD", PASSWORD=PASSWORD)["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
    told = pool.idp.get_user_auth_factors(AccessToken=access)
    assert (told["Username"], told["PreferredMfaSetting"], told["UserMFASettingList"]) == ("ann", "SOFTWARE_TOKEN_MFA", ["SOFTWARE_TOKEN_MFA"])
    assert told["ConfiguredUserAuthFactors"] == ["PASSWORD", "EMAIL_OTP", "SOFTWARE_TOKEN"]


def test_who_must_change_his_password_signs_in_with_it_first(pool):
    pool.add(email=ANN)
    pool.idp.admin_set_user_password(UserPoolId=pool.id, Username="ann", Password=PASSWORD, Permanent=False)
    assert sorted(begin(pool)["AvailableChallenges"]) == ["PASSWORD", "PASSWORD_SRP"]
    assert refused(begin, pool, "EMAIL_OTP") == BARRED
    assert begin(pool, "PASSWORD", PASSWORD=PASSWORD)["ChallengeName"] == "NEW_PASSWORD_REQUIRED"


def test_nobody_is_told_apart_where_users_are_hidden(cloud):
    pool = choosing(cloud, "EMAIL_OTP", client={"PreventUserExistenceErrors": "ENABLED"})
    pool.add(email=ANN)
    assert sorted(begin(pool, name="nobody")["AvailableChallenges"]) == sorted(begin(pool)["AvailableChallenges"])
    begun = begin(pool, "EMAIL_OTP", "nobody@example.org")
    assert begun["ChallengeParameters"]["CODE_DELIVERY_DESTINATION"] == "n***@e***"
    assert refused(pool.answer, begun, "nobody@example.org", EMAIL_OTP_CODE="123456") == WRONG_CODE
    assert refused(begin, pool, "PASSWORD", "nobody", PASSWORD=PASSWORD) == WRONG
    assert mails(cloud, "?email=nobody@example.org") == []
    open_ = choosing(cloud, "EMAIL_OTP")
    assert refused(begin, open_, name="nobody") == ("UserNotFoundException", "User does not exist.")


def test_the_flow_is_the_clients_and_not_of_the_lite_tier(cloud):
    plain = Pool(cloud)
    plain.add()
    assert refused(begin, plain) == ("InvalidParameterException", "USER_AUTH flow not enabled for this client")
    lite = Pool(cloud, client=CHOICE, UserPoolTier="LITE")
    lite.add()
    assert refused(begin, lite)[0] == "FeatureUnavailableInTierException"


def test_codes_and_a_second_factor_for_all_exclude_each_other(cloud, texter):  # noqa: F811
    """https://github.com/go-to-k/cdkd/issues/1975, which asked AWS"""
    text = ("InvalidParameterException", "Only PASSWORD and WEB_AUTHN (if configured) can be enabled as an auth factor if MFA is enabled")
    pool, policies = choosing(cloud, "EMAIL_OTP"), {"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", "EMAIL_OTP"]}}
    token = {"SoftwareTokenMfaConfiguration": {"Enabled": True}}
    assert refused(pool.idp.set_user_pool_mfa_config, UserPoolId=pool.id, MfaConfiguration="ON", **token) == text
    whole = {"MfaConfiguration": "ON", "AutoVerifiedAttributes": ["phone_number"], "Policies": policies, **SMS}
    assert refused(pool.idp.create_user_pool, PoolName="p", **whole) == text
    other = Pool(cloud, **{name: value for name, value in whole.items() if name != "Policies"})
    assert refused(other.idp.update_user_pool, UserPoolId=other.id, **whole) == text
    pool.idp.set_user_pool_mfa_config(UserPoolId=pool.id, MfaConfiguration="OPTIONAL", **token)


def test_steps_upward_are_refused_by_name(pool):
    pool.add()
    assert "TARGET_ACR_VALUES" in refused(begin, pool, TARGET_ACR_VALUES="urn:x")[1]


# Without a password --------------------------------------------------------------------------------


def sign_up(pool: Pool, name: str = "ann", **attributes: str) -> dict:
    told = [{"Name": key, "Value": value} for key, value in attributes.items()]
    return pool.idp.sign_up(ClientId=pool.client, Username=name, UserAttributes=told)


def test_somebody_signs_up_without_a_password_and_is_in_with_the_code_that_confirms_him(cloud):
    """https://github.com/aws/aws-sdk-js-v3/issues/6724"""
    pool = choosing(cloud, "EMAIL_OTP", AutoVerifiedAttributes=["email"])
    begun = sign_up(pool, email=ANN)
    assert not begun["UserConfirmed"]
    confirm = {"ClientId": pool.client, "Username": "ann", "ConfirmationCode": code_for(cloud)}
    assert refused(pool.idp.confirm_sign_up, **confirm, Session="x" * 20) == ENDED
    session = pool.idp.confirm_sign_up(**confirm, Session=begun["Session"])["Session"]
    what = {"ClientId": pool.client, "AuthFlow": "USER_AUTH", "AuthParameters": {"USERNAME": "ann"}, "Session": session}
    result = pool.idp.initiate_auth(**what)["AuthenticationResult"]
    assert pool.idp.get_user(AccessToken=result["AccessToken"])["Username"] == "ann"
    assert refused(pool.idp.initiate_auth, **what) == ENDED
    assert begin(pool)["AvailableChallenges"] == ["EMAIL_OTP"]
    assert pool.idp.get_user_auth_factors(AccessToken=result["AccessToken"])["ConfiguredUserAuthFactors"] == ["EMAIL_OTP"]
    # "Users who don't have a password can submit ChangePassword API requests without the PreviousPassword parameter."
    pool.idp.change_password(AccessToken=result["AccessToken"], ProposedPassword=NEW_PASSWORD)
    assert pool.sign_in(password=NEW_PASSWORD)


def test_the_session_of_a_confirmation_ends_and_is_for_whose_code_opens(cloud):
    pool = choosing(cloud, "EMAIL_OTP", AutoVerifiedAttributes=["email"])
    begun = pool.idp.sign_up(ClientId=pool.client, Username="ann", Password=PASSWORD, UserAttributes=[{"Name": "email", "Value": ANN}])
    session = pool.idp.confirm_sign_up(ClientId=pool.client, Username="ann", ConfirmationCode=code_for(cloud), Session=begun["Session"])["Session"]
    what = {"ClientId": pool.client, "AuthFlow": "USER_AUTH", "AuthParameters": {"USERNAME": "ann"}, "Session": session}
    cloud.sleep(3 * 60 + 1)
    assert refused(pool.idp.initiate_auth, **what) == ENDED
    plain = choosing(cloud, AutoVerifiedAttributes=["email"])
    begun = plain.idp.sign_up(ClientId=plain.client, Username="ann", Password=PASSWORD, UserAttributes=[{"Name": "email", "Value": ANN}])
    session = plain.idp.confirm_sign_up(ClientId=plain.client, Username="ann", ConfirmationCode=code_for(cloud), Session=begun["Session"])["Session"]
    shown = plain.idp.initiate_auth(**{**what, "ClientId": plain.client, "Session": session})
    assert (shown["ChallengeName"], sorted(shown["AvailableChallenges"])) == ("SELECT_CHALLENGE", ["PASSWORD", "PASSWORD_SRP"])


def test_a_code_to_sign_in_with_confirms_who_is_not_confirmed_yet(cloud, pool):
    sign_up(pool, email=ANN)
    assert pool.get()["UserStatus"] == "UNCONFIRMED"
    assert pool.answer(begin(pool, "EMAIL_OTP"), EMAIL_OTP_CODE=code_for(cloud))["AuthenticationResult"]
    assert (pool.get()["UserStatus"], attributes(pool.get())["email_verified"]) == ("CONFIRMED", "true")


def test_who_has_no_password_needs_an_address_and_a_pool_that_sends_codes(cloud, pool):
    assert refused(sign_up, pool)[0] == "InvalidParameterException"
    assert refused(sign_up, pool, phone_number=PHONE)[0] == "InvalidParameterException"
    assert refused(sign_up, Pool(cloud), email=ANN)[0] == "InvalidParameterException"
    assert refused(pool.idp.admin_create_user, UserPoolId=pool.id, Username="bob")[0] == "InvalidParameterException"


def test_an_administrator_makes_somebody_without_a_password(cloud, pool):
    pool.idp.admin_create_user(UserPoolId=pool.id, Username="ann", UserAttributes=[{"Name": "email", "Value": ANN}])
    assert pool.get()["UserStatus"] == "CONFIRMED"
    assert mails(cloud, f"?email={ANN}")[-1]["Body"]["text_part"].strip() == "Your username is ann."
    assert begin(pool)["AvailableChallenges"] == ["EMAIL_OTP"]
    assert refused(pool.begin) == WRONG
    pool.idp.admin_create_user(
        UserPoolId=pool.id, Username="bob", TemporaryPassword=PASSWORD, UserAttributes=[{"Name": "email", "Value": "bob@example.com"}]
    )
    assert pool.get("bob")["UserStatus"] == "FORCE_CHANGE_PASSWORD"


def test_a_template_makes_a_pool_without_passwords(cloud):
    template = {
        "Resources": {
            "Pool": {"Type": "AWS::Cognito::UserPool", "Properties": {
                "Policies": {"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", "EMAIL_OTP"]}},
            }},
            "App": {"Type": "AWS::Cognito::UserPoolClient", "Properties": {"UserPoolId": {"Ref": "Pool"}, **CHOICE}},
        },
        "Outputs": {name: {"Value": {"Ref": name}} for name in ("Pool", "App")},
    }  # fmt: skip
    out, idp = outputs(create(cloud, "s", json.dumps(template))), cloud.client("cognito-idp")
    told = [{"Name": "email", "Value": ANN}]
    idp.admin_create_user(UserPoolId=out["Pool"], Username="ann", UserAttributes=told, MessageAction="SUPPRESS")
    begun = idp.initiate_auth(ClientId=out["App"], AuthFlow="USER_AUTH", AuthParameters={"USERNAME": "ann", "PREFERRED_CHALLENGE": "EMAIL_OTP"})
    answers = {"USERNAME": "ann", "EMAIL_OTP_CODE": code_for(cloud)}
    assert idp.respond_to_auth_challenge(
        ClientId=out["App"], ChallengeName="EMAIL_OTP", Session=begun["Session"], ChallengeResponses=answers
    )["AuthenticationResult"]  # fmt: skip
