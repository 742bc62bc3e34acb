"""Passkeys of user pools: registered by who is signed in, and shown to sign in.

https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-authentication-flow-methods.html
"""

from __future__ import annotations

import json
import sys

import pytest
from cognito_workshop import ANN, PASSWORD, Pool, claims
from passkey_workshop import PAGE, PARTY, Authenticator, cbor, read, spelled
from refusals import refused
from test_cloudformation_stack import create, outputs, settled
from test_cognito_idp_choice import BARRED, ENDED, WRONG, answer, begin, choosing

from kumoniwa.gate.mfa import code_at, step_of

BOTH = "MULTI_FACTOR_WITH_USER_VERIFICATION"
INVALID = "InvalidParameterException"


def configured(pool: Pool, mfa: str | None = None, **told: str) -> dict:
    more = {"MfaConfiguration": mfa, "SoftwareTokenMfaConfiguration": {"Enabled": True}} if mfa else {}
    said = {"RelyingPartyId": PARTY, **told}
    return pool.idp.set_user_pool_mfa_config(UserPoolId=pool.id, WebAuthnConfiguration=said, **more)


@pytest.fixture
def pool(cloud):
    pool = choosing(cloud, "WEB_AUTHN")
    configured(pool)
    pool.add()
    return pool


def started(pool: Pool, token: str) -> dict:
    return pool.idp.start_web_authn_registration(AccessToken=token)["CredentialCreationOptions"]


def completed(pool: Pool, token: str, credential: dict) -> dict:
    return pool.idp.complete_web_authn_registration(AccessToken=token, Credential=credential)


def registered(pool: Pool, name: str = "ann", device: Authenticator | None = None, **said) -> Authenticator:
    token, device = pool.sign_in(name)["AccessToken"], device or Authenticator(**said)
    completed(pool, token, device.make(started(pool, token)))
    return device


def asked(pool: Pool, name: str = "ann") -> tuple[dict, dict]:
    begun = begin(pool, "WEB_AUTHN", name)
    return begun, json.loads(begun["ChallengeParameters"]["CREDENTIAL_REQUEST_OPTIONS"])


def shown(pool: Pool, begun: dict, credential: dict, name: str = "ann") -> dict:
    return pool.answer(begun, name, CREDENTIAL=json.dumps(credential))


def signed_in(pool: Pool, device: Authenticator, name: str = "ann") -> dict:
    begun, options = asked(pool, name)
    return shown(pool, begun, device.show(options), name)["AuthenticationResult"]


def with_app(cloud, pool: Pool) -> str:
    """An authenticator app as ann's second factor; answers an access token of hers."""
    token = pool.sign_in()["AccessToken"]
    seed = pool.idp.associate_software_token(AccessToken=token)["SecretCode"]
    pool.idp.verify_software_token(AccessToken=token, UserCode=code_at(seed, step_of(cloud.now())))
    pool.idp.set_user_mfa_preference(AccessToken=token, SoftwareTokenMfaSettings={"Enabled": True, "PreferredMfa": True})
    return token


# Registered ------------------------------------------------------------------------------------------


def test_a_passkey_is_asked_for_as_aws_does(pool):
    """The example of ``aws cognito-idp start-web-authn-registration``."""
    token = pool.sign_in()["AccessToken"]
    options = started(pool, token)
    assert len(read(options.pop("challenge"))) == 16
    assert read(options["user"].pop("id")).decode() == claims(token)["sub"]
    assert options == {
        "authenticatorSelection": {"requireResidentKey": True, "residentKey": "required", "userVerification": "preferred"},
        "excludeCredentials": [], "pubKeyCredParams": [{"alg": -7, "type": "public-key"}, {"alg": -257, "type": "public-key"}],
        "rp": {"id": PARTY, "name": PARTY}, "timeout": 60000, "user": {"displayName": "ann", "name": "ann"},
    }  # fmt: skip


@pytest.mark.parametrize("algorithm", [-7, -257])
def test_who_has_registered_a_passkey_signs_in_with_it_alone(pool, algorithm):
    device = registered(pool, algorithm=algorithm)
    assert sorted(begin(pool)["AvailableChallenges"]) == ["PASSWORD", "PASSWORD_SRP", "WEB_AUTHN"]
    begun, options = asked(pool)
    assert begun["ChallengeName"] == "WEB_AUTHN"
    assert len(read(options.pop("challenge"))) == 16
    # As https://github.com/aws-amplify/amplify-js recorded it (passkeyCredentialRequestOptions).
    assert options == {
        "hints": [], "attestation": "none", "attestationFormats": [], "timeout": 180000, "rpId": PARTY,
        "allowCredentials": [{"id": spelled(device.id), "type": "public-key"}], "userVerification": "preferred",
    }  # fmt: skip
    result = signed_in(pool, device)
    assert pool.idp.get_user(AccessToken=result["AccessToken"])["Username"] == "ann"
    assert claims(result["IdToken"])["cognito:username"] == "ann"
    assert pool.idp.initiate_auth(
        ClientId=pool.client, AuthFlow="REFRESH_TOKEN_AUTH", AuthParameters={"REFRESH_TOKEN": result["RefreshToken"]}
    )["AuthenticationResult"]  # fmt: skip


