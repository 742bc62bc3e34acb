"""The catalog's resource policy: one document for all that it holds, by which other accounts are let in.

https://docs.aws.amazon.com/glue/latest/dg/security_iam_service-with-iam.html; where the texts of refusals are known from nowhere, they are ours.
"""

from __future__ import annotations

import base64
import hashlib

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record
from kumoniwa.languages.policy import MalformedPolicyDocument, parse
from kumoniwa.services.glue.errors import (
    ConditionCheckFailureException,
    EntityNotFoundException,
    InvalidInputException,
)

THE_CATALOG = "catalog"


class CatalogPolicy(Record):
    """Shelved under ``THE_CATALOG``."""

    document: str
    created: float
    updated: float

    @property
    def hash(self) -> str:
        return base64.b64encode(hashlib.md5(self.document.encode(), usedforsecurity=False).digest()).decode()


def policy_of(call: Call, arn: str) -> str | None:
    held = call.shelf(CatalogPolicy).get(THE_CATALOG)
    return held.document if held is not None else None


def _existing(call: Call, arn: str | None) -> CatalogPolicy:
    held = call.shelf(CatalogPolicy).get(THE_CATALOG) if arn in (None, call.arn("catalog", "glue")) else None
    if held is None:
        raise EntityNotFoundException("Policy not found")
    return held


def PutResourcePolicy(
    call: Call, *, PolicyInJson: str, ResourceArn: str | None = None, PolicyHashCondition: str | None = None,
    PolicyExistsCondition: str | None = None, EnableHybrid: str | None = None,
) -> dict:  # fmt: skip
    """Nobody was granted anything by Lake Formation here, so that ``EnableHybrid`` may say either."""
    if ResourceArn not in (None, call.arn("catalog", "glue")):
        raise InvalidInputException("ResourceArn is for internal use only.")
    held, shelf = call.shelf(CatalogPolicy).get(THE_CATALOG), call.shelf(CatalogPolicy)
    if held is None and (PolicyExistsCondition == "MUST_EXIST" or PolicyHashCondition is not None):
        raise EntityNotFoundException("Policy not found")
    if held is not None and (PolicyExistsCondition == "NOT_EXIST" or PolicyHashCondition not in (None, held.hash)):
        raise ConditionCheckFailureException("The policy is not as the condition says.")
    try:
        parse(PolicyInJson, "resource")
    except MalformedPolicyDocument as error:
        raise InvalidInputException(f"Invalid policy: {error.text}") from None
    now = call.now()
    kept = shelf[THE_CATALOG] = CatalogPolicy(document=PolicyInJson, created=held.created if held is not None else now, updated=now)
    return {"PolicyHash": kept.hash}


def _shown(held: CatalogPolicy) -> dict:
    return {"PolicyInJson": held.document, "PolicyHash": held.hash, "CreateTime": held.created, "UpdateTime": held.updated}


def GetResourcePolicy(call: Call, *, ResourceArn: str | None = None) -> dict:
    return _shown(_existing(call, ResourceArn))


def GetResourcePolicies(call: Call) -> dict:
    """The one there is: the Resource Access Manager sets none here."""
    held = call.shelf(CatalogPolicy).get(THE_CATALOG)
    return {"GetResourcePoliciesResponseList": [_shown(held)] if held is not None else []}


def DeleteResourcePolicy(call: Call, *, PolicyHashCondition: str | None = None, ResourceArn: str | None = None) -> None:
    held = _existing(call, ResourceArn)
    if PolicyHashCondition not in (None, held.hash):
        raise ConditionCheckFailureException("The policy is not as the condition says.")
    del call.shelf(CatalogPolicy)[THE_CATALOG]
