"""What state machines cost: state transitions a minute on one core, and what a thousand waiting executions cost.

    python bench/states.py [--executions 2000]

CPU is that of Kumoniwa's process and all its living descendants, and includes what starting the executions over HTTP costs. Every
execution is asked for its outcome before a figure is printed.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import boto3
from stack import cpu_s

TRUST = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
ALLOW = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
WAITING = 1_000
WATCHED_S = 20.0


def chain(count):
    """So many Pass states, one after the other."""
    states = {
        f"S{number}": {"Type": "Pass", "Result": {"n": number}, "ResultPath": "$.r", "Next": f"S{number + 1}"} for number in range(count)
    }
    states[f"S{count}"] = {"Type": "Succeed"}
    return {"StartAt": "S0", "States": states}


def loop():
    """A Choice that is come to again and again, with arithmetic in between: what a polling loop does."""
    add = {"Type": "Pass", "Parameters": {"n.$": "States.MathAdd($.n, 1)"}, "Next": "C"}
    choice = {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericLessThan": 20, "Next": "A"}], "Default": "E"}
    return {"StartAt": "A", "States": {"A": add, "C": choice, "E": {"Type": "Succeed"}}}


def fan():
    """A Map over twenty items, two states for each."""
    inner = {"X": {"Type": "Pass", "Next": "Y"}, "Y": {"Type": "Pass", "End": True}}
    return {"StartAt": "M", "States": {"M": {"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": {"StartAt": "X", "States": inner}, "End": True}}}


def data():
    """JSONata: an Output and a variable in each of ten states."""
    states = {
        f"S{number}": {"Type": "Pass", "Assign": {"v": "{% $states.input.n %}"}, "Output": {"n": "{% $states.input.n + 1 %}"}, "Next": f"S{number + 1}"}
        for number in range(10)
    }
    states["S10"] = {"Type": "Succeed"}
    return {"QueryLanguage": "JSONata", "StartAt": "S0", "States": states}


WORKLOADS = {
    "ten Pass states": (chain(10), {}, 11),
    "a loop of Choice and Pass": (loop(), {"n": 0}, 41),
    "a Map over 20 items": (fan(), {"items": list(range(20))}, 41),
    "ten states in JSONata": (data(), {"n": 0}, 11),
}
"""The definition, the input, and how many states one execution enters."""


def clients(port):
    keys = {"region_name": "us-east-1", "aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return [boto3.client(name, endpoint_url=f"http://127.0.0.1:{port}", **keys) for name in ("stepfunctions", "iam")]


def ended(states, arns):
    """Wait until all have ended; raises if one did not succeed."""
    for arn in arns:
        while (found := states.describe_execution(executionArn=arn))["status"] == "RUNNING":
            time.sleep(0.05)
        if found["status"] != "SUCCEEDED":
            raise SystemExit(f"{arn}: {found['status']} {found.get('cause')}")


def measured(states, role, pid, name, count):
    definition, given, entered = WORKLOADS[name]
    machine = states.create_state_machine(name=name.replace(" ", "-"), definition=json.dumps(definition), roleArn=role)["stateMachineArn"]
    start = lambda _: states.start_execution(stateMachineArn=machine, input=json.dumps(given))["executionArn"]  # noqa: E731
    with ThreadPoolExecutor(8) as pool:
        ended(states, list(pool.map(start, range(50))))
        before = cpu_s(pid)
        arns = list(pool.map(start, range(count)))
        last = cpu_s(pid)
        ended(states, arns[-8:])
        spent = max(last, before) - before
    ended(states, arns)
    sample = states.get_execution_history(executionArn=arns[0], maxResults=1000)["events"]
    if sum(event["type"].endswith("StateEntered") for event in sample) != entered:
        raise SystemExit(f"{name}: other states were entered than were counted")
    each_us = spent / (count * entered) * 1e6
    print(f"{name:27} {each_us:6.1f} µs of CPU a transition, {60e6 / each_us:9,.0f} a minute of one core")


def waiting(states, role, pid):
    long = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 86_400, "End": True}}}
    machine = states.create_state_machine(name="long", definition=json.dumps(long), roleArn=role)["stateMachineArn"]

    def idle():
        time.sleep(1)
        before = cpu_s(pid)
        time.sleep(WATCHED_S)
        return (cpu_s(pid) - before) / WATCHED_S * 1e3

    alone = idle()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: states.start_execution(stateMachineArn=machine), range(WAITING)))
    print(f"{WAITING:,} executions that wait     {idle():6.2f} ms of CPU a second, {alone:.2f} without them")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--executions", type=int, default=2000)
    parser.add_argument("--port", type=int, default=4578)
    parser.add_argument("--only", default="", help="part of a workload's name")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "kumoniwa.cli.main", "up", "--port", str(arguments.port), "--data", folder]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            server.stdout.readline()
            states, iam = clients(arguments.port)
            role = iam.create_role(RoleName="states", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
            iam.put_role_policy(RoleName="states", PolicyName="all", PolicyDocument=json.dumps(ALLOW))
            time.sleep(0.5)
            for name in WORKLOADS:
                if arguments.only in name:
                    measured(states, role, server.pid, name, arguments.executions)
            if arguments.only in "waiting":
                waiting(states, role, server.pid)
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
