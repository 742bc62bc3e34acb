"""X-Ray: segments sent, put together, found again and mapped."""

from __future__ import annotations

import json

import pytest
from refusals import refused_code

ACCOUNT = "000000000000"


@pytest.fixture
def xray(cloud):
    return cloud.client("xray")


def trace_id(cloud, number: int = 1, *, age_s: float = 0) -> str:
    return f"1-{int(cloud.now() - age_s):08x}-{number:024x}"


def segment(cloud, trace: str, id_: str = "1" * 16, name: str = "shop", *, lasts_s: float = 0.25, after_s: float = 0.0, **more) -> dict:
    start = cloud.now() - 10 + after_s
    return {"trace_id": trace, "id": id_, "name": name, "start_time": start, "end_time": start + lasts_s, **more}


def put(xray, *documents: dict) -> list[dict]:
    return xray.put_trace_segments(TraceSegmentDocuments=[json.dumps(each) for each in documents])["UnprocessedTraceSegments"]


def span(cloud, *, back_s: float = 600, on_s: float = 60) -> dict:
    return {"StartTime": cloud.now() - back_s, "EndTime": cloud.now() + on_s}


def summaries(cloud, xray, expression: str | None = None, **more) -> list[dict]:
    asked = {"FilterExpression": expression} if expression else {}
    return xray.get_trace_summaries(**span(cloud), **asked, **more)["TraceSummaries"]


def order(cloud, xray, number: int = 1, **more) -> str:
    """A shop that reads a table and asks a host which says nothing of itself."""
    trace = trace_id(cloud, number)
    table = {"id": "a" * 16, "name": "DynamoDB", "namespace": "aws", "start_time": cloud.now() - 9.9, "end_time": cloud.now() - 9.8,
             "http": {"response": {"status": 200}}, "aws": {"operation": "GetItem", "table_name": "users"}}  # fmt: skip
    host = {"id": "b" * 16, "name": "order-service", "namespace": "remote", "start_time": cloud.now() - 9.8, "end_time": cloud.now() - 9.7,
            "http": {"request": {"url": "http://order-service/", "method": "GET"}, "response": {"status": 200}}}  # fmt: skip
    put(xray, segment(cloud, trace, subsegments=[table, host], **more))
    return trace


def test_a_trace_is_given_back_with_its_inferred_segments(cloud, xray):
    trace = order(cloud, xray)
    (found,) = xray.batch_get_traces(TraceIds=[trace])["Traces"]
    documents = [json.loads(each["Document"]) for each in found["Segments"]]
    assert (found["Id"], found["Duration"], found["LimitExceeded"]) == (trace, 0.3, False)
    assert [(each["name"], each.get("origin"), each.get("inferred", False)) for each in documents] == [
        ("shop", None, False), ("DynamoDB", "AWS::DynamoDB::Table", True), ("order-service", "remote", True),
    ]  # fmt: skip
    assert [each.get("parent_id") for each in documents] == [None, "a" * 16, "b" * 16]
    assert documents[1]["aws"] == {"operation": "GetItem", "table_name": "users", "resource_names": ["users"]}
    assert documents[0]["subsegments"][1]["http"]["response"]["status"] == 200


def test_services_of_aws_are_known_however_an_sdk_spells_them(cloud, xray):
    trace = trace_id(cloud)
    seen = {"namespace": "aws", "start_time": cloud.now() - 9, "end_time": cloud.now() - 8}
    table = {"id": "a" * 16, "name": "dynamodb", "aws": {"table_name": "users"}, **seen}
    queue = {"id": "b" * 16, "name": "SQS", "aws": {"queue_url": "http://localhost:4566/000000000000/orders"}, **seen}
    put(xray, segment(cloud, trace, subsegments=[table, queue, {"id": "c" * 16, "name": "sts", **seen}]))
    found = {(each["Name"], each["Type"]) for each in xray.get_trace_graph(TraceIds=[trace])["Services"] if "Type" in each}
    assert found == {("shop", "client"), ("users", "AWS::DynamoDB::Table"), ("orders", "AWS::SQS::Queue"), ("sts", "AWS::sts")}


def test_a_trace_that_is_not_there_is_named(cloud, xray):
    reply = xray.batch_get_traces(TraceIds=[trace_id(cloud)])
    assert (reply["Traces"], reply["UnprocessedTraceIds"]) == ([], [trace_id(cloud)])
    assert refused_code(xray.batch_get_traces, TraceIds=[trace_id(cloud, n) for n in range(6)]) == "InvalidRequestException"


