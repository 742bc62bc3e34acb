"""What a proxy of MariaDB does with whatever is said to it: packets of any length and number, statements that were prepared, hostile handshakes."""

import contextlib
import random
import socket

import pymysql
import pytest
from database_workshop import PASSWORD
from maria_proxy_workshop import MariaProxies

from kumoniwa.engines.mariadb_proxy import messages, passwords
from kumoniwa.engines.mariadb_proxy.messages import packet

pytestmark = pytest.mark.mariadb
ONE = {"MaxConnectionsPercent": 1, "MaxIdleConnectionsPercent": 1}


@pytest.fixture
def proxies(cloud):
    made = MariaProxies(cloud)
    made.hundred()
    made.make(pool=ONE, auth={"ClientPasswordAuthType": "MYSQL_NATIVE_PASSWORD"})
    return made


class Raw:
    """A client that says packets and hears packets."""

    def __init__(self, proxies, is_in=True):
        self.proxies = proxies
        self.socket = socket.create_connection((proxies.address(), 3_306), timeout=60)
        self.file = self.socket.makefile("rb")
        _, greeting = self.hear()
        self.nonce = messages.greeted(greeting)[1]
        if is_in:
            self.say(messages.answer(messages.MULTI_RESULTS, 45, "keeper", passwords.native(PASSWORD, self.nonce), "shop"))
            assert self.hear()[1][:1] == b"\0"

    def say(self, data):
        self.socket.sendall(data)

    def hear(self):
        """The number and the body of the next packet."""
        def read():
            head = self.file.read(4)
            return (head[3], self.file.read(int.from_bytes(head[:3], "little"))) if len(head) == 4 else (0, b"")
        return self.proxies.meanwhile(read)

    def asked(self, sql):
        """Of the first row its first value."""
        self.say(packet(0, b"\x03" + sql.encode()))
        rows = [self.hear()[1] for _ in range(5)]
        return rows[3][1 : 1 + rows[3][0]]

    def close(self):
        self.file.close()
        self.socket.close()


def _is_shut_out(one):
    """Whether it hears an error at most, and then the end."""
    with contextlib.suppress(ConnectionResetError):
        while body := one.hear()[1]:
            assert body[:1] == b"\xff"
    return True


def _login(proxies, **said):
    one = Raw(proxies, is_in=False)
    return one, messages.answer(0, 45, said.get("user", "keeper"), passwords.native(PASSWORD, one.nonce), "shop")


NO_HANDSHAKES = (
    b"\0\0\0\1", b"\x01\0\0\1x", packet(1, bytes(31)), packet(1, bytes(40)), packet(1, b"\xff" * 9_000), b"\xff\xff\xff\1" + bytes(64), b"GET / HTTP/1.1\r\n\r\n",
    packet(1, (messages.OFFERED).to_bytes(4, "little") + bytes(28) + b"keeper\0\xfe\xff\xff\xff\xff\xff\xff\xff\xff"),
    packet(1, (messages.OFFERED & ~messages.TLS).to_bytes(4, "little") + bytes(28) + b"no end of a name"),
    packet(1, (messages.OFFERED).to_bytes(4, "little") + bytes(28)) + b"this is no TLS at all",
    packet(1, (messages.PROTOCOL_41 | messages.SECURE).to_bytes(4, "little") + bytes(28) + b"\xff\xfe\0\0"),
)  # fmt: skip


def test_a_handshake_that_is_none_is_shut_out_and_harms_nobody_else(proxies):
    other = proxies.connect()
    for said in NO_HANDSHAKES:
        one = Raw(proxies, is_in=False)
        one.say(said)
        with contextlib.suppress(OSError):
            one.socket.shutdown(socket.SHUT_WR)
        assert _is_shut_out(one), said
        assert other.ask("select 1") == [(1,)]
        one.close()


def test_a_client_that_stops_in_the_midst_of_coming_in_harms_nobody_else(proxies):
    one, answer = _login(proxies)
    for end in (1, 3, 4, 5, 36, len(answer) - 1):
        each, answer = _login(proxies)
        each.say(answer[:end])
        each.close()
    one.close()
    assert proxies.connect().ask("select 1") == [(1,)]


OUT_OF_ORDER = (
    packet(0, b""), packet(7, b"\x03select 1"), packet(255, b"\x03select 1"),
    packet(0, b"\x03" + b" " * (messages.LONGEST - 1)) + packet(3, b"select 1"),
)  # fmt: skip


def test_packets_out_of_order_end_their_client_alone(proxies):
    other = proxies.connect()
    for said in OUT_OF_ORDER:
        one = Raw(proxies)
        one.say(said)
        heard = one.hear()[1]
        assert (heard[0], int.from_bytes(heard[1:3], "little")) == (0xFF, 1156) and _is_shut_out(one)
        assert other.ask("select 1") == [(1,)]
        one.close()


