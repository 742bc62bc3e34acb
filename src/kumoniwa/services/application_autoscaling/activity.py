"""What was scaled, why, and how it went: kept for six weeks."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record
from kumoniwa.services.application_autoscaling.resource import Resource

KEPT_S = 6 * 7 * 86_400
SUCCESSFUL, FAILED, IN_PROGRESS = "Successful", "Failed", "InProgress"


class Activity(Record):
    """Shelved by its id."""

    id: str
    namespace: str
    resource: str
    dimension: str
    description: str
    cause: str
    started: float
    status: str = IN_PROGRESS
    message: str = ""
    ended: float = 0.0
    before: int | None = None
    """The capacity that it began with."""
    reason: dict[str, Any] = {}
    """Why nothing was scaled; empty if something was."""


def note(call: Call, id_: str, resource: Resource, description: str, cause: str, **more: Any) -> Activity:
    """Keep an activity, anew or as it has become."""
    shelf = call.shelf(Activity)
    started, before = (shelf[id_].started, shelf[id_].before) if id_ in shelf else (call.now(), None)
    ended = call.now() if more.get("status", IN_PROGRESS) != IN_PROGRESS else 0.0
    noted = shelf[id_] = Activity(
        id=id_, namespace=resource.namespace, resource=resource.id, dimension=resource.dimension, description=description, cause=cause,
        started=started, ended=ended, **{"before": before, **more},
    )  # fmt: skip
    return noted


def note_unscaled(call: Call, resource: Resource, cause: str, code: str, **bounds: int) -> None:
    """That an alarm asked in vain; told once while nothing else happens, not each minute."""
    latest = max((each for each in call.shelf(Activity).values() if _is_of(each, resource)), key=lambda each: each.started, default=None)
    reason = {"Code": code, **bounds}
    if latest is None or latest.reason != reason or latest.cause != cause:
        note(call, call.new_id(), resource, "Attempting to scale due to alarm triggered", cause, status=FAILED, reason=reason)


def _is_of(activity: Activity, resource: Resource) -> bool:
    return (activity.namespace, activity.resource, activity.dimension) == (resource.namespace, resource.id, resource.dimension)


def forget_old(call: Call) -> None:
    shelf = call.shelf(Activity)
    for id_ in [id_ for id_, each in shelf.items() if each.started < call.now() - KEPT_S]:
        del shelf[id_]


def DescribeScalingActivities(
    call: Call,
    *,
    ServiceNamespace: str,
    ResourceId: str | None = None,
    ScalableDimension: str | None = None,
    IncludeNotScaledActivities: bool | None = None,
) -> dict:
    """The newest first."""
    found = [
        each for each in call.shelf(Activity).values()
        if each.namespace == ServiceNamespace and ResourceId in (None, each.resource) and ScalableDimension in (None, each.dimension)
        and (IncludeNotScaledActivities or not each.reason)
    ]  # fmt: skip
    return {"ScalingActivities": [_shown(each) for each in sorted(found, key=lambda each: -each.started)]}


def _shown(activity: Activity) -> dict[str, Any]:
    shown = {
        "ActivityId": activity.id,
        "ServiceNamespace": activity.namespace,
        "ResourceId": activity.resource,
        "ScalableDimension": activity.dimension,
        "Description": activity.description,
        "Cause": activity.cause,
        "StartTime": activity.started,
        "EndTime": activity.ended or None,
        "StatusCode": activity.status,
        "StatusMessage": activity.message or None,
        "NotScaledReasons": [activity.reason] if activity.reason else None,
    }
    return {name: value for name, value in shown.items() if value is not None}
