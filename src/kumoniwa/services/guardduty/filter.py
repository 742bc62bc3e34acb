"""Filters: criteria with a name. Those that archive are suppression rules: what is found and meets one is archived unheard.

https://docs.aws.amazon.com/guardduty/latest/ug/findings_suppression-rule.html
"""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.guardduty import criteria
from kumoniwa.services.guardduty import detector as detectors
from kumoniwa.services.guardduty.errors import BadRequestException, absent, of_parameter

FILTERS_MAX = 100
NOOP, ARCHIVE = "NOOP", "ARCHIVE"
_NAME = re.compile(r"[A-Za-z0-9._-]{3,64}")


class Filter(Record):
    """Shelved by its name."""

    name: str
    criteria: dict[str, dict[str, Any]]
    said: dict[str, Any]
    """The criteria as they were said."""
    created: float
    updated: float
    action: str = NOOP
    rank: int = 1
    description: str = ""
    version: int = 1
    tags: dict[str, str] = {}


def archives(call: Call, finding: dict[str, Any]) -> bool:
    return any(each.action == ARCHIVE and criteria.meets(finding, each.criteria) for each in call.shelf(Filter).values())


def _existing(call: Call, detector: str, name: str) -> Filter:
    detectors.existing(call, detector)
    held = call.shelf(Filter).get(name)
    if held is None:
        raise absent()
    return held


def _ranked(call: Call, new: Filter, rank: int | None) -> None:
    """Put a filter at its place; the others keep their order around it."""
    others = sorted((each for each in call.shelf(Filter).values() if each.name != new.name), key=lambda each: each.rank)
    if rank is None:
        rank = len(others) + 1
    elif rank > len(others) + 1:
        raise of_parameter("rank")
    order = [*others[: rank - 1], new, *others[rank - 1 :]]
    for place, each in enumerate(order, 1):
        if each is new or each.rank != place:
            call.shelf(Filter)[each.name] = changed(each, rank=place)


def CreateFilter(
    call: Call, *, DetectorId: str, Name: str, FindingCriteria: dict[str, Any], Description: str = "", Action: str = NOOP,
    Rank: int | None = None, ClientToken: str | None = None, Tags: dict[str, str] | None = None,
) -> dict:  # fmt: skip
    """Without a rank it is the last. https://docs.aws.amazon.com/guardduty/latest/APIReference/API_CreateFilter.html"""
    detectors.existing(call, DetectorId)
    if not _NAME.fullmatch(Name):
        raise of_parameter("name")
    checked = criteria.checked(FindingCriteria)
    if not checked:
        raise of_parameter("findingCriteria")
    if Name in call.shelf(Filter):
        raise BadRequestException("The request is rejected because a filter with the given name already exists.")
    if len(call.shelf(Filter)) >= FILTERS_MAX:
        text = f"The request is rejected because the maximum number of {FILTERS_MAX} filters has been reached."
        raise BadRequestException(text, Type="LimitExceededException")
    now, tags = call.now(), detectors.tagged({}, Tags)
    made = Filter(
        name=Name, criteria=checked, said=FindingCriteria, created=now, updated=now, action=Action, description=Description, tags=tags
    )
    _ranked(call, made, Rank)
    return {"Name": Name}


def UpdateFilter(
    call: Call, *, DetectorId: str, FilterName: str, Description: str | None = None, Action: str | None = None, Rank: int | None = None,
    FindingCriteria: dict[str, Any] | None = None,
) -> dict:  # fmt: skip
    held = _existing(call, DetectorId, FilterName)
    checked = held.criteria if FindingCriteria is None else criteria.checked(FindingCriteria)
    if not checked:
        raise of_parameter("findingCriteria")
    new = changed(
        held, description=held.description if Description is None else Description, action=Action or held.action, criteria=checked,
        said=held.said if FindingCriteria is None else FindingCriteria, updated=call.now(), version=held.version + 1,
    )  # fmt: skip
    _ranked(call, new, Rank or held.rank)
    return {"Name": FilterName}


def GetFilter(call: Call, *, DetectorId: str, FilterName: str) -> dict:
    held = _existing(call, DetectorId, FilterName)
    return {
        "Name": held.name, "Description": held.description, "Action": held.action, "Rank": held.rank, "FindingCriteria": held.said,
        "Tags": held.tags, "CreatedAt": held.created, "UpdatedAt": held.updated, "Version": held.version,
    }  # fmt: skip


def ListFilters(call: Call, *, DetectorId: str) -> dict:
    detectors.existing(call, DetectorId)
    return {"FilterNames": [each.name for each in sorted(call.shelf(Filter).values(), key=lambda each: each.rank)]}


def DeleteFilter(call: Call, *, DetectorId: str, FilterName: str) -> None:
    held = _existing(call, DetectorId, FilterName)
    del call.shelf(Filter)[held.name]
    rest = sorted(call.shelf(Filter).values(), key=lambda each: each.rank)
    for place, each in enumerate(rest, 1):
        if each.rank != place:
            call.shelf(Filter)[each.name] = changed(each, rank=place)
