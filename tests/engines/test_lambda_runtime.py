"""The Lambda engine with real child processes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kumoniwa.engines.lambda_runtime import enclosure
from kumoniwa.engines.lambda_runtime import environment as environments
from kumoniwa.engines.lambda_runtime.environment import EnvironmentSpec
from kumoniwa.engines.lambda_runtime.pool import IDLE_LIMIT_S, STARTS_MAX, Pool
from kumoniwa.engines.lambda_runtime.runtimes import RuntimeNotHere

ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"


async def ask(environment, event=None, **more):
    outcome = await environment.invoke("request-1", json.dumps(event).encode(), arn=ARN, **more)
    return outcome, json.loads(outcome.payload)


def test_a_handler_answers_and_module_state_survives_between_requests(bench):
    async def body(bench):
        environment = await bench.start("""
            count = 0
            def handler(event, context):
                global count
                count += 1
                return {"count": count, "event": event}
        """)
        first, answer = await ask(environment, {"a": "é"})
        assert answer == {"count": 1, "event": {"a": "é"}}
        assert first.function_error is None and first.init_ms > 0
        second, answer = await ask(environment, None)
        assert answer == {"count": 2, "event": None}
        assert second.init_ms is None

    bench(body)


def test_a_request_is_framed_by_start_end_and_report(bench):
    # The shapes are recorded from AWS: test_multi_line_prints, test_invocation_type_event_error.
    async def body(bench):
        environment = await bench.start("""
            import logging, subprocess
            def handler(event, context):
                print("multi\\nline\\nstring")
                print("another\\rline")
                logging.getLogger().warning("two\\nlines")
                logging.getLogger().info("below the default level")
                subprocess.run(["echo", "from a subprocess"])
                context.log("said by the context")
                print("unfinished", end="")
        """)
        await ask(environment)
        said = bench.said()
        assert said[0].startswith("INIT_START Runtime Version: python:3.")
        assert said[1] == "START RequestId: request-1 Version: $LATEST\n"
        assert said[2:6] == ["multi\n", "line\n", "string\n", "another\rline\n"]
        stamp, rest = said[6].split("Z\t", 1)
        assert stamp.startswith("[WARNING]\t20") and rest == "request-1\ttwo\nlines\n"
        assert set(said[7:-2]) == {"said by the context", "from a subprocess\n", "unfinished"}
        assert said[-2] == "END RequestId: request-1\n"
        assert said[-1].startswith("REPORT RequestId: request-1\tDuration: ")
        assert "\tMemory Size: 128 MB\tMax Memory Used: " in said[-1] and said[-1].endswith(" ms\t\n")

    bench(body)


def test_the_tail_is_the_last_four_kilobytes_of_one_request(bench):
    async def body(bench):
        environment = await bench.start("""
            def handler(event, context):
                for i in range(event): print("x" * 100)
        """)
        outcome, _ = await ask(environment, 1, wants_tail=True)
        assert outcome.log_tail.startswith(b"START RequestId: ") and b"INIT_START" not in outcome.log_tail
        outcome, _ = await ask(environment, 100, wants_tail=True)
        assert len(outcome.log_tail) == 4096 and b"REPORT RequestId: " in outcome.log_tail
        outcome, _ = await ask(environment, 1)
        assert outcome.log_tail is None

    bench(body)


def test_an_exception_is_reported_as_aws_does(bench):
    # Recorded: test_lambda_handler_error.
    async def body(bench):
        environment = await bench.start("""
            def handler(event, context):
                raise Exception("Handler fails")
        """)
        outcome, error = await ask(environment)
        path = "/var/task/app.py"
        assert outcome.function_error == "Unhandled"
        assert error == {
            "errorMessage": "Handler fails",
            "errorType": "Exception",
            "requestId": "request-1",
            "stackTrace": [f'  File "{path}", line 3, in handler\n    raise Exception("Handler fails")\n'],
        }
        assert (
            "[ERROR] Exception: Handler fails\nTraceback (most recent call last):\n"
            f'\u00a0\u00a0File "{path}", line 3, in handler\n\u00a0\u00a0\u00a0\u00a0raise Exception("Handler fails")'
        ) in bench.said()

    bench(body)


BROKEN_AT_START = {
    "import absent_module": (
        "Runtime.ImportModuleError",
        "Unable to import module 'app': No module named 'absent_module'",
    ),
    "x = = 1": (
        "Runtime.UserCodeSyntaxError",
        "Syntax error in module 'app': invalid syntax (app.py, line 1)",
    ),
    "other = 1": ("Runtime.HandlerNotFound", "Handler 'handler' missing on module 'app'"),
    "raise Exception('Runtime startup fails')": ("Exception", "Runtime startup fails"),
}


@pytest.mark.parametrize("code", BROKEN_AT_START)
def test_a_function_that_cannot_start_says_why(bench, code):
    kind, text = BROKEN_AT_START[code]

    async def body(bench):
        environment = await bench.start(code)
        outcome, error = await ask(environment)
        assert outcome.function_error == "Unhandled"
        # The request's id is unknown at that time and stays empty (recorded: test_lambda_runtime_error).
        assert (error["errorType"], error["errorMessage"], error["requestId"]) == (kind, text, "")
        reports = [line for line in bench.said() if line.startswith("INIT_REPORT")]
        assert "Phase: init\tStatus: error" in reports[0] and "Phase: invoke\tStatus: error" in reports[1]

    bench(body)


def test_a_handler_name_without_a_dot_is_malformed(bench):
    async def body(bench):
        _, error = await ask(await bench.start("", handler="handler"))
        assert error["errorType"] == "Runtime.MalformedHandlerName"
        assert (
            error["errorMessage"] == "Bad handler 'handler': not enough values to unpack (expected 2, got 1)"
        )

    bench(body)


def test_results_are_written_as_awss_runtime_writes_them(bench):
    async def body(bench):
        environment = await bench.start(
            """
            import decimal, datetime
            CASES = {
                "decimal": {"n": decimal.Decimal("1.10"), 3: [decimal.Decimal("7")]},
                "bytes": {"b": b"abc"}, "text": "é", "raw": b"not json", "object": {1, 2},
                "date": datetime.date(2030, 1, 1),
            }
            def handler(event, context): return CASES[event]
        """,
            runtime="python3.12",
        )

        async def payload(case):
            return (await environment.invoke("r", json.dumps(case).encode(), arn=ARN)).payload

        assert await payload("decimal") == b'{"n": 1.10, "3": [7]}'
        assert await payload("bytes") == b'{"b": "abc"}'
        assert await payload("text") == '"é"'.encode()
        assert await payload("raw") == b"not json"
        error = json.loads(await payload("object"))
        assert error["errorType"] == "Runtime.MarshalError"
        assert (
            error["errorMessage"] == "Unable to marshal response: Object of type set is not JSON serializable"
        )
        assert error["stackTrace"] == []
        older = await bench.start("def handler(e, c): return 'é'", runtime="python3.11")
        assert (await older.invoke("r", b"null", arn=ARN)).payload == b'"\\u00e9"'

    bench(body)


EXITS = {
    "import sys; sys.exit(0)": "Runtime exited without providing a reason",
    "import sys; sys.exit(1)": "Runtime exited with error: exit status 1",
    "os._exit(7)": "Runtime exited with error: exit status 7",
    "os.kill(os.getpid(), 9)": "Runtime exited with error: signal: killed",
    "import ctypes; ctypes.string_at(0)": "Runtime exited with error: signal: segmentation fault",
}


@pytest.mark.parametrize("code", EXITS)
def test_a_process_that_ends_is_an_exit_error_and_the_next_request_gets_a_fresh_one(bench, code):
    # Recorded: test_lambda_handler_exit, test_lambda_runtime_wrapper_not_found.
    async def body(bench):
        environment = await bench.start(f"""
            import os
            def handler(event, context):
                if event:
                    print("last words")
                    {code}
                return os.getpid()
        """)
        _, first = await ask(environment, 0)
        outcome, error = await ask(environment, 1)
        text = f"RequestId: request-1 Error: {EXITS[code]}"
        assert error == {"errorType": "Runtime.ExitError", "errorMessage": text}
        assert outcome.function_error == "Unhandled"
        assert "last words\n" in bench.said()
        assert bench.said()[-1].endswith("\tStatus: error\tError Type: Runtime.ExitError\n")
        _, second = await ask(environment, 0)
        assert second != first and environment.generation == 2

    bench(body)


def test_a_timeout_kills_the_process_and_all_it_started_but_keeps_the_sandbox(bench):
    # Recorded: test_lambda_invoke_timed_out_environment_reuse.
    async def body(bench):
        environment = await bench.start(
            """
            import os, subprocess, tempfile, time
            number = 0
            path = os.path.join(tempfile.gettempdir(), "kept")
            def handler(event, context):
                global number
                if event == "hang":
                    number = 42
                    sleeper = subprocess.Popen(["sleep", "60"])
                    open(path, "w").write(str(sleeper.pid))
                    print("half a line", end="")
                    time.sleep(60)
                return [number, open(path).read()]
        """,
            timeout_s=0.3,
        )
        outcome, error = await ask(environment, "hang")
        text = "RequestId: request-1 Error: Task timed out after 0.30 seconds"
        assert error == {"errorType": "Sandbox.Timedout", "errorMessage": text}
        assert "half a line" in bench.said()
        assert (
            bench.said()[-1].endswith("\tStatus: timeout\n") and "\tDuration: 300.00 ms\t" in bench.said()[-1]
        )
        _, (number, sleeper) = await ask(environment, "")
        assert number == 0
        assert all_end([int(sleeper)])

    bench(body)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0] not in "ZX"
    except FileNotFoundError:
        return False


def all_end(pids: list[int]) -> bool:
    """A process that was killed may live until the kernel comes to it."""
    give_up = time.monotonic() + 5
    while any(map(is_alive, pids)) and time.monotonic() < give_up:
        os.sched_yield()
    return not any(map(is_alive, pids))


def test_timeouts_also_end_functions_when_the_loop_is_virtual(virtual_bench):
    async def body(bench):
        environment = await bench.start(
            "import time\ndef handler(event, context): time.sleep(event)", timeout_s=0.3
        )
        outcome, _ = await ask(environment, 0.01)
        assert outcome.function_error is None
        outcome, error = await ask(environment, 60)
        assert error["errorType"] == "Sandbox.Timedout"

    virtual_bench(body)


def test_using_more_memory_than_configured_is_death_by_signal(bench):
    async def body(bench):
        environment = await bench.start("""
            def handler(event, context):
                return len(b"x" * (event << 20))
        """)
        outcome, answer = await ask(environment, 40)
        assert answer == 40 << 20 and 40 <= outcome.max_memory_mb < 128
        for megabytes in (200, 4000):
            outcome, error = await ask(environment, megabytes)
            assert error["errorType"] == "Runtime.ExitError"
            assert error["errorMessage"].endswith("Error: Runtime exited with error: signal: killed")
            # REPORT names what the answer does not: seen in AWS's logs of such requests.
            assert bench.said()[-1].endswith("\tStatus: error\tError Type: Runtime.OutOfMemory\n")
            assert outcome.max_memory_mb == 128

    bench(body)


def test_the_environment_holds_awss_variables_and_the_functions_own_and_nothing_of_the_host(
    bench, monkeypatch
):
    monkeypatch.setenv("HOST_SECRET", "x")

    async def body(bench):
        environment = await bench.start(
            """
            import os, sys
            def handler(event, context):
                return {"variables": dict(os.environ), "cwd": os.getcwd(), "path": sys.path, "argv": sys.argv,
                        "open": sorted(int(n) for n in os.listdir("/proc/self/fd")), "modules": list(sys.modules)}
        """,
            variables={"TABLE": "users"},
            trace_id="Root=1-5759e988-bd862e3fe1be46a994272793",
        )
        _, seen = await ask(environment)
        variables, spec = seen["variables"], environment.spec
        assert "HOST_SECRET" not in variables and variables["TABLE"] == "users"
        expected = {
            "AWS_ACCESS_KEY_ID": "ASIAEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_SESSION_TOKEN": "token",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{spec.runtime}",
            "AWS_LAMBDA_FUNCTION_NAME": "f",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
            "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/f",
            "AWS_LAMBDA_LOG_STREAM_NAME": spec.log_stream,
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
            "LAMBDA_TASK_ROOT": seen["cwd"],
            "PWD": seen["cwd"],
            "_HANDLER": "app.handler",
            "LANG": "en_US.UTF-8",
            "LC_CTYPE": "C.UTF-8",
            "SHLVL": "0",
            "TZ": ":UTC",
        }
        assert expected.items() <= variables.items()
        places = {name: variables[name] for name in variables if name not in expected}
        if seen["cwd"] == "/var/task":
            if enclosure.is_needed(enclosure.TEMPORARY):
                # Python itself lies in /tmp, which so cannot be the function's own.
                assert places.pop("HOME") == places.pop("TMPDIR") != os.environ.get("HOME")
            # Recorded: test_introspection_invoke.
            assert places == {
                "TABLE": "users", "LAMBDA_RUNTIME_DIR": "/var/runtime", "PYTHONPATH": "/var/runtime",
                "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
                "LD_LIBRARY_PATH": "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
            }  # fmt: skip
        else:
            assert set(places) == {"TABLE", "PATH", "LD_LIBRARY_PATH", "HOME", "TMPDIR", "LAMBDA_RUNTIME_DIR", "PYTHONPATH"}
        assert seen["cwd"] in ("/var/task", spec.task_root) and seen["path"][0] == seen["cwd"]
        assert not any("site-packages" in path for path in seen["path"] if not path.startswith("/opt/"))
        assert len(seen["open"]) <= 5, "standard streams, the socket, and the folder being listed"
        assert not any(name.startswith("kumoniwa") for name in seen["modules"])

    bench(body)


def test_variables_that_aws_does_not_reserve_are_the_functions_to_set(bench):
    # https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
    async def body(bench):
        said = {"TZ": "JST-9", "PATH": "/bin", "LANG": "C", "PYTHONPATH": "/var/task/vendor", "HOME": "/opt", "LAMBDA_TASK_ROOT": "/x"}
        environment = await bench.start(
            "import os, sys, time\ndef handler(e, c): return [dict(os.environ), sys.path[:4], time.localtime(0).tm_hour]", variables=said
        )
        variables, path, hour = (await ask(environment))[1]
        assert said.items() - variables.items() == {("LAMBDA_TASK_ROOT", "/x")}
        assert "/var/task/vendor" in path and hour == 9

    bench(body)


def test_only_the_packages_of_awss_runtime_can_be_imported(bench):
    async def body(bench):
        environment = await bench.start("""
            import boto3, botocore.config, dateutil.parser, urllib3
            def handler(event, context):
                try:
                    __import__(event)
                except ImportError as error:
                    return str(error)
        """)
        assert (await ask(environment, "orjson"))[1] == "No module named 'orjson'"
        assert (await ask(environment, "kumoniwa"))[1] == "No module named 'kumoniwa'"
        assert (await ask(environment, "s3transfer"))[1] is None

    bench(body)


def test_a_function_that_brings_its_own_copy_of_a_preloaded_package_gets_it(bench):
    async def body(bench):
        spec = bench.spec("""
            import urllib3, queue, boto3
            def handler(event, context): return [urllib3.mine, queue.mine, boto3.__name__]
        """)
        layer = Path(spec.task_root).parent / "layer"
        (layer / "python" / "urllib3").mkdir(parents=True)
        (layer / "python" / "urllib3" / "__init__.py").write_text("mine = 'layer'")
        (Path(spec.task_root) / "queue.py").write_text("mine = 'root'")
        (Path(spec.task_root) / "boto3.py").write_text("")
        values = {name: getattr(spec, name) for name in spec.__dataclass_fields__}
        environment = await bench.runtimes.start(EnvironmentSpec(**(values | {"layers": (str(layer),)})))
        assert (await ask(environment))[1] == ["layer", "root", "boto3"]

    bench(body)


def test_the_context_tells_what_awss_tells(bench):
    async def body(bench):
        environment = await bench.start("""
            import os
            def handler(event, c):
                return {
                    "names": [c.function_name, c.function_version, c.invoked_function_arn, c.memory_limit_in_mb,
                              c.aws_request_id, c.log_group_name, c.log_stream_name],
                    "remaining": c.get_remaining_time_in_millis(),
                    "client": [c.client_context.custom, c.client_context.env, c.client_context.client.app_title],
                    "identity": [c.identity.cognito_identity_id, c.identity.cognito_identity_pool_id],
                    "trace": os.environ.get("_X_AMZN_TRACE_ID"),
                }
        """)
        client = json.dumps({"custom": {"foo": "bar"}, "env": {"a": "b"}, "client": {"app_title": "t"}})
        _, seen = await ask(environment, client_context=client, trace_id="Root=1-2-3")
        stream = environment.spec.log_stream
        assert seen["names"] == ["f", "$LATEST", ARN, "128", "request-1", "/aws/lambda/f", stream]
        assert 2500 < seen["remaining"] <= 3000
        assert seen["client"] == [{"foo": "bar"}, {"a": "b"}, "t"]
        assert seen["identity"] == [None, None] and seen["trace"] == "Root=1-2-3"

    bench(body)


def test_a_line_without_end_becomes_events_of_the_size_aws_allows(bench):
    async def body(bench):
        environment = await bench.start("""
            import sys
            def handler(event, context):
                for _ in range(64): sys.stdout.write("x" * 10_000)
        """)
        outcome, _ = await ask(environment, wants_tail=True)
        sizes = [len(line) for line in bench.said() if line.startswith("x")]
        assert sum(sizes) == 640_000 and len(sizes) == 3 and len(outcome.log_tail) == 4096

    bench(body)


def test_six_megabytes_go_in_and_come_out_and_more_is_too_large(bench):
    async def body(bench):
        environment = await bench.start("""
            def handler(event, context): return event if isinstance(event, str) else "x" * event
        """, memory_mb=512, timeout_s=20)  # fmt: skip
        text = "y" * (6 * 1024 * 1024 - 2)
        _, answer = await ask(environment, text)
        assert answer == text
        outcome, error = await ask(environment, 6_291_556)
        assert outcome.function_error == "Unhandled"
        # Recorded: test_lambda_too_large_response.
        assert error == {
            "errorMessage": "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
            "errorType": "Function.ResponseSizeTooLarge",
        }

    bench(body)


def test_threads_that_print_at_once_do_not_tear_each_others_lines(bench):
    async def body(bench):
        environment = await bench.start("""
            import threading
            def handler(event, context):
                def talk(name):
                    for _ in range(50): context.log(name * 2000)
                threads = [threading.Thread(target=talk, args=(name,)) for name in "abcd"]
                for thread in threads: thread.start()
                for thread in threads: thread.join()
        """)
        await ask(environment)
        lines = bench.said()[2:-2]
        assert len(lines) == 200 and {(line[0], len(set(line)), len(line)) for line in lines} == {
            (name, 1, 2000) for name in "abcd"
        }

    bench(body)


def test_a_function_that_forks_does_not_confuse_its_own_answer(bench):
    async def body(bench):
        environment = await bench.start("""
            import os, multiprocessing
            def work(pipe):
                print("in the child")
                pipe.send(os.getpid())
            def handler(event, context):
                ours, theirs = multiprocessing.Pipe()
                process = multiprocessing.get_context("fork").Process(target=work, args=(theirs,))
                process.start()
                pid = ours.recv()
                process.join()
                return pid != os.getpid()
        """)
        for _ in range(3):
            assert (await ask(environment))[1] is True
        assert bench.said().count("in the child\n") == 3

    bench(body)


def test_a_cold_start_that_makes_a_boto3_client_is_quick(bench):
    async def body(bench):
        code = """
            import boto3
            table = boto3.resource("dynamodb").Table("users")
            def handler(event, context): return table.meta.client.meta.endpoint_url
        """
        await bench.start(code)
        environment = await bench.start(code)
        assert (await ask(environment))[1] == "http://127.0.0.1:4566"
        # 25 ms on a quiet machine; without the preloaded models 350 ms.
        assert environment.init_ms is None
        report = next(line for line in reversed(bench.said()) if "Init Duration" in line)
        assert float(report.split("Init Duration: ")[1].split(" ms")[0]) < 250

    bench(body)


def test_runtimes_we_cannot_run_are_refused_by_name(bench):
    async def body(bench):
        with pytest.raises(RuntimeNotHere, match="java21"):
            await bench.start("", runtime="java21")

    bench(body)


REGION = """
import asyncio, sys, time
from pathlib import Path
from kumoniwa.engines.lambda_runtime import environment as environments
from kumoniwa.engines.lambda_runtime.environment import EnvironmentSpec
from kumoniwa.engines.lambda_runtime.runtimes import Runtimes

