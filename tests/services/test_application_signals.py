"""Application Signals: services that are found in their spans, and what is measured of them.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AppSignals-MetricsCollected.html
"""

from __future__ import annotations

import json

import pytest
from bill_workshop import used
from botocore.exceptions import ClientError
from refusals import refused
from signal_workshop import Shop
from test_xray_services import api, called, documents, root_of

OPERATION = {"Environment": "generic:default", "Operation": "GET /orders", "Service": "shop"}


@pytest.fixture
def shop(cloud) -> Shop:
    for region in ("aws-global", "us-east-1"):
        cloud.region(region)
    return Shop(cloud).open()


def _range(cloud) -> dict[str, float]:
    return {"StartTime": cloud.now() - 600, "EndTime": cloud.now()}


def test_requests_are_measured_by_service_and_operation(cloud, shop):
    for took_s, status in ((0.1, 200), (0.2, 404), (0.3, 503), (2.0, 200)):
        shop.serve(took_s, status)
    shop.serve(0.4, 200, "POST /orders")
    assert shop.metric("Latency", "SampleCount", **OPERATION) == [4.0]
    assert shop.metric("Latency", "Maximum", **OPERATION) == [2000.0]
    assert 1500 < shop.metric("Latency", "p99", **OPERATION)[0] <= 2000
    assert (shop.metric("Fault", "Sum", **OPERATION), shop.metric("Error", "Sum", **OPERATION)) == ([1.0], [1.0])
    assert shop.metric("Latency", "SampleCount", Environment="generic:default", Service="shop") == [5.0]
    assert used(cloud)["application_signals:signals", "shop"] == 5.0
    (found,) = shop.signals.list_services(**_range(cloud))["ServiceSummaries"]
    assert found["KeyAttributes"] == shop.key and found["AttributeMaps"] == [{"PlatformType": "Generic"}]
    dimensions = [{"Name": "Environment", "Value": "generic:default"}, {"Name": "Service", "Value": "shop"}]
    assert found["MetricReferences"] == [
        {"Namespace": "ApplicationSignals", "MetricType": name.upper(), "Dimensions": dimensions, "MetricName": name} for name in ("Latency", "Fault", "Error")
    ]
    told = shop.signals.list_service_operations(KeyAttributes=shop.key, **_range(cloud))
    assert [each["Name"] for each in told["ServiceOperations"]] == ["GET /orders", "POST /orders"]
    assert told["StartTime"].timestamp() % 3600 == 0 and told["EndTime"].timestamp() % 3600 == 1


def test_calls_are_measured_as_dependencies_of_the_operation_that_makes_them(cloud, shop):
    trace = shop.trace()
    request = shop.span(2, "GET /orders", 0.5, trace=trace)
    table = {"rpc__system": "aws-api", "rpc__service": "DynamoDB", "rpc__method": "GetItem", "aws__table_name": "orders"}
    shop.send(
        request,
        shop.span(3, "DynamoDB.GetItem", 0.3, trace=trace, parent=request["spanId"], **table),
        shop.span(3, "GET", 0.1, trace=trace, parent=request["spanId"], peer__service="payment", http__request__method="GET", url__full="http://pay/v1/cards/7", error=True),
        shop.span(3, "select", 0.1, trace=trace, parent=request["spanId"], db__system="postgresql", db__statement="select 1", db__name="shop", server__address="db", server__port=5432),
    )  # fmt: skip
    Shop(cloud, "payment").serve(0.1, name="GET /v1")
    listed = shop.signals.list_service_dependencies(KeyAttributes=shop.key, **_range(cloud))["ServiceDependencies"]
    assert [(each["OperationName"], each["DependencyKeyAttributes"], each["DependencyOperationName"]) for each in listed] == [
        ("GET /orders", {"Type": "AWS::Resource", "ResourceType": "AWS::DynamoDB::Table", "Identifier": "orders"}, "GetItem"),
        ("GET /orders", {"Type": "Service", "Name": "payment", "Environment": "generic:default"}, "GET /v1"),
        ("GET /orders", {"Type": "RemoteService", "Name": "postgresql"}, "SELECT"),
    ]
    assert {"Name": "RemoteResourceType", "Value": "AWS::DynamoDB::Table"} in listed[0]["MetricReferences"][0]["Dimensions"]
    place = {"Environment": "generic:default", "Service": "shop"}
    assert shop.metric("Latency", "Average", **place, RemoteService="AWS::DynamoDB") == [300.0]
    assert shop.metric("Latency", "Average", RemoteService="AWS::DynamoDB", RemoteResourceIdentifier="orders", RemoteResourceType="AWS::DynamoDB::Table") == [300.0]
    assert shop.metric("Fault", "Sum", **place, Operation="GET /orders", RemoteService="payment", RemoteOperation="GET /v1") == [1.0]
    (dependent,) = shop.signals.list_service_dependents(KeyAttributes=shop.key | {"Name": "payment"}, **_range(cloud))["ServiceDependents"]
    assert (dependent["OperationName"], dependent["DependentKeyAttributes"], dependent["DependentOperationName"]) == ("GET /v1", shop.key, "GET /orders")
    assert shop.signals.list_service_dependents(KeyAttributes=shop.key, **_range(cloud))["ServiceDependents"] == []


