"""Rules that fire by the clock: rows say when each is due next, so nothing is missed while a region is dead, and nothing comes twice."""

from __future__ import annotations

from functools import partial
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.languages import schedule_expression
from kumoniwa.services.events import arrival, delivery, event
from kumoniwa.services.events import rule as rules

IDLE_S = 3600.0


async def run(region: Any) -> None:
    """Fire what is due, until the region ends."""
    while True:
        until = region.clock.now() + IDLE_S
        for call in region.calls("events", delivery.SERVICE):
            call.atomically(partial(_fire_all, call))
            next_due = call.rows(rules.DUE).one("select min(at) from events_due")[0]
            until = min(until, next_due or until)
        await region.wait(rules.WAITING, until)


def _fire_all(call: Call) -> None:
    for key, at in call.rows(rules.DUE).all("select rule, at from events_due where at <= ? order by at", call.now()):
        rule = call.shelf(rules.Rule).get(key)
        following = None
        if rule is not None and rule.schedule is not None:
            _fire(call, rule, at)
            # A region that slept through several times fires once and goes on with the next that is to come.
            following = schedule_expression.of_rule(rule.schedule).after(max(call.now(), at), anchored=rule.anchored)
        if following is None:
            call.rows(rules.DUE).run("delete from events_due where rule = ?", key)
        else:
            call.rows(rules.DUE).run("update events_due set at = ? where rule = ?", following, key)


def _fire(call: Call, rule: rules.Rule, at: float) -> None:
    if rule.targets:
        fired = event.made(call, "aws.events", "Scheduled Event", {}, [rules.arn_of(call, rule)], at)
        arrival.fire(call, rule, fired)
