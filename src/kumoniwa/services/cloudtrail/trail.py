"""Trails: where events are written, and which.

A trail lives in ``aws-global`` and is replicated from there, so that each region it covers knows of it; only its home region changes it.
"""

from __future__ import annotations

import base64
import re
from typing import Any

import orjson
from msgspec import convert, to_builtins

from kumoniwa.gate.address import GLOBAL
from kumoniwa.gate.identity import SHARED
from kumoniwa.gate.names import region_of_bucket
from kumoniwa.gate.organization import member
from kumoniwa.gate.trails import DEFAULT, SERVICE, Trail, is_of
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.languages.policy import parse
from kumoniwa.languages.policy_decision import Authority, keys_of
from kumoniwa.services.cloudtrail.errors import (
    CloudTrailAccessNotEnabledException,
    CloudTrailARNInvalidException,
    CloudTrailUnavailable,
    InsufficientEncryptionPolicyException,
    InsufficientS3BucketPolicyException,
    InsufficientSnsTopicPolicyException,
    InvalidCloudWatchLogsLogGroupArnException,
    InvalidCloudWatchLogsRoleArnException,
    InvalidEventSelectorsException,
    InvalidHomeRegionException,
    InvalidParameterCombinationException,
    InvalidS3PrefixException,
    InvalidTrailNameException,
    KmsKeyDisabledException,
    KmsKeyNotFoundException,
    MaximumNumberOfTrailsExceededException,
    NotOrganizationMasterAccountException,
    OrganizationNotInAllFeaturesModeException,
    OrganizationsNotInUseException,
    ResourceNotFoundException,
    S3BucketDoesNotExistException,
    TagsLimitExceededException,
    TrailAlreadyExistsException,
    TrailNotFoundException,
)

TRAILS_MAX = 5
PREFIX_CHARACTERS_MAX = 200
TAGS_MAX = 50
SELECTORS_MAX = 5
VALUES_MAX = 250
DATA_TYPES = ("AWS::S3::Object", "AWS::Lambda::Function", "AWS::DynamoDB::Table")
FIELDS = {
    "Management": ("eventCategory", "readOnly", "eventSource"),
    "Data": ("eventCategory", "readOnly", "eventSource", "eventName", "resources.type", "resources.ARN"),
}
"""What a trail's advanced selectors may look at: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_AdvancedFieldSelector.html"""
NOT_BUILT = {"eventType", "sessionCredentialFromConsole", "userIdentity.arn"}
"""What AWS lets those of data events look at besides."""
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9]|[._-](?![._-]))*[A-Za-z0-9]")
_BUCKET = re.compile(r"arn:aws[a-z-]*:s3:::[^/]+")
"""Of whose objects nothing is said."""
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")


def named_arn(call: Call, name: str) -> str:
    return call.arn(f"trail/{name}")


def _check_name(name: str) -> None:
    """Texts recorded: https://github.com/getmoto/moto/blob/master/tests/test_cloudtrail/test_cloudtrail.py"""
    if len(name) < 3:
        raise InvalidTrailNameException(
            "Trail name too short. Minimum allowed length: 3 characters. Specified name length: " + f"{len(name)} characters."
        )
    if len(name) > 128:
        raise InvalidTrailNameException(
            "Trail name too long. Maximum allowed length: 128 characters. Specified name length: " + f"{len(name)} characters."
        )
    if not name[0].isalnum():
        raise InvalidTrailNameException("Trail name must starts with a letter or number.")
    if not name[-1].isalnum():
        raise InvalidTrailNameException("Trail name must ends with a letter or number.")
    if not re.fullmatch(r"[A-Za-z0-9._-]+", name) or _ADDRESS.fullmatch(name):
        raise InvalidTrailNameException(
            "Trail name or ARN can only contain uppercase letters, lowercase letters, numbers, periods (.), hyphens (-), and underscores (_)."
        )
    if not _NAME.fullmatch(name):
        raise InvalidTrailNameException("Trail name may not have adjacent periods, underscores or dashes.")


