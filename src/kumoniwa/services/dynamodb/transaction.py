"""Several items at once: transactions, which happen wholly or not at all, and batches, which promise nothing.

An operation runs without interleaving, so a transaction judges all of its writes, and only if all of them may happen
stores them. Nobody can be in its way: TransactionConflict does not exist here.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Coroutine
from typing import Any

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, ValidationException
from kumoniwa.languages.dynamodb import legacy
from kumoniwa.languages.dynamodb.request import bind, refuse_mixing
from kumoniwa.languages.dynamodb.value import Item, check_item
from kumoniwa.services.dynamodb import capacity, figures, item, quorum, throughput
from kumoniwa.services.dynamodb import write as writes
from kumoniwa.services.dynamodb.key import NO_MATCH, EmptyKey, MissingKey
from kumoniwa.services.dynamodb.table import Layout, existing, refuse_nested
from kumoniwa.services.dynamodb.unlocking import find
from kumoniwa.services.dynamodb.write import Write
from kumoniwa.store.rows import Table as RowTable

TRANSACTION_BYTES_MAX = 4 << 20
BATCH_READ_MAX = 100
BATCH_READ_BYTES_MAX = 16 << 20
TOKEN_KEPT_S = 600
TOKENS = RowTable(
    "dynamodb_token",
    """create table if not exists dynamodb_token (token text primary key, digest blob, until real) without rowid;
       create index if not exists dynamodb_token_until on dynamodb_token (until)""",
)


class TransactionCanceledException(AwsError): ...


class IdempotentParameterMismatchException(AwsError):
    message = "Request parameters do not match the original request associated with this client token"


_NONE = {"Code": "None"}


def _cancelled(reasons: list[dict]) -> TransactionCanceledException:
    codes = ", ".join(reason["Code"] for reason in reasons)
    text = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
    return TransactionCanceledException(text, CancellationReasons=reasons)


_CODES: dict[type[AwsError], str] = {
    writes.ConditionalCheckFailedException: "ConditionalCheckFailed",
    writes.DuplicateItemException: "DuplicateItem",
    ValidationException: "ValidationError",
    throughput.ProvisionedThroughputExceededException: "ProvisionedThroughputExceeded",
    throughput.ThrottlingException: "ThrottlingError",
}


def _reason(error: AwsError) -> dict[str, Any]:
    shown = {"Item": error.members["Item"]} if "Item" in error.members else {}
    return {"Code": _CODES.get(type(error), "ValidationError"), "Message": error.text, **shown}


def _placed(parts: list[Any]) -> None:
    """Find the keys of every part. AWS looks no further than the first that does not fit: scylladb/scylladb,
    test_transact_write_cancellation_reasons_validationerror."""
    for at, part in enumerate(parts):
        try:
            part.place()
        except EmptyKey:
            raise
        except ValidationException as error:
            reasons = [_NONE] * len(parts)
            reasons[at] = _reason(error)
            raise _cancelled(reasons) from None


def _each(call: Call, steps: list[Any], act: Any) -> None:
    """Do something to every part of a transaction; what AWS minds about any of them cancels all."""
    reasons, is_cancelled, throttled = [], False, []
    for step in steps:
        try:
            act(step)
            reasons.append(_NONE)
        except EmptyKey:
            raise
        except tuple(_CODES) as error:
            reasons.append(_reason(error))
            is_cancelled = True
            throttled += [step.layout.name] if isinstance(error, throughput.THROTTLED) else []
    throughput.turned_away(call, throttled)
    if is_cancelled:
        raise _cancelled(reasons)


def _refuse_repeated(keys: list[tuple]) -> None:
    if len(set(keys)) < len(keys):
        raise ValidationException("Transaction request cannot include multiple operations on one item")


def _refuse_strong(layouts: list[Layout]) -> None:
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html; the words are ours."""
    for layout in layouts:
        if layout.is_strong:
            raise ValidationException(
                f"Transactional operations are not supported on tables with MultiRegionConsistency set to STRONG: {layout.name}"
            )


def write(
    call: Call, actions: list[dict], token: str | None, detail: str | None, *, wants_metrics: bool
) -> dict[str, Any]:
    parts = [writes.of_action(call, action) for action in actions]
    # All values are checked and canonical now, so equal requests have equal bytes.
    digest = digest_of(actions) if token is not None else b""
    return write_all(call, parts, token, digest, detail, wants_metrics=wants_metrics)


def digest_of(request: Any) -> bytes:
    """Equal for equal requests, in whatever order their members stand: localstack's test_dynamodb_idempotent_writing."""
    return hashlib.blake2b(orjson.dumps(request, option=orjson.OPT_SORT_KEYS), digest_size=16).digest()