def test_commands_that_no_proxy_knows_are_refused_and_the_client_stays(proxies):
    # COM_CHANGE_USER, replication, shutting the server down and what nobody has thought of yet.
    one = Raw(proxies)
    for kind in (0, 5, 8, 0x0A, 0x0B, 0x0D, 0x11, 0x12, 0x15, 0x1D, 0x80, 0xFA, 0xFF):
        one.say(packet(0, bytes([kind]) + b"nonsense"))
        number, heard = one.hear()
        assert (number, int.from_bytes(heard[1:3], "little")) == (1, 1047)
    assert one.asked("select 6") == b"6"


def test_a_statement_in_pieces_and_several_in_one_are_answered_in_their_order(proxies):
    one, other, chance = Raw(proxies), proxies.connect(), random.Random(5)
    said = b"".join(packet(0, b"\x03" + f"select {number}".encode()) for number in range(50)) + packet(0, b"\x0e")
    place = 0
    while place < len(said):
        size = chance.randrange(1, 90)
        one.say(said[place : place + size])
        place += size
    for number in range(50):
        rows = [one.hear()[1] for _ in range(5)]
        assert rows[3][1:] == str(number).encode()
    assert one.hear()[1][:1] == b"\0"
    assert other.ask("select 1") == [(1,)]


def test_a_statement_of_more_than_a_packet_is_one(proxies):
    proxies.say("hundred", "max_allowed_packet", "67108864")
    proxies.rds.reboot_db_instance(DBInstanceIdentifier="orders")
    proxies.until("available")
    proxies.until_health("AVAILABLE")
    one, other = proxies.connect(), proxies.connect()
    for size in (messages.LONGEST - 25, messages.LONGEST, messages.LONGEST + 7, 2 * messages.LONGEST):
        assert one.ask("select length(%s)", "x" * size) == [(size,)]
    found = one.ask("select repeat('y', 20000000), 7")
    assert len(found[0][0]) == 20_000_000 and found[0][1] == 7
    one.close()
    assert other.ask("select 1") == [(1,)]


def test_statements_that_were_prepared_keep_their_session_until_their_client_goes(proxies):
    # "Prepared statements cause the proxy to pin the session": https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy-pinning.html
    one = Raw(proxies)
    one.say(packet(0, b"\x16select ? + 1, 'a'"))
    first = one.hear()[1]
    assert first[0] == 0 and int.from_bytes(first[5:7], "little") == 2 and int.from_bytes(first[7:9], "little") == 1
    for _ in range(5):  # a parameter, two columns, and an end of each
        one.hear()
    statement = first[1:5]
    for number in (5, 6):
        one.say(packet(0, b"\x17" + statement + b"\0" + b"\1\0\0\0" + b"\0\1" + b"\x08\0" + number.to_bytes(8, "little")))
        rows = [one.hear()[1] for _ in range(6)]
        assert rows[4][0] == 0 and int.from_bytes(rows[4][2:10], "little") == number + 1
    one.say(packet(0, b"\x19" + statement) + packet(0, b"\x16select"))
    assert one.hear()[1][0] == 0xFF
    assert one.asked("select 3") == b"3"
    proxies.rds.modify_db_proxy_target_group(DBProxyName="pool", TargetGroupName="default", ConnectionPoolConfig={**ONE, "ConnectionBorrowTimeout": 0})
    address = proxies.address()

    def met():
        return proxies.meanwhile(lambda: _met(address))

    proxies._until(met, lambda found: found == 9501)
    one.close()
    proxies._until(met, lambda found: found == 0)


def _met(address):
    """The number of the error that a client meets; 0 if none."""
    try:
        with pymysql.connect(user="keeper", password=PASSWORD, host=address, port=3_306, database="shop") as session, session.cursor() as cursor:
            cursor.execute("select 1")
        return 0
    except pymysql.MySQLError as error:
        return error.args[0]


def test_who_leaves_at_any_moment_harms_nobody_else(proxies):
    other = proxies.connect()
    for said in (b"", b"\x08", packet(0, b"\x03select sleep(600)"), packet(0, b"\x16select ?"), b"\xff\xff\xff\0\x03" + b"x" * 30_000):
        one = Raw(proxies)
        one.say(said)
        one.close()
        assert other.ask("select 1") == [(1,)]


def test_a_client_that_asks_to_be_as_at_first_is(proxies):
    one = proxies.connect()
    one.ask("set @mine = 5, time_zone = '+05:00'")
    one.ask("begin")
    one.session._execute_command(messages.RESET, b"")
    proxies.meanwhile(one.session._read_ok_packet)
    assert one.ask("select @mine, @@time_zone, database()") == [(None, "+00:00", "shop")]
    assert proxies.connect().ask("select 1") == [(1,)]
