"""AWS::SQS."""

from __future__ import annotations

from typing import Any

from kumoniwa.deploy.resource import (
    ID,
    Call,
    Name,
    Reading,
    ResourceType,
    Work,
    as_json,
    as_text,
    at,
    carries,
    from_json,
    gone_tags,
    made,
    p,
    same,
    seen,
    tag_list,
    tag_map,
)

_TEXTS = [
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "DelaySeconds",
    "FifoThroughputLimit",
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds",
    "SqsManagedSseEnabled",
    "VisibilityTimeout",
]
_MUTABLE = {name: as_text(getattr(p, name)) for name in _TEXTS} | {
    "RedrivePolicy": as_json(p.RedrivePolicy),
    "RedriveAllowPolicy": as_json(p.RedriveAllowPolicy),
}

Queue = ResourceType(
    name=Name("QueueName", 80, ending=lambda properties: ".fifo" if properties.get("FifoQueue") else ""),
    create=Call(
        "sqs:CreateQueue",
        "QueueName",
        Attributes=_MUTABLE | {"FifoQueue": as_text(p.FifoQueue)},
        tags=tag_map(p.Tags),
    ),
    id=made.QueueUrl,
    read=Call("sqs:GetQueueAttributes", QueueUrl=ID, AttributeNames=["QueueArn"]),
    named=Call("sqs:GetQueueUrl", "QueueName"),
    update=(
        Call("sqs:SetQueueAttributes", QueueUrl=ID, Attributes=_MUTABLE),
        Call("sqs:UntagQueue", QueueUrl=ID, TagKeys=gone_tags).when(gone_tags),
        Call("sqs:TagQueue", QueueUrl=ID, Tags=tag_map(p.Tags)).when(p.Tags),
    ),
    delete=Call("sqs:DeleteQueue", QueueUrl=ID),
    absent="QueueDoesNotExist AWS.SimpleQueueService.NonExistentQueue",
    attributes={"Arn": seen.Attributes.QueueArn, "QueueName": p.QueueName, "QueueUrl": ID},
    defaults={
        "ContentBasedDeduplication": False,
        "DeduplicationScope": "queue",
        "DelaySeconds": 0,
        "FifoThroughputLimit": "perQueue",
        "KmsDataKeyReusePeriodSeconds": 300,
        "KmsMasterKeyId": "",
        "MaximumMessageSize": 1048576,
        "MessageRetentionPeriod": 345600,
        "ReceiveMessageWaitTimeSeconds": 0,
        "RedriveAllowPolicy": "",
        "RedrivePolicy": "",
        "SqsManagedSseEnabled": True,
        "VisibilityTimeout": 30,
    },
    drift=(
        Reading(
            {
                **same(f"{' '.join(_TEXTS)} FifoQueue", seen.Attributes),
                "RedrivePolicy": from_json(seen.Attributes.RedrivePolicy),
                "RedriveAllowPolicy": from_json(seen.Attributes.RedriveAllowPolicy),
            },
            Call("sqs:GetQueueAttributes", QueueUrl=ID, AttributeNames=["All"]),
        ),
        Reading({"Tags": tag_list(seen.Tags)}, Call("sqs:ListQueueTags", QueueUrl=ID)),
    ),
)


async def _set_policy(work: Work, queues: list[str], policy: Any) -> None:
    for queue in queues:
        await work.ask("sqs:SetQueueAttributes", QueueUrl=queue, Attributes={"Policy": policy})


@carries("Queues PolicyDocument")
async def _put_policy(work: Work) -> dict[str, Any]:
    await _set_policy(
        work, [url for url in work.old.get("Queues", ()) if url not in work.properties["Queues"]], ""
    )
    await _set_policy(work, work.properties["Queues"], as_json(p.PolicyDocument)._read(work))
    return {}


async def _delete_policy(work: Work) -> None:
    await _set_policy(work, work.properties["Queues"], "")


_inline = Call(
    "sqs:SetQueueAttributes", QueueUrl=at(p.Queue), Attributes={"Policy": as_json(p.PolicyDocument)}
)

QueueInlinePolicy = ResourceType(
    create=_inline,
    id=p.Queue,
    update=(_inline,),
    delete=Call("sqs:SetQueueAttributes", QueueUrl=ID, Attributes={"Policy": ""}),
    absent=Queue.absent,
    drift=(
        Reading(
            {"PolicyDocument": from_json(seen.Attributes.Policy)},
            Call("sqs:GetQueueAttributes", QueueUrl=ID, AttributeNames=["Policy"]),
        ),
    ),
)

QueuePolicy = ResourceType(
    name=Name("Id", 80),
    create=_put_policy,
    id=p.Id,
    update=(_put_policy,),
    delete=_delete_policy,
    absent=Queue.absent,
    attributes={"Id": ID},
)
