"""AWS's rules for buckets.

Each by the page of its name: https://docs.aws.amazon.com/config/latest/developerguide/s3-bucket-public-read-prohibited.html and so on.
"""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import Any

from kumoniwa.gate.names import region_of_bucket
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.languages.policy import statements_in
from kumoniwa.languages.policy_public import is_public_statement
from kumoniwa.services.config.item import Item
from kumoniwa.services.config.verdict import FINE, OUTSIDE, Check, Given, Verdict, fault, verdict

_EVERYBODY = ("AllUsers", "AuthenticatedUsers")
_READING = ("s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectAcl", "s3:GetBucketAcl", "s3:GetBucketPolicy", "s3:ListBucket", "s3:ListBucketVersions",
            "s3:ListBucketMultipartUploads")  # fmt: skip
_WRITING = ("s3:PutObject", "s3:PutObjectAcl", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutBucketAcl", "s3:PutBucketPolicy", "s3:DeleteBucket",
            "s3:DeleteBucketPolicy", "s3:AbortMultipartUpload", "s3:RestoreObject")  # fmt: skip


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def covers(statement: dict[str, Any], action: str) -> bool:
    """Whether a statement speaks of an action."""
    folded = action.lower()
    if "NotAction" in statement:
        return not any(fnmatchcase(folded, str(each).lower()) for each in listed(statement["NotAction"]))
    return any(fnmatchcase(folded, str(each).lower()) for each in listed(statement.get("Action")))


def _statements(item: Item) -> list[dict[str, Any]]:
    text = (item.supplementary.get("BucketPolicy") or {}).get("policyText")
    return statements_in(json.loads(text)) if text else []


def _grants(item: Item) -> list[dict[str, Any]]:
    return json.loads(item.supplementary.get("AccessControlList") or "{}").get("grantList", [])


def _block(item: Item) -> dict[str, bool]:
    return item.supplementary.get("PublicAccessBlockConfiguration") or {}


def _is_open(item: Item, actions: tuple[str, ...], permissions: tuple[str, ...]) -> str:
    """By what everybody is let in to do any of this; empty if they are not."""
    block = _block(item)
    is_by_policy = any(is_public_statement(each) and any(covers(each, action) for action in actions) for each in _statements(item))
    if is_by_policy and not block.get("restrictPublicBuckets"):
        return "bucket policy"
    is_by_list = any(each["grantee"] in _EVERYBODY and each["permission"] in permissions for each in _grants(item))
    return "bucket ACL" if is_by_list and not block.get("ignorePublicAcls") else ""


def _public_read(call: Call, item: Item, given: Given) -> Verdict:
    by = _is_open(item, _READING, ("Read", "ReadAcp", "FullControl"))
    return verdict(not by, f"The S3 {by} allows public read access.")


def _public_write(call: Call, item: Item, given: Given) -> Verdict:
    by = _is_open(item, _WRITING, ("Write", "WriteAcp", "FullControl"))
    return verdict(not by, f"The S3 {by} allows public write access.")


def _level(call: Call, item: Item, given: Given) -> Verdict:
    block = _block(item)
    is_closed = all(block.get(name) for name in ("blockPublicAcls", "ignorePublicAcls", "blockPublicPolicy", "restrictPublicBuckets"))
    return verdict(is_closed or item.name in (given["excludedPublicBuckets"] or ()), "Bucket level public access block is not fully set.")


def _defaults(item: Item) -> list[dict[str, Any]]:
    rules = (item.supplementary.get("ServerSideEncryptionConfiguration") or {}).get("rules") or []
    return [each["applyServerSideEncryptionByDefault"] for each in rules if each.get("applyServerSideEncryptionByDefault")]


def _encrypted(call: Call, item: Item, given: Given) -> Verdict:
    """As every bucket is: https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-encryption-faq.html"""
    return verdict(bool(_defaults(item)), "Default encryption is not enabled for the S3 bucket.")


def _encrypted_by_kms(call: Call, item: Item, given: Given) -> Verdict:
    by_kms = [each for each in _defaults(item) if each["sseAlgorithm"].startswith("aws:kms")]
    if not by_kms:
        return fault("The S3 bucket is not encrypted with an AWS KMS key by default.")
    keys = given["kmsKeyArns"]
    return verdict(
        not keys or all(each["kmsMasterKeyID"] in keys for each in by_kms),
        "The S3 bucket is encrypted with another AWS KMS key than the given ones.",
    )


