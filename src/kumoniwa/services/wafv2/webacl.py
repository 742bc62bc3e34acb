"""Web ACLs: rules, and what is done with what none of them ends.

How long a solved puzzle counts (``CaptchaConfig``, ``ChallengeConfig``) is kept and told; the actions that set puzzles are refused by name.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate import firewall, firewall_guard
from kumoniwa.gate.edge import EdgeResource
from kumoniwa.gate.identity import SHARED
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.languages.firewall import capacity
from kumoniwa.services.wafv2 import errors, part
from kumoniwa.services.wafv2.checking import check_action, check_rules
from kumoniwa.services.wafv2.rulegroup import one_of
from kumoniwa.services.wafv2.scope import kept_by_scope

KIND = "webacl"


def _checked(call: Call, scope: str, said: dict[str, Any]) -> int:
    """What its rules cost."""
    bodies = said["CustomResponseBodies"] or {}
    check_action(said["DefaultAction"], bodies, "DEFAULT_ACTION", "DefaultAction")
    if "ChallengeJavascriptSdkInjection" in (said["AssociationConfig"] or {}):
        raise NotImplementedHere("ChallengeJavascriptSdkInjection of wafv2 web ACLs")
    cost = check_rules(call, scope, said["Rules"], bodies)
    if cost > capacity.MAX:
        raise errors.WAFLimitsExceededException
    return cost


@kept_by_scope
def CreateWebACL(
    call: Call, *, Name: str, Scope: str, DefaultAction: dict[str, Any], VisibilityConfig: dict[str, Any], Description: str | None = None,
    Rules: list[dict[str, Any]] | None = None, Tags: list[dict[str, str]] | None = None, CustomResponseBodies: dict[str, Any] | None = None,
    AssociationConfig: dict[str, Any] | None = None, CaptchaConfig: dict[str, Any] | None = None, ChallengeConfig: dict[str, Any] | None = None,
) -> dict:  # fmt: skip
    part.check_new(call, Scope, KIND, Name)
    said = {
        "Name": Name, "DefaultAction": DefaultAction, "Description": Description, "Rules": Rules or [], "VisibilityConfig": VisibilityConfig,
        "CustomResponseBodies": CustomResponseBodies, "AssociationConfig": AssociationConfig,
        "CaptchaConfig": CaptchaConfig, "ChallengeConfig": ChallengeConfig,
    }  # fmt: skip
    standing = {
        "Capacity": _checked(call, Scope, said), "ManagedByFirewallManager": False, "RetrofittedByFirewallManager": False,
        "LabelNamespace": f"awswaf:{call.account}:webacl:{Name}:",
    }  # fmt: skip
    return part.make(call, Scope, KIND, said | standing, Tags)


@kept_by_scope
def GetWebACL(call: Call, *, Name: str | None = None, Scope: str | None = None, Id: str | None = None, ARN: str | None = None) -> dict:
    found = one_of(call, KIND, Name, Scope, Id, ARN)
    return {"WebACL": found.document, "LockToken": found.lock}


@kept_by_scope
def UpdateWebACL(
    call: Call, *, Name: str, Scope: str, Id: str, DefaultAction: dict[str, Any], VisibilityConfig: dict[str, Any], LockToken: str,
    Description: str | None = None, Rules: list[dict[str, Any]] | None = None, CustomResponseBodies: dict[str, Any] | None = None,
    AssociationConfig: dict[str, Any] | None = None, CaptchaConfig: dict[str, Any] | None = None, ChallengeConfig: dict[str, Any] | None = None,
) -> dict:  # fmt: skip
    found = part.locked(call, Scope, KIND, Name, Id, LockToken)
    said = {
        "DefaultAction": DefaultAction, "Description": Description, "Rules": Rules or [], "VisibilityConfig": VisibilityConfig,
        "CustomResponseBodies": CustomResponseBodies, "AssociationConfig": AssociationConfig,
        "CaptchaConfig": CaptchaConfig, "ChallengeConfig": ChallengeConfig,
    }  # fmt: skip
    return part.keep(call, found, **said, Capacity=_checked(call, Scope, said))


@kept_by_scope
def DeleteWebACL(call: Call, *, Name: str, Scope: str, Id: str, LockToken: str) -> dict:
    found = part.locked(call, Scope, KIND, Name, Id, LockToken)
    if guarded(call, found.arn):
        raise errors.WAFAssociatedItemException
    held, key = firewall.shelf(call.home, call.account, found.arn), firewall.logging_key(found.arn)
    if key in held:
        del held[key]
    part.drop(call, found)
    firewall_guard.forget(call.home, found.arn)
    return {}


def guarded(call: Call, arn: str) -> list[str]:
    """The ARNs of what a web ACL guards; distributions say so themselves."""
    if firewall.is_global(arn):
        return [
            f"arn:{call.home.partition}:cloudfront::{each.account}:distribution/{each.id}"
            for each in call.home.store.shelf(SHARED, EdgeResource).values()
            if each.kind == "distribution" and each.config["WebACLId"] == arn
        ]
    return sorted(resource for resource, held in call.shelf(firewall.Association).items() if held.web_acl == arn)


@kept_by_scope
def ListWebACLs(call: Call, *, Scope: str, NextMarker: str | None = None, Limit: int | None = None) -> dict:
    return part.listed(call, Scope, KIND, "WebACLs", NextMarker, Limit)
