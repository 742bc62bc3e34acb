"""AWS's rules for users, groups, roles and policies.

Each by the page of its name: https://docs.aws.amazon.com/config/latest/developerguide/iam-user-mfa-enabled.html and so on. Results bear the
ids of IAM's resources, not their names.
"""

from __future__ import annotations

import base64
import csv as csv_files
import io
import json
from typing import Any
from urllib.parse import unquote

from kumoniwa.kernel.call import Call
from kumoniwa.services.config import resource_identity
from kumoniwa.services.config.check_s3 import covers, listed
from kumoniwa.services.config.check_service import DAY_S, csv
from kumoniwa.services.config.item import Item
from kumoniwa.services.config.resource import Found
from kumoniwa.services.config.verdict import (
    FINE,
    OUTSIDE,
    Check,
    Given,
    Judged,
    Survey,
    Surveyor,
    Verdict,
    fault,
    verdict,
)
from kumoniwa.wire import timestamps

USER, GROUP, ROLE, POLICY = "AWS::IAM::User", "AWS::IAM::Group", "AWS::IAM::Role", "AWS::IAM::Policy"
_KINDS = {kind.type: kind for kind in resource_identity.KINDS}
_INLINE = {USER: "userPolicyList", GROUP: "groupPolicyList", ROLE: "rolePolicyList"}
_PLURALS = {USER: "users", GROUP: "groups", ROLE: "roles"}


def _allowing(document: str) -> list[dict[str, Any]]:
    """The statements of a policy that allow something."""
    return [each for each in listed(json.loads(unquote(document)).get("Statement")) if each.get("Effect") == "Allow"]


def _default(item: Item) -> list[dict[str, Any]]:
    version = next(each for each in item.configuration["policyVersionList"] if each["isDefaultVersion"])
    return _allowing(version["document"])


def _is_boundary_only(item: Item, given: Given) -> bool:
    said = item.configuration
    return bool(given["excludePermissionBoundaryPolicy"]) and said.get("permissionsBoundaryUsageCount", 0) > 0 and not said.get("attachmentCount")


def _no_admin(call: Call, item: Item, given: Given) -> Verdict:
    if _is_boundary_only(item, given):
        return OUTSIDE
    is_admin = any("*" in listed(each.get("Action")) and "*" in listed(each.get("Resource")) for each in _default(item))
    return verdict(not is_admin, "The policy allows all actions on all resources.")


def _no_full_access(call: Call, item: Item, given: Given) -> Verdict:
    if _is_boundary_only(item, given):
        return OUTSIDE
    is_full = any(action == "*" or str(action).endswith(":*") for each in _default(item) for action in listed(each.get("Action")))
    return verdict(not is_full, "The policy allows all actions of a service.")


def _is_blocked(statements: list[dict[str, Any]], patterns: tuple[str, ...]) -> bool:
    """Conditions are not looked at, as on AWS."""
    return any(_is_on_keys(each) and any(covers(each, pattern) or _narrower(each, pattern) for pattern in patterns) for each in statements)


def _narrower(statement: dict[str, Any], pattern: str) -> bool:
    """Whether a statement allows a part of what the pattern means."""
    return any(covers({"Action": pattern}, str(action)) for action in listed(statement.get("Action")))


def _is_on_keys(statement: dict[str, Any]) -> bool:
    return any(each == "*" or (":kms:" in each and each.endswith((":key/*", ":*"))) for each in map(str, listed(statement.get("Resource"))))


def _customer_blocked(call: Call, item: Item, given: Given) -> Verdict:
    if _is_boundary_only(item, given):
        return OUTSIDE
    return verdict(not _is_blocked(_default(item), given["blockedActionsPatterns"]), "The policy allows blocked actions on all KMS keys.")


def _inline_blocked(call: Call, item: Item, given: Given) -> Verdict:
    documents = [each["policyDocument"] for each in item.configuration.get(_INLINE[item.type]) or ()]
    is_blocked = any(_is_blocked(_allowing(each), given["blockedActionsPatterns"]) for each in documents)
    return verdict(not is_blocked, "An inline policy allows blocked actions on all KMS keys.")


def _attached(item: Item) -> list[str]:
    return [each["policyArn"] for each in item.configuration.get("attachedManagedPolicies") or ()]


def _no_policies(call: Call, item: Item, given: Given) -> Verdict:
    return verdict(not item.configuration.get("userPolicyList") and not _attached(item), "The user has policies of its own.")


def _no_inline(call: Call, item: Item, given: Given) -> Verdict:
    return verdict(not item.configuration.get(_INLINE[item.type]), "An inline policy is in use.")


def _has_users(call: Call, item: Item, given: Given) -> Verdict:
    return verdict(any(each["resourceType"] == USER for each in item.body["relationships"]), "The group has no users.")


def _in_groups(call: Call, item: Item, given: Given) -> Verdict:
    groups, wanted = item.configuration.get("groupList") or [], csv(given["groupNames"])
    return verdict(bool(groups) and set(wanted) <= set(groups), "The user is not a member of the groups it should be in.")


def _blacklisted(call: Call, item: Item, given: Given) -> Verdict:
    excepted = {
        name
        for text in given["exceptionList"] or ()
        for kind, _, names in [text.partition(":")]
        if kind.strip() == _PLURALS[item.type]
        for name in names.strip(" []").split(";")
    }
    if item.name in excepted:
        return FINE
    return verdict(not set(_attached(item)) & set(given["policyArns"]), "A policy is attached that should not be.")


