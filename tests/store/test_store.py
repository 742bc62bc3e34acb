"""Shelves, rows and blobs: a failing call leaves no trace, a kill loses nothing that was acknowledged."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile

import apsw
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kumoniwa.kernel.ids import Ids
from kumoniwa.kernel.record import Record
from kumoniwa.store.rows import Rows, Table
from kumoniwa.store.store import Store

THINGS = Table("thing", "create table if not exists thing (k integer primary key, v text)")
OTHERS = Table("other", "create table if not exists other (k integer primary key, v text)")

ENTRIES = Table("entry", "create table if not exists entry (entries text)")


class Entries:
    """A log that keeps what it is given at once in one row."""

    def __init__(self, rows) -> None:
        self.rows = rows

    def write(self, entries: list[str]) -> None:
        self.rows.use(ENTRIES)
        self.rows.run("insert into entry values (?)", "".join(entries))


class Note(Record):
    text: str


class Mark(Record):
    n: int


@pytest.fixture(params=[False, True], ids=["kill", "power"])
def fsync(request):
    """Whether the store must survive a power loss or only a kill."""
    return request.param


def in_loop(test):
    """A test that is a coroutine function, with a store of its own."""

    def run(tmp_path, fsync):
        async def whole():
            store = Store(str(tmp_path / "store"), Ids(1), fsync=fsync)
            try:
                await test(store)
            finally:
                store.close()

        asyncio.run(whole())

    return run


def state(store: Store) -> dict:
    """Everything a store holds, read three ways: memory, the tables, the journal's pending lists."""
    held = {}
    for account in ("a", "b"):
        rows = store.rows(account)
        rows.use(ENTRIES)
        tables = [
            name
            for (name,) in rows.all(
                "select name from sqlite_master where type = 'table' and name in ('thing', 'other') order by 1"
            )
        ]
        held[account] = (
            [dict(store.shelf(account, kind).records) for kind in (Note, Mark)],
            rows.all("select shelf, key, body from record order by 1, 2"),
            {name: rows.all(f"select k, v from {name} order by k") for name in tables},
            "".join(row[0] for row in rows.all("select entries from entry order by rowid")) + "".join(entry for _, entry in rows.gathered),
            sorted(rows.tables),
        )
    return held


actions = st.lists(
    st.one_of(
        st.tuples(
            st.just("put"),
            st.sampled_from("ab"),
            st.sampled_from([Note, Mark]),
            st.sampled_from("xyz"),
            st.integers(0, 9),
        ),
        st.tuples(
            st.just("drop"), st.sampled_from("ab"), st.sampled_from([Note, Mark]), st.sampled_from("xyz")
        ),
        st.tuples(
            st.just("row"),
            st.sampled_from("ab"),
            st.sampled_from([THINGS, OTHERS]),
            st.integers(0, 5),
            st.integers(0, 9),
        ),
        st.tuples(st.just("after")),
        st.tuples(st.just("gather"), st.sampled_from("ab"), st.sampled_from("xyz")),
        st.tuples(st.just("settle"), st.sampled_from("ab")),
    ),
    max_size=12,
)
calls = st.lists(st.tuples(actions, st.booleans(), st.booleans()), max_size=8)


def act(store: Store, action: tuple, heard: list, logs: dict) -> None:
    what, *rest = action
    if what == "put":
        account, kind, key, n = rest
        store.shelf(account, kind)[key] = Note(text=str(n)) if kind is Note else Mark(n=n)
    elif what == "drop":
        account, kind, key = rest
        store.shelf(account, kind).pop(key, None)
    elif what == "row":
        account, table, k, v = rest
        rows = store.rows(account)
        rows.use(table)
        rows.run(
            f"insert into {table.name} values (?, ?) on conflict do update set v = excluded.v", k, str(v)
        )
    elif what == "gather":
        account, entry = rest
        store.rows(account).gather(logs[store, account], entry)
    elif what == "settle":
        store.rows(rest[0]).settle()
    else:
        store.journal.after_commit(lambda: heard.append(1))


