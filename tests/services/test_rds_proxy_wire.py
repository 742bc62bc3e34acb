"""What a proxy says is what the database itself would have said, message by message, whoever else works on the same session."""

import asyncio
import random
import socket
import ssl
import struct

import asyncpg
import pytest
from database_workshop import PASSWORD
from proxy_workshop import Proxies

from kumoniwa.engines.postgresql_proxy import scram
from kumoniwa.engines.postgresql_proxy.messages import fields, message, request, text

pytestmark = pytest.mark.database
ONE = {"MaxConnectionsPercent": 1, "MaxIdleConnectionsPercent": 1}


@pytest.fixture
def proxies(cloud):
    made = Proxies(cloud)
    family = made.rds.describe_db_engine_versions()["DBEngineVersions"][0]["DBParameterGroupFamily"]
    made.rds.create_db_parameter_group(DBParameterGroupName="hundred", DBParameterGroupFamily=family, Description="-")
    made.rds.modify_db_parameter_group(
        DBParameterGroupName="hundred",
        Parameters=[{"ParameterName": "max_connections", "ParameterValue": "100", "ApplyMethod": "pending-reboot"}],
    )
    made.create(DBParameterGroupName="hundred")
    made.make(pool=ONE)
    return made


def _address(proxies):
    spelled = proxies.proxy()["Endpoint"].split(".")[1][-6:]
    return ".".join(["127", *map(str, bytes.fromhex(spelled))])


class Raw:
    """A client that says messages and hears messages."""

    def __init__(self, host, port):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        plain = socket.create_connection((host, port), timeout=60)
        plain.sendall(request((80877103).to_bytes(4, "big")))
        assert plain.recv(1) == b"S"
        self.socket = context.wrap_socket(plain)
        self.file = self.socket.makefile("rb")
        self.say(request((3 << 16).to_bytes(4, "big") + text("user", "keeper", "database", "postgres") + b"\0"))
        self.hear()
        prover = scram.Prover(PASSWORD)
        self.say(message(b"p", text(scram.MECHANISM) + len(prover.first).to_bytes(4, "big") + prover.first))
        self.say(message(b"p", prover.answer(self.hear()[1][4:])))
        self.until_ready()

    def say(self, data):
        self.socket.sendall(data)

    def hear(self):
        kind, size = struct.unpack(">cI", self.file.read(5))
        return kind, self.file.read(size - 4)

    def until_ready(self, times=1):
        """What is heard until so many requests are answered: kinds, and what tells more of some."""
        found = []
        while times:
            kind, body = self.hear()
            told = fields(body)["C"] if kind == b"E" else body if kind in b"ZCTDt" else b""
            if kind not in b"NS":
                found.append((kind, told))
            times -= kind == b"Z"
        return found

    def close(self):
        self.file.close()
        self.socket.close()


def _parse(name, sql):
    return message(b"P", text(name, sql) + bytes(2))


def _bind(name, *values):
    given = b"".join(len(each).to_bytes(4, "big") + each for each in values)
    return message(b"B", text("", name) + bytes(2) + len(values).to_bytes(2, "big") + given + bytes(2))


def _describe(name):
    return message(b"D", b"S" + text(name))


def _close(name):
    return message(b"C", b"S" + text(name))


EXECUTE, SYNC, FLUSH = message(b"E", b"\0" + bytes(4)), message(b"S"), message(b"H")
STATEMENTS = (
    ("select $1::int + 1", 1), ("select 1", 0), ("insert into said values ($1::int)", 1), ("select count(*) from said", 0), ("begin", 0), ("commit", 0),
    ("rollback", 0), ("select 1 / $1::int", 1), ("selec", 0), ("select * from nowhere", 0), ("", 0),
)  # fmt: skip


def _request(chance):
    """One request as drivers make them, and as none does: the messages, and how many answers that they are ready will come."""
    kind = chance.randrange(10)
    if kind == 0:
        return message(b"Q", text("; ".join(chance.choice(STATEMENTS)[0].replace("$1", "0") for _ in range(chance.randrange(1, 3))))), 1
    parts = []
    for _ in range(chance.randrange(1, 4)):
        name, (sql, count) = chance.choice(("", "", "a", "b", "c", "d")), chance.choice(STATEMENTS)
        values = [str(chance.randrange(3)).encode() for _ in range(count if chance.randrange(8) else 1 - count)]
        steps = [_parse(name, sql), _describe(name), _bind(name, *values), EXECUTE, _close(name), FLUSH]
        wanted = chance.choice(((0, 1), (0, 2, 3), (0, 1, 2, 3), (2, 3), (4, 0, 2, 3), (4,), (0, 5, 2, 3), (1,), (4, 4, 0), (0, 2, 3, 2, 3)))
        if not name and 0 not in wanted:
            continue  # what becomes of the one without a name when something fails before it, no driver asks
        parts += [steps[step] for step in wanted]
    syncs = chance.randrange(1, 3)
    return b"".join(parts) + SYNC * syncs, syncs


