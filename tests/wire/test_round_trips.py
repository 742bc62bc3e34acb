"""What botocore sends we read, and what we write botocore reads, for params made at random from AWS's own shapes."""

import datetime
import math

import pytest
from botocore.awsrequest import HeadersDict
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kumoniwa.aws.models import service
from kumoniwa.wire.codec import codec, detect
from kumoniwa.wire.message import Request
from kumoniwa.wire.routes import routes

SERVICES = [
    "apigateway",
    "cloudformation",
    "cloudwatch",
    "dynamodb",
    "ec2",
    "events",
    "iam",
    "kinesis",
    "lambda",
    "logs",
    "route53",
    "s3",
    "secretsmanager",
    "sns",
    "sqs",
    "stepfunctions",
    "sts",
]
LOADER = Loader()
DEPTH_MAX = 4

TEXT = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs", "Cc", "Cn"], exclude_characters="\ufffe\uffff"),
        # No carriage return: botocore's serializer leaves it bare in XML, where it becomes a line feed.
        st.sampled_from("&<>\"'\n\t%+/ =;,#?"),
    ),
    min_size=1,
    max_size=8,
)
PLAIN = st.text("abcXYZ019-_", min_size=1, max_size=8)
LEAVES = {
    "integer": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**53), 2**53),
    "float": st.floats(-1e6, 1e6, allow_nan=False, width=32),
    "double": st.floats(-1e12, 1e12, allow_nan=False),
    "boolean": st.booleans(),
    "timestamp": st.integers(0, 2**31 - 1),
    "blob": st.binary(min_size=1, max_size=12),
}


def _is_skipped(member):
    serialization = member.serialization
    return bool(
        serialization.get("jsonvalue")
        or serialization.get("eventstream")
        or getattr(member, "is_document_type", False)
    )


def _value(draw, shape, depth, place=None):
    kind = shape.type_name
    if kind == "structure":
        names = [name for name, member in shape.members.items() if not _is_skipped(member)]
        if shape.name == "AttributeValue":
            # DynamoDB reads its values itself, base64 included.
            names = [name for name in names if name not in ("B", "BS")]
        if depth >= DEPTH_MAX:
            names = [
                name for name in names if shape.members[name].type_name not in ("structure", "list", "map")
            ]
        wanted = set(draw(st.lists(st.sampled_from(names), max_size=4, unique=True))) if names else set()
        if getattr(shape, "is_tagged_union", False):
            wanted = {draw(st.sampled_from(names))} if names else set()
        elif depth == 0:
            wanted |= set(shape.required_members) & set(names)
        return {
            name: _value(
                draw, shape.members[name], depth + 1, shape.members[name].serialization.get("location")
            )
            for name in names
            if name in wanted
        }
    if kind == "list":
        if depth > DEPTH_MAX and shape.member.type_name in ("structure", "list", "map"):
            return []
        return [_value(draw, shape.member, depth + 1, place) for _ in range(draw(st.integers(1, 2)))]
    if kind == "map":
        if depth > DEPTH_MAX:
            return {}
        keys = draw(st.lists(PLAIN if place else TEXT, min_size=1, max_size=2, unique_by=str.lower))
        return {key: _value(draw, shape.value, depth + 1, place) for key in keys}
    if kind == "string":
        return draw(PLAIN if place in ("header", "headers") else TEXT)
    return draw(LEAVES[kind])


def _pruned(value):
    """Without empty structures, lists, maps and blobs: some protocols cannot tell them from absent ones."""
    if isinstance(value, dict):
        kept = {name: _pruned(item) for name, item in value.items()}
        return {name: item for name, item in kept.items() if item not in ({}, [], b"")}
    if isinstance(value, list):
        return [kept for kept in map(_pruned, value) if kept not in ({}, [])]
    if isinstance(value, datetime.datetime):
        return value.timestamp()
    return value


def _same(ours, theirs):
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(_same(ours[name], theirs[name]) for name in ours)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(_same, ours, theirs))
    if isinstance(ours, float) or isinstance(theirs, float):
        return math.isclose(ours, theirs, rel_tol=1e-6, abs_tol=1e-9)
    return ours == theirs


