"""Destinations: streams that take what is logged in other accounts, and who may send to them.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CrossAccountSubscriptions.html
"""

from __future__ import annotations

import json
from typing import Any

from kumoniwa.gate import organization
from kumoniwa.gate.authorize import AccessDeniedException
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.principal import Principal
from kumoniwa.kernel.record import Record, changed
from kumoniwa.languages.policy import MalformedPolicyDocument, Policy, parse
from kumoniwa.languages.policy_decision import Authority, keys_of
from kumoniwa.services.logs.group import InvalidParameterException, ResourceNotFoundException
from kumoniwa.services.logs.policy import UNPARSED

SERVICE = "logs.amazonaws.com"
TAGS_MAX = 50


class Destination(Record):
    """Shelved by its name."""

    name: str
    target: str
    role: str
    created_ms: int
    policy: str = ""
    tags: dict[str, str] = {}


def arn_of(call: Call, name: str) -> str:
    return call.arn(f"destination:{name}")


def assumed(call: Call, role: str, source: str) -> Call:
    """A role that trusts CloudWatch Logs, or as its guide for some regions says, CloudWatch Logs of this region."""
    context = {"aws:SourceArn": source}
    try:
        return call.assuming(role, SERVICE, "logs", **context)
    except AwsError:
        return call.assuming(role, f"logs.{call.region}.amazonaws.com", "logs", **context)


def _read(document: str) -> Policy:
    """AWS takes the name of a service where accounts are named (recorded: localstack's test_put_destination_policy): it means the service."""
    decoded = json.loads(document)
    statements = decoded.get("Statement") if isinstance(decoded, dict) else None
    for statement in statements if isinstance(statements, list) else [statements]:
        who = statement.get("Principal") if isinstance(statement, dict) else None
        if isinstance(who, dict) and isinstance(named := who.get("AWS"), str) and named.endswith(".amazonaws.com"):
            statement["Principal"] = {**{kind: value for kind, value in who.items() if kind != "AWS"}, "Service": named}
    return parse(decoded, "resource")


def resolved(call: Call, target: str, role: str, *, as_sender: Principal | None = None) -> tuple[str, str]:
    """The stream or function behind an ARN, and the role by which it is reached. Raises what AWS answers to who may not send there."""
    named = arns.parse(target)
    if named.service != "logs":
        return target, role
    there = call if named.account == call.account else Call(call.home, named.account, call.principal, call.service)
    name = named.resource.removeprefix("destination:")
    held = there.shelf(Destination).get(name)
    if held is None or named.region != call.region:
        raise InvalidParameterException("Could not find the specified destination.", hint=f"Make it by PutDestination in {named.region}.")
    if as_sender is not None and named.account != call.account:
        policy, action = _read(held.policy) if held.policy else None, "logs:PutSubscriptionFilter"
        whose = {"principal": as_sender.account, "resource": named.account}
        keys = keys_of(as_sender)
        for who, account in whose.items():
            keys |= organization.keys_of(organization.member(call.home, account), who)
        rcps = call.home.gate.authorizer.rcps(as_sender, action, named.account)
        may = policy is not None and Authority(as_sender).decide(
            action, target, keys, resource_policy=policy, resource_must_allow=True, rcps=rcps
        ).is_allowed  # fmt: skip
        if not may:
            raise InvalidParameterException(f"User with accountId: {call.account} is not authorized to access the destination {target}")
    return held.target, held.role


async def PutDestination(call: Call, *, destinationName: str, targetArn: str, roleArn: str, tags: dict[str, str] | None = None) -> dict:
    target = arns.parse(targetArn)
    if target is None or target.service not in ("kinesis", "firehose") or len(target.account) != 12 or not target.account.isdigit():
        raise InvalidParameterException(
            "Could not deliver test message to specified destination. Check if the destination is valid.",
            hint="targetArn is the ARN of a stream of Kinesis or Firehose, with the twelve digits of its account.",
        )
    role = arns.parse(roleArn)
    if role is not None and role.account != call.account:
        # Seen of AWS by cdk-preflight (pf-logs-destination-policy-json); the code is that of such a function of a subscription.
        raise AccessDeniedException("Cross-account role passing is not allowed.")
    call.require("iam:PassRole", roleArn, **{"iam:PassedToService": SERVICE})
    await _prove(call, destinationName, target, targetArn, roleArn)
    held = call.shelf(Destination).get(destinationName)
    made = Destination(
        name=destinationName, target=targetArn, role=roleArn, created_ms=held.created_ms if held else milliseconds(call.now()),
        policy=held.policy if held else "", tags=tags if tags is not None else held.tags if held else {},
    )  # fmt: skip
    if len(made.tags) > TAGS_MAX:
        raise InvalidParameterException(f"Too many tags: the maximum is {TAGS_MAX}.")
    call.shelf(Destination)[destinationName] = made
    return {"destination": _shown(call, made)}


async def _prove(call: Call, name: str, target: arns.Arn, arn: str, role_arn: str) -> None:
    """That the role may write there; the stream gets nothing of it, as nobody asked it to keep trials."""
    try:
        role = assumed(call, role_arn, arn_of(call, name))
        role.require("firehose:PutRecord" if target.service == "firehose" else "kinesis:PutRecord", arn)
        if target.service == "firehose":
            stream = target.resource.removeprefix("deliverystream/")
            there = await call.ask("firehose:DescribeDeliveryStream", to_region=target.region, DeliveryStreamName=stream)
            state = there["DeliveryStreamDescription"]["DeliveryStreamStatus"]
        else:
            there = await call.ask("kinesis:DescribeStreamSummary", to_region=target.region, StreamARN=arn)
            state = there["StreamDescriptionSummary"]["StreamStatus"]
    except AwsError as error:
        state, hint = "", error.text
    else:
        hint = f"The stream is {state}."
    if state != "ACTIVE":
        raise InvalidParameterException("Could not deliver test message to specified destination. Check if the destination is valid.", hint=hint)


def _shown(call: Call, held: Destination) -> dict[str, Any]:
    shown = {
        "destinationName": held.name,
        "targetArn": held.target,
        "roleArn": held.role,
        "accessPolicy": held.policy,
        "arn": arn_of(call, held.name),
        "creationTime": held.created_ms,
    }
    return {name: value for name, value in shown.items() if value != ""}


def _existing(call: Call, name: str) -> Destination:
    held = call.shelf(Destination).get(name)
    if held is None:
        raise ResourceNotFoundException("The specified destination does not exist.")
    return held


def PutDestinationPolicy(call: Call, *, destinationName: str, accessPolicy: str) -> None:
    held = _existing(call, destinationName)
    try:
        _read(accessPolicy)
    except (MalformedPolicyDocument, ValueError, RecursionError) as error:
        hint = error.text if isinstance(error, MalformedPolicyDocument) else "It is no JSON."
        raise InvalidParameterException(UNPARSED, hint=hint) from None
    call.shelf(Destination)[destinationName] = changed(held, policy=accessPolicy)


def DescribeDestinations(call: Call, *, DestinationNamePrefix: str | None = None) -> dict:
    held = call.shelf(Destination)
    return {"destinations": [_shown(call, held[name]) for name in sorted(held) if name.startswith(DestinationNamePrefix or "")]}


def DeleteDestination(call: Call, *, destinationName: str) -> None:
    _existing(call, destinationName)
    del call.shelf(Destination)[destinationName]
