"""Anomalies that log anomaly detectors found: kept for as long as their detector says, and then taken for usual.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_Anomaly.html
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.record import changed
from kumoniwa.languages.insights.clusters import VARIABLE
from kumoniwa.languages.log_anomaly import SAMPLES_MAX, Finding, Pattern, Tally, Watch, watch_of
from kumoniwa.services.logs.anomaly_detector import (
    ANOMALIES,
    LISTED_MAX,
    WATCHES,
    Detector,
    arn_of,
    lock_of,
    of_arn,
    reading_lock,
)
from kumoniwa.services.logs.group import DAY_MS, InvalidParameterException, ResourceNotFoundException
from kumoniwa.services.logs.page import paged

ANOMALIES_MAX, RUNS_MAX = 1_000, 100
UNITS_MS = {"SECONDS": 1_000, "MINUTES": 60_000, "HOURS": 3_600_000}


class Anomaly(msgspec.Struct):
    """What is kept of one, under the detector's key."""

    id: str
    pattern: str
    kind: str
    place: int
    text: str
    tokens: list[str]
    priority: str
    first_ms: int
    last_ms: int
    description: str
    is_baseline: bool = False
    values: dict[str, dict[str, int]] = {}
    """Of its dynamic tokens, by their number."""
    runs: dict[str, int] = {}
    """When it was seen, and how often."""
    samples: list[tuple[int, str]] = []


class AnomalyNotFound(ResourceNotFoundException):
    code = "ResourceNotFoundException"
    message = "The specified anomaly does not exist."


_decode = msgspec.msgpack.Decoder(Anomaly).decode


# Kept -----------------------------------------------------------------------------------------------------------


class Watches:
    """What detectors know, by id, as it was last kept."""

    def __init__(self) -> None:
        self.held: dict[str, Watch] = {}


def watch_kept(call: Call, detector: Detector) -> Watch:
    """What a detector knows. Raises Shut until its key is open."""
    held = call.memory(Watches).held
    if detector.id not in held:
        row = call.rows(WATCHES).one("select body from log_watch where detector = ?", detector.id)
        held[detector.id] = watch_of(msgspec.msgpack.decode(reading_lock(call, detector).open(row[0]))) if row is not None else Watch()
    return held[detector.id]


def keep_watch(call: Call, detector: Detector, watch: Watch) -> None:
    body = lock_of(call, detector).shut(msgspec.msgpack.encode(watch.state()))
    call.rows(WATCHES).run("insert or replace into log_watch values (?, ?)", detector.id, body)


def found_by(call: Call, detector: Detector) -> list[Anomaly]:
    """The last that was seen first."""
    lock = reading_lock(call, detector)
    rows = call.rows(ANOMALIES).all("select body from log_anomaly where detector = ?", detector.id)
    return sorted((_decode(lock.open(body)) for (body,) in rows), key=_latest_first)


def _latest_first(anomaly: Anomaly) -> tuple[int, str]:
    return -anomaly.last_ms, anomaly.id


def keep(call: Call, detector: Detector, anomaly: Anomaly) -> None:
    body = lock_of(call, detector).shut(msgspec.msgpack.encode(anomaly))
    call.rows(ANOMALIES).run("insert or replace into log_anomaly values (?, ?, ?)", detector.id, anomaly.id, body)


def is_over(call: Call, detector: Detector, anomaly: Anomaly) -> bool:
    """Whether it was there for so long that it is taken for usual."""
    return anomaly.first_ms + detector.visible_days * DAY_MS <= call.now() * 1000


def suppression(call: Call, detector: Detector, anomaly: str, pattern: str) -> tuple[str, int, int] | None:
    """What suppresses an anomaly now: its own id or that of its pattern, since and until when."""
    for id_ in (anomaly, pattern):
        if (found := detector.suppressed.get(id_)) is not None and (not found[1] or found[1] > call.now() * 1000):
            return id_, *found
    return None


def report(call: Call, detector: Detector, found: list[tuple[Pattern, Finding, Tally]], now_ms: int) -> list[Anomaly]:
    """Keep what one run of a detector found. Those that are suppressed are neither reported nor changed."""
    held = {(each.pattern, each.kind, each.place): each for each in found_by(call, detector)}
    reported = []
    for pattern, finding, tally in found:
        key = pattern.id, finding.kind, finding.place
        anomaly = held.get(key)
        if anomaly is not None and (anomaly.is_baseline or is_over(call, detector, anomaly)):
            continue
        if suppression(call, detector, anomaly.id if anomaly is not None else "", pattern.id) is not None:
            continue
        if anomaly is None:
            anomaly = held[key] = Anomaly(call.new_id(), *key, "", [], "", now_ms, now_ms, "")
        anomaly.text, anomaly.tokens = pattern.text(), list(pattern.tokens)
        anomaly.priority, anomaly.description, anomaly.last_ms = pattern.priority(finding), finding.description, now_ms
        anomaly.values = {str(place): pattern.values_of(place, tally) for place, token in enumerate(pattern.tokens) if token.startswith(VARIABLE)}
        anomaly.runs = dict([*anomaly.runs.items(), (str(now_ms), finding.times)][-RUNS_MAX:])
        anomaly.samples = sorted([*anomaly.samples, *tally.samples])[-SAMPLES_MAX:]
        keep(call, detector, anomaly)
        reported.append(anomaly)
    for each in sorted(held.values(), key=_latest_first)[ANOMALIES_MAX:]:
        call.rows(ANOMALIES).run("delete from log_anomaly where detector = ? and id = ?", detector.id, each.id)
    return reported


