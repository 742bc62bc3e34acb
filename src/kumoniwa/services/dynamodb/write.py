"""One write of one item, from PutItem, UpdateItem, DeleteItem, a batch or a transaction.

It is prepared (expressions are compiled and bound), placed (its key is found), judged (what is there is read, the
condition asked, the new item made) and stored. A transaction does each of these for all of its writes before the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, ValidationException
from kumoniwa.languages.dynamodb import legacy
from kumoniwa.languages.dynamodb.request import bind, refuse_mixing
from kumoniwa.languages.dynamodb.value import (
    INVALID,
    ITEM_BYTES_MAX,
    Item,
    check_item,
    check_nesting,
    item_bytes,
)
from kumoniwa.services.dynamodb import capacity, figures, item, replication, throughput
from kumoniwa.services.dynamodb.key import EmptyIndexKey, WrongIndexKey
from kumoniwa.services.dynamodb.table import Layout, existing, refuse_nested
from kumoniwa.services.dynamodb.unlocking import find

PUT, UPDATE, DELETE, CHECK = "Put", "Update", "Delete", "ConditionCheck"
_UNFIT_INDEX_KEY = "The update expression attempted to update the secondary index key to unsupported type"
_NOTHING: dict = {}
_UNREAD: Any = object()


class ConditionalCheckFailedException(AwsError):
    message = "The conditional request failed"


class DuplicateItemException(AwsError):
    message = "Duplicate primary key exists in table"


class Write:
    __slots__ = (
        "kind", "layout", "key", "item", "size", "condition", "condition_values", "looked_into", "update", "update_values", "shows_old",
        "pk", "sk", "is_old_known", "old", "old_body", "old_size", "old_version", "new", "body",
    )  # fmt: skip

    def __init__(self, kind: str, table: Layout | None, shows_old: str | None) -> None:
        self.kind = kind
        self.layout = table
        self.shows_old = shows_old == "ALL_OLD"
        self.condition = self.update = self.old = self.old_body = self.old_version = self.new = None
        self.looked_into: frozenset[str] = frozenset()
        """Attributes that the condition looks into."""
        self.is_old_known = False
        self.body = b""
        self.condition_values: Mapping = _NOTHING
        self.update_values: Mapping = _NOTHING
        self.old_size = self.size = 0

    @property
    def named(self) -> Item:
        """What has the attributes of the key: an item, or a key."""
        return self.item if self.kind == PUT else self.key

    def place(self) -> Write:
        """Find the key. Raises ValidationException if it does not fit the table, or if an index's would not."""
        layout = self.layout = existing(self.layout)
        if self.looked_into:
            refuse_nested(layout, self.looked_into)
        if self.kind == PUT:
            hash_key, self.sk = layout.key.of_item(self.item)
            self.pk = layout.key.partition(hash_key)
            if layout.indexes:
                item.check_places(layout, self.item)
            return self
        hash_key, self.sk = layout.key.of_key(self.key)
        self.pk = layout.key.partition(hash_key)
        if self.update is not None:
            self._check_targets(layout)
        return self

    def _check_targets(self, layout: Layout) -> None:
        for name in layout.key.names:
            if name in self.update.targets:
                raise ValidationException(
                    f"{INVALID}Cannot update attribute {name}. This attribute is part of the key"
                )
        if not self.update.targets.isdisjoint(layout.index_key_kinds):
            # What the request itself tells of an index's key: recorded from AWS by architect/dynalite, test/updateItem.js.
            try:
                item.check_places(layout, self.update.given(self.update_values))
            except EmptyIndexKey as refusal:
                raise refusal.of_update() from None
        if self.update.nested_attributes:
            refuse_nested(layout, self.update.nested_attributes)

    def judge(self, call: Call, *, needs_old: bool = True, found: Any = _UNREAD) -> None:
        """Read what is there, ask the condition, make what will be there. ``found`` is what is there (as ``item.read`` says it), if
        the caller knows better than the table.

        Raises ConditionalCheckFailedException, ValidationException if the update does not fit the item, or what AWS answers who is throttled.
        """
        layout = self.layout
        limits = layout.limits
        if limits is not None:
            figures.admit(call, layout, throughput.WRITE, self.named)
        if needs_old or self.kind == UPDATE or self.condition is not None or layout.needs_old:
            self.is_old_known = True
            if found is _UNREAD:
                found = item.read(call, layout, self.pk, self.sk)
            self.old_size, self.old_body, self.old_version = found if found is not None else (0, None, None)
            self.old = orjson.loads(self.old_body) if self.old_body is not None else None
        if self.condition is not None and not self.condition(self.old or _NOTHING, self.condition_values):
            # It costs what a write would: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/WorkingWithItems.html
            figures.written(call, layout, capacity.write_units(self.old_size, self.size), {}, self.named)
            if self.shows_old and self.old_body is not None:
                raise ConditionalCheckFailedException(Item=item.shown(call, self.old_body))
            raise ConditionalCheckFailedException
        if self.kind == PUT:
            self.new = self.item
        elif self.kind == UPDATE:
            self._make_new(layout)
        elif self.kind == CHECK:
            self.new, self.size = self.old, self.old_size
        if limits is not None and layout.indexes:
            # A global index that cannot keep up holds its table's writes back:
            # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/gsi-throttling.html
            limits.admit(call, throughput.WRITE, item.index_units(layout, self.old, self.new)[True])

    def _make_new(self, layout: Layout) -> None:
        if self.old is None and self.update is not None and self.update.only_removes:
            # There stays nothing, not even of the way that the update goes: scylladb/scylladb, test_update_item_non_existent and
            # test_nested_attribute_remove_from_missing_item.
            return
        self.new = self.old if self.old is not None else dict(self.key)
        if self.update is not None:
            self.new = self.update.apply(self.new, self.update_values)
            check_nesting(self.new)
        self.size = item_bytes(self.new)
        if self.size > ITEM_BYTES_MAX:
            raise ValidationException("Item size to update has exceeded the maximum allowed size")
        if (
            layout.indexes
            and self.update is not None
            and not self.update.targets.isdisjoint(layout.index_key_kinds)
        ):
            try:
                item.check_places(layout, self.new)
            except WrongIndexKey:
                raise ValidationException(_UNFIT_INDEX_KEY) from None
            except EmptyIndexKey as refusal:
                raise refusal.of_update() from None

    def made(self) -> tuple[int, bytes | None]:
        """Size and JSON of what will be there, if anything will be, after ``judge``."""
        if self.new is None:
            return 0, None
        self.body = orjson.dumps(self.new)
        return self.size, self.body

    def store(self, call: Call, *, is_transactional: bool = False) -> None:
        if self.kind == CHECK:
            return
        layout = self.layout
        if self.new is not None:
            if layout.is_legacy:
                self.new, self.size = replication.marked(call, self.new)
            self.body = orjson.dumps(self.new)
        self.count(call, is_transactional=is_transactional)
        if self.new is None and self.old is None and self.is_old_known:
            return
        item.replace(
            call,
            layout,
            self.pk,
            self.sk,
            self.old,
            self.new,
            size=self.size,
            body=self.body,
            old_body=self.old_body,
            old_size=self.old_size,
            old_version=self.old_version,
        )

    def count(self, call: Call, *, is_transactional: bool = False) -> None:
        """Measure and take what the write costs, after ``judge``."""
        layout = self.layout
        units = capacity.write_units(self.old_size, self.size, is_transactional=is_transactional)
        if not layout.indexes:
            figures.written(call, layout, units, {}, self.named)
            return
        indexes = item.index_units(layout, self.old, self.new)
        figures.written(call, layout, units + sum(indexes[False].values()), indexes[True], self.named, (self.old, self.new))

    def consumed(self, detail: str, *, is_transactional: bool = False) -> dict:
        """An entry of ConsumedCapacity; only after ``judge`` with ``needs_old``."""
        units = capacity.write_units(self.old_size, self.size, is_transactional=is_transactional)
        indexes = item.index_units(self.layout, self.old, self.new)
        return capacity.consumed(
            self.layout.name, units, detail=detail, global_indexes=indexes[True], local_indexes=indexes[False],
            also="WriteCapacityUnits" if is_transactional else "",
        )  # fmt: skip

    def metrics(self, call: Call) -> dict | None:
        return item.collection_metrics(
            call, self.layout, self.pk, self.item if self.kind == PUT else self.key
        )


