"""AppSync's Event APIs: what is made of them, and how events come from who publishes them to who listens.

https://docs.aws.amazon.com/appsync/latest/eventapi/event-api-websocket-protocol.html; what an event's message holds and how errors
are told is what AWS's own client reads (aws-amplify/amplify-js, AWSAppSyncEventsProvider). No source states the texts of refusals.
"""

from __future__ import annotations

import base64
import json

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from refusals import refused
from services.appsync_workshop import ROLE, TRUST
from services.cognito_workshop import Pool
from services.lambda_workshop import ACCOUNT, make, put_role

KEY = [{"authType": "API_KEY"}]
ACK, KA = {"type": "connection_ack", "connectionTimeoutMs": 300_000}, {"type": "ka"}


class Events:
    """One Event API with a key and a namespace."""

    def __init__(self, cloud, *, code: str | None = None, namespace: str | None = "default", config: dict | None = None, **more) -> None:
        self.cloud, self.client = cloud, cloud.client("appsync")
        config = {"authProviders": KEY, "connectionAuthModes": KEY, "defaultPublishAuthModes": KEY, "defaultSubscribeAuthModes": KEY} | (config or {})
        self.api = self.client.create_api(name="events", eventConfig=config)["api"]
        self.id = self.api["apiId"]
        self.key = self.client.create_api_key(apiId=self.id)["apiKey"]["id"]
        if namespace is not None:
            self.namespace(namespace, code, **more)

    def namespace(self, name: str, code: str | None = None, **more) -> dict:
        said = {"codeHandlers": f"import {{ util }} from '@aws-appsync/utils';\n{code}"} if code is not None else {}
        return self.client.create_channel_namespace(apiId=self.id, name=name, **said, **more)["channelNamespace"]

    @property
    def host(self) -> str:
        return f"{self.id}.appsync-api.us-east-1.localhost:4566"

    def post(self, channel, *events, headers: dict | None = None, path: str = "/event", method: str = "POST", body: bytes | None = None):
        body = json.dumps({"channel": channel, "events": [json.dumps(each) for each in events]}).encode() if body is None else body
        headers = {"x-api-key": self.key} if headers is None else headers
        status, _, answer = self.cloud.http(method, path, host=self.host, headers={"content-type": "application/json", **headers}, body=body)
        return status, json.loads(answer)

    def publish(self, channel: str, *events) -> dict:
        status, answer = self.post(channel, *events)
        assert status == 200, answer
        return answer


class Listener:
    """One client of the real-time endpoint."""

    def __init__(self, events: Events, headers: dict | None = None, *, subprotocols: tuple = ("aws-appsync-event-ws",), path: str = "/event/realtime") -> None:
        self.headers = {"host": events.host, "x-api-key": events.key} if headers is None else headers
        shown = base64.urlsafe_b64encode(json.dumps(self.headers).encode()).decode().rstrip("=")
        host = f"{events.id}.appsync-realtime-api.us-east-1.localhost:4566"
        self.socket = events.cloud.websocket(path, host=host, subprotocols=(*subprotocols, f"header-{shown}"))

    def say(self, **message) -> None:
        self.socket.send(json.dumps(message))

    def hear(self, within_s: float = 5.0) -> dict:
        return json.loads(self.socket.receive(within_s))

    def hears_nothing(self) -> bool:
        try:
            self.hear(1.0)
        except TimeoutError:
            return True
        return False

    def open(self) -> Listener:
        self.say(type="connection_init")
        assert (self.hear(), self.hear()) == (ACK, KA)
        return self

    def subscribe(self, channel: str, id_: str = "1", headers: dict | None = None) -> dict:
        self.say(type="subscribe", id=id_, channel=channel, authorization=self.headers if headers is None else headers)
        return self.hear()

    def listen(self, *channels: str) -> Listener:
        for n, channel in enumerate(channels, 1):
            assert self.subscribe(channel, str(n)) == {"type": "subscribe_success", "id": str(n)}
        return self


@pytest.fixture
def events(cloud):
    return Events(cloud)


# What is made ------------------------------------------------------------------------------------------


