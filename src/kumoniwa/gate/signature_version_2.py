"""Signature Version 2 in a URL or a header, as S3 still takes it in its oldest regions: boto3 presigns so unless told otherwise.

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
    "accelerate", "acl", "analytics", "cors", "defaultObjectAcl", "delete", "inventory", "lifecycle", "location", "logging",
    "metrics", "notification", "object-lock", "partNumber", "policy", "replication", "requestPayment", "response-cache-control",
    "response-content-disposition", "response-content-encoding", "response-content-language", "response-content-type",
    "response-expires", "restore", "select", "select-type", "storageClass", "tagging", "torrent", "uploadId", "uploads",
    "versionId", "versioning", "versions", "website",
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


def given_in_header(header: str) -> tuple[str, str]:
    """Key id and signature of ``AWS key:signature``. Raises InvalidArgument.

    That AWS still takes it is recorded (February 2026): localstack's test_presigned_url_signature_authentication_multi_part."""
    found = re.fullmatch(r"AWS ([\w./-]{1,128}):([A-Za-z0-9+/=]+)", header.strip(), re.ASCII)
    if found is None:
        raise refusals.InvalidArgument(
            "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature", ArgumentName="Authorization", ArgumentValue=header[:256]
        )
    return found[1], found[2]


def verify(request: Request, claim: Claim, secret: str) -> None:
    """Return if the request was signed with ``secret``, else raise SignatureDoesNotMatch."""
    address = request.address
    path = f"/{address.name}{request.path}" if address is not None and address.door == "s3" else request.path
    # Clients write a bucket's path with a slash at its end, whether they send one or not.
    for spelled in (path, f"{path}/") if path.count("/") == 1 and path != "/" else (path,):
        to_sign = _string_to_sign(request, spelled, claim.expires_at)
        expected = b64encode(hmac.digest(secret.encode(), to_sign.encode("latin-1", "replace"), "sha1"))
        if hmac.compare_digest(expected, claim.signature.encode("utf-8", "replace")):
            return
    refusals.mismatch("s3", claim, "", to_sign)


def _string_to_sign(request: Request, path: str, expires_at: int | None) -> str:
    # What was percent-encoded is signed as the bytes that it stands for, whatever letters these are.
    pairs = parse_qsl(request.query, keep_blank_values=True, encoding="latin-1")
    said, headers = dict(pairs), request.headers
    lines = [request.method]
    lines += [headers.get(name) or said.get(name, "") for name in ("content-md5", "content-type")]
    lines.append(str(expires_at) if expires_at is not None else "" if "x-amz-date" in headers else headers.get("date", ""))
    lines += [f"{name}:{headers[name].strip()}" for name in sorted(headers) if name.startswith("x-amz-")]
    signed = "&".join(
        f"{name}={value}" if value else name for name, value in sorted(pairs) if name in _SIGNED
    )
    return "\n".join([*lines, f"{path}{'?' if signed else ''}{signed}"])
