"""Node.js functions and custom runtimes, with real child processes."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import textwrap
from pathlib import Path

import pytest

ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="needs node")


async def start(bench, files: dict[str, str], runtime="nodejs20.x", handler="index.handler", **more):
    spec = bench.spec("", runtime=runtime, handler=handler, **more)
    for name, text in files.items():
        path = Path(spec.task_root) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip())
        path.chmod(0o755)
    return await bench.runtimes.start(spec)


async def ask(environment, event=None, **more):
    outcome = await environment.invoke("request-1", json.dumps(event).encode(), arn=ARN, **more)
    return outcome, json.loads(outcome.payload)


@needs_node
@pytest.mark.parametrize(
    "files",
    [
        {"index.mjs": "let n = 0; export const handler = async (event) => ({ n: ++n, event });"},
        {"index.js": "let n = 0; exports.handler = async (event) => ({ n: ++n, event });"},
        {
            "index.js": "let n = 0; exports.handler = (event, context, callback) => callback(null, { n: ++n, event });"
        },
        {
            "index.cjs": "let n = 0; module.exports.handler = (event, context) => context.succeed({ n: ++n, event });"
        },
    ],
)
def test_a_node_handler_answers_in_each_style_and_keeps_its_state(bench, files):
    async def body(bench):
        environment = await start(bench, files)
        assert (await ask(environment, {"a": "é"}))[1] == {"n": 1, "event": {"a": "é"}}
        assert (await ask(environment, [1]))[1] == {"n": 2, "event": [1]}

    bench(body)


@needs_node
def test_a_node_callback_waits_until_nothing_is_left_to_do_unless_told_not_to(bench):
    async def body(bench):
        environment = await start(bench, {"index.js": """
            exports.handler = (event, context, callback) => {
                context.callbackWaitsForEmptyEventLoop = event;
                setTimeout(() => console.log("later"), 50);
                callback(null, "done");
            };
            exports.silent = () => {};
        """})  # fmt: skip
        assert (await ask(environment, True))[1] == "done"
        assert any(line.endswith("\tINFO\tlater\n") for line in bench.said())
        bench.messages.clear()
        assert (await ask(environment, False))[1] == "done"
        assert not any("later" in line for line in bench.said())
        silent = await start(bench, {"index.js": "exports.handler = () => {};"})
        assert (await ask(silent))[1] is None

    bench(body)


WRAPPER = """
    #!/bin/bash
    export WRAPPED=$1 _HANDLER=${_HANDLER/before/handler}
    last=${@: -1}
    export LAST=$(basename "$last")
    exec "${@:1:$#-1}" "$last"
