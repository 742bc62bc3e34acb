"""Managed nodes in virtual time: agents that speak to a test's cloud as AWS's does, and run scripts in real shells if a test wants them to."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lambda_workshop import ACCOUNT, put_role

from kumoniwa.cli.node_client import Client
from kumoniwa.cli.node_command import Run

TRUST = json.dumps({"Statement": {"Effect": "Allow", "Principal": {"Service": "ssm.amazonaws.com"}, "Action": "sts:AssumeRole"}})
ROLE = "nodes"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/{ROLE}"
CORE = (
    "ssm:UpdateInstanceInformation", "ec2messages:GetMessages", "ec2messages:AcknowledgeMessage", "ec2messages:SendReply",
    "ec2messages:FailMessage", "ec2messages:DeleteMessage",
)  # fmt: skip
ABOUT = {"AgentName": "amazon-ssm-agent", "AgentVersion": "3.3.0.0", "PlatformType": "Linux", "PlatformName": "Debian", "PlatformVersion": "12",
         "ComputerName": "web.example", "IPAddress": "10.0.0.7"}  # fmt: skip


class Agent(Client):
    """One of a node in ``cloud``, whose clock is the cloud's."""

    def __init__(self, cloud: Any, region: str = "us-east-1") -> None:
        super().__init__("http://localhost:4566", region)
        self.cloud, self.clock = cloud, cloud

    def send(self, request: Any) -> tuple[int, dict[str, str], bytes]:
        headers = {name: value for name, value in request.headers.items() if name != "host"}
        status, told, body = self.cloud.http(request.method, request.path, host=request.headers["host"], headers=headers, body=request.body)
        return status, {name.lower(): value for name, value in told.items()}, body

    @property
    def id(self) -> str:
        return self.identity.id

    def ping(self) -> Agent:
        self.ask("ssm", "UpdateInstanceInformation", InstanceId=self.id, **ABOUT)
        return self

    def messages(self) -> list[dict[str, Any]]:
        answer = self.ask("ec2messages", "GetMessages", Destination=self.id, MessagesRequestId="0" * 16, VisibilityTimeoutInSeconds=10)
        return answer["Messages"]

    def take(self) -> dict[str, Any]:
        """The one message that waits, acknowledged: its payload, with its id."""
        (message,) = self.messages()
        self.ask("ec2messages", "AcknowledgeMessage", MessageId=message["MessageId"])
        return json.loads(message["Payload"]) | {"MessageId": message["MessageId"], "InstanceId": self.id}

    def reply(self, message: str, status: str, **steps: dict[str, Any]) -> None:
        """Say of a command how it is, and of its steps."""
        payload = json.dumps({"documentStatus": status, "runtimeStatus": steps})
        self.ask("ec2messages", "SendReply", MessageId=message, ReplyId="0" * 16, Payload=payload)

    def end(self, message: str, status: str = "Success", code: int = 0, step: str = "aws:runShellScript", out: str = "", err: str = "") -> None:
        at = "2030-01-01T00:00:05.000Z"
        told = {"status": status, "code": code, "standardOutput": out, "standardError": err, "startDateTime": at, "endDateTime": at}
        self.reply(message, status, **{step: told})

    def work(self, folder: Path) -> None:
        """Run what waits, in a real shell, and say how it ended."""
        Run(self, *self.begun(folder)).go()

    def begun(self, folder: Path) -> tuple[Path, dict[str, Any], Callable[[dict[str, Any]], None]]:
        """What a run of the command that waits needs: its folder, its words, and who hears of it."""
        command = self.take()
        place = folder / command["CommandId"]
        place.mkdir(parents=True, exist_ok=True)

        def say(payload: dict[str, Any]) -> None:
            self.ask("ec2messages", "SendReply", MessageId=command["MessageId"], ReplyId="0" * 16, Payload=json.dumps(payload))

        return place, command, say


class Fleet:
    """An account's nodes."""

    def __init__(self, cloud: Any, region: str = "us-east-1", *more: str) -> None:
        self.cloud, self.region, self.ssm = cloud, region, cloud.client("ssm", region)
        put_role(cloud, *CORE, *more, trust=TRUST, arn=ROLE_ARN)

    def activate(self, **more: Any) -> tuple[str, str]:
        made = self.ssm.create_activation(**{"IamRole": ROLE, "RegistrationLimit": 10, **more})
        return made["ActivationId"], made["ActivationCode"]

    def node(self, **more: Any) -> Agent:
        agent = Agent(self.cloud, self.region)
        agent.register(*self.activate(**more), "a machine")
        return agent.ping()

    def send(self, *nodes: Agent, commands: list[str] | None = None, **more: Any) -> str:
        named = {"InstanceIds": [node.id for node in nodes]} if nodes else {}
        words = {"DocumentName": "AWS-RunShellScript", "Parameters": {"commands": commands or ["true"]}, **named, **more}
        return self.ssm.send_command(**words)["Command"]["CommandId"]

    def command(self, id_: str) -> dict[str, Any]:
        return self.ssm.list_commands(CommandId=id_)["Commands"][0]

    def status(self, id_: str) -> tuple[str, str]:
        told = self.command(id_)
        return told["Status"], told["StatusDetails"]

    def invocation(self, id_: str, node: Agent, **more: Any) -> dict[str, Any]:
        return self.ssm.get_command_invocation(CommandId=id_, InstanceId=node.id, **more)

    def details(self, id_: str) -> list[str]:
        return [each["StatusDetails"] for each in self.ssm.list_command_invocations(CommandId=id_)["CommandInvocations"]]