# Preparing -----------------------------------------------------------------------------------------


def put(
    call: Call, table: str, content: Item, condition: str | None, names: dict | None, values: dict | None, shows_old: str | None,
    expected: dict | None = None, operator: str | None = None,
) -> Write:  # fmt: skip
    write = Write(PUT, find(call, table), shows_old)
    _check_mixing(condition, names, values, expected, operator)
    write.item = content
    write.size = check_item(content)
    if write.size > ITEM_BYTES_MAX:
        raise ValidationException("Item size has exceeded the maximum allowed size")
    _condition(write, condition, names, values, expected, operator)
    return write


def _check_mixing(condition: str | None, names: dict | None, values: dict | None, expected: dict | None, operator: str | None) -> None:
    if condition is not None or names is not None or values is not None or expected is not None or operator is not None:
        refuse_mixing({"ConditionExpression": condition}, {"Expected": expected, "ConditionalOperator": operator}, names, values)


def _condition(
    write: Write,
    condition: str | None,
    names: dict | None,
    values: dict | None,
    expected: dict | None,
    operator: str | None,
) -> None:
    if condition is not None:
        [plan] = bind(names, values, ("ConditionExpression", condition))
        write.condition, write.condition_values, write.looked_into = plan.test, values or _NOTHING, plan.nested_attributes
    elif expected is not None or operator is not None:
        bound = legacy.expected_plan(expected or {}, operator)
        if bound is not None:
            write.condition, write.condition_values = bound[0].test, bound[1]


