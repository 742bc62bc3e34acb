"""Publishing destinations: buckets to which active findings are exported, each as an object of one line of JSON, encrypted with a key of KMS.

https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_exportfindings.html
"""

from __future__ import annotations

import gzip
from functools import partial
from typing import Any

import msgspec
import orjson

from kumoniwa.gate import patience
from kumoniwa.gate.names import region_of_bucket
from kumoniwa.gate.outbox import Delivery, Outbox
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.guardduty import detector as detectors
from kumoniwa.services.guardduty.detector import SERVICE, Detector
from kumoniwa.services.guardduty.errors import BadRequestException, absent, of_parameter
from kumoniwa.wire import timestamps

PUBLISHING, FAILING = "PUBLISHING", "UNABLE_TO_PUBLISH_FIX_DESTINATION_PROPERTY"
RETRIES = {"MaximumRetryAttempts": 20, "MaximumEventAgeInSeconds": 86_400}
"""Ours: AWS does not say for how long it tries."""
UNREACHABLE = (
    "The request failed because the GuardDuty service principal does not have permission to the KMS key or the resource specified by the "
    "destinationArn parameter. Refer to https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_exportfindings.html"
)


class Destination(Record):
    """Shelved by its id."""

    id: str
    bucket: str
    prefix: str
    key: str
    said: dict[str, str]
    owner: str = ""
    failing_since: float = 0.0
    tags: dict[str, str] = {}


class Export(msgspec.Struct, array_like=True):
    destination: str
    key: str
    body: bytes


_encode, _decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(Export).decode


def _ourselves(call: Call, detector: Detector) -> Call:
    return call.acting(SERVICE, **{"aws:SourceAccount": call.account, "aws:SourceArn": detectors.arn_of(call, detector)})


def _read(call: Call, said: dict[str, Any] | None) -> Destination:
    said = {name: value for name, value in (said or {}).items() if value}
    place, key = said.get("DestinationArn") or "", said.get("KmsKeyArn") or ""
    bucket, _, prefix = place.removeprefix(f"arn:{call.home.partition}:s3:::").partition("/")
    if not place.startswith(f"arn:{call.home.partition}:s3:::") or not bucket:
        raise of_parameter("destinationArn")
    named = arns.parse(key)
    if named is None or named.service != "kms":
        raise of_parameter("kmsKeyArn")
    return Destination(id=call.ids.hex(32), bucket=bucket, prefix=prefix.strip("/"), key=key, said=said, owner=said.get("ExpectedBucketOwner", ""))


async def _prove(call: Call, detector: Detector, made: Destination) -> None:
    """See that GuardDuty may use the key and reach the bucket."""
    ours = _ourselves(call, detector)
    try:
        owner = {"ExpectedBucketOwner": made.owner} if made.owner else {}
        await ours.ask("s3:GetBucketLocation", to_region=region_of_bucket(call.home, made.bucket), Bucket=made.bucket, **owner)
        await ours.ask("kms:GenerateDataKey", to_region=arns.parse(made.key).region, KeyId=made.key, KeySpec="AES_256")
    except AwsError as error:
        raise BadRequestException(UNREACHABLE, hint=error.text) from None


async def CreatePublishingDestination(
    call: Call, *, DetectorId: str, DestinationType: str, DestinationProperties: dict[str, Any], ClientToken: str | None = None,
    Tags: dict[str, str] | None = None,
) -> dict:  # fmt: skip
    detector = detectors.existing(call, DetectorId)
    made = changed(_read(call, DestinationProperties), tags=detectors.tagged({}, Tags))
    _check_new(call)
    await _prove(call, detector, made)
    call.atomically(partial(_keep_new, call, made))
    return {"DestinationId": made.id}


def _check_new(call: Call) -> None:
    if call.shelf(Destination):
        # An account has one for each type, and S3 is the only type. The words are ours.
        raise BadRequestException("The request is rejected because a publishing destination already exists for the current account.")