def _role_has(call: Call, item: Item, given: Given) -> Verdict:
    missing = set(given["managedPolicyArns"]) - set(_attached(item))
    return verdict(not missing, f"The role lacks {', '.join(sorted(missing))}.")


# Looking around ------------------------------------------------------------------------------------


async def _users(surveyor: Surveyor) -> list[Found]:
    return await surveyor.found(_KINDS[USER])


async def _mfa(surveyor: Surveyor, given: Given) -> list[Judged]:
    judged = []
    for each in await _users(surveyor):
        devices = await surveyor.reader.all("iam:ListMFADevices", UserName=each.name)
        judged.append(Judged(USER, each.id, verdict(bool(devices), "The user has no MFA device.")))
    return judged


async def _report(surveyor: Surveyor) -> list[dict[str, str]]:
    await surveyor.reader.ask("iam:GenerateCredentialReport")
    reply = await surveyor.reader.ask("iam:GetCredentialReport")
    content = reply["Content"]
    text = content.decode() if isinstance(content, bytes) else base64.b64decode(content).decode()
    return list(csv_files.DictReader(io.StringIO(text)))


async def _console_mfa(surveyor: Surveyor, given: Given) -> list[Judged]:
    rows = {row["user"]: row for row in await _report(surveyor)}
    return [
        Judged(USER, each.id, verdict(rows[each.name]["mfa_active"] == "true", "The user has a console password and no MFA device."))
        for each in await _users(surveyor) if rows.get(each.name, {}).get("password_enabled") == "true"
    ]  # fmt: skip


async def _keys_rotated(surveyor: Surveyor, given: Given) -> list[Judged]:
    """Keys that are inactive are not looked at. A user without active ones complies."""
    since, judged = surveyor.call.now() - given["maxAccessKeyAge"] * DAY_S, []
    for each in await _users(surveyor):
        keys = [key for key in await surveyor.reader.all("iam:ListAccessKeys", UserName=each.name) if key["Status"] == "Active"]
        is_fresh = all(key["CreateDate"] >= since for key in keys)
        judged.append(Judged(USER, each.id, verdict(is_fresh, f"An access key of the user is older than {given['maxAccessKeyAge']} days.")))
    return judged


_USES = (("password_enabled", "password_last_used", "password_last_changed"), ("access_key_1_active", "access_key_1_last_used_date", "access_key_1_last_rotated"),
         ("access_key_2_active", "access_key_2_last_used_date", "access_key_2_last_rotated"))  # fmt: skip


async def _credentials_used(surveyor: Surveyor, given: Given) -> list[Judged]:
    """What was never used counts from when it was made."""
    days = given["maxCredentialUsageAge"]
    since, rows = surveyor.call.now() - days * DAY_S, {row["user"]: row for row in await _report(surveyor)}
    judged = []
    for each in await _users(surveyor):
        row = rows.get(each.name)
        if row is not None:
            uses = [max(_moment(row[used]), _moment(row[made])) for enabled, used, made in _USES if row[enabled] == "true"]
            judged.append(
                Judged(
                    USER, each.id, verdict(all(at >= since for at in uses), f"The user has credentials that were not used for {days} days.")
                )
            )
    return judged


def _moment(text: str) -> float:
    return timestamps.parsed(text) if text[:1].isdigit() else 0.0


async def _policy_used(surveyor: Surveyor, given: Given) -> list[Judged]:
    """A group counts if it has users; a role always has somebody whom it trusts."""
    arn, kind = given["policyARN"], (given["policyUsageType"] or "ANY").upper()
    found = {type_: await surveyor.found(_KINDS[type_]) for type_ in (USER, GROUP, ROLE)}
    grouped = {group for user in found[USER] for group in user.configuration.get("groupList") or ()}

    def has(each: Found) -> bool:
        return arn in [policy["policyArn"] for policy in each.configuration.get("attachedManagedPolicies") or ()]

    uses = {
        "IAM_USER": any(map(has, found[USER])),
        "IAM_GROUP": any(has(each) and each.name in grouped for each in found[GROUP]),
        "IAM_ROLE": any(map(has, found[ROLE])),
    }
    is_used = any(uses.values()) if kind == "ANY" else uses.get(kind, False)
    return surveyor.of_account(FINE if is_used else fault(f"The policy {arn} is not in use."))


CHECKS: dict[str, Check] = {
    "IAM_POLICY_NO_STATEMENTS_WITH_ADMIN_ACCESS": _no_admin,
    "IAM_POLICY_NO_STATEMENTS_WITH_FULL_ACCESS": _no_full_access,
    "IAM_CUSTOMER_POLICY_BLOCKED_KMS_ACTIONS": _customer_blocked,
    "IAM_INLINE_POLICY_BLOCKED_KMS_ACTIONS": _inline_blocked,
    "IAM_USER_NO_POLICIES_CHECK": _no_policies,
    "IAM_NO_INLINE_POLICY_CHECK": _no_inline,
    "IAM_GROUP_HAS_USERS_CHECK": _has_users,
    "IAM_USER_GROUP_MEMBERSHIP_CHECK": _in_groups,
    "IAM_POLICY_BLACKLISTED_CHECK": _blacklisted,
    "IAM_ROLE_MANAGED_POLICY_CHECK": _role_has,
}

SURVEYS: dict[str, Survey] = {
    "IAM_USER_MFA_ENABLED": _mfa,
    "MFA_ENABLED_FOR_IAM_CONSOLE_ACCESS": _console_mfa,
    "ACCESS_KEYS_ROTATED": _keys_rotated,
    "IAM_USER_UNUSED_CREDENTIALS_CHECK": _credentials_used,
    "IAM_POLICY_IN_USE": _policy_used,
}
