"""WebSockets on the HTTP server: handshake, messages, goodbyes, limits, and what is no frame."""

import asyncio
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websocket_client import Broken, WebSocketClient
from wsproto.connection import Connection as Wire
from wsproto.connection import ConnectionType
from wsproto.events import TextMessage

from kumoniwa.kernel.clock import VirtualLoop
from kumoniwa.wire import websocket
from kumoniwa.wire.http import Connection
from kumoniwa.wire.message import Response
from kumoniwa.wire.websocket import Closed, Limits, WebSocket


class Place:
    """A home with a door at which every upgrade is taken, and a client's cloud: one virtual loop."""

    def __init__(self, converse, limits: Limits = Limits(), **accepting) -> None:
        self.loop, self.converse, self.limits, self.accepting = VirtualLoop(), converse, limits, accepting
        self.tasks, self.ended, self.delay_s = [], [], 0.0

    def spawn(self, coroutine):
        self.tasks.append(self.loop.create_task(coroutine))
        return self.tasks[-1]

    def answer(self, request, reply) -> None:
        if not websocket.is_asked(request):
            reply(Response(200, b"plain"))
        elif (flaw := websocket.flaw_of(request)) is not None:
            reply(flaw)
        else:
            made = websocket.accepted(self, request, self._converse, limits=self.limits, **self.accepting)
            self.loop.call_later(self.delay_s, reply, made) if self.delay_s else reply(made)

    async def _converse(self, talking: WebSocket) -> None:
        try:
            await self.converse(talking)
        except Closed as closed:
            self.ended.append((closed.code, closed.reason, closed.is_by_client))
            raise

    def run(self, coroutine):
        return self.loop.run_until_complete(coroutine)

    def connect(self, **more) -> WebSocketClient:
        client = self.run(WebSocketClient.connect(self, self, "/", **more))
        self.clients.append(client)
        return client

    clients: list = []

    def settle(self) -> None:
        async def rest() -> None:
            for task in self.tasks:
                try:
                    await task
                except BaseException as error:
                    self.failure = error

        self.run(rest())


@pytest.fixture
def place():
    made = []

    def make(converse=None, limits: Limits = Limits(), **accepting) -> Place:
        made.append(Place(converse or echo, limits, **accepting))
        made[-1].clients = []
        return made[-1]

    yield make
    for each in made:
        for client in each.clients:
            client.vanish()
        each.settle()
        each.loop.close()


async def echo(talking: WebSocket) -> None:
    while True:
        await talking.send(await talking.receive())


def test_text_and_binary_messages_come_back_as_they_went(place):
    client = place().connect()
    for message in ("雲の庭", b"\x00\xff", "", "x" * 100_000):
        client.send(message)
        assert client.receive() == message


def test_a_message_of_several_frames_arrives_whole(place):
    client = place().connect()
    for piece in ("one ", "two ", ""):
        client.send(piece, is_last=False)
    client.send("three")
    assert client.receive() == "one two three"


def test_a_ping_between_the_frames_of_a_message_is_answered_at_once(place):
    client = place().connect()
    client.send("half", is_last=False)
    assert client.ping() == b"are you there?"
    client.send(" and half")
    assert client.receive() == "half and half"


def test_a_clients_goodbye_is_told_and_answered(place):
    there = place()
    client = there.connect()
    assert client.close(4001, "had enough")[0] == 4001
    there.settle()
    assert there.ended == [(4001, "had enough", True)]


def test_a_client_that_vanishes_is_an_abnormal_end(place):
    there = place()
    there.connect().vanish()
    there.settle()
    assert there.ended == [(1006, "", True)]


