"""What automations and OpsItems of Systems Manager tell EventBridge.

https://docs.aws.amazon.com/systems-manager/latest/userguide/monitoring-systems-manager-event-examples.html
"""

from __future__ import annotations

import re

import pytest
from fact_workshop import ACCOUNT, US, heard, hears
from test_ssm_automation import Runbooks, api

SOURCE = "aws.ssm"
MOMENT = re.compile(r"[A-Z][a-z]{2} \d{1,2}, \d{4} \d{1,2}:\d\d:\d\d [AP]M")
SLEEP = {"name": "rest", "action": "aws:sleep", "inputs": {"Duration": "PT5S"}}
PAUSE = {"name": "halt", "action": "aws:pause", "inputs": {}}


@pytest.fixture
def books(cloud):
    return Runbooks(cloud)


def told(events: list[dict]) -> list[tuple[str, str]]:
    """Which step, or the execution itself, has come to which state."""
    return [(each["detail"].get("StepName", "execution"), each["detail"]["Status"]) for each in events]


def test_an_execution_and_its_steps_tell_each_state_that_they_come_to(books):
    hears(books.cloud, SOURCE)
    id_ = books.start(SLEEP, api("make", "sqs", "CreateQueue", QueueName="made"))
    books.cloud.sleep(6)
    events = heard(books.cloud)
    assert told(events) == [
        ("execution", "InProgress"), ("rest", "InProgress"), ("rest", "Success"), ("make", "InProgress"), ("make", "Success"),
        ("execution", "Success"),
    ]  # fmt: skip
    begun, whole, step = events[0], events[-1], events[2]
    assert [each["detail-type"] for each in (whole, step)] == [
        "EC2 Automation Execution Status-change Notification", "EC2 Automation Step Status-change Notification",
    ]  # fmt: skip
    both = [f"arn:aws:ssm:{US}:{ACCOUNT}:automation-execution/{id_}", f"arn:aws:ssm:{US}:{ACCOUNT}:automation-definition/book:1"]
    assert whole["resources"] == step["resources"] == both
    assert "EndTime" not in begun["detail"] and begun["detail"]["Time"] == 0
    for event in (whole, step):
        assert MOMENT.fullmatch(event["detail"].pop("StartTime")) and MOMENT.fullmatch(event["detail"].pop("EndTime"))
        assert 5000 <= event["detail"].pop("Time") < 6000
    known = {"ExecutionId": id_, "Definition": "book", "DefinitionVersion": 1.0, "Status": "Success"}
    assert whole["detail"] == {**known, "ExecutedBy": f"arn:aws:iam::{ACCOUNT}:root"}
    assert step["detail"] == {**known, "StepName": "rest", "Action": "aws:sleep"}


def test_what_waits_and_what_is_cancelled_is_told(books):
    hears(books.cloud, SOURCE)
    id_ = books.start(PAUSE)
    assert told(heard(books.cloud)) == [("execution", "InProgress"), ("halt", "InProgress"), ("halt", "Waiting"), ("execution", "Waiting")]
    books.ssm.stop_automation_execution(AutomationExecutionId=id_, Type="Cancel")
    assert told(heard(books.cloud)) == [("halt", "Cancelled"), ("execution", "Cancelled")]


def test_a_step_that_is_tried_again_is_told_once(books):
    hears(books.cloud, SOURCE)
    books.start(api("look", "sqs", "GetQueueUrl", QueueName="none", maxAttempts=3))
    books.cloud.sleep(10)
    assert told(heard(books.cloud)) == [("execution", "InProgress"), ("look", "InProgress"), ("look", "Failed"), ("execution", "Failed")]


def test_an_execution_that_a_kill_interrupts_tells_each_state_once(books):
    hears(books.cloud, SOURCE)
    books.start(SLEEP)
    books.cloud.restart(kill=True)
    books.cloud.sleep(6)
    assert told(heard(books.cloud)) == [("execution", "InProgress"), ("rest", "InProgress"), ("rest", "Success"), ("execution", "Success")]


def test_an_item_of_work_tells_that_it_is_made_and_changed(cloud):
    hears(cloud, SOURCE)
    ssm = cloud.client("ssm")
    id_ = ssm.create_ops_item(Title="disk full", Description="at last", Source="monitor")["OpsItemId"]
    cloud.sleep(60)
    ssm.update_ops_item(OpsItemId=id_, Status="Resolved")
    ssm.delete_ops_item(OpsItemId=id_)
    made, resolved = heard(cloud)
    assert [each["detail-type"] for each in (made, resolved)] == ["OpsItem Create", "OpsItem Update"]
    assert made["resources"] == resolved["resources"] == [f"arn:aws:ssm:{US}:{ACCOUNT}:opsitem/{id_}"]
    who, at = f"arn:aws:iam::{ACCOUNT}:root", made["detail"].pop("created-time")
    known = {
        "created-by": who, "source": "monitor", "ops-item-id": id_, "title": "disk full", "ops-item-type": "/aws/issue", "description": "at last",
    }  # fmt: skip
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", at)
    assert made["detail"] == {**known, "status": "Open"}
    assert resolved["detail"].pop("modified-time") > at == resolved["detail"].pop("created-time")
    assert resolved["detail"] == {**known, "status": "Resolved", "modified-by": who}
