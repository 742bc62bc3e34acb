"""What botocore signs we accept, and nothing else."""

from __future__ import annotations

import calendar
import hashlib
import hmac
import time
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st
from refusals import refuses

from kumoniwa.gate import canonical_request, signature, signature_payload
from kumoniwa.gate.address import Address
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.wire.message import Request

# https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html uses these keys in its examples.
KEY, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


def received(signed: AWSRequest, body: bytes = b"") -> Request:
    parts = urlsplit(signed.url)
    headers = {name.lower(): value for name, value in signed.headers.items()}
    return Request(signed.method, parts.path or "/", parts.query, {"host": parts.netloc} | headers, body)


def signed(
    signer=SigV4Auth,
    service="dynamodb",
    method="POST",
    url="http://dynamodb.us-east-1.amazonaws.com/",
    body=b"{}",
    headers=None,
    token=None,
    **options,
):
    request = AWSRequest(method, url, headers=headers or {}, data=body)
    signer(Credentials(KEY, SECRET, token), service, "us-east-1", **options).add_auth(request)
    return received(request, body)


def moment(claim: signature.Claim) -> float:
    return calendar.timegm(time.strptime(claim.at, "%Y%m%dT%H%M%SZ"))


def check(request: Request, family: str | None = None, after_s: float = 0, **expected) -> signature.Claim:
    claim = signature.claim(request, family)
    signature.verify(request, claim, SECRET, moment(claim) + after_s, family, **expected)
    return claim


def refusal(request: Request, family: str | None = None, after_s: float = 0, **expected) -> AwsError:
    with pytest.raises(AwsError) as caught:
        check(request, family, after_s, **expected)
    return caught.value


JSON = {"X-Amz-Target": "DynamoDB_20120810.GetItem", "Content-Type": "application/x-amz-json-1.0"}


def test_a_claim_says_who_signed_for_what():
    claim = check(signed(token="session"), "json")
    assert (claim.access_key, claim.region, claim.service) == (KEY, "us-east-1", "dynamodb")
    assert claim.session_token == "session"
    assert not claim.is_presigned


def test_a_request_without_signature_claims_nothing():
    assert signature.claim(Request("GET", "/", "list-type=2", {"host": "s3.amazonaws.com"})) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://apigateway.us-east-1.amazonaws.com/a/b",
        "http://apigateway.us-east-1.amazonaws.com/a%20b/c%2Fd/e:f*",
        "http://apigateway.us-east-1.amazonaws.com/a//b/./c/../d/",
        "http://apigateway.us-east-1.amazonaws.com/?b=2&a=1&a=0&empty=&x%20y=%2B",
    ],
)
def test_paths_and_queries_are_spelled_as_botocore_spells_them(url):
    check(signed(service="apigateway", method="GET", url=url, body=b""), "rest-json")


@pytest.mark.parametrize(
    "key", ["a", "a/b//c/../d", "space%20and%2Bplus", "%E6%97%A5%E6%9C%AC", "star%2A%28%29~"]
)
def test_s3_keys_are_neither_normalised_nor_encoded_twice(key):
    url = f"http://bucket.s3.us-east-1.amazonaws.com/{key}?versionId=x&acl"
    check(signed(S3SigV4Auth, "s3", "GET", url, b""), "s3", service="s3", region="us-east-1")


@pytest.mark.parametrize("family", ["json", "query", "rest-json", "s3"])
def test_every_part_of_a_signed_request_counts(family):
    def fresh():
        headers = {"X-Amz-Meta-A": "1"} if family == "s3" else dict(JSON)
        signer, service = (S3SigV4Auth, "s3") if family == "s3" else (SigV4Auth, "dynamodb")
        return signed(signer, service, url="http://host.example/p?q=1", headers=headers)

    check(fresh(), family)
    tampered = []
    for field, value in [("method", "PUT"), ("path", "/other"), ("query", "q=2")]:
        request = fresh()
        setattr(request, field, value)
        tampered.append(request)
    for name in ("host", "x-amz-date", "x-amz-meta-a" if family == "s3" else "x-amz-target"):
        request = fresh()
        old = request.headers[name]
        request.headers[name] = old[:-2] + ("8Z" if old.endswith("9Z") else "9Z")
        tampered.append(request)
    if family != "s3":
        request = fresh()
        request.body += b" "
        tampered.append(request)
    codes = {"s3": "SignatureDoesNotMatch", "query": "SignatureDoesNotMatch"}
    for request in tampered:
        assert refusal(request, family).code == codes.get(family, "InvalidSignatureException")


