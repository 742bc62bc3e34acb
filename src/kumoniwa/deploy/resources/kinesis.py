"""AWS::Kinesis."""

from __future__ import annotations

from typing import Any

from kumoniwa.deploy.resource import (
    ID,
    Call,
    Name,
    Reading,
    ResourceType,
    Setting,
    Work,
    carries,
    gone_tags,
    made,
    p,
    seen,
    tag_map,
)
from kumoniwa.deploy.step import settle

_SHARDS_GROW_BY = 2
"""UpdateShardCount doubles or halves at most."""
_RETENTION_H = 24


async def _summary(work: Work) -> dict[str, Any]:
    return (await work.look("kinesis:DescribeStreamSummary", StreamName=work.id))["StreamDescriptionSummary"]


@carries("RetentionPeriodHours")
async def _keep_for(work: Work) -> None:
    wanted, current = work.properties.get("RetentionPeriodHours", _RETENTION_H), (await _summary(work))["RetentionPeriodHours"]
    if wanted != current:
        verb = "Increase" if wanted > current else "Decrease"
        await work.ask(f"kinesis:{verb}StreamRetentionPeriod", StreamName=work.id, RetentionPeriodHours=wanted)
        await settle(work)


@carries("ShardCount StreamModeDetails")
async def _update_shards(work: Work) -> None:
    new = work.properties
    if "StreamModeDetails" in work.changed:
        mode = new.get("StreamModeDetails", {"StreamMode": "PROVISIONED"})
        arn = (await _summary(work))["StreamARN"]
        await work.ask("kinesis:UpdateStreamMode", StreamARN=arn, StreamModeDetails=mode)
        await settle(work)
    while (count := new.get("ShardCount")) and (current := (await _summary(work))["OpenShardCount"]) != count:
        step = min(max(count, -(-current // _SHARDS_GROW_BY)), current * _SHARDS_GROW_BY)
        await work.ask("kinesis:UpdateShardCount", StreamName=work.id, TargetShardCount=step, ScalingType="UNIFORM_SCALING")
        await settle(work)


_update_shards.handles_absence = True


@carries("StreamEncryption")
async def _encrypt(work: Work) -> None:
    wanted, current = work.properties.get("StreamEncryption"), await _summary(work)
    if wanted:
        await work.ask("kinesis:StartStreamEncryption", StreamName=work.id, **wanted)
    elif current["EncryptionType"] != "NONE":
        await work.ask("kinesis:StopStreamEncryption", StreamName=work.id, EncryptionType="KMS", KeyId=current["KeyId"])
    await settle(work)

_seen = seen.StreamDescriptionSummary

Stream = ResourceType(
    name=Name("Name", 128),
    create=Call(
        "kinesis:CreateStream", "ShardCount StreamModeDetails", StreamName=p.Name, Tags=tag_map(p.Tags)
    ),
    id=p.Name,
    read=Call("kinesis:DescribeStreamSummary", StreamName=ID),
    ready={"StreamDescriptionSummary.StreamStatus": "ACTIVE"},
    settings=(Setting(_keep_for, _keep_for), Setting(_encrypt, _encrypt)),
    update=(
        _update_shards,
        Call("kinesis:RemoveTagsFromStream", StreamName=ID, TagKeys=gone_tags).when(gone_tags),
        Call("kinesis:AddTagsToStream", StreamName=ID, Tags=tag_map(p.Tags)).when(p.Tags),
    ),
    delete=Call("kinesis:DeleteStream", StreamName=ID, EnforceConsumerDeletion=True),
    is_gone_slowly=True,
    absent="ResourceNotFoundException",
    attributes={"Arn": _seen.StreamARN},
    drift=(
        Reading(
            {
                "RetentionPeriodHours": _seen.RetentionPeriodHours,
                "ShardCount": _seen.OpenShardCount,
                "StreamModeDetails": _seen.StreamModeDetails,
            },
            Call("kinesis:DescribeStreamSummary", StreamName=ID),
        ),
        Reading({"Tags": seen.Tags}, Call("kinesis:ListTagsForStream", StreamName=ID)),
    ),
)

StreamConsumer = ResourceType(
    create=Call("kinesis:RegisterStreamConsumer", "StreamARN ConsumerName", Tags=tag_map(p.Tags)),
    id=made.Consumer.ConsumerARN,
    read=Call("kinesis:DescribeStreamConsumer", ConsumerARN=ID),
    ready={"ConsumerDescription.ConsumerStatus": "ACTIVE"},
    delete=Call("kinesis:DeregisterStreamConsumer", ConsumerARN=ID),
    absent="ResourceNotFoundException",
    attributes={
        "ConsumerARN": ID,
        "ConsumerName": p.ConsumerName,
        "ConsumerStatus": seen.ConsumerDescription.ConsumerStatus,
        "ConsumerCreationTimestamp": seen.ConsumerDescription.ConsumerCreationTimestamp,
        "StreamARN": p.StreamARN,
    },
)
