"""The operations on stack sets themselves: with permissions that their owner sees to, or those of an organization."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, ValidationError
from kumoniwa.kernel.record import changed
from kumoniwa.services.cloudformation import autodeployment, organization, request, stackimport, stackset, targets, telling, template
from kumoniwa.services.cloudformation import stack as stacks
from kumoniwa.services.cloudformation.stackinstances import chosen
from kumoniwa.services.cloudformation.stackoperations import again, begin, begun
from kumoniwa.services.cloudformation.stackset import (
    SELF_MANAGED,
    SERVICE_MANAGED,
    InvalidOperationException,
    OperationInProgressException,
    Result,
    StackSet,
)

PAGE_MAX = 100


class NameAlreadyExistsException(AwsError): ...


class StackSetNotEmptyException(AwsError):
    message = "StackSet is not empty"


# What a set may be -----------------------------------------------------------------------------------


def _check_name(name: str) -> None:
    if not stacks.NAME.fullmatch(name) or len(name) > stacks.NAME_CHARACTERS_MAX:
        raise ValidationError(
            f"1 validation error detected: Value '{name}' at 'stackSetName' failed to satisfy constraint: "
            f"Member must satisfy regular expression pattern: {stacks.NAME.pattern}"
        )


def _check_permissions(call: Call, permissions: str, call_as: str | None, **own: Any) -> None:
    """That a request says of a set's permissions what goes with them. Where the words are not those of `organization` they are ours."""
    if permissions == SERVICE_MANAGED:
        organization.check_may_operate(call)
        if given := [name for name in ("AdministrationRoleARN", "ExecutionRoleName") if own[name]]:
            raise ValidationError(f"{given[0]} cannot be specified for StackSets with SERVICE_MANAGED permission model")
        return
    if call_as == "DELEGATED_ADMIN":
        raise ValidationError("CallAs DELEGATED_ADMIN can only be specified for StackSets with SERVICE_MANAGED permission model")
    if own["AutoDeployment"]:
        raise ValidationError("AutoDeployment can only be specified for StackSets with SERVICE_MANAGED permission model")


def _check_template(permissions: str, outline: dict[str, Any]) -> None:
    """Recorded: aws-cloudformation/cloudformation-coverage-roadmap#839 of a transform, aws/aws-sam-cli#3872 of a set; of a nested stack as
    its users quote it."""
    if permissions != SERVICE_MANAGED:
        return
    if outline["transforms"]:
        raise ValidationError("Transform is not supported in SERVICE_MANAGED permission model")
    for kind, what in (("AWS::CloudFormation::Stack", "Nested Stack"), ("AWS::CloudFormation::StackSet", "StackSet resource")):
        if kind in outline["resource_types"]:
            raise ValidationError(f"{what} is not supported in SERVICE_MANAGED permission model")


