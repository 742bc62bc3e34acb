"""What a target receives of an event: all of it, a part, a constant, or a template with values of it in place.

In a text a value stands without the quotes of its inner texts, in an object it is JSON; what is not there is an empty text.
(Recorded: test_events_inputs.) https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from kumoniwa.languages import input_template, jsonpath
from kumoniwa.languages.input_template import Hole, is_json, spelled

WHOLE = "aws.events.event.json"
PREDEFINED = frozenset({"aws.events.rule-arn", "aws.events.rule-name", "aws.events.event.ingestion-time", "aws.events.event", WHOLE})
_NAME = r"[A-Za-z0-9_\-.]+"


class InvalidInput(ValueError):
    """What the target should receive cannot be made of this event."""


def template_of(text: str) -> tuple[str | Hole, ...]:
    return input_template.template_of(text, _NAME)


def holes(text: str) -> list[str]:
    return [part.name for part in template_of(text) if isinstance(part, Hole)]


def is_valid(text: str) -> bool:
    """Whether the template is JSON once it is filled: an object, a list, or texts line by line."""
    return input_template.is_valid(template_of(text))


def read(event: dict[str, Any], path: str) -> Any:
    """What a path finds. Raises LookupError if nothing."""
    try:
        return jsonpath.compiled(path).read(event)
    except jsonpath.TooManyValues:
        raise InvalidInput(path) from None


def made(target: dict[str, Any], body: bytes, known: Callable[[], dict[str, Any]]) -> str:
    """The input of a target. ``known`` tells the values of predefined names. Raises InvalidInput."""
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
    values = _values(transformer.get("InputPathsMap") or {}, event, known())
    filled = "".join(part if isinstance(part, str) else spelled(values.get(part.name, ""), part, is_text) for part in template_of(text))
    if not is_text and not is_json(filled):
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
