"""What distributions go by, such as policies and keys: things with an id, a configuration and an ETag, all kept alike.

They lie where every edge location sees them (``gate.edge``). Whoever changes or deletes one says by its ETag which version
that is: https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_UpdateDistribution.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from kumoniwa.gate.edge import EdgeResource, key_of
from kumoniwa.gate.identity import SHARED
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.services.cloudfront.errors import InvalidIfMatchVersion, PreconditionFailed

ADDRESS = "https://cloudfront.amazonaws.com/2020-05-31"
PAGE_MAX = 100
MANAGED = ""
"""Whose the things are that AWS made for everybody."""


class Kind(NamedTuple):
    """One sort of thing: how it is called and refused."""

    name: str
    """In ARNs."""
    path: str
    """In the API."""
    absent: type[AwsError]


def shelf(home: Any) -> Any:
    return home.store.shelf(SHARED, EdgeResource)


def etag(call: Call) -> str:
    return f"E{call.ids.upper(13)}"


def arn(call: Call, kind: str, id: str) -> str:
    """CloudFront's ARNs name no region."""
    return f"arn:aws:cloudfront::{call.account}:{kind}/{id}"


def make(call: Call, kind: str, id: str, config: dict[str, Any], more: dict[str, Any] | None = None) -> EdgeResource:
    now = call.now()
    resource = EdgeResource(
        kind=kind, id=id, account=call.account, etag=etag(call), created=now, modified=now, config=config, more=more or {}
    )
    shelf(call.home)[key_of(kind, id)] = resource
    return resource


def find(call: Call, kind: Kind, id: str) -> EdgeResource:
    """One of the account's own. Raises the kind's NoSuch…"""
    resource = shelf(call.home).get(key_of(kind.name, id))
    if resource is None or resource.account != call.account:
        raise kind.absent
    return resource


def matched(call: Call, kind: Kind, id: str, if_match: str | None) -> EdgeResource:
    """The same, if it is the version that the caller has seen."""
    if not if_match:
        raise InvalidIfMatchVersion
    resource = find(call, kind, id)
    if if_match != resource.etag:
        raise PreconditionFailed
    return resource


def keep(call: Call, resource: EdgeResource, **changes: Any) -> EdgeResource:
    """The next version of a thing."""
    resource = changed(resource, etag=etag(call), modified=call.now(), **changes)
    shelf(call.home)[key_of(resource.kind, resource.id)] = resource
    return resource


def drop(call: Call, resource: EdgeResource) -> None:
    del shelf(call.home)[key_of(resource.kind, resource.id)]


def all_of(call: Call, kind: str) -> list[EdgeResource]:
    """The account's things of a kind, the oldest first."""
    found = [each for each in shelf(call.home).values() if each.kind == kind and each.account == call.account]
    return sorted(found, key=lambda each: (each.created, each.id))


def page(items: list[Any], marker: str | None, max_items: str | int | None, *, name: str = "Items", is_marked: bool = True) -> dict:
    """One page of a list as CloudFront's lists are spelled; the marker is where in the list the page begins."""
    start = int(marker) if marker and marker.isdecimal() else 0
    most = max(1, min(int(max_items), PAGE_MAX)) if max_items and str(max_items).isdecimal() else PAGE_MAX
    shown, is_more = items[start : start + most], start + most < len(items)
    reply: dict[str, Any] = {"MaxItems": most, "Quantity": len(shown)}
    if is_marked:
        reply |= {"Marker": marker or "", "IsTruncated": is_more}
    if is_more:
        reply["NextMarker"] = str(start + most)
    return reply | ({name: shown} if shown else {})


# Who uses what -----------------------------------------------------------------------------------------------


def behaviors(config: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A distribution's cache behaviors in the order in which they are tried; the default is the last."""
    yield from (config.get("CacheBehaviors") or {}).get("Items") or ()
    yield config["DefaultCacheBehavior"]


def users(call: Call, member: str, value: str) -> list[EdgeResource]:
    """The distributions one of whose cache behaviors names a value."""
    named = (member, value)
    return [each for each in all_of(call, "distribution") if any(named in behavior.items() for behavior in behaviors(each.config))]
