"""What stacks of single types do, as localstack/localstack recorded AWS doing it (tests/aws/services/cloudformation/resources)."""

from __future__ import annotations

import json
import re

from lambda_workshop import put_role
from test_cloudformation_stack import create, outputs, settled


def test_a_reference_to_a_rule_of_a_bus_names_both(cloud):
    # test_events.py, test_rule_properties.
    stack = create(cloud, "app", """
Resources:
  Bus: {Type: AWS::Events::EventBus, Properties: {Name: ours}}
  Rule: {Type: AWS::Events::Rule, Properties: {Name: r, EventBusName: !Ref Bus, EventPattern: {source: [s]}}}
  Plain: {Type: AWS::Events::Rule, Properties: {Name: p, EventPattern: {source: [s]}}}
Outputs: {Rule: {Value: !Ref Rule}, Plain: {Value: !Ref Plain}}
""")  # fmt: skip
    assert outputs(stack) == {"Rule": "ours|r", "Plain": "p"}


def test_a_subscription_is_made_where_its_topic_is(cloud):
    # test_sns.py, test_sns_subscription_region.
    cloud.region("eu-west-1")
    topic = cloud.client("sns", "eu-west-1").create_topic(Name="far")["TopicArn"]
    template = """
Resources:
  Queue: {Type: AWS::SQS::Queue}
  Subscription:
    Type: AWS::SNS::Subscription
    Properties: {Region: eu-west-1, TopicArn: %s, Protocol: sqs, Endpoint: !GetAtt Queue.Arn, RawMessageDelivery: %s}
"""
    stack = create(cloud, "app", template % (topic, "true"))
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    sns, cloudformation = cloud.client("sns", "eu-west-1"), cloud.client("cloudformation")
    (held,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    cloudformation.update_stack(StackName="app", TemplateBody=template % (topic, "false"))
    assert settled(cloud, "app")["StackStatus"] == "UPDATE_COMPLETE"
    assert sns.get_subscription_attributes(SubscriptionArn=held["SubscriptionArn"])["Attributes"]["RawMessageDelivery"] == "false"
    cloudformation.delete_stack(StackName="app")
    assert settled(cloud, stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []


def test_a_version_has_its_concurrency_provisioned_and_shows_no_tags(cloud):
    # test_lambda.py, test_lambda_version and test_lambda_version_provisioned_concurrency.
    put_role(cloud)
    stack = create(cloud, "app", """
Resources:
  Function:
    Type: AWS::Lambda::Function
    Properties: {FunctionName: f, Runtime: python3.12, Handler: index.h, Role: arn:aws:iam::000000000000:role/function, Code: {ZipFile: "h = print"}}
  Version:
    Type: AWS::Lambda::Version
    Properties: {FunctionName: !Ref Function, ProvisionedConcurrencyConfig: {ProvisionedConcurrentExecutions: 1}}
""")  # fmt: skip
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    client = cloud.client("lambda")
    assert client.get_provisioned_concurrency_config(FunctionName="f", Qualifier="1")["RequestedProvisionedConcurrentExecutions"] == 1
    assert "Tags" in client.get_function(FunctionName="f") and "Tags" not in client.get_function(FunctionName="f", Qualifier="1")
    cloud.client("cloudformation").delete_stack(StackName="app")
    assert settled(cloud, stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"


def test_an_api_may_be_described_without_paths(cloud):
    # api/test_transformers.py, test_duplicate_resources; that its template's name stands before the title: test_cfn_apigateway_swagger_import.
    body = {"swagger": 2.0, "info": {"version": "1.2.3", "title": "Test API"}, "basePath": "/base"}
    template = {"Resources": {"Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "a", "Body": body}}}}
    assert create(cloud, "app", json.dumps(template))["StackStatus"] == "CREATE_COMPLETE"
    (api,) = cloud.client("apigateway").get_rest_apis()["items"]
    assert (api["name"], api["version"]) == ("a", "1.2.3")


def test_an_inline_policy_has_a_short_name_of_its_own(cloud):
    # test_lambda.py, test_cfn_lambda_dynamodb_source: "a pretty weird physical resource ID (e.g. stack-fnSe-3OZPF82JL41D)".
    create(cloud, "stack-1234", """
Resources:
  fnServiceRole:
    Type: AWS::IAM::Role
    Properties: {AssumeRolePolicyDocument: {Statement: {Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: sts:AssumeRole}}}
  fnServiceRolePolicy:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: p
      Roles: [!Ref fnServiceRole]
      PolicyDocument: {Version: "2012-10-17", Statement: {Effect: Allow, Action: "s3:*", Resource: "*"}}
""", Capabilities=["CAPABILITY_IAM"])  # fmt: skip
    there = cloud.client("cloudformation").describe_stack_resource(StackName="stack-1234", LogicalResourceId="fnServiceRolePolicy")
    assert re.fullmatch(r"stack-fnSe-\w{12}", there["StackResourceDetail"]["PhysicalResourceId"])


def test_a_stage_need_not_be_named_and_one_that_is_moves_with_its_api(cloud):
    # test_apigateway.py, test_update_usage_plan.
    template = """
Resources:
  Api: {Type: AWS::ApiGateway::RestApi, Properties: {Name: a}}
  Other: {Type: AWS::ApiGateway::RestApi, Properties: {Name: b}}
  Method:
    Type: AWS::ApiGateway::Method
    Properties: {RestApiId: !Ref API, ResourceId: !GetAtt API.RootResourceId, HttpMethod: GET, AuthorizationType: NONE, Integration: {Type: MOCK}}
  Deployment: {Type: AWS::ApiGateway::Deployment, DependsOn: Method, Properties: {RestApiId: !Ref API}}
  Unnamed: {Type: AWS::ApiGateway::Stage, Properties: {RestApiId: !Ref API, DeploymentId: !Ref Deployment}}
  Named: {Type: AWS::ApiGateway::Stage, Properties: {RestApiId: !Ref API, DeploymentId: !Ref Deployment, StageName: prod}}
Outputs: {Api: {Value: !Ref API}}
"""
    stack = create(cloud, "app", template.replace("API", "Api"))
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    api = cloud.client("apigateway")
    names = [stage["stageName"] for stage in api.get_stages(restApiId=outputs(stack)["Api"])["item"]]
    assert "prod" in names and any(name.startswith("app-Unnamed-") for name in names)
    cloud.client("cloudformation").update_stack(StackName="app", TemplateBody=template.replace("API", "Other"))
    moved = settled(cloud, "app")
    assert moved["StackStatus"] == "UPDATE_COMPLETE"
    assert len(api.get_stages(restApiId=outputs(moved)["Api"])["item"]) == 2
    assert api.get_stages(restApiId=outputs(stack)["Api"])["item"] == []


def test_a_secret_may_name_a_topic(cloud):
    # test_template_engine.py, test_resolve_secretsmanager.
    cloud.client("secretsmanager").create_secret(Name="name", SecretString="from-secret")
    stack = create(cloud, "app", """
Resources: {Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: "{{resolve:secretsmanager:name}}"}}}
Outputs: {Name: {Value: !GetAtt Topic.TopicName}}
""")  # fmt: skip
    assert stack["StackStatus"] == "CREATE_COMPLETE" and outputs(stack) == {"Name": "from-secret"}


def test_a_template_that_is_transformed_is_always_something_to_update(cloud):
    # api/test_stacks.py, test_update_stack_with_same_template_withoutchange_transformation.
    template = "Transform: AWS::LanguageExtensions\nResources: {Topic: {Type: AWS::SNS::Topic}}"
    allowed = {"Capabilities": ["CAPABILITY_AUTO_EXPAND"]}
    create(cloud, "app", template, **allowed)
    cloud.client("cloudformation").update_stack(StackName="app", TemplateBody=template, **allowed)
    assert settled(cloud, "app")["StackStatus"] == "UPDATE_COMPLETE"