def test_an_api_is_made_shown_changed_listed_and_deleted(cloud):
    client = cloud.client("appsync")
    config = {"authProviders": KEY, "connectionAuthModes": KEY, "defaultPublishAuthModes": KEY, "defaultSubscribeAuthModes": KEY}
    api = client.create_api(name="news", eventConfig=config, ownerContact="me", tags={"a": "b"})["api"]
    id_ = api["apiId"]
    assert api["apiArn"] == f"arn:aws:appsync:us-east-1:{ACCOUNT}:apis/{id_}"
    assert api["dns"] == {"HTTP": f"{id_}.appsync-api.us-east-1.localhost", "REALTIME": f"{id_}.appsync-realtime-api.us-east-1.localhost"}
    assert (api["eventConfig"], api["ownerContact"], api["tags"]) == (config, "me", {"a": "b"})
    iam = {**config, "authProviders": [*KEY, {"authType": "AWS_IAM"}]}
    client.update_api(apiId=id_, name="more", eventConfig=iam)
    shown = client.get_api(apiId=id_)["api"]
    assert (shown["name"], shown["eventConfig"], shown["ownerContact"]) == ("more", iam, "me")
    # https://docs.aws.amazon.com/appsync/latest/APIReference/API_ListApis.html: only the high level details.
    assert [("eventConfig" in each, each["apiId"]) for each in client.list_apis()["apis"]] == [(False, id_)]
    assert client.list_graphql_apis()["graphqlApis"] == []
    client.delete_api(apiId=id_)
    assert refused(client.get_api, apiId=id_)[0] == refused(client.delete_api, apiId=id_)[0] == "NotFoundException"


def test_a_namespace_is_made_shown_changed_and_deleted(events):
    made = events.namespace("news", "export const onPublish = (ctx) => ctx.events;", publishAuthModes=KEY, tags={"a": "b"})
    assert made["channelNamespaceArn"] == f"{events.api['apiArn']}/channelNamespace/news"
    listed = events.client.list_channel_namespaces(apiId=events.id)["channelNamespaces"]
    assert [("codeHandlers" in each, each["name"]) for each in listed] == [(False, "default"), (False, "news")]
    assert refused(events.namespace, name="news")[0] == "ConflictException"
    events.client.update_channel_namespace(apiId=events.id, name="news")
    shown = events.client.get_channel_namespace(apiId=events.id, name="news")["channelNamespace"]
    assert "codeHandlers" not in shown and "publishAuthModes" not in shown and shown["tags"] == {"a": "b"}
    events.client.delete_channel_namespace(apiId=events.id, name="news")
    assert refused(events.client.get_channel_namespace, apiId=events.id, name="news")[0] == "NotFoundException"


def test_tags_are_of_apis_and_of_namespaces(events):
    # The SDK's model knows no ARN of a namespace; the schema of AWS::AppSync::ChannelNamespace says that TagResource changes its tags.
    namespace = f"{events.api['apiArn']}/channelNamespace/default"
    for arn in (events.api["apiArn"], namespace):
        events.client.tag_resource(resourceArn=arn, tags={"a": "1", "b": "2"})
        events.client.untag_resource(resourceArn=arn, tagKeys=["a"])
        assert events.client.list_tags_for_resource(resourceArn=arn)["tags"] == {"b": "2"}
    assert refused(events.client.list_tags_for_resource, resourceArn=f"{namespace}x")[0] == "NotFoundException"
    assert refused(events.client.tag_resource, resourceArn=namespace, tags={"aws:a": "1"})[0] == "ValidationException"
    assert refused(events.client.list_tags_for_resource, resourceArn=events.api["apiArn"].replace("apis", "nope"))[0] == "ValidationException"


def test_what_no_provider_of_the_api_lets_in_is_refused(cloud, events):
    iam = [{"authType": "AWS_IAM"}]
    assert refused(events.namespace, name="a", publishAuthModes=iam)[0] == "BadRequestException"
    assert refused(Events, cloud=cloud, config={"connectionAuthModes": iam})[0] == "BadRequestException"
    assert refused(Events, cloud=cloud, config={"authProviders": []})[0] == "BadRequestException"
    assert refused(Events, cloud=cloud, config={"authProviders": [{"authType": "AMAZON_COGNITO_USER_POOLS"}]})[0] == "BadRequestException"
    assert refused(events.namespace, name="a", code="while (true) {}")[0] == "BadRequestException"


