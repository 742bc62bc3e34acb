"""A log whose next record was being written when the power went: the beginning of a record stands behind the last whole one.

The write-ahead log of SQLite is a header and frames that each carry its two salts; old frames of an earlier round may follow the
valid ones (https://www.sqlite.org/fileformat2.html#the_write_ahead_log).
"""

from __future__ import annotations

import os
import random
import struct

HEADER_BYTES, FRAME_HEADER_BYTES = 32, 24


def tear(path: str, dice: random.Random, at: int | None = None) -> int:
    """Write the first ``at`` bytes (by chance if None) of one more record into the log of a database that nobody has open.

    Answers how many bytes were written; 0 if there is no log.
    """
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return 0
    try:
        header = os.pread(descriptor, HEADER_BYTES, 0)
        if len(header) < HEADER_BYTES:
            return 0
        page_bytes, salts = struct.unpack(">I", header[8:12])[0], header[16:24]
        end, frame_bytes = HEADER_BYTES, FRAME_HEADER_BYTES + page_bytes
        while os.pread(descriptor, FRAME_HEADER_BYTES, end)[8:16] == salts:
            end += frame_bytes
        frame = struct.pack(">II", 1, 1) + salts + dice.randbytes(frame_bytes - 16)
        torn = frame[: at if at is not None else dice.randrange(1, frame_bytes)]
        return os.pwrite(descriptor, torn, end)
    finally:
        os.close(descriptor)
