"""AWS::Cognito."""

from __future__ import annotations

from typing import Any

from kumoniwa.deploy.resource import (
    ID,
    OMIT,
    Call,
    Name,
    Reading,
    ResourceType,
    Setting,
    Work,
    at,
    carries,
    made,
    p,
    same,
    seen,
    tag_map,
    text,
    use,
)

_GONE = "ResourceNotFoundException"

# User pools --------------------------------------------------------------------------------------------------------

_pool_settings = (
    "AccountRecoverySetting AdminCreateUserConfig AutoVerifiedAttributes DeletionProtection DeviceConfiguration EmailConfiguration EmailVerificationMessage "
    "EmailVerificationSubject LambdaConfig Policies SmsAuthenticationMessage SmsConfiguration SmsVerificationMessage UserAttributeUpdateSettings "
    "UserPoolAddOns UserPoolTags UserPoolTier VerificationMessageTemplate"
)


_by_text = use(lambda mfa, kinds: mfa if kinds is None else OMIT, p.MfaConfiguration, p.EnabledMfas)
"""Whether a second factor is asked for, where the template does not name which: it is a code in a text message then, and the pool says what
that needs (cdk-preflight: pf-cognito-mfa-sms-config)."""


_passkeys = {
    "WebAuthnRelyingPartyID": "RelyingPartyId", "WebAuthnUserVerification": "UserVerification", "WebAuthnFactorConfiguration": "FactorConfiguration",
}  # fmt: skip


@carries(f"MfaConfiguration EnabledMfas EmailAuthenticationMessage EmailAuthenticationSubject {' '.join(_passkeys)}")
async def _factors(work: Work) -> None:
    """A pool says in one place whether it asks for a second factor, and in another for which, and what it holds of passkeys."""
    told = work.properties
    mfa = told.get("MfaConfiguration", "OFF")
    said: dict[str, Any] = {}
    for kind in told.get("EnabledMfas", ["SMS_MFA"] if mfa != "OFF" else []):
        if kind == "SMS_MFA":
            texts = {name: told[name] for name in ("SmsConfiguration", "SmsAuthenticationMessage") if name in told}
            said["SmsMfaConfiguration"] = texts
        elif kind == "SOFTWARE_TOKEN_MFA":
            said["SoftwareTokenMfaConfiguration"] = {"Enabled": True}
        else:
            mails = {"Message": told.get("EmailAuthenticationMessage"), "Subject": told.get("EmailAuthenticationSubject")}
            said["EmailMfaConfiguration"] = {name: value for name, value in mails.items() if value is not None}
    if passkeys := {member: told[name] for name, member in _passkeys.items() if name in told}:
        said["WebAuthnConfiguration"] = passkeys
    await work.ask("cognito-idp:SetUserPoolMfaConfig", UserPoolId=work.id, MfaConfiguration=mfa, **said)


UserPool = ResourceType(
    name=Name("UserPoolName", 128, tells=False),
    create=Call(
        "cognito-idp:CreateUserPool", f"AliasAttributes Schema UsernameAttributes UsernameConfiguration {_pool_settings}",
        PoolName=p.UserPoolName, MfaConfiguration=_by_text,
    ),  # fmt: skip
    id=made.UserPool.Id,
    read=Call("cognito-idp:DescribeUserPool", UserPoolId=ID),
    update=(
        Call("cognito-idp:UpdateUserPool", _pool_settings, UserPoolId=ID, PoolName=p.UserPoolName, MfaConfiguration=_by_text).writes_all(),
    ),
    settings=(Setting(_factors, _factors),),
    delete=Call("cognito-idp:DeleteUserPool", UserPoolId=ID),
    absent=_GONE,
    attributes={
        "Arn": seen.UserPool.Arn,
        "UserPoolId": ID,
        "ProviderName": text("cognito-idp.${AWS::Region}.amazonaws.com/${ID}"),
        "ProviderURL": text("https://cognito-idp.${AWS::Region}.amazonaws.com/${ID}"),
    },
    fixed="AliasAttributes Schema UsernameAttributes UsernameConfiguration",
    tags="UserPoolTags",
    drift=(
        Reading(same("DeletionProtection AutoVerifiedAttributes UserPoolTags MfaConfiguration", seen.UserPool)),
        Reading(
            {name: getattr(seen.WebAuthnConfiguration, member) for name, member in _passkeys.items()},
            Call("cognito-idp:GetUserPoolMfaConfig", UserPoolId=ID),
        ),
    ),
)

_client_settings = (
    "ClientName AccessTokenValidity AllowedOAuthFlows AllowedOAuthFlowsUserPoolClient AllowedOAuthScopes AuthSessionValidity CallbackURLs "
    "DefaultRedirectURI EnableTokenRevocation ExplicitAuthFlows IdTokenValidity LogoutURLs PreventUserExistenceErrors ReadAttributes "
    "RefreshTokenValidity SupportedIdentityProviders TokenValidityUnits WriteAttributes"
)
_of_pool = {"UserPoolId": at(p.UserPoolId)}

UserPoolClient = ResourceType(
    name=Name("ClientName", 128, tells=False),
    create=Call("cognito-idp:CreateUserPoolClient", f"UserPoolId GenerateSecret {_client_settings}"),
    id=made.UserPoolClient.ClientId,
    read=Call("cognito-idp:DescribeUserPoolClient", **_of_pool, ClientId=ID),
    update=(Call("cognito-idp:UpdateUserPoolClient", _client_settings, **_of_pool, ClientId=ID).writes_all(),),
    delete=Call("cognito-idp:DeleteUserPoolClient", **_of_pool, ClientId=ID),
    absent=_GONE,
    attributes={"ClientId": ID, "ClientSecret": seen.UserPoolClient.ClientSecret, "Name": seen.UserPoolClient.ClientName},
)