# Shown ----------------------------------------------------------------------------------------------------------


def ListAnomalies(
    call: Call, *, anomalyDetectorArn: str | None = None, suppressionState: str | None = None, limit: int | None = None, nextToken: str | None = None
) -> dict:
    """Of one detector or of all, those that were seen last first."""
    detectors = [of_arn(call, anomalyDetectorArn)] if anomalyDetectorArn is not None else list(call.shelf(Detector).values())
    of = {each.id: (detector, each) for detector in detectors for each in found_by(call, detector)}
    shown = {id_: _shown(call, *held) for id_, held in of.items()}
    found = [
        anomaly
        for _, anomaly in sorted(of.values(), key=lambda each: _latest_first(each[1]))
        if suppressionState is None or shown[anomaly.id]["suppressed"] == (suppressionState == "SUPPRESSED")
    ]
    return paged(found, nextToken, limit or LISTED_MAX, lambda each: shown[each.id], "anomalies")


def _shown(call: Call, detector: Detector, anomaly: Anomaly) -> dict[str, Any]:
    held = suppression(call, detector, anomaly.id, anomaly.pattern)
    is_baseline = anomaly.is_baseline or is_over(call, detector, anomaly)
    shown: dict[str, Any] = {
        "anomalyId": anomaly.id, "patternId": anomaly.pattern, "anomalyDetectorArn": arn_of(call, detector.id),
        "patternString": re.sub(r"<\w+-\d+>", "<*>", anomaly.text), "patternRegex": _regex(anomaly.tokens), "priority": anomaly.priority,
        "firstSeen": anomaly.first_ms, "lastSeen": anomaly.last_ms, "description": anomaly.description,
        "active": anomaly.last_ms >= detector.seen_ms and not is_baseline,
        "state": "Suppressed" if held else "Baseline" if is_baseline else "Active", "histogram": anomaly.runs,
        "logSamples": [{"timestamp": at_ms, "message": message} for at_ms, message in anomaly.samples],
        "patternTokens": _tokens(anomaly), "logGroupArnList": [call.arn(f"log-group:{detector.group}")], "suppressed": held is not None,
    }  # fmt: skip
    if held is not None:
        id_, since, until = held
        shown |= {"suppressedDate": since, "isPatternLevelSuppression": id_ == anomaly.pattern} | ({"suppressedUntil": until} if until else {})
    return shown


def _regex(tokens: list[str]) -> str:
    return "".join(".*" if token.startswith(VARIABLE) else re.escape(token) for token in tokens)


def _tokens(anomaly: Anomaly) -> list[dict[str, Any]]:
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PatternToken.html"""
    shown, number = [], 0
    for place, token in enumerate(anomaly.tokens):
        if token.startswith(VARIABLE):
            number += 1
            shown.append({
                "dynamicTokenPosition": number, "isDynamic": True, "tokenString": "<*>", "enumerations": anomaly.values.get(str(place), {}),
                "inferredTokenName": f"{token[1:]}-{number}",
            })  # fmt: skip
        else:
            shown.append({"isDynamic": False, "tokenString": token})
    return shown


# Changed --------------------------------------------------------------------------------------------------------


def UpdateAnomaly(
    call: Call, *, anomalyDetectorArn: str, anomalyId: str | None = None, patternId: str | None = None, suppressionType: str | None = None,
    suppressionPeriod: dict | None = None, baseline: bool | None = None,
) -> None:  # fmt: skip
    """Without a type of suppression, an end of it."""
    detector = of_arn(call, anomalyDetectorArn)
    if (anomalyId is None) == (patternId is None):
        raise InvalidParameterException("Exactly one of anomalyId or patternId must be provided.")
    chosen = [each for each in found_by(call, detector) if anomalyId == each.id or patternId == each.pattern]
    if not chosen:
        raise AnomalyNotFound
    if baseline:
        _baseline(call, detector, chosen)
        return
    id_, now_ms = anomalyId or patternId or "", milliseconds(call.now())
    suppressed = {each: held for each, held in detector.suppressed.items() if each != id_}
    if suppressionType == "LIMITED":
        length = (suppressionPeriod or {}).get("value") or 0
        if length <= 0:
            raise InvalidParameterException("A suppressionPeriod must be provided when the suppressionType is LIMITED.")
        suppressed[id_] = (now_ms, now_ms + length * UNITS_MS[suppressionPeriod.get("suppressionUnit", "SECONDS")])
    elif suppressionType == "INFINITE":
        suppressed[id_] = (now_ms, 0)
    call.shelf(Detector)[detector.id] = changed(detector, suppressed=suppressed)


def _baseline(call: Call, detector: Detector, chosen: list[Anomaly]) -> None:
    watch = watch_kept(call, detector)
    lock_of(call, detector).shut(b"")
    patterns = {each.id: each for each in watch.clusters}
    for each in chosen:
        if each.pattern in patterns:
            patterns[each.pattern].normal.add((each.kind, each.place))
        each.is_baseline = True
        keep(call, detector, each)
    keep_watch(call, detector, watch)
