"""Tags of alarms and dashboards."""

from __future__ import annotations

from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.services.cloudwatch.alarm import Alarm
from kumoniwa.services.cloudwatch.errors import InvalidParameterValueException, ResourceNotFoundException

TAGS_MAX = 50


def _tagged(call: Call, arn: str) -> Alarm | None:
    parsed = arns.parse(arn)
    if parsed is None or parsed.service != "cloudwatch":
        raise InvalidParameterValueException(f"Invalid ARN: {arn}")
    kind, _, name = parsed.resource.partition(":")
    if kind in ("insight-rule", "metric-stream", "slo"):
        raise NotImplementedHere(f"tags of cloudwatch's {kind}")
    return call.shelf(Alarm).get(name) if kind == "alarm" and (parsed.region, parsed.account) == (call.region, call.account) else None


def ListTagsForResource(call: Call, *, ResourceARN: str) -> dict:
    """Recorded: what does not exist has no tags (localstack's test_tagging_metric_alarm)."""
    alarm = _tagged(call, ResourceARN)
    return {"Tags": [{"Key": key, "Value": value} for key, value in alarm.tags.items()] if alarm is not None else []}


def TagResource(call: Call, *, ResourceARN: str, Tags: list[dict[str, str]]) -> dict:
    alarm = _existing(call, ResourceARN)
    tags = alarm.tags | {tag["Key"]: tag["Value"] for tag in Tags}
    if len(tags) > TAGS_MAX:
        raise InvalidParameterValueException(f"A resource can have {TAGS_MAX} tags at most.")
    call.shelf(Alarm)[alarm.name] = changed(alarm, tags=tags)
    return {}


def UntagResource(call: Call, *, ResourceARN: str, TagKeys: list[str]) -> dict:
    alarm = _existing(call, ResourceARN)
    call.shelf(Alarm)[alarm.name] = changed(alarm, tags={key: value for key, value in alarm.tags.items() if key not in TagKeys})
    return {}


def _existing(call: Call, arn: str) -> Alarm:
    """getmoto/moto's test_add_tags_to_resource and others: the message is "Unknown"."""
    alarm = _tagged(call, arn)
    if alarm is None:
        raise ResourceNotFoundException
    return alarm
