"""Asynchronous events find their functions, event sources are read, durable executions go on, and code that nobody names any more is removed."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from pathlib import Path

from kumoniwa.intake import reading
from kumoniwa.kernel import principal as principals
from kumoniwa.services.lambda_ import durable_run, event, package, provision, sandbox, source_customer, vpc
from kumoniwa.services.lambda_.function import SNAPSHOT_TAKING, Version
from kumoniwa.services.lambda_.layer import LayerVersion, codes
from kumoniwa.services.lambda_.source import CHANGED

AT_ONCE_MAX = 1000
"""Events of one account being answered; as many as its functions may run at once."""
IDLE_S = 3600.0


async def run(region) -> None:
    _sweep(region)
    _warm_up(region)
    async with asyncio.TaskGroup() as group:
        group.create_task(_answer_events(region))
        group.create_task(durable_run.run(region))
        group.create_task(reading.run(region, "lambda", source_customer.wanted, source_customer.next_settling, CHANGED))


async def _answer_events(region) -> None:
    calls = {}
    answering: Counter[str] = Counter()
    while True:
        wakes = region.clock.now() + IDLE_S
        for account in region.store.accounts():
            if not account.isdigit():
                continue
            if account not in calls:
                calls[account] = region.call("lambda", account, principals.service(sandbox.SERVICE, account))
                event.put_back(calls[account])
            call = calls[account]
            provision.reconcile(call)
            for found in event.taken(call, AT_ONCE_MAX - answering[account]):
                answering[account] += 1
                region.spawn(event.run(region, account, found, answering))
            if (then := event.next_due(call)) is not None:
                wakes = min(wakes, then)
        await region.wait(event.WAITING, wakes)


def _warm_up(region) -> None:
    """A region that comes back will be asked for its functions at once."""
    for account in region.store.accounts():
        if account.isdigit():
            versions = list(region.store.shelf(account, Version).values())
            for runtime in {version.runtime for version in versions}:
                sandbox.of(region).prepare(runtime)
            if region.store.shelf(account, vpc.Interface):
                region.spawn(vpc.tidy(region, account))
            for version in versions:
                if version.snapshot == SNAPSHOT_TAKING:
                    sandbox.of(region).snapshots.publish(account, version)


def _sweep(region) -> None:
    """Remove packages and unpacked code that no version names: what a kill or an update left behind."""
    kept = set()
    for account in region.store.accounts():
        if account.isdigit():
            versions, layers = (list(region.store.shelf(account, kind).values()) for kind in (Version, LayerVersion))
            named = codes(versions, layers)
            region.store.blobs(account, "lambda").sweep(named)
            kept |= {package.folder_of(region, sha256).name for sha256 in named.values()}
    code_folder = Path(region.store.folder) / "lambda" / "code"
    for folder in code_folder.iterdir() if code_folder.exists() else ():
        if folder.name not in kept:
            shutil.rmtree(folder, ignore_errors=True)
