"""Tags of databases and crawlers. Tables, partitions and functions have none: https://docs.aws.amazon.com/glue/latest/dg/monitor-tags.html"""

from __future__ import annotations

from kumoniwa.gate import reserved_tags
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.services.glue import crawler, database
from kumoniwa.services.glue.crawler import Crawler
from kumoniwa.services.glue.database import Database
from kumoniwa.services.glue.errors import EntityNotFoundException, InvalidInputException

TAGS_MAX = 50


def _found(call: Call, arn: str) -> Database | Crawler:
    parsed = arns.parse(arn)
    kind, _, name = parsed.resource.partition("/") if parsed is not None and parsed.region == call.region else ("", "", "")
    held = call.shelf(Database).get(name.lower()) if kind == "database" else call.shelf(Crawler).get(name) if kind == "crawler" else None
    if held is None:
        raise EntityNotFoundException(f"Resource {arn} not found.")  # our words
    return held


def tags_of(call: Call, arn: str) -> dict[str, str]:
    return _found(call, arn).tags


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    databases = [(database.arn_of(call, name), each.tags) for name, each in call.shelf(Database).items()]
    return databases + [(crawler.arn_of(call, name), each.tags) for name, each in call.shelf(Crawler).items()]


def reserved_tag(operation: str, key: str) -> AwsError:
    return InvalidInputException("Tag keys cannot begin with aws:")  # our words


def GetTags(call: Call, *, ResourceArn: str) -> dict:
    return {"Tags": _found(call, ResourceArn).tags}


def TagResource(call: Call, *, ResourceArn: str, TagsToAdd: dict[str, str]) -> None:
    held = _found(call, ResourceArn)
    tags = {**held.tags, **TagsToAdd}
    if reserved_tags.counted(tags) > TAGS_MAX:
        raise InvalidInputException(f"A resource can have at most {TAGS_MAX} tags.")  # our words
    call.shelf(type(held))[held.name] = changed(held, tags=tags)


def UntagResource(call: Call, *, ResourceArn: str, TagsToRemove: list[str]) -> None:
    held = _found(call, ResourceArn)
    call.shelf(type(held))[held.name] = changed(held, tags={name: value for name, value in held.tags.items() if name not in TagsToRemove})
