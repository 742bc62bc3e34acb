"""Signed URLs and cookies, and functions at the edge."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError
from botocore.signers import CloudFrontSigner
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from edge_workshop import Edge, behavior, items


@pytest.fixture
def edge(cloud) -> Edge:
    edge = Edge(cloud)
    edge.put("index.html", "secret")
    return edge


@pytest.fixture(scope="module", params=["rsa", "ecdsa"])
def key(request):
    return rsa.generate_private_key(65537, 2048) if request.param == "rsa" else ec.generate_private_key(ec.SECP256R1())


def _trusting(edge: Edge, key, name: str = "k") -> tuple:
    """A distribution that trusts a key, and the key's id."""
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    made = edge.client.create_public_key(PublicKeyConfig={"CallerReference": name, "Name": name, "EncodedKey": pem})["PublicKey"]
    group = edge.client.create_key_group(KeyGroupConfig={"Name": name, "Items": [made["Id"]]})["KeyGroup"]
    return edge.site(default=behavior(TrustedKeyGroups={"Enabled": True, **items(group["Id"])})), made["Id"]


def _signer(key, key_id: str) -> CloudFrontSigner:
    def sign(message: bytes) -> bytes:
        return key.sign(message, padding.PKCS1v15(), SHA1()) if isinstance(key, rsa.RSAPrivateKey) else key.sign(message, ec.ECDSA(SHA1()))

    return CloudFrontSigner(key_id, sign)


def _moment(edge: Edge, after_s: float) -> datetime:
    return datetime.fromtimestamp(edge.cloud.now() + after_s, UTC)


def _asked(site, url: str):
    return site.get("/" + url.split("/", 3)[3])


def _code(answer) -> str:
    return answer.body.decode().partition("<Code>")[2].partition("</Code>")[0]


def test_a_signed_url_opens_what_it_names_until_it_ends(edge, key):
    site, key_id = _trusting(edge, key)
    assert (site.get("/").status, _code(site.get("/"))) == (403, "MissingKey")
    url = _signer(key, key_id).generate_presigned_url(f"https://{site.domain}/index.html", date_less_than=_moment(edge, 60))
    assert _asked(site, url).body == b"secret"
    assert _code(_asked(site, url.replace("/index.html", "/other.html"))) == "AccessDenied"
    edge.cloud.sleep(61)
    assert _code(_asked(site, url)) == "AccessDenied"


def test_a_custom_policy_may_name_many_things_a_beginning_and_a_network(edge, key):
    site, key_id = _trusting(edge, key)
    signer = _signer(key, key_id)

    def signed(resource: str, **more) -> str:
        policy = signer.build_policy(resource, _moment(edge, 60), **more)
        return signer.generate_presigned_url(f"https://{site.domain}/index.html", policy=policy)

    assert _asked(site, signed(f"http*://{site.domain}/*.html")).status == 200
    assert _asked(site, signed(f"https://{site.domain}/index.htm?", ip_address="127.0.0.0/8")).status == 200
    assert _code(_asked(site, signed(f"https://{site.domain}/*", ip_address="10.0.0.0/8"))) == "AccessDenied"
    assert _code(_asked(site, signed(f"https://{site.domain}/*", date_greater_than=_moment(edge, 30)))) == "AccessDenied"
    assert _code(_asked(site, signed("https://other.example/*"))) == "AccessDenied"


def test_signed_cookies_open_it_too(edge, key):
    site, key_id = _trusting(edge, key)
    signer = _signer(key, key_id)
    url = signer.generate_presigned_url("http://x/", policy=signer.build_policy("*", _moment(edge, 60), ip_address="0.0.0.0/0"))
    said = dict(pair.split("=", 1) for pair in url.partition("?")[2].split("&"))
    cookie = "; ".join(f"CloudFront-{name}={value}" for name, value in said.items())
    assert site.get("/", cookie=cookie).body == b"secret"
    assert _code(site.get("/", cookie=cookie.replace(key_id, "K0000000000000"))) == "InvalidKey"


def test_another_key_and_what_was_tampered_with_is_refused(edge, key):
    site, key_id = _trusting(edge, key)
    stranger = rsa.generate_private_key(65537, 2048)
    url = _signer(stranger, key_id).generate_presigned_url(f"https://{site.domain}/index.html", date_less_than=_moment(edge, 60))
    assert _code(_asked(site, url)) == "AccessDenied"
    url = _signer(key, key_id).generate_presigned_url(f"https://{site.domain}/index.html", date_less_than=_moment(edge, 60))
    expires = str(int(edge.cloud.now() + 60))
    assert _code(_asked(site, url.replace(expires, str(int(expires) + 9)))) == "AccessDenied"
    assert _code(_asked(site, url.partition("Signature=")[0] + f"Signature=!&Key-Pair-Id={key_id}")) == "MalformedSignature"
    assert _code(site.get(f"/?Policy=!!&Signature=aaaa&Key-Pair-Id={key_id}")) == "MalformedPolicy"


def test_the_cache_does_not_tell_signed_urls_apart(edge, key):
    site, key_id = _trusting(edge, key)
    urls = [_signer(key, key_id).generate_presigned_url(f"https://{site.domain}/index.html", date_less_than=_moment(edge, s)) for s in (60, 70)]
    assert [_asked(site, url).cache for url in urls] == ["Miss", "Hit"]


