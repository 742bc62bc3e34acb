"""How parameters are read: by name, by path, with their history; and secrets, which they may stand for."""

from __future__ import annotations

import json
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.ssm import filtering, policy, sealing
from kumoniwa.services.ssm.errors import InvalidNextToken, ParameterNotFound, ValidationException
from kumoniwa.services.ssm.parameter import (
    SECURE,
    Parameter,
    Revision,
    arn_of,
    chosen,
    found,
    revision,
)

SECRETS = "/aws/reference/secretsmanager/"
PAGE, HISTORY_PAGE = 10, 50


def _told(call: Call, parameter: Parameter, kept: Revision, value: str, selector: str = "") -> dict[str, Any]:
    told = {
        "Name": parameter.name, "Type": kept.type, "Value": value, "Version": kept.number, "LastModifiedDate": kept.modified,
        "ARN": arn_of(call, parameter.name), "DataType": kept.data_type,
    }  # fmt: skip
    return told | ({"Selector": selector} if selector else {})


async def _read(call: Call, parameter: Parameter, kept: Revision, selector: str = "", *, is_open: bool) -> dict[str, Any]:
    if kept.type != SECURE:
        value = kept.value
    else:
        value = await sealing.opened(call, parameter, kept) if is_open else sealing.shut(kept)
    return _told(call, parameter, kept, value, selector)


async def _secret(call: Call, text: str, *, is_open: bool) -> dict[str, Any]:
    """A secret, read as the caller: https://docs.aws.amazon.com/systems-manager/latest/userguide/integration-ps-secretsmanager.html"""
    if not is_open:
        raise ValidationException("WithDecryption flag must be True for retrieving a Secret Manager secret.")
    name, _, selector = text.removeprefix(SECRETS).partition(":")
    which = {} if not selector else {"VersionId": selector} if len(selector) >= 32 else {"VersionStage": selector}
    try:
        secret = await call.ask("secretsmanager:GetSecretValue", SecretId=name, **which)
        about = await call.ask("secretsmanager:DescribeSecret", SecretId=name)
    except AwsError as error:
        if error.code != "ResourceNotFoundException":
            raise
        raise ParameterNotFound(f"An error occurred (ParameterNotFound) when referencing Secrets Manager: Secret {text} not found.") from None
    told = {key: value for key, value in about.items() if key != "ReplicationStatus"} | {"VersionId": secret["VersionId"]}
    # Names as Java's beans have them, ARN and name (localstack's test_get_secret_parameter, run on AWS).
    source = {key if key[:2].isupper() else key[0].lower() + key[1:]: value for key, value in told.items()}
    value = secret["SecretString"] if "SecretString" in secret else secret["SecretBinary"].decode("latin-1")
    return {
        "Name": SECRETS + secret["Name"], "Type": SECURE, "Value": value, "Version": 0, "SourceResult": json.dumps(source),
        "LastModifiedDate": secret["CreatedDate"], "ARN": secret["ARN"],
    }  # fmt: skip


def GetParameter(call: Call, *, Name: str, WithDecryption: bool | None = None) -> Any:
    """What is not encrypted is answered at once."""
    if Name.startswith(SECRETS):
        return _answered(_secret(call, Name, is_open=bool(WithDecryption)))
    parameter, kept, selector = chosen(call, Name)
    if kept.type == SECURE and WithDecryption:
        return _answered(_read(call, parameter, kept, selector, is_open=True))
    value = sealing.shut(kept) if kept.type == SECURE else kept.value
    return {"Parameter": _told(call, parameter, kept, value, selector)}


async def _answered(read: Any) -> dict[str, Any]:
    return {"Parameter": await read}


async def GetParameters(call: Call, *, Names: list[str], WithDecryption: bool | None = None) -> dict:
    is_open = bool(WithDecryption)
    found_, invalid = [], []
    for name in dict.fromkeys(Names):
        try:
            read = _secret(call, name, is_open=is_open) if name.startswith(SECRETS) else _read(call, *chosen(call, name), is_open=is_open)
            found_.append(await read)
        except AwsError as error:
            if error.code not in ("ParameterNotFound", "ParameterVersionNotFound"):
                raise
            invalid.append(name)
    return {"Parameters": found_, "InvalidParameters": invalid}


