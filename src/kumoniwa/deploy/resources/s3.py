"""AWS::S3."""

from __future__ import annotations

import json
import re
from typing import Any

from kumoniwa.deploy.resource import (
    ID,
    OMIT,
    Call,
    Name,
    Reading,
    ResourceType,
    Setting,
    Value,
    Work,
    as_json,
    at,
    carries,
    each,
    fields,
    from_json,
    gone_tags,
    p,
    seen,
    text,
    use,
)
from kumoniwa.deploy.step import Senseless
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.languages.policy_public import is_public
from kumoniwa.wire import timestamps

# us-east-1 is the one region that S3 wants left unnamed.
_location = Value(
    lambda work: (
        OMIT
        if work.pseudo["AWS::Region"] == "us-east-1"
        else {"LocationConstraint": work.pseudo["AWS::Region"]}
    )
)


def _canned(found: str) -> str:
    """``PublicRead`` → ``public-read``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", found).lower()


_encryption = fields(
    "ServerSideEncryptionConfiguration=Rules",
    ServerSideEncryptionConfiguration=each(
        fields(
            "ServerSideEncryptionByDefault=ApplyServerSideEncryptionByDefault BucketKeyEnabled BlockedEncryptionTypes"
        )
    ),
)
_cors = fields(
    "CorsRules=CORSRules",
    CorsRules=each(
        fields(
            "AllowedHeaders AllowedMethods AllowedOrigins ExposedHeaders=ExposeHeaders Id=ID MaxAge=MaxAgeSeconds"
        )
    ),
)
_read_cors_rule = fields(
    "AllowedHeaders AllowedMethods AllowedOrigins ExposeHeaders=ExposedHeaders ID=Id MaxAgeSeconds=MaxAge"
)
_filter_rules = fields("S3Key=Key", S3Key=fields("Rules=FilterRules"))


def _notifications(found: dict[str, Any]) -> dict[str, Any]:
    def configurations(target: str, sent: str) -> Any:
        rename = fields(
            f"Event=Events {target}={sent} Filter", Event=lambda event: [event], Filter=_filter_rules
        )
        return each(rename)

    rename = fields(
        "LambdaConfigurations=LambdaFunctionConfigurations QueueConfigurations TopicConfigurations EventBridgeConfiguration",
        LambdaConfigurations=configurations("Function", "LambdaFunctionArn"),
        QueueConfigurations=configurations("Queue", "QueueArn"),
        TopicConfigurations=configurations("Topic", "TopicArn"),
    )
    renamed = rename(found)
    bridge = renamed.pop("EventBridgeConfiguration", None)
    # In a template the bridge is switched by a flag (true unless said otherwise), in the API by its presence.
    if bridge is not None and bridge.get("EventBridgeEnabled", True):
        renamed["EventBridgeConfiguration"] = {}
    return renamed


def _moment(found: Any) -> Any:
    """A date of a template is text; what is none is left for S3 to refuse."""
    try:
        return timestamps.parsed(found)
    except (TypeError, ValueError):
        return found


_transition = fields("StorageClass TransitionInDays=Days TransitionDate=Date", TransitionDate=_moment)
_noncurrent = fields("StorageClass TransitionInDays=NoncurrentDays NewerNoncurrentVersions")
_rule = fields(
    "Id=ID Prefix Status AbortIncompleteMultipartUpload NoncurrentVersionExpiration NoncurrentVersionTransitions "
    "Transitions ExpirationInDays ExpirationDate ExpiredObjectDeleteMarker NoncurrentVersionExpirationInDays TagFilters "
    "ObjectSizeGreaterThan ObjectSizeLessThan Transition NoncurrentVersionTransition",
    Transitions=each(_transition),
    NoncurrentVersionTransitions=each(_noncurrent),
    ExpirationDate=_moment,
)


def _lifecycle_rule(found: dict[str, Any]) -> dict[str, Any]:
    """A template's rule is flat; the API nests the expiration and the filter."""
    rule = _rule(found)
    if "Transition" in rule:
        rule["Transitions"] = [_transition(rule.pop("Transition"))]
    if "NoncurrentVersionTransition" in rule:
        rule["NoncurrentVersionTransitions"] = [_noncurrent(rule.pop("NoncurrentVersionTransition"))]
    expiration = {
        "ExpirationInDays": "Days",
        "ExpirationDate": "Date",
        "ExpiredObjectDeleteMarker": "ExpiredObjectDeleteMarker",
    }
    if nested := {sent: rule.pop(name) for name, sent in expiration.items() if name in rule}:
        rule["Expiration"] = nested
    if "NoncurrentVersionExpirationInDays" in rule:
        rule["NoncurrentVersionExpiration"] = {
            "NoncurrentDays": rule.pop("NoncurrentVersionExpirationInDays")
        }
    parts = {
        name: rule.pop(name)
        for name in ("Prefix", "ObjectSizeGreaterThan", "ObjectSizeLessThan")
        if name in rule
    }
    tags = rule.pop("TagFilters", [])
    if len(parts) + len(tags) > 1:
        rule["Filter"] = {"And": {**parts, **({"Tags": tags} if tags else {})}}
    else:
        rule["Filter"] = parts or ({"Tag": tags[0]} if tags else {"Prefix": ""})
    return rule


