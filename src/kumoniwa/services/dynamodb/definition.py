"""What a table may be: its keys, its indexes and what they project, as those ask for it who make one or add an index."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import ValidationException
from kumoniwa.kernel.record import changed
from kumoniwa.languages.dynamodb.value import INVALID
from kumoniwa.services.dynamodb import provisioning, tags
from kumoniwa.services.dynamodb import table as tables
from kumoniwa.services.dynamodb.compound import PARTS_MAX
from kumoniwa.services.dynamodb.table import Index, Table

GLOBAL_INDEXES_MAX = 20
LOCAL_INDEXES_MAX = 5
PROJECTED_MAX = 100
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html


def _invalid(why: str) -> ValidationException:
    return ValidationException(INVALID + why)


def made(call: Call, params: dict[str, Any]) -> Table:
    """The record of CreateTable's parameters; raises what AWS answers if they do not fit together."""
    name = params["TableName"]
    tables.plain_name(name)
    for required in ("AttributeDefinitions", "KeySchema"):
        if not params.get(required):
            raise _invalid(
                f"{required} must be specified" if required == "KeySchema" else f"{required} is required"
            )
    is_on_demand = params.get("BillingMode") == "PAY_PER_REQUEST"
    read, write = provisioning.units(params.get("ProvisionedThroughput"), is_on_demand=is_on_demand)
    definitions: dict[str, str] = {}
    for each in params["AttributeDefinitions"]:
        if each["AttributeName"] in definitions:
            raise ValidationException(f"Attribute Name is duplicated: {each['AttributeName']}")
        definitions[each["AttributeName"]] = each["AttributeType"]
    if len(definitions) < len(params["KeySchema"]):
        raise ValidationException("Invalid KeySchema: Some index key attribute have no definition")
    hash_name, range_name = _key(params["KeySchema"], definitions)
    ready = call.now() + tables.CREATING_FOR_S if call.home.settings.pace == "real" else 0.0
    table = Table(
        name=name, id=tables.new_id(call), uuid=call.new_id(), created=call.now(), active_at=ready, definitions=definitions,
        hash_name=hash_name, range_name=range_name, is_on_demand=is_on_demand,
        on_demand_since=call.now() if is_on_demand else 0.0, read_units=read, write_units=write,
        table_class=params.get("TableClass") or "", is_protected=bool(params.get("DeletionProtectionEnabled")),
        tags=tags.merged({}, params.get("Tags") or []), has_aws_order=True, has_aws_ties=True,
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

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.DesignPattern.MultiAttributeKeys.html; the refusals are
    those that aws-controllers-k8s/dynamodb-controller met (``docs/api-quirks``, DDB-TABLE-442).
    """
    kinds = [element["KeyType"] for element in schema]
    if len(schema) <= 2 and kinds != ["HASH", "HASH"]:
        hash_name, range_name = _key(schema, definitions, index)
        return [hash_name], [range_name] if range_name else []
    if kinds[0] != "HASH":
        raise ValidationException("Invalid KeySchema: The first KeySchemaElement is not a HASH key type")
    if kinds != sorted(kinds):
        raise _invalid("All HASH key attributes must precede RANGE key attributes in the KeySchema")
    names = {kind: [e["AttributeName"] for e in schema if e["KeyType"] == kind] for kind in ("HASH", "RANGE")}
    for kind, given in names.items():
        if len(given) > PARTS_MAX:
            raise _invalid(f"The KeySchema exceeds the maximum allowed number of {kind} key attributes")
    every = [*names["HASH"], *names["RANGE"]]
    if len(set(every)) < len(every):
        raise ValidationException("The KeySchema contains multiple key attributes with the same name")
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
    for name in names or ():
        if names.count(name) > 1:
            raise _invalid(f"Duplicate element in NonKeyAttributes: {name}")
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
                id=tables.new_id(call),
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
        name=name, id=tables.new_id(call), hash_name=hashes[0], range_name=ranges[0] if ranges else "", more_hashes=tuple(hashes[1:]),
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
