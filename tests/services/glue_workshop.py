"""A database with a table of the web's logs in it, parted by year, month and day."""

from __future__ import annotations

from typing import Any

COLUMNS = [{"Name": "at", "Type": "timestamp"}, {"Name": "path", "Type": "string"}, {"Name": "status", "Type": "int"}]
KEYS = [{"Name": "year", "Type": "int"}, {"Name": "month", "Type": "string"}, {"Name": "day", "Type": "date"}]


def described(location: str = "s3://lake/logs/", columns: list[dict] | None = None, **more: Any) -> dict[str, Any]:
    return {
        "Columns": COLUMNS if columns is None else columns, "Location": location, "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
        "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
        "SerdeInfo": {"SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe"}, **more,
    }  # fmt: skip


def make_table(glue, name: str = "logs", database: str = "lake", keys: list[dict] | None = None, **more: Any) -> dict[str, str]:
    """Answers how partitions of it are named."""
    keys = KEYS if keys is None else keys
    said = {"Name": name, "TableType": "EXTERNAL_TABLE", "StorageDescriptor": described(), "PartitionKeys": keys, **more}
    glue.create_table(DatabaseName=database, TableInput=said)
    return {"DatabaseName": database, "TableName": name}


def part(glue, where: dict[str, str], *values: str, **more: Any) -> None:
    location = "s3://lake/logs/" + "/".join(values) + "/"
    glue.create_partition(**where, PartitionInput={"Values": list(values), "StorageDescriptor": described(location), **more})


def chosen(glue, where: dict[str, str], expression: str = "", **more: Any) -> list[list[str]]:
    """The values of all partitions that an expression chooses."""
    said = {"Expression": expression} if expression else {}
    pages = glue.get_paginator("get_partitions").paginate(**where, **said, **more)
    return [each["Values"] for page in pages for each in page["Partitions"]]
