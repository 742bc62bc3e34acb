"""What a user may hold beside access keys: a password, MFA devices, certificates, SSH keys.

Each knows its user by the user's id, so that it follows one who is renamed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from kumoniwa.kernel.record import Record
from kumoniwa.services.iam.errors import DeleteConflict

if TYPE_CHECKING:
    from kumoniwa.kernel.call import Call


class LoginProfile(Record):
    """Shelved by the user's id."""

    created: float
    changed_at: float
    salt: bytes
    hashes: tuple[bytes, ...]
    """Of the passwords there were, the present one first."""
    must_reset: bool = False


class Device(Record):
    """A virtual MFA device; shelved by its serial number, which is its ARN."""

    serial: str
    seed: str
    user_id: str = ""
    enabled: float = 0.0
    tags: dict[str, str] = {}


class SigningCertificate(Record):
    """Shelved by its id."""

    id: str
    user_id: str
    body: str
    uploaded: float
    status: str = "Active"


class SshKey(Record):
    """Shelved by its id."""

    id: str
    user_id: str
    body: str
    fingerprint: str
    uploaded: float
    status: str = "Active"


class ServiceCredential(Record):
    """A name and a password for one service; shelved by its id."""

    id: str
    user_id: str
    service: str
    service_user: str
    created: float
    password_sha256: bytes = b""
    """Of the id and the password."""
    status: str = "Active"


K = TypeVar("K", Device, SigningCertificate, SshKey, ServiceCredential)


def of(call: Call, kind: type[K], user_id: str) -> list[K]:
    return [one for one in call.shelf(kind).values() if one.user_id == user_id]


def check_bare(call: Call, user_id: str) -> None:
    """Raise DeleteConflict if a user still holds any of these."""
    if user_id in call.shelf(LoginProfile):
        raise DeleteConflict("Cannot delete entity, must delete login profile first.")
    for kind, what in (
        (Device, "MFA device"),
        (SigningCertificate, "signing certificates"),
        (SshKey, "SSH public keys"),
    ):
        if of(call, kind, user_id):
            raise DeleteConflict(f"Cannot delete entity, must delete {what} first.")
    if of(call, ServiceCredential, user_id):
        # Recorded: localstack's test_delete_user_after_service_credential_created.
        raise DeleteConflict("Cannot delete entity, must remove referenced objects first.")
