"""What a Task's resource stands for: which operation of which service, and how its names are spelled in a definition.

Step Functions spells members as the SDK for Java does: every name begins with a capital letter. What the model calls
``stateMachineArn`` or ``Payload`` is ``StateMachineArn`` and ``Payload`` in a definition and in what comes back.
https://docs.aws.amazon.com/step-functions/latest/dg/integrate-services.html
"""

from __future__ import annotations

import base64
import re
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from kumoniwa.aws import models, sdk
from kumoniwa.aws.models import Shape
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.operation import load, service_names
from kumoniwa.languages.states_path import StateFailure
from kumoniwa.wire import timestamps


class Integration(NamedTuple):
    kind: str
    """``lambda`` (a function's own ARN), ``activity``, ``endpoint`` (what speaks HTTP), ``optimized`` or ``sdk``."""
    type: str
    """``resourceType`` of the events: ``sqs``, ``aws-sdk:dynamodb``."""
    resource: str
    """``resource`` of the events: ``sendMessage.waitForTaskToken``. An ARN for functions and activities."""
    operation: str
    """What is asked: ``sqs:SendMessage``."""
    mode: str
    """````, ``sync``, ``sync:2`` or ``waitForTaskToken``."""
    prefix: str
    """What the names of its errors begin with: ``DynamoDB``."""

    @property
    def name(self) -> str:
        """As messages name it."""
        return self.resource if self.kind in ("lambda", "activity") else self.type


class Optimized(NamedTuple):
    operation: str
    modes: tuple[str, ...]
    prefix: str
    said: str
    """The service as causes name it."""


OPTIMIZED: dict[str, Optimized] = {
    "lambda:invoke": Optimized("lambda:Invoke", ("", "waitForTaskToken"), "Lambda", "AWSLambda"),
    "sqs:sendMessage": Optimized("sqs:SendMessage", ("", "waitForTaskToken"), "SQS", "AmazonSQS"),
    "sns:publish": Optimized("sns:Publish", ("", "waitForTaskToken"), "SNS", "AmazonSNS"),
    "dynamodb:getItem": Optimized("dynamodb:GetItem", ("",), "DynamoDB", "AmazonDynamoDBv2"),
    "dynamodb:putItem": Optimized("dynamodb:PutItem", ("",), "DynamoDB", "AmazonDynamoDBv2"),
    "dynamodb:updateItem": Optimized("dynamodb:UpdateItem", ("",), "DynamoDB", "AmazonDynamoDBv2"),
    "dynamodb:deleteItem": Optimized("dynamodb:DeleteItem", ("",), "DynamoDB", "AmazonDynamoDBv2"),
    "events:putEvents": Optimized("events:PutEvents", ("", "waitForTaskToken"), "EventBridge", "AmazonEventBridge"),
    "athena:startQueryExecution": Optimized("athena:StartQueryExecution", ("", "sync"), "Athena", "AmazonAthena"),
    "athena:stopQueryExecution": Optimized("athena:StopQueryExecution", ("",), "Athena", "AmazonAthena"),
    "athena:getQueryExecution": Optimized("athena:GetQueryExecution", ("",), "Athena", "AmazonAthena"),
    "athena:getQueryResults": Optimized("athena:GetQueryResults", ("",), "Athena", "AmazonAthena"),
    "states:startExecution": Optimized(
        "stepfunctions:StartExecution", ("", "sync", "sync:2", "waitForTaskToken"), "StepFunctions", "AWSStepFunctions"
    ),
}

JOBS = {"athena:StartQueryExecution": ("athena:GetQueryExecution", "QueryExecutionId", "QueryExecution")}
"""What a task that waits for its end looks at, again and again: the operation, the member that names the job there and in the answer of who
began it, and the one that tells of the job, with its ``Status.State``."""

ENDPOINTS = {"apigateway:invoke": ("", "waitForTaskToken"), "http:invoke": ("",)}
"""Those that ask no operation of any service, with their modes."""

_RESOURCE = re.compile(r"arn:[\w-]+:states:(?P<region>[\w-]*):(?P<account>\d*):(?P<rest>.+)\Z")
_MODE = re.compile(r"(?P<action>\w+)(?:\.(?P<mode>sync:2|sync|waitForTaskToken))?\Z")


UNRECOGNIZED = "The resource provided {} is not recognized. The value is not a valid resource ARN, or the resource is not available in this region."