def test_an_api_and_its_namespaces_survive_a_kill(cloud, events):
    cloud.restart(kill=True)
    listener = Listener(events).open().listen("/default/a")
    events.publish("default/a", 1)
    assert listener.hear()["event"] == "1"


# Publishing and listening --------------------------------------------------------------------------------


def test_an_event_is_told_to_those_who_listen_to_its_channel(events):
    one, two = Listener(events).open().listen("/default/news"), Listener(events).open().listen("/default/other")
    told = events.publish("/default/news", {"a": 1}, "text")
    assert told["failed"] == [] and [each["index"] for each in told["successful"]] == [0, 1]
    assert len({each["identifier"] for each in told["successful"]}) == 2
    assert one.hear() == {"type": "data", "id": "1", "event": '{"a":1}'}
    assert one.hear() == {"type": "data", "id": "1", "event": '"text"'}
    assert two.hears_nothing()


def test_a_wildcard_hears_everything_below(events):
    listener = Listener(events).open().listen("/default/*", "default/rooms/*", "/default/rooms/1/")
    events.publish("default/rooms/1", 1)
    assert sorted(listener.hear()["id"] for _ in range(3)) == ["1", "2", "3"]
    events.publish("default/rooms/1/2/3", 2)
    assert sorted(listener.hear()["id"] for _ in range(2)) == ["1", "2"]
    events.publish("/default/rooms", 3)
    assert listener.hear()["id"] == "1"
    events.publish("/default", 4)
    assert listener.hears_nothing()


@pytest.mark.parametrize("channel", ["", "/", "/*", "default/*/a", "default/a_b", "/default//a", "a/b/c/d/e/f", "default/" + "a" * 51, "default/-a", None, 1])
def test_what_is_no_channel_is_refused(events, channel):
    status, answer = events.post(channel, 1)
    assert (status, answer["errors"][0]["errorType"]) == (400, "BadRequestException")
    listener = Listener(events).open()
    assert listener.subscribe(channel)["type"] == "subscribe_error"


def test_nobody_publishes_to_a_wildcard_or_to_a_namespace_that_is_not_there(events):
    assert events.post("/default/*", 1)[0] == 400
    status, answer = events.post("/nowhere/a", 1)
    assert (status, answer["errors"][0]["errorType"]) == (404, "NotFoundException")
    assert Listener(events).open().subscribe("/nowhere/a")["errors"][0]["errorType"] == "NotFoundException"


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{", json.dumps({"channel": "default/a"}).encode(), json.dumps({"channel": "default/a", "events": []}).encode(),
        json.dumps({"channel": "default/a", "events": ["1"] * 6}).encode(), json.dumps({"channel": "default/a", "events": ["{"]}).encode(),
        json.dumps({"channel": "default/a", "events": [{"a": 1}]}).encode(),
        json.dumps({"channel": "default/a", "events": [json.dumps("x" * (240 << 10))]}).encode(),
    ],
)  # fmt: skip
def test_what_is_no_publication_is_refused_whole(events, body):
    # https://docs.aws.amazon.com/appsync/latest/eventapi/publish-http.html: up to five events, each a text of JSON; 240 KB each.
    listener = Listener(events).open().listen("/default/*")
    assert events.post("", body=body)[0] == 400
    assert listener.hears_nothing()


def test_the_http_endpoint_takes_publications_only(events):
    assert events.post("default/a", 1, method="GET")[0] == 400
    assert events.post("default/a", 1, path="/graphql")[0] == 404
    status, headers, _ = events.cloud.http("OPTIONS", "/event", host=events.host)
    assert (status, headers["Access-Control-Allow-Origin"]) == (200, "*")


def test_a_client_publishes_in_its_connection(events):
    one = Listener(events).open().listen("/default/a")
    two = Listener(events).open()
    two.say(type="publish", id="p", channel="/default/a", events=['{"a": "ä"}'], authorization=two.headers)
    told = two.hear()
    assert (told["type"], told["id"], told["failed"], [each["index"] for each in told["successful"]]) == ("publish_success", "p", [], [0])
    assert json.loads(one.hear()["event"]) == {"a": "ä"}
    two.say(type="publish", id="q", channel="/default/a", events=["{"], authorization=two.headers)
    assert (two.hear() | {"errors": []}) == {"type": "publish_error", "id": "q", "errors": []}


