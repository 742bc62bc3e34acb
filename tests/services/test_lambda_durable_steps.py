"""Durable functions of Lambda, written with AWS's SDK: steps, waits and contexts, replayed from what was checkpointed."""

from __future__ import annotations

import json
import re
from functools import partial

import pytest
from botocore.exceptions import ClientError
from durable_workshop import begin, ended, events, kinds, make_durable, notes, until
from lambda_workshop import invoke, put_role, zipped
from test_cloudwatch_services import figures
from test_lambda_events import make_queue, received

STEPS = """
    @durable_execution
    def handler(event, context):
        note(event, "handler")
        a = context.step(lambda _: note(event, "one") or 1, name="one")
        context.wait(Duration.from_seconds(event.get("wait", 86_400)))
        b = context.step(lambda _: note(event, "two") or 2, name="two")
        return {"sum": a + b}
"""


def waits(cloud, arn: str) -> None:
    """Until the function has left and the execution waits."""
    until(cloud, lambda: kinds(cloud, arn)[-1] == "InvocationCompleted")


def test_a_step_that_was_checkpointed_is_not_run_again_after_a_day(durable, tmp_path):
    make_durable(durable, STEPS, timeout_s=3 * 86_400)
    file = tmp_path / "notes"
    arn = begin(durable, {"file": str(file)})
    waits(durable, arn)
    assert notes(file) == ["handler", "one"]
    durable.sleep(86_400)
    shown = ended(durable, arn)
    assert (shown["Status"], json.loads(shown["Result"])) == ("SUCCEEDED", {"sum": 3})
    assert notes(file) == ["handler", "one", "handler", "two"]
    assert kinds(durable, arn) == [
        "ExecutionStarted", "StepStarted", "StepSucceeded", "WaitStarted", "InvocationCompleted", "WaitSucceeded", "StepStarted",
        "StepSucceeded", "InvocationCompleted", "ExecutionSucceeded",
    ]  # fmt: skip


def test_a_kill_while_it_waits_forgets_nothing(durable, tmp_path):
    make_durable(durable, STEPS, timeout_s=3 * 86_400)
    file = tmp_path / "notes"
    arn = begin(durable, {"file": str(file)})
    waits(durable, arn)
    durable.sleep_dark(86_400)
    assert json.loads(ended(durable, arn)["Result"]) == {"sum": 3}
    assert notes(file) == ["handler", "one", "handler", "two"]


SLOW = """
    import threading
    def held(event):
        note(event, "two")
        while not Path(event["file"]).with_name("go").exists():
            threading.Event().wait(0.01)
        return 2

    @durable_execution
    def handler(event, context):
        a = context.step(lambda _: note(event, "one") or 1, name="one")
        b = context.step(lambda _: held(event), name="two")
        return a + b
"""


def test_an_invocation_that_was_killed_is_made_again_and_replays(durable, tmp_path):
    make_durable(durable, SLOW)
    file = tmp_path / "notes"
    arn = begin(durable, {"file": str(file)})
    until(durable, lambda: notes(file) == ["one", "two"])
    durable.restart(kill=True)
    (tmp_path / "go").touch()
    assert ended(durable, arn)["Result"] == "3"
    assert notes(file) == ["one", "two", "two"]


def test_ten_kills_at_any_moment_run_no_finished_step_again(durable, tmp_path):
    source = """
        @durable_execution
        def handler(event, context):
            for number in range(12):
                context.step(lambda _: note(event, str(number)), name=str(number))
            return "done"
    """
    make_durable(durable, source)
    file = tmp_path / "notes"
    arn = begin(durable, {"file": str(file)})

    def has_more(than: int) -> bool:
        return len(notes(file)) > than or durable_status(durable, arn) != "RUNNING"

    for kill in range(10):
        until(durable, partial(has_more, kill))
        done = [event["Name"] for event in events(durable, arn) if event["EventType"] == "StepSucceeded"]
        before = len(notes(file))
        durable.restart(kill=True)
        until(durable, partial(has_more, before))
        assert not set(notes(file)[before:]) & set(done)
    assert ended(durable, arn)["Result"] == '"done"'
    succeeded = [event["Name"] for event in events(durable, arn) if event["EventType"] == "StepSucceeded"]
    assert succeeded == [str(number) for number in range(12)]


