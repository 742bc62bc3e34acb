"""Durable executions that wait for others: callbacks, functions they invoke, and people who stop, pause, resume or delete them."""

from __future__ import annotations

import json
from functools import partial

import pytest
from durable_workshop import NEEDED, Script, begin, ended, events, kinds, make_durable, notes, step, until, wait
from lambda_workshop import ROLE, make, put_role
from refusals import refused

INVALID, CLOSED = "InvalidParameterValueException", "The callback is either timed out or already completed"


@pytest.fixture
def script(cloud, tmp_path):
    return Script(cloud, tmp_path / "script", timeout_s=86_400)


def callback(**options) -> dict:
    return {"Id": "cb", "Type": "CALLBACK", "Action": "START", "CallbackOptions": options}


def waiting(script, *updates) -> list[dict]:
    """An execution that waits for what it has begun."""
    begin(script.cloud)
    script.invoked()
    told = script.checkpoint(*updates)
    script.answer("PENDING")
    until(script.cloud, partial(is_waiting, script))
    return told


def is_waiting(script) -> bool:
    """Whether the first invocation is over."""
    return "InvocationCompleted" in kinds(script.cloud, script.arn)


def seen(script, id_: str) -> dict:
    """An operation as the next invocation is given it."""
    (found,) = [each for each in script.invoked()["InitialExecutionState"]["Operations"] if each["Id"] == id_]
    return found


def done(script) -> None:
    script.answer("SUCCEEDED")
    assert ended(script.cloud, script.arn)["Status"] == "SUCCEEDED"


# Callbacks -----------------------------------------------------------------------------------------


def test_a_callback_is_heard_after_a_kill(script):
    (told,) = waiting(script, callback())
    id_ = told["CallbackDetails"]["CallbackId"]
    script.cloud.restart(kill=True)
    script.client.send_durable_execution_callback_success(CallbackId=id_, Result=b'"yes"')
    found = seen(script, "cb")
    assert (found["Status"], found["CallbackDetails"]) == ("SUCCEEDED", {"CallbackId": id_, "Result": '"yes"'})
    done(script)
    assert refused(script.client.send_durable_execution_callback_success, CallbackId=id_) == ("CallbackTimeoutException", CLOSED)
    assert refused(script.client.send_durable_execution_callback_heartbeat, CallbackId=id_) == ("CallbackTimeoutException", CLOSED)
    assert refused(script.client.send_durable_execution_callback_success, CallbackId="QUJD") == (INVALID, "Invalid callback id")


def test_a_callback_fails_with_what_was_sent(script):
    (told,) = waiting(script, callback())
    error = {"ErrorType": "Rejected", "ErrorMessage": "no", "ErrorData": "d", "StackTrace": ["line"]}
    script.client.send_durable_execution_callback_failure(CallbackId=told["CallbackDetails"]["CallbackId"], Error=error)
    found = seen(script, "cb")
    assert (found["Status"], found["CallbackDetails"]["Error"]) == ("FAILED", error)
    done(script)


def test_a_callback_times_out(script):
    (told,) = waiting(script, callback(TimeoutSeconds=3_600))
    script.cloud.sleep(3_590)
    assert not script.is_invoked_again
    script.cloud.sleep(20)
    found = seen(script, "cb")
    error = {"ErrorType": "Callback.Timeout", "ErrorMessage": "Callback timed out"}
    assert (found["Status"], found["CallbackDetails"]["Error"]) == ("TIMED_OUT", error)
    done(script)


def test_heartbeats_keep_a_callback_waiting(script):
    (told,) = waiting(script, callback(HeartbeatTimeoutSeconds=60, TimeoutSeconds=3_600))
    id_ = told["CallbackDetails"]["CallbackId"]
    for _ in range(3):
        script.cloud.sleep(50)
        script.client.send_durable_execution_callback_heartbeat(CallbackId=id_)
    assert not script.is_invoked_again
    script.cloud.sleep(70)
    assert seen(script, "cb")["CallbackDetails"]["Error"]["ErrorType"] == "Callback.Heartbeat"
    done(script)
    (said,) = [event["CallbackStartedDetails"] for event in events(script.cloud, script.arn) if event["EventType"] == "CallbackStarted"]
    assert said == {"CallbackId": id_, "HeartbeatTimeout": 60, "Timeout": 3_600}


