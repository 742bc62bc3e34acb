"""AWS WAF from a template: a stage that is guarded, its web ACL changed in place, and everything gone again."""

from __future__ import annotations

from typing import Any

from firewall_workshop import Shop

TEMPLATE = """
Parameters: {Stage: {Type: String}, Word: {Type: String}}
Resources:
  Bad: {Type: 'AWS::WAFv2::IPSet', Properties: {Scope: REGIONAL, IPAddressVersion: IPV4, Addresses: [192.0.2.0/24]}}
  Words: {Type: 'AWS::WAFv2::RegexPatternSet', Properties: {Scope: REGIONAL, RegularExpressionList: [!Ref Word]}}
  Group:
    Type: AWS::WAFv2::RuleGroup
    Properties:
      Scope: REGIONAL
      Capacity: 60
      VisibilityConfig: {SampledRequestsEnabled: true, CloudWatchMetricsEnabled: true, MetricName: group}
      Rules:
        - Name: words
          Priority: 0
          Action: {Block: {}}
          Statement:
            RegexPatternSetReferenceStatement:
              Arn: !GetAtt Words.Arn
              FieldToMatch: {UriPath: {}}
              TextTransformations: [{Priority: 0, Type: NONE}]
          VisibilityConfig: {SampledRequestsEnabled: true, CloudWatchMetricsEnabled: true, MetricName: group}
  Wall:
    Type: AWS::WAFv2::WebACL
    Properties:
      Scope: REGIONAL
      DefaultAction: {Allow: {}}
      VisibilityConfig: {SampledRequestsEnabled: true, CloudWatchMetricsEnabled: true, MetricName: group}
      Rules:
        - Name: group
          Priority: 0
          OverrideAction: {None: {}}
          Statement: {RuleGroupReferenceStatement: {Arn: !GetAtt Group.Arn}}
          VisibilityConfig: {SampledRequestsEnabled: true, CloudWatchMetricsEnabled: true, MetricName: one}
        - Name: bad
          Priority: 1
          Action: {Block: {}}
          Statement:
            IPSetReferenceStatement:
              Arn: !GetAtt Bad.Arn
              IPSetForwardedIPConfig: {HeaderName: X-Forwarded-For, FallbackBehavior: NO_MATCH, Position: FIRST}
          VisibilityConfig: {SampledRequestsEnabled: true, CloudWatchMetricsEnabled: true, MetricName: two}
  Guard: {Type: 'AWS::WAFv2::WebACLAssociation', Properties: {ResourceArn: !Ref Stage, WebACLArn: !GetAtt Wall.Arn}}
  Log: {Type: 'AWS::Logs::LogGroup', Properties: {LogGroupName: aws-waf-logs-stack}}
  Logging: {Type: 'AWS::WAFv2::LoggingConfiguration', Properties: {ResourceArn: !GetAtt Wall.Arn, LogDestinationConfigs: [!GetAtt Log.Arn]}}
Outputs: {Ref: {Value: !Ref Wall}, Capacity: {Value: !GetAtt Wall.Capacity}}
"""


def test_a_stack_puts_up_a_wall_changes_it_and_takes_it_away(cloud):
    shop = Shop(cloud)
    client = cloud.client("cloudformation")

    def given(word: str) -> list[dict[str, Any]]:
        return [{"ParameterKey": "Stage", "ParameterValue": shop.arn}, {"ParameterKey": "Word", "ParameterValue": word}]

    def settled(wanted: str) -> dict[str, Any]:
        cloud.sleep(30)
        (stack,) = client.describe_stacks(StackName="wall")["Stacks"]
        events = client.describe_stack_events(StackName="wall")["StackEvents"]
        assert stack["StackStatus"] == wanted, [each.get("ResourceStatusReason") for each in events]
        return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}

    client.create_stack(StackName="wall", TemplateBody=TEMPLATE, Parameters=given("/admin$"))
    told = settled("CREATE_COMPLETE")
    assert told["Capacity"] == "61" and told["Ref"].endswith("|REGIONAL")
    assert [shop.status(path) for path in ("/admin", "/users")] == [403, 200]
    assert shop.status(X_Forwarded_For="192.0.2.1") == 403
    client.update_stack(StackName="wall", TemplateBody=TEMPLATE, Parameters=given("/users$"))
    settled("UPDATE_COMPLETE")
    assert [shop.status(path) for path in ("/admin", "/users")] == [200, 403]
    client.delete_stack(StackName="wall")
    cloud.sleep(30)
    waf = cloud.client("wafv2")
    assert shop.status("/users") == 200 and waf.list_web_acls(Scope="REGIONAL")["WebACLs"] == waf.list_ip_sets(Scope="REGIONAL")["IPSets"] == []


NAMED = """
Resources:
  Wall:
    Type: AWS::WAFv2::WebACL
    Properties:
      Name: the-wall
      Scope: REGIONAL
      DefaultAction: {Allow: {}}
      VisibilityConfig: {SampledRequestsEnabled: false, CloudWatchMetricsEnabled: false, MetricName: wall}
"""


def test_a_wall_has_the_name_that_its_template_gives_and_no_other_stack_may(cloud):
    client = cloud.client("cloudformation")
    for name in ("a", "b"):
        client.create_stack(StackName=name, TemplateBody=NAMED)
        cloud.sleep(30)
    assert [each["Name"] for each in cloud.client("wafv2").list_web_acls(Scope="REGIONAL")["WebACLs"]] == ["the-wall"]
    assert [client.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"] for name in ("a", "b")] == ["CREATE_COMPLETE", "ROLLBACK_COMPLETE"]
    reasons = [each.get("ResourceStatusReason", "") for each in client.describe_stack_events(StackName="b")["StackEvents"]]
    assert any("HandlerErrorCode: AlreadyExists" in each for each in reasons), reasons
