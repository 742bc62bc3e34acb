"""Maintenance windows: they open when their schedule says so, and what is registered with them is really done.

https://docs.aws.amazon.com/systems-manager/latest/userguide/maintenance-windows.html
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from lambda_workshop import make, put_role, put_user
from notice_workshop import received
from refusals import refused
from test_cloudformation_stack import create, outputs, settled

ACCOUNT, HOUR = "000000000000", 3_600
TRUST = json.dumps({"Statement": {"Effect": "Allow", "Principal": {"Service": "ssm.amazonaws.com"}, "Action": "sts:AssumeRole"}})
ROLE = f"arn:aws:iam::{ACCOUNT}:role/windows"
FUNCTION = """
import time
def handler(event, context):
    print("ran", event)
    if event.get("fails"):
        raise Exception("no luck")
"""


class Windows:
    def __init__(self, cloud) -> None:
        self.cloud, self.ssm = cloud, cloud.client("ssm")
        put_role(cloud, "lambda:InvokeFunction", "states:*", "ssm:*", trust=TRUST, arn=ROLE)

    def make(self, schedule: str = "rate(1 day)", **more) -> str:
        told = {"Name": "nightly", "Schedule": schedule, "Duration": 3, "Cutoff": 1, "AllowUnassociatedTargets": True, **more}
        return self.ssm.create_maintenance_window(**told)["WindowId"]

    def add(self, window: str, arn: str, kind: str = "LAMBDA", said: dict | None = None, **more) -> str:
        member = {"LAMBDA": "Lambda", "STEP_FUNCTIONS": "StepFunctions", "AUTOMATION": "Automation"}[kind]
        given = {"TaskInvocationParameters": {member: said}} if said is not None else {}
        told = {"WindowId": window, "TaskArn": arn, "TaskType": kind, "ServiceRoleArn": ROLE, **given, **more}
        return self.ssm.register_task_with_maintenance_window(**told)["WindowTaskId"]

    def runs(self, window: str) -> list[dict]:
        return self.ssm.describe_maintenance_window_executions(WindowId=window)["WindowExecutions"]

    def tasks(self, run: dict) -> list[dict]:
        return self.ssm.describe_maintenance_window_execution_tasks(WindowExecutionId=run["WindowExecutionId"])["WindowExecutionTaskIdentities"]

    def following(self, window: str) -> str | None:
        return self.ssm.get_maintenance_window(WindowId=window).get("NextExecutionTime")

    def told(self) -> list[str]:
        """What the function was told, in order."""
        self.cloud.sleep(2)
        events = self.cloud.client("logs").filter_log_events(logGroupName="/aws/lambda/f", filterPattern="ran")["events"]
        return [each["message"].partition("ran ")[2].strip() for each in events]


@pytest.fixture
def windows(cloud):
    return Windows(cloud)


@pytest.fixture
def function(cloud) -> str:
    return make(cloud, FUNCTION)["FunctionArn"]


def state_machine(cloud, *states: dict) -> str:
    """One after the other; a role that may do nothing is enough."""
    trust = json.dumps({"Statement": {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}})
    role = put_role(cloud, trust=trust, arn=f"arn:aws:iam::{ACCOUNT}:role/machine")
    names = [f"S{place}" for place in range(len(states))]
    following = [{"Next": name} for name in names[1:]] + [{"End": True}]
    flow = {name: state | (after if state["Type"] != "Fail" else {}) for name, state, after in zip(names, states, following)}
    definition = json.dumps({"StartAt": "S0", "States": flow})
    return cloud.client("stepfunctions").create_state_machine(name="m", definition=definition, roleArn=role)["stateMachineArn"]


# When ----------------------------------------------------------------------------------------------


def at(cloud, seconds: float) -> str:
    return datetime.fromtimestamp(cloud.now() + seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def test_a_window_tells_when_it_opens_next(cloud, windows):
    # The clock of these tests begins on a Tuesday, 1 January 2030.
    assert datetime.fromtimestamp(cloud.now(), UTC).strftime("%a %Y-%m-%d") == "Tue 2030-01-01"
    # Examples 1 and 4 of https://docs.aws.amazon.com/systems-manager/latest/userguide/maintenance-windows-schedule-options.html
    assert windows.following(windows.make("cron(0 09 ? * WED *)", ScheduleTimezone="America/Los_Angeles")) == "2030-01-02T09:00-08:00"
    assert windows.following(windows.make("cron(0 30 23 ? * TUE#3 *)")) == "2030-01-15T23:30Z"
    assert windows.following(windows.make("cron(0 30 23 ? * TUE#3 *)", ScheduleOffset=2)) == "2030-01-17T23:30Z"
    assert windows.following(windows.make("at(2030-07-07T15:55:00)")) == "2030-07-07T15:55Z"
    start = at(cloud, 40 * 86_400)
    assert windows.following(windows.make("cron(0 9 ? * WED *)", StartDate=start)) == "2030-02-13T09:00Z"
    # Example 2: a rate counts from the start date, and ends with the end date.
    window = windows.make("rate(7 days)", StartDate="2030-01-10T03:15:00+09:00", EndDate="2030-01-20T00:00:00Z", ScheduleTimezone="Asia/Tokyo")
    assert windows.following(window) == "2030-01-10T03:15+09:00"
    listed = windows.ssm.describe_maintenance_window_schedule(WindowId=window)["ScheduledWindowExecutions"]
    assert [each["ExecutionTime"] for each in listed] == ["2030-01-10T03:15+09:00", "2030-01-17T03:15+09:00"]
    later = windows.ssm.describe_maintenance_window_schedule(WindowId=window, Filters=[{"Key": "ScheduledAfter", "Values": ["2030-01-12T00:00:00Z"]}])
    assert [each["ExecutionTime"] for each in later["ScheduledWindowExecutions"]] == ["2030-01-17T03:15+09:00"]
    assert windows.following(windows.make("rate(180 minutes)", EndDate=at(cloud, HOUR))) is None
    assert windows.following(windows.make("at(2020-07-07T15:55:00)")) is None


@pytest.mark.parametrize(
    ("told", "code"),
    (
        ({"Schedule": "every day"}, "ValidationException"),
        ({"Schedule": "cron(0 9 * * WED *)"}, "ValidationException"),
        ({"Schedule": "cron(5 30 23 ? * TUE#3 *)"}, "NotImplemented"),
        ({"Cutoff": 3}, "ValidationException"),
        ({"ScheduleOffset": 2}, "ValidationException"),
        ({"ScheduleTimezone": "Mars/Olympus"}, "ValidationException"),
        ({"StartDate": "tomorrow"}, "ValidationException"),
    ),
)
def test_windows_that_make_no_sense_are_refused(windows, told, code):
    given = {"Name": "nightly", "Schedule": "rate(1 day)", "Duration": 3, "Cutoff": 1, "AllowUnassociatedTargets": True} | told
    assert refused(windows.ssm.create_maintenance_window, **given)[0] == code


def test_a_window_is_changed_found_by_name_and_taken_away(cloud, windows):
    ssm, window = windows.ssm, windows.make(Description="d", Tags=[{"Key": "a", "Value": "b"}])
    other = windows.make(Name="weekly", ClientToken="t")
    assert windows.make(Name="weekly", ClientToken="t") == other
    assert ssm.list_tags_for_resource(ResourceType="MaintenanceWindow", ResourceId=window)["TagList"] == [{"Key": "a", "Value": "b"}]
    changed = ssm.update_maintenance_window(WindowId=window, Enabled=False)
    assert (changed["Enabled"], changed["Description"], changed["Schedule"]) == (False, "d", "rate(1 day)")
    assert windows.following(window) is None
    find = ssm.describe_maintenance_windows
    assert [each["WindowId"] for each in find(Filters=[{"Key": "Name", "Values": ["weekly"]}])["WindowIdentities"]] == [other]
    assert [each["WindowId"] for each in find(Filters=[{"Key": "Enabled", "Values": ["False"]}])["WindowIdentities"]] == [window]
    assert refused(ssm.update_maintenance_window, WindowId=window, Replace=True, Name="n-1")[0] == "ValidationException"
    whole = {"Name": "n-1", "Schedule": "rate(2 days)", "Duration": 2, "Cutoff": 0, "AllowUnassociatedTargets": False, "Enabled": True}
    assert "Description" not in ssm.update_maintenance_window(WindowId=window, Replace=True, **whole)
    for _ in range(2):
        assert ssm.delete_maintenance_window(WindowId=window)["WindowId"] == window
    # Recorded: localstack's test_get_inexistent_maintenance_window.
    missing = "mw-00000000000000000"
    assert refused(ssm.get_maintenance_window, WindowId=missing) == ("DoesNotExistException", f"Maintenance window {missing} does not exist")
    for _ in range(49):
        windows.make()
    assert refused(windows.make)[0] == "ResourceLimitExceededException"


# What ----------------------------------------------------------------------------------------------


def test_a_window_opens_and_runs_a_function_with_what_it_was_told(cloud, windows, function):
    window = windows.make("rate(1 day)")
    payload = b'{"window": "{{WINDOW_ID}}", "run": "{{ WINDOW_EXECUTION_ID }}"}'
    task = windows.add(window, function, said={"Payload": payload})
    cloud.sleep(86_400 - 60)
    assert windows.runs(window) == []
    cloud.sleep(61)
    told = windows.told()
    (run,) = windows.runs(window)
    assert run["Status"] == "SUCCESS" and run["EndTime"] >= run["StartTime"]
    (done,) = windows.tasks(run)
    assert (done["Status"], done["TaskArn"], done["TaskType"]) == ("SUCCESS", function, "LAMBDA")
    assert told == [str({"window": window, "run": run["WindowExecutionId"]})]
    whole = windows.ssm.get_maintenance_window_execution(WindowExecutionId=run["WindowExecutionId"])
    assert whole["TaskIds"] == [done["TaskExecutionId"]]
    named = {"WindowExecutionId": run["WindowExecutionId"], "TaskId": done["TaskExecutionId"]}
    seen = windows.ssm.get_maintenance_window_execution_task(**named)
    # "The system inserts a placeholder value of 1."
    assert (seen["ServiceRole"], seen["MaxErrors"], seen["Status"]) == (ROLE, "1", "SUCCESS")
    (invocation,) = windows.ssm.describe_maintenance_window_execution_task_invocations(**named)["WindowExecutionTaskInvocationIdentities"]
    again = windows.ssm.get_maintenance_window_execution_task_invocation(**named, InvocationId=invocation["InvocationId"])
    assert again["Status"] == "SUCCESS"
    shown = windows.ssm.get_maintenance_window_task(WindowId=window, WindowTaskId=task)
    assert (shown["TaskInvocationParameters"], shown["Targets"]) == ({"Lambda": {"Payload": payload}}, [])
    cloud.sleep(86_400)
    windows.told()
    assert [each["Status"] for each in windows.runs(window)] == ["SUCCESS"] * 2


def test_a_function_that_fails_or_may_not_be_called_fails_its_window_and_no_other_task(cloud, windows, function):
    window = windows.make("rate(1 day)")
    windows.add(window, function, said={"Payload": b'{"fails": true}'})
    windows.add(window, function, said={"Payload": b'{"second": 2}'}, Priority=1)
    windows.add(window, function, ServiceRoleArn=f"arn:aws:iam::{ACCOUNT}:role/none", Priority=2)
    cloud.sleep(86_401)
    told = windows.told()
    (run,) = windows.runs(window)
    assert (run["Status"], run["StatusDetails"]) == ("FAILED", "One or more tasks in the orchestration failed.")
    first, second, third = windows.tasks(run)
    assert (first["Status"], first["StatusDetails"], second["Status"], third["Status"]) == ("FAILED", "no luck", "SUCCESS", "FAILED")
    assert "role/none" in third["StatusDetails"]
    assert told == [str({"fails": True}), str({"second": 2})]


def test_tasks_of_a_lower_number_come_first_and_those_of_one_number_together(cloud, windows):
    window = windows.make("rate(1 day)", Duration=2, Cutoff=0)
    machine = state_machine(cloud, {"Type": "Wait", "Seconds": 600})
    for priority in (2, 1, 1):
        windows.add(window, machine, "STEP_FUNCTIONS", {"Input": '{"window": "{{WINDOW_ID}}"}'}, Priority=priority)
    cloud.sleep(86_400 + 30)
    (run,) = windows.runs(window)
    assert [each["Status"] for each in windows.tasks(run)] == ["IN_PROGRESS", "IN_PROGRESS", "PENDING"]
    begun = cloud.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    assert len(begun) == 2
    assert json.loads(cloud.client("stepfunctions").describe_execution(executionArn=begun[0]["executionArn"])["input"]) == {"window": window}
    cloud.sleep(620)
    assert [each["Status"] for each in windows.tasks(run)] == ["SUCCESS", "SUCCESS", "IN_PROGRESS"]
    cloud.sleep(620)
    assert windows.runs(window)[0]["Status"] == "SUCCESS"


@pytest.mark.parametrize(("behavior", "status"), (("CONTINUE_TASK", "SUCCESS"), ("CANCEL_TASK", "TIMED_OUT")))
def test_after_the_cutoff_nothing_begins_and_what_runs_goes_on(cloud, windows, behavior, status):
    """"The status for tasks that are not completed is TIMED_OUT": https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_RegisterTaskWithMaintenanceWindow.html"""
    window = windows.make("rate(1 day)", Duration=2, Cutoff=1)
    machine = state_machine(cloud, {"Type": "Wait", "Seconds": 5_000})
    windows.add(window, machine, "STEP_FUNCTIONS", CutoffBehavior=behavior)
    windows.add(window, machine, "STEP_FUNCTIONS", Priority=1)
    cloud.sleep(86_400 + HOUR + 30)
    (run,) = windows.runs(window)
    first, second = windows.tasks(run)
    assert (first["Status"], second["Status"]) == ("IN_PROGRESS" if behavior == "CONTINUE_TASK" else "TIMED_OUT", "TIMED_OUT")
    cloud.sleep(5_000)
    assert windows.tasks(run)[0]["Status"] == status and windows.runs(window)[0]["Status"] == "TIMED_OUT"
    machines = cloud.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    assert [each["status"] for each in machines] == ["SUCCEEDED"]


def test_a_runbook_is_run_as_the_role_and_tells_how_it_ended(cloud, windows):
    steps = [{"name": "make", "action": "aws:executeAwsApi", "inputs": {"Service": "sqs", "Api": "CreateQueue", "QueueName": "{{ Q }}"}}]
    body = json.dumps({"schemaVersion": "0.3", "parameters": {"Q": {"type": "String"}}, "mainSteps": steps})
    windows.ssm.create_document(Name="book", Content=body, DocumentType="Automation", DocumentFormat="JSON")
    put_role(cloud, "ssm:*", "sqs:CreateQueue", trust=TRUST, arn=ROLE)
    window = windows.make("rate(1 day)")
    windows.add(window, "book", "AUTOMATION", {"Parameters": {"Q": ["q-of-the-window"]}})
    windows.add(window, "book", "AUTOMATION", {"DocumentVersion": "7"}, Priority=1)
    cloud.sleep(86_400 + 30)
    (run,) = windows.runs(window)
    first, second = windows.tasks(run)
    assert (first["Status"], second["Status"]) == ("SUCCESS", "FAILED")
    assert cloud.client("sqs").get_queue_url(QueueName="q-of-the-window")["QueueUrl"]


def test_a_task_without_a_role_runs_as_the_service_linked_one(cloud, windows):
    """Whose policy lets it call functions whose names begin with SSM: AmazonSSMServiceRolePolicy."""
    named = make(cloud, FUNCTION, name="SSM-nightly")["FunctionArn"]
    other = make(cloud, FUNCTION, name="nightly")["FunctionArn"]
    window = windows.make("rate(1 day)")
    register = windows.ssm.register_task_with_maintenance_window
    task = register(WindowId=window, TaskArn=named, TaskType="LAMBDA")["WindowTaskId"]
    register(WindowId=window, TaskArn=other, TaskType="LAMBDA", Priority=1)
    role = windows.ssm.get_maintenance_window_task(WindowId=window, WindowTaskId=task)["ServiceRoleArn"]
    assert role == f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/ssm.amazonaws.com/AWSServiceRoleForAmazonSSM"
    cloud.sleep(86_401)
    cloud.sleep(2)
    assert [each["Status"] for each in windows.tasks(windows.runs(window)[0])] == ["SUCCESS", "FAILED"]


def test_a_window_that_is_still_at_work_is_skipped_and_one_without_tasks_is_done_at_once(cloud, windows):
    window, empty = windows.make("rate(1 hour)", Duration=1, Cutoff=0), windows.make("rate(1 hour)")
    windows.add(window, state_machine(cloud, {"Type": "Wait", "Seconds": 5_000}), "STEP_FUNCTIONS")
    cloud.sleep(2 * HOUR + 1)
    assert [each["Status"] for each in windows.runs(window)] == ["SKIPPED_OVERLAPPING", "IN_PROGRESS"]
    assert [each["Status"] for each in windows.runs(empty)] == ["SUCCESS"] * 2


def test_an_execution_that_is_cancelled_begins_nothing_more(cloud, windows):
    window = windows.make("rate(1 day)")
    machine = state_machine(cloud, {"Type": "Wait", "Seconds": 600})
    windows.add(window, machine, "STEP_FUNCTIONS")
    windows.add(window, machine, "STEP_FUNCTIONS", Priority=1)
    cloud.sleep(86_401)
    (run,) = windows.runs(window)
    windows.ssm.cancel_maintenance_window_execution(WindowExecutionId=run["WindowExecutionId"])
    assert windows.runs(window)[0]["Status"] == "CANCELLING"
    cloud.sleep(620)
    # "Tasks already in progress will continue to completion": API_CancelMaintenanceWindowExecution.
    assert [each["Status"] for each in windows.tasks(run)] == ["SUCCESS", "CANCELLED"]
    assert windows.runs(window)[0]["Status"] == "CANCELLED"


def test_a_region_that_was_killed_goes_on_and_begins_nothing_twice(cloud, windows):
    window = windows.make("rate(1 day)")
    machine = state_machine(cloud, {"Type": "Wait", "Seconds": 600})
    windows.add(window, machine, "STEP_FUNCTIONS")
    cloud.sleep(86_400 + 60)
    cloud.restart(kill=True)
    cloud.sleep(620)
    assert [each["Status"] for each in windows.runs(window)] == ["SUCCESS"]
    assert len(cloud.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]) == 1
    cloud.sleep(86_400)
    assert len(windows.runs(window)) == 2


def test_what_happens_in_a_window_is_told_on_the_bus(cloud, windows, function):
    # https://docs.aws.amazon.com/systems-manager/latest/userguide/monitoring-systems-manager-event-examples.html
    sqs, events = cloud.client("sqs"), cloud.client("events")
    leave = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": "*"}
    url = sqs.create_queue(QueueName="q", Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": leave})})["QueueUrl"]
    events.put_rule(Name="r", EventPattern=json.dumps({"source": ["aws.ssm"]}))
    events.put_targets(Rule="r", Targets=[{"Id": "q", "Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"}])
    window = windows.make("rate(1 day)")
    windows.add(window, function, said={"Payload": b"{}"})
    cloud.sleep(86_401)
    windows.told()
    windows.ssm.update_maintenance_window(WindowId=window, Enabled=False)
    cloud.sleep(1)
    told = [json.loads(each["Body"]) for each in received(cloud, url)]
    named = [(each["detail-type"].removeprefix("Maintenance Window ").partition(" State")[0], each["detail"]["status"]) for each in told]
    assert sorted(named) == sorted([
        ("Execution", "IN_PROGRESS"), ("Task Execution", "IN_PROGRESS"), ("Task Execution", "SUCCESS"), ("Execution", "SUCCESS"),
        ("State-change Notification", "DISABLED"),
    ])  # fmt: skip
    assert all(each["detail"]["window-id"] == window for each in told)


def test_tasks_that_cannot_be_are_refused_and_what_acts_on_nodes_by_name(cloud, windows, function):
    window, register = windows.make(), windows.ssm.register_task_with_maintenance_window
    told = {"WindowId": window, "TaskArn": function, "TaskType": "LAMBDA", "ServiceRoleArn": ROLE}
    # https://docs.aws.amazon.com/systems-manager/latest/userguide/troubleshooting-maintenance-windows.html
    for name in ("MaxConcurrency", "MaxErrors"):
        assert refused(register, **told, **{name: "2"}) == (
            "ValidationException", f"Maintenance window tasks without targets do not support {name} values",
        )  # fmt: skip
    assert refused(register, **told, Targets=[{"Key": "InstanceIds", "Values": ["i-1"]}])[0] == "NotImplemented"
    assert refused(register, **told | {"TaskType": "RUN_COMMAND"})[0] == "ValidationException"
    assert refused(register, **told, TaskInvocationParameters={"StepFunctions": {"Input": "{}"}})[0] == "ValidationException"
    assert refused(register, **told, TaskInvocationParameters={"Lambda": {"Payload": b"{{TARGET_ID}}"}})[0] == "ValidationException"
    assert refused(register, **told | {"WindowId": "mw-00000000000000000"})[0] == "DoesNotExistException"
    put_user(cloud, "ann", "AKIAANN", "ssm:*")
    mine = cloud.client("ssm", key="AKIAANN", secret="secret")
    code, text = refused(mine.register_task_with_maintenance_window, **told)
    assert code == "AccessDeniedException" and "iam:PassRole" in text
    nothing = "01234567-0123-0123-0123-0123456789ab"
    for call, more in (
        (windows.ssm.get_maintenance_window_execution, {}), (windows.ssm.cancel_maintenance_window_execution, {}),
        (windows.ssm.get_maintenance_window_execution_task, {"TaskId": nothing}),
        (windows.ssm.describe_maintenance_window_execution_task_invocations, {"TaskId": nothing}),
    ):  # fmt: skip
        assert refused(call, WindowExecutionId=nothing, **more)[0] == "DoesNotExistException"


def test_a_task_is_changed_found_and_taken_away(windows, function):
    window = windows.make()
    task = windows.add(window, function, said={"Payload": b"{}"}, Name="one", Priority=3)
    change = windows.ssm.update_maintenance_window_task
    changed = change(WindowId=window, WindowTaskId=task, Priority=1, TaskInvocationParameters={"Lambda": {"Payload": b"[]"}})
    assert (changed["Priority"], changed["Name"], changed["TaskInvocationParameters"]) == (1, "one", {"Lambda": {"Payload": b"[]"}})
    replaced = change(WindowId=window, WindowTaskId=task, Replace=True, TaskArn=function)
    assert ("Name" in replaced, replaced["Priority"], replaced["TaskInvocationParameters"]) == (False, 0, {})
    find = windows.ssm.describe_maintenance_window_tasks
    assert [each["WindowTaskId"] for each in find(WindowId=window, Filters=[{"Key": "TaskType", "Values": ["LAMBDA"]}])["Tasks"]] == [task]
    assert find(WindowId=window, Filters=[{"Key": "TaskType", "Values": ["AUTOMATION"]}])["Tasks"] == []
    windows.ssm.deregister_task_from_maintenance_window(WindowId=window, WindowTaskId=task)
    assert find(WindowId=window)["Tasks"] == []
    assert refused(windows.ssm.get_maintenance_window_task, WindowId=window, WindowTaskId=task)[0] == "DoesNotExistException"
    for _ in range(20):
        windows.add(window, function)
    assert refused(windows.add, window=window, arn=function)[0] == "ResourceLimitExceededException"


TEMPLATE = """
Resources:
  Nightly:
    Type: AWS::SSM::MaintenanceWindow
    Properties: {Name: nightly, Schedule: rate(1 day), Duration: 2, Cutoff: 1, AllowUnassociatedTargets: true}
  Clean:
    Type: AWS::SSM::MaintenanceWindowTask
    Properties:
      WindowId: !Ref Nightly
      TaskType: LAMBDA
      TaskArn: FUNCTION
      ServiceRoleArn: ROLE
      Priority: 1
      TaskInvocationParameters: {MaintenanceWindowLambdaParameters: {Payload: "e30="}}
