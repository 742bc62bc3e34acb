"""AWS Config: rules and conformance packs that an organization has in all its accounts."""

from __future__ import annotations

import json

import pytest
from config_aggregation import US, record
from config_workshop import put_rule, trust
from lambda_workshop import zipped
from organization_workshop import MASTER, Garden
from refusals import refused

S3 = "AWS::S3::Bucket"
VERSIONED = {"RuleIdentifier": "S3_BUCKET_VERSIONING_ENABLED"}
TEMPLATE = json.dumps({"Parameters": {"Days": {"Type": "String", "Default": "1"}}, "Resources": {"V": {"Type": "AWS::Config::ConfigRule", "Properties": {
    "ConfigRuleName": "v", "Description": {"Ref": "Days"}, "Source": {"Owner": "AWS", "SourceIdentifier": "S3_BUCKET_VERSIONING_ENABLED"}}}}})  # fmt: skip


@pytest.fixture
def garden(make_cloud):
    return Garden(make_cloud(US, "aws-global"))


def rules(cloud, account: str) -> list[dict]:
    return cloud.client("config", key=account).describe_config_rules()["ConfigRules"]


def statuses(config, name: str) -> dict[str, str]:
    listed = config.get_organization_config_rule_detailed_status(OrganizationConfigRuleName=name)["OrganizationConfigRuleDetailedStatus"]
    return {each["AccountId"]: each["MemberAccountRuleStatus"] for each in listed}


def test_a_rule_of_an_organization_is_judged_in_each_of_its_accounts(garden):
    cloud = garden.cloud
    member, excluded = garden.member(), garden.member()
    config = record(cloud, MASTER, US)
    theirs = record(cloud, member, US)
    record(cloud, excluded, US)
    put = config.put_organization_config_rule
    arn = put(OrganizationConfigRuleName="versioned", OrganizationManagedRuleMetadata=VERSIONED, ExcludedAccounts=[excluded])["OrganizationConfigRuleArn"]
    assert arn.startswith(f"arn:aws:config:{US}:{MASTER}:organization-config-rule/versioned-")
    trusted = garden.api.list_aws_service_access_for_organization()["EnabledServicePrincipals"]
    assert [each["ServicePrincipal"] for each in trusted] == ["config-multiaccountsetup.amazonaws.com"]
    cloud.sleep(5)
    (told,) = config.describe_organization_config_rule_statuses()["OrganizationConfigRuleStatuses"]
    assert told["OrganizationRuleStatus"] == "CREATE_SUCCESSFUL"
    assert statuses(config, "versioned") == {MASTER: "CREATE_SUCCESSFUL", member: "CREATE_SUCCESSFUL"}
    assert rules(cloud, excluded) == []
    (rule,) = rules(cloud, member)
    # https://docs.aws.amazon.com/config/latest/developerguide/config-rule-multi-account-deployment.html
    assert rule["ConfigRuleName"] == f"OrgConfigRule-{arn.rpartition('/')[2]}" and rule["CreatedBy"] == "config-multiaccountsetup.amazonaws.com"
    assert "config-rule/aws-service-rule/config-multiaccountsetup.amazonaws.com/" in rule["ConfigRuleArn"]
    results = theirs.get_compliance_details_by_config_rule(ConfigRuleName=rule["ConfigRuleName"])["EvaluationResults"]
    assert [each["ComplianceType"] for each in results] == ["NON_COMPLIANT"]
    code, _ = refused(theirs.delete_config_rule, ConfigRuleName=rule["ConfigRuleName"])
    assert code == "ResourceInUseException"
    # It is changed everywhere, and taken away everywhere.
    put(OrganizationConfigRuleName="versioned", OrganizationManagedRuleMetadata={**VERSIONED, "Description": "new"})
    cloud.sleep(5)
    assert statuses(config, "versioned") == {MASTER: "UPDATE_SUCCESSFUL", member: "UPDATE_SUCCESSFUL", excluded: "CREATE_SUCCESSFUL"}
    assert {rules(cloud, each)[0]["Description"] for each in (MASTER, member, excluded)} == {"new"}
    config.delete_organization_config_rule(OrganizationConfigRuleName="versioned")
    cloud.sleep(5)
    assert [rules(cloud, each) for each in (MASTER, member, excluded)] == [[], [], []]
    code, _ = refused(config.delete_organization_config_rule, OrganizationConfigRuleName="versioned")
    assert code == "NoSuchOrganizationConfigRuleException"


