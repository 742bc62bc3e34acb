"""Systems Manager: what a node makes of a command, in real shells.

Rules without another source are those of https://github.com/aws/amazon-ssm-agent, agent/framework/runpluginutil and agent/plugins/runscript.
"""

from __future__ import annotations

import json

import pytest
from lambda_workshop import put_role
from node_workshop import CORE, ROLE_ARN, TRUST, Agent, Fleet

from kumoniwa.cli.node import Agent as NodeProgram
from kumoniwa.cli.node_client import Silent
from kumoniwa.cli.node_command import Run

SAYS = "failed to run commands: exit status"
LEFT_OUT = "Further document steps will be skipped."


class Machine:
    """One node whose commands are run."""

    def __init__(self, cloud, folder, *more: str) -> None:
        self.fleet, self.folder = Fleet(cloud, "us-east-1", *more), folder
        self.node: Agent = self.fleet.node()

    def run(self, *steps: dict, parameters: dict | None = None, schema: str = "2.2", said: dict | None = None, **more) -> str:
        content = {"schemaVersion": schema, "parameters": parameters or {}, "mainSteps": list(steps)}
        name = f"doc{len(self.fleet.ssm.list_documents(Filters=[{'Key': 'Owner', 'Values': ['Self']}])['DocumentIdentifiers'])}"
        self.fleet.ssm.create_document(Name=name, Content=json.dumps(content), DocumentType="Command")
        return self.shell(DocumentName=name, Parameters=said or {}, **more)

    def shell(self, *lines: str, **more) -> str:
        id_ = self.fleet.send(self.node, commands=list(lines), **more)
        self.node.work(self.folder)
        return id_

    def told(self, id_: str, step: str | None = None) -> dict:
        return self.fleet.invocation(id_, self.node, **({"PluginName": step} if step else {}))

    def steps(self, id_: str) -> list[tuple[str, str, int]]:
        (shown,) = self.fleet.ssm.list_command_invocations(CommandId=id_, Details=True)["CommandInvocations"]
        return [(each["Name"], each["Status"], each["ResponseCode"]) for each in shown["CommandPlugins"]]


@pytest.fixture
def machine(cloud, tmp_path):
    return Machine(cloud, tmp_path)


def step(name: str, *lines: str, **more) -> dict:
    own = {key: more.pop(key) for key in ("action", "precondition") if key in more}
    return {"action": "aws:runShellScript", "name": name, "inputs": {"runCommand": list(lines), **more}, **own}


# One script ----------------------------------------------------------------------------------------


def test_a_script_runs_and_its_outputs_are_told(machine):
    id_ = machine.shell("echo one", "echo two >&2", "x=3", "echo $x")
    told = machine.told(id_)
    assert (told["Status"], told["ResponseCode"], told["StandardOutputContent"], told["StandardErrorContent"]) == ("Success", 0, "one\n3\n", "two\n")


def test_a_script_that_fails_says_with_what(machine):
    told = machine.told(machine.shell("echo before", "exit 7", "echo after"))
    assert (told["Status"], told["StatusDetails"], told["ResponseCode"]) == ("Failed", "Failed", 7)
    assert (told["StandardOutputContent"], told["StandardErrorContent"]) == ("before\n", f"{SAYS} 7")


def test_both_outputs_are_told_together(machine):
    id_ = machine.shell("echo out", "echo err >&2")
    (shown,) = machine.fleet.ssm.list_command_invocations(CommandId=id_, Details=True)["CommandInvocations"]
    assert shown["CommandPlugins"][0]["Output"] == "out\n\n----------ERROR-------\nerr\n"


@pytest.mark.parametrize(("out", "err"), [(3_000, 0), (3_000, 10), (10, 3_000), (3_000, 3_000)])
def test_what_is_told_together_is_cut(machine, out, err):
    id_ = machine.shell(f"head -c {out} /dev/zero | tr '\\0' o", f"head -c {err} /dev/zero | tr '\\0' e >&2")
    (shown,) = machine.fleet.ssm.list_command_invocations(CommandId=id_, Details=True)["CommandInvocations"]
    together = shown["CommandPlugins"][0]["Output"]
    assert len(together) <= 2_500 and "truncated---" in together


def test_long_outputs_say_that_they_are_cut(machine):
    told = machine.told(machine.shell("head -c 30000 /dev/zero | tr '\\0' x"))
    assert len(told["StandardOutputContent"]) == 24_000
    assert told["StandardOutputContent"].endswith("--output truncated--")


