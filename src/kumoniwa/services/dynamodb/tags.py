"""The tags of tables: who reads them, who writes them, and what may be written.

What is refused is told in the words that aws-controllers-k8s/dynamodb-controller met: ``docs/api-quirks``, DDB-TABLE-442.
"""

from __future__ import annotations

import re

from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, ValidationException
from kumoniwa.kernel.record import changed
from kumoniwa.languages.dynamodb.value import INVALID
from kumoniwa.services.dynamodb.table import ResourceNotFoundException, Table

TAGS_MAX = 50
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html
_ALLOWED = re.compile(r"(?:[^\W_]|[\s_.:/=+\-@])*")
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Tagging.html


def reserved_tag(operation: str, key: str) -> AwsError:
    return ValidationException(f"Tag Key cannot be prefixed with aws:, Key: {key}")


def _tagged(call: Call, arn: str, nothing: str = "") -> Table:
    """``nothing`` is what AWS asks for, after it has looked at the ARN, but before it looks for the table, of a request that names no tags."""
    parsed = arns.parse(arn)
    if not arn.startswith("arn:"):
        raise ValidationException(f"{INVALID}ARNs must start with 'arn:': {arn}")
    if parsed is None or parsed.service != "dynamodb" or not parsed.resource.startswith("table/"):
        raise ValidationException(f"{INVALID}Provided Arn is not a DynamoDB resource arn: {arn}")
    name, _, below = parsed.resource.partition("/")[2].partition("/")
    if below and not below.startswith("stream/"):
        raise ValidationException(f"{INVALID}Invalid resource arn provided, only table or stream is accepted. Provided resource arn: {arn}")
    if parsed.region != call.region or len(name) < 3:
        raise ValidationException(f"Invalid TableArn: Invalid ResourceArn provided as input {arn}")
    if nothing:
        raise ValidationException(f"Atleast one {nothing} needs to be provided as Input.")
    table = call.shelf(Table).get(name) if not below else None
    if table is None:
        raise ResourceNotFoundException(f"Requested resource not found: ResourcArn: {arn} not found")
    return table


def tags_of(call: Call, arn: str) -> dict[str, str]:
    """An index goes by its table's: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/attribute-based-access-control.html"""
    table, _, below = arn.partition(":table/")[2].partition("/")
    is_of_table = not below or below.startswith("index/")
    return _tagged(call, f"{arn.partition(':table/')[0]}:table/{table}").tags if is_of_table else {}


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    return [(call.arn(f"table/{each.name}"), each.tags) for each in call.shelf(Table).values()]


def merged(tags: dict[str, str], given: list[dict[str, str]]) -> dict[str, str]:
    """The tags with those given added."""
    keys = [tag["Key"] for tag in given]
    for tag in given:
        for what, text in tag.items():
            if not _ALLOWED.fullmatch(text):
                raise ValidationException(f"The Tag {what} provided is invalid, {what}: {text}")
        if keys.count(tag["Key"]) > 1:
            raise ValidationException(f"Duplicate Tag Keys provided as input: Duplicate Tag Key found {tag['Key']}")
    found = tags | {tag["Key"]: tag["Value"] for tag in given}
    if len(found) > TAGS_MAX:
        raise ValidationException("Number of Tags exceed the current limit for the provided ResourceArn")
    return found


def TagResource(call: Call, *, ResourceArn: str, Tags: list[dict]) -> None:
    table = _tagged(call, ResourceArn, "" if Tags else "Tag")
    call.shelf(Table)[table.name] = changed(table, tags=merged(table.tags, Tags))


def UntagResource(call: Call, *, ResourceArn: str, TagKeys: list[str]) -> None:
    table = _tagged(call, ResourceArn, "" if TagKeys else "Tag Key")
    call.shelf(Table)[table.name] = changed(
        table, tags={k: v for k, v in table.tags.items() if k not in TagKeys}
    )


def ListTagsOfResource(call: Call, *, ResourceArn: str) -> dict:
    return {"Tags": [{"Key": key, "Value": value} for key, value in _tagged(call, ResourceArn).tags.items()]}
