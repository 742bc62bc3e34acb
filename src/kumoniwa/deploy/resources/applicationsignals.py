"""AWS::ApplicationSignals. A template says an objective as the service tells it, the API a little otherwise."""

from __future__ import annotations

from kumoniwa.deploy.resource import (
    ID,
    Call,
    Reading,
    ResourceType,
    Setting,
    Work,
    carries,
    fields,
    gone_tags,
    instant,
    made,
    p,
    seen,
    text,
    use,
)
from kumoniwa.kernel.errors import ValidationError

_TAGS = (
    Call("application-signals:UntagResource", ResourceArn=ID, TagKeys=gone_tags).when(gone_tags),
    Call("application-signals:TagResource", ResourceArn=ID, Tags=p.Tags).when(p.Tags),
)

# Nothing ends discovery: a stack that is deleted leaves it on.
Discovery = ResourceType(
    create=Call("application-signals:StartDiscovery"),
    id=text("${AWS::AccountId}"),
    attributes={"AccountId": ID},
)


def _window(said: dict) -> dict:
    return {**said, "StartTime": instant(said["StartTime"])} if "StartTime" in said else said


@carries("ExclusionWindows")
async def _exclude(work: Work) -> None:
    """Those of the template, and no others. What the template leaves as it was stays, though its time be over."""
    held = (await work.look("application-signals:ListServiceLevelObjectiveExclusionWindows", Id=work.id)).get("ExclusionWindows") or []
    wanted = [_window(said) for said in work.properties.get("ExclusionWindows") or ()]
    kept = [_window(said) for said in work.old.get("ExclusionWindows") or () if _window(said) in wanted]
    gone, new = [said for said in held if said not in kept], [said for said in wanted if said not in kept]
    if gone:
        await work.ask("application-signals:BatchUpdateExclusionWindows", SloIds=[work.id], RemoveExclusionWindows=gone)
    if new:
        told = await work.ask("application-signals:BatchUpdateExclusionWindows", SloIds=[work.id], AddExclusionWindows=new)
        for error in told.get("Errors") or ():
            raise ValidationError(error["ErrorMessage"])


_SLI = use(fields("SliMetric=SliMetricConfig MetricThreshold ComparisonOperator"), p.Sli)
_OF_REQUESTS = use(fields("RequestBasedSliMetric=RequestBasedSliMetricConfig MetricThreshold ComparisonOperator"), p.RequestBasedSli)
_GOAL = {"Interval": {"RollingInterval": {"DurationUnit": "DAY", "Duration": 7}}, "AttainmentGoal": 99, "WarningThreshold": 50}
"""What an objective has that says none."""
_told = seen.Slo

ServiceLevelObjective = ResourceType(
    create=Call(
        "application-signals:CreateServiceLevelObjective", "Name Description Goal BurnRateConfigurations Tags", SliConfig=_SLI,
        RequestBasedSliConfig=_OF_REQUESTS,
    ),
    id=made.Slo.Arn,
    read=Call("application-signals:GetServiceLevelObjective", Id=ID),
    settings=(Setting(_exclude),),
    update=(
        Call(
            "application-signals:UpdateServiceLevelObjective", "Description Goal BurnRateConfigurations", Id=ID, SliConfig=_SLI,
            RequestBasedSliConfig=_OF_REQUESTS,
        ),
        *_TAGS,
    ),
    defaults={"BurnRateConfigurations": [], "Goal": _GOAL},
    delete=Call("application-signals:DeleteServiceLevelObjective", Id=ID),
    absent="ResourceNotFoundException",
    attributes={
        "Arn": ID, "CreatedTime": _told.CreatedTime, "LastUpdatedTime": _told.LastUpdatedTime, "EvaluationType": _told.EvaluationType,
    },
    drift=(
        Reading({"Name": _told.Name, "Description": _told.Description, "Goal": _told.Goal}),
        Reading({"Tags": seen.Tags}, Call("application-signals:ListTagsForResource", ResourceArn=ID)),
    ),
)  # fmt: skip
