"""Redrives of what ended within a Parallel or a Map: only what did not succeed is done again.

https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
"""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError
from states_workshop import events, make, start, told, types

SEND = "arn:aws:states:::sqs:sendMessage"
FUSE = "arn:aws:states:::aws-sdk:dynamodb:getItem"


def fuse(cloud) -> None:
    """What executions of these tests fail at until ``mend`` was called."""
    cloud.client("dynamodb").create_table(
        TableName="fuse", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}], BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )  # fmt: skip


def mend(cloud, name: str = "a") -> None:
    cloud.client("dynamodb").put_item(TableName="fuse", Item={"id": {"S": name}})


@pytest.fixture
def queue(cloud) -> str:
    fuse(cloud)
    return cloud.client("sqs").create_queue(QueueName="q")["QueueUrl"]


def sends(queue: str, **more) -> dict:
    return {"Type": "Task", "Resource": SEND, "Parameters": {"QueueUrl": queue, **more}, "ResultPath": None}


def needs(name: str = "a") -> dict:
    """A task that fails as long as nobody mended what it needs."""
    return {
        "F": {"Type": "Task", "Resource": FUSE, "Parameters": {"TableName": "fuse", "Key": {"id": {"S": name}}}, "ResultPath": "$.found", "Next": "C"},
        "C": {"Type": "Choice", "Choices": [{"Variable": "$.found.Item", "IsPresent": True, "Next": "D"}], "Default": "X"},
        "X": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:dynamodb:updateItem", "ResultPath": None, "Next": "D",
              "Parameters": {"TableName": "fuse", "Key": {"id": {"S": name}}, "ConditionExpression": "attribute_exists(id)"}},
        "D": {"Type": "Pass", "End": True},
    }  # fmt: skip


def bodies(cloud, queue: str) -> list[str]:
    found = []
    while got := cloud.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
        found += [each["Body"] for each in got]
        for each in got:
            cloud.client("sqs").delete_message(QueueUrl=queue, ReceiptHandle=each["ReceiptHandle"])
    return found


def redrive(cloud, execution: str) -> dict:
    cloud.client("stepfunctions").redrive_execution(executionArn=execution)
    cloud.sleep(3)
    return told(cloud, execution)


def test_only_the_branch_that_failed_goes_on(cloud, queue):
    branches = [
        {"StartAt": "S", "States": {"S": {**sends(queue, MessageBody="once"), "End": True}}},
        {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 1, "Next": "F"}, **needs()}},
    ]
    states = {"P": {"Type": "Parallel", "Branches": branches, "Next": "E"}, "E": {"Type": "Pass", "End": True}}
    execution = start(cloud, make(cloud, states), {"x": 1})
    cloud.sleep(3)
    assert told(cloud, execution)["status"] == "FAILED"
    mend(cloud)
    cloud.restart(kill=True)
    found = redrive(cloud, execution)
    assert (found["status"], found["redriveCount"], bodies(cloud, queue)) == ("SUCCEEDED", 1, ["once"])
    history = types(cloud, execution)
    after = history[history.index("ExecutionRedriven") :]
    assert after == [
        "ExecutionRedriven", "TaskScheduled", "TaskStarted", "TaskSucceeded", "TaskStateExited", "PassStateEntered", "PassStateExited",
        "ParallelStateSucceeded", "ParallelStateExited", "PassStateEntered", "PassStateExited", "ExecutionSucceeded",
    ]  # fmt: skip
    first = next(id_ for id_, _, type_ in events(cloud, execution) if type_ == "ExecutionRedriven")
    assert (first + 1, first, "TaskScheduled") in events(cloud, execution)
    outputs = json.loads(found["output"])
    assert [each["x"] for each in outputs] == [1, 1]


def test_only_the_iterations_that_failed_or_had_not_ended_go_on(cloud, queue):
    inner = {
        "S": {**sends(queue), "Next": "C"},
        "C": {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericEquals": 1, "Next": "F"}], "Default": "D"},
        **{name: state for name, state in needs().items() if name in ("F", "X")},
        "D": {"Type": "Pass", "End": True},
    }
    inner["S"]["Parameters"]["MessageBody.$"] = "States.Format('{}', $.n)"
    inner["F"]["Next"] = "X"
    states = {"M": {"Type": "Map", "MaxConcurrency": 1, "ItemProcessor": {"StartAt": "S", "States": inner}, "End": True}}
    execution = start(cloud, make(cloud, states), [{"n": 0}, {"n": 1}, {"n": 2}])
    cloud.sleep(3)
    assert told(cloud, execution)["status"] == "FAILED" and bodies(cloud, queue) == ["0", "1"]
    mend(cloud)
    found = redrive(cloud, execution)
    assert found["status"] == "SUCCEEDED" and bodies(cloud, queue) == ["2"]
    assert [each["n"] for each in json.loads(found["output"])] == [0, 1, 2]


def test_what_failed_within_what_failed_goes_on_there(cloud, queue):
    deep = {"StartAt": "M", "States": {"M": {"Type": "Map", "End": True, "ItemProcessor": {"StartAt": "S", "States": {
        "S": {**sends(queue, MessageBody="deep"), "Next": "F"}, **needs()}}}}}  # fmt: skip
    states = {"P": {"Type": "Parallel", "Branches": [deep, {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 60, "End": True}}}], "End": True}}
    execution = start(cloud, make(cloud, states), [{}])
    cloud.sleep(3)
    assert told(cloud, execution)["status"] == "FAILED"
    mend(cloud)
    redrive(cloud, execution)
    assert told(cloud, execution)["status"] == "RUNNING"
    cloud.sleep(60)
    assert (told(cloud, execution)["status"], bodies(cloud, queue)) == ("SUCCEEDED", ["deep"])