def test_a_passkey_is_chosen_from_what_there_is_and_by_an_administrator_too(pool):
    device = registered(pool)
    chosen = answer(pool, begin(pool), "SELECT_CHALLENGE", ANSWER="WEB_AUTHN")
    options = json.loads(chosen["ChallengeParameters"]["CREDENTIAL_REQUEST_OPTIONS"])
    assert shown(pool, chosen, device.show(options))["AuthenticationResult"]
    begun = pool.idp.admin_initiate_auth(
        UserPoolId=pool.id, ClientId=pool.client, AuthFlow="USER_AUTH", AuthParameters={"USERNAME": "ann", "PREFERRED_CHALLENGE": "WEB_AUTHN"}
    )
    options = json.loads(begun["ChallengeParameters"]["CREDENTIAL_REQUEST_OPTIONS"])
    assert pool.idp.admin_respond_to_auth_challenge(
        UserPoolId=pool.id, ClientId=pool.client, ChallengeName="WEB_AUTHN", Session=begun["Session"],
        ChallengeResponses={"USERNAME": "ann", "CREDENTIAL": json.dumps(device.show(options))},
    )["AuthenticationResult"]  # fmt: skip


def test_people_see_their_passkeys_and_take_them_away(cloud, pool):
    registered(pool, attachment="cross-platform")
    second, third = registered(pool), registered(pool)
    token = pool.sign_in()["AccessToken"]
    page = pool.idp.list_web_authn_credentials(AccessToken=token, MaxResults=2)
    assert [each["FriendlyCredentialName"] for each in page["Credentials"]] == ["Roaming passkey", "Passkey"]
    one = page["Credentials"][1]
    assert (one["CredentialId"], one["RelyingPartyId"], one["AuthenticatorAttachment"]) == (spelled(second.id), PARTY, "platform")
    assert (one["AuthenticatorTransports"], one["CreatedAt"].timestamp()) == (["internal"], pytest.approx(cloud.now(), abs=5))
    rest = pool.idp.list_web_authn_credentials(AccessToken=token, NextToken=page["NextToken"])
    assert ([each["CredentialId"] for each in rest["Credentials"]], "NextToken" in rest) == ([spelled(third.id)], False)
    assert [each["id"] for each in started(pool, token)["excludeCredentials"]][1:] == [spelled(second.id), spelled(third.id)]
    assert pool.idp.get_user_auth_factors(AccessToken=token)["ConfiguredUserAuthFactors"] == ["PASSWORD", "WEB_AUTHN"]
    pool.idp.delete_web_authn_credential(AccessToken=token, CredentialId=spelled(second.id))
    assert refused(signed_in, pool, second) == WRONG
    assert signed_in(pool, third)
    assert refused(pool.idp.delete_web_authn_credential, AccessToken=token, CredentialId=spelled(second.id))[0] == "ResourceNotFoundException"


def test_a_user_has_twenty_passkeys_at_most(pool):
    """"Each user can register up to 20 passkeys." """
    token = pool.sign_in()["AccessToken"]
    waiting, device = started(pool, token), Authenticator()
    for _ in range(20):
        completed(pool, token, Authenticator().make(started(pool, token)))
    assert refused(pool.idp.start_web_authn_registration, AccessToken=token)[0] == "LimitExceededException"
    assert refused(completed, pool, token, device.make(waiting))[0] == "LimitExceededException"
    assert len(pool.idp.list_web_authn_credentials(AccessToken=token)["Credentials"]) == 20


def test_a_pool_that_has_no_passkeys_or_no_domain_for_them_says_so(cloud):
    plain = choosing(cloud)
    configured(plain)
    plain.add()
    token = plain.sign_in()["AccessToken"]
    off = ("WebAuthnNotEnabledException", "WebAuthn not enabled for this pool.")
    assert refused(plain.idp.start_web_authn_registration, AccessToken=token) == off
    assert refused(completed, plain, token, {}) == off
    homeless = choosing(cloud, "WEB_AUTHN")
    homeless.add()
    token = homeless.sign_in()["AccessToken"]
    assert refused(homeless.idp.start_web_authn_registration, AccessToken=token)[0] == "WebAuthnConfigurationMissingException"
    # "your user pool defaults to an RP ID of your prefix domain"
    homeless.idp.create_user_pool_domain(UserPoolId=homeless.id, Domain="the-shop")
    own = "the-shop.auth.us-east-1.amazoncognito.com"
    assert started(homeless, token)["rp"] == {"id": own, "name": own}
    device = registered(homeless, page=f"https://{own}")
    assert signed_in(homeless, device)


