"""What a table is and may be.

``Table`` is the record on the shelf, in AWS's terms; ``Layout`` is the same compiled for reads and writes, made once
for each version of the record.
"""

from __future__ import annotations

import math
import re
from typing import Any

from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, ValidationException
from kumoniwa.kernel.record import Record, changed
from kumoniwa.languages.dynamodb.value import INVALID, Item
from kumoniwa.services.dynamodb import group as groups
from kumoniwa.services.dynamodb import provisioning, throughput
from kumoniwa.services.dynamodb.compound import PARTS_MAX, CompoundSchema
from kumoniwa.services.dynamodb.group import Group
from kumoniwa.services.dynamodb.key import KeySchema
from kumoniwa.services.dynamodb.sealing import Encryption, Resealing
from kumoniwa.services.dynamodb.sealing import shown as encryption_shown

CREATING_FOR_S = 5
"""How long a table or index is CREATING at AWS's pace; otherwise it takes no time at all."""
GLOBAL_INDEXES_MAX = 20
LOCAL_INDEXES_MAX = 5
PROJECTED_MAX = 100
TAGS_MAX = 50
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html


class ResourceNotFoundException(AwsError):
    message = "Requested resource not found"


class ResourceInUseException(AwsError): ...


class LimitExceededException(AwsError): ...


class Index(Record):
    name: str
    id: int
    """Under which its rows lie."""
    hash_name: str
    range_name: str = ""
    projection: str = "ALL"
    projected: tuple[str, ...] = ()
    is_global: bool = True
    read_units: int = 0
    write_units: int = 0
    active_at: float = 0.0
    warm_reads: int = 0
    """What was asked to be kept warm; 0 for what the billing brings."""
    warm_writes: int = 0
    more_hashes: tuple[str, ...] = ()
    """Further attributes to partition by and to sort by, of an index whose key is made of several."""
    more_ranges: tuple[str, ...] = ()
    reads_max: int = 0
    """The most request units a second it may be asked for on demand; 0 for as many as anybody likes."""
    writes_max: int = 0

    @property
    def hashes(self) -> tuple[str, ...]:
        return (self.hash_name, *self.more_hashes)

    @property
    def ranges(self) -> tuple[str, ...]:
        return (*((self.range_name,) if self.range_name else ()), *self.more_ranges)


class Destination(Record):
    """A stream of Kinesis that is told of writes, by ``destination``."""

    stream: str
    precision: str
    is_on: bool
    changing: str = ""
    settled: float = 0.0
    ended: float = 0.0


class Table(Record):
    name: str
    id: int
    """Under which its rows lie; a table that is made again gets another."""
    uuid: str
    created: float
    active_at: float
    definitions: dict[str, str]
    """Attribute → S, N or B."""
    hash_name: str
    range_name: str = ""
    indexes: tuple[Index, ...] = ()
    is_on_demand: bool = False
    on_demand_since: float = 0.0
    """When the table last became on-demand; kept when it is provisioned again, as AWS shows it."""
    read_units: int = 0
    write_units: int = 0
    increased: float = 0.0
    decreased: float = 0.0
    warm_reads: int = 0
    warm_writes: int = 0
    table_class: str = ""
    class_changed: float = 0.0
    is_protected: bool = False
    tags: dict[str, str] = {}
    ttl_attribute: str = ""
    ttl_id: int = 0
    """Under which the times lie at which items end."""
    stream_label: str = ""
    """Names the stream; kept when it is turned off, as AWS shows it."""
    stream_view: str = ""
    """What its records show; empty if there is no stream."""
    group: Group | None = None
    """The replicas of a global table."""
    recovers_since: float = 0.0
    """Since when it can be restored to a point in time; 0 if it cannot."""
    recovery_days: int = 0
    restored_of: str = ""
    """The ARN of the table it was restored from, as it was then; and the backup, if it came from one."""
    restored_from: str = ""
    restored_at: float = 0.0
    destinations: tuple[Destination, ...] = ()
    encryption: Encryption | None = None
    """None under AWS's own key, which nobody sees."""
    resealing: Resealing | None = None
    reads_max: int = 0
    writes_max: int = 0
    has_aws_order: bool = False
    """Whether scans meet its partitions as AWS's do. A table that was made before we did so has another order, of CRC-32, and keeps it."""
    has_aws_ties: bool = False
    """Whether items that stand at one place of a global index are in AWS's order among themselves."""


class Dropped(Record):
    """Rows that nobody can reach any more; background work removes them."""

    id: int
    is_index: bool


