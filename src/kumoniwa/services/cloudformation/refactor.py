"""Stack refactors: resources that move between stacks, or get other logical ids, and stay what they are.

A refactor is drawn and compared when it is created: every resource of its stacks must be found again in the new templates, as it is. It is
executed in one step, after the tags have been changed by which AWS says where a resource belongs; where that fails, they are changed back.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-refactoring.html. What AWS says of a refactor that it does not take no
source tells; the words are ours.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from kumoniwa.deploy import dynamic, graph, intrinsics, plan, schemas, tagging, types
from kumoniwa.deploy.resource import ResourceType, names_of
from kumoniwa.deploy.standing import Blueprint, Standing
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, ValidationError
from kumoniwa.kernel.principal import Principal
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.cloudformation import export, registry
from kumoniwa.services.cloudformation import stack as stacks
from kumoniwa.services.cloudformation.stack import Stack, Wish
from kumoniwa.services.cloudformation.surroundings import Surroundings

STACKS_MAX = 5
STANDING = frozenset((
    "CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS",
))  # fmt: skip
SECTIONS = ("Parameters", "Conditions", "Mappings")
PLAIN = "No configuration changes detected."
CHECKED = "Resource configuration changes will be validated during refactor execution."
"""Both are AWS's, of its examples: aws/aws-cli, awscli/examples/cloudformation/list-stack-refactor-actions.rst."""

Place = tuple[str, str]
"""The ARN of a stack, and a logical id in it."""


class StackRefactorNotFoundException(AwsError): ...


class Part(Record):
    """One stack of a refactor, and what it is to be."""

    name: str
    arn: str
    wish: Wish
    before: str = ""
    """The id of the wish that stood when the refactor was created; nothing for a stack that it creates."""

    @property
    def is_new(self) -> bool:
        return not self.before


class StackRefactor(Record):
    """Shelved by its id."""

    id: str
    created: float
    status: str
    execution: str
    description: str = ""
    reason: str = ""
    execution_reason: str = ""
    parts: tuple[Part, ...] = ()
    mappings: tuple[tuple[Place, Place], ...] = ()
    """What was said of where resources go."""
    actions: tuple[dict[str, Any], ...] = ()
    principal: Principal | None = None
    """Who executes it."""


def get(call: Call, id: str) -> StackRefactor:
    found = call.shelf(StackRefactor).get(id)
    if found is None:
        raise StackRefactorNotFoundException(f"Stack refactor {id} does not exist")
    return found


def execution(call: Call, refactor: StackRefactor) -> str:
    """A stack that has become another since makes the refactor void."""
    return "OBSOLETE" if refactor.execution == "AVAILABLE" and not is_current(call, refactor) else refactor.execution


def is_current(call: Call, refactor: StackRefactor) -> bool:
    for part in refactor.parts:
        stack = stacks.find(call, part.arn)
        if stack is None or stack.is_busy or (stack.status != "REVIEW_IN_PROGRESS" if part.is_new else stack.wish.id != part.before):
            return False
    return True


# Where resources go ------------------------------------------------------------------------------------


class Draft(NamedTuple):
    """A stack of a refactor, with what stands of it and what it is to be."""

    stack: Stack
    blueprint: Blueprint
    standing: dict[str, Standing]
    old: Blueprint | None
    """What its template was drawn to before; None for a stack that is new."""

    @property
    def is_new(self) -> bool:
        return self.old is None


