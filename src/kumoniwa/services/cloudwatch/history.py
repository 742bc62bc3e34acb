"""What happened to alarms: rows that are kept for thirty days, also when the alarm is gone.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarmHistory.html
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.store.rows import Table

if TYPE_CHECKING:
    from kumoniwa.services.cloudwatch.alarm import Alarm

HISTORY = Table(
    "alarm_history",
    """create table if not exists alarm_history (id integer primary key, name text, kind text, type text, at real, summary text, data text);
       create index if not exists alarm_history_named on alarm_history (name, at)""",
)
KEPT_S = 30 * 86_400
_VERBS = {"Create": "created", "Update": "updated", "Delete": "deleted"}


def spelled(told: Any) -> str:
    return orjson.dumps(told).decode()


def read(text: str) -> Any:
    """What a text of JSON says; None if it is not JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def note(call: Call, alarm: Alarm, what: str, summary: str, data: dict[str, Any]) -> None:
    call.rows(HISTORY).run(
        "insert into alarm_history (name, kind, type, at, summary, data) values (?,?,?,?,?,?)",
        alarm.name, alarm.kind, what, call.now(), summary, spelled(data),
    )  # fmt: skip


def note_configuration(call: Call, alarm: Alarm, what: str, told: dict[str, Any]) -> None:
    verb = _VERBS[what]
    note(call, alarm, "ConfigurationUpdate", f'Alarm "{alarm.name}" {verb}', {"version": "1.0", "type": what, f"{verb}Alarm": told})


def forget_old(call: Call) -> None:
    call.rows(HISTORY).run("delete from alarm_history where at < ?", call.now() - KEPT_S)


def DescribeAlarmHistory(
    call: Call,
    *,
    AlarmName: str | None = None,
    AlarmTypes: list[str] | None = None,
    HistoryItemType: str | None = None,
    StartDate: float | None = None,
    EndDate: float | None = None,
    ScanBy: str | None = None,
) -> dict:
    order = "asc" if ScanBy == "TimestampAscending" else "desc"
    sql, values = "select name, kind, type, at, summary, data from alarm_history where at >= ? and at <= ?", []
    values += [max(StartDate or 0.0, call.now() - KEPT_S), call.now() if EndDate is None else EndDate]
    kinds = AlarmTypes or ["MetricAlarm"]
    sql += f" and kind in ({','.join('?' * len(kinds))})"
    values += kinds
    for column, value in (("name", AlarmName), ("type", HistoryItemType)):
        if value is not None:
            sql += f" and {column} = ?"
            values.append(value)
    members = ("AlarmName", "AlarmType", "HistoryItemType", "Timestamp", "HistorySummary", "HistoryData")
    return {"AlarmHistoryItems": [dict(zip(members, row)) for row in call.rows(HISTORY).all(f"{sql} order by at {order}, id {order}", *values)]}
