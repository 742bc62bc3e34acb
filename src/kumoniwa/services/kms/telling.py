"""What KMS tells the region's bus: that a key has new material, that material which was lent is gone, that a key is deleted.

https://docs.aws.amazon.com/kms/latest/developerguide/kms-events.html
"""

from __future__ import annotations

from kumoniwa.kernel.call import Call
from kumoniwa.services.kms.key import Key, arn_of

ROTATION, EXPIRATION, DELETION = "KMS CMK Rotation", "KMS Imported Key Material Expiration", "KMS CMK Deletion"


def of_rotation(call: Call, key: Key) -> None:
    """To the last of the key's material, of its own accord or on demand."""
    before, after = key.materials[-2:]
    _tell(call, ROTATION, key, **{
        "key-origin": key.origin, "rotation-type": after.how, "previous-key-material-id": before.id, "current-key-material-id": after.id,
    })  # fmt: skip


def of_expiration(call: Call, key: Key) -> None:
    _tell(call, EXPIRATION, key)


def of_deletion(call: Call, key: Key) -> None:
    _tell(call, DELETION, key)


def _tell(call: Call, kind: str, key: Key, **more: str) -> None:
    call.tell(kind, {"resources": [arn_of(call, key)], "key-id": key.id, **more})