@pytest.mark.parametrize(
    ("resource", "environment", "about"),
    [
        ({"cloud.platform": "aws_lambda", "faas.name": "shop"}, "lambda:default", {"PlatformType": "AWS::Lambda", "Lambda.Function.Name": "shop"}),
        ({"cloud.platform": "aws_ec2", "host.id": "i-1"}, "ec2:default", {"PlatformType": "AWS::EC2", "EC2.InstanceId": "i-1"}),
        ({"cloud.platform": "aws_ecs", "aws.ecs.cluster.arn": "arn:aws:ecs:us-east-1:1:cluster/main"}, "ecs:main", {"PlatformType": "AWS::ECS", "ECS.Cluster": "main"}),
        ({"cloud.platform": "aws_eks", "k8s.cluster.name": "k", "k8s.namespace.name": "n"}, "eks:k/n", {"PlatformType": "AWS::EKS", "EKS.Cluster": "k", "K8s.Namespace": "n"}),
        ({"deployment.environment": "blue"}, "blue", {"PlatformType": "Generic"}),
    ],
)  # fmt: skip
def test_a_service_is_where_its_resource_says(cloud, shop, resource, environment, about):
    Shop(cloud, **resource).serve()
    found = shop.signals.get_service(KeyAttributes=shop.key | {"Environment": environment}, **_range(cloud))
    assert found["Service"]["AttributeMaps"] == [about]
    logs = [each["Identifier"] for each in found["Service"]["LogGroupReferences"]]
    assert logs == (["/aws/lambda/shop"] if environment == "lambda:default" else [])
    (operation,) = shop.signals.list_service_operations(KeyAttributes=shop.key | {"Environment": environment}, **_range(cloud))["ServiceOperations"]
    assert operation["Name"] == ("shop/FunctionHandler" if logs else "GET /orders")


def test_segments_tell_as_spans_do(cloud, shop):
    now = cloud.now()
    call = {"id": "2" * 16, "name": "DynamoDB", "namespace": "aws", "start_time": now - 0.4, "end_time": now - 0.1, "aws": {"operation": "Query", "table_name": "orders"},
            "http": {"response": {"status": 400}}}  # fmt: skip
    segment = {"id": "1" * 16, "name": "desk", "trace_id": f"1-{int(now):08x}-{'a' * 24}", "start_time": now - 0.5, "end_time": now,
               "http": {"request": {"method": "GET", "url": "https://desk.example/orders/7?x=1"}, "response": {"status": 500}}, "subsegments": [call]}  # fmt: skip
    xray = cloud.client("xray")
    xray.put_trace_segments(TraceSegmentDocuments=[json.dumps(segment)])
    place = {"Environment": "generic:default", "Service": "desk"}
    assert shop.metric("Fault", "Sum", **place, Operation="GET /orders") == [1.0]
    assert shop.metric("Latency", "Average", **place) == [500.0]
    remote = {"RemoteService": "AWS::DynamoDB", "RemoteOperation": "Query"}
    assert (shop.metric("Error", "Sum", **place, **remote), shop.metric("Latency", "Average", **place, **remote)) == ([1.0], [300.0])