@settings(max_examples=60, deadline=None)
@given(calls)
def test_a_failing_call_leaves_no_trace_among_those_that_succeed(tmp_path_factory, asked):
    async def whole():
        store = Store(str(tmp_path_factory.mktemp("s")), Ids(1))
        reference = Store(str(tmp_path_factory.mktemp("r")), Ids(1))
        told: list = []
        expected: list = []
        store.journal.on_change = lambda changes: told.extend(
            (shelf.name, key, body) for shelf, key, body in changes
        )
        reference.journal.on_change = lambda changes: expected.extend(
            (shelf.name, key, body) for shelf, key, body in changes
        )
        logs = {(each, account): Entries(each.rows(account)) for each in (store, reference) for account in "ab"}
        heard, wanted = [], []
        for made, fails, ends_tick in asked:
            before = state(store)
            store.journal.begin_call()
            for action in made:
                act(store, action, heard, logs)
            if fails:
                store.journal.undo_call()
                assert state(store) == before
            else:
                store.journal.end_call()
                reference.journal.begin_call()
                for action in made:
                    act(reference, action, wanted, logs)
                reference.journal.end_call()
            if ends_tick:
                await store.journal.settled()
                await reference.journal.settled()
        await asyncio.sleep(0)
        for each in (store, reference):
            await each.journal.settled()
        assert (told, len(heard)) == (expected, len(wanted))
        assert state(store) == state(reference)
        folder = store.folder
        store.close()
        again = Store(folder, Ids(1))
        for account in "ab":
            for kind in (Note, Mark):
                assert again.shelf(account, kind).records == reference.shelf(account, kind).records
            if "entry" in reference.rows(account).tables:
                [kept, wanted] = ["".join(row[0] for row in each.rows(account).all("select entries from entry")) for each in (again, reference)]
                assert kept == wanted
        again.close()
        reference.close()

    asyncio.run(whole())


def changed(rows: Rows, what: str, k: int, v: str) -> None:
    if what == "append":
        rows.append("insert into thing values (?, ?) on conflict do update set v = v || excluded.v", k, v)
    elif what == "row":
        rows.run("insert into thing values (?, ?) on conflict do update set v = v || excluded.v", k, v)
    elif what == "swap":
        rows.run("update thing set v = ? where v = ?", v, v + v)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.lists(st.tuples(st.sampled_from(["append", "append", "append", "row", "swap", "look", "log", "settle"]), st.integers(0, 1), st.sampled_from("xy")), max_size=4),
            st.sampled_from(["stands", "stands", "fails", "in no call"]),
            st.integers(0, 3),
        ),
        max_size=8,
    )
)  # fmt: skip
@example([([("log", 0, "x")], "stands", 3), ([("settle", 0, "x")], "fails", 3)])
@example([([("append", 0, "x")], "stands", 3), ([("look", 0, "x")], "fails", 1)])
@example([([("append", 0, "x")], "stands", 3), ([("append", 0, "y"), ("look", 0, "x")], "fails", 1)])
def test_what_is_appended_is_there_for_whoever_asks_and_gone_with_its_call(asked):
    """Beside a file in which each statement is executed when it is said."""

    async def whole():
        with tempfile.TemporaryDirectory() as folder:
            store, plain = Store(folder, Ids(1)), apsw.Connection(":memory:")
            plain.execute("create table thing (k integer primary key, v text)")
            rows, journal = store.rows("a"), store.journal
            rows.use(THINGS)
            log, logged = Entries(rows), ""
            await journal.settled()
            for made, ending, pause in asked:
                if ending != "in no call":
                    journal.begin_call()
                before, logged_before = plain.serialize("main"), logged
                for what, k, v in made:
                    if what == "log":
                        rows.gather(log, v)
                        logged += v
                        continue
                    if what == "settle":
                        rows.settle()
                        continue
                    if what == "look":
                        assert rows.one("select max(v), count(*) from thing") == next(plain.execute("select max(v), count(*) from thing"))
                        continue
                    changed(rows, what, k, v)
                    if what in ("append", "row"):
                        plain.execute("insert into thing values (?, ?) on conflict do update set v = v || excluded.v", (k, v))
                    elif what == "swap":
                        plain.execute("update thing set v = ? where v = ?", (v, v + v))
                if ending == "fails":
                    journal.undo_call()
                    plain.deserialize("main", before)
                    logged = logged_before
                elif ending == "stands":
                    journal.end_call()
                if pause == 0:
                    await journal.settled()
                if pause <= 1:
                    assert rows.all("select * from thing order by k") == plain.execute("select * from thing order by k").fetchall()
            await journal.settled()
            store.close()
            again = Store(folder, Ids(1))
            assert again.rows("a").all("select * from thing order by k") == plain.execute("select * from thing order by k").fetchall()
            again.rows("a").use(ENTRIES)
            assert "".join(row[0] for row in again.rows("a").all("select entries from entry order by rowid")) == logged
            again.close()

    asyncio.run(whole())


