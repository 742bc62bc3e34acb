"""SelectResourceConfig: queries over how resources are now, and over what rules and packs say of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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


def parsed(expression: str) -> config_query.Query:
    try:
        return config_query.parse(expression)
    except config_query.InvalidQuery as wrong:
        raise InvalidExpressionException(str(wrong)) from None
    except config_query.Unavailable:
        raise NotImplementedHere("queries without the extra kumoniwa[query]") from None


def SelectResourceConfig(call: Call, *, Expression: str, Limit: int | None = None, NextToken: str | None = None) -> dict:
    query = parsed(Expression)
    return selected(query, _rows(call, query.types), Limit, NextToken)


def selected(query: config_query.Query, of: Iterable[dict[str, Any]], Limit: int | None, NextToken: str | None) -> dict:
    rows = config_query.run(query, of)
    found, token = items.page([orjson.dumps(row).decode() for row in rows], Limit, NextToken, unasked=UNASKED)
    names = [{"Name": field.name} for field in query.fields]
    return items.with_token({"Results": found, "QueryInfo": {"SelectFields": names}}, token, "NextToken")


def _rows(call: Call, types: frozenset[str] | None) -> Iterator[dict[str, Any]]:
    for each in items.standing(call, tuple(sorted(types)) if types is not None else None):
        yield row(call, each)
    if types is None or RESOURCE_COMPLIANCE in types:
        known = {each.name: (each.id, rules.arn_of(call, each)) for each in call.shelf(rules.Rule).values()}
        yield from compliances(call, result.all_of(call), known)
    if types is None or PACK_COMPLIANCE in types:
        for pack in call.shelf(packs.Pack).values():
            verdicts = [each for name in pack.rules for each in result.of_rule(call, name)]
            yield pack_compliance(call, pack.id, pack.name, verdicts)


def pack_compliance(call: items.Whose, id_: str, name: str, verdicts: list[Result]) -> dict[str, Any]:
    return {
        "accountId": call.account, "awsRegion": call.region, "resourceType": PACK_COMPLIANCE, "resourceId": id_, "resourceName": name,
        "configuration": {"complianceType": overall(verdicts)},
    }  # fmt: skip


def row(call: items.Whose, item: items.Item) -> dict[str, Any]:
    told = items.told(call, item)
    tags = [{"key": key, "value": value, "tag": f"{key}={value}"} for key, value in item.tags.items()]
    relationships = [{**each, "relationshipName": each["name"]} for each in told["relationships"]]
    return told | {
        "accountId": told["awsAccountId"], "arn": told["ARN"], "version": told["configurationItemVersion"], "tags": tags,
        "relationships": relationships,
        "configurationStateId": str(item.state_id),
    }  # fmt: skip


def compliances(call: items.Whose, results: Iterable[Result], known: dict[str, tuple[str, str]]) -> Iterator[dict[str, Any]]:
    """``known`` are the ids and ARNs of rules. https://docs.aws.amazon.com/config/latest/developerguide/example-query.html"""
    grouped: dict[tuple[str, str], list[Result]] = {}
    for each in results:
        grouped.setdefault((each.type, each.id), []).append(each)
    for (type_, id_), verdicts in grouped.items():
        listed = [
            {"configRuleName": each.rule, "configRuleArn": known[each.rule][1], "configRuleId": known[each.rule][0], "complianceType": each.compliance}
            for each in verdicts if each.rule in known
        ]  # fmt: skip
        yield {
            "accountId": call.account, "awsRegion": call.region, "resourceType": RESOURCE_COMPLIANCE, "resourceId": f"{type_}/{id_}",
            "configuration": {
                "complianceType": overall(verdicts), "targetResourceType": type_, "targetResourceId": id_, "configRuleList": listed,
            },
        }  # fmt: skip
