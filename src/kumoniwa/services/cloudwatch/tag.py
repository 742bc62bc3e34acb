"""Tags of alarms, mute rules, insight rules, dashboards and metric streams."""

from __future__ import annotations

from typing import Any

from kumoniwa.gate import reserved_tags
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.services.cloudwatch import dashboard, insight_rule, metric_stream, mute_rule
from kumoniwa.services.cloudwatch.alarm import Alarm, arn_of
from kumoniwa.services.cloudwatch.errors import InvalidParameterValueException, ResourceNotFoundException
from kumoniwa.services.cloudwatch.insight_rule import InsightRule
from kumoniwa.services.cloudwatch.metric_stream import MetricStream
from kumoniwa.services.cloudwatch.mute_rule import MuteRule

TAGS_MAX = 50
_RULES: dict[str, Any] = {"alarm-mute-rule": (MuteRule, mute_rule.arn_of), "insight-rule": (InsightRule, insight_rule.arn_of)}


def reserved_tag(operation: str, key: str) -> AwsError:
    """The text is one of ours: how AWS says it was not found."""
    return InvalidParameterValueException("Tag keys that begin with aws: are reserved.")


def _place(arn: str) -> tuple[str, str]:
    """What kind of thing an ARN names, and its name."""
    parsed = arns.parse(arn)
    if parsed is None or parsed.service != "cloudwatch":
        raise InvalidParameterValueException(f"Invalid ARN: {arn}")
    kind, _, name = (
        parsed.resource.replace("/", ":", 1).partition(":") if parsed.resource.startswith("dashboard/") else parsed.resource.partition(":")
    )
    if parsed.resource.startswith("metric-stream/"):
        return "metric-stream", parsed.resource.partition("/")[2]
    if parsed.resource.startswith("insight-rule/"):
        return "insight-rule", parsed.resource.partition("/")[2]
    if kind not in ("alarm", "alarm-mute-rule", "dashboard"):
        raise NotImplementedHere(f"tags of cloudwatch's {kind}")
    return kind, name


async def _tags(call: Call, arn: str) -> dict[str, str] | None:
    kind, name = _place(arn)
    return await dashboard.asked(call, "tags", name=name) if kind == "dashboard" else _held(call, kind, name, arn)


def tags_of(call: Call, arn: str) -> dict[str, str]:
    """Dashboards have tags, of which policies are told nothing."""
    kind, name = _place(arn)
    return (_held(call, kind, name, arn) or {}) if kind != "dashboard" else {}


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    """Dashboards lie in ``aws-global``, and all else in its region."""
    found = [(arn_of(call, key), each.tags) for key, each in call.shelf(Alarm).items()]
    found += [(arn_of_one(call, key), each.tags) for kind, arn_of_one in _RULES.values() for key, each in call.shelf(kind).items()]
    found += [(metric_stream.arn_of(call, key), each.tags) for key, each in call.shelf(MetricStream).items()]
    return found + [(dashboard.arn_of(call, key), each.tags) for key, each in call.shelf(dashboard.Dashboard).items()]


def _held(call: Call, kind: str, name: str, arn: str) -> dict[str, str] | None:
    if kind == "metric-stream":
        stream = call.shelf(MetricStream).get(name)
        return stream.tags if stream is not None and arn == metric_stream.arn_of(call, name) else None
    if kind in _RULES:
        record, arn_of_rule = _RULES[kind]
        rule = call.shelf(record).get(name)
        return rule.tags if rule is not None and arn == arn_of_rule(call, name) else None
    alarm = call.shelf(Alarm).get(name)
    return alarm.tags if alarm is not None and arn == arn_of(call, name) else None


async def _change(call: Call, arn: str, gone: list[str], more: dict[str, str]) -> None:
    """getmoto/moto's test_add_tags_to_resource and others: of what does not exist the message is "Unknown"."""
    held = await _tags(call, arn)
    if held is None:
        raise ResourceNotFoundException
    tags = {key: value for key, value in held.items() if key not in gone} | more
    if reserved_tags.counted(tags) > TAGS_MAX:
        raise InvalidParameterValueException(f"A resource can have {TAGS_MAX} tags at most.")
    kind, name = _place(arn)
    if kind == "dashboard":
        await dashboard.asked(call, "tag", name=name, gone=gone, more=more)
    elif kind == "metric-stream":
        call.shelf(MetricStream)[name] = changed(call.shelf(MetricStream)[name], tags=tags)
    elif kind in _RULES:
        shelf = call.shelf(_RULES[kind][0])
        shelf[name] = changed(shelf[name], tags=tags)
    else:
        call.shelf(Alarm)[name] = changed(call.shelf(Alarm)[name], tags=tags)


async def ListTagsForResource(call: Call, *, ResourceARN: str) -> dict:
    """Recorded: what does not exist has no tags (localstack's test_tagging_metric_alarm)."""
    return {"Tags": [{"Key": key, "Value": value} for key, value in (await _tags(call, ResourceARN) or {}).items()]}


async def TagResource(call: Call, *, ResourceARN: str, Tags: list[dict[str, str]]) -> dict:
    await _change(call, ResourceARN, [], {tag["Key"]: tag["Value"] for tag in Tags})
    return {}


async def UntagResource(call: Call, *, ResourceARN: str, TagKeys: list[str]) -> dict:
    await _change(call, ResourceARN, TagKeys, {})
    return {}