Outputs: {Window: {Value: !Ref Nightly}, Task: {Value: !Ref Clean}}
"""


def test_a_window_and_its_task_may_be_parts_of_a_stack(cloud, windows, function):
    template = TEMPLATE.replace("FUNCTION", function).replace("ROLE", ROLE)
    out = outputs(create(cloud, "s", template))
    shown = windows.ssm.get_maintenance_window_task(WindowId=out["Window"], WindowTaskId=out["Task"])
    assert (shown["Priority"], shown["TaskInvocationParameters"]) == (1, {"Lambda": {"Payload": b"{}"}})
    changed = template.replace("Priority: 1", "Priority: 2").replace("rate(1 day)", "rate(2 days)")
    cloud.client("cloudformation").update_stack(StackName="s", TemplateBody=changed)
    assert settled(cloud, "s")["StackStatus"] == "UPDATE_COMPLETE"
    assert windows.ssm.get_maintenance_window(WindowId=out["Window"])["Schedule"] == "rate(2 days)"
    assert windows.ssm.get_maintenance_window_task(WindowId=out["Window"], WindowTaskId=out["Task"])["Priority"] == 2
    cloud.client("cloudformation").delete_stack(StackName="s")
    cloud.sleep(5)
    assert windows.ssm.describe_maintenance_windows()["WindowIdentities"] == []
