"""SAM templates, in the child process and out of it: snippet 01 of the handbook, repaired, down to what stands."""

from __future__ import annotations

import asyncio
import json

import pytest
from small_world import PSEUDO, Stack, World

from kumoniwa.deploy import plan, sam, template, workbench
from kumoniwa.deploy.standing import Blueprint
from kumoniwa.deploy.workshop import Workshop
from kumoniwa.kernel.errors import NotImplementedHere, ValidationError

USER_API = """
Transform: AWS::Serverless-2016-10-31
Resources:
  UserAPI:
    Type: AWS::Serverless::Api
    Properties:
      StageName: prod
      Cors: {AllowMethods: "'*'", AllowHeaders: "'*'", AllowOrigin: "'*'"}
  UserFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: s3://artifacts/code.zip
      Handler: app.lambda_handler
      Runtime: python3.13
      Policies:
        - DynamoDBCrudPolicy: {TableName: !Ref UserTable}
      Environment: {Variables: {USER_TABLE: !Ref UserTable}}
      Events:
        GetUser: {Type: Api, Properties: {RestApiId: !Ref UserAPI, Path: "/users/{id}", Method: get}}
        CreateUser: {Type: Api, Properties: {RestApiId: !Ref UserAPI, Path: /users, Method: post}}
  UserTable:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: userId, AttributeType: S}]
      KeySchema: [{AttributeName: userId, KeyType: HASH}]
Outputs:
  Url: {Value: !Sub "https://${UserAPI}.execute-api.${AWS::Region}.amazonaws.com/prod"}
"""


def transformed(body: dict, values: dict, pseudo: dict) -> dict:
    return sam.transform(body, values, pseudo)


class SamStack(Stack):
    def draw(self, text: str, **given: str) -> Blueprint:
        answer = workbench.answer({"do": "draw", "text": text, "given": given, "pseudo": PSEUDO})
        assert "done" in answer, answer
        self.drawn = answer["done"]
        return Blueprint(**answer["done"])


def test_the_user_api_of_the_handbook_stands_after_its_deploy():
    world = World()
    stack = SamStack(world)
    assert stack.create(USER_API) == "CREATE_COMPLETE"
    api = next(thing for (kind, _), thing in world.things.items() if kind == "api")
    body = json.loads(api["body"])
    function = world.names("function")[0]
    assert api["name"] == "shop"
    assert sorted(body["paths"]) == ["/users", "/users/{id}"]
    assert body["paths"]["/users"]["post"]["x-amazon-apigateway-integration"]["uri"] == (
        "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/"
        f"arn:aws:lambda:eu-west-1:123456789012:function:{function}/invocations"
    )
    cors = body["paths"]["/users"]["options"]["x-amazon-apigateway-integration"]["responses"]["default"]
    assert cors["responseParameters"]["method.response.header.Access-Control-Allow-Origin"] == "'*'"
    document = next(thing["document"] for (kind, _), thing in world.things.items() if kind == "inline")
    assert f"table/{world.names('table')[0]}" in document and "dynamodb:PutItem" in document
    assert len(world.names("permission")) == 2
    # SAM's deployment makes a stage of its own, called Stage, beside the one that was asked for.
    assert sorted(key.split()[1] for kind, key in world.things if kind == "stage") == ["Stage", "prod"]
    assert stack.state.outputs["Url"]["Value"].endswith(".execute-api.eu-west-1.amazonaws.com/prod")
    assert stack.drawn["capabilities"] == ["CAPABILITY_IAM"]


def test_the_user_api_goes_away_without_a_trace():
    world = World()
    stack = SamStack(world)
    stack.create(USER_API)
    assert stack.delete() == "DELETE_COMPLETE"
    assert world.things == {}


def test_a_new_path_makes_a_new_deployment_and_moves_the_stage():
    world = World()
    stack = SamStack(world)
    stack.create(USER_API)
    old = world.names("deployment")
    more = USER_API.replace("Path: /users,", "Path: /people,")
    assert stack.update(more) == "UPDATE_COMPLETE"
    assert len(world.names("deployment")) == 1 and world.names("deployment") != old
    stages = [thing["deploymentId"] for (kind, _), thing in world.things.items() if kind == "stage"]
    assert stages == world.names("deployment") * 2
    assert (
        "/people" in json.loads(next(t for (k, _), t in world.things.items() if k == "api")["body"])["paths"]
    )


