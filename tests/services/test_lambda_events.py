"""Asynchronous invocations in virtual time: retries, what ends them, and who hears of it."""

from __future__ import annotations

import json
import re

import pytest
from botocore.exceptions import ClientError
from lambda_workshop import ACCOUNT, invoke, make, put_role, settle, zipped
from test_cloudwatch_services import figures

ATTEMPTS = """
    from pathlib import Path
    def handler(event, context):
        file = Path(event["file"])
        count = len(file.read_text()) + 1 if file.exists() else 1
        file.write_text("x" * count)
        if count <= event["failures"]:
            raise ValueError(f"attempt {count}")
        return count
"""


def send(cloud, **event) -> str:
    reply = cloud.client("lambda").invoke(FunctionName="f", InvocationType="Event", Payload=json.dumps(event))
    assert (reply["StatusCode"], reply["Payload"].read()) == (202, b"")
    return reply["ResponseMetadata"]["RequestId"]


def attempts(file) -> int:
    return len(file.read_text()) if file.exists() else 0


def make_queue(cloud, name: str) -> tuple[str, str]:
    sqs = cloud.client("sqs")
    return sqs.create_queue(QueueName=name)["QueueUrl"], f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"


def received(cloud, url: str) -> list[dict]:
    return cloud.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]).get("Messages", [])


def test_an_event_is_answered_later(cloud, tmp_path):
    make(cloud, ATTEMPTS)
    send(cloud, file=str(tmp_path / "n"), failures=0)
    settle(cloud)
    assert attempts(tmp_path / "n") == 1


def test_a_failing_event_is_tried_after_one_and_two_more_minutes_and_then_given_up(cloud, tmp_path):
    # https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
    make(cloud, ATTEMPTS)
    file = tmp_path / "n"
    send(cloud, file=str(file), failures=9)
    settle(cloud)
    assert attempts(file) == 1
    cloud.sleep(58)
    assert attempts(file) == 1
    cloud.sleep(4)
    settle(cloud)
    assert attempts(file) == 2
    cloud.sleep(116)
    assert attempts(file) == 2
    cloud.sleep(6)
    settle(cloud)
    assert attempts(file) == 3
    cloud.sleep(7200)
    assert attempts(file) == 3


SLOW = """
    import threading
    from pathlib import Path
    def handler(event, context):
        file = Path(event["file"])
        file.write_text((file.read_text() if file.exists() else "") + "x")
        while not file.with_name("go").exists():
            threading.Event().wait(0.01)
"""


def test_what_was_being_answered_when_its_region_was_killed_is_answered_again(cloud, tmp_path):
    make(cloud, SLOW, Timeout=60)
    file = tmp_path / "n"
    send(cloud, file=str(file))
    for _ in range(600):
        cloud.sleep(0.1)
        if attempts(file):
            break
    cloud.restart(kill=True)
    (tmp_path / "go").touch()
    settle(cloud)
    assert attempts(file) == 2
    cloud.sleep(3600)
    assert attempts(file) == 2


def test_a_kill_between_attempts_forgets_nothing(cloud, tmp_path):
    make(cloud, ATTEMPTS)
    file = tmp_path / "n"
    send(cloud, file=str(file), failures=1)
    settle(cloud)
    cloud.restart(kill=True)
    cloud.sleep(65)
    settle(cloud)
    assert attempts(file) == 2
    cloud.sleep(3600)
    assert attempts(file) == 2


