"""What states do, seen in the output and in the history of executions.

Orders of events and the numbers they point back to were recorded from AWS (localstack's validated tests of stepfunctions/v2).
"""

import json
from datetime import UTC

import pytest
from botocore.exceptions import ClientError
from states_workshop import events, make, run, start, told, types

ECHO = {"StartAt": "I", "States": {"I": {"Type": "Pass", "End": True}}}


def test_pass_states_shape_their_data_by_paths_and_templates(cloud):
    found = run(
        cloud,
        {
            "A": {"Type": "Pass", "InputPath": "$.in", "Parameters": {"name.$": "$.name", "all.$": "$$.Execution.Input", "fix": 1},
                  "ResultPath": "$.made", "Next": "B"},
            "B": {"Type": "Pass", "Result": [1, 2], "ResultPath": "$.made.list", "OutputPath": "$.made", "End": True},
        },
        {"in": {"name": "x"}},
    )  # fmt: skip
    assert found["output"] == {"name": "x", "all": {"in": {"name": "x"}}, "fix": 1, "list": [1, 2]}


def test_a_state_reads_the_same_millisecond_that_an_answer_tells(cloud):
    # localstack's test_execution_dateformat
    arn = make(cloud, {"A": {"Type": "Pass", "Parameters": {"at.$": "$$.Execution.StartTime"}, "End": True}})
    for _ in range(8):
        cloud.sleep(0.01031)
        execution = start(cloud, arn)
        cloud.sleep(1)
        found = told(cloud, execution)
        assert json.loads(found["output"])["at"] == found["startDate"].astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def test_a_history_begins_with_the_start_and_each_event_points_to_the_one_before_it(cloud):
    found = run(cloud, {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Succeed"}})
    assert events(cloud, found["executionArn"]) == [
        (1, 0, "ExecutionStarted"),
        (2, 0, "PassStateEntered"),
        (3, 2, "PassStateExited"),
        (4, 3, "SucceedStateEntered"),
        (5, 4, "SucceedStateExited"),
        (6, 5, "ExecutionSucceeded"),
    ]


def test_wait_states_wait_as_long_as_they_say(cloud):
    execution = start(cloud, make(cloud, {"W": {"Type": "Wait", "SecondsPath": "$.s", "End": True}}), {"s": 100})
    cloud.sleep(99)
    assert told(cloud, execution)["status"] == "RUNNING"
    cloud.sleep(2)
    assert told(cloud, execution)["status"] == "SUCCEEDED"


@pytest.mark.parametrize(
    ("value", "cause"),
    [
        (-1, "The SecondsPath parameter references a negative value: $.s == -1"),
        (1.5, "The SecondsPath parameter cannot be parsed as a long value: $.s == 1.5"),
    ],
)
def test_a_wait_for_what_is_no_time_fails_in_the_words_of_aws(cloud, value, cause):
    found = run(cloud, {"W": {"Type": "Wait", "SecondsPath": "$.s", "End": True}}, {"s": value})
    assert (found["error"], found["cause"]) == (
        "States.Runtime",
        f"An error occurred while executing the state 'W' (entered at the event id #2). {cause}",
    )


@pytest.mark.parametrize(
    ("data", "chosen"),
    [({"n": 5}, "Small"), ({"n": 50}, "Large"), ({"s": "log-7.txt"}, "Log"), ({"at": "2030-01-01T00:00:00Z"}, "Then"), ({}, "Other")],
)
def test_choice_states_choose_the_first_rule_that_holds(cloud, data, chosen):
    ends = {name: {"Type": "Pass", "Result": name, "End": True} for name in ("Small", "Large", "Log", "Then", "Other")}
    present = {"Variable": "$.n", "IsPresent": True}
    found = run(
        cloud,
        {
            "C": {
                "Type": "Choice",
                "Choices": [
                    {"And": [present, {"Variable": "$.n", "NumericLessThan": 10}], "Next": "Small"},
                    {"And": [present, {"Not": {"Variable": "$.n", "NumericLessThan": 10}}], "Next": "Large"},
                    {"And": [{"Variable": "$.s", "IsPresent": True}, {"Variable": "$.s", "StringMatches": "log-*.txt"}], "Next": "Log"},
                    {"And": [{"Variable": "$.at", "IsPresent": True}, {"Variable": "$.at", "IsTimestamp": True}], "Next": "Then"},
                ],
                "Default": "Other",
            },
            **ends,
        },
        data,
    )
    assert found["output"] == chosen


def test_a_choice_that_nothing_matches_fails(cloud):
    states = {"C": {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericEquals": 1, "Next": "E"}]}, "E": {"Type": "Succeed"}}
    assert run(cloud, states, {"n": 2})["error"] == "States.NoChoiceMatched"


def test_a_fail_state_says_what_its_paths_lead_to(cloud):
    found = run(cloud, {"F": {"Type": "Fail", "ErrorPath": "$.e", "CausePath": "States.Format('because of {}', $.c)"}}, {"e": "Bad", "c": 7})
    assert (found["status"], found["error"], found["cause"]) == ("FAILED", "Bad", "because of 7")
    assert types(cloud, found["executionArn"])[-1] == "ExecutionFailed"


def test_parallel_branches_end_together_and_their_outputs_keep_their_order(cloud):
    slow = {"StartAt": "S", "States": {"S": {"Type": "Wait", "Seconds": 5, "Next": "T"}, "T": {"Type": "Pass", "Result": "slow", "End": True}}}
    fast = {"StartAt": "F", "States": {"F": {"Type": "Pass", "Result": "fast", "End": True}}}
    found = run(cloud, {"P": {"Type": "Parallel", "Branches": [slow, fast], "ResultPath": "$.r", "End": True}}, seconds=10)
    assert found["output"] == {"r": ["slow", "fast"]}
    assert events(cloud, found["executionArn"])[-3:] == [
        (10, 9, "ParallelStateSucceeded"),
        (11, 9, "ParallelStateExited"),
        (12, 11, "ExecutionSucceeded"),
    ]


def test_a_branch_that_fails_takes_the_others_along_and_can_be_caught(cloud):
    states = {
        "P": {
            "Type": "Parallel",
            "Branches": [
                {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 100, "End": True}}},
                {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "E", "Cause": "c"}}},
            ],
            "Catch": [{"ErrorEquals": ["E"], "ResultPath": "$.error", "Next": "R"}],
            "End": True,
        },
        "R": {"Type": "Pass", "End": True},
    }
    found = run(cloud, states, {"x": 1})
    assert found["output"] == {"x": 1, "error": {"Error": "E", "Cause": "c"}}
    assert types(cloud, found["executionArn"]) == [
        "ExecutionStarted", "ParallelStateEntered", "ParallelStateStarted", "WaitStateEntered", "FailStateEntered", "WaitStateAborted",
        "ParallelStateFailed", "ParallelStateExited", "PassStateEntered", "PassStateExited", "ExecutionSucceeded",
    ]  # fmt: skip


