"""Vaults: where recovery points lie, under a key of KMS, with a policy of their own.

Whoever makes a vault lends AWS Backup the key by a grant, which holds for what is encrypted for this vault and ends with it. So a key that
is disabled shuts the vault.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate import data_key as data_keys
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.languages.policy import MalformedPolicyDocument, parse
from kumoniwa.services.backup import telling
from kumoniwa.services.backup.errors import (
    AlreadyExistsException,
    InsufficientPrivileges,
    InvalidParameterValueException,
    InvalidRequestException,
    NoStorage,
    ResourceNotFoundException,
)
from kumoniwa.services.backup.point import RecoveryPoint

SERVICE = "backup.amazonaws.com"
DEFAULT_KEY = "alias/aws/backup"
CONTEXT = "aws:backup:backup-vault"
"""The name in the encryption context of what lies in a vault; AWSBackupFullAccess lets grants be made for it alone."""
LENT = [
    "Encrypt",
    "Decrypt",
    "ReEncryptFrom",
    "ReEncryptTo",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "DescribeKey",
    "CreateGrant",
    "RetireGrant",
]


class Vault(Record):
    """Shelved by its name."""

    name: str
    key: str
    """The ARN of its key."""
    grant: str
    created: float
    token: str = ""
    tags: dict[str, str] = {}
    policy: str = ""
    topic: str = ""
    events: tuple[str, ...] = ()
    is_locked: bool = False
    days_min: int | None = None
    days_max: int | None = None
    locked_at: float | None = None
    """When a lock of compliance can no longer be taken away, by anybody; a lock of governance has no such moment."""

    def is_sealed(self, now: float) -> bool:
        """Whether its lock is for good."""
        return self.is_locked and self.locked_at is not None and self.locked_at <= now

    def keeps_for(self, days: int | None) -> bool:
        """Whether its lock takes a recovery point that is kept for so many days, or for ever."""
        if not self.is_locked:
            return True
        return (days is None or days >= (self.days_min or 0)) and (self.days_max is None or (days is not None and days <= self.days_max))


def arn_of(call: Call, name: str) -> str:
    return call.arn(f"backup-vault:{name}", "backup")


def ourselves(call: Call) -> Call:
    """The same place, asked by AWS Backup itself."""
    return Call(call.home, call.account, principals.service(SERVICE, call.account), "backup", call.operation, call.request_id)


def held(call: Call, name: str) -> Vault:
    vault = call.shelf(Vault).get(name)
    if vault is None:
        raise ResourceNotFoundException(f"Backup vault {name} does not exist.")
    return vault


async def CreateBackupVault(
    call: Call,
    *,
    BackupVaultName: str,
    BackupVaultTags: dict[str, str] | None = None,
    EncryptionKeyArn: str | None = None,
    CreatorRequestId: str | None = None,
) -> dict:
    before = call.shelf(Vault).get(BackupVaultName)
    if before is not None:
        if CreatorRequestId and before.token == CreatorRequestId:
            return _made(call, before)
        raise _exists(call, before)
    arn = arn_of(call, BackupVaultName)
    try:
        key = (await data_keys.ask_kms(call, "DescribeKey", KeyId=EncryptionKeyArn or DEFAULT_KEY))["KeyMetadata"]
        granted = await data_keys.ask_kms(
            call, "CreateGrant", KeyId=key["Arn"], GranteeServicePrincipal=SERVICE, RetiringServicePrincipal=SERVICE, Operations=LENT,
            Constraints={"EncryptionContextSubset": {CONTEXT: arn}},
        )  # fmt: skip
    except AwsError as error:
        if error.code == "AccessDeniedException":
            raise NoStorage(hint=error.hint) from None
        raise InvalidParameterValueException(f"Invalid encryption key {EncryptionKeyArn}: {error.text}") from None
    if not key["KeySpec"].startswith("SYMMETRIC"):
        raise InvalidParameterValueException(f"Invalid encryption key {EncryptionKeyArn}: a vault needs a symmetric key.")
    vault = Vault(
        name=BackupVaultName, key=key["Arn"], grant=granted["GrantId"], created=call.now(), token=CreatorRequestId or "", tags=BackupVaultTags or {}
    )
    if BackupVaultName in call.shelf(Vault):
        raise _exists(call, call.shelf(Vault)[BackupVaultName])
    call.shelf(Vault)[BackupVaultName] = vault
    tell(call, vault, "CREATED")
    return _made(call, vault)


def _made(call: Call, vault: Vault) -> dict[str, Any]:
    return {"BackupVaultName": vault.name, "BackupVaultArn": arn_of(call, vault.name), "CreationDate": vault.created}


def _exists(call: Call, vault: Vault) -> AlreadyExistsException:
    return AlreadyExistsException(
        "Backup vault with the same name already exists", CreatorRequestId=vault.token or None, Arn=arn_of(call, vault.name)
    )


def tell(call: Call, vault: Vault, state: str, **more: Any) -> None:
    telling.fact(call, "Backup Vault State Change", [arn_of(call, vault.name)], {"backupVaultName": vault.name, "state": state, **more})


def count(call: Call, vault: Vault) -> int:
    return sum(point.vault == vault.name for point in call.shelf(RecoveryPoint).values())


def shown(call: Call, vault: Vault) -> dict[str, Any]:
    told = {
        **_made(call, vault),
        "VaultType": "BACKUP_VAULT",
        "VaultState": "AVAILABLE",
        "EncryptionKeyArn": vault.key,
        "CreatorRequestId": vault.token or None,
        "NumberOfRecoveryPoints": count(call, vault),
        "Locked": vault.is_locked,
        "MinRetentionDays": vault.days_min,
        "MaxRetentionDays": vault.days_max,
        "LockDate": vault.locked_at,
    }
    return {name: value for name, value in told.items() if value is not None}


def DescribeBackupVault(call: Call, *, BackupVaultName: str, BackupVaultAccountId: str | None = None) -> dict:
    if BackupVaultAccountId not in (None, call.account):
        raise NotImplementedHere("backup:DescribeBackupVault(BackupVaultAccountId) of another account")
    vault = call.shelf(Vault).get(BackupVaultName)
    if vault is None:
        raise InsufficientPrivileges
    return shown(call, vault)


def ListBackupVaults(call: Call, *, ByVaultType: str | None = None, ByShared: bool | None = None) -> dict:
    """Only vaults of the ordinary kind live here, and none is shared."""
    is_any = ByVaultType in (None, "BACKUP_VAULT") and not ByShared
    return {"BackupVaultList": [shown(call, vault) for _, vault in sorted(call.shelf(Vault).items())] if is_any else []}


async def DeleteBackupVault(call: Call, *, BackupVaultName: str) -> None:
    vault = held(call, BackupVaultName)
    if count(call, vault):
        raise InvalidRequestException("Backup vault cannot be deleted because it contains recovery points.")
    del call.shelf(Vault)[BackupVaultName]
    tell(call, vault, "DELETED")
    try:
        await data_keys.ask_kms(ourselves(call), "RetireGrant", KeyId=vault.key, GrantId=vault.grant)
    except AwsError as error:
        # The key may be gone, and the grant with it.
        if error.code not in ("NotFoundException", "KMSInvalidStateException", "InvalidGrantIdException"):
            raise


# Its policy ------------------------------------------------------------------------------------------


def PutBackupVaultAccessPolicy(call: Call, *, BackupVaultName: str, Policy: str | None = None) -> None:
    vault = held(call, BackupVaultName)
    if Policy is None:
        raise InvalidParameterValueException("A policy must be specified.")
    try:
        parse(Policy, "resource")
    except MalformedPolicyDocument as error:
        raise InvalidParameterValueException(f"Invalid policy: {error.text}") from None
    call.shelf(Vault)[vault.name] = changed(vault, policy=Policy)


def GetBackupVaultAccessPolicy(call: Call, *, BackupVaultName: str) -> dict:
    vault = held(call, BackupVaultName)
    if not vault.policy:
        raise ResourceNotFoundException(f"Backup vault {vault.name} has no access policy.")
    return {"BackupVaultName": vault.name, "BackupVaultArn": arn_of(call, vault.name), "Policy": vault.policy}


def DeleteBackupVaultAccessPolicy(call: Call, *, BackupVaultName: str) -> None:
    call.shelf(Vault)[BackupVaultName] = changed(held(call, BackupVaultName), policy="")


# Whom it tells ---------------------------------------------------------------------------------------


def PutBackupVaultNotifications(call: Call, *, BackupVaultName: str, SNSTopicArn: str, BackupVaultEvents: list[str]) -> None:
    vault = held(call, BackupVaultName)
    if not SNSTopicArn.startswith(f"arn:{call.home.partition}:sns:{call.region}:"):
        raise InvalidParameterValueException(f"Invalid SNS topic ARN: {SNSTopicArn}")
    unknown = sorted(set(BackupVaultEvents) - telling.NOTICES)
    if unknown:
        raise NotImplementedHere(f"backup:PutBackupVaultNotifications(BackupVaultEvents={unknown[0]})")
    call.shelf(Vault)[vault.name] = changed(vault, topic=SNSTopicArn, events=tuple(dict.fromkeys(BackupVaultEvents)))


def GetBackupVaultNotifications(call: Call, *, BackupVaultName: str) -> dict:
    vault = held(call, BackupVaultName)
    if not vault.topic:
        raise ResourceNotFoundException(f"Backup vault {vault.name} has no notifications.")
    return {
        "BackupVaultName": vault.name, "BackupVaultArn": arn_of(call, vault.name), "SNSTopicArn": vault.topic,
        "BackupVaultEvents": list(vault.events),
    }  # fmt: skip


def DeleteBackupVaultNotifications(call: Call, *, BackupVaultName: str) -> None:
    call.shelf(Vault)[BackupVaultName] = changed(held(call, BackupVaultName), topic="", events=())
