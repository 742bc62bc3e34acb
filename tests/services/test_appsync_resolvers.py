"""AppSync's resolvers: JavaScript and Velocity, units and pipelines, and what data sources answer."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from refusals import refused
from services.appsync_workshop import ROLE, SCHEMA, THROUGH, Graph
from services.lambda_workshop import ACCOUNT, make, put_role, put_user
from services.test_appsync_access import signed
from services.test_events_rules import queue, received

from kumoniwa.wire.message import Request

DDB = "import * as ddb from '@aws-appsync/utils/dynamodb';\n"
AFTER = "export function response(ctx) { if (ctx.error) util.error(ctx.error.message, ctx.error.type, ctx.result); return ctx.result }\n"
GET = DDB + "export const request = (ctx) => ddb.get({ key: { id: ctx.args.id } });\n" + AFTER
PUT = DDB + "export const request = (ctx) => ddb.put({ key: { id: ctx.args.input.id }, item: ctx.args.input, condition: { id: { attributeExists: false } } });\n" + AFTER
LIKE = DDB + "export const request = (ctx) => ddb.update({ key: { id: ctx.args.id }, update: { likes: ddb.operations.increment(1), tags: ddb.operations.append(['new']) } });\n" + AFTER
PAGE = DDB + "export const request = (ctx) => ddb.scan({ limit: ctx.args.limit, nextToken: ctx.args.nextToken });\n" + AFTER


@pytest.fixture
def graph(cloud):
    return Graph(cloud)


@pytest.fixture
def table(graph):
    return graph.table()


@pytest.fixture
def endpoint():
    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            self.server.seen.append((self.command, self.path, self.headers["x-one"], body))
            self.send_response(201)
            self.send_header("X-Answer", "yes")
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"done")

        def log_message(self, *_) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.seen, server.url = [], f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def put(graph, **item) -> dict:
    return graph.data("mutation($i: PostInput!) { put(input: $i) { id title likes tags } }", {"i": item})["put"]


# DynamoDB ------------------------------------------------------------------------------------------


def test_items_are_put_changed_and_got_by_code(graph, table):
    graph.resolve("Query.post", table, code=GET)
    graph.resolve("Mutation.put", table, code=PUT)
    graph.resolve("Mutation.like", table, code=LIKE)
    assert graph.data('{ post(id: "1") { id } }') == {"post": None}
    assert put(graph, id="1", title="A", likes=2, tags=["x"]) == {"id": "1", "title": "A", "likes": 2, "tags": ["x"]}
    assert graph.data('mutation { like(id: "1") { likes tags } }') == {"like": {"likes": 3, "tags": ["x", "new"]}}
    assert graph.data('{ post(id: "1") { title likes } }') == {"post": {"title": "A", "likes": 3}}


def test_a_failed_condition_is_told_with_the_item_that_is_there(graph, table):
    graph.resolve("Mutation.put", table, code=PUT)
    put(graph, id="1", title="A")
    assert put(graph, id="1", title="A")["title"] == "A"  # It is already as it was wanted, which is success.
    answer = graph.ask('mutation { put(input: { id: "1", title: "B" }) { id } }')
    error = answer["errors"][0]
    # aws/aws-appsync-community#343
    assert error["errorType"] == "DynamoDB:ConditionalCheckFailedException"
    assert error["message"].startswith("The conditional request failed (Service: DynamoDb, Status Code: 400, Request ID: ")
    assert error["data"] == {"id": "1"} and error["path"] == ["put"] and answer["data"] == {"put": None}


def test_pages_go_on_where_they_ended(graph, table):
    graph.resolve("Mutation.put", table, code=PUT)
    graph.resolve("Query.posts", table, code=PAGE)
    for n in range(5):
        put(graph, id=str(n), title="t")
    found, token = [], None
    while True:
        page = graph.data("query($t: String) { posts(limit: 2, nextToken: $t) { items { id } nextToken } }", {"t": token})["posts"]
        found += [item["id"] for item in page["items"]]
        if (token := page["nextToken"]) is None:
            break
    assert sorted(found) == list("01234")
    told = graph.ask('{ posts(nextToken: "rubbish") { nextToken } }')
    assert told["errors"][0]["message"] == "Invalid pagination token given."


def test_templates_of_velocity_ask_the_same(graph, table):
    key = '"key": { "id": $util.dynamodb.toDynamoDBJson($ctx.args.id) }'
    graph.resolve("Query.post", table, before=f'{{ "version": "2018-05-29", "operation": "GetItem", {key} }}', after="$util.toJson($ctx.result)")
    graph.resolve(
        "Mutation.put", table,
        before="""#set($values = $util.dynamodb.toMapValues($ctx.args.input))
        $util.qr($values.put("likes", $util.dynamodb.toNumber(7)))
        { "version": "2018-05-29", "operation": "PutItem", "key": { "id": $util.dynamodb.toDynamoDBJson($ctx.args.input.id) },
          "attributeValues": $util.toJson($values) }""",
        after="$util.toJson($ctx.result)",
    )  # fmt: skip
    graph.resolve(
        "Mutation.like", table,
        before="""{ "version": "2018-05-29", "operation": "UpdateItem", "key": { "id": { "S": "$ctx.args.id" } },
          "update": { "expression": "ADD #l :one", "expressionNames": { "#l": "likes" }, "expressionValues": { ":one": { "N": 1 } } },
          "condition": { "expression": "attribute_exists(id)" } }""",
        after="""#if($ctx.error) $util.error($ctx.error.message, $ctx.error.type) #end $util.toJson($ctx.result)""",
    )  # fmt: skip
    assert put(graph, id="1", title="A") == {"id": "1", "title": "A", "likes": 7, "tags": None}
    assert graph.data('mutation { like(id: "1") { likes } }') == {"like": {"likes": 8}}
    assert graph.data('{ post(id: "1") { likes } }') == {"post": {"likes": 8}}
    answer = graph.ask('mutation { like(id: "nobody") { likes } }')
    assert answer["errors"][0]["errorType"] == "DynamoDB:ConditionalCheckFailedException"


