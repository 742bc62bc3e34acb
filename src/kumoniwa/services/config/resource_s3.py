"""Buckets.

https://github.com/awslabs/aws-config-resource-schema/blob/master/config/properties/resource-types/AWS::S3::Bucket.properties.json
The supplementary parts that schema leaves out (lists of grants, the text of the policy) are spelled as getmoto/moto's tests of S3's
configuration items have them.
"""

from __future__ import annotations

import json
from typing import Any

from kumoniwa.services.config.resource import Found, Kind, Reader, one_by_one, said, tags_of
from kumoniwa.wire import timestamps

TYPE = "AWS::S3::Bucket"
PERMISSIONS = {"FULL_CONTROL": "FullControl", "READ": "Read", "WRITE": "Write", "READ_ACP": "ReadAcp", "WRITE_ACP": "WriteAcp"}
GROUPS = {
    "http://acs.amazonaws.com/groups/global/AllUsers": "AllUsers",
    "http://acs.amazonaws.com/groups/global/AuthenticatedUsers": "AuthenticatedUsers",
    "http://acs.amazonaws.com/groups/s3/LogDelivery": "LogDelivery",
}
_NO_BUCKET = ("NoSuchBucket", "404", "PermanentRedirect", "IllegalLocationConstraintException")


async def _listed(reader: Reader) -> list[str]:
    held = await _buckets(reader)
    return sorted(held)


async def _buckets(reader: Reader) -> dict[str, float]:
    """The buckets of this region, with when they were made."""
    if "buckets" not in reader.remembered:
        reply = await reader.ask("s3:ListBuckets", BucketRegion=reader.call.region)
        reader.remembered["buckets"] = {each["Name"]: each["CreationDate"] for each in reply["Buckets"]}
        reader.remembered["owner"] = reply.get("Owner", {})
    return reader.remembered["buckets"]


async def _read(reader: Reader, name: str) -> Found | None:
    created = (await _buckets(reader)).get(name)
    if created is None:
        return None
    owner = {"displayName": None, "id": reader.remembered["owner"].get("ID")}
    supplementary: dict[str, Any] = {}
    for part, (operation, absent, read) in _PARTS.items():
        reply = await reader.ask(f"s3:{operation}", absent=(*_NO_BUCKET, absent), Bucket=name)
        value = read(reply)
        if value is not None:
            supplementary[part] = value
    tagged = await reader.ask("s3:GetBucketTagging", absent=(*_NO_BUCKET, "NoSuchTagSet"), Bucket=name) or {}
    tags = tags_of(tagged.get("TagSet"))
    if tags:
        supplementary["BucketTaggingConfiguration"] = {"tagSets": [{"tags": tags}]}
    configuration = {"name": name, "owner": owner, "creationDate": timestamps.to_millisecond(created), "region": reader.call.region}
    return Found(name, name, f"arn:{reader.call.home.partition}:s3:::{name}", configuration, supplementary, tags, created=created)


# Parts: what of the reply stands there, where there is a reply ----------------------------------------


def _acl(reply: dict[str, Any] | None) -> str | None:
    """A text within the text, as on AWS."""
    if reply is None:
        return None
    grants = [{"grantee": _grantee(each["Grantee"]), "permission": PERMISSIONS[each["Permission"]]} for each in reply["Grants"]]
    owner = {"displayName": None, "id": reply["Owner"]["ID"]}
    return json.dumps({"grantSet": None, "grantList": grants, "owner": owner, "isRequesterCharged": False})


def _grantee(said: dict[str, Any]) -> Any:
    return GROUPS.get(said["URI"], said["URI"]) if "URI" in said else {"id": said.get("ID"), "displayName": None}


def _versioning(reply: dict[str, Any] | None) -> dict[str, Any]:
    return {"status": (reply or {}).get("Status", "Off"), "isMfaDeleteEnabled": (reply or {}).get("MFADelete") == "Enabled" or None}


def _encryption(reply: dict[str, Any] | None) -> dict[str, Any] | None:
    if reply is None:
        return None
    rules = []
    for each in reply["ServerSideEncryptionConfiguration"]["Rules"]:
        default = each.get("ApplyServerSideEncryptionByDefault")
        rule = {"applyServerSideEncryptionByDefault": None, "bucketKeyEnabled": each.get("BucketKeyEnabled", False)}
        if default is not None:
            rule["applyServerSideEncryptionByDefault"] = {"sseAlgorithm": default["SSEAlgorithm"], "kmsMasterKeyID": default.get("KMSMasterKeyID")}
        rules.append(rule)
    return {"rules": rules}


