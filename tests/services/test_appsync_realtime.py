"""AppSync's subscriptions over its WebSockets.

https://docs.aws.amazon.com/appsync/latest/devguide/real-time-websocket-client.html
"""

from __future__ import annotations

import base64
import json

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from services.appsync_workshop import Graph
from services.lambda_workshop import put_user

PUT = "export const request = (ctx) => ({ payload: ctx.args.input ?? { id: ctx.args.id, title: 'liked' } });\nexport const response = (ctx) => ctx.result;"
MUTATION = "mutation($i: PostInput!) { put(input: $i) { id title likes } }"


@pytest.fixture
def graph(cloud):
    graph = Graph(cloud)
    graph.source("none")
    graph.resolve("Mutation.put", "none", code=PUT)
    graph.resolve("Mutation.like", "none", code=PUT)
    return graph


class Listener:
    """One client of the real-time endpoint."""

    def __init__(self, graph, headers: dict | None = None, *, path: str = "/graphql", subprotocols: tuple = ("graphql-ws",), query: bool = True) -> None:
        self.graph = graph
        host = f"{graph.id}.appsync-realtime-api.us-east-1.localhost:4566"
        self.headers = {"host": f"{graph.id}.appsync-api.us-east-1.localhost:4566", "x-api-key": graph.key} if headers is None else headers
        shown = base64.b64encode(json.dumps(self.headers).encode()).decode()
        if not query:
            subprotocols = (*subprotocols, "header-" + shown.rstrip("=").replace("+", "-").replace("/", "_"))
        self.socket = graph.cloud.websocket(f"{path}?header={shown}&payload=e30=" if query else path, host=host, subprotocols=subprotocols)

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
        assert self.hear() == {"type": "connection_ack", "payload": {"connectionTimeoutMs": 300_000}}
        assert self.hear() == {"type": "ka"}
        return self

    def start(self, query: str, id_: str = "1", headers: dict | None = None, **more) -> dict:
        data = json.dumps({"query": query, **more})
        self.say(id=id_, type="start", payload={"data": data, "extensions": {"authorization": self.headers if headers is None else headers}})
        return self.hear()


def put(graph, **item) -> None:
    graph.data(MUTATION, {"i": item})


def test_a_mutation_is_told_to_those_who_subscribed(graph):
    one, two = Listener(graph).open(), Listener(graph).open()
    assert one.start("subscription { onPut { id title } }") == {"type": "start_ack", "id": "1"}
    assert two.start("subscription { any: onAny { __typename likes name: title } }") == {"type": "start_ack", "id": "1"}
    put(graph, id="1", title="A")
    assert one.hear() == {"type": "data", "id": "1", "payload": {"data": {"onPut": {"id": "1", "title": "A"}}}}
    assert two.hear() == {"type": "data", "id": "1", "payload": {"data": {"any": {"__typename": "Post", "likes": None, "name": "A"}}}}
    graph.data('mutation { x: like(id: "2") { i: id t: title } }')
    assert two.hear()["payload"]["data"] == {"any": {"__typename": "Post", "likes": None, "name": "liked"}}
    assert one.hears_nothing()


def test_only_what_the_mutation_selected_is_told(graph):
    listener = Listener(graph).open()
    listener.start("subscription { onAny { id title } }")
    graph.data('mutation { like(id: "1") { title } }')
    told = listener.hear()["payload"]
    assert told["data"] == {"onAny": None}
    assert told["errors"][0]["message"] == "Cannot return null for non-nullable type: 'ID' within parent 'Post' (/onAny/id)"


def test_arguments_choose(graph):
    listener = Listener(graph).open()
    listener.start('subscription { onPut(title: "B") { id } }')
    listener.start("subscription($t: String) { onPut(title: $t) { id } }", "2", variables={"t": None})
    put(graph, id="1", title="A")
    put(graph, id="2", title="B")
    put(graph, id="3")
    assert [(m["id"], m["payload"]["data"]["onPut"]["id"]) for m in (listener.hear(), listener.hear())] == [("1", "2"), ("2", "3")]
    assert listener.hears_nothing()


