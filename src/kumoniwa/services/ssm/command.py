"""Commands: what was sent to which nodes, and how far it has come on each.

https://docs.aws.amazon.com/systems-manager/latest/userguide/monitor-commands.html tells what the statuses mean.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record
from kumoniwa.services.ssm.errors import InvalidFilterKey, InvalidFilterValue
from kumoniwa.store.rows import Table
from kumoniwa.wire import timestamps

OUTPUTS = Table(
    "ssm_command_output", "create table if not exists ssm_command_output (id text primary key, command text, stdout text, stderr text)"
)
"""What scripts wrote: it is longer than all else that is known of them."""
KEPT_S = 30 * 86_400.0
"""https://docs.aws.amazon.com/systems-manager/latest/userguide/run-command.html"""
STDOUT_MAX, STDERR_MAX = 24_000, 8_000
ENDED = ("Success", "Cancelled", "TimedOut", "Failed")
ERRORS = ("Failed", "ExecutionTimedOut")
"""What counts against MaxErrors."""
NOT_YET = -1
"""The response code of what has not ended."""


class InvalidCommandId(AwsError):
    """Says nothing besides."""


class InvocationDoesNotExist(AwsError):
    """Says nothing besides."""


class InvalidPluginName(AwsError):
    """Says nothing besides."""


class Plugin(Record):
    """One step on one node."""

    name: str
    plugin: str
    status: str = "Pending"
    details: str = "Pending"
    code: int = NOT_YET
    started: str = ""
    ended: str = ""
    output: str = ""
    """The beginning of both its outputs, as the agent cuts them."""
    folder: str = ""
    """Where in the bucket its output lies, if it has one."""


class Invocation(Record):
    """A command on one node. Shelved by ``command/node``."""

    command: str
    node: str
    requested: float
    name: str = ""
    status: str = "Pending"
    details: str = "Pending"
    is_sent: bool = False
    """Whether it has had its turn; before, it waits for others to end."""
    is_delivered: bool = False
    ended: float | None = None
    plugins: tuple[Plugin, ...] = ()
    trace: str = ""

    @property
    def key(self) -> str:
        return f"{self.command}/{self.node}"


class Command(Record):
    """Shelved by its id."""

    id: str
    document: str
    version: str
    edition: str
    """Where the content of its document is shelved."""
    requested: float
    timeout_s: int
    """Until when it must have begun."""
    running_s: int
    """How long its scripts may take."""
    nodes: tuple[str, ...]
    parameters: dict[str, Any] = {}
    said: dict[str, list[str]] = {}
    """The parameters as they were said."""
    targets: tuple[dict[str, Any], ...] = ()
    status: str = "Pending"
    details: str = "Pending"
    comment: str = ""
    concurrency: str = "50"
    errors: str = "0"
    bucket: str = ""
    prefix: str = ""
    log: dict[str, Any] = {}
    role: str = ""
    """Who tells its topic."""
    notice: dict[str, Any] = {}
    is_cancelled: bool = False
    ended: float | None = None

    @property
    def expires(self) -> float:
        return self.requested + self.timeout_s + self.running_s


def existing(call: Call, id_: str) -> Command:
    found = call.shelf(Command).get(id_)
    if found is None:
        raise InvalidCommandId
    return found


def invocations_of(call: Call, command: Command) -> list[Invocation]:
    shelf = call.shelf(Invocation)
    return [shelf[f"{command.id}/{node}"] for node in command.nodes]