class Filling(Record):
    """An index that is new and does not have all items yet."""

    table: str
    table_id: int
    id: int
    after: tuple[bytes, bytes] = (b"", b"")


# Compiled ------------------------------------------------------------------------------------------


class IndexLayout:
    __slots__ = ("name", "id", "key", "is_global", "kept", "projection")

    def __init__(self, table: Table, index: Index) -> None:
        self.name, self.id, self.is_global, self.projection = (
            index.name,
            index.id,
            index.is_global,
            index.projection,
        )
        self.key = _index_schema(table, index)
        self.kept: tuple[str, ...] | None = None
        """The attributes the index has; None if all of them."""
        if index.projection != "ALL":
            names = (*index.projected, *self.key.names, table.hash_name, table.range_name)
            self.kept = tuple(dict.fromkeys(filter(None, names)))

    def projected(self, item: Item) -> Item:
        return item if self.kept is None else {name: item[name] for name in self.kept if name in item}


class Layout:
    __slots__ = (
        "record",
        "name",
        "id",
        "key",
        "key_names",
        "indexes",
        "by_name",
        "ttl_attribute",
        "ttl_id",
        "stream",
        "needs_old",
        "index_key_kinds",
        "is_replicated",
        "is_legacy",
        "is_strong",
        "is_recoverable",
        "log",
        "destinations",
        "encryption",
        "is_guarded",
        "place_ids",
        "tied_ids",
        "limits",
    )

    def __init__(self, table: Table) -> None:
        self.record, self.name, self.id = table, table.name, table.id
        self.key = _schema(table, table.hash_name, table.range_name)
        self.key_names = frozenset(self.key.names)
        self.indexes = tuple(IndexLayout(table, index) for index in table.indexes)
        self.by_name = {index.name: index for index in self.indexes}
        self.ttl_attribute, self.ttl_id = table.ttl_attribute, table.ttl_id
        self.stream: str | None = f"{table.name}/stream/{table.stream_label}" if table.stream_view else None
        self.is_strong = table.group is not None and table.group.is_strong
        self.is_replicated = table.group is not None and not table.group.is_strong
        self.is_legacy = table.group is not None and table.group.version == groups.LEGACY
        self.is_recoverable = table.recovers_since > 0
        self.log: Any = None
        """A ``log.Log``, from the first write on."""
        self.destinations = tuple(each for each in table.destinations if each.is_on)
        self.encryption = table.encryption
        self.is_guarded = table.encryption is not None or table.resealing is not None
        """Whether a caller may have to wait before he reads or writes."""
        self.place_ids = (*(index.id for index in self.indexes), *((table.ttl_id,) if table.ttl_id else ()))
        """Under which ``item.places`` lie."""
        is_tied = table.has_aws_ties and (table.range_name or table.encryption is not None)
        self.tied_ids = frozenset(index.id for index in self.indexes if index.is_global and is_tied)
        """Of these, those in which an item is named behind its ``key.tie``. Where its place is the hash of its whole key, that does it."""
        self.needs_old = bool(
            self.indexes or self.ttl_id or self.stream or self.destinations or self.is_replicated or self.is_recoverable
        )
        """Whether a write must know what was there before."""
        self.limits: throughput.Limits | None = None
        """What who reads and writes may consume, known to those who ``find`` the table. None if as much as they like."""
        names = {name for index in self.indexes for name in index.key.names} - self.key_names
        self.index_key_kinds = {name: table.definitions[name] for name in names}


def _schema(table: Table, hash_name: str, range_name: str, index: str = "") -> KeySchema:
    kinds = table.definitions
    return KeySchema(hash_name, kinds[hash_name], range_name, kinds[range_name] if range_name else "", index, table.has_aws_order)


def _index_schema(table: Table, index: Index) -> KeySchema:
    if not index.more_hashes and not index.more_ranges:
        return _schema(table, index.hash_name, index.range_name, index.name)
    hashes, ranges = ([_schema(table, name, "", index.name) for name in names] for names in (index.hashes, index.ranges))
    first = _schema(table, index.hash_name, index.range_name, index.name)
    return CompoundSchema(
        first.hash_name, first.hash_kind, first.range_name, first.range_kind, index.name, table.has_aws_order, tuple(hashes), tuple(ranges)
    )


class Layouts:
    """The layouts of an account's tables, each valid as long as its record is the one on the shelf."""

    def __init__(self) -> None:
        self.by_name: dict[str, Layout] = {}


