"""What AWS refuses of Cognito, in its words as cdk-preflight saw them in live deployments (rules/cognito): each case is named after its rule, without
"pf-cognito-". It told no codes; they are those of other refusals of the same operation. https://github.com/badmintoncryer/cdk-preflight"""

from __future__ import annotations

import pytest
from refusals import refused

INVALID, TIER, FLOW = "InvalidParameterException", "FeatureUnavailableInTierException", "InvalidOAuthFlowException"
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"
NO_KEY = "KMSKeyId parameter is required when Custom SMS/Email Lambda trigger is used."
TEXT = r"[\p{L}\p{M}\p{S}\p{N}\p{P}\s*]*"
CODE, LINK, SMS = rf"{TEXT}\{{####\}}{TEXT}", rf"{TEXT}\{{##{TEXT}##\}}{TEXT}", r"(?s).*\{####\}(?s).*"
LITE = "The following features need to be disabled for the LITE pricing tier configured: {}"
URLS = [f"https://example.com/cb{number}" for number in range(101)]
NO_SMS = "SMS configuration and Auto verification for phone_number are required when MFA is required/optional"
NO_CLIENT = "Invalid {} attributes specified while creating a client"
GETTER = "1 validation error detected: Value 'PUT' at 'providerConfiguration.oidcConfig.attributesRequestMethod' failed to satisfy constraint: Member must satisfy enum value set: [POST, GET]"
OIDC = {"client_id": "x", "authorize_scopes": "openid", "oidc_issuer": "https://a.example", "attributes_request_method": "GET"}


def constraint(value, where, what):
    return f"1 validation error detected: Value '{value}' at '{where}' failed to satisfy constraint: Member must {what}"


def at_most(value, where, most):
    return constraint(value, where, f"have value less than or equal to {most}")


def matching(value, where, pattern):
    return constraint(value, where, f"satisfy regular expression pattern: {pattern}")


def shorter(value, where, most):
    return constraint(value, where, f"have length less than or equal to {most}")


def of_two(name, where):
    return constraint(f"[{name}]", where, "satisfy constraint: [Member must satisfy enum value set: [phone_number, email]]")


def pool(**said):
    return "create_user_pool", {"PoolName": "p"} | said


def password(**said):
    return pool(Policies={"PasswordPolicy": {"MinimumLength": 8} | said})


def mail(**said):
    return pool(EmailConfiguration=said)


def template(**said):
    return pool(VerificationMessageTemplate=said)


def invited(**said):
    return pool(AdminCreateUserConfig={"InviteMessageTemplate": said})


def attribute(name, kind="String", **more):
    return pool(Schema=[{"Name": name, "AttributeDataType": kind} | more])


def client(**said):
    return "create_user_pool_client", {"ClientName": "c"} | said


def oauth(**change):
    return client(**{"AllowedOAuthFlowsUserPoolClient": True, "AllowedOAuthFlows": ["code"], "AllowedOAuthScopes": ["openid"], "CallbackURLs": URLS[:1]} | change)


def server(identifier="api", scopes=()):
    return "create_resource_server", {"Identifier": identifier, "Name": "n", "Scopes": [{"ScopeName": name, "ScopeDescription": "d"} for name in scopes]}


def provider(name="oidc", kind="OIDC", details=None, **more):
    return "create_identity_provider", {"ProviderName": name, "ProviderType": kind, "ProviderDetails": OIDC if details is None else details} | more


