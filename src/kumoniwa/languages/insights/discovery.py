"""The fields Logs Insights finds in a message: those of JSON, of Lambda's own lines, of VPC flow logs and of Route 53's query logs.

Only what a query asks for is looked for. ``finder`` reads a few names quickly, ``all_fields`` reads everything a message has.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_AnalyzeLogData-discoverable-fields.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from kumoniwa.languages.insights.value import json_decoder


class Message(str):
    """A message that has a transformed version, whose fields are found instead of its own."""

    transformed: str


def with_fields(message: str) -> str:
    """Where the fields of a message are."""
    return message.transformed if isinstance(message, Message) else message


FIELDS_MAX = 200
"""Of one event of JSON; those that follow are not found."""

VPC = (
    "version", "accountId", "interfaceId", "srcAddr", "dstAddr", "srcPort", "dstPort", "protocol", "packets", "bytes", "start", "end",
    "action", "logStatus",
)  # fmt: skip
VPC_NAMES = (*VPC[:10], "startTime", "endTime", *VPC[12:])
ROUTE_53 = (
    "version", "queryTimestamp", "hostZoneId", "queryName", "queryType", "responseCode", "protocol", "edgeLocation", "resolverIp",
    "ednsClientSubnet",
)  # fmt: skip
_VPC_LINE = re.compile(r"\d+ (?:\d{12}|unknown) (?:eni-\w+|-) (?:\S+ ){9}(?:ACCEPT|REJECT|-) (?:OK|NODATA|SKIPDATA)\s*\Z")
_ROUTE_53_LINE = re.compile(r"\d+\.\d+ \d{4}-\d\d-\d\dT\S+Z \S+ \S+ \S+ \S+ (?:UDP|TCP) \S+ \S+ \S+\s*\Z")

_LAMBDA_LINE = re.compile(r"(START|END|REPORT) RequestId: ([0-9a-fA-F-]{36})")
_LAMBDA_INIT = re.compile(r"(INIT_START|INIT_REPORT|EXTENSION|TELEMETRY)\b")
_REQUEST = re.compile(r"(?:\[\w+\]\t)?\d{4}-\d\d-\d\dT[\d:.]+Z\t([0-9a-fA-F-]{36})\t")
_FIGURES = {
    "@duration": re.compile(r"\tDuration: ([\d.]+) ms"),
    "@billedDuration": re.compile(r"\tBilled Duration: ([\d.]+) ms"),
    "@memorySize": re.compile(r"\tMemory Size: (\d+) MB"),
    "@maxMemoryUsed": re.compile(r"\tMax Memory Used: (\d+) MB"),
    "@initDuration": re.compile(r"\tInit Duration: ([\d.]+) ms"),
}
_TRACES = {"@xrayTraceId": re.compile(r"XRAY TraceId: (\S+)"), "@xraySegmentId": re.compile(r"SegmentId: (\S+)")}
MEGABYTE = 1_000_000
LAMBDA = ("@type", "@requestId", *_FIGURES, *_TRACES)
LAMBDA_STREAM = re.compile(r"\d{4}/\d\d/\d\d/[^\[]*\[[^\]]+\][0-9a-f]{32}\Z")
"""The log streams of functions. In them the first piece of JSON within a message is read too."""


# Lines that are no JSON ---------------------------------------------------------------------------------------


def _lambda_fields(message: str) -> dict[str, Any]:
    line = _LAMBDA_LINE.match(message)
    if line is None:
        if init := _LAMBDA_INIT.match(message):
            return {"@type": init[1]}
        request = _REQUEST.match(message)
        return {"@requestId": request[1]} if request else {}
    found: dict[str, Any] = {"@type": line[1], "@requestId": line[2]}
    if line[1] == "REPORT":
        for name, pattern in _FIGURES.items():
            if figure := pattern.search(message):
                read = float(figure[1])
                read = read * MEGABYTE if "emory" in name else read
                found[name] = int(read) if read.is_integer() else read
    for name, pattern in _TRACES.items():
        if trace := pattern.search(message):
            found[name] = trace[1]
    return found


def _spaced(message: str) -> dict[str, Any]:
    if _VPC_LINE.match(message):
        return dict(zip(VPC_NAMES, message.split()))
    if _ROUTE_53_LINE.match(message):
        return dict(zip(ROUTE_53, message.split()))
    return {}


def of_line(message: str) -> dict[str, Any]:
    return _lambda_fields(message) or (_spaced(message) if message[:1].isdigit() else {})


# JSON ---------------------------------------------------------------------------------------------------------


def _embedded(message: str) -> Any:
    """The first piece of JSON within a text."""
    at = message.find("{")
    if at < 0:
        return None
    try:
        return json_decoder.raw_decode(message, at)[0]
    except (ValueError, RecursionError):
        return None


def _whole(message: str) -> Any:
    try:
        return json_decoder.decode(message)
    except (ValueError, RecursionError):
        return None


def json_in(message: str, is_function: bool) -> dict[str, Any] | None:
    read = _whole(message) if message.lstrip()[:1] == "{" else None
    if read is None and is_function:
        read = _embedded(message)
    return read if isinstance(read, dict) else None


def _leaves(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, held in value.items():
            yield from _leaves(held, f"{name}.{key}" if name else shown(key))
    elif isinstance(value, list):
        for place, held in enumerate(value):
            yield from _leaves(held, f"{name}.{place}")
    elif value is not None:
        yield name, value


def shown(key: str) -> str:
    """Only Logs Insights' own fields begin with one ``@``."""
    return f"@{key}" if key.startswith("@") else key