@lru_cache(maxsize=1024)
def of(resource: str) -> Integration:
    """Raises NotImplementedHere for a service or operation that does not exist here, ValueError for none of AWS's."""
    found = read(resource)
    if found.operation:
        _check_here(found.operation)
    return found


@lru_cache(maxsize=1024)
def read(resource: str) -> Integration:
    """What a resource says, whether it is here or not."""
    if re.match(r"arn:[\w-]+:lambda:", resource):
        return Integration("lambda", "lambda", resource, "lambda:Invoke", "", "Lambda")
    found = _RESOURCE.match(resource)
    if found is None:
        raise ValueError(resource)
    rest = found["rest"]
    if rest.startswith("activity:"):
        return Integration("activity", "activity", resource, "", "", "")
    head, _, last = rest.rpartition(":") if not rest.endswith(".sync:2") else rest[: -len(":2")].rpartition(":")
    last += ":2" if rest.endswith(".sync:2") else ""
    asked = _MODE.match(last)
    if asked is None:
        raise ValueError(resource)
    mode = asked["mode"] or ""
    if head.startswith("aws-sdk:"):
        return _of_sdk(head, asked["action"], mode, last, resource)
    if mode in ENDPOINTS.get(f"{head}:{asked['action']}", ()):
        return Integration("endpoint", head, last, "", mode, "")
    known = OPTIMIZED.get(f"{head}:{asked['action']}")
    if known is None or mode not in known.modes:
        if head in ("dynamodb", "sqs", "sns", "lambda", "events", "states", "apigateway", "http"):
            raise ValueError(resource)
        raise NotImplementedHere(f"the integration {rest} of Step Functions")
    return Integration("optimized", head, last, known.operation, mode, known.prefix)


def _of_sdk(head: str, action: str, mode: str, last: str, resource: str) -> Integration:
    found = sdk.operation(head.removeprefix("aws-sdk:"), action)
    if found is None or mode.startswith("sync"):
        raise ValueError(resource)
    service, operation = found
    return Integration("sdk", head, last, f"{service}:{operation}", mode, sdk_name(service))


def _check_here(operation: str) -> None:
    service, _, name = operation.partition(":")
    if service not in service_names() or name not in load(service).handlers:
        raise NotImplementedHere(operation)


_PREFIXES = {"SFN": "Sfn", "SQS": "Sqs", "SNS": "Sns", "IAM": "Iam", "STS": "Sts", "EC2": "Ec2", "KMS": "Kms"}


def sdk_name(service: str) -> str:
    """The service's name in the SDK for Java: ``DynamoDb``, ``Sfn``, ``S3``, ``CloudWatchLogs``."""
    said = models.service(service).service_id
    if said in _PREFIXES:
        return _PREFIXES[said]
    return "".join(word if word != "DB" else "Db" for word in said.split()).replace("DynamoDB", "DynamoDb")


# Names and values ----------------------------------------------------------------------------------------


def spelled(name: str, *, is_sdk: bool) -> str:
    """A member of the model's as states spell it: a task of the SDK's as that for Java does, with ``DBClusterIdentifier`` as ``DbClusterIdentifier``,
    ``TTL`` as ``Ttl`` and ``ETag`` as it is (Utils.unCapitalize of aws-sdk-java-v2's generator, and a capital ahead)."""
    end = 1
    while is_sdk and name[end : end + 1].isupper() and not name[end + 1 : end + 2].islower():
        end += 1
    return name[:1].upper() + name[1:end].lower() + name[end:]


def shape_of(resource: str) -> Shape | None:
    """The model of what a task answers: of its operation's answer or, where its end is waited for, of what describes that
    (https://github.com/boto/boto3/issues/4683). None where no model tells."""
    asked = read(resource)
    if asked.kind not in ("optimized", "sdk") or asked.mode == "waitForTaskToken":
        return None
    service, _, name = asked.operation.partition(":")
    if asked.mode.startswith("sync"):
        name = JOBS[asked.operation][0].partition(":")[2] if asked.operation in JOBS else "DescribeExecution"
    return models.service(service).operation(name).output