def test_who_stops_hears_no_more(graph):
    listener = Listener(graph).open()
    listener.start("subscription { onPut { id } }")
    listener.say(type="stop", id="1")
    assert listener.hear() == {"type": "complete", "id": "1"}
    put(graph, id="1")
    assert listener.hears_nothing()
    listener.say(type="stop", id="1")
    assert listener.hear()["type"] == "error"


def test_there_is_a_sign_of_life_each_minute(cloud, graph):
    listener = Listener(graph).open()
    cloud.sleep(61)
    assert listener.hear() == {"type": "ka"}


def test_who_may_not_is_told_so_in_the_connection(graph):
    listener = Listener(graph, {"host": "h", "x-api-key": "da2-wrong"})
    assert listener.socket.status == 101
    told = listener.hear()
    assert told["type"] == "connection_error"
    assert told["payload"]["errors"] == [{"errorType": "UnauthorizedException", "errorCode": 401, "message": "You are not authorized to make this call."}]
    good = Listener(graph).open()
    told = good.start("subscription { onPut { id } }", headers={"host": "h", "x-api-key": "da2-wrong"})
    assert (told["type"], told["payload"]["errors"][0]["errorType"]) == ("error", "UnauthorizedException")


def test_the_header_may_come_as_a_subprotocol(graph):
    Listener(graph, query=False).open()
    assert Listener(graph, subprotocols=("mqtt",)).socket.status == 400
    assert Listener(graph, path="/graphql/realtime").socket.status == 101


def test_what_cannot_be_subscribed_to_is_told(graph):
    listener = Listener(graph).open()

    def told(query: str, id_: str = "1", **more) -> dict:
        answer = listener.start(query, id_, **more)
        assert answer["type"] == "error", answer
        return answer["payload"]["errors"][0]

    assert told("{ post(id: 1) { id } }")["errorType"] == "UnsupportedOperation"
    assert told("subscription { nothing { id } }")["message"].startswith("Validation error of type FieldUndefined")
    assert told("subscription {")["errorType"] == "BadRequestException"
    assert told("subscription { onPut { id } onAny { id } }")
    listener.start("subscription { onPut { id } }")
    assert told("subscription { onPut { id } }")["errorType"] == "DuplicatedOperationError"
    for message in ("{", "[]", "5", '{"type": "nonsense"}', '{"type": "start"}', '{"type": "start", "id": "x", "payload": {"data": "{"}}'):
        listener.socket.send(message)
        assert listener.hear()["type"] == "error"
    # volcengine.com/article/2442750
    listener.say(kind="none")
    assert listener.hear()["payload"]["errors"] == [{"errorType": "UnsupportedOperation", "message": "unknown not supported through the realtime channel"}]
    put(graph, id="1")
    assert listener.hear()["type"] == "data"


def test_the_subscription_s_own_resolver_may_refuse(graph):
    graph.resolve("Subscription.onPut", "none", code="export const request = (ctx) => { if (ctx.args.id === 'mine') return { payload: null }; util.unauthorized() };\nexport const response = (ctx) => ctx.result;")
    listener = Listener(graph).open()
    assert listener.start('subscription { onPut(id: "mine") { id } }')["type"] == "start_ack"
    told = listener.start('subscription { onPut(id: "other") { id } }', "2")
    assert told["type"] == "error" and told["payload"]["errors"][0]["errorType"] == "Unauthorized"