def arn_in(call: Call, text: str) -> str:
    """The ARN of a trail that is named by it or by its name."""
    if not text.startswith("arn:"):
        _check_name(text)
        return named_arn(call, text)
    parsed = arns.parse(text)
    if parsed is None or parsed.service != "cloudtrail" or not parsed.resource.startswith("trail/"):
        raise CloudTrailARNInvalidException(f"The specified ARN is not valid: {text}")
    return text


def shelf(call: Call):
    return call.home.store.shelf(SHARED, Trail)


def of_account(call: Call) -> list[Trail]:
    """Those of the account, and of its organization."""
    return sorted((trail for trail in shelf(call).values() if is_of(call.home, trail, call.account)), key=lambda trail: (trail.name, trail.arn))


def existing(call: Call, text: str) -> Trail:
    """A trail by its ARN, or by its name: one of this region or one that covers it from another."""
    arn = arn_in(call, text)
    trail = shelf(call).get(arn)
    if trail is None and not text.startswith("arn:"):
        trail = next((each for each in of_account(call) if each.name == text and each.covers(call.region)), None)
    if trail is None or not is_of(call.home, trail, call.account):
        # GetTrailStatus alone names the ARN that a name would have had: moto's test_get_trail_unknown and test_get_trail_status_unknown_trail.
        said = arn if call.operation == "GetTrailStatus" else text
        raise TrailNotFoundException(f"Unknown trail: {said} for the user: {call.account}")
    return trail


def own(call: Call, text: str) -> Trail:
    trail = existing(call, text)
    if trail.account != call.account:
        raise NotOrganizationMasterAccountException(f"The trail {trail.arn} is of the organization: only its management account changes it.")
    if trail.home != call.region:
        raise InvalidHomeRegionException(f"The home region of the trail {trail.arn} is {trail.home}: change it there.")
    return trail


async def keep(call: Call, trail: Trail) -> None:
    """Have it known everywhere; when this returns it is known here."""
    await _tell(call, {"what": "keep", "trail": to_builtins(trail)})


async def _tell(call: Call, message: dict[str, Any]) -> None:
    try:
        await call.home.exchange(GLOBAL, "cloudtrail", message)
    except AwsError as error:
        raise CloudTrailUnavailable(f"The registry of trails cannot be reached: {error.text}") from None


def hear_keep(home: Any, message: dict[str, Any]) -> None:
    """In ``aws-global``."""
    trail = convert(message["trail"], Trail)
    home.store.shelf(SHARED, Trail)[trail.arn] = trail


def hear_drop(home: Any, message: dict[str, Any]) -> None:
    home.store.shelf(SHARED, Trail).pop(message["arn"], None)


# Operations ----------------------------------------------------------------------------------------


async def CreateTrail(
    call: Call, *, Name: str, S3BucketName: str, S3KeyPrefix: str | None = None, SnsTopicName: str | None = None,
    IncludeGlobalServiceEvents: bool | None = None, IsMultiRegionTrail: bool | None = None, EnableLogFileValidation: bool | None = None,
    CloudWatchLogsLogGroupArn: str | None = None, CloudWatchLogsRoleArn: str | None = None, TagsList: list[dict[str, str]] | None = None,
    KmsKeyId: str | None = None, IsOrganizationTrail: bool | None = None,
) -> dict:  # fmt: skip
    _check_name(Name)
    arn = named_arn(call, Name)
    if arn in shelf(call):
        raise TrailAlreadyExistsException(f"Trail {Name} already exists for customer: {call.account}")
    if sum(trail.home == call.region and trail.account == call.account for trail in of_account(call)) >= TRAILS_MAX:
        raise MaximumNumberOfTrailsExceededException(f"User: {call.account} already has {TRAILS_MAX} trails in {call.region}.")
    trail = Trail(
        arn=arn, name=Name, account=call.account, home=call.region, bucket=S3BucketName, prefix=S3KeyPrefix or "",
        topic=_topic_arn(call, SnsTopicName), is_multi_region=bool(IsMultiRegionTrail),
        has_global_events=IncludeGlobalServiceEvents is not False, is_validated=bool(EnableLogFileValidation),
        log_group=CloudWatchLogsLogGroupArn or "", log_role=CloudWatchLogsRoleArn or "", tags=_tags(TagsList), key=KmsKeyId or "",
        organization=_organization(call) if IsOrganizationTrail else "",
    )  # fmt: skip
    trail = await _checked(call, trail)
    await keep(call, trail)
    return _answer(trail)