@in_loop
async def test_a_reply_waits_for_the_commit_and_calls_of_one_tick_share_it(store):
    rows = store.rows("a")
    said: list[str] = []
    rows.connection.exec_trace = lambda cursor, sql, bindings: said.append(sql) or True
    order: list[str] = []
    for n in range(3):
        store.journal.begin_call()
        store.shelf("a", Note)[str(n)] = Note(text="x")
        store.journal.end_call()
        assert store.journal.is_dirty
        store.journal.after_commit(lambda n=n: order.append(f"reply {n} after {said.count('commit')} commit"))
    assert order == []
    await store.journal.settled()
    assert order == [f"reply {n} after 1 commit" for n in range(3)]
    assert said.count("begin immediate") == 1
    assert not store.journal.is_dirty


@in_loop
async def test_a_read_during_a_sync_is_answered_although_nobody_writes_any_more(store):
    store.shelf("a", Note)["k"] = Note(text="x")
    heard = []
    for _ in range(3):
        store.journal.after_commit(lambda: heard.append(1))
        await asyncio.sleep(0)
    async with asyncio.timeout(5):
        while len(heard) < 3:
            await asyncio.sleep(0.001)
    assert not store.journal.is_dirty
    store.journal.after_commit(lambda: heard.append(1))
    await asyncio.sleep(0.01)
    assert len(heard) == 4


@in_loop
async def test_what_is_derived_of_a_shelf_is_made_again_after_each_change_and_after_its_undoing(store):
    shelf, made = store.shelf("a", Note), []

    def texts(call, begin: str) -> list[str]:
        made.append(begin)
        return [note.text for note in shelf.values() if note.text.startswith(begin)]

    def derived(begin: str) -> list[str]:
        return shelf.derived(texts, None, begin)

    shelf["k"] = Note(text="old")
    assert derived("o") == derived("o") == ["old"] and derived("n") == []
    assert made == ["o", "n"]
    store.journal.begin_call()
    shelf["k"] = Note(text="new")
    assert derived("o") == [] and derived("n") == ["new"]
    del shelf["k"]
    assert derived("n") == []
    store.journal.undo_call()
    assert derived("o") == ["old"] and derived("n") == []
    del shelf["k"]
    assert derived("o") == []


@in_loop
async def test_what_waits_for_a_failing_call_is_not_called(store):
    heard = []
    store.journal.begin_call()
    store.shelf("a", Note)["k"] = Note(text="x")
    store.journal.after_commit(lambda: heard.append("a blob dropped that a row still names"))
    store.journal.undo_call()
    await store.journal.settled()
    await asyncio.sleep(0.01)
    assert heard == []


@in_loop
async def test_a_reply_that_fails_does_not_take_the_others_with_it(store):
    heard = []
    store.shelf("a", Note)["k"] = Note(text="x")
    store.journal.after_commit(lambda: 1 / 0)
    store.journal.after_commit(lambda: heard.append(1))
    await store.journal.settled()
    assert heard == [1]


@in_loop
async def test_accounts_do_not_see_each_other_and_are_reset_alone(store):
    for account in ("a", "b"):
        store.shelf(account, Note)["k"] = Note(text=account)
        store.blobs(account, "s3").put(b"bytes")
    assert store.accounts() == ["a", "b"]
    assert store.shelf("a", Note)["k"].text == "a"
    store.reset("a")
    assert "k" not in store.shelf("a", Note)
    assert store.shelf("b", Note)["k"].text == "b"
    assert not os.path.exists(store.blobs("a", "s3").folder)
    assert os.path.exists(store.blobs("b", "s3").folder)
    store.reset()
    assert "k" not in store.shelf("b", Note)


@in_loop
async def test_a_table_of_an_old_store_is_used_again(store):
    rows = store.rows("a")
    rows.use(THINGS)
    rows.run("insert into thing values (1, 'kept')")
    store.close()
    again = Store(store.folder, Ids(2))
    again.rows("a").use(THINGS)
    assert again.rows("a").one("select v from thing") == ("kept",)
    await again.journal.settled()
    again.close()


@in_loop
async def test_a_table_of_an_old_store_gains_its_new_columns_before_the_indexes_that_name_them(store):
    rows = store.rows("a")
    rows.use(THINGS)
    rows.run("insert into thing values (1, 'kept')")
    store.close()
    newer = Table("thing", f"{THINGS.sql}; create index if not exists thing_late on thing (coalesce(late, v))", added=("late text",))
    again = Store(store.folder, Ids(2))
    again.rows("a").use(newer)
    assert again.rows("a").one("select v, late from thing") == ("kept", None)
    (plan,) = again.rows("a").all("explain query plan select * from thing where coalesce(late, v) < 'l'")
    assert "thing_late" in plan[-1]
    await again.journal.settled()
    again.close()


