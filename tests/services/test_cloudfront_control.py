"""What is configured of CloudFront: versions, refusals and lists, as its API reference words them."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from certificate_workshop import brought
from edge_workshop import OPTIMIZED, Edge, behavior, items
from refusals import refused_code


@pytest.fixture
def edge(cloud) -> Edge:
    return Edge(cloud)


def test_a_distribution_is_told_with_everything_that_was_not_said(edge):
    made = edge.client.create_distribution(DistributionConfig=edge.config())
    shown, config = made["Distribution"], made["Distribution"]["DistributionConfig"]
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201 and made["Location"].endswith(f"/2020-05-31/distribution/{shown['Id']}")
    assert shown["ARN"] == f"arn:aws:cloudfront::000000000000:distribution/{shown['Id']}" and shown["Status"] == "InProgress"
    assert shown["DomainName"].endswith(".cloudfront.net") and config["PriceClass"] == "PriceClass_All"
    assert config["DefaultCacheBehavior"]["AllowedMethods"]["Items"] == ["HEAD", "GET"]
    assert config["Restrictions"]["GeoRestriction"] == {"RestrictionType": "none", "Quantity": 0}
    edge.cloud.sleep(1)
    found = edge.client.get_distribution(Id=shown["Id"])
    assert found["Distribution"]["Status"] == "Deployed" and found["ETag"] == made["ETag"]


def test_an_empty_id_of_a_policy_is_none(edge):
    # So Terraform's provider writes what a behavior does not have: hashicorp/terraform-provider-aws 5.100.0, cloudfront/distribution.go.
    forwarded = {"QueryString": True, "Cookies": {"Forward": "none"}}
    old = behavior(ForwardedValues=forwarded, CachePolicyId="", OriginRequestPolicyId="", ResponseHeadersPolicyId="", MinTTL=0)
    made = edge.client.create_distribution(DistributionConfig=edge.config(default=old))["Distribution"]["DistributionConfig"]
    shown = made["DefaultCacheBehavior"]
    assert shown["ForwardedValues"]["QueryString"] is True
    assert not shown.keys() & {"CachePolicyId", "OriginRequestPolicyId", "ResponseHeadersPolicyId"}


def test_whoever_changes_or_deletes_says_which_version(edge):
    site = edge.create()
    client, found = edge.client, edge.client.get_distribution_config(Id=site.id)
    config = found["DistributionConfig"]
    assert refused_code(client.update_distribution, Id=site.id, DistributionConfig=config) == "InvalidIfMatchVersion"
    assert refused_code(client.update_distribution, Id=site.id, DistributionConfig=config, IfMatch="E0") == "PreconditionFailed"
    assert refused_code(client.delete_distribution, Id=site.id, IfMatch=found["ETag"]) == "DistributionNotDisabled"
    other = {**config, "CallerReference": "other"}
    assert refused_code(client.update_distribution, Id=site.id, DistributionConfig=other, IfMatch=found["ETag"]) == "IllegalUpdate"
    updated = site.update(Enabled=False)
    assert updated["ETag"] != found["ETag"]
    assert refused_code(client.delete_distribution, Id=site.id, IfMatch=found["ETag"]) == "PreconditionFailed"
    client.delete_distribution(Id=site.id, IfMatch=updated["ETag"])
    assert refused_code(client.get_distribution, Id=site.id) == "NoSuchDistribution"
    assert site.get("/").status == 403


def test_a_caller_reference_makes_one_distribution(edge):
    config = edge.config()
    edge.client.create_distribution(DistributionConfig=config)
    # https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_DistributionConfig.html
    assert refused_code(edge.client.create_distribution, DistributionConfig=config) == "DistributionAlreadyExists"
    assert refused_code(edge.client.create_distribution, DistributionConfig={**config, "Comment": "other"}) == "DistributionAlreadyExists"


@pytest.mark.parametrize(
    "change, code",
    [
        ({"DefaultCacheBehavior": behavior("nobody")}, "NoSuchOrigin"),
        ({"DefaultCacheBehavior": behavior(CachePolicyId="00000000-0000-0000-0000-000000000000")}, "NoSuchCachePolicy"),
        ({"DefaultCacheBehavior": {"TargetOriginId": "site", "ViewerProtocolPolicy": "allow-all"}}, "InvalidArgument"),
        ({"DefaultCacheBehavior": behavior(TrustedKeyGroups={"Enabled": True, **items("k")})}, "TrustedKeyGroupDoesNotExist"),
        ({"DefaultRootObject": "/index.html"}, "InvalidDefaultRootObject"),
        ({"Aliases": items("www.shop.example")}, "InvalidViewerCertificate"),
        ({"Aliases": {"Quantity": 2, "Items": ["www.shop.example"]}}, "InconsistentQuantities"),
        ({"CustomErrorResponses": items({"ErrorCode": 418})}, "InvalidErrorCode"),
        ({"Origins": items({"Id": "site", "DomainName": "site.example", "S3OriginConfig": {"OriginAccessIdentity": ""}})}, "InvalidArgument"),
    ],
)  # fmt: skip
def test_what_cannot_be_served_is_refused(edge, change, code):
    assert refused_code(edge.client.create_distribution, DistributionConfig={**edge.config(), **change}) == code


@pytest.mark.parametrize(
    "change, what",
    [
        ({"ContinuousDeploymentPolicyId": "x"}, "ContinuousDeploymentPolicyId"),
        ({"ViewerCertificate": {"IAMCertificateId": "ASCAEXAMPLE"}}, "IAMCertificateId"),
        ({"Origins": items({"Id": "site", "DomainName": "a.example", "ResponseCompletionTimeout": 60, "CustomOriginConfig":
            {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "http-only"}})}, "ResponseCompletionTimeout"),
        ({"Origins": items({"Id": "site", "DomainName": "a.example", "CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443,
            "OriginProtocolPolicy": "https-only", "OriginSslProtocols": items("TLSv1.1")}})}, "OriginSslProtocols"),
        ({"DefaultCacheBehavior": behavior(LambdaFunctionAssociations=items(
            {"LambdaFunctionARN": "arn:aws:lambda:us-east-1:000000000000:function:f:1", "EventType": "origin-request"}))}, "Lambda@Edge"),
        ({"DefaultCacheBehavior": behavior(RealtimeLogConfigArn="arn:aws:cloudfront::000000000000:realtime-log-config/x")}, "RealtimeLogConfigArn"),
    ],
)  # fmt: skip
def test_what_we_do_not_do_is_refused_by_name(edge, change, what):
    with pytest.raises(ClientError, match=what) as caught:
        edge.client.create_distribution(DistributionConfig={**edge.config(), **change})
    assert caught.value.response["Error"]["Code"] == "NotImplemented"


def test_operations_we_do_not_have_are_refused_by_name(edge):
    assert refused_code(edge.client.list_vpc_origins) == refused_code(edge.client.list_distribution_tenants) == "NotImplemented"


def test_a_name_belongs_to_one_distribution(edge):
    certificate = {"ACMCertificateArn": brought(edge.cloud, "*.shop.example"), "SSLSupportMethod": "sni-only"}
    more = {"Aliases": items("www.shop.example"), "ViewerCertificate": certificate}
    edge.create(**more)
    assert refused_code(edge.client.create_distribution, DistributionConfig=edge.config(**more)) == "CNAMEAlreadyExists"
    elsewhere = {**certificate, "ACMCertificateArn": certificate["ACMCertificateArn"].replace("us-east-1", "eu-west-1")}
    config = edge.config(Aliases=items("b.shop.example"), ViewerCertificate=elsewhere)
    assert refused_code(edge.client.create_distribution, DistributionConfig=config) == "InvalidViewerCertificate"


def test_a_certificate_must_be_there_and_cover_every_name(edge):
    """https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/CNAMEs.html#alternate-domain-names-requirements"""
    arn = brought(edge.cloud, "www.shop.example")
    shown = {"ACMCertificateArn": arn, "SSLSupportMethod": "sni-only"}
    site = edge.create(Aliases=items("www.shop.example"), ViewerCertificate=shown)
    gone = {**shown, "ACMCertificateArn": arn[:-12] + "000000000000"}
    pending = edge.cloud.client("acm").request_certificate(DomainName="www.shop.example", ValidationMethod="DNS")["CertificateArn"]
    for wrong in (gone, {**shown, "ACMCertificateArn": pending}):
        config = edge.config(Aliases=items("w2.shop.example"), ViewerCertificate=wrong)
        assert refused_code(edge.client.create_distribution, DistributionConfig=config) == "InvalidViewerCertificate"
    found = edge.client.get_distribution_config(Id=site.id)
    config = {**found["DistributionConfig"], "Aliases": items("www.shop.example", "other.shop.example")}
    assert refused_code(edge.client.update_distribution, Id=site.id, IfMatch=found["ETag"], DistributionConfig=config) == "InvalidViewerCertificate"
    site.update(Comment="no name is new")


