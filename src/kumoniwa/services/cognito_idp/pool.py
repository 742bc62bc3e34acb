"""User pools: what their owner has decided.

A pool's settings are kept as AWS spells them. Two pairs of RSA keys are made with it, one for ID tokens and one for access tokens, and
lie sealed on the disk. https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateUserPool.html
"""

from __future__ import annotations

import asyncio
from typing import Any

from kumoniwa.engines import key_material, passkey
from kumoniwa.gate import firewall
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.cognito_idp import delivery, schema
from kumoniwa.services.cognito_idp.errors import (
    FeatureUnavailableInTierException,
    InvalidParameterException,
    ResourceNotFoundException,
)
from kumoniwa.services.cognito_idp.place import Place, domain_of, places, shut

ID_LENGTH = 9
TOKEN_KEY = "RSA_2048"
PASSWORD_POLICY = {
    "MinimumLength": 8, "RequireUppercase": True, "RequireLowercase": True, "RequireNumbers": True, "RequireSymbols": True,
    "TemporaryPasswordValidityDays": 7,
}  # fmt: skip
TRIGGERS = frozenset((
    "PreSignUp", "PostConfirmation", "PreAuthentication", "PostAuthentication", "PreTokenGeneration", "PreTokenGenerationConfig",
    "CustomMessage", "DefineAuthChallenge", "CreateAuthChallenge", "VerifyAuthChallengeResponse", "UserMigration",
    "CustomEmailSender", "CustomSMSSender", "KMSKeyID",
))  # fmt: skip
TAGS_MAX = 50
BY_CODE = {"EMAIL_OTP": "email", "SMS_OTP": "phone_number"}
"""The first factors that are codes, and to which attribute they go."""
BY_PASSKEY, BOTH_FACTORS = "WEB_AUTHN", "MULTI_FACTOR_WITH_USER_VERIFICATION"


class UserPool(Record):
    """Shelved by id."""

    id: str
    name: str
    created: float
    modified: float
    keys: tuple[bytes, bytes]
    """For ID tokens and for access tokens: PKCS #8, sealed."""
    settings: dict[str, Any]
    """As told and shown."""
    attributes: tuple[dict[str, Any], ...]
    """The schema."""
    mfa: str = "OFF"
    has_software_tokens: bool = False
    has_text_codes: bool = False
    email_mfa: dict[str, str] | None = None
    """``Message`` and ``Subject`` of codes in mails; None if there are no such codes."""
    web_authn: dict[str, str] | None = None
    """What is said of passkeys, as told and shown."""
    tags: dict[str, str] = {}
    sender_key: str = ""
    sender_grant: str = ""
    """Of a pool whose messages functions carry: the key of KMS, its ARN, and the grant by which Cognito uses it."""

    @property
    def short_name(self) -> str:
        """What clients mix into SRP."""
        return self.id.partition("_")[2]

    @property
    def is_case_sensitive(self) -> bool:
        return self.settings.get("UsernameConfiguration", {}).get("CaseSensitive", True)

    @property
    def username_attributes(self) -> list[str]:
        return self.settings.get("UsernameAttributes") or []

    @property
    def aliases(self) -> list[str]:
        return self.settings.get("AliasAttributes") or []

    @property
    def triggers(self) -> dict[str, Any]:
        return self.settings.get("LambdaConfig") or {}

    @property
    def first_factors(self) -> list[str]:
        return self.settings["Policies"]["SignInPolicy"]["AllowedFirstAuthFactors"]

    @property
    def is_passwordless(self) -> bool:
        """Whether users need no password. A passkey is registered by those who have signed in otherwise."""
        return any(kind in BY_CODE for kind in self.first_factors)

    @property
    def makes_passwords(self) -> bool:
        """"If you don't specify a value, Amazon Cognito generates one for you unless you have passwordless options active": API_AdminCreateUser.
        Passkeys are such an option: https://github.com/non-97/storage-browser-for-s3-sample-app, whose operators must tell one."""
        return self.first_factors == ["PASSWORD"]

    @property
    def password_policy(self) -> dict[str, Any]:
        return self.settings["Policies"]["PasswordPolicy"]


