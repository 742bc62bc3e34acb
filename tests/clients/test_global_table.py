"""The global table pattern by hand, against a real server, in both versions: what its README promises."""

import os
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

PATTERN = Path(__file__).parents[2] / "patterns" / "global_table" / "global_table.py"


@pytest.fixture
def endpoint():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "kumoniwa.cli.main", "up", "--port", str(port)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert "ready" in server.stdout.readline()
    yield f"http://127.0.0.1:{port}"
    server.terminate()
    server.wait(30)


@pytest.mark.parametrize("version", ["2019.11.21", "2017.11.29"])
def test_the_pattern_holds_what_it_claims(endpoint, version):
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    done = subprocess.run(
        [sys.executable, str(PATTERN), "--endpoint", endpoint, "--version", version],
        capture_output=True, text=True, timeout=300, env=os.environ | keys,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("its write is in every region") == 3
    assert "the last one stands everywhere: ap-northeast-1" in done.stdout
    with urllib.request.urlopen(f"{endpoint}/_kumoniwa/report/us-east-1") as answer:
        assert b'"latency"' in answer.read()
