"""Durable functions for tests: written with AWS's SDK, packaged with it as a customer would, in a cloud that they reach by a real socket."""

from __future__ import annotations

import io
import json
import socket
import textwrap
import zipfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import aws_durable_execution_sdk_python as sdk
from lambda_workshop import ROLE, put_role, zipped

from kumoniwa.gate.address import locate
from kumoniwa.wire.http import Connection
from kumoniwa.wire.message import Request, Response

RUNTIME = "python3.13"
"""The oldest that may be durable; it runs on this machine's Python."""
BEGINNING = """
import datetime
import json
import os
import urllib.request
import botocore.auth, botocore.crt.auth
from datetime import timedelta
from pathlib import Path
from aws_durable_execution_sdk_python import DurableContext, StepContext, durable_execution, durable_step
from aws_durable_execution_sdk_python.config import *
from aws_durable_execution_sdk_python.retries import *

def _cloud_time(remove_tzinfo=True):
    # The cloud's time is virtual, and who signs with another one is refused.
    with urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"] + "/now") as answer:
        now = datetime.datetime.fromtimestamp(float(answer.read()), datetime.timezone.utc)
    return now

botocore.auth.get_current_datetime = botocore.crt.auth.get_current_datetime = _cloud_time

def note(event, word):
    with open(event["file"], "a") as file:
        file.write(word + "\\n")
"""
NEEDED = ("logs:*", "lambda:CheckpointDurableExecution", "lambda:GetDurableExecutionState")


SCRIPT = """
import json, os, threading
from pathlib import Path
import botocore.session
client = botocore.session.Session().create_client("lambda", region_name="us-east-1")

def handler(event, context):
    # What the test would answer, it answers by files: a number for each invocation.
    here = Path(os.environ["HERE"])
    number = len(list(here.glob("*.event"))) + 1
    (here / f"{number}.part").write_text(json.dumps(event))
    (here / f"{number}.part").rename(here / f"{number}.event")
    answer = here / f"{number}.answer"
    while not answer.exists():
        threading.Event().wait(0.01)
    text = answer.read_text()
    if text.startswith("!"):
        raise RuntimeError(text[1:])
    return json.loads(text)
"""


class Script:
    """A durable function whose invocations the test itself answers, and for which it says its checkpoints: the protocol without an SDK."""

    def __init__(self, cloud, folder: Path, name: str = "d", **more: Any) -> None:
        self.cloud, self.folder, self.client = cloud, folder, cloud.client("lambda")
        folder.mkdir(exist_ok=True)
        put_role(cloud, *NEEDED)
        config = {"ExecutionTimeout": more.pop("timeout_s", 600)} | more.pop("durable", {})
        values = {
            "FunctionName": name, "Role": ROLE, "Runtime": RUNTIME, "Handler": "app.handler", "Code": {"ZipFile": zipped(SCRIPT)},
            "DurableConfig": config, "Environment": {"Variables": {"HERE": str(folder)}},
        }  # fmt: skip
        self.client.create_function(**(values | more))
        self.number = 0

    def invoked(self) -> dict:
        """The next invocation's payload; its token serves the checkpoints to come."""
        self.number += 1
        file = self.folder / f"{self.number}.event"
        until(self.cloud, file.exists)
        event = json.loads(file.read_text())
        self.arn, self.token = event["DurableExecutionArn"], event["CheckpointToken"]
        return event

    def checkpoint(self, *updates: dict, **more: Any) -> list[dict]:
        """What the function is told of its operations."""
        reply = self.client.checkpoint_durable_execution(
            DurableExecutionArn=self.arn, CheckpointToken=self.token, Updates=list(updates), **more
        )
        self.token = reply.get("CheckpointToken")
        return reply["NewExecutionState"]["Operations"]

    def answer(self, status: str, **more: Any) -> None:
        self.say(json.dumps({"Status": status, **more}))

    def say(self, text: str) -> None:
        part = self.folder / f"{self.number}.part"
        part.write_text(text)
        part.rename(self.folder / f"{self.number}.answer")

    @property
    def is_invoked_again(self) -> bool:
        return (self.folder / f"{self.number + 1}.event").exists()


def step(id_: str, action: str, **more: Any) -> dict:
    return {"Id": id_, "Type": "STEP", "Action": action, **more}


def wait(id_: str, seconds: int, **more: Any) -> dict:
    return {"Id": id_, "Type": "WAIT", "Action": "START", "WaitOptions": {"WaitSeconds": seconds}, **more}


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def serve(cloud, port: int) -> None:
    """Answer at the address that functions are told, for as long as the cloud's loop runs."""

    def answer(request: Request, reply) -> None:
        if request.path == "/now":
            reply(Response(200, str(cloud.now()).encode()))
            return
        request.address = locate(request)
        region = cloud.regions.get(request.address.region or cloud.here)
        if region is not None:
            region.answer(request, reply)

    cloud.door = cloud.run(cloud.loop.create_server(lambda: Connection(answer), "127.0.0.1", port))


@lru_cache(maxsize=1)
def _sdk() -> dict[str, bytes]:
    folder = Path(sdk.__file__).parent
    return {f"{folder.name}/{path.relative_to(folder)}": path.read_bytes() for path in folder.rglob("*.py")}


def packaged(source: str) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_STORED) as archive:
        for name, body in _sdk().items():
            archive.writestr(name, body)
        archive.writestr("app.py", BEGINNING + textwrap.dedent(source))
    return held.getvalue()


def make_durable(cloud, source: str, name: str = "d", timeout_s: int = 600, **more: Any) -> dict:
    """Create a durable function; unless it is said otherwise its role may do what one needs."""
    if "Role" not in more:
        put_role(cloud, *NEEDED)
    config = {"ExecutionTimeout": timeout_s} | more.pop("durable", {})
    values = {
        "FunctionName": name, "Role": ROLE, "Runtime": RUNTIME, "Handler": "app.handler", "Code": {"ZipFile": packaged(source)},
        "DurableConfig": config,
    }  # fmt: skip
    return cloud.client("lambda").create_function(**(values | more))


def begin(cloud, event: Any = None, name: str = "d:$LATEST", **more: Any) -> str:
    """Invoke without waiting; answers the execution's ARN."""
    reply = cloud.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps(event or {}), **more)
    assert reply["StatusCode"] == 202
    return reply["DurableExecutionArn"]


def ended(cloud, arn: str, step_s: float = 0.05) -> dict:
    """Look at an execution until it has ended, while its function works in real time."""
    for _ in range(1200):
        shown = cloud.client("lambda").get_durable_execution(DurableExecutionArn=arn)
        if shown["Status"] not in ("RUNNING", "PAUSING"):
            return shown
        cloud.sleep(step_s)
    raise AssertionError(shown)


def until(cloud, seen) -> None:
    """Let the cloud go on until a condition holds."""
    for _ in range(1200):
        if seen():
            return
        cloud.sleep(0.05)
    raise AssertionError(seen)


def events(cloud, arn: str, **more: Any) -> list[dict]:
    return cloud.client("lambda").get_durable_execution_history(DurableExecutionArn=arn, MaxItems=1000, **more)["Events"]


def kinds(cloud, arn: str) -> list[str]:
    return [event["EventType"] for event in events(cloud, arn)]


def notes(file) -> list[str]:
    return file.read_text().split() if file.exists() else []