def arn_of(call: Call, id_: str) -> str:
    return call.arn(f"userpool/{id_}")


def issuer_of(pool: UserPool) -> str:
    return f"https://cognito-idp.{pool.id.partition('_')[0]}.amazonaws.com/{pool.id}"


def found(call: Call, id_: str) -> UserPool:
    pool = call.shelf(UserPool).get(id_)
    if pool is None:
        raise ResourceNotFoundException(f"User pool {id_} does not exist.")
    return pool


def put(call: Call, pool: UserPool) -> None:
    call.shelf(UserPool)[pool.id] = changed(pool, modified=call.now())


def _in_tier(tier: str | None, feature: str) -> None:
    if tier == "LITE":
        raise FeatureUnavailableInTierException(f"The following features need to be disabled for the LITE pricing tier configured: {feature}")


def _policies(told: dict[str, Any] | None, tier: str | None, standing: dict[str, Any]) -> dict[str, Any]:
    """First factors that are not said stay those that there are: https://github.com/go-to-k/cdkd/issues/2051, which asked AWS."""
    told = told or {}
    password = PASSWORD_POLICY | (told.get("PasswordPolicy") or {})
    if told.get("PasswordPolicy"):
        # What a policy does not ask for it does not require.
        password = {name: told["PasswordPolicy"].get(name, False) for name in PASSWORD_POLICY if name.startswith("Require")} | {
            "MinimumLength": password["MinimumLength"], "TemporaryPasswordValidityDays": password["TemporaryPasswordValidityDays"] or 7,
        }  # fmt: skip
    if size := (told.get("PasswordPolicy") or {}).get("PasswordHistorySize"):
        _in_tier(tier, "Password History")  # what AWS calls it there is not known
        password["PasswordHistorySize"] = size
    factors = (told.get("SignInPolicy") or standing.get("SignInPolicy") or {}).get("AllowedFirstAuthFactors") or ["PASSWORD"]
    if "PASSWORD" not in factors:
        raise InvalidParameterException("Password should be configured as one of the allowed first auth factors.")
    if factors != ["PASSWORD"]:
        _in_tier(tier, "Passwordless Sign-In")
    return {"PasswordPolicy": password, "SignInPolicy": {"AllowedFirstAuthFactors": factors}}


def _check_first_factors(settings: dict[str, Any], mfa: str, web_authn: dict[str, str] | None, *, is_of_factors: bool = True) -> None:
    """What excludes a required second factor: https://github.com/go-to-k/cdkd/issues/1975 and /2064, which asked AWS, and
    https://github.com/hashicorp/terraform-provider-aws/issues/50110; that it is for a required one alone:
    https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-authentication-flow-methods.html"""
    factors = settings["Policies"]["SignInPolicy"]["AllowedFirstAuthFactors"]
    if mfa != "ON":
        return
    if any(kind in BY_CODE for kind in factors):
        raise InvalidParameterException("Only PASSWORD and WEB_AUTHN (if configured) can be enabled as an auth factor if MFA is enabled")
    if BY_PASSKEY in factors and (web_authn or {}).get("FactorConfiguration") != BOTH_FACTORS:
        raise InvalidParameterException(
            "WEB_AUTHN cannot be used as an auth factor when MFA is enabled if not configured for MFA." if is_of_factors else
            "Cannot set WebAuthn factor configuration to SINGLE_FACTOR if MFA is required and WebAuthn is an allowed first auth factor"
        )  # fmt: skip


def _check_recovery(ways: list[dict[str, Any]]) -> None:
    """As cdk-preflight saw it of AWS (pf-cognito-recovery-…)."""
    for member in ("Name", "Priority"):
        if len({way[member] for way in ways}) < len(ways):
            raise InvalidParameterException(
                "Invalid account recovery setting parameter. Account Recovery Setting cannot have duplicate priorities or recovery mechanisms."
            )
    if len(ways) > 1 and any(way["Name"] == "admin_only" for way in ways):
        raise InvalidParameterException(
            "Invalid account recovery setting parameter. Account Recovery Setting cannot use admin_only setting with any other recovery mechanisms."
        )


