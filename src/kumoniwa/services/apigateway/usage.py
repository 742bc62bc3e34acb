"""How much and how fast: token buckets, quotas, and the API keys that both are counted by.

Buckets are a region's memory; what was used of a quota are rows, which survive it.
"""

from __future__ import annotations

import calendar
import time
from collections.abc import Callable
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.services.apigateway.exchange import Exchange, Refused
from kumoniwa.services.apigateway.patch import BadRequestException, NotFoundException
from kumoniwa.services.apigateway.plan import ApiKey, KeyValue, UsagePlan, find_plan, is_in
from kumoniwa.store.rows import Table

USED = Table(
    "apigateway_used",
    """create table if not exists apigateway_used (plan text, key text, day integer, used integer,
       primary key (plan, key, day)) without rowid""",
)
GRANTED = Table(
    "apigateway_granted",
    """create table if not exists apigateway_granted (plan text, key text, period integer, granted integer,
       primary key (plan, key, period)) without rowid""",
)
"""What UpdateUsage gave a key beyond its plan's quota, by the first day of the period."""
DAY_S = 86_400
BUCKETS_MAX = 100_000
ACCOUNT_RATE, ACCOUNT_BURST = 10_000.0, 5_000
"""https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html"""


class Bucket:
    """A token bucket: ``burst`` tokens at most, ``rate`` new ones each second."""

    __slots__ = ("rate", "burst", "tokens", "at")

    def __init__(self, rate: float, burst: float) -> None:
        self.rate, self.burst, self.tokens, self.at = rate, burst, burst, 0.0

    def take(self, now: float) -> bool:
        tokens = self.tokens + (now - self.at) * self.rate if self.at else self.burst
        self.at = now
        if tokens > self.burst:
            tokens = self.burst
        if tokens < 1:
            self.tokens = tokens
            return False
        self.tokens = tokens - 1
        return True


class Buckets:
    """The buckets of one account, by what they limit; a limit that changed has a fresh one."""

    def __init__(self) -> None:
        self.account = Bucket(ACCOUNT_RATE, ACCOUNT_BURST)
        self.held: dict[tuple, Bucket] = {}

    def of(self, name: tuple, rate: float, burst: float) -> Bucket:
        found = self.held.get(name)
        if found is None or found.rate != rate or found.burst != burst:
            if len(self.held) >= BUCKETS_MAX:
                self.held.clear()
            found = self.held[name] = Bucket(rate, burst)
        return found


def buckets(home: Any, account: str) -> Buckets:
    found = home.memory.get((account, Buckets))
    if found is None:
        found = home.memory[account, Buckets] = Buckets()
    return found


def _too_many() -> Refused:
    return Refused("THROTTLED", "Too Many Requests")


def throttle(served: Any, path: str, verb: str) -> Callable[[Exchange], None]:
    """The check of a method's rate: its account's and its stage's."""
    own_setting, general = served.settings(path, verb)
    setting = own_setting or general
    held = buckets(served.home, served.account)
    all_of_account = held.account
    rate, burst = (setting["throttlingRateLimit"], setting["throttlingBurstLimit"]) if setting else (-1, -1)
    # A canary draws from the same bucket as its stage.
    name = (served.api_id, served.name, path, verb)
    own = held.of(name, rate, burst) if rate >= 0 and burst >= 0 else None

    def check(exchange: Exchange) -> None:
        if own is not None and not own.take(exchange.now) or not all_of_account.take(exchange.now):
            raise _too_many()

    return check


# Keys --------------------------------------------------------------------------------------------------


def check_key(exchange: Exchange) -> None:
    """The caller's API key must belong to a plan of this stage, and the plan must have something left."""
    served, home = exchange.served, exchange.home
    if served.api.document["apiKeySource"] == "AUTHORIZER":
        value = exchange.usage_key
    else:
        value = exchange.header("x-api-key")
    named = home.store.shelf(served.account, KeyValue).get(value) if value else None
    key = home.store.shelf(served.account, ApiKey).get(named.id) if named is not None else None
    if key is None or not key.document["enabled"]:
        raise Refused("INVALID_API_KEY", "Forbidden")
    plan = _plan(served, key)
    if plan is None:
        raise Refused("INVALID_API_KEY", "Forbidden")
    exchange.key = key
    exchange.forget_context()
    _check_rate(exchange, plan, key)
    _check_quota(exchange, plan, key)


def _plan(served: Any, key: ApiKey) -> UsagePlan | None:
    plans = served.home.store.shelf(served.account, UsagePlan)
    known = served.plans.get(key.document["id"])
    if known is not None and plans.get(known.document["id"]) is known:
        return known
    for plan in plans.values():
        if key.document["id"] in plan.keys and is_in(plan, served.api_id, served.name):
            served.plans[key.document["id"]] = plan
            return plan
    return None


def _check_rate(exchange: Exchange, plan: UsagePlan, key: ApiKey) -> None:
    served, endpoint = exchange.served, exchange.endpoint
    held = buckets(exchange.home, served.account)
    stage = is_in(plan, served.api_id, served.name) or {}
    by_method = stage.get("throttle", {})
    method = f"{endpoint.path}/{endpoint.method['httpMethod']}"
    limit, name = (
        by_method.get(method),
        (plan.document["id"], key.document["id"], served.api_id, served.name, method),
    )
    if limit is None:
        limit, name = plan.document.get("throttle"), name[:2]
    if limit and not held.of(name, limit.get("rateLimit", 0.0), limit.get("burstLimit", 0)).take(
        exchange.now
    ):
        raise _too_many()


