"""The operations of the Data API."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Coroutine
from typing import Any, TypeVar

import orjson

from kumoniwa.engines.postgresql.session import Copies, Gone, Refused, Result, Session
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import outside
from kumoniwa.kernel.errors import ValidationException
from kumoniwa.languages import sql_parameters
from kumoniwa.services.rds.errors import DBClusterNotFoundFault
from kumoniwa.services.rds_data import access, field, metadata
from kumoniwa.services.rds_data.bill import uses_of  # noqa: F401 (a hook of the gate's)
from kumoniwa.services.rds_data.errors import (
    BadRequestException,
    DatabaseErrorException,
    DatabaseUnavailableException,
    StatementTimeoutException,
    UnsupportedResultException,
)
from kumoniwa.services.rds_data.transaction import Transactions

T = TypeVar("T")

STATEMENT_S = 45.0
RESULT_BYTES_MAX = 1 << 20
FORMATTED_BYTES_MAX = 10 << 20
BODY_BYTES_MAX = 4 << 20
"""https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/data-api.html, …/rdsdataservice/latest/APIReference/API_ExecuteStatement.html"""


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str:
    arn = str(params.get("resourceArn") or params.get("dbClusterOrInstanceArn") or "")
    return arn if arn.startswith("arn:") else "*"


def tags_of(call: Call, arn: str) -> dict[str, str]:
    found = access.known(call, arn)
    if found is None:
        raise DBClusterNotFoundFault(f"DBCluster {arn} not found.")
    return found.tags


def told_of(call: Call, operation: str, params: dict[str, Any], reply: dict[str, Any] | None) -> tuple[dict[str, Any], None]:
    """A trail tells neither what was asked of which database nor what was answered.
    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/logging-using-cloudtrail-data-api.html"""
    hidden = ("sql", "database", "schema", "sqlStatements")
    told = {name: "**********" if name in hidden else value for name, value in params.items() if name not in ("parameters", "parameterSets")}
    return told | {name: [] for name in ("parameters", "parameterSets") if name in params}, None


def _statement(sql: str, schema: str | None) -> sql_parameters.Statement:
    """Both texts are AWS's: https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/data-api.differences.html"""
    if schema:
        raise ValidationException("The schema parameter isn't supported")
    found = sql_parameters.read(sql)
    if not found.is_single:
        raise ValidationException("Multistatements aren't supported.")
    if "\0" in sql:
        raise DatabaseErrorException('ERROR: invalid byte sequence for encoding "UTF8": 0x00; SQLState: 22021')
    return found


async def _within(call: Call, session: Session, working: Coroutine[Any, Any, T], *, goes_on: bool = False) -> T:
    """What a statement comes to, with all that is to be told of it, in the time that a call has. One that goes on keeps the session."""
    task = asyncio.ensure_future(working)
    try:
        await asyncio.wait({task}, timeout=STATEMENT_S)
    except asyncio.CancelledError:
        task.cancel()
        raise
    if not task.done():
        if goes_on:
            session.is_left = True
            call.home.spawn(_left(task, session))
        else:
            await session.cancel()
            await asyncio.wait({task}, timeout=STATEMENT_S)
            if not task.done():
                session.abort()  # its server hears nothing: nobody else may speak in the midst of that
                await asyncio.wait({task})
        if not (task.done() and task.exception() is None):
            raise StatementTimeoutException(dbConnectionId=session.pid)
    try:
        return task.result()
    except Refused as refused:
        raise DatabaseErrorException.of(refused) from None
    except Copies:
        session.abort()
        # The text is that of the compatibility notes.
        raise DatabaseErrorException("execute: unexpected message: CopyOutResponse") from None
    except Gone:
        raise DatabaseUnavailableException from None


async def _left(task: asyncio.Future, session: Session) -> None:
    """Let a statement go on of which nobody hears any more."""
    try:
        with outside():
            await asyncio.wait({task})
    finally:
        task.cancel()
        session.abort()


async def _told(session: Session, result: Result, options: field.Options, form: str | None, *, wants_metadata: bool) -> dict[str, Any]:
    if result.columns is None:
        return {"numberOfRecordsUpdated": result.count, "generatedFields": []}
    others = await metadata.supported(session, result.columns)
    if not result.is_whole:
        raise UnsupportedResultException("The result exceeds the size limit 1 MB.")
    types = [each.type for each in result.columns]
    records = [[field.field(type_, text, options) for type_, text in zip(types, row)] for row in result.rows]
    if form == "JSON":
        return {"numberOfRecordsUpdated": 0, "formattedRecords": _formatted([each.name for each in result.columns], records)}
    told: dict[str, Any] = {"numberOfRecordsUpdated": 0, "records": records}
    if wants_metadata:
        told["columnMetadata"] = await metadata.told(session, result.columns, others)
    return told


def _formatted(labels: list[str], records: list[list[dict[str, Any]]]) -> str:
    """https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/data-api-json.html. Two columns of one name are both told, as JSON may."""
    keys = [orjson.dumps(label) for label in labels]
    rows = (b"{" + b",".join(key + b":" + orjson.dumps(_plain(each)) for key, each in zip(keys, record)) + b"}" for record in records)
    text = b"[" + b",".join(rows) + b"]"
    if len(text) > FORMATTED_BYTES_MAX:
        raise UnsupportedResultException("The result exceeds the size limit 10 MB.")
    return text.decode()