def test_an_account_without_a_recorder_fails_and_one_that_comes_later_is_awaited_for_seven_hours(garden):
    cloud = garden.cloud
    member = garden.member()
    config = record(cloud, MASTER, US)
    config.put_organization_config_rule(OrganizationConfigRuleName="versioned", OrganizationManagedRuleMetadata=VERSIONED)
    cloud.sleep(5)
    (told,) = config.describe_organization_config_rule_statuses()["OrganizationConfigRuleStatuses"]
    assert (told["OrganizationRuleStatus"], told["ErrorCode"]) == ("CREATE_FAILED", "NoAvailableConfigurationRecorderException")
    assert statuses(config, "versioned") == {MASTER: "CREATE_SUCCESSFUL", member: "CREATE_FAILED"}
    early, late = garden.member(), garden.member()
    cloud.sleep(5)
    assert statuses(config, "versioned") == {MASTER: "CREATE_SUCCESSFUL", member: "CREATE_FAILED", early: "CREATE_IN_PROGRESS", late: "CREATE_IN_PROGRESS"}
    record(cloud, early, US)
    cloud.sleep(5)
    assert len(rules(cloud, early)) == 1 and statuses(config, "versioned")[early] == "CREATE_SUCCESSFUL"
    cloud.sleep(7 * 3_600)
    assert statuses(config, "versioned")[late] == "CREATE_FAILED"
    # Whoever is closed has it no longer.
    garden.api.close_account(AccountId=early)
    cloud.sleep(5)
    assert early not in statuses(config, "versioned")


def test_what_was_begun_is_done_by_the_next_life_of_the_region(garden):
    cloud = garden.cloud
    member = garden.member()
    config = record(cloud, MASTER, US)
    record(cloud, member, US)
    config.put_organization_config_rule(OrganizationConfigRuleName="versioned", OrganizationManagedRuleMetadata=VERSIONED)
    cloud.restart(US, kill=True)
    cloud.sleep(5)
    assert set(statuses(config, "versioned").values()) == {"CREATE_SUCCESSFUL"} and len(rules(cloud, member)) == 1


def test_a_function_judges_in_the_accounts_that_it_lets_ask(garden):
    cloud = garden.cloud
    member = garden.member()
    config = record(cloud, MASTER, US)
    record(cloud, member, US)
    cloud.client("iam", key=MASTER).create_role(RoleName="function", AssumeRolePolicyDocument=trust("lambda.amazonaws.com"))
    arn = cloud.client("lambda", key=MASTER).create_function(
        FunctionName="judge", Role=f"arn:aws:iam::{MASTER}:role/function", Runtime="python3.12", Handler="app.handler",
        Code={"ZipFile": zipped("def handler(event, context): ...")},
    )["FunctionArn"]  # fmt: skip
    may = {"FunctionName": "judge", "Action": "lambda:InvokeFunction", "Principal": "config.amazonaws.com"}
    cloud.client("lambda", key=MASTER).add_permission(StatementId="own", SourceAccount=MASTER, **may)
    said = {"LambdaFunctionArn": arn, "OrganizationConfigRuleTriggerTypes": ["ScheduledNotification"], "MaximumExecutionFrequency": "One_Hour"}
    config.put_organization_config_rule(OrganizationConfigRuleName="judged", OrganizationCustomRuleMetadata=said)
    cloud.sleep(5)
    assert statuses(config, "judged") == {MASTER: "CREATE_SUCCESSFUL", member: "CREATE_FAILED"}
    cloud.client("lambda", key=MASTER).add_permission(StatementId="member", SourceAccount=member, **may)
    config.put_organization_config_rule(OrganizationConfigRuleName="judged", OrganizationCustomRuleMetadata=said)
    cloud.sleep(5)
    assert statuses(config, "judged") == {MASTER: "UPDATE_SUCCESSFUL", member: "CREATE_SUCCESSFUL"}


