"""What a stack tells topics: each of its events, as soon as it is one, in the form and in the order of its history.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html (NotificationARNs)
"""

from __future__ import annotations

from typing import Any

import msgspec

from kumoniwa.gate import patience
from kumoniwa.gate.outbox import Delivery, Outbox
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, ValidationError
from kumoniwa.kernel.principal import Principal

SUBJECT = "AWS CloudFormation Notification"
TOPICS_MAX = 5
FIELDS = (
    "StackId", "Timestamp", "EventId", "LogicalResourceId", "Namespace", "PhysicalResourceId", "PrincipalId", "ResourceProperties",
    "ResourceStatus", "ResourceStatusReason", "ResourceType", "StackName", "ClientRequestToken",
)  # fmt: skip


class Promise(msgspec.Struct, array_like=True):
    topic: str
    text: str
    principal: Principal
    """Whoever asked for the stack: with his rights the topic is told."""


def check(topics: list[str] | None) -> tuple[str, ...]:
    for topic in topics or ():
        parsed = arns.parse(topic)
        if parsed is None or parsed.service != "sns" or not parsed.resource:
            raise ValidationError(f"Topic ARN {topic} is invalid")
    if len(topics or ()) > TOPICS_MAX:
        raise ValidationError(f"At most {TOPICS_MAX} notification topics can be specified")
    return tuple(topics or ())


def promise(call: Call, stack: Any, facts: dict[str, str]) -> None:
    """Tell an event to the topics of a `stack.Stack`."""
    told = facts | {"Namespace": call.account, "PrincipalId": stack.principal.user_id}
    text = "".join(f"{name}='{told.get(name, '')}'\n" for name in FIELDS)
    for topic in stack.notified:
        body = msgspec.msgpack.encode(Promise(topic, text, stack.principal))
        OUTBOX.put(call, body, lane=f"{stack.id} {topic}")


async def _deliver(call: Call, delivery: Delivery) -> float | None:
    said = msgspec.msgpack.decode(delivery.body, type=Promise)
    teller = call.home.call("cloudformation", call.account, said.principal)
    region = arns.parse(said.topic).region
    try:
        await teller.ask("sns:Publish", to_region=region, once=delivery.token, TopicArn=said.topic, Subject=SUBJECT, Message=said.text)
    except AwsError as error:
        if patience.is_passing(error):
            wait_s, exhausted = patience.pause({}, delivery, call.now(), delivery.born, call.ids.random)
            if not exhausted:
                return wait_s
        call.home.note("undelivered", service="cloudformation", target=said.topic, code=error.code)
    return None


OUTBOX = Outbox("cloudformation", _deliver)