def _lifecycle(found: dict[str, Any]) -> dict[str, Any]:
    rules = fields("Rules TransitionDefaultMinimumObjectSize")(found)["Rules"]
    return {"Rules": [_lifecycle_rule(rule) for rule in rules]}


_website = fields(
    "IndexDocument ErrorDocument RedirectAllRequestsTo RoutingRules",
    IndexDocument=lambda name: {"Suffix": name},
    ErrorDocument=lambda name: {"Key": name},
    RoutingRules=each(fields("RedirectRule=Redirect RoutingRuleCondition=Condition")),
)
_REDIRECTS = ["HostName", "HttpRedirectCode", "Protocol", "ReplaceKeyPrefixWith", "ReplaceKeyWith"]
_ACTIONS = [
    "ExpirationDate", "ExpirationInDays", "AbortIncompleteMultipartUpload", "Transition", "Transitions", "NoncurrentVersionExpirationInDays",
    "NoncurrentVersionTransition", "NoncurrentVersionTransitions", "NoncurrentVersionExpiration", "ExpiredObjectDeleteMarker",
]  # fmt: skip


def _need_one(names: list[str], said: dict[str, Any]) -> None:
    if not any(name in said for name in names):
        raise Senseless(f"At least one of [{','.join(names)}] needs to be specified")


def _checked_website(found: dict[str, Any]) -> Any:
    """What makes no sense was seen of AWS by cdk-preflight: pf-s3-website-…."""
    if "RedirectAllRequestsTo" in found:
        if found.keys() & {"IndexDocument", "ErrorDocument", "RoutingRules"}:
            raise Senseless("[IndexDocument, ErrorDocument, RoutingRules] should not be specified if RedirectAllRequestsTo is specified")
    elif not found.get("IndexDocument"):
        raise Senseless("Property IndexDocument cannot be empty.")
    for rule in found.get("RoutingRules", ()):
        if "RoutingRuleCondition" in rule:
            _need_one(["HttpErrorCodeReturnedEquals", "KeyPrefixEquals"], rule["RoutingRuleCondition"])
        _need_one(_REDIRECTS, rule["RedirectRule"])
        if {"ReplaceKeyWith", "ReplaceKeyPrefixWith"} <= rule["RedirectRule"].keys():
            raise Senseless("Both ReplaceKeyWith and ReplaceKeyPrefixWith cannot be specified")
    return _website(found)


def _checked_lifecycle(found: dict[str, Any]) -> Any:
    """Seen of AWS by cdk-preflight: pf-s3-lifecycle-rule-no-action."""
    for rule in found["Rules"]:
        _need_one(_ACTIONS, rule)
    return _lifecycle(found)


_replication_filter = fields("And Prefix TagFilter=Tag", And=fields("Prefix TagFilters=Tags"))
_replication = fields(
    "Role Rules",
    Rules=each(
        fields(
            "Id=ID Prefix Status Priority Filter Destination DeleteMarkerReplication SourceSelectionCriteria",
            Filter=_replication_filter,
            Destination=fields(
                "Bucket StorageClass Account AccessControlTranslation EncryptionConfiguration Metrics ReplicationTime"
            ),
        )
    ),
)
_logging = fields("DestinationBucketName=TargetBucket LogFilePrefix=TargetPrefix TargetObjectKeyFormat")


def _object_lock(found: dict[str, Any]) -> dict[str, Any]:
    return fields("ObjectLockEnabled Rule", Rule=fields("DefaultRetention"))(found)


def _put(operation: str, name: str, shape: Any = None, sent: str = "", delete: str = "") -> Setting:
    """The setting of a bucket that S3 keeps under an operation of its own."""
    value = getattr(p, name)
    value = use(shape, value) if shape else value
    return Setting(
        Call(f"s3:{operation}", Bucket=ID, **{sent or name: value}),
        Call(f"s3:{delete}", Bucket=ID) if delete else None,
    )


