"""The operations of STS."""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING, Any

import orjson

from kumoniwa.aws import managed_policies
from kumoniwa.gate import authorize, denial, organization
from kumoniwa.gate import tags as tag_keys
from kumoniwa.gate.federation import SamlProvider, WebProvider
from kumoniwa.gate.identity import SHARED, Credential, Document, Identity, account_of_key, issue
from kumoniwa.gate.mfa import MfaDevice, unused_step, use_up
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import account_of
from kumoniwa.kernel.errors import AwsError, ValidationError
from kumoniwa.kernel.operation import load
from kumoniwa.kernel.principal import ANONYMOUS, Principal
from kumoniwa.languages.policy import parse
from kumoniwa.languages.policy_decision import Authority
from kumoniwa.services.sts import outbound, root, saml, web_identity
from kumoniwa.services.sts.federated import Federated
from kumoniwa.services.sts.outbound import GetWebIdentityToken  # noqa: F401 - an operation is whatever this module holds

if TYPE_CHECKING:
    from kumoniwa.kernel.call import Call

RESOURCE_MUST_ALLOW = True
"""No identity policy opens a role whose trust policy does not."""

ROLE_S_DEFAULT = CHAINED_S_MAX = ROOT_S_MAX = 3_600
SESSION_S_DEFAULT = 43_200
POLICY_CHARACTERS_MAX = 2_048
TOKEN_BYTES_MAX = 4_096
PACKED_BYTES_MAX = 2_048
"""What session policies and tags may come to when compressed. AWS does not tell its packing; ours is zlib's."""


class AccessDenied(AwsError):
    status = 403


class InvalidParameterValue(AwsError):
    status = 400


class PackedPolicyTooLarge(AwsError):
    status = 400


# What the gate asks --------------------------------------------------------------------------------


def _is_arn(text: str) -> bool:
    parsed = arns.parse(text)
    return parsed is not None and bool(parsed.partition and parsed.resource)


_ROLE_NAME = re.compile(r"[\w+=,.@-]+", re.ASCII)


def _is_role(text: str) -> bool:
    named = arns.parse(text)
    if named is None or (named.service, named.region, len(named.account)) != ("iam", "", 12) or not named.account.isdecimal():
        return False
    return named.resource.startswith("role/") and _ROLE_NAME.fullmatch(named.resource.rpartition("/")[2]) is not None


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> Any:
    if operation == "AssumeRole":
        arn = params.get("RoleArn")
        arn = arn if isinstance(arn, str) and _is_role(arn) else "*"
        needs = [("sts:AssumeRole", arn)]
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html and id_credentials_temp_control-access_monitor.html
        if params.get("Tags") or call.principal.transitive_tags:
            needs.append(("sts:TagSession", arn))
        if params.get("SourceIdentity"):
            needs.append(("sts:SetSourceIdentity", arn))
        return needs
    if operation == "AssumeRoot":
        return root.arn(call, params.get("TargetPrincipal"))
    if operation in _BY_TOKEN:
        # Nobody asks but the token, and that is read by the operation.
        return []
    if operation == "GetWebIdentityToken":
        return [(f"sts:{operation}", "*"), *([(f"sts:Tag{operation}", "*")] if params.get("Tags") else [])]
    if operation == "GetFederationToken":
        arn = f"arn:{call.home.partition}:sts::{call.account}:federated-user/{params.get('Name', '')}"
        tagging = [("sts:TagSession", arn)] if params.get("Tags") else []
        return [("sts:GetFederationToken", arn), *tagging]
    return "*"


def _check_arn(text: str) -> None:
    """Recorded: localstack's test_sts_invalid_parameters."""
    if not _is_arn(text):
        raise ValidationError(f"{text} is invalid")


def _check_role(text: str) -> None:
    _check_arn(text)
    if not _is_role(text):
        # What AWS tells who takes the ARN of an identity provider or of a user for a role's: aws-actions/configure-aws-credentials, its issues.
        raise ValidationError("Request ARN is invalid")


_BY_TOKEN = frozenset({"AssumeRoleWithWebIdentity", "AssumeRoleWithSAML"})


