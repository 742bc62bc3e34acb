"""A page of what is tagged, and the token with which the next begins: behind the last of this one, whatever changes meanwhile."""

from __future__ import annotations

import base64
import binascii

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.services.resourcegroupstaggingapi.errors import (
    InvalidParameterException,
    PaginationTokenExpiredException,
)

VALID_S = 15 * 60
"""https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html"""
RESOURCES, RESOURCES_MAX = 50, 100
TAGS_MIN, TAGS_MAX = 100, 500
TEXTS = 1_000
"""Keys or values on one page: how many AWS puts there was not found."""


def begin(call: Call, token: str | None) -> str:
    """Behind what a page begins. An empty token is none."""
    if not token:
        return ""
    try:
        given, last = orjson.loads(base64.urlsafe_b64decode(token.encode()))
        age_s = call.now() - float(given)
        if not isinstance(last, str):
            raise ValueError(token)
    except (binascii.Error, ValueError, TypeError):
        raise InvalidParameterException("The PaginationToken is not valid.") from None
    if age_s > VALID_S:
        raise PaginationTokenExpiredException
    return last


def _token(call: Call, last: str) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([call.now(), last])).decode()


def of_texts(call: Call, texts: set[str], token: str | None) -> tuple[list[str], str]:
    """Keys or values in their order, and the token of the next page, empty behind the last."""
    after = begin(call, token)
    rest = sorted(text for text in texts if text > after or not token)
    return rest[:TEXTS], _token(call, rest[TEXTS - 1]) if len(rest) > TEXTS else ""


def check(resources: int | None, tags: int | None) -> None:
    if resources is not None and not 1 <= resources <= RESOURCES_MAX:
        raise InvalidParameterException(f"ResourcesPerPage must be between 1 and {RESOURCES_MAX}.")
    if tags is not None and not TAGS_MIN <= tags <= TAGS_MAX:
        raise InvalidParameterException(f"TagsPerPage must be between {TAGS_MIN} and {TAGS_MAX}.")


def of_resources(
    call: Call, found: list[tuple[str, dict[str, str]]], after: str, resources: int | None, tags: int | None
) -> tuple[list[tuple[str, dict[str, str]]], str]:
    """What follows an ARN, and the token of the next page. No resource is split: one whose tags are too many for this page stands on the next."""
    rest = [each for each in found if each[0] > after]
    count, held = 0, 0
    for _, own in rest[: resources or RESOURCES]:
        held += len(own)
        if tags is not None and held > tags and count:
            break
        count += 1
    return rest[:count], _token(call, rest[count - 1][0]) if count < len(rest) else ""
