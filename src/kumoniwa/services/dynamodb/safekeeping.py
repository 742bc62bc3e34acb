"""What AWS Backup asks of tables: how they are, all their items, and to make one again from such items.

On AWS none of this is an API call; what a role needs for it is dynamodb:StartAwsBackupJob and dynamodb:RestoreTableFromAwsBackup, which
AWS Backup asks for before it asks us, and the keys of KMS, which are opened in the role's name. Items leave as they mean and not as
they lie: whoever keeps them encrypts them under a key of its own.
"""

from __future__ import annotations

import math
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record, changed, pack, unpack
from kumoniwa.services.dynamodb import history, item, sealing, table_key
from kumoniwa.services.dynamodb.backup import (
    TableAlreadyExistsException,
    TableNotFoundException,
    made_again,
    opened,
)
from kumoniwa.services.dynamodb.sealing import Encryption, Seal
from kumoniwa.services.dynamodb.table import Table


class Refilled(Record):
    """A table that is being made again. On the shelf under its name."""

    job: str
    id: int


class Moving(AwsError):
    """The table's rows go under another key just now: who reads it begins again later."""

    code = "ServiceUnavailable"
    status = 503


async def tables(call: Call, message: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"arn": call.arn(f"table/{table.name}", "dynamodb"), "tags": table.tags} for table in call.shelf(Table).values()]


def _by(call: Call, message: dict[str, Any]) -> Call:
    """The same call in the name of whoever asks AWS Backup for it."""
    return Call(call.home, call.account, message["by"], "dynamodb", call.operation, call.request_id)


async def begun(call: Call, message: dict[str, Any]) -> dict[str, Any]:
    """How a table is, and as of when its items are read: of this moment if it remembers, else as they are when they are read."""
    table = call.shelf(Table).get(message["table"])
    if table is None or table.active_at > call.now():
        raise TableNotFoundException("Table not found.")
    if table.resealing is not None:
        raise Moving
    if table.encryption is not None:
        await table_key.opened(_by(call, message), table.encryption)
    return {"id": table.id, "definition": pack(table), "tags": table.tags, "at": call.now() if table.recovers_since else None}


async def items(call: Call, message: dict[str, Any]) -> dict[str, Any]:
    """The next items after a place, as (pk, sk, size, JSON)."""
    table = call.shelf(Table).get(message["table"])
    if table is None:
        raise TableNotFoundException("Table not found.")
    if table.id != message["id"] or table.resealing is not None:
        raise Moving
    seal = await _seal(call, table.encryption)
    call.rows(item.ITEMS)
    found, after = history.state(call, table.id, message["at"], message["after"], message["count"])
    plain = [(*at, size, body) for size, (at, body) in ((row[2], sealing.resealed(seal, None, row[:2], row[3])) for row in found)]
    return {"items": plain, "after": after}


async def _seal(call: Call, encryption: Encryption | None) -> Seal | None:
    if encryption is None:
        return None
    seal = await table_key.opened_for_service(call, encryption)
    if seal is None:
        raise table_key.AccessDeniedException(f"DynamoDB may not use the key {encryption.data_key.key}.")
    return seal


async def made(call: Call, message: dict[str, Any]) -> dict[str, Any]:
    """A table as another was, and empty. The same job may ask again: it goes on with the table that it has."""
    name, shelf = message["table"], call.shelf(Table)
    encryption = None
    _check_free(call, message)
    if message["encryption"] is not None and name not in shelf:
        by = _by(call, message)
        encryption = await table_key.made(by, name, message["encryption"] or None)
        await table_key.opened(by, encryption)

    def put() -> None:
        _check_free(call, message)
        if name in shelf:
            return
        table = made_again(call, name, unpack(message["definition"], Table))
        shelf[name] = changed(
            table, active_at=math.inf, restored_from=message["point"], restored_of=message["resource"], restored_at=message["created"],
            encryption=encryption,
        )  # fmt: skip
        call.shelf(Refilled)[name] = Refilled(job=message["job"], id=table.id)

    call.atomically(put)
    return {"id": shelf[name].id}


def _check_free(call: Call, message: dict[str, Any]) -> None:
    table, begun = call.shelf(Table).get(message["table"]), call.shelf(Refilled).get(message["table"])
    if table is not None and (begun is None or begun.job != message["job"] or table.id != begun.id):
        raise TableAlreadyExistsException(f"Table already exists: {message['table']}")


async def filled(call: Call, message: dict[str, Any]) -> bool:
    """Items of a table that is being made; False if it is no more."""
    table = call.shelf(Table).get(message["table"])
    if table is None or table.id != message["id"]:
        return False
    seal, rows = await _seal(call, table.encryption), call.rows(item.ITEMS)
    for pk, sk, size, body in message["items"]:
        at, kept = sealing.resealed(None, seal, (pk, sk), body)
        rows.run("replace into dynamodb_item values (?,?,?,?,?,null)", table.id, *at, size, kept)
    return True


async def ended(call: Call, message: dict[str, Any]) -> bool:
    """All items are there, and the table opens; or the job has failed, and it goes. False if it is no more."""
    name = message["table"]
    begun, table = call.shelf(Refilled).get(name), call.shelf(Table).get(name)
    if begun is None or begun.job != message["job"] or table is None or table.id != begun.id:
        return False

    def put() -> None:
        del call.shelf(Refilled)[name]
        if message["is_whole"]:
            opened(call, name, begun.id)
        else:
            del call.shelf(Table)[name]
            item.forget_rows(call, begun.id)

    call.atomically(put)
    if not message["is_whole"] and table.encryption is not None:
        table_key.retire(call, table.encryption)
    return True


ANSWERS = {"kept_tables": tables, "kept_begun": begun, "kept_items": items, "kept_made": made, "kept_filled": filled, "kept_ended": ended}
