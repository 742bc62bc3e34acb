"""The frames that a region and the process of one environment exchange over their socket pair.

One request is in flight at a time, so nothing is numbered: the region sends a request, the process sends
log frames as they happen and ends with exactly one RESULT, ERROR, TOO_LARGE or OUT_OF_MEMORY. Payloads are raw bytes.
A function that streams its response sends STREAM, whose body is the content type, and the response in CHUNKs before
its RESULT, which is empty then.
"""

from __future__ import annotations

import ctypes
import os
import signal
import struct
import sys

REQUEST = struct.Struct("<III")
"""Bytes of metadata, bytes of payload, milliseconds the function may take. Metadata is the fields below, joined by NUL."""

REQUEST_FIELDS = ("request_id", "invoked_function_arn", "trace_id", "client_context", "identity")

REPLY = struct.Struct("<BIII")
"""Kind, bytes of body, microseconds the handler took, KiB of memory used at most since the process began."""

READY, INIT_ERROR, RESULT, ERROR, TOO_LARGE, OUT_OF_MEMORY, TEXT, RECORD, STREAM, CHUNK, FORKED, ENDED = range(12)
"""TEXT is what was printed, cut into events at line ends; RECORD is one log event whole, newlines included.

A snapshot, once READY, gets no requests but orders to fork: JSON with the descriptors of the new process beside it. It answers each
with FORKED, whose body is the pid, and says ENDED, with pid and status, when one is gone.
"""

CONTROL = 3
"""The descriptor of a process's end of the socket pair, if it has one."""

RESPONSE_BYTES_MAX = 6_291_556
"""6 MiB and 100 bytes, as AWS says when it refuses a larger response (recorded: test_lambda_too_large_response)."""

STREAMED_BYTES_MAX = 200 << 20
"""What a response may have that is streamed (docs: Response streaming for Lambda functions)."""


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent ends, however it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    # The parent may have ended before the kernel was told.
    if os.getppid() != parent:
        os._exit(0)
