"""What goes through application load balancers: rules, servers and functions as targets, health, stickiness, and what is answered where none
is there. https://docs.aws.amazon.com/elasticloadbalancing/latest/application/introduction.html"""

from __future__ import annotations

import asyncio
import base64
import re

import pytest
from botocore.exceptions import ClientError
from services.balancer_workshop import (
    Visitor,
    allow,
    balancer,
    fixed,
    forward,
    function,
    health,
    listener,
    network,
    servers,
    target,
)
from services.endpoint_workshop import Endpoint
from services.lambda_workshop import make
from websocket_client import Broken

from kumoniwa.wire import websocket
from kumoniwa.wire.http import Connection
from kumoniwa.wire.message import Request, Response


@pytest.fixture
def elb(cloud):
    return cloud.client("elbv2")


@pytest.fixture
def made(cloud, elb):
    return balancer(cloud, elb)


@pytest.fixture
def visit(cloud, made):
    return Visitor(cloud, made)


@pytest.fixture
def endpoints():
    held = [Endpoint() for _ in range(3)]
    yield held
    for each in held:
        each.close()


def by_path(endpoint) -> list[str]:
    return [each.path for each in endpoint.asked if each.path != "/health"]


def last(endpoint):
    """The last request of somebody who does not ask how the server is."""
    return [each for each in endpoint.asked if each.path != "/health"][-1]


def test_a_fixed_response_is_what_its_rule_says(elb, made, visit):
    listener(elb, made, fixed("all is well", "203"))
    status, headers, body = visit("/any/thing?x=1")
    assert (status, body, headers["content-type"], headers["server"]) == (203, b"all is well", "text/plain; charset=utf-8", "awselb/2.0")


def test_nobody_listens_where_there_is_no_listener(cloud, elb, made, visit):
    with pytest.raises(Exception, match="Connection was closed"):
        visit()
    assert cloud.http("GET", "/", host="never-1.us-east-1.elb.localhost:4566")[0] == 404


def test_a_balancer_is_provisioned_before_anybody_gets_through(cloud, elb):
    made = elb.create_load_balancer(Name="new", Subnets=network(cloud)[1])["LoadBalancers"][0]
    assert made["State"] == {"Code": "provisioning"}
    listener(elb, made, fixed())
    with pytest.raises(Exception, match="Connection was closed"):
        Visitor(cloud, made)()
    cloud.sleep(2)
    assert elb.describe_load_balancers(Names=["new"])["LoadBalancers"][0]["State"] == {"Code": "active"}
    assert Visitor(cloud, made)()[0] == 200


