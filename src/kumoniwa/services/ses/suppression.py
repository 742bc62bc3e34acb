"""The account's suppression list: addresses to which nothing is sent any more."""

from __future__ import annotations

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record
from kumoniwa.services.ses import account, configuration


class Suppressed(Record):
    """Shelved by the address, in lower case."""

    address: str
    reason: str
    at: float


def put(call: Call, address: str, reason: str) -> None:
    call.shelf(Suppressed)[address.lower()] = Suppressed(address=address, reason=reason, at=call.now())


def find(call: Call, address: str) -> Suppressed | None:
    return call.shelf(Suppressed).get(address.lower())


def drop(call: Call, address: str) -> bool:
    return call.shelf(Suppressed).pop(address.lower(), None) is not None


def holds_back(call: Call, address: str, configuration_set: str) -> bool:
    """Whether a mail with this configuration set is not sent to an address."""
    held = find(call, address)
    if held is None:
        return False
    own = configuration.existing(call, configuration_set).suppressed_reasons if configuration_set else None
    return held.reason in (account.of(call).suppressed_reasons if own is None else own)