SERVER = r"[\x21\x23-\x5B\x5D-\x7E]+"
SCOPE = r"[\x21\x23-\x2E\x30-\x5B\x5D-\x7E]+"
SCOPES = ", ".join(f"ResourceServerScopeType(scopeName=s{number}, scopeDescription=d)" for number in range(101))
OWN = [f"c{number}" for number in range(51)]
ATTRIBUTES = ", ".join(
    f"SchemaAttributeType(name={name}, attributeDataType=String, developerOnlyAttribute=null, mutable=null, required=null, "
    "numberAttributeConstraints=null, stringAttributeConstraints=null)" for name in OWN
)  # fmt: skip
RECOVERY = "[RecoveryOptionType(priority=1, name=verified_email), RecoveryOptionType(priority=2, name=verified_phone_number), RecoveryOptionType(priority=3, name=admin_only)]"
CASES = [
    ("auto-verified-attributes-enum", pool(AutoVerifiedAttributes=["given_name"]), of_two("given_name", "autoVerifiedAttributes")),
    ("auto-verified-username-consistency", pool(AutoVerifiedAttributes=["phone_number"]),
     "SMS configuration is required when phone_number is selected for auto verification"),
    ("callback-urls-max", oauth(CallbackURLs=URLS), shorter(f"[{', '.join(URLS)}]", "callbackURLs", 100)),
    ("client-credentials-exclusive", oauth(AllowedOAuthFlows=["client_credentials", "code"], GenerateSecret=True),
     (FLOW, "client_credentials flow can not be selected along with code flow or implicit flow.")),
    ("client-credentials-secret", oauth(AllowedOAuthFlows=["client_credentials"]),
     (FLOW, "client_credentials flow can not be selected if client does not have a client secret.")),
    # That CloudFormation shows "????" for what is no ASCII is its affair.
    ("client-name", client(ClientName="テスト用"), matching("テスト用", "clientName", r"[\w\s+=,.@-]+")),
    ("user-pool-name", pool(PoolName="テスト用"), matching("テスト用", "poolName", r"[\w\s+=,.@-]+")),
    ("custom-email-sender-kms", pool(LambdaConfig={"CustomEmailSender": {"LambdaVersion": "V1_0", "LambdaArn": FUNCTION}}), NO_KEY),
    ("custom-sms-sender-kms", pool(LambdaConfig={"CustomSMSSender": {"LambdaVersion": "V1_0", "LambdaArn": FUNCTION}}), NO_KEY),
    ("custom-sender-kms-region", pool(LambdaConfig={"CustomEmailSender": {"LambdaVersion": "V1_0", "LambdaArn": FUNCTION},
                                                    "KMSKeyID": "arn:aws:kms:ap-northeast-1:000000000000:key/11111111-2222-3333-4444-555555555555"}),
     "Encountered error when CreateGrant was attempted on the input KMS key - Invalid arn ap-northeast-1"),
    ("email-developer-requires-sourcearn", mail(EmailSendingAccount="DEVELOPER"), "Source ARN is required to use DEVELOPER email sending owner"),
    ("email-from-format", mail(From="not an address"), "Provided From email address is invalid"),
    ("email-reply-to-format", mail(ReplyToEmailAddress="not an address"),
     matching("not an address", "emailConfiguration.replyToEmailAddress", r"[\p{L}\p{M}\p{S}\p{N}\p{P}]+@[\p{L}\p{M}\p{S}\p{N}\p{P}]+")),
    ("email-cognito-default-with-sourcearn", mail(EmailSendingAccount="COGNITO_DEFAULT", SourceArn="arn:aws:ses:us-east-1:000000000000:identity/a@b.example"),
     ("InvalidEmailRoleAccessPolicyException", "Cognito is not allowed to use your email identity")),
    ("sms-caller-arn-account", pool(SmsConfiguration={"SnsCallerArn": "arn:aws:iam::111111111111:role/r"}), ("AccessDeniedException", "Cross-account pass role is not allowed.")),
    ("sms-configuration-sns-region", pool(SmsConfiguration={"SnsCallerArn": "arn:aws:iam::000000000000:role/r", "SnsRegion": "ap-northeast-1"}),
     "Invalid snsRegion. Allowed SNS region for us-east-1 is us-east-1"),
    ("email-sourcearn-region", mail(EmailSendingAccount="DEVELOPER", SourceArn="arn:aws:ses:ap-northeast-1:000000000000:identity/a@b.example"),
     "Invalid EmailConfiguration.SourceArn. Provided SourceArn must be in one of the following SES regions: eu-west-1, us-east-1, us-west-2."),
    ("email-verification-message-placeholder", pool(EmailVerificationMessage="Your verification code."), matching("Your verification code.", "emailVerificationMessage", CODE)),
    ("invite-message-username-placeholder", invited(EmailMessage="Welcome aboard."), matching("Welcome aboard.", "adminCreateUserConfig.inviteMessage.emailMessage", CODE)),
    ("invite-sms-message-placeholder", invited(SMSMessage="Welcome aboard."), matching("Welcome aboard.", "adminCreateUserConfig.inviteMessage.smsMessage", SMS)),
    ("sms-authentication-message-placeholder", pool(SmsAuthenticationMessage="Your MFA code."), matching("Your MFA code.", "smsAuthenticationMessage", SMS)),
    ("sms-verification-message-placeholder", pool(SmsVerificationMessage="Your verification code."), matching("Your verification code.", "smsVerificationMessage", SMS)),
    ("verification-code-placeholder", template(EmailMessage="Your code."), matching("Your code.", "verificationMessageTemplate.emailMessage", CODE)),
    ("verification-link-placeholder", template(EmailMessageByLink="Click to verify."), matching("Click to verify.", "verificationMessageTemplate.emailMessageByLink", LINK)),
    ("verification-sms-placeholder", template(SmsMessage="Your code."), matching("Your code.", "verificationMessageTemplate.smsMessage", SMS)),
    ("verification-email-subject-length", template(EmailSubject="S" * 141), shorter("S" * 141, "verificationMessageTemplate.emailSubject", 140)),
    ("mfa-sms-config", pool(MfaConfiguration="ON"), NO_SMS),
    ("mfa-sms-config", pool(MfaConfiguration="OPTIONAL"), NO_SMS),
    ("password-history-size-range", password(PasswordHistorySize=25), at_most(25, "policies.passwordPolicy.passwordHistorySize", 24)),
    ("password-min-length", password(MinimumLength=4), constraint(4, "policies.passwordPolicy.minimumLength", "have value greater than or equal to 6")),
    ("password-min-length", password(MinimumLength=200), at_most(200, "policies.passwordPolicy.minimumLength", 99)),
    ("temporary-password-validity-range", password(TemporaryPasswordValidityDays=366), at_most(366, "policies.passwordPolicy.temporaryPasswordValidityDays", 365)),
    ("unused-account-validity-range", pool(AdminCreateUserConfig={"UnusedAccountValidityDays": 366}), at_most(366, "adminCreateUserConfig.unusedAccountValidityDays", 365)),
    ("unused-account-validity-exclusive", pool(AdminCreateUserConfig={"UnusedAccountValidityDays": 7}, Policies={"PasswordPolicy": {"MinimumLength": 8, "TemporaryPasswordValidityDays": 7}}),
     "Please use TemporaryPasswordValidityDays in PasswordPolicy instead of UnusedAccountValidityDays"),
    ("recovery-mechanisms-max", pool(AccountRecoverySetting={"RecoveryMechanisms": [
        {"Priority": 1, "Name": "verified_email"}, {"Priority": 2, "Name": "verified_phone_number"}, {"Priority": 3, "Name": "admin_only"}]}),
     f"2 validation errors detected: Value '{RECOVERY}' at 'accountRecoverySetting.recoveryMechanisms' failed to satisfy constraint: Member must have length less than or equal to 2; "
     "Value '3' at 'accountRecoverySetting.recoveryMechanisms.3.member.priority' failed to satisfy constraint: Member must have value less than or equal to 2"),
    ("schema-attr-max", pool(Schema=[{"Name": name, "AttributeDataType": "String"} for name in OWN]), shorter(f"[{ATTRIBUTES}]", "schema", 50)),
    ("schema-custom-name-length", attribute("a" * 21), shorter("a" * 21, "schema.1.member.name", 20)),
    ("schema-custom-required", attribute("level", Required=True), "Required custom attributes are not supported currently."),
    ("signin-policy-webauthn-tier", pool(UserPoolTier="LITE", Policies={"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", "WEB_AUTHN"]}}),
     (TIER, LITE.format("Passwordless Sign-In"))),
    ("user-attribute-update-requires-auto-verified", pool(UserAttributeUpdateSettings={"AttributesRequireVerificationBeforeUpdate": ["email"]}),
     "All attributes in AttributesRequireVerificationBeforeUpdate must exist in AutoVerifiedAttributes"),
    ("user-attribute-update-settings-enum", pool(UserAttributeUpdateSettings={"AttributesRequireVerificationBeforeUpdate": ["given_name"]}),
     of_two("given_name", "userAttributeUpdateSettings.attributesRequireVerificationBeforeUpdate")),
    ("read-attributes-exists", client(ReadAttributes=["custom:none"]), NO_CLIENT.format("read")),
    *[("write-attributes-immutable", client(WriteAttributes=[name]), NO_CLIENT.format("write")) for name in ("email_verified", "phone_number_verified", "sub")],
    *[("token-validity-range", client(**said), "Invalid range for token validity.") for said in (
        {"AccessTokenValidity": 25, "TokenValidityUnits": {"AccessToken": "hours"}}, {"RefreshTokenValidity": 30, "TokenValidityUnits": {"RefreshToken": "minutes"}},
        {"RefreshTokenValidity": 4000, "TokenValidityUnits": {"RefreshToken": "days"}}, {"IdTokenValidity": 25}, {"RefreshTokenValidity": 4000})],
    ("supported-identity-providers-exists", client(SupportedIdentityProviders=["Google"]), "The provider Google does not exist for User Pool {pool}."),
    ("resource-server-identifier-charset", server("my api"), matching("my api", "identifier", SERVER)),
    ("resource-server-scope-name-charset", server(scopes=["read all"]), matching("read all", "scopes.1.member.scopeName", SCOPE)),
    ("resource-server-scopes-max", server(scopes=[f"s{number}" for number in range(101)]), shorter(f"[{SCOPES}]", "scopes", 100)),
    ("idp-oidc-attributes-request-method", provider(details=OIDC | {"attributes_request_method": "PUT"}), GETTER),
    ("idp-oidc-issuer-https", provider(details=OIDC | {"oidc_issuer": "http://a.example"}), "OIDC endpoint must start with https://"),
    ("idp-oidc-required-keys", provider(details={"client_id": "x", "client_secret": "y"}),
     "clientId, authorizeScopes, oidcIssuer and attributesRequestMethod are all required idp details."),
    ("idp-provider-name-length", provider("p" * 33), shorter("p" * 33, "providerName", 32)),
    ("idp-identifiers-max", provider(IdpIdentifiers=[f"id{number}" for number in range(51)]),
     shorter(f"[{', '.join(f'id{number}' for number in range(51))}]", "idpIdentifiers", 50)),
    ("idp-social-provider-name-fixed", provider("MyGoogle", "Google"), "Provider MyGoogle cannot be of type Google."),
    ("idp-social-required-keys", provider("Google", "Google", {"client_id": "x"}), "clientId, clientSecret and authorizeScopes are all required idp details."),
    ("idp-apple-required-keys", provider("SignInWithApple", "SignInWithApple", {"client_id": "x"}), "clientId, privateKey, teamId, and keyId are all required idp details."),
    ("idp-saml-metadata-required", provider("saml", "SAML", {"IDPSignout": "true"}), "At least one of the MetadataURL or MetadataFile should be provided."),
    ("idp-saml-metadata-exclusive", provider("saml", "SAML", {"MetadataURL": "https://a.example", "MetadataFile": "<a/>"}),
     "Only one of the MetadataURL or MetadataFile should be provided."),
]  # fmt: skip


