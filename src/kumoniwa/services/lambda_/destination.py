"""What becomes of asynchronous events: how long and how often they are tried, and where their results go."""

from __future__ import annotations

import json
import time
from typing import Any

from kumoniwa.aws import endpoints
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record
from kumoniwa.services.lambda_ import durable_config
from kumoniwa.services.lambda_.errors import InvalidParameterValueException, ResourceNotFoundException
from kumoniwa.services.lambda_.function import Alias, Version
from kumoniwa.services.lambda_.name import LATEST, arn, function_named, parsed
from kumoniwa.wire import timestamps

AGE_S_MAX = 21_600
RETRIES_MAX = 2
# https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html

ACTIONS = {
    "sqs": ("sqs:SendMessage", "SendMessage on SQS"),
    "sns": ("sns:Publish", "Publish on SNS"),
    "lambda": ("lambda:InvokeFunction", "InvokeFunction on Lambda"),
    "events": ("events:PutEvents", "PutEvents on EventBridge"),
    "s3": ("s3:PutObject", "PutObject on S3"),
}
"""What a role must be allowed for each kind of destination, and how AWS names it."""


class InvokeConfig(Record):
    """Shelved by ``function:qualifier``; the latest version's under ``$LATEST``."""

    function: str
    qualifier: str
    modified: float
    age_s_max: int | None = None
    retries_max: int | None = None
    on_success: str = ""
    on_failure: str = ""


def config_of(call: Call, name: str, qualifier: str | None) -> InvokeConfig | None:
    return call.shelf(InvokeConfig).get(f"{name}:{qualifier or LATEST}")


def _shown(call: Call, config: InvokeConfig) -> dict[str, Any]:
    reply: dict[str, Any] = {
        "LastModified": config.modified,
        "FunctionArn": arn(call, config.function, config.qualifier),
        "DestinationConfig": {
            "OnSuccess": {"Destination": config.on_success} if config.on_success else {},
            "OnFailure": {"Destination": config.on_failure} if config.on_failure else {},
        },
    }
    if config.retries_max is not None:
        reply["MaximumRetryAttempts"] = config.retries_max
    if config.age_s_max is not None:
        reply["MaximumEventAgeInSeconds"] = config.age_s_max
    return reply


def _existing(call: Call, text: str, qualifier: str | None) -> tuple[Version, str]:
    name, qualifier = function_named(call, text, qualifier)
    key = f"{name}:{qualifier or LATEST}"
    alias = call.shelf(Alias).get(key)
    version = call.shelf(Version).get(f"{name}:{alias.version}" if alias else key)
    if version is None:
        raise ResourceNotFoundException("The function doesn't exist.")
    return version, qualifier or LATEST


def _destinations(call: Call, version: Version, said: dict[str, Any] | None) -> dict[str, str]:
    if said is None:
        return {}
    found = {}
    for field, member in (("on_success", "OnSuccess"), ("on_failure", "OnFailure")):
        if member in said:
            found[field] = said[member].get("Destination") or ""
            if found[field]:
                _check(call, version, member, found[field], said)
    durable_config.check_destinations(version, found)
    return found


def _check(call: Call, version: Version, member: str, destination: str, said: dict[str, Any]) -> None:
    """Buckets take failures alone: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html

    Other regions and FIFO queues are no destinations, as cdk-preflight saw it of AWS (pf-lambda-eic-destination-…)."""
    target = arns.parse(destination)
    if (
        target is None
        or target.service not in ACTIONS
        or (target.service, member) == ("s3", "OnSuccess")
        or target.region not in ("", call.region)
        or (target.service == "sqs" and is_fifo(target))
    ):
        spelled = [
            f"{member[0].lower()}{member[1:]}=" + (f"{member}(destination={said[member]['Destination']})" if said.get(member) else "null")
            for member in ("OnSuccess", "OnFailure")
        ]
        raise InvalidParameterValueException(f"The provided destination config DestinationConfig({', '.join(spelled)}) is invalid.")
    check_is_standard(target)
    if target.service == "lambda":
        named = parsed(destination)
        if named is None or f"{named.name}:{LATEST}" not in call.shelf(Version):
            raise InvalidParameterValueException(f"The destination ARN {destination} is invalid.")
        if named.name == version.function:
            raise InvalidParameterValueException("You can't specify the function as a destination for itself.")
    action, words = ACTIONS[target.service]
    refusal = f"The function's execution role does not have permissions to call {words}"
    check_role_may(call, version.role, action, f"{destination}/*" if target.service == "s3" else destination, refusal)
    if target.service == "s3":
        # That both are needed is documented on the same page.
        refusal = "The function's execution role does not have permissions to call ListBucket on S3"
        check_role_may(call, version.role, "s3:ListBucket", destination, refusal)


