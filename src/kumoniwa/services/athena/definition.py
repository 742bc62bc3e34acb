"""Statements that change the catalogue, and tables that queries make: all of it asked of Glue in the name of who asked.

https://docs.aws.amazon.com/athena/latest/ug/ddl-reference.html. Hive's failures begin with FAILED; where their words are recorded nowhere they
are ours, after those of Hive.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import orjson

from kumoniwa.engines import lake_paths
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.services.athena import reading, showing, writing
from kumoniwa.services.athena.execution import Execution
from kumoniwa.services.athena.failing import Failed
from kumoniwa.services.athena.showing import NOTHING, Table, existing

PORTION = 100
_EXTERNAL = {"EXTERNAL": "TRUE"}


def failed(text: str) -> Failed:
    return Failed("DDL", f"FAILED: {text}")


def _database(begun: Execution, facts: dict[str, Any]) -> str:
    return facts["database"] or begun.database or "default"


async def _asked(call: Call, operation: str, **params: Any) -> dict[str, Any]:
    try:
        return await call.ask(operation, **params)
    except AwsError as error:
        if error.code == "AccessDeniedException":
            raise reading.unauthorized(error) from None
        name = {"AlreadyExistsException": "AlreadyExistsException", "EntityNotFoundException": "NoSuchObjectException"}.get(error.code, "MetaException")
        raise failed(f"Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask. {name}(message:{error.text})") from None


async def defined(call: Call, begun: Execution, statement: Any) -> Table:
    """Raises Failed."""
    facts = statement.facts
    if statement.kind == "alter table":
        return await _alter(call, begun, facts)
    return await _FORMS[statement.kind](call, begun, facts)


# Databases ---------------------------------------------------------------------------------------------------


async def _create_database(call: Call, begun: Execution, facts: dict[str, Any]) -> Table:
    said = {"Name": facts["name"], "Description": facts["comment"], "LocationUri": facts["location"], "Parameters": facts["properties"]}
    try:
        await call.ask("glue:CreateDatabase", DatabaseInput={name: value for name, value in said.items() if value})
    except AwsError as error:
        if error.code == "AccessDeniedException":
            raise reading.unauthorized(error) from None
        if error.code != "AlreadyExistsException":
            raise failed(error.text) from None
        if not facts["if_not_exists"]:
            raise failed(f"Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask. Database {facts['name']} already exists") from None
    return NOTHING


async def _drop_database(call: Call, begun: Execution, facts: dict[str, Any]) -> Table:
    try:
        tables = (await call.ask("glue:GetTables", DatabaseName=facts["name"]))["TableList"]
    except AwsError as error:
        if error.code == "AccessDeniedException":
            raise reading.unauthorized(error) from None
        if facts["if_exists"]:
            return NOTHING
        raise failed(f"SemanticException [Error 10072]: Database does not exist: {facts['name']}") from None
    if tables and not facts["cascade"]:
        raise failed("Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask. InvalidOperationException(message:Database "
                     f"{facts['name']} is not empty. One or more tables exist.)")  # fmt: skip
    await _asked(call, "glue:DeleteDatabase", Name=facts["name"])
    return NOTHING


async def _alter_database(call: Call, begun: Execution, facts: dict[str, Any]) -> Table:
    found = (await _asked(call, "glue:GetDatabase", Name=facts["name"]))["Database"]
    kept = {name: found[name] for name in ("Name", "Description", "LocationUri") if found.get(name)}
    await _asked(call, "glue:UpdateDatabase", Name=facts["name"], DatabaseInput=kept | {"Parameters": (found.get("Parameters") or {}) | facts["properties"]})
    return NOTHING


# Tables ------------------------------------------------------------------------------------------------------


async def _create_table(call: Call, begun: Execution, facts: dict[str, Any]) -> Table:
    if facts["properties"].get("table_type", "").upper() == "ICEBERG":
        raise NotImplementedHere("athena: Iceberg tables")
    if not facts["is_external"]:
        raise failed("SemanticException Only external tables are created: CREATE EXTERNAL TABLE")  # our words
    location = facts["location"]
    if not location:
        raise failed("SemanticException no location was provided: LOCATION is needed")  # our words
    _check_location(location)
    clustered = {"BucketColumns": facts["buckets"][0], "NumberOfBuckets": facts["buckets"][1]} if facts["buckets"] else {}
    descriptor = {
        "Columns": facts["columns"], "Location": location, "InputFormat": facts["input"], "OutputFormat": facts["output"], "Compressed": False,
        "SerdeInfo": {"SerializationLibrary": facts["serde"], "Parameters": facts["serde_properties"]}, **clustered,
    }  # fmt: skip
    parameters = _EXTERNAL | facts["properties"] | ({"comment": facts["comment"]} if facts["comment"] else {})
    said = {"Name": facts["name"], "TableType": "EXTERNAL_TABLE", "StorageDescriptor": descriptor, "PartitionKeys": facts["partitions"], "Parameters": parameters}
    await _make(call, _database(begun, facts), said, facts["if_not_exists"])
    return NOTHING


def _check_location(location: str) -> None:
    if not re.match(r"s3://[^/]+/?", location):
        raise failed(f"SemanticException the location is no place of Amazon S3: {location}")


async def _make(call: Call, database: str, said: dict[str, Any], if_not_exists: bool) -> None:
    try:
        await call.ask("glue:CreateTable", DatabaseName=database, TableInput=said)
    except AwsError as error:
        if error.code == "AlreadyExistsException" and if_not_exists:
            return
        if error.code == "AlreadyExistsException":
            raise failed("Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask. AlreadyExistsException(message:"
                         f"Table {said['Name']} already exists)") from None  # fmt: skip
        if error.code == "EntityNotFoundException":
            raise failed(f"SemanticException [Error 10072]: Database does not exist: {database}") from None
        if error.code == "AccessDeniedException":
            raise reading.unauthorized(error) from None
        raise failed(error.text) from None


async def _drop_table(call: Call, begun: Execution, facts: dict[str, Any]) -> Table:
    return await _drop(call, begun, facts, is_view=False)


async def _drop_view(call: Call, begun: Execution, facts: dict[str, Any]) -> Table:
    return await _drop(call, begun, facts, is_view=True)


async def _drop(call: Call, begun: Execution, facts: dict[str, Any], *, is_view: bool) -> Table:
    database = _database(begun, facts)
    found = await reading.table(call, database, facts["name"])
    if not isinstance(found, dict):
        if facts["if_exists"]:
            return NOTHING
        what = "View" if is_view else "Table"
        raise failed(f"SemanticException [Error 10001]: {what} not found {database}.{facts['name']}")
    if is_view != (found.get("TableType") == "VIRTUAL_VIEW"):
        raise failed(f"SemanticException [Error 10138]: Cannot drop a {'base table with DROP VIEW' if is_view else 'view with DROP TABLE'}")
    await _asked(call, "glue:DeleteTable", DatabaseName=database, Name=facts["name"])
    return NOTHING


_INPUT = ("Name", "Description", "Owner", "Retention", "StorageDescriptor", "PartitionKeys", "ViewOriginalText", "ViewExpandedText", "TableType", "Parameters")


def _input(table: dict[str, Any]) -> dict[str, Any]:
    return {name: table[name] for name in _INPUT if table.get(name) is not None}


async def _alter(call: Call, begun: Execution, facts: dict[str, Any]) -> Table:
    database, name, do = _database(begun, facts), facts["name"], facts["do"]
    table = await existing(call, database, name)
    where = {"DatabaseName": database, "TableName": name}
    if do == "add partitions":
        await _add_partitions(call, table, facts["partitions"], facts["if_not_exists"])
    elif do == "drop partitions":
        for spec in facts["partitions"]:
            await _drop_partitions(call, table, spec, facts["if_exists"])
    elif do == "rename partition":
        found = await _partition(call, table, facts["partition"])
        said = {"Values": _values(table, facts["to"]), "StorageDescriptor": found["StorageDescriptor"], "Parameters": found.get("Parameters") or {}}
        # Glue changes no values: "delete and recreate the partition" (API_UpdatePartition).
        await _asked(call, "glue:CreatePartition", **where, PartitionInput=said)
        await _asked(call, "glue:DeletePartition", **where, PartitionValues=found["Values"])
    elif facts["partition"] is not None:
        await _alter_partition(call, table, facts)
    else:
        said = _input(table)
        descriptor = dict(table["StorageDescriptor"])
        if do == "set properties":
            said["Parameters"] = (table.get("Parameters") or {}) | facts["properties"]
        elif do == "set location":
            _check_location(facts["location"])
            descriptor["Location"] = facts["location"]
        else:
            descriptor["Columns"] = _columns(descriptor, facts)
        await _asked(call, "glue:UpdateTable", DatabaseName=database, TableInput=said | {"StorageDescriptor": descriptor})
    return NOTHING


def _columns(descriptor: dict[str, Any], facts: dict[str, Any]) -> list[dict[str, Any]]:
    if facts["do"] == "replace columns":
        return facts["columns"]
    before = descriptor.get("Columns") or []
    names = {each["Name"] for each in before}
    for each in facts["columns"]:
        if each["Name"] in names:
            raise failed(f"Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask. Duplicate column name: {each['Name']}")
    return [*before, *facts["columns"]]


async def _alter_partition(call: Call, table: dict[str, Any], facts: dict[str, Any]) -> None:
    found = await _partition(call, table, facts["partition"])
    descriptor = dict(found["StorageDescriptor"])
    if facts["do"] == "set location":
        _check_location(facts["location"])
        descriptor["Location"] = facts["location"]
    elif facts["do"] in ("add columns", "replace columns"):
        descriptor["Columns"] = _columns(descriptor, facts)
    else:
        raise NotImplementedHere(f"athena: ALTER TABLE … PARTITION … {facts['do']}")
    said = {"Values": found["Values"], "StorageDescriptor": descriptor, "Parameters": found.get("Parameters") or {}}
    await _asked(call, "glue:UpdatePartition", DatabaseName=table["DatabaseName"], TableName=table["Name"], PartitionValueList=found["Values"], PartitionInput=said)


# Partitions --------------------------------------------------------------------------------------------------


def _keys(table: dict[str, Any]) -> list[str]:
    return [each["Name"] for each in table.get("PartitionKeys") or ()]


def _values(table: dict[str, Any], spec: dict[str, str]) -> list[str]:
    keys = _keys(table)
    if set(spec) != set(keys):
        raise failed(f"SemanticException partition spec {{{', '.join(f'{key}={value}' for key, value in spec.items())}}} doesn't contain all "
                     f"({len(keys)}) partition columns")  # fmt: skip
    return [spec[key] for key in keys]


async def _partition(call: Call, table: dict[str, Any], spec: dict[str, str]) -> dict[str, Any]:
    where = {"DatabaseName": table["DatabaseName"], "TableName": table["Name"]}
    return (await _asked(call, "glue:GetPartition", **where, PartitionValues=_values(table, spec)))["Partition"]


async def _add_partitions(call: Call, table: dict[str, Any], wanted: list[tuple[dict[str, str], str]], if_not_exists: bool) -> None:
    said = [_partition_input(table, _values(table, spec), location) for spec, location in wanted]
    errors = await _create_partitions(call, table, said)
    if errors and not if_not_exists:
        spec = {key: value for key, value in zip(_keys(table), errors[0]["PartitionValues"])}
        raise failed("Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask. AlreadyExistsException(message:Partition already exists: "
                     f"{spec})")  # fmt: skip


def _partition_input(table: dict[str, Any], values: list[str], location: str) -> dict[str, Any]:
    root = table["StorageDescriptor"].get("Location", "").rstrip("/")
    place = location or f"{root}/{'/'.join(f'{key}={value}' for key, value in zip(_keys(table), values))}"
    return {"Values": values, "StorageDescriptor": table["StorageDescriptor"] | {"Location": place}}


async def _create_partitions(call: Call, table: dict[str, Any], said: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Answers those that were there. Raises Failed."""
    errors: list[dict[str, Any]] = []
    for start in range(0, len(said), PORTION):
        told = await _asked(call, "glue:BatchCreatePartition", DatabaseName=table["DatabaseName"], TableName=table["Name"],
                            PartitionInputList=said[start : start + PORTION])  # fmt: skip
        errors += told.get("Errors") or []
    for each in errors:
        if each["ErrorDetail"]["ErrorCode"] != "AlreadyExistsException":
            raise failed(each["ErrorDetail"]["ErrorMessage"])
    return errors


