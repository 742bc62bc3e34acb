"""X-Ray and the services that trace by themselves: a request is one map from the API to what its messages bring about."""

from __future__ import annotations

import json

import pytest
from api_workshop import deploy, mock, proxy, resource, rest_api, uri
from appsync_workshop import Graph
from lambda_workshop import ACCOUNT, make, put_role, settle
from notice_workshop import allow, queue, received
from source_workshop import READS

FUNCTION = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f"
TELLING = """
import json, os, socket, time
def handler(event, context):
    root, parent, sampled = [part.partition("=")[2] for part in os.environ["_X_AMZN_TRACE_ID"].split(";")[:3]]
    now, host = time.time(), os.environ["AWS_XRAY_DAEMON_ADDRESS"].split(":")
    calls = [("d" * 16, "DynamoDB", {"operation": "PutItem", "table_name": "orders"}), ("e" * 16, "SQS", {"operation": "SendMessage", "queue_url": "http://localhost:4566/0/jobs"})]
    for id_, name, facts in calls if sampled == "1" else []:
        part = {"trace_id": root, "id": id_, "parent_id": parent, "type": "subsegment", "name": name, "namespace": "aws", "aws": facts, "start_time": now, "end_time": now}
        line = json.dumps({"format": "json", "version": 1}) + chr(10) + json.dumps(part)
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(line.encode(), (host[0], int(host[1])))
    event = event if isinstance(event, dict) else {}
    if event.get("path") == "/fails":
        raise ValueError("no")
    return {"statusCode": 200, "body": json.dumps({"trace": os.environ["_X_AMZN_TRACE_ID"], "event": (event.get("headers") or {}).get("X-Amzn-Trace-Id")})}
"""


@pytest.fixture
def xray(cloud):
    return cloud.client("xray")


