"""By which operation of its service a resource is tagged, and what that is sent.

Whoever tags through this API needs the right to do so and the service's own besides, so the service is asked in his name.
https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_TagResources.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from kumoniwa.aws import actions, models
from kumoniwa.aws.models import Shape
from kumoniwa.gate import tags
from kumoniwa.gate.address import GLOBAL_SERVICES
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.arn import Arn
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.operation import load, service_names
from kumoniwa.services.resourcegroupstaggingapi.errors import (
    InternalServiceException,
    InvalidParameterException,
)
from kumoniwa.services.resourcegroupstaggingapi.tagged import OF_NO_REGION, SERVICE

_IAM = {
    "user": ("User", "UserName"), "role": ("Role", "RoleName"), "policy": ("Policy", "PolicyArn"), "mfa": ("MFADevice", "SerialNumber"),
    "instance-profile": ("InstanceProfile", "InstanceProfileName"), "server-certificate": ("ServerCertificate", "ServerCertificateName"),
    "oidc-provider": ("OpenIDConnectProvider", "OpenIDConnectProviderArn"), "saml-provider": ("SAMLProvider", "SAMLProviderArn"),
}  # fmt: skip
_SSM = {
    "parameter": "Parameter", "document": "Document", "automation-execution": "Automation", "opsitem": "OpsItem",
    "maintenancewindow": "MaintenanceWindow",
}  # fmt: skip
_ROUTE53 = ("hostedzone", "healthcheck")


class Way(NamedTuple):
    """The operations that tag and untag a resource, and the parameters by which they name it."""

    service: str
    tag: str
    untag: str
    named: dict[str, Any]


_BESIDE = ("s3control", "apigatewayv2", "dynamodbstreams", "ses")
"""Services whose resources ARNs ascribe to another, or that another tags."""


@lru_cache(maxsize=1)
def _services() -> dict[str, str]:
    """The services that live here, by what ARNs call them."""
    return {actions.prefix(name): name for name in service_names() if name not in _BESIDE}


def service_of(arn: str) -> str:
    """Whose errors are told of a resource: its own service's, or this one's where that is not here."""
    return _services().get(parsed_arn(arn).service, SERVICE)


def _unsupported(arn: str) -> InternalServiceException:
    """AWS's code for what this API cannot tag: https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_FailureInfo.html"""
    return InternalServiceException(f"The resource type of {arn} is not supported by the Resource Groups Tagging API of Kumoniwa.")


def way_of(call: Call, arn: str, parsed: Arn) -> Way:
    """Raises InternalServiceException, which names what cannot be tagged here."""
    kind, _, name = parsed.resource.replace(":", "/").partition("/")
    last = parsed.resource.rpartition("/")[2]
    match parsed.service:
        case "sqs":
            return Way("sqs", "TagQueue", "UntagQueue", {"QueueUrl": f"{call.home.settings.endpoint}/{parsed.account}/{parsed.resource}"})
        case "firehose":
            return Way("firehose", "TagDeliveryStream", "UntagDeliveryStream", {"DeliveryStreamName": name})
        case "cloudtrail":
            return Way("cloudtrail", "AddTags", "RemoveTags", {"ResourceId": arn})
        case "organizations":
            return Way("organizations", "TagResource", "UntagResource", {"ResourceId": last})
        case "ssm" if kind in _SSM:
            id_ = f"/{name}" if "/" in name and kind == "parameter" else name
            return Way("ssm", "AddTagsToResource", "RemoveTagsFromResource", {"ResourceType": _SSM[kind], "ResourceId": id_})
        case "ec2":
            return Way("ec2", "CreateTags", "DeleteTags", {"Resources": [last]})
        case "iam" if kind in _IAM:
            word, member = _IAM[kind]
            return Way("iam", f"Tag{word}", f"Untag{word}", {member: last if member.endswith("Name") else arn})
        case "route53" if kind in _ROUTE53:
            return Way("route53", "ChangeTagsForResource", "ChangeTagsForResource", {"ResourceType": kind, "ResourceId": name})
        case "apigateway" if name.startswith("apis/"):
            return _by_arn("apigatewayv2", arn)
        case "ssm" | "iam" | "route53" | "s3" | "codebuild" | "cloudformation":
            raise _unsupported(arn)
        case service if "TagResource" in load(_services().get(service, SERVICE)).handlers:
            return _by_arn(_services()[service], arn)
    raise _unsupported(arn)