_tagged = {"AccountId": text("${AWS::AccountId}"), "ResourceArn": text("arn:${AWS::Partition}:s3:${AWS::Region}:${AWS::AccountId}:bucket/${ID}")}
_metrics = fields("Id AccessPointArn Prefix TagFilters")
_tiering = fields("Id Status Tierings Prefix TagFilters")
_analytics = fields(
    "Id StorageClassAnalysis Prefix TagFilters",
    StorageClassAnalysis=fields(
        "DataExport",
        DataExport=fields(
            "Destination OutputSchemaVersion",
            Destination=lambda found: {"S3BucketDestination": fields("BucketAccountId BucketArn=Bucket Format Prefix")(found)},
        ),
    ),
)
_inventory = fields(
    "Id Enabled=IsEnabled IncludedObjectVersions OptionalFields Prefix=Filter ScheduleFrequency=Schedule Destination",
    Prefix=lambda prefix: {"Prefix": prefix},
    ScheduleFrequency=lambda frequency: {"Frequency": frequency},
    Destination=lambda found: {"S3BucketDestination": fields("BucketAccountId=AccountId BucketArn=Bucket Format Prefix")(found)},
)


def _filtered(shape: Any) -> Any:
    """A template's configuration is flat, as its lifecycle rules are; the API nests the filter."""

    def nested(found: dict[str, Any]) -> dict[str, Any]:
        said = shape(found)
        parts, tags = {name: said.pop(name) for name in ("AccessPointArn", "Prefix") if name in said}, said.pop("TagFilters", [])
        if len(parts) + len(tags) > 1:
            said["Filter"] = {"And": {**parts, **({"Tags": tags} if tags else {})}}
        elif parts or tags:
            said["Filter"] = parts or {"Tag": tags[0]}
        return said

    return nested


def _put_each(name: str, shape: Any) -> Setting:
    """A list of configurations, each of which S3 keeps under its id: ``MetricsConfigurations``."""
    kind = name.removesuffix("s")

    @carries(name)
    async def put(work: Work) -> None:
        wanted = [shape(said) for said in work.properties.get(name, ())]
        kept = {said["Id"] for said in wanted}
        for said in work.old.get(name, ()):
            if said["Id"] not in kept:
                await work.ask(f"s3:DeleteBucket{kind}", Bucket=work.id, Id=said["Id"])
        for said in wanted:
            await work.ask(f"s3:PutBucket{kind}", Bucket=work.id, Id=said["Id"], **{kind: said})

    return Setting(put, put)


def _suspended(found: Any) -> Any:
    if found.get("Status") not in ("Enabled", "Suspended"):
        raise NotImplementedHere("AWS::S3::Bucket VersioningConfiguration without a Status")
    return found


def _kept(operation: str, absent: str = "", **properties: Any) -> Reading:
    return Reading(properties, Call(f"s3:{operation}", Bucket=ID), absent)


def _name_in_the_account(work: Work) -> str:
    """``BucketNamePrefix`` with the account's own suffix. What follows a prefix in the global namespace is documented nowhere."""
    prefix, account, region = (work.properties.get("BucketNamePrefix"), work.pseudo["AWS::AccountId"], work.pseudo["AWS::Region"])
    if prefix is None:
        return ""
    if work.properties.get("BucketNamespace") != "account-regional":
        raise NotImplementedHere("AWS::S3::Bucket BucketNamePrefix outside of the account's regional namespace")
    return f"{prefix}-{account}-{region}-an"


