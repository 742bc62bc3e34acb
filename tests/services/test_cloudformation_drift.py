"""What somebody changed behind a stack's back is found by reading it, and only that."""

from __future__ import annotations

import json

import pytest
from refusals import refused
from test_cloudformation_life import _user
from test_cloudformation_stack import create

MIXED = """
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 45
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3}
      Tags: [{Key: team, Value: shop}]
  Dead: {Type: AWS::SQS::Queue}
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      TimeToLiveSpecification: {AttributeName: until, Enabled: true}
      StreamSpecification: {StreamViewType: NEW_IMAGE}
      Tags: [{Key: team, Value: shop}]
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: {Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: sts:AssumeRole}
      ManagedPolicyArns: [arn:aws:iam::aws:policy/ReadOnlyAccess]
      Tags: [{Key: team, Value: shop}]
  Function:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.13
      Handler: index.handler
      Role: !GetAtt Role.Arn
      Timeout: 9
      Environment: {Variables: {AA: "1"}}
      Code: {ZipFile: "handler = print"}
  Alias:
    Type: AWS::Lambda::Alias
    Properties: {FunctionName: !Ref Function, FunctionVersion: $LATEST, Name: live}
  Url: {Type: AWS::Lambda::Url, Properties: {TargetFunctionArn: !Ref Function, AuthType: NONE, Cors: {AllowOrigins: ["*"]}}}
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      VersioningConfiguration: {Status: Enabled}
      CorsConfiguration: {CorsRules: [{AllowedMethods: [GET], AllowedOrigins: ["*"], MaxAge: 5}]}
      Tags: [{Key: team, Value: shop}]
  BucketPolicy:
    Type: AWS::S3::BucketPolicy
    Properties:
      Bucket: !Ref Bucket
      PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Deny, Principal: "*", Action: s3:GetObject, Resource: !Sub "${Bucket.Arn}/x"}]}
  Logs: {Type: AWS::Logs::LogGroup, Properties: {RetentionInDays: 7, Tags: [{Key: team, Value: shop}]}}
  Api: {Type: AWS::ApiGateway::RestApi, Properties: {Name: shop, Description: a shop, BinaryMediaTypes: [image/png]}}
  Path: {Type: AWS::ApiGateway::Resource, Properties: {RestApiId: !Ref Api, ParentId: !GetAtt Api.RootResourceId, PathPart: users}}
  Grant:
    Type: AWS::Lambda::Permission
    Properties: {FunctionName: !Ref Function, Action: lambda:InvokeFunction, Principal: s3.amazonaws.com}
"""


@pytest.fixture
def shop(cloud):
    stack = create(cloud, "shop", MIXED, Capabilities=["CAPABILITY_IAM"])
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    return cloud


def _ids(cloud) -> dict[str, str]:
    found = cloud.client("cloudformation").list_stack_resources(StackName="shop")["StackResourceSummaries"]
    return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found}


def _detected(cloud) -> dict:
    cloudformation = cloud.client("cloudformation")
    id = cloudformation.detect_stack_drift(StackName="shop")["StackDriftDetectionId"]
    return cloudformation.describe_stack_drift_detection_status(StackDriftDetectionId=id)


def _drifts(cloud, **more) -> dict[str, dict]:
    found = cloud.client("cloudformation").describe_stack_resource_drifts(StackName="shop", **more)
    return {each["LogicalResourceId"]: each for each in found["StackResourceDrifts"]}


def test_a_stack_that_nobody_touched_is_in_sync_whatever_its_resources(shop):
    assert shop.client("cloudformation").describe_stacks()["Stacks"][0]["DriftInformation"] == {
        "StackDriftStatus": "NOT_CHECKED"
    }
    assert _drifts(shop) == {}
    status = _detected(shop)
    drifts = _drifts(shop)
    found = {
        name: each["PropertyDifferences"] for name, each in drifts.items() if each["PropertyDifferences"]
    }
    assert found == {}
    assert (status["DetectionStatus"], status["StackDriftStatus"], status["DriftedStackResourceCount"]) == (
        "DETECTION_COMPLETE", "IN_SYNC", 0,
    )  # fmt: skip
    client, pages, token = shop.client("cloudformation"), [], {}
    while token is not None:
        page = client.describe_stack_resource_drifts(StackName="shop", MaxResults=2, **token)
        pages.append([each["LogicalResourceId"] for each in page["StackResourceDrifts"]])
        token = {"NextToken": page["NextToken"]} if "NextToken" in page else None
    assert [name for page in pages for name in page] == list(drifts) and max(map(len, pages)) == 2
    # A permission cannot be read back, so it is not said to be in sync.
    assert set(_ids(shop)) - set(drifts) == {"Grant"}


def test_a_change_behind_the_stacks_back_is_shown_by_its_path(shop):
    ids = _ids(shop)
    found = shop.client("sqs").get_queue_attributes(QueueUrl=ids["Queue"], AttributeNames=["RedrivePolicy"])
    dead = json.loads(found["Attributes"]["RedrivePolicy"])["deadLetterTargetArn"]
    shop.client("sqs").set_queue_attributes(
        QueueUrl=ids["Queue"],
        Attributes={
            "VisibilityTimeout": "60",
            "RedrivePolicy": json.dumps({"deadLetterTargetArn": dead, "maxReceiveCount": 5}),
        },
    )
    status = _detected(shop)
    assert (status["StackDriftStatus"], status["DriftedStackResourceCount"]) == ("DRIFTED", 1)
    queue = _drifts(shop, StackResourceDriftStatusFilters=["MODIFIED"])["Queue"]
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/detect-drift-stack.html shows these two of a queue.
    assert queue["PropertyDifferences"] == [
        {
            "PropertyPath": "/RedrivePolicy/maxReceiveCount", "ExpectedValue": "3", "ActualValue": "5",
            "DifferenceType": "NOT_EQUAL",
        },
        {
            "PropertyPath": "/VisibilityTimeout", "ExpectedValue": "45", "ActualValue": "60",
            "DifferenceType": "NOT_EQUAL",
        },
    ]  # fmt: skip
    assert json.loads(queue["ActualProperties"])["VisibilityTimeout"] == 60
    stack = shop.client("cloudformation").describe_stacks(StackName="shop")["Stacks"][0]
    assert stack["DriftInformation"]["StackDriftStatus"] == "DRIFTED"
    resource = shop.client("cloudformation").describe_stack_resource(
        StackName="shop", LogicalResourceId="Queue"
    )
    assert resource["StackResourceDetail"]["DriftInformation"]["StackResourceDriftStatus"] == "MODIFIED"


