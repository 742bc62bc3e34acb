"""AWS's rules for distributions, web ACLs, APIs of API Gateway's second version and GraphQL APIs.

Each by the page of its name: https://docs.aws.amazon.com/config/latest/developerguide/cloudfront-accesslogs-enabled.html and so on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.config import resource_edge
from kumoniwa.services.config.item import Item
from kumoniwa.services.config.resource import Kind
from kumoniwa.services.config.verdict import (
    FINE,
    Check,
    Given,
    Judged,
    Survey,
    Surveyor,
    Verdict,
    fault,
    verdict,
)

_KINDS: dict[str, Kind] = {kind.type: kind for kind in resource_edge.KINDS}
OLD_POLICIES = frozenset({"SSLv3", "TLSv1", "TLSv1_2016", "TLSv1.1_2016"})
"""Security policies below TLSv1.2_2018."""


def _items(said: Any) -> list[Any]:
    """The members of one of CloudFront's lists, which count themselves."""
    return list((said or {}).get("items") or ())


# CloudFront ----------------------------------------------------------------------------------------


def _config(item: Item) -> dict[str, Any]:
    return item.configuration["distributionConfig"]


def _logged(call: Call, item: Item, given: Given) -> Verdict:
    logging = _config(item).get("logging") or {}
    if not logging.get("enabled"):
        return fault("The distribution does not log its requests.")
    bucket = given["S3BucketName"]
    return verdict(
        bucket is None or logging.get("bucket", "").partition(".s3")[0] == bucket,
        "The distribution logs into another bucket than the given one.",
    )


def _walled(call: Call, item: Item, given: Given) -> Verdict:
    acl = _config(item).get("webACLId")
    return verdict(
        bool(acl) and (not given["wafWebAclIds"] or acl in given["wafWebAclIds"]),
        "The distribution has no web ACL, or another than the given ones.",
    )


def _certificate(item: Item) -> dict[str, Any]:
    return _config(item).get("viewerCertificate") or {"cloudFrontDefaultCertificate": True}


def _certified(call: Call, item: Item, given: Given) -> Verdict:
    return verdict(not _certificate(item).get("cloudFrontDefaultCertificate"), "The distribution uses the default certificate.")


def _by_name(call: Call, item: Item, given: Given) -> Verdict:
    said = _certificate(item)
    return verdict(
        bool(said.get("cloudFrontDefaultCertificate")) or said.get("sslsupportMethod") != "vip",
        "The distribution has addresses of its own for HTTPS.",
    )


def _secure(call: Call, item: Item, given: Given) -> Verdict:
    """The default certificate comes with TLSv1. https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_ViewerCertificate.html"""
    said = _certificate(item)
    version = "TLSv1" if said.get("cloudFrontDefaultCertificate") else said.get("minimumProtocolVersion", "TLSv1")
    return verdict(version not in OLD_POLICIES, "Viewers may use a version below TLSv1.2.")


def _rooted(call: Call, item: Item, given: Given) -> Verdict:
    return verdict(bool(_config(item).get("defaultRootObject")), "The distribution has no default root object.")


def _origins(item: Item) -> list[dict[str, Any]]:
    return _items(_config(item).get("origins"))


def _no_old_protocols(call: Call, item: Item, given: Given) -> Verdict:
    used = {name for each in _origins(item) for name in _items((each.get("customOriginConfig") or {}).get("originSslProtocols"))}
    return verdict("SSLv3" not in used, "An origin may be asked by SSLv3.")


def _identified(call: Call, item: Item, given: Given) -> Verdict:
    """Also of a distribution whose origin is no bucket, as the rule's page has it."""
    is_so = all((each.get("s3OriginConfig") or {}).get("originAccessIdentity") for each in _origins(item))
    return verdict(is_so, "Not every origin of the distribution is a bucket with an origin access identity.")


def _fails_over(call: Call, item: Item, given: Given) -> Verdict:
    return verdict(bool(_items(_config(item).get("originGroups"))), "The distribution has no origin group.")


