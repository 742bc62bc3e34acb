"""TestState with mocks: what may be mocked, what is made of it, and what is shown of the way.

Recorded: stepfunctions/v2/test_state of localstack/localstack, the files that the tests name.
"""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError
from endpoint_workshop import Endpoint
from lambda_workshop import put_role
from refusals import refused
from states_workshop import ROLE, TRUST

ACTIVITY = "arn:aws:states:us-east-1:000000000000:activity:a"
LAMBDA = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "f"}, "End": True}
PASSING = {"StartAt": "Inner", "States": {"Inner": {"Type": "Pass", "End": True}}}
ITEMS = {
    "Type": "Map", "ItemsPath": "$.values", "End": True,
    "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **PASSING},
}  # fmt: skip
PARALLEL = {"Type": "Parallel", "Branches": [PASSING, {"StartAt": "B", "States": {"B": {"Type": "Succeed"}}}], "End": True}
FAILS = {"errorOutput": {"error": "Own", "cause": "because"}}


@pytest.fixture
def trial(cloud):
    """A state, or a machine by ``stateName``, tried with a mock; without a role, for nobody is asked."""
    client = cloud.client("stepfunctions", inject_host_prefix=False)

    def run(definition: dict, data=None, *, result=None, level: str = "DEBUG", **more) -> dict:
        mock = {"mock": {"result": json.dumps(result)}} if result is not None else {}
        text = data if isinstance(data, str) else json.dumps({} if data is None else data)
        found = client.test_state(definition=json.dumps(definition), input=text, inspectionLevel=level, **mock, **more)
        return {name: value for name, value in found.items() if name != "ResponseMetadata"}

    return run


def asking(resource: str) -> dict:
    """A task that says what its service has to be told."""
    said = {"events:putEvents": {"Entries": []}, "states:startExecution": {"StateMachineArn": "a"}, "sqs:sendMessage": {"QueueUrl": "q", "MessageBody": "m"}}
    told = said.get(resource.partition(".")[0], {"FunctionName": "f"} if resource == "lambda:invoke" else {})
    return {"Type": "Task", "Resource": f"arn:aws:states:::{resource}", "Parameters": told, "End": True}


def test_a_mocked_result_stands_for_the_work_of_a_task(trial):
    state = LAMBDA | {"ResultSelector": {"n.$": "$.Payload"}, "ResultPath": "$.made", "Next": "Then"}
    del state["End"]
    found = trial(state, {"a": 1}, result={"Payload": "x"})
    assert (found["status"], found["nextState"], json.loads(found["output"])) == ("SUCCEEDED", "Then", {"a": 1, "made": {"n": "x"}})
    shown = {name: json.loads(text) for name, text in found["inspectionData"].items()}
    assert shown["result"] == {"Payload": "x"} and shown["afterResultSelector"] == {"n": "x"}
    assert shown["afterParameters"] == {"FunctionName": "f"}


def test_what_was_given_is_shown_as_it_was_written(trial):
    # test_state_configuration: afterItemsPath keeps the spaces of the input.
    found = trial(ITEMS, '{"values": ["a",  "b"]}', result=[1, 2])
    assert found["inspectionData"]["afterItemsPath"] == '["a",  "b"]'
    assert found["output"] == "[1, 2]"


@pytest.mark.parametrize("type_", ["Pass", "Succeed", "Wait"])
def test_states_without_work_take_no_mock(trial, type_):
    # test_state_mock_validation
    state = {"Type": type_, **({} if type_ == "Succeed" else {"End": True}), **({"Seconds": 1} if type_ == "Wait" else {})}
    assert refused(trial, state, result={})[1] == f"State type '{type_}' is not supported when a mock is specified"


@pytest.mark.parametrize(
    ("state", "mock", "said"),
    [
        (LAMBDA, {"result": "{}", **FAILS}, "A test mock should have only one of the following fields: [result, errorOutput]."),
        (LAMBDA, {"result": "no JSON", "fieldValidationMode": "NONE"}, "Mocked result must be valid JSON"),
        (ITEMS, {"result": "{}"}, "Mocked result must be an array."),
        (PARALLEL, {"result": "[1]"}, "Mocked result must contain the same number of items as number of Parallel branches."),
    ],
)
def test_a_mock_must_fit_the_state(trial, state, mock, said):
    assert refused(trial, state, {"values": []}, mock=mock)[1] == said


