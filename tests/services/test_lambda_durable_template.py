"""Durable functions in templates: CloudFormation's DurableConfig, and SAM's."""

from __future__ import annotations

from lambda_workshop import ROLE, put_role
from test_cloudformation_stack import create, outputs, settled

TEMPLATE = """
Resources:
  Work:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.13
      Handler: index.handler
      Role: %s
      Code: {ZipFile: "def handler(event, context): return 1"}
      %s
Outputs: {Name: {Value: !Ref Work}}
"""
SERVERLESS = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Work:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: index.handler
      InlineCode: "def handler(event, context): return 1"
      DurableConfig: {ExecutionTimeout: 60, RetentionPeriodInDays: 3}
Outputs: {Name: {Value: !Ref Work}, Role: {Value: !Ref WorkRole}}
"""


def _updated(cloud, said: str) -> dict:
    cloud.client("cloudformation").update_stack(StackName="shop", TemplateBody=TEMPLATE % (ROLE, said))
    stack = settled(cloud, "shop")
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    return stack


def _config(cloud, stack: dict) -> dict | None:
    return cloud.client("lambda").get_function_configuration(FunctionName=outputs(stack)["Name"]).get("DurableConfig")


def test_a_template_makes_a_function_durable_and_changes_its_times_in_place(cloud):
    put_role(cloud)
    stack = create(cloud, "shop", TEMPLATE % (ROLE, "DurableConfig: {ExecutionTimeout: 60}"))
    assert _config(cloud, stack) == {"ExecutionTimeout": 60, "RetentionPeriodInDays": 14}
    later = _updated(cloud, "DurableConfig: {ExecutionTimeout: 90, RetentionPeriodInDays: 7}")
    assert outputs(later) == outputs(stack)
    assert _config(cloud, later) == {"ExecutionTimeout": 90, "RetentionPeriodInDays": 7}


def test_a_function_becomes_durable_or_plain_by_a_replacement(cloud):
    put_role(cloud)
    plain = create(cloud, "shop", TEMPLATE % (ROLE, "Timeout: 3"))
    durable = _updated(cloud, "DurableConfig: {ExecutionTimeout: 60}")
    assert outputs(durable) != outputs(plain) and _config(cloud, durable)["ExecutionTimeout"] == 60
    again = _updated(cloud, "Timeout: 4")
    assert outputs(again) != outputs(durable) and _config(cloud, again) is None


def test_a_serverless_template_gives_a_durable_function_the_role_that_it_needs(cloud):
    stack = create(cloud, "shop", SERVERLESS, Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"])
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert _config(cloud, stack) == {"ExecutionTimeout": 60, "RetentionPeriodInDays": 3}
    (policy,) = cloud.client("iam").list_attached_role_policies(RoleName=outputs(stack)["Role"])["AttachedPolicies"]
    assert policy["PolicyName"] == "AWSLambdaBasicDurableExecutionRolePolicy"