def test_parts_of_a_request_may_come_before_it(cloud, shop):
    trace, now = shop.trace(), cloud.now()
    request = shop.span(2, "GET /orders", 0.5, trace=trace)
    inner = shop.span(1, "work", 0.4, trace=trace, parent=request["spanId"])
    table = {"rpc__system": "aws-api", "rpc__service": "DynamoDB", "rpc__method": "GetItem"}
    for span in (shop.span(3, "DynamoDB.GetItem", 0.3, trace=trace, parent=inner["spanId"], **table), inner, request):
        shop.send(span)
    # A function's SDK sends what it called before Lambda sends the function's segment.
    part = {"trace_id": f"1-{int(now):08x}-{'b' * 24}", "id": "d" * 16, "parent_id": "c" * 16, "type": "subsegment", "name": "SQS", "namespace": "aws",
            "aws": {"operation": "SendMessage", "queue_url": "http://localhost:4566/0/jobs"}, "start_time": now, "end_time": now}  # fmt: skip
    whole = {"trace_id": part["trace_id"], "id": "c" * 16, "name": "f", "origin": "AWS::Lambda::Function", "start_time": now, "end_time": now + 1}
    xray = cloud.client("xray")
    for document in (part, whole):
        xray.put_trace_segments(TraceSegmentDocuments=[json.dumps(document)])
    (called,) = shop.signals.list_service_dependencies(KeyAttributes=shop.key, **_range(cloud))["ServiceDependencies"]
    assert (called["OperationName"], called["DependencyOperationName"]) == ("GET /orders", "GetItem")
    function = {"Type": "Service", "Name": "f", "Environment": "lambda:default"}
    (called,) = shop.signals.list_service_dependencies(KeyAttributes=function, **_range(cloud))["ServiceDependencies"]
    assert (called["OperationName"], called["DependencyKeyAttributes"]["Identifier"]) == ("f/FunctionHandler", "jobs")
    # What encloses a call may never come.
    shop.send(shop.span(3, "DynamoDB.GetItem", 0.3, trace=shop.trace(), parent="e" * 16, **table))
    assert len(shop.signals.list_service_dependencies(KeyAttributes=shop.key, **_range(cloud))["ServiceDependencies"]) == 1
    cloud.sleep(61)
    shop.serve()
    named = [each["OperationName"] for each in shop.signals.list_service_dependencies(KeyAttributes=shop.key, **_range(cloud))["ServiceDependencies"]]
    assert named == ["GET /orders", "UnknownOperation"]


def test_services_of_this_cloud_that_trace_are_seen(cloud):
    for region in ("aws-global", "us-east-1"):
        cloud.region(region)
    shop = Shop(cloud)
    shop.signals.start_discovery()
    _, _, body = called(cloud, api(cloud, mode="Active"))
    documents(cloud, cloud.client("xray"), root_of(body["trace"]))
    gate, function = ({"Type": "Service", "Name": name, "Environment": place} for name, place in (("shop", "api-gateway:prod"), ("f", "lambda:default")))
    found = shop.signals.list_services(**_range(cloud))["ServiceSummaries"]
    assert [each["KeyAttributes"] for each in found] == [function, gate]
    (invoked,) = shop.signals.list_service_dependencies(KeyAttributes=gate, **_range(cloud))["ServiceDependencies"]
    assert (invoked["OperationName"], invoked["DependencyKeyAttributes"], invoked["DependencyOperationName"]) == ("GET /prod", function, "Invoke")
    (dependent,) = shop.signals.list_service_dependents(KeyAttributes=function, **_range(cloud))["ServiceDependents"]
    assert dependent["DependentKeyAttributes"] == gate
    asked = shop.signals.list_service_dependencies(KeyAttributes=function, **_range(cloud))["ServiceDependencies"]
    assert [each["DependencyKeyAttributes"]["Identifier"] for each in asked] == ["orders", "jobs"]
    dimensions = {each["Name"]: each["Value"] for each in invoked["MetricReferences"][0]["Dimensions"]}
    assert dimensions["RemoteEnvironment"] == "lambda:default" and shop.metric("Latency", "SampleCount", **dimensions) == [1.0]


def test_what_came_before_discovery_or_is_in_progress_is_not_counted(cloud):
    for region in ("aws-global", "us-east-1"):
        cloud.region(region)
    shop, xray, now = Shop(cloud), cloud.client("xray"), cloud.now()

    def put(id_: str, **said) -> None:
        segment = {"id": id_ * 16, "name": "desk", "trace_id": f"1-{int(now):08x}-{id_ * 24}", "start_time": now, **said}
        assert xray.put_trace_segments(TraceSegmentDocuments=[json.dumps(segment)])["UnprocessedTraceSegments"] == []

    put("1", end_time=now + 1)
    shop.signals.start_discovery()
    shop.signals.start_discovery()
    roles = [each["RoleName"] for each in cloud.client("iam").list_roles(PathPrefix="/aws-service-role/")["Roles"]]
    assert roles == ["AWSServiceRoleForCloudWatchApplicationSignals"]
    put("2", in_progress=True)
    assert shop.signals.list_services(**_range(cloud))["ServiceSummaries"] == []
    put("2", end_time=now + 1)
    assert [each["KeyAttributes"]["Name"] for each in shop.signals.list_services(**_range(cloud))["ServiceSummaries"]] == ["desk"]