def test_another_secret_is_refused_with_the_strings_that_should_have_been_signed():
    # https://github.com/mhart/dynalite records the text.
    request = signed(headers=JSON)
    claim = signature.claim(request)
    with pytest.raises(AwsError) as caught:
        signature.verify(request, claim, "other", moment(claim))
    assert caught.value.code == "InvalidSignatureException"
    assert (
        "The Canonical String for this request should have been\n'POST\n/\n\ncontent-type:"
        in caught.value.text
    )
    assert f"'AWS4-HMAC-SHA256\n{claim.at}\n{claim.scope}\n" in caught.value.text


def test_s3_shows_what_it_signed_in_members():
    request = signed(S3SigV4Auth, "s3", "GET", "http://b.s3.amazonaws.com/k", b"")
    request.path = "/other"
    error = refusal(request, "s3")
    assert error.members["AWSAccessKeyId"] == KEY
    assert error.members["CanonicalRequest"].startswith("GET\n/other\n")
    assert error.members["StringToSignBytes"].startswith("41 57 53 34")


def test_signatures_grow_old():
    request = signed(headers=JSON)
    at = signature.claim(request).at
    check(request, after_s=299)
    late, early = refusal(request, after_s=301), refusal(request, after_s=-301)
    # https://github.com/jingai/kanzi/issues/270 and https://github.com/serverless/serverless/issues/6360
    assert late.text.startswith(f"Signature expired: {at} is now earlier than ")
    assert late.text.endswith(" - 5 min.)")
    assert early.text.startswith(f"Signature not yet current: {at} is still later than ")


def test_s3_allows_a_quarter_of_an_hour():
    request = signed(S3SigV4Auth, "s3", "GET", "http://b.s3.amazonaws.com/k", b"")
    check(request, "s3", after_s=890)
    error = refusal(request, "s3", after_s=910)
    assert error.code == "RequestTimeTooSkewed"
    assert error.members["MaxAllowedSkewMilliseconds"] == 900000


def presigned(expires=60):
    url = "http://b.s3.us-east-1.amazonaws.com/a%20b?response-content-type=text%2Fplain"
    return signed(S3SigV4QueryAuth, "s3", "GET", url, b"", token="t/+=", expires=expires)


def test_a_presigned_url_is_good_until_it_expires():
    claim = check(presigned(), "s3", after_s=59)
    assert claim.is_presigned
    assert claim.session_token == "t/+="
    error = refusal(presigned(), "s3", after_s=61)
    assert (error.code, error.text) == ("AccessDenied", "Request has expired")
    assert error.members["X-Amz-Expires"] == 60


def test_a_presigned_url_cannot_be_changed():
    for old, new in [
        ("response-content-type=text", "response-content-type=html"),
        ("Expires=60", "Expires=600"),
    ]:
        request = presigned()
        assert old in request.query
        request.query = request.query.replace(old, new)
        assert refusal(request, "s3").code == "SignatureDoesNotMatch"


def test_a_presigned_url_carries_no_further_signed_meaning():
    request = presigned()
    request.headers["x-amz-acl"] = "public-read"
    error = refusal(request, "s3")
    assert error.text == "There were headers present in the request which were not signed"
    assert error.members["HeadersNotSigned"] == "x-amz-acl"


