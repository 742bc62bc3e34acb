"""X-Ray and OpenTelemetry: the SDK's own exporter sends its spans, signed, to the endpoint that AWS has for them."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime

import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from lambda_workshop import ACCOUNT, put_user
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context

HOST = "xray.us-east-1.localhost:4566"
POLICY = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow", "Principal": {"Service": "xray.amazonaws.com"}, "Action": "logs:PutLogEvents",
        "Resource": [f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:aws/spans:*"],
        "Condition": {"ArnLike": {"aws:SourceArn": f"arn:aws:xray:us-east-1:{ACCOUNT}:*"}, "StringEquals": {"aws:SourceAccount": ACCOUNT}},
    },
}  # fmt: skip


@pytest.fixture
def xray(cloud):
    return cloud.client("xray")


@pytest.fixture
def searched(cloud, xray):
    """An account with Transaction Search, all of whose traces are indexed."""
    cloud.client("logs").put_resource_policy(policyName="spans", policyDocument=json.dumps(POLICY))
    xray.update_trace_segment_destination(Destination="CloudWatchLogs")
    xray.update_indexing_rule(Name="Default", Rule={"Probabilistic": {"DesiredSamplingPercentage": 100}})


class Signer(requests.Session):
    """What an exporter is given to sign with: requests go straight into the region."""

    def __init__(self, cloud, key: str = "test", secret: str = "test") -> None:
        super().__init__()
        self.cloud, self.credentials = cloud, Credentials(key, secret)
        self.answers: list[tuple[int, bytes]] = []

    def send(self, request, **_):
        headers = {name: value for name, value in request.headers.items() if name.lower().startswith("content-")}
        body = request.body if isinstance(request.body, bytes) else request.body.encode()
        status, told, content = post(self.cloud, body, headers, self.credentials)
        self.answers.append((status, content))
        response = requests.Response()
        response.status_code, response._content, response.headers, response.url, response.request = status, content, told, request.url, request
        return response


def post(cloud, body: bytes, headers: dict, credentials: Credentials | None = Credentials("test", "test")):
    signed = AWSRequest("POST", f"http://{HOST}/v1/traces", data=body, headers={**headers, "host": HOST})
    signed.context["timestamp"] = datetime.fromtimestamp(cloud.now(), UTC).strftime("%Y%m%dT%H%M%SZ")
    if credentials is not None:
        SigV4Auth(credentials, "xray", "us-east-1").add_auth(signed)
    sent = {name: value for name, value in signed.headers.items() if name.lower() not in ("host", "content-length")}
    return cloud.http("POST", "/v1/traces", host=HOST, headers=sent, body=body)


def tracer(cloud, service: str = "shop", session: Signer | None = None, **more):
    exporter = OTLPSpanExporter(f"http://{HOST}/v1/traces", session=session or Signer(cloud), **more)
    provider = TracerProvider(resource=Resource.create({"service.name": service, "service.version": "7"}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider.get_tracer("tests", "1.0")


def ns(cloud, after_s: float = 0.0) -> int:
    return int((cloud.now() - 10 + after_s) * 1e9)


def span(cloud, tracer, name: str, kind: SpanKind, parent=None, *, lasts_s: float = 0.25, status: Status | None = None, events=(), **attributes):
    context = set_span_in_context(parent) if parent is not None else None
    said = {key.replace("__", "."): value for key, value in attributes.items()}
    made = tracer.start_span(name, context=context, kind=kind, attributes=said, start_time=ns(cloud))
    for error in events:
        made.record_exception(error)
    if status is not None:
        made.set_status(status)
    made.end(ns(cloud, lasts_s))
    return made


def trace_of(span) -> str:
    text = f"{span.get_span_context().trace_id:032x}"
    return f"1-{text[:8]}-{text[8:]}"


def documents(xray, span) -> dict[str, dict]:
    (found,) = xray.batch_get_traces(TraceIds=[trace_of(span)])["Traces"]
    return {each["name"]: each for each in (json.loads(segment["Document"]) for segment in found["Segments"])}


def test_a_span_that_serves_is_a_segment_and_what_it_calls_is_in_it(cloud, xray, searched):
    spans = tracer(cloud)
    root = span(
        cloud, spans, "GET /orders", SpanKind.SERVER, http__request__method="GET", url__scheme="https", server__address="shop.example",
        url__path="/orders", url__query="a=1", http__response__status_code=200, client__address="192.0.2.1", user_agent__original="curl/8",
    )  # fmt: skip
    table = {"rpc__system": "aws-api", "rpc__service": "DynamoDB", "rpc__method": "GetItem", "aws__dynamodb__table_names": ["orders"],
             "aws__service": "DynamoDB", "http__response__status_code": 200, "aws__request_id": "R1"}  # fmt: skip
    span(cloud, spans, "DynamoDB.GetItem", SpanKind.CLIENT, root, **table)
    span(cloud, spans, "GET", SpanKind.CLIENT, root, http__method="GET", http__url="http://stock.example/x", server__address="stock.example", http__status_code=503)
    shop = documents(xray, root)["shop"]
    assert shop["http"] == {
        "request": {"method": "GET", "url": "https://shop.example/orders?a=1", "user_agent": "curl/8", "client_ip": "192.0.2.1"},
        "response": {"status": 200},
    }  # fmt: skip
    assert (shop["trace_id"], shop["service"]) == (trace_of(root), {"version": "7"}) and "type" not in shop
    assert shop["aws"]["xray"]["sdk"] == "opentelemetry for python"
    read = {each["name"]: each for each in shop["subsegments"]}
    assert (read["DynamoDB"]["namespace"], read["DynamoDB"]["aws"]) == (
        "aws", {"operation": "GetItem", "request_id": "R1", "table_name": "orders", "xray": shop["aws"]["xray"]},
    )  # fmt: skip
    assert (read["stock.example"]["namespace"], read["stock.example"]["fault"]) == ("remote", True)
    services = {(each["Name"], each.get("Type")) for each in xray.get_trace_graph(TraceIds=[trace_of(root)])["Services"]}
    assert services == {("shop", "client"), ("shop", None), ("orders", "AWS::DynamoDB::Table"), ("stock.example", "remote")}


def test_attributes_are_metadata_unless_they_are_named_as_annotations(cloud, xray, searched):
    made = span(
        cloud, tracer(cloud), "work", SpanKind.INTERNAL, color="red", size=3, big=True, aws__xray__annotations=["color", "size"], enduser__id="ann",
        aws__xray__metadata__debug='{"a": [1]}',
    )  # fmt: skip
    shop = documents(xray, made)["shop"]
    assert (shop["annotations"], shop["user"]) == ({"color": "red", "size": 3}, "ann")
    assert shop["metadata"]["debug"] == {"a": [1]}
    said = shop["metadata"]["default"]
    assert (said["big"], said["otel.resource.service.name"], said["otel.resource.service.version"]) == (True, "shop", "7")
    assert {name for name in said if not name.startswith("otel.resource.")} == {"big"}
    at = {"StartTime": cloud.now() - 600, "EndTime": cloud.now() + 60}
    (found,) = xray.get_trace_summaries(**at, FilterExpression='annotation[color] = "red" AND user = "ann"')["TraceSummaries"]
    assert found["Id"] == trace_of(made)


def test_an_exception_is_the_cause_of_a_fault(cloud, xray, searched):
    try:
        {}["missing"]  # noqa: B018
    except KeyError as error:
        raised = error
    made = span(cloud, tracer(cloud), "work", SpanKind.SERVER, status=Status(StatusCode.ERROR, "no"), events=[raised])
    shop = documents(xray, made)["shop"]
    (cause,) = shop["cause"]["exceptions"]
    assert (shop["fault"], cause["type"], cause["message"]) == (True, "KeyError", "'missing'")
    assert cause["stack"][0]["label"] == "test_an_exception_is_the_cause_of_a_fault" and cause["stack"][0]["line"] > 1
    failed = span(cloud, tracer(cloud), "work", SpanKind.SERVER, status=Status(StatusCode.ERROR, "out of paper"))
    assert documents(xray, failed)["shop"]["cause"]["exceptions"][0]["message"] == "out of paper"


@pytest.mark.parametrize("status, flags", [(404, {"error"}), (429, {"error", "throttle"}), (500, {"fault"}), (200, set())])
def test_the_status_of_an_answer_says_whose_mistake_it_was(cloud, xray, searched, status, flags):
    made = span(cloud, tracer(cloud), "GET", SpanKind.SERVER, http__request__method="GET", http__response__status_code=status)
    assert documents(xray, made)["shop"].keys() & {"error", "throttle", "fault"} == flags


def test_a_query_of_a_database_is_called_by_its_database_and_host(cloud, xray, searched):
    spans = tracer(cloud)
    root = span(cloud, spans, "work", SpanKind.SERVER)
    span(cloud, spans, "SELECT stock", SpanKind.CLIENT, root, db__system="postgresql", db__name="stock", db__statement="select 1", db__user="u",
         db__connection_string="postgresql://db.example:5432")  # fmt: skip
    (part,) = documents(xray, root)["shop"]["subsegments"]
    assert (part["name"], part["namespace"]) == ("stock@db.example", "remote")
    assert part["sql"] == {
        "url": "SELECT stock", "connection_string": "postgresql://db.example:5432/stock", "database_type": "postgresql", "user": "u",
        "sanitized_query": "select 1",
    }  # fmt: skip
    assert ("stock@db.example", "Database::SQL") in {(each["Name"], each.get("Type")) for each in xray.get_trace_graph(TraceIds=[trace_of(root)])["Services"]}


def test_a_call_that_nothing_encloses_is_its_callers_segment_with_the_call_in_it(cloud, xray, searched):
    made = span(cloud, tracer(cloud, "script"), "GET", SpanKind.CLIENT, http__method="GET", http__url="http://a.example/", server__address="a.example")
    found = documents(xray, made)
    assert [each["name"] for each in found["script"]["subsegments"]] == ["a.example"] and found["a.example"]["inferred"]
    assert found["script"]["subsegments"][0]["id"] == f"{made.get_span_context().span_id:016x}"


def test_every_span_is_a_line_of_the_log_and_traces_are_indexed_as_the_rule_says(cloud, xray, searched):
    xray.update_indexing_rule(Name="Default", Rule={"Probabilistic": {"DesiredSamplingPercentage": 0}})
    made = span(cloud, tracer(cloud), "work", SpanKind.SERVER, color="red")
    assert xray.batch_get_traces(TraceIds=[trace_of(made)])["UnprocessedTraceIds"] == [trace_of(made)]
    (event,) = cloud.client("logs").filter_log_events(logGroupName="aws/spans")["events"]
    line = json.loads(event["message"])
    assert (line["traceId"], line["kind"], line["name"], line["attributes"]) == (f"{made.get_span_context().trace_id:032x}", "SERVER", "work", {"color": "red"})
    assert (line["durationNano"], line["resource"]["attributes"]["service.name"], line["scope"]) == (
        line["endTimeUnixNano"] - line["startTimeUnixNano"], "shop", {"name": "tests", "version": "1.0"},
    )  # fmt: skip
    xray.update_indexing_rule(Name="Default", Rule={"Probabilistic": {"DesiredSamplingPercentage": 50}})
    spans, count = tracer(cloud), 60
    shown = sum(bool(xray.batch_get_traces(TraceIds=[trace_of(span(cloud, spans, "x", SpanKind.SERVER))])["Traces"]) for _ in range(count))
    assert 0 < shown < count


def test_segments_of_the_api_are_logged_too(cloud, xray, searched):
    trace, now = f"1-{int(cloud.now()):08x}-{7:024x}", cloud.now()
    part = {"id": "2" * 16, "name": "DynamoDB", "namespace": "aws", "start_time": now - 1, "end_time": now, "aws": {"table_name": "t"}, "fault": True}
    document = {"trace_id": trace, "id": "1" * 16, "name": "shop", "start_time": now - 1, "end_time": now, "annotations": {"a": 1}, "subsegments": [part]}
    xray.put_trace_segments(TraceSegmentDocuments=[json.dumps(document)])
    lines = [json.loads(each["message"]) for each in cloud.client("logs").filter_log_events(logGroupName="aws/spans")["events"]]
    told = {line["name"]: line for line in lines}
    assert {line["traceId"] for line in lines} == {trace.replace("-", "")[1:]}
    assert (told["shop"]["kind"], told["DynamoDB"]["kind"], told["DynamoDB"]["parentSpanId"]) == ("SERVER", "CLIENT", "1" * 16)
    assert told["shop"]["attributes"] == {"a": 1, "aws.xray.annotations": ["a"]} and told["DynamoDB"]["status"] == {"code": "ERROR"}
    assert len(xray.batch_get_traces(TraceIds=[trace])["Traces"]) == 1


def test_json_is_taken_and_answered_as_json_also_compressed(cloud, xray, searched):
    trace = "5" * 32
    one = {"traceId": trace.upper(), "spanId": "a" * 16, "name": "work", "kind": 2, "startTimeUnixNano": str(ns(cloud)), "endTimeUnixNano": ns(cloud, 1),
           "attributes": [{"key": "n", "value": {"intValue": "7"}}, {"key": "l", "value": {"arrayValue": {"values": [{"boolValue": True}]}}}]}  # fmt: skip
    sent = {"resourceSpans": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "j"}}]}, "scopeSpans": [{"spans": [one]}]}]}
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    status, told, body = post(cloud, gzip.compress(json.dumps(sent).encode()), headers)
    assert (status, told["Content-Type"], body) == (200, "application/json", b"{}")
    (found,) = xray.batch_get_traces(TraceIds=[f"1-{trace[:8]}-{trace[8:]}"])["Traces"]
    assert json.loads(found["Segments"][0]["Document"])["metadata"]["default"] == {"n": 7, "l": [True], "otel.resource.service.name": "j"}
    one["spanId"] = "00"
    sent["resourceSpans"][0]["scopeSpans"][0]["spans"].append(one | {"spanId": "b" * 16, "endTimeUnixNano": 1})
    _, _, body = post(cloud, json.dumps(sent).encode(), {"Content-Type": "application/json"})
    assert json.loads(body)["partialSuccess"]["rejectedSpans"] == 2


def test_the_exporter_may_compress(cloud, xray, searched):
    made = span(cloud, tracer(cloud, compression=Compression.Gzip), "work", SpanKind.SERVER)
    assert "shop" in documents(xray, made)


@pytest.mark.parametrize("body, kind", [(b"{", "application/json"), (b"[]", "application/json"), (b'{"resourceSpans":[5]}', "application/json"),
                                        (b"\xff\xff\xff", "application/x-protobuf"), (b"", "text/plain"), (b"x" * (5 * 1024 * 1024 + 1), "application/json")])  # fmt: skip
def test_what_is_no_export_of_traces_is_refused(cloud, searched, body, kind):
    status, headers, _ = post(cloud, body, {"Content-Type": kind})
    assert (status, headers["x-amzn-ErrorType"]) == (400, "InvalidRequestException")


@pytest.mark.parametrize("damage", [
    {"traceId": 5}, {"spanId": None}, {"kind": 77}, {"attributes": 5}, {"attributes": [{}]}, {"events": [5]}, {"links": [{}]}, {"status": [5]},
    {"startTimeUnixNano": "x"}, {"name": "x" * 300_000}, {"attributes": [{"key": "a", "value": {"intValue": []}}]},
])  # fmt: skip
def test_a_span_that_cannot_be_read_is_counted_and_the_others_are_kept(cloud, xray, searched, damage):
    good = {"traceId": "5" * 32, "spanId": "a" * 16, "name": "work", "kind": 2, "startTimeUnixNano": ns(cloud), "endTimeUnixNano": ns(cloud, 1)}
    sent = {"resourceSpans": [{"scopeSpans": [{"spans": [good | damage | {"spanId": damage.get("spanId", "b" * 16)}, good]}]}]}
    status, _, body = post(cloud, json.dumps(sent).encode(), {"Content-Type": "application/json"})
    assert (status, json.loads(body)["partialSuccess"]["rejectedSpans"]) == (200, 1)
    assert xray.batch_get_traces(TraceIds=[f"1-{'5' * 8}-{'5' * 24}"])["Traces"][0]["Segments"]


def test_deep_attributes_never_break_the_reader(cloud, searched):
    deep: dict = {"stringValue": "x"}
    for _ in range(300):
        deep = {"arrayValue": {"values": [deep]}}
    one = {"traceId": "5" * 32, "spanId": "a" * 16, "startTimeUnixNano": ns(cloud), "endTimeUnixNano": ns(cloud, 1), "attributes": [{"key": "a", "value": deep}]}
    _, _, body = post(cloud, json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [one]}]}]}).encode(), {"Content-Type": "application/json"})
    assert json.loads(body)["partialSuccess"]["errorMessage"] == "An attribute of a span is nested too deeply."


# Who may, and where to -----------------------------------------------------------------------------


def test_without_transaction_search_the_endpoint_refuses(cloud):
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-OTLPTroubleshooting.html
    session = Signer(cloud)
    spans = tracer(cloud, session=session)
    span(cloud, spans, "work", SpanKind.SERVER)
    ((status, body),) = session.answers
    # google.rpc.Status says its message in its second field.
    assert (status, body[2:]) == (400, b"The OTLP API is supported with CloudWatch Logs as a Trace Segment Destination.") and body[0] == 2 << 3 | 2


def test_the_log_must_let_xray_write_before_traces_go_there(cloud, xray):
    held = xray.get_trace_segment_destination()
    assert (held["Destination"], held["Status"]) == ("XRay", "ACTIVE")
    with pytest.raises(ClientError) as error:
        xray.update_trace_segment_destination(Destination="CloudWatchLogs")
    assert error.value.response["Error"]["Code"] == "AccessDeniedException"
    assert error.value.response["Error"]["Message"] == "XRay does not have permission to call PutLogEvents on the aws/spans Log Group."
    other = json.loads(json.dumps(POLICY).replace(f"xray:us-east-1:{ACCOUNT}", "xray:us-east-1:111111111111"))
    cloud.client("logs").put_resource_policy(policyName="spans", policyDocument=json.dumps(other))
    with pytest.raises(ClientError):
        xray.update_trace_segment_destination(Destination="CloudWatchLogs")
    cloud.client("logs").put_resource_policy(policyName="spans", policyDocument=json.dumps(POLICY))
    assert xray.update_trace_segment_destination(Destination="CloudWatchLogs")["Destination"] == "CloudWatchLogs"
    assert cloud.client("logs").filter_log_events(logGroupName="aws/spans")["events"] == []
    with pytest.raises(ClientError):
        xray.update_trace_segment_destination(Destination="CloudWatchLogs")
    cloud.client("logs").delete_resource_policy(policyName="spans")
    session = Signer(cloud)
    span(cloud, tracer(cloud, session=session), "work", SpanKind.SERVER)
    assert session.answers[0][0] == 403


def test_where_lifecycles_take_time_a_change_is_pending(make_cloud):
    cloud = make_cloud("us-east-1", "aws-global", pace="real")
    xray = cloud.client("xray")
    cloud.client("logs").put_resource_policy(policyName="spans", policyDocument=json.dumps(POLICY))
    assert xray.update_trace_segment_destination(Destination="CloudWatchLogs")["Status"] == "PENDING"
    with pytest.raises(ClientError) as error:
        xray.update_trace_segment_destination(Destination="XRay")
    assert error.value.response["Error"]["Message"] == "Updates are not allowed while the current status is PENDING"
    cloud.sleep(301)
    assert xray.get_trace_segment_destination()["Status"] == "ACTIVE"


def test_one_rule_says_how_many_traces_are_indexed(xray):
    (rule,) = xray.get_indexing_rules()["IndexingRules"]
    assert (rule["Name"], rule["Rule"]["Probabilistic"]["DesiredSamplingPercentage"]) == ("Default", 1.0)
    for name, percentage in (("Default", 101), ("Other", 1)):
        with pytest.raises(ClientError):
            xray.update_indexing_rule(Name=name, Rule={"Probabilistic": {"DesiredSamplingPercentage": percentage}})


def test_sending_spans_needs_a_signature_and_the_right_to(cloud, searched):
    put_user(cloud, "reader", "AKIAREADER0000000001", "xray:Get*")
    put_user(cloud, "sender", "AKIASENDER0000000001", "xray:PutSpans")
    headers = {"Content-Type": "application/json"}
    for credentials, code in (
        (None, "MissingAuthenticationToken"), (Credentials("AKIAREADER0000000001", "secret"), "AccessDeniedException"),
        (Credentials("AKIASENDER0000000001", "wrong"), "InvalidSignatureException"),
    ):  # fmt: skip
        status, told, _ = post(cloud, b"{}", headers, credentials)
        assert (status, told["x-amzn-ErrorType"]) == (403, code)
    assert post(cloud, b"{}", headers, Credentials("AKIASENDER0000000001", "secret"))[0] == 200


def test_spans_that_were_acknowledged_survive_a_kill(cloud, xray, searched):
    session = Signer(cloud)
    made = span(cloud, tracer(cloud, session=session), "work", SpanKind.SERVER)
    cloud.restart(kill=True)
    assert session.answers[0][0] == 200 and "shop" in documents(xray, made)
