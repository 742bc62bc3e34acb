"""People of a user pool: how they come in, what they change, and what an owner says of them.

The texts of refusals are AWS's, as users report them.
"""

from __future__ import annotations

import itertools
import re

import pytest
from cognito_workshop import ANN, NEW_PASSWORD, PASSWORD, Pool, attributes, claims, code_for
from lambda_workshop import make as make_function
from lambda_workshop import put_user
from mail_workshop import mails
from refusals import refused
from secret_workshop import is_on_disk

MAIL = [{"Name": "email", "Value": ANN}]


@pytest.fixture
def pool(cloud) -> Pool:
    return Pool(cloud, AutoVerifiedAttributes=["email"])


def sign_up(pool: Pool, name: str = "ann", password: str = PASSWORD, told=MAIL, **more) -> dict:
    return pool.idp.sign_up(ClientId=pool.client, Username=name, Password=password, UserAttributes=told, **more)


def confirm(pool: Pool, code: str, name: str = "ann", **more) -> dict:
    return pool.idp.confirm_sign_up(ClientId=pool.client, Username=name, ConfirmationCode=code, **more)


def test_somebody_signs_up_and_confirms_by_the_code_in_the_mail(cloud, pool):
    reply = sign_up(pool)
    assert reply["UserConfirmed"] is False
    assert reply["CodeDeliveryDetails"] == {"Destination": "a***@e***", "DeliveryMedium": "EMAIL", "AttributeName": "email"}
    assert refused(pool.begin) == ("UserNotConfirmedException", "User is not confirmed.")
    code = code_for(cloud)
    wrong = "000000" if code != "000000" else "000001"
    assert refused(confirm, pool, wrong) == ("CodeMismatchException", "Invalid verification code provided, please try again.")
    confirm(pool, code)
    assert attributes(pool.get())["email_verified"] == "true" and pool.get()["UserStatus"] == "CONFIRMED"
    assert pool.sign_in()
    assert refused(confirm, pool, code) == ("NotAuthorizedException", "User cannot be confirmed. Current status is CONFIRMED")
    assert refused(sign_up, pool) == ("UsernameExistsException", "User already exists")


def test_a_code_is_tried_five_times_and_ends_after_a_day(cloud, pool):
    sign_up(pool)
    code = code_for(cloud)
    for _ in range(5):
        assert refused(confirm, pool, "x")[0] == "CodeMismatchException"
    assert refused(confirm, pool, code) == ("LimitExceededException", "Attempt limit exceeded, please try after some time.")
    pool.idp.resend_confirmation_code(ClientId=pool.client, Username="ann")
    cloud.sleep(86_401)
    assert refused(confirm, pool, code_for(cloud)) == ("ExpiredCodeException", "Invalid code provided, please request a code again.")
    pool.idp.resend_confirmation_code(ClientId=pool.client, Username="ann")
    confirm(pool, code_for(cloud))


@pytest.mark.parametrize(
    ("password", "text"),
    [
        ("Ab1!", "Password not long enough"),
        ("secret.1234", "Password must have uppercase characters"),
        ("SECRET.1234", "Password must have lowercase characters"),
        ("Secret.abcd", "Password must have numeric characters"),
        ("Secret12345", "Password must have symbol characters"),
    ],
)
def test_a_password_keeps_to_the_policy(pool, password, text):
    assert refused(sign_up, pool, password=password) == ("InvalidPasswordException", f"Password did not conform with policy: {text}")


def test_attributes_keep_to_the_schema(cloud):
    own = {"Name": "level", "AttributeDataType": "Number", "NumberAttributeConstraints": {"MinValue": "1", "MaxValue": "9"}, "Mutable": False}
    pool = Pool(cloud, Schema=[{"Name": "email", "Required": True}, own])
    schema = pool.idp.describe_user_pool(UserPoolId=pool.id)["UserPool"]["SchemaAttributes"]
    assert next(each for each in schema if each["Name"] == "email")["Required"] and schema[-1]["Name"] == "custom:level"
    said = "Attributes did not conform to the schema: "
    for told, text in (
        ([], said + "email: The attribute email is required"),
        ([*MAIL, {"Name": "custom:other", "Value": "1"}], said + "Type for attribute {custom:other} could not be determined"),
        ([*MAIL, {"Name": "custom:level", "Value": "10"}], said + "custom:level: Number must be within its bounds"),
        ([{"Name": "email", "Value": "nobody"}], "Invalid email address format."),
    ):
        assert refused(sign_up, pool, told=told) == ("InvalidParameterException", text)
    sign_up(pool, told=[*MAIL, {"Name": "custom:level", "Value": "3"}])
    with pytest.raises(pool.idp.exceptions.InvalidParameterException):
        pool.idp.admin_update_user_attributes(UserPoolId=pool.id, Username="ann", UserAttributes=[{"Name": "custom:level", "Value": "4"}])