def _organization(call: Call) -> str:
    """The organization of which the account may keep the calls. The words of refusals are ours: no source tells AWS's.
    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/creating-an-organizational-trail-prepare.html"""
    found = member(call.home, call.account)
    if found is None:
        raise OrganizationsNotInUseException("The account is not a member of an organization.")
    if not found.has_all_features:
        raise OrganizationNotInAllFeaturesModeException("Not all features are enabled in the organization.")
    if found.management != call.account:
        if SERVICE in found.administers:
            raise NotImplementedHere("trails of organizations that a delegated administrator makes")
        raise NotOrganizationMasterAccountException("The account is not the management account of its organization.")
    if SERVICE not in found.administers:
        hint = f"organizations enable-aws-service-access --service-principal {SERVICE}"
        raise CloudTrailAccessNotEnabledException("Trusted access is not enabled between CloudTrail and Organizations.", hint=hint)
    return found.organization


def _topic_arn(call: Call, name: str | None) -> str:
    if not name:
        return ""
    return name if name.startswith("arn:") else call.arn(name, "sns")


async def _checked(call: Call, trail: Trail) -> Trail:
    """AWS proves that it may write before it takes a trail. Its key is known by its ARN from then on."""
    if trail.is_multi_region and not trail.has_global_events:
        raise InvalidParameterCombinationException("Multi-Region trail must include global service events.")
    if len(trail.prefix) > PREFIX_CHARACTERS_MAX:
        raise InvalidS3PrefixException(f"S3 prefix is longer than maximum length: {PREFIX_CHARACTERS_MAX}")
    if bool(trail.log_group) != bool(trail.log_role):
        if trail.log_group:
            raise InvalidCloudWatchLogsRoleArnException("You must specify a role ARN as well as a log group.")
        raise InvalidCloudWatchLogsLogGroupArnException("You must specify a log group as well as a role ARN.")
    await _prove_bucket(call, trail)
    if trail.topic:
        await _prove_topic(call, trail)
    if trail.log_group:
        try:
            call.assuming(trail.log_role, SERVICE, "cloudtrail").require("logs:PutLogEvents", trail.log_group)
        except AwsError as error:
            raise InvalidCloudWatchLogsRoleArnException(f"Access denied. Check the trust relationships for your role. {error.text}") from None
    return changed(trail, key=await _proven_key(call, trail)) if trail.key else trail


async def _proven_key(call: Call, trail: Trail) -> str:
    """The key is of the region of the bucket, and its policy lets CloudTrail use it for this trail.
    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html"""
    region = region_of_bucket(call.home, trail.bucket)
    try:
        owner = call.by_owner()
        await owner.ask("kms:DescribeKey", to_region=region, KeyId=trail.key)
        made = await ourselves(call, trail).ask(
            "kms:GenerateDataKeyWithoutPlaintext", to_region=region, KeyId=trail.key, KeySpec="AES_256",
            EncryptionContext={"aws:cloudtrail:arn": trail.arn},
        )  # fmt: skip
    except AwsError as error:
        if error.code == "NotFoundException":
            raise KmsKeyNotFoundException(error.text) from None
        if error.code == "DisabledException":
            raise KmsKeyDisabledException(error.text) from None
        raise InsufficientEncryptionPolicyException(
            f"Insufficient permissions to access S3 bucket {trail.bucket} or KMS key {trail.key}.",
            hint=f"Let {SERVICE} kms:GenerateDataKey* on the key. {error.text}",
        ) from None
    return made["KeyId"]


