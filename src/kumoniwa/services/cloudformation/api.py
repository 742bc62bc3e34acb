"""The operations of CloudFormation."""

from __future__ import annotations

import json
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import ValidationError
from kumoniwa.services.cloudformation import changeset, event, export, organization, request, stackset, template
from kumoniwa.services.cloudformation import stack as stacks
from kumoniwa.services.cloudformation.drift import (
    DescribeStackDriftDetectionStatus,
    DescribeStackResourceDrifts,
    DetectStackDrift,
    DetectStackResourceDrift,
)
from kumoniwa.services.cloudformation.life import (
    STACKS_MAX,
    CancelUpdateStack,
    ContinueUpdateRollback,
    CreateStack,
    DeleteStack,
    RollbackStack,
    UpdateStack,
    UpdateTerminationProtection,
)
from kumoniwa.services.cloudformation.organization import (
    ActivateOrganizationsAccess,
    DeactivateOrganizationsAccess,
    DescribeOrganizationsAccess,
)
from kumoniwa.services.cloudformation.policy import GetStackPolicy, SetStackPolicy
from kumoniwa.services.cloudformation.refactoring import (
    CreateStackRefactor,
    DescribeStackRefactor,
    ExecuteStackRefactor,
    ListStackRefactorActions,
    ListStackRefactors,
)
from kumoniwa.services.cloudformation.registry import DescribeType, ListTypes
from kumoniwa.services.cloudformation.review import (
    CreateChangeSet,
    DeleteChangeSet,
    DescribeChangeSet,
    DescribeChangeSetHooks,
    ExecuteChangeSet,
    ListChangeSets,
)
from kumoniwa.services.cloudformation.signals import SignalResource
from kumoniwa.services.cloudformation.stack import Stack
from kumoniwa.services.cloudformation.stackimport import ImportStacksToStackSet
from kumoniwa.services.cloudformation.stackinstances import (
    CreateStackInstances,
    DeleteStackInstances,
    DescribeStackInstance,
    ListStackInstanceResourceDrifts,
    ListStackInstances,
    UpdateStackInstances,
)
from kumoniwa.services.cloudformation.stackoperations import (
    DescribeStackSetOperation,
    DetectStackSetDrift,
    ListStackSetOperationResults,
    ListStackSetOperations,
    StopStackSetOperation,
)
from kumoniwa.services.cloudformation.stacksets import (
    CreateStackSet,
    DeleteStackSet,
    DescribeStackSet,
    ListStackSetAutoDeploymentTargets,
    ListStackSets,
    UpdateStackSet,
)

__all__ = [
    "ActivateOrganizationsAccess",
    "CancelUpdateStack",
    "ContinueUpdateRollback",
    "CreateChangeSet",
    "CreateStack",
    "CreateStackInstances",
    "CreateStackRefactor",
    "CreateStackSet",
    "DeactivateOrganizationsAccess",
    "DeleteChangeSet",
    "DeleteStack",
    "DeleteStackInstances",
    "DeleteStackSet",
    "DescribeChangeSet",
    "DescribeChangeSetHooks",
    "DescribeOrganizationsAccess",
    "DescribeStackDriftDetectionStatus",
    "DescribeStackInstance",
    "DescribeStackRefactor",
    "DescribeStackResourceDrifts",
    "DescribeStackSet",
    "DescribeStackSetOperation",
    "DescribeType",
    "DetectStackDrift",
    "DetectStackResourceDrift",
    "DetectStackSetDrift",
    "ExecuteChangeSet",
    "ExecuteStackRefactor",
    "GetStackPolicy",
    "ImportStacksToStackSet",
    "ListChangeSets",
    "ListStackInstanceResourceDrifts",
    "ListStackInstances",
    "ListStackRefactorActions",
    "ListStackRefactors",
    "ListStackSetAutoDeploymentTargets",
    "ListStackSetOperationResults",
    "ListStackSetOperations",
    "ListStackSets",
    "ListTypes",
    "RollbackStack",
    "SetStackPolicy",
    "SignalResource",
    "StopStackSetOperation",
    "UpdateStack",
    "UpdateStackInstances",
    "UpdateStackSet",
    "UpdateTerminationProtection",
]

