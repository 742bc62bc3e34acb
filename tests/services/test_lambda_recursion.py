"""Functions that call themselves, and what is said of runtimes."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from lambda_workshop import invoke, make, put_role, settle

TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0"
LOOP = """
    import os
    from pathlib import Path
    def handler(event, context):
        import boto3
        rounds = Path(event["file"])
        rounds.write_text((rounds.read_text() if rounds.exists() else "") + "x")
        return os.environ["_X_AMZN_TRACE_ID"]
"""


def traced(cloud, trace: str, **more) -> dict:
    client = cloud.client("lambda")

    def say(request, **_):
        request.headers["X-Amzn-Trace-Id"] = trace

    client.meta.events.register("before-sign.lambda.Invoke", say)
    try:
        return invoke(cloud, **more)
    finally:
        client.meta.events.unregister("before-sign.lambda.Invoke", say)


def test_a_function_that_is_called_by_what_it_called_is_stopped_after_sixteen_rounds(cloud):
    # https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
    make(cloud, "import os\ndef handler(event, context): return os.environ['_X_AMZN_TRACE_ID']")
    trace = TRACE
    for _ in range(16):
        trace = traced(cloud, trace)["Payload"]
    assert trace.startswith(TRACE + ";Lineage=")
    with pytest.raises(ClientError) as refused:
        traced(cloud, trace)
    assert refused.value.response["Error"]["Code"] == "RecursiveInvocationException"
    client = cloud.client("lambda")
    assert client.get_function_recursion_config(FunctionName="f")["RecursiveLoop"] == "Terminate"
    assert client.put_function_recursion_config(FunctionName="f", RecursiveLoop="Allow")["RecursiveLoop"] == "Allow"
    assert traced(cloud, trace)["StatusCode"] == 200
    cloud.restart(kill=True)
    assert client.get_function_recursion_config(FunctionName="f")["RecursiveLoop"] == "Allow"


def test_the_rounds_of_other_functions_are_their_own(cloud):
    make(cloud, "import os\ndef handler(event, context): return os.environ['_X_AMZN_TRACE_ID']")
    make(cloud, "import os\ndef handler(event, context): return os.environ['_X_AMZN_TRACE_ID']", "g")
    trace = TRACE
    for _ in range(16):
        trace = traced(cloud, trace)["Payload"]
    assert traced(cloud, trace, name="g")["StatusCode"] == 200


def test_an_event_in_a_loop_goes_where_failures_go(cloud, tmp_path):
    put_role(cloud, "logs:*", "sqs:*")
    queue = cloud.client("sqs").create_queue(QueueName="dead")["QueueUrl"]
    arn = "arn:aws:sqs:us-east-1:000000000000:dead"
    make(cloud, LOOP, Role=put_role(cloud, "logs:*", "sqs:*"), DeadLetterConfig={"TargetArn": arn})
    mark = traced(cloud, TRACE, event={"file": str(tmp_path / "n")})["Payload"].rpartition("Lineage=")[2].partition(":")[0]
    client = cloud.client("lambda")

    def say(request, **_):
        request.headers["X-Amzn-Trace-Id"] = f"{TRACE};Lineage={mark}:16"

    client.meta.events.register("before-sign.lambda.Invoke", say)
    client.invoke(FunctionName="f", InvocationType="Event", Payload=b'{"file": "none"}')
    client.meta.events.unregister("before-sign.lambda.Invoke", say)
    settle(cloud)
    assert len(cloud.client("sqs").receive_message(QueueUrl=queue)["Messages"]) == 1
    assert (tmp_path / "n").read_text() == "x"


def test_recursion_is_configured_in_awss_words(cloud):
    # Recorded: test_put_function_recursion_config_invalid_value.
    make(cloud)
    with pytest.raises(ClientError) as refused:
        cloud.client("lambda").put_function_recursion_config(FunctionName="f", RecursiveLoop="InvalidValue")
    # In another order, since the model's is not that of AWS's answers.
    assert refused.value.response["Error"]["Message"].startswith(
        "1 validation error detected: Value 'InvalidValue' at 'recursiveLoop' failed to satisfy constraint: Member must satisfy "
        "enum value set: ["
    )


def test_the_runtime_is_managed_by_version(cloud):
    make(cloud, Publish=True)
    client = cloud.client("lambda")
    arn = "arn:aws:lambda:us-east-1:000000000000:function:f"
    shown = client.get_runtime_management_config(FunctionName="f")
    assert (shown["UpdateRuntimeOn"], shown["FunctionArn"]) == ("Auto", f"{arn}:$LATEST")
    here = client.get_function_configuration(FunctionName="f")["RuntimeVersionConfig"]["RuntimeVersionArn"]
    put = client.put_runtime_management_config
    pinned = put(FunctionName="f", Qualifier="1", UpdateRuntimeOn="Manual", RuntimeVersionArn=here)
    assert (pinned["RuntimeVersionArn"], pinned["FunctionArn"]) == (here, f"{arn}:1")
    assert client.get_runtime_management_config(FunctionName="f")["UpdateRuntimeOn"] == "Auto"
    for more in ({"UpdateRuntimeOn": "Manual"}, {"UpdateRuntimeOn": "Auto", "RuntimeVersionArn": here}):
        with pytest.raises(client.exceptions.InvalidParameterValueException):
            put(FunctionName="f", **more)
    other = here[:-4] + "0000"
    with pytest.raises(client.exceptions.InvalidParameterValueException):
        put(FunctionName="f", UpdateRuntimeOn="Manual", RuntimeVersionArn=other)
