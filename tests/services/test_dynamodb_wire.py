"""DynamoDB's front door: bodies that are compressed, too long or no JSON, pages of other origins, and answers that say little.

Recorded from AWS by architect/dynalite (test/connection.js and test/helpers.js), and seen by scylladb/scylladb (test/alternator:
test_compressed_request.py, test_compressed_response.py, test_manual_requests.py, test_cors.py).
"""

from __future__ import annotations

import gzip
import json
import zlib

import pytest
from music import table

from kumoniwa.wire.message import Request, Stream

HOST = "dynamodb.us-east-1.amazonaws.com"
AUTHORIZATION = "AWS4-HMAC-SHA256 Credential=test/20300101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0"
KEY = {"pk": {"S": "a"}, "sk": {"S": "1"}}


@pytest.fixture
def ask(cloud):
    table(cloud.client("dynamodb"))

    def send(operation, body, **headers):
        """Status, headers in lower case, and the body as it came."""
        said = {
            "x-amz-target": f"DynamoDB_20120810.{operation}", "content-type": "application/x-amz-json-1.0", "authorization": AUTHORIZATION,
            "x-amz-date": "20300101T000000Z",
        } | {name.replace("_", "-"): value for name, value in headers.items()}  # fmt: skip
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        status, told, answer = cloud.http("POST", "/", host=HOST, headers=said, body=content)
        return status, {name.lower(): value for name, value in told.items()}, answer

    return send


def put(item) -> bytes:
    return json.dumps({"TableName": "music", "Item": item}).encode()


# Compressed requests ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(put(KEY))),
        ("gzip", gzip.compress(put(KEY)[:10]) + gzip.compress(put(KEY)[10:])),
        ("GZIP", gzip.compress(put(KEY)) + b"junk"),
        ("deflate", zlib.compress(put(KEY))),
        ("identity", put(KEY)),
    ],
    ids=["gzip", "in pieces", "before junk", "deflate", "identity"],
)
def test_any_request_may_be_compressed(ask, coding, body):
    assert ask("PutItem", body, content_encoding=coding)[0] == 200
    assert json.loads(ask("GetItem", {"TableName": "music", "Key": KEY})[2]) == {"Item": KEY}


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("garbage", put(KEY)),
        ("gzip", put(KEY)),
        ("gzip", gzip.compress(put(KEY))[:-1]),
        ("gzip", gzip.compress(put(KEY) + b" " * (16 << 20))),
        ("gzip", b""),
        ("deflate", put(KEY)),
        ("deflate", b""),
    ],
    ids=["unknown", "no gzip", "cut", "too long", "nothing", "no deflate", "nothing in deflate"],
)
def test_what_cannot_be_unpacked_is_a_failure_of_the_service(ask, coding, body):
    status, _, answer = ask("PutItem", body, content_encoding=coding)
    assert (status, json.loads(answer)["__type"].rpartition("#")[2]) == (500, "InternalServerError")
    assert json.loads(ask("GetItem", {"TableName": "music", "Key": KEY})[2]) == {}


@pytest.mark.parametrize(("size", "status"), [(16 << 20, 200), ((16 << 20) + 1, 413)])
def test_a_request_has_sixteen_megabytes(cloud, size, status):
    """As the server hands on what is long: piece by piece."""
    table(cloud.client("dynamodb"))
    stream = Stream(None, lambda: None, lambda: None)
    stream.feed(put(KEY) + b" " * (size - len(put(KEY))))
    stream.end()
    headers = {
        "host": HOST, "x-amz-target": "DynamoDB_20120810.PutItem", "content-type": "application/x-amz-json-1.0", "authorization": AUTHORIZATION,
        "x-amz-date": "20300101T000000Z",
    }  # fmt: skip
    response, _ = cloud.run(cloud.deliver(Request("POST", "/", "", headers, stream=stream)))
    assert response.status == status


# Compressed answers ----------------------------------------------------------------------------------

READ = {"gzip": gzip.decompress, "deflate": zlib.decompress}


