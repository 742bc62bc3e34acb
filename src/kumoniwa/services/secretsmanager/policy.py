"""Policies of secrets: who else may.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_resource-policies.html
"""

from __future__ import annotations

from kumoniwa.kernel.call import Call
from kumoniwa.languages.policy import MalformedPolicyDocument, Policy, parse
from kumoniwa.languages.policy_public import is_public
from kumoniwa.services.secretsmanager import replica
from kumoniwa.services.secretsmanager.errors import MalformedPolicyDocumentException, PublicPolicyException
from kumoniwa.services.secretsmanager.secret import arn_of, found, named, touched, writable


def _read(document: str) -> Policy:
    try:
        return parse(document, "resource")
    except MalformedPolicyDocument as error:
        raise MalformedPolicyDocumentException(f"This resource policy contains invalid Json: {error.text}") from None


def PutResourcePolicy(call: Call, *, SecretId: str, ResourcePolicy: str, BlockPublicPolicy: bool | None = None) -> dict:
    secret = writable(call, SecretId)
    _read(ResourcePolicy)
    if BlockPublicPolicy and is_public(ResourcePolicy):
        raise PublicPolicyException("This resource policy grants broad access to the secret, which BlockPublicPolicy does not allow.")
    replica.tell_all(call, touched(call, secret.name, policy=ResourcePolicy))
    return named(call, secret)


def GetResourcePolicy(call: Call, *, SecretId: str) -> dict:
    secret = found(call, SecretId)
    return named(call, secret) | ({"ResourcePolicy": secret.policy} if secret.policy else {})


def DeleteResourcePolicy(call: Call, *, SecretId: str) -> dict:
    secret = writable(call, SecretId)
    replica.tell_all(call, touched(call, secret.name, policy=""))
    return named(call, secret)


def ValidateResourcePolicy(call: Call, *, ResourcePolicy: str, SecretId: str | None = None) -> dict:
    """Its syntax is checked first; then whether it lets in everybody, or locks out who asks."""
    arn = arn_of(call, found(call, SecretId)) if SecretId is not None else call.arn("secret:*")
    policy = _read(ResourcePolicy)
    errors = []
    if is_public(ResourcePolicy):
        errors.append({"CheckName": "PUBLIC_ACCESS", "ErrorMessage": "The resource policy grants broad access to the secret."})
    decision = call.home.gate.authorizer.decided(call, "secretsmanager:PutResourcePolicy", arn, policy)
    if decision is not None and decision.is_explicit:
        errors.append({"CheckName": "LOCK_OUT", "ErrorMessage": "The resource policy would not allow you to change it."})
    return {"PolicyValidationPassed": not errors, "ValidationErrors": errors}
