"""AWS::CloudWatch."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from kumoniwa.deploy.resource import (
    ID,
    Call,
    Name,
    Reading,
    ResourceType,
    Work,
    at,
    gone_tags,
    made,
    p,
    same,
    seen,
    text,
    use,
)
from kumoniwa.kernel.errors import AwsError


class ResourceNotFound(AwsError): ...


class _OfName(Call):
    """An alarm is read by a list of those that bear its name."""

    def __init__(self, kind: str) -> None:
        super().__init__("cloudwatch:DescribeAlarms", AlarmNames=_only(ID), AlarmTypes=[kind])
        self.list = f"{kind}s"

    async def look(self, work: Work) -> dict[str, Any]:
        found = (await super().look(work)).get(self.list)
        if not found:
            raise ResourceNotFound(f"Alarm {work.id} does not exist")
        return found[0]


def _only(value: Any) -> Any:
    return [value]


_ALARM = text("arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:${ID}")


def _tagged(arn: Any) -> tuple[Call, Call]:
    return (
        Call("cloudwatch:UntagResource", ResourceARN=arn, TagKeys=gone_tags).when(gone_tags),
        Call("cloudwatch:TagResource", ResourceARN=arn, Tags=p.Tags).when(p.Tags),
    )


def _alarm(kind: str, operation: str, said: str) -> ResourceType:
    """Each change puts the whole alarm again. What such a call does not say is not so any more; only tags stay."""
    return ResourceType(
        name=Name("AlarmName", 255),
        create=Call(operation, f"AlarmName {said} Tags"),
        id=p.AlarmName,
        update=(Call(operation, said, AlarmName=ID).writes_all(), *_tagged(_ALARM)),
        delete=Call("cloudwatch:DeleteAlarms", AlarmNames=_only(ID)),
        absent="ResourceNotFound",
        attributes={"Arn": _ALARM},
        drift=(Reading(same(said, seen), _OfName(kind)),),
    )


_ACTIONS = "ActionsEnabled AlarmActions AlarmDescription InsufficientDataActions OKActions"
Alarm = _alarm(
    "MetricAlarm",
    "cloudwatch:PutMetricAlarm",
    f"{_ACTIONS} ComparisonOperator DatapointsToAlarm Dimensions EvaluateLowSampleCountPercentile EvaluationPeriods ExtendedStatistic MetricName "
    "Metrics Namespace Period Statistic Threshold ThresholdMetricId TreatMissingData Unit",
)
CompositeAlarm = _alarm(
    "CompositeAlarm",
    "cloudwatch:PutCompositeAlarm",
    f"{_ACTIONS} ActionsSuppressor ActionsSuppressorExtensionPeriod ActionsSuppressorWaitPeriod AlarmRule",
)

Dashboard = ResourceType(
    name=Name("DashboardName", 255),
    create=Call("cloudwatch:PutDashboard", "DashboardName DashboardBody Tags"),
    id=p.DashboardName,
    read=Call("cloudwatch:GetDashboard", DashboardName=ID),
    update=(
        Call("cloudwatch:PutDashboard", "DashboardBody", DashboardName=ID),
        *_tagged(text("arn:${AWS::Partition}:cloudwatch::${AWS::AccountId}:dashboard/${ID}")),
    ),
    delete=Call("cloudwatch:DeleteDashboards", DashboardNames=_only(ID)),
    absent="DashboardNotFoundError ResourceNotFound",
    drift=(Reading(same("DashboardBody", seen)),),
)

def _configuration(said: dict[str, Any]) -> dict[str, Any]:
    """Times are texts here, and the time zone has a letter more."""
    told: dict[str, Any] = {}
    if "ExcludedTimeRanges" in said:
        told["ExcludedTimeRanges"] = [{name: _moment(each[name]) for name in ("StartTime", "EndTime")} for each in said["ExcludedTimeRanges"]]
    if "MetricTimeZone" in said:
        told["MetricTimezone"] = said["MetricTimeZone"]
    return told


def _moment(text: str) -> float:
    read = datetime.fromisoformat(text)
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


_LEARNED = ("Namespace", "MetricName", "Dimensions", "Stat", "SingleMetricAnomalyDetector", "MetricMathAnomalyDetector")
AnomalyDetector = ResourceType(
    create=Call(
        "cloudwatch:PutAnomalyDetector", f"{' '.join(_LEARNED)} MetricCharacteristics", Configuration=use(_configuration, p.Configuration)
    ),
    id=made.AnomalyDetectorId,
    update=(
        Call(
            "cloudwatch:PutAnomalyDetector", Configuration=use(_configuration, p.Configuration),
            **{name: at(getattr(p, name)) for name in (*_LEARNED, "MetricCharacteristics")},
        ).writes_all(),
    ),
    delete=Call("cloudwatch:DeleteAnomalyDetector", AnomalyDetectorId=ID),
    absent="ResourceNotFoundException",
    attributes={"Id": ID},
)  # fmt: skip

_INSIGHT = text("arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:insight-rule/${ID}")
InsightRule = ResourceType(
    create=Call("cloudwatch:PutInsightRule", "RuleName RuleState Tags", RuleDefinition=p.RuleBody),
    id=p.RuleName,
    update=(Call("cloudwatch:PutInsightRule", "RuleState", RuleName=ID, RuleDefinition=p.RuleBody).writes_all(), *_tagged(_INSIGHT)),
    delete=Call("cloudwatch:DeleteInsightRules", RuleNames=_only(ID)),
    absent="ResourceNotFoundException",
    attributes={"Arn": _INSIGHT, "RuleName": ID},
)

_MUTE = text("arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm-mute-rule:${ID}")
_MUTE_DATES = {name: use(_moment, getattr(p, name)) for name in ("StartDate", "ExpireDate")}
_MUTE_READ = Call("cloudwatch:GetAlarmMuteRule", AlarmMuteRuleName=ID)
AlarmMuteRule = ResourceType(
    name=Name("Name", 255),
    create=Call("cloudwatch:PutAlarmMuteRule", "Name Description Rule MuteTargets Tags", **_MUTE_DATES),
    id=p.Name,
    read=_MUTE_READ,
    update=(Call("cloudwatch:PutAlarmMuteRule", "Description Rule MuteTargets", Name=ID, **_MUTE_DATES).writes_all(), *_tagged(_MUTE)),
    delete=Call("cloudwatch:DeleteAlarmMuteRule", AlarmMuteRuleName=ID),
    absent="ResourceNotFoundException",
    attributes={"Arn": _MUTE, "Status": seen.Status, "MuteType": seen.MuteType, "LastUpdatedTimestamp": seen.LastUpdatedTimestamp},
    drift=(Reading(same("Description Rule MuteTargets", seen), _MUTE_READ),),
)

_STREAM = text("arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:metric-stream/${ID}")
_STREAM_SAID = "IncludeFilters ExcludeFilters FirehoseArn RoleArn OutputFormat"

MetricStream = ResourceType(
    name=Name("Name", 255),
    create=Call("cloudwatch:PutMetricStream", f"Name {_STREAM_SAID} Tags"),
    id=p.Name,
    update=(Call("cloudwatch:PutMetricStream", _STREAM_SAID, Name=ID).writes_all(), *_tagged(_STREAM)),
    delete=Call("cloudwatch:DeleteMetricStream", Name=ID),
    absent="ResourceNotFoundException",
    attributes={"Arn": _STREAM},
    drift=(Reading(same(_STREAM_SAID, seen), Call("cloudwatch:GetMetricStream", Name=ID)),),
)
