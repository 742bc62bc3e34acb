"""Stacks being built: each is a task of its region, and a task that was killed is taken up again.

A stack's permissions are those of whoever asked for it, kept with the stack. Every call carries a token, so that a call whose
answer was lost with its process is answered again and not done again.
"""

from __future__ import annotations

import asyncio
import sys
import traceback
from functools import partial
from typing import Any

from kumoniwa.deploy import protection
from kumoniwa.deploy.apply import Deploy
from kumoniwa.deploy.standing import Blueprint, State
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.principal import Principal
from kumoniwa.kernel.record import changed
from kumoniwa.services.cloudformation import (
    autodeployment,
    event,
    export,
    notification,
    refactoring,
    rollout,
    template,
)
from kumoniwa.services.cloudformation import stack as stacks
from kumoniwa.services.cloudformation.stack import Stack, Wish
from kumoniwa.services.cloudformation.surroundings import LOOK_S, Surroundings

FAILED = {
    "ROLLBACK": "ROLLBACK_FAILED",
    "UPDATE_ROLLBACK": "UPDATE_ROLLBACK_FAILED",
    "DELETE": "DELETE_FAILED",
    "IMPORT": "IMPORT_ROLLBACK_FAILED",
    "IMPORT_ROLLBACK": "IMPORT_ROLLBACK_FAILED",
}


class Running:
    """The deploys under way in this process, by the stack's id."""

    def __init__(self) -> None:
        self.deploys: dict[str, Deploy] = {}


# Beginning -------------------------------------------------------------------------------------------


def begin(
    call: Call,
    stack: Stack,
    status: str,
    operation_name: str,
    blueprint: Blueprint | None = None,
    wish: Wish | None = None,
    doomed: str = "",
) -> Stack:
    """Write down that a stack is to be created, updated or deleted, and set about it. What is ``doomed`` fails at once."""
    stack = changed(stack, operation=call.new_id(), operation_name=operation_name, doomed=doomed)
    is_new = stack.status in ("CREATE_IN_PROGRESS", "REVIEW_IN_PROGRESS")
    if status == "IMPORT_IN_PROGRESS" and is_new:
        stack = changed(stack, wish=wish)
    elif status in ("UPDATE_IN_PROGRESS", "IMPORT_IN_PROGRESS"):
        previous = stack.wish
        if stack.status == "UPDATE_FAILED" and stack.previous is not None:
            # A rollback goes back to what last stood whole.
            stacks.let_go(call, stack, stack.wish)
            previous = stack.previous
        stack = changed(stack, previous=previous, wish=wish, updated=call.now())
    call.shelf(Stack)[stack.name] = stack
    kind = status.removesuffix("_IN_PROGRESS")
    kind = ("CREATE" if is_new else "UPDATE") if kind == "IMPORT" else kind
    event.begun(call, stack, f"{kind}_STACK", stack.operation)
    export.use(call, stack.name, {*stack.wish.imports, *(stack.previous.imports if stack.previous else ())})
    state = stacks.state_of(call, stack)
    if blueprint is not None:
        state.begin(status, stack.operation, blueprint.resources, blueprint.outputs, reason="User Initiated")
    else:
        state.begin(status, stack.operation, reason="User Initiated")
    stack = call.shelf(Stack)[stack.name]
    event.happened(call, stack, stack.name, event.STACK, stack.arn, status, "User Initiated")
    carry_out(call, stack, state)
    return stack


def go_on(call: Call, stack: Stack, status: str, operation_name: str) -> None:
    """Take up again a stack that had given up."""
    stack = changed(stack, operation=call.new_id(), operation_name=operation_name)
    call.shelf(Stack)[stack.name] = stack
    kind = "CONTINUE_ROLLBACK" if operation_name == "ContinueUpdateRollback" else "ROLLBACK"
    event.begun(call, stack, kind, stack.operation)
    state = stacks.state_of(call, stack)
    state.move_on(status, "User Initiated")
    event.happened(call, stack, stack.name, event.STACK, stack.arn, status, "User Initiated")
    carry_out(call, call.shelf(Stack)[stack.name], state)


