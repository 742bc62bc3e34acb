"""What one region of a strongly consistent global table holds of each item: what it promised, what it accepted, what it knows to be chosen.

Every item is a register of its own, agreed upon by three regions as in Paxos: a value is chosen once two of the three have accepted
it under one ballot, and a region that promised a ballot refuses lesser ones. What is accepted here is durable before it is said.
An acceptance carries the promise of the same region's next ballot, so a region that writes an item again needs one round trip.
Only what is known to be chosen is put into the table.
Source: "CASPaxos: Replicated State Machines without logs", Denis Rystsov, arXiv 1802.07000.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.services.dynamodb import item
from kumoniwa.services.dynamodb.group import Group
from kumoniwa.services.dynamodb.table import Layout, Table
from kumoniwa.store.rows import Table as RowTable

DECREES = RowTable(
    "dynamodb_decree",
    """create table if not exists dynamodb_decree (scope text, pk blob, sk blob, promised_n integer, promised_in text, busy_until real,
         accepted_n integer, accepted_in text, is_chosen integer, size integer, body blob, seq integer,
         primary key (scope, pk, sk)) without rowid;
       create index if not exists dynamodb_decree_seq on dynamodb_decree (scope, seq)""",
)
BUSY_S = 2.0
"""So long a promise keeps others from an item; then whoever asked for it is taken for dead."""


class Ballot(NamedTuple):
    n: int
    region: str


NONE = Ballot(0, "")


class Decree(NamedTuple):
    """One item here. ``body`` is its JSON, None if it does not exist."""

    pk: bytes
    sk: bytes
    promised: Ballot
    busy_until: float
    accepted: Ballot
    is_chosen: bool
    size: int
    body: bytes | None

    @property
    def value(self) -> list[Any]:
        """As it travels."""
        return [list(self.accepted), self.is_chosen, self.size, self.body]


def scope(name: str, group: Group) -> str:
    """Tells a table's decrees from those of others that had its name."""
    return f"{name}/{group.made}"


def held(call: Call, where: str, pk: bytes, sk: bytes) -> Decree:
    found = call.rows(DECREES).one(
        """select promised_n, promised_in, busy_until, accepted_n, accepted_in, is_chosen, size, body from dynamodb_decree
           where scope = ? and pk = ? and sk = ?""",
        where, pk, sk,
    )  # fmt: skip
    if found is None:
        return Decree(pk, sk, NONE, 0.0, NONE, True, 0, None)
    return _read(pk, sk, *found)


def _read(pk: bytes, sk: bytes, *row: Any) -> Decree:
    n, region, busy_until, accepted_n, accepted_in, is_chosen, size, body = row
    return Decree(pk, sk, Ballot(n, region), busy_until, Ballot(accepted_n, accepted_in), bool(is_chosen), size, body)


def _keep(call: Call, where: str, decree: Decree) -> None:
    rows = call.rows(DECREES)
    seq = rows.one("select coalesce(max(seq), 0) + 1 from dynamodb_decree where scope = ?", where)[0]
    rows.run(
        "replace into dynamodb_decree values (?,?,?,?,?,?,?,?,?,?,?,?)",
        where, decree.pk, decree.sk, *decree.promised, decree.busy_until, *decree.accepted, decree.is_chosen, decree.size, decree.body, seq,
    )  # fmt: skip


# An acceptor's answers -----------------------------------------------------------------------------


def prepare(call: Call, where: str, pk: bytes, sk: bytes, ballot: Ballot) -> dict[str, Any]:
    """Promise a ballot, unless a greater one was promised or another region is at the item right now."""
    mine, now = held(call, where, pk, sk), call.now()
    is_busy = mine.busy_until > now and mine.promised.region != ballot.region
    if is_busy or ballot <= mine.promised:
        return {"is_granted": False, "is_busy": is_busy, "promised": list(mine.promised)}
    _keep(call, where, mine._replace(promised=ballot, busy_until=now + BUSY_S))
    return {"is_granted": True, "value": mine.value}


def release(call: Call, where: str, pk: bytes, sk: bytes, ballot: Ballot) -> None:
    """Whoever was promised the item does not want it any more."""
    mine = held(call, where, pk, sk)
    if mine.promised == ballot and mine.busy_until:
        _keep(call, where, mine._replace(busy_until=0.0))


def accept(call: Call, where: str, pk: bytes, sk: bytes, ballot: Ballot, size: int, body: bytes | None) -> dict[str, Any]:
    mine = held(call, where, pk, sk)
    if ballot < mine.promised:
        return {"is_accepted": False}
    following = Ballot(ballot.n + 1, ballot.region)
    _keep(call, where, Decree(pk, sk, following, 0.0, ballot, False, size, body))
    return {"is_accepted": True}


def learn(call: Call, where: str, layout: Layout | None, pk: bytes, sk: bytes, ballot: Ballot, size: int, body: bytes | None) -> None:
    """A value was chosen. Where there is a table it is put there."""
    mine = held(call, where, pk, sk)
    if ballot < mine.accepted or ballot == mine.accepted and mine.is_chosen:
        return
    following = max(mine.promised, Ballot(ballot.n + 1, ballot.region))
    busy_until = mine.busy_until if following == mine.promised and following.region != ballot.region else 0.0
    _keep(call, where, Decree(pk, sk, following, busy_until, ballot, True, size, body))
    if layout is None:
        return
    found = item.read(call, layout, pk, sk)
    old_size, old_body, _ = found if found is not None else (0, None, None)
    if old_body is None and body is None:
        return
    old = orjson.loads(old_body) if old_body is not None else None
    new = orjson.loads(body) if body is not None else None
    item.replace(call, layout, pk, sk, old, new, size=size, body=body or b"", old_body=old_body, old_size=old_size)
    call.home.note(
        "apply", account=call.account, table=layout.name, key={name: (new or old)[name] for name in layout.key.names},
        version=list(ballot), origin=ballot.region, written_at=call.now(), applied_at=call.now(),
    )  # fmt: skip


def since(call: Call, where: str, seq: int, count: int) -> list[tuple[int, Decree]]:
    found = call.rows(DECREES).all(
        """select seq, pk, sk, promised_n, promised_in, busy_until, accepted_n, accepted_in, is_chosen, size, body
           from dynamodb_decree where scope = ? and seq > ? order by seq limit ?""",
        where, seq, count,
    )  # fmt: skip
    return [(row[0], _read(*row[1:])) for row in found]


def undecided(call: Call, where: str) -> list[tuple[bytes, bytes]]:
    """Items with a value that was accepted here and is not known to be chosen."""
    return call.rows(DECREES).all("select pk, sk from dynamodb_decree where scope = ? and not is_chosen", where)


def forget(call: Call, where: str) -> None:
    call.rows(DECREES).run("delete from dynamodb_decree where scope = ?", where)


def layout_of(call: Call, name: str, where: str) -> Layout | None:
    """The table a decree is about; None at the witness."""
    table = call.shelf(Table).get(name)
    return Layout(table) if table is not None and table.group is not None and scope(name, table.group) == where else None