Bucket = ResourceType(
    name=Name("BucketName", 63, lower=True, composed=_name_in_the_account),
    create=Call(
        "s3:CreateBucket",
        Bucket=p.BucketName,
        CreateBucketConfiguration=_location,
        ACL=use(_canned, p.AccessControl),
        ObjectLockEnabledForBucket=p.ObjectLockEnabled,
        BucketNamespace=p.BucketNamespace,
    ),
    aside="BucketNamePrefix",
    id=p.BucketName,
    read=Call("s3:HeadBucket", Bucket=ID),
    settings=(
        Setting(
            Call(
                "s3:PutBucketVersioning",
                Bucket=ID,
                VersioningConfiguration=use(_suspended, p.VersioningConfiguration),
            ),
            # Versioning can never be taken from a bucket again, only suspended.
            Call("s3:PutBucketVersioning", Bucket=ID, VersioningConfiguration={"Status": "Suspended"}),
        ),
        _put(
            "PutBucketEncryption",
            "BucketEncryption",
            _encryption,
            "ServerSideEncryptionConfiguration",
            "DeleteBucketEncryption",
        ),
        _put("PutPublicAccessBlock", "PublicAccessBlockConfiguration", delete="DeletePublicAccessBlock"),
        _put("PutBucketOwnershipControls", "OwnershipControls", delete="DeleteBucketOwnershipControls"),
        _put("PutBucketCors", "CorsConfiguration", _cors, "CORSConfiguration", "DeleteBucketCors"),
        Setting(
            Call(
                "s3:PutBucketLifecycleConfiguration",
                Bucket=ID,
                LifecycleConfiguration=use(_checked_lifecycle, p.LifecycleConfiguration),
                TransitionDefaultMinimumObjectSize=p.LifecycleConfiguration.TransitionDefaultMinimumObjectSize,
            ),
            Call("s3:DeleteBucketLifecycle", Bucket=ID),
        ),
        Setting(
            Call(
                "s3:PutBucketAccelerateConfiguration",
                Bucket=ID,
                AccelerateConfiguration={"Status": p.AccelerateConfiguration.AccelerationStatus},
            ),
            Call("s3:PutBucketAccelerateConfiguration", Bucket=ID, AccelerateConfiguration={"Status": "Suspended"}),
        ),
        _put("PutBucketWebsite", "WebsiteConfiguration", _checked_website, delete="DeleteBucketWebsite"),
        _put(
            "PutBucketReplication", "ReplicationConfiguration", _replication, delete="DeleteBucketReplication"
        ),
        _put("PutObjectLockConfiguration", "ObjectLockConfiguration", _object_lock),
        Setting(
            Call(
                "s3:PutBucketLogging",
                Bucket=ID,
                BucketLoggingStatus={
                    "LoggingEnabled": use(
                        lambda found: {"TargetPrefix": "", **_logging(found)}, p.LoggingConfiguration
                    )
                },
            ),
            Call("s3:PutBucketLogging", Bucket=ID, BucketLoggingStatus={}),
        ),
        Setting(
            Call(
                "s3:PutBucketNotificationConfiguration",
                Bucket=ID,
                NotificationConfiguration=use(_notifications, p.NotificationConfiguration),
            ),
            Call("s3:PutBucketNotificationConfiguration", Bucket=ID, NotificationConfiguration={}),
        ),
        _put_each("AnalyticsConfigurations", _filtered(_analytics)),
        _put_each("MetricsConfigurations", _filtered(_metrics)),
        _put_each("InventoryConfigurations", _inventory),
        _put_each("IntelligentTieringConfigurations", _filtered(_tiering)),
        Setting(Call("s3control:TagResource", **_tagged, Tags=p.Tags)),
        Setting(
            Call("s3:PutBucketAbac", Bucket=ID, AbacStatus={"Status": p.AbacStatus}),
            Call("s3:PutBucketAbac", Bucket=ID, AbacStatus={"Status": "Disabled"}),
        ),
    ),
    update=(
        Call("s3:PutBucketAcl", Bucket=ID, ACL=use(_canned, p.AccessControl)),
        Call("s3control:UntagResource", **_tagged, TagKeys=gone_tags).when(gone_tags),
    ),
    delete=Call("s3:DeleteBucket", Bucket=ID),
    absent="NoSuchBucket 404 NotFound",
    attributes={
        "Arn": text("arn:${AWS::Partition}:s3:::${ID}"),
        "DomainName": text("${ID}.s3.${AWS::URLSuffix}"),
        "DualStackDomainName": text("${ID}.s3.dualstack.${AWS::Region}.${AWS::URLSuffix}"),
        "RegionalDomainName": text("${ID}.s3.${AWS::Region}.${AWS::URLSuffix}"),
        "WebsiteURL": text("http://${ID}.s3-website-${AWS::Region}.${AWS::URLSuffix}"),
    },
    defaults={"AccessControl": "Private"},
    fixed="ObjectLockEnabled",
    drift=(
        Reading({}),
        _kept("GetBucketVersioning", VersioningConfiguration={"Status": seen.Status}),
        _kept("GetBucketTagging", "NoSuchTagSet", Tags=seen.TagSet),
        _kept("GetBucketAbac", AbacStatus=seen.AbacStatus.Status),
        _kept(
            "GetPublicAccessBlock",
            "NoSuchPublicAccessBlockConfiguration",
            PublicAccessBlockConfiguration=seen.PublicAccessBlockConfiguration,
        ),
        _kept(
            "GetBucketOwnershipControls",
            "OwnershipControlsNotFoundError",
            OwnershipControls=seen.OwnershipControls,
        ),
        _kept(
            "GetBucketCors",
            "NoSuchCORSConfiguration",
            CorsConfiguration={"CorsRules": use(each(_read_cors_rule), seen.CORSRules)},
        ),
    ),
)

