"""Change sets of nested stacks: one for each stack of a hierarchy, made, executed and deleted with that of the root.

What a nested stack would be is drawn from what its parent would tell it. What only the deploy will know, it is told as such. A nested
stack that is new is there as soon as it has a change set, in review, and the deploy makes it under that name.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/change-sets-for-nested-stacks.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kumoniwa.deploy import plan, tagging, types
from kumoniwa.deploy.intrinsics import is_deferred
from kumoniwa.deploy.resources.cloudformation import as_parameter
from kumoniwa.deploy.standing import Blueprint, Standing
from kumoniwa.deploy.step import Work
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import ValidationError
from kumoniwa.kernel.record import changed
from kumoniwa.services.cloudformation import changeset, event, export, template
from kumoniwa.services.cloudformation import stack as stacks
from kumoniwa.services.cloudformation.changeset import ChangeSet, InvalidChangeSetStatusException
from kumoniwa.services.cloudformation.stack import Stack, Wish
from kumoniwa.services.cloudformation.surroundings import Surroundings
from kumoniwa.services.cloudformation.template import InsufficientCapabilitiesException

KIND = "AWS::CloudFormation::Stack"
NAME_CHARACTERS_MAX = 128


@dataclass(frozen=True, slots=True)
class Draft:
    """A change set before it is kept, with those of the stacks nested in its stack."""

    change_set: ChangeSet
    stack: Stack
    text: str
    blueprint: Blueprint | None
    failure: str
    tags: list[dict[str, str]] | None
    capabilities: list[str] | None
    children: Mapping[str, Draft] = field(default_factory=dict)

    @property
    def is_perhaps_idle(self) -> bool:
        """Whether the stack would stay as it is, unless something of its own changes."""
        return self.change_set.kind == "UPDATE" and self.blueprint is not None and not self.children


async def drafted(call: Call, draft: Draft) -> Draft:
    """The draft with those of nested stacks, if it is to tell of them."""
    blueprint, stack = draft.blueprint, draft.stack
    if blueprint is None or not draft.change_set.is_whole:
        return draft
    standing, shelf = stacks.resources_of(call, stack), call.shelf(export.Export)
    seen = plan.Seen(standing, lambda name: shelf[name].value if name in shelf else None)
    try:
        touched = {each.logical_id: each for each in changeset.differences(call, stack, blueprint, seen)}
    except ValidationError:
        # What is wrong is told by the change set itself.
        return draft
    children = {}
    for name in (name for level in blueprint.levels for name in level if blueprint.resources[name]["Type"] == KIND):
        change = touched.get(name)
        is_replaced = change is not None and change.replacement == "True"
        child = await _child(call, draft, name, seen, None if is_replaced else standing.get(name))
        if not child.is_perhaps_idle or _changes(call, child):
            children[name] = child
    return replace(draft, children=children)


async def _child(call: Call, parent: Draft, name: str, seen: plan.Seen, standing: Standing | None) -> Draft:
    entry = types.find(KIND)
    properties = seen.properties(name, parent.blueprint.resources[name].get("Properties", {}))
    tags = {tag["Key"]: tag["Value"] for tag in parent.tags or ()} if parent.tags is not None else parent.stack.wish.tags
    own = tagging.with_tags(properties, entry, tags).get("Tags", [])
    stack = stacks.find(call, standing.physical_id) if standing is not None and not standing.is_unmade else None
    kind, stack = ("CREATE", _reviewed(call, parent.stack, name)) if stack is None else ("UPDATE", stack)
    suffix = f"-{name}-{call.ids.mixed(12)}"
    title = parent.change_set.name[: NAME_CHARACTERS_MAX - len(suffix)] + suffix
    change_set = ChangeSet(
        name=title, arn=call.arn(f"changeSet/{title}/{call.new_id()}"), kind=kind, created=call.now(), stack=stack.id, stack_name=stack.name,
        stack_arn=stack.arn, status="CREATE_COMPLETE", is_whole=True, parent=parent.change_set.arn,
        root=parent.change_set.root or parent.change_set.arn, notified=stack.notified,
    )  # fmt: skip
    draft = Draft(change_set, stack, "", None, "", own, parent.capabilities)
    try:
        if is_deferred(properties.get("TemplateURL")):
            raise ValidationError(f"The TemplateURL of {name} is not known before it is deployed.")
        text = await template.text_of(call, None, properties["TemplateURL"])
        given = [{"ParameterKey": key, "ParameterValue": _told(value)} for key, value in properties.get("Parameters", {}).items()]
        previous = None if kind == "CREATE" else stack.wish.values
        blueprint = await template.drawn(call, stack.name, stack.arn, text, given, previous, notified=stack.notified)
        template.check_capabilities(blueprint, parent.capabilities, is_reviewed=True)
    except (ValidationError, InsufficientCapabilitiesException) as error:
        return replace(draft, failure=error.text)
    return await drafted(call, replace(draft, text=text, blueprint=blueprint))


def _told(value: Any) -> str:
    return plan.UNKNOWN if is_deferred(value) else as_parameter(value)


def _reviewed(call: Call, parent: Stack, logical_id: str) -> Stack:
    """A nested stack that is not there yet."""
    pseudo = template.pseudo_parameters(call, parent.name, parent.arn, parent.notified)
    host = Surroundings(call, parent.name, is_reading=True)
    making = Work(host=host, entry=types.find(KIND), logical_id=logical_id, pseudo=pseudo, token="", properties={})
    name, id = making.fresh_name(NAME_CHARACTERS_MAX), call.new_id()
    return Stack(
        name=name, id=id, arn=call.arn(f"stack/{name}/{id}"), created=call.now(), status="REVIEW_IN_PROGRESS", reason="User Initiated",
        wish=Wish(id=call.new_id()), principal=call.principal, parent=parent.arn, root=parent.root or parent.arn,
    )  # fmt: skip


def _changes(call: Call, draft: Draft) -> bool:
    try:
        found = changeset.differences(call, draft.stack, draft.blueprint)
    except ValidationError:
        return True
    tags = {tag["Key"]: tag["Value"] for tag in draft.tags}
    return any(not each.is_beneath for each in found) or changeset.is_different(call, draft.stack, draft.blueprint, tags)


def keep(call: Call, draft: Draft) -> ChangeSet:
    """Put a change set on the shelf with those of nested stacks, and the stacks that are there for their sake."""
    stack = draft.stack
    if stack.name not in call.shelf(Stack):
        call.shelf(Stack)[stack.name] = stack
        event.happened(call, stack, stack.name, event.STACK, stack.arn, "REVIEW_IN_PROGRESS", "User Initiated")
    children = {name: keep(call, child) for name, child in draft.children.items()}
    found = changeset.compared(
        call, draft.change_set, stack, draft.text, draft.blueprint, draft.failure, draft.tags, draft.capabilities, children
    )
    call.shelf(ChangeSet)[found.key] = found
    return found


def check_root(change_set: ChangeSet, what: str) -> None:
    """AWS lets nobody execute or delete a nested stack's alone; the text is one of ours."""
    if change_set.parent:
        raise InvalidChangeSetStatusException(f"ChangeSet [{change_set.arn}] must be {what} by its root change set [{change_set.root}].")


def execute(call: Call, change_set: ChangeSet) -> None:
    """The deploy of the root makes of nested stacks what their change sets told."""
    for child in changeset.children_of(call, change_set):
        call.shelf(ChangeSet)[child.key] = changed(child, execution="EXECUTED")
        stack = stacks.find(call, child.stack_arn)
        if stack is not None:
            call.shelf(Stack)[stack.name] = changed(stack, change_set=child.arn)
        execute(call, child)