async def main():
    folder = Path(sys.argv[1])
    (folder / "app.py").write_text("import time, os\\ndef handler(e, c):\\n    print(os.getpid())\\n    time.sleep(60)")
    def heard(_, events):
        for _, text in events:
            if text.strip().isdigit(): print(text.strip(), runtimes.nursery.zygote.pid, flush=True)
    runtimes = Runtimes(folder / "engine", "", heard, time.time)
    spec = EnvironmentSpec(function_name="f", runtime="python3.11", handler="app.handler", task_root=str(folder), timeout_s=60,
        region="us-east-1", log_group="g", log_stream="s", credentials=("a", "b", "c"))
    environment = await runtimes.start(spec)
    await environment.invoke("r", b"null", arn="arn")
asyncio.run(main())
"""


def test_when_a_region_is_killed_its_functions_die_with_it(tmp_path):
    region = subprocess.Popen(
        [sys.executable, "-c", REGION, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    try:
        child, zygote = map(int, region.stdout.readline().split())
        assert is_alive(child) and is_alive(zygote)
        region.send_signal(signal.SIGKILL)
        region.wait()
        assert all_end([child, zygote])
    finally:
        region.kill()
        region.stdout.close()


def test_when_the_zygote_is_killed_the_next_request_gets_a_new_one(own_bench):
    async def body(bench):
        environment = await bench.start("def handler(event, context): return 1")
        os.kill(bench.runtimes.nursery.zygote.pid, signal.SIGKILL)
        # The old process may still answer, or its death be noticed during a request or between two.
        while environment.generation == 1:
            outcome, _ = await ask(environment)
            assert outcome.error_type in (None, "Runtime.ExitError")
        assert (await ask(environment))[1] == 1

    own_bench(body)


def test_closing_ends_every_process_and_leaves_no_folder(tmp_path, workshops):
    pids = []

    async def body(bench):
        for _ in range(3):
            environment = await bench.start("import os\ndef handler(event, context): return os.getpid()")
            pids.append((await ask(environment))[1])
        pids.append(bench.runtimes.nursery.zygote.pid)

    workshop = workshops(tmp_path, asyncio.SelectorEventLoop)
    workshop(body)
    assert all(map(is_alive, pids))
    workshop.close()
    assert all_end(pids)
    assert list((tmp_path / "engine").iterdir()) == []


def test_a_process_that_ends_between_two_requests_is_replaced_by_the_next(bench):
    async def body(bench):
        environment = await bench.start("""
            import os, threading
            def handler(event, context):
                if event:
                    threading.Timer(0.01, os._exit, (3,)).start()
                return os.getpid()
        """)
        _, first = await ask(environment, 1)
        while environment.is_ready:
            await asyncio.sleep(0.005)
        outcome, second = await ask(environment, 0)
        assert outcome.function_error is None and second != first

    bench(body)


def test_a_start_that_takes_too_long_is_tried_again_by_the_request(bench, monkeypatch):
    async def body(bench):
        await bench.start("def handler(event, context): return 1")  # the zygote has its own start behind it then
        monkeypatch.setattr(environments, "INIT_LIMIT_S", 1.0)
        environment = await bench.start("""
            import os, time
            path = os.environ.get("TMPDIR", "/tmp") + "/started"
            if not os.path.exists(path):
                open(path, "w").close()
                time.sleep(60)
            def handler(event, context): return "ready"
        """)
        assert not environment.is_ready
        assert bench.said()[-1].endswith("\tPhase: init\tStatus: timeout\n")
        outcome, answer = await ask(environment)
        assert answer == "ready" and outcome.init_ms is None

    bench(body)


def test_no_descriptor_is_left_open(own_bench):
    async def body(bench):
        await bench.start("def handler(event, context): return 1")
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(5):
            environment = await bench.start("def handler(event, context): raise SystemExit(1)")
            await ask(environment)
            await ask(environment)
            bench.runtimes.end(environment)
        assert len(os.listdir("/proc/self/fd")) == before

    own_bench(body)


def test_cancelling_a_request_kills_its_process_and_the_next_request_is_served(bench):
    async def body(bench):
        environment = await bench.start(
            "import time\ndef handler(event, context):\n    time.sleep(event)\n    return 'done'",
            timeout_s=30,
        )
        task = asyncio.create_task(ask(environment, 30))
        await asyncio.sleep(0.05)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert (await ask(environment, 0))[1] == "done"

    bench(body)


def test_a_pool_reuses_idle_environments_and_starts_more_when_all_are_busy(bench):
    async def body(bench):
        code = "import os, time\ndef handler(event, context):\n    time.sleep(event)\n    return os.getpid()"
        spec = bench.spec(code)

        async def start(is_provisioned):
            return await bench.runtimes.start(spec)

        pool = Pool(start, bench.runtimes.end)

        async def pid(event):
            return json.loads((await pool.invoke("r", json.dumps(event).encode(), arn=ARN)).payload)

        first = await pid(0)
        assert await pid(0) == first and pool.size == 1
        both = await asyncio.gather(pid(0.2), pid(0.2))
        assert len(set(both)) == 2 and first in both and pool.size == 2
        pool.close()
        assert pool.size == 0
        assert not bench.runtimes.environments

    bench(body)


class Slow:
    """Environments that are made only when they are let, and how many were being made at a time."""

    def __init__(self, bench, let=True):
        self.bench, self.gate = bench, asyncio.Event()
        self.spec = bench.spec("import os\ndef handler(event, context): return os.getpid()")
        self.now = self.most = self.made = 0
        self.error = None
        if let:
            self.gate.set()

    async def __call__(self, is_provisioned):
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await self.gate.wait()
            error, self.error = self.error, None
            if error is not None:
                raise error
            self.made += 1
            return await self.bench.runtimes.start(self.spec)
        finally:
            self.now -= 1


def test_a_crowd_does_not_become_a_storm_of_cold_starts(bench):
    async def body(bench):
        slow = Slow(bench)
        pool = Pool(slow, bench.runtimes.end)
        outcomes = await asyncio.gather(*(pool.invoke(str(n), b"null", arn=ARN) for n in range(40)))
        assert all(json.loads(outcome.payload) > 0 for outcome in outcomes)
        assert slow.most <= STARTS_MAX
        await asyncio.gather(*pool.making)
        assert pool.size == slow.made < 40

    bench(body)


def test_who_waits_for_a_new_environment_takes_the_one_that_comes_back_first(bench):
    async def body(bench):
        slow = Slow(bench)
        pool = Pool(slow, bench.runtimes.end)
        first = json.loads((await pool.invoke("1", b"null", arn=ARN)).payload)
        slow.gate.clear()
        (only,) = pool.idle
        pool.idle.clear()  # as if it were busy
        waiting = asyncio.create_task(pool.invoke("2", b"null", arn=ARN))
        await asyncio.sleep(0)
        assert not waiting.done() and slow.now == 0 and len(pool.making) == 1
        pool._release(only)
        assert json.loads((await waiting).payload) == first
        slow.gate.set()
        await asyncio.gather(*pool.making)
        await asyncio.sleep(0)
        assert len(pool.idle) == 2  # the other one waits for the next

    bench(body)


def test_a_start_that_fails_is_told_to_who_waited_for_it_and_one_who_left_is_passed_over(bench):
    async def body(bench):
        slow = Slow(bench, let=False)
        pool = Pool(slow, bench.runtimes.end)
        gone, failing, served = (asyncio.create_task(pool.invoke(str(n), b"null", arn=ARN)) for n in range(3))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        slow.error = OSError("no more processes")
        slow.gate.set()
        with pytest.raises(OSError, match="no more processes"):
            await failing
        assert json.loads((await served).payload) > 0
        assert not pool.waiting

    bench(body)


def test_a_pool_lets_idle_environments_go_after_a_while_of_the_loops_time(virtual_bench):
    async def body(bench):
        spec = bench.spec("def handler(event, context): return 1")

        async def start(is_provisioned):
            return await bench.runtimes.start(spec)

        pool = Pool(start, bench.runtimes.end)
        await pool.invoke("r", b"null", arn=ARN)
        again_s = pool.reap()
        assert pool.size == 1 and again_s > asyncio.get_running_loop().time()
        await asyncio.sleep(IDLE_LIMIT_S + 1)
        assert pool.reap() is None and pool.size == 0

    virtual_bench(body)


def test_provisioned_environments_wait_ready_and_are_kept(virtual_bench):
    async def body(bench):
        code = "import os\ndef handler(event, context): return os.environ['AWS_LAMBDA_INITIALIZATION_TYPE']"
        root = bench.spec(code).task_root

        async def start(is_provisioned):
            return await bench.runtimes.start(bench.spec("", task_root=root, is_provisioned=is_provisioned))

        pool = Pool(start, bench.runtimes.end)
        assert await pool.provision(2) == 2
        outcome = await pool.invoke("r", b"null", arn=ARN)
        assert json.loads(outcome.payload) == "provisioned-concurrency"
        await asyncio.sleep(IDLE_LIMIT_S + 1)
        pool.reap()
        assert pool.size == 2
        assert await pool.provision(1) == 1 and pool.size == 1

    virtual_bench(body)
