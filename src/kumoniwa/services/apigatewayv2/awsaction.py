"""Integrations of HTTP APIs that do one thing of another AWS service, as the role of the integration.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-aws-services-reference.html
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from typing import Any, NamedTuple

import orjson

from kumoniwa.gate.route import Route
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.services.apigatewayv2 import mapping
from kumoniwa.services.apigatewayv2.definition import BadRequestException


def _list(text: str) -> Any:
    return orjson.loads(text)


class Action(NamedTuple):
    operation: str
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    read: dict[str, Callable[[str], Any]] = {}
    """How values that are no texts are read."""


_MESSAGE_OPTIONS = ("DelaySeconds", "MessageAttributes", "MessageDeduplicationId", "MessageGroupId", "MessageSystemAttributes")
ACTIONS = {
    "EventBridge-PutEvents": Action(
        "events:PutEvents",
        ("Detail", "DetailType", "Source"),
        ("Time", "EventBusName", "Resources", "TraceHeader"),
        {"Resources": _list, "Time": float},
    ),
    "SQS-SendMessage": Action(
        "sqs:SendMessage",
        ("QueueUrl", "MessageBody"),
        _MESSAGE_OPTIONS,
        {"DelaySeconds": int, "MessageAttributes": _list, "MessageSystemAttributes": _list},
    ),
    "SQS-ReceiveMessage": Action(
        "sqs:ReceiveMessage",
        ("QueueUrl",),
        ("AttributeNames", "MaxNumberOfMessages", "MessageAttributeNames", "ReceiveRequestAttemptId", "VisibilityTimeout", "WaitTimeSeconds"),
        {
            "AttributeNames": _list,
            "MaxNumberOfMessages": int,
            "MessageAttributeNames": _list,
            "VisibilityTimeout": int,
            "WaitTimeSeconds": int,
        },
    ),
    "SQS-DeleteMessage": Action("sqs:DeleteMessage", ("QueueUrl", "ReceiptHandle")),
    "SQS-PurgeQueue": Action("sqs:PurgeQueue", ("QueueUrl",)),
    "Kinesis-PutRecord": Action(
        "kinesis:PutRecord",
        ("StreamName", "Data", "PartitionKey"),
        ("SequenceNumberForOrdering", "ExplicitHashKey"),
        {"Data": lambda text: base64.b64decode(text, validate=True)},
    ),
    "StepFunctions-StartExecution": Action("stepfunctions:StartExecution", ("StateMachineArn",), ("Name", "Input")),
    "StepFunctions-StartSyncExecution": Action(
        "stepfunctions:StartSyncExecution", ("StateMachineArn",), ("Name", "Input", "TraceHeader")
    ),
    "StepFunctions-StopExecution": Action("stepfunctions:StopExecution", ("ExecutionArn",), ("Cause", "Error")),
}
NOT_HERE = frozenset(["AppConfig-GetConfiguration"])


def check(document: dict[str, Any]) -> None:
    """Raises BadRequestException for an integration that could not do its action."""
    subtype, parameters = document["IntegrationSubtype"], document.get("RequestParameters", {})
    if subtype in NOT_HERE:
        raise NotImplementedHere(f"the integration subtype {subtype} of apigatewayv2")
    action = ACTIONS.get(subtype)
    if action is None or document["PayloadFormatVersion"] != "1.0":
        raise BadRequestException(f"Operation: {subtype} is not supported.")
    if document.get("IntegrationUri"):
        raise BadRequestException("IntegrationUri cannot be specified with an integration subtype")
    if document["IntegrationType"] != "AWS_PROXY":
        raise BadRequestException("Integration subtypes are only supported for AWS_PROXY integrations")
    if not document.get("CredentialsArn"):
        raise BadRequestException(f"Role ARN must be specified for AWS integration configuration with Subtype: {subtype}")
    if not parameters.keys() >= set(action.required):
        raise BadRequestException(
            f"Operation: {subtype} requires enabling passthrough, or defining all of the following parameters in the parameter mapping: "
            f"[{', '.join(action.required)}]"
        )
    for name, expression in parameters.items():
        if name not in (*action.required, *action.optional, "Region"):
            raise BadRequestException(f"Parameter: {name} is not supported for the integration subtype {subtype}")
        mapping.compiled(expression)


class Unanswerable(Exception):
    """A parameter has no value, or one that cannot be read."""


class Doing:
    """An action with its parameters, ready to be done for requests."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.action = ACTIONS[document["IntegrationSubtype"]]
        self.role, self.timeout_s = document["CredentialsArn"], document["TimeoutInMillis"] / 1000
        self.values = {name: mapping.compiled(text) for name, text in document["RequestParameters"].items()}

    def params(self, subject: Any) -> tuple[dict[str, Any], str | None]:
        """What the operation is asked, and in which region. Raises Unanswerable."""
        params: dict[str, Any] = {}
        for name, value in self.values.items():
            text = value(subject)
            if text is None:
                if name in self.action.required:
                    raise Unanswerable
                continue
            try:
                params[name] = self.action.read.get(name, str)(text)
            except ValueError:
                raise Unanswerable
        region = params.pop("Region", None)
        if self.action.operation == "events:PutEvents":
            return {"Entries": [params]}, region
        if self.action.operation.startswith("stepfunctions:"):
            params = {name[0].lower() + name[1:]: value for name, value in params.items()}
        return params, region

    async def done(self, home: Any, principal: Any, params: dict[str, Any], region: str | None) -> tuple[int, bytes]:
        """The service's answer in JSON, with its status. Raises TimeoutError."""
        operation = self.action.operation
        task = home.spawn(home.ask(principal, operation, params, region=region))
        await asyncio.wait((task,), timeout=self.timeout_s)
        if not task.done():
            task.add_done_callback(lambda late: late.cancelled() or late.exception())
            raise TimeoutError
        # SQS answers these as it always has, in XML.
        protocol = "query" if operation.startswith("sqs:") else ""
        route: Route = home.gate.routes.named(*operation.split(":"), protocol)
        try:
            response = route.codec.write(task.result(), "")
        except NotImplementedHere:
            raise
        except AwsError as error:
            response = route.refuse(error, "")
            if protocol and error.code.startswith("AccessDenied"):
                response.status = 403  # as in Query, whose words these are
        return response.status, response.body if isinstance(response.body, bytes) else b""
