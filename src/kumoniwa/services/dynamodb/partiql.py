"""PartiQL: statements become the reads and writes that the other operations are made of.

A SELECT that names its partitions is a Query of each, any other a Scan; every other statement names one item by all of
its key. Refusals: recorded from AWS by nubo-db/dynoxide unless a comment says otherwise.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from typing import Any

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere, ValidationException
from kumoniwa.languages import partiql
from kumoniwa.languages.dynamodb.value import INVALID, ITEM_BYTES_MAX, Item, item_bytes
from kumoniwa.languages.partiql import DELETE, EXISTS, INSERT, SELECT, UPDATE, Statement
from kumoniwa.languages.partiql_plan import Cut, Plan, compiled, cut
from kumoniwa.services.dynamodb import capacity, figures, item, page, quorum, throughput, transaction
from kumoniwa.services.dynamodb import table as tables
from kumoniwa.services.dynamodb import write as writes
from kumoniwa.services.dynamodb.compound import CompoundSchema
from kumoniwa.services.dynamodb.key import KeySchema
from kumoniwa.services.dynamodb.table import IndexLayout, Layout
from kumoniwa.services.dynamodb.unlocking import find
from kumoniwa.services.dynamodb.write import Write

_UNKEYED_WRITE = "Where clause does not contain a mandatory equality on all key attributes"
_UNKEYED_READ = "Select statements within {} must specify the primary key in the where clause."


class Bound:
    """A statement with its values. Raises ValidationException for what is wrong whatever the table."""

    __slots__ = ("statement", "plan", "values")

    def __init__(self, text: str, parameters: list[dict] | None) -> None:
        self.statement: Statement = partiql.parse(text)
        self.values = self.statement.values(parameters)
        self.plan: Plan = compiled(self.statement)
        self.plan.check(self.values)
        if self.statement.index is not None and self.statement.kind != SELECT:
            raise ValidationException("This operation is not supported on an index")

    def layout(self, call: Call) -> Layout:
        return tables.existing(find(call, self.statement.table))

    def cut(self, schema: KeySchema) -> Cut:
        return cut(self.statement, schema.hash_name, schema.range_name)

    def key(self, schema: KeySchema) -> Item | None:
        """The key of the one item that is named, if one is."""
        found = self.cut(schema)
        if not found.is_exact:
            return None
        key = {schema.hash_name: self.values[found.hashes[0]]}
        if found.range is not None:
            key[schema.range_name] = self.values[found.range[1][0]]
        return key

    def answered(self, content: Item) -> Item:
        return content if self.plan.project is None else self.plan.project(content)


# Writing -------------------------------------------------------------------------------------------


class Insert(Write):
    """A PutItem that replaces nothing."""

    __slots__ = ()

    def judge(self, call: Call, *, needs_old: bool = True, **known: Any) -> None:
        super().judge(call, needs_old=True, **known)
        if self.old is not None:
            raise writes.DuplicateItemException


def _write(call: Call, bound: Bound, shows_old: str | None) -> Write:
    """A statement's write, to be placed, judged and stored."""
    statement, values = bound.statement, bound.values
    layout = bound.layout(call)
    if statement.kind == INSERT:
        return _insert(layout, bound)
    key, test = bound.key(layout.key), bound.cut(layout.key).rest
    if key is None:
        raise ValidationException(_UNKEYED_WRITE)
    kind = {UPDATE: writes.UPDATE, DELETE: writes.DELETE, EXISTS: writes.CHECK}[statement.kind]
    write = Write(kind, layout, shows_old)
    write.key, write.condition_values = key, values
    if statement.kind != DELETE:
        # What is not there is neither updated nor does it exist.
        write.condition = lambda old, values: bool(old) and (test is None or test.test(old, values))
    elif test is not None:
        write.condition = lambda old, values: not old or test.test(old, values)
    if statement.kind == UPDATE:
        write.update, write.update_values = bound.plan.update, values
    return write


def _insert(layout: Layout, bound: Bound) -> Insert:
    write = Insert(writes.PUT, layout, None)
    content = bound.values[bound.statement.item.name].get("M")
    if content is None:
        raise ValidationException("The VALUE of an INSERT statement must be a map")
    write.item, write.size = content, item_bytes(content)
    if write.size > ITEM_BYTES_MAX:
        raise ValidationException("Item size has exceeded the maximum allowed size")
    return write


