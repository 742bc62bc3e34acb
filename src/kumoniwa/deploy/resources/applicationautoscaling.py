"""AWS::ApplicationAutoScaling."""

from __future__ import annotations

from kumoniwa.deploy.resource import (
    ID,
    OMIT,
    Call,
    Reading,
    ResourceType,
    Setting,
    Value,
    Work,
    at,
    carries,
    either,
    fields,
    gone_tags,
    instant,
    made,
    p,
    seen,
    use,
)

_WHERE = "ServiceNamespace ResourceId ScalableDimension"


def _tags(listed: list[dict[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in listed}


def _where(work: Work) -> dict[str, str]:
    """An id is ``table/t|dynamodb:table:ReadCapacityUnits|dynamodb``."""
    return _named(work.id)


def _named(target_id: str) -> dict[str, str]:
    resource, dimension, namespace = target_id.split("|")
    return {"ResourceId": resource, "ScalableDimension": dimension, "ServiceNamespace": namespace}


_action = fields("ScheduledActionName Schedule Timezone StartTime EndTime ScalableTargetAction", StartTime=instant, EndTime=instant)


@carries("ScheduledActions")
async def _put_actions(work: Work) -> None:
    wanted = [_action(said) for said in work.properties.get("ScheduledActions", ())]
    kept = {said["ScheduledActionName"] for said in wanted}
    for said in work.old.get("ScheduledActions", ()):
        if said["ScheduledActionName"] not in kept:
            await work.ask("application-autoscaling:DeleteScheduledAction", ScheduledActionName=said["ScheduledActionName"], **_where(work))
    for said in wanted:
        await work.ask("application-autoscaling:PutScheduledAction", **said, **_where(work))


_parts = {name: use(lambda target_id, name=name: _named(target_id)[name], ID) for name in _WHERE.split()}
_targets = {
    "ServiceNamespace": _parts["ServiceNamespace"],
    "ResourceIds": use(lambda resource: [resource], _parts["ResourceId"]),
    "ScalableDimension": _parts["ScalableDimension"],
}
_held = use(lambda found: found[0] if found else OMIT, seen.ScalableTargets)

ScalableTarget = ResourceType(
    create=Call(
        "application-autoscaling:RegisterScalableTarget", f"{_WHERE} MinCapacity MaxCapacity RoleARN SuspendedState",
        Tags=use(_tags, p.Tags),
    ),
    id=use(lambda *said: "|".join(said), p.ResourceId, p.ScalableDimension, p.ServiceNamespace),
    read=Call("application-autoscaling:DescribeScalableTargets", **_targets),
    settings=(Setting(_put_actions, _put_actions),),
    update=(
        Call("application-autoscaling:RegisterScalableTarget", "MinCapacity MaxCapacity RoleARN SuspendedState", **_parts),
        Call("application-autoscaling:UntagResource", ResourceARN=made.ScalableTargetARN, TagKeys=gone_tags).when(gone_tags),
        Call("application-autoscaling:TagResource", ResourceARN=made.ScalableTargetARN, Tags=use(_tags, p.Tags)).when(p.Tags),
    ),
    delete=Call("application-autoscaling:DeregisterScalableTarget", **_parts),
    absent="ObjectNotFoundException",
    attributes={"Id": ID},
    defaults={
        "SuspendedState": {
            "DynamicScalingInSuspended": False, "DynamicScalingOutSuspended": False, "ScheduledScalingSuspended": False,
        },
    },
    drift=(Reading({"MinCapacity": _held.MinCapacity, "MaxCapacity": _held.MaxCapacity}),),
)  # fmt: skip


def _of_target(name: str) -> Value:
    """Part of what a policy is for, said by itself or by the target's id."""
    return at(either(getattr(p, name), use(lambda target_id: _named(target_id)[name], p.ScalingTargetId)))


_policy = {"PolicyName": at(p.PolicyName), **{name: _of_target(name) for name in _WHERE.split()}}
_CONFIGURED = "PolicyType StepScalingPolicyConfiguration TargetTrackingScalingPolicyConfiguration"

ScalingPolicy = ResourceType(
    create=Call("application-autoscaling:PutScalingPolicy", _CONFIGURED, **_policy),
    id=made.PolicyARN,
    update=(Call("application-autoscaling:PutScalingPolicy", _CONFIGURED, **_policy),),
    delete=Call("application-autoscaling:DeleteScalingPolicy", **_policy),
    absent="ObjectNotFoundException",
    attributes={"Arn": ID},
)
