"""What an action is while it acts: as whom, where, with which artifacts; and what it may come to."""

from __future__ import annotations

from typing import Any, NamedTuple

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.codepipeline import artifact
from kumoniwa.services.codepipeline.execution import Execution, Run


class ActionFailed(Exception):
    """``code`` is one of AWS's: JobFailed, ConfigurationError, PermissionError, RevisionUnavailable."""

    def __init__(self, text: str, code: str = "JobFailed", external_id: str = "") -> None:
        super().__init__(text)
        self.text, self.code, self.external_id = text, code, external_id


def failure_of(error: AwsError) -> ActionFailed:
    is_denied = error.code in ("AccessDenied", "AccessDeniedException")
    return ActionFailed(f"{error.text} (Error code: {error.code})", "PermissionError" if is_denied else "ConfigurationError")


class Done(NamedTuple):
    summary: str = ""
    external_id: str = ""
    variables: dict[str, str] = {}
    artifacts: dict[str, dict[str, str]] = {}
    """Where each output artifact lies."""
    revision: dict[str, Any] = {}


class Waits(NamedTuple):
    until: float
    state: dict[str, Any] = {}
    external_id: str = ""


Outcome = Done | Waits


class Actor(NamedTuple):
    """An action that acts, as whom it acts."""

    call: Call
    execution: Execution
    declaration: dict[str, Any]
    action: dict[str, Any]
    run: Run

    @property
    def region(self) -> str:
        return self.action.get("region") or self.call.region

    @property
    def configuration(self) -> dict[str, str]:
        return self.run.configuration

    @property
    def state(self) -> dict[str, Any]:
        return self.run.state

    def _there(self) -> dict[str, str]:
        return {"to_region": self.region} if self.region != self.call.region else {}

    async def ask(self, operation: str, /, *, word: str = "", **params: Any) -> dict[str, Any]:
        """A call in the action's region that is not made twice, though this region be killed while it is made. Raises AwsError."""
        return await self.call.ask(operation, once=f"{self.run.id}/{word}", **self._there(), **params)

    async def look(self, operation: str, /, **params: Any) -> dict[str, Any]:
        """A call in the action's region that is made anew each time. Raises AwsError."""
        return await self.call.ask(operation, **self._there(), **params)

    # Artifacts ------------------------------------------------------------------------------------

    async def input(self, name: str) -> bytes:
        """What an artifact holds. Raises ActionFailed."""
        return await artifact.read(self.call, self.execution.artifacts[name])

    async def input_here(self, name: str) -> dict[str, str]:
        """Where an artifact lies in the action's own region: it is copied to that region's store if it came from another."""
        place = self.execution.artifacts[name]
        if place["region"] == self.region:
            return place
        content = await artifact.read(self.call, place)
        return {**place, **await artifact.put(self.call, self.declaration, self.region, place["key"], content)}

    async def file(self, spelled: str) -> bytes:
        """A file spelled ``Artifact::path``. Raises ActionFailed."""
        name, _, path = spelled.partition("::")
        try:
            return artifact.file_in(await self.input(name), path)
        except artifact.NoSuchFile as error:
            raise ActionFailed(f"File {path} does not exist in the artifact {name}: {error}", "ConfigurationError") from None

    def output_place(self, name: str) -> dict[str, str]:
        """Where an output artifact is to lie, in the action's region."""
        key = artifact.key_of(self.execution.pipeline, name, self.run.id)
        return {"bucket": artifact.store_of(self.declaration, self.region)["location"], "key": key, "region": self.region}