def limited(name: str, kind: str, **limits: str) -> dict:
    return {"Name": name, "AttributeDataType": kind, f"{kind}AttributeConstraints": limits}


SENSELESS = [
    ({"Name": "level"}, "Invalid AttributeDataType input, consider using the provided AttributeDataType enum."),
    (limited("email", "String", MinLength="few"), "Invalid StringAttributeConstraints for schema attribute email"),
    (limited("updated_at", "Number", MaxValue="many"), "Invalid NumberAttributeConstraints for schema attribute updated_at"),
    (limited("email", "String", MaxLength="2049"), "user.email: String attributes cannot have a length of more than 2048"),
    (limited("email", "String", MinLength="2", MaxLength="1"), "user.email: Max length cannot be less than min length."),
    ({"Name": "email", "DeveloperOnlyAttribute": True},
     "You can not change AttributeDataType or set developerOnlyAttribute for standard schema attribute email"),
    (limited("level", "Number", MinValue="2", MaxValue="1"), "Attribute custom:level cannot have a max value smaller than it's min value"),
    (limited("level", "String", MinLength="6", MaxLength="5"), "Attribute custom:level cannot have a max length shorter than it's min length"),
]  # fmt: skip


@pytest.mark.parametrize(("attribute", "text"), SENSELESS)
def test_a_schema_makes_sense(cloud, attribute, text):
    """The texts: moto's test_create_user_pool_…; the first is also known to https://github.com/aws-amplify/amplify-backend,
    those of customers' own limits are cdk-preflight's pf-cognito-schema-…, seen of AWS."""
    idp = cloud.client("cognito-idp")
    assert refused(idp.create_user_pool, PoolName="p", Schema=[attribute]) == ("InvalidParameterException", text)
    assert not idp.list_user_pools(MaxResults=10)["UserPools"]


RECOVERY = "Invalid account recovery setting parameter. Account Recovery Setting cannot "
NONSENSE = [
    ({"AccountRecoverySetting": {"RecoveryMechanisms": [{"Name": "verified_email", "Priority": 1}, {"Name": "verified_phone_number", "Priority": 1}]}},
     f"{RECOVERY}have duplicate priorities or recovery mechanisms."),
    ({"AccountRecoverySetting": {"RecoveryMechanisms": [{"Name": "verified_email", "Priority": 1}, {"Name": "admin_only", "Priority": 2}]}},
     f"{RECOVERY}use admin_only setting with any other recovery mechanisms."),
    ({"LambdaConfig": {"PreSignUp": "arn:aws:lambda:eu-west-1:000000000000:function:f"}}, "Cross-region lambda functions are not supported"),
    ({"LambdaConfig": {"PreTokenGeneration": "arn:aws:lambda:us-east-1:000000000000:function:f",
                       "PreTokenGenerationConfig": {"LambdaVersion": "V1_0", "LambdaArn": "arn:aws:lambda:us-east-1:000000000000:function:g"}}},
     "Cannot use PreTokenGenerationLambda and PreTokenGeneration with different Lambda function ARN's"),
    ({"UserPoolTier": "LITE", "LambdaConfig": {
        "PreTokenGenerationConfig": {"LambdaVersion": "V2_0", "LambdaArn": "arn:aws:lambda:us-east-1:000000000000:function:g"}}},
     "The following features need to be disabled for the LITE pricing tier configured: Token Customization with Pre-Token Generation Lambda V2_0"),
    ({"Policies": {"SignInPolicy": {"AllowedFirstAuthFactors": ["EMAIL_OTP"]}}},
     "Password should be configured as one of the allowed first auth factors."),
    ({"Schema": [{"Name": "dept", "AttributeDataType": "String"}] * 2},
     "Duplicate custom attribute names custom:dept are not allowed in a user pool schema."),
]  # fmt: skip


