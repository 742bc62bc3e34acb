"""Distributions and what they go by, made by a template."""

from __future__ import annotations

import pytest
from test_cloudformation_stack import create, outputs, settled

from kumoniwa.aws.regions import loopback
from kumoniwa.gate.address import EDGE, GLOBAL

TEMPLATE = """
Resources:
  Bucket:
    Type: AWS::S3::Bucket
  Policy:
    Type: AWS::S3::BucketPolicy
    Properties:
      Bucket: !Ref Bucket
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: { Service: cloudfront.amazonaws.com }
            Action: s3:GetObject
            Resource: !Sub "${Bucket.Arn}/*"
            Condition: { StringEquals: { AWS:SourceArn: !Sub "arn:aws:cloudfront::${AWS::AccountId}:distribution/${Site}" } }
  Control:
    Type: AWS::CloudFront::OriginAccessControl
    Properties:
      OriginAccessControlConfig: { Name: control, OriginAccessControlOriginType: s3, SigningBehavior: always, SigningProtocol: sigv4 }
  Index:
    Type: AWS::CloudFront::Function
    Properties:
      Name: index
      AutoPublish: true
      FunctionConfig: { Comment: "", Runtime: cloudfront-js-2.0 }
      FunctionCode: |
        function handler(event) { var r = event.request; if (r.uri.endsWith('/')) r.uri += 'index.html'; return r; }
  Cache:
    Type: AWS::CloudFront::CachePolicy
    Properties:
      CachePolicyConfig:
        Name: short
        MinTTL: 0
        DefaultTTL: "60"
        MaxTTL: 60
        ParametersInCacheKeyAndForwardedToOrigin:
          EnableAcceptEncodingGzip: true
          HeadersConfig: { HeaderBehavior: none }
          CookiesConfig: { CookieBehavior: none }
          QueryStringsConfig: { QueryStringBehavior: none }
  Site:
    Type: AWS::CloudFront::Distribution
    Properties:
      DistributionConfig:
        Enabled: true
        Comment: COMMENT
        Origins:
          - Id: bucket
            DomainName: !GetAtt Bucket.RegionalDomainName
            OriginAccessControlId: !GetAtt Control.Id
            S3OriginConfig: {}
        DefaultCacheBehavior:
          TargetOriginId: bucket
          ViewerProtocolPolicy: allow-all
          CachePolicyId: !Ref Cache
          FunctionAssociations:
            - { EventType: viewer-request, FunctionARN: !GetAtt Index.FunctionARN }
      Tags: [{ Key: a, Value: b }]
Outputs:
  Bucket: { Value: !Ref Bucket }
  Id: { Value: !Ref Site }
  Domain: { Value: !GetAtt Site.DomainName }
"""


def test_a_stack_makes_changes_and_deletes_a_site(cloud):
    assert create(cloud, "site", TEMPLATE.replace("COMMENT", "one"))["StackStatus"] == "CREATE_COMPLETE"
    made = outputs(settled(cloud, "site"))
    s3, cloudfront, formation = (cloud.client(name) for name in ("s3", "cloudfront", "cloudformation"))
    s3.put_object(Bucket=made["Bucket"], Key="a/index.html", Body=b"page", ContentType="text/html")
    answers = [cloud.http("GET", "/a/", host=made["Domain"]) for _ in range(2)]
    assert [(status, headers["X-Cache"], body) for status, headers, body in answers] == [
        (200, "Miss from cloudfront", b"page"), (200, "Hit from cloudfront", b"page"),
    ]  # fmt: skip
    assert cloudfront.list_tags_for_resource(Resource=f"arn:aws:cloudfront::000000000000:distribution/{made['Id']}")["Tags"]["Items"]
    formation.update_stack(StackName="site", TemplateBody=TEMPLATE.replace("COMMENT", "two"))
    assert settled(cloud, "site")["StackStatus"] == "UPDATE_COMPLETE"
    assert cloudfront.get_distribution(Id=made["Id"])["Distribution"]["DistributionConfig"]["Comment"] == "two"
    s3.delete_object(Bucket=made["Bucket"], Key="a/index.html")
    formation.delete_stack(StackName="site")
    cloud.sleep(30)
    assert cloudfront.list_distributions()["DistributionList"]["Quantity"] == 0
    assert cloudfront.list_functions()["FunctionList"]["Quantity"] == 0


@pytest.mark.parametrize("kind", ["A", "AAAA"])
def test_a_name_of_route_53_leads_to_a_distribution(make_cloud, kind):
    cloud = make_cloud("us-east-1", GLOBAL, EDGE)
    route53 = cloud.client("route53")
    zone = route53.create_hosted_zone(Name="shop.example", CallerReference="z")["HostedZone"]["Id"]
    # https://docs.aws.amazon.com/Route53/latest/APIReference/API_AliasTarget.html
    target = {"HostedZoneId": "Z2FDTNDATAQYW2", "DNSName": "d111111abcdef8.cloudfront.net", "EvaluateTargetHealth": False}
    record = {"Name": "www.shop.example", "Type": kind, "AliasTarget": target}
    route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]})
    cloud.sleep(1)
    asked = {"HostedZoneId": zone, "RecordName": "www.shop.example", "RecordType": kind}
    for more, region in (({}, "us-east-1"), ({"EDNS0ClientSubnetIP": "203.0.113.9"}, "ap-northeast-1")):
        answer = route53.test_dns_answer(**asked, **more)
        assert (answer["ResponseCode"], answer["RecordData"]) == ("NOERROR", [loopback(region)] if kind == "A" else [])
