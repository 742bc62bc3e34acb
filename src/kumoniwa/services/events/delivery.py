"""Deliveries: events on their way from a bus to the targets of its rules, tried again for a day, and buried in a dead-letter queue
if all was in vain.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import msgspec
import orjson

from kumoniwa.aws import endpoints
from kumoniwa.gate import api_destination, execute_api, patience
from kumoniwa.gate.api_destination import DestinationFailure
from kumoniwa.gate.data_key import opening
from kumoniwa.gate.key_chain import OPEN, Lock
from kumoniwa.gate.outbox import Delivery, Outbox, Postponed
from kumoniwa.gate.trail import VIA
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import AwsError
from kumoniwa.languages import event_pattern
from kumoniwa.services.events import bill, encryption, invocation, transform
from kumoniwa.services.events import bus as buses
from kumoniwa.services.events import log as logs
from kumoniwa.services.events import rule as rules
from kumoniwa.services.events.encryption import SERVICE
from kumoniwa.services.events.invocation import End, Failure
from kumoniwa.services.events.promise import Promise, decode, encode
from kumoniwa.wire import timestamps

_NO_PERMISSIONS = frozenset({"AccessDenied", "AccessDeniedException", "AuthorizationError", "NotAuthorizedForSourceException"})
_NO_RESOURCE = frozenset({"ResourceNotFoundException", "QueueDoesNotExist", "NotFoundException", "StateMachineDoesNotExist", "NoSuchEntity"})
_FINAL = ("NO_PERMISSIONS", "NO_RESOURCE", "SDK_CLIENT_ERROR")


AT_ONCE_MAX = 100
"""To how many queues events go in one turn of the loop; others need not wait for more."""


class Turn:
    """What is left to do of events that were judged: queues to ask at once, and what is to be written in the same turn of the loop."""

    def __init__(self) -> None:
        self.soon: list[tuple[Promise, rules.Listener, rules.Destination]] = []
        self.writes: list[Callable[[], None]] = []

    def write(self) -> None:
        for each in self.writes:
            each()


def _is_reading(event: dict[str, Any]) -> bool:
    """Whether CloudTrail tells of a call of management that only reads, of which a rule hears that says so:
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html"""
    detail = event["detail"]
    return event["source"].startswith("aws.") and detail["readOnly"] and detail["managementEvent"]


def wanting(there: Iterable[rules.Listener], event: dict[str, Any], only: frozenset[str]) -> list[rules.Listener]:
    """Those of a bus's rules that want an event, of all or of those whose ARNs are in ``only``."""
    flat = None
    found = []
    is_reading = event["detail-type"] == VIA and _is_reading(event)
    for listener in there:
        if listener.wants is None or (only and listener.arn not in only) or (is_reading and listener.rule.state != rules.WITH_READINGS):
            continue
        flat = flat or event_pattern.flat(event)
        if listener.wants.matches_flat(flat):
            found.append(listener)
    return found


def promise(
    call: Call, listener: rules.Listener, body: bytes, *, is_forwarded: bool = False, turn: Turn | None = None, log: logs.Log | None = None
) -> None:
    """Promise an event to the targets of a rule. With a ``turn`` all that is left to the caller. What becomes of it, the ``log`` is told."""
    rule = listener.rule
    lock = buses.lock(call, buses.existing(call, rule.bus))
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
    call.measure("AWS/Events", "TriggeredRules", "RuleName", rule.name)
    call.measure("AWS/Events", "Invocations", "RuleName", rule.name, value=len(listener.destinations))
    invocations = _matched(log, listener, body) if log is not None and not rule.manager else []
    for number, destination in enumerate(listener.destinations):
        made = Promise(listener.arn, rule.name, destination.target, body, call.now(), is_forwarded, call.trace)
        if invocations:
            made.request, made.invocation = log.request_id, invocations[number]
        if lock is not OPEN:
            OUTBOX.put(call, encode(_closed(made, lock)))
        elif turn is None:
            OUTBOX.put(call, encode(made))
        elif destination.asked is not None and len(turn.soon) < AT_ONCE_MAX and not call.home.faults and not invocations:
            turn.soon.append((made, listener, destination))
        else:
            turn.writes.append(partial(OUTBOX.put, call, encode(made)))


