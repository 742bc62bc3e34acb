"""GraphQL APIs for tests: made through the control plane, asked through the door."""

from __future__ import annotations

import json
from typing import Any

from services.lambda_workshop import ACCOUNT, put_role

ROLE = f"arn:aws:iam::{ACCOUNT}:role/appsync"
TRUST = json.dumps({"Statement": {"Effect": "Allow", "Principal": {"Service": "appsync.amazonaws.com"}, "Action": "sts:AssumeRole"}})
RUNTIME = {"name": "APPSYNC_JS", "runtimeVersion": "1.0.0"}
SCHEMA = """
type Post { id: ID! title: String likes: Int tags: [String] author: Author createdAt: AWSDateTime }
type Author { id: ID! name: String }
type Page { items: [Post!]! nextToken: String }
input PostInput { id: ID! title: String likes: Int tags: [String] }
type Query { post(id: ID!): Post posts(limit: Int, nextToken: String): Page echo(text: String, json: AWSJSON): String }
type Mutation { put(input: PostInput!): Post like(id: ID!): Post }
type Subscription {
  onPut(id: ID, title: String): Post @aws_subscribe(mutations: ["put"])
  onAny: Post @aws_subscribe(mutations: ["put", "like"])
}
"""
THROUGH = """
export function request(ctx) { return { payload: ctx.args } }
export function response(ctx) { return ctx.result }
"""


class Graph:
    """One API with a key."""

    def __init__(self, cloud, schema: str | None = SCHEMA, **more: Any) -> None:
        self.cloud = cloud
        self.client = cloud.client("appsync")
        said = {"name": "graph", "authenticationType": "API_KEY", **more}
        self.api = self.client.create_graphql_api(**said)["graphqlApi"]
        self.id = self.api["apiId"]
        self.key = self.client.create_api_key(apiId=self.id)["apiKey"]["id"]
        if schema is not None:
            assert self.learn(schema)["status"] == "SUCCESS", self.learn(schema)

    def learn(self, schema: str) -> dict:
        self.client.start_schema_creation(apiId=self.id, definition=schema.encode())
        return self.client.get_schema_creation_status(apiId=self.id)

    def source(self, name: str, kind: str = "NONE", *actions: str, **config: Any) -> str:
        role = {"serviceRoleArn": put_role(self.cloud, *actions, trust=TRUST, arn=ROLE)} if actions else {}
        self.client.create_data_source(apiId=self.id, name=name, type=kind, **role, **config)
        return name

    def table(self, name: str = "posts", *actions: str) -> str:
        self.cloud.client("dynamodb").create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        )
        return self.source(name, "AMAZON_DYNAMODB", *(actions or ("dynamodb:*",)), dynamodbConfig={"tableName": name, "awsRegion": "us-east-1"})

    def resolve(self, field: str, source: str | None, *, code: str | None = None, before: str | None = None, after: str | None = None, **more: Any) -> None:
        type_, _, name = field.partition(".")
        self.client.create_resolver(apiId=self.id, typeName=type_, fieldName=name, **_logic(code, before, after), **_named(source), **more)

    def function(self, name: str, source: str, *, code: str | None = None, before: str | None = None, after: str | None = None) -> str:
        said = self.client.create_function(apiId=self.id, name=name, **_logic(code, before, after), **_named(source))
        return said["functionConfiguration"]["functionId"]

    def ask(self, query: str, variables: dict | None = None, *, headers: dict | None = None, status: int = 200, **more: Any) -> dict:
        body = json.dumps({"query": query, "variables": variables or {}, **more}).encode()
        got, _, answer = self.post(body, headers)
        assert got == status, answer
        return json.loads(answer)

    def data(self, query: str, variables: dict | None = None, **more: Any) -> Any:
        answer = self.ask(query, variables, **more)
        assert "errors" not in answer, answer
        return answer["data"]

    def post(self, body: bytes, headers: dict | None = None, method: str = "POST") -> tuple[int, dict, bytes]:
        headers = {"x-api-key": self.key} if headers is None else headers
        host = f"{self.id}.appsync-api.us-east-1.localhost:4566"
        return self.cloud.http(method, "/graphql", host=host, headers=headers, body=body)


def _logic(code: str | None, before: str | None, after: str | None) -> dict[str, Any]:
    said = {"requestMappingTemplate": before, "responseMappingTemplate": after}
    if code is not None:
        said |= {"code": f"import {{ util, extensions, runtime }} from '@aws-appsync/utils';\n{code}", "runtime": RUNTIME}
    return {name: value for name, value in said.items() if value is not None}


def _named(source: str | None) -> dict[str, str]:
    return {"dataSourceName": source} if source is not None else {}
