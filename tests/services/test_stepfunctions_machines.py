"""State machines, versions, aliases, tags and the operations on executions."""

import json
import re
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError
from refusals import refused
from states_workshop import ROLE, make, start, told, types

PASS = {"A": {"Type": "Pass", "Result": 1, "End": True}}
LONG = {"W": {"Type": "Wait", "Seconds": 1000, "End": True}}


def definition(result: int) -> str:
    return json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": result, "End": True}}})


def test_making_the_same_machine_again_answers_it_and_another_of_its_name_is_refused(cloud):
    client, arn = cloud.client("stepfunctions"), make(cloud, PASS)
    assert make(cloud, PASS) == arn
    assert refused(client.create_state_machine, name="m", definition=definition(2), roleArn=ROLE) == (
        "StateMachineAlreadyExists", f"State Machine Already Exists: '{arn}'",
    )  # fmt: skip
    assert [one["name"] for one in client.list_state_machines()["stateMachines"]] == ["m"]
    client.delete_state_machine(stateMachineArn=arn)
    assert refused(client.describe_state_machine, stateMachineArn=arn) == (
        "StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'",
    )  # fmt: skip


def test_starting_again_by_name_answers_the_running_execution_only_for_the_same_input(cloud):
    arn = make(cloud, LONG)
    first = start(cloud, arn, {"x": 1}, name="one")
    assert start(cloud, arn, {"x": 1}, name="one") == first
    client = cloud.client("stepfunctions")
    assert refused(client.start_execution, stateMachineArn=arn, name="one", input="{}") == (
        "ExecutionAlreadyExists", f"Execution Already Exists: '{first}'",
    )  # fmt: skip
    client.stop_execution(executionArn=first, error="E", cause="c")
    found = told(cloud, first)
    assert (found["status"], found["error"], found["cause"], found["redriveStatus"]) == ("ABORTED", "E", "c", "REDRIVABLE")
    assert types(cloud, first)[-1] == "ExecutionAborted"
    assert refused(client.start_execution, stateMachineArn=arn, name="one", input='{"x": 1}')[0] == "ExecutionAlreadyExists"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("not json", "Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"),
        ("{'a': 1}", "Unexpected character (''' (code 39)): was expecting double-quote to start field name"),
        ("", "Invalid execution input."),
    ],
)
def test_an_input_that_is_no_json_is_refused_in_the_words_of_aws(cloud, text, said):
    arn = make(cloud, PASS)
    assert refused(cloud.client("stepfunctions").start_execution, stateMachineArn=arn, input=text) == (
        "InvalidExecutionInput", f"Invalid State Machine Execution Input: '{said}'",
    )  # fmt: skip


def test_executions_are_listed_with_the_newest_first_and_by_status(cloud):
    client, arn = cloud.client("stepfunctions"), make(cloud, PASS)
    made = [start(cloud, arn, name=f"e{n}") for n in range(5)]
    pages = client.get_paginator("list_executions").paginate(stateMachineArn=arn, PaginationConfig={"PageSize": 2})
    assert [one["executionArn"] for page in pages for one in page["executions"]] == made[::-1]
    assert client.list_executions(stateMachineArn=arn, statusFilter="FAILED")["executions"] == []


def test_an_execution_goes_by_the_definition_it_began_with(cloud):
    client, arn = cloud.client("stepfunctions"), make(cloud, {"W": {"Type": "Wait", "Seconds": 10, "Next": "A"}, **PASS})
    execution = start(cloud, arn)
    revision = client.update_state_machine(stateMachineArn=arn, definition=definition(2))["revisionId"]
    # test_create_update_state_machine_same_parameters
    assert client.update_state_machine(stateMachineArn=arn, definition=definition(2))["revisionId"] == revision
    cloud.sleep(11)
    assert told(cloud, execution)["output"] == "1"
    assert "Wait" in client.describe_state_machine_for_execution(executionArn=execution)["definition"]
    assert told(cloud, start(cloud, arn))["output"] == "2"