@pytest.mark.parametrize("rule, asked, expected", CASES, ids=[rule for rule, *_ in CASES])
def test_what_aws_refuses_is_refused_in_its_words(cloud, rule, asked, expected):
    idp = cloud.client("cognito-idp", parameter_validation=False)
    method, said = asked
    held = ""
    if method != "create_user_pool":
        held = idp.create_user_pool(PoolName="held")["UserPool"]["Id"]
        said = {"UserPoolId": held} | said
    code, text = expected if isinstance(expected, tuple) else (INVALID, expected)
    assert refusal(idp, method, said) == (code, text.replace("{pool}", held))


def refusal(client, method, said) -> tuple[str, str]:
    return refused(getattr(client, method), **said)


def test_the_newer_managed_login_is_not_of_the_cheapest_tier(cloud):
    # managed-login-version-tier
    idp = cloud.client("cognito-idp")
    held = idp.create_user_pool(PoolName="p", UserPoolTier="LITE")["UserPool"]["Id"]
    text = "The following feature is not available for the LITE pricing tier configured: Managed Login Version 2"
    assert refusal(idp, "create_user_pool_domain", {"UserPoolId": held, "Domain": "shop", "ManagedLoginVersion": 2}) == (TIER, text)


# Identity pools -------------------------------------------------------------------------------------------------