async def _drop_partitions(call: Call, table: dict[str, Any], spec: dict[str, str], if_exists: bool) -> None:
    """A spec that names some of the keys is about all partitions that it fits."""
    keys = _keys(table)
    if not set(spec) <= set(keys):
        raise failed(f"SemanticException [Error 10096]: Unknown partition column among {', '.join(spec)}")
    found = [
        each["Values"] for each in await reading.partitions(call, table["DatabaseName"], table["Name"])
        if all(dict(zip(keys, each["Values"]))[key] == value for key, value in spec.items())
    ]  # fmt: skip
    if not found and not if_exists:
        raise failed(f"SemanticException [Error 10006]: Partition not found ({', '.join(f'{key} = {value}' for key, value in spec.items())})")
    for start in range(0, len(found), 25):
        await _asked(call, "glue:BatchDeletePartition", DatabaseName=table["DatabaseName"], TableName=table["Name"],
                     PartitionsToDelete=[{"Values": values} for values in found[start : start + 25]])  # fmt: skip


async def _repair(call: Call, begun: Execution, facts: dict[str, Any]) -> Table:
    """MSCK REPAIR TABLE: folders spelled ``key=value`` that the catalogue does not know become partitions; none goes away.
    https://docs.aws.amazon.com/athena/latest/ug/msck-repair-table.html"""
    table = await existing(call, _database(begun, facts), facts["name"])
    keys, location = _keys(table), table["StorageDescriptor"].get("Location", "")
    if not table.get("TableType"):
        # https://docs.aws.amazon.com/athena/latest/ug/glue-best-practices.html#tabletype
        raise failed("NullPointerException Name is null")
    if not keys:
        raise failed("Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask. The table is not partitioned")
    known = {tuple(each["Values"]) for each in await reading.partitions(call, table["DatabaseName"], table["Name"])}
    root = reading.place_of(location)[1].rstrip("/") + "/" if reading.place_of(location)[1] else ""
    found: dict[tuple[str, ...], str] = {}
    for key, _ in await reading.listed(call, location):
        folders = key.removeprefix(root).split("/")[:-1]
        values = [re.fullmatch(rf"(?i:{re.escape(name)})=(.*)", folder) for name, folder in zip(keys, folders)]
        if len(folders) >= len(keys) and all(values):
            spelled = tuple(_unescaped(each[1]) for each in values if each is not None)
            found.setdefault(spelled, f"{location.rstrip('/')}/{'/'.join(folders[: len(keys)])}")
    new = {values: place for values, place in found.items() if values not in known}
    await _create_partitions(call, table, [_partition_input(table, list(values), place) for values, place in new.items()])
    if not new:
        return NOTHING
    names = [":".join((table["Name"], "/".join(f"{key}={value}" for key, value in zip(keys, values)))) for values in new]
    lines = [f"Partitions not in metastore:\t{'	'.join(names)}", *(f"Repair: Added partition to metastore {name}" for name in names)]
    return Table(tuple({"name": "result", "type": "string", "precision": 0, "scale": 0} for _ in range(1)), lines)