def write_all(
    call: Call, parts: list[Write], token: str | None, digest: bytes, detail: str | None, *, wants_metrics: bool = False
) -> dict[str, Any]:
    """All writes or none. A ``token`` met again with the same ``digest`` writes nothing."""
    _refuse_strong([existing(part.layout) for part in parts])
    is_repeated = token is not None and _is_repeated(call, token, digest)
    _placed(parts)
    _refuse_repeated([(part.layout.id, part.pk, part.sk) for part in parts])
    wants_units = detail is not None and detail != "NONE"
    if is_repeated:
        # The first answer holds; only what is consumed is counted anew, as reads.
        return {"ConsumedCapacity": _read_again(call, parts, detail)} if wants_units else {}
    _each(call, parts, lambda part: part.judge(call, needs_old=wants_units))
    if sum(part.size for part in parts if part.kind != writes.CHECK) > TRANSACTION_BYTES_MAX:
        raise ValidationException(
            "Transaction request size exceeded limit: aggregate size of the items cannot exceed 4 MB"
        )
    for part in parts:
        part.store(call, is_transactional=True)
    if token is not None:
        call.rows(TOKENS).run(
            "replace into dynamodb_token values (?,?,?)", token, digest, call.now() + TOKEN_KEPT_S
        )
    reply: dict[str, Any] = {}
    if wants_units:
        reply["ConsumedCapacity"] = summed([part.consumed(detail, is_transactional=True) for part in parts])
    if wants_metrics:
        reply["ItemCollectionMetrics"] = metrics(call, [part for part in parts if part.kind != writes.CHECK])
    return reply


def _is_repeated(call: Call, token: str, digest: bytes) -> bool:
    rows = call.rows(TOKENS)
    known = rows.one("select digest from dynamodb_token where token = ? and until > ?", token, call.now())
    if known is not None and known[0] != digest:
        raise IdempotentParameterMismatchException
    return known is not None


def _read_again(call: Call, parts: list[Write], detail: str) -> list[dict]:
    entries = []
    for part in parts:
        found = item.read(call, part.layout, part.pk, part.sk)
        units = capacity.read_units(found[0] if found else 0, is_transactional=True)
        entries.append(capacity.consumed(part.layout.name, units, detail=detail, also="ReadCapacityUnits"))
    return summed(entries)


def summed(entries: list[dict]) -> list[dict]:
    """ConsumedCapacity of several items: one entry for each table."""
    tables: dict[str, dict] = {}
    for entry in entries:
        name = entry["TableName"]
        tables[name] = _added(tables[name], entry) if name in tables else entry
    return list(tables.values())


def _added(one: dict, other: dict) -> dict:
    added = dict(one)
    for name, value in other.items():
        held = one.get(name)
        if isinstance(value, dict):
            added[name] = _added(held, value) if held is not None else value
        elif not isinstance(value, str):
            added[name] = (held or 0.0) + value
    return added


def metrics(call: Call, parts: list[Write]) -> dict[str, list[dict]]:
    found: dict[str, list[dict]] = {}
    for part in parts:
        entry = part.metrics(call)
        if entry is not None and entry not in found.setdefault(part.layout.name, []):
            found[part.layout.name].append(entry)
    return {name: entries for name, entries in found.items() if entries}


# Reading -------------------------------------------------------------------------------------------


class Get:
    """One item to be read: the table, the key, and what of it is wanted."""

    __slots__ = ("layout", "key", "project", "is_consistent", "pk", "sk", "size", "body")

    def __init__(self, layout: Layout | None, key: Item, project: Any, *, is_consistent: bool = True) -> None:
        self.layout, self.key, self.project, self.is_consistent = layout, key, project, is_consistent

    def place(self) -> None:
        schema = existing(self.layout).key
        hash_key, self.sk = schema.of_key(self.key)
        self.pk = schema.partition(hash_key)

    def admit(self, call: Call) -> None:
        if self.layout.limits is not None:
            figures.admit(call, self.layout, throughput.READ, self.key)

    def read(self, call: Call) -> Any:
        """What is answered of the item, None if there is none."""
        self.size, self.body, _ = item.read(call, self.layout, self.pk, self.sk) or (0, None, None)
        if self.body is None:
            return None
        return item.shown(call, self.body) if self.project is None else self.project(orjson.loads(self.body))


def projection(layout: Layout | None, expression: str | None, names: dict | None, attributes: list[str] | None = None) -> Any:
    """``project(item)``, or None if all of it is wanted."""
    if expression is None and names is None and attributes is None:
        return None
    refuse_mixing({"ProjectionExpression": expression}, {"AttributesToGet": attributes}, names, None)
    if attributes is not None:
        return legacy.attributes_projection(attributes)
    [plan] = bind(names, None, ("ProjectionExpression", expression))
    if plan.nested_attributes and layout is not None:
        refuse_nested(layout, plan.nested_attributes)
    return plan.project


