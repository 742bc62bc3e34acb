"""Signing in to a user pool: every flow, the challenges on the way, and what the tokens say.

The texts of refusals are AWS's, as users report them; claims are those of
https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-id-token.html and its neighbours.
"""

from __future__ import annotations

import json

from cognito_workshop import NEW_PASSWORD, PASSWORD, Pool, Srp, claims
from refusals import refused

from kumoniwa.gate.mfa import STEP_S, code_at, step_of
from kumoniwa.languages import json_web_token
from kumoniwa.services.cognito_idp.srp import GROUP

WRONG = ("NotAuthorizedException", "Incorrect username or password.")


def keys(cloud, pool: str) -> list[dict]:
    status, _, body = cloud.http("GET", f"/{pool}/.well-known/jwks.json", host="cognito-idp.us-east-1.localhost:4566")
    assert status == 200
    return json.loads(body)["keys"]


def test_a_password_opens_and_the_tokens_are_signed_by_the_published_keys(cloud):
    pool = Pool(cloud)
    sub = pool.add(email="ann@example.com")
    result = pool.sign_in()
    assert (result["TokenType"], result["ExpiresIn"]) == ("Bearer", 3600)
    published = {key["kid"]: key for key in keys(cloud, pool.id)}
    assert len(published) == 2
    for name in ("IdToken", "AccessToken"):
        read = json_web_token.read(result[name])
        assert json_web_token.is_signed_by(published[read.header["kid"]], read)
    told, access = claims(result["IdToken"]), claims(result["AccessToken"])
    assert (told["sub"], told["aud"], told["iss"], told["token_use"]) == (sub, pool.client, pool.issuer, "id")
    assert (told["cognito:username"], told["email"], told["exp"] - told["iat"]) == ("ann", "ann@example.com", 3600)
    assert (access["client_id"], access["token_use"], access["username"]) == (pool.client, "access", "ann")
    assert access["scope"] == "aws.cognito.signin.user.admin" and "aud" not in access
    assert access["origin_jti"] == told["origin_jti"]
    assert pool.idp.get_user(AccessToken=result["AccessToken"])["Username"] == "ann"


def test_a_wrong_password_and_an_unknown_name_are_refused_as_aws_does(cloud):
    pool = Pool(cloud)
    pool.add()
    assert refused(pool.begin, password="Wrong.1234") == WRONG
    assert refused(pool.begin, "nobody") == ("UserNotFoundException", "User does not exist.")
    hiding = Pool(cloud, client={"PreventUserExistenceErrors": "ENABLED"})
    assert refused(hiding.begin, "nobody") == WRONG


def test_five_wrong_passwords_lock_for_a_second_and_each_further_one_for_twice_as_long(cloud):
    """https://docs.aws.amazon.com/cognito/latest/developerguide/authentication.html#authentication-flow-lockout-behavior"""
    pool = Pool(cloud)
    pool.add()
    for _ in range(5):
        assert refused(pool.begin, password="Wrong.1234") == WRONG
    assert refused(pool.begin) == ("NotAuthorizedException", "Password attempts exceeded")
    cloud.sleep(1.1)
    assert refused(pool.begin, password="Wrong.1234") == WRONG
    cloud.sleep(1.1)
    assert refused(pool.begin) == ("NotAuthorizedException", "Password attempts exceeded")
    cloud.sleep(1)
    assert pool.sign_in()


def test_a_flow_that_the_client_does_not_have_is_refused(cloud):
    pool = Pool(cloud, client={"ExplicitAuthFlows": ["ALLOW_REFRESH_TOKEN_AUTH"]})
    pool.add()
    assert refused(pool.begin) == ("InvalidParameterException", "USER_PASSWORD_AUTH flow not enabled for this client")


