"""What statements leave behind in their session: what the proxy keeps track of, and what has whoever said it keep the session.

Both lists are AWS's for MariaDB and MySQL: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy-pinning.html. What a variable is set to is
kept track of where that is written out, so that it may be said again to another session; what follows from something else pins.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

STATEMENT_BYTES_MAX = 16 * 1024
"""https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy.html#rds-proxy.limitations"""
SETTINGS = "SQL changed session settings that the proxy doesn't track. Consider moving session configuration to the proxy's initialization query."
"""AWS's words; those of other reasons are ours."""
TOO_LONG = "A statement is larger than 16 KB."
PREPARED = "A protocol-level prepared statement was detected."
OPTIONS = "The client changed what its connection may say."
_SQL_PREPARED = "SQL managed prepared statements."
_TEMPORARY = "SQL created a temporary object."
_TABLES = "SQL locked tables."
_LOCK = "SQL created a named lock."
_VARIABLE = "SQL set a user variable."
_HANDLER = "SQL opened a handler of a table."
_DISTRIBUTED = "SQL managed a distributed transaction."
_LAST = "SQL asked for what the last statement left."
_TRACKED = frozenset({
    "autocommit", "auto_increment_increment", "character_set_client", "character_set_database", "character_set_filesystem", "character_set_connection",
    "character_set_results", "character_set_server", "collation_connection", "collation_database", "collation_server", "interactive_timeout",
    "net_write_timeout", "query_cache_type", "session_track_schema", "sql_mode", "time_zone", "transaction_isolation", "tx_isolation",
    "transaction_read_only", "tx_read_only", "wait_timeout",
})  # fmt: skip
_SAME = {
    "tx_isolation": "transaction_isolation", "tx_read_only": "transaction_read_only", "collation_connection": "character_set_connection",
    "collation_database": "character_set_database", "collation_server": "character_set_server",
}  # fmt: skip
"""Variables that say the same, or of which one is set with the other: the later counts."""
NAMES = "names"
OF_NAMES = ("character_set_client", "character_set_connection", "character_set_results")
_SCOPES = frozenset({"session", "local", "global"})
_FIRST = {"handler": _HANDLER, "xa": _DISTRIBUTED, "prepare": _SQL_PREPARED, "execute": _SQL_PREPARED, "deallocate": _SQL_PREPARED}
_MAY_MATTER = re.compile(
    r"\b(?:set|use|drop|lock|flush|temporary|handler|xa|prepare|execute|deallocate|get_lock|sql_calc_found_rows|found_rows|row_count|last_insert_id"
    r"|warnings|errors|diagnostics|warning_count|error_count|identity)\b|@", re.I
)  # fmt: skip
_TOKEN = re.compile(
    r"""\s+|--(?=\s|$)[^\n]*|\#[^\n]*|/\*M?!\d*|/\*(?:.*?\*/|.*)|\*/
    |(?P<text>[nNbBxX]?'(?:[^'\\]|\\.|'')*(?:'|$)|"(?:[^"\\]|\\.|"")*(?:"|$)|\d[\w.]*)
    |(?P<variable>@@[\w$.`]+|@(?:[\w$.]+|`(?:[^`]|``)*`|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"))
    |(?P<name>`(?:[^`]|``)*(?:`|$)|[A-Za-z_$\x80-\uffff][\w$]*)|(?P<mark>:=|.)""",
    re.S | re.X,
)
"""What is written into a comment for this server only, after ``/*!``, is said."""
_KEYWORDS = frozenset({
    "select", "set", "session", "global", "local", "names", "from", "where", "and", "or", "not", "into", "create", "temporary", "table", "tables", "lock",
    "read", "write", "prepare", "execute", "deallocate", "flush", "with", "insert", "update", "delete", "values", "as", "if", "exists", "default",
    "transaction", "isolation", "level", "for", "in", "on", "by", "order", "group", "limit", "handler", "open", "xa", "use", "drop",
})  # fmt: skip