def _values(
    outline: dict[str, Any], parameters: list[dict[str, Any]] | None, previous: dict[str, str] | None = None
) -> tuple[dict[str, str], tuple[str, ...]]:
    """What a set gives to every stack, and which of it is hidden. Defaults are the template's affair."""
    declared = {each["ParameterKey"]: each for each in outline["parameters"]}
    given = template.given(parameters)
    if unknown := sorted(set(given) - set(declared)):
        raise ValidationError(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    values = {name: (previous or {}).get(name) if value is None else value for name, value in given.items()}
    missing = [name for name, each in declared.items() if values.get(name) is None and "DefaultValue" not in each]
    if missing:
        raise ValidationError(f"Parameters: [{', '.join(missing)}] must have values")
    known = {name: value for name, value in values.items() if value is not None}
    return known, tuple(name for name in known if declared[name]["NoEcho"])


def _check_capabilities(outline: dict[str, Any], acknowledged: list[str] | None) -> None:
    has = set(acknowledged or ())
    if "CAPABILITY_NAMED_IAM" in has:
        has.add("CAPABILITY_IAM")
    if missing := sorted(set(outline["capabilities"]) - has):
        raise template.InsufficientCapabilitiesException(f"Requires capabilities : [{', '.join(missing)}]")


def _keep_template(call: Call, text: str) -> str:
    id = call.new_id()
    call.rows(stacks.DOCUMENTS).run("insert into cloudformation_document values (?,?,?)", id, "Original", text.encode())
    return id


# Sets ------------------------------------------------------------------------------------------------


async def CreateStackSet(
    call: Call,
    *,
    StackSetName: str,
    Description: str | None = None,
    TemplateBody: str | None = None,
    TemplateURL: str | None = None,
    StackId: str | None = None,
    Parameters: list[dict] | None = None,
    Capabilities: list[str] | None = None,
    Tags: list[dict] | None = None,
    AdministrationRoleARN: str | None = None,
    ExecutionRoleName: str | None = None,
    PermissionModel: str | None = None,
    AutoDeployment: dict | None = None,
    CallAs: str | None = None,
    ClientRequestToken: str | None = None,
    ManagedExecution: dict | None = None,
) -> dict:
    """A set of an organization lies in the management account, whoever makes it. One that is made of a stack has its template, and its
    parameters unless others are said; the stack itself becomes an instance by ImportStacksToStackSet."""
    call, permissions = organization.administered(call, CallAs), PermissionModel or SELF_MANAGED
    own = {"AdministrationRoleARN": AdministrationRoleARN, "ExecutionRoleName": ExecutionRoleName, "AutoDeployment": AutoDeployment}
    _check_permissions(call, permissions, CallAs, **own)
    _check_name(StackSetName)
    request.check_tags(Tags)
    if known := _same(call, StackSetName, ClientRequestToken):
        return known
    roles = _roles(call, permissions, AdministrationRoleARN, ExecutionRoleName)
    if AdministrationRoleARN:
        request.check_passed(call, AdministrationRoleARN)
    if StackId is not None and TemplateBody is None and TemplateURL is None:
        origin = await stackimport.source(call, StackId, roles)
        text, Parameters = origin["text"], origin["parameters"] if Parameters is None else Parameters
    elif StackId is not None:
        raise ValidationError("StackId cannot be specified together with a template")
    else:
        text = await template.text_of(call, TemplateBody, TemplateURL)
    outline = await template.workshop(call).outline(text)
    values, hidden = _values(outline, Parameters)
    if StackId is not None and (unknown := [name for name in hidden if values[name] == "****"]):
        raise ValidationError(f"Parameters: [{', '.join(unknown)}] must have values")
    _check_capabilities(outline, Capabilities)
    _check_template(permissions, outline)
    auto = autodeployment.checked(call, StackSetName, AutoDeployment) if permissions == SERVICE_MANAGED else {}
    if known := _same(call, StackSetName, ClientRequestToken):
        return known
    found = StackSet(
        name=StackSetName,
        id=f"{StackSetName}:{call.new_id()}",
        wish=_keep_template(call, text),
        created=call.now(),
        description=Description or "",
        values=values,
        hidden=hidden,
        capabilities=tuple(Capabilities or ()),
        tags={tag["Key"]: tag["Value"] for tag in Tags or ()},
        token=ClientRequestToken or "",
        permissions=permissions,
        auto=auto,
        queues=bool((ManagedExecution or {}).get("Active")),
        **roles,
    )
    call.shelf(StackSet)[found.key] = found
    telling.of_stack_set(call, found)
    if found.is_of_organization:
        autodeployment.remember(call, found)
    return {"StackSetId": found.id}


def _roles(call: Call, permissions: str, administration: str | None, execution: str | None) -> dict[str, str]:
    """A set of an organization tells the service-linked role as its administration role, as Terraform finds it on AWS, and has no
    execution role of its own."""
    if permissions == SERVICE_MANAGED:
        return {"administration_role": organization.ADMINISTRATOR.arn(call), "execution_role": ""}
    default = f"arn:{call.home.partition}:iam::{call.account}:role/{stackset.ADMINISTRATION}"
    return {"administration_role": administration or default, "execution_role": execution or stackset.EXECUTION}


def _same(call: Call, name: str, token: str | None) -> dict | None:
    found = stackset.find(call, name)
    if found is None:
        return None
    if not token or found.token != token:
        raise NameAlreadyExistsException(f"StackSet {name} already exists")
    return {"StackSetId": found.id}


async def UpdateStackSet(
    call: Call,
    *,
    StackSetName: str,
    Description: str | None = None,
    TemplateBody: str | None = None,
    TemplateURL: str | None = None,
    UsePreviousTemplate: bool | None = None,
    Parameters: list[dict] | None = None,
    Capabilities: list[str] | None = None,
    Tags: list[dict] | None = None,
    OperationPreferences: dict | None = None,
    AdministrationRoleARN: str | None = None,
    ExecutionRoleName: str | None = None,
    DeploymentTargets: dict | None = None,
    PermissionModel: str | None = None,
    AutoDeployment: dict | None = None,
    OperationId: str | None = None,
    Accounts: list[str] | None = None,
    Regions: list[str] | None = None,
    CallAs: str | None = None,
    ManagedExecution: dict | None = None,
) -> dict:
    """Without accounts and regions every instance is updated; with them the others are outdated from now on, unless neither the template nor
    its parameters changed. How a set is deployed by itself, and how its operations wait, changes no stack."""
    call = organization.administered(call, CallAs)
    preferences = targets.check_preferences(OperationPreferences or {})
    request.check_tags(Tags)
    found = stackset.get(call, StackSetName)
    if answer := again(call, found, OperationId, "UPDATE"):
        return answer
    permissions = PermissionModel or found.permissions
    own = {"AdministrationRoleARN": AdministrationRoleARN, "ExecutionRoleName": ExecutionRoleName, "AutoDeployment": AutoDeployment}
    _check_permissions(call, permissions, CallAs, **own)
    if AutoDeployment is not None and (DeploymentTargets or Regions):
        # "If you specify AutoDeployment, don't specify DeploymentTargets or Regions"; the words are ours.
        raise ValidationError("AutoDeployment cannot be specified together with DeploymentTargets or Regions")
    meant = await targets.wanted(call, found, Accounts, DeploymentTargets, "UPDATE")
    names = None
    if meant.accounts or meant.units or Regions:
        if not meant.accounts and not meant.units:
            raise ValidationError("Accounts must be specified for stack sets with self-managed permissions." if not found.is_of_organization else targets.UNITS_ALONE)
        names = targets.check_regions(Regions)
    if UsePreviousTemplate and TemplateBody is None and TemplateURL is None:
        text = stackset.template(call, found)
    else:
        text = await template.text_of(call, TemplateBody, TemplateURL)
    outline = await template.workshop(call).outline(text)
    values, hidden = _values(outline, Parameters, found.values)
    _check_capabilities(outline, Capabilities)
    _check_template(permissions, outline)

    def act(held: StackSet) -> dict[str, str]:
        _check_changeable(call, held, permissions, ManagedExecution)
        roles = {} if permissions == held.permissions else _roles(call, permissions, None, None)
        news = changed(
            held,
            description=held.description if Description is None else Description,
            values=values,
            hidden=hidden,
            capabilities=tuple(Capabilities or ()),
            tags=held.tags if Tags is None else {tag["Key"]: tag["Value"] for tag in Tags},
            **roles | _given(administration_role=AdministrationRoleARN, execution_role=ExecutionRoleName),
        )
        is_new = text != stackset.template(call, held) or (values, news.tags, news.capabilities) != (held.values, held.tags, held.capabilities)
        is_setting = AutoDeployment is not None or ManagedExecution is not None
        results: list[Result] = [] if is_setting and not is_new else chosen(call, held, meant, names)
        auto = held.auto if AutoDeployment is None else autodeployment.checked(call, held.name, AutoDeployment)
        queues = held.queues if ManagedExecution is None else bool(ManagedExecution.get("Active"))
        news = changed(news, permissions=permissions, auto=auto if permissions == SERVICE_MANAGED else {}, queues=queues)
        answer = begin(call, news, OperationId, "UPDATE", results, preferences, said=meant.said)
        if AdministrationRoleARN:
            request.check_passed(call, AdministrationRoleARN)
        if is_new:
            call.rows(stacks.DOCUMENTS).run("delete from cloudformation_document where wish = ?", held.wish)
            news = changed(news, wish=_keep_template(call, text))
            for each in stackset.instances(call, held):
                stackset.become(call, "UPDATE", each, status="OUTDATED" if each.status != "INOPERABLE" else each.status)
        call.shelf(StackSet)[held.key] = news
        if news.is_of_organization and not held.is_of_organization:
            autodeployment.remember(call, news)
        return answer

    return begun(call, StackSetName, OperationId, "UPDATE", act)


def _given(**values: str | None) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}


