"""What is told of events to those who ask."""

from __future__ import annotations

from kumoniwa.kernel.call import Call
from kumoniwa.services.rds.errors import DBInstanceNotFoundFault, InvalidParameterCombination, InvalidParameterValue
from kumoniwa.services.rds.event import CATEGORIES, EVENTS, KINDS
from kumoniwa.services.rds.instance import Instance


def DescribeEvents(
    call: Call, *, SourceIdentifier: str | None = None, SourceType: str | None = None, StartTime: float | None = None, EndTime: float | None = None,
    Duration: int | None = None, EventCategories: list[str] | None = None, Filters: list[dict] | None = None,
) -> dict:  # fmt: skip
    """Those of the last hour, if nothing else is said."""
    if SourceIdentifier is not None and SourceType is None:
        raise InvalidParameterCombination("Cannot specify source identifier without source type")
    if SourceType is not None and SourceType not in KINDS:
        raise InvalidParameterValue(f"Invalid source type: {SourceType}")
    now = call.now()
    begin = StartTime if StartTime is not None else (EndTime or now) - (Duration or 60) * 60.0
    end = EndTime if EndTime is not None else (StartTime + Duration * 60.0 if StartTime is not None and Duration else now)
    if begin > end:
        raise InvalidParameterCombination("The specified start time must be before the end time.")
    found = call.rows(EVENTS).all(
        "select source, kind, message, categories, at, arn from rds_event where at >= ? and at <= ? order by at, place", begin, end
    )
    if SourceIdentifier is not None:
        found = [each for each in found if each[0] == SourceIdentifier.lower()]
        if not found and SourceType == "db-instance" and not _is_known(call, SourceIdentifier.lower()):
            raise DBInstanceNotFoundFault(f"DBInstance {SourceIdentifier} not found.")
    shown = [
        {"SourceIdentifier": source, "SourceType": kind, "Message": message, "EventCategories": [categories], "Date": at, "SourceArn": arn}
        for source, kind, message, categories, at, arn in found
        if SourceType in (None, kind) and (not EventCategories or categories in EventCategories)
    ]
    return {"Events": shown}


def _is_known(call: Call, name: str) -> bool:
    return name in call.shelf(Instance) or bool(call.rows(EVENTS).all("select 1 from rds_event where source = ? limit 1", name))


def DescribeEventCategories(call: Call, *, SourceType: str | None = None, Filters: list[dict] | None = None) -> dict:
    if SourceType is not None and SourceType not in KINDS:
        raise InvalidParameterValue(f"Invalid source type: {SourceType}")
    return {"EventCategoriesMapList": [
        {"SourceType": kind, "EventCategories": list(names)} for kind, names in CATEGORIES.items() if SourceType in (None, kind)
    ]}  # fmt: skip
