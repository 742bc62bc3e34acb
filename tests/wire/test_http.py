"""The HTTP server over real sockets on loopback: framing, order, streams, ends, and bytes that are no HTTP."""

import asyncio
import contextlib
import socket
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kumoniwa.wire import http
from kumoniwa.wire.message import Disconnected, File, Request, Response


class Server:
    """A server whose application is a coroutine ``answer(request) -> Response``; the paths it saw are kept."""

    def __init__(self, answer) -> None:
        self.answer, self.seen, self.broken, self.tasks, self.connections = answer, [], 0, set(), []

    def application(self, request: Request, reply) -> None:
        self.seen.append(request)
        made = self.answer(request)
        if isinstance(made, Response):
            reply(made)
            return

        async def finish() -> None:
            try:
                reply(await made)
            except Disconnected:
                self.broken += 1
                reply(Response(400))

        task = asyncio.get_running_loop().create_task(finish())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def connection(self) -> http.Connection:
        self.connections.append(http.Connection(self.application, **self.options))
        return self.connections[-1]

    options: dict = {}


def echo(request: Request) -> Response:
    body = f"{request.method} {request.path}?{request.query} ".encode("latin-1") + request.body
    return Response(200, body, {"Content-Type": "text/plain"})


async def streamed(request: Request) -> Response:
    size = 0
    if request.stream is not None:
        async for piece in request.stream:
            size += len(piece)
    return Response(200, b"%d" % (size or len(request.body)))


def talk(answer, conversation, **options):
    """Run ``conversation(reader, writer, server)`` against a fresh server; answers what it answers."""

    async def run():
        server = Server(answer)
        server.options = options
        listening = await asyncio.get_running_loop().create_server(server.connection, "127.0.0.1", 0)
        async with asyncio.timeout(10):
            reader, writer = await asyncio.open_connection(*listening.sockets[0].getsockname(), limit=1 << 24)
            try:
                return await conversation(reader, writer, server)
            finally:
                writer.close()
                listening.close()
                for connection in server.connections:
                    connection.end_now()

    return asyncio.run(run())


