"""Rules: which events of a bus, or which times, and where to with them."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from kumoniwa.aws import endpoints
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.principal import Principal
from kumoniwa.kernel.record import Record, changed
from kumoniwa.languages import event_pattern, schedule_expression
from kumoniwa.services.events import bus as buses
from kumoniwa.services.events import encryption
from kumoniwa.services.events.errors import (
    InvalidEventPatternException,
    LimitExceededException,
    ManagedRuleException,
    ResourceNotFoundException,
    ValidationException,
)
from kumoniwa.store.rows import Table

PATTERN_BYTES_MAX = 2_048
"""Of the size AWS tells more than the model: cdk-preflight's pf-events-rule-pattern-size, which told no code."""
RULES_MAX = 300
"""Of one bus: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html"""
DUE = Table(
    "events_due",
    "create table if not exists events_due (rule text primary key, at real); create index if not exists events_due_at on events_due (at)",
)
"""When each rule with a schedule fires next."""
WAITING = ("events", "schedules")
OF_ARCHIVES = "prod.vhs.events.aws.internal"
"""Who manages the rules by which archives hear a bus: moto's verified test_archive_actual_events."""


WITH_READINGS = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
"""The state of a rule that hears of calls that only read, too."""


class Rule(Record):
    """Shelved by ``bus/name``."""

    name: str
    bus: str
    pattern: str | None = None
    schedule: str | None = None
    state: str = "ENABLED"
    description: str | None = None
    role: str | None = None
    creator: str = ""
    anchored: float = 0.0
    """From when a rate counts: when the rule was last put or enabled."""
    targets: dict[str, dict[str, Any]] = {}
    tags: dict[str, str] = {}
    sealed: bytes = b""
    """Its pattern and targets, where the bus has a key; of the targets the ids are left."""
    manager: str = ""
    """Who made it and alone may change it, if that is a service of AWS."""

    @property
    def key(self) -> str:
        return f"{self.bus}/{self.name}"

    @property
    def is_enabled(self) -> bool:
        return self.state != "DISABLED"


def arn_of(call: Call, rule: Rule) -> str:
    return call.arn(f"rule/{rule.name}" if rule.bus == buses.DEFAULT else f"rule/{rule.key}")


def existing(call: Call, name: str, bus: str | None) -> Rule:
    """Raises ResourceNotFoundException."""
    return opened(call, closed(call, name, bus))


def closed(call: Call, name: str, bus: str | None) -> Rule:
    """As it lies on its shelf. Raises ResourceNotFoundException."""
    bus = buses.name_in(bus)
    found = call.shelf(Rule).get(f"{bus}/{name}")
    if found is None:
        raise ResourceNotFoundException(f"Rule {name} does not exist on EventBus {bus}.")
    return found


def changeable(call: Call, name: str, bus: str | None, *, is_forced: bool = False) -> Rule:
    """The rule, for who wants to change it. A service's own is open to those who insist, where they may.
    https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_DeleteRule.html; no source states AWS's text."""
    found = existing(call, name, bus)
    if found.manager and not is_forced:
        raise ManagedRuleException(f"Rule {name} is managed by an AWS service and cannot be modified.")
    return found


_pack, _unpack = msgspec.msgpack.encode, msgspec.msgpack.decode


def opened(call: Call, rule: Rule) -> Rule:
    """With its pattern and targets. Raises ``data_key.Shut`` until the key of its bus is open."""
    if not rule.sealed:
        return rule
    pattern, targets = _unpack(buses.lock(call, buses.existing(call, rule.bus)).open(rule.sealed))
    return changed(rule, pattern=pattern, targets=targets, sealed=b"")


def keep(call: Call, rule: Rule, bus: buses.Bus) -> None:
    """Put an open rule on its shelf as its bus has it there."""
    if bus.key:
        sealed = buses.lock(call, bus).shut(_pack((rule.pattern, rule.targets)))
        rule = changed(rule, pattern=None, targets={id_: {} for id_ in rule.targets}, sealed=sealed)
    call.shelf(Rule)[rule.key] = rule


def open_of_bus(call: Call, bus: str) -> list[Rule]:
    return [opened(call, rule) for rule in of_bus(call, bus)]


def of_bus(call: Call, bus: str) -> list[Rule]:
    return [rule for rule in call.shelf(Rule).values() if rule.bus == bus]


class Destination(NamedTuple):
    """A target, and what a queue of this region is asked with that we ask in our own name; None where it is another one."""

    target: dict[str, Any]
    asked: dict[str, Any] | None


