"""HTTP/2 on the one port, for clients that speak nothing else: prior knowledge in plain, and what TLS agrees on."""

from __future__ import annotations

import collections
import contextlib
import hashlib
import http.client
import json
import os
import socket
import ssl
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud.conftest import eventually
from cloud.test_processes import answer, is_silent, request

pytest.importorskip("h2", reason="the extra http2")

from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    InformationalResponseReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
)
from h2.exceptions import ProtocolError
from hyperframe.frame import GoAwayFrame

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
EMPTY_SETTINGS = b"\0\0\0\4\0\0\0\0\0"
WINDOW_BYTES = 65_535
"""Of a client that asks for no other."""
OURS_BYTES = 1 << 18
LARGE = os.urandom(3_000_000)


@dataclass
class Answer:
    status: int = 0
    is_told_to_go_on: bool = False
    headers: dict[bytes, bytes] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    is_whole: bool = False
    reset: int | None = None


class Client:
    """A client of HTTP/2. ``slow`` streams are those whose answers it does not read."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection, self.frames = connection, H2Connection()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.answers: dict[int, Answer] = collections.defaultdict(Answer)
        self.slow: set[int] = set()
        self.farewell: ConnectionTerminated | None = None
        self.frames.initiate_connection()
        self.send()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def send(self) -> None:
        self.connection.sendall(self.frames.data_to_send())

    def begin(self, method: str, path: str, region: str = "us-east-1", service: str = "s3", is_whole: bool = False, **headers: str) -> int:
        stream = self.frames.get_next_available_stream_id()
        scope = f"AWS4-HMAC-SHA256 Credential=test/20300101/{region}/{service}/aws4_request, SignedHeaders=host, Signature=00"
        fields = {":method": method, ":path": path, ":scheme": "http", ":authority": "localhost", "authorization": scope}
        fields |= {"x-amz-date": "20300101T000000Z", "x-amz-content-sha256": "UNSIGNED-PAYLOAD"}
        self.frames.send_headers(stream, [*fields.items(), *((name.replace("_", "-"), value) for name, value in headers.items())], is_whole)
        self.send()
        return stream

    def say(self, stream: int, body: bytes, is_whole: bool = True) -> None:
        """Send a body as the server makes room for it."""
        while body and not self.is_answered(stream):
            room = min(self.frames.local_flow_control_window(stream), self.frames.max_outbound_frame_size, len(body))
            if room:
                self.frames.send_data(stream, body[:room])
                self.send()
                body = body[room:]
            else:
                self.hear()
        if is_whole and not self.is_answered(stream):
            self.frames.end_stream(stream)
            self.send()

    def hear(self) -> None:
        received = self.connection.recv(1 << 18)
        if not received:
            raise ConnectionError("closed")
        events = self.frames.receive_data(received)
        ended = {event.stream_id for event in events if isinstance(event, StreamEnded | StreamReset)}
        for event in events:
            at = self.answers[getattr(event, "stream_id", None)]
            match event:
                case InformationalResponseReceived():
                    at.is_told_to_go_on = dict(event.headers)[b":status"] == b"100"
                case ResponseReceived():
                    at.headers = dict(event.headers)
                    at.status = int(at.headers[b":status"])
                case DataReceived():
                    at.body += event.data
                    if event.flow_controlled_length:
                        self.frames.increment_flow_control_window(event.flow_controlled_length)
                        if event.stream_id not in self.slow | ended:
                            self.frames.increment_flow_control_window(event.flow_controlled_length, event.stream_id)
                case StreamEnded():
                    at.is_whole = True
                case StreamReset():
                    at.reset = event.error_code
                case ConnectionTerminated():
                    self.farewell = event
        with contextlib.suppress(OSError):
            self.send()

    def is_answered(self, stream: int) -> bool:
        return self.answers[stream].is_whole or self.answers[stream].reset is not None

    def answer(self, stream: int) -> Answer:
        while not self.is_answered(stream):
            self.hear()
        return self.answers[stream]

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        return self.answer(self.begin_all(method, path, body, **headers))

    def begin_all(self, method: str, path: str, body: bytes = b"", **headers: str) -> int:
        stream = self.begin(method, path, is_whole=not body, **headers)
        if body:
            self.say(stream, body)
        return stream

    def queues(self, region: str = "us-east-1") -> int:
        """Begin to list a region's queues."""
        said = {"region": region, "service": "sqs", "x_amz_target": "AmazonSQS.ListQueues", "content_type": "application/x-amz-json-1.0"}
        return self.begin_all("POST", "/", b"{}", **said)

    def until_farewell(self) -> ConnectionTerminated:
        while self.farewell is None:
            self.hear()
        return self.farewell


@pytest.fixture
def client(shared):
    with Client(shared.socket()) as made:
        yield made


