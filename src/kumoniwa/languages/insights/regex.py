"""Regular expressions as AWS spells them, for Python's ``re``: groups are named ``(?<name>…)``, and a flag may stand anywhere.

They may be slow, as any that backtrack: run them where a slow one can be ended.
"""

from __future__ import annotations

import re
from functools import lru_cache

from kumoniwa.languages.insights.syntax import Malformed

_NAMED = re.compile(r"\\.|\(\?<([A-Za-z_@][\w@.]*)>|\(\?([imsx]+)\)|(\[\^?\]?(?:\\.|[^\]\\])*\])|\(|\)", re.DOTALL)


def translated(text: str) -> str:
    """The expression for Python. A name that Python does not take is replaced by the number of its group."""
    made: list[str] = []
    open_flags: list[int] = [0]
    count = last = 0
    for found in _NAMED.finditer(text):
        made.append(text[last : found.start()])
        last = found.end()
        if found[1]:
            count += 1
            made.append(f"(?P<g{count}>")
            open_flags.append(0)
        elif found[2]:
            # From here to the end of its group.
            made.append(f"(?{found[2]}:")
            open_flags[-1] += 1
        elif found[0] == "(":
            made.append("(")
            open_flags.append(0)
        elif found[0] == ")":
            made.append(")" * (open_flags.pop() + 1 if len(open_flags) > 1 else 1))
        else:
            made.append(found[0])
    return "".join(made) + text[last:] + ")" * open_flags[0]


def names(text: str, at: int = 0) -> tuple[str, ...]:
    """The names of its groups, in order. Raises Malformed where it is no expression."""
    compiled(text, at)
    return tuple(found[1] for found in _NAMED.finditer(text) if found[1])


@lru_cache(maxsize=256)
def compiled(text: str, at: int = 0) -> re.Pattern[str]:
    try:
        return re.compile(translated(text))
    except (re.error, OverflowError, RecursionError) as error:
        raise Malformed(f"Invalid regular expression: {error}", at, at + len(text) + 2) from None


def of_glob(text: str) -> str:
    """A wildcard takes as little as it can, the last one at the end of the text all that is left."""
    parts = text.split("*")
    return (
        "(.*?)".join(map(re.escape, parts[:-1])) + ("(.*)" if not parts[-1] else "(.*?)" + re.escape(parts[-1]))
        if len(parts) > 1
        else re.escape(text)
    )


def literal(text: str) -> str | None:
    """What every match contains, where the expression is nothing but it."""
    return text if re.fullmatch(r"[\w \-:=,;@#%&\"'<>!~/]+", text) else None