def test_rules_are_tried_in_the_order_of_their_priorities(elb, made, visit):
    arn = listener(elb, made, fixed("default"))

    def rule(priority: int, text: str, *conditions: dict) -> str:
        said = {"ListenerArn": arn, "Priority": priority, "Conditions": list(conditions), "Actions": fixed(text)}
        return elb.create_rule(**said)["Rules"][0]["RuleArn"]

    rule(50, "images", {"Field": "path-pattern", "Values": ["/img/*"]})
    first = rule(10, "cats", {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/img/cat?.png"]}})
    assert [visit.text(path) for path in ("/img/cat1.png", "/img/cat10.png", "/IMG/cat1.png", "/img/dog.png?a=b")] == [
        "cats", "images", "default", "images",
    ]  # fmt: skip
    elb.set_rule_priorities(RulePriorities=[{"RuleArn": first, "Priority": 60}])
    assert visit.text("/img/cat1.png") == "images"
    elb.modify_rule(RuleArn=first, Conditions=[{"Field": "path-pattern", "Values": ["/cats"]}])
    assert visit.text("/cats") == "cats"
    elb.delete_rule(RuleArn=first)
    assert visit.text("/cats") == "default"


CONDITIONS = [
    ({"Field": "host-header", "Values": ["*.Shop.example"]}, {"host": "a.shop.EXAMPLE:4566"}, {"host": "shop.example"}),
    ({"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Kind", "Values": ["*beta*"]}}, {"headers": {"x-kind": "a BETA b"}}, {}),
    ({"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["PUT", "PATCH"]}}, {"verb": "PATCH"}, {"verb": "POST"}),
    ({"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "Lang", "Value": "d*"}]}}, {"path": "/?a=1&lang=DE"}, {"path": "/?x=de"}),
    ({"Field": "query-string", "QueryStringConfig": {"Values": [{"Value": "x\\*y"}]}}, {"path": "/?any=x*y"}, {"path": "/?any=xzy"}),
    ({"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8", "127.0.0.0/8"]}}, {}, {"headers": {"x-kumoniwa-from": "192.0.2.1"}}),
]


@pytest.mark.parametrize("condition, meets, misses", CONDITIONS, ids=[each[0]["Field"] + str(at) for at, each in enumerate(CONDITIONS)])
def test_a_rule_applies_to_what_meets_its_condition(cloud, elb, made, visit, condition, meets, misses):
    anywhere = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    (group,) = elb.describe_load_balancers()["LoadBalancers"][0]["SecurityGroups"]
    cloud.client("ec2").authorize_security_group_ingress(GroupId=group, IpPermissions=[anywhere])
    arn = listener(elb, made, fixed("no"))
    if condition["Field"] == "host-header":
        # The gate goes by the names that rules ask for: this one brings the other host here, too.
        elb.create_rule(ListenerArn=arn, Priority=2, Conditions=[{"Field": "host-header", "Values": ["shop.example"]}], Actions=fixed("no"))
    elb.create_rule(ListenerArn=arn, Priority=1, Conditions=[condition], Actions=fixed("yes"))
    assert (visit.text(**meets), visit.text(**misses)) == ("yes", "no")


def test_all_conditions_of_a_rule_must_be_met(elb, made, visit):
    arn = listener(elb, made, fixed("no"))
    conditions = [{"Field": "path-pattern", "Values": ["/a"]}, {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["GET"]}}]
    elb.create_rule(ListenerArn=arn, Priority=1, Conditions=conditions, Actions=fixed("yes"))
    assert [visit.text("/a"), visit.text("/b"), visit.text("/a", verb="POST", body=b"x")] == ["yes", "no", "no"]


def redirect(**config) -> list[dict]:
    return [{"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_301", **config}}]


def test_a_redirect_fills_in_what_came(elb, made, visit):
    arn = listener(elb, made, redirect(Protocol="HTTPS", Port="443"))
    status, headers, body = visit("/a/b?x=1&y")
    host = made["DNSName"]
    assert (status, headers["location"], len(body), headers["server"]) == (301, f"https://{host}:4566/a/b?x=1&y", 134, "awselb/2.0")
    # Who names no port, as on AWS, is sent to AWS's.
    assert visit("/", host=host)[1]["location"] == f"https://{host}:443/"
    elb.modify_listener(ListenerArn=arn, DefaultActions=redirect(Host="www.#{host}", Path="/new/#{path}", Query="q=#{query}", Port="8443", StatusCode="HTTP_302"))
    status, headers, _ = visit("/old?z=3")
    assert (status, headers["location"]) == (302, f"http://www.{host}:8443/new/old?q=z=3")


def test_requests_go_round_the_servers_that_are_well(cloud, elb, made, visit, endpoints):
    group = servers(elb, *endpoints)
    assert health(elb, group) == [("unused", "Target.NotInUse")] * 3
    listener(elb, made, forward(group))
    assert health(elb, group)[0][0] == "initial"
    cloud.sleep_and_settle(1)
    assert health(elb, group) == [("healthy", None)] * 3
    asked = endpoints[0].asked[0]
    assert (asked.path, asked.headers["user-agent"]) == ("/health", "ELB-HealthChecker/2.0")
    for at in range(6):
        assert visit(f"/{at}")[0] == 200
    assert [len(by_path(each)) for each in endpoints] == [2, 2, 2]


def test_a_server_that_is_ill_gets_nothing_until_it_is_well_again(cloud, elb, made, visit, endpoints):
    first, second = endpoints[:2]
    group = servers(elb, first, second, HealthCheckIntervalSeconds=10, HealthyThresholdCount=2, UnhealthyThresholdCount=2)
    listener(elb, made, forward(group))
    cloud.sleep(1)
    first.will(503), first.will(500)
    cloud.sleep_and_settle(10)
    assert health(elb, group) == [("healthy", None)] * 2
    cloud.sleep_and_settle(10)
    assert health(elb, group) == [("unhealthy", "Target.ResponseCodeMismatch"), ("healthy", None)]
    (told, _) = elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    assert told["TargetHealth"]["Description"] == "Health checks failed with these codes: [500]"
    for _ in range(4):
        visit("/x")
    assert [len(by_path(first)), len(by_path(second))] == [0, 4]
    cloud.sleep_and_settle(10)
    assert health(elb, group)[0][0] == "unhealthy"
    cloud.sleep_and_settle(10)
    assert health(elb, group) == [("healthy", None)] * 2


def test_where_all_are_ill_all_are_asked(cloud, elb, made, visit, endpoints):
    (first, *_) = endpoints
    group = servers(elb, first, HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2, Matcher={"HttpCode": "404,420-430"})
    listener(elb, made, forward(group))
    cloud.sleep_and_settle(12)
    assert health(elb, group) == [("unhealthy", "Target.ResponseCodeMismatch")]
    assert visit("/x")[0] == 200
    first.will(425)
    elb.modify_target_group(TargetGroupArn=group, HealthyThresholdCount=2)
    first.will(404)
    cloud.sleep_and_settle(10)
    assert health(elb, group) == [("healthy", None)]


def test_who_is_deregistered_is_drained(cloud, elb, made, visit, endpoints):
    group = servers(elb, *endpoints[:2])
    listener(elb, made, forward(group))
    elb.modify_target_group_attributes(TargetGroupArn=group, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "60"}])
    cloud.sleep(1)
    elb.deregister_targets(TargetGroupArn=group, Targets=[target(endpoints[0])])
    assert health(elb, group) == [("draining", "Target.DeregistrationInProgress"), ("healthy", None)]
    visit("/x"), visit("/y")
    assert by_path(endpoints[0]) == []
    cloud.sleep_and_settle(61)
    assert health(elb, group) == [("healthy", None)]
    (gone,) = elb.describe_target_health(TargetGroupArn=group, Targets=[target(endpoints[0])])["TargetHealthDescriptions"]
    assert (gone["TargetHealth"]["State"], gone["TargetHealth"]["Reason"]) == ("unused", "Target.NotRegistered")