def test_a_callback_of_the_sdk(durable, tmp_path):
    source = """
        @durable_execution
        def handler(event, context):
            def submit(callback_id, ctx=None):
                note(event, callback_id)
            return context.wait_for_callback(submit, name="approval")
    """
    make_durable(durable, source)
    file = tmp_path / "notes"
    arn = begin(durable, {"file": str(file)})
    until(durable, lambda: notes(file) and kinds(durable, arn)[-1] == "InvocationCompleted")
    durable.client("lambda").send_durable_execution_callback_success(CallbackId=notes(file)[0], Result=b'"approved"')
    shown = ended(durable, arn)
    assert (shown["Status"], len(notes(file))) == ("SUCCEEDED", 1)
    assert "approved" in shown["Result"]


# Chained invocations -------------------------------------------------------------------------------


def chained(name: str, payload: str | None = None, id_: str = "i") -> dict:
    said = {"Id": id_, "Type": "CHAINED_INVOKE", "Action": "START", "ChainedInvokeOptions": {"FunctionName": name}}
    return said | ({"Payload": payload} if payload is not None else {})


def test_a_plain_function_is_invoked_by_the_role(make_cloud, tmp_path):
    cloud = make_cloud(iam="enforce")
    script = Script(cloud, tmp_path / "script")
    make(cloud, "def handler(event, context): return {'got': event}", name="plain", Role=ROLE)
    waiting(script, chained("plain", '{"a": 1}'))
    found = seen(script, "i")
    assert (found["Status"], found["ChainedInvokeDetails"]["Error"]["ErrorType"]) == ("FAILED", "AccessDeniedException")
    done(script)
    put_role(cloud, *NEEDED, "lambda:InvokeFunction")
    waiting(script, chained("plain", '{"a": 1}'))
    found = seen(script, "i")
    assert (found["Status"], json.loads(found["ChainedInvokeDetails"]["Result"])) == ("SUCCEEDED", {"got": {"a": 1}})
    done(script)
    (started,) = [event for event in events(cloud, script.arn) if event["EventType"] == "ChainedInvokeStarted"]
    assert started["ChainedInvokeStartedDetails"] == {
        "FunctionName": "plain", "Input": {"Payload": '{"a": 1}', "Truncated": False}, "ExecutedVersion": "$LATEST",
    }  # fmt: skip


def test_what_a_function_raises_is_the_operations_error(script):
    make(script.cloud, "def handler(event, context): raise ValueError('bad')", name="plain", Role=ROLE)
    put_role(script.cloud, "lambda:*")
    waiting(script, chained("plain"))
    found = seen(script, "i")
    assert found["Status"] == "FAILED"
    assert (found["ChainedInvokeDetails"]["Error"]["ErrorType"], found["ChainedInvokeDetails"]["Error"]["ErrorMessage"]) == ("ValueError", "bad")
    done(script)


def test_what_cannot_be_invoked_fails_in_the_answer(script, tmp_path):
    Script(script.cloud, tmp_path / "other", name="other")
    begin(script.cloud)
    script.invoked()
    told = script.checkpoint(chained("missing", id_="m"), chained("other", id_="u"))
    assert [(each["Status"], each["ChainedInvokeDetails"]["Error"]["ErrorMessage"]) for each in told] == [
        ("FAILED", "Function not found: arn:aws:lambda:us-east-1:000000000000:function:missing:$LATEST"),
        ("FAILED", "You cannot invoke a durable function using an unqualified ARN."),
    ]
    done(script)


def test_a_plain_function_that_was_killed_is_invoked_again(script, tmp_path):
    source = f"""
        import threading
        from pathlib import Path
        def handler(event, context):
            with open("{tmp_path}/plain", "a") as file:
                file.write("x")
            while not Path("{tmp_path}/go").exists():
                threading.Event().wait(0.01)
            return 7
    """
    put_role(script.cloud, "lambda:*")
    make(script.cloud, source, name="plain", Role=ROLE, Timeout=60)
    waiting(script, chained("plain"))
    until(script.cloud, (tmp_path / "plain").exists)
    script.cloud.restart(kill=True)
    (tmp_path / "go").touch()
    assert seen(script, "i")["ChainedInvokeDetails"]["Result"] == "7"
    assert (tmp_path / "plain").read_text() == "xx"
    done(script)


def child_arn(script, id_: str = "i") -> str:
    """The execution that an operation has begun."""
    started = [event for event in events(script.cloud, script.arn) if event["EventType"] == "ChainedInvokeStarted" and event["Id"] == id_]
    return started[0]["ChainedInvokeStartedDetails"]["DurableExecutionArn"]


