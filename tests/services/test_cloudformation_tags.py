"""The tags by which AWS says which resource of which stack something is, and who may touch them."""

from __future__ import annotations

import json

from lambda_workshop import ACCOUNT
from refusals import refused
from test_cloudformation_stack import create, settled

TEMPLATE = """
Parameters: {Color: {Type: String, Default: red}}
Resources:
  Bucket: {Type: AWS::S3::Bucket, Properties: {BucketName: marked-bucket, Tags: [{Key: color, Value: !Ref Color}]}}
  Function:
    Type: AWS::Lambda::Function
    Properties: {FunctionName: marked, Runtime: python3.12, Handler: index.h, Role: !GetAtt Role.Arn, Code: {ZipFile: "h = print"}}
  Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: marked}}
  Stream: {Type: AWS::Kinesis::Stream, Properties: {Name: marked, ShardCount: 1}}
  Group: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: marked}}
  Secret: {Type: AWS::SecretsManager::Secret, Properties: {Name: marked}}
  Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: unmarked, Tags: [{Key: color, Value: !Ref Color}]}}
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: unmarked
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
  Role:
    Type: AWS::IAM::Role
    Properties:
      RoleName: unmarked
      AssumeRolePolicyDocument: {Statement: {Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: sts:AssumeRole}}
  Key: {Type: AWS::KMS::Key}
"""
MARKED = ("Bucket", "Function", "Topic", "Stream", "Group", "Secret")
UNMARKED = ("Queue", "Table", "Role", "Key")
TEAM = [{"Key": "team", "Value": "a"}]


def _listed(tags: list[dict[str, str]]) -> dict[str, str]:
    return {tag.get("Key", tag.get("TagKey")): tag.get("Value", tag.get("TagValue")) for tag in tags}


def tags_of(cloud, logical_id: str) -> dict[str, str]:
    """What the service of a resource of `TEMPLATE` says of its tags."""
    client, there = cloud.client, cloud.client("cloudformation").describe_stack_resource(StackName="app", LogicalResourceId=logical_id)
    id = there["StackResourceDetail"]["PhysicalResourceId"]
    arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{id}"
    looks = {
        "Bucket": lambda: _listed(client("s3").get_bucket_tagging(Bucket=id)["TagSet"]),
        "Function": lambda: client("lambda").list_tags(Resource=arn)["Tags"],
        "Topic": lambda: _listed(client("sns").list_tags_for_resource(ResourceArn=id)["Tags"]),
        "Stream": lambda: _listed(client("kinesis").list_tags_for_stream(StreamName=id)["Tags"]),
        "Group": lambda: client("logs").list_tags_log_group(logGroupName=id)["tags"],
        "Secret": lambda: _listed(client("secretsmanager").describe_secret(SecretId=id)["Tags"]),
        "Queue": lambda: client("sqs").list_queue_tags(QueueUrl=id).get("Tags", {}),
        "Table": lambda: _listed(client("dynamodb").list_tags_of_resource(ResourceArn=f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/{id}")["Tags"]),
        "Role": lambda: _listed(client("iam").list_role_tags(RoleName=id)["Tags"]),
        "Key": lambda: _listed(client("kms").list_resource_tags(KeyId=id)["Tags"]),
    }
    return looks[logical_id]()


def marks(stack: dict, logical_id: str) -> dict[str, str]:
    names = {"stack-name": stack["StackName"], "logical-id": logical_id, "stack-id": stack["StackId"]}
    return {f"aws:cloudformation:{name}": value for name, value in names.items()}


def own(logical_id: str, color: str) -> dict[str, str]:
    return {"color": color} if logical_id in ("Bucket", "Queue") else {}


def test_what_a_stack_makes_says_which_resource_of_which_stack_it_is_and_an_update_keeps_that(cloud):
    # Which types are so tagged, their schemas say (tagging.cloudFormationSystemTags): not queues, tables, roles and keys.
    # Recorded of functions and secrets: localstack's test_lambda.snapshot.json and test_secretsmanager.snapshot.json.
    stack = create(cloud, "app", TEMPLATE, Capabilities=["CAPABILITY_NAMED_IAM"], Tags=TEAM)
    assert stack["StackStatus"] == "CREATE_COMPLETE" and stack["Tags"] == TEAM

    def check(color: str, more: dict[str, str]) -> None:
        assert {name: tags_of(cloud, name) for name in MARKED} == {name: own(name, color) | more | marks(stack, name) for name in MARKED}
        assert {name: tags_of(cloud, name) for name in UNMARKED} == {name: own(name, color) | more for name in UNMARKED}

    check("red", {"team": "a"})
    asked = {"StackName": "app", "UsePreviousTemplate": True, "Capabilities": ["CAPABILITY_NAMED_IAM"]}
    blue = [{"ParameterKey": "Color", "ParameterValue": "blue"}]
    cloud.client("cloudformation").update_stack(**asked, Parameters=blue, Tags=[{"Key": "stage", "Value": "b"}])
    assert settled(cloud, "app")["StackStatus"] == "UPDATE_COMPLETE"
    check("blue", {"stage": "b"})
    # AWS finds what it put there itself no drift.
    id = cloud.client("cloudformation").detect_stack_drift(StackName="app")["StackDriftDetectionId"]
    cloud.sleep(5)
    assert cloud.client("cloudformation").describe_stack_drift_detection_status(StackDriftDetectionId=id)["StackDriftStatus"] == "IN_SYNC"


def test_a_nested_stack_tags_what_it_makes_with_itself(cloud):
    cloud.client("s3").create_bucket(Bucket="templates")
    inner = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "inner"}}}})
    cloud.client("s3").put_object(Bucket="templates", Key="inner.json", Body=inner)
    outer = {"Resources": {"Inner": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "https://templates.s3.amazonaws.com/inner.json"}}}}
    assert create(cloud, "outer", json.dumps(outer), Tags=TEAM)["StackStatus"] == "CREATE_COMPLETE"
    there = cloud.client("cloudformation").describe_stack_resource(StackName="outer", LogicalResourceId="Inner")
    nested = settled(cloud, there["StackResourceDetail"]["PhysicalResourceId"])
    (topic,) = cloud.client("sns").list_topics()["Topics"]
    assert _listed(cloud.client("sns").list_tags_for_resource(ResourceArn=topic["TopicArn"])["Tags"]) == {"team": "a"} | marks(nested, "Topic")
    # How AWS tags a nested stack itself was not found recorded: here as its parent is.
    assert nested["Tags"] == TEAM


