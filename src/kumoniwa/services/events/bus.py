"""Event buses: each account has the default one always, and others that it makes; a policy says who else may put events there."""

from __future__ import annotations

import json
from typing import Any

from kumoniwa.gate.key_chain import OPEN, Lock
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed
from kumoniwa.languages.policy import MalformedPolicyDocument, parse, statements_in
from kumoniwa.services.events import encryption
from kumoniwa.services.events.errors import (
    LimitExceededException,
    PolicyLengthExceededException,
    ResourceAlreadyExistsException,
    ResourceNotFoundException,
    ValidationException,
)
from kumoniwa.services.events.page import paged

DEFAULT = "default"
BUSES_MAX = 100
POLICY_BYTES_MAX = 10_240
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html


class Bus(Record):
    """Shelved by its name. The default bus is shelved once something of it was changed."""

    name: str
    created: float = 0.0
    modified: float = 0.0
    description: str | None = None
    statements: tuple[dict[str, Any], ...] = ()
    tags: dict[str, str] = {}
    key: str = ""
    """Of KMS, as it was told."""
    dead: str = ""
    """The queue for what a lost key keeps from the bus."""
    log: dict[str, str] = {}
    """What is logged of it, as it was told."""


def name_in(text: str | None) -> str:
    """The name of a bus in what a client calls it: a name, an ARN, or nothing for the default bus."""
    return text.rpartition("event-bus/")[2] if text else DEFAULT


def existing(call: Call, text: str | None) -> Bus:
    """Raises ResourceNotFoundException."""
    name = name_in(text)
    found = call.shelf(Bus).get(name)
    if found is None:
        if name != DEFAULT:
            raise ResourceNotFoundException(f"Event bus {name} does not exist.")
        return Bus(name=DEFAULT)
    return found


def is_there(home: Any, account: str, name: str) -> bool:
    return name == DEFAULT or name in home.store.shelf(account, Bus)


def arn_of(call: Call, name: str) -> str:
    return call.arn(f"event-bus/{name}")


def lock(call: Call, bus: Bus) -> Lock:
    return encryption.of_bus(call, arn_of(call, bus.name), bus.key) if bus.key else OPEN


def policy_of(call: Call, arn: str) -> str | None:
    bus = call.shelf(Bus).get(arn.partition(":event-bus/")[2])
    return _document(bus) if bus is not None and bus.statements else None


def _document(bus: Bus) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(bus.statements)}, separators=(",", ":"))


def shown(call: Call, bus: Bus) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "Name": bus.name,
        "Arn": arn_of(call, bus.name),
        "Description": bus.description,
        "KmsKeyIdentifier": bus.key or None,
        "DeadLetterConfig": {"Arn": bus.dead} if bus.dead else None,
        "LogConfig": bus.log or None,
        "Policy": _document(bus) if bus.statements else None,
        "CreationTime": bus.created or None,
        "LastModifiedTime": bus.modified or None,
    }
    return {name: value for name, value in shown.items() if value is not None}


def tags_of(tags: list[dict[str, str]] | None) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags or ()}


def dead_in(config: dict[str, str] | None) -> str:
    """The queue that a configuration names. Raises ValidationException."""
    dead = (config or {}).get("Arn", "")
    if dead:
        check_dead(dead)
    return dead


def check_dead(text: str) -> arns.Arn:
    """The queue where events are buried. Texts measured: https://github.com/badmintoncryer/cdk-preflight (pf-events-target-dlq)."""
    queue = arns.parse(text)
    if queue is None:
        raise ValidationException(f"Parameter {text} is not valid. Reason: Provided Arn is not in correct format.")
    if queue.service != "sqs":
        raise ValidationException(f"{queue.service} is not supported as a dead letter resource")
    if queue.resource.endswith(".fifo"):
        raise ValidationException("SQS FIFO is not supported by Dead Letter Queues")
    return queue


TOLD = ("Description", "KmsKeyIdentifier", "DeadLetterConfig", "LogConfig")


