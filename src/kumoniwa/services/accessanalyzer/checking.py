"""The checks of single policies, attached to nothing: whether one is well made, what it grants, and whether it lets everybody in.

What cannot be decided is answered with UnprocessableEntityException.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

from kumoniwa.aws import authorization
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.languages import policy_comparison as comparison
from kumoniwa.languages import policy_validation
from kumoniwa.languages.json_places import Place, placed
from kumoniwa.languages.policy import MalformedPolicyDocument, Policy, parse
from kumoniwa.languages.policy_issue import Issue
from kumoniwa.languages.policy_pattern import glob
from kumoniwa.languages.policy_reach import Thing, Undecided, Zone, reaches
from kumoniwa.languages.policy_validation import TRUST
from kumoniwa.services.accessanalyzer.analyzer import know_actions
from kumoniwa.services.accessanalyzer.errors import (
    InvalidParameterException,
    UnprocessableEntityException,
    ValidationException,
)

ROLE_TRUST = "AWS::IAM::AssumeRolePolicyDocument"
LOCALES = (None, "EN")


# ValidatePolicy ------------------------------------------------------------------------------------


async def ValidatePolicy(
    call: Call,
    *,
    policyDocument: str,
    policyType: str,
    locale: str | None = None,
    validatePolicyResourceType: str | None = None,
) -> dict:
    if locale not in LOCALES:
        raise NotImplementedHere(f"findings of accessanalyzer in {locale}")
    if policyType == "RESOURCE_CONTROL_POLICY":
        raise NotImplementedHere("the validation of RESOURCE_CONTROL_POLICY by accessanalyzer")
    if validatePolicyResourceType not in (None, "AWS::S3::Bucket", ROLE_TRUST, "AWS::DynamoDB::Table"):
        raise NotImplementedHere(f"the validation of policies of {validatePolicyResourceType} by accessanalyzer")
    if validatePolicyResourceType is not None and policyType != "RESOURCE_POLICY":
        # https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_ValidatePolicy.html
        raise ValidationException("validatePolicyResourceType can be specified for resource policies only.")
    await know_actions()
    kind = TRUST if validatePolicyResourceType == ROLE_TRUST else policyType
    return {"findings": await asyncio.to_thread(_findings, policyDocument, kind)}


def _findings(text: str, kind: str) -> list[dict[str, Any]]:
    issues = policy_validation.validated(text, kind, authorization.reference())
    try:
        _, root = placed(text)
    except (ValueError, RecursionError):
        root = Place(0, len(text), {})
    return [
        {"findingType": each.kind, "issueCode": each.code, "findingDetails": each.text, "learnMoreLink": each.link, "locations": [_location(text, root, each)]}
        for each in issues
    ]  # fmt: skip


def _location(text: str, root: Place, found: Issue) -> dict[str, Any]:
    place = root
    for part in found.path:
        place = place.held.get(part, place)
    path = [{"index": part} if isinstance(part, int) else {"value": part} for part in found.path]
    return {"path": path, "span": {"start": _position(text, place.start), "end": _position(text, place.end)}}


def _position(text: str, offset: int) -> dict[str, int]:
    """Lines are counted from one, columns from nothing: https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_Position.html"""
    return {"line": text.count("\n", 0, offset) + 1, "column": offset - (text.rfind("\n", 0, offset) + 1), "offset": offset}


# Checks of what is granted ------------------------------------------------------------------------


def _expanded(pattern: str) -> Iterator[str]:
    """The actions that a pattern means."""
    prefix, _, name = pattern.lower().partition(":")
    is_any = pattern == "*" or set(prefix) & set("*?")
    for service, namespace in authorization.reference().items() if is_any else [(prefix, authorization.reference().get(prefix))]:
        if namespace is not None and (pattern == "*" or glob(prefix)(service)):
            means = glob("*" if pattern == "*" else name)
            yield from (f"{service}:{action.name}" for folded, action in namespace.actions.items() if means(folded))


async def _decided(decide: Callable[[], list[int]]) -> list[int]:
    try:
        return await asyncio.to_thread(decide)
    except Undecided:
        raise UnprocessableEntityException(
            "The policy could not be analyzed.", hint="Kumoniwa answers what it can show, and guesses nothing."
        ) from None


def _checked(policy: Policy, found: list[int], texts: tuple[str, str], why: str) -> dict[str, Any]:
    if not found:
        return {"result": "PASS", "message": texts[0], "reasons": []}
    return {"result": "FAIL", "message": texts[1], "reasons": [_reason(policy, index, why) for index in found]}


def _kind(policy_type: str) -> str:
    return "identity" if policy_type == "IDENTITY_POLICY" else "resource"


async def CheckAccessNotGranted(call: Call, *, policyDocument: str, access: list[dict[str, list[str]]], policyType: str) -> dict:
    """https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_CheckAccessNotGranted.html"""
    await know_actions()
    policy = _parsed(policyDocument, _kind(policyType))
    if not access or not (access[0].get("actions") or access[0].get("resources")):
        raise InvalidParameterException("The access must name actions or resources.")
    named = access[0].get("actions") or ["*"]
    actions = [action for pattern in named for action in _expanded(pattern)]
    if not actions:
        raise InvalidParameterException(f"There are no actions {', '.join(named)}.")
    found = await _decided(lambda: comparison.granting(policy, actions, access[0].get("resources") or ["*"]))
    texts = (
        "The policy document does not grant access to perform the listed actions or resources.",
        "The policy document grants access to perform one or more of the listed actions or resources.",
    )
    return _checked(policy, found, texts, "One or more of the listed actions or resources in the statement with")


async def CheckNoNewAccess(call: Call, *, newPolicyDocument: str, existingPolicyDocument: str, policyType: str) -> dict:
    """https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_CheckNoNewAccess.html"""
    await know_actions()
    new, old = (_parsed(text, _kind(policyType)) for text in (newPolicyDocument, existingPolicyDocument))
    if (
        "${" in newPolicyDocument + existingPolicyDocument
        and len({placed(text)[0].get("Version") for text in (newPolicyDocument, existingPolicyDocument)}) > 1
    ):
        # Variables are plain text in the older version, and nothing here tells them apart.
        raise UnprocessableEntityException("The policies are of different versions, and hold variables.")
    found = await _decided(lambda: comparison.adding(new, old, _expanded))
    texts = (
        "The modified permissions do not grant new access compared to your existing policy.",
        "The modified permissions grant new access compared to your existing policy.",
    )
    return _checked(new, found, texts, "New access in the statement with")


# CheckNoPublicAccess -------------------------------------------------------------------------------

_KINDS = {
    "AWS::DynamoDB::Table": ("dynamodb", "table", "index"), "AWS::DynamoDB::Stream": ("dynamodb", "stream"),
    "AWS::Kinesis::Stream": ("kinesis", "stream"), "AWS::Kinesis::StreamConsumer": ("kinesis", "consumer"), "AWS::KMS::Key": ("kms", "key"),
    "AWS::Lambda::Function": ("lambda", "function", "function alias", "function version"), "AWS::S3::Bucket": ("s3", "bucket", "object"),
    "AWS::SecretsManager::Secret": ("secretsmanager", "Secret"), "AWS::SNS::Topic": ("sns", "topic"), "AWS::SQS::Queue": ("sqs", "queue"),
    ROLE_TRUST: ("sts", "role"), "AWS::EFS::FileSystem": ("elasticfilesystem", "file-system"),
}  # fmt: skip


def _parsed(text: str, kind: str) -> Policy:
    try:
        return parse(text, kind)  # type: ignore[arg-type]
    except MalformedPolicyDocument as error:
        raise InvalidParameterException(f"The policy document is not valid: {error.text}") from None


async def CheckNoPublicAccess(call: Call, *, policyDocument: str, resourceType: str) -> dict:
    if resourceType not in _KINDS:
        raise NotImplementedHere(f"the check of policies of {resourceType} by accessanalyzer")
    await know_actions()
    kind = "trust" if resourceType == ROLE_TRUST else "resource"
    policy = _parsed(policyDocument, kind)
    public = await _decided(lambda: _public(policy, resourceType, call.account))
    texts = (
        "The resource policy does not grant public access for the given resource type.",
        "The resource policy grants public access for the given resource type.",
    )
    return _checked(policy, public, texts, "Public access granted in the following statement with")


def _reason(policy: Policy, index: int, why: str) -> dict[str, Any]:
    sid = policy.statements[index].source.get("Sid")
    where = f"sid: {sid}" if sid else f"index: {index}"
    reason: dict[str, Any] = {"description": f"{why} {where}.", "statementIndex": index}
    return reason | ({"statementId": sid} if sid else {})


def _public(policy: Policy, type_: str, account: str) -> list[int]:
    """The statements that let everybody in, denials considered."""
    prefix, *kinds = _KINDS[type_]
    actions = authorization.done_to(prefix, *kinds)
    zone, found = Zone(account=account, accounts=frozenset({account})), []
    for index, statement in enumerate(policy.statements):
        if not statement.is_deny:
            alone = Policy("", policy.kind, tuple(each for each in policy.statements if each is statement or each.is_deny))
            if any(reach.is_public for reach in reaches(alone, _things(statement.source, actions), zone)):
                found.append(index)
    return found


def _things(source: dict[str, Any], actions: tuple[str, ...]) -> tuple[Thing, ...]:
    """One instance of each resource that a statement names."""
    named = source.get("Resource", "*")
    texts = [named] if isinstance(named, str) else named
    return tuple(Thing(text.replace("*", "kumoniwa").replace("?", "x"), actions) for text in texts)


