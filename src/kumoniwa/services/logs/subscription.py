"""Subscriptions: what is logged in a group goes on, in near real time, to a function, to a stream, or to a destination of another account.

A batch of a stream becomes one message, compressed, for each filter that any of its events match.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html
"""

from __future__ import annotations

import base64
import gzip
from typing import Any

import msgspec
import orjson

from kumoniwa.gate import patience
from kumoniwa.gate.authorize import AccessDeniedException
from kumoniwa.gate.data_key import opening
from kumoniwa.gate.outbox import Delivery, Outbox
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record, changed
from kumoniwa.languages.log_pattern import compiled
from kumoniwa.services.logs import account_policy, encryption
from kumoniwa.services.logs import destination as destinations
from kumoniwa.services.logs.destination import SERVICE
from kumoniwa.services.logs.figures import as_seen
from kumoniwa.services.logs.filter_pattern import check_pattern
from kumoniwa.services.logs.group import Group, InvalidParameterException, ResourceNotFoundException, existing

FILTERS_MAX = 2
TARGETS = {"lambda": "lambda function", "kinesis": "Kinesis stream", "firehose": "Firehose stream"}


class LimitExceededException(AwsError): ...


class Filter(Record):
    """Kept with its group; ``destination`` is the ARN of a function, a stream or a destination."""

    name: str
    pattern: str
    destination: str
    created_ms: int
    role: str = ""
    is_of_transformed: bool = False
    is_random: bool = False
    """Whether a stream of Kinesis gets its messages under any key, and not under that of their log stream."""


class Promise(msgspec.Struct, array_like=True):
    group: str
    target: str
    role: str
    key: str
    body: bytes
    link: str = ""
    """The data key that the body waits under, if the group is encrypted."""


_encode, _decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(Promise).decode


# Filters -------------------------------------------------------------------------------------------


async def PutSubscriptionFilter(
    call: Call, *, logGroupName: str, filterName: str, filterPattern: str, destinationArn: str, roleArn: str | None = None,
    distribution: str = "ByLogStream", applyOnTransformedLogs: bool | None = None,
) -> None:  # fmt: skip
    """AWS sends a message of trial before it agrees."""
    _check_account_of(call, destinationArn)
    group = existing(call, logGroupName)
    if filterName not in filters_of(group) and len(group.subscriptions) >= FILTERS_MAX:
        raise LimitExceededException("Resource limit exceeded.")
    await _prove(call, group, filterPattern, destinationArn, roleArn)
    made = Filter(
        name=filterName, pattern=filterPattern, destination=destinationArn, created_ms=milliseconds(call.now()), role=roleArn or "",
        is_random=distribution == "Random", is_of_transformed=bool(applyOnTransformedLogs),
    )  # fmt: skip
    call.atomically(lambda: _keep(call, logGroupName, made))


def _check_account_of(call: Call, destination: str) -> None:
    """Recorded: localstack's test_put_subscription_filter_errors, which shows that AWS asks for it before the group."""
    target = arns.parse(destination)
    if target is not None and target.service == "lambda" and target.account != call.account:
        raise AccessDeniedException(
            "Cross-account lambda invocation passing is not allowed. You must use DestinationPolicies to create cross account lambda triggers."
        )


async def _prove(call: Call, group: Group, pattern: str, destinationArn: str, roleArn: str | None) -> None:
    check_pattern(pattern)
    target = arns.parse(destinationArn)
    if target is None or target.service not in (*TARGETS, "logs"):
        raise InvalidParameterException(
            "PutSubscriptionFilter operation cannot work with destinationArn for vendor " + (target.service if target else "")
        )
    if target.service in ("kinesis", "firehose") and not roleArn:
        raise InvalidParameterException(f"destinationArn for vendor {target.service} cannot be used without roleArn")
    if target.service in ("lambda", "logs") and roleArn:
        raise InvalidParameterException(f"destinationArn for vendor {target.service} cannot be used with roleArn")
    if roleArn:
        call.require("iam:PassRole", roleArn, **{"iam:PassedToService": SERVICE})
    where, role = destinations.resolved(call, destinationArn, roleArn or "", as_sender=call.principal)
    await _try(call, group, where, role)