def share(text: str, count: int) -> int:
    """A number, or a percentage of so many nodes, which is rounded up and at least one if it is more than none:
    https://docs.aws.amazon.com/systems-manager/latest/userguide/send-commands-multiple.html says what 10% of 50 nodes are and not of 15."""
    return -(-count * int(text[:-1]) // 100) if text.endswith("%") else int(text)


def edition_keys(call: Call) -> set[str]:
    """The editions that commands still refer to."""
    return {each.edition for each in call.shelf(Command).values()}


# Looking -------------------------------------------------------------------------------------------


def shown(call: Call, command: Command) -> dict[str, Any]:
    invocations = invocations_of(call, command)
    told: dict[str, Any] = {
        "CommandId": command.id, "DocumentName": command.document, "DocumentVersion": command.version, "Comment": command.comment,
        "ExpiresAfter": command.expires, "Parameters": command.said, "InstanceIds": list(command.nodes) if not command.targets else [],
        "Targets": list(command.targets), "RequestedDateTime": command.requested, "Status": command.status, "StatusDetails": command.details,
        "OutputS3BucketName": command.bucket, "OutputS3KeyPrefix": command.prefix, "MaxConcurrency": command.concurrency,
        "MaxErrors": command.errors, "TargetCount": len(invocations), "CompletedCount": sum(each.ended is not None for each in invocations),
        "ErrorCount": sum(each.details in ERRORS for each in invocations),
        "DeliveryTimedOutCount": sum(each.details == "DeliveryTimedOut" for each in invocations), "TimeoutSeconds": command.timeout_s,
    }  # fmt: skip
    return told | _common(command)


def _common(command: Command) -> dict[str, Any]:
    return {
        "ServiceRole": command.role,
        "NotificationConfig": {"NotificationArn": "", "NotificationEvents": [], "NotificationType": ""} | command.notice,
        "CloudWatchOutputConfig": {"CloudWatchLogGroupName": "", "CloudWatchOutputEnabled": False} | command.log,
    }


def _urls(call: Call, command: Command, plugin: Plugin) -> dict[str, str]:
    """Of what its output is called in the bucket, if it has one."""
    base = f"https://s3.{call.region}.amazonaws.com/{command.bucket}/{plugin.folder}" if command.bucket and plugin.folder else ""
    return {"StandardOutputUrl": f"{base}/stdout" if base else "", "StandardErrorUrl": f"{base}/stderr" if base else ""}


def _plugin_shown(call: Call, command: Command, plugin: Plugin) -> dict[str, Any]:
    told: dict[str, Any] = {
        "Name": plugin.name, "Status": plugin.status, "StatusDetails": plugin.details, "ResponseCode": plugin.code, "Output": plugin.output,
        "OutputS3Region": call.region, "OutputS3BucketName": command.bucket, "OutputS3KeyPrefix": command.prefix, **_urls(call, command, plugin),
    }  # fmt: skip
    for member, text in (("ResponseStartDateTime", plugin.started), ("ResponseFinishDateTime", plugin.ended)):
        if text:
            told[member] = timestamps.parsed(text)
    return told


def _invocation_shown(call: Call, invocation: Invocation, *, is_whole: bool) -> dict[str, Any]:
    command = call.shelf(Command)[invocation.command]
    first = invocation.plugins[0]
    told: dict[str, Any] = {
        "CommandId": command.id, "InstanceId": invocation.node, "InstanceName": invocation.name, "Comment": command.comment,
        "DocumentName": command.document, "DocumentVersion": command.version, "RequestedDateTime": invocation.requested,
        "Status": invocation.status, "StatusDetails": invocation.details, "TraceOutput": invocation.trace, "CommandPlugins": [],
        **_urls(call, command, first),
    }  # fmt: skip
    if is_whole:
        told["CommandPlugins"] = [_plugin_shown(call, command, each) for each in invocation.plugins]
    return told | _common(command)


def _at(text: str) -> float:
    try:
        return timestamps.parsed(text)
    except (ValueError, AwsError):
        raise InvalidFilterValue(f"The filter value isn't valid: {text}.") from None


def _fits(seen: Command | Invocation, document: str, key: str, value: str) -> bool:
    if key == "InvokedAfter":
        return seen.requested >= _at(value)
    if key == "InvokedBefore":
        return seen.requested <= _at(value)
    if key == "DocumentName":
        return document == value
    if key == "ExecutionStage":
        if isinstance(seen, Invocation):
            raise InvalidFilterKey("The specified key isn't valid.")
        return value == ("Complete" if seen.ended is not None else "Executing")
    return value in (seen.status, seen.details)


def ListCommands(
    call: Call, *, CommandId: str | None = None, InstanceId: str | None = None, Filters: list[dict[str, str]] | None = None
) -> dict:
    """The newest first. An id that nobody knows lists nothing."""
    chosen = sorted(call.shelf(Command).values(), key=lambda each: -each.requested)
    chosen = [each for each in chosen if CommandId in (None, each.id) and (InstanceId is None or InstanceId in each.nodes)]
    for each in Filters or ():
        chosen = [command for command in chosen if _fits(command, command.document, each["key"], each["value"])]
    return {"Commands": [shown(call, each) for each in chosen]}


def ListCommandInvocations(
    call: Call, *, CommandId: str | None = None, InstanceId: str | None = None, Filters: list[dict[str, str]] | None = None,
    Details: bool | None = None,
) -> dict:  # fmt: skip
    commands, shelf = call.shelf(Command), call.shelf(Invocation)
    if CommandId is not None:
        chosen = invocations_of(call, commands[CommandId]) if CommandId in commands else []
    else:
        chosen = sorted(shelf.values(), key=lambda each: -each.requested)
    chosen = [each for each in chosen if InstanceId in (None, each.node)]
    for each in Filters or ():
        chosen = [one for one in chosen if _fits(one, commands[one.command].document, each["key"], each["value"])]
    return {"CommandInvocations": [_invocation_shown(call, each, is_whole=bool(Details)) for each in chosen]}


def outputs_of(call: Call, invocation: Invocation, plugin: Plugin) -> tuple[str, str]:
    found = call.rows(OUTPUTS).one("select stdout, stderr from ssm_command_output where id = ?", f"{invocation.key}/{plugin.name}")
    return found if found is not None else ("", "")


def _elapsed(plugin: Plugin) -> str:
    if not (plugin.started and plugin.ended):
        return ""
    return f"PT{max(0.0, timestamps.parsed(plugin.ended) - timestamps.parsed(plugin.started)):.3f}".rstrip("0").rstrip(".") + "S"


def GetCommandInvocation(call: Call, *, CommandId: str, InstanceId: str, PluginName: str | None = None) -> dict:
    """Of a document with several steps, one must be named."""
    invocation = call.shelf(Invocation).get(f"{CommandId}/{InstanceId}")
    if invocation is None:
        raise InvocationDoesNotExist
    named = [each for each in invocation.plugins if PluginName in (None, each.name)]
    if len(named) != 1:
        raise InvalidPluginName
    (plugin,), command = named, call.shelf(Command)[CommandId]
    stdout, stderr = outputs_of(call, invocation, plugin)
    is_only = len(invocation.plugins) == 1
    return {
        "CommandId": CommandId, "InstanceId": InstanceId, "Comment": command.comment, "DocumentName": command.document,
        "DocumentVersion": command.version, "PluginName": plugin.name, "ResponseCode": plugin.code, "ExecutionStartDateTime": plugin.started,
        "ExecutionElapsedTime": _elapsed(plugin), "ExecutionEndDateTime": plugin.ended,
        "Status": invocation.status if is_only else plugin.status, "StatusDetails": invocation.details if is_only else plugin.details,
        "StandardOutputContent": stdout, "StandardErrorContent": stderr, **_urls(call, command, plugin),
        "CloudWatchOutputConfig": _common(command)["CloudWatchOutputConfig"],
    }  # fmt: skip
