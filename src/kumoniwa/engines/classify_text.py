"""What a text holds: JSON, separated values or lines of a pattern, and of which types its columns are.

https://docs.aws.amazon.com/glue/latest/dg/add-classifier.html, https://docs.aws.amazon.com/glue/latest/dg/custom-classifier.html; that the
first 1,000 records are looked at, or the first megabyte: https://repost.aws/knowledge-center/glue-crawler-detect-schema
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from itertools import islice
from typing import Any

import msgspec

from kumoniwa.languages import backtracking, glue_grok, glue_schema

RECORDS_MAX = 1_000
DELIMITERS = (",", "|", "\t", ";", "\x01")
_HEADING_MAX = 150
_STEP = re.compile(r"\.(\w+)|\[(?:'([^']+)'|\"([^\"]+)\"|(\d+|\*))\]|\.(\*)")
_INTEGER, _FLOATING = re.compile(r"[+-]?\d+", re.ASCII), re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_SPACE = re.compile(r"[ \t\r\n]*")


class Seen(msgspec.Struct):
    classification: str = ""
    columns: list[tuple[str, str]] = []
    """Names, and types as Hive calls them."""
    serde: str = ""
    """What reads it, where its classification does not say so."""
    serde_parameters: dict[str, str] = {}
    parameters: dict[str, str] = {}
    """What the table's parameters tell of it."""
    compression: str = "none"
    records: int = 0
    record_bytes: int = 0
    why: str = ""
    """Why it has no classification."""
    wants_more: bool = False
    """It may be known once more of it is there."""


def seen(content: bytes, custom: list[dict[str, Any]], *, is_whole: bool) -> Seen:
    try:
        text = content.decode("utf-8-sig") if is_whole else content.decode("utf-8-sig", "ignore")
    except UnicodeDecodeError:
        return Seen(why="It is no text of UTF-8, and of no format known here.")
    if "\x00" in text:
        return Seen(why="It is no text, and of no format known here.")
    for said in custom:
        found = {"json": _by_path, "csv": _separated, "grok": _by_grok}[said["kind"]](text, said, is_whole)
        if found is not None:
            return found
    begin = text.lstrip()[:1]
    if begin in ("{", "["):
        found = _json(text, is_whole)
        if found is not None:
            return found
        if not is_whole:
            return Seen(why="It begins like JSON, and has no whole document in what was read of it.", wants_more=True)
    if begin == "<":
        return Seen(why="XML is not built.")
    return _separated(text, {}, is_whole) or Seen(why="It is of no format known here: JSON, CSV, Parquet and ORC are.")


# JSON ----------------------------------------------------------------------------------------------


def _documents(text: str, is_whole: bool) -> tuple[list[Any], int]:
    """The documents that stand one after the other, and where the last one ends. Raises ValueError."""
    decoder, at, found = json.JSONDecoder(), 0, []
    end = len(text.rstrip())
    while at < end and len(found) < RECORDS_MAX:
        start = _SPACE.match(text, at).end()  # type: ignore[union-attr]
        try:
            document, at = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            if found and not is_whole:
                break
            raise ValueError("not JSON") from None
        if not isinstance(document, dict | list):
            raise ValueError("not JSON")
        found.append(document)
    return found, at


def _json(text: str, is_whole: bool) -> Seen | None:
    """An array is one record with one column, as AWS's page on JSONPath says; that the column is called ``array`` is recorded."""
    try:
        documents, end = _documents(text, is_whole)
    except ValueError:
        return None
    rows = [each if isinstance(each, dict) else {"array": each} for each in documents]
    return _of_rows(rows, end) if rows else None


