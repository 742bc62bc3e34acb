"""AWS's own protocol cases, read backwards: a client's expected request must give us its params, and the result a client
must see must be what our response says.
"""

import gzip
import json
import math
from base64 import b64decode
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest

from kumoniwa.aws import models
from kumoniwa.kernel.errors import AwsError
from kumoniwa.wire import cbor, timestamps
from kumoniwa.wire.codec import codec, detect
from kumoniwa.wire.message import Request
from kumoniwa.wire.routes import routes

CASES = json.loads(gzip.decompress((Path(__file__).parent / "cases" / "protocols.json.gz").read_bytes()))

LOST = "the client leaves it out of the request, so no server can know"
SHORTENED = "the case does not show the whole request"
TOLERANCE = "shows what a client must put up with, which is not what a server should send"
ELSEWHERE = "another place for the error's code; we always say it in one place"
OLDER = "flattened lists take their element's name where only it has one: SimpleDB and botocore's clients need that"
GAP = "the case's model does not say what the response contains"

NOT_OURS = {
    "input": {
        LOST: (
            "Ec2EmptyQueryLists QueryEmptyQueryMaps AwsJson11StructuresDontSerializeNullValues"
            " RestJsonHttpPrefixHeadersAreNotPresent HttpPrefixHeadersAreNotPresent RestJsonNullAndEmptyHeaders"
            " NullAndEmptyHeaders RestJsonOmitsNullQuery RestXmlOmitsNullQuery RestJsonOmitsEmptyListQueryValues"
            " RestJsonDoesntSerializeNullStructureValues RestJsonHttpWithEmptyStructurePayload"
            " RestJsonHttpWithHeadersButNoPayload RpcV2CborClientDoesntSerializeNullStructureValues"
            " RestJsonQueryPrecedence RestXmlQueryPrecedence"
        ),
        SHORTENED: (
            "Ec2QueryHostWithPath AwsJson10HostWithPath QueryHostWithPath RestJsonHostWithPath"
            " AwsJson10EndpointTrait AwsJson10EndpointTraitWithHostLabel SDKAppliedContentEncoding_ec2Query"
            " SDKAppendsGzipAndIgnoresHttpProvidedEncoding_ec2Query SDKAppliedContentEncoding_awsJson1_1"
            " SDKAppendsGzipAndIgnoresHttpProvidedEncoding_awsJson1_1 SDKAppliedContentEncoding_awsJson1_0"
            " SDKAppendsGzipAndIgnoresHttpProvidedEncoding_awsJson1_0 SDKAppliedContentEncoding_awsQuery"
            " SDKAppendsGzipAndIgnoresHttpProvidedEncoding_awsQuery SDKAppliedContentEncoding_restJson1"
            " SDKAppendedGzipAfterProvidedEncoding_restJson1 SDKAppliedContentEncoding_restXml"
            " SDKAppendedGzipAfterProvidedEncoding_restXml"
        ),
    },
    "output": {
        TOLERANCE: (
            "handles_unexpected_json_output json_1_1_service_responds_with_no_payload AwsJson11DeserializeIgnoreType"
            " AwsJson11StructuresDontDeserializeNullValues AwsJson10DeserializeIgnoreType"
            " AwsJson10DeserializeAllowNulls AwsJson10HandlesUnexpectedJsonOutput AwsJson10ServiceRespondsWithNoPayload"
            " RestJsonEmptyInputAndEmptyOutputJsonObjectOutput RestJsonGreetingWithErrorsNoPayload"
            " RestJsonHttpResponseCodeWithNoPayload RestJsonIgnoreQueryParamsInResponseNoPayload"
            " RestJsonDeserializesDenseSetMapAndSkipsNull RestJsonDeserializeIgnoreType RestJsonNoInputAndOutputNoPayload"
            " RestJsonDoesntDeserializeNullStructureValues empty_output_no_body NoOutputClientAllowsEmptyCbor"
            " NoOutputClientAllowsEmptyBody RpcV2CborDeserializesDenseSetMapAndSkipsNull"
            " RpcV2CborClientDoesntDeserializeNullStructureValues RpcV2CborExtraFieldsInTheBodyShouldBeSkippedByClients"
            " RpcV2CborPayloadWithUnsetUnion IgnoreQueryParamsInResponse"
        ),
        ELSEWHERE: (
            "AwsJson11FooErrorUsingXAmznErrorType AwsJson11FooErrorUsingXAmznErrorTypeWithUri"
            " AwsJson11FooErrorUsingXAmznErrorTypeWithUriAndNamespace AwsJson11FooErrorUsingCode"
            " AwsJson11FooErrorUsingCodeAndNamespace AwsJson11FooErrorUsingCodeUriAndNamespace"
            " AwsJson10FooErrorUsingXAmznErrorType AwsJson10FooErrorUsingXAmznErrorTypeWithUri"
            " AwsJson10FooErrorUsingXAmznErrorTypeWithUriAndNamespace AwsJson10FooErrorUsingCode"
            " AwsJson10FooErrorUsingCodeAndNamespace AwsJson10FooErrorUsingCodeUriAndNamespace"
            " RestJsonFooErrorUsingCode RestJsonFooErrorUsingCodeAndNamespace RestJsonFooErrorUsingCodeUriAndNamespace"
            " RestJsonFooErrorWithDunderType RestJsonFooErrorWithDunderTypeAndNamespace"
            " RestJsonFooErrorWithDunderTypeUriAndNamespace RestJsonFooErrorUsingXAmznErrorTypeWithUri"
            " RestJsonFooErrorUsingXAmznErrorTypeWithUriAndNamespace"
        ),
        OLDER: "XmlLists QueryXmlLists Ec2XmlLists",
        GAP: (
            "AwsJson11IntEnums parses_the_request_id_from_the_response InvalidGreetingError ComplexError Ec2ComplexError"
            " QueryCompatibleAwsJson10CustomCodeError QueryCompatibleRpcV2CborCustomCodeError"
        ),
    },
}
"""Cases a server cannot or should not satisfy, by reason. Every other case must pass."""


