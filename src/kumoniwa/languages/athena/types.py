"""Trino's types, how Hive, Glue and DuckDB spell them, and what turns into what by itself.

https://trino.io/docs/current/language/types.html; the coercions are those of
https://github.com/trinodb/trino/blob/master/core/trino-main/src/main/java/io/trino/type/TypeCoercion.java
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple


class Type(NamedTuple):
    """``args`` are types of what is held (array, map, row), numbers (decimal, varchar, char, timestamp) or a zone (timestamp with time zone)."""

    kind: str
    args: tuple[Any, ...] = ()
    names: tuple[str | None, ...] = ()
    """Of a row's fields."""

    def __str__(self) -> str:
        return shown(self)


BOOLEAN, TINYINT, SMALLINT, INTEGER, BIGINT = Type("boolean"), Type("tinyint"), Type("smallint"), Type("integer"), Type("bigint")
REAL, DOUBLE, VARCHAR, VARBINARY, DATE, JSON, UNKNOWN = (
    Type("real"), Type("double"), Type("varchar"), Type("varbinary"), Type("date"), Type("json"), Type("unknown"),
)  # fmt: skip
TIMESTAMP = Type("timestamp", (3,))
UTC = Type("timestamptz", ("UTC",))
MONTHS, MILLISECONDS = Type("interval year to month"), Type("interval day to second")
INTEGERS = ("tinyint", "smallint", "integer", "bigint")
NUMBERS = (*INTEGERS, "decimal", "real", "double")
_DIGITS = {"tinyint": 3, "smallint": 5, "integer": 10, "bigint": 19}
BOUNDS = {"tinyint": 7, "smallint": 15, "integer": 31, "bigint": 63}


def decimal(precision: int, scale: int) -> Type:
    return Type("decimal", (min(precision, 38), scale))


def array(of: Type) -> Type:
    return Type("array", (of,))


def map_of(key: Type, value: Type) -> Type:
    return Type("map", (key, value))


def row(*fields: tuple[str | None, Type]) -> Type:
    return Type("row", tuple(each for _, each in fields), tuple(name for name, _ in fields))


def shown(type_: Type) -> str:
    """As Trino's messages and typeof() tell it."""
    kind, args = type_.kind, type_.args
    if kind == "timestamptz":
        return "timestamp(3) with time zone"
    if kind == "row":
        return "row(" + ", ".join(f'"{name}" {each}' if name else str(each) for name, each in zip(type_.names, args)) + ")"
    if kind == "decimal":
        return f"decimal({args[0]},{args[1]})"
    return f"{kind}({', '.join(map(str, args))})" if args else kind


def told(type_: Type) -> str:
    """As the metadata of results names it (recorded: ColumnInfo.Type of PyAthena's and awswrangler's tests)."""
    return {"timestamptz": "timestamp with time zone", "interval year to month": "interval year to month"}.get(type_.kind, type_.kind)


def precision_and_scale(type_: Type) -> tuple[int, int]:
    """As ColumnInfo tells them: https://docs.aws.amazon.com/athena/latest/APIReference/API_ColumnInfo.html; the numbers were recorded in
    responses of PyAthena's users: varchar 2147483647, bigint 19, integer 10, double 17, timestamp 3."""
    kind, args = type_.kind, type_.args
    if kind == "decimal":
        return args[0], args[1]
    if kind in ("varchar", "char"):
        return (args[0] if args else 2147483647), 0
    return {**_DIGITS, "double": 17, "real": 17, "timestamp": 3, "timestamptz": 3}.get(kind, 0), 0


# Reading -----------------------------------------------------------------------------------------------------

_WORD = re.compile(r"\s*([A-Za-z_0-9$]+|\"(?:[^\"]|\"\")+\"|`[^`]+`|[<>(),:])")
_PLAIN = {
    "boolean": BOOLEAN, "tinyint": TINYINT, "smallint": SMALLINT, "int": INTEGER, "integer": INTEGER, "bigint": BIGINT, "float": REAL,
    "real": REAL, "double": DOUBLE, "string": VARCHAR, "varchar": VARCHAR, "binary": VARBINARY, "varbinary": VARBINARY, "date": DATE,
    "json": JSON, "timestamp": TIMESTAMP,
}  # fmt: skip


