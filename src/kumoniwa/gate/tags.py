"""Tags as policies read them: those that a request carries, and those of what it touches.

A request carries them in parameters of a few names and forms: lists of pairs, mappings, lists of keys, or one of these in a wrapping.
What a resource's tags are, its service says once, as ``tags_of(call, arn)``; nobody asks for them but a policy that reads them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

MEMBERS = frozenset((
    "tags", "Tags", "TagSpecifications", "TagsList", "AddTags", "tagKeys", "TagKeys", "TagKeyList", "RemoveTagKeys", "BackupPlanTags", "BackupVaultTags",
    "RecoveryPointTags", "IdentityPoolTags", "UserPoolTags", "DistributionConfigWithTags", "TagsToAdd", "TagsToRemove",
))  # fmt: skip
"""What parameters are called that carry tags or keys of tags. S3, whose requests replace all tags at once, looks for itself."""
MESSAGES = ("Send", "TestRender")
"""Operations that begin so tag messages, for which every service has rules of its own."""
OF_BUCKETS = frozenset(("CreateBucket", "PutBucketTagging", "DeleteBucketTagging"))
"""S3's operations that may change the tags of a bucket."""
NAMELESS = {"s3": "bucket", "sqs": "queue", "sns": "topic", "codepipeline": "pipeline"}
"""What ARNs name without saying what it is."""
CONTAINERS = ("Items", "Tags")
KEYS = ("Key", "key", "TagKey")
VALUES = ("Value", "value", "TagValue")
_REMOVING = ("Untag", "Remove")
"""Operations that begin so name keys; a value says only which tag is meant."""
UNTOLD = frozenset((
    "backup:StartBackupJob", "cloudfront:CreateFunction", "cloudwatch:PutDashboard", "cognito-identity:UpdateIdentityPool",
    "config:PutConformancePack", "config:PutOrganizationConfigRule", "config:PutOrganizationConformancePack", "kms:ReplicateKey",
    "route53:ChangeTagsForResource",
))  # fmt: skip
"""Operations of whose tags AWS tells policies nothing: https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html"""


def members_of(service: str, operation: str, members: Iterable[str]) -> tuple[str, ...]:
    """The parameters of an operation that carry tags or keys of tags."""
    if service == "s3" or operation.startswith(MESSAGES):
        return ()
    return tuple(sorted(MEMBERS.intersection(members)))


def pairs(value: Any) -> Iterator[tuple[str, str | None]]:
    """The keys with their values in a list of tags or keys, in a mapping, or in what holds one of those. It need not be valid."""
    if isinstance(value, Mapping):
        held = [value[name] for name in CONTAINERS if isinstance(value.get(name), Mapping | list)]
        for each in held:
            yield from pairs(each)
        if not held:
            yield from ((key, each if isinstance(each, str) else None) for key, each in value.items())
    elif isinstance(value, list):
        for each in value:
            if isinstance(each, str):
                yield each, None
            elif isinstance(each, Mapping):
                said = next((each[name] for name in VALUES if isinstance(each.get(name), str)), None)
                yield from ((each[name], said) for name in KEYS if isinstance(each.get(name), str))
                # EC2 says besides what shall have the tags.
                yield from (pair for name in CONTAINERS if isinstance(each.get(name), list) for pair in pairs(each[name]))


def of_request(operation: str, params: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """aws:RequestTag and aws:TagKeys of a request whose parameters of these names carry tags."""
    carried = [pair for name in names if name in params for pair in pairs(params[name])]
    if not carried:
        return {}
    keys: dict[str, Any] = {"aws:tagkeys": [key for key, _ in carried]}
    if not operation.startswith(_REMOVING):
        keys |= {f"aws:requesttag/{key.lower()}": value or "" for key, value in carried}
    return keys


def of_resource(tags: Mapping[str, str], names: Iterable[str]) -> dict[str, Any]:
    """A resource's tags under each of these names, such as ``aws:resourcetag/``."""
    return {f"{name}{key.lower()}": value or "" for name in names for key, value in tags.items()}