def durable_status(cloud, arn: str) -> str:
    return cloud.client("lambda").get_durable_execution(DurableExecutionArn=arn)["Status"]


def test_a_synchronous_invocation_waits_for_the_end(durable, tmp_path):
    make_durable(durable, STEPS)
    reply = invoke(durable, {"file": str(tmp_path / "n"), "wait": 300}, "d:$LATEST")
    assert (reply["StatusCode"], reply["Payload"], reply["ExecutedVersion"]) == (200, {"sum": 3}, "$LATEST")
    assert ":function:d:$LATEST/durable-execution/" in reply["DurableExecutionArn"]
    assert durable.now() > 300 + 1_893_456_000


def test_a_step_that_fails_is_tried_again_when_its_delay_is_over(durable, tmp_path):
    source = """
        def shaky(event):
            note(event, "try")
            if len(Path(event["file"]).read_text().split()) < 3:
                raise ValueError("not yet")
            return "well"

        @durable_execution
        def handler(event, context):
            strategy = create_retry_strategy(RetryStrategyConfig(
                max_attempts=5, initial_delay=Duration.from_minutes(10), max_delay=Duration.from_minutes(10), jitter_strategy=JitterStrategy.NONE))
            return context.step(lambda _: shaky(event), name="shaky", config=StepConfig(retry_strategy=strategy))
    """
    make_durable(durable, source, timeout_s=86_400)
    file = tmp_path / "notes"
    arn = begin(durable, {"file": str(file)})
    waits(durable, arn)
    durable.sleep(590)
    assert notes(file) == ["try"]
    durable.sleep(1_000)
    assert ended(durable, arn)["Result"] == '"well"'
    failed = [event for event in events(durable, arn) if event["EventType"] == "StepFailed"]
    assert [event["StepFailedDetails"]["RetryDetails"] for event in failed] == [
        {"CurrentAttempt": 1, "NextAttemptDelaySeconds": 600}, {"CurrentAttempt": 2, "NextAttemptDelaySeconds": 600},
    ]  # fmt: skip
    assert failed[0]["StepFailedDetails"]["Error"]["Payload"]["ErrorMessage"] == "not yet"
    (well,) = [event for event in events(durable, arn) if event["EventType"] == "StepSucceeded"]
    assert well["StepSucceededDetails"]["RetryDetails"] == {"CurrentAttempt": 3}


def test_branches_and_maps_are_contexts(durable, tmp_path):
    source = """
        @durable_execution
        def handler(event, context):
            def square(ctx, item, index, items):
                ctx.wait(Duration.from_seconds(60))
                return ctx.step(lambda _: note(event, str(item)) or item * item, name=f"square{item}")
            found = context.map([1, 2, 3], square, name="squares")
            return found.get_results()
    """
    make_durable(durable, source)
    file = tmp_path / "notes"
    arn = begin(durable, {"file": str(file)})
    durable.sleep(120)
    assert json.loads(ended(durable, arn)["Result"]) == [1, 4, 9]
    assert sorted(notes(file)) == ["1", "2", "3"]
    started = [event for event in events(durable, arn) if event["EventType"] == "ContextStarted"]
    assert [event["SubType"] for event in started] == ["Map", "MapIteration", "MapIteration", "MapIteration"]
    assert {event.get("ParentId") for event in started[1:]} == {started[0]["Id"]}