def _public(reply: dict[str, Any] | None) -> dict[str, Any] | None:
    if reply is None:
        return None
    said = reply["PublicAccessBlockConfiguration"]
    return {
        name[:1].lower() + name[1:]: said.get(name, False)
        for name in ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    }


def _logging(reply: dict[str, Any] | None) -> dict[str, Any]:
    enabled = (reply or {}).get("LoggingEnabled") or {}
    return {"destinationBucketName": enabled.get("TargetBucket"), "logFilePrefix": enabled.get("TargetPrefix")}


def _notification(reply: dict[str, Any] | None) -> dict[str, Any]:
    """Configurations by their ids, each with the type of its target."""
    found = {}
    for member, type_, target in (
        ("TopicConfigurations", "TopicConfiguration", "TopicArn"), ("QueueConfigurations", "QueueConfiguration", "QueueArn"),
        ("LambdaFunctionConfigurations", "LambdaConfiguration", "LambdaFunctionArn"),
    ):  # fmt: skip
        for each in (reply or {}).get(member) or ():
            arn = {"TopicArn": "topicARN", "QueueArn": "queueARN", "LambdaFunctionArn": "functionARN"}[target]
            found[each["Id"]] = {"events": each["Events"], "filter": _rules(each), "objectPrefixes": [], "type": type_, arn: each[target]}
    told: dict[str, Any] = {"configurations": found}
    return told | ({"eventBridgeConfiguration": {}} if "EventBridgeConfiguration" in (reply or {}) else {})


def _rules(said: dict[str, Any]) -> Any:
    listed = ((said.get("Filter") or {}).get("Key") or {}).get("FilterRules")
    return {"s3KeyFilter": {"filterRules": [{"name": each["Name"], "value": each["Value"]} for each in listed]}} if listed else None


def _lifecycle(reply: dict[str, Any] | None) -> dict[str, Any] | None:
    if reply is None:
        return None
    rules = []
    for each in reply["Rules"]:
        expiration, aborted = each.get("Expiration") or {}, each.get("AbortIncompleteMultipartUpload")
        noncurrent = each.get("NoncurrentVersionExpiration") or {}
        rules.append(
            {
                "id": each.get("ID"), "prefix": each.get("Prefix"), "status": each["Status"],
                "filter": {"predicate": _predicate(each["Filter"])} if "Filter" in each else None,
                "expirationInDays": expiration.get("Days", -1), "expiredObjectDeleteMarker": expiration.get("ExpiredObjectDeleteMarker", False),
                "expirationDate": timestamps.to_millisecond(expiration["Date"]) if "Date" in expiration else None,
                "noncurrentVersionExpirationInDays": noncurrent.get("NoncurrentDays", -1),
                "transitions": [
                    {"days": move.get("Days", -1), "date": timestamps.to_millisecond(move["Date"]) if "Date" in move else None, "storageClass": move["StorageClass"]}
                    for move in each.get("Transitions") or ()
                ] or None,
                "noncurrentVersionTransitions": [
                    {"days": move.get("NoncurrentDays", -1), "storageClass": move["StorageClass"]} for move in each.get("NoncurrentVersionTransitions") or ()
                ] or None,
                "abortIncompleteMultipartUpload": {"daysAfterInitiation": aborted["DaysAfterInitiation"]} if aborted else None,
            }
        )  # fmt: skip
    return {"rules": rules}


def _predicate(said: dict[str, Any]) -> dict[str, Any] | None:
    """What a rule's filter asks for, in the SDK's words."""
    if "And" in said:
        each = said["And"]
        parts = [{"prefix": each["Prefix"]}] if "Prefix" in each else []
        parts += [{"tag": {"key": tag["Key"], "value": tag["Value"]}} for tag in each.get("Tags") or ()]
        operands = [
            _predicate(
                {"Prefix": part["prefix"]} if "prefix" in part else {"Tag": {"Key": part["tag"]["key"], "Value": part["tag"]["value"]}}
            )
            for part in parts
        ]
        return {"type": "LifecycleAndOperator", "operands": operands}
    if "Tag" in said:
        return {"type": "LifecycleTagPredicate", "tag": {"key": said["Tag"]["Key"], "value": said["Tag"]["Value"]}}
    if said.get("Prefix"):
        return {"type": "LifecyclePrefixPredicate", "prefix": said["Prefix"]}
    return None


