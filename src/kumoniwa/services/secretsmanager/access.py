"""What the gate asks of Secrets Manager: which secret a call touches, what its policy says, and what conditions may look at.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecretsmanager.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.services.secretsmanager.secret import Secret, arn_of, known

TAG_CONDITIONS = ("secretsmanager:ResourceTag",)
_OF_NOTHING = frozenset({"ListSecrets", "GetRandomPassword", "BatchGetSecretValue"})
_REQUESTED = {
    "Name": "name", "Description": "description", "KmsKeyId": "kmskeyid", "VersionId": "versionid", "VersionStage": "versionstage",
    "RecoveryWindowInDays": "recoverywindowindays", "ForceDeleteWithoutRecovery": "forcedeletewithoutrecovery",
    "RotationLambdaARN": "rotationlambdaarn", "BlockPublicPolicy": "blockpublicpolicy", "RotateImmediately": "modifyrotationrules",
    "ForceOverwriteReplicaSecret": "forceoverwritereplicasecret",
}  # fmt: skip
"""Parameters that conditions see, by name."""


def _there(call: Call, text: str) -> Call:
    """The same call in the account that an ARN names."""
    parsed = arns.parse(text) if text.startswith("arn:") else None
    account = parsed.account if parsed is not None and len(parsed.account) == 12 and parsed.account.isdigit() else call.account
    return Call(call.home, account, call.principal, call.service, call.operation, call.request_id)


def _named(call: Call, params: dict[str, Any]) -> Secret | None:
    text = params.get("SecretId")
    return known(_there(call, text), text) if isinstance(text, str) else None


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str | list[str | tuple[str, str]]:
    if operation in _OF_NOTHING:
        return "*"
    if operation == "CreateSecret":
        arn = call.arn(f"secret:{params.get('Name', '*')}")
        tags = [("secretsmanager:TagResource", arn)] if params.get("Tags") else []
        replicas = [("secretsmanager:ReplicateSecretToRegions", arn)] if params.get("AddReplicaRegions") else []
        return [arn, *tags, *replicas]
    text = params.get("SecretId")
    if not isinstance(text, str):
        return call.arn("secret:*")
    secret = _named(call, params)
    if secret is not None:
        return arn_of(_there(call, text), secret)
    return text if text.startswith("arn:") else call.arn(f"secret:{text}")


def policy_of(call: Call, arn: str) -> str | None:
    secret = known(call, arn)
    return secret.policy or None if secret is not None else None


def tags_of(call: Call, arn: str) -> dict[str, str]:
    secret = known(call, arn)
    return (secret.tags or {}) if secret is not None else {}


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    return [(arn_of(call, each), each.tags or {}) for each in call.shelf(Secret).values()]


def conditions_of(call: Call, operation: str, params: dict[str, Any]) -> dict[str, Any]:
    keys: dict[str, Any] = {}
    for name, condition in _REQUESTED.items():
        value = params.get(name)
        if isinstance(value, (str, bool, int)):
            keys[f"secretsmanager:{condition}"] = value
    if operation == "GetSecretValue" and "VersionId" not in params:
        keys.setdefault("secretsmanager:versionstage", "AWSCURRENT")
    if isinstance(params.get("AddReplicaRegions"), list):
        keys["secretsmanager:addreplicaregions"] = [str(each.get("Region")) for each in params["AddReplicaRegions"] if isinstance(each, dict)]
    secret = _named(call, params)
    if secret is not None:
        keys["secretsmanager:secretid"] = arn_of(_there(call, params["SecretId"]), secret)
        keys["secretsmanager:secretprimaryregion"] = secret.primary or call.region
        if secret.rotation is not None:
            keys["secretsmanager:resource/allowrotationlambdaarn"] = secret.rotation.function
    return keys
