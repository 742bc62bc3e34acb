"""Where a function finds its code and its layers, with a namespace of its own and without one."""

from __future__ import annotations

import asyncio
import functools
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from kumoniwa.engines.lambda_runtime import enclosure, nursery, runtimes
from kumoniwa.engines.lambda_runtime.environment import EnvironmentSpec

LOOKS = """
    import os
    import both.one, both.two
    def handler(event, context):
        def written(place):
            try:
                open(place, "w").close()
                return "written"
            except OSError as error:
                return error.strerror
        return {
            "task": os.environ["LAMBDA_TASK_ROOT"], "file": __file__, "from": [both.one.layer, both.two.layer],
            "path": os.environ["PATH"].split(":")[-1], "tool": os.popen("tool").read().strip(), "link": os.path.realpath("/opt/bin/again"),
            "opt": sorted(os.listdir("/opt")), "written": [written("/var/task/new"), written("/opt/new"), written("/opt/bin/new")],
        }
"""
BOOTSTRAP = """#!/bin/sh
id=$(curl -si "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/next" | tr -d '\\r' | sed -n 's/^lambda-runtime-aws-request-id: //Ip')
curl -s -X POST -d '"'"$0"'"' "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/$id/response"
"""


@functools.cache
def _is_possible() -> bool:
    asks = "import sys; from kumoniwa.engines.lambda_runtime import enclosure; sys.exit(not enclosure.is_possible())"
    return subprocess.run([sys.executable, "-c", asks], check=False).returncode == 0


@pytest.fixture
def namespace():
    if not _is_possible():
        pytest.skip("this machine gives no namespaces")


@pytest.fixture
def own_tmp(namespace):
    if enclosure.is_needed(enclosure.TEMPORARY):
        pytest.skip("Python itself lies in /tmp, so functions see the machine's")


def _layered(bench, code: str, interpreter: str = "/var/lang/bin/python3", **more) -> EnvironmentSpec:
    """A function with two layers that hold parts of one package; the first of them goes before the other."""
    spec = bench.spec(code, **more)
    layers = [Path(spec.task_root + f"-layer-{number}") for number in (1, 2)]
    for number, layer in enumerate(layers, 1):
        package = layer / "python" / "both"
        package.mkdir(parents=True)
        for name in ("one", "two")[number - 1 :]:
            (package / f"{name}.py").write_text(f"layer = {number}")
    (layers[1] / "bin").mkdir()
    (layers[1] / "bin" / "tool").write_text(f"#!{interpreter}\nimport sys; print('works', sys.version_info.minor)")
    (layers[1] / "bin" / "tool").chmod(0o755)
    (layers[1] / "bin" / "again").symlink_to("tool")
    values = {name: getattr(spec, name) for name in spec.__dataclass_fields__}
    return EnvironmentSpec(**(values | {"layers": tuple(map(str, layers))}))


async def _answer(bench, spec: EnvironmentSpec):
    environment = await bench.runtimes.start(spec)
    outcome = await environment.invoke("request-1", b"{}", arn="arn:aws:lambda:us-east-1:000000000000:function:f")
    return json.loads(outcome.payload)


def test_code_is_at_var_task_and_layers_together_at_opt_and_neither_can_be_written(bench, namespace):
    """https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html, .../configuration-envvars.html"""

    async def body(bench):
        assert await _answer(bench, _layered(bench, LOOKS)) == {
            "task": "/var/task", "file": "/var/task/app.py", "from": [1, 1], "path": "/opt/bin", "tool": f"works {sys.version_info.minor}", "link": "/opt/bin/tool",
            "opt": ["bin", "python"], "written": ["Read-only file system"] * 3,
        }  # fmt: skip

    bench(body)


def test_a_custom_runtime_may_begin_in_a_layer(bench, namespace):
    """https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html"""

    async def body(bench):
        spec = _layered(bench, "", runtime="provided.al2023", memory_mb=512)
        (Path(spec.layers[1]) / "bootstrap").write_text(BOOTSTRAP)
        (Path(spec.layers[1]) / "bootstrap").chmod(0o755)
        assert await _answer(bench, spec) == "/opt/bootstrap"

    bench(body)


