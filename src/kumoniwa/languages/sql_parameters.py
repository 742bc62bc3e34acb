"""Named parameters in a statement for PostgreSQL, ``:name``, as the Data API finds them, and whether it is one statement.

A name is of letters, digits and underscores; strings, quoted names and comments are left alone, and so are casts. AWS was seen (Aurora PostgreSQL
17.9, in the notes of a proxy over it) to take the second bound of a slice for a parameter, ``a[1:2]``, and so is it here. It was also seen to
replace names in dollar quotes, so that a function's body is another one: that mishap is not repeated.
https://www.postgresql.org/docs/18/sql-syntax-lexical.html
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

_TOKEN = re.compile(
    r"""
    (?P<comment>--[^\n]*|/\*)
    |(?P<escaped>(?<![A-Za-z0-9_$\x80-\U0010ffff])[eE]'(?:[^'\\]|''|\\.)*(?:'|\Z))
    |(?P<quoted>'(?:[^']|'')*(?:'|\Z)|"(?:[^"]|"")*(?:"|\Z))
    |(?P<dollar>(?<![A-Za-z0-9_$\x80-\U0010ffff])\$(?:[A-Za-z_\x80-\U0010ffff][A-Za-z0-9_\x80-\U0010ffff]*)?\$)
    |(?P<cast>::|:=)
    |:(?P<name>[A-Za-z0-9_]+)
    |(?P<end>;)
    |(?P<space>\s+)
    |(?P<word>[A-Za-z0-9_\x80-\U0010ffff][A-Za-z0-9_$\x80-\U0010ffff]*)
    |(?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_NESTED = re.compile(r"/\*|\*/")


class Statement(NamedTuple):
    text: str
    """With ``$1`` for the first name, wherever it stands, ``$2`` for the second."""
    names: tuple[str, ...]
    is_single: bool


def _after_comment(text: str, at: int) -> int:
    depth = 1
    while depth:
        found = _NESTED.search(text, at)
        if found is None:
            return len(text)
        depth += 1 if found[0] == "/*" else -1
        at = found.end()
    return at


@lru_cache(maxsize=512)
def read(text: str) -> Statement:
    pieces: list[str] = []
    names: dict[str, int] = {}
    at, is_ended, is_single = 0, False, True
    while at < len(text):
        found = _TOKEN.match(text, at)
        assert found is not None
        kind, end = found.lastgroup, found.end()
        if kind == "comment" and found[0] == "/*":
            end = _after_comment(text, end)
        elif kind == "dollar":
            closed = text.find(found[0], end)
            end = len(text) if closed < 0 else closed + len(found[0])
        if kind == "name":
            pieces.append(f"${names.setdefault(found['name'], len(names) + 1)}")
        else:
            pieces.append(text[at:end])
        if kind == "end":
            is_ended = True
        elif is_ended and kind not in ("space", "comment"):
            is_single = False
        at = end
    return Statement("".join(pieces), tuple(names), is_single)
