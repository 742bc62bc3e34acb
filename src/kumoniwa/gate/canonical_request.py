"""The canonical request, which both sides of a signature spell alike, and the key by which its digest is signed.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from hashlib import sha256
from operator import itemgetter
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, unquote_to_bytes

from kumoniwa.gate import signature_refusals as refusals

if TYPE_CHECKING:
    from kumoniwa.gate.signature import Claim
    from kumoniwa.wire.message import Request

EMPTY_SHA256 = sha256(b"").hexdigest()
UNSIGNED = "UNSIGNED-PAYLOAD"
STREAMING = (
    "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD",
    "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER",
)
SIGNED_STREAMING = STREAMING[1:]


def payload_hash(request: Request, claim: Claim, family: str) -> str:
    """The last line of the canonical request; for S3 it is what the client declares (``Payload`` proves it later)."""
    declared = request.headers.get("x-amz-content-sha256")
    if family != "s3":
        if declared is not None and (declared == UNSIGNED or declared in STREAMING):
            return declared
        return sha256(request.body).hexdigest() if request.body else EMPTY_SHA256
    if claim.is_presigned:
        found = re.search(r"(?:^|&)X-Amz-Content-Sha256=([^&]*)", request.query)
        declared = unquote(found[1]) if found else declared or UNSIGNED
    if declared is None:
        raise refusals.InvalidRequest("Missing required header for this request: x-amz-content-sha256")
    if declared != UNSIGNED and declared not in STREAMING and not re.fullmatch(r"[0-9a-fA-F]{64}", declared):
        refusals.refuse_content_sha256(declared)
    return declared


_CANONICAL_PATH = re.compile(r"[A-Za-z0-9/_.~-]*")


def _path(path: str, family: str) -> str:
    """S3 signs the path as it is, encoded once; the others its shortest form, encoded again."""
    if not path:
        return "/"
    if family == "s3":
        return path if _CANONICAL_PATH.fullmatch(path) else quote(unquote_to_bytes(path), safe="/~")
    if "//" in path or "/." in path:
        kept: list[str] = []
        for part in path.split("/"):
            if part == "..":
                del kept[-1:]
            elif part not in ("", "."):
                kept.append(part)
        path = "/" + "/".join(kept) + ("/" if path.endswith(("/", "/.", "/..")) and kept else "")
    return path if _CANONICAL_PATH.fullmatch(path) else quote(path, safe="/~", encoding="latin-1")


def _query(query: str) -> str:
    pairs = []
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        if pair and name != "X-Amz-Signature":
            pairs.append(
                tuple(quote(unquote_to_bytes(half.replace("+", "%20")), safe="~") for half in (name, value))
            )
    return "&".join([f"{name}={value}" for name, value in sorted(pairs)])


def _collapsed(value: str) -> str:
    return " ".join(value.split()) if "  " in value or "\t" in value else value


@lru_cache(maxsize=1024)
def _spelling(signed_headers: str) -> tuple[str, Callable[[Mapping[str, str]], Any]]:
    """How headers of these names are spelled, and what picks them."""
    names = signed_headers.split(";")
    return "\n".join([name.replace("%", "%%") + ":%s" for name in names]), itemgetter(*names)


def spelled(request: Request, claim: Claim, family: str) -> str:
    """The request as both sides must spell it; its characters are bytes (latin-1)."""
    form, picked = _spelling(claim.signed_headers)
    try:
        headers = form % picked(request.headers)
    except KeyError:
        headers = ""
    if not headers or "  " in headers or "\t" in headers:
        given = request.headers.get
        headers = "\n".join([f"{name}:{_collapsed(given(name, ''))}" for name in claim.signed_headers.split(";")])
    path = "/" if request.path == "/" else _path(request.path, family)
    query = _query(request.query) if request.query else ""
    return f"{request.method}\n{path}\n{query}\n{headers}\n\n{claim.signed_headers}\n{payload_hash(request, claim, family)}"


# Keys -----------------------------------------------------------------------------------------------


class SigningKey:
    """One derived key, with both halves of its HMAC begun: what remains per signature is two copies."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        padded = key.ljust(64, b"\0")
        self._inner = sha256(bytes(byte ^ 0x36 for byte in padded))
        self._outer = sha256(bytes(byte ^ 0x5C for byte in padded))

    def sign(self, text: bytes) -> str:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(text)
        outer.update(inner.digest())
        return outer.hexdigest()


@lru_cache(maxsize=4096)
def signing_key(secret: str, date: str, region: str, service: str) -> SigningKey:
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return SigningKey(key)
