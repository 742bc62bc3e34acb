"""``kumoniwa node``: real nodes beside real clouds, whose regions and nodes are killed in the midst of commands."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys

import pytest

from .conftest import eventually, is_alive

TRUST = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": "ssm.amazonaws.com"}, "Action": "sts:AssumeRole"}})
LONG_S = 20.0


class Node:
    """One ``kumoniwa node``."""

    def __init__(self, cloud, folder, *words: str) -> None:
        command = [sys.executable, "-m", "kumoniwa.cli.main", "node", "--endpoint", f"http://127.0.0.1:{cloud.port}", "--folder", str(folder), *words]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.said = self.process.stdout.readline().strip()
        found = re.fullmatch(r"(mi-[0-9a-f]{17}) in us-east-1", self.said)
        self.id = found[1] if found else ""

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


@pytest.fixture
def fleet(up, tmp_path):
    cloud = up("--regions", "us-east-1", "--data", str(tmp_path / "cloud"), "--dns-port", "0", "--xray-port", "0")
    iam = cloud.client("iam")
    iam.create_role(RoleName="nodes", AssumeRolePolicyDocument=TRUST)
    iam.attach_role_policy(RoleName="nodes", PolicyArn="arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore")
    fleet = Fleet(cloud, tmp_path)
    yield fleet
    for node in fleet.nodes:
        if node.process.poll() is None:
            node.kill()


class Fleet:
    def __init__(self, cloud, folder) -> None:
        self.cloud, self.folder, self.ssm = cloud, folder, cloud.client("ssm", retries=3)
        self.nodes: list[Node] = []

    def start(self, name: str = "web", *words: str) -> Node:
        self.nodes.append(Node(self.cloud, self.folder / name, *words))
        return self.nodes[-1]

    def register(self, name: str = "web") -> Node:
        made = self.ssm.create_activation(IamRole="nodes")
        return self.start(name, "--activation-id", made["ActivationId"], "--activation-code", made["ActivationCode"])

    def send(self, node: Node, *lines: str) -> str:
        said = {"commands": list(lines)}
        return self.ssm.send_command(InstanceIds=[node.id], DocumentName="AWS-RunShellScript", Parameters=said)["Command"]["CommandId"]

    def told(self, id_: str, node: Node) -> dict:
        return self.ssm.get_command_invocation(CommandId=id_, InstanceId=node.id)

    def becomes(self, id_: str, node: Node, *statuses: str) -> dict:
        assert eventually(lambda: self.told(id_, node)["Status"] in statuses, LONG_S), self.told(id_, node)
        return self.told(id_, node)


def test_a_node_registers_once_and_runs_what_it_is_sent(fleet):
    node = fleet.register()
    assert node.id, node.said
    assert eventually(lambda: fleet.ssm.describe_instance_information()["InstanceInformationList"][0]["PingStatus"] == "Online", LONG_S)
    (shown,) = fleet.ssm.describe_instance_information()["InstanceInformationList"]
    assert (shown["InstanceId"], shown["PlatformType"], shown["IamRole"]) == (node.id, "Linux", "nodes")
    told = fleet.becomes(fleet.send(node, "echo hello", "exit 3"), node, "Failed")
    assert (told["ResponseCode"], told["StandardOutputContent"]) == (3, "hello\n")
    node.kill()
    again = fleet.start()
    assert again.id == node.id
    assert fleet.becomes(fleet.send(again, "true"), again, "Success")["ResponseCode"] == 0
    registration = fleet.folder / "web" / "registration.json"
    assert registration.stat().st_mode & 0o077 == 0


def test_without_an_activation_nobody_is_registered(fleet):
    assert "--activation-id" in fleet.start("nobody").said
    assert "InvalidActivation" in fleet.start("nobody", "--activation-id", "0" * 36, "--activation-code", "x" * 20).said


def test_two_nodes_do_not_live_in_one_folder(fleet):
    assert fleet.register().id
    assert fleet.start().said.startswith("kumoniwa: another node lives in")


def test_a_script_goes_on_while_its_region_is_dark(fleet):
    """What was done is told when the region is back, and is not done again."""
    node, mark, go = fleet.register(), fleet.folder / "mark", fleet.folder / "go"
    id_ = fleet.send(node, f"echo x >> {mark}", f"while [ ! -e {go} ]; do sleep 0.05; done", f"cat {mark}")
    assert eventually(mark.exists, LONG_S)
    fleet.cloud.region("us-east-1", "kill")
    go.touch()
    replies = fleet.folder / "web" / "replies"
    assert eventually(lambda: len(list(replies.glob("*.json"))) == 2, LONG_S)
    fleet.cloud.region("us-east-1", "restart")
    assert fleet.becomes(id_, node, "Success")["StandardOutputContent"] == "x\n"
    assert fleet.becomes(fleet.send(node, f"cat {mark}"), node, "Success")["StandardOutputContent"] == "x\n"


def test_a_command_that_was_sent_before_a_kill_is_delivered_after_it(fleet):
    node = fleet.register()
    os.kill(node.process.pid, signal.SIGSTOP)
    id_ = fleet.send(node, "echo late")
    fleet.cloud.region("us-east-1", "kill")
    fleet.cloud.region("us-east-1", "restart")
    os.kill(node.process.pid, signal.SIGCONT)
    assert fleet.becomes(id_, node, "Success")["StandardOutputContent"] == "late\n"


def test_a_script_ends_with_its_node_and_is_run_again_by_the_next(fleet):
    node, pids = fleet.register(), fleet.folder / "pids"
    id_ = fleet.send(node, f"echo $$ >> {pids}", f"[ $(wc -l < {pids}) = 2 ] || sleep 600")
    assert eventually(lambda: pids.exists() and pids.read_text().endswith("\n"), LONG_S)
    node.kill()
    assert eventually(lambda: not is_alive(int(pids.read_text())), LONG_S)
    assert fleet.becomes(id_, fleet.start(), "Success")["ResponseCode"] == 0
    assert len(pids.read_text().splitlines()) == 2


def test_a_cancelled_script_is_ended(fleet):
    node, pid = fleet.register(), fleet.folder / "pid"
    id_ = fleet.send(node, f"echo $$ > {pid}", "echo begun", "sleep 600")
    assert eventually(lambda: pid.exists() and pid.read_text().endswith("\n"), LONG_S)
    fleet.ssm.cancel_command(CommandId=id_)
    told = fleet.becomes(id_, node, "Cancelled")
    assert (told["StatusDetails"], told["ResponseCode"], told["StandardOutputContent"]) == ("Cancelled", 137, "begun\n")
    assert not is_alive(int(pid.read_text()))


def test_a_node_that_is_deregistered_ends(fleet):
    node = fleet.register()
    fleet.becomes(fleet.send(node, "true"), node, "Success")
    fleet.ssm.deregister_managed_instance(InstanceId=node.id)
    # It does not wait for its poll to end: that would take twenty seconds.
    assert node.process.wait(15) == 1
