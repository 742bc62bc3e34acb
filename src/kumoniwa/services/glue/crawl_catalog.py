"""What a crawler writes into the catalog, in its role's name: tables and partitions as they are now, and what is gone.

How tables look that AWS's crawlers made is recorded in many repositories; what its policies say:
https://docs.aws.amazon.com/glue/latest/dg/crawler-schema-changes-prevent.html
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from typing import Any

from kumoniwa.engines.classify_text import Seen
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import AwsError
from kumoniwa.languages import glue_schema
from kumoniwa.services.glue.crawl_files import CrawlFailed
from kumoniwa.services.glue.crawl_layout import Amount, Found, Part

AT_ONCE, DELETED_AT_ONCE = 100, 25
_TEXT = ("org.apache.hadoop.mapred.TextInputFormat", "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat")
_HIVE = "org.apache.hadoop.hive.ql.io"
_PARQUET = (f"{_HIVE}.parquet.MapredParquetInputFormat", f"{_HIVE}.parquet.MapredParquetOutputFormat")
_FORMATS = {
    "csv": (*_TEXT, "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe", {}),
    "json": (*_TEXT, "org.openx.data.jsonserde.JsonSerDe", {}),
    "parquet": (*_PARQUET, f"{_HIVE}.parquet.serde.ParquetHiveSerDe", {"serialization.format": "1"}),
    "orc": (f"{_HIVE}.orc.OrcInputFormat", f"{_HIVE}.orc.OrcOutputFormat", f"{_HIVE}.orc.OrcSerde", {}),
}
_RUN, _DEPRECATED, _BY = "CRAWL_RUN_ID", "DEPRECATED_BY_CRAWLER", "UPDATED_BY_CRAWLER"
_INDEX = "crawler_partition_index"
_KEPT = ("Name", "Description", "Owner", "Retention", "StorageDescriptor", "PartitionKeys", "TableType", "Parameters")


class Writer:
    """``role`` is a call as the crawler's role; ``log`` keeps a line."""

    def __init__(self, role: Call, crawler: str, crawl: str, said: dict[str, Any], configuration: dict[str, Any], log: Callable[[str], None]) -> None:
        self.role, self.crawler, self.crawl, self.log = role, crawler, crawl, log
        self.database, self.prefix = said.get("DatabaseName", "default"), said.get("TablePrefix", "")
        policy = said.get("SchemaChangePolicy", {})
        self.updates = policy.get("UpdateBehavior", "UPDATE_IN_DATABASE") == "UPDATE_IN_DATABASE"
        self.deletes = policy.get("DeleteBehavior", "DEPRECATE_IN_DATABASE")
        output = configuration.get("CrawlerOutput", {})
        self.merges = "AddOrUpdateBehavior" in output.get("Tables", {})
        self.inherits = "AddOrUpdateBehavior" in output.get("Partitions", {})
        self.indexes = configuration.get("CreatePartitionIndex") is True
        self.counts: dict[str, int] = {}
        self.seen: set[str] = set()
        """Tables that were found."""

    def _count(self, what: str, number: int = 1) -> None:
        self.counts[what] = self.counts.get(what, 0) + number

    async def _ask(self, operation: str, **params: Any) -> dict[str, Any]:
        return await self.role.ask(f"glue:{operation}", DatabaseName=self.database, **params)

    async def _failing(self, operation: str, **params: Any) -> dict[str, Any]:
        """Raises CrawlFailed. The words are ours, around those of the catalog."""
        try:
            return await self._ask(operation, **params)
        except AwsError as error:
            raise CrawlFailed(f"{operation} in database {self.database} failed: {error.text}") from None

    # How it looks ----------------------------------------------------------------------------------

    def _parameters(self, seen: Seen, amount: Amount, *, is_partitioned: bool = False) -> dict[str, str]:
        said = {
            "CrawlerSchemaDeserializerVersion": "1.0", "CrawlerSchemaSerializerVersion": "1.0", _BY: self.crawler, _RUN: self.crawl,
            "averageRecordSize": str(seen.record_bytes), "classification": seen.classification, "compressionType": seen.compression,
            "objectCount": str(amount.objects), "recordCount": str(amount.records), "sizeKey": str(amount.bytes), "typeOfData": "file",
            **seen.parameters,
        }  # fmt: skip
        return said | ({"partition_filtering.enabled": "true"} if is_partitioned and self.indexes else {})

    def _described(self, seen: Seen, location: str, parameters: dict[str, str]) -> dict[str, Any]:
        reads, writes, serde, of_serde = _FORMATS.get(seen.classification, (*_TEXT, seen.serde, {}))
        columns = glue_schema.united([], [(name.lower(), type_) for name, type_ in seen.columns])
        return {
            "Columns": [{"Name": name, "Type": type_} for name, type_ in columns], "Location": location, "InputFormat": reads, "OutputFormat": writes,
            "Compressed": seen.compression != "none", "NumberOfBuckets": -1, "StoredAsSubDirectories": False,
            "SerdeInfo": {"SerializationLibrary": seen.serde or serde, "Parameters": {**of_serde, **seen.serde_parameters}},
            "BucketColumns": [], "SortColumns": [], "Parameters": parameters,
        }  # fmt: skip

    def _input(self, found: Found, name: str) -> dict[str, Any]:
        parameters = self._parameters(found.seen, found.amount, is_partitioned=bool(found.keys))
        return {
            "Name": name, "Owner": "owner", "Retention": 0, "TableType": "EXTERNAL_TABLE", "Parameters": parameters,
            "PartitionKeys": [{"Name": key, "Type": "string"} for key in found.keys],
            "StorageDescriptor": self._described(found.seen, _location(found.path, found.is_file), parameters),
        }  # fmt: skip

    # Tables ----------------------------------------------------------------------------------------

    async def write(self, found: Found) -> None:
        """Raises CrawlFailed."""
        name, held = await self._place(found)
        self.seen.add(name)
        said = self._input(found, name)
        if held is None:
            index = {"PartitionIndexes": [{"IndexName": _INDEX, "Keys": found.keys}]} if found.keys and self.indexes else {}
            await self._failing("CreateTable", TableInput=said, **index)
            self._count("tablesCreated")
            self.log(f"INFO : Created table {name} in database {self.database}")
        elif await self._update(held, said):
            said = held if not self.updates and not self.merges else said
        else:
            return
        if found.keys:
            await self._partitions(name, said, found)

    async def _place(self, found: Found) -> tuple[str, dict[str, Any] | None]:
        """How the table is called, and what there is of it. Where another table has its name, its own has a sum of its location behind it."""
        location = _location(found.path, found.is_file)
        plain = re.sub(r"[^a-z0-9_]", "_", (self.prefix + found.path[-1]).lower())
        for name in (plain, f"{plain}_{hashlib.md5(location.encode(), usedforsecurity=False).hexdigest()}"):
            held = await self._table(name)
            if held is None or _same_place(held.get("StorageDescriptor", {}).get("Location", ""), location):
                break
        return name, held

    async def _table(self, name: str) -> dict[str, Any] | None:
        try:
            return (await self._ask("GetTable", Name=name))["Table"]
        except AwsError as error:
            if error.code == "EntityNotFoundException" and not error.text.startswith("Database"):
                return None
            raise CrawlFailed(f"GetTable in database {self.database} failed: {error.text}") from None

    async def _update(self, held: dict[str, Any], said: dict[str, Any]) -> bool:
        """Whether its partitions can be kept after it. "Remove any metadata that is not set by the crawler" is the default; whoever wants new
        columns only keeps the rest: https://docs.aws.amazon.com/glue/latest/dg/crawler-configuration.html"""
        name, new = held["Name"], said["StorageDescriptor"]
        keys_differ = [each["Name"] for each in held["PartitionKeys"]] != [each["Name"] for each in said["PartitionKeys"]]
        if not self.updates and not self.merges:
            if _columns(held["StorageDescriptor"]) != _columns(new) or keys_differ:
                self.log(f"INFO : Table {name} in database {self.database} has changed, and is not updated")  # our words
            return not keys_differ
        if self.merges:
            known = {each["Name"] for each in held["StorageDescriptor"]["Columns"]}
            new["Columns"] = held["StorageDescriptor"]["Columns"] + [each for each in new["Columns"] if each["Name"] not in known]
            said["Parameters"] = {**_without(held.get("Parameters", {}), _DEPRECATED), **said["Parameters"]}
            said |= {each: held[each] for each in ("Description", "Owner", "Retention") if each in held}
        if keys_differ:
            await self._emptied(name)
        if _essence(held) != _essence(said):
            await self._failing("UpdateTable", TableInput=said)
            self._count("tablesUpdated")
            self.log(f"INFO : Updated table {name} in database {self.database}")
        return True

    # Partitions ------------------------------------------------------------------------------------

    async def _lost(self, name: str, there: set[tuple[str, ...]]) -> list[list[str]]:
        """The values of its partitions that are not there any more."""
        found, token = [], {}
        while True:
            page = await self._failing("GetPartitions", TableName=name, ExcludeColumnSchema=True, **token)
            found += [each["Values"] for each in page["Partitions"] if tuple(each["Values"]) not in there]
            if not page.get("NextToken"):
                return found
            token = {"NextToken": page["NextToken"]}

    def _partition(self, part: Part, table: dict[str, Any]) -> dict[str, Any]:
        parameters, location = self._parameters(part.seen, part.amount), _location(part.path, False)
        described = self._described(part.seen, location, parameters)
        if self.inherits:
            described |= {each: table["StorageDescriptor"][each] for each in ("Columns", "InputFormat", "OutputFormat", "SerdeInfo", "Compressed")}
        return {"Values": part.values, "StorageDescriptor": described, "Parameters": parameters}

    async def _partitions(self, name: str, table: dict[str, Any], found: Found) -> None:
        for some in _some(found.parts, AT_ONCE):
            asked = [{"Values": part.values} for part in some]
            answer = await self._failing("BatchGetPartition", TableName=name, PartitionsToGet=asked)
            held = {tuple(each["Values"]): each for each in answer["Partitions"]}
            new, changed = [], []
            for part in some:
                said, before = self._partition(part, table), held.get(tuple(part.values))
                if before is None:
                    new.append(said)
                elif self.updates and _essence(before) != _essence(said):
                    changed.append({"PartitionValueList": part.values, "PartitionInput": said})
            if new:
                answer = await self._failing("BatchCreatePartition", TableName=name, PartitionInputList=new)
                # Who made one meanwhile has made it.
                self._count("partitionsCreated", len(new) - len(answer["Errors"]))
            if changed:
                await self._failing("BatchUpdatePartition", TableName=name, Entries=changed)
                self._count("partitionsUpdated", len(changed))
        lost = await self._lost(name, {tuple(part.values) for part in found.parts})
        if self.deletes == "DELETE_FROM_DATABASE":
            await self._delete_partitions(name, lost)
        else:
            # So AWS logs it under the policy DEPRECATE_IN_DATABASE, too, as recorded.
            for values in lost:
                told = f"with partition values [{', '.join(values)}] with no matching schema at the partition's S3 location"
                self.log(f"INFO : Found partition of table {name} {told}")

    async def _delete_partitions(self, name: str, gone: list[list[str]]) -> None:
        for some in _some(gone, DELETED_AT_ONCE):
            await self._failing("BatchDeletePartition", TableName=name, PartitionsToDelete=[{"Values": values} for values in some])
            self._count("partitionsDeleted", len(some))

    async def _emptied(self, name: str) -> None:
        """Partitions of other keys are none of its own any more."""
        await self._delete_partitions(name, await self._lost(name, set()))

    # What is gone ----------------------------------------------------------------------------------

    async def gone(self, places: list[str]) -> None:
        """What this crawler made below its targets and has not found again."""
        token: dict[str, str] = {}
        lost = []
        while True:
            page = await self._failing("GetTables", **token)
            lost += [each for each in page["TableList"] if self._is_lost(each, places)]
            if not page.get("NextToken"):
                break
            token = {"NextToken": page["NextToken"]}
        for each in lost:
            name = each["Name"]
            if self.deletes == "DELETE_FROM_DATABASE":
                await self._failing("DeleteTable", Name=name)
                self._count("tablesDeleted")
                self.log(f"INFO : Deleted table {name} in database {self.database}")
            elif self.deletes == "DEPRECATE_IN_DATABASE" and _DEPRECATED not in each["Parameters"]:
                said = {member: each[member] for member in _KEPT if member in each}
                said["Parameters"] = {**each["Parameters"], _DEPRECATED: str(milliseconds(self.role.now()))}
                await self._failing("UpdateTable", TableInput=said)
                self._count("tablesUpdated")
                self.log(f"INFO : Table {name} is marked deprecated because a matching schema was not found at the table's location.")

    def _is_lost(self, table: dict[str, Any], places: list[str]) -> bool:
        location = table.get("StorageDescriptor", {}).get("Location", "")
        is_ours = table.get("Parameters", {}).get(_BY) == self.crawler and table["Name"] not in self.seen
        return is_ours and any(_same_place(location, place) or location.startswith(place.rstrip("/") + "/") for place in places)


def _location(path: list[str], is_file: bool) -> str:
    return "s3://" + "/".join(path) + ("" if is_file else "/")


def _same_place(a: str, b: str) -> bool:
    return a.rstrip("/") == b.rstrip("/")


def _some(items: list[Any], most: int) -> Iterable[list[Any]]:
    return (items[place : place + most] for place in range(0, len(items), most))


def _without(parameters: dict[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in parameters.items() if name not in names}


def _columns(described: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["Name"], each.get("Type", "")) for each in described["Columns"]]


def _essence(said: dict[str, Any]) -> tuple[Any, ...]:
    """What has to differ for there to be something new to write: in which run it was seen does not count."""
    described = said["StorageDescriptor"]
    keys = [each["Name"] for each in said.get("PartitionKeys", ())]
    return _columns(described), described["Location"], described.get("SerdeInfo"), keys, _without(said.get("Parameters", {}), _RUN)