@pytest.mark.parametrize(("told", "text"), NONSENSE)
def test_a_pool_makes_sense_as_cdk_preflight_saw_it_of_aws(cloud, told, text):
    assert refused(cloud.client("cognito-idp").create_user_pool, PoolName="p", **told)[1] == text


def test_a_group_takes_a_role_of_its_own_account_and_no_factors_are_both_off_and_there(cloud, pool):
    """cdk-preflight's pf-cognito-group-role-arn-account and -mfa-off-with-enabled-mfas"""
    group = {"UserPoolId": pool.id, "GroupName": "g", "RoleArn": "arn:aws:iam::999999999999:role/r"}
    assert refused(pool.idp.create_group, **group) == ("AccessDeniedException", "Cross-account pass role is not allowed.")
    off = {"MfaConfiguration": "OFF", "SoftwareTokenMfaConfiguration": {"Enabled": True}}
    text = "Invalid MFA configuration given, can't turn off MFA and configure an MFA together."
    assert refused(pool.idp.set_user_pool_mfa_config, UserPoolId=pool.id, **off) == ("InvalidParameterException", text)


def test_an_attribute_is_added_once(cloud, pool):
    own = {"Name": "level", "AttributeDataType": "String", "DeveloperOnlyAttribute": True}
    pool.idp.add_custom_attributes(UserPoolId=pool.id, CustomAttributes=[own])
    # moto's test_add_custom_attributes_existing_attribute
    assert refused(pool.idp.add_custom_attributes, UserPoolId=pool.id, CustomAttributes=[own]) == (
        "InvalidParameterException", "custom:level: Existing attribute already has name dev:custom:level.",
    )  # fmt: skip


def test_a_client_writes_and_reads_only_its_own_attributes(cloud):
    pool = Pool(cloud, client={"WriteAttributes": ["email"], "ReadAttributes": ["email"]})
    assert refused(sign_up, pool, told=[{"Name": "given_name", "Value": "Ann"}]) == (
        "NotAuthorizedException", "A client attempted to write unauthorized attribute",
    )  # fmt: skip
    pool.add(email=ANN, given_name="Ann")
    result = pool.sign_in()
    assert "given_name" not in claims(result["IdToken"]) and claims(result["IdToken"])["email"] == ANN
    assert set(attributes(pool.idp.get_user(AccessToken=result["AccessToken"]))) == {"email", "sub"}


def test_where_people_are_known_by_their_address_it_is_theirs_alone_and_their_name_is_their_sub(cloud):
    pool = Pool(cloud, UsernameAttributes=["email"], AutoVerifiedAttributes=["email"])
    sub = sign_up(pool, ANN, told=[])["UserSub"]
    assert pool.get(ANN)["Username"] == sub and pool.get(sub)["Username"] == sub
    assert refused(sign_up, pool, ANN)[0] == "UsernameExistsException"
    assert refused(sign_up, pool, "ann") == ("InvalidParameterException", "Username should be an email.")
    either = Pool(cloud, UsernameAttributes=["phone_number", "email"])
    # moto's test_sign_up_with_username_attributes
    assert refused(sign_up, either, "ann", told=[]) == ("InvalidParameterException", "Username should be either an email or a phone number.")
    confirm(pool, code_for(cloud), ANN)
    assert claims(pool.sign_in(ANN)["IdToken"])["cognito:username"] == sub


def test_an_alias_is_taken_by_whoever_proves_it_first_unless_it_is_taken_by_force(cloud):
    pool = Pool(cloud, AliasAttributes=["email"], AutoVerifiedAttributes=["email"])
    sign_up(pool)
    confirm(pool, code_for(cloud))
    assert pool.sign_in(ANN)
    sign_up(pool, "ben")
    assert refused(confirm, pool, code_for(cloud), "ben") == ("AliasExistsException", "An account with the email already exists.")
    confirm(pool, code_for(cloud), "ben", ForceAliasCreation=True)
    assert pool.get(ANN)["Username"] == "ben" and attributes(pool.get("ann"))["email_verified"] == "false"