def test_a_target_is_told_who_came_and_by_which_way(elb, made, visit, endpoints):
    listener(elb, made, forward(servers(elb, endpoints[0])))
    visit("/a%20b?c=d%2Fe&c", verb="POST", body=b"x=1", headers={"X-Forwarded-For": "198.51.100.7", "X-Mine": "1", "Connection": "close"})
    (asked,) = [each for each in endpoints[0].asked if each.path != "/health"]
    assert (asked.method, asked.path, asked.body) == ("POST", "/a%20b", b"x=1")
    headers = asked.headers
    assert headers["x-forwarded-for"] == "198.51.100.7, 127.0.0.1"
    assert (headers["x-forwarded-proto"], headers["x-forwarded-port"], headers["x-mine"]) == ("http", "80", "1")
    assert headers["host"] == made["DNSName"]
    assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}", headers["x-amzn-trace-id"])
    visit("/", headers={"X-Amzn-Trace-Id": "Root=1-5759e988-bd862e3fe1be46a994272793;CalledFrom=x"})
    assert re.fullmatch(
        r"Self=1-[0-9a-f]{8}-[0-9a-f]{24};Root=1-5759e988-bd862e3fe1be46a994272793;CalledFrom=x", last(endpoints[0]).headers["x-amzn-trace-id"]
    )


