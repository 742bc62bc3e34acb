"""What a deploy takes away: everything that stands, or what no longer belongs to the stack, in reverse order.

May: delete, and say why not. May not: make anything, but to find out whether something was made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kumoniwa.deploy import graph, step
from kumoniwa.deploy.standing import Standing
from kumoniwa.deploy.step import Failure
from kumoniwa.kernel.errors import AwsError

if TYPE_CHECKING:
    from kumoniwa.deploy.apply import Deploy


class Removal:
    """One phase of a deploy that takes away."""

    def __init__(self, deploy: Deploy) -> None:
        self.deploy, self.state = deploy, deploy.state

    async def remove_all(self, complete: str, failed: str) -> None:
        self.deploy.discard_superseded()
        reason = await self._dispose("resources")
        reason = reason or await self._dispose("garbage")
        if reason and self.deploy.is_forced:
            for part in ("resources", "garbage"):
                for name in list(getattr(self.state, part)):
                    self.state.put(part, name, None)
        elif reason:
            return self.deploy.move_on(failed, reason)
        for part in ("outputs", "before"):
            for name in list(getattr(self.state, part)):
                self.state.put(part, name, None)
        return self.deploy.move_on(complete)

    async def clean(self, complete: str) -> None:
        # What cannot be deleted in a cleanup no longer belongs to the stack: CloudFormation reports it and goes on.
        await self._dispose("garbage")
        for name in list(self.state.garbage):
            self.state.put("garbage", name, None)
        for name in list(self.state.before):
            self.state.put("before", name, None)
        self.deploy.move_on(complete)

    async def _dispose(self, part: str) -> str:
        """Delete one part of the state in reverse order; answers why not everything could be deleted, or nothing."""
        entries: dict[str, Standing] = getattr(self.state, part)
        keys: dict[str, list[str]] = {}
        for key, standing in entries.items():
            keys.setdefault(standing.logical_id, []).append(key)
        after: dict[str, list[str]] = {key: [] for key in entries}
        for key, standing in entries.items():
            for needed in standing.needs:
                for other in keys.get(needed, ()):
                    after[other].append(key)

        async def one(key: str) -> None:
            # A resource whose dependents could not be deleted is still in use.
            if not any(other in self.deploy.failed for other in after[key]):
                await self._dispose_one(part, key)
            else:
                self.deploy.failed[key] = ""

        await graph.in_order(list(entries), after, one)
        stuck = [entries[key].logical_id for key in self.deploy.failed if key in entries and self.deploy.failed[key]]
        return f"The following resource(s) failed to delete: [{', '.join(stuck)}]. " if stuck else ""

    def _policy(self, part: str, standing: Standing) -> str:
        replaced = part == "garbage" and standing.logical_id in self.state.resources
        return standing.replace_policy if replaced else standing.deletion_policy

    def _is_kept(self, part: str, standing: Standing) -> bool:
        policy = self._policy(part, standing)
        if part == "resources" and standing.logical_id in self.deploy.retained:
            return True
        # What a way back deletes was made on the way there, or was there before.
        is_new = self.state.status.startswith(("ROLLBACK", "UPDATE_ROLLBACK"))
        if is_new and standing.status == "IMPORT_COMPLETE":
            return True
        if policy == "Retain":
            return not (is_new and self.deploy.deletes_new)
        return policy == "RetainExceptOnCreate" and not is_new

    async def _found_out(self, part: str, key: str, standing: Standing) -> Standing:
        """A process was killed between a creating call and its answer. Asking again gives that answer, or makes what is deleted next."""
        work = self.deploy.work(standing, stops=False)
        try:
            await step.create(work)
        except (AwsError, Failure):
            return standing
        return self.state.change(part, key, physical_id=work.id, made=work.made)

    async def _dispose_one(self, part: str, key: str) -> None:
        state = self.state
        standing: Standing = getattr(state, part)[key]
        if standing.is_in_doubt:
            standing = await self._found_out(part, key, standing)
        if not standing.physical_id:
            # Its creating call never answered with an id: there is nothing to delete.
            return state.put(part, key, None)
        if self._is_kept(part, standing):
            self.deploy.say(standing, "DELETE_SKIPPED")
            return state.put(part, key, None)
        self.deploy.say(standing, "DELETE_IN_PROGRESS")
        token = f"{state.operation_id}/{key}/away"
        standing = state.change(part, key, status="DELETE_IN_PROGRESS", token=token)
        work = self.deploy.work(standing, stops=False)
        # What a creation that failed had made holds nothing yet.
        work.leaves_snapshot = self._policy(part, standing) == "Snapshot" and not state.status.startswith("ROLLBACK")
        # What it needed is deleted after it.
        work.waits = not self.deploy.is_express or bool(standing.needs)
        try:
            await step.delete(work)
        except (AwsError, Failure) as error:
            reason = self.deploy.why(error, work.entry)
            self.deploy.failed[key] = reason
            return self.deploy.say(state.change(part, key, status="DELETE_FAILED"), "DELETE_FAILED", reason)
        self.deploy.say(standing, "DELETE_COMPLETE")
        return state.put(part, key, None)