def test_what_the_function_raises_fails_the_execution(durable):
    make_durable(durable, "@durable_execution\ndef handler(event, context): raise KeyError('lost')")
    reply = invoke(durable, {}, "d:$LATEST")
    assert reply["FunctionError"] == "Unhandled"
    assert (reply["Payload"]["errorType"], reply["Payload"]["errorMessage"]) == ("KeyError", "'lost'")
    shown = durable.client("lambda").get_durable_execution(DurableExecutionArn=reply["DurableExecutionArn"])
    assert (shown["Status"], shown["Error"]["ErrorType"]) == ("FAILED", "KeyError")


def test_a_crash_is_tried_again_until_it_succeeds(durable, tmp_path):
    source = """
        @durable_execution
        def handler(event, context):
            context.step(lambda _: note(event, "one"), name="one")
            if len(list(Path(event["file"]).parent.glob("crash*"))) < 4:
                Path(event["file"]).with_name(f"crash{os.getpid()}").touch()
                os._exit(1)
            return "alive"
    """
    make_durable(durable, source)
    arn = begin(durable, {"file": str(tmp_path / "notes")})
    durable.sleep(30)
    assert ended(durable, arn)["Result"] == '"alive"'
    assert notes(tmp_path / "notes") == ["one"]
    completed = [event["InvocationCompletedDetails"] for event in events(durable, arn) if event["EventType"] == "InvocationCompleted"]
    assert ["Error" in each for each in completed] == [True] * 4 + [False]
    assert completed[0]["Error"]["Payload"]["ErrorType"] == "Runtime.ExitError"
    # Ever longer times lie between them: https://docs.aws.amazon.com/lambda/latest/dg/durable-execution-sdk-retries.html
    pauses = [(after["StartTimestamp"] - before["EndTimestamp"]).total_seconds() for before, after in zip(completed, completed[1:])]
    assert [round(pause) for pause in pauses] == [1, 2, 4, 8]


def test_the_timeout_ends_it(durable, tmp_path):
    make_durable(durable, STEPS, timeout_s=100)
    arn = begin(durable, {"file": str(tmp_path / "n")})
    durable.sleep(101)
    shown = ended(durable, arn)
    assert (shown["Status"], shown["Error"]) == ("TIMED_OUT", {"ErrorMessage": "Execution timed out after 100 seconds."})
    assert (shown["EndTimestamp"] - shown["StartTimestamp"]).total_seconds() == 100
    assert kinds(durable, arn)[-1] == "ExecutionTimedOut"
    reply = invoke(durable, {"file": str(tmp_path / "n")}, "d:$LATEST")
    assert (reply["FunctionError"], reply["Payload"]) == ("Unhandled", {"errorMessage": "Execution timed out after 100 seconds."})


def test_a_published_version_is_what_an_execution_goes_on_with(durable, tmp_path):
    make_durable(durable, STEPS, timeout_s=3 * 86_400, Publish=True)
    client = durable.client("lambda")
    client.create_alias(FunctionName="d", Name="live", FunctionVersion="1")
    arn = begin(durable, {"file": str(tmp_path / "n")}, name="d:live")
    assert ":function:d:1/durable-execution/" in arn
    waits(durable, arn)
    client.update_function_code(FunctionName="d", ZipFile=zipped("def handler(event, context): return None"), Publish=True)
    client.update_alias(FunctionName="d", Name="live", FunctionVersion="2")
    durable.sleep(86_400)
    shown = ended(durable, arn)
    assert (shown["Status"], shown["Version"]) == ("SUCCEEDED", "1")


def test_a_function_whose_version_is_gone_fails(durable, tmp_path):
    make_durable(durable, STEPS, timeout_s=3 * 86_400)
    arn = begin(durable, {"file": str(tmp_path / "n")})
    waits(durable, arn)
    durable.client("lambda").delete_function(FunctionName="d")
    durable.sleep(86_400)
    shown = ended(durable, arn)
    assert (shown["Status"], shown["Error"]["ErrorType"]) == ("FAILED", "ResourceNotFoundException")


