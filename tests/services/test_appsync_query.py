"""AppSync's GraphQL endpoint. What AWS answers to what is in graphql-over-http's issue 81, told by AppSync's own team."""

from __future__ import annotations

import json

import pytest
from services.appsync_workshop import ROLE, THROUGH, TRUST, Graph
from services.lambda_workshop import put_role


@pytest.fixture
def graph(cloud):
    return Graph(cloud)


def test_only_requested_fields_are_returned_and_resolved(cloud, graph):
    graph.source("none")
    graph.resolve("Query.post", "none", code="export const request = (ctx) => ({ payload: { id: ctx.args.id, title: 'T', likes: 3, extra: 1 } });\nexport const response = (ctx) => ctx.result;")
    graph.resolve("Post.author", "none", code="export const request = (ctx) => util.error('asked for ' + ctx.source.id, 'Asked');\nexport const response = (ctx) => ctx.result;")
    assert graph.data('{ post(id: "1") { id, name: title } }') == {"post": {"id": "1", "name": "T"}}
    answer = graph.ask('{ post(id: "1") { id\n    author { name } } }')
    assert answer == {
        "data": {"post": {"id": "1", "author": None}},
        "errors": [
            {
                "path": ["post", "author"],
                "data": None,
                "errorType": "Asked",
                "errorInfo": None,
                "locations": [{"line": 2, "column": 5, "sourceName": None}],
                "message": "asked for 1",
            }
        ],
    }


def test_what_cannot_be_read_is_refused(graph):
    def answered(body: bytes) -> tuple[int, dict]:
        status, headers, answer = graph.post(body)
        assert headers["x-amzn-ErrorType"] == "MalformedHttpRequestException"
        return status, json.loads(answer)["errors"][0]

    assert answered(b"") == (400, {"message": "Request body is empty.", "errorType": "MalformedHttpRequestException"})
    for body in (b"meow", b"{}", b"{}}", b"[]", b'{"query": "{"}', b'{"query": 5}', b'{"query": ""}', b'{"query": "{ a ' + b"{ a" * 9000 + b'"}'):
        assert answered(body) == (400, {"message": "Unable to parse GraphQL query.", "errorType": "MalformedHttpRequestException"})


def test_what_the_schema_does_not_allow_is_told_in_the_words_of_graphql_java(graph):
    assert graph.ask("{badfield}") == {
        "data": None,
        "errors": [
            {
                "path": None,
                "locations": [{"line": 1, "column": 2, "sourceName": None}],
                "message": "Validation error of type FieldUndefined: Field 'badfield' in type 'Query' is undefined @ 'badfield'",
            }
        ],
    }
    # aws-amplify/amplify-js#11317
    message = graph.ask("{ echo(wrong: 1) }")["errors"][0]["message"]
    assert message.startswith("Validation error of type UnknownArgument: Unknown field argument wrong @ 'echo'")
    assert graph.ask("{ post { id } }")["errors"][0]["message"] == "Validation error of type MissingFieldArgument: Missing field argument id @ 'post'"
    assert graph.ask('{ post(id: "1") }')["errors"][0]["message"].startswith("Validation error of type SubSelectionRequired")
    assert graph.ask("query A { __typename } query B { __typename }")["errors"][0]["message"].startswith("Must provide operation name")
    assert graph.data("query A { __typename } query B { __typename }", operationName="B") == {"__typename": "Query"}
    assert "Unknown operation" in graph.ask("query A { __typename }", operationName="C")["errors"][0]["message"]


def test_variables_are_checked_and_default(graph):
    graph.source("none")
    graph.resolve("Query.echo", "none", code="export const request = (ctx) => ({ payload: JSON.stringify(ctx.args) });\nexport const response = (ctx) => ctx.result;")
    assert json.loads(graph.data("query($t: String = \"d\") { echo(text: $t) }")["echo"]) == {"text": "d"}
    assert json.loads(graph.data("query($t: AWSJSON) { echo(json: $t) }", {"t": '{"a": [1]}'})["echo"]) == {"json": {"a": [1]}}
    missing = graph.ask("query($i: ID!) { post(id: $i) { id } }")
    assert missing["data"] is None and missing["errors"][0]["path"] is None


