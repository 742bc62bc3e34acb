"""Files: which records they hold is settled before they are written, so that a region killed meanwhile writes the same file again.

What cannot be delivered is tried for a day, as AWS does, and then lost.
https://docs.aws.amazon.com/firehose/latest/dev/retry.html
"""

from __future__ import annotations

import base64
import gzip
import io
import zipfile
from typing import Any

import orjson

from kumoniwa.gate.data_key import opening
from kumoniwa.gate.names import region_of_bucket
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record
from kumoniwa.services.firehose import buffer, convert, partition, prefix, transform
from kumoniwa.services.firehose.stream import Stream, arn_of, as_role
from kumoniwa.services.firehose.transform import Failure

MIB = 1 << 20
KEPT_S = 86_400.0
AGAIN_S = 60.0
FAILED = "processing-failed"


class File(Record):
    """A file under way; shelved by the id of its stream."""

    upto: int
    at: float
    id: str
    again_at: float = 0.0


def due(call: Call, stream: Stream) -> float | None:
    """When the stream's next file is to be written; None if nothing waits."""
    under_way = call.shelf(File).get(stream.id)
    again_at = buffer.of(call, stream.id).again_at
    if under_way is not None:
        return max(under_way.again_at, again_at)
    waiting, hints = buffer.of(call, stream.id), stream.destination["BufferingHints"]
    if waiting.since is None:
        return None
    return max(again_at, 0.0 if waiting.bytes >= hints["SizeInMBs"] * MIB else waiting.since + hints["IntervalInSeconds"])


async def deliver(call: Call, stream: Stream) -> None:
    """Write the stream's next file."""
    shelf = call.shelf(File)
    file = shelf.get(stream.id)
    size = stream.destination["BufferingHints"]["SizeInMBs"] * MIB
    try:
        entries = await opening(call, lambda: buffer.stretch(call, stream.id, file.upto if file else None, size))
    except AwsError as error:
        # The key is shut. What waits is in the way of nobody, and nobody can read it; it is tried again.
        await _complain(call, stream, error)
        buffer.of(call, stream.id).again_at = call.now() + AGAIN_S
        return
    if not entries:
        shelf.pop(stream.id, None)
        call.memory(buffer.Buffers).by_stream.pop(stream.id, None)
        return
    if file is None:
        file = shelf[stream.id] = File(upto=entries[-1].seq, at=call.now(), id=call.new_id())
        await call.home.store.journal.settled()
    try:
        await _write(call, stream, file, entries)
    except AwsError as error:
        await _complain(call, stream, error)
        if entries[0].at + KEPT_S > call.now():
            shelf[stream.id] = File(upto=file.upto, at=file.at, id=file.id, again_at=call.now() + AGAIN_S)
            return
        call.home.note("undelivered", stream=arn_of(call, stream), records=len(entries), code=error.code)
    call.atomically(lambda: _done(call, stream, file))


def _done(call: Call, stream: Stream, file: File) -> None:
    buffer.drop(call, stream.id, file.upto)
    call.shelf(File).pop(stream.id, None)


async def _write(call: Call, stream: Stream, file: File, entries: list[buffer.Entry]) -> None:
    destination = stream.destination
    role = as_role(call, stream, destination["RoleARN"])
    if destination.get("S3BackupMode") == "Enabled":
        backup = destination["S3BackupConfiguration"]
        whole = b"".join(entry.data for entry in entries)
        await _put(call, stream, file, as_role(call, stream, backup["RoleARN"]), backup, whole, "source")
    processed = await transform.process(call, stream, role, entries)
    failures = processed.failures
    if partition.is_on(destination):
        failures = failures + await _parted(call, stream, file, role, processed.entries)
    elif processed.entries:
        (body,) = await _bodies(call, stream, file, role, [processed.entries])
        if body:
            await _put(call, stream, file, role, destination, body, "")
    if failures:
        lines = b"".join(_told(call, failure) for failure in failures)
        await _put(call, stream, file, role, destination, lines, FAILED)
        for failure in {failure.code: failure for failure in failures}.values():
            await _log(call, stream, failure.code, failure.text)


async def _bodies(call: Call, stream: Stream, file: File, role: Call, groups: list[list[buffer.Entry]]) -> list[bytes]:
    """What the files of groups of records hold. Records that the destination converts and that cannot be converted are written beside them."""
    said = convert.configuration(stream.destination)
    if said is None:
        return [b"".join(entry.data for entry in group) for group in groups]
    made = await convert.converted(call, as_role(call, stream, said["SchemaConfiguration"]["RoleARN"]), said, groups)
    failures = [failure for each in made for failure in each.failures]
    if failures:
        lines = b"".join(convert.told(call, said, failure) for failure in failures)
        await _put(call, stream, file, role, stream.destination, lines, convert.UNCONVERTED)
        for failure in {failure.code: failure for failure in failures}.values():
            await _log(call, stream, failure.code, failure.text)
    return [each.body for each in made]