def test_lists_have_pages_and_an_account_sees_its_own(edge):
    ids = []
    for _ in range(3):
        ids.append(edge.create().id)
        edge.cloud.sleep(1)
    first = edge.client.list_distributions(MaxItems="2")["DistributionList"]
    assert (first["Quantity"], first["IsTruncated"]) == (2, True)
    second = edge.client.list_distributions(MaxItems="2", Marker=first["NextMarker"])["DistributionList"]
    assert [each["Id"] for each in first["Items"] + second["Items"]] == ids and not second["IsTruncated"]
    pages = edge.client.get_paginator("list_distributions").paginate(PaginationConfig={"PageSize": 1})
    assert [each["Id"] for page in pages for each in page["DistributionList"]["Items"]] == ids
    other = edge.cloud.client("cloudfront", key="111111111111")
    assert other.list_distributions()["DistributionList"]["Quantity"] == 0
    assert refused_code(other.get_distribution, Id=ids[0]) == "NoSuchDistribution"


def test_tags_belong_to_distributions(edge):
    tags = {"Items": [{"Key": "a", "Value": "1"}]}
    made = edge.client.create_distribution_with_tags(DistributionConfigWithTags={"DistributionConfig": edge.config(), "Tags": tags})
    arn = made["Distribution"]["ARN"]
    edge.client.tag_resource(Resource=arn, Tags={"Items": [{"Key": "b", "Value": "2"}]})
    edge.client.untag_resource(Resource=arn, TagKeys={"Items": ["a"]})
    assert edge.client.list_tags_for_resource(Resource=arn)["Tags"]["Items"] == [{"Key": "b", "Value": "2"}]
    assert edge.client.get_distribution(Id=made["Distribution"]["Id"])["ETag"] == made["ETag"]
    assert refused_code(edge.client.list_tags_for_resource, Resource=arn[:-1]) == "NoSuchResource"


