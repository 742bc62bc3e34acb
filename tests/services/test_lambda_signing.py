"""Code signing configurations: what they say, whose they are, and what becomes of code that nobody signed."""

from __future__ import annotations

import json
import re

from lambda_workshop import ECHO, ROLE, RUNTIME, invoke, make, put_role, zipped
from refusals import refused
from test_cloudformation_stack import create, settled
from test_cloudwatch_services import figures

PUBLISHER = "arn:aws:signer:us-east-1:000000000000:/signing-profiles/test"
PUBLISHERS = {"SigningProfileVersionArns": [PUBLISHER]}
ENFORCE, WARN = {"UntrustedArtifactOnDeployment": "Enforce"}, {"UntrustedArtifactOnDeployment": "Warn"}


def config(client, **more) -> str:
    return client.create_code_signing_config(AllowedPublishers=PUBLISHERS, **more)["CodeSigningConfig"]["CodeSigningConfigArn"]


def test_a_configuration_is_made_changed_and_given_to_functions(cloud):
    # Recorded: test_function_code_signing_config.
    make(cloud)
    client = cloud.client("lambda")
    reply = client.create_code_signing_config(AllowedPublishers=PUBLISHERS, Description="mine", CodeSigningPolicies=ENFORCE)
    made = reply["CodeSigningConfig"]
    assert reply["ResponseMetadata"]["HTTPStatusCode"] == 201
    arn = made["CodeSigningConfigArn"]
    assert re.fullmatch(r"arn:aws:lambda:us-east-1:000000000000:code-signing-config:csc-[a-z0-9]{17}", arn)
    assert made["CodeSigningConfigId"] == arn.rpartition(":")[2]
    assert (made["AllowedPublishers"], made["CodeSigningPolicies"], made["Description"]) == (PUBLISHERS, ENFORCE, "mine")
    client.update_code_signing_config(CodeSigningConfigArn=arn, CodeSigningPolicies=WARN)
    cloud.restart(kill=True)
    client = cloud.client("lambda")
    shown = client.get_code_signing_config(CodeSigningConfigArn=arn)["CodeSigningConfig"]
    assert shown == made | {"CodeSigningPolicies": WARN, "LastModified": shown["LastModified"]}
    assert client.list_code_signing_configs()["CodeSigningConfigs"] == [shown]
    for answer in (
        client.put_function_code_signing_config(CodeSigningConfigArn=arn, FunctionName="f"),
        client.get_function_code_signing_config(FunctionName="f"),
    ):
        assert (answer["CodeSigningConfigArn"], answer["FunctionName"]) == (arn, "f")
    users = client.list_functions_by_code_signing_config(CodeSigningConfigArn=arn)["FunctionArns"]
    assert users == ["arn:aws:lambda:us-east-1:000000000000:function:f"]
    # "You can delete the code signing configuration only if no function is using it": API_DeleteCodeSigningConfig.
    assert refused(client.delete_code_signing_config, CodeSigningConfigArn=arn)[0] == "ResourceConflictException"
    client.delete_function_code_signing_config(FunctionName="f")
    assert set(client.get_function_code_signing_config(FunctionName="f")) == {"ResponseMetadata"}
    client.delete_function_code_signing_config(FunctionName="f")  # nothing to delete is no error
    client.delete_code_signing_config(CodeSigningConfigArn=arn)
    assert client.list_code_signing_configs()["CodeSigningConfigs"] == []


def test_a_configuration_that_is_not_there_is_told_by_who_asked_for_it(cloud):
    # Recorded: test_code_signing_not_found_excs.
    make(cloud)
    client = cloud.client("lambda")
    arn = config(client)
    gone = arn[:-1] + "x"
    missing = ("ResourceNotFoundException", f"The Lambda code signing configuration {gone} can not be found.")
    for method in (
        client.get_code_signing_config, client.update_code_signing_config, client.delete_code_signing_config,
        client.list_functions_by_code_signing_config,
    ):  # fmt: skip
        assert refused(method, CodeSigningConfigArn=gone) == missing
    put, text = client.put_function_code_signing_config, "The code signing configuration cannot be found. Check that the provided"
    for name in ("f", "none"):
        said = refused(put, FunctionName=name, CodeSigningConfigArn=gone)
        assert said == ("CodeSigningConfigNotFoundException", f"{text} configuration is not deleted: {gone}.")
    nobody = ("ResourceNotFoundException", "Function not found: arn:aws:lambda:us-east-1:000000000000:function:none")
    assert refused(put, FunctionName="none", CodeSigningConfigArn=arn) == nobody
    assert refused(client.get_function_code_signing_config, FunctionName="none") == nobody
    assert refused(client.delete_function_code_signing_config, FunctionName="none") == nobody