@pytest.fixture
def child(script, tmp_path):
    made = Script(script.cloud, tmp_path / "child", name="child", timeout_s=100)
    put_role(script.cloud, "lambda:*")
    return made


def test_a_durable_function_is_an_execution_of_its_own(script, child):
    waiting(script, chained("child:$LATEST", '{"n": 1}'))
    event = child.invoked()
    assert event["DurableExecutionArn"] == child_arn(script)
    assert event["InitialExecutionState"]["Operations"][0]["ExecutionDetails"] == {"InputPayload": '{"n": 1}'}
    child.checkpoint(wait("w", 50))
    child.answer("PENDING")
    script.cloud.restart(kill=True)
    script.cloud.sleep(51)
    child.invoked()
    child.answer("SUCCEEDED", Result='"child"')
    found = seen(script, "i")
    assert (found["Status"], found["ChainedInvokeDetails"]) == ("SUCCEEDED", {"Result": '"child"'})
    done(script)


def test_an_execution_that_is_stopped_stops_what_waits_for_it(script, child):
    waiting(script, chained("child:$LATEST"))
    assert "InputPayload" not in script.client.get_durable_execution(DurableExecutionArn=child_arn(script))
    child.invoked()
    child.answer("PENDING")
    script.client.stop_durable_execution(DurableExecutionArn=child_arn(script), Error={"ErrorMessage": "by hand"})
    found = seen(script, "i")
    assert (found["Status"], found["ChainedInvokeDetails"]["Error"]) == ("STOPPED", {"ErrorMessage": "by hand"})
    done(script)


def test_an_execution_that_times_out_times_out_what_waits_for_it(script, child):
    waiting(script, chained("child:$LATEST"))
    child.invoked()
    child.checkpoint(wait("w", 600))
    child.answer("PENDING")
    until(script.cloud, lambda: kinds(script.cloud, child.arn)[-1] == "InvocationCompleted")
    script.cloud.sleep(101)
    found = seen(script, "i")
    error = {"ErrorType": "ChainedInvoke.Timeout", "ErrorMessage": "CHAINED_INVOKE timed out after 100 seconds."}
    assert (found["Status"], found["ChainedInvokeDetails"]["Error"]) == ("TIMED_OUT", error)
    done(script)


# Stopping, pausing, deleting -------------------------------------------------------------------------


def test_who_stops_an_execution_ends_it(script):
    waiting(script, wait("w", 60))
    client, said = script.client, {"DurableExecutionArn": script.arn}
    stopped = client.stop_durable_execution(**said, Error={"ErrorType": "T", "ErrorMessage": "enough"})["StopTimestamp"]
    assert client.stop_durable_execution(**said)["StopTimestamp"] == stopped
    shown = client.get_durable_execution(**said)
    assert (shown["Status"], shown["Error"]) == ("STOPPED", {"ErrorType": "T", "ErrorMessage": "enough"})
    script.cloud.sleep(100)
    assert not script.is_invoked_again and kinds(script.cloud, script.arn)[-1] == "ExecutionStopped"


def test_a_paused_execution_is_not_invoked_and_its_waits_go_on(script):
    # https://docs.aws.amazon.com/lambda/latest/dg/durable-pause-resume.html
    waiting(script, wait("w", 60))
    client, said = script.client, {"DurableExecutionArn": script.arn}
    before = client.get_durable_execution(**said)["ExpectedExecutionTimeoutTimestamp"]
    client.pause_durable_execution(**said, Reason="deploy", ClientToken="t")
    client.pause_durable_execution(**said, Reason="deploy", ClientToken="t")
    assert refused(client.pause_durable_execution, **said)[0] == "ResourceConflictException"
    shown = client.get_durable_execution(**said)
    assert shown["Status"] == "PAUSED"
    assert (shown["PauseDetails"]["Reason"], shown["PauseDetails"]["ExecutionTimeoutPaused"]) == ("deploy", True)
    assert (shown["ExpectedExecutionTimeoutTimestamp"] - shown["StartTimestamp"]).days == 366
    script.cloud.restart(kill=True)
    script.cloud.sleep(2 * 86_400)
    assert not script.is_invoked_again
    assert kinds(script.cloud, script.arn)[-2:] == ["ExecutionPaused", "WaitSucceeded"]
    client.resume_durable_execution(**said, Reason="deployed")
    after = client.get_durable_execution(**said)["ExpectedExecutionTimeoutTimestamp"]
    assert round((after - before).total_seconds()) == 2 * 86_400
    assert seen(script, "w")["Status"] == "SUCCEEDED"
    done(script)
    assert refused(client.resume_durable_execution, **said)[0] == "ResourceConflictException"


