"""Response streaming of REST APIs: what functions and endpoints say reaches the caller as it comes.

The rules are those of https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode.html and the pages below it.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from api_workshop import FUNCTION, deploy, resource, rest_api, uri
from bill_workshop import used
from botocore.exceptions import ClientError
from lambda_workshop import make, put_role, settle, zipped
from test_cloudformation_stack import create, outputs

from kumoniwa.gate.address import locate
from kumoniwa.wire.message import Request

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="needs node")

STREAMING = """
const fs = require("fs");
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
    const head = {
        statusCode: 201, headers: {"Content-Type": "text/event-stream", "x-one": "1"}, multiValueHeaders: {"x-many": ["a", "b"]}, cookies: ["c=d"],
    };
    stream = awslambda.HttpResponseStream.from(stream, head);
    stream.write("first of " + event.path);
    const sign = (event.queryStringParameters ?? {}).sign;
    while (sign && !fs.existsSync(sign)) await new Promise((done) => setTimeout(done, 5));
    stream.write("last");
    stream.end();
});
"""


def streamed_uri(function: str) -> str:
    return f"arn:aws:apigateway:us-east-1:lambda:path/2021-11-15/functions/{function}/response-streaming-invocations"


@pytest.fixture
def gateway(cloud):
    return cloud.client("apigateway")


def function(cloud, source: str, **more) -> str:
    code = {"ZipFile": zipped(source, "index.js")}
    arn = make(cloud, Runtime="nodejs20.x", Handler="index.handler", Code=code, **more)["FunctionArn"]
    cloud.client("lambda").add_permission(FunctionName="f", StatementId="s", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com")
    return arn


def method(gateway, api: str, place: str, **integration) -> None:
    here = {"restApiId": api, "resourceId": place, "httpMethod": "ANY"}
    gateway.put_method(**here, authorizationType="NONE")
    gateway.put_integration(**here, **{"integrationHttpMethod": "POST", "responseTransferMode": "STREAM", **integration})


@pytest.fixture
def served(cloud, gateway):
    """``served(source)`` makes an API before a function that streams, and answers it."""

    def serve(source: str, *, api=None, stage=None, timeout_s: float = 29, **more) -> str:
        api, root = api or rest_api(gateway)
        arn = function(cloud, source, **more)
        method(gateway, api, resource(gateway, api, root, "chat"), type="AWS_PROXY", uri=streamed_uri(arn), timeoutInMillis=int(timeout_s * 1000))
        deploy(gateway, api, **(stage or {}))
        return api

    return serve


def pieces_of(cloud, api: str, query: str = "", then=lambda: None, verb: str = "GET", path: str = "/chat") -> tuple:
    """The response with its body in the pieces in which it left; ``then`` is done after the first of them."""
    request = Request(verb, f"/restapis/{api}/prod/_user_request_{path}", query, {"host": "localhost:4566"})
    request.address = locate(request)

    async def read() -> tuple:
        answered = asyncio.get_running_loop().create_future()
        cloud.region().answer(request, answered.set_result)
        response, pieces = await answered, []
        if isinstance(response.body, bytes):
            return response, response.body
        try:
            async for piece in response.body:
                pieces.append(piece)
                then()
        except OSError as error:
            pieces.append(error)
        return response, pieces

    return cloud.run(read())


def test_a_function_is_heard_before_it_has_finished(cloud, served, tmp_path):
    api, sign = served(STREAMING), tmp_path / "go"
    response, pieces = pieces_of(cloud, api, f"sign={sign}", sign.touch)
    assert pieces == [b"first of /chat", b"last"]
    assert (response.status, response.headers["Content-Type"], response.headers["x-one"]) == (201, "text/event-stream", "1")
    assert (response.headers["x-many"], response.headers["Set-Cookie"]) == (["a", "b"], ["c=d"])
    assert "Content-Length" not in response.headers


def test_the_permission_is_that_of_the_method(cloud, served):
    api = served(STREAMING)
    cloud.client("lambda").remove_permission(FunctionName="f", StatementId="s")
    response, body = pieces_of(cloud, api)
    assert (response.status, json.loads(body)) == (500, {"message": "Internal server error"})


def test_a_length_that_the_function_says_is_that_of_the_response(cloud, served):
    api = served(STREAMING.replace('"x-one": "1"', '"content-length": "10"'))
    response, pieces = pieces_of(cloud, api)
    assert (response.headers["Content-Length"], pieces) == ("10", [b"first of /"])


def test_a_response_shorter_than_it_said_breaks_off(cloud, served):
    api = served(STREAMING.replace('"x-one": "1"', '"content-length": "100"'))
    _, pieces = pieces_of(cloud, api)
    assert pieces[:2] == [b"first of /chat", b"last"] and isinstance(pieces[2], ConnectionAbortedError)


@pytest.mark.parametrize(
    "said",
    [
        'stream.write("no head at all"); stream.end()',
        'stream.write("{}"); stream.end()',
        r'stream.write("no json" + "\0".repeat(8)); stream.end()',
        r'stream.write("[]" + "\0".repeat(8)); stream.end()',
        r"""stream.write('{"isBase64Encoded": true}' + "\0".repeat(8)); stream.end()""",
        r"""stream.write('{"headers": {"a": {}}}' + "\0".repeat(8)); stream.end()""",
        r"""stream.write('{"statusCode": "many"}' + "\0".repeat(8)); stream.end()""",
        r"""stream.write("{}" + " ".repeat(1 << 14) + "\0".repeat(8)); stream.end()""",
        'throw new Error("no")',
    ],
)
def test_what_does_not_begin_with_its_head_is_a_500(cloud, served, said):
    api = served("exports.handler = awslambda.streamifyResponse(async (event, stream) => { " + said + "; });")
    response, body = pieces_of(cloud, api)
    assert (response.status, json.loads(body)) == (500, {"message": "Internal server error"})


def test_a_head_may_say_nothing(cloud, served):
    api = served(r'exports.handler = awslambda.streamifyResponse(async (e, s) => { s.write("{}" + "\0".repeat(8) + "rest"); s.end(); });')
    response, pieces = pieces_of(cloud, api)
    assert (response.status, b"".join(pieces)) == (200, b"rest")


def test_a_function_that_fails_in_the_middle_breaks_the_connection(cloud, served):
    broken = STREAMING.replace('stream.write("last");', 'await new Promise((done) => setTimeout(done, 50)); throw new Error("broken");')
    response, pieces = pieces_of(cloud, served(broken))
    assert (response.status, pieces[0]) == (201, b"first of /chat") and isinstance(pieces[1], ConnectionAbortedError)


def test_a_response_that_takes_longer_than_the_integration_has_breaks_off(cloud, served):
    api = served(STREAMING, timeout_s=2, Timeout=30)
    assert pieces_of(cloud, api)[1] == [b"first of /chat", b"last"]
    _, pieces = pieces_of(cloud, api, "sign=/nowhere/at/all")
    assert pieces[0] == b"first of /chat" and isinstance(pieces[1], TimeoutError)


def test_a_function_that_says_nothing_in_time_is_a_504(cloud, served):
    slow = STREAMING.replace('stream.write("first', 'await new Promise((done) => setTimeout(done, 3000)); stream.write("first')
    slow = slow.replace("const head", "await new Promise((done) => setTimeout(done, 3000)); const head")
    response, body = pieces_of(cloud, served(slow, timeout_s=1, Timeout=30))
    assert (response.status, json.loads(body)) == (504, {"message": "Endpoint request timed out"})
    settle(cloud)


def test_an_answer_to_head_and_one_without_content_have_no_body(cloud, served):
    api = served(STREAMING)
    assert pieces_of(cloud, api, verb="HEAD")[0].status == 201
    cloud.client("lambda").update_function_code(
        FunctionName="f", ZipFile=zipped(STREAMING.replace("201", "204"), "index.js")
    )  # fmt: skip
    response, body = pieces_of(cloud, api)
    assert (response.status, body) == (204, b"")


def test_what_is_streamed_is_neither_cached_nor_packed(cloud, gateway, served):
    api, root = rest_api(gateway, minimumCompressionSize=0)
    served(STREAMING, api=(api, root), stage={"cacheClusterEnabled": True, "cacheClusterSize": "0.5"})
    path = "/*/*/caching/enabled"
    gateway.update_stage(restApiId=api, stageName="prod", patchOperations=[{"op": "replace", "path": path, "value": "true"}])
    for _ in range(2):
        status, headers, body = cloud.http("GET", f"/restapis/{api}/prod/_user_request_/chat", headers={"accept-encoding": "gzip"})
        assert (status, body) == (201, b"first of /chatlast") and "Content-Encoding" not in headers


def test_a_request_is_logged_and_measured_when_its_last_byte_has_left(cloud, gateway, served):
    put_role(cloud, "logs:*", arn="arn:aws:iam::000000000000:role/gateway", trust=json.dumps({
        "Statement": {"Effect": "Allow", "Principal": {"Service": "apigateway.amazonaws.com"}, "Action": "sts:AssumeRole"}
    }))  # fmt: skip
    account = [{"op": "replace", "path": "/cloudwatchRoleArn", "value": "arn:aws:iam::000000000000:role/gateway"}]
    gateway.update_account(patchOperations=account)
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName="access")
    api = served(STREAMING)
    names = ["responseTransferMode", "timeToAllHeaders", "timeToFirstContent", "latency"]
    form = " ".join(["$context.status", "$context.responseLength", *(f"$context.integration.{name}" for name in names)])
    gateway.update_stage(restApiId=api, stageName="prod", patchOperations=[
        {"op": "replace", "path": "/accessLogSettings/destinationArn", "value": "arn:aws:logs:us-east-1:000000000000:log-group:access"},
        {"op": "replace", "path": "/accessLogSettings/format", "value": form + " $context.requestId"},
    ])  # fmt: skip
    assert pieces_of(cloud, api)[0].status == 201
    cloud.sleep(1)
    line = logs.filter_log_events(logGroupName="access")["events"][0]["message"].split()
    assert line[:3] == ["201", "18", "STREAMED"]
    headers_ms, first_ms, latency_ms = map(int, line[3:6])
    assert 0 <= headers_ms <= first_ms <= latency_ms


def test_each_ten_megabytes_are_billed_as_a_request(cloud, served):
    api = served(STREAMING.replace('stream.write("last");', "for (let n = 0; n < 11; n++) stream.write(Buffer.alloc(1 << 20));"))
    assert sum(map(len, pieces_of(cloud, api)[1])) == (11 << 20) + 14
    assert used(cloud)["apigateway:rest_api_requests", "shop"] == 2


def test_trying_a_method_gathers_its_response_and_tells_no_log(cloud, gateway, served):
    api = served(STREAMING)
    place = next(each["id"] for each in gateway.get_resources(restApiId=api)["items"] if each["path"] == "/chat")
    tried = gateway.test_invoke_method(restApiId=api, resourceId=place, httpMethod="GET", pathWithQueryString="/chat")
    assert (tried["status"], tried["body"]) == (201, "first of /chatlast") and not tried.get("log")


def test_a_function_made_to_be_streamed_loses_its_body_before_a_buffered_method(cloud, gateway):
    arn = function(cloud, STREAMING)
    api, root = rest_api(gateway)
    method(gateway, api, resource(gateway, api, root, "chat"), type="AWS_PROXY", uri=uri(arn), responseTransferMode="BUFFERED")
    deploy(gateway, api)
    status, headers, body = cloud.http("GET", f"/restapis/{api}/prod/_user_request_/chat")
    assert (status, headers["x-one"], body) == (201, "1", b"")


# Endpoints -------------------------------------------------------------------------------------------


class Endpoint(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/sized":
            self.send_response(200)
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"sized")
            return
        self.send_response(202)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"5\r\nfirst\r\n")
        if self.path == "/broken":
            self.close_connection = True
            return
        self.server.go.wait(30)
        self.wfile.write(b"4\r\nlast\r\n0\r\n\r\n")

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def endpoint():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    server.go = threading.Event()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.go.set()
    server.shutdown()


def test_an_endpoint_is_heard_before_it_has_finished(cloud, gateway, endpoint):
    api, root = rest_api(gateway)
    address = f"http://127.0.0.1:{endpoint.server_port}"
    for path in ("chat", "sized", "broken"):
        place = resource(gateway, api, root, path)
        method(gateway, api, place, type="HTTP_PROXY", integrationHttpMethod="GET", uri=f"{address}/{path}", timeoutInMillis=900_000)
    deploy(gateway, api)
    response, pieces = pieces_of(cloud, api, then=endpoint.go.set)
    assert (response.status, response.headers["Content-Type"], pieces) == (202, "text/plain", [b"first", b"last"])
    response, pieces = pieces_of(cloud, api, path="/sized")
    assert (response.headers["Content-Length"], pieces) == ("5", [b"sized"])
    response, pieces = pieces_of(cloud, api, path="/broken")
    assert (response.status, pieces[0]) == (202, b"first") and isinstance(pieces[1], ConnectionAbortedError)


def test_an_endpoint_that_nobody_can_be_is_a_504_however_its_answer_would_come(cloud, gateway):
    # A label of a host name has 63 octets at most: RFC 1035, 2.3.4.
    api, root = rest_api(gateway)
    for mode in ("STREAM", "BUFFERED"):
        place = resource(gateway, api, root, mode)
        method(gateway, api, place, type="HTTP_PROXY", integrationHttpMethod="GET", uri=f"http://{'a' * 64}.example/chat", responseTransferMode=mode)
    deploy(gateway, api)
    for mode in ("STREAM", "BUFFERED"):
        response, pieces = pieces_of(cloud, api, path=f"/{mode}")
        assert (response.status, pieces) == (504, b'{"message": "Internal server error"}')


# What is taken and refused ---------------------------------------------------------------------------


@pytest.fixture
def put(gateway):
    api, root = rest_api(gateway)
    gateway.put_method(restApiId=api, resourceId=root, httpMethod="GET", authorizationType="NONE")

    def put(**integration) -> dict:
        return gateway.put_integration(
            restApiId=api, resourceId=root, httpMethod="GET", **({"integrationHttpMethod": "POST"} | integration)
        )

    put.here = {"restApiId": api, "resourceId": root, "httpMethod": "GET"}
    return put


@pytest.mark.parametrize(
    ("integration", "text"),
    [
        # The words of the first are AWS's (go-to-k/cdkd); those of the others are made alike.
        (
            {"type": "AWS_PROXY", "uri": streamed_uri(FUNCTION)},
            "Cannot use ResponseTransferMode BUFFERED for Lambda functions invoked by InvokeWithResponseStream for AWS_PROXY integrations.",
        ),
        (
            {"type": "AWS_PROXY", "uri": uri(), "responseTransferMode": "STREAM"},
            "Cannot use ResponseTransferMode STREAM for Lambda functions invoked by Invoke for AWS_PROXY integrations.",
        ),
        ({"type": "AWS", "uri": uri(), "responseTransferMode": "STREAM"}, "Cannot use ResponseTransferMode STREAM for AWS integrations."),
        ({"type": "MOCK", "responseTransferMode": "STREAM"}, "Cannot use ResponseTransferMode STREAM for MOCK integrations."),
        ({"type": "HTTP", "uri": "https://x.example", "responseTransferMode": "STREAM"}, "Cannot use ResponseTransferMode STREAM for HTTP integrations."),
    ],
)
def test_a_function_is_invoked_as_its_answer_is_transferred_and_only_proxies_stream(put, integration, text):
    with pytest.raises(ClientError) as refused:
        put(**integration)
    assert refused.value.response["Error"] == {"Code": "BadRequestException", "Message": f"Invalid ResponseTransferMode. {text}"}


def test_a_stream_may_take_fifteen_minutes(gateway, put):
    streamed = {"type": "HTTP_PROXY", "uri": "https://x.example", "responseTransferMode": "STREAM"}
    assert put(**streamed, timeoutInMillis=900_000)["responseTransferMode"] == "STREAM"
    with pytest.raises(ClientError, match="Timeout should be between 50 ms and 900000 ms"):
        put(**streamed, timeoutInMillis=900_001)
    # Who goes back must also have a time that buffered methods have.
    back = {"op": "replace", "path": "/responseTransferMode", "value": "BUFFERED"}
    with pytest.raises(ClientError, match="Timeout should be between 50 ms and 29000 ms"):
        gateway.update_integration(**put.here, patchOperations=[back])
    time = {"op": "replace", "path": "/timeoutInMillis", "value": "29000"}
    assert gateway.update_integration(**put.here, patchOperations=[back, time])["responseTransferMode"] == "BUFFERED"


def test_a_function_of_another_region_is_refused_by_name(put):
    with pytest.raises(ClientError, match="response streaming of functions of another region"):
        put(type="AWS_PROXY", uri=streamed_uri(FUNCTION.replace("us-east-1", "eu-west-1")), responseTransferMode="STREAM")


def test_a_definition_says_and_tells_how_responses_are_transferred(gateway):
    said = {"type": "http_proxy", "httpMethod": "GET", "uri": "https://x.example", "responseTransferMode": "STREAM", "timeoutInMillis": 60000}
    body = {"openapi": "3.0.1", "info": {"title": "t", "version": "1"}, "paths": {"/": {"get": {"x-amazon-apigateway-integration": said}}}}
    api = gateway.import_rest_api(body=json.dumps(body).encode())["id"]
    deploy(gateway, api)
    told = json.loads(gateway.get_export(restApiId=api, stageName="prod", exportType="oas30", parameters={"extensions": "apigateway"})["body"].read())
    there = told["paths"]["/"]["get"]["x-amazon-apigateway-integration"]
    assert (there["responseTransferMode"], there["timeoutInMillis"]) == ("STREAM", 60000)


SAM = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Chat:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: nodejs20.x
      Handler: index.handler
      InlineCode: |
        exports.handler = awslambda.streamifyResponse(async (event, stream) => {
            stream = awslambda.HttpResponseStream.from(stream, {statusCode: 200});
            stream.write("one");
            stream.end();
        });
      Events:
        Get: {Type: Api, Properties: {Path: /chat, Method: get, ResponseTransferMode: RESPONSE_STREAM}}
Outputs:
  Api: {Value: !Ref ServerlessRestApi}
"""
PLAIN = """
Resources:
  Api: {Type: AWS::ApiGateway::RestApi, Properties: {Name: a}}
  Get:
    Type: AWS::ApiGateway::Method
    Properties:
      RestApiId: !Ref Api
      ResourceId: !GetAtt Api.RootResourceId
      HttpMethod: GET
      AuthorizationType: NONE
      Integration:
        {Type: HTTP_PROXY, IntegrationHttpMethod: GET, Uri: "https://x.example", ResponseTransferMode: STREAM, TimeoutInMillis: 60000}
Outputs:
  Api: {Value: !Ref Api}
  Root: {Value: !GetAtt Api.RootResourceId}
"""


def test_templates_say_it_too(cloud, gateway):
    made = outputs(create(cloud, "plain", PLAIN))
    there = gateway.get_integration(restApiId=made["Api"], resourceId=made["Root"], httpMethod="GET")
    assert (there["responseTransferMode"], there["timeoutInMillis"]) == ("STREAM", 60000)
    stack = create(cloud, "sam", SAM, Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"])
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    host = f"{outputs(stack)['Api']}.execute-api.us-east-1.amazonaws.com"
    assert cloud.http("GET", "/Prod/chat", host=host)[::2] == (200, b"one")
