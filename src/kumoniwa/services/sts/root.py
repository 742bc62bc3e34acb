"""Sessions of the root users of an organization's members: a quarter of an hour for one task that only a root user can do.

Who may ask, for whom and for what: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-user-privileged-task.html. What such a
session may do is what its task's policy does not deny.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from kumoniwa.aws import managed_policies
from kumoniwa.gate.address import GLOBAL
from kumoniwa.gate.organization import CREDENTIALS, IAM, SESSIONS, member, root_features
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.errors import AwsError, ValidationError
from kumoniwa.kernel.record import changed

if TYPE_CHECKING:
    from kumoniwa.kernel.call import Call
    from kumoniwa.kernel.principal import Principal

SESSION_S_MAX = 900
FEATURES = {
    "IAMAuditRootUserCredentials": CREDENTIALS,
    "IAMCreateRootUserPassword": CREDENTIALS,
    "IAMDeleteRootUserCredentials": CREDENTIALS,
    "S3UnlockBucketPolicy": SESSIONS,
    "SQSUnlockQueuePolicy": SESSIONS,
}
"""The tasks, and what an organization must have turned on for them.
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-user.html#id_root-user-access-management"""
_TARGET = re.compile(r"(\d{12})|arn:[a-z-]+:iam::(\d{12}):root")
_GLOBAL_HOSTS = frozenset({"sts.amazonaws.com"})


class InvalidAction(AwsError):
    """What the global endpoint says: https://github.com/boto/boto3/issues/4461"""

    status = 400
    message = "Unknown Operation"


def target(text: Any) -> str | None:
    """The number of the account that a ``TargetPrincipal`` means, None for what is neither a number nor a root user's ARN."""
    found = _TARGET.fullmatch(text) if isinstance(text, str) else None
    return found[1] or found[2] if found is not None else None


def arn(call: Call, text: Any) -> str:
    """What a call with this ``TargetPrincipal`` touches."""
    account = target(text)
    return f"arn:{call.home.partition}:iam::{account}:root" if account is not None else "*"


def keys(params: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#ck_taskpolicyarn"""
    wanted = params.get("TaskPolicyArn")
    named = wanted.get("arn") if isinstance(wanted, dict) else None
    return {"sts:taskpolicyarn": named} if isinstance(named, str) else {}


def check_endpoint(call: Call) -> None:
    host = call.request.host if call.request is not None else ""
    if call.region == GLOBAL or host.partition(":")[0] in _GLOBAL_HOSTS:
        raise InvalidAction(hint="AssumeRoot is answered by STS's regional endpoints alone.")


def task(named: dict[str, Any]) -> str:
    """The name of a task, from the ARN of its policy."""
    policy = named.get("arn") or ""
    name = policy.removeprefix(managed_policies.ROOT_TASKS)
    if name == policy or name not in FEATURES:
        known = ", ".join(f"{managed_policies.ROOT_TASKS}{each}" for each in FEATURES)
        raise ValidationError(f"Policy {policy} does not exist or is not attachable.", hint=f"The policies of tasks are {known}.")
    return name


def obstacle(call: Call, account: str, feature: str) -> str:
    """Why the caller has no way to the root user of an account; empty if it has one."""
    asking, asked = member(call.home, call.principal.account), member(call.home, account)
    if asking is None or IAM not in asking.administers:
        return "Only the management account of an organization that trusts iam.amazonaws.com, or its delegated administrator, opens such sessions."
    if asked is None or asked.organization != asking.organization or asked.is_suspended:
        return f"{account} is no active account of the organization {asking.organization}."
    if account == asking.management:
        return "The management account's root user is nobody's to assume."
    if feature not in root_features(call.home, asking):
        return f"{feature} is not enabled: iam enable-organizations-root-… in the management account."
    return ""


def principal(call: Call, account: str, name: str) -> Principal:
    """Who the session is: the root user, held to the policy of a task."""
    caller = call.principal
    context = {"aws:AssumedRoot": "true", "aws:MultiFactorAuthPresent": "false"}
    if "aws:SourceIdentity" in caller.context:
        context["aws:SourceIdentity"] = caller.context["aws:SourceIdentity"]
    root = principals.root(account, partition=call.home.partition)
    return changed(root, session_policies=(f"{managed_policies.ROOT_TASKS}{name}",), context=context)