def test_names_are_told_apart_by_capitals_only_where_a_pool_says_so(cloud):
    plain = Pool(cloud, UsernameConfiguration={"CaseSensitive": False})
    plain.add("Ann")
    assert plain.sign_in("aNN") and plain.get("ann")["Username"] == "Ann"
    strict = Pool(cloud, UsernameConfiguration={"CaseSensitive": True})
    strict.add("Ann")
    assert refused(strict.begin, "ann")[0] == "UserNotFoundException"


def test_an_administrator_invites_by_mail_with_a_temporary_password(cloud, pool):
    reply = pool.idp.admin_create_user(UserPoolId=pool.id, Username="ann", UserAttributes=MAIL, DesiredDeliveryMediums=["EMAIL"])
    assert (reply["User"]["UserStatus"], reply["User"]["Enabled"]) == ("FORCE_CHANGE_PASSWORD", True)
    text = mails(cloud, f"?email={ANN}")[-1]["Body"]["text_part"]
    password = re.search(r"Your username is ann and temporary password is (\S+)\.", text)[1]
    assert pool.begin("ann", password)["ChallengeName"] == "NEW_PASSWORD_REQUIRED"
    pool.idp.admin_create_user(UserPoolId=pool.id, Username="ann", MessageAction="RESEND")
    assert refused(pool.begin, "ann", password)[0] == "NotAuthorizedException"
    with pytest.raises(pool.idp.exceptions.UsernameExistsException, match="User account already exists"):
        pool.idp.admin_create_user(UserPoolId=pool.id, Username="ann")


def test_a_forgotten_password_is_set_anew_by_the_code_in_the_mail(cloud, pool):
    pool.add(email=ANN)
    assert refused(pool.idp.forgot_password, ClientId=pool.client, Username="ann") == (
        "InvalidParameterException", "Cannot reset password for the user as there is no registered/verified email or phone_number",
    )  # fmt: skip
    pool.idp.admin_update_user_attributes(UserPoolId=pool.id, Username="ann", UserAttributes=[{"Name": "email_verified", "Value": "true"}])
    assert pool.idp.forgot_password(ClientId=pool.client, Username="ann")["CodeDeliveryDetails"]["Destination"] == "a***@e***"
    told = {"ClientId": pool.client, "Username": "ann", "Password": NEW_PASSWORD}
    assert refused(pool.idp.confirm_forgot_password, ConfirmationCode="x", **told)[0] == "CodeMismatchException"
    code = code_for(cloud)
    pool.idp.confirm_forgot_password(ConfirmationCode=code, **told)
    assert pool.sign_in(password=NEW_PASSWORD)
    assert refused(pool.idp.confirm_forgot_password, ConfirmationCode=code, **told)[0] == "ExpiredCodeException"


def test_somebody_changes_his_password_and_his_address(cloud, pool):
    pool.add(email=ANN, email_verified="true")
    access = pool.sign_in()["AccessToken"]
    assert refused(pool.idp.change_password, AccessToken=access, PreviousPassword="Wrong.1234", ProposedPassword=NEW_PASSWORD) == (
        "NotAuthorizedException", "Incorrect username or password.",
    )  # fmt: skip
    pool.idp.change_password(AccessToken=access, PreviousPassword=PASSWORD, ProposedPassword=NEW_PASSWORD)
    assert pool.sign_in(password=NEW_PASSWORD)
    other = "ann@example.net"
    pool.idp.update_user_attributes(AccessToken=access, UserAttributes=[{"Name": "email", "Value": other}])
    assert attributes(pool.get())["email_verified"] == "false"
    pool.idp.verify_user_attribute(AccessToken=access, AttributeName="email", Code=code_for(cloud, other))
    assert (attributes(pool.get())["email"], attributes(pool.get())["email_verified"]) == (other, "true")
    pool.idp.delete_user(AccessToken=access)
    assert refused(pool.get) == ("UserNotFoundException", "User does not exist.")