def test_a_throttled_function_is_invoked_when_there_is_room(durable, tmp_path):
    make_durable(durable, STEPS)
    client = durable.client("lambda")
    client.put_function_concurrency(FunctionName="d", ReservedConcurrentExecutions=0)
    arn = begin(durable, {"file": str(tmp_path / "n"), "wait": 1})
    durable.sleep(20)
    assert kinds(durable, arn) == ["ExecutionStarted"]
    client.delete_function_concurrency(FunctionName="d")
    durable.sleep(40)
    assert ended(durable, arn)["Status"] == "SUCCEEDED"


def test_a_large_result_is_checkpointed(durable):
    # "maximum payload size is 6 MB for synchronous": https://docs.aws.amazon.com/lambda/latest/api/API_OperationUpdate.html
    make_durable(durable, "@durable_execution\ndef handler(event, context): return 'x' * (event['mb'] * 1_000_000)", MemorySize=512)
    reply = invoke(durable, {"mb": 6}, "d:$LATEST")
    assert len(reply["Payload"]) == 6_000_000
    arn = begin(durable, {"mb": 2})
    shown = ended(durable, arn)
    assert shown["Status"] == "FAILED"
    assert "Execution output payload size must be less than or equal to 1048576 bytes." in shown["Error"]["ErrorMessage"]


def test_more_state_than_an_invocation_takes_is_asked_for(durable, tmp_path):
    source = """
        @durable_execution
        def handler(event, context):
            sizes = [len(context.step(lambda _: note(event, str(n)) or "x" * 700_000, name=str(n))) for n in range(9)]
            context.wait(Duration.from_seconds(60))
            return sum(sizes)
    """
    make_durable(durable, source, MemorySize=512)
    reply = invoke(durable, {"file": str(tmp_path / "n")}, "d:$LATEST")
    assert reply["Payload"] == 9 * 700_000
    assert notes(tmp_path / "n") == [str(n) for n in range(9)]


# Names ----------------------------------------------------------------------------------------------


def test_a_name_makes_an_invocation_idempotent(durable, tmp_path):
    # https://docs.aws.amazon.com/lambda/latest/dg/durable-execution-idempotency.html
    make_durable(durable, STEPS, timeout_s=800)
    client = durable.client("lambda")
    event = {"file": str(tmp_path / "n"), "wait": 60}
    arn = begin(durable, event, DurableExecutionName="order-1")
    assert "/durable-execution/order-1/" in arn
    assert begin(durable, event, DurableExecutionName="order-1") == arn
    reply = invoke(durable, event, "d:$LATEST", DurableExecutionName="order-1")
    assert (reply["DurableExecutionArn"], reply["Payload"]) == (arn, {"sum": 3})
    durable.restart(kill=True)
    assert invoke(durable, event, "d:$LATEST", DurableExecutionName="order-1")["Payload"] == {"sum": 3}
    assert notes(tmp_path / "n") == ["handler", "one", "handler", "two"]
    with pytest.raises(ClientError) as refusal:
        client.invoke(FunctionName="d:$LATEST", Payload=b'{"wait": 1}', DurableExecutionName="order-1")
    assert refusal.value.response["Error"] == {
        "Code": "DurableExecutionAlreadyStartedException", "Message": f"Execution already started: {arn}",
    }  # fmt: skip
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409


def test_retention_drops_what_has_ended_and_frees_its_name(durable, tmp_path):
    make_durable(durable, STEPS, durable={"RetentionPeriodInDays": 2})
    event = {"file": str(tmp_path / "n"), "wait": 1}
    arn = begin(durable, event, DurableExecutionName="n")
    assert ended(durable, arn)["Status"] == "SUCCEEDED"
    durable.sleep(2 * 86_400 - 60)
    assert durable_status(durable, arn) == "SUCCEEDED"
    durable.sleep(120)
    with pytest.raises(ClientError, match="ResourceNotFoundException.*Durable Execution does not exist"):
        durable_status(durable, arn)
    assert begin(durable, event | {"wait": 2}, DurableExecutionName="n") != arn