async def _try(call: Call, group: Group, target: str, role: str) -> None:
    """A function does not hear of it: localstack's test_put_subscription_filter_lambda."""
    said = {
        "messageType": "CONTROL_MESSAGE", "owner": "CloudwatchLogs", "logGroup": "", "logStream": "", "subscriptionFilters": [],
        "logEvents": [{"id": "", "timestamp": milliseconds(call.now()), "message": "CWL CONTROL MESSAGE: Checking health of destination " + what(target)}],
    }  # fmt: skip
    try:
        await send(call, Promise(group.name, target, role, "test", _packed(said)), None, is_trial=True)
    except AwsError as error:
        kind = arns.parse(target).service
        if kind == "lambda":
            text = "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to execute your function."
        else:
            name = TARGETS[kind]
            text = f"Could not deliver test message to specified {name}. Check if the given {name[0].lower()}{name[1:]} is in ACTIVE state."
        raise InvalidParameterException(text, hint=error.text) from None


def what(target: str) -> str:
    return {"lambda": "Lambda", "kinesis": "Kinesis", "firehose": "Firehose"}[arns.parse(target).service] + "."


def filters_of(group: Group) -> dict[str, Filter]:
    return {name: msgspec.convert(held, Filter) for name, held in group.subscriptions.items()}


def _keep(call: Call, name: str, made: Filter) -> None:
    group = existing(call, name)
    call.shelf(Group)[name] = changed(group, subscriptions=group.subscriptions | {made.name: msgspec.to_builtins(made)})


def DescribeSubscriptionFilters(
    call: Call, *, logGroupName: str, filterNamePrefix: str | None = None
) -> dict:
    found = [each for name, each in sorted(filters_of(existing(call, logGroupName)).items()) if name.startswith(filterNamePrefix or "")]
    return {"subscriptionFilters": [_shown(logGroupName, each) for each in found]}


def _shown(group: str, each: Filter) -> dict[str, Any]:
    shown = {
        "filterName": each.name,
        "logGroupName": group,
        "filterPattern": each.pattern,
        "destinationArn": each.destination,
        "roleArn": each.role,
        "distribution": "Random" if each.is_random else "ByLogStream",
        "creationTime": each.created_ms,
        "applyOnTransformedLogs": each.is_of_transformed,
    }
    return {name: value for name, value in shown.items() if value != "" or name == "filterPattern"}


def DeleteSubscriptionFilter(call: Call, *, logGroupName: str, filterName: str) -> None:
    group = existing(call, logGroupName)
    if filterName not in group.subscriptions:
        raise ResourceNotFoundException("The specified subscription filter does not exist.")
    call.shelf(Group)[logGroupName] = changed(group, subscriptions={name: held for name, held in group.subscriptions.items() if name != filterName})


# Of the account ------------------------------------------------------------------------------------


def _account_filter(name: str, said: dict[str, Any], created_ms: int) -> Filter:
    return Filter(
        name=name, pattern=said.get("FilterPattern", ""), destination=said["DestinationArn"], created_ms=created_ms, role=said.get("RoleArn", ""),
        is_random=said.get("Distribution") == "Random",
    )  # fmt: skip


def _filters_on(call: Call, group: Group) -> list[tuple[Filter, bool]]:
    """The filters of a group, and that of the account, told apart."""
    found = [(each, False) for each in filters_of(group).values()]
    policy = account_policy.on(call, group, account_policy.SUBSCRIPTION)
    if policy is not None:
        found.append((_account_filter(policy.name, orjson.loads(policy.document), policy.updated_ms), True))
    return found


def check_account(call: Call, said: Any) -> None:
    """Raises what AWS answers where a policy of the account is no filter."""
    members = ("DestinationArn", "RoleArn", "FilterPattern", "Distribution")
    if not isinstance(said, dict) or not all(name in members and isinstance(value, str) for name, value in said.items()):
        raise InvalidParameterException("Malformed Subscription filter policy", hint=f"It has {', '.join(members)} and nothing else.")
    if "DestinationArn" not in said:
        # Seen of AWS by cdk-preflight with its missing space: pf-logs-account-policy-subscription-document.
        raise InvalidParameterException("MissingDestinationArnfield in policy document")
    if said.get("Distribution", "ByLogStream") not in ("ByLogStream", "Random"):
        raise InvalidParameterException("The Distribution is ByLogStream or Random.")
    _check_account_of(call, said["DestinationArn"])