def test_versions_do_not_change_and_aliases_route_to_them_by_weight(cloud):
    client, arn = cloud.client("stepfunctions"), make(cloud, PASS)
    one = client.publish_state_machine_version(stateMachineArn=arn)["stateMachineVersionArn"]
    assert client.publish_state_machine_version(stateMachineArn=arn)["stateMachineVersionArn"] == one == f"{arn}:1"
    two = client.update_state_machine(stateMachineArn=arn, definition=definition(2), publish=True)["stateMachineVersionArn"]
    assert [told(cloud, start(cloud, which))["output"] for which in (one, two)] == ["1", "2"]
    routes = [{"stateMachineVersionArn": one, "weight": 50}, {"stateMachineVersionArn": two, "weight": 50}]
    alias = client.create_state_machine_alias(name="live", routingConfiguration=routes)["stateMachineAliasArn"]
    found = [told(cloud, start(cloud, alias)) for _ in range(40)]
    assert {one["output"] for one in found} == {"1", "2"}
    assert {one["stateMachineAliasArn"] for one in found} == {alias}
    assert refused(client.delete_state_machine_version, stateMachineVersionArn=one) == (
        "ConflictException",
        "Version to be deleted must not be referenced by an alias. Current list of aliases referencing this version: [live]",
    )
    client.update_state_machine_alias(stateMachineAliasArn=alias, routingConfiguration=[{"stateMachineVersionArn": two, "weight": 100}])
    client.delete_state_machine_version(stateMachineVersionArn=one)
    assert {told(cloud, start(cloud, alias))["output"] for _ in range(5)} == {"2"}
    # "You must specify at least one of the description or routingConfiguration parameters": API_UpdateStateMachineAlias
    assert refused(client.update_state_machine_alias, stateMachineAliasArn=alias)[0] == "ValidationException"


def test_a_version_that_is_published_again_is_described_anew(cloud):
    """Moto verified on AWS that an update which changes nothing answers with a version of the description said last
    (test_create_state_machine_with_version_description), and localstack recorded that it makes no other version
    (test_empty_revision_with_publish_and_publish_on_creation)."""
    client, arn = cloud.client("stepfunctions"), make(cloud, PASS)

    def publish(**more) -> tuple[str, str]:
        version = client.update_state_machine(stateMachineArn=arn, definition=definition(1), publish=True, **more)["stateMachineVersionArn"]
        return version, client.describe_state_machine(stateMachineArn=version)["description"]

    assert publish(versionDescription="first") == (f"{arn}:1", "first")
    assert publish(versionDescription="second") == (f"{arn}:1", "second")
    assert publish() == (f"{arn}:1", "second")


def test_an_express_machine_answers_at_once_and_keeps_nothing(cloud):
    client = cloud.client("stepfunctions")
    arn = make(cloud, {"W": {"Type": "Wait", "Seconds": 3, "Next": "A"}, **PASS}, kind="EXPRESS")
    found = cloud.wait(cloud.start(client.start_sync_execution, stateMachineArn=arn, input='{"x": 1}'))
    assert (found["status"], found["output"]) == ("SUCCEEDED", "1")
    assert found["billingDetails"]["billedDurationInMilliseconds"] == 3000
    assert refused(client.list_executions, stateMachineArn=arn)[0] == "StateMachineTypeNotSupported"
    assert refused(client.describe_execution, executionArn=found["executionArn"]) == (
        "InvalidArn", "Invalid Arn: 'Resource type not valid in this context: express'",
    )  # fmt: skip


def test_an_express_execution_has_five_minutes_and_leaves_nothing_behind(cloud):
    client = cloud.client("stepfunctions")
    arn = make(cloud, LONG, kind="EXPRESS")
    waiting = cloud.start(client.start_sync_execution, stateMachineArn=arn)
    start(cloud, arn)
    found = cloud.wait(waiting)
    assert (found["status"], found["stopDate"] - found["startDate"]) == ("TIMED_OUT", timedelta(minutes=5))
    cloud.sleep(1)
    rows = cloud.region().store.rows("000000000000")
    assert [rows.one(f"select count(*) from {table}")[0] for table in ("sfn_execution", "sfn_strand", "sfn_history")] == [0, 0, 0]


def test_what_an_express_machine_cannot_do_is_refused(cloud):
    states = {"T": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "End": True}}
    with pytest.raises(ClientError, match="Express state machine does not support '.waitForTaskToken' service integration  at /States/T/Resource"):
        make(cloud, states, kind="EXPRESS")


