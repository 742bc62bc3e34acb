"""GraphQL APIs that stacks make, from CloudFormation's own types and from SAM's."""

from __future__ import annotations

import json

from services.test_kinesis_stack import deploy

SAM = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: posts
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
  Api:
    Type: AWS::Serverless::GraphQLApi
    Properties:
      SchemaInline: |
        type Post { id: ID! title: String }
        type Query { getPost(id: ID!): Post }
        type Mutation { addPost(id: ID!, title: String): Post }
      Auth: {Type: API_KEY}
      ApiKeys: {Key: {Description: for all}}
      DataSources:
        DynamoDb:
          Posts: {TableName: !Ref Table, TableArn: !GetAtt Table.Arn}
      Functions:
        get:
          Runtime: {Name: APPSYNC_JS, Version: 1.0.0}
          DataSource: Posts
          InlineCode: |
            import { get } from '@aws-appsync/utils/dynamodb';
            export const request = (ctx) => get({ key: { id: ctx.args.id } });
            export const response = (ctx) => ctx.result;
        add:
          Runtime: {Name: APPSYNC_JS, Version: 1.0.0}
          DataSource: Posts
          InlineCode: |
            import { put } from '@aws-appsync/utils/dynamodb';
            export const request = (ctx) => put({ key: { id: ctx.args.id }, item: ctx.args });
            export const response = (ctx) => ctx.result;
      Resolvers:
        Query: {getPost: {Runtime: {Name: APPSYNC_JS, Version: 1.0.0}, Pipeline: [get]}}
        Mutation: {addPost: {Runtime: {Name: APPSYNC_JS, Version: 1.0.0}, Pipeline: [add]}}
Outputs:
  Url: {Value: !GetAtt Api.GraphQLUrl}
  Id: {Value: !GetAtt Api.ApiId}
  Key: {Value: !GetAtt ApiKey.ApiKey}
