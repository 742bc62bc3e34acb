"""The operations of CloudWatch."""

from __future__ import annotations

from typing import Any

from kumoniwa.aws import models
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.cloudwatch import dashboard, insight_rule, metric_stream, mute_rule
from kumoniwa.services.cloudwatch.alarm import (
    DeleteAlarms,
    DescribeAlarms,
    DisableAlarmActions,
    EnableAlarmActions,
)
from kumoniwa.services.cloudwatch.anomaly_detector import (
    DeleteAnomalyDetector,
    DescribeAnomalyDetectors,
    PutAnomalyDetector,
)
from kumoniwa.services.cloudwatch.bill import standing_of, uses_of
from kumoniwa.services.cloudwatch.composite import PutCompositeAlarm
from kumoniwa.services.cloudwatch.dashboard import (
    DeleteDashboards,
    GetDashboard,
    ListDashboards,
    PutDashboard,
)
from kumoniwa.services.cloudwatch.datum import PutMetricData
from kumoniwa.services.cloudwatch.errors import MissingRequiredParameterException
from kumoniwa.services.cloudwatch.history import DescribeAlarmHistory
from kumoniwa.services.cloudwatch.insight_rule import (
    DeleteInsightRules,
    DescribeInsightRules,
    DisableInsightRules,
    EnableInsightRules,
    GetInsightRuleReport,
    PutInsightRule,
)
from kumoniwa.services.cloudwatch.metric import ListMetrics
from kumoniwa.services.cloudwatch.metric_alarm import DescribeAlarmsForMetric, PutMetricAlarm
from kumoniwa.services.cloudwatch.metric_stream import (
    DeleteMetricStream,
    GetMetricStream,
    ListMetricStreams,
    PutMetricStream,
    StartMetricStreams,
    StopMetricStreams,
)
from kumoniwa.services.cloudwatch.mute_rule import (
    DeleteAlarmMuteRule,
    GetAlarmMuteRule,
    ListAlarmMuteRules,
    PutAlarmMuteRule,
)
from kumoniwa.services.cloudwatch.query import GetMetricData
from kumoniwa.services.cloudwatch.statistics import GetMetricStatistics
from kumoniwa.services.cloudwatch.tag import (
    ListTagsForResource,
    TagResource,
    UntagResource,
    all_tags,
    reserved_tag,  # noqa: F401 (the gate's hook)
    tags_of,  # noqa: F401 (the gate's hook)
)
from kumoniwa.services.cloudwatch.transition import SetAlarmState
from kumoniwa.services.cloudwatch.widget import GetMetricWidgetImage

__all__ = [
    "DeleteAlarmMuteRule",
    "DeleteAlarms",
    "DeleteAnomalyDetector",
    "DeleteDashboards",
    "DeleteInsightRules",
    "DeleteMetricStream",
    "DescribeAlarmHistory",
    "DescribeAlarms",
    "DescribeAlarmsForMetric",
    "DescribeAnomalyDetectors",
    "DescribeInsightRules",
    "DisableAlarmActions",
    "DisableInsightRules",
    "EnableAlarmActions",
    "EnableInsightRules",
    "GetAlarmMuteRule",
    "GetDashboard",
    "GetInsightRuleReport",
    "GetMetricData",
    "GetMetricStatistics",
    "GetMetricStream",
    "GetMetricWidgetImage",
    "ListAlarmMuteRules",
    "ListDashboards",
    "ListMetricStreams",
    "ListMetrics",
    "ListTagsForResource",
    "PutAlarmMuteRule",
    "PutAnomalyDetector",
    "PutCompositeAlarm",
    "PutDashboard",
    "PutInsightRule",
    "PutMetricAlarm",
    "PutMetricData",
    "PutMetricStream",
    "SetAlarmState",
    "StartMetricStreams",
    "StopMetricStreams",
    "TagResource",
    "UntagResource", "all_tags", "standing_of", "uses_of",
]


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str | list[str]:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html"""
    if isinstance(params.get("ResourceARN"), str):
        return params["ResourceARN"]
    if operation in ("DescribeAlarms", "DescribeAlarmsForMetric"):
        return call.arn("alarm:*") if operation == "DescribeAlarms" else "*"
    if operation == "PutAlarmMuteRule":
        # The rule, and each alarm that it mutes.
        targets = params.get("MuteTargets")
        names = targets.get("AlarmNames", ()) if isinstance(targets, dict) else ()
        return [mute_rule.arn_of(call, str(params.get("Name", "*"))), *(call.arn(f"alarm:{name}") for name in names if isinstance(name, str))]
    if "InsightRule" in operation:
        names = params.get("RuleNames") or [params.get("RuleName")]
        return [insight_rule.arn_of(call, name) for name in names if isinstance(name, str)] or "*"
    if operation in ("GetAlarmMuteRule", "DeleteAlarmMuteRule"):
        return mute_rule.arn_of(call, str(params.get("AlarmMuteRuleName", "*")))
    if operation == "ListAlarmMuteRules":
        return "*"
    if isinstance(params.get("AlarmName"), str):
        return call.arn(f"alarm:{params['AlarmName']}")
    if operation in ("PutDashboard", "GetDashboard", "DeleteDashboards"):
        names = params.get("DashboardNames") or [params.get("DashboardName")]
        return [dashboard.arn_of(call, name) for name in names if isinstance(name, str)] or "*"
    if operation.endswith(("MetricStream", "MetricStreams")) and operation != "ListMetricStreams":
        names = params.get("Names") if isinstance(params.get("Names"), list) else [params.get("Name")]
        return [metric_stream.arn_of(call, name) for name in names if isinstance(name, str)] or "*"
    if isinstance(params.get("AlarmNames"), list) and params["AlarmNames"]:
        return [call.arn(f"alarm:{name}") for name in params["AlarmNames"] if isinstance(name, str)] or "*"
    return "*"


_OURS = """{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"monitoring.amazonaws.com"},
"Action":"cloudwatch:PutMetricData","Resource":"*"},{"Effect":"Allow","Principal":{"Service":"route53.amazonaws.com"},
"Action":"cloudwatch:DescribeAlarms","Resource":"*"}]}"""


def policy_of(call: Call, arn: str) -> str | None:
    """AWS's own services put what they measure of themselves, and Route 53's checkers ask for alarms."""
    return _OURS if call.principal.kind == "service" else None


def conditions_of(call: Call, operation: str, params: dict[str, Any]) -> dict[str, Any]:
    if operation == "PutMetricData":
        return {"cloudwatch:namespace": params.get("Namespace")}
    if operation == "PutInsightRule":
        return {"cloudwatch:requestinsightruleloggroups": insight_rule.groups_in(params.get("RuleDefinition"))}
    return {}


def refusal_of(operation: str, params: dict[str, Any], error: AwsError) -> AwsError:
    """The older operations say of a missing parameter that it is required; those that do are told by their errors in the model."""
    model = models.service("cloudwatch").operation(operation)
    if "MissingRequiredParameterException" in model.errors:
        for name in model.input.required:
            if name not in params:
                return MissingRequiredParameterException(f"The parameter {name} is required.")
    return error
