"""A lake for queries: buckets with files, what Glue says of them, and queries that are asked and waited for."""

from __future__ import annotations

import gzip
import io
import json
from typing import Any

import pyarrow as pa
from pyarrow import parquet

LAZY = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
PARQUET = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
ORC = "org.apache.hadoop.hive.ql.io.orc.OrcSerde"
JSON = "org.openx.data.jsonserde.JsonSerDe"
CSV = "org.apache.hadoop.hive.serde2.OpenCSVSerde"
TEXT_INPUT, TEXT_OUTPUT = "org.apache.hadoop.mapred.TextInputFormat", "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"


class Lake:
    def __init__(self, cloud: Any, **identity: Any) -> None:
        self.cloud = cloud
        self.s3, self.glue, self.athena = (cloud.client(name, **identity) for name in ("s3", "glue", "athena"))

    def begin(self) -> Lake:
        for bucket in ("lake", "results"):
            self.s3.create_bucket(Bucket=bucket)
        self.glue.create_database(DatabaseInput={"Name": "db"})
        return self

    def put(self, key: str, body: bytes | str, bucket: str = "lake", **more: Any) -> int:
        body = body.encode() if isinstance(body, str) else body
        self.s3.put_object(Bucket=bucket, Key=key, Body=body, **more)
        return len(body)

    def get(self, key: str, bucket: str = "results") -> str:
        return self.s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        return [each["Key"] for each in self.s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", ())]

    def table(self, name: str, columns: dict[str, str], serde: str = LAZY, place: str = "", keys: dict[str, str] | None = None,
              given: dict[str, str] | None = None, parameters: dict[str, str] | None = None) -> None:  # fmt: skip
        descriptor = {
            "Columns": [{"Name": column, "Type": type_} for column, type_ in columns.items()], "Location": f"s3://lake/{place or name}/",
            "InputFormat": TEXT_INPUT, "OutputFormat": TEXT_OUTPUT, "SerdeInfo": {"SerializationLibrary": serde, "Parameters": given or {}},
        }  # fmt: skip
        self.glue.create_table(DatabaseName="db", TableInput={
            "Name": name, "TableType": "EXTERNAL_TABLE", "StorageDescriptor": descriptor, "Parameters": parameters or {},
            "PartitionKeys": [{"Name": key, "Type": type_} for key, type_ in (keys or {}).items()],
        })  # fmt: skip

    def part(self, name: str, *values: str, place: str = "") -> None:
        table = self.glue.get_table(DatabaseName="db", Name=name)["Table"]
        path = "/".join(f"{key['Name']}={value}" for key, value in zip(table["PartitionKeys"], values))
        descriptor = table["StorageDescriptor"] | {"Location": place or f"{table['StorageDescriptor']['Location']}{path}/"}
        self.glue.create_partition(DatabaseName="db", TableName=name, PartitionInput={"Values": list(values), "StorageDescriptor": descriptor})

    # Queries ------------------------------------------------------------------------------------------------------

    def start(self, text: str, **more: Any) -> str:
        more = {"ResultConfiguration": {"OutputLocation": "s3://results/out/"}, "QueryExecutionContext": {"Database": "db"}} | more
        return self.athena.start_query_execution(QueryString=text, **more)["QueryExecutionId"]

    def ended(self, number: str) -> dict[str, Any]:
        while (found := self.athena.get_query_execution(QueryExecutionId=number)["QueryExecution"])["Status"]["State"] in ("QUEUED", "RUNNING"):
            self.cloud.sleep(0.05)
        return found

    def run(self, text: str, **more: Any) -> dict[str, Any]:
        """The execution, which succeeds."""
        found = self.ended(self.start(text, **more))
        assert found["Status"]["State"] == "SUCCEEDED", found["Status"]
        return found

    def fails(self, text: str, **more: Any) -> str:
        """Why it does."""
        found = self.ended(self.start(text, **more))
        assert found["Status"]["State"] == "FAILED", found["Status"]
        return found["Status"]["StateChangeReason"]

    def rows(self, text: str, **more: Any) -> list[list[str | None]]:
        """What a query finds, without the names of its columns."""
        return self.results(self.run(text, **more)["QueryExecutionId"])[1:]

    def lines(self, text: str, **more: Any) -> list[str]:
        """What a statement about the catalogue answers."""
        return [row[0] for row in self.results(self.run(text, **more)["QueryExecutionId"])]

    def results(self, number: str) -> list[list[str | None]]:
        pages = self.athena.get_paginator("get_query_results").paginate(QueryExecutionId=number)
        return [[cell.get("VarCharValue") for cell in row["Data"]] for page in pages for row in page["ResultSet"]["Rows"]]


def columnar(columns: dict[str, list], **more: Any) -> bytes:
    """A file of Parquet."""
    out = io.BytesIO()
    parquet.write_table(pa.table(columns), out, **more)
    return out.getvalue()


def packed(*rows: dict[str, Any]) -> bytes:
    return gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode())
