"""Gathering: what aggregators show is read from where it was recorded, over the links, and kept.

A source says when it has news, and is read then; besides, each is read once a minute, so that one that is dead, or that no longer lets
itself be read, is noticed. Up to where a source was read is kept in the commit of what was read.
"""

from __future__ import annotations

import asyncio
from functools import partial
from math import inf
from typing import Any

from kumoniwa.gate.address import GLOBAL
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.services.config import aggregator as aggregators
from kumoniwa.services.config import feed, recorder
from kumoniwa.services.config.aggregator import (
    FAILED,
    GATHERED,
    GATHERED_RESULTS,
    OUTDATED,
    SUCCEEDED,
    Aggregator,
    Source,
)
from kumoniwa.services.config.channel import as_role
from kumoniwa.services.config.item import DELETED

VERIFIED_EVERY_S, AGAIN_S = 60.0, 2.0


class Due:
    """When to read next, by the keys of sources and the names of aggregators, in this life of the region."""

    def __init__(self) -> None:
        self.at: dict[str, float] = {}
        self.rest: dict[str, float] = {}

    def again(self, key: str, now: float, *, is_fine: bool) -> None:
        """Who refuses may have been asked before it learned that it should not."""
        self.rest[key] = VERIFIED_EVERY_S if is_fine else min(VERIFIED_EVERY_S, self.rest.get(key, AGAIN_S / 2) * 2)
        self.at[key] = now + self.rest[key]


def hear_fed(home: Any, origin: str, message: dict[str, Any]) -> None:
    call = home.call("config", message["account"], principals.service(recorder.SERVICE, message["account"]))
    due = call.memory(Due)
    for each in call.shelf(Source).values():
        if (each.account, each.region) == (message["source"], origin):
            due.at[each.key] = call.now()
    recorder.put_before(call)


async def gather(call: Call) -> float:
    """Read the sources whose time has come. Answers when the next one has its."""
    held, due = list(call.shelf(Aggregator).values()), call.memory(Due)
    if not held:
        return inf
    for each in held:
        stamp = f"{each.name}/{each.updated}"
        if due.at.get(stamp, 0.0) <= call.now():
            await _find(call, each)
            if stamp not in due.at:
                due.at |= {source.key: call.now() for source in aggregators.sources(call, each)}
            due.again(stamp, call.now(), is_fine=True)
    wanted = [each for each in call.shelf(Source).values() if due.at.get(each.key, 0.0) <= call.now()]
    await asyncio.gather(*(_read(call, each) for each in wanted))
    keys = {f"{each.name}/{each.updated}" for each in call.shelf(Aggregator).values()} | set(call.shelf(Source))
    due.at, due.rest = ({key: said[key] for key in keys & said.keys()} for said in (due.at, due.rest))
    return min((due.at.get(key, 0.0) for key in keys), default=inf)


# Which sources there are ---------------------------------------------------------------------------


async def _find(call: Call, held: Aggregator) -> None:
    """Accounts of an organization and regions with recorders come and go; while nobody can be asked, they are as they were."""
    accounts = held.accounts
    if held.organization:
        note: dict[str, Any] = {"status": SUCCEEDED, "error_code": "", "error": "", "asked": call.now()}
        try:
            accounts = note["accounts"] = tuple(sorted(await _members(call, held.role)))
        except AwsError as error:
            note = {"status": OUTDATED if held.accounts else FAILED, "error_code": error.code, "error": error.text, "asked": held.asked or call.now()}
        call.atomically(partial(_note, call, held, note))
    where = dict.fromkeys(accounts, held.regions)
    if not held.regions:
        try:
            where = await call.home.exchange(GLOBAL, "config", {"what": "where", "accounts": list(accounts)})
        except AwsError:
            return
    call.atomically(partial(_keep_sources, call, held, {(account, region) for account, regions in where.items() for region in regions}))


async def _members(call: Call, role: str) -> list[str]:
    asking, found, more = as_role(call, role), [], {}
    while True:
        reply = await asking.ask("organizations:ListAccounts", **more)
        found += [each["Id"] for each in reply["Accounts"] if each["Status"] == "ACTIVE"]
        if not reply.get("NextToken"):
            return found
        more = {"NextToken": reply["NextToken"]}


