"""Pages, and the tokens that lead on to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kumoniwa.services.logs.group import InvalidParameterException


class InvalidToken(InvalidParameterException):
    code = "InvalidParameterException"
    message = "The specified nextToken is invalid."


def offset(token: str | None) -> int:
    """How many were shown, if that is what tokens say."""
    if token is None:
        return 0
    if not (token.isascii() and token.isdigit() and len(token) < 16):
        raise InvalidToken
    return int(token)


def check_only(token: str | None) -> None:
    """Refuse a token where there is never a second page."""
    if token is not None:
        raise InvalidToken


def paged(found: list[Any], token: str | None, most: int, show: Callable[[Any], dict[str, Any]], member: str) -> dict[str, Any]:
    """What follows the one whose id the token is, ``most`` at once, and the token of what is left."""
    if token is not None:
        ids = [each.id for each in found]
        if token not in ids:
            raise InvalidToken
        found = found[ids.index(token) + 1 :]
    chosen = found[:most]
    return {member: list(map(show, chosen))} | ({"nextToken": chosen[-1].id} if len(chosen) < len(found) else {})