UserPoolDomain = ResourceType(
    create=Call("cognito-idp:CreateUserPoolDomain", "Domain UserPoolId ManagedLoginVersion"),
    id=p.Domain,
    delete=Call("cognito-idp:DeleteUserPoolDomain", Domain=ID, **_of_pool),
    absent=f"{_GONE} InvalidParameterException",
    fixed="ManagedLoginVersion",
)

_group = "Description Precedence RoleArn"

UserPoolGroup = ResourceType(
    name=Name("GroupName", 128),
    create=Call("cognito-idp:CreateGroup", f"GroupName UserPoolId {_group}"),
    id=p.GroupName,
    read=Call("cognito-idp:GetGroup", GroupName=ID, **_of_pool),
    update=(Call("cognito-idp:UpdateGroup", _group, GroupName=ID, **_of_pool),),
    delete=Call("cognito-idp:DeleteGroup", GroupName=ID, **_of_pool),
    absent=_GONE,
)

UserPoolResourceServer = ResourceType(
    create=Call("cognito-idp:CreateResourceServer", "UserPoolId Identifier Name Scopes"),
    id=p.Identifier,
    read=Call("cognito-idp:DescribeResourceServer", Identifier=ID, **_of_pool),
    update=(Call("cognito-idp:UpdateResourceServer", "Name Scopes", Identifier=ID, **_of_pool).writes_all(),),
    delete=Call("cognito-idp:DeleteResourceServer", Identifier=ID, **_of_pool),
    absent=_GONE,
)

_provider = "ProviderDetails AttributeMapping IdpIdentifiers"

UserPoolIdentityProvider = ResourceType(
    create=Call("cognito-idp:CreateIdentityProvider", f"UserPoolId ProviderName ProviderType {_provider}"),
    id=p.ProviderName,
    read=Call("cognito-idp:DescribeIdentityProvider", ProviderName=ID, **_of_pool),
    update=(Call("cognito-idp:UpdateIdentityProvider", _provider, ProviderName=ID, **_of_pool),),
    delete=Call("cognito-idp:DeleteIdentityProvider", ProviderName=ID, **_of_pool),
    absent=_GONE,
)

UserPoolUser = ResourceType(
    name=Name("Username", 128),
    create=Call(
        "cognito-idp:AdminCreateUser",
        "UserPoolId Username UserAttributes ValidationData ForceAliasCreation MessageAction DesiredDeliveryMediums ClientMetadata",
    ),
    id=made.User.Username,
    delete=Call("cognito-idp:AdminDeleteUser", Username=ID, **_of_pool),
    absent=f"{_GONE} UserNotFoundException",
)

UserPoolUserToGroupAttachment = ResourceType(
    create=Call("cognito-idp:AdminAddUserToGroup", "UserPoolId Username GroupName"),
    id=text("${UserPoolId}|${GroupName}|${Username}"),
    delete=Call("cognito-idp:AdminRemoveUserFromGroup", UserPoolId=at(p.UserPoolId), Username=at(p.Username), GroupName=at(p.GroupName)),
    absent=f"{_GONE} UserNotFoundException",
)

# Identity pools ----------------------------------------------------------------------------------------------------

_identity_pool = "IdentityPoolName AllowUnauthenticatedIdentities AllowClassicFlow CognitoIdentityProviders DeveloperProviderName"
_identity_tags = tag_map(p.IdentityPoolTags)

IdentityPool = ResourceType(
    name=Name("IdentityPoolName", 128, tells=False),
    create=Call("cognito-identity:CreateIdentityPool", _identity_pool, IdentityPoolTags=_identity_tags),
    id=made.IdentityPoolId,
    read=Call("cognito-identity:DescribeIdentityPool", IdentityPoolId=ID),
    update=(Call("cognito-identity:UpdateIdentityPool", _identity_pool, IdentityPoolId=ID, IdentityPoolTags=_identity_tags).writes_all(),),
    delete=Call("cognito-identity:DeleteIdentityPool", IdentityPoolId=ID),
    absent=_GONE,
    attributes={"Id": ID, "Name": seen.IdentityPoolName},
    tags="IdentityPoolTags",
)


def _mappings(told: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """By provider: a key of the template stands for it, unless it is named beside, as a key cannot come from elsewhere."""
    return {
        said.get("IdentityProvider", key): {name: value for name, value in said.items() if name != "IdentityProvider"}
        for key, said in told.items()
    }


_roles = {"Roles": use(lambda roles: roles or {}, p.Roles), "RoleMappings": use(_mappings, p.RoleMappings)}

IdentityPoolRoleAttachment = ResourceType(
    create=Call("cognito-identity:SetIdentityPoolRoles", "IdentityPoolId", **_roles),
    id=p.IdentityPoolId,
    update=(Call("cognito-identity:SetIdentityPoolRoles", IdentityPoolId=ID, **_roles).writes_all(),),
    delete=Call("cognito-identity:SetIdentityPoolRoles", IdentityPoolId=ID, Roles={}),
    absent=_GONE,
    attributes={"Id": ID},
)
