"""What the gate asks of KMS: which keys a call touches, what their policies say, and what conditions may look at.

https://docs.aws.amazon.com/kms/latest/developerguide/policy-conditions.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.kms import alias, grant, material, policy
from kumoniwa.services.kms.errors import UnknownKey
from kumoniwa.services.kms.key import Alias, Key, arn_of, known

Need = tuple[str, str]

_OF_NOTHING = frozenset({"ListKeys", "ListAliases", "GenerateRandom", "ListRetirableGrants"})
_REQUESTED = {
    "EncryptionAlgorithm": "encryptionalgorithm", "SigningAlgorithm": "signingalgorithm", "MacAlgorithm": "macalgorithm",
    "MessageType": "messagetype", "KeySpec": "keyspec", "CustomerMasterKeySpec": "keyspec", "KeyUsage": "keyusage", "Origin": "keyorigin",
    "MultiRegion": "multiregion", "KeyPairSpec": "datakeypairspec", "GranteePrincipal": "granteeprincipal",
    "RetiringPrincipal": "retiringprincipal", "ReplicaRegion": "replicaregion",
    "PrimaryRegion": "primaryregion", "PendingWindowInDays": "schedulekeydeletionpendingwindowindays",
    "RotationPeriodInDays": "rotationperiodindays", "WrappingAlgorithm": "wrappingalgorithm", "WrappingKeySpec": "wrappingkeyspec",
    "ExpirationModel": "expirationmodel", "ValidTo": "validto", "BypassPolicyLockoutSafetyCheck": "bypasspolicylockoutsafetycheck",
}  # fmt: skip
"""Parameters that conditions see, by name. What KeySpec means depends on the operation: that of GenerateDataKey is no key's."""


def _there(call: Call, account: str) -> Call:
    """The same call in the account of the key."""
    return Call(call.home, account, call.principal, call.service, call.operation, call.request_id)


def _account(call: Call, text: str) -> str:
    parsed = arns.parse(text) if text.startswith("arn:") else None
    return parsed.account if parsed is not None and len(parsed.account) == 12 and parsed.account.isdigit() else call.account


def _touched(call: Call, text: Any) -> str:
    """The ARN of the key that a caller's words mean, or would mean. They are not validated yet."""
    if not isinstance(text, str) or not text:
        return call.arn("key/*")
    there = _there(call, _account(call, text))
    name = text.rpartition(":")[2]
    if name.startswith("alias/aws/"):
        alias.key_of_service(there, name)
    try:
        key = known(there, text)
    except AwsError:
        return text
    if key is not None:
        return there.arn(f"key/{key.id}")
    return text if text.startswith("arn:") else there.arn(name if name.startswith("alias/") else f"key/{name}")


def _of_ciphertext(call: Call, blob: Any) -> str:
    try:
        envelope = material.read(blob)
    except (AwsError, TypeError, AttributeError):
        return call.arn("key/*")
    return f"arn:{call.home.partition}:kms:{call.region}:{envelope.account}:key/{envelope.key_id}"


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str | list[str | Need]:
    if operation in _OF_NOTHING:
        return "*"
    if operation == "CreateKey":
        return ["*", *([("kms:TagResource", "*")] if params.get("Tags") else [])]
    if operation in ("CreateAlias", "UpdateAlias", "DeleteAlias"):
        return _of_alias(call, params)
    if operation == "ReEncrypt":
        source = _touched(call, params["SourceKeyId"]) if params.get("SourceKeyId") else _of_ciphertext(call, params.get("CiphertextBlob"))
        return [("kms:ReEncryptFrom", source), ("kms:ReEncryptTo", _touched(call, params.get("DestinationKeyId")))]
    if operation == "Decrypt" and not params.get("KeyId"):
        return _of_ciphertext(call, params.get("CiphertextBlob"))
    if operation == "RetireGrant":
        return _to_retire(call, params)
    return _touched(call, params.get("KeyId"))


def _of_alias(call: Call, params: dict[str, Any]) -> list[str | Need]:
    name = params.get("AliasName")
    held = call.shelf(Alias).get(name) if isinstance(name, str) else None
    touched: list[str | Need] = [call.arn(name if isinstance(name, str) else "alias/*")]
    if held is not None:
        touched.append(call.arn(f"key/{held.key}"))
    if params.get("TargetKeyId"):
        touched.append(_touched(call, params["TargetKeyId"]))
    return touched