def test_a_script_knows_its_node_and_its_command(machine):
    id_ = machine.shell("echo $SSM_COMMAND_ID $AWS_SSM_INSTANCE_ID $AWS_SSM_REGION_NAME")
    assert machine.told(id_)["StandardOutputContent"] == f"{id_} {machine.node.id} us-east-1\n"


def test_a_script_runs_where_it_is_told_to(machine):
    id_ = machine.fleet.send(machine.node, Parameters={"commands": ["pwd"], "workingDirectory": [str(machine.folder)]})
    machine.node.work(machine.folder)
    assert machine.told(id_)["StandardOutputContent"] == f"{machine.folder}\n"
    id_ = machine.fleet.send(machine.node, Parameters={"commands": ["pwd"], "workingDirectory": ["/there/is/no/such"]})
    machine.node.work(machine.folder)
    told = machine.told(id_)
    assert told["Status"] == "Failed" and "/there/is/no/such" in told["StandardErrorContent"]


def test_another_interpreter_is_named_in_the_first_line(machine):
    assert machine.told(machine.shell("#!/bin/cat", "words"))["StandardOutputContent"] == "#!/bin/cat\nwords\n"


def test_a_script_that_takes_too_long_is_ended_with_all_that_it_started(machine):
    mark = machine.folder / "mark"
    id_ = machine.run(step("slow", f"(sleep 6; touch {mark}) &", "echo begun", "sleep 60", timeoutSeconds="5"))
    told = machine.told(id_)
    assert (told["Status"], told["StatusDetails"], told["ResponseCode"], told["StandardOutputContent"]) == (
        "TimedOut", "ExecutionTimedOut", 137, "begun\n",
    )  # fmt: skip
    assert machine.told(machine.shell(f"sleep 1.5; ls {mark} 2>&1 || echo gone"))["StandardOutputContent"].endswith("gone\n")


def test_what_a_script_leaves_running_stays(machine):
    """A service that it restarts, say."""
    left = machine.folder / "pid"
    machine.shell(f"nohup sleep 60 >/dev/null 2>&1 & echo $! > {left}")
    assert machine.told(machine.shell(f"kill $(cat {left}) && echo ended"))["StandardOutputContent"] == "ended\n"


# Parameters ----------------------------------------------------------------------------------------


def test_parameters_stand_where_braces_name_them(machine):
    parameters = {
        "Word": {"type": "String", "default": "none"}, "Lines": {"type": "StringList", "default": ["echo default"]},
        "Count": {"type": "Integer", "default": 1}, "Flag": {"type": "Boolean", "default": False},
    }  # fmt: skip
    one = step("alpha", "echo {{ Word }} {{Count}} {{ Flag }} {{ Other }}", "echo '{{ Lines }}'")
    two = {"action": "aws:runShellScript", "name": "beta", "inputs": {"runCommand": "{{ Lines }}"}}
    id_ = machine.run(one, two, parameters=parameters, said={"Word": ["a b"], "Lines": ["echo 1", "echo 2"], "Count": ["7"], "Flag": ["true"]})
    assert machine.told(id_, "alpha")["StandardOutputContent"] == 'a b 7 true {{ Other }}\n["echo 1", "echo 2"]\n'
    assert machine.told(id_, "beta")["StandardOutputContent"] == "1\n2\n"
    id_ = machine.run(one, two, parameters=parameters)
    assert machine.told(id_, "alpha")["StandardOutputContent"] == 'none 1 false {{ Other }}\n["echo default"]\n'


def test_a_script_that_is_no_list_of_texts_fails(machine):
    id_ = machine.run({"action": "aws:runShellScript", "name": "text", "inputs": {"runCommand": "echo x"}})
    told = machine.told(id_)
    assert told["Status"] == "Failed" and told["StandardErrorContent"].startswith("Invalid format in plugin properties")