def test_who_unsubscribes_hears_no_more(events):
    listener = Listener(events).open().listen("/default/a")
    listener.say(type="unsubscribe", id="1")
    assert listener.hear() == {"type": "unsubscribe_success", "id": "1"}
    events.publish("default/a", 1)
    assert listener.hears_nothing()
    listener.say(type="unsubscribe", id="1")
    told = listener.hear()
    assert (told["type"], told["errors"][0]["errorType"]) == ("unsubscribe_error", "UnknownOperationError")


def test_who_vanishes_is_spoken_to_no_more(cloud, events):
    one, two = Listener(events).open().listen("/default/a"), Listener(events).open().listen("/default/a")
    one.socket.vanish()
    cloud.sleep(1)
    assert len(events.publish("default/a", 1)["successful"]) == 1
    assert two.hear()["event"] == "1"


def test_an_api_that_is_deleted_takes_no_more_and_says_so(events):
    listener = Listener(events).open()
    events.client.delete_api(apiId=events.id)
    assert listener.subscribe("/default/a")["errors"][0]["errorType"] == "NotFoundException"
    assert events.post("default/a", 1)[0] == 404


def test_an_id_is_for_one_subscription(events):
    listener = Listener(events).open().listen("/default/a")
    assert listener.subscribe("/default/b", "1")["errors"][0]["errorType"] == "DuplicatedOperationError"


def test_what_the_protocol_does_not_know_is_told_and_the_connection_lives_on(events):
    listener = Listener(events).open()
    for text in ("{", "[]", '{"type": "start"}', '{"type": ["x"]}'):
        listener.socket.send(text)
        assert listener.hear()["errors"][0]["errorType"] == "UnsupportedOperation"
    listener.say(type="subscribe", channel="/default/a", authorization=listener.headers)
    assert listener.hear()["type"] == "subscribe_error"
    listener.listen("/default/a")


def test_a_sign_of_life_comes_each_minute(events):
    listener = Listener(events).open()
    assert listener.hear(61.0) == KA


def test_the_real_time_endpoint_wants_its_subprotocol(events):
    assert Listener(events, subprotocols=("graphql-ws",)).socket.status == 400
    assert Listener(events, path="/graphql").socket.status == 404


# Who may ---------------------------------------------------------------------------------------------------


def test_who_shows_no_key_is_told_so_on_either_way(events):
    status, answer = events.post("default/a", 1, headers={"x-api-key": "da2-wrong"})
    assert (status, answer["errors"][0]["errorType"]) == (401, "UnauthorizedException")
    told = Listener(events, {"host": events.host}).hear()
    assert (told["type"], told["errors"][0]["errorCode"]) == ("connection_error", 401)
    listener = Listener(events).open()
    assert listener.subscribe("/default/a", headers={"host": events.host})["errors"][0]["errorType"] == "UnauthorizedException"


def user(cloud, name: str, **rights: str) -> dict:
    """A user who may do each of AppSync's actions on one resource."""
    iam = cloud.client("iam")
    iam.create_user(UserName=name)
    allowed = [{"Effect": "Allow", "Action": f"appsync:{action}", "Resource": resource} for action, resource in rights.items()]
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": allowed}))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"key": key["AccessKeyId"], "secret": key["SecretAccessKey"]}


def _signed(events: Events, user: dict, said: dict) -> tuple[dict, bytes]:
    body = json.dumps(said, separators=(",", ":")).encode()
    request = AWSRequest("POST", f"http://{events.host}/event", data=body, headers={"host": events.host})
    botocore.auth.SigV4Auth(Credentials(user["key"], user["secret"]), "appsync", "us-east-1").add_auth(request)
    return dict(request.headers.items()), body