def _versioned(call: Call, item: Item, given: Given) -> Verdict:
    versioning = item.supplementary["BucketVersioningConfiguration"]
    if versioning["status"] != "Enabled":
        return fault("Versioning is not enabled for the S3 bucket.")
    needs_mfa = str(given["isMfaDeleteEnabled"]).lower() == "true"
    return verdict(not needs_mfa or bool(versioning["isMfaDeleteEnabled"]), "MFA delete is not enabled for the S3 bucket.")


def _tls_only(call: Call, item: Item, given: Given) -> Verdict:
    """https://repost.aws/knowledge-center/s3-bucket-policy-for-config-rule: the bucket and its objects are denied to whoever comes
    without TLS."""
    denied = {
        resource for each in _statements(item) if each.get("Effect") == "Deny" and _is_for_all(each) and covers(each, "s3:GetObject")
        and covers(each, "s3:PutBucketPolicy") and _is_without_tls(each.get("Condition") or {}) for resource in listed(each.get("Resource"))
    }  # fmt: skip
    arn = item.body["arn"]
    is_covered = all(any(fnmatchcase(wanted, resource) for resource in denied) for wanted in (arn, f"{arn}/*"))
    return verdict(is_covered, "The S3 bucket policy allows HTTP requests.")


def _is_for_all(statement: dict[str, Any]) -> bool:
    principal = statement.get("Principal")
    return principal == "*" or (isinstance(principal, dict) and "*" in listed(principal.get("AWS")))


def _is_without_tls(condition: dict[str, Any]) -> bool:
    return len(condition) == 1 and any(
        operator.lower() == "bool" and key.lower() == "aws:securetransport" and [str(each).lower() for each in listed(values)] == ["false"]
        for operator, keys in condition.items() if len(keys) == 1 for key, values in keys.items()
    )  # fmt: skip


def _replicated(call: Call, item: Item, given: Given) -> Verdict:
    rules = list(((item.supplementary.get("BucketReplicationConfiguration") or {}).get("rules") or {}).values())
    if not rules or any(each["status"] != "Enabled" for each in rules):
        return fault("The S3 bucket has no replication rule, or one that is not enabled.")
    wanted = given["ReplicationType"]
    if wanted is None:
        return FINE
    there = [region_of_bucket(call.home, each["destinationConfig"]["bucketARN"].rpartition(":")[2]) for each in rules]
    is_cross = [region != call.region for region in there]
    return verdict(all(is_cross) if wanted == "CROSS-REGION" else not any(is_cross), f"Replication of the S3 bucket is not only {wanted}.")


def _logged(call: Call, item: Item, given: Given) -> Verdict:
    said = item.supplementary["BucketLoggingConfiguration"]
    if not said["destinationBucketName"]:
        return fault("Logging is not enabled for the S3 bucket.")
    is_there = given["targetBucket"] in (None, said["destinationBucketName"]) and given["targetPrefix"] in (None, said["logFilePrefix"])
    return verdict(is_there, "The S3 bucket logs to another place than the given one.")


def _no_lists(call: Call, item: Item, given: Given) -> Verdict:
    owner = json.loads(item.supplementary.get("AccessControlList") or "{}").get("owner", {}).get("id")
    others = [each for each in _grants(item) if not (isinstance(each["grantee"], dict) and each["grantee"]["id"] == owner)]
    return verdict(not others, "The S3 bucket has an ACL that grants access to users.")


def _locked(call: Call, item: Item, given: Given) -> Verdict:
    lock = item.supplementary.get("ObjectLockConfiguration") or {}
    if lock.get("objectLockEnabled") != "Enabled":
        return fault("Object Lock is not enabled for the S3 bucket.")
    kept = (lock.get("rule") or {}).get("defaultRetention") or {}
    return verdict(given["mode"] in (None, kept.get("mode")), f"The default retention of the S3 bucket has not the mode {given['mode']}.")


def _rules(item: Item) -> list[dict[str, Any]]:
    return [each for each in (item.supplementary.get("BucketLifecycleConfiguration") or {}).get("rules", ()) if each["status"] == "Enabled"]