_NAME = re.compile(r"[a-zA-Z0-9_.-]+")


def find(call: Call, name: str) -> Layout | None:
    """The layout of a table that can be read and written now; None if there is none.

    ``name`` may be an ARN. A malformed name is refused here, because AWS does so before it looks at expressions.
    """
    record = call.shelf(Table).records.get(name)
    if record is None:
        record = held(call, name)
        if record is None:
            return None
        name = record.name
    layout = call.memory(Layouts).by_name.get(name)
    if layout is None or layout.record is not record:
        layout = laid_out(call, record)
    if record.active_at and record.active_at > call.now():
        return None
    return layout


def laid_out(call: Call, record: Table) -> Layout:
    """The layout of a record that has just come onto its shelf. Its limits hold from now on."""
    layouts = call.memory(Layouts).by_name
    before = layouts.get(record.name)
    layout = layouts[record.name] = Layout(record)
    limits = before.limits if before is not None and before.id == record.id else None
    layout.limits = throughput.limits(call, record.name, provisioning.rates(record), limits, is_on_demand=record.is_on_demand)
    return layout


def existing(layout: Layout | None) -> Layout:
    if layout is None:
        raise ResourceNotFoundException
    return layout


def plain_name(name: str) -> str:
    """A table's name, from the name or its ARN."""
    if name.startswith("arn:"):
        parsed = arns.parse(name)
        if parsed is None or parsed.service != "dynamodb" or not parsed.resource.startswith("table/"):
            raise ValidationException(f"Invalid TableArn: Invalid ResourceArn provided as input {name}")
        return parsed.resource.split("/")[1]
    rule = None
    if len(name) > 255:
        rule = "Member must have length less than or equal to 255"
    elif not _NAME.fullmatch(name):
        rule = "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"
    if rule is not None:
        raise ValidationException(
            f"1 validation error detected: Value '{name}' at 'tableName' failed to satisfy constraint: {rule}"
        )
    return name


def held(call: Call, name: str) -> Table | None:
    """The record of the table of this name or ARN, if there is one: no region answers for another's."""
    plain = plain_name(name)
    return call.shelf(Table).get(plain) if plain == name or arns.parse(name).region == call.region else None


def described(call: Call, name: str) -> Table:
    """The table's record, for operations on tables."""
    table = held(call, name)
    if table is None:
        raise ResourceNotFoundException(f"Requested resource not found: Table: {plain_name(name)} not found")
    return table


# Making --------------------------------------------------------------------------------------------


def _invalid(why: str) -> ValidationException:
    return ValidationException(INVALID + why)


def made(call: Call, params: dict[str, Any]) -> Table:
    """The record of CreateTable's parameters; raises what AWS answers if they do not fit together."""
    name = params["TableName"]
    plain_name(name)
    if len(name) < 3:
        rule = "Member must have length greater than or equal to 3"
        raise ValidationException(
            f"1 validation error detected: Value '{name}' at 'tableName' failed to satisfy constraint: {rule}"
        )
    for required in ("AttributeDefinitions", "KeySchema"):
        if not params.get(required):
            raise _invalid(
                f"{required} must be specified" if required == "KeySchema" else f"{required} is required"
            )
    is_on_demand = params.get("BillingMode") == "PAY_PER_REQUEST"
    read, write = provisioning.units(params.get("ProvisionedThroughput"), is_on_demand=is_on_demand)
    definitions = {each["AttributeName"]: each["AttributeType"] for each in params["AttributeDefinitions"]}
    if len(definitions) < len(params["AttributeDefinitions"]):
        raise _invalid("Duplicate AttributeName in AttributeDefinitions")
    if len(definitions) < len(params["KeySchema"]):
        raise ValidationException("Invalid KeySchema: Some index key attribute have no definition")
    hash_name, range_name = _key(params["KeySchema"], definitions)
    ready = call.now() + CREATING_FOR_S if call.home.settings.pace == "real" else 0.0
    table = Table(
        name=name, id=new_id(call), uuid=call.new_id(), created=call.now(), active_at=ready, definitions=definitions,
        hash_name=hash_name, range_name=range_name, is_on_demand=is_on_demand,
        on_demand_since=call.now() if is_on_demand else 0.0, read_units=read, write_units=write,
        table_class=params.get("TableClass") or "", is_protected=bool(params.get("DeletionProtectionEnabled")),
        tags=checked_tags({}, params.get("Tags") or []), has_aws_order=True, has_aws_ties=True,
    )  # fmt: skip
    warm = provisioning.warmed(params.get("WarmThroughput"), *provisioning.warm_of(is_on_demand, read, write))
    most = provisioning.ceilings(params.get("OnDemandThroughput"), None, is_on_demand=is_on_demand)
    table = changed(table, warm_reads=warm[0], warm_writes=warm[1], reads_max=most[0], writes_max=most[1])
    indexes = _local_indexes(call, table, params.get("LocalSecondaryIndexes"))
    indexes += _global_indexes(call, table, params.get("GlobalSecondaryIndexes"))
    check_projected(indexes)
    table = changed(table, indexes=tuple(indexes))
    names = [index.name for index in indexes]
    for index in names:
        if names.count(index) > 1:
            raise _invalid(f"Duplicate index name: {index}")
    check_definitions_used(table)
    return table