def test_a_user_may_what_policies_grant_on_the_namespace(cloud):
    iam = [{"authType": "AWS_IAM"}]
    modes = ("authProviders", "connectionAuthModes", "defaultPublishAuthModes", "defaultSubscribeAuthModes")
    events = Events(cloud, config=dict.fromkeys(modes, iam))
    events.namespace("other")
    place = events.api["apiArn"]
    someone = user(cloud, "someone", EventConnect=place, EventSubscribe=f"{place}/channelNamespace/*", EventPublish=f"{place}/channelNamespace/default")
    listener = Listener(events, _signed(events, someone, {})[0]).open()
    said = {"channel": "/default/a"}
    assert listener.subscribe("/default/a", headers=_signed(events, someone, said)[0])["type"] == "subscribe_success"
    # What was signed for one channel is good for no other.
    assert listener.subscribe("/other/a", "2", headers=_signed(events, someone, said)[0])["type"] == "subscribe_error"
    for channel, status in (("default/a", 200), ("other/a", 401)):
        headers, body = _signed(events, someone, {"channel": channel, "events": ["1"]})
        assert events.post("", headers=headers, body=body)[0] == status
    assert listener.hear()["event"] == "1"
    stranger = user(cloud, "stranger", EventPublish="*")
    assert Listener(events, _signed(events, stranger, {})[0]).hear()["type"] == "connection_error"


def test_a_namespace_has_modes_of_its_own(cloud):
    events = Events(cloud, config={"authProviders": [*KEY, {"authType": "AWS_IAM"}]}, publishAuthModes=[{"authType": "AWS_IAM"}])
    listener = Listener(events).open().listen("/default/a")
    assert events.post("default/a", 1)[0] == 401
    root = {"key": "test", "secret": "test"}
    headers, body = _signed(events, root, {"channel": "default/a", "events": ["1"]})
    assert events.post("", headers=headers, body=body)[0] == 200
    assert listener.hear()["event"] == "1"


def test_a_user_of_a_pool_publishes_with_her_token_and_handlers_know_her(cloud):
    pool = Pool(cloud)
    sub = pool.add(email="ann@example.com")
    mode = [{"authType": "AMAZON_COGNITO_USER_POOLS"}]
    provider = {**mode[0], "cognitoConfig": {"userPoolId": pool.id, "awsRegion": "us-east-1"}}
    events = Events(
        cloud, config={"authProviders": [*KEY, provider], "connectionAuthModes": [*KEY, *mode], "defaultPublishAuthModes": mode},
        code="export const onPublish = (ctx) => ctx.events.map((e) => ({ ...e, payload: ctx.identity.sub + util.authType() }));",
    )  # fmt: skip
    listener = Listener(events).open().listen("/default/a")
    token = pool.sign_in()["AccessToken"]
    assert events.post("default/a", 1)[0] == 401
    assert events.post("default/a", 1, headers={"authorization": token[:-8] + "AAAAAAAA"})[0] == 401
    assert events.post("default/a", 1, headers={"authorization": token})[0] == 200
    assert json.loads(listener.hear()["event"]) == f"{sub}User Pool Authorization"
    # She may connect and publish so, and listens by key alone.
    hers = Listener(events, {"host": events.host, "authorization": token}).open()
    assert hers.subscribe("/default/a")["errors"][0]["errorType"] == "UnauthorizedException"


AUTHORIZER = """
def handler(event, context):
    asked = event["requestContext"]
    told = {"operation": asked["operation"], "channel": asked.get("channel"), "namespace": asked.get("channelNamespaceName")}
    return {"isAuthorized": event["authorizationToken"] == "open" and asked.get("channel") != "/default/shut", "handlerContext": told}
"""


def test_a_function_of_the_customers_lets_in(cloud):
    arn = make(cloud, AUTHORIZER)["FunctionArn"]
    cloud.client("lambda").add_permission(FunctionName="f", StatementId="s", Action="lambda:InvokeFunction", Principal="appsync.amazonaws.com")
    mode = [{"authType": "AWS_LAMBDA"}]
    config = dict.fromkeys(("connectionAuthModes", "defaultPublishAuthModes", "defaultSubscribeAuthModes"), mode)
    config["authProviders"] = [{"authType": "AWS_LAMBDA", "lambdaAuthorizerConfig": {"authorizerUri": arn}}]
    code = "export const onPublish = (ctx) => ctx.events.map((e) => ({ ...e, payload: ctx.identity.handlerContext }));"
    events = Events(cloud, config=config, code=code)
    headers = {"host": events.host, "authorization": "open"}
    listener = Listener(events, headers).open().listen("/default/a")
    assert events.post("default/a", 1, headers={"authorization": "open"})[0] == 200
    assert json.loads(listener.hear(20)["event"]) == {"operation": "EVENT_PUBLISH", "channel": "/default/a", "namespace": "default"}
    assert events.post("default/shut", 1, headers={"authorization": "open"})[0] == 401
    assert listener.subscribe("/default/shut", "2")["type"] == "subscribe_error"
    assert Listener(events, {**headers, "authorization": "shut"}).hear(20)["type"] == "connection_error"


