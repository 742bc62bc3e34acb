"""Stack refactors asked for, looked at and carried out."""

from __future__ import annotations

import sys
import traceback
from typing import Any, NamedTuple

from kumoniwa.deploy import step, types
from kumoniwa.deploy.standing import Blueprint
from kumoniwa.deploy.step import Failure, Work
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, ValidationError
from kumoniwa.kernel.record import changed
from kumoniwa.services.cloudformation import changeset, event, export, refactor, template
from kumoniwa.services.cloudformation import stack as stacks
from kumoniwa.services.cloudformation.refactor import Comparison, Draft, Outcome, Part, StackRefactor
from kumoniwa.services.cloudformation.stack import Stack, Wish
from kumoniwa.services.cloudformation.surroundings import Surroundings


class Carrying:
    """The refactors under way in this process, by id."""

    def __init__(self) -> None:
        self.ids: set[str] = set()


async def CreateStackRefactor(
    call: Call,
    *,
    StackDefinitions: list[dict[str, str]],
    EnableStackCreation: bool | None = None,
    ResourceMappings: list[dict[str, Any]] | None = None,
    Description: str | None = None,
) -> dict:
    """What is wrong with the templates is told by the refactor itself, which is there and has failed then."""
    if not 1 <= len(StackDefinitions) <= refactor.STACKS_MAX:
        raise ValidationError(f"A stack refactor is of 1 to {refactor.STACKS_MAX} stacks.")
    found = StackRefactor(
        id=call.ids.uuid(), created=call.now(), status="CREATE_COMPLETE", execution="AVAILABLE", description=Description or ""
    )
    try:
        drafts, texts = await _drafted(call, StackDefinitions, bool(EnableStackCreation))
        mappings = _mappings(drafts, ResourceMappings)
        comparison = Comparison(call, drafts, mappings)
        outcomes = await comparison.outcomes()
        refactor.check_types(comparison, outcomes)
    except (AwsError, Failure) as error:
        found = changed(found, status="CREATE_FAILED", execution="UNAVAILABLE", reason=_why(error))
        call.shelf(StackRefactor)[found.id] = found
        return {"StackRefactorId": found.id}

    def keep() -> None:
        parts = []
        for draft, text in zip(drafts, texts):
            tags = [{"Key": key, "Value": value} for key, value in draft.stack.wish.tags.items()]
            wish = stacks.wished(call, text, draft.blueprint, tags, list(draft.stack.wish.capabilities))
            before = "" if draft.is_new else draft.stack.wish.id
            parts.append(Part(name=draft.stack.name, arn=draft.stack.arn, wish=wish, before=before))
            if draft.is_new and stacks.find(call, draft.stack.name) is None:
                call.shelf(Stack)[draft.stack.name] = draft.stack
                event.happened(call, draft.stack, draft.stack.name, event.STACK, draft.stack.arn, "REVIEW_IN_PROGRESS", "User Initiated")
        actions = tuple(refactor.actions(comparison, outcomes))
        call.shelf(StackRefactor)[found.id] = changed(found, parts=tuple(parts), mappings=tuple(mappings.items()), actions=actions)

    call.atomically(keep)
    return {"StackRefactorId": found.id}


async def _drafted(call: Call, definitions: list[dict[str, str]], may_create: bool) -> tuple[list[Draft], list[str]]:
    drafts, texts = [], []
    for definition in definitions:
        name = definition.get("StackName") or ""
        stack = stacks.find(call, name)
        is_new = stack is None or stack.status == "REVIEW_IN_PROGRESS"
        if is_new and not may_create:
            raise ValidationError(f"Stack [{name}] does not exist")
        if stack is None:
            stacks.check_name(name)
            id = call.new_id()
            stack = Stack(
                name=name, id=id, arn=call.arn(f"stack/{name}/{id}"), created=call.now(), status="REVIEW_IN_PROGRESS", reason="User Initiated",
                wish=Wish(id=call.new_id()), principal=call.principal,
            )  # fmt: skip
        if any(stack.arn == each.stack.arn for each in drafts):
            raise ValidationError(f"Stack {stack.name} is in the refactor more than once.")
        text = await template.text_of(call, definition.get("TemplateBody"), definition.get("TemplateURL"))
        given, previous = await _values(call, text, stack), None if is_new else stack.wish.values
        blueprint = await template.drawn(call, stack.name, stack.arn, text, given, previous, notified=stack.notified)
        drafts.append(_draft(call, stack, blueprint, is_new))
        texts.append(text)
    return drafts, texts


def _draft(call: Call, stack: Stack, blueprint: Blueprint, is_new: bool) -> Draft:
    return Draft(stack, blueprint, {}, None) if is_new else Draft(stack, blueprint, stacks.resources_of(call, stack), stacks.drawn(call, stack.wish))


