"""HTTP and WebSocket APIs as stacks: from CloudFormation's types and from SAM's."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError
from services.certificate_workshop import brought
from test_cloudformation_stack import create, outputs, settled

CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
CODE = """
      Runtime: python3.11
      Handler: index.handler
      InlineCode: |
        import json
        def handler(event, context):
            return {"statusCode": 200, "body": json.dumps([event.get("routeKey"), event.get("pathParameters"), event.get("stageVariables")])}
"""

SAM = (
    """
Transform: AWS::Serverless-2016-10-31
Resources:
  Shop:
    Type: AWS::Serverless::HttpApi
    Properties:
      StageName: prod
      StageVariables: {color: green}
      CorsConfiguration: {AllowOrigins: ["https://a.example"], AllowMethods: [GET]}
      Auth: {Authorizers: {Tokens: {IdentitySource: $request.header.Authorization, JwtConfiguration: {issuer: "https://i.example", audience: [a]}}}}
      DefaultRouteSettings: {ThrottlingBurstLimit: 100, ThrottlingRateLimit: 50}
  Function:
    Type: AWS::Serverless::Function
    Properties:"""
    + CODE
    + """
      Events:
        Get: {Type: HttpApi, Properties: {ApiId: !Ref Shop, Path: "/orders/{id}", Method: GET}}
        Safe: {Type: HttpApi, Properties: {ApiId: !Ref Shop, Path: /safe, Method: POST, Auth: {Authorizer: Tokens}}}
Outputs:
  Api: {Value: !Ref Shop}
"""
)


def call(cloud, api: str, verb: str, path: str, **more):
    return cloud.http(verb, path, host=f"{api}.execute-api.us-east-1.amazonaws.com", **more)


def test_sams_http_api_answers_changes_and_goes(cloud):
    stack = create(cloud, "shop", SAM, Capabilities=CAPABILITIES)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    api, gateway = outputs(stack)["Api"], cloud.client("apigatewayv2")
    status, headers, body = call(cloud, api, "GET", "/prod/orders/7", headers={"Origin": "https://a.example"})
    assert (status, json.loads(body)) == (200, ["GET /orders/{id}", {"id": "7"}, {"color": "green"}])
    assert headers["access-control-allow-origin"] == "https://a.example"
    assert call(cloud, api, "POST", "/prod/safe")[0] == 401
    assert gateway.get_api(ApiId=api)["Tags"]["httpapi:createdBy"] == "SAM"
    changed = SAM.replace("/orders/{id}", "/sales/{id}").replace("color: green", "shade: dark").replace("a.example", "b.example")
    cloud.client("cloudformation").update_stack(StackName="shop", TemplateBody=changed, Capabilities=CAPABILITIES)
    assert settled(cloud, "shop")["StackStatus"] == "UPDATE_COMPLETE"
    assert call(cloud, api, "GET", "/prod/orders/7")[0] == 404
    assert json.loads(call(cloud, api, "GET", "/prod/sales/7")[2]) == ["GET /sales/{id}", {"id": "7"}, {"shade": "dark"}]
    cloud.client("cloudformation").delete_stack(StackName="shop")
    assert settled(cloud, stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert gateway.get_apis()["Items"] == []


def test_an_event_alone_has_an_api_of_its_own(cloud):
    template = (
        "Transform: AWS::Serverless-2016-10-31\nResources:\n  Function:\n    Type: AWS::Serverless::Function\n    Properties:"
        + CODE
        + "      Events: {Any: {Type: HttpApi}}\nOutputs:\n  Api: {Value: !Ref ServerlessHttpApi}\n"
    )
    stack = create(cloud, "one", template, Capabilities=CAPABILITIES)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert json.loads(call(cloud, outputs(stack)["Api"], "PUT", "/any/thing")[2]) == ["$default", None, None]


CHAT = (
    """
Transform: AWS::Serverless-2016-10-31
Resources:
  Chat:
    Type: AWS::Serverless::WebSocketApi
    Properties:
      RouteSelectionExpression: $request.body.action
      StageName: prod
      Routes:
        $connect: {FunctionArn: !GetAtt Function.Arn}
        send: {FunctionArn: !GetAtt Function.Arn, RouteResponseSelectionExpression: $default}
  Function:
    Type: AWS::Serverless::Function
    Properties:"""
    + CODE.replace('event.get("routeKey")', 'event["requestContext"]["routeKey"]')
    + """
Outputs:
  Api: {Value: !Ref Chat}
  Endpoint: {Value: !GetAtt Chat.ApiEndpoint}
