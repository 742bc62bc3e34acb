"""CloudFormation makes secrets and parameters, and reads them where a template refers to them."""

from __future__ import annotations

import json

import pytest
from lambda_workshop import make
from refusals import refused
from secret_workshop import is_on_disk


@pytest.fixture
def deploy(cloud):
    stacks = cloud.client("cloudformation")

    def deploy(body: str, *, verb: str = "create", **more) -> dict[str, str]:
        getattr(stacks, f"{verb}_stack")(StackName="s", TemplateBody=body, **more)
        cloud.sleep(120)
        (stack,) = stacks.describe_stacks(StackName="s")["Stacks"]
        reasons = [each.get("ResourceStatusReason") for each in stacks.describe_stack_events(StackName="s")["StackEvents"]]
        assert stack["StackStatus"] == f"{verb.upper()}_COMPLETE", reasons
        return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}

    return deploy


SECRET = """
Resources:
  Secret:
    Type: AWS::SecretsManager::Secret
    Properties:
      Name: db
      Description: d
      GenerateSecretString: {SecretStringTemplate: '{"user": "admin"}', GenerateStringKey: word, PasswordLength: 30, ExcludeCharacters: '"@/'}
      Tags: [{Key: a, Value: b}]
  Policy:
    Type: AWS::SecretsManager::ResourcePolicy
    Properties:
      SecretId: !Ref Secret
      ResourcePolicy: {Version: "2012-10-17", Statement: [{Effect: Deny, Principal: "*", Action: "secretsmanager:DeleteSecret", Resource: "*",
        Condition: {StringEquals: {"aws:PrincipalTag/x": y}}}]}
Outputs: {Arn: {Value: !Ref Secret}}
"""


def test_a_stack_makes_a_secret_that_nobody_has_written(cloud, deploy):
    secrets = cloud.client("secretsmanager")
    arn = deploy(SECRET)["Arn"]
    value = json.loads(secrets.get_secret_value(SecretId=arn)["SecretString"])
    assert value["user"] == "admin" and len(value["word"]) == 30 and not set(value["word"]) & set('"@/')
    assert not is_on_disk(cloud, value["word"])
    assert json.loads(secrets.get_resource_policy(SecretId=arn)["ResourcePolicy"])["Statement"][0]["Effect"] == "Deny"
    deploy(SECRET.replace("Description: d", "Description: e").replace("Value: b", "Value: c"), verb="update")
    shown = secrets.describe_secret(SecretId="db")
    assert (shown["Description"], shown["Tags"][0]["Value"]) == ("e", "c")
    assert json.loads(secrets.get_secret_value(SecretId=arn)["SecretString"]) == value
    cloud.client("cloudformation").delete_stack(StackName="s")
    cloud.sleep(60)
    # Recorded: nothing is left to recover (localstack, test_cfn_handle_secretsmanager_secret).
    assert refused(secrets.get_secret_value, SecretId=arn)[0] == "ResourceNotFoundException"


def test_what_a_template_refers_to_is_read_when_it_is_needed(cloud, deploy):
    ssm, secrets = cloud.client("ssm"), cloud.client("secretsmanager")
    ssm.put_parameter(Name="/app/q", Value="from-parameter", Type="String")
    ssm.put_parameter(Name="/app/s", Value="from-secure-parameter", Type="SecureString")
    secrets.create_secret(Name="s", SecretString='{"k": "from-secret"}')
    deploy("""
Resources:
  Plain: {Type: AWS::SSM::Parameter, Properties: {Name: /made/a, Type: String, Value: "{{resolve:ssm:/app/q:1}}", Tags: {a: b}}}
  Copy: {Type: AWS::SecretsManager::Secret, Properties: {Name: copy, SecretString: "{{resolve:secretsmanager:s:SecretString:k}}"}}
  Secure: {Type: AWS::SecretsManager::Secret, Properties: {Name: secure, SecretString: "{{resolve:ssm-secure:/app/s}}"}}
Outputs: {Value: {Value: !GetAtt Plain.Value}}
""")
    assert ssm.get_parameter(Name="/made/a")["Parameter"]["Value"] == "from-parameter"
    assert secrets.get_secret_value(SecretId="copy")["SecretString"] == "from-secret"
    assert secrets.get_secret_value(SecretId="secure")["SecretString"] == "from-secure-parameter"
    assert not is_on_disk(cloud, "from-secret") and not is_on_disk(cloud, "from-secure-parameter")
    assert ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="/made/a")["TagList"][0] == {"Key": "a", "Value": "b"}


