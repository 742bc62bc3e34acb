"""What AWS Backup tells: events for the region's bus, and notices for the topics of vaults.

A notice is published as AWS Backup, so the topic must let it.
https://docs.aws.amazon.com/aws-backup/latest/devguide/eventbridge.html, backup-notifications.html
"""

from __future__ import annotations

from typing import Any

import msgspec

from kumoniwa.gate import patience
from kumoniwa.gate.outbox import Delivery, Outbox
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.wire import timestamps

SUBJECT = "Notification from AWS Backup"
NOTICES = frozenset({
    "BACKUP_JOB_STARTED", "BACKUP_JOB_COMPLETED", "BACKUP_JOB_SUCCESSFUL", "BACKUP_JOB_FAILED", "BACKUP_JOB_EXPIRED", "RESTORE_JOB_STARTED",
    "RESTORE_JOB_COMPLETED", "RESTORE_JOB_SUCCESSFUL", "RESTORE_JOB_FAILED", "COPY_JOB_STARTED", "COPY_JOB_SUCCESSFUL", "COPY_JOB_FAILED",
    "RECOVERY_POINT_MODIFIED", "S3_BACKUP_OBJECT_FAILED", "S3_RESTORE_OBJECT_FAILED",
})  # fmt: skip


class Notice(msgspec.Struct, array_like=True):
    topic: str
    text: str
    attributes: dict[str, str]


_encode, _decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(Notice).decode


def fact(call: Call, kind: str, resources: list[str], detail: dict[str, Any]) -> None:
    call.tell(kind, {"resources": resources, **detail})


def count(call: Call, what: str, state: str, vault: str, kind: str) -> None:
    """For CloudWatch, by vault, and by vault and type of resource.
    https://docs.aws.amazon.com/aws-backup/latest/devguide/cloudwatch.html"""
    name = f"NumberOf{what}{state.title()}"
    call.measure("AWS/Backup", name, "BackupVaultName", vault)
    call.measure("AWS/Backup", name, "BackupVaultName", vault, "ResourceType", kind)


def notice(call: Call, vault: Any, events: tuple[str, ...], text: str, *, kind: str, id_: str, state: str, since: float) -> None:
    """Tell the vault's topic, once for each of these events that it asked for."""
    for _ in set(events) & set(vault.events if vault is not None else ()):
        attributes = {"EventType": kind, "State": state, "AccountId": call.account, "Id": id_, "StartTime": timestamps.to_millisecond(since)}
        OUTBOX.put(call, _encode(Notice(vault.topic, text, attributes)))


def some_failed(call: Call, vault: Any, event: str, job: Any) -> None:
    """Tell the vault's topic that a job which succeeded left objects out."""
    notice(call, vault, (event,), job.message, kind=event, id_=job.id, state=job.state, since=job.created)


async def deliver(call: Call, delivery: Delivery) -> float | None:
    said = _decode(delivery.body)
    attributes = {name: {"DataType": "String", "StringValue": value} for name, value in said.attributes.items()}
    try:
        await call.ask(
            "sns:Publish", to_region=arns.parse(said.topic).region, once=delivery.token, TopicArn=said.topic, Subject=SUBJECT,
            Message=said.text, MessageAttributes=attributes,
        )  # fmt: skip
    except AwsError as error:
        call.home.note("undelivered", rule="backup", target=said.topic, code=error.code, is_buried=False)
        if patience.is_passing(error):
            return patience.pause({}, delivery, call.now(), delivery.born, call.ids.random)[0] or None
    return None


OUTBOX = Outbox("backup", deliver)