def test_other_services_may_be_presigned_too():
    url = "http://sts.us-east-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15"
    check(signed(SigV4QueryAuth, "sts", "GET", url, b""), "query")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            "X-Amz-Expires=604801",
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires",
        ),
        ("X-Amz-Expires=-1", "X-Amz-Expires must be non-negative"),
        ("X-Amz-Expires=x", "X-Amz-Expires should be a number"),
        (
            "",
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature",
        ),
    ],
)
def test_a_malformed_presigned_url_is_refused_in_s3s_words(change, text):
    request = presigned()
    request.query = request.query.replace("X-Amz-Expires=60", change)
    error = refusal(request)
    assert error.code == "AuthorizationQueryParametersError"
    assert error.text.startswith(text)


def test_a_header_of_version_2_is_signed_as_amazon_signs_it():
    # https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html, "Object GET" and "Object PUT"
    headers = {"date": "Tue, 27 Mar 2007 19:36:42 +0000", "authorization": f"AWS {KEY}:qgk2+6Sv9/oM7G3qLEjTH1a1l1g="}
    request = Request("GET", "/photos/puppy.jpg", "", headers)
    request.address = Address(region="us-west-1", signing_name="s3", door="s3", name="awsexamplebucket1")
    now = calendar.timegm((2007, 3, 27, 19, 36, 42))
    claim = signature.claim(request, "s3")
    assert (claim.access_key, claim.is_presigned) == (KEY, False)
    signature.verify(request, claim, SECRET, now, "s3")
    for at, secret, code in ((now + 1000, SECRET, "RequestTimeTooSkewed"), (now, "other", "SignatureDoesNotMatch")):
        with pytest.raises(AwsError) as caught:
            signature.verify(request, claim, secret, at, "s3")
        assert caught.value.code == code
    request.headers["authorization"] = "AWS rubbish"
    with pytest.raises(AwsError) as caught:
        signature.claim(request, "s3")
    assert caught.value.code == "InvalidArgument"


def test_version_2_is_refused_by_name_in_younger_regions():
    old = Request("GET", "/k", "", {"host": "b.s3.amazonaws.com", "authorization": "AWS A:b="})
    old.address = Address(region="eu-central-1", signing_name="s3")
    with pytest.raises(AwsError) as caught:
        signature.claim(old, "s3")
    # https://github.com/mozilla-ai/lumigator/issues/1079
    assert caught.value.code == "InvalidRequest"
    text = "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
    assert caught.value.text == text


def test_version_4a_is_not_implemented():
    header = "AWS4-ECDSA-P256-SHA256 Credential=A/20250101/s3/aws4_request, SignedHeaders=host, Signature=00"
    with pytest.raises(NotImplementedHere):
        signature.claim(Request("GET", "/", "", {"authorization": header, "x-amz-date": "20250101T000000Z"}))


GOOD = "Credential=A/20250101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=" + "0" * 64


@pytest.mark.parametrize(
    ("header", "code", "text"),
    [
        # https://github.com/aws/chalice/issues/828 and https://github.com/mhart/dynalite
        (
            "AWS4-HMAC-SHA256",
            "IncompleteSignatureException",
            "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. "
            "Authorization header requires 'SignedHeaders' parameter. Authorization=AWS4-HMAC-SHA256",
        ),
        (
            "AWS4-HMAC-SHA256 Credential= A, SignedHeaders=host, Signature=0",
            "IncompleteSignatureException",
            "'A' not a valid key=value pair (missing equal-sign) in Authorization header: 'AWS4-HMAC-SHA256 Credential= A, "
            "SignedHeaders=host, Signature=0'.",
        ),
        (
            "AWS4-HMAC-SHA256 Credential=a/b/c/d, SignedHeaders=host, Signature=0",
            "IncompleteSignatureException",
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'a/b/c/d'",
        ),
        (
            "AWS4-HMAC-SHA25 " + GOOD,
            "IncompleteSignatureException",
            "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA25' (only AWS4-HMAC-SHA256 for now). ",
        ),
        ("Bearer x", "MissingAuthenticationTokenException", "Request is missing Authentication Token"),
    ],
)
def test_a_malformed_header_is_refused_in_the_json_familys_words(header, code, text):
    request = Request(
        "POST", "/", "", {"x-amz-target": "X.Y", "authorization": header, "x-amz-date": "20250101T000000Z"}
    )
    error = refusal(request)
    assert (error.code, error.text) == (code, text)


