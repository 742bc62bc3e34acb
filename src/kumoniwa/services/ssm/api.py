"""The operations of Systems Manager. Sessions, inventory, patches, associations and targets of windows are refused by name."""

from kumoniwa.services.ssm.access import conditions_of, resource_of  # noqa: F401 (the gate's hooks)
from kumoniwa.services.ssm.activation import CreateActivation, DeleteActivation, DescribeActivations
from kumoniwa.services.ssm.bill import standing_of, uses_of  # noqa: F401 (the gate's hooks)
from kumoniwa.services.ssm.command import GetCommandInvocation, ListCommandInvocations, ListCommands
from kumoniwa.services.ssm.command_sending import CancelCommand, DeregisterManagedInstance, SendCommand
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
from kumoniwa.services.ssm.node import DescribeInstanceInformation, DescribeInstanceProperties, UpdateManagedInstanceRole
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
    "AddTagsToResource", "AssociateOpsItemRelatedItem", "CancelCommand", "CancelMaintenanceWindowExecution", "CreateActivation",
    "CreateDocument", "CreateMaintenanceWindow", "CreateOpsItem", "DeleteActivation", "DeleteDocument", "DeleteMaintenanceWindow",
    "DeleteOpsItem", "DeleteParameter", "DeleteParameters", "DeregisterManagedInstance", "DeregisterTaskFromMaintenanceWindow",
    "DescribeActivations", "DescribeAutomationExecutions", "DescribeAutomationStepExecutions", "DescribeDocument",
    "DescribeDocumentPermission", "DescribeInstanceInformation", "DescribeInstanceProperties", "DescribeMaintenanceWindowExecutionTaskInvocations",
    "DescribeMaintenanceWindowExecutionTasks", "DescribeMaintenanceWindowExecutions", "DescribeMaintenanceWindowSchedule",
    "DescribeMaintenanceWindowTasks", "DescribeMaintenanceWindows", "DescribeOpsItems", "DescribeParameters",
    "DisassociateOpsItemRelatedItem", "GetAutomationExecution", "GetCommandInvocation", "GetDocument", "GetMaintenanceWindow",
    "GetMaintenanceWindowExecution", "GetMaintenanceWindowExecutionTask", "GetMaintenanceWindowExecutionTaskInvocation",
    "GetMaintenanceWindowTask", "GetOpsItem", "GetParameter", "GetParameterHistory", "GetParameters", "GetParametersByPath",
    "LabelParameterVersion", "ListCommandInvocations", "ListCommands", "ListDocumentVersions", "ListDocuments",
    "ListOpsItemRelatedItems", "ListTagsForResource", "PutParameter", "RegisterTaskWithMaintenanceWindow", "RemoveTagsFromResource",
    "SendAutomationSignal", "SendCommand", "StartAutomationExecution", "StopAutomationExecution", "UnlabelParameterVersion",
    "UpdateDocument", "UpdateDocumentDefaultVersion", "UpdateMaintenanceWindow", "UpdateMaintenanceWindowTask",
    "UpdateManagedInstanceRole", "UpdateOpsItem", "all_tags",
]  # fmt: skip
