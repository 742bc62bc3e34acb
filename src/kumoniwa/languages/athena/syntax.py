"""Reads a query as Trino does: sqlglot's tree, in which every function keeps the name it was written with.

sqlglot takes more than Trino; whatever node or part of a node ``query`` and ``expression`` do not know by name they refuse.
"""

from __future__ import annotations

from typing import Any

import sqlglot
from sqlglot import errors, exp
from sqlglot.dialects.trino import Trino
from sqlglot.parsers.trino import TrinoParser

from kumoniwa.languages.athena.failure import Malformed, line_and_column

_SPELLED = ("CAST", "TRY_CAST", "EXTRACT", "TRIM", "POSITION", "SUBSTRING")
"""Functions that have words between their arguments."""


class Athena(Trino):
    INDEX_OFFSET = 0

    class Parser(TrinoParser):
        FUNCTIONS: dict[str, Any] = {}
        FUNCTION_PARSERS = {name: parser for name, parser in TrinoParser.FUNCTION_PARSERS.items() if name in _SPELLED}


def parsed(text: str) -> exp.Expression:
    """The one query that a text is. Raises Malformed; its words about what was expected are ours, those of Athena come out of its grammar."""
    try:
        read = sqlglot.parse(text, dialect=Athena)
    except errors.ParseError as error:
        said = error.errors[0] if error.errors else {}
        # Where a token ends is told; Trino tells where it begins.
        found = said.get("highlight") or ""
        place = (said.get("line") or 1, max((said.get("col") or 1) - len(found) + 1, 1))
        if "SENTINEL" in (said.get("description") or ""):
            found, place = "<EOF>", line_and_column(text, len(text))
        raise Malformed(f"mismatched input '{found}'", place) from None
    except (errors.TokenError, RecursionError) as error:
        raise Malformed(str(error).partition("\n")[0] or "the query is nested too deeply", (1, 1)) from None
    if len(read) != 1 or read[0] is None:
        raise Malformed("mismatched input '<EOF>'", line_and_column(text, len(text)))
    if not isinstance(read[0], (exp.Query, exp.Values)):
        raise Malformed(f"mismatched input '{text.split()[0]}'", (1, 1))
    for select in read[0].find_all(exp.Select):
        if not select.expressions:
            raise Malformed("mismatched input: nothing is selected", line_and_column(text, offset_of(select) or 0))
    return read[0]


def offset_of(node: exp.Expression) -> int | None:
    """Where a node begins in its text, as far as sqlglot kept it."""
    starts = [each.meta["start"] for each in node.walk() if "start" in each.meta]
    return min(starts) if starts else None