def api(cloud, *, is_allowed: bool = True, **stage) -> str:
    """A traced API with a function behind ``/orders`` and ``/fails``, and a mock behind ``/mock``."""
    put_role(cloud, "xray:*", *READS)
    make(cloud, TELLING, "f", TracingConfig={"Mode": stage.pop("mode", "PassThrough")}, Role=f"arn:aws:iam::{ACCOUNT}:role/function")
    gateway = cloud.client("apigateway")
    made, root = rest_api(gateway)
    for path in ("orders", "fails"):
        proxy(gateway, made, resource(gateway, made, root, path), function=FUNCTION)
    mock(gateway, made, resource(gateway, made, root, "mock"), status="404")
    deploy(gateway, made, **({"tracingEnabled": True} | stage))
    if is_allowed:
        cloud.client("lambda").add_permission(FunctionName="f", StatementId="api", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com")
    return made


def called(cloud, made: str, path: str = "/orders", **headers: str):
    status, sent, body = cloud.http("GET", f"/prod{path}", host=f"{made}.execute-api.localhost:4566", headers={"user-agent": "t", **headers})
    return status, sent, json.loads(body or b"null")


def root_of(header: str) -> str:
    return dict(part.split("=", 1) for part in header.split(";"))["Root"]


def documents(cloud, xray, root: str) -> dict[str, dict]:
    """The segments of a trace by what they are of."""
    if "lambda" in cloud.region().engines:
        settle(cloud)
    cloud.sleep(1)
    return {each.get("origin", each["name"]): each for each in sent(xray, root)}


def sent(xray, root: str) -> list[dict]:
    return [json.loads(each["Document"]) for trace in xray.batch_get_traces(TraceIds=[root])["Traces"] for each in trace["Segments"]]


def edges(cloud, xray) -> set[tuple[str, str]]:
    """Who calls whom, by the types of services; a link has an arrow of its own."""
    services = xray.get_service_graph(StartTime=cloud.now() - 600, EndTime=cloud.now() + 60)["Services"]
    types = {each["ReferenceId"]: each.get("Type", "") for each in services}
    return {(types[each["ReferenceId"]], ("~" if edge.get("EdgeType") == "link" else "") + types[edge["ReferenceId"]]) for each in services for edge in each["Edges"]}


# API Gateway ---------------------------------------------------------------------------------------


def test_a_request_is_a_segment_of_the_stage_and_its_function_goes_on_from_the_call(cloud, xray):
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-understanding-xray-traces.html
    made = api(cloud)
    assert cloud.client("apigateway").get_stage(restApiId=made, stageName="prod")["tracingEnabled"] is True
    status, headers, answer = called(cloud, made)
    root = root_of(answer["trace"])
    assert status == 200 and "Sampled=1" in headers["X-Amzn-Trace-Id"] and root_of(answer["event"]) == root
    found = documents(cloud, xray, root)
    stage, service = found["AWS::ApiGateway::Stage"], found["AWS::Lambda"]
    (part,) = stage["subsegments"]
    assert (stage["name"], stage["resource_arn"]) == ("shop/prod", f"arn:aws:apigateway:us-east-1::/restapis/{made}/stages/prod")
    assert stage["http"]["request"] == {
        "url": f"https://{made}.execute-api.us-east-1.amazonaws.com/prod/orders", "method": "GET", "user_agent": "t", "client_ip": "127.0.0.1", "x_forwarded_for": True,
    }  # fmt: skip
    assert stage["http"]["response"]["status"] == 200 and stage["annotations"] == {"aws:api_id": made, "aws:api_stage": "prod"}
    assert stage["metadata"]["default"].keys() == {"extended_request_id", "request_id"} and "parent_id" not in stage
    assert (part["name"], part["namespace"], part["aws"]["function_name"], part["http"]["response"]) == ("Lambda", "aws", "f", {"status": 200})
    assert service["parent_id"] == part["id"] and stage["start_time"] <= part["start_time"] <= part["end_time"] <= stage["end_time"]
    assert edges(cloud, xray) == {
        ("client", "AWS::ApiGateway::Stage"), ("AWS::ApiGateway::Stage", "AWS::Lambda"), ("AWS::Lambda", "AWS::Lambda::Function"),
        ("AWS::Lambda::Function", "AWS::DynamoDB::Table"), ("AWS::Lambda::Function", "AWS::SQS::Queue"),
    }  # fmt: skip


def test_a_caller_decides_and_where_he_is_silent_the_sampling_rules(cloud, xray):
    made = api(cloud)
    rule = {"RuleName": "none", "ResourceARN": "*", "Priority": 1, "FixedRate": 0, "ReservoirSize": 0, "ServiceName": "shop/*", "ServiceType": "AWS::ApiGateway::Stage",
            "Host": "*", "HTTPMethod": "GET", "URLPath": "/prod/ord*", "Version": 1}  # fmt: skip
    xray.create_sampling_rule(SamplingRule=rule)
    _, _, answer = called(cloud, made)
    assert "Sampled=0" in answer["trace"] and documents(cloud, xray, root_of(answer["trace"])) == {}
    root = f"1-{int(cloud.now()):08x}-{5:024x}"
    _, _, answer = called(cloud, made, **{"x-amzn-trace-id": f"Root={root};Parent={'c' * 16};Sampled=1"})
    assert documents(cloud, xray, root)["AWS::ApiGateway::Stage"]["parent_id"] == "c" * 16
    xray.update_sampling_rule(SamplingRuleUpdate={"RuleName": "none", "ReservoirSize": 2})
    taken = [called(cloud, made)[2]["trace"] for _ in range(3)]
    assert ["Sampled=1" in each for each in taken] == [True, True, False]
    xray.update_sampling_rule(SamplingRuleUpdate={"RuleName": "none", "FixedRate": 1.0})
    _, _, answer = called(cloud, made, **{"x-amzn-trace-id": f"Root={root};Sampled=0"})
    assert "Sampled=0" in answer["trace"] and "Sampled=1" in called(cloud, made)[2]["trace"]


def test_a_stage_without_tracing_says_nothing_and_passes_on_what_it_is_told(cloud, xray):
    made = api(cloud, tracingEnabled=False)
    root = f"1-{int(cloud.now()):08x}-{6:024x}"
    _, _, answer = called(cloud, made, **{"x-amzn-trace-id": f"Root={root};Parent={'c' * 16};Sampled=1"})
    found = documents(cloud, xray, root)
    assert "AWS::ApiGateway::Stage" not in found and found["AWS::Lambda"]["parent_id"] == "c" * 16
    cloud.client("apigateway").update_stage(restApiId=made, stageName="prod", patchOperations=[{"op": "replace", "path": "/tracingEnabled", "value": "true"}])
    _, _, answer = called(cloud, made)
    assert "AWS::ApiGateway::Stage" in documents(cloud, xray, root_of(answer["trace"]))


def test_an_active_function_behind_an_untraced_stage_decides_itself(cloud, xray):
    made = api(cloud, tracingEnabled=False, mode="Active")
    _, _, answer = called(cloud, made)
    assert "Sampled=1" in answer["trace"] and "parent_id" not in documents(cloud, xray, root_of(answer["trace"]))["AWS::Lambda"]


def test_what_goes_wrong_shows_where_it_went_wrong(cloud, xray):
    made = api(cloud)
    root = f"1-{int(cloud.now()):08x}-{6:024x}"
    status, _, _ = called(cloud, made, "/fails", **{"x-amzn-trace-id": f"Root={root};Sampled=1"})
    found = documents(cloud, xray, root)
    assert status == 502 and found["AWS::ApiGateway::Stage"]["fault"] and found["AWS::ApiGateway::Stage"]["subsegments"][0]["fault"] and found["AWS::Lambda"]["fault"]
    root = f"1-{int(cloud.now()):08x}-{7:024x}"
    assert called(cloud, made, "/mock", **{"x-amzn-trace-id": f"Root={root};Sampled=1"})[0] == 404
    stage = documents(cloud, xray, root)["AWS::ApiGateway::Stage"]
    assert stage["error"] and "subsegments" not in stage


def test_a_service_behind_an_integration_is_a_call_of_the_stage(cloud, xray):
    role = put_role(cloud, "sqs:SendMessage", trust=json.dumps({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": {"Service": "apigateway.amazonaws.com"}, "Action": "sts:AssumeRole"}}))  # fmt: skip
    gateway = cloud.client("apigateway")
    made, root = rest_api(gateway)
    here = {"restApiId": made, "resourceId": resource(gateway, made, root, "jobs"), "httpMethod": "GET"}
    url, _ = queue(cloud, "jobs")
    gateway.put_method(**here, authorizationType="NONE")
    gateway.put_integration(**here, type="AWS", integrationHttpMethod="POST", uri=f"arn:aws:apigateway:us-east-1:sqs:path/{ACCOUNT}/jobs", credentials=role,
                            requestParameters={"integration.request.querystring.Action": "'SendMessage'", "integration.request.querystring.MessageBody": "'x'"})  # fmt: skip
    gateway.put_method_response(**here, statusCode="200")
    gateway.put_integration_response(**here, statusCode="200")
    deploy(gateway, made, tracingEnabled=True)
    status, headers, _ = called(cloud, made, "/jobs")
    stage = documents(cloud, xray, root_of(headers["X-Amzn-Trace-Id"]))["AWS::ApiGateway::Stage"]
    (part,) = stage["subsegments"]
    assert (status, part["name"], part["http"]["response"]) == (200, "SQS", {"status": 200})
    (message,) = received(cloud, url)
    assert f"Parent={part['id']}" in message["Attributes"]["AWSTraceHeader"]
    assert ("AWS::ApiGateway::Stage", "AWS::SQS::Queue") in edges(cloud, xray)


def test_the_integration_may_be_seen_to_be_slow(cloud, xray):
    # An authorizer that is asked before belongs to the stage, not to the integration.
    made = api(cloud)
    gateway = cloud.client("apigateway")
    make(cloud, "def handler(event, context):\n    return {'principalId': 'a', 'policyDocument': {'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', "
         "'Action': 'execute-api:Invoke', 'Resource': '*'}]}}\n", "guard", Role=f"arn:aws:iam::{ACCOUNT}:role/function")  # fmt: skip
    cloud.client("lambda").add_permission(FunctionName="guard", StatementId="api", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com")
    guard = gateway.create_authorizer(restApiId=made, name="g", type="REQUEST", authorizerUri=uri(FUNCTION[:-1] + "guard"), authorizerResultTtlInSeconds=0)["id"]
    place = next(each["id"] for each in gateway.get_resources(restApiId=made)["items"] if each["path"] == "/orders")
    gateway.update_method(restApiId=made, resourceId=place, httpMethod="ANY", patchOperations=[
        {"op": "replace", "path": "/authorizationType", "value": "CUSTOM"}, {"op": "replace", "path": "/authorizerId", "value": guard}])  # fmt: skip
    deploy(gateway, made)
    _, _, answer = called(cloud, made)
    root = root_of(answer["trace"])
    documents(cloud, xray, root)
    segments = sent(xray, root)
    stage = next(each for each in segments if each["origin"] == "AWS::ApiGateway::Stage")
    parents = {each["name"]: each["parent_id"] for each in segments if each["origin"] == "AWS::Lambda"}
    assert parents == {"guard": stage["id"], "f": stage["subsegments"][0]["id"]}


# Queues, topics, buses -----------------------------------------------------------------------------


def source(cloud, name: str = "worker", mode: str = "Active") -> str:
    """A queue that an active function reads; answers its URL."""
    put_role(cloud, "xray:*", *READS)
    make(cloud, TELLING, name, TracingConfig={"Mode": mode}, Role=f"arn:aws:iam::{ACCOUNT}:role/function")
    url, arn = queue(cloud, "jobs")
    cloud.client("lambda").create_event_source_mapping(FunctionName=name, EventSourceArn=arn)
    return url


def header(client, operation: str, text: str) -> None:
    client.meta.events.register_first(f"before-call.{client.meta.service_model.service_id.hyphenize()}.{operation}", lambda params, **_: params["headers"].update({"X-Amzn-Trace-Id": text}))


def test_what_messages_bring_about_is_a_trace_of_its_own_that_is_linked(cloud, xray):
    # https://docs.aws.amazon.com/xray/latest/devguide/xray-services-sqs.html
    url = source(cloud)
    made = api(cloud)
    _, _, answer = called(cloud, made)
    root = root_of(answer["trace"])
    sqs = cloud.own_client("sqs")
    header(sqs, "SendMessage", f"Root={root};Parent={'e' * 16};Sampled=1")
    sqs.send_message(QueueUrl=url, MessageBody="x")
    documents(cloud, xray, root)
    summaries = xray.get_trace_summaries(StartTime=cloud.now() - 600, EndTime=cloud.now() + 60)["TraceSummaries"]
    (linked,) = [each["Id"] for each in summaries if each["Id"] != root]
    found = {each["origin"]: each for each in sent(xray, linked)}
    assert found["AWS::Lambda"]["links"] == [{"trace_id": root, "id": "e" * 16, "attributes": {"ReferenceType": "parent"}}]
    assert "parent_id" not in found["AWS::Lambda"]
    whole = edges(cloud, xray)
    assert {("client", "AWS::ApiGateway::Stage"), ("AWS::ApiGateway::Stage", "AWS::Lambda"), ("AWS::Lambda", "AWS::Lambda::Function"),
            ("AWS::Lambda::Function", "AWS::DynamoDB::Table"), ("AWS::Lambda::Function", "AWS::SQS::Queue"), ("AWS::SQS::Queue", "~AWS::Lambda")} == whole  # fmt: skip


def test_messages_that_nobody_traced_and_functions_that_do_not_trace_are_not_linked(cloud, xray):
    url = source(cloud, mode="PassThrough")
    sqs = cloud.own_client("sqs")
    header(sqs, "SendMessage", f"Root=1-{int(cloud.now()):08x}-{9:024x};Parent={'e' * 16};Sampled=1")
    sqs.send_message(QueueUrl=url, MessageBody="x")
    settle(cloud)
    assert xray.get_trace_summaries(StartTime=cloud.now() - 600, EndTime=cloud.now() + 60)["TraceSummaries"] == []


def test_a_topic_with_active_tracing_stands_between_its_publisher_and_who_hears_it(cloud, xray):
    # https://docs.aws.amazon.com/sns/latest/dg/sns-active-tracing.html
    put_role(cloud, "xray:*", *READS)
    make(cloud, TELLING, "f", Role=f"arn:aws:iam::{ACCOUNT}:role/function")
    sns, sqs = cloud.own_client("sns"), cloud.client("sqs")
    topic = sns.create_topic(Name="orders", Attributes={"TracingConfig": "Active"})["TopicArn"]
    assert sns.get_topic_attributes(TopicArn=topic)["Attributes"]["TracingConfig"] == "Active"
    url, arn = queue(cloud, "jobs")
    allow(sqs, url, arn, topic)
    cloud.client("lambda").add_permission(FunctionName="f", StatementId="sns", Action="lambda:InvokeFunction", Principal="sns.amazonaws.com")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=FUNCTION)
    root = f"1-{int(cloud.now()):08x}-{8:024x}"
    header(sns, "Publish", f"Root={root};Parent={'c' * 16};Sampled=1")
    sns.publish(TopicArn=topic, Message="unheard")
    assert "AWS::SNS::Topic" not in documents(cloud, xray, root)  # X-Ray does not let SNS send yet
    policy = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": ["xray:PutTraceSegments"],
              "Resource": "*", "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}, "StringLike": {"aws:SourceArn": topic}}}}  # fmt: skip
    xray.put_resource_policy(PolicyName="sns", PolicyDocument=json.dumps(policy))
    received(cloud, url)
    sns.publish(TopicArn=topic, Message="heard")
    (message,) = received(cloud, url)
    segments = documents(cloud, xray, root)
    shown = segments["AWS::SNS::Topic"]
    assert (shown["name"], shown["parent_id"], shown["aws"]["topic_arn"]) == ("orders", "c" * 16, topic)
    parts = {each["name"]: each for each in shown["subsegments"]}
    assert f"Parent={parts['SQS']['id']}" in message["Attributes"]["AWSTraceHeader"]
    assert {each["parent_id"] for each in sent(xray, root) if each.get("origin") == "AWS::Lambda"} > {parts["Lambda"]["id"]}
    assert {("AWS::SNS::Topic", "AWS::SQS::Queue"), ("AWS::SNS::Topic", "AWS::Lambda")} < edges(cloud, xray)


def test_a_delivery_that_fails_is_a_fault_of_its_own(cloud, xray):
    sns = cloud.own_client("sns")
    topic = sns.create_topic(Name="orders", Attributes={"TracingConfig": "Active"})["TopicArn"]
    xray.put_resource_policy(PolicyName="sns", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "xray:PutTraceSegments", "Resource": "*"}}))  # fmt: skip
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue(cloud, "shut")[1])
    root = f"1-{int(cloud.now()):08x}-{8:024x}"
    header(sns, "Publish", f"Root={root};Parent={'c' * 16};Sampled=1")
    sns.publish(TopicArn=topic, Message="x")
    parts = documents(cloud, xray, root)["AWS::SNS::Topic"]["subsegments"]
    assert parts and all(each["name"] == "SQS" and each["fault"] for each in parts)


