"""AppSync's control plane: APIs, schemas, types, data sources, functions, resolvers, and trying out templates and code."""

from __future__ import annotations

import json

import pytest
from refusals import refused
from services.appsync_workshop import ROLE, RUNTIME, THROUGH, TRUST, Graph
from services.lambda_workshop import ACCOUNT, put_role, put_user

CODE = "import { util } from '@aws-appsync/utils';\n" + THROUGH


@pytest.fixture
def graph(cloud):
    return Graph(cloud)


def test_an_api_is_made_shown_changed_and_taken_away_with_all_in_it(cloud):
    client = cloud.client("appsync")
    api = client.create_graphql_api(name="a", authenticationType="API_KEY", tags={"k": "v"}, queryDepthLimit=5)["graphqlApi"]
    id_ = api["apiId"]
    assert api["arn"] == f"arn:aws:appsync:us-east-1:{ACCOUNT}:apis/{id_}" and len(id_) == 26
    assert (api["queryDepthLimit"], api["introspectionConfig"], api["apiType"], api["owner"]) == (5, "ENABLED", "GRAPHQL", ACCOUNT)
    assert client.get_graphql_api(apiId=id_)["graphqlApi"] == api
    assert client.list_graphql_apis()["graphqlApis"] == [api]
    changed = client.update_graphql_api(apiId=id_, name="b", authenticationType="AWS_IAM")["graphqlApi"]
    assert (changed["name"], changed["authenticationType"], changed["queryDepthLimit"]) == ("b", "AWS_IAM", 0)
    client.tag_resource(resourceArn=api["arn"], tags={"x": "y"})
    client.untag_resource(resourceArn=api["arn"], tagKeys=["k"])
    assert client.list_tags_for_resource(resourceArn=api["arn"])["tags"] == {"x": "y"}
    client.create_data_source(apiId=id_, name="none", type="NONE")
    client.delete_graphql_api(apiId=id_)
    gone = ("NotFoundException", f"GraphQL API {id_} not found.")
    assert refused(client.get_graphql_api, apiId=id_) == gone == refused(client.get_data_source, apiId=id_, name="none")


def test_environment_variables_are_seen_by_code(graph):
    client = graph.client
    assert client.get_graphql_api_environment_variables(apiId=graph.id)["environmentVariables"] == {}
    client.put_graphql_api_environment_variables(apiId=graph.id, environmentVariables={"TABLE": "t"})
    graph.source("none")
    graph.resolve("Query.echo", "none", code=THROUGH.replace("ctx.args", "ctx.env.TABLE"))
    assert graph.data("{ echo }") == {"echo": "t"}
    assert refused(client.put_graphql_api_environment_variables, apiId=graph.id, environmentVariables={"1a": "t"})[0] == "ValidationException"


def test_a_schema_that_cannot_be_read_leaves_the_old_one_in_force(graph):
    for flawed, words in (
        ("type Query {", "Syntax Error"),
        ("type Query { a: Unknown }", "Unknown type"),
        ("type Post { id: ID }", "There is no top level schema object defined."),
        ('type Query { a: ID } type Subscription { s: ID @aws_subscribe(mutations: ["m"]) }', "no mutation m"),
        ("type Query { a: ID a: ID }", "only be defined once"),
        ("type Query { a(b: Query): ID }", "must be Input Type"),
    ):
        told = graph.learn(flawed)
        assert told["status"] == "FAILED" and words in told["details"], told
    assert graph.data("{ __typename }") == {"__typename": "Query"}
    assert graph.learn("type Query { other: ID }")["status"] == "SUCCESS"
    assert graph.data("{ other }") == {"other": None}
    fresh = Graph(graph.cloud, None)
    assert fresh.client.get_schema_creation_status(apiId=fresh.id)["status"] == "NOT_APPLICABLE"
    assert fresh.ask("{ a }", status=404)["errors"][0]["errorType"] == "NotFoundException"


