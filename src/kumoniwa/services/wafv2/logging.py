"""How the traffic of web ACLs is logged: to a delivery stream, a log group or a bucket whose name begins with ``aws-waf-logs-``.

https://docs.aws.amazon.com/waf/latest/developerguide/logging-destinations.html
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from kumoniwa.gate import firewall
from kumoniwa.gate.firewall import Part
from kumoniwa.gate.names import region_of_bucket
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.services.wafv2 import errors, part
from kumoniwa.services.wafv2.checking import check_field, wrong
from kumoniwa.services.wafv2.scope import check_region, kept_by_scope

KIND = "logging"
WRITER = "delivery.logs.amazonaws.com"
POLICY = "AWSWAF-LOGS"
"""What WAF calls the resource policy by which it may write into log groups."""
REDACTABLE = ("UriPath", "QueryString", "SingleHeader", "Method")
_DESTINATIONS = {
    "firehose": re.compile(r"arn:[a-z-]+:firehose:(?P<region>[a-z0-9-]+):\d{12}:deliverystream/(?P<name>aws-waf-logs-[\w.-]+)"),
    "logs": re.compile(r"arn:[a-z-]+:logs:(?P<region>[a-z0-9-]+):\d{12}:log-group:(?P<name>aws-waf-logs-[\w./#-]+?)(?::\*)?"),
    "s3": re.compile(r"arn:[a-z-]+:s3:(?P<region>):(?:\d{12})?:(?P<name>aws-waf-logs-[a-z0-9.-]+)(?:/(?P<prefix>.*?))?/?"),
}


class Destination(NamedTuple):
    service: str
    name: str
    region: str
    prefix: str


def destination(arn: str) -> Destination:
    for service, pattern in _DESTINATIONS.items():
        found = pattern.fullmatch(arn)
        if found is not None:
            return Destination(service, found["name"], found["region"], found.groupdict().get("prefix") or "")
    raise wrong(errors.ARN, "LOG_DESTINATION", arn, "The name of a log's destination begins with aws-waf-logs-.")


def _checked(call: Call, said: dict[str, Any]) -> Destination:
    if said.get("LogScope", "CUSTOMER") != "CUSTOMER":
        raise NotImplementedHere(f"the LogScope {said['LogScope']} of wafv2")
    if len(said["LogDestinationConfigs"]) > 1:
        raise errors.WAFLimitsExceededException(hint="A web ACL has one destination.")
    for field in said.get("RedactedFields") or ():
        check_field(field, ())
        if next(iter(field)) not in REDACTABLE:
            raise wrong("The parameter is not valid.", "LOGGING_REDACTED_FIELD", next(iter(field)), f"{', '.join(REDACTABLE)} can be redacted.")
    for each in (said.get("LoggingFilter") or {}).get("Filters") or ():
        if any(len(condition) != 1 for condition in each["Conditions"]):
            raise wrong(errors.EXACTLY_ONE, "FILTER_CONDITION", "Conditions")
    found = destination(said["LogDestinationConfigs"][0])
    if found.region not in ("", call.region):
        raise wrong(errors.ARN, "LOG_DESTINATION", said["LogDestinationConfigs"][0], f"Log to {call.region}, where the web ACL is.")
    return found


async def _open(call: Call, found: Destination, arn: str) -> None:
    """See that the destination is there, and let WAF write into it, in the name of whoever asks."""
    owner = call.by_owner()
    try:
        if found.service == "firehose":
            await owner.ask("firehose:DescribeDeliveryStream", DeliveryStreamName=found.name)
        elif found.service == "logs":
            groups = (await owner.ask("logs:DescribeLogGroups", logGroupNamePrefix=found.name))["logGroups"]
            if found.name not in [each["logGroupName"] for each in groups]:
                raise errors.WAFNonexistentItemException(hint=f"There is no log group {found.name}.")
            await _open_group(call, arn.removesuffix(":*"))
        else:
            await _open_bucket(call, found)
    except errors.WAFNonexistentItemException:
        raise
    except AwsError as error:
        if error.code in ("ResourceNotFoundException", "NoSuchBucket"):
            raise errors.WAFNonexistentItemException(hint=error.text) from None
        raise errors.WAFLogDestinationPermissionIssueException(
            "The operation failed because you don't have the permissions that your logging configuration requires.", hint=error.text
        ) from None


async def _open_group(call: Call, arn: str) -> None:
    held = (await call.ask("logs:DescribeResourcePolicies"))["resourcePolicies"]
    document = next((json.loads(each["policyDocument"]) for each in held if each["policyName"] == POLICY), None)
    statement = (document or {}).get("Statement", [{}])[0]
    before = statement.get("Resource", [])
    resources = [*([before] if isinstance(before, str) else before)]
    if f"{arn}:*" in resources:
        return
    statement = {
        "Sid": "AWSLogDeliveryWrite", "Effect": "Allow", "Principal": {"Service": WRITER}, "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": [*resources, f"{arn}:*"], "Condition": {"StringEquals": {"aws:SourceAccount": call.account}},
    }  # fmt: skip
    document = {"Version": "2012-10-17", "Statement": [statement]}
    await call.ask("logs:PutResourcePolicy", policyName=POLICY, policyDocument=json.dumps(document))


async def _open_bucket(call: Call, found: Destination) -> None:
    region = region_of_bucket(call.home, found.name)
    try:
        policy = json.loads((await call.ask("s3:GetBucketPolicy", to_region=region, Bucket=found.name))["Policy"])
    except AwsError as error:
        if error.code != "NoSuchBucketPolicy":
            raise
        policy = {"Version": "2012-10-17", "Statement": []}
    sid = f"AWSLogDeliveryWrite{call.account}"
    if any(each.get("Sid") == sid for each in policy["Statement"]):
        return
    bucket = f"arn:{call.home.partition}:s3:::{found.name}"
    folder = f"{found.prefix}/" if found.prefix else ""
    policy["Statement"].append({
        "Sid": sid, "Effect": "Allow", "Principal": {"Service": WRITER}, "Action": "s3:PutObject",
        "Resource": f"{bucket}/{folder}AWSLogs/{call.account}/*", "Condition": {"StringEquals": {"aws:SourceAccount": call.account}},
    })  # fmt: skip
    await call.ask("s3:PutBucketPolicy", to_region=region, Bucket=found.name, Policy=json.dumps(policy))


async def PutLoggingConfiguration(call: Call, *, LoggingConfiguration: dict[str, Any]) -> dict:
    said = {"LogType": "WAF_LOGS", "LogScope": "CUSTOMER", **LoggingConfiguration}
    if firewall.is_global(said["ResourceArn"]):
        check_region(call)
    else:
        part.by_arn(call, said["ResourceArn"], "webacl")
    found = _checked(call, said)
    await _open(call, found, said["LogDestinationConfigs"][0])
    if firewall.is_global(said["ResourceArn"]):
        return await keep_configuration(call, LoggingConfiguration=said)
    return call.atomically(lambda: keep_configuration(call, LoggingConfiguration=said))


@kept_by_scope
def keep_configuration(call: Call, *, LoggingConfiguration: dict[str, Any]) -> dict:
    """Keep it beside its web ACL."""
    arn = LoggingConfiguration["ResourceArn"]
    web_acl = part.by_arn(call, arn, "webacl")
    kept = {**LoggingConfiguration, "ManagedByFirewallManager": False}
    key = firewall.logging_key(arn)
    firewall.shelf(call.home, call.account, arn)[key] = Part(
        kind=KIND, id=web_acl.id, name=web_acl.name, arn=key, account=call.account, lock="", document=kept
    )
    return {"LoggingConfiguration": kept}


def _found(call: Call, arn: str) -> Part:
    part.by_arn(call, arn, "webacl")
    held = firewall.shelf(call.home, call.account, arn).get(firewall.logging_key(arn))
    if held is None:
        raise errors.WAFNonexistentItemException
    return held


@kept_by_scope
def GetLoggingConfiguration(call: Call, *, ResourceArn: str, LogType: str | None = None, LogScope: str | None = None) -> dict:
    return {"LoggingConfiguration": _of(_found(call, ResourceArn), LogScope).document}


def _of(held: Part, scope: str | None) -> Part:
    """What is asked for with another scope of logs, such as Security Lake's, is not there."""
    if scope not in (None, "CUSTOMER"):
        raise errors.WAFNonexistentItemException
    return held


@kept_by_scope
def DeleteLoggingConfiguration(call: Call, *, ResourceArn: str, LogType: str | None = None, LogScope: str | None = None) -> dict:
    held = _of(_found(call, ResourceArn), LogScope)
    del firewall.shelf(call.home, call.account, ResourceArn)[held.arn]
    return {}


@kept_by_scope
def ListLoggingConfigurations(
    call: Call, *, Scope: str, NextMarker: str | None = None, Limit: int | None = None, LogScope: str | None = None
) -> dict:
    found = part.of_kind(call, Scope, KIND) if LogScope in (None, "CUSTOMER") else []
    return part.page([each.document for each in sorted(found, key=lambda each: each.arn)], "LoggingConfigurations", "ResourceArn", NextMarker, Limit)


