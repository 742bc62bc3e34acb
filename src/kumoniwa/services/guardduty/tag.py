"""Tags of detectors, filters, IP sets, threat intel sets and publishing destinations."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.guardduty import detector as detectors
from kumoniwa.services.guardduty.address_list import AddressList
from kumoniwa.services.guardduty.destination import Destination
from kumoniwa.services.guardduty.detector import Detector
from kumoniwa.services.guardduty.errors import absent
from kumoniwa.services.guardduty.filter import Filter

_KINDS: dict[str, type[Any]] = {"filter": Filter, "ipset": AddressList, "threatintelset": AddressList, "publishingDestination": Destination}


def _found(call: Call, arn: str) -> tuple[type[Any], str]:
    detector = detectors.held(call)
    if detector is not None:
        own = detectors.arn_of(call, detector)
        if arn == own:
            return Detector, detector.id
        kind, _, name = arn.removeprefix(f"{own}/").partition("/")
        record = _KINDS.get(kind)
        held = call.shelf(record).get(name) if record is not None and arn.startswith(f"{own}/") else None
        if held is not None and (record is not AddressList or held.kind == kind):
            return record, name
    raise absent()


def tags_of(call: Call, arn: str) -> dict[str, str]:
    kind, key = _found(call, arn)
    return call.shelf(kind)[key].tags


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    detector = detectors.held(call)
    if detector is None:
        return []
    told = [(detectors.arn_of(call, detector), detector.tags)]
    told += [(detectors.arn_of(call, detector, "filter", each.name), each.tags) for each in call.shelf(Filter).values()]
    told += [(detectors.arn_of(call, detector, each.kind, each.id), each.tags) for each in call.shelf(AddressList).values()]
    told += [(detectors.arn_of(call, detector, "publishingDestination", each.id), each.tags) for each in call.shelf(Destination).values()]
    return told


def TagResource(call: Call, *, ResourceArn: str, Tags: dict[str, str]) -> None:
    kind, key = _found(call, ResourceArn)
    held = call.shelf(kind)[key]
    call.shelf(kind)[key] = changed(held, tags=detectors.tagged(held.tags, Tags))


def UntagResource(call: Call, *, ResourceArn: str, TagKeys: list[str]) -> None:
    kind, key = _found(call, ResourceArn)
    held = call.shelf(kind)[key]
    call.shelf(kind)[key] = changed(held, tags={name: value for name, value in held.tags.items() if name not in TagKeys})


def ListTagsForResource(call: Call, *, ResourceArn: str) -> dict:
    return {"Tags": tags_of(call, ResourceArn)}
