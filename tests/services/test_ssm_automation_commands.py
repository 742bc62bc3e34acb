"""Systems Manager: automations run commands on nodes.

https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-action-runcommand.html
"""

from __future__ import annotations

import json

import pytest
from lambda_workshop import ACCOUNT, put_role
from node_workshop import TRUST, Fleet
from refusals import refused_code

ROLE = f"arn:aws:iam::{ACCOUNT}:role/mender"
RIGHTS = ("ssm:SendCommand", "ssm:ListCommands", "ssm:ListCommandInvocations")


class Runbook:
    """One whose first step runs a command, and which tells by a parameter what came of it."""

    def __init__(self, cloud, *rights: str, **more: str) -> None:
        self.cloud, self.fleet = cloud, Fleet(cloud)
        self.ssm = self.fleet.ssm
        self.node = self.fleet.node(Tags=[{"Key": "kind", "Value": "web"}])
        put_role(cloud, *(rights or RIGHTS), "ssm:PutParameter", trust=TRUST, arn=ROLE)
        inputs = {"DocumentName": "AWS-RunShellScript", "InstanceIds": "{{ Nodes }}", "Parameters": {"commands": ["echo mended"], "executionTimeout": 60}}
        self.step = {"name": "mend", "action": "aws:runCommand", "inputs": inputs, **more}

    def start(self, *steps: dict, nodes: list[str] | None = None, **inputs) -> str:
        step = self.step | {"inputs": {name: value for name, value in (self.step["inputs"] | inputs).items() if value is not None}}
        body = {
            "schemaVersion": "0.3", "assumeRole": ROLE, "parameters": {"Nodes": {"type": "StringList", "default": []}},
            "mainSteps": [step, *steps], "outputs": ["mend.CommandId", "mend.Status", "mend.ResponseCode", "mend.Output"],
        }  # fmt: skip
        self.ssm.create_document(Name="book", Content=json.dumps(body), DocumentType="Automation")
        id_ = self.ssm.start_automation_execution(DocumentName="book", Parameters={"Nodes": nodes or [self.node.id]})["AutomationExecutionId"]
        self.cloud.sleep(1)
        return id_

    def shown(self, id_: str) -> dict:
        return self.ssm.get_automation_execution(AutomationExecutionId=id_)["AutomationExecution"]

    def ended(self, id_: str) -> dict:
        self.cloud.sleep(6)
        return self.shown(id_)


@pytest.fixture
def book(cloud):
    return Runbook(cloud)


def test_a_step_runs_a_command_and_gives_its_output(book, tmp_path):
    id_ = book.start()
    assert book.shown(id_)["AutomationExecutionStatus"] == "InProgress"
    (command,) = book.ssm.list_commands()["Commands"]
    assert command["Parameters"] == {"commands": ["echo mended"], "executionTimeout": ["60"]}
    book.node.work(tmp_path)
    done = book.ended(id_)
    assert done["AutomationExecutionStatus"] == "Success"
    assert done["Outputs"] == {
        "mend.CommandId": [command["CommandId"]], "mend.Status": ["Success"], "mend.ResponseCode": ["0"], "mend.Output": ["mended\n"],
    }  # fmt: skip


def test_a_command_that_fails_fails_its_step(book, tmp_path):
    id_ = book.start(Parameters={"commands": ["echo broken", "exit 4"]})
    book.node.work(tmp_path)
    done = book.ended(id_)
    assert done["AutomationExecutionStatus"] == "Failed" and "broken" in done["FailureMessage"]
    assert done["StepExecutions"][0]["Outputs"]["ResponseCode"] == ["4"]


def test_what_a_failed_command_said_is_known_to_later_steps(cloud, tmp_path):
    book = Runbook(cloud, onFailure="step:tell")
    tell = {"name": "tell", "action": "aws:executeAwsApi", "inputs": {
        "Service": "ssm", "Api": "PutParameter", "Name": "said", "Type": "String", "Value": "{{ mend.ResponseCode }}: {{ mend.Output }}"}}  # fmt: skip
    id_ = book.start(tell, Parameters={"commands": ["echo broken", "exit 4"]})
    book.node.work(tmp_path)
    assert book.ended(id_)["AutomationExecutionStatus"] == "Failed"
    assert book.ssm.get_parameter(Name="said")["Parameter"]["Value"].startswith("4: broken\n")


def test_of_several_nodes_no_output_is_given(book, tmp_path):
    """ "If you target a tag or multiple instances with your command, no output value is returned"."""
    id_ = book.start(InstanceIds=None, Targets=[{"Key": "tag:kind", "Values": ["web"]}])
    book.node.work(tmp_path)
    done = book.ended(id_)
    assert done["AutomationExecutionStatus"] == "Success"
    assert sorted(done["Outputs"]) == ["mend.CommandId", "mend.Status"]


def test_the_automation_acts_as_its_role(cloud):
    done = Runbook(cloud, "ssm:ListCommands")
    id_ = done.start()
    assert "AccessDenied" in done.ended(id_)["FailureMessage"]
    assert done.ssm.list_commands()["Commands"] == []


def test_a_node_that_is_none_fails_the_step(book):
    assert "InvalidInstanceId" in book.ended(book.start(nodes=["mi-00000000000000000"]))["FailureMessage"]


def test_a_step_that_takes_too_long_is_timed_out(cloud):
    book = Runbook(cloud, timeoutSeconds=30)
    id_ = book.start()
    cloud.sleep(31)
    assert book.shown(id_)["AutomationExecutionStatus"] == "TimedOut"


def test_an_automation_that_is_stopped_cancels_its_command(book):
    id_ = book.start()
    book.ssm.stop_automation_execution(AutomationExecutionId=id_, Type="Cancel")
    assert book.ssm.list_commands()["Commands"][0]["Status"] == "Cancelled"
    assert book.node.messages() == []


@pytest.mark.parametrize("turns", [1, 2, 3, 5, 8, 13])
def test_a_killed_region_sends_a_command_once(book, tmp_path, turns):
    id_ = book.start()
    book.cloud.restart(kill=True)
    book.cloud.kill_in_midst(turns)
    try:
        book.ssm.list_commands()
    except Exception as error:
        assert "Connection" in type(error).__name__
    book.cloud.sleep(6)
    assert len(book.ssm.list_commands()["Commands"]) == 1
    book.node.work(tmp_path)
    book.cloud.restart(kill=True)
    assert book.ended(id_)["AutomationExecutionStatus"] == "Success"
    assert len(book.ssm.list_commands()["Commands"]) == 1


def test_a_step_names_its_document(book):
    body = {"schemaVersion": "0.3", "mainSteps": [{"name": "mend", "action": "aws:runCommand", "inputs": {}}]}
    assert refused_code(book.ssm.create_document, Name="none", Content=json.dumps(body), DocumentType="Automation") == "InvalidDocumentContent"
