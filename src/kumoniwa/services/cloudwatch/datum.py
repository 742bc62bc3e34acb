"""What PutMetricData takes: values, values with counts, or sets of which only the statistics are told.

What was put waits as one row for each call until somebody asks or the minute is over (``metric.fold``), so that putting stays cheap.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
"""

from __future__ import annotations

from math import isfinite
from typing import Any

import msgspec

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.services.cloudwatch.errors import (
    InvalidParameterCombinationException,
    InvalidParameterValueException,
    MissingRequiredParameterException,
)
from kumoniwa.services.cloudwatch.unit import NUMBERS
from kumoniwa.services.cloudwatch.waiting import INBOX, Awaited, arrived

DATA_MAX = 1000
VALUES_MAX = 150
DIMENSIONS_MAX = 30
OLD_S = 14 * 86_400
NEW_S = 2 * 3_600
VALUE_MAX = 2.0**360
"""Values outside -2^360 to 2^360 are refused (MetricDatum)."""

_encode = msgspec.msgpack.Encoder().encode


def PutMetricData(
    call: Call,
    *,
    Namespace: str,
    MetricData: list[dict[str, Any]] | None = None,
    EntityMetricData: list[dict[str, Any]] | None = None,
    StrictEntityValidation: bool | None = None,
) -> None:
    """The entities that data may belong to are refused by name: nobody here would show them."""
    if EntityMetricData:
        raise NotImplementedHere("cloudwatch:PutMetricData(EntityMetricData)")
    if Namespace.startswith("AWS/") and call.principal.kind != "service":
        raise InvalidParameterValueException(
            "The value AWS/ for parameter Namespace is invalid.", hint="Names of namespaces that begin with AWS/ are AWS's own."
        )
    if MetricData is None:
        raise MissingRequiredParameterException("The parameter MetricData is required.")
    if not MetricData:
        raise InvalidParameterValueException("The collection MetricData must not be empty.")
    if len(MetricData) > DATA_MAX:
        raise InvalidParameterValueException(f"The collection MetricData must not have a size greater than {DATA_MAX}.")
    now = call.now()
    entries = [_entry(datum, now, number) for number, datum in enumerate(MetricData, 1)]
    call.rows(INBOX).run("insert into metric_inbox (body) values (?)", _encode(Awaited(Namespace, entries, now)))
    arrived(call, len(entries))


def _entry(datum: dict[str, Any], now: float, number: int) -> tuple:
    """One datum as it waits: name, dimensions, unit, time; then a value, or values and counts, or four statistics."""
    at = datum.get("Timestamp")
    if at is None:
        at = now
    elif at < now - OLD_S:
        raise InvalidParameterValueException(f"The parameter {_member(number)}.Timestamp must specify a time within the past two weeks.")
    elif at > now + NEW_S:
        raise InvalidParameterValueException(f"The parameter {_member(number)}.Timestamp must specify a time no more than two hours in the future.")
    resolution = datum.get("StorageResolution")
    if resolution is None or resolution == 60:
        at = int(at) // 60 * 60
    elif resolution == 1:
        at = int(at)
    else:
        raise InvalidParameterValueException(f"The value {resolution} for parameter {_member(number)}.StorageResolution is invalid.")
    dimensions = datum.get("Dimensions")
    head = (datum["MetricName"], _dimensions(dimensions, number) if dimensions else (), NUMBERS[datum.get("Unit", "None")], at)
    if len(datum.keys() & _MEASURES) != 1:
        _check_measures(datum, number)
    value = datum.get("Value")
    if value is not None:
        return *head, _checked(value, number, "Value")
    if "StatisticValues" in datum:
        return *head, *_statistics(datum["StatisticValues"], number)
    return *head, *_values(datum["Values"], datum.get("Counts"), number)


_MEASURES = frozenset({"Value", "Values", "StatisticValues"})


def _member(number: int) -> str:
    return f"MetricData.member.{number}"


def _dimensions(dimensions: list[dict[str, str]], number: int) -> list[tuple[str, str]]:
    """Sorted: which dimension was named first makes no other metric."""
    if len(dimensions) > DIMENSIONS_MAX:
        raise InvalidParameterValueException(f"The collection {_member(number)}.Dimensions must not have a size greater than {DIMENSIONS_MAX}.")
    return sorted([(each["Name"], each["Value"]) for each in dimensions])


def _check_measures(datum: dict[str, Any], number: int) -> None:
    """AWS takes values beside statistics (recorded: localstack's test_put_metric_data_validation). Which of them it counts is not known;
    here the statistics are."""
    said = [name for name in ("Value", "Values", "StatisticValues") if name in datum]
    if not said:
        raise MissingRequiredParameterException(
            f"At least one of the parameters {_member(number)}.Value, {_member(number)}.Values and {_member(number)}.StatisticValues must be specified."
        )
    if said[0] != "Value":
        return
    raise InvalidParameterCombinationException(
        f"The parameters {_member(number)}.{said[0]} and {_member(number)}.{said[1]} are mutually exclusive and you have specified both."
    )


def _checked(value: float, number: int, name: str) -> float:
    if isfinite(value) and -VALUE_MAX <= value <= VALUE_MAX:
        return float(value)
    shown = "NaN" if value != value else "Infinity" if value == float("inf") else "-Infinity" if value == float("-inf") else value
    raise InvalidParameterValueException(f"The value {shown} for parameter {_member(number)}.{name} is invalid.")


def _statistics(said: dict[str, float], number: int) -> tuple[float, float, float, float]:
    count, total, least, most = (_checked(said[name], number, f"StatisticValues.{name}") for name in ("SampleCount", "Sum", "Minimum", "Maximum"))
    if count <= 0:
        raise InvalidParameterValueException(
            f"The value {said['SampleCount']:g} for parameter {_member(number)}.StatisticValues.SampleCount is invalid."
        )
    if least > most:
        raise InvalidParameterValueException(
            f"The parameter {_member(number)}.StatisticValues.Minimum must be less than or equal to {_member(number)}.StatisticValues.Maximum."
        )
    return count, total, least, most


def _values(values: list[float], counts: list[float] | None, number: int) -> tuple[list[float], list[float]]:
    if len(values) > VALUES_MAX:
        raise InvalidParameterValueException(f"The collection {_member(number)}.Values must not have a size greater than {VALUES_MAX}.")
    if not values:
        raise InvalidParameterValueException(f"The collection {_member(number)}.Values must not be empty.")
    if counts is None:
        counts = [1.0] * len(values)
    if len(values) != len(counts):
        raise InvalidParameterValueException(f"The parameters {_member(number)}.Values and {_member(number)}.Counts must be of the same size.")
    for place, (value, count) in enumerate(zip(values, counts), 1):
        _checked(value, number, f"Values.member.{place}")
        if not isfinite(count) or count <= 0:
            raise InvalidParameterValueException(f"The value {count:g} for parameter {_member(number)}.Counts.member.{place} is invalid.")
    return values, counts
