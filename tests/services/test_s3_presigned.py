"""URLs that carry their signature: in Version 4, and in Version 2, which boto3 still makes by itself in the oldest regions.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html
"""

import json
import time
from email.utils import formatdate
from types import SimpleNamespace

import botocore.auth
import pytest
from botocore.auth import HmacV1QueryAuth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError

HOST = "http://localhost:4566"
VERSIONS = ("s3v4", "s3")


@pytest.fixture
def signers(cloud, monkeypatch):
    """Clients of one user by the version of the signatures they presign with."""
    monkeypatch.setattr(botocore.auth, "time", SimpleNamespace(**{**vars(time), "time": cloud.now}))
    root = cloud.client("s3")
    root.create_bucket(Bucket="box")
    root.put_object(Bucket="box", Key="a key+", Body=b"content")
    iam = cloud.client("iam")
    iam.create_user(UserName="ann")
    document = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}'
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=document)
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    return {
        version: cloud.client(
            "s3", key=key["AccessKeyId"], secret=key["SecretAccessKey"], signature_version=version
        )
        for version in VERSIONS
    }


def url(signer, operation="get_object", expires_s=60, **params):
    made = signer.generate_presigned_url(operation, {"Bucket": "box", **params}, ExpiresIn=expires_s)
    return made.removeprefix(HOST)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_url_reads_until_it_expires(cloud, signers, version):
    made = url(signers[version], Key="a key+")
    status, _, body = cloud.http("GET", made)
    assert (status, body) == (200, b"content")
    cloud.sleep(3700)
    status, _, body = cloud.http("GET", made)
    assert (status, b"Request has expired" in body, b"<Code>AccessDenied</Code>" in body) == (403, True, True)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_url_expires_even_if_nobody_issued_its_key(cloud, signers, version):
    made = url(cloud.client("s3", signature_version=version), Key="a key+")
    assert cloud.http("GET", made)[0] == 200
    cloud.sleep(3700)
    assert cloud.http("GET", made)[0] == 403


@pytest.mark.parametrize("version", VERSIONS)
def test_a_url_writes_what_it_was_made_for_and_nothing_else(cloud, signers, version):
    made = url(signers[version], "put_object", Key="new", ContentType="text/plain")
    plain = {"content-type": "text/plain"}
    assert cloud.http("PUT", made, headers={"content-type": "text/html"}, body=b"x")[0] == 403
    assert cloud.http("PUT", made.replace("/new", "/other"), headers=plain, body=b"x")[0] == 403
    assert cloud.http("DELETE", made, headers=plain)[0] == 403
    status, _, body = cloud.http("PUT", made.replace("ignature=", "ignature=0"), headers=plain, body=b"x")
    assert (status, b"<Code>SignatureDoesNotMatch</Code>" in body) == (403, True)
    # Version 2 knows no canonical request: localstack's test_presigned_url_signature_authentication.
    assert (b"<StringToSign>" in body, b"<CanonicalRequest" in body) == (True, version == "s3v4")
    assert cloud.http("PUT", made, headers=plain, body=b"written")[0] == 200
    got = signers["s3v4"].get_object(Bucket="box", Key="new")
    assert (got["Body"].read(), got["ContentType"]) == (b"written", "text/plain")


def test_headers_that_were_presigned_as_parameters_are_headers_still(cloud, signers):
    made = url(signers["s3"], "put_object", Key="new", Metadata={"venue": "123"})
    assert "x-amz-meta-venue=123" in made
    assert cloud.http("PUT", made.replace("venue=123", "venue=124"), body=b"x")[0] == 403
    assert cloud.http("PUT", made, body=b"x")[0] == 200
    assert signers["s3v4"].head_object(Bucket="box", Key="new")["Metadata"] == {"venue": "123"}