def _plain(value: dict[str, Any]) -> Any:
    ((kind, held),) = value.items()
    if kind == "isNull":
        return None
    return next(iter(held.values())) if kind == "arrayValue" else base64.b64encode(held).decode() if kind == "blobValue" else held


async def ExecuteStatement(
    call: Call, *, resourceArn: str, secretArn: str, sql: str, database: str | None = None, schema: str | None = None,
    parameters: list[dict] | None = None, transactionId: str | None = None, includeResultMetadata: bool | None = None,
    continueAfterTimeout: bool | None = None, resultSetOptions: dict | None = None, formatRecordsAs: str | None = None,
) -> dict:  # fmt: skip
    statement = _statement(sql, schema)
    types, values = field.values(statement.names, parameters)
    options = field.Options.of(resultSetOptions)
    target = access.cluster(call, resourceArn)
    if transactionId and continueAfterTimeout:
        # That AWS refuses is known (jeremydaly/data-api-client#38), the text is one of ours.
        raise BadRequestException("continueAfterTimeout is not supported in a transaction.")
    who = await access.credentials(call, secretArn)

    async def work(session: Session) -> dict:
        result = await session.run(statement.text, types, values, RESULT_BYTES_MAX)
        return await _told(session, result, options, formatRecordsAs, wants_metadata=bool(includeResultMetadata))

    async def act(session: Session) -> dict:
        return await _within(call, session, work(session), goes_on=bool(continueAfterTimeout))

    with outside():
        if transactionId:
            with call.memory(Transactions).used(transactionId, target.id, who.user, database) as held:
                return await act(held.session)
        async with access.session(call, target, who, database) as session:
            return await act(session)


async def BatchExecuteStatement(
    call: Call, *, resourceArn: str, secretArn: str, sql: str, database: str | None = None, schema: str | None = None,
    parameterSets: list[list[dict]] | None = None, transactionId: str | None = None,
) -> dict:  # fmt: skip
    """Without any set nothing is done: aws/aws-sdk-js#2775. All sets are, or none."""
    statement = _statement(sql, schema)
    sets = [field.values(statement.names, each) for each in parameterSets or ()]
    target = access.cluster(call, resourceArn)
    who = await access.credentials(call, secretArn)
    if not sets:
        return {"updateResults": []}

    async def act(session: Session) -> dict:
        results = await _within(call, session, _each(session, statement.text, sets))
        return {"updateResults": [{"generatedFields": []} for _ in results]}

    with outside():
        if transactionId:
            with call.memory(Transactions).used(transactionId, target.id, who.user, database) as held:
                return await act(held.session)
        async with access.session(call, target, who, database) as session:
            return await act(session)


async def _each(session: Session, statement: str, sets: list[tuple[tuple[int, ...], tuple[str | None, ...]]]) -> list[Result]:
    """A number may be whole in one set and not in the next: those that are of the same types go together."""
    groups: list[tuple[tuple[int, ...], list[tuple[str | None, ...]]]] = []
    for types, values in sets:
        if not groups or groups[-1][0] != types:
            groups.append((types, []))
        groups[-1][1].append(values)
    results: list[Result] = []
    is_own = len(groups) > 1 and session.status == "I"
    if is_own:
        await session.run("begin")
    try:
        for types, held in groups:
            results += await session.run_each(statement, types, held, RESULT_BYTES_MAX)
    except Refused:
        if is_own:
            await session.run("rollback")
        raise
    if is_own:
        await session.run("commit")
    return results


async def BeginTransaction(call: Call, *, resourceArn: str, secretArn: str, database: str | None = None, schema: str | None = None) -> dict:
    _statement("", schema)
    target = access.cluster(call, resourceArn)
    who = await access.credentials(call, secretArn)
    with outside():
        session = await access.opened(call, target, who, database)
        try:
            await _within(call, session, session.run("begin"))
        except BaseException:
            session.abort()
            raise
    return {"transactionId": call.memory(Transactions).begun(call, target.id, who.user, database or who.user, session).id}


async def _end(call: Call, statement: str, resource: str, secret: str, id_: str) -> Result:
    target = access.cluster(call, resource)
    who = await access.credentials(call, secret)
    transactions = call.memory(Transactions)
    with outside(), transactions.used(id_, target.id, who.user) as held:
        try:
            result = await _within(call, held.session, held.session.run(statement))
        finally:
            transactions.ended(held)
            held.session.close()
        return result


async def CommitTransaction(call: Call, *, resourceArn: str, secretArn: str, transactionId: str) -> dict:
    """What failed before cannot be kept: the server undoes it, and says so."""
    result = await _end(call, "commit", resourceArn, secretArn, transactionId)
    return {"transactionStatus": "Transaction Committed" if result.tag == "COMMIT" else "Rollback Complete"}


async def RollbackTransaction(call: Call, *, resourceArn: str, secretArn: str, transactionId: str) -> dict:
    await _end(call, "rollback", resourceArn, secretArn, transactionId)
    return {"transactionStatus": "Rollback Complete"}


def ExecuteSql(
    call: Call, *, dbClusterOrInstanceArn: str, awsSecretStoreArn: str, sqlStatements: str, database: str | None = None, schema: str | None = None,
) -> dict:  # fmt: skip
    """Recorded: aws/aws-cli#4086."""
    raise BadRequestException("This API is deprecated and not available. Use ExecuteStatement API instead")
