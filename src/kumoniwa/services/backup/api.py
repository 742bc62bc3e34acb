"""The operations of AWS Backup. Air-gapped vaults, indexes, scans, frameworks and reports are refused by name."""

from kumoniwa.services.backup.access import TOKENS, conditions_of, denied, policy_of, resource_of  # noqa: F401 (the gate's hooks)
from kumoniwa.services.backup.bill import standing_of  # noqa: F401 (the gate's hook)
from kumoniwa.services.backup.copying import (
    DescribeCopyJob,
    ListCopyJobs,
    StartCopyJob,
)
from kumoniwa.services.backup.hold import (
    CancelLegalHold,
    CreateLegalHold,
    GetLegalHold,
    ListLegalHolds,
    ListRecoveryPointsByLegalHold,
)
from kumoniwa.services.backup.job import (
    DescribeBackupJob,
    ListBackupJobs,
    StartBackupJob,
    StopBackupJob,
)
from kumoniwa.services.backup.lock import (
    DeleteBackupVaultLockConfiguration,
    PutBackupVaultLockConfiguration,
)
from kumoniwa.services.backup.plan import (
    CreateBackupPlan,
    DeleteBackupPlan,
    ExportBackupPlanTemplate,
    GetBackupPlan,
    GetBackupPlanFromJSON,
    ListBackupPlans,
    ListBackupPlanVersions,
    UpdateBackupPlan,
)
from kumoniwa.services.backup.protected import (
    DescribeProtectedResource,
    ListProtectedResources,
    ListProtectedResourcesByBackupVault,
)
from kumoniwa.services.backup.restoring import (
    DescribeRestoreJob,
    GetRestoreJobMetadata,
    ListRestoreJobs,
    ListRestoreJobsByProtectedResource,
    StartRestoreJob,
)
from kumoniwa.services.backup.selection import (
    CreateBackupSelection,
    DeleteBackupSelection,
    GetBackupSelection,
    ListBackupSelections,
)
from kumoniwa.services.backup.setting import (
    DescribeGlobalSettings,
    DescribeRegionSettings,
    GetSupportedResourceTypes,
    UpdateGlobalSettings,
    UpdateRegionSettings,
)
from kumoniwa.services.backup.tag import (
    ListTags,
    TagResource,
    UntagResource,
    all_tags,
    reserved_tag,  # noqa: F401 (the gate's hook)
    tags_of,  # noqa: F401 (the gate's hook)
)
from kumoniwa.services.backup.testing import GetRestoreTestingInferredMetadata, PutRestoreValidationResult
from kumoniwa.services.backup.testing_plan import (
    CreateRestoreTestingPlan,
    CreateRestoreTestingSelection,
    DeleteRestoreTestingPlan,
    DeleteRestoreTestingSelection,
    GetRestoreTestingPlan,
    GetRestoreTestingSelection,
    ListRestoreTestingPlans,
    ListRestoreTestingSelections,
    UpdateRestoreTestingPlan,
    UpdateRestoreTestingSelection,
)
from kumoniwa.services.backup.upkeep import (
    DeleteRecoveryPoint,
    DescribeRecoveryPoint,
    DisassociateRecoveryPoint,
    GetRecoveryPointRestoreMetadata,
    ListRecoveryPointsByBackupVault,
    ListRecoveryPointsByResource,
    UpdateRecoveryPointLifecycle,
)
from kumoniwa.services.backup.vault import (
    CreateBackupVault,
    DeleteBackupVault,
    DeleteBackupVaultAccessPolicy,
    DeleteBackupVaultNotifications,
    DescribeBackupVault,
    GetBackupVaultAccessPolicy,
    GetBackupVaultNotifications,
    ListBackupVaults,
    PutBackupVaultAccessPolicy,
    PutBackupVaultNotifications,
)

__all__ = [
    "CancelLegalHold", "CreateBackupPlan", "CreateBackupSelection", "CreateBackupVault", "CreateLegalHold",
    "CreateRestoreTestingPlan", "CreateRestoreTestingSelection", "DeleteBackupPlan", "DeleteBackupSelection",
    "DeleteBackupVault", "DeleteBackupVaultAccessPolicy", "DeleteBackupVaultLockConfiguration",
    "DeleteBackupVaultNotifications", "DeleteRecoveryPoint", "DeleteRestoreTestingPlan", "DeleteRestoreTestingSelection",
    "DescribeBackupJob", "DescribeBackupVault", "DescribeCopyJob", "DescribeGlobalSettings", "DescribeProtectedResource",
    "DescribeRecoveryPoint", "DescribeRegionSettings", "DescribeRestoreJob", "DisassociateRecoveryPoint", "ExportBackupPlanTemplate", "GetBackupPlan",
    "GetBackupPlanFromJSON", "GetBackupSelection", "GetBackupVaultAccessPolicy", "GetBackupVaultNotifications",
    "GetLegalHold", "GetRecoveryPointRestoreMetadata", "GetRestoreJobMetadata", "GetRestoreTestingInferredMetadata",
    "GetRestoreTestingPlan", "GetRestoreTestingSelection", "GetSupportedResourceTypes", "ListBackupJobs",
    "ListBackupPlanVersions", "ListBackupPlans", "ListBackupSelections", "ListBackupVaults", "ListCopyJobs",
    "ListLegalHolds", "ListProtectedResources", "ListProtectedResourcesByBackupVault", "ListRecoveryPointsByBackupVault",
    "ListRecoveryPointsByLegalHold", "ListRecoveryPointsByResource", "ListRestoreJobs",
    "ListRestoreJobsByProtectedResource", "ListRestoreTestingPlans", "ListRestoreTestingSelections", "ListTags",
    "PutBackupVaultAccessPolicy", "PutBackupVaultLockConfiguration", "PutBackupVaultNotifications",
    "PutRestoreValidationResult", "StartBackupJob", "StartCopyJob", "StartRestoreJob", "StopBackupJob", "TagResource",
    "UntagResource", "UpdateBackupPlan", "UpdateGlobalSettings", "UpdateRecoveryPointLifecycle", "UpdateRegionSettings",
    "UpdateRestoreTestingPlan", "UpdateRestoreTestingSelection", "all_tags",
]  # fmt: skip