async def _prove_bucket(call: Call, trail: Trail) -> None:
    """By writing the empty object that AWS, too, leaves in a trail's folder."""
    try:
        for owner in filter(None, (trail.account, trail.organization)):
            await put(call, trail, "/".join(filter(None, (trail.prefix, "AWSLogs", owner))) + "/", b"")
    except AwsError as error:
        if error.code == "NoSuchBucket":
            raise S3BucketDoesNotExistException(f"S3 bucket {trail.bucket} does not exist!") from None
        raise InsufficientS3BucketPolicyException(
            f"Incorrect S3 bucket policy is detected for bucket: {trail.bucket}",
            hint=f"Let {SERVICE} s3:PutObject on the bucket's AWSLogs/{trail.organization or trail.account}/*. {error.text}",
        ) from None


async def _prove_topic(call: Call, trail: Trail) -> None:
    us, topic = ourselves(call, trail).principal, arns.parse(trail.topic)
    try:
        held = await call.ask("sns:GetTopicAttributes", to_region=topic.region if topic else None, TopicArn=trail.topic)
        policy = parse(held["Attributes"]["Policy"], "resource")
        may = Authority(us).decide("sns:Publish", trail.topic, keys_of(us), resource_policy=policy, resource_must_allow=True).is_allowed
    except AwsError:
        may = False
    if not may:
        raise InsufficientSnsTopicPolicyException("SNS Topic does not exist or the topic policy is incorrect!")


def at_owner(call: Call, trail: Trail) -> Call:
    """The same call in the account of the trail, which is another than that of the events where these are of an organization."""
    return call if trail.account == call.account else call.home.call("cloudtrail", trail.account, principals.service(SERVICE, trail.account))


def ourselves(call: Call, trail: Trail) -> Call:
    return at_owner(call, trail).acting(SERVICE, **{"aws:SourceArn": trail.arn, "aws:SourceAccount": trail.account})


async def put(call: Call, trail: Trail, key: str, body: bytes, *, once: str | None = None, **more: Any) -> None:
    """Write a file into the trail's bucket, wherever that is."""
    region = region_of_bucket(call.home, trail.bucket)
    more |= {"ACL": "bucket-owner-full-control", "ContentType": "application/json"}
    if trail.key and body:
        context = base64.b64encode(orjson.dumps({"aws:cloudtrail:arn": trail.arn})).decode()
        more |= {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": trail.key, "SSEKMSEncryptionContext": context}
    await ourselves(call, trail).ask("s3:PutObject", to_region=region, once=once, Bucket=trail.bucket, Key=key, Body=body, **more)


def _answer(trail: Trail) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "Name": trail.name,
        "S3BucketName": trail.bucket,
        "S3KeyPrefix": trail.prefix,
        "SnsTopicName": trail.topic.rpartition(":")[2],
        "SnsTopicARN": trail.topic,
        "IncludeGlobalServiceEvents": trail.has_global_events,
        "IsMultiRegionTrail": trail.is_multi_region,
        "TrailARN": trail.arn,
        "LogFileValidationEnabled": trail.is_validated,
        "CloudWatchLogsLogGroupArn": trail.log_group,
        "CloudWatchLogsRoleArn": trail.log_role,
        "KmsKeyId": trail.key,
        "IsOrganizationTrail": bool(trail.organization),
    }
    return {name: value for name, value in shown.items() if value != ""}


def _described(trail: Trail) -> dict[str, Any]:
    more = {"HomeRegion": trail.home, "HasCustomEventSelectors": trail.selectors != DEFAULT or bool(trail.advanced), "HasInsightSelectors": False}
    return _answer(trail) | more


