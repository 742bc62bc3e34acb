"""What AWS would bill for state machines: https://aws.amazon.com/step-functions/pricing/"""

from __future__ import annotations

import json

import pytest
from bill_workshop import used
from states_workshop import make, run, start, told

MOVES, REQUESTS, DURATION = (("stepfunctions:standard_transitions", "m"), ("stepfunctions:express_requests", "m"), ("stepfunctions:express_duration", "m"))
CHAIN = {"A": {"Type": "Pass", "Next": "W"}, "W": {"Type": "Wait", "Seconds": 2, "Next": "Z"}, "Z": {"Type": "Succeed"}}
LOST = {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "Parameters": {"QueueUrl": "http://none/000000000000/none", "MessageBody": "x"}}
GB_HOURS_OF_100_MS = 0.1 / 3_600 * 64 / 1_024


def test_each_state_that_a_standard_execution_enters_is_a_transition(cloud):
    found = run(cloud, CHAIN, seconds=10)
    assert found["status"] == "SUCCEEDED"
    assert used(cloud)[MOVES] == 3
    start(cloud, found["stateMachineArn"])
    assert used(cloud)[MOVES] == 5
    cloud.sleep(10)
    assert used(cloud)[MOVES] == 6
    assert not {REQUESTS, DURATION} & used(cloud).keys()


def test_branches_and_iterations_count_their_states(cloud):
    each = {"ItemProcessor": {"StartAt": "B", "States": {"B": {"Type": "Pass", "End": True}}}}
    assert run(cloud, {"M": {"Type": "Map", **each, "End": True}}, [1, 2, 3], seconds=5)["status"] == "SUCCEEDED"
    assert used(cloud)[MOVES] == 4


def test_each_retry_is_one_more(cloud):
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 2}]
    assert run(cloud, {"T": {**LOST, "Retry": retry, "End": True}}, seconds=30)["status"] == "FAILED"
    assert used(cloud)[MOVES] == 3


def test_what_is_done_again_by_a_redrive_is_one_more(cloud):
    execution = run(cloud, {"A": {"Type": "Pass", "Next": "T"}, "T": {**LOST, "End": True}}, seconds=5)["executionArn"]
    assert told(cloud, execution)["status"] == "FAILED" and used(cloud)[MOVES] == 2
    cloud.client("stepfunctions").redrive_execution(executionArn=execution)
    cloud.sleep(5)
    assert told(cloud, execution)["status"] == "FAILED" and used(cloud)[MOVES] == 3


@pytest.mark.parametrize("operation", ["start_execution", "start_sync_execution"])
def test_an_express_execution_is_a_request_and_memory_by_100_ms(cloud, operation):
    machine = make(cloud, CHAIN, kind="EXPRESS")
    task = cloud.start(getattr(cloud.client("stepfunctions"), operation), stateMachineArn=machine)
    cloud.sleep(10)
    billed = cloud.wait(task).get("billingDetails", {"billedDurationInMilliseconds": 2_000})
    found = used(cloud)
    assert found[REQUESTS] == 1 and MOVES not in found
    assert billed["billedDurationInMilliseconds"] in (2_000, 2_100)
    assert found[DURATION] == pytest.approx(billed["billedDurationInMilliseconds"] / 100 * GB_HOURS_OF_100_MS, rel=0.06)


def test_an_express_execution_that_takes_no_time_counts_100_ms(cloud):
    machine = make(cloud, {"A": {"Type": "Pass", "End": True}}, kind="EXPRESS")
    answer = cloud.client("stepfunctions").start_sync_execution(stateMachineArn=machine, input=json.dumps({}))
    assert answer["billingDetails"] == {"billedMemoryUsedInMB": 64, "billedDurationInMilliseconds": 100}
    assert used(cloud)[DURATION] == pytest.approx(GB_HOURS_OF_100_MS)


@pytest.mark.parametrize(("kind", "moves", "requests"), [("EXPRESS", 1, 3), ("STANDARD", 4, 0)])
def test_what_a_map_run_begins_is_billed_as_its_own_type_is(cloud, kind, moves, requests):
    processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": kind}, "StartAt": "B", "States": {"B": {"Type": "Pass", "End": True}}}
    assert run(cloud, {"M": {"Type": "Map", "ItemProcessor": processor, "End": True}}, [1, 2, 3], seconds=30)["status"] == "SUCCEEDED"
    found = used(cloud)
    assert sum(count for (usage, _), count in found.items() if usage == MOVES[0]) == moves
    assert sum(count for (usage, _), count in found.items() if usage == REQUESTS[0]) == requests