def _page(every: list[Any], token: str | None, size: int) -> tuple[list[Any], dict[str, str]]:
    """A page of a list, cut before its values are decrypted."""
    if token is not None and not (token.isascii() and token.isdigit() and len(token) < 10):
        raise InvalidNextToken
    start = int(token or 0)
    end = start + size
    return every[start:end], {"NextToken": str(end)} if end < len(every) else {}


async def GetParametersByPath(
    call: Call, *, Path: str, Recursive: bool | None = None, ParameterFilters: list[dict[str, Any]] | None = None,
    WithDecryption: bool | None = None, MaxResults: int | None = None, NextToken: str | None = None,
) -> dict:  # fmt: skip
    filtering.check_path(Path)
    tests = filtering.tests_of(ParameterFilters, by_path=True)
    below = filtering.below(Path, is_deep=bool(Recursive))
    every = [
        parameter for _, parameter in sorted(call.shelf(Parameter).items()) if below(parameter) and all(test(parameter) for test in tests)
    ]
    page, more = _page(every, NextToken, MaxResults or PAGE)
    labels = [label for each in ParameterFilters or () if each["Key"] == "Label" for label in each["Values"]]
    listed = []
    for parameter in page:
        label = next((label for label in labels if label in parameter.labels), None)
        kept = revision(call, parameter, parameter.labels[label]) if label is not None else parameter.last
        listed.append(await _read(call, parameter, kept, f":{label}" if label is not None else "", is_open=bool(WithDecryption)))
    return {"Parameters": listed, **more}


async def GetParameterHistory(
    call: Call, *, Name: str, WithDecryption: bool | None = None, MaxResults: int | None = None, NextToken: str | None = None
) -> dict:
    parameter = found(call, Name)
    numbers, more = _page(list(range(parameter.first, parameter.last.number + 1)), NextToken, MaxResults or HISTORY_PAGE)
    listed = []
    for number in numbers:
        kept = revision(call, parameter, number)
        value = (await _read(call, parameter, kept, is_open=bool(WithDecryption)))["Value"]
        labels = [label for label, at in parameter.labels.items() if at == number]
        listed.append(_described(parameter, kept) | {"Value": value, "Labels": labels})
    return {"Parameters": listed, **more}


def _described(parameter: Parameter, kept: Revision) -> dict[str, Any]:
    """What is known of a version besides its value."""
    told: dict[str, Any] = {
        "Name": parameter.name, "Type": kept.type, "LastModifiedDate": kept.modified, "LastModifiedUser": kept.who, "Version": kept.number,
        "Tier": kept.tier, "DataType": kept.data_type,
    }  # fmt: skip
    told["Policies"] = policy.shown(parameter) if kept.number == parameter.last.number else []
    for name, value in (("KeyId", kept.key), ("Description", kept.description), ("AllowedPattern", kept.pattern)):
        if value:
            told[name] = value
    return told


def DescribeParameters(
    call: Call, *, Filters: list[dict[str, Any]] | None = None, ParameterFilters: list[dict[str, Any]] | None = None,
    MaxResults: int | None = None, NextToken: str | None = None,
) -> dict:  # fmt: skip
    if Filters and ParameterFilters:
        raise ValidationException("You can use either Filters or ParameterFilters in a single request.")
    tests = filtering.plain_tests(Filters) if Filters else filtering.tests_of(ParameterFilters, by_path=False)
    every = [parameter for _, parameter in sorted(call.shelf(Parameter).items()) if all(test(parameter) for test in tests)]
    page, more = _page(every, NextToken, MaxResults or PAGE)
    return {"Parameters": [_described(each, each.last) | {"ARN": arn_of(call, each.name)} for each in page], **more}