def test_a_map_runs_one_iteration_for_each_item_and_no_more_at_once_than_allowed(cloud):
    wait = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 10, "End": True}}}
    states = {
        "M": {
            "Type": "Map", "ItemsPath": "$.items", "MaxConcurrency": 2, "ItemProcessor": wait, "End": True,
            "ItemSelector": {"at.$": "$$.Map.Item.Index", "value.$": "$$.Map.Item.Value", "of.$": "$.name"},
        }
    }  # fmt: skip
    execution = start(cloud, make(cloud, states), {"items": ["a", "b", "c"], "name": "n"})
    cloud.sleep(15)
    assert told(cloud, execution)["status"] == "RUNNING"
    cloud.sleep(10)
    assert json.loads(told(cloud, execution)["output"]) == [
        {"at": 0, "value": "a", "of": "n"}, {"at": 1, "value": "b", "of": "n"}, {"at": 2, "value": "c", "of": "n"},
    ]  # fmt: skip


def test_iterations_of_one_at_a_time_point_back_as_aws_lets_them(cloud):
    found = run(cloud, {"M": {"Type": "Map", "MaxConcurrency": 1, "ItemProcessor": ECHO, "End": True}}, [1, 2])
    assert events(cloud, found["executionArn"])[2:] == [
        (3, 2, "MapStateStarted"),
        (4, 3, "MapIterationStarted"),
        (5, 4, "PassStateEntered"),
        (6, 5, "PassStateExited"),
        (7, 6, "MapIterationSucceeded"),
        (8, 6, "MapIterationStarted"),
        (9, 8, "PassStateEntered"),
        (10, 9, "PassStateExited"),
        (11, 10, "MapIterationSucceeded"),
        (12, 11, "MapStateSucceeded"),
        (13, 11, "MapStateExited"),
        (14, 13, "ExecutionSucceeded"),
    ]


def test_a_map_over_nothing_answers_nothing(cloud):
    found = run(cloud, {"M": {"Type": "Map", "ItemProcessor": ECHO, "End": True}}, [])
    assert found["output"] == []