def _cases(direction):
    for file, suites in CASES[direction].items():
        for number, suite in enumerate(suites):
            for case in suite["cases"]:
                yield pytest.param(file, number, suite, case, id=f"{file}-{case['id']}-{number}")


def _operation(suite, case):
    given = case["given"]
    model = {"metadata": suite["metadata"], "shapes": suite["shapes"], "operations": {given["name"]: given}}
    return models.opened(suite["metadata"].get("serviceId", "cases"), models.compiled(model, {})).operation(
        given["name"]
    )


def _why_not(direction, case):
    return next(
        (reason for reason, names in NOT_OURS[direction].items() if case["id"] in names.split()), None
    )


def _ours(direction):
    return [param for param in _cases(direction) if _why_not(direction, param.values[3]) is None]


def _meant(value, shape, member=None):
    """A value of a case as it stands inside Kumoniwa: blobs are bytes, numbers that are points in time are floats."""
    if value is None:
        return None
    if member is not None and member.is_json_value:
        return value
    if shape.is_document:
        return value
    if shape.type == "structure":
        return {
            name: _meant(item, shape.members[name].shape, shape.members[name])
            for name, item in value.items()
            if name in shape.members
        }
    if shape.type == "list":
        return [_meant(item, shape.element.shape) for item in value]
    if shape.type == "map":
        return {name: _meant(item, shape.value.shape) for name, item in value.items()}
    if shape.type == "blob":
        return value.encode()
    if shape.type == "timestamp":
        return float(value)
    if shape.type in ("float", "double"):
        return (
            float(value)
            if not isinstance(value, str)
            else {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}[value]
        )
    return value


def _same(ours, theirs):
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(_same(ours[name], theirs[name]) for name in ours)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(_same, ours, theirs))
    if isinstance(ours, float) and isinstance(theirs, float) and math.isnan(ours):
        return math.isnan(theirs)
    if isinstance(ours, str) and isinstance(theirs, str):
        return _text_same(ours, theirs)
    return ours == theirs


def _request(case):
    sent = case["serialized"]
    path, _, query = sent["uri"].partition("?")
    headers = {name.lower(): value for name, value in sent.get("headers", {}).items()}
    body = sent.get("body") or ""
    raw = b64decode(body) if headers.get("smithy-protocol") else body.encode()
    return Request(sent["method"], path, query, headers, raw)


def _decoded_json_values(params, shape):
    """Members that carry JSON as text reach an operation as that text; the cases show now the text, now the value."""
    return {
        name: json.loads(value) if shape.members[name].is_json_value and isinstance(value, str) else value
        for name, value in params.items()
    }


def _unbound(params, operation):
    """Params whose map of the whole query holds only what no other member holds: the cases disagree on the rest."""
    members = operation.input.members.values()
    whole = [
        m.name for m in members if m.location == "querystring" and m.shape.type == "map" and m.name in params
    ]
    bound = {m.wire_name for m in members if m.location == "querystring" and m.name not in whole}
    left = {name: {k: v for k, v in params[name].items() if k not in bound} for name in whole}
    return params | left if all(left.values()) else {k: v for k, v in params.items() if k not in whole}


@pytest.mark.parametrize("file, number, suite, case", _ours("input"))
def test_a_request_is_read_as_what_the_client_meant(file, number, suite, case):
    operation = _operation(suite, case)
    request = _request(case)
    protocol = suite["metadata"]["protocol"]
    labels = None
    if protocol.startswith("rest"):
        match = routes(operation.service).match(request.method, request.path, request.query, request.headers)
        assert match is not None and match.operation == operation.name
        labels = match.labels
    else:
        spoken, _, named = detect(request)
        assert (spoken, named) == ("query" if protocol == "ec2" else protocol, operation.name)
    params = codec(operation, protocol).read(request, labels)
    if operation.input is None:
        assert params == {}
        return
    params = _decoded_json_values(params, operation.input)
    meant = _decoded_json_values(_meant(case["params"], operation.input), operation.input)
    if operation.idempotency_token and operation.idempotency_token not in meant:
        # The client invents a token; the cases agree on this one.
        meant[operation.idempotency_token] = "00000000-0000-4000-8000-000000000000"
    for name, member in operation.input.members.items():
        if member.location == "headers" and name in meant:
            meant[name] = {key.lower(): value for key, value in meant[name].items()}
    assert _same(_unbound(params, operation), _unbound(meant, operation)), (params, meant)