def test_the_order_and_the_spacing_of_the_header_are_free():
    request = signed(headers=JSON)
    scheme, credential, names, proof = request.headers["authorization"].replace(",", "").split(" ")
    request.headers["authorization"] = f"{scheme}  {proof},{names},   {credential}"
    check(request)


def test_the_date_header_stands_in_for_x_amz_date():
    request = Request(
        "POST",
        "/",
        "",
        {"authorization": "AWS4-HMAC-SHA256 " + GOOD, "date": "Wed, 01 Jan 2025 10:00:00 GMT"},
    )
    assert signature.claim(request, "json").at == "20250101T100000Z"


def test_a_credential_scoped_elsewhere_is_refused():
    error = refusal(signed(headers=JSON), "json", region="eu-west-1", service="sqs")
    assert error.text == (
        "Credential should be scoped to a valid region, not 'us-east-1'. "
        "Credential should be scoped to correct service: 'sqs'."
    )
    request = signed(S3SigV4Auth, "s3", "GET", "http://b.s3.amazonaws.com/k", b"")
    error = refusal(request, "s3", region="eu-central-1")
    # https://github.com/aws/aws-sdk-js/issues/986
    text = "The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-central-1'"
    assert (error.code, error.text) == ("AuthorizationHeaderMalformed", text)


def test_the_host_must_be_signed():
    request = signed(headers=JSON)
    request.headers["authorization"] = request.headers["authorization"].replace(";host;", ";hose;")
    error = refusal(request)
    assert error.text == "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."


def test_the_published_example_of_s3_verifies():
    # https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html "Example: GET Object"
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    headers = {
        "host": "examplebucket.s3.amazonaws.com",
        "range": "bytes=0-9",
        "x-amz-content-sha256": empty,
        "x-amz-date": "20130524T000000Z",
        "authorization": "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    }
    check(Request("GET", "/test.txt", "", headers), "s3")


@given(
    st.one_of(
        st.text(max_size=80),
        st.text("AWS4-HMCSH256 Credntial=SigndHers,/;\t", max_size=120).map("AWS4-".__add__),
    ),
    st.one_of(st.none(), st.text("0123456789TZ", max_size=17), st.text(max_size=10)),
    st.sampled_from(["json", "query", "rest-json", "s3", "ec2", None]),
)
def test_no_header_is_ever_more_than_a_refusal(header, at, family):
    headers = {"authorization": header} | ({} if at is None else {"x-amz-date": at})
    request = Request("POST", "/", "", headers)
    try:
        claim = signature.claim(request, family)
        signature.verify(request, claim, SECRET, 0, family)
    except AwsError as error:
        assert error.text or error.code


@given(st.text("X-AmzSignatureCredlpoHsDT=&%/0123456789", max_size=120))
def test_no_query_is_ever_more_than_a_refusal(query):
    request = Request("GET", "/", f"X-Amz-Algorithm=AWS4-HMAC-SHA256&{query}", {"host": "x"})
    with pytest.raises(AwsError):
        signature.claim(request)


# Bodies ------------------------------------------------------------------------------------------


def read(reader, body: bytes, size: int) -> bytes:
    payload = b"".join(reader.feed(body[start : start + size]) for start in range(0, len(body), size))
    reader.finish()
    return payload


# https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html: 66,560 bytes of "a" in chunks of 64 KiB and 1 KiB.
SEED = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
CHUNKS = [
    ("10000", "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648", 65536),
    ("400", "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497", 1024),
    ("0", "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9", 0),
]
STREAMED = b"".join(
    f"{size};chunk-signature={proof}\r\n".encode() + b"a" * count + b"\r\n" for size, proof, count in CHUNKS
)


def streamed(body_sha256="STREAMING-AWS4-HMAC-SHA256-PAYLOAD", length="66560"):
    headers = {
        "host": "s3.amazonaws.com",
        "content-encoding": "aws-chunked",
        "content-length": "66824",
        "x-amz-content-sha256": body_sha256,
        "x-amz-date": "20130524T000000Z",
        "x-amz-decoded-content-length": length,
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
        "authorization": "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
        "SignedHeaders=content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;"
        f"x-amz-decoded-content-length;x-amz-storage-class,Signature={SEED}",
    }
    return Request("PUT", "/examplebucket/chunkObject.txt", "", headers)


@pytest.mark.parametrize("size", [1000, 7, 100_000])
def test_the_published_example_of_chunked_upload_verifies(size):
    request = streamed()
    reader = signature_payload.of(request, check(request, "s3"), SECRET)
    assert read(reader, STREAMED, size) == b"a" * 66560


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"aaaa\r\n400", b"aaab\r\n400"), (b"b6c6ea8a", b"b6c6ea8b"), (b"ad80c730", b"ad80c731")],
)
def test_a_tampered_chunk_is_refused(old, new):
    request = streamed()
    reader = signature_payload.of(request, signature.claim(request), SECRET)
    assert STREAMED.count(old) == 1
    with pytest.raises(AwsError) as caught:
        read(reader, STREAMED.replace(old, new), 4096)
    assert caught.value.code == "SignatureDoesNotMatch"


