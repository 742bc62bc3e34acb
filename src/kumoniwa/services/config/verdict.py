"""What a rule says of a resource, and with what in hand it says so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from kumoniwa.kernel.call import Call
from kumoniwa.services.config.item import Item
from kumoniwa.services.config.resource import Found, Kind, Reader

COMPLIANT, NON_COMPLIANT, NOT_APPLICABLE, INSUFFICIENT_DATA = "COMPLIANT", "NON_COMPLIANT", "NOT_APPLICABLE", "INSUFFICIENT_DATA"
ACCOUNT_TYPE = "AWS::::Account"


class Verdict(NamedTuple):
    compliance: str
    annotation: str = ""


class Judged(NamedTuple):
    """A verdict on a resource that a rule found by itself."""

    type: str
    id: str
    verdict: Verdict


Given = dict[str, Any]
"""The values of a rule's parameters, by their names; None for those that have none."""
Check = Callable[[Call, Item, Given], Verdict]


class Surveyor(NamedTuple):
    """Looks around as the recorder's role."""

    call: Call
    reader: Reader

    async def found(self, kind: Kind) -> list[Found]:
        return [each for each in (await kind.look(self.reader, None)).values() if each is not None]

    def of_account(self, verdict: Verdict) -> list[Judged]:
        return [Judged(ACCOUNT_TYPE, self.call.account, verdict)]


Survey = Callable[[Surveyor, Given], Awaitable[list[Judged]]]

FINE, OUTSIDE = Verdict(COMPLIANT), Verdict(NOT_APPLICABLE)


def fault(text: str) -> Verdict:
    return Verdict(NON_COMPLIANT, text)


def verdict(holds: bool, otherwise: str) -> Verdict:
    return FINE if holds else fault(otherwise)