def owner_of(call: Call, operation: str, params: dict[str, Any]) -> str | None:
    """A call that no key signed is of the account of the role it asks for; who asks for a root user acts for his own account, as
    nothing in the other one has a word in it."""
    if operation == "AssumeRoot":
        return call.principal.account or None
    if operation not in _BY_TOKEN:
        return None
    account = account_of(str(params.get("RoleArn")), call.home.settings.account)
    return (
        account
        if len(account) == 12 and account.isascii() and account.isdigit()
        else call.home.settings.account
    )


def policy_of(call: Call, arn: str) -> str | None:
    role = call.home.store.shelf(SHARED, Identity).get(arn)
    return role.trust if role is not None and role.kind == "role" else None


TAG_CONDITIONS = ("iam:ResourceTag",)


def tags_of(call: Call, arn: str) -> dict[str, str]:
    role = call.home.store.shelf(SHARED, Identity).get(arn)
    return role.tags if role is not None else {}


def conditions_of(call: Call, operation: str, params: dict[str, Any]) -> dict[str, Any]:
    context: dict[str, Any] = {}
    for parameter in ("ExternalId", "RoleSessionName", "SourceIdentity", "TransitiveTagKeys"):
        if isinstance(params.get(parameter), (str, list)):
            context[f"sts:{parameter.lower()}"] = params[parameter]
    if operation == "AssumeRoot":
        context |= root.keys(params)
    if operation == "GetWebIdentityToken":
        context |= outbound.keys(params)
    if (
        operation == "AssumeRole"
        and _second_factor(call, params.get("SerialNumber"), params.get("TokenCode")) is not None
    ):
        # It counts for the role's trust policy; the session itself carries nothing of it.
        context |= {"aws:multifactorauthpresent": "true", "aws:multifactorauthage": 0}
    return context


# A second factor -----------------------------------------------------------------------------------


def _second_factor(call: Call, serial: Any, code: Any) -> int | None:
    """The time step in which the caller's own device shows ``code``, or None."""
    device = call.home.store.shelf(SHARED, MfaDevice).get(serial) if isinstance(serial, str) else None
    if (
        device is None
        or call.principal.kind != "user"
        or device.user_id != call.principal.user_id
        or not isinstance(code, str)
    ):
        return None
    return unused_step(call.home, serial, device, code)


def _use_second_factor(call: Call, serial: str | None, code: str | None) -> bool:
    """Whether one was given. A wrong one is refused, a right one is used up."""
    if serial is None and code is None:
        return False
    if serial is None or code is None:
        raise AccessDenied(
            "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code."
        )
    step = _second_factor(call, serial, code)
    if step is None:
        device = call.home.store.shelf(SHARED, MfaDevice).get(serial)
        if device is None or device.user_id != call.principal.user_id:
            raise AccessDenied(
                "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is "
                "valid and associated with this user."
            )
        raise AccessDenied("MultiFactorAuthentication failed with invalid MFA one time pass code.")
    use_up(call.home, serial, step)
    return True


# Who am I ------------------------------------------------------------------------------------------


def GetCallerIdentity(call: Call) -> dict:
    principal = call.principal
    if principal.kind == "anonymous":
        raise authorize.MissingAuthenticationToken
    return {"UserId": principal.user_id, "Account": principal.account, "Arn": principal.arn}


def GetAccessKeyInfo(call: Call, *, AccessKeyId: str) -> dict:
    """A key's id spells its account, so that nothing is looked up, on AWS as here."""
    account = account_of_key(AccessKeyId)
    if account is None:
        raise ValidationError(f"Invalid value for AccessKeyId: {AccessKeyId}")
    return {"Account": account}


class InvalidAuthorizationMessageException(AwsError):
    status = 400
    message = "Message is not valid"


def DecodeAuthorizationMessage(call: Call, *, EncodedMessage: str) -> dict:
    """What services of this cloud encoded, and nothing else."""
    message = denial.decoded(call.home.settings.seal, EncodedMessage)
    if message is None:
        raise InvalidAuthorizationMessageException
    return {"DecodedMessage": message}


# Sessions ------------------------------------------------------------------------------------------


