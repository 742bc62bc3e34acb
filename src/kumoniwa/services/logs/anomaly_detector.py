"""Log anomaly detectors: each learns the patterns of a group's events and regularly looks for what is unusual in those that came since.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogAnomalyDetector.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.key_chain import OPEN, Link, Lock
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.logs import encryption
from kumoniwa.services.logs.filter_pattern import check_pattern
from kumoniwa.services.logs.group import (
    Group,
    InvalidParameterException,
    ResourceNotFoundException,
    identified,
    name_in,
)
from kumoniwa.services.logs.page import paged
from kumoniwa.services.logs.policy import LimitExceededException
from kumoniwa.store.rows import Table

WATCHES = Table("log_watch", "create table if not exists log_watch (detector text primary key, body blob) without rowid")
"""What each detector has learned."""
ANOMALIES = Table(
    "log_anomaly", "create table if not exists log_anomaly (detector text, id text, body blob, primary key (detector, id)) without rowid"
)
DETECTORS = ("logs", "anomaly detectors")
FREQUENCIES_S = {"ONE_MIN": 60, "FIVE_MIN": 300, "TEN_MIN": 600, "FIFTEEN_MIN": 900, "THIRTY_MIN": 1800, "ONE_HOUR": 3600}
FREQUENCY_DEFAULT, VISIBLE_DAYS = "FIVE_MIN", 21
"""Which frequency is AWS's default its documentation does not say."""
DETECTORS_MAX = 500
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
LISTED_MAX = 50
INITIALIZING, TRAINING, ANALYZING, FAILED, PAUSED = "INITIALIZING", "TRAINING", "ANALYZING", "FAILED", "PAUSED"
_KIND = ":anomaly-detector:"


class Detector(Record):
    """Shelved by its id."""

    id: str
    group: str
    number: int
    """The group's: one that is made anew under an old name is another."""
    created_ms: int
    modified_ms: int
    name: str = ""
    frequency: str = FREQUENCY_DEFAULT
    pattern: str = ""
    key: str = ""
    visible_days: int = VISIBLE_DAYS
    tags: dict[str, str] = {}
    is_enabled: bool = True
    status: str = INITIALIZING
    """What it is when it is enabled."""
    seen_ms: int = 0
    """It knows what came in until then; zero before it was trained."""
    suppressed: dict[str, tuple[int, int]] = {}
    """Anomalies and patterns by id: since and until when. Zero: for ever."""


class DetectorNotFound(ResourceNotFoundException):
    code = "ResourceNotFoundException"
    message = "The specified anomaly detector does not exist."


def arn_of(call: Call, id_: str) -> str:
    return call.arn(f"anomaly-detector:{id_}", "logs")


def of_arn(call: Call, arn: str) -> Detector:
    found = call.shelf(Detector).get(arn.rpartition(_KIND)[2])
    if found is None or arn != arn_of(call, found.id):
        raise DetectorNotFound
    return found


def group_of(call: Call, detector: Detector) -> Group | None:
    group = call.shelf(Group).get(detector.group)
    return group if group is not None and group.number == detector.number else None


def key_of(call: Call, detector: Detector) -> str:
    group = group_of(call, detector)
    return detector.key or (group.key if group is not None else "")


def lock_of(call: Call, detector: Detector) -> Lock:
    """What a detector knows, and what it found, tell of the events: they lie under its key or under that of the group."""
    key = key_of(call, detector)
    arn = arn_of(call, detector.id) if detector.key else call.arn(f"log-group:{detector.group}", "logs")
    return encryption.lock(call, f"anomaly-detector {detector.id}", key, arn) if key else OPEN


def reading_lock(call: Call, detector: Detector) -> Lock:
    """The same for what may have been sealed when there was a key."""
    return encryption.lock(call, f"anomaly-detector {detector.id}", detector.key, arn_of(call, detector.id))


# Operations -----------------------------------------------------------------------------------------------------