def _by_arn(service: str, arn: str) -> Way:
    shape = models.service(service).operation("TagResource").input
    (member,) = (name for name in shape.required if name not in tags.MEMBERS)
    return Way(service, "TagResource", "UntagResource", {member: arn})


def _spelled(shape: Shape, said: Mapping[str, str] | Iterable[str]) -> Any:
    """Tags, or their keys, in the form of a parameter."""
    if shape.type == "map":
        return dict(said)
    if shape.type == "structure":
        inner = next(name for name in tags.CONTAINERS if name in shape.members)
        return {inner: _spelled(shape.members[inner].shape, said)}
    element = shape.element.shape
    if element.type != "structure":
        return list(said)
    key, value = (next(name for name in names if name in element.members) for names in (tags.KEYS, tags.VALUES))
    return [{key: name, value: said[name]} if isinstance(said, Mapping) else {key: name} for name in said]


async def _ask(call: Call, way: Way, name: str, said: Mapping[str, str] | Iterable[str]) -> None:
    """Route 53 sets and removes by one operation, with a parameter for each; CloudTrail has one parameter for both."""
    members = models.service(way.service).operation(name).input.members
    is_of_keys = not isinstance(said, Mapping)
    able = sorted(tags.MEMBERS.intersection(members), key=lambda member: ("key" in member.lower()) != is_of_keys)
    await call.ask(f"{way.service}:{name}", **way.named, **{able[0]: _spelled(members[able[0]].shape, said)})


# What is tagged only as a whole ----------------------------------------------------------------------


async def _change_bucket(call: Call, name: str, more: Mapping[str, str], gone: Iterable[str]) -> None:
    """By S3's own operations, which replace all tags of a bucket at once."""
    try:
        held = (await call.ask("s3:GetBucketTagging", Bucket=name))["TagSet"]
    except AwsError as error:
        if error.code != "NoSuchTagSet":
            raise
        held = []
    kept = {tag["Key"]: tag["Value"] for tag in held if tag["Key"] not in gone} | dict(more)
    if kept:
        await call.ask("s3:PutBucketTagging", Bucket=name, Tagging={"TagSet": [{"Key": key, "Value": value} for key, value in kept.items()]})
    elif held:
        await call.ask("s3:DeleteBucketTagging", Bucket=name)


async def _change_project(call: Call, name: str, more: Mapping[str, str], gone: Iterable[str]) -> None:
    """CodeBuild has no other way: https://docs.aws.amazon.com/codebuild/latest/userguide/how-to-tag-project-update.html"""
    held = (await call.ask("codebuild:BatchGetProjects", names=[name]))["projects"]
    pairs = {tag["key"]: tag["value"] for each in held for tag in each.get("tags") or () if tag["key"] not in gone} | dict(more)
    await call.ask("codebuild:UpdateProject", name=name, tags=[{"key": key, "value": value} for key, value in pairs.items()])


# All of them -------------------------------------------------------------------------------------------


def parsed_arn(arn: str) -> Arn:
    """Recorded: what is no ARN refuses the whole request (https://github.com/boto/boto3/issues/2760)."""
    parsed = arns.parse(arn)
    if parsed is None:
        raise InvalidParameterException(f"{arn} not a valid AmazonResourceName (ARN)")
    return parsed


def _check_place(call: Call, arn: str, parsed: Arn) -> None:
    """Only what is found in this region is tagged in it. AWS's words were not found."""
    partition = call.home.partition
    place = parsed.region or (OF_NO_REGION[partition] if parsed.service in GLOBAL_SERVICES else call.region)
    if parsed.partition != partition or place != call.region or parsed.account not in ("", call.account):
        raise InvalidParameterException(f"{arn} is not a resource of account {call.account} in {call.region}.")


async def change(call: Call, arn: str, more: Mapping[str, str], gone: list[str]) -> None:
    """Set tags or remove them, as whoever calls. Raises the AwsError of the service."""
    parsed = parsed_arn(arn)
    _check_place(call, arn, parsed)
    if parsed.service == "s3" and not parsed.region and "/" not in parsed.resource:
        await _change_bucket(call, parsed.resource, more, gone)
    elif parsed.service == "codebuild" and parsed.resource.startswith("project/"):
        await _change_project(call, parsed.resource.partition("/")[2], more, gone)
    else:
        way = way_of(call, arn, parsed)
        await _ask(call, way, way.untag if gone else way.tag, gone or more)