def test_a_map_is_retried_as_a_whole_with_growing_delays(cloud):
    states = {
        "M": {
            "Type": "Map", "End": True,
            "ItemProcessor": {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "E"}}},
            "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 10, "MaxAttempts": 2, "BackoffRate": 3}],
        }
    }  # fmt: skip
    execution = start(cloud, make(cloud, states), [1])
    seen = []
    for seconds in (5, 6, 28, 3):
        cloud.sleep(seconds)
        seen.append(types(cloud, execution).count("MapStateStarted"))
    assert seen == [1, 2, 2, 3]
    assert told(cloud, execution)["status"] == "FAILED"


def test_variables_are_seen_inside_of_maps_and_stay_inside_where_they_are_assigned_there(cloud):
    inner = {"StartAt": "I", "States": {"I": {"Type": "Pass", "Parameters": {"sum.$": "States.MathAdd($base, $)"}, "Assign": {"own.$": "$"}, "End": True}}}
    states = {
        "A": {"Type": "Pass", "Assign": {"base": 10}, "Next": "M"},
        "M": {"Type": "Map", "ItemProcessor": inner, "Next": "B"},
        "B": {"Type": "Pass", "Parameters": {"base.$": "$base", "own.$": "$own"}, "End": True},
    }
    found = run(cloud, states, [1, 2])
    assert found["error"] == "States.Runtime" and "$own" in found["cause"]
    outputs = [
        json.loads(event["stateExitedEventDetails"]["output"])
        for event in cloud.client("stepfunctions").get_execution_history(executionArn=found["executionArn"])["events"]
        if event["type"] == "MapStateExited"
    ]
    assert outputs == [[{"sum": 11}, {"sum": 12}]]


def test_jsonata_states_compute_arguments_outputs_and_conditions(cloud):
    found = run(
        cloud,
        {
            "A": {"Type": "Pass", "Assign": {"n": "{% $sum($states.input.prices) %}"}, "Next": "C"},
            "C": {"Type": "Choice", "Choices": [{"Condition": "{% $n > 5 %}", "Next": "B"}], "Default": "F"},
            "B": {"Type": "Pass", "Output": {"n": "{% $n %}", "pairs": "{% $partition($states.input.prices, 2) %}", "is": "text {% no %}",
                                         "ranges": ["{% $range(0, 4, 2) %}", "{% $range(1, 1, 1) %}"]}, "End": True},
            "F": {"Type": "Fail"},
        },
        {"prices": [1, 2, 3]},
        QueryLanguage="JSONata",
    )  # fmt: skip
    # A range of one number: localstack's test_array_range.
    assert found["output"] == {"n": 6, "pairs": [[1, 2], [3]], "is": "text {% no %}", "ranges": [[0, 2, 4], 1]}


@pytest.mark.parametrize(
    ("expression", "cause"),
    [
        ("$nothing", "The JSONata expression '$nothing' specified for the field 'Output/x' returned nothing (undefined)."),
        ("$eval('1')", "threw an error during evaluation. T1006: Attempted to invoke a non-function"),
        ("($f := function($x){$f($x)}; $f(1))", "threw an error during evaluation. D1012"),
    ],
)
def test_an_expression_that_fails_is_told_in_the_history(cloud, expression, cause):
    states = {"A": {"Type": "Pass", "Output": {"x": f"{{% {expression} %}}"}, "End": True}}
    found = run(cloud, states, QueryLanguage="JSONata")
    assert found["error"] == "States.QueryEvaluationError" and cause in found["cause"]
    assert events(cloud, found["executionArn"])[2:] == [(3, 0, "EvaluationFailed"), (4, 3, "ExecutionFailed")]


def test_a_result_of_more_than_256_kib_fails(cloud):
    found = run(cloud, {"A": {"Type": "Pass", "Result": "x" * 263_000, "End": True}})
    assert found["error"] == "States.DataLimitExceeded"
    assert found["cause"] == "The state/task 'A' returned a result with a size exceeding the maximum number of bytes service limit."


def test_a_task_that_answers_too_much_is_caught_by_all(cloud):
    # AWS's page says that States.ALL never catches it. Recorded otherwise, twice: localstack's error_handling/test_states_errors,
    # test_*_catch_state_all_data_limit_exceeded_on_large_utf8_response.
    files = cloud.client("s3")
    files.create_bucket(Bucket="large")
    files.put_object(Bucket="large", Key="k", Body=b"x" * 263_000)
    states = {
        "T": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:getObject", "Parameters": {"Bucket": "large", "Key": "k"},
              "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "C"}], "End": True},
        "C": {"Type": "Pass", "End": True},
    }  # fmt: skip
    found = run(cloud, states)
    assert found["status"] == "SUCCEEDED"
    assert found["output"] == {
        "Error": "States.DataLimitExceeded",
        "Cause": "The state/task 'aws-sdk:s3' returned a result with a size exceeding the maximum number of bytes service limit.",
    }