def _check(settings: dict[str, Any], region: str) -> None:
    """Refuse by name what would silently do nothing, and before it in AWS's words what is wrong even there."""
    _check_senders(settings.get("LambdaConfig") or {}, region)
    strange = set(settings.get("LambdaConfig") or ()) - TRIGGERS
    if strange:
        raise NotImplementedHere(f"the trigger {min(strange)} of cognito-idp")
    triggers = settings.get("LambdaConfig") or {}
    named = triggers.get("PreTokenGenerationConfig") or {}
    if "PreTokenGeneration" in triggers and named and named.get("LambdaArn") != triggers["PreTokenGeneration"]:
        raise InvalidParameterException("Cannot use PreTokenGenerationLambda and PreTokenGeneration with different Lambda function ARN's")
    functions = [each.get("LambdaArn") if isinstance(each, dict) else each for name, each in triggers.items() if name != "KMSKeyID"]
    if any(":" in (each or "") and each.split(":")[3:4] != [region] for each in functions):
        raise InvalidParameterException("Cross-region lambda functions are not supported")
    version = named.get("LambdaVersion", "V1_0")
    if version != "V1_0":
        _in_tier(settings.get("UserPoolTier"), f"Token Customization with Pre-Token Generation Lambda {version}")
    _check_recovery((settings.get("AccountRecoverySetting") or {}).get("RecoveryMechanisms") or [])
    proved = (settings.get("UserAttributeUpdateSettings") or {}).get("AttributesRequireVerificationBeforeUpdate") or ()
    if set(proved) - set(settings.get("AutoVerifiedAttributes") or ()):
        # pf-cognito-user-attribute-update-requires-auto-verified of badmintoncryer/cdk-preflight.
        raise InvalidParameterException("All attributes in AttributesRequireVerificationBeforeUpdate must exist in AutoVerifiedAttributes")
    if settings.get("UserPoolTier") == "PLUS" or (settings.get("UserPoolAddOns") or {}).get("AdvancedSecurityMode", "OFF") != "OFF":
        raise NotImplementedHere("threat protection of cognito-idp")
    _check_invitation((settings.get("AdminCreateUserConfig") or {}).get("InviteMessageTemplate") or {})


_TEXT = r"[\p{L}\p{M}\p{S}\p{N}\p{P}\s*]*"
_WITH_CODE = {"EmailMessage": rf"{_TEXT}\{{####\}}{_TEXT}", "SMSMessage": r"(?s).*\{####\}(?s).*"}


def _check_invitation(told: dict[str, str]) -> None:
    """As cdk-preflight saw it of AWS (pf-cognito-invite-…-placeholder), but for the name of the user."""
    for name, pattern in _WITH_CODE.items():
        if "{####}" not in told.get(name, "{####}"):
            where = f"adminCreateUserConfig.inviteMessage.{'smsMessage' if name == 'SMSMessage' else 'emailMessage'}"
            raise InvalidParameterException(
                f"1 validation error detected: Value '{told[name]}' at '{where}' failed to satisfy constraint: Member must satisfy regular "
                f"expression pattern: {pattern}"
            )
    if "{username}" not in told.get("EmailMessage", "{username}"):
        raise InvalidParameterException("EmailMessage must contain {username} and {####}.")


def _check_senders(triggers: dict[str, Any], region: str) -> None:
    """As cdk-preflight saw it of AWS (pf-cognito-custom-…-sender-kms, pf-cognito-custom-sender-kms-region)."""
    if ("CustomEmailSender" in triggers or "CustomSMSSender" in triggers) and not triggers.get("KMSKeyID"):
        raise InvalidParameterException("KMSKeyId parameter is required when Custom SMS/Email Lambda trigger is used.")
    key = arns.parse(triggers.get("KMSKeyID") or "")
    if key is not None and key.region != region:
        raise InvalidParameterException(f"Encountered error when CreateGrant was attempted on the input KMS key - Invalid arn {key.region}")