def moved(drafts: list[Draft], mappings: dict[Place, Place]) -> tuple[dict[Place, Place], set[Place]]:
    """Whence the resource at each place of the new templates comes, and which of them were found without being told.
    Raises ValidationError: every resource must be found again, once."""
    before = {(each.stack.arn, name): standing.type for each in drafts for name, standing in each.standing.items()}
    after = {(each.stack.arn, name): entry["Type"] for each in drafts for name, entry in each.blueprint.resources.items()}
    for source, destination in mappings.items():
        if source not in before:
            raise ValidationError(f"Resource {source[1]} does not exist in stack {source[0]}")
        if destination not in after:
            raise ValidationError(f"Resource {destination[1]} does not exist in the template of stack {destination[0]}")
    if again := [each for each, count in Counter(mappings.values()).items() if count > 1]:
        raise ValidationError(f"Several resources are mapped to {again[0][1]} in stack {again[0][0]}")
    found = {destination: source for source, destination in mappings.items()}
    for place in after:
        if place in before and place not in found and place not in mappings:
            found[place] = place
    told, left = set(found), set(before) - set(found.values())
    for place in (each for each in after if each not in found):
        same = [each for each in left if each[1] == place[1] and before[each] == after[place]]
        if len(same) > 1:
            raise ValidationError(f"Resource {place[1]} is in several stacks. Specify where it comes from as a resource mapping.")
        if not same:
            raise ValidationError(f"Stack refactor does not support creating resources: [{place[1]}] in stack {place[0]}")
        found[place] = same[0]
        left.remove(same[0])
    if left:
        raise ValidationError(f"Stack refactor does not support deleting resources: [{', '.join(sorted(name for _, name in left))}]")
    if retyped := [place for place, source in found.items() if before[source] != after[place]]:
        raise ValidationError(f"Stack refactor does not support changing the type of resources: [{retyped[0][1]}]")
    if all(place == source for place, source in found.items()):
        raise ValidationError("The templates do not move any resource.")
    return found, set(found) - told


# What they are -----------------------------------------------------------------------------------------


class _After(intrinsics.Drawn):
    """What names mean in a stack once the refactor is done."""

    def __init__(self, standing: dict[str, Standing], exports: Callable[[str], Any]) -> None:
        self.standing, self.exports = standing, exports

    def ref(self, name: str) -> Any:
        return intrinsics.NOTHING if name == "AWS::NoValue" else self._found(name).reference

    def attribute(self, logical_id: str, attribute: str) -> Any:
        attributes = self._found(logical_id).attributes
        if attribute not in attributes:
            raise ValidationError(f"Attribute '{attribute}' of {logical_id} does not exist")
        return attributes[attribute]

    def _found(self, name: str) -> Standing:
        if name not in self.standing:
            raise ValidationError(f"Unresolved resource dependencies [{name}] in the Resources block of the template")
        return self.standing[name]

    def export(self, name: str) -> Any:
        return self.exports(name)


class Outcome(NamedTuple):
    """What a stack is when the refactor is done."""

    resources: dict[str, Standing]
    outputs: dict[str, dict[str, Any]]