class Effect(NamedTuple):
    """What a statement leaves behind once it has succeeded."""

    pins: str | None = None
    """Why whoever says it must keep his session, from then on."""
    is_setting: bool = False
    """Whether that is because of what it sets, which a target group can exempt."""
    sets: tuple[tuple[str, str], ...] = ()
    """What is kept track of, by name, and how to say it to another session."""
    database: str | None = None
    """Which one it uses from then on."""
    dropped: str | None = None
    wants_last: str = ""
    """``number`` if it asks for the number that was inserted last, ``all`` for what only the very session knows."""


NOTHING = Effect()


class _Word(NamedTuple):
    text: str
    """A name or a keyword in small letters, a mark, or what stands for a literal."""
    raw: str
    is_value: bool = False
    is_variable: bool = False


def _statements(sql: str) -> list[list[_Word]]:
    found: list[list[_Word]] = [[]]
    for token in _TOKEN.finditer(sql):
        raw = token[0]
        if token["text"] is not None:
            found[-1].append(_Word("'", raw, is_value=True))
        elif token["variable"] is not None:
            found[-1].append(_Word(raw.lower(), raw, is_variable=True))
        elif token["name"] is not None:
            found[-1].append(_Word(raw[1:-1].replace("``", "`").lower() if raw[0] == "`" else raw.lower(), raw))
        elif raw == ";":
            found.append([])
        elif token["mark"] is not None:
            found[-1].append(_Word(raw, raw))
    return [each for each in found if each]


def _parted(words: list[_Word]) -> list[list[_Word]]:
    """At the commas that stand outside of brackets."""
    found: list[list[_Word]] = [[]]
    depth = 0
    for word in words:
        depth += (word.text == "(") - (word.text == ")")
        if word.text == "," and depth == 0:
            found.append([])
        else:
            found[-1].append(word)
    return found


def _set(words: list[_Word]) -> Effect:
    """Of a SET, without that word."""
    texts = [word.text for word in words]
    if texts[:1] == ["statement"] and "for" in texts:
        return _of_one(words[texts.index("for") + 1 :])
    if texts[:1] in (["password"], ["default"]) or texts[:2] == ["global", "transaction"]:
        return NOTHING
    if texts[:2] in (["session", "transaction"], ["local", "transaction"]):
        kind = "transaction_read_only" if "read" in texts[2:3] else "transaction_isolation"
        return Effect(sets=((kind, " ".join(word.raw for word in words)),)) if "," not in texts else Effect(SETTINGS, True)
    sets, is_global = [], False
    for part in _parted(words):
        found = _assigned(part, is_global)
        if found is None:
            return Effect(SETTINGS, True)
        is_global = found == ()
        sets += found
    return Effect(sets=tuple(sets))


def _assigned(part: list[_Word], was_global: bool) -> tuple[tuple[str, str], ...] | None:
    """What one assignment has the proxy keep track of: nothing for a variable of the server's; None if it cannot."""
    texts = [word.text for word in part]
    raw = " ".join(word.raw for word in part)
    if texts[:1] == [NAMES] and (len(part) == 2 or (len(part) == 4 and texts[2] == "collate")) and not part[1].is_variable:
        return ((NAMES, raw),)
    if texts[:2] in (["character", "set"], ["char", "set"]) and len(part) == 3 or (texts[:1] == ["charset"] and len(part) == 2):
        return ((NAMES, raw),)
    scope = texts[0] if texts and texts[0] in _SCOPES else ""
    if scope:
        part, texts = part[1:], texts[1:]
    elif texts and part[0].is_variable and part[0].text.startswith("@@"):
        scope, _, name = part[0].text[2:].replace("`", "").rpartition(".")
        texts = [name, *texts[1:]]
    elif not part or part[0].is_variable or was_global:
        return None
    if scope == "global":
        return ()
    if len(texts) < 3 or texts[1] not in ("=", ":=") or texts[0] not in _TRACKED:
        return None
    value = part[2:]
    if len(value) == 2 and value[0].text in "-+" and value[1].is_value:
        pass  # a number with its sign
    elif len(value) != 1 or value[0].is_variable or value[0].raw[:1] == "`":
        return None
    name = _SAME.get(texts[0], texts[0])
    return ((name, f"session {texts[0]} = {''.join(word.raw for word in value)}"),)


