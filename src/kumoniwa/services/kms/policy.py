"""Key policies, and what grants add to them.

A grant is to the gate one more statement of the key's policy, which nobody sees. A key's policy alone says who may: identity policies
count where it trusts its account, as AWS's own default does.
https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html
"""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

from kumoniwa.gate.identity import SHARED, Identity
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed
from kumoniwa.languages.policy import MalformedPolicyDocument, parse, statements_in
from kumoniwa.languages.policy_decision import Authority, keys_of
from kumoniwa.services.kms.errors import (
    MalformedPolicyDocumentException,
    NotFoundException,
    UnsupportedOperationException,
    ValidationException,
)
from kumoniwa.services.kms.key import Key, check_state, state_of, without_alias

POLICY_BYTES_MAX = 32_768
INVALID_PRINCIPALS = "Policy contains a statement with one or more invalid principals."
_USER_OR_ROLE = re.compile(r"arn:[a-z-]+:iam::\d{12}:(?:user|role)/.+")
NAME = "default"


class Grant(Record):
    """Shelved by ``key:grant``."""

    id: str
    key: str
    grantee: str
    operations: tuple[str, ...]
    created: float
    issuer: str
    token: str
    name: str = ""
    retiring: str = ""
    equals: dict[str, str] = {}
    """The encryption context that there must be, no more and no less."""
    subset: dict[str, str] = {}
    """Pairs that the encryption context must have."""


class Written:
    """The policies of keys as they stand with their grants, by the id of the key."""

    def __init__(self) -> None:
        self.documents: dict[str, tuple[Key, str]] = {}