def _replication(reply: dict[str, Any] | None) -> dict[str, Any] | None:
    """Rules by their ids."""
    if reply is None:
        return None
    said, rules = reply["ReplicationConfiguration"], {}
    for each in said["Rules"]:
        target = each["Destination"]
        rules[each.get("ID", "")] = {
            "prefix": each.get("Prefix") or (each.get("Filter") or {}).get("Prefix", ""), "status": each["Status"], "priority": each.get("Priority"),
            "destinationConfig": {"bucketARN": target["Bucket"], "storageClass": target.get("StorageClass"), "account": target.get("Account")},
        }  # fmt: skip
    return {"roleARN": said["Role"], "rules": rules}


def _cors(reply: dict[str, Any] | None) -> dict[str, Any] | None:
    if reply is None:
        return None
    names = {"ID": "id", "AllowedMethods": "allowedMethods", "AllowedOrigins": "allowedOrigins", "AllowedHeaders": "allowedHeaders",
             "ExposeHeaders": "exposedHeaders", "MaxAgeSeconds": "maxAgeSeconds"}  # fmt: skip
    return {"rules": [{short: each.get(name) for name, short in names.items()} for each in reply["CORSRules"]]}


def _website(reply: dict[str, Any] | None) -> dict[str, Any] | None:
    if reply is None:
        return None
    redirect = reply.get("RedirectAllRequestsTo")
    return {
        "indexDocumentSuffix": (reply.get("IndexDocument") or {}).get("Suffix"), "errorDocument": (reply.get("ErrorDocument") or {}).get("Key"),
        "redirectAllRequestsTo": {"hostName": redirect["HostName"], "protocol": redirect.get("Protocol")} if redirect else None,
        "routingRules": [
            {
                "condition": {"keyPrefixEquals": (each.get("Condition") or {}).get("KeyPrefixEquals"), "httpErrorCodeReturnedEquals": (each.get("Condition") or {}).get("HttpErrorCodeReturnedEquals")},
                "redirect": {short: each["Redirect"].get(name) for name, short in _REDIRECT.items()},
            }
            for each in reply.get("RoutingRules") or ()
        ],
    }  # fmt: skip


_REDIRECT = {"Protocol": "protocol", "HostName": "hostName", "ReplaceKeyPrefixWith": "replaceKeyPrefixWith", "ReplaceKeyWith": "replaceKeyWith",
             "HttpRedirectCode": "httpRedirectCode"}  # fmt: skip


def _lock(reply: dict[str, Any] | None) -> dict[str, Any] | None:
    if reply is None:
        return None
    said = reply["ObjectLockConfiguration"]
    rule = (said.get("Rule") or {}).get("DefaultRetention")
    kept = {"mode": rule["Mode"], "days": rule.get("Days", 0), "years": rule.get("Years", 0)} if rule else None
    return {"objectLockEnabled": said.get("ObjectLockEnabled"), "rule": {"defaultRetention": kept} if kept else None}


_PARTS = {
    "AccessControlList": ("GetBucketAcl", "", _acl),
    "BucketAccelerateConfiguration": ("GetBucketAccelerateConfiguration", "", lambda reply: {"status": (reply or {}).get("Status")}),
    "BucketLoggingConfiguration": ("GetBucketLogging", "", _logging),
    "BucketNotificationConfiguration": ("GetBucketNotificationConfiguration", "", _notification),
    "BucketPolicy": ("GetBucketPolicy", "NoSuchBucketPolicy", lambda reply: {"policyText": (reply or {}).get("Policy")}),
    "BucketVersioningConfiguration": ("GetBucketVersioning", "", _versioning),
    "IsRequesterPaysEnabled": ("GetBucketRequestPayment", "", lambda reply: (reply or {}).get("Payer") == "Requester"),
    "PublicAccessBlockConfiguration": ("GetPublicAccessBlock", "NoSuchPublicAccessBlockConfiguration", _public),
    "ServerSideEncryptionConfiguration": ("GetBucketEncryption", "ServerSideEncryptionConfigurationNotFoundError", _encryption),
    "BucketLifecycleConfiguration": ("GetBucketLifecycleConfiguration", "NoSuchLifecycleConfiguration", _lifecycle),
    "BucketReplicationConfiguration": ("GetBucketReplication", "ReplicationConfigurationNotFoundError", _replication),
    "BucketCrossOriginConfiguration": ("GetBucketCors", "NoSuchCORSConfiguration", _cors),
    "BucketWebsiteConfiguration": ("GetBucketWebsite", "NoSuchWebsiteConfiguration", _website),
    "ObjectLockConfiguration": ("GetObjectLockConfiguration", "ObjectLockConfigurationNotFoundError", _lock),
}


def _named(event: dict[str, Any]) -> list[str] | None:
    name = said(event, "bucketName")
    return [name] if name else None


KINDS = (Kind(TYPE, ("s3",), one_by_one(_listed, _read), _named),)
