"""Schedules; which expressions are none was recorded from AWS (test_events_schedule)."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from kumoniwa.languages.schedule_expression import InvalidExpression, in_full, of_rule, of_scheduler


def stamp(text: str) -> float:
    return datetime.fromisoformat(text + "+00:00").timestamp()


def shown(instant: float | None) -> str | None:
    return None if instant is None else datetime.fromtimestamp(instant, UTC).isoformat()[:16]


WRONG = [
    "rate(10 seconds)", "rate(10 years)", "rate(1 minutes)", "rate(1 hours)", "rate(1 days)", "rate(10 minute)", "rate(10 hour)",
    "rate(10 day)", "rate()", "rate(10)", "rate(10 minutess)", "rate(foo minutes)", "rate(0 minutes)", "rate(-10 minutes)",
    "rate(10 MINUTES)", "rate( 10 minutes )", " rate(10 minutes)", "cron(0 1 * * * *)", "cron(7 20 * * NOT *)", "cron(INVALID)",
    "cron(0 dummy ? * MON-FRI *)", "cron(71 8 1 * ? *)", "cron(0 1 ? * ? *)", "cron(0 1 1 0 ? *)", "cron(0/0 1 1 1 ? *)", "at(2027-01-01T00:00:00)",
    "cron(0 1 32W * ? *)", "cron(0 1 ? * 8L *)", "cron(0 1 ? * 2#6 *)",
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("AT(2027-01-01T10:30:00)", "at(2027-01-01T10:30:00)"), ("at(2027-01-01T10:30)", "at(2027-01-01T10:30:00)"),
        ("Rate(5 minutes)", "rate(5 minutes)"), ("cron(0 10 * * ?)", "cron(0 10 * * ? *)"),
    ],
)  # fmt: skip
def test_what_the_scheduler_takes_besides(text, same):
    """Measured by https://github.com/badmintoncryer/cdk-preflight (pf-scheduler-schedule-expression)."""
    assert in_full(text) == in_full(same) == same
    for read in (of_rule, of_scheduler):
        with pytest.raises(InvalidExpression):
            read(text)


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_schedule_of_a_rule(text):
    with pytest.raises(InvalidExpression):
        of_rule(text)


@pytest.mark.parametrize(
    "text, after, next_",
    [
        ("cron(0 10 * * ? *)", "2026-03-01T10:00", "2026-03-02T10:00"),
        ("cron(15 12 * * ? *)", "2026-03-01T10:00", "2026-03-01T12:15"),
        ("cron(0 18 ? * MON-FRI *)", "2026-02-27T18:00", "2026-03-02T18:00"),
        ("cron(0 8 1 * ? *)", "2026-03-01T10:00", "2026-04-01T08:00"),
        ("cron(0/15 * * * ? *)", "2026-03-01T10:50", "2026-03-01T11:00"),
        ("cron(0/5 8-17 ? * MON-FRI *)", "2026-03-02T17:55", "2026-03-03T08:00"),
        ("cron(5,35 14 * * ? *)", "2026-03-01T14:05", "2026-03-01T14:35"),
        ("cron(15 10 ? * 6L 2002-2005)", "2026-03-01T14:05", None),
        ("cron(15 10 ? * 6L *)", "2026-03-01T14:05", "2026-03-27T10:15"),
        ("cron(0 2 ? * SAT#3 *)", "2026-03-01T14:05", "2026-03-21T02:00"),
        ("cron(0 2 ? * FRI-MON *)", "2026-03-02T14:05", "2026-03-06T02:00"),
        ("cron(0 0 L * ? *)", "2026-02-01T00:00", "2026-02-28T00:00"),
        ("cron(0 0 15W * ? *)", "2026-03-01T00:00", "2026-03-16T00:00"),
        ("cron(0 0 1W * ? *)", "2026-08-01T01:00", "2026-08-03T00:00"),
        ("cron(0 0 LW * ? *)", "2026-05-01T00:00", "2026-05-29T00:00"),
        ("cron(0 0 29 2 ? *)", "2026-03-01T00:00", "2028-02-29T00:00"),
        ("cron(0 0 31 JAN,MAR ? 2027/2)", "2026-03-01T00:00", "2027-01-31T00:00"),
    ],
)
def test_cron(text, after, next_):
    assert shown(of_rule(text).after(stamp(after), anchored=0)) == next_


def test_a_rate_counts_from_its_beginning():
    rate = of_rule("rate(5 minutes)")
    assert [rate.after(instant, anchored=100.0) for instant in (100.0, 399.0, 400.0, 10_000.0)] == [400.0, 400.0, 700.0, 10_300.0]


def test_a_time_zone_keeps_its_own_clock():
    # https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#daylist-savings-time
    zone = ZoneInfo("America/New_York")
    daily = of_scheduler("cron(30 9 * * ? *)", zone)
    assert shown(daily.after(stamp("2026-03-07T20:00"), anchored=0)) == "2026-03-08T13:30"
    assert shown(daily.after(stamp("2026-03-06T20:00"), anchored=0)) == "2026-03-07T14:30"
    gone = of_scheduler("cron(30 2 * * ? *)", zone)
    assert shown(gone.after(stamp("2026-03-08T00:00"), anchored=0)) == "2026-03-08T07:30"
    at = of_scheduler("at(2026-07-01T12:00:00)", zone)
    assert shown(at.after(0, anchored=0)) == "2026-07-01T16:00" and at.after(stamp("2026-07-01T16:00"), anchored=0) is None
    with pytest.raises(InvalidExpression):
        of_scheduler("at(2026-13-01T12:00:00)")
