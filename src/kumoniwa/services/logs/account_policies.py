"""The operations on policies of the account."""

from __future__ import annotations

from typing import Any

import msgspec
import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.services.logs import index_policy, page, protection, subscription, transformer
from kumoniwa.services.logs.account_policy import (
    DATA_PROTECTION,
    FIELD_INDEX,
    SUBSCRIPTION,
    TRANSFORMER,
    AccountPolicy,
    key_of,
    of_kind,
    read_criteria,
)
from kumoniwa.services.logs.group import InvalidParameterException, ResourceNotFoundException
from kumoniwa.services.logs.policy import LimitExceededException

MOST = {DATA_PROTECTION: 1, SUBSCRIPTION: 1, TRANSFORMER: 20, FIELD_INDEX: 20}
MALFORMED = {
    SUBSCRIPTION: "Malformed Subscription filter policy", TRANSFORMER: transformer.NO_CONFIG,
    FIELD_INDEX: "The policy document is no JSON.",
}  # fmt: skip
"""What is told of a document that is no JSON; policies that protect data have rules of their own. Of index policies and of transformers it was not measured, of transformers but for what is JSON and no list."""
PERMISSIONS = {
    DATA_PROTECTION: "logs:PutDataProtectionPolicy", SUBSCRIPTION: "logs:PutSubscriptionFilter", TRANSFORMER: "logs:PutTransformer",
    FIELD_INDEX: "logs:PutIndexPolicy",
}  # fmt: skip


class PolicyNotFound(ResourceNotFoundException):
    code = "ResourceNotFoundException"
    message = "The specified account policy does not exist."


def _checked_kind(kind: str) -> str:
    if kind not in MOST:
        raise NotImplementedHere(f"policies of the account of the type {kind}")
    return kind


async def PutAccountPolicy(
    call: Call, *, policyName: str, policyDocument: str, policyType: str, scope: str | None = None, selectionCriteria: str | None = None
) -> dict:
    kind = _checked_kind(policyType)
    if policyName.startswith("aws/"):
        raise InvalidParameterException("Policy names that begin with aws/ are reserved.")
    call.require(PERMISSIONS[kind], call.arn("log-group:*"))
    document = _read(call, kind, policyDocument)
    prefix, excluded = read_criteria(kind, selectionCriteria)
    made = AccountPolicy(
        name=policyName, kind=kind, document=policyDocument, updated_ms=milliseconds(call.now()), criteria=selectionCriteria or "", prefix=prefix,
        excluded=excluded,
    )  # fmt: skip
    _check_room(call, made)
    if kind == SUBSCRIPTION:
        await subscription.prove_account(call, document)
    return call.atomically(lambda: _keep(call, made))


def _read(call: Call, kind: str, document: str) -> Any:
    """What a policy says, as cdk-preflight saw AWS refuse it (pf-logs-account-policy-…): before what it is about."""
    if kind == DATA_PROTECTION:
        protection.check(document)
    try:
        said = orjson.loads(document)
    except orjson.JSONDecodeError:
        raise InvalidParameterException(MALFORMED[kind]) from None
    if kind == SUBSCRIPTION:
        subscription.check_account(call, said)
    elif kind == TRANSFORMER:
        transformer.checked(said)
    return said


def _check_room(call: Call, made: AccountPolicy) -> None:
    others = [each for each in of_kind(call, made.kind) if each.name != made.name]
    if len(others) >= MOST[made.kind]:
        raise LimitExceededException
    if made.kind in (DATA_PROTECTION, SUBSCRIPTION):
        return
    for each in others:
        if each.prefix.startswith(made.prefix) or made.prefix.startswith(each.prefix):
            raise InvalidParameterException(f"The policy {each.name} is about log groups with the same or an overlapping prefix.")


def _keep(call: Call, made: AccountPolicy) -> dict:
    shelf, key = call.shelf(AccountPolicy), key_of(made.kind, made.name)
    if made.kind == FIELD_INDEX:
        held = shelf[key].indexes if key in shelf else ()
        indexes = index_policy.reindexed(call, index_policy.indexes_in(held), made.document)
        made = msgspec.structs.replace(made, indexes=tuple(map(msgspec.to_builtins, indexes)))
    shelf[key] = made
    return {"accountPolicy": _shown(call, made)}


def _shown(call: Call, policy: AccountPolicy) -> dict[str, Any]:
    shown = {
        "policyName": policy.name, "policyDocument": policy.document, "lastUpdatedTime": policy.updated_ms, "policyType": policy.kind, "scope": "ALL",
        "selectionCriteria": policy.criteria, "accountId": call.account,
    }  # fmt: skip
    return {name: value for name, value in shown.items() if value != ""}


def DescribeAccountPolicies(
    call: Call, *, policyType: str, policyName: str | None = None, accountIdentifiers: list[str] | None = None, nextToken: str | None = None
) -> dict:
    if [account for account in accountIdentifiers or () if account != call.account]:
        raise NotImplementedHere("policies of linked accounts")
    page.check_only(nextToken)
    found = [each for each in of_kind(call, _checked_kind(policyType)) if policyName in (None, each.name)]
    if policyName is not None and not found:
        raise PolicyNotFound
    return {"accountPolicies": [_shown(call, each) for each in found]}


def DeleteAccountPolicy(call: Call, *, policyName: str, policyType: str) -> None:
    shelf, key = call.shelf(AccountPolicy), key_of(_checked_kind(policyType), policyName)
    if key not in shelf:
        raise PolicyNotFound
    del shelf[key]
