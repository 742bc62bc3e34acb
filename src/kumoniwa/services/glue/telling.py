"""What Glue tells the region's bus of changes to its catalog: which tables of a database, or which partitions of a table.

https://docs.aws.amazon.com/glue/latest/dg/automating-awsglue-with-cloudwatch-events.html. That partitions are told as ``[a, b]`` is recorded.
"""

from __future__ import annotations

from kumoniwa.kernel.call import Call

DATABASE, TABLE = "Glue Data Catalog Database State Change", "Glue Data Catalog Table State Change"


def of_database(call: Call, name: str, tables: list[str] | None = None) -> None:
    """An operation made or deleted the database, or these tables of it."""
    resources = [call.arn(f"table/{name}/{table}", "glue") for table in tables or ()] or [call.arn(f"database/{name}", "glue")]
    call.tell(DATABASE, {"databaseName": name, "typeOfChange": call.operation, "changedTables": tables or [], "resources": resources})


def of_table(call: Call, database: str, name: str, partitions: list[list[str]] | None = None) -> None:
    """An operation changed the table, or these partitions of it."""
    told = [f"[{', '.join(values)}]" for values in partitions or ()]
    said = {"databaseName": database, "tableName": name, "typeOfChange": call.operation, "changedPartitions": told}
    call.tell(TABLE, {**said, "resources": [call.arn(f"table/{database}/{name}", "glue")]})