def test_results_go_to_their_destinations(cloud, tmp_path):
    put_role(cloud, "logs:*", "sqs:*")
    make(cloud, ATTEMPTS, Role=put_role(cloud, "logs:*", "sqs:*"))
    good, good_arn = make_queue(cloud, "good")
    bad, bad_arn = make_queue(cloud, "bad")
    cloud.client("lambda").put_function_event_invoke_config(
        FunctionName="f", MaximumRetryAttempts=1,
        DestinationConfig={"OnSuccess": {"Destination": good_arn}, "OnFailure": {"Destination": bad_arn}},
    )  # fmt: skip
    event = {"file": str(tmp_path / "a"), "failures": 0}
    request_id = send(cloud, **event)
    settle(cloud)
    body = json.loads(received(cloud, good)[0]["Body"])
    stamp = body.pop("timestamp")
    assert stamp.startswith("2030-01-01T00:00:0") and stamp.endswith("Z")
    # Recorded: test_assess_lambda_destination_invocation.
    arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f:$LATEST"
    assert body == {
        "version": "1.0",
        "requestContext": {"requestId": request_id, "functionArn": arn, "condition": "Success", "approximateInvokeCount": 1},
        "requestPayload": event,
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST"},
        "responsePayload": 1,
    }
    send(cloud, file=str(tmp_path / "b"), failures=9)
    cloud.sleep(62)
    settle(cloud)
    body = json.loads(received(cloud, bad)[0]["Body"])
    assert (body["requestContext"]["condition"], body["requestContext"]["approximateInvokeCount"]) == ("RetriesExhausted", 2)
    assert body["responseContext"]["functionError"] == "Unhandled" and body["responsePayload"]["errorMessage"] == "attempt 2"


def test_a_bucket_takes_failures(cloud, tmp_path):
    # https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html has the key and what the role needs.
    client, s3 = cloud.client("lambda"), cloud.client("s3")
    s3.create_bucket(Bucket="failures")
    to = {"Destination": "arn:aws:s3:::failures"}
    make(cloud, ATTEMPTS)
    for action in ("PutObject", "ListBucket"):
        with pytest.raises(ClientError, match=f"does not have permissions to call {action} on S3"):
            client.put_function_event_invoke_config(FunctionName="f", DestinationConfig={"OnFailure": to})
        put_role(cloud, "logs:*", "s3:PutObject")
    put_role(cloud, "logs:*", "s3:PutObject", "s3:ListBucket")
    with pytest.raises(ClientError, match="The provided destination config .* is invalid"):
        client.put_function_event_invoke_config(FunctionName="f", DestinationConfig={"OnSuccess": to})
    client.put_function_event_invoke_config(FunctionName="f", MaximumRetryAttempts=0, DestinationConfig={"OnFailure": to})
    request_id = send(cloud, file=str(tmp_path / "n"), failures=9)
    settle(cloud)
    (key,) = [item["Key"] for item in s3.list_objects_v2(Bucket="failures")["Contents"]]
    assert re.fullmatch(r"aws/lambda/async/f/2030/01/01/2030-01-01T00\.00\.\d\d-[0-9a-f-]{36}", key)
    told = json.loads(s3.get_object(Bucket="failures", Key=key)["Body"].read())
    assert (told["requestContext"]["requestId"], told["requestContext"]["condition"]) == (request_id, "RetriesExhausted")


