"""Resource policies: what lets AWS's own services write into a log group.

They speak to services alone: AWS does not ask them about users, roles or other accounts, and no more do we. There are
ten for the account, and one for each group. https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutResourcePolicy.html
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record
from kumoniwa.languages.policy import MalformedPolicyDocument, parse, statements_in
from kumoniwa.services.logs.group import (
    InvalidParameterException,
    ResourceNotFoundException,
    identified,
    name_in,
)

ACCOUNT_POLICIES_MAX = 10
UNPARSED = "Error occurred while parsing accessPolicy. Please check if the accessPolicy has been constructed correctly using IAM grammar."
"""Of resource policies and those of destinations, as cdk-preflight saw it of AWS: pf-logs-resource-policy-json, pf-logs-destination-policy-json."""


class LimitExceededException(AwsError):
    message = "Resource limit exceeded."


class OperationAbortedException(AwsError):
    message = "Multiple concurrent requests to update the same resource were in conflict."


class ResourcePolicy(Record):
    """Shelved by ``key_of``."""

    name: str
    document: str
    updated_ms: int
    group: str = ""
    """The log group whose policy this is; empty for one of the account."""
    revision: str = ""


def key_of(name: str, group: str) -> str:
    return f"group {group}" if group else f"account {name}"


def PutResourcePolicy(
    call: Call, *, policyName: str | None = None, policyDocument: str | None = None, resourceArn: str | None = None,
    expectedRevisionId: str | None = None,
) -> dict:  # fmt: skip
    group = identified(call, resourceArn).name if resourceArn else ""
    if not policyDocument:
        raise InvalidParameterException("Policy document must be provided.")
    if not policyName and not group:
        raise InvalidParameterException("Policy name must be provided.")
    try:
        parse(policyDocument, "resource")
    except MalformedPolicyDocument as error:
        raise InvalidParameterException(UNPARSED, hint=error.text) from None
    shelf, key = call.shelf(ResourcePolicy), key_of(policyName or "", group)
    if group:
        _check_revision(shelf.get(key), expectedRevisionId)
    elif key not in shelf and sum(not policy.group for policy in shelf.values()) >= ACCOUNT_POLICIES_MAX:
        raise LimitExceededException
    policy = shelf[key] = ResourcePolicy(
        name=policyName or "", document=policyDocument, updated_ms=milliseconds(call.now()), group=group,
        revision=call.new_id() if group else "",
    )  # fmt: skip
    reply: dict[str, Any] = {"resourcePolicy": _shown(call, policy, policyDocument)}
    return reply | ({"revisionId": policy.revision} if group else {})


def _check_revision(held: ResourcePolicy | None, expected: str | None) -> None:
    if (held.revision if held else None) != expected:
        raise OperationAbortedException


def _shown(call: Call, policy: ResourcePolicy, document: str) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "policyName": policy.name,
        "policyDocument": document,
        "lastUpdatedTime": policy.updated_ms,
        "policyScope": "RESOURCE" if policy.group else "ACCOUNT",
    }
    if policy.group:
        shown |= {"resourceArn": call.arn(f"log-group:{policy.group}"), "revisionId": policy.revision}
    return {name: value for name, value in shown.items() if value != ""}


def DescribeResourcePolicies(
    call: Call, *, nextToken: str | None = None, limit: int | None = None, resourceArn: str | None = None,
    policyScope: str | None = None,
) -> dict:  # fmt: skip
    """PutResourcePolicy answers a document as it was sent; here AWS answers it as it keeps it."""
    is_of_group = resourceArn is not None or policyScope == "RESOURCE"
    wanted = name_in(resourceArn) if resourceArn else None
    found = {
        key: policy
        for key, policy in sorted(call.shelf(ResourcePolicy).items())
        if bool(policy.group) == is_of_group and wanted in (None, policy.group) and key > (nextToken or "")
    }
    keys = list(found)[: limit or 50]
    listed = [_shown(call, found[key], normal_form(found[key].document)) for key in keys]
    return {"resourcePolicies": listed} | ({"nextToken": keys[-1]} if len(keys) < len(found) else {})


_ORDER = ("Version", "Id", "Statement")
_STATEMENT_ORDER = (
    "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition",
)  # fmt: skip


def normal_form(document: str) -> str:
    """A policy as AWS keeps it: with its version, statements as a list, lists of one as what they hold, in AWS's order.
    Recorded: localstack's test_logs_resource_policies.snapshot.json."""
    read = orjson.loads(document)
    whole = {"Version": "2008-10-17", **read, "Statement": [_in_order(_single(one), _STATEMENT_ORDER) for one in statements_in(read)]}
    return orjson.dumps(_in_order(whole, _ORDER)).decode()


def _in_order(members: dict[str, Any], order: tuple[str, ...]) -> dict[str, Any]:
    return {name: members[name] for name in order if name in members}


def _single(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _single(held) for name, held in value.items()}
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def DeleteResourcePolicy(
    call: Call, *, policyName: str | None = None, resourceArn: str | None = None, expectedRevisionId: str | None = None
) -> None:
    group = identified(call, resourceArn).name if resourceArn else ""
    key, shelf = key_of(policyName or "", group), call.shelf(ResourcePolicy)
    if key not in shelf:
        raise ResourceNotFoundException(f"Policy with name [{policyName}] does not exist.")
    if group:
        _check_revision(shelf[key], expectedRevisionId)
    del shelf[key]


# What the gate asks --------------------------------------------------------------------------------


def binding(call: Call, arn: str) -> str | None:
    """What all policies together say about a call of one of AWS's services; None for everybody else's."""
    if call.principal.kind != "service":
        return None
    group = name_in(arn).partition(":")[0]
    documents = [one.document for one in call.shelf(ResourcePolicy).values() if one.group in ("", group)]
    return _joined(tuple(documents)) if documents else None


@lru_cache(maxsize=256)
def _joined(documents: tuple[str, ...]) -> str:
    statements: list[Any] = []
    for document in documents:
        held = orjson.loads(document)["Statement"]
        statements += held if isinstance(held, list) else [held]
    return orjson.dumps({"Version": "2012-10-17", "Statement": [_without_id(one) for one in statements]}).decode()


def _without_id(statement: dict[str, Any]) -> dict[str, Any]:
    """Two policies may use one statement id; one document may not."""
    return {name: value for name, value in statement.items() if name != "Sid"}
