"""A template on its way in: fetched if it lies in S3, drawn in a child process, refused without the capabilities it needs.

The child belongs to the region and is shared by all its accounts: drawing is a function from text to data.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.aws.zones import zones as zones_of
from kumoniwa.deploy.macros import TransformFailed
from kumoniwa.deploy.standing import Blueprint
from kumoniwa.deploy.workshop import Workshop
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, ValidationError
from kumoniwa.services.cloudformation import fetched, macro
from kumoniwa.services.cloudformation import stack as stacks
from kumoniwa.services.cloudformation.stack import Stack

BODY_BYTES_MAX = 51_200
"""https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""
URL_SUFFIXES = {"aws": "amazonaws.com", "aws-cn": "amazonaws.com.cn"}


EXPANDS = "Requires capabilities : [CAPABILITY_AUTO_EXPAND]"


class InsufficientCapabilitiesException(AwsError): ...


def workshop(call: Call) -> Workshop:
    return call.home.engines.setdefault("workshop", Workshop())


async def text_of(call: Call, body: str | None, url: str | None, previous: Stack | None = None) -> str:
    """The template that a request means. ``previous`` is the stack whose template may be used again."""
    if previous is not None:
        if body is not None or url is not None:
            raise ValidationError(
                "You cannot specify both usePreviousTemplate and Template Body/Template URL."
            )
        return stacks.document(call, previous.wish)
    if (body is None) == (url is None):
        raise ValidationError("Either Template URL or Template Body must be specified.")
    if url is not None:
        return await fetched.text(call, url, "TemplateURL")
    # What a stack set sends to its stacks may be as long as an object in S3.
    if call.request is not None and len(body.encode()) > BODY_BYTES_MAX:
        raise ValidationError(
            f"1 validation error detected: Value '{body}' at 'templateBody' failed to satisfy constraint: "
            f"Member must have length less than or equal to {BODY_BYTES_MAX}"
        )
    return body


def given(parameters: list[dict[str, Any]] | None) -> dict[str, str | None]:
    """Parameter values by name; None means the previous value."""
    found: dict[str, str | None] = {}
    for each in parameters or ():
        name = each.get("ParameterKey")
        if not name:
            raise ValidationError("Parameters must have a ParameterKey.")
        if name in found:
            raise ValidationError(f"Duplicate parameter keys: [{name}]")
        if each.get("UsePreviousValue"):
            if each.get("ParameterValue"):
                raise ValidationError(
                    f"Invalid input for parameter key {name}. Cannot specify usePreviousValue as true and non empty value for a parameter"
                )
            found[name] = None
        elif "ParameterValue" in each:
            found[name] = each["ParameterValue"]
        else:
            raise ValidationError(f"Invalid input for parameter key {name}. Need to specify parameter value.")
    return found


async def drawn(
    call: Call,
    name: str,
    arn: str,
    text: str,
    parameters: list[dict[str, Any]] | None,
    previous: dict[str, str] | None = None,
    *,
    may_expand: bool = True,
    notified: tuple[str, ...] = (),
) -> Blueprint:
    """The blueprint of a stack. Raises what is wrong with the template or the parameters, as a ValidationError, and what
    went wrong in a transform as its subclass TransformFailed. Nothing is expanded unless it may be."""
    zones = [each.name for each in zones_of(call.region)]
    pseudo = pseudo_parameters(call, name, arn, notified)

    async def answer(wanted: dict[str, Any]) -> dict[str, Any]:
        if "parameter" in wanted:
            return await _parameter(call, wanted["parameter"])
        if not may_expand:
            raise InsufficientCapabilitiesException(EXPANDS)
        return await macro.answered(call, wanted)

    try:
        return await workshop(call).draw(
            text, given(parameters), pseudo, previous=previous, zones=zones, answer=answer
        )
    except TransformFailed:
        if not may_expand:
            raise InsufficientCapabilitiesException(EXPANDS) from None
        raise


async def _parameter(call: Call, name: str) -> dict[str, str | None]:
    """What a parameter of the Parameter Store says to whoever deploys."""
    found = (await call.ask("ssm:GetParameters", Names=[name]))["Parameters"]
    if not found:
        return {"value": None}
    if found[0]["Type"] == "SecureString":
        return {"problem": f"Parameters [{name}] referenced by template have types not supported by CloudFormation."}
    return {"value": found[0]["Value"]}


def pseudo_parameters(call: Call, name: str, arn: str, notified: tuple[str, ...]) -> dict[str, Any]:
    return {
        "AWS::AccountId": call.account,
        "AWS::NotificationARNs": list(notified),
        "AWS::Partition": call.home.partition,
        "AWS::Region": call.region,
        "AWS::StackId": arn,
        "AWS::StackName": name,
        "AWS::URLSuffix": URL_SUFFIXES.get(call.home.partition, "amazonaws.com"),
    }


def check_capabilities(
    blueprint: Blueprint, acknowledged: list[str] | None, *, is_reviewed: bool = False
) -> None:
    """A change set shows what a transform made of a template, so only what is created without one must allow transforms."""
    has = set(acknowledged or ())
    if unknown := sorted(has - {"CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"}):
        raise ValidationError(
            f"1 validation error detected: Value '[{', '.join(unknown)}]' at 'capabilities' failed to satisfy constraint: Member must "
            "satisfy constraint: [Member must satisfy enum value set: [CAPABILITY_IAM, CAPABILITY_NAMED_IAM, CAPABILITY_AUTO_EXPAND]]"
        )
    if "CAPABILITY_NAMED_IAM" in has:
        has.add("CAPABILITY_IAM")
    needed = set(blueprint.capabilities)
    if blueprint.transforms and not is_reviewed:
        needed.add("CAPABILITY_AUTO_EXPAND")
    if missing := sorted(needed - has):
        raise InsufficientCapabilitiesException(f"Requires capabilities : [{', '.join(missing)}]")


def check_types(blueprint: Blueprint, allowed: list[str] | None) -> None:
    """The types that a request says it is about: ``AWS::*``, ``AWS::SQS::*``, ``Custom::*`` or one type.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html
    Its words are recorded: localstack/localstack, test_update_stack.snapshot.json, test_update_with_resource_types."""
    if not allowed:
        return

    def is_allowed(kind: str) -> bool:
        return any(
            kind == each or each.endswith("*") and kind.startswith(each[:-1]) and each[:-1].endswith("::")
            for each in allowed
        )

    if unwanted := [kind for kind in blueprint.resource_types if not is_allowed(kind)]:
        raise ValidationError(
            f"Resource type {unwanted[0]} is not allowed by parameter ResourceTypes [{', '.join(allowed)}]"
        )