async def _values(call: Call, text: str, stack: Stack) -> list[dict[str, Any]]:
    """A stack's parameters keep their values."""
    outline = await template.workshop(call).outline(text)
    names = [each["ParameterKey"] for each in outline["parameters"]]
    return [{"ParameterKey": name, "UsePreviousValue": True} for name in names if name in stack.wish.values]


def _mappings(drafts: list[Draft], given: list[dict[str, Any]] | None) -> dict[refactor.Place, refactor.Place]:
    arns = {name: each.stack.arn for each in drafts for name in (each.stack.name, each.stack.arn)}

    def place(said: dict[str, str]) -> refactor.Place:
        if said["StackName"] not in arns:
            raise ValidationError(f"Stack {said['StackName']} of a resource mapping is not one of the refactor.")
        return arns[said["StackName"]], said["LogicalResourceId"]

    found = {}
    for each in given or ():
        source = place(each["Source"])
        if source in found:
            raise ValidationError(f"Resource {source[1]} is mapped more than once.")
        found[source] = place(each["Destination"])
    return found


# Looking -----------------------------------------------------------------------------------------------


def _summary(call: Call, found: StackRefactor) -> dict[str, Any]:
    reply = {"StackRefactorId": found.id, "ExecutionStatus": refactor.execution(call, found), "Status": found.status}
    optional = {"Description": found.description, "StatusReason": found.reason, "ExecutionStatusReason": found.execution_reason}
    return reply | {name: value for name, value in optional.items() if value}


def DescribeStackRefactor(call: Call, *, StackRefactorId: str) -> dict:
    found = refactor.get(call, StackRefactorId)
    return _summary(call, found) | {"StackIds": [part.arn for part in found.parts]}


def ListStackRefactors(call: Call, *, ExecutionStatusFilter: list[str] | None = None) -> dict:
    found = [_summary(call, each) for each in sorted(call.shelf(StackRefactor).values(), key=lambda each: -each.created)]
    wanted = set(ExecutionStatusFilter or ())
    return {"StackRefactorSummaries": [each for each in found if not wanted or each["ExecutionStatus"] in wanted]}


def ListStackRefactorActions(call: Call, *, StackRefactorId: str) -> dict:
    return {"StackRefactorActions": list(refactor.get(call, StackRefactorId).actions)}


# Carrying out ------------------------------------------------------------------------------------------


def ExecuteStackRefactor(call: Call, *, StackRefactorId: str) -> None:
    found = refactor.get(call, StackRefactorId)
    status = refactor.execution(call, found)
    if status != "AVAILABLE":
        raise ValidationError(f"Stack refactor {found.id} cannot be executed in its current execution status {status}.")
    found = changed(found, execution="EXECUTE_IN_PROGRESS", principal=call.principal)
    call.shelf(StackRefactor)[found.id] = found
    carry_out(call, found)


def carry_out(call: Call, found: StackRefactor) -> None:
    carrying = call.memory(Carrying).ids
    if found.id not in carrying:
        carrying.add(found.id)
        call.home.spawn(_run(call.home.call("cloudformation", call.account, found.principal), found.id))


def resume(call: Call) -> None:
    """Take up again what an earlier life of the region left unfinished."""
    for found in list(call.shelf(StackRefactor).values()):
        if found.execution == "EXECUTE_IN_PROGRESS":
            carry_out(call, found)


async def _run(call: Call, id: str) -> None:
    await call.home.store.journal.settled()
    try:
        status, reason = await _executed(call, refactor.get(call, id))
    except Exception as error:
        # A defect of ours. A refactor that stayed under way would have its owner wait for ever.
        print(f"kumoniwa: the stack refactor {id} failed", file=sys.stderr)
        traceback.print_exception(error)
        status, reason = "EXECUTE_FAILED", f"Internal Failure: {type(error).__name__}"
    finally:
        call.memory(Carrying).ids.discard(id)
    if status:
        call.shelf(StackRefactor)[id] = changed(refactor.get(call, id), execution=status, execution_reason=reason)


async def _executed(call: Call, found: StackRefactor) -> tuple[str, str]:
    """How it ended: nothing if it is told already, in the step that did it."""
    try:
        comparison = Comparison(call, _kept(call, found), dict(found.mappings))
        outcomes = await comparison.outcomes()
    except (AwsError, Failure) as error:
        return "EXECUTE_FAILED", _why(error)
    taggings = [_Tagging(call, comparison, outcomes, found.id, place) for _, place in comparison.moves()]
    done: list[_Tagging] = []
    try:
        for each in taggings:
            await _tagged(each, done)
        call.atomically(lambda: _commit(call, found, comparison, outcomes))
    except (AwsError, Failure) as error:
        return await _taken_back(done, _why(error))
    return "", ""


