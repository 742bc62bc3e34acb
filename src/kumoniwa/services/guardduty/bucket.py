"""What is to be known of a bucket: GuardDuty's role asks S3 for it, and for whether everybody is let in, before there is a finding.

Questions are rows put in the commit of the call, so that a region which was killed asks them when it is back.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import orjson

from kumoniwa.gate import patience
from kumoniwa.gate.outbox import Delivery, Outbox
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.guardduty import detector as detectors
from kumoniwa.services.guardduty import finding, judging
from kumoniwa.services.guardduty.judging import ANONYMOUS, PUBLIC, Hit

RETRIES = {"MaximumRetryAttempts": 20, "MaximumEventAgeInSeconds": 3_600}
_EVERYBODY, _AUTHENTICATED = (f"http://acs.amazonaws.com/groups/global/{name}" for name in ("AllUsers", "AuthenticatedUsers"))
_READING, _WRITING = {"READ", "FULL_CONTROL"}, {"WRITE", "FULL_CONTROL"}


def look(call: Call, hit: Hit, event: dict[str, Any]) -> None:
    """Promise that a bucket is looked at."""
    QUESTIONS.put(call, orjson.dumps([list(hit), event], default=str))


async def _asked(role: Call, operation: str, bucket: str, absent: tuple[str, ...] = ()) -> dict[str, Any]:
    try:
        return await role.ask(operation, Bucket=bucket)
    except AwsError as error:
        if error.code in absent:
            return {}
        raise


async def _take(call: Call, delivery: Delivery) -> float | None:
    (type_, title, description, bucket, affected, list_name, looks_first), event = orjson.loads(delivery.body)
    hit = Hit(type_, title, description, bucket, tuple(map(tuple, affected)), list_name, looks_first)
    try:
        details = await _details(detectors.ROLE.assumed(call, "GuardDuty"), call, bucket)
    except AwsError as error:
        # It was deleted, or nobody may see it: https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_finding-types-s3.html says of a bucket
        # whose policy denies GuardDuty that its permissions are not judged.
        if patience.is_passing(error):
            return patience.pause(RETRIES, delivery, call.now(), delivery.born, call.ids.random)[0] or None
        details = {"name": bucket, "arn": f"arn:{call.home.partition}:s3:::{bucket}"}
    call.atomically(partial(_found, call, delivery, hit, event, details))
    return None


def _found(call: Call, delivery: Delivery, hit: Hit, event: dict[str, Any], details: dict[str, Any]) -> None:
    """The finding is kept, and the question forgotten, in one step."""
    detector = detectors.held(call)
    QUESTIONS.done(call, delivery)
    public = details.pop("letsIn", None)
    if hit.looks_first:
        if public is None:
            return
        hit = judging.granted(hit, event, public)
    if detector is not None and detector.is_enabled:
        finding.take(call, detector, hit, event, details)


async def _details(role: Call, call: Call, name: str) -> dict[str, Any]:
    """https://docs.aws.amazon.com/guardduty/latest/APIReference/API_S3BucketDetail.html; ``letsIn`` is ours: the finding type of a bucket that lets
    in more than who is named."""
    acl, status, blocks, account, tags, sealing, every = await asyncio.gather(
        _asked(role, "s3:GetBucketAcl", name),
        _asked(role, "s3:GetBucketPolicyStatus", name, ("NoSuchBucketPolicy",)),
        _asked(role, "s3:GetPublicAccessBlock", name, ("NoSuchPublicAccessBlockConfiguration",)),
        _account_blocks(role),
        _asked(role, "s3:GetBucketTagging", name, ("NoSuchTagSet",)),
        _asked(role, "s3:GetBucketEncryption", name, ("ServerSideEncryptionConfigurationNotFoundError",)),
        role.ask("s3:ListBuckets"),
    )  # fmt: skip
    granted = {group: {each["Permission"] for each in acl["Grants"] if each["Grantee"].get("URI") == group} for group in (_EVERYBODY, _AUTHENTICATED)}
    own, theirs = _blocks(blocks), _blocks(account)
    ignores, restricts = (own[name] or theirs[name] for name in ("ignorePublicAcls", "restrictPublicBuckets"))
    has_policy = bool((status.get("PolicyStatus") or {}).get("IsPublic"))
    reads, writes = {group: bool(has & _READING) for group, has in granted.items()}, {group: bool(has & _WRITING) for group, has in granted.items()}
    by_list = {} if ignores else granted
    lets_in = None
    if (has_policy and not restricts) or by_list.get(_EVERYBODY):
        lets_in = ANONYMOUS
    elif by_list.get(_AUTHENTICATED):
        lets_in = PUBLIC
    rule = next(iter((sealing.get("ServerSideEncryptionConfiguration") or {}).get("Rules") or ()), {}).get("ApplyServerSideEncryptionByDefault", {})
    created = next((each["CreationDate"] for each in every["Buckets"] if each["Name"] == name), None)
    details: dict[str, Any] = {
        "arn": f"arn:{call.home.partition}:s3:::{name}", "name": name, "type": "Destination", "owner": {"id": acl["Owner"]["ID"]},
        "tags": [{"key": each["Key"], "value": each["Value"]} for each in tags.get("TagSet") or ()],
        "defaultServerSideEncryption": {"encryptionType": rule["SSEAlgorithm"]} if "SSEAlgorithm" in rule else {},
        "publicAccess": {
            "permissionConfiguration": {
                "bucketLevelPermissions": {
                    "accessControlList": {"allowsPublicReadAccess": reads[_EVERYBODY], "allowsPublicWriteAccess": writes[_EVERYBODY]},
                    "blockPublicAccess": own,
                },
                "accountLevelPermissions": {"blockPublicAccess": theirs},
            },
            "effectivePermission": "PUBLIC" if lets_in == ANONYMOUS else "NOT_PUBLIC",
        },
        "letsIn": lets_in,
    }  # fmt: skip
    if created is not None:
        details["createdAt"] = created
    if "KMSMasterKeyID" in rule:
        details["defaultServerSideEncryption"]["kmsMasterKeyArn"] = rule["KMSMasterKeyID"]
    return details


async def _account_blocks(role: Call) -> dict[str, Any]:
    try:
        return await role.ask("s3control:GetPublicAccessBlock", AccountId=role.account)
    except AwsError as error:
        if error.code == "NoSuchPublicAccessBlockConfiguration":
            return {}
        raise


def _blocks(said: dict[str, Any]) -> dict[str, bool]:
    told = said.get("PublicAccessBlockConfiguration") or {}
    names = ("IgnorePublicAcls", "RestrictPublicBuckets", "BlockPublicAcls", "BlockPublicPolicy")
    return {name[:1].lower() + name[1:]: bool(told.get(name)) for name in names}


QUESTIONS = Outbox("guardduty", _take, kind="question")