def _check_texts_of_mfa(settings: dict[str, Any], mfa: str) -> None:
    """A pool that asks for a second factor, and was not told which, asks for one in text messages (cdk-preflight's pf-cognito-mfa-sms-config,
    https://github.com/aws/aws-cdk/issues/12075)."""
    proven = settings.get("AutoVerifiedAttributes") or ()
    if mfa != "OFF" and not (settings.get("SmsConfiguration") and "phone_number" in proven):
        raise InvalidParameterException("SMS configuration and Auto verification for phone_number are required when MFA is required/optional")


_TEMPLATES = {"EmailMessage": "EmailVerificationMessage", "EmailSubject": "EmailVerificationSubject", "SmsMessage": "SmsVerificationMessage"}


def _with_texts(settings: dict[str, Any]) -> dict[str, Any]:
    """A text of the verification template has an older name besides, and each is shown under both (moto's
    test_create_user_pool__overwrite_template_messages; Terraform's ``aws_cognito_user_pool`` reads either)."""
    template = dict(settings["VerificationMessageTemplate"])
    for name, older in _TEMPLATES.items():
        text = template.get(name) or settings.get(older)
        if text:
            template[name] = settings[older] = text
    return settings | {"VerificationMessageTemplate": template}


def _settings(told: dict[str, Any], standing: dict[str, Any], region: str) -> dict[str, Any]:
    """What holds after a creation or an update: what is not said falls back to AWS's own choice, as AWS warns."""
    told = {name: value for name, value in told.items() if value is not None}
    fixed = {name: value for name, value in standing.items() if name in ("UsernameAttributes", "AliasAttributes", "UsernameConfiguration")}
    settings = {
        "DeletionProtection": "INACTIVE",
        "LambdaConfig": {},
        "VerificationMessageTemplate": {"DefaultEmailOption": "CONFIRM_WITH_CODE"},
        "UserAttributeUpdateSettings": {"AttributesRequireVerificationBeforeUpdate": []},
        "EmailConfiguration": {"EmailSendingAccount": "COGNITO_DEFAULT"},
        "UserPoolTier": "ESSENTIALS",
        **fixed,
        **told,
        "Policies": _policies(told.get("Policies"), told.get("UserPoolTier"), standing.get("Policies") or {}),
        "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": False} | told.get("AdminCreateUserConfig", {}),
    }
    # The older name of the same time, which holds where the policy names none; both are too many (pf-cognito-unused-account-validity-exclusive).
    people, password = settings["AdminCreateUserConfig"], settings["Policies"]["PasswordPolicy"]
    said_days = ((told.get("Policies") or {}).get("PasswordPolicy") or {}).get("TemporaryPasswordValidityDays")
    if said_days and people.get("UnusedAccountValidityDays"):
        raise InvalidParameterException("Please use TemporaryPasswordValidityDays in PasswordPolicy instead of UnusedAccountValidityDays")
    if not said_days:
        password["TemporaryPasswordValidityDays"] = people.get("UnusedAccountValidityDays") or password["TemporaryPasswordValidityDays"]
    people["UnusedAccountValidityDays"] = password["TemporaryPasswordValidityDays"]
    settings["EmailConfiguration"].setdefault("EmailSendingAccount", "COGNITO_DEFAULT")
    _check(settings, region)
    return _with_texts(settings)


def _senders() -> Any:
    from kumoniwa.services.cognito_idp import sender  # noqa: PLC0415 - it knows what a pool is

    return sender


def shown(call: Call, pool: UserPool) -> dict[str, Any]:
    from kumoniwa.services.cognito_idp.user import count  # noqa: PLC0415 - users know their pool

    domain = domain_of(call.home, pool.id)
    return {
        "Id": pool.id, "Name": pool.name, **pool.settings, "LastModifiedDate": pool.modified, "CreationDate": pool.created,
        "SchemaAttributes": list(pool.attributes), "MfaConfiguration": pool.mfa, "EstimatedNumberOfUsers": count(call, pool.id),
        "UserPoolTags": pool.tags, "Arn": arn_of(call, pool.id), **({"Domain": domain} if domain else {}),
    }  # fmt: skip


