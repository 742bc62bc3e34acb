"""Real clouds: ``kumoniwa up`` in a process of its own, spoken to over sockets."""

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

import botocore.session
import pytest
from botocore.config import Config

_SESSION = botocore.session.Session()


class Up:
    """One ``kumoniwa up``. ``pid`` is the door's."""

    def __init__(self, *arguments: str) -> None:
        self.arguments = arguments
        command = [sys.executable, "-m", "kumoniwa.cli.main", "up", "--port", "0", *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.ready = self.process.stdout.readline()
        found = re.search(r"http://([\d.]+):(\d+) ", self.ready)
        self.port = int(found[2]) if found else 0
        self.pid = self.process.pid

    def admin(self, method: str, path: str, said: dict | None = None, **headers: str) -> tuple[int, dict]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        body = None if said is None else json.dumps(said)
        connection.request(method, f"/_kumoniwa/{path}", body, headers=headers)
        reply = connection.getresponse()
        body = json.load(reply)
        connection.close()
        return reply.status, body

    def regions(self) -> dict[str, dict]:
        return self.admin("GET", "health")[1]["regions"]

    def region(self, name: str, what: str) -> None:
        status, body = self.admin("POST", f"regions/{name}/{what}")
        assert status == 200, body

    def client(self, service: str, region: str = "us-east-1", key: str = "test", retries: int = 0, **config):
        return _SESSION.create_client(
            service,
            region_name=region,
            endpoint_url=f"http://127.0.0.1:{self.port}",
            aws_access_key_id=key,
            aws_secret_access_key="test",
            config=Config(
                retries={"max_attempts": retries}, connect_timeout=5, **{"read_timeout": 20, **config}
            ),
        )

    def socket(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(15)
        finally:
            self.process.stdout.close()
            self.said = self.process.stderr.read()
            self.process.stderr.close()


def is_alive(pid: int) -> bool:
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0] != "Z"
    return False


def eventually(claim, within_s: float = 30.0) -> bool:
    """Whether ``claim()`` comes true. Processes die in their own time; nothing else here is waited for."""
    ends = time.monotonic() + within_s
    while not claim():
        if time.monotonic() > ends:
            return False
        os.sched_yield()
        time.sleep(0.002)
    return True


@pytest.fixture
def up():
    """Start clouds with options; they are stopped after the test."""
    made: list[Up] = []

    def start(*arguments: str) -> Up:
        made.append(Up(*arguments))
        return made[-1]

    yield start
    for each in made:
        if each.process.poll() is None:
            each.stop()


@pytest.fixture(scope="module")
def shared():
    """One cloud for all tests of a module, which leave it as they found it."""
    cloud = Up()
    yield cloud
    assert cloud.stop() == 0
