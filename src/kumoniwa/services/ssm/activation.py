"""Hybrid activations: the code and the id by which machines outside AWS become managed nodes, so many of them, until a day.

https://docs.aws.amazon.com/systems-manager/latest/userguide/hybrid-activation-managed-nodes.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.ssm import tag
from kumoniwa.services.ssm.errors import SERVICE, InvalidFilter, ValidationException

CODE_LENGTH = 20
DAY_S = 86_400.0
EXPIRES_AFTER_S, EXPIRES_AFTER_S_MAX = DAY_S, 30 * DAY_S


class InvalidActivationId(AwsError):
    """The text is the model's."""

    message = "The activation ID isn't valid. Verify that you entered the correct ActivationId or ActivationCode and try again."


class Activation(Record):
    """Shelved by its id."""

    id: str
    code: str
    role: str
    """The name of the role that its nodes act as, with the path before it."""
    created: float
    expires: float
    limit: int = 1
    count: int = 0
    """How many nodes it registered. Those that are gone count, too."""
    name: str = ""
    description: str = ""
    tags: dict[str, str] = {}


def role_arn(call: Call, name: str) -> str:
    return f"arn:{call.home.partition}:iam::{call.account}:role/{name}"


def check_role(call: Call, name: str) -> None:
    """AWS's words as https://github.com/hashicorp/terraform-provider-aws/issues/27952 was told them."""
    arn = role_arn(call, name)
    call.require("iam:PassRole", arn, **{"iam:PassedToService": SERVICE})
    try:
        call.assuming(arn, SERVICE, "activation")
    except AwsError as error:
        raise ValidationException(f"Nonexistent role or missing ssm service principal in trust policy: {arn}", hint=error.hint) from None


def CreateActivation(
    call: Call, *, IamRole: str, Description: str | None = None, DefaultInstanceName: str | None = None, RegistrationLimit: int | None = None,
    ExpirationDate: float | None = None, Tags: list[dict[str, str]] | None = None,
) -> dict:  # fmt: skip
    """The code is told once. Words for a day that is none of the next thirty are ours."""
    tags, now = tag.checked(Tags), call.now()
    expires = ExpirationDate if ExpirationDate is not None else now + EXPIRES_AFTER_S
    if not now < expires <= now + EXPIRES_AFTER_S_MAX:
        raise ValidationException("The expiration date of an activation must be in the future, and 30 days ahead at most.")
    check_role(call, IamRole)
    made = Activation(
        id=call.new_id(), code=call.ids.mixed(CODE_LENGTH), role=IamRole, created=now, expires=expires, limit=RegistrationLimit or 1,
        name=DefaultInstanceName or "", description=Description or "", tags=tags,
    )  # fmt: skip
    call.shelf(Activation)[made.id] = made
    return {"ActivationId": made.id, "ActivationCode": made.code}


def _shown(call: Call, activation: Activation) -> dict[str, Any]:
    told = {
        "ActivationId": activation.id, "Description": activation.description or None, "DefaultInstanceName": activation.name or None,
        "IamRole": activation.role, "RegistrationLimit": activation.limit, "RegistrationsCount": activation.count,
        "ExpirationDate": activation.expires, "Expired": activation.expires <= call.now(), "CreatedDate": activation.created,
        "Tags": [{"Key": key, "Value": value} for key, value in activation.tags.items()] or None,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value is not None}


_FILTERS = {
    "ActivationIds": lambda activation: activation.id,
    "DefaultInstanceName": lambda activation: activation.name,
    "IamRole": lambda activation: activation.role,
}


def DescribeActivations(call: Call, *, Filters: list[dict[str, Any]] | None = None) -> dict:
    chosen = sorted(call.shelf(Activation).values(), key=lambda each: each.created)
    for each in Filters or ():
        if "FilterKey" not in each or not each.get("FilterValues"):
            raise InvalidFilter("The filter name isn't valid. Verify that you entered the correct name and try again.")
        chosen = [activation for activation in chosen if _FILTERS[each["FilterKey"]](activation) in each["FilterValues"]]
    return {"ActivationList": [_shown(call, each) for each in chosen]}


def DeleteActivation(call: Call, *, ActivationId: str) -> dict:
    """Nodes that it registered stay what they are."""
    if ActivationId not in call.shelf(Activation):
        raise InvalidActivationId
    del call.shelf(Activation)[ActivationId]
    return {}


def counted(call: Call, activation: Activation) -> None:
    call.shelf(Activation)[activation.id] = changed(activation, count=activation.count + 1)