@pytest.mark.parametrize("change, code", [
    ({"id": None}, "MissingId"), ({"trace_id": None}, "MissingTraceId"), ({"trace_id": "1-x-y"}, "InvalidTraceId"), ({"id": "12"}, "InvalidId"),
    ({"name": None}, "MissingName"), ({"name": "a*b"}, "InvalidName"), ({"start_time": "soon"}, "InvalidStartTime"), ({"end_time": None}, "InvalidEndTime"),
    ({"type": "subsegment"}, "MissingParentId"), ({"parent_id": "x"}, "InvalidParentId"), ({"subsegments": [5]}, "ParseError"), ({"http": []}, "ParseError"),
    ({"metadata": {"big": "x" * 65_536}}, "SegmentTooLarge"),
])  # fmt: skip
def test_a_document_that_cannot_be_read_is_named_with_its_code_and_the_others_are_kept(cloud, xray, change, code):
    # Codes and text: https://github.com/humanmade/aws-xray/issues/29, https://github.com/patrickkerrigan/php-xray/issues/16
    trace = trace_id(cloud)
    (failed,) = put(xray, segment(cloud, trace, "2" * 16), segment(cloud, trace) | change)
    assert (failed["ErrorCode"], failed["Message"]) == (code, f"Invalid segment. ErrorCode: {code}")
    assert len(xray.batch_get_traces(TraceIds=[trace])["Traces"][0]["Segments"]) == 1


@pytest.mark.parametrize("text, code", [("{", "ParseError"), ("[]", "MissingId"), ("5", "ParseError"), ("", "ParseError"), ("[[", "ParseError")])
def test_what_is_no_document_is_refused_without_an_id(xray, text, code):
    (failed,) = xray.put_trace_segments(TraceSegmentDocuments=[text])["UnprocessedTraceSegments"]
    assert failed["ErrorCode"] == code and "Id" not in failed


def test_documents_that_are_deeply_nested_never_break_a_reader(cloud, xray):
    trace = trace_id(cloud)
    deep: dict = {}
    for _ in range(600):
        deep = {"a": deep}
    (failed,) = put(xray, segment(cloud, trace, metadata=deep))
    assert failed["ErrorCode"] == "ParseError"
    parts = [segment(cloud, trace, f"{n:016x}", "part", type="subsegment", parent_id=f"{n - 1:016x}") for n in range(1, 300)]
    assert put(xray, segment(cloud, trace, f"{0:016x}"), *parts) == []
    assert xray.batch_get_traces(TraceIds=[trace])["Traces"][0]["Segments"]
    assert len(summaries(cloud, xray)) == 1


def test_a_request_in_progress_is_partial_until_its_segment_comes_again(cloud, xray):
    trace = trace_id(cloud)
    whole = segment(cloud, trace)
    begun = {name: value for name, value in whole.items() if name != "end_time"} | {"in_progress": True}
    assert put(xray, begun) == []
    assert [each["IsPartial"] for each in summaries(cloud, xray, "partial")] == [True]
    put(xray, whole)
    assert [each["IsPartial"] for each in summaries(cloud, xray)] == [False]


def test_a_subsegment_sent_alone_goes_back_to_where_it_belongs(cloud, xray):
    trace = trace_id(cloud)
    inner = segment(cloud, trace, "3" * 16, "inner", type="subsegment", parent_id="2" * 16)
    outer = segment(cloud, trace, "2" * 16, "outer", type="subsegment", parent_id="1" * 16)
    put(xray, inner)
    (alone,) = xray.batch_get_traces(TraceIds=[trace])["Traces"][0]["Segments"]
    assert alone["Id"] == "3" * 16
    put(xray, segment(cloud, trace), outer)
    (only,) = xray.batch_get_traces(TraceIds=[trace])["Traces"][0]["Segments"]
    document = json.loads(only["Document"])
    assert (document["name"], document["subsegments"][0]["name"], document["subsegments"][0]["subsegments"][0]["name"]) == ("shop", "outer", "inner")


def test_a_summary_tells_of_the_request_that_came_in(cloud, xray):
    http = {"request": {"url": "http://shop/", "method": "GET", "user_agent": "curl", "client_ip": "1.2.3.4"}, "response": {"status": 503}}
    order(cloud, xray, http=http, user="ann", annotations={"age": 31, "plan": "gold", "new": True}, fault=True,
          resource_arn="arn:aws:ec2:us-east-1:1:instance/i-1", aws={"ec2": {"instance_id": "i-1", "availability_zone": "us-east-1a"}})  # fmt: skip
    (found,) = summaries(cloud, xray)
    assert (found["HasFault"], found["HasError"], found["HasThrottle"], found["ResponseTime"], found["Duration"]) == (True, False, False, 0.25, 0.3)
    assert found["Http"] == {"HttpURL": "http://shop/", "HttpStatus": 503, "HttpMethod": "GET", "UserAgent": "curl", "ClientIp": "1.2.3.4"}
    shop = {"Name": "shop", "Names": ["shop"], "AccountId": ACCOUNT}
    assert found["EntryPoint"] == shop
    assert found["Users"] == [{"UserName": "ann", "ServiceIds": [shop]}]
    assert {key: value[0]["AnnotationValue"] for key, value in found["Annotations"].items()} == {
        "age": {"NumberValue": 31.0}, "plan": {"StringValue": "gold"}, "new": {"BooleanValue": True},
    }  # fmt: skip
    assert [each["Name"] for each in found["ServiceIds"]] == ["shop", "users", "order-service"]
    assert (found["ResourceARNs"], found["InstanceIds"]) == ([{"ARN": "arn:aws:ec2:us-east-1:1:instance/i-1"}], [{"Id": "i-1"}])
    assert found["AvailabilityZones"] == [{"Name": "us-east-1a"}]