def delete(
    call: Call, table: str, key: Item, condition: str | None, names: dict | None, values: dict | None, shows_old: str | None,
    expected: dict | None = None, operator: str | None = None, *, kind: str = DELETE,
) -> Write:  # fmt: skip
    write = Write(kind, find(call, table), shows_old)
    _check_mixing(condition, names, values, expected, operator)
    write.key = key
    check_item(key)
    _condition(write, condition, names, values, expected, operator)
    return write


def update(
    call: Call, table: str, key: Item, expression: str | None, condition: str | None, names: dict | None, values: dict | None,
    shows_old: str | None, updates: dict | None = None, expected: dict | None = None, operator: str | None = None,
) -> Write:  # fmt: skip
    write = Write(UPDATE, find(call, table), shows_old)
    refuse_mixing(
        {"UpdateExpression": expression, "ConditionExpression": condition},
        {"AttributeUpdates": updates, "Expected": expected, "ConditionalOperator": operator},
        names,
        values,
    )
    write.key = key
    check_item(key)
    if expression is not None or condition is not None:
        changing, testing = bind(
            names, values, ("UpdateExpression", expression), ("ConditionExpression", condition)
        )
        if changing is not None:
            write.update, write.update_values = changing, values or _NOTHING
        if testing is not None:
            write.condition, write.condition_values, write.looked_into = testing.test, values or _NOTHING, testing.nested_attributes
    elif updates is not None or expected is not None or operator is not None:
        if updates is not None:
            write.update, write.update_values = legacy.updates_plan(updates)
        _condition(write, None, None, None, expected, operator)
    return write


def of_action(call: Call, action: dict[str, Any]) -> Write:
    """One of TransactWriteItems' actions."""
    if len(action) != 1:
        raise ValidationException("TransactItems can only contain one of Check, Put, Update or Delete")
    [(kind, given)] = action.items()
    get = given.get
    shared = (
        get("ConditionExpression"), get("ExpressionAttributeNames"), get("ExpressionAttributeValues"),
        get("ReturnValuesOnConditionCheckFailure"),
    )  # fmt: skip
    if kind == PUT:
        return put(call, given["TableName"], given["Item"], *shared)
    if kind == UPDATE:
        return update(call, given["TableName"], given["Key"], given["UpdateExpression"], *shared)
    return delete(call, given["TableName"], given["Key"], *shared, kind=kind)
