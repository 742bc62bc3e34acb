"""JSON as it was written: what TestState was given, and shows again whole or in part, keeps its spaces.

Recorded: ``["first", "second"]`` within an input is ``afterItemsPath`` just so (test_state_configuration).
"""

from __future__ import annotations

from typing import Any

import orjson

from kumoniwa.languages.json_places import Place, placed
from kumoniwa.services.stepfunctions.payload import text_of


class Spelling:
    """The objects and arrays that were read, and their texts."""

    def __init__(self) -> None:
        self._held: dict[int, tuple[Any, str]] = {}
        """By identity; the value is kept so that its identity stays its own."""

    def read(self, text: str) -> Any:
        """The value of a text. Raises orjson.JSONDecodeError."""
        orjson.loads(text)
        value, place = placed(text)
        self._note(text, value, place)
        return value

    def _note(self, text: str, value: Any, place: Place) -> None:
        if isinstance(value, (dict, list)):
            self._held[id(value)] = value, text[place.start : place.end]
            for name, inner in place.held.items():
                self._note(text, value[name], inner)

    def of(self, value: Any) -> str:
        if id(value) in self._held:
            return self._held[id(value)][1]
        if isinstance(value, dict):
            return "{" + ",".join(f"{text_of(name)}:{self.of(one)}" for name, one in value.items()) + "}"
        if isinstance(value, list):
            return "[" + ",".join(map(self.of, value)) + "]"
        return text_of(value)