def _unescaped(text: str) -> str:
    return re.sub(r"%([0-9A-Fa-f]{2})", lambda found: chr(int(found[1], 16)), text)


# Views -------------------------------------------------------------------------------------------------------


def view_said(table: dict[str, Any]) -> dict[str, Any]:
    """What Athena keeps of a view in its text. Raises Failed."""
    found = re.match(r"/\* Presto View: ([A-Za-z0-9+/=]+) \*/", table.get("ViewOriginalText") or "")
    if found is None:
        raise Failed("INVALID_VIEW", f"INVALID_VIEW: View {table['Name']} was not made by Athena")
    return orjson.loads(base64.b64decode(found[1]))


Describe = Callable[[Call, Execution, str], Awaitable[list[dict[str, str]]]]


async def create_view(call: Call, begun: Execution, facts: dict[str, Any], described: Describe) -> Table:
    """As Athena keeps views, so that others who read the catalogue find what they know: recorded in
    https://stackoverflow.com/questions/56289272 (how Athena keeps a view in Glue)."""
    columns = await described(call, begun, facts["query"])
    database = _database(begun, facts)
    for n, each in enumerate(columns):
        if each["name"] is None:
            raise Failed("MISSING_COLUMN_NAME", f"MISSING_COLUMN_NAME: line 1:1: Column name not specified at position {n + 1}")
    said = {"originalSql": facts["query"].strip(), "catalog": "awsdatacatalog", "schema": begun.database or "default",
            "columns": [{"name": each["name"], "type": each["type"]} for each in columns]}  # fmt: skip
    descriptor = {"Columns": [{"Name": each["name"], "Type": each["hive"]} for each in columns], "Location": "", "SerdeInfo": {}}
    table = {
        "Name": facts["name"], "TableType": "VIRTUAL_VIEW", "StorageDescriptor": descriptor, "PartitionKeys": [],
        "Parameters": {"presto_view": "true", "comment": "Presto View"}, "ViewExpandedText": "/* Presto View */",
        "ViewOriginalText": f"/* Presto View: {base64.b64encode(orjson.dumps(said)).decode()} */",
    }  # fmt: skip
    found = await reading.table(call, database, facts["name"])
    if found is False:
        raise Failed("SCHEMA_NOT_FOUND", f"SCHEMA_NOT_FOUND: line 1:1: Schema '{database}' does not exist")
    if isinstance(found, dict):
        if found.get("TableType") != "VIRTUAL_VIEW":
            raise Failed("TABLE_ALREADY_EXISTS", f"TABLE_ALREADY_EXISTS: line 1:1: Table 'awsdatacatalog.{database}.{facts['name']}' already exists")
        if not facts["replace"]:
            raise Failed("TABLE_ALREADY_EXISTS", f"TABLE_ALREADY_EXISTS: line 1:1: View 'awsdatacatalog.{database}.{facts['name']}' already exists")
        await _asked(call, "glue:UpdateTable", DatabaseName=database, TableInput=table)
    else:
        await _asked(call, "glue:CreateTable", DatabaseName=database, TableInput=table)
    return NOTHING


