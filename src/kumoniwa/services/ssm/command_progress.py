"""How commands come on: which nodes have their turn, what each has said, what came too late, and what all of it amounts to.

Messages to nodes are rows, so what was promised is delivered though the region be killed; each row leaves when its node has taken it and
has said how it ended.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.turns import Turns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.services.ssm import command_notice
from kumoniwa.services.ssm.command import (
    ENDED,
    ERRORS,
    KEPT_S,
    NOT_YET,
    OUTPUTS,
    STDERR_MAX,
    STDOUT_MAX,
    Command,
    Invocation,
    Plugin,
    invocations_of,
    share,
)
from kumoniwa.services.ssm.errors import SERVICE
from kumoniwa.store.rows import Table
from kumoniwa.wire import timestamps

MESSAGES = Table(
    "ssm_message",
    """create table if not exists ssm_message (id text primary key, node text, command text, topic text, created real, visible real, taken integer);
       create index if not exists ssm_message_node on ssm_message (node, created);
       create index if not exists ssm_message_command on ssm_message (command)""",
)
SEND, CANCEL = "aws.ssm.sendCommand", "aws.ssm.cancelCommand"
TURNS = Turns("ssm", SERVICE, "ssm_command_due")
"""Of commands that have not ended: when the next of their deadlines is."""
_OF_AGENTS = {
    "Success": ("Success", "Success"), "Failed": ("Failed", "Failed"), "TimedOut": ("TimedOut", "ExecutionTimedOut"),
    "Cancelled": ("Cancelled", "Cancelled"), "Skipped": ("Success", "Success"), "NotStarted": ("Pending", "Pending"),
}  # fmt: skip
"""What an agent calls a result. All else has not ended."""
_UNDER_WAY = ("InProgress", "InProgress")


def inbox_key(node: str) -> tuple[str, str]:
    return ("messages", node)


def message_id(command: str, node: str) -> str:
    return f"aws.ssm.{command}.{node}"


def _post(call: Call, topic: str, id_: str, invocation: Invocation) -> None:
    call.rows(MESSAGES).run(
        "insert or ignore into ssm_message values (?, ?, ?, ?, ?, 0, 0)", message_id(id_, invocation.node), invocation.node, invocation.command,
        topic, call.now(),
    )  # fmt: skip
    call.after_commit(lambda: call.wake(*inbox_key(invocation.node)))


# One node ------------------------------------------------------------------------------------------


def _become(call: Call, command: Command, before: Invocation, **more: Any) -> Invocation:
    """Keep an invocation as it is now, and tell whoever wants to know if its status is another one."""
    after = changed(before, **more)
    call.shelf(Invocation)[after.key] = after
    if after.status != before.status:
        command_notice.tell_invocation(call, command, after)
    return after


def _end(call: Call, command: Command, invocation: Invocation, status: str, details: str) -> None:
    """What no node has said, its plugins share."""
    plugins = tuple(changed(each, status=status, details=details) if each.code == NOT_YET else each for each in invocation.plugins)
    _become(call, command, invocation, status=status, details=details, ended=call.now(), plugins=plugins)
    call.rows(MESSAGES).run("delete from ssm_message where command = ? and node = ?", command.id, invocation.node)


def delivered(call: Call, invocation: Invocation) -> None:
    """A node has taken its command, and begins."""
    if invocation.ended is None and not invocation.is_delivered:
        command = call.shelf(Command)[invocation.command]
        is_cancelling = invocation.status == "Cancelling"
        began = {} if is_cancelling else {"status": "InProgress", "details": "InProgress"}
        _become(call, command, invocation, is_delivered=True, **began)


def recall(call: Call, invocation: Invocation) -> None:
    """A node has taken what was cancelled, or came too late, while it was on its way: it is told to stop."""
    _post(call, CANCEL, call.new_id(), invocation)


def replied(call: Call, invocation: Invocation, reply: dict[str, Any]) -> None:
    """What a node says of a command's steps and of the whole. Of what has ended only the steps are heard of which nothing was: an agent
    that could not reach the region says again later what it had to say."""
    command = call.shelf(Command)[invocation.command]
    said = reply.get("runtimeStatus")
    if invocation.ended is not None:
        late = tuple(_heard(call, command, invocation, each, said) if each.code == NOT_YET else each for each in invocation.plugins)
        call.shelf(Invocation)[invocation.key] = changed(invocation, plugins=late)
        return
    delivered(call, invocation)
    invocation = call.shelf(Invocation)[invocation.key]
    plugins = tuple(_heard(call, command, invocation, each, said) for each in invocation.plugins)
    trace = reply.get("documentTraceOutput")
    invocation = _become(call, command, invocation, plugins=plugins, trace=trace if isinstance(trace, str) and trace else invocation.trace)
    status, details = _OF_AGENTS.get(str(reply.get("documentStatus")), _UNDER_WAY)
    if status in ENDED:
        _end(call, command, invocation, status, details)
    advance(call, command.id)


def _heard(call: Call, command: Command, invocation: Invocation, plugin: Plugin, said: Any) -> Plugin:
    told = said.get(plugin.name) if isinstance(said, dict) else None
    if not isinstance(told, dict):
        return plugin
    texts = {name: value for name, value in told.items() if isinstance(value, str)}
    status, details = _OF_AGENTS.get(texts.get("status", ""), _UNDER_WAY)
    call.rows(OUTPUTS).run(
        "insert or replace into ssm_command_output values (?, ?, ?, ?)", f"{invocation.key}/{plugin.name}", command.id,
        texts.get("standardOutput", "")[:STDOUT_MAX], texts.get("standardError", "")[:STDERR_MAX],
    )  # fmt: skip
    code = told.get("code")
    folder = "/".join(part.replace(":", "") for part in (texts.get("outputS3KeyPrefix", ""), texts.get("stepName", "")) if part)
    return changed(
        plugin, status=status, details=details, code=code if isinstance(code, int) and status in ENDED else NOT_YET,
        started=_moment(texts.get("startDateTime", "")), ended=_moment(texts.get("endDateTime", "")), output=texts.get("output", ""),
        folder=folder if texts.get("outputS3BucketName") else "",
    )  # fmt: skip


def _moment(text: str) -> str:
    """A moment as an agent spells it, empty if it is none, or the year 1, which stands for none."""
    try:
        is_one = timestamps.parsed(text) > 0
    except (ValueError, AwsError):
        return ""
    return text if is_one else ""


def failed(call: Call, invocation: Invocation, why: str) -> None:
    """A node could not make anything of what it was sent."""
    if invocation.ended is None:
        _end(call, call.shelf(Command)[invocation.command], changed(invocation, trace=why), "Failed", "Failed")
        advance(call, invocation.command)


def node_left(call: Call, node: str) -> None:
    """What was under way to a node, or on it, cannot be delivered any more."""
    for invocation in [each for each in call.shelf(Invocation).values() if each.node == node and each.ended is None]:
        _end(call, call.shelf(Command)[invocation.command], invocation, "Failed", "Undeliverable")
        advance(call, invocation.command)
    call.after_commit(lambda: call.wake(*inbox_key(node)))


# The whole -----------------------------------------------------------------------------------------


def cancel(call: Call, command: Command, named: list[str]) -> None:
    """What has not begun is cancelled at once; a node that has begun is told, and says how it ended."""
    for invocation in [each for each in invocations_of(call, command) if each.node in named and each.ended is None]:
        if not invocation.is_delivered:
            _end(call, command, invocation, "Cancelled", "Cancelled")
        elif invocation.status != "Cancelling":
            _post(call, CANCEL, call.new_id(), _become(call, command, invocation, status="Cancelling", details="Cancelling"))
    call.shelf(Command)[command.id] = changed(command, is_cancelled=command.is_cancelled or set(command.nodes) <= set(named))
    advance(call, command.id)


def _due(command: Command, invocation: Invocation) -> float:
    """When it is too late: for what has not begun, and for what has not ended."""
    if not invocation.is_sent:
        return command.expires
    return invocation.requested + command.timeout_s + (command.running_s if invocation.is_delivered else 0)


def advance(call: Call, id_: str) -> None:
    """Do what is due of a command: what came too late ends, and nodes have their turn as others have ended."""
    command = call.shelf(Command)[id_]
    if command.ended is not None:
        return
    for invocation in invocations_of(call, command):
        if invocation.ended is None and call.now() >= _due(command, invocation):
            # "If a command expires, it changes status to DeliveryTimedOut for all invocations that have the status InProgress, Pending, or
            # Delayed": API_Command, ExpiresAfter. That it took too long to run a node says itself.
            _end(call, command, invocation, "TimedOut", "DeliveryTimedOut")
    _send_more(call, command)
    _settle(call, command)


def _send_more(call: Call, command: Command) -> None:
    invocations = invocations_of(call, command)
    errors = sum(each.details in ERRORS for each in invocations)
    waiting = [each for each in invocations if each.ended is None and not each.is_sent]
    if errors > share(command.errors, len(invocations)):
        for invocation in waiting:
            _end(call, command, invocation, "Cancelled", "Terminated")
        return
    busy = sum(each.ended is None and each.is_sent for each in invocations)
    for invocation in waiting[: max(0, share(command.concurrency, len(invocations)) - busy)]:
        sent = _become(call, command, invocation, is_sent=True, requested=call.now())
        _post(call, SEND, command.id, sent)


def _settle(call: Call, before: Command) -> None:
    invocations = invocations_of(call, before)
    left = [each for each in invocations if each.ended is None]
    if left:
        status = "Cancelling" if before.is_cancelled else "InProgress"
        details, ended = status, None
        TURNS.put(call, before.id, min(_due(before, each) for each in left))
    else:
        status, details = _amounts_to(before, invocations)
        ended = call.now()
        TURNS.drop(call, before.id)
    after = call.shelf(Command)[before.id] = changed(before, status=status, details=details, ended=ended)
    if after.status != before.status:
        command_notice.tell_command(call, after)


def _amounts_to(command: Command, invocations: list[Invocation]) -> tuple[str, str]:
    """Status and details of a command whose every invocation has ended. Of nodes that could not be reached nothing is said, unless there
    were no others. That what is incomplete has the status Failed no source of ours states."""
    if not invocations:
        # Recorded: "Success (NoInstancesInTag) [0 total, 0 complete, 0 error]", in the README of aws-ssm-invoke.
        return "Success", "NoInstancesInTag"
    details = [each.details for each in invocations if each.details != "Undeliverable"]
    most = share(command.errors, len(invocations))
    if command.is_cancelled and "Cancelled" in details:
        return "Cancelled", "Cancelled"
    if not details:
        return "Failed", "Failed"
    if sum(each in ERRORS for each in details) > most:
        return ("TimedOut", "ExecutionTimedOut") if "Failed" not in details else ("Failed", "Failed")
    if details.count("DeliveryTimedOut") > most:
        return "TimedOut", "DeliveryTimedOut"
    return ("Success", "Success") if set(details) == {"Success"} else ("Failed", "Incomplete")


async def run(region: Any) -> None:
    await TURNS.run(region, lambda call: [each.id for each in call.shelf(Command).values() if each.ended is None], _move)


async def _move(call: Call, id_: str) -> None:
    if id_ in call.shelf(Command):
        call.atomically(lambda: advance(call, id_))


def forget_old(call: Call) -> None:
    for old in [each for each in call.shelf(Command).values() if each.ended is not None and each.ended < call.now() - KEPT_S]:
        for node in old.nodes:
            call.shelf(Invocation).pop(f"{old.id}/{node}", None)
        call.rows(OUTPUTS).run("delete from ssm_command_output where command = ?", old.id)
        call.rows(MESSAGES).run("delete from ssm_message where command = ?", old.id)
        del call.shelf(Command)[old.id]
