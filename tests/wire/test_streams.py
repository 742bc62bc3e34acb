"""Bodies that come in pieces: aws-chunked uploads, their checksums, and event streams."""

import asyncio
import hashlib
import hmac
import random
import zlib
from base64 import b64decode

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given, settings
from hypothesis import strategies as st

from kumoniwa.aws.models import service
from kumoniwa.kernel.errors import AwsError, SerializationException
from kumoniwa.wire import checksum, eventstream
from kumoniwa.wire.chunked import ChunkDecoder, IncompleteBody, InvalidChunk
from kumoniwa.wire.codec import codec

TRAILING = b"5\r\nhello\r\n6\r\n world\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\n"


@given(st.lists(st.integers(1, 12), max_size=20))
def test_chunks_are_decoded_however_the_network_cuts_them(cuts):
    decoder, out, at = ChunkDecoder(), b"", 0
    for size in [*cuts, len(TRAILING)]:
        out += decoder.feed(TRAILING[at : at + size])
        at += size
    decoder.close()
    assert out == b"hello world"
    assert decoder.trailers == {"x-amz-checksum-crc32": checksum.checksum("CRC32", out)}
    assert decoder.decoded_bytes == 11


def test_the_example_of_the_documentation_verifies_chunk_by_chunk():
    # https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html: 66,560 bytes of "a" in two chunks.
    signatures = [
        "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
        "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
        "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
    ]
    key = b"AWS4wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    for part in ("20130524", "us-east-1", "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    seen = ["4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"]

    def verify(signature, digest):
        empty = hashlib.sha256(b"").hexdigest()
        text = f"AWS4-HMAC-SHA256-PAYLOAD\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n{seen[-1]}\n{empty}\n"
        assert hmac.digest(key, (text + digest.hex()).encode(), "sha256").hex() == signature
        seen.append(signature)

    body = b"".join(
        b"%x;chunk-signature=%b\r\n%b\r\n" % (size, signature.encode(), b"a" * size)
        for size, signature in zip((65536, 1024, 0), signatures)
    )
    decoder = ChunkDecoder(verify)
    assert decoder.feed(body) == b"a" * 66560
    decoder.close()
    assert seen[1:] == signatures


def test_data_whose_signature_is_wrong_never_comes_out():
    class WrongSignature(Exception):
        pass

    def verify(signature, digest):
        raise WrongSignature

    decoder = ChunkDecoder(verify)
    assert decoder.feed(b"5;chunk-signature=" + b"0" * 64 + b"\r\nhel") == b""
    with pytest.raises(WrongSignature):
        decoder.feed(b"lo\r\n")


@pytest.mark.parametrize(
    "body",
    [
        b"zz\r\n",
        b"5\r\nhelloX\r\n",
        b"5;chunk-signature=12\r\n",
        b"1" * 17 + b"\r\n",
        b"0\r\nno colon\r\n",
        b"a" * 9000,
    ],
)
def test_what_is_no_chunked_body_is_refused(body):
    with pytest.raises(InvalidChunk):
        ChunkDecoder().feed(body)


@pytest.mark.parametrize("cut", range(1, 24))
def test_a_body_that_ends_early_is_incomplete(cut):
    decoder = ChunkDecoder()
    decoder.feed(TRAILING[:cut])
    with pytest.raises(IncompleteBody):
        decoder.close()


@pytest.mark.parametrize(
    "algorithm, text",
    [
        # The check values of "123456789": https://reveng.sourceforge.io/crc-catalogue/ (CRC-32, CRC-32C, CRC-64/NVME).
        ("CRC32", "cbf43926"),
        ("CRC32C", "e3069283"),
        ("CRC64NVME", "ae8b14860a799888"),
        ("SHA1", hashlib.sha1(b"123456789").hexdigest()),
        ("SHA256", hashlib.sha256(b"123456789").hexdigest()),
    ],
)
def test_checksums_are_those_of_the_catalogue(algorithm, text):
    running = checksum.Checksum(algorithm)
    running.update(b"1234")
    running.update(b"56789")
    assert running.digest().hex() == text
    assert b64decode(running.text()) == running.digest()


