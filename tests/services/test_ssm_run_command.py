"""Systems Manager: commands are sent to managed nodes, and what each comes to is told.

https://docs.aws.amazon.com/systems-manager/latest/userguide/monitor-commands.html says what the statuses mean.
"""

from __future__ import annotations

import json

import pytest
from lambda_workshop import ACCOUNT, put_role, put_user
from node_workshop import ROLE_ARN, TRUST, Fleet
from notice_workshop import queue, received
from refusals import refused, refused_code

from kumoniwa.cli.node_client import Refused

DOCUMENT = {
    "schemaVersion": "2.2", "parameters": {"Name": {"type": "String", "allowedPattern": "[a-z]+"}, "Words": {"type": "StringList", "default": ["x"]}},
    "mainSteps": [
        {"action": "aws:runShellScript", "name": "first", "inputs": {"runCommand": ["echo {{ Name }}"], "timeoutSeconds": "60"}},
        {"action": "aws:runShellScript", "name": "second", "inputs": {"runCommand": "{{ Words }}", "timeoutSeconds": 100}},
    ],
}  # fmt: skip


@pytest.fixture
def fleet(cloud):
    return Fleet(cloud)


def document(fleet: Fleet, body: dict | None = None, name: str = "doc", **more) -> dict:
    return fleet.ssm.create_document(Name=name, Content=json.dumps(body or DOCUMENT), DocumentType="Command", **more)["DocumentDescription"]


# One node ------------------------------------------------------------------------------------------


def test_a_command_is_delivered_and_tells_how_it_ended(fleet):
    node = fleet.node(DefaultInstanceName="web")
    sent = fleet.ssm.send_command(
        InstanceIds=[node.id], DocumentName="AWS-RunShellScript", Parameters={"commands": ["uptime"]}, Comment="how are you", TimeoutSeconds=600
    )["Command"]
    assert (sent["Status"], sent["StatusDetails"], sent["TargetCount"], sent["CompletedCount"]) == ("Pending", "Pending", 1, 0)
    assert (sent["DocumentVersion"], sent["MaxConcurrency"], sent["MaxErrors"], sent["TimeoutSeconds"]) == ("$DEFAULT", "50", "0", 600)
    # The example of https://docs.aws.amazon.com/systems-manager/latest/userguide/monitoring-sns-examples.html: 600 s and 3600 s.
    assert sent["ExpiresAfter"].timestamp() - sent["RequestedDateTime"].timestamp() == 4_200
    id_ = sent["CommandId"]
    assert fleet.status(id_) == ("InProgress", "InProgress")
    before = fleet.invocation(id_, node)
    assert (before["Status"], before["ResponseCode"], before["StandardOutputContent"], before["ExecutionStartDateTime"]) == ("Pending", -1, "", "")
    payload = node.take()
    assert payload["Parameters"] == {"commands": ["uptime"]} and payload["DocumentName"] == "AWS-RunShellScript"
    assert payload["MessageId"] == f"aws.ssm.{id_}.{node.id}"
    assert fleet.invocation(id_, node)["Status"] == "InProgress"
    node.end(payload["MessageId"], out="up\n", err="never down")
    after = fleet.invocation(id_, node)
    assert (after["Status"], after["StatusDetails"], after["ResponseCode"]) == ("Success", "Success", 0)
    assert (after["StandardOutputContent"], after["StandardErrorContent"], after["PluginName"]) == ("up\n", "never down", "aws:runShellScript")
    assert after["Comment"] == "how are you" and after["ExecutionElapsedTime"] == "PT0S"
    assert fleet.status(id_) == ("Success", "Success")
    assert node.messages() == []
    (listed,) = fleet.ssm.list_command_invocations(CommandId=id_, Details=True)["CommandInvocations"]
    assert (listed["InstanceName"], listed["CommandPlugins"][0]["Name"], listed["CommandPlugins"][0]["ResponseCode"]) == ("web", "aws:runShellScript", 0)
    assert fleet.ssm.list_command_invocations(CommandId=id_)["CommandInvocations"][0]["CommandPlugins"] == []