def test_a_stack_rotates_a_secret(cloud, deploy):
    function = make(cloud, name="rotate")["FunctionArn"]
    deploy(f"""
Resources:
  Secret: {{Type: AWS::SecretsManager::Secret, Properties: {{Name: db, SecretString: x}}}}
  May: {{Type: AWS::Lambda::Permission, Properties: {{FunctionName: {function}, Action: "lambda:InvokeFunction",
    Principal: secretsmanager.amazonaws.com}}}}
  Schedule:
    Type: AWS::SecretsManager::RotationSchedule
    DependsOn: May
    Properties: {{SecretId: !Ref Secret, RotationLambdaARN: {function}, RotateImmediatelyOnUpdate: false,
      RotationRules: {{ScheduleExpression: rate(10 days), Duration: 3h}}}}
""")
    shown = cloud.client("secretsmanager").describe_secret(SecretId="db")
    assert shown["RotationEnabled"] is True and shown["RotationRules"] == {"ScheduleExpression": "rate(10 days)", "Duration": "3h"}


STORED = """
Parameters:
  Size: {Type: "AWS::SSM::Parameter::Value<String>", Default: /app/size}
  Names: {Type: "AWS::SSM::Parameter::Value<List<String>>", Default: /app/names}
  Which: {Type: "AWS::SSM::Parameter::Name", Default: /app/size}
Conditions: {Big: !Equals [!Ref Size, big]}
Resources:
  Made: {Type: AWS::SSM::Parameter, Properties: {Name: /made, Type: String, Value: !Join ["-", [!If [Big, large, little], !Select [1, !Ref Names], !Ref Which]]}}
"""


def test_a_parameter_of_a_template_may_stand_for_one_of_the_store(cloud, deploy):
    """So does the version of CDK's bootstrap stack, which every template of CDK looks at."""
    ssm, stacks = cloud.client("ssm"), cloud.client("cloudformation")
    ssm.put_parameter(Name="/app/size", Value="small", Type="String")
    # Without a default: localstack's test_resolve_ssm_missing_parameter. With one, as those meet it who deploy templates of CDK
    # without its bootstrap stack.
    asked = {"TemplateBody": STORED.replace(", Default: /app/size}", "}", 1), "Parameters": [{"ParameterKey": "Size", "ParameterValue": "/app/none"}]}
    assert refused(stacks.create_stack, StackName="s", **asked) == ("ValidationError", "Parameter Size should either have input value or default value")
    assert refused(stacks.create_stack, StackName="s", TemplateBody=STORED) == (
        "ValidationError", "Unable to fetch parameters [/app/names] from parameter store for this account.",
    )  # fmt: skip
    ssm.put_parameter(Name="/app/names", Value="a,b", Type="StringList")
    deploy(STORED)
    assert ssm.get_parameter(Name="/made")["Parameter"]["Value"] == "little-b-/app/size"
    ssm.put_parameter(Name="/app/size", Value="big", Type="String", Overwrite=True)
    deploy(STORED, verb="update", Parameters=[{"ParameterKey": "Size", "UsePreviousValue": True}])
    assert ssm.get_parameter(Name="/made")["Parameter"]["Value"] == "large-b-/app/size"
    shown = {each["ParameterKey"]: each for each in stacks.describe_stacks(StackName="s")["Stacks"][0]["Parameters"]}
    assert shown["Size"] == {"ParameterKey": "Size", "ParameterValue": "/app/size", "ResolvedValue": "big"}
    ssm.put_parameter(Name="/app/secure", Value="x", Type="SecureString")
    assert refused(
        stacks.create_stack, StackName="t", TemplateBody=STORED, Parameters=[{"ParameterKey": "Size", "ParameterValue": "/app/secure"}]
    )[1] == "Parameters [/app/secure] referenced by template have types not supported by CloudFormation."


DOCUMENT = """
Resources:
  Book:
    Type: AWS::SSM::Document
    Properties:
      Name: book
      DocumentType: Automation
      UpdateMethod: NewVersion
      Content:
        schemaVersion: "0.3"
        mainSteps: [{name: make, action: "aws:executeAwsApi", inputs: {Service: sqs, Api: CreateQueue, QueueName: first}}]
"""


def test_a_stack_makes_a_runbook_and_its_next_version(cloud, deploy):
    deploy(DOCUMENT)
    deploy(DOCUMENT.replace("first", "second"), verb="update")
    ssm = cloud.client("ssm")
    assert ssm.describe_document(Name="book")["Document"]["DefaultVersion"] == "2"
    for version in ("1", "2"):
        ssm.start_automation_execution(DocumentName="book", DocumentVersion=version)
    cloud.sleep(1)
    assert sorted(url.rpartition("/")[2] for url in cloud.client("sqs").list_queues()["QueueUrls"]) == ["first", "second"]