def _touch_table(cloud, id):
    arn = cloud.client("dynamodb").describe_table(TableName=id)["Table"]["TableArn"]
    cloud.client("dynamodb").tag_resource(ResourceArn=arn, Tags=[{"Key": "more", "Value": "x"}])


def _touch_role(cloud, id):
    cloud.client("iam").detach_role_policy(RoleName=id, PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")


def _touch_function(cloud, id):
    cloud.client("lambda").update_function_configuration(
        FunctionName=id, Environment={"Variables": {"AA": "1", "BB": "2"}}
    )


def _touch_bucket(cloud, id):
    cloud.client("s3").put_bucket_versioning(Bucket=id, VersioningConfiguration={"Status": "Suspended"})


def _touch_cors(cloud, id):
    cloud.client("s3").delete_bucket_cors(Bucket=id)


def _touch_logs(cloud, id):
    cloud.client("logs").put_retention_policy(logGroupName=id, retentionInDays=30)


def _touch_api(cloud, id):
    operation = {"op": "replace", "path": "/description", "value": "none"}
    cloud.client("apigateway").update_rest_api(restApiId=id, patchOperations=[operation])


@pytest.mark.parametrize(
    ("name", "touch", "path", "kind"),
    [
        ("Table", _touch_table, "/Tags/1", "ADD"),
        ("Role", _touch_role, "/ManagedPolicyArns/0", "REMOVE"),
        ("Function", _touch_function, "/Environment/Variables/BB", "ADD"),
        ("Bucket", _touch_bucket, "/VersioningConfiguration/Status", "NOT_EQUAL"),
        ("Bucket", _touch_cors, "/CorsConfiguration", "REMOVE"),
        ("Logs", _touch_logs, "/RetentionInDays", "NOT_EQUAL"),
        ("Api", _touch_api, "/Description", "NOT_EQUAL"),
    ],
)
def test_every_service_is_read_back(shop, name, touch, path, kind):
    touch(shop, _ids(shop)[name])
    shop.sleep(1)
    drift = shop.client("cloudformation").detect_stack_resource_drift(
        StackName="shop", LogicalResourceId=name
    )
    (found,) = drift["StackResourceDrift"]["PropertyDifferences"]
    assert (found["PropertyPath"], found["DifferenceType"]) == (path, kind)


def test_what_was_deleted_is_told_as_deleted(shop):
    shop.client("dynamodb").delete_table(TableName=_ids(shop)["Table"])
    shop.sleep(60)
    assert _detected(shop)["DriftedStackResourceCount"] == 1
    drift = _drifts(shop, StackResourceDriftStatusFilters=["DELETED"])["Table"]
    assert "ActualProperties" not in drift
    assert json.loads(drift["ExpectedProperties"])["BillingMode"] == "PAY_PER_REQUEST"


def test_who_may_not_read_a_resource_is_told_that_the_detection_failed(make_cloud):
    cloud = make_cloud("us-east-1", "aws-global")
    create(cloud, "shop", "Resources: {Queue: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: 5}}}")
    keys = _user(cloud, "looker", "cloudformation:*")
    cloudformation = cloud.client("cloudformation", **keys)
    id = cloudformation.detect_stack_drift(StackName="shop")["StackDriftDetectionId"]
    found = cloudformation.describe_stack_drift_detection_status(StackDriftDetectionId=id)
    assert found["DetectionStatus"] == "DETECTION_FAILED"
    assert found["DetectionStatusReason"] == "Failed to detect drift on resource [Queue]"


def test_a_detection_is_refused_for_what_is_not_there_or_not_checked(shop):
    cloudformation = shop.client("cloudformation")
    assert refused(cloudformation.detect_stack_drift, StackName="nowhere")[0] == "ValidationError"
    refusal = refused(cloudformation.detect_stack_resource_drift, StackName="shop", LogicalResourceId="Grant")
    assert refusal[0] == "ValidationError"
    refusal = refused(cloudformation.describe_stack_drift_detection_status, StackDriftDetectionId="a" * 36)
    assert refusal[0] == "ValidationError"


def test_what_was_found_survives_a_kill_and_goes_with_its_stack(shop):
    shop.client("sqs").set_queue_attributes(
        QueueUrl=_ids(shop)["Queue"], Attributes={"VisibilityTimeout": "60"}
    )
    _detected(shop)
    shop.restart(kill=True)
    assert _drifts(shop)["Queue"]["StackResourceDriftStatus"] == "MODIFIED"
    shop.client("cloudformation").delete_stack(StackName="shop")
    shop.sleep(120)
    again = create(shop, "shop", "Resources: {Queue: {Type: AWS::SQS::Queue}}")
    assert again["DriftInformation"] == {"StackDriftStatus": "NOT_CHECKED"}