def test_none_of_the_last_passwords_is_taken_again_wherever_one_is_set(cloud):
    """https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_PasswordPolicyType.html; the model names the operations."""
    policy = {"MinimumLength": 8, "PasswordHistorySize": 3}
    pool = Pool(cloud, Policies={"PasswordPolicy": policy}, AutoVerifiedAttributes=["email"])
    idp = pool.idp
    assert idp.describe_user_pool(UserPoolId=pool.id)["UserPool"]["Policies"]["PasswordPolicy"]["PasswordHistorySize"] == 3
    idp.admin_create_user(
        UserPoolId=pool.id, Username="ann", TemporaryPassword="password-1", MessageAction="SUPPRESS",
        UserAttributes=[{"Name": "email", "Value": ANN}, {"Name": "email_verified", "Value": "true"}],
    )  # fmt: skip
    code = "PasswordHistoryPolicyViolationException"
    challenge = pool.begin(password="password-1")
    assert refused(pool.answer, challenge, NEW_PASSWORD="password-1")[0] == code
    access = pool.answer(challenge, NEW_PASSWORD="password-2")["AuthenticationResult"]["AccessToken"]
    change = {"AccessToken": access, "PreviousPassword": "password-2"}
    assert [refused(idp.change_password, **change, ProposedPassword=f"password-{n}")[0] for n in (1, 2)] == [code] * 2
    idp.change_password(**change, ProposedPassword="password-3")
    idp.admin_set_user_password(UserPoolId=pool.id, Username="ann", Password="password-4", Permanent=True)
    assert refused(idp.admin_set_user_password, UserPoolId=pool.id, Username="ann", Password="password-2", Permanent=True)[0] == code
    idp.forgot_password(ClientId=pool.client, Username="ann")
    told = {"ClientId": pool.client, "Username": "ann", "ConfirmationCode": code_for(cloud)}
    assert refused(idp.confirm_forgot_password, **told, Password="password-3")[0] == code
    # The fourth before is forgotten.
    idp.confirm_forgot_password(**told, Password="password-1")
    assert pool.sign_in(password="password-1")
    assert not is_on_disk(cloud, "password-4")


def test_whoever_has_a_password_when_a_history_is_asked_for_may_not_take_it_again(cloud, pool):
    pool.add()
    policies = {"PasswordPolicy": {"MinimumLength": 8, "PasswordHistorySize": 1}}
    pool.idp.update_user_pool(UserPoolId=pool.id, Policies=policies)
    change = {"AccessToken": pool.sign_in()["AccessToken"], "PreviousPassword": PASSWORD}
    assert refused(pool.idp.change_password, **change, ProposedPassword=PASSWORD)[0] == "PasswordHistoryPolicyViolationException"
    pool.idp.change_password(**change, ProposedPassword=NEW_PASSWORD)
    assert refused(pool.idp.update_user_pool, UserPoolId=pool.id, Policies=policies, UserPoolTier="LITE")[0] == "FeatureUnavailableInTierException"


def test_an_address_may_have_to_be_proven_before_it_takes_the_place_of_the_old_one(cloud):
    settings = {"AttributesRequireVerificationBeforeUpdate": ["email"]}
    pool = Pool(cloud, AutoVerifiedAttributes=["email"], UserAttributeUpdateSettings=settings)
    pool.add(email=ANN, email_verified="true")
    access, other = pool.sign_in()["AccessToken"], "ann@example.net"
    pool.idp.update_user_attributes(AccessToken=access, UserAttributes=[{"Name": "email", "Value": other}])
    assert attributes(pool.get())["email"] == ANN
    pool.idp.verify_user_attribute(AccessToken=access, AttributeName="email", Code=code_for(cloud, other))
    assert attributes(pool.get())["email"] == other


def test_an_address_that_an_administrator_calls_proven_gets_the_code_however_he_spells_that(cloud, pool):
    """Moto verified "True" on AWS: test_forgot_password_with_email_delivery_details."""
    pool.add(email=ANN, email_verified="True")
    assert attributes(pool.get())["email_verified"] == "true"
    told = pool.idp.forgot_password(ClientId=pool.client, Username="ann")["CodeDeliveryDetails"]
    assert told == {"Destination": "a***@e***", "DeliveryMedium": "EMAIL", "AttributeName": "email"}


def test_a_user_who_was_just_made_was_never_changed(cloud, pool, monkeypatch):
    """moto's test_new_user_contains_same_created_and_updated_dates"""
    clock, ticks = cloud.region().clock, itertools.count()
    read = type(clock).now
    monkeypatch.setattr(type(clock), "now", lambda self: read(self) + next(ticks) * 1e-3)
    user = pool.idp.admin_create_user(UserPoolId=pool.id, Username="ann", MessageAction="SUPPRESS")["User"]
    assert user["UserCreateDate"] == user["UserLastModifiedDate"]


