"""What a table is.

``Table`` is the record on the shelf, in AWS's terms; ``Layout`` is the same compiled for reads and writes, made once
for each version of the record.
"""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, ValidationException
from kumoniwa.kernel.record import Record
from kumoniwa.languages.dynamodb.value import Item
from kumoniwa.services.dynamodb import contribution, provisioning, throughput
from kumoniwa.services.dynamodb import group as groups
from kumoniwa.services.dynamodb.compound import CompoundSchema
from kumoniwa.services.dynamodb.contribution import Insights
from kumoniwa.services.dynamodb.group import Group
from kumoniwa.services.dynamodb.key import KeySchema
from kumoniwa.services.dynamodb.sealing import Encryption, Resealing

CREATING_FOR_S = 5
"""How long a table or index is CREATING at AWS's pace; otherwise it takes no time at all."""


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
    insights: Insights | None = None
    base_reads: int = 0
    """What a global table reads where nothing overrides it, if this replica overrides it."""

    @property
    def shared_reads(self) -> int:
        """What a replica reads that overrides nothing."""
        return self.base_reads or self.read_units

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
    insights: Insights | None = None
    base_reads: int = 0
    base_class: str | None = None
    """What class the others have, if this replica overrides it."""

    @property
    def shared_reads(self) -> int:
        return self.base_reads or self.read_units

    @property
    def shared_class(self) -> str:
        return self.table_class if self.base_class is None else self.base_class


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
        "named",
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
        "insights",
    )

    def __init__(self, table: Table) -> None:
        self.record, self.name, self.id = table, table.name, table.id
        self.key = _schema(table, table.hash_name, table.range_name)
        self.key_names = frozenset(self.key.names)
        self.indexes = tuple(IndexLayout(table, index) for index in table.indexes)
        self.named = tuple(sorted(self.indexes, key=lambda index: index.name))
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
        self.insights = contribution.watches(table)
        """Who counts which keys are asked for; None if nobody does."""
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


def refuse_nested(layout: Layout, looked_into: frozenset[str]) -> None:
    """No expression looks into an attribute of a key, the table's own or an index's: recorded from AWS by architect/dynalite,
    test/getItem.js, query.js, scan.js and updateItem.js."""
    for what, names in (("Key", layout.key.names), ("IndexKey", sorted(layout.index_key_kinds))):
        for name in names:
            if name in looked_into:
                raise ValidationException(
                    f"Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: {what}: {name}"
                )


def plain_name(name: str) -> str:
    """A table's name, from the name or its ARN."""
    if name.startswith("arn:"):
        parsed = arns.parse(name)
        if parsed is None or parsed.service != "dynamodb" or not parsed.resource.startswith("table/"):
            raise ValidationException(f"Invalid TableArn: Invalid ResourceArn provided as input {name}")
        return parsed.resource.split("/")[1]
    rule = None
    if 0 < len(name) < 3:
        # Not of CreateTable alone: aws-controllers-k8s/dynamodb-controller, docs/api-quirks, DDB-TABLE-442; scylladb/scylladb,
        # test_item_operations_improper_named_table.
        rule = "Member must have length greater than or equal to 3"
    elif len(name) > 255:
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


def new_id(call: Call) -> int:
    """An id for rows that nobody had before: rows of what was deleted may still lie there."""
    return call.ids.random.getrandbits(48)