async def UpdateTrail(
    call: Call, *, Name: str, S3BucketName: str | None = None, S3KeyPrefix: str | None = None, SnsTopicName: str | None = None,
    IncludeGlobalServiceEvents: bool | None = None, IsMultiRegionTrail: bool | None = None, EnableLogFileValidation: bool | None = None,
    CloudWatchLogsLogGroupArn: str | None = None, CloudWatchLogsRoleArn: str | None = None, KmsKeyId: str | None = None,
    IsOrganizationTrail: bool | None = None,
) -> dict:  # fmt: skip
    trail = own(call, Name)
    if IsOrganizationTrail is not None:
        trail = changed(trail, organization=_organization(call) if IsOrganizationTrail else "")
    said = {
        "bucket": S3BucketName, "prefix": S3KeyPrefix, "topic": _topic_arn(call, SnsTopicName) if SnsTopicName is not None else None,
        "has_global_events": IncludeGlobalServiceEvents, "is_multi_region": IsMultiRegionTrail, "is_validated": EnableLogFileValidation,
        "log_group": CloudWatchLogsLogGroupArn, "log_role": CloudWatchLogsRoleArn, "key": KmsKeyId,
    }  # fmt: skip
    trail = changed(trail, **{name: value for name, value in said.items() if value is not None})
    trail = await _checked(call, trail)
    await keep(call, trail)
    return _answer(trail)


async def DeleteTrail(call: Call, *, Name: str) -> None:
    await _tell(call, {"what": "drop", "arn": own(call, Name).arn})


def GetTrail(call: Call, *, Name: str) -> dict:
    return {"Trail": _described(existing(call, Name))}


def DescribeTrails(call: Call, *, trailNameList: list[str] | None = None, includeShadowTrails: bool = True) -> dict:
    found = [
        trail for trail in of_account(call)
        if (trail.home == call.region and trail.account == call.account) or (includeShadowTrails and trail.covers(call.region))
    ]  # fmt: skip
    if trailNameList:
        wanted = {arn_in(call, name) for name in trailNameList}
        names = {name for name in trailNameList if not name.startswith("arn:")}
        found = [trail for trail in found if trail.arn in wanted or trail.name in names]
    return {"trailList": [_described(trail) for trail in found]}


def ListTrails(call: Call) -> dict:
    return {"Trails": [{"TrailARN": trail.arn, "Name": trail.name, "HomeRegion": trail.home} for trail in of_account(call)]}


async def StartLogging(call: Call, *, Name: str) -> None:
    trail = own(call, Name)
    if not trail.is_logging:
        await keep(call, changed(trail, is_logging=True, started=call.now()))


async def StopLogging(call: Call, *, Name: str) -> None:
    trail = own(call, Name)
    if trail.is_logging:
        await keep(call, changed(trail, is_logging=False, stopped=call.now()))


# Selectors -----------------------------------------------------------------------------------------


async def PutEventSelectors(
    call: Call, *, TrailName: str, EventSelectors: list[dict[str, Any]] | None = None, AdvancedEventSelectors: list[dict[str, Any]] | None = None
) -> dict:
    trail = own(call, TrailName)
    # These texts were measured by https://github.com/badmintoncryer/cdk-preflight (rules/cloudtrail).
    if EventSelectors and AdvancedEventSelectors:
        raise InvalidEventSelectorsException("You can select events by using either EventSelectors or AdvancedEventSelectors, but not both")
    if not EventSelectors and not AdvancedEventSelectors:
        raise InvalidEventSelectorsException("Specify either EventSelectors or AdvancedEventSelectors.")
    values = [value for each in EventSelectors or () for resource in each.get("DataResources") or () for value in resource.get("Values") or ()]
    if len(values) > VALUES_MAX:
        raise InvalidEventSelectorsException(f"Specify a valid number of DataResources.Values (0 to {VALUES_MAX}) for all your selectors")
    for selector in EventSelectors or ():
        _check_selector(selector)
    for selector in AdvancedEventSelectors or ():
        _check_advanced(selector)
    if len(EventSelectors or ()) > SELECTORS_MAX:
        raise InvalidEventSelectorsException(f"A trail has {SELECTORS_MAX} event selectors at most.")
    selectors = tuple(DEFAULT[0] | selector for selector in EventSelectors or ())
    trail = changed(trail, selectors=selectors or DEFAULT, advanced=tuple(AdvancedEventSelectors or ()))
    await keep(call, trail)
    return _selected(trail)