class Comparison:
    """The stacks of a refactor as they are and as they are to be. Raises ValidationError where that is more than a move."""

    def __init__(self, call: Call, drafts: list[Draft], mappings: dict[Place, Place]) -> None:
        self.call, self.drafts = call, {each.stack.arn: each for each in drafts}
        for each in drafts:
            _check_stack(each)
        self.sources, self.guessed = moved(drafts, mappings)
        self.outputs: dict[str, dict[str, dict[str, Any]]] = {}
        self.resolving: list[str] = []
        self.standing = {each.stack.arn: self._standing(each) for each in drafts}
        self.scopes = {arn: _After(standing, self._exported) for arn, standing in self.standing.items()}
        self.exporters = {name: each.stack.arn for each in drafts for name in _exports(each.blueprint)}

    def origin(self, arn: str, name: str) -> tuple[Draft, Standing]:
        source, logical_id = self.sources[arn, name]
        return self.drafts[source], self.drafts[source].standing[logical_id]

    def _standing(self, draft: Draft) -> dict[str, Standing]:
        needs = graph.needs(draft.blueprint.resources)
        found = {}
        for name, definition in draft.blueprint.resources.items():
            _, standing = self.origin(draft.stack.arn, name)
            found[name] = changed(
                standing, logical_id=name, needs=needs[name], deletion_policy=definition.get("DeletionPolicy", "Delete"),
                replace_policy=definition.get("UpdateReplacePolicy", "Delete"),
            )  # fmt: skip
        return found

    def _exported(self, name: str) -> Any:
        """What an import means: the outputs of these stacks are told by themselves, wherever they stand now."""
        arn = self.exporters.get(name)
        held = self.call.shelf(export.Export).get(name)
        if arn is not None:
            outputs = self.outputs_of(arn)
            return next(each["Value"] for each in outputs.values() if each.get("Export", {}).get("Name") == name)
        if held is None or held.stack in self.drafts:
            raise ValidationError(f"No export named {name} found")
        return held.value

    def outputs_of(self, arn: str) -> dict[str, dict[str, Any]]:
        if arn not in self.outputs:
            if arn in self.resolving:
                raise ValidationError(f"The outputs of {' and '.join(self.resolving)} need each other.")
            self.resolving.append(arn)
            wanted = self.drafts[arn].blueprint.outputs
            self.outputs[arn] = {name: intrinsics.evaluate(output, self.scopes[arn]) for name, output in wanted.items()}
            self.resolving.remove(arn)
        return self.outputs[arn]

    async def outcomes(self) -> dict[str, Outcome]:
        """What each stack comes to. Raises ValidationError for a resource that would not stay what it is."""
        found = {}
        for arn, draft in self.drafts.items():
            host = Surroundings(self.call, draft.stack.name, is_reading=True)

            async def look(operation: str, /, host: Surroundings = host, **params: Any) -> dict[str, Any]:
                return await host.ask(operation, params, None)

            resources = {name: await self._same(arn, name, look) for name in draft.blueprint.resources}
            found[arn] = Outcome(resources=resources, outputs=self.outputs_of(arn))
        self._check_exports(found)
        return found

    async def _same(self, arn: str, name: str, look: Callable[..., Any]) -> Standing:
        draft, standing = self.drafts[arn], self.standing[arn][name]
        source, _ = self.origin(arn, name)
        definition, entry = draft.blueprint.resources[name], types.find(standing.type)
        properties = intrinsics.evaluate(definition.get("Properties", {}), self.scopes[arn])
        properties = schemas.conform(entry.type, await dynamic.resolved(properties, dynamic.PLAIN, look))
        naming = entry.name.property if entry.name else ""
        if standing.is_named_by_us and naming not in properties:
            properties = {**properties, naming: standing.properties[naming]}
        if differing := plan.difference(standing.properties, tagging.with_tags(properties, entry, source.stack.wish.tags)):
            raise ValidationError(f"Stack refactor does not support modifying resources: {sorted(differing)[0]} of {name} in stack {draft.stack.name}")
        metadata = intrinsics.evaluate(definition.get("Metadata", {}), self.scopes[arn])
        is_moved = self.sources[arn, name] != (arn, name)
        status = "IMPORT_COMPLETE" if is_moved else standing.status
        return changed(standing, properties=tagging.with_tags(properties, entry, draft.stack.wish.tags), metadata=metadata, status=status)

    def _check_exports(self, outcomes: dict[str, Outcome]) -> None:
        """What other stacks use must stay, and no name may be another's."""
        told = Counter(name for outcome in outcomes.values() for name, _ in exported(outcome))
        values = {name: value for outcome in outcomes.values() for name, value in exported(outcome)}
        names = {each.stack.name for each in self.drafts.values()}
        for name, count in told.items():
            held = self.call.shelf(export.Export).get(name)
            if count > 1 or (held is not None and held.stack not in self.drafts):
                raise ValidationError(f"Export with name {name} is already exported by another stack")
        for held in self.call.shelf(export.Export).values():
            users = [each for each in export.users(self.call, held.name) if each not in names]
            if held.stack in self.drafts and users and values.get(held.name) != held.value:
                raise ValidationError(f"Export {held.name} cannot be deleted as it is in use by {' and '.join(users)}")

    # Tags -------------------------------------------------------------------------------------------

    def marks(self, arn: str, name: str, outcome: Standing) -> tuple[dict[str, Any], dict[str, Any]]:
        """The properties of a resource with all its tags: as it stands, and as it is to be."""
        source, standing = self.origin(arn, name)
        here, entry = self.drafts[arn].stack, types.find(standing.type)
        was = tagging.marked(standing.properties, entry, source.stack.name, source.stack.arn, standing.logical_id)
        return was, tagging.marked(outcome.properties, entry, here.name, here.arn, name)

    def moves(self) -> Iterator[tuple[Place, Place]]:
        """Whence, and whither."""
        for place, source in self.sources.items():
            if place != source:
                yield source, place


def exported(outcome: Outcome) -> Iterator[tuple[str, str]]:
    for output in outcome.outputs.values():
        if "Export" in output:
            yield str(output["Export"]["Name"]), str(output["Value"])