def srp(pool: Pool, password: str = PASSWORD, name: str = "ann", *, with_session: bool = False) -> dict:
    client = Srp(pool, GROUP)
    begun = pool.idp.initiate_auth(
        ClientId=pool.client, AuthFlow="USER_SRP_AUTH", AuthParameters={"USERNAME": name, "SRP_A": f"{client.public:x}", **pool.hash(name)}
    )
    assert begun["ChallengeName"] == "PASSWORD_VERIFIER"
    session = {"Session": begun["Session"]} if with_session else {}
    told = client.answers(begun["ChallengeParameters"], password, pool.cloud.now())
    return pool.idp.respond_to_auth_challenge(ClientId=pool.client, ChallengeName="PASSWORD_VERIFIER", ChallengeResponses=told, **session)


def test_srp_opens_without_saying_the_password_with_and_without_the_session(cloud):
    pool = Pool(cloud)
    for number in range(12):  # about half of all numbers are written with a leading zero byte
        pool.add(f"user{number}", PASSWORD)
        assert srp(pool, name=f"user{number}", with_session=number % 2 == 0)["AuthenticationResult"]["IdToken"]
    assert refused(srp, pool, "Wrong.1234", "user1") == WRONG


def test_a_client_in_the_words_of_old_may_always_use_srp_but_for_one(cloud):
    """Moto verified on AWS that SRP is a flow of a client with USER_PASSWORD_AUTH: test_initiate_auth_USER_PASSWORD_AUTH."""
    pool = Pool(cloud, client={"ExplicitAuthFlows": ["USER_PASSWORD_AUTH"]})
    pool.add()
    assert srp(pool)["AuthenticationResult"] and pool.sign_in()
    pool.idp.update_user_pool_client(UserPoolId=pool.id, ClientId=pool.client, ExplicitAuthFlows=["CUSTOM_AUTH_FLOW_ONLY"])
    assert refused(srp, pool)[0] == "InvalidParameterException"


def test_srp_of_a_client_with_a_secret_and_of_a_hidden_name(cloud):
    pool = Pool(cloud, client={"GenerateSecret": True, "PreventUserExistenceErrors": "ENABLED"})
    pool.add()
    assert srp(pool)["AuthenticationResult"]
    assert refused(srp, pool, name="nobody") == WRONG


def test_an_answer_to_srp_opens_once(cloud):
    pool = Pool(cloud)
    pool.add()
    client = Srp(pool, GROUP)
    begun = pool.idp.initiate_auth(ClientId=pool.client, AuthFlow="USER_SRP_AUTH", AuthParameters={"USERNAME": "ann", "SRP_A": f"{client.public:x}"})
    told = client.answers(begun["ChallengeParameters"], PASSWORD, cloud.now())
    what = {"ClientId": pool.client, "ChallengeName": "PASSWORD_VERIFIER", "ChallengeResponses": told}
    assert pool.idp.respond_to_auth_challenge(**what)["AuthenticationResult"]
    assert refused(pool.idp.respond_to_auth_challenge, **what) == (
        "NotAuthorizedException", "Invalid session for the user, session is expired.",
    )  # fmt: skip


def test_the_public_value_of_a_client_that_would_give_the_key_away_is_refused(cloud):
    pool = Pool(cloud)
    pool.add()
    for told in ("0", f"{GROUP:x}", f"{2 * GROUP:x}", "no number"):
        code, _ = refused(
            pool.idp.initiate_auth, ClientId=pool.client, AuthFlow="USER_SRP_AUTH", AuthParameters={"USERNAME": "ann", "SRP_A": told}
        )
        assert code == "InvalidParameterException"


def test_a_client_with_a_secret_must_show_it(cloud):
    pool = Pool(cloud, client={"GenerateSecret": True})
    pool.add()
    assert pool.sign_in()
    secret, pool.secret = pool.secret, None
    code, text = refused(pool.begin)
    assert code == "NotAuthorizedException" and "SECRET_HASH was not received" in text
    pool.secret = secret + "x"
    code, text = refused(pool.begin)
    assert code == "NotAuthorizedException" and text.startswith("SecretHash does not match")


