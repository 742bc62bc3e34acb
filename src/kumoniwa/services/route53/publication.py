"""From the control plane to the data plane: every change is a row until aws-edge has it.

What an operation changes, it publishes in the same commit. ``work`` carries the rows over, in order; a change is INSYNC when none
of its rows is left. So ``GetChange`` tells what is true: PENDING as long as the name servers may answer from the old state.
"""

from __future__ import annotations

from typing import Any

import msgspec

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record
from kumoniwa.services.route53 import name as names
from kumoniwa.services.route53.errors import NoSuchChange
from kumoniwa.store.rows import Table

OUTBOX = Table(
    "route53_outbox",
    "create table if not exists route53_outbox (seq integer primary key autoincrement, due real, body blob)",
)
CHANGES = Table(
    "route53_change",
    "create table if not exists route53_change (id text primary key, seq integer, submitted real, comment text) without rowid",
)
PROPAGATION_S = 30.0
"""With ``--pace real``. AWS says: within 60 seconds.
https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html"""

Entry = tuple[str, Any, bytes | None]
"""What became of one thing: its kind (``zone``, ``record``, ``check``, ``cidr``), its key, and its new body or None."""


class Published(Record):
    """How far an account's rows have been handed out, so that their numbers go on after the last one is gone."""

    seq: int


def publish(call: Call, *entries: Entry) -> int:
    """Put changes on their way; answers their number."""
    due = call.now() + (PROPAGATION_S if call.home.settings.pace == "real" else 0.0)
    rows = call.rows(OUTBOX)
    seq = call.shelf(Published).get("seq", Published(seq=0)).seq + 1
    call.shelf(Published)["seq"] = Published(seq=seq)
    rows.run("insert into route53_outbox (seq, due, body) values (?, ?, ?)", seq, due, msgspec.msgpack.encode(entries))
    call.home.wake(("route53", "outbox"))
    return seq


def change(call: Call, *entries: Entry, comment: str | None = None) -> dict:
    """Publish changes that can be asked about; answers their ChangeInfo."""
    seq = publish(call, *entries)
    change_id = f"C{call.ids.upper(20)}"
    call.rows(CHANGES).run("insert into route53_change values (?, ?, ?, ?)", change_id, seq, call.now(), comment)
    return _shown(call, change_id, seq, call.now(), comment)


def _shown(call: Call, change_id: str, seq: int, submitted: float, comment: str | None) -> dict:
    (first,) = call.rows(OUTBOX).one("select min(seq) from route53_outbox")
    info = {
        "Id": f"/change/{change_id}",
        "Status": "PENDING" if first is not None and first <= seq else "INSYNC",
        "SubmittedAt": submitted,
    }
    return info | ({"Comment": comment} if comment is not None else {})


def GetChange(call: Call, *, Id: str) -> dict:
    change_id = Id.rpartition("/")[2]
    found = call.rows(CHANGES, OUTBOX).one("select id, seq, submitted, comment from route53_change where id = ?", change_id)
    if found is None:
        raise NoSuchChange.of(change_id)
    return {"ChangeInfo": _shown(call, *found)}


def record_key(zone_id: str, name: names.Name, kind: str, set_id: str) -> list[str]:
    return [zone_id, names.order(name), kind, set_id]
