"""Injected faults of functions: what callers, logs and worker processes see of them."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import shutil

import pytest
from botocore.exceptions import ClientError
from lambda_workshop import invoke, make, provisioned, settle
from test_lambda_url import open_url

COUNT = """
    from pathlib import Path
    import os
    n = 0
    def handler(event, context):
        global n
        n += 1
        if event and "file" in event:
            file = Path(event["file"])
            file.write_text((file.read_text() if file.exists() else "") + "x")
        return {"n": n, "pid": os.getpid(), "left": context.get_remaining_time_in_millis()}
"""


def report(reply: dict) -> dict[str, str]:
    """The figures of the REPORT line."""
    tail = base64.b64decode(reply["LogResult"]).decode()
    line = re.search(r"REPORT .*", tail)[0]
    return dict(part.split(": ", 1) for part in line.split("\t") if ": " in part)


def test_an_error_without_execution_runs_nothing(cloud, tmp_path):
    make(cloud, COUNT)
    fault = cloud.fault("lambda.error", {"function": "f"}, prevent_execution=True)
    reply = invoke(cloud, {"file": str(tmp_path / "n")})
    assert (reply["StatusCode"], reply["FunctionError"]) == (200, "Unhandled")
    assert reply["Payload"]["errorType"] == "FaultInjection" and not (tmp_path / "n").exists()
    cloud.heal(fault)
    assert invoke(cloud)["Payload"]["n"] == 1


def test_an_error_with_execution_comes_after_the_side_effects(cloud, tmp_path):
    make(cloud, COUNT)
    cloud.fault("lambda.error", {"function": "f"}, prevent_execution=False)
    reply = invoke(cloud, {"file": str(tmp_path / "n")}, LogType="Tail")
    assert reply["FunctionError"] == "Unhandled" and (tmp_path / "n").read_text() == "x"
    assert "Duration" in report(reply)


def test_a_share_of_the_invocations_fails(cloud):
    make(cloud, COUNT)
    cloud.fault("lambda.error", {"function": "f"}, percent=30)
    failed = sum("FunctionError" in invoke(cloud) for _ in range(200))
    assert 40 <= failed <= 80  # 60 are expected, with a deviation of 6.5


def test_only_the_functions_aimed_at_fail(cloud):
    make(cloud, COUNT, "orders-put")
    make(cloud, COUNT, "users-put")
    cloud.fault("lambda.error", {"function": "orders-*"})
    assert "FunctionError" in invoke(cloud, name="orders-put") and "FunctionError" not in invoke(cloud, name="users-put")


def test_a_failed_event_is_tried_again(cloud, tmp_path):
    make(cloud, COUNT)
    fault = cloud.fault("lambda.error", {"function": "f"})
    cloud.client("lambda").invoke(FunctionName="f", InvocationType="Event", Payload=json.dumps({"file": str(tmp_path / "n")}))
    settle(cloud)
    cloud.heal(fault)
    assert not (tmp_path / "n").exists()
    cloud.sleep(65)
    settle(cloud)
    assert (tmp_path / "n").read_text() == "x"


def test_a_delay_is_billed_and_leaves_the_handler_less_time(cloud):
    make(cloud, COUNT, Timeout=10)
    invoke(cloud)
    cloud.fault("lambda.delay", {"function": "f"}, ms=4000)
    began = cloud.now()
    reply = invoke(cloud, LogType="Tail")
    assert cloud.now() - began >= 4
    assert reply["Payload"]["left"] <= 6000
    assert float(report(reply)["Duration"].removesuffix(" ms")) >= 4000
    assert int(report(reply)["Billed Duration"].removesuffix(" ms")) >= 4000


def test_a_delay_beyond_the_timeout_is_a_timeout(cloud):
    make(cloud, COUNT, Timeout=3)
    cloud.fault("lambda.delay", {"function": "f"}, ms=60_000)
    began = cloud.now()
    reply = invoke(cloud)
    assert reply["Payload"]["errorType"] == "Sandbox.Timedout" and 3 <= cloud.now() - began < 30


def test_a_crash_kills_the_real_worker_in_mid_handler(cloud, tmp_path):
    make(
        cloud,
        """
        import os
        from time import sleep
        from pathlib import Path
        def handler(event, context):
            Path(event["file"]).write_text(str(os.getpid()))
            sleep(60)
        """,
        Timeout=100,
    )
    cloud.fault("lambda.crash", {"function": "f"}, after=300)
    reply = invoke(cloud, {"file": str(tmp_path / "pid")})
    assert reply["FunctionError"] == "Unhandled"
    assert reply["Payload"]["errorType"] == "Runtime.ExitError"
    assert reply["Payload"]["errorMessage"].endswith("Runtime exited with error: signal: killed")


def test_a_crash_that_comes_too_late_harms_nobody(cloud):
    make(cloud, COUNT)
    cloud.fault("lambda.crash", {"function": "f"}, after=60_000)
    assert invoke(cloud)["Payload"]["n"] == 1


def test_a_cold_start_takes_the_warm_environments_away(cloud):
    make(cloud, COUNT)
    assert [invoke(cloud)["Payload"]["n"] for _ in range(2)] == [1, 2]
    cloud.fault("lambda.coldstart", {"function": "f"})
    assert [invoke(cloud)["Payload"]["n"] for _ in range(2)] == [1, 2]
    cloud.fault("lambda.coldstart", {"function": "g"})
    assert invoke(cloud)["Payload"]["n"] == 3


def test_provisioned_environments_come_back_after_a_cold_start(cloud):
    make(cloud, COUNT, Publish=True)
    client = cloud.client("lambda")
    client.put_provisioned_concurrency_config(FunctionName="f", Qualifier="1", ProvisionedConcurrentExecutions=2)
    assert provisioned(cloud, "1")["AllocatedProvisionedConcurrentExecutions"] == 2
    before = invoke(cloud, Qualifier="1")["Payload"]["pid"]
    cloud.fault("lambda.coldstart", {"function": "f"})
    assert provisioned(cloud, "1")["AllocatedProvisionedConcurrentExecutions"] == 2
    assert invoke(cloud, Qualifier="1")["Payload"] | {"left": 0} != {"n": 2, "pid": before, "left": 0}


def test_a_limit_throttles_what_is_above_it_and_zero_stops_all(cloud):
    make(cloud, "from time import sleep\ndef handler(event, context): sleep(0.3); return 1", Timeout=30)
    fault = cloud.fault("lambda.concurrency", {"function": "f"}, limit=2)
    client = cloud.client("lambda")
    tasks = [cloud.start(client.invoke, FunctionName="f") for _ in range(3)]

    async def gathered():
        return await asyncio.gather(*tasks, return_exceptions=True)

    replies = cloud.run(gathered())
    throttled = [reply for reply in replies if isinstance(reply, ClientError)]
    assert [error.response["Error"]["Code"] for error in throttled] == ["TooManyRequestsException"]
    cloud.heal(fault)
    cloud.fault("lambda.concurrency", limit=0)
    with pytest.raises(client.exceptions.TooManyRequestsException):
        client.invoke(FunctionName="f")


def test_the_answer_to_an_http_integration_is_replaced(cloud, tmp_path):
    make(cloud, COUNT)
    host = open_url(cloud)
    cloud.fault("lambda.http-response", {"function": "f"}, status_code=503)
    assert cloud.http("GET", "/", host=host)[0] == 503
    assert invoke(cloud, {"file": str(tmp_path / "n")})["Payload"]["statusCode"] == 503
    assert (tmp_path / "n").read_text() == "x"


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_the_answer_of_a_function_that_streams_is_replaced(cloud):
    from test_lambda_streaming import HTTP, node

    node(cloud, HTTP)
    host = open_url(cloud, InvokeMode="RESPONSE_STREAM")
    assert cloud.http("GET", "/", host=host)[0] == 201
    cloud.fault("lambda.http-response", {"function": "f"}, status_code=503)
    assert cloud.http("GET", "/", host=host)[::2] == (503, b"")