def test_all_attributes_that_cannot_be_deleted_are_named(pool):
    """moto's test_admin_delete_user_attributes_non_existing_attribute"""
    pool.add()
    names = ["nickname", "custom:foo", "custom:bar"]
    code, text = refused(pool.idp.admin_delete_user_attributes, UserPoolId=pool.id, Username="ann", UserAttributeNames=names)
    lines = [f"user.custom:{name}: Attribute does not exist in the schema.\n" for name in ("foo", "bar")]
    assert (code, text) == ("InvalidParameterException", f"Invalid user attributes: {''.join(lines)}")


def test_a_text_of_the_template_has_an_older_name_too(cloud):
    """moto's test_create_user_pool__overwrite_template_messages"""
    idp = cloud.client("cognito-idp")
    template = {"EmailMessage": "code {####}", "EmailSubject": "code", "SmsMessage": "{####}"}
    pool = idp.create_user_pool(PoolName="p", VerificationMessageTemplate=template)["UserPool"]
    assert [pool[name] for name in ("EmailVerificationMessage", "EmailVerificationSubject", "SmsVerificationMessage")] == list(template.values())
    idp.update_user_pool(UserPoolId=pool["Id"], EmailVerificationMessage="new {####}")
    shown = idp.describe_user_pool(UserPoolId=pool["Id"])["UserPool"]["VerificationMessageTemplate"]
    assert shown == {"DefaultEmailOption": "CONFIRM_WITH_CODE", "EmailMessage": "new {####}"}


def test_users_are_found_by_filters(pool):
    pool.add("ann", email=ANN)
    pool.add("ben", email="ben@example.net")
    pool.idp.admin_disable_user(UserPoolId=pool.id, Username="ben")

    def found(text: str | None = None, **more) -> list[str]:
        return [each["Username"] for each in pool.idp.list_users(UserPoolId=pool.id, **({"Filter": text} if text else {}), **more)["Users"]]

    assert found() == ["ann", "ben"]
    assert found('email = "ben@example.net"') == found('email^="ben"') == found('status = "Disabled"') == ["ben"]
    assert found('username = "ann"') == ["ann"] and found('cognito:user_status = "CONFIRMED"') == ["ann", "ben"]
    (first,) = pool.idp.list_users(UserPoolId=pool.id, Limit=1)["Users"]
    assert first["Username"] == "ann"
    assert pool.idp.list_users(UserPoolId=pool.id, AttributesToGet=["email"])["Users"][0]["Attributes"] == MAIL
    assert refused(found, "email") == ("InvalidParameterException", "Error while parsing filter")


def test_pages_of_users_follow_each_other(pool):
    for name in ("a", "b", "c"):
        pool.add(name)
    pages = list(pool.idp.get_paginator("list_users").paginate(UserPoolId=pool.id, PaginationConfig={"PageSize": 2}))
    assert [[user["Username"] for user in page["Users"]] for page in pages] == [["a", "b"], ["c"]]


def test_groups_have_members(pool):
    pool.add()
    pool.idp.create_group(GroupName="staff", UserPoolId=pool.id, Description="d")
    with pytest.raises(pool.idp.exceptions.GroupExistsException):
        pool.idp.create_group(GroupName="staff", UserPoolId=pool.id)
    pool.idp.admin_add_user_to_group(UserPoolId=pool.id, Username="ann", GroupName="staff")
    assert [each["Username"] for each in pool.idp.list_users_in_group(UserPoolId=pool.id, GroupName="staff")["Users"]] == ["ann"]
    assert pool.idp.update_group(GroupName="staff", UserPoolId=pool.id, Precedence=3)["Group"]["Precedence"] == 3
    pool.idp.delete_group(GroupName="staff", UserPoolId=pool.id)
    assert pool.idp.admin_list_groups_for_user(UserPoolId=pool.id, Username="ann")["Groups"] == []