def test_the_old_version_of_templates_fails_without_asking_the_response(graph, table):
    graph.resolve(
        "Query.post", table,
        before='{ "version": "2017-02-28", "operation": "GetItem", "key": { "nokey": { "S": "x" } } }', after='{ "id": "made up" }',
    )  # fmt: skip
    answer = graph.ask('{ post(id: "1") { id } }')
    assert answer["data"] == {"post": None} and answer["errors"][0]["errorType"] == "DynamoDB:DynamoDbException"


def test_batches_and_transactions(cloud):
    graph = Graph(cloud, "type Query { run(v: AWSJSON): AWSJSON }")
    table = graph.table()
    graph.resolve("Query.run", table, code="export const request = (ctx) => ctx.args.v;\nexport const response = (ctx) => ctx.error ? { error: ctx.error, result: ctx.result } : ctx.result;")

    def run(**request) -> dict:
        return json.loads(graph.data("query($v: AWSJSON) { run(v: $v) }", {"v": json.dumps(request)})["run"])

    one, two = {"id": {"S": "1"}, "n": {"N": "1"}}, {"id": {"S": "2"}, "n": {"N": "2.5"}}
    assert run(operation="BatchPutItem", tables={table: [one, two]}) == {
        "data": {table: [{"id": "1", "n": 1}, {"id": "2", "n": 2.5}]}, "unprocessedItems": {table: []},
    }  # fmt: skip
    keys = [{"id": {"S": "2"}}, {"id": {"S": "none"}}, {"id": {"S": "1"}}]
    assert run(operation="BatchGetItem", tables={table: {"keys": keys}})["data"] == {table: [{"id": "2", "n": 2.5}, None, {"id": "1", "n": 1}]}
    assert run(operation="BatchDeleteItem", tables={table: [{"id": {"S": "2"}}]})["data"] == {table: [{"id": "2"}]}
    acts = [
        {"table": table, "operation": "PutItem", "key": {"id": {"S": "3"}}, "attributeValues": {"n": {"N": "3"}}},
        {"table": table, "operation": "UpdateItem", "key": {"id": {"S": "1"}}, "update": {"expression": "SET n = :n", "expressionValues": {":n": {"N": "9"}}}},
    ]
    assert run(operation="TransactWriteItems", transactItems=acts) == {"keys": [{"id": "3"}, {"id": "1"}], "cancellationReasons": None}
    gets = [{"table": table, "key": {"id": {"S": "1"}}}, {"table": table, "key": {"id": {"S": "none"}}}]
    assert run(operation="TransactGetItems", transactItems=gets)["items"] == [{"id": "1", "n": 9}, None]
    failing = [{"table": table, "operation": "ConditionCheck", "key": {"id": {"S": "1"}}, "condition": {"expression": "n = :n", "expressionValues": {":n": {"N": "0"}}}}]
    told = run(operation="TransactWriteItems", transactItems=[*failing, acts[0]])
    assert told["error"]["type"] == "DynamoDB:TransactionCanceledException"
    assert told["result"]["cancellationReasons"][0] == {"type": "ConditionalCheckFailed", "message": "The conditional request failed", "item": {"id": "1", "n": 9}}
    assert run(operation="Query", query={"expression": "id = :i", "expressionValues": {":i": {"S": "1"}}})["items"] == [{"id": "1", "n": 9}]


