"""Targets are registered and deregistered, and all that belongs to them follows."""

from __future__ import annotations

from functools import partial

from kumoniwa.kernel.call import Call
from kumoniwa.services.application_autoscaling import change, schedule, target, tracking
from kumoniwa.services.application_autoscaling import resource as resources
from kumoniwa.services.application_autoscaling.errors import AccessDeniedException, ObjectNotFoundException
from kumoniwa.services.application_autoscaling.policy import policies_of
from kumoniwa.services.application_autoscaling.target import Target


async def RegisterScalableTarget(
    call: Call,
    *,
    ServiceNamespace: str,
    ResourceId: str,
    ScalableDimension: str,
    MinCapacity: int | None = None,
    MaxCapacity: int | None = None,
    RoleARN: str | None = None,
    SuspendedState: dict[str, bool] | None = None,
    Tags: dict[str, str] | None = None,
) -> dict:
    """``RoleARN`` is taken and not used, as on AWS: what can be scaled here has a service-linked role."""
    resource = resources.named(ServiceNamespace, ResourceId, ScalableDimension)
    settle = partial(target.settled, call, resource, MinCapacity, MaxCapacity, SuspendedState, Tags)
    settle()
    await resources.ROLES[ServiceNamespace].ensure(call, AccessDeniedException)
    capacity = await resource.capacity(call)

    def keep() -> Target:
        # Settled anew: another registration may have come between.
        made = call.shelf(Target)[resource.key] = settle()
        change.into_bounds(call, made, capacity)
        return made

    return {"ScalableTargetARN": target.arn_of(call, call.atomically(keep))}


async def DeregisterScalableTarget(call: Call, *, ServiceNamespace: str, ResourceId: str, ScalableDimension: str) -> None:
    resource = resources.named(ServiceNamespace, ResourceId, ScalableDimension)
    if resource.key not in call.shelf(Target):
        raise ObjectNotFoundException(f"No scalable target found for {target.spelled(resource)}")
    for policy in policies_of(call, resource.key):
        await tracking.remove(call, resource, policy)
    call.atomically(partial(_drop, call, resource.key))


def _drop(call: Call, key: str) -> None:
    schedule.drop_all(call, key)
    call.shelf(Target).pop(key, None)
