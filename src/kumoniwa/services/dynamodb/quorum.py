"""Writes and strong reads of a strongly consistent global table: this region's word and one other's.

A write that meets another region at the same item is refused before it has done anything (ReplicatedWriteConflictException);
one whose answer did not come is neither done nor undone, and says so by InternalServerError. Either way no half of it stays:
who comes next finishes or overrules what is undecided.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.dynamodb import bill, decree
from kumoniwa.services.dynamodb.decree import Ballot, Decree
from kumoniwa.services.dynamodb.group import Group
from kumoniwa.services.dynamodb.replica import InternalServerError
from kumoniwa.services.dynamodb.table import Layout, Table
from kumoniwa.services.dynamodb.write import ConditionalCheckFailedException, DuplicateItemException, Write

WITHIN_S = 3.0
TRIES = 5
PAUSE_S = 0.05
PAGE = 500

Found = tuple[int, bytes] | None
"""An item's size and JSON."""


class ReplicatedWriteConflictException(AwsError):
    message = "One or more items in this request are being modified by a request in another Region."


class Cursors:
    """How far this region has read the decrees of others, by scope and region. Reading them again does no harm."""

    def __init__(self) -> None:
        self.read_to: dict[tuple[str, str], int] = {}
        self.locks: dict[tuple[str, bytes, bytes], asyncio.Lock] = {}


def _unreachable(why: str) -> InternalServerError:
    return InternalServerError(hint=f"A strongly consistent table needs one other region for this, and none answered: {why}.")