def test_a_temporary_password_has_to_be_changed_first(cloud):
    pool = Pool(cloud)
    pool.idp.admin_create_user(UserPoolId=pool.id, Username="ann", TemporaryPassword=PASSWORD, MessageAction="SUPPRESS")
    assert pool.get()["UserStatus"] == "FORCE_CHANGE_PASSWORD"
    begun = pool.begin()
    assert begun["ChallengeName"] == "NEW_PASSWORD_REQUIRED"
    assert begun["ChallengeParameters"]["USER_ID_FOR_SRP"] == "ann"
    assert refused(pool.answer, begun, NEW_PASSWORD="short") == (
        "InvalidPasswordException", "Password did not conform with policy: Password not long enough",
    )  # fmt: skip
    assert pool.answer(pool.begin(), NEW_PASSWORD=NEW_PASSWORD)["AuthenticationResult"]
    assert pool.get()["UserStatus"] == "CONFIRMED"
    assert pool.sign_in(password=NEW_PASSWORD) and refused(pool.begin) == WRONG


def test_a_temporary_password_ends(cloud):
    pool = Pool(cloud)
    pool.idp.admin_create_user(UserPoolId=pool.id, Username="ann", TemporaryPassword=PASSWORD, MessageAction="SUPPRESS")
    cloud.sleep(7 * 86_400 + 1)
    assert refused(pool.begin) == ("NotAuthorizedException", "Temporary password has expired and must be reset by an administrator.")


def test_the_older_name_of_that_time_holds_where_the_policy_names_none(cloud):
    # https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_AdminCreateUserConfigType.html
    pool = Pool(cloud, AdminCreateUserConfig={"UnusedAccountValidityDays": 2})
    assert pool.idp.describe_user_pool(UserPoolId=pool.id)["UserPool"]["Policies"]["PasswordPolicy"]["TemporaryPasswordValidityDays"] == 2
    pool.idp.admin_create_user(UserPoolId=pool.id, Username="ann", TemporaryPassword=PASSWORD, MessageAction="SUPPRESS")
    cloud.sleep(2 * 86_400 + 1)
    assert refused(pool.begin)[1].startswith("Temporary password has expired")


def test_an_unsigned_call_finds_its_region_by_the_host_name_and_is_told_so_where_it_has_none(cloud):
    cloud.region("eu-west-1")
    pool = Pool(cloud, region="eu-west-1")
    pool.add()
    body = json.dumps({"ClientId": pool.client, "AuthFlow": "USER_PASSWORD_AUTH", "AuthParameters": {"USERNAME": "ann", "PASSWORD": PASSWORD}}).encode()
    headers = {"x-amz-target": "AWSCognitoIdentityProviderService.InitiateAuth", "content-type": "application/x-amz-json-1.1"}
    status, _, answer = cloud.http("POST", "/", host="cognito-idp.eu-west-1.localhost:4566", headers=headers, body=body)
    assert status == 200 and json.loads(answer)["AuthenticationResult"]["IdToken"]
    status, answered, answer = cloud.http("POST", "/", headers=headers, body=body)
    assert (status, json.loads(answer)["__type"]) == (400, "ResourceNotFoundException")
    assert "cognito-idp.eu-west-1.localhost" in answered["x-kumoniwa-hint"]


def app(cloud, seed: str, ahead: int = 0) -> str:
    return code_at(seed, step_of(cloud.now()) + ahead)


