"""What enrichment and target are given of an event: all of it, or what an input template makes of it.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-input-transformation.html
"""

from __future__ import annotations

import base64
from typing import Any

import orjson

from kumoniwa.languages import input_template, jsonpath
from kumoniwa.languages.input_template import Hole, spelled

RESERVED = frozenset(
    f"aws.pipes.{name}"
    for name in ("pipe-arn", "pipe-name", "source-arn", "enrichment-arn", "target-arn", "event.ingestion-time", "event", "event.json")
)
_HOLE = r'\$[^<>"]*|aws\.pipes\.[a-z.\-]+'


class InvalidTransformation(ValueError):
    """Nothing can be made of this event; the text says why."""


def wrong_with(text: str) -> str:
    """What is wrong with a template, or nothing."""
    for part in input_template.template_of(text, _HOLE):
        if isinstance(part, Hole) and not part.name.startswith("$") and part.name not in RESERVED:
            return f"Invalid reserved variable {part.name}."
        if isinstance(part, Hole) and part.name.startswith("$"):
            try:
                jsonpath.compiled(part.name)
            except jsonpath.InvalidPath:
                return f"Invalid path {part.name}."
    return ""


def opened(event: Any) -> Any:
    """The event with what its sender wrote read as JSON, if it is JSON: the body of a message, the data of a record."""
    if not isinstance(event, dict):
        return event
    if event.get("eventSource") == "aws:sqs":
        name, content = "body", event.get("body")
    elif event.get("eventSource") == "aws:kinesis":
        name, content = "data", base64.b64decode(event.get("data") or "")
    else:
        return event
    try:
        return {**event, name: orjson.loads(content)}
    except (orjson.JSONDecodeError, TypeError):
        return event


def value_at(event: Any, path: str) -> Any:
    """What a path finds in an event. Raises LookupError."""
    try:
        return jsonpath.compiled(path).read(opened(event))
    except (jsonpath.InvalidPath, jsonpath.TooManyValues):
        raise InvalidTransformation(f"The path {path} cannot be read.") from None


def dynamic(said: Any, event: Any) -> Any:
    """A parameter, whose texts may be paths into the event.
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-event-target.html#pipes-targets-dynamic-parms"""
    if isinstance(said, dict):
        return {name: dynamic(each, event) for name, each in said.items()}
    if isinstance(said, list):
        return [dynamic(each, event) for each in said]
    if not isinstance(said, str) or not (said == "$" or said.startswith(("$.", "$["))):
        return said
    try:
        found = value_at(event, said)
    except LookupError:
        raise InvalidTransformation(f"The event has nothing at {said}.") from None
    return found if isinstance(found, str) else orjson.dumps(found).decode()


def made(template: str, event: Any, known: dict[str, str]) -> Any:
    """What the template makes of an event: a JSON value, or a text where it is none."""
    if not template:
        return event
    parts = input_template.template_of(template, _HOLE)
    read = opened(event)
    values = {part.name: _value(part.name, event, read, known) for part in parts if isinstance(part, Hole)}
    for is_text in (False, True):
        filled = "".join(part if isinstance(part, str) else _filled(values[part.name], part, is_text) for part in parts)
        if not is_text and input_template.is_json(filled):
            return orjson.loads(filled)
    return filled


def _filled(value: Any, hole: Hole, is_text: bool) -> str:
    if is_text and not hole.is_quoted and isinstance(value, str):
        return value
    return spelled(value, hole, False)


def _value(name: str, event: Any, read: Any, known: dict[str, str]) -> Any:
    if name == "aws.pipes.event":
        return event
    if name == "aws.pipes.event.json":
        return "" if isinstance(read, str) else read
    if name in known:
        return known[name]
    try:
        return jsonpath.compiled(name).read(read)
    except LookupError:
        return ""
    except jsonpath.TooManyValues:
        raise InvalidTransformation(f"The path {name} finds too much.") from None
