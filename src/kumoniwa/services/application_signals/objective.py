"""Service level objectives: how often an indicator has to be good, in which time.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-ServiceLevelObjectives.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.application_signals import discovery, indicator, interval, outcome, tag
from kumoniwa.services.application_signals.errors import (
    AccessDeniedException,
    ConflictException,
    ResourceNotFoundException,
    ValidationException,
)

PERIODS, REQUESTS = "PeriodBased", "RequestBased"
GOAL = {"Interval": {"RollingInterval": {"DurationUnit": "DAY", "Duration": 7}}, "AttainmentGoal": 99.0, "WarningThreshold": 50.0}
"""Where nobody says another: the examples of the CLI's documentation show it."""


class Objective(Record):
    """Shelved by its name."""

    name: str
    created: float
    updated: float
    sli: dict[str, Any]
    """As it is told: of periods if it has an ``SliMetric``, else of requests."""
    goal: dict[str, Any]
    since: float
    """From when on its indicator is looked at."""
    evaluated: float = 0.0
    """Until when it was."""
    description: str = ""
    burn_minutes: tuple[int, ...] = ()
    windows: tuple[dict[str, Any], ...] = ()
    """Times that do not count."""
    tags: dict[str, str] = {}

    @property
    def is_of_periods(self) -> bool:
        return "SliMetric" in self.sli

    @property
    def metric(self) -> dict[str, Any]:
        return self.sli["SliMetric"] if self.is_of_periods else self.sli["RequestBasedSliMetric"]

    @property
    def period_s(self) -> int:
        return indicator.period_of(self.metric["MetricDataQueries" if self.is_of_periods else "TotalRequestCountMetric"])


def arn_of(call: Call, name: str) -> str:
    return call.arn(f"slo/{name}", "application-signals")


def name_of(id_: str) -> str:
    return id_.partition(":slo/")[2] if id_.startswith("arn:") else id_


def named(call: Call, id_: str) -> Objective:
    """By its name, or its ARN. The text is one of ours."""
    found = call.shelf(Objective).get(name_of(id_))
    if found is None or (id_.startswith("arn:") and id_ != arn_of(call, found.name)):
        raise ResourceNotFoundException("ServiceLevelObjective", id_, f"Service level objective {id_} does not exist.")
    return found


def sli_told(objective: Objective) -> dict[str, Any]:
    return {"Sli" if objective.is_of_periods else "RequestBasedSli": objective.sli, "EvaluationType": PERIODS if objective.is_of_periods else REQUESTS}


def shown(call: Call, objective: Objective) -> dict[str, Any]:
    told = {
        "Arn": arn_of(call, objective.name), "Name": objective.name, "Description": objective.description or None, "CreatedTime": objective.created,
        "LastUpdatedTime": objective.updated, **sli_told(objective), "Goal": objective.goal,
        "BurnRateConfigurations": [{"LookBackWindowMinutes": minutes} for minutes in objective.burn_minutes] or None,
        "MetricSourceType": indicator.source_type(objective.metric),
    }  # fmt: skip
    return {name: value for name, value in told.items() if value is not None}


# Checking --------------------------------------------------------------------------------------------


def _checked_goal(said: dict[str, Any] | None) -> dict[str, Any]:
    """With what nobody said. The texts are ours."""
    goal = {**GOAL, **(said or {})}
    if len(goal["Interval"]) != 1:
        raise ValidationException("An Interval is either a RollingInterval or a CalendarInterval.")
    if not 0 < goal["AttainmentGoal"] <= 100 or not 0 <= goal["WarningThreshold"] <= 100:
        raise ValidationException("AttainmentGoal and WarningThreshold are percentages.")
    interval.of_goal(goal["Interval"], 1e9)
    return goal


def _sli(call: Call, of_periods: dict[str, Any] | None, of_requests: dict[str, Any] | None) -> dict[str, Any]:
    if (of_periods is None) == (of_requests is None):
        raise ValidationException("Specify either SliConfig or RequestBasedSliConfig.")
    return indicator.of_periods(call, of_periods) if of_periods is not None else indicator.of_requests(call, of_requests or {})


async def _try(call: Call, objective: Objective) -> None:
    """Ask CloudWatch once: queries that it refuses are none."""
    try:
        await outcome.values(call, objective, objective.since - objective.period_s, objective.since)
    except AwsError as error:
        if (error.status or 400) >= 500:
            raise
        raise ValidationException(error.text or error.code) from None


# Operations ------------------------------------------------------------------------------------------


