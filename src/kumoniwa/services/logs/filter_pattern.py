"""Filter patterns, and in which words AWS refuses what is none."""

from __future__ import annotations

from collections.abc import Callable

from kumoniwa.languages.log_pattern import InvalidPattern, UnclosedRow, compiled
from kumoniwa.services.logs.group import InvalidParameterException


def matcher(pattern: str | None) -> Callable[[str], bool]:
    return _compiled(pattern, lambda why: InvalidParameterException(f"Invalid filter pattern: {why}"))


def check_pattern(pattern: str | None, kind: str = "filter") -> None:
    """Of what is kept AWS does not say why its pattern is none: as cdk-preflight saw it of metric filters (pf-logs-filter-pattern-bracket)."""
    _compiled(pattern, lambda why: InvalidParameterException(f"Invalid {kind} pattern", hint=why))


def _compiled(pattern: str | None, refusal: Callable[[str], InvalidParameterException]) -> Callable[[str], bool]:
    try:
        return compiled(pattern or "")
    except UnclosedRow as error:
        raise InvalidParameterException(str(error)) from None
    except InvalidPattern as error:
        raise refusal(str(error)) from None
