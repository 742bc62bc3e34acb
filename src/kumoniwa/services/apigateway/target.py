"""What the URI of an integration or an authorizer names: a Lambda function, or another service and what it is asked."""

from __future__ import annotations

import re
from typing import NamedTuple

from kumoniwa.aws import models
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.operation import service_names
from kumoniwa.services.apigateway.patch import BadRequestException

_TARGET = re.compile(
    r"arn:aws[a-z-]*:apigateway:[a-z0-9-]+:(?P<service>[A-Za-z0-9.-]+):(?P<kind>path|action)/(?P<rest>.+)"
)
_FUNCTION = re.compile(
    r"/?2015-03-31/functions/(?P<arn>arn:aws[a-z-]*:lambda:.+|\$\{stageVariables\.[A-Za-z0-9_]+\})/invocations"
)
_STREAMED = re.compile(
    r"/?2021-11-15/functions/(?P<arn>arn:aws[a-z-]*:lambda:.+|\$\{stageVariables\.[A-Za-z0-9_]+\})/response-streaming-invocations"
)
"""https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html"""


def is_streamed(uri: str) -> bool:
    """Whether a URI invokes a function that streams what it says."""
    target = _TARGET.fullmatch(uri)
    return target is not None and target["service"] == "lambda" and _STREAMED.fullmatch(target["rest"]) is not None


def function_of(uri: str) -> str:
    """The function that an integration's or authorizer's URI invokes; may hold ``${stageVariables.…}``. Raises BadRequestException."""
    if not uri or not uri.startswith("arn:"):
        raise BadRequestException("Invalid ARN specified in the request")
    target = _TARGET.fullmatch(uri)
    if target is None:
        raise BadRequestException("AWS ARN for integration must contain path or action")
    function = (_FUNCTION.fullmatch(target["rest"]) or _STREAMED.fullmatch(target["rest"])) if target["service"] == "lambda" else None
    if target["service"] == "firehose" and target["kind"] == "action":
        raise NotImplementedHere("AWS_PROXY integrations of Firehose streams")
    if function is None:
        raise BadRequestException(
            "Integrations of type 'AWS_PROXY' currently only supports Lambda function and Firehose stream invocations."
        )
    return function["arn"]


def authorizer_function_of(uri: str) -> str:
    """The function that an authorizer's URI invokes. In the words that cdk-preflight saw of AWS (pf-apigw-authorizer-uri-format).
    Raises BadRequestException."""
    target = _TARGET.fullmatch(uri)
    function = _FUNCTION.fullmatch(target["rest"]) if target is not None and target["service"] == "lambda" else None
    if function is None:
        raise BadRequestException(
            f"Invalid Authorizer URI: {uri}. Authorizer URI should be a valid API Gateway ARN that represents a Lambda function invocation."
        )
    return function["arn"]


def is_function(uri: str) -> bool:
    """Whether a URI invokes a Lambda function."""
    target = _TARGET.fullmatch(uri or "")
    return target is not None and target["service"] == "lambda"


_URI = re.compile(
    r"arn:aws[a-z-]*:apigateway:(?P<region>[a-z0-9-]+):(?:(?P<prefix>[A-Za-z0-9.-]+)\.)?(?P<service>[A-Za-z0-9-]+):"
    r"(?P<kind>path|action)/(?P<rest>.*)"
)


class Target(NamedTuple):
    region: str
    service: str
    """Its boto3 name."""
    prefix: str
    """What stands before the service's name, such as a bucket."""
    is_action: bool
    rest: str


def target_of(uri: str) -> Target:
    """What a URI asks. Raises BadRequestException, and NotImplementedHere for services that are not here."""
    if not uri or not uri.startswith("arn:"):
        raise BadRequestException("Invalid ARN specified in the request")
    found = _URI.fullmatch(uri)
    if found is None:
        raise BadRequestException("AWS ARN for integration must contain path or action")
    named = found["service"]
    for name in sorted(service_names()):
        model = models.service(name)
        if named in (model.endpoint_prefix, model.signing_name, name):
            return Target(
                found["region"], name, found["prefix"] or "", found["kind"] == "action", found["rest"]
            )
    raise NotImplementedHere(f"apigateway integrations with the service {named}")
