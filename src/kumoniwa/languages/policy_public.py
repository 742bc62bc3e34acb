"""What in a resource's policy is public: people let in who are not named.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-policy-status
"""

from __future__ import annotations

import ipaddress
import json
from functools import lru_cache
from typing import Any

from kumoniwa.languages.policy import statements_in

_FIXING = frozenset((
    "aws:principalorgid", "aws:principalorgpaths", "aws:sourcearn", "aws:sourcevpc", "aws:sourcevpce", "aws:sourceaccount",
    "aws:sourceorgid", "aws:sourceowner", "aws:userid", "aws:principalarn", "aws:principalaccount", "s3:dataaccesspointarn",
    "s3:dataaccesspointaccount", "aws:viaawsservice", "kms:calleraccount",
))  # fmt: skip


@lru_cache(maxsize=1024)
def is_public(document: str) -> bool:
    """Whether a policy lets in people who are not named: a wildcard principal, not narrowed by a fixed condition."""
    return any(map(is_public_statement, statements_in(json.loads(document))))


def is_public_statement(statement: dict[str, Any]) -> bool:
    if statement.get("Effect") != "Allow":
        return False
    if "NotPrincipal" in statement:
        return True
    principal = statement.get("Principal")
    named = principal.get("AWS", ()) if isinstance(principal, dict) else principal
    if "*" not in ([named] if isinstance(named, str) else named or ()):
        return False
    for operator, keys in (statement.get("Condition") or {}).items():
        folded = operator.lower()
        if (
            not folded.startswith(("string", "arn", "ipaddress", "bool"))
            or "not" in folded
            or folded.endswith("ifexists")
        ):
            continue
        for key, values in keys.items():
            listed = [values] if not isinstance(values, list) else values
            if listed and all(narrows(key, str(value)) for value in listed):
                return False
    return True


def narrows(key: str, value: str) -> bool:
    """Whether a condition key that must have this value lets in only people who are named."""
    if key.lower() in _FIXING:
        return "*" not in value and "?" not in value
    return key.lower() == "aws:sourceip" and _is_narrow(value)


def _is_narrow(text: str) -> bool:
    try:
        return ipaddress.ip_network(text, strict=False).prefixlen >= (32 if ":" in text else 8)
    except ValueError:
        return False