@pytest.mark.parametrize("mode, told", [("preserve", "192.0.2.9"), ("remove", None), ("append", "192.0.2.9, 127.0.0.1")])
def test_a_balancer_may_leave_x_forwarded_for_as_it_is(elb, made, visit, endpoints, mode, told):
    listener(elb, made, forward(servers(elb, endpoints[0])))
    attributes = [{"Key": "routing.http.xff_header_processing.mode", "Value": mode}, {"Key": "routing.http.preserve_host_header.enabled", "Value": "true"}]
    elb.modify_load_balancer_attributes(LoadBalancerArn=made["LoadBalancerArn"], Attributes=attributes)
    visit("/", headers={"X-Forwarded-For": "192.0.2.9"})
    headers = last(endpoints[0]).headers
    assert (headers.get("x-forwarded-for"), headers["host"]) == (told, visit.host)


def test_an_answer_comes_as_the_server_gave_it(cloud, elb, made, visit, endpoints):
    listener(elb, made, forward(servers(elb, endpoints[0])))
    cloud.sleep(1)
    endpoints[0].will(418, "tea", X_Kind="pot")
    status, headers, body = visit("/")
    assert (status, body, headers["x-kind"]) == (418, b'"tea"', "pot")
    assert headers["server"].startswith("BaseHTTP")


def test_a_long_answer_passes_through(cloud, elb, made, visit, endpoints):
    listener(elb, made, forward(servers(elb, endpoints[0])))
    cloud.sleep(1)
    endpoints[0].will(200, "x" * 5_000_000)
    status, headers, body = visit("/")
    assert (status, len(body), headers["content-length"]) == (200, 5_000_002, "5000002")


def test_nobody_who_answers_is_502_and_no_target_at_all_503(cloud, elb, made, visit):
    empty = servers(elb)
    arn = listener(elb, made, forward(empty))
    status, headers, body = visit()
    assert (status, headers["server"]) == (503, "awselb/2.0")
    assert b"<center><h1>503 Service Temporarily Unavailable</h1></center>" in body
    gone = Endpoint()
    gone.close()
    group = servers(elb, gone, name="gone")
    elb.modify_listener(ListenerArn=arn, DefaultActions=forward(group))
    assert visit()[0] == 502
    cloud.sleep_and_settle(40)
    assert health(elb, group) == [("unhealthy", "Target.FailedHealthChecks")]


def test_too_many_forwarders_are_463_and_trace_405(elb, made, visit):
    listener(elb, made, fixed())
    assert visit(headers={"X-Forwarded-For": ",".join(["192.0.2.1"] * 31)})[0] == 463
    assert visit(headers={"X-Forwarded-For": ",".join(["192.0.2.1"] * 30)})[0] == 200
    assert visit(verb="TRACE")[0] == 405
    assert visit("/?" + "x" * 17_000)[0] == 414


def test_weights_say_how_often_a_group_is_meant(elb, made, visit, endpoints):
    one, other = servers(elb, endpoints[0], name="one"), servers(elb, endpoints[1], name="other")
    arn = listener(elb, made, forward(one, other, weights=(1, 0)))
    for _ in range(10):
        visit("/x")
    assert [len(by_path(each)) for each in endpoints[:2]] == [10, 0]
    elb.modify_listener(ListenerArn=arn, DefaultActions=forward(one, other, weights=(1, 3)))
    for _ in range(100):
        visit("/y")
    assert 55 <= len(by_path(endpoints[1])) <= 95


def cookies_of(headers: dict) -> dict[str, str]:
    said = headers.get("set-cookie", [])
    return {line.partition("=")[0]: line.partition("=")[2].partition(";")[0] for line in (said if isinstance(said, list) else [said])}


