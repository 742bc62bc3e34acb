"""Cross-origin rules: which pages of other origins a browser lets read the answers of a bucket.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.services.s3 import body as bodies
from kumoniwa.services.s3.bucket import Bucket, found, location
from kumoniwa.wire.message import Request
from kumoniwa.wire.xml import MalformedXML

METHODS = ("GET", "PUT", "HEAD", "POST", "DELETE")
RULES_MAX = 100
VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"


class NoSuchCORSConfiguration(AwsError):
    status = 404
    message = "The CORS configuration does not exist"


class InvalidCorsRequest(AwsError):
    code = "InvalidRequest"
    status = 400


def bucket_of(home: Any, request: Request) -> Bucket | None:
    """The bucket a request's path or host names, if it lives here."""
    address = request.address
    if address is not None and address.door in ("s3", "s3-website"):
        name = address.name
    else:
        name = request.path[1:].partition("/")[0]
    place = location(home, name)
    return (
        home.store.shelf(place.account, Bucket).get(name)
        if place is not None and place.region == home.name
        else None
    )


def _fits(pattern: str, text: str) -> bool:
    """One ``*`` stands for anything."""
    head, star, tail = pattern.partition("*")
    if not star:
        return pattern == text
    return len(text) >= len(head) + len(tail) and text.startswith(head) and text.endswith(tail)


def rule_for(bucket: Bucket, origin: str, method: str, headers: list[str] | None = None) -> dict | None:
    """The first rule that allows an origin to use a method and to send some headers."""
    for rule in bucket.cors:
        if method not in rule["AllowedMethods"] or not any(
            _fits(each, origin) for each in rule["AllowedOrigins"]
        ):
            continue
        allowed = [each.lower() for each in rule.get("AllowedHeaders", ())]
        if all(any(_fits(each, name) for each in allowed) for name in headers or ()):
            return rule
    return None


def asked_headers(request: Request) -> list[str]:
    """The names, in small letters, of the headers that a page would like to send."""
    said = request.headers.get("access-control-request-headers", "")
    return [name.strip().lower() for name in said.split(",") if name.strip()]


def headers_for(rule: dict, origin: str) -> dict[str, str]:
    is_any = "*" in rule["AllowedOrigins"]
    headers = {
        "Access-Control-Allow-Origin": "*" if is_any else origin,
        "Access-Control-Allow-Methods": ", ".join(rule["AllowedMethods"]),
    }
    if rule.get("ExposeHeaders"):
        headers["Access-Control-Expose-Headers"] = ", ".join(rule["ExposeHeaders"])
    if rule.get("MaxAgeSeconds") is not None:
        headers["Access-Control-Max-Age"] = str(rule["MaxAgeSeconds"])
    if not is_any:
        headers["Access-Control-Allow-Credentials"] = "true"
    return headers | {"Vary": VARY}


def headers_of(home: Any, request: Request) -> dict[str, str]:
    """What stands in the answer to a page of another origin."""
    bucket = bucket_of(home, request)
    if bucket is None:
        return {}
    origin = request.headers["origin"]
    # Headers that are asked for count as in a preflight: recorded by localstack's test_cors_match_headers.
    method, asked = request.headers.get("access-control-request-method", request.method), asked_headers(request)
    rule = rule_for(bucket, origin, method, asked)
    return headers_for(rule, origin) if rule is not None else {}


# Operations ------------------------------------------------------------------------------------------


def PutBucketCors(
    call: Call,
    *,
    Bucket: str,
    CORSConfiguration: dict[str, Any] | None = None,
    ChecksumAlgorithm: str | None = None,
    ContentMD5: str | None = None,
    ExpectedBucketOwner: str | None = None,
) -> None:
    bucket = found(call, Bucket)
    bodies.check_document(call)
    rules = (CORSConfiguration or {}).get("CORSRules") or []
    if not 1 <= len(rules) <= RULES_MAX:
        raise MalformedXML
    for rule in rules:
        if not rule.get("AllowedMethods") or not rule.get("AllowedOrigins"):
            raise MalformedXML
        for method in rule["AllowedMethods"]:
            if method not in METHODS:
                raise InvalidCorsRequest(
                    f"Found unsupported HTTP method in CORS config. Unsupported method is {method}"
                )
        for origin in rule["AllowedOrigins"]:
            if origin.count("*") > 1:
                raise InvalidCorsRequest(f'AllowedOrigin "{origin}" can not have more than one wildcard.')
        for header in rule.get("AllowedHeaders") or ():
            if header.count("*") > 1:
                raise InvalidCorsRequest(f'AllowedHeader "{header}" can not have more than one wildcard.')
        for header in rule.get("ExposeHeaders") or ():
            if "*" in header:
                raise InvalidCorsRequest(
                    f'ExposeHeader "{header}" contains wildcard. We currently do not support wildcard for ExposeHeader.'
                )
    call.shelf(type(bucket))[Bucket] = changed(bucket, cors=tuple(rules))


def GetBucketCors(call: Call, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> dict:
    bucket = found(call, Bucket)
    if not bucket.cors:
        raise NoSuchCORSConfiguration(BucketName=Bucket)
    return {"CORSRules": list(bucket.cors)}


def DeleteBucketCors(call: Call, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> None:
    bucket = found(call, Bucket)
    call.shelf(type(bucket))[Bucket] = changed(bucket, cors=())
