"""AWS Config: AWS's own rules for distributions, web ACLs, HTTP APIs and GraphQL APIs, each with what complies and what does not.

Each follows the page of its name under https://docs.aws.amazon.com/config/latest/developerguide/managed-rules-by-aws-config.html
"""

from __future__ import annotations

import pytest
from config_workshop import ACCOUNT, Audit
from edge_workshop import Edge, behavior, items
from services.certificate_workshop import brought

US = "us-east-1"
GOOD, BAD = "COMPLIANT", "NON_COMPLIANT"


@pytest.fixture
def audit(cloud):
    return Audit(cloud)


def settings(metric: str) -> dict:
    return {"VisibilityConfig": {"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": metric}}


def counting(name: str) -> dict:
    search = {"SearchString": b"x", "FieldToMatch": {"UriPath": {}}, "TextTransformations": [{"Priority": 0, "Type": "NONE"}], "PositionalConstraint": "EXACTLY"}
    return {"Name": name, "Priority": 0, "Statement": {"ByteMatchStatement": search}, "Action": {"Count": {}}, **settings(name)}


def test_rules_of_distributions(audit):
    edge = Edge(audit.cloud)
    waf = audit.client("wafv2")
    acl = waf.create_web_acl(Name="wall", Scope="CLOUDFRONT", DefaultAction={"Allow": {}}, **settings("wall"))["Summary"]["ARN"]
    edge.s3.create_bucket(Bucket="logs", ObjectOwnership="ObjectWriter")
    identity = edge.client.create_cloud_front_origin_access_identity(CloudFrontOriginAccessIdentityConfig={"CallerReference": "1", "Comment": ""})
    identity = f"origin-access-identity/cloudfront/{identity['CloudFrontOriginAccessIdentity']['Id']}"
    bucket = {"Id": "site", "DomainName": "site.s3.us-east-1.amazonaws.com", "S3OriginConfig": {"OriginAccessIdentity": identity}}
    group = {"Id": "both", "FailoverCriteria": {"StatusCodes": items(500)}, "Members": items({"OriginId": "site"}, {"OriginId": "spare"})}
    good = edge.create(
        origins=(bucket, {**bucket, "Id": "spare"}), OriginGroups=items(group), WebACLId=acl, default=behavior(ViewerProtocolPolicy="redirect-to-https"),
        Logging={"Enabled": True, "IncludeCookies": False, "Bucket": "logs.s3.amazonaws.com", "Prefix": ""},
    ).id  # fmt: skip
    old = edge.http("example.com")
    old["CustomOriginConfig"] |= {"OriginProtocolPolicy": "match-viewer", "OriginSslProtocols": items("SSLv3", "TLSv1.2")}
    bad = edge.create(origins=(old,), default=behavior("api"), DefaultRootObject="").id
    gone = {**bucket, "DomainName": "none.s3.us-east-1.amazonaws.com"}
    lost = edge.create(origins=(gone,), default=behavior(ViewerProtocolPolicy="https-only")).id
    audit.cloud.sleep(5)
    both = {good: GOOD, bad: BAD}
    for identifier, other in (
        ("CLOUDFRONT_ACCESSLOGS_ENABLED", BAD), ("CLOUDFRONT_ASSOCIATED_WITH_WAF", BAD), ("CLOUDFRONT_DEFAULT_ROOT_OBJECT_CONFIGURED", GOOD),
        ("CLOUDFRONT_NO_DEPRECATED_SSL_PROTOCOLS", GOOD), ("CLOUDFRONT_ORIGIN_ACCESS_IDENTITY_ENABLED", GOOD), ("CLOUDFRONT_ORIGIN_FAILOVER_ENABLED", BAD),
        ("CLOUDFRONT_TRAFFIC_TO_ORIGIN_ENCRYPTED", GOOD), ("CLOUDFRONT_VIEWER_POLICY_HTTPS", GOOD),
    ):  # fmt: skip
        assert audit.judged(identifier) == {**both, lost: other}, identifier
    assert audit.judged("CLOUDFRONT_ACCESSLOGS_ENABLED", S3BucketName="other")[good] == BAD
    assert audit.judged("CLOUDFRONT_ASSOCIATED_WITH_WAF", wafWebAclIds=acl)[good] == GOOD
    assert audit.judged("CLOUDFRONT_ASSOCIATED_WITH_WAF", wafWebAclIds=f"{acl}x")[good] == BAD
    assert audit.judged("CLOUDFRONT_S3_ORIGIN_NON_EXISTENT_BUCKET") == {good: GOOD, bad: GOOD, lost: BAD}