def test_nobody_but_aws_sets_changes_or_removes_a_reserved_tag(cloud):
    stack = create(cloud, "app", TEMPLATE, Capabilities=["CAPABILITY_NAMED_IAM"])
    s3, sns, functions = cloud.client("s3"), cloud.client("sns"), cloud.client("lambda")
    name, topic = "aws:cloudformation:stack-name", f"arn:aws:sns:us-east-1:{ACCOUNT}:marked"
    words = "aws: prefixed tag key names are not allowed for external use."
    # Recorded of SNS: localstack's test_sns.snapshot.json; of S3: test_s3.snapshot.json and
    # https://github.com/cloud-custodian/cloud-custodian/issues/2834, where a set of tags must bring along the reserved ones.
    assert refused(sns.tag_resource, ResourceArn=topic, Tags=[{"Key": name, "Value": "x"}]) == ("InvalidParameter", f"Invalid parameter: Tags Reason: {words}")
    assert refused(sns.untag_resource, ResourceArn=topic, TagKeys=[name])[0] == "InvalidParameter"
    arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:marked"
    assert refused(functions.untag_resource, Resource=arn, TagKeys=["x", "AWS:x"])[0] == "InvalidParameterValueException"
    assert refused(functions.tag_resource, Resource=arn, Tags={name: "x"})[0] == "InvalidParameterValueException"
    assert refused(cloud.client("events").put_rule, Name="r", ScheduleExpression="rate(1 day)", Tags=[{"Key": "aws:x", "Value": "x"}]) == (
        "ValidationException", words,
    )  # fmt: skip
    held = s3.get_bucket_tagging(Bucket="marked-bucket")["TagSet"]
    removed = ("InvalidTag", "System Tags cannot be removed by requester")
    assert refused(s3.put_bucket_tagging, Bucket="marked-bucket", Tagging={"TagSet": TEAM}) == removed
    assert refused(s3.delete_bucket_tagging, Bucket="marked-bucket") == removed
    changed = [{**tag, "Value": "x"} for tag in held]
    assert refused(s3.put_bucket_tagging, Bucket="marked-bucket", Tagging={"TagSet": changed})[1] == "System tags cannot be added/updated by requester"
    s3.put_bucket_tagging(Bucket="marked-bucket", Tagging={"TagSet": held + TEAM})
    bucket = {"AccountId": ACCOUNT, "ResourceArn": "arn:aws:s3:::marked-bucket"}
    assert refused(cloud.client("s3control").untag_resource, **bucket, TagKeys=[name])[0] == "InvalidTag"
    cloud.client("s3control").untag_resource(**bucket, TagKeys=["team"])
    assert tags_of(cloud, "Bucket") == {"color": "red"} | marks(stack, "Bucket")