def test_a_poll_waits_for_a_command(fleet):
    node = fleet.node()
    fleet.cloud.start(fleet.ssm.send_command, InstanceIds=[node.id], DocumentName="AWS-RunShellScript", Parameters={"commands": ["true"]})
    began = fleet.cloud.now()
    assert len(node.messages()) == 1
    assert fleet.cloud.now() - began < 1
    began = fleet.cloud.now()
    # What it was given and has not acknowledged comes again, after the ten seconds for which it asked to be left in peace.
    assert len(node.messages()) == 1
    assert fleet.cloud.now() - began == pytest.approx(10, abs=0.1)


def test_a_poll_without_a_command_ends_after_a_while(fleet):
    node = fleet.node()
    began = fleet.cloud.now()
    assert node.messages() == []
    assert fleet.cloud.now() - began == pytest.approx(20, abs=0.1)


@pytest.mark.parametrize(
    ("said", "status", "details"),
    [
        ("Success", "Success", "Success"), ("Failed", "Failed", "Failed"), ("TimedOut", "TimedOut", "ExecutionTimedOut"),
        ("Cancelled", "Cancelled", "Cancelled"),
    ],
)  # fmt: skip
def test_a_node_says_how_its_command_ended(fleet, said, status, details):
    node = fleet.node()
    id_ = fleet.send(node)
    node.end(node.take()["MessageId"], said, 7)
    shown = fleet.invocation(id_, node)
    assert (shown["Status"], shown["StatusDetails"], shown["ResponseCode"]) == (status, details, 7)


def test_outputs_are_cut(fleet):
    node = fleet.node()
    id_ = fleet.send(node)
    node.end(node.take()["MessageId"], out="o" * 30_000, err="e" * 30_000)
    shown = fleet.invocation(id_, node)
    # "The first 24,000 characters", "the first 8,000 characters": API_GetCommandInvocation.
    assert (len(shown["StandardOutputContent"]), len(shown["StandardErrorContent"])) == (24_000, 8_000)


def test_each_step_is_told(fleet):
    document(fleet)
    node = fleet.node()
    id_ = fleet.send(node, DocumentName="doc", Parameters={"Name": ["abc"]})
    message = node.take()["MessageId"]
    node.reply(message, "InProgress", first={"status": "Success", "code": 0, "standardOutput": "abc\n"})
    assert fleet.invocation(id_, node, PluginName="first")["StandardOutputContent"] == "abc\n"
    assert fleet.invocation(id_, node, PluginName="second")["Status"] == "Pending"
    node.reply(message, "InProgress", second={"status": "Failed", "code": 9})
    node.reply(message, "Failed")
    assert [fleet.invocation(id_, node, PluginName=each)["ResponseCode"] for each in ("first", "second")] == [0, 9]
    (shown,) = fleet.ssm.list_command_invocations(CommandId=id_, Details=True)["CommandInvocations"]
    assert [(each["Name"], each["Status"]) for each in shown["CommandPlugins"]] == [("first", "Success"), ("second", "Failed")]
    # "If the document contains more than one step, you must specify the name of the step": API_GetCommandInvocation.
    assert refused_code(fleet.ssm.get_command_invocation, CommandId=id_, InstanceId=node.id) == "InvalidPluginName"
    assert refused_code(fleet.ssm.get_command_invocation, CommandId=id_, InstanceId=node.id, PluginName="third") == "InvalidPluginName"


def test_a_step_that_is_told_late_is_told_nevertheless(fleet):
    document(fleet)
    node = fleet.node()
    id_ = fleet.send(node, DocumentName="doc", Parameters={"Name": ["abc"]})
    message = node.take()["MessageId"]
    node.reply(message, "Success", second={"status": "Success", "code": 0})
    node.reply(message, "InProgress", first={"status": "Success", "code": 0, "standardOutput": "abc\n"})
    assert fleet.invocation(id_, node, PluginName="first")["StandardOutputContent"] == "abc\n"
    node.reply(message, "InProgress", second={"status": "Failed", "code": 1})
    assert fleet.invocation(id_, node, PluginName="second")["Status"] == "Success"
    assert fleet.status(id_) == ("Success", "Success")


# Time ----------------------------------------------------------------------------------------------


