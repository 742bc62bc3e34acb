"""Uploads by a browser's form: POST on a bucket, allowed by a policy that whoever wrote the page has signed.

The form becomes a PutObject of whoever signed, so that all else is decided where it always is.
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-UsingHTTPPOST.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

from __future__ import annotations

import base64
import binascii
import calendar
import hmac
import json
import re
import time
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from kumoniwa.gate import identity, signature, signature_refusals
from kumoniwa.gate.canonical_request import signing_key
from kumoniwa.gate.signature import Claim
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.services.s3.body import EntityTooLarge
from kumoniwa.services.s3.bucket import AccessDenied, InvalidArgument, location, redirect
from kumoniwa.services.s3.completion import EntityTooSmall
from kumoniwa.services.s3.condition import PreconditionFailed
from kumoniwa.services.s3.notification import POSTED
from kumoniwa.wire import timestamps
from kumoniwa.wire.checksum import ALGORITHMS
from kumoniwa.wire.message import Request, Response
from kumoniwa.wire.xml import escaped

FIELDS_MAX, FIELD_BYTES_MAX = 200, 65_536
PUT_MEMBERS = {
    "acl": "ACL",
    "cache-control": "CacheControl",
    "content-disposition": "ContentDisposition",
    "content-encoding": "ContentEncoding",
    "content-language": "ContentLanguage",
    "content-md5": "ContentMD5",
    "content-type": "ContentType",
    "expires": "Expires",
    "x-amz-acl": "ACL",
    "x-amz-checksum-algorithm": "ChecksumAlgorithm",
    "x-amz-sdk-checksum-algorithm": "ChecksumAlgorithm",
    "x-amz-server-side-encryption": "ServerSideEncryption",
    "x-amz-server-side-encryption-aws-kms-key-id": "SSEKMSKeyId",
    "x-amz-server-side-encryption-context": "SSEKMSEncryptionContext",
    "x-amz-server-side-encryption-customer-algorithm": "SSECustomerAlgorithm",
    "x-amz-server-side-encryption-customer-key": "SSECustomerKey",
    "x-amz-server-side-encryption-customer-key-md5": "SSECustomerKeyMD5",
    "x-amz-storage-class": "StorageClass",
    "x-amz-website-redirect-location": "WebsiteRedirectLocation",
    **{
        f"x-amz-checksum-{name.lower()}": f"Checksum{name}"
        for name in ALGORITHMS
    },
}
OF_SIGNATURES = frozenset((
    "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature", "x-amz-security-token",
))  # fmt: skip
UNCONDITIONAL = frozenset(("x-amz-signature", "signature", "awsaccesskeyid", "file", "policy", "bucket"))
"""Fields that no condition need mention."""


class InvalidPolicyDocument(AwsError):
    status = 400


class MalformedPOSTRequest(AwsError):
    status = 400
    message = "The body of your POST request is not well-formed multipart/form-data."


class Form(NamedTuple):
    fields: dict[str, str]
    """By name in lower case, up to the file: what follows it is ignored."""
    file_name: str
    content: bytes


# The form --------------------------------------------------------------------------------------------

_BOUNDARY = re.compile(r'multipart/form-data\s*;.*?boundary="?([^";,]{1,200})"?', re.IGNORECASE)
_DISPOSITION = re.compile(r'[;\s](name|filename)=(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))')
"""Values are quoted, or tokens as some clients write them (RFC 2183)."""


def form_of(request: Request) -> Form:
    """Raises PreconditionFailed, MalformedPOSTRequest or InvalidArgument."""
    found = _BOUNDARY.match(request.headers.get("content-type", ""))
    if found is None:
        raise PreconditionFailed(Condition="Bucket POST must be of the enclosure-type multipart/form-data")
    delimiter, body = b"\r\n--" + found[1].encode("latin-1"), request.body
    fields: dict[str, str] = {}
    # The first delimiter may stand at the very beginning, without a line end before it.
    start = 0 if body.startswith(delimiter[2:]) else body.find(delimiter) + 2
    if start == 1:
        raise MalformedPOSTRequest
    at = start + len(delimiter) - 2
    for _ in range(FIELDS_MAX):
        end_of_head, end = body.find(b"\r\n\r\n", at, at + FIELD_BYTES_MAX), body.find(delimiter, at)
        if body[at : at + 2] == b"--":
            break
        if end < 0 or end_of_head < 0 or end_of_head > end:
            raise MalformedPOSTRequest
        head = body[at:end_of_head].decode("utf-8", "replace")
        named = {what: quoted or token for what, quoted, token in _DISPOSITION.findall(head)}
        name = named.get("name", "").lower()
        if name == "file":
            return Form(
                fields, re.split(r"[/\\]", named.get("filename", ""))[-1], body[end_of_head + 4 : end]
            )
        if end - end_of_head > FIELD_BYTES_MAX:
            raise MalformedPOSTRequest
        fields[name] = body[end_of_head + 4 : end].decode("utf-8", "replace")
        at = end + len(delimiter)
    raise InvalidArgument(
        "POST requires exactly one file upload per request.", ArgumentName="file", ArgumentValue="0"
    )


# The policy ------------------------------------------------------------------------------------------


def check_policy(text: str, form: Form, bucket: str, key: str, now: float) -> None:
    """See that a decoded policy allows the form."""
    try:
        policy = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidPolicyDocument("Invalid Policy: Invalid JSON.") from None
    if not isinstance(policy, dict) or not isinstance(policy.get("expiration"), str):
        raise InvalidPolicyDocument("Invalid Policy: Policy missing expiration.")
    if not isinstance(policy.get("conditions"), list):
        raise InvalidPolicyDocument("Invalid Policy: Policy missing conditions.")
    if _epoch_s(policy["expiration"]) < now:
        raise AccessDenied("Invalid according to Policy: Policy expired.")
    # What stands for the file's name in the key is put in first: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTForms.html
    values = {**form.fields, "bucket": bucket, "key": key}
    mentioned = set()
    for operator, spelled, value in _each(policy["conditions"]):
        if operator == "content-length-range":
            _check_size(len(form.content), spelled, value)
            continue
        name = spelled.lower().removeprefix("$")
        mentioned.add(name)
        given = values.get(name, "")
        holds = given == value if operator == "eq" else given.startswith(value)
        if not holds or (name not in values and value) or not spelled.startswith("$"):
            raise _failed(operator, spelled, value)
    for name in form.fields:
        if name not in mentioned and name not in UNCONDITIONAL and not name.startswith("x-ignore-"):
            raise AccessDenied(f"Invalid according to Policy: Extra input fields: {name[:128]}")


def _failed(*condition: Any) -> AccessDenied:
    return AccessDenied(f"Invalid according to Policy: Policy Condition failed: {json.dumps(condition)}")


def _epoch_s(text: str) -> float:
    found = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d{1,9})?Z", text, re.ASCII)
    try:
        return calendar.timegm(time.strptime(found[1] if found else "", "%Y-%m-%dT%H:%M:%S"))
    except ValueError:
        raise InvalidPolicyDocument(f"Invalid Policy: Invalid 'expiration' value: '{text[:64]}'") from None


def _each(conditions: list) -> list[tuple[str, Any, Any]]:
    """Conditions in one form: (operator, name with its $ or least, value or most)."""
    made: list[tuple[str, Any, Any]] = []
    for each in conditions:
        if isinstance(each, dict):
            if len(each) != 1:
                # Recorded, as is what a name without its $ and a size that is none earn: localstack's
                # test_post_object_policy_conditions_validation_eq, test_post_object_policy_validation_size.
                raise InvalidPolicyDocument("Invalid Policy: Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.")
            name, value = next(iter(each.items()))
            if isinstance(value, str):
                made.append(("eq", "$" + name, value))
                continue
        elif isinstance(each, list) and len(each) == 3 and isinstance(each[0], str):
            operator = each[0].lower()
            if operator in ("eq", "starts-with") and all(isinstance(part, str) for part in each[1:]):
                made.append((operator, each[1], each[2]))
                continue
            if operator == "content-length-range":
                made.append((operator, each[1], each[2]))
                continue
        raise InvalidPolicyDocument("Invalid Policy: Invalid condition.")
    return made


def _check_size(size: int, said_least: Any, said_most: Any) -> None:
    try:
        least, most = int(said_least), int(said_most)
    except (TypeError, ValueError, OverflowError):
        raise _failed("content-length-range", said_least, said_most) from None
    if size > most:
        raise EntityTooLarge(ProposedSize=size, MaxSizeAllowed=most)
    if size < least:
        raise EntityTooSmall(ProposedSize=size, MinSizeAllowed=least)


# Who signed ------------------------------------------------------------------------------------------


def _lacking(name: str) -> InvalidArgument:
    """Recorded: localstack's test_post_request_missing_fields, test_post_request_missing_signature."""
    return InvalidArgument(
        f"Bucket POST must contain a field named '{name}'.  If it is specified, please check the order of the fields.",
        ArgumentName=name, ArgumentValue="",
    )  # fmt: skip


