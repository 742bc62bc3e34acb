"""Which statements leave something behind in their session, so that whoever ran one must keep it.

The conditions are AWS's for PostgreSQL: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy-pinning.html. What holds for a transaction
only does not pin: ``SET LOCAL``, ``set_config(…, true)`` and locks of transactions, the last in AWS's own words, the others as its users report.
"""

from __future__ import annotations

import re
from functools import lru_cache

STATEMENT_BYTES_MAX = 16 * 1024
"""https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy.html#rds-proxy.limitations"""
SETTINGS = "SQL changed session settings that the proxy doesn't track. Consider moving session configuration to the proxy's initialization query."
"""AWS's words; those of other reasons are ours."""
TOO_LONG = "A statement is larger than 16 KB."
_PREPARED = "SQL managed prepared statements."
_STATE = "SQL discarded the session state."
_TEMPORARY = "SQL created a temporary object."
_CURSOR = "SQL declared a cursor."
_LISTENING = "SQL listened on a notification channel."
_LIBRARY = "SQL loaded a library."
_SEQUENCE = "SQL manipulated a sequence."
_LOCK = "SQL interacted with an advisory lock."
_FIRST = {
    "reset": SETTINGS, "deallocate": _PREPARED, "execute": _PREPARED, "discard": _STATE, "declare": _CURSOR, "listen": _LISTENING, "load": _LIBRARY,
}  # fmt: skip
_CALLS = {"nextval": _SEQUENCE, "setval": _SEQUENCE, "currval": _SEQUENCE}
_ADVISORY = re.compile(r"pg_(?:try_)?advisory_(?:un)?lock\w*")
_MAY_PIN = re.compile(
    r"\b(?:set|reset|prepare|deallocate|execute|discard|declare|listen|load|temp|temporary|pg_temp|nextval|setval|currval|set_config)\b|advisory_", re.I
)
_TOKEN = re.compile(
    r"""\s+|--[^\n]*|/\*(?:.*?\*/|.*)|(?P<end>\*/)(?!\*)
    |(?P<text>[eE]'(?:[^'\\]|\\.|'')*(?:'|$)|'(?:[^']|'')*(?:'|$)|\$(?P<tag>[A-Za-z_\x80-\uffff]\w*|)\$(?:.*?\$(?P=tag)\$|.*)|\$\d+|\d[\w.]*)
    |(?P<name>"(?:[^"]|"")*(?:"|$)|[A-Za-z_\x80-\uffff][\w$]*)|(?P<mark>.)""",
    re.S | re.X,
)
"""What is not closed ends with the statement, which is refused then."""
_VALUE = "'"
"""What stands here for each literal."""


def _statements(sql: str) -> list[list[str]]:
    """The words of each statement: names in small letters, marks, and one sign for all literals."""
    found: list[list[str]] = [[]]
    for token in _TOKEN.finditer(sql):
        if token["name"] is not None:
            name = token["name"]
            found[-1].append(name[1:-1] if name[0] == '"' else name.lower())
        elif token["text"] is not None:
            found[-1].append(_VALUE)
        elif token["mark"] == ";":
            found.append([])
        elif token["end"] is not None:  # of a comment with another in it, whose last words were taken for a statement
            found[-1].clear()
        elif token["mark"] is not None and found[-1]:  # brackets may stand before the first word
            found[-1].append(token["mark"])
    return [each for each in found if each]


def _is_local(words: list[str], place: int) -> bool:
    """Whether a call of set_config that begins there says that it is for the transaction only."""
    depth, last = 0, ""
    for word in words[place:]:
        depth += (word == "(") - (word == ")")
        if word == ")" and depth == 0:
            break
        last = word
    return last == "true"


def _of_one(words: list[str]) -> str | None:
    first, second = words[0], words[1] if len(words) > 1 else ""
    if first == "set":
        return None if second in ("local", "transaction", "constraints") else SETTINGS
    if first == "prepare":
        return None if second == "transaction" else _PREPARED
    if first in _FIRST:
        return _FIRST[first]
    if first == "create" and ({"temp", "temporary"} & set(words[1:5]) or "pg_temp" in words[1:8]):
        return _TEMPORARY
    for place, word in enumerate(words):
        if word == "into" and {"temp", "temporary"} & set(words[place + 1 : place + 3]):
            return _TEMPORARY
        if words[place + 1 : place + 2] == ["("]:
            if word in _CALLS:
                return _CALLS[word]
            if word == "set_config" and not _is_local(words, place + 1):
                return SETTINGS
            if _ADVISORY.fullmatch(word):
                return _LOCK
    return None


@lru_cache(maxsize=256)
def _looked_through(sql: str) -> str | None:
    return next((reason for words in _statements(sql) if (reason := _of_one(words)) is not None), None)


def reason_of(sql: bytes) -> str | None:
    """Why whoever runs this, one or several statements, must keep his session; None if he need not."""
    if len(sql) > STATEMENT_BYTES_MAX:
        return TOO_LONG
    text = sql.decode("utf-8", "replace")
    return _looked_through(text) if _MAY_PIN.search(text) else None


def digest(sql: bytes) -> str:
    """A statement without what was said in it: ``set search_path to $1,$2``."""
    count, told, is_value = 0, [], False
    for token in _TOKEN.finditer(sql[:STATEMENT_BYTES_MAX].decode("utf-8", "replace")):
        word = token[0].lower()
        if token["text"] is not None or (is_value and token["name"] is not None):
            count += 1
            told.append(f"${count}")
        elif token["name"] is None and token["mark"] is None:  # also what ends a comment
            told.append(" ")
        else:
            told.append(word)
            is_value = (is_value and word != ";") or (word in ("to", "=") and "".join(told).lstrip().startswith("set "))
    return "".join(told).strip()[:200]