def test_an_execution_that_was_stopped_in_a_parallel_goes_on_in_all_its_branches(cloud, queue):
    branches = [
        {"StartAt": f"W{n}", "States": {f"W{n}": {"Type": "Wait", "Seconds": 10, "Next": f"S{n}"}, f"S{n}": {**sends(queue, MessageBody="b"), "End": True}}}
        for n in range(2)
    ]
    execution = start(cloud, make(cloud, {"P": {"Type": "Parallel", "Branches": branches, "End": True}}))
    cloud.sleep(1)
    cloud.client("stepfunctions").stop_execution(executionArn=execution)
    redrive(cloud, execution)
    cloud.sleep(15)
    assert (told(cloud, execution)["status"], bodies(cloud, queue)) == ("SUCCEEDED", ["b", "b"])


def test_a_failure_that_is_caught_or_tried_again_leaves_nothing_to_redrive_in_the_state(cloud, queue):
    branch = {"StartAt": "N", "States": {"N": {"Type": "Fail", "Error": "No"}}}
    states = {
        "P": {"Type": "Parallel", "Branches": [branch], "Catch": [{"ErrorEquals": ["No"], "ResultPath": None, "Next": "F"}], "End": True}, **needs(),
    }  # fmt: skip
    execution = start(cloud, make(cloud, states), {})
    cloud.sleep(3)
    mend(cloud)
    assert redrive(cloud, execution)["status"] == "SUCCEEDED"
    assert types(cloud, execution).count("ParallelStateEntered") == 1


@pytest.mark.parametrize("kind", ["STANDARD", "EXPRESS"])
def test_a_map_run_is_redriven_with_its_execution(cloud, queue, kind):
    inner = {"S": {**sends(queue), "Next": "C"}, **needs()}
    inner["S"]["Parameters"]["MessageBody.$"] = "States.Format('{}', $.n)"
    inner["C2"] = {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericEquals": 1, "Next": "F"}], "Default": "D"}
    inner["S"]["Next"] = "C2"
    config = {"Mode": "DISTRIBUTED", "ExecutionType": kind}
    states = {"M": {"Type": "Map", "ItemProcessor": {"ProcessorConfig": config, "StartAt": "S", "States": inner}, "End": True}}
    execution = start(cloud, make(cloud, states), [{"n": 0}, {"n": 1}, {"n": 2}])
    cloud.sleep(3)
    assert told(cloud, execution)["status"] == "FAILED" and sorted(bodies(cloud, queue)) == ["0", "1", "2"]
    mend(cloud)
    cloud.restart(kill=True)
    found = redrive(cloud, execution)
    assert found["status"] == "SUCCEEDED" and [each["n"] for each in json.loads(found["output"])] == [0, 1, 2]
    # Who was Express begins anew, others go on where they failed.
    assert bodies(cloud, queue) == (["1"] if kind == "EXPRESS" else [])
    client = cloud.client("stepfunctions")
    (map_run,) = client.list_map_runs(executionArn=execution)["mapRuns"]
    described = client.describe_map_run(mapRunArn=map_run["mapRunArn"])
    assert (described["status"], described["redriveCount"], described["itemCounts"]["succeeded"]) == ("SUCCEEDED", 1, 3)
    history = types(cloud, execution)
    assert history[history.index("ExecutionRedriven") :] == [
        "ExecutionRedriven", "MapRunRedriven", "MapRunSucceeded", "MapStateSucceeded", "MapStateExited", "ExecutionSucceeded"
    ]  # fmt: skip


def test_an_execution_of_a_map_run_is_not_redriven_alone(cloud, queue):
    config = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    inner = {"ProcessorConfig": config, "StartAt": "X", "States": {"X": {"Type": "Fail"}}}
    execution = start(cloud, make(cloud, {"M": {"Type": "Map", "ItemProcessor": inner, "End": True}}), [1])
    cloud.sleep(3)
    client = cloud.client("stepfunctions")
    map_run = client.list_map_runs(executionArn=execution)["mapRuns"][0]["mapRunArn"]
    (child,) = client.list_executions(mapRunArn=map_run)["executions"]
    assert told(cloud, child["executionArn"])["redriveStatus"] == "REDRIVABLE_BY_MAP_RUN"
    with pytest.raises(ClientError, match="ExecutionNotRedrivable"):
        client.redrive_execution(executionArn=child["executionArn"])
