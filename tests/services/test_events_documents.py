"""EventBridge: rules begin runbooks of Systems Manager, and send commands to its nodes."""

from __future__ import annotations

import json

import pytest
from lambda_workshop import ACCOUNT, put_role
from node_workshop import Fleet
from notice_workshop import queue, received
from refusals import refused

BASE = f"arn:aws:ssm:us-east-1:{ACCOUNT}"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/events"
TRUST = json.dumps({"Statement": {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"}})
BOOK = {
    "schemaVersion": "0.3", "parameters": {"Word": {"type": "String", "default": "none"}},
    "mainSteps": [{"name": "put", "action": "aws:executeAwsApi", "inputs": {
        "Service": "ssm", "Api": "PutParameter", "Name": "word", "Value": "{{ Word }}", "Type": "String", "Overwrite": True}}],
}  # fmt: skip


class Rule:
    def __init__(self, cloud) -> None:
        self.cloud, self.events, self.ssm = cloud, cloud.client("events"), cloud.client("ssm")
        put_role(cloud, "ssm:StartAutomationExecution", "ssm:PutParameter", "ssm:SendCommand", trust=TRUST, arn=ROLE)
        self.events.put_rule(Name="rule", EventPattern=json.dumps({"source": ["shop"]}))
        self.ssm.create_document(Name="book", Content=json.dumps(BOOK), DocumentType="Automation")

    def target(self, arn: str, **more) -> None:
        self.events.put_targets(Rule="rule", Targets=[{"Id": "t", "Arn": arn, "RoleArn": ROLE, **more}])

    def happens(self, **detail) -> None:
        self.events.put_events(Entries=[{"Source": "shop", "DetailType": "sold", "Detail": json.dumps(detail)}])
        self.cloud.sleep(2)

    def word(self) -> str:
        return self.ssm.get_parameter(Name="word")["Parameter"]["Value"]


@pytest.fixture
def rule(cloud):
    return Rule(cloud)


def test_an_event_begins_a_runbook(rule):
    rule.target(f"{BASE}:automation-definition/book:$DEFAULT")
    rule.happens(word="flowers")
    assert rule.word() == "none"
    (run,) = rule.ssm.describe_automation_executions()["AutomationExecutionMetadataList"]
    assert (run["AutomationExecutionStatus"], run["DocumentVersion"]) == ("Success", "1")
    assert run["ExecutedBy"].startswith(f"arn:aws:sts::{ACCOUNT}:assumed-role/events/")


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ({"Input": '{"Word": ["fixed"]}'}, "fixed"),
        ({"Input": '{"Word": "fixed"}'}, "fixed"),
        ({"InputTransformer": {"InputPathsMap": {"w": "$.detail.word"}, "InputTemplate": '{"Word": [<w>]}'}}, "flowers"),
        ({"InputPath": "$.detail.said"}, "whole"),
    ],
)
def test_what_the_target_says_are_the_runbooks_parameters(rule, said, word):
    rule.target(f"{BASE}:automation-definition/book", **said)
    rule.happens(word="flowers", said={"Word": ["whole"]})
    assert rule.word() == word


def test_what_a_runbook_does_not_take_is_buried(rule):
    url, arn = queue(rule.cloud, "dead")
    rule.target(f"{BASE}:automation-definition/book", Input='{"Mood": ["good"]}', DeadLetterConfig={"Arn": arn})
    policy = {"Statement": {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}}
    rule.cloud.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    rule.happens()
    assert len(received(rule.cloud, url)) == 1
    assert rule.ssm.describe_automation_executions()["AutomationExecutionMetadataList"] == []


def test_an_event_sends_a_command(rule, tmp_path):
    fleet = Fleet(rule.cloud)
    node = fleet.node(Tags=[{"Key": "kind", "Value": "web"}])
    targets = {"RunCommandTargets": [{"Key": "tag:kind", "Values": ["web"]}]}
    rule.target("arn:aws:ssm:us-east-1::document/AWS-RunShellScript", RunCommandParameters=targets, Input='{"commands": ["echo heard"]}')
    rule.happens()
    (command,) = rule.ssm.list_commands()["Commands"]
    node.work(tmp_path)
    assert fleet.invocation(command["CommandId"], node)["StandardOutputContent"] == "heard\n"


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ({"Arn": f"{BASE}:document/doc"}, "Parameter(s) RunCommandParameters must be specified for target: t."),
        ({"Arn": f"{BASE}:parameter/p"}, f"Parameter {BASE}:parameter/p is not valid. Reason: Provided Arn is not in correct format."),
        ({"Arn": f"{BASE}:automation-definition/book", "RoleArn": ""}, f"RoleArn is required for target {BASE}:automation-definition/book."),
    ],
)
def test_what_is_no_target_is_refused(rule, target, text):
    whole = {"Id": "t", "RoleArn": ROLE, **target}
    assert refused(rule.events.put_targets, Rule="rule", Targets=[{name: value for name, value in whole.items() if value}]) == (
        "ValidationException", text
    )  # fmt: skip
