"""Anomaly detectors: metrics and expressions of whose past a model is made, and the band that it expects.

A detector is trained at the whole minute after it was put, and again each hour, on up to two weeks before.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutAnomalyDetector.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.languages.metric_statistic import InvalidStatistic, statistic
from kumoniwa.services.cloudwatch import anomaly_band, question
from kumoniwa.services.cloudwatch.anomaly_band import Detector, Models, key_of, zone_of
from kumoniwa.services.cloudwatch.errors import (
    InvalidNextToken,
    InvalidParameterCombinationException,
    InvalidParameterValueException,
    MissingRequiredParameterException,
    ResourceNotFoundException,
)

SINGLE, MATH = "SINGLE_METRIC", "METRIC_MATH"
INSUFFICIENT, TRAINED = "TRAINED_INSUFFICIENT_DATA", "TRAINED"
TRAINING = ("cloudwatch", "training")
"""What wakes whoever trains."""
RETRAINED_S = 3_600
MINUTE_S, STEP_S = 60, 300
PAGE_MAX = 100


def single(namespace: str, name: str, dimensions: list[dict[str, str]], stat: str) -> list[dict[str, Any]]:
    metric = {"Namespace": namespace, "MetricName": name, "Dimensions": dimensions}
    return [{"Id": "m1", "MetricStat": {"Metric": metric, "Period": STEP_S, "Stat": stat}}]


def PutAnomalyDetector(
    call: Call,
    *,
    Namespace: str | None = None,
    MetricName: str | None = None,
    Dimensions: list[dict[str, str]] | None = None,
    Stat: str | None = None,
    Configuration: dict[str, Any] | None = None,
    MetricCharacteristics: dict[str, Any] | None = None,
    SingleMetricAnomalyDetector: dict[str, Any] | None = None,
    MetricMathAnomalyDetector: dict[str, Any] | None = None,
) -> dict:
    """To put a detector again changes how it is trained, and trains it anew. Words of what is refused are as badmintoncryer/cdk-preflight saw
    them of AWS (rules/cloudwatch), if not the like of other operations' words."""
    said = {"Namespace": Namespace, "MetricName": MetricName, "Dimensions": Dimensions, "Stat": Stat}
    kind, queries, shown = _named(call, said, SingleMetricAnomalyDetector, MetricMathAnomalyDetector)
    configuration = Configuration or {}
    for name in ("AdaptationSpeed", "OutlierFilteringStrength"):
        if name in configuration:
            raise NotImplementedHere(f"cloudwatch:PutAnomalyDetector(Configuration.{name})")
    if any(each["StartTime"] >= each["EndTime"] for each in configuration.get("ExcludedTimeRanges") or ()):
        raise InvalidParameterValueException("Input has invalid parameter.")
    if "MetricTimezone" in configuration:
        name = configuration["MetricTimezone"]
        if zone_of(name) is None:
            raise InvalidParameterValueException(f"The value {name} for parameter Configuration.MetricTimezone is invalid.")
    characteristics = MetricCharacteristics or {}
    if characteristics and "PeriodicSpikes" not in characteristics:
        raise MissingRequiredParameterException("The parameter MetricCharacteristics.PeriodicSpikes is required.")
    made = keep(call, kind, queries, shown, configuration, characteristics)
    return {"AnomalyDetectorId": made.id}