def AssumeRole(
    call: Call, *, RoleArn: str, RoleSessionName: str, PolicyArns: list[dict] | None = None, Policy: str | None = None,
    DurationSeconds: int | None = None, Tags: list[dict] | None = None, TransitiveTagKeys: list[str] | None = None,
    ExternalId: str | None = None, SourceIdentity: str | None = None, SerialNumber: str | None = None,
    TokenCode: str | None = None, MinimumSessionTokenSize: int | None = None,
) -> dict:  # fmt: skip
    """That the role trusts the caller, the gate has seen. A root key that nobody issued may assume a role that trusts its
    account, since it stands for whoever works there; AWS refuses every root user, and so do we where the key was issued."""
    caller = call.principal
    _check_role(RoleArn)
    if _is_issued_root(call):
        raise AccessDenied("Roles may not be assumed by root accounts.")
    role = call.home.store.shelf(SHARED, Identity).get(RoleArn)
    if role is None or role.kind != "role":
        raise AccessDenied(
            f"User: {caller.arn} is not authorized to perform: sts:AssumeRole on resource: {RoleArn}"
        )
    _use_second_factor(call, SerialNumber, TokenCode)
    duration = _role_duration(role, DurationSeconds)
    if caller.kind == "role" and duration > CHAINED_S_MAX:
        raise ValidationError(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
        )
    tags, transitive = _tags(caller, Tags, TransitiveTagKeys)
    policies = _policies(call, Policy, PolicyArns)
    reply = _packed_size(policies, Tags)
    context = {"aws:MultiFactorAuthPresent": "false"} if caller.kind != "service" else {}
    source_identity = _source_identity(caller, SourceIdentity)
    if source_identity:
        context["aws:SourceIdentity"] = reply["SourceIdentity"] = source_identity
    principal = authorize.role_session(
        RoleArn,
        role.id,
        RoleSessionName,
        session_policies=policies,
        tags=tags,
        transitive_tags=transitive,
        context=context,
    )
    reply["AssumedRoleUser"] = {"AssumedRoleId": principal.user_id, "Arn": principal.arn}
    return {**reply, **_issued(call, principal, duration, MinimumSessionTokenSize)}


def _is_issued_root(call: Call) -> bool:
    """Whether the caller is a root user with a key of its own, and not one for whom a key that nobody issued stands."""
    is_issued = call.home.settings.auth == "strict" or call.principal.key_id in call.home.store.shelf(SHARED, Credential)
    return call.principal.kind == "root" and is_issued


def _role_duration(role: Identity, wanted: int | None) -> int:
    duration = wanted or ROLE_S_DEFAULT
    if duration > role.session_s_max:
        raise ValidationError(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        )
    return duration


def _source_identity(caller: Principal, wanted: str | None) -> str:
    """It is set once and then stays with every role that is assumed from the session.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_monitor.html"""
    held = caller.context.get("aws:SourceIdentity", "")
    if held and wanted and wanted != held:
        raise AccessDenied("The source identity of a session cannot be changed by role chaining.")
    return wanted or held


def _tags(
    caller: Principal, tags: list[dict] | None, transitive: list[str] | None
) -> tuple[dict[str, str], tuple[str, ...]]:
    """The session's tags, and the keys it hands on. Facts and texts:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html"""
    asked = {tag["Key"]: tag["Value"] for tag in tags or ()}
    folded = {key.lower() for key in asked}
    if len(folded) != len(tags or ()):
        raise InvalidParameterValue(
            "Duplicate tag keys found. Please note that Tag keys are case insensitive."
        )
    handed = {key: caller.tags[key] for key in caller.transitive_tags if key in caller.tags}
    if folded & {key.lower() for key in handed}:
        raise InvalidParameterValue(
            "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key "
            "from the calling session."
        )
    if any(key.lower() not in folded for key in transitive or ()):
        raise InvalidParameterValue(
            "The specified transitive tag key must be included in the requested tags."
        )
    wanted = {key.lower() for key in transitive or ()}
    return {**handed, **asked}, (*handed, *(key for key in asked if key.lower() in wanted))


def _policies(call: Call, document: str | None, arns_wanted: list[dict] | None) -> tuple[str, ...]:
    """Session policies as the principal carries them: a document, and ARNs of managed policies."""
    policies: list[str] = []
    if document:
        if len(document) > POLICY_CHARACTERS_MAX:
            raise ValidationError(
                f"1 validation error detected: Value at 'policy' failed to satisfy constraint: "
                f"Member must have length less than or equal to {POLICY_CHARACTERS_MAX}"
            )
        parse(document, "identity")
        policies.append(document)
    for wanted in arns_wanted or ():
        arn = wanted.get("arn", "")
        if arn not in managed_policies.policies() and arn not in call.home.store.shelf(SHARED, Document):
            raise ValidationError(f"Policy {arn} does not exist or is not attachable.")
        policies.append(arn)
    return tuple(policies)