def test_identity_pools_refuse_in_awss_words(cloud):
    # developer-provider-name-format, role-attachment-roles-keys, role-mapping-rule-match-type, role-mapping-rules-max
    pools = cloud.client("cognito-identity")
    wrong = {"IdentityPoolName": "p", "AllowUnauthenticatedIdentities": True, "DeveloperProviderName": "my provider"}
    assert refusal(pools, "create_identity_pool", wrong)[1] == matching("my provider", "developerProviderName", r"[\w._-]+")
    held = pools.create_identity_pool(IdentityPoolName="p", AllowUnauthenticatedIdentities=True)["IdentityPoolId"]
    role, key = "arn:aws:iam::000000000000:role/r", "cognito-idp.us-east-1.amazonaws.com/us-east-1_abcdefghi:abcdefghijklmnopqrstuvwxyz"
    text = refusal(pools, "set_identity_pool_roles", {"IdentityPoolId": held, "Roles": {"admin": role}})[1]
    assert text.startswith(
        f"1 validation error detected: Value '{{admin={role}}}' at 'roles' failed to satisfy constraint: Map keys must satisfy constraint: [Member must "
        "have length less than or equal to 128, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: "
    )  # fmt: skip

    def ruled(number, match="Equals"):
        rules = [{"Claim": "c", "MatchType": match, "Value": "v", "RoleARN": role}] * number
        mapping = {"Type": "Rules", "AmbiguousRoleResolution": "Deny", "RulesConfiguration": {"Rules": rules}}
        return {"IdentityPoolId": held, "Roles": {}, "RoleMappings": {key: mapping}}

    assert refusal(pools, "set_identity_pool_roles", ruled(1, "Matches"))[1].startswith(
        constraint("Matches", f"roleMappings.{key}.member.rulesConfiguration.rules.1.member.matchType", "satisfy enum value set: [NotEqual, StartsWith, Contains, Equals]")
    )
    assert refusal(pools, "set_identity_pool_roles", ruled(26)) == (INVALID, "The number of rules in the request exceeded 25.")