"""
)


def test_sams_websocket_api_lets_in_and_answers(cloud):
    stack = create(cloud, "chat", CHAT, Capabilities=CAPABILITIES)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert outputs(stack)["Endpoint"].startswith("ws://")
    client = cloud.websocket("/prod", host=f"{outputs(stack)['Api']}.execute-api.us-east-1.amazonaws.com")
    assert client.status == 101
    client.send('{"action": "send"}')
    assert json.loads(client.receive(30))[0] == "send"


PARTS = """
Parameters: {Text: {Type: String, Default: one}, Key: {Type: String, Default: v1}}
Resources:
  Api: {Type: AWS::ApiGatewayV2::Api, Properties: {Name: parts, ProtocolType: WEBSOCKET, RouteSelectionExpression: $request.body.action}}
  Mock:
    Type: AWS::ApiGatewayV2::Integration
    Properties: {ApiId: !Ref Api, IntegrationType: MOCK, RequestTemplates: {$default: '{"statusCode": 200}'}}
  Answer:
    Type: AWS::ApiGatewayV2::IntegrationResponse
    Properties: {ApiId: !Ref Api, IntegrationId: !Ref Mock, IntegrationResponseKey: $default, ResponseTemplates: {$default: !Ref Text}}
  Route:
    Type: AWS::ApiGatewayV2::Route
    Properties: {ApiId: !Ref Api, RouteKey: $default, Target: !Sub "integrations/${Mock}"}
  Back:
    Type: AWS::ApiGatewayV2::RouteResponse
    Properties: {ApiId: !Ref Api, RouteId: !Ref Route, RouteResponseKey: $default}
  Model: {Type: AWS::ApiGatewayV2::Model, Properties: {ApiId: !Ref Api, Name: Text, Schema: {type: string}}}
  Stage:
    Type: AWS::ApiGatewayV2::Stage
    DependsOn: [Back, Answer]
    Properties: {ApiId: !Ref Api, StageName: prod, AutoDeploy: true}
  Domain:
    Type: AWS::ApiGatewayV2::DomainName
    Properties:
      DomainName: chat.example
      DomainNameConfigurations: [{EndpointType: REGIONAL, CertificateArn: CERTIFICATE}]
  Mapping:
    Type: AWS::ApiGatewayV2::ApiMapping
    Properties: {ApiId: !Ref Api, DomainName: !Ref Domain, Stage: !Ref Stage, ApiMappingKey: !Ref Key}
Outputs:
  Regional: {Value: !GetAtt Domain.RegionalDomainName}
  Zone: {Value: !GetAtt Domain.RegionalHostedZoneId}
"""


def test_every_part_has_a_type_of_its_own(cloud):
    stack = create(cloud, "parts", PARTS.replace("CERTIFICATE", brought(cloud, "chat.example")))
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert outputs(stack)["Regional"].startswith("d-") and outputs(stack)["Zone"] == "Z1UJRXOUMOOFQ8"
    client = cloud.websocket("/v1", host="chat.example")
    client.send("x")
    assert client.receive() == "one"
    cloud.client("cloudformation").update_stack(
        StackName="parts", UsePreviousTemplate=True,
        Parameters=[{"ParameterKey": "Text", "ParameterValue": "two"}, {"ParameterKey": "Key", "ParameterValue": "v2/chat"}],
    )  # fmt: skip
    assert settled(cloud, "parts")["StackStatus"] == "UPDATE_COMPLETE"
    client.send("x")
    assert client.receive() == "two"
    assert cloud.websocket("/v2/chat", host="chat.example").status == 101
    cloud.client("cloudformation").delete_stack(StackName="parts")
    assert settled(cloud, stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert client.goodbye()[0] == 1001


def test_a_deployment_may_name_its_stage(cloud):
    template = """
Resources:
  Api: {Type: AWS::ApiGatewayV2::Api, Properties: {Name: parts, ProtocolType: HTTP}}
  Integration:
    Type: AWS::ApiGatewayV2::Integration
    Properties: {ApiId: !Ref Api, IntegrationType: HTTP_PROXY, IntegrationMethod: GET, IntegrationUri: "https://a.example"}
  Route: {Type: AWS::ApiGatewayV2::Route, Properties: {ApiId: !Ref Api, RouteKey: GET /, Target: !Sub "integrations/${Integration}"}}
  Stage: {Type: AWS::ApiGatewayV2::Stage, Properties: {ApiId: !Ref Api, StageName: prod}}
  Deployment: {Type: AWS::ApiGatewayV2::Deployment, DependsOn: Route, Properties: {ApiId: !Ref Api, StageName: !Ref Stage}}
"""
    stack = create(cloud, "named", template)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    gateway = cloud.client("apigatewayv2")
    api = gateway.get_apis()["Items"][0]["ApiId"]
    assert gateway.get_stage(ApiId=api, StageName="prod")["DeploymentId"]
    cloud.client("cloudformation").delete_stack(StackName="named")
    assert settled(cloud, stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"


def test_a_vpc_link_is_refused_by_its_name(cloud):
    with pytest.raises(ClientError) as error:
        create(cloud, "link", "Resources: {L: {Type: AWS::ApiGatewayV2::VpcLink, Properties: {Name: l, SubnetIds: [subnet-1]}}}")
    assert "AWS::ApiGatewayV2::VpcLink" in error.value.response["Error"]["Message"]
