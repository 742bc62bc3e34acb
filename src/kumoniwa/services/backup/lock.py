"""Vault Lock: recovery points that nobody deletes and whose lifecycle nobody changes.

A lock without a date is governance: who has the right may take it away. One with a date is compliance: from that date on it stays, whoever
asks, and the points go when their days are over.
https://docs.aws.amazon.com/aws-backup/latest/devguide/vault-lock.html
"""

from __future__ import annotations

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.backup import vault as vaults
from kumoniwa.services.backup.errors import InvalidParameterValueException, InvalidRequestException
from kumoniwa.services.backup.vault import Vault, arn_of, held

DAY_S = 86_400.0
COOLING_DAYS, DAYS_MAX = 3, 36_500


def PutBackupVaultLockConfiguration(
    call: Call,
    *,
    BackupVaultName: str,
    MinRetentionDays: int | None = None,
    MaxRetentionDays: int | None = None,
    ChangeableForDays: int | None = None,
) -> None:
    vault = _open(call, BackupVaultName)
    _check("MinRetentionDays", MinRetentionDays, 1)
    _check("MaxRetentionDays", MaxRetentionDays, 1)
    _check("ChangeableForDays", ChangeableForDays, COOLING_DAYS)
    if MinRetentionDays is not None and MaxRetentionDays is not None and MinRetentionDays > MaxRetentionDays:
        raise InvalidParameterValueException("MinRetentionDays must be less than or equal to MaxRetentionDays.")
    at = None if ChangeableForDays is None else call.now() + ChangeableForDays * DAY_S
    _keep(call, changed(vault, is_locked=True, days_min=MinRetentionDays, days_max=MaxRetentionDays, locked_at=at))


def _check(name: str, days: int | None, least: int) -> None:
    if days is not None and not least <= days <= DAYS_MAX:
        raise InvalidParameterValueException(f"{name} must be between {least} and {DAYS_MAX} days.")


def _open(call: Call, name: str) -> Vault:
    vault = held(call, name)
    if vault.is_sealed(call.now()):
        raise InvalidRequestException(f"The lock of backup vault {arn_of(call, name)} is immutable and can be neither changed nor deleted.")
    return vault


def _keep(call: Call, vault: Vault) -> None:
    call.shelf(Vault)[vault.name] = vault
    vaults.tell(call, vault, "MODIFIED", isLocked="true" if vault.is_locked else "false")


def DeleteBackupVaultLockConfiguration(call: Call, *, BackupVaultName: str) -> None:
    vault = _open(call, BackupVaultName)
    if vault.is_locked:
        _keep(call, changed(vault, is_locked=False, days_min=None, days_max=None, locked_at=None))
