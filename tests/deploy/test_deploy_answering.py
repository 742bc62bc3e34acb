"""Code that stands in a template finds the module with which a custom resource answers."""

from __future__ import annotations

import http.server
import io
import json
import shutil
import subprocess
import threading
import zipfile
from types import SimpleNamespace

import pytest

from kumoniwa.deploy.resources import lambda_

EVENT = {"StackId": "stack", "RequestId": "request", "LogicalResourceId": "Thing"}


@pytest.fixture
def heard():
    """What was PUT to a URL of this machine."""
    bodies: list[dict] = []

    class Listener(http.server.BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            bodies.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_) -> None: ...

    server = http.server.HTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/answer", bodies
    server.shutdown()
    server.server_close()


def _files(runtime: str) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(lambda_._zip_inline("source", runtime))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _expected(**more) -> dict:
    return EVENT | {"Status": "SUCCESS", "Data": {"A": "b"}, "NoEcho": False} | more


def test_python_code_answers_with_cfnresponse(heard):
    url, bodies = heard
    files = _files("python3.13")
    assert files["index.py"] == b"source"
    module: dict = {}
    exec(compile(files["cfnresponse.py"], "cfnresponse.py", "exec"), module)
    context = SimpleNamespace(log_stream_name="stream")
    module["send"](EVENT | {"ResponseURL": url}, context, module["SUCCESS"], {"A": "b"})
    (found,) = bodies
    assert "stream" in found.pop("Reason")
    assert found == _expected(PhysicalResourceId="stream")


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")
def test_node_code_answers_with_cfn_response(heard, tmp_path):
    url, bodies = heard
    (tmp_path / "answer.js").write_bytes(_files("nodejs22.x")["node_modules/cfn-response/index.js"])
    event = json.dumps(EVENT | {"ResponseURL": url})
    script = f"""
        const r = require("./answer.js");
        r.send({event}, {{logStreamName: "stream", done: () => {{}}}}, r.SUCCESS, {{A: "b"}}, "mine");
    """
    subprocess.run(["node", "-e", script], cwd=tmp_path, check=True, timeout=30)
    (found,) = bodies
    del found["Reason"]
    assert found == _expected(PhysicalResourceId="mine")
