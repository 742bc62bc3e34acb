"""The operations of Systems Manager. What acts on nodes (commands, sessions, inventory, patches, targets of windows) is refused by name."""

from kumoniwa.services.ssm.access import conditions_of, resource_of  # noqa: F401 (the gate's hooks)
from kumoniwa.services.ssm.bill import standing_of, uses_of  # noqa: F401 (the gate's hooks)
from kumoniwa.services.ssm.document import (
    CreateDocument,
    DescribeDocument,
    DescribeDocumentPermission,
    GetDocument,
    ListDocuments,
    ListDocumentVersions,
    UpdateDocument,
    UpdateDocumentDefaultVersion,
)
from kumoniwa.services.ssm.execution import (
    TOKENS,  # noqa: F401 (what the gate asks)
    DeleteDocument,
    DescribeAutomationExecutions,
    DescribeAutomationStepExecutions,
    GetAutomationExecution,
    SendAutomationSignal,
    StartAutomationExecution,
    StopAutomationExecution,
)
from kumoniwa.services.ssm.opsitem import (
    AssociateOpsItemRelatedItem,
    CreateOpsItem,
    DeleteOpsItem,
    DescribeOpsItems,
    DisassociateOpsItemRelatedItem,
    GetOpsItem,
    ListOpsItemRelatedItems,
    UpdateOpsItem,
)
from kumoniwa.services.ssm.reading import (
    DescribeParameters,
    GetParameter,
    GetParameterHistory,
    GetParameters,
    GetParametersByPath,
)
from kumoniwa.services.ssm.tag import reserved_tag  # noqa: F401 (the gate's hook)
from kumoniwa.services.ssm.tagging import (
    AddTagsToResource,
    ListTagsForResource,
    RemoveTagsFromResource,
    all_tags,
    tags_of,  # noqa: F401 (the gate's hook)
)
from kumoniwa.services.ssm.window import (
    CreateMaintenanceWindow,
    DescribeMaintenanceWindows,
    DescribeMaintenanceWindowSchedule,
    GetMaintenanceWindow,
    UpdateMaintenanceWindow,
)
from kumoniwa.services.ssm.window_run import (
    CancelMaintenanceWindowExecution,
    DescribeMaintenanceWindowExecutions,
    DescribeMaintenanceWindowExecutionTaskInvocations,
    DescribeMaintenanceWindowExecutionTasks,
    GetMaintenanceWindowExecution,
    GetMaintenanceWindowExecutionTask,
    GetMaintenanceWindowExecutionTaskInvocation,
)
from kumoniwa.services.ssm.window_task import (
    DeleteMaintenanceWindow,
    DeregisterTaskFromMaintenanceWindow,
    DescribeMaintenanceWindowTasks,
    GetMaintenanceWindowTask,
    RegisterTaskWithMaintenanceWindow,
    UpdateMaintenanceWindowTask,
)
from kumoniwa.services.ssm.writing import (
    DeleteParameter,
    DeleteParameters,
    LabelParameterVersion,
    PutParameter,
    UnlabelParameterVersion,
)

TAG_CONDITIONS = ("ssm:resourceTag",)

__all__ = [
    "AddTagsToResource", "AssociateOpsItemRelatedItem", "CancelMaintenanceWindowExecution", "CreateDocument",
    "CreateMaintenanceWindow", "CreateOpsItem", "DeleteDocument", "DeleteMaintenanceWindow", "DeleteOpsItem", "DeleteParameter",
    "DeleteParameters", "DeregisterTaskFromMaintenanceWindow", "DescribeAutomationExecutions", "DescribeAutomationStepExecutions",
    "DescribeDocument", "DescribeDocumentPermission", "DescribeMaintenanceWindowExecutionTaskInvocations",
    "DescribeMaintenanceWindowExecutionTasks", "DescribeMaintenanceWindowExecutions", "DescribeMaintenanceWindowSchedule",
    "DescribeMaintenanceWindowTasks", "DescribeMaintenanceWindows", "DescribeOpsItems", "DescribeParameters",
    "DisassociateOpsItemRelatedItem", "GetAutomationExecution", "GetDocument", "GetMaintenanceWindow",
    "GetMaintenanceWindowExecution", "GetMaintenanceWindowExecutionTask", "GetMaintenanceWindowExecutionTaskInvocation",
    "GetMaintenanceWindowTask", "GetOpsItem", "GetParameter", "GetParameterHistory", "GetParameters", "GetParametersByPath",
    "LabelParameterVersion", "ListDocumentVersions", "ListDocuments", "ListOpsItemRelatedItems", "ListTagsForResource",
    "PutParameter", "RegisterTaskWithMaintenanceWindow", "RemoveTagsFromResource", "SendAutomationSignal",
    "StartAutomationExecution", "StopAutomationExecution", "UnlabelParameterVersion", "UpdateDocument",
    "UpdateDocumentDefaultVersion", "UpdateMaintenanceWindow", "UpdateMaintenanceWindowTask", "UpdateOpsItem", "all_tags",
]  # fmt: skip
