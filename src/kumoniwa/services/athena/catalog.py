"""What Athena shows of the Glue Data Catalog, read in the caller's name. AwsDataCatalog is the one data catalog there is.

https://docs.aws.amazon.com/athena/latest/APIReference/API_ListTableMetadata.html
"""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.services.athena import tag
from kumoniwa.services.athena.errors import MetadataException, invalid

AWS = "AwsDataCatalog"


def check(name: str | None) -> None:
    """Raises InvalidRequestException where a catalog is not there."""
    if (name or AWS).lower() != AWS.lower():
        raise invalid(f"Data Catalog {name} was not found")  # our words


def CreateDataCatalog(call: Call, *, Name: str, Type: str, Description: str | None = None, Parameters: dict[str, str] | None = None,
                      Tags: list[dict[str, str]] | None = None) -> dict:  # fmt: skip
    if Name.lower() == AWS.lower():
        raise invalid(f"Data Catalog {AWS} already exists")  # our words
    raise NotImplementedHere(f"athena:CreateDataCatalog(Type={Type}): {AWS} is the only data catalog here")


def GetDataCatalog(call: Call, *, Name: str, WorkGroup: str | None = None) -> dict:
    check(Name)
    return {"DataCatalog": {"Name": AWS, "Type": "GLUE", "Parameters": {"catalog-id": call.account}, "Status": "CREATE_COMPLETE"}}


def ListDataCatalogs(call: Call, *, NextToken: str | None = None, MaxResults: int | None = None, WorkGroup: str | None = None) -> dict:
    return {"DataCatalogsSummary": [{"CatalogName": AWS, "Type": "GLUE", "Status": "CREATE_COMPLETE"}]}


async def _asked(call: Call, operation: str, **params: Any) -> dict[str, Any]:
    try:
        return await call.ask(operation, **params)
    except AwsError as error:
        # As it is recorded in https://github.com/dbeaver/dbeaver/issues/18786, without the service's trailer.
        raise MetadataException(f"{error.text} (Service: AmazonDataCatalog; Status Code: {error.status or 400}; Error Code: {error.code})") from None


def _database(said: dict[str, Any]) -> dict[str, Any]:
    return {name: said[given] for name, given in (("Name", "Name"), ("Description", "Description"), ("Parameters", "Parameters")) if said.get(given)}


async def GetDatabase(call: Call, *, CatalogName: str, DatabaseName: str, WorkGroup: str | None = None) -> dict:
    check(CatalogName)
    return {"Database": _database((await _asked(call, "glue:GetDatabase", Name=DatabaseName))["Database"])}


async def ListDatabases(
    call: Call, *, CatalogName: str, NextToken: str | None = None, MaxResults: int | None = None, WorkGroup: str | None = None
) -> dict:
    check(CatalogName)
    listed = await all_of(call, "glue:GetDatabases", "DatabaseList")
    found, token = tag.page([_database(each) for each in listed], MaxResults or 50, NextToken)
    return {"DatabaseList": found} | token


async def all_of(call: Call, operation: str, member: str, **params: Any) -> list[dict[str, Any]]:
    """All pages of one of Glue's lists. Raises MetadataException."""
    found: list[dict[str, Any]] = []
    token: dict[str, str] = {}
    while True:
        page = await _asked(call, operation, **params, **token)
        found += page[member]
        if not page.get("NextToken"):
            return found
        token = {"NextToken": page["NextToken"]}


def _column(said: dict[str, Any]) -> dict[str, str]:
    return {name: said[name] for name in ("Name", "Type", "Comment") if said.get(name)}


def metadata(table: dict[str, Any]) -> dict[str, Any]:
    descriptor = table.get("StorageDescriptor") or {}
    serde = descriptor.get("SerdeInfo") or {}
    # "inputformat", "location", … are told among the parameters: recorded in the responses of PyAthena's get_table_metadata.
    more = {
        "inputformat": descriptor.get("InputFormat"), "location": descriptor.get("Location"), "outputformat": descriptor.get("OutputFormat"),
        "serde.serialization.lib": serde.get("SerializationLibrary"),
        **{f"serde.param.{name}": value for name, value in (serde.get("Parameters") or {}).items()},
    }  # fmt: skip
    told = {
        "Name": table["Name"], "CreateTime": table.get("CreateTime"), "LastAccessTime": table.get("LastAccessTime"), "TableType": table.get("TableType"),
        "Columns": [_column(each) for each in descriptor.get("Columns") or ()], "PartitionKeys": [_column(each) for each in table.get("PartitionKeys") or ()],
        "Parameters": (table.get("Parameters") or {}) | {name: value for name, value in more.items() if value is not None},
    }  # fmt: skip
    return {name: value for name, value in told.items() if value is not None}


async def GetTableMetadata(call: Call, *, CatalogName: str, DatabaseName: str, TableName: str, WorkGroup: str | None = None) -> dict:
    check(CatalogName)
    return {"TableMetadata": metadata((await _asked(call, "glue:GetTable", DatabaseName=DatabaseName, Name=TableName))["Table"])}


async def ListTableMetadata(
    call: Call, *, CatalogName: str, DatabaseName: str, Expression: str | None = None, NextToken: str | None = None, MaxResults: int | None = None,
    WorkGroup: str | None = None,
) -> dict:  # fmt: skip
    check(CatalogName)
    # The catalogue itself chooses, and bounds what a pattern may cost; letters of either size are the same here.
    chosen = {"Expression": f"(?i){re.sub(r'^[*]', '.*', Expression)}"} if Expression else {}
    listed = await all_of(call, "glue:GetTables", "TableList", DatabaseName=DatabaseName, **chosen)
    found, token = tag.page([metadata(each) for each in listed], MaxResults or 50, NextToken)
    return {"TableMetadataList": found} | token
