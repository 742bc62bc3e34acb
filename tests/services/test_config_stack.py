"""AWS Config in stacks, and conformance packs."""

from __future__ import annotations

import json

import pytest
from config_workshop import ACCOUNT, put_recorder, trust, verdicts
from lambda_workshop import allowing
from refusals import refused

US, EU = "us-east-1", "eu-west-1"
PACK = """
Parameters:
  ReadParamNothing: {Type: String, Default: "x"}
  KmsParamKeys: {Type: CSV, Default: ""}
  PasswordLength: {Type: int, Default: "14"}
Conditions:
  HasKeys: !Not [!Equals [!Ref KmsParamKeys, ""]]
Resources:
  Versioned:
    Type: AWS::Config::ConfigRule
    Properties:
      ConfigRuleName: versioned
      Scope: {ComplianceResourceTypes: ["AWS::S3::Bucket"]}
      Source: {Owner: AWS, SourceIdentifier: S3_BUCKET_VERSIONING_ENABLED}
  Encrypted:
    Type: AWS::Config::ConfigRule
    Properties:
      ConfigRuleName: encrypted
      InputParameters:
        kmsKeyArns: !If [HasKeys, !Ref KmsParamKeys, !Ref "AWS::NoValue"]
      Source: {Owner: AWS, SourceIdentifier: S3_DEFAULT_ENCRYPTION_KMS}
  Passwords:
    Type: AWS::Config::ConfigRule
    Properties:
      ConfigRuleName: passwords
      InputParameters: {MinimumPasswordLength: !Ref PasswordLength}
      Source: {Owner: AWS, SourceIdentifier: IAM_PASSWORD_POLICY}
  MakeVersioned:
    Type: AWS::Config::RemediationConfiguration
    DependsOn: Versioned
    Properties:
      ConfigRuleName: versioned
      ResourceType: AWS::S3::Bucket
      TargetType: SSM_DOCUMENT
      TargetId: AWS-ConfigureS3BucketVersioning
      Parameters:
        AutomationAssumeRole: {StaticValue: {Values: ["arn:aws:iam::000000000000:role/mender"]}}
        BucketName: {ResourceValue: {Value: RESOURCE_ID}}
"""


@pytest.fixture
def cloud(make_cloud):
    return make_cloud(US, EU, "aws-global")


def test_a_pack_is_deployed_and_its_result_is_each_regions_own(cloud):
    results = {}
    for region in (US, EU):
        put_recorder(cloud, region, resourceTypes=["AWS::S3::Bucket"])
        config, s3 = cloud.client("config", region), cloud.client("s3", region)
        config.put_conformance_pack(ConformancePackName="finance", TemplateBody=PACK)
        if region == EU:
            s3.put_bucket_versioning(Bucket=f"config-files-{EU}", VersioningConfiguration={"Status": "Enabled"})
        cloud.sleep(3)
        (told,) = config.describe_conformance_pack_status()["ConformancePackStatusDetails"]
        assert (told["ConformancePackState"], "ConformancePackStatusReason" in told) == ("CREATE_COMPLETE", False)
        rules = config.describe_conformance_pack_compliance(ConformancePackName="finance")["ConformancePackRuleComplianceList"]
        results[region] = {each["ConfigRuleName"].partition("-conformance-pack-")[0]: each["ComplianceType"] for each in rules}
    assert results == {
        US: {"versioned": "NON_COMPLIANT", "encrypted": "NON_COMPLIANT", "passwords": "NON_COMPLIANT"},
        EU: {"versioned": "COMPLIANT", "encrypted": "NON_COMPLIANT", "passwords": "NON_COMPLIANT"},
    }
    config = cloud.client("config", EU)
    summary = config.get_conformance_pack_compliance_summary(ConformancePackNames=["finance"])["ConformancePackComplianceSummaryList"]
    assert summary == [{"ConformancePackName": "finance", "ConformancePackComplianceStatus": "NON_COMPLIANT"}]
    (score,) = config.list_conformance_pack_compliance_scores()["ConformancePackComplianceScores"]
    assert score["Score"] == "33.33"  # one of three combinations of a rule and a resource
    details = config.get_conformance_pack_compliance_details(ConformancePackName="finance", Filters={"ComplianceType": "COMPLIANT"})
    (one,) = details["ConformancePackRuleEvaluationResults"]
    assert one["EvaluationResultIdentifier"]["EvaluationResultQualifier"]["ResourceId"] == f"config-files-{EU}"