def test_what_is_not_delivered_in_time_is_not_delivered(fleet):
    node = fleet.node()
    fleet.cloud.sleep(1_000)
    id_ = fleet.send(node, TimeoutSeconds=30)
    fleet.cloud.sleep(29)
    assert fleet.details(id_) == ["Pending"]
    fleet.cloud.sleep(2)
    assert fleet.details(id_) == ["DeliveryTimedOut"]
    assert fleet.status(id_) == ("TimedOut", "DeliveryTimedOut")
    assert fleet.command(id_)["DeliveryTimedOutCount"] == 1
    assert node.messages() == []


def test_a_node_that_comes_back_in_time_gets_its_command(fleet):
    node = fleet.node()
    fleet.cloud.sleep(1_000)
    id_ = fleet.send(node, TimeoutSeconds=600)
    fleet.cloud.sleep(500)
    node.end(node.take()["MessageId"])
    assert fleet.details(id_) == ["Success"]


def test_a_node_that_began_and_was_lost_is_waited_for_as_long_as_the_script_may_take(fleet):
    node = fleet.node()
    id_ = fleet.send(node, TimeoutSeconds=30, Parameters={"commands": ["true"], "executionTimeout": ["100"]})
    node.take()
    fleet.cloud.sleep(129)
    assert fleet.details(id_) == ["InProgress"]
    fleet.cloud.sleep(2)
    # "If a command expires, it changes status to DeliveryTimedOut for all invocations that have the status InProgress": API_Command.
    assert fleet.details(id_) == ["DeliveryTimedOut"]


def test_a_reply_that_comes_too_late_changes_nothing(fleet):
    node = fleet.node()
    id_ = fleet.send(node, TimeoutSeconds=30, Parameters={"commands": ["true"], "executionTimeout": ["100"]})
    message = node.take()["MessageId"]
    fleet.cloud.sleep(200)
    node.end(message)
    assert fleet.details(id_) == ["DeliveryTimedOut"]


# Many nodes ----------------------------------------------------------------------------------------


def test_nodes_have_their_turns(fleet):
    nodes = [fleet.node() for _ in range(4)]
    id_ = fleet.send(*nodes, MaxConcurrency="50%")
    assert [len(node.messages()) for node in nodes] == [1, 1, 0, 0]
    nodes[1].end(nodes[1].take()["MessageId"])
    assert [len(node.messages()) for node in nodes] == [1, 0, 1, 0]
    assert fleet.command(id_)["CompletedCount"] == 1


def test_after_too_many_errors_the_rest_is_left_alone(fleet):
    nodes = [fleet.node() for _ in range(4)]
    id_ = fleet.send(*nodes, MaxConcurrency="1", MaxErrors="1")
    nodes[0].end(nodes[0].take()["MessageId"], "Failed", 1)
    nodes[1].end(nodes[1].take()["MessageId"], "TimedOut", 137)
    # "The parent command exceeded its MaxErrors limit and subsequent command invocations were canceled by the system."
    assert fleet.details(id_) == ["Failed", "ExecutionTimedOut", "Terminated", "Terminated"]
    assert fleet.status(id_) == ("Failed", "Failed")
    assert (fleet.command(id_)["ErrorCount"], fleet.command(id_)["CompletedCount"]) == (2, 4)


def test_errors_that_are_allowed_leave_a_command_incomplete(fleet):
    nodes = [fleet.node() for _ in range(2)]
    id_ = fleet.send(*nodes, MaxErrors="50%")
    nodes[0].end(nodes[0].take()["MessageId"], "Failed", 1)
    nodes[1].end(nodes[1].take()["MessageId"])
    assert fleet.command(id_)["StatusDetails"] == "Incomplete"


def test_nodes_are_meant_by_their_tags(fleet):
    web = [fleet.node(Tags=[{"Key": "kind", "Value": "web"}, {"Key": "stage", "Value": stage}]) for stage in ("prod", "test")]
    fleet.node()
    targets = [{"Key": "tag:kind", "Values": ["web", "shop"]}, {"Key": "tag:stage", "Values": ["prod"]}]
    sent = fleet.ssm.send_command(Targets=targets, DocumentName="AWS-RunShellScript", Parameters={"commands": ["true"]})["Command"]
    assert (sent["TargetCount"], sent["InstanceIds"], sent["Targets"]) == (1, [], targets)
    web[0].end(web[0].take()["MessageId"])
    assert fleet.status(sent["CommandId"]) == ("Success", "Success")
    both = fleet.send(Targets=[{"Key": "InstanceIds", "Values": [each.id for each in web]}])
    assert fleet.command(both)["TargetCount"] == 2