_FORMS: dict[str, Callable[[Call, Execution, dict[str, Any]], Awaitable[Table]]] = {
    "create database": _create_database, "drop database": _drop_database, "alter database": _alter_database, "create table": _create_table,
    "drop table": _drop_table, "drop view": _drop_view, "repair": _repair,
}  # fmt: skip


# What queries make -------------------------------------------------------------------------------------------


class Plan(NamedTuple):
    kind: str
    write: dict[str, Any]
    location: str
    keys: list[str]
    table: dict[str, Any] | None = None
    """The one that rows go into."""
    facts: dict[str, Any] = {}
    database: str = ""


_WRITTEN = {
    "parquethiveserde": "PARQUET", "orcserde": "ORC", "jsonserde": "JSON", "lazysimpleserde": "TEXTFILE",
}  # fmt: skip
_KNOWN = {"format", "write_compression", "parquet_compression", "orc_compression", "field_delimiter", "external_location", "partitioned_by"}


async def planned(call: Call, begun: Execution, statement: Any) -> Plan | None:
    """What is to be written where; None where nothing is. Raises Failed."""
    facts, short = statement.facts, begun.id[:8]
    if statement.kind == "unload":
        given = {name.lower(): value for name, value in facts["properties"].items()}
        return Plan("unload", {"format": given.get("format", "PARQUET"), "compression": given.get("compression"), "partitioned_by": given.get("partitioned_by"),
                               "field_delimiter": given.get("field_delimiter"), "id": short},
                    await _empty(call, facts["to"], "HIVE_PATH_ALREADY_EXISTS"), given.get("partitioned_by") or [])  # fmt: skip
    database = _database(begun, facts)
    found = await reading.table(call, database, facts["name"])
    if found is False:
        raise Failed("SCHEMA_NOT_FOUND", f"SCHEMA_NOT_FOUND: line 1:1: Schema '{database}' does not exist")
    if statement.kind == "insert":
        if found is None:
            raise Failed("TABLE_NOT_FOUND", f"TABLE_NOT_FOUND: line 1:1: Table 'awsdatacatalog.{database}.{facts['name']}' does not exist")
        return _into(found, facts, short, database)
    if isinstance(found, dict):
        if facts["if_not_exists"]:
            return None
        raise Failed("TABLE_ALREADY_EXISTS", f"TABLE_ALREADY_EXISTS: line 1:1: Table 'awsdatacatalog.{database}.{facts['name']}' already exists")
    given = {name.lower(): value for name, value in facts["properties"].items()}
    if str(given.get("table_type", "HIVE")).upper() == "ICEBERG":
        raise NotImplementedHere("athena: Iceberg tables")
    for name in given:
        if name not in _KNOWN and name != "table_type":
            raise NotImplementedHere(f"athena: CREATE TABLE AS with {name}")
    packing = given.get("write_compression") or given.get("parquet_compression") or given.get("orc_compression")
    keys = [each.lower() for each in given.get("partitioned_by") or ()]
    location = str(given.get("external_location") or f"{begun.location}/tables/{begun.id}").rstrip("/") + "/"
    await _empty(call, location, "HIVE_PATH_ALREADY_EXISTS")
    write = {"format": given.get("format", "PARQUET"), "compression": packing, "partitioned_by": keys, "field_delimiter": given.get("field_delimiter"),
             "with_data": facts["with_data"], "id": short}  # fmt: skip
    return Plan("create table as", write, location, keys, facts=facts | {"given": given}, database=database)