def _is_standing(call: Call, held: Aggregator) -> bool:
    now = call.shelf(Aggregator).get(held.name)
    return now is not None and now.updated == held.updated


def _note(call: Call, held: Aggregator, note: dict[str, Any]) -> None:
    if _is_standing(call, held):
        call.shelf(Aggregator)[held.name] = changed(call.shelf(Aggregator)[held.name], **note)


def _keep_sources(call: Call, held: Aggregator, wanted: set[tuple[str, str]]) -> None:
    if not _is_standing(call, held):
        return
    for each in list(aggregators.sources(call, held)):
        if (each.account, each.region) not in wanted:
            aggregators.drop(call, each)
    for account, region in wanted:
        made = Source(aggregator=held.name, account=account, region=region)
        call.shelf(Source).setdefault(made.key, made)


# What each has -------------------------------------------------------------------------------------


async def _read(call: Call, source: Source) -> None:
    """Until there is nothing more that is new."""
    due = call.memory(Due)
    while (held := call.shelf(Aggregator).get(source.aggregator)) is not None and source.key in call.shelf(Source):
        source = call.shelf(Source)[source.key]
        message = {
            "what": "give", "owner": call.account, "source": source.account, "is_organization": bool(held.organization),
            "is_asking": not source.has_asked, "epoch": source.epoch, "n": source.n, "at": source.updated or call.now(),
            "known": {name: said["sum"] for name, said in source.rules.items()},
        }  # fmt: skip
        due.again(source.key, call.now(), is_fine=True)
        try:
            told = await feed.say(call, source.region, message)
        except AwsError as error:
            call.atomically(partial(_miss, call, source, error.code, error.text))
            return
        if "refused" in told:
            due.again(source.key, call.now(), is_fine=False)
            call.atomically(partial(_refuse, call, source, told["refused"]))
            return
        call.atomically(partial(_keep, call, source, told))
        if told["is_whole"]:
            return


def _put(call: Call, source: Source, **changes: Any) -> None:
    if source.key in call.shelf(Source):
        call.shelf(Source)[source.key] = changed(call.shelf(Source)[source.key], **changes)


def _miss(call: Call, source: Source, code: str, text: str) -> None:
    _put(
        call,
        source,
        status=OUTDATED if source.epoch else FAILED,
        error_code=code,
        error=text,
        updated=source.updated if source.epoch else call.now(),
    )


def _refuse(call: Call, source: Source, why: str) -> None:
    """What may not be read any more is not shown any more either."""
    aggregators.forget(call, source)
    _put(
        call,
        source,
        status=FAILED,
        error_code=feed.NOT_AUTHORIZED,
        error=why,
        updated=call.now(),
        epoch="",
        n=0,
        rules={},
        packs=(),
        has_asked=True,
    )


def _keep(call: Call, source: Source, told: dict[str, Any]) -> None:
    if source.key not in call.shelf(Source):
        return
    rows, place = call.rows(GATHERED, GATHERED_RESULTS), (source.aggregator, source.account, source.region)
    if told["is_afresh"]:
        aggregators.forget(call, source)
    for type_, id_, n, captured, status, body in told["items"]:
        if status == DELETED:
            rows.run("delete from config_gathered where aggregator = ? and account = ? and region = ? and type = ? and id = ?", *place, type_, id_)
        else:
            rows.run("insert or replace into config_gathered values (?,?,?,?,?,?,?,?,?)", *place, type_, id_, n, captured, status, body)
    for rule in {*told["verdicts"], *(source.rules.keys() - told["rules"].keys())}:
        rows.run("delete from config_gathered_result where aggregator = ? and account = ? and region = ? and rule = ?", *place, rule)
        for each in told["verdicts"].get(rule, ()):
            rows.run("insert into config_gathered_result values (?,?,?,?,?,?,?,?,?,?,?,?)", *place, *each)
    _put(
        call, source, status=SUCCEEDED, updated=call.now(), error_code="", error="", epoch=told["epoch"], n=told["n"], has_asked=True,
        rules=told["rules"], packs=tuple(told["packs"]),
    )  # fmt: skip