def read(call: Call, wanted: list[dict], detail: str | None) -> dict[str, Any]:
    """TransactGetItems."""
    gets = []
    for each in wanted:
        given = each["Get"]
        layout = find(call, given["TableName"])
        check_item(given["Key"])
        gets.append(
            Get(
                layout,
                given["Key"],
                projection(layout, given.get("ProjectionExpression"), given.get("ExpressionAttributeNames")),
            )
        )
    return read_all(call, gets, detail)


def read_all(call: Call, gets: list[Get], detail: str | None) -> dict[str, Any]:
    _refuse_strong([existing(one.layout) for one in gets])
    _placed(gets)
    _refuse_repeated([(one.layout.id, one.pk, one.sk) for one in gets])
    _each(call, gets, lambda one: one.admit(call))
    found = [one.read(call) for one in gets]
    if sum(one.size for one in gets) > TRANSACTION_BYTES_MAX:
        raise ValidationException(
            "Transaction request size exceeded limit: aggregate size of the items cannot exceed 4 MB"
        )
    for one in gets:
        figures.read(call, one.layout, capacity.read_units(one.size, is_transactional=True), one.key, is_admitted=True)
    reply: dict[str, Any] = {"Responses": [{} if content is None else {"Item": content} for content in found]}
    if detail is not None and detail != "NONE":
        entries = []
        for one in gets:
            units = capacity.read_units(one.size, is_transactional=True)
            entries.append(capacity.consumed(one.layout.name, units, detail=detail, also="ReadCapacityUnits"))
        reply["ConsumedCapacity"] = summed(entries)
    return reply


# Batches -------------------------------------------------------------------------------------------


def too_many_keys(table: str) -> ValidationException:
    return ValidationException(
        f"1 validation error detected: Value at 'RequestItems.{table}.member.Keys' failed to satisfy constraint: "
        f"Member must have length less than or equal to {BATCH_READ_MAX}"
    )


def batch_read(call: Call, wanted: dict[str, dict], detail: str | None) -> dict[str, Any]:
    """Up to 100 items and 16 MB; what does not fit is answered as UnprocessedKeys."""
    if sum(len(each["Keys"]) for each in wanted.values()) > BATCH_READ_MAX:
        raise ValidationException("Too many items requested for the BatchGetItem call")
    said = {member for each in wanted.values() for member in ("AttributesToGet", "ProjectionExpression") if member in each}
    if len(said) == 2:
        # Also of two tables: captured from AWS by nubo-db/dynoxide.
        raise ValidationException(
            "Can not use both expression and non-expression parameters in the same request: "
            "Non-expression parameters: {AttributesToGet} Expression parameters: {ProjectionExpression}"
        )
    gets: list[tuple[str, Get]] = []
    for name, each in wanted.items():
        layout = find(call, name)
        project = projection(
            layout,
            each.get("ProjectionExpression"),
            each.get("ExpressionAttributeNames"),
            each.get("AttributesToGet"),
        )
        for key in each["Keys"]:
            check_item(key)
            gets.append((name, Get(layout, key, project, is_consistent=bool(each.get("ConsistentRead")))))
    for _, one in gets:
        one.place()
    if len({(one.layout.id, one.pk, one.sk) for _, one in gets}) < len(gets):
        raise ValidationException("Provided list of item keys contains duplicates")
    strong = {one.layout.name: one.layout for _, one in gets if one.layout.is_strong and one.is_consistent}
    if strong:
        return _batch_read_everywhere(call, list(strong.values()), lambda: _batch_read_shown(call, wanted, gets, detail))
    return _batch_read_shown(call, wanted, gets, detail)