class Listener(NamedTuple):
    """An open rule, made ready for many events."""

    rule: Rule
    arn: str
    wants: event_pattern.Pattern | None
    """None, if it is asked about no event: what an archive's rule wants is kept by the archive itself."""
    destinations: tuple[Destination, ...]
    speaker: Principal
    """Who speaks to its targets in our own name."""


def listener(call: Call, rule: Rule) -> Listener:
    is_asked = rule.manager != OF_ARCHIVES and rule.pattern is not None and rule.targets and rule.is_enabled
    arn = arn_of(call, rule)
    destinations = tuple(Destination(target, _asked_at_once(call, target)) for target in rule.targets.values())
    return Listener(rule, arn, event_pattern.compile(rule.pattern) if is_asked else None, destinations, speaker(call, arn))


def speaker(call: Call, rule_arn: str) -> Principal:
    return principals.service(encryption.SERVICE, call.account, **{"aws:SourceArn": rule_arn, "aws:SourceAccount": call.account})


def _asked_at_once(call: Call, target: dict[str, Any]) -> dict[str, Any] | None:
    is_near = target["Arn"].startswith(f"arn:{call.home.partition}:sqs:{call.region}:") and not target.get("RoleArn")
    return for_queue(target, arns.parse(target["Arn"])) if is_near else None


def for_queue(target: dict[str, Any], queue: arns.Arn) -> dict[str, Any]:
    """What a queue is asked with beside the message. A FIFO queue must deduplicate by content: it is told no id.
    https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_Target.html"""
    return {"QueueUrl": endpoints.queue_url(queue.region, queue.account, queue.resource), **(target.get("SqsParameters") or {})}


def listeners(call: Call, bus: str) -> list[Listener]:
    """The rules of a bus without a key that are asked about its events."""
    return call.shelf(Rule).derived(_listeners, call).get(bus, [])


def _listeners(call: Call) -> dict[str, list[Listener]]:
    found: dict[str, list[Listener]] = {}
    for rule in call.shelf(Rule).values():
        if not rule.sealed and (made := listener(call, rule)).wants is not None:
            found.setdefault(rule.bus, []).append(made)
    return found


def may_want(call: Call, bus: str, source: str, kind: str) -> bool:
    """Whether one of these rules may want an event of a source and a kind, as remembered until a rule changes."""
    known = call.shelf(Rule).derived(_heads, call)
    found = known.get((bus, source, kind))
    if found is None:
        head = event_pattern.flat({"source": source, "detail-type": kind})
        found = known[bus, source, kind] = any(each.wants.may_match(head) for each in listeners(call, bus))
    return found


def _heads(call: Call) -> dict[tuple[str, str, str], bool]:
    return {}


def check_pattern(text: str) -> event_pattern.Pattern:
    try:
        return event_pattern.compile(text)
    except event_pattern.InvalidPattern as error:
        raise InvalidEventPatternException(f"Event pattern is not valid. Reason: {error}")


def PutRule(
    call: Call, *, Name: str, ScheduleExpression: str | None = None, EventPattern: str | None = None, State: str | None = None,
    Description: str | None = None, RoleArn: str | None = None, Tags: list[dict[str, str]] | None = None, EventBusName: str | None = None,
) -> dict:  # fmt: skip
    on = buses.existing(call, EventBusName)
    bus = on.name
    if on.key and EventPattern:
        call.confided = (EventPattern,)
    if not ScheduleExpression and not EventPattern:
        raise ValidationException("Parameter(s) EventPattern or ScheduleExpression must be specified.")
    if EventPattern:
        check_pattern(EventPattern)
        if len(EventPattern.encode()) > PATTERN_BYTES_MAX:
            raise LimitExceededException(f"Parameter EventPattern for rule {Name} exceeds limit of {PATTERN_BYTES_MAX}.")
    if ScheduleExpression:
        _check_schedule(ScheduleExpression, bus)
    if RoleArn:
        call.require("iam:PassRole", RoleArn, **{"iam:PassedToService": "events.amazonaws.com"})
    held = call.shelf(Rule).get(f"{bus}/{Name}")
    held = None if held is None else changeable(call, Name, bus)
    if held is None and len(of_bus(call, bus)) >= RULES_MAX:
        raise LimitExceededException
    # Tags are taken when a rule is made and ignored when it is put again, as the API's page says.
    rule = Rule(
        name=Name, bus=bus, pattern=EventPattern or None, schedule=ScheduleExpression or None, state=State or "ENABLED",
        description=Description, role=RoleArn, creator=held.creator if held else call.principal.account, anchored=call.now(),
        targets=held.targets if held else {}, tags=held.tags if held else buses.tags_of(Tags),
    )  # fmt: skip
    _keep(call, rule)
    return {"RuleArn": arn_of(call, rule)}