def test_a_client_stays_with_its_group(elb, made, visit, endpoints):
    one, other = servers(elb, endpoints[0], name="one"), servers(elb, endpoints[1], name="other")
    listener(elb, made, forward(one, other, sticky_s=60))
    cookies = cookies_of(visit("/x")[1])
    assert set(cookies) == {"AWSALBTG", "AWSALBTGCORS"}
    for _ in range(10):
        visit("/x", headers={"Cookie": f"AWSALBTG={cookies['AWSALBTG']}"})
    assert sorted(len(by_path(each)) for each in endpoints[:2]) == [0, 11]


def test_a_client_stays_with_its_target_while_its_cookie_lasts(cloud, elb, made, visit, endpoints):
    group = servers(elb, *endpoints)
    listener(elb, made, forward(group))
    attributes = [{"Key": "stickiness.enabled", "Value": "true"}, {"Key": "stickiness.lb_cookie.duration_seconds", "Value": "60"}]
    elb.modify_target_group_attributes(TargetGroupArn=group, Attributes=attributes)
    cloud.sleep_and_settle(1)
    assert health(elb, group) == [("healthy", None)] * 3
    _, headers, _ = visit("/x")
    assert all("; Path=/" in line and "Expires=" in line for line in headers["set-cookie"]) and "SameSite=None" in headers["set-cookie"][1]
    cookie = {"Cookie": f"a=b; AWSALB={cookies_of(headers)['AWSALB']}"}
    for _ in range(5):
        visit("/x", headers=cookie)
    assert sorted(len(by_path(each)) for each in endpoints) == [0, 0, 6]
    cloud.sleep(61)
    for _ in range(5):
        visit("/x", headers=cookie)
    assert sorted(len(by_path(each)) for each in endpoints) != [0, 0, 11]
    forged = base64.b64encode(b"x" * 38).decode()
    assert visit("/x", headers={"Cookie": f"AWSALB={forged}"})[0] == 200


def test_an_application_says_itself_when_its_clients_stay(cloud, elb, made, visit, endpoints):
    group = servers(elb, *endpoints)
    listener(elb, made, forward(group))
    attributes = {"stickiness.enabled": "true", "stickiness.type": "app_cookie", "stickiness.app_cookie.cookie_name": "session"}
    elb.modify_target_group_attributes(TargetGroupArn=group, Attributes=[{"Key": key, "Value": value} for key, value in attributes.items()])
    cloud.sleep(1)
    assert "set-cookie" not in visit("/x")[1]
    for each in endpoints:
        each.will(200, "in", Set_Cookie="session=1; Path=/")
    cookies = cookies_of(visit("/in")[1])
    assert set(cookies) == {"session", "AWSALBAPP-0"}


ECHO = """
import json
def handler(event, context):
    return {"statusCode": 200, "headers": {"Content-Type": "application/json", "X-Kind": "echo"}, "body": json.dumps(event)}
"""


def test_a_function_is_told_the_request_as_an_event(cloud, elb, made, visit):
    group = function(cloud, elb, ECHO)
    listener(elb, made, forward(group))
    status, headers, _ = visit("/a%20b")
    assert (status, headers["server"], headers["x-kind"]) == (200, "awselb/2.0", "echo")
    event = visit.json("/a%20b?x=1&x=2&y=%20", verb="POST", body=b"{}", headers={"Content-Type": "application/json", "X-Two": "b"})
    assert event["requestContext"] == {"elb": {"targetGroupArn": group}}
    assert (event["httpMethod"], event["path"], event["queryStringParameters"]) == ("POST", "/a%20b", {"x": "2", "y": "%20"})
    assert (event["body"], event["isBase64Encoded"]) == ("{}", False)
    told = event["headers"]
    assert (told["host"], told["x-two"], told["x-forwarded-for"], told["x-forwarded-port"]) == (made["DNSName"], "b", "127.0.0.1", "80")
    event = visit.json("/", verb="POST", body=b"\x00\xff", headers={"Content-Type": "image/png"})
    assert (event["body"], event["isBase64Encoded"]) == (base64.b64encode(b"\x00\xff").decode(), True)