def test_no_node_is_meant(fleet):
    id_ = fleet.send(Targets=[{"Key": "tag:kind", "Values": ["web"]}])
    # Recorded in the README of aws-ssm-invoke: "Success (NoInstancesInTag) [0 total, 0 complete, 0 error]".
    assert fleet.status(id_) == ("Success", "NoInstancesInTag")


def test_what_is_undeliverable_says_nothing_of_the_rest(fleet):
    nodes = [fleet.node() for _ in range(2)]
    id_ = fleet.send(*nodes)
    fleet.ssm.deregister_managed_instance(InstanceId=nodes[0].id)
    nodes[1].end(nodes[1].take()["MessageId"])
    assert fleet.details(id_) == ["Undeliverable", "Success"]
    # "Undeliverable invocations … don't contribute to whether the parent command status is Success or Incomplete": API_CommandInvocation.
    assert fleet.status(id_) == ("Success", "Success")
    alone = fleet.send(nodes[1])
    fleet.ssm.deregister_managed_instance(InstanceId=nodes[1].id)
    assert fleet.status(alone) == ("Failed", "Failed")


# Cancelling ----------------------------------------------------------------------------------------


def test_what_has_not_begun_is_cancelled_at_once(fleet):
    node = fleet.node()
    id_ = fleet.send(node)
    fleet.ssm.cancel_command(CommandId=id_)
    assert fleet.status(id_) == ("Cancelled", "Cancelled")
    assert node.messages() == []


def test_a_node_is_told_to_stop(fleet):
    node = fleet.node()
    id_ = fleet.send(node)
    message = node.take()["MessageId"]
    fleet.ssm.cancel_command(CommandId=id_)
    assert fleet.status(id_) == ("Cancelling", "Cancelling")
    (told,) = node.messages()
    assert told["Topic"].startswith("aws.ssm.cancelCommand") and json.loads(told["Payload"]) == {"CancelMessageId": message}
    node.ask("ec2messages", "AcknowledgeMessage", MessageId=told["MessageId"])
    assert node.messages() == []
    node.end(message, "Cancelled", 137)
    assert fleet.status(id_) == ("Cancelled", "Cancelled")
    assert fleet.invocation(id_, node)["ResponseCode"] == 137
    fleet.ssm.cancel_command(CommandId=id_)
    assert fleet.status(id_) == ("Cancelled", "Cancelled")


def test_what_was_cancelled_on_its_way_is_called_back(fleet):
    node = fleet.node()
    id_ = fleet.send(node)
    (message,) = node.messages()
    fleet.ssm.cancel_command(CommandId=id_)
    node.ask("ec2messages", "AcknowledgeMessage", MessageId=message["MessageId"])
    (told,) = node.messages()
    assert json.loads(told["Payload"]) == {"CancelMessageId": message["MessageId"]}
    assert fleet.status(id_) == ("Cancelled", "Cancelled")


def test_one_of_several_nodes_is_cancelled(fleet):
    nodes = [fleet.node() for _ in range(2)]
    id_ = fleet.send(*nodes)
    fleet.ssm.cancel_command(CommandId=id_, InstanceIds=[nodes[0].id])
    assert fleet.details(id_) == ["Cancelled", "Pending"]
    assert fleet.status(id_) == ("InProgress", "InProgress")
    stranger = fleet.node()
    assert refused_code(fleet.ssm.cancel_command, CommandId=id_, InstanceIds=[stranger.id]) == "InvalidInstanceId"
    assert refused_code(fleet.ssm.cancel_command, CommandId="0" * 36) == "InvalidCommandId"


# Who is told ---------------------------------------------------------------------------------------


