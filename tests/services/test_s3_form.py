"""Uploads by a browser's form, allowed by a signed policy.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-UsingHTTPPOST.html
"""

import base64
import datetime
import re

import botocore.signers
import pytest

BOUNDARY = "----a-boundary"


@pytest.fixture
def s3(cloud):
    client = cloud.client("s3")
    client.create_bucket(Bucket="box")
    return client


@pytest.fixture
def signers(cloud, s3):
    iam = cloud.client("iam")
    iam.create_user(UserName="ann")
    document = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:PutObject","Resource":"arn:aws:s3:::box/up/*"}}'
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=document)
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    return {
        version: cloud.client(
            "s3", key=key["AccessKeyId"], secret=key["SecretAccessKey"], signature_version=version
        )
        for version in ("s3v4", "s3")
    }


def body(fields, content=b"content", name="photo.jpg"):
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'.encode()
        for field, value in fields.items()
    ]
    if content is not None:
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: x/y\r\n\r\n'
        parts.append(head.encode() + content + b"\r\n")
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def post(cloud, fields, path="/box", headers=None, **more):
    content_type = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    status, told, answer = cloud.http(
        "POST", path, headers=content_type | (headers or {}), body=body(fields, **more)
    )
    code = re.search(rb"<Code>(.*?)</Code>", answer)
    return status, told, code[1].decode() if code else answer.decode()


def signed(signers, version="s3v4", key="up/${filename}", conditions=(), **fields):
    listed = [*conditions, *({name: value} for name, value in fields.items())]
    return signers[version].generate_presigned_post("box", key, Fields=dict(fields), Conditions=listed)[
        "fields"
    ]


@pytest.fixture(autouse=True)
def policies_expire_in_the_clouds_time(cloud, monkeypatch):
    now = datetime.datetime.fromtimestamp(cloud.now(), datetime.UTC)
    monkeypatch.setattr(
        botocore.signers, "get_current_datetime", lambda remove_tzinfo=True: now, raising=False
    )


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_a_signed_form_becomes_an_object(cloud, s3, signers, version):
    fields = signed(signers, version, **{"x-amz-meta-place": "here", "Content-Type": "image/jpeg"})
    status, told, _ = post(cloud, fields)
    assert (status, told["Location"]) == (204, "http://localhost:4566/box/up/photo.jpg")
    got = s3.get_object(Bucket="box", Key="up/photo.jpg")
    assert (got["Body"].read(), got["ContentType"], got["Metadata"]) == (
        b"content",
        "image/jpeg",
        {"place": "here"},
    )
    assert got["ETag"] == told["ETag"]


def test_text_beyond_ascii_in_a_form_is_told_as_far_as_headers_go(cloud, s3, signers):
    # Recorded: localstack's test_post_object_with_unicode_metadata.
    said = {"Content-Disposition": 'filename="test_\u2014_file%E2%80%94_\u00e9_2-.pdf"', "Cache-Control": "non-ascii-%E2%80%94_\u2014_\u00e9_",
            "x-amz-meta-nonascii": "\u00c4M\u00c4Z\u00d5\u00d1 S3", "x-amz-meta-binary": "\x00\x01\x02\x03\x04"}  # fmt: skip
    fields = signed(signers, key="up/test_unicode\u2014_file.pdf", **said)
    status, headers, _ = post(cloud, fields)
    assert status == 204 and headers["Location"].endswith("/box/up/test_unicode%E2%80%94_file.pdf")
    told = s3.head_object(Bucket="box", Key="up/test_unicode\u2014_file.pdf")
    assert (told["CacheControl"], told["ContentDisposition"]) == ("non-ascii-%E2%80%94_ _\u00e9_", 'filename="test_ _file%E2%80%94_\u00e9_2-.pdf"')
    assert told["Metadata"] == {"nonascii": "=?UTF-8?Q?=C3=84M=C3=84Z=C3=95=C3=91_S3?=", "binary": "=?UTF-8?B?AAECAwQ=?="}


def test_a_form_says_when_an_object_expires(cloud, s3, signers):
    when = "Thu, 26 Nov 2026 01:13:01 GMT"
    assert post(cloud, signed(signers, Expires=when))[0] == 204
    assert s3.head_object(Bucket="box", Key="up/photo.jpg")["ExpiresString"] == when
    assert post(cloud, signed(signers, Expires="some day"))[::2] == (400, "InvalidArgument")


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_a_form_may_not_be_changed(cloud, s3, signers, version):
    fields = signed(signers, version, key="up/exact")
    assert post(cloud, fields | {"key": "up/other"})[::2] == (403, "AccessDenied")
    assert post(cloud, fields | {"acl": "public-read"})[::2] == (403, "AccessDenied")
    assert post(cloud, fields | {"x-ignore-me": "anything"})[0] == 204
    name = "x-amz-signature" if version == "s3v4" else "signature"
    assert post(cloud, fields | {name: "0" * 64})[::2] == (403, "SignatureDoesNotMatch")
    policy = base64.b64encode(base64.b64decode(fields["policy"]).replace(b"exact", b"other")).decode()
    assert post(cloud, fields | {"policy": policy, "key": "up/other"})[::2] == (403, "SignatureDoesNotMatch")
    assert s3.list_objects_v2(Bucket="box")["KeyCount"] == 1


def test_the_signer_must_be_allowed_to_write(cloud, s3, signers):
    assert post(cloud, signed(signers, key="elsewhere"))[::2] == (403, "AccessDenied")
    assert post(cloud, {"key": "up/anonymous"})[::2] == (403, "AccessDenied")
    # What nobody signed is not judged: localstack's test_post_request_missing_fields.
    policy = base64.b64encode(b'{"expiration": "2000-01-01T00:00:00Z", "conditions": []}').decode()
    assert "Access Denied" in cloud.http(
        "POST", "/box", headers={"content-type": f"multipart/form-data; boundary={BOUNDARY}"}, body=body({"key": "up/a", "policy": policy})
    )[2].decode()
    assert s3.list_objects_v2(Bucket="box")["KeyCount"] == 0


def test_a_policy_expires(cloud, signers):
    fields = signed(signers)
    cloud.sleep(3700)
    assert post(cloud, fields)[::2] == (403, "AccessDenied")


@pytest.mark.parametrize(
    "conditions, fields, size, answer",
    [
        ([["content-length-range", 1, 5]], {}, 5, (204, "")),
        ([["content-length-range", 1, 5]], {}, 6, (400, "EntityTooLarge")),
        ([["content-length-range", 1, 5]], {}, 0, (400, "EntityTooSmall")),
        ([["starts-with", "$Content-Type", "image/"]], {"content-type": "image/png"}, 1, (204, "")),
        (
            [["starts-with", "$Content-Type", "image/"]],
            {"content-type": "text/html"},
            1,
            (403, "AccessDenied"),
        ),
        ([["starts-with", "$Content-Type", "image/"]], {}, 1, (403, "AccessDenied")),
        ([["starts-with", "$x-amz-meta-tag", ""]], {"x-amz-meta-tag": "anything"}, 1, (204, "")),
        ([["eq", "$x-amz-meta-tag", "a"]], {"x-amz-meta-tag": "b"}, 1, (403, "AccessDenied")),
        ([["contains", "$key", "a"]], {}, 1, (400, "InvalidPolicyDocument")),
        ([["content-length-range", "few", "many"]], {}, 1, (403, "AccessDenied")),
        ([["eq", "x-amz-meta-tag", "a"]], {"x-amz-meta-tag": "a"}, 1, (403, "AccessDenied")),
        ([{"bucket": "box", "x-amz-meta-tag": "a"}], {"x-amz-meta-tag": "a"}, 1, (400, "InvalidPolicyDocument")),
    ],
)
def test_conditions_of_a_policy_hold(cloud, signers, conditions, fields, size, answer):
    given = signed(signers, conditions=conditions) | fields
    assert post(cloud, given, content=b"x" * size)[::2] == answer


def test_what_a_form_answers_is_chosen_by_it(cloud, s3, signers):
    status, _, answer = post(cloud, signed(signers, success_action_status="201"))
    assert status == 201 and "<Key>up/photo.jpg</Key>" in answer and "<Bucket>box</Bucket>" in answer
    assert post(cloud, signed(signers, success_action_status="200"))[0] == 200
    assert post(cloud, signed(signers, success_action_status="404"))[0] == 204
    status, told, _ = post(cloud, signed(signers, success_action_redirect="http://page/done?a=1"))
    etag = s3.head_object(Bucket="box", Key="up/photo.jpg")["ETag"].strip('"')
    assert (status, told["Location"]) == (
        303,
        f"http://page/done?a=1&bucket=box&key=up%2Fphoto.jpg&etag=%22{etag}%22",
    )


@pytest.mark.parametrize(
    ("version", "without", "named"),
    [("s3v4", "x-amz-algorithm", "X-Amz-Algorithm"), ("s3v4", "x-amz-signature", "X-Amz-Signature"),
     ("s3", "AWSAccessKeyId", "AWSAccessKeyId"), ("s3", "signature", "Signature")],
)  # fmt: skip
def test_a_field_that_is_missing_is_named(cloud, signers, version, without, named):
    fields = {name: value for name, value in signed(signers, version).items() if name.lower() != without.lower()}
    headers = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    status, _, answer = cloud.http("POST", "/box", headers=headers, body=body(fields))
    assert status == 400 and f"<ArgumentName>{named}</ArgumentName><ArgumentValue></ArgumentValue>" in answer.decode()


def test_a_file_without_a_name_leaves_its_place_in_the_key(cloud, s3, signers):
    """localstack's test_post_object_with_file_as_string; the checksum is told: test_post_object_default_checksum."""
    status, told, _ = post(cloud, signed(signers), name="")
    assert status == 204 and told["x-amz-checksum-type"] == "FULL_OBJECT" and "x-amz-checksum-crc64nvme" in told
    assert [each["Key"] for each in s3.list_objects_v2(Bucket="box")["Contents"]] == ["up/${filename}"]


def test_names_in_a_form_may_be_tokens(cloud, s3, signers):
    """As RFC 2183 has them, and some libraries write."""
    fields = signed(signers, key="up/k", success_action_status="201")
    content = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    unquoted = re.sub(rb'(name|filename)="([\w.-]+)"', rb"\1=\2", body(fields))
    status, _, _ = cloud.http("POST", "/box", headers=content, body=unquoted)
    assert status == 201 and s3.get_object(Bucket="box", Key="up/k")["Body"].read() == b"content"


def test_a_form_may_bring_tags(cloud, s3, signers):
    tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>1 &amp; 2</Value></Tag></TagSet></Tagging>"
    status, _, code = post(cloud, signed(signers, tagging=tags))
    # The signer may write objects, but not tag them; the values of tags have letters of their own.
    assert (status, code) == (403, "AccessDenied")
    iam = cloud.client("iam")
    document = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}'
    iam.put_user_policy(UserName="ann", PolicyName="more", PolicyDocument=document)
    assert post(cloud, signed(signers, tagging=tags))[2] == "InvalidTag"
    good = tags.replace(" &amp; ", "+")
    assert post(cloud, signed(signers, tagging=good))[0] == 204
    assert s3.get_object_tagging(Bucket="box", Key="up/photo.jpg")["TagSet"] == [{"Key": "a", "Value": "1+2"}]


def test_what_is_no_form_is_refused(cloud, s3):
    headers = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}

    def code(content, headers=headers):
        status, _, answer = cloud.http("POST", "/box", headers=headers, body=content)
        found = re.search(rb"<Code>(.*?)</Code>", answer)
        return status, found[1] if found else answer

    assert code(body({"key": "k"}), {"content-type": "multipart/form-data"}) == (412, b"PreconditionFailed")
    assert code(b"key=k", {"content-type": "application/x-www-form-urlencoded"}) == (412, b"PreconditionFailed")
    assert code(body({"key": "k"}, content=None)) == (400, b"InvalidArgument")
    assert code(body({})) == (400, b"InvalidArgument")
    assert code(b"no form at all") == (400, b"MalformedPOSTRequest")
    assert code(body({"key": "k"})[:-40]) == (400, b"MalformedPOSTRequest")
    assert code(body({"key": "k", "x-amz-object-lock-mode": "x"})) == (501, b"NotImplemented")
    for policy in (
        b"{",
        b"[]",
        b"[" * 40_000,
        b'{"expiration":"soon","conditions":[]}',
        b'{"expiration":1}',
    ):
        fields = {
            "key": "k",
            "policy": base64.b64encode(policy).decode(),
            "AWSAccessKeyId": "a",
            "signature": "",
        }
        assert code(body(fields))[1] == b"InvalidPolicyDocument"
    assert code(body({"key": "k", "policy": "*", "AWSAccessKeyId": "a"})) == (400, b"InvalidArgument")
    assert code(body({"key": "k", "policy": "*", "AWSAccessKeyId": "a", "signature": "s"})) == (400, b"InvalidPolicyDocument")


def test_a_page_of_another_origin_may_read_the_answer_if_the_bucket_says_so(cloud, s3, signers):
    rule = {"AllowedMethods": ["POST"], "AllowedOrigins": ["http://page"], "ExposeHeaders": ["ETag"]}
    s3.put_bucket_cors(Bucket="box", CORSConfiguration={"CORSRules": [rule]})
    _, told, _ = post(cloud, signed(signers), headers={"origin": "http://page"})
    assert told["Access-Control-Allow-Origin"] == "http://page"


def test_a_bucket_with_its_own_host_name_takes_forms(cloud, s3, signers):
    content_type = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    form = body(signed(signers))
    status, told, _ = cloud.http("POST", "/", host="box.s3.localhost:4566", headers=content_type, body=form)
    assert (status, told["Location"]) == (204, "http://box.s3.localhost:4566/up/photo.jpg")


def test_a_policy_judges_the_key_with_the_files_name_in_it(cloud, s3, signers):
    # https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTForms.html: the name is put in before conditions are looked at
    fields = signed(signers, key="up/${filename}", conditions=[["starts-with", "$key", "up/photo"]])
    assert post(cloud, fields)[0] == 204
    assert post(cloud, fields, name="other.jpg")[::2] == (403, "AccessDenied")


def test_an_empty_condition_is_none(cloud, s3, signers):
    fields = signed(signers, conditions=[{}])
    assert post(cloud, fields)[::2] == (400, "InvalidPolicyDocument")


def test_notifications_call_a_form_a_post(cloud, s3, signers):
    sqs = cloud.client("sqs")
    policy = '{"Statement": {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:*", "Resource": "*"}}'
    url = sqs.create_queue(QueueName="told", Attributes={"Policy": policy})["QueueUrl"]
    told = {"QueueArn": "arn:aws:sqs:us-east-1:000000000000:told", "Events": ["s3:ObjectCreated:Post"]}
    s3.put_bucket_notification_configuration(Bucket="box", NotificationConfiguration={"QueueConfigurations": [told]})
    sqs.purge_queue(QueueUrl=url)
    assert post(cloud, signed(signers))[0] == 204
    [message] = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]
    assert '"eventName":"ObjectCreated:Post"' in message["Body"]