def test_an_sms_may_have_many_lines(cloud):
    # The pattern that AWS told of it, (?s).*\{####\}(?s).*, says so; its model's does not.
    idp = cloud.client("cognito-idp")
    text = "Welcome.\nYour code: {####}"
    held = idp.create_user_pool(PoolName="p", SmsVerificationMessage=text, SmsAuthenticationMessage=text)["UserPool"]
    assert (held["SmsVerificationMessage"], held["SmsAuthenticationMessage"]) == (text, text)
    assert refusal(idp, "create_user_pool", {"PoolName": "p", "SmsVerificationMessage": text, "SmsAuthenticationMessage": "no code"})[0] == INVALID


def test_a_pool_with_an_authenticator_app_may_ask_for_it(cloud):
    # The other half of mfa-sms-config.
    idp = cloud.client("cognito-idp")
    held = idp.create_user_pool(PoolName="p")["UserPool"]["Id"]
    idp.set_user_pool_mfa_config(UserPoolId=held, MfaConfiguration="OPTIONAL", SoftwareTokenMfaConfiguration={"Enabled": True})
    idp.update_user_pool(UserPoolId=held, MfaConfiguration="ON")
    assert idp.get_user_pool_mfa_config(UserPoolId=held)["MfaConfiguration"] == "ON"