def CreateEventBus(
    call: Call, *, Name: str, Description: str | None = None, Tags: list[dict[str, str]] | None = None, KmsKeyIdentifier: str | None = None,
    DeadLetterConfig: dict[str, str] | None = None, LogConfig: dict[str, str] | None = None,
) -> Any:  # fmt: skip
    buses = call.shelf(Bus)
    if Name in buses or Name == DEFAULT:
        raise ResourceAlreadyExistsException(f"Event bus {Name} already exists.")
    if "/" in Name:
        raise ValidationException("Event bus name must not contain '/'.")
    if len(buses) >= BUSES_MAX:
        raise LimitExceededException
    bus = Bus(
        name=Name, created=call.now(), modified=call.now(), description=Description, tags=tags_of(Tags), key=KmsKeyIdentifier or "",
        dead=dead_in(DeadLetterConfig), log=LogConfig or {},
    )  # fmt: skip

    def create() -> dict:
        call.shelf(Bus)[Name] = bus
        return {"EventBusArn": arn_of(call, Name)} | {name: value for name, value in shown(call, bus).items() if name in TOLD}

    return encryption.proving(call, lock(call, bus), create) if bus.key else create()


def DescribeEventBus(call: Call, *, Name: str | None = None) -> dict:
    return shown(call, existing(call, Name))


def keep(call: Call, bus: Bus) -> Bus:
    """For the default bus time begins with its first change."""
    kept = call.shelf(Bus)[bus.name] = changed(bus, created=bus.created or call.now(), modified=call.now())
    return kept


def ListEventBuses(call: Call, *, NamePrefix: str | None = None, NextToken: str | None = None, Limit: int | None = None) -> dict:
    buses = {DEFAULT: Bus(name=DEFAULT), **call.shelf(Bus)}
    found = {name: bus for name, bus in buses.items() if name.startswith(NamePrefix or "")}
    return paged(found, NextToken, Limit, lambda bus: shown(call, bus), "EventBuses")


# Permissions ---------------------------------------------------------------------------------------


def PutPermission(
    call: Call, *, EventBusName: str | None = None, Action: str | None = None, Principal: str | None = None,
    StatementId: str | None = None, Condition: dict[str, str] | None = None, Policy: str | None = None,
) -> None:  # fmt: skip
    bus = existing(call, EventBusName)
    if Policy is not None:
        if Action or Principal or StatementId or Condition:
            raise ValidationException("Parameter Policy cannot be specified with Action, Principal, StatementId or Condition.")
        try:
            parse(Policy, "resource")
        except MalformedPolicyDocument as error:
            raise ValidationException("Parameter Policy is not valid.", hint=error.text)
        statements = tuple(statements_in(json.loads(Policy)))
    else:
        for name, value in (("Action", Action), ("Principal", Principal), ("StatementId", StatementId)):
            if value is None:
                raise ValidationException(f"Parameter {name} must be specified.")
        statement = _statement(call, bus, Action, Principal, StatementId, Condition)
        statements = (*(held for held in bus.statements if held.get("Sid") != StatementId), statement)
    bus = changed(bus, statements=statements)
    if len(_document(bus)) > POLICY_BYTES_MAX:
        raise PolicyLengthExceededException("The resource policy of the event bus is too long.")
    keep(call, bus)


def _statement(call: Call, bus: Bus, action: str, principal: str, sid: str, condition: dict[str, str] | None) -> dict[str, Any]:
    if principal != "*" and not (len(principal) == 12 and principal.isdecimal()):
        raise ValidationException("Parameter Principal is not valid.")
    if action != "events:PutEvents":
        # The text: moto's test_put_permission_errors.
        raise ValidationException("Provided value in parameter 'action' is not supported.")
    statement: dict[str, Any] = {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": "*" if principal == "*" else {"AWS": f"arn:{call.home.partition}:iam::{principal}:root"},
        "Action": action,
        "Resource": arn_of(call, bus.name),
    }
    if condition is not None:
        statement["Condition"] = {condition["Type"]: {condition["Key"]: condition["Value"]}}
    return statement


def RemovePermission(
    call: Call, *, StatementId: str | None = None, RemoveAllPermissions: bool | None = None, EventBusName: str | None = None
) -> None:
    bus = existing(call, EventBusName)
    kept = () if RemoveAllPermissions else tuple(each for each in bus.statements if each.get("Sid") != StatementId)
    if not RemoveAllPermissions and len(kept) == len(bus.statements):
        raise ResourceNotFoundException("Statement with the provided id does not exist.")
    keep(call, changed(bus, statements=kept))


def account_named(text: str | None) -> str | None:
    """The account of a bus that is called by its ARN."""
    parsed = arns.parse(text) if text else None
    return parsed.account if parsed is not None else None