def test_the_bus_and_a_topic_are_told(cloud):
    fleet = Fleet(cloud, "us-east-1", "sns:Publish")
    sns, events = cloud.client("sns"), cloud.client("events")
    topic = sns.create_topic(Name="commands")["TopicArn"]
    url, arn = queue(cloud, "told", topic)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    pattern = {"source": ["aws.ssm"], "detail-type": [{"prefix": "EC2 Command"}]}
    events.put_rule(Name="all", EventPattern=json.dumps(pattern))
    bus_url, bus_arn = queue(cloud, "bus")
    cloud.client("sqs").set_queue_attributes(QueueUrl=bus_url, Attributes={"Policy": json.dumps({"Statement": {
        "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": bus_arn}})})  # fmt: skip
    events.put_targets(Rule="all", Targets=[{"Id": "q", "Arn": bus_arn}])
    node = fleet.node()
    notice = {"NotificationArn": topic, "NotificationEvents": ["Success", "Failed"], "NotificationType": "Command"}
    id_ = fleet.send(node, ServiceRoleArn=ROLE_ARN, NotificationConfig=notice)
    node.end(node.take()["MessageId"])
    cloud.sleep(1)
    (message,) = [json.loads(each["Body"]) for each in received(cloud, url)]
    assert (message["commandId"], message["status"], message["instanceIds"]) == (id_, "Success", [node.id])
    seen = [json.loads(each["Body"]) for each in received(cloud, bus_url)]
    kinds = [(each["detail-type"], each["detail"]["status"]) for each in seen]
    assert sorted(kinds) == [
        ("EC2 Command Invocation Status-change Notification", "InProgress"), ("EC2 Command Invocation Status-change Notification", "Success"),
        ("EC2 Command Status-change Notification", "InProgress"), ("EC2 Command Status-change Notification", "Success"),
    ]  # fmt: skip
    assert {each["resources"][0] for each in seen} == {f"arn:aws:ssm:us-east-1:{ACCOUNT}:managed-instance/{node.id}"}
    (whole,) = [each["detail"] for each in seen if kinds[seen.index(each)] == ("EC2 Command Status-change Notification", "Success")]
    assert (whole["command-id"], whole["document-name"], whole["parameters"]) == (id_, "AWS-RunShellScript", {"commands": ["true"]})


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ({"NotificationConfig": {"NotificationArn": "arn:aws:sns:us-east-1:000000000000:t"}}, "InvalidRole"),
        ({"NotificationConfig": {"NotificationArn": "no"}, "ServiceRoleArn": ROLE_ARN}, "InvalidNotificationConfig"),
        ({"NotificationConfig": {"NotificationArn": "arn:aws:sns:us-east-1:000000000000:t"}, "ServiceRoleArn": ROLE_ARN + "x"}, "InvalidRole"),
        ({"OutputS3BucketName": "nobodys-bucket"}, "InvalidOutputFolder"),
        ({"DocumentName": "none"}, "InvalidDocument"),
        ({"DocumentName": "arn:aws:ssm:us-east-1:999999999999:document/AWS-RunShellScript"}, "InvalidDocument"),
        ({"DocumentName": "arn:aws:ssm:eu-west-1::document/AWS-RunShellScript"}, "InvalidDocument"),
        ({"DocumentName": "AWS-PublishSNSNotification"}, "InvalidDocument"),
        ({"DocumentName": "AWS-RunPatchBaseline"}, "NotImplemented"),
        ({"DocumentVersion": "7"}, "InvalidDocumentVersion"),
        ({"DocumentHash": "0" * 64, "DocumentHashType": "Sha256"}, "InvalidDocument"),
        ({"Parameters": {}}, "InvalidParameters"),
        ({"Parameters": {"commands": ["true"], "mood": ["good"]}}, "InvalidParameters"),
        ({"Parameters": {"commands": []}}, "InvalidParameters"),
        ({"Parameters": {"commands": ["true"], "executionTimeout": ["soon"]}}, "InvalidParameters"),
        ({"Parameters": {"commands": ["true"], "workingDirectory": ["/a", "/b"]}}, "InvalidParameters"),
        ({"InstanceIds": ["mi-00000000000000000"]}, "InvalidInstanceId"),
        ({"InstanceIds": []}, "ValidationException"),
        ({"Targets": [{"Key": "InstanceIds", "Values": ["x"]}]}, "ValidationException"),
        ({"MaxConcurrency": "0"}, "ValidationException"),
    ],
)  # fmt: skip
def test_what_cannot_be_sent_is_refused(fleet, words, code):
    node = fleet.node()
    base = {"InstanceIds": [node.id], "DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["true"]}}
    assert refused_code(fleet.ssm.send_command, **base | words) == code
    assert fleet.ssm.list_commands()["Commands"] == []


def test_a_node_that_is_none_is_named(fleet):
    # As https://github.com/aws-samples/eks-security-compromised-cluster-remediation/issues/12 was told.
    assert refused(
        fleet.ssm.send_command, InstanceIds=["mi-00000000000000000"], DocumentName="AWS-RunShellScript", Parameters={"commands": ["x"]}
    ) == ("InvalidInstanceId", f"Instances [[mi-00000000000000000]] not in a valid state for account {ACCOUNT}")


@pytest.mark.parametrize(
    ("key", "code"), [("resource-groups:Name", "NotImplemented"), ("mood", "ValidationException"), ("tag", "ValidationException")]
)
def test_other_targets_are_refused_by_name(fleet, key, code):
    targets = [{"Key": key, "Values": ["x"]}]
    assert refused_code(fleet.ssm.send_command, Targets=targets, DocumentName="AWS-RunShellScript", Parameters={"commands": ["true"]}) == code


# Looking -------------------------------------------------------------------------------------------


def test_commands_are_listed_by_what_they_are(fleet):
    node, other = fleet.node(), fleet.node()
    first = fleet.send(node)
    fleet.cloud.sleep(100)
    second = fleet.send(other)
    node.end(node.take()["MessageId"])

    def found(**words) -> list[str]:
        return [each["CommandId"] for each in fleet.ssm.list_commands(**words)["Commands"]]

    def filtered(key: str, value: str) -> list[str]:
        return found(Filters=[{"key": key, "value": value}])

    assert found() == [second, first]
    assert found(CommandId=first) == [first] and found(CommandId="0" * 36) == []
    assert found(InstanceId=other.id) == [second]
    assert filtered("Status", "Success") == [first]
    assert filtered("ExecutionStage", "Executing") == [second]
    assert filtered("InvokedAfter", "2030-01-01T00:01:00Z") == [second]
    assert filtered("InvokedBefore", "2030-01-01T00:01:00Z") == [first]
    assert filtered("DocumentName", "AWS-RunShellScript") == [second, first]
    assert refused_code(fleet.ssm.list_commands, Filters=[{"key": "InvokedAfter", "value": "soon"}]) == "InvalidFilterValue"
    invocations = fleet.ssm.list_command_invocations(Filters=[{"key": "Status", "value": "Pending"}])["CommandInvocations"]
    assert [each["CommandId"] for each in invocations] == [second]
    # "The ExecutionStage filter can't be used with the ListCommandInvocations operation": API_CommandFilter.
    stage = [{"key": "ExecutionStage", "value": "Executing"}]
    assert refused_code(fleet.ssm.list_command_invocations, Filters=stage) == "InvalidFilterKey"
    page = fleet.ssm.list_commands(MaxResults=1)
    assert [each["CommandId"] for each in fleet.ssm.list_commands(MaxResults=1, NextToken=page["NextToken"])["Commands"]] == [first]
    assert refused_code(fleet.ssm.get_command_invocation, CommandId=first, InstanceId=other.id) == "InvocationDoesNotExist"


def test_commands_are_forgotten_after_a_month(fleet):
    node = fleet.node()
    id_ = fleet.send(node)
    node.end(node.take()["MessageId"], out="x")
    fleet.cloud.sleep_dark(29 * 86_400)
    assert fleet.status(id_) == ("Success", "Success")
    fleet.cloud.sleep_dark(2 * 86_400)
    fleet.cloud.sleep(1)
    assert fleet.ssm.list_commands()["Commands"] == []


# Documents -----------------------------------------------------------------------------------------


def script(**more) -> dict:
    return {"action": "aws:runShellScript", "name": "step", "inputs": {"runCommand": ["true"]}, **more}


def body(*steps: dict, **more) -> dict:
    return {"schemaVersion": "2.2", "mainSteps": list(steps), **more}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (body(), "InvalidDocumentContent"),
        (body(script(action="aws:dance")), "InvalidDocumentContent"),
        (body(script(action="aws:configurePackage")), "NotImplemented"),
        (body(script(action="aws:runPowerShellScript")), "NotImplemented"),
        (body(script(inputs={})), "InvalidDocumentContent"),
        (body(script(inputs=[])), "InvalidDocumentContent"),
        (body(script(name=7)), "InvalidDocumentContent"),
        (body(script(), script()), "InvalidDocumentContent"),
        (body(7), "InvalidDocumentContent"),
        (body(script(precondition={"StringEquals": "x"})), "InvalidDocumentContent"),
        (body(script(), parameters={"A": {"type": "Mood"}}), "InvalidDocumentContent"),
        (body(script(), parameters=[]), "InvalidDocumentContent"),
        ({"schemaVersion": "1.2", "runtimeConfig": {}}, "InvalidDocumentContent"),
        ({"schemaVersion": "1.2", "runtimeConfig": {"aws:runShellScript": {"properties": 7}}}, "InvalidDocumentContent"),
        ({"schemaVersion": "3.0", "mainSteps": [script()]}, "InvalidDocumentSchemaVersion"),
    ],
)
def test_what_is_no_command_document_is_refused(fleet, content, code):
    assert refused_code(document, fleet, content) == code