def test_a_group_may_want_all_values(cloud, elb, made, visit):
    source = """
    import json
    def handler(event, context):
        return {"statusCode": 200, "multiValueHeaders": {"Set-Cookie": ["a=1", "b=2"], "Content-Type": ["text/plain"]}, "body": json.dumps(event)}
    """
    group = function(cloud, elb, source)
    elb.modify_target_group_attributes(TargetGroupArn=group, Attributes=[{"Key": "lambda.multi_value_headers.enabled", "Value": "true"}])
    listener(elb, made, forward(group))
    event = visit.json("/?x=1&x=2")
    assert event["multiValueQueryStringParameters"] == {"x": ["1", "2"]} and event["multiValueHeaders"]["host"] == [made["DNSName"]]
    assert "headers" not in event and "queryStringParameters" not in event
    assert visit("/")[1]["set-cookie"] == ["a=1", "b=2"]


@pytest.mark.parametrize("source", [
    "def handler(event, context): raise ValueError", "def handler(event, context): return {}", "def handler(event, context): return 'text'",
    "def handler(event, context): return {'statusCode': 'x'}", "def handler(event, context): return {'statusCode': 200, 'body': {}}",
])  # fmt: skip
def test_what_a_function_says_wrong_is_502(cloud, elb, made, visit, source):
    listener(elb, made, forward(function(cloud, elb, source)))
    assert visit()[0] == 502


def test_a_body_that_is_too_large_for_a_function_is_413(cloud, elb, made, visit):
    listener(elb, made, forward(function(cloud, elb, ECHO)))
    assert visit(verb="POST", body=b"x" * ((1 << 20) + 1))[0] == 413


def test_a_function_must_let_the_balancer_call_it(cloud, elb):
    arn = make(cloud, ECHO)["FunctionArn"]
    group = elb.create_target_group(Name="functions", TargetType="lambda")["TargetGroups"][0]["TargetGroupArn"]
    with pytest.raises(ClientError) as refused:
        elb.register_targets(TargetGroupArn=group, Targets=[{"Id": arn}])
    said = refused.value.response["Error"]
    assert said["Code"] == "AccessDenied"
    assert said["Message"] == f"elasticloadbalancing principal does not have permission to invoke {arn} from target group {group}"
    allow(cloud, "f", group)
    elb.register_targets(TargetGroupArn=group, Targets=[{"Id": arn}])


def test_functions_are_asked_how_they_are_if_somebody_wants_it(cloud, elb, made):
    source = """
    def handler(event, context):
        assert event["headers"] == {"user-agent": "ELB-HealthChecker/2.0"}
        return {"statusCode": 503 if event["path"] == "/ill" else 200}
    """
    group = function(cloud, elb, source)
    listener(elb, made, forward(group))
    assert health(elb, group) == [("unavailable", "Target.HealthCheckDisabled")]
    elb.modify_target_group(TargetGroupArn=group, HealthCheckEnabled=True)
    cloud.sleep_and_settle(36)
    assert health(elb, group) == [("healthy", None)]
    elb.modify_target_group(TargetGroupArn=group, HealthCheckPath="/ill")
    cloud.sleep_and_settle(80)
    assert health(elb, group) == [("unhealthy", "Target.ResponseCodeMismatch")]


def test_a_listener_lays_headers_over_every_answer(elb, made, visit):
    arn = listener(elb, made, fixed())
    attributes = {"routing.http.response.server.enabled": "false", "routing.http.response.strict_transport_security.header_value": "max-age=9"}
    elb.modify_listener_attributes(ListenerArn=arn, Attributes=[{"Key": key, "Value": value} for key, value in attributes.items()])
    _, headers, _ = visit()
    assert "server" not in headers and headers["strict-transport-security"] == "max-age=9"


def test_a_killed_region_serves_again(cloud, elb, made, visit, endpoints):
    group = servers(elb, endpoints[0])
    listener(elb, made, forward(group))
    cloud.sleep(1)
    cloud.restart(kill=True)
    assert visit("/x")[0] == 200
    cloud.sleep_and_settle(1)
    assert health(cloud.client("elbv2"), group) == [("healthy", None)]