def test_a_map_that_writes_its_results_answers_where_to(trial):
    writing = ITEMS | {"ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "b"}}}
    assert refused(trial, writing, {"values": []}, result=[1])[1] == "Mocked result must be a JSON object."
    assert trial(writing, {"values": []}, result={"MapRunArn": "x"})["status"] == "SUCCEEDED"


@pytest.mark.parametrize(
    ("resource", "result", "said"),
    [
        ("events:putEvents", {"Entries": "x"}, "Field 'Entries' must be an array"),
        ("events:putEvents", {"Entries": [{"EventId": "1"}, {"EventId": ["2"]}]}, "Field 'EventId' must be a string"),
        ("states:startExecution", {}, "Required field 'ExecutionArn' is missing"),
        ("states:startExecution", {"ExecutionArn": "a", "StartDate": 1}, "Field 'StartDate' must be a string"),
        ("lambda:invoke", {"StatusCode": "200"}, "Field 'StatusCode' must be a number"),
        ("aws-sdk:s3:getObject", {"StorageClass": "Papyrus"}, "Field 'StorageClass' is not an expected value"),
        ("aws-sdk:kms:encrypt", {"CiphertextBlob": ""}, "Field 'CiphertextBlob' is smaller than the minimum length"),
        ("aws-sdk:lambda:getFunction", {"Configuration": {"MemorySize": 127}}, "Field 'MemorySize' is less than the minimum value"),
    ],
)
def test_a_mock_is_held_against_the_model_of_the_answer(trial, resource, result, said):
    # test_field_validation_mode
    state = asking(resource)
    assert refused(trial, state, result=result)[1] == f"Mock result schema validation error: {said}"
    assert trial(state, mock={"result": json.dumps(result), "fieldValidationMode": "NONE"})["status"] == "SUCCEEDED"


def test_present_fields_alone_are_checked_if_so_wanted(trial):
    # test_field_validation_mode_present
    state = asking("states:startExecution")
    assert trial(state, mock={"result": "{}", "fieldValidationMode": "PRESENT"})["output"] == "{}"
    assert "must be a string" in refused(trial, state, mock={"result": '{"ExecutionArn": 1}', "fieldValidationMode": "PRESENT"})[1]


def test_where_the_end_is_waited_for_the_mock_describes_the_end(trial):
    # https://github.com/boto/boto3/issues/4683
    state = asking("states:startExecution.sync:2")
    assert refused(trial, state, result={"ExecutionArn": "a", "StartDate": "d"})[1].endswith("Required field 'StateMachineArn' is missing")


def test_services_that_are_not_here_can_be_mocked(trial):
    state = asking("aws-sdk:bedrockruntime:invokeModel")
    assert trial(state, result={"Body": "b", "ContentType": "text/plain"})["status"] == "SUCCEEDED"


def test_what_waits_for_others_is_tried_with_a_mock_only(trial):
    # https://docs.aws.amazon.com/step-functions/latest/apireference/API_TestState.html
    for resource in ("sqs:sendMessage.waitForTaskToken", "states:startExecution.sync", "activity"):
        state = {"Type": "Task", "Resource": ACTIVITY, "End": True} if resource == "activity" else asking(resource)
        assert "when a mock is specified" in refused(trial, state, roleArn=ROLE)[1]
        assert trial(state, mock={"result": "{}", "fieldValidationMode": "NONE"})["status"] == "SUCCEEDED"


# Failures --------------------------------------------------------------------------------------------


def test_a_mocked_error_is_caught_or_tried_again(trial):
    # test_state_configuration_retrier_retry_count, test_state_task_catch_error
    retry = {"ErrorEquals": ["Own"], "IntervalSeconds": 1, "MaxAttempts": 5, "BackoffRate": 2.0}
    state = LAMBDA | {"Retry": [{"ErrorEquals": ["Other"]}, retry], "Catch": [{"ErrorEquals": ["States.TaskFailed"], "Next": "C", "ResultPath": "$.e"}]}
    found = trial(state, mock=FAILS, stateConfiguration={"retrierRetryCount": 4})
    assert (found["status"], found["error"], found["cause"]) == ("RETRIABLE", "Own", "because")
    assert found["inspectionData"]["errorDetails"] == {"retryIndex": 1, "retryBackoffIntervalSeconds": 16}
    found = trial(state, mock=FAILS, stateConfiguration={"retrierRetryCount": 5})
    assert (found["status"], found["nextState"]) == ("CAUGHT_ERROR", "C")
    assert json.loads(found["output"]) == {"e": {"Error": "Own", "Cause": "because"}}
    assert found["inspectionData"]["errorDetails"] == {"retryIndex": 1, "catchIndex": 0}


def test_iterations_that_fail_count_against_the_threshold(trial):
    # test_map_state_failure_count: without a threshold nothing is exceeded.
    data = {"values": [1, 2, 3]}

    def tried(state: dict, count: int) -> dict:
        return trial(state, data, result=[0, 0, 1], stateConfiguration={"mapIterationFailureCount": count})

    assert tried(ITEMS, 2)["status"] == "SUCCEEDED"
    bounded = ITEMS | {"ToleratedFailureCount": 1}
    assert tried(bounded, 1)["inspectionData"]["toleratedFailureCount"] == 1
    assert tried(bounded, 2)["error"] == "States.ExceedToleratedFailureThreshold"
    assert tried(ITEMS | {"ToleratedFailurePercentage": 50}, 2)["status"] == "FAILED"
    with pytest.raises(ClientError, match="Map iteration failure count must be less than or equal to the number of Map iterations"):
        tried(ITEMS, 4)


def test_an_error_of_a_state_within_is_the_maps(trial):
    # test_map_state_error_caused_by_state; a task within fails as tasks do.
    state = ITEMS | {"ItemProcessor": {"StartAt": "T", "States": {"T": LAMBDA}}, "Catch": [{"ErrorEquals": ["States.TaskFailed"], "Next": "C"}]}
    data = {"values": [1]}
    assert trial(state, data, mock=FAILS)["status"] == "FAILED"
    assert trial(state, data, mock=FAILS, stateConfiguration={"errorCausedByState": "T"})["status"] == "CAUGHT_ERROR"
    assert refused(trial, state, data, mock=FAILS, stateConfiguration={"errorCausedByState": "U"})[1] == "State not found in definition"


def test_configurations_are_for_mocks_and_for_their_states(trial):
    said = "TestState does not support MapIterationFailureCount when a mock is not specified."
    assert refused(trial, ITEMS, stateConfiguration={"mapIterationFailureCount": 0})[1] == said
    assert "'Task' is not supported" in refused(trial, LAMBDA, result={}, stateConfiguration={"mapIterationFailureCount": 0})[1]


# Maps ------------------------------------------------------------------------------------------------


def test_a_map_shows_what_its_iterations_would_be_given(trial):
    state = ITEMS | {
        "ItemSelector": {"i.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value"}, "ItemBatcher": {"MaxItemsPerBatch": 2}, "MaxConcurrency": 7,
    }  # fmt: skip
    shown = trial(state, {"values": ["a", "b", "c"]}, result=[1, 2])["inspectionData"]
    items = [{"i": 0, "v": "a"}, {"i": 1, "v": "b"}, {"i": 2, "v": "c"}]
    assert json.loads(shown["afterItemSelector"]) == items
    assert json.loads(shown["afterItemBatcher"]) == [{"Items": items[:2]}, {"Items": items[2:]}]
    assert shown["maxConcurrency"] == 7


def test_what_an_item_reader_would_read_can_be_told(trial):
    # test_state_machine_configuration_map_iteration_item_reader
    reader = {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "JSON", "ItemsPointer": "/a/b~1c"}, "Parameters": {"Bucket": "b", "Key": "k"}}
    state = {name: value for name, value in ITEMS.items() if name != "ItemsPath"} | {"ItemReader": reader, "ItemSelector": {"v.$": "$$.Map.Item.Value"}}
    told = {"mapItemReaderData": json.dumps({"a": {"b/c": [4, 5]}})}
    shown = trial(state, result=[1, 2], stateConfiguration=told)["inspectionData"]
    assert (shown["afterItemsPointer"], shown["afterItemSelector"]) == ("[4,5]", '[{"v":4},{"v":5}]')
    assert "afterItemSelector" not in trial(state, result=[1, 2])["inspectionData"]