def keep(
    call: Call, kind: str, queries: list[dict[str, Any]], shown: str, configuration: dict[str, Any], characteristics: dict[str, Any]
) -> Detector:
    key = key_of(queries, shown)
    held = call.shelf(Detector).get(key)
    due = float(int(call.now()) // MINUTE_S * MINUTE_S + MINUTE_S)
    made = call.shelf(Detector)[key] = Detector(
        id=held.id if held is not None else call.new_id(), kind=kind, queries=queries, shown=shown, configuration=configuration,
        characteristics=characteristics, due=due,
    )  # fmt: skip
    call.home.wake(TRAINING)
    return made


def _named(
    call: Call, said: dict[str, Any], one: dict[str, Any] | None, math: dict[str, Any] | None
) -> tuple[str, list[dict[str, Any]], str]:
    """What a request names: kind, queries, and the one that is shown. The members beside the two structures are the older way to name a metric."""
    plain = {name: value for name, value in said.items() if value is not None}
    ways = {"SingleMetricAnomalyDetector": one is not None, "MetricMathAnomalyDetector": math is not None, "single metric attributes": bool(plain)}
    if len(found := [way for way, is_said in ways.items() if is_said]) > 1:
        raise InvalidParameterCombinationException(
            f"Either single metric attributes, SingleMetricAnomalyDetector or MetricMathAnomalyDetector can be set, found {', '.join(found)}"
        )
    if math is not None:
        queries = math.get("MetricDataQueries") or []
        if len(queries) == 1:
            raise InvalidParameterValueException(
                "The MetricDataQueries list in MetricMathAnomalyDetector contains a single metric, please use SingleMetricAnomalyDetector instead"
            )
        question.check(call, queries, "MetricMathAnomalyDetector.MetricDataQueries")
        shown = [query["Id"] for query in queries if query.get("ReturnData", True)]
        if len(shown) != 1:
            raise InvalidParameterValueException("Exactly one element of MetricMathAnomalyDetector.MetricDataQueries should return data.")
        return MATH, queries, shown[0]
    told, where = (one, "SingleMetricAnomalyDetector.") if one is not None else (plain, "")
    for name in ("Namespace", "MetricName", "Stat"):
        if not told.get(name):
            raise MissingRequiredParameterException(f"The parameter {where}{name} is required.")
    if told.get("AccountId") not in (None, call.account):
        raise NotImplementedHere(f"metrics of linked accounts ({told['AccountId']})")
    try:
        statistic(told["Stat"])
    except InvalidStatistic:
        raise InvalidParameterValueException(f"The value {told['Stat']} for parameter {where}Stat is not supported.") from None
    return SINGLE, single(told["Namespace"], told["MetricName"], told.get("Dimensions") or [], told["Stat"]), "m1"


def DescribeAnomalyDetectors(
    call: Call,
    *,
    AnomalyDetectorIds: list[str] | None = None,
    NextToken: str | None = None,
    MaxResults: int | None = None,
    Namespace: str | None = None,
    MetricName: str | None = None,
    Dimensions: list[dict[str, str]] | None = None,
    AnomalyDetectorTypes: list[str] | None = None,
) -> dict:
    """Detectors of single metrics unless others are asked for; those of expressions have no metric to be found by."""
    if NextToken is not None and not (NextToken.isascii() and NextToken.isdigit() and len(NextToken) < 16):
        raise InvalidNextToken
    if MaxResults is not None and MaxResults > PAGE_MAX:
        raise InvalidParameterValueException(f"The value {MaxResults} for parameter MaxResults is invalid: it must be at most {PAGE_MAX}.")
    kinds = AnomalyDetectorTypes or ([SINGLE, MATH] if AnomalyDetectorIds else [SINGLE])
    wanted = {(each["Name"], each["Value"]) for each in Dimensions or ()}
    found = []
    for _, detector in sorted(call.shelf(Detector).items()):
        named = detector.queries[0]["MetricStat"]["Metric"] if detector.kind == SINGLE else {}
        has = {(each["Name"], each["Value"]) for each in named.get("Dimensions", ())}
        if (
            detector.kind in kinds
            and (not AnomalyDetectorIds or detector.id in AnomalyDetectorIds)
            and (Namespace is None or named.get("Namespace") == Namespace)
            and (MetricName is None or named.get("MetricName") == MetricName)
            and wanted <= has
        ):
            found.append(_shown(call, detector))
    start = int(NextToken or 0)
    end = start + (MaxResults or PAGE_MAX)
    return {"AnomalyDetectors": found[start:end]} | ({"NextToken": str(end)} if end < len(found) else {})


def _shown(call: Call, detector: Detector) -> dict[str, Any]:
    """A metric is told twice. Recorded: localstack's test_anomaly_detector_lifecycle."""
    told: dict[str, Any] = {
        "AnomalyDetectorId": detector.id, "StateValue": detector.state, "Configuration": {"ExcludedTimeRanges": [], **detector.configuration},
    }  # fmt: skip
    if detector.characteristics:
        told["MetricCharacteristics"] = detector.characteristics
    if detector.kind == MATH:
        return told | {"MetricMathAnomalyDetector": {"MetricDataQueries": detector.queries}}
    stat = detector.queries[0]["MetricStat"]
    named = {**stat["Metric"], "Stat": stat["Stat"]}
    return told | named | {"SingleMetricAnomalyDetector": {"AccountId": call.account, **named}}


def DeleteAnomalyDetector(
    call: Call,
    *,
    AnomalyDetectorId: str | None = None,
    Namespace: str | None = None,
    MetricName: str | None = None,
    Dimensions: list[dict[str, str]] | None = None,
    Stat: str | None = None,
    SingleMetricAnomalyDetector: dict[str, Any] | None = None,
    MetricMathAnomalyDetector: dict[str, Any] | None = None,
) -> None:
    shelf = call.shelf(Detector)
    if AnomalyDetectorId is not None:
        keys = [key for key, detector in shelf.items() if detector.id == AnomalyDetectorId]
    else:
        said = {"Namespace": Namespace, "MetricName": MetricName, "Dimensions": Dimensions, "Stat": Stat}
        _, queries, shown = _named(call, said, SingleMetricAnomalyDetector, MetricMathAnomalyDetector)
        keys = [key for key in (key_of(queries, shown),) if key in shelf]
    if not keys:
        raise ResourceNotFoundException("The anomaly detector does not exist.")
    del shelf[keys[0]]


# Training ---------------------------------------------------------------------------------------------------


def train(call: Call, key: str) -> None:
    """One that is due, at the least distance of points; models for other periods are made when somebody asks."""
    detector = call.shelf(Detector).get(key)
    if detector is None or detector.due > call.now():
        return
    now = call.now()
    model = anomaly_band.made(call, detector, STEP_S, now, question.asked)
    call.memory(Models).held[detector.id, STEP_S] = now, model
    state = INSUFFICIENT if model is None else TRAINED
    call.shelf(Detector)[key] = changed(detector, trained=now, state=state, due=now + RETRAINED_S)
