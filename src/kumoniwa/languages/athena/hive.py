"""Statements about the catalogue, in Hive's words: databases, tables, partitions, and what is shown of them.

https://docs.aws.amazon.com/athena/latest/ug/ddl-reference.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.languages.athena import types
from kumoniwa.languages.athena.failure import Unbuilt
from kumoniwa.languages.athena.words import Reader

Facts = dict[str, Any]
LAZY = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
_TEXT = ("org.apache.hadoop.mapred.TextInputFormat", "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat")
STORED = {
    "TEXTFILE": (*_TEXT, LAZY),
    "PARQUET": ("org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat", "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
                "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"),
    "ORC": ("org.apache.hadoop.hive.ql.io.orc.OrcInputFormat", "org.apache.hadoop.hive.ql.io.orc.OrcOutputFormat",
            "org.apache.hadoop.hive.ql.io.orc.OrcSerde"),
    "AVRO": ("org.apache.hadoop.hive.ql.io.avro.AvroContainerInputFormat", "org.apache.hadoop.hive.ql.io.avro.AvroContainerOutputFormat",
             "org.apache.hadoop.hive.serde2.avro.AvroSerDe"),
}  # fmt: skip
"""Of each format the classes that Glue keeps: input, output, SerDe."""


def pairs(reader: Reader) -> dict[str, str]:
    """``('a'='b', 'c'='d')``"""
    found: dict[str, str] = {}
    reader.need("(")
    while True:
        key = reader.string()
        reader.need("=")
        found[key] = reader.string()
        if not reader.has(","):
            reader.need(")")
            return found


def table(reader: Reader) -> Facts:
    database, name = reader.of_database()
    reader.end()
    return {"database": database, "name": name}


# Databases ---------------------------------------------------------------------------------------------------


def create_database(reader: Reader) -> Facts:
    facts: Facts = {"if_not_exists": reader.has("IF", "NOT", "EXISTS"), "name": reader.name(), "comment": "", "location": "", "properties": {}}
    if reader.has("COMMENT"):
        facts["comment"] = reader.string()
    if reader.has("LOCATION"):
        facts["location"] = reader.string()
    if reader.has("WITH", "DBPROPERTIES"):
        facts["properties"] = pairs(reader)
    reader.end()
    return facts


def drop_database(reader: Reader) -> Facts:
    facts: Facts = {"if_exists": reader.has("IF", "EXISTS"), "name": reader.name(), "cascade": False}
    if not reader.is_over:
        facts["cascade"] = reader.either("RESTRICT", "CASCADE") == "CASCADE"
    reader.end()
    return facts


def alter_database(reader: Reader) -> Facts:
    name = reader.name()
    reader.need("SET", "DBPROPERTIES")
    facts = {"name": name, "properties": pairs(reader)}
    reader.end()
    return facts


# Tables ------------------------------------------------------------------------------------------------------


def columns(reader: Reader) -> list[dict[str, str]]:
    """``(a int COMMENT 'x', b array<string>)``, as Glue keeps columns."""
    found = []
    reader.need("(")
    while True:
        column = {"Name": reader.name(), "Type": type_text(reader)}
        if reader.has("COMMENT"):
            column["Comment"] = reader.string()
        found.append(column)
        if not reader.has(","):
            reader.need(")")
            return found


def type_text(reader: Reader) -> str:
    start, depth, parts = reader.next, 0, []
    while not reader.is_over:
        word = reader.next
        depth += {"<": 1, ">": -1, "(": 1, ")": -1}.get(word.upper, 0)
        if (depth <= 0 and word.upper in (",", "COMMENT")) or depth < 0:
            break
        parts.append(word.value)
        reader.place += 1
    text = "".join(parts).lower()
    try:
        types.read(text)
    except ValueError:
        raise reader.wrong(start) from None
    return "int" if text == "integer" else text


_DELIMITERS = (
    (("FIELDS", "TERMINATED", "BY"), "field.delim"), (("ESCAPED", "BY"), "escape.delim"), (("COLLECTION", "ITEMS", "TERMINATED", "BY"), "collection.delim"),
    (("MAP", "KEYS", "TERMINATED", "BY"), "mapkey.delim"), (("LINES", "TERMINATED", "BY"), "line.delim"), (("NULL", "DEFINED", "AS"), "serialization.null.format"),
)  # fmt: skip


def create_table(reader: Reader, is_external: bool = True) -> Facts:
    """What is wanted of a table, as Glue keeps it."""
    exists = reader.has("IF", "NOT", "EXISTS")
    database, name = reader.of_database()
    facts: Facts = {"if_not_exists": exists, "database": database, "name": name, "columns": columns(reader) if reader.sees("(") else [], "comment": "",
                    "partitions": [], "buckets": None, "location": "", "properties": {}, "is_external": is_external}  # fmt: skip
    input_, output, serde = STORED["TEXTFILE"]
    given: dict[str, str] = {}
    while not reader.is_over:
        if reader.has("COMMENT"):
            facts["comment"] = reader.string()
        elif reader.has("PARTITIONED", "BY"):
            facts["partitions"] = columns(reader)
        elif reader.has("CLUSTERED", "BY"):
            names = [each.strip().strip("`").lower() for each in reader.in_brackets().split(",")]
            reader.need("INTO")
            facts["buckets"] = (names, reader.number())
            reader.need("BUCKETS")
        elif reader.has("ROW", "FORMAT", "SERDE"):
            serde = reader.string()
            if reader.has("WITH", "SERDEPROPERTIES"):
                given |= pairs(reader)
        elif reader.has("ROW", "FORMAT", "DELIMITED"):
            given |= _delimited(reader)
        elif reader.has("WITH", "SERDEPROPERTIES"):
            given |= pairs(reader)
        elif reader.has("STORED", "AS", "INPUTFORMAT"):
            input_ = reader.string()
            reader.need("OUTPUTFORMAT")
            output = reader.string()
        elif reader.has("STORED", "AS"):
            word = reader.next
            format_ = STORED.get(word.upper)
            if format_ is None:
                raise Unbuilt(f"STORED AS {word.value}")
            reader.place += 1
            input_, output = format_[:2]
            serde = format_[2] if word.upper != "TEXTFILE" else serde
        elif reader.has("LOCATION"):
            facts["location"] = reader.string()
        elif reader.has("TBLPROPERTIES"):
            facts["properties"] = pairs(reader)
        else:
            raise reader.wrong()
    if serde == LAZY and "field.delim" in given and "serialization.format" not in given:
        given["serialization.format"] = given["field.delim"]
    if serde == LAZY and not given:
        given = {"serialization.format": "1"}
    elif "serialization.format" not in given and serde != LAZY:
        given["serialization.format"] = "1"
    return facts | {"input": input_, "output": output, "serde": serde, "serde_properties": given}


def _delimited(reader: Reader) -> dict[str, str]:
    found: dict[str, str] = {}
    while True:
        for words, key in _DELIMITERS:
            if reader.has(*words):
                found[key] = reader.string()
                break
        else:
            return found


# ALTER TABLE -------------------------------------------------------------------------------------------------


def partition(reader: Reader) -> dict[str, str]:
    """``(a = 'x', b = 1)``: values as the texts they are kept as."""
    found: dict[str, str] = {}
    reader.need("(")
    while True:
        name = reader.name()
        if reader.next.upper in ("<", ">", "<=", ">=", "<>", "!="):
            raise Unbuilt("partitions chosen by a comparison")
        reader.need("=")
        sign = "-" if reader.has("-") else ""
        if reader.next.kind == "number":
            word = reader.next
            reader.place += 1
            found[name] = sign + word.value
        else:
            if reader.next.upper in ("DATE", "TIMESTAMP"):
                reader.place += 1
            found[name] = reader.string()
        if not reader.has(","):
            reader.need(")")
            return found


def alter_table(reader: Reader) -> Facts:
    database, name = reader.of_database()
    facts: Facts = {"database": database, "name": name, "partition": None}
    if reader.has("ADD", "IF", "NOT", "EXISTS") or reader.sees("ADD", "PARTITION"):
        facts["if_not_exists"] = not reader.has("ADD")
        listed = []
        while reader.has("PARTITION"):
            spec = partition(reader)
            listed.append((spec, reader.string() if reader.has("LOCATION") else ""))
        if not listed:
            raise reader.wrong()
        facts |= {"do": "add partitions", "partitions": listed}
    elif reader.has("DROP", "IF", "EXISTS") or reader.sees("DROP", "PARTITION"):
        facts["if_exists"] = not reader.has("DROP")
        reader.need("PARTITION")
        listed = [partition(reader)]
        while reader.has(","):
            reader.need("PARTITION")
            listed.append(partition(reader))
        facts |= {"do": "drop partitions", "partitions": listed}
    else:
        if reader.has("PARTITION"):
            facts["partition"] = partition(reader)
        facts |= _changed(reader)
    reader.end()
    return facts


def _changed(reader: Reader) -> Facts:
    if reader.has("RENAME", "TO", "PARTITION"):
        return {"do": "rename partition", "to": partition(reader)}
    if reader.has("ADD", "COLUMNS"):
        return {"do": "add columns", "columns": columns(reader)}
    if reader.has("REPLACE", "COLUMNS"):
        return {"do": "replace columns", "columns": columns(reader)}
    if reader.has("SET", "LOCATION"):
        return {"do": "set location", "location": reader.string()}
    if reader.has("SET", "TBLPROPERTIES"):
        return {"do": "set properties", "properties": pairs(reader)}
    if reader.next.upper in ("CHANGE", "DROP", "RENAME", "UNSET"):
        raise Unbuilt(f"ALTER TABLE … {reader.next.upper}, which is for Iceberg tables")
    raise reader.wrong()


# SHOW and DESCRIBE -------------------------------------------------------------------------------------------


def show(reader: Reader) -> Facts:
    facts: Facts = {"database": "", "pattern": None}
    if reader.has("DATABASES") or reader.has("SCHEMAS"):
        facts["what"] = "databases"
        if reader.has("LIKE") or not reader.is_over:
            facts["pattern"] = reader.string()
    elif reader.has("TABLES") or reader.has("VIEWS"):
        facts["what"] = "tables" if reader.words[reader.place - 1].upper == "TABLES" else "views"
        if reader.has("IN") or reader.has("FROM"):
            facts["database"] = reader.name()
        if reader.has("LIKE") or not reader.is_over:
            facts["pattern"] = reader.string()
    elif reader.has("COLUMNS"):
        reader.either("FROM", "IN")
        facts["what"] = "columns"
        facts["database"], facts["name"] = reader.of_database()
        if reader.has("FROM") or reader.has("IN"):
            facts["database"] = reader.name()
    elif reader.has("PARTITIONS"):
        facts["what"] = "partitions"
        facts["database"], facts["name"] = reader.of_database()
    elif reader.has("TBLPROPERTIES"):
        facts["what"] = "properties"
        facts["database"], facts["name"] = reader.of_database()
        if reader.has("("):
            facts["pattern"] = reader.string()
            reader.need(")")
    elif reader.has("CREATE", "TABLE") or reader.has("CREATE", "VIEW"):
        facts["what"] = "create " + reader.words[reader.place - 1].value.lower()
        facts["database"], facts["name"] = reader.of_database()
    elif reader.next.upper in ("FUNCTIONS", "STATS", "SESSION", "CATALOGS", "GRANTS", "ROLES"):
        raise Unbuilt(f"SHOW {reader.next.upper}")
    else:
        raise reader.wrong()
    reader.end()
    return facts


def describe(reader: Reader) -> Facts:
    facts: Facts = {"extended": reader.has("EXTENDED"), "formatted": reader.has("FORMATTED"), "view": reader.has("VIEW"), "column": ""}
    facts["database"], facts["name"] = reader.of_database()
    if reader.has("PARTITION") or facts["extended"] or facts["formatted"]:
        raise Unbuilt("DESCRIBE EXTENDED, FORMATTED and PARTITION")
    if not reader.is_over:
        facts["column"] = reader.name()
    reader.end()
    return facts