def _of_one(words: list[_Word]) -> Effect:
    texts = [word.text for word in words]
    first = texts[0] if texts else ""
    if first == "set":
        return _set(words[1:])
    if first == "use" and len(words) == 2:
        return Effect(database=words[1].raw.strip("`").replace("``", "`"))
    if first == "drop" and texts[1:2] in (["database"], ["schema"]):
        return Effect(dropped=words[-1].raw.strip("`").replace("``", "`"))
    if first in _FIRST or texts[:2] == ["drop", "prepare"]:
        return Effect(_FIRST.get(first, _SQL_PREPARED))
    if first == "lock" and texts[1:2] in (["table"], ["tables"]):
        return Effect(_TABLES)
    if first == "flush" and {"lock", "export"} & set(texts):
        return Effect(_TABLES)
    if first == "create" and "temporary" in texts[1:5]:
        return Effect(_TEMPORARY)
    return _calls(words, texts)


def _calls(words: list[_Word], texts: list[str]) -> Effect:
    """What stands in the midst of a statement."""
    for place, word in enumerate(words):
        behind = texts[place + 1] if place + 1 < len(texts) else ""
        if word.is_variable and word.text[:2] != "@@":
            before = texts[:place]
            if behind == ":=" or "into" in before[max(0, len(before) - 8) :]:
                return Effect(_VARIABLE)
        elif word.text == "get_lock" and behind == "(":
            return Effect(_LOCK)
        elif word.text == "sql_calc_found_rows":
            return Effect(_LAST)
    number = any(
        (word.text == "last_insert_id" and texts[place + 1 : place + 3] == ["(", ")"])
        or (word.is_variable and word.text.rpartition(".")[2].lstrip("@") in ("identity", "last_insert_id"))
        for place, word in enumerate(words)
    )
    rest = (texts[:1] == ["show"] and texts[-1] in ("warnings", "errors")) or texts[:2] in (["get", "diagnostics"], ["get", "current"]) or any(
        (word.text in ("found_rows", "row_count") and texts[place + 1 : place + 2] == ["("])
        or (word.is_variable and word.text.rpartition(".")[2].lstrip("@") in ("warning_count", "error_count"))
        for place, word in enumerate(words)
    )  # fmt: skip
    return Effect(_LAST, wants_last="all" if rest else "number") if rest or number else NOTHING


@lru_cache(maxsize=256)
def _looked_through(sql: str) -> Effect:
    found = [_of_one(words) for words in _statements(sql)]
    if len(found) == 1:
        return found[0]
    # Which of several has succeeded nobody says: what would be kept track of pins.
    pins = next((each for each in found if each.pins is not None), None)
    if pins is not None:
        return pins._replace(wants_last=found[0].wants_last)
    if any(each.database is not None or each.dropped is not None for each in found):
        return Effect(SETTINGS)
    return Effect(SETTINGS, True) if any(each.sets for each in found) else NOTHING


def effect_of(sql: bytes) -> Effect:
    """Of a request, be it one statement or several."""
    if len(sql) > STATEMENT_BYTES_MAX:
        return Effect(TOO_LONG)
    text = sql.decode("utf-8", "replace")
    return _looked_through(text) if _MAY_MATTER.search(text) else NOTHING


def parted(sql: str) -> list[str]:
    """The statements of an initialization query."""
    return [" ".join(word.raw for word in words) for words in _statements(sql)]


def digest(sql: bytes) -> str:
    """A statement without what was said in it, as MySQL has it: ``SET `autocommit` = ?``."""
    told = []
    for token in _TOKEN.finditer(sql[:STATEMENT_BYTES_MAX].decode("utf-8", "replace")):
        raw = token[0]
        if token["text"] is not None:
            told.append("?")
        elif token["name"] is not None:
            told.append(raw if raw[0] == "`" else raw.upper() if raw.lower() in _KEYWORDS else f"`{raw}`")
        elif token["variable"] is not None or token["mark"] is not None:
            told.append(raw)
    return " ".join(told)[:200]
