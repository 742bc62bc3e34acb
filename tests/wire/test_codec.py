"""Reading what is malformed, writing refusals, and telling protocols and operations apart."""

import json
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kumoniwa.aws.models import service
from kumoniwa.kernel.errors import AwsError, SerializationException
from kumoniwa.wire import cbor, timestamps
from kumoniwa.wire.codec import codec, detect
from kumoniwa.wire.message import Request
from kumoniwa.wire.query import MalformedInput
from kumoniwa.wire.routes import routes
from kumoniwa.wire.xml import MalformedXML


def read(name, operation, body=b"", protocol=None, /, labels=None, query="", **headers):
    request = Request(
        "POST", "/", query, {key.replace("_", "-"): value for key, value in headers.items()}, body
    )
    return codec(service(name).operation(operation), protocol or service(name).protocol).read(request, labels)


class QueueDoesNotExist(AwsError):
    message = "The specified queue does not exist."


class NoSuchKey(AwsError):
    message = "The specified key does not exist."


class NoSuchEntity(AwsError):
    message = "The role with name <r> cannot be found."


class ResourceNotFoundException(AwsError):
    message = "Function not found"


def refuse(name, operation, error, protocol=None):
    return codec(service(name).operation(operation), protocol or service(name).protocol).refuse(error, "id-1")


def test_sqs_names_its_error_in_the_body_and_the_older_code_in_a_header():
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-json-faqs.html
    response = refuse("sqs", "SendMessage", QueueDoesNotExist())
    assert response.status == 400
    assert json.loads(response.body) == {
        "__type": "com.amazonaws.sqs#QueueDoesNotExist",
        "message": "The specified queue does not exist.",
    }
    assert response.headers["x-amzn-query-error"] == "AWS.SimpleQueueService.NonExistentQueue;Sender"
    assert response.headers["Content-Type"] == "application/x-amz-json-1.0"


def test_cloudwatch_tells_its_times_as_aws_does():
    # Recorded: localstack's test_basic_operations_multiple_protocols.
    reply = {"MetricDataResults": [{"Id": "a", "Timestamps": [1765977780.0], "Values": [1.0]}]}
    write = {protocol: codec(service("cloudwatch").operation("GetMetricData"), protocol).write for protocol in ("json", "smithy-rpc-v2-cbor")}
    assert b'"Timestamps":[1765977780.0]' in write["json"](reply, "id-1").body
    assert b"Timestamps\x9f\xc1\xfbA" in write["smithy-rpc-v2-cbor"](reply, "id-1").body


def test_rest_json_names_its_error_in_a_header_and_takes_status_and_members_from_the_model():
    response = refuse("lambda", "GetFunction", ResourceNotFoundException(Type="User"))
    assert (response.status, response.headers["x-amzn-errortype"]) == (404, "ResourceNotFoundException")
    assert json.loads(response.body) == {"Message": "Function not found", "Type": "User"}


def test_s3_writes_a_bare_error():
    # https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
    response = refuse("s3", "GetObject", NoSuchKey(Key="a&b"))
    root = ElementTree.fromstring(response.body)
    assert (response.status, root.tag, root.findtext("Code")) == (404, "Error", "NoSuchKey")
    assert (root.findtext("Key"), root.findtext("RequestId")) == ("a&b", "id-1")


def test_an_answer_to_head_has_no_body():
    assert refuse("s3", "HeadObject", NoSuchKey()).body == b""


def test_the_query_protocol_wraps_its_error_and_uses_the_models_older_code():
    # IAM's shape is NoSuchEntityException, its code NoSuchEntity; both name the error.
    response = refuse("iam", "GetRole", NoSuchEntity())
    root = ElementTree.fromstring(response.body)
    error = root.find("{*}Error")
    assert response.status == 404
    assert [child.text for child in error] == [
        "Sender",
        "NoSuchEntity",
        "The role with name <r> cannot be found.",
    ]


