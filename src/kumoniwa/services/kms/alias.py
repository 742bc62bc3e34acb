"""Other names of keys. Those that begin with ``alias/aws/`` belong to AWS, whose key for a service is made when it is first named."""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.engines import key_material
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.kms import material, policy
from kumoniwa.services.kms.errors import (
    AlreadyExistsException,
    InvalidAliasNameException,
    LimitExceededException,
    NotAuthorizedException,
    NotFoundException,
    ValidationException,
)
from kumoniwa.services.kms.key import ENCRYPT, Alias, Key, check_state, without_alias

ALIASES_PER_KEY_MAX = 50
SERVICES = (
    "acm", "backup", "codecommit", "dynamodb", "ebs", "elasticfilesystem", "es", "kinesis", "lambda", "rds", "redshift", "s3", "secretsmanager",
    "sns", "sqs", "ssm", "xray",
)  # fmt: skip
"""AWS services with a key of their own in each account."""
_OURS = "alias/aws/"
_NAME = re.compile(r"alias/[a-zA-Z0-9/_-]+")


def key_of_service(call: Call, name: str) -> None:
    """See that AWS's key stands behind ``alias/aws/s3`` and its like, before somebody asks for it."""
    service = name.removeprefix(_OURS)
    protected = {"s3": "S3 objects", "dynamodb": "DynamoDB data"}.get(service, f"{service.upper()} data")
    if not name.startswith(_OURS) or service not in SERVICES or name in call.shelf(Alias):
        return
    key_id, now = call.new_id(), call.now()
    secret = material.sealed(call, key_id, key_material.make(key_material.SYMMETRIC))
    call.shelf(Key)[key_id] = Key(
        id=key_id, created=now, spec=key_material.SYMMETRIC, usage=ENCRYPT, manager="AWS", policy=policy.of_service(call, service),
        description=f"Default key that protects my {protected} when no other key is defined", materials=(secret,),
        rotation_days=365, rotates_at=now + 365 * 86_400,
    )  # fmt: skip
    call.shelf(Alias)[name] = Alias(name=name, key=key_id, created=now, updated=now)


def _check(name: str) -> None:
    if not name.startswith("alias/"):
        raise ValidationException(
            'Alias must start with the prefix "alias/". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html'
        )
    if name.startswith(_OURS):
        raise NotAuthorizedException("The alias name for a customer managed CMK cannot begin with alias/aws/.")
    if ":" in name:
        raise ValidationException(f"{name} contains invalid characters for an alias")
    if not _NAME.fullmatch(name):
        raise InvalidAliasNameException("Alias must contain only alphanumeric characters, forward slashes, underscores, and dashes.")


def _existing(call: Call, name: str) -> Alias:
    alias = call.shelf(Alias).get(name)
    if alias is None:
        raise NotFoundException(f"Alias {call.arn(name)} is not found.")
    return alias


def _check_target(text: str) -> None:
    if text.startswith("alias/") or ":alias/" in text:
        raise ValidationException("Aliases must refer to keys. Not aliases")


def _target(call: Call, text: str, name: str) -> Key:
    key = without_alias(call, text)
    check_state(call, key, "Enabled", "Disabled", "PendingImport")
    if sum(alias.key == key.id and alias.name != name for alias in call.shelf(Alias).values()) >= ALIASES_PER_KEY_MAX:
        raise LimitExceededException(f"A key has {ALIASES_PER_KEY_MAX} aliases at most.")
    return key


def CreateAlias(call: Call, *, AliasName: str, TargetKeyId: str) -> None:
    _check(AliasName)
    _check_target(TargetKeyId)
    if AliasName in call.shelf(Alias):
        raise AlreadyExistsException(f"An alias with the name {call.arn(AliasName)} already exists")
    key, now = _target(call, TargetKeyId, AliasName), call.now()
    call.shelf(Alias)[AliasName] = Alias(name=AliasName, key=key.id, created=now, updated=now)


def UpdateAlias(call: Call, *, AliasName: str, TargetKeyId: str) -> None:
    """Both keys are of one kind: ciphertexts and signatures of the alias must stay what they are."""
    _check(AliasName)
    _check_target(TargetKeyId)
    alias, key = _existing(call, AliasName), _target(call, TargetKeyId, AliasName)
    old = call.shelf(Key).get(alias.key)
    if old is not None and (old.usage != key.usage or old.is_symmetric != key.is_symmetric):
        raise ValidationException(f"Alias {call.arn(AliasName)} cannot be associated with a key of another type or usage.")
    call.shelf(Alias)[AliasName] = changed(alias, key=key.id, updated=call.now())


def DeleteAlias(call: Call, *, AliasName: str) -> None:
    _check(AliasName)
    _existing(call, AliasName)
    del call.shelf(Alias)[AliasName]


def ListAliases(call: Call, *, KeyId: str | None = None) -> dict:
    """AWS's own aliases are listed before there are keys behind them."""
    key = without_alias(call, KeyId) if KeyId else None
    shown = {alias.name: _shown(call, alias) for alias in call.shelf(Alias).values() if key is None or alias.key == key.id}
    if key is None:
        for service in SERVICES:
            name = _OURS + service
            shown.setdefault(name, {"AliasName": name, "AliasArn": call.arn(name)})
    return {"Aliases": [shown[name] for name in sorted(shown)]}


def _shown(call: Call, alias: Alias) -> dict[str, Any]:
    return {
        "AliasName": alias.name,
        "AliasArn": call.arn(alias.name),
        "TargetKeyId": alias.key,
        "CreationDate": alias.created,
        "LastUpdatedDate": alias.updated,
    }