def _check_changeable(call: Call, held: StackSet, permissions: str, execution: dict[str, Any] | None) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_UpdateStackSet.html; the words are ours."""
    if permissions != held.permissions and stackset.instances(call, held):
        raise ValidationError("The permission model of a StackSet cannot be changed while there are stack instances associated with it")
    is_busy = any(not each.is_over for each in stackset.operations(call, held))
    if is_busy and execution is not None and bool(execution.get("Active")) != held.queues:
        raise InvalidOperationException("ManagedExecution cannot be changed while there are running or queued operations")


def DeleteStackSet(call: Call, *, StackSetName: str, CallAs: str | None = None) -> dict:
    """A set that is not there is deleted already, as AWS was recorded. Nothing depends on it any more."""
    call = organization.administered(call, CallAs)
    found = stackset.find(call, StackSetName)
    if found is None:
        return {}
    if stackset.instances(call, found):
        raise StackSetNotEmptyException
    if busy := [each for each in stackset.operations(call, found) if not each.is_over]:
        raise OperationInProgressException(f"Operation {busy[0].id} on StackSet {found.name} is in progress")
    del call.shelf(StackSet)[found.key]
    autodeployment.forget(call, found)
    found = changed(found, status="DELETED", targets=())
    call.shelf(StackSet)[found.key] = found
    telling.of_stack_set(call, found)
    return {}


def DescribeStackSet(call: Call, *, StackSetName: str, CallAs: str | None = None) -> dict:
    call = organization.administered(call, CallAs)
    return {"StackSet": stackset.shown(call, stackset.get(call, StackSetName))}


def ListStackSets(call: Call, *, Status: str | None = None, CallAs: str | None = None) -> dict:
    """A delegated administrator is told of all that are the organization's."""
    call = organization.administered(call, CallAs)
    found = sorted(call.shelf(StackSet).values(), key=lambda each: each.created)
    if stackset.is_delegated(call):
        found = [each for each in found if each.is_of_organization]
    return {"Summaries": [stackset.summary(each) for each in found if Status in (None, each.status)]}


def ListStackSetAutoDeploymentTargets(
    call: Call, *, StackSetName: str, MaxResults: int | None = None, NextToken: str | None = None, CallAs: str | None = None
) -> dict:
    call = organization.administered(call, CallAs)
    found = stackset.get(call, StackSetName)
    told = [{"OrganizationalUnitId": each.unit, "Regions": list(each.regions)} for each in found.targets]
    first = request.place(NextToken) or 0
    last = first + (MaxResults or PAGE_MAX)
    return {"Summaries": told[first:last]} | ({"NextToken": str(last)} if last < len(told) else {})