"""
WRAPPED = {
    "python": ("app.before", "app.py", """
        import boto3, os
        def handler(event, context):
            print("told")
            return [os.path.basename(os.environ["WRAPPED"])[:6], os.environ["LAST"], context.function_name, event]
    """),
    "node": ("index.before", "index.js", """
        const path = require("path");
        exports.handler = async (event, context) => {
            console.log("told");
            return [path.basename(process.env.WRAPPED), process.env.LAST, context.functionName, event];
        };
    """),
}  # fmt: skip


@pytest.mark.parametrize("language", [pytest.param("node", marks=needs_node), "python"])
def test_a_wrapper_script_is_given_the_command_of_the_runtime_and_may_change_its_variables(bench, language):
    # https://docs.aws.amazon.com/lambda/latest/dg/runtimes-modify.html#runtime-wrapper; recorded: test_runtime_wrapper_invoke.
    if shutil.which("bash") is None:
        pytest.skip("needs bash")
    handler, name, code = WRAPPED[language]
    runtime = {"node": "nodejs20.x", "python": f"python3.{sys.version_info.minor}"}[language]

    async def body(bench):
        wrapper = {"AWS_LAMBDA_EXEC_WRAPPER": "./wrapper"}
        files = {name: code, "wrapper": WRAPPER}
        environment = await start(bench, files, runtime=runtime, handler=handler, variables=wrapper, memory_mb=512)
        program, last, function, event = (await ask(environment, {"n": 1}))[1]
        assert program == language and last in ("runner.mjs", "bootstrap.py") and (function, event) == ("f", {"n": 1})
        assert any("told" in line for line in bench.said())
        assert (await ask(environment, {"n": 2}))[1][3] == {"n": 2} and environment.generation == 1

    bench(body)


def test_a_wrapper_that_is_not_there_is_told_as_a_start_that_failed(bench):
    async def body(bench):
        wrapper = {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/gone"}
        runtime = f"python3.{sys.version_info.minor}"
        environment = await start(bench, {"app.py": "def handler(e, c): return 1"}, runtime=runtime, handler="app.handler", variables=wrapper)
        outcome, answer = await ask(environment)
        assert outcome.function_error == "Unhandled" and answer["errorType"] == "Runtime.ExitError"
        assert "/var/task/gone: No such file or directory\n" in bench.said()

    bench(body)


@needs_node
def test_node_log_lines_are_stamped_and_kept_whole(bench):
    # Recorded: test_invocation_with_logs[nodejs16.x]: "date\t<request-id>\tINFO\t{}\n".
    async def body(bench):
        environment = await start(bench, {"index.mjs": """
            export const handler = async (event) => {
                console.log(event); console.warn("two\\nlines"); process.stdout.write("raw\\n");
            };
        """})  # fmt: skip
        await ask(environment, {"a": 1})
        said = bench.said()
        assert any(line.endswith("Z\trequest-1\tINFO\t{ a: 1 }\n") for line in said)
        assert any(line.endswith("Z\trequest-1\tWARN\ttwo\nlines\n") for line in said)
        assert "raw\n" in said

    bench(body)


@needs_node
def test_node_errors_have_awss_shape(bench):
    # Recorded: test_uncaught_exception_invoke[nodejs22.x]: errorType, errorMessage, trace.
    async def body(bench):
        environment = await start(bench, {"index.mjs": """
            export const handler = async (event) => { throw new TypeError("some_error_msg"); };
        """})  # fmt: skip
        outcome, error = await ask(environment)
        assert outcome.function_error == "Unhandled" and list(error) == ["errorType", "errorMessage", "trace"]
        assert (error["errorType"], error["errorMessage"]) == ("TypeError", "some_error_msg")
        assert error["trace"][0] == "TypeError: some_error_msg" and "index.mjs:1" in error["trace"][1]
        absent = await start(bench, {"index.mjs": 'import "absent"; export const handler = 1;'})
        assert (await ask(absent))[1]["errorType"] == "Runtime.ImportModuleError"
        wrong = await start(bench, {"index.mjs": "export const other = 1;"})
        _, error = await ask(wrong)
        assert error["errorType"] == "Runtime.HandlerNotFound"
        assert error["errorMessage"] == "index.handler is undefined or not exported"
        late = await start(bench, {"index.mjs": """
            export const handler = (event) => new Promise(() => setTimeout(() => { throw new Error("late"); }, 1));
        """})  # fmt: skip
        assert (await ask(late))[1]["errorMessage"] == "late"

    bench(body)


@needs_node
def test_node_functions_time_out_and_start_afresh(bench):
    async def body(bench):
        environment = await start(bench, {"index.mjs": """
            export const handler = async (event) => { if (event) for (;;); return process.env.TABLE; };
        """}, timeout_s=1.0, variables={"TABLE": "users"})  # fmt: skip
        assert (await ask(environment, True))[1]["errorType"] == "Sandbox.Timedout"
        assert (await ask(environment, False))[1] == "users"
        assert environment.generation == 2

    bench(body)


@needs_node
def test_six_megabytes_go_through_node(bench):
    async def body(bench):
        files = {"index.mjs": "export const handler = async (event) => event;"}
        environment = await start(bench, files, memory_mb=1024, timeout_s=20)
        text = "y" * (6 * 1024 * 1024 - 2)
        assert (await ask(environment, text))[1] == text

    bench(body)


BOOTSTRAP = f"""\
#!{sys.executable}
import http.client, json, os, sys
host = os.environ["AWS_LAMBDA_RUNTIME_API"]
base = "/2018-06-01/runtime/"
connection = http.client.HTTPConnection(host)
def call(method, path, body=None, headers=None):
    connection.request(method, base + path, body, headers or {{}})
    response = connection.getresponse()
    return response.status, response.headers, response.read()
