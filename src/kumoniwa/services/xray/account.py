"""Which of AWS's services may send an account's traces."""

from __future__ import annotations

from typing import Any

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record
from kumoniwa.languages.policy import MalformedPolicyDocument, parse
from kumoniwa.services.xray.errors import (
    InvalidPolicyRevisionIdException,
    InvalidRequestException,
    MalformedPolicyDocumentException,
    PolicyCountLimitExceededException,
    PolicySizeLimitExceededException,
)

POLICIES_MAX, POLICY_LENGTH_MAX = 5, 5120
# https://docs.aws.amazon.com/xray/latest/api/API_PutResourcePolicy.html


class ResourcePolicy(Record):
    """Shelved by its name."""

    name: str
    document: str
    revision: str
    updated: float


def PutResourcePolicy(
    call: Call, *, PolicyName: str, PolicyDocument: str, PolicyRevisionId: str | None = None, BypassPolicyLockoutCheck: bool | None = None
) -> dict:
    """Whoever writes a policy here is never locked out by it: policies speak to AWS's services alone."""
    shelf = call.shelf(ResourcePolicy)
    held = shelf.get(PolicyName)
    if len(PolicyDocument) > POLICY_LENGTH_MAX:
        raise PolicySizeLimitExceededException
    try:
        parse(PolicyDocument, "resource")
    except MalformedPolicyDocument as error:
        raise MalformedPolicyDocumentException(error.text)
    if held is None and len(shelf) >= POLICIES_MAX:
        raise PolicyCountLimitExceededException
    # A revision of 0 is for who wants to create, and not to overwrite.
    if PolicyRevisionId is not None and PolicyRevisionId != (held.revision if held else "0"):
        raise InvalidPolicyRevisionIdException
    number = int(held.revision) + 1 if held else 1
    policy = shelf[PolicyName] = ResourcePolicy(name=PolicyName, document=PolicyDocument, revision=str(number), updated=call.now())
    return {"ResourcePolicy": _shown(policy)}


def _shown(policy: ResourcePolicy) -> dict[str, Any]:
    return {
        "PolicyName": policy.name, "PolicyDocument": policy.document, "PolicyRevisionId": policy.revision, "LastUpdatedTime": policy.updated,
    }  # fmt: skip


def ListResourcePolicies(call: Call) -> dict:
    return {"ResourcePolicies": [_shown(policy) for _, policy in sorted(call.shelf(ResourcePolicy).items())]}


def binding(call: Call, arn: str) -> str | None:
    """What all policies together say about a call of one of AWS's services; None for everybody else's."""
    if call.principal.kind != "service":
        return None
    statements: list[Any] = []
    for policy in call.shelf(ResourcePolicy).values():
        held = orjson.loads(policy.document)["Statement"]
        # Two policies may use one statement id; one document may not.
        statements += [{name: value for name, value in one.items() if name != "Sid"} for one in (held if isinstance(held, list) else [held])]
    return orjson.dumps({"Version": "2012-10-17", "Statement": statements}).decode() if statements else None


def DeleteResourcePolicy(call: Call, *, PolicyName: str, PolicyRevisionId: str | None = None) -> None:
    shelf = call.shelf(ResourcePolicy)
    held = shelf.get(PolicyName)
    if held is None:
        raise InvalidRequestException(f"Resource policy {PolicyName} does not exist.")
    if PolicyRevisionId is not None and PolicyRevisionId != held.revision:
        raise InvalidPolicyRevisionIdException
    del shelf[PolicyName]
