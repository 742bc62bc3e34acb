"""Security Hub: standards are judged by rules of AWS Config that it puts for itself, and their verdicts are findings.

https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-standards-awsconfigrules.html
https://docs.aws.amazon.com/securityhub/latest/userguide/controls-findings-create-update.html
"""

from __future__ import annotations

import json

import pytest
from bill_workshop import used
from config_workshop import ACCOUNT, put_recorder, put_rule
from refusals import refused
from securityhub_workshop import OURS, US, Listener, found, update

from kumoniwa.aws import config_rules, security_controls
from kumoniwa.services.config import managed
from kumoniwa.services.securityhub.judged import CONFIG, JUDGED

FSBP = f"arn:aws:securityhub:{US}::standards/aws-foundational-security-best-practices/v/1.0.0"
CIS = f"arn:aws:securityhub:{US}::standards/cis-aws-foundations-benchmark/v/3.0.0"
OPEN = {"BlockPublicAcls": False, "IgnorePublicAcls": False, "BlockPublicPolicy": False, "RestrictPublicBuckets": False}


@pytest.fixture
def recorded(cloud):
    put_recorder(cloud, allSupported=True, includeGlobalResourceTypes=True)
    return cloud


@pytest.fixture
def hub(recorded):
    client = recorded.client("securityhub")
    client.enable_security_hub()
    recorded.sleep(10)
    return client


