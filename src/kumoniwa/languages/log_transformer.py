"""Log transformers: processors that make JSON of a log event, one after the other.

The first one parses the event; those that follow work on what is there by paths with dots. What is not there they leave alone.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch-Logs-Transformation-Processors.html
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.languages import backtracking, log_grok
from kumoniwa.languages.insights import dates

MESSAGE = "@message"
METADATA = ("@logGroupName", "@logGroupStream", "@accountId", "@regionName")
PARSERS = ("parseJSON", "grok", "csv", "parseKeyValue")
BUILT_IN = ("parseCloudfront", "parseRoute53", "parsePostgres", "parseVPC", "parseWAF")
ALLOWED_FIRST = (
    "parsePostgres", "parseWAF", "parseCloudfront", "parseCloudfrontOCSF", "parseRoute53", "parseLambda", "parseVPC", "parseSyslog", "parseRDS",
    "parseCiscoFTD", "parseF5BigIP", "parseCiscoISE", "parseForescoutNac", "parseInfobloxDDI", "parseToOCSF", *PARSERS,
)  # fmt: skip
"""As AWS tells them, seen by cdk-preflight (pf-logs-transformer-parser-first): more than there are here."""
DEPTH_MAX, GROWN_MAX = 20, 1 << 20
FORMAT = "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'"

Event = dict[str, Any]
Step = Callable[[Event, dict[str, str]], None]
"""Changes an event; the other is where it comes from, with ``@message``."""


class InvalidTransformer(ValueError):
    """Not a configuration AWS takes. The text says why."""


class Untransformed(ValueError):
    """This event is not what the transformer parses."""


_MISSING = object()


# Paths ----------------------------------------------------------------------------------------------------------


def _read(event: Any, path: str) -> Any:
    if isinstance(event, dict) and path in event:
        return event[path]
    for step in path.split("."):
        if isinstance(event, dict) and step in event:
            event = event[step]
        elif isinstance(event, list) and step.isdecimal() and int(step) < len(event):
            event = event[int(step)]
        else:
            return _MISSING
    return event


def _parent(event: Event, path: str, *, is_made: bool) -> tuple[Event | None, str]:
    *steps, last = path.split(".")
    for step in steps:
        inner = event.get(step)
        if inner is None and is_made:
            inner = event[step] = {}
        if not isinstance(inner, dict):
            return None, last
        event = inner
    return event, last


def _put(event: Event, path: str, value: Any, overwrites: bool = True) -> bool:
    parent, name = _parent(event, path, is_made=True)
    if parent is None or (name in parent and not overwrites):
        return False
    parent[name] = value
    return True


def _drop(event: Event, path: str) -> None:
    parent, name = _parent(event, path, is_made=False)
    if parent is not None:
        parent.pop(name, None)


def _into(event: Event, destination: str | None, found: Event, overwrites: bool = True) -> None:
    if destination is not None:
        _put(event, destination, found)
    else:
        event.update({name: value for name, value in found.items() if overwrites or name not in event})


def _text(event: Event, origin: dict[str, str], source: str | None) -> str:
    value = origin[MESSAGE] if source in (None, MESSAGE) else _read(event, source)
    if not isinstance(value, str):
        raise Untransformed(f"{source} is no text")
    return value


# Parsers --------------------------------------------------------------------------------------------------------


def _parse_json(said: dict[str, Any]) -> Step:
    def step(event: Event, origin: dict[str, str]) -> None:
        try:
            read = json.loads(_text(event, origin, said.get("source")))
        except (ValueError, RecursionError):
            raise Untransformed("The event is no JSON") from None
        if not isinstance(read, dict):
            raise Untransformed("The event is no object of JSON")
        _into(event, said.get("destination"), read)

    return step


def _grok(said: dict[str, Any]) -> Step:
    try:
        grok = log_grok.compiled(said["match"])
    except log_grok.InvalidGrok as error:
        raise InvalidTransformer(str(error)) from None

    def step(event: Event, origin: dict[str, str]) -> None:
        try:
            found = grok.found(_text(event, origin, said.get("source")))
        except backtracking.TooMuchWork:
            found = None
        if found is None:
            raise Untransformed("The event does not match the grok pattern")
        for name, value in found.items():
            _put(event, name, value)

    return step


def _csv(said: dict[str, Any]) -> Step:
    delimiter = {"\\t": "\t"}.get(said.get("delimiter", ","), said.get("delimiter", ","))
    if len(delimiter) != 1:
        raise InvalidTransformer("A delimiter of csv is one character, or \\t.")
    quote, columns = said.get("quoteCharacter", '"'), said.get("columns") or []

    def step(event: Event, origin: dict[str, str]) -> None:
        try:
            values = next(csv.reader([_text(event, origin, said.get("source"))], delimiter=delimiter, quotechar=quote), [])
        except csv.Error as error:
            raise Untransformed(str(error)) from None
        names = [*columns, *(f"column_{place + 1}" for place in range(len(columns), len(values)))]
        _into(event, said.get("destination"), dict(zip(names, values)))

    return step


def _parse_key_value(said: dict[str, Any]) -> Step:
    between, within = said.get("fieldDelimiter", "&"), said.get("keyValueDelimiter", "=")

    def step(event: Event, origin: dict[str, str]) -> None:
        found: Event = {}
        for pair in _text(event, origin, said.get("source")).split(between):
            key, sign, value = pair.partition(within)
            if sign or "nonMatchValue" in said:
                found[said.get("keyPrefix", "") + key] = value if sign else said["nonMatchValue"]
        _into(event, said.get("destination"), found, said.get("overwriteIfExists", False))

    return step


# What AWS's services log ----------------------------------------------------------------------------------------


def _figure(text: str) -> Any:
    if re.fullmatch(r"-?(?:0|[1-9]\d{0,17})", text):
        return int(text)
    return float(text) if re.fullmatch(r"-?\d{1,18}\.\d{1,18}", text) else text


def _row(names: tuple[str, ...], delimiter: str | None, decodes: bool = False) -> Step:
    def step(event: Event, origin: dict[str, str]) -> None:
        values = origin[MESSAGE].strip().split(delimiter)
        if len(values) < len(names):
            raise Untransformed(f"The event has {len(values)} of {len(names)} fields")
        # The number of an account is a name.
        event.update({name: value if name == "accountId" else _figure(unquote(value) if decodes else value) for name, value in zip(names, values)})

    return step


VPC = (
    "version", "accountId", "interfaceId", "srcAddr", "dstAddr", "srcPort", "dstPort", "protocol", "packets", "bytes", "start", "end",
    "action", "logStatus",
)  # fmt: skip
ROUTE_53 = (
    "version", "queryTimestamp", "hostZoneId", "queryName", "queryType", "responseCode", "protocol", "edgeLocation", "resolverIp", "ednsClientSubnet",
)  # fmt: skip
CLOUDFRONT = (
    "date", "time", "x-edge-location", "sc-bytes", "c-ip", "cs-method", "cs(Host)", "cs-uri-stem", "sc-status", "cs(Referer)", "cs(User-Agent)",
    "cs-uri-query", "cs(Cookie)", "x-edge-result-type", "x-edge-request-id", "x-host-header", "cs-protocol", "cs-bytes", "time-taken",
    "x-forwarded-for",
    "ssl-protocol", "ssl-cipher", "x-edge-response-result-type", "cs-protocol-version", "fle-status", "fle-encrypted-fields", "c-port",
    "time-to-first-byte", "x-edge-detailed-result-type", "sc-content-type", "sc-content-len", "sc-range-start", "sc-range-end",
)  # fmt: skip
_POSTGRES = re.compile(r"(\S+ \S+ \S+?):([^:(]*)(?:\(\d+\))?:([^@:]*)@([^:]*):\[(\d+)\]:(\w+):")


def _parse_postgres(event: Event, origin: dict[str, str]) -> None:
    found = _POSTGRES.match(origin[MESSAGE])
    if found is None:
        raise Untransformed("The event is no line of PostgreSQL's")
    event.update(dict(zip(("logTime", "srcIp", "userName", "dbName", "processId", "logLevel"), found.groups())))


def _parse_waf(event: Event, origin: dict[str, str]) -> None:
    """Headers become members of ``httpRequest.headers``, labels members of ``labels``."""
    _parse_json({})(event, origin)
    request = event.get("httpRequest")
    if isinstance(request, dict) and isinstance(request.get("headers"), list):
        request["headers"] = {each["name"]: each.get("value") for each in request["headers"] if isinstance(each, dict) and "name" in each}
    if isinstance(event.get("labels"), list):
        event["labels"] = {
            each["name"].rpartition(":")[2]: each["name"]
            for each in event["labels"]
            if isinstance(each, dict) and isinstance(each.get("name"), str)
        }


# JSON -----------------------------------------------------------------------------------------------------------


def _add_keys(said: dict[str, Any]) -> Step:
    def step(event: Event, origin: dict[str, str]) -> None:
        for each in said["entries"]:
            _put(event, each["key"], each["value"], each.get("overwriteIfExists", False))

    return step


def _copy_value(said: dict[str, Any]) -> Step:
    def step(event: Event, origin: dict[str, str]) -> None:
        for each in said["entries"]:
            source = each["source"]
            value = origin.get(source, _MISSING) if source.startswith("@") else _read(event, source)
            if value is not _MISSING:
                _put(event, each["target"], json.loads(json.dumps(value)), each.get("overwriteIfExists", False))

    return step


def _moved(moves: list[tuple[str, str, bool]]) -> Step:
    """From where to where, and whether what is there is overwritten."""

    def step(event: Event, origin: dict[str, str]) -> None:
        for source, target, overwrites in moves:
            value = _read(event, source)
            if value is not _MISSING and _put(event, target, value, overwrites):
                _drop(event, source)

    return step


def _move_keys(said: dict[str, Any]) -> Step:
    """The key is moved into the target, and keeps its name."""
    return _moved([
        (each["source"], f"{each['target']}.{each['source'].rpartition('.')[2]}", each.get("overwriteIfExists", False)) for each in said["entries"]
    ])  # fmt: skip


def _rename_keys(said: dict[str, Any]) -> Step:
    return _moved([(each["key"], each["renameTo"], each.get("overwriteIfExists", False)) for each in said["entries"]])


def _delete_keys(said: dict[str, Any]) -> Step:
    def step(event: Event, origin: dict[str, str]) -> None:
        for path in said["withKeys"]:
            _drop(event, path)

    return step


def _list_to_map(said: dict[str, Any]) -> Step:
    if said.get("flatten") and "flattenedElement" not in said:
        raise InvalidTransformer("flattenedElement is required when flatten is true.")

    def step(event: Event, origin: dict[str, str]) -> None:
        held = _read(event, said["source"])
        if not isinstance(held, list):
            return
        found: dict[str, list[Any]] = {}
        for each in held:
            key = _read(each, said["key"])
            value = _read(each, said["valueKey"]) if "valueKey" in said else each
            if isinstance(key, str) and value is not _MISSING:
                found.setdefault(key, []).append(value)
        made: Event = dict(found)
        if said.get("flatten"):
            made = {key: values[0 if said["flattenedElement"] == "first" else -1] for key, values in found.items()}
        _into(event, said.get("target"), made)

    return step


# Texts and types ------------------------------------------------------------------------------------------------


def _each_text(paths: list[str], act: Callable[[str], Any]) -> Step:
    def step(event: Event, origin: dict[str, str]) -> None:
        for path in paths:
            value = _read(event, path)
            if isinstance(value, str):
                _put(event, path, act(value))

    return step


def _split_string(said: dict[str, Any]) -> Step:
    steps = [_each_text([each["source"]], lambda value, by=each["delimiter"]: value.split(by)) for each in said["entries"]]

    def step(event: Event, origin: dict[str, str]) -> None:
        for each in steps:
            each(event, origin)

    return step


def _substitute_string(said: dict[str, Any]) -> Step:
    try:
        made = [(each["source"], backtracking.compiled(each["from"]), each["to"]) for each in said["entries"]]
    except backtracking.InvalidPattern as error:
        raise InvalidTransformer(f"Invalid regular expression: {error}") from None

    def spelled(match: backtracking.Match, by: str) -> str:
        groups = match.groups
        return re.sub(r"\$(\d)", lambda found: (groups[int(found[1])] or "") if int(found[1]) < len(groups) else found[0], by)

    def replaced(value: str, expression: backtracking.Expression, by: str) -> str:
        parts, last = [], 0
        for match in expression.found(value):
            parts += [value[last : match.start], spelled(match, by)]
            last = match.end
        text = "".join(parts) + value[last:]
        if len(text) > GROWN_MAX:
            raise Untransformed("The event became too large")
        return text

    def step(event: Event, origin: dict[str, str]) -> None:
        for path, expression, by in made:
            value = _read(event, path)
            if isinstance(value, str):
                try:
                    _put(event, path, replaced(value, expression, by))
                except backtracking.TooMuchWork:
                    raise Untransformed("The regular expression takes too long") from None

    return step


_TYPES: dict[str, Callable[[str], Any]] = {
    "integer": lambda text: int(float(text)), "double": float, "string": str, "boolean": lambda text: {"true": True, "false": False}[text.lower()],
}  # fmt: skip


def _type_converter(said: dict[str, Any]) -> Step:
    def step(event: Event, origin: dict[str, str]) -> None:
        for each in said["entries"]:
            value = _read(event, each["key"])
            if isinstance(value, str | int | float | bool):
                text = json.dumps(value) if isinstance(value, bool) else str(value)
                try:
                    _put(event, each["key"], _TYPES[each["type"]](text))
                except (ValueError, KeyError, OverflowError):
                    raise Untransformed(f"{each['key']} is no {each['type']}") from None

    return step


def _date_time_converter(said: dict[str, Any]) -> Step:
    if said.get("locale", "en").lower().replace("_", "-") not in ("en", "en-us", "en-gb"):
        raise NotImplementedHere(f"the log processor dateTimeConverter in the locale {said['locale']}")
    target = said.get("targetFormat", FORMAT)
    if dates.written(0, target, said.get("targetTimezone", "UTC")) is None:
        raise InvalidTransformer("The targetFormat or targetTimezone of dateTimeConverter is invalid.")

    def step(event: Event, origin: dict[str, str]) -> None:
        value = _read(event, said["source"])
        if not isinstance(value, str | int):
            return
        found = (dates.parsed(str(value), pattern, said.get("sourceTimezone", "UTC")) for pattern in said["matchPatterns"])
        at_ms = next((each for each in found if each is not None), None)
        if at_ms is None:
            raise Untransformed(f"{said['source']} is no time of the patterns")
        _put(event, said["target"], dates.written(at_ms, target, said.get("targetTimezone", "UTC")))

    return step


# All of them ----------------------------------------------------------------------------------------------------

_PROCESSORS: dict[str, Callable[[dict[str, Any]], Step]] = {
    "parseJSON": _parse_json, "grok": _grok, "csv": _csv, "parseKeyValue": _parse_key_value, "parseVPC": lambda said: _row(VPC, None),
    "parseRoute53": lambda said: _row(ROUTE_53, None), "parseCloudfront": lambda said: _row(CLOUDFRONT, "\t", True),
    "parsePostgres": lambda said: _parse_postgres,
    "parseWAF": lambda said: _parse_waf, "addKeys": _add_keys, "copyValue": _copy_value, "moveKeys": _move_keys, "renameKeys": _rename_keys,
    "deleteKeys": _delete_keys, "listToMap": _list_to_map, "lowerCaseString": lambda said: _each_text(said["withKeys"], str.lower),
    "upperCaseString": lambda said: _each_text(said["withKeys"], str.upper), "trimString": lambda said: _each_text(said["withKeys"], str.strip),
    "splitString": _split_string, "substituteString": _substitute_string, "typeConverter": _type_converter, "dateTimeConverter": _date_time_converter,
}  # fmt: skip


def compiled(config: list[dict[str, Any]]) -> Callable[[str, dict[str, str]], str]:
    """What makes of a message, and of where it comes from, the transformed one. Raises InvalidTransformer or, for what AWS takes and we do not,
    NotImplementedHere. What is made raises Untransformed."""
    steps: list[Step] = []
    for place, processor in enumerate(config):
        if len(processor) != 1:
            raise InvalidTransformer("Each processor of a transformer is of exactly one kind.")
        ((kind, said),) = processor.items()
        if not isinstance(said, dict):
            raise InvalidTransformer(f"The processor {kind} has no members.")
        if kind not in _PROCESSORS:
            raise NotImplementedHere(f"the log processor {kind}")
        if kind in BUILT_IN and (place or said.get("source", MESSAGE) != MESSAGE):
            raise InvalidTransformer(f"The processor {kind} must be the first one, and its source {MESSAGE}.")
        if not place and kind not in (*PARSERS, *BUILT_IN):
            raise InvalidTransformer(f"Transformer config should begin with parser. Allowed parsers are {', '.join(ALLOWED_FIRST)}")
        steps.append(_PROCESSORS[kind](said))

    def transformed(message: str, origin: dict[str, str]) -> str:
        event: Event = {}
        where = {**origin, MESSAGE: message}
        for step in steps:
            step(event, where)
        return json.dumps(event, ensure_ascii=False, separators=(",", ":"))

    return transformed