def test_ec2_lists_its_errors():
    class InvalidParameterValue(AwsError):
        message = "No."

    root = ElementTree.fromstring(refuse("ec2", "RunInstances", InvalidParameterValue()).body)
    assert (root.tag, root.findtext("Errors/Error/Code"), root.findtext("RequestID")) == (
        "Response",
        "InvalidParameterValue",
        "id-1",
    )


@pytest.mark.parametrize(
    "body, text",
    [
        # https://github.com/async-aws/aws/issues/1667
        (
            b'{"QueueUrl":"u","MessageBody":"b","DelaySeconds":"5"}',
            "STRING_VALUE can not be converted to an Integer",
        ),
        (b'{"QueueUrl":1}', "NUMBER_VALUE can not be converted to a String"),
        (b'{"QueueUrl":true}', "TRUE_VALUE can not be converted to a String"),
        (b'{"QueueUrl":{}}', "Start of structure or map found where not expected."),
        (b'{"QueueUrl":[]}', "Start of list found where not expected"),
        (b'{"DelaySeconds":4294967296}', "NUMBER_VALUE can not be converted to an Integer"),
    ],
)
def test_a_value_of_the_wrong_type_is_a_serialization_exception(body, text):
    with pytest.raises(SerializationException) as refused:
        read("sqs", "SendMessage", body)
    assert refused.value.text == text


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        # Recorded: test_integration_response_invalid_responsetemplates, test_put_integration_request_parameter_bool_type.
        (b"123", "com.amazon.coral.value.json.numbers.TruncatingBigNumber"),
        (b"true", "java.lang.Boolean"),
    ],
)
def test_in_a_rest_services_map_of_strings_other_values_are_told_by_their_class(value, kind):
    labels = {"restApiId": "a", "resourceId": "b", "httpMethod": "GET", "statusCode": "200"}
    with pytest.raises(SerializationException) as refused:
        read("apigateway", "PutIntegrationResponse", b'{"responseTemplates":{"application/json":%s}}' % value, labels=labels)
    assert refused.value.text == f"class {kind} can not be converted to an String"


def test_what_is_null_is_absent():
    body = b'{"QueueUrl":"u","MessageBody":null,"MessageAttributes":{"a":{"DataType":"String","StringValue":null}}}'
    assert read("sqs", "SendMessage", body) == {
        "QueueUrl": "u",
        "MessageAttributes": {"a": {"DataType": "String"}},
    }


@pytest.mark.parametrize("body", [b"", b"{}", b"null"])
def test_no_body_is_no_params(body):
    assert read("sqs", "ListQueues", body) == {}


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b'"x"', b"\xff", b'{"QueueUrl":' + b"[" * 5000, b'{"QueueUrl":' + b'{"a":' * 100_000, b"1"],
)
def test_no_json_breaks_the_reader(body):
    with pytest.raises(SerializationException):
        read("sqs", "SendMessage", body)


def test_attribute_values_nested_too_deeply_are_refused():
    body = b'{"TableName":"t","Item":{"a":' + b'{"M":{"a":' * 5000 + b'{"S":"x"}' + b"}}" * 5000 + b"}}"
    with pytest.raises(SerializationException):
        read("dynamodb", "PutItem", body)


@pytest.mark.parametrize(
    "body",
    [
        b"<Tagging",
        b'<!DOCTYPE x [<!ENTITY a "b">]><Tagging>&a;</Tagging>',
        '<!DOCTYPE x [<!ENTITY a "b">]><Tagging>&a;</Tagging>'.encode("utf-16"),
        b'<?xml version="1.0" encoding="no-such"?><Tagging/>',
        b"<Tagging>&undefined;</Tagging>",
    ],
)
def test_malformed_xml_and_every_document_type_is_refused(body):
    with pytest.raises(MalformedXML):
        read("s3", "PutBucketTagging", body, labels={"Bucket": "b"})


def test_xml_nested_without_end_is_refused_or_ignored():
    body = b"<a>" * 100_000
    with pytest.raises(MalformedXML):
        read("s3", "PutBucketTagging", body, labels={"Bucket": "b"})


