"""Where functions run: the environments of every version in a region, and how many may run at once.

One ``Sandboxes`` stands in ``home.engines`` and ends with the region. An environment gets the temporary keys of its
function's role; the pool lets it go long before they expire.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path

from kumoniwa.engines.lambda_runtime import runtimes
from kumoniwa.engines.lambda_runtime.environment import Environment, EnvironmentSpec, Outcome, RestoreFailed
from kumoniwa.engines.lambda_runtime.pool import Pool
from kumoniwa.gate import identity
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.principal import Principal
from kumoniwa.kernel.record import changed
from kumoniwa.services.lambda_ import bill, environment_key, fault, figures, package, snapshot
from kumoniwa.services.lambda_.errors import RoleNotAssumable, TooManyRequestsException
from kumoniwa.services.lambda_.function import Function, Version, arn, log_group_of
from kumoniwa.services.lambda_.network import Networks
from kumoniwa.services.lambda_.stream import Streams
from kumoniwa.services.lambda_.tracing import Daemons, Tracing

CONCURRENCY_MAX = 1000
UNRESERVED_MIN = 100
"""What functions without a reservation always keep."""
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html

KEYS_LIVE_S = 12 * 3600.0
REAP_EVERY_S = 60.0
SERVICE = "lambda.amazonaws.com"


def of(home) -> Sandboxes:
    """The region's sandboxes, made on first use."""
    found = home.engines.get("lambda")
    if found is None:
        found = home.engines["lambda"] = Sandboxes(home)
    return found


