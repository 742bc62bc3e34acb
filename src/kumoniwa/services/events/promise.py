"""Promises: one event for one target, as both were when a rule wanted it."""

from __future__ import annotations

from typing import Any

import msgspec


class Promise(msgspec.Struct, array_like=True):
    rule_arn: str
    rule_name: str
    target: dict[str, Any]
    body: bytes
    ingested: float
    is_forwarded: bool = False
    """It came from another bus; it may not travel on to a third account or region."""
    trace: str = ""
    """The trace header that the event came with, which its targets are told."""
    sealed: bytes = b""
    """The target and the event, where the bus has a key; of the target is left what is needed without it."""
    request: str = ""
    """The id of the request that brought the event, where it is logged."""
    invocation: str = ""
    """An id that the log of the bus tells; empty where it tells nothing."""


encode, decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(Promise).decode