def _signer(home: Any, fields: dict[str, str], now: float) -> Any:
    """The principal who signed the policy, nobody if there is none. Raises what a wrong signature earns."""
    if "policy" not in fields or (OF_SIGNATURES | {"awsaccesskeyid", "signature"}).isdisjoint(fields):
        return identity.ANONYMOUS
    policy, token = fields["policy"], fields.get("x-amz-security-token")
    if "awsaccesskeyid" in fields or "signature" in fields:
        for name in ("AWSAccessKeyId", "Signature"):
            if name.lower() not in fields:
                raise _lacking(name)
        key, given, scope = fields["awsaccesskeyid"], fields.get("signature", ""), None
    else:
        for name in ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-Date"):
            if not fields.get(name.lower()):
                raise _lacking(name)
        if fields["x-amz-algorithm"] != signature.ALGORITHM:
            raise InvalidArgument(
                'X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"', ArgumentName="x-amz-algorithm"
            )
        key, *scope = fields["x-amz-credential"].rsplit("/", 4)
        if len(scope) != 4 or scope[3] != "aws4_request":
            raise InvalidArgument(
                'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".',
                ArgumentName="x-amz-credential",
            )
        given = fields["x-amz-signature"]
    principal, secret = identity.identify(home, key, token, "s3")
    if secret is not None:
        if scope is None:
            expected = base64.b64encode(hmac.digest(secret.encode(), policy.encode(), "sha1")).decode()
        else:
            expected = signing_key(secret, *scope[:3]).sign(policy.encode())
        if not hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace")):
            claim = Claim(key, "", "", "s3", "", given, "")
            signature_refusals.mismatch("s3", claim, "", policy)
    return principal


