"""Sessions whose end is under way while they are lent: clients that were idle as their database went notice nothing.

"Open connections from idle clients are kept" through failovers: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy.howitworks.html
"""

import os
import signal
import threading
from pathlib import Path

import pytest
from proxy_workshop import Proxies

from kumoniwa.engines.postgresql_proxy.messages import message, text

pytestmark = pytest.mark.database


@pytest.fixture
def proxies(cloud):
    made = Proxies(cloud)
    made.create()
    made.make()
    return made


class _Held:
    """A process that stands still meanwhile."""

    def __init__(self, pid):
        self.pid = pid

    def __enter__(self):
        os.kill(self.pid, signal.SIGSTOP)
        return self

    def __exit__(self, *_):
        os.kill(self.pid, signal.SIGCONT)


def _begun(act):
    """``act`` in a thread, and what it answers there."""
    found = []
    thread = threading.Thread(target=lambda: found.append(act()))
    thread.start()
    return thread, found


def _ended(proxies, thread):
    proxies.meanwhile(thread.join)


def _asked(one, statement):
    cursor = one.session.cursor()
    cursor.execute(statement)
    return cursor.fetchall() if cursor.description else []


def _backend(proxies):
    """The process of the one session that the proxy has, by the number that it has outside the server's namespace, as soon as all others are gone."""
    return proxies._until(lambda: _backends(proxies), lambda found: len(found) == 1)[0]


def _backends(proxies):
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if (entry / "cmdline").read_bytes().startswith(b"postgres: keeper postgres [local]"):
                    found.append((entry, str((entry / "cwd").readlink())))
            except OSError:
                continue
    return [int(entry.name) for entry, folder in found if folder.startswith(proxies.cloud.folder)]


def _switches(pid):
    """How often a process has gone to sleep."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("\nvoluntary_ctxt_switches:")[2].split()[0])


def test_a_session_whose_end_nobody_has_read_yet_is_lent_to_nobody(proxies):
    one = proxies.connect(ssl_context=False)
    one.ask("select 1")
    with proxies.session() as direct, _Held(proxies.process()):
        thread, found = _begun(lambda: _asked(one, "select 7"))
        _until_sent(proxies.address())
        direct.ask("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'keeper' and pid <> pg_backend_pid()")
        while direct.ask("select count(*) from pg_stat_activity where usename = 'keeper' and pid <> pg_backend_pid()") != [(0,)]:
            pass
    _ended(proxies, thread)
    assert [list(row) for row in found[0]] == [[7]] and one.ask("select 8") == [(8,)]


def _until_sent(address):
    """What a client said lies unread in a socket of the proxy's."""
    spelled = bytes(map(int, reversed(address.split(".")))).hex().upper()
    while not any(
        words[1] == f"{spelled}:1538" and words[3] == "01" and int(words[4].partition(":")[2], 16)
        for words in map(str.split, Path("/proc/net/tcp").read_text().splitlines())
    ):
        pass


def test_what_a_database_never_read_is_said_to_its_next_life_once(proxies):
    proxies.ask("create table said (n int)")
    one = proxies.connect(ssl_context=False)
    one.ask("select 1")
    backend, proxy = _backend(proxies), proxies.process()
    os.kill(backend, signal.SIGSTOP)
    before = _switches(proxy)
    thread, _ = _begun(lambda: _asked(one, "insert into said values (1)"))
    while _switches(proxy) == before:
        pass  # it has not passed it on yet
    os.kill(backend, signal.SIGKILL)  # with which all sessions of the server end, and it begins anew
    _ended(proxies, thread)
    assert one.ask("select count(*) from said") == [(1,)]
    other = proxies.connect()
    assert other.ask("select count(*) from said") == [(1,)]


def test_who_was_heard_ends_with_his_session_and_is_said_nothing_twice(proxies):
    proxies.ask("create table said (n int)")
    proxies.ask("create procedure twice() language plpgsql as 'begin insert into said values (1); commit; perform pg_sleep(600); end'")
    one = proxies.connect(ssl_context=False)
    client = one.session._usock
    client.sendall(message(b"Q", text("call twice()")))
    proxies._until(lambda: proxies.ask("select count(*) from said"), lambda counted: counted == [(1,)])
    proxies.ask("select pg_terminate_backend(pid) from pg_stat_activity where query = 'call twice()'")
    heard = bytearray()
    while data := proxies.meanwhile(lambda: client.recv(4_096)):
        heard += data
    assert heard[:1] == b"E" and b"terminating connection due to administrator command" in heard
    assert proxies.connect().ask("select count(*) from said") == [(1,)]
