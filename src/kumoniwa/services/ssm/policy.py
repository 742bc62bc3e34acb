"""Policies of parameters: they expire, say beforehand that they will, and say when nobody has changed them for long.

https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-policies.html
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.ssm.errors import (
    IncompatiblePolicyException,
    InvalidPolicyAttributeException,
    InvalidPolicyTypeException,
    PoliciesLimitExceededException,
    ValidationException,
)
from kumoniwa.services.ssm.parameter import Parameter, Revision, drop

POLICIES_MAX = 10
EXPIRES, EXPIRES_SOON, UNCHANGED = "Expiration", "ExpirationNotification", "NoChangeNotification"
_UNIT_S = {"Days": 86_400.0, "Hours": 3_600.0}
_ATTRIBUTES = {EXPIRES: {"Timestamp"}, EXPIRES_SOON: {"Before", "Unit"}, UNCHANGED: {"After", "Unit"}}


def checked(text: str | None) -> tuple[str, ...]:
    """The policies in a request, each as JSON. An empty list takes all away."""
    try:
        said = json.loads(text) if text else []
    except ValueError:
        raise ValidationException("Policies must be a JSON array of policies.") from None
    if said in ({}, [{}]):
        return ()
    if not isinstance(said, list) or not all(isinstance(each, dict) for each in said):
        raise ValidationException("Policies must be a JSON array of policies.")
    if len(said) > POLICIES_MAX:
        raise PoliciesLimitExceededException(f"You specified more than the maximum number of allowed policies for the parameter: {POLICIES_MAX}.")
    for each in said:
        _check(each)
    kinds = [each["Type"] for each in said]
    if kinds.count(EXPIRES) > 1 or (EXPIRES_SOON in kinds and EXPIRES not in kinds):
        raise IncompatiblePolicyException("There is a conflict in the policies specified for this parameter.")
    return tuple(json.dumps(each) for each in said)


def _check(said: dict[str, Any]) -> None:
    kind, attributes = said.get("Type"), said.get("Attributes")
    if kind not in _ATTRIBUTES:
        raise InvalidPolicyTypeException
    if said.get("Version") != "1.0" or not isinstance(attributes, dict) or attributes.keys() != _ATTRIBUTES[kind]:
        raise InvalidPolicyAttributeException(f"A policy attribute or its value is invalid: {json.dumps(said)}")
    try:
        _due(said, 0.0, 0.0)
    except (ValueError, KeyError, TypeError, OverflowError):
        raise InvalidPolicyAttributeException(f"A policy attribute or its value is invalid: {json.dumps(said)}") from None


def _instant(text: str) -> float:
    read = datetime.fromisoformat(text)
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


def _due(said: dict[str, Any], modified: float, expires: float) -> float:
    attributes = said["Attributes"]
    if said["Type"] == EXPIRES:
        return _instant(attributes["Timestamp"])
    span_s = int(attributes["Before" if said["Type"] == EXPIRES_SOON else "After"]) * _UNIT_S[attributes["Unit"]]
    return expires - span_s if said["Type"] == EXPIRES_SOON else modified + span_s


def plan(revision: Revision) -> list[tuple[float, str]]:
    """When each policy of a version acts."""
    said = [json.loads(text) for text in revision.policies]
    expires = next((_due(each, 0.0, 0.0) for each in said if each["Type"] == EXPIRES), 0.0)
    return [(_due(each, revision.modified, expires), text) for each, text in zip(said, revision.policies)]


def shown(parameter: Parameter) -> list[dict[str, str]]:
    return [
        {"PolicyText": text, "PolicyType": json.loads(text)["Type"], "PolicyStatus": "Finished" if text in parameter.told else "Pending"}
        for text in parameter.last.policies
    ]


def act(call: Call) -> float | None:
    """Do what policies say is due; answers when the next is."""
    upcoming = []
    for parameter in [each for each in call.shelf(Parameter).values() if each.last.policies]:
        for due, text in sorted(plan(parameter.last)):
            if text in parameter.told:
                continue
            if due > call.now():
                upcoming.append(due)
                continue
            parameter = call.atomically(lambda parameter=parameter, text=text: _apply(call, parameter, text))
            if parameter is None:
                break
    return min(upcoming, default=None)


def _apply(call: Call, parameter: Parameter, text: str) -> Parameter | None:
    """Tell, and delete what has expired."""
    kind = json.loads(text)["Type"]
    detail = {"parameter-name": parameter.name, "parameter-type": parameter.last.type, "policy-type": kind, "policy-content": text}
    call.tell("Parameter Store Policy Action", {**detail, "action-status": "SUCCESS"})
    if kind == EXPIRES:
        drop(call, parameter)
        call.keeps_otherwise()
        return None
    parameter = call.shelf(Parameter)[parameter.key] = changed(parameter, told=(*parameter.told, text))
    return parameter
