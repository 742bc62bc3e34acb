"""Filters, in the one language that all lists of EC2 speak: names with values, all of which must hold, each by one of its values.

Values know ``*`` and ``?`` and are case-sensitive. https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html#Filtering_Resources_CLI
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from kumoniwa.services.ec2.errors import InvalidParameterValue, Refused

VALUES_MAX = 200

Names = Mapping[str, str | Callable[[dict[str, Any]], Any]]
"""What a list can be filtered by: each name with where its value stands in what is shown (``Attachment.Status``; lists are looked through), or a
function of that."""


@lru_cache(1024)
def _pattern(value: str) -> re.Pattern[str]:
    """``*`` is any text, ``?`` one character or none, and a backslash takes a meaning away."""
    out, at = [], 0
    while at < len(value):
        letter = value[at]
        if letter == "\\" and at + 1 < len(value):
            at += 1
            out.append(re.escape(value[at]))
        else:
            out.append(".*" if letter == "*" else ".?" if letter == "?" else re.escape(letter))
        at += 1
    # Stars in a row mean no more than one and cost the engine dearly.
    return re.compile(re.sub(r"(?:\.\*)+", ".*", "".join(out)), re.DOTALL)


def matches(value: str, text: str) -> bool:
    return _pattern(value).fullmatch(text) is not None if any(each in value for each in "*?\\") else value == text


def _at(shown: Any, path: str) -> Iterable[str]:
    head, _, rest = path.partition(".")
    found = shown.get(head) if isinstance(shown, dict) else None
    for each in found if isinstance(found, list) else [] if found is None else [found]:
        if rest:
            yield from _at(each, rest)
        else:
            yield _text(each)


def _text(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _values(shown: dict[str, Any], name: str, names: Names, tags: str) -> Iterable[str]:
    where = names.get(name)
    if isinstance(where, str):
        return _at(shown, where)
    if where is not None:
        found = where(shown)
        return [_text(each) for each in found] if isinstance(found, list) else [] if found is None else [_text(found)]
    if name.startswith("tag:"):
        return [each["Value"] for each in shown.get(tags, ()) if each["Key"] == name[4:]]
    return [each["Key" if name == "tag-key" else "Value"] for each in shown.get(tags, ())]


def kept(shown: list[dict[str, Any]], filters: list[dict[str, Any]] | None, names: Names, tags: str = "Tags") -> list[dict[str, Any]]:
    """Those that all filters hold of. ``tags`` is the member with the tags; "" where there are none."""
    for each in filters or ():
        name, values = each.get("Name", ""), each.get("Values") or []
        if name not in names and not (tags and (name.startswith("tag:") or name in ("tag-key", "tag-value"))):
            raise InvalidParameterValue(f"The filter '{name or 'null'}' is invalid")
        if len(values) > VALUES_MAX:
            raise Refused("FilterLimitExceeded", f"The maximum number of filter values specified on a single call is {VALUES_MAX}")
        shown = [one for one in shown if any(matches(value, text) for text in _values(one, name, names, tags) for value in values)]
    return shown