WITHOUT_STACK = frozenset(
    (
        "ValidateTemplate",
        "DescribeAccountLimits",
        "DescribeType",
        "ListTypes",
        "ListStackSets",
        "ListExports",
        "ListImports",
        "ListStacks",
        "DescribeStackDriftDetectionStatus",
        "ActivateOrganizationsAccess",
        "DeactivateOrganizationsAccess",
        "DescribeOrganizationsAccess",
    )
)


# What the gate asks ------------------------------------------------------------------------------------


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudformation.html"""
    if "StackSetName" in params:
        found = stackset.find(call, str(params["StackSetName"]))
        return call.arn(f"stackset/{found.id}" if found is not None else f"stackset/{params['StackSetName']}:*")
    name = str(params.get("StackName") or "")
    change_set = str(params.get("ChangeSetName") or "")
    if not name and change_set.startswith("arn:"):
        found = changeset.find(call, change_set, None)
        return found.stack_arn if found is not None else change_set
    if operation in WITHOUT_STACK or not name:
        return "*"
    if name.startswith("arn:"):
        return name
    stack = stacks.find(call, name)
    return stack.arn if stack is not None else call.arn(f"stack/{name}/*")


def conditions_of(call: Call, operation: str, params: dict[str, Any]) -> dict[str, Any]:
    names = {"RoleARN": "rolearn", "TemplateURL": "templateurl", "ChangeSetName": "changesetname", "Regions": "targetregion"}
    return {f"cloudformation:{key}": params[name] for name, key in names.items() if name in params}


def tags_of(call: Call, arn: str) -> dict[str, str]:
    if ":stackset/" in arn:
        return stackset.get(call, arn.partition(":stackset/")[2]).tags
    stack = stacks.find(call, arn) if arn.startswith("arn:") else None
    return stack.wish.tags if stack is not None else {}


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    found = [(each.arn, each.wish.tags) for each in call.shelf(stacks.Stack).values() if each.status != "DELETE_COMPLETE"]
    return found + [(call.arn(f"stackset/{each.id}"), each.tags) for each in call.shelf(stackset.StackSet).values() if each.status == "ACTIVE"]


# Looking ---------------------------------------------------------------------------------------------------


def DescribeStacks(call: Call, *, StackName: str | None = None) -> dict:
    if StackName is None:
        return {"Stacks": [stacks.shown(call, stack) for stack in stacks.living(call)]}
    stack = request.named(call, StackName, "Stack with id {} does not exist", is_deleted_too=True)
    return {"Stacks": [stacks.shown(call, stack)]}


def ListStacks(call: Call, *, StackStatusFilter: list[str] | None = None) -> dict:
    """Deleted stacks are listed for 90 days."""
    found = sorted(call.shelf(Stack).values(), key=lambda stack: -stack.created)
    wanted = set(StackStatusFilter or ())
    return {
        "StackSummaries": [
            stacks.summary(call, stack) for stack in found if not wanted or stack.status in wanted
        ]
    }


def DescribeStackEvents(call: Call, *, StackName: str, NextToken: str | None = None) -> dict:
    """The token says after which event to go on, so that events that happen meanwhile move nothing."""
    stack = request.named(call, StackName, "Stack [{}] does not exist", is_deleted_too=True)
    found, next_ = event.listed(call, stack.id, request.place(NextToken))
    return {"StackEvents": found} | ({"NextToken": str(next_)} if next_ is not None else {})


def DescribeEvents(
    call: Call,
    *,
    StackName: str | None = None,
    OperationId: str | None = None,
    Filters: dict[str, Any] | None = None,
    NextToken: str | None = None,
) -> dict:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeEvents.html"""
    if StackName is not None:
        id = request.named(call, StackName, "Stack [{}] does not exist", is_deleted_too=True).id
    elif OperationId is not None:
        id = event.stack_of(call, OperationId)
        if id is None:
            raise ValidationError(f"Operation [{OperationId}] does not exist")
    else:
        raise ValidationError("One of StackName, ChangeSetName or OperationId must be specified.")
    is_failed_only = bool((Filters or {}).get("FailedEvents"))
    found, next_ = event.told(call, id, OperationId, is_failed_only, request.place(NextToken))
    return {"OperationEvents": found} | ({"NextToken": str(next_)} if next_ is not None else {})