def test_scalars_are_checked_on_the_way_in_and_out(cloud):
    good = {
        "AWSDate": "2020-02-29", "AWSTime": "12:30:24.500Z", "AWSDateTime": "2020-01-01T00:00:00+09:00", "AWSTimestamp": 5,
        "AWSEmail": "a@b.co", "AWSJSON": '{"a":1}', "AWSURL": "https://a.b/c", "AWSPhone": "+81 90 1234 5678", "AWSIPAddress": "::1",
    }  # fmt: skip
    bad = {
        "AWSDate": "2021-02-29", "AWSTime": "25:00", "AWSDateTime": "2020-01-01T00:00:00", "AWSTimestamp": "x", "AWSEmail": "a@b",
        "AWSJSON": "{", "AWSURL": "nowhere", "AWSPhone": "abc", "AWSIPAddress": "300.1.1.1",
    }  # fmt: skip
    fields = " ".join(f"f{kind}(v: {kind}): {kind}" for kind in good)
    graph = Graph(cloud, f"type Query {{ {fields} }}")
    graph.source("none")
    for kind in good:
        graph.resolve(f"Query.f{kind}", "none", code="export const request = (ctx) => ({ payload: ctx.args.v ?? ctx.env.BAD });\nexport const response = (ctx) => ctx.result;")
    for kind, value in good.items():
        assert graph.data(f"query($v: {kind}) {{ f{kind}(v: $v) }}", {"v": value}) == {f"f{kind}": value}
        refusal = graph.ask(f"query($v: {kind}) {{ f{kind}(v: $v) }}", {"v": bad[kind]})
        assert refusal["data"] is None and "as a valid" in refusal["errors"][0]["message"]
        literal = json.dumps(bad[kind])
        assert "as a valid" in graph.ask(f"{{ f{kind}(v: {literal}) }}")["errors"][0]["message"]
        if kind != "AWSJSON":
            graph.client.put_graphql_api_environment_variables(apiId=graph.id, environmentVariables={"BAD": str(bad[kind])})
            told = graph.ask(f"{{ f{kind} }}")
            assert told["data"] == {f"f{kind}": None}
            assert told["errors"][0]["message"].startswith(f"Can't serialize value (/f{kind}) : Unable to serialize `{bad[kind]}` as a valid ")


def test_built_in_scalars_take_what_java_takes(cloud):
    graph = Graph(cloud, "enum Color { RED } type T { s: String i: Int b: Boolean f: Float c: Color l: [Int] o: T n: Int! } type Query { t(v: AWSJSON): T }")
    graph.source("none")
    graph.resolve("Query.t", "none", code=THROUGH.replace("ctx.args", "ctx.args.v"))
    ask = "query($v: AWSJSON) { t(v: $v) { %s } }"

    def told(fields: str, **value) -> dict:
        return graph.ask(ask % fields, {"v": json.dumps(value)})

    assert told("s i b f c l", s={"a": 1, "b": [2]}, i="7", b="true", f="1.5", c="RED", l=[1, "2"])["data"]["t"] == {
        "s": "{a=1, b=[2]}", "i": 7, "b": True, "f": 1.5, "c": "RED", "l": [1, 2],
    }  # fmt: skip
    assert told("i", i="x")["errors"][0]["message"] == "Can't serialize value (/t/i) : Expected type 'Int' but was 'String'."
    assert told("c", c="BLUE")["errors"][0]["message"] == "Can't serialize value (/t/c) : Invalid input for Enum 'Color'. No value found for name 'BLUE'"
    assert told("l", l="no")["errors"][0]["message"] == "Can't resolve value (/t/l) : type mismatch error, expected type LIST"
    assert told("o { s }", o=5)["errors"][0]["message"] == "Can't resolve value (/t/o) : type mismatch error, expected type OBJECT"
    missing = told("n", s="x")
    assert missing["data"] == {"t": None}
    assert missing["errors"] == [{"path": ["t", "n"], "locations": None, "message": "Cannot return null for non-nullable type: 'Int' within parent 'T' (/t/n)"}]


def test_get_is_answered_too_and_anybody_may_ask_from_a_page(cloud, graph):
    host = f"{graph.id}.appsync-api.us-east-1.localhost:4566"
    status, headers, body = cloud.http("GET", "/graphql?query=%7B__typename%7D", host=host, headers={"x-api-key": graph.key})
    assert (status, json.loads(body), headers["Access-Control-Allow-Origin"]) == (200, {"data": {"__typename": "Query"}}, "*")
    status, headers, _ = cloud.http("OPTIONS", "/graphql", host=host, headers={"origin": "https://a.b", "access-control-request-headers": "x-api-key"})
    assert (status, headers["Access-Control-Allow-Headers"]) == (200, "x-api-key")


def test_an_api_answers_under_its_path_too(cloud, graph):
    body = json.dumps({"query": "{ __typename }"}).encode()
    status, _, answer = cloud.http("POST", f"/graphql/{graph.id}", headers={"x-api-key": graph.key}, body=body)
    assert (status, json.loads(answer)) == (200, {"data": {"__typename": "Query"}})
    status, _, answer = cloud.http("POST", "/graphql/" + "a" * 26, headers={"x-api-key": graph.key}, body=body)
    assert status == 404
    assert graph.api["uris"]["GRAPHQL"] == f"http://{graph.id}.appsync-api.us-east-1.localhost:4566/graphql"


def test_introspection_and_depth_can_be_limited(cloud):
    graph = Graph(cloud, introspectionConfig="DISABLED", queryDepthLimit=2, resolverCountLimit=1)
    assert "data" in graph.ask("{ __typename }")
    assert graph.ask("{ __schema { queryType { name } } }")["data"] is None
    assert graph.ask('{ post(id: "1") { author { name } } }')["errors"][0]["errorType"] == "QueryDepthLimitReached"
    graph.source("none")
    graph.resolve("Query.echo", "none", code=THROUGH.replace("ctx.args", "'x'"))
    told = graph.ask("{ a: echo b: echo }")
    assert told["data"] == {"a": "x", "b": None} and told["errors"][0]["errorType"] == "ResolverExecutionLimitReached"
    assert "__schema" in Graph(cloud).ask("{ __schema { queryType { name } } }")["data"]


