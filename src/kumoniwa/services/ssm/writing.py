"""How parameters are put, labelled and deleted."""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.languages import backtracking
from kumoniwa.services.ssm import policy, sealing, tag
from kumoniwa.services.ssm.errors import (
    InvalidAllowedPatternException,
    ParameterAlreadyExists,
    ParameterLimitExceeded,
    ParameterMaxVersionLimitExceeded,
    ParameterPatternMismatchException,
    ParameterVersionLabelLimitExceeded,
    ValidationException,
)
from kumoniwa.services.ssm.parameter import (
    ADVANCED,
    DEFAULT_KEY,
    INTELLIGENT,
    LIST,
    SECURE,
    STANDARD,
    WORK,
    Parameter,
    Revision,
    check_name,
    drop,
    found,
    known,
    revision,
    tell_change,
)

VERSIONS_MAX, LABELS_MAX = 100, 10
STANDARD_BYTES_MAX, ADVANCED_BYTES_MAX = 4_096, 8_192
COUNT_MAX = {STANDARD: 10_000, ADVANCED: 100_000}
"""https://docs.aws.amazon.com/general/latest/gr/ssm.html"""
_LABEL = re.compile(r"(?!\d|aws|ssm)[\w.-]{1,100}", re.ASCII | re.IGNORECASE)
ELSEWHERE = ("aws:ec2:image", "aws:ssm:integration")


def PutParameter(
    call: Call, *, Name: str, Value: str, Description: str | None = None, Type: str | None = None, KeyId: str | None = None,
    Overwrite: bool | None = None, AllowedPattern: str | None = None, Tags: list[dict[str, str]] | None = None, Tier: str | None = None,
    Policies: str | None = None, DataType: str | None = None,
) -> Any:  # fmt: skip
    """A SecureString waits for KMS. What an overwriting request does not say stays as it was."""
    check_name(Name)
    if Tags and Overwrite:
        raise ValidationException(
            "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag. "
            "To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource."
        )
    tags, held = tag.checked(Tags), known(call, Name)
    if held is not None and not Overwrite:
        raise ParameterAlreadyExists
    draft = _drafted(call, held, Value, Description, Type, KeyId, AllowedPattern, Tier, Policies, DataType)
    if draft.type != SECURE:
        return _kept(call, Name, changed(draft, value=Value), tags, is_overwriting=bool(Overwrite))
    return _sealed(call, held.name if held is not None else Name, Value, draft, tags, is_overwriting=bool(Overwrite))


async def _sealed(call: Call, name: str, value: str, draft: Revision, tags: dict[str, str], *, is_overwriting: bool) -> dict:
    body, data_key = await sealing.sealed(call, name, value, draft.tier, draft.key)
    return call.atomically(lambda: _kept(call, name, changed(draft, sealed=body, data_key=data_key), tags, is_overwriting=is_overwriting))


def _drafted(
    call: Call, held: Parameter | None, value: str, description: str | None, kind: str | None, key: str | None, pattern: str | None,
    tier: str | None, policies: str | None, data_type: str | None,
) -> Revision:  # fmt: skip
    """The next version but for its value and its number."""
    before = held.last if held is not None else None
    kind = kind or (before.type if before is not None else None)
    if kind is None:
        raise ValidationException("A parameter type is required when you create a parameter.")
    if not value:
        raise ValidationException(
            "1 validation error detected: Value '' at 'value' failed to satisfy constraint: Member must have length greater than or equal to 1."
        )
    if kind == LIST and not all(value.split(",")):
        raise ValidationException("Parameter StringList values can not be empty: items are separated by single commas.")
    if key is not None and kind != SECURE:
        raise ValidationException("KeyId is required for SecureString type parameter only.")
    draft = before or Revision(number=0, type=kind, tier=STANDARD, modified=0.0, who="")
    rules = policy.checked(policies) if policies is not None else draft.policies
    draft = changed(
        draft, type=kind, tier=_tier(before, tier, value, has_policies=bool(rules)), modified=call.now(), who=call.principal.arn, value="",
        sealed=b"", data_key=None, key=(key or draft.key or DEFAULT_KEY) if kind == SECURE else "", policies=rules,
        description=draft.description if description is None else description, pattern=draft.pattern if pattern is None else pattern,
        data_type=_data_type(data_type or draft.data_type),
    )  # fmt: skip
    _check_fits(draft.pattern, value)
    return draft


def _data_type(text: str) -> str:
    if text in ELSEWHERE:
        raise NotImplementedHere(f"parameters of the data type {text}")
    if text != "text":
        raise ValidationException(f"The following data type is not supported: {text} (Data type names are all lowercase.)")
    return text