# Functions ---------------------------------------------------------------------------------------------------------


def _function(edge: Edge, code: str, name: str = "f", runtime: str = "cloudfront-js-2.0") -> str:
    config = {"Comment": "", "Runtime": runtime}
    made = edge.client.create_function(Name=name, FunctionConfig=config, FunctionCode=code.encode())
    edge.client.publish_function(Name=name, IfMatch=made["ETag"])
    return made["FunctionSummary"]["FunctionMetadata"]["FunctionARN"]


def _with(edge: Edge, code: str, event_type: str = "viewer-request", **more):
    arn = _function(edge, code, **more)
    return edge.site(default=behavior(FunctionAssociations=items({"FunctionARN": arn, "EventType": event_type})))


def test_a_function_rewrites_a_request(edge):
    edge.put("a/index.html", "page a")
    site = _with(edge, "function handler(event) { var r = event.request; if (r.uri.endsWith('/')) r.uri += 'index.html'; return r; }")
    assert site.get("/a/").body == b"page a" and site.get("/a/").cache == "Hit"


def test_an_asynchronous_function_answers_itself(edge):
    code = """async function handler(event) {
      await Promise.resolve();
      const to = event.request.querystring.to.value;
      return { statusCode: 302, statusDescription: 'Found', headers: { location: { value: '/' + to } },
               cookies: { seen: { value: 'yes', attributes: 'Path=/' } } };
    }"""
    answer = _with(edge, code).get("/x?to=there")
    assert (answer.status, answer.headers["location"], answer.cache) == (302, "/there", "FunctionGeneratedResponse")
    assert answer.headers["set-cookie"] == "seen=yes; Path=/"


def test_a_function_changes_the_headers_of_a_response(edge):
    code = "function handler(event) { var r = event.response; r.headers['x-mine'] = { value: event.request.method }; return r; }"
    site = _with(edge, code, "viewer-response")
    assert [site.get("/").headers["x-mine"] for _ in range(2)] == ["GET", "GET"] and site.get("/").cache == "Hit"


@pytest.mark.parametrize(
    "code", ["function handler(event) { throw new Error('no'); }", "function handler(event) { return 7; }", "var other = 1;",
             "function handler(event) { for (;;) {} }", "function handler(event) { return { statusCode: 'x' }; }",
             "async function handler(event) { await new Promise(() => {}); }"]
)  # fmt: skip
def test_a_function_that_fails_is_a_503(edge, code):
    answer = _with(edge, code).get("/")
    assert (answer.status, answer.cache) == (503, "FunctionExecutionError")


def test_a_function_is_tested_before_it_is_published(edge):
    code = b"function handler(event) { console.log('at', event.request.uri); return event.request; }"
    made = edge.client.create_function(Name="f", FunctionConfig={"Comment": "", "Runtime": "cloudfront-js-2.0"}, FunctionCode=code)
    assert made["FunctionSummary"]["Status"] == "UNPUBLISHED"
    event = {"version": "1.0", "context": {"eventType": "viewer-request"}, "request": {"method": "GET", "uri": "/a", "headers": {}}}
    result = edge.client.test_function(Name="f", IfMatch=made["ETag"], EventObject=json.dumps(event).encode())["TestResult"]
    assert result["FunctionExecutionLogs"] == ["at /a"] and json.loads(result["FunctionOutput"])["request"]["uri"] == "/a"
    assert 0 <= int(result["ComputeUtilization"]) <= 100 and not result["FunctionErrorMessage"]
    with pytest.raises(ClientError, match="InvalidFunctionAssociation"):
        _with_unpublished(edge, made)
    with pytest.raises(ClientError, match="PreconditionFailed"):
        edge.client.publish_function(Name="f", IfMatch="E0000000000000")
    live = edge.client.publish_function(Name="f", IfMatch=made["ETag"])["FunctionSummary"]
    assert live["FunctionMetadata"]["Stage"] == "LIVE"
    assert edge.client.get_function(Name="f", Stage="LIVE")["FunctionCode"].read() == code


def _with_unpublished(edge: Edge, made: dict) -> None:
    arn = made["FunctionSummary"]["FunctionMetadata"]["FunctionARN"]
    edge.create(default=behavior(FunctionAssociations=items({"FunctionARN": arn, "EventType": "viewer-request"})))


def test_what_is_live_stays_until_the_next_is_published(edge):
    site = _with(edge, "function handler(event) { return { statusCode: 201 }; }")
    found = edge.client.describe_function(Name="f")
    code = b"function handler(event) { return { statusCode: 202 }; }"
    new = edge.client.update_function(Name="f", IfMatch=found["ETag"], FunctionConfig={"Comment": "", "Runtime": "cloudfront-js-2.0"}, FunctionCode=code)
    assert site.get("/").status == 201
    edge.client.publish_function(Name="f", IfMatch=new["ETag"])
    assert site.get("/").status == 202
    with pytest.raises(ClientError, match="FunctionInUse"):
        edge.client.delete_function(Name="f", IfMatch=new["ETag"])


@pytest.mark.parametrize("code", ["import c from 'crypto'; function handler(e) { return e.request; }", "var c = require('crypto'); function handler(e) { return e.request; }"])
def test_modules_are_refused_by_name(edge, code):
    with pytest.raises(ClientError, match="modules other than cloudfront in CloudFront Functions"):
        _function(edge, code)