def test_the_schema_is_shown_as_it_was_written_and_as_introspection_tells_it(graph):
    client = graph.client
    text = client.get_introspection_schema(apiId=graph.id, format="SDL")["schema"].read().decode()
    assert '@aws_subscribe(mutations: ["put"])' in text and "type Author {" in text
    bare = client.get_introspection_schema(apiId=graph.id, format="SDL", includeDirectives=False)["schema"].read().decode()
    assert "@aws_subscribe" not in bare
    told = json.loads(client.get_introspection_schema(apiId=graph.id, format="JSON")["schema"].read())
    assert "Post" in {each["name"] for each in told["data"]["__schema"]["types"]}
    fresh = Graph(graph.cloud, None)
    assert refused(client.get_introspection_schema, apiId=fresh.id, format="SDL") == ("GraphQLSchemaException", "InvalidSyntaxError")


def test_single_types_are_shown_added_changed_and_taken_away(graph):
    client = graph.client

    def told(operation, **more) -> dict:
        return operation(apiId=graph.id, format="SDL", **more)["type"]

    author = told(client.get_type, typeName="Author")
    assert author["definition"] == "type Author {\n  id: ID!\n  name: String\n}" and author["arn"] == f"{graph.api['arn']}/types/Author"
    assert json.loads(client.get_type(apiId=graph.id, typeName="Author", format="JSON")["type"]["definition"])["kind"] == "OBJECT"
    assert "Post" in {each["name"] for each in client.list_types(apiId=graph.id, format="SDL")["types"]}
    told(client.create_type, definition='"A thing" type Thing { a: ID }')
    assert told(client.get_type, typeName="Thing")["description"] == "A thing"
    told(client.update_type, typeName="Thing", definition="type Thing { b: ID }")
    assert "b: ID" in told(client.get_type, typeName="Thing")["definition"]
    client.delete_type(apiId=graph.id, typeName="Thing")
    assert refused(client.get_type, apiId=graph.id, typeName="Thing", format="SDL")[0] == "NotFoundException"
    assert refused(client.delete_type, apiId=graph.id, typeName="Post")[0] == "BadRequestException"
    assert refused(client.create_type, apiId=graph.id, definition="type Post { a: ID }", format="SDL")[0] == "BadRequestException"


def test_data_sources_say_what_they_need(cloud, graph):
    client = graph.client
    put_role(cloud, "dynamodb:*", trust=TRUST, arn=ROLE)
    config = {"tableName": "t", "awsRegion": "us-east-1"}
    source = client.create_data_source(apiId=graph.id, name="t", type="AMAZON_DYNAMODB", serviceRoleArn=ROLE, dynamodbConfig=config)["dataSource"]
    assert source == {
        "dataSourceArn": f"{graph.api['arn']}/datasources/t", "name": "t", "type": "AMAZON_DYNAMODB", "serviceRoleArn": ROLE, "dynamodbConfig": config,
    }  # fmt: skip
    assert client.list_data_sources(apiId=graph.id)["dataSources"] == [source]
    changed = client.update_data_source(apiId=graph.id, name="t", type="NONE", description="d")["dataSource"]
    assert changed["type"] == "NONE" and "serviceRoleArn" not in changed

    def told(**more) -> str:
        return refused(client.create_data_source, **{"apiId": graph.id, "name": "x", **more})[0]

    bad = "BadRequestException"
    assert told(name="t", type="NONE") == bad
    assert told(type="AMAZON_DYNAMODB", dynamodbConfig=config) == bad
    assert told(type="AMAZON_DYNAMODB", serviceRoleArn=ROLE) == bad
    assert told(type="NONE", dynamodbConfig=config) == bad
    assert told(type="HTTP", httpConfig={"endpoint": "ftp://x"}) == bad
    assert told(type="AWS_LAMBDA", serviceRoleArn=ROLE, lambdaConfig={"lambdaFunctionArn": "f"}) == bad
    endpoint = {"dbClusterIdentifier": "shop", "awsSecretStoreArn": "arn:aws:secretsmanager:us-east-1:000000000000:secret:shop"}
    assert told(type="RELATIONAL_DATABASE", serviceRoleArn=ROLE, relationalDatabaseConfig={"rdsHttpEndpointConfig": endpoint}) == bad
    assert told(type="AMAZON_OPENSEARCH_SERVICE") == "NotImplemented"
    assert told(type="AMAZON_DYNAMODB", serviceRoleArn=ROLE, dynamodbConfig={**config, "versioned": True}) == "NotImplemented"