if os.path.exists("broken"):
    call("POST", "init/error", json.dumps({{"errorType": "Runtime.Mine", "errorMessage": "broken"}}))
    sys.exit(1)
while True:
    _, headers, body = call("GET", "invocation/next")
    request = headers["Lambda-Runtime-Aws-Request-Id"]
    event = json.loads(body)
    print("got", event, flush=True)
    if event == "fail":
        call("POST", f"invocation/{{request}}/error", json.dumps({{"errorType": "Mine", "errorMessage": "failed"}}))
    elif event == "exit":
        sys.exit(4)
    elif event == "stray":
        status, _, answer = call("POST", "invocation/other/response", "1")
        call("POST", f"invocation/{{request}}/response", json.dumps([status, json.loads(answer)["errorType"]]))
    elif event == "large":
        status, _, answer = call("POST", f"invocation/{{request}}/response", b"x" * 7_000_000)
        print("status", status, flush=True)
    else:
        answer = {{"event": event, "arn": headers["Lambda-Runtime-Invoked-Function-Arn"],
                  "deadline": int(headers["Lambda-Runtime-Deadline-Ms"]), "cwd": os.getcwd(),
                  "execution": os.environ.get("AWS_EXECUTION_ENV")}}
        call("POST", f"invocation/{{request}}/response", json.dumps(answer))