def DescribeAccountLimits(call: Call) -> dict:
    limits = {"ConcurrentResourcesLimit": 2500, "StackLimit": STACKS_MAX, "StackOutputsLimit": 200}
    return {"AccountLimits": [{"Name": name, "Value": value} for name, value in limits.items()]}


def DescribeStackResource(call: Call, *, StackName: str, LogicalResourceId: str) -> dict:
    stack = request.named(call, StackName, "Stack '{}' does not exist", is_deleted_too=True)
    for resource in stacks.resources_shown(call, stack):
        if resource["LogicalResourceId"] == LogicalResourceId:
            standing = stacks.resources_of(call, stack).get(LogicalResourceId)
            del resource["Timestamp"]
            return {
                "StackResourceDetail": resource
                | {"Metadata": json.dumps(standing.metadata if standing else {})}
            }
    raise ValidationError(f"Resource {LogicalResourceId} does not exist for stack {StackName}")


def DescribeStackResources(
    call: Call,
    *,
    StackName: str | None = None,
    LogicalResourceId: str | None = None,
    PhysicalResourceId: str | None = None,
) -> dict:
    if (StackName is None) == (PhysicalResourceId is None):
        raise ValidationError("Either StackName or PhysicalResourceId must be specified, but not both.")
    if StackName is not None:
        stack = request.named(call, StackName, "Stack with id {} does not exist", is_deleted_too=True)
    else:
        stack = next((each for each in stacks.living(call) if _holds(call, each, PhysicalResourceId)), None)
        if stack is None:
            raise ValidationError(f"Stack for {PhysicalResourceId} does not exist")
    found = []
    for resource in stacks.resources_shown(call, stack):
        if LogicalResourceId in (None, resource["LogicalResourceId"]):
            del resource["LastUpdatedTimestamp"]
            found.append(resource)
    if LogicalResourceId is not None and not found:
        raise ValidationError(f"Resource {LogicalResourceId} does not exist for stack {stack.name}")
    return {"StackResources": found}


def _holds(call: Call, stack: Stack, physical_id: str) -> bool:
    return any(standing.physical_id == physical_id for standing in stacks.resources_of(call, stack).values())


def ListStackResources(call: Call, *, StackName: str) -> dict:
    stack = request.named(call, StackName, "Stack with id {} does not exist", is_deleted_too=True)
    found = stacks.resources_shown(call, stack)
    for resource in found:
        del resource["StackName"], resource["StackId"], resource["Timestamp"]
    return {"StackResourceSummaries": found}


def ListExports(call: Call) -> dict:
    exports = call.shelf(export.Export)
    return {
        "Exports": [{"ExportingStackId": e.stack, "Name": e.name, "Value": e.value} for e in exports.values()]
    }


def ListImports(call: Call, *, ExportName: str) -> dict:
    names = export.users(call, ExportName)
    if not names:
        raise ValidationError(f"Export '{ExportName}' is not imported by any stack.")
    return {"Imports": names}


# Templates -------------------------------------------------------------------------------------------------


