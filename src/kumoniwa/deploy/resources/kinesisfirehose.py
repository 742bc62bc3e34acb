"""AWS::KinesisFirehose."""

from __future__ import annotations

from typing import Any

from kumoniwa.deploy.resource import (
    ID,
    Call,
    Name,
    Reading,
    ResourceType,
    Work,
    carries,
    gone_tags,
    p,
    seen,
)

_seen = seen.DeliveryStreamDescription


@carries("ExtendedS3DestinationConfiguration S3DestinationConfiguration")
async def _update_destination(work: Work) -> None:
    shown = (await work.look("firehose:DescribeDeliveryStream", DeliveryStreamName=work.id))["DeliveryStreamDescription"]
    known = {"CurrentDeliveryStreamVersionId": shown["VersionId"], "DestinationId": shown["Destinations"][0]["DestinationId"]}
    for kind in ("ExtendedS3Destination", "S3Destination"):
        if f"{kind}Configuration" in work.changed and (wanted := work.properties.get(f"{kind}Configuration")):
            update: dict[str, Any] = {name: value for name, value in wanted.items() if name != "S3BackupConfiguration"}
            if "S3BackupConfiguration" in wanted:
                update["S3BackupUpdate"] = wanted["S3BackupConfiguration"]
            await work.ask("firehose:UpdateDestination", DeliveryStreamName=work.id, **known, **{f"{kind}Update": update})


@carries("DeliveryStreamEncryptionConfigurationInput")
async def _reencrypt(work: Work) -> None:
    if "DeliveryStreamEncryptionConfigurationInput" not in work.changed:
        return
    wanted = work.properties.get("DeliveryStreamEncryptionConfigurationInput")
    if wanted:
        await work.ask("firehose:StartDeliveryStreamEncryption", DeliveryStreamName=work.id, DeliveryStreamEncryptionConfigurationInput=wanted)
    else:
        await work.ask("firehose:StopDeliveryStreamEncryption", DeliveryStreamName=work.id)


_reencrypt.handles_absence = True

DeliveryStream = ResourceType(
    name=Name("DeliveryStreamName", 64),
    create=Call(
        "firehose:CreateDeliveryStream",
        "DeliveryStreamType KinesisStreamSourceConfiguration S3DestinationConfiguration ExtendedS3DestinationConfiguration Tags"
        " DeliveryStreamEncryptionConfigurationInput",
        DeliveryStreamName=p.DeliveryStreamName,
    ),
    id=p.DeliveryStreamName,
    read=Call("firehose:DescribeDeliveryStream", DeliveryStreamName=ID),
    ready={"DeliveryStreamDescription.DeliveryStreamStatus": "ACTIVE"},
    update=(
        _update_destination,
        _reencrypt,
        Call("firehose:UntagDeliveryStream", DeliveryStreamName=ID, TagKeys=gone_tags).when(gone_tags),
        Call("firehose:TagDeliveryStream", DeliveryStreamName=ID, Tags=p.Tags).when(p.Tags),
    ),
    delete=Call("firehose:DeleteDeliveryStream", DeliveryStreamName=ID),
    absent="ResourceNotFoundException",
    attributes={"Arn": _seen.DeliveryStreamARN},
    drift=(
        Reading({"DeliveryStreamType": _seen.DeliveryStreamType}),
        Reading({"Tags": seen.Tags}, Call("firehose:ListTagsForDeliveryStream", DeliveryStreamName=ID)),
    ),
)