def test_an_authenticator_app_is_set_up_and_asked_for(cloud):
    pool = Pool(cloud)
    pool.idp.set_user_pool_mfa_config(UserPoolId=pool.id, MfaConfiguration="OPTIONAL", SoftwareTokenMfaConfiguration={"Enabled": True})
    pool.add()
    access = pool.sign_in()["AccessToken"]
    seed = pool.idp.associate_software_token(AccessToken=access)["SecretCode"]
    assert refused(pool.idp.verify_software_token, AccessToken=access, UserCode="000000") == ("EnableSoftwareTokenMFAException", "Code mismatch")
    assert pool.idp.verify_software_token(AccessToken=access, UserCode=app(cloud, seed), FriendlyDeviceName="phone")["Status"] == "SUCCESS"
    pool.idp.set_user_mfa_preference(AccessToken=access, SoftwareTokenMfaSettings={"Enabled": True, "PreferredMfa": True})
    told = pool.get()
    assert (told["UserMFASettingList"], told["PreferredMfaSetting"]) == (["SOFTWARE_TOKEN_MFA"], "SOFTWARE_TOKEN_MFA")
    begun = pool.begin()
    assert (begun["ChallengeName"], begun["ChallengeParameters"]["FRIENDLY_DEVICE_NAME"]) == ("SOFTWARE_TOKEN_MFA", "phone")
    # A code opens once, and the one that set the app up is used.
    used = ("ExpiredCodeException", "Your software token has already been used once.")
    assert refused(pool.answer, begun, SOFTWARE_TOKEN_MFA_CODE=app(cloud, seed)) == used
    assert refused(pool.answer, pool.begin(), SOFTWARE_TOKEN_MFA_CODE="000000") == ("CodeMismatchException", "Invalid code received for user")
    cloud.sleep(STEP_S)
    let_in = pool.answer(pool.begin(), SOFTWARE_TOKEN_MFA_CODE=app(cloud, seed))["AuthenticationResult"]["AccessToken"]
    # Another app is another secret, which may be set up while the code of the old one still counts.
    other = pool.idp.associate_software_token(AccessToken=let_in)["SecretCode"]
    assert pool.idp.verify_software_token(AccessToken=let_in, UserCode=app(cloud, other))["Status"] == "SUCCESS"


def test_a_pool_that_demands_a_second_factor_has_it_set_up_before_it_lets_in(cloud):
    pool = Pool(cloud)
    pool.add()
    pool.idp.set_user_pool_mfa_config(UserPoolId=pool.id, MfaConfiguration="ON", SoftwareTokenMfaConfiguration={"Enabled": True})
    begun = pool.begin()
    assert (begun["ChallengeName"], begun["ChallengeParameters"]["MFAS_CAN_SETUP"]) == ("MFA_SETUP", '["SOFTWARE_TOKEN_MFA"]')
    assert refused(pool.answer, begun)[0] == "InvalidParameterException"
    made = pool.idp.associate_software_token(Session=pool.begin()["Session"])
    verified = pool.idp.verify_software_token(Session=made["Session"], UserCode=app(cloud, made["SecretCode"]))
    assert pool.answer({"ChallengeName": "MFA_SETUP", "Session": verified["Session"]})["AuthenticationResult"]
    assert pool.begin()["ChallengeName"] == "SOFTWARE_TOKEN_MFA"


def refresh(pool: Pool, token: str) -> dict:
    told = {"REFRESH_TOKEN": token, **pool.hash("ann")}
    return pool.idp.initiate_auth(ClientId=pool.client, AuthFlow="REFRESH_TOKEN_AUTH", AuthParameters=told)["AuthenticationResult"]


def test_a_refresh_token_brings_new_tokens_of_the_same_sign_in_until_it_is_revoked(cloud):
    pool = Pool(cloud, client={"GenerateSecret": True})
    pool.add()
    first = pool.sign_in()
    cloud.sleep(100)
    second = refresh(pool, first["RefreshToken"])
    assert "RefreshToken" not in second
    old, new = claims(first["AccessToken"]), claims(second["AccessToken"])
    assert new["auth_time"] == old["auth_time"] and new["iat"] == old["iat"] + 100 and new["jti"] != old["jti"]
    assert refused(refresh, pool, "nonsense") == ("NotAuthorizedException", "Invalid Refresh Token")
    pool.idp.revoke_token(Token=first["RefreshToken"], ClientId=pool.client, ClientSecret=pool.secret)
    assert refused(refresh, pool, first["RefreshToken"]) == ("NotAuthorizedException", "Refresh Token has been revoked")
    assert refused(pool.idp.get_user, AccessToken=second["AccessToken"]) == ("NotAuthorizedException", "Access Token has been revoked")