def all_fields(message: str, is_function: bool) -> dict[str, Any]:
    """Everything found in a message, flat: ``userIdentity.type``, ``items.0.id``."""
    found = of_line(message)
    read = json_in(message, is_function)
    if read is not None:
        for name, value in _leaves(read, ""):
            if len(found) >= FIELDS_MAX:
                break
            found[name] = value
    return found


# A few names --------------------------------------------------------------------------------------------------

_Leaf = str | int | float | bool | None
_MESSAGE, _FOUND = 4, 5
"""Where a row has them: see ``expression``."""


def _step(value: Any, parts: list[str]) -> Any:
    """What a dotted rest leads to; a key may itself have dots in it."""
    if not parts:
        return None if isinstance(value, dict | list) else value
    if isinstance(value, list):
        return _step(value[int(parts[0])], parts[1:]) if parts[0].isdecimal() and int(parts[0]) < len(value) else None
    if not isinstance(value, dict):
        return None
    for end in range(1, len(parts) + 1):
        held = value.get(".".join(parts[:end]))
        if held is not None and (found := _step(held, parts[end:])) is not None:
            return found
    return None


def finder(names: list[str], functions: frozenset[int]) -> Callable[[list[list[Any]]], list[list[Any]]]:
    """What finds these names in the messages of rows. ``functions`` are the streams in which JSON may stand within a text.

    Of JSON only the keys that may lead to a name are decoded; names that are keys themselves need nothing more.
    """
    keys = [name[1:] if name.startswith("@@") else None if name.startswith("@") else name for name in names]
    tops = sorted({".".join(key.split(".")[:end]) for key in keys if key for end in range(1, key.count(".") + 2)})
    is_flat = keys == tops
    kind = msgspec.defstruct(
        "Found",
        [(f"f{place}", _Leaf if is_flat else Any, None) for place in range(len(tops))],
        rename={f"f{place}": top for place, top in enumerate(tops)},
        gc=False,
    )
    decode, astuple = msgspec.json.Decoder(kind).decode, msgspec.structs.astuple
    steps = [key.split(".") if key else None for key in keys]
    has_lines = any(name in LAMBDA or name in VPC_NAMES or name in ROUTE_53 for name in names)
    nothing = (None,) * len(names)

    def slowly(row: list[Any], message: str) -> Any:
        is_json = message.lstrip()[:1] == "{"
        is_function = row[1] in functions
        if not (is_json or is_function or has_lines):
            return nothing
        if is_json and message.count(",") < FIELDS_MAX and (read := json_in(message, False)) is not None:
            return [_step(read, parts) if parts else None for parts in steps]
        found = all_fields(message, is_function)
        return [found.get(name) for name in names] if found else nothing

    def fill(rows: list[list[Any]]) -> list[list[Any]]:
        for row in rows:
            message = row[_MESSAGE]
            if type(message) is not str:
                message = message.transformed
            if message[:1] == "{" and message.count(",") < FIELDS_MAX:
                try:
                    values = astuple(decode(message))
                except (msgspec.DecodeError, RecursionError):
                    row[_FOUND] = slowly(row, message)
                else:
                    if is_flat:
                        row[_FOUND] = values
                    else:
                        read = dict(zip(tops, values))
                        row[_FOUND] = [_step(read, parts) if parts else None for parts in steps]
            else:
                row[_FOUND] = slowly(row, message)
        return rows

    return fill