def GetTemplate(
    call: Call,
    *,
    StackName: str | None = None,
    ChangeSetName: str | None = None,
    TemplateStage: str | None = None,
) -> dict:
    """A stack of which there are but change sets has no body yet: https://github.com/cdklabs/awscdk-v1-stack-finder/issues/273"""
    if ChangeSetName is not None:
        if StackName is None and not ChangeSetName.startswith("arn:"):
            raise ValidationError("StackName is a required parameter.")
        wish = changeset.get(call, ChangeSetName, StackName).wish
    elif StackName is not None:
        stack = request.named(call, StackName, "Stack with id {} does not exist", is_deleted_too=True)
        if stack.status == "REVIEW_IN_PROGRESS":
            return {"StagesAvailable": ["Original", "Processed"]}
        wish = stack.wish
    else:
        raise ValidationError("StackName is required if ChangeSetName is not specified.")
    if wish is None or not (text := stacks.document(call, wish)):
        raise ValidationError(f"Template for {ChangeSetName or StackName} does not exist")
    if TemplateStage == "Processed" and (blueprint := stacks.drawn(call, wish)).transforms:
        text = json.dumps(blueprint.body)
    return {"TemplateBody": text, "StagesAvailable": ["Original", "Processed"]}


async def ValidateTemplate(
    call: Call, *, TemplateBody: str | None = None, TemplateURL: str | None = None
) -> dict:
    text = await template.text_of(call, TemplateBody, TemplateURL)
    outline = await template.workshop(call).outline(text)
    shown = ("ParameterKey", "DefaultValue", "NoEcho", "Description")
    parameters = [{name: each[name] for name in shown if name in each} for each in outline["parameters"]]
    return _outlined(outline) | {"Parameters": parameters}


async def GetTemplateSummary(
    call: Call,
    *,
    TemplateBody: str | None = None,
    TemplateURL: str | None = None,
    StackName: str | None = None,
    StackSetName: str | None = None,
    TemplateSummaryConfig: dict[str, bool] | None = None,
    CallAs: str | None = None,
) -> dict:
    administered = organization.administered(call, CallAs)
    is_lenient = bool((TemplateSummaryConfig or {}).get("TreatUnrecognizedResourceTypesAsWarnings"))
    if StackSetName is not None:
        text = stackset.template(administered, stackset.get(administered, StackSetName))
    elif StackName is not None:
        stack = request.named(call, StackName, "Stack with id {} does not exist", is_deleted_too=True)
        if stack.status == "REVIEW_IN_PROGRESS":
            raise ValidationError("GetTemplateSummary cannot be called on REVIEW_IN_PROGRESS stacks.")
        text = stacks.document(call, stack.wish)
    else:
        text = await template.text_of(call, TemplateBody, TemplateURL)
    outline = await template.workshop(call).outline(text, is_lenient=is_lenient)
    reply = _outlined(outline) | {
        "Parameters": outline["parameters"],
        "ResourceTypes": outline["resource_types"],
    }
    if outline["unknown_types"]:
        reply["Warnings"] = {"UnrecognizedResourceTypes": outline["unknown_types"]}
    if outline["identifiers"]:
        reply["ResourceIdentifierSummaries"] = outline["identifiers"]
    # Recorded, of a template that says none and of one with metadata: localstack's test_get_template_summary_failed_stack and
    # test_get_template_summary.
    reply["Version"] = outline["version"] or "2010-09-09"
    if outline["metadata"]:
        reply["Metadata"] = str(outline["metadata"])
    return reply


def _outlined(outline: dict[str, Any]) -> dict[str, Any]:
    reply: dict[str, Any] = {}
    if outline["description"]:
        reply["Description"] = outline["description"]
    if outline["capabilities"]:
        reply |= {
            "Capabilities": outline["capabilities"],
            "CapabilitiesReason": outline["capabilities_reason"],
        }
    if outline["transforms"]:
        reply["DeclaredTransforms"] = outline["transforms"]
    return reply