class Sandboxes:
    def __init__(self, home) -> None:
        self.home = home
        self.streams = Streams(home)
        self.daemons = Daemons(home)
        folder = Path(home.store.folder) / "lambda" / "sandboxes"
        # A region that was killed could not tidy up.
        shutil.rmtree(folder, ignore_errors=True)
        self.runtimes = runtimes.Runtimes(folder, home.settings.endpoint, self.streams.add, home.clock.now)
        self.networks = Networks(home, self.runtimes, folder.with_name("names"))
        self.pools: dict[tuple[str, str, str], tuple[str, Pool]] = {}
        """By account, function and version: what its environments are made of, and the pool of them."""
        self.running: Counter[tuple[str, ...]] = Counter()
        """Requests in flight by account and function; those of functions without a reservation count under no name."""
        self.in_flight: Counter[tuple[str, str]] = Counter()
        """Requests in flight by account and function."""
        self.provisioned: dict[tuple[str, str, str], int] = {}
        """How many environments of a version are kept ready, by account, function and version."""
        self.failures: dict[tuple[str, str, str], str] = {}
        self.snapshots = snapshot.Snapshots(self, KEYS_LIVE_S)
        self.warned: set[str] = set()
        self.reaper: asyncio.TimerHandle | None = None
        home.listen(self._suffer)

    def prepare(self, runtime: str) -> None:
        """A function of this runtime exists: warm up, and say once what is different here."""
        self.runtimes.warm(runtime)
        difference = runtimes.difference_of(runtime)
        if difference is not None and runtime not in self.warned:
            self.warned.add(runtime)
            print(f"kumoniwa: WARNING: {difference}", file=sys.stderr)

    # Requests ---------------------------------------------------------------------------------

    async def invoke(self, call: Call, version: Version, request_id: str, payload: bytes, **more) -> Outcome:
        """Answer one request. ``more`` as for ``Environment.invoke``, and the trace headers of ``messages`` in it. Raises TooManyRequestsException."""
        snapshot.check(version)
        try:
            slot, name = self._admit(call, version), (call.account, version.function)
        except TooManyRequestsException:
            figures.throttled(call, version.function)
            raise
        self.running[slot] += 1
        self.in_flight[name] += 1
        figures.began(call, version.function, self.in_flight[name])
        bill.began(call, version)
        if slot in self.provisioned:
            figures.used(call, version.function, slot[-1], self.running[slot] / self.provisioned[slot])
        try:
            pool = self._pool(call, version)
            trace = Tracing(call, version, more.get("trace_id", ""), more.pop("messages", ()))
            more["trace_id"] = trace.header
            if self.home.faults:
                outcome = await fault.harm(call, version).suffered(partial(pool.invoke, request_id, payload), more)
            else:
                outcome = await pool.invoke(request_id, payload, **more)
            figures.ended(call, version.function, outcome)
            bill.ended(call, version, outcome)
            if trace.is_sampled:
                self.home.spawn(self._tell(trace, request_id, outcome, more["arn"]))
            return outcome
        except RestoreFailed as error:
            raise snapshot.refusal_of(error)
        finally:
            self.running[slot] -= 1
            self.in_flight[name] -= 1

    async def _tell(self, trace: Tracing, request_id: str, outcome: Outcome, resource_arn: str) -> None:
        try:
            role = role_of(trace.call, trace.version)
        except AwsError:
            return  # its trust policy has changed since the environment began
        await trace.tell(role, request_id, outcome, resource_arn)

    def _admit(self, call: Call, version: Version) -> tuple[str, ...]:
        """Where the request counts: what is provisioned takes up its part of the reservation or the account whether used or not."""
        name = version.function
        function = call.shelf(Function)[name]
        provisioned = 0
        if self.home.faults:
            self._check_injected_limit(call, version)
        if self.provisioned:
            own = (call.account, name, version.version)
            if function.reserved != 0 and self.running[own] < self.provisioned.get(own, 0):
                return own
            provisioned = self._provisioned(call, function)
        if function.reserved is not None:
            slot = (call.account, name)
            if self.running[slot] >= function.reserved - provisioned:
                raise TooManyRequestsException(Reason="ReservedFunctionConcurrentInvocationLimitExceeded")
            return slot
        slot = (call.account, "")
        if self.running[slot] >= UNRESERVED_MIN and self.running[slot] >= unreserved(call) - provisioned:
            raise TooManyRequestsException(Reason="ConcurrentInvocationLimitExceeded")
        return slot

    def _check_injected_limit(self, call: Call, version: Version) -> None:
        injected = fault.limit(call, version)
        if injected is None:
            return
        most, is_functions_own = injected
        mine = [count for (account, name), count in self.in_flight.items() if account == call.account]
        running = self.in_flight[call.account, version.function] if is_functions_own else sum(mine)
        if running >= most:
            raise TooManyRequestsException(Reason="ReservedFunctionConcurrentInvocationLimitExceeded")

    def _suffer(self, fact: tuple) -> None:
        """Hear what happens in the region: when warm environments are to be gone, let them go."""
        service, kind, _, detail = fact
        if (service, kind) != ("faults", "began") or detail.kind != "lambda.coldstart":
            return
        for key, (_, pool) in self.pools.items():
            account, name, number = key
            version = self.home.store.shelf(account, Version).get(f"{name}:{number}")
            call = Call(self.home, account, principals.service(SERVICE, account), "lambda")
            if version is not None and detail.is_aimed_at(**fault.facts(call, version)):
                pool.retire()
                if key in self.provisioned:
                    self.home.spawn(self._provision(pool, key, self.provisioned[key]))

    def _provisioned(self, call: Call, function: Function) -> int:
        """What is provisioned within the same limit: the function's reservation, or the account for all that have none."""
        mine = {name: count for (account, name, _), count in self._counts() if account == call.account}
        if function.reserved is not None:
            return mine.get(function.name, 0)
        functions = call.shelf(Function)
        return sum(count for name, count in mine.items() if name in functions and functions[name].reserved is None)

    def _counts(self) -> list[tuple[tuple[str, str, str], int]]:
        counted: Counter[tuple[str, str, str]] = Counter()
        for (account, name, _), count in self.provisioned.items():
            counted[account, name, ""] += count
        return list(counted.items())

    def _pool(self, call: Call, version: Version) -> Pool:
        key = (call.account, version.function, version.version)
        held = self.pools.get(key)
        if held is not None:
            if held[0] == version.sandbox:
                return held[1]
            held[1].close()
        pool = Pool(partial(self._start, call.account, version), self.end)
        self.pools[key] = (version.sandbox, pool)
        if self.reaper is None:
            self.reaper = asyncio.get_running_loop().call_later(REAP_EVERY_S, self._reap)
        return pool

    # Environments -----------------------------------------------------------------------------

    async def _start(self, account: str, version: Version, is_provisioned: bool) -> Environment:
        call = Call(self.home, account, principals.service(SERVICE, account), "lambda")
        if version.snapshot:
            _trusting(call, version)
            return await self.snapshots.restored(call, version)
        spec, principal = await self.spec_of(call, version, is_provisioned=is_provisioned)
        return await self.begin(call, version, spec, principal)

    async def spec_of(self, call: Call, version: Version, **more) -> tuple[EnvironmentSpec, Principal]:
        """What an environment of a version is made of, with fresh keys of its role, and whom those keys speak for."""
        role, account = _trusting(call, version), call.account
        # https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
        source = {"lambda:SourceFunctionArn": arn(call, version.function)}
        runner = changed(role.principal, context={**role.principal.context, **source})
        session, token = identity.issue(self.home, runner, KEYS_LIVE_S, is_inside=True)
        variables = version.variables or {}
        if version.sealed is not None:
            variables = await environment_key.of_role(role, version.function, version.sealed)
        told = await self.daemons.variables(account, version.role, lambda: role_of(call, version))
        spec = EnvironmentSpec(
            function_name=version.function,
            runtime=version.runtime,
            handler=version.handler,
            task_root=str(await package.restored(call, version.code.sha256, version.code.blob)),
            region=self.home.name,
            log_group=log_group_of(version),
            log_stream=self.stream_name(call, version),
            credentials=(session.key_id, session.secret, token),
            version=version.version,
            layers=tuple([str(await package.restored(call, layer.sha256, layer.blob)) for layer in reversed(version.layers)]),
            variables=told | variables,
            memory_mb=version.memory_mb,
            storage_mb=version.storage_mb,
            timeout_s=version.timeout_s,
            log_format=version.log_format,
            log_level=version.application_log_level,
            system_log_level=version.system_log_level,
            **more,
        )
        return spec, session.principal

    def stream_name(self, call: Call, version: Version) -> str:
        return f"{time.strftime('%Y/%m/%d', time.gmtime(call.now()))}/[{version.version}]{self.home.ids.hex(32)}"

    async def begin(
        self, call: Call, version: Version, spec: EnvironmentSpec, principal: Principal, source: Environment | None = None
    ) -> Environment:
        """A new environment whose log is open, restored from ``source`` if there is one, and in the version's VPC."""
        network = None
        if version.vpc is not None:
            told = await self.daemons.variables(call.account, version.role, lambda: role_of(call, version))
            network = await self.networks.joined(version, call, int(told["_AWS_XRAY_DAEMON_PORT"]))
        self.streams.open(Call(self.home, call.account, principal, "lambda"), spec.log_group, spec.log_stream)
        try:
            return await self.runtimes.start(spec, source, network)
        except BaseException:
            self.streams.end(spec.log_stream)
            raise

    def provision(self, call: Call, key: tuple[str, str, str], version: Version | None, count: int) -> None:
        """Keep this many environments of a version ready from now on."""
        self.failures.pop(key, None)
        if count:
            self.provisioned[key] = count
        else:
            self.provisioned.pop(key, None)
        if version is not None:
            self.home.spawn(self._provision(self._pool(call, version), key, count))

    async def _provision(self, pool: Pool, key: tuple[str, str, str], count: int) -> None:
        try:
            if await pool.provision(count) < count:
                self.failures[key] = "FUNCTION_ERROR_INIT_FAILURE"
        except AwsError as error:
            self.failures[key] = error.text

    def provisioned_now(self, key: tuple[str, str, str], requested: int) -> tuple[int, int, str]:
        """How many provisioned environments are ready, how many of them are busy, and why there are not more."""
        pool = self.pools[key][1] if key in self.pools else None
        ready = [e for e in pool.born_s if e.spec.is_provisioned and e.is_ready] if pool else []
        return min(len(ready), requested), self.running[key], self.failures.get(key, "")

    def end(self, environment: Environment) -> None:
        self.runtimes.end(environment)
        self.streams.end(environment.spec.log_stream)
        self.snapshots.left(environment)

    def _reap(self) -> None:
        """Let idle environments go, and pools that have none."""
        for key, (_, pool) in list(self.pools.items()):
            pool.reap()
            if key in self.provisioned:
                # Old ones were let go; the keys they were given would expire.
                self.home.spawn(self._provision(pool, key, self.provisioned[key]))
            elif not pool.size:
                del self.pools[key]
        again = asyncio.get_running_loop().call_later(REAP_EVERY_S, self._reap) if self.pools else None
        self.reaper = again

    def forget(self, account: str, name: str, version: str | None = None) -> None:
        """A function or one of its versions is gone: its environments end when they have answered."""
        for key in [k for k in self.pools if k[:2] == (account, name) and version in (None, k[2])]:
            self.pools.pop(key)[1].close()
            self.provisioned.pop(key, None)
        self.snapshots.forget(account, name, version)

    async def close(self) -> None:
        if self.reaper is not None:
            self.reaper.cancel()
        self.streams.is_closing = True
        self.networks.close()
        await self.runtimes.close()
        await self.daemons.close()
        await self.streams.close()


def unreserved(call: Call) -> int:
    """Concurrent executions that no function has reserved."""
    return CONCURRENCY_MAX - sum(function.reserved or 0 for function in call.shelf(Function).values())


def _trusting(call: Call, version: Version) -> Call:
    """``role_of`` of a function that is invoked. Raises RoleNotAssumable."""
    try:
        return role_of(call, version)
    except AwsError as error:
        raise RoleNotAssumable(hint=error.hint)


def role_of(call: Call, version: Version) -> Call:
    """The same place, asked by the function's role. Raises AccessDenied."""
    name = version.function
    # The name of a session has two characters at least. Recorded: test_assume_role.
    session = name if len(name) > 1 else f"{name}@lambda_function"
    return call.assuming(version.role, SERVICE, session, **{"aws:SourceArn": arn(call, version.function)})