@pytest.mark.parametrize("is_said", [True, False])
def test_a_bus_hands_its_targets_the_trace_that_an_event_came_with(cloud, xray, is_said):
    put_role(cloud, "xray:*", *READS)
    make(cloud, TELLING, "f", Role=f"arn:aws:iam::{ACCOUNT}:role/function")
    events, sqs = cloud.own_client("events"), cloud.client("sqs")
    url, arn = queue(cloud, "jobs")
    rule = events.put_rule(Name="r", EventPattern='{"source": ["s"]}')["RuleArn"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn, "Condition": {"ArnEquals": {"aws:SourceArn": rule}}}})})  # fmt: skip
    cloud.client("lambda").add_permission(FunctionName="f", StatementId="e", Action="lambda:InvokeFunction", Principal="events.amazonaws.com")
    events.put_targets(Rule="r", Targets=[{"Id": "q", "Arn": arn}, {"Id": "f", "Arn": FUNCTION}])
    root = f"1-{int(cloud.now()):08x}-{4:024x}"
    trace = f"Root={root};Parent={'c' * 16};Sampled=1"
    entry = {"Source": "s", "DetailType": "d", "Detail": "{}"}
    if is_said:
        entry["TraceHeader"] = trace
    else:
        header(events, "PutEvents", trace)
    events.put_events(Entries=[entry])
    assert documents(cloud, xray, root)["AWS::Lambda"]["parent_id"] == "c" * 16
    (message,) = received(cloud, url)
    assert message["Attributes"]["AWSTraceHeader"] == trace


