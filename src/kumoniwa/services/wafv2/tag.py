"""Tags."""

from __future__ import annotations

from kumoniwa.gate import firewall
from kumoniwa.gate.firewall import Part
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.wafv2.part import by_arn, page, tagged
from kumoniwa.services.wafv2.scope import kept_by_scope


def _put(call: Call, part: Part, tags: dict[str, str]) -> None:
    """Tags are no new version of what bears them."""
    firewall.shelf(call.home, call.account, part.arn)[part.arn] = changed(part, tags=tags)


@kept_by_scope
def TagResource(call: Call, *, ResourceARN: str, Tags: list[dict[str, str]]) -> dict:
    part = by_arn(call, ResourceARN)
    _put(call, part, tagged(part.tags, Tags))
    return {}


@kept_by_scope
def UntagResource(call: Call, *, ResourceARN: str, TagKeys: list[str]) -> dict:
    part = by_arn(call, ResourceARN)
    _put(call, part, {key: value for key, value in part.tags.items() if key not in TagKeys})
    return {}


@kept_by_scope
def ListTagsForResource(call: Call, *, ResourceARN: str, NextMarker: str | None = None, Limit: int | None = None) -> dict:
    tags = [{"Key": key, "Value": value} for key, value in sorted(by_arn(call, ResourceARN).tags.items())]
    shown = page(tags, "TagList", "Key", NextMarker, Limit)
    marker = {"NextMarker": shown.pop("NextMarker")} if "NextMarker" in shown else {}
    return {"TagInfoForResource": {"ResourceARN": ResourceARN, **shown}, **marker}