def _packed_size(policies: tuple[str, ...], tags: list[dict] | None) -> dict[str, Any]:
    """In percent of what is allowed; AWS leaves it out of the answer where nothing was packed."""
    if not policies and not tags:
        return {}
    packed = len(zlib.compress(orjson.dumps([policies, tags])))
    percent = max(1, -(-packed * 100 // PACKED_BYTES_MAX))
    if percent > 100:
        raise PackedPolicyTooLarge(
            f"Packed policy consumes {percent}% of allotted space, please use smaller policy."
        )
    return {"PackedPolicySize": percent}


def _issued(call: Call, principal: Principal, lifetime_s: int, token_bytes_min: int | None) -> dict[str, Any]:
    """What an answer says of temporary keys. The largest token is as large as one can be asked to be at least; what holds more than
    that, in our packing, is not refused."""
    session, token = issue(call.home, principal, lifetime_s, token_bytes_min or 0, is_inside=call.principal.is_inside)
    return {
        "Credentials": {
            "AccessKeyId": session.key_id,
            "SecretAccessKey": session.secret,
            "SessionToken": token,
            "Expiration": float(int(session.expires)),
        },
        "SessionTokenSize": len(token),
        "SessionTokenUtilization": min(100, -(-len(token) * 100 // TOKEN_BYTES_MAX)),
    }


# As the root user of a member ----------------------------------------------------------------------


def AssumeRoot(
    call: Call, *, TargetPrincipal: str, TaskPolicyArn: dict, DurationSeconds: int | None = None, MinimumSessionTokenSize: int | None = None
) -> dict:
    """A root key that nobody issued may call this, as it may call AssumeRole."""
    root.check_endpoint(call)
    account = root.target(TargetPrincipal)
    if account is None:
        raise ValidationError(f"{TargetPrincipal} is invalid", hint="It is the number of an account, or arn:aws:iam::NUMBER:root.")
    task = root.task(TaskPolicyArn)
    hint = "Root users may not call it." if _is_issued_root(call) else root.obstacle(call, account, root.FEATURES[task])
    if hint:
        touched = root.arn(call, TargetPrincipal)
        raise AccessDenied(f"User: {call.principal.arn} is not authorized to perform: sts:AssumeRoot on resource: {touched}", hint=hint)
    principal = root.principal(call, account, task)
    lifetime = root.SESSION_S_MAX if DurationSeconds is None else DurationSeconds
    reply = _issued(call, principal, lifetime, MinimumSessionTokenSize)
    if "aws:SourceIdentity" in principal.context:
        reply["SourceIdentity"] = principal.context["aws:SourceIdentity"]
    return reply


# With a token of another's ---------------------------------------------------------------------------


async def AssumeRoleWithWebIdentity(
    call: Call, *, RoleArn: str, RoleSessionName: str, WebIdentityToken: str, PolicyArns: list[dict] | None = None,
    Policy: str | None = None, DurationSeconds: int | None = None, MinimumSessionTokenSize: int | None = None,
) -> dict:  # fmt: skip
    """For OpenID Connect providers that IAM was told of. ``ProviderId``, for the access tokens of the OAuth 2.0 services that
    AWS has built in, is not among our parameters."""
    token = web_identity.read(WebIdentityToken)
    _check_role(RoleArn)
    parsed = arns.parse(RoleArn)
    issuer, now = token.claims["iss"], call.now()
    name = issuer.partition("://")[2]
    is_cognito = issuer == web_identity.COGNITO
    provider = None if is_cognito else _provider(call, parsed, token)
    expires = token.claims.get("exp")
    if not isinstance(expires, (int, float)) or expires <= now:
        raise web_identity.ExpiredTokenException(
            f"Token expired: current date/time {int(now)} must be before the expiration date/time{expires}"
        )
    await (web_identity.prove_identity(call, token) if provider is None else web_identity.prove(call, provider, token))
    tags, transitive, source_identity = token.session_tags()
    voucher = name if provider is None else provider.arn
    asker = Federated(voucher, token.claims["sub"], RoleSessionName, tags, transitive, source_identity)
    role = _trusting_role(call, "sts:AssumeRoleWithWebIdentity", RoleArn, asker, token.keys(name.lower()))
    # Policies of the role may speak of the identity: https://docs.aws.amazon.com/cognito/latest/developerguide/iam-roles.html
    kept = {f"{name}:{key}": token.claims[key] for key in ("aud", "sub")} if is_cognito else {}
    duration = _role_duration(role, DurationSeconds)
    reply = _federated_session(call, RoleArn, role, asker, kept, Policy, PolicyArns, duration, MinimumSessionTokenSize)
    told = {"SubjectFromWebIdentityToken": asker.subject, "Provider": issuer, "Audience": token.audience}
    return {**reply, **told}


def _provider(call: Call, role: arns.Arn, token: web_identity.Token) -> WebProvider:
    """Who vouches for a token in the account of the role. Raises InvalidIdentityToken."""
    issuer = token.claims["iss"]
    provider = call.home.store.shelf(SHARED, WebProvider).get(
        f"arn:{role.partition}:iam::{role.account}:oidc-provider/{issuer.partition('://')[2]}"
    )
    if provider is None or provider.url != issuer:
        raise web_identity.InvalidIdentityToken(f"No OpenIDConnect provider found in your account for {issuer}")
    if token.audience not in provider.client_ids:
        raise web_identity.InvalidIdentityToken("Incorrect token audience")
    return provider


def AssumeRoleWithSAML(
    call: Call, *, RoleArn: str, PrincipalArn: str, SAMLAssertion: str, PolicyArns: list[dict] | None = None,
    Policy: str | None = None, DurationSeconds: int | None = None, MinimumSessionTokenSize: int | None = None,
) -> dict:  # fmt: skip
    """The session ends with the one the provider tells of, if that is earlier."""
    _check_role(RoleArn)
    _check_arn(PrincipalArn)
    refused = AccessDenied("Not authorized to perform sts:AssumeRoleWithSAML")
    provider = call.home.store.shelf(SHARED, SamlProvider).get(PrincipalArn)
    if provider is None or provider.account != account_of(RoleArn, ""):
        raise refused
    said = saml.read(SAMLAssertion, provider, call.now())
    if not said.opens(RoleArn, PrincipalArn):
        raise refused
    asker = Federated(
        provider.arn, said.subject, said.session_name, said.tags, said.ours("TransitiveTagKeys"), said.one("SourceIdentity")
    )
    keys = saml.keys(said, provider)
    role = _trusting_role(call, "sts:AssumeRoleWithSAML", RoleArn, asker, keys)
    duration = _role_duration(role, DurationSeconds)
    if said.ends is not None:
        duration = min(duration, max(1, int(said.ends - call.now())))
    kept = {name: keys[name] for name in ("saml:namequalifier", "saml:sub", "saml:sub_type")}
    reply = _federated_session(call, RoleArn, role, asker, kept, Policy, PolicyArns, duration, MinimumSessionTokenSize)
    told = {
        "Subject": said.subject, "SubjectType": said.subject_type, "Issuer": said.issuer, "Audience": said.recipient,
        "NameQualifier": keys["saml:namequalifier"],
    }  # fmt: skip
    return {**reply, **told}


def _trusting_role(call: Call, action: str, arn: str, asker: Federated, keys: dict[str, Any]) -> Identity:
    """The role, if it trusts who is said to be asking, with all they want to bring. Raises AccessDenied.
    Keys: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html"""
    role = call.home.store.shelf(SHARED, Identity).get(arn)
    refused = AccessDenied(f"Not authorized to perform {action}")
    if role is None or role.kind != "role" or not role.trust:
        raise refused
    context = asker.keys() | keys | {
        "aws:requestedregion": call.region,
        "aws:currenttime": call.home.clock.now,
        "aws:epochtime": call.home.clock.now,
        "aws:resourceaccount": role.account,
        **organization.keys_of(organization.member(call.home, role.account), "resource"),
    }
    context |= tag_keys.of_resource(role.tags, load("sts").tag_keys)
    authority = Authority(Principal(kind="federated", account="", arn=asker.provider, user_id=asker.subject))
    trust = authorize.compiled(role.trust, "trust")
    wanted = [action, *(["sts:TagSession"] if asker.tags else []), *(["sts:SetSourceIdentity"] if asker.source_identity else [])]
    for each in wanted:
        rcps = call.home.gate.authorizer.rcps(authority.principal, each, role.account)
        decision = authority.decide(each, arn, dict(context), resource_policy=trust, resource_must_allow=True, rcps=rcps)
        if not decision.is_allowed and call.home.settings.iam == "enforce":
            refused.hint = decision.hint
            raise refused
    return role


def _federated_session(
    call: Call, role_arn: str, role: Identity, asker: Federated, context: dict[str, str], document: str | None,
    policy_arns: list[dict] | None, lifetime_s: int, token_bytes_min: int | None,
) -> dict[str, Any]:  # fmt: skip
    """What an answer says of the session and its keys."""
    tags, transitive = _tags(ANONYMOUS, asker.tags, asker.transitive)
    policies = _policies(call, document, policy_arns)
    reply = _packed_size(policies, asker.tags)
    context = {**context, "aws:FederatedProvider": asker.provider}
    if asker.source_identity:
        context["aws:SourceIdentity"] = reply["SourceIdentity"] = asker.source_identity
    principal = authorize.role_session(
        role_arn, role.id, asker.session_name, session_policies=policies, tags=tags, transitive_tags=transitive, context=context
    )
    reply["AssumedRoleUser"] = {"AssumedRoleId": principal.user_id, "Arn": principal.arn}
    return {**reply, **_issued(call, principal, lifetime_s, token_bytes_min)}


def GetSessionToken(
    call: Call,
    *,
    DurationSeconds: int | None = None,
    SerialNumber: str | None = None,
    TokenCode: str | None = None,
    MinimumSessionTokenSize: int | None = None,
) -> dict:
    caller = call.principal
    if caller.kind not in ("user", "root") or _is_temporary(call):
        raise AccessDenied("Cannot call GetSessionToken with session credentials")
    context = {"aws:MultiFactorAuthPresent": "false"}
    if _use_second_factor(call, SerialNumber, TokenCode):
        context = {"aws:MultiFactorAuthPresent": "true", "aws:MultiFactorAuthTime": str(int(call.now()))}
    principal = Principal(
        kind=caller.kind, account=caller.account, arn=caller.arn, user_id=caller.user_id, source_arn=caller.source_arn,
        context=context,
    )  # fmt: skip
    return _issued(call, principal, _duration(caller, DurationSeconds), MinimumSessionTokenSize)


def GetFederationToken(
    call: Call, *, Name: str, Policy: str | None = None, PolicyArns: list[dict] | None = None,
    DurationSeconds: int | None = None, Tags: list[dict] | None = None, MinimumSessionTokenSize: int | None = None,
) -> dict:  # fmt: skip
    """Without a session policy the federated user may do nothing but what resources give to it directly."""
    caller = call.principal
    if caller.kind not in ("user", "root") or _is_temporary(call):
        raise AccessDenied("Cannot call GetFederationToken with session credentials")
    tags, _ = _tags(caller, Tags, None)
    policies = _policies(call, Policy, PolicyArns)
    reply = _packed_size(policies, Tags)
    principal = Principal(
        kind="federated",
        account=caller.account,
        arn=f"arn:{call.home.partition}:sts::{caller.account}:federated-user/{Name}",
        user_id=f"{caller.account}:{Name}",
        source_arn=caller.source_arn or caller.arn,
        session_policies=policies,
        tags=tags,
    )
    reply["FederatedUser"] = {"FederatedUserId": principal.user_id, "Arn": principal.arn}
    return {**reply, **_issued(call, principal, _duration(caller, DurationSeconds), MinimumSessionTokenSize)}


def _is_temporary(call: Call) -> bool:
    """Whether the caller's own keys came from STS."""
    return "aws:TokenIssueTime" in call.principal.context


def _duration(caller: Principal, wanted: int | None) -> int:
    """The root user's sessions end after an hour, whatever was asked for.
    https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html"""
    duration = wanted or SESSION_S_DEFAULT
    return min(duration, ROOT_S_MAX) if caller.kind == "root" else duration