def test_a_challenge_is_good_for_one_credential_and_for_a_minute(cloud, pool):
    token = pool.sign_in()["AccessToken"]
    options, device = started(pool, token), Authenticator()
    completed(pool, token, device.make(options))
    gone = "WebAuthnChallengeNotFoundException"
    assert refused(completed, pool, token, Authenticator().make(options))[0] == gone
    options = started(pool, token)
    cloud.sleep(61)
    assert refused(completed, pool, token, Authenticator().make(options))[0] == gone
    assert refused(completed, pool, token, Authenticator().make(started(pool, token), challenge=spelled(bytes(16))))[0] == gone
    pool.add("bob")
    assert refused(completed, pool, pool.sign_in("bob")["AccessToken"], Authenticator().make(started(pool, token)))[0] == gone


def test_a_registration_ends_with_the_client_that_began_it(cloud, pool):
    options = started(pool, pool.sign_in()["AccessToken"])

    def signed_in_by(*flows: str) -> str:
        other = pool.idp.create_user_pool_client(UserPoolId=pool.id, ClientName="other", ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH", *flows])
        told = {"USERNAME": "ann", "PASSWORD": PASSWORD}
        result = pool.idp.initiate_auth(ClientId=other["UserPoolClient"]["ClientId"], AuthFlow="USER_PASSWORD_AUTH", AuthParameters=told)
        return result["AuthenticationResult"]["AccessToken"]

    made = Authenticator().make(options)
    assert refused(completed, pool, signed_in_by("ALLOW_USER_AUTH"), made)[0] == "WebAuthnClientMismatchException"
    # https://github.com/non-97/storage-browser-for-s3-sample-app
    off, token = (INVALID, "USER_AUTH flow is not enabled for the client"), signed_in_by()
    assert refused(completed, pool, token, made) == off
    assert refused(pool.idp.start_web_authn_registration, AccessToken=token) == off


@pytest.mark.parametrize("page, is_allowed", [
    (PAGE, True), (f"{PAGE}:8443", True), ("https://login.shop.example.com", True), ("https://example.com", False), ("http://shop.example.com", False),
    ("https://shop.example.com.evil.example", False), ("https://evilshop.example.com", False), ("https://evil.example", False),
])  # fmt: skip
def test_a_passkey_is_made_on_pages_of_the_relying_party_alone(pool, page, is_allowed):
    token = pool.sign_in()["AccessToken"]
    made = Authenticator(page).make(started(pool, token))
    if is_allowed:
        assert completed(pool, token, made)
    else:
        assert refused(completed, pool, token, made)[0] == "WebAuthnOriginNotAllowedException"
        assert pool.idp.list_web_authn_credentials(AccessToken=token)["Credentials"] == []


def test_pages_of_this_machine_need_no_tls(cloud):
    pool = choosing(cloud, "WEB_AUTHN")
    configured(pool, RelyingPartyId="localhost")
    pool.add()
    assert signed_in(pool, registered(pool, page="http://localhost:3000"))


def test_android_apps_for_whom_a_file_elsewhere_vouches_are_refused_by_name(pool):
    token = pool.sign_in()["AccessToken"]
    made = Authenticator("android:apk-key-hash:abc").make(started(pool, token))
    assert "Android" in refused(completed, pool, token, made)[1]


def test_a_credential_of_another_kind_is_not_taken(pool):
    """"Amazon Cognito recognizes passkeys created using either of two asymmetric cryptographic algorithms, ES256(-7) and RS256(-257)." """
    token, unfit = pool.sign_in()["AccessToken"], "WebAuthnCredentialNotSupportedException"
    assert refused(completed, pool, token, Authenticator(algorithm=-8).make(started(pool, token)))[0] == unfit
    nowhere = {1: 2, 3: -7, -1: 1, -2: bytes(32), -3: bytes(31) + b"\x01"}
    assert refused(completed, pool, token, Authenticator().make(started(pool, token), public=nowhere))[0] == unfit
    assert refused(completed, pool, token, Authenticator().make(started(pool, token), public={1: 2, 3: -7}))[0] == unfit


def test_what_is_made_for_another_relying_party_is_not_taken(pool):
    token = pool.sign_in()["AccessToken"]
    other = "WebAuthnRelyingPartyMismatchException"
    assert refused(completed, pool, token, Authenticator().make(started(pool, token), party="example.com"))[0] == other
    options = started(pool, token)
    configured(pool, RelyingPartyId="example.com")
    assert refused(completed, pool, token, Authenticator().make(options))[0] == other


def test_one_credential_is_of_one_user(pool):
    device = registered(pool)
    token = pool.sign_in()["AccessToken"]
    assert refused(completed, pool, token, device.make(started(pool, token)))[0] == INVALID
    pool.add("bob")
    token = pool.sign_in("bob")["AccessToken"]
    assert refused(completed, pool, token, device.make(started(pool, token)))[0] == INVALID
    pool.idp.admin_delete_user(UserPoolId=pool.id, Username="ann")
    assert completed(pool, token, device.make(started(pool, token)))


def _absent(made):
    del made["response"]["attestationObject"]


def _garbled(made):
    made["response"]["attestationObject"] = spelled(b"\xa3garbage")


def _cut(made):
    made["response"]["attestationObject"] = spelled(read(made["response"]["attestationObject"])[:60])


def _nested(made):
    made["response"]["attestationObject"] = spelled(b"\x81" * 100_000)


def _bare(made):
    made["response"]["attestationObject"] = spelled(cbor({"fmt": "none", "attStmt": {}, "authData": bytes(37)}))


def _renamed(made):
    made["id"] = made["rawId"] = spelled(b"another one")


def _two_names(made):
    made["id"] = spelled(b"another one")


def _unread(made):
    made["response"]["clientDataJSON"] = spelled(b"no json")


def _listed(made):
    made["response"]["clientDataJSON"] = spelled(b"[]")


def _numbered(made):
    made["response"]["clientDataJSON"] = 7


def _untold(made):
    made["response"] = None


def _told_of_ways(made):
    made["response"]["transports"] = [{}]


@pytest.mark.parametrize(
    "spoil", [_absent, _garbled, _cut, _nested, _bare, _renamed, _two_names, _unread, _listed, _numbered, _untold, _told_of_ways]
)
def test_what_is_no_credential_is_told_so(pool, spoil):
    token = pool.sign_in()["AccessToken"]
    made = Authenticator().make(started(pool, token))
    spoil(made)
    assert refused(completed, pool, token, made)[0] == INVALID


@pytest.mark.parametrize("told", ["{}", [], 7, True])
def test_what_is_no_object_is_no_credential(pool, told):
    assert refused(completed, pool, pool.sign_in()["AccessToken"], told)[0] == INVALID


def test_browsers_that_say_less_are_understood(pool):
    """What RegistrationResponseJSON and AuthenticationResponseJSON leave to a browser."""
    token, device = pool.sign_in()["AccessToken"], Authenticator()
    made = device.make(started(pool, token))
    made = {name: made[name] for name in ("id", "rawId", "type")} | {"authenticatorAttachment": None, "response": {
        name: made["response"][name] for name in ("clientDataJSON", "attestationObject")
    }}  # fmt: skip
    completed(pool, token, made)
    listed = pool.idp.list_web_authn_credentials(AccessToken=token)["Credentials"][0]
    assert (listed["AuthenticatorTransports"], "AuthenticatorAttachment" in listed) == ([], False)
    for handle in (None, ""):
        begun, options = asked(pool)
        credential = device.show(options)
        credential["response"]["userHandle"] = handle
        assert shown(pool, begun, {name: credential[name] for name in ("id", "rawId", "type", "response")})["AuthenticationResult"]


def test_what_was_made_to_sign_in_registers_nothing(pool):
    token = pool.sign_in()["AccessToken"]
    assert refused(completed, pool, token, Authenticator().make(started(pool, token), kind="webauthn.get"))[0] == INVALID
    absent = Authenticator()
    absent.flags = 0
    assert refused(completed, pool, token, absent.make(started(pool, token)))[0] == INVALID


# Shown -----------------------------------------------------------------------------------------------


def test_a_challenge_is_answered_once_and_in_time(cloud, pool):
    device = registered(pool)
    begun, options = asked(pool)
    assert shown(pool, begun, device.show(options))
    assert refused(shown, pool, begun, device.show(options)) == ENDED
    # What was signed for one session opens no other.
    assert refused(shown, pool, asked(pool)[0], device.show(options)) == WRONG
    begun, options = asked(pool)
    cloud.sleep(3 * 60 + 1)
    assert refused(shown, pool, begun, device.show(options)) == ENDED


def test_whoever_signs_amiss_is_let_in_nowhere(pool):
    device, stranger = registered(pool), Authenticator()
    begun, options = asked(pool)
    assert refused(shown, pool, begun, device.show(options, party="example.com")) == WRONG
    assert refused(shown, pool, begun, device.show(options)) == ENDED, "a wrong answer ends the session"
    begun, options = asked(pool)
    assert refused(shown, pool, begun, device.show(options, challenge=spelled(bytes(16)))) == WRONG
    begun, options = asked(pool)
    assert refused(shown, pool, begun, device.show(options, kind="webauthn.create")) == WRONG
    begun, options = asked(pool)
    assert refused(shown, pool, begun, stranger.show(options)) == WRONG
    stranger.id, stranger.handle, stranger.counter = device.id, device.handle, device.counter
    begun, options = asked(pool)
    assert refused(shown, pool, begun, stranger.show(options)) == WRONG
    device.page = "https://evil.example"
    begun, options = asked(pool)
    assert refused(shown, pool, begun, device.show(options)) == WRONG
    device.page = PAGE
    assert signed_in(pool, device)


@pytest.mark.parametrize("member", ["signature", "authenticatorData", "clientDataJSON"])
def test_whatever_of_an_answer_is_altered_it_proves_nothing(pool, member):
    device = registered(pool)
    begun, options = asked(pool)
    credential = device.show(options)
    body = read(credential["response"][member])
    body = body.replace(b"false", b"true") if member == "clientDataJSON" else body[:-1] + bytes([body[-1] ^ 1])
    credential["response"][member] = spelled(body)
    assert refused(shown, pool, begun, credential) == WRONG


def test_a_signature_counter_only_goes_on(pool):
    device = registered(pool)
    assert signed_in(pool, device)
    device.counter = 7
    assert signed_in(pool, device)
    for counter in (6, 7):
        device.counter = counter
        assert refused(signed_in, pool, device) == WRONG
        device.counter = counter - 1
        assert refused(signed_in, pool, device) == WRONG
    device.counter = 8
    assert signed_in(pool, device)


def test_a_device_that_counts_nothing_signs_in_again_and_again(pool):
    """As those do that keep passkeys in a cloud."""
    device = registered(pool)
    for _ in range(2):
        device.counter = -1
        assert signed_in(pool, device)


def test_nobody_signs_in_with_what_is_somebody_elses(pool):
    pool.add("bob")
    of_ann, of_bob = registered(pool), registered(pool, "bob")
    begun, options = asked(pool, "bob")
    assert [each["id"] for each in options["allowCredentials"]] == [spelled(of_bob.id)]
    assert refused(shown, pool, begun, of_ann.show(options), "bob") == WRONG
    begun, options = asked(pool, "bob")
    of_bob.handle = of_ann.handle
    assert refused(shown, pool, begun, of_bob.show(options), "bob") == WRONG
    # Who has none is offered none, and nobody is like him.
    pool.add("eve")
    assert begin(pool, "WEB_AUTHN", "eve")["ChallengeName"] == "SELECT_CHALLENGE"


@pytest.mark.parametrize("text", ["no json", "[]", "{}", '{"id": 1}', "null"])
def test_what_is_no_answer_is_told_so(pool, text):
    registered(pool)
    assert refused(pool.answer, asked(pool)[0], CREDENTIAL=text)[0] == INVALID
    assert refused(pool.answer, asked(pool)[0]) == (INVALID, "Missing required parameter CREDENTIAL")


def test_nobody_is_told_apart_by_passkeys_where_users_are_hidden(cloud):
    pool = choosing(cloud, "WEB_AUTHN", client={"PreventUserExistenceErrors": "ENABLED"})
    configured(pool)
    pool.add()
    assert begin(pool, "WEB_AUTHN", "nobody")["AvailableChallenges"] == begin(pool, "WEB_AUTHN")["AvailableChallenges"]


def test_who_is_kept_out_is_kept_out_with_a_passkey_too(pool):
    device = registered(pool)
    begun, options = asked(pool)
    pool.idp.admin_disable_user(UserPoolId=pool.id, Username="ann")
    assert refused(shown, pool, begun, device.show(options)) == ("NotAuthorizedException", "User is disabled.")
    pool.idp.admin_enable_user(UserPoolId=pool.id, Username="ann")
    begun, options = asked(pool)
    pool.idp.admin_set_user_password(UserPoolId=pool.id, Username="ann", Password=PASSWORD, Permanent=False)
    assert refused(shown, pool, begun, device.show(options)) == WRONG
    assert refused(begin, pool, "WEB_AUTHN") == BARRED
    assert sorted(begin(pool)["AvailableChallenges"]) == ["PASSWORD", "PASSWORD_SRP"]


def test_another_relying_party_knows_nothing_of_earlier_passkeys(pool):
    """"If you change your RP ID, your users must register again with the new RP ID." """
    device = registered(pool)
    begun, options = asked(pool)
    configured(pool, RelyingPartyId="example.com")
    assert refused(shown, pool, begun, device.show(options)) == WRONG
    assert sorted(begin(pool, "WEB_AUTHN")["AvailableChallenges"]) == ["PASSWORD", "PASSWORD_SRP"]
    configured(pool)
    assert signed_in(pool, device)


# Verified users, and second factors --------------------------------------------------------------------


def test_where_users_must_be_verified_a_device_says_that_it_has_done_so(pool):
    lax = registered(pool, is_verified=False)
    assert signed_in(pool, lax)
    assert configured(pool, UserVerification="required")["WebAuthnConfiguration"] == {"RelyingPartyId": PARTY, "UserVerification": "required"}
    token = pool.sign_in()["AccessToken"]
    options = started(pool, token)
    assert options["authenticatorSelection"]["userVerification"] == "required"
    made = Authenticator(is_verified=False).make(options)
    assert refused(completed, pool, token, made)[0] == "WebAuthnCredentialNotSupportedException"
    assert asked(pool)[1]["userVerification"] == "required"
    assert refused(signed_in, pool, lax) == WRONG
    assert signed_in(pool, registered(pool))


def test_who_has_a_second_factor_needs_his_password_unless_a_passkey_stands_for_both(cloud, pool):
    """https://github.com/dmeiser/kernelworx and https://github.com/radubc/dolphin_web_admin, which tried it."""
    configured(pool, "OPTIONAL")
    device, lax = registered(pool), registered(pool, is_verified=False)
    token = with_app(cloud, pool)
    assert sorted(begin(pool)["AvailableChallenges"]) == ["PASSWORD", "PASSWORD_SRP"]
    assert refused(begin, pool, "WEB_AUTHN") == BARRED
    on, app = {"Enabled": True}, {"Enabled": True, "PreferredMfa": True}
    wish = pool.idp.set_user_mfa_preference
    assert refused(wish, AccessToken=token, SoftwareTokenMfaSettings=app, WebAuthnMfaSettings=on)[0] == INVALID
    configured(pool, "OPTIONAL", FactorConfiguration=BOTH)
    assert refused(begin, pool, "WEB_AUTHN") == BARRED
    assert refused(wish, AccessToken=token, WebAuthnMfaSettings=on) == (INVALID, "WebAuthn MFA requires enabling an additional MFA setting.")
    wish(AccessToken=token, SoftwareTokenMfaSettings=app, WebAuthnMfaSettings=on)
    told = pool.get()
    assert (told["UserMFASettingList"], told["PreferredMfaSetting"]) == (["SOFTWARE_TOKEN_MFA", "WEB_AUTHN_MFA"], "SOFTWARE_TOKEN_MFA")
    assert "WEB_AUTHN" in begin(pool)["AvailableChallenges"]
    assert asked(pool)[1]["userVerification"] == "required"
    assert signed_in(pool, device)
    assert refused(signed_in, pool, lax) == WRONG
    assert begin(pool, "PASSWORD", PASSWORD=PASSWORD)["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
    configured(pool, "OPTIONAL", FactorConfiguration="SINGLE_FACTOR")
    assert refused(begin, pool, "WEB_AUTHN") == BARRED, "he wants it still, and the pool no more"
    configured(pool, "OPTIONAL", FactorConfiguration=BOTH)
    begun, options = asked(pool)
    wish(AccessToken=token, WebAuthnMfaSettings={"Enabled": False})
    assert refused(shown, pool, begun, device.show(options)) == WRONG
    wish(AccessToken=token, SoftwareTokenMfaSettings={"Enabled": False})
    assert "UserMFASettingList" not in pool.get()
    assert signed_in(pool, device)


def test_a_passkey_stands_for_both_only_for_who_has_one(cloud, pool):
    configured(pool, "OPTIONAL", FactorConfiguration=BOTH)
    token = with_app(cloud, pool)
    said = {"SoftwareTokenMfaSettings": {"Enabled": True}, "WebAuthnMfaSettings": {"Enabled": True}}
    none = (INVALID, "User does not have applicable WebAuthn credentials to enable WebAuthn MFA.")
    assert refused(pool.idp.set_user_mfa_preference, AccessToken=token, **said) == none
    assert refused(pool.idp.admin_set_user_mfa_preference, UserPoolId=pool.id, Username="ann", **said) == none


def test_where_two_factors_are_demanded_a_passkey_opens_if_it_stands_for_both(cloud, pool):
    device = registered(pool)
    configured(pool, "ON", FactorConfiguration=BOTH)
    assert refused(begin, pool, "WEB_AUTHN") == BARRED, "nothing is set up yet, and a passkey alone shall not open"
    begun = pool.begin()
    assert begun["ChallengeName"] == "MFA_SETUP"
    pool.idp.set_user_pool_mfa_config(UserPoolId=pool.id, MfaConfiguration="OFF", WebAuthnConfiguration={"RelyingPartyId": PARTY, "FactorConfiguration": BOTH})
    configured(pool, "OPTIONAL", FactorConfiguration=BOTH)
    with_app(cloud, pool)
    configured(pool, "ON", FactorConfiguration=BOTH)
    assert refused(begin, pool, "WEB_AUTHN") == BARRED
    pool.idp.admin_set_user_mfa_preference(
        UserPoolId=pool.id, Username="ann", SoftwareTokenMfaSettings={"Enabled": True}, WebAuthnMfaSettings={"Enabled": True}
    )
    assert signed_in(pool, device)


# What an owner says ------------------------------------------------------------------------------------


def test_what_is_said_of_passkeys_is_shown_and_goes_when_it_is_not_said(pool):
    """https://github.com/go-to-k/cdkd/issues/2064: "a full replace"."""
    said = {"RelyingPartyId": PARTY, "UserVerification": "preferred", "FactorConfiguration": "SINGLE_FACTOR"}
    assert configured(pool, FactorConfiguration="SINGLE_FACTOR")["WebAuthnConfiguration"] == said
    assert pool.idp.get_user_pool_mfa_config(UserPoolId=pool.id)["WebAuthnConfiguration"] == said
    pool.idp.set_user_pool_mfa_config(UserPoolId=pool.id, MfaConfiguration="OFF")
    assert "WebAuthnConfiguration" not in pool.idp.get_user_pool_mfa_config(UserPoolId=pool.id)


@pytest.mark.parametrize("party", ["com", "co.uk", "github.io", "https://shop.example.com", "shop.example.com:443", "Shop.example.com", "127.0.0.1", "intranet", "-"])
def test_a_relying_party_is_a_domain_of_somebodys_own(pool, party):
    """"You can also configure your RP ID to be any domain name not in the public suffix list (PSL)." """
    assert refused(configured, pool, RelyingPartyId=party)[0] == INVALID


def test_passkeys_and_a_second_factor_for_all_go_together_as_aws_has_it(cloud, pool):
    """https://github.com/go-to-k/cdkd/issues/2064 and /1920, https://github.com/hashicorp/terraform-provider-aws/issues/50110"""
    single = "Cannot set WebAuthn factor configuration to SINGLE_FACTOR if MFA is required and WebAuthn is an allowed first auth factor"
    assert refused(configured, pool, "ON") == (INVALID, single)
    assert refused(configured, pool, "ON", UserVerification="required") == (INVALID, single)
    app = {"SoftwareTokenMfaConfiguration": {"Enabled": True}}
    configured(pool, "OPTIONAL")
    configured(pool, "ON", FactorConfiguration=BOTH)
    assert refused(pool.idp.set_user_pool_mfa_config, UserPoolId=pool.id, MfaConfiguration="ON", **app) == (INVALID, single)
    said = {"UserPoolId": pool.id, "MfaConfiguration": "OPTIONAL", "WebAuthnConfiguration": {"RelyingPartyId": PARTY}}
    none = "Invalid MFA Configuration given. SMS MFA, Email MFA, or Software Token MFA must be enabled."
    assert refused(pool.idp.set_user_pool_mfa_config, **said) == (INVALID, none)
    other, policies = choosing(cloud), {"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", "WEB_AUTHN"]}}
    other.idp.set_user_pool_mfa_config(UserPoolId=other.id, MfaConfiguration="ON", **app)
    text = (INVALID, "WEB_AUTHN cannot be used as an auth factor when MFA is enabled if not configured for MFA.")
    assert refused(other.idp.update_user_pool, UserPoolId=other.id, Policies=policies) == text
    configured(other, "ON", FactorConfiguration=BOTH)
    other.idp.update_user_pool(UserPoolId=other.id, Policies=policies)