async def response(reader, method="GET") -> tuple[int, dict, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
    status = int(head[0].split(" ")[1])
    if method == "HEAD" or status in (100, 204, 304):
        return status, headers, b""
    if headers.get("transfer-encoding") == "chunked":
        body = b""
        while size := int((await reader.readline()).strip(), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readline()
        return status, headers, body
    return status, headers, await reader.readexactly(int(headers["content-length"]))


def exchange(answer, sent: bytes, count: int = 1, **options) -> list[tuple[int, dict, bytes]]:
    async def conversation(reader, writer, server):
        writer.write(sent)
        return [await response(reader) for _ in range(count)]

    return talk(answer, conversation, **options)


def test_a_target_arrives_byte_for_byte():
    target = b"/a%2Fb/%C3%A9//..;x=1/~?q=%20+&empty=&list"
    ((status, _, body),) = exchange(echo, b"GET %b HTTP/1.1\r\nHost: h\r\n\r\n" % target)
    assert (status, body) == (200, b"GET " + target + b" ")


def test_the_absolute_form_of_proxies_means_the_same():
    ((_, _, body),) = exchange(echo, b"GET http://s3.amazonaws.com/a/b?c HTTP/1.1\r\nHost: h\r\n\r\n")
    assert body == b"GET /a/b?c "


def test_repeated_headers_are_joined_and_names_do_not_mind_case():
    seen = {}

    def keep(request):
        seen.update(request.headers)
        return Response(200)

    exchange(keep, b"GET / HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nx-a:  2 \r\nX-Latin: \xe9\r\n\r\n")
    assert (seen["x-a"], seen["x-latin"]) == ("1,2", "\xe9")


@pytest.mark.parametrize("more", [{}, {"X-A": "1"}], ids=["alone", "beside another"])
def test_a_header_with_several_values_is_sent_several_times(more):
    headers = {**more, "Set-Cookie": ["a=1", "b=2"]}

    async def conversation(reader, writer, server):
        writer.write(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        return await reader.readuntil(b"\r\n\r\n")

    lines = talk(lambda request: Response(200, b"", headers), conversation).split(b"\r\n")
    assert [line for line in lines if line.startswith((b"Set-Cookie", b"X-A"))] == [b"X-A: 1"] * len(more) + [b"Set-Cookie: a=1", b"Set-Cookie: b=2"]


def test_a_header_cannot_be_split_by_its_value():
    ((_, headers, _),) = exchange(
        lambda request: Response(200, b"", {"X-A": "1\r\nX-B: 2"}), b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
    )
    assert "x-b" not in headers


def test_pipelined_requests_are_answered_in_order_however_late_each_is():
    async def slow_first(request):
        await asyncio.sleep(0.05 if request.path == "/0" else 0)
        return Response(200, request.path.encode())

    sent = b"".join(b"GET /%d HTTP/1.1\r\nHost: h\r\n\r\n" % n for n in range(50))
    assert [body for _, _, body in exchange(slow_first, sent, 50)] == [b"/%d" % n for n in range(50)]


def test_thousands_of_pipelined_requests_are_no_recursion():
    held = []

    async def first_waits(request):
        held.append(1)
        if len(held) == 1:
            await asyncio.sleep(0.05)
        return Response(200)

    def mixed(request):
        return first_waits(request) if not held else Response(200)

    assert len(exchange(mixed, b"GET / HTTP/1.1\r\n\r\n" * 4000, 4000)) == 4000


def test_a_body_may_come_in_chunks_or_by_length_in_any_pieces():
    async def conversation(reader, writer, server):
        for piece in (
            b"POST / HT",
            b"TP/1.1\r\nTransfer-Enc",
            b"oding: chunked\r\n\r\n3\r\nab",
            b"c\r\n0\r",
            b"\n\r\n",
        ):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.002)
        first = await response(reader)
        writer.write(b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhe")
        await asyncio.sleep(0.002)
        writer.write(b"llo")
        return first[2], (await response(reader))[2]

    assert talk(streamed, conversation) == (b"3", b"5")


def test_expect_100_continue_is_answered_before_the_body_is_sent():
    async def conversation(reader, writer, server):
        writer.write(b"PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert (await response(reader))[0] == 100
        writer.write(b"ok")
        return await response(reader)

    assert talk(echo, conversation)[2] == b"PUT /? ok"


def test_who_is_refused_by_his_head_is_not_told_to_send_a_large_body():
    """As S3 does: https://docs.aws.amazon.com/AmazonS3/latest/developerguide/RESTRedirect.html"""
    head = b"PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" % (3 << 20)

    async def refused(reader, writer, server):
        writer.write(head)
        return (await response(reader))[0]

    assert talk(lambda request: Response(307), refused) == 307

    async def read(reader, writer, server):
        writer.write(head)
        told = (await response(reader))[0]
        writer.write(bytes(3 << 20))
        return told, (await response(reader))[2]

    assert talk(streamed, read) == (100, b"%d" % (3 << 20))


def test_head_says_the_length_and_sends_nothing():
    async def conversation(reader, writer, server):
        writer.write(b"HEAD /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n")
        _, headers, _ = await response(reader, "HEAD")
        return headers["content-length"], (await response(reader))[2]

    assert talk(echo, conversation) == ("9", b"GET /b? ")


@pytest.mark.parametrize(
    ("head", "is_kept"),
    [
        ("HTTP/1.1\r\n", True),
        ("HTTP/1.1\r\nConnection: close\r\n", False),
        ("HTTP/1.0\r\n", False),
        ("HTTP/1.0\r\nConnection: keep-alive\r\n", True),
    ],
)
def test_a_connection_is_kept_as_the_client_wishes(head, is_kept):
    async def conversation(reader, writer, server):
        writer.write(f"GET / {head}\r\n".encode())
        _, headers, _ = await response(reader)
        if is_kept:
            writer.write(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
            await response(reader)
        return headers.get("connection"), await reader.read()

    assert talk(echo, conversation) == (None if is_kept else "close", b"")


def test_requests_behind_a_last_one_are_not_answered():
    async def conversation(reader, writer, server):
        writer.write(b"GET /1 HTTP/1.1\r\nConnection: close\r\n\r\nGET /2 HTTP/1.1\r\n\r\n")
        await response(reader)
        return await reader.read(), [request.path for request in server.seen]

    assert talk(echo, conversation) == (b"", ["/1"])


def test_a_large_body_is_a_stream_that_holds_its_sender_back():
    async def slow(request):
        await asyncio.sleep(0.1)
        held.append(request.stream.held_bytes)
        return await streamed(request)

    held: list[int] = []
    size = 40 << 20

    async def conversation(reader, writer, server):
        writer.write(b"PUT / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % size)
        for _ in range(size >> 20):
            writer.write(bytes(1 << 20))
            await writer.drain()
        return (await response(reader))[2]

    assert talk(slow, conversation) == b"%d" % size
    assert held[0] < 3 << 20


def test_a_slow_reader_holds_the_application_back():
    made = []

    async def pieces():
        for _ in range(150):
            made.append(1)
            yield bytes(100_000)

    async def conversation(reader, writer, server):
        reader._transport.pause_reading()
        writer.write(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        await asyncio.sleep(0.2)
        before = len(made)
        reader._transport.resume_reading()
        return before, len((await response(reader))[2])

    before, size = talk(lambda request: Response(200, pieces()), conversation)
    assert (before < 100, size) == (True, 15_000_000)


def test_a_stretch_of_files_is_sent_by_length(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(name.encode() * 300_000)
    parts = (File(str(tmp_path / "a"), 299_990, 10), File(str(tmp_path / "b"), 0, 300_000))
    (first, second) = exchange(
        lambda request: Response(206, parts), b"GET / HTTP/1.1\r\nHost: h\r\n\r\n" * 2, 2
    )
    assert first[0] == 206
    assert first[2] == second[2] == b"a" * 10 + b"b" * 300_000


def test_a_body_that_nobody_hears_any_more_learns_of_it():
    left = asyncio.Event()

    async def body():
        try:
            while True:
                yield b"x"
                await asyncio.sleep(0)
        finally:
            left.set()

    async def late(request: Request) -> Response:
        await gone.wait()
        return Response(200, body())

    async def conversation(reader, writer, server):
        writer.write(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        while not server.connections or not server.seen:
            await asyncio.sleep(0.01)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
        while not server.connections[0].is_lost:
            await asyncio.sleep(0.01)
        gone.set()
        await left.wait()

    gone = asyncio.Event()
    talk(late, conversation)


def test_a_body_that_breaks_breaks_the_connection(capsys):
    async def pieces():
        yield b"some"
        raise KeyError("oh")

    async def conversation(reader, writer, server):
        writer.write(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            return await reader.read()

    said = talk(lambda request: Response(200, pieces()), conversation)
    assert not (said or b"").endswith(b"0\r\n\r\n")
    assert "KeyError: 'oh'" in capsys.readouterr().err


@pytest.mark.parametrize("is_reset", [False, True])
def test_an_upload_that_is_given_up_ends_its_reader(is_reset):
    async def conversation(reader, writer, server):
        writer.write(b"PUT / HTTP/1.1\r\nContent-Length: 5000000\r\n\r\n" + bytes(100_000))
        await writer.drain()
        await asyncio.sleep(0.02)
        if is_reset:
            writer.transport.abort()
        else:
            writer.write_eof()
        while not server.broken:
            await asyncio.sleep(0.005)
        return len(server.tasks) <= 1

    assert talk(streamed, conversation)


def test_a_refused_upload_hears_the_refusal_although_it_is_still_sending():
    async def conversation(reader, writer, server):
        writer.write(b"PUT / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (8 << 20))
        for _ in range(8):
            writer.write(bytes(1 << 20))
            await writer.drain()
        status, headers, _ = await response(reader)
        return status, headers["connection"], await reader.read()

    assert talk(lambda request: Response(403), conversation) == (403, "close", b"")


def test_a_client_that_closed_its_side_still_gets_its_answers_and_then_the_end():
    async def late(request):
        await asyncio.sleep(0.02)
        return Response(200, request.path.encode())

    async def conversation(reader, writer, server):
        writer.write(b"GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n")
        writer.write_eof()
        return [(await response(reader))[2], (await response(reader))[2], await reader.read()]

    assert talk(late, conversation) == [b"/1", b"/2", b""]


def test_an_upgrade_is_declined_by_answering():
    sent = b"GET /a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n"

    async def conversation(reader, writer, server):
        writer.write(sent)
        return (await response(reader))[2], await reader.read()

    assert talk(echo, conversation) == (b"GET /a? ", b"")


# Bytes that are no HTTP ----------------------------------------------------------------------------


def test_garbage_behind_a_request_does_not_overtake_its_answer():
    async def late(request):
        await asyncio.sleep(0.03)
        return Response(200, b"first")

    async def conversation(reader, writer, server):
        writer.write(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n\0\1garbage\r\n\r\n")
        await asyncio.sleep(0.01)
        writer.write(b"more garbage")
        first, second = await response(reader), await response(reader)
        return first[2], second[0], second[1]["connection"], await reader.read()

    assert talk(late, conversation) == (b"first", 400, "close", b"")


@pytest.mark.parametrize(
    "head",
    [
        b"GET /%b HTTP/1.1\r\n\r\n" % (b"a" * 70_000),
        b"GET / HTTP/1.1\r\nX: %b\r\n\r\n" % (b"a" * 70_000),
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"a" * 200_000,
        b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_a_head_that_is_too_large_or_ambiguous_is_refused(head):
    async def conversation(reader, writer, server):
        writer.write(head)
        status, headers, _ = await response(reader)
        return status in (400, 431), headers["connection"], len(server.seen)

    assert talk(echo, conversation) == (True, "close", 0)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=200),
            st.sampled_from([b"GET / HTTP/1.1\r\n", b"\r\n", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n\r\n", b"0\r\n\r\n",
                             b"POST /x HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", b"Connection: close\r\n", b"Expect: 100-continue\r\n",
                             b"Upgrade: x\r\nConnection: upgrade\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]),
        ),
        max_size=8,
    )
)  # fmt: skip
def test_no_bytes_kill_the_server_or_leave_a_connection_behind(pieces):
    async def run():
        failures = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: failures.append(context))
        server = Server(streamed)
        listening = await asyncio.get_running_loop().create_server(server.connection, "127.0.0.1", 0)
        address = listening.sockets[0].getsockname()
        async with asyncio.timeout(10):
            reader, writer = await asyncio.open_connection(*address)
            with contextlib.suppress(ConnectionError):
                for piece in pieces:
                    writer.write(piece)
                    await asyncio.sleep(0)
                writer.write_eof()
                await reader.read()
            writer.close()
            while not all(connection.is_lost for connection in server.connections):
                await asyncio.sleep(0)
            reader, writer = await asyncio.open_connection(*address)
            writer.write(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
            assert (await response(reader))[0] == 200
            writer.close()
        listening.close()
        for connection in server.connections:
            connection.end_now()
        assert failures == []

    asyncio.run(run())


# Leaving for another process -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"GET /away?q=%2F HTTP/1.1\r\nHost: h\r\n\r\n", b"GET /away?q=%2F HTTP/1.1\r\nhost: h\r\n\r\n"),
        (b"PUT /away HTTP/1.1\r\nContent-Length: 4\r\n\r\nab", b"PUT /away HTTP/1.1\r\ncontent-length: 4\r\n\r\nab"),
        (b"PUT /away HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n", b"PUT /away HTTP/1.1\r\ncontent-length: 4\r\n\r\nabcd"),
        (b"GET /away HTTP/1.1\r\n\r\nGET /away2 HTTP/1.1\r\n\r\n", b"GET /away HTTP/1.1\r\nconnection: close\r\n\r\n"),
    ],
)  # fmt: skip
def test_a_request_that_belongs_elsewhere_leaves_as_it_came(sent, expected):
    left = []

    async def conversation(reader, writer, server):
        writer.write(b"GET /here HTTP/1.1\r\n\r\n")
        first = await response(reader)
        writer.write(sent)
        while not left:
            await asyncio.sleep(0.002)
        return first[2], left[0]

    options = {
        "belongs_elsewhere": lambda request: request.path.startswith("/away"),
        "hand_over": lambda c, r, arrived: left.append(arrived),
    }
    assert talk(echo, conversation, **options) == (b"GET /here? ", expected)


def test_what_arrived_elsewhere_is_served_as_if_it_came_here():
    async def conversation(reader, writer, server):
        writer.write(b"lo")
        return (await response(reader))[2]

    assert (
        talk(echo, conversation, arrived=b"PUT /x HTTP/1.1\r\nContent-Length: 5\r\n\r\nhel")
        == b"PUT /x? hello"
    )


def test_a_connection_goes_on_after_a_large_body_that_arrived_elsewhere():
    async def conversation(reader, writer, server):
        first = await response(reader)
        writer.write(b"GET /next HTTP/1.1\r\n\r\n")
        return first[2], (await response(reader))[0]

    size = 3 << 20
    whole = b"PUT /x HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % size + bytes(size)
    assert talk(streamed, conversation, arrived=whole) == (b"%d" % size, 200)


def test_who_waits_to_be_told_to_go_on_is_told_before_his_request_leaves():
    left = []

    async def conversation(reader, writer, server):
        writer.write(b"PUT /away HTTP/1.1\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n")
        status = (await response(reader))[0]
        writer.write(b"3\r\nabc\r\n0\r\n\r\n")
        while not left:
            await asyncio.sleep(0.005)
        return status

    options = {"belongs_elsewhere": lambda request: True, "hand_over": lambda c, r, arrived: left.append(arrived)}
    assert talk(echo, conversation, **options) == 100
    assert left == [b"PUT /away HTTP/1.1\r\ncontent-length: 3\r\n\r\nabc"]
