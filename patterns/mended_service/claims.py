"""What the pattern claims: a service that dies on a machine outside AWS is restarted there by a runbook, and its metric recovers."""

import contextlib
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from stage import KUMONIWA, holds, seconds, until

STACK, TAG = "mended-service", {"Key": "Service", "Value": "web"}
MENDED_WITHIN_S = 90


class Service:
    """The service as its machine knows it: a port, and a file with the number of its process."""

    def __init__(self, folder, endpoint):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.pid_file = Path(folder) / "pid"
        program = shlex.join([sys.executable, str(Path(__file__).with_name("service.py")), str(self.port), endpoint])
        self.restart = f"nohup {program} >/dev/null 2>&1 & echo $! > {shlex.quote(str(self.pid_file))}; echo restarted"

    def answers(self):
        with contextlib.suppress(urllib.error.URLError, OSError):
            return urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=5).read() == b"open"
        return False

    def dies(self):
        """Answers when, after it has."""
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            os.kill(int(self.pid_file.read_text()), signal.SIGKILL)
        until(lambda: not self.answers())
        return time.monotonic()


@contextlib.contextmanager
def a_machine(cloud, folder, role):
    """A node that is registered by an activation, for as long as the block lasts; gives its id."""
    made = cloud.client("ssm").create_activation(IamRole=role, DefaultInstanceName="web", Tags=[TAG])
    words = ["--activation-id", made["ActivationId"], "--activation-code", made["ActivationCode"], "--endpoint", cloud.endpoint, "--folder", str(folder)]
    process = subprocess.Popen([*KUMONIWA, "node", *words], stdout=subprocess.PIPE, text=True)
    try:
        yield re.match(r"mi-[0-9a-f]{17}", process.stdout.readline())[0]
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def online(cloud, node):
    found = cloud.client("ssm").describe_instance_information(Filters=[{"Key": "InstanceIds", "Values": [node]}])["InstanceInformationList"]
    return bool(found) and found[0]["PingStatus"] == "Online"


def state(cloud, alarm):
    return cloud.client("cloudwatch").describe_alarms(AlarmNames=[alarm])["MetricAlarms"][0]["StateValue"]


def runs(cloud, runbook):
    """Its executions, the newest first."""
    chosen = [{"Key": "DocumentNamePrefix", "Values": [runbook]}]
    return cloud.client("ssm").describe_automation_executions(Filters=chosen)["AutomationExecutionMetadataList"]


def show(cloud):
    with tempfile.TemporaryDirectory(prefix="kumoniwa-machine-") as folder:
        service = Service(folder, cloud.endpoint)
        # Before its alarm is there, which takes silence for a failure.
        subprocess.run(["sh", "-c", service.restart], check=True, stdout=subprocess.DEVNULL)
        until(service.answers)
        made = cloud.deploy(Path(__file__).with_name("template.yaml"), STACK, parameters={"Restart": service.restart})
        with a_machine(cloud, Path(folder) / "node", made["Role"]) as node:
            try:
                _shown(cloud, made, service, node)
            finally:
                service.dies()
        cloud.client("ssm").deregister_managed_instance(InstanceId=node)
        cloud.client("cloudformation").delete_stack(StackName=STACK)


def _shown(cloud, made, service, node):
    took = until(lambda: online(cloud, node))
    holds("a machine outside AWS is a managed node", took is not None, f"{node}, {seconds(took)}")
    until(lambda: state(cloud, made["Alarm"]) == "OK", MENDED_WITHIN_S)
    is_left_alone = state(cloud, made["Alarm"]) == "OK" and not runs(cloud, made["Runbook"])
    holds("a service that is well is left alone", is_left_alone and service.answers(), state(cloud, made["Alarm"]))
    died = service.dies()
    if cloud.is_short:
        cloud.kill_and_restart()
    took = until(lambda: runs(cloud, made["Runbook"]), MENDED_WITHIN_S)
    holds("a service that dies begins a runbook, by its alarm and a rule", took is not None, seconds(took))
    until(service.answers, MENDED_WITHIN_S)
    holds("which restarts it on its machine", service.answers(), seconds(time.monotonic() - died))
    until(lambda: state(cloud, made["Alarm"]) == "OK", MENDED_WITHIN_S)
    holds("its metric recovers", state(cloud, made["Alarm"]) == "OK", seconds(time.monotonic() - died))
    until(lambda: runs(cloud, made["Runbook"])[0]["AutomationExecutionStatus"] == "Success")
    run = cloud.client("ssm").get_automation_execution(AutomationExecutionId=runs(cloud, made["Runbook"])[0]["AutomationExecutionId"])
    steps = [(each["StepName"], each["StepStatus"]) for each in run["AutomationExecution"]["StepExecutions"]]
    holds("and the runbook ends when it has", steps == [("restart", "Success"), ("recovered", "Success")], ", ".join(name for name, _ in steps))
    command = cloud.client("ssm").list_commands(InstanceId=node)["Commands"][0]
    told = cloud.client("ssm").get_command_invocation(CommandId=command["CommandId"], InstanceId=node)
    holds("what the machine said is known", told["StandardOutputContent"] == "restarted\n", told["StatusDetails"])
    if not cloud.is_short:
        died = service.dies()
        cloud.kill_and_restart()
        until(service.answers, MENDED_WITHIN_S)
    holds("a region that is killed meanwhile mends it, too", service.answers(), seconds(time.monotonic() - died))
