"""Runs a query over the events of logs, in a process of its own that reads a region's store beside the region.

How it can read a file that nobody else may open: ``store.steady``.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import Any

import apsw
import msgspec

from kumoniwa.engines import cipher, worker
from kumoniwa.languages.insights import discovery, plan, reader, setting
from kumoniwa.languages.insights.aside import Aside
from kumoniwa.languages.insights.expression import FOUND, MESSAGE, Row
from kumoniwa.languages.insights.setting import Place, Setting, Table
from kumoniwa.languages.insights.syntax import Unmask
from kumoniwa.store import steady

WITHIN_S = 3_600.0
"""https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartQuery.html"""
PORTION = 4_096
TOLD_EVERY = 16
"""Portions of rows."""
PAGE_ROWS = 1_000


class Task(msgspec.Struct):
    path: str
    text: str
    now_s: float
    limit: int | None
    places: dict[int, Place]
    """Streams by number."""
    table: str
    start_ms: int
    end_ms: int
    """Both are within."""
    secrets: dict[str, bytes] = {}
    """What opens messages that are sealed, by their links."""
    streams: list[int] = []
    """Those the query itself is about."""
    others: list[list[int]] = []
    """Those of each source within it, in order."""
    has_transformed: bool = False
    """Whether any event may have a transformed version."""
    tables: dict[str, str] = {}
    """Tables of reference by name, in CSV."""


class Said(msgspec.Struct):
    """What the process tells: how far it is, or, with ``is_done``, all there is to know. A page is rows of names and values, packed."""

    scanned: int = 0
    scanned_bytes: int = 0
    matched: int = 0
    page: bytes | None = None
    count: int = 0
    is_done: bool = False


def scan(task: Task) -> worker.Pieces[Said]:
    """What the process says, one after the other. Raises worker.WorkFailed or worker.WorkTimedOut."""
    return worker.pieces("kumoniwa.engines.log_scan", task, Said, WITHIN_S)


# In the process of its own -------------------------------------------------------------------------


def _portions(cursor: Iterator[tuple]) -> Iterator[list[Row]]:
    while rows := list(map(list, islice(cursor, PORTION))):
        yield rows


def _with_transformed(rows: list[Row]) -> list[Row]:
    for row in rows:
        if row[FOUND] is not None:
            message = discovery.Message(row[MESSAGE])
            message.transformed, row[MESSAGE], row[FOUND] = row[FOUND], message, None
    return rows


def _readable(secrets: dict[str, bytes], message: str | bytes | None, link: str | None) -> str | None:
    return message if link is None or message is None else cipher.unseal(secrets[link], message, link.encode()).decode()


def readable_in(connection: apsw.Connection, secrets: dict[str, bytes]) -> Callable[[str], str]:
    """How to select a text of events, given its column, in SQL; ``secrets`` open what is sealed."""
    if not secrets:
        return str
    connection.create_scalar_function("readable", partial(_readable, secrets), 2, deterministic=True)
    return "readable({}, link)".format


class _Scan:
    """The events of streams as plans see them."""

    def __init__(self, task: Task, query: Any) -> None:
        self.task, self.connection = task, steady.opened(task.path)
        text = readable_in(self.connection, task.secrets)
        # Who may unmask at all may see all of it: AWS unmasks the fields that are named, here it is every message.
        self.message = text("coalesce(original, message)" if any(isinstance(each, Unmask) for each in query) else "message")
        self.transformed = text("transformed") if task.has_transformed else "null"
        self.streams = dict(zip(plan.sources_in(query), task.others))
        self.scanned = self.scanned_bytes = 0

    def places(self, made: plan.Plan, aside: Aside | None) -> tuple[str, tuple[int, int]]:
        """Where to look, as SQL, and between which moments."""
        task, source = self.task, aside.source if aside is not None else None
        streams = self.streams[source] if source is not None else task.streams
        if made.indexed:
            names = set(made.indexed)
            streams = [each for each in streams if names <= {field for field, _, _ in task.places[each].indexed}]
        back = aside.back if aside is not None and aside.back is not None else int
        within = f"from {task.table} where stream in ({','.join(map(str, streams))}) and at >= ? and at <= ?"
        return within, (back(task.start_ms), back(task.end_ms))

    def rows(self, made: plan.Plan, aside: Aside | None) -> Iterator[list[Row]]:
        within, bounds = self.places(made, aside)
        fields = f"coalesce({self.transformed}, {self.message})" if self.task.has_transformed else self.message
        needed = "".join(
            f" and (instr({fields}, ?) or instr({fields}, '\\'))" if needle.may_be_escaped else f" and instr({self.message}, ?)"
            for needle in made.needles
        )
        portions = _portions(self.connection.execute(
            f"select at, stream, seq, ingested, {self.message}, {self.transformed}, null {within}{needed}",
            (*bounds, *(needle.text for needle in made.needles)),
        ))  # fmt: skip
        return map(_with_transformed, portions) if self.task.has_transformed else portions

    def count(self, made: plan.Plan, aside: Aside | None) -> None:
        """Add what a plan looked through. What a needle made needless to read counts as well, as it does on AWS."""
        within, bounds = self.places(made, aside)
        sealed = f" - {cipher.LONGER_BYTES} * count(link)" if self.task.secrets else ""
        scanned, scanned_bytes = self.connection.execute(
            f"select count(*), coalesce(sum(octet_length(message)){sealed}, 0) {within}", bounds
        ).get
        self.scanned += scanned
        self.scanned_bytes += scanned_bytes

    def first(self, made: plan.Plan, aside: Aside) -> Iterator[list[Row]]:
        yield from self.rows(made, aside)
        self.count(made, aside)


def run(task: Task) -> Iterator[Said]:
    """What there is to say, one after the other."""
    query = reader.read(task.text)
    tables = {name: Table(setting.columns_of(body), body) for name, body in task.tables.items()}
    made = plan.planned(query, Setting(task.places, task.now_s, task.start_ms, task.end_ms, tables), task.limit)
    scan = _Scan(task, query)
    running = plan.prepared(made, scan.first).start()
    said = Said(scan.scanned, scan.scanned_bytes)
    for number, rows in enumerate(scan.rows(made, None), 1):
        said.scanned += len(rows)
        if made.any_most is not None:
            said.scanned_bytes += sum(len(row[4].encode()) for row in rows)
        running.take(rows)
        said.matched = running.matched
        if running.is_enough:
            break
        if number % TOLD_EVERY == 0:
            yield said
    if not running.is_enough:
        scan.count(made, None)
        said.scanned, said.scanned_bytes = scan.scanned, scan.scanned_bytes
    rows = running.rows()
    for start in range(0, len(rows), PAGE_ROWS):
        page = made.answer(rows[start : start + PAGE_ROWS])
        yield Said(said.scanned, said.scanned_bytes, said.matched, msgspec.msgpack.encode(page), len(page))
    yield Said(said.scanned, said.scanned_bytes, running.matched, count=len(rows), is_done=True)


if __name__ == "__main__":
    # Rows are many and never refer to each other in a circle: looking for circles would take longer than reading them.
    gc.disable()
    worker.work(Task, run)
