"""Who needs whom: the order in which resources can be made.

May: read references, and run what it is given in that order. May not: compute values. Everything downstream trusts that what comes out has no cycle.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from kumoniwa.deploy.intrinsics import references
from kumoniwa.deploy.sections import depends_on
from kumoniwa.kernel.errors import ValidationError


def needs(resources: Mapping[str, dict[str, Any]]) -> dict[str, tuple[str, ...]]:
    """For every resource the resources it needs first: references in its properties and DependsOn, sorted."""
    found = {}
    for name, entry in resources.items():
        wanted = {owner for owner, _ in references(entry.get("Properties")) if owner in resources}
        # Whoever reads the metadata reads what its functions came to: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-init.html
        wanted.update(owner for owner, _ in references(entry.get("Metadata")) if owner in resources and owner != name)
        wanted.update(each for each in depends_on(entry) if each in resources)
        # A resource that names itself is a cycle of one, so it stays in.
        found[name] = tuple(sorted(wanted))
    return found


def levels(needed: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Names in topological levels: members of one level are independent. Raises on a cycle, naming its members."""
    missing = {name: set(wanted) for name, wanted in needed.items()}
    wanted_by: dict[str, list[str]] = {name: [] for name in needed}
    for name, wanted in missing.items():
        for each in wanted:
            wanted_by[each].append(name)
    level = sorted(name for name, wanted in missing.items() if not wanted)
    found = []
    while level:
        found.append(level)
        following = []
        for done in level:
            for name in wanted_by[done]:
                missing[name].discard(done)
                if not missing[name]:
                    following.append(name)
        level = sorted(following)
    left = set(missing).difference(*found) if found else set(missing)
    if left:
        cycle = ", ".join(_on_cycles(left, needed))
        raise ValidationError(f"Circular dependency between resources: [{cycle}]")
    return found


def _on_cycles(left: set[str], needed: Mapping[str, Iterable[str]]) -> list[str]:
    """What is left also holds those that merely wait for a cycle; drop what nobody left waits for, until nothing changes."""
    while True:
        waited_for = {each for name in left for each in needed[name] if each in left}
        if waited_for == left:
            return sorted(left)
        left = waited_for


async def in_order(
    names: Iterable[str], after: Mapping[str, Iterable[str]], run: Callable[[str], Awaitable[None]]
) -> None:
    """Run every name once all names it comes after are done. ``run`` reports failures itself."""
    tasks: dict[str, asyncio.Task] = {}
    names = list(names)
    start = asyncio.Event()

    async def one(name: str) -> None:
        await start.wait()
        for other in after.get(name, ()):
            if other in tasks and other != name:
                await tasks[other]
        await run(name)

    try:
        for name in names:
            tasks[name] = asyncio.ensure_future(one(name))
        start.set()
        await asyncio.gather(*tasks.values())
    finally:
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)