@pytest.fixture(scope="module")
def bucket(shared):
    s3 = shared.client("s3")
    s3.create_bucket(Bucket="streams")
    s3.put_object(Bucket="streams", Key="large", Body=LARGE)
    return "/streams"


def test_streams_to_several_regions_are_answered_at_once(client):
    streams = [client.queues(region) for region in ("us-east-1", "eu-west-1") * 45]
    answers = [client.answer(stream) for stream in streams]
    assert [(each.status, bytes(each.body)) for each in answers] == [(200, b"{}")] * 90
    assert answers[0].headers[b"content-type"] == b"application/x-amz-json-1.0" and b"connection" not in answers[0].headers


def test_bodies_larger_than_a_window_go_both_ways(client, bucket):
    assert len(LARGE) > 10 * OURS_BYTES > 10 * WINDOW_BYTES
    put = client.ask("PUT", f"{bucket}/put", LARGE, content_length=str(len(LARGE)))
    assert (put.status, put.reset) == (200, None)
    assert client.ask("GET", f"{bucket}/put").body == LARGE


def test_a_body_of_no_length_is_read_to_its_end(shared, client):
    queue = shared.client("sqs").create_queue(QueueName="lengthy")["QueueUrl"]
    said = json.dumps({"QueueUrl": queue, "MessageBody": "x" * 2 * OURS_BYTES})
    headers = {"x_amz_target": "AmazonSQS.SendMessage", "content_type": "application/x-amz-json-1.0"}
    sent = client.ask("POST", "/", said.encode(), service="sqs", **headers)
    assert (sent.status, json.loads(sent.body)["MD5OfMessageBody"]) == (200, hashlib.md5(b"x" * 2 * OURS_BYTES).hexdigest())


def test_what_is_refused_is_not_read_to_its_end(client, bucket):
    put = client.ask("PUT", f"{bucket}/put", LARGE)
    assert (put.status, put.reset) == (411, ErrorCodes.NO_ERROR) and b"MissingContentLength" in put.body
    assert client.answer(client.queues()).status == 200


def test_an_answer_that_is_not_read_stops_no_other(client, bucket):
    slow = client.begin("GET", f"{bucket}/large", is_whole=True)
    client.slow.add(slow)
    for _ in range(3):
        assert client.ask("GET", f"{bucket}/large").body == LARGE
    assert len(client.answers[slow].body) == WINDOW_BYTES
    client.slow.clear()
    client.frames.increment_flow_control_window(WINDOW_BYTES, slow)
    client.send()
    assert client.answer(slow).body == LARGE


def test_a_client_that_reads_nothing_is_waited_for(shared, bucket):
    with Client(shared.socket()) as client:
        for stream in [client.begin("GET", f"{bucket}/large", is_whole=True) for _ in range(8)]:
            client.frames.increment_flow_control_window(1 << 30, stream)
        client.frames.increment_flow_control_window(1 << 30)
        client.send()
        with Client(shared.socket()) as other:
            assert other.answer(other.queues()).status == 200
        assert [client.answer(stream).body == LARGE for stream in range(1, 17, 2)] == [True] * 8


def test_what_has_no_body_has_none(client, bucket):
    head = client.ask("HEAD", f"{bucket}/large")
    assert (head.status, head.headers[b"content-length"], bytes(head.body)) == (200, b"3000000", b"")
    assert client.ask("DELETE", f"{bucket}/nothing").status == 204


def test_a_client_that_waits_is_told_to_go_on(client, bucket):
    stream = client.begin("PUT", f"{bucket}/expected", content_length="2", expect="100-continue")
    while not client.answers[stream].is_told_to_go_on:
        client.hear()
    client.say(stream, b"ok")
    assert client.answer(stream).status == 200


def test_the_authority_is_the_host_and_cookies_are_one(shared, client):
    shared.client("s3").create_bucket(Bucket="hosted")
    shared.client("s3").put_object(Bucket="hosted", Key="k", Body=b"by its name")
    stream = client.frames.get_next_available_stream_id()
    scope = "AWS4-HMAC-SHA256 Credential=test/20300101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=00"
    fields = [(":method", "GET"), (":path", "/k"), (":scheme", "http"), (":authority", "hosted.s3.localhost"), ("authorization", scope)]
    client.frames.send_headers(stream, [*fields, ("x-amz-date", "20300101T000000Z"), ("cookie", "a=1"), ("cookie", "b=2")], True)
    client.send()
    assert client.answer(stream).body == b"by its name"


def test_the_admin_door_answers_too(client):
    assert client.ask("GET", "/_kumoniwa/health").headers[b"content-type"] == b"application/json"


# What breaks --------------------------------------------------------------------------------------------------------


