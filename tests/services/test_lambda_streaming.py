"""Functions that stream their responses: piece by piece to who wants it so, whole to all others."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil

import pytest
from lambda_workshop import invoke, make, zipped
from test_lambda_url import open_url

from kumoniwa.gate.address import locate
from kumoniwa.wire.message import Request

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="needs node")

HELLO = """
exports.handler = awslambda.streamifyResponse(async (event, responseStream, context) => {
    responseStream.setContentType("text/plain");
    responseStream.write("Hello, ");
    responseStream.write(event.name ?? "world");
    responseStream.end();
});
"""
HTTP = """
exports.handler = awslambda.streamifyResponse(async (event, responseStream, context) => {
    const metadata = { statusCode: 201, headers: { "Content-Type": "text/html", "x-own": "1" }, cookies: ["a=b"] };
    responseStream = awslambda.HttpResponseStream.from(responseStream, metadata);
    responseStream.write("Hello,");
    responseStream.write(" world!");
    responseStream.end();
});
"""


def node(cloud, source: str, **more) -> None:
    code = {"ZipFile": zipped(source, "index.js")}
    make(cloud, Runtime="nodejs20.x", Handler="index.handler", Code=code, **more)


def streamed(cloud, event=None, **more) -> tuple[list[bytes], dict, dict]:
    """The chunks, what was said at their end, and the reply."""
    payload = {} if event is None else {"Payload": json.dumps(event).encode()}
    reply = cloud.client("lambda").invoke_with_response_stream(FunctionName="f", **payload, **more)
    events = list(reply["EventStream"])
    assert [list(each) for each in events[-1:]] == [["InvokeComplete"]]
    return [each["PayloadChunk"]["Payload"] for each in events[:-1]], events[-1]["InvokeComplete"], reply


@needs_node
def test_each_write_is_a_chunk(cloud):
    node(cloud, HELLO)
    chunks, complete, reply = streamed(cloud, {"name": "Kumo"})
    assert (chunks, complete) == ([b"Hello, ", b"Kumo"], {})
    assert (reply["StatusCode"], reply["ExecutedVersion"]) == (200, "$LATEST")
    assert reply["ResponseStreamContentType"] == "application/vnd.amazon.eventstream"


@needs_node
def test_whoever_does_not_stream_gets_the_whole(cloud):
    node(cloud, HELLO.replace('"Hello, "', '"[1"').replace('event.name ?? "world"', '",2]"'))
    assert invoke(cloud)["Payload"] == [1, 2]


def test_a_function_that_does_not_stream_answers_in_one_chunk(cloud):
    make(cloud, "def handler(event, context): return {'n': event}")
    chunks, complete, _ = streamed(cloud, 7)
    assert (chunks, complete) == ([b'{"n": 7}'], {})


def test_a_function_that_fails_says_so_at_the_end(cloud):
    make(cloud, "def handler(event, context):\n    print('seen')\n    raise ValueError('no')")
    chunks, complete, _ = streamed(cloud, LogType="Tail")
    assert (chunks, complete["ErrorCode"]) == ([], "Unhandled")
    assert json.loads(complete["ErrorDetails"])["errorMessage"] == "no"
    assert b"seen" in base64.b64decode(complete["LogResult"])


@needs_node
def test_a_failure_in_the_middle_comes_after_what_was_said(cloud):
    node(cloud, HELLO.replace("responseStream.end();", 'await new Promise((done) => setTimeout(done, 50)); throw new Error("broken");'))
    chunks, complete, _ = streamed(cloud)
    assert b"".join(chunks) == b"Hello, world" and complete["ErrorCode"] == "Unhandled"
    assert json.loads(complete["ErrorDetails"])["errorMessage"] == "broken"
    assert streamed(cloud)[1]["ErrorCode"] == "Unhandled"


@needs_node
def test_the_first_chunk_is_there_before_the_last_is_made(cloud, tmp_path):
    sign = tmp_path / "go"
    node(
        cloud,
        """
        const fs = require("fs");
        exports.handler = awslambda.streamifyResponse(async (event, responseStream) => {
            responseStream.write("first");
            while (!fs.existsSync(event.queryStringParameters.sign)) await new Promise((done) => setTimeout(done, 5));
            responseStream.write("last");
            responseStream.end();
        });
        """,
        Timeout=60,
    )
    host = open_url(cloud, InvokeMode="RESPONSE_STREAM")
    request = Request("GET", "/", f"sign={sign}", {"host": host})
    request.address = locate(request)

    async def read() -> list[bytes]:
        answered = asyncio.get_running_loop().create_future()
        cloud.region().answer(request, answered.set_result)
        pieces = []
        async for piece in (await answered).body:
            pieces.append(piece)
            sign.touch()
        return pieces

    assert cloud.run(read()) == [b"first", b"last"]


def test_what_an_invocation_refuses_a_streamed_one_refuses(cloud):
    make(cloud)
    client = cloud.client("lambda")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.invoke_with_response_stream(FunctionName="none")
    with pytest.raises(client.exceptions.InvalidRequestContentException):
        client.invoke_with_response_stream(FunctionName="f", Payload=b"{")
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    with pytest.raises(client.exceptions.TooManyRequestsException):
        client.invoke_with_response_stream(FunctionName="f")
    assert client.invoke_with_response_stream(FunctionName="f", InvocationType="DryRun")["StatusCode"] == 204


# URLs ------------------------------------------------------------------------------------------------------


@needs_node
def test_a_url_that_streams_has_the_status_and_headers_of_the_response_itself(cloud):
    node(cloud, HTTP)
    host = open_url(cloud, InvokeMode="RESPONSE_STREAM")
    status, headers, body = cloud.http("GET", "/", host=host)
    assert (status, body) == (201, b"Hello, world!")
    assert (headers["Content-Type"], headers["x-own"], headers["Set-Cookie"]) == ("text/html", "1", "a=b")


@needs_node
def test_the_documented_example_with_its_odd_metadata_is_a_200(cloud):
    # Recorded: test_function_url_with_response_streaming, whose metadata says ``status``.
    node(cloud, HTTP.replace("statusCode: 201", "status: 200"))
    assert cloud.http("POST", "/", host=open_url(cloud, InvokeMode="RESPONSE_STREAM"))[::2] == (200, b"Hello, world!")


@needs_node
def test_a_stream_without_http_metadata_is_the_body(cloud):
    node(cloud, HELLO)
    host = open_url(cloud, InvokeMode="RESPONSE_STREAM")
    status, headers, body = cloud.http("GET", "/", host=host)
    assert (status, headers["Content-Type"], body) == (200, "text/plain", b"Hello, world")


def test_a_function_that_fails_before_it_streams_is_a_502(cloud):
    make(cloud, "def handler(event, context): raise ValueError")
    host = open_url(cloud, InvokeMode="RESPONSE_STREAM")
    assert cloud.http("GET", "/", host=host)[::2] == (502, b"Internal Server Error")


@needs_node
def test_a_response_that_breaks_off_breaks_its_connection(cloud):
    node(cloud, HELLO.replace("responseStream.end();", "await new Promise((done) => setTimeout(done, 50)); process.exit(3);"))
    with pytest.raises(ConnectionAbortedError):
        cloud.http("GET", "/", host=open_url(cloud, InvokeMode="RESPONSE_STREAM"))


@needs_node
def test_metadata_that_is_none_is_a_502(cloud):
    node(cloud, HTTP.replace("statusCode: 201", 'statusCode: "often"'))
    assert cloud.http("GET", "/", host=open_url(cloud, InvokeMode="RESPONSE_STREAM"))[0] == 502


@needs_node
def test_a_streaming_function_behind_a_buffered_url_is_text(cloud):
    node(cloud, HELLO)
    assert cloud.http("GET", "/", host=open_url(cloud))[::2] == (200, b"Hello, world")


def test_a_url_changes_its_mode(cloud):
    # Recorded: test_lambda_update_function_url_config.
    make(cloud)
    client = cloud.client("lambda")
    client.create_function_url_config(FunctionName="f", AuthType="NONE")
    assert client.get_function_url_config(FunctionName="f")["InvokeMode"] == "BUFFERED"
    assert client.update_function_url_config(FunctionName="f", InvokeMode="RESPONSE_STREAM")["InvokeMode"] == "RESPONSE_STREAM"
    assert client.update_function_url_config(FunctionName="f")["InvokeMode"] == "RESPONSE_STREAM"
    cloud.restart(kill=True)
    assert client.get_function_url_config(FunctionName="f")["InvokeMode"] == "RESPONSE_STREAM"