# Around -----------------------------------------------------------------------------------------------


def test_a_failed_event_goes_to_the_dead_letter_queue(durable, tmp_path):
    # "When a durable execution reaches a terminal state (FAILED, STOPPED, or TIMED_OUT) after an asynchronous invocation, Lambda sends the
    # original triggering event to the DLQ": https://docs.aws.amazon.com/lambda/latest/dg/durable-best-practices.html
    url, queue = make_queue(durable, "dead")
    put_role(durable, "logs:*", "lambda:*", "sqs:*")
    make_durable(durable, STEPS, timeout_s=100, DeadLetterConfig={"TargetArn": queue}, Role=put_role(durable, "logs:*", "lambda:*", "sqs:*"))
    event = {"file": str(tmp_path / "n")}
    begin(durable, event)
    durable.sleep(50)
    durable.restart(kill=True)
    durable.sleep(60)
    (message,) = received(durable, url)
    assert json.loads(message["Body"]) == event
    assert message["MessageAttributes"]["ErrorMessage"]["StringValue"] == "Execution timed out after 100 seconds."
    durable.client("sqs").delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    invoke(durable, event, "d:$LATEST")
    durable.sleep(60)
    assert not received(durable, url)


def test_the_bus_hears_of_each_change(durable, tmp_path):
    # https://docs.aws.amazon.com/lambda/latest/dg/durable-monitoring.html
    url, queue = make_queue(durable, "changes")
    policy = {"Statement": {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}}
    durable.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    pattern = {"source": ["aws.lambda"], "detail-type": ["Durable Execution Status Change"]}
    durable.client("events").put_rule(Name="r", EventPattern=json.dumps(pattern))
    durable.client("events").put_targets(Rule="r", Targets=[{"Id": "q", "Arn": queue}])
    make_durable(durable, STEPS)
    arn = begin(durable, {"file": str(tmp_path / "n"), "wait": 5}, DurableExecutionName="order-123")
    durable.sleep(10)
    ended(durable, arn)
    told = [json.loads(message["Body"]) for message in received(durable, url)]
    assert [event["detail"]["status"] for event in told] == ["RUNNING", "SUCCEEDED"]
    assert told[0]["resources"] == []
    stamp = told[0]["detail"].pop("startTimestamp")
    assert re.fullmatch(r"2030-01-01T00:00:0\d\.\d{3}Z", stamp)
    assert told[0]["detail"] == {
        "durableExecutionArn": arn, "durableExecutionName": "order-123",
        "functionArn": "arn:aws:lambda:us-east-1:000000000000:function:d:$LATEST", "status": "RUNNING",
    }  # fmt: skip
    assert "endTimestamp" in told[1]["detail"] and "endTimestamp" not in told[0]["detail"]


def test_executions_are_measured(durable, tmp_path):
    # https://docs.aws.amazon.com/lambda/latest/dg/durable-monitoring.html. What counts as an operation, and that the last result is no data
    # written, was measured of AWS: a start, nine steps, a callback, three waits and four contexts made 18.
    make_durable(durable, STEPS)
    event = {"file": str(tmp_path / "n"), "wait": 30}
    ended(durable, begin(durable, event))
    durable.sleep(120)
    durable.sleep(120)
    measured = {
        name: figures(durable, "AWS/Lambda", f"DurableExecution{name}", FunctionName="d")
        for name in ("Started", "Succeeded", "Operations", "StorageWrittenBytes")
    }
    written = len(json.dumps(event)) + len("1") + len("2")
    assert measured == {"Started": 1.0, "Succeeded": 1.0, "Operations": 4.0, "StorageWrittenBytes": float(written)}
    assert figures(durable, "AWS/Lambda", "DurableExecutionDuration", FunctionName="d") >= 30_000
