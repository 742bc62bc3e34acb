"""What is told of the columns of a result.

https://docs.aws.amazon.com/rdsdataservice/latest/APIReference/API_ColumnMetadata.html, whose words are those of JDBC: numbers of types are those of
``java.sql.Types``, and how precise one is follows what the driver of PostgreSQL for it says (its class TypeInfoCache).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from kumoniwa.engines.postgresql.session import Column, Session
from kumoniwa.services.rds_data import field
from kumoniwa.services.rds_data.errors import UnsupportedResultException

_ARRAY, _OTHER = 2003, 1111
_JDBC = {
    field.BOOL: -7, field.BYTEA: -2, field.INT8: -5, field.INT2: 5, field.INT4: 4, field.OID: -5, field.FLOAT4: 7, field.FLOAT8: 8, field.NUMERIC: 2,
    field.BPCHAR: 1, field.VARCHAR: 12, field.TEXT: 12, field.NAME: 12, field.DATE: 91, field.TIME: 92, field.TIMESTAMP: 93, field.TIMESTAMPTZ: 93,
}  # fmt: skip
_NAMES = {
    field.BOOL: "bool", field.BYTEA: "bytea", field.INT8: "int8", field.INT2: "int2", field.INT4: "int4", field.OID: "oid", field.FLOAT4: "float4",
    field.FLOAT8: "float8", field.NUMERIC: "numeric", field.BPCHAR: "bpchar", field.VARCHAR: "varchar", field.TEXT: "text", field.NAME: "name",
    field.DATE: "date", field.TIME: "time", field.TIMESTAMP: "timestamp", field.TIMESTAMPTZ: "timestamptz", field.JSON: "json", field.JSONB: "jsonb",
    field.UUID: "uuid", field.CIDR: "cidr", field.INET: "inet",
}  # fmt: skip
_SERIAL = {"int2": "smallserial", "int4": "serial", "int8": "bigserial"}
"""A column that counts by itself is told of by the type that it was declared with."""
_PRECISIONS = {
    field.INT2: 5, field.INT4: 10, field.INT8: 19, field.OID: 10, field.FLOAT4: 8, field.FLOAT8: 17, field.BOOL: 1, field.DATE: 13, field.TIME: 15,
    field.TIMESTAMP: 29, field.TIMESTAMPTZ: 35,
}  # fmt: skip
_SCALES = {field.FLOAT4: 8, field.FLOAT8: 17, field.TIME: 6, field.TIMESTAMP: 6, field.TIMESTAMPTZ: 6}
_UNBOUNDED = 2_147_483_647
_SIGNED = frozenset({field.INT2, field.INT4, field.INT8, field.FLOAT4, field.FLOAT8, field.NUMERIC})
_CASELESS = frozenset({
    *_SIGNED, field.OID, field.BOOL, field.DATE, field.TIME, field.TIMESTAMP, field.TIMESTAMPTZ,
})  # fmt: skip
_NULLABLE, _NEVER_NULL, _UNKNOWN = 1, 0, 2
_OTHERS = "select oid, typname, typtype from pg_catalog.pg_type where oid operator(pg_catalog.=) any($1)"
_DECLARED = """select c.oid, a.attnum, c.relname, a.attnotnull,
  a.attidentity operator(pg_catalog.<>) '' or coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid) operator(pg_catalog.~~) 'nextval(%', false)
from pg_catalog.pg_class c join pg_catalog.pg_attribute a on a.attrelid operator(pg_catalog.=) c.oid
left join pg_catalog.pg_attrdef d on d.adrelid operator(pg_catalog.=) c.oid and d.adnum operator(pg_catalog.=) a.attnum
where c.oid operator(pg_catalog.=) any($1)"""
"""Operators are those of the server, whatever the search path of a user finds first."""
_OIDS = 1028


async def supported(session: Session, columns: list[Column]) -> dict[int, str]:
    """The names of those types of a result that are not the server's own. Raises UnsupportedResultException for one that none may hold."""
    known = _NAMES.keys() | field.ARRAYS.keys()
    others = {each.type for each in columns} - known
    for type_ in others:
        if type_ in field.REFUSED:
            raise _refused(field.REFUSED[type_])
    found: dict[int, str] = {}
    if others:
        told = await session.run(_OTHERS, (_OIDS,), (_list(others),))
        for number, name, kind in told.rows:
            if kind != "e" and name != "vector":
                raise _refused(str(name))
            found[int(number or 0)] = str(name)
    return found


def _refused(name: str) -> UnsupportedResultException:
    return UnsupportedResultException(f"The result contains the unsupported data type {name}.", hint="Cast it to TEXT.")


def _list(numbers: set[int]) -> str:
    return "{" + ",".join(map(str, sorted(numbers))) + "}"


class Declared(NamedTuple):
    table: str
    nullable: int
    counts_itself: bool


async def told(session: Session, columns: list[Column], others: dict[int, str]) -> list[dict[str, Any]]:
    tables = {each.table for each in columns if each.table}
    declared: dict[tuple[int, int], Declared] = {}
    if tables:
        for table, number, name, is_not_null, counts in (await session.run(_DECLARED, (_OIDS,), (_list(tables),))).rows:
            nullable = _NEVER_NULL if is_not_null == "t" else _NULLABLE
            declared[int(table or 0), int(number or 0)] = Declared(str(name), nullable, counts == "t")
    return [_column(each, declared.get((each.table, each.number), Declared("", _UNKNOWN, False)), others) for each in columns]


def _column(column: Column, declared: Declared, others: dict[int, str]) -> dict[str, Any]:
    type_, element = column.type, field.ARRAYS.get(column.type)
    name = f"_{_NAMES[element]}" if element is not None else _NAMES.get(type_) or others.get(type_, "")
    if declared.counts_itself:
        name = _SERIAL.get(name, name)
    return {
        "name": column.name, "label": column.name, "type": _ARRAY if element is not None else _JDBC.get(type_, _OTHER), "typeName": name,
        "schemaName": "", "tableName": declared.table, "isAutoIncrement": declared.counts_itself, "isSigned": type_ in _SIGNED, "isCurrency": False,
        "isCaseSensitive": type_ not in _CASELESS, "nullable": declared.nullable, "precision": _precision(column), "scale": _scale(column),
        "arrayBaseColumnType": _JDBC.get(element, _OTHER) if element is not None else 0,
    }  # fmt: skip


def _precision(column: Column) -> int:
    if column.type == field.NUMERIC:
        return 0 if column.modifier < 0 else (column.modifier - 4) >> 16 & 0xFFFF
    if column.type in (field.VARCHAR, field.BPCHAR):
        return _UNBOUNDED if column.modifier < 0 else column.modifier - 4
    return _PRECISIONS.get(column.type, _UNBOUNDED)


def _scale(column: Column) -> int:
    if column.type == field.NUMERIC:
        return 0 if column.modifier < 0 else column.modifier - 4 & 0xFFFF
    if column.type in (field.TIME, field.TIMESTAMP, field.TIMESTAMPTZ) and column.modifier >= 0:
        return column.modifier
    return _SCALES.get(column.type, 0)
