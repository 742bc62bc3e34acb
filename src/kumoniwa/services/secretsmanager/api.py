"""The operations of Secrets Manager. Secrets that partners or AWS services manage, and replicas of other accounts, are refused by name."""

from kumoniwa.services.secretsmanager.access import (  # noqa: F401 (the gate's hooks)
    TAG_CONDITIONS,
    all_tags,
    conditions_of,
    policy_of,
    resource_of,
    tags_of,
)
from kumoniwa.services.secretsmanager.bill import standing_of, uses_of  # noqa: F401 (the gate's hooks)
from kumoniwa.services.secretsmanager.life import (
    CreateSecret,
    DeleteSecret,
    RestoreSecret,
    TagResource,
    UntagResource,
    UpdateSecret,
)
from kumoniwa.services.secretsmanager.listing import DescribeSecret, ListSecrets
from kumoniwa.services.secretsmanager.password import GetRandomPassword
from kumoniwa.services.secretsmanager.policy import (
    DeleteResourcePolicy,
    GetResourcePolicy,
    PutResourcePolicy,
    ValidateResourcePolicy,
)
from kumoniwa.services.secretsmanager.replica import (
    RemoveRegionsFromReplication,
    ReplicateSecretToRegions,
    StopReplicationToReplica,
)
from kumoniwa.services.secretsmanager.rotation import CancelRotateSecret, RotateSecret
from kumoniwa.services.secretsmanager.secret import reserved_tag  # noqa: F401 (the gate's hook)
from kumoniwa.services.secretsmanager.value import (
    BatchGetSecretValue,
    GetSecretValue,
    ListSecretVersionIds,
    PutSecretValue,
    UpdateSecretVersionStage,
)

__all__ = [
    "BatchGetSecretValue", "CancelRotateSecret", "CreateSecret", "DeleteResourcePolicy", "DeleteSecret", "DescribeSecret", "GetRandomPassword",
    "GetResourcePolicy", "GetSecretValue", "ListSecretVersionIds", "ListSecrets", "PutResourcePolicy", "PutSecretValue",
    "RemoveRegionsFromReplication", "ReplicateSecretToRegions", "RestoreSecret", "RotateSecret", "StopReplicationToReplica", "TagResource",
    "UntagResource", "UpdateSecret", "UpdateSecretVersionStage", "ValidateResourcePolicy",
]  # fmt: skip