def test_neither_a_stack_nor_a_template_sets_a_reserved_tag(cloud):
    words = "aws: prefixed tag key names are not allowed for external use."
    tags = [{"Key": "aws:x", "Value": "x"}]
    cloudformation = cloud.client("cloudformation")
    assert refused(cloudformation.create_stack, StackName="app", TemplateBody=TEMPLATE, Tags=tags) == ("ValidationError", words)
    template = json.dumps({"Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"Tags": [{"Key": "aws:cloudformation:x", "Value": "x"}]}}}})
    assert create(cloud, "app", template)["StackStatus"] == "ROLLBACK_COMPLETE"
    events = cloudformation.describe_stack_events(StackName="app")["StackEvents"]
    assert any(words in event.get("ResourceStatusReason", "") for event in events if event["ResourceStatus"] == "CREATE_FAILED")


def test_fifty_tags_are_the_users_own_beside_those_of_aws(cloud):
    # https://docs.aws.amazon.com/tag-editor/latest/userguide/reference.html
    tags = [{"Key": f"k{n}", "Value": "v"} for n in range(50)]
    template = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "t", "Tags": tags}}}})
    assert create(cloud, "app", template)["StackStatus"] == "CREATE_COMPLETE"
    arn = f"arn:aws:sns:us-east-1:{ACCOUNT}:t"
    assert len(cloud.client("sns").list_tags_for_resource(ResourceArn=arn)["Tags"]) == 53
    assert refused(cloud.client("sns").tag_resource, ResourceArn=arn, Tags=TEAM)[0] == "TagLimitExceeded"


def test_a_policy_may_speak_of_the_stack_that_something_belongs_to(cloud):
    create(cloud, "app", "Resources: {Secret: {Type: AWS::SecretsManager::Secret, Properties: {Name: ours, SecretString: s}}}")
    cloud.client("secretsmanager").create_secret(Name="theirs", SecretString="t")
    iam = cloud.client("iam")
    iam.create_user(UserName="bob")
    statement = {
        "Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*",
        "Condition": {"StringEquals": {"aws:ResourceTag/aws:cloudformation:stack-name": "app"}},
    }  # fmt: skip
    iam.put_user_policy(UserName="bob", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statement}))
    key = iam.create_access_key(UserName="bob")["AccessKey"]
    secrets = cloud.client("secretsmanager", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    assert secrets.get_secret_value(SecretId="ours")["SecretString"] == "s"
    assert refused(secrets.get_secret_value, SecretId="theirs")[0] == "AccessDeniedException"


def test_a_stack_that_acts_by_a_role_tags_as_one_that_acts_by_its_maker(cloud):
    iam = cloud.client("iam")
    trust = {"Statement": {"Effect": "Allow", "Principal": {"Service": "cloudformation.amazonaws.com"}, "Action": "sts:AssumeRole"}}
    arn = iam.create_role(RoleName="deployer", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17"} | trust))["Role"]["Arn"]
    allow = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sns:*", "Resource": "*"}}
    iam.put_role_policy(RoleName="deployer", PolicyName="p", PolicyDocument=json.dumps(allow))
    stack = create(cloud, "app", "Resources: {Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: marked}}}", RoleARN=arn)
    assert stack["StackStatus"] == "CREATE_COMPLETE" and tags_of(cloud, "Topic") == marks(stack, "Topic")
    # The role itself, in other hands than CloudFormation's, is as anybody else.
    user = cloud.client("sns")
    assert refused(user.tag_resource, ResourceArn=f"arn:aws:sns:us-east-1:{ACCOUNT}:marked", Tags=[{"Key": "aws:y", "Value": ""}])[0] == "InvalidParameter"