async def CreateServiceLevelObjective(
    call: Call, *, Name: str, Description: str | None = None, SliConfig: dict[str, Any] | None = None,
    RequestBasedSliConfig: dict[str, Any] | None = None, Goal: dict[str, Any] | None = None, Tags: list[dict[str, str]] | None = None,
    BurnRateConfigurations: list[dict[str, int]] | None = None, CreateRecommendedSlo: bool | None = None,
    AutoInvestigationEnabled: bool | None = None,
) -> dict:  # fmt: skip
    """It is looked at from now on; what was measured before does not count."""
    for name, is_wanted in (("CreateRecommendedSlo", CreateRecommendedSlo), ("AutoInvestigationEnabled", AutoInvestigationEnabled)):
        if is_wanted:
            raise NotImplementedHere(f"application-signals:CreateServiceLevelObjective({name})")
    sli, goal, now = _sli(call, SliConfig, RequestBasedSliConfig), _checked_goal(Goal), call.now()
    made = Objective(
        name=Name, created=now, updated=now, sli=sli, goal=goal, since=now, description=Description or "", tags=tag.checked(Tags),
        burn_minutes=tuple(dict.fromkeys(each["LookBackWindowMinutes"] for each in BurnRateConfigurations or ())),
    )  # fmt: skip
    made = changed(made, since=float(now // made.period_s * made.period_s))
    await discovery.ROLE.ensure(call, AccessDeniedException)
    await _try(call, made)

    def keep() -> dict:
        if Name in call.shelf(Objective):
            raise ConflictException(f"Service level objective {Name} already exists.")
        call.shelf(Objective)[Name] = made
        call.after_commit(lambda: call.home.wake(outcome.WORK))
        return {"Slo": shown(call, made)}

    return call.atomically(keep)


def GetServiceLevelObjective(call: Call, *, Id: str) -> dict:
    return {"Slo": shown(call, named(call, Id))}


async def UpdateServiceLevelObjective(
    call: Call, *, Id: str, Description: str | None = None, SliConfig: dict[str, Any] | None = None,
    RequestBasedSliConfig: dict[str, Any] | None = None, Goal: dict[str, Any] | None = None,
    BurnRateConfigurations: list[dict[str, int]] | None = None, AutoInvestigationEnabled: bool | None = None,
) -> dict:  # fmt: skip
    """Another indicator is looked at from now on, and what was found of the one before is forgotten."""
    if AutoInvestigationEnabled:
        raise NotImplementedHere("application-signals:UpdateServiceLevelObjective(AutoInvestigationEnabled)")
    objective, now = named(call, Id), call.now()
    changes: dict[str, Any] = {"updated": now}
    if SliConfig is not None or RequestBasedSliConfig is not None:
        if (RequestBasedSliConfig if objective.is_of_periods else SliConfig) is not None:
            raise ValidationException("You cannot change from a period-based SLO to a request-based SLO, or from a request-based SLO to a period-based SLO.")
        changes["sli"] = _sli(call, SliConfig, RequestBasedSliConfig)
    if Goal is not None:
        changes["goal"] = _checked_goal({**objective.goal, **Goal})
    if Description is not None:
        changes["description"] = Description
    if BurnRateConfigurations is not None:
        changes["burn_minutes"] = tuple(dict.fromkeys(each["LookBackWindowMinutes"] for each in BurnRateConfigurations))
    is_other = "sli" in changes and changes["sli"] != objective.sli
    if is_other:
        made = changed(objective, **changes)
        changes |= {"since": float(now // made.period_s * made.period_s), "evaluated": 0.0}
        await _try(call, changed(objective, **changes))

    def keep() -> dict:
        latest = changed(named(call, Id), **changes)
        if is_other:
            outcome.forget(call, latest.name)
        call.shelf(Objective)[latest.name] = latest
        return {"Slo": shown(call, latest)}

    return call.atomically(keep)


def DeleteServiceLevelObjective(call: Call, *, Id: str) -> dict:
    objective = named(call, Id)
    del call.shelf(Objective)[objective.name]
    outcome.forget(call, objective.name)
    return {}


def ListServiceLevelObjectives(
    call: Call, *, KeyAttributes: dict[str, str] | None = None, OperationName: str | None = None, DependencyConfig: dict[str, Any] | None = None,
    IncludeLinkedAccounts: bool | None = None, SloOwnerAwsAccountId: str | None = None, MetricSourceTypes: list[str] | None = None,
) -> dict:  # fmt: skip
    """No account is linked to another here."""
    if SloOwnerAwsAccountId not in (None, call.account):
        return {"SloSummaries": []}
    found = []
    for _, each in sorted(call.shelf(Objective).items()):
        metric = each.metric
        if KeyAttributes and not KeyAttributes.items() <= metric.get("KeyAttributes", {}).items():
            continue
        if OperationName not in (None, metric.get("OperationName")) or DependencyConfig not in (None, metric.get("DependencyConfig")):
            continue
        if MetricSourceTypes and indicator.source_type(metric) not in MetricSourceTypes:
            continue
        told = shown(call, each)
        found.append(
            {name: told[name] for name in ("Arn", "Name", "CreatedTime", "EvaluationType", "MetricSourceType")}
            | {name: metric[name] for name in ("KeyAttributes", "OperationName", "DependencyConfig") if name in metric}
        )
    return {"SloSummaries": found}