def test_a_variable_may_be_null_in_jsonata(cloud):
    states = {
        "A": {"Type": "Pass", "Assign": {"all": None}, "Next": "B"},
        "B": {"Type": "Pass", "Output": "{% [$type($states.input.x), $type($all), $exists($all)] %}", "End": True},
    }
    assert run(cloud, states, {"x": None}, QueryLanguage="JSONata")["output"] == ["null", "null", True]


def test_a_variable_that_is_null_is_no_array_of_items(cloud):
    # Recorded: localstack's test_map_state_items_eval_jsonata_variable_sampling_fail[null].
    states = {
        "A": {"Type": "Pass", "Assign": {"all": None}, "Next": "M"},
        "M": {"Type": "Map", "Items": "{% $all %}", "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, **ECHO}, "End": True},
    }
    found = run(cloud, states, QueryLanguage="JSONata")
    assert found["error"] == "States.QueryEvaluationError"
    assert found["cause"].endswith(
        "The JSONata expression '$all' specified for the field 'Items' returned an unexpected result type. "
        "Expected 'array', but was 'null' for value: null"
    )


def test_a_history_of_25000_events_is_the_end(cloud):
    states = {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Choice", "Choices": [{"Variable": "$.x", "IsPresent": True, "Next": "E"}], "Default": "A"},
              "E": {"Type": "Succeed"}}  # fmt: skip
    found = run(cloud, states, seconds=60)
    assert (found["status"], found["error"]) == ("FAILED", "States.Runtime")
    assert "25000" in found["cause"]
    client = cloud.client("stepfunctions")
    last = client.get_execution_history(executionArn=found["executionArn"], reverseOrder=True, maxResults=1)["events"][0]
    assert (last["id"], last["type"]) == (25_000, "ExecutionFailed")


def test_an_execution_that_takes_longer_than_its_machine_allows_times_out(cloud):
    found = run(cloud, {"W": {"Type": "Wait", "Seconds": 100, "End": True}}, seconds=11, TimeoutSeconds=10)
    assert found["status"] == "TIMED_OUT"
    assert types(cloud, found["executionArn"])[-1] == "ExecutionTimedOut"


def one(name: str, state: dict) -> dict:
    return {"StartAt": name, "States": {name: state}}


INVOKE, ASKS = "arn:aws:states:::lambda:invoke", {"FunctionName": "f"}
MEASURED = [
    ({"Type": "Task", "Resource": INVOKE, "Parameters": ASKS, "Retry": [{"ErrorEquals": ["States.ALL", "X"]}], "End": True},
     "States.ALL must appear alone and at end of list at /States/A/Retry[0]/ErrorEquals[0]"),
    ({"Type": "Wait", "Seconds": 1, "Timestamp": "2030-01-01T00:00:00Z", "End": True},
     "There should only be one of the following fields: [SecondsPath, Seconds, TimestampPath, Timestamp] at /States/A"),
    ({"Type": "Map", "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED"}, **one("B", {"Type": "Succeed"})}, "End": True},
     "These fields are required: [ExecutionType] at /States/A/ItemProcessor/ProcessorConfig"),
    ({"Type": "Map", "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE", "ExecutionType": "STANDARD"}, **one("B", {"Type": "Succeed"})}, "End": True},
     "Field 'ExecutionType' is not supported at /States/A/ItemProcessor/ProcessorConfig"),
    ({"Type": "Task", "Resource": INVOKE, "End": True}, f"Parameters field is required for resource ARN: {INVOKE} at /States/A/Resource"),
    ({"Type": "Task", "Resource": INVOKE, "Parameters": {}, "End": True}, "The field 'FunctionName' is required but was missing at /States/A/Parameters"),
    ({"Type": "Pass", "InputPath": "foo", "End": True}, "Value must be a valid JSONPath. at /States/A/InputPath"),
]  # fmt: skip
"""As cdk-preflight saw it of AWS (rules/stepfunctions)."""