def test_rules_of_a_pack_are_its_own_and_go_with_it(cloud):
    put_recorder(cloud, resourceTypes=["AWS::S3::Bucket"])
    config = cloud.client("config")
    cloud.client("iam").create_role(RoleName="mender", AssumeRolePolicyDocument=trust("ssm.amazonaws.com"))
    arn = config.put_conformance_pack(ConformancePackName="finance", TemplateBody=PACK)["ConformancePackArn"]
    assert arn.startswith(f"arn:aws:config:{US}:{ACCOUNT}:conformance-pack/finance/conformance-pack-")
    rules = {each["ConfigRuleName"].partition("-conformance-pack-")[0]: each for each in config.describe_config_rules()["ConfigRules"]}
    assert set(rules) == {"versioned", "encrypted", "passwords"}
    versioned = rules["versioned"]
    assert (versioned["CreatedBy"], "/aws-service-rule/config-conforms.amazonaws.com/" in versioned["ConfigRuleArn"]) == ("config-conforms.amazonaws.com", True)
    assert refused(config.delete_config_rule, ConfigRuleName=versioned["ConfigRuleName"])[0] == "ResourceInUseException"
    (remedy,) = config.describe_remediation_configurations(ConfigRuleNames=[versioned["ConfigRuleName"]])["RemediationConfigurations"]
    assert (remedy["TargetId"], remedy["CreatedByService"]) == ("AWS-ConfigureS3BucketVersioning", "config-conforms.amazonaws.com")
    smaller = PACK.partition("  Passwords:")[0]
    config.put_conformance_pack(ConformancePackName="finance", TemplateBody=smaller, ConformancePackInputParameters=[{"ParameterName": "KmsParamKeys", "ParameterValue": "arn:k"}])
    rules = {each["ConfigRuleName"].partition("-conformance-pack-")[0]: each for each in config.describe_config_rules()["ConfigRules"]}
    assert (set(rules), rules["versioned"]["ConfigRuleArn"]) == ({"versioned", "encrypted"}, versioned["ConfigRuleArn"])
    assert json.loads(rules["encrypted"]["InputParameters"]) == {"kmsKeyArns": "arn:k"}
    config.delete_conformance_pack(ConformancePackName="finance")
    assert config.describe_config_rules()["ConfigRules"] == []
    assert refused(config.delete_conformance_pack, ConformancePackName="finance")[0] == "NoSuchConformancePackException"


@pytest.mark.parametrize(
    "body",
    [
        "{", "Resources: {}", "Resources: {B: {Type: AWS::S3::Bucket}}",
        PACK.replace("!Ref PasswordLength", "!Ref Nobody"), PACK.replace("      ConfigRuleName: versioned\n      ResourceType", "      ConfigRuleName: none\n      ResourceType"),
    ],
)  # fmt: skip
def test_what_is_no_template_of_a_pack_is_refused(cloud, body):
    put_recorder(cloud)
    assert refused(cloud.client("config").put_conformance_pack, ConformancePackName="p", TemplateBody=body)[0] == "ConformancePackTemplateValidationException"
    assert cloud.client("config").describe_config_rules()["ConfigRules"] == []


def test_a_pack_with_a_rule_that_is_wrong_fails_as_a_whole(cloud):
    put_recorder(cloud)
    config = cloud.client("config")
    config.put_conformance_pack(ConformancePackName="p", TemplateBody=PACK.replace("S3_BUCKET_VERSIONING_ENABLED", "NONE_SUCH"))
    (told,) = config.describe_conformance_pack_status()["ConformancePackStatusDetails"]
    assert (told["ConformancePackState"], "NONE_SUCH is invalid" in told["ConformancePackStatusReason"]) == ("CREATE_FAILED", True)
    assert config.describe_config_rules()["ConfigRules"] == []
    unknown = PACK.replace("S3_BUCKET_VERSIONING_ENABLED", "ENCRYPTED_VOLUMES")
    assert refused(config.put_conformance_pack, ConformancePackName="q", TemplateBody=unknown)[0] == "NotImplemented"
    assert refused(config.put_conformance_pack, ConformancePackName="q")[0] == "InvalidParameterValueException"