def test_a_document_may_have_steps_for_other_platforms(fleet):
    windows = script(action="aws:runPowerShellScript", name="windows", precondition={"StringEquals": ["platformType", "Windows"]})
    assert document(fleet, body(windows, script()))["Status"] == "Creating"


def test_a_command_keeps_the_version_that_it_was_sent_with(fleet):
    document(fleet, body(script(inputs={"runCommand": ["echo one"]})))
    node = fleet.node()
    id_ = fleet.send(node, DocumentName="doc", Parameters={}, DocumentVersion="1")
    content = json.dumps(body(script(inputs={"runCommand": ["echo two"]})))
    fleet.ssm.update_document(Name="doc", Content=content, DocumentVersion="$LATEST")
    fleet.ssm.delete_document(Name="doc")
    assert node.take()["DocumentContent"]["mainSteps"][0]["inputs"]["runCommand"] == ["echo one"]
    assert fleet.command(id_)["DocumentVersion"] == "1"


# A kill --------------------------------------------------------------------------------------------


def test_a_command_outlives_a_kill_before_it_is_delivered(fleet):
    node = fleet.node()
    id_ = fleet.send(node)
    fleet.cloud.restart(kill=True)
    node.end(node.take()["MessageId"])
    assert fleet.status(id_) == ("Success", "Success")