async def _parted(call: Call, stream: Stream, file: File, role: Call, entries: list[buffer.Entry]) -> list[Failure]:
    """Write a file for each partition; answers what becomes of no file."""
    destination = stream.destination
    found, without, beyond = partition.groups(destination["Prefix"], entries)
    failures = [transform.unparted(entry) for entry in without]
    text = f"A stream may have {partition.ACTIVE_MAX} active partitions."
    failures += [Failure(entry, "DynamicPartitioning.ActivePartitionsLimitExceeded", text, 1, "") for entry in beyond]
    bodies = await _bodies(call, stream, file, role, list(found.values()))
    for group, body in zip(found.values(), bodies, strict=True):
        if not body:
            continue
        try:
            await _put(call, stream, file, role, destination, body, "", group[0].keys)
        except AwsError as error:
            if group[0].at + partition.retried_s(destination) > call.now():
                raise
            failures += [Failure(entry, f"S3.{error.code}", error.text, 1, "") for entry in group]
    return failures


async def _put(
    call: Call, stream: Stream, file: File, role: Call, destination: dict[str, Any], body: bytes, what: str, keys: dict[str, str] | None = None
) -> None:
    zone = destination.get("CustomTimeZone", "UTC")
    error = what if what in (FAILED, convert.UNCONVERTED) else ""
    template = destination.get("ErrorOutputPrefix", "") if error else destination.get("Prefix", "")
    where = prefix.rendered(template, file.at, zone, call.ids.random, error, keys)
    name = where + prefix.file_name(stream.name, stream.version, file.at, file.id, zone)
    if destination["CompressionFormat"] in _PACKED:
        pack, extension = _PACKED[destination["CompressionFormat"]]
        body, name = pack(name.rpartition("/")[2], body), name if destination.get("FileExtension") else name + extension
    if what != convert.UNCONVERTED:
        # What is converted tells its format, if nothing else is said.
        said = convert.configuration(destination) if what == "" else None
        name += destination.get("FileExtension") or (convert.extension(said) if said is not None else "")
    bucket = arns.parse(destination["BucketARN"]).resource
    region = region_of_bucket(call.home, bucket)
    key = destination["EncryptionConfiguration"].get("KMSEncryptionConfig")
    sealed = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key["AWSKMSKeyARN"]} if key else {}
    await role.ask("s3:PutObject", to_region=region, Bucket=bucket, Key=name, Body=body, ContentType="application/octet-stream", **sealed)


def _zipped(name: str, body: bytes) -> bytes:
    """An archive of one file, the same for the same records."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(name), body, zipfile.ZIP_DEFLATED)
    return held.getvalue()


_PACKED = {"GZIP": (lambda name, body: gzip.compress(body, mtime=0), ".gz"), "ZIP": (_zipped, ".zip")}


def _told(call: Call, failure: Failure) -> bytes:
    """https://docs.aws.amazon.com/firehose/latest/dev/data-transformation-failure-handling.html"""
    said = {
        "attemptsMade": failure.attempts,
        "arrivalTimestamp": milliseconds(failure.entry.at),
        "errorCode": failure.code,
        "errorMessage": failure.text,
        "attemptEndingTimestamp": milliseconds(call.now()),
        "rawData": base64.b64encode(failure.entry.data).decode(),
    }
    return orjson.dumps(said | ({"lambdaArn": failure.function} if failure.function else {})) + b"\n"


async def _complain(call: Call, stream: Stream, error: AwsError) -> None:
    call.home.note("undelivered", stream=arn_of(call, stream), code=error.code)
    await _log(call, stream, error.code if isinstance(error, convert.NotConverted) else f"S3.{error.code}", error.text)


async def _log(call: Call, stream: Stream, code: str, text: str) -> None:
    """Tell the log that the destination names."""
    options = stream.destination.get("CloudWatchLoggingOptions") or {}
    if not options.get("Enabled") or not options.get("LogGroupName") or not options.get("LogStreamName"):
        return
    said = {
        "deliveryStreamARN": arn_of(call, stream),
        "destination": stream.destination["BucketARN"],
        "deliveryStreamVersionId": stream.version,
        "message": text,
        "errorCode": code,
    }
    place = {"logGroupName": options["LogGroupName"], "logStreamName": options["LogStreamName"]}
    try:
        role = as_role(call, stream, stream.destination["RoleARN"])
        await role.ask("logs:PutLogEvents", **place, logEvents=[{"timestamp": milliseconds(call.now()), "message": orjson.dumps(said).decode()}])
    except AwsError:
        pass  # Who cannot write the file cannot complain of it either.
