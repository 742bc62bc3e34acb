"""Rules of Contributor Insights that a service makes for its customers, and what it counts by them. CloudWatch tells of both.

What a minute counts is in memory until it ends, as figures are, and lost with a region that is killed in it. Contributors are what a customer
wrote, so their rows lie under the cloud's seal: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/contributorinsights_HowItWorks.html
"""

from __future__ import annotations

from functools import partial

import msgspec

from kumoniwa.engines import cipher
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record
from kumoniwa.store.rows import Table

KEPT_S = 15 * 86_400
"""How long CloudWatch keeps what rules count: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/ContributorInsights.html"""
MINUTE_S = 60
COUNTS = Table(
    "contributor_count",
    """create table if not exists contributor_count (rule text, minute integer, body blob);
       create index if not exists contributor_count_by_rule on contributor_count (rule, minute)""",
)
_PURPOSE = b"contributors"

Numbers = list[float]
"""How many events there were of a contributor, what they come to, the least and the most of them."""
Minutes = dict[int, dict[tuple[str, ...], Numbers]]
"""By the beginning of a minute and the contributor."""


class ServiceRule(Record):
    """On the shelf under its name."""

    name: str
    labels: tuple[str, ...]
    """What the keys of a contributor are."""
    value: str
    """What is summed up."""


class _Counted:
    """What an account's rules have counted of minutes that are not kept yet."""

    def __init__(self) -> None:
        self.by_rule: dict[str, Minutes] = {}


def count(call: Call, rule: str, keys: tuple[str, ...], value: float) -> None:
    counted = call.memory(_Counted).by_rule
    if not counted:
        us = call.home.call("cloudwatch", call.account, principals.service("monitoring.amazonaws.com", call.account))
        call.home.meter.gauge(("contributors", call.account), partial(us.atomically, partial(_keep, us)))
    contributors = counted.setdefault(rule, {}).setdefault(int(call.now()) // MINUTE_S * MINUTE_S, {})
    _add(contributors, keys, [1, value, value, value])


def _add(contributors: dict[tuple[str, ...], Numbers], keys: tuple[str, ...], more: Numbers) -> None:
    held = contributors.get(keys)
    contributors[keys] = (
        more if held is None else [held[0] + more[0], held[1] + more[1], min(held[2], more[2]), max(held[3], more[3])]
    )


def _keep(call: Call) -> None:
    """Keep what was counted; a minute that goes on meanwhile gets another row."""
    counted, rows = call.memory(_Counted), call.rows(COUNTS)
    for rule, minutes in counted.by_rule.items():
        for minute, contributors in minutes.items():
            body = cipher.seal(call.home.settings.seal, msgspec.msgpack.encode(list(contributors.items())), _PURPOSE)
            rows.run("insert into contributor_count values (?, ?, ?)", rule, minute, body)
    rows.run("delete from contributor_count where minute < ?", call.now() - KEPT_S)
    counted.by_rule = {}
    call.home.meter.gauge(("contributors", call.account), None)


def counted(call: Call, rule: str, start: float, end: float) -> Minutes:
    """What a rule has counted in minutes that begin within a time."""
    found: Minutes = {}
    for minute, body in call.rows(COUNTS).all(
        "select minute, body from contributor_count where rule = ? and minute >= ? and minute < ? order by minute", rule, start, end
    ):
        plain = cipher.unseal(call.home.settings.seal, body, _PURPOSE)
        for keys, numbers in msgspec.msgpack.decode(plain) if plain is not None else ():
            _add(found.setdefault(minute, {}), tuple(keys), numbers)
    for minute, contributors in call.memory(_Counted).by_rule.get(rule, {}).items():
        if start <= minute < end:
            for keys, numbers in contributors.items():
                _add(found.setdefault(minute, {}), keys, numbers)
    return found


def follow(call: Call, before: list[ServiceRule], after: list[ServiceRule]) -> None:
    """Make the rules that are new, and forget with all they counted those that are no more."""
    shelf, kept = call.shelf(ServiceRule), {rule.name for rule in after}
    for rule in before:
        if rule.name not in kept and rule.name in shelf:
            del shelf[rule.name]
            call.rows(COUNTS).run("delete from contributor_count where rule = ?", rule.name)
            call.memory(_Counted).by_rule.pop(rule.name, None)
    for rule in after:
        if rule.name not in shelf:
            shelf[rule.name] = rule
    call.home.gate.ledger.touch(call.account, "cloudwatch", is_managed=True)
