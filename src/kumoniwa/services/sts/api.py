"""The operations of STS."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import orjson

from kumoniwa.aws import managed_policies
from kumoniwa.gate import authorize
from kumoniwa.gate.identity import SHARED, Credential, Document, Identity, account_of_key, issue
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.errors import AwsError, ValidationError
from kumoniwa.kernel.principal import Principal
from kumoniwa.languages.policy import parse

if TYPE_CHECKING:
    from kumoniwa.kernel.call import Call

RESOURCE_MUST_ALLOW = True
"""No identity policy opens a role whose trust policy does not."""

ROLE_S_DEFAULT = CHAINED_S_MAX = ROOT_S_MAX = 3_600
SESSION_S_DEFAULT = 43_200
POLICY_CHARACTERS_MAX = 2_048
PACKED_BYTES_MAX = 2_048
"""What session policies and tags may come to when compressed. AWS does not tell its packing; ours is zlib's."""


class AccessDenied(AwsError):
    status = 403


class InvalidParameterValue(AwsError):
    status = 400


class PackedPolicyTooLarge(AwsError):
    status = 400


# What the gate asks --------------------------------------------------------------------------------


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> Any:
    if operation == "AssumeRole":
        arn = params.get("RoleArn")
        arn = arn if isinstance(arn, str) and arns.parse(arn) is not None else "*"
        needs = [("sts:AssumeRole", arn)]
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html and id_credentials_temp_control-access_monitor.html
        if params.get("Tags") or call.principal.transitive_tags:
            needs.append(("sts:TagSession", arn))
        if params.get("SourceIdentity"):
            needs.append(("sts:SetSourceIdentity", arn))
        return needs
    if operation == "GetFederationToken":
        arn = f"arn:{call.home.partition}:sts::{call.account}:federated-user/{params.get('Name', '')}"
        tagging = [("sts:TagSession", arn)] if params.get("Tags") else []
        return [("sts:GetFederationToken", arn), *tagging]
    return "*"


def policy_of(call: Call, arn: str) -> str | None:
    role = call.home.store.shelf(SHARED, Identity).get(arn)
    return role.trust if role is not None and role.kind == "role" else None


def conditions_of(call: Call, operation: str, params: dict[str, Any]) -> dict[str, Any]:
    context: dict[str, Any] = {}
    for parameter in ("ExternalId", "RoleSessionName", "SourceIdentity", "TransitiveTagKeys"):
        if isinstance(params.get(parameter), (str, list)):
            context[f"sts:{parameter.lower()}"] = params[parameter]
    context |= authorize.request_tags(params)
    arn = params.get("RoleArn")
    role = call.home.store.shelf(SHARED, Identity).get(arn) if isinstance(arn, str) else None
    for key, value in (role.tags if role is not None else {}).items():
        context[f"aws:resourcetag/{key.lower()}"] = context[f"iam:resourcetag/{key.lower()}"] = value
    return context


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


# Sessions ------------------------------------------------------------------------------------------


def AssumeRole(
    call: Call, *, RoleArn: str, RoleSessionName: str, PolicyArns: list[dict] | None = None, Policy: str | None = None,
    DurationSeconds: int | None = None, Tags: list[dict] | None = None, TransitiveTagKeys: list[str] | None = None,
    ExternalId: str | None = None, SourceIdentity: str | None = None,
) -> dict:  # fmt: skip
    """That the role trusts the caller, the gate has seen. A root key that nobody issued may assume a role that trusts its
    account, since it stands for whoever works there; AWS refuses every root user, and so do we where the key was issued."""
    caller = call.principal
    if arns.parse(RoleArn) is None:
        raise ValidationError("Request ARN is invalid")
    is_issued = call.home.settings.auth == "strict" or caller.key_id in call.home.store.shelf(SHARED, Credential)
    if caller.kind == "root" and is_issued:
        raise AccessDenied("Roles may not be assumed by root accounts.")
    role = call.home.store.shelf(SHARED, Identity).get(RoleArn)
    if role is None or role.kind != "role":
        raise AccessDenied(
            f"User: {caller.arn} is not authorized to perform: sts:AssumeRole on resource: {RoleArn}"
        )
    duration = DurationSeconds or ROLE_S_DEFAULT
    if duration > role.session_s_max:
        raise ValidationError(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        )
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
    return {**reply, "Credentials": _credentials(call, principal, duration)}


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


def _credentials(call: Call, principal: Principal, lifetime_s: int) -> dict[str, Any]:
    session, token = issue(call.home, principal, lifetime_s)
    return {
        "AccessKeyId": session.key_id,
        "SecretAccessKey": session.secret,
        "SessionToken": token,
        "Expiration": float(int(session.expires)),
    }


def GetSessionToken(call: Call, *, DurationSeconds: int | None = None) -> dict:
    caller = call.principal
    if caller.kind not in ("user", "root") or _is_temporary(call):
        raise AccessDenied("Cannot call GetSessionToken with session credentials")
    principal = Principal(
        kind=caller.kind, account=caller.account, arn=caller.arn, user_id=caller.user_id, source_arn=caller.source_arn,
        context={"aws:MultiFactorAuthPresent": "false"},
    )  # fmt: skip
    return {"Credentials": _credentials(call, principal, _duration(caller, DurationSeconds))}


def GetFederationToken(
    call: Call, *, Name: str, Policy: str | None = None, PolicyArns: list[dict] | None = None,
    DurationSeconds: int | None = None, Tags: list[dict] | None = None,
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
    return {**reply, "Credentials": _credentials(call, principal, _duration(caller, DurationSeconds))}


def _is_temporary(call: Call) -> bool:
    """Whether the caller's own keys came from STS."""
    return "aws:TokenIssueTime" in call.principal.context


def _duration(caller: Principal, wanted: int | None) -> int:
    """The root user's sessions end after an hour, whatever was asked for.
    https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html"""
    duration = wanted or SESSION_S_DEFAULT
    return min(duration, ROOT_S_MAX) if caller.kind == "root" else duration