def test_a_role_is_passed_only_by_who_may(cloud, graph):
    put_role(cloud, "dynamodb:*", trust=TRUST, arn=ROLE)
    put_user(cloud, "ann", "AKIAUSER", "appsync:*")
    client = cloud.client("appsync", key="AKIAUSER", secret="secret")
    code, text = refused(client.create_data_source, apiId=graph.id, name="x", type="AMAZON_DYNAMODB", serviceRoleArn=ROLE, dynamodbConfig={"tableName": "t", "awsRegion": "us-east-1"})
    assert code == "AccessDeniedException" and "iam:PassRole" in text


def test_functions_and_resolvers_are_made_shown_and_changed(graph):
    client = graph.client
    graph.source("none")
    function = client.create_function(apiId=graph.id, name="f", dataSourceName="none", code=CODE, runtime=RUNTIME)["functionConfiguration"]
    id_ = function["functionId"]
    # Terraform's provider says with an empty text that code has no version: hashicorp/terraform-provider-aws 5.100.0, appsync/function.go.
    empty = client.create_function(apiId=graph.id, name="e", dataSourceName="none", code=CODE, runtime=RUNTIME, functionVersion="")["functionConfiguration"]
    assert empty.keys() == function.keys()
    client.delete_function(apiId=graph.id, functionId=empty["functionId"])
    assert function["functionArn"] == f"{graph.api['arn']}/functions/{id_}" and function["runtime"] == RUNTIME
    assert client.get_function(apiId=graph.id, functionId=id_)["functionConfiguration"] == function
    vtl = client.create_function(apiId=graph.id, name="v", dataSourceName="none", requestMappingTemplate="{}", functionVersion="2018-05-29")["functionConfiguration"]
    assert vtl["functionVersion"] == "2018-05-29"
    resolver = client.create_resolver(apiId=graph.id, typeName="Query", fieldName="echo", kind="PIPELINE", pipelineConfig={"functions": [id_]}, code=CODE, runtime=RUNTIME)["resolver"]
    assert resolver["resolverArn"] == f"{graph.api['arn']}/types/Query/resolvers/echo" and resolver["pipelineConfig"] == {"functions": [id_]}
    assert client.list_resolvers_by_function(apiId=graph.id, functionId=id_)["resolvers"] == [resolver] == client.list_resolvers(apiId=graph.id, typeName="Query")["resolvers"]
    assert refused(client.delete_function, apiId=graph.id, functionId=id_)[0] == "BadRequestException"
    assert refused(client.delete_data_source, apiId=graph.id, name="none")[0] == "BadRequestException"
    unit = client.update_resolver(apiId=graph.id, typeName="Query", fieldName="echo", dataSourceName="none", code=CODE, runtime=RUNTIME)["resolver"]
    assert unit["kind"] == "UNIT" and "pipelineConfig" not in unit
    client.delete_function(apiId=graph.id, functionId=id_)
    client.delete_resolver(apiId=graph.id, typeName="Query", fieldName="echo")
    assert refused(client.get_resolver, apiId=graph.id, typeName="Query", fieldName="echo") == ("NotFoundException", "No resolver found.")


def test_resolvers_that_cannot_be_are_refused(graph):
    graph.source("none")

    def told(**more) -> tuple[str, str]:
        said = {"apiId": graph.id, "typeName": "Query", "fieldName": "echo", "dataSourceName": "none", "code": CODE, "runtime": RUNTIME, **more}
        return refused(graph.client.create_resolver, **{name: value for name, value in said.items() if value is not None})

    assert told(fieldName="none") == ("NotFoundException", "No field named none found on type Query")
    assert told(typeName="None") == ("NotFoundException", "Type None not found.")
    assert told(dataSourceName="other") == ("NotFoundException", "No data source found named other")
    assert told(kind="PIPELINE")[0] == told(runtime=None)[0] == told(requestMappingTemplate="{}")[0] == told(dataSourceName=None)[0] == "BadRequestException"
    assert told(code=None, runtime=None)[0] == "BadRequestException"
    assert told(code=None, runtime=None, requestMappingTemplate="#if(", responseMappingTemplate="{}")[0] == "BadRequestException"
    assert told(dataSourceName=None, kind="PIPELINE", pipelineConfig={"functions": ["nothing"]})[0] == "NotFoundException"
    assert told(syncConfig={"conflictDetection": "VERSION"})[0] == "NotImplemented"
    assert told(cachingConfig={"ttl": 4000})[0] == "BadRequestException"
    graph.resolve("Query.echo", "none", code=THROUGH)
    assert told() == ("BadRequestException", "Only one resolver is allowed per field.")


