"""Filters of findings, as lists and archive rules write them.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-filter-keys.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.services.accessanalyzer.errors import ValidationException

OF_LISTS = frozenset({"id", "status"})
KEYS = frozenset({
    "resource", "resourceType", "resourceOwnerAccount", "isPublic", "error", "findingType", "principal.AWS", "principal.Federated",
    "principal.CanonicalUser", "resourceControlPolicyRestriction",
})  # fmt: skip
VALUES_MAX = 20
OPERATORS = ("eq", "neq", "contains", "exists")


def checked(filter_: dict[str, dict[str, Any]], *, is_of_list: bool = False) -> dict[str, dict[str, Any]]:
    """A filter whose keys there are. Raises ValidationException."""
    for key, criterion in filter_.items():
        is_known = key in KEYS or key.startswith("condition.") or (is_of_list and key in OF_LISTS)
        if not is_known:
            raise ValidationException(f"The filter key {key} is not supported.")
        if not criterion:
            raise ValidationException(f"The criterion of the filter key {key} must not be empty.")
    return filter_


def _meets(value: str | None, criterion: dict[str, Any]) -> bool:
    if "exists" in criterion and (value is not None) is not criterion["exists"]:
        return False
    if "eq" in criterion and value not in criterion["eq"]:
        return False
    if "neq" in criterion and value in criterion["neq"]:
        return False
    return "contains" not in criterion or (value is not None and any(part in value for part in criterion["contains"]))


def meets(fields: dict[str, str], filter_: dict[str, dict[str, Any]]) -> bool:
    """Whether what is known of a finding meets every criterion."""
    return all(_meets(fields.get(key), criterion) for key, criterion in filter_.items())
