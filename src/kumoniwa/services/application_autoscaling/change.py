"""Capacity is changed: promised in the commit of what decides it, done as the service-linked role, one change of a resource at a time."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec

from kumoniwa.gate import patience
from kumoniwa.gate.outbox import Delivery, Outbox
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.services.application_autoscaling import activity, alarm
from kumoniwa.services.application_autoscaling.resource import named
from kumoniwa.services.application_autoscaling.target import Target
from kumoniwa.wire import timestamps

AGAIN_S, GIVEN_UP_S = 5.0, 3_600.0
SCALED = "Application Auto Scaling Scaling Activity State Change"
_BUSY = frozenset({"ResourceInUseException", "LimitExceededException", "ResourceConflictException"})


class Change(msgspec.Struct, array_like=True):
    target: str
    units: int
    cause: str


_encode, _decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(Change).decode


def promise(call: Call, target: Target, units: int, cause: str) -> None:
    # Reads and writes of a table are set together: their changes go one after the other.
    OUTBOX.put(call, _encode(Change(target.key, units, cause)), lane=target.resource)


def into_bounds(call: Call, target: Target, capacity: int | None) -> None:
    """Capacity that lies outside what the target allows is moved to its nearer end.

    The words are those of https://docs.aws.amazon.com/cli/latest/reference/application-autoscaling/describe-scaling-activities.html
    """
    if capacity is not None and capacity < target.least:
        promise(call, target, target.least, f"minimum capacity was set to {target.least}")
    elif capacity is not None and capacity > target.most:
        promise(call, target, target.most, f"maximum capacity was set to {target.most}")


async def deliver(call: Call, delivery: Delivery) -> float | None:
    asked = _decode(delivery.body)
    target = call.shelf(Target).get(asked.target)
    if target is None:
        return None
    resource = named(target.namespace, target.resource, target.dimension)
    noun, units = resource.kind.noun, asked.units
    tell = partial(activity.note, call, delivery.token, resource, f"Setting {noun} to {units}.", asked.cause)
    try:
        held = await resource.capacity(call)
        if held == units and delivery.token not in call.shelf(activity.Activity):
            return None
        if held != units:
            tell(before=held)
            await resource.set_capacity(call, units)
    except AwsError as error:
        if (error.code in _BUSY or patience.is_passing(error)) and call.now() < delivery.born + GIVEN_UP_S:
            return AGAIN_S
        tell(status=activity.FAILED, message=f"Failed to set {noun} to {units}. Reason: {error.text}")
        return None
    is_told = call.shelf(activity.Activity)[delivery.token].status == activity.SUCCESSFUL
    done = tell(status=activity.SUCCESSFUL, message=f"Successfully set {noun} to {units}. Change successfully fulfilled by {target.namespace}.")
    if not is_told and units == target.most and done.before is not None and done.before < units:
        call.tell(SCALED, _scaled_to_max(target, done, units))
    _remember(call, asked.target, units - (held or 0))
    await alarm.retune(call, resource, units)
    return None


def _scaled_to_max(target: Target, done: activity.Activity, units: int) -> dict[str, Any]:
    """The only change of a state that is told: https://docs.aws.amazon.com/autoscaling/application/userguide/monitoring-eventbridge.html"""
    return {
        "startTime": timestamps.to_second(done.started), "endTime": timestamps.to_second(done.ended), "newDesiredCapacity": units,
        "oldDesiredCapacity": done.before, "minCapacity": target.least, "maxCapacity": target.most, "resourceId": target.resource,
        "scalableDimension": target.dimension, "serviceNamespace": target.namespace, "statusCode": done.status, "scaledToMax": True,
        "direction": "scale-out",
    }  # fmt: skip


def _remember(call: Call, key: str, by: int) -> None:
    """From now on cooldowns count."""
    target = call.shelf(Target).get(key)
    if target is not None and by > 0:
        # https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html: a scale-out stops the
        # cooldown of the scale-in before it.
        call.shelf(Target)[key] = changed(target, out_at=call.now(), out_by=by, in_at=0.0)
    elif target is not None and by < 0:
        call.shelf(Target)[key] = changed(target, in_at=call.now())


OUTBOX = Outbox("application-autoscaling", deliver, kind="change")