@pytest.mark.parametrize(
    ("text", "diagnostic"),
    [
        (" ", {"severity": "ERROR", "code": "SCHEMA_VALIDATION_FAILED", "message": "Definition must be a valid JSON object"}),
        ("{}", {"severity": "ERROR", "code": "SCHEMA_VALIDATION_FAILED", "location": "/", "message": "These fields are required: [States, StartAt]"}),
    ],
)  # fmt: skip
def test_a_definition_is_validated_without_making_it(cloud, text, diagnostic):
    client = cloud.client("stepfunctions")
    found = client.validate_state_machine_definition(definition=text)
    assert (found["result"], found["diagnostics"]) == ("FAIL", [diagnostic])
    assert client.validate_state_machine_definition(definition=definition(1))["result"] == "OK"


@pytest.mark.parametrize(
    ("state", "read"),
    [
        ({"Parameters": {"a": "$text", "b.$": "$b", "c.$": "States.Format('$no {}', States.MathAdd($c, $.d))"}}, ["b", "c"]),
        ({"InputPath": "$a.b", "OutputPath": "$$.Execution.Input"}, ["a"]),
        ({"Result": {"x.$": "$no"}, "Assign": {"v": 1}}, None),
        ({"QueryLanguage": "JSONata", "Output": "{% ($x := $a; $map($b, function($v) { $v + $x + $states.input.c }) ~> $sum) %}"}, ["a", "b"]),
        ({}, None),
    ],
)
def test_the_variables_that_states_read_are_told(cloud, state, read):
    # test_sfn_api_variable_references
    arn = make(cloud, {"P": {"Type": "Pass", **state, "End": True}})
    client = cloud.client("stepfunctions")
    for found in (client.describe_state_machine(stateMachineArn=arn), client.describe_state_machine_for_execution(executionArn=start(cloud, arn))):
        assert found.get("variableReferences") == (None if read is None else {"P": read})
        assert found["encryptionConfiguration"] == {"type": "AWS_OWNED_KEY"}


def test_warnings_are_told_if_they_are_asked_for_and_fail_nothing(cloud):
    # https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinitionDiagnostic.html
    states = {
        "P": {"Type": "Pass", "Result": "$.a", "Next": "T"},
        "T": {"Type": "Pass", "Parameters": {"a": "$.a", "deep": [{"f": "States.UUID()"}], "b.$": "$.b", "c": "plain"}, "Next": "C"},
        "C": {"Type": "Choice", "Choices": [{"Not": {"Variable": "$.a", "StringEquals": "$.b"}, "Next": "F"}], "Default": "F"},
        "F": {"Type": "Fail", "Error": "$.e"},
    }
    client, text = cloud.client("stepfunctions"), json.dumps({"StartAt": "P", "States": states})
    found = client.validate_state_machine_definition(definition=text, severity="WARNING")
    assert found["result"] == "OK" and {one["severity"] for one in found["diagnostics"]} == {"WARNING"}
    assert [(one["code"], one["location"]) for one in found["diagnostics"]] == [
        ("PASS_RESULT_IS_STATIC", "/States/P/Result"), ("NO_DOLLAR", "/States/T/Parameters/a"), ("NO_DOLLAR", "/States/T/Parameters/deep[0]/f"),
        ("NO_PATH", "/States/C/Choices[0]/Not/StringEquals"), ("NO_PATH", "/States/F/Error"),
    ]  # fmt: skip
    for severity in ({}, {"severity": "ERROR"}):
        assert client.validate_state_machine_definition(definition=text, **severity)["diagnostics"] == []
    text = json.dumps({"QueryLanguage": "JSONata", "StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "$.e"}}})
    assert client.validate_state_machine_definition(definition=text, severity="WARNING")["diagnostics"] == []


def test_tags_belong_to_machines_and_activities(cloud):
    client, arn = cloud.client("stepfunctions"), make(cloud, PASS)
    client.tag_resource(resourceArn=arn, tags=[{"key": "a", "value": "1"}, {"key": "b", "value": "2"}])
    client.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "b", "value": "2"}]
    assert refused(client.tag_resource, resourceArn=f"{arn}:1", tags=[])[1] == f"Resource not found: '{arn}:1'"


def test_a_role_that_does_not_trust_step_functions_is_refused(cloud):
    code, _ = refused(cloud.client("stepfunctions").create_state_machine, name="m", definition=definition(1), roleArn=ROLE)
    assert code == "AccessDeniedException"