def test_what_becomes_of_events_is_measured(cloud, tmp_path):
    # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
    make(cloud, ATTEMPTS, Role=put_role(cloud, "logs:*", "sqs:*"))
    bad, bad_arn = make_queue(cloud, "bad")
    client = cloud.client("lambda")
    client.update_function_configuration(FunctionName="f", DeadLetterConfig={"TargetArn": bad_arn})
    client.put_function_event_invoke_config(FunctionName="f", MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": bad_arn}})
    cloud.client("sqs").delete_queue(QueueUrl=bad)
    send(cloud, file=str(tmp_path / "n"), failures=9)
    settle(cloud)
    cloud.sleep(120)
    names = ("AsyncEventsReceived", "AsyncEventsDropped", "DestinationDeliveryFailures", "DeadLetterErrors")
    assert {name: figures(cloud, "AWS/Lambda", name, FunctionName="f") for name in names} == dict.fromkeys(names, 1.0)
    assert figures(cloud, "AWS/Lambda", "AsyncEventAge", "SampleCount", FunctionName="f") == 1.0


def test_an_event_that_would_be_too_old_is_not_tried_again(cloud, tmp_path):
    # Recorded: test_maxeventage.
    make(cloud, ATTEMPTS, Role=put_role(cloud, "sqs:*"))
    bad, bad_arn = make_queue(cloud, "bad")
    cloud.client("lambda").put_function_event_invoke_config(
        FunctionName="f", MaximumEventAgeInSeconds=60, DestinationConfig={"OnFailure": {"Destination": bad_arn}}
    )
    send(cloud, file=str(tmp_path / "n"), failures=9)
    settle(cloud)
    context = json.loads(received(cloud, bad)[0]["Body"])["requestContext"]
    assert (context["condition"], context["approximateInvokeCount"]) == ("EventAgeExceeded", 1)


def test_a_dead_letter_queue_gets_the_event_itself(cloud, tmp_path):
    url, arn = make_queue(cloud, "dead")
    make(cloud, ATTEMPTS, Role=put_role(cloud, "sqs:*"), DeadLetterConfig={"TargetArn": arn})
    cloud.client("lambda").put_function_event_invoke_config(FunctionName="f", MaximumRetryAttempts=0)
    event = {"file": str(tmp_path / "n"), "failures": 9}
    request_id = send(cloud, **event)
    settle(cloud)
    message = received(cloud, url)[0]
    assert json.loads(message["Body"]) == event
    said = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert said == {"RequestID": request_id, "ErrorCode": "200", "ErrorMessage": "attempt 1"}


def test_a_dead_letter_queue_the_role_may_not_use_is_refused(cloud):
    _, arn = make_queue(cloud, "dead")
    with pytest.raises(ClientError, match="The provided execution role does not have permissions to call SendMessage on SQS"):
        make(cloud, DeadLetterConfig={"TargetArn": arn}, Role=put_role(cloud))


def test_what_cannot_be_a_dead_letter_queue_or_destination_is_refused_in_awss_words(cloud):
    # As cdk-preflight saw it of AWS: pf-lambda-dlq-no-fifo, -dlq-region (which it asks for before the service), -dlq-service.
    for target, text in (
        (f"arn:aws:sqs:us-east-1:{ACCOUNT}:q.fifo", "FIFO SQS queue is not supported for dead letter configuration"),
        ("arn:aws:s3:::b", "The resource specified by the TargetArn must be in the same region as the Lambda function it's associated with."),
        (f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:g", "The service specified by the TargetArn is not supported for dead letter configuration."),
    ):
        with pytest.raises(ClientError) as caught:
            make(cloud, DeadLetterConfig={"TargetArn": target})
        assert caught.value.response["Error"] == {"Code": "InvalidParameterValueException", "Message": f"Invalid dead letter queue ARN: {text}"}
    # As it saw it of AWS: pf-lambda-eic-destination-no-sns-fifo, -no-sqs-fifo, -region.
    make(cloud)
    invalid = "The provided destination config DestinationConfig(onSuccess=null, onFailure=OnFailure(destination={})) is invalid."
    for target, text in (
        (f"arn:aws:sns:us-east-1:{ACCOUNT}:t.fifo", "FIFO-type Amazon SNS topics aren't supported as a destination."),
        (f"arn:aws:sqs:us-east-1:{ACCOUNT}:q.fifo", invalid),
        (f"arn:aws:sqs:eu-west-1:{ACCOUNT}:q", invalid),
    ):
        with pytest.raises(ClientError) as caught:
            cloud.client("lambda").put_function_event_invoke_config(FunctionName="f", DestinationConfig={"OnFailure": {"Destination": target}})
        assert caught.value.response["Error"] == {"Code": "InvalidParameterValueException", "Message": text.format(target)}


def test_a_throttled_event_waits_until_there_is_room(cloud, tmp_path):
    make(cloud, ATTEMPTS)
    file, client = tmp_path / "n", cloud.client("lambda")
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=1)
    slow = tmp_path / "slow"
    client.update_function_code(FunctionName="f", ZipFile=zipped(f"""
        import time
        from pathlib import Path
        def handler(event, context):
            Path({str(slow)!r}).write_text("x")
            while event.get("waits") and Path({str(slow)!r}).exists(): time.monotonic()
            if "file" in event: Path(event["file"]).write_text("x")
    """))  # fmt: skip
    client.update_function_configuration(FunctionName="f", Timeout=900)
    running = cloud.start(client.invoke, FunctionName="f", Payload=b'{"waits": 1}')
    cloud.run(_until(slow))
    with pytest.raises(ClientError) as caught:
        client.invoke(FunctionName="f")
    error = caught.value.response
    # Recorded: test_lambda_concurrency_block.
    assert (error["Error"], error["Reason"], error["ResponseMetadata"]["HTTPStatusCode"]) == (
        {"Code": "TooManyRequestsException", "Message": "Rate Exceeded."}, "ReservedFunctionConcurrentInvocationLimitExceeded", 429,
    )  # fmt: skip
    send(cloud, file=str(file))
    cloud.sleep(1)
    assert attempts(file) == 0
    slow.unlink()
    assert cloud.wait(running)["StatusCode"] == 200
    cloud.sleep(10)
    assert attempts(file) == 1


def test_events_that_were_throttled_together_do_not_hinder_each_other_any_longer(cloud, tmp_path):
    # Recorded: test_async_invoke_queue_upon_function_update, where fourteen are answered within a minute and a half.
    sign, count = tmp_path / "waits", 14
    make(cloud, f"""
        import threading
        from pathlib import Path
        sign = Path({str(sign)!r})
        def handler(event, context):
            if event.get("waits"): sign.write_text("x")
            while event.get("waits") and sign.exists(): threading.Event().wait(0.005)
            with open({str(tmp_path / "answered")!r}, "a") as file: file.write("x")
    """, Timeout=900)  # fmt: skip
    client = cloud.client("lambda")
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=1)
    running = cloud.start(client.invoke, FunctionName="f", Payload=b'{"waits": 1}')
    cloud.run(_until(sign))
    for number in range(count):
        client.invoke(FunctionName="f", InvocationType="Event", Payload=json.dumps({"n": number}))
    cloud.sleep(0.5)
    sign.unlink()
    cloud.wait(running)
    for _ in range(15):
        cloud.sleep(1)
        settle(cloud)
    assert (tmp_path / "answered").read_text() == "x" * (count + 1)


