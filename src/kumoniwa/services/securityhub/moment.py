"""Moments as findings write them: ``2020-03-22T13:22:13.933Z``, with more or fewer digits and another offset."""

from __future__ import annotations

from datetime import UTC, datetime


def read(text: str) -> float | None:
    """Epoch seconds, None for what is no moment."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp()
