"""Intelligent tiering: in which access tier an object lies that nobody has read for a while, and how long until it is archived.

The three tiers that answer at once follow from the time alone; into an archive tier an object is moved by ``aging``, where its bucket
has a configuration that means it, and out of it by ``restoring``. A read is kept once a day, for days of midnights are all that is counted.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/intelligent-tiering-overview.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.s3 import body as bodies
from kumoniwa.services.s3 import named_configuration, storage
from kumoniwa.services.s3.archive import archived_tier, midnight_after
from kumoniwa.services.s3.bucket import Bucket as BucketRecord
from kumoniwa.services.s3.bucket import InvalidArgument, found
from kumoniwa.services.s3.lifecycle import AGING, check_filter, due_at, fits
from kumoniwa.wire.xml import MalformedXML

if TYPE_CHECKING:
    from kumoniwa.services.s3.storage import Head, Version

CLASS = "INTELLIGENT_TIERING"
FIELD = "tiering"
MONITORED_BYTES_MIN = 131_072
"""Smaller objects stay in the Frequent Access tier."""
INFREQUENT_AFTER, INSTANT_AFTER = 30, 90
"""Days."""
LEAST_DAYS = {"ARCHIVE_ACCESS": 90, "DEEP_ARCHIVE_ACCESS": 180}
"""The tiers that may be configured, the deeper one last, and after how many days at the soonest."""
MOST_DAYS = 730
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_Tiering.html


# Where something lies --------------------------------------------------------------------------------


def unread_since(head: Head, modified: float) -> float:
    """When it was last read, written, restored, or moved into the class."""
    back = head.restored[0] if head.tier and head.restored is not None else 0.0
    return max(modified, head.accessed, back)


def tier(head: Head, kind: str, size: int, modified: float, now: float) -> str:
    """The access tier as inventories name it, empty for other classes.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory.html tells that there are such values, not all of them."""
    if kind != CLASS:
        return ""
    if archived := archived_tier(head, now):
        return archived.removesuffix("_ACCESS")
    since = unread_since(head, modified)
    if size < MONITORED_BYTES_MIN or now < due_at(INFREQUENT_AFTER, since):
        return "FREQUENT"
    return "INFREQUENT" if now < due_at(INSTANT_AFTER, since) else "ARCHIVE_INSTANT_ACCESS"


def due_tier(bucket: BucketRecord, key: str, head: Head, size: int, modified: float, now: float) -> str:
    """The archive tier that an object of the class is to be moved to by now; empty if it stays where it is."""
    if size < MONITORED_BYTES_MIN:
        return ""
    since, due = unread_since(head, modified), set()
    for said in bucket.tiering.values():
        if fits(said, key, size, head.tags):
            due |= {each["AccessTier"] for each in said["Tierings"] if due_at(each["Days"], since) <= now}
    deepest = next((name for name in reversed(LEAST_DAYS) if name in due), "")
    return deepest if deepest != archived_tier(head, now) and archived_tier(head, now) != "DEEP_ARCHIVE_ACCESS" else ""


def read(call: Call, version: Version, head: Head) -> None:
    """Somebody reads the bytes of an object of the class."""
    now = call.now()
    if version.size >= MONITORED_BYTES_MIN and midnight_after(unread_since(head, version.modified)) < midnight_after(now):
        storage.change(call, version, changed(head, accessed=now, tier="", restored=None))


# Configurations --------------------------------------------------------------------------------------


def PutBucketIntelligentTieringConfiguration(
    call: Call, *, Bucket: str, Id: str, IntelligentTieringConfiguration: dict[str, Any], ExpectedBucketOwner: str | None = None
) -> dict:
    """What is due by it is archived at the next midnight, and here already at once unless the pace is real."""
    found(call, Bucket)
    bodies.check_document(call)
    said = IntelligentTieringConfiguration
    if said.get("Id") != Id or said.get("Status") not in ("Enabled", "Disabled") or not said.get("Tierings"):
        # Recorded of the id: localstack's test_s3_intelligent_tier_config.
        raise MalformedXML
    if "Filter" in said:
        check_filter(said)
    for each in said["Tierings"]:
        _check_days(each)
    _check_tiers([(each["AccessTier"], each["Days"]) for each in said["Tierings"]])
    call.after_commit(lambda: call.home.wake(AGING))
    return named_configuration.keep(call, Bucket, FIELD, Id, said)


def _check_tiers(said: list[tuple[str, int]]) -> None:
    """The texts were seen of AWS by cdk-preflight (pf-s3-intelligent-tiering-…), which does not tell their code."""
    days = dict(said)
    for name in days:
        if [each for each, _ in said].count(name) > 1:
            raise InvalidArgument(f"All Access Tiers in a configuration must be unique. Found duplicate entry for {name}.")
    if days.get("DEEP_ARCHIVE_ACCESS", MOST_DAYS + 1) <= days.get("ARCHIVE_ACCESS", 0):
        raise InvalidArgument("Days specified in DEEP_ARCHIVE_ACCESS should be greater than days specified in ARCHIVE_ACCESS")


def _check_days(said: dict[str, Any]) -> None:
    name, days = said.get("AccessTier"), said.get("Days")
    if name not in LEAST_DAYS or days is None:
        raise MalformedXML
    if not LEAST_DAYS[name] <= days <= MOST_DAYS:
        # The bounds are AWS's, of its words no record was found.
        raise InvalidArgument(
            f"'Days' for the access tier {name} must be from {LEAST_DAYS[name]} to {MOST_DAYS}", ArgumentName="Days", ArgumentValue=days
        )


def GetBucketIntelligentTieringConfiguration(call: Call, *, Bucket: str, Id: str, ExpectedBucketOwner: str | None = None) -> dict:
    return {"IntelligentTieringConfiguration": named_configuration.held(call, Bucket, FIELD, Id)}


def ListBucketIntelligentTieringConfigurations(
    call: Call, *, Bucket: str, ContinuationToken: str | None = None, ExpectedBucketOwner: str | None = None
) -> dict:
    return named_configuration.listed(call, Bucket, FIELD, "IntelligentTieringConfigurationList", ContinuationToken)


def DeleteBucketIntelligentTieringConfiguration(call: Call, *, Bucket: str, Id: str, ExpectedBucketOwner: str | None = None) -> None:
    """What is archived already stays so until somebody restores it."""
    named_configuration.drop(call, Bucket, FIELD, Id)