def _returned(call: Call, write: Write, wanted: str) -> Any:
    """What RETURNING answers; None if that is nothing."""
    if wanted == "ALL_OLD":
        return item.shown(call, write.old_body) if write.old_body is not None else None
    if wanted == "ALL_NEW":
        return item.shown(call, write.body)
    if wanted:
        return write.update.updated(write.old if wanted == "UPDATED_OLD" else write.new) or None
    return None


def _written(call: Call, bound: Bound, write: Write, detail: str | None) -> tuple[Any, dict | None]:
    """What a write returns that is judged, and the capacity."""
    wants_units = detail is not None and detail != "NONE"
    return _returned(call, write, bound.statement.returning), write.consumed(detail) if wants_units else None


def _stored(call: Call, bound: Bound, write: Write, detail: str | None) -> tuple[Any, dict | None]:
    write.judge(call)
    write.store(call)
    return _written(call, bound, write, detail)


# Selecting -----------------------------------------------------------------------------------------


def _index(layout: Layout, bound: Bound, *, is_consistent: bool) -> IndexLayout | None:
    name = bound.statement.index
    if name is None:
        return None
    index = layout.by_name.get(name)
    if index is None:
        raise ValidationException("The table does not have the specified index")
    if index.is_global and is_consistent:
        raise ValidationException("Strongly consistent read is not supported on Global Secondary Indexes")
    found = bound.cut(index.key)
    if found.hashes and found.rest is not None and index.kept is not None:
        missing = found.rest.attributes - frozenset(index.kept)
        if missing:
            raise ValidationException(
                f"{INVALID}Secondary index {index.name} does not project one or more filter attributes: "
                f"[{', '.join(sorted(missing))}]"
            )
    return index


def _is_descending(bound: Bound, schema: KeySchema, found: Cut) -> tuple[bool, bool]:
    """Whether partitions, and the items within one, come in descending order."""
    order = bound.statement.order
    if order and bound.statement.where is None:
        raise ValidationException("Must have WHERE clause in the statement when using ORDER BY clause.")
    if order and not found.hashes:
        raise ValidationException(
            "Must have at least one non-optional hash key condition in WHERE clause when using ORDER BY clause."
        )
    for name, _ in order:
        if name not in schema.names:
            raise ValidationException(
                f"Variable reference {name} in ORDER BY clause must be part of the primary key"
            )
    if order and order[0][0] == schema.range_name and len(found.hashes) > 1:
        raise NotImplementedHere("dynamodb:ExecuteStatement(ORDER BY the sort key of several partitions)")
    wanted = dict(order)
    return wanted.get(schema.hash_name, False), wanted.get(schema.range_name, False)


class _Projecting:
    """What ``page.Read`` wants to know of a projection."""

    def __init__(self, plan: Plan) -> None:
        self.project, self.attributes = plan.project, plan.projected


def _selecting(
    call: Call, layout: Layout, bound: Bound, *, is_consistent: bool, limit: int | None, start: Item | None, detail: str | None
) -> Callable[[], dict[str, Any]]:
    """What answers one page: Items, LastEvaluatedKey, ConsumedCapacity. Raises what is wrong with the statement."""
    index = _index(layout, bound, is_consistent=is_consistent)
    schema = (index or layout).key
    if isinstance(schema, CompoundSchema):
        raise NotImplementedHere("dynamodb: PartiQL on indexes whose keys are made of several attributes")
    found = bound.cut(schema)
    is_backward, is_sort_backward = _is_descending(bound, schema, found)
    read = page.Read(
        call, layout,
        {"IndexName": bound.statement.index, "ConsistentRead": is_consistent, "ExpressionAttributeValues": bound.values},
        [found.rest, _Projecting(bound.plan) if bound.plan.project is not None else None], False,
    )  # fmt: skip
    if not found.hashes:
        return partial(page.across, call, read, start, limit, detail)
    stretches = _stretches(bound, schema, found)
    if bound.statement.order and bound.statement.order[0][0] == schema.hash_name:
        stretches.sort(key=lambda stretch: stretch.hash_key, reverse=is_backward)
    return partial(_along_all, call, read, _from(start, read.schema, stretches), start, limit, detail, forward=not is_sort_backward)


def _stretches(bound: Bound, schema: KeySchema, found: Cut) -> list[page.Range]:
    conditions = {}
    if found.range is not None:
        conditions[schema.range_name] = (found.range[0], [bound.values[name] for name in found.range[1]])
    stretches = [
        schema.range_of({schema.hash_name: ("=", [bound.values[name]]), **conditions})
        for name in found.hashes
    ]
    return list({stretch.hash_key: stretch for stretch in stretches}.values())


