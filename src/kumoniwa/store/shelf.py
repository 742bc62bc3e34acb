"""A shelf holds one account's records of one type, in memory and journalled.

Configuration lives here: queues, tables, functions, roles. Hot data belongs in ``rows``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from kumoniwa.kernel.record import Record, pack, unpack

if TYPE_CHECKING:
    from kumoniwa.store.rows import Rows

R = TypeVar("R", bound=Record)
T = TypeVar("T")


def shelf_name(kind: type) -> str:
    """``sqs.Queue`` for ``kumoniwa.services.sqs.queue.Queue``: the room or service, and the class."""
    parts = kind.__module__.split(".")
    room = parts[2] if len(parts) > 3 and parts[1] == "services" else parts[1] if len(parts) > 1 else parts[0]
    return f"{room}.{kind.__qualname__}"


class Shelf(MutableMapping[str, R], Generic[R]):
    __slots__ = ("kind", "name", "rows", "records", "get", "_derived")

    def __init__(self, kind: type[R], rows: Rows) -> None:
        self.kind, self.name, self.rows = kind, shelf_name(kind), rows
        stored = rows.all("select key, body from record where shelf = ? order by key", self.name)
        self.records: dict[str, R] = {key: unpack(body, kind) for key, body in stored}
        self.get = self.records.get
        self._derived: dict[tuple, Any] = {}

    def __getitem__(self, key: str) -> R:
        return self.records[key]

    def __contains__(self, key: object) -> bool:
        return key in self.records

    def __iter__(self) -> Iterator[str]:
        return iter(list(self.records))

    def values(self) -> list[R]:
        return list(self.records.values())

    def items(self) -> list[tuple[str, R]]:
        return list(self.records.items())

    def __len__(self) -> int:
        return len(self.records)

    def __setitem__(self, key: str, record: R) -> None:
        body = pack(record)
        self.rows.run("insert into record values(?,?,?) on conflict do update set body = excluded.body", self.name, key, body)
        self._remember(key)
        self._put(key, record)
        self.rows.journal.changed(self, key, body)

    def __delitem__(self, key: str) -> None:
        if key not in self.records:
            raise KeyError(key)
        self.rows.run("delete from record where shelf = ? and key = ?", self.name, key)
        self._remember(key)
        self._put(key, None)
        self.rows.journal.changed(self, key, None)

    def _remember(self, key: str) -> None:
        """What an atomic call must put back if it fails."""
        journal = self.rows.journal
        if journal.scope:
            journal.before.append(partial(self._put, key, self.records.get(key)))

    def _put(self, key: str, record: R | None) -> None:
        self._derived.clear()
        if record is None:
            del self.records[key]
        else:
            self.records[key] = record

    def derived(self, make: Callable[..., T], call: Any, *names: str) -> T:
        """What ``make(call, *names)`` makes of the records here and of nothing else: of the call it may know whose data it touches and where.
        It is kept until one of them changes. The names are of records, so that there are not more of them than clients made."""
        found = self._derived.get((make, names))
        if found is None:
            found = self._derived[make, names] = make(call, *names)
        return found