@pytest.mark.parametrize(
    "form",
    ["Tags.member.x.Key=1", "Tags=1", "Tags.member.1.Key.Deeper=1", "RoleName.a=1", "MaxSessionDuration=x"],
)
def test_a_form_that_does_not_fit_is_malformed_input(form):
    with pytest.raises(MalformedInput):
        read("iam", "CreateRole", form.encode())


def test_a_form_may_be_deep_only_so_far():
    with pytest.raises(MalformedInput):
        read("iam", "CreateRole", b"Tags" + b".a" * 100_000 + b"=1")


def test_items_of_a_form_come_in_the_order_of_their_numbers():
    form = b"Tags.member.10.Key=c&Tags.member.2.Key=b&Tags.member.1.Key=a"
    assert [tag["Key"] for tag in read("iam", "CreateRole", form)["Tags"]] == ["a", "b", "c"]


def test_s3_says_which_number_is_none():
    with pytest.raises(AwsError) as refused:
        read("s3", "ListObjectsV2", labels={"Bucket": "b"}, query="list-type=2&max-keys=x")
    assert (refused.value.code, refused.value.text) == (
        "InvalidArgument",
        "Provided max-keys not an integer or within integer range",
    )


FUZZED = [
    ("sqs", "SendMessage", "json"), ("dynamodb", "PutItem", "json"), ("cloudwatch", "PutMetricData", "smithy-rpc-v2-cbor"),
    ("cloudwatch", "PutMetricData", "query"), ("ec2", "RunInstances", "ec2"), ("lambda", "CreateFunction", "rest-json"),
    ("s3", "PutBucketLifecycleConfiguration", "rest-xml"), ("s3", "DeleteObjects", "rest-xml"),
]  # fmt: skip


@pytest.mark.parametrize("name, operation, protocol", FUZZED)
@settings(max_examples=150, deadline=None)
@given(
    body=st.one_of(
        st.binary(max_size=80),
        st.text('{}[]":,0123456789.eE-abcMLSNB truefalsn', max_size=60).map(str.encode),
        st.text("<>/abcdefTagSetKeyRule=\"'&;! ", max_size=60).map(str.encode),
        st.text("ABCimageIdTagsmember.123=&%+", max_size=60).map(str.encode),
    ),
    query=st.text("abc=&%+,;max-keys", max_size=30),
)
def test_no_bytes_cause_anything_but_params_or_a_refusal(name, operation, protocol, body, query):
    try:
        params = read(name, operation, body, protocol, labels={"Bucket": "b"}, query=query)
        codec(service(name).operation(operation), protocol).check(params)
    except AwsError as error:
        assert refuse(name, operation, error, protocol).status == 400


@given(st.recursive(st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(allow_nan=False), st.text(), st.binary()),
                    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)), max_leaves=20))  # fmt: skip
def test_cbor_is_read_as_it_was_written(value):
    assert cbor.loads(cbor.dumps(value)) == value


@pytest.mark.parametrize(
    "hexed, value",
    [
        # The examples of RFC 8949, appendix A.
        ("1bffffffffffffffff", 2**64 - 1), ("3bffffffffffffffff", -(2**64)), ("f93c00", 1.0), ("f97bff", 65504.0),
        ("fa47c35000", 100000.0), ("c11a514b67b0", 1363896240), ("5f42010243030405ff", b"\1\2\3\4\5"),
        ("7f657374726561646d696e67ff", "streaming"), ("9f018202039f0405ffff", [1, [2, 3], [4, 5]]),
        ("bf61610161629f0203ffff", {"a": 1, "b": [2, 3]}),
    ],
)  # fmt: skip
def test_cbor_of_every_form_is_read(hexed, value):
    assert cbor.loads(bytes.fromhex(hexed)) == value


@pytest.mark.parametrize(
    "body",
    [
        b"\x9f" * 5000,
        b"\x81" * 100_000,
        b"\xff",
        b"\x5f\x9f",
        b"\x9b" + b"\xff" * 8,
        b"\x1c",
        b"\x00\x00",
        b"\xa1\x01\x02",
    ],
)
def test_no_cbor_breaks_the_decoder(body):
    with pytest.raises(ValueError):
        cbor.loads(body)


