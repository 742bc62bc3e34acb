"""Delivery streams: what they are, how they are made, described and changed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from kumoniwa.gate.data_key import opening
from kumoniwa.gate.names import region_of_bucket
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.firehose import buffer, convert, encryption, partition, prefix, tag
from kumoniwa.services.firehose.encryption import Encryption
from kumoniwa.services.firehose.errors import (
    ConcurrentModificationException,
    InvalidArgumentException,
    LimitExceededException,
    ResourceInUseException,
    ResourceNotFoundException,
)

SERVICE = "firehose.amazonaws.com"
WORK = ("firehose", "work")
STREAMS_MAX = 5_000
SETTLING_S = 20.0
DESTINATION_ID = "destinationId-000000000001"
DEFAULT_BUFFER = {"SizeInMBs": 5, "IntervalInSeconds": 300}
COMPRESSIONS = ("UNCOMPRESSED", "GZIP", "ZIP")
PROCESSORS = ("Lambda", "AppendDelimiterToRecord", "Decompression", "CloudWatchLogProcessing", "MetadataExtraction", "RecordDeAggregation")


class Stream(Record):
    """Shelved by its name."""

    name: str
    id: str
    kind: str
    """DirectPut or KinesisStreamAsSource."""
    created: float
    destination: dict[str, Any]
    """ExtendedS3DestinationConfiguration, with its defaults."""
    is_extended: bool = True
    source: dict[str, str] = {}
    updated: float = 0.0
    version: int = 1
    settled: float = 0.0
    """When it is active; 0 is from the beginning."""
    tags: dict[str, str] = {}
    encryption: Encryption | None = None


def arn_of(call: Call, stream: Stream) -> str:
    return call.arn(f"deliverystream/{stream.name}")


def existing(call: Call, name: str) -> Stream:
    stream = call.shelf(Stream).get(name)
    if stream is None:
        raise ResourceNotFoundException(f"Firehose {name} under account {call.account} not found.")
    return stream


def tags_of(call: Call, arn: str) -> dict[str, str]:
    return existing(call, arn.rpartition("/")[2]).tags


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    return [(arn_of(call, each), each.tags) for each in call.shelf(Stream).values()]


def status_of(call: Call, stream: Stream) -> str:
    return "CREATING" if stream.settled > call.now() else "ACTIVE"


def active(call: Call, name: str) -> Stream:
    stream = existing(call, name)
    if status_of(call, stream) != "ACTIVE":
        raise ResourceInUseException(f"Firehose {name} under account {call.account} is not ACTIVE.")
    return stream


def as_role(call: Call, stream: Stream, role: str) -> Call:
    return call.assuming(role, SERVICE, stream.name, **{"aws:SourceArn": arn_of(call, stream)})


def CreateDeliveryStream(
    call: Call, *, DeliveryStreamName: str, DeliveryStreamType: str = "DirectPut",
    KinesisStreamSourceConfiguration: dict[str, str] | None = None, S3DestinationConfiguration: dict[str, Any] | None = None,
    ExtendedS3DestinationConfiguration: dict[str, Any] | None = None, Tags: list[dict[str, str]] | None = None,
    DeliveryStreamEncryptionConfigurationInput: dict[str, Any] | None = None,
) -> Any:  # fmt: skip
    shelf = call.shelf(Stream)
    if DeliveryStreamName in shelf:
        raise ResourceInUseException(f"Firehose {DeliveryStreamName} under accountId {call.account} already exists")
    if len(shelf) >= STREAMS_MAX:
        raise LimitExceededException(f"You have already consumed your firehose quota of {STREAMS_MAX} hoses. Firehose names: {sorted(shelf)[:10]}")
    given = [each for each in (S3DestinationConfiguration, ExtendedS3DestinationConfiguration) if each is not None]
    if len(given) != 1:
        raise InvalidArgumentException("Exactly one destination configuration is supported for a Firehose")
    if DeliveryStreamType not in ("DirectPut", "KinesisStreamAsSource"):
        raise NotImplementedHere(f"delivery streams of the type {DeliveryStreamType}")
    if DeliveryStreamType == "KinesisStreamAsSource" and KinesisStreamSourceConfiguration is None:
        # As cdk-preflight saw it of AWS: pf-firehose-kinesis-source-config.
        raise InvalidArgumentException("KinesisSourceStreamConfig is mandatory for KinesisStreamAsSource stream type.")
    if DeliveryStreamType == "DirectPut" and KinesisStreamSourceConfiguration is not None:
        raise InvalidArgumentException("KinesisStreamSourceConfig is only applicable for KinesisStreamAsSource stream type")
    settles = call.now() + SETTLING_S if call.home.settings.pace == "real" else 0.0
    stream = Stream(
        name=DeliveryStreamName, id=call.new_id(), kind=DeliveryStreamType, created=call.now(), destination={"BufferingHints": {}},
        is_extended=ExtendedS3DestinationConfiguration is not None, source=KinesisStreamSourceConfiguration or {}, settled=settles,
        tags=tag.checked(call, {each["Key"]: each.get("Value", "") for each in Tags or ()}),
    )  # fmt: skip
    stream = changed(stream, destination=_checked(call, stream, given[0]))
    if stream.source:
        _check_source(call, stream.source["KinesisStreamARN"])
        _prove_role(call, stream, stream.source["RoleARN"])
    if DeliveryStreamEncryptionConfigurationInput is not None:
        _check_direct(stream)
    if DeliveryStreamEncryptionConfigurationInput is not None or convert.configuration(stream.destination) is not None:
        call.start_over()
        return _made_in_steps(call, stream, DeliveryStreamEncryptionConfigurationInput)
    return _made(call, stream)


def _made(call: Call, stream: Stream) -> dict:
    if stream.name in call.shelf(Stream):
        raise ResourceInUseException(f"Firehose {stream.name} under accountId {call.account} already exists")
    call.shelf(Stream)[stream.name] = stream
    call.home.wake(WORK)
    return {"DeliveryStreamARN": arn_of(call, stream)}


async def _prove_schema(call: Call, stream: Stream, destination: dict[str, Any]) -> None:
    converts = convert.configuration(destination)
    if converts is not None:
        await convert.prove(call, as_role(call, stream, converts["SchemaConfiguration"]["RoleARN"]), converts)


async def _made_in_steps(call: Call, stream: Stream, wanted: dict[str, Any] | None) -> dict:
    await _prove_schema(call, stream, stream.destination)
    if wanted is None:
        return call.atomically(lambda: _made(call, stream))
    stream = changed(stream, encryption=await encryption.made(call, wanted))
    return await opening(call, partial(_made_if_it_can_be_sealed, call, stream))


def _made_if_it_can_be_sealed(call: Call, stream: Stream) -> dict:
    encryption.prove(call, stream.id, stream.encryption)
    return _made(call, stream)


def _check_direct(stream: Stream) -> None:
    if stream.kind != "DirectPut":
        raise InvalidArgumentException("Server-side encryption is for delivery streams of the type DirectPut: a stream of Kinesis has its own.")


async def StartDeliveryStreamEncryption(
    call: Call, *, DeliveryStreamName: str, DeliveryStreamEncryptionConfigurationInput: dict[str, Any] | None = None
) -> None:
    """From now on. Another key may follow the one there is."""
    _check_direct(active(call, DeliveryStreamName))
    fresh = await encryption.made(call, DeliveryStreamEncryptionConfigurationInput or {"KeyType": encryption.OWNED})

    def start() -> None:
        stream = active(call, DeliveryStreamName)
        encryption.prove(call, stream.id, fresh)
        call.shelf(Stream)[stream.name] = changed(stream, encryption=fresh)

    await opening(call, start)


def StopDeliveryStreamEncryption(call: Call, *, DeliveryStreamName: str) -> None:
    """What waits encrypted is still delivered: the grant stays until the stream goes."""
    stream = active(call, DeliveryStreamName)
    _check_direct(stream)
    call.shelf(Stream)[stream.name] = changed(stream, encryption=None)


def _checked(call: Call, stream: Stream, said: dict[str, Any]) -> dict[str, Any]:
    """A destination with its defaults. What we cannot do is refused by name."""
    convert.check(said)
    converts = convert.configuration(said)
    compression = said.get("CompressionFormat", "UNCOMPRESSED")
    if compression not in COMPRESSIONS:
        raise NotImplementedHere(f"the compression {compression} of firehose")
    processing = said.get("ProcessingConfiguration") or {}
    for processor in processing.get("Processors") or ():
        if processor["Type"] not in PROCESSORS:
            raise NotImplementedHere(f"the processor {processor['Type']} of firehose")
    is_partitioned = partition.is_on(said)
    prefix.check(said.get("Prefix", ""), said.get("ErrorOutputPrefix", ""), said.get("CustomTimeZone", "UTC"), is_partitioned=is_partitioned)
    bucket = arns.parse(said["BucketARN"])
    if bucket is None or bucket.service != "s3":
        raise InvalidArgumentException(f"BucketArn {said['BucketARN']} is invalid.")
    _check_key(call, bucket.resource, (said.get("EncryptionConfiguration") or {}).get("KMSEncryptionConfig"))
    _prove_role(call, stream, said["RoleARN"])
    if converts is not None:
        _prove_role(call, stream, converts["SchemaConfiguration"]["RoleARN"])
    unsaid = partition.SIZE_MIB_UNSAID if is_partitioned else convert.SIZE_MIB_UNSAID if converts is not None else DEFAULT_BUFFER["SizeInMBs"]
    checked = {
        **said,
        "BufferingHints": DEFAULT_BUFFER | {"SizeInMBs": unsaid} | (said.get("BufferingHints") or {}),
        "CompressionFormat": compression,
        "EncryptionConfiguration": said.get("EncryptionConfiguration") or {"NoEncryptionConfig": "NoEncryption"},
        "CloudWatchLoggingOptions": said.get("CloudWatchLoggingOptions") or {"Enabled": False},
    }
    types = {
        each["Type"]: {p["ParameterName"]: p["ParameterValue"] for p in each.get("Parameters") or ()}
        for each in processing.get("Processors") or ()
    }
    partition.check(checked, types)
    if stream.is_extended:
        checked |= {
            "ProcessingConfiguration": processing or {"Enabled": False, "Processors": []},
            "S3BackupMode": said.get("S3BackupMode", "Disabled"),
        }
        if checked["S3BackupMode"] == "Enabled":
            if not said.get("S3BackupConfiguration"):
                raise InvalidArgumentException("S3BackupConfiguration is required when S3BackupMode is Enabled")
            plain = changed(stream, is_extended=False)
            checked["S3BackupConfiguration"] = _checked(call, plain, said["S3BackupConfiguration"])
    return checked


def _check_key(call: Call, bucket: str, said: dict[str, str] | None) -> None:
    """As cdk-preflight saw it of AWS: pf-firehose-s3-kms-key-region."""
    key = arns.parse(said["AWSKMSKeyARN"]) if said else None
    place = region_of_bucket(call.home, bucket)
    if key is not None and key.region != place:
        raise InvalidArgumentException(
            f"KMS Key {key} does not exist in the same region as the S3 bucket. KMS Key region: {key.region}. S3 Bucket Region: {place}"
        )


def _check_source(call: Call, arn: str) -> None:
    """No source tells how AWS refuses a stream of another region; the words are after those for keys and secrets."""
    named = arns.parse(arn)
    if named is not None and named.region != call.region:
        raise InvalidArgumentException("Cross-region streams are not allowed as a source. Please provide a Kinesis stream in the same region as firehose")


def _prove_role(call: Call, stream: Stream, role: str) -> None:
    call.require("iam:PassRole", role, **{"iam:PassedToService": SERVICE})
    if call.home.settings.iam != "enforce":
        return
    try:
        as_role(call, stream, role)
    except AwsError as error:
        raise InvalidArgumentException(f"Firehose is unable to assume role {role}. Please check the role provided.", hint=error.hint) from None


def DeleteDeliveryStream(call: Call, *, DeliveryStreamName: str, AllowForceDelete: bool | None = None) -> None:
    """What waits in it goes with it. A grant that cannot be retired is left behind, so that force changes nothing."""
    stream = existing(call, DeliveryStreamName)
    del call.shelf(Stream)[stream.name]
    if stream.encryption is not None and stream.encryption.grant:
        call.after_commit(partial(encryption.retire, call, stream.encryption))
    buffer.forget(call, stream.id)
    call.home.wake(WORK)


def DescribeDeliveryStream(
    call: Call, *, DeliveryStreamName: str, Limit: int | None = None, ExclusiveStartDestinationId: str | None = None
) -> dict:
    """A stream has one destination, so that no limit leaves it out."""
    stream = existing(call, DeliveryStreamName)
    destinations = [] if (ExclusiveStartDestinationId or "") >= DESTINATION_ID else [_shown_destination(stream)]
    shown: dict[str, Any] = {
        "DeliveryStreamName": stream.name,
        "DeliveryStreamARN": arn_of(call, stream),
        "DeliveryStreamStatus": status_of(call, stream),
        "DeliveryStreamType": stream.kind,
        "VersionId": str(stream.version),
        "CreateTimestamp": stream.created,
        "Destinations": destinations,
        "HasMoreDestinations": False,
    }
    if stream.updated:
        shown["LastUpdateTimestamp"] = stream.updated
    if not stream.source:
        # One that is fed by a stream is encrypted as that is, and says nothing of it: localstack's test_firehose_stack_with_kinesis_as_source.
        shown["DeliveryStreamEncryptionConfiguration"] = encryption.shown(stream.encryption)
    else:
        source = stream.source | {"DeliveryStartTimestamp": stream.created}
        shown["Source"] = {"KinesisStreamSourceDescription": source}
    return {"DeliveryStreamDescription": shown}


_PLAIN = (
    "RoleARN",
    "BucketARN",
    "Prefix",
    "ErrorOutputPrefix",
    "BufferingHints",
    "CompressionFormat",
    "EncryptionConfiguration",
    "CloudWatchLoggingOptions",
)


def _shown_destination(stream: Stream) -> dict[str, Any]:
    held = dict(stream.destination)
    plain = {name: held[name] for name in _PLAIN if name in held}
    if not stream.is_extended:
        return {"DestinationId": DESTINATION_ID, "S3DestinationDescription": plain}
    backup = held.pop("S3BackupConfiguration", None)
    if backup is not None:
        held["S3BackupDescription"] = backup
    return {"DestinationId": DESTINATION_ID, "S3DestinationDescription": plain, "ExtendedS3DestinationDescription": held}


def ListDeliveryStreams(
    call: Call, *, Limit: int = 10, DeliveryStreamType: str | None = None, ExclusiveStartDeliveryStreamName: str | None = None
) -> dict:
    found = sorted(
        name
        for name, stream in call.shelf(Stream).items()
        if DeliveryStreamType in (None, stream.kind) and name > (ExclusiveStartDeliveryStreamName or "")
    )
    return {"DeliveryStreamNames": found[:Limit], "HasMoreDeliveryStreams": len(found) > Limit}


def UpdateDestination(
    call: Call, *, DeliveryStreamName: str, CurrentDeliveryStreamVersionId: str, DestinationId: str,
    S3DestinationUpdate: dict[str, Any] | None = None, ExtendedS3DestinationUpdate: dict[str, Any] | None = None,
) -> Any:  # fmt: skip
    def update() -> dict[str, Any]:
        return _updated(call, DeliveryStreamName, CurrentDeliveryStreamVersionId, DestinationId, S3DestinationUpdate, ExtendedS3DestinationUpdate)

    destination = update()
    if convert.configuration(destination) is None:
        return None
    call.start_over()
    return _updated_in_steps(call, existing(call, DeliveryStreamName), destination, update)


async def _updated_in_steps(call: Call, stream: Stream, destination: dict[str, Any], update: Callable[[], Any]) -> None:
    await _prove_schema(call, stream, destination)
    call.atomically(update)


def _updated(
    call: Call, name: str, version: str, destination_id: str, plain: dict[str, Any] | None, extended: dict[str, Any] | None
) -> dict[str, Any]:
    """The destination as it is then."""
    stream = active(call, name)
    if version != str(stream.version):
        raise ConcurrentModificationException(
            f"Cannot update firehose: {stream.name} since the current version id: {stream.version} and specified version id: {version} do not match"
        )
    if destination_id != DESTINATION_ID:
        raise InvalidArgumentException("Destination Id not found")
    update = dict(extended or plain or {})
    if "DataFormatConversionConfiguration" in update:
        update["DataFormatConversionConfiguration"] = (stream.destination.get("DataFormatConversionConfiguration") or {}) | update[
            "DataFormatConversionConfiguration"
        ]
    if "S3BackupUpdate" in update:
        update["S3BackupConfiguration"] = (stream.destination.get("S3BackupConfiguration") or {}) | update.pop("S3BackupUpdate")
    if "DynamicPartitioningConfiguration" in update and partition.is_on(update) != partition.is_on(stream.destination):
        raise InvalidArgumentException("Dynamic Partitioning can be enabled when a Firehose is created only, and not be disabled.")
    stream = changed(stream, is_extended=stream.is_extended or extended is not None)
    destination = _checked(call, stream, stream.destination | update)
    call.shelf(Stream)[stream.name] = changed(stream, destination=destination, version=stream.version + 1, updated=call.now())
    call.home.wake(WORK)
    return destination
