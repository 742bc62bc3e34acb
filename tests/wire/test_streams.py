"""Bodies that come in pieces: aws-chunked uploads, their checksums, and event streams."""

import asyncio
import hashlib
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
from kumoniwa.wire.chunked import Decoder, IncompleteBody, InvalidChunkSizeError, MalformedTrailerError, Proof
from kumoniwa.wire.codec import codec

TRAILING = b"5\r\nhello\r\n6\r\n world\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\n"


@given(st.lists(st.integers(1, 12), max_size=20))
def test_chunks_are_decoded_however_the_network_cuts_them(cuts):
    decoder, out, at = Decoder(length=11), b"", 0
    for size in [*cuts, len(TRAILING)]:
        out += decoder.feed(TRAILING[at : at + size]) + decoder.feed(b"")
        at += size
    decoder.finish()
    assert out == b"hello world"
    assert decoder.trailers == {"x-amz-checksum-crc32": checksum.checksum("CRC32", out)}


def test_each_chunk_is_proven_in_order_and_then_the_trailers():
    heard = []
    proof = Proof(lambda *chunk: heard.append(chunk), lambda *trailer: heard.append(trailer))
    chunks = [b"a" * 8192, b"b" * 10, b""]
    framed = b"".join(
        b"%x;chunk-signature=%b\r\n%b"
        % (len(data), str(number).encode() * 64, data + b"\r\n" if data else b"")
        for number, data in enumerate(chunks)
    )
    decoder = Decoder(proof)
    assert decoder.feed(framed + b"A: b \r\nx-amz-trailer-signature:proof\r\n\r\n") == b"".join(chunks)
    decoder.finish()
    digests = [hashlib.sha256(data).hexdigest() for data in chunks]
    assert heard == [*((str(n) * 64, digest) for n, digest in enumerate(digests)), ("proof", b"a:b\n")]


@pytest.mark.parametrize(
    "body, refusal",
    [
        (b"zz\r\n", IncompleteBody),
        (b"5\r\nhelloX\r\n", IncompleteBody),
        (b"5;chunk-signature=12\r\n", None),
        (b"1" * 17 + b"\r\n", IncompleteBody),
        (b"0\r\nno colon\r\n", MalformedTrailerError),
        (b"0\r\nx-amz-trailer-signature:a\r\nlate: b\r\n", MalformedTrailerError),
        (b"0\r\n" + b"a:b\r\n" * 2 + b"".join(b"n%d:v\r\n" % n for n in range(20)), MalformedTrailerError),
        (b"0\r\n\r\nmore\r\n", IncompleteBody),
        (b"a" * 9000, IncompleteBody),
    ],
)
def test_what_is_no_chunked_body_is_refused(body, refusal):
    if refusal is None:
        # A signature in the old form is ignored where nobody proves it, and refused where somebody does.
        Decoder().feed(body)
        with pytest.raises(IncompleteBody):
            Decoder(Proof(lambda *_: None, lambda *_: None)).feed(body)
        return
    with pytest.raises(refusal):
        Decoder().feed(body)


def test_only_the_last_signed_chunk_may_be_small():
    chunk = b"5;chunk-signature=" + b"0" * 64 + b"\r\nhello\r\n"
    decoder = Decoder(Proof(lambda *_: None, lambda *_: None))
    assert decoder.feed(chunk) == b"hello"
    with pytest.raises(InvalidChunkSizeError):
        decoder.feed(chunk)


def test_many_small_chunks_in_one_piece_cost_no_more_than_in_many():
    # 300,000 chunks: a decoder that copies what is left after each chunk would copy 270 GB.
    body = b"1\r\nx\r\n" * 300_000 + b"0\r\n\r\n"
    decoder = Decoder(length=300_000)
    assert decoder.feed(body) == b"x" * 300_000
    decoder.finish()


@pytest.mark.parametrize("cut", range(1, 24))
def test_a_body_that_ends_early_is_incomplete(cut):
    decoder = Decoder()
    decoder.feed(TRAILING[:cut])
    with pytest.raises(IncompleteBody):
        decoder.finish()


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