def test_a_dark_region_is_silent_on_its_streams_alone(shared, client, bucket):
    assert client.answer(client.queues("eu-west-1")).status == 200
    under_way = client.begin("PUT", f"{bucket}/under-way", content_length="1000")
    assert eventually(lambda: shared.regions()["us-east-1"]["connections"] == 1)
    shared.region("us-east-1", "kill")
    client.say(under_way, b"x" * 1000)
    waiting, said_bytes = client.begin("PUT", f"{bucket}/waiting", content_length=str(len(LARGE))), 0
    while room := min(client.frames.local_flow_control_window(waiting), len(LARGE) - said_bytes):
        client.say(waiting, LARGE[said_bytes : said_bytes + room], is_whole=False)
        said_bytes += room
        # Its answer comes after all the room that was made for what was said before.
        assert client.answer(client.queues("eu-west-1")).status == 200
    # Nobody reads this body: it fills what stands between here and the region, and its own window alone.
    assert said_bytes < len(LARGE) / 2 and client.frames.outbound_flow_control_window > 0
    assert client.answer(client.queues("eu-west-1")).status == 200
    assert client.answers[under_way] == client.answers[waiting] == Answer() and is_silent(client.connection)
    shared.region("us-east-1", "restart")
    # As connections do: those that it had are gone, those that came since are heard.
    assert client.answer(under_way).reset == ErrorCodes.INTERNAL_ERROR
    client.say(waiting, LARGE[said_bytes:])
    assert client.answer(waiting).status == 200


def test_a_region_that_refuses_resets_its_streams(shared, client):
    assert client.answer(client.queues()).status == 200
    status, fault = shared.admin("POST", "faults", {"fault": "region.kill", "target": {"region": "us-east-1"}, "loss": "reset"})
    assert status == 201, fault
    assert client.answer(client.queues()).reset == ErrorCodes.INTERNAL_ERROR
    assert client.answer(client.queues("eu-west-1")).status == 200
    shared.admin("DELETE", "faults")
    assert client.answer(client.queues()).status == 200


def test_a_stream_that_is_reset_leaves_the_others(shared, client, bucket):
    half = client.begin("PUT", f"{bucket}/half", content_length="1000")
    client.say(half, b"x" * 500, is_whole=False)
    unread = client.begin("GET", f"{bucket}/large", is_whole=True)
    client.slow.add(unread)
    while len(client.answers[unread].body) < WINDOW_BYTES:
        client.hear()
    # In the same breath: there is room again, and nobody is answered in it.
    client.frames.increment_flow_control_window(1)
    client.frames.reset_stream(half, ErrorCodes.CANCEL)
    client.frames.reset_stream(unread, ErrorCodes.CANCEL)
    client.send()
    assert client.answer(client.queues()).status == 200
    assert eventually(lambda: shared.regions()["us-east-1"]["connections"] == 0)
    assert client.ask("HEAD", f"{bucket}/half").status == 404


def test_a_client_that_leaves_leaves_nothing_behind(shared, bucket):
    with Client(shared.socket()) as client:
        client.say(client.begin("PUT", f"{bucket}/half", content_length="1000"), b"x" * 500, is_whole=False)
        client.slow.add(client.begin("GET", f"{bucket}/large", is_whole=True))
        client.hear()
    assert eventually(lambda: shared.regions()["us-east-1"]["connections"] == 0)


def test_a_client_that_opens_no_more_streams_is_answered_those_it_has(client):
    # RFC 9113, 6.8. AWS's SDK for JavaScript closes its sessions so.
    stream = client.begin("POST", "/", service="sqs", x_amz_target="AmazonSQS.ListQueues", content_type="application/x-amz-json-1.0")
    client.connection.sendall(GoAwayFrame(0).serialize())
    client.say(stream, b"{}")
    assert client.answer(stream).status == 200


@pytest.mark.parametrize("said", [PREFACE[:18] + b"XX\r\n\r\n", PREFACE + b"\0\0\1\0\0\0\0\0\1x", PREFACE + b"\0\0\1\6\0\0\0\0\0x"])
def test_what_is_no_http_2_ends_with_a_farewell(shared, said):
    with shared.socket() as connection:
        connection.sendall(said)
        heard = b""
        while piece := connection.recv(65536):
            heard += piece
        # A frame of GOAWAY: no stream was answered, and the code is not that of a quiet end.
        assert b"\x07\0\0\0\0\0" + bytes(7) in heard and not heard.endswith(bytes(4))
    with Client(shared.socket()) as client:
        assert client.answer(client.queues()).status == 200


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.integers(0, 12), st.sampled_from([0, 1, 4, 5, 255]), st.integers(0, 5), st.binary(max_size=40)).map(
            lambda f: len(f[3]).to_bytes(3) + bytes(f[:2]) + f[2].to_bytes(4) + f[3]
        ),
        max_size=6,
    )
)
def test_frames_that_make_no_sense_end_their_connection_alone(shared, frames):
    with shared.socket() as connection, contextlib.suppress(ConnectionError):
        connection.sendall(PREFACE + EMPTY_SETTINGS + b"".join(frames))
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass
    with shared.socket() as connection:
        connection.sendall(request())
        assert answer(connection)[0] == 200