def test_a_parallel_joins_its_mocked_branches(trial):
    # test_io_parallel_state_mock_success
    found = trial(PARALLEL | {"InputPath": "$.in", "ResultPath": "$.out"}, {"in": 1}, result=[{"b": 1}, {"b": 2}])
    assert json.loads(found["output"]) == {"in": 1, "out": [{"b": 1}, {"b": 2}]}
    assert found["inspectionData"].keys() == {"input", "afterResultSelector", "afterResultPath"}


# State machines, context and variables ---------------------------------------------------------------


def test_a_state_of_a_state_machine_is_tried_by_its_name_wherever_it_stands(trial):
    # test_base_state_name
    machine = {"StartAt": "M", "States": {"M": ITEMS}}
    assert trial(machine, {"v": 1}, stateName="Inner")["output"] == '{"v": 1}'
    assert refused(trial, machine, stateName="Outer")[1] == "State not found in definition"
    machine = {"StartAt": "M", "States": {"M": {"Type": "None", "End": True}}}
    assert "should have one of these values" in refused(trial, machine, stateName="M")[1]


def test_a_context_object_can_be_told(trial):
    # test_state_context_object: it is all that the state sees.
    state = LAMBDA | {"ResultSelector": {"c.$": "$$"}}
    told = {"Execution": {"Id": "e", "Input": {"i": 1}}, "State": {"RetryCount": 2}}
    assert json.loads(trial(state, result={}, context=json.dumps(told))["output"]) == {"c": told}
    assert json.loads(trial(state, result={}, context="{}")["output"]) == {"c": {}}


