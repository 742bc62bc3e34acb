"""An API from a SAM template: made, called, changed and deleted as a stack."""

from __future__ import annotations

import json

from services.certificate_workshop import brought
from test_cloudformation_stack import create, outputs, settled

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Globals:
  Api: {Cors: "'*'"}
Resources:
  Shop:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.11
      Handler: index.handler
      InlineCode: |
        import json
        def handler(event, context):
            return {"statusCode": 200, "body": json.dumps(event["pathParameters"])}
      Events:
        Get: {Type: Api, Properties: {Path: "/orders/{id}", Method: get}}
  Key: {Type: AWS::ApiGateway::ApiKey, Properties: {Enabled: true, Name: k}}
  Plan:
    Type: AWS::ApiGateway::UsagePlan
    DependsOn: ServerlessRestApiProdStage
    Properties:
      UsagePlanName: p
      ApiStages: [{ApiId: !Ref ServerlessRestApi, Stage: Prod}]
  Member:
    Type: AWS::ApiGateway::UsagePlanKey
    Properties: {KeyId: !Ref Key, KeyType: API_KEY, UsagePlanId: !Ref Plan}
Outputs:
  Api: {Value: !Ref ServerlessRestApi}
"""
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]


def test_a_sam_template_becomes_an_api_that_answers(cloud):
    stack = create(cloud, "shop", TEMPLATE, Capabilities=CAPABILITIES)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    api = outputs(stack)["Api"]
    host = f"{api}.execute-api.us-east-1.amazonaws.com"
    status, _, body = cloud.http("GET", "/Prod/orders/7", host=host)
    assert (status, json.loads(body)) == (200, {"id": "7"})
    status, headers, _ = cloud.http("OPTIONS", "/Prod/orders/7", host=host)
    assert (status, headers["Access-Control-Allow-Origin"]) == (200, "*")
    gateway = cloud.client("apigateway")
    stages = "ApiStages: [{ApiId: !Ref ServerlessRestApi, Stage: Prod}]"
    for template, count in (
        (TEMPLATE.replace(stages, "ApiStages: []"), 0),
        (TEMPLATE.replace("UsagePlanName: p", "UsagePlanName: q"), 1),
    ):
        cloud.client("cloudformation").update_stack(
            StackName="shop", TemplateBody=template, Capabilities=CAPABILITIES
        )
        assert settled(cloud, "shop")["StackStatus"] == "UPDATE_COMPLETE"
        assert len(gateway.get_usage_plans()["items"][0]["apiStages"]) == count
    cloud.client("cloudformation").delete_stack(StackName="shop")
    assert settled(cloud, stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert gateway.get_rest_apis()["items"] == [] and gateway.get_usage_plans()["items"] == []


OF_ITS_OWN = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: Prod
      Domain:
        DomainName: api.shop.example
        CertificateArn: CERTIFICATE
        EndpointConfiguration: REGIONAL
        BasePath: [v1]
      DefinitionBody:
        openapi: 3.0.1
        info: {title: shop}
        paths:
          /orders:
            get:
              responses: {"200": {description: ok}}
              x-amazon-apigateway-integration:
                type: mock
                requestTemplates: {application/json: '{"statusCode": 200}'}
                responses: {default: {statusCode: 200, responseTemplates: {application/json: ORDERS}}}
"""


def test_the_domain_of_a_sam_api_leads_to_its_stage(cloud):
    template = OF_ITS_OWN.replace("CERTIFICATE", brought(cloud, "api.shop.example"))
    stack = create(cloud, "shop", template, Capabilities=CAPABILITIES)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert cloud.http("GET", "/v1/orders", host="api.shop.example")[2] == b"ORDERS"
    moved = template.replace("BasePath: [v1]", "BasePath: [v2]")
    cloud.client("cloudformation").update_stack(StackName="shop", TemplateBody=moved, Capabilities=CAPABILITIES)
    assert settled(cloud, "shop")["StackStatus"] == "UPDATE_COMPLETE"
    assert cloud.http("GET", "/v2/orders", host="api.shop.example")[2] == b"ORDERS"
    assert cloud.http("GET", "/v1/orders", host="api.shop.example")[0] == 403
    cloud.client("cloudformation").delete_stack(StackName="shop")
    assert settled(cloud, stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert cloud.client("apigateway").get_domain_names()["items"] == []


RELEASED = """
Resources:
  Api:
    Type: AWS::ApiGateway::RestApi
    Properties:
      Body:
        openapi: 3.0.1
        info: {title: shop}
        paths:
          /:
            get:
              responses: {"200": {description: ok}}
              x-amazon-apigateway-integration:
                type: mock
                requestTemplates: {application/json: '{"statusCode": 200}'}
                responses: {default: {statusCode: 200, responseTemplates: {application/json: "$stageVariables.colour"}}}
  First: {Type: AWS::ApiGateway::Deployment, Properties: {RestApiId: !Ref Api}}
  Stage:
    Type: AWS::ApiGateway::Stage
    Properties:
      RestApiId: !Ref Api
      DeploymentId: !Ref First
      StageName: live
      Variables: {colour: red}
      CacheClusterEnabled: true
      CacheClusterSize: "0.5"
      CanarySetting: {PercentTraffic: 100, DeploymentId: !Ref First, StageVariableOverrides: {colour: blue}}
Outputs:
  Api: {Value: !Ref Api}
"""


def test_a_stack_has_canaries_and_caches(cloud):
    stack = create(cloud, "release", RELEASED)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    api = outputs(stack)["Api"]
    path = f"/restapis/{api}/live/_user_request_/"
    assert cloud.http("GET", path)[2] == b"blue"
    stage = cloud.client("apigateway").get_stage(restApiId=api, stageName="live")
    assert (stage["cacheClusterStatus"], stage["canarySettings"]["percentTraffic"]) == ("AVAILABLE", 100.0)
    without = "\n".join(line for line in RELEASED.splitlines() if "CanarySetting" not in line)
    cloud.client("cloudformation").update_stack(StackName="release", TemplateBody=without)
    assert settled(cloud, "release")["StackStatus"] == "UPDATE_COMPLETE"
    assert cloud.http("GET", path)[2] == b"red"
