"""Distributions, web ACLs and rule groups, stages of HTTP and WebSocket APIs, GraphQL APIs.

Config learns of distributions and web ACLs without the recorder's role, whose policy of AWS's does not let it ask for them; here the account
itself is asked. Distributions are recorded in us-east-1.
https://github.com/awslabs/aws-config-resource-schema/tree/master/config/properties/resource-types
"""

from __future__ import annotations

from typing import Any

from kumoniwa.services.config.resource import (
    Found,
    Kind,
    Reader,
    capitalized,
    one_by_one,
    related,
    said,
    spelled,
    tags_of,
)

EVERYWHERE = "us-east-1"


# CloudFront ----------------------------------------------------------------------------------------


async def _distribution(reader: Reader, id_: str) -> Found | None:
    reply = await reader.itself().ask("cloudfront:GetDistribution", absent=("NoSuchDistribution",), Id=id_)
    if reply is None:
        return None
    held = reply["Distribution"]
    told = spelled("cloudfront", "GetDistribution", reply, member="Distribution")
    # How many invalidations are under way is no part of how it is configured.
    told = {name: value for name, value in told.items() if name != "inProgressInvalidationBatches"}
    tags = await reader.itself().ask("cloudfront:ListTagsForResource", absent=("NoSuchResource",), Resource=held["ARN"]) or {}
    config = held["DistributionConfig"]
    acl = (related("AWS::WAFv2::WebACL", config["WebACLId"], "Is associated with WebACL"),) if config.get("WebACLId") else ()
    return Found(
        id_,
        held["DomainName"],
        held["ARN"],
        told,
        {},
        tags_of((tags.get("Tags") or {}).get("Items")),
        acl,
        is_settled=held["Status"] == "Deployed",
    )


async def _distributions(reader: Reader) -> list[str]:
    found: list[str] = []
    params: dict[str, Any] = {}
    while True:
        listed = (await reader.itself().ask("cloudfront:ListDistributions", **params))["DistributionList"]
        found += [each["Id"] for each in listed.get("Items") or ()]
        if not listed.get("IsTruncated"):
            return found
        params = {"Marker": listed["NextMarker"]}


# WAF -----------------------------------------------------------------------------------------------


def _parts(listing: str, getting: str, member: str, result: str) -> tuple[Any, Any]:
    async def listed(reader: Reader) -> list[str]:
        """Those of distributions are recorded where those are."""
        found: list[str] = []
        for scope in ("REGIONAL", "CLOUDFRONT")[: 1 + (reader.call.region == EVERYWHERE)]:
            params: dict[str, Any] = {"Scope": scope}
            while True:
                reply = await reader.itself().ask(listing, **params)
                found += [each["ARN"] for each in reply.get(result) or ()]
                if not reply.get("NextMarker"):
                    break
                params["NextMarker"] = reply["NextMarker"]
        return found

    async def read(reader: Reader, arn: str) -> Found | None:
        scope, _, rest = arn.rpartition(f"/{member.lower()}/")
        name, _, id_ = rest.partition("/")
        kind = "CLOUDFRONT" if scope.endswith(":global") else "REGIONAL"
        reply = await reader.itself().ask(getting, absent=("WAFNonexistentItemException",), Name=name, Id=id_, Scope=kind)
        if reply is None:
            return None
        told = spelled("wafv2", getting.partition(":")[2], reply, member=member)
        tags = await reader.itself().ask("wafv2:ListTagsForResource", absent=("WAFNonexistentItemException",), ResourceARN=arn) or {}
        return Found(arn, name, arn, told, tags=tags_of((tags.get("TagInfoForResource") or {}).get("TagList")))

    return listed, read


_web_acls, _web_acl = _parts("wafv2:ListWebACLs", "wafv2:GetWebACL", "WebACL", "WebACLs")
_rule_groups, _rule_group = _parts("wafv2:ListRuleGroups", "wafv2:GetRuleGroup", "RuleGroup", "RuleGroups")


# APIs ----------------------------------------------------------------------------------------------


def _arn(reader: Reader, path: str) -> str:
    return f"arn:{reader.call.home.partition}:apigateway:{reader.call.region}::{path}"


async def _stages(reader: Reader) -> list[str]:
    found = []
    for api in await reader.all("apigatewayv2:GetApis"):
        stages = await reader.all("apigatewayv2:GetStages", ApiId=api["ApiId"])
        found += [_arn(reader, f"/apis/{api['ApiId']}/stages/{each['StageName']}") for each in stages]
    return found


async def _stage(reader: Reader, arn: str) -> Found | None:
    api, _, name = arn.partition("/apis/")[2].partition("/stages/")
    reply = await reader.ask("apigatewayv2:GetStage", absent=("NotFoundException",), ApiId=api, StageName=name)
    if reply is None:
        return None
    kept = {member: value for member, value in reply.items() if member not in ("Tags", "LastDeploymentStatusMessage")}
    told = {"apiId": api, **spelled("apigatewayv2", "GetStage", kept)}
    relations = (related("AWS::ApiGatewayV2::Api", api, "Is contained in ApiGatewayV2 Api"),)
    return Found(arn, name, arn, told, {}, reply.get("Tags") or {}, relations, created=reply.get("CreatedDate"))


async def _graph_api(reader: Reader, id_: str) -> Found | None:
    reply = await reader.ask("appsync:GetGraphqlApi", absent=("NotFoundException",), apiId=id_)
    if reply is None:
        return None
    held = reply["graphqlApi"]
    kept = {"graphqlApi": {name: value for name, value in held.items() if name not in ("tags", "uris", "dns")}}
    told = capitalized(spelled("appsync", "GetGraphqlApi", kept, member="graphqlApi", fold=False))
    return Found(id_, held["name"], held["arn"], told, tags=held.get("tags") or {})


async def _graph_apis(reader: Reader) -> list[str]:
    return [each["apiId"] for each in await reader.all("appsync:ListGraphqlApis")]


def _graph_api_named(event: dict[str, Any]) -> list[str] | None:
    id_ = said(event, "apiId") if event.get("eventSource", "").startswith("appsync") else None
    return [id_] if id_ else None


KINDS = (
    Kind(
        "AWS::CloudFront::Distribution",
        ("cloudfront",),
        one_by_one(_distributions, _distribution),
        lambda event: None,
        is_global=True,
        region=EVERYWHERE,
    ),
    Kind("AWS::WAFv2::WebACL", ("wafv2",), one_by_one(_web_acls, _web_acl), lambda event: None),
    Kind("AWS::WAFv2::RuleGroup", ("wafv2",), one_by_one(_rule_groups, _rule_group), lambda event: None),
    Kind("AWS::ApiGatewayV2::Stage", ("apigatewayv2",), one_by_one(_stages, _stage), lambda event: None),
    Kind("AWS::AppSync::GraphQLApi", ("appsync", "wafv2"), one_by_one(_graph_apis, _graph_api), _graph_api_named),
)
