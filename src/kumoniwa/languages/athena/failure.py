"""Why a query fails, in the words of Trino: an error code, and where in the text.

The codes: https://github.com/trinodb/trino/blob/master/core/trino-spi/src/main/java/io/trino/spi/StandardErrorCode.java
"""

from __future__ import annotations


class QueryFailure(Exception):
    """``str()`` is what StateChangeReason tells: ``COLUMN_NOT_FOUND: line 1:8: Column 'x' cannot be resolved``."""

    def __init__(self, code: str, text: str, place: tuple[int, int] | None = None) -> None:
        self.code, self.place = code, place
        super().__init__(f"{code}: line {place[0]}:{place[1]}: {text}" if place else f"{code}: {text}")


class Malformed(ValueError):
    """No statement at all, which StartQueryExecution refuses: ``line 1:8: mismatched input 'x'``."""

    def __init__(self, text: str, place: tuple[int, int]) -> None:
        self.place = place
        super().__init__(f"line {place[0]}:{place[1]}: {text}")


class Unbuilt(Exception):
    """What Athena has and we do not; the text names it."""


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """Both count from 1, as Trino's messages do."""
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1