@pytest.mark.parametrize("coding", READ)
def test_long_answers_are_compressed_and_summed_as_they_are_sent(ask, coding):
    for n, length in enumerate((100, 5000)):
        ask("PutItem", put({"pk": {"S": "a"}, "sk": {"S": str(n)}, "t": {"S": "x" * length}}))
    get = {"TableName": "music", "Key": {"pk": {"S": "a"}, "sk": {"S": "1"}}}
    status, headers, body = ask("GetItem", get, accept_encoding=coding)
    assert (status, headers["content-encoding"]) == (200, coding)
    assert headers["x-amz-crc32"] == str(zlib.crc32(body))
    assert len(body) < 1000
    assert json.loads(READ[coding](body))["Item"]["t"]["S"] == "x" * 5000
    assert "content-encoding" not in ask("GetItem", get)[1]
    assert "content-encoding" not in ask("GetItem", get | {"Key": KEY | {"sk": {"S": "0"}}}, accept_encoding=coding)[1]


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("identity", None), ("", None), ("br", None), ("x-gzip", None), ("gzip, deflate", "gzip"), ("br, identity, deflate, gzip", "deflate"),
        ("dog, GZIP ,, cat", "gzip"), ("gzip;q=0.2, deflate;q=0.5", "deflate"), ("*", "gzip"), ("*, deflate", "deflate"),
        ("*, gzip;q=0.5", "deflate"), ("*, deflate;q=0.5", "gzip"), ("*;q=0.5,identity", "gzip"), ("gzip ;q=0", None), ("*;q=0", None),
        ("gzip;q=0.5,identity;q=0.8", "gzip"), ('"gzip"', None), ("gzip br", None), ("gzip;q=31,deflate;q=51", "gzip"),
        ("deflate;q=0.5, gzip;q=1;q=0.2", "gzip"), ("deflate;q=0.5,gzip;q=0.", "deflate"), ("deflate;q=0.5,gzip;q=0.x", "gzip"),
        ("deflate;q=-0.5,gzip;q=0.2", "gzip"), ("gzip;q =0;q=1", "gzip"), ("gzip;nq=0;q=1", None), ("gzip;q=0, gzip;q=1, gzip;q=0", "gzip"),
    ],
)  # fmt: skip
def test_what_a_client_accepts_is_read_as_aws_reads_it(ask, accepted, coding):
    ask("PutItem", put(KEY | {"t": {"S": "x" * 5000}}))
    _, headers, _ = ask("GetItem", {"TableName": "music", "Key": KEY}, accept_encoding=accepted)
    assert headers.get("content-encoding") == coding


# What is said of bodies -------------------------------------------------------------------------------

CAST = "class sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl cannot be cast to class java.lang.Class"
MODEL = "com.amazonaws.dynamodb.v20120810."


@pytest.mark.parametrize(
    ("operation", "body", "text"),
    [
        ("PutItem", {"TableName": 23}, "NUMBER_VALUE cannot be converted to String"),
        ("PutItem", {"TableName": True}, "TRUE_VALUE cannot be converted to String"),
        ("PutItem", {"TableName": 34.5}, "DECIMAL_VALUE cannot be converted to String"),
        ("PutItem", {"TableName": []}, "Unrecognized collection type class java.lang.String"),
        ("PutItem", {"TableName": {}}, "Start of structure or map found where not expected"),
        ("Query", {"Limit": "23"}, "STRING_VALUE cannot be converted to Integer"),
        ("Query", {"ConsistentRead": "yes"}, "Unexpected token received from parser"),
        ("GetItem", {"AttributesToGet": {}}, "Start of structure or map found where not expected"),
        ("GetItem", {"AttributesToGet": "a"}, "Unexpected field type"),
        ("GetItem", {"ExpressionAttributeNames": []}, "Unrecognized collection type java.util.Map<java.lang.String, java.lang.String>"),
        ("BatchWriteItem", {"RequestItems": []}, f"Unrecognized collection type java.util.Map<java.lang.String, java.util.List<{MODEL}WriteRequest>>"),
        ("BatchWriteItem", {"RequestItems": {"music": ["x"]}}, "Unexpected value type in payload"),
        ("CreateTable", {"ProvisionedThroughput": []}, f"Unrecognized collection type class {MODEL}ProvisionedThroughput"),
        ("PutItem", {"TableName": "music", "Item": {"a": []}}, f"Unrecognized collection type class {MODEL}AttributeValue"),
        ("PutItem", {"TableName": "music", "Item": {"a": {"B": "+/+="}}}, "Invalid last non-pad Base64 character dectected"),
        ("PutItem", {"TableName": "music", "Item": {"a": {"B": []}}}, "Unrecognized collection type class java.nio.ByteBuffer"),
    ],
)
def test_types_are_refused_in_dynamodbs_words(ask, operation, body, text):
    status, _, answer = ask(operation, body)
    assert (status, json.loads(answer)) == (400, {"__type": "com.amazon.coral.service#SerializationException", "Message": text})