"""


def custom(bench, **more):
    return start(bench, {"bootstrap": BOOTSTRAP} | more, "provided.al2023", "function.handler", memory_mb=512)


def test_a_custom_runtime_is_served_over_the_runtime_api(bench):
    async def body(bench):
        environment = await custom(bench)
        outcome, answer = await ask(environment, {"a": 1})
        assert answer["event"] == {"a": 1} and answer["arn"] == ARN and answer["deadline"] > 1.7e12
        assert answer["cwd"] in ("/var/task", environment.spec.task_root)
        # Custom runtimes are not told their execution environment (recorded: test_introspection_invoke[provided.al2023]).
        assert answer["execution"] is None
        assert outcome.init_ms > 0 and 0 < outcome.max_memory_mb < 512
        assert "got {'a': 1}\n" in bench.said()
        assert (await ask(environment, "fail"))[1] == {"errorType": "Mine", "errorMessage": "failed"}
        assert (await ask(environment, "stray"))[1] == [400, "InvalidRequestID"]
        outcome, error = await ask(environment, "large")
        assert error["errorType"] == "Function.ResponseSizeTooLarge"
        _, error = await ask(environment, "exit")
        text = "RequestId: request-1 Error: Runtime exited with error: exit status 4"
        assert error == {"errorType": "Runtime.ExitError", "errorMessage": text}
        assert (await ask(environment, 2))[1]["event"] == 2

    bench(body)


def test_a_custom_runtime_can_refuse_to_start(bench):
    async def body(bench):
        environment = await custom(bench, broken="")
        assert (await ask(environment))[1] == {"errorType": "Runtime.Mine", "errorMessage": "broken"}
        assert any("Phase: init\tStatus: error\tError Type: Runtime.Mine" in line for line in bench.said())

    bench(body)


def test_a_package_without_bootstrap_exits_as_a_shell_would(bench):
    # Recorded for a wrapper that is absent: test_lambda_runtime_wrapper_not_found.
    async def body(bench):
        environment = await start(bench, {"other": ""}, "provided.al2023")
        _, error = await ask(environment)
        text = "RequestId: request-1 Error: Runtime exited with error: exit status 127"
        assert error == {"errorType": "Runtime.ExitError", "errorMessage": text}

    bench(body)


class Received:
    """A receiver that holds back the sender after each piece."""

    def __init__(self) -> None:
        self.content_type, self.pieces = "", []

    def begin(self, content_type, pause, resume) -> None:
        self.content_type, self.pause, self.resume = content_type, pause, resume

    def feed(self, piece: bytes) -> None:
        self.pieces.append(piece)
        self.pause()
        self.resume()


STREAMING = '''
    #!{python}
    import http.client, os, json
    api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    base = "/2018-06-01/runtime/invocation/"
    while True:
        api.request("GET", base + "next")
        response = api.getresponse()
        event, request = json.loads(response.read()), response.headers["Lambda-Runtime-Aws-Request-Id"]
        api.putrequest("POST", base + request + "/response")
        api.putheader("Lambda-Runtime-Function-Response-Mode", "streaming")
        api.putheader("Content-Type", "text/x-own")
        api.putheader("Transfer-Encoding", "chunked")
        api.endheaders()
        for part in (b"one", b"two", b"x" * 100000):
            api.send(b"%x\\r\\n%b\\r\\n" % (len(part), part))
        api.send(b"0\\r\\n" + event.get("trailers", "").encode() + b"\\r\\n")
        api.getresponse().read()
'''


def test_a_custom_runtime_streams_through_the_runtime_api(bench):
    # https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming
    async def body(bench):
        files = {"bootstrap": STREAMING.replace("{python}", sys.executable)}
        environment = await start(bench, files, runtime="provided.al2023", memory_mb=512)
        received = Received()
        outcome = await environment.invoke("request-1", b"{}", arn=ARN, receiver=received)
        assert (outcome.payload, outcome.function_error, received.content_type) == (b"", None, "text/x-own")
        assert b"".join(received.pieces) == b"onetwo" + b"x" * 100000
        whole = await environment.invoke("request-2", b"{}", arn=ARN)
        assert whole.payload == b"onetwo" + b"x" * 100000
        trailers = (
            "Lambda-Runtime-Function-Error-Type: Runtime.Broken\r\n"
            "Lambda-Runtime-Function-Error-Body: eyJlcnJvck1lc3NhZ2UiOiJubyJ9\r\n"
        )
        failed = await environment.invoke("request-3", json.dumps({"trailers": trailers}).encode(), arn=ARN, receiver=Received())
        assert (failed.function_error, json.loads(failed.payload)) == ("Unhandled", {"errorMessage": "no"})

    bench(body)


@needs_node
def test_a_streamed_response_has_a_largest_size(bench, monkeypatch):
    from kumoniwa.engines.lambda_runtime import environment as environments

    monkeypatch.setattr(environments, "STREAMED_BYTES_MAX", 10)

    async def body(bench):
        source = "exports.handler = awslambda.streamifyResponse(async (e, s) => { s.write('x'.repeat(8)); s.write('y'.repeat(8)); s.end(); });"
        environment = await start(bench, {"index.js": source})
        received = Received()
        outcome = await environment.invoke("request-1", b"{}", arn=ARN, receiver=received)
        assert (outcome.error_type, received.pieces) == ("Function.ResponseSizeTooLarge", [b"x" * 8])

    bench(body)


ANSWERS = {
    "as cfn-response does": "const https = require('https'); const {hostname, path} = url.parse(to); return https.request({hostname, port: 443, path, method: 'PUT'}, done);",
    "by the host alone": "const https = require('https'); const {hostname, pathname, search} = new URL(to); return https.request({hostname, path: pathname + search, method: 'PUT'}, done);",
    "by the whole address": "const {request} = require('https'); return request(to, {method: 'PUT'}, done);",
    "by a parsed address": "const {request} = require('node:https'); return request(new URL(to), {method: 'PUT'}, done);",
}


@needs_node
@pytest.mark.parametrize("how", ANSWERS)
def test_who_makes_a_resource_for_a_stack_reaches_its_url_however_it_is_asked_by_tls(bench, monkeypatch, how):
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-lambda-function-code-cfnresponsemodule.html"""

    async def body(bench):
        asked = []

        async def served(reader, writer):
            asked.append((await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[0])
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

        server = await asyncio.start_server(served, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        monkeypatch.setattr(bench.runtimes, "endpoint_url", f"http://127.0.0.1:{port}")
        code = f"""
            const url = require('url');
            const send = (to, done) => {{ {ANSWERS[how]} }};
            exports.handler = (event) => new Promise((done, failed) => send(event, (reply) => done(reply.statusCode)).on('error', failed).end());
        """
        environment = await start(bench, {"index.js": code})
        to = f"http://127.0.0.1:{port}/_aws/cloudformation/us-east-1/proof/place?a=1"
        assert (await ask(environment, to))[1] == 200
        assert asked == [b"PUT /_aws/cloudformation/us-east-1/proof/place?a=1 HTTP/1.1"]
        server.close()

    bench(body)