FORBIDDEN = {
    "for (let i = 0; i < 3; i++) {}": "no-for", "while (true) {}": "no-while", "do {} while (true)": "no-while", "try { f() } catch (e) {}": "no-try",
    "throw 1": "no-throw", "const r = /a/": "no-regex", "class A {}": "no-classes", "const f = async () => 1": "no-async", "a++": "no-disallowed-unary-operators",
    "const b = ~1": "no-disallowed-unary-operators", "for (const x of []) { continue }": "no-continue", "function* g() { yield 1 }": "no-generators",
    "const t = this": "no-this", "const i = 'a' in {}": "no-disallowed-binary-operators", "l: for (const x of []) {}": "no-labels",
}  # fmt: skip


def test_code_that_the_runtime_does_not_allow_is_refused_with_all_its_places(graph):
    # https://docs.aws.amazon.com/appsync/latest/devguide/utility-resolvers.html
    graph.source("none")
    for statement, rule in FORBIDDEN.items():
        code = f"export function request(ctx) {{\n  {statement};\n  return {{}} }}\nexport const response = (ctx) => 1;"
        told = graph.client.evaluate_code(runtime=RUNTIME, code=code, context="{}")["error"]
        assert told["message"] == "The code contains one or more errors."
        assert any(f"/{rule}: " in each["value"] and each["location"]["line"] == 2 for each in told["codeErrors"]), (statement, told)
    with pytest.raises(graph.client.exceptions.BadRequestException) as error:
        graph.client.create_resolver(apiId=graph.id, typeName="Query", fieldName="echo", dataSourceName="none", runtime=RUNTIME, code="export const request = () => { while (1) {} };")
    assert error.value.response["reason"] == "CODE_ERROR"
    assert error.value.response["detail"]["codeErrors"][0]["errorType"] == "LINT_ERROR"
    told = graph.client.evaluate_code(runtime=RUNTIME, code="export const request = (", context="{}")["error"]
    assert told["codeErrors"][0]["errorType"] == "PARSER_ERROR"
    told = graph.client.evaluate_code(runtime=RUNTIME, code="import fs from 'fs';\nexport const request = () => 1", context="{}")["error"]
    assert "fs" in told["codeErrors"][0]["value"]
    code = "export const request = () => ({});"
    assert refused(graph.client.create_function, apiId=graph.id, name="f", dataSourceName="none", runtime=RUNTIME, code=code)[0] == "BadRequestException"


def test_code_is_tried_out(cloud):
    client = cloud.client("appsync")

    def told(body: str, function: str = "request", **context) -> dict:
        code = f"import {{ util }} from '@aws-appsync/utils';\nexport function request(ctx) {{ {body} }}\nexport function response(ctx) {{ return ctx.result }}"
        return client.evaluate_code(runtime=RUNTIME, code=code, context=json.dumps(context), function=function)

    answer = told("console.log('saw', ctx.args); ctx.stash.a = 1; util.appendError('e'); return { n: ctx.args.n + 1 }", arguments={"n": 1})
    assert json.loads(answer["evaluationResult"]) == {"n": 2} and answer["logs"] == ['INFO - saw {"n":1}']
    assert json.loads(answer["stash"]) == {"a": 1} and json.loads(answer["outErrors"])[0]["message"] == "e"
    assert told("util.error('no', 'Kind')")["error"]["message"] == "no"
    assert json.loads(told("", "response", result=[1])["evaluationResult"]) == [1]
    assert told("", "missing")["error"]["message"]
    assert refused(client.evaluate_code, runtime=RUNTIME, code="export const request = () => 1", context="nonsense")[0] == "BadRequestException"


