"""What is kept of a state machine: its definition, who it is, and how it is reached by ARN."""

from __future__ import annotations

import hashlib
import hmac
import re
from functools import lru_cache
from typing import Any

from kumoniwa.gate.key_chain import OPEN, Lock, link_of
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record
from kumoniwa.languages.states_definition import read
from kumoniwa.languages.states_machine import Machine
from kumoniwa.languages.states_variables import references
from kumoniwa.services.stepfunctions import encryption as encryptions
from kumoniwa.services.stepfunctions.encryption import SERVICE, Encryption
from kumoniwa.services.stepfunctions.errors import (
    AccessDeniedException,
    InvalidArn,
    InvalidDefinition,
    InvalidName,
    StateMachineDoesNotExist,
)
from kumoniwa.store.rows import Table

DEFINITIONS = Table(
    "sfn_definition",
    "create table if not exists sfn_definition (id text primary key, text text) without rowid",
)
"""Texts of definitions, or what they are sealed as, by an id of ours. An execution goes by the one it began with, whatever becomes of its state machine."""


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
    encryption: Encryption | None = None

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


def keep_definition(call: Call, machine: str, encryption: Encryption | None, text: str) -> str:
    """Its id. Of one that is sealed it follows from the text, so that two can be compared which the caller may not read."""
    id_ = call.new_id() if encryption is None else _sealed_id(call, encryption, text)
    held = encryptions.of_caller(call, machine, encryption).shut_text(text)
    call.rows(DEFINITIONS).run("insert or replace into sfn_definition values (?,?)", id_, held)
    return id_


def _sealed_id(call: Call, encryption: Encryption, text: str) -> str:
    return hmac.new(call.home.settings.seal, f"{encryption.key}\n{text}".encode(), hashlib.sha256).hexdigest()


def is_defined_by(call: Call, machine: StateMachine, text: str) -> bool:
    if machine.encryption is not None:
        return machine.definition == _sealed_id(call, machine.encryption, text)
    return definition_text(call, machine.definition, OPEN) == text


def definition_text(call: Call, id_: str, lock: Lock) -> str:
    return lock.open_text(_held(call, id_))


def definition_link(call: Call, id_: str) -> str:
    """The data key that a sealed definition lies under."""
    return link_of(_held(call, id_))


def _held(call: Call, id_: str) -> str | bytes:
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

    def of(self, call: Call, id_: str, is_express: bool, lock: Lock) -> Machine:
        found = self.by_id.get(id_)
        if found is None:
            if len(self.by_id) > 1000:
                self.by_id.clear()
            found = self.by_id[id_] = compiled(definition_text(call, id_, lock), is_express)
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


def shown(call: Call, machine: StateMachine, *, has_definition: bool) -> dict[str, Any]:
    """As DescribeStateMachine shows it; without its definition it needs no key."""
    answer = {
        "stateMachineArn": machine.arn,
        "name": machine.name,
        "status": "ACTIVE",
        "roleArn": machine.role,
        "type": machine.kind,
        "creationDate": machine.created,
        "tracingConfiguration": {"enabled": machine.is_traced},
        "encryptionConfiguration": encryptions.shown(machine.encryption),
    }
    answer |= {"revisionId": machine.revision} if machine.revision else {}
    lock = encryptions.of_caller(call, machine.arn, machine.encryption)
    return answer | defined(call, machine.definition, machine.is_express, lock, has_definition=has_definition)


def defined(call: Call, id_: str, is_express: bool, lock: Lock, *, has_definition: bool) -> dict[str, Any]:
    """What a definition says, and which variables its states read, as far as it is asked for."""
    if not has_definition and lock is not OPEN:
        return {}
    said = {"definition": definition_text(call, id_, lock)} if has_definition else {}
    read = references(call.memory(Compiled).of(call, id_, is_express, lock))
    return said | ({"variableReferences": read} if read else {})