def test_a_pool_is_described_changed_and_deleted_with_all_that_is_in_it(pool):
    shown = pool.idp.describe_user_pool(UserPoolId=pool.id)["UserPool"]
    assert (shown["MfaConfiguration"], shown["DeletionProtection"], shown["AutoVerifiedAttributes"]) == ("OFF", "INACTIVE", ["email"])
    assert shown["Policies"]["PasswordPolicy"]["MinimumLength"] == 8
    assert shown["Arn"] == f"arn:aws:cognito-idp:us-east-1:000000000000:userpool/{pool.id}"
    pool.idp.update_user_pool(UserPoolId=pool.id, DeletionProtection="ACTIVE", UserPoolTags={"a": "b"})
    with pytest.raises(pool.idp.exceptions.InvalidParameterException, match="deletion protection is activated"):
        pool.idp.delete_user_pool(UserPoolId=pool.id)
    pool.idp.update_user_pool(UserPoolId=pool.id)
    assert pool.idp.list_tags_for_resource(ResourceArn=shown["Arn"])["Tags"] == {"a": "b"}
    pool.idp.delete_user_pool(UserPoolId=pool.id)
    assert refused(pool.idp.describe_user_pool, UserPoolId=pool.id) == ("ResourceNotFoundException", f"User pool {pool.id} does not exist.")
    assert refused(pool.begin) == ("ResourceNotFoundException", f"User pool client {pool.client} does not exist.")


@pytest.mark.parametrize("settings", [{"UserPoolAddOns": {"AdvancedSecurityMode": "ENFORCED"}}, {"UserPoolTier": "PLUS"}])
def test_what_is_not_built_is_refused_by_name(cloud, settings):
    assert refused(Pool, cloud, **settings)[0] == "NotImplemented"


def test_passwords_secrets_codes_and_keys_do_not_lie_open_on_the_disk(cloud):
    pool = Pool(cloud, client={"GenerateSecret": True}, MfaConfiguration="OFF")
    pool.add()
    result = pool.sign_in()
    pool.idp.set_user_pool_mfa_config(UserPoolId=pool.id, MfaConfiguration="OPTIONAL", SoftwareTokenMfaConfiguration={"Enabled": True})
    seed = pool.idp.associate_software_token(AccessToken=result["AccessToken"])["SecretCode"]
    cloud.restart()
    assert pool.sign_in()
    for text in (PASSWORD, pool.secret, seed, result["RefreshToken"]):
        assert not is_on_disk(cloud, text)
    assert is_on_disk(cloud, pool.client)


def test_a_user_of_iam_needs_the_right_for_the_pool_that_he_asks_about(cloud, pool):
    put_user(cloud, "reader", "AKIAREADER", "cognito-idp:DescribeUserPool")
    reader = cloud.client("cognito-idp", key="AKIAREADER", secret="secret")
    assert reader.describe_user_pool(UserPoolId=pool.id)["UserPool"]["Name"] == "people"
    assert refused(reader.list_users, UserPoolId=pool.id)[0] == "AccessDeniedException"


# Functions that are asked -------------------------------------------------------------------------

FUNCTION = """
import itertools
import json
def handler(event, context):
    source, response, request = event["triggerSource"], event["response"], event["request"]
    if source == "PreSignUp_SignUp":
        if event["userName"] == "evil":
            raise Exception("no evil")
        response["autoConfirmUser"] = response["autoVerifyEmail"] = True
    elif source == "CustomMessage_ForgotPassword":
        response["emailSubject"], response["emailMessage"] = "Lost?", "Take " + request["codeParameter"]
    elif source.startswith("TokenGeneration"):
        response["claimsOverrideDetails"] = {
            "claimsToAddOrOverride": {"tenant": "blue", "sub": "forged"}, "claimsToSuppress": ["email"],
            "groupOverrideDetails": {"groupsToOverride": ["made-up"]},
        }
    elif source == "DefineAuthChallenge_Authentication":
        past = request["session"]
        response["issueTokens"] = bool(past) and past[-1]["challengeResult"]
        response["failAuthentication"] = len(past) >= 3 and not response["issueTokens"]
        response["challengeName"] = "CUSTOM_CHALLENGE"
    elif source == "CreateAuthChallenge_Authentication":
        response["publicChallengeParameters"] = {"question": "2+2"}
        response["privateChallengeParameters"] = {"answer": "4"}
    elif source == "VerifyAuthChallengeResponse_Authentication":
        response["answerCorrect"] = request["challengeAnswer"] == request["privateChallengeParameters"]["answer"]
    elif source == "UserMigration_Authentication":
        if request["password"] != "Secret.1234":
            raise Exception("unknown")
        response["userAttributes"], response["finalUserStatus"] = {"email": "old@example.com", "email_verified": "true"}, "CONFIRMED"
    return event
"""