def _behaviors(item: Item) -> Iterator[dict[str, Any]]:
    yield _config(item)["defaultCacheBehavior"]
    yield from _items(_config(item).get("cacheBehaviors"))


def _viewers_by_https(call: Call, item: Item, given: Given) -> Verdict:
    return verdict(all(each["viewerProtocolPolicy"] != "allow-all" for each in _behaviors(item)), "Viewers may use HTTP.")


def _origins_by_https(call: Call, item: Item, given: Given) -> Verdict:
    for each in _origins(item):
        policy = (each.get("customOriginConfig") or {}).get("originProtocolPolicy")
        asking = [one for one in _behaviors(item) if one["targetOriginId"] == each["id"]]
        if policy == "http-only" or (policy == "match-viewer" and any(one["viewerProtocolPolicy"] == "allow-all" for one in asking)):
            return fault("An origin may be asked by HTTP.")
    return FINE


async def _buckets_exist(surveyor: Surveyor, given: Given) -> list[Judged]:
    kind, judged = _KINDS["AWS::CloudFront::Distribution"], []
    if surveyor.call.region != resource_edge.EVERYWHERE:
        return []
    for each in await surveyor.found(kind):
        names = [
            one["domainName"].partition(".s3")[0]
            for one in _items(each.configuration["distributionConfig"].get("origins"))
            if one.get("s3OriginConfig") is not None
        ]
        found = [await surveyor.reader.ask("s3:GetBucketLocation", absent=("NoSuchBucket",), Bucket=name) for name in names]
        judged.append(Judged(kind.type, each.id, verdict(None not in found, "An origin of the distribution is a bucket that there is not.")))
    return judged


# WAF -----------------------------------------------------------------------------------------------


def _has_rules(call: Call, item: Item, given: Given) -> Verdict:
    return verdict(bool(item.configuration.get("rules")), "It has no rules.")


async def _acls_logged(surveyor: Surveyor, given: Given) -> list[Judged]:
    kind, wanted, judged = _KINDS["AWS::WAFv2::WebACL"], given["KinesisFirehoseDeliveryStreamArns"] or (), []
    for each in await surveyor.found(kind):
        said = await surveyor.reader.ask("wafv2:GetLoggingConfiguration", absent=("WAFNonexistentItemException",), ResourceArn=each.arn)
        where = (said or {}).get("LoggingConfiguration", {}).get("LogDestinationConfigs") or ()
        is_so = bool(where) and (not wanted or any(one in wanted for one in where))
        judged.append(Judged(kind.type, each.id, verdict(is_so, "The web ACL does not log, or to another destination than the given ones.")))
    return judged


# APIs ----------------------------------------------------------------------------------------------


def _stage_logged(call: Call, item: Item, given: Given) -> Verdict:
    return verdict(bool((item.configuration.get("accessLogSettings") or {}).get("destinationArn")), "The stage has no access log.")


def _stage_walled(call: Call, item: Item, given: Given) -> Verdict:
    acl = item.configuration.get("webAclArn")
    return verdict(bool(acl) and (not given["WebAclArns"] or acl in given["WebAclArns"]), "The stage has no web ACL, or another than the given ones.")


async def _routes_authorized(surveyor: Surveyor, given: Given) -> list[Judged]:
    """No source tells by which id Config knows a route: it is the API's and the route's here."""
    wanted, judged = given["authorizationType"], []
    for api in await surveyor.reader.all("apigatewayv2:GetApis"):
        for each in await surveyor.reader.all("apigatewayv2:GetRoutes", ApiId=api["ApiId"]):
            kind = each.get("AuthorizationType", "NONE")
            is_so = kind != "NONE" and wanted in (None, kind)
            judged.append(
                Judged(
                    "AWS::ApiGatewayV2::Route",
                    f"{api['ApiId']}/{each['RouteId']}",
                    verdict(is_so, f"The authorization type of the route is {kind}."),
                )
            )
    return judged


