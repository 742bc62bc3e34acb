"""Tokens of blocks and of pages: what was listed, to whom and until when it may be fetched, under a sum that only this cloud can make.

A block's is good for seven days, a page's for an hour: https://docs.aws.amazon.com/ebs/latest/userguide/ebsapi-faq.html
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from kumoniwa.kernel.call import Call
from kumoniwa.services.ebs.errors import invalid

BLOCK_S, PAGE_S = 7 * 86_400.0, 3_600.0
_BLOCK, _PAGE = b"\0\0\1\1", b"\0\0\3\1"
_SUM_BYTES = 24


def _made(call: Call, kind: bytes, expires: float, number: int, *about: str) -> str:
    body = kind + int(expires * 1e3).to_bytes(8, "big") + number.to_bytes(4, "big")
    return base64.b64encode(body + _sum(call, body, about)).decode()


def _sum(call: Call, body: bytes, about: tuple[str, ...]) -> bytes:
    key = hashlib.sha256(b"ebs tokens" + call.home.settings.seal).digest()
    return hmac.digest(key, "\0".join((call.region, call.account, *about, "")).encode() + body, "sha256")[:_SUM_BYTES]


def _opened(call: Call, kind: bytes, text: str, about: tuple[str, ...]) -> int | None:
    """The number it holds; None if it is not one of these, or no longer."""
    try:
        held = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    body, proof = held[:-_SUM_BYTES], held[-_SUM_BYTES:]
    if len(body) != 16 or body[:4] != kind or not hmac.compare_digest(proof, _sum(call, body, about)):
        return None
    return int.from_bytes(body[12:], "big") if int.from_bytes(body[4:12], "big") > call.now() * 1e3 else None


def of_block(call: Call, expires: float, snapshot: str, number: int, body: str) -> str:
    return _made(call, _BLOCK, expires, number, snapshot, body)


def check_block(call: Call, text: str, snapshot: str, number: int, body: str) -> None:
    if _opened(call, _BLOCK, text, (snapshot, body)) != number:
        raise invalid("The block token is not valid for this block, or it has expired.", "INVALID_BLOCK_TOKEN")


def of_page(call: Call, first: int, *snapshots: str) -> str:
    return _made(call, _PAGE, call.now() + PAGE_S, first, *snapshots)


def first_of_page(call: Call, text: str, *snapshots: str) -> int:
    first = _opened(call, _PAGE, text, snapshots)
    if first is None:
        raise invalid("The page token is not valid for this list, or it has expired.", "INVALID_PAGE_TOKEN")
    return first