def _of_rows(rows: list[dict[str, Any]], read: int, **parameters: str) -> Seen:
    fields: dict[str, Any] = {}
    for row in rows:
        for name, value in row.items():
            fields[name] = glue_schema.merged(fields.get(name), glue_schema.of_value(value))
    columns = [(name, glue_schema.told(type_)) for name, type_ in fields.items()]
    return Seen(
        "json", columns, serde_parameters={"paths": ",".join(sorted(fields))}, parameters=parameters, records=len(rows),
        record_bytes=max(1, read // len(rows)),
    )  # fmt: skip


def steps(path: str) -> list[str | int]:
    """A JSONPath of the operators that Glue knows: ``$``, ``*``, ``.name``, ``['name']``, ``[2]``, ``[*]``. Raises ValueError."""
    if not path.startswith("$"):
        raise ValueError(path)
    at, found = 1, []
    while at < len(path):
        step = _STEP.match(path, at)
        if step is None:
            raise ValueError(path)
        name = step[1] or step[2] or step[3]
        number = step[4] or step[5]
        found.append(name if name is not None else "*" if number == "*" else int(number))
        at = step.end()
    return found


def _along(value: Any, path: list[str | int]) -> list[Any]:
    for place, step in enumerate(path):
        if step == "*":
            inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
            return [found for each in inner for found in _along(each, path[place + 1 :])]
        if isinstance(step, int):
            if not isinstance(value, list) or step >= len(value):
                return []
        elif not isinstance(value, dict) or step not in value:
            return []
        value = value[step]
    return [value]


def _by_path(text: str, said: dict[str, Any], is_whole: bool) -> Seen | None:
    try:
        documents, end = _documents(text, is_whole)
    except ValueError:
        return None
    found = [row for each in documents for row in _along(each, steps(said["JsonPath"])) if isinstance(row, dict)]
    return _of_rows(found, end, jsonPath=said["JsonPath"]) if found else None


# Separated values ----------------------------------------------------------------------------------


def _of_cell(cell: str) -> str | None:
    if not cell:
        return None
    if _INTEGER.fullmatch(cell):
        return "bigint" if -(1 << 63) <= int(cell[:30]) < 1 << 63 else "double"
    if _FLOATING.fullmatch(cell):
        return "double"
    # That true and false are no strings no source tells.
    return "boolean" if cell.lower() in ("true", "false") else "string"


def _of_column(cells: list[str]) -> str:
    kinds = {_of_cell(cell) for cell in cells} - {None}
    if kinds == {"bigint", "double"}:
        return "double"
    return kinds.pop() or "string" if len(kinds) == 1 else "string"


def _rows(text: str, delimiter: str, quote: str, is_whole: bool) -> list[list[str]]:
    lines = text.splitlines(keepends=True)
    if not is_whole and len(lines) > 1:
        lines.pop()
    try:
        read = csv.reader(lines, delimiter=delimiter, quotechar=quote)
        return [row for row in islice(read, RECORDS_MAX + 1) if any(cell.strip() for cell in row)]
    except csv.Error:
        return []


def _separated(text: str, said: dict[str, Any], is_whole: bool) -> Seen | None:
    """At least two columns and two rows; of the delimiters the one by which most rows have as many columns as the first. That they must be more
    than half of all is our rule."""
    quote, least = said.get("QuoteSymbol", '"'), 1 if said.get("AllowSingleColumn") else 2
    best: list[list[str]] = []
    most, chosen = 0, ""
    for delimiter in [said["Delimiter"]] if said.get("Delimiter") else DELIMITERS:
        if delimiter == quote:
            continue
        rows = _rows(text, delimiter, quote, is_whole)
        fit = sum(len(row) == len(rows[0]) for row in rows) if rows else 0
        if len(rows) >= 2 and len(rows[0]) >= least and fit * 2 > len(rows) and fit > most:
            best, most, chosen = rows, fit, delimiter
    if not best:
        return None
    # The schema of AWS::Glue::Classifier: "Specifies not to trim values before identifying the type of column values. The default value is true."
    if not said.get("DisableValueTrimming", bool(said)):
        best = [[cell.strip() for cell in row] for row in best]
    first, data, width = best[0], best[1:], len(best[0])
    of_data = [_of_column([row[place] for row in data if place < len(row)]) for place in range(width)]
    told = said.get("ContainsHeader", "UNKNOWN")
    has_header = told == "PRESENT" or (told == "UNKNOWN" and _is_header(first, of_data, said))
    types = of_data if has_header else [_of_column([row[place] for row in best if place < len(row)]) for place in range(width)]
    if said.get("CustomDatatypeConfigured"):
        types = [each.lower() for each in said.get("CustomDatatypes", ())] or types
        if len(types) != width:
            return None
        types = [{"long": "bigint", "short": "smallint"}.get(each, each) for each in types]
    names = said.get("Header") or (first if has_header else [f"col{place}" for place in range(width)])
    if len(names) != width:
        return None
    columns = [(name or f"col{place}", type_) for place, (name, type_) in enumerate(zip(names, types))]
    rows = data if has_header else best
    parameters = {"areColumnsQuoted": "false", "columnsOrdered": "true", "delimiter": chosen} | ({"skip.header.line.count": "1"} if has_header else {})
    serde, of_serde = "", {"field.delim": chosen}
    if said.get("Serde") == "OpenCSVSerDe":
        serde, of_serde = "org.apache.hadoop.hive.serde2.OpenCSVSerde", {"separatorChar": chosen, "quoteChar": quote, "escapeChar": "\\"}
    return Seen(
        "csv", columns, serde=serde, serde_parameters=of_serde, parameters=parameters, records=len(rows),
        record_bytes=max(1, sum(len(",".join(row)) + 1 for row in rows) // max(1, len(rows))),
    )  # fmt: skip


def _is_header(first: list[str], of_data: list[str], said: dict[str, Any]) -> bool:
    """Every cell a text of fewer than 150 letters, but that the last may be empty; and different from what follows, which is not all texts."""
    if said.get("Header") and first == said["Header"]:
        return True
    cells = first[:-1] if not first[-1] else first
    if any(_of_cell(cell) != "string" or len(cell) >= _HEADING_MAX for cell in cells):
        return False
    return any(each != "string" for each in of_data)


# Lines of a pattern --------------------------------------------------------------------------------


def _by_grok(text: str, said: dict[str, Any], is_whole: bool) -> Seen | None:
    """Most lines match. That it must be most of them is our rule."""
    lines = [line for line in text.splitlines()[: RECORDS_MAX + 1] if line]
    if not is_whole and len(lines) > 1:
        lines.pop()
    grok = glue_grok.read(said["GrokPattern"], said.get("CustomPatterns", ""))
    try:
        hits = Counter(grok.matches(line) for line in lines)
    except backtracking.TooMuchWork:
        return None
    if hits[True] * 2 <= len(lines):
        return None
    parameters = {"grokPattern": said["GrokPattern"]}
    of_serde = {"input.format": said["GrokPattern"]}
    if said.get("CustomPatterns"):
        parameters["grokCustomPatterns"] = of_serde["input.grokCustomPatterns"] = said["CustomPatterns"]
    return Seen(
        said["Classification"], grok.columns, serde="com.amazonaws.glue.serde.GrokSerDe", serde_parameters=of_serde, parameters=parameters,
        records=len(lines), record_bytes=max(1, sum(map(len, lines)) // len(lines)),
    )  # fmt: skip