@in_loop
async def test_a_sweep_removes_the_blobs_nobody_names(store):
    blobs = store.blobs("a", "s3")
    kept, orphan = blobs.put(b"ab", b"c"), blobs.put(b"orphan")
    assert blobs.get(kept) == b"abc"
    assert blobs.sweep([kept]) == 1
    assert blobs.get(kept) == b"abc"
    assert not os.path.exists(blobs.path(orphan))
    blobs.drop(kept)
    blobs.drop(kept)
    assert blobs.sweep([]) == 0


WRITER = """
import asyncio, os, sys
from kumoniwa.kernel.ids import Ids
from kumoniwa.kernel.record import Record
from kumoniwa.store.rows import Rows, Table
from kumoniwa.store.store import Store
class Note(Record):
    text: str
THINGS = Table("thing", "create table if not exists thing (k integer primary key, v text)")
async def main():
    store, n = Store(sys.argv[1], Ids(1), fsync=sys.argv[2] == "fsync"), int(sys.argv[3])
    while True:
        for _ in range(3):  # several calls in one tick, each with two writes that belong together
            store.journal.begin_call()
            rows = store.rows("a")
            rows.use(THINGS)
            rows.run("insert into thing values (?, 'x')", n)
            store.shelf("a", Note)[str(n)] = Note(text="x")
            store.journal.end_call()
            store.journal.after_commit(lambda n=n: os.write(1, b"%d\\n" % n))
            n += 1
        await asyncio.sleep(0)
asyncio.run(main())
"""


@pytest.mark.parametrize("mode", ["wal", "fsync"])
def test_a_kill_loses_nothing_acknowledged_and_halves_nothing(tmp_path, mode):
    acknowledged: set[int] = set()
    for life in range(3):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), mode, str(life * 1_000_000)],
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        said = b""
        while said.count(b"\n") < 300 + 100 * life:
            said += os.read(writer.stdout.fileno(), 4096)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        while more := os.read(writer.stdout.fileno(), 65536):
            said += more
        writer.stdout.close()
        acknowledged |= {int(line) for line in said.split(b"\n")[:-1]}

    async def check():
        store = Store(str(tmp_path), Ids(1))
        rows = store.rows("a")
        rows.use(THINGS)
        in_rows = {k for (k,) in rows.all("select k from thing")}
        in_records = {int(key) for (key,) in rows.all("select key from record")}
        await store.journal.settled()
        store.close()
        assert acknowledged <= in_rows
        assert in_rows == in_records

    asyncio.run(check())


@in_loop
async def test_when_the_disk_is_full_nobody_is_told_that_it_succeeded(store):
    failures, told = [], []
    store.journal.on_failure = failures.append
    rows = store.rows("a")
    rows.use(THINGS)
    await store.journal.settled()
    (pages,) = rows.one("pragma page_count")
    rows.all(f"pragma max_page_count = {pages}")  # SQLite's own limit stands for a full disk
    rows.run("insert into thing values (1, 'small')")
    store.journal.after_commit(lambda: told.append("the small one"))
    with pytest.raises(apsw.FullError):
        rows.run("insert into thing values (2, ?)", "x" * 100_000)
    # SQLite has given up the whole transaction, and with it what another call of the tick had written.
    await asyncio.sleep(0.01)
    assert len(failures) == 1
    assert told == []


@in_loop
async def test_a_call_that_fills_the_disk_is_undone_alone_if_it_wrote_alone(store):
    failures = []
    store.journal.on_failure = failures.append
    rows = store.rows("a")
    rows.use(THINGS)
    await store.journal.settled()
    (pages,) = rows.one("pragma page_count")
    rows.all(f"pragma max_page_count = {pages}")
    store.journal.begin_call()
    with pytest.raises(apsw.FullError):
        rows.run("insert into thing values (1, ?)", "x" * 100_000)
    store.journal.undo_call()
    await asyncio.sleep(0.01)
    assert failures == []
    assert not store.journal.is_dirty
    rows.run("insert into thing values (2, 'fits')")
    await store.journal.settled()
    assert rows.all("select k from thing") == [(2,)]


@in_loop
async def test_a_call_that_fills_the_disk_under_anothers_feet_ends_the_region(store):
    failures, told = [], []
    store.journal.on_failure = failures.append
    rows = store.rows("a")
    rows.use(THINGS)
    await store.journal.settled()
    (pages,) = rows.one("pragma page_count")
    rows.all(f"pragma max_page_count = {pages}")
    for k, size in ((1, 1), (2, 100_000)):
        store.journal.begin_call()
        try:
            rows.run("insert into thing values (?, ?)", k, "x" * size)
            store.journal.after_commit(lambda k=k: told.append(k))
            store.journal.end_call()
        except apsw.FullError:
            store.journal.undo_call()
    await asyncio.sleep(0.01)
    assert len(failures) == 1
    assert told == []
