"""Who is told that a command has come on: the region's bus, and the topic that the command names.

https://docs.aws.amazon.com/systems-manager/latest/userguide/monitoring-systems-manager-event-examples.html
https://docs.aws.amazon.com/systems-manager/latest/userguide/monitoring-sns-examples.html
"""

from __future__ import annotations

from typing import Any

import orjson

from kumoniwa.gate.outbox import Delivery, Outbox
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.ssm import node as nodes
from kumoniwa.services.ssm.command import Command, Invocation
from kumoniwa.services.ssm.errors import SERVICE
from kumoniwa.wire import timestamps

TRIES_MAX, AGAIN_AFTER_S = 5, 30.0
"""How often AWS tries no source of ours states."""


def tell_command(call: Call, command: Command) -> None:
    call.tell("EC2 Command Status-change Notification", {
        "command-id": command.id, "document-name": command.document, "expire-after": timestamps.to_millisecond(command.expires),
        "parameters": command.said, "requested-date-time": timestamps.to_millisecond(command.requested), "status": command.status,
        "resources": [nodes.arn_of(call, each) for each in command.nodes],
    })  # fmt: skip
    _promise(call, command, "Command", command.status, {
        "commandId": command.id, "documentName": command.document, "instanceIds": list(command.nodes) if not command.targets else [],
        "requestedDateTime": timestamps.to_millisecond(command.requested), "expiresAfter": timestamps.to_millisecond(command.expires),
        "outputS3BucketName": command.bucket, "outputS3KeyPrefix": command.prefix,
    })  # fmt: skip


def tell_invocation(call: Call, command: Command, invocation: Invocation) -> None:
    call.tell("EC2 Command Invocation Status-change Notification", {
        "command-id": command.id, "document-name": command.document, "instance-id": invocation.node,
        "requested-date-time": timestamps.to_millisecond(invocation.requested), "status": invocation.status,
        "resources": [nodes.arn_of(call, invocation.node)],
    })  # fmt: skip
    _promise(call, command, "Invocation", invocation.status, {
        "commandId": command.id, "documentName": command.document, "instanceId": invocation.node,
        "requestedDateTime": timestamps.to_millisecond(invocation.requested),
    })  # fmt: skip


def _promise(call: Call, command: Command, kind: str, status: str, told: dict[str, Any]) -> None:
    """Messages about one command leave in their order."""
    notice = command.notice
    events = notice.get("NotificationEvents") or ["All"]
    if notice.get("NotificationArn") and notice.get("NotificationType", "Command") == kind and ("All" in events or status in events):
        told |= {"status": status, "eventTime": timestamps.to_millisecond(call.now())}
        promise = {"topic": notice["NotificationArn"], "role": command.role, "command": command.id, "told": told}
        OUTBOX.put(call, orjson.dumps(promise), lane=command.id)


async def _deliver(call: Call, delivery: Delivery) -> float | None:
    """Published as the role of the command, in the topic's own region. What is refused for good is dropped."""
    promise = orjson.loads(delivery.body)
    topic = promise["topic"]
    try:
        speaker = call.assuming(promise["role"], SERVICE, promise["command"])
        await speaker.ask(
            "sns:Publish", to_region=topic.split(":")[3], once=delivery.token, TopicArn=topic, Message=orjson.dumps(promise["told"]).decode(),
            Subject=f"EC2 Run Command Notification {call.region}",
        )  # fmt: skip
    except AwsError:
        return AGAIN_AFTER_S if delivery.attempts + 1 < TRIES_MAX else None
    return None


OUTBOX = Outbox("ssm", _deliver, kind="command_notice")