async def _until(file) -> None:
    import asyncio

    while not file.exists():
        await asyncio.sleep(0.01)


def test_configurations_of_events_are_shown_as_aws_does(cloud):
    # Recorded: test_lambda_eventinvokeconfig_lifecycle, test_lambda_eventinvokeconfig_exceptions.
    make(cloud)
    client = cloud.client("lambda")
    arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f:$LATEST"
    client.put_function_event_invoke_config(FunctionName="f", MaximumEventAgeInSeconds=60)
    shown = client.update_function_event_invoke_config(FunctionName="f", MaximumRetryAttempts=1)
    for name in ("ResponseMetadata", "LastModified"):
        shown.pop(name)
    assert shown == {
        "FunctionArn": arn, "MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 1,
        "DestinationConfig": {"OnSuccess": {}, "OnFailure": {}},
    }  # fmt: skip
    client.delete_function_event_invoke_config(FunctionName="f")
    for method, text in (
        (client.get_function_event_invoke_config, f"The function {arn} doesn't have an EventInvokeConfig"),
        (client.put_function_event_invoke_config, "You must specify at least one of error handling or destination setting."),
    ):
        with pytest.raises(ClientError) as caught:
            method(FunctionName="f")
        assert caught.value.response["Error"]["Message"] == text
    with pytest.raises(ClientError, match="The function doesn't exist."):
        client.update_function_event_invoke_config(FunctionName="none", MaximumRetryAttempts=1)


def test_environments_share_nothing(cloud):
    make(cloud, """
        import os, tempfile
        def handler(event, context):
            open(tempfile.gettempdir() + "/mine", "a").close()
            return sorted(os.listdir(tempfile.gettempdir()))
    """)  # fmt: skip
    make(cloud, "import os, tempfile\ndef handler(event, context): return os.listdir(tempfile.gettempdir())", name="g")
    assert invoke(cloud)["Payload"] == ["mine"]
    assert invoke(cloud, name="g")["Payload"] == []
