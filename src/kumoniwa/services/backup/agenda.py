"""What is to be done by itself, and when: with a rule of a plan, a recovery point, a bucket that is followed, a legal hold, or a restore test."""

from __future__ import annotations

from kumoniwa.kernel.call import Call
from kumoniwa.store.rows import Table

DUE = Table(
    "backup_due",
    """create table if not exists backup_due (kind text, key text, at real, primary key (kind, key)) without rowid;
       create index if not exists backup_due_at on backup_due (at)""",
)
WORK = ("backup", "work")
"""What wakes those who do it."""


def when(call: Call, kind: str, key: str) -> float | None:
    row = call.rows(DUE).one("select at from backup_due where kind = ? and key = ?", kind, key)
    return row[0] if row is not None else None


def plan(call: Call, kind: str, key: str, at: float | None) -> None:
    """Keep when something is due next; None if it is no more."""
    if at is None:
        call.rows(DUE).run("delete from backup_due where kind = ? and key = ?", kind, key)
    else:
        call.rows(DUE).run("insert or replace into backup_due values (?, ?, ?)", kind, key, at)
        call.after_commit(lambda: call.home.wake(WORK))