@pytest.mark.parametrize(
    ("definition", "said"),
    [
        ({}, "SCHEMA_VALIDATION_FAILED: These fields are required: [States, StartAt] at /"),
        ({"StartAt": "A", "States": {"A": {"Type": "Wrong"}}},
         "SCHEMA_VALIDATION_FAILED: The field 'Type' should have one of these values: [Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map] at /States/A/Type"),
        ({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "X"}}},
         "MISSING_TRANSITION_TARGET: Missing 'Next' target: X at /States/A/Next, MISSING_END_STATE: Workflow has no terminal state at null"),
        *((one("A", state), f"SCHEMA_VALIDATION_FAILED: {said}") for state, said in MEASURED),
        ({"StartAt": "A", "States": {"A": {"Type": "Succeed"}, "B": {"Type": "Succeed"}}},
         'MISSING_TRANSITION_TARGET: State "B" is not reachable. at /States/B'),
        ({"StartAt": "A", "States": {"A": {"Type": "Pass", "Retry": [], "End": True}}},
         "SCHEMA_VALIDATION_FAILED: Field 'Retry' is not supported at /States/A"),
        ({"StartAt": "A", "States": {"A": {"Type": "Parallel", "Branches": [], "End": True}}},
         "SCHEMA_VALIDATION_FAILED: Value cannot be empty at /States/A/Branches"),
        ({"StartAt": "A", "States": {"A": {"Type": "Wait", "Timestamp": "tomorrow", "End": True}}},
         "SCHEMA_VALIDATION_FAILED: String does not match RFC3339 timestamp at /States/A/Timestamp"),
        ({"StartAt": "A", "States": {"A": {"Type": "Pass", "Parameters": {"x.$": "nothing"}, "End": True}}},
         "SCHEMA_VALIDATION_FAILED: The value for the field 'x.$' must be a valid JSONPath or a valid intrinsic function call at /States/A/Parameters"),
        ({"StartAt": "A", "States": {"A": {"Type": "Pass", "Output": 1, "End": True}}},
         "SCHEMA_VALIDATION_FAILED: The QueryLanguage is set to 'JSONPath', but field 'Output' is only supported for the 'JSONata' QueryLanguage at /States/A"),
    ],
)  # fmt: skip
def test_a_definition_that_aws_refuses_is_refused_in_its_words(cloud, definition, said):
    # Sources: the recordings of stepfunctions/v2, https://github.com/floci-io/floci/pull/2786 and issues 2735, 2968.
    client = cloud.client("stepfunctions")
    make(cloud, {"A": {"Type": "Succeed"}}, name="other")
    with pytest.raises(ClientError) as refused:
        client.create_state_machine(name="m", definition=json.dumps(definition), roleArn="arn:aws:iam::000000000000:role/states")
    assert refused.value.response["Error"] == {"Code": "InvalidDefinition", "Message": f"Invalid State Machine Definition: '{said}'"}


def test_a_runtime_failure_is_caught_by_nothing_not_even_by_its_name(cloud):
    # scenarios/test_base_scenarios, test_catch_states_runtime
    states = {"P": {"Type": "Map", "ItemsPath": "$.none", "ItemProcessor": {"StartAt": "I", "States": {"I": {"Type": "Pass", "End": True}}},
                    "Catch": [{"ErrorEquals": ["States.Runtime"], "Next": "C"}], "End": True}, "C": {"Type": "Pass", "End": True}}  # fmt: skip
    assert run(cloud, states)["error"] == "States.Runtime"


def test_a_path_of_a_template_that_leads_nowhere_says_where_it_stands(cloud):
    # scenarios/test_base_scenarios, test_invalid_jsonpath
    for path in ("$.no_such_jsonpath", "$$.Execution.Input.no_such_jsonpath"):
        found = run(cloud, {"pass": {"Type": "Pass", "Parameters": {"value.$": path}, "End": True}}, {"int-literal": 0}, name=f"m{len(path)}")
        assert found["cause"] == (
            f"An error occurred while executing the state 'pass' (entered at the event id #2). The JSONPath '{path}' specified for the field "
            "'value.$' could not be found in the input '{\"int-literal\":0}'"
        )


def test_a_map_of_less_than_no_iterations_at_once_fails(cloud):
    # It used to wait for ever: scenarios/test_base_scenarios, test_max_concurrency_path_negative.
    inner = {"StartAt": "I", "States": {"I": {"Type": "Pass", "End": True}}}
    found = run(cloud, {"M": {"Type": "Map", "MaxConcurrencyPath": "$.n", "ItemsPath": "$.items", "ItemProcessor": inner, "End": True}}, {"n": -1, "items": [1]})
    assert (found["status"], found["error"]) == ("FAILED", "States.Runtime")