def _exports(blueprint: Blueprint) -> Iterator[str]:
    """The names that a template exports under; one that only the deploy would know is known to nobody here."""
    for output in blueprint.outputs.values():
        name = output.get("Export", {}).get("Name")
        if isinstance(name, str):
            yield name


def _check_stack(draft: Draft) -> None:
    stack, body = draft.stack, draft.blueprint.body
    if stack.status not in STANDING:
        raise ValidationError(f"Stack {stack.name} is in {stack.status} state and can not be refactored.")
    if stack.policy:
        raise ValidationError(f"Stack {stack.name} has a stack policy, which stack refactor does not support.")
    if not draft.blueprint.resources:
        raise ValidationError(f"Stack {stack.name} would have no resources.")
    if unmade := [name for name, standing in draft.standing.items() if standing.doing]:
        raise ValidationError(f"Resource {unmade[0]} of stack {stack.name} is not complete.")
    if draft.is_new:
        return
    old = draft.old.body
    for section in SECTIONS:
        was = old.get(section) or {}
        if altered := [name for name, value in (body.get(section) or {}).items() if name not in was or was[name] != value]:
            raise ValidationError(f"Stack refactor does not support changing or adding {section}: [{', '.join(altered)}] in stack {stack.name}")


def check_types(comparison: Comparison, outcomes: dict[str, Outcome]) -> None:
    """Only what the registry can update in place is moved, and what can be told where it belongs."""
    for _, (arn, name) in comparison.moves():
        outcome = outcomes[arn].resources[name]
        entry = types.find(outcome.type)
        is_mutable = registry.provisioning(schemas.schema(outcome.type) or {}) == "FULLY_MUTABLE"
        was, now = comparison.marks(arn, name, outcome)
        if not is_mutable or (was != now and not _can_tag(entry)):
            raise ValidationError(f"Resource type {outcome.type} of {name} is not supported by stack refactor.")


def _can_tag(entry: ResourceType) -> bool:
    return any(entry.tags in names_of(action) for action in (*entry.update, *(setting.put for setting in entry.settings)))


# Actions -----------------------------------------------------------------------------------------------


def actions(comparison: Comparison, outcomes: dict[str, Outcome]) -> Iterator[dict[str, Any]]:
    """As ListStackRefactorActions tells them. https://aws.amazon.com/blogs/devops/introducing-aws-cloudformation-stack-refactoring/"""
    for source, (arn, name) in comparison.moves():
        outcome = outcomes[arn].resources[name]
        tags, untags = _retagged(*comparison.marks(arn, name, outcome), types.find(outcome.type).tags)
        was, now = comparison.drafts[source[0]].old.resources[source[1]], comparison.drafts[arn].blueprint.resources[name]
        is_plain = not tags and was.get("Properties") == now.get("Properties")
        yield {
            "Action": "MOVE", "Entity": "RESOURCE", "PhysicalResourceId": outcome.physical_id, "Description": PLAIN if is_plain else CHECKED,
            "Detection": "AUTO" if (arn, name) in comparison.guessed else "MANUAL", "TagResources": tags, "UntagResources": untags,
            "ResourceMapping": {"Source": _place(source), "Destination": _place((arn, name))},
        }  # fmt: skip
    for arn, draft in comparison.drafts.items():
        if draft.is_new:
            yield {
                "Action": "CREATE", "Entity": "STACK", "Description": f"Stack {arn} created.", "Detection": "MANUAL", "TagResources": [],
                "UntagResources": [], "ResourceMapping": {"Source": {}, "Destination": {}},
            }  # fmt: skip


def _place(place: Place) -> dict[str, str]:
    return {"StackName": place[0], "LogicalResourceId": place[1]}


def _retagged(was: dict[str, Any], now: dict[str, Any], member: str) -> tuple[list[dict[str, str]], list[str]]:
    old, new = _tags(was.get(member)), _tags(now.get(member))
    tags = [{"Key": key, "Value": value} for key, value in new.items() if old.get(key) != value]
    return tags, [key for key in old if new.get(key) != old[key]]


def _tags(tags: Any) -> dict[str, str]:
    if isinstance(tags, dict):
        return {key: str(value) for key, value in tags.items()}
    return {str(tag["Key"]): str(tag.get("Value", "")) for tag in tags or ()}