def test_invalidations_are_listed_and_come_once_for_a_reference(edge):
    site = edge.create()
    one, two = site.invalidate("/a"), site.invalidate("/b")
    assert one["Status"] == "InProgress"
    listed = edge.client.list_invalidations(DistributionId=site.id)["InvalidationList"]
    assert {each["Id"] for each in listed["Items"]} == {one["Id"], two["Id"]}
    batch = {"Paths": items("/c"), "CallerReference": "once"}
    ids = {edge.client.create_invalidation(DistributionId=site.id, InvalidationBatch=batch)["Invalidation"]["Id"] for _ in range(2)}
    assert len(ids) == 1
    other = {**batch, "Paths": items("/d")}
    assert refused_code(edge.client.create_invalidation, DistributionId=site.id, InvalidationBatch=other) == "InvalidArgument"
    assert refused_code(edge.client.create_invalidation, DistributionId=site.id, InvalidationBatch={"Paths": items("/a*b"), "CallerReference": "x"}) == "InvalidArgument"
    assert refused_code(edge.client.get_invalidation, DistributionId=site.id, Id="I0") == "NoSuchInvalidation"


def test_policies_are_ones_own_or_awss(edge):
    listed = edge.client.list_cache_policies(Type="managed")["CachePolicyList"]["Items"]
    assert {each["CachePolicy"]["Id"] for each in listed} >= {OPTIMIZED} and {each["Type"] for each in listed} == {"managed"}
    config = {"Name": "mine", "MinTTL": 0}
    made = edge.client.create_cache_policy(CachePolicyConfig=config)
    id = made["CachePolicy"]["Id"]
    assert made["CachePolicy"]["CachePolicyConfig"] == {**config, "DefaultTTL": 86_400, "MaxTTL": 31_536_000}
    assert refused_code(edge.client.create_cache_policy, CachePolicyConfig=config) == "CachePolicyAlreadyExists"
    edge.create(default=behavior(CachePolicyId=id))
    assert edge.client.list_distributions_by_cache_policy_id(CachePolicyId=id)["DistributionIdList"]["Quantity"] == 1
    assert refused_code(edge.client.delete_cache_policy, Id=id, IfMatch=made["ETag"]) == "CachePolicyInUse"
    assert refused_code(edge.client.update_cache_policy, Id=id, CachePolicyConfig=config, IfMatch="E0") == "PreconditionFailed"
    assert refused_code(edge.client.delete_cache_policy, Id=OPTIMIZED, IfMatch="E0") == "NoSuchCachePolicy"
    request = {"HeaderBehavior": "whitelist", "Headers": items("CloudFront-Viewer-City")}
    said = {"Name": "r", "HeadersConfig": request, "CookiesConfig": {"CookieBehavior": "none"}, "QueryStringsConfig": {"QueryStringBehavior": "none"}}
    assert refused_code(edge.client.create_origin_request_policy, OriginRequestPolicyConfig=said) == "NotImplemented"