def is_fifo(target: arns.Arn) -> bool:
    return target.service in ("sqs", "sns") and target.resource.endswith(".fifo")


def check_is_standard(target: arns.Arn) -> None:
    """As cdk-preflight saw it of AWS: of topics pf-lambda-eic-destination-no-sns-fifo, of queues pf-lambda-esm-ddb-destination-standard-only."""
    if is_fifo(target):
        kind = "SQS queues" if target.service == "sqs" else "SNS topics"
        raise InvalidParameterValueException(f"FIFO-type Amazon {kind} aren't supported as a destination.")


def check_role_may(call: Call, role: str, action: str, resource: str, refusal: str) -> None:
    """Refuse what the role could not do when the time comes."""
    if call.home.settings.iam != "enforce":
        return
    try:
        call.assuming(role, "lambda.amazonaws.com", "lambda").require(action, resource)
    except AwsError as error:
        raise InvalidParameterValueException(refusal, hint=error.hint)


def PutFunctionEventInvokeConfig(
    call: Call,
    *,
    FunctionName: str,
    Qualifier: str | None = None,
    MaximumRetryAttempts: int | None = None,
    MaximumEventAgeInSeconds: int | None = None,
    DestinationConfig: dict[str, Any] | None = None,
) -> dict:
    return _put(call, None, FunctionName, Qualifier, MaximumRetryAttempts, MaximumEventAgeInSeconds, DestinationConfig)


def UpdateFunctionEventInvokeConfig(
    call: Call,
    *,
    FunctionName: str,
    Qualifier: str | None = None,
    MaximumRetryAttempts: int | None = None,
    MaximumEventAgeInSeconds: int | None = None,
    DestinationConfig: dict[str, Any] | None = None,
) -> dict:
    _existing(call, FunctionName, Qualifier)
    held = _held(call, FunctionName, Qualifier)
    return _put(call, held, FunctionName, Qualifier, MaximumRetryAttempts, MaximumEventAgeInSeconds, DestinationConfig)


def _put(
    call: Call, held: InvokeConfig | None, text: str, qualifier: str | None, retries: int | None, age_s: int | None, said: dict | None
) -> dict:
    if retries is None and age_s is None and said is None:
        raise InvalidParameterValueException("You must specify at least one of error handling or destination setting.")
    version, qualifier = _existing(call, text, qualifier)
    destinations = _destinations(call, version, said)
    if held is not None:
        retries = held.retries_max if retries is None else retries
        age_s = held.age_s_max if age_s is None else age_s
        destinations = {"on_success": held.on_success, "on_failure": held.on_failure} | destinations
    config = InvokeConfig(
        function=version.function, qualifier=qualifier, modified=call.now(), retries_max=retries, age_s_max=age_s, **destinations
    )
    call.shelf(InvokeConfig)[f"{version.function}:{qualifier}"] = config
    return _shown(call, config)


def _held(call: Call, text: str, qualifier: str | None) -> InvokeConfig:
    name, qualifier = function_named(call, text, qualifier)
    held = config_of(call, name, qualifier)
    if held is None:
        raise ResourceNotFoundException(f"The function {arn(call, name, qualifier or LATEST)} doesn't have an EventInvokeConfig")
    return held


def GetFunctionEventInvokeConfig(call: Call, *, FunctionName: str, Qualifier: str | None = None) -> dict:
    return _shown(call, _held(call, FunctionName, Qualifier))


def DeleteFunctionEventInvokeConfig(call: Call, *, FunctionName: str, Qualifier: str | None = None) -> None:
    held = _held(call, FunctionName, Qualifier)
    del call.shelf(InvokeConfig)[f"{held.function}:{held.qualifier}"]