def test_unpackaged_code_is_refused_as_the_transform_refuses_it():
    # The text is the translator's own, which is what CloudFormation answers with.
    body = template.parse(USER_API.replace("s3://artifacts/code.zip", "user-service/")).body
    with pytest.raises(ValidationError) as found:
        transformed(body, {}, PSEUDO)
    assert found.value.text == (
        "Transform AWS::Serverless-2016-10-31 failed with: Invalid Serverless Application Specification document. "
        "Number of errors found: 1. Resource with id [UserFunction] is invalid. 'CodeUri' is not a valid S3 Uri of "
        "the form 's3://bucket/key' with optional versionId query parameter."
    )


def test_without_its_transform_the_template_is_refused():
    answer = workbench.answer(
        {
            "do": "draw",
            "text": USER_API.replace("Transform: AWS::Serverless-2016-10-31\n", ""),
            "given": {},
            "pseudo": PSEUDO,
        }
    )
    assert answer["refused"]["text"] == (
        "Template format error: Unrecognized resource types: [AWS::Serverless::Api, AWS::Serverless::Function]"
    )


def test_nested_applications_are_refused_by_name():
    body = {"Resources": {"A": {"Type": "AWS::Serverless::Application", "Properties": {}}}}
    with pytest.raises(NotImplementedHere, match="AWS::Serverless::Application"):
        transformed(body, {}, PSEUDO)


async def _in_the_child() -> None:
    workshop = Workshop()
    try:
        drawn = await workshop.draw(USER_API, {}, PSEUDO)
        assert "UserFunctionRole" in drawn.resources
        with pytest.raises(ValidationError, match="At least one Resources member must be defined"):
            await workshop.draw("Resources: {}", {}, PSEUDO)
        outlined = await workshop.outline(USER_API)
        assert outlined["transforms"] == ["AWS::Serverless-2016-10-31"]
        # A child that died is replaced.
        workshop.child.kill()
        await workshop.child.wait()
        assert (await workshop.outline("Resources: {Q: {Type: AWS::SQS::Queue}}"))["resource_types"] == [
            "AWS::SQS::Queue"
        ]
    finally:
        await workshop.close()


def test_a_child_process_draws_so_that_a_regions_loop_does_not():
    asyncio.run(_in_the_child())


def test_an_update_is_foretold():
    world = World()
    stack = SamStack(world)
    stack.create(USER_API)
    new = stack.draw(USER_API.replace("userId", "personId").replace("python3.13", "python3.12"))
    foretold = {
        change.logical_id: change for change in plan.changes(new.resources, stack.state.resources, new.levels)
    }
    assert (foretold["UserTable"].action, foretold["UserTable"].replacement) == ("Modify", "True")
    assert foretold["UserTable"].policy_action == "ReplaceAndDelete"
    # The role names the table, whose name will be another one.
    assert foretold["UserFunctionRole"].replacement == "False"
    (detail,) = {(each.is_certain, each.source, each.cause) for each in foretold["UserFunctionRole"].details}
    assert detail == (True, "ResourceReference", "UserTable")
    assert {detail.property for detail in foretold["UserFunction"].details} == {"Environment", "Role", "Runtime"}
    assert "UserAPIprodStage" not in foretold


def test_nothing_is_foretold_for_the_same_template():
    stack = SamStack(World())
    stack.create(USER_API)
    new = stack.draw(USER_API)
    assert plan.changes(new.resources, stack.state.resources, new.levels) == []


def test_another_type_under_the_same_name_is_refused():
    stack = SamStack(World())
    stack.create("Resources: {A: {Type: AWS::SQS::Queue}}")
    new = stack.draw("Resources: {A: {Type: AWS::Logs::LogGroup}}")
    with pytest.raises(ValidationError, match=r"Update of resource type is not permitted.*\[A\]"):
        plan.changes(new.resources, stack.state.resources, new.levels)
