"""Policies of the account: what holds for all log groups, or for those whose names begin alike, that have nothing of their own to say.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutAccountPolicy.html
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record
from kumoniwa.services.logs.group import Group, InvalidParameterException

SUBSCRIPTION, TRANSFORMER, FIELD_INDEX = "SUBSCRIPTION_FILTER_POLICY", "TRANSFORMER_POLICY", "FIELD_INDEX_POLICY"
DATA_PROTECTION = "DATA_PROTECTION_POLICY"
CRITERIA_BYTES_MAX = 25 * 1024
_PREFIX = re.compile(r'\s*LogGroupNamePrefix\s*(?:=|:|\bIN\b|(?="))\s*\[?\s*"?([^"\[\]]+?)"?\s*\]?\s*', re.IGNORECASE)
_EXCEPT = re.compile(r"\s*LogGroupName\s+NOT\s+IN\s+(\[.*\])\s*", re.IGNORECASE | re.DOTALL)


class AccountPolicy(Record):
    """Shelved by ``key_of``."""

    name: str
    kind: str
    document: str
    updated_ms: int
    criteria: str = ""
    prefix: str = ""
    """Of the names of the groups it is about."""
    excluded: tuple[str, ...] = ()
    indexes: tuple[dict[str, Any], ...] = ()
    """Of an index policy: ``index_policy.Index``."""


def key_of(kind: str, name: str) -> str:
    return f"{kind} {name}"


def of_kind(call: Call, kind: str) -> list[AccountPolicy]:
    return [each for _, each in sorted(call.shelf(AccountPolicy).items()) if each.kind == kind]


def on(call: Call, group: Group, kind: str) -> AccountPolicy | None:
    """The policy that is about a group: of several the one with the longest prefix."""
    if not (shelf := call.shelf(AccountPolicy)):
        return None
    found = [each for each in shelf.values() if each.kind == kind and group.name.startswith(each.prefix) and group.name not in each.excluded]
    return max(found, key=lambda each: len(each.prefix), default=None)


def read_criteria(kind: str, criteria: str | None) -> tuple[str, tuple[str, ...]]:
    """A prefix and exceptions. How a prefix is spelled is not documented: with ``=``, ``:`` or ``IN``, or as cdk-preflight spelled it when AWS
    took it, with nothing between. It also saw the texts (pf-logs-account-policy-selection-criteria-…)."""
    if not criteria:
        return "", ()
    if kind == DATA_PROTECTION:
        raise InvalidParameterException(f"SelectionCriteria is not yet supported for the {kind} policy type.")
    if len(criteria.encode()) > CRITERIA_BYTES_MAX:
        raise InvalidParameterException("The selection criteria are longer than 25 KB.")
    if kind == SUBSCRIPTION:
        found = _EXCEPT.fullmatch(criteria)
        try:
            names = orjson.loads(found[1].replace("'", '"')) if found else None
        except orjson.JSONDecodeError:
            names = None
        if names is None or not all(isinstance(name, str) for name in names):
            raise InvalidParameterException("The provided SelectionCriteria string is invalid.", hint='LogGroupName NOT IN ["name", …]')
        return "", tuple(names)
    found = _PREFIX.fullmatch(criteria)
    if found is None:
        raise InvalidParameterException("Invalid selection criteria provided.", hint='LogGroupNamePrefix = "prefix"')
    return found[1], ()