def ListFunctionEventInvokeConfigs(call: Call, *, FunctionName: str) -> dict:
    version, _ = _existing(call, FunctionName, None)
    mine = [config for config in call.shelf(InvokeConfig).values() if config.function == version.function]
    return {"FunctionEventInvokeConfigs": [_shown(call, config) for config in sorted(mine, key=lambda c: c.qualifier)]}


# Delivery ------------------------------------------------------------------------------------------


class Result(Record):
    """What came of an event at last."""

    request_id: str
    arn: str
    """Of the function, always qualified."""
    condition: str
    attempts: int
    request: bytes
    executed: str = ""
    error: str = ""
    response: bytes | None = None


async def deliver(role: Call, destination: str, result: Result) -> None:
    """Send a record of what happened, as the function's role. Raises the AwsError the destination answers."""
    body = _record(role, result)
    target = arns.parse(destination)
    if target.service == "sqs":
        await send(role, target, body, result.request_id)
    elif target.service == "sns":
        await role.ask("sns:Publish", TopicArn=destination, Message=body, once=result.request_id)
    elif target.service == "lambda":
        await role.ask("lambda:Invoke", FunctionName=destination, InvocationType="Event", Payload=body.encode(), once=result.request_id)
    elif target.service == "s3":
        name = result.arn.split(":")[6]
        key = time.strftime(f"aws/lambda/async/{name}/%Y/%m/%d/%Y-%m-%dT%H.%M.%S-", time.gmtime(role.now())) + role.new_id()
        await role.ask("s3:PutObject", Bucket=target.resource, Key=key, Body=body.encode(), once=result.request_id)
    else:
        kind = "Success" if result.condition == "Success" else "Failure"
        entry = {
            "Source": "lambda",
            "DetailType": f"Lambda Function Invocation Result - {kind}",
            "Detail": body,
            "Resources": [destination, result.arn],
            "EventBusName": destination,
        }
        await role.ask("events:PutEvents", Entries=[entry], once=result.request_id)


def _record(call: Call, result: Result) -> str:
    now = call.now()
    context: dict[str, Any] = {"statusCode": 200, "executedVersion": result.executed}
    if result.error:
        context["functionError"] = result.error
    record = {
        "version": "1.0",
        "timestamp": timestamps.to_millisecond(now),
        "requestContext": {
            "requestId": result.request_id,
            "functionArn": result.arn,
            "condition": result.condition,
            "approximateInvokeCount": result.attempts,
        },
        "requestPayload": json.loads(result.request),
    }
    if result.response is not None:
        record |= {"responseContext": context, "responsePayload": json.loads(result.response or b"null")}
    return json.dumps(record, separators=(",", ":"))


async def send(role: Call, target: arns.Arn, body: str, once: str, attributes: dict | None = None) -> None:
    url = endpoints.queue_url(target.region, target.account, target.resource)
    more = {"MessageAttributes": attributes} if attributes else {}
    await role.ask("sqs:SendMessage", to_region=target.region, QueueUrl=url, MessageBody=body, once=once, **more)


ERROR_MESSAGE_MAX = 1024


async def bury(role: Call, dead_letter: str, result: Result) -> None:
    """Send the event itself to the dead-letter queue or topic.
    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html#invocation-dlq"""
    said = {}
    if result.response:
        response = json.loads(result.response)
        said = response if isinstance(response, dict) else {}
    attributes = {
        "RequestID": {"DataType": "String", "StringValue": result.request_id},
        "ErrorCode": {"DataType": "Number", "StringValue": "200"},
    }
    if said.get("errorMessage"):
        attributes["ErrorMessage"] = {"DataType": "String", "StringValue": str(said["errorMessage"])[:ERROR_MESSAGE_MAX]}
    body, once, target = result.request.decode(), f"{result.request_id}-dead", arns.parse(dead_letter)
    if target.service == "sqs":
        await send(role, target, body, once, attributes)
    else:
        await role.ask("sns:Publish", TopicArn=dead_letter, Message=body, MessageAttributes=attributes, once=once)