@pytest.mark.parametrize("expression", [
    "service(\"users\")", "service(id(type: \"AWS::DynamoDB::Table\")) { ok }", "edge(\"shop\", \"order-service\") { http.status = 200 }",
    "annotation[age] > 30", "http.status = 503 AND fault", "responsetime > 0.2 AND duration < 1", "inferred", "service(\"shop\") { root AND user = \"ann\" }",
    "group.name = \"adults\"", "edge(id(type: \"client\"), \"shop\")", "name = \"users\"", "http.method = \"GET\"",
])  # fmt: skip
def test_expressions_find_traces_by_what_their_segments_say(cloud, xray, expression):
    xray.create_group(GroupName="adults", FilterExpression="annotation[age] >= 18")
    wanted = order(cloud, xray, 1, http={"request": {"method": "GET"}, "response": {"status": 503}}, user="ann", annotations={"age": 31})
    put(xray, segment(cloud, trace_id(cloud, 2), name="other", lasts_s=0.1, http={"request": {"method": "POST"}, "response": {"status": 200}}))
    assert [each["Id"] for each in summaries(cloud, xray, expression)] == [wanted]
    assert len(summaries(cloud, xray, f"({expression}) OR service(\"other\")")) == 2


def test_an_expression_that_is_none_is_refused(cloud, xray):
    assert refused_code(xray.get_trace_summaries, **span(cloud), FilterExpression="wrong") == "InvalidRequestException"
    assert refused_code(xray.get_trace_summaries, **span(cloud), FilterExpression="coverage > 1") == "NotImplemented"
    assert refused_code(xray.get_trace_summaries, StartTime=9, EndTime=8) == "InvalidRequestException"


def test_traces_are_found_by_their_id_by_their_arrival_and_by_their_end(cloud, xray):
    old = trace_id(cloud, 1, age_s=3600)
    put(xray, segment(cloud, old, after_s=-3600))
    asked = {"StartTime": cloud.now() - 60, "EndTime": cloud.now() + 60}
    found = {kind: xray.get_trace_summaries(**asked, TimeRangeType=kind)["TraceSummaries"] for kind in ("TraceId", "Event", "Service")}
    assert {kind: len(each) for kind, each in found.items()} == {"TraceId": 0, "Event": 1, "Service": 0}
    earlier = {"StartTime": cloud.now() - 3660, "EndTime": cloud.now() - 3540}
    assert len(xray.get_trace_summaries(**earlier)["TraceSummaries"]) == 1
    assert len(xray.get_trace_summaries(**earlier, TimeRangeType="Service")["TraceSummaries"]) == 1


def test_an_id_without_a_date_is_found_by_its_arrival(cloud, xray):
    # Since 2023 X-Ray takes the random trace ids of W3C: https://aws.amazon.com/about-aws/whats-new/2023/10/aws-x-ray-w3c-format-trace-ids-distributed-tracing/
    put(xray, segment(cloud, "1-ffffffff-" + "7" * 24))
    assert len(summaries(cloud, xray)) == 1


def test_many_traces_come_in_pages_and_none_twice(cloud, xray):
    for at in range(0, 600, 50):
        put(xray, *(segment(cloud, trace_id(cloud, n)) for n in range(at, at + 50)))
    first = xray.get_trace_summaries(**span(cloud))
    second = xray.get_trace_summaries(**span(cloud), NextToken=first["NextToken"])
    assert (len(first["TraceSummaries"]), len(second["TraceSummaries"]), "NextToken" in second) == (500, 100, False)
    assert len({each["Id"] for each in first["TraceSummaries"] + second["TraceSummaries"]}) == 600


