"""The feed: what a region gives of an account's Config to those that aggregate it, as far as they may have it and do not yet.

Items are given from one number on, verdicts of a rule where their sum differs from what the reader has. Who may read is looked up where the
data is, at every reading: an aggregation authorization of the account, or an organization in which Config is trusted.
https://docs.aws.amazon.com/config/latest/developerguide/aggregate-data.html
"""

from __future__ import annotations

import asyncio
import hashlib
from functools import partial
from typing import Any

import orjson

from kumoniwa.gate import organization
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record
from kumoniwa.services.config import channel, item, result
from kumoniwa.services.config import pack as packs
from kumoniwa.services.config import rule as rules
from kumoniwa.services.config.authorization import Authorization, Pending, key_of
from kumoniwa.services.config.recorder import SERVICE, News

ITEMS_AT_ONCE, RESULTS_AT_ONCE = 200, 1_000
DAY_S = 86_400.0
NOT_AUTHORIZED = "UnauthorizedException"
"""No source tells the code of AWS's; this one is ours."""


class Feed(Record):
    """The one from which an account's items are numbered; shelved by ``ONE``."""

    epoch: str


class Subscriber(Record):
    """An account of a region that reads this one's; shelved as an authorization is."""

    account: str
    region: str


ONE = "one"


def _call(home: Any, account: str) -> Call:
    return home.call("config", account, principals.service(SERVICE, account))


def _refused(call: Call, message: dict[str, Any]) -> str | None:
    """Why a reader may not read; nothing if it may."""
    owner, origin = message["owner"], message["region"]
    if message["is_organization"]:
        ours, theirs = organization.member(call.home, call.account), organization.member(call.home, owner)
        if ours is None or theirs is None or ours.organization != theirs.organization or ours.is_suspended:
            return f"The account {call.account} is not in the organization of the aggregator."
        return (
            None
            if SERVICE in theirs.administers
            else "AWS Config is not trusted in the organization, or the account does not administer it there."
        )
    key = key_of(owner, origin)
    if owner == call.account or key in call.shelf(Authorization):
        return None
    if message["is_asking"]:
        call.shelf(Pending)[key] = Pending(account=owner, region=origin)
    return f"The account {call.account} has not authorized the account {owner} to collect its data in {origin}."


def give(home: Any, message: dict[str, Any]) -> dict[str, Any]:
    """What is asked for by ``owner``, ``region`` and ``source``, beyond ``epoch``, ``n`` and ``known``; or ``refused``."""
    call = _call(home, message["source"])
    return call.atomically(partial(_given, call, message))


def _given(call: Call, message: dict[str, Any]) -> dict[str, Any]:
    key = key_of(message["owner"], message["region"])
    if why := _refused(call, message):
        call.shelf(Subscriber).pop(key, None)
        return {"refused": why}
    if key not in call.shelf(Subscriber):
        call.shelf(Subscriber)[key] = Subscriber(account=message["owner"], region=message["region"])
    feed = call.shelf(Feed).get(ONE)
    if feed is None:
        feed = call.shelf(Feed)[ONE] = Feed(epoch=call.new_id())
    # What was deleted is told for as long as it is remembered.
    is_afresh = message["epoch"] != feed.epoch or message["at"] < call.now() - (channel.kept_days(call) - 1) * DAY_S
    items = item.latest_after(call, 0 if is_afresh else message["n"], ITEMS_AT_ONCE)
    told = {each.name: {"id": each.id, "arn": rules.arn_of(call, each)} for each in call.shelf(rules.Rule).values()}
    verdicts: dict[str, list[Any]] = {}
    is_whole = len(items) < ITEMS_AT_ONCE
    for name, said in told.items():
        listed = result.of_rule(call, name)
        said["sum"] = hashlib.sha256(orjson.dumps([list(each) for each in listed])).hexdigest()[:16]
        if is_afresh or message["known"].get(name) != said["sum"]:
            if sum(map(len, verdicts.values())) >= RESULTS_AT_ONCE:
                said["sum"], is_whole = message["known"].get(name, ""), False
            else:
                verdicts[name] = [list(each) for each in listed]
    return {
        "epoch": feed.epoch, "is_afresh": is_afresh, "is_whole": is_whole, "n": items[-1].n if items else (0 if is_afresh else message["n"]),
        "items": [[each.type, each.id, each.n, each.captured, each.status, orjson.dumps(each.body)] for each in items], "rules": told,
        "verdicts": verdicts, "packs": [{"name": each.name, "id": each.id, "rules": list(each.rules)} for each in call.shelf(packs.Pack).values()],
    }  # fmt: skip


async def say(call: Call, region: str, message: dict[str, Any]) -> dict[str, Any]:
    """To Config of a region, be it this one. Raises RegionUnreachable."""
    if region == call.region:
        return await call.home.heard(region, "config", message)
    return await call.home.exchange(region, "config", message)


async def tell(call: Call) -> float:
    """Let those that read know that there is something to read. Whoever is dark learns it by reading again."""
    news = call.memory(News)
    if news.is_there:
        news.is_there = False
        await asyncio.gather(*(_tell(call, each) for each in list(call.shelf(Subscriber).values())))
    return call.now() + DAY_S


async def _tell(call: Call, follower: Subscriber) -> None:
    try:
        await say(call, follower.region, {"what": "fed", "account": follower.account, "source": call.account})
    except AwsError:
        pass