@pytest.mark.parametrize("algorithm", list(checksum.CRCS))
@settings(max_examples=30)
@given(lengths=st.lists(st.integers(0, 3000), min_size=1, max_size=5), seed=st.integers(0, 100))
def test_the_checksum_of_the_whole_follows_from_its_parts(algorithm, lengths, seed):
    source = random.Random(seed)
    parts = [source.randbytes(length) for length in lengths]
    said = [(checksum.checksum(algorithm, part), len(part)) for part in parts]
    assert checksum.combined(algorithm, said) == checksum.checksum(algorithm, b"".join(parts))


def test_a_composite_checksum_is_the_checksum_of_checksums():
    parts = [checksum.checksum("SHA256", part) for part in (b"one", b"two")]
    inner = hashlib.sha256(b"one").digest() + hashlib.sha256(b"two").digest()
    assert checksum.composite("SHA256", parts) == checksum.checksum("SHA256", inner) + "-2"


def _events(data):
    """What botocore makes of an event stream's bytes."""
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    return [(event.headers, event.payload) for event in buffer]


async def _collected(body):
    return b"".join([piece async for piece in body])


async def _several(*events):
    for event in events:
        if isinstance(event, Exception):
            raise event
        yield event


def test_an_event_stream_of_xml_is_what_botocore_reads():
    write = codec(service("s3").operation("SelectObjectContent"), "rest-xml").write
    events = _several(
        {"Records": {"Payload": b"a,b\n"}}, {"Stats": {"Details": {"BytesScanned": 4}}}, {"End": {}}
    )
    response = write({"Payload": events}, "r")
    frames = _events(asyncio.run(_collected(response.body)))
    assert response.headers["Content-Type"] == "application/vnd.amazon.eventstream"
    assert [headers[":event-type"] for headers, _ in frames] == ["Records", "Stats", "End"]
    assert frames[0][1] == b"a,b\n"
    assert (
        frames[1][1] == b"<Details><BytesScanned>4</BytesScanned></Details>"
        or b"<BytesScanned>4<" in frames[1][1]
    )


def test_a_json_event_stream_opens_with_the_initial_response():
    write = codec(service("kinesis").operation("SubscribeToShard"), "json").write
    event = {
        "SubscribeToShardEvent": {"Records": [], "ContinuationSequenceNumber": "1", "MillisBehindLatest": 0}
    }
    response = write({"EventStream": _several(event)}, "r")
    frames = _events(asyncio.run(_collected(response.body)))
    assert frames[0] == (frames[0][0], b"{}")
    assert [headers[":event-type"] for headers, _ in frames] == ["initial-response", "SubscribeToShardEvent"]


def test_an_error_in_the_middle_of_a_stream_is_its_last_frame():
    class ResourceInUseException(AwsError):
        message = "busy"

    write = codec(service("kinesis").operation("SubscribeToShard"), "json").write
    frames = _events(
        asyncio.run(_collected(write({"EventStream": _several(ResourceInUseException())}, "r").body))
    )
    assert frames[-1][0][":exception-type"] == "ResourceInUseException"
    assert frames[-1][1] == b'{"message":"busy"}'


def test_frames_are_decoded_however_the_network_cuts_them():
    headers = {":event-type": "x", "yes": True, "no": False, "n": 5, "big": 1 << 40, "b": b"\x00\x01"}
    data = eventstream.encoded(headers, b"payload") + eventstream.encoded({}, b"")
    decoder, frames = eventstream.FrameDecoder(), []
    for at in range(0, len(data), 3):
        frames += decoder.feed(data[at : at + 3])
    assert frames == [eventstream.Frame(headers, b"payload"), eventstream.Frame({}, b"")]
    assert decoder.is_empty


@settings(max_examples=200)
@given(st.data())
def test_a_damaged_frame_is_refused_or_waits_for_more(data):
    whole = bytearray(eventstream.encoded({"name": "value", "n": 1}, b"payload"))
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(SerializationException):
        eventstream.FrameDecoder().feed(bytes(whole))


@given(st.binary(max_size=60))
def test_headers_of_any_bytes_never_break_the_decoder(block):
    head = (len(block) + 16).to_bytes(4, "big") + len(block).to_bytes(4, "big")
    body = head + zlib.crc32(head).to_bytes(4, "big") + block
    try:
        eventstream.FrameDecoder().feed(body + zlib.crc32(body).to_bytes(4, "big"))
    except SerializationException:
        pass