def test_what_we_do_not_do_is_refused_by_name(cloud):
    with pytest.raises(ClientError, match="the OutputType JSONL of a ResultWriter without a bucket in a Map"):
        make(cloud, {"M": {"Type": "Map", "End": True, "ResultWriter": {"WriterConfig": {"OutputType": "JSONL"}}, "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "A", "States": PASS}}})  # fmt: skip


def test_a_thousand_waiting_executions_are_rows_and_nothing_else(cloud):
    arn = make(cloud, LONG)
    made = [start(cloud, arn) for _ in range(1000)]
    region = cloud.region()
    cloud.sleep(1)
    tasks = len(region._tasks)
    cloud.sleep(500)
    assert len(region._tasks) == tasks < 20
    cloud.sleep(500)
    assert {told(cloud, one)["status"] for one in made} == {"SUCCEEDED"}


def test_a_redrive_goes_on_at_the_state_that_failed_and_repeats_nothing_before_it(cloud):
    client, queues = cloud.client("stepfunctions"), cloud.client("sqs")
    send = {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "ResultPath": None}
    first = queues.create_queue(QueueName="first")["QueueUrl"]
    second = first.replace("first", "second")
    arn = make(cloud, {"A": {**send, "Parameters": {"QueueUrl": first, "MessageBody": "x"}, "Next": "B"},
                       "B": {**send, "Parameters": {"QueueUrl": second, "MessageBody": "x"}, "End": True}})  # fmt: skip
    execution = start(cloud, arn)
    cloud.sleep(1)
    assert told(cloud, execution)["status"] == "FAILED"
    queues.create_queue(QueueName="second")
    client.redrive_execution(executionArn=execution)
    cloud.sleep(1)
    found = told(cloud, execution)
    assert (found["status"], found["redriveCount"], found["redriveStatus"]) == ("SUCCEEDED", 1, "NOT_REDRIVABLE")
    assert types(cloud, execution)[-6:] == [
        "ExecutionRedriven", "TaskScheduled", "TaskStarted", "TaskSucceeded", "TaskStateExited", "ExecutionSucceeded",
    ]  # fmt: skip
    for queue in (first, second):
        assert len(queues.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]) == 1
    assert refused(client.redrive_execution, executionArn=execution)[0] == "ExecutionNotRedrivable"


@pytest.mark.parametrize(
    ("level", "logged"),
    [("ALL", ["ExecutionStarted", "FailStateEntered", "ExecutionFailed"]), ("ERROR", ["FailStateEntered", "ExecutionFailed"]), ("FATAL", ["ExecutionFailed"])],
)
@pytest.mark.parametrize("kind", ["STANDARD", "EXPRESS"])
def test_a_machine_logs_what_its_level_asks_for(cloud, level, logged, kind):
    # Recorded: logs/test_logs, test_partial_log_levels.
    logs, client = cloud.client("logs"), cloud.client("stepfunctions")
    logs.create_log_group(logGroupName="g")
    group = "arn:aws:logs:us-east-1:000000000000:log-group:g:*"
    arn = make(cloud, {"F": {"Type": "Fail", "Error": "E"}}, kind=kind)
    wish = {"level": level, "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": group}}], "includeExecutionData": False}
    client.update_state_machine(stateMachineArn=arn, loggingConfiguration=wish)
    assert client.describe_state_machine(stateMachineArn=arn)["loggingConfiguration"] == wish
    execution = start(cloud, arn, {"secret": 1})
    cloud.sleep(1)
    first, *_ = logs.describe_log_streams(logGroupName="g")["logStreams"]
    assert first["logStreamName"] == "log_stream_created_by_aws_to_validate_log_delivery_subscriptions"
    lines = [json.loads(event["message"]) for event in logs.filter_log_events(logGroupName="g", logStreamNamePrefix="states/")["events"]]
    assert [line["type"] for line in lines] == logged
    assert {line["execution_arn"] for line in lines} == {execution} and "secret" not in json.dumps(lines)
    assert (lines[-1]["id"], lines[-1]["previous_event_id"], lines[-1]["details"]) == ("3", "2", {"error": "E"})