"""


def outputs(shown: dict) -> dict[str, str]:
    return {each["OutputKey"]: each["OutputValue"] for each in shown["Outputs"]}


def ask(cloud, made: dict[str, str], query: str) -> dict:
    host = f"{made['Id']}.appsync-api.us-east-1.localhost:4566"
    _, _, body = cloud.http("POST", "/graphql", host=host, headers={"x-api-key": made["Key"]}, body=json.dumps({"query": query}).encode())
    return json.loads(body)


def test_sam_makes_an_api_that_answers(cloud):
    made = outputs(deploy(cloud, SAM))
    assert made["Url"] == f"http://{made['Id']}.appsync-api.us-east-1.localhost:4566/graphql"
    assert ask(cloud, made, 'mutation { addPost(id: "1", title: "T") { id } }') == {"data": {"addPost": {"id": "1"}}}
    assert ask(cloud, made, '{ getPost(id: "1") { title } }') == {"data": {"getPost": {"title": "T"}}}
    changed = SAM.replace("type Post { id: ID! title: String }", "type Post { id: ID! title: String! }").replace("export const response = (ctx) => ctx.result;", "export const response = (ctx) => ({ ...ctx.result, title: 'changed' });", 1)
    made = outputs(deploy(cloud, changed, "update"))
    assert ask(cloud, made, '{ getPost(id: "1") { title } }') == {"data": {"getPost": {"title": "changed"}}}
    cloud.client("cloudformation").delete_stack(StackName="s")
    cloud.sleep(30)
    assert cloud.client("appsync").list_graphql_apis()["graphqlApis"] == []


def test_texts_may_stand_in_a_bucket(cloud):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="texts")
    s3.put_object(Bucket="texts", Key="schema", Body=b"type Query { a: String }")
    s3.put_object(Bucket="texts", Key="before", Body=b'{ "payload": "from a bucket" }')
    s3.put_object(Bucket="texts", Key="after", Body=b"$util.toJson($ctx.result)")
    api = {"Fn::GetAtt": ["Api", "ApiId"]}
    resources = {
        "Api": {"Type": "AWS::AppSync::GraphQLApi", "Properties": {"Name": "a", "AuthenticationType": "API_KEY", "EnvironmentVariables": {"AB": "c"}}},
        "Schema": {"Type": "AWS::AppSync::GraphQLSchema", "Properties": {"ApiId": api, "DefinitionS3Location": "s3://texts/schema"}},
        "None": {"Type": "AWS::AppSync::DataSource", "Properties": {"ApiId": api, "Name": "none", "Type": "NONE"}},
        "A": {
            "Type": "AWS::AppSync::Resolver",
            "DependsOn": "Schema",
            "Properties": {
                "ApiId": api, "TypeName": "Query", "FieldName": "a", "DataSourceName": {"Fn::GetAtt": ["None", "Name"]},
                "RequestMappingTemplateS3Location": "s3://texts/before", "ResponseMappingTemplateS3Location": "s3://texts/after",
            },
        },
    }  # fmt: skip
    deploy(cloud, resources)
    appsync = cloud.client("appsync")
    (shown,) = appsync.list_graphql_apis()["graphqlApis"]
    assert appsync.get_graphql_api_environment_variables(apiId=shown["apiId"])["environmentVariables"] == {"AB": "c"}
    key = appsync.create_api_key(apiId=shown["apiId"])["apiKey"]["id"]
    assert ask(cloud, {"Id": shown["apiId"], "Key": key}, "{ a }") == {"data": {"a": "from a bucket"}}


def test_a_schema_that_cannot_be_read_fails_the_stack(cloud):
    api = {"Fn::GetAtt": ["Api", "ApiId"]}
    resources = {
        "Api": {"Type": "AWS::AppSync::GraphQLApi", "Properties": {"Name": "a", "AuthenticationType": "API_KEY"}},
        "Schema": {"Type": "AWS::AppSync::GraphQLSchema", "Properties": {"ApiId": api, "Definition": "type Query {"}},
    }
    stacks = cloud.client("cloudformation")
    stacks.create_stack(StackName="s", TemplateBody=json.dumps({"Resources": resources}))
    cloud.sleep(60)
    events = stacks.describe_stack_events(StackName="s")["StackEvents"]
    (reason,) = [each["ResourceStatusReason"] for each in events if each["LogicalResourceId"] == "Schema" and each["ResourceStatus"] == "CREATE_FAILED"]
    assert "Schema Creation Status is FAILED with details: Syntax Error" in reason
    assert cloud.client("appsync").list_graphql_apis()["graphqlApis"] == []


EVENTS = """
Parameters: {Said: {Type: String, Default: first}}
Resources:
  Api:
    Type: AWS::AppSync::Api
    Properties:
      Name: events
      EventConfig:
        AuthProviders: [{AuthType: API_KEY}]
        ConnectionAuthModes: [{AuthType: API_KEY}]
        DefaultPublishAuthModes: [{AuthType: API_KEY}]
        DefaultSubscribeAuthModes: [{AuthType: API_KEY}]
      Tags: [{Key: a, Value: b}]
  Key: {Type: AWS::AppSync::ApiKey, Properties: {ApiId: !GetAtt Api.ApiId}}
  None: {Type: AWS::AppSync::DataSource, Properties: {ApiId: !GetAtt Api.ApiId, Name: none, Type: NONE}}
  Namespace:
    Type: AWS::AppSync::ChannelNamespace
    Properties:
      ApiId: !GetAtt Api.ApiId
      Name: default
      HandlerConfigs: {OnPublish: {Behavior: CODE, Integration: {DataSourceName: !GetAtt None.Name}}}
      CodeHandlers: !Sub |
        export const onPublish = {
          request: (ctx) => ({ payload: '${Said}' }),
          response: (ctx) => ctx.events.map(({ id }) => ({ id, payload: ctx.result })),
        };
Outputs:
  Id: {Value: !GetAtt Api.ApiId}
  Http: {Value: !GetAtt Api.Dns.Http}
  Realtime: {Value: !GetAtt Api.Dns.Realtime}
  Key: {Value: !GetAtt Key.ApiKey}
  Namespace: {Value: !GetAtt Namespace.ChannelNamespaceArn}
"""


def test_a_stack_has_an_event_api_with_a_namespace(cloud):
    made = outputs(deploy(cloud, EVENTS))
    client = cloud.client("appsync")
    api = client.get_api(apiId=made["Id"])["api"]
    assert (api["dns"], api["tags"]["a"]) == ({"HTTP": made["Http"], "REALTIME": made["Realtime"]}, "b")
    assert made["Namespace"] == f"{api['apiArn']}/channelNamespace/default"
    assert client.list_tags_for_resource(resourceArn=made["Namespace"])["tags"]["aws:cloudformation:logical-id"] == "Namespace"
    body = json.dumps({"channel": "default/a", "events": ["1"]}).encode()
    status, _, told = cloud.http("POST", "/event", host=f"{made['Http']}:4566", headers={"x-api-key": made["Key"]}, body=body)
    assert (status, len(json.loads(told)["successful"])) == (200, 1)
    cloudformation = cloud.client("cloudformation")
    cloudformation.update_stack(StackName="s", TemplateBody=EVENTS, Parameters=[{"ParameterKey": "Said", "ParameterValue": "second"}])
    cloud.sleep(30)
    assert "second" in client.get_channel_namespace(apiId=made["Id"], name="default")["channelNamespace"]["codeHandlers"]
    cloudformation.delete_stack(StackName="s")
    cloud.sleep(30)
    assert client.list_apis()["apis"] == []