def test_a_chunked_body_that_stops_early_is_incomplete():
    request = streamed()
    for body in (STREAMED[:-100], STREAMED[:60_000], b""):
        reader = signature_payload.of(request, signature.claim(request), SECRET)
        with pytest.raises(AwsError) as caught:
            read(reader, body, 9999)
        assert caught.value.code == "IncompleteBody"


def test_without_a_secret_chunks_are_only_unpacked():
    request = streamed(length="66559")
    reader = signature_payload.of(request, signature.claim(request), None)
    with pytest.raises(AwsError) as caught:
        read(reader, STREAMED.replace(b"ad80", b"0000"), 4096)
    assert "number of bytes specified" in caught.value.text


def test_unsigned_chunks_bring_their_checksum_as_a_trailer():
    request = streamed("STREAMING-UNSIGNED-PAYLOAD-TRAILER", "5")
    reader = signature_payload.of(request, None, None)
    body = b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n"
    assert read(reader, body, 3) == b"hello"
    assert reader.trailers == {"x-amz-checksum-crc32": "NhCmhg=="}


def _signed_trailer_body(secret: str, claim: signature.Claim, checksum: str) -> bytes:
    """Written anew from https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html."""
    key = ("AWS4" + secret).encode()
    for part in claim.scope.split("/"):
        key = hmac.new(key, part.encode(), "sha256").digest()

    def sign(*lines: str) -> str:
        return hmac.new(key, "\n".join(lines).encode(), "sha256").hexdigest()

    def digest(data: bytes) -> str:
        return hashlib.sha256(data).hexdigest()

    start, previous, body = ("AWS4-HMAC-SHA256-PAYLOAD", claim.at, claim.scope), claim.signature, b""
    for data in (b"hello", b""):
        previous = sign(*start, previous, digest(b""), digest(data))
        body += f"{len(data):x};chunk-signature={previous}\r\n".encode() + (data + b"\r\n" if data else b"")
    trailer = f"x-amz-checksum-crc32:{checksum}\n".encode()
    proof = sign("AWS4-HMAC-SHA256-TRAILER", claim.at, claim.scope, previous, digest(trailer))
    return body + trailer.replace(b"\n", b"\r\n") + f"x-amz-trailer-signature:{proof}\r\n\r\n".encode()