def read(text: str) -> Type:
    """A type as Hive or Trino spells it (``array<struct<a:int>>``, ``map(varchar,bigint)``). Raises ValueError."""
    words, place = [], 0
    while place < len(text.rstrip()):
        found = _WORD.match(text, place)
        if found is None:
            raise ValueError(f"Unknown type: {text}")
        words.append(found[1])
        place = found.end()
    type_, rest = _read(words, text)
    if rest:
        raise ValueError(f"Unknown type: {text}")
    return type_


def _closed(words: list[str], text: str) -> list[str]:
    if not words or words[0] not in (">", ")"):
        raise ValueError(f"Unknown type: {text}")
    return words[1:]


def _read(words: list[str], text: str) -> tuple[Type, list[str]]:
    if not words:
        raise ValueError(f"Unknown type: {text}")
    name, rest = words[0].lower(), words[1:]
    is_open = bool(rest) and rest[0] in ("<", "(")
    if name == "array" and is_open:
        of, rest = _read(rest[1:], text)
        return array(of), _closed(rest, text)
    if name == "map" and is_open:
        key, rest = _read(rest[1:], text)
        if not rest or rest[0] != ",":
            raise ValueError(f"Unknown type: {text}")
        value, rest = _read(rest[1:], text)
        return map_of(key, value), _closed(rest, text)
    if name in ("struct", "row") and is_open:
        fields: list[tuple[str | None, Type]] = []
        rest = [",", *rest[1:]]
        while rest and rest[0] == ",":
            field, rest = rest[1] if len(rest) > 1 else "", rest[2:]
            if rest and rest[0] == ":":
                rest = rest[1:]
            of, rest = _read(rest, text)
            fields.append((field.strip("`\"").lower(), of))
        return row(*fields), _closed(rest, text)
    if name in ("decimal", "numeric", "varchar", "char", "timestamp") and is_open:
        end = rest.index(")") if ")" in rest else 0
        numbers = [int(each) for each in rest[1:end] if each.isdigit()]
        if not numbers or (name in ("varchar", "char", "timestamp") and len(numbers) > 1):
            raise ValueError(f"Unknown type: {text}")
        if name in ("decimal", "numeric"):
            return decimal(numbers[0], numbers[1] if len(numbers) > 1 else 0), rest[end + 1 :]
        return (TIMESTAMP if name == "timestamp" else Type(name, (numbers[0],))), rest[end + 1 :]
    if name in ("decimal", "numeric"):
        return decimal(10, 0) if "<" in text or name == "decimal" else decimal(38, 0), rest
    if name == "char":
        return Type("char", (1,)), rest
    if name in _PLAIN:
        return _PLAIN[name], rest
    raise ValueError(f"Unknown type: {text}")


def hive(type_: Type) -> str:
    """As Glue keeps it."""
    kind, args = type_.kind, type_.args
    if kind == "array":
        return f"array<{hive(args[0])}>"
    if kind == "map":
        return f"map<{hive(args[0])},{hive(args[1])}>"
    if kind == "row":
        return "struct<" + ",".join(f"{name or f'col{n}'}:{hive(each)}" for n, (name, each) in enumerate(zip(type_.names, args))) + ">"
    if kind == "decimal":
        return f"decimal({args[0]},{args[1]})"
    if kind in ("varchar", "char") and args:
        return f"{kind}({args[0]})"
    return {"integer": "int", "varchar": "string", "varbinary": "binary", "real": "float"}.get(kind, kind)