def test_rules_of_certificates_of_distributions(audit):
    """The default certificate is CloudFront's, and comes with an old version. Addresses of their own distributions do not have here."""
    edge = Edge(audit.cloud)
    said = {"ACMCertificateArn": brought(audit.cloud, "*.shop.example"), "SSLSupportMethod": "sni-only"}
    new = edge.create(Aliases=items("new.shop.example"), ViewerCertificate={**said, "MinimumProtocolVersion": "TLSv1.2_2021"}).id
    old = edge.create(Aliases=items("old.shop.example"), ViewerCertificate={**said, "MinimumProtocolVersion": "TLSv1_2016"}).id
    plain = edge.create().id
    audit.cloud.sleep(5)
    assert audit.judged("CLOUDFRONT_CUSTOM_SSL_CERTIFICATE") == {new: GOOD, old: GOOD, plain: BAD}
    assert audit.judged("CLOUDFRONT_SECURITY_POLICY_CHECK") == {new: GOOD, old: BAD, plain: BAD}
    assert audit.judged("CLOUDFRONT_SNI_ENABLED") == {new: GOOD, old: GOOD, plain: GOOD}


def test_a_distribution_is_recorded_in_us_east_1_and_its_change_is_judged_at_once(audit):
    edge = Edge(audit.cloud)
    name = "cloudfront_default_root_object_configured-0"
    made = edge.create(DefaultRootObject="")
    audit.cloud.sleep(5)
    assert audit.judged("CLOUDFRONT_DEFAULT_ROOT_OBJECT_CONFIGURED") == {made.id: BAD}
    made.update(DefaultRootObject="index.html")
    audit.cloud.sleep(10)
    (found,) = audit.config.get_compliance_details_by_config_rule(ConfigRuleName=name)["EvaluationResults"]
    assert found["ComplianceType"] == GOOD


def test_rules_of_web_acls_and_rule_groups(audit):
    waf = audit.client("wafv2")
    acls = {
        name: waf.create_web_acl(Name=name, Scope="REGIONAL", DefaultAction={"Allow": {}}, Rules=rules, **settings(name))["Summary"]["ARN"]
        for name, rules in (("full", [counting("r")]), ("empty", []))
    }
    groups = {
        name: waf.create_rule_group(Name=name, Scope="REGIONAL", Capacity=10, Rules=rules, **settings(name))["Summary"]["ARN"]
        for name, rules in (("some", [counting("r")]), ("none", []))
    }
    log = f"arn:aws:logs:{US}:{ACCOUNT}:log-group:aws-waf-logs-all"
    audit.client("logs").create_log_group(logGroupName="aws-waf-logs-all")
    waf.put_logging_configuration(LoggingConfiguration={"ResourceArn": acls["full"], "LogDestinationConfigs": [log]})
    audit.cloud.sleep(3)
    assert audit.judged("WAFV2_WEBACL_NOT_EMPTY") == {acls["full"]: GOOD, acls["empty"]: BAD}
    assert audit.judged("WAFV2_RULEGROUP_NOT_EMPTY") == {groups["some"]: GOOD, groups["none"]: BAD}
    assert audit.judged("WAFV2_LOGGING_ENABLED") == {acls["full"]: GOOD, acls["empty"]: BAD}
    other = f"arn:aws:firehose:{US}:{ACCOUNT}:deliverystream/aws-waf-logs-x"
    assert audit.judged("WAFV2_LOGGING_ENABLED", KinesisFirehoseDeliveryStreamArns=other) == {acls["full"]: BAD, acls["empty"]: BAD}
    # A rule that is added later is seen.
    (shown,) = [each for each in waf.list_web_acls(Scope="REGIONAL")["WebACLs"] if each["Name"] == "empty"]
    waf.update_web_acl(Name="empty", Id=shown["Id"], Scope="REGIONAL", LockToken=shown["LockToken"], DefaultAction={"Allow": {}}, Rules=[counting("r")], **settings("empty"))
    audit.cloud.sleep(3)
    assert audit.judged("WAFV2_WEBACL_NOT_EMPTY") == {acls["full"]: GOOD, acls["empty"]: GOOD}