async def CreateUserPool(
    call: Call, *, PoolName: str, Policies: dict[str, Any] | None = None, DeletionProtection: str | None = None,
    LambdaConfig: dict[str, Any] | None = None, AutoVerifiedAttributes: list[str] | None = None,
    AliasAttributes: list[str] | None = None, UsernameAttributes: list[str] | None = None, SmsVerificationMessage: str | None = None,
    EmailVerificationMessage: str | None = None, EmailVerificationSubject: str | None = None,
    VerificationMessageTemplate: dict[str, Any] | None = None, SmsAuthenticationMessage: str | None = None,
    MfaConfiguration: str = "OFF", UserAttributeUpdateSettings: dict[str, Any] | None = None,
    EmailConfiguration: dict[str, Any] | None = None, UserPoolTags: dict[str, str] | None = None,
    AdminCreateUserConfig: dict[str, Any] | None = None, Schema: list[dict[str, Any]] | None = None,
    UserPoolAddOns: dict[str, Any] | None = None, UsernameConfiguration: dict[str, Any] | None = None,
    AccountRecoverySetting: dict[str, Any] | None = None, UserPoolTier: str | None = None, SmsConfiguration: dict[str, Any] | None = None,
    DeviceConfiguration: dict[str, Any] | None = None,
) -> dict:  # fmt: skip
    if AliasAttributes and UsernameAttributes:
        raise InvalidParameterException("Only one of the aliasAttributes or usernameAttributes can be set in a User pool.")
    told = {
        "Policies": Policies, "DeletionProtection": DeletionProtection, "LambdaConfig": LambdaConfig,
        "AutoVerifiedAttributes": AutoVerifiedAttributes,
        "AliasAttributes": AliasAttributes, "UsernameAttributes": UsernameAttributes, "SmsVerificationMessage": SmsVerificationMessage,
        "EmailVerificationMessage": EmailVerificationMessage, "EmailVerificationSubject": EmailVerificationSubject,
        "VerificationMessageTemplate": VerificationMessageTemplate, "SmsAuthenticationMessage": SmsAuthenticationMessage,
        "UserAttributeUpdateSettings": UserAttributeUpdateSettings, "EmailConfiguration": EmailConfiguration,
        "AdminCreateUserConfig": AdminCreateUserConfig, "UserPoolAddOns": UserPoolAddOns, "UsernameConfiguration": UsernameConfiguration,
        "AccountRecoverySetting": AccountRecoverySetting, "UserPoolTier": UserPoolTier, "SmsConfiguration": SmsConfiguration,
        "DeviceConfiguration": DeviceConfiguration,
    }  # fmt: skip
    settings, attributes, now = _settings(told, {}, call.region), schema.made(Schema), call.now()
    _check_first_factors(settings, MfaConfiguration, None)
    _check_texts_of_mfa(settings, MfaConfiguration)
    await delivery.check(call, settings)
    keys = [await asyncio.to_thread(key_material.make, TOKEN_KEY) for _ in range(2)]
    id_ = f"{call.region}_{call.ids.lower(ID_LENGTH)}"
    pool = UserPool(
        id=id_, name=PoolName, created=now, modified=now, settings=settings, attributes=attributes,
        keys=tuple(shut(call.home, key, "token key") for key in keys), mfa=MfaConfiguration, tags=UserPoolTags or {},
        has_text_codes=MfaConfiguration != "OFF", **await _senders().granted(call, id_, settings),
    )  # fmt: skip
    call.shelf(UserPool)[pool.id] = pool
    places(call.home)[pool.id] = Place(account=call.account, pool=pool.id)
    return {"UserPool": shown(call, pool)}


def DescribeUserPool(call: Call, *, UserPoolId: str) -> dict:
    return {"UserPool": shown(call, found(call, UserPoolId))}


