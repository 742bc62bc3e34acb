"""What AWS Backup asks of tables: how they are, all their items, and to make one again from such items.

On AWS none of this is an API call; what a role needs for it is dynamodb:StartAwsBackupJob and dynamodb:RestoreTableFromAwsBackup, which
AWS Backup asks for before it asks us.
"""

from __future__ import annotations

import math
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed, pack, unpack
from kumoniwa.services.dynamodb import history, item
from kumoniwa.services.dynamodb.backup import (
    TableAlreadyExistsException,
    TableNotFoundException,
    made_again,
    opened,
)
from kumoniwa.services.dynamodb.table import Table


class Refilled(Record):
    """A table that is being made again. On the shelf under its name."""

    job: str
    id: int


def tables(call: Call, message: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"arn": call.arn(f"table/{table.name}", "dynamodb"), "tags": table.tags} for table in call.shelf(Table).values()]


def begun(call: Call, message: dict[str, Any]) -> dict[str, Any]:
    """How a table is, and as of when its items are read: of this moment if it remembers, else as they are when they are read."""
    table = call.shelf(Table).get(message["table"])
    if table is None or table.active_at > call.now():
        raise TableNotFoundException("Table not found.")
    return {"id": table.id, "definition": pack(table), "tags": table.tags, "at": call.now() if table.recovers_since else None}


def items(call: Call, message: dict[str, Any]) -> dict[str, Any]:
    call.rows(item.ITEMS)
    found, after = history.state(call, message["id"], message["at"], message["after"], message["count"])
    return {"items": found, "after": after}


def made(call: Call, message: dict[str, Any]) -> dict[str, Any]:
    """A table as another was, and empty. The same job may ask again: it goes on with the table that it has."""
    name, tables = message["table"], call.shelf(Table)
    begun = call.shelf(Refilled).get(name)
    if name in tables and (begun is None or begun.job != message["job"] or tables[name].id != begun.id):
        raise TableAlreadyExistsException(f"Table already exists: {name}")
    if name not in tables:
        source = unpack(message["definition"], Table)
        table = made_again(call, name, source)
        tables[name] = changed(
            table, active_at=math.inf, restored_from=message["point"], restored_of=message["resource"], restored_at=message["created"]
        )
        call.shelf(Refilled)[name] = Refilled(job=message["job"], id=table.id)
    return {"id": tables[name].id}


def filled(call: Call, message: dict[str, Any]) -> bool:
    """Items of a table that is being made; False if it is no more."""
    if not _is_ours(call, message):
        return False
    rows = call.rows(item.ITEMS)
    for pk, sk, size, body in message["items"]:
        rows.run("replace into dynamodb_item values (?,?,?,?,?,null)", message["id"], pk, sk, size, body)
    return True


def _is_ours(call: Call, message: dict[str, Any]) -> bool:
    table = call.shelf(Table).get(message["table"])
    return table is not None and table.id == message["id"]


def ended(call: Call, message: dict[str, Any]) -> bool:
    """All items are there, and the table opens; or the job has failed, and it goes. False if it is no more."""
    name = message["table"]
    begun = call.shelf(Refilled).get(name)
    if begun is None or begun.job != message["job"] or not _is_ours(call, message | {"id": begun.id}):
        return False
    del call.shelf(Refilled)[name]
    if message["is_whole"]:
        opened(call, name, begun.id)
    else:
        del call.shelf(Table)[name]
        item.forget_rows(call, begun.id)
    return True


ANSWERS = {"kept_tables": tables, "kept_begun": begun, "kept_items": items, "kept_made": made, "kept_filled": filled, "kept_ended": ended}