def test_the_role_of_a_data_source_must_allow(cloud, graph):
    table = graph.table("posts", "dynamodb:GetItem")
    graph.resolve("Query.post", table, code=GET)
    graph.resolve("Mutation.put", table, code=PUT)
    assert graph.data('{ post(id: "1") { id } }') == {"post": None}
    error = graph.ask('mutation { put(input: { id: "1" }) { id } }')["errors"][0]
    assert error["errorType"] == "DynamoDB:DynamoDbException"
    assert f"assumed-role/appsync/APPSYNC_ASSUME_ROLE is not authorized to perform: dynamodb:PutItem on resource: arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/posts" in error["message"]
    put_role(cloud, "dynamodb:*", arn=ROLE)  # Lambda may assume it, AppSync may not
    error = graph.ask('{ post(id: "1") { id } }')["errors"][0]
    assert (error["errorType"], error["message"]) == ("UnauthorizedException", f"Unable to assume role {ROLE}.")


def test_a_table_may_be_in_another_region(make_cloud):
    cloud = make_cloud("us-east-1", "eu-west-1", "aws-global")
    graph = Graph(cloud)
    far = cloud.client("dynamodb", region="eu-west-1")
    far.create_table(TableName="far", BillingMode="PAY_PER_REQUEST", AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}], KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}])
    far.put_item(TableName="far", Item={"id": {"S": "1"}, "title": {"S": "far away"}})
    graph.source("far", "AMAZON_DYNAMODB", "dynamodb:GetItem", dynamodbConfig={"tableName": "far", "awsRegion": "eu-west-1"})
    graph.resolve("Query.post", "far", code=GET)
    assert graph.data('{ post(id: "1") { title } }') == {"post": {"title": "far away"}}


def test_a_source_may_ask_as_the_caller(cloud):
    graph = Graph(cloud, authenticationType="AWS_IAM")
    cloud.client("dynamodb").create_table(TableName="own", BillingMode="PAY_PER_REQUEST", AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}], KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}])
    graph.source("own", "AMAZON_DYNAMODB", dynamodbConfig={"tableName": "own", "awsRegion": "us-east-1", "useCallerCredentials": True})
    graph.resolve("Query.post", "own", code=GET)
    body = b'{"query": "{ post(id: 1) { id } }"}'
    put_user(cloud, "ann", "AKIAUSER", "appsync:GraphQL")
    error = json.loads(graph.post(body, signed(graph, body))[2])["errors"][0]
    assert "user/ann is not authorized to perform: dynamodb:GetItem" in error["message"]
    put_user(cloud, "ann", "AKIAUSER", "appsync:GraphQL", "dynamodb:GetItem")
    assert json.loads(graph.post(body, signed(graph, body))[2]) == {"data": {"post": None}}