async def UpdateUserPool(
    call: Call, *, UserPoolId: str, PoolName: str | None = None, Policies: dict[str, Any] | None = None, DeletionProtection: str | None = None,
    LambdaConfig: dict[str, Any] | None = None, AutoVerifiedAttributes: list[str] | None = None, SmsVerificationMessage: str | None = None,
    EmailVerificationMessage: str | None = None, EmailVerificationSubject: str | None = None,
    VerificationMessageTemplate: dict[str, Any] | None = None, SmsAuthenticationMessage: str | None = None,
    MfaConfiguration: str | None = None, UserAttributeUpdateSettings: dict[str, Any] | None = None,
    EmailConfiguration: dict[str, Any] | None = None, UserPoolTags: dict[str, str] | None = None,
    AdminCreateUserConfig: dict[str, Any] | None = None, UserPoolAddOns: dict[str, Any] | None = None,
    AccountRecoverySetting: dict[str, Any] | None = None, UserPoolTier: str | None = None, SmsConfiguration: dict[str, Any] | None = None,
    DeviceConfiguration: dict[str, Any] | None = None,
) -> dict:  # fmt: skip
    """What an update does not say becomes AWS's own choice again: so AWS's page warns."""
    pool = found(call, UserPoolId)
    told = {
        "Policies": Policies, "DeletionProtection": DeletionProtection, "LambdaConfig": LambdaConfig,
        "AutoVerifiedAttributes": AutoVerifiedAttributes,
        "SmsVerificationMessage": SmsVerificationMessage, "EmailVerificationMessage": EmailVerificationMessage,
        "EmailVerificationSubject": EmailVerificationSubject, "VerificationMessageTemplate": VerificationMessageTemplate,
        "SmsAuthenticationMessage": SmsAuthenticationMessage, "UserAttributeUpdateSettings": UserAttributeUpdateSettings,
        "EmailConfiguration": EmailConfiguration, "AdminCreateUserConfig": AdminCreateUserConfig, "UserPoolAddOns": UserPoolAddOns,
        "AccountRecoverySetting": AccountRecoverySetting, "UserPoolTier": UserPoolTier, "SmsConfiguration": SmsConfiguration,
        "DeviceConfiguration": DeviceConfiguration,
    }  # fmt: skip
    settings, mfa = _settings(told, pool.settings, call.region), MfaConfiguration or pool.mfa
    _check_first_factors(settings, mfa, pool.web_authn)
    has_others = pool.has_software_tokens or pool.email_mfa is not None
    if MfaConfiguration is not None and not has_others:
        _check_texts_of_mfa(settings, mfa)
    await delivery.check(call, settings)
    key = await _senders().granted(call, UserPoolId, settings, pool)
    if key["sender_grant"] != pool.sender_grant:
        _senders().retire(call, pool)
    pool = found(call, UserPoolId)
    put(call, changed(
        pool, name=PoolName or pool.name, settings=settings, mfa=mfa, tags=pool.tags if UserPoolTags is None else UserPoolTags,
        **key, has_text_codes=(pool.has_text_codes or mfa != "OFF" and not has_others) and bool(settings.get("SmsConfiguration")),
    ))  # fmt: skip
    return {}


def ListUserPools(call: Call) -> dict:
    pools = sorted(call.shelf(UserPool).values(), key=lambda pool: pool.created, reverse=True)
    told = [
        {
            "Id": pool.id, "Name": pool.name, "LambdaConfig": pool.triggers, "LastModifiedDate": pool.modified, "CreationDate": pool.created,
        }  # fmt: skip
        for pool in pools
    ]
    return {"UserPools": told}


def DeleteUserPool(call: Call, *, UserPoolId: str) -> None:
    pool = found(call, UserPoolId)
    if pool.settings["DeletionProtection"] == "ACTIVE":
        raise InvalidParameterException(
            "The user pool cannot be deleted because deletion protection is activated. Deletion protection must be inactivated first."
        )
    if domain_of(call.home, pool.id) is not None:
        raise InvalidParameterException("User pool cannot be deleted. It has a domain configured that should be deleted first.")
    for name in [name for name, place in places(call.home).items() if place.pool == pool.id]:
        del places(call.home)[name]
    for kind in _belongings():
        shelf = call.shelf(kind)
        for key in [key for key, record in shelf.items() if record.pool == pool.id]:
            del shelf[key]
    firewall.release(call, arn_of(call, pool.id))
    _senders().retire(call, pool)
    del call.shelf(UserPool)[pool.id]