def test_unsigned_code_is_kept_out_or_counted(cloud):
    # The words of the refusal: https://github.com/aws/aws-cdk/issues/29474. That both count, and that what runs goes on running:
    # https://docs.aws.amazon.com/lambda/latest/dg/configuration-codesigning.html
    make(cloud)
    client = cloud.client("lambda")
    arn = config(client, CodeSigningPolicies=ENFORCE)
    client.put_function_code_signing_config(FunctionName="f", CodeSigningConfigArn=arn)
    code = {"ZipFile": zipped(ECHO)}
    layer = client.publish_layer_version(LayerName="l", Content={"ZipFile": zipped("", "python/l.py")})["LayerVersionArn"]
    new = {"FunctionName": "g", "Role": ROLE, "Runtime": RUNTIME, "Handler": "app.handler", "Code": code}
    words = (
        "Lambda cannot deploy the function. The function or layer might be signed using a signature that the client is not "
        "configured to accept. Check the provided signature for {}."
    )
    assert refused(client.create_function, CodeSigningConfigArn=arn, **new) == ("CodeVerificationFailedException", words.format("g"))
    deployments = ((client.update_function_code, code), (client.update_function_configuration, {"Layers": [layer]}))
    for method, more in deployments:
        assert refused(method, FunctionName="f", **more) == ("CodeVerificationFailedException", words.format("f"))
    client.update_function_configuration(FunctionName="f", Timeout=5)
    assert invoke(cloud, {"still": "runs"})["Payload"] == {"still": "runs"}
    client.update_code_signing_config(CodeSigningConfigArn=arn, CodeSigningPolicies=WARN)
    for method, more in deployments:
        method(FunctionName="f", **more)
    client.create_function(CodeSigningConfigArn=arn, **new)
    assert client.get_function_code_signing_config(FunctionName="g")["CodeSigningConfigArn"] == arn
    cloud.sleep(60)
    assert figures(cloud, "AWS/Lambda", "SignatureValidationErrors", FunctionName="f") == 4.0
    assert figures(cloud, "AWS/Lambda", "SignatureValidationErrors", FunctionName="g") == 2.0


def test_configurations_have_tags(cloud):
    client = cloud.client("lambda")
    arn = config(client, Tags={"a": "1"})
    client.tag_resource(Resource=arn, Tags={"b": "2"})
    client.untag_resource(Resource=arn, TagKeys=["a"])
    assert client.list_tags(Resource=arn)["Tags"] == {"b": "2"}


def test_a_policy_says_which_configuration_functions_must_have(make_cloud):
    # https://docs.aws.amazon.com/lambda/latest/dg/config-codesigning-policies.html
    cloud = make_cloud("us-east-1", "aws-global", iam="enforce")
    make(cloud)
    client, iam = cloud.client("lambda"), cloud.client("iam")
    right, wrong = config(client), config(client)
    condition = {"StringEquals": {"lambda:CodeSigningConfigArn": right}}
    statement = {"Effect": "Allow", "Action": "lambda:PutFunctionCodeSigningConfig", "Resource": "*", "Condition": condition}
    iam.create_user(UserName="u")
    policy = json.dumps({"Version": "2012-10-17", "Statement": statement})
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=policy)
    key = iam.create_access_key(UserName="u")["AccessKey"]
    put = cloud.client("lambda", key=key["AccessKeyId"], secret=key["SecretAccessKey"]).put_function_code_signing_config
    assert refused(put, FunctionName="f", CodeSigningConfigArn=wrong)[0] == "AccessDeniedException"
    assert put(FunctionName="f", CodeSigningConfigArn=right)["CodeSigningConfigArn"] == right


SIGNED = """
Parameters: {Policy: {Type: String, Default: Enforce}, Signs: {Type: String, Default: "yes"}}
Conditions: {Signs: !Equals [!Ref Signs, "yes"]}
Resources:
  Config:
    Type: AWS::Lambda::CodeSigningConfig
    Properties:
      AllowedPublishers: {SigningProfileVersionArns: ["arn:aws:signer:us-east-1:000000000000:/signing-profiles/test"]}
      CodeSigningPolicies: {UntrustedArtifactOnDeployment: !Ref Policy}
      Tags: [{Key: color, Value: red}]
  Function:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: signed
      Runtime: python3.12
      Handler: index.h
      Role: arn:aws:iam::000000000000:role/function
      Code: {ZipFile: "h = print"}
      CodeSigningConfigArn: !If [Signs, !Ref Config, !Ref AWS::NoValue]
Outputs: {Id: {Value: !GetAtt Config.CodeSigningConfigId}}
"""


def test_a_stack_makes_a_configuration_and_gives_it_to_a_function(cloud):
    put_role(cloud)
    client, cloudformation = cloud.client("lambda"), cloud.client("cloudformation")
    # Code written into a template is signed by nobody.
    assert create(cloud, "strict", SIGNED)["StackStatus"] == "ROLLBACK_COMPLETE"
    warning = [{"ParameterKey": "Policy", "ParameterValue": "Warn"}]
    stack = create(cloud, "app", SIGNED, Parameters=warning)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    (shown,) = client.list_code_signing_configs()["CodeSigningConfigs"]
    assert (shown["CodeSigningConfigId"], shown["CodeSigningPolicies"]) == (stack["Outputs"][0]["OutputValue"], WARN)
    assert client.list_tags(Resource=shown["CodeSigningConfigArn"])["Tags"]["aws:cloudformation:logical-id"] == "Config"
    assert client.get_function_code_signing_config(FunctionName="signed")["CodeSigningConfigArn"] == shown["CodeSigningConfigArn"]
    unsigned = [{"ParameterKey": "Policy", "UsePreviousValue": True}, {"ParameterKey": "Signs", "ParameterValue": "no"}]
    cloudformation.update_stack(StackName="app", UsePreviousTemplate=True, Parameters=unsigned)
    assert settled(cloud, "app")["StackStatus"] == "UPDATE_COMPLETE"
    assert "CodeSigningConfigArn" not in client.get_function_code_signing_config(FunctionName="signed")
    cloudformation.delete_stack(StackName="app")
    settled(cloud, stack["StackId"])
    assert client.list_code_signing_configs()["CodeSigningConfigs"] == []