def _text_same(ours, theirs):
    ours, theirs = (ours or "").strip(), (theirs or "").strip()
    if ours == theirs:
        return True
    try:
        return timestamps.parsed(ours) == timestamps.parsed(theirs)
    except ValueError:
        return False


def _tree_same(ours, theirs):
    def children(element):
        kept = [
            child
            for child in element
            if child.tag.rpartition("}")[2].lower() not in ("responsemetadata", "requestid")
        ]
        return sorted(kept, key=lambda child: child.tag.rpartition("}")[2])

    if ours.tag.rpartition("}")[2] != theirs.tag.rpartition("}")[2] or ours.attrib != theirs.attrib:
        return False
    below, there = children(ours), children(theirs)
    if len(below) != len(there):
        return False
    return all(map(_tree_same, below, there)) if below else _text_same(ours.text, theirs.text)


def _bare_types(value):
    """Without the namespace and the URI that some services put around an error's name."""
    if isinstance(value, dict) and isinstance(value.get("__type"), str):
        return value | {"__type": value["__type"].partition(":")[0].rpartition("#")[2]}
    return value


def _assert_body(body, theirs, protocol, content_type):
    if protocol == "smithy-rpc-v2-cbor":
        theirs = cbor.loads(b64decode(theirs)) if theirs else None
        ours = cbor.loads(body) if body else None
        assert _same(_bare_types(ours), _bare_types(theirs)), (ours, theirs)
    elif "json" in (content_type or "") and theirs:
        assert _same(_bare_types(json.loads(body)), _bare_types(json.loads(theirs))), (body, theirs)
    elif "xml" in (content_type or "") and theirs:
        assert _tree_same(ElementTree.fromstring(body), ElementTree.fromstring(theirs)), (body, theirs)
    else:
        assert body == (theirs or "").encode()


def _assert_response(response, case, protocol):
    expected = case["response"]
    assert response.status == expected["status_code"]
    ours = {name.lower(): value for name, value in response.headers.items()}
    ours["content-length"] = str(len(response.body))
    for name, value in expected.get("headers", {}).items():
        if name.lower() == "content-type" and not expected.get("body"):
            continue
        if name.lower() == "content-type":
            assert ours["content-type"].partition(";")[0] == value.partition(";")[0]
        else:
            assert _text_same(ours.get(name.lower()), value), (name, ours.get(name.lower()), value)
    kind = expected.get("headers", {}).get("Content-Type") or ours.get("content-type")
    if "body" in expected:
        _assert_body(response.body, expected.get("body"), protocol, kind)


@pytest.mark.parametrize("file, number, suite, case", _ours("output"))
def test_a_reply_is_written_as_the_client_expects_it(file, number, suite, case):
    operation = _operation(suite, case)
    protocol = suite["metadata"]["protocol"]
    if "error" in case:
        response = codec(operation, protocol).refuse(_error(operation, case), "foo-id")
    else:
        result = _meant(case["result"], operation.output) if operation.output else None
        response = codec(operation, protocol).write(result, "foo-id")
    _assert_response(response, case, protocol)


def _error(operation, case):
    code = case["errorCode"]
    known = operation.service.errors.get(code)
    members = _meant(case["error"], known.shape) if known else {}
    text = case.get("errorMessage") or members.pop("Message", members.pop("message", ""))
    members = {name: value for name, value in members.items() if name.lower() != "message"}
    return type(code, (AwsError,), {"code": code})(text, **members)


def test_most_of_the_cases_apply_to_a_server(capsys):
    lines = ["", f"{'cases':34}{'in all':>8}{'ours':>8}"]
    counts = {}
    for direction in ("input", "output"):
        for param in _cases(direction):
            file, _, _, case = param.values
            of_file = counts.setdefault((direction, file), Counter())
            of_file["all"] += 1
            of_file[_why_not(direction, case) or "ours"] += 1
    for (direction, file), of_file in counts.items():
        lines.append(f"{direction + ' ' + file:48}{of_file['all']:>4}{of_file['ours']:>8}")
    total = sum(counts.values(), Counter())
    lines += [f"{'all':48}{total['all']:>4}{total['ours']:>8}"]
    lines += [f"  not ours, {reason}: {total[reason]}" for reason in total if reason not in ("all", "ours")]
    with capsys.disabled():
        print("\n".join(lines))
    assert total["all"] == 732
    listed = sum(len(names.split()) for reasons in NOT_OURS.values() for names in reasons.values())
    assert total["all"] - total["ours"] >= listed, "NOT_OURS names a case that does not exist"