# Lambda --------------------------------------------------------------------------------------------

KIND = "AWS_LAMBDA"


def function_source(graph, source: str, name: str = "f") -> str:
    arn = make(graph.cloud, source, name)["FunctionArn"]
    return graph.source(name, KIND, "lambda:InvokeFunction", lambdaConfig={"lambdaFunctionArn": arn})


def test_a_function_without_templates_gets_the_whole_context(cloud, graph):
    function_source(graph, "def handler(event, context): return {'id': event['arguments']['id'], 'title': ','.join(sorted(event)) + str(event['info']['selectionSetList'])}")
    graph.resolve("Query.post", "f")
    told = graph.data('{ post(id: "5") { id title author { name } } }')["post"]
    assert told["id"] == "5"
    assert told["title"] == "arguments,identity,info,prev,request,source,stash['id', 'title', 'author', 'author/name']"


def test_a_function_that_fails_is_an_error_of_its_field(graph):
    function_source(graph, "def handler(event, context): raise ValueError('no such thing')")
    graph.resolve("Query.post", "f")
    error = graph.ask('{ post(id: "5") { id } }')["errors"][0]
    assert (error["errorType"], error["message"]) == ("Lambda:Unhandled", "no such thing")


def test_fields_of_a_list_are_asked_for_in_batches(cloud, graph):
    function_source(graph, "def handler(event, context):\n  return [{'data': {'id': e['source']['id'], 'name': f'{len(event)} of'}} if e['source']['id'] != '2' else {'errorMessage': 'not this one', 'errorType': 'Refused'} for e in event]")
    graph.source("none")
    graph.resolve("Query.posts", "none", code="export const request = () => ({ payload: { items: ['1', '2', '3', '4', '5'].map((id) => ({ id })) } });\nexport const response = (ctx) => ctx.result;")
    graph.resolve("Post.author", "f", maxBatchSize=3)
    answer = graph.ask("{ posts { items { id author { id name } } } }")
    told = [item["author"] for item in answer["data"]["posts"]["items"]]
    assert told == [{"id": "1", "name": "3 of"}, None, {"id": "3", "name": "3 of"}, {"id": "4", "name": "2 of"}, {"id": "5", "name": "2 of"}]
    assert [(e["path"], e["errorType"], e["message"]) for e in answer["errors"]] == [(["posts", "items", 1, "author"], "Refused", "not this one")]


def test_code_can_send_a_function_what_it_likes_and_not_wait(graph):
    function_source(graph, "def handler(event, context): return {'id': event['only']}")
    graph.resolve("Query.post", "f", code="export const request = (ctx) => ({ operation: 'Invoke', payload: { only: ctx.args.id } });\nexport const response = (ctx) => ctx.result;")
    graph.resolve("Query.echo", "f", code="export const request = () => ({ operation: 'Invoke', invocationType: 'Event', payload: {} });\nexport const response = (ctx) => String(ctx.result);")
    assert graph.data('{ post(id: "5") { id } echo }') == {"post": {"id": "5"}, "echo": "null"}


# EventBridge and HTTP ------------------------------------------------------------------------------