def test_the_cheapest_tier_has_no_passkeys(cloud):
    lite = Pool(cloud, UserPoolTier="LITE")
    assert refused(configured, lite)[0] == "FeatureUnavailableInTierException"


def test_first_factors_that_an_update_does_not_name_stay(pool):
    """https://github.com/go-to-k/cdkd/issues/2051, which asked AWS."""
    pool.idp.update_user_pool(UserPoolId=pool.id, AutoVerifiedAttributes=["email"])
    pool.idp.update_user_pool(UserPoolId=pool.id, Policies={"PasswordPolicy": {"MinimumLength": 10}})
    policies = pool.idp.describe_user_pool(UserPoolId=pool.id)["UserPool"]["Policies"]
    assert (policies["SignInPolicy"], policies["PasswordPolicy"]["MinimumLength"]) == ({"AllowedFirstAuthFactors": ["PASSWORD", "WEB_AUTHN"]}, 10)
    pool.idp.update_user_pool(UserPoolId=pool.id, Policies={"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD"]}})
    assert begin(pool)["AvailableChallenges"] == ["PASSWORD", "PASSWORD_SRP"]


def test_no_password_is_made_up_where_there_are_passkeys(pool):
    """https://github.com/non-97/storage-browser-for-s3-sample-app: an administrator must tell one. Without one a passkey is never registered."""
    told = [{"Name": "email", "Value": ANN}]
    assert refused(pool.idp.admin_create_user, UserPoolId=pool.id, Username="bob", UserAttributes=told)[0] == INVALID
    assert refused(pool.idp.sign_up, ClientId=pool.client, Username="bob", UserAttributes=told)[0] == INVALID
    pool.idp.admin_create_user(UserPoolId=pool.id, Username="bob", TemporaryPassword=PASSWORD)
    assert pool.get("bob")["UserStatus"] == "FORCE_CHANGE_PASSWORD"


