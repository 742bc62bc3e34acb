"""Requests that are almost right, or not at all: every answer is AWS-shaped, none is our own defect, none keeps us waiting.

A case is made from one number: a service, an operation, params of the model's shapes with odd values in them, written by
botocore's serializer, and then damaged. Run a single one with ``KUMONIWA_FUZZ_CASE=<number>``, those of some services with
``KUMONIWA_FUZZ_SERVICES=s3,s3control``.
"""

import asyncio
import datetime
import json
import os
import random
from xml.etree import ElementTree

import botocore.serialize
import botocore.session
import pytest

from kumoniwa.kernel.operation import load, service_names
from kumoniwa.wire.message import Request

CASES_SHORT, CASES_LONG = 1_500, 100_000
ANSWERED_WITHIN_S = 180
"""Of virtual time: more than the longest poll."""

SESSION = botocore.session.Session()
NAMES = ["q", "q.fifo", "t", "box", "box", "", " ", "a" * 300, "..", "../x", "ü水", "\0", "%2F", "a/b", "arn:aws:sqs:us-east-1:000000000000:q", "*",
         "arn:aws:iam::000000000000:role/r", "arn:aws:s3:::box", "arn:aws:sns:us-east-1:000000000000:t", "http://localhost:4566/000000000000/q", "2030-01-01T00:00:00Z", "1", "-1",
         "true", "{}", "[]", "null", '{"Version":"2012-10-17","Statement":[]}', "#a = :v", "a.b[0]", "((((", "<a>&amp;", "e" * 5000]  # fmt: skip
NUMBERS = [-1, 0, 1, 2, 10, 11, 999, 1000, 2**31, 2**63, -(2**63), 10**30]


def models() -> dict:
    chosen = os.environ.get("KUMONIWA_FUZZ_SERVICES", ",".join(sorted(service_names())))
    return {name: SESSION.get_service_model(name) for name in chosen.split(",")}


