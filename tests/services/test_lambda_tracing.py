"""Lambda and X-Ray: what Lambda tells of an invocation, and what a function tells its daemon."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError
from lambda_workshop import make, put_role

TRACE = "1-{:08x}-" + "a" * 24
SENDER = """
import json, os, socket, time
def handler(event, context):
    root, parent, sampled = [part.partition("=")[2] for part in os.environ["_X_AMZN_TRACE_ID"].split(";")[:3]]
    host, port = os.environ["AWS_XRAY_DAEMON_ADDRESS"].split(":")
    part = {"trace_id": root, "id": "b" * 16, "parent_id": parent, "type": "subsegment", "name": "inside", "start_time": time.time(), "end_time": time.time()}
    if event.get("sends"):
        line = json.dumps({"format": "json", "version": 1}) + chr(10) + json.dumps(part)
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(line.encode(), (host, int(port)))
    if event.get("fails"):
        raise ValueError("no")
    return {"sampled": sampled, "root": root, "missing": os.environ["AWS_XRAY_CONTEXT_MISSING"]}
"""


@pytest.fixture
def lam(cloud):
    return cloud.own_client("lambda")


@pytest.fixture
def xray(cloud):
    return cloud.client("xray")


def may(cloud, *actions: str) -> str:
    return put_role(cloud, *(actions or ("logs:*", "xray:*")))


def invoked(cloud, lam, event: dict | None = None) -> dict:
    reply = lam.invoke(FunctionName="f", Payload=json.dumps(event or {}))
    return json.loads(reply["Payload"].read())


def segments(cloud, xray, root: str) -> list[dict]:
    cloud.sleep(2)
    return [json.loads(each["Document"]) for found in xray.batch_get_traces(TraceIds=[root])["Traces"] for each in found["Segments"]]


def test_an_active_function_is_two_segments_and_what_it_sends_itself_belongs_to_the_second(cloud, lam, xray):
    make(cloud, SENDER, "f", Role=may(cloud), TracingConfig={"Mode": "Active"})
    assert lam.get_function_configuration(FunctionName="f")["TracingConfig"] == {"Mode": "Active"}
    told = invoked(cloud, lam, {"sends": True})
    assert (told["sampled"], told["missing"]) == ("1", "LOG_ERROR")
    service, function = sorted(segments(cloud, xray, told["root"]), key=lambda each: each["origin"])
    assert (service["origin"], function["origin"], service["name"]) == ("AWS::Lambda", "AWS::Lambda::Function", "f")
    assert function["parent_id"] == service["id"] and "parent_id" not in service
    assert [each["name"] for each in function["subsegments"]] == ["Initialization", "Invocation", "inside"]
    services = {each["Type"] for each in xray.get_trace_graph(TraceIds=[service["trace_id"]])["Services"]}
    assert services == {"client", "AWS::Lambda", "AWS::Lambda::Function"}


def test_of_many_requests_one_a_second_is_sampled_and_few_of_the_others(cloud, lam):
    make(cloud, SENDER, "f", Role=may(cloud), TracingConfig={"Mode": "Active"})
    taken = [invoked(cloud, lam)["sampled"] for _ in range(60)]
    assert taken[0] == "1" and 1 <= taken.count("1") <= 20
    cloud.sleep(1.5)
    assert invoked(cloud, lam)["sampled"] == "1"


def test_a_function_that_fails_is_a_fault(cloud, lam, xray):
    make(cloud, SENDER, "f", Role=may(cloud), TracingConfig={"Mode": "Active"})
    invoked(cloud, lam, {"fails": True})
    cloud.sleep(2)
    (found,) = xray.get_trace_summaries(StartTime=cloud.now() - 60, EndTime=cloud.now() + 60)["TraceSummaries"]
    assert found["HasFault"]


def test_a_function_that_passes_through_is_traced_only_if_its_caller_says_so(cloud, lam, xray):
    make(cloud, SENDER, "f", Role=may(cloud))
    root = TRACE.format(int(cloud.now()))
    for sampled in ("1", "0", ""):
        lam.meta.events.register_last("before-sign.lambda.Invoke", _header(f"Root={root};Parent={'c' * 16}" + (f";Sampled={sampled}" if sampled else "")))
        told = invoked(cloud, lam)
        assert (told["root"], told["sampled"]) == (root, sampled or "0")
    service, _ = sorted(segments(cloud, xray, root), key=lambda each: each["origin"])
    assert service["parent_id"] == "c" * 16


def _header(text: str):
    """What puts this trace into a request."""

    def add(request, **_):
        del request.headers["X-Amzn-Trace-Id"]
        request.headers["X-Amzn-Trace-Id"] = text

    return add


def test_tracing_needs_a_role_that_may_send(cloud, lam, xray):
    # https://github.com/hashicorp/terraform-provider-aws/issues/4096
    role = may(cloud, "logs:*")
    with pytest.raises(ClientError) as error:
        make(cloud, SENDER, "f", Role=role, TracingConfig={"Mode": "Active"})
    assert error.value.response["Error"]["Code"] == "InvalidParameterValueException"
    assert error.value.response["Error"]["Message"].startswith("The provided execution role does not have permissions to call PutTraceSegments on XRAY")
    make(cloud, SENDER, "f", Role=role)
    lam.meta.events.register_last("before-sign.lambda.Invoke", _header(f"Root={TRACE.format(int(cloud.now()))};Sampled=1"))
    told = invoked(cloud, lam, {"sends": True})
    assert told["sampled"] == "1" and segments(cloud, xray, told["root"]) == []


def test_tracing_is_switched_off_again(cloud, lam):
    make(cloud, SENDER, "f", Role=may(cloud), TracingConfig={"Mode": "Active"})
    lam.update_function_configuration(FunctionName="f", Description="still")
    assert lam.get_function_configuration(FunctionName="f")["TracingConfig"] == {"Mode": "Active"}
    lam.update_function_configuration(FunctionName="f", TracingConfig={"Mode": "PassThrough"})
    assert lam.get_function_configuration(FunctionName="f")["TracingConfig"] == {"Mode": "PassThrough"}
    assert invoked(cloud, lam)["sampled"] == "0"
