"""A stack policy: which of a stack's resources an update may modify, replace or delete.

Without a policy everything is allowed; with one, only what a statement allows and none denies:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/protect-stack-resources.html
"""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import Any

from kumoniwa.kernel.errors import ValidationError

BYTES_MAX = 16_384
ACTIONS = frozenset(("Update:*", "Update:Modify", "Update:Replace", "Update:Delete"))
PREFIX = "LogicalResourceId/"
_MEMBERS = {"Sid", "Effect", "Action", "NotAction", "Principal", "Resource", "NotResource", "Condition"}
_CONDITIONS = ("StringEquals", "StringLike")


class _Invalid(ValidationError):
    code = "ValidationError"
    message = "Error validating stack policy: Invalid stack policy"


def check(text: str) -> None:
    """Refuse what is no stack policy."""
    try:
        policy = json.loads(text)
    except (ValueError, RecursionError):
        raise _Invalid from None
    if not isinstance(policy, dict) or len(text.encode()) > BYTES_MAX or set(policy) - {"Statement", "Version", "Id"}:
        raise _Invalid
    if not all(_is_statement(each) for each in _statements(policy)):
        raise _Invalid


def _statements(policy: dict[str, Any]) -> list[Any]:
    found = policy.get("Statement", [])
    return found if isinstance(found, list) else [found]


def _is_statement(found: Any) -> bool:
    if not isinstance(found, dict) or set(found) - _MEMBERS or found.get("Effect") not in ("Allow", "Deny"):
        return False
    if found.get("Principal") not in ("*", {"AWS": "*"}):
        return False
    if ("Action" in found) == ("NotAction" in found) or ("Resource" in found) == ("NotResource" in found):
        return False
    actions = _texts(found.get("Action", found.get("NotAction")))
    resources = _texts(found.get("Resource", found.get("NotResource")))
    return (
        bool(actions) and set(actions) <= ACTIONS
        and bool(resources) and all(each == "*" or each.startswith(PREFIX) for each in resources)
        and _is_condition(found.get("Condition", {}))
    )  # fmt: skip


def _is_condition(found: Any) -> bool:
    return isinstance(found, dict) and all(
        operator in _CONDITIONS and isinstance(keys, dict) and set(keys) == {"ResourceType"} and _texts(keys["ResourceType"])
        for operator, keys in found.items()
    )


def _texts(found: Any) -> list[str]:
    found = found if isinstance(found, list) else [found]
    return found if all(isinstance(each, str) for each in found) else []


# Judged ------------------------------------------------------------------------------------------------


def refusal(text: str, action: str, logical_id: str, kind: str) -> str:
    """Why a policy does not let an update do this to a resource, or nothing. ``{}`` is no policy, as AWS was recorded."""
    statements = _statements(json.loads(text)) if text else []
    if not statements:
        return ""
    resource = PREFIX + logical_id
    named = [(n, each) for n, each in enumerate(statements, 1) if _is_about(each, action, resource, kind)]
    for number, each in named:
        if each["Effect"] == "Deny":
            return f"Action denied by stack policy: Statement [#{number}] does not allow [{action}] for resource [{resource}];"
    return "" if named else f"Action not allowed by stack policy: no statement allows [{action}] for resource [{resource}];"


def _is_about(statement: dict[str, Any], action: str, resource: str, kind: str) -> bool:
    def matches(member: str, value: str) -> bool:
        if member in statement:
            return any(_is_like(value, each) for each in _texts(statement[member]))
        return not any(_is_like(value, each) for each in _texts(statement[f"Not{member}"]))

    for operator, keys in statement.get("Condition", {}).items():
        kinds = _texts(keys["ResourceType"])
        if not (kind in kinds if operator == "StringEquals" else any(_is_like(kind, each) for each in kinds)):
            return False
    return matches("Action", action) and matches("Resource", resource)


def _is_like(value: str, pattern: str) -> bool:
    return fnmatchcase(value, pattern.replace("[", "[[]"))