def test_what_a_bundler_writes_is_code_too(cloud):
    client = cloud.client("appsync")
    code = """// src/resolver.ts
import { util as util2 } from "@aws-appsync/utils";
import * as ddb from "@aws-appsync/utils/dynamodb";
var TABLE = "t";
function request(ctx) { return { ...ddb.get({ key: { id: ctx.args.id } }), table: TABLE, has: typeof util2.autoId }; }
var answer = (ctx) => ctx.result ?? "none";
export {
  request,
  answer as response
};
"""
    told = client.evaluate_code(runtime=RUNTIME, code=code, context='{"arguments": {"id": "1"}}', function="request")
    assert json.loads(told["evaluationResult"]) == {"operation": "GetItem", "key": {"id": {"S": "1"}}, "table": "t", "has": "function"}
    assert client.evaluate_code(runtime=RUNTIME, code=code, context="{}", function="response")["evaluationResult"] == '"none"'
    for odd in ("export default 5;", "export * from '@aws-appsync/utils';", "export { util } from '@aws-appsync/utils';"):
        assert client.evaluate_code(runtime=RUNTIME, code=odd, context="{}")["error"]["codeErrors"], odd


def test_templates_are_tried_out(cloud):
    client = cloud.client("appsync")

    def told(template: str, **context) -> str:
        answer = client.evaluate_mapping_template(template=template, context=json.dumps(context))
        return answer["evaluationResult"] if "evaluationResult" in answer else answer["error"]["message"]

    assert told('{"id": "$ctx.args.id", "n": $context.arguments.n}', arguments={"id": "x", "n": 2}) == '{"id": "x", "n": 2}'
    assert told("$ctx.args.nothing|$!ctx.args.nothing|#if($ctx.args.nothing)yes#{else}no#end") == "$ctx.args.nothing||no"
    assert told('#if($ctx.args.a == $null)null#end#if("" == $null)wrong#end') == "null"
    assert told("#set($m = {})$util.qr($m.put('a', [1, 'b']))$util.toJson($m)") == '{"a":[1,"b"]}'
    assert told("#foreach($x in $ctx.args.l)$x#if($foreach.hasNext),#end#end", arguments={"l": [1, 2, 3]}) == "1,2,3"
    assert told("a#return({'b': 1})c") == '{"b":1}'
    assert told('$util.error("said", "Kind")') == "said"
    assert told('$util.validate(false, "not valid")') == "not valid"
    assert told("$util.isNull($ctx.nothing) $util.isNullOrBlank('  ') $util.defaultIfNull($ctx.x, 'd') $util.typeOf([])") == "true true d List"
    assert told("$util.dynamodb.toDynamoDBJson({'a': [1, true, 's']})") == '{"M":{"a":{"L":[{"N":"1"},{"BOOL":true},{"S":"s"}]}}}'
    assert told("$util.dynamodb.toStringSetJson(['a']) $util.dynamodb.toNullJson()") == '{"SS":["a"]} {"NULL":true}'
    assert told("$util.urlEncode('a b&~') $util.base64Encode('hé') $util.base64Decode('aMOp') $util.escapeJavaScript('\"x\"')") == 'a+b%26%7E aMOp hé \\"x\\"'
    assert told("$util.time.epochMilliSecondsToISO8601(0) $util.time.parseISO8601ToEpochMilliSeconds('1970-01-01T00:00:01Z')") == "1970-01-01T00:00:00.000Z 1000"
    assert told("$util.time.epochMilliSecondsToFormatted(0, \"yyyy-MM-dd'T'HH:mm:ss.SSSXXX\", 'Asia/Tokyo')") == "1970-01-01T09:00:00.000+09:00"
    assert told("$util.time.parseFormattedToEpochMilliSeconds('1970-01-02 00:00', 'yyyy-MM-dd HH:mm', 'UTC')") == "86400000"
    assert told("$util.matches('^a+$', 'aaa') $util.str.toUpper('x') $util.math.maxVal(1, 2) $util.list.copyAndRemoveAll([1, 2], [1])") == "true X 2 [2]"
    assert json.loads(told("$util.transform.toDynamoDBFilterExpression({'title': {'contains': 'x'}})")) == {
        "expression": "(contains(#title,:title_contains))", "expressionNames": {"#title": "title"}, "expressionValues": {":title_contains": {"S": "x"}},
    }  # fmt: skip
    assert len(told("$util.autoId()")) == 36 and len(told("$util.autoUlid()")) == 26 and len(told("$util.autoKsuid()")) == 27


def test_what_is_not_built_is_refused_by_name(cloud):
    client = cloud.client("appsync")
    assert refused(client.list_domain_names)[0] == "NotImplemented"