def test_signed_trailers_are_verified():
    request = streamed("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", "5")
    claim = signature.claim(request)
    body = _signed_trailer_body(SECRET, claim, "NhCmhg==")
    reader = signature_payload.of(request, claim, SECRET)
    assert read(reader, body, 11) == b"hello"
    assert reader.trailers == {"x-amz-checksum-crc32": "NhCmhg=="}
    for old, new, code in [
        (b"NhCmhg", b"NhCmhh", "SignatureDoesNotMatch"),
        (b"hello", b"hallo", "SignatureDoesNotMatch"),
        (b"x-amz-trailer-signature", b"x-amz-else", "MalformedTrailerError"),
        # Only signatures of Version 4A are filled up.
        (b"\r\n\r\n", b"*\r\n\r\n", "SignatureDoesNotMatch"),
    ]:
        reader = signature_payload.of(request, claim, SECRET)
        with pytest.raises(AwsError) as caught:
            read(reader, body.replace(old, new), 11)
        assert caught.value.code == code


def test_a_declared_hash_must_be_the_bodys():
    request = signed(S3SigV4Auth, "s3", "PUT", "http://b.s3.amazonaws.com/k", b"body")
    request.headers["x-amz-content-sha256"] = canonical_request.EMPTY_SHA256
    reader = signature_payload.of(request, signature.claim(request), SECRET)
    with pytest.raises(AwsError) as caught:
        read(reader, b"body", 2)
    assert caught.value.code == "XAmzContentSHA256Mismatch"


def test_what_a_key_that_nobody_issued_signed_proves_nothing():
    request = signed(S3SigV4Auth, "s3", "PUT", "http://b.s3.amazonaws.com/k", b"body")
    request.headers["x-amz-content-sha256"] = canonical_request.EMPTY_SHA256
    assert read(signature_payload.of(request, signature.claim(request), None), b"body", 2) == b"body"


def test_s3_wants_to_know_the_payload():
    request = signed(S3SigV4Auth, "s3", "GET", "http://b.s3.amazonaws.com/k", b"")
    del request.headers["x-amz-content-sha256"]
    assert refusal(request, "s3").text == "Missing required header for this request: x-amz-content-sha256"
    request.headers["x-amz-content-sha256"] = "nonsense"
    assert refusal(request, "s3").code == "InvalidArgument"


@given(st.binary(max_size=200), st.sampled_from([*canonical_request.STREAMING]), st.booleans())
def test_no_body_is_ever_more_than_a_refusal(body, kind, is_secret_known):
    request = streamed(kind)
    reader = signature_payload.of(request, signature.claim(request), SECRET if is_secret_known else None)
    with pytest.raises(AwsError):
        read(reader, body, 17)


@pytest.mark.parametrize(
    ("service", "ask", "code", "words"),
    [
        # botocore's test_regionalized_endpoints: the region that was signed for is told.
        ("sts", lambda client: client.get_caller_identity(), "SignatureDoesNotMatch", "scoped to a valid region, not 'us-east-1'"),
        ("sqs", lambda client: client.list_queues(), "InvalidSignatureException", "scoped to a valid region, not 'us-east-1'"),
        ("s3", lambda client: client.list_buckets(), "AuthorizationHeaderMalformed", "the region 'us-east-1' is wrong; expecting 'eu-west-1'"),
    ],
)
def test_who_signs_for_one_region_is_refused_at_the_name_of_another(cloud, service, ask, code, words):
    cloud.region("eu-west-1")
    for region in "eu-west-1", "us-east-1":
        client = cloud.own_client(service, region)

        def go_there(request, **_):
            request.url = request.url.replace("http://localhost:4566", f"https://{service}.eu-west-1.amazonaws.com")

        client.meta.events.register("before-sign", go_there)
        if region == "eu-west-1":
            assert ask(client=client)["ResponseMetadata"]["HTTPStatusCode"] == 200
        else:
            refuses(ask, code, words, client=client)
