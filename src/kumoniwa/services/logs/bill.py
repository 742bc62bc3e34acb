"""What AWS bills for logs: what comes in, with 26 bytes for each event (``event.put`` counts it), what is kept, and what queries scan.

https://aws.amazon.com/cloudwatch/pricing/. AWS packs what it keeps and bills the packed bytes; here they are those that came in.
"""

from __future__ import annotations

from kumoniwa.aws.prices import GIB
from kumoniwa.gate.ledger import Use
from kumoniwa.kernel.call import Call
from kumoniwa.services.logs import event
from kumoniwa.services.logs.group import Group


def scanned(call: Call, size_bytes: int) -> None:
    call.bill("cloudwatch:logs_insights", "", size_bytes / GIB)


def standing_of(call: Call) -> list[Use]:
    sizes = event.stored_bytes(call)
    return [("cloudwatch:logs_storage", group.name, sizes.get(group.number, 0) / GIB) for group in call.shelf(Group).values()]
