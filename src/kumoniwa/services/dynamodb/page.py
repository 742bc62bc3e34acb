"""One page of Query or Scan, over a table or one of its indexes.

The range, the order and the start of a page are SQL; filter and projection are closures over items. An item
that is answered whole is never parsed: its JSON goes from the row into the reply.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import Any

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import ValidationException
from kumoniwa.languages.dynamodb import legacy
from kumoniwa.languages.dynamodb.condition import key_conditions
from kumoniwa.languages.dynamodb.request import bind, refuse_mixing
from kumoniwa.languages.dynamodb.value import INVALID, Item, check_item, item_bytes
from kumoniwa.services.dynamodb import capacity, figures, sealing
from kumoniwa.services.dynamodb.item import ITEMS, PLACES, is_filling, joint, shown, stored_at, tied
from kumoniwa.services.dynamodb.key import KeySchema, Range, segment_of
from kumoniwa.services.dynamodb.sealing import OPEN_PLACES
from kumoniwa.services.dynamodb.table import IndexLayout, Layout, existing, refuse_nested
from kumoniwa.services.dynamodb.unlocking import find

PAGE_BYTES_MAX = 1 << 20
_BAD_START = "The provided starting key is invalid"


class Read:
    """What a Query or Scan asks for, bound and checked."""

    __slots__ = (
        "layout",
        "index",
        "test",
        "test_values",
        "project",
        "attributes",
        "counts_only",
        "fetches",
        "is_consistent",
        "places",
        "is_tied",
        "asked",
    )

    def __init__(
        self, call: Call, layout: Layout | None, params: dict[str, Any], expressions: list, is_query: bool
    ) -> None:
        get = params.get
        filtering, projecting = expressions
        self.layout = layout
        self.test = self.project = None
        self.test_values: Any = get("ExpressionAttributeValues") or {}
        self.attributes: frozenset[str] | None = None
        filtered: frozenset[str] = frozenset()
        if filtering is not None:
            self.test, filtered = filtering.test, filtering.attributes
        old_filter = get("QueryFilter") if is_query else get("ScanFilter")
        if old_filter is not None or get("ConditionalOperator") is not None:
            bound = legacy.filter_plan(old_filter or {}, get("ConditionalOperator"))
            if bound is not None:
                self.test, self.test_values, filtered = bound[0].test, bound[1], bound[0].attributes
        if projecting is not None:
            self.project, self.attributes = projecting.project, projecting.attributes
        elif get("AttributesToGet") is not None:
            self.project, self.attributes = (
                legacy.attributes_projection(get("AttributesToGet")),
                frozenset(get("AttributesToGet")),
            )
        self.asked: Item | None = None
        """The partition that is queried, where somebody counts it."""
        self.is_consistent = bool(get("ConsistentRead"))
        layout = self.layout = existing(layout)
        self.index = self._index(call, layout, get("IndexName"))
        self.is_tied = self.index is not None and self.index.id in layout.tied_ids
        self.places = "" if self.index is None else PLACES.name
        """Where what is read has its order, if not in the items themselves: an encrypted table's is in memory."""
        if layout.encryption is not None:
            self.places = OPEN_PLACES.name
        self.counts_only = get("Select") == "COUNT"
        self.fetches = self._fetches(get("Select"))
        if is_query and filtered:
            self._refuse_keys(filtered, "Filter Expression" if filtering is not None else "QueryFilter")

    def _index(self, call: Call, layout: Layout, name: str | None) -> IndexLayout | None:
        if name is None:
            return None
        index = layout.by_name.get(name)
        if index is None:
            raise ValidationException(f"The table does not have the specified index: {name}")
        if index.is_global and self.is_consistent:
            raise ValidationException("Consistent reads are not supported on global secondary indexes")
        if index.is_global and is_filling(call, index.id):
            raise ValidationException(f"Cannot read from backfilling global secondary index: {name}")
        return index

    def _fetches(self, select: str | None) -> bool:
        """Whether items must be fetched whole although the index does not hold all of them. Only local
        indexes can.
        """
        index = self.index
        if index is None or index.kept is None:
            return False
        if select == "ALL_ATTRIBUTES":
            if index.is_global:
                raise ValidationException(
                    f"{INVALID}Select type ALL_ATTRIBUTES is not supported for global secondary index {index.name} "
                    "because its projection type is not ALL"
                )
            return True
        missing = (self.attributes or frozenset()) - frozenset(index.kept)
        if missing and index.is_global:
            raise ValidationException(
                f"{INVALID}Global secondary index {index.name} does not project [{', '.join(sorted(missing))}]"
            )
        return bool(missing)

    def _refuse_keys(self, filtered: frozenset[str], what: str) -> None:
        for name in self.schema.names:
            if name in filtered:
                raise ValidationException(
                    f"{what} can only contain non-primary key attributes: Primary key attribute: {name}"
                )

    @property
    def schema(self) -> KeySchema:
        return self.index.key if self.index is not None else self.layout.key

    @property
    def partitioned_by(self) -> tuple[str, ...]:
        table, index = self.layout.record, self.index
        return (table.hash_name,) if index is None else next(each.hashes for each in table.indexes if each.id == index.id)

    def begin(self) -> list[Any]:
        """The first arguments of its SQL."""
        if not self.places:
            return [self.layout.id]
        return [self.layout.id, self.index.id if self.index is not None else self.layout.id]


