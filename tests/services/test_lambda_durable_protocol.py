"""The protocol of durable executions without an SDK: what an invocation is given, checkpoints and their refusals, answers."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from durable_workshop import NEEDED, Script, begin, ended, kinds, step, until, wait
from lambda_workshop import ROLE, make, put_role, put_user
from refusals import refused

INVALID = "InvalidParameterValueException"


@pytest.fixture
def script(cloud, tmp_path):
    return Script(cloud, tmp_path / "script")


def test_an_invocation_is_given_the_execution_and_a_token(script):
    arn = begin(script.cloud, {"a": 1}, DurableExecutionName="first")
    event = script.invoked()
    id_ = arn.rpartition("/")[2]
    assert event.keys() == {"DurableExecutionArn", "CheckpointToken", "InitialExecutionState", "UpdatedOperationIds"}
    assert (event["DurableExecutionArn"], event["UpdatedOperationIds"]) == (arn, [id_])
    (root,) = event["InitialExecutionState"]["Operations"]
    assert isinstance(root.pop("StartTimestamp"), int)
    assert root == {
        "Id": id_, "Name": "first", "Type": "EXECUTION", "Status": "STARTED", "ExecutionDetails": {"InputPayload": '{"a": 1}'},
    }  # fmt: skip
    assert event["InitialExecutionState"]["NextMarker"] == ""
    script.answer("SUCCEEDED", Result='"well"')
    assert ended(script.cloud, arn)["Result"] == '"well"'


def test_a_checkpoint_is_told_what_has_changed_since_the_last(script):
    begin(script.cloud)
    script.invoked()
    (told,) = script.checkpoint(step("a", "START", Name="A"), step("a", "SUCCEED", Payload="1"))
    assert (told["Status"], told["StepDetails"]) == ("SUCCEEDED", {"Attempt": 1, "Result": "1"})
    (told,) = script.checkpoint(wait("w", 1))
    assert (told["Status"], (told["WaitDetails"]["ScheduledEndTimestamp"] - told["StartTimestamp"]).total_seconds()) == ("STARTED", 1.0)
    assert script.checkpoint() == []
    script.cloud.sleep(1.1)
    (told,) = script.checkpoint()
    assert (told["Id"], told["Status"]) == ("w", "SUCCEEDED")
    script.answer("SUCCEEDED", Result="2")
    ended(script.cloud, script.arn)


def test_what_was_told_during_an_invocation_makes_no_other_one(script):
    begin(script.cloud)
    script.invoked()
    script.checkpoint(wait("w", 1), wait("v", 60))
    script.cloud.sleep(1.1)
    script.checkpoint()
    script.answer("PENDING")
    until(script.cloud, lambda: kinds(script.cloud, script.arn)[-1] == "InvocationCompleted")
    script.cloud.sleep(20)
    assert not script.is_invoked_again
    script.cloud.sleep(60)
    event = script.invoked()
    assert event["UpdatedOperationIds"] == ["v"]
    script.answer("SUCCEEDED")
    ended(script.cloud, script.arn)


def test_what_changed_after_the_last_checkpoint_makes_one(script):
    begin(script.cloud)
    script.invoked()
    script.checkpoint(wait("w", 1))
    script.cloud.sleep(1.1)
    script.answer("PENDING")
    event = script.invoked()
    assert event["UpdatedOperationIds"] == ["w"]
    script.answer("SUCCEEDED")
    assert ended(script.cloud, script.arn)["Status"] == "SUCCEEDED"


def test_only_the_newest_token_of_the_invocation_in_flight_counts(script):
    client, arn = script.client, begin(script.cloud)
    script.invoked()
    first = script.token
    script.checkpoint(step("a", "START"))
    asked = {"DurableExecutionArn": arn, "Updates": [step("a", "SUCCEED", Payload="1")]}
    for old in (first, "QUJD"):
        assert refused(client.checkpoint_durable_execution, CheckpointToken=old, **asked) == (INVALID, "Invalid checkpoint token")
        assert refused(client.get_durable_execution_state, CheckpointToken=old, DurableExecutionArn=arn) == (INVALID, "Invalid checkpoint token")
    other = arn.rpartition("/")[0] + "/other"
    assert refused(client.checkpoint_durable_execution, CheckpointToken=script.token, DurableExecutionArn=other) == (
        INVALID, "Checkpoint token is not valid for the durable execution ARN",
    )  # fmt: skip
    script.cloud.restart(kill=True)
    assert refused(client.checkpoint_durable_execution, CheckpointToken=script.token, **asked) == (INVALID, "Invalid checkpoint token")
    event = script.invoked()
    assert [each["Status"] for each in event["InitialExecutionState"]["Operations"]] == ["STARTED", "STARTED"]
    script.checkpoint(step("a", "SUCCEED", Payload="1"))
    script.answer("SUCCEEDED")
    ended(script.cloud, arn)
    assert refused(client.checkpoint_durable_execution, CheckpointToken=script.token, **asked) == (INVALID, "Invalid checkpoint token")


def test_a_checkpoint_that_is_asked_again_is_answered_again(script):
    client, arn = script.client, begin(script.cloud)
    script.invoked()
    asked = {"DurableExecutionArn": arn, "CheckpointToken": script.token, "ClientToken": "t", "Updates": [wait("w", 1)]}
    first = client.checkpoint_durable_execution(**asked)
    script.cloud.sleep(1.1)
    again = client.checkpoint_durable_execution(**asked)
    assert (again["CheckpointToken"], again["NewExecutionState"]) == (first["CheckpointToken"], first["NewExecutionState"])
    assert refused(client.checkpoint_durable_execution, **asked | {"ClientToken": "other"}) == (INVALID, "Invalid checkpoint token")
    assert kinds(script.cloud, arn).count("WaitStarted") == 1
    script.answer("SUCCEEDED")
    ended(script.cloud, arn)


CONTEXT = {"Id": "c", "Type": "CONTEXT"}
CHAINED = {"Id": "i", "Type": "CHAINED_INVOKE", "Action": "START"}
END = {"Id": "end", "Type": "EXECUTION", "Action": "SUCCEED"}
LONG = "x" * 1_048_577
REFUSALS = {
    "Cannot checkpoint multiple EXECUTION updates.": [END, END],
    "EXECUTION checkpoint must be the last update.": [END, step("a", "START")],
    "Cannot update the same operation twice in a single request.": [wait("w", 1), wait("w", 1)],
    "Invalid action for the given operation type.": [{"Id": "w", "Type": "WAIT", "Action": "RETRY"}],
    "Cannot provide an Error for SUCCEED action.": [step("a", "SUCCEED", Error={"ErrorMessage": "m"})],
    "Cannot provide a Payload for FAIL action.": [step("a", "FAIL", Payload="1")],
    "Invalid StepOptions for the given action.": [step("a", "RETRY")],
    "Cannot provide both error and payload to RETRY a STEP.": [
        step("a", "RETRY", Payload="1", Error={}, StepOptions={"NextAttemptDelaySeconds": 1})
    ],
    "Invalid current STEP state to start.": [step("held", "START")],
    "Invalid current STEP state to close.": [step("done", "SUCCEED")],
    "Invalid current STEP state to re-attempt.": [step("done", "RETRY", StepOptions={"NextAttemptDelaySeconds": 1})],
    "Invalid current CONTEXT state to close.": [CONTEXT | {"Action": "SUCCEED"}],
    "Update for WAIT operation requires WaitOptions.": [{"Id": "w", "Type": "WAIT", "Action": "START"}],
    "Cannot cancel a WAIT that does not exist or has already completed.": [{"Id": "w", "Type": "WAIT", "Action": "CANCEL"}],
    "Update for CHAINED_INVOKE operation requires ChainedInvokeOptions.": [CHAINED],
    "Cannot start a CHAINED_INVOKE on a function in another account.": [
        CHAINED | {"ChainedInvokeOptions": {"FunctionName": "arn:aws:lambda:us-east-1:111111111111:function:f:1"}}
    ],
    "Cannot start a CHAINED_INVOKE on a function in another region.": [
        CHAINED | {"ChainedInvokeOptions": {"FunctionName": "arn:aws:lambda:eu-west-1:000000000000:function:f:1"}}
    ],
    "Inconsistent operation type.": [wait("held", 1)],
    "Inconsistent operation name.": [step("held", "SUCCEED", Name="other")],
    "Inconsistent operation subtype.": [step("held", "SUCCEED", SubType="other")],
    "Invalid parent operation id.": [step("a", "START", ParentId="held")],
    "STEP payload size must be less than or equal to 1048576 bytes.": [step("a", "SUCCEED", Payload=LONG)],
    "Execution output payload size must be less than or equal to 1048576 bytes.": [END | {"Payload": LONG}],
    "Error object size must be less than or equal to 1048576 bytes.": [step("a", "FAIL", Error={"ErrorMessage": LONG})],
}


def test_a_checkpoint_that_breaks_a_rule_changes_nothing(script):
    arn = begin(script.cloud)
    script.invoked()
    script.checkpoint(step("held", "START", Name="h", SubType="Step"), step("done", "SUCCEED", Payload="1"))
    before = kinds(script.cloud, arn)
    for text, updates in REFUSALS.items():
        said = refused(
            script.client.checkpoint_durable_execution, DurableExecutionArn=arn, CheckpointToken=script.token,
            Updates=[step("fine", "START"), *updates],
        )  # fmt: skip
        assert said == (INVALID, text), text
    assert kinds(script.cloud, arn) == before
    script.checkpoint(step("fine", "START"))
    script.answer("SUCCEEDED")
    ended(script.cloud, arn)


def test_what_the_model_refuses(script):
    arn = begin(script.cloud)
    script.invoked()
    client = script.client
    code, text = refused(
        client.checkpoint_durable_execution, DurableExecutionArn=arn, CheckpointToken=script.token, Updates=[wait("w", 31_622_401)]
    )
    assert code == "ValidationException" and "Member must have value less than or equal to 31622400" in text
    code, text = refused(client.get_durable_execution, DurableExecutionArn="arn:aws:lambda:us-east-1:000000000000:function:d")
    assert code == "ValidationException" and "'durableExecutionArn' failed to satisfy constraint" in text
    missing = arn.rpartition("/")[0] + "/missing"
    for ask in (client.get_durable_execution, client.get_durable_execution_history, client.stop_durable_execution):
        assert refused(ask, DurableExecutionArn=missing) == ("ResourceNotFoundException", "Durable Execution does not exist")
    assert refused(client.get_durable_execution_history, DurableExecutionArn=arn, Marker="bogus") == (INVALID, "Invalid Marker")
    script.answer("SUCCEEDED")
    ended(script.cloud, arn)


ANSWERS = {
    "not an object": ('"text"', "Invalid Status in invocation output."),
    "no status": ("{}", "Invalid Status in invocation output."),
    "another status": ('{"Status": "DONE"}', "Invalid Status in invocation output."),
    "success with an error": ('{"Status": "SUCCEEDED", "Error": {}}', "Cannot provide an Error for SUCCEEDED status."),
    "failure with a result": ('{"Status": "FAILED", "Result": "1"}', "Cannot provide a Result for FAILED status."),
}


def test_answers_that_say_nothing_end_the_execution(script):
    for text, why in ANSWERS.values():
        arn = begin(script.cloud)
        script.invoked()
        script.say(text)
        shown = ended(script.cloud, arn)
        assert (shown["Status"], shown["Error"]) == ("FAILED", {"ErrorType": INVALID, "ErrorMessage": why})


def test_who_waits_for_nothing_is_asked_three_times(script):
    arn = begin(script.cloud)
    for _ in range(3):
        script.invoked()
        script.answer("PENDING")
    assert ended(script.cloud, arn)["Error"]["ErrorMessage"] == "Cannot return PENDING status with no pending operations."


def test_what_is_in_a_context_that_is_over_is_left_out_of_the_state(script):
    # "Completed operations with children don't include child operation details since they don't need to be replayed":
    # https://docs.aws.amazon.com/lambda/latest/api/API_GetDurableExecutionState.html
    begin(script.cloud)
    script.invoked()
    script.checkpoint(CONTEXT | {"Action": "START"}, step("in", "SUCCEED", ParentId="c", Payload="1"), CONTEXT | {"Action": "SUCCEED", "Payload": "2"})
    kept = {"Id": "k", "Type": "CONTEXT"}
    script.checkpoint(
        kept | {"Action": "START"}, step("kept", "SUCCEED", ParentId="k", Payload="1"),
        kept | {"Action": "SUCCEED", "ContextOptions": {"ReplayChildren": True}},
    )  # fmt: skip
    client = script.client
    said = {"DurableExecutionArn": script.arn, "CheckpointToken": script.token}
    found = client.get_durable_execution_state(**said)["Operations"]
    assert [each["Id"] for each in found][1:] == ["c", "k", "kept"]
    page = client.get_durable_execution_state(MaxItems=2, **said)
    rest = client.get_durable_execution_state(Marker=page["NextMarker"], **said)
    assert [each["Id"] for each in page["Operations"] + rest["Operations"]] == [each["Id"] for each in found]
    script.answer("SUCCEEDED")
    ended(script.cloud, script.arn)


# Permissions and configuration -----------------------------------------------------------------------


def test_checkpoints_need_the_permission_on_the_execution(make_cloud, tmp_path):
    # https://docs.aws.amazon.com/lambda/latest/dg/durable-security.html
    cloud = make_cloud(iam="enforce")
    script = Script(cloud, tmp_path / "script")
    arn = begin(cloud)
    script.invoked()
    put_user(cloud, "nobody", "AKIANOBODY", "lambda:ListDurableExecutionsByFunction")
    nobody = cloud.client("lambda", key="AKIANOBODY", secret="secret")
    said = {"DurableExecutionArn": arn}
    for ask, more in (
        (nobody.checkpoint_durable_execution, {"CheckpointToken": script.token}), (nobody.get_durable_execution_state, {"CheckpointToken": "QUJD"}),
        (nobody.get_durable_execution, {}), (nobody.get_durable_execution_history, {}), (nobody.stop_durable_execution, {}),
        (nobody.pause_durable_execution, {}), (nobody.resume_durable_execution, {}), (nobody.delete_durable_execution, {}),
    ):  # fmt: skip
        code, text = refused(ask, **said, **more)
        assert code == "AccessDeniedException" and f"on resource: {arn}" in text
    assert len(nobody.list_durable_executions_by_function(FunctionName="d")["DurableExecutions"]) == 1
    callback = {"Id": "cb", "Type": "CALLBACK", "Action": "START"}
    (told,) = script.checkpoint(callback)
    for ask in (nobody.send_durable_execution_callback_success, nobody.send_durable_execution_callback_heartbeat):
        code, text = refused(ask, CallbackId=told["CallbackDetails"]["CallbackId"])
        assert code == "AccessDeniedException" and f"on resource: {arn}" in text
    script.answer("PENDING")


def test_what_a_durable_function_has_to_be(cloud):
    role = put_role(cloud, *NEEDED)
    client = cloud.client("lambda")
    shown = make(cloud, Role=role, Runtime="python3.13", DurableConfig={"ExecutionTimeout": 3600}, name="d")
    assert shown["DurableConfig"] == {"ExecutionTimeout": 3600, "RetentionPeriodInDays": 14}
    assert (shown["Timeout"], shown["LoggingConfig"]["LogFormat"]) == (900, "JSON")
    shown = client.update_function_configuration(FunctionName="d", DurableConfig={"RetentionPeriodInDays": 3})
    assert shown["DurableConfig"] == {"ExecutionTimeout": 3600, "RetentionPeriodInDays": 3}
    said = {"FunctionName": "x", "Role": ROLE, "Runtime": "python3.13", "Handler": "app.handler", "Code": {"ZipFile": b"x"}}
    for more, text in (
        ({"DurableConfig": {"RetentionPeriodInDays": 1}}, "You cannot create a function with a durable configuration without an executionTimeout"),
        (
            {"DurableConfig": {"ExecutionTimeout": 1}, "Runtime": "python3.12"},
            "You cannot use a managed runtime that does not support a durable configuration",
        ),
        (
            {"DurableConfig": {"ExecutionTimeout": 1}, "LoggingConfig": {"LogFormat": "Text"}},
            "You cannot use plain text logs with a durable function. Only JSON format logs are supported",
        ),
    ):
        assert refused(client.create_function, **said | more) == (INVALID, text)
    make(cloud, name="plain")
    assert refused(client.update_function_configuration, FunctionName="plain", DurableConfig={"ExecutionTimeout": 1}) == (
        INVALID, "You cannot add a durable configuration to a function that was originally created with no durable configuration",
    )  # fmt: skip
    assert refused(client.update_function_configuration, FunctionName="d", Runtime="python3.12")[1].startswith("You cannot use a managed runtime")
    destination = {"OnFailure": {"Destination": f"arn:aws:lambda:us-east-1:{ROLE.split(':')[4]}:function:plain"}}
    assert refused(client.put_function_event_invoke_config, FunctionName="d", DestinationConfig=destination)[0] == INVALID


def test_an_invocation_names_a_version_and_waits_no_longer_than_a_quarter_of_an_hour(cloud):
    make(cloud, Role=put_role(cloud, *NEEDED), Runtime="python3.13", DurableConfig={"ExecutionTimeout": 901}, name="d")
    make(cloud, name="plain")
    client = cloud.client("lambda")
    for kind in ("Event", "RequestResponse", "DryRun"):
        assert refused(client.invoke, FunctionName="d", InvocationType=kind) == (
            INVALID, "You cannot invoke a durable function using an unqualified ARN.",
        )  # fmt: skip
    assert client.invoke(FunctionName="d:$LATEST", InvocationType="Event")["StatusCode"] == 202
    assert refused(client.invoke, FunctionName="d:$LATEST") == (
        INVALID, "You cannot synchronously invoke a durable function with an executionTimeout greater than 15 minutes.",
    )  # fmt: skip
    assert refused(client.invoke, FunctionName="plain", DurableExecutionName="n")[0] == INVALID
    code, text = refused(client.invoke, FunctionName="d:$LATEST", InvocationType="Event", DurableExecutionName="has space")
    assert code == "ValidationException" and "'durableExecutionName'" in text
    with pytest.raises(ClientError, match="NotImplemented.*KMSKeyArn"):
        client.update_function_configuration(FunctionName="d", DurableConfig={"KMSKeyArn": "arn:aws:kms:us-east-1:000000000000:key/k"})
