"""Filter patterns, and in which words AWS refuses what is none."""

from __future__ import annotations

from collections.abc import Callable

from kumoniwa.languages.log_pattern import InvalidPattern, UnclosedRow, compiled
from kumoniwa.services.logs.group import InvalidParameterException


def matcher(pattern: str | None) -> Callable[[str], bool]:
    try:
        return compiled(pattern or "")
    except UnclosedRow as error:
        raise InvalidParameterException(str(error)) from None
    except InvalidPattern as error:
        raise InvalidParameterException(f"Invalid filter pattern: {error}") from None


def check_pattern(pattern: str | None, kind: str = "filter") -> None:
    """The same for what is kept, where AWS does not say why a pattern is none: as cdk-preflight saw it of metric filters
    (pf-logs-filter-pattern-bracket)."""
    try:
        compiled(pattern or "")
    except UnclosedRow as error:
        raise InvalidParameterException(str(error)) from None
    except InvalidPattern as error:
        raise InvalidParameterException(f"Invalid {kind} pattern", hint=str(error)) from None
