"""Event history: the management events of the last ninety days, newest first, whether there is a trail or not.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from kumoniwa.gate.trail import KEPT_S, TRAIL
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.services.cloudtrail import everywhere
from kumoniwa.services.cloudtrail.errors import (
    InvalidLookupAttributesException,
    InvalidNextTokenException,
    InvalidTimeRangeException,
    ThrottlingException,
)

PAGE, LOOKUPS_PER_S = 50, 2
RESOURCE_TYPES = {
    "accessKeyId": "AWS::IAM::AccessKey", "bucketName": "AWS::S3::Bucket", "functionName": "AWS::Lambda::Function",
    "groupName": "AWS::IAM::Group", "instanceProfileName": "AWS::IAM::InstanceProfile", "keyId": "AWS::KMS::Key",
    "logGroupName": "AWS::Logs::LogGroup", "policyArn": "AWS::IAM::Policy", "queueName": "AWS::SQS::Queue", "queueUrl": "AWS::SQS::Queue",
    "roleArn": "AWS::IAM::Role", "roleName": "AWS::IAM::Role", "secretId": "AWS::SecretsManager::Secret",
    "stackName": "AWS::CloudFormation::Stack", "stateMachineArn": "AWS::StepFunctions::StateMachine", "streamName": "AWS::Kinesis::Stream",
    "tableName": "AWS::DynamoDB::Table", "topicArn": "AWS::SNS::Topic", "userName": "AWS::IAM::User",
}  # fmt: skip
"""What a parameter of that name names."""


class Pace:
    """How fast an account may look things up in a region; forgotten with the process.
    https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html"""

    def __init__(self) -> None:
        self.left, self.at = float(LOOKUPS_PER_S), 0.0

    def step(self, now: float) -> None:
        """Take one step, or raise ThrottlingException."""
        self.left = min(float(LOOKUPS_PER_S), self.left + max(0.0, now - self.at) * LOOKUPS_PER_S)
        self.at = now
        if self.left < 1.0:
            raise ThrottlingException
        self.left -= 1.0


async def LookupEvents(
    call: Call, *, LookupAttributes: list[dict[str, str]] | None = None, StartTime: float | None = None, EndTime: float | None = None,
    EventCategory: str | None = None, MaxResults: int = PAGE, NextToken: str | None = None,
) -> dict:  # fmt: skip
    if EventCategory is not None:
        raise NotImplementedHere("insight events of cloudtrail")
    call.memory(Pace).step(call.now())
    if len(LookupAttributes or ()) > 1:
        raise InvalidLookupAttributesException("You can specify only one lookup attribute.")
    if StartTime is not None and EndTime is not None and StartTime > EndTime:
        raise InvalidTimeRangeException("The specified start time is after the end time.")
    await everywhere.pull(call)
    wanted = (LookupAttributes or [{}])[0]
    start = max(StartTime or 0.0, call.now() - KEPT_S)
    before = _place(NextToken) if NextToken else (EndTime if EndTime is not None else call.now() + 1.0, "\x7f")
    shown: list[dict[str, Any]] = []
    for at, id_, event in _newest_first(call, start, before):
        if len(shown) == MaxResults:
            return {"Events": shown, "NextToken": f"{before[0]!r} {before[1]}"}
        before, found = (at, id_), _shown(orjson.loads(event), event, at)
        if _is_wanted(found, wanted):
            shown.append(found)
    return {"Events": shown}


def _place(token: str) -> tuple[float, str]:
    at, _, id_ = token.partition(" ")
    try:
        return float(at), id_
    except ValueError:
        raise InvalidNextTokenException("The specified NextToken is not valid.") from None


def _newest_first(call: Call, start: float, before: tuple[float, str]) -> Iterator[tuple[float, str, bytes]]:
    return iter(
        call.rows(TRAIL).all(
            "select at, id, event from trail where at >= ? and (at < ? or (at = ? and id < ?)) order by at desc, id desc",
            start, before[0], before[0], before[1],
        )
    )  # fmt: skip


def _shown(event: dict[str, Any], packed: bytes, at: float) -> dict[str, Any]:
    who = event["userIdentity"]
    session = (who.get("arn") or "").rpartition("/")[2] if who.get("type") == "AssumedRole" else ""
    name = who.get("userName") or session or {"Root": "root"}.get(who.get("type", ""), who.get("invokedBy", ""))
    shown = {
        "EventId": event["eventID"],
        "EventName": event["eventName"],
        "ReadOnly": "true" if event["readOnly"] else "false",
        "AccessKeyId": who.get("accessKeyId", ""),
        "EventTime": at,
        "EventSource": event["eventSource"],
        "Username": name,
        "Resources": resources(event),
        "CloudTrailEvent": packed.decode(),
    }
    return {key: value for key, value in shown.items() if value != ""}


def resources(event: dict[str, Any]) -> list[dict[str, str]]:
    """What an event's parameters name."""
    said = event.get("requestParameters") or {}
    return [
        {"ResourceType": RESOURCE_TYPES[name], "ResourceName": value}
        for name, value in said.items()
        if name in RESOURCE_TYPES and isinstance(value, str)
    ]


def _is_wanted(shown: dict[str, Any], wanted: dict[str, str]) -> bool:
    if not wanted:
        return True
    key, value = wanted["AttributeKey"], wanted["AttributeValue"]
    if key in ("ResourceType", "ResourceName"):
        return any(resource[key] == value for resource in shown["Resources"])
    return shown.get(key) == value
