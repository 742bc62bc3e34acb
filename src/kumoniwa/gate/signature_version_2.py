"""Signature Version 2 in a URL, as S3 still takes it in its oldest regions: boto3 presigns so unless told otherwise.

Nothing but the method, a few headers and the path is signed, which is why everything else of it went away.
https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html
"""

from __future__ import annotations

import hmac
import re
from base64 import b64encode
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from kumoniwa.gate import signature_refusals as refusals

if TYPE_CHECKING:
    from kumoniwa.gate.signature import Claim
    from kumoniwa.wire.message import Request

REGIONS = frozenset({
    "us-east-1", "us-west-1", "us-west-2", "eu-west-1", "ap-southeast-1", "ap-southeast-2", "ap-northeast-1", "sa-east-1",
})  # fmt: skip
"""Those from before 2014. https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html"""

_SIGNED = frozenset((
    "accelerate", "acl", "cors", "delete", "lifecycle", "location", "logging", "notification", "partNumber", "policy",
    "requestPayment", "response-cache-control", "response-content-disposition", "response-content-encoding",
    "response-content-language", "response-content-type", "response-expires", "restore", "tagging", "torrent", "uploadId",
    "uploads", "versionId", "versioning", "versions", "website",
))  # fmt: skip


def is_claimed(query: str) -> bool:
    return "AWSAccessKeyId=" in query and "Signature=" in query and "X-Amz-" not in query


def is_known_in(request: Request) -> bool:
    """Whether the region that the request names, if it names one, is old enough."""
    region = request.address.region if request.address is not None else None
    return region is None or region in REGIONS


def given(request: Request) -> tuple[str, str, int, str | None]:
    """Key id, signature, the second after which it is no good, and the session token. Raises AccessDenied."""
    said = dict(parse_qsl(request.query, keep_blank_values=True, errors="replace"))
    expires = said.get("Expires", "")
    if not re.fullmatch(r"[0-9]{1,15}", expires):
        raise refusals.AccessDenied(
            f"Invalid date (should be seconds since epoch): {expires[:64]}"
            if expires
            else "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters"
        )
    return said["AWSAccessKeyId"], said.get("Signature", ""), int(expires), said.get("x-amz-security-token")


def verify(request: Request, claim: Claim, secret: str) -> None:
    """Return if the URL was signed with ``secret``, else raise SignatureDoesNotMatch."""
    to_sign = _string_to_sign(request, claim.expires_at)
    expected = b64encode(hmac.digest(secret.encode(), to_sign.encode("latin-1", "replace"), "sha1"))
    if not hmac.compare_digest(expected, claim.signature.encode("utf-8", "replace")):
        refusals.mismatch("s3", claim, "", to_sign)


def _string_to_sign(request: Request, expires_at: int) -> str:
    pairs = parse_qsl(request.query, keep_blank_values=True, errors="replace")
    said, headers = dict(pairs), request.headers
    lines = [request.method]
    lines += [headers.get(name) or said.get(name, "") for name in ("content-md5", "content-type")]
    lines.append(str(expires_at))
    lines += [f"{name}:{headers[name].strip()}" for name in sorted(headers) if name.startswith("x-amz-")]
    address = request.address
    bucket = f"/{address.name}" if address is not None and address.door == "s3" else ""
    signed = "&".join(
        f"{name}={value}" if value else name for name, value in sorted(pairs) if name in _SIGNED
    )
    return "\n".join([*lines, f"{bucket}{request.path}{'?' if signed else ''}{signed}"])
