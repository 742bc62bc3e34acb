"""Simple values as text: in headers, in query strings, in forms and in XML.

Readers raise ``ValueError``; the protocol around them knows in which words AWS refuses.
"""

from __future__ import annotations

import math
import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kumoniwa.wire import timestamps

if TYPE_CHECKING:
    from kumoniwa.aws.models import Member

INTEGER = re.compile(r"[+-]?\d{1,19}\Z", re.ASCII)
FLOAT = re.compile(r"[+-]?(?:\d{1,400}(?:\.\d{0,400})?|\.\d{1,400})(?:[eE][+-]?\d{1,5})?\Z", re.ASCII)
BOOLEANS = {"true": True, "false": False, "True": True, "False": False, "TRUE": True, "FALSE": False}
SPECIAL_FLOATS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def _integer(bits: int) -> Callable[[str], int]:
    bound = 1 << (bits - 1)

    def read(text: str) -> int:
        if not INTEGER.match(text) or not -bound <= (value := int(text)) < bound:
            raise ValueError(f"{text!r} is not an integer of {bits} bits")
        return value

    return read


def _float(text: str) -> float:
    if text in SPECIAL_FLOATS:
        return SPECIAL_FLOATS[text]
    if not FLOAT.match(text):
        raise ValueError(f"{text!r} is not a number")
    return float(text)


def _boolean(text: str) -> bool:
    if text not in BOOLEANS:
        raise ValueError(f"{text!r} is not a boolean")
    return BOOLEANS[text]


def _blob(text: str) -> bytes:
    return b64decode("".join(text.split()), validate=True)


READERS: dict[str, Callable[[str], Any]] = {
    "string": lambda text: text,
    "integer": _integer(32),
    "long": _integer(64),
    "float": _float,
    "double": _float,
    "boolean": _boolean,
    "timestamp": timestamps.parsed,
    "blob": _blob,
}


def reader(member: Member) -> Callable[[str], Any]:
    return READERS[member.shape.type]


def _written_float(value: float) -> str:
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return repr(float(value)) if value != int(value) or abs(value) >= 1e16 else f"{float(value):.1f}"


WRITERS: dict[str, Callable[[Any], str]] = {
    "string": str,
    "integer": lambda value: str(int(value)),
    "long": lambda value: str(int(value)),
    "float": _written_float,
    "double": _written_float,
    "boolean": lambda value: "true" if value else "false",
    "blob": lambda value: b64encode(value).decode(),
}


def writer(member: Member, timestamp_format: str) -> Callable[[Any], str]:
    """A writer of one value as text; the place decides the timestamp format if the model does not."""
    if member.shape.type == "timestamp":
        return timestamps.text_format(member.timestamp_format or timestamp_format)
    return WRITERS[member.shape.type]
