"""The operations on stack sets with self-managed permissions. Those that an organization manages are refused by name."""

from __future__ import annotations

from typing import Any

from kumoniwa.aws import regions
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere, ValidationError
from kumoniwa.kernel.record import changed
from kumoniwa.services.cloudformation import request, rollout, stackset, telling, template
from kumoniwa.services.cloudformation import stack as stacks
from kumoniwa.services.cloudformation.stackset import Instance, Operation, Result, StackSet


class NameAlreadyExistsException(AwsError): ...


class StackSetNotEmptyException(AwsError):
    message = "StackSet is not empty"


class OperationInProgressException(AwsError): ...


class OperationIdAlreadyExistsException(AwsError): ...


class InvalidOperationException(AwsError): ...


# What requests have in common ------------------------------------------------------------------------


def refuse_organizations(call_as: str | None, **asked: Any) -> None:
    """No stack set is of an organization, and nobody administers for one."""
    if call_as not in (None, "SELF"):
        raise NotImplementedHere(f"CallAs {call_as} of cloudformation's stack sets")
    if found := [name for name, value in asked.items() if value]:
        raise NotImplementedHere(f"the parameter {found[0]} of cloudformation's stack sets")


def _check_name(name: str) -> None:
    if not stacks.NAME.fullmatch(name) or len(name) > stacks.NAME_CHARACTERS_MAX:
        raise ValidationError(
            f"1 validation error detected: Value '{name}' at 'stackSetName' failed to satisfy constraint: "
            f"Member must satisfy regular expression pattern: {stacks.NAME.pattern}"
        )


def _check_preferences(said: dict[str, Any]) -> dict[str, Any]:
    for one, other in (("FailureToleranceCount", "FailureTolerancePercentage"), ("MaxConcurrentCount", "MaxConcurrentPercentage")):
        if one in said and other in said:
            raise ValidationError(f"Only one of {one} and {other} can be specified.")
    is_strict = said.get("ConcurrencyMode", "STRICT_FAILURE_TOLERANCE") == "STRICT_FAILURE_TOLERANCE"
    if is_strict and "MaxConcurrentCount" in said and said["MaxConcurrentCount"] > said.get("FailureToleranceCount", 0) + 1:
        raise ValidationError("MaxConcurrentCount may be at most one more than FailureToleranceCount.")
    return said


def _targets(accounts: list[str] | None, names: list[str] | None, preferences: dict[str, Any]) -> list[tuple[str, str]]:
    """Accounts and regions, in the order in which they are to be tried."""
    if not accounts:
        raise ValidationError("Accounts must be specified for stack sets with self-managed permissions.")
    if not names:
        raise ValidationError("At least one region must be specified.")
    if unknown := [name for name in names if not regions.is_region(name)]:
        raise ValidationError(f"The following regions are not supported: [{', '.join(unknown)}]")
    if malformed := [account for account in accounts if not (account.isdigit() and len(account) == 12)]:
        raise ValidationError(f"Invalid account id: {malformed[0]}")
    order = preferences.get("RegionOrder", [])
    names = sorted(dict.fromkeys(names), key=lambda name: order.index(name) if name in order else len(order))
    return [(account, name) for name in names for account in dict.fromkeys(accounts)]


def _begin(
    call: Call,
    found: StackSet,
    id: str | None,
    action: str,
    targets: list[tuple[str, str]],
    preferences: dict[str, Any],
    *,
    retains: bool = False,
) -> dict[str, str]:
    every = stackset.operations(call, found)
    if busy := [each for each in every if not each.is_over]:
        raise OperationInProgressException(
            f"Another Operation on StackSet {call.arn(f'stackset/{found.id}')} is in progress: {busy[0].id}"
        )
    rollout.administrator(call, found.administration_role)
    operation = Operation(
        id=id or call.new_id(),
        set_id=found.id,
        number=len(every) + 1,
        action=action,
        created=call.now(),
        preferences=preferences,
        results=tuple(Result(account=account, region=name) for account, name in targets),
        retains=retains,
        administration_role=found.administration_role,
        execution_role=found.execution_role,
    )
    rollout.begin(call, operation)
    return {"OperationId": operation.id}