def test_what_is_deleted_takes_its_passkeys_along(cloud, pool):
    device = registered(pool)
    token = pool.sign_in()["AccessToken"]
    pool.idp.delete_user(AccessToken=token)
    pool.add()
    assert sorted(begin(pool)["AvailableChallenges"]) == ["PASSWORD", "PASSWORD_SRP"]
    registered(pool, device=device)
    pool.idp.delete_user_pool(UserPoolId=pool.id)


def drifted(cloud) -> str:
    cloud.client("cloudformation").detect_stack_drift(StackName="s")
    cloud.sleep(5)
    found = cloud.client("cloudformation").describe_stack_resource_drifts(StackName="s")["StackResourceDrifts"]
    return next(each["StackResourceDriftStatus"] for each in found if each["LogicalResourceId"] == "Pool")


def test_passkeys_need_a_library_that_says_how_it_is_had(pool, monkeypatch):
    token, device = pool.sign_in()["AccessToken"], Authenticator()
    made = device.make(started(pool, token))
    monkeypatch.setitem(sys.modules, "fido2.server", None)
    assert "kumoniwa[identity]" in refused(completed, pool, token, made)[1]


def test_a_template_says_all_of_passkeys(cloud):
    def template(**said) -> str:
        policies = {"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", "WEB_AUTHN"]}}
        app = {"UserPoolId": {"Ref": "Pool"}, "ExplicitAuthFlows": ["ALLOW_USER_AUTH", "ALLOW_USER_PASSWORD_AUTH"]}
        resources = {
            "Pool": {"Type": "AWS::Cognito::UserPool", "Properties": {"Policies": policies, **said}},
            "App": {"Type": "AWS::Cognito::UserPoolClient", "Properties": app},
        }
        return json.dumps({"Resources": resources, "Outputs": {name: {"Value": {"Ref": name}} for name in resources}})

    out, idp = outputs(create(cloud, "s", template(WebAuthnRelyingPartyID=PARTY, WebAuthnUserVerification="required"))), cloud.client("cognito-idp")
    told = idp.get_user_pool_mfa_config(UserPoolId=out["Pool"])
    assert (told["MfaConfiguration"], told["WebAuthnConfiguration"]) == ("OFF", {"RelyingPartyId": PARTY, "UserVerification": "required"})
    assert drifted(cloud) == "IN_SYNC"
    idp.set_user_pool_mfa_config(UserPoolId=out["Pool"], WebAuthnConfiguration={"RelyingPartyId": PARTY})
    assert drifted(cloud) == "MODIFIED"
    changed = template(
        WebAuthnRelyingPartyID="example.com", WebAuthnFactorConfiguration=BOTH, MfaConfiguration="OPTIONAL", EnabledMfas=["SOFTWARE_TOKEN_MFA"]
    )
    cloud.client("cloudformation").update_stack(StackName="s", TemplateBody=changed)
    assert settled(cloud, "s")["StackStatus"] == "UPDATE_COMPLETE"
    told = idp.get_user_pool_mfa_config(UserPoolId=out["Pool"])
    said = {"RelyingPartyId": "example.com", "UserVerification": "preferred", "FactorConfiguration": BOTH}
    assert (told["MfaConfiguration"], told["WebAuthnConfiguration"]) == ("OPTIONAL", said)
    cloud.client("cloudformation").update_stack(StackName="s", TemplateBody=template())
    assert settled(cloud, "s")["StackStatus"] == "UPDATE_COMPLETE"
    assert "WebAuthnConfiguration" not in idp.get_user_pool_mfa_config(UserPoolId=out["Pool"])