@pytest.mark.parametrize("seed", range(4))
def test_every_answer_is_the_databases_own(proxies, seed):
    chance = random.Random(seed)
    address, port = _address(proxies), proxies.shown()["Endpoint"]["Port"]
    proxies.ask("create table said (n int)")

    def compare():
        direct, through, other = Raw("127.0.0.1", port), Raw(address, 5_432), Raw(address, 5_432)
        status = b"I"
        for _ in range(60):
            said, answers = _request(chance)
            for client in (direct, through):
                client.say(said)
            expected, found = direct.until_ready(answers), through.until_ready(answers)
            assert found == _same(expected, found, status), said
            status = found[-1][1]
            if status == b"I":  # another works on the very same session
                other.say(_close("a") + _parse("a", "select 7") + _parse("", "select 8") + _bind("") + EXECUTE + SYNC + message(b"Q", text("select 9")))
                assert [told for kind, told in other.until_ready(2) if kind == b"D"] == [b"\0\1\0\0\0\1" + each for each in (b"8", b"9")]
        for client in (direct, through):
            client.say(message(b"Q", text("rollback")))
            client.until_ready()
        for client in (direct, through, other):
            client.close()

    def _same(expected, found, status):
        """Both insert into one table, so counts of rows differ; and why something is refused in a transaction that has failed, for two reasons, is
        told by either."""
        differing = (b"D", b"E") if status == b"E" else (b"D",)
        return [mine if mine[0] == told[0] and mine[0] in differing else told for told, mine in zip(expected, found, strict=True)]

    proxies.meanwhile(compare)


def test_requests_that_come_all_at_once_are_answered_in_order(proxies):
    one = Raw(_address(proxies), 5_432)
    one.say(b"".join(_parse("", f"select {number}") + _bind("") + EXECUTE + SYNC for number in range(50)))
    told = [body for kind, body in one.until_ready(50) if kind == b"D"]
    assert told == [b"\0\1" + len(str(number)).to_bytes(4, "big") + str(number).encode() for number in range(50)]
    one.close()


def test_a_driver_that_keeps_its_statements_prepared_works_as_ever(proxies):
    address = _address(proxies)
    proxies.ask("create table kept (n int primary key, what text)")
    options = {"host": address, "user": "keeper", "password": PASSWORD, "database": "postgres"}

    async def work():
        sessions = await asyncio.gather(*(asyncpg.connect(**options, ssl="require") for _ in range(4)))

        async def use(place, session):
            for number in range(20):
                async with session.transaction():
                    await session.execute("insert into kept values ($1, $2)", place * 100 + number, "x" * 100)
                assert await session.fetchval("select count(*) from kept where n / 100 = $1", place) == number + 1
            with pytest.raises(asyncpg.UniqueViolationError):
                await session.execute("insert into kept values ($1, $2)", place * 100, "again")

        await asyncio.gather(*(use(place, session) for place, session in enumerate(sessions)))
        many = await sessions[0].fetch("select n, repeat('y', 1000) from generate_series(1, 20000) n")
        assert (len(many), many[-1]["n"]) == (20_000, 20_000)
        rows = [(1_000 + number, "copied") for number in range(5_000)]
        assert await sessions[1].copy_records_to_table("kept", records=rows) == "COPY 5000"
        pids = {await session.fetchval("select pg_backend_pid()") for session in sessions}
        for session in sessions:
            await session.close()
        return pids

    assert len(proxies.meanwhile(lambda: asyncio.run(work()))) == 1


@pytest.mark.parametrize("odd", [b"Q\xff\xff\xff\xff", b"Q\0\0\0\0", message(b"y", b"nonsense"), message(b"B", b"nothing"), message(b"P", b"\0")])
def test_what_is_no_message_harms_nobody_else(proxies, odd):
    one, other = Raw(_address(proxies), 5_432), proxies.connect()
    other.ask("create table if not exists unharmed (n int)")
    one.say(odd + SYNC)
    one.socket.settimeout(20)
    try:
        while one.hear()[0] != b"Z":
            pass
    except (OSError, struct.error):
        pass  # it was shut out
    one.close()
    assert other.ask("select count(*) from unharmed") == [(0,)] and proxies.connect().ask("select 1") == [(1,)]


def test_who_leaves_at_any_moment_harms_nobody_else(proxies):
    address, other = _address(proxies), proxies.connect()
    for said in (b"", b"Q", message(b"Q", text("select pg_sleep(60)")), _parse("", "select 1"), _parse("a", "select 1") + _bind("a") + FLUSH):
        one = Raw(address, 5_432)
        one.say(said)
        one.close()
        assert other.ask("select 1") == [(1,)]
    sleeping = "select count(*) from pg_stat_activity where query = 'select pg_sleep(60)' and state = 'active'"
    proxies._until(lambda: proxies.ask(sleeping), lambda found: found == [(0,)])  # nobody waits for its answer