def test_an_invocation_in_flight_pauses_at_its_next_checkpoint(script):
    begin(script.cloud)
    script.invoked()
    client, said = script.client, {"DurableExecutionArn": script.arn}
    client.pause_durable_execution(**said)
    assert client.get_durable_execution(**said)["Status"] == "PAUSING"
    assert script.checkpoint(step("a", "SUCCEED", Payload="1")) == [] and script.token is None
    assert client.get_durable_execution(**said)["Status"] == "PAUSED"
    script.answer("PENDING")
    until(script.cloud, partial(is_waiting, script))
    script.cloud.sleep(60)
    assert not script.is_invoked_again
    client.resume_durable_execution(**said)
    assert seen(script, "a")["StepDetails"]["Result"] == "1"
    client.pause_durable_execution(**said)
    client.resume_durable_execution(**said)
    done(script)


def test_what_has_ended_can_be_deleted(script):
    waiting(script, wait("w", 60))
    client, said = script.client, {"DurableExecutionArn": script.arn}
    assert refused(client.delete_durable_execution, **said)[0] == "ResourceConflictException"
    client.stop_durable_execution(**said)
    assert client.delete_durable_execution(**said)["DeletionRequestTimestamp"]
    assert refused(client.get_durable_execution, **said)[0] == "ResourceNotFoundException"


def test_executions_are_listed_by_function(script, tmp_path):
    client = script.client
    arns = []
    for name in ("a", "b", "c"):
        arns.append(begin(script.cloud, DurableExecutionName=name))
        script.invoked()
        script.checkpoint(wait("w", 3_000))
        script.answer("PENDING")
        until(script.cloud, partial(is_waiting, script))
        script.cloud.sleep(1)
    client.stop_durable_execution(DurableExecutionArn=arns[2])

    def listed(**more) -> list[str]:
        return [each["DurableExecutionName"] for each in client.list_durable_executions_by_function(FunctionName="d", **more)["DurableExecutions"]]

    assert (listed(), listed(ReverseOrder=True)) == (["c", "b", "a"], ["a", "b", "c"])
    assert (listed(Statuses=["RUNNING"]), listed(DurableExecutionName="b")) == (["b", "a"], ["b"])
    started = client.get_durable_execution(DurableExecutionArn=arns[1])["StartTimestamp"]
    assert (listed(StartedAfter=started), listed(StartedBefore=started)) == (["c"], ["a"])
    first = client.list_durable_executions_by_function(FunctionName="d", MaxItems=2)
    rest = client.list_durable_executions_by_function(FunctionName="d", MaxItems=2, Marker=first["NextMarker"])
    assert [each["DurableExecutionName"] for each in first["DurableExecutions"] + rest["DurableExecutions"]] == ["c", "b", "a"]
    assert "NextMarker" not in rest
    assert refused(client.list_durable_executions_by_function, FunctionName="d", Statuses=["RUNNING", "FAILED"]) == (
        INVALID, "Cannot filter by more than one status",
    )  # fmt: skip
    assert refused(client.list_durable_executions_by_function, FunctionName="none")[0] == "ResourceNotFoundException"


def test_history_pages_both_ways_and_leaves_out_what_was_said(script):
    waiting(script, step("a", "SUCCEED", Payload="secret"), wait("w", 60))
    client, said = script.client, {"DurableExecutionArn": script.arn}
    whole = client.get_durable_execution_history(**said)["Events"]
    assert [event["EventId"] for event in whole] == list(range(1, len(whole) + 1))
    page = client.get_durable_execution_history(**said, MaxItems=2, ReverseOrder=True)
    rest = client.get_durable_execution_history(**said, ReverseOrder=True, Marker=page["NextMarker"])
    assert page["Events"] + rest["Events"] == whole[::-1]
    bare = client.get_durable_execution_history(**said, IncludeExecutionData=False)["Events"]
    assert "secret" not in str(bare) and bare[1]["StepSucceededDetails"]["Result"] == {"Truncated": True}
    shown = client.get_durable_execution(**said, IncludeExecutionData=False)
    assert "InputPayload" not in shown and shown["ExecutionDataIncluded"] is False
