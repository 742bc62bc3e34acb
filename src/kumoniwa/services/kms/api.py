"""The operations of KMS. Custom key stores, keys of SM2 and ML-DSA, and answers for enclaves are refused by name."""

from kumoniwa.services.kms.access import (  # noqa: F401 (the gate's hooks)
    all_tags,
    conditions_of,
    denied,
    is_of_aws,
    policy_of,
    resource_of,
    tags_of,
)
from kumoniwa.services.kms.alias import CreateAlias, DeleteAlias, ListAliases, UpdateAlias
from kumoniwa.services.kms.bill import CALLER_PAYS, standing_of, uses_of  # noqa: F401 (the gate's hooks)
from kumoniwa.services.kms.bringing import (
    DeleteImportedKeyMaterial,
    GetParametersForImport,
    ImportKeyMaterial,
)
from kumoniwa.services.kms.grant import CreateGrant, ListGrants, ListRetirableGrants, RetireGrant, RevokeGrant
from kumoniwa.services.kms.life import (
    CancelKeyDeletion,
    CreateKey,
    DescribeKey,
    DisableKey,
    EnableKey,
    ListKeys,
    ScheduleKeyDeletion,
    UpdateKeyDescription,
)
from kumoniwa.services.kms.policy import GetKeyPolicy, ListKeyPolicies, PutKeyPolicy
from kumoniwa.services.kms.replica import ReplicateKey, UpdatePrimaryRegion
from kumoniwa.services.kms.rotation import (
    DisableKeyRotation,
    EnableKeyRotation,
    GetKeyRotationStatus,
    ListKeyRotations,
    RotateKeyOnDemand,
)
from kumoniwa.services.kms.tag import (
    ListResourceTags,
    TagResource,
    UntagResource,
    reserved_tag,  # noqa: F401 (the gate's hook)
)
from kumoniwa.services.kms.use import (
    Decrypt,
    DeriveSharedSecret,
    Encrypt,
    GenerateDataKey,
    GenerateDataKeyPair,
    GenerateDataKeyPairWithoutPlaintext,
    GenerateDataKeyWithoutPlaintext,
    GenerateMac,
    GenerateRandom,
    GetPublicKey,
    ReEncrypt,
    Sign,
    Verify,
    VerifyMac,
)

__all__ = [
    "CancelKeyDeletion", "CreateAlias", "CreateGrant", "CreateKey", "Decrypt", "DeleteAlias", "DeleteImportedKeyMaterial",
    "DeriveSharedSecret", "DescribeKey", "DisableKey", "DisableKeyRotation", "EnableKey", "EnableKeyRotation", "Encrypt", "GenerateDataKey",
    "GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext", "GenerateDataKeyWithoutPlaintext", "GenerateMac", "GenerateRandom",
    "GetKeyPolicy", "GetKeyRotationStatus", "GetParametersForImport", "GetPublicKey", "ImportKeyMaterial", "ListAliases", "ListGrants",
    "ListKeyPolicies", "ListKeyRotations", "ListKeys", "ListResourceTags", "ListRetirableGrants", "PutKeyPolicy", "ReEncrypt", "ReplicateKey",
    "RetireGrant", "RevokeGrant", "RotateKeyOnDemand", "ScheduleKeyDeletion", "Sign", "TagResource", "UntagResource", "UpdateAlias",
    "UpdateKeyDescription", "UpdatePrimaryRegion", "Verify", "VerifyMac", "all_tags",
]  # fmt: skip

RESOURCE_MUST_ALLOW = True