def _matched(log: logs.Log, listener: rules.Listener, body: bytes) -> list[str]:
    """Tell that a rule wants an event; answers the ids of what it makes of it."""
    targets = [destination.target["Arn"] for destination in listener.destinations]
    ids = [log.call.new_id() for _ in targets]
    log.write("RULE_MATCH", orjson.loads(body)["id"], {"rule_arn": listener.arn, "target_arns": targets, "invocation_ids": ids})
    return ids


def _closed(promise: Promise, lock: Lock) -> Promise:
    left = {name: promise.target[name] for name in ("Arn", "DeadLetterConfig", "RetryPolicy") if name in promise.target}
    sealed = lock.shut(msgspec.msgpack.encode((promise.target, promise.body)))
    return msgspec.structs.replace(promise, target=left, body=b"", sealed=sealed)


async def _opened(call: Call, promise: Promise) -> Promise:
    """With its target and its event. Raises Undeliverable if the key is lost."""
    if not promise.sealed:
        return promise
    link = encryption.whose(call, promise.sealed)
    lock = encryption.of_bus(call, link.of, link.data_key.key)
    try:
        target, body = msgspec.msgpack.decode(await opening(call, lambda: lock.open(promise.sealed)))
    except AwsError as error:
        if patience.is_passing(error):
            raise
        raise Undeliverable("KMS_ERROR", error.text) from None
    return msgspec.structs.replace(promise, target=target, body=body, sealed=b"")


def _unopened(call: Call, promise: Promise) -> bytes:
    """An event that nobody could open, as a dead-letter queue is told of it. The payload of AWS's is a message of its Encryption SDK; of ours
    the first two bytes say how long the data key under the key of KMS is, which stands behind them, before what it encrypts.
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-encryption-event-bus-dlq-decrypt.html"""
    link = encryption.whose(call, promise.sealed)
    wrapped = link.data_key.wrapped
    payload = base64.b64encode(len(wrapped).to_bytes(2) + wrapped + promise.sealed).decode()
    told = {"event-bus-arn": link.of, "rule-arn": promise.rule_arn, "kms-key-arn": link.data_key.key, "encrypted-payload": payload}
    return orjson.dumps(
        {"version": "0", "id": call.new_id(), "detail-type": "Encrypted Events", "source": "aws.events", "account": call.account,
         "time": timestamps.to_second(promise.ingested), "region": call.region, "resources": [], "detail": told}
    )  # fmt: skip


def at_once(call: Call, turn: Turn) -> None:
    """Ask the queues now, in the commit in which the events are taken, and let nothing come between: who is killed before it has taken
    none. What a queue refuses or must wait for is promised like everything else."""
    if turn.writes:
        call.atomically(turn.write)
    for made, listener, destination in turn.soon:
        try:
            asker = call.speaking(listener.speaker, made.trace)
            asker.ask_at_once("sqs:SendMessage", MessageBody=_input(made), **destination.asked)
        except (AwsError, Undeliverable):
            OUTBOX.put(call, encode(made))


