"""Objectives, looked at each minute, and the metrics that say how they stand.

Their names and dimensions are those that users of AWS have seen and written down (``AttainmentRate``, ``BurnRate``, ``BreachedCount``, and of requests
``TotalRequestCount``, ``TotalRequestCountPerMinute``, ``BadRequestCountPerMinute``); for BurnRate's see text/0673 of aws/aws-cdk-rfcs.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.application_signals import budget, discovery, outcome
from kumoniwa.services.application_signals.objective import Objective

NAMESPACE = "AWS/ApplicationSignals"
MINUTE_S, IDLE_S = 60.0, 3_600.0
AFTER_S = 2.0
"""So long after the stroke of a minute what was measured in it is looked at."""


async def run(region: Any) -> None:
    while True:
        has_some = False
        for call in region.calls("application-signals", discovery.ROLE.service):
            for name in list(call.shelf(Objective)):
                has_some = True
                await _look(call, name)
        now = region.clock.now()
        await region.wait(outcome.WORK, (now - AFTER_S) // MINUTE_S * MINUTE_S + MINUTE_S + AFTER_S if has_some else now + IDLE_S)


async def _look(call: Call, name: str) -> None:
    objective = call.shelf(Objective).get(name)
    if objective is None:
        return
    try:
        await outcome.evaluate(call, objective)
        objective = call.shelf(Objective).get(name)
        if objective is not None:
            _tell(call, objective)
    except AwsError as error:
        # Its role may be gone, or CloudWatch out of order: this minute says nothing, and is looked at later.
        call.home.note("unevaluated", slo=name, code=error.code, text=error.text)


def _tell(call: Call, objective: Objective) -> None:
    now, of = call.now(), ("SloName", objective.name)
    found = budget.at(call, objective, now)
    if found.attainment is None:
        return
    call.measure(NAMESPACE, "AttainmentRate", *of, value=found.attainment, unit="Percent")
    # What exactly AWS counts here no source says: a minute in which the budget is spent is one.
    call.measure(NAMESPACE, "BreachedCount", *of, value=float(found.status == budget.BREACHED))
    for minutes in objective.burn_minutes:
        if (rate := budget.burn_rate(call, objective, now, minutes)) is not None:
            call.measure(NAMESPACE, "BurnRate", *of, "BurnRateWindowMinutes", str(minutes), value=rate, unit="None")
    if not objective.is_of_periods:
        total, bad = outcome.tally(call, objective.name, objective.evaluated - MINUTE_S, objective.evaluated, [])
        call.measure(NAMESPACE, "TotalRequestCount", *of, value=found.requests)
        call.measure(NAMESPACE, "TotalRequestCountPerMinute", *of, value=total)
        call.measure(NAMESPACE, "BadRequestCountPerMinute", *of, value=bad)
