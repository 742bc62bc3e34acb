"""Configuration items: how each resource was, from the time it was first seen until it was deleted, and what may be asked of them.

https://docs.aws.amazon.com/config/latest/developerguide/config-item-table.html
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.services.config import recorder as recorders
from kumoniwa.services.config.errors import (
    InvalidLimitException,
    InvalidNextTokenException,
    InvalidTimeRangeException,
    ResourceNotDiscoveredException,
    ValidationException,
)
from kumoniwa.services.config.resource import Found
from kumoniwa.store.rows import Table
from kumoniwa.wire import timestamps

VERSION = "1.3"
DISCOVERED, OK, DELETED = "ResourceDiscovered", "OK", "ResourceDeleted"
ITEMS = Table(
    "config_item",
    """create table if not exists config_item (n integer primary key autoincrement, type text, id text, captured real, status text, body blob);
    create index if not exists config_item_by_resource on config_item (type, id, n);
    create index if not exists config_item_by_time on config_item (captured)""",
)
RESOURCES = Table(
    "config_resource",
    """create table if not exists config_resource (type text, id text, name text, status text, deleted real, n integer,
       primary key (type, id)) without rowid""",
)
"""What is known of each resource: its last item."""
PAGE, PAGE_MAX, IDS_MAX = 10, 100, 20


class Whose(Protocol):
    """The account and the region of an item. A call is one."""

    @property
    def account(self) -> str: ...
    @property
    def region(self) -> str: ...


class Item(NamedTuple):
    n: int
    type: str
    id: str
    captured: float
    status: str
    body: dict[str, Any]
    """``name``, ``arn``, ``configuration``, ``supplementary``, ``tags``, ``relationships`` and ``created``."""

    @property
    def configuration(self) -> Any:
        return self.body["configuration"]

    @property
    def supplementary(self) -> dict[str, Any]:
        return self.body["supplementary"]

    @property
    def tags(self) -> dict[str, str]:
        return self.body["tags"]

    @property
    def name(self) -> str | None:
        return self.body["name"]

    @property
    def state_id(self) -> int:
        return milliseconds(self.captured)


_COLUMNS = "n, type, id, captured, status, body"


def _read(row: tuple) -> Item:
    return Item(*row[:5], orjson.loads(row[5]))


def latest(call: Call, type_: str, id_: str) -> Item | None:
    """How a resource was seen last, be it deleted."""
    row = call.rows(ITEMS, RESOURCES).one(
        "select i.n, i.type, i.id, i.captured, i.status, i.body from config_resource r join config_item i on i.n = r.n where r.type = ? and r.id = ?",
        type_, id_,
    )  # fmt: skip
    return _read(row) if row is not None else None


def standing(call: Call, types: tuple[str, ...] | None = None) -> Iterator[Item]:
    """The resources that there are, of some types or of all, as they were seen last."""
    sql = "select i.n, i.type, i.id, i.captured, i.status, i.body from config_resource r join config_item i on i.n = r.n where r.status != ?"
    if types is None:
        yield from map(_read, call.rows(ITEMS, RESOURCES).all(f"{sql} order by r.type, r.id", DELETED))
        return
    for type_ in types:
        yield from map(_read, call.rows(ITEMS, RESOURCES).all(f"{sql} and r.type = ? order by r.id", DELETED, type_))


def known_ids(call: Call, type_: str) -> list[str]:
    return [id_ for (id_,) in call.rows(RESOURCES).all("select id from config_resource where type = ? and status != ?", type_, DELETED)]


def keep(call: Call, type_: str, id_: str, found: Found | None) -> Item | None:
    """Write down how a resource is found; answers the item if that is news."""
    before = latest(call, type_, id_)
    is_standing = before is not None and before.status != DELETED
    if found is None:
        if not is_standing:
            return None
        body = before.body | {"configuration": None, "supplementary": {}, "tags": {}, "relationships": []}
        status = DELETED
    else:
        body = {
            "name": found.name, "arn": found.arn, "configuration": found.configuration, "supplementary": found.supplementary, "tags": found.tags,
            "relationships": list(found.relationships), "created": found.created,
        }  # fmt: skip
        packed = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
        if is_standing and packed == orjson.dumps(before.body, option=orjson.OPT_SORT_KEYS):
            return None
        status = OK if is_standing else DISCOVERED
    # Two states of one resource have two times.
    captured = call.now() if before is None else max(call.now(), before.captured + 0.001)
    rows = call.rows(ITEMS, RESOURCES)
    ((n,),) = rows.take(
        "insert into config_item (type, id, captured, status, body) values (?,?,?,?,?) returning n", type_, id_, captured, status, orjson.dumps(body)
    )
    rows.run(
        "insert or replace into config_resource values (?,?,?,?,?,?)", type_, id_, body["name"], status, captured if status == DELETED else None, n
    )
    recorders.tell_news(call)
    return Item(n, type_, id_, captured, status, body)


def after(call: Call, n: int) -> list[Item]:
    """Everything that was recorded since an item."""
    return [_read(row) for row in call.rows(ITEMS).all(f"select {_COLUMNS} from config_item where n > ? order by n", n)]


def latest_after(call: Call, n: int, count: int) -> list[Item]:
    """How resources were seen last of which something was recorded since an item, in that order; so many at most. Of the first time,
    those that there are."""
    rows = call.rows(ITEMS, RESOURCES).all(
        "select i.n, i.type, i.id, i.captured, i.status, i.body from config_resource r join config_item i on i.n = r.n where i.n > ? order by i.n limit ?",
        n, count,
    )  # fmt: skip
    return [_read(row) for row in rows]


def before_last(call: Call, item: Item) -> Item | None:
    """How the resource was before an item."""
    row = call.rows(ITEMS).one(
        f"select {_COLUMNS} from config_item where type = ? and id = ? and n < ? order by n desc limit 1", item.type, item.id, item.n
    )
    return _read(row) if row is not None else None


def forget_old(call: Call, until: float) -> None:
    """Items older than the retention, but for the last of each resource that stands."""
    rows = call.rows(ITEMS, RESOURCES)
    rows.run("delete from config_item where captured < ? and n not in (select n from config_resource where status != ?)", until, DELETED)
    rows.run("delete from config_resource where status = ? and deleted < ?", DELETED, until)


# As AWS shows them ---------------------------------------------------------------------------------


def told(call: Whose, item: Item) -> dict[str, Any]:
    """As the files, notifications and events have it: with the configuration as it is, not as a text."""
    body = item.body
    return {
        "relatedEvents": [],
        "relationships": [
            {"resourceId": each.get("resourceId"), "resourceName": each.get("resourceName"), "resourceType": each["resourceType"], "name": each["relationshipName"]}
            for each in body["relationships"]
        ],
        "configuration": body["configuration"],
        "supplementaryConfiguration": body["supplementary"],
        "tags": body["tags"],
        "configurationItemVersion": VERSION,
        "configurationItemCaptureTime": timestamps.to_millisecond(item.captured),
        "configurationStateId": item.state_id,
        "awsAccountId": call.account,
        "configurationItemStatus": item.status,
        "resourceType": item.type,
        "resourceId": item.id,
        "resourceName": body["name"],
        "ARN": body["arn"],
        "awsRegion": _region(call, item),
        "availabilityZone": _zone(item),
        "configurationStateMd5Hash": "",
        "resourceCreationTime": timestamps.to_millisecond(body["created"]) if body["created"] is not None else None,
    }  # fmt: skip


def _region(call: Whose, item: Item) -> str:
    return "global" if item.type in recorders.GLOBAL_TYPES else call.region


def _zone(item: Item) -> str:
    return "Not Applicable" if item.type in recorders.GLOBAL_TYPES else "Regional"


def base(call: Whose, item: Item) -> dict[str, Any]:
    body = item.body
    shown = {
        "version": VERSION, "accountId": call.account, "configurationItemCaptureTime": item.captured, "configurationItemStatus": item.status,
        "configurationStateId": str(item.state_id), "arn": body["arn"], "resourceType": item.type, "resourceId": item.id,
        "resourceName": body["name"],
        "awsRegion": _region(call, item), "availabilityZone": _zone(item), "resourceCreationTime": body["created"],
        "configuration": _text(body["configuration"]) if item.status != DELETED else None,
        "supplementaryConfiguration": {name: _text(value) for name, value in body["supplementary"].items()},
    }  # fmt: skip
    return {name: value for name, value in shown.items() if value is not None}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def shown(call: Whose, item: Item) -> dict[str, Any]:
    return base(call, item) | {
        "configurationItemMD5Hash": "", "tags": item.tags, "relatedEvents": [], "relationships": item.body["relationships"],
    }  # fmt: skip


# Operations ----------------------------------------------------------------------------------------


def page_size(limit: int | None, unasked: int, most: int = PAGE_MAX) -> int:
    if limit is not None and not 0 <= limit <= most:
        side = "greater than or equal to 0" if limit < 0 else f"less than or equal to {most}"
        raise InvalidLimitException(f"Value '{limit}' at 'limit' failed to satisfy constraint: Member must have value {side}")
    return limit or unasked


def place_of(token: str | None) -> int:
    if token is None:
        return 0
    try:
        head, _, number = base64.urlsafe_b64decode(token.encode()).partition(b":")
        if head == b"config" and number.isdigit():
            return int(number)
    except (binascii.Error, ValueError):
        pass
    raise InvalidNextTokenException


def token_of(place: int) -> str:
    return base64.urlsafe_b64encode(b"config:%d" % place).decode()


def page(listed: list[Any], limit: int | None, token: str | None, *, unasked: int = PAGE_MAX, most: int = PAGE_MAX) -> tuple[list[Any], str | None]:
    """One page of a list, and the token of the next."""
    size, start = page_size(limit, unasked, most), place_of(token)
    return listed[start : start + size], token_of(start + size) if start + size < len(listed) else None


def with_token(reply: dict[str, Any], token: str | None, name: str = "nextToken") -> dict[str, Any]:
    return reply if token is None else {**reply, name: token}


def GetResourceConfigHistory(
    call: Call, *, resourceType: str, resourceId: str, laterTime: float | None = None, earlierTime: float | None = None,
    chronologicalOrder: str | None = None, limit: int | None = None, nextToken: str | None = None,
) -> dict:  # fmt: skip
    if laterTime is not None and earlierTime is not None and laterTime < earlierTime:
        raise InvalidTimeRangeException("The specified time range is not valid: earlierTime is later than laterTime.")
    if call.rows(RESOURCES).one("select 1 from config_resource where type = ? and id = ?", resourceType, resourceId) is None:
        raise ResourceNotDiscoveredException(f"Resource {resourceId} of resourceType:{resourceType} is unknown or has not been discovered")
    order = "asc" if chronologicalOrder == "Forward" else "desc"
    rows = call.rows(ITEMS).all(
        f"select {_COLUMNS} from config_item where type = ? and id = ? and captured >= ? and captured <= ? order by n {order}",
        resourceType, resourceId, earlierTime or 0.0, laterTime if laterTime is not None else call.now() + 1,
    )  # fmt: skip
    items, token = page(rows, limit, nextToken, unasked=PAGE)
    return with_token({"configurationItems": [shown(call, _read(row)) for row in items]}, token)


def ListDiscoveredResources(
    call: Call, *, resourceType: str, resourceIds: list[str] | None = None, resourceName: str | None = None,
    includeDeletedResources: bool | None = None, limit: int | None = None, nextToken: str | None = None,
) -> dict:  # fmt: skip
    if resourceIds and resourceName:
        raise ValidationException("Both Resource ID and Resource Name cannot be specified in the request")
    if len(resourceIds or ()) > IDS_MAX:
        raise ValidationException(f"The specified list had more than {IDS_MAX} resource ID's. It must have '{IDS_MAX}' or less items")
    page_size(limit, PAGE_MAX)
    listed = []
    for id_, name, status, deleted in call.rows(RESOURCES).all(
        "select id, name, status, deleted from config_resource where type = ? order by id", resourceType
    ):
        is_wanted = (not resourceIds or id_ in resourceIds) and resourceName in (None, name)
        if is_wanted and (status != DELETED or includeDeletedResources):
            shown = {"resourceType": resourceType, "resourceId": id_, "resourceName": name, "resourceDeletionTime": deleted}
            listed.append({member: value for member, value in shown.items() if value is not None})
    found, token = page(listed, limit, nextToken)
    return with_token({"resourceIdentifiers": found}, token)


def GetDiscoveredResourceCounts(
    call: Call, *, resourceTypes: list[str] | None = None, limit: int | None = None, nextToken: str | None = None
) -> dict:
    counted = call.rows(RESOURCES).all(
        "select type, count(*) from config_resource where status != ? group by type order by count(*) desc, type", DELETED
    )
    listed = [{"resourceType": type_, "count": count} for type_, count in counted if not resourceTypes or type_ in resourceTypes]
    found, token = page(listed, limit, nextToken)
    return with_token({"totalDiscoveredResources": sum(each["count"] for each in listed), "resourceCounts": found}, token)


def BatchGetResourceConfig(call: Call, *, resourceKeys: list[dict[str, str]]) -> dict:
    """What is not known is not among the answers, and not among what could not be looked at either."""
    items = (latest(call, key["resourceType"], key["resourceId"]) for key in resourceKeys)
    shown = [base(call, item) for item in items if item is not None and item.status != DELETED]
    return {"baseConfigurationItems": shown, "unprocessedResourceKeys": []}