async def prove_account(call: Call, said: dict[str, str]) -> None:
    """See that the destination of a filter of the account takes what it is sent."""
    await _prove(call, Group(name="*", number=0, created_ms=0), said.get("FilterPattern", ""), said["DestinationArn"], said.get("RoleArn"))


# What is logged ------------------------------------------------------------------------------------


def heard(call: Call, group: Group, stream: str, stream_id: int, first_seq: int, batch: list[tuple[int, str]], made: list[str | None]) -> None:
    """Promise a batch, or what it was transformed to, to the group's subscriptions that want any of it; ``first_seq`` numbers its first event."""
    for each, is_of_account in _filters_on(call, group):
        matches = compiled(each.pattern)
        events = [
            {"id": f"{at_ms:030d}{stream_id:010d}{first_seq + place:016d}", "timestamp": at_ms, "message": message}
            for place, (at_ms, message) in enumerate(as_seen(batch, made) if each.is_of_transformed else batch)
            if matches(message)
        ]
        if not events:
            continue
        said = {
            "messageType": "DATA_MESSAGE", "owner": call.account, "logGroup": group.name, "logStream": stream,
            "subscriptionFilters": [each.name], "logEvents": events,
        }  # fmt: skip
        if is_of_account:
            # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters-AccountLevel.html
            said["policyLevel"] = "ACCOUNT_LEVEL_POLICY"
        key = call.new_id() if each.is_random else base64.b16encode(f"{group.name}/{stream}".encode()).decode().lower()[:64]
        link, body = encryption.sealed(call, group, _packed(said)) if group.key else ("", _packed(said))
        OUTBOX.put(
            call,
            _encode(Promise(group.name, each.destination, each.role, key, body, link)),
            lane=f"{group.number} {'account ' * is_of_account}{each.name} {stream}",
        )


def _packed(said: dict[str, Any]) -> bytes:
    return gzip.compress(orjson.dumps(said), 6, mtime=0)


async def send(call: Call, promise: Promise, once: str | None, *, is_trial: bool = False) -> None:
    target = arns.parse(promise.target)
    arn = call.arn(f"log-group:{promise.group}:*")
    if target.service == "lambda":
        payload = orjson.dumps({"awslogs": {"data": base64.b64encode(promise.body).decode()}})
        us = call.acting(SERVICE, **{"aws:SourceArn": arn, "aws:SourceAccount": call.account})
        kind = "DryRun" if is_trial else "Event"
        await us.ask("lambda:Invoke", once=once, FunctionName=promise.target, InvocationType=kind, Payload=payload)
        return
    role = destinations.assumed(call, promise.role, arn)
    if target.service == "kinesis":
        stream = {"StreamARN": promise.target, "Data": promise.body, "PartitionKey": promise.key}
        await role.ask("kinesis:PutRecord", to_region=target.region, once=once, **stream)
    else:
        name = target.resource.removeprefix("deliverystream/")
        await role.ask("firehose:PutRecord", to_region=target.region, once=once, DeliveryStreamName=name, Record={"Data": promise.body})


async def deliver(call: Call, delivery: Delivery) -> float | None:
    promise = _decode(delivery.body)
    try:
        body = promise.body
        if promise.link:
            body = await opening(call, lambda: encryption.opened(call, promise.group, promise.link, promise.body))
        where, role = destinations.resolved(call, promise.target, promise.role)
        await send(call, Promise(promise.group, where, role, promise.key, body), delivery.token)
    except AwsError as error:
        wait_s, exhausted = patience.pause({}, delivery, call.now(), delivery.born, call.ids.random)
        if exhausted or not patience.is_passing(error):
            call.home.note("undelivered", group=promise.group, target=promise.target, code=error.code)
            return None
        return wait_s
    return None


OUTBOX = Outbox("logs", deliver)