async def _empty(call: Call, location: str, code: str) -> str:
    """A place that nothing lies at. https://docs.aws.amazon.com/athena/latest/ug/ctas-notes.html"""
    if not location.startswith("s3://"):
        raise Failed("INVALID_TABLE_PROPERTY", f"INVALID_TABLE_PROPERTY: External location must be a valid file system URI: {location}")
    if await reading.listed(call, location):
        raise Failed(code, f"{code}: Target directory for table already exists: {location}. You may need to manually clean the data at location before retrying.")
    return location.rstrip("/") + "/"


def _into(table: dict[str, Any], facts: dict[str, Any], short: str, database: str) -> Plan:
    descriptor = table.get("StorageDescriptor") or {}
    if table.get("TableType") == "VIRTUAL_VIEW":
        raise Failed("NOT_SUPPORTED", "NOT_SUPPORTED: line 1:1: Inserting into views is not supported")
    serde = descriptor.get("SerdeInfo") or {}
    format_ = _WRITTEN.get(serde.get("SerializationLibrary", "").rpartition(".")[2].lower())
    if format_ is None:
        raise NotImplementedHere(f"athena: INSERT INTO a table of {serde.get('SerializationLibrary') or 'no SerDe'}")
    if descriptor.get("NumberOfBuckets", 0) > 0:
        raise Failed("NOT_SUPPORTED", "NOT_SUPPORTED: Inserting into bucketed tables is not supported")
    given, keys = table.get("Parameters") or {}, _keys(table)
    packing = given.get("write.compression") or given.get("parquet.compression" if format_ == "PARQUET" else "orc.compress")
    columns = [[each["Name"], each.get("Type", "string")] for each in showing.all_columns(table)]
    serde_given = serde.get("Parameters") or {}
    delimiter = serde_given.get("field.delim") or "\x01"
    write = {"format": format_, "compression": packing, "partitioned_by": keys, "columns": columns, "into": facts["columns"], "field_delimiter": delimiter, "id": short}
    return Plan("insert", write, descriptor.get("Location", "").rstrip("/") + "/", keys, table, facts, database)


