"""How many bytes the columns of an ORC file take, out of the footers of its stripes, which pyarrow reads and does not tell.

https://orc.apache.org/specification/ORCv1/: all is protobuf, in chunks with a header of three bytes that says whether they are packed.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa

_NONE, _ZLIB, _SNAPPY, _ZSTD = 0, 1, 2, 5


class Unreadable(ValueError):
    """A packing that is not known here."""


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a message: numbers, or what is within."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        if tag & 7 == 0:
            value, at = _varint(data, at)
            yield tag >> 3, value
        elif tag & 7 == 2:
            length, at = _varint(data, at)
            yield tag >> 3, data[at : at + length]
            at += length
        elif tag & 7 == 1:
            at += 8
        elif tag & 7 == 5:
            at += 4
        else:
            raise Unreadable(f"the wire type {tag & 7}")


def _numbers(data: bytes) -> dict[int, int]:
    return {field: value for field, value in _fields(data) if isinstance(value, int)}


def _unpacked(data: bytes, packing: int) -> bytes:
    if packing == _NONE:
        return data
    parts, at = [], 0
    while at + 3 <= len(data):
        header = int.from_bytes(data[at : at + 3], "little")
        chunk = data[at + 3 : at + 3 + (header >> 1)]
        at += 3 + (header >> 1)
        parts.append(chunk if header & 1 else _chunk(chunk, packing))
    return b"".join(parts)


def _chunk(chunk: bytes, packing: int) -> bytes:
    if packing == _ZLIB:
        return zlib.decompress(chunk, wbits=-15)
    if packing == _SNAPPY:
        return pa.Codec("snappy").decompress(chunk, decompressed_size=_varint(chunk, 0)[0]).to_pybytes()
    if packing == _ZSTD:
        return pa.CompressedInputStream(pa.BufferReader(chunk), "zstd").read()
    raise Unreadable(f"the packing {packing}")


def _piece(file: BinaryIO, start: int, length: int) -> bytes:
    file.seek(start)
    return file.read(length)


def of_columns(path: str) -> list[int]:
    """The bytes of each top column, all stripes together, in order. Raises Unreadable."""
    with open(path, "rb") as file:
        size = file.seek(0, 2)
        length = _piece(file, size - 1, 1)[0]
        said = _numbers(_piece(file, size - 1 - length, length))
        packing = said.get(2, _NONE)
        footer = _unpacked(_piece(file, size - 1 - length - said[1], said[1]), packing)
        stripes = [_numbers(value) for field, value in _fields(footer) if field == 3 and isinstance(value, bytes)]
        root = next(value for field, value in _fields(footer) if field == 4 and isinstance(value, bytes))
        firsts = _children(root)
        sizes = [0] * len(firsts)
        for stripe in stripes:
            start = stripe.get(1, 0) + stripe.get(2, 0) + stripe.get(3, 0)
            for field, value in _fields(_unpacked(_piece(file, start, stripe.get(4, 0)), packing)):
                if field == 1 and isinstance(value, bytes):
                    stream = _numbers(value)
                    # Columns are numbered from the root down, so that all that is below one comes before the next.
                    place = sum(first <= stream.get(2, 0) for first in firsts) - 1
                    if place >= 0:
                        sizes[place] += stream.get(3, 0)
        return sizes


def _children(root: bytes) -> list[int]:
    found: list[int] = []
    for field, value in _fields(root):
        if field == 2 and isinstance(value, int):
            found.append(value)
        elif field == 2 and isinstance(value, bytes):
            at = 0
            while at < len(value):
                number, at = _varint(value, at)
                found.append(number)
    return found