async def _batch_read_everywhere(call: Call, layouts: list[Layout], answer: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    await asyncio.gather(*[quorum.Assembly(call, layout.record).catch_up() for layout in layouts])
    return answer()


def _batch_read_shown(call: Call, wanted: dict[str, dict], gets: list[tuple[str, Get]], detail: str | None) -> dict[str, Any]:
    responses: dict[str, list] = {name: [] for name in wanted}
    left: dict[str, dict] = {}
    entries, refusals, total, is_any_done = [], [], 0, False
    for name, one in gets:
        if total > BATCH_READ_BYTES_MAX:
            left.setdefault(name, {**wanted[name], "Keys": []})["Keys"].append(one.key)
            continue
        content = one.read(call)
        total += one.size
        if total > BATCH_READ_BYTES_MAX:
            left.setdefault(name, {**wanted[name], "Keys": []})["Keys"].append(one.key)
            continue
        units = capacity.read_units(one.size, is_consistent=one.is_consistent)
        try:
            figures.read(call, one.layout, units, one.key)
        except throughput.THROTTLED as refusal:
            total -= one.size
            refusals.append(refusal)
            left.setdefault(name, {**wanted[name], "Keys": []})["Keys"].append(one.key)
            continue
        is_any_done = True
        if content is not None:
            responses[name].append(content)
        if detail is not None and detail != "NONE":
            entries.append(capacity.consumed(one.layout.name, units, detail=detail))
    if refusals and not is_any_done:
        throughput.turned_away(call, [one.layout.name for _, one in gets])
        raise refusals[0]
    reply: dict[str, Any] = {"Responses": responses, "UnprocessedKeys": left}
    if entries:
        reply["ConsumedCapacity"] = summed(entries)
    return reply


def batch_write(
    call: Call, wanted: dict[str, list[dict]], detail: str | None, *, wants_metrics: bool
) -> dict[str, Any] | Coroutine[Any, Any, dict[str, Any]]:
    """A coroutine if other regions have a word in any of the tables."""
    if sum(len(requests) for requests in wanted.values()) > 25:
        raise ValidationException("Too many items requested for the BatchWriteItem call")
    asked = [(name, request, _of_request(call, name, request)) for name, requests in wanted.items() for request in requests]
    parts = [part for _, _, part in asked]
    for part in parts:
        existing(part.layout)
    for part in parts:
        try:
            part.place()
        except MissingKey:
            # A put of a batch is told so in other words than PutItem: localstack's test_batch_write_not_matching_schema.
            raise ValidationException(NO_MATCH) from None
    if len({(part.layout.id, part.pk, part.sk) for part in parts}) < len(parts):
        raise ValidationException("Provided list of item keys contains duplicates")
    if any(part.layout.is_strong for part in parts):
        return _batch_everywhere(call, asked, detail, wants_metrics=wants_metrics)
    left: dict[str, list[dict]] = {}
    done, refusals = _stored(call, asked, left, detail)
    if refusals and not done:
        throughput.turned_away(call, [part.layout.name for part in parts])
        raise refusals[0]
    return _batch_shown(call, done, left, detail, wants_metrics=wants_metrics)


def _stored(
    call: Call, asked: list[tuple[str, dict, Write]], left: dict[str, list[dict]], detail: str | None
) -> tuple[list[Write], list[AwsError]]:
    """The writes of a batch that were done, and what hindered others, which are put with what is ``left``."""
    done, refusals = [], []
    for name, request, part in asked:
        try:
            part.judge(call, needs_old=_wants_units(detail))
        except throughput.THROTTLED as refusal:
            left.setdefault(name, []).append(request)
            refusals.append(refusal)
            continue
        part.store(call)
        done.append(part)
    return done, refusals


async def _batch_everywhere(
    call: Call, asked: list[tuple[str, dict, Write]], detail: str | None, *, wants_metrics: bool
) -> dict[str, Any]:
    """What meets another region at an item is answered as unprocessed, unless nothing was processed."""
    strong = [quorum.written(call, part) for _, _, part in asked if part.layout.is_strong]
    outcomes = iter(await asyncio.gather(*strong, return_exceptions=True))
    done, left, refusals = [], {}, []
    for name, request, part in asked:
        if not part.layout.is_strong:
            continue
        outcome = next(outcomes)
        if isinstance(outcome, AwsError):
            left.setdefault(name, []).append(request)
            refusals.append(outcome)
        elif isinstance(outcome, BaseException):
            raise outcome
        else:
            done.append(part)
    plain = [one for one in asked if not one[2].layout.is_strong]
    stored, hindered = call.atomically(lambda: _stored(call, plain, left, detail))
    done, refusals = done + stored, refusals + hindered
    if refusals and not done:
        if isinstance(refusals[0], throughput.THROTTLED):
            throughput.turned_away(call, [part.layout.name for _, _, part in asked])
        raise refusals[0]
    return _batch_shown(call, done, left, detail, wants_metrics=wants_metrics)


def _wants_units(detail: str | None) -> bool:
    return detail is not None and detail != "NONE"


def _batch_shown(call: Call, parts: list[Write], left: dict, detail: str | None, *, wants_metrics: bool) -> dict[str, Any]:
    reply: dict[str, Any] = {"UnprocessedItems": left}
    if _wants_units(detail):
        reply["ConsumedCapacity"] = summed([part.consumed(detail) for part in parts])
    if wants_metrics:
        reply["ItemCollectionMetrics"] = metrics(call, parts)
    return reply


def _of_request(call: Call, table: str, request: dict[str, dict]) -> Write:
    if len(request) != 1:
        raise ValidationException(
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes"
            if request
            else "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
        )
    if "PutRequest" in request:
        return writes.put(call, table, request["PutRequest"]["Item"], None, None, None, None)
    return writes.delete(call, table, request["DeleteRequest"]["Key"], None, None, None, None)