def test_parameters_of_the_store_are_read_as_the_nodes_role(cloud, tmp_path):
    machine = Machine(cloud, tmp_path, "ssm:GetParameters")
    ssm = machine.fleet.ssm
    ssm.put_parameter(Name="/shop/word", Value='say "hello"', Type="String")
    ssm.put_parameter(Name="secret", Value="hush", Type="SecureString")
    assert machine.told(machine.shell("echo '{{ssm:/shop/word}}' {{ ssm:/shop/word:1 }}"))["StandardOutputContent"] == 'say "hello" say hello\n'
    for name in ("secret", "none"):
        told = machine.told(machine.shell(f"echo {{{{ssm:{name}}}}}"))
        assert told["Status"] == "Failed" and name in told["StandardErrorContent"] and "hush" not in str(told)


def test_a_role_that_may_not_read_parameters_runs_no_script_with_them(machine):
    machine.fleet.ssm.put_parameter(Name="word", Value="x", Type="String")
    told = machine.told(machine.shell("echo {{ssm:word}}"))
    assert told["Status"] == "Failed" and "AccessDenied" in told["StandardErrorContent"]


# Several steps -------------------------------------------------------------------------------------


def test_a_step_that_fails_does_not_stop_the_next(machine):
    id_ = machine.run(step("alpha", "exit 1"), step("beta", "echo two"))
    assert machine.steps(id_) == [("alpha", "Failed", 1), ("beta", "Success", 0)]
    assert machine.fleet.status(id_) == ("Failed", "Failed")


def test_a_step_may_end_the_document_when_it_fails(machine):
    id_ = machine.run(step("alpha", "exit 3", onFailure="exit"), step("beta", "echo two"), step("last", "echo last", finallyStep=True))
    assert machine.steps(id_) == [("alpha", "Failed", 3), ("beta", "Success", 0), ("last", "Success", 0)]
    assert LEFT_OUT in machine.told(id_, "alpha")["StandardOutputContent"]
    assert machine.told(id_, "beta")["StandardOutputContent"] == ""
    assert machine.told(id_, "last")["StandardOutputContent"] == "last\n"
    assert machine.fleet.status(id_) == ("Failed", "Failed")


def test_a_failure_may_be_a_success_that_ends_the_document(machine):
    id_ = machine.run(step("alpha", "exit 3", onFailure="successAndExit"), step("beta", "echo two"))
    assert machine.steps(id_) == [("alpha", "Success", 168), ("beta", "Success", 0)]
    assert machine.told(id_, "beta")["StandardOutputContent"] == ""
    assert machine.fleet.status(id_) == ("Success", "Success")


def test_a_success_may_end_the_document(machine):
    id_ = machine.run(step("alpha", "true", onSuccess="exit"), step("beta", "echo two"))
    assert machine.told(id_, "beta")["StandardOutputContent"] == ""


@pytest.mark.parametrize(("code", "status"), [(168, "Success"), (169, "Failed")])
def test_exit_codes_end_the_document(machine, code, status):
    id_ = machine.run(step("alpha", f"exit {code}"), step("beta", "echo two"))
    assert machine.steps(id_) == [("alpha", status, code), ("beta", "Success", 0)]
    assert machine.told(id_, "beta")["StandardOutputContent"] == ""
    assert machine.fleet.status(id_)[0] == status


def test_a_reboot_is_not_done_and_not_said_to_be_done(machine):
    told = machine.told(machine.run(step("alpha", "exit 194")))
    assert (told["Status"], told["ResponseCode"]) == ("Failed", 194)
    assert "does not reboot" in told["StandardErrorContent"]


@pytest.mark.parametrize(
    ("precondition", "status", "runs"),
    [
        ({"StringEquals": ["platformType", "Linux"]}, "Success", True),
        ({"StringEquals": ["linux", "platformType"]}, "Success", True),
        ({"StringEquals": ["platformType", "Windows"]}, "Success", False),
        ({"StringEquals": ["{{ Kind }}", "web"]}, "Success", True),
        ({"StringEquals": ["{{ Kind }}", "data"]}, "Success", False),
        ({"StringEquals": ["web", "data"]}, "Failed", False),
        ({"StringEquals": ["web"]}, "Failed", False),
        ({"StringEquals": ["platformType", "platformType"]}, "Failed", False),
        ({"StringLike": ["platformType", "Linux"]}, "Failed", False),
    ],
)
def test_a_step_is_run_if_its_precondition_holds(machine, precondition, status, runs):
    id_ = machine.run(step("alpha", "echo one", precondition=precondition), parameters={"Kind": {"type": "String", "default": "web"}})
    told = machine.told(id_)
    assert (told["Status"], told["StandardOutputContent"]) == (status, "one\n" if runs else "")