def _again(call: Call, found: StackSet, id: str | None, action: str) -> dict[str, str] | None:
    """The answer given before to the same operation id."""
    each = call.shelf(Operation).get(f"{found.id}/{id}") if id else None
    if each is None:
        return None
    if each.action != action:
        raise OperationIdAlreadyExistsException(f"Operation {id} already exists")
    return {"OperationId": each.id}


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
    Parameters: list[dict] | None = None,
    Capabilities: list[str] | None = None,
    Tags: list[dict] | None = None,
    AdministrationRoleARN: str | None = None,
    ExecutionRoleName: str | None = None,
    PermissionModel: str | None = None,
    CallAs: str | None = None,
    ClientRequestToken: str | None = None,
    ManagedExecution: dict | None = None,
) -> dict:
    refuse_organizations(CallAs, ManagedExecution=(ManagedExecution or {}).get("Active"))
    if PermissionModel == "SERVICE_MANAGED":
        raise NotImplementedHere("PermissionModel SERVICE_MANAGED of cloudformation's stack sets")
    _check_name(StackSetName)
    request.check_tags(Tags)
    if again := _same(call, StackSetName, ClientRequestToken):
        return again
    text = await template.text_of(call, TemplateBody, TemplateURL)
    outline = await template.workshop(call).outline(text)
    values, hidden = _values(outline, Parameters)
    _check_capabilities(outline, Capabilities)
    if again := _same(call, StackSetName, ClientRequestToken):
        return again
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
        administration_role=AdministrationRoleARN
        or f"arn:{call.home.partition}:iam::{call.account}:role/{stackset.ADMINISTRATION}",
        execution_role=ExecutionRoleName or stackset.EXECUTION,
        token=ClientRequestToken or "",
    )
    if AdministrationRoleARN:
        request.check_passed(call, AdministrationRoleARN)
    call.shelf(StackSet)[found.key] = found
    telling.of_stack_set(call, found)
    return {"StackSetId": found.id}


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
    OperationId: str | None = None,
    Accounts: list[str] | None = None,
    Regions: list[str] | None = None,
    CallAs: str | None = None,
    ManagedExecution: dict | None = None,
) -> dict:
    """Without accounts and regions every instance is updated; with them the others are outdated from now on."""
    refuse_organizations(CallAs, DeploymentTargets=DeploymentTargets, ManagedExecution=(ManagedExecution or {}).get("Active"))
    if PermissionModel == "SERVICE_MANAGED":
        raise NotImplementedHere("PermissionModel SERVICE_MANAGED of cloudformation's stack sets")
    preferences = _check_preferences(OperationPreferences or {})
    request.check_tags(Tags)
    found = stackset.get(call, StackSetName)
    if again := _again(call, found, OperationId, "UPDATE"):
        return again
    if UsePreviousTemplate and TemplateBody is None and TemplateURL is None:
        text = stackset.template(call, found)
    else:
        text = await template.text_of(call, TemplateBody, TemplateURL)
    outline = await template.workshop(call).outline(text)
    values, hidden = _values(outline, Parameters, found.values)
    _check_capabilities(outline, Capabilities)
    found = stackset.get(call, StackSetName)
    if again := _again(call, found, OperationId, "UPDATE"):
        return again
    targets = _chosen(call, found, Accounts, Regions, preferences)
    news = changed(
        found,
        description=found.description if Description is None else Description,
        values=values,
        hidden=hidden,
        capabilities=tuple(Capabilities or ()),
        tags=found.tags if Tags is None else {tag["Key"]: tag["Value"] for tag in Tags},
        administration_role=AdministrationRoleARN or found.administration_role,
        execution_role=ExecutionRoleName or found.execution_role,
    )
    answer = _begin(call, news, OperationId, "UPDATE", targets, preferences)
    if AdministrationRoleARN:
        request.check_passed(call, AdministrationRoleARN)
    call.rows(stacks.DOCUMENTS).run("delete from cloudformation_document where wish = ?", found.wish)
    call.shelf(StackSet)[found.key] = changed(news, wish=_keep_template(call, text))
    for each in stackset.instances(call, found):
        stackset.become(call, "UPDATE", each, status="OUTDATED")
    return answer


def _chosen(
    call: Call, found: StackSet, accounts: list[str] | None, names: list[str] | None, preferences: dict[str, Any]
) -> list[tuple[str, str]]:
    """The instances an operation is about: those that were named, or all."""
    there = stackset.instances(call, found)
    if accounts or names:
        wanted = set(_targets(accounts, names, preferences))
        if unknown := sorted(wanted - {(each.account, each.region) for each in there}):
            raise _absent(found, *unknown[0])
        there = [each for each in there if (each.account, each.region) in wanted]
    if not there:
        return []
    return [
        pair
        for pair in _targets([each.account for each in there], [each.region for each in there], preferences)
        if pair in {(each.account, each.region) for each in there}
    ]


