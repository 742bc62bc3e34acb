"""What EBS tells the region's bus.

https://docs.aws.amazon.com/ebs/latest/userguide/ebs-cloud-watch-events.html
"""

from __future__ import annotations

from kumoniwa.kernel.call import Call
from kumoniwa.services.ec2.ebs_record import NO_VOLUME, Snapshot, Volume, snapshot_arn
from kumoniwa.wire import timestamps

OF_VOLUMES, OF_SNAPSHOTS = "EBS Volume Notification", "EBS Snapshot Notification"


def volume(call: Call, of: Volume, event: str, result: str, cause: str = "") -> None:
    said = {"result": result, "cause": cause, "event": event, "request-id": of.request}
    _tell(call, call.account, OF_VOLUMES, {"resources": [call.arn(f"volume/{of.id}", "ec2")], **said})


def snapshot(call: Call, of: Snapshot, event: str, result: str, cause: str = "") -> None:
    arn = snapshot_arn(call, of.id)
    source = of.source or f"arn:{call.home.partition}:ec2:{call.region}::volume/{of.volume}" * (of.volume != NO_VOLUME)
    said = {"event": event, "result": result, "cause": cause, "request-id": "", "snapshot_id": arn, "source": source, **_times(call, of.started)}
    if event == "copySnapshot" and result == "succeeded":
        said["Incremental"] = "false"
    _tell(call, call.account, OF_SNAPSHOTS, {"resources": [arn], **said})


def shared(call: Call, of: Snapshot, account: str) -> None:
    """Told to the account that may now use it."""
    arn = snapshot_arn(call, of.id)
    said = {
        "event": "shareSnapshot", "result": "succeeded", "cause": "", "request-id": "", "snapshot_id": arn, "source": call.account,
        **_times(call, call.now()),
    }  # fmt: skip
    _tell(call, account, OF_SNAPSHOTS, {"resources": [arn], **said})


def _times(call: Call, since: float) -> dict[str, str]:
    return {"startTime": timestamps.to_second(since), "endTime": timestamps.to_second(call.now())}


def _tell(call: Call, account: str, kind: str, detail: dict) -> None:
    call.home.tell(("ec2", kind, account, detail))