def test_a_websocket_is_between_a_client_and_his_target(cloud, elb, made):
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-listeners.html#listener-configuration"""
    asked = []

    async def converse(socket) -> None:
        while True:
            said = await socket.receive()
            await socket.send(said[::-1] if isinstance(said, bytes) else said.upper())

    def answer(request, reply) -> None:
        asked.append(request)
        reply(websocket.accepted(cloud.region(), request, converse, subprotocol="chat") if websocket.is_asked(request) else Response(200))

    async def serve():
        return await cloud.loop.create_server(lambda: Connection(answer), "127.0.0.1", 0)

    server = cloud.run(serve())
    group = servers(elb, port=server.sockets[0].getsockname()[1])
    listener(elb, made, forward(group))
    client = cloud.websocket("/chat?x=1", host=f"{made['DNSName']}:4566", subprotocols=("chat",))
    assert (client.status, client.headers["sec-websocket-protocol"]) == (101, "chat")
    client.send("hello")
    assert client.receive() == "HELLO"
    client.send(b"x" * 300_000 + b"y")
    assert client.receive() == b"y" + b"x" * 300_000
    told = [each.headers for each in asked if each.path == "/chat"]
    assert (told[0]["x-forwarded-for"], told[0]["host"]) == ("127.0.0.1", made["DNSName"])
    # Nothing passed for the idle time: it is over.
    cloud.sleep(61)
    with pytest.raises(Broken):
        client.receive()
    server.close()


def test_a_function_takes_no_websocket(cloud, elb, made):
    listener(elb, made, forward(function(cloud, elb, ECHO)))
    assert cloud.websocket("/chat", host=f"{made['DNSName']}:4566").status == 400


def test_who_says_to_come_from_elsewhere_is_judged_by_security_groups(cloud, elb):
    ec2, (vpc, _) = cloud.client("ec2"), network(cloud)
    group = ec2.create_security_group(GroupName="web", Description="web", VpcId=vpc)["GroupId"]
    made = balancer(cloud, elb, "guarded", SecurityGroups=[group])
    listener(elb, made, fixed("in"))
    visit, other = Visitor(cloud, made), {"x-kumoniwa-from": "203.0.113.9"}
    assert visit.text() == "in"
    with pytest.raises(Exception, match="Connection was closed"):
        visit(headers=other)
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 81, "IpRanges": [{"CidrIp": "203.0.113.0/24"}]}])
    assert visit.text(headers=other) == "in"
    with pytest.raises(Exception, match="Connection was closed"):
        visit(headers={"x-kumoniwa-from": "198.51.100.1"})