def test_headers_without_end_are_refused(client):
    client.frames.config.validate_outbound_headers = False
    client.begin("GET", "/", x_long="x" * 40_000, x_longer="y" * 40_000)
    assert client.until_farewell().error_code == ErrorCodes.ENHANCE_YOUR_CALM


@pytest.mark.parametrize("smuggled", [{"x_a": "1\r\ntransfer-encoding: chunked"}, {"transfer_encoding": "chunked"}])
def test_no_header_becomes_another_request(shared, smuggled):
    with Client(shared.socket()) as client:
        client.frames.config.validate_outbound_headers = client.frames.config.normalize_outbound_headers = False
        client.begin("POST", "/", is_whole=True, **smuggled)
        assert client.until_farewell().error_code == ErrorCodes.PROTOCOL_ERROR


def test_a_body_that_does_not_come_is_not_waited_for(client):
    # RFC 9113, 8.1.1: such a request is malformed.
    assert client.answer(client.begin("POST", "/", is_whole=True, content_length="7")).reset == ErrorCodes.PROTOCOL_ERROR
    assert client.answer(client.queues()).status == 200


def test_no_stream_is_a_tunnel(client):
    stream = client.frames.get_next_available_stream_id()
    client.frames.config.validate_outbound_headers = False
    client.frames.send_headers(stream, [(":method", "CONNECT"), (":authority", "sqs.us-east-1.amazonaws.com:443")])
    with contextlib.suppress(ProtocolError):
        client.send()
    assert client.answer(stream).reset == ErrorCodes.HTTP_1_1_REQUIRED


def test_a_cloud_that_ends_says_so(up):
    cloud = up()
    with Client(cloud.socket()) as client:
        assert client.answer(client.queues()).status == 200
        assert cloud.stop() == 0
        assert client.until_farewell().error_code == ErrorCodes.NO_ERROR


def test_without_the_extra_it_is_named(up, tmp_path, monkeypatch):
    (tmp_path / "h2.py").write_text("raise ModuleNotFoundError('no h2', name='h2')")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}")
    cloud = up()
    with Client(cloud.socket()) as client:
        farewell = client.until_farewell()
    assert (farewell.error_code, farewell.additional_data) == (
        ErrorCodes.HTTP_1_1_REQUIRED, b"HTTP/2 needs h2: pip install 'kumoniwa[http2]'.",
    )  # fmt: skip


# Over TLS -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def trust(shared, tmp_path):
    connection = http.client.HTTPConnection("127.0.0.1", shared.port, timeout=20)
    connection.request("GET", "/_kumoniwa/ca.pem")
    (tmp_path / "ca.pem").write_bytes(connection.getresponse().read())
    connection.close()
    return ssl.create_default_context(cafile=tmp_path / "ca.pem")


def test_a_client_that_offers_nothing_else_in_tls_speaks_http_2(shared, trust, bucket):
    trust.set_alpn_protocols(["h2"])
    with Client(trust.wrap_socket(shared.socket(), server_hostname="localhost")) as client:
        assert client.connection.selected_alpn_protocol() == "h2"
        assert [client.answer(stream).status for stream in [client.queues(), client.queues("eu-west-1")]] == [200, 200]
        assert client.ask("PUT", f"{bucket}/tls", LARGE, content_length=str(len(LARGE))).status == 200
        assert client.ask("GET", f"{bucket}/tls").body == LARGE


def test_policies_see_that_streams_came_in_tls(shared, trust, bucket):
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::veiled/*"}
    deny["Condition"] = {"Bool": {"aws:SecureTransport": "false"}}
    s3 = shared.client("s3")
    s3.create_bucket(Bucket="veiled")
    s3.put_object(Bucket="veiled", Key="k", Body=b"seen")
    s3.put_bucket_policy(Bucket="veiled", Policy=json.dumps({"Version": "2012-10-17", "Statement": deny}))
    trust.set_alpn_protocols(["h2"])
    with Client(trust.wrap_socket(shared.socket(), server_hostname="localhost")) as client:
        assert client.ask("GET", "/veiled/k").body == b"seen"
    with Client(shared.socket()) as client:
        assert client.ask("GET", "/veiled/k").status == 403


def test_a_client_that_has_the_choice_speaks_http_1(shared, trust):
    trust.set_alpn_protocols(["h2", "http/1.1"])
    with trust.wrap_socket(shared.socket(), server_hostname="localhost") as connection:
        assert connection.selected_alpn_protocol() == "http/1.1"
        connection.sendall(request())
        assert answer(connection)[0] == 200