STACK = """
Resources:
  Files: {Type: AWS::S3::Bucket}
  FilesPolicy:
    Type: AWS::S3::BucketPolicy
    Properties:
      Bucket: !Ref Files
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: {Service: config.amazonaws.com}
            Action: "s3:PutObject"
            Resource: !Sub "${Files.Arn}/AWSLogs/${AWS::AccountId}/Config/*"
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {Service: config.amazonaws.com}, Action: "sts:AssumeRole"}]}
      ManagedPolicyArns: ["arn:aws:iam::aws:policy/service-role/AWS_ConfigRole"]
  Mender:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {Service: ssm.amazonaws.com}, Action: "sts:AssumeRole"}]}
      Policies: [{PolicyName: p, PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "s3:PutBucketVersioning", Resource: "*"}]}}]
  Recorder:
    Type: AWS::Config::ConfigurationRecorder
    Properties:
      RoleARN: !GetAtt Role.Arn
      RecordingGroup: {ResourceTypes: ["AWS::S3::Bucket"]}
  Channel:
    Type: AWS::Config::DeliveryChannel
    DependsOn: FilesPolicy
    Properties: {S3BucketName: !Ref Files}
  Rule:
    Type: AWS::Config::ConfigRule
    DependsOn: Recorder
    Properties:
      ConfigRuleName: versioned
      Source: {Owner: AWS, SourceIdentifier: S3_BUCKET_VERSIONING_ENABLED}
  Remedy:
    Type: AWS::Config::RemediationConfiguration
    Properties:
      ConfigRuleName: !Ref Rule
      TargetType: SSM_DOCUMENT
      TargetId: AWS-ConfigureS3BucketVersioning
      Automatic: true
      MaximumAutomaticAttempts: 3
      RetryAttemptSeconds: 60
      Parameters:
        AutomationAssumeRole: {StaticValue: {Values: [!GetAtt Mender.Arn]}}
        BucketName: {ResourceValue: {Value: RESOURCE_ID}}
Outputs:
  Arn: {Value: !GetAtt Rule.Arn}
  Recorder: {Value: !GetAtt Recorder.ResourceARN}
"""


def test_a_stack_records_judges_and_makes_right(cloud):
    cfn, config, s3 = cloud.client("cloudformation"), cloud.client("config"), cloud.client("s3")
    cfn.create_stack(StackName="audit", TemplateBody=STACK, Capabilities=["CAPABILITY_IAM"])
    cloud.sleep(60)
    (stack,) = cfn.describe_stacks(StackName="audit")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE", stack
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    assert outputs["Arn"] == config.describe_config_rules()["ConfigRules"][0]["ConfigRuleArn"]
    assert outputs["Recorder"] == config.describe_configuration_recorders()["ConfigurationRecorders"][0]["arn"]
    assert config.describe_configuration_recorder_status()["ConfigurationRecordersStatus"][0]["recording"] is True
    s3.create_bucket(Bucket="plain")
    cloud.sleep(20)
    assert s3.get_bucket_versioning(Bucket="plain")["Status"] == "Enabled"
    assert verdicts(config, "versioned")["plain"] == "COMPLIANT"
    files = next(name for name in verdicts(config, "versioned") if name != "plain")
    cfn.delete_stack(StackName="audit")
    cloud.sleep(60)
    # The bucket is not empty, as on AWS; everything of Config's is gone.
    assert cfn.describe_stacks(StackName="audit")["Stacks"][0]["StackStatus"] == "DELETE_FAILED"
    assert [config.describe_config_rules()["ConfigRules"], config.describe_configuration_recorders()["ConfigurationRecorders"],
            config.describe_delivery_channels()["DeliveryChannels"]] == [[], [], []]  # fmt: skip
    assert s3.list_objects_v2(Bucket=files)["KeyCount"] > 0


def test_the_mender_of_a_pack_needs_its_rights(cloud):
    put_recorder(cloud, resourceTypes=["AWS::S3::Bucket"])
    iam, config = cloud.client("iam"), cloud.client("config")
    iam.create_role(RoleName="mender", AssumeRolePolicyDocument=trust("ssm.amazonaws.com"))
    iam.put_role_policy(RoleName="mender", PolicyName="p", PolicyDocument=allowing("s3:PutBucketVersioning"))
    config.put_conformance_pack(ConformancePackName="p", TemplateBody=PACK)
    cloud.sleep(2)
    (name,) = [each["ConfigRuleName"] for each in config.describe_config_rules()["ConfigRules"] if each["ConfigRuleName"].startswith("versioned")]
    config.start_remediation_execution(ConfigRuleName=name, ResourceKeys=[{"resourceType": "AWS::S3::Bucket", "resourceId": f"config-files-{US}"}])
    cloud.sleep(5)
    assert verdicts(config, name) == {f"config-files-{US}": "COMPLIANT"}