def period_start(period: str, now: float) -> int:
    """The day number on which the running day, week (from Sunday) or month began, in UTC."""
    day = int(now // DAY_S)
    if period == "DAY":
        return day
    if period == "WEEK":
        return day - (day + 4) % 7  # Day 0 was a Thursday.
    moment = time.gmtime(now)
    return calendar.timegm((moment.tm_year, moment.tm_mon, 1, 0, 0, 0)) // DAY_S


def _rows(rows: Any) -> Any:
    for table in (USED, GRANTED):
        if table.name not in rows.tables:
            rows.use(table)
    return rows


def remaining(rows: Any, plan: UsagePlan, key_id: str, now: float) -> int:
    """How many calls the key has left in the running period."""
    quota, plan_id = plan.document["quota"], plan.document["id"]
    start = period_start(quota["period"], now)
    used = rows.one(
        "select coalesce(sum(used), 0) from apigateway_used where plan = ? and key = ? and day >= ?",
        plan_id,
        key_id,
        start,
    )
    granted = rows.one(
        "select coalesce(sum(granted), 0) from apigateway_granted where plan = ? and key = ? and period = ?",
        plan_id, key_id, start,
    )  # fmt: skip
    return quota["limit"] + granted[0] - used[0]


def _check_quota(exchange: Exchange, plan: UsagePlan, key: ApiKey) -> None:
    rows = _rows(exchange.home.store.rows(exchange.served.account))
    plan_id, key_id, day = plan.document["id"], key.document["id"], int(exchange.now // DAY_S)
    quota = plan.document.get("quota")
    if quota:
        if remaining(rows, plan, key_id, exchange.now) <= 0:
            raise Refused("QUOTA_EXCEEDED", "Limit Exceeded")
    rows.run(
        "insert into apigateway_used values (?,?,?,1) on conflict do update set used = used + 1",
        plan_id,
        key_id,
        day,
    )


# Operations ----------------------------------------------------------------------------------------------


def _day(text: str) -> int:
    try:
        return calendar.timegm(time.strptime(text, "%Y-%m-%d")) // DAY_S
    except ValueError:
        raise BadRequestException(f"Invalid date specified: {text}. The form is yyyy-MM-dd")


def _days(rows: Any, plan: UsagePlan, key_id: str, first: int, last: int) -> list[list[int]]:
    """For each day what was used on it, and what was left of the period's quota after it."""
    plan_id, quota = plan.document["id"], plan.document["quota"]
    start = period_start(quota["period"], first * DAY_S)
    used = dict(
        rows.all(
            "select day, used from apigateway_used where plan = ? and key = ? and day between ? and ?",
            plan_id,
            key_id,
            start,
            last,
        )  # fmt: skip
    )
    granted = dict(
        rows.all("select period, granted from apigateway_granted where plan = ? and key = ?", plan_id, key_id)
    )
    found, period, spent = [], start, 0
    for day in range(start, last + 1):
        if period_start(quota["period"], day * DAY_S) != period:
            period, spent = day, 0
        spent += used.get(day, 0)
        if day >= first:
            found.append([used.get(day, 0), max(quota["limit"] + granted.get(period, 0) - spent, 0)])
    return found


DAYS_MAX = 90


def _shown(call: Call, plan: UsagePlan, keys: list[str], first: str, last: str) -> dict:
    start, end = _day(first), _day(last)
    if end < start:
        raise BadRequestException("Usage start date must be before end date")
    if end - start > DAYS_MAX:
        raise BadRequestException(f"Usage can be asked for at most {DAYS_MAX} days")
    if "quota" not in plan.document:
        raise NotImplementedHere("the usage of apigateway usage plans without a quota")
    rows = call.rows(USED, GRANTED)
    items = {key: _days(rows, plan, key, start, end) for key in keys}
    used = {key: days for key, days in items.items() if any(day[0] for day in days) or len(keys) == 1}
    return {"usagePlanId": plan.document["id"], "startDate": first, "endDate": last, "items": used}


def GetUsage(call: Call, *, usagePlanId: str, startDate: str, endDate: str, keyId: str | None = None) -> dict:
    plan = find_plan(call, usagePlanId)
    if keyId is not None and keyId not in plan.keys:
        raise NotFoundException(f"Usage Plan {usagePlanId} has no API key {keyId}")
    return _shown(call, plan, [keyId] if keyId is not None else list(plan.keys), startDate, endDate)


def UpdateUsage(
    call: Call, *, usagePlanId: str, keyId: str, patchOperations: list[dict] | None = None
) -> dict:
    """Gives a key another remaining quota for the running period; what was used stays on the record."""
    plan = find_plan(call, usagePlanId)
    if keyId not in plan.keys:
        raise NotFoundException(f"Usage Plan {usagePlanId} has no API key {keyId}")
    if "quota" not in plan.document:
        raise BadRequestException("The usage plan has no quota")
    rows, now = call.rows(USED, GRANTED), call.now()
    for operation in patchOperations or ():
        value = operation.get("value") or ""
        if operation.get("op") != "replace" or operation.get("path") != "/remaining":
            raise BadRequestException(
                f"Invalid patch path  '{operation.get('path')}' specified for op '{operation.get('op')}'. Must be one of: [/remaining]"
            )
        if not value.isdecimal() or len(value) > 9:
            raise BadRequestException("Invalid value for /remaining")
        more = int(value) - remaining(rows, plan, keyId, now)
        rows.run(
            "insert into apigateway_granted values (?,?,?,?) on conflict do update set granted = granted + excluded.granted",
            usagePlanId, keyId, period_start(plan.document["quota"]["period"], now), more,
        )  # fmt: skip
    today = time.strftime("%Y-%m-%d", time.gmtime(now))
    return _shown(call, plan, [keyId], today, today)