def _from(start: Item | None, schema: KeySchema, stretches: list[page.Range]) -> list[page.Range]:
    """The partitions that are still to be read."""
    if start is None:
        return stretches
    value = start.get(schema.hash_name)
    at = next((n for n, stretch in enumerate(stretches) if schema.is_hash(stretch.hash_key, value)), None)
    if at is None:
        raise ValidationException("Invalid NextToken")
    return stretches[at:]


def _along_all(
    call: Call, read: page.Read, stretches: list[page.Range], start: Item | None, limit: int | None, detail: str | None, *, forward: bool
) -> dict[str, Any]:
    """Pages of several partitions, one after the other, until one of them ends early."""
    items: list[Any] = []
    entries: list[dict] = []
    reply: dict[str, Any] = {}
    for stretch in stretches:
        reply = page.along(call, read, stretch, start, limit, detail, forward=forward)
        start = None
        items += reply["Items"]
        entries += [reply["ConsumedCapacity"]] if "ConsumedCapacity" in reply else []
        if limit is not None:
            limit -= reply["ScannedCount"]
        if "LastEvaluatedKey" in reply:
            break
    reply["Items"] = items
    if entries:
        [reply["ConsumedCapacity"]] = transaction.summed(entries)
    return reply


# ExecuteStatement ----------------------------------------------------------------------------------


def execute(
    call: Call, text: str, parameters: list[dict] | None, *, is_consistent: bool, limit: int | None, token: str | None,
    detail: str | None, shows_old: str | None,
) -> dict[str, Any] | Coroutine[Any, Any, dict[str, Any]]:  # fmt: skip
    """A coroutine if other regions have a word in the table."""
    bound = Bound(text, parameters)
    statement = bound.statement
    if statement.kind == EXISTS:
        raise ValidationException("EXISTS is only supported in ExecuteTransaction")
    if statement.kind != SELECT:
        if token is not None:
            raise ValidationException("NextToken is only valid on a SELECT statement")
        write = _write(call, bound, shows_old)
        write.place()
        if write.layout.is_strong:
            return _executed_everywhere(call, bound, write, detail)
        return _executed(*_stored(call, bound, write, detail))
    mark = base64.b64encode(transaction.digest_of([text, parameters])).decode()
    start = _opened(token, mark) if token is not None else None
    layout = bound.layout(call)
    select = _selecting(call, layout, bound, is_consistent=is_consistent, limit=limit, start=start, detail=detail)
    answer = partial(_selected, select, mark)
    return quorum.caught_up(call, layout, answer) if layout.is_strong and is_consistent else answer()


def _executed(returned: Any, entry: dict | None) -> dict[str, Any]:
    return {"Items": [] if returned is None else [returned]} | ({"ConsumedCapacity": entry} if entry else {})


async def _executed_everywhere(call: Call, bound: Bound, write: Write, detail: str | None) -> dict[str, Any]:
    await quorum.written(call, write)
    return _executed(*_written(call, bound, write, detail))


def _selected(select: Callable[[], dict[str, Any]], mark: str) -> dict[str, Any]:
    found = select()
    reply = {name: found[name] for name in ("Items", "LastEvaluatedKey", "ConsumedCapacity") if name in found}
    if "LastEvaluatedKey" in reply:
        reply["NextToken"] = base64.b64encode(orjson.dumps([mark, reply["LastEvaluatedKey"]])).decode()
    return reply


def _opened(token: str, mark: str) -> Item:
    try:
        given, start = orjson.loads(base64.b64decode(token, validate=True))
    except (binascii.Error, ValueError, TypeError):
        raise ValidationException("Invalid NextToken") from None
    if given != mark:
        raise ValidationException("NextToken does not match request")
    page.check_start(start)
    return start


# BatchExecuteStatement -----------------------------------------------------------------------------


Outcome = tuple[Any, dict | None] | AwsError
"""What is answered of an item, and the capacity; or why neither."""


def batch(call: Call, wanted: list[dict], detail: str | None) -> dict[str, Any] | Coroutine[Any, Any, dict[str, Any]]:
    """Every statement for itself: what fails is told in its place, and hinders no other. A coroutine if other regions have a word in
    any of the tables."""
    prepared = [_prepared(each) for each in wanted]
    statements = [one for one in prepared if isinstance(one, Bound)]
    if len({one.statement.kind == SELECT for one in statements}) > 1:
        raise ValidationException("Read and write requests together in the same batch is not supported.")
    keys = [key for one in statements if (key := _named(call, one)) is not None]
    if len(set(keys)) < len(keys):
        raise ValidationException("Provided list of item keys contains duplicates")
    if any(_is_strong(call, one) for one in statements):
        return _batch_everywhere(call, prepared, wanted, detail)
    return _batch_shown(call, prepared, [_one_of_batch(call, one, each, detail) for one, each in zip(prepared, wanted)])