@pytest.mark.parametrize("end", ("vanishes", "is cut off"))
def test_a_client_that_was_gone_before_it_was_accepted_ends_as_any_other(place, end):
    there = place()
    there.delay_s = 1.0
    ours, theirs = socket.socketpair()
    connection = Connection(there.answer)
    there.run(there.loop.connect_accepted_socket(lambda: connection, theirs))
    ours.sendall(
        b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    there.run(asyncio.sleep(0.5))
    ours.close() if end == "vanishes" else connection.end_now()
    there.run(asyncio.sleep(1))
    ours.close()
    there.settle()
    assert there.ended == [(1006, "", True)]


def test_what_a_client_says_before_it_is_accepted_is_heard(place):
    early = Wire(ConnectionType.CLIENT).send(TextMessage("too eager"))
    for delay_s in (0.0, 1.0):
        there = place()
        there.delay_s = delay_s
        assert there.connect(early=early).receive() == "too eager"


def test_the_conversations_end_is_the_connections(place):
    async def greet(talking: WebSocket) -> None:
        await talking.send("hello")

    there = place(greet)
    client = there.connect()
    assert client.receive() == "hello"
    assert client.goodbye() == (1000, "")


def test_a_conversation_that_fails_says_so_and_is_not_hidden(place):
    async def fail(talking: WebSocket) -> None:
        raise ValueError("ours")

    there = place(fail)
    client = there.connect()
    assert client.goodbye()[0] == 1011
    there.settle()
    assert str(there.failure) == "ours"


def test_a_cancelled_conversation_breaks_the_connection_without_a_goodbye(place):
    there = place()
    client = there.connect()
    there.run(asyncio.sleep(0))
    there.tasks[0].cancel()
    assert client.is_broken()


def test_frames_and_messages_have_limits(place):
    limits = Limits(frame_bytes=32_768, message_bytes=131_072)
    client = place(limits=limits).connect()
    for _ in range(3):
        client.send("x" * 32_768, is_last=False)
    client.send("x" * 32_768)
    assert len(client.receive()) == 131_072
    client.send("x" * 32_769)
    assert client.goodbye()[0] == 1009
    client = place(limits=limits).connect()
    for _ in range(4):
        client.send(b"x" * 32_768, is_last=False)
    client.send(b"x")
    assert client.goodbye()[0] == 1009


def test_silence_ends_a_connection_and_any_frame_breaks_it(place):
    there = place(limits=Limits(idle_s=600))
    client = there.connect()
    for _ in range(3):
        there.run(asyncio.sleep(599))
        assert client.ping()
    began = there.loop.time()
    assert client.goodbye(700) == (1001, "Going away")
    assert 599 < there.loop.time() - began < 601
    there.settle()
    assert there.ended == [(1001, "Going away", False)]


def test_a_connection_lives_as_long_as_it_may(place):
    there = place(limits=Limits(life_s=7_200))
    client = there.connect()
    assert client.goodbye(8_000) == (1001, "Going away")
    assert 7_199 < there.loop.time() < 7_201


def test_a_client_that_never_answers_a_goodbye_is_cut_off(place):
    async def leave(talking: WebSocket) -> None:
        talking.close(4000, "enough")

    there = place(leave)
    client = there.connect()
    with pytest.raises(Broken) as broken:
        client.receive()
    assert broken.value.args == (4000, "enough")
    assert client.is_broken(within_s=30)


def test_what_is_sent_after_the_end_is_refused(place):
    said = []

    async def talk(talking: WebSocket) -> None:
        try:
            await talking.receive()
        except Closed:
            with pytest.raises(Closed):
                await talking.send("anybody?")
            said.append(talking.is_open)

    there = place(talk)
    there.connect().close()
    there.settle()
    assert said == [False]


def test_a_slow_client_makes_the_sender_wait(place):
    sent = []

    async def flood(talking: WebSocket) -> None:
        for number in range(100):
            await talking.send(b"x" * 100_000)
            sent.append(number)

    there = place(flood)
    client = there.connect()
    there.run(asyncio.sleep(1))
    assert 0 < len(sent) < 100
    for _ in range(100):
        assert len(client.receive()) == 100_000
    assert client.goodbye()[0] == 1000


def test_a_client_that_talks_more_than_is_received_has_to_wait(place):
    held = []

    async def sleepy(talking: WebSocket) -> None:
        await asyncio.sleep(10)
        held.append(talking._held_bytes)
        for _ in range(100):
            await talking.receive()

    there = place(sleepy)
    client = there.connect()
    for _ in range(100):
        client.send(b"x" * 100_000)
    assert client.goodbye(60)[0] == 1000
    assert held[0] < 2 << 20


def test_the_chosen_subprotocol_and_headers_stand_in_the_answer(place):
    client = place(subprotocol="graphql-ws", headers={"x-more": "1"}).connect(
        subprotocols=("other", "graphql-ws")
    )
    assert client.headers["sec-websocket-protocol"] == "graphql-ws"
    assert client.headers["x-more"] == "1"


def test_a_handshake_that_cannot_be_completed_is_refused(place):
    client = place().connect(headers={"Sec-WebSocket-Version": "8"})
    assert (client.status, client.headers["sec-websocket-version"]) == (426, "13")
    assert place().connect(headers={"Sec-WebSocket-Key": ""}).status == 400
    client = place().connect(headers={"Upgrade": "h2c"})
    assert (client.status, client.body) == (200, b"plain")


@given(st.binary(min_size=1, max_size=200))
@settings(max_examples=60, deadline=None)
def test_bytes_that_are_no_frames_end_the_connection_and_break_nothing(garbage):
    there = Place(echo)
    client = there.run(WebSocketClient.connect(there, there, "/"))
    client.write(garbage)
    client.writer.write_eof()

    async def read_to_the_end() -> None:
        await client.reader.read()

    there.run(read_to_the_end())
    client.vanish()
    there.settle()
    assert len(there.ended) == 1
    there.loop.close()


def test_a_frame_that_is_not_masked_or_not_utf_8_is_a_protocol_error(place):
    for frame, code in ((b"\x81\x02hi", 1002), (b"\x81\x82\0\0\0\0\xff\xff", 1007), (b"\xff\x80\0\0\0\0", 1002)):
        there = place()
        client = there.connect()
        client.write(frame)
        assert client.goodbye()[0] == code
        there.settle()
        assert there.ended[0][::2] == (code, False)
