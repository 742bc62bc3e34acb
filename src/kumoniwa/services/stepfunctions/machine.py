"""What is kept of a state machine: its definition, who it is, and how it is reached by ARN."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record
from kumoniwa.languages.states_definition import Machine, read
from kumoniwa.languages.states_variables import references
from kumoniwa.services.stepfunctions.errors import (
    AccessDeniedException,
    InvalidArn,
    InvalidDefinition,
    InvalidName,
    StateMachineDoesNotExist,
)
from kumoniwa.store.rows import Table

SERVICE = "states.amazonaws.com"
OWN_KEY = {"type": "AWS_OWNED_KEY"}

DEFINITIONS = Table(
    "sfn_definition",
    "create table if not exists sfn_definition (id text primary key, text text) without rowid",
)
"""Texts of definitions by an id of ours. An execution goes by the one it began with, whatever becomes of its state machine."""


class StateMachine(Record):
    """Shelved by name."""

    name: str
    arn: str
    kind: str
    definition: str
    role: str
    created: float
    revision: str = ""
    """Empty until the first update: AWS shows none before."""
    modified: float = 0.0
    tags: dict[str, str] = {}
    logging: dict[str, Any] = {}
    is_traced: bool = False
    versions: int = 0
    """The highest number a version ever had."""

    @property
    def is_express(self) -> bool:
        return self.kind == "EXPRESS"


_BAD_NAME = re.compile(r"[\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]")


def check_name(name: str) -> None:
    if not name or len(name) > 80 or _BAD_NAME.search(name):
        raise InvalidName(f"Invalid Name: '{name}'")


def arn_of(call: Call, name: str) -> str:
    return call.arn(f"stateMachine:{name}", "states")


_ARN = re.compile(r"arn:[\w-]+:states:[\w-]+:\d{12}:(\w+):(.+)\Z", re.DOTALL)


def parsed_arn(arn: str, *kinds: str) -> str:
    """What stands behind the kind in an ARN of ours. Raises InvalidArn."""
    found = _ARN.match(arn)
    if found is None:
        raise InvalidArn(f"Invalid Arn: 'Invalid ARN prefix: {arn}'" if not arn.startswith("arn:") else f"Invalid Arn: '{arn}'")
    if found[1] not in kinds:
        raise InvalidArn(f"Invalid Arn: 'Resource type not valid in this context: {found[1]}'")
    return found[2]


def existing(call: Call, arn: str) -> StateMachine:
    """The state machine that an unqualified ARN names. Raises InvalidArn, StateMachineDoesNotExist."""
    name = parsed_arn(arn, "stateMachine")
    found = call.shelf(StateMachine).get(name)
    if found is None or found.arn != arn:
        raise StateMachineDoesNotExist(f"State Machine Does Not Exist: '{arn}'")
    return found


def keep_definition(call: Call, text: str) -> str:
    id_ = call.new_id()
    call.rows(DEFINITIONS).run("insert into sfn_definition values (?,?)", id_, text)
    return id_


def definition_text(call: Call, id_: str) -> str:
    return call.rows(DEFINITIONS).one("select text from sfn_definition where id = ?", id_)[0]


@lru_cache(maxsize=512)
def compiled(text: str, is_express: bool) -> Machine:
    """The machine of a text. Raises InvalidDefinition."""
    machine, wrong = read(text, is_express=is_express)
    if wrong:
        raise InvalidDefinition(f"Invalid State Machine Definition: '{', '.join(one.said() for one in wrong)}'")
    return machine


class Compiled:
    """The machines an account's executions run by, by the id of their definition."""

    def __init__(self) -> None:
        self.by_id: dict[str, Machine] = {}

    def of(self, call: Call, id_: str, is_express: bool) -> Machine:
        found = self.by_id.get(id_)
        if found is None:
            if len(self.by_id) > 1000:
                self.by_id.clear()
            found = self.by_id[id_] = compiled(definition_text(call, id_), is_express)
        return found


def check_role(call: Call, role: str, machine_arn: str) -> None:
    """The caller must be allowed to hand the role on, and the role must trust Step Functions."""
    if not role.startswith("arn:"):
        raise InvalidArn(f"Invalid Role Arn: '{role}'")
    call.require("iam:PassRole", role, **{"iam:PassedToService": SERVICE})
    if call.home.settings.iam != "enforce":
        return
    try:
        call.assuming(role, SERVICE, "stepfunctions", **{"aws:SourceArn": machine_arn})
    except AwsError as error:
        raise AccessDeniedException(
            f"Neither the global service principal {SERVICE}, nor the regional one is authorized to assume the provided role.",
            hint=error.hint,
        )


def shown(call: Call, machine: StateMachine) -> dict[str, Any]:
    """As DescribeStateMachine shows it."""
    answer = {
        "stateMachineArn": machine.arn,
        "name": machine.name,
        "status": "ACTIVE",
        "definition": definition_text(call, machine.definition),
        "roleArn": machine.role,
        "type": machine.kind,
        "creationDate": machine.created,
        "tracingConfiguration": {"enabled": machine.is_traced},
        "encryptionConfiguration": OWN_KEY,
    }
    read = references(call.memory(Compiled).of(call, machine.definition, machine.is_express))
    return answer | ({"revisionId": machine.revision} if machine.revision else {}) | ({"variableReferences": read} if read else {})
