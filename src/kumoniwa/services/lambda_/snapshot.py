"""SnapStart: a published version is initialized once, and every environment of it is restored from there.

The snapshot is a process of this region's, so it ends with the region; like one that AWS's runtime updates have overtaken it is
then taken anew, by the first who needs it. What stands in the version is whether it was ever ready.
https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from kumoniwa.engines.lambda_runtime.environment import Environment, RestoreFailed
from kumoniwa.engines.lambda_runtime.pool import LIFE_LIMIT_S
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.principal import Principal
from kumoniwa.kernel.record import changed
from kumoniwa.services.lambda_.errors import Refusal, ResourceConflictException
from kumoniwa.services.lambda_.function import SNAPSHOT_FAILED, SNAPSHOT_READY, SNAPSHOT_TAKING, Version

if TYPE_CHECKING:
    from kumoniwa.services.lambda_.sandbox import Sandboxes

SERVICE = "lambda.amazonaws.com"


# The texts are the model's: what AWS says was found nowhere.


class SnapStartNotReadyException(Refusal):
    message = "Lambda is initializing your function. You can invoke the function when the function state becomes Active."


class SnapStartException(Refusal):
    message = "The afterRestore() runtime hook encountered an error. For more information, check the Amazon CloudWatch logs."


class SnapStartTimeoutException(Refusal):
    message = "Lambda couldn't restore the snapshot within the timeout limit."


class SnapStartRegenerationFailureException(Refusal):
    message = "Lambda couldn't regenerate the SnapStart snapshot for the function."


def refusal_of(error: RestoreFailed) -> AwsError:
    return SnapStartTimeoutException() if error.is_timeout else SnapStartException()


def check(version: Version) -> None:
    """Refuse what nothing can be restored of yet, or never."""
    if version.snapshot == SNAPSHOT_TAKING:
        raise SnapStartNotReadyException
    if version.snapshot == SNAPSHOT_FAILED:
        # https://github.com/hashicorp/terraform-provider-aws/issues/49904 has the state and its code; the words are those of
        # a function that is pending.
        raise ResourceConflictException(
            "The operation cannot be performed at this time. The function is currently in the following state: Failed"
        )


class Snapshot:
    """An initialized environment that answers nobody, and how many were restored from it and live."""

    def __init__(self, environment: Environment, principal: Principal, taken_s: float) -> None:
        self.environment, self.principal, self.taken_s = environment, principal, taken_s
        self.users = 0
        self.is_retired = False


Key = tuple[str, str, str]


class Snapshots:
    """The snapshots of a region, by account, function and version."""

    def __init__(self, boxes: Sandboxes, lives_s: float) -> None:
        """``lives_s`` is how long the keys in a snapshot are valid."""
        self.boxes, self.home = boxes, boxes.home
        self.serves_s = lives_s - LIFE_LIMIT_S - 60.0
        self.held: dict[Key, Snapshot] = {}
        self.taking: dict[Key, asyncio.Task[Snapshot]] = {}
        self.source: dict[Environment, Snapshot] = {}

    def publish(self, account: str, version: Version) -> None:
        """Take the snapshot of a version that was published, and say in the version what came of it."""
        self.home.spawn(self._publish(account, version))

    async def _publish(self, account: str, version: Version) -> None:
        call = Call(self.home, account, principals.service(SERVICE, account), "lambda")
        try:
            await self._of(call, version)
            came = SNAPSHOT_READY
        except AwsError:
            came = SNAPSHOT_FAILED

        def say() -> None:
            shelf, key = call.shelf(Version), f"{version.function}:{version.version}"
            if (held := shelf.get(key)) is not None and held.snapshot == SNAPSHOT_TAKING:
                shelf[key] = changed(held, snapshot=came)

        call.atomically(say)

    async def restored(self, call: Call, version: Version) -> Environment:
        """One more environment. Raises RestoreFailed, and AwsErrors where there is no snapshot to restore."""
        snapshot = await self._of(call, version)
        snapshot.users += 1
        spec = replace(snapshot.environment.spec, snap_start="restored", log_stream=self.boxes.stream_name(call, version))
        try:
            environment = await self.boxes.begin(call, version, spec, snapshot.principal, snapshot.environment)
        except BaseException:
            self._left(snapshot)
            raise
        self.source[environment] = snapshot
        return environment

    async def _of(self, call: Call, version: Version) -> Snapshot:
        """The snapshot of a version; where it is gone, or its keys are too old to last, a new one."""
        key = (call.account, version.function, version.version)
        now = asyncio.get_running_loop().time()
        held = self.held.get(key)
        if held is not None and held.environment.is_ready and now - held.taken_s < self.serves_s:
            return held
        if key not in self.taking:
            task = self.taking[key] = self.home.spawn(self._take(call, version, key))
            task.add_done_callback(lambda _: self.taking.pop(key, None))
        return await asyncio.shield(self.taking[key])

    async def _take(self, call: Call, version: Version, key: Key) -> Snapshot:
        spec, principal = await self.boxes.spec_of(call, version, snap_start="snapshot")
        environment = await self.boxes.begin(call, version, spec, principal)
        if not environment.is_ready:
            self.boxes.end(environment)
            raise SnapStartRegenerationFailureException
        self._retire(key)
        snapshot = self.held[key] = Snapshot(environment, principal, asyncio.get_running_loop().time())
        if f"{version.function}:{version.version}" not in call.shelf(Version):
            self._retire(key)  # it was deleted meanwhile
        return snapshot

    def left(self, environment: Environment) -> None:
        """An environment has ended."""
        if (snapshot := self.source.pop(environment, None)) is not None:
            self._left(snapshot)

    def _left(self, snapshot: Snapshot) -> None:
        snapshot.users -= 1
        self._let_go(snapshot)

    def forget(self, account: str, name: str, version: str | None = None) -> None:
        """A function or one of its versions is gone: its snapshots end when nobody restored from them is at work any more."""
        for key in [key for key in self.held if key[:2] == (account, name) and version in (None, key[2])]:
            self._retire(key)

    def _retire(self, key: Key) -> None:
        if (snapshot := self.held.pop(key, None)) is not None:
            snapshot.is_retired = True
            self._let_go(snapshot)

    def _let_go(self, snapshot: Snapshot) -> None:
        if snapshot.is_retired and not snapshot.users:
            self.boxes.end(snapshot.environment)