_point = {"AccountId": text("${AWS::AccountId}"), "Name": ID}


async def _put_point_policy(work: Work) -> None:
    said = {"AccountId": work.pseudo["AWS::AccountId"], "Name": work.id}
    if policy := work.properties.get("Policy"):
        await work.ask("s3control:PutAccessPointPolicy", **said, Policy=policy if isinstance(policy, str) else json.dumps(policy))
    elif work.old.get("Policy"):
        await work.ask("s3control:DeleteAccessPointPolicy", **said)


AccessPoint = ResourceType(
    name=Name("Name", 50, lower=True),
    create=Call(
        "s3control:CreateAccessPoint", "Bucket BucketAccountId PublicAccessBlockConfiguration", AccountId=text("${AWS::AccountId}"), Name=p.Name
    ),
    id=p.Name,
    read=Call("s3control:GetAccessPoint", **_point),
    settings=(Setting(carries("Policy")(_put_point_policy), carries("Policy")(_put_point_policy)),),
    delete=Call("s3control:DeleteAccessPoint", **_point),
    absent="NoSuchAccessPoint",
    attributes={"Arn": seen.AccessPointArn, "Alias": seen.Alias, "Name": ID, "NetworkOrigin": seen.NetworkOrigin},
    fixed="PublicAccessBlockConfiguration",
    drift=(
        Reading({"Bucket": seen.Bucket, "PublicAccessBlockConfiguration": seen.PublicAccessBlockConfiguration}),
        Reading({"Policy": from_json(seen.Policy)}, Call("s3control:GetAccessPointPolicy", **_point), "NoSuchAccessPointPolicy"),
    ),
)

_OREGON = "us-west-2"
"""Where AWS has the control plane of Multi-Region Access Points."""
_account = {"AccountId": text("${AWS::AccountId}")}
_asking = {**_account, "ClientToken": Value(lambda work: work.fresh_name(64))}

MultiRegionAccessPoint = ResourceType(
    name=Name("Name", 50, lower=True),
    create=Call(
        "s3control:CreateMultiRegionAccessPoint",
        **_asking,
        Details={"Name": p.Name, "Regions": p.Regions, "PublicAccessBlock": p.PublicAccessBlockConfiguration},
    ).at(_OREGON),
    id=p.Name,
    read=Call("s3control:GetMultiRegionAccessPoint", **_account, Name=ID).at(_OREGON),
    ready={"AccessPoint.Status": "READY"},
    delete=Call("s3control:DeleteMultiRegionAccessPoint", **_asking, Details={"Name": ID}).at(_OREGON),
    is_gone_slowly=True,
    absent="NoSuchMultiRegionAccessPoint",
    attributes={"Alias": seen.AccessPoint.Alias, "CreatedAt": use(timestamps.iso8601, seen.AccessPoint.CreatedAt)},
    drift=(Reading({"PublicAccessBlockConfiguration": seen.AccessPoint.PublicAccessBlock}),),
)

_put_policy = Call(
    "s3control:PutMultiRegionAccessPointPolicy", **_asking, Details={"Name": at(p.MrapName), "Policy": as_json(p.Policy)}
).at(_OREGON)
_established = use(lambda policy: {"IsPublic": "true" if is_public(policy) else "false"}, seen.Policy.Established.Policy)
# A policy cannot be taken away, only replaced: AWS has no operation for it.
MultiRegionAccessPointPolicy = ResourceType(
    create=_put_policy,
    id=p.MrapName,
    update=(_put_policy,),
    read=Call("s3control:GetMultiRegionAccessPointPolicy", **_account, Name=ID).at(_OREGON),
    ready={"Policy.Established.Policy": seen.Policy.Proposed.Policy},
    absent="NoSuchMultiRegionAccessPoint NoSuchMultiRegionAccessPointPolicy",
    attributes={"PolicyStatus": _established, "PolicyStatus.IsPublic": _established.IsPublic},
    drift=(Reading({"Policy": from_json(seen.Policy.Established.Policy)}),),
)

BucketPolicy = ResourceType(
    create=Call("s3:PutBucketPolicy", Bucket=p.Bucket, Policy=as_json(p.PolicyDocument)),
    id=p.Bucket,
    update=(Call("s3:PutBucketPolicy", Bucket=ID, Policy=as_json(p.PolicyDocument)),),
    delete=Call("s3:DeleteBucketPolicy", Bucket=ID),
    absent="NoSuchBucket NoSuchBucketPolicy",
    drift=(_kept("GetBucketPolicy", PolicyDocument=from_json(seen.Policy)),),
)