def test_a_function_is_told_that_it_is_aws_user_who_has_no_home(bench, own_tmp):
    # Recorded: test_runtime_introspection_x86, and test_introspection_invoke without HOME.
    async def body(bench):
        code = """
            import getpass, os
            def handler(event, context):
                try:
                    os.makedirs(os.path.expanduser("~/.cache"))
                except OSError as error:
                    return [getpass.getuser(), os.popen("whoami").read(), os.path.expanduser("~"), error.strerror, "HOME" in os.environ]
        """
        assert await _answer(bench, bench.spec(code)) == ["sbx_user1051", "sbx_user1051\n", "/home/sbx_user1051", "Read-only file system", False]

    bench(body)


def test_the_shell_is_bash_as_on_amazon_linux(bench, namespace):
    # The bootstrap of https://docs.aws.amazon.com/lambda/latest/dg/runtimes-walkthrough.html begins so; a plain shell ends at it.
    if shutil.which("bash") is None:
        pytest.skip("needs bash")

    async def body(bench):
        code = "import os\ndef handler(e, c): return os.popen('set -euo pipefail; echo ${BASH_VERSION:0:1}').read().strip().isdigit()"
        assert await _answer(bench, bench.spec(code)) is True

    bench(body)


SPACE = """
    import errno, os
    def handler(event, context):
        held = os.listdir("/tmp")
        try:
            with open("/tmp/large", "ab") as file:
                for _ in range(event["mb"]):
                    file.write(bytes(1 << 20))
            return [held, "written"]
        except OSError as error:
            return [held, errno.errorcode[error.errno]]
"""


async def _asked(environment, event) -> object:
    outcome = await environment.invoke("request-1", json.dumps(event).encode(), arn="arn:aws:lambda:us-east-1:000000000000:function:f")
    return json.loads(outcome.payload)


@pytest.mark.parametrize("data", ["/var/tmp", "/tmp"])
def test_an_environment_has_a_tmp_of_its_own_as_large_as_was_asked_for(bench, own_tmp, monkeypatch, data):
    """https://docs.aws.amazon.com/lambda/latest/dg/configuration-ephemeral-storage.html; wherever the data of the cloud lie."""

    async def body(bench):
        with tempfile.TemporaryDirectory(dir=data) as folder:
            monkeypatch.setattr(bench.runtimes, "folder", Path(folder))
            one, other = [await bench.runtimes.start(bench.spec(SPACE, storage_mb=size)) for size in (4, 8)]
            assert [await _asked(each, {"mb": 5}) for each in (one, other)] == [[[], "ENOSPC"], [[], "written"]]
            assert await _asked(other, {"mb": 0}) == [["large"], "written"]
            # Recorded: test_lambda_invoke_timed_out_environment_reuse.
            other.process.crash()
            assert (await other.invoke("request-2", b"{}", arn="arn:f")).function_error == "Unhandled"
            assert await _asked(other, {"mb": 0}) == [["large"], "written"]
            for each in (one, other):
                bench.runtimes.end(each)
            assert [name for name in Path(folder).iterdir() if name.name != "system"] == []

    bench(body)


def test_an_environment_that_ends_before_it_was_born_takes_nobody_with_it(bench, namespace):
    async def body(bench):
        code = "def handler(e, c): return 'here'"
        living = await bench.runtimes.start(bench.spec(code))
        started = asyncio.ensure_future(bench.runtimes.start(bench.spec(code)))
        while len(bench.runtimes.environments) < 2:
            await asyncio.sleep(0)
        bench.runtimes.end(next(each for each in bench.runtimes.environments if each is not living))
        await started
        assert await _asked(living, {}) == "here" and living.generation == 1

    bench(body)


