"""TestState: one state tried on its own; what is inspected was recorded from AWS (test_state/test_test_state_scenarios)."""

import json

import pytest
from botocore.exceptions import ClientError
from lambda_workshop import put_role
from states_workshop import ROLE, TRUST


@pytest.fixture
def trial(cloud):
    put_role(cloud, "*", trust=TRUST, arn=ROLE)
    client = cloud.client("stepfunctions", inject_host_prefix=False)

    def run(state: dict, data=None, **more) -> dict:
        found = client.test_state(definition=json.dumps(state), roleArn=ROLE, input=json.dumps({} if data is None else data), **more)
        for place in (found, found.get("inspectionData", {})):
            place.update({name: json.loads(text) for name, text in place.items() if isinstance(text, str) and text[:1] in '{["' and name != "cause"})
        return {name: value for name, value in found.items() if name != "ResponseMetadata"}

    return run


def test_a_pass_state_shows_its_data_at_each_step(trial):
    state = {"Type": "Pass", "InputPath": "$.a", "Parameters": {"x.$": "$.b"}, "ResultPath": "$.made", "Next": "Then"}
    output = {"a": {"b": 1}, "made": {"x": 1}}
    assert trial(state, {"a": {"b": 1}}, inspectionLevel="DEBUG") == {
        "status": "SUCCEEDED", "nextState": "Then", "output": output,
        "inspectionData": {"input": {"a": {"b": 1}}, "afterInputPath": {"b": 1}, "afterParameters": {"x": 1}, "afterResultSelector": {"x": 1},
                           "afterResultPath": output},
    }  # fmt: skip


def test_a_result_is_shown_without_the_input_it_does_not_look_at(trial):
    found = trial({"Type": "Pass", "Result": {"r": 1}, "End": True}, inspectionLevel="DEBUG")
    assert found["inspectionData"] == {"input": {}, "result": {"r": 1}, "afterResultSelector": {"r": 1}, "afterResultPath": {"r": 1}}


def test_a_choice_says_which_state_is_next(trial):
    state = {"Type": "Choice", "Choices": [{"Variable": "$.v", "NumericGreaterThan": 5, "Next": "Large"}], "Default": "Small"}
    assert [trial(state, {"v": v})["nextState"] for v in (9, 1)] == ["Large", "Small"]


def test_a_fail_state_fails(trial):
    assert trial({"Type": "Fail", "Error": "E", "Cause": "c"}) == {"status": "FAILED", "error": "E", "cause": "c"}


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({}, "FAILED"),
        ({"Catch": [{"ErrorEquals": ["States.ALL"], "Next": "C", "ResultPath": "$.e"}]}, "CAUGHT_ERROR"),
        ({"Retry": [{"ErrorEquals": ["States.ALL"]}]}, "RETRIABLE"),
    ],
)
def test_a_task_really_asks_and_its_failure_is_told(trial, more, status):
    state = {"Type": "Task", "Resource": "arn:aws:states:::dynamodb:getItem", "Parameters": {"TableName": "none", "Key": {"id": {"S": "x"}}}, "End": True}
    found = trial(state | more)
    assert (found["status"], found["error"]) == (status, "DynamoDB.ResourceNotFoundException")
    assert found.get("nextState") == ("C" if status == "CAUGHT_ERROR" else None)


def test_variables_and_jsonata_are_seen(trial):
    state = {"QueryLanguage": "JSONata", "Type": "Pass", "Output": {"n": "{% $v + $states.input.w %}"}, "End": True}
    assert trial(state, {"w": 2}, variables='{"v": 1}')["output"] == {"n": 3}


def test_a_map_is_refused_as_aws_refuses_it(trial):
    with pytest.raises(ClientError, match="TestState API does not support Map or Parallel states"):
        trial({"Type": "Map", "ItemProcessor": {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}, "End": True})