def test_what_was_promised_keeps_its_trace_through_a_kill(cloud, xray):
    put_role(cloud, "xray:*", *READS)
    make(cloud, TELLING, "f", Role=f"arn:aws:iam::{ACCOUNT}:role/function")
    events = cloud.client("events")
    events.put_rule(Name="r", EventPattern='{"source": ["s"]}')
    cloud.client("lambda").add_permission(FunctionName="f", StatementId="e", Action="lambda:InvokeFunction", Principal="events.amazonaws.com")
    events.put_targets(Rule="r", Targets=[{"Id": "f", "Arn": FUNCTION}])
    root = f"1-{int(cloud.now()):08x}-{4:024x}"
    cloud.run(cloud.region().store.journal.settled())
    events.put_events(Entries=[{"Source": "s", "DetailType": "d", "Detail": "{}", "TraceHeader": f"Root={root};Parent={'c' * 16};Sampled=1"}])
    cloud.restart(kill=True)
    put_role(cloud, "xray:*", *READS)
    assert "AWS::Lambda" in documents(cloud, cloud.client("xray"), root)


# State machines ------------------------------------------------------------------------------------

MACHINE = {
    "StartAt": "Wait",
    "States": {
        "Wait": {"Type": "Wait", "Seconds": 2, "Next": "Both"},
        "Both": {"Type": "Parallel", "Next": "Ask", "Branches": [
            {"StartAt": "Put", "States": {"Put": {"Type": "Task", "Resource": "arn:aws:states:::dynamodb:putItem", "End": True,
                                                  "Parameters": {"TableName": "orders", "Item": {"id": {"S": "1"}}}}}},
            {"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": True}}},
        ]},
        "Ask": {"Type": "Task", "Resource": FUNCTION, "End": True},
    },
}  # fmt: skip
STATES_TRUST = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}})


