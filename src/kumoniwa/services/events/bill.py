"""What AWS bills for buses: events that are put, of which each 64 KB are one, events that buses send each other, and what archives take in.

Events that tell what is done with an account's resources are free; those of its data, which somebody asked for, are not: S3 counts its
own, whether or not a rule wants them.
https://aws.amazon.com/eventbridge/pricing/
Who sends an event to a bus of another account pays for it as for one of his own, and the other account does not:
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-account.html. So it is between buses of one account:
https://aws.amazon.com/about-aws/whats-new/2021/05/amazon-eventbridge-supports-sharing-events-between-event-buses-same-account-region/
What an archive keeps, ``stored`` counts; visits of API destinations, ``gate.api_destination``. What is replayed is told apart: nothing was found that
says its price.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.aws.prices import GIB
from kumoniwa.gate.ledger import Use, chunks
from kumoniwa.kernel.call import Call
from kumoniwa.services.events import bus as buses

SMALL_CHARACTERS = 16_000
"""So few have less bytes than that, whatever they are."""
CALLER_PAYS = True


def size_of(entry: dict[str, Any]) -> int:
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html#eb-putevent-size"""
    size = 14 if "Time" in entry else 0
    for name in ("Source", "DetailType", "Detail"):
        size += len((entry.get(name) or "").encode())
    for each in entry.get("Resources") or ():
        size += len(each.encode())
    return size


def uses_of(call: Call, operation: str, params: dict[str, Any], result: dict[str, Any]) -> list[Use] | tuple[Use, ...]:
    """An endpoint puts its events on a bus of one of its regions, and who names buses of several accounts puts on each in turn: those are asked about."""
    if operation != "PutEvents" or "EndpointId" in params:
        return ()
    found = []
    for entry, answer in zip(params["Entries"], result["Entries"]):
        bus = entry.get("EventBusName")
        if bus is None:
            bus = buses.DEFAULT
        elif (buses.account_named(bus) or call.account) != call.account:
            return ()
        else:
            bus = buses.name_in(bus)
        if "EventId" in answer:
            is_small = "Resources" not in entry and len(entry["Detail"]) + len(entry["Source"]) < SMALL_CHARACTERS
            found.append(("eventbridge:custom_events", bus, 1 if is_small else chunks(size_of(entry))))
    return found


def forwarded(call: Call, bus: str, body: bytes) -> None:
    """A rule sent an event to another bus."""
    call.bill("eventbridge:custom_events", bus, chunks(len(body)))


def archived(call: Call, archive: str, size: int) -> None:
    call.bill("eventbridge:archive_processing", archive, size / GIB)


def replayed(call: Call, replay: str, size: int) -> None:
    call.bill("eventbridge:replayed_events", replay, chunks(size))