def _belongings() -> list[type[Record]]:
    """What goes with a pool; these know their pool, so that it cannot know them before."""
    from kumoniwa.services.cognito_idp.client import UserPoolClient  # noqa: PLC0415
    from kumoniwa.services.cognito_idp.device import Device  # noqa: PLC0415
    from kumoniwa.services.cognito_idp.group import Group  # noqa: PLC0415
    from kumoniwa.services.cognito_idp.provider import IdentityProvider  # noqa: PLC0415
    from kumoniwa.services.cognito_idp.resourceserver import ResourceServer  # noqa: PLC0415
    from kumoniwa.services.cognito_idp.user import Alias, Link, Passkey, User  # noqa: PLC0415

    return [UserPoolClient, Device, Group, ResourceServer, User, Passkey, Alias, Link, IdentityProvider]


def AddCustomAttributes(call: Call, *, UserPoolId: str, CustomAttributes: list[dict[str, Any]]) -> dict:
    pool = found(call, UserPoolId)
    added = tuple(schema.custom(each) for each in CustomAttributes)
    known = {each["Name"] for each in pool.attributes}
    for each in added:
        if each["Name"] in known:
            said = each["Name"].removeprefix("dev:")
            raise InvalidParameterException(f"{said}: Existing attribute already has name {each['Name']}.")
    put(call, changed(pool, attributes=pool.attributes + added))
    return {}


# Several factors -----------------------------------------------------------------------------------


def GetUserPoolMfaConfig(call: Call, *, UserPoolId: str) -> dict:
    pool, told = found(call, UserPoolId), {}
    if pool.has_text_codes:
        texts = {name: pool.settings[name] for name in ("SmsAuthenticationMessage", "SmsConfiguration") if pool.settings.get(name)}
        told["SmsMfaConfiguration"] = texts
    if pool.has_software_tokens:
        told["SoftwareTokenMfaConfiguration"] = {"Enabled": True}
    if pool.email_mfa is not None:
        told["EmailMfaConfiguration"] = pool.email_mfa
    if pool.web_authn is not None:
        told["WebAuthnConfiguration"] = pool.web_authn
    return {**told, "MfaConfiguration": pool.mfa}


def SetUserPoolMfaConfig(
    call: Call, *, UserPoolId: str, SmsMfaConfiguration: dict[str, Any] | None = None, SoftwareTokenMfaConfiguration: dict[str, Any] | None = None,
    EmailMfaConfiguration: dict[str, Any] | None = None, MfaConfiguration: str | None = None,
    WebAuthnConfiguration: dict[str, str] | None = None,
) -> dict:  # fmt: skip
    """The texts: moto's test_set_user_pool_mfa_config and https://github.com/go-to-k/cdkd/issues/1923, which asked AWS; of passkeys, which are no
    second factor, its issue 1920. What is not said is taken away, as its issue 2064 saw."""
    pool = found(call, UserPoolId)
    said = (SmsMfaConfiguration, SoftwareTokenMfaConfiguration, EmailMfaConfiguration)
    if MfaConfiguration in ("ON", "OPTIONAL") and all(each is None for each in said):
        if WebAuthnConfiguration is not None:
            raise InvalidParameterException("Invalid MFA Configuration given. SMS MFA, Email MFA, or Software Token MFA must be enabled.")
        raise InvalidParameterException("At least one of [SmsMfaConfiguration] or [SoftwareTokenMfaConfiguration] must be provided.")
    if SmsMfaConfiguration is not None and not SmsMfaConfiguration.get("SmsConfiguration"):
        raise InvalidParameterException("[SmsConfiguration] is a required member of [SoftwareTokenMfaConfiguration].")
    has_tokens, mfa = bool((SoftwareTokenMfaConfiguration or {}).get("Enabled")), MfaConfiguration or pool.mfa
    is_any = has_tokens or SmsMfaConfiguration is not None or EmailMfaConfiguration is not None
    if MfaConfiguration == "OFF" and is_any:
        raise InvalidParameterException("Invalid MFA configuration given, can't turn off MFA and configure an MFA together.")
    if mfa != "OFF" and not is_any:
        raise InvalidParameterException("Invalid MFA configuration given, can't turn on MFA without a MFA method enabled.")
    settings, web_authn = pool.settings, WebAuthnConfiguration
    if web_authn is not None:
        web_authn = _checked_passkeys(settings, web_authn)
    _check_first_factors(settings, mfa, web_authn, is_of_factors=False)
    if EmailMfaConfiguration is not None:
        _check_mails_of_mfa(settings)
    if SmsMfaConfiguration is not None:
        delivery.check_texts(call, SmsMfaConfiguration["SmsConfiguration"])
        settings = settings | SmsMfaConfiguration
    put(call, changed(
        pool, mfa=mfa, settings=settings, has_software_tokens=has_tokens, has_text_codes=SmsMfaConfiguration is not None,
        email_mfa=EmailMfaConfiguration, web_authn=web_authn,
    ))  # fmt: skip
    return GetUserPoolMfaConfig(call, UserPoolId=UserPoolId)


