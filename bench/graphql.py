"""What a GraphQL request costs: CPU of Kumoniwa for queries over DynamoDB in both resolver languages, and until a subscriber hears.

    python bench/graphql.py [--requests 2000]

CPU is that of the process and its living descendants. Every answer is checked before a figure is printed.
"""

import argparse
import http.client
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import boto3
from stack import cpu_s

sys.path.append(str(Path(__file__).parents[1] / "patterns"))
from graphql_api.listener import Listener  # noqa: E402

ROLE_TRUST = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "appsync.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
ALLOW = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
RUNTIME = {"name": "APPSYNC_JS", "runtimeVersion": "1.0.0"}
SCHEMA = """
type Post { id: ID! title: String likes: Int }
type Query { none: Post js(id: ID!): Post vtl(id: ID!): Post pipe(id: ID!): Post }
type Mutation { put(id: ID!, title: String): Post }
type Subscription { onPut: Post @aws_subscribe(mutations: ["put"]) }
"""
GET = """import { get } from '@aws-appsync/utils/dynamodb';
export const request = (ctx) => get({ key: { id: ctx.args.id } });
export const response = (ctx) => ctx.result;"""
NONE = """export const request = (ctx) => ({ payload: { id: ctx.args.id ?? '1', title: 'A', likes: 3 } });
export const response = (ctx) => ctx.result;"""
THROUGH = """export const request = () => ({});
export const response = (ctx) => ctx.prev.result;"""
BEFORE = '{ "version": "2018-05-29", "operation": "GetItem", "key": { "id": $util.dynamodb.toDynamoDBJson($ctx.args.id) } }'
AFTER = "$util.toJson($ctx.result)"


def made(clients):
    """An API with its key."""
    appsync, iam, dynamodb = clients("appsync"), clients("iam"), clients("dynamodb")
    role = iam.create_role(RoleName="graph", AssumeRolePolicyDocument=json.dumps(ROLE_TRUST))["Role"]["Arn"]
    iam.put_role_policy(RoleName="graph", PolicyName="all", PolicyDocument=json.dumps(ALLOW))
    key = {"AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}], "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]}
    dynamodb.create_table(TableName="posts", BillingMode="PAY_PER_REQUEST", **key)
    dynamodb.put_item(TableName="posts", Item={"id": {"S": "1"}, "title": {"S": "A"}, "likes": {"N": "3"}})
    api = appsync.create_graphql_api(name="g", authenticationType="API_KEY")["graphqlApi"]["apiId"]
    appsync.start_schema_creation(apiId=api, definition=SCHEMA.encode())
    time.sleep(0.5)
    appsync.create_data_source(apiId=api, name="none", type="NONE")
    appsync.create_data_source(apiId=api, name="posts", type="AMAZON_DYNAMODB", serviceRoleArn=role, dynamodbConfig={"tableName": "posts", "awsRegion": "us-east-1"})
    function = appsync.create_function(apiId=api, name="get", dataSourceName="posts", code=GET, runtime=RUNTIME)["functionConfiguration"]["functionId"]

    def resolver(type_, field, **more):
        appsync.create_resolver(apiId=api, typeName=type_, fieldName=field, **more)

    resolver("Query", "none", dataSourceName="none", code=NONE, runtime=RUNTIME)
    resolver("Query", "js", dataSourceName="posts", code=GET, runtime=RUNTIME)
    resolver("Query", "vtl", dataSourceName="posts", requestMappingTemplate=BEFORE, responseMappingTemplate=AFTER)
    resolver("Query", "pipe", kind="PIPELINE", pipelineConfig={"functions": [function]}, code=THROUGH, runtime=RUNTIME)
    resolver("Mutation", "put", dataSourceName="none", code=NONE, runtime=RUNTIME)
    return api, appsync.create_api_key(apiId=api)["apiKey"]["id"]


QUERIES = {
    "a field without a data source, JavaScript": ("{ none { id title likes } }", "none"),
    "GetItem, JavaScript": ('{ js(id: "1") { id title likes } }', "js"),
    "GetItem, Velocity": ('{ vtl(id: "1") { id title likes } }', "vtl"),
    "GetItem, pipeline of one function": ('{ pipe(id: "1") { id title likes } }', "pipe"),
}


def measured(port, pid, api, key, name, requests):
    query, field = QUERIES[name]
    connection = http.client.HTTPConnection("127.0.0.1", port)
    body, headers = json.dumps({"query": query}), {"x-api-key": key, "content-type": "application/json"}
    took = []

    def ask():
        began = time.perf_counter()
        connection.request("POST", f"/graphql/{api}", body, headers)
        answer = json.loads(connection.getresponse().read())
        took.append(time.perf_counter() - began)
        assert answer == {"data": {field: {"id": "1", "title": "A", "likes": 3}}}, answer

    for _ in range(200):
        ask()
    took.clear()
    before = cpu_s(pid)
    for _ in range(requests):
        ask()
    cpu_ms = (cpu_s(pid) - before) / requests * 1e3
    took.sort()
    print(f"{name:<45} {cpu_ms:6.3f} ms of CPU, p50 {took[len(took) // 2] * 1e3:5.2f} ms, p99 {took[len(took) * 99 // 100] * 1e3:5.2f} ms")


def heard(port, api, key, requests):
    """From sending a mutation to hearing of it."""
    listener = Listener(f"http://127.0.0.1:{port}", api, "us-east-1", key)
    listener.subscribe("1", "subscription { onPut { id } }")
    connection = http.client.HTTPConnection("127.0.0.1", port)
    took = []
    for number in range(requests):
        began = time.perf_counter()
        connection.request("POST", f"/graphql/{api}", json.dumps({"query": f'mutation {{ put(id: "{number}") {{ id }} }}'}), {"x-api-key": key})
        connection.getresponse().read()
        assert listener.hears(5) == {"onPut": {"id": str(number)}}
        took.append(time.perf_counter() - began)
    took.sort()
    print(f"{'a mutation and its subscriber':<45} p50 {took[len(took) // 2] * 1e3:5.2f} ms, p99 {took[len(took) * 99 // 100] * 1e3:5.2f} ms")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--port", type=int, default=4579)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "kumoniwa.cli.main", "up", "--port", str(arguments.port), "--data", folder]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            server.stdout.readline()
            keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
            clients = lambda name: boto3.client(name, endpoint_url=f"http://127.0.0.1:{arguments.port}", **keys)  # noqa: E731
            api, key = made(clients)
            for name in QUERIES:
                measured(arguments.port, server.pid, api, key, name, arguments.requests)
            heard(arguments.port, api, key, min(arguments.requests, 500))
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
