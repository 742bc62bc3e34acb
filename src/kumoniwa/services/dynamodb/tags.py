"""The tags of tables: who reads them, who writes them, and what may be written."""

from __future__ import annotations

from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, ValidationException
from kumoniwa.kernel.record import changed
from kumoniwa.services.dynamodb.table import ResourceNotFoundException, Table

TAGS_MAX = 50
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html


def reserved_tag(operation: str, key: str) -> AwsError:
    return ValidationException("One or more parameter values were invalid: Tag keys starting with 'aws:' are reserved")


def _tagged(call: Call, arn: str) -> Table:
    parsed = arns.parse(arn)
    if parsed is None or parsed.service != "dynamodb" or not parsed.resource.startswith("table/"):
        raise ValidationException(f"Invalid ResourceArn: Invalid ResourceArn provided as input {arn}")
    table = call.shelf(Table).get(arn.partition(":table/")[2]) if parsed.region == call.region else None
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
    if len(set(keys)) < len(keys):
        raise ValidationException("Tag keys must be unique")
    found = tags | {tag["Key"]: tag["Value"] for tag in given}
    if len(found) > TAGS_MAX:
        raise ValidationException(
            f"One or more parameter values were invalid: Too many tags: at most {TAGS_MAX} are allowed"
        )
    return found


def TagResource(call: Call, *, ResourceArn: str, Tags: list[dict]) -> None:
    table = _tagged(call, ResourceArn)
    call.shelf(Table)[table.name] = changed(table, tags=merged(table.tags, Tags))


def UntagResource(call: Call, *, ResourceArn: str, TagKeys: list[str]) -> None:
    table = _tagged(call, ResourceArn)
    call.shelf(Table)[table.name] = changed(
        table, tags={k: v for k, v in table.tags.items() if k not in TagKeys}
    )


def ListTagsOfResource(call: Call, *, ResourceArn: str) -> dict:
    return {"Tags": [{"Key": key, "Value": value} for key, value in _tagged(call, ResourceArn).tags.items()]}