def _checked_passkeys(settings: dict[str, Any], told: dict[str, str]) -> dict[str, str]:
    """"This setting defaults to preferred in API requests that don't provide a value." A relying party may "be any domain name not in the public
    suffix list"; the words for another are ours, and the tier's text is written after those of other features."""
    _in_tier(settings.get("UserPoolTier"), "WebAuthn")
    if "RelyingPartyId" in told and not passkey.is_party(told["RelyingPartyId"]):
        raise InvalidParameterException(f"Invalid relying party ID: {told['RelyingPartyId']}", hint="It is a domain, and none of the public suffix list.")
    return {"UserVerification": "preferred"} | told


def _check_mails_of_mfa(settings: dict[str, Any]) -> None:
    """cdk-preflight: pf-cognito-mfa-email-otp-requires-developer; the tier's text is written after those of other features."""
    if not delivery.is_by_ses(settings):
        raise InvalidParameterException(
            "Cannot set EmailMfaConfiguration when user pool EmailConfiguration contains an EmailSendingAccount of COGNITO_DEFAULT. "
            "Update the value of EmailSendingAccount."
        )
    _in_tier(settings.get("UserPoolTier"), "Email MFA")


# Tags ----------------------------------------------------------------------------------------------


def _named(call: Call, arn: str) -> UserPool:
    parsed = arns.parse(arn)
    if parsed is None or not parsed.resource.startswith("userpool/"):
        raise InvalidParameterException("Invalid resource ARN.")
    pool = found(call, parsed.resource.removeprefix("userpool/"))
    if arn != arn_of(call, pool.id):
        raise ResourceNotFoundException(f"There is no {arn} in {call.region}.")
    return pool


def tags_of(call: Call, arn: str) -> dict[str, str]:
    return _named(call, arn).tags


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    return [(arn_of(call, key), each.tags) for key, each in call.shelf(UserPool).items()]


def reserved_tag(operation: str, key: str) -> AwsError:
    """The text is one of ours: how AWS says it was not found."""
    return InvalidParameterException("Tag keys that begin with aws: are reserved.")


def TagResource(call: Call, *, ResourceArn: str, Tags: dict[str, str]) -> dict:
    pool = _named(call, ResourceArn)
    put(call, changed(pool, tags=pool.tags | Tags))
    return {}


def UntagResource(call: Call, *, ResourceArn: str, TagKeys: list[str]) -> dict:
    pool = _named(call, ResourceArn)
    put(call, changed(pool, tags={key: value for key, value in pool.tags.items() if key not in TagKeys}))
    return {}


def ListTagsForResource(call: Call, *, ResourceArn: str) -> dict:
    return {"Tags": _named(call, ResourceArn).tags}