def test_events_are_put_on_a_bus(cloud, graph):
    events = cloud.client("events")
    events.put_rule(Name="r", EventPattern=json.dumps({"source": ["graph"]}))
    events.put_targets(Rule="r", Targets=[{"Id": "q", "Arn": queue(cloud)}])
    graph.source("bus", "AMAZON_EVENTBRIDGE", "events:PutEvents", eventBridgeConfig={"eventBusArn": f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/default"})
    graph.resolve("Query.echo", "bus", code="export const request = (ctx) => ({ operation: 'PutEvents', events: [{ source: 'graph', detailType: 'said', detail: { text: ctx.args.text } }] });\nexport const response = (ctx) => JSON.stringify(ctx.result);")
    told = json.loads(graph.data('{ echo(text: "hello") }')["echo"])
    assert told["FailedEntryCount"] == 0 and told["Entries"][0]["EventId"]
    cloud.sleep(1)
    (message,) = received(cloud)
    assert json.loads(message["Body"])["detail"] == {"text": "hello"}


def test_services_of_aws_are_asked_over_http_in_the_role_of_the_source(cloud, graph):
    config = {"endpoint": "https://sqs.us-east-1.amazonaws.com/", "authorizationConfig": {"authorizationType": "AWS_IAM", "awsIamConfig": {"signingRegion": "us-east-1", "signingServiceName": "sqs"}}}
    graph.source("sqs", "HTTP", "sqs:ListQueues", httpConfig=config)
    queue(cloud)
    graph.resolve("Query.echo", "sqs", code="""
    export const request = (ctx) => ({ method: 'POST', resourcePath: '/', params: { headers: { 'x-amz-target': `AmazonSQS.${ctx.args.text}`,
      'content-type': 'application/x-amz-json-1.0' }, body: {} } });
    export const response = (ctx) => `${ctx.result.statusCode} ${ctx.result.body}`;""")
    assert graph.data('{ echo(text: "ListQueues") }')["echo"].startswith('200 {"QueueUrls":[')
    assert graph.data('{ echo(text: "CreateQueue") }')["echo"].startswith('400 {"__type":"com.amazon.coral.service#AccessDeniedException"')


def test_an_endpoint_outside_is_asked_with_what_the_code_says(cloud, graph, endpoint):
    graph.source("http", "HTTP", httpConfig={"endpoint": endpoint.url})
    graph.resolve("Query.echo", "http", code="""
    export const request = (ctx) => ({ method: 'PUT', resourcePath: '/a b', params: { query: { q: ctx.args.text }, headers: { 'X-One': 'two' }, body: { n: 1 } } });
    export const response = (ctx) => `${ctx.result.statusCode} ${ctx.result.headers['X-Answer']} ${ctx.result.body}`;""")
    assert graph.data('{ echo(text: "x&y") }') == {"echo": "201 yes done"}
    assert endpoint.seen == [("PUT", "/a%20b?q=x%26y", "two", b'{"n":1}')]


def test_an_endpoint_that_is_not_there_is_an_error_of_its_field(graph):
    graph.source("http", "HTTP", httpConfig={"endpoint": "http://127.0.0.1:9"})
    graph.resolve("Query.echo", "http", code="export const request = () => ({ method: 'GET', resourcePath: '/' });\nexport const response = (ctx) => util.error(ctx.error.message, ctx.error.type);")
    assert graph.ask("{ echo }")["errors"][0]["errorType"] == "HttpConnectionFailure"


# Pipelines -----------------------------------------------------------------------------------------


def test_functions_of_a_pipeline_hand_on_results_and_a_stash(graph):
    graph.source("none")
    first = graph.function("first", "none", code="export function request(ctx) { ctx.stash.seen = [ctx.prev.result.begun]; return { payload: 1 } }\nexport const response = (ctx) => ctx.result + 1;")
    second = graph.function("second", "none", before='$util.qr($ctx.stash.seen.add("vtl")) { "version": "2018-05-29", "payload": $ctx.prev.result }', after='{ "sum": $ctx.result }')
    graph.resolve("Query.echo", None, kind="PIPELINE", pipelineConfig={"functions": [first, second]}, code="export const request = () => ({ begun: 'yes' });\nexport const response = (ctx) => JSON.stringify([ctx.prev.result, ctx.stash]);")
    assert json.loads(graph.data("{ echo }")["echo"]) == [{"sum": 2}, {"seen": ["yes", "vtl"]}]


def test_early_returns_leave_a_function_or_the_rest(graph):
    graph.source("none")

    def pipeline(say: str, last: str = "'end'") -> str:
        ids = [
            graph.function("early", "none", code=f"export const request = (ctx) => {{ {say}; return {{ payload: 'asked' }} }};\nexport const response = (ctx) => ctx.result;"),
            graph.function("next", "none", code="export const request = (ctx) => ({ payload: [ctx.prev.result, 'next'] });\nexport const response = (ctx) => ctx.result;"),
        ]
        graph.resolve("Query.echo", None, kind="PIPELINE", pipelineConfig={"functions": ids}, code="export const request = () => ({});\nexport const response = (ctx) => JSON.stringify(ctx.prev.result);")
        told = json.loads(graph.data("{ echo }")["echo"])
        graph.client.delete_resolver(apiId=graph.id, typeName="Query", fieldName="echo")
        return told

    assert pipeline("") == ["asked", "next"]
    assert pipeline("runtime.earlyReturn('early')") == ["early", "next"]
    assert pipeline("runtime.earlyReturn('early', { skipTo: 'END' })") == "early"
    graph.resolve("Query.echo", "none", before='#return("from vtl")', after="never")
    assert graph.data("{ echo }") == {"echo": "from vtl"}


def test_errors_can_be_added_beside_data(graph):
    graph.source("none")
    graph.resolve("Query.echo", "none", code="export const request = () => ({ payload: 'fine' });\nexport function response(ctx) { util.appendError('but', 'Warning', { a: 1 }, { b: 2 }); return ctx.result }")
    graph.resolve("Query.post", "none", before='{ "payload": { "id": "1" } }', after='$util.appendError("vtl too", "Warning")$util.toJson($ctx.result)')
    answer = graph.ask('{ echo post(id: "1") { id } }')
    assert answer["data"] == {"echo": "fine", "post": {"id": "1"}}
    assert [(e["path"], e["message"], e["errorType"], e["data"], e["errorInfo"]) for e in answer["errors"]] == [
        (["echo"], "but", "Warning", {"a": 1}, {"b": 2}), (["post"], "vtl too", "Warning", None, None),
    ]  # fmt: skip
    graph.resolve("Mutation.like", "none", code="export const request = () => util.unauthorized();\nexport const response = (ctx) => ctx.result;")
    assert graph.ask('mutation { like(id: "1") { id } }')["errors"][0]["errorType"] == "Unauthorized"


def test_what_templates_and_code_get_wrong_is_an_error_of_the_field(graph):
    graph.source("none")

    def told(**logic) -> dict:
        graph.resolve("Query.echo", "none", **logic)
        error = graph.ask("{ echo }")["errors"][0]
        graph.client.delete_resolver(apiId=graph.id, typeName="Query", fieldName="echo")
        return error

    assert told(before="#set($a = 1)", after="null")["message"] == "Template transformation yielded an empty response."
    error = told(before="{ not json", after="null")
    assert (error["errorType"], error["message"]) == ("MappingTemplate", "Unable to convert { not json to Object.")
    assert told(before='{ "payload": 1 }', after="$ctx.args.text.missing()x")["errorType"] == "MappingTemplate"
    assert told(before="$util.nothing()", after="null")["message"] == "$util has no method nothing"
    assert "cannot read property" in told(code="export const request = (ctx) => ctx.nothing.at.all;\nexport const response = (ctx) => 1;")["message"]
    assert told(code="export const request = (ctx) => 5;\nexport const response = (ctx) => 1;")["errorType"] == "MappingTemplate"


def test_code_that_does_not_end_is_ended_and_holds_up_nobody(cloud, graph):
    graph.source("none")
    endless = "export const request = (ctx) => { const s = 'x'.repeat(9999); for (const a of s) for (const b of s) for (const c of s) {} };\nexport const response = (ctx) => 1;"
    graph.resolve("Query.echo", "none", code=endless)
    task = cloud.loop.create_task(cloud.deliver(_asked(graph, "{ echo }")))
    other = cloud.run(cloud.deliver(_asked(graph, "{ __typename }")))
    assert json.loads(other[1]) == {"data": {"__typename": "Query"}} and not task.done()
    assert "too long" in json.loads(cloud.run(_of(task))[1])["errors"][0]["message"]


async def _of(task):
    return await task


def _asked(graph, query: str):
    body = json.dumps({"query": query}).encode()
    headers = {"host": f"{graph.id}.appsync-api.us-east-1.localhost:4566", "x-api-key": graph.key, "content-length": str(len(body))}
    return Request("POST", "/graphql", "", headers, body)


def test_no_pattern_of_a_caller_holds_a_region_up(graph):
    graph.source("none")
    graph.resolve("Query.echo", "none", code="export const request = (ctx) => ({ payload: util.matches('^(a+)+$', ctx.args.text) });\nexport const response = (ctx) => ctx.result;")
    assert graph.data('{ echo(text: "aaa") }') == {"echo": "true"}
    told = graph.ask(f'{{ echo(text: "{"a" * 60}!") }}')
    assert told["errors"][0]["message"] == "The regular expression tries too much."


def test_code_asks_its_host_for_patterns_and_times(graph):
    graph.source("none")
    graph.resolve("Query.echo", "none", code="""
    export const request = (ctx) => {
      const [, year] = '2024-05-06'.match('(\\\\d+)-');
      const all = 'a1b22'.matchAll('[a-z](\\\\d+)').map((one) => one[1] + '@' + one.index);
      const at = util.time.parseFormattedToEpochMilliSeconds('2024-05-06 07:08', 'yyyy-MM-dd HH:mm', 'Asia/Tokyo');
      return { payload: JSON.stringify([year, all, 'xy'.search('y'), 'x'.match('y'), at, util.time.epochMilliSecondsToFormatted(at, "yyyy-MM-dd'T'HH:mmXXX", 'America/New_York')]) } };
    export const response = (ctx) => ctx.result;""")
    assert json.loads(graph.data("{ echo }")["echo"]) == ["2024", ["1@0", "22@2"], 1, None, 1714946880000, "2024-05-05T18:08-04:00"]


def test_a_query_that_takes_too_long_is_given_up(cloud, graph):
    # 30 seconds: https://docs.aws.amazon.com/general/latest/gr/appsync.html
    config = {"endpoint": "https://sqs.us-east-1.amazonaws.com", "authorizationConfig": {"authorizationType": "AWS_IAM", "awsIamConfig": {"signingRegion": "us-east-1", "signingServiceName": "sqs"}}}
    graph.source("sqs", "HTTP", "sqs:*", httpConfig=config)
    queue(cloud)
    wait = graph.function("wait", "sqs", code="""
    export const request = () => ({ method: 'POST', resourcePath: '/', params: { headers: { 'x-amz-target': 'AmazonSQS.ReceiveMessage', 'content-type': 'application/x-amz-json-1.0' },
      body: { QueueUrl: 'http://sqs.us-east-1.localhost:4566/000000000000/q', WaitTimeSeconds: 20 } } });
    export const response = (ctx) => ctx.result.body;""")
    graph.resolve("Query.echo", None, kind="PIPELINE", pipelineConfig={"functions": [wait, wait]}, code="export const request = () => ({});\nexport const response = (ctx) => ctx.prev.result;")
    began = cloud.now()
    answer = graph.ask("{ echo }")
    assert answer["data"] is None and answer["errors"][0]["errorType"] == "ExecutionTimeout" and 29 < cloud.now() - began < 31


def test_code_cannot_eat_all_memory(graph):
    graph.source("none")
    graph.resolve("Query.echo", "none", code="export const request = () => { const all = []; for (const a of 'x'.repeat(1000)) for (const b of 'x'.repeat(1000)) all.push('y'.repeat(9999) + all.length); return { payload: all.length } };\nexport const response = (ctx) => ctx.result;")
    assert graph.ask("{ echo }")["errors"][0]["message"] in ("out of memory", "InternalError: out of memory", "null")
    graph.client.delete_resolver(apiId=graph.id, typeName="Query", fieldName="echo")
    graph.resolve("Query.echo", "none", code=THROUGH.replace("ctx.args", "'alive'"))
    assert graph.data("{ echo }") == {"echo": "alive"}


def test_one_query_joins_two_tables(cloud):
    graph = Graph(cloud, SCHEMA)
    posts, authors = graph.table("posts"), graph.table("authors")
    graph.cloud.client("dynamodb").put_item(TableName="posts", Item={"id": {"S": "1"}, "by": {"S": "a"}})
    graph.cloud.client("dynamodb").put_item(TableName="authors", Item={"id": {"S": "a"}, "name": {"S": "Ann"}})
    graph.resolve("Query.post", posts, code=GET)
    graph.resolve("Post.author", authors, code=GET.replace("ctx.args.id", "ctx.source.by"))
    assert graph.data('{ post(id: "1") { id author { name } } }') == {"post": {"id": "1", "author": {"name": "Ann"}}}




# Caching -------------------------------------------------------------------------------------------

COUNTED = "export const request = () => ({ payload: util.autoId() });\nexport const response = (ctx) => ctx.result;"


def test_answers_are_kept_as_long_as_the_cache_says(cloud, graph):
    client = graph.client
    graph.source("none")
    graph.resolve("Query.echo", "none", code=COUNTED)
    ask = '{ echo(text: "a") }'
    assert graph.data(ask) != graph.data(ask)
    missing = ("NotFoundException", "Unable to get the cache as it doesn't exist, please create the cache first.")
    assert refused(client.get_api_cache, apiId=graph.id) == missing
    made = client.create_api_cache(apiId=graph.id, ttl=60, apiCachingBehavior="FULL_REQUEST_CACHING", type="SMALL")["apiCache"]
    assert made["status"] == "AVAILABLE" and client.get_api_cache(apiId=graph.id)["apiCache"] == made
    first = graph.data(ask)
    assert graph.data(ask) == first != graph.data('{ echo(text: "b") }')
    cloud.sleep(61)
    second = graph.data(ask)
    assert second != first
    client.flush_api_cache(apiId=graph.id)
    assert graph.data(ask) != second
    client.delete_api_cache(apiId=graph.id)
    assert graph.data(ask) != graph.data(ask)


def test_single_resolvers_are_cached_by_the_keys_they_name_and_evicted_by_mutations(graph):
    client = graph.client
    graph.source("none")
    graph.resolve("Query.echo", "none", code=COUNTED, cachingConfig={"ttl": 60, "cachingKeys": ["$context.arguments.text"]})
    graph.resolve("Query.post", "none", code=COUNTED.replace("util.autoId()", "{ id: util.autoId() }"))
    graph.resolve("Mutation.like", "none", code="export const request = (ctx) => ({ payload: { id: util.autoId() } });\nexport const response = (ctx) => { extensions.evictFromApiCache('Query', 'echo', { 'context.arguments.text': ctx.args.id }); return ctx.result };")
    client.create_api_cache(apiId=graph.id, ttl=60, apiCachingBehavior="PER_RESOLVER_CACHING", type="SMALL")
    a, b = graph.data('{ echo(text: "a") }'), graph.data('{ echo(text: "b") }')
    assert graph.data('{ echo(text: "a", json: "1") }') == a != b
    assert graph.data('{ post(id: "1") { id } }') != graph.data('{ post(id: "1") { id } }')
    like = 'mutation { like(id: "a") { id } }'
    assert graph.data(like) != graph.data(like)
    assert graph.data('{ echo(text: "a") }') != a and graph.data('{ echo(text: "b") }') == b
    wrong = {"ttl": 60, "cachingKeys": ["$context.stash"]}
    assert refused(client.update_resolver, apiId=graph.id, typeName="Query", fieldName="post", dataSourceName="none", requestMappingTemplate="{}", cachingConfig=wrong)[0] == "BadRequestException"
