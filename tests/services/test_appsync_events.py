"""Rules of EventBridge that call mutations of a GraphQL API, in a role that may.

https://docs.aws.amazon.com/eventbridge/latest/userguide/target-appsync.html
"""

from __future__ import annotations

import json

import pytest
from refusals import refused
from services.appsync_workshop import Graph
from services.lambda_workshop import ACCOUNT, put_role
from services.test_events_rules import queue, received

TRUST = json.dumps({"Statement": {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"}})
ROLE = f"arn:aws:iam::{ACCOUNT}:role/rule"
SCHEMA = "type Query { note(id: ID!): String } type Mutation { keep(id: ID!, text: String): ID @aws_iam fail: ID @aws_iam }"
KEEP = "mutation Keep($id: ID!, $text: String) { keep(id: $id, text: $text) }"


@pytest.fixture
def graph(cloud):
    graph = Graph(cloud, SCHEMA, additionalAuthenticationProviders=[{"authenticationType": "AWS_IAM"}])
    table = graph.table("notes")
    graph.resolve("Mutation.keep", table, code="import { put } from '@aws-appsync/utils/dynamodb';\nexport const request = (ctx) => put({ key: { id: ctx.args.id }, item: { text: ctx.args.text } });\nexport const response = (ctx) => ctx.result.id;")
    put_role(cloud, "appsync:GraphQL", trust=TRUST, arn=ROLE)
    cloud.client("events").put_rule(Name="r", EventPattern=json.dumps({"source": ["shop"]}))
    return graph


def target(graph, operation: str = KEEP, **more) -> dict:
    arn = graph.api["arn"].replace(":apis/", ":endpoints/graphql-api/")
    transformer = {"InputPathsMap": {"id": "$.id", "text": "$.detail.text"}, "InputTemplate": '{"id": "<id>", "text": "<text>"}'}
    return {"Id": "g", "Arn": arn, "RoleArn": ROLE, "AppSyncParameters": {"GraphQLOperation": operation}, "InputTransformer": transformer, **more}


def put(cloud) -> str:
    entry = {"Source": "shop", "DetailType": "t", "Detail": json.dumps({"text": "hello"})}
    (made,) = cloud.client("events").put_events(Entries=[entry])["Entries"]
    cloud.sleep(2)
    return made["EventId"]


def test_an_event_calls_a_mutation_with_its_variables(cloud, graph):
    events = cloud.client("events")
    assert events.put_targets(Rule="r", Targets=[target(graph)])["FailedEntryCount"] == 0
    id_ = put(cloud)
    item = cloud.client("dynamodb").get_item(TableName="notes", Key={"id": {"S": id_}})["Item"]
    assert item == {"id": {"S": id_}, "text": {"S": "hello"}}


def test_what_the_api_refuses_reaches_the_dead_letter_queue(cloud, graph):
    events = cloud.client("events")
    dead = {"DeadLetterConfig": {"Arn": queue(cloud, "dead")}}
    events.put_targets(Rule="r", Targets=[target(graph, "mutation { nothing }", **dead)])
    put(cloud)
    assert len(received(cloud, "dead")) == 1
    put_role(cloud, "sqs:SendMessage", trust=TRUST, arn=ROLE)
    events.put_targets(Rule="r", Targets=[target(graph, **dead)])
    put(cloud)
    assert len(received(cloud, "dead")) == 1
    assert cloud.client("dynamodb").scan(TableName="notes")["Count"] == 0


def test_targets_that_cannot_be_called_are_refused(cloud, graph):
    events = cloud.client("events")
    good = target(graph)
    for wrong in ({"RoleArn": None}, {"AppSyncParameters": None}, {"Arn": graph.api["arn"]}):
        said = {name: value for name, value in {**good, **wrong}.items() if value is not None}
        assert refused(events.put_targets, Rule="r", Targets=[said])[0] == "ValidationException"
