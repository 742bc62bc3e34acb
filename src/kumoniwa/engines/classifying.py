"""Finds out what files hold, in a process of its own: their format, their columns and how much is in them, from how they begin or end.

Custom classifiers come first, in their order, then those that AWS calls built in: ORC, Parquet, JSON, CSV. What a file is whose format none
of these knows, AWS's other classifiers might say (Avro, XML, Ion, logs), which are not here: it is told as unknown, and why.
https://docs.aws.amazon.com/glue/latest/dg/add-classifier.html
"""

from __future__ import annotations

import bz2
import io
import zlib
from collections.abc import Iterator
from typing import Any

import msgspec

from kumoniwa.engines import classify_text, worker
from kumoniwa.engines.classify_text import Seen

WITHIN_S = 300.0
_GZIP, UNPACKED_BYTES_MAX = 31, 1 << 20
_UNBUILT = {b"Obj\x01": "Avro", b"\xe0\x01\x00\xea": "Ion", b"PK\x03\x04": "ZIP", b"\x04\x22\x4d\x18": "LZ4", b"\xff\x06\x00\x00sNaPpY": "Snappy"}


class File(msgspec.Struct):
    size: int
    head: bytes
    tail: bytes = b""
    """How it ends, where the head is not all of it and the format is told at the end."""


class Task(msgspec.Struct):
    files: list[File]
    custom: list[dict[str, Any]]
    """Classifiers, as they were said, with their ``kind``."""


def is_told_at_end(head: bytes) -> bool:
    return head.startswith((b"PAR1", b"ORC"))


def footer_bytes(head: bytes, tail: bytes) -> int:
    """How much of the end a file of columns needs; 0 if the tail has it."""
    if not head.startswith(b"PAR1") or tail[-4:] != b"PAR1":
        return 0
    length = int.from_bytes(tail[-8:-4], "little") + 8
    return length if length > len(tail) else 0


async def seen(task: Task) -> list[Seen]:
    """What each file is. Raises worker.WorkFailed or worker.WorkTimedOut."""
    async with worker.pieces("kumoniwa.engines.classifying", task, Seen, WITHIN_S) as said:
        return [each async for each in said]


# In the process of its own -------------------------------------------------------------------------


class _Parts(io.RawIOBase):
    """A file of which only the beginning and the end are here."""

    def __init__(self, file: File) -> None:
        self.file, self.at = file, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.at

    def seek(self, offset: int, whence: int = 0) -> int:
        self.at = offset + (0, self.at, self.file.size)[whence]
        return self.at

    def readinto(self, buffer: Any) -> int:
        end, start = min(self.at + len(buffer), self.file.size), self.file.size - len(self.file.tail)
        if end <= len(self.file.head):
            piece = self.file.head[self.at : end]
        elif self.at >= start:
            piece = self.file.tail[self.at - start : end - start]
        else:
            raise OSError("the description of its columns is too long")
        buffer[: len(piece)] = piece
        self.at += len(piece)
        return len(piece)


def _of_arrow(type_: Any) -> str:
    """As Hive calls it. Raises ValueError."""
    from pyarrow import types  # noqa: PLC0415 (an extra)

    if types.is_list(type_) or types.is_large_list(type_):
        return f"array<{_of_arrow(type_.value_type)}>"
    if types.is_map(type_):
        return f"map<{_of_arrow(type_.key_type)},{_of_arrow(type_.item_type)}>"
    if types.is_struct(type_):
        return "struct<" + ",".join(f"{field.name}:{_of_arrow(field.type)}" for field in type_) + ">"
    if types.is_decimal(type_):
        return f"decimal({type_.precision},{type_.scale})"
    if types.is_dictionary(type_):
        return _of_arrow(type_.value_type)
    if types.is_timestamp(type_):
        return "timestamp"
    plain = {
        "bool": "boolean", "int8": "tinyint", "int16": "smallint", "int32": "int", "int64": "bigint", "uint8": "smallint", "uint16": "int",
        "uint32": "bigint", "uint64": "decimal(20,0)", "float": "float", "double": "double", "string": "string", "large_string": "string",
        "binary": "binary", "large_binary": "binary", "date32[day]": "date", "time32[ms]": "int", "time64[us]": "bigint", "time64[ns]": "bigint",
    }  # fmt: skip
    if types.is_fixed_size_binary(type_):
        return "binary"
    if str(type_) not in plain:
        raise ValueError(f"a column of the type {type_}")
    return plain[str(type_)]


def _of_columns(file: File) -> Seen:
    from pyarrow import ArrowException, orc, parquet  # noqa: PLC0415 (an extra)

    is_parquet = file.head.startswith(b"PAR1")
    try:
        source = io.BufferedReader(_Parts(file))
        opened = parquet.ParquetFile(source) if is_parquet else orc.ORCFile(source)
        schema = opened.schema_arrow if is_parquet else opened.schema
        rows = opened.metadata.num_rows if is_parquet else opened.nrows
        columns = [(field.name, _of_arrow(field.type)) for field in schema]
    except (ArrowException, OSError, ValueError) as error:
        return Seen(why=f"Its columns cannot be read: {error}")
    return Seen("parquet" if is_parquet else "orc", columns=columns, records=rows, record_bytes=file.size // max(rows, 1))


def _unpacked(head: bytes) -> tuple[str, bytes]:
    if head.startswith(b"\x1f\x8b"):
        return "gzip", zlib.decompressobj(wbits=_GZIP).decompress(head, UNPACKED_BYTES_MAX)
    if head.startswith(b"BZh"):
        return "bzip2", bz2.BZ2Decompressor().decompress(head, UNPACKED_BYTES_MAX)
    return "none", head


def _classified(file: File, custom: list[dict[str, Any]]) -> Seen:
    if is_told_at_end(file.head):
        return _of_columns(file)
    for magic, name in _UNBUILT.items():
        if file.head.startswith(magic):
            return Seen(why=f"Files of {name} are not built.")
    try:
        compression, content = _unpacked(file.head)
    except (zlib.error, OSError) as error:
        return Seen(why=f"It cannot be unpacked: {error}")
    is_whole = len(file.head) >= file.size and len(content) < UNPACKED_BYTES_MAX
    found = classify_text.seen(content, custom, is_whole=is_whole)
    if found.classification:
        found.compression = compression
        if not is_whole and found.record_bytes:
            found.records = max(found.records, file.size // found.record_bytes)
    return found


def run(task: Task) -> Iterator[Seen]:
    for file in task.files:
        try:
            yield _classified(file, task.custom)
        except RecursionError:
            yield Seen(why="It is nested too deeply.")


if __name__ == "__main__":
    worker.work(Task, run)