def _check_schedule(text: str, bus: str) -> None:
    if bus != buses.DEFAULT:
        raise ValidationException("ScheduleExpression is supported only on the default event bus.")
    try:
        schedule_expression.of_rule(text)
    except schedule_expression.InvalidExpression:
        raise ValidationException("Parameter ScheduleExpression is not valid.")


def _keep(call: Call, rule: Rule) -> None:
    """Put the rule on its shelf and see that its schedule fires."""
    keep(call, rule, buses.existing(call, rule.bus))
    rows = call.rows(DUE)
    rows.run("delete from events_due where rule = ?", rule.key)
    if rule.schedule is not None and rule.is_enabled:
        at = schedule_expression.of_rule(rule.schedule).after(call.now(), anchored=rule.anchored)
        if at is not None:
            rows.run("insert into events_due (rule, at) values (?, ?)", rule.key, at)
            call.after_commit(lambda: call.home.wake(WAITING))


def _shown(call: Call, rule: Rule) -> dict[str, Any]:
    shown = {
        "Name": rule.name,
        "Arn": arn_of(call, rule),
        "EventPattern": rule.pattern,
        "ScheduleExpression": rule.schedule,
        "State": rule.state,
        "Description": rule.description,
        "RoleArn": rule.role,
        "ManagedBy": rule.manager or None,
        "EventBusName": rule.bus,
    }
    return {name: value for name, value in shown.items() if value is not None}


def DescribeRule(call: Call, *, Name: str, EventBusName: str | None = None) -> dict:
    rule = existing(call, Name, EventBusName)
    return {**_shown(call, rule), "CreatedBy": rule.creator}


def ListRules(call: Call, *, NamePrefix: str | None = None, EventBusName: str | None = None) -> dict:
    bus = buses.existing(call, EventBusName).name
    found = sorted((rule for rule in open_of_bus(call, bus) if rule.name.startswith(NamePrefix or "")), key=lambda rule: rule.name)
    return {"Rules": [_shown(call, rule) for rule in found]}


def DeleteRule(call: Call, *, Name: str, EventBusName: str | None = None, Force: bool | None = None) -> None:
    """A rule that does not exist is deleted with success."""
    bus = buses.existing(call, EventBusName).name
    if f"{bus}/{Name}" not in call.shelf(Rule):
        return
    rule = changeable(call, Name, EventBusName, is_forced=bool(Force))
    if rule.targets:
        raise ValidationException("Rule can't be deleted since it has targets.")
    del call.shelf(Rule)[rule.key]
    call.rows(DUE).run("delete from events_due where rule = ?", rule.key)


def EnableRule(call: Call, *, Name: str, EventBusName: str | None = None) -> None:
    _keep(call, changed(changeable(call, Name, EventBusName), state="ENABLED", anchored=call.now()))


def DisableRule(call: Call, *, Name: str, EventBusName: str | None = None) -> None:
    _keep(call, changed(changeable(call, Name, EventBusName), state="DISABLED"))


def ListRuleNamesByTarget(call: Call, *, TargetArn: str, EventBusName: str | None = None) -> dict:
    bus = buses.existing(call, EventBusName).name
    return {
        "RuleNames": sorted(rule.name for rule in open_of_bus(call, bus) if any(each["Arn"] == TargetArn for each in rule.targets.values()))
    }


def UpdateEventBus(
    call: Call, *, Name: str | None = None, Description: str | None = None, KmsKeyIdentifier: str | None = None,
    DeadLetterConfig: dict[str, str] | None = None, LogConfig: dict[str, str] | None = None,
) -> Any:  # fmt: skip
    """What an update leaves out goes back to its default. What rules say is encrypted anew under the new key."""
    bus = changed(
        buses.existing(call, Name), description=Description, key=KmsKeyIdentifier or "", dead=buses.dead_in(DeadLetterConfig),
        log=LogConfig or {},
    )  # fmt: skip

    def update() -> dict:
        there = open_of_bus(call, bus.name)
        kept = buses.keep(call, bus)
        for rule in there:
            keep(call, rule, kept)
        return {name: value for name, value in buses.shown(call, kept).items() if name in ("Arn", "Name", *buses.TOLD)}

    return encryption.proving(call, buses.lock(call, bus), update) if bus.key else update()


def DeleteEventBus(call: Call, *, Name: str) -> None:
    """A bus that does not exist is deleted with success (recorded: test_describe_delete_not_existing_event_bus)."""
    name = buses.name_in(Name)
    if name == buses.DEFAULT:
        raise ValidationException("Cannot delete event bus default.")
    if of_bus(call, name):
        raise ValidationException("Event bus can't be deleted since it has rules.")
    call.shelf(buses.Bus).pop(name, None)
