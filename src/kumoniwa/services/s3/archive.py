"""Archived versions: their bytes are told only while a copy that somebody asked back is at hand.

Asking one back takes AWS's hours under ``--pace real`` and no time otherwise. What was restored is a pair of dates in the
version's row, so that nothing need happen for a copy to vanish.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kumoniwa.kernel.errors import AwsError
from kumoniwa.wire import timestamps

if TYPE_CHECKING:
    from kumoniwa.kernel.call import Call
    from kumoniwa.services.s3.storage import Head

DAY_S = 86_400
ARCHIVED = frozenset(("GLACIER", "DEEP_ARCHIVE"))
TIERS = ("Standard", "Bulk", "Expedited")
TIERED = {"ARCHIVE_ACCESS": "GLACIER", "DEEP_ARCHIVE_ACCESS": "DEEP_ARCHIVE"}
"""Archive tiers, and the class that each performs like."""
HOURS = {
    ("GLACIER", "Expedited"): 5 / 60, ("GLACIER", "Standard"): 5.0, ("GLACIER", "Bulk"): 12.0,
    ("DEEP_ARCHIVE", "Standard"): 12.0, ("DEEP_ARCHIVE", "Bulk"): 48.0,
}  # fmt: skip
"""The longest that AWS says a restore takes.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects-retrieval-options.html"""


class InvalidObjectState(AwsError):
    status = 403
    message = "The operation is not valid for the object's storage class"


class ObjectNotInActiveTierError(AwsError):
    status = 403
    message = "The source object of the COPY operation is not in the active tier and is only stored in Amazon Glacier."


def midnight_after(at: float) -> float:
    """The midnight (UTC) that ends the day of a moment: dates of S3 that count days are rounded up to it."""
    return float((int(at) // DAY_S + 1) * DAY_S)


def archived_tier(head: Head, now: float) -> str:
    """The archive tier of intelligent tiering that a version lies in; empty once it was restored to the Frequent Access tier."""
    return head.tier if head.restored is None or now < head.restored[0] else ""


def is_at_hand(head: Head, kind: str, now: float) -> bool:
    """Whether the bytes of a version can be read now."""
    if kind in ARCHIVED:
        return head.restored is not None and head.restored[0] <= now < head.restored[1]
    return not archived_tier(head, now)


def check_at_hand(call: Call, head: Head, kind: str) -> None:
    if kind != "STANDARD" and not is_at_hand(head, kind, call.now()):
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_InvalidObjectState.html
        raise InvalidObjectState(StorageClass=kind, **({"AccessTier": head.tier} if head.tier else {}))


def restore_told(head: Head, now: float) -> dict[str, Any]:
    """The Restore member (``x-amz-restore``) of answers about an archived version."""
    if head.restored is None or now >= head.restored[1]:
        return {}
    ready, until = head.restored
    if now < ready:
        return {"Restore": 'ongoing-request="true"'}
    if head.tier:
        # It is back for good, and no copy of it will vanish.
        return {}
    return {"Restore": f'ongoing-request="false", expiry-date="{timestamps.rfc822(until)}"'}


def restore_status(head: Head, now: float) -> dict[str, Any]:
    """The same as lists tell it to those who ask."""
    if head.restored is None or now >= head.restored[1]:
        return {}
    ready, until = head.restored
    if now < ready:
        return {"RestoreStatus": {"IsRestoreInProgress": True}}
    if head.tier:
        return {}
    return {"RestoreStatus": {"IsRestoreInProgress": False, "RestoreExpiryDate": until}}