class Undeliverable(Exception):
    """No other attempt would help."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


class NotYet(Exception):
    """Others are before it at this destination."""

    def __init__(self, after_s: float) -> None:
        super().__init__()
        self.after_s = after_s


async def deliver(call: Call, delivery: Delivery) -> float | None:
    promise, began = decode(delivery.body), call.now()
    failure = None
    try:
        promise = await _opened(call, promise)
        await _send(call, promise, delivery.token)
    except NotYet as turn:
        return Postponed(turn.after_s)
    except Undeliverable as error:
        failure = Failure(error.code, error.text)
    except DestinationFailure as error:
        failure = Failure(error.code, error.text, error.is_passing and error.after_s >= 0, error.after_s, error.status)
    except AwsError as error:
        code = _code_of(error)
        failure = Failure(code, error.text, code not in _FINAL, status=error.status or 0)
    end = End() if failure is None else await _end(call, promise, delivery, failure)
    if promise.invocation and not promise.sealed:
        await _tell(call, promise, delivery.attempts, began, failure, end)
    return end.wait_s


async def _tell(call: Call, promise: Promise, attempts: int, began: float, failure: Failure | None, end: End) -> None:
    log = await logs.open_of(call, invocation.bus_of(promise), promise.request)
    if log is not None:
        try:
            given = _input(promise)
        except Undeliverable:
            given = None
        await opening(call, lambda: invocation.tell(log, promise, attempts, began, given, failure, end))


def _code_of(error: AwsError) -> str:
    if error.code in _NO_PERMISSIONS or error.code.endswith("AccessDenied"):
        return "NO_PERMISSIONS"
    if error.code in _NO_RESOURCE or error.code.endswith("NonExistentQueue"):
        return "NO_RESOURCE"
    if patience.is_throttled(error):
        return "THROTTLING"
    return "INTERNAL_ERROR" if patience.is_passing(error) else "SDK_CLIENT_ERROR"


async def _end(call: Call, promise: Promise, delivery: Delivery, failure: Failure) -> End:
    """What comes of an attempt that failed."""
    exhausted = ""
    if failure.is_passing:
        policy = promise.target.get("RetryPolicy") or {}
        wait_s, exhausted = patience.pause(policy, delivery, call.now(), promise.ingested, call.ids.random)
        if not exhausted:
            return End(max(wait_s, failure.after_s))
    return await _bury(call, promise, delivery, failure, exhausted)


async def _bury(call: Call, promise: Promise, delivery: Delivery, failure: Failure, exhausted: str) -> End:
    """Send the event itself to the dead-letter queue, if there is one. A queue that is out of order is tried again."""
    dead = (promise.target.get("DeadLetterConfig") or {}).get("Arn")
    call.measure("AWS/Events", "FailedInvocations", "RuleName", promise.rule_name)
    call.home.note("undelivered", rule=promise.rule_arn, target=promise.target["Arn"], code=failure.code, is_buried=dead is not None)
    if dead is None:
        return End()
    facts = {
        "RULE_ARN": promise.rule_arn,
        "TARGET_ARN": promise.target["Arn"],
        "ERROR_CODE": failure.code,
        "ERROR_MESSAGE": failure.text,
        "EXHAUSTED_RETRY_CONDITION": exhausted,
        "RETRY_ATTEMPTS": str(delivery.attempts) if exhausted else "",
    }
    attributes = {
        name: {"DataType": "Number" if name == "RETRY_ATTEMPTS" else "String", "StringValue": value} for name, value in facts.items() if value
    }
    us = _ourselves(call, promise)
    try:
        body = _unopened(call, promise) if promise.sealed else promise.body
        await send_message(us, arns.parse(dead), body.decode(), f"{delivery.token}-dead", MessageAttributes=attributes)
    except AwsError as error:
        return End(None if _code_of(error) in _FINAL else patience.BACKOFF_S_MAX)
    return End(is_dead=True)


def _ourselves(call: Call, promise: Promise) -> Call:
    return call.speaking(rules.speaker(call, promise.rule_arn))


# Targets -------------------------------------------------------------------------------------------


def _known(promise: Promise) -> dict[str, str]:
    return {
        "aws.events.rule-arn": promise.rule_arn,
        "aws.events.rule-name": promise.rule_name,
        "aws.events.event.ingestion-time": timestamps.to_second(promise.ingested),
    }


def _input(promise: Promise) -> str:
    """What the target is told of the event."""
    try:
        return transform.made(promise.target, promise.body, partial(_known, promise))
    except transform.InvalidInput as error:
        raise Undeliverable("INVALID_PARAMETER", str(error)) from None


async def _send(call: Call, promise: Promise, token: str) -> None:
    target = promise.target
    arn = arns.parse(target["Arn"])
    if arn.service == "events" and arn.resource.startswith("event-bus/"):
        await _forward(call, promise, arn)
        return
    body = _input(promise)
    asker = _ourselves(call, promise)
    if target.get("RoleArn"):
        asker = call.assuming(target["RoleArn"], SERVICE, "events", **{"aws:SourceArn": promise.rule_arn})
    asker.within = promise.trace
    await _SENDERS[arn.service](asker, promise, arn, body, token)


async def send_message(asker: Call, queue: arns.Arn, body: str, once: str, **more: Any) -> None:
    url = endpoints.queue_url(queue.region, queue.account, queue.resource)
    await asker.ask("sqs:SendMessage", to_region=queue.region, once=once, QueueUrl=url, MessageBody=body, **more)


async def _to_queue(asker: Call, promise: Promise, arn: arns.Arn, body: str, once: str) -> None:
    await asker.ask("sqs:SendMessage", to_region=arn.region, once=once, MessageBody=body, **rules.for_queue(promise.target, arn))


async def _to_function(asker: Call, promise: Promise, arn: arns.Arn, body: str, once: str) -> None:
    await asker.ask("lambda:Invoke", FunctionName=str(arn), InvocationType="Event", Payload=body.encode(), once=once)


async def _to_log_group(asker: Call, promise: Promise, arn: arns.Arn, body: str, once: str) -> None:
    """Each delivery writes to a stream of its own, as AWS's do."""
    group = arn.resource.removeprefix("log-group:").removesuffix(":*")
    await asker.ask("logs:CreateLogStream", logGroupName=group, logStreamName=once, once=once)
    entry = {"timestamp": milliseconds(asker.now()), "message": body}
    await asker.ask("logs:PutLogEvents", logGroupName=group, logStreamName=once, logEvents=[entry], once=once)


