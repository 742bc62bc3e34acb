"""Where files go: prefixes with expressions, the names of files.

https://docs.aws.amazon.com/firehose/latest/dev/s3-prefixes.html
"""

from __future__ import annotations

import random
import re
import string
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kumoniwa.services.firehose.errors import InvalidArgumentException

_EXPRESSION = re.compile(r"!\{([^:}]+):([^}]*)\}")
_PATTERN = re.compile(r"'([^']*)'|([a-zA-Z])\2*|[^a-zA-Z']")
_FIELDS = {
    "yyyy": "%Y", "y": "%Y", "yy": "%y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S", "DDD": "%j", "MMM": "%b", "MMMM": "%B",
    "EEE": "%a", "EEEE": "%A", "hh": "%I", "a": "%p", "z": "%Z", "Z": "%z",
}  # fmt: skip
RANDOM_CHARACTERS = 11
PARTITIONS = ("partitionKeyFromLambda", "partitionKeyFromQuery")


def partition_keys(prefix: str) -> list[str]:
    """The partition keys that a prefix asks for, with their namespaces."""
    return list(dict.fromkeys(f"{space}:{name}" for space, name in _EXPRESSION.findall(prefix) if space in PARTITIONS))


def check(prefix: str, error_prefix: str, zone: str, *, is_partitioned: bool) -> None:
    for text, may_tell_errors in ((prefix, False), (error_prefix, True)):
        for match in _EXPRESSION.finditer(text):
            space, value = match.groups()
            if space == "timestamp":
                _moment(value, datetime(2000, 1, 1, tzinfo=UTC))
            elif space == "firehose":
                if value != "random-string" and not (may_tell_errors and value == "error-output-type"):
                    raise InvalidArgumentException(f"The expression {match[0]} is not valid here.")
            elif space not in PARTITIONS:
                raise InvalidArgumentException(f"Invalid namespace {space} in the prefix {text}")
            elif may_tell_errors:
                raise InvalidArgumentException("Partition keys are not supported in ErrorOutputPrefix.")
            elif not is_partitioned:
                raise InvalidArgumentException(
                    "Dynamic Partitioning Namespaces can only be part of a prefix expression when Dynamic Partitioning is enabled."
                )
    if "!{" in prefix and not error_prefix:
        raise InvalidArgumentException("ErrorOutputPrefix must be specified when Prefix contains expressions.")
    if error_prefix and "!{firehose:error-output-type}" not in error_prefix and "!{" in error_prefix:
        raise InvalidArgumentException("ErrorOutputPrefix must contain !{firehose:error-output-type} when it contains expressions.")
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise InvalidArgumentException(f"The time zone {zone} is not valid.") from None


def _moment(pattern: str, at: datetime) -> str:
    """In the words of Java's DateTimeFormatter, as far as file names need them."""
    found = []
    for match in _PATTERN.finditer(pattern):
        literal, letter = match.groups()
        if literal is not None:
            found.append(literal)
        elif letter is None:
            found.append(match[0])
        elif match[0] in _FIELDS:
            found.append(at.strftime(_FIELDS[match[0]]))
        else:
            raise InvalidArgumentException(f"The pattern {match[0]} of a timestamp in a prefix is not valid.")
    return "".join(found)


def rendered(prefix: str, at: float, zone: str, random_: random.Random, error: str = "", keys: dict[str, str] | None = None) -> str:
    """A prefix as it is at a moment, for records with these partition keys. One that says nothing of time, and asks for no key, gets the
    hour behind it, in UTC."""
    local = datetime.fromtimestamp(at, ZoneInfo(zone))

    def fill(match: re.Match[str]) -> str:
        space, value = match.groups()
        if space == "timestamp":
            return _moment(value, local)
        if space in PARTITIONS:
            return (keys or {})[f"{space}:{value}"]
        if value == "random-string":
            return "".join(random_.choices(string.ascii_letters + string.digits, k=RANDOM_CHARACTERS))
        return error

    text = _EXPRESSION.sub(fill, prefix)
    if error and "!{firehose:error-output-type}" not in prefix:
        text += f"{error}/" if not text or text.endswith("/") else error
    return text if keys is not None or "!{timestamp:" in prefix else text + f"{local:%Y/%m/%d/%H/}"


def file_name(stream: str, version: int, at: float, id_: str, zone: str) -> str:
    return f"{stream}-{version}-{datetime.fromtimestamp(at, ZoneInfo(zone)):%Y-%m-%d-%H-%M-%S}-{id_}"