def new_id(call: Call) -> int:
    """An id for rows that nobody had before: rows of what was deleted may still lie there."""
    return call.ids.random.getrandbits(48)


def _key(schema: list[dict[str, str]], definitions: dict[str, str], index: str = "") -> tuple[str, str]:
    """Hash and range attribute of a KeySchema. Refusals recorded from AWS by mhart/dynalite."""
    names = [element["AttributeName"] for element in schema]
    if len(schema) > 2:
        shown = ", ".join(
            f"KeySchemaElement(attributeName={e['AttributeName']}, keyType={e['KeyType']})" for e in schema
        )
        raise ValidationException(
            f"1 validation error detected: Value '[{shown}]' at 'keySchema' failed to satisfy constraint: "
            "Member must have length less than or equal to 2"
        )
    if schema[0]["KeyType"] != "HASH":
        raise ValidationException("Invalid KeySchema: The first KeySchemaElement is not a HASH key type")
    if len(schema) == 2:
        if schema[1]["KeyType"] != "RANGE":
            raise ValidationException(
                "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type"
            )
        if names[0] == names[1]:
            raise ValidationException(
                "Both the Hash Key and the Range Key element in the KeySchema have the same name"
            )
    if any(name not in definitions for name in names):
        raise _invalid(
            "Some index key attributes are not defined in AttributeDefinitions. "
            f"Keys: [{', '.join(names)}], AttributeDefinitions: [{', '.join(definitions)}]"
        )
    return names[0], names[1] if len(names) == 2 else ""


def _key_parts(schema: list[dict[str, str]], definitions: dict[str, str], index: str) -> tuple[list[str], list[str]]:
    """The attributes of a global index's key: those to partition by, and those to sort by.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.DesignPattern.MultiAttributeKeys.html
    """
    kinds = [element["KeyType"] for element in schema]
    if len(schema) <= 2 and kinds != ["HASH", "HASH"]:
        hash_name, range_name = _key(schema, definitions, index)
        return [hash_name], [range_name] if range_name else []
    if kinds != sorted(kinds) or kinds[0] != "HASH":
        raise ValidationException("Invalid KeySchema: The first KeySchemaElement is not a HASH key type")
    names = {kind: [e["AttributeName"] for e in schema if e["KeyType"] == kind] for kind in ("HASH", "RANGE")}
    for kind, given in names.items():
        if len(given) > PARTS_MAX:
            raise _invalid(f"Number of {kind} key attributes exceeds the limit of {PARTS_MAX} for index: {index}")
    every = [*names["HASH"], *names["RANGE"]]
    if len(set(every)) < len(every):
        raise _invalid(f"KeySchema must not contain duplicate attributes for index: {index}")
    if any(name not in definitions for name in every):
        raise _invalid(
            "Some index key attributes are not defined in AttributeDefinitions. "
            f"Keys: [{', '.join(every)}], AttributeDefinitions: [{', '.join(definitions)}]"
        )
    return names["HASH"], names["RANGE"]


def _projection(index: dict[str, Any]) -> tuple[str, tuple[str, ...]]:
    given = index.get("Projection") or {}
    kind, names = given.get("ProjectionType"), given.get("NonKeyAttributes")
    if kind is None:
        raise _invalid("Unknown ProjectionType: null")
    if kind == "INCLUDE" and not names:
        raise _invalid("ProjectionType is INCLUDE, but NonKeyAttributes is not specified")
    if kind != "INCLUDE" and names:
        raise _invalid(f"ProjectionType is {kind}, but NonKeyAttributes is specified")
    return kind, tuple(names or ())


