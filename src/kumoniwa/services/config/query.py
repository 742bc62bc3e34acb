"""SelectResourceConfig: queries over how resources are now, and over what rules and packs say of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.languages import config_query
from kumoniwa.services.config import item as items
from kumoniwa.services.config import pack as packs
from kumoniwa.services.config import result
from kumoniwa.services.config import rule as rules
from kumoniwa.services.config.compliance import overall
from kumoniwa.services.config.errors import InvalidExpressionException
from kumoniwa.services.config.result import Result

UNASKED = 25
RESOURCE_COMPLIANCE, PACK_COMPLIANCE = "AWS::Config::ResourceCompliance", "AWS::Config::ConformancePackCompliance"


def SelectResourceConfig(call: Call, *, Expression: str, Limit: int | None = None, NextToken: str | None = None) -> dict:
    try:
        query = config_query.parse(Expression)
    except config_query.InvalidQuery as wrong:
        raise InvalidExpressionException(str(wrong)) from None
    except config_query.Unavailable:
        raise NotImplementedHere("queries without the extra kumoniwa[query]") from None
    rows = config_query.run(query, _rows(call, query.types))
    found, token = items.page([orjson.dumps(row).decode() for row in rows], Limit, NextToken, unasked=UNASKED)
    names = [{"Name": field.name} for field in query.fields]
    return items.with_token({"Results": found, "QueryInfo": {"SelectFields": names}}, token, "NextToken")


def _rows(call: Call, types: frozenset[str] | None) -> Iterator[dict[str, Any]]:
    for each in items.standing(call, tuple(sorted(types)) if types is not None else None):
        yield _row(call, each)
    if types is None or RESOURCE_COMPLIANCE in types:
        yield from _compliances(call)
    if types is None or PACK_COMPLIANCE in types:
        for pack in call.shelf(packs.Pack).values():
            verdicts = [each for name in pack.rules for each in result.of_rule(call, name)]
            yield {
                "accountId": call.account, "awsRegion": call.region, "resourceType": PACK_COMPLIANCE, "resourceId": pack.id, "resourceName": pack.name,
                "configuration": {"complianceType": overall(verdicts)},
            }  # fmt: skip


def _row(call: Call, item: items.Item) -> dict[str, Any]:
    told = items.told(call, item)
    tags = [{"key": key, "value": value, "tag": f"{key}={value}"} for key, value in item.tags.items()]
    relationships = [{**each, "relationshipName": each["name"]} for each in told["relationships"]]
    return told | {
        "accountId": told["awsAccountId"], "arn": told["ARN"], "version": told["configurationItemVersion"], "tags": tags, "relationships": relationships,
        "configurationStateId": str(item.state_id),
    }  # fmt: skip


def _compliances(call: Call) -> Iterator[dict[str, Any]]:
    """https://docs.aws.amazon.com/config/latest/developerguide/example-query.html"""
    grouped: dict[tuple[str, str], list[Result]] = {}
    for each in result.all_of(call):
        grouped.setdefault((each.type, each.id), []).append(each)
    for (type_, id_), verdicts in grouped.items():
        listed = [
            {"configRuleName": each.rule, "configRuleArn": rules.arn_of(call, rule), "configRuleId": rule.id, "complianceType": each.compliance}
            for each in verdicts if (rule := call.shelf(rules.Rule).get(each.rule)) is not None
        ]  # fmt: skip
        yield {
            "accountId": call.account, "awsRegion": call.region, "resourceType": RESOURCE_COMPLIANCE, "resourceId": f"{type_}/{id_}",
            "configuration": {
                "complianceType": overall(verdicts), "targetResourceType": type_, "targetResourceId": id_, "configRuleList": listed,
            },
        }  # fmt: skip
