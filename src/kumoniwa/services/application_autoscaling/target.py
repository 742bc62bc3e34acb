"""Scalable targets: one dimension of a resource, between which bounds it may move, and what of it is suspended."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.application_autoscaling import resource as resources
from kumoniwa.services.application_autoscaling.errors import (
    ObjectNotFoundException,
    ResourceNotFoundException,
    TooManyTagsException,
    ValidationException,
)
from kumoniwa.services.application_autoscaling.resource import Resource

TAGS_MAX = 50
SUSPENDABLE = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")


class Target(Record):
    """Shelved by its resource's key."""

    id: str
    namespace: str
    resource: str
    dimension: str
    least: int
    most: int
    created: float
    suspended: dict[str, bool]
    """By the names of all that can be suspended."""
    tags: dict[str, str] = {}
    out_at: float = 0.0
    """When capacity was last added, and how much; then when it was last taken away."""
    out_by: int = 0
    in_at: float = 0.0

    @property
    def key(self) -> str:
        return f"{self.resource}|{self.dimension}|{self.namespace}"


def arn_of(call: Call, target: Target) -> str:
    return call.arn(f"scalable-target/{target.id}", "application-autoscaling")


def spelled(resource: Resource) -> str:
    return f"service namespace: {resource.namespace}, resource ID: {resource.id}, scalable dimension: {resource.dimension}"


def registered(call: Call, resource: Resource) -> Target:
    """The target that a policy or an action is for."""
    target = call.shelf(Target).get(resource.key)
    if target is None:
        # https://github.com/ansible/ansible/issues/40237
        raise ObjectNotFoundException(
            f"No scalable target registered for {spelled(resource)}", hint="Call application-autoscaling:RegisterScalableTarget first."
        )
    return target


def check_bounds(resource: Resource, least: int | None, most: int | None) -> None:
    for word, bound in (("Minimum", least), ("Maximum", most)):
        if bound is not None and bound < resource.kind.least:
            raise ValidationException(f"{word} capacity cannot be less than {resource.kind.least}")
    if least is not None and most is not None and most < least:
        raise ValidationException("Maximum capacity cannot be less than minimum capacity")


def settled(
    call: Call, resource: Resource, least: int | None, most: int | None, suspended: dict[str, bool] | None, tags: dict[str, str] | None
) -> Target:
    """The target as a registration leaves it: what it does not say stays as it was."""
    held = call.shelf(Target).get(resource.key)
    if held is None:
        if least is None or most is None:
            raise ValidationException("Both minimum and maximum capacity must be specified to register a new scalable target")
        check_bounds(resource, least, most)
        _check_tags(tags or {})
        return Target(
            id=call.new_id().replace("-", ""), namespace=resource.namespace, resource=resource.id, dimension=resource.dimension, least=least,
            most=most, created=call.now(), suspended=dict.fromkeys(SUSPENDABLE, False) | (suspended or {}), tags=tags or {},
        )  # fmt: skip
    if tags:
        raise ValidationException("Tags can only be added when a scalable target is registered", hint="Use TagResource.")
    least, most = held.least if least is None else least, held.most if most is None else most
    check_bounds(resource, least, most)
    return changed(held, least=least, most=most, suspended=held.suspended | (suspended or {}))


def DescribeScalableTargets(
    call: Call, *, ServiceNamespace: str, ResourceIds: list[str] | None = None, ScalableDimension: str | None = None
) -> dict:
    found = [
        target for _, target in sorted(call.shelf(Target).items())
        if target.namespace == ServiceNamespace and (not ResourceIds or target.resource in ResourceIds)
        and ScalableDimension in (None, target.dimension)
    ]  # fmt: skip
    return {"ScalableTargets": [_shown(call, target) for target in found]}


def _shown(call: Call, target: Target) -> dict[str, Any]:
    return {
        "ServiceNamespace": target.namespace,
        "ResourceId": target.resource,
        "ScalableDimension": target.dimension,
        "MinCapacity": target.least,
        "MaxCapacity": target.most,
        "RoleARN": resources.ROLES[target.namespace].arn(call),
        "CreationTime": target.created,
        "SuspendedState": target.suspended,
        "ScalableTargetARN": arn_of(call, target),
    }


# Tags ---------------------------------------------------------------------------------------------


def reserved_tag(operation: str, key: str) -> AwsError:
    return ValidationException("Tag keys cannot begin with aws:")


def _check_tags(tags: dict[str, str]) -> None:
    if len(tags) > TAGS_MAX:
        raise TooManyTagsException(f"A scalable target cannot have more than {TAGS_MAX} tags")


def _tagged(call: Call, arn: str) -> Target:
    found = next((target for target in call.shelf(Target).values() if arn_of(call, target) == arn), None)
    if found is None:
        raise ResourceNotFoundException(f"The specified resource doesn't exist: {arn}", ResourceName=arn)
    return found


def tags_of(call: Call, arn: str) -> dict[str, str]:
    return _tagged(call, arn).tags


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    return [(arn_of(call, each), each.tags) for each in call.shelf(Target).values()]


def TagResource(call: Call, *, ResourceARN: str, Tags: dict[str, str]) -> None:
    target = _tagged(call, ResourceARN)
    tags = target.tags | Tags
    _check_tags(tags)
    call.shelf(Target)[target.key] = changed(target, tags=tags)


def UntagResource(call: Call, *, ResourceARN: str, TagKeys: list[str]) -> None:
    target = _tagged(call, ResourceARN)
    call.shelf(Target)[target.key] = changed(target, tags={key: value for key, value in target.tags.items() if key not in TagKeys})


def ListTagsForResource(call: Call, *, ResourceARN: str) -> dict:
    return {"Tags": _tagged(call, ResourceARN).tags}