def check_projected(indexes: list[Index]) -> None:
    """Seen of AWS by cdk-preflight: pf-dynamodb-projection-nonkey-total. One name in two indexes counts twice."""
    if (count := sum(len(each.projected) for each in indexes)) > PROJECTED_MAX:
        raise _invalid(f"Number of projected attributes in all indexes exceeds limit of {PROJECTED_MAX}, number of projected attributes:{count}")


def _local_indexes(call: Call, table: Table, given: list[dict] | None) -> list[Index]:
    if given is None:
        return []
    if not given:
        raise _invalid("List of LocalSecondaryIndexes is empty")
    if not table.range_name:
        raise _invalid(
            "Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex"
        )
    if len(given) > LOCAL_INDEXES_MAX:
        raise _invalid(f"Number of LocalSecondaryIndexes exceeds per-table limit of {LOCAL_INDEXES_MAX}")
    found = []
    for index in given:
        name = index["IndexName"]
        hash_name, range_name = _key(index["KeySchema"], table.definitions, name)
        kind, names = _projection(index)
        if hash_name != table.hash_name:
            raise _invalid(
                f"Index KeySchema does not have the same leading hash key as table KeySchema for index: {name}. "
                f"index hash key: {hash_name}, table hash key: {table.hash_name}"
            )
        if not range_name:
            raise _invalid(f"Index KeySchema does not have a range key for index: {name}")
        found.append(
            Index(
                name=name,
                id=new_id(call),
                hash_name=hash_name,
                range_name=range_name,
                projection=kind,
                projected=names,
                is_global=False,
            )
        )
    return found


def _global_indexes(call: Call, table: Table, given: list[dict] | None) -> list[Index]:
    if given is None:
        return []
    if not given:
        raise _invalid("List of GlobalSecondaryIndexes is empty")
    if len(given) > GLOBAL_INDEXES_MAX:
        raise _invalid(f"GlobalSecondaryIndex count exceeds the per-table limit of {GLOBAL_INDEXES_MAX}")
    return [global_index(call, table, index) for index in given]


def global_index(call: Call, table: Table, given: dict[str, Any], *, active_at: float = 0.0) -> Index:
    name = given["IndexName"]
    hashes, ranges = _key_parts(given["KeySchema"], table.definitions, name)
    kind, names = _projection(given)
    read, write = provisioning.units(given.get("ProvisionedThroughput"), is_on_demand=table.is_on_demand, index=name)
    warm = provisioning.warmed(given.get("WarmThroughput"), *provisioning.warm_of(table.is_on_demand, read, write), f"index {name}")
    most = provisioning.ceilings(given.get("OnDemandThroughput"), None, is_on_demand=table.is_on_demand, what=f"index {name}")
    return Index(
        name=name, id=new_id(call), hash_name=hashes[0], range_name=ranges[0] if ranges else "", more_hashes=tuple(hashes[1:]),
        more_ranges=tuple(ranges[1:]), projection=kind, projected=names, read_units=read, write_units=write, active_at=active_at,
        warm_reads=warm[0], warm_writes=warm[1],
        reads_max=most[0], writes_max=most[1],
    )  # fmt: skip


def check_definitions_used(table: Table) -> None:
    used = {
        table.hash_name,
        table.range_name,
        *(n for i in table.indexes for n in (*i.hashes, *i.ranges)),
    } - {""}
    if used == table.definitions.keys():
        return
    if not table.indexes:
        raise _invalid(
            "Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions"
        )
    raise _invalid(
        f"Some AttributeDefinitions are not used. AttributeDefinitions: [{', '.join(table.definitions)}], "
        f"keys used: [{', '.join(name for name in table.definitions if name in used)}]"
    )


def reserved_tag(operation: str, key: str) -> AwsError:
    return ValidationException("One or more parameter values were invalid: Tag keys starting with 'aws:' are reserved")


def checked_tags(tags: dict[str, str], given: list[dict[str, str]]) -> dict[str, str]:
    """The tags with those given added."""
    keys = [tag["Key"] for tag in given]
    if len(set(keys)) < len(keys):
        raise ValidationException("Tag keys must be unique")
    merged = tags | {tag["Key"]: tag["Value"] for tag in given}
    if len(merged) > TAGS_MAX:
        raise ValidationException(
            f"One or more parameter values were invalid: Too many tags: at most {TAGS_MAX} are allowed"
        )
    return merged


# Showing -------------------------------------------------------------------------------------------


