"""What an account may send: its sandbox, its quotas, whether it is paused, and what it has sent.

An account begins in the sandbox, as on AWS. Production access is asked for with ``sesv2:PutAccountDetails``; AWS's people look at it
within a day, here it is granted at once, and after a day at AWS's pace.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.ses.errors import AccountSendingPausedException, Throttling
from kumoniwa.store.rows import Table

DAY_S = 86_400.0
REVIEWED_AFTER_S = DAY_S
SANDBOX_DAILY, SANDBOX_RATE = 200.0, 1.0
PRODUCTION_DAILY, PRODUCTION_RATE = 50_000.0, 14.0
# https://docs.aws.amazon.com/ses/latest/dg/quotas.html, and what a new account gets with production access.
BURST_S = 10.0
"""The rate may be exceeded "for short bursts, but not for a sustained period of time"; AWS does not say how short. Here, after a
silence, as much may leave at once as the rate lets through in so many seconds."""
PERIOD_S = 900.0
KEPT_PERIODS = 14 * 24 * 4
"""Statistics are told by quarters of an hour, of two weeks."""

COUNTS = Table(
    "ses_count",
    """create table if not exists ses_count (period real primary key, attempts integer default 0, bounces integer default 0,
       complaints integer default 0, rejects integer default 0)""",
)


class Account(Record):
    """Shelved once, by the empty name, when something of it was changed."""

    is_sending: bool = True
    details: dict[str, Any] = {}
    asked: float | None = None
    """When production access was asked for."""
    suppressed_reasons: tuple[str, ...] = ("BOUNCE", "COMPLAINT")
    active_rules: str = ""
    """The receipt rule set that is in force."""


class Pace:
    """How much may leave at this moment. A region that begins anew begins rested."""

    def __init__(self) -> None:
        self.room: float | None = None
        self.at = 0.0


def of(call: Call) -> Account:
    return call.shelf(Account).get("", Account())


def change(call: Call, **said: Any) -> None:
    call.shelf(Account)[""] = changed(of(call), **said)


def review(call: Call) -> str | None:
    """How far the request for production access is: None, PENDING or GRANTED."""
    asked = of(call).asked
    if asked is None:
        return None
    return "PENDING" if call.home.settings.pace == "real" and call.now() < asked + REVIEWED_AFTER_S else "GRANTED"


def is_in_sandbox(call: Call) -> bool:
    return review(call) != "GRANTED"


def quota(call: Call) -> tuple[float, float]:
    """For 24 hours, and for a second."""
    return (SANDBOX_DAILY, SANDBOX_RATE) if is_in_sandbox(call) else (PRODUCTION_DAILY, PRODUCTION_RATE)


def check_sending(call: Call) -> None:
    if not of(call).is_sending:
        raise AccountSendingPausedException(call.account)


def spend(call: Call, recipients: int, sent_today: int) -> None:
    """Quotas count recipients. Raises Throttling."""
    daily, rate = quota(call)
    if sent_today + recipients > daily:
        raise Throttling("Daily message quota exceeded.", hint="sesv2:PutAccountDetails asks for production access.")
    pace, now = call.memory(Pace), call.now()
    most = rate * BURST_S
    room = most if pace.room is None else min(most, pace.room + (now - pace.at) * rate)
    # A mail for many recipients is let through by a rested account, which then owes.
    if room < 1:
        raise Throttling("Maximum sending rate exceeded.", hint="sesv2:PutAccountDetails asks for production access, with a rate of 14.")
    pace.room, pace.at = room - recipients, now


def count(call: Call, **what: int) -> None:
    """Add to the statistics: attempts, bounces, complaints, rejects."""
    period = call.now() // PERIOD_S * PERIOD_S
    rows = call.rows(COUNTS)
    if rows.one("select 1 from ses_count where period = ?", period) is None:
        rows.run("delete from ses_count where period < ?", period - KEPT_PERIODS * PERIOD_S)
        rows.run("insert into ses_count (period) values (?)", period)
    for name, number in what.items():
        rows.run(f"update ses_count set {name} = {name} + ? where period = ?", number, period)


# Operations ----------------------------------------------------------------------------------------


def GetSendStatistics(call: Call) -> dict:
    oldest = call.now() - KEPT_PERIODS * PERIOD_S
    points = call.rows(COUNTS).all(
        "select period, attempts, bounces, complaints, rejects from ses_count where period >= ? order by period", oldest
    )
    names = ("Timestamp", "DeliveryAttempts", "Bounces", "Complaints", "Rejects")
    return {"SendDataPoints": [dict(zip(names, point)) for point in points]}


def GetAccountSendingEnabled(call: Call) -> dict:
    return {"Enabled": of(call).is_sending}


def UpdateAccountSendingEnabled(call: Call, *, Enabled: bool | None = None) -> None:
    change(call, is_sending=bool(Enabled))