async def _to_topic(asker: Call, promise: Promise, arn: arns.Arn, body: str, once: str) -> None:
    await asker.ask("sns:Publish", TopicArn=str(arn), Message=body, once=once)


async def _to_stream(asker: Call, promise: Promise, arn: arns.Arn, body: str, once: str) -> None:
    event = orjson.loads(promise.body)
    path = (promise.target.get("KinesisParameters") or {}).get("PartitionKeyPath")
    try:
        key = str(transform.read(event, path)) if path else event["id"]
    except LookupError:
        raise Undeliverable("INVALID_PARAMETER", f"The event has nothing at {path}.") from None
    await asker.ask("kinesis:PutRecord", StreamARN=str(arn), Data=body.encode(), PartitionKey=key, once=once)


def _http_parameters(promise: Promise) -> dict[str, Any]:
    try:
        return api_destination.filled(promise.target.get("HttpParameters"), orjson.loads(promise.body))
    except LookupError:
        raise Undeliverable("INVALID_PARAMETER", "The event has nothing at a path of the target's HttpParameters.") from None


async def _to_destination(asker: Call, promise: Promise, arn: arns.Arn, body: str, once: str) -> None:
    """An endpoint may be called twice with an event, as on AWS: no token of ours reaches it."""
    asker.require("events:InvokeApiDestination", str(arn))
    destination = api_destination.find(asker, str(arn))
    if destination is None:
        raise Undeliverable("NO_RESOURCE", f"The API destination {arn} does not exist.")
    if wait_s := api_destination.wait_s(asker, destination, once):
        raise NotYet(wait_s)
    await api_destination.send(asker, destination, body.encode(), _http_parameters(promise))


async def _to_api(asker: Call, promise: Promise, arn: arns.Arn, body: str, once: str) -> None:
    headers = {"Content-Type": "application/json", "User-Agent": "Amazon/EventBridge"} | ({"X-Amzn-Trace-Id": promise.trace} if promise.trace else {})
    answer = await execute_api.call_method(asker, arn, body.encode(), _http_parameters(promise), headers)
    if not 200 <= answer.status < 300:
        is_passing = answer.status == 429 or answer.status >= 500
        code = "NO_PERMISSIONS" if answer.status == 403 else "ERROR_FROM_TARGET"
        raise DestinationFailure(code, f"The API answered {answer.status}.", is_passing=is_passing, status=answer.status)


async def _to_graph(asker: Call, promise: Promise, arn: arns.Arn, body: str, once: str) -> None:
    """A mutation of a GraphQL API, whose variables the event is or its transformation."""
    question = {"query": promise.target["AppSyncParameters"]["GraphQLOperation"], "variables": orjson.loads(body)}
    host = f"{arn.resource.rpartition('/')[2]}.appsync-api.{arn.region}.amazonaws.com"
    lines = [("Content-Type", "application/json")]
    answer = await execute_api.request(asker.home, asker.principal, host, "POST", "/graphql", "", orjson.dumps(question), lines)
    errors = orjson.loads(answer.body).get("errors") or ()
    if answer.status != 200 or errors:
        code = "NO_PERMISSIONS" if any(each.get("errorType", "").startswith("Unauthorized") for each in errors) else "ERROR_FROM_TARGET"
        text = errors[0]["message"] if errors else f"The API answered {answer.status}."
        raise DestinationFailure(code, text, is_passing=answer.status >= 500, status=answer.status)


