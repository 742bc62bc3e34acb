"""Templates with junk in them, sent to a living region: it answers in AWS's words, comes to rest, and goes on living."""

from __future__ import annotations

import copy
import json
import random

import pytest
from botocore.exceptions import ClientError
from test_cloudformation_stack import settled

TEMPLATE = {
    "AWSTemplateFormatVersion": "2010-09-09",
    "Parameters": {"Seconds": {"Type": "Number", "Default": 60}},
    "Mappings": {"Sizes": {"one": {"size": 1}}},
    "Conditions": {"IsLong": {"Fn::Equals": [{"Ref": "Seconds"}, "60"]}},
    "Resources": {
        "Queue": {
            "Type": "AWS::SQS::Queue",
            "DeletionPolicy": "Delete",
            "Properties": {
                "VisibilityTimeout": {"Ref": "Seconds"},
                "RedrivePolicy": {"deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]}, "maxReceiveCount": 3},
                "Tags": [{"Key": "a", "Value": {"Fn::Sub": "${AWS::StackName}-x"}}],
            },
        },
        "Dead": {"Type": "AWS::SQS::Queue", "Condition": "IsLong"},
        "Table": {
            "Type": "AWS::DynamoDB::Table",
            "DependsOn": ["Queue"],
            "Properties": {
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                "TimeToLiveSpecification": {"AttributeName": "until", "Enabled": True},
            },
        },
        "Bucket": {
            "Type": "AWS::S3::Bucket",
            "Properties": {
                "VersioningConfiguration": {"Status": "Enabled"},
                "CorsConfiguration": {"CorsRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]},
            },
        },
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [{
                        "Effect": "Allow",
                        "Principal": {"Service": "lambda.amazonaws.com"},
                        "Action": "sts:AssumeRole",
                    }],
                },
                "Policies": [{"PolicyName": "p", "PolicyDocument": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}}],
            },
        },
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Runtime": "python3.13",
                "Handler": "index.handler",
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Code": {"ZipFile": "handler = print"},
                "Environment": {"Variables": {"AA": {"Ref": "Queue"}}},
            },
        },
        "Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "shop"}},
        "Method": {
            "Type": "AWS::ApiGateway::Method",
            "Properties": {
                "RestApiId": {"Ref": "Api"},
                "ResourceId": {"Fn::GetAtt": ["Api", "RootResourceId"]},
                "HttpMethod": "GET",
                "AuthorizationType": "NONE",
                "Integration": {"Type": "MOCK", "IntegrationResponses": [{"StatusCode": "200"}]},
                "MethodResponses": [{"StatusCode": "200"}],
            },
        },
        "Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 7}},
        "Nested": {"Type": "AWS::CloudFormation::Stack", "Condition": "Never", "Properties": {"TemplateURL": "x"}},
    },
    "Outputs": {
        "Url": {"Value": {"Ref": "Queue"}, "Export": {"Name": {"Fn::Sub": "${AWS::StackName}-url"}}},
        "Size": {"Value": {"Fn::FindInMap": ["Sizes", "one", "size"]}},
    },
}  # fmt: skip
TEMPLATE["Conditions"]["Never"] = {"Fn::Equals": ["a", "b"]}

JUNK = [
    None, "", "x", "x" * 300, 0, -1, 2**70, 1.5, True, False, [], {}, [[]], [None], [{}], {"": ""}, {"Ref": "Queue"}, {"Ref": "Nope"},
    {"Fn::GetAtt": ["Table", "Arn"]}, {"Fn::GetAtt": ["Queue", "Nope"]}, {"Fn::Sub": "${Queue}${Table.Arn}"}, {"Ref": "AWS::NoValue"},
    {"Fn::Select": [9, ["a"]]}, {"Fn::Split": [",", {"Ref": "Queue"}]}, {"Fn::Join": ["", [{"Ref": "Table"}, 1]]},
    {"Fn::ImportValue": "nowhere"}, {"Fn::GetAZs": "x"}, {"Fn::If": ["Never", 1, 2]}, {"Condition": "IsLong"}, "{{resolve:ssm:x}}",
    "arn:aws:iam::123456789012:role/nobody", "é\u0000", "\U0001f600", "99999999999999999999", "{", '{"a":', ["a", {"b": [{}]}],
]  # fmt: skip


def _places(value, found):
    members = (
        list(value.items())
        if isinstance(value, dict)
        else list(enumerate(value))
        if isinstance(value, list)
        else []
    )
    for key, member in members:
        found.append((value, key))
        _places(member, found)
    return found


def _mutated(chance: random.Random) -> str:
    body = copy.deepcopy(TEMPLATE)
    # A template with less in it is refused for fewer other reasons, so junk gets further.
    for name in chance.sample(sorted(TEMPLATE["Resources"]), 3):
        if name not in ("Queue", "Dead", "Api", "Role", "Table"):
            body["Resources"].pop(name)
    for _ in range(chance.choice([1, 1, 1, 2])):
        section = body["Resources"] if chance.random() < 0.85 else body
        holder, key = chance.choice(_places(section, []))
        junk = copy.deepcopy(chance.choice(JUNK))
        if isinstance(holder, dict) and chance.random() < 0.2:
            holder[chance.choice(["Tags", "Name", "Policy", "x", "KmsKeyId"])] = junk
        elif isinstance(holder, dict) and chance.random() < 0.1:
            del holder[key]
        else:
            holder[key] = junk
    return json.dumps(body)


def _sent(call, **params) -> bool:
    try:
        call(**params)
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        assert status < 500 or error.response["Error"]["Code"] == "NotImplemented", error
        assert error.response["Error"]["Message"]
        return False
    return True


@pytest.mark.parametrize("seed", [*range(15), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(15, 60))])
def test_a_region_answers_whatever_the_template_says_and_lives(cloud, seed, capfd):
    chance = random.Random(seed)
    cloudformation = cloud.client("cloudformation")
    allowed = ["CAPABILITY_NAMED_IAM"]
    assert _sent(
        cloudformation.create_stack, StackName="base", TemplateBody=json.dumps(TEMPLATE), Capabilities=allowed
    )
    assert settled(cloud, "base")["StackStatus"] == "CREATE_COMPLETE"
    for number in range(10):
        template = _mutated(chance)
        _sent(cloudformation.validate_template, TemplateBody=template)
        _sent(cloudformation.get_template_summary, TemplateBody=template)
        name = f"try{number}"
        # The base's export is taken, so these have their own name by the stack's.
        if _sent(cloudformation.create_stack, StackName=name, TemplateBody=template, Capabilities=allowed):
            stack = settled(cloud, name)
            assert "Internal Failure" not in stack.get("StackStatusReason", ""), template
            _sent(cloudformation.detect_stack_drift, StackName=name)
            cloudformation.delete_stack(StackName=name)
            gone = settled(cloud, stack["StackId"])
            assert gone["StackStatus"] == "DELETE_COMPLETE", template
        if _sent(cloudformation.update_stack, StackName="base", TemplateBody=template, Capabilities=allowed):
            stack = settled(cloud, "base")
            assert stack["StackStatus"] in ("UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"), template
    assert "Traceback" not in capfd.readouterr().err
    assert cloudformation.describe_stacks(StackName="base")["Stacks"]