def test_what_version_4_presigned_as_parameters_needs_no_signature_beside(cloud, signers):
    """AWS's client for JavaScript presigns so. That its checksum of an empty body is none is recorded: localstack's
    test_presigned_url_v4_x_amz_in_qs."""
    hoisted = {"x-amz-meta-foo": "bar", "x-amz-checksum-crc32": "AAAAAA==", "x-amz-sdk-checksum-algorithm": "CRC32"}
    request = AWSRequest("PUT", f"{HOST}/box/new", params=hoisted)
    S3SigV4QueryAuth(signers["s3v4"]._request_signer._credentials, "s3", "us-east-1").add_auth(request)
    made = request.url.removeprefix(HOST)
    assert cloud.http("PUT", made.replace("crc32=AAAAAA", "crc32=BBBBBB"), body=b"123456")[0] == 403
    assert cloud.http("PUT", made, headers={"x-amz-meta-foo": "other"}, body=b"123456")[0] == 403
    assert cloud.http("PUT", made, headers={"x-amz-meta-foo": "bar"}, body=b"123456")[0] == 200
    assert cloud.http("PUT", made, body=b"123456")[0] == 200
    head = signers["s3v4"].head_object(Bucket="box", Key="new", ChecksumMode="ENABLED")
    assert (head["Metadata"], head["ChecksumCRC64NVME"]) == ({"foo": "bar"}, "CVmbZh4IWzA=")


@pytest.mark.parametrize("name, etag, status", [("If-Match", "0" * 32, 412), ("If-None-Match", "*", 412), ("If-None-Match", None, 200)])
def test_a_condition_that_was_presigned_as_a_parameter_holds(cloud, signers, name, etag, status):
    """localstack's test_pre_signed_url_if_match, test_pre_signed_url_if_none_match."""
    request = AWSRequest("PUT", f"{HOST}/box/a%20key%2B", params={name: etag} if etag else {})
    S3SigV4QueryAuth(signers["s3v4"]._request_signer._credentials, "s3", "us-east-1").add_auth(request)
    assert cloud.http("PUT", request.url.removeprefix(HOST))[0] == status


def test_only_what_proxies_add_needs_no_signature(cloud, signers):
    """localstack's test_s3_ignored_special_headers."""
    made = url(signers["s3v4"], Key="a key+")
    assert cloud.http("GET", made, headers={"x-amz-content-sha256": "UNSIGNED-PAYLOAD"})[0] == 200
    assert cloud.http("GET", made, headers={"x-amz-user-agent": "me"})[0] == 403


@pytest.mark.parametrize("version", VERSIONS)
def test_what_the_answer_shall_say_is_signed_too(cloud, signers, version):
    made = url(signers[version], Key="a key+", ResponseContentType="text/css")
    status, headers, _ = cloud.http("GET", made)
    assert (status, headers["Content-Type"]) == (200, "text/css")
    assert cloud.http("GET", made.replace("css", "ccs"))[0] == 403


def test_version_2_is_refused_in_younger_regions(cloud, signers):
    # https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
    made = url(signers["s3"], Key="a key+")
    cloud.region("eu-central-1")
    for target, headers in ((made, {}), ("/box/k", {"authorization": "AWS key:proof"})):
        status, _, body = cloud.http("GET", target, headers=headers, host="s3.eu-central-1.localhost:4566")
        assert (status, b"Please use AWS4-HMAC-SHA256." in body) == (400, True)


def test_a_header_of_version_2_is_taken_in_the_oldest_regions(cloud, signers, monkeypatch):
    """Recorded in February 2026: localstack's test_presigned_url_signature_authentication_multi_part."""
    monkeypatch.setattr(botocore.auth, "formatdate", lambda **_: formatdate(cloud.now(), usegmt=True))
    old = signers["s3"]
    upload = old.create_multipart_upload(Bucket="box", Key="m", Metadata={"a": "b"})["UploadId"]
    part = old.upload_part(Bucket="box", Key="m", UploadId=upload, PartNumber=1, Body=b"hello")["ETag"]
    old.complete_multipart_upload(Bucket="box", Key="m", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]})
    assert old.get_object(Bucket="box", Key="m")["Body"].read() == b"hello"
    assert "m" in [each["Key"] for each in old.list_objects_v2(Bucket="box")["Contents"]]
    old.meta.events.register_first("before-send.s3.GetObject", _spoil)
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        old.get_object(Bucket="box", Key="m")
    old.meta.events.unregister("before-send.s3.GetObject", _spoil)
    monkeypatch.setattr(botocore.auth, "formatdate", lambda **_: formatdate(cloud.now() - 1000, usegmt=True))
    with pytest.raises(ClientError, match="RequestTimeTooSkewed"):
        old.get_object(Bucket="box", Key="m")


