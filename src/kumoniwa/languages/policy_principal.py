"""The Principal element of a policy: whom a statement names, and how directly.

How directly matters: what a resource gives to a user or to a session itself needs nobody else's consent, what it gives
to a role is bounded by the role's boundary, and what it gives to an account is only the account's to give on.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import IntEnum

from kumoniwa.kernel.principal import Principal
from kumoniwa.languages.policy_pattern import Context, values


class Grade(IntEnum):
    """How directly a statement names the caller."""

    NOT = 0
    ACCOUNT = 1
    """Through its account: an identity policy must pass it on."""
    ROLE = 2
    """Through the role (or federating user) behind the session: boundary and session policies still limit it."""
    DIRECT = 3
    """The caller itself, or everybody: implicit denies elsewhere do not matter."""


Naming = Callable[[Principal, Context], Grade]

TYPES = ("AWS", "Service", "Federated", "CanonicalUser")

_ACCOUNT = re.compile(r"\d{4}-?\d{4}-?\d{4}")
_ACCOUNT_ARN = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}):root")
_ENTITY_ARN = re.compile(
    r"arn:aws[a-z-]*:(?:iam|sts)::\d{12}:(?:user|role|assumed-role|federated-user|group)/[^*?]+"
    r"|arn:aws[a-z-]*:iam::cloudfront:user/CloudFront Origin Access Identity [A-Z0-9]+"
)
_UNIQUE_ID = re.compile(r"A[A-Z0-9]{3}[A-Z0-9]{8,124}(:[\w+=,.@-]+)?")
_SERVICE = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.(?:amazonaws\.com(?:\.cn)?|amazonaws\.eu|amazon\.com)")
_REGIONAL_SERVICE = re.compile(r"([a-z0-9-]+)\.([a-z]{2}(?:-[a-z]+)+-\d)\.(amazonaws\.com(?:\.cn)?)")


def is_wellformed(kind: str, value: str) -> bool:
    """Whether AWS would take ``value`` for a principal of that type; whether it exists is for IAM to say. Accounts may have dashes, and
    services have names of AWS's (pf-iam-trust-policy-… of badmintoncryer/cdk-preflight)."""
    if kind == "AWS":
        return value == "*" or any(
            shape.fullmatch(value) for shape in (_ACCOUNT, _ACCOUNT_ARN, _ENTITY_ARN, _UNIQUE_ID)
        )
    return bool(value) and kind in TYPES and (kind != "Service" or _SERVICE.fullmatch(value) is not None)


def _account(account: str) -> Naming:
    # The root user is the account: nobody needs to pass anything on to it.
    def naming(principal: Principal, context: Context) -> Grade:
        if principal.account != account or principal.kind in ("anonymous", "service"):
            return Grade.NOT
        return Grade.DIRECT if principal.kind == "root" else Grade.ACCOUNT

    return naming


def _entity(value: str) -> Naming:
    def naming(principal: Principal, context: Context) -> Grade:
        if value in (principal.arn, principal.user_id):
            return Grade.DIRECT
        if value == principal.source_arn or (
            principal.user_id and value == principal.user_id.partition(":")[0]
        ):
            return Grade.ROLE
        return Grade.NOT

    return naming


def _anybody(principal: Principal, context: Context) -> Grade:
    return Grade.DIRECT


def _service(value: str) -> Naming:
    regional = _REGIONAL_SERVICE.fullmatch(value)
    name, region = (f"{regional[1]}.{regional[3]}", regional[2]) if regional else (value, "")

    def naming(principal: Principal, context: Context) -> Grade:
        if principal.kind != "service" or principal.arn not in (value, name):
            return Grade.NOT
        if region and principal.arn == name and values(context, "aws:requestedregion") not in ((region,), ()):
            return Grade.NOT
        return Grade.DIRECT

    return naming


def _held(key: str, value: str) -> Naming:
    return lambda principal, context: Grade.DIRECT if value in values(context, key) else Grade.NOT


def _naming(kind: str, value: str) -> Naming:
    if value == "*":
        return _anybody
    if kind == "AWS":
        account = _ACCOUNT_ARN.fullmatch(value)
        if account or _ACCOUNT.fullmatch(value):
            return _account(account[1] if account else value.replace("-", ""))
        return _entity(value)
    if kind == "Service":
        return _service(value)
    return _held("aws:federatedprovider" if kind == "Federated" else "canonicaluser", value)


def keys(element: Mapping[str, list[str]]) -> frozenset[str]:
    """The context keys that deciding ``element`` may read."""
    read = set()
    if "Federated" in element:
        read.add("aws:federatedprovider")
    if "CanonicalUser" in element:
        read.add("canonicaluser")
    if any(_REGIONAL_SERVICE.fullmatch(value) for value in element.get("Service", ())):
        read.add("aws:requestedregion")
    return frozenset(read)


def compile_principal(element: Mapping[str, list[str]]) -> Naming:
    """``Principal``: how directly the best of its names fits."""
    names = [_naming(kind, value) for kind, listed in element.items() for value in listed]
    if len(names) == 1:
        return names[0]
    return lambda principal, context: max((name(principal, context) for name in names), default=Grade.NOT)


def compile_not_principal(element: Mapping[str, list[str]]) -> Naming:
    """``NotPrincipal``: a caller escapes only if every name it goes by is listed: session, role and account.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
    """
    listed = {value for group in element.values() for value in group}
    accounts = {account[1] for value in listed if (account := _ACCOUNT_ARN.fullmatch(value))} | listed
    accounts |= {value.replace("-", "") for value in listed if _ACCOUNT.fullmatch(value)}

    def naming(principal: Principal, context: Context) -> Grade:
        if "*" in listed:
            return Grade.NOT
        names = {principal.arn, principal.source_arn or principal.arn}
        has_account = principal.kind in ("anonymous", "service") or principal.account in accounts
        if principal.kind == "root":
            names = set()
        return Grade.NOT if has_account and names <= listed else Grade.DIRECT

    return naming