def test_a_pack_of_an_organization(garden):
    cloud = garden.cloud
    member = garden.member()
    config, theirs = record(cloud, MASTER, US), record(cloud, member, US)
    code, text = refused(config.put_organization_conformance_pack, OrganizationConformancePackName="pack", TemplateBody="{}")
    assert code == "OrganizationConformancePackTemplateValidationException", text
    config.put_organization_conformance_pack(
        OrganizationConformancePackName="pack", TemplateBody=TEMPLATE, ConformancePackInputParameters=[{"ParameterName": "Days", "ParameterValue": "7"}]
    )
    cloud.sleep(5)
    (told,) = config.describe_organization_conformance_pack_statuses()["OrganizationConformancePackStatuses"]
    assert told["Status"] == "CREATE_SUCCESSFUL"
    (pack,) = theirs.describe_conformance_packs()["ConformancePackDetails"]
    assert pack["ConformancePackName"].startswith("OrgConformsPack-pack-") and pack["CreatedBy"] == "config-multiaccountsetup.amazonaws.com"
    assert [each["Description"] for each in rules(cloud, member)] == ["7"]
    listed = config.get_organization_conformance_pack_detailed_status(OrganizationConformancePackName="pack", Filters={"AccountId": member})
    (detail,) = listed["OrganizationConformancePackDetailedStatuses"]
    assert (detail["ConformancePackName"], detail["Status"]) == (pack["ConformancePackName"], "CREATE_SUCCESSFUL")
    code, _ = refused(theirs.delete_conformance_pack, ConformancePackName=pack["ConformancePackName"])
    assert code == "ResourceInUseException"
    config.delete_organization_conformance_pack(OrganizationConformancePackName="pack")
    cloud.sleep(5)
    assert (rules(cloud, member), theirs.describe_conformance_packs()["ConformancePackDetails"]) == ([], [])


def test_only_who_speaks_for_the_organization_may(garden):
    cloud = garden.cloud
    member = garden.member()
    theirs = record(cloud, member, US)
    put_rule(theirs, "S3_BUCKET_VERSIONING_ENABLED", "own")
    for client, codes in ((theirs, ("OrganizationAccessDeniedException",) * 2), (
        cloud.client("config", key="999999999999"), ("NoAvailableOrganizationException", "OrganizationAccessDeniedException"))):  # fmt: skip
        code, _ = refused(client.put_organization_config_rule, OrganizationConfigRuleName="x", OrganizationManagedRuleMetadata=VERSIONED)
        assert (code, refused(client.describe_organization_config_rules)[0]) == codes
    garden.api.enable_aws_service_access(ServicePrincipal="config-multiaccountsetup.amazonaws.com")
    garden.api.register_delegated_administrator(AccountId=member, ServicePrincipal="config-multiaccountsetup.amazonaws.com")
    cloud.sleep(1)
    theirs.put_organization_config_rule(OrganizationConfigRuleName="x", OrganizationManagedRuleMetadata=VERSIONED, ExcludedAccounts=[MASTER])
    cloud.sleep(5)
    assert statuses(theirs, "x") == {member: "CREATE_SUCCESSFUL"} and len(rules(cloud, member)) == 2
    code, _ = refused(theirs.put_organization_config_rule, OrganizationConfigRuleName="y", OrganizationManagedRuleMetadata={"RuleIdentifier": "NONE"})
    assert code == "InvalidParameterValueException"


def test_an_organizations_rule_and_pack_of_a_template(garden):
    cloud = garden.cloud
    member = garden.member()
    record(cloud, MASTER, US)
    record(cloud, member, US)
    template = {"Resources": {
        "R": {"Type": "AWS::Config::OrganizationConfigRule", "Properties": {"OrganizationConfigRuleName": "r", "OrganizationManagedRuleMetadata": VERSIONED}},
        "P": {"Type": "AWS::Config::OrganizationConformancePack", "Properties": {"OrganizationConformancePackName": "p", "TemplateBody": TEMPLATE}}}}  # fmt: skip
    cloudformation = cloud.client("cloudformation", key=MASTER)
    cloudformation.create_stack(StackName="s", TemplateBody=json.dumps(template))
    cloud.sleep(20)
    (stack,) = cloudformation.describe_stacks(StackName="s")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE", cloudformation.describe_stack_events(StackName="s")["StackEvents"]
    assert len(rules(cloud, member)) == 2
    cloudformation.delete_stack(StackName="s")
    cloud.sleep(20)
    assert rules(cloud, member) == []