def test_what_was_acknowledged_is_not_delivered_again(fleet):
    node = fleet.node()
    id_ = fleet.send(node)
    message = node.take()["MessageId"]
    fleet.cloud.restart(kill=True)
    assert node.messages() == []
    node.end(message, out="done")
    fleet.cloud.restart(kill=True)
    assert node.messages() == []
    assert fleet.invocation(id_, node)["StandardOutputContent"] == "done"


def test_what_came_too_late_while_the_region_was_dark_ends_when_it_is_back(fleet):
    node = fleet.node()
    id_ = fleet.send(node, TimeoutSeconds=60)
    fleet.cloud.sleep_dark(120)
    fleet.cloud.sleep(1)
    assert fleet.details(id_) == ["DeliveryTimedOut"]


def test_a_command_whose_sender_was_not_answered_was_sent_or_was_not(fleet):
    node = fleet.node()
    for turns in (1, 2, 4, 8):
        fleet.cloud.kill_in_midst(turns)
        try:
            fleet.send(node)
        except Exception as error:
            assert "Connection" in type(error).__name__
        fleet.cloud.sleep(10)
        assert len(node.messages()) == len(fleet.ssm.list_commands()["Commands"])


# Rights --------------------------------------------------------------------------------------------


def rule(*resources: str, **condition) -> dict:
    return {"Effect": "Allow", "Action": "ssm:SendCommand", "Resource": list(resources), **({"Condition": condition} if condition else {})}


SHELL = "arn:aws:ssm:us-east-1::document/AWS-RunShellScript"
EVERY_NODE = f"arn:aws:ssm:us-east-1:{ACCOUNT}:managed-instance/*"


