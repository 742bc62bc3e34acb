"""A stack's life: made, changed, taken back, deleted."""

from __future__ import annotations

from typing import Any

from kumoniwa.deploy.macros import TransformFailed
from kumoniwa.deploy.standing import Blueprint, Standing
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, ValidationError
from kumoniwa.kernel.record import changed
from kumoniwa.services.cloudformation import (
    changeset,
    event,
    export,
    notification,
    policy,
    request,
    template,
    work,
)
from kumoniwa.services.cloudformation import stack as stacks
from kumoniwa.services.cloudformation.stack import Stack

STACKS_MAX = 2000
"""https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""


class LimitExceededException(AwsError):
    message = "Limit for Stack has been exceeded"


async def CreateStack(
    call: Call,
    *,
    StackName: str,
    TemplateBody: str | None = None,
    TemplateURL: str | None = None,
    Parameters: list[dict] | None = None,
    Capabilities: list[str] | None = None,
    Tags: list[dict] | None = None,
    RoleARN: str | None = None,
    OnFailure: str | None = None,
    DisableRollback: bool | None = None,
    EnableTerminationProtection: bool | None = None,
    NotificationARNs: list[str] | None = None,
    ClientRequestToken: str | None = None,
    ResourceTypes: list[str] | None = None,
    RetainExceptOnCreate: bool | None = None,
    TimeoutInMinutes: int | None = None,
    StackPolicyBody: str | None = None,
    StackPolicyURL: str | None = None,
    RollbackConfiguration: dict[str, Any] | None = None,
    DeploymentConfig: dict[str, Any] | None = None,
    DisableValidation: bool | None = None,
) -> dict:
    """Refuses at once what AWS refuses at once, and more: what its handlers would only find in the stack's first second.
    ``DisableValidation`` forgoes what is not done here anyway."""
    stacks.check_name(StackName)
    notified = notification.check(NotificationARNs)
    request.check_tags(Tags)
    on_failure = _on_failure(OnFailure, request.disables_rollback(DisableRollback, DeploymentConfig))
    watching = request.watching(RollbackConfiguration)
    if not request.is_repeated(stacks.find(call, StackName), ClientRequestToken, "CreateStack"):
        drafted = _drafted(call, StackName)
        text = await template.text_of(call, TemplateBody, TemplateURL)
        protection = await policy.sent(call, StackPolicyBody, StackPolicyURL)
        id = drafted.id if drafted is not None else call.new_id()
        arn = call.arn(f"stack/{StackName}/{id}")
        blueprint, doomed = await _drawn(call, StackName, arn, text, Parameters, None, Capabilities, notified)
        template.check_types(blueprint, ResourceTypes)
        template.check_capabilities(blueprint, Capabilities)
        request.check_role(call, RoleARN)
        # Somebody may have been faster while the template was drawn.
        if not request.is_repeated(stacks.find(call, StackName), ClientRequestToken, "CreateStack"):
            if _drafted(call, StackName) != drafted:
                raise _exists(StackName)
            stack = Stack(
                name=StackName,
                id=id,
                arn=arn,
                created=drafted.created if drafted is not None else call.now(),
                status="CREATE_IN_PROGRESS",
                wish=stacks.wished(call, text, blueprint, Tags or [], Capabilities or []),
                principal=call.principal,
                role=RoleARN or "",
                on_failure=on_failure,
                is_protected=bool(EnableTerminationProtection),
                token=ClientRequestToken or "",
                deletes_new=bool(RetainExceptOnCreate),
                timeout_s=(TimeoutInMinutes or 0) * 60.0,
                policy=protection or "",
                **watching,
                notified=notified,
                mode=request.mode(DeploymentConfig),
                change_set=drafted.change_set if drafted is not None else "",
            )
            changeset.outdate(call, stack)
            work.begin(call, stack, "CREATE_IN_PROGRESS", "CreateStack", changeset.with_names(call, stack, blueprint), doomed=doomed)
    return _begun(stacks.find(call, StackName))


async def _drawn(
    call: Call,
    name: str,
    arn: str,
    text: str,
    parameters: list[dict] | None,
    previous: dict[str, str] | None,
    capabilities: list[str] | None,
    notified: tuple[str, ...],
) -> tuple[Blueprint, str]:
    """A blueprint, or nothing to make and why: a stack whose transform fails is there, and goes back."""
    may_expand = "CAPABILITY_AUTO_EXPAND" in (capabilities or ())
    try:
        return await template.drawn(call, name, arn, text, parameters, previous, may_expand=may_expand, notified=notified), ""
    except TransformFailed as error:
        return Blueprint(body={}, values=previous or {}), error.text


def _begun(stack: Stack) -> dict[str, str]:
    return {"StackId": stack.arn} | ({"OperationId": stack.operation} if stack.operation else {})


def _on_failure(on_failure: str | None, disable_rollback: bool | None) -> str:
    if on_failure is not None and disable_rollback is not None:
        raise ValidationError("Invalid Input: only one of 'DisableRollback' and 'OnFailure' can be specified")
    if on_failure is not None:
        return on_failure
    return "DO_NOTHING" if disable_rollback else "ROLLBACK"


def _drafted(call: Call, name: str) -> Stack | None:
    """The stack of that name of which there are but change sets: it may be created without them. No other may be there."""
    found = stacks.find(call, name)
    if found is not None and found.status != "REVIEW_IN_PROGRESS":
        raise _exists(name)
    if found is None and len(stacks.living(call)) >= STACKS_MAX:
        raise LimitExceededException
    return found


def _exists(name: str) -> AwsError:
    return request.AlreadyExistsException(f"Stack [{name}] already exists")


async def UpdateStack(
    call: Call,
    *,
    StackName: str,
    TemplateBody: str | None = None,
    TemplateURL: str | None = None,
    UsePreviousTemplate: bool | None = None,
    Parameters: list[dict] | None = None,
    Capabilities: list[str] | None = None,
    Tags: list[dict] | None = None,
    RoleARN: str | None = None,
    DisableRollback: bool | None = None,
    NotificationARNs: list[str] | None = None,
    ClientRequestToken: str | None = None,
    ResourceTypes: list[str] | None = None,
    RetainExceptOnCreate: bool | None = None,
    StackPolicyBody: str | None = None,
    StackPolicyURL: str | None = None,
    StackPolicyDuringUpdateBody: str | None = None,
    StackPolicyDuringUpdateURL: str | None = None,
    RollbackConfiguration: dict[str, Any] | None = None,
    DeploymentConfig: dict[str, Any] | None = None,
    DisableValidation: bool | None = None,
) -> dict:
    """A new stack policy holds once the update has succeeded, one for the update at once and as long as it lasts."""
    request.check_tags(Tags)
    is_kept = request.disables_rollback(DisableRollback, DeploymentConfig)
    watching = request.watching(RollbackConfiguration)
    stack = request.named(call, StackName, "Stack [{}] does not exist")
    if request.is_repeated(stack, ClientRequestToken, "UpdateStack"):
        return _begun(stack)
    if UsePreviousTemplate and stack.before is not None and call.principal.through == stacks.SERVICE:
        return _as_before(call, stack)
    request.check_updatable(stack)
    notified = stack.notified if NotificationARNs is None else notification.check(NotificationARNs)
    text = await template.text_of(call, TemplateBody, TemplateURL, stack if UsePreviousTemplate else None)
    after = await policy.sent(call, StackPolicyBody, StackPolicyURL)
    meanwhile = await policy.sent(
        call, StackPolicyDuringUpdateBody, StackPolicyDuringUpdateURL, "StackPolicyDuringUpdate"
    )
    blueprint, doomed = await _drawn(
        call, stack.name, stack.arn, text, Parameters, stack.wish.values, Capabilities, notified
    )
    template.check_types(blueprint, ResourceTypes)
    template.check_capabilities(blueprint, Capabilities)
    request.check_role(call, RoleARN)
    stack = request.named(call, StackName, "Stack [{}] does not exist")
    if request.is_repeated(stack, ClientRequestToken, "UpdateStack"):
        return _begun(stack)
    request.check_updatable(stack)
    tags = [{"Key": key, "Value": value} for key, value in stack.wish.tags.items()] if Tags is None else Tags
    is_changing = changeset.is_different(call, stack, blueprint, {tag["Key"]: tag["Value"] for tag in tags})
    # What failed and was left standing may be tried again as it is.
    is_changing = is_changing or stack.status in ("CREATE_FAILED", "UPDATE_FAILED") or bool(doomed)
    # Nobody knows what a transform would say the next time: localstack's validated test_update_stack_with_same_template_withoutchange_transformation.
    is_changing = is_changing or bool(blueprint.transforms)
    if not is_changing and not changeset.differences(call, stack, blueprint):
        raise ValidationError("No updates are to be performed.")
    stack = changed(
        stack,
        principal=call.principal,
        role=RoleARN or stack.role,
        on_failure="DO_NOTHING" if is_kept else "ROLLBACK",
        deletes_new=bool(RetainExceptOnCreate),
        token=ClientRequestToken or "",
        policy_after=after or "",
        policy_of_update=meanwhile or "",
        **watching,
        notified=notified,
        mode=request.mode(DeploymentConfig),
    )
    changeset.outdate(call, stack)
    wish = stacks.wished(call, text, blueprint, tags, Capabilities or [])
    work.begin(call, stack, "UPDATE_IN_PROGRESS", "UpdateStack", changeset.with_names(call, stack, blueprint), wish, doomed)
    return _begun(call.shelf(Stack)[stack.name])


def _as_before(call: Call, stack: Stack) -> dict[str, str]:
    """The stack that it is nested in takes an update back: what was drawn then stands again, whatever lies where its template lay."""
    if stack.is_before:
        if stack.is_busy:
            return _begun(stack)
        raise ValidationError("No updates are to be performed.")
    request.check_updatable(stack)
    stack = changed(stack, principal=call.principal, on_failure="ROLLBACK", token="", policy_after="", policy_of_update="")
    changeset.outdate(call, stack)
    work.begin(call, stack, "UPDATE_IN_PROGRESS", "UpdateStack", stacks.drawn(call, stack.before), stack.before)
    return _begun(call.shelf(Stack)[stack.name])


def CancelUpdateStack(call: Call, *, StackName: str, ClientRequestToken: str | None = None) -> None:
    stack = request.named(call, StackName, "Stack [{}] does not exist")
    if request.is_repeated(stack, ClientRequestToken, "CancelUpdateStack"):
        return
    if stack.status != "UPDATE_IN_PROGRESS":
        raise ValidationError("CancelUpdateStack cannot be called from current stack status")
    stack = changed(stack, token=ClientRequestToken or stack.token)
    work.interrupt(call, stack, "UPDATE_ROLLBACK_IN_PROGRESS", "CancelUpdateStack", "User Initiated")


def RollbackStack(
    call: Call,
    *,
    StackName: str,
    RoleARN: str | None = None,
    ClientRequestToken: str | None = None,
    RetainExceptOnCreate: bool | None = None,
    DeploymentConfig: dict[str, Any] | None = None,
) -> dict:
    """Back to what last stood whole, from a failure that was left standing. A stack that never stood has its resources deleted.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_RollbackStack.html"""
    stack = request.named(call, StackName, "Stack [{}] does not exist")
    if request.is_repeated(stack, ClientRequestToken, "RollbackStack"):
        return _begun(stack)
    if stack.status not in ("CREATE_FAILED", "UPDATE_FAILED"):
        raise ValidationError(f"Stack:{stack.arn} is in {stack.status} state and can not be rolled back.")
    request.check_role(call, RoleARN)
    stack = changed(
        stack,
        principal=call.principal,
        role=RoleARN or stack.role,
        token=ClientRequestToken or "",
        deletes_new=bool(RetainExceptOnCreate),
        mode=request.mode(DeploymentConfig),
    )
    back = "ROLLBACK_IN_PROGRESS" if stack.status == "CREATE_FAILED" else "UPDATE_ROLLBACK_IN_PROGRESS"
    work.go_on(call, stack, back, "RollbackStack")
    return _begun(call.shelf(Stack)[stack.name])


def ContinueUpdateRollback(
    call: Call,
    *,
    StackName: str,
    RoleARN: str | None = None,
    ResourcesToSkip: list[str] | None = None,
    ClientRequestToken: str | None = None,
    ForceRollback: bool | None = None,
) -> dict:
    """A skipped resource is taken to stand as it stood before the update, whatever has become of it. By force, everything
    is skipped that the rollback failed to bring back."""
    stack = request.named(call, StackName, "Stack [{}] does not exist")
    if request.is_repeated(stack, ClientRequestToken, "ContinueUpdateRollback"):
        return {}
    if stack.status != "UPDATE_ROLLBACK_FAILED":
        raise ValidationError(f"Stack:{stack.arn} is in {stack.status} state and can not continue rollback.")
    if ForceRollback and ResourcesToSkip:
        raise ValidationError("ResourcesToSkip and ForceRollback cannot be specified together.")
    request.check_role(call, RoleARN)
    state = stacks.state_of(call, stack)

    def is_stuck(standing: Standing | None) -> bool:
        return standing is not None and standing.status == "UPDATE_FAILED" and standing.logical_id in state.before

    stuck = [name for name, standing in state.resources.items() if is_stuck(standing)]
    for name in stuck if ForceRollback else ResourcesToSkip or ():
        if not is_stuck(state.resources.get(name)):
            raise ValidationError(f"Resource {name} is not in UPDATE_FAILED state and cannot be skipped.")
        state.put("resources", name, state.before[name])
    stack = changed(
        stack, principal=call.principal, role=RoleARN or stack.role, token=ClientRequestToken or ""
    )
    call.shelf(Stack)[stack.name] = stack
    work.go_on(call, stack, "UPDATE_ROLLBACK_IN_PROGRESS", "ContinueUpdateRollback")
    return {}


def DeleteStack(
    call: Call,
    *,
    StackName: str,
    RetainResources: list[str] | None = None,
    RoleARN: str | None = None,
    ClientRequestToken: str | None = None,
    DeletionMode: str | None = None,
    DeploymentConfig: dict[str, Any] | None = None,
) -> None:
    """A stack that is not there is deleted already. One deleted by force leaves behind what cannot be deleted."""
    stack = stacks.find(call, StackName)
    if stack is None or stack.status == "DELETE_IN_PROGRESS":
        return
    if stack.is_protected:
        raise ValidationError(
            f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled"
        )
    if stack.status.startswith("UPDATE_") and stack.is_busy:
        raise ValidationError(f"Stack [{stack.arn}] cannot be deleted while in status {stack.status}")
    if RetainResources and stack.status != "DELETE_FAILED":
        raise ValidationError(
            "Invalid operation on stack. Specify which resources to retain only when the stack is in the DELETE_FAILED state."
        )
    if unknown := sorted(set(RetainResources or ()) - set(stacks.resources_of(call, stack))):
        raise ValidationError(
            f"The specified resources to retain must be in a valid state. Resource {unknown[0]} does not exist."
        )
    if DeletionMode == "FORCE_DELETE_STACK" and stack.status != "DELETE_FAILED":
        raise ValidationError(
            "Invalid operation on stack. FORCE_DELETE_STACK can only be used when the stack is in the DELETE_FAILED state."
        )
    request.check_role(call, RoleARN)
    delete(
        call,
        changed(
            stack,
            retained=tuple(RetainResources or ()),
            is_forced=DeletionMode == "FORCE_DELETE_STACK",
            role=RoleARN or stack.role,
            token=ClientRequestToken or "",
            mode=request.mode(DeploymentConfig),
        ),
    )


def delete(call: Call, stack: Stack) -> None:
    changeset.retire(call, stack)
    if stack.is_busy:
        return work.interrupt(call, stack, "DELETE_IN_PROGRESS", "DeleteStack", "User Initiated")
    stack = changed(stack, principal=call.principal)
    if reason := export.in_use(call, stack.arn):
        # CloudFormation takes the request, says why not, and the stack is what it was: no status ends in FAILED.
        # https://github.com/aws/aws-cdk/issues/604 https://github.com/serverless/serverless/issues/2984
        event.happened(
            call, stack, stack.name, event.STACK, stack.arn, "DELETE_IN_PROGRESS", "User Initiated"
        )
        event.happened(call, stack, stack.name, event.STACK, stack.arn, stack.status, reason)
        call.shelf(Stack)[stack.name] = changed(stack, reason=reason)
        return None
    work.begin(call, stack, "DELETE_IN_PROGRESS", "DeleteStack")
    return None


def UpdateTerminationProtection(call: Call, *, EnableTerminationProtection: bool, StackName: str) -> dict:
    stack = request.named(call, StackName, "Stack [{}] does not exist")
    call.shelf(Stack)[stack.name] = changed(stack, is_protected=EnableTerminationProtection)
    return {"StackId": stack.arn}