def test_the_service_graph_has_nodes_and_edges_with_their_statistics(cloud, xray):
    order(cloud, xray, 1)
    order(cloud, xray, 2, fault=True)
    reply = xray.get_service_graph(**span(cloud))
    services = {(each["Name"], each.get("Type")): each for each in reply["Services"]}
    assert set(services) == {("shop", "client"), ("shop", None), ("users", "AWS::DynamoDB::Table"), ("order-service", "remote")}
    shop = services["shop", None]
    assert (shop["Root"], shop["SummaryStatistics"]["TotalCount"], shop["SummaryStatistics"]["FaultStatistics"]["TotalCount"]) == (True, 2, 1)
    assert (shop["SummaryStatistics"]["OkCount"], shop["SummaryStatistics"]["TotalResponseTime"]) == (1, 0.5)
    assert {edge["ReferenceId"] for edge in shop["Edges"]} == {
        services["users", "AWS::DynamoDB::Table"]["ReferenceId"], services["order-service", "remote"]["ReferenceId"],
    }  # fmt: skip
    (entry,) = services["shop", "client"]["Edges"]
    assert (entry["ReferenceId"], entry["ResponseTimeHistogram"]) == (shop["ReferenceId"], [{"Value": 0.25, "Count": 2}])
    assert "Root" not in services["users", "AWS::DynamoDB::Table"]


def test_the_graph_of_one_trace_and_of_a_group_has_only_what_belongs_to_it(cloud, xray):
    one = order(cloud, xray, 1)
    put(xray, segment(cloud, trace_id(cloud, 2), name="other"))
    assert {each["Name"] for each in xray.get_trace_graph(TraceIds=[one])["Services"]} == {"shop", "users", "order-service"}
    xray.create_group(GroupName="others", FilterExpression='service("other")')
    assert {each["Name"] for each in xray.get_service_graph(**span(cloud), GroupName="others")["Services"]} == {"other"}
    assert {each["Name"] for each in xray.get_service_graph(**span(cloud), GroupName="Default")["Services"]} == {"shop", "users", "order-service", "other"}


def test_two_services_are_joined_by_the_subsegment_that_called(cloud, xray):
    trace = trace_id(cloud)
    calling = {"id": "c" * 16, "name": "orders.internal", "namespace": "remote", "start_time": cloud.now() - 9, "end_time": cloud.now() - 8}
    put(xray, segment(cloud, trace, subsegments=[calling]), segment(cloud, trace, "d" * 16, "orders", parent_id="c" * 16))
    services = {each["Name"]: each for each in xray.get_trace_graph(TraceIds=[trace])["Services"] if each.get("Type") != "client"}
    assert set(services) == {"shop", "orders"}
    assert [edge["ReferenceId"] for edge in services["shop"]["Edges"]] == [services["orders"]["ReferenceId"]]


def test_statistics_are_counted_by_the_minute(cloud, xray):
    order(cloud, xray, 1)
    order(cloud, xray, 2, throttle=True)
    (edge,) = xray.get_time_series_service_statistics(**span(cloud))["TimeSeriesServiceStatistics"]
    assert (edge["EdgeSummaryStatistics"]["TotalCount"], edge["EdgeSummaryStatistics"]["ErrorStatistics"]["ThrottleCount"]) == (2, 1)
    (table,) = xray.get_time_series_service_statistics(**span(cloud), EntitySelectorExpression='service("users")')["TimeSeriesServiceStatistics"]
    assert table["ServiceSummaryStatistics"]["OkCount"] == 2
    (call,) = xray.get_time_series_service_statistics(**span(cloud), EntitySelectorExpression='edge("shop", "users")')["TimeSeriesServiceStatistics"]
    assert call["EdgeSummaryStatistics"]["TotalCount"] == 2
    assert refused_code(xray.get_time_series_service_statistics, **span(cloud), Period=7) == "InvalidRequestException"


def test_traces_are_kept_for_thirty_days(cloud, xray):
    trace = order(cloud, xray)
    cloud.sleep(29 * 86_400)
    assert xray.batch_get_traces(TraceIds=[trace])["Traces"]
    cloud.sleep(86_400 + 3_601)
    assert not xray.batch_get_traces(TraceIds=[trace])["Traces"]


def test_what_was_acknowledged_survives_a_kill(cloud, xray):
    trace = order(cloud, xray)
    xray.create_group(GroupName="slow", FilterExpression="responsetime > 1")
    cloud.restart(kill=True)
    assert len(cloud.client("xray").batch_get_traces(TraceIds=[trace])["Traces"][0]["Segments"]) == 3
    assert cloud.client("xray").get_group(GroupName="slow")["Group"]["FilterExpression"] == "responsetime > 1"


def test_other_worlds_are_refused_by_name(cloud, xray):
    assert refused_code(xray.start_trace_retrieval, TraceIds=[trace_id(cloud)], **span(cloud)) == "NotImplemented"