@pytest.mark.parametrize(
    ("statements", "is_allowed"),
    [
        ([rule(SHELL, EVERY_NODE)], True),
        ([rule(SHELL)], False),
        ([rule(EVERY_NODE)], False),
        ([rule(SHELL), rule(EVERY_NODE, StringEquals={"ssm:resourceTag/kind": "web"})], True),
        ([rule(SHELL), rule(EVERY_NODE, StringEquals={"aws:ResourceTag/kind": "data"})], False),
    ],
)
def test_who_sends_may_run_the_document_on_each_node(cloud, statements, is_allowed):
    fleet = Fleet(cloud)
    node = fleet.node(Tags=[{"Key": "kind", "Value": "web"}])
    document_ = json.dumps({"Version": "2012-10-17", "Statement": statements})
    role = put_role(cloud, document=document_, trust=TRUST.replace("Service", "AWS").replace("ssm.amazonaws.com", "*"), arn=f"arn:aws:iam::{ACCOUNT}:role/op")
    given = cloud.client("sts").assume_role(RoleArn=role, RoleSessionName="op")["Credentials"]
    ssm = cloud.client("ssm", key=given["AccessKeyId"], secret=given["SecretAccessKey"], token=given["SessionToken"])
    for named in ({"InstanceIds": [node.id]}, {"Targets": [{"Key": "tag:kind", "Values": ["web"]}]}):
        words = {"DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["true"]}, **named}
        if is_allowed:
            assert ssm.send_command(**words)["Command"]["TargetCount"] == 1
        else:
            assert refused_code(ssm.send_command, **words) == "AccessDeniedException"


def test_who_names_a_role_for_notifications_passes_it(cloud):
    fleet = Fleet(cloud)
    node = fleet.node()
    put_user(cloud, "op", "AKIAOPERATOR0000TEST", "ssm:*")
    ssm = cloud.client("ssm", key="AKIAOPERATOR0000TEST", secret="secret")
    denied = refused(
        ssm.send_command, InstanceIds=[node.id], DocumentName="AWS-RunShellScript", Parameters={"commands": ["true"]}, ServiceRoleArn=ROLE_ARN,
        NotificationConfig={"NotificationArn": f"arn:aws:sns:us-east-1:{ACCOUNT}:t"},
    )  # fmt: skip
    assert denied[0] == "AccessDeniedException" and "iam:PassRole" in denied[1]


# What no agent would say ---------------------------------------------------------------------------


@pytest.mark.parametrize("payload", ["", "{", "[]", "7", '"x"'])
def test_a_reply_that_is_none_is_refused(fleet, payload):
    node = fleet.node()
    fleet.send(node)
    message = node.take()["MessageId"]
    with pytest.raises(Refused) as caught:
        node.ask("ec2messages", "SendReply", MessageId=message, ReplyId="0" * 16, Payload=payload)
    assert caught.value.code == "ValidationException"


@pytest.mark.parametrize(
    "payload",
    [
        {}, {"documentStatus": 7}, {"documentStatus": ["Success"]}, {"runtimeStatus": []}, {"runtimeStatus": {"aws:runShellScript": 7}},
        {"runtimeStatus": {"aws:runShellScript": {"status": 7, "code": "x", "standardOutput": 7, "startDateTime": "soon", "endDateTime": 7}}},
        {"runtimeStatus": {"other": {"status": "Success"}}}, {"documentTraceOutput": 7},
    ],
)  # fmt: skip
def test_a_strange_reply_ends_nothing(fleet, payload):
    node = fleet.node()
    id_ = fleet.send(node)
    message = node.take()["MessageId"]
    node.ask("ec2messages", "SendReply", MessageId=message, ReplyId="0" * 16, Payload=json.dumps(payload))
    assert fleet.details(id_) == ["InProgress"]
    (shown,) = fleet.ssm.list_command_invocations(CommandId=id_, Details=True)["CommandInvocations"]
    assert shown["CommandPlugins"][0]["ResponseCode"] == -1


def test_a_message_that_is_none_is_refused(fleet):
    node, other = fleet.node(), fleet.node()
    fleet.send(other)
    theirs = other.take()["MessageId"]
    for message in ("aws.ssm.x.y", theirs, "0" * 16):
        with pytest.raises(Refused) as caught:
            node.ask("ec2messages", "AcknowledgeMessage", MessageId=message)
        assert caught.value.code == "InvalidMessageIdException"


def test_a_message_that_an_agent_cannot_read_has_failed(fleet):
    node = fleet.node()
    id_ = fleet.send(node)
    (message,) = node.messages()
    node.ask("ec2messages", "FailMessage", MessageId=message["MessageId"], FailureType="InternalHandlerException")
    assert fleet.status(id_) == ("Failed", "Failed")
    node.ask("ec2messages", "DeleteMessage", MessageId=message["MessageId"])
    assert node.messages() == []