# Handlers ------------------------------------------------------------------------------------------------


def test_a_handler_changes_drops_and_fails_single_events(cloud):
    # https://docs.aws.amazon.com/appsync/latest/eventapi/writing-event-handlers.html
    events = Events(cloud, code="""
export function onPublish(ctx) {
  return ctx.events.filter((e) => e.payload.n !== 2).map(({ id, payload }) => payload.n === 3 ? { id, error: 'no' } : { id, payload: { ...payload, on: ctx.info.channel.path } });
}""")  # fmt: skip
    listener = Listener(events).open().listen("/default/*")
    told = events.publish("default/a", {"n": 1}, {"n": 2}, {"n": 3})
    assert [each["index"] for each in told["failed"]] == [2]
    assert json.loads(listener.hear()["event"]) == {"n": 1, "on": "/default/a"}
    assert listener.hears_nothing()


def test_a_handler_that_says_an_error_refuses_the_publication(cloud):
    events = Events(cloud, code="export const onPublish = (ctx) => ctx.info.channel.segments[1] === 'a' ? util.error('no', 'Mine') : util.unauthorized();")
    listener = Listener(events).open().listen("/default/*")
    status, answer = events.post("default/a", 1)
    assert (status, answer["errors"]) == (400, [{"errorType": "Mine", "message": "no"}])
    # https://docs.powertools.aws.dev/lambda/python/latest/core/event_handler/appsync_events/: with HTTP 403.
    status, answer = events.post("default/b", 1)
    assert (status, answer["errors"][0]["errorType"]) == (403, "Unauthorized")
    assert listener.hears_nothing()


def test_a_handler_judges_who_listens(cloud):
    events = Events(cloud, code="export const onSubscribe = (ctx) => { if (ctx.info.channel.path === '/default/shut') util.unauthorized(); };")
    listener = Listener(events).open()
    # https://github.com/aws-amplify/amplify-js/issues/14947: the error's type is Unauthorized.
    assert listener.subscribe("/default/shut")["errors"][0]["errorType"] == "Unauthorized"
    listener.listen("/default/open")


def test_a_handler_asks_a_data_source_and_goes_on_with_its_answer(cloud):
    events = Events(cloud, namespace=None)
    cloud.client("dynamodb").create_table(
        TableName="said", BillingMode="PAY_PER_REQUEST", AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )  # fmt: skip
    role = put_role(cloud, "dynamodb:*", trust=TRUST, arn=ROLE)
    events.client.create_data_source(
        apiId=events.id, name="said", type="AMAZON_DYNAMODB", serviceRoleArn=role, dynamodbConfig={"tableName": "said", "awsRegion": "us-east-1"}
    )
    events.namespace("default", """
export const onPublish = {
  request(ctx) { return { operation: 'PutItem', key: util.dynamodb.toMapValues({ id: ctx.events[0].payload.id }), attributeValues: util.dynamodb.toMapValues({ n: 1 }) }; },
  response(ctx) { return ctx.events.map(({ id }) => ({ id, payload: ctx.result })); },
};""", handlerConfigs={"onPublish": {"behavior": "CODE", "integration": {"dataSourceName": "said"}}})  # fmt: skip
    listener = Listener(events).open().listen("/default/a")
    events.publish("default/a", {"id": "x"})
    assert json.loads(listener.hear()["event"]) == {"id": "x", "n": 1}
    assert cloud.client("dynamodb").get_item(TableName="said", Key={"id": {"S": "x"}})["Item"]["n"] == {"N": "1"}
    assert refused(events.client.delete_data_source, apiId=events.id, name="said")[0] == "BadRequestException"


