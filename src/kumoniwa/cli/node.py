"""``kumoniwa node``: a managed node of Systems Manager, a program of ours that speaks AWS's agent's protocol and runs shell scripts.

Its folder is what it is: the registration with the node's own key, commands under way, and replies that nobody has heard yet. So a node that
was ended goes on where it was, and a cloud that is dark meanwhile hears of everything when it is back.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import platform
import secrets
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from kumoniwa import __version__
from kumoniwa.cli.node_client import Client, Identity, Refused, Silent
from kumoniwa.cli.node_command import Run, keep
from kumoniwa.kernel.clock import monotonic

PING_EVERY_S = 60.0
AGAIN_AFTER_S, AFTER_REFUSAL_S = 1.0, 5.0
SAID_AGAIN_FOR_S = 7_200.0
"""As long as the agent keeps a reply: documentLevelTimeOutDurationHour."""
USELESS = ("InvalidMessageIdException", "ValidationException", "SerializationException", "InvalidInstanceId")
AT_ONCE = 5
"""Commands, as the agent's CommandWorkersLimit has it."""
GONE = ("InvalidInstanceId",)


def node(asked: argparse.Namespace) -> int:
    folder = Path(asked.folder)
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print(f"kumoniwa: another node lives in {folder}.")
            return 1
        try:
            client = _client(asked, folder / "registration.json")
        except (Refused, Silent) as error:
            print(f"kumoniwa: the node cannot be registered: {error}")
            return 1
        if client is None:
            print("kumoniwa: a node that is not registered yet needs --activation-id and --activation-code.")
            return 1
        print(f"{client.identity.id} in {client.region}", flush=True)  # type: ignore[union-attr]
        return Agent(client, folder).run()


def _client(asked: argparse.Namespace, registration: Path) -> Client | None:
    """Of the node that was registered, or is now. Raises Refused, Silent."""
    if registration.exists():
        held = json.loads(registration.read_text())
        return Client(asked.endpoint, held["region"], Identity(held["id"], held["region"], held["private_key"], held["fingerprint"]))
    if not (asked.activation_id and asked.activation_code):
        return None
    client = Client(asked.endpoint, asked.region)
    _register(client, registration, asked.activation_id, asked.activation_code)
    return client


def _register(client: Client, registration: Path, activation: str, code: str) -> None:
    identity = client.register(activation, code, secrets.token_hex(18))
    held = {"id": identity.id, "region": identity.region, "private_key": identity.private, "fingerprint": identity.fingerprint}
    keep(registration, held, mode=0o600)


def about() -> dict[str, str]:
    """What a ping tells of the machine."""
    release = platform.freedesktop_os_release() if Path("/etc/os-release").exists() else {}
    return {
        "AgentName": "kumoniwa-node", "AgentStatus": "Active", "AgentVersion": _version(), "ComputerName": socket.gethostname(),
        "IPAddress": "127.0.0.1", "PlatformType": "Linux", "PlatformName": release.get("NAME", platform.system()),
        "PlatformVersion": release.get("VERSION_ID", platform.release()),
    }  # fmt: skip


def _version() -> str:
    """Ours, as agents' versions are spelled: three or four numbers."""
    numbers = [part for part in __version__.replace("-", ".").replace("+", ".").split(".") if part.isdigit()][:4]
    return ".".join([*numbers, "0", "0", "0"][: max(3, len(numbers))])


class Replies:
    """What the cloud is still to hear, in its order: files, gone when they were heard. What is refused may be let in later, so it is said
    again for as long as the agent does."""

    def __init__(self, client: Client, folder: Path) -> None:
        self.client, self.folder = client, folder
        folder.mkdir(exist_ok=True)
        self.count = max((int(each.stem) for each in folder.glob("*.json")), default=0)
        self.changed = threading.Condition()

    def put(self, message: str, payload: dict[str, Any]) -> None:
        with self.changed:
            self.count += 1
            said = {"MessageId": message, "ReplyId": secrets.token_hex(16), "Payload": json.dumps(payload)}
            keep(self.folder / f"{self.count:09d}.json", {"at": self.client.clock.now(), "said": said})
            self.changed.notify()

    def send(self) -> None:
        """Until the process ends."""
        while True:
            with self.changed:
                while self.first() is None:
                    self.changed.wait()
            if not self.send_first():
                threading.Event().wait(AGAIN_AFTER_S)

    def first(self) -> Path | None:
        return min(self.folder.glob("*.json"), default=None)

    def send_first(self) -> bool:
        """Whether the oldest is done with."""
        file = self.first()
        if file is None:
            return True
        held = json.loads(file.read_text())
        try:
            self.client.ask("ec2messages", "SendReply", **held["said"])
        except Silent:
            return False
        except Refused as error:
            print(f"kumoniwa node: a reply was refused: {error}", flush=True)
            self.client.forget_keys()
            if error.code not in USELESS and self.client.clock.now() - held["at"] < SAID_AGAIN_FOR_S:
                return False
        file.unlink()
        return True