def _graph_logged(call: Call, item: Item, given: Given) -> Verdict:
    level, wanted = (item.configuration.get("LogConfig") or {}).get("FieldLogLevel"), given["fieldLoggingLevel"] or ("ERROR", "ALL")
    return verdict(level in wanted, "Fields of the API are not logged at a given level.")


def _graph_authorized(call: Call, item: Item, given: Given) -> Verdict:
    said = item.configuration
    used = {said["AuthenticationType"], *(each["AuthenticationType"] for each in said.get("AdditionalAuthenticationProviders") or ())}
    if strange := sorted(used - set(given["AllowedAuthorizationTypes"])):
        return fault(f"The API uses authorization that is not allowed: {', '.join(strange)}.")
    return FINE


async def _graphs_walled(surveyor: Surveyor, given: Given) -> list[Judged]:
    kind, wanted, judged = _KINDS["AWS::AppSync::GraphQLApi"], given["wafWebAclARNs"] or (), []
    for each in await surveyor.found(kind):
        acl = each.configuration.get("WafWebAclArn")
        judged.append(
            Judged(
                kind.type,
                each.id,
                verdict(bool(acl) and (not wanted or acl in wanted), "The API has no web ACL, or another than the given ones."),
            )
        )
    return judged


async def _graphs_cache_encrypted(surveyor: Surveyor, given: Given) -> list[Judged]:
    """APIs without a cache are not looked at."""
    kind, judged = _KINDS["AWS::AppSync::GraphQLApi"], []
    for each in await surveyor.found(kind):
        said = await surveyor.reader.ask("appsync:GetApiCache", absent=("NotFoundException",), apiId=each.id)
        if said is not None:
            judged.append(
                Judged(
                    kind.type,
                    each.id,
                    verdict(bool(said["apiCache"].get("atRestEncryptionEnabled")), "The cache of the API is not encrypted at rest."),
                )
            )
    return judged


CHECKS: dict[str, Check] = {
    "CLOUDFRONT_ACCESSLOGS_ENABLED": _logged,
    "CLOUDFRONT_ASSOCIATED_WITH_WAF": _walled,
    "CLOUDFRONT_CUSTOM_SSL_CERTIFICATE": _certified,
    "CLOUDFRONT_DEFAULT_ROOT_OBJECT_CONFIGURED": _rooted,
    "CLOUDFRONT_NO_DEPRECATED_SSL_PROTOCOLS": _no_old_protocols,
    "CLOUDFRONT_ORIGIN_ACCESS_IDENTITY_ENABLED": _identified,
    "CLOUDFRONT_ORIGIN_FAILOVER_ENABLED": _fails_over,
    "CLOUDFRONT_SECURITY_POLICY_CHECK": _secure,
    "CLOUDFRONT_SNI_ENABLED": _by_name,
    "CLOUDFRONT_TRAFFIC_TO_ORIGIN_ENCRYPTED": _origins_by_https,
    "CLOUDFRONT_VIEWER_POLICY_HTTPS": _viewers_by_https,
    "WAFV2_WEBACL_NOT_EMPTY": _has_rules,
    "WAFV2_RULEGROUP_NOT_EMPTY": _has_rules,
    "API_GWV2_ACCESS_LOGS_ENABLED": _stage_logged,
    "API_GW_ASSOCIATED_WITH_WAF": _stage_walled,
    "APPSYNC_LOGGING_ENABLED": _graph_logged,
    "APPSYNC_AUTHORIZATION_CHECK": _graph_authorized,
}

SURVEYS: dict[str, Survey] = {
    "CLOUDFRONT_S3_ORIGIN_NON_EXISTENT_BUCKET": _buckets_exist,
    "WAFV2_LOGGING_ENABLED": _acls_logged,
    "API_GWV2_AUTHORIZATION_TYPE_CONFIGURED": _routes_authorized,
    "APPSYNC_ASSOCIATED_WITH_WAF": _graphs_walled,
    "APPSYNC_CACHE_ENCRYPTION_AT_REST": _graphs_cache_encrypted,
}
