"""Buckets by their own host names, through real processes: path and host name lead to the same objects, for everybody who may."""

import json
from http.client import HTTPConnection

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from cloud.conftest import eventually


@pytest.fixture
def s3(shared):
    client = shared.client("s3")
    client.create_bucket(Bucket="box")
    client.put_object(Bucket="box", Key="a/b c", Body=b"content")
    eventually(lambda: client.head_bucket(Bucket="box"))
    yield client
    for each in client.list_objects_v2(Bucket="box").get("Contents", ()):
        client.delete_object(Bucket="box", Key=each["Key"])
    client.delete_bucket(Bucket="box")


def exchange(shared, method, target, host, body=b"", **headers):
    """One request by a host name that need not resolve: the connection is to loopback all the same."""
    connection = HTTPConnection("127.0.0.1", shared.port, timeout=10)
    try:
        connection.request(method, target, body, {"Host": f"{host}:{shared.port}", **headers})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_nobody_in_particular_reads_what_a_policy_opens(shared, s3):
    for host in ("box.s3.localhost", "box.s3.us-east-1.localhost"):
        assert exchange(shared, "GET", "/a/b%20c", host)[0] == 403
    s3.delete_public_access_block(Bucket="box")
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::box/*",
    }
    s3.put_bucket_policy(Bucket="box", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    for host in ("box.s3.localhost", "box.s3.us-east-1.localhost", "box.s3.us-east-1.amazonaws.com"):
        assert exchange(shared, "GET", "/a/b%20c", host) == (200, b"content")
        assert exchange(shared, "PUT", "/new", host, b"x")[0] == 403
    assert exchange(shared, "GET", "/box/a/b%20c", "localhost") == (200, b"content")
    anonymous = boto3.client(
        "s3",
        region_name="us-east-1",
        endpoint_url=f"http://127.0.0.1:{shared.port}",
        config=Config(signature_version=UNSIGNED),
    )
    assert anonymous.get_object(Bucket="box", Key="a/b c")["Body"].read() == b"content"
    with pytest.raises(ClientError, match="AccessDenied"):
        anonymous.list_objects_v2(Bucket="box")


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_a_presigned_url_works_from_outside(shared, s3, version):
    signer = boto3.client(
        "s3",
        region_name="us-east-1",
        endpoint_url=f"http://127.0.0.1:{shared.port}",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(signature_version=version),
    )
    named = {"Bucket": "box", "Key": "new"}
    for method, operation, body in (("PUT", "put_object", b"written"), ("GET", "get_object", None)):
        url = signer.generate_presigned_url(operation, named)
        target = url.removeprefix(f"http://127.0.0.1:{shared.port}")
        status, answer = exchange(shared, method, target, "127.0.0.1", body)
        assert status == 200
    assert answer == b"written"


def test_a_client_that_prefers_host_names_reaches_its_bucket(shared, s3):
    def by_host(request, **_):
        # What the resolver would do where names below localhost are loopback.
        assert request.url.startswith(f"http://box.localhost:{shared.port}/")
        request.headers["Host"] = f"box.localhost:{shared.port}"
        request.url = request.url.replace("box.localhost", "127.0.0.1", 1)

    client = boto3.client(
        "s3",
        region_name="us-east-1",
        endpoint_url=f"http://localhost:{shared.port}",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(s3={"addressing_style": "virtual"}),
    )
    client.meta.events.register("before-send.s3", by_host)
    client.put_object(Bucket="box", Key="by host", Body=b"1")
    assert client.get_object(Bucket="box", Key="by host")["Body"].read() == b"1"
    assert s3.get_object(Bucket="box", Key="by host")["Body"].read() == b"1"