async def kept(call: Call, begun: Execution, plan: Plan, done: dict[str, Any]) -> str:
    """Put the files where they belong and tell the catalogue; answers where the manifest lies. Raises Failed."""
    written, parts = [], {}
    for file in done["files"]:
        folder = lake_paths.folder_of(plan.keys, file["values"])
        place = f"{plan.location}{folder}{file['name']}"
        await writing.put_file(call, place, file["path"], begun.options if plan.kind != "insert" else _encryption(begun))
        written.append(place)
        if plan.keys:
            parts[tuple(lake_paths.value_of(each) for each in file["values"])] = f"{plan.location}{folder}".rstrip("/")
    manifest = f"{begun.location}/{begun.id}-manifest.csv"
    await writing.put(call, manifest, "".join(f"{each}\n" for each in written).encode(), begun.options)
    table = plan.table
    if plan.kind == "create table as":
        table = _made(plan, done)
        await _make(call, plan.database, table, False)
        table = table | {"DatabaseName": plan.database}
    if table is not None and parts:
        await _create_partitions(call, table, [_partition_input(table, list(values), place) for values, place in parts.items()])
    return manifest


def _encryption(begun: Execution) -> dict[str, Any]:
    return {name: value for name, value in begun.options.items() if name == "EncryptionConfiguration"}