# DuckDB ------------------------------------------------------------------------------------------------------


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def text_of(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def field_name(type_: Type, place: int) -> str:
    """What the struct calls a field of a row; names need not differ in Trino, and may be none."""
    return f"{place}:{type_.names[place] or ''}"


_DUCK = {
    "boolean": "BOOLEAN", "tinyint": "TINYINT", "smallint": "SMALLINT", "integer": "INTEGER", "bigint": "BIGINT", "real": "FLOAT", "double": "DOUBLE",
    "varchar": "VARCHAR", "char": "VARCHAR", "varbinary": "BLOB", "date": "DATE", "json": "VARCHAR", "timestamp": "TIMESTAMP",
    "timestamptz": "TIMESTAMPTZ", "unknown": "INTEGER", "interval year to month": "INTEGER", "interval day to second": "BIGINT",
}  # fmt: skip


def duck(type_: Type) -> str:
    kind, args = type_.kind, type_.args
    if kind == "array":
        return f"{duck(args[0])}[]"
    if kind == "map":
        return f"MAP({duck(args[0])}, {duck(args[1])})"
    if kind == "row":
        return "STRUCT(" + ", ".join(f"{quoted(field_name(type_, n))} {duck(each)}" for n, each in enumerate(args)) + ")"
    if kind == "decimal":
        return f"DECIMAL({args[0]},{args[1]})"
    return _DUCK[kind]


# What becomes what -------------------------------------------------------------------------------------------


def common(a: Type, b: Type) -> Type | None:
    """The type that both turn into by themselves, None if there is none."""
    if a == b or b.kind == "unknown":
        return a
    if a.kind == "unknown":
        return b
    if a.kind in INTEGERS and b.kind in INTEGERS:
        return max(a, b, key=lambda each: INTEGERS.index(each.kind))
    if a.kind in NUMBERS and b.kind in NUMBERS:
        if "double" in (a.kind, b.kind):
            return DOUBLE
        if "real" in (a.kind, b.kind):
            return REAL
        (p1, s1), (p2, s2) = as_decimal(a), as_decimal(b)
        return decimal(max(p1 - s1, p2 - s2) + max(s1, s2), max(s1, s2))
    if {a.kind, b.kind} <= {"varchar", "char"}:
        lengths = [*a.args, *b.args]
        return Type("varchar", (max(lengths),)) if len(lengths) == 2 else VARCHAR
    pair = {a.kind, b.kind}
    if pair == {"timestamp"}:
        return max(a, b)
    if pair == {"date", "timestamp"}:
        return a if a.kind == "timestamp" else b
    if pair <= {"date", "timestamp", "timestamptz"} and "timestamptz" in pair:
        if pair == {"timestamptz"}:
            return Type("timestamptz", (None,))
        return a if a.kind == "timestamptz" else b
    if a.kind == b.kind and a.kind in ("array", "map", "row") and len(a.args) == len(b.args):
        parts = [common(x, y) for x, y in zip(a.args, b.args)]
        if all(part is not None for part in parts):
            names = tuple(x if x == y else None for x, y in zip(a.names, b.names))
            return Type(a.kind, tuple(parts), names)
    return None


def as_decimal(type_: Type) -> tuple[int, int]:
    return (type_.args[0], type_.args[1]) if type_.kind == "decimal" else (_DIGITS[type_.kind], 0)


def becomes(a: Type, b: Type) -> bool:
    """Whether a value of type ``a`` is taken where ``b`` is wanted."""
    if b.kind == "varchar" and a.kind in ("varchar", "char"):
        return True
    if a.kind == b.kind == "timestamptz" or (a.kind == b.kind == "timestamp"):
        return True
    if b.kind == "decimal" and a.kind in (*INTEGERS, "decimal"):
        (p, s), (q, t) = as_decimal(a), as_decimal(b)
        return q - t >= p - s and t >= s
    found = common(a, b)
    return found is not None and (found == b or (found.kind == b.kind == "row" and found.args == b.args))


def orders(type_: Type) -> bool:
    """Whether values can be put in order."""
    return type_.kind not in ("map", "json") and all(orders(each) for each in type_.args if isinstance(each, Type))


def compares(type_: Type) -> bool:
    return type_.kind != "json" and all(compares(each) for each in type_.args if isinstance(each, Type))