def CreateLogAnomalyDetector(
    call: Call, *, logGroupArnList: list[str], detectorName: str | None = None, evaluationFrequency: str | None = None,
    filterPattern: str | None = None, kmsKeyId: str | None = None, anomalyVisibilityTime: int | None = None, tags: dict[str, str] | None = None,
) -> dict:  # fmt: skip
    if len(logGroupArnList) != 1:
        # Seen of AWS by cdk-preflight, of two groups: pf-logs-anomaly-detector-single-log-group.
        raise InvalidParameterException("Only 1 log group arn is supported in the list.")
    group = identified(call, logGroupArnList[0])
    check_pattern(filterPattern)
    if len(call.shelf(Detector)) >= DETECTORS_MAX:
        raise LimitExceededException
    now_ms = milliseconds(call.now())
    made = Detector(
        id=call.new_id(), group=group.name, number=group.number, created_ms=now_ms, modified_ms=now_ms, name=detectorName or "",
        frequency=evaluationFrequency or FREQUENCY_DEFAULT, pattern=filterPattern or "", key=kmsKeyId or "",
        visible_days=anomalyVisibilityTime or VISIBLE_DAYS, tags=tags or {},
    )  # fmt: skip
    if made.key:
        # Under a name that is the same when the key is open and this runs again.
        encryption.prove_lock(encryption.lock(call, "anomaly-detector", made.key, arn_of(call, "*")))
    call.shelf(Detector)[made.id] = made
    call.home.wake(DETECTORS)
    return {"anomalyDetectorArn": arn_of(call, made.id)}


def UpdateLogAnomalyDetector(
    call: Call, *, anomalyDetectorArn: str, enabled: bool, evaluationFrequency: str | None = None, filterPattern: str | None = None,
    anomalyVisibilityTime: int | None = None,
) -> None:  # fmt: skip
    """Another frequency or pattern makes what was learned worthless, so the detector is trained anew. What came while it was paused is
    not looked at."""
    detector = of_arn(call, anomalyDetectorArn)
    check_pattern(filterPattern)
    now_ms = milliseconds(call.now())
    facts: dict[str, Any] = {"modified_ms": now_ms, "is_enabled": enabled}
    if anomalyVisibilityTime is not None:
        facts["visible_days"] = anomalyVisibilityTime
    frequency, pattern = evaluationFrequency or detector.frequency, detector.pattern if filterPattern is None else filterPattern
    if (frequency, pattern) != (detector.frequency, detector.pattern):
        facts |= {"frequency": frequency, "pattern": pattern, "status": INITIALIZING, "seen_ms": 0}
        call.rows(WATCHES).run("delete from log_watch where detector = ?", detector.id)
    elif enabled and not detector.is_enabled and detector.seen_ms:
        facts["seen_ms"] = now_ms
    call.shelf(Detector)[detector.id] = changed(detector, **facts)
    call.home.wake(DETECTORS)


def DeleteLogAnomalyDetector(call: Call, *, anomalyDetectorArn: str) -> None:
    detector = of_arn(call, anomalyDetectorArn)
    del call.shelf(Detector)[detector.id]
    rows = call.rows(WATCHES, ANOMALIES)
    rows.run("delete from log_watch where detector = ?", detector.id)
    rows.run("delete from log_anomaly where detector = ?", detector.id)
    for link in [link for link in call.shelf(Link).values() if link.of == f"anomaly-detector {detector.id}"]:
        del call.shelf(Link)[link.id]


def GetLogAnomalyDetector(call: Call, *, anomalyDetectorArn: str) -> dict:
    return _shown(call, of_arn(call, anomalyDetectorArn))


def ListLogAnomalyDetectors(call: Call, *, filterLogGroupArn: str | None = None, limit: int | None = None, nextToken: str | None = None) -> dict:
    wanted = name_in(filterLogGroupArn) if filterLogGroupArn else None
    found = sorted((each for each in call.shelf(Detector).values() if wanted in (None, each.group)), key=lambda each: (each.created_ms, each.id))
    return paged(
        found,
        nextToken,
        limit or LISTED_MAX,
        lambda each: {"anomalyDetectorArn": arn_of(call, each.id)} | _shown(call, each),
        "anomalyDetectors",
    )


def _shown(call: Call, detector: Detector) -> dict[str, Any]:
    shown = {
        "detectorName": detector.name, "logGroupArnList": [call.arn(f"log-group:{detector.group}")], "evaluationFrequency": detector.frequency,
        "filterPattern": detector.pattern, "anomalyDetectorStatus": detector.status if detector.is_enabled else PAUSED, "kmsKeyId": detector.key,
        "creationTimeStamp": detector.created_ms, "lastModifiedTimeStamp": detector.modified_ms, "anomalyVisibilityTime": detector.visible_days,
    }  # fmt: skip
    return {name: value for name, value in shown.items() if value != ""}


# Tags -----------------------------------------------------------------------------------------------------------


def is_one(arn: str) -> bool:
    return _KIND in arn


def tags_of(call: Call, arn: str) -> dict[str, str]:
    return of_arn(call, arn).tags


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    return [(arn_of(call, key), each.tags) for key, each in call.shelf(Detector).items()]


def retagged(call: Call, arn: str, tags: dict[str, str]) -> None:
    detector = of_arn(call, arn)
    call.shelf(Detector)[detector.id] = changed(detector, tags=tags)