def machine(cloud, definition: dict = MACHINE, kind: str = "STANDARD", *actions: str, is_traced: bool = True) -> str:
    put_role(cloud, "xray:*", *READS)
    make(cloud, TELLING, "f", Role=f"arn:aws:iam::{ACCOUNT}:role/function")
    role = put_role(cloud, *(actions or ("lambda:*", "dynamodb:*", "xray:*")), trust=STATES_TRUST, arn=f"arn:aws:iam::{ACCOUNT}:role/states")
    cloud.client("dynamodb").create_table(TableName="orders", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                                          AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}])  # fmt: skip
    made = cloud.client("stepfunctions").create_state_machine(name="m", definition=json.dumps(definition), roleArn=role, type=kind, tracingConfiguration={"enabled": is_traced})
    return made["stateMachineArn"]


@pytest.mark.parametrize("kind", ["STANDARD", "EXPRESS"])
def test_an_execution_is_a_segment_with_its_states_and_the_calls_they_make(cloud, xray, kind):
    arn, root = machine(cloud, kind=kind), f"1-{int(cloud.now()):08x}-{3:024x}"
    states = cloud.client("stepfunctions")
    assert states.describe_state_machine(stateMachineArn=arn)["tracingConfiguration"] == {"enabled": True}
    states.start_execution(stateMachineArn=arn, traceHeader=f"Root={root};Parent={'c' * 16};Sampled=1")
    cloud.sleep(3)
    found = documents(cloud, xray, root)
    shown = found["AWS::StepFunctions::StateMachine"]
    assert (shown["name"], shown["resource_arn"], shown["parent_id"]) == ("m", arn, "c" * 16) and "fault" not in shown
    visits = {each["name"]: each for each in shown["subsegments"]}
    assert visits.keys() == {"Wait", "Both", "Put", "Pass", "Ask"}
    assert visits["Wait"]["end_time"] - visits["Wait"]["start_time"] == pytest.approx(2)
    assert visits["Both"]["end_time"] == pytest.approx(visits["Ask"]["start_time"])
    (put,), (ask,) = visits["Put"]["subsegments"], visits["Ask"]["subsegments"]
    assert (put["name"], put["aws"]["operation"], put["aws"]["table_name"]) == ("DynamoDB", "PutItem", "orders")
    assert found["AWS::Lambda"]["parent_id"] == ask["id"]
    assert {("AWS::StepFunctions::StateMachine", "AWS::DynamoDB::Table"), ("AWS::StepFunctions::StateMachine", "AWS::Lambda")} < edges(cloud, xray)


