"""Zones, record sets and checks of a CloudFormation stack, asked of the name servers."""

from __future__ import annotations

import pytest
from route53_workshop import Names

from kumoniwa.gate.address import EDGE, GLOBAL

# A zone's id may stand there as the API writes it: localstack's validated test_create_record_set_via_id.
TEMPLATE = """
Resources:
  Zone:
    Type: AWS::Route53::HostedZone
    Properties: {Name: shop.example, HostedZoneTags: [{Key: team, Value: shop}]}
  Check:
    Type: AWS::Route53::HealthCheck
    Properties:
      HealthCheckConfig: {Type: HTTP, IPAddress: 127.0.0.1, Port: 8080, RequestInterval: 10, FailureThreshold: %(threshold)s}
  Www:
    Type: AWS::Route53::RecordSet
    Properties: {HostedZoneName: shop.example., Name: www.shop.example, Type: A, TTL: "60", ResourceRecords: [%(www)s]}
    DependsOn: Zone
  Api:
    Type: AWS::Route53::RecordSetGroup
    Properties:
      HostedZoneId: !Sub "/hostedzone/${Zone}"
      RecordSets:
        - {Name: api.shop.example, Type: A, TTL: 30, SetIdentifier: p, Failover: PRIMARY, HealthCheckId: !Ref Check, ResourceRecords: [192.0.2.1]}
        - {Name: api.shop.example, Type: A, TTL: 30, SetIdentifier: s, Failover: SECONDARY, ResourceRecords: [%(secondary)s]}
  Apex:
    Type: AWS::Route53::RecordSet
    Properties: {HostedZoneId: !Ref Zone, Name: shop.example, Type: A, AliasTarget: {DNSName: !Ref Www, HostedZoneId: !Sub "/hostedzone/${Zone}"}}
Outputs:
  Servers: {Value: !Join [",", !GetAtt Zone.NameServers]}
"""


@pytest.fixture
def names(make_cloud) -> Names:
    return Names(make_cloud("us-east-1", GLOBAL, EDGE))


def finished(names: Names) -> tuple[str, list[str]]:
    client = names.cloud.client("cloudformation")
    for _ in range(200):
        (stack,) = client.describe_stacks(StackName="dns")["Stacks"]
        if not stack["StackStatus"].endswith("IN_PROGRESS"):
            events = client.describe_stack_events(StackName="dns")["StackEvents"]
            return stack["StackStatus"], [event.get("ResourceStatusReason", "") for event in events]
        names.cloud.sleep(0.5)
    raise AssertionError("the stack never finished")


def test_a_stack_s_names_answer_change_and_go(names):
    client = names.cloud.client("cloudformation")
    client.create_stack(StackName="dns", TemplateBody=TEMPLATE % {"threshold": 3, "www": "192.0.2.7", "secondary": "192.0.2.2"})
    status, reasons = finished(names)
    assert status == "CREATE_COMPLETE", reasons
    assert names.values("www.shop.example") == names.values("shop.example") == ["192.0.2.7"]
    assert names.values("api.shop.example") == ["192.0.2.1"]
    (stack,) = client.describe_stacks(StackName="dns")["Stacks"]
    assert len(stack["Outputs"][0]["OutputValue"].split(",")) == 4
    id_ = client.detect_stack_drift(StackName="dns")["StackDriftDetectionId"]
    names.cloud.sleep(5)
    assert client.describe_stack_drift_detection_status(StackDriftDetectionId=id_)["StackDriftStatus"] == "IN_SYNC"
    client.update_stack(StackName="dns", TemplateBody=TEMPLATE % {"threshold": 2, "www": "192.0.2.8", "secondary": "192.0.2.3"})
    status, reasons = finished(names)
    assert status == "UPDATE_COMPLETE", reasons
    assert names.values("shop.example") == ["192.0.2.8"]
    check = names.client.list_health_checks()["HealthChecks"][0]
    assert check["HealthCheckConfig"]["FailureThreshold"] == 2 and check["HealthCheckVersion"] == 2
    client.delete_stack(StackName=stack["StackId"])
    names.cloud.sleep(20)
    assert names.client.get_hosted_zone_count()["HostedZoneCount"] == names.client.get_health_check_count()["HealthCheckCount"] == 0