def test_long_queries_are_answered_and_judged(graph):
    many = " ".join(f'a{n}: post(id: "{n}") {{ id title likes }}' for n in range(500))
    assert graph.data(f"{{ {many} }}")["a499"] is None
    assert len(graph.ask("{ " + " ".join(f"bad{n}" for n in range(600)) + " }")["errors"]) >= 100


def test_a_body_of_more_than_a_megabyte_is_refused(graph):
    status, _, body = graph.post(b'{"query": "{ __typename }", "x": "' + b"a" * (1 << 20) + b'"}')
    assert status == 400 and b"1 MB" in body


def test_what_was_made_survives_a_kill(cloud, graph):
    graph.source("none")
    graph.resolve("Query.echo", "none", code=THROUGH.replace("ctx.args", "ctx.args.text"))
    cloud.restart(kill=True)
    assert graph.data('{ echo(text: "still here") }') == {"echo": "still here"}


def test_a_request_is_told_to_the_log_as_far_as_its_owner_wants(cloud):
    role = put_role(cloud, "logs:*", trust=TRUST, arn=ROLE)

    def lines(level: str, **more) -> list[str]:
        graph = Graph(cloud, logConfig={"fieldLogLevel": level, "cloudWatchLogsRoleArn": role, **more})
        graph.source("none")
        graph.resolve("Query.echo", "none", code="export const request = (ctx) => { console.log('seen', ctx.args.text); console.error('bad'); return { payload: 'x' } };\nexport const response = (ctx) => util.error('no');")
        graph.ask('{ echo(text: "secret") }')
        cloud.sleep(1)
        events = cloud.client("logs").filter_log_events(logGroupName=f"/aws/appsync/apis/{graph.id}")["events"]
        return [event["message"] for event in events]

    quiet = lines("NONE")
    assert any("GraphQL Query: { echo" in line for line in quiet) and quiet[-1].endswith("End Request")
    assert not any("seen" in line or "ExecutionError" in line for line in quiet)
    errors = lines("ERROR")
    assert any(line.endswith('ERROR - bad') for line in errors) and any('"logType":"ExecutionError"' in line for line in errors) and not any("seen" in line for line in errors)
    whole = lines("ALL")
    assert any(line.endswith("INFO - seen secret") for line in whole)
    (mapping,) = [json.loads(line) for line in whole if '"RequestMapping"' in line]
    assert mapping["transformedTemplate"] == '{"payload":"x"}' and mapping["fieldName"] == "echo"
    assert "secret" not in "".join(line for line in lines("ALL", excludeVerboseContent=True) if "INFO - " not in line)


def test_an_api_of_an_emptied_account_is_gone(cloud, graph):
    cloud.run(cloud.region().reset("000000000000"))
    assert graph.ask("{ __typename }", status=404)["errors"][0]["errorType"] == "NotFoundException"


MALFORMED = [
    b"\xff\xfe", b"null", b'"x"', b"[" * 5000, b'{"query": null}', b'{"query": "{ __typename }", "variables": "["}', b'{"query": "{ __typename }", "variables": [1]}',
    b'{"query": "{ __typename }", "operationName": [1]}', b'{"query": "\\ud800"}', b'{"query": "{ echo(text: \\"\\ud83d\\") }"}', b'{"query": "query($x: ID!) { post(id: $x) { id } }", "variables": {"x": {"a": 1}}}',
    b'{"query": "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }"}', b'{"query": "{ echo @skip(if: $no) }"}', b'{"query": "{ echo(text: 99999999999999999999999) }"}',
    b'{"query": "{ posts(limit: 1e400) { nextToken } }"}', b'{"query": "mutation { put(input: {}) { id } }"}', b'{"query": "mutation { put(input: {id: null}) { id } }"}',
    b'{"query": "type Query { a: ID }"}', b'{"query": "fragment A on Query { echo }"}', b'{"query": "query A { echo } query A { echo }"}', b'{"query": "{ __type(name: 5) { name } }"}',
    b'{"query": "subscription { onPut { id } }"}', b'{"query": "{ ' + b"... { " * 300 + b"echo" + b" }" * 300 + b' }"}', b'{"query": "{ echo(json: \\"{\\") }"}',
    b'{"query": "query($v: PostInput!) { echo }", "variables": {"v": 5}}', b'{"query": "query($v: Int = \\"x\\") { echo }"}',
]  # fmt: skip


@pytest.mark.parametrize("body", MALFORMED, ids=range(len(MALFORMED)))
def test_nothing_a_caller_sends_breaks_the_endpoint(graph, body):
    status, _, answer = graph.post(body)
    told = json.loads(answer)
    assert status in (200, 400) and (told.get("errors") or "data" in told) or (status == 501 and b"MQTT" in answer), (status, answer)
    assert graph.data("{ __typename }") == {"__typename": "Query"}
