"""The tokens of SQL as an injection would have them: read one after the other and only as far as somebody asks.

A database that would refuse the text is no reason to: a string may be open at its end, and what stands in a comment that MySQL executes
is read as if it stood alone. Every character is looked at once, so no text holds a request up. sqlglot, which reads statements elsewhere in
this house, is no help here: it reads the whole text before it answers, drops comments and refuses strings that are not closed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple


class Token(NamedTuple):
    kind: str
    """``n`` number, ``s`` string, ``w`` word, ``p`` phrase of words, ``v`` variable, ``k`` value that is a word (null, true), ``&`` and/or,
    ``o`` comparison, ``a`` arithmetic, ``u`` union, ``e`` a statement's first word, ``D`` one that changes things with its second,
    ``S`` select with what only SQL selects up to from, ``E`` select in parentheses, ``h`` having, ``g`` order or group, ``l`` limit,
    ``I`` into a file, ``b`` another clause, ``f`` function call, ``F`` one that attackers call, ``c`` a comment that cuts off the rest of a
    statement, ``C`` one with text, ``x`` whatever else; ``(``, ``)``, ``,``, ``;`` and ``.`` are themselves."""
    text: str
    """In lower case, of a string what is in it."""
    at: int
    """Where it begins."""


STEPS_MAX = 2_000
"""So many pieces of a text are looked at, blanks and comments among them."""
_PATTERN = re.compile(
    r"""
      (?P<blank>[\s\x00-\x1f\xa0]+|/\*!\d*|\*/)
    | (?P<block>/\*)
    | (?P<line>--|\#)
    | (?P<quote>['"])
    | (?P<quoted>`[^`]*`?)
    | (?P<number>0x[0-9a-f]++|(?:\d++(?:\.\d*+)?|\.\d++)(?:e[+-]?\d++)?(?:(?![a-z_])|(?=(?:or|and|xor|union)\b)))
    | (?P<variable>@{1,2}[\w$]*)
    | (?P<word>[\w\x80-\xff][\w$\x80-\xff]*)
    | (?P<logic>\|\||&&)
    | (?P<comparison><=>|<>|!=|<=|>=|:=|[=<>])
    | (?P<arithmetic>[+*/%^|&~!-])
    | (?P<mark>[(),;.])
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_REST = {quote: re.compile(rf"[^{quote}\\]*(?:(?:\\(?:.|\Z)|{quote}{quote})[^{quote}\\]*)*(?:{quote}|\Z)", re.DOTALL) for quote in "'\""}
"""The rest of a string whose quote is read."""
_PLAIN_REST = {quote: re.compile(rf"[^{quote}]*(?:{quote}|\Z)") for quote in "'\""}
"""The same where a backslash is a character like any other."""

WORDS = {
    word: kind
    for kind, words in {
        "&": "and or xor",
        "o": "like rlike regexp glob between in is similar",
        "a": "div mod",
        "u": "union intersect except minus",
        "e": "select insert update delete drop alter create truncate exec execute merge declare grant revoke shutdown waitfor call",
        "h": "having",
        "g": "order group",
        "l": "limit",
        "b": "from where values set into procedure returning offset",
        "k": "null true false",
    }.items()
    for word in words.split()
}
_CALLED = (
    "sleep benchmark pg_sleep load_file extractvalue updatexml xmltype randomblob xp_cmdshell group_concat information_schema "
    "make_set name_const current_database utl_inaddr get_host_address receive_message dbms_pipe dblink_connect lo_import lo_export"
)
CALLED_BY_ATTACKERS = frozenset(_CALLED.split())
PAIRS = {
    "drop": "table database view index user schema procedure function trigger login column", "alter": "table database user login role",
    "create": "table database user login function procedure trigger", "truncate": "table", "delete": "from", "insert": "into",
    "waitfor": "delay time", "grant": "all select", "merge": "into",
}  # fmt: skip
"""Second words of statements that change things."""
FILES = ("outfile", "dumpfile")


def read(text: str, quote: str = "", *, is_plain: bool = False) -> Iterator[Token]:
    """The tokens of a lower-case text that stands in SQL as it is, or behind an open ``quote``. ``is_plain``: backslashes escape nothing."""
    rest, at = _PLAIN_REST if is_plain else _REST, 0
    if quote:
        at = rest[quote].match(text).end()
        yield Token("s", text[: at - 1] if text[at - 1 : at] == quote else text, 0)
    for _ in range(STEPS_MAX):
        if at >= len(text):
            return
        found = _PATTERN.match(text, at)
        kind, start, at = found.lastgroup, at, found.end()
        if kind == "blank":
            continue
        if kind == "quote":
            end = rest[found[0]].match(text, at).end()
            yield Token("s", text[at : end - 1] if text[end - 1] == found[0] and end > at else text[at:end], at)
            at = end
        elif kind == "block":
            end = text.find("*/", at)
            if end < 0:
                yield Token("c", "/*", start)
                return
            at = end + 2
        elif kind == "line":
            end = text.find("\n", at)
            if end < 0:
                yield Token("c" if _cuts(found[0], text, at) else "C", found[0], start)
                return
            at = end + 1
        else:
            said = text[start:at]
            yield Token(_kind(kind, said, text, at), said, start)


def _cuts(mark: str, text: str, at: int) -> bool:
    """Whether a comment is there for the sake of what it hides, and not of its own words."""
    said = text[at : at + 8].split("&")[0].strip(" \t+-\x00\xa0;")
    return not said if mark == "#" else len(said) <= 2


_KINDS = {"quoted": "w", "number": "n", "variable": "v", "logic": "&", "comparison": "o", "arithmetic": "a"}


def _kind(found: str, said: str, text: str, at: int) -> str:
    if found == "word":
        if text[at : at + 1] == "(" or (said in CALLED_BY_ATTACKERS and text[at : at + 8].lstrip()[:1] == "("):
            if said not in WORDS:
                return "F" if said in CALLED_BY_ATTACKERS else "f"
        return WORDS.get(said, "w")
    return said if found == "mark" else _KINDS.get(found, "x")
