"""Unused access: roles that nobody assumes, keys and passwords that nobody uses, and rights of the others that nobody exercises.

IAM is asked as the analyzer's role asks it on AWS; what it answers is what the gates of all regions saw tried. A right is unused when it has
rested for ``unusedAccessAge`` days, and nothing younger than that is judged. Roles that are linked to a service are the service's own.
https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-findings.html
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.accessanalyzer import analyzer as analyzers
from kumoniwa.services.accessanalyzer import keeping
from kumoniwa.services.accessanalyzer.analyzer import Analyzer
from kumoniwa.services.accessanalyzer.keeping import Found, Seen
from kumoniwa.services.accessanalyzer.resource import LINKED_PATH, gathered

ROLE, USER = "AWS::IAM::Role", "AWS::IAM::User"
TYPES = frozenset({ROLE, USER})


async def scan(call: Call, analyzer: Analyzer) -> None:
    """Look at every user and role."""
    standing: set[str] = set()
    rule = analyzer.configuration["unusedAccess"].get("analysisRule") or {}
    excluded = {account for criterion in rule.get("exclusions", ()) for account in criterion.get("accountIds", ())}
    for account in analyzers.watched(call, analyzer):
        if account not in excluded:
            async for seen, found in _entities(await analyzers.reading(call, account), analyzer, call.now() - analyzer.unused_s):
                if _keep(call, analyzer, seen, found):
                    standing.add(seen.arn)
    if analyzer.name in call.shelf(Analyzer):
        call.atomically(lambda: keeping.forget_others(call, analyzer, TYPES, standing))


async def _entities(reader: Call, analyzer: Analyzer, since: float) -> AsyncIterator[tuple[Seen, list[Found] | None]]:
    """The users and roles of an account, with what is found of each."""
    for role in await gathered(reader, "iam:ListRoles", "Roles", "Marker", "Marker", MaxItems=1000):
        if not role["Path"].startswith(LINKED_PATH) and not await _is_excluded(reader, analyzer, "iam:ListRoleTags", RoleName=role["RoleName"]):
            yield Seen(role["Arn"], ROLE, reader.account), await _role(reader, role, since)
    for user in await gathered(reader, "iam:ListUsers", "Users", "Marker", "Marker", MaxItems=1000):
        if not await _is_excluded(reader, analyzer, "iam:ListUserTags", UserName=user["UserName"]):
            yield Seen(user["Arn"], USER, reader.account), await _user(reader, user, since)


def _keep(call: Call, analyzer: Analyzer, seen: Seen, found: list[Found] | None) -> bool:
    held = call.shelf(Analyzer).get(analyzer.name)
    if found is None or held is None or held.created != analyzer.created:
        return False  # The entity or the analyzer went away meanwhile.
    call.atomically(lambda: keeping.judge(call, held, seen, found))
    return True


async def _is_excluded(reader: Call, analyzer: Analyzer, operation: str, **entity: str) -> bool:
    """Whether it has every tag of one of the sets that the analyzer leaves out.
    https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_AnalysisRuleCriteria.html"""
    rule = analyzer.configuration["unusedAccess"].get("analysisRule") or {}
    sets = [tags for criterion in rule.get("exclusions", ()) for tags in criterion.get("resourceTags", ())]
    if not sets:
        return False
    held = {tag["Key"]: tag["Value"] for tag in await gathered(reader, operation, "Tags", "Marker", "Marker", **entity)}
    return any(all(key in held and value in ("", held[key]) for key, value in tags.items()) for tags in sets)


async def _role(reader: Call, role: dict[str, Any], since: float) -> list[Found] | None:
    try:
        told = (await reader.ask("iam:GetRole", RoleName=role["RoleName"]))["Role"]
    except AwsError:
        return None
    last = told.get("RoleLastUsed", {}).get("LastUsedDate")
    if told["CreateDate"] > since:
        return []
    if last is None or last < since:
        return [Found("UnusedIAMRole", "role", (_accessed({}, last),))]
    return await _rights(reader, role["Arn"], since)


async def _user(reader: Call, user: dict[str, Any], since: float) -> list[Found] | None:
    found: list[Found] = []
    is_active = False
    try:
        for key in await gathered(reader, "iam:ListAccessKeys", "AccessKeyMetadata", "Marker", "Marker", UserName=user["UserName"]):
            used = (await reader.ask("iam:GetAccessKeyLastUsed", AccessKeyId=key["AccessKeyId"]))["AccessKeyLastUsed"]
            last = used.get("LastUsedDate")
            is_active = is_active or (last is not None and last >= since)
            if key["Status"] == "Active" and key["CreateDate"] <= since and (last is None or last < since):
                detail = _accessed({"accessKeyId": key["AccessKeyId"]}, last)
                found.append(Found("UnusedIAMUserAccessKey", f"key {key['AccessKeyId']}", (detail,)))
        profile = (await _login(reader, user["UserName"])).get("LoginProfile")
        if profile is not None and profile["CreateDate"] <= since:
            # There is no console to sign in to: a password is never used.
            found.append(Found("UnusedIAMUserPassword", "password", ({},)))
        if is_active and user["CreateDate"] <= since:
            found += await _rights(reader, user["Arn"], since)
    except AwsError as error:
        if error.code == "NoSuchEntity":
            return None
        raise
    return found


async def _login(reader: Call, name: str) -> dict[str, Any]:
    try:
        return await reader.ask("iam:GetLoginProfile", UserName=name)
    except AwsError as error:
        if error.code == "NoSuchEntity":
            return {}
        raise


def _accessed(detail: dict[str, Any], last: float | None) -> dict[str, Any]:
    return detail | ({"lastAccessed": last} if last is not None else {})


async def _rights(reader: Call, arn: str, since: float) -> list[Found]:
    """The services and actions that an entity in use may use and does not."""
    job = (await reader.ask("iam:GenerateServiceLastAccessedDetails", Arn=arn, Granularity="ACTION_LEVEL"))["JobId"]
    services = await gathered(reader, "iam:GetServiceLastAccessedDetails", "ServicesLastAccessed", "Marker", "Marker", JobId=job, MaxItems=1000)
    details = []
    for service in services:
        last = service.get("LastAuthenticated")
        detail: dict[str, Any] = {"serviceNamespace": service["ServiceNamespace"]}
        if last is None or last < since:
            details.append(_accessed(detail, last))
            continue
        tracked = service.get("TrackedActionsLastAccessed", ())
        rest = [each for each in tracked if each.get("LastAccessedTime") is None or each["LastAccessedTime"] < since]
        if rest:
            actions = [_accessed({"action": each["ActionName"]}, each.get("LastAccessedTime")) for each in rest]
            details.append(_accessed(detail | {"actions": actions}, last))
    return [Found("UnusedPermission", "permission", tuple(details))] if details else []
