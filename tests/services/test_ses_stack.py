"""SES in stacks: what a template makes stands, changes and goes."""

from __future__ import annotations

import json

from services.mail_workshop import ANN, mails, prove, send
from services.test_events_rules import queue, received, rule

TEMPLATE = """
Resources:
  Sender: {Type: AWS::SES::EmailIdentity, Properties: {EmailIdentity: ann@example.com, ConfigurationSetAttributes: {ConfigurationSetName: !Ref Set}}}
  Shop: {Type: AWS::SES::EmailIdentity, Properties: {EmailIdentity: shop.example}}
  Set: {Type: AWS::SES::ConfigurationSet, Properties: {Tags: [{Key: a, Value: b}]}}
  Told:
    Type: AWS::SES::ConfigurationSetEventDestination
    Properties:
      ConfigurationSetName: !Ref Set
      EventDestination: {Name: bus, Enabled: true, MatchingEventTypes: [KINDS], EventBridgeDestination: {EventBusArn: !Sub "arn:aws:events:${AWS::Region}:${AWS::AccountId}:event-bus/default"}}
  Welcome: {Type: AWS::SES::Template, Properties: {Template: {TemplateName: welcome, SubjectPart: "SUBJECT {{name}}", TextPart: x}}}
  People: {Type: AWS::SES::ContactList, Properties: {Topics: [{TopicName: news, DisplayName: News, DefaultSubscriptionStatus: OPT_IN}]}}
  Rules: {Type: AWS::SES::ReceiptRuleSet}
  Stop: {Type: AWS::SES::ReceiptRule, Properties: {RuleSetName: !Ref Rules, Rule: {Name: stop, Enabled: true, Recipients: [SUBJECT.example], Actions: [{StopAction: {Scope: RuleSet}}]}}}
Outputs:
  Name: {Value: !GetAtt Shop.DkimDNSTokenName1}
  Value: {Value: !GetAtt Shop.DkimDNSTokenValue1}
  Set: {Value: !Ref Set}
"""


def settled(cloud, kind: str) -> dict:
    cloudformation = cloud.client("cloudformation")
    cloudformation.get_waiter(f"stack_{kind}_complete").wait(StackName="mail", WaiterConfig={"Delay": 0})
    [stack] = cloudformation.describe_stacks(StackName="mail")["Stacks"]
    return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}


def test_a_stack_of_mail_is_made_works_is_changed_and_goes(cloud):
    cloudformation, v2 = cloud.client("cloudformation"), cloud.client("sesv2")
    body = TEMPLATE.replace("KINDS", "send, DELIVERY").replace("SUBJECT", "Welcome")
    cloudformation.create_stack(StackName="mail", TemplateBody=body)
    cloud.sleep(5)
    outputs = settled(cloud, "create")
    token = v2.get_email_identity(EmailIdentity="shop.example")["DkimAttributes"]["Tokens"][0]
    assert (outputs["Name"], outputs["Value"]) == (f"{token}._domainkey.shop.example", f"{token}.dkim.amazonses.com")
    # The letter to the new identity lies in the mailbox; whoever opens its link may send, and the set's events are told.
    assert mails(cloud)[0]["Destination"] == {"ToAddresses": [ANN]}
    prove(cloud, ANN)
    rule(cloud, {"Id": "q", "Arn": queue(cloud)}, pattern=json.dumps({"source": ["aws.ses"]}))
    send(cloud, ANN, "success@simulator.amazonses.com")
    cloud.sleep(1)
    assert [json.loads(each["Body"])["detail-type"] for each in received(cloud)] == ["Email Sent", "Email Delivered"]

    cloudformation.update_stack(StackName="mail", TemplateBody=TEMPLATE.replace("KINDS", "BOUNCE").replace("SUBJECT", "Hello"))
    cloud.sleep(5)
    assert settled(cloud, "update")["Set"] == outputs["Set"]
    assert v2.get_email_template(TemplateName="welcome")["TemplateContent"]["Subject"] == "Hello {{name}}"
    [destination] = v2.get_configuration_set_event_destinations(ConfigurationSetName=outputs["Set"])["EventDestinations"]
    assert destination["MatchingEventTypes"] == ["BOUNCE"]
    [rules] = cloud.client("ses").list_receipt_rule_sets()["RuleSets"]
    [stop] = cloud.client("ses").describe_receipt_rule_set(RuleSetName=rules["Name"])["Rules"]
    assert (stop["Name"], stop["Recipients"]) == ("stop", ["Hello.example"])

    cloudformation.delete_stack(StackName="mail")
    cloud.sleep(5)
    assert v2.list_email_identities()["EmailIdentities"] == v2.list_configuration_sets()["ConfigurationSets"] == []
    assert cloud.client("ses").list_receipt_rule_sets()["RuleSets"] == []
    assert v2.list_email_templates()["TemplatesMetadata"] == v2.list_contact_lists()["ContactLists"] == []