def test_filters_of_the_resolver_stand_in_the_place_of_arguments(graph):
    graph.resolve("Subscription.onPut", "none", code="""
    export const request = () => ({ payload: null });
    export const response = (ctx) => {
      extensions.setSubscriptionFilter(util.transform.toSubscriptionFilter({ or: [{ likes: { ge: 5 } }, { title: { beginsWith: 'x' } }] }));
      extensions.setSubscriptionInvalidationFilter({ filterGroup: [{ filters: [{ fieldName: 'id', operator: 'eq', value: ctx.args.id }] }] });
      return null };""")
    graph.resolve("Query.echo", "none", before='{ "payload": "x" }', after='$extensions.invalidateSubscriptions({"subscriptionField": "onPut", "payload": {"id": $ctx.args.text}})"done"')
    graph.client.delete_resolver(apiId=graph.id, typeName="Mutation", fieldName="like")
    graph.resolve("Mutation.like", "none", code="export const request = (ctx) => ({ payload: { id: ctx.args.id } });\nexport const response = (ctx) => { extensions.invalidateSubscriptions({ subscriptionField: 'onPut', payload: { id: ctx.args.id } }); return ctx.result };")
    listener = Listener(graph).open()
    assert listener.start('subscription { onPut(id: "k") { id } }')["type"] == "start_ack"
    for n, item in enumerate([{"likes": 4}, {"likes": 5}, {"title": "xy"}, {"title": "yx"}]):
        put(graph, id=str(n), **item)
    assert [listener.hear()["payload"]["data"]["onPut"]["id"] for _ in range(2)] == ["1", "2"]
    graph.data('mutation { like(id: "other") { id } }')
    assert listener.hears_nothing()
    graph.data('mutation { like(id: "k") { id } }')
    assert listener.hear() == {"type": "complete", "id": "1"}


def test_a_filter_that_is_none_is_an_error(graph):
    graph.resolve("Subscription.onPut", "none", code="export const request = () => ({ payload: null });\nexport const response = () => { extensions.setSubscriptionFilter({ filterGroup: [{ filters: [{ fieldName: 'id', operator: 'like', value: 1 }] }] }); return null };")
    told = Listener(graph).open().start("subscription { onPut { id } }")
    assert told["payload"]["errors"][0]["errorType"] == "InvalidSubscriptionFilter"


def test_signed_clients_subscribe(cloud):
    graph = Graph(cloud, additionalAuthenticationProviders=[{"authenticationType": "AWS_IAM"}], schema="""
    type Post @aws_iam @aws_api_key { id: ID } type Query { a: Post } type Mutation { put(id: ID): Post }
    type Subscription { onPut: Post @aws_subscribe(mutations: ["put"]) @aws_iam closed: Post @aws_subscribe(mutations: ["put"]) }""")
    graph.source("none")
    graph.resolve("Mutation.put", "none", code=PUT)
    put_user(cloud, "ann", "AKIAUSER", "appsync:GraphQL", "appsync:Connect")
    host = f"{graph.id}.appsync-api.us-east-1.localhost:4566"

    def signed(path: str, body: str) -> dict:
        request = AWSRequest("POST", f"http://{host}{path}", data=body.encode(), headers={"host": host, "content-type": "application/json"})
        botocore.auth.SigV4Auth(Credentials("AKIAUSER", "secret"), "appsync", "us-east-1").add_auth(request)
        return dict(request.headers.items())

    listener = Listener(graph, signed("/graphql/connect", "{}")).open()
    query = "subscription { onPut { id } }"
    assert listener.start(query, headers=signed("/graphql", json.dumps({"query": query})))["type"] == "start_ack"
    closed = "subscription { closed { id } }"
    told = listener.start(closed, "2", headers=signed("/graphql", json.dumps({"query": closed})))
    assert told["payload"]["errors"][0]["errorType"] == "Unauthorized"
    told = listener.start(query, "3", headers=signed("/graphql", "{}"))
    assert told["payload"]["errors"][0]["errorType"] == "InvalidSignatureException"
    graph.data('mutation { put(id: "5") { id } }')
    assert listener.hear()["payload"]["data"] == {"onPut": {"id": "5"}}


def test_a_region_that_dies_takes_its_connections_with_it(cloud, graph):
    listener = Listener(graph).open()
    listener.start("subscription { onPut { id } }")
    cloud.restart(kill=True)
    assert listener.socket.is_broken()
    again = Listener(graph).open()
    again.start("subscription { onPut { id } }")
    put(graph, id="7")
    assert again.hear()["payload"]["data"] == {"onPut": {"id": "7"}}


def test_a_client_that_vanishes_leaves_nothing_behind(cloud, graph):
    listener = Listener(graph).open()
    listener.start("subscription { onPut { id } }")
    listener.socket.vanish()
    cloud.sleep(1)
    put(graph, id="1")
    other = Listener(graph).open()
    other.start("subscription { onPut { id } }")
    put(graph, id="2")
    assert other.hear()["payload"]["data"]["onPut"]["id"] == "2"