def test_an_execution_that_fails_shows_where(cloud, xray):
    definition = {"StartAt": "Ask", "States": {"Ask": {"Type": "Task", "Resource": FUNCTION, "Parameters": {"path": "/fails"}, "End": True,
                                                       "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1, "IntervalSeconds": 1}]}}}  # fmt: skip
    arn, root = machine(cloud, definition), f"1-{int(cloud.now()):08x}-{3:024x}"
    cloud.client("stepfunctions").start_execution(stateMachineArn=arn, traceHeader=f"Root={root};Sampled=1")
    settle(cloud)
    cloud.sleep(2)
    shown = documents(cloud, xray, root)["AWS::StepFunctions::StateMachine"]
    (visit,) = shown["subsegments"]
    assert shown["fault"] and visit["fault"] and [each["fault"] for each in visit["subsegments"]] == [True, True]


def test_executions_are_sampled_by_the_rules_and_sent_by_their_role(cloud, xray):
    definition = {"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": True}}}
    arn = machine(cloud, definition, "STANDARD", "lambda:*")
    states = cloud.client("stepfunctions")
    span = {"StartTime": cloud.now() - 600, "EndTime": cloud.now() + 600}
    states.start_execution(stateMachineArn=arn)
    cloud.sleep(2)
    assert xray.get_trace_summaries(**span)["TraceSummaries"] == []  # its role may not
    put_role(cloud, "xray:*", trust=STATES_TRUST, arn=f"arn:aws:iam::{ACCOUNT}:role/states")
    for _ in range(3):
        states.start_execution(stateMachineArn=arn)
    cloud.sleep(2)
    assert 1 <= len(xray.get_trace_summaries(**span, FilterExpression='service(id(name: "m", type: "AWS::StepFunctions::StateMachine"))')["TraceSummaries"]) < 3
    states.update_state_machine(stateMachineArn=arn, tracingConfiguration={"enabled": False})
    assert states.describe_state_machine(stateMachineArn=arn)["tracingConfiguration"] == {"enabled": False}
    before = len(xray.get_trace_summaries(**span)["TraceSummaries"])
    states.start_execution(stateMachineArn=arn)
    cloud.sleep(2)
    assert len(xray.get_trace_summaries(**span)["TraceSummaries"]) == before


# GraphQL -------------------------------------------------------------------------------------------


def test_a_query_is_a_segment_of_the_api_and_each_question_to_a_source_a_call(cloud, xray):
    # https://docs.aws.amazon.com/appsync/latest/devguide/x-ray-tracing.html
    graph = Graph(cloud, "type Post { id: ID! title: String } type Query { post(id: ID!): Post told: String }", xrayEnabled=True)
    assert graph.client.get_graphql_api(apiId=graph.id)["graphqlApi"]["xrayEnabled"] is True
    graph.table()
    get = '{"version": "2018-05-29", "operation": "GetItem", "key": {"id": $util.dynamodb.toDynamoDBJson($ctx.args.id)}}'
    graph.resolve("Query.post", "posts", before=get, after="$util.toJson($ctx.result)")
    make(cloud, TELLING, "f", Role=put_role(cloud, "xray:*", *READS))
    role = put_role(cloud, "lambda:*", "dynamodb:*", arn=f"arn:aws:iam::{ACCOUNT}:role/appsync",
                    trust=json.dumps({"Statement": {"Effect": "Allow", "Principal": {"Service": "appsync.amazonaws.com"}, "Action": "sts:AssumeRole"}}))  # fmt: skip
    graph.client.create_data_source(apiId=graph.id, name="f", type="AWS_LAMBDA", serviceRoleArn=role, lambdaConfig={"lambdaFunctionArn": FUNCTION})
    graph.resolve("Query.told", "f", before='{"version": "2018-05-29", "operation": "Invoke", "payload": {}}', after="$util.toJson($ctx.result.body)")
    root = f"1-{int(cloud.now()):08x}-{3:024x}"
    graph.data('{ post(id: "1") { title } told }', headers={"x-api-key": graph.key, "x-amzn-trace-id": f"Root={root};Parent={'c' * 16};Sampled=1"})
    found = documents(cloud, xray, root)
    shown = found["AWS::AppSync::GraphQLAPI"]
    parts = {each["name"]: each for each in shown["subsegments"]}
    assert (shown["name"], shown["parent_id"], shown["http"]["response"]) == ("graph", "c" * 16, {"status": 200})
    assert parts["DynamoDB"]["aws"] == {"operation": "GetItem", "table_name": "posts"} and found["AWS::Lambda"]["parent_id"] == parts["Lambda"]["id"]
    assert parts["DynamoDB"]["metadata"]["default"] == {"field": "Query.post", "data_source": "posts"}
    assert {("AWS::AppSync::GraphQLAPI", "AWS::DynamoDB::Table"), ("AWS::AppSync::GraphQLAPI", "AWS::Lambda")} < edges(cloud, xray)
    graph.client.update_graphql_api(apiId=graph.id, name="graph", authenticationType="API_KEY", xrayEnabled=False)
    root = f"1-{int(cloud.now()):08x}-{4:024x}"
    graph.data('{ post(id: "1") { title } }', headers={"x-api-key": graph.key, "x-amzn-trace-id": f"Root={root};Sampled=1"})
    assert documents(cloud, xray, root) == {}