# The upload ------------------------------------------------------------------------------------------


async def serve(home: Any, request: Request, address: Any, request_id: str) -> Response:
    bucket = address.name if address.door == "s3" else request.path.strip("/")
    try:
        response = await _posted(home, request, bucket)
    except AwsError as error:
        response = home.gate.routes.named("s3", "PutObject").refuse(error, request_id)
        response.headers.update(error.headers or {})
    return response


async def _posted(home: Any, request: Request, bucket: str) -> Response:
    place = location(home, bucket)
    if place is not None and place.region != home.name:
        raise redirect(request, bucket, place.region)
    form, now = form_of(request), home.clock.now()
    fields = form.fields
    key = fields.get("key", "")
    if form.file_name:
        key = key.replace("${filename}", form.file_name)
    if not key:
        raise _lacking("key")
    principal = _signer(home, fields, now)
    # A policy that nobody signed says nothing: localstack's test_post_request_missing_fields.
    if "policy" in fields and principal is not identity.ANONYMOUS:
        try:
            text = base64.b64decode(fields["policy"], validate=True).decode()
        except (binascii.Error, ValueError):
            raise InvalidPolicyDocument("Invalid Policy: Invalid Base64 encoding.") from None
        check_policy(text, form, bucket, key, now)
    params = _params(home, fields) | {"Bucket": bucket, "Key": key, "Body": form.content}
    principal = changed(principal, context={**principal.context, POSTED: "POST"})
    made = await home.ask(principal, "s3:PutObject", params)
    return _answer(request, fields, bucket, key, made)


