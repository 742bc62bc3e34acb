"""Input templates: texts with holes in angle brackets, into which EventBridge's buses and pipes put parts of an event.

A hole within quotes is part of a text; any other is filled with JSON.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NamedTuple

import orjson


class Hole(NamedTuple):
    name: str
    is_quoted: bool


@lru_cache(maxsize=1024)
def template_of(text: str, hole: str) -> tuple[str | Hole, ...]:
    """The pieces of a template, where ``hole`` is the expression that names in holes match."""
    parts: list[str | Hole] = []
    at, is_quoted = 0, False
    for found in re.finditer(rf'\\.|"|<({hole})>', text, re.DOTALL):
        if found[0] == '"':
            is_quoted = not is_quoted
        elif found[1] is not None:
            parts += [text[at : found.start()], Hole(found[1], is_quoted)]
            at = found.end()
    return (*parts, text[at:])


def is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def is_valid(parts: tuple[str | Hole, ...]) -> bool:
    """Whether the template is JSON once it is filled: an object, a list, or texts line by line."""
    filled = "".join(part if isinstance(part, str) else "0" for part in parts)
    return all(is_json(line) for line in ([filled] if is_json(filled) else filled.splitlines()))


def spelled(value: Any, hole: Hole, is_text: bool) -> str:
    """A value as it stands in its hole. In a template that is one text, objects lose the quotes of their own texts."""
    if not hole.is_quoted:
        return orjson.dumps("" if value is None else value).decode()
    if isinstance(value, str):
        return orjson.dumps(value).decode()[1:-1]
    if value is None:
        return ""
    found = orjson.dumps(value).decode()
    return found.replace('"', "") if is_text else found