def test_rules_of_http_apis_and_of_stages_behind_a_wall(audit):
    http, rest, waf = audit.client("apigatewayv2"), audit.client("apigateway"), audit.client("wafv2")
    audit.client("logs").create_log_group(logGroupName="access")
    log = {"DestinationArn": f"arn:aws:logs:{US}:{ACCOUNT}:log-group:access", "Format": "$context.requestId"}
    id_ = http.create_api(Name="a", ProtocolType="HTTP")["ApiId"]
    for name, more in (("logged", {"AccessLogSettings": log}), ("silent", {})):
        http.create_stage(ApiId=id_, StageName=name, **more)
    routes = {kind: http.create_route(ApiId=id_, RouteKey=f"GET /{kind}", AuthorizationType=kind)["RouteId"] for kind in ("AWS_IAM", "NONE")}
    api = rest.create_rest_api(name="b")["id"]
    root = rest.get_resources(restApiId=api)["items"][0]["id"]
    rest.put_method(restApiId=api, resourceId=root, httpMethod="GET", authorizationType="NONE")
    rest.put_integration(restApiId=api, resourceId=root, httpMethod="GET", type="MOCK")
    for name in ("walled", "open"):
        rest.create_deployment(restApiId=api, stageName=name)
    walled, bare = (f"arn:aws:apigateway:{US}::/restapis/{api}/stages/{name}" for name in ("walled", "open"))
    acl = waf.create_web_acl(Name="wall", Scope="REGIONAL", DefaultAction={"Allow": {}}, **settings("wall"))["Summary"]["ARN"]
    waf.associate_web_acl(WebACLArn=acl, ResourceArn=walled)
    audit.cloud.sleep(3)
    stage = f"arn:aws:apigateway:{US}::/apis/{id_}/stages"
    assert audit.judged("API_GWV2_ACCESS_LOGS_ENABLED") == {f"{stage}/logged": GOOD, f"{stage}/silent": BAD}
    assert audit.judged("API_GWV2_AUTHORIZATION_TYPE_CONFIGURED") == {f"{id_}/{routes['AWS_IAM']}": GOOD, f"{id_}/{routes['NONE']}": BAD}
    assert audit.judged("API_GWV2_AUTHORIZATION_TYPE_CONFIGURED", authorizationType="JWT")[f"{id_}/{routes['AWS_IAM']}"] == BAD
    assert audit.judged("API_GW_ASSOCIATED_WITH_WAF") == audit.judged("API_GW_ASSOCIATED_WITH_WAF", WebAclArns=acl) == {walled: GOOD, bare: BAD}
    assert audit.judged("API_GW_ASSOCIATED_WITH_WAF", WebAclArns=f"{acl}x") == {walled: BAD, bare: BAD}


def test_rules_of_graph_apis(audit):
    graph, waf = audit.client("appsync"), audit.client("wafv2")
    role = audit.client("iam").get_role(RoleName="recorder")["Role"]["Arn"]
    log = {"fieldLogLevel": "ERROR", "cloudWatchLogsRoleArn": role}
    good = graph.create_graphql_api(name="good", authenticationType="AWS_IAM", logConfig=log)["graphqlApi"]
    more = [{"authenticationType": "API_KEY"}]
    bad = graph.create_graphql_api(name="bad", authenticationType="AWS_IAM", additionalAuthenticationProviders=more)["graphqlApi"]
    ids = {good["apiId"]: GOOD, bad["apiId"]: BAD}
    acl = waf.create_web_acl(Name="wall", Scope="REGIONAL", DefaultAction={"Allow": {}}, **settings("wall"))["Summary"]["ARN"]
    waf.associate_web_acl(WebACLArn=acl, ResourceArn=good["arn"])
    audit.cloud.sleep(3)
    assert audit.judged("APPSYNC_LOGGING_ENABLED") == audit.judged("APPSYNC_ASSOCIATED_WITH_WAF") == ids
    assert set(audit.judged("APPSYNC_LOGGING_ENABLED", fieldLoggingLevel="ALL").values()) == {BAD}
    assert set(audit.judged("APPSYNC_ASSOCIATED_WITH_WAF", wafWebAclARNs=f"{acl}x").values()) == {BAD}
    assert audit.judged("APPSYNC_AUTHORIZATION_CHECK", AllowedAuthorizationTypes="AWS_IAM,AWS_LAMBDA") == ids
    assert audit.judged("APPSYNC_CACHE_ENCRYPTION_AT_REST") == {}  # neither has a cache
    for each in (good, bad):
        graph.create_api_cache(apiId=each["apiId"], ttl=60, apiCachingBehavior="FULL_REQUEST_CACHING", type="SMALL", **({"atRestEncryptionEnabled": True} if each is good else {}))
    assert audit.judged("APPSYNC_CACHE_ENCRYPTION_AT_REST") == ids