def test_a_list_in_a_map_is_refused_in_javas_words(ask):
    assert json.loads(ask("BatchWriteItem", {"RequestItems": {"music": "x"}})[2])["Message"].startswith(CAST)


@pytest.mark.parametrize("body", [b"{broken", b"null", b"\xff"])
def test_what_is_no_json_object_is_refused_without_a_word(ask, body):
    assert ask("ListTables", body)[::2] == (400, b'{"__type":"com.amazon.coral.service#SerializationException"}')


def test_an_operation_that_is_unknown_is_refused_without_a_word(ask, cloud):
    told = b'{"__type":"com.amazon.coral.service#UnknownOperationException"}'
    assert ask("ListTable", {})[::2] == (400, told)
    assert cloud.http("POST", "/", host=HOST)[::2] == (400, told)
    assert cloud.http("POST", "/", host=HOST, body=b"{}", headers={"content-type": "application/json"})[::2] == (400, told)
    told = b'{"__type":"com.amazon.coral.service#SerializationException"}'
    assert cloud.http("POST", "/", host=HOST, body=b"hi", headers={"content-type": "application/json; x"})[::2] == (400, told)
    assert cloud.http("POST", "/", host=HOST, body=b"hi")[::2] == (404, b"<UnknownOperationException/>\n")
    assert cloud.http("PUT", "/", host=HOST)[::2] == (404, b"<UnknownOperationException/>\n")


def test_operations_that_tell_nothing_answer_nothing(ask, cloud):
    arn = cloud.client("dynamodb").describe_table(TableName="music")["Table"]["TableArn"]
    status, headers, body = ask("TagResource", {"ResourceArn": arn, "Tags": [{"Key": "a", "Value": "b"}]})
    assert (status, body, headers["x-amz-crc32"], headers["server"]) == (200, b"", "0", "Server")


# Health, and pages of other origins ------------------------------------------------------------------


def test_whoever_asks_is_told_that_it_is_well(cloud):
    status, headers, body = cloud.http("GET", "/", host=HOST)
    assert (status, body) == (200, f"healthy: {HOST} ".encode())
    assert headers["x-amz-crc32"] == str(zlib.crc32(body))


def test_a_page_of_any_origin_may_ask_and_read(ask, cloud):
    asked = {
        "origin": "http://example.com", "access-control-request-headers": "x-amz-target, x-amz-date", "access-control-request-method": "POST",
    }  # fmt: skip
    status, headers, body = cloud.http("OPTIONS", "/", host=HOST, headers=asked)
    assert (status, body) == (200, b"")
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert headers["Access-Control-Allow-Headers"] == asked["access-control-request-headers"]
    assert headers["Access-Control-Allow-Methods"] == "POST"
    assert headers["Access-Control-Max-Age"] == "172800"
    for operation in ("ListTables", "ListTable"):
        told = ask(operation, {}, origin="http://example.com")[1]
        assert told.get("access-control-allow-origin", "*") == "*"
        assert "access-control-max-age" not in told
    assert ask("ListTables", {}, origin="http://example.com")[1]["access-control-expose-headers"].startswith("x-amzn-requestid")
