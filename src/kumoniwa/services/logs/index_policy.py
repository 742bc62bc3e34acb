"""Which fields of a group are indexed, and since when: what ``filterIndex`` finds.

An index has what came in while it was in force; it is used for 30 days after it ended.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatchLogs-Field-Indexing.html
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.logs import account_policy, page
from kumoniwa.services.logs.group import DAY_MS, Group, InvalidParameterException, identified

DEFAULTS = ("@logStream", "traceId")
"""Indexed in every group. AWS has more, of fields that events here do not have."""
FIELDS_MAX, NAME_MAX = 20, 100
USED_DAYS = 30
PAGE = 100
FOREVER_MS = 1 << 62
FIELD_INDEX, FACET = "FIELD_INDEX", "FACET"


class Index(Record):
    field: str
    since_ms: int
    until_ms: int = FOREVER_MS
    kind: str = FIELD_INDEX


class IndexPolicy(Record):
    """Of one group, shelved by its name."""

    group: str
    number: int
    """The group's: one that is made anew under an old name has none of this."""
    indexes: tuple[Index, ...]
    document: str = ""
    """Empty where the policy was deleted."""
    updated_ms: int = 0


def _held(call: Call, group: Group) -> IndexPolicy | None:
    found = call.shelf(IndexPolicy).get(group.name)
    return found if found is not None and found.number == group.number else None


def _used(call: Call, group: Group) -> list[Index]:
    held, before_ms = _held(call, group), call.now() * 1000 - USED_DAYS * DAY_MS
    return [each for each in held.indexes if each.until_ms > before_ms] if held is not None else []


def spans(call: Call, group: Group) -> tuple[tuple[str, int, int], ...]:
    """Fields, and from and until when what came in was indexed."""
    found = [(name, group.created_ms, FOREVER_MS) for name in DEFAULTS]
    return (*found, *((each.field, each.since_ms, each.until_ms) for each in (*_used(call, group), *_of_account(call, group))))


def indexed_now(call: Call, group: Group) -> set[str]:
    """The fields of which what comes in is indexed."""
    return {field for field, _, until_ms in spans(call, group) if until_ms == FOREVER_MS}


def indexes_in(held: tuple[dict[str, Any], ...]) -> list[Index]:
    return [msgspec.convert(each, Index) for each in held]


def _policy_of_account(call: Call, group: Group) -> account_policy.AccountPolicy | None:
    """What the account says of a group that says nothing itself."""
    held = _held(call, group)
    return account_policy.on(call, group, account_policy.FIELD_INDEX) if held is None or not held.document else None


def _of_account(call: Call, group: Group) -> list[Index]:
    policy = _policy_of_account(call, group)
    return indexes_in(policy.indexes) if policy is not None else []


def _read(document: str) -> dict[str, str]:
    """Fields and of which kind their indexes are."""
    try:
        said = json.loads(document)
    except ValueError:
        said = None
    if not isinstance(said, dict) or not said or set(said) - {"Fields", "FieldsV2"}:
        raise InvalidParameterException("The policy document must be a JSON object with Fields, FieldsV2 or both.")
    plain, typed = said.get("Fields", []), said.get("FieldsV2", {})
    if not isinstance(plain, list) or not isinstance(typed, dict):
        raise InvalidParameterException("Fields is a list of names, FieldsV2 an object of names and their types.")
    kinds = [each.get("type", FIELD_INDEX) if isinstance(each, dict) else None for each in typed.values()]
    if not all(kind in (FIELD_INDEX, FACET) for kind in kinds):
        raise InvalidParameterException(f"An index is of the type {FIELD_INDEX} or {FACET}.")
    if not all(isinstance(name, str) and 0 < len(name) <= NAME_MAX for name in (*plain, *typed)) or not (plain or typed):
        raise InvalidParameterException(f"A policy indexes fields whose names have 1 to {NAME_MAX} characters.")
    if len({*plain, *typed}) > FIELDS_MAX:
        # Seen of AWS by cdk-preflight: pf-logs-field-index-fields-max.
        raise InvalidParameterException(f"Policy document contains more than {FIELDS_MAX} fields.")
    return dict.fromkeys(plain, FIELD_INDEX) | dict(zip(typed, kinds))


