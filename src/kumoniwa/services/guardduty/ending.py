"""Ending: a detector is deleted, and with it all that it has and found.

https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_suspend-disable.html
"""

from __future__ import annotations

from functools import partial

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.guardduty import detector as detectors
from kumoniwa.services.guardduty import finding_rows
from kumoniwa.services.guardduty.address_list import AddressList
from kumoniwa.services.guardduty.destination import Destination
from kumoniwa.services.guardduty.detector import ROLE, SERVICE, Detector
from kumoniwa.services.guardduty.filter import Filter


async def DeleteDetector(call: Call, *, DetectorId: str) -> None:
    """What its role was allowed to read for lists stays with the role where the caller may not take it back."""
    detectors.existing(call, DetectorId)
    for each in list(call.shelf(AddressList).values()):
        try:
            await call.carried_out(SERVICE).ask("iam:DeleteRolePolicy", RoleName=ROLE.name, PolicyName=f"{each.kind}-{each.id}")
        except AwsError:
            continue
    call.atomically(partial(_end, call, DetectorId))


def _end(call: Call, id_: str) -> None:
    detectors.existing(call, id_)
    for kind in (Filter, AddressList, Destination):
        for key in list(call.shelf(kind)):
            del call.shelf(kind)[key]
    finding_rows.forget_all(call)
    del call.shelf(Detector)[id_]
    call.after_commit(partial(detectors.watch, call))