def _kept(call: Call, found: StackRefactor) -> list[Draft]:
    if not refactor.is_current(call, found):
        raise ValidationError("A stack of the refactor has changed since it was created.")
    return [_draft(call, stacks.find(call, part.arn), stacks.drawn(call, part.wish), part.is_new) for part in found.parts]


def _why(error: AwsError | Failure) -> str:
    """Some services say no more than their code."""
    return str(error) or error.code


class _Tagging(NamedTuple):
    """How a resource is told where it belongs."""

    call: Call
    comparison: Comparison
    outcomes: dict[str, Outcome]
    id: str
    """Of the refactor."""
    place: refactor.Place

    def work(self, *, is_back: bool = False) -> Work | None:
        """To tell it where it belongs, or where it did; None where that is the same."""
        arn, name = self.place
        outcome, stack = self.outcomes[arn].resources[name], self.comparison.drafts[arn].stack
        was, now = self.comparison.marks(arn, name, outcome)
        if was == now:
            return None
        if is_back:
            was, now = now, was
        pseudo = template.pseudo_parameters(self.call, stack.name, stack.arn, stack.notified)
        return Work(
            host=Surroundings(self.call, stack.name), entry=types.find(outcome.type), logical_id=name, pseudo=pseudo,
            token=f"{self.id}/{name}{'/back' if is_back else ''}", properties=dict(now), old=dict(was), id=outcome.physical_id, made=outcome.made,
        )  # fmt: skip


async def _tagged(tagging: _Tagging, done: list[_Tagging]) -> None:
    """``done`` is told of what is to be taken back if anything fails."""
    doing = tagging.work()
    if doing is None:
        return
    try:
        await step.update(doing)
    except (AwsError, Failure):
        if doing.calls > 1:
            # Where the first call was refused, nothing was done.
            done.append(tagging)
        raise
    done.append(tagging)


async def _taken_back(done: list[_Tagging], reason: str) -> tuple[str, str]:
    try:
        for each in reversed(done):
            await step.update(each.work(is_back=True))
    except (AwsError, Failure) as error:
        return "ROLLBACK_FAILED", f"{reason} {_why(error)}"
    return "ROLLBACK_COMPLETE", reason


def _commit(call: Call, found: StackRefactor, comparison: Comparison, outcomes: dict[str, Outcome]) -> None:
    """Everything at once: whose resources are whose, what is exported, and which templates stand."""
    if not refactor.is_current(call, found):
        raise Failure("A stack of the refactor has changed since it was created.")
    exports = call.shelf(export.Export)
    for held in [each for each in exports.values() if each.stack in outcomes]:
        del exports[held.name]
    for arn, outcome in outcomes.items():
        for name, value in refactor.exported(outcome):
            exports[name] = export.Export(name=name, value=value, stack=arn)
    for part in found.parts:
        _become(call, part, comparison, outcomes[part.arn])
    call.shelf(StackRefactor)[found.id] = changed(refactor.get(call, found.id), execution="EXECUTE_COMPLETE")


def _become(call: Call, part: Part, comparison: Comparison, outcome: Outcome) -> None:
    """AWS's stacks are seen to be updated meanwhile, and what came to them to be imported (https://github.com/aws/aws-cdk-cli/issues/1804);
    of the status of a stack that was created so no source tells."""
    draft, before = comparison.drafts[part.arn], call.shelf(Stack)[part.name]
    changeset.outdate(call, before)
    stack = changed(before, wish=part.wish, previous=None, operation=call.new_id(), operation_name="ExecuteStackRefactor")
    stack = stack if part.is_new else changed(stack, updated=call.now())
    call.shelf(Stack)[stack.name] = stack
    stacks.let_go(call, before, before.wish)
    kind = "CREATE" if part.is_new else "UPDATE"
    event.begun(call, stack, f"{kind}_STACK", stack.operation)
    event.happened(call, stack, stack.name, event.STACK, stack.arn, f"{kind}_IN_PROGRESS", "User Initiated")
    state = stacks.state_of(call, stack)
    entries = {
        "wanted": draft.blueprint.resources, "wanted_outputs": draft.blueprint.outputs, "outputs": outcome.outputs, "before": {},
        "resources": outcome.resources,
    }  # fmt: skip
    for member, wanted in entries.items():
        for name in [name for name in getattr(state, member) if name not in wanted]:
            state.put(member, name, None)
        for name, value in wanted.items():
            state.put(member, name, value)
    for name, standing in outcome.resources.items():
        if comparison.sources[part.arn, name] != (part.arn, name):
            event.happened(call, stack, name, standing.type, standing.physical_id, standing.status, "", standing.properties)
    state.move_on(f"{kind}_COMPLETE")
    event.happened(call, stack, stack.name, event.STACK, stack.arn, f"{kind}_COMPLETE", "")