def _aged(call: Call, item: Item, given: Given) -> Verdict:
    if given["bucketNames"] and item.name not in given["bucketNames"]:
        return OUTSIDE
    return verdict(any(_fits(each, given) for each in _rules(item)), "The S3 bucket has no active lifecycle rule that is as given.")


def _fits(rule: dict[str, Any], given: Given) -> bool:
    predicate = (rule.get("filter") or {}).get("predicate") or {}
    prefix = rule.get("prefix") or predicate.get("prefix") or ""
    moves = rule.get("transitions") or []
    days, where = given["targetTransitionDays"], given["targetTransitionStorageClass"]
    is_moved = (days is None and where is None) or any(days in (None, each["days"]) and where in (None, each["storageClass"]) for each in moves)
    return is_moved and given["targetExpirationDays"] in (None, rule["expirationInDays"]) and given["targetPrefix"] in (None, prefix)


def _versions_aged(call: Call, item: Item, given: Given) -> Verdict:
    is_versioned = item.supplementary["BucketVersioningConfiguration"]["status"] == "Enabled"
    if not is_versioned or (given["bucketNames"] and item.name not in given["bucketNames"]):
        return OUTSIDE
    return verdict(bool(_rules(item)), "The S3 bucket keeps versions and has no active lifecycle rule.")


def _telling(call: Call, item: Item, given: Given) -> Verdict:
    said = item.supplementary["BucketNotificationConfiguration"]["configurations"].values()
    if not said:
        return fault("No event notifications are set on the S3 bucket.")
    kinds, arn = set(given["eventTypes"] or ()), given["destinationArn"]
    fitting = [each for each in said if arn is None or arn in (each.get("topicARN"), each.get("queueARN"), each.get("functionARN"))]
    return verdict(
        bool(fitting) and kinds <= {event for each in fitting for event in each["events"]},
        "The event notifications of the S3 bucket are not as given.",
    )


def _not_to_others(call: Call, item: Item, given: Given) -> Verdict:
    """Conditions are not looked at, as on AWS."""
    for each in _statements(item):
        if (
            each.get("Effect") == "Allow"
            and _is_of_others(each, call.account)
            and any(_allows(each, pattern) for pattern in given["blacklistedActionPattern"])
        ):
            return fault("The S3 bucket policy allows blacklisted actions to principals of other accounts.")
    return FINE


def _is_of_others(statement: dict[str, Any], account: str) -> bool:
    if "NotPrincipal" in statement:
        return True
    principal = statement.get("Principal")
    named = listed(principal.get("AWS")) if isinstance(principal, dict) else listed(principal)
    return any(each != account and (parsed.account if (parsed := arns.parse(str(each))) else str(each)) != account for each in named)


def _allows(statement: dict[str, Any], pattern: str) -> bool:
    """Whether an action may fit both: one pattern holds the other."""
    if "NotAction" in statement:
        return covers(statement, pattern)
    folded = pattern.lower()
    return any(fnmatchcase(folded, each) or fnmatchcase(each, folded) for each in (str(each).lower() for each in listed(statement.get("Action"))))


CHECKS: dict[str, Check] = {
    "S3_BUCKET_PUBLIC_READ_PROHIBITED": _public_read,
    "S3_BUCKET_PUBLIC_WRITE_PROHIBITED": _public_write,
    "S3_BUCKET_LEVEL_PUBLIC_ACCESS_PROHIBITED": _level,
    "S3_BUCKET_SERVER_SIDE_ENCRYPTION_ENABLED": _encrypted,
    "S3_DEFAULT_ENCRYPTION_KMS": _encrypted_by_kms,
    "S3_BUCKET_VERSIONING_ENABLED": _versioned,
    "S3_BUCKET_SSL_REQUESTS_ONLY": _tls_only,
    "S3_BUCKET_REPLICATION_ENABLED": _replicated,
    "S3_BUCKET_LOGGING_ENABLED": _logged,
    "S3_BUCKET_ACL_PROHIBITED": _no_lists,
    "S3_BUCKET_DEFAULT_LOCK_ENABLED": _locked,
    "S3_LIFECYCLE_POLICY_CHECK": _aged,
    "S3_VERSION_LIFECYCLE_POLICY_CHECK": _versions_aged,
    "S3_EVENT_NOTIFICATIONS_ENABLED": _telling,
    "S3_BUCKET_BLACKLISTED_ACTIONS_PROHIBITED": _not_to_others,
}
