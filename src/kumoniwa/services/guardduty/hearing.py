"""Hearing: a call of an account that has a detector is judged, and what it is an instance of is found."""

from __future__ import annotations

import traceback
from functools import partial
from typing import Any

from kumoniwa.gate.identity import SHARED
from kumoniwa.gate.trails import Trail
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record
from kumoniwa.services.guardduty import address_list, bucket, finding, judging
from kumoniwa.services.guardduty import detector as detectors
from kumoniwa.services.guardduty.judging import Known

ONE = "one"


class PasswordPolicy(Record):
    """The account's password policy, as its last change that was seen left it; shelved by ``one``."""

    said: dict[str, Any] | None


def judge(call: Call, event: dict[str, Any]) -> None:
    """Judge one event, in the commit in which it was heard. A defect of ours hides one call, and does not refuse it."""
    try:
        call.atomically(partial(_judge, call, event))
    except Exception as error:
        traceback.print_exception(error)


def _judge(call: Call, event: dict[str, Any]) -> None:
    """What a service asks of itself is no business of anybody."""
    detector = detectors.held(call)
    if detector is None or not detector.is_enabled or event["userIdentity"]["type"] == "AWSService":
        return
    policy = call.shelf(PasswordPolicy).get(ONE)
    known = Known(address_list.lists(call), lambda name: _is_trail_bucket(call, name), policy.said if policy is not None else None)
    for hit in judging.judged(event, known):
        if hit.bucket:
            bucket.look(call, hit, event)
        else:
            finding.take(call, detector, hit, event)
    _learn(call, event)


def _is_trail_bucket(call: Call, name: str) -> bool:
    return any(each.bucket == name and each.account == call.account for each in call.home.store.shelf(SHARED, Trail).values())


def _learn(call: Call, event: dict[str, Any]) -> None:
    """A password policy that was set is what the next is compared with."""
    if event["eventSource"] == "iam.amazonaws.com" and "errorCode" not in event:
        if event["eventName"] == "UpdateAccountPasswordPolicy":
            call.shelf(PasswordPolicy)[ONE] = PasswordPolicy(said=event["requestParameters"] or {})
        elif event["eventName"] == "DeleteAccountPasswordPolicy":
            call.shelf(PasswordPolicy)[ONE] = PasswordPolicy(said=None)
