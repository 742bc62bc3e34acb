"""Grok as Glue's classifiers have it: ``%{PATTERN:field:type}``, with patterns of one's own.

https://docs.aws.amazon.com/glue/latest/dg/custom-classifier.html#custom-classifier-grok. Which built-in patterns there are ``log_grok`` knows;
those of AWS that it does not know are refused by name.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from kumoniwa.languages import backtracking, log_grok
from kumoniwa.languages.log_grok import InvalidGrok

__all__ = ["Grok", "InvalidGrok", "UnknownPattern", "read"]
_KINDS = {"byte": "tinyint", "short": "smallint", "int": "int", "long": "bigint", "float": "float", "double": "double", "boolean": "boolean", "string": "string"}
_REFERENCE = re.compile(r"%\{(\w+)(?::([^}:]+))?(?::(\w+))?\}")
LENGTH_MAX = 60_000


class UnknownPattern(InvalidGrok):
    """A name that is not defined here."""


class Grok(NamedTuple):
    columns: list[tuple[str, str]]
    expression: backtracking.Expression

    def matches(self, line: str) -> bool:
        """Raises backtracking.TooMuchWork."""
        return self.expression.is_whole(line)


@lru_cache(maxsize=16)
def read(pattern: str, custom: str = "") -> Grok:
    """``custom`` has a name and a pattern on each line. Raises InvalidGrok."""
    patterns, columns, written_so_far = dict(log_grok.PATTERNS), [], 0
    for line in custom.splitlines():
        name, _, body = line.strip().partition(" ")
        if name:
            patterns[name] = body.strip()

    def written(text: str, depth: int) -> str:
        nonlocal written_so_far
        written_so_far += len(text)
        if depth > log_grok.DEPTH_MAX or written_so_far > LENGTH_MAX:
            raise InvalidGrok("patterns lie too deep")
        made, last = [], 0
        for found in _REFERENCE.finditer(text):
            name, field, kind = found.groups()
            if name not in patterns:
                raise UnknownPattern(name)
            if depth == 0 and field is not None:
                if kind is not None and kind not in _KINDS:
                    raise InvalidGrok(f"there is no type {kind}")
                columns.append((field, _KINDS[kind or "string"]))
            made += [text[last : found.start()], f"(?:{written(patterns[name], depth + 1)})"]
            last = found.end()
        return "".join([*made, text[last:]])

    expression = written(pattern, 0)
    if not columns:
        raise InvalidGrok("a pattern names at least one field")
    try:
        return Grok(columns, backtracking.compiled(expression))
    except backtracking.InvalidPattern as error:
        raise InvalidGrok(str(error)) from None