def open_bucket(cloud, name: str = "open") -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=OPEN)
    allow = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{name}/*"}
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [allow]}))


def of(hub, control: str, resource: str | None = "arn:aws:s3:::open") -> list[dict]:
    more = {"ResourceId": resource} if resource else {}
    return found(hub, ComplianceSecurityControlId=control, ProductArn=OURS, **more)


def state(hub, control: str, resource: str | None = "arn:aws:s3:::open") -> list[tuple[str, str, str]]:
    return [(each["Compliance"]["Status"], each["Workflow"]["Status"], each["RecordState"]) for each in of(hub, control, resource)]


def status(hub) -> dict[str, str]:
    return {each["StandardsArn"]: each["StandardsStatus"] for each in hub.get_enabled_standards()["StandardsSubscriptions"]}


# What is judged ------------------------------------------------------------------------------------


def test_exactly_those_controls_are_judged_whose_rules_config_evaluates():
    here = {config_rules.rules()[each].name for each in (*managed.CHECKS, *managed.SURVEYS)}
    assert JUDGED.keys() - {CONFIG} == {each.id for each in security_controls.controls().values() if each.rule in here}


def test_each_control_gives_its_rule_parameters_that_it_takes():
    by_name = {each.name: each for each in config_rules.rules().values()}
    for name, inputs in ((name, inputs) for name, inputs in JUDGED.items() if name != CONFIG):
        managed.given(by_name[security_controls.controls()[name].rule], json.dumps(inputs))


def test_controls_that_are_not_judged_are_unavailable_and_refused_by_name(hub):
    pages = hub.get_paginator("list_security_control_definitions").paginate(StandardsArn=CIS)
    listed = {each["SecurityControlId"]: each["CurrentRegionAvailability"] for page in pages for each in page["SecurityControlDefinitions"]}
    assert len(listed) == 37  # https://docs.aws.amazon.com/securityhub/latest/userguide/cis-aws-foundations-benchmark.html
    assert (listed["S3.1"], listed["EC2.8"]) == ("AVAILABLE", "UNAVAILABLE")
    assert refused(hub.list_standards_control_associations, SecurityControlId="EC2.8")[0] == "NotImplemented"
    reply = hub.batch_get_security_controls(SecurityControlIds=["S3.2", "EC2.8", "None.1"])
    assert [each["SecurityControlId"] for each in reply["SecurityControls"]] == ["S3.2"]
    assert [(each["SecurityControlId"], each["ErrorCode"]) for each in reply["UnprocessedIds"]] == [("EC2.8", "NOT_FOUND"), ("None.1", "NOT_FOUND")]
    assert hub.get_security_control_definition(SecurityControlId="EC2.8")["SecurityControlDefinition"]["SeverityRating"] == "HIGH"


def test_the_default_standard_is_ready_when_its_rules_are_there(recorded, hub):
    standards = {each["Name"]: each["EnabledByDefault"] for each in hub.describe_standards()["Standards"]}
    assert standards == {"AWS Foundational Security Best Practices v1.0.0": True, "CIS AWS Foundations Benchmark v3.0.0": False}
    assert status(hub) == {FSBP: "READY"}
    config = recorded.client("config")
    rules = [each for page in config.get_paginator("describe_config_rules").paginate() for each in page["ConfigRules"]]
    assert {each["CreatedBy"] for each in rules} == {"securityhub.amazonaws.com"}
    assert len(rules) == sum(security_controls.FSBP in security_controls.controls()[each].standards for each in JUDGED if each != CONFIG)
    (rule,) = [each for each in rules if each["Source"]["SourceIdentifier"] == "S3_BUCKET_PUBLIC_READ_PROHIBITED"]
    assert rule["ConfigRuleName"].startswith("securityhub-s3-bucket-public-read-prohibited-")
    assert ":config-rule/aws-service-rule/securityhub.amazonaws.com/config-rule-" in rule["ConfigRuleArn"]
    # Nobody else may touch it.
    assert refused(config.delete_config_rule, ConfigRuleName=rule["ConfigRuleName"])[0] == "ResourceInUseException"
    said = {"ConfigRuleName": rule["ConfigRuleName"], "Source": rule["Source"]}
    assert refused(config.put_config_rule, ConfigRule=said)[0] == "InsufficientPermissionsException"


def test_without_a_recorder_a_standard_is_incomplete_until_there_is_one(cloud):
    hub = cloud.client("securityhub")
    hub.enable_security_hub()
    cloud.sleep(10)
    (held,) = hub.get_enabled_standards()["StandardsSubscriptions"]
    assert (held["StandardsStatus"], held["StandardsStatusReason"]) == (
        "INCOMPLETE", {"StatusReasonCode": "NO_AVAILABLE_CONFIGURATION_RECORDER"},
    )  # fmt: skip
    (finding,) = found(hub)
    assert (finding["Severity"]["Label"], reasons(hub)) == ("CRITICAL", ["CONFIG_RECORDER_DISABLED"])
    put_recorder(cloud, resourceTypes=["AWS::S3::Bucket"])
    cloud.sleep(20)
    assert status(hub) == {FSBP: "READY"}


def reasons(hub) -> list[str]:
    """Why Config.1 fails."""
    (finding,) = of(hub, "Config.1", f"AWS::::Account:{ACCOUNT}")
    return [each["ReasonCode"] for each in finding["Compliance"].get("StatusReasons", [])]


def test_whether_config_records_what_is_needed_is_a_control_itself(cloud):
    """https://docs.aws.amazon.com/securityhub/latest/userguide/config-controls.html#config-1"""
    put_recorder(cloud, resourceTypes=["AWS::S3::Bucket"])
    hub, config = cloud.client("securityhub"), cloud.client("config")
    hub.enable_security_hub()
    cloud.sleep(10)
    assert reasons(hub) == ["CONFIG_RECORDER_CUSTOM_ROLE", "CONFIG_RECORDER_MISSING_REQUIRED_RESOURCE_TYPES"]
    told = of(hub, "Config.1", f"AWS::::Account:{ACCOUNT}")[0]["Compliance"]["StatusReasons"][1]["Description"]
    assert "AWS::Lambda::Function" in told and "AWS::S3::Bucket" not in told
    (recorder,) = config.describe_configuration_recorders()["ConfigurationRecorders"]
    group = {"allSupported": True, "includeGlobalResourceTypes": True}
    config.put_configuration_recorder(ConfigurationRecorder={"name": "default", "roleARN": recorder["roleARN"], "recordingGroup": group})
    cloud.sleep(5)
    assert reasons(hub) == ["CONFIG_RECORDER_CUSTOM_ROLE"]
    said = {"includeConfigServiceLinkedRoleCheck": {"ValueType": "CUSTOM", "Value": {"Boolean": False}}}
    hub.update_security_control(SecurityControlId="Config.1", Parameters=said)
    cloud.sleep(5)
    assert (reasons(hub), state(hub, "Config.1", None)) == ([], [("PASSED", "RESOLVED", "ACTIVE")])
    config.stop_configuration_recorder(ConfigurationRecorderName="default")
    cloud.sleep(5)
    assert (reasons(hub), state(hub, "Config.1", None)) == (["CONFIG_RECORDER_DISABLED"], [("FAILED", "NEW", "ACTIVE")])


def test_standards_that_are_not_here_are_refused_by_name(hub):
    said = [{"StandardsArn": f"arn:aws:securityhub:{US}::standards/pci-dss/v/4.0.1"}]
    assert refused(hub.batch_enable_standards, StandardsSubscriptionRequests=said)[0] == "NotImplemented"
    assert refused(hub.batch_enable_standards, StandardsSubscriptionRequests=[{"StandardsArn": "x"}])[0] == "InvalidInputException"


# Findings of controls ------------------------------------------------------------------------------


def test_a_public_bucket_is_a_finding_and_a_closed_one_resolves_it(recorded, hub):
    open_bucket(recorded)
    recorded.sleep(5)
    (finding,) = of(hub, "S3.2")
    assert finding["Title"] == "S3 general purpose buckets should block public read access"
    assert finding["Id"].startswith(f"arn:aws:securityhub:{US}:{ACCOUNT}:security-control/S3.2/finding/")
    assert (finding["GeneratorId"], finding["ProductName"], finding["CompanyName"]) == ("security-control/S3.2", "Security Hub", "AWS")
    assert finding["Severity"] == {"Label": "CRITICAL", "Normalized": 90, "Original": "CRITICAL"}
    assert finding["Compliance"] == {
        "Status": "FAILED", "SecurityControlId": "S3.2",
        "AssociatedStandards": [{"StandardsId": "standards/aws-foundational-security-best-practices/v/1.0.0"}],
    }  # fmt: skip
    assert finding["Resources"] == [{"Type": "AwsS3Bucket", "Id": "arn:aws:s3:::open", "Partition": "aws", "Region": US}]
    assert finding["Remediation"]["Recommendation"]["Url"] == "https://docs.aws.amazon.com/console/securityhub/S3.2/remediation"
    assert finding["ProductFields"]["RelatedAWSResources:0/name"].startswith("securityhub-s3-bucket-public-read-prohibited-")
    assert finding["Types"] == ["Software and Configuration Checks/Industry and Regulatory Standards"]
    assert state(hub, "S3.2") == [("FAILED", "NEW", "ACTIVE")]
    recorded.client("s3").delete_bucket_policy(Bucket="open")
    recorded.sleep(5)
    assert state(hub, "S3.2") == [("PASSED", "RESOLVED", "ACTIVE")]
    (passed,) = of(hub, "S3.2")
    assert (passed["Id"], passed["CreatedAt"]) == (finding["Id"], finding["CreatedAt"])
    assert (passed["UpdatedAt"] > finding["UpdatedAt"], passed["Severity"]["Label"]) == (True, "INFORMATIONAL")
    open_bucket_again = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::open/*"}
    recorded.client("s3").put_bucket_policy(Bucket="open", Policy=json.dumps({"Version": "2012-10-17", "Statement": [open_bucket_again]}))
    recorded.sleep(5)
    assert state(hub, "S3.2") == [("FAILED", "NEW", "ACTIVE")]


def test_a_new_verdict_is_a_finding_without_asking_for_all_others(recorded, hub):
    def asked() -> int:
        return recorded.regions[US].gate.report()["calls"]["config:GetComplianceDetailsByConfigRule"]

    open_bucket(recorded)
    recorded.sleep(5)
    before = asked()
    recorded.client("s3").delete_bucket_policy(Bucket="open")
    recorded.sleep(5)
    assert (state(hub, "S3.2"), asked()) == ([("PASSED", "RESOLVED", "ACTIVE")], before)


def test_a_suppressed_finding_stays_so_and_a_deleted_resource_archives_it(recorded, hub):
    open_bucket(recorded)
    recorded.sleep(5)
    update(hub, of(hub, "S3.2")[0]["Id"], product=OURS, Workflow={"Status": "SUPPRESSED"})
    recorded.client("s3").delete_bucket_policy(Bucket="open")
    recorded.sleep(5)
    assert state(hub, "S3.2") == [("PASSED", "SUPPRESSED", "ACTIVE")]
    recorded.client("s3").delete_bucket(Bucket="open")
    recorded.sleep(5)
    assert state(hub, "S3.2") == [("PASSED", "SUPPRESSED", "ARCHIVED")]


def test_accounts_and_resources_with_ids_of_their_own_are_named(recorded, hub):
    recorded.client("iam").create_user(UserName="ann")
    recorded.client("iam").put_user_policy(
        UserName="ann", PolicyName="p", PolicyDocument='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'
    )
    recorded.sleep(5)
    ann = f"arn:aws:iam::{ACCOUNT}:user/ann"
    assert state(hub, "IAM.2", ann) == [("FAILED", "NEW", "ACTIVE")]
    assert of(hub, "IAM.2", ann)[0]["Resources"][0]["Type"] == "AwsIamUser"
    account = f"AWS::::Account:{ACCOUNT}"
    assert state(hub, "S3.1", account) == [("FAILED", "NEW", "ACTIVE")]
    assert of(hub, "S3.1", account)[0]["Resources"][0]["Type"] == "AwsAccount"


def test_a_control_that_has_nothing_to_judge_has_passed(recorded, hub):
    (finding,) = of(hub, "Kinesis.1", None)
    assert finding["Resources"][0]["Id"] == f"AWS::::Account:{ACCOUNT}"
    assert (finding["Compliance"]["Status"], finding["Compliance"]["StatusReasons"][0]["ReasonCode"]) == ("PASSED", "CONFIG_EVALUATIONS_EMPTY")
    recorded.client("kinesis").create_stream(StreamName="orders", ShardCount=1)
    recorded.sleep(5)
    assert sorted(state(hub, "Kinesis.1", None)) == [("FAILED", "NEW", "ACTIVE"), ("PASSED", "RESOLVED", "ARCHIVED")]


def test_findings_of_controls_are_events_and_are_told_again_after_eighteen_hours(recorded, hub):
    listener = Listener(recorded, detail={"findings": {"Compliance": {"SecurityControlId": ["S3.2"]}, "RecordState": ["ACTIVE"]}})
    open_bucket(recorded)
    recorded.sleep(5)
    (told,) = [each["detail"]["findings"][0] for each in listener.heard() if "open" in json.dumps(each) and "FAILED" in json.dumps(each)]
    assert told["Resources"][0]["Id"] == "arn:aws:s3:::open"
    recorded.sleep(18 * 3_600)
    again = [each["detail"]["findings"][0] for each in listener.heard()]
    assert [each["UpdatedAt"] > told["UpdatedAt"] for each in again if each["Id"] == told["Id"]] == [True]


def test_a_kill_between_a_verdict_and_its_finding_loses_nothing(recorded, hub):
    open_bucket(recorded)
    recorded.sleep(0.7)  # Config has judged or is about to.
    recorded.restart(kill=True)
    recorded.sleep(15)
    assert state(hub, "S3.2") == [("FAILED", "NEW", "ACTIVE")]
    rules = recorded.client("config").describe_config_rules()["ConfigRules"]
    assert len({each["ConfigRuleName"] for each in rules}) == len(rules)


def test_a_kill_while_a_standard_is_enabled_leaves_one_rule_for_each_control(recorded):
    hub = recorded.client("securityhub")
    hub.enable_security_hub()
    recorded.sleep(0.01)
    recorded.restart(kill=True)
    recorded.sleep(15)
    assert status(hub) == {FSBP: "READY"}
    pages = recorded.client("config").get_paginator("describe_config_rules").paginate()
    names = [each["ConfigRuleName"].rpartition("-")[0] for page in pages for each in page["ConfigRules"]]
    assert len(names) == sum(security_controls.FSBP in security_controls.controls()[each].standards for each in JUDGED if each != CONFIG)


def test_checks_are_billed_by_security_hub_and_not_by_config(recorded, hub):
    """https://aws.amazon.com/security-hub/pricing/"""
    open_bucket(recorded)
    recorded.sleep(5)
    counted = used(recorded)
    (rule,) = {name for usage, name in counted if usage == "securityhub:security_checks" and "public-read" in name}
    assert counted["securityhub:security_checks", rule] >= 2  # of the recorder's bucket and of this one
    assert not [usage for usage, _ in counted if usage == "config:rule_evaluations"]
    assert not [usage for usage, _ in counted if usage == "securityhub:finding_ingestion"]


# Standards and controls ----------------------------------------------------------------------------


def test_two_standards_share_a_finding_and_say_what_it_is_required_by(recorded, hub):
    open_bucket(recorded)
    recorded.sleep(5)
    assert "RelatedRequirements" not in of(hub, "S3.5")[0]["Compliance"]
    reply = hub.batch_enable_standards(StandardsSubscriptionRequests=[{"StandardsArn": CIS}])
    (held,) = reply["StandardsSubscriptions"]
    assert (held["StandardsStatus"], held["StandardsSubscriptionArn"]) == (
        "PENDING", f"arn:aws:securityhub:{US}:{ACCOUNT}:subscription/cis-aws-foundations-benchmark/v/3.0.0",
    )  # fmt: skip
    recorded.sleep(10)
    assert status(hub) == {FSBP: "READY", CIS: "READY"}
    (finding,) = of(hub, "S3.5")
    assert finding["Compliance"]["RelatedRequirements"] == ["CIS AWS Foundations Benchmark v3.0.0/2.1.1"]
    assert [each["StandardsId"].split("/")[1] for each in finding["Compliance"]["AssociatedStandards"]] == [
        "aws-foundational-security-best-practices", "cis-aws-foundations-benchmark",
    ]  # fmt: skip
    # A control of CIS's alone.
    assert state(hub, "IAM.9", None) != []
    reply = hub.batch_disable_standards(StandardsSubscriptionArns=[held["StandardsSubscriptionArn"]])
    assert reply["StandardsSubscriptions"][0]["StandardsStatus"] == "DELETING"
    recorded.sleep(10)
    assert status(hub) == {FSBP: "READY"}
    assert {each[2] for each in state(hub, "IAM.9", None)} == {"ARCHIVED"}
    assert of(hub, "S3.5")[0]["RecordState"] == "ACTIVE"


def test_where_each_standard_has_findings_of_its_own(recorded, hub):
    open_bucket(recorded)
    recorded.sleep(5)
    hub.batch_enable_standards(StandardsSubscriptionRequests=[{"StandardsArn": CIS}])
    hub.update_security_hub_configuration(ControlFindingGenerator="STANDARD_CONTROL")
    recorded.sleep(10)
    live = {each["GeneratorId"]: each for each in of(hub, "S3.8") if each["RecordState"] == "ACTIVE"}
    assert live.keys() == {"aws-foundational-security-best-practices/v/1.0.0/S3.8", "cis-aws-foundations-benchmark/v/3.0.0/2.1.4.2"}
    cis = live["cis-aws-foundations-benchmark/v/3.0.0/2.1.4.2"]
    assert cis["Title"] == "2.1.4.2 S3 general purpose buckets should block public access"
    assert cis["ProductFields"]["StandardsControlArn"] == (
        f"arn:aws:securityhub:{US}:{ACCOUNT}:control/cis-aws-foundations-benchmark/v/3.0.0/2.1.4.2"
    )
    (before,) = [each for each in of(hub, "S3.8") if each["RecordState"] == "ARCHIVED"]
    assert before["ProductFields"]["ArchivalReasons:0/ReasonCode"] == "CONSOLIDATED_CONTROL_FINDINGS_UPDATE"


def test_a_control_is_disabled_in_a_standard_and_enabled_again(recorded, hub):
    open_bucket(recorded)
    recorded.sleep(5)
    said = {"StandardsArn": FSBP, "SecurityControlId": "S3.2"}
    reply = hub.batch_update_standards_control_associations(StandardsControlAssociationUpdates=[{**said, "AssociationStatus": "DISABLED"}])
    assert reply["UnprocessedAssociationUpdates"][0]["ErrorCode"] == "INVALID_INPUT"  # which wants a reason
    off = {**said, "AssociationStatus": "DISABLED", "UpdatedReason": "a website"}
    assert hub.batch_update_standards_control_associations(StandardsControlAssociationUpdates=[off])["UnprocessedAssociationUpdates"] == []
    recorded.sleep(5)
    assert state(hub, "S3.2") == [("FAILED", "NEW", "ARCHIVED")]
    (told,) = hub.list_standards_control_associations(SecurityControlId="S3.2")["StandardsControlAssociationSummaries"]
    assert (told["AssociationStatus"], told["UpdatedReason"]) == ("DISABLED", "a website")
    assert hub.batch_get_security_controls(SecurityControlIds=["S3.2"])["SecurityControls"][0]["SecurityControlStatus"] == "DISABLED"
    names = [each["ConfigRuleName"] for page in recorded.client("config").get_paginator("describe_config_rules").paginate() for each in page["ConfigRules"]]
    assert not [each for each in names if "public-read" in each]
    (details,) = hub.batch_get_standards_control_associations(StandardsControlAssociationIds=[said])["StandardsControlAssociationDetails"]
    (arn,) = details["StandardsControlArns"]
    assert arn == f"arn:aws:securityhub:{US}:{ACCOUNT}:control/aws-foundational-security-best-practices/v/1.0.0/S3.2"
    hub.update_standards_control(StandardsControlArn=arn, ControlStatus="ENABLED")
    recorded.sleep(10)
    assert state(hub, "S3.2") == [("FAILED", "NEW", "ACTIVE")]
    assert refused(hub.update_standards_control, StandardsControlArn=arn, ControlStatus="DISABLED")[0] == "InvalidInputException"
    assert refused(hub.update_standards_control, StandardsControlArn=f"{arn}0", ControlStatus="ENABLED") == (
        "ResourceNotFoundException", "StandardsControl not found",
    )  # fmt: skip
    pages = hub.get_paginator("describe_standards_controls").paginate(StandardsSubscriptionArn=f"arn:aws:securityhub:{US}:{ACCOUNT}:subscription/{security_controls.FSBP}")
    listed = {each["ControlId"]: each["ControlStatus"] for page in pages for each in page["Controls"]}
    assert (listed["S3.2"], "EC2.8" in listed) == ("ENABLED", False)


def test_a_parameter_of_a_control_acts(recorded, hub):
    recorded.client("kinesis").create_stream(StreamName="orders", ShardCount=1)
    recorded.sleep(5)
    stream = f"arn:aws:kinesis:{US}:{ACCOUNT}:stream/orders"
    assert state(hub, "Kinesis.3", stream) == [("FAILED", "NEW", "ACTIVE")]  # which keeps a day, and not a week
    said = {"minimumBackupRetentionPeriod": {"ValueType": "CUSTOM", "Value": {"Integer": 24}}}
    hub.update_security_control(SecurityControlId="Kinesis.3", Parameters=said, LastUpdateReason="a day will do")
    recorded.sleep(10)
    (finding,) = of(hub, "Kinesis.3", stream)
    assert (finding["Compliance"]["Status"], finding["Compliance"]["SecurityControlParameters"]) == (
        "PASSED", [{"Name": "minimumBackupRetentionPeriod", "Value": ["24"]}],
    )  # fmt: skip
    (told,) = hub.batch_get_security_controls(SecurityControlIds=["Kinesis.3"])["SecurityControls"]
    assert (told["Parameters"], told["LastUpdateReason"]) == (said, "a day will do")
    hub.update_security_control(SecurityControlId="Kinesis.3", Parameters={"minimumBackupRetentionPeriod": {"ValueType": "DEFAULT"}})
    recorded.sleep(10)
    assert state(hub, "Kinesis.3", stream) == [("FAILED", "NEW", "ACTIVE")]
    small = {"minimumBackupRetentionPeriod": {"ValueType": "CUSTOM", "Value": {"Integer": 23}}}
    assert refused(hub.update_security_control, SecurityControlId="Kinesis.3", Parameters=small)[0] == "InvalidInputException"
    other = {"x": {"ValueType": "DEFAULT"}}
    assert refused(hub.update_security_control, SecurityControlId="Kinesis.3", Parameters=other)[0] == "InvalidInputException"
    level = {"logLevel": {"ValueType": "CUSTOM", "Value": {"Enum": "ALL"}}}
    assert refused(hub.update_security_control, SecurityControlId="StepFunctions.1", Parameters=level)[0] == "NotImplemented"


def test_a_hub_that_ends_takes_its_rules_along(recorded, hub):
    open_bucket(recorded)
    recorded.sleep(5)
    hub.disable_security_hub()
    recorded.sleep(10)
    assert recorded.client("config").describe_config_rules()["ConfigRules"] == []
    hub.enable_security_hub(EnableDefaultStandards=False)
    assert status(hub) == {}
    assert state(hub, "S3.2") == [("FAILED", "NEW", "ARCHIVED")]


# Findings of AWS Config ----------------------------------------------------------------------------


def test_rules_of_the_account_are_findings_of_config(recorded):
    """https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-internal-providers.html#integration-config"""
    hub, config = recorded.client("securityhub"), recorded.client("config")
    hub.enable_security_hub(EnableDefaultStandards=False)
    product = f"arn:aws:securityhub:{US}::product/aws/config"
    put_rule(config, "S3_BUCKET_PUBLIC_READ_PROHIBITED", "no-public-read")
    open_bucket(recorded)
    recorded.sleep(5)
    (finding,) = found(hub, ProductArn=product, ResourceId="arn:aws:s3:::open")
    (rule,) = config.describe_config_rules()["ConfigRules"]
    assert (finding["Title"], finding["GeneratorId"], finding["ProductName"]) == ("no-public-read", rule["ConfigRuleArn"], "Config")
    assert finding["Id"].startswith(f"{rule['ConfigRuleArn']}/finding/")
    assert (finding["Severity"]["Label"], finding["Compliance"], finding["Workflow"]) == ("MEDIUM", {"Status": "FAILED"}, {"Status": "NEW"})
    assert finding["ProductFields"]["aws/config/ConfigComplianceType"] == "NON_COMPLIANT"
    recorded.client("s3").delete_bucket_policy(Bucket="open")
    recorded.sleep(5)
    (finding,) = found(hub, ProductArn=product, ResourceId="arn:aws:s3:::open")
    assert finding["Compliance"] == {"Status": "PASSED"}
    recorded.client("s3").delete_bucket(Bucket="open")
    recorded.sleep(5)
    assert [each["RecordState"] for each in found(hub, ProductArn=product, ResourceId="arn:aws:s3:::open")] == ["ARCHIVED"]


def test_an_account_may_stop_the_findings_of_config(recorded):
    hub = recorded.client("securityhub")
    hub.enable_security_hub(EnableDefaultStandards=False)
    product, other = hub.describe_products()["Products"]
    assert (product["ProductName"], product["IntegrationTypes"], other["ProductName"]) == ("Config", ["SEND_FINDINGS_TO_SECURITY_HUB"], "GuardDuty")
    arn, guard = hub.list_enabled_products_for_import()["ProductSubscriptions"]
    assert refused(hub.enable_import_findings_for_product, ProductArn=product["ProductArn"])[0] == "ResourceConflictException"
    hub.disable_import_findings_for_product(ProductSubscriptionArn=arn)
    assert hub.list_enabled_products_for_import()["ProductSubscriptions"] == [guard]
    put_rule(recorded.client("config"), "S3_BUCKET_PUBLIC_READ_PROHIBITED")
    open_bucket(recorded)
    recorded.sleep(5)
    assert found(hub) == []
    assert hub.enable_import_findings_for_product(ProductArn=product["ProductArn"])["ProductSubscriptionArn"] == arn
    inspector = f"arn:aws:securityhub:{US}::product/aws/inspector"
    assert refused(hub.enable_import_findings_for_product, ProductArn=inspector)[0] == "NotImplemented"