def default(call: Call) -> str:
    """https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html, as the API writes it."""
    statement = {
        "Sid": "Enable IAM User Permissions",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:{call.home.partition}:iam::{call.account}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    return json.dumps({"Version": "2012-10-17", "Id": "key-default-1", "Statement": [statement]}, indent=2)


def of_service(call: Call, service: str) -> str:
    """The policy of the key that AWS keeps for one of its services: whoever may use it there, through it, and nobody otherwise.
    https://docs.aws.amazon.com/kms/latest/developerguide/viewing-managed-keys.html"""
    title = {"s3": "S3", "sqs": "SQS", "sns": "SNS", "dynamodb": "DynamoDB", "secretsmanager": "Secrets Manager", "ssm": "SSM", "ebs": "EBS"}.get(service, service)
    root = {"AWS": f"arn:{call.home.partition}:iam::{call.account}:root"}
    # EBS is asked for through EC2: https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service
    via = {"ebs": "ec2"}.get(service, service)
    through = {"kms:CallerAccount": call.account, "kms:ViaService": f"{via}.{call.region}.amazonaws.com"}
    statements = [
        {
            "Sid": f"Allow access through {title} for all principals in the account that are authorized to use {title}",
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:CreateGrant", "kms:DescribeKey"],
            "Resource": "*",
            "Condition": {"StringEquals": through},
        },
        {
            "Sid": "Allow direct access to key metadata to the account",
            "Effect": "Allow",
            "Principal": root,
            "Action": ["kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant"],
            "Resource": "*",
        },
    ]
    return json.dumps({"Version": "2012-10-17", "Id": f"auto-{service}-1", "Statement": statements}, indent=2)


def standing(call: Call, key: Key) -> str:
    """The key's policy, with what its grants allow."""
    documents = call.memory(Written).documents
    written = documents.get(key.id)
    if written is None or written[0] is not key:
        grants = [grant for grant in call.shelf(Grant).values() if grant.key == key.id]
        document = key.policy
        if grants:
            policy = orjson.loads(key.policy)
            document = orjson.dumps({**policy, "Statement": statements_in(policy) + [_statement(grant) for grant in grants]}).decode()
        written = documents[key.id] = (key, document)
    return written[1]


def forget(call: Call, key_id: str) -> None:
    """The key's grants are others from now on."""
    call.memory(Written).documents.pop(key_id, None)


def _statement(grant: Grant) -> dict[str, Any]:
    statement: dict[str, Any] = {
        "Sid": f"grant{grant.id}",
        "Effect": "Allow",
        "Principal": {"Service" if grant.grantee.endswith(".amazonaws.com") else "AWS": grant.grantee},
        "Action": [f"kms:{operation}" for operation in grant.operations],
        "Resource": "*",
    }
    wanted = grant.equals or grant.subset
    if wanted:
        statement["Condition"] = {"StringEquals": {f"kms:EncryptionContext:{name}": value for name, value in wanted.items()}}
    if grant.equals:
        statement["Condition"]["ForAllValues:StringEquals"] = {"kms:EncryptionContextKeys": list(grant.equals)}
    return statement


def _in_words_of_kms(text: str) -> str:
    """Measured: https://github.com/badmintoncryer/cdk-preflight (pf-kms-key-policy-statement)."""
    if text.startswith("Invalid principal in policy"):
        return INVALID_PRINCIPALS
    return "Policy contains a statement with no principal." if text == "Missing required field Principal" else text


def _users_and_roles(statement: dict[str, Any]) -> list[str]:
    """The users and roles that a statement names by their ARNs."""
    element = statement.get("Principal")
    names = element.get("AWS", []) if isinstance(element, dict) else []
    return [name for name in ([names] if isinstance(names, str) else names) if _USER_OR_ROLE.fullmatch(name)]


def _is_there(call: Call, name: str) -> bool:
    """"The principals in the key policy must exist": https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html"""
    return call.home.settings.iam != "enforce" or name in call.home.store.shelf(SHARED, Identity)


def check(call: Call, document: str, *, may_lock_out: bool | None) -> str:
    """A policy somebody writes. Raises MalformedPolicyDocumentException, also for one that would lock out whoever writes it."""
    if len(document.encode()) > POLICY_BYTES_MAX:
        raise ValidationException(
            f"1 validation error detected: Value at 'policy' failed to satisfy constraint: Member must have length less than or equal to {POLICY_BYTES_MAX}"
        )
    try:
        policy = parse(document, "resource")
    except MalformedPolicyDocument as error:
        raise MalformedPolicyDocumentException(_in_words_of_kms(error.text)) from None
    if not all(_is_there(call, name) for statement in policy.statements for name in _users_and_roles(statement.source)):
        raise MalformedPolicyDocumentException(INVALID_PRINCIPALS)
    caller = call.principal
    root = principals.root(call.account, partition=call.home.partition)
    if not may_lock_out and caller.kind != "service":
        context = {"kms:calleraccount": caller.account, "aws:requestedregion": call.region}
        may = (
            Authority(one).decide(
                "kms:PutKeyPolicy", call.arn("key/*"), keys_of(one) | context, resource_policy=policy, resource_account=call.account,
                resource_must_allow=True,
            )
            for one in (caller, root)
        )  # fmt: skip
        if not any(decision.is_allowed for decision in may):
            raise MalformedPolicyDocumentException("The new key policy will not allow you to update the key policy in the future.")
    return document


def GetKeyPolicy(call: Call, *, KeyId: str, PolicyName: str = NAME) -> dict:
    key = without_alias(call, KeyId)
    _named(PolicyName)
    return {"Policy": key.policy, "PolicyName": NAME}


def _named(name: str) -> None:
    if name != NAME:
        raise NotFoundException("No such policy exists")


def PutKeyPolicy(
    call: Call, *, KeyId: str, Policy: str, PolicyName: str = NAME, BypassPolicyLockoutSafetyCheck: bool | None = None
) -> None:
    key = without_alias(call, KeyId)
    if PolicyName != NAME:
        raise UnsupportedOperationException("A key has one policy, and its name is default.")
    check_state(call, key, "Enabled", "Disabled", "PendingImport", "PendingDeletion", "PendingReplicaDeletion")
    call.shelf(Key)[key.id] = changed(key, policy=check(call, Policy, may_lock_out=BypassPolicyLockoutSafetyCheck))


def ListKeyPolicies(call: Call, *, KeyId: str) -> dict:
    state_of(call, without_alias(call, KeyId))
    return {"PolicyNames": [NAME]}