def _as_header(text: str) -> str:
    """What of a field a header can tell: in ISO-8859-1 a letter that it lacks is a blank. Recorded: localstack's
    test_post_object_with_unicode_metadata."""
    return text if text.isascii() else "".join([letter if ord(letter) < 256 else " " for letter in text])


def _params(home: Any, fields: dict[str, str]) -> dict[str, Any]:
    """What of a form is said about the object. A field we do not know is refused by name."""
    params: dict[str, Any] = {}
    metadata: dict[str, str] = {}
    for name, value in fields.items():
        member = PUT_MEMBERS.get(name)
        if member == "Expires":
            try:
                params[member] = timestamps.parsed(value)
            except ValueError:
                raise InvalidArgument(f"Invalid value for {name}", ArgumentName=name) from None
        elif member is not None:
            params[member] = _as_header(value)
        elif name.startswith("x-amz-meta-"):
            metadata[name.removeprefix("x-amz-meta-")] = value
        elif name == "tagging":
            document = Request("PUT", "/b/k", "tagging", {}, value.encode())
            read = home.gate.routes.named("s3", "PutObjectTagging").codec.read(
                document, {"Bucket": "b", "Key": "k"}
            )
            tags = (read.get("Tagging") or {}).get("TagSet") or []
            params["Tagging"] = urlencode([(each.get("Key", ""), each.get("Value", "")) for each in tags])
        elif name.startswith("x-amz-") and name not in OF_SIGNATURES:
            raise NotImplementedHere(f"the form field {name[:64]} of s3")
    return {**params, "Metadata": metadata} if metadata else params


def _answer(
    request: Request, fields: dict[str, str], bucket: str, key: str, made: dict[str, Any]
) -> Response:
    path = request.path.rstrip("/")
    scheme = "https" if request.is_tls else "http"
    headers = {"ETag": made["ETag"], "Location": f"{scheme}://{request.host}{path}/{quote(key)}"}
    headers |= {f"x-amz-checksum-{name[8:].lower()}": value for name, value in made.items() if name.startswith("Checksum")}
    if "VersionId" in made:
        headers["x-amz-version-id"] = made["VersionId"]
    if "ServerSideEncryption" in made:
        headers["x-amz-server-side-encryption"] = made["ServerSideEncryption"]
    if "SSEKMSKeyId" in made:
        headers["x-amz-server-side-encryption-aws-kms-key-id"] = made["SSEKMSKeyId"]
    redirect = fields.get("success_action_redirect") or fields.get("redirect") or ""
    if redirect.startswith(("http://", "https://")):
        told = urlencode({"bucket": bucket, "key": key, "etag": made["ETag"]})
        headers["Location"] = f"{redirect}{'&' if '?' in redirect else '?'}{told}"
        return Response(303, b"", headers)
    status = fields.get("success_action_status", "")
    if status != "201":
        return Response(200 if status == "200" else 204, b"", headers)
    body = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<PostResponse><Location>{escaped(headers["Location"])}</Location>'
        f"<Bucket>{escaped(bucket)}</Bucket><Key>{escaped(key)}</Key><ETag>{escaped(made['ETag'])}</ETag></PostResponse>"
    )
    return Response(201, body.encode(), {**headers, "Content-Type": "application/xml"})
