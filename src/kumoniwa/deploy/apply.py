"""A deploy, carried out: what is wanted becomes what stands, or everything goes back.

May: run steps, in parallel where nothing forbids it, and decide between going on and going back. May not: know a service.

The stack's status is the program counter. `run` looks at it, does that phase, and sets the next one, until the status no
longer says ``_IN_PROGRESS``. Every step writes down what it is about to do before it does it, so a deploy whose process was
killed anywhere is continued by calling `run` again on the state that was kept.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from kumoniwa.deploy import (
    drift,
    dynamic,
    graph,
    importing,
    intrinsics,
    schemas,
    signal,
    step,
    tagging,
    types,
)
from kumoniwa.deploy.plan import difference, needs_replacement
from kumoniwa.deploy.removal import Removal
from kumoniwa.deploy.standing import Standing, State
from kumoniwa.deploy.step import Cancelled, Failure, Host, Work
from kumoniwa.kernel.errors import AwsError, ValidationError
from kumoniwa.kernel.record import changed

if TYPE_CHECKING:
    from kumoniwa.deploy.resource import Name, ResourceType

STACK = "AWS::CloudFormation::Stack"


class _Live(intrinsics.Drawn):
    """What names mean while resources come to stand. Parameters, mappings and conditions are already resolved."""

    def __init__(self, state: State, exports: Callable[[str], Any]) -> None:
        self.state, self.exports = state, exports

    def _standing(self, name: str) -> Standing:
        found = self.state.resources.get(name)
        if found is None:
            raise Failure(f"Unresolved resource dependencies [{name}] in the Resources block of the template")
        return found

    def ref(self, name: str) -> Any:
        return intrinsics.NOTHING if name == "AWS::NoValue" else self._standing(name).reference

    def attribute(self, logical_id: str, attribute: str) -> Any:
        found = self._standing(logical_id)
        if attribute not in found.attributes:
            raise Failure(f"Attribute '{attribute}' does not exist")
        return found.attributes[attribute]

    def export(self, name: str) -> Any:
        found = self.exports(name)
        if found is None:
            raise Failure(f"No export named {name} found")
        return found

async def _at_once() -> None: ...


def _is_one(standing: Standing, other: Standing) -> bool:
    """Whether both are the same thing: a name may be that of another one elsewhere."""
    entry = types.find(standing.type)
    within = entry.name.within if entry is not None and entry.name is not None else ""
    return standing.physical_id == other.physical_id and standing.reached.get(within) == other.reached.get(within)


class Deploy:
    """One create, update or delete of one stack. Construct it again on kept state to continue it."""

    def __init__(
        self,
        state: State,
        host: Host,
        pseudo: Mapping[str, Any],
        exports: Callable[[str], Any] = lambda name: None,
        publish: Callable[[dict[str, Any]], None] = lambda outputs: None,
        retained: tuple[str, ...] = (),
        is_forced: bool = False,
        deletes_new: bool = False,
        may_not: Callable[[str, str, str], str] = lambda action, name, kind: "",
        watch: Callable[[], Awaitable[None]] = _at_once,
        doomed: str = "",
        is_express: bool = False,
    ) -> None:
        """``exports`` answers what Fn::ImportValue names; ``publish`` is told the outputs before they are written down and
        raises `Failure` if it may not; ``retained`` are resources that a deletion leaves alone, ``is_forced`` leaves alone what
        it cannot delete; ``deletes_new`` takes back what a rollback finds new although it is to be retained. ``may_not`` answers why
        an update may not do something (``Update:Modify``) to a resource, or nothing; ``watch`` lasts as long as everything that
        stands is to be watched before it is final; ``doomed`` says why there is nothing to make, only to take back. ``is_express``
        waits for nothing but what the next step needs: AWS would try that again until it succeeds."""
        self.state, self.host, self.pseudo = state, host, pseudo
        self.publish, self.retained = publish, retained
        self.is_forced, self.deletes_new = is_forced, deletes_new
        self.may_not, self.watch, self.doomed, self.is_express = may_not, watch, doomed, is_express
        self.phase = state.status
        self.scope = _Live(state, exports)
        self.failed: dict[str, str] = {}
        self.needs = graph.needs(state.wanted)
        self.needed = frozenset(name for names in self.needs.values() for name in names)
        self.phases: dict[str, Callable[[], Awaitable[None]]] = {
            "CREATE_IN_PROGRESS": self._make,
            "UPDATE_IN_PROGRESS": self._make,
            "ROLLBACK_IN_PROGRESS": lambda: Removal(self).remove_all("ROLLBACK_COMPLETE", "ROLLBACK_FAILED"),
            "DELETE_IN_PROGRESS": lambda: Removal(self).remove_all("DELETE_COMPLETE", "DELETE_FAILED"),
            "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": lambda: Removal(self).clean("UPDATE_COMPLETE"),
            "UPDATE_ROLLBACK_IN_PROGRESS": self._restore,
            "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": lambda: Removal(self).clean("UPDATE_ROLLBACK_COMPLETE"),
            "IMPORT_IN_PROGRESS": self._import,
            "IMPORT_ROLLBACK_IN_PROGRESS": self._release,
        }

    async def run(self) -> str:
        """Continue until the stack's status is final, and answer it."""
        while phase := self.phases.get(self.state.status):
            self.phase, self.failed = self.state.status, {}
            await phase()
        return self.state.status

    def interrupt(self, status: str, reason: str) -> None:
        """Somebody decided otherwise: steps stop before their next call, and `run` goes on with another phase."""
        self.move_on(status, reason)
        self.failed.setdefault("", reason)

    def give_up(self, reason: str) -> None:
        """What is being done comes to nothing: steps stop before their next call, and `run` goes on as after any failure."""
        if self.state.status == self.phase:
            self.failed.setdefault("", reason)

    def fail(self, status: str, reason: str) -> None:
        """Give up where the deploy stands."""
        self.phase = self.state.status
        self.move_on(status, reason)

    def move_on(self, status: str, reason: str = "") -> None:
        if self.state.status != self.phase:
            # Interrupted: what comes after this phase is settled already.
            return
        self.state.move_on(status, reason)
        self.host.event(self.state.stack_name, STACK, self.state.stack_id, status, reason, None)

    def say(self, standing: Standing, status: str, reason: str = "") -> None:
        self.host.event(
            standing.logical_id, standing.type, standing.physical_id, status, reason, standing.reached
        )

    def work(self, standing: Standing, *, old: dict[str, Any] | None = None, stops: bool = True) -> Work:
        entry = self._entry(standing.type)

        def marked(properties: dict[str, Any]) -> dict[str, Any]:
            return tagging.marked(properties, entry, self.state.stack_name, self.state.stack_id, standing.logical_id)

        return Work(
            host=self.host,
            entry=entry,
            logical_id=standing.logical_id,
            pseudo=self.pseudo,
            token=standing.token,
            properties=marked(dict(standing.reached)),
            old={} if old is None else marked(old),
            id=standing.physical_id,
            made=standing.made,
            is_cancelled=(lambda: bool(self.failed)) if stops else (lambda: False),
            waits=not self.is_express or standing.logical_id in self.needed,
        )

    def _entry(self, type_name: str) -> ResourceType:
        entry = types.find(type_name)
        if entry is None:
            raise Failure(f"Template format error: Unrecognized resource types: [{type_name}]")
        return entry

    # --- forward ---

    async def _make(self) -> None:
        state = self.state
        is_update = state.status == "UPDATE_IN_PROGRESS"
        if self.doomed:
            self.failed[""] = self.doomed
        elif is_update:
            self._refuse_removals()
        await graph.in_order(state.wanted, self.needs, self._bring)
        if state.status != self.phase:
            return None
        if not self.failed:
            self._resolve_outputs()
        if not self.failed:
            try:
                await self.watch()
            except (Failure, AwsError) as error:
                self.failed.setdefault("", step.reason_of(error, "", self.host))
        if state.status != self.phase:
            return None
        if not self.failed:
            for name in [name for name in state.resources if name not in state.wanted]:
                self._discard_passing(state.resources[name])
                state.put("resources", name, None)
            self.discard_superseded()
            return self.move_on("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS" if is_update else "CREATE_COMPLETE")
        verb = "update" if is_update else "create"
        named = [name for name in self.failed if name]
        reason = self.failed[""] + ". " if "" in self.failed else f"The following resource(s) failed to {verb}: [{', '.join(named)}]. "
        if state.on_failure == "DO_NOTHING":
            return self.move_on("UPDATE_FAILED" if is_update else "CREATE_FAILED", reason)
        if is_update:
            return self.move_on("UPDATE_ROLLBACK_IN_PROGRESS", reason)
        if state.on_failure == "DELETE":
            return self.move_on("DELETE_IN_PROGRESS", reason + "Delete requested by user.")
        return self.move_on("ROLLBACK_IN_PROGRESS", reason + "Rollback requested by user.")

    def _refuse_removals(self) -> None:
        for name, standing in self.state.resources.items():
            if name not in self.state.wanted and (why := self.may_not("Update:Delete", name, standing.type)):
                self._fail(standing, "UPDATE", why)

    def _discard_passing(self, standing: Standing) -> None:
        """What an update that failed had made and a later one drops: no rollback would bring it back."""
        old = self.state.before.get(standing.logical_id)
        if old is None or not _is_one(old, standing):
            self.state.discard(standing)

    def discard_superseded(self) -> None:
        """What stood before and was replaced or dropped is to be deleted in the cleanup."""
        state = self.state
        for name, old in state.before.items():
            current = state.resources.get(name)
            if current is None or not _is_one(current, old):
                state.discard(old)

    def _resolve_outputs(self) -> None:
        try:
            wanted = self.state.wanted_outputs
            found = {name: intrinsics.evaluate(output, self.scope) for name, output in wanted.items()}
            for name, output in found.items():
                for value in (output["Value"], output.get("Export", {"Name": ""})["Name"]):
                    if not isinstance(value, str | int | float):
                        raise Failure(
                            f"Output {name} is malformed. The Value field of every Outputs member must evaluate to a String."
                        )
            self.publish(found)
        except (Failure, ValidationError) as error:
            self.failed[""] = str(error)
            return
        for name in [name for name in self.state.outputs if name not in found]:
            self.state.put("outputs", name, None)
        for name, output in found.items():
            self.state.put("outputs", name, output)

    async def _bring(self, name: str) -> None:
        """One wanted resource: made, changed, replaced, or left alone."""
        if self.failed:
            return None
        definition = self.state.wanted[name]
        standing = self.state.resources.get(name)
        if standing is not None and standing.token.startswith(self.state.operation_id + "/"):
            # This deploy was here before it was interrupted.
            return await self._go_on(standing)
        if standing is not None and standing.is_unmade:
            # Left behind by an earlier deploy that was told not to roll back.
            self.state.discard(standing)
            self.state.put("resources", name, None)
            standing = None
        if standing is None and "Import" in definition:
            return await self._adopt(name)
        try:
            entry = self._entry(definition["Type"])
            properties = await self._properties(definition, entry)
            if standing is None:
                await self._begin(self._draft(name, properties, "CREATE"), entry, None)
            else:
                await self._alter(entry, properties, standing)
        except (Failure, AwsError) as error:
            # No service was asked yet: the template itself is at fault.
            verb = "CREATE" if standing is None else "UPDATE"
            self._fail(standing or self._draft(name, {}, verb), verb, step.reason_of(error, "", self.host))

    async def _properties(self, definition: dict[str, Any], entry: ResourceType) -> dict[str, Any]:
        properties = intrinsics.evaluate(definition.get("Properties", {}), self.scope)
        if not isinstance(properties, dict):
            raise Failure("Template error: the Properties of a resource must be an object.")
        properties = await dynamic.resolved(properties, dynamic.PLAIN, self._look)
        properties = schemas.conform(entry.type, properties)
        return tagging.with_tags(properties, entry, self.state.tags)

    async def _look(self, operation: str, /, **params: Any) -> dict[str, Any]:
        return await self.host.ask(operation, params, None)

    def _check(self, name: str, entry: ResourceType, properties: dict[str, Any]) -> None:
        if broken := schemas.violations(entry.type, properties):
            raise Failure(
                f"Properties validation failed for resource {name} with message:\n" + "\n".join(broken)
            )
        if key := tagging.reserved_in(properties, entry):
            raise Failure(f"Tag key {key}: aws: prefixed tag key names are not allowed for external use.")
        if not entry.is_open and (unknown := sorted(set(properties) - entry.known)):
            raise Failure(f"Kumoniwa does not implement the property {unknown[0]} of {entry.type}.")

    def _terms(self, name: str) -> dict[str, Any]:
        """What a template says about a resource besides its properties."""
        definition = self.state.wanted[name]
        return {
            "needs": self.needs[name],
            "deletion_policy": definition.get("DeletionPolicy", "Delete"),
            "replace_policy": definition.get("UpdateReplacePolicy", "Delete"),
            "metadata": self._metadata(definition.get("Metadata", {})),
            "token": f"{self.state.operation_id}/{name}",
        }

    def _metadata(self, written: dict[str, Any]) -> dict[str, Any]:
        try:
            return intrinsics.evaluate(written, self.scope)
        except (Failure, ValidationError):
            # What it names does not stand: for that very reason the resource fails, or it names the resource itself.
            return written

    def _draft(self, name: str, properties: dict[str, Any], verb: str) -> Standing:
        return Standing(
            logical_id=name,
            type=self.state.wanted[name]["Type"],
            status=f"{verb}_IN_PROGRESS",
            doing="create",
            attempt=properties,
            **self._terms(name),
        )

    @staticmethod
    def _fresh_name(work: Work, name: Name) -> str:
        ending = name.ending(work.properties)
        return work.fresh_name(name.longest - len(ending), lower=name.lower, plain=name.plain, beginning=name.beginning) + ending

    async def _begin(self, draft: Standing, entry: ResourceType, replaced: Standing | None) -> None:
        """Write down a resource that is about to be made, then make it."""
        reason = "Requested update requires the creation of a new physical resource; hence creating one."
        self.say(replaced or draft, draft.status, reason if replaced else "")
        self._check(draft.logical_id, entry, draft.attempt)
        if entry.name and entry.name.property not in draft.attempt:
            work = self.work(draft)
            composed = entry.name.composed(work)
            fresh = composed or self.state.wanted[draft.logical_id].get("Named") or self._fresh_name(work, entry.name)
            draft = changed(draft, attempt={**draft.attempt, entry.name.property: fresh}, is_named_by_us=True)
            if composed and entry.name.tells and entry.read:
                await self._refuse_existing(entry, draft)
        elif entry.name and entry.name.tells and entry.read:
            await self._refuse_existing(entry, draft)
        if replaced is not None:
            self._discard_passing(replaced)
        self.state.put("resources", draft.logical_id, draft)
        await self._create(draft)

    async def _refuse_existing(self, entry: ResourceType, draft: Standing) -> None:
        """Many creating calls answer an existing resource as if they had made it. CloudFormation may not adopt one."""
        identifier = draft.attempt[entry.name.property]
        try:
            work = self.work(changed(draft, physical_id=str(identifier)))
            is_there = await step.exists(work, by_name=True)
        except AwsError as error:
            raise Failure(step.reason_of(error, _service(entry), self.host)) from None
        if is_there:
            text = f"Resource of type '{entry.type}' with identifier '{identifier}' already exists."
            raise Failure(
                f'Resource handler returned message: "{text}" (RequestToken: {self.host.request_id()}, '
                "HandlerErrorCode: AlreadyExists)"
            )

    async def _go_on(self, standing: Standing) -> None:
        """The step that a record says was begun, from its beginning: calls already done are answered, not redone."""
        if standing.doing == "create":
            await self._create(standing)
        elif standing.doing == "change":
            await self._change(standing)

    async def _create(self, standing: Standing) -> None:
        name, verb = standing.logical_id, standing.status.split("_", 1)[0]
        work = self.work(standing)
        try:
            await step.create(work)
            standing = self.state.change("resources", name, physical_id=work.id, made=work.made)
            self.say(standing, f"{verb}_IN_PROGRESS", "Resource creation Initiated")
            await step.furnish(work)
            if policy := self.state.wanted[name].get("CreationPolicy"):
                await signal.awaited(work, policy)
        except (AwsError, Failure, Cancelled) as error:
            if work.id != self.state.resources[name].physical_id:
                # It failed and is there all the same: the rollback has to delete it.
                self.state.change("resources", name, physical_id=work.id)
            return self._fail(self.state.resources[name], verb, self.why(error, work.entry))
        return self._finish(standing, work, verb)

    async def _alter(self, entry: ResourceType, properties: dict[str, Any], standing: Standing) -> None:
        name = standing.logical_id
        naming = entry.name.property if entry.name else ""
        self._check(name, entry, properties)
        is_given = naming in properties
        if standing.is_named_by_us and not is_given:
            properties = {**properties, naming: standing.properties[naming]}
        differing = difference(standing.properties, properties)
        terms = self._terms(name)
        if not differing and not entry.may_change_beneath:
            self.state.change("resources", name, **terms)
            return None
        if fixed := sorted(differing & frozenset(entry.fixed.split())):
            raise Failure(f"Kumoniwa does not implement changing {fixed[0]} of {entry.type} in place.")
        if needs_replacement(entry, differing, standing.properties, properties):
            if not is_given and naming in properties and entry.name.composed(self.work(self._draft(name, properties, "UPDATE"))):
                # What the name is composed of may have changed, too.
                del properties[naming]
            elif naming in properties and not {naming, entry.name.within} & differing:
                if not standing.is_named_by_us:
                    raise Failure(
                        "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
                        f"Rename {properties[naming]} and update the stack again."
                    )
                properties = {key: value for key, value in properties.items() if key != naming}
            if why := self.may_not("Update:Replace", name, standing.type):
                raise Failure(why)
            return await self._begin(self._draft(name, properties, "UPDATE"), entry, standing)
        if why := self.may_not("Update:Modify", name, standing.type):
            raise Failure(why)
        terms |= {"status": "UPDATE_IN_PROGRESS", "doing": "change", "attempt": properties}
        standing = self.state.change("resources", name, **terms)
        self.say(standing, "UPDATE_IN_PROGRESS")
        return await self._change(standing)

    async def _change(self, standing: Standing) -> None:
        work = self.work(standing, old=standing.properties)
        try:
            await step.update(work)
        except (AwsError, Failure, Cancelled) as error:
            return self._fail(standing, "UPDATE", self.why(error, work.entry))
        return self._finish(standing, work, "UPDATE")

    def _finish(self, standing: Standing, work: Work, verb: str) -> None:
        done = self.state.change(
            "resources",
            standing.logical_id,
            status=f"{verb}_COMPLETE",
            properties=standing.attempt,
            physical_id=work.id,
            made=work.made,
            doing="",
            attempt={},
            attributes=step.attributes(work),
            reference=str(step.read(work.entry.ref, work)),
        )
        self.say(done, f"{verb}_COMPLETE")

    def why(self, error: Exception, entry: ResourceType) -> str:
        return "" if isinstance(error, Cancelled) else step.reason_of(error, _service(entry), self.host)

    def _fail(self, standing: Standing, verb: str, reason: str) -> None:
        """``reason`` is empty for a resource that stopped because another one failed."""
        name = standing.logical_id
        reason = reason or (
            "Resource creation cancelled" if verb == "CREATE" else "Resource update cancelled"
        )
        self.failed[name] = reason
        if name in self.state.resources:
            standing = self.state.change("resources", name, status=f"{verb}_FAILED")
        self.say(standing, f"{verb}_FAILED", reason)

    # --- what is there already ---

    async def _import(self) -> None:
        await graph.in_order(self.state.wanted, self.needs, self._adopt)
        if self.failed:
            reason = f"The following resource(s) failed to import: [{', '.join(self.failed)}]. "
            return self.move_on("IMPORT_ROLLBACK_IN_PROGRESS", reason)
        return self.move_on("IMPORT_COMPLETE")

    async def _adopt(self, name: str) -> None:
        """One resource that somebody made: read through its service, it is the stack's from now on. It is not changed."""
        definition = self.state.wanted[name]
        if self.failed or name in self.state.resources or "Import" not in definition:
            return None
        standing = changed(self._draft(name, {}, "IMPORT"), physical_id=definition["Import"])
        try:
            entry = self._entry(definition["Type"])
            properties = await self._properties(definition, entry)
            naming = entry.name.property if entry.name else ""
            is_named_by_us = naming in importing.identifiers(entry.type) and naming not in properties
            if is_named_by_us:
                properties[naming] = standing.physical_id
            standing = changed(standing, attempt=properties, is_named_by_us=is_named_by_us)
            self.say(standing, "IMPORT_IN_PROGRESS", "Resource import started.")
            self._check(name, entry, properties)
            work = self.work(standing)
            if (await drift.detect(work)).status == "DELETED":
                raise Failure(
                    f"Resource of type '{entry.type}' with identifier '{standing.physical_id}' was not found."
                )
            await step.settle(work)
        except (AwsError, Failure, Cancelled) as error:
            return self._fail(standing, "IMPORT", step.reason_of(error, "", self.host))
        self.state.put("resources", name, standing)
        return self._finish(standing, work, "IMPORT")

    async def _release(self) -> None:
        """An import that failed leaves alone what it had adopted."""
        for name, standing in list(self.state.resources.items()):
            if standing.token.startswith(self.state.operation_id + "/"):
                self.say(standing, "IMPORT_ROLLBACK_COMPLETE")
                self.state.put("resources", name, None)
        self.move_on("IMPORT_ROLLBACK_COMPLETE")

    # --- back ---

    async def _restore(self) -> None:
        """Everything that stood before the update stands again as it was; what the update made becomes garbage."""
        state = self.state
        for name in [name for name in state.resources if name not in state.before]:
            state.discard(state.resources[name])
            state.put("resources", name, None)
        for name, old in state.before.items():
            current = state.resources.get(name)
            if current is None or not _is_one(current, old):
                if current is not None:
                    state.discard(current)
                state.put("resources", name, old)
        after = {name: old.needs for name, old in state.before.items()}
        await graph.in_order(list(state.before), after, self._restore_one)
        if self.failed:
            reason = f"The following resource(s) failed to update: [{', '.join(self.failed)}]. "
            return self.move_on("UPDATE_ROLLBACK_FAILED", reason)
        return self.move_on("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")

    async def _restore_one(self, name: str) -> None:
        old, current = self.state.before[name], self.state.resources[name]
        entry = types.find(current.type)
        # Beneath, something may have changed that no property tells of.
        is_touched = current.doing or entry is not None and entry.may_change_beneath and current.token != old.token
        if not is_touched and not difference(current.properties, old.properties):
            self.state.put("resources", name, old)
            return None
        # What the failed update may have applied is what has to be undone, in however many attempts.
        undoing = {"doing": "change", "attempt": old.properties, "properties": current.reached}
        if not current.token.endswith("/back"):
            token = f"{self.state.operation_id}/{name}/back"
            current = self.state.change(
                "resources", name, status="UPDATE_IN_PROGRESS", token=token, **undoing
            )
            self.say(current, "UPDATE_IN_PROGRESS")
        work = self.work(current, old=current.properties, stops=False)
        try:
            await step.update(work)
        except (AwsError, Failure) as error:
            return self._fail(current, "UPDATE", self.why(error, work.entry))
        self.state.put("resources", name, old)
        return self.say(old, "UPDATE_COMPLETE")


_SERVICE_NAMES = {
    "sqs": "Sqs",
    "dynamodb": "DynamoDb",
    "iam": "Iam",
    "apigateway": "ApiGateway",
    "logs": "CloudWatchLogs",
}


def _service(entry: ResourceType) -> str:
    """A service's name as the SDK that AWS's handlers use spells it."""
    folder = "Lambda" if entry.is_open else entry.type.split("::")[1]
    return _SERVICE_NAMES.get(folder.lower(), folder)