@pytest.fixture
def raw(cloud):
    """A server that answers in the bytes that it is told."""
    said, heard = [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"], []

    async def answer(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        if b"/health" not in head:
            heard.append(head)
            writer.write(said[0])
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async def serve():
        return await asyncio.start_server(answer, "127.0.0.1", 0)

    server = cloud.run(serve())
    yield said, heard, server.sockets[0].getsockname()[1]
    server.close()


ANSWERS = [
    (b"HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n", 204, b"", {"x-a": "b"}),
    (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\nETag: e\r\n\r\n", 304, b"", {"etag": "e"}),
    (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", 200, b"until the end", {}),
    (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\nx", 201, b"x", {"content-length": "1"}),
    (b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nConnection: close, X-Gone\r\nKeep-Alive: 5\r\nContent-Length: 0\r\n\r\n", 200, b"", {"set-cookie": ["a=1", "b=2"]}),
    (b"nonsense\r\n\r\n", 502, None, {"server": "awselb/2.0"}),
    (b"HTTP/1.1 200 OK\r\nContent-Le", 502, None, {"server": "awselb/2.0"}),
    (b"", 502, None, {"server": "awselb/2.0"}),
]  # fmt: skip


@pytest.mark.parametrize("answer, status, body, headers", ANSWERS, ids=range(len(ANSWERS)))
def test_what_a_server_says_is_passed_on_or_is_a_bad_gateway(elb, made, visit, raw, answer, status, body, headers):
    said, _, port = raw
    listener(elb, made, forward(servers(elb, port=port)))
    said[0] = answer
    found = visit("/x")
    assert found[0] == status and (body is None or found[2] == body)
    assert {name: found[1].get(name) for name in headers} == headers and "keep-alive" not in found[1]


def test_a_question_for_the_head_alone_keeps_the_length(elb, made, visit, raw):
    said, heard, port = raw
    listener(elb, made, forward(servers(elb, port=port)))
    said[0] = b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"
    status, headers, body = visit("/x", verb="HEAD")
    assert (status, headers["content-length"], body) == (200, "5000", b"")
    assert heard[0].startswith(b"HEAD /x HTTP/1.1\r\n") and b"Content-Length" not in heard[0]


def test_an_answer_that_breaks_off_ends_the_connection(elb, made, visit, raw):
    said, _, port = raw
    listener(elb, made, forward(servers(elb, port=port)))
    said[0] = b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf"
    with pytest.raises(ConnectionResetError):
        visit("/x")


def test_a_server_that_says_nothing_is_waited_for_as_long_as_is_allowed(cloud, elb, made, visit):
    async def silent(reader, writer):
        await reader.read()
        writer.close()

    async def serve():
        return await asyncio.start_server(silent, "127.0.0.1", 0)

    server = cloud.run(serve())
    group = servers(elb, port=server.sockets[0].getsockname()[1], HealthCheckTimeoutSeconds=2, HealthCheckIntervalSeconds=5)
    listener(elb, made, forward(group))
    elb.modify_load_balancer_attributes(LoadBalancerArn=made["LoadBalancerArn"], Attributes=[{"Key": "idle_timeout.timeout_seconds", "Value": "1"}])
    status, headers, body = visit("/x")
    assert (status, headers["server"]) == (504, "awselb/2.0") and b"504 Gateway Time-out" in body
    server.close()


def asking(cloud, made: dict, path: str):
    """A request that is under way."""
    return cloud.loop.create_task(cloud.deliver(Request("GET", path, "", {"host": made["DNSName"]})))


def test_the_least_busy_server_is_asked(cloud, elb, made, visit, endpoints):
    heard = []

    async def busy(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        if b"/health" in head:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        else:
            heard.append(head)
            await reader.read()
        writer.close()

    async def serve():
        return await asyncio.start_server(busy, "127.0.0.1", 0)

    server = cloud.run(serve())
    group = servers(elb, port=server.sockets[0].getsockname()[1])
    elb.register_targets(TargetGroupArn=group, Targets=[target(endpoints[0])])
    elb.modify_target_group_attributes(TargetGroupArn=group, Attributes=[{"Key": "load_balancing.algorithm.type", "Value": "least_outstanding_requests"}])
    listener(elb, made, forward(group))
    cloud.sleep(1)
    tasks = []
    while not heard:
        tasks.append(asking(cloud, made, "/slow"))
        cloud.sleep(0.05)
    for _ in range(5):
        assert visit("/x")[0] == 200
    assert len(heard) == 1
    for task in tasks:
        task.cancel()
    cloud.sleep(0.1)
    server.close()


def test_a_new_server_begins_slowly_if_its_group_says_so(cloud, elb, made, visit, endpoints):
    old, new = endpoints[:2]
    group = servers(elb, old)
    listener(elb, made, forward(group))
    elb.modify_target_group_attributes(TargetGroupArn=group, Attributes=[{"Key": "slow_start.duration_seconds", "Value": "100"}])
    cloud.sleep(200)
    elb.register_targets(TargetGroupArn=group, Targets=[target(new)])
    cloud.sleep(1)
    for _ in range(60):
        visit("/early")
    assert len(by_path(new)) <= 6
    cloud.sleep(100)
    for _ in range(60):
        visit("/late")
    assert 25 <= sum(each.path == "/late" for each in new.asked) <= 35