def _is_strong(call: Call, bound: Bound) -> bool:
    layout = find(call, bound.statement.table)
    return layout is not None and layout.is_strong


async def _batch_everywhere(call: Call, prepared: list[Bound | AwsError], wanted: list[dict], detail: str | None) -> dict[str, Any]:
    async def one_of_batch(bound: Bound, each: dict) -> Outcome:
        try:
            if bound.statement.kind != SELECT:
                write = _write(call, bound, each.get("ReturnValuesOnConditionCheckFailure"))
                write.place()
                await quorum.written(call, write)
                return _written(call, bound, write, detail)
            get = _get(call, bound, "BatchExecuteStatement", is_consistent=bool(each.get("ConsistentRead")))
            if get.is_consistent:
                await quorum.Assembly(call, get.layout.record).catch_up()
            return _got(call, get, detail)
        except AwsError as refusal:
            return refusal.with_traceback(None)

    everywhere = {n for n, one in enumerate(prepared) if isinstance(one, Bound) and _is_strong(call, one)}
    found = dict(zip(everywhere, await asyncio.gather(*[one_of_batch(prepared[n], wanted[n]) for n in everywhere])))

    def rest() -> list[Outcome]:
        return [
            found[n] if n in everywhere else _one_of_batch(call, one, each, detail) for n, (one, each) in enumerate(zip(prepared, wanted))
        ]

    return _batch_shown(call, prepared, call.atomically(rest))


def _batch_shown(call: Call, prepared: list[Bound | AwsError], outcomes: list[Outcome]) -> dict[str, Any]:
    responses: list[dict] = []
    entries: list[dict] = []
    throttled: list[str] = []
    for one, outcome in zip(prepared, outcomes):
        response = {} if isinstance(one, AwsError) else {"TableName": tables.plain_name(one.statement.table)}
        if isinstance(outcome, AwsError):
            code = _code(outcome)
            content = {"Item": outcome.members["Item"]} if "Item" in outcome.members else {}
            response["Error"] = {"Code": code, "Message": outcome.text, **content}
            throttled += [response["TableName"]] if isinstance(outcome, throughput.THROTTLED) else []
            if code == "ValidationError":
                response.pop("TableName", None)
        else:
            content, entry = outcome
            if content is not None:
                response["Item"] = content
            entries += [entry] if entry else []
        responses.append(response)
    if len(throttled) == len(responses):
        throughput.turned_away(call, throttled)
    reply: dict[str, Any] = {"Responses": responses}
    if entries:
        reply["ConsumedCapacity"] = transaction.summed(entries)
    return reply


def _prepared(each: dict) -> Bound | AwsError:
    try:
        bound = Bound(each["Statement"], each.get("Parameters"))
        tables.plain_name(bound.statement.table)
        if bound.statement.kind == EXISTS:
            raise ValidationException("EXISTS is only supported in ExecuteTransaction")
        return bound
    except AwsError as refusal:
        return refusal.with_traceback(None)


def _code(refusal: AwsError) -> str:
    if isinstance(refusal, ValidationException):
        return "ValidationError"
    if isinstance(refusal, throughput.ThrottlingException):
        return "ThrottlingError"
    return refusal.code.removesuffix("Exception")


def _named(call: Call, bound: Bound) -> tuple | None:
    """The item that a statement is about, if that can be told."""
    try:
        layout = bound.layout(call)
        if bound.statement.kind == INSERT:
            return layout.id, *layout.key.of_item(bound.values[bound.statement.item.name].get("M") or {})
        key = bound.key(layout.key)
        return (layout.id, *layout.key.of_key(key)) if key is not None else None
    except AwsError:
        return None


def _one_of_batch(call: Call, bound: Bound | AwsError, each: dict, detail: str | None) -> Outcome:
    if isinstance(bound, AwsError):
        return bound
    try:
        if bound.statement.kind != SELECT:
            write = _write(call, bound, each.get("ReturnValuesOnConditionCheckFailure"))
            write.place()
            return _stored(call, bound, write, detail)
        return _got(call, _get(call, bound, "BatchExecuteStatement", is_consistent=bool(each.get("ConsistentRead"))), detail)
    except AwsError as refusal:
        return refusal.with_traceback(None)