def test_signing_out_everywhere_ends_all_tokens(cloud):
    pool = Pool(cloud)
    pool.add()
    first = pool.sign_in()
    cloud.sleep(2)
    pool.idp.global_sign_out(AccessToken=first["AccessToken"])
    assert refused(pool.idp.get_user, AccessToken=first["AccessToken"]) == ("NotAuthorizedException", "Access Token has been revoked")
    assert refused(refresh, pool, first["RefreshToken"])[1] == "Refresh Token has been revoked"
    cloud.sleep(2)
    assert pool.idp.get_user(AccessToken=pool.sign_in()["AccessToken"])


def test_tokens_and_sessions_end(cloud):
    units = {"AccessToken": "minutes", "IdToken": "minutes", "RefreshToken": "hours"}
    pool = Pool(cloud, client={"AccessTokenValidity": 10, "IdTokenValidity": 5, "RefreshTokenValidity": 1, "TokenValidityUnits": units})
    pool.add()
    result = pool.sign_in()
    assert result["ExpiresIn"] == 600
    cloud.sleep(601)
    assert refused(pool.idp.get_user, AccessToken=result["AccessToken"]) == ("NotAuthorizedException", "Access Token has expired")
    cloud.sleep(3_000)
    assert refused(refresh, pool, result["RefreshToken"]) == ("NotAuthorizedException", "Refresh Token has expired")


def test_a_token_that_was_changed_or_is_of_another_kind_opens_nothing(cloud):
    pool = Pool(cloud)
    pool.add()
    result = pool.sign_in()
    for text in (result["AccessToken"][:-6] + "AAAAAA", result["IdToken"], "a.b.c"):
        assert refused(pool.idp.get_user, AccessToken=text) == ("NotAuthorizedException", "Invalid Access Token")


def test_groups_and_their_roles_stand_in_the_tokens_those_that_go_first_before_the_others(cloud):
    pool = Pool(cloud)
    pool.add()
    role = "arn:aws:iam::000000000000:role/"
    for name, precedence in (("late", 10), ("first", 1)):
        pool.idp.create_group(GroupName=name, UserPoolId=pool.id, RoleArn=role + name, Precedence=precedence)
        pool.idp.admin_add_user_to_group(UserPoolId=pool.id, Username="ann", GroupName=name)
    told = claims(pool.sign_in()["IdToken"])
    assert told["cognito:groups"] == ["first", "late"]
    assert told["cognito:roles"] == [role + "first", role + "late"] and told["cognito:preferred_role"] == role + "first"
    assert claims(pool.sign_in()["AccessToken"])["cognito:groups"] == ["first", "late"]


def test_a_disabled_user_and_one_who_must_reset_are_kept_out(cloud):
    pool = Pool(cloud)
    pool.add(email="ann@example.com", email_verified="true")
    pool.idp.admin_disable_user(UserPoolId=pool.id, Username="ann")
    assert refused(pool.begin) == ("NotAuthorizedException", "User is disabled.")
    pool.idp.admin_enable_user(UserPoolId=pool.id, Username="ann")
    pool.idp.admin_reset_user_password(UserPoolId=pool.id, Username="ann")
    assert refused(pool.begin) == ("PasswordResetRequiredException", "Password reset required for the user")


def test_administrators_have_a_flow_of_their_own(cloud):
    pool = Pool(cloud)
    pool.add()
    what = {"ClientId": pool.client, "AuthParameters": {"USERNAME": "ann", "PASSWORD": PASSWORD}}
    assert pool.idp.admin_initiate_auth(UserPoolId=pool.id, AuthFlow="ADMIN_USER_PASSWORD_AUTH", **what)["AuthenticationResult"]
    assert refused(pool.idp.initiate_auth, AuthFlow="ADMIN_USER_PASSWORD_AUTH", **what) == (
        "InvalidParameterException", "Initiate Auth method not supported.",
    )  # fmt: skip


def test_what_a_killed_region_acknowledged_opens_again(cloud):
    pool = Pool(cloud)
    pool.add()
    result, begun = pool.sign_in(), pool.begin()
    assert begun["AuthenticationResult"]
    cloud.restart(kill=True)
    assert pool.idp.get_user(AccessToken=result["AccessToken"])["Username"] == "ann"
    assert refresh(pool, result["RefreshToken"]) and pool.sign_in()
