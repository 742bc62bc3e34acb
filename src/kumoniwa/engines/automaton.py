"""Regular expressions over bytes in time that grows with the text alone: RE2.

Like AWS WAF's own it knows no references back, no looking around and no possessive repetition, so no pattern can hold a request up.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable
from typing import Any

MISSING = "Regular expressions of AWS WAF need RE2: pip install 'kumoniwa[edge]'."


class InvalidPattern(ValueError):
    """Not an expression, or not one that an automaton can follow."""


def is_here() -> bool:
    return importlib.util.find_spec("re2") is not None


def searcher(pattern: str) -> Callable[[bytes], Any]:
    """What finds the expression anywhere in a text: a match, or None. Raises InvalidPattern."""
    import re2  # noqa: PLC0415 (an extra)

    options = re2.Options()
    options.encoding, options.log_errors = re2.Options.Encoding.LATIN1, False
    try:
        return re2.compile(pattern.encode("latin-1", "replace"), options).search
    except (re2.error, re.error) as error:
        raise InvalidPattern(str(error)) from None
