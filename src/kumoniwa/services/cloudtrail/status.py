"""How a trail does, as its home region or another that it covers sees it."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.cloudtrail.delivery import Progress
from kumoniwa.services.cloudtrail.trail import existing
from kumoniwa.wire import timestamps


def GetTrailStatus(call: Call, *, Name: str) -> dict:
    trail = existing(call, Name)
    progress = call.shelf(Progress).get(trail.arn) or Progress(since=0.0)
    shown: dict[str, Any] = {
        "IsLogging": trail.is_logging,
        "StartLoggingTime": trail.started,
        "StopLoggingTime": trail.stopped,
        "LatestDeliveryTime": progress.delivered,
        "LatestDeliveryError": progress.delivery_error,
        "LatestDigestDeliveryTime": progress.digested,
        "LatestNotificationTime": progress.notified,
        "LatestNotificationError": progress.notification_error,
        "LatestCloudWatchLogsDeliveryTime": progress.logged,
        "LatestCloudWatchLogsDeliveryError": progress.logs_error,
    }
    shown = {name: value for name, value in shown.items() if value or name == "IsLogging"}
    for name, at in (("TimeLoggingStarted", trail.started), ("TimeLoggingStopped", trail.stopped)):
        shown[name] = timestamps.to_second(at) if at else ""
    for name, at in (("LatestDeliveryAttemptTime", progress.delivered), ("LatestNotificationAttemptTime", progress.notified)):
        shown[name] = timestamps.to_second(at) if at else ""
    shown["LatestDeliveryAttemptSucceeded"] = shown["LatestDeliveryAttemptTime"]
    shown["LatestNotificationAttemptSucceeded"] = shown["LatestNotificationAttemptTime"]
    return shown
