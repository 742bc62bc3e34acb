"""What a parameter is: a name with numbered versions, of which the last counts; and how it is found by the names it goes by.

A leading slash makes no difference to a name without others: ``/a`` is found as ``a``, and is called as it was made.
https://docs.aws.amazon.com/systems-manager/latest/userguide/systems-manager-parameter-store.html
"""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.gate.data_key import DataKey
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import Record
from kumoniwa.services.ssm.errors import (
    Denied,
    HierarchyLevelLimitExceededException,
    ParameterNotFound,
    ParameterVersionNotFound,
    ValidationException,
)

TEXT, LIST, SECURE = "String", "StringList", "SecureString"
STANDARD, ADVANCED, INTELLIGENT = "Standard", "Advanced", "Intelligent-Tiering"
DEFAULT_KEY = "alias/aws/ssm"
NAME_MAX, LEVELS_MAX = 1_011, 15
WORK = ("ssm", "parameters")
_NAME = re.compile(r"/?[a-zA-Z0-9_.-]+(/[a-zA-Z0-9_.-]+)*")
_PREFIXED = 'Parameter name: can\'t be prefixed with "aws" or "ssm" (case-insensitive).'
_MALFORMED = (
    'Parameter name: can\'t be prefixed with "ssm" (case-insensitive). If formed as a path, it can consist of sub-paths divided by slash '
    "symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_"
)


class Revision(Record):
    """One version of a parameter, shelved by ``key:number``. It never changes; the labels on it are the parameter's."""

    number: int
    type: str
    tier: str
    modified: float
    who: str
    """The ARN of whoever wrote it."""
    value: str = ""
    sealed: bytes = b""
    """The value of a SecureString: encrypted by KMS itself, or under ``data_key``."""
    data_key: DataKey | None = None
    key: str = ""
    """The KMS key of a SecureString, as it was named."""
    description: str = ""
    pattern: str = ""
    data_type: str = "text"
    policies: tuple[str, ...] = ()


class Parameter(Record):
    """Shelved by its name without a leading slash."""

    name: str
    last: Revision
    first: int = 1
    """The oldest version that is kept."""
    labels: dict[str, int] = {}
    tags: dict[str, str] = {}
    told: tuple[str, ...] = ()
    """Policies of the last version that have notified."""

    @property
    def key(self) -> str:
        return self.name.lstrip("/")

    @property
    def path(self) -> str:
        return f"/{self.key}"


def arn_of(call: Call, name: str) -> str:
    return call.arn(f"parameter/{name.lstrip('/')}")


def check_name(name: str) -> None:
    """The name of a parameter that somebody wants to make."""
    bare = name.lstrip("/").lower()
    is_path = name.count("/") > 1
    if "/" in name and not name.startswith("/"):
        raise ValidationException("Parameter name must be a fully qualified name.")
    if bare.startswith("aws") and is_path:
        raise Denied(f"No access to reserved parameter name: {name}.")
    if bare.startswith(("aws", "ssm")):
        raise ValidationException(_MALFORMED if is_path else _PREFIXED)
    if not _NAME.fullmatch(name):
        raise ValidationException(_MALFORMED)
    if len(name) > NAME_MAX:
        raise ValidationException(f"Parameter name is too long: {NAME_MAX} characters at most.")
    if name.count("/") > LEVELS_MAX:
        raise HierarchyLevelLimitExceededException


def in_arn(call: Call, text: str) -> str:
    """The name in an ARN of this account and region, or the name that it is. A version or label may follow."""
    if not text.startswith("arn:"):
        return text
    parsed = arns.parse(text)
    is_here = parsed is not None and (parsed.service, parsed.region, parsed.account) == ("ssm", call.region, call.account)
    if not is_here or not parsed.resource.startswith("parameter/"):
        raise ParameterNotFound("", hint=f"{text} is not the ARN of a parameter of this account in {call.region}.")
    return parsed.resource.removeprefix("parameter")


def known(call: Call, name: str) -> Parameter | None:
    return call.shelf(Parameter).get(in_arn(call, name).removeprefix("/"))


def found(call: Call, name: str) -> Parameter:
    parameter = known(call, name)
    if parameter is None:
        if in_arn(call, name).lower().startswith("/aws/service/"):
            raise NotImplementedHere("AWS's public parameters (/aws/service/…)")
        raise ParameterNotFound("", hint=f"There is no parameter {name}.")
    return parameter


def chosen(call: Call, text: str) -> tuple[Parameter, Revision, str]:
    """The version that ``name``, ``name:3`` or ``name:label`` means, and the selector that chose it."""
    name, colon, selector = in_arn(call, text).partition(":")
    if "//" in name or "/" in name and not name.startswith("/"):
        raise ValidationException(_MALFORMED)
    parameter = found(call, name)
    if not colon:
        return parameter, parameter.last, ""
    if ":" in selector:
        raise ParameterNotFound("", hint=f"There is no parameter {text}.")
    if selector.isascii() and selector.isdigit():
        return parameter, revision(call, parameter, int(selector)), f":{selector}"
    if selector not in parameter.labels:
        raise ParameterVersionNotFound(
            f"Systems Manager could not find label {selector} for parameter {name}. Verify the label and try again."
        )
    return parameter, revision(call, parameter, parameter.labels[selector]), f":{selector}"


def revision(call: Call, parameter: Parameter, number: int) -> Revision:
    kept = call.shelf(Revision).get(f"{parameter.key}:{number}")
    if kept is None:
        raise ParameterVersionNotFound(
            f"Systems Manager could not find version {number} of {parameter.name}. Verify the version and try again."
        )
    return kept


def drop(call: Call, parameter: Parameter) -> None:
    """The parameter is gone, with its history."""
    for number in range(parameter.first, parameter.last.number + 1):
        call.shelf(Revision).pop(f"{parameter.key}:{number}", None)
    del call.shelf(Parameter)[parameter.key]
    tell_change(call, parameter, "Delete")


def tell_change(call: Call, parameter: Parameter, operation: str, **more: Any) -> None:
    """https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-cwe.html"""
    detail = {"operation": operation, "name": parameter.name, "type": parameter.last.type, **more}
    if parameter.last.description:
        detail["description"] = parameter.last.description
    call.tell("Parameter Store Change", detail)