def _check_select(params: dict[str, Any], prefix: str = "") -> None:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Query.html. That a query says ``prefix`` before these texts,
    a scan does not, and both speak of querying, moto verified against AWS in August 2026 (``test_dynamodb_select.py``)."""
    select = params.get("Select")
    if select is None:
        return
    given = next(
        (name for name in ("ProjectionExpression", "AttributesToGet") if params.get(name) is not None), None
    )
    text = ""
    if select == "ALL_PROJECTED_ATTRIBUTES" and params.get("IndexName") is None:
        text = "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName"
    elif select == "SPECIFIC_ATTRIBUTES":
        if given is None:
            text = "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES"
    elif given is not None:
        what = "only the Count" if select == "COUNT" else select
        text = f"Cannot specify the {given} when choosing to get {what}"
    if text:
        raise ValidationException(prefix + text)


# Query ---------------------------------------------------------------------------------------------


def _refuse_nested(read: Read, expressions: list) -> None:
    for plan in expressions:
        if plan is not None and plan.nested_attributes:
            refuse_nested(read.layout, plan.nested_attributes)


def _key_attributes(layout: Layout | None, index_name: str | None) -> int:
    """How many attributes may make the key that is asked for: AWS counts conditions before it looks for the table."""
    index = layout.by_name.get(index_name) if layout is not None and index_name is not None else None
    return 2 if index is None else max(2, len(index.key.names))


def query(call: Call, params: dict[str, Any]) -> Callable[[], dict[str, Any]]:
    """What answers a Query. Raises what is wrong with it."""
    get = params.get
    layout = find(call, params["TableName"])
    names, values, key_text = (
        get("ExpressionAttributeNames"),
        get("ExpressionAttributeValues"),
        get("KeyConditionExpression"),
    )
    refuse_mixing(
        {name: get(name) for name in ("ProjectionExpression", "FilterExpression", "KeyConditionExpression")},
        {
            name: get(name)
            for name in ("AttributesToGet", "QueryFilter", "ConditionalOperator", "KeyConditions")
        },
        names,
        values,
    )
    start = get("ExclusiveStartKey")
    check_start(start)
    _check_select(params, "1 validation error detected: ")
    if key_text is None and get("KeyConditions") is None:
        raise ValidationException(
            "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request."
        )
    keys, *expressions = bind(
        names,
        values,
        ("KeyConditionExpression", key_text),
        ("FilterExpression", get("FilterExpression")),
        ("ProjectionExpression", get("ProjectionExpression")),
    )
    most = _key_attributes(layout, get("IndexName"))
    if keys is None:
        conditions = legacy.legacy_key_conditions(get("KeyConditions"), most)
    else:
        conditions = key_conditions(keys, values or {})
        legacy.refuse_count(len(conditions), most)
    read = Read(call, layout, params, expressions, is_query=True)
    _refuse_nested(read, expressions)
    stretch = read.schema.range_of(conditions)
    if read.layout.insights is not None:
        read.asked = {name: conditions[name][1][0] for name in read.partitioned_by}
    forward = get("ScanIndexForward") is not False
    return partial(along, call, read, stretch, start, get("Limit"), get("ReturnConsumedCapacity"), forward=forward)


def along(
    call: Call, read: Read, stretch: Range, start: Item | None, limit: int | None, detail: str | None, *, forward: bool
) -> dict[str, Any]:
    """A page of a stretch of one partition."""
    at = None
    if start is not None:
        # The start lies within the range and takes the place of one of its ends: SQLite searches by one bound only.
        at = _query_start(call, read, start, stretch)
        stretch = stretch._replace(low=None) if forward else stretch._replace(high=None)
    sql = _query_sql(
        read.places, read.is_tied, stretch.low is not None, stretch.low_is_open, stretch.high is not None, stretch.high_is_open,
        forward, at is not None,
    )  # fmt: skip
    args = [*read.begin(), read.schema.partition(stretch.hash_key)]
    args += [bound for bound in (stretch.low, stretch.high) if bound is not None]
    args += at or ()
    return _page(call, read, sql, args, limit, detail)


_BASE = "select i.size, i.item from dynamodb_item i where i.tbl = ? and "
_JOINED = "select i.size, i.item{} from {} p cross join dynamodb_item i on i.tbl = ? and {} where p.idx = ? and "


def _select(places: str, is_tied: bool) -> str:
    """Rows of a table, by the places of an index if there are some. A sealed row is opened by its place."""
    return _JOINED.format(", i.pk, i.sk" if places == OPEN_PLACES.name else "", places, joint(is_tied)) if places else _BASE


@lru_cache(256)
def _query_sql(
    places: str, is_tied: bool, low: bool, low_open: bool, high: bool, high_open: bool, forward: bool, is_continued: bool
) -> str:
    side = "p" if places else "i"
    sort, sql = f"{side}.sk", f"{_select(places, is_tied)}{side}.pk = ?"
    if low:
        sql += f" and {sort} {'>' if low_open else '>='} ?"
    if high:
        sql += f" and {sort} {'<' if high_open else '<='} ?"
    order = ("p.sk", "p.item_pk", "p.item_sk") if places else ("i.sk",)
    if is_continued:
        compare = ">" if forward else "<"
        sql += f" and ({', '.join(order)}) {compare} ({', '.join('?' * len(order))})"
    direction = "" if forward else " desc"
    return f"{sql} order by {', '.join(part + direction for part in order)} limit ?"


def check_start(start: Item | None) -> None:
    if start is None:
        return
    try:
        check_item(start)
    except ValidationException as refusal:
        raise ValidationException(f"{_BAD_START}: {refusal.text}") from None


def _start_keys(read: Read, start: Item) -> tuple[tuple[bytes, bytes], tuple[bytes, bytes] | None]:
    """The place in the index or table, and the item's own key if it is an index's."""
    names = dict.fromkeys((*read.schema.names, *read.layout.key.names))
    if start.keys() != names.keys():
        raise ValidationException(
            _BAD_START
            if len(start) == len(names)
            else f"{_BAD_START}: The provided key element does not match the schema"
        )
    try:
        own = read.layout.key.of_key({name: start[name] for name in read.layout.key.names})
        if read.index is None:
            return own, None
        return read.schema.of_key({name: start[name] for name in read.schema.names}), own
    except ValidationException as refusal:
        raise ValidationException(f"{_BAD_START}: {refusal.text}") from None


def _lies(call: Call, read: Read, own: tuple[bytes, bytes]) -> list[bytes]:
    """The last part of a place: where the row of the item lies that has this key."""
    if not read.places:
        return []
    plain = read.layout.key.partition(own[0]), own[1]
    at = stored_at(call, read.layout, *plain)
    return [*(tied(read.layout, plain, at) if read.is_tied else at)]


def _query_start(call: Call, read: Read, start: Item, stretch: Range) -> list[bytes]:
    (hash_key, sort_key), own = _start_keys(read, start)
    if read.index is None and not read.schema.range_name:
        # Nothing can follow the one item of a partition: scylladb/scylladb, test_query_no_sort_key_exclusive_start_key.
        [(name, [(kind, content)])] = ((name, value.items()) for name, value in start.items())
        raise ValidationException(
            f"The provided exclusive start key is invalid: ExclusiveStartKey: {{{name}=AttributeValue: {{{kind}:{content}}}}}"
        )
    if hash_key != stretch.hash_key:
        raise ValidationException(
            "The provided starting key is outside query boundaries based on provided conditions"
        )
    if not stretch.holds(sort_key):
        raise ValidationException("The provided starting key does not match the range key predicate")
    return [sort_key, *_lies(call, read, own or (hash_key, sort_key))]


# Scan ----------------------------------------------------------------------------------------------


def scan(call: Call, params: dict[str, Any]) -> Callable[[], dict[str, Any]]:
    """What answers a Scan. Raises what is wrong with it."""
    get = params.get
    layout = find(call, params["TableName"])
    names, values = get("ExpressionAttributeNames"), get("ExpressionAttributeValues")
    refuse_mixing(
        {name: get(name) for name in ("ProjectionExpression", "FilterExpression")},
        {name: get(name) for name in ("AttributesToGet", "ScanFilter", "ConditionalOperator")},
        names,
        values,
    )
    segment, total = get("Segment"), get("TotalSegments")
    _check_segment(segment, total)
    start = get("ExclusiveStartKey")
    check_start(start)
    _check_select(params)
    expressions = bind(
        names,
        values,
        ("FilterExpression", get("FilterExpression")),
        ("ProjectionExpression", get("ProjectionExpression")),
    )
    read = Read(call, layout, params, expressions, is_query=False)
    _refuse_nested(read, expressions)
    return partial(across, call, read, start, get("Limit"), get("ReturnConsumedCapacity"), segment, total)


def across(
    call: Call, read: Read, start: Item | None, limit: int | None, detail: str | None, segment: int | None = None,
    total: int | None = None,
) -> dict[str, Any]:  # fmt: skip
    """A page of a whole table or index, or of one segment of it."""
    at = _scan_start(call, read, start, segment, total) if start is not None else None
    low, high = _segment_bounds(segment, total) if total is not None else (None, None)
    if at is not None:
        low = None
    args = read.begin()
    args += [bound for bound in (low, high) if bound is not None]
    args += at or ()
    sql = _scan_sql(read.places, read.is_tied, low is not None, high is not None, at is not None)
    return _page(call, read, sql, args, limit, detail)


def _check_segment(segment: int | None, total: int | None) -> None:
    if segment is not None and total is None:
        raise ValidationException(
            "The TotalSegments parameter is required but was not present in the request when Segment parameter is present"
        )
    if total is not None and segment is None:
        raise ValidationException(
            "The Segment parameter is required but was not present in the request when parameter TotalSegments is present"
        )
    if segment is not None and segment >= total:
        raise ValidationException(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: "
            f"Segment: {segment} is not less than TotalSegments: {total}"
        )


def _segment_bounds(segment: int, total: int) -> tuple[bytes | None, bytes | None]:
    """Where the hashes of a segment's partitions (``key.segment_of``) begin and end."""
    low, high = ((edge << 32) // total + bool((edge << 32) % total) for edge in (segment, segment + 1))
    return low.to_bytes(4, "big"), high.to_bytes(4, "big") if high < 1 << 32 else None


@lru_cache(64)
def _scan_sql(places: str, is_tied: bool, low: bool, high: bool, is_continued: bool) -> str:
    side = "p" if places else "i"
    sql = _select(places, is_tied) + "1"
    if low:
        sql += f" and {side}.pk >= ?"
    if high:
        sql += f" and {side}.pk < ?"
    order = ("p.pk", "p.sk", "p.item_pk", "p.item_sk") if places else ("i.pk", "i.sk")
    if is_continued:
        sql += f" and ({', '.join(order)}) > ({', '.join('?' * len(order))})"
    return f"{sql} order by {', '.join(order)} limit ?"


def _scan_start(call: Call, read: Read, start: Item, segment: int | None, total: int | None) -> list[bytes]:
    (hash_key, sort_key), own = _start_keys(read, start)
    pk = read.schema.partition(hash_key)
    if total is not None and segment_of(pk, total) != segment:
        raise ValidationException(
            f"{_BAD_START}: Invalid ExclusiveStartKey. Please use ExclusiveStartKey with correct Segment. "
            f"TotalSegments: {total} Segment: {segment}"
        )
    return [pk, sort_key, *_lies(call, read, own or (hash_key, sort_key))]


# Both ----------------------------------------------------------------------------------------------


def _page(
    call: Call, read: Read, sql: str, args: list[Any], limit: int | None, detail: str | None
) -> dict[str, Any]:
    """Rows until the limit or 1 MB; what does not pass the filter counts towards both."""
    keep = _keeper(call, read)
    index = read.index
    is_whole = index is None or index.kept is None
    found: list[Any] = []
    scanned = count = total = fetched = 0
    last = None
    is_cut = False
    met: list[tuple[Item, int]] | None = [] if read.layout.insights is not None and read.asked is None else None
    rows = call.rows(ITEMS, PLACES).each(sql, *args, -1 if limit is None else limit)
    for size, body in rows if read.layout.encryption is None else _unsealed(call, read, rows):
        content = None
        if not is_whole:
            content = orjson.loads(body)
            kept = index.projected(content)
            size, fetched = (
                item_bytes(kept),
                fetched + capacity.read_units(size, is_consistent=read.is_consistent),
            )
            content = content if read.fetches else kept
        if total + size > PAGE_BYTES_MAX and scanned:
            is_cut = True
            break
        total += size
        scanned += 1
        last = body
        if met is not None:
            met.append((orjson.loads(body), size))
        item = keep(body, content)
        if item is not None:
            count += 1
            found.append(item)
    reply: dict[str, Any] = {"Count": count, "ScannedCount": scanned}
    if not read.counts_only:
        reply["Items"] = found
    if last is not None and (is_cut or scanned == limit):
        key = orjson.loads(last)
        reply["LastEvaluatedKey"] = {
            name: key[name] for name in dict.fromkeys((*read.schema.names, *read.layout.key.names))
        }
    _count(call, read, total, fetched, met)
    if detail is not None and detail != "NONE":
        reply["ConsumedCapacity"] = _consumed(read, total, fetched, detail)
    return reply


def _unsealed(call: Call, read: Read, rows: Any) -> Iterator[tuple[int, bytes]]:
    seal = sealing.of(call, read.layout.encryption)
    for size, sealed, *at in rows:
        yield size, seal.plain_body(at, sealed)


def _count(call: Call, read: Read, total: int, fetched: float, met: list[tuple[Item, int]] | None) -> None:
    units = capacity.read_units(total, is_consistent=read.is_consistent)
    if read.index is not None and read.index.is_global:
        figures.read_index(call, read.layout, read.index.name, units, read.asked, met)
    else:
        figures.read(call, read.layout, units + (fetched if read.fetches else 0.0), read.asked, scanned=met)


def _keeper(call: Call, read: Read) -> Callable[[bytes, Item | None], Any]:
    """What is answered for a row, ``keep(body, content) -> item | None``; ``content`` only if it is less
    than ``body``.
    """
    test, values, project, counts_only = read.test, read.test_values, read.project, read.counts_only
    if test is None and project is None:
        if counts_only:
            return lambda body, content: True
        return lambda body, content: shown(call, body) if content is None else content

    def keep(body: bytes, content: Item | None) -> Any:
        item = orjson.loads(body) if content is None else content
        if test is not None and not test(item, values):
            return None
        if project is not None:
            return project(item)
        return shown(call, body) if content is None and not counts_only else item

    return keep


def _consumed(read: Read, total: int, fetched: float, detail: str) -> dict[str, Any]:
    units = capacity.read_units(total, is_consistent=read.is_consistent)
    if read.index is None:
        return capacity.consumed(read.layout.name, units, detail=detail)
    own = {read.index.name: units}
    if read.index.is_global:
        return capacity.consumed(read.layout.name, 0.0, detail=detail, global_indexes=own)
    return capacity.consumed(
        read.layout.name, fetched if read.fetches else 0.0, detail=detail, local_indexes=own
    )
