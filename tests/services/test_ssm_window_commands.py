"""Maintenance windows run commands on nodes while they are open.

https://docs.aws.amazon.com/systems-manager/latest/userguide/maintenance-windows.html
"""

from __future__ import annotations

import pytest
from lambda_workshop import put_role
from node_workshop import Fleet
from refusals import refused, refused_code
from test_ssm_windows import HOUR, ROLE, TRUST, Windows


class Nights(Windows):
    """A window, and a node on which something is done in it."""

    def __init__(self, cloud, *rights: str) -> None:
        super().__init__(cloud)
        self.fleet = Fleet(cloud)
        self.node = self.fleet.node()
        put_role(cloud, *(rights or ("ssm:SendCommand", "ssm:ListCommands")), trust=TRUST, arn=ROLE)

    def run_command(self, window: str, *lines: str, **more) -> str:
        told = {
            "WindowId": window, "TaskArn": "AWS-RunShellScript", "TaskType": "RUN_COMMAND", "ServiceRoleArn": ROLE, "MaxConcurrency": "2",
            "MaxErrors": "1", "Targets": [{"Key": "InstanceIds", "Values": [self.node.id]}],
            "TaskInvocationParameters": {"RunCommand": {"Parameters": {"commands": list(lines)}, "Comment": "{{WINDOW_ID}}"}}, **more,
        }  # fmt: skip
        return self.ssm.register_task_with_maintenance_window(**told)["WindowTaskId"]

    def opened(self, window: str) -> dict:
        """The one execution, a while after the window has opened."""
        self.cloud.sleep(24 * HOUR + 1)
        self.node.ping()
        (run,) = self.runs(window)
        return run


@pytest.fixture
def nights(cloud):
    return Nights(cloud)


def test_a_window_runs_a_command_on_its_nodes(nights, tmp_path):
    window = nights.make()
    task = nights.run_command(window, "echo patched")
    shown = nights.ssm.get_maintenance_window_task(WindowId=window, WindowTaskId=task)
    assert (shown["Targets"], shown["MaxConcurrency"], shown["MaxErrors"]) == ([{"Key": "InstanceIds", "Values": [nights.node.id]}], "2", "1")
    run = nights.opened(window)
    assert nights.tasks(run)[0]["Status"] == "IN_PROGRESS"
    (command,) = nights.ssm.list_commands()["Commands"]
    assert (command["InstanceIds"], command["MaxConcurrency"], command["MaxErrors"], command["Comment"]) == ([nights.node.id], "2", "1", window)
    nights.node.work(tmp_path)
    nights.cloud.sleep(6)
    assert nights.runs(window)[0]["Status"] == "SUCCESS"
    assert nights.fleet.invocation(command["CommandId"], nights.node)["StandardOutputContent"] == "patched\n"
    (found,) = nights.ssm.describe_maintenance_window_execution_task_invocations(
        WindowExecutionId=run["WindowExecutionId"], TaskId=nights.tasks(run)[0]["TaskExecutionId"]
    )["WindowExecutionTaskInvocationIdentities"]
    assert (found["ExecutionId"], found["TaskType"], found["Status"]) == (command["CommandId"], "RUN_COMMAND", "SUCCESS")


def test_a_command_that_fails_fails_the_window(nights, tmp_path):
    window = nights.make()
    nights.run_command(window, "exit 1", MaxErrors="0")
    run = nights.opened(window)
    nights.node.work(tmp_path)
    nights.cloud.sleep(6)
    assert nights.runs(window)[0]["Status"] == "FAILED"
    assert nights.tasks(run)[0]["Status"] == "FAILED"


def test_the_cutoff_cancels_a_command(nights):
    """ "The system attempts to cancel any command that is still running on any targets by sending a CancelCommand operation"."""
    window = nights.make()
    said = {"Parameters": {"commands": ["sleep 90000"], "executionTimeout": ["172800"]}}
    nights.run_command(window, CutoffBehavior="CANCEL_TASK", TaskInvocationParameters={"RunCommand": said})
    nights.opened(window)
    nights.node.take()
    nights.cloud.sleep(2 * HOUR)
    assert nights.runs(window)[0]["Status"] == "TIMED_OUT"
    assert nights.ssm.list_commands()["Commands"][0]["Status"] == "Cancelling"
    (told,) = nights.node.messages()
    assert told["Topic"].startswith("aws.ssm.cancelCommand")


def test_a_window_acts_as_the_role_of_its_task(cloud):
    nights = Nights(cloud, "ssm:ListCommands")
    window = nights.make()
    nights.run_command(window, "true")
    nights.opened(window)
    assert nights.runs(window)[0]["Status"] == "FAILED"
    assert nights.ssm.list_commands()["Commands"] == []


def test_a_killed_region_sends_the_command_of_a_window_once(nights, tmp_path):
    window = nights.make()
    nights.run_command(window, "echo once")
    nights.opened(window)
    nights.cloud.restart(kill=True)
    nights.cloud.sleep(6)
    assert len(nights.ssm.list_commands()["Commands"]) == 1
    nights.node.work(tmp_path)
    nights.cloud.restart(kill=True)
    nights.cloud.sleep(6)
    assert nights.runs(window)[0]["Status"] == "SUCCESS"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"Targets": []}, "ValidationException"),
        ({"Targets": [{"Key": "WindowTargetIds", "Values": ["x"]}]}, "NotImplemented"),
        ({"Targets": [{"Key": "tag:kind", "Values": ["web"]}]}, "NotImplemented"),
        ({"TaskInvocationParameters": {"Lambda": {"Payload": b"{}"}}}, "ValidationException"),
    ],
)
def test_what_names_no_nodes_is_refused(nights, more, code):
    assert refused_code(nights.run_command, nights.make(), "true", **more) == code


def test_a_window_that_takes_registered_targets_alone_takes_no_others(nights):
    assert refused(nights.run_command, nights.make(AllowUnassociatedTargets=False), "true")[0] == "ValidationException"


def test_a_task_is_given_other_nodes(nights):
    window, other = nights.make(), nights.fleet.node()
    task = nights.run_command(window, "true")
    targets = [{"Key": "InstanceIds", "Values": [other.id]}]
    changed = nights.ssm.update_maintenance_window_task(WindowId=window, WindowTaskId=task, Targets=targets, MaxErrors="5")
    assert (changed["Targets"], changed["MaxErrors"], changed["MaxConcurrency"]) == (targets, "5", "2")
    renamed = nights.ssm.update_maintenance_window_task(WindowId=window, WindowTaskId=task, Name="other")
    assert renamed["Targets"] == targets