def test_a_step_for_another_platform_is_left_out(machine):
    windows = step("windows", "dir", action="aws:runPowerShellScript", precondition={"StringEquals": ["platformType", "Windows"]})
    id_ = machine.run(windows, step("linux", "echo linux"))
    assert machine.steps(id_) == [("windows", "Success", 0), ("linux", "Success", 0)]


def test_preconditions_came_with_the_schema_2_2(machine):
    told = machine.told(machine.run(step("alpha", "true", precondition={"StringEquals": ["platformType", "Linux"]}), schema="2.0"))
    assert told["Status"] == "Failed"


# Where outputs go ----------------------------------------------------------------------------------


def test_outputs_are_put_into_the_bucket_as_the_nodes_role(cloud, tmp_path):
    machine = Machine(cloud, tmp_path, "s3:PutObject")
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="outputs")
    id_ = machine.shell("echo out", "echo err >&2", OutputS3BucketName="outputs", OutputS3KeyPrefix="runs")
    base = f"runs/{id_}/{machine.node.id}/awsrunShellScript/0.awsrunShellScript"
    held = {each["Key"]: s3.get_object(Bucket="outputs", Key=each["Key"])["Body"].read() for each in s3.list_objects_v2(Bucket="outputs")["Contents"]}
    assert held == {f"{base}/stdout": b"out\n", f"{base}/stderr": b"err\n"}
    told = machine.told(id_)
    assert told["StandardOutputUrl"] == f"https://s3.us-east-1.amazonaws.com/outputs/{base}/stdout"
    id_ = machine.run(step("first", "echo 1"), step("second", "true"), OutputS3BucketName="outputs")
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket="outputs", Prefix=id_)["Contents"]]
    assert keys == [f"{id_}/{machine.node.id}/awsrunShellScript/first/stdout"]