def _lowered(params, shape):
    """Names of metadata travel as headers, whose case is lost."""
    return {
        name: {key.lower(): item for key, item in value.items()}
        if shape.members[name].serialization.get("location") == "headers"
        else value
        for name, value in params.items()
    }


def _model(name):
    return ServiceModel(LOADER.load_service_model(name, "service-2"), name)


def _is_streaming(shape):
    payload = shape.serialization.get("payload") if shape is not None else None
    return payload is not None and (
        shape.members[payload].type_name in ("blob", "string")
        or shape.members[payload].serialization.get("eventstream")
    )


MODELS = {name: _model(name) for name in SERVICES}
OPERATIONS = {
    name: sorted(each for each in model.operation_names if not model.operation_model(each).deprecated)
    for name, model in MODELS.items()
}
PROTOCOLS = [(name, protocol) for name in SERVICES for protocol in (service(name).protocols)]


def _sent(model, protocol, operation, params):
    request = create_serializer(protocol, include_validation=False).serialize_to_request(params, operation)
    body = request["body"]
    if isinstance(body, dict):
        body = "&".join(f"{_quoted(name)}={_quoted(str(value))}" for name, value in body.items())
    path, _, fixed = request["url_path"].partition("?")
    given_query = request.get("query_string") or {}
    pairs = [fixed] if fixed else []
    if isinstance(given_query, dict):
        given_query = [
            (name, each)
            for name, value in given_query.items()
            for each in (value if isinstance(value, list) else [value])
        ]
    pairs += [f"{_quoted(name)}={_quoted(str(value))}" for name, value in given_query]
    headers = {name.lower(): str(value) for name, value in request["headers"].items()}
    return Request(
        request["method"], path, "&".join(pairs), headers, body.encode() if isinstance(body, str) else body
    )


def _quoted(text):
    return "".join(chr(b) if chr(b).isalnum() and b < 128 else f"%{b:02X}" for b in text.encode())


@pytest.mark.parametrize("name, protocol", PROTOCOLS)
@settings(
    max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None
)
@given(data=st.data())
def test_what_botocore_sends_is_read(name, protocol, data):
    model = MODELS[name]
    operation = model.operation_model(data.draw(st.sampled_from(OPERATIONS[name])))
    if operation.input_shape is None:
        return
    params = _value(data.draw, operation.input_shape, 0)
    request = _sent(model, protocol, operation, params)
    ours = service(name).operation(operation.name)
    labels = None
    if protocol.startswith("rest"):
        match = routes(service(name)).match(request.method, request.path, request.query, request.headers)
        assert match is not None
        labels = match.labels
        if match.operation != operation.name:
            assert _is_namesake(service(name), match.operation, operation.name)
    else:
        assert detect(request)[2] == operation.name
    read = codec(ours, protocol).read(request, labels)
    assert _same(_pruned(read), _pruned(_lowered(params, operation.input_shape)))


def _is_namesake(service, chosen, meant):
    """Whether nothing in a request can tell two operations apart, so that the older or optional one is not found."""
    targets = {target.operation: target for target in service.targets}
    return (targets[chosen].method, targets[chosen].uri) == (targets[meant].method, targets[meant].uri)


@pytest.mark.parametrize("name, protocol", PROTOCOLS)
@settings(
    max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None
)
@given(data=st.data())
def test_what_is_written_botocore_reads(name, protocol, data):
    model = MODELS[name]
    operation = model.operation_model(data.draw(st.sampled_from(OPERATIONS[name])))
    shape = operation.output_shape
    if shape is None or operation.has_event_stream_output or _is_streaming(shape):
        return
    reply = _value(data.draw, shape, 0)
    for member, of in shape.members.items():
        if of.serialization.get("location") == "statusCode":
            reply[member] = 202
    response = codec(service(name).operation(operation.name), protocol).write(reply, "request-1")
    headers = HeadersDict(response.headers)
    said = {"status_code": response.status, "headers": headers, "body": response.body, "context": {}}
    parsed = create_parser(protocol).parse(said, shape)
    parsed.pop("ResponseMetadata", None)
    assert _same(_pruned(parsed), _pruned(_lowered(reply, shape)))