def _made(plan: Plan, done: dict[str, Any]) -> dict[str, Any]:
    from kumoniwa.languages.athena import hive  # noqa: PLC0415 (read when a query was)

    format_ = str(plan.write["format"]).upper()
    delimiter = plan.write["field_delimiter"]
    if format_ == "JSON":
        input_, output, serde = (*hive.STORED["TEXTFILE"][:2], "org.apache.hive.hcatalog.data.JsonSerDe")
    else:
        input_, output, serde = hive.STORED[format_]
    columns = [{"Name": each["Name"], "Type": each["Type"]} for each in done["columns"]]
    given: dict[str, str] = {"field.delim": delimiter, "serialization.format": delimiter} if format_ == "TEXTFILE" and delimiter else {"serialization.format": "1"}
    packing = {"write.compression": str(plan.write["compression"]).upper()} if plan.write["compression"] else {}
    return {
        "Name": plan.facts["name"], "TableType": "EXTERNAL_TABLE", "Parameters": _EXTERNAL | {"has_encrypted_data": "false"} | packing,
        "PartitionKeys": [each for each in columns if each["Name"] in plan.keys],
        "StorageDescriptor": {
            "Columns": [each for each in columns if each["Name"] not in plan.keys], "Location": plan.location, "InputFormat": input_, "OutputFormat": output,
            "Compressed": False, "SerdeInfo": {"SerializationLibrary": serde, "Parameters": given},
        },
    }  # fmt: skip