def description(
    call: Call, table: Table, sizes: dict[int, tuple[int, int]], *, status: str = ""
) -> dict[str, Any]:
    """A TableDescription. ``sizes`` are (items, bytes) by id of table or index."""
    now = call.now()
    count, size = sizes.get(table.id, (0, 0))
    shown: dict[str, Any] = {
        "AttributeDefinitions": [
            {"AttributeName": n, "AttributeType": kind} for n, kind in table.definitions.items()
        ],
        "TableName": table.name,
        "KeySchema": schema_shown(table.hash_name, table.range_name),
        "TableStatus": status or _status(table, now),
        "CreationDateTime": table.created,
        "ProvisionedThroughput": provisioning.units_shown(table, table.read_units, table.write_units),
        "TableSizeBytes": size,
        "ItemCount": count,
        "TableArn": call.arn(f"table/{table.name}", "dynamodb"),
        "TableId": table.uuid,
        "DeletionProtectionEnabled": table.is_protected,
    }
    if table.encryption is not None:
        shown["SSEDescription"] = encryption_shown(table.encryption)
    if table.on_demand_since:
        shown["BillingModeSummary"] = {
            "BillingMode": "PAY_PER_REQUEST" if table.is_on_demand else "PROVISIONED",
            "LastUpdateToPayPerRequestDateTime": table.on_demand_since,
        }
    shown |= provisioning.ceilings_shown(table)
    if table.table_class:
        shown["TableClassSummary"] = {"TableClass": table.table_class}
        if table.class_changed:
            shown["TableClassSummary"]["LastUpdateDateTime"] = table.class_changed
    if table.stream_label:
        shown["LatestStreamLabel"] = table.stream_label
        shown["LatestStreamArn"] = call.arn(f"table/{table.name}/stream/{table.stream_label}", "dynamodb")
    if table.stream_view:
        shown["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": table.stream_view}
    if table.restored_of:
        shown["RestoreSummary"] = {
            "SourceTableArn": table.restored_of,
            "RestoreDateTime": table.restored_at,
            "RestoreInProgress": table.active_at == math.inf,
        } | ({"SourceBackupArn": table.restored_from} if table.restored_from else {})
    if status not in ("CREATING", "DELETING"):
        shown["WarmThroughput"] = provisioning.warm_shown(table, table)
    for member, is_global in (("LocalSecondaryIndexes", False), ("GlobalSecondaryIndexes", True)):
        indexes = [
            _index_shown(call, table, i, sizes, status) for i in table.indexes if i.is_global == is_global
        ]
        if indexes:
            shown[member] = indexes
    return shown


def _status(table: Table, now: float) -> str:
    if table.active_at > now:
        return "CREATING"
    if table.encryption is not None and table.encryption.inaccessible_since:
        return "INACCESSIBLE_ENCRYPTION_CREDENTIALS"
    if table.resealing is not None:
        return "UPDATING"
    return "UPDATING" if table.group is not None and table.group.is_changing else "ACTIVE"


def schema_shown(hash_name: str, range_name: str) -> list[dict[str, str]]:
    shown = [{"AttributeName": hash_name, "KeyType": "HASH"}]
    return [*shown, {"AttributeName": range_name, "KeyType": "RANGE"}] if range_name else shown


def _index_shown(
    call: Call, table: Table, index: Index, sizes: dict[int, tuple[int, int]], status: str
) -> dict[str, Any]:
    count, size = sizes.get(index.id, (0, 0))
    projection: dict[str, Any] = {"ProjectionType": index.projection}
    if index.projected:
        projection["NonKeyAttributes"] = list(index.projected)
    shown: dict[str, Any] = {
        "IndexName": index.name,
        "KeySchema": [
            {"AttributeName": name, "KeyType": kind} for names, kind in ((index.hashes, "HASH"), (index.ranges, "RANGE")) for name in names
        ],
        "Projection": projection,
        "IndexSizeBytes": size,
        "ItemCount": count,
        "IndexArn": call.arn(f"table/{table.name}/index/{index.name}", "dynamodb"),
    }
    if index.is_global:
        is_filling = index.active_at > call.now() or str(index.id) in call.shelf(Filling)
        is_coming = is_filling or table.active_at > call.now() or status == "CREATING"
        shown["IndexStatus"] = "CREATING" if is_coming else "ACTIVE"
        if is_filling:
            shown["Backfilling"] = True
        shown["ProvisionedThroughput"] = provisioning.units_shown(table, index.read_units, index.write_units)
        shown |= provisioning.ceilings_shown(index)
        if status not in ("CREATING", "DELETING"):
            shown["WarmThroughput"] = provisioning.warm_shown(table, index)
    return shown