class Agent:
    """``workers`` run commands, as an executor does."""

    def __init__(self, client: Client, folder: Path, workers: Any = None) -> None:
        self.client, self.commands = client, folder / "commands"
        self.commands.mkdir(exist_ok=True)
        self.replies = Replies(client, folder / "replies")
        self.workers = workers or ThreadPoolExecutor(AT_ONCE)
        self.runs: dict[str, Run] = {}

    def run(self) -> int:
        threading.Thread(target=self.replies.send, daemon=True).start()
        for folder in self._unfinished():
            if (folder / "taken").exists():
                self._begin(folder)
        pinged = None
        while True:
            try:
                if pinged is None or monotonic() - pinged >= PING_EVERY_S:
                    self.client.ask("ssm", "UpdateInstanceInformation", InstanceId=self.client.identity.id, **about())  # type: ignore[union-attr]
                    pinged = monotonic()
                self.poll()
            except Silent:
                pinged = None
                threading.Event().wait(AGAIN_AFTER_S)
            except Refused as error:
                print(f"kumoniwa node: {error}", flush=True)
                if error.code in GONE:
                    os._exit(1)
                self.client.forget_keys()
                threading.Event().wait(AFTER_REFUSAL_S)

    def poll(self) -> None:
        """Ask for messages once, and begin what they want. Raises Refused, Silent."""
        for folder in self._unfinished():
            if not (folder / "taken").exists():
                self._take(folder)
        id_ = self.client.identity.id  # type: ignore[union-attr]
        answer = self.client.ask("ec2messages", "GetMessages", Destination=id_, MessagesRequestId=secrets.token_hex(16), VisibilityTimeoutInSeconds=10)
        for message in answer["Messages"]:
            if message["Topic"].startswith("aws.ssm.sendCommand"):
                self._take(self._kept(message))
            elif message["Topic"].startswith("aws.ssm.cancelCommand"):
                self._cancel(json.loads(message["Payload"])["CancelMessageId"])
                self.client.ask("ec2messages", "AcknowledgeMessage", MessageId=message["MessageId"])

    def _unfinished(self) -> list[Path]:
        return [each.parent for each in sorted(self.commands.glob("*/message.json")) if not (each.parent / "done").exists()]

    def _kept(self, message: dict[str, Any]) -> Path:
        """The folder of a command, once, however often it comes."""
        command = json.loads(message["Payload"])
        folder = self.commands / command["CommandId"]
        if not (folder / "message.json").exists():
            folder.mkdir(exist_ok=True)
            keep(folder / "message.json", {**command, "MessageId": message["MessageId"], "InstanceId": message["Destination"]})
        return folder

    def _take(self, folder: Path) -> None:
        """A command begins when the cloud knows that it does, so that who cancels it is told whether it had begun."""
        message = json.loads((folder / "message.json").read_text())["MessageId"]
        self.client.ask("ec2messages", "AcknowledgeMessage", MessageId=message)
        (folder / "taken").touch()
        if message not in self.runs and not (folder / "done").exists():
            self._begin(folder)

    def _begin(self, folder: Path) -> None:
        command = json.loads((folder / "message.json").read_text())
        message = command["MessageId"]
        run = self.runs[message] = Run(self.client, folder, command, lambda payload: self.replies.put(message, payload))
        self.workers.submit(self._go, run)

    def _go(self, run: Run) -> None:
        try:
            run.go()
        except Exception as error:
            run.say({"documentStatus": "Failed", "documentTraceOutput": f"The node failed: {error}", "runtimeStatus": {}})
            raise
        finally:
            (run.folder / "done").touch()
            self.runs.pop(run.command["MessageId"], None)

    def _cancel(self, message: str) -> None:
        if message in self.runs:
            self.runs[message].cancelled.set()