async def _to_delivery_stream(asker: Call, promise: Promise, arn: arns.Arn, body: str, once: str) -> None:
    name = arn.resource.removeprefix("deliverystream/")
    await asker.ask("firehose:PutRecord", DeliveryStreamName=name, Record={"Data": body.encode()}, once=once)


async def _to_state_machine(asker: Call, promise: Promise, arn: arns.Arn, body: str, once: str) -> None:
    """An execution is called by the event that began it: <id of the event>_<id of the delivery>."""
    name = f"{orjson.loads(promise.body)['id']}_{once.partition('-')[2]}"
    await asker.ask("stepfunctions:StartExecution", stateMachineArn=str(arn), input=body, name=name, once=once)


async def _to_pipeline(asker: Call, promise: Promise, arn: arns.Arn, body: str, once: str) -> None:
    await asker.ask("codepipeline:StartPipelineExecution", name=arn.resource, once=once)


def _parameters(promise: Promise, body: str) -> dict[str, list[str]]:
    """What the target's input says to a document: lists of texts by names. An event as it came says nothing to it."""
    if not any(promise.target.get(name) is not None for name in ("Input", "InputPath", "InputTransformer")):
        return {}
    said = orjson.loads(body)
    if not isinstance(said, dict):
        raise Undeliverable("INVALID_PARAMETER", "The input of a document is an object.")
    lists = {name: value if isinstance(value, list) else [value] for name, value in said.items()}
    return {name: [each if isinstance(each, str) else orjson.dumps(each).decode() for each in value] for name, value in lists.items()}


async def _to_document(asker: Call, promise: Promise, arn: arns.Arn, body: str, once: str) -> None:
    """A runbook is begun, or a command sent to the nodes that the target names.
    https://docs.aws.amazon.com/systems-manager/latest/userguide/running-automations-event-bridge.html"""
    kind, _, name = arn.resource.partition("/")
    said = _parameters(promise, body)
    given: dict[str, Any] = {"Parameters": said} if said else {}
    if kind == "automation-definition":
        name, _, version = name.partition(":")
        given |= {"DocumentVersion": version} if version else {}
        await asker.ask("ssm:StartAutomationExecution", DocumentName=name, once=once, **given)
        return
    targets = promise.target["RunCommandParameters"]["RunCommandTargets"]
    await asker.ask("ssm:SendCommand", DocumentName=name, Targets=targets, once=once, **given)


_SENDERS = {
    "sqs": _to_queue,
    "lambda": _to_function,
    "logs": _to_log_group,
    "sns": _to_topic,
    "firehose": _to_delivery_stream,
    "kinesis": _to_stream,
    "states": _to_state_machine,
    "codepipeline": _to_pipeline,
    "ssm": _to_document,
    "events": _to_destination,
    "execute-api": _to_api,
    "appsync": _to_graph,
}


async def _forward(call: Call, promise: Promise, arn: arns.Arn) -> None:
    """To another bus the event travels as it is: neither its account nor its region change, and nobody may say so but ourselves."""
    where = (call.region, call.account)
    if promise.is_forwarded and (arn.region, arn.account) != where:
        kind = "REGION" if arn.region != call.region else "ACCOUNT"
        raise Undeliverable(f"THIRD_{kind}_HOP_DETECTED", "An event that came from another bus may not travel on to a third.")
    if promise.target.get("RoleArn"):
        principal = call.assuming(promise.target["RoleArn"], SERVICE, "events", **{"aws:SourceArn": promise.rule_arn}).principal
    else:
        principal = principals.root(call.account, partition=call.home.partition)
    body = promise.body if arn.region == call.region else _renamed(call, promise.body)
    message = {
        "principal": msgspec.to_builtins(principal),
        "bus": str(arn),
        "event": body,
        "is_far": (arn.region, arn.account) != where,
        "trace": promise.trace,
    }
    there = call.home.heard(call.region, "events", message) if arn.region == call.region else call.home.exchange(arn.region, "events", message)
    answer = await there
    if answer["code"]:
        raise Undeliverable(answer["code"], answer["text"])
    bill.forwarded(call, buses.name_in(str(arn)), body)


def _renamed(call: Call, body: bytes) -> bytes:
    """In another region an event has another id (recorded: test_event_bus_to_event_bus_cross_account_region)."""
    return orjson.dumps({**orjson.loads(body), "id": call.new_id()})


OUTBOX = Outbox("events", deliver)