def test_a_tmp_that_this_machines_memory_does_not_hold_is_a_folder_of_its_disk(bench, namespace):
    async def body(bench):
        code = "import os, tempfile\ndef handler(e, c): return [tempfile.gettempdir() == os.environ['TMPDIR'] != '/tmp', os.getcwd()]"
        assert await _answer(bench, bench.spec(code, storage_mb=1 << 30)) == [True, "/var/task"]

    bench(body)


def test_a_python_that_a_function_starts_finds_what_the_runtime_of_aws_carries(bench, namespace):
    async def body(bench):
        code = """
            import os, subprocess
            def handler(event, context):
                asks = "import sys, boto3, pip" if event else "import sys, boto3; print(boto3.__file__)"
                return subprocess.run(["python", "-c", asks], capture_output=True, text=True).stdout.strip()
        """
        assert await _answer(bench, bench.spec(code, memory_mb=512)) == "/var/runtime/boto3/__init__.py"

    bench(body)


def test_what_a_function_sees_nobody_else_sees(bench, namespace):
    async def body(bench):
        one, other = [_layered(bench, f"import os\ndef handler(e, c): return [os.listdir('/var/task'), {n}]") for n in (1, 2)]
        (Path(one.task_root) / "more.txt").write_text("")
        assert [sorted((await _answer(bench, spec))[0]) for spec in (one, other)] == [["app.py", "more.txt"], ["app.py"]]
        assert not Path("/var/task").exists()

    bench(body)


NODE = {
    "index.js": "const { name } = require('@aws-sdk/client-s3'); exports.handler = async () => [name, require.resolve('@aws-sdk/client-s3')];",
    "index.mjs": "import { name } from '@aws-sdk/client-s3'; export const handler = async () => [name, import.meta.url];",
}


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """A folder with what a function takes for AWS's SDK for JavaScript."""
    if shutil.which("node") is None:
        pytest.skip("needs node")
    package = tmp_path / "node_modules" / "@aws-sdk" / "client-s3"
    package.mkdir(parents=True)
    (package / "index.js").write_text("exports.name = 'sdk';")
    monkeypatch.setenv("NODE_PATH", str(tmp_path / "node_modules"))
    return tmp_path / "node_modules"


def _node(bench, file: str) -> EnvironmentSpec:
    spec = bench.spec("", runtime="nodejs22.x", handler="index.handler", memory_mb=512)
    (Path(spec.task_root) / file).write_text(NODE[file])
    return spec


@pytest.mark.parametrize("file", NODE)
def test_the_sdk_for_javascript_that_this_machine_has_is_where_the_runtime_of_aws_carries_it(bench, namespace, packages, file):
    where = {"index.js": "/var/runtime/node_modules/@aws-sdk/client-s3/index.js", "index.mjs": "file:///var/task/index.mjs"}

    async def body(bench):
        assert await _answer(bench, _node(bench, file)) == ["sdk", where[file]]

    bench(body)


def test_a_function_is_told_where_to_get_the_sdk_for_javascript_only_if_it_is_not_here(packages):
    assert "npm install" not in runtimes.difference_of("nodejs22.x")
    shutil.rmtree(packages)
    assert "npm install -g @aws-sdk/client-s3" in runtimes.difference_of("nodejs22.x")


def test_where_there_are_no_namespaces_a_function_finds_its_folders_where_they_are(own_bench, monkeypatch, packages):
    monkeypatch.setattr(nursery, "_BEGIN", nursery._BEGIN.replace("zygote.main()", "zygote.enclosure.is_possible = bool; zygote.main()"))

    async def body(bench):
        spec = _layered(bench, LOOKS, interpreter=sys.executable)
        seen = await _answer(bench, spec)
        assert (seen["task"], seen["file"], seen["from"]) == (spec.task_root, f"{spec.task_root}/app.py", [1, 1])
        assert (await _answer(bench, _node(bench, "index.js")))[0] == "sdk"
        assert (seen["path"], seen["tool"]) == (f"{spec.layers[1]}/bin", f"works {sys.version_info.minor}")

    own_bench(body)