def _tier(before: Revision | None, asked: str | None, value: str, *, has_policies: bool) -> str:
    """What the value needs, and no less than the parameter has."""
    size = len(value.encode())
    if size > ADVANCED_BYTES_MAX:
        raise ValidationException(f"Advanced tier parameters support a maximum parameter value of {ADVANCED_BYTES_MAX} characters.")
    has = before.tier if before is not None else STANDARD
    if asked == STANDARD and has == ADVANCED:
        raise ValidationException(
            "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the advanced-parameter tier to the "
            "standard-parameter tier. If necessary, you can delete the advanced parameter and recreate it as a standard parameter. "
            f"Be aware that standard parameters have a value limit of {STANDARD_BYTES_MAX} characters."
        )
    tier = ADVANCED if ADVANCED in (asked, has) else STANDARD
    if asked == INTELLIGENT and (size > STANDARD_BYTES_MAX or has_policies):
        tier = ADVANCED
    if tier == STANDARD and has_policies:
        raise ValidationException("Parameter policies are only supported by parameters of the advanced-parameter tier.")
    if tier == STANDARD and size > STANDARD_BYTES_MAX:
        raise ValidationException(
            f"Standard tier parameters support a maximum parameter value of {STANDARD_BYTES_MAX} characters. To create a larger parameter "
            "value, upgrade the parameter to use the advanced-parameter tier. For more information, see "
            "https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html"
        )
    return tier


def _check_fits(pattern: str, value: str) -> None:
    if not pattern:
        return
    try:
        fits = backtracking.compiled(pattern).is_whole(value)
    except backtracking.InvalidPattern:
        raise InvalidAllowedPatternException(f"The request doesn't meet the regular expression requirement: {pattern}") from None
    except backtracking.TooMuchWork:
        fits = False
    if not fits:
        raise ParameterPatternMismatchException(f"Parameter value, cannot be validated against allowedPattern: {pattern}")


def _kept(call: Call, name: str, draft: Revision, tags: dict[str, str], *, is_overwriting: bool) -> dict:
    """The version takes its number when it is kept: meanwhile another may have come."""
    held = known(call, name)
    if held is not None and not is_overwriting:
        raise ParameterAlreadyExists
    if held is None:
        if sum(each.last.tier == draft.tier for each in call.shelf(Parameter).values()) >= COUNT_MAX[draft.tier]:
            raise ParameterLimitExceeded(
                "You have exceeded the number of parameters for this AWS account. Delete one or more parameters and try again."
            )
        held = Parameter(name=name, last=draft, tags=tags)
    number = held.last.number + 1
    first = _room(call, held, number)
    kept = changed(held, last=changed(draft, number=number), first=first, told=())
    call.shelf(Parameter)[kept.key] = kept
    call.shelf(Revision)[f"{kept.key}:{number}"] = kept.last
    tell_change(call, kept, "Create" if number == 1 else "Update")
    if draft.policies:
        call.after_commit(lambda: call.home.wake(WORK))
    return {"Version": number, "Tier": draft.tier}


def _room(call: Call, held: Parameter, number: int) -> int:
    """The oldest version goes when there are too many, unless it has a label."""
    if number - held.first < VERSIONS_MAX:
        return held.first
    if held.first in held.labels.values():
        raise ParameterMaxVersionLimitExceeded(
            f"You attempted to create a new version of {held.name} by calling the PutParameter API with the overwrite flag. Version "
            f"{held.first}, the oldest version, can't be deleted because it has a label associated with it. Move the label to another "
            "version of the parameter, and try again."
        )
    call.shelf(Revision).pop(f"{held.key}:{held.first}", None)
    return held.first + 1


# Labels --------------------------------------------------------------------------------------------


def LabelParameterVersion(call: Call, *, Name: str, Labels: list[str], ParameterVersion: int | None = None) -> dict:
    parameter = found(call, Name)
    number = revision(call, parameter, ParameterVersion or parameter.last.number).number
    invalid = [label for label in Labels if not _LABEL.fullmatch(label)]
    labels = parameter.labels | {label: number for label in Labels if label not in invalid}
    if list(labels.values()).count(number) > LABELS_MAX or len(Labels) > LABELS_MAX:
        raise ParameterVersionLabelLimitExceeded(
            f"A parameter version can have maximum {LABELS_MAX} labels. Move one or more labels to another version and try again."
        )
    call.shelf(Parameter)[parameter.key] = parameter = changed(parameter, labels=labels)
    tell_change(call, parameter, "LabelParameterVersion", label=", ".join(label for label in Labels if label not in invalid))
    return {"InvalidLabels": invalid, "ParameterVersion": number}


def UnlabelParameterVersion(call: Call, *, Name: str, ParameterVersion: int, Labels: list[str]) -> dict:
    parameter = found(call, Name)
    number = revision(call, parameter, ParameterVersion).number
    removed = [label for label in Labels if parameter.labels.get(label) == number]
    labels = {label: at for label, at in parameter.labels.items() if label not in removed}
    call.shelf(Parameter)[parameter.key] = changed(parameter, labels=labels)
    return {"RemovedLabels": removed, "InvalidLabels": [label for label in Labels if label not in removed]}


# Deletion ------------------------------------------------------------------------------------------


def DeleteParameter(call: Call, *, Name: str) -> None:
    """By name only: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DeleteParameter.html"""
    if Name.startswith("arn:"):
        # As hashicorp/terraform-provider-aws, issue 39067, was told.
        raise ValidationException("Parameter ARN is not supported for this operation")
    drop(call, found(call, Name))


def DeleteParameters(call: Call, *, Names: list[str]) -> dict:
    deleted, invalid = [], []
    for name in Names:
        parameter = None if name.startswith("arn:") else known(call, name)
        if parameter is None:
            invalid.append(name)
        else:
            drop(call, parameter)
            deleted.append(name)
    return {"DeletedParameters": deleted, "InvalidParameters": invalid}