def _absent(found: StackSet, account: str, region: str) -> AwsError:
    return stackset.StackInstanceNotFoundException(
        f"Stack instance of StackSet {found.name} in account {account} and region {region} not found"
    )


def DeleteStackSet(call: Call, *, StackSetName: str, CallAs: str | None = None) -> dict:
    """A set that is not there is deleted already, as AWS was recorded."""
    refuse_organizations(CallAs)
    found = stackset.find(call, StackSetName)
    if found is None:
        return {}
    if stackset.instances(call, found):
        raise StackSetNotEmptyException
    if busy := [each for each in stackset.operations(call, found) if not each.is_over]:
        raise OperationInProgressException(f"Operation {busy[0].id} on StackSet {found.name} is in progress")
    del call.shelf(StackSet)[found.key]
    found = changed(found, status="DELETED")
    call.shelf(StackSet)[found.key] = found
    telling.of_stack_set(call, found)
    return {}


def DescribeStackSet(call: Call, *, StackSetName: str, CallAs: str | None = None) -> dict:
    refuse_organizations(CallAs)
    return {"StackSet": stackset.shown(call, stackset.get(call, StackSetName))}


def ListStackSets(call: Call, *, Status: str | None = None, CallAs: str | None = None) -> dict:
    refuse_organizations(CallAs)
    found = sorted(call.shelf(StackSet).values(), key=lambda each: each.created)
    return {"Summaries": [stackset.summary(each) for each in found if Status in (None, each.status)]}


# Instances -------------------------------------------------------------------------------------------


def CreateStackInstances(
    call: Call,
    *,
    StackSetName: str,
    Regions: list[str],
    Accounts: list[str] | None = None,
    DeploymentTargets: dict | None = None,
    ParameterOverrides: list[dict] | None = None,
    OperationPreferences: dict | None = None,
    OperationId: str | None = None,
    CallAs: str | None = None,
) -> dict:
    """Instances that are there already are brought to what the set says."""
    refuse_organizations(CallAs, DeploymentTargets=DeploymentTargets)
    preferences = _check_preferences(OperationPreferences or {})
    found = stackset.get(call, StackSetName)
    if again := _again(call, found, OperationId, "CREATE"):
        return again
    targets = _targets(Accounts, Regions, preferences)
    overrides = {name: value for name, value in template.given(ParameterOverrides).items() if value is not None}
    shelf = call.shelf(Instance)
    for account, name in targets:
        key = stackset.key_of(found.id, account, name)
        fresh = Instance(
            set_id=found.id, account=account, region=name, stack_name=f"StackSet-{found.name[:80]}-{call.new_id()}"
        )
        shelf[key] = changed(shelf.get(key) or fresh, overrides=overrides)
    return _begin(call, found, OperationId, "CREATE", targets, preferences)


def UpdateStackInstances(
    call: Call,
    *,
    StackSetName: str,
    Regions: list[str],
    Accounts: list[str] | None = None,
    DeploymentTargets: dict | None = None,
    ParameterOverrides: list[dict] | None = None,
    OperationPreferences: dict | None = None,
    OperationId: str | None = None,
    CallAs: str | None = None,
) -> dict:
    """What is not overridden any more has the set's value again."""
    refuse_organizations(CallAs, DeploymentTargets=DeploymentTargets)
    preferences = _check_preferences(OperationPreferences or {})
    found = stackset.get(call, StackSetName)
    if again := _again(call, found, OperationId, "UPDATE"):
        return again
    targets = _targets(Accounts, Regions, preferences)
    given = template.given(ParameterOverrides)
    shelf = call.shelf(Instance)
    for account, name in targets:
        each = shelf.get(stackset.key_of(found.id, account, name))
        if each is None:
            raise _absent(found, account, name)
        values = {key: each.overrides.get(key) if value is None else value for key, value in given.items()}
        shelf[each.key] = changed(each, overrides={key: value for key, value in values.items() if value is not None})
    return _begin(call, found, OperationId, "UPDATE", targets, preferences)