def _spoil(request, **_):
    request.headers["x-amz-meta-more"] = "x"


def test_a_policy_may_refuse_version_2(cloud, signers):
    # https://docs.aws.amazon.com/AmazonS3/latest/API/bucket-policy-s3-sigv4-conditions.html
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::box/*",
            "Condition": {"StringEquals": {"s3:signatureversion": "AWS"}}}  # fmt: skip
    cloud.client("s3").put_bucket_policy(Bucket="box", Policy=json.dumps({"Version": "2012-10-17", "Statement": deny}))
    assert [cloud.http("GET", url(signers[version], Key="a key+"))[0] for version in VERSIONS] == [200, 403]


def test_an_answer_s_header_that_no_header_can_say_is_refused(cloud, signers):
    """Recorded: localstack's test_get_response_overrides_unicode_metadata_with_sig_s3."""
    made = url(signers["s3"], Key="a key+", ResponseCacheControl="non-ascii-%E2%80%94_\u2014_\u00e9_")
    status, _, body = cloud.http("GET", made)
    assert status == 400 and b"<Message>Header value cannot be represented using ISO-8859-1.</Message>" in body
    assert b"<ArgumentName>response-cache-control</ArgumentName>" in body
    assert cloud.http("GET", url(signers["s3"], Key="a key+", ResponseCacheControl="\u00e9"))[0] == 200


@pytest.mark.parametrize("expires", ["", "never", "9" * 40, "-1"])
def test_a_url_must_say_until_when(cloud, signers, expires):
    status, _, body = cloud.http("GET", f"/box/k?AWSAccessKeyId=a&Signature=b&Expires={expires}")
    assert (status, b"<Code>AccessDenied</Code>" in body) == (403, True)


@pytest.mark.parametrize(
    "host", ["box.s3.localhost:4566", "box.s3.us-east-1.localhost:4566", "box.localhost:4566"]
)
@pytest.mark.parametrize("version", VERSIONS)
def test_urls_of_a_bucket_with_its_own_host_name(cloud, signers, version, host):
    credentials = signers[version]._request_signer._credentials
    request = AWSRequest("GET", f"http://{host}/a%20key%2B", headers={})
    if version == "s3":
        request.auth_path = "/box/a%20key%2B"
        HmacV1QueryAuth(credentials, 60).add_auth(request)
    else:
        S3SigV4QueryAuth(credentials, "s3", "us-east-1", 60).add_auth(request)
    target = request.prepare().url.partition(host)[2]
    assert cloud.http("GET", target, host=host)[::2] == (200, b"content")
    assert cloud.http("GET", target, host=host.replace("box", "fox"))[0] in (403, 404)


@pytest.mark.parametrize("host", ["s3.localhost:4566", "s3.us-east-1.localhost:4566", "localhost:4566"])
@pytest.mark.parametrize("version", VERSIONS)
def test_a_name_of_s3_itself_is_no_buckets(cloud, signers, version, host):
    credentials = signers[version]._request_signer._credentials
    request = AWSRequest("GET", f"http://{host}/box/a%20key%2B", headers={})
    signer = HmacV1QueryAuth(credentials, 60) if version == "s3" else S3SigV4QueryAuth(credentials, "s3", "us-east-1", 60)
    signer.add_auth(request)
    assert cloud.http("GET", request.prepare().url.partition(host)[2], host=host)[::2] == (200, b"content")