def test_a_bucket_may_be_in_another_region(make_cloud, tmp_path):
    cloud = make_cloud("us-east-1", "eu-west-1", "aws-global")
    machine = Machine(cloud, tmp_path, "s3:PutObject")
    s3 = cloud.client("s3", "eu-west-1")
    s3.create_bucket(Bucket="afar", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    id_ = machine.shell("echo out", OutputS3BucketName="afar")
    (held,) = s3.list_objects_v2(Bucket="afar", Prefix=id_)["Contents"]
    assert held["Size"] == 4


def test_what_the_role_may_not_write_fails_no_command(machine, capsys):
    s3 = machine.fleet.cloud.client("s3")
    s3.create_bucket(Bucket="outputs")
    id_ = machine.shell("echo out", OutputS3BucketName="outputs")
    assert machine.told(id_)["Status"] == "Success"
    assert s3.list_objects_v2(Bucket="outputs")["KeyCount"] == 0
    assert "AccessDenied" in capsys.readouterr().out


def test_outputs_are_logged(cloud, tmp_path):
    machine = Machine(cloud, tmp_path, "logs:*")
    logs = cloud.client("logs")
    id_ = machine.shell("echo one", "echo two", "echo err >&2", CloudWatchOutputConfig={"CloudWatchOutputEnabled": True})
    stream = f"{id_}/{machine.node.id}/aws-runShellScript"
    streams = [each["logStreamName"] for each in logs.describe_log_streams(logGroupName="/aws/ssm/AWS-RunShellScript")["logStreams"]]
    assert sorted(streams) == [f"{stream}/stderr", f"{stream}/stdout"]
    events = logs.get_log_events(logGroupName="/aws/ssm/AWS-RunShellScript", logStreamName=f"{stream}/stdout", startFromHead=True)["events"]
    assert [each["message"] for each in events] == ["one", "two"]
    id_ = machine.shell("echo x", CloudWatchOutputConfig={"CloudWatchOutputEnabled": True, "CloudWatchLogGroupName": "mine"})
    assert logs.describe_log_streams(logGroupName="mine")["logStreams"]
    assert machine.told(id_)["CloudWatchOutputConfig"] == {"CloudWatchOutputEnabled": True, "CloudWatchLogGroupName": "mine"}


class Ended(Exception):
    """The node, before it could say anything."""


def ending(_: dict) -> None:
    raise Ended


def test_a_node_that_was_ended_goes_on_after_the_step_that_it_had_done(machine):
    """The same folder, as another process finds it."""
    count = machine.folder / "count"
    content = {"schemaVersion": "2.2", "mainSteps": [step("alpha", f"echo x >> {count}"), step("beta", f"cat {count}")]}
    machine.fleet.ssm.create_document(Name="doc", Content=json.dumps(content), DocumentType="Command")
    id_ = machine.fleet.send(machine.node, DocumentName="doc", Parameters={})
    place, command, say = machine.node.begun(machine.folder)
    with pytest.raises(Ended):
        Run(machine.node, place, command, ending).go()
    Run(machine.node, place, command, say).go()
    assert machine.told(id_, "beta")["StandardOutputContent"] == "x\n"
    assert machine.fleet.status(id_) == ("Success", "Success")


# The program ---------------------------------------------------------------------------------------


class AtOnce:
    """A worker that is done before anybody else has his turn."""

    def submit(self, act, *args) -> None:
        act(*args)


class Cut:
    """A line to the cloud on which an answer is lost: what was asked is done, and who asked does not hear of it."""

    def __init__(self, node: Agent, operation: str) -> None:
        self.send, self.operation = node.send, operation
        node.send = self

    def __call__(self, request):
        answer = self.send(request)
        if request.headers["x-amz-target"].endswith(self.operation) and self.operation:
            self.operation = ""
            raise Silent
        return answer


def program(machine) -> NodeProgram:
    return NodeProgram(machine.node, machine.folder, AtOnce())


def said_all(node: NodeProgram) -> None:
    while node.replies.first() is not None:
        node.replies.send_first()


def test_a_command_whose_acknowledgment_was_not_answered_is_run_nevertheless(machine):
    node, id_ = program(machine), machine.fleet.send(machine.node, commands=["echo run"])
    Cut(machine.node, "AcknowledgeMessage")
    with pytest.raises(Silent):
        node.poll()
    node.poll()
    said_all(node)
    assert machine.told(id_)["StandardOutputContent"] == "run\n"


def test_a_command_that_comes_twice_is_run_once(machine):
    count = machine.folder / "count"
    node, id_ = program(machine), machine.fleet.send(machine.node, commands=[f"echo x >> {count}"])
    Cut(machine.node, "GetMessages")
    with pytest.raises(Silent):
        node.poll()
    node.poll()
    node.poll()
    said_all(node)
    assert count.read_text() == "x\n"
    assert machine.fleet.status(id_) == ("Success", "Success")


def test_a_reply_whose_answer_was_lost_is_said_again(machine):
    node, id_ = program(machine), machine.fleet.send(machine.node, commands=["echo run"])
    node.poll()
    Cut(machine.node, "SendReply")
    assert not node.replies.send_first()
    said_all(node)
    assert machine.fleet.status(id_) == ("Success", "Success")


def test_a_reply_that_is_refused_is_said_until_it_is_let_in(machine):
    node, id_ = program(machine), machine.fleet.send(machine.node, commands=["echo run"])
    node.poll()
    put_role(machine.fleet.cloud, trust=TRUST, arn=ROLE_ARN)
    assert not node.replies.send_first()
    put_role(machine.fleet.cloud, *CORE, trust=TRUST, arn=ROLE_ARN)
    said_all(node)
    assert machine.fleet.status(id_) == ("Success", "Success")


def test_a_reply_that_nobody_wants_is_given_up(machine):
    node, id_ = program(machine), machine.fleet.send(machine.node, commands=["echo run"])
    node.poll()
    put_role(machine.fleet.cloud, trust=TRUST, arn=ROLE_ARN)
    machine.fleet.cloud.sleep(7_200)
    said_all(node)
    assert machine.fleet.details(id_) == ["DeliveryTimedOut"]


def test_long_outputs_are_logged_whole(cloud, tmp_path):
    machine = Machine(cloud, tmp_path, "logs:*")
    id_ = machine.shell("seq 12000", "head -c 120000 /dev/zero | tr '\\0' x", CloudWatchOutputConfig={"CloudWatchOutputEnabled": True})
    assert machine.told(id_)["Status"] == "Success"
    paginator = cloud.client("logs").get_paginator("filter_log_events")
    found = [each["message"] for page in paginator.paginate(logGroupName="/aws/ssm/AWS-RunShellScript") for each in page["events"]]
    assert len(found) == 12_003 and found[11_999] == "12000" and sum(map(len, found[12_000:])) == 120_000