class Assembly:
    """The three regions of one table, as one call here sees them."""

    def __init__(self, call: Call, table: Table) -> None:
        group: Group = table.group
        self.call, self.table, self.layout = call, table, Layout(table)
        self.where = decree.scope(table.name, group)
        self.others = [*group.others(call.home.name), *([group.witness] if group.witness else [])]

    # Asking the others --------------------------------------------------------------------------

    def _ask(self, what: str, **more: Any) -> list[Awaitable[dict]]:
        message = {"what": what, "account": self.call.account, "table": self.table.name, "scope": self.where, **more}
        return [self.call.home.exchange(region, "dynamodb", message, WITHIN_S) for region in self.others]

    async def _first(self, what: str, is_enough: Callable[[dict], bool], **more: Any) -> tuple[dict | None, list[dict], int]:
        """The first answer that is enough, the others that came until then, and how many did not come at all."""
        spawn = self.call.home.spawn
        tasks = {spawn(_quiet(asked)) for asked in self._ask(what, **more)}
        refusals, silent = [], 0
        while tasks:
            done, tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                answer = task.result()
                if answer is None:
                    silent += 1
                elif is_enough(answer):
                    return answer, refusals, silent
                else:
                    refusals.append(answer)
        return None, refusals, silent

    def _tell(self, what: str, **more: Any) -> None:
        """Say something whose answer nobody waits for."""
        for asked in self._ask(what, **more):
            self.call.home.spawn(_quiet(asked))

    # Writing ------------------------------------------------------------------------------------

    async def write(self, one: Write) -> None:
        """Judge a write upon the item's latest value, and have it chosen."""
        async with self._alone(one.pk, one.sk):
            mine = decree.held(self.call, self.where, one.pk, one.sk)
            is_ours = mine.is_chosen and mine.promised == Ballot(mine.accepted.n + 1, self.call.home.name)
            if is_ours and mine.accepted.region == self.call.home.name and await self._propose(one, mine, mine.promised, is_first_try=True):
                return
            ballot, latest = await self._prepared(one.pk, one.sk)
            await self._propose(one, latest, ballot)

    async def _propose(self, one: Write, latest: Decree, ballot: Ballot, *, is_first_try: bool = False) -> bool:
        """Ask for the write's value under a ballot; answers whether it was chosen. Only a first try may be refused quietly."""
        refusal = None
        try:
            one.judge(self.call, found=(latest.size, latest.body, None) if latest.body is not None else None)
            size, body = one.made()
        except (ConditionalCheckFailedException, DuplicateItemException) as error:
            # The condition was asked of a value that others may not have chosen yet: they must, before anybody acts upon it.
            refusal, size, body = error, latest.size, latest.body
        except AwsError:
            self._release(one.pk, one.sk, ballot)
            raise
        if not await self._accepted(one.pk, one.sk, ballot, size, body, may_retry=is_first_try):
            return False
        if refusal is not None:
            raise refusal
        return True

    def _release(self, pk: bytes, sk: bytes, ballot: Ballot) -> None:
        decree.release(self.call, self.where, pk, sk, ballot)
        self._tell("release", key=[pk, sk], ballot=list(ballot))

    async def _prepared(self, pk: bytes, sk: bytes) -> tuple[Ballot, Decree]:
        """A ballot that two regions have promised, and the latest value that either of them holds."""
        home = self.call.home.name
        least = decree.held(self.call, self.where, pk, sk).promised.n
        for _ in range(TRIES):
            ballot = Ballot(least + 1, home)
            mine = self.call.atomically(partial(decree.prepare, self.call, self.where, pk, sk, ballot))
            if not mine["is_granted"]:
                raise ReplicatedWriteConflictException
            await self.call.home.store.journal.settled()
            theirs, refusals, silent = await self._first("prepare", lambda a: a["is_granted"], key=[pk, sk], ballot=list(ballot))
            if theirs is not None:
                found = max((_decree(pk, sk, answer["value"]) for answer in (mine, theirs)), key=lambda d: (d.accepted, d.is_chosen))
                return ballot, found
            self._release(pk, sk, ballot)
            if any(answer["is_busy"] for answer in refusals):
                raise ReplicatedWriteConflictException
            if not refusals:
                raise _unreachable(", ".join(self.others))
            least = max(answer["promised"][0] for answer in refusals)
        raise ReplicatedWriteConflictException

    async def _accepted(self, pk: bytes, sk: bytes, ballot: Ballot, size: int, body: bytes | None, *, may_retry: bool = False) -> bool:
        """Have a value chosen: another region's acceptance first, then ours. False if it surely was not and may be tried again."""
        more = {"key": [pk, sk], "ballot": list(ballot), "size": size, "body": body}
        theirs, refusals, silent = await self._first("accept", lambda answer: answer["is_accepted"], **more)
        if theirs is None:
            if silent:
                raise _unreachable("whether the write was made is not known")
            if may_retry:
                return False
            raise ReplicatedWriteConflictException

        def conclude() -> bool:
            if not decree.accept(self.call, self.where, pk, sk, ballot, size, body)["is_accepted"]:
                return False
            decree.learn(self.call, self.where, self.layout, pk, sk, ballot, size, body)
            return True

        bill.carried(self.call, self.table.name, size * len(self.table.group.others(self.call.home.name)))
        if not self.call.atomically(conclude):
            # Another region was promised the item here while its acceptance was under way. Who comes next decides.
            raise InternalServerError
        # What others learn must not be older than what a kill leaves us.
        await self.call.home.store.journal.settled()
        self._tell("learn", **more)
        return True

    def _alone(self, pk: bytes, sk: bytes) -> asyncio.Lock:
        """One write of an item at a time here; only other regions are competitors."""
        locks = self.call.memory(Cursors).locks
        for key in [key for key, lock in locks.items() if not lock.locked()] if len(locks) > 1_000 else ():
            del locks[key]
        return locks.setdefault((self.where, pk, sk), asyncio.Lock())

    # Reading ------------------------------------------------------------------------------------

    async def read(self, pk: bytes, sk: bytes) -> Found:
        """An item's latest value."""
        for _ in range(TRIES):
            theirs, _, _ = await self._first("peek", lambda answer: True, key=[pk, sk])
            if theirs is None:
                raise _unreachable(", ".join(self.others))
            mine, other = decree.held(self.call, self.where, pk, sk), _decree(pk, sk, theirs["value"])
            latest = max(mine, other, key=lambda d: (d.accepted, d.is_chosen))
            if latest.is_chosen or mine.accepted == other.accepted:
                self._learn(latest)
                return (latest.size, latest.body) if latest.body is not None else None
            await asyncio.sleep(PAUSE_S)
        return await self.settle(pk, sk)

    def _learn(self, found: Decree) -> None:
        if found.accepted != decree.NONE:
            self.call.atomically(
                lambda: decree.learn(
                    self.call, self.where, self.layout, found.pk, found.sk, found.accepted, found.size, found.body
                )
            )

    async def settle(self, pk: bytes, sk: bytes) -> Found:
        """Have the latest value chosen that two regions know of, whoever left it undecided."""
        async with self._alone(pk, sk):
            try:
                ballot, latest = await self._prepared(pk, sk)
                await self._accepted(pk, sk, ballot, latest.size, latest.body)
            except ReplicatedWriteConflictException:
                raise InternalServerError(hint="The item is being written in another region all the time.") from None
        return (latest.size, latest.body) if latest.body is not None else None

    async def catch_up(self) -> None:
        """Learn everything that was chosen before now: what one other region has seen since, and what is undecided here."""
        read_to = self.call.memory(Cursors).read_to
        tasks = [self.call.home.spawn(_quiet(self._pull(region, read_to))) for region in self.others]
        waiting = set(tasks)
        while waiting:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if any(task.result() for task in done):
                break
        else:
            raise _unreachable(", ".join(self.others))
        for pk, sk in decree.undecided(self.call, self.where):
            await self.read(pk, sk)

    async def _pull(self, region: str, read_to: dict) -> bool:
        while True:
            after = read_to.get((self.where, region), 0)
            message = {
                "what": "decrees", "account": self.call.account, "table": self.table.name, "scope": self.where, "after": after,
            }  # fmt: skip
            page = (await self.call.home.exchange(region, "dynamodb", message, WITHIN_S))["decrees"]
            for seq, pk, sk, value in page:
                found = _decree(pk, sk, value)
                if found.is_chosen:
                    self._learn(found)
                elif found.accepted > decree.held(self.call, self.where, pk, sk).accepted:
                    await self.read(pk, sk)
                read_to[self.where, region] = seq
            if len(page) < PAGE:
                return True


async def _quiet(asked: Awaitable[Any]) -> Any:
    """An answer, or None where there is none."""
    try:
        return await asked
    except AwsError:
        return None


def _decree(pk: bytes, sk: bytes, value: list) -> Decree:
    accepted, is_chosen, size, body = value
    return Decree(pk, sk, decree.NONE, 0.0, Ballot(*accepted), is_chosen, size, body)


# What operations ask -------------------------------------------------------------------------------


async def written(call: Call, one: Write) -> Write:
    """A write of a strong table, chosen."""
    await Assembly(call, one.layout.record).write(one)
    one.count(call)
    return one


async def caught_up(call: Call, layout: Layout, answer: Callable[[], dict]) -> dict:
    """The answer of a strong read of many items."""
    await Assembly(call, layout.record).catch_up()
    return answer()
