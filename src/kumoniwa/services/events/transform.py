"""What a target receives of an event: all of it, a part, a constant, or a template with values of it in place.

In a text a value stands without the quotes of its inner texts, in an object it is JSON; what is not there is an empty text.
(Recorded: test_events_inputs.) https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from kumoniwa.languages import jsonpath

PREDEFINED = frozenset(
    {"aws.events.rule-arn", "aws.events.rule-name", "aws.events.event.ingestion-time", "aws.events.event", "aws.events.event.json"}
)
_PART = re.compile(r'\\.|"|<([A-Za-z0-9_\-.]+)>', re.DOTALL)


class InvalidInput(ValueError):
    """What the target should receive cannot be made of this event."""


class Hole(NamedTuple):
    name: str
    is_quoted: bool


@lru_cache(maxsize=1024)
def template_of(text: str) -> tuple[str | Hole, ...]:
    parts: list[str | Hole] = []
    at, is_quoted = 0, False
    for found in _PART.finditer(text):
        if found[0] == '"':
            is_quoted = not is_quoted
        elif found[1] is not None:
            parts += [text[at : found.start()], Hole(found[1], is_quoted)]
            at = found.end()
    return (*parts, text[at:])


def holes(text: str) -> list[str]:
    return [part.name for part in template_of(text) if isinstance(part, Hole)]


def is_valid(text: str) -> bool:
    """Whether the template is JSON once it is filled: an object, a list, or texts line by line."""
    filled = "".join(part if isinstance(part, str) else "0" for part in template_of(text))
    return all(_is_json(line) for line in ([filled] if _is_json(filled) else filled.splitlines()))


def _is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def read(event: dict[str, Any], path: str) -> Any:
    """What a path finds. Raises LookupError if nothing."""
    try:
        return jsonpath.compiled(path).read(event)
    except jsonpath.TooManyValues:
        raise InvalidInput(path) from None


def made(target: dict[str, Any], body: bytes, known: dict[str, Any]) -> str:
    """The input of a target. ``known`` holds the values of predefined names. Raises InvalidInput."""
    if target.get("Input") is not None:
        return target["Input"]
    if (path := target.get("InputPath")) is not None:
        try:
            return orjson.dumps(read(orjson.loads(body), path)).decode()
        except LookupError:
            raise InvalidInput(f"The event has nothing at {path}.") from None
    if (transformer := target.get("InputTransformer")) is None:
        return body.decode()
    event = orjson.loads(body)
    text = transformer["InputTemplate"]
    is_text = text.lstrip().startswith('"')
    values = _values(transformer.get("InputPathsMap") or {}, event, known)
    filled = "".join(part if isinstance(part, str) else _spelled(values.get(part.name, ""), part, is_text) for part in template_of(text))
    if not is_text and not _is_json(filled):
        raise InvalidInput("The template filled with this event is no JSON.")
    return filled


def _values(paths: dict[str, str], event: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    values = {
        **known,
        "aws.events.event.json": event,
        "aws.events.event": {
            "id": event["id"],
            "account": event["account"],
            "detailType": event["detail-type"],
            "time": event["time"],
            "source": event["source"],
            "region": event["region"],
            "resources": event["resources"],
            "version": event["version"],
        },
    }
    for name, path in paths.items():
        try:
            values[name] = read(event, path)
        except LookupError:
            values[name] = ""
    return values


def _spelled(value: Any, hole: Hole, is_text: bool) -> str:
    if not hole.is_quoted:
        return orjson.dumps("" if value is None else value).decode()
    if isinstance(value, str):
        return orjson.dumps(value).decode()[1:-1]
    if value is None:
        return ""
    spelled = orjson.dumps(value).decode()
    return spelled.replace('"', "") if is_text else spelled