class Case:
    """One damaged request."""

    def __init__(self, number: int, services: dict) -> None:
        self.random = random.Random(number)
        name = self.random.choice(list(services))
        model = services[name]
        known = [operation for operation in model.operation_names if operation in load(name).handlers]
        self.operation = model.operation_model(self.random.choice(known))
        self.label = f"{name}:{self.operation.name}"
        self.request = self._request(model)
        for _ in range(self.random.choice((0, 0, 1, 1, 2, 4))):
            self._damage()

    def _value(self, shape, depth: int = 0):
        choose, kind = self.random, shape.type_name
        if choose.random() < 0.04:
            return choose.choice([None, "text", 7, [], {}, [[]], {"a": None}, True, b"x"])
        if kind == "structure":
            return {
                name: self._value(member, depth + 1)
                for name, member in shape.members.items()
                if (name in shape.required_members and choose.random() < 0.97)
                or (depth < 4 and choose.random() < 0.25)
            }
        if kind == "list":
            return [
                self._value(shape.member, depth + 1)
                for _ in range(choose.choice((0, 1, 1, 2, 3, 12) if depth < 5 else (0,)))
            ]
        if kind == "map":
            return {
                self._text(shape.key): self._value(shape.value, depth + 1)
                for _ in range(choose.choice((0, 1, 2)) if depth < 5 else 0)
            }
        if kind in ("integer", "long", "float", "double"):
            return choose.choice(NUMBERS)
        if kind == "boolean":
            return choose.random() < 0.5
        if kind == "blob":
            return choose.choice([b"", b"x", b"\xff" * 40, b"PK\3\4", b"{}"])
        if kind == "timestamp":
            return datetime.datetime(choose.choice((1, 1970, 2030, 9999)), 1, 1, tzinfo=datetime.UTC)
        return self._text(shape)

    def _text(self, shape) -> str:
        if getattr(shape, "enum", None) and self.random.random() < 0.8:
            return self.random.choice(shape.enum)
        return self.random.choice(NAMES)

    def _request(self, model) -> Request:
        params = self._value(self.operation.input_shape) if self.operation.input_shape else {}
        protocol = model.resolved_protocol
        serializer = botocore.serialize.create_serializer(protocol, include_validation=False)
        try:
            made = serializer.serialize_to_request(params if isinstance(params, dict) else {}, self.operation)
        except Exception:  # botocore cannot say this either
            made = {"method": "POST", "url_path": "/", "query_string": "", "headers": {}, "body": b"{}"}
        body = made["body"]
        if isinstance(body, dict):
            body = "&".join(f"{name}={value}" for name, value in body.items())
        if isinstance(body, list):  # a payload member that is not what the model says
            body = str(body)
        body = body.encode("utf-8", "replace") if isinstance(body, str) else bytes(body or b"")
        query = made["query_string"]
        if isinstance(query, dict):
            query = "&".join(f"{name}={value}" for name, value in query.items())
        headers = {str(n).lower(): str(v) for n, v in made["headers"].items()}
        scope = f"20300101/us-east-1/{model.signing_name}/aws4_request"
        headers |= {
            "host": "localhost:4566",
            "x-amz-date": "20300101T000000Z",
            "authorization": f"AWS4-HMAC-SHA256 Credential=test/{scope}, SignedHeaders=host, Signature=0",
        }
        path = made["url_path"].encode("utf-8", "replace").decode("latin-1")
        path, _, more = path.partition("?")
        query = "&".join(filter(None, (more, query))).encode("utf-8", "replace").decode("latin-1")
        return Request(made["method"], path, query, headers, body)

    def _damage(self) -> None:
        request, choose = self.request, self.random
        what = choose.randrange(11)
        if what == 0 and request.body:
            at = choose.randrange(len(request.body))
            request.body = request.body[:at] + bytes([choose.randrange(256)]) + request.body[at + 1 :]
        elif what == 1:
            request.body = request.body[: choose.randrange(len(request.body) + 1)]
        elif what == 2:
            request.body = choose.choice([b"", b"null", b"[]", b"{", b"[" * 50_000, b'{"a":' * 5_000, b"<a>" * 5_000, b"\xff\xfe", b"\xa1" * 500,
                                          b"\x9f" * 100_000, b'{"a":"\\ud800"}', b"a.1.1.1=2&a.1=3&=&%zz", b"1e999", b"<!DOCTYPE a []><a/>"])  # fmt: skip
        elif what == 3:
            request.method = choose.choice(["GET", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS", "BREW"])
        elif what == 4:
            request.path = choose.choice(
                [
                    "/",
                    "//",
                    "/%",
                    "/%ff",
                    "/" + "a/" * 300,
                    request.path + "/x",
                    request.path[:-1] or "/",
                    "/ü",
                ]
            )
        elif what == 5:
            request.query = choose.choice(
                [
                    "",
                    "&",
                    "Action=",
                    "Action=X&Version=1",
                    "list-type=2",
                    "uploads",
                    "a=%zz&b=%",
                    "=" * 50,
                    "versionId=x",
                ]
            )
        elif what == 6 and len(request.headers) > 1:
            del request.headers[choose.choice(list(request.headers))]
        elif what == 7:
            name = choose.choice(
                [
                    *request.headers,
                    "content-type",
                    "content-encoding",
                    "x-amz-target",
                    "x-amz-content-sha256",
                    "range",
                    "origin",
                ]
            )
            request.headers[name] = choose.choice(["", "x", "application/cbor", "gzip", "bytes=9-1", "AWS4-HMAC-SHA256 Credential=a/b/c", "\xff" * 9,
                                                   "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "AmazonSQS.SendMessage", "rpc-v2-cbor", ","])  # fmt: skip
        elif what == 8:
            at = choose.randrange(len(request.body) + 1)
            request.body = (
                request.body[:at]
                + choose.choice([b'"', b"}", b"\\", b"<", b"&", b"\0", b"9" * 400, b"\xc3"])
                + request.body[at:]
            )
        elif what == 9:
            form = "&".join(
                [
                    f"Action={self.operation.name}",
                    "Version=2012-11-05",
                    *(f"{n}.{k}={v}" for n, k, v in zip(NAMES, "123a", NAMES[::-1])),
                ]
            )
            request.headers["content-type"], request.body = "application/x-www-form-urlencoded", form.encode()
            request.headers.pop("x-amz-target", None)
            request.method = "POST"
        elif what == 10:
            request.headers |= {"smithy-protocol": "rpc-v2-cbor", "content-type": "application/cbor"}
            request.path, request.method = f"/service/X/operation/{self.operation.name}", "POST"
            request.headers.pop("x-amz-target", None)


def shape_of(status: int, headers: dict, body: bytes) -> bool:
    """Whether a refusal is one that a client of AWS can read."""
    if status < 400 or not body:
        return True
    if body.lstrip().startswith(b"<"):
        try:
            return ElementTree.fromstring(body) is not None
        except ElementTree.ParseError:
            return False
    if headers.get("Content-Type") in ("application/cbor", "text/html"):
        return True
    said = json.loads(body)
    return bool(
        said.get("__type")
        or headers.get("x-amzn-ErrorType")
        or headers.get("X-Amzn-ErrorType")
        or "message" in said
        or "Message" in said
    )


def furnish(cloud) -> None:
    """Something to stumble over: a bucket that keeps versions and locks, with an object in it."""
    s3 = cloud.client("s3", key="test")
    s3.create_bucket(Bucket="box", ObjectLockEnabledForBucket=True)
    for key in ("q", "a/b"):
        s3.put_object(Bucket="box", Key=key, Body=b"1", StorageClass="GLACIER" if key == "q" else "STANDARD")


def run(make_cloud, capfd, numbers) -> None:
    cloud, services = make_cloud(), models()
    furnish(cloud)
    for name in services:
        load(name)
    defects: dict[str, list[int]] = {}
    for count, number in enumerate(numbers):
        if count % 5_000 == 4_999:
            cloud.close()
            cloud.__init__(cloud.folder + "+")
            for region in ("us-east-1", "aws-global"):
                cloud.region(region)
            furnish(cloud)
        case = Case(number, services)
        try:
            response, body = cloud.run(asyncio.wait_for(cloud.deliver(case.request), ANSWERED_WITHIN_S))
        except TimeoutError:
            defects.setdefault(f"{case.label} is never answered", []).append(number)
            continue
        except AssertionError:
            continue  # the damage made it a request for a region that this cloud does not have
        if "content-encoding" in case.request.headers and b"#InternalServerError" in body:
            continue  # what AWS answers to a body that DynamoDB cannot unpack: tests/services/test_dynamodb_wire.py
        if response.status == 500 or response.status not in range(100, 600):
            error = capfd.readouterr().err.strip().splitlines()
            place = [line.strip() for line in error if 'File "' in line]
            what = f"{error[-1] if error else response.status} at {place[-1].partition('kumoniwa/')[2] if place else '?'}"
            defects.setdefault(what[:200], []).append(number)
        elif not shape_of(response.status, response.headers, body):
            defects.setdefault(
                f"{case.label}: {response.status} {body[:80]!r} is not AWS's shape", []
            ).append(number)
    assert not defects, "\n" + "\n".join(
        f"{what}: {len(found)}, first {found[0]}" for what, found in defects.items()
    )


def cases(default: int) -> range:
    one = os.environ.get("KUMONIWA_FUZZ_CASE")
    return (
        range(int(one), int(one) + 1) if one else range(int(os.environ.get("KUMONIWA_FUZZ_CASES", default)))
    )


def test_no_request_finds_a_defect_of_our_own(make_cloud, capfd):
    run(make_cloud, capfd, cases(CASES_SHORT))


@pytest.mark.slow
def test_no_request_of_a_hundred_thousand_finds_a_defect_of_our_own(make_cloud, capfd):
    run(make_cloud, capfd, cases(CASES_LONG))
