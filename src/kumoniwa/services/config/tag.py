"""Tags of recorders, rules, conformance packs, aggregators and aggregation authorizations."""

from __future__ import annotations

from kumoniwa.gate import reserved_tags
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.config import (
    aggregator,
    authorization,
    item,
    organization_pack,
    organization_rule,
    pack,
    recorder,
    rule,
    stored_query,
)
from kumoniwa.services.config.aggregator import Aggregator
from kumoniwa.services.config.authorization import Authorization
from kumoniwa.services.config.errors import ResourceNotFoundException, TooManyTagsException
from kumoniwa.services.config.organization_pack import OrganizationPack
from kumoniwa.services.config.organization_rule import OrganizationRule
from kumoniwa.services.config.pack import Pack
from kumoniwa.services.config.recorder import Recorder
from kumoniwa.services.config.rule import Rule
from kumoniwa.services.config.stored_query import Query

TAGS_MAX = 50
_KINDS = (
    (Query, stored_query.arn_of), (OrganizationRule, organization_rule.arn_of), (OrganizationPack, organization_pack.arn_of),
    (Recorder, recorder.arn_of), (Rule, rule.arn_of), (Pack, pack.arn_of), (Aggregator, aggregator.arn_of),
    (Authorization, authorization.arn_of),
)  # fmt: skip


def _tagged(call: Call, arn: str) -> tuple[type[Record], str]:
    for kind, arn_of in _KINDS:
        for key, each in call.shelf(kind).items():
            if arn_of(call, each) == arn:
                return kind, key
    raise ResourceNotFoundException(f"ResourceArn '{arn}' does not exist")


def tags_of(call: Call, arn: str) -> dict[str, str]:
    kind, key = _tagged(call, arn)
    return call.shelf(kind)[key].tags


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    return [(arn_of(call, each), each.tags) for kind, arn_of in _KINDS for each in call.shelf(kind).values()]


def TagResource(call: Call, *, ResourceArn: str, Tags: list[dict[str, str]]) -> None:
    kind, key = _tagged(call, ResourceArn)
    held = call.shelf(kind)[key]
    tags = held.tags | recorder.tags_said(Tags)
    if reserved_tags.counted(tags) > TAGS_MAX:
        raise TooManyTagsException(f"A resource can have {TAGS_MAX} tags at most.")
    call.shelf(kind)[key] = changed(held, tags=tags)


def UntagResource(call: Call, *, ResourceArn: str, TagKeys: list[str]) -> None:
    kind, key = _tagged(call, ResourceArn)
    held = call.shelf(kind)[key]
    call.shelf(kind)[key] = changed(held, tags={name: value for name, value in held.tags.items() if name not in TagKeys})


def ListTagsForResource(call: Call, *, ResourceArn: str, Limit: int | None = None, NextToken: str | None = None) -> dict:
    kind, key = _tagged(call, ResourceArn)
    listed = [{"Key": name, "Value": value} for name, value in call.shelf(kind)[key].tags.items()]
    found, token = item.page(listed, Limit, NextToken)
    return item.with_token({"Tags": found}, token, "NextToken")