FUNCTION = """
def handler(event, context):
    if event["info"]["operation"] == "SUBSCRIBE":
        return {"error": "shut"} if event["info"]["channel"]["segments"][1] == "shut" else None
    if event["events"][0]["payload"] == "all":
        return {"error": "none of it"}
    return {"events": [{"id": e["id"], "error": "no"} if e["payload"] == 2 else {"id": e["id"], "payload": [e["payload"]]} for e in event["events"]]}
"""


def test_a_function_is_the_handler(cloud):
    # https://docs.aws.amazon.com/appsync/latest/eventapi/direct-lambda-integrations.html
    events = Events(cloud, namespace=None)
    arn, role = make(cloud, FUNCTION)["FunctionArn"], put_role(cloud, "lambda:InvokeFunction", trust=TRUST, arn=ROLE)
    events.client.create_data_source(apiId=events.id, name="f", type="AWS_LAMBDA", serviceRoleArn=role, lambdaConfig={"lambdaFunctionArn": arn})
    direct = {"behavior": "DIRECT", "integration": {"dataSourceName": "f"}}
    events.namespace("default", handlerConfigs={"onPublish": direct, "onSubscribe": direct})
    listener = Listener(events).open()
    assert listener.subscribe("/default/shut") == {"type": "subscribe_error", "id": "1", "errors": [{"errorType": "Lambda:Unhandled", "message": "shut"}]}
    listener.listen("/default/a")
    assert [each["index"] for each in events.publish("default/a", 1, 2)["failed"]] == [1]
    assert listener.hear()["event"] == "[1]"
    status, answer = events.post("default/a", "all")
    assert (status, answer["errors"][0]["message"]) == (400, "none of it")
    assert listener.hears_nothing()


def test_what_no_handler_can_be_is_refused(cloud):
    events = Events(cloud)
    events.client.create_data_source(apiId=events.id, name="none", type="NONE")
    direct = {"behavior": "DIRECT", "integration": {"dataSourceName": "none"}}
    assert refused(events.namespace, name="a", handlerConfigs={"onPublish": direct})[0] == "BadRequestException"
    coded = {"behavior": "CODE", "integration": {"dataSourceName": "none"}}
    assert refused(events.namespace, name="a", handlerConfigs={"onPublish": coded})[0] == "BadRequestException"
    missing = {"behavior": "CODE", "integration": {"dataSourceName": "gone"}}
    assert refused(events.namespace, name="a", code="", handlerConfigs={"onPublish": missing})[0] == "NotFoundException"


@pytest.mark.parametrize("level, lines", [("INFO", 2), ("ERROR", 1), ("NONE", 0)])
def test_what_handlers_say_is_logged_as_far_as_the_level_goes(cloud, level, lines):
    # https://docs.aws.amazon.com/appsync/latest/eventapi/event-api-monitoring-cw-logs.html: the group's name; no source shows the entries.
    role = put_role(cloud, "logs:*", trust=TRUST, arn=ROLE)
    code = "export function onPublish(ctx) { console.log('seen', ctx.events.length); console.error('odd'); if (ctx.events.length > 1) util.error('too many'); return ctx.events; }"
    events = Events(cloud, code=code, config={"logConfig": {"logLevel": level, "cloudWatchLogsRoleArn": role}})
    Listener(events).open().listen("/default/a")
    events.publish("default/a", 1)
    assert events.post("default/a", 1, 2)[0] == 400
    cloud.sleep(2)
    told = [each["message"] for each in cloud.client("logs").filter_log_events(logGroupName=f"/aws/appsync/apis/{events.id}")["events"]]
    assert sum("seen 1" in each or "seen 2" in each or "odd" in each for each in told) == 2 * lines
    assert sum("EVENT_PUBLISH, Channel: default/a" in each for each in told) == 2 and sum("EVENT_SUBSCRIBE" in each for each in told) == 1
    summaries = [json.loads(each[each.index("{"):])["statusCode"] for each in told if "RequestSummary" in each]
    assert sorted(summaries) == [200, 200, 400]
    assert any("too many" in each for each in told) is (level != "NONE")
