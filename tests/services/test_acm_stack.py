"""Certificates in stacks: complete when they are issued."""

from __future__ import annotations

import pytest
from route53_workshop import Names, a
from test_cloudformation_stack import settled

from kumoniwa.gate.address import EDGE, GLOBAL

PROVEN = """
Resources:
  Zone: {Type: AWS::Route53::HostedZone, Properties: {Name: shop.example}}
  Certificate:
    Type: AWS::CertificateManager::Certificate
    Properties:
      DomainName: shop.example
      SubjectAlternativeNames: ["*.shop.example"]
      ValidationMethod: DNS
      DomainValidationOptions: [{DomainName: shop.example, HostedZoneId: !Ref Zone}, {DomainName: "*.shop.example", HostedZoneId: !Ref Zone}]
      Tags: [{Key: team, Value: shop}]
  Name:
    Type: AWS::ApiGateway::DomainName
    Properties: {DomainName: api.shop.example, RegionalCertificateArn: !Ref Certificate, EndpointConfiguration: {Types: [REGIONAL]}}
"""
WAITING = """
Resources:
  Certificate: {Type: AWS::CertificateManager::Certificate, Properties: {DomainName: api.shop.example, ValidationMethod: DNS}}
"""


@pytest.fixture
def names(make_cloud) -> Names:
    return Names(make_cloud("us-east-1", GLOBAL, EDGE))


def begun(names, template: str) -> None:
    names.cloud.client("cloudformation").create_stack(StackName="shop", TemplateBody=template)


def certificates(names) -> list[dict]:
    return names.cloud.client("acm").list_certificates()["CertificateSummaryList"]


def test_a_stack_proves_its_certificate_in_its_own_zone(names):
    begun(names, PROVEN)
    assert settled(names.cloud, "shop")["StackStatus"] == "CREATE_COMPLETE"
    (made,) = certificates(names)
    assert (made["Status"], made["InUse"]) == ("ISSUED", True)
    zone = names.client.list_hosted_zones()["HostedZones"][0]["Id"]
    records = names.client.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    assert [each["Name"].count("_") for each in records if each["Type"] == "CNAME"] == [1]


def test_a_stack_waits_until_somebody_proves_its_certificate_also_over_a_kill(names):
    begun(names, WAITING)
    names.cloud.sleep(600)
    arn = certificates(names)[0]["CertificateArn"]
    names.cloud.restart(kill=True)
    acm = names.cloud.client("acm")
    record = acm.describe_certificate(CertificateArn=arn)["Certificate"]["DomainValidationOptions"][0]["ResourceRecord"]
    assert names.cloud.client("cloudformation").describe_stacks(StackName="shop")["Stacks"][0]["StackStatus"] == "CREATE_IN_PROGRESS"
    names.create(names.zone(), a(record["Name"], record["Value"], kind="CNAME"))
    assert settled(names.cloud, "shop")["StackStatus"] == "CREATE_COMPLETE"
    assert [each["CertificateArn"] for each in certificates(names)] == [arn]
    names.cloud.client("cloudformation").delete_stack(StackName="shop")
    names.cloud.sleep(60)
    assert certificates(names) == []


def test_a_certificate_that_nobody_proves_fails_the_stack_and_is_gone(names):
    begun(names, WAITING)
    names.cloud.sleep(73 * 3600)
    assert settled(names.cloud, "shop")["StackStatus"] == "ROLLBACK_COMPLETE"
    assert certificates(names) == []
