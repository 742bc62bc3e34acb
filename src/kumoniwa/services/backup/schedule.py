"""What is due: rules of plans and restore testing plans, whose jobs begin, and recovery points and what tests have made, whose days are over.

A region that was dark while a rule was due several times makes one backup for it when it comes back, if its start window is still open.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.backup import agenda, hold, lodging, running, selection, testing, upkeep
from kumoniwa.services.backup import job as jobs
from kumoniwa.services.backup import plan as plans
from kumoniwa.services.backup import point as points
from kumoniwa.services.backup.agenda import DUE
from kumoniwa.services.backup.plan import Plan, Selection


def next_due(call: Call) -> float | None:
    return call.rows(DUE).one("select min(at) from backup_due")[0]


async def follow(call: Call) -> None:
    """Do what is due."""
    for kind, key, at in call.rows(DUE).all("select kind, key, at from backup_due where at <= ? order by at", call.now()):
        if kind == "point":
            call.atomically(partial(upkeep.due, call, key))
        elif kind == "follow":
            running.follow(call, key)
        elif kind == "hold":
            call.atomically(partial(hold.forget, call, key))
        elif kind == "lodger":
            await lodging.due(call, key)
        elif kind == "testing":
            await testing.run(call, key, at)
        elif kind == "tested":
            await testing.delete(call, key)
        else:
            await _fire(call, key, at)


async def _fire(call: Call, key: str, at: float) -> None:
    id_, _, rule_id = key.partition("/")
    plan = call.shelf(Plan).get(id_)
    rule = next((rule for rule in plan.rules if rule["RuleId"] == rule_id), None) if plan is not None and not plan.deleted else None
    if rule is None:
        agenda.plan(call, "rule", key, None)
        return
    resources = [
        (one, arn) for one in sorted(call.shelf(Selection).values(), key=lambda one: one.created) if one.plan == id_
        for arn in await selection.chosen(call, one)
    ]  # fmt: skip
    call.atomically(partial(_begin, call, id_, rule, at, resources))


def _begin(call: Call, id_: str, rule: dict[str, Any], at: float, resources: list[tuple[Selection, str]]) -> None:
    """The jobs and when the rule is due next are kept together: nothing is begun twice."""
    plan = call.shelf(Plan).get(id_)
    if plan is None or agenda.when(call, "rule", f"{id_}/{rule['RuleId']}") != at:
        return  # It was changed while its resources were looked for.
    following = plans.times_of(rule).after(max(at, call.now()))
    agenda.plan(call, "rule", f"{id_}/{rule['RuleId']}", following)
    call.shelf(Plan)[id_] = changed(plan, ran=at)
    by = {
        "BackupPlanId": plan.id, "BackupPlanArn": plans.arn_of(call, plan), "BackupPlanName": plan.name, "BackupPlanVersion": plan.version,
        "BackupRuleId": rule["RuleId"], "BackupRuleName": rule["RuleName"], "BackupRuleCron": rule["ScheduleExpression"],
        "BackupRuleTimezone": rule["ScheduleExpressionTimezone"],
    }  # fmt: skip
    seen: set[str] = set()
    for one, arn in resources:
        if arn in seen:
            continue
        seen.add(arn)
        options = {
            name: value
            for each in plan.settings
            if each["ResourceType"] == jobs.kind_of(arn)
            for name, value in each["BackupOptions"].items()
        }
        jobs.new(
            call, rule["TargetBackupVaultName"], arn, one.role, (rule["StartWindowMinutes"], rule["CompletionWindowMinutes"]), planned=at,
            lifecycle=rule.get("Lifecycle") or {}, tags=rule.get("RecoveryPointTags") or {}, copies=tuple(rule.get("CopyActions") or ()), by=by,
            options=options, is_continuous=rule["EnableContinuousBackup"] and jobs.kind_of(arn) in points.CONTINUOUS_TYPES,
        )  # fmt: skip