def _got(call: Call, get: transaction.Get, detail: str | None) -> tuple[Any, dict | None]:
    get.place()
    content = get.read(call)
    units = capacity.read_units(get.size, is_consistent=get.is_consistent)
    figures.read(call, get.layout, units)
    return content, None if detail is None or detail == "NONE" else capacity.consumed(get.layout.name, units, detail=detail)


def _get(call: Call, bound: Bound, operation: str, *, is_consistent: bool = True) -> transaction.Get:
    layout = bound.layout(call)
    key = bound.key(layout.key) if bound.statement.index is None else None
    if key is None:
        raise ValidationException(_UNKEYED_READ.format(operation))
    test = bound.cut(layout.key).rest

    def answer(content: Item) -> Item | None:
        return bound.answered(content) if test is None or test.test(content, bound.values) else None

    is_whole = test is None and bound.plan.project is None
    return transaction.Get(layout, key, None if is_whole else answer, is_consistent=is_consistent)


# ExecuteTransaction --------------------------------------------------------------------------------


def transact(call: Call, wanted: list[dict], token: str | None, detail: str | None) -> dict[str, Any]:
    bounds = [Bound(each["Statement"], each.get("Parameters")) for each in wanted]
    for number, bound in enumerate(bounds):
        where = f"Validation failed in TransactStatements[{number}]: "
        if bound.statement.returning:
            raise ValidationException(f"{where}RETURNING clause is not supported in ExecuteTransaction.")
        if bound.statement.index is not None:
            raise ValidationException(f"{where}Reads on indices are not supported within transactions.")
    reads = [bound.statement.kind == SELECT for bound in bounds]
    if all(reads):
        return transaction.read_all(
            call, [_get(call, bound, "ExecuteTransaction") for bound in bounds], detail
        )
    if any(reads):
        raise ValidationException(
            "ExecuteTransaction API does not support both read and write operations in the same request."
        )
    parts = [
        _write(call, bound, each.get("ReturnValuesOnConditionCheckFailure"))
        for bound, each in zip(bounds, wanted)
    ]
    # A token is remembered for one operation: TransactWriteItems may use the same.
    mine = None if token is None else f"PartiQL {token}"
    reply = transaction.write_all(call, parts, mine, transaction.digest_of(wanted), detail)
    # Writes have nothing to say: recorded by localstack's test_dynamodb_execute_transaction.
    return {"Responses": [], **reply}


# For the gate --------------------------------------------------------------------------------------


def statements_in(params: dict[str, Any]) -> list[tuple[Statement, list | None]]:
    """The statements of a call that are well formed, with their parameters. Anything may stand in ``params``."""
    given = (
        [params] if "Statement" in params else params.get("Statements") or params.get("TransactStatements")
    )
    found = []
    for each in given if isinstance(given, list) else ():
        text = each.get("Statement") if isinstance(each, dict) else None
        if isinstance(text, str) and len(text) <= 8192:
            try:
                found.append((partiql.parse(text), each.get("Parameters")))
            except AwsError:
                continue
    return found


def scans(call: Call, params: dict[str, Any]) -> bool:
    """Whether a call reads a whole table or index."""
    for statement, _ in statements_in(params):
        if statement.kind != SELECT:
            continue
        try:
            layout = tables.find(call, statement.table)
        except AwsError:
            continue
        if layout is not None:
            schema = layout.by_name[statement.index].key if statement.index in layout.by_name else layout.key
            if not cut(statement, schema.hash_name, schema.range_name).hashes:
                return True
    return False


def touched(call: Call, params: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each item that statements name, as the parameters of a GetItem or PutItem would name it."""
    for statement, parameters in statements_in(params):
        try:
            values = statement.values(parameters)
            layout = tables.find(call, statement.table)
            plan = compiled(statement)
        except AwsError:
            continue
        mentioned = set(plan.projected or ())
        for part in (plan.test, plan.update):
            mentioned |= part.attributes if part is not None else set()
        if statement.kind == INSERT:
            yield statement.table, {"Item": values[statement.item.name].get("M") or {}}
            continue
        yield statement.table, {"AttributesToGet": sorted(mentioned)}
        if layout is None:
            continue
        schema = layout.by_name[statement.index].key if statement.index in layout.by_name else layout.key
        for name in cut(statement, schema.hash_name, schema.range_name).hashes:
            yield statement.table, {"Key": {layout.key.hash_name: values[name]}}