def test_what_is_in_use_is_not_deleted(edge):
    site = edge.create()
    found = edge.client.get_origin_access_control(Id=edge.control)
    assert refused_code(edge.client.delete_origin_access_control, Id=edge.control, IfMatch=found["ETag"]) == "OriginAccessControlInUse"
    edge.client.delete_distribution(Id=site.id, IfMatch=site.update(Enabled=False)["ETag"])
    edge.client.delete_origin_access_control(Id=edge.control, IfMatch=found["ETag"])
    assert refused_code(edge.client.get_origin_access_control, Id=edge.control) == "NoSuchOriginAccessControl"


def test_a_key_that_is_none_is_refused(edge):
    config = {"CallerReference": "k", "Name": "k", "EncodedKey": "-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----"}
    assert refused_code(edge.client.create_public_key, PublicKeyConfig=config) == "InvalidArgument"
    assert refused_code(edge.client.create_key_group, KeyGroupConfig={"Name": "g", "Items": ["K0"]}) == "InvalidArgument"


def test_what_was_acknowledged_outlives_a_kill(edge):
    site = edge.create()
    edge.cloud.restart("aws-global", kill=True)
    assert edge.client.get_distribution(Id=site.id)["Distribution"]["DomainName"] == site.domain


def test_who_has_no_right_is_denied(edge):
    iam = edge.cloud.client("iam")
    iam.create_user(UserName="u")
    key = iam.create_access_key(UserName="u")["AccessKey"]
    site = edge.create()
    as_user = edge.cloud.client("cloudfront", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    assert refused_code(as_user.get_distribution, Id=site.id) == "AccessDenied"
    policy = f'{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow", "Action": "cloudfront:GetDistribution", "Resource": "{site.arn}"}}}}'
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=policy)
    assert as_user.get_distribution(Id=site.id)["Distribution"]["Id"] == site.id
    assert refused_code(as_user.list_distributions) == "AccessDenied"