def test_names_that_no_dimension_can_say_are_made_to_fit(cloud, shop):
    shop.send(shop.span(2, "注文 " + "x" * 400, 0.1, trace=shop.trace()), shop.span(2, "注文", 0.1, trace=shop.trace(), aws__local__service="店", http__response__status_code="many"))
    listed = shop.signals.list_service_operations(KeyAttributes=shop.key, **_range(cloud))["ServiceOperations"]
    assert [each["Name"] for each in listed] == ["x" * 254]
    unknown = {"Environment": "generic:default", "Service": "UnknownService", "Operation": "UnknownOperation"}
    assert shop.metric("Latency", "SampleCount", **unknown) == [1.0]


def test_attributes_that_are_not_what_they_should_be_say_nothing(cloud, shop):
    odd = Shop(cloud, **{"cloud.platform": ["a", "b"], "host.name": ["one"]})
    call = odd.span(3, "x", 0.1, trace=odd.trace(), http__request__method=5, aws__table_name=["a", "b"], db__system=["c", "d"], url__full="http://[::1")
    odd.send(odd.span(2, "GET /orders", 0.1, trace=odd.trace(), http__response__status_code=["x", "y"], aws__local__environment=7), call)
    found = shop.signals.get_service(KeyAttributes=shop.key | {"Environment": "7"}, **_range(cloud))["Service"]
    assert found["AttributeMaps"] == [{"PlatformType": "Generic", "Host": "one"}]
    (called,) = shop.signals.list_service_dependencies(KeyAttributes=shop.key, **_range(cloud))["ServiceDependencies"]
    assert (called["DependencyKeyAttributes"]["Name"], called["DependencyOperationName"]) == ("UnknownRemoteService", "5")


def test_spans_whose_attributes_are_odd_are_kept_and_numbers_too_large_refused(cloud, shop):
    words = {"cloud.platform": ["a"], "telemetry.sdk.name": 5, "telemetry.sdk.language": ["x"], "aws.log.group.names": 7}
    odd = Shop(cloud, **words)
    trace = odd.trace()
    odd.send(odd.span(2, "GET /orders", 0.1, trace=trace, db__system=["c", "d"]), odd.span(2, "GET /orders", 0.1, trace=odd.trace(), size=1 << 70))
    (kept,) = cloud.client("xray").batch_get_traces(TraceIds=[f"1-{trace[:8]}-{trace[8:]}"])["Traces"]
    assert json.loads(kept["Segments"][0]["Document"])["name"] == "shop"
    assert shop.metric("Latency", "SampleCount", **OPERATION) == [1.0]


def test_segments_whose_blocks_are_odd_are_kept(cloud, shop):
    now = cloud.now()
    segment = {"id": "1" * 16, "name": "desk", "trace_id": f"1-{int(now):08x}-{'a' * 24}", "start_time": now, "end_time": now, "http": {"request": "GET", "response": 5}}
    told = cloud.client("xray").put_trace_segments(TraceSegmentDocuments=[json.dumps(segment)])
    assert told["UnprocessedTraceSegments"] == []
    assert shop.metric("Latency", "SampleCount", Environment="generic:default", Service="desk", Operation="UnknownOperation") == [1.0]


def test_what_was_seen_survives_a_kill(cloud, shop):
    shop.serve()
    cloud.restart(kill=True)
    assert [each["KeyAttributes"] for each in shop.signals.list_services(**_range(cloud))["ServiceSummaries"]] == [shop.key]
    shop.serve(name="GET /other")
    assert len(shop.signals.list_service_operations(KeyAttributes=shop.key, **_range(cloud))["ServiceOperations"]) == 2
    past = {"StartTime": cloud.now() - 9 * 3600, "EndTime": cloud.now() - 8 * 3600}
    assert shop.signals.list_services(**past)["ServiceSummaries"] == []


def test_what_makes_no_sense_or_is_not_there_is_refused(cloud, shop):
    signals, times = shop.signals, _range(cloud)
    assert refused(signals.get_service, KeyAttributes=shop.key, **times)[0] == "ValidationException"
    assert refused(signals.list_service_operations, KeyAttributes={"Type": "Service"}, **times)[0] == "ValidationException"
    assert refused(signals.list_services, StartTime=times["EndTime"], EndTime=times["StartTime"])[0] == "ValidationException"
    assert refused(signals.list_audit_findings, **times, AuditTargets=[{"Type": "service", "Data": {"Service": {"Name": "a"}}}])[0] == "NotImplemented"
    with pytest.raises(ClientError, match="ListServiceStates"):
        signals.list_service_states(**times)
