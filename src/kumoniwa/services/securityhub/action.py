"""Custom actions: what people of a console may send findings to. The API makes, shows and deletes them; it triggers none.

So no event "Security Hub Findings - Custom Action" comes of it: a console selects the findings, by no public operation.
https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-cwe-custom-actions.html
"""

from __future__ import annotations

import re

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.securityhub import hub
from kumoniwa.services.securityhub.errors import (
    InvalidInputException,
    LimitExceededException,
    ResourceConflictException,
    ResourceNotFoundException,
)

ACTIONS_MAX = 50
"""https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub_limits.html"""
NAME_MAX, ID_MAX = 20, 20
"""https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_CreateActionTarget.html"""
_ID = re.compile(r"[A-Za-z0-9]+")


class Action(Record):
    """Shelved by its ARN."""

    arn: str
    name: str
    description: str
    created: float


def _existing(call: Call, arn: str) -> Action:
    action = call.shelf(Action).get(arn)
    if action is None:
        raise ResourceNotFoundException(f"The action target {arn} does not exist.")
    return action


def _check_name(name: str) -> None:
    if len(name) > NAME_MAX:
        raise InvalidInputException(f"The name of an action target has {NAME_MAX} characters at most.")


def CreateActionTarget(call: Call, *, Name: str, Description: str, Id: str) -> dict:
    hub.existing(call)
    _check_name(Name)
    if len(Id) > ID_MAX or not _ID.fullmatch(Id):
        raise InvalidInputException(f"The id of an action target has {ID_MAX} letters and digits at most.")
    arn = call.arn(f"action/custom/{Id}")
    if arn in call.shelf(Action):
        raise ResourceConflictException(f"The action target {arn} already exists.")
    if len(call.shelf(Action)) >= ACTIONS_MAX:
        raise LimitExceededException(f"An account has {ACTIONS_MAX} action targets at most.")
    call.shelf(Action)[arn] = Action(arn=arn, name=Name, description=Description, created=call.now())
    return {"ActionTargetArn": arn}


def DescribeActionTargets(call: Call, *, ActionTargetArns: list[str] | None = None) -> dict:
    hub.existing(call)
    chosen = [_existing(call, arn) for arn in ActionTargetArns] if ActionTargetArns else sorted(call.shelf(Action).values(), key=lambda each: each.created)
    return {"ActionTargets": [{"ActionTargetArn": each.arn, "Name": each.name, "Description": each.description} for each in chosen]}


def UpdateActionTarget(call: Call, *, ActionTargetArn: str, Name: str | None = None, Description: str | None = None) -> None:
    hub.existing(call)
    held = _existing(call, ActionTargetArn)
    _check_name(Name or "")
    call.shelf(Action)[held.arn] = changed(held, name=Name or held.name, description=Description or held.description)


def DeleteActionTarget(call: Call, *, ActionTargetArn: str) -> dict:
    hub.existing(call)
    arn = _existing(call, ActionTargetArn).arn
    del call.shelf(Action)[arn]
    return {"ActionTargetArn": arn}