def _asked(method="POST", path="/", query="", body=b"", **headers):
    return Request(
        method, path, query, {name.replace("_", "-"): value for name, value in headers.items()}, body
    )


@pytest.mark.parametrize(
    "request_, said",
    [
        (_asked(x_amz_target="DynamoDB_20120810.PutItem"), ("json", "DynamoDB_20120810", "PutItem")),
        (_asked(path="/service/GraniteServiceVersion20100801/operation/ListMetrics", smithy_protocol="rpc-v2-cbor"),
         ("smithy-rpc-v2-cbor", "GraniteServiceVersion20100801", "ListMetrics")),
        (_asked(body=b"Action=GetCallerIdentity&Version=2011-06-15", content_type="application/x-www-form-urlencoded; charset=utf-8"),
         ("query", None, "GetCallerIdentity")),
        (_asked("GET", query="Action=ConfirmSubscription&Version=2010-03-31&Token=x"), ("query", None, "ConfirmSubscription")),
        (_asked("GET", "/bucket/key"), ("rest", None, None)),
        (_asked("PUT", "/bucket/Action=", "partNumber=1"), ("rest", None, None)),
    ],
)  # fmt: skip
def test_a_request_tells_its_protocol(request_, said):
    assert detect(request_) == said


@pytest.mark.parametrize(
    "method, path, query, headers, operation, labels",
    [
        ("PUT", "/b/k", "", {}, "PutObject", {"Bucket": "b", "Key": "k"}),
        ("PUT", "/b/k", "", {"x-amz-copy-source": "/b/o"}, "CopyObject", {"Bucket": "b", "Key": "k"}),
        ("PUT", "/b/k", "partNumber=1&uploadId=u", {}, "UploadPart", {"Bucket": "b", "Key": "k"}),
        (
            "PUT",
            "/b/k",
            "partNumber=1&uploadId=u",
            {"x-amz-copy-source": "s"},
            "UploadPartCopy",
            {"Bucket": "b", "Key": "k"},
        ),
        ("GET", "/b/a%2Fb//c/", "", {}, "GetObject", {"Bucket": "b", "Key": "a/b//c/"}),
        ("GET", "/b//k", "", {}, "GetObject", {"Bucket": "b", "Key": "/k"}),
        ("GET", "/b/%E3%81%82%2B+", "", {}, "GetObject", {"Bucket": "b", "Key": "あ++"}),
        ("GET", "/b/", "list-type=2", {}, "ListObjectsV2", {"Bucket": "b"}),
        ("GET", "/b", "lifecycle", {}, "GetBucketLifecycleConfiguration", {"Bucket": "b"}),
        ("DELETE", "/b/k", "uploadId=u", {}, "AbortMultipartUpload", {"Bucket": "b", "Key": "k"}),
        ("POST", "/b", "delete", {}, "DeleteObjects", {"Bucket": "b"}),
    ],
)
def test_s3_requests_find_their_operation(method, path, query, headers, operation, labels):
    assert routes(service("s3")).match(method, path, query, headers) == (operation, labels)


def test_a_path_nobody_serves_matches_nothing():
    assert routes(service("lambda")).match("GET", "/2015-03-31/no-such-thing") is None
    assert routes(service("lambda")).match("PATCH", "/2015-03-31/functions/f") is None


@pytest.mark.parametrize(
    "text",
    [
        "2019-12-16T23:48:18Z",
        "2019-12-17T00:48:18+01:00",
        "Mon, 16 Dec 2019 23:48:18 GMT",
        "1576540098",
        "20191216T234818Z",
    ],
)
def test_every_format_of_a_timestamp_is_read(text):
    assert timestamps.parsed(text) == 1576540098.0


@given(st.text(max_size=40))
def test_no_text_breaks_the_timestamp_reader(text):
    try:
        assert isinstance(timestamps.parsed(text), float)
    except ValueError:
        pass