def _shown(call: Call, policy: IndexPolicy) -> dict[str, Any]:
    return {
        "logGroupIdentifier": call.arn(f"log-group:{policy.group}"), "lastUpdateTime": policy.updated_ms, "policyDocument": policy.document,
        "source": "LOG_GROUP",
    }  # fmt: skip


def PutIndexPolicy(call: Call, *, logGroupIdentifier: str, policyDocument: str) -> dict:
    """Fields that stay are indexed as before, those that are new from now on, those that are gone until now."""
    group = identified(call, logGroupIdentifier)
    indexes = reindexed(call, _used(call, group), policyDocument)
    policy = IndexPolicy(
        group=group.name, number=group.number, indexes=tuple(indexes), document=policyDocument, updated_ms=milliseconds(call.now())
    )
    call.shelf(IndexPolicy)[group.name] = policy
    return {"indexPolicy": _shown(call, policy)}


def reindexed(call: Call, held: list[Index], document: str) -> list[Index]:
    """The indexes there are when a policy becomes another."""
    wanted, now_ms = _read(document), milliseconds(call.now())
    standing = {each.field: each for each in held if each.until_ms == FOREVER_MS}
    ended = [
        each if each.until_ms != FOREVER_MS else changed(each, until_ms=now_ms)
        for each in held
        if each.field not in wanted or each.until_ms != FOREVER_MS
    ]
    made = [
        changed(standing[name], kind=kind) if name in standing else Index(field=name, since_ms=now_ms, kind=kind)
        for name, kind in wanted.items()
    ]
    return [*ended, *made]


def DescribeIndexPolicies(call: Call, *, logGroupIdentifiers: list[str], nextToken: str | None = None) -> dict:
    page.check_only(nextToken)
    shown = []
    for group in [identified(call, each) for each in logGroupIdentifiers]:
        held, policy = _held(call, group), _policy_of_account(call, group)
        if held is not None and held.document:
            shown.append(_shown(call, held))
        elif policy is not None:
            shown.append({
                "logGroupIdentifier": call.arn(f"log-group:{group.name}"), "lastUpdateTime": policy.updated_ms, "policyDocument": policy.document,
                "policyName": policy.name, "source": "ACCOUNT",
            })  # fmt: skip
    return {"indexPolicies": shown}


def DeleteIndexPolicy(call: Call, *, logGroupIdentifier: str) -> None:
    group, now_ms = identified(call, logGroupIdentifier), milliseconds(call.now())
    if (held := _held(call, group)) is not None:
        indexes = tuple(each if each.until_ms != FOREVER_MS else changed(each, until_ms=now_ms) for each in _used(call, group))
        call.shelf(IndexPolicy)[group.name] = changed(held, indexes=indexes, document="", updated_ms=now_ms)


def DescribeFieldIndexes(
    call: Call, *, logGroupIdentifiers: list[str], indexCategories: list[str] | None = None, nextToken: str | None = None
) -> dict:
    """When events matched an index is not told: nothing looks for that before somebody queries."""
    wanted = set(indexCategories or ("DEFAULT", "CUSTOM", "INACTIVE"))
    found: list[dict[str, Any]] = []
    for identifier in logGroupIdentifiers:
        group = identified(call, identifier)
        arn = call.arn(f"log-group:{group.name}")
        shown = [{"fieldIndexName": name, "type": FIELD_INDEX, "indexCategory": "DEFAULT"} for name in DEFAULTS]
        used = [*_used(call, group), *_of_account(call, group)]
        standing = {each.field for each in used if each.until_ms == FOREVER_MS}
        shown += [{"fieldIndexName": each.field, "type": each.kind, "indexCategory": "CUSTOM"} for each in used if each.until_ms == FOREVER_MS]
        gone = dict.fromkeys(each.field for each in used if each.field not in standing)
        shown += [{"fieldIndexName": name, "type": FIELD_INDEX, "indexCategory": "INACTIVE"} for name in gone]
        found += [{"logGroupIdentifier": arn} | each for each in shown if each["indexCategory"] in wanted]
    first = page.offset(nextToken)
    more = {"nextToken": str(first + PAGE)} if first + PAGE < len(found) else {}
    return {"fieldIndexes": found[first : first + PAGE]} | more