def wanted(operation: str, parameters: Any, *, is_sdk: bool) -> dict[str, Any]:
    """What is asked, in the model's names and types. Raises StateFailure for what is no member of the operation.

    Whatever stands where the SDK takes bytes goes as JSON, texts in their quotation marks (recorded: test_s3_put_object), and so does what
    stands where it takes a text and is none (recorded: test_sfn_start_execution_implicit_json_serialisation)."""
    service, _, name = operation.partition(":")
    shape = models.service(service).operation(name).input
    if not isinstance(parameters, dict):
        raise StateFailure("States.Runtime", "The Parameters must be an object")
    return _read(shape, parameters, operation, is_sdk) if shape is not None else {}


def _read(shape: Shape, value: Any, where: str, is_sdk: bool) -> Any:
    if value is None or shape.is_document:
        return value
    if shape.type == "structure" and isinstance(value, dict):
        names = {spelled(name, is_sdk=is_sdk): name for name in shape.members}
        made = {}
        for said, one in value.items():
            name = names.get(said) or (said if said in shape.members and not is_sdk else None)
            if name is None:
                raise StateFailure("States.Runtime", f'The field "{said}" is not supported by Step Functions')
            if one is not None:
                made[name] = _read(shape.members[name].shape, one, f"{where}.{said}", is_sdk)
        return made
    if shape.type == "list" and isinstance(value, list):
        return [_read(shape.element.shape, one, where, is_sdk) for one in value]
    if shape.type == "map" and isinstance(value, dict):
        return {key: _read(shape.value.shape, one, where, is_sdk) for key, one in value.items()}
    if shape.type == "blob" and is_sdk:
        return orjson.dumps(value)
    if shape.type == "string" and is_sdk and not isinstance(value, str):
        return orjson.dumps(value).decode()
    if shape.type == "blob" and isinstance(value, str):
        return value.encode()
    if shape.type == "timestamp" and isinstance(value, str):
        try:
            return datetime.fromisoformat(value).timestamp()
        except ValueError:
            return value
    if shape.type in ("integer", "long") and isinstance(value, float) and value == int(value):
        return int(value)
    return value


def answered(operation: str, result: dict[str, Any], is_optimized: bool) -> dict[str, Any]:
    """An answer as states see it."""
    service, _, name = operation.partition(":")
    shape = models.service(service).operation(name).output
    return _shown(shape, result, is_optimized) if shape is not None else {}


def _shown(shape: Shape, value: Any, is_optimized: bool) -> Any:
    if value is None or shape.is_document:
        return value
    if shape.type == "structure" and isinstance(value, dict):
        return {
            spelled(name, is_sdk=not is_optimized): _shown(shape.members[name].shape, one, is_optimized)
            for name, one in value.items()
            if name in shape.members and one is not None
        }
    if shape.type == "list" and isinstance(value, (list, tuple)):
        return [_shown(shape.element.shape, one, is_optimized) for one in value]
    if shape.type == "map" and isinstance(value, dict):
        return {key: _shown(shape.value.shape, one, is_optimized) for key, one in value.items()}
    if shape.type == "timestamp" and isinstance(value, (int, float)):
        if is_optimized:
            return milliseconds(value)
        return timestamps.to_millisecond(value)
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return base64.b64encode(value).decode()
    return value


# Failures ------------------------------------------------------------------------------------------------


def failure(integration: Integration, error: AwsError, request_id: str) -> StateFailure:
    """What a refusal of AWS's is called in a state machine; the recordings of error_handling hold examples of each form."""
    service, _, name = integration.operation.partition(":")
    model = models.service(service)
    known = model.errors.get(error.code)
    status = error.status or (known.status if known is not None else 400)
    if integration.kind == "sdk":
        said = _exception(known.name) if known is not None else f"{integration.prefix}Exception"
        more = f", Extended Request ID: {request_id}" if service == "s3" else ""
        cause = f"{error.text} (Service: {integration.prefix}, Status Code: {status}, Request ID: {request_id}{more})"
        return StateFailure(f"{integration.prefix}.{said}", cause, is_of_task=True)
    said = next(one.said for one in OPTIMIZED.values() if one.operation == integration.operation)
    name = _exception(known.name) if known is not None else f"{said.removesuffix('v2')}Exception"
    cause = f"{error.text} (Service: {said}; Status Code: {status}; Error Code: {known.code if known is not None else error.code}; Request ID: {request_id}; Proxy: null)"
    return StateFailure(f"{integration.prefix}.{name}", cause, is_of_task=True)


def _exception(name: str) -> str:
    return name if name.endswith("Exception") else f"{name}Exception"