def carry_out(call: Call, stack: Stack, state: State | None = None) -> None:
    """Go on with a stack, as whoever asked for it, until its status is final."""
    running = call.memory(Running).deploys
    if stack.id in running:
        return
    own = call.home.call("cloudformation", call.account, stack.principal)
    state = state or stacks.state_of(own, stack)
    surroundings = Surroundings(own, stack.name)
    pseudo = template.pseudo_parameters(own, stack.name, stack.arn, stack.notified)
    deploy = Deploy(
        state,
        surroundings,
        pseudo,
        exports=surroundings.exported,
        publish=surroundings.publish,
        retained=stack.retained,
        is_forced=stack.is_forced,
        deletes_new=stack.deletes_new,
        may_not=partial(protection.refusal, stack.policy_of_update or stack.policy),
        watch=surroundings.watch,
        doomed=stack.doomed,
        is_express=stack.mode == "EXPRESS",
    )
    running[stack.id] = deploy
    call.home.spawn(_run(own, stack, deploy))
    if stack.timeout_s and stack.status == "CREATE_IN_PROGRESS":
        call.home.spawn(_time_out(own, stack, deploy))
    if stack.triggers and stack.status in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"):
        call.home.spawn(_guard(surroundings, stack, deploy))


async def _guard(surroundings: Surroundings, stack: Stack, deploy: Deploy) -> None:
    """Take back what is being done as soon as an alarm sounds that is to watch over it."""
    call = surroundings.call
    deploys = call.memory(Running).deploys
    while deploys.get(stack.id) is deploy and deploy.state.status == stack.status:
        try:
            reason = await surroundings.sounded(stack.triggers)
        except AwsError as error:
            reason = error.text
        if reason:
            deploy.give_up(reason)
            call.wake("watch", stack.id)
            return
        await call.wait("guard", stack.id, until=call.now() + LOOK_S)


async def _time_out(call: Call, stack: Stack, deploy: Deploy) -> None:
    """Give a creation up that takes longer than its owner allowed, even if a kill came between."""
    # A stack that a change set made began later than it was created; nobody can give it a time to end.
    due, deploys = stack.created + stack.timeout_s, call.memory(Running).deploys
    while call.now() < due and deploys.get(stack.id) is deploy:
        await call.wait("stack", stack.id, until=due)
    if deploys.get(stack.id) is not deploy or deploy.state.status != "CREATE_IN_PROGRESS":
        return
    reason = "Stack creation time exceeded the specified timeout. "
    after = {
        "DO_NOTHING": ("CREATE_FAILED", ""),
        "DELETE": ("DELETE_IN_PROGRESS", "Delete requested by user."),
    }
    status, more = after.get(stack.on_failure, ("ROLLBACK_IN_PROGRESS", "Rollback requested by user."))
    deploy.interrupt(status, reason + more)


async def _run(call: Call, stack: Stack, deploy: Deploy) -> None:
    try:
        await deploy.run()
    except Exception as error:
        # A defect of ours. A stack that stayed in progress would have its owner wait for ever.
        print(f"kumoniwa: the stack {stack.arn} failed", file=sys.stderr)
        traceback.print_exception(error)
        phase = (
            deploy.state.status.removesuffix("_IN_PROGRESS")
            .removesuffix("_CLEANUP")
            .removesuffix("_COMPLETE")
        )
        deploy.fail(FAILED.get(phase, f"{phase}_FAILED"), f"Internal Failure: {type(error).__name__}")
    finally:
        call.memory(Running).deploys.pop(stack.id, None)
    call.wake("stack", stack.id)


def interrupt(call: Call, stack: Stack, status: str, operation_name: str, reason: str) -> None:
    """Somebody decided otherwise while a stack was being built."""
    call.shelf(Stack)[stack.name] = stack = changed(stack, operation_name=operation_name)
    # A region that has just come back may not have taken it up again yet.
    carry_out(call, stack)
    call.memory(Running).deploys[stack.id].interrupt(status, reason)
    call.wake("watch", stack.id)


async def run(region: Any) -> None:
    """Take up again what an earlier life of the region left unfinished, tell topics what happens to stacks, and follow organizations."""
    for account in region.store.accounts():
        if account.isdigit():
            call = region.call("cloudformation", account, _nobody(account))
            for stack in stacks.living(call):
                if stack.is_busy:
                    carry_out(call, stack)
            rollout.resume(call)
            refactoring.resume(call)
    async with asyncio.TaskGroup() as group:
        group.create_task(notification.OUTBOX.run(region))
        group.create_task(autodeployment.run(region))


def _nobody(account: str) -> Principal:
    return principals.service(stacks.SERVICE, account)
