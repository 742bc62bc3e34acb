"""What a kill, a broken upload and a slow reader leave: everything that was acknowledged, and nothing else."""

import asyncio
import hashlib
import os

import pytest

from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.clock import outside
from kumoniwa.wire.http import Connection, listen

LARGE = os.urandom(1 << 20) * 3


@pytest.fixture
def s3(cloud):
    client = cloud.client("s3")
    client.create_bucket(Bucket="box")
    return client


def files(cloud):
    folder = cloud.regions["us-east-1"].store.blobs("000000000000", "s3").folder
    return sorted(name for _, _, names in os.walk(folder) for name in names)


def test_what_was_acknowledged_is_there_after_a_kill(cloud, s3):
    for n in range(20):
        s3.put_object(Bucket="box", Key=f"{n}", Body=bytes([n]) * (10 if n % 2 else 100_000))
    cloud.restart(kill=True)
    for n in range(20):
        assert s3.get_object(Bucket="box", Key=f"{n}")["Body"].read() == bytes([n]) * (
            10 if n % 2 else 100_000
        )


def test_files_that_no_row_names_are_swept_when_a_region_begins(cloud, s3):
    s3.put_object(Bucket="box", Key="k", Body=LARGE)
    kept = files(cloud)
    cloud.regions["us-east-1"].store.blobs("000000000000", "s3").put(b"left behind by a kill")
    cloud.restart(kill=True)
    cloud.sleep(1)
    assert files(cloud) == kept
    assert s3.get_object(Bucket="box", Key="k")["Body"].read() == LARGE


def test_a_replaced_body_leaves_no_file(cloud, s3):
    for content in (LARGE, LARGE[:100_000], b"small"):
        s3.put_object(Bucket="box", Key="k", Body=content)
        cloud.sleep(0.01)
        assert len(files(cloud)) == (len(content) > 65_536)
    s3.put_object(Bucket="box", Key="k", Body=LARGE)
    s3.delete_object(Bucket="box", Key="k")
    cloud.sleep(0.01)
    assert files(cloud) == []


HEAD = (
    "Host: localhost\r\nX-Amz-Date: 20300101T000000Z\r\nAuthorization: AWS4-HMAC-SHA256 Credential=test/20300101/us-east-1/s3/aws4_request, "
    "SignedHeaders=host, Signature=" + "0" * 64 + "\r\n"
)


def over_a_socket(cloud, talk):
    """Serve the region on loopback and let ``talk(reader, writer)`` speak to it."""

    async def run():
        region = cloud.regions["us-east-1"]
        listener = listen("127.0.0.1", 0)
        port = listener.getsockname()[1]
        with outside():
            server = await asyncio.get_running_loop().create_server(
                lambda: Connection(region.answer), sock=listener
            )
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                return await talk(reader, writer)
            finally:
                writer.close()
                server.close()

    return cloud.run(run())


def test_an_upload_that_breaks_off_leaves_nothing(cloud, s3):
    async def talk(reader, writer):
        writer.write(
            f"PUT /box/k HTTP/1.1\r\n{HEAD}Content-Length: {len(LARGE)}\r\n\r\n".encode() + LARGE[: 2 << 20]
        )
        await writer.drain()
        while not files(cloud):
            await asyncio.sleep(0)
        writer.transport.abort()
        while files(cloud):
            await asyncio.sleep(0)

    over_a_socket(cloud, talk)
    assert "Contents" not in s3.list_objects_v2(Bucket="box")


async def exchanged(reader, writer, request):
    writer.write(request)
    await writer.drain()
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
    return head, await reader.readexactly(length)


def test_large_bodies_go_through_a_socket_both_ways(cloud, s3):
    async def talk(reader, writer):
        put = f"PUT /box/k HTTP/1.1\r\n{HEAD}Content-Length: {len(LARGE)}\r\n\r\n".encode() + LARGE
        head, _ = await exchanged(reader, writer, put)
        assert b"200 OK" in head and hashlib.md5(LARGE).hexdigest().encode() in head
        head, body = await exchanged(reader, writer, f"GET /box/k HTTP/1.1\r\n{HEAD}\r\n".encode())
        assert head.lower().count(b"content-length") == 1 and body == LARGE
        head, body = await exchanged(
            reader, writer, f"GET /box/k HTTP/1.1\r\n{HEAD}Range: bytes=1000000-1000009\r\n\r\n".encode()
        )
        assert b" 206 " in head and body == LARGE[1_000_000:1_000_010]

    over_a_socket(cloud, talk)


def test_an_encrypted_body_is_sent_with_its_length(cloud, s3):
    s3.put_object(Bucket="box", Key="k", Body=LARGE, ServerSideEncryption="AES256")

    async def talk(reader, writer):
        head, body = await exchanged(reader, writer, f"GET /box/k HTTP/1.1\r\n{HEAD}\r\n".encode())
        assert b"chunked" not in head.lower() and body == LARGE
        head, body = await exchanged(
            reader, writer, f"GET /box/k HTTP/1.1\r\n{HEAD}Range: bytes=5-\r\n\r\n".encode()
        )
        assert body == LARGE[5:]

    over_a_socket(cloud, talk)


def test_a_stream_of_unknown_length_is_refused(cloud, s3):
    async def talk(reader, writer):
        request = (
            f"PUT /box/k HTTP/1.1\r\n{HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n".encode()
        )
        head, body = await exchanged(reader, writer, request)
        assert b" 411 " in head and b"<Code>MissingContentLength</Code>" in body

    over_a_socket(cloud, talk)


def test_of_two_uploads_under_a_condition_one_wins(cloud, s3):
    async def talk(reader, writer):
        put = (
            f"PUT /box/k HTTP/1.1\r\n{HEAD}If-None-Match: *\r\nContent-Length: {len(LARGE)}\r\n\r\n".encode()
        )
        writer.write(put + LARGE[: 2 << 20])
        await writer.drain()
        while not files(cloud):
            await asyncio.sleep(0)
        region = cloud.regions["us-east-1"]
        await region.ask(
            principals.root("000000000000"), "s3:PutObject", {"Bucket": "box", "Key": "k", "Body": b"faster"}
        )
        head, body = await exchanged(reader, writer, LARGE[2 << 20 :])
        assert b" 412 " in head and b"<Code>PreconditionFailed</Code>" in body

    over_a_socket(cloud, talk)
    assert s3.get_object(Bucket="box", Key="k")["Body"].read() == b"faster"
    assert files(cloud) == []