def with_function(cloud, *kinds: str, **more) -> Pool:
    arn = make_function(cloud, FUNCTION)["FunctionArn"]
    cloud.client("lambda").add_permission(FunctionName="f", StatementId="a", Action="lambda:InvokeFunction", Principal="cognito-idp.amazonaws.com")
    return Pool(cloud, LambdaConfig=dict.fromkeys(kinds, arn), **more)


def test_a_function_confirms_or_refuses_who_signs_up(cloud):
    pool = with_function(cloud, "PreSignUp", AutoVerifiedAttributes=["email"])
    assert sign_up(pool)["UserConfirmed"] is True and attributes(pool.get())["email_verified"] == "true"
    assert refused(sign_up, pool, "evil") == ("UserLambdaValidationException", "PreSignUp failed with error no evil.")


def test_a_function_words_the_mail_and_the_claims_but_not_who_somebody_is(cloud):
    pool = with_function(cloud, "CustomMessage", "PreTokenGeneration")
    sub = pool.add(email=ANN, email_verified="true")
    told = claims(pool.sign_in()["IdToken"])
    assert (told["tenant"], told["sub"], told["cognito:groups"]) == ("blue", sub, ["made-up"]) and "email" not in told
    pool.idp.forgot_password(ClientId=pool.client, Username="ann")
    letter = mails(cloud, f"?email={ANN}")[-1]
    assert letter["Subject"] == "Lost?" and re.fullmatch(r"Take \d{6}\s*", letter["Body"]["text_part"])


def test_functions_lead_a_sign_in_of_their_own(cloud):
    pool = with_function(cloud, "DefineAuthChallenge", "CreateAuthChallenge", "VerifyAuthChallengeResponse")
    pool.add()

    def begin() -> dict:
        return pool.idp.initiate_auth(ClientId=pool.client, AuthFlow="CUSTOM_AUTH", AuthParameters={"USERNAME": "ann"})

    begun = begin()
    assert (begun["ChallengeName"], begun["ChallengeParameters"]) == ("CUSTOM_CHALLENGE", {"USERNAME": "ann", "question": "2+2"})
    again = pool.answer(begun, ANSWER="5")
    assert again["ChallengeName"] == "CUSTOM_CHALLENGE"
    assert pool.answer(again, ANSWER="4")["AuthenticationResult"]["IdToken"]
    assert refused(pool.answer, begun, ANSWER="4")[0] == "NotAuthorizedException"
    third = pool.answer(pool.answer(begin(), ANSWER="1"), ANSWER="2")
    assert refused(pool.answer, third, ANSWER="3") == ("NotAuthorizedException", "Incorrect username or password.")


def test_who_has_never_changed_his_first_password_may_sign_in_without_one(cloud):
    # aws-samples/amazon-cognito-passwordless-auth, issue 194: the state "does not prevent signing in with custom auth flows".
    pool = with_function(cloud, "DefineAuthChallenge", "CreateAuthChallenge", "VerifyAuthChallengeResponse")
    pool.idp.admin_create_user(UserPoolId=pool.id, Username="ann", MessageAction="SUPPRESS")
    begun = pool.idp.initiate_auth(ClientId=pool.client, AuthFlow="CUSTOM_AUTH", AuthParameters={"USERNAME": "ann"})
    assert pool.answer(begun, ANSWER="4")["AuthenticationResult"]["IdToken"]
    assert pool.get()["UserStatus"] == "FORCE_CHANGE_PASSWORD"


def test_a_function_vouches_for_somebody_from_elsewhere(cloud):
    pool = with_function(cloud, "UserMigration")
    assert refused(pool.begin, "old", "Wrong.1234")[0] == "NotAuthorizedException"
    assert claims(pool.sign_in("old")["IdToken"])["email"] == "old@example.com"
    assert pool.get("old")["UserStatus"] == "CONFIRMED"


def test_a_function_that_does_not_let_cognito_in_stops_the_sign_up(cloud):
    arn = make_function(cloud, FUNCTION)["FunctionArn"]
    pool = Pool(cloud, LambdaConfig={"PreSignUp": arn})
    assert refused(sign_up, pool) == ("UnexpectedLambdaException", "PreSignUp invocation failed due to error AccessDeniedException.")