@pytest.mark.parametrize(
    ("context", "said"),
    [
        ({"Execution": {"Id": 1}}, "Execution.Id must be a string"),
        ({"Map": {}}, "'Map' field is not supported when mocking a Context object"),
        ({"Execution": {"other": 1}}, "Field 'other' is not allowed"),
        ({"Other": {}}, "Field 'Other' is not allowed"),
        ({"Task": {"Token": "t"}}, "Context object contains 'Task' when state is not a Task state with a '.sync' or '.waitForTaskToken' service integration pattern"),
    ],
)  # fmt: skip
def test_a_context_object_has_aws_fields_only(trial, context, said):
    assert refused(trial, LAMBDA, result={}, context=json.dumps(context))[1] == f"Invalid Context object provided: {said}"


def test_the_token_of_a_context_object_is_sent(trial):
    state = {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "End": True,
             "Parameters": {"QueueUrl": "q", "MessageBody": {"t.$": "$$.Task.Token"}}}  # fmt: skip
    shown = trial(state, result={"any": 1}, context='{"Task": {"Token": "abc"}}')["inspectionData"]
    assert json.loads(shown["afterParameters"])["MessageBody"] == {"t": "abc"}


def test_variables_are_shown_with_those_that_are_assigned(trial):
    # test_state_with_variables
    state = {"QueryLanguage": "JSONata", "Type": "Pass", "Assign": {"w": "{% $v + 1 %}"}, "End": True}
    shown = trial(state, variables='{"v": 1}')["inspectionData"]
    assert json.loads(shown["variables"]) == {"v": 1, "w": 2}
    assert "variables" not in trial(state | {"Assign": {}})["inspectionData"]


def test_the_context_of_a_trial_is_that_of_an_express_execution_that_is_waited_for(trial):
    # test_state_with_variables: no RedriveCount, no role where none was told, and every state is called StateName.
    state = {"Type": "Pass", "Parameters": {"c.$": "$$"}, "End": True}
    context = json.loads(trial({"StartAt": "P", "States": {"P": state}}, stateName="P")["output"])["c"]
    assert context["Execution"].keys() == {"Id", "Input", "Name", "RoleArn", "StartTime"} and context["Execution"]["RoleArn"] is None
    assert context["State"]["Name"] == "StateName"


# What is not mocked ------------------------------------------------------------------------------------


def test_a_trial_lasts_five_minutes_at_most(cloud):
    client = cloud.client("stepfunctions", inject_host_prefix=False)
    found = client.test_state(definition=json.dumps({"Type": "Wait", "Seconds": 301, "End": True}))
    assert (found["status"], found["error"]) == ("FAILED", "States.Timeout")


@pytest.mark.parametrize("reveals", [False, True])
def test_an_http_task_shows_what_it_sends_and_hears_and_secrets_if_asked(cloud, reveals):
    put_role(cloud, "*", trust=TRUST, arn=ROLE)
    key = {"ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": "secret"}}
    connection = cloud.client("events").create_connection(Name="c", AuthorizationType="API_KEY", AuthParameters=key)["ConnectionArn"]
    endpoint = Endpoint()
    try:
        parameters = {"ApiEndpoint": f"{endpoint.url}/pets", "Method": "POST", "Authentication": {"ConnectionArn": connection}, "RequestBody": {"a": 1}}
        state = {"Type": "Task", "Resource": "arn:aws:states:::http:invoke", "Parameters": parameters, "End": True}
        client = cloud.client("stepfunctions", inject_host_prefix=False)
        more = {"definition": json.dumps(state), "roleArn": ROLE, "revealSecrets": reveals}
        shown = client.test_state(**more, inspectionLevel="TRACE")["inspectionData"]
        assert (shown["request"]["method"], shown["request"]["url"], shown["request"]["body"]) == ("POST", f"{endpoint.url}/pets", '{"a":1}')
        assert ("X-Key: secret" in shown["request"]["headers"]) is reveals
        assert (shown["response"]["statusCode"], shown["response"]["statusMessage"]) == ("200", "OK")
        assert "request" not in client.test_state(**more, inspectionLevel="DEBUG")["inspectionData"]
    finally:
        endpoint.close()