def _keep_new(call: Call, made: Destination) -> None:
    _check_new(call)
    call.shelf(Destination)[made.id] = made


def _existing(call: Call, detector: str, id_: str) -> Destination:
    detectors.existing(call, detector)
    held = call.shelf(Destination).get(id_)
    if held is None:
        raise absent()
    return held


async def UpdatePublishingDestination(
    call: Call, *, DetectorId: str, DestinationId: str, DestinationProperties: dict[str, Any] | None = None
) -> None:
    held = _existing(call, DetectorId, DestinationId)
    if not DestinationProperties:
        return
    new = changed(_read(call, {**held.said, **DestinationProperties}), id=held.id, tags=held.tags)
    await _prove(call, detectors.existing(call, DetectorId), new)
    call.shelf(Destination)[_existing(call, DetectorId, DestinationId).id] = new


def DescribePublishingDestination(call: Call, *, DetectorId: str, DestinationId: str) -> dict:
    held = _existing(call, DetectorId, DestinationId)
    return {
        "DestinationId": held.id, "DestinationType": "S3", "Status": _status(call, held), "DestinationProperties": held.said, "Tags": held.tags,
        "PublishingFailureStartTimestamp": milliseconds(held.failing_since),
    }  # fmt: skip


def _status(call: Call, held: Destination) -> str:
    return FAILING if held.failing_since else PUBLISHING


def ListPublishingDestinations(call: Call, *, DetectorId: str) -> dict:
    detectors.existing(call, DetectorId)
    told = [{"DestinationId": each.id, "DestinationType": "S3", "Status": _status(call, each)} for each in call.shelf(Destination).values()]
    return {"Destinations": told}


def DeletePublishingDestination(call: Call, *, DetectorId: str, DestinationId: str) -> None:
    del call.shelf(Destination)[_existing(call, DetectorId, DestinationId).id]


# Export --------------------------------------------------------------------------------------------


def export(call: Call, finding: dict[str, Any]) -> None:
    """Promise that a finding is written, in the commit in which it is told."""
    for each in call.shelf(Destination).values():
        day = timestamps.to_second(call.now())[:10].replace("-", "/")
        key = "/".join(filter(None, (each.prefix, "AWSLogs", call.account, "GuardDuty", call.region, day, f"{call.new_id()}.jsonl.gz")))
        EXPORTS.put(call, _encode(Export(each.id, key, orjson.dumps(finding))))


async def _write(call: Call, delivery: Delivery) -> float | None:
    asked, detector = _decode(delivery.body), detectors.held(call)
    held = call.shelf(Destination).get(asked.destination)
    if held is None or detector is None:
        return None
    owner = {"ExpectedBucketOwner": held.owner} if held.owner else {}
    try:
        await _ourselves(call, detector).ask(
            "s3:PutObject", to_region=region_of_bucket(call.home, held.bucket), once=delivery.token, Bucket=held.bucket, Key=asked.key,
            Body=gzip.compress(asked.body + b"\n", mtime=0), ServerSideEncryption="aws:kms", SSEKMSKeyId=held.key,
            ACL="bucket-owner-full-control", **owner,
        )  # fmt: skip
    except AwsError as error:
        _note(call, asked.destination, held.failing_since or call.now())
        return patience.pause(RETRIES, delivery, call.now(), delivery.born, call.ids.random)[0] or None if _may_be_mended(error) else None
    _note(call, asked.destination, 0.0)
    return None


def _may_be_mended(error: AwsError) -> bool:
    """A policy or a key that shuts GuardDuty out is put right when its owner sees the status."""
    return patience.is_passing(error) or error.code in ("AccessDenied", "AccessDeniedException", "NoSuchBucket", "KMS.DisabledException")


def _note(call: Call, id_: str, failing_since: float) -> None:
    held = call.shelf(Destination).get(id_)
    if held is not None and held.failing_since != failing_since:
        call.shelf(Destination)[id_] = changed(held, failing_since=failing_since)


EXPORTS = Outbox("guardduty", _write, kind="export")
