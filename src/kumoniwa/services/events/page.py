"""Pages of what has names, in their order. A token says the name of the last that was shown, in letters that nobody needs to read."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any

from kumoniwa.services.events.errors import ValidationException

MOST = 100


def paged(found: dict[str, Any], token: str | None, most: int | None, show: Callable[[Any], dict[str, Any]], member: str) -> dict[str, Any]:
    """What follows the one that the token means, and the token of what is left."""
    names = sorted(found)
    if token:
        last = _name_in(token)
        names = [name for name in names if name > last]
    page = names[: most or MOST]
    reply: dict[str, Any] = {member: [show(found[name]) for name in page]}
    if len(page) < len(names):
        reply["NextToken"] = base64.urlsafe_b64encode(page[-1].encode()).decode()
    return reply


def _name_in(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token).decode()
    except (binascii.Error, ValueError):
        raise ValidationException("Parameter NextToken is not valid.") from None


def at_most_one(operation: str, *filters: str | None) -> None:
    """Filters of archives and replays exclude each other; the text is as moto's tests have it.
    https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_ListArchives.html"""
    if sum(one is not None for one in filters) > 1:
        raise ValidationException(f"At most one filter is allowed for {operation}. Use either : State, EventSourceArn, or NamePrefix.")
