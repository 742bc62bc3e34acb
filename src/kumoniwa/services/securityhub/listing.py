"""GetFindings: the findings that filters leave, in their order, page by page.

Rows are read in portions, between which others have their turn: there may be a hundred thousand.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import AsyncIterator
from typing import Any

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.services.securityhub import hub
from kumoniwa.services.securityhub.errors import InvalidInputException
from kumoniwa.services.securityhub.filtering import PATHS, Filter, values
from kumoniwa.services.securityhub.finding import FINDINGS

PAGE = 100
AT_ONCE = 500
_NEWEST = (1 << 63) - 1


async def each(call: Call, wanted: Filter, below: int = _NEWEST) -> AsyncIterator[tuple[int, dict[str, Any]]]:
    """The findings that are wanted with their numbers, the newest first."""
    while True:
        rows = call.rows(FINDINGS).all(
            f"select number, body from securityhub_finding where number < ? and {wanted.where} order by number desc limit ?",
            below, *wanted.arguments, AT_ONCE,
        )  # fmt: skip
        for number, body in rows:
            finding = orjson.loads(body)
            if wanted.meets(finding):
                yield number, finding
        if len(rows) < AT_ONCE:
            return
        below = rows[-1][0]
        await asyncio.sleep(0)


def _token(kind: str, number: int) -> str:
    return base64.urlsafe_b64encode(f"{kind}:{number}".encode()).decode()


def _read(token: str | None, kind: str, first: int) -> int:
    if token is None:
        return first
    try:
        said, _, number = base64.urlsafe_b64decode(token).decode().partition(":")
        if said == kind:
            return int(number)
    except (binascii.Error, ValueError):
        pass
    raise InvalidInputException("The NextToken is not valid.")


def _key(finding: dict[str, Any], criterion: dict[str, str]) -> tuple[bool, Any]:
    """What has no value comes first."""
    found = values(finding, PATHS[criterion["Field"]])
    numbers = [value for value in found if isinstance(value, int | float)]
    return (True, (0, min(numbers), "")) if numbers else (True, (1, 0, min(map(str, found)))) if found else (False, None)


async def _sorted(call: Call, wanted: Filter, criteria: list[dict[str, str]]) -> list[int]:
    """The numbers of all findings that are wanted, in order."""
    for criterion in criteria:
        if criterion.get("Field") not in PATHS:
            raise InvalidInputException(f"Findings cannot be sorted by {criterion.get('Field')}.")
    keyed = [([_key(finding, criterion) for criterion in criteria], number) async for number, finding in each(call, wanted)]
    for place in reversed(range(len(criteria))):
        keyed.sort(key=lambda pair, place=place: pair[0][place], reverse=criteria[place].get("SortOrder") == "desc")
    return [number for _, number in keyed]


async def GetFindings(
    call: Call,
    *,
    Filters: dict[str, list[dict[str, Any]]] | None = None,
    SortCriteria: list[dict[str, str]] | None = None,
    NextToken: str | None = None,
    MaxResults: int = PAGE,
) -> dict:
    """Without an order of theirs, findings come the newest first. What changes between pages of an order of theirs may move among them."""
    hub.existing(call)
    wanted = Filter(call, Filters)
    if SortCriteria:
        offset = _read(NextToken, "at", 0)
        numbers = await _sorted(call, wanted, SortCriteria)
        page = numbers[offset : offset + MaxResults]
        rows = dict(call.rows(FINDINGS).all(f"select number, body from securityhub_finding where number in ({','.join('?' * len(page))})", *page))
        told: dict[str, Any] = {"Findings": [orjson.loads(rows[number]) for number in page if number in rows]}
        return told | ({"NextToken": _token("at", offset + MaxResults)} if offset + MaxResults < len(numbers) else {})
    found: list[dict[str, Any]] = []
    last = _NEWEST
    async for number, finding in each(call, wanted, _read(NextToken, "below", _NEWEST)):
        if len(found) == MaxResults:
            return {"Findings": found, "NextToken": _token("below", last)}
        found.append(finding)
        last = number
    return {"Findings": found}
