"""State machines for tests: made, run to their end, and their histories read in one line each."""

from __future__ import annotations

import json

from lambda_workshop import ACCOUNT, put_role

ROLE = f"arn:aws:iam::{ACCOUNT}:role/states"
TRUST = json.dumps({"Statement": {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}})


def make(cloud, states: dict, *, name: str = "m", kind: str = "STANDARD", actions: tuple[str, ...] = ("*",), **more) -> str:
    """A state machine that starts at the first of its states; answers its ARN."""
    put_role(cloud, *actions, trust=TRUST, arn=ROLE)
    definition = {"StartAt": next(iter(states)), "States": states, **more}
    made = cloud.client("stepfunctions").create_state_machine(name=name, definition=json.dumps(definition), roleArn=ROLE, type=kind)
    return made["stateMachineArn"]


def start(cloud, arn: str, data=None, **more) -> str:
    return cloud.client("stepfunctions").start_execution(stateMachineArn=arn, input=json.dumps({} if data is None else data), **more)["executionArn"]


def told(cloud, execution: str) -> dict:
    return cloud.client("stepfunctions").describe_execution(executionArn=execution)


def run(cloud, states: dict, data=None, *, seconds: float = 1.0, name: str = "m", **more) -> dict:
    """What became of an execution after some time, with its output read."""
    execution = start(cloud, make(cloud, states, name=name, **more), data)
    cloud.sleep(seconds)
    found = told(cloud, execution)
    if "output" in found:
        found["output"] = json.loads(found["output"])
    return found


def events(cloud, execution: str) -> list[tuple[int, int, str]]:
    """The history as (number, number of the event before it, type)."""
    found = cloud.client("stepfunctions").get_execution_history(executionArn=execution)["events"]
    return [(event["id"], event["previousEventId"], event["type"]) for event in found]


def types(cloud, execution: str) -> list[str]:
    return [type_ for _, _, type_ in events(cloud, execution)]