def DeleteStackInstances(
    call: Call,
    *,
    StackSetName: str,
    Regions: list[str],
    RetainStacks: bool,
    Accounts: list[str] | None = None,
    DeploymentTargets: dict | None = None,
    OperationPreferences: dict | None = None,
    OperationId: str | None = None,
    CallAs: str | None = None,
) -> dict:
    """What is not there is deleted already."""
    refuse_organizations(CallAs, DeploymentTargets=DeploymentTargets)
    preferences = _check_preferences(OperationPreferences or {})
    found = stackset.get(call, StackSetName)
    if again := _again(call, found, OperationId, "DELETE"):
        return again
    there = {(each.account, each.region) for each in stackset.instances(call, found)}
    targets = [pair for pair in _targets(Accounts, Regions, preferences) if pair in there]
    return _begin(call, found, OperationId, "DELETE", targets, preferences, retains=RetainStacks)


def DescribeStackInstance(
    call: Call, *, StackSetName: str, StackInstanceAccount: str, StackInstanceRegion: str, CallAs: str | None = None
) -> dict:
    refuse_organizations(CallAs)
    found = stackset.get(call, StackSetName)
    each = call.shelf(Instance).get(stackset.key_of(found.id, StackInstanceAccount, StackInstanceRegion))
    if each is None:
        raise _absent(found, StackInstanceAccount, StackInstanceRegion)
    overrides = {"ParameterOverrides": stackset.given(each.overrides, found.hidden)}
    return {"StackInstance": stackset.instance_shown(each) | overrides}


def ListStackInstances(
    call: Call,
    *,
    StackSetName: str,
    Filters: list[dict] | None = None,
    StackInstanceAccount: str | None = None,
    StackInstanceRegion: str | None = None,
    CallAs: str | None = None,
) -> dict:
    refuse_organizations(CallAs)
    found = stackset.instances(call, stackset.get(call, StackSetName))
    reads = {
        "DETAILED_STATUS": lambda each: each.detailed,
        "LAST_OPERATION_ID": lambda each: each.operation,
        "DRIFT_STATUS": lambda each: each.drift,
    }
    for wanted in Filters or ():
        found = [each for each in found if reads[wanted["Name"]](each) == wanted["Values"]]
    return {
        "Summaries": [
            stackset.instance_shown(each)
            for each in found
            if StackInstanceAccount in (None, each.account) and StackInstanceRegion in (None, each.region)
        ]
    }


# What was done ---------------------------------------------------------------------------------------


def ListStackSetOperations(call: Call, *, StackSetName: str, CallAs: str | None = None) -> dict:
    refuse_organizations(CallAs)
    found = stackset.get(call, StackSetName)
    return {"Summaries": [stackset.operation_summary(each) for each in stackset.operations(call, found)]}


def DescribeStackSetOperation(call: Call, *, StackSetName: str, OperationId: str, CallAs: str | None = None) -> dict:
    refuse_organizations(CallAs)
    found = stackset.get(call, StackSetName)
    return {"StackSetOperation": stackset.operation_shown(stackset.operation(call, found, OperationId))}


def ListStackSetOperationResults(
    call: Call,
    *,
    StackSetName: str,
    OperationId: str,
    CallAs: str | None = None,
    Filters: list[dict] | None = None,
) -> dict:
    refuse_organizations(CallAs)
    found = stackset.operation(call, stackset.get(call, StackSetName), OperationId)
    wanted = [each["Values"] for each in Filters or () if each["Name"] == "OPERATION_RESULT_STATUS"]
    results = [each for each in found.results if all(each.status == status for status in wanted)]
    return {"Summaries": [stackset.result_shown(each) for each in results]}


def StopStackSetOperation(call: Call, *, StackSetName: str, OperationId: str, CallAs: str | None = None) -> dict:
    """What is under way is finished; what has not begun is cancelled."""
    refuse_organizations(CallAs)
    found = stackset.operation(call, stackset.get(call, StackSetName), OperationId)
    if found.is_over:
        raise InvalidOperationException(f"Operation {OperationId} is in {found.status} state and cannot be stopped")
    found = call.shelf(Operation)[found.key] = changed(found, status="STOPPING")
    telling.of_operation(call, found)
    return {}


def DetectStackSetDrift(
    call: Call,
    *,
    StackSetName: str,
    OperationPreferences: dict | None = None,
    OperationId: str | None = None,
    CallAs: str | None = None,
) -> dict:
    refuse_organizations(CallAs)
    preferences = _check_preferences(OperationPreferences or {})
    found = stackset.get(call, StackSetName)
    if again := _again(call, found, OperationId, "DETECT_DRIFT"):
        return again
    targets = [
        pair
        for pair in _chosen(call, found, None, None, preferences)
        if call.shelf(Instance)[stackset.key_of(found.id, *pair)].stack_id
    ]
    return _begin(call, found, OperationId, "DETECT_DRIFT", targets, preferences)