def _to_retire(call: Call, params: dict[str, Any]) -> list[str | Need]:
    """Whom a grant names as its retirer, or whom it lets retire it, needs no other leave."""
    try:
        held = grant.to_retire(call, params.get("GrantToken"), params.get("KeyId"), params.get("GrantId"))
    except (AwsError, AttributeError, TypeError):
        return [_touched(call, params.get("KeyId"))]
    who = call.principal
    if held.retiring in (who.arn, who.source_arn) or (held.grantee in (who.arn, who.source_arn) and "RetireGrant" in held.operations):
        return []
    return [call.arn(f"key/{held.key}")]


def policy_of(call: Call, arn: str) -> str | None:
    key = call.shelf(Key).get(arn.rpartition(":key/")[2]) if ":key/" in arn else None
    return policy.standing(call, key) if key is not None else None


def is_of_aws(call: Call, arn: str) -> bool:
    """https://docs.aws.amazon.com/kms/latest/developerguide/resource-control-policies.html"""
    key = call.shelf(Key).get(arn.rpartition(":key/")[2]) if ":key/" in arn else None
    return key is not None and key.manager == "AWS"


def conditions_of(call: Call, operation: str, params: dict[str, Any]) -> dict[str, Any]:
    keys: dict[str, Any] = {"kms:calleraccount": call.principal.account}
    for name, condition in _REQUESTED.items():
        if name in params:
            value = params[name]
            keys[f"kms:{condition}"] = value if isinstance(value, (str, bool, int, float)) else None
    if operation in ("GenerateDataKey", "GenerateDataKeyWithoutPlaintext"):
        keys.pop("kms:keyspec", None)
    if operation == "CreateGrant":
        keys |= _of_grant(params)
        keys["kms:grantisforawsresource"] = "true" if "kms:ViaService" in call.principal.context else "false"
    context = params.get("EncryptionContext") or params.get("SourceEncryptionContext")
    if isinstance(context, dict) and context:
        keys |= {f"kms:encryptioncontext:{str(name).lower()}": value for name, value in context.items()}
        keys["kms:encryptioncontextkeys"] = [str(name) for name in context]
    text = params.get("KeyId")
    if isinstance(text, str):
        keys |= _of_key(call, text)
    return keys


def tags_of(call: Call, arn: str) -> dict[str, str]:
    """An alias has none, and does not go by its key's."""
    key = call.shelf(Key).get(arn.partition(":key/")[2])
    return key.tags if key is not None else {}


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    return [(arn_of(call, each), each.tags) for each in call.shelf(Key).values()]


def _of_grant(params: dict[str, Any]) -> dict[str, Any]:
    operations, constraints = params.get("Operations"), params.get("Constraints")
    keys: dict[str, Any] = {}
    if isinstance(operations, list):
        keys["kms:grantoperations"] = [str(operation) for operation in operations]
    if isinstance(constraints, dict) and constraints:
        keys["kms:grantconstrainttype"] = next(iter(constraints))
        context = next(iter(constraints.values()))
        if isinstance(context, dict):
            # What a grant is bound to counts as its request's: CreateGrant is among the operations these keys are for.
            # https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-encryption-context-keys
            keys |= {f"kms:encryptioncontext:{str(name).lower()}": value for name, value in context.items()}
            keys["kms:encryptioncontextkeys"] = [str(name) for name in context]
    return keys


def _of_key(call: Call, text: str) -> dict[str, Any]:
    try:
        key = known(call, text)
    except AwsError:
        return {}
    if key is None:
        return {}
    keys: dict[str, Any] = {"kms:keyspec": key.spec, "kms:keyusage": key.usage, "kms:keyorigin": key.origin, "kms:multiregion": bool(key.primary)}
    if key.primary:
        keys["kms:multiregionkeytype"] = "PRIMARY" if key.primary == call.region else "REPLICA"
    # Costly ones are asked only if a policy wants to know.
    keys["kms:resourcealiases"] = lambda: [each.name for each in call.shelf(Alias).values() if each.key == key.id]
    if "alias/" in text:
        keys["kms:requestalias"] = text.rpartition(":")[2]
    return keys


def denied(call: Call, operation: str, action: str, params: dict[str, Any]) -> None:
    """Who may not decrypt learns nothing of the key that a ciphertext names by itself."""
    if action in ("kms:Decrypt", "kms:ReEncryptFrom") and not (params.get("KeyId") or params.get("SourceKeyId")):
        raise UnknownKey
