"""What an objective has left to fail, as of a moment.

Of periods: the whole interval's seconds that may be bad, less those of periods that were. Of requests: as many of those that came since the interval
began. A period without a value is neither good nor bad; what lies in an exclusion window does not count, and its seconds are none of the interval's.
https://docs.aws.amazon.com/applicationsignals/latest/APIReference/API_ServiceLevelObjectiveBudgetReport.html
"""

from __future__ import annotations

from typing import Any, NamedTuple

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.application_signals import exclusion, interval, outcome
from kumoniwa.services.application_signals import objective as objectives
from kumoniwa.services.application_signals.objective import Objective

OK, WARNING, BREACHED, INSUFFICIENT_DATA = "OK", "WARNING", "BREACHED", "INSUFFICIENT_DATA"


class Budget(NamedTuple):
    """In seconds, or in requests."""

    status: str
    attainment: float | None
    """Percent."""
    total: float
    remaining: float
    requests: float
    """How many came, or how many periods had a value."""


def at(call: Call, objective: Objective, moment: float) -> Budget:
    start, end = interval.of_goal(objective.goal["Interval"], moment)
    gaps = exclusion.gaps(objective, start, end)
    count, bad = outcome.tally(call, objective.name, start, min(end, moment), gaps)
    allowed = (100.0 - objective.goal["AttainmentGoal"]) / 100.0
    if objective.is_of_periods:
        total = max(end - start - sum(last - first for first, last in gaps), 0.0) * allowed
        spent = bad * objective.period_s
    else:
        total, spent = count * allowed, bad
    remaining = total - spent
    if not count or moment < objective.created:
        return Budget(INSUFFICIENT_DATA, None, total, remaining, count)
    # "If the number of failed requests matches this number or is higher, then this SLO is currently breaching."
    is_spent = bool(bad) and remaining <= 0
    status = BREACHED if is_spent else WARNING if remaining < total * objective.goal["WarningThreshold"] / 100.0 else OK
    return Budget(status, (1.0 - bad / count) * 100.0, total, remaining, count)


def burn_rate(call: Call, objective: Objective, moment: float, minutes: int) -> float | None:
    """"Error rate over the look-back window / (100% - attainment goal)": API_BurnRateConfiguration. None where nothing came, or nothing may fail."""
    start = moment - minutes * 60.0
    count, bad = outcome.tally(call, objective.name, start, moment, exclusion.gaps(objective, start, moment))
    allowed = (100.0 - objective.goal["AttainmentGoal"]) / 100.0
    return bad / count / allowed if count and allowed > 0 else None


def _shown(call: Call, objective: Objective, moment: float) -> dict[str, Any]:
    budget = at(call, objective, moment)
    told = {
        "Arn": objectives.arn_of(call, objective.name), "Name": objective.name, "BudgetStatus": budget.status, **objectives.sli_told(objective),
        "Goal": objective.goal,
    }  # fmt: skip
    what = "Seconds" if objective.is_of_periods else "Requests"
    told |= {f"TotalBudget{what}": int(budget.total), f"Budget{what}Remaining": int(budget.remaining)}
    return told | ({"Attainment": budget.attainment} if budget.attainment is not None else {})


async def BatchGetServiceLevelObjectiveBudgetReport(call: Call, *, Timestamp: float, SloIds: list[str]) -> dict:
    """As of a moment, and of what has been looked at by then, which is all that has ended."""
    reports, errors = [], []
    for id_ in dict.fromkeys(SloIds):
        try:
            await outcome.evaluate(call, objectives.named(call, id_))
            reports.append(_shown(call, objectives.named(call, id_), Timestamp))
        except AwsError as error:
            name = objectives.name_of(id_)
            errors.append({"Name": name, "Arn": objectives.arn_of(call, name), "ErrorCode": error.code, "ErrorMessage": error.text})
    return {"Timestamp": Timestamp, "Reports": reports, "Errors": errors}