def _check_selector(selector: dict[str, Any]) -> None:
    for resource in selector.get("DataResources") or ():
        if resource.get("Type") not in DATA_TYPES:
            raise NotImplementedHere(f"data events of {resource.get('Type')} in trails")
        for value in resource.get("Values") or ():
            if not value.startswith("arn") or resource["Type"] == "AWS::S3::Object" and _BUCKET.fullmatch(value):
                raise InvalidEventSelectorsException(f"Value {value} for DataResources.Values is invalid")


def _check_advanced(selector: dict[str, Any]) -> None:
    fields = {field["Field"]: field for field in selector["FieldSelectors"]}
    category = (fields.get("eventCategory") or {}).get("Equals") or []
    if category == ["NetworkActivity"]:
        raise NotImplementedHere("network activity events in trails")
    if category not in (["Management"], ["Data"]):
        raise InvalidEventSelectorsException("Each advanced event selector says eventCategory Equals Management, Data or NetworkActivity.")
    for field in sorted(set(fields) - set(FIELDS[category[0]])):
        if category == ["Data"] and field in NOT_BUILT:
            raise NotImplementedHere(f"the field {field} of advanced event selectors")
        raise InvalidEventSelectorsException(
            f"The following field is not allowed when the eventCategory field value equals {category[0]}: {field}"
        )
    if category == ["Data"]:
        types = (fields.get("resources.type") or {}).get("Equals") or []
        if len(types) != 1:
            raise InvalidEventSelectorsException("A selector of data events says resources.type Equals one type.")
        if types[0] not in DATA_TYPES:
            raise NotImplementedHere(f"data events of {types[0]} in trails")


def GetEventSelectors(call: Call, *, TrailName: str) -> dict:
    return _selected(existing(call, TrailName))


def _selected(trail: Trail) -> dict[str, Any]:
    if trail.advanced:
        return {"TrailARN": trail.arn, "AdvancedEventSelectors": list(trail.advanced)}
    return {"TrailARN": trail.arn, "EventSelectors": list(trail.selectors)}


# Tags ----------------------------------------------------------------------------------------------


def _tags(tags: list[dict[str, str]] | None) -> dict[str, str]:
    named = {tag["Key"]: tag.get("Value", "") for tag in tags or ()}
    if len(named) > TAGS_MAX:
        raise TagsLimitExceededException(f"A trail has {TAGS_MAX} tags at most.")
    return named


def _tagged(call: Call, arn: str) -> Trail:
    trail = shelf(call).get(arn_in(call, arn))
    if trail is None or trail.account != call.account:
        raise ResourceNotFoundException(f"Unknown trail: {arn} for the user: {call.account}")
    return trail


def tags_of(call: Call, arn: str) -> dict[str, str]:
    return _tagged(call, arn).tags


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    """A trail of many regions is told of where it is at home."""
    return [(each.arn, each.tags) for each in shelf(call).values() if (each.account, each.home) == (call.account, call.region)]


async def AddTags(call: Call, *, ResourceId: str, TagsList: list[dict[str, str]]) -> None:
    trail = _tagged(call, ResourceId)
    tags = trail.tags | _tags(TagsList)
    if len(tags) > TAGS_MAX:
        raise TagsLimitExceededException(f"A trail has {TAGS_MAX} tags at most.")
    await keep(call, changed(trail, tags=tags))


async def RemoveTags(call: Call, *, ResourceId: str, TagsList: list[dict[str, str]]) -> None:
    trail, gone = _tagged(call, ResourceId), {tag["Key"] for tag in TagsList}
    await keep(call, changed(trail, tags={name: value for name, value in trail.tags.items() if name not in gone}))


def ListTags(call: Call, *, ResourceIdList: list[str]) -> dict:
    return {
        "ResourceTagList": [
            {"ResourceId": arn, "TagsList": [{"Key": name, "Value": value} for name, value in _tagged(call, arn).tags.items()]}
            for arn in ResourceIdList
        ]
    }
