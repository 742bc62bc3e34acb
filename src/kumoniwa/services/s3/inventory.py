"""Inventory configurations: of which objects a bucket has a list made, with what told of each, where to and how often.

When a list is due is a row, for ``inventory_list`` to find by ``reporting``.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.services.s3 import body as bodies
from kumoniwa.services.s3 import named_configuration, reporting
from kumoniwa.services.s3.archive import DAY_S, midnight_after
from kumoniwa.services.s3.bucket import found
from kumoniwa.wire.xml import MalformedXML

FIELD = "inventories"
DEADLINES = reporting.Deadlines("s3_inventory")
OPTIONAL_FIELDS = (
    "Size", "LastModifiedDate", "ETag", "StorageClass", "IsMultipartUploaded", "ReplicationStatus", "EncryptionStatus",
    "ObjectLockRetainUntilDate", "ObjectLockMode", "ObjectLockLegalHoldStatus", "IntelligentTieringAccessTier", "BucketKeyStatus",
    "ChecksumAlgorithm", "ObjectAccessControlList", "ObjectOwner", "LifecycleExpirationDate",
)  # fmt: skip
"""In the order in which lists tell them:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html"""
NOT_TOLD = ("ObjectLockEventHoldStatus", "ObjectLockEventHoldDuration", "IntelligentTieringReferenceDate")
FORMATS = ("CSV", "ORC", "Parquet")


class IdMismatch(AwsError):
    """Recorded: localstack's test_s3_put_inventory_report_exceptions."""

    status = 400
    message = "Document ID does not match the specified configuration ID."


def due_after(now: float, frequency: str) -> float:
    """The midnight of the next list: "If you set up a weekly inventory, a report is generated every Sunday (UTC time zone) after the initial report"."""
    midnight = midnight_after(now)
    if frequency == "Daily":
        return midnight
    # The epoch began on a Thursday.
    return midnight + (3 - midnight // DAY_S) % 7 * DAY_S


def destination(said: dict[str, Any]) -> dict[str, Any]:
    return said["Destination"]["S3BucketDestination"]


def _check(said: dict[str, Any], id: str) -> None:
    if said.get("Id") != id:
        raise IdMismatch
    target = (said.get("Destination") or {}).get("S3BucketDestination") or {}
    if (
        target.get("Format") not in FORMATS
        or "Bucket" not in target
        or "IsEnabled" not in said
        or said.get("IncludedObjectVersions") not in ("All", "Current")
        or (said.get("Schedule") or {}).get("Frequency") not in ("Daily", "Weekly")
        or ("Filter" in said and "Prefix" not in said["Filter"])
    ):
        raise MalformedXML
    reporting.check_destination(target)
    fields = said.get("OptionalFields") or []
    if any(name not in OPTIONAL_FIELDS + NOT_TOLD for name in fields) or len(set(fields)) < len(fields):
        raise MalformedXML
    if len(target.get("Encryption") or {}) > 1 or "KeyId" not in (target.get("Encryption") or {}).get("SSEKMS", {"KeyId": ""}):
        raise MalformedXML
    if target["Format"] != "CSV":
        raise NotImplementedHere(f"inventories of the format {target['Format']} in s3:PutBucketInventoryConfiguration")
    for name in fields:
        if name in NOT_TOLD:
            raise NotImplementedHere(f"the field {name} of s3:PutBucketInventoryConfiguration")


def PutBucketInventoryConfiguration(
    call: Call, *, Bucket: str, Id: str, InventoryConfiguration: dict[str, Any], ExpectedBucketOwner: str | None = None
) -> dict:
    """AWS makes the first list within two days: at the next midnight here, and at once unless the pace is real."""
    found(call, Bucket)
    bodies.check_document(call)
    said = InventoryConfiguration
    _check(said, Id)
    reply = named_configuration.keep(call, Bucket, FIELD, Id, said)
    if said["IsEnabled"]:
        DEADLINES.set(call, Bucket, Id, midnight_after(call.now()) if call.home.settings.pace == "real" else call.now())
    else:
        DEADLINES.drop(call, Bucket, Id)
    return reply


def GetBucketInventoryConfiguration(call: Call, *, Bucket: str, Id: str, ExpectedBucketOwner: str | None = None) -> dict:
    return {"InventoryConfiguration": named_configuration.held(call, Bucket, FIELD, Id)}


def ListBucketInventoryConfigurations(
    call: Call, *, Bucket: str, ContinuationToken: str | None = None, ExpectedBucketOwner: str | None = None
) -> dict:
    return named_configuration.listed(call, Bucket, FIELD, "InventoryConfigurationList", ContinuationToken)


def DeleteBucketInventoryConfiguration(call: Call, *, Bucket: str, Id: str, ExpectedBucketOwner: str | None = None) -> None:
    named_configuration.drop(call, Bucket, FIELD, Id)
    DEADLINES.drop(call, Bucket, Id)
