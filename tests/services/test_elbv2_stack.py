"""A stack with a load balancer: made, changed, and taken away."""

from __future__ import annotations

import textwrap

import pytest
from services.balancer_workshop import Visitor, network

TEMPLATE = """
Parameters:
  Vpc: {{Type: String}}
  Subnets: {{Type: CommaDelimitedList}}
Resources:
  Balancer:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties:
      Subnets: !Ref Subnets
      LoadBalancerAttributes: [{{Key: idle_timeout.timeout_seconds, Value: "30"}}]
  Targets:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties:
      TargetType: ip
      Protocol: HTTP
      Port: 80
      VpcId: !Ref Vpc
      Targets: [{{Id: 127.0.0.1, Port: {port}}}]
      TargetGroupAttributes: [{{Key: deregistration_delay.timeout_seconds, Value: "0"}}]
  Listener:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !Ref Balancer
      Port: 80
      Protocol: HTTP
      DefaultActions: [{{Type: forward, TargetGroupArn: !Ref Targets}}]
  Rule:
    Type: AWS::ElasticLoadBalancingV2::ListenerRule
    Properties:
      ListenerArn: !Ref Listener
      Priority: {priority}
      Conditions: [{{Field: path-pattern, Values: [{path}]}}]
      Actions: [{{Type: fixed-response, FixedResponseConfig: {{StatusCode: "200", ContentType: text/plain, MessageBody: here}}}}]
Outputs:
  Host: {{Value: !GetAtt Balancer.DNSName}}
  Zone: {{Value: !GetAtt Balancer.CanonicalHostedZoneID}}
  Name: {{Value: !GetAtt Balancer.LoadBalancerFullName}}
  Group: {{Value: !GetAtt Targets.TargetGroupFullName}}
"""


@pytest.fixture
def stack(cloud):
    client, (vpc, subnets) = cloud.client("cloudformation"), network(cloud)
    parameters = [{"ParameterKey": "Vpc", "ParameterValue": vpc}, {"ParameterKey": "Subnets", "ParameterValue": ",".join(subnets)}]

    def put(method, **values) -> dict:
        method(StackName="web", TemplateBody=textwrap.dedent(TEMPLATE.format(**{"port": 8081, "priority": 5, "path": "/a"} | values)), Parameters=parameters)
        for _ in range(60):
            cloud.sleep(1)
            (told,) = client.describe_stacks(StackName="web")["Stacks"]
            if not told["StackStatus"].endswith("IN_PROGRESS"):
                break
        assert told["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE"), client.describe_stack_events(StackName="web")["StackEvents"]
        return {each["OutputKey"]: each["OutputValue"] for each in told["Outputs"]}

    return client, put


def test_a_stack_makes_changes_and_deletes_a_balancer(cloud, stack):
    client, put = stack
    elb, told = cloud.client("elbv2"), put(client.create_stack)
    assert told["Zone"] == "Z35SXDOTRQ7X7K" and told["Name"].startswith("app/web-Balan") and told["Group"].startswith("targetgroup/web-Targe")
    visit = Visitor(cloud, {"DNSName": told["Host"]})
    assert visit.text("/a") == "here"
    (group,) = elb.describe_target_groups()["TargetGroups"]
    assert [each["Target"]["Port"] for each in elb.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"]] == [8081]
    put(client.update_stack, port=8082, priority=9, path="/b")
    assert visit.text("/b") == "here" and visit("/a")[0] == 502
    assert [each["Target"]["Port"] for each in elb.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"]] == [8082]
    (made,) = elb.describe_load_balancers()["LoadBalancers"]
    rules = elb.describe_rules(ListenerArn=elb.describe_listeners(LoadBalancerArn=made["LoadBalancerArn"])["Listeners"][0]["ListenerArn"])["Rules"]
    assert [each["Priority"] for each in rules] == ["9", "default"]
    client.delete_stack(StackName="web")
    for _ in range(30):
        cloud.sleep(1)
    assert elb.describe_load_balancers()["LoadBalancers"] == elb.describe_target_groups()["TargetGroups"] == []
