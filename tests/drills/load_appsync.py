"""A GraphQL API that is used while a resolver of it changes, and one whose mutations write into a table."""

import json

from worker import REGION, Plain, Worker

RUNTIME = {"name": "APPSYNC_JS", "runtimeVersion": "1.0.0"}
TRUST = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "appsync.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
ALLOW = {"Statement": [{"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}]}
WORD = "export const request = () => ({ payload: %d });\nexport const response = (ctx) => ctx.result;"
WRITE = """import { put } from '@aws-appsync/utils/dynamodb';
import { util } from '@aws-appsync/utils';
export const request = (ctx) => put({ key: { id: ctx.args.id }, item: { by: 'graph' } });
export function response(ctx) { if (ctx.error) util.error(ctx.error.message, ctx.error.type); return ctx.result.id }"""
SCHEMA = "type Query { word: Int } type Mutation { write(id: ID!): ID }"


class Asker(Worker):
    def __init__(self, cloud, number: int, api: str, key: str) -> None:
        self.api, self.key = api, key
        super().__init__(cloud, number)

    def ask(self, query: str) -> dict:
        headers = {"x-api-key": self.key}
        status, body = self.plain.send("POST", f"/graphql/{self.api}", headers, json.dumps({"query": query}))
        answer = json.loads(body)
        assert status == 200 and "errors" not in answer, (status, body)
        return answer["data"]


class Rewriter(Asker):
    """Changes a resolver and asks for its field: whoever asks hears the last word."""

    def prepare(self) -> None:
        self.client_, self.plain, self.word = self.client("appsync"), Plain(self.cloud), 0

    def act(self, name: str) -> None:
        place = {"apiId": self.api, "typeName": "Query", "fieldName": "word", "dataSourceName": "none"}
        self.client_.update_resolver(**place, code=WORD % (self.word + 1), runtime=RUNTIME)
        self.word += 1
        said = self.ask("{ word }")["word"]
        assert said == self.word, f"asked for {self.word} and heard {said}"


class Writer(Asker):
    """Writes through mutations; what was answered is in the table."""

    def prepare(self) -> None:
        self.plain, self.written = Plain(self.cloud), set()

    def act(self, name: str) -> None:
        assert self.ask(f'mutation {{ write(id: "{name}") }}') == {"write": name}
        self.written.add(name)


def begin(cloud) -> list[Worker]:
    client, dynamodb, iam = (cloud.client(name, REGION) for name in ("appsync", "dynamodb", "iam"))
    role = iam.create_role(RoleName="graph", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    iam.put_role_policy(RoleName="graph", PolicyName="all", PolicyDocument=json.dumps(ALLOW))
    key = {"AttributeName": "id", "KeyType": "HASH"}
    attributes = [{"AttributeName": "id", "AttributeType": "S"}]
    dynamodb.create_table(TableName="graph", BillingMode="PAY_PER_REQUEST", AttributeDefinitions=attributes, KeySchema=[key])
    api = client.create_graphql_api(name="graph", authenticationType="API_KEY")["graphqlApi"]["apiId"]
    client.start_schema_creation(apiId=api, definition=SCHEMA.encode())
    client.create_data_source(apiId=api, name="none", type="NONE")
    table = {"tableName": "graph", "awsRegion": REGION}
    client.create_data_source(apiId=api, name="table", type="AMAZON_DYNAMODB", serviceRoleArn=role, dynamodbConfig=table)
    place = {"apiId": api, "runtime": RUNTIME}
    client.create_resolver(**place, typeName="Query", fieldName="word", dataSourceName="none", code=WORD % 0)
    client.create_resolver(**place, typeName="Mutation", fieldName="write", dataSourceName="table", code=WRITE)
    secret = client.create_api_key(apiId=api)["apiKey"]["id"]
    return [Rewriter(cloud, 95, api, secret), Writer(cloud, 96, api, secret)]


def check(cloud, workers: list[Worker]) -> None:
    rewriter, writer = workers
    assert rewriter.ask("{ word }")["word"] in (rewriter.word, rewriter.word + 1)
    pages = cloud.client("dynamodb", REGION).get_paginator("scan").paginate(TableName="graph", ConsistentRead=True)
    found = {item["id"]["S"] for page in pages for item in page["Items"]}
    assert writer.written <= found, f"acknowledged mutations are gone: {sorted(writer.written - found)[:5]}"