def test_a_log_group_must_be_there(cloud):
    # Recorded: test_sfn_api_logs, test_deleted_log_group. Of a group of another region or account no source tells; here it is none that is found.
    logs, client = cloud.client("logs"), cloud.client("stepfunctions")
    there = make(cloud, PASS, name="there")
    role = client.describe_state_machine(stateMachineArn=there)["roleArn"]

    def wish(arn: str) -> dict:
        return {"level": "ALL", "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": f"{arn}:*"}}]}

    gone = "arn:aws:logs:us-east-1:000000000000:log-group:g"
    # cdk-preflight, pf-sfn-logging-destination
    for destination, words in (
        ({}, "Must set valid CloudWatch Log Group ARN."),
        ({"cloudWatchLogsLogGroup": {"logGroupArn": "arn:aws:s3:::bucket"}}, "Provided ARN is not CloudWatch Logs Log Group ARN."),
        ({"cloudWatchLogsLogGroup": {"logGroupArn": gone}}, "Log Group ARN must be provided with '*' qualifier."),
    ):
        with pytest.raises(client.exceptions.InvalidLoggingConfiguration, match=re.escape(f"Invalid Logging Configuration: {words}")):
            client.update_state_machine(stateMachineArn=there, loggingConfiguration={"level": "ALL", "destinations": [destination]})
    logs.create_log_group(logGroupName="gg")
    for arn in (gone, f"{gone}g".replace("us-east-1", "us-west-2"), f"{gone}g".replace("0" * 12, "1" * 12)):
        for ask in (
            lambda arn=arn: client.create_state_machine(name="m", definition=definition(1), roleArn=role, loggingConfiguration=wish(arn)),
            lambda arn=arn: client.update_state_machine(stateMachineArn=there, loggingConfiguration=wish(arn)),
        ):
            with pytest.raises(client.exceptions.InvalidLoggingConfiguration) as error:
                ask()
            assert error.value.response["Error"]["Message"] == "Invalid Logging Configuration: Log Destination not found."
    assert [each["name"] for each in client.list_state_machines()["stateMachines"]] == ["there"]
    assert client.describe_state_machine(stateMachineArn=there)["loggingConfiguration"]["level"] == "OFF"
    made = client.create_state_machine(name="m", definition=definition(1), roleArn=role, loggingConfiguration=wish(f"{gone}g"))["stateMachineArn"]
    assert client.describe_state_machine(stateMachineArn=made)["loggingConfiguration"]["level"] == "ALL"


def test_logging_that_is_off_is_told_as_it_was_written_and_logs_nothing(cloud):
    # Recorded: test_sfn_api_logs, test_logging_configuration[OFF-True] and test_incomplete_logging_configuration.
    logs, client = cloud.client("logs"), cloud.client("stepfunctions")
    logs.create_log_group(logGroupName="g")
    arn = make(cloud, {"A": {"Type": "Pass", "End": True}})
    group = {"cloudWatchLogsLogGroup": {"logGroupArn": "arn:aws:logs:us-east-1:000000000000:log-group:g:*"}}
    for wish in ({"level": "OFF", "destinations": [group], "includeExecutionData": True}, {"level": "OFF", "destinations": []}):
        client.update_state_machine(stateMachineArn=arn, loggingConfiguration=wish)
        told = client.describe_state_machine(stateMachineArn=arn)["loggingConfiguration"]
        assert told == {"includeExecutionData": False, **wish}
        start(cloud, arn)
        cloud.sleep(1)
    assert logs.describe_log_streams(logGroupName="g")["logStreams"] == []


def test_versions_and_aliases_are_listed_page_by_page(cloud):
    client, arn = cloud.client("stepfunctions"), make(cloud, PASS)
    made = [
        client.update_state_machine(stateMachineArn=arn, definition=definition(n), publish=True)["stateMachineVersionArn"] for n in (5, 6, 7)
    ]
    for n, version in enumerate(made):
        client.create_state_machine_alias(name=f"a{n}", routingConfiguration=[{"stateMachineVersionArn": version, "weight": 100}])
    for ask, name, key in (
        (client.list_state_machine_versions, "stateMachineVersions", "stateMachineVersionArn"),
        (client.list_state_machine_aliases, "stateMachineAliases", "stateMachineAliasArn"),
    ):
        whole = [one[key] for one in ask(stateMachineArn=arn)[name]]
        first = ask(stateMachineArn=arn, maxResults=2)
        second = ask(stateMachineArn=arn, maxResults=2, nextToken=first["nextToken"])
        assert [one[key] for one in first[name] + second[name]] == whole
        assert len(whole) == 3 and "nextToken" not in second
        assert refused(ask, stateMachineArn=arn, nextToken="x") == ("InvalidToken", "Invalid Token: 'Invalid token'")


def test_an_update_of_nothing_is_refused(cloud):
    # test_sfn_api: test_create_update_state_machine_base_update_none
    client, arn = cloud.client("stepfunctions"), make(cloud, PASS)
    assert refused(client.update_state_machine, stateMachineArn=arn) == (
        "MissingRequiredParameter",
        "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified",
    )
