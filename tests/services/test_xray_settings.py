"""X-Ray: sampling rules and how clients share them, groups, tags, policies, encryption."""

from __future__ import annotations

import json

import pytest
from refusals import refused_code


@pytest.fixture
def xray(cloud):
    return cloud.client("xray")


def rule(name: str = "checkout", **more) -> dict:
    return {
        "RuleName": name, "ResourceARN": "*", "Priority": 10, "FixedRate": 0.5, "ReservoirSize": 5, "ServiceName": "shop", "ServiceType": "*",
        "Host": "*", "HTTPMethod": "POST", "URLPath": "/pay/*", "Version": 1, **more,
    }  # fmt: skip


def report(cloud, name: str, client: str, requests: int = 10) -> dict:
    return {"RuleName": name, "ClientID": client * 24, "Timestamp": cloud.now(), "RequestCount": requests, "SampledCount": 2, "BorrowCount": 1}


def test_the_default_rule_is_there_from_the_beginning_and_stays(xray):
    (only,) = xray.get_sampling_rules()["SamplingRuleRecords"]
    # Recorded: https://github.com/hashicorp/terraform-provider-aws/issues/49597
    assert only["SamplingRule"] == {
        "RuleName": "Default", "RuleARN": "arn:aws:xray:us-east-1:000000000000:sampling-rule/Default", "ResourceARN": "*", "Priority": 10000,
        "FixedRate": 0.05, "ReservoirSize": 1, "ServiceName": "*", "ServiceType": "*", "Host": "*", "HTTPMethod": "*", "URLPath": "*", "Version": 1,
        "Attributes": {},
    }  # fmt: skip
    assert only["CreatedAt"].timestamp() == 0
    assert refused_code(xray.delete_sampling_rule, RuleName="Default") == "InvalidRequestException"
    assert refused_code(xray.update_sampling_rule, SamplingRuleUpdate={"RuleName": "Default", "Priority": 5}) == "InvalidRequestException"
    changed = xray.update_sampling_rule(SamplingRuleUpdate={"RuleName": "Default", "FixedRate": 0.25})["SamplingRuleRecord"]
    assert changed["SamplingRule"]["FixedRate"] == 0.25
    assert len(xray.get_sampling_rules()["SamplingRuleRecords"]) == 1


def test_a_rule_is_made_changed_and_deleted(cloud, xray):
    made = xray.create_sampling_rule(SamplingRule=rule())["SamplingRuleRecord"]
    assert made["SamplingRule"]["RuleARN"] == "arn:aws:xray:us-east-1:000000000000:sampling-rule/checkout"
    assert refused_code(xray.create_sampling_rule, SamplingRule=rule()) == "InvalidRequestException"
    cloud.sleep(60)
    update = {"RuleARN": made["SamplingRule"]["RuleARN"], "FixedRate": 0.9}
    changed = xray.update_sampling_rule(SamplingRuleUpdate=update)["SamplingRuleRecord"]
    assert (changed["SamplingRule"]["FixedRate"], changed["SamplingRule"]["Host"]) == (0.9, "*")
    assert (changed["ModifiedAt"] - changed["CreatedAt"]).total_seconds() == 60
    assert [each["SamplingRule"]["RuleName"] for each in xray.get_sampling_rules()["SamplingRuleRecords"]] == ["checkout", "Default"]
    assert xray.delete_sampling_rule(RuleName="checkout")["SamplingRuleRecord"]["SamplingRule"]["FixedRate"] == 0.9
    assert refused_code(xray.delete_sampling_rule, RuleName="checkout") == "InvalidRequestException"


def test_a_rule_beyond_its_limits_is_refused(xray):
    assert refused_code(xray.update_sampling_rule, SamplingRuleUpdate={"RuleName": "none", "FixedRate": 0.1}) == "InvalidRequestException"
    assert refused_code(xray.create_sampling_rule, SamplingRule=rule(Version=2)) == "InvalidRequestException"
    xray.create_sampling_rule(SamplingRule=rule())
    assert refused_code(xray.update_sampling_rule, SamplingRuleUpdate={"RuleName": "checkout", "FixedRate": 1.5}) == "InvalidRequestException"
    boost = {"MaxRate": 1.0, "CooldownWindowMinutes": 5}
    assert refused_code(xray.create_sampling_rule, SamplingRule=rule("boosted", SamplingRateBoost=boost)) == "NotImplemented"
    for number in range(24):
        xray.create_sampling_rule(SamplingRule=rule(f"r{number}"))
    assert refused_code(xray.create_sampling_rule, SamplingRule=rule("more")) == "RuleLimitExceededException"


def test_clients_share_the_reservoir_of_a_rule_as_long_as_they_report(cloud, xray):
    xray.create_sampling_rule(SamplingRule=rule())
    (alone,) = xray.get_sampling_targets(SamplingStatisticsDocuments=[report(cloud, "checkout", "a")])["SamplingTargetDocuments"]
    assert (alone["ReservoirQuota"], alone["FixedRate"], alone["Interval"]) == (5, 0.5, 10)
    assert alone["ReservoirQuotaTTL"].timestamp() == pytest.approx(cloud.now() + 10, abs=1)
    both = xray.get_sampling_targets(SamplingStatisticsDocuments=[report(cloud, "checkout", "b"), report(cloud, "checkout", "a")])
    assert [each["ReservoirQuota"] for each in both["SamplingTargetDocuments"]] == [2, 3]
    cloud.sleep(31)
    (left,) = xray.get_sampling_targets(SamplingStatisticsDocuments=[report(cloud, "checkout", "b")])["SamplingTargetDocuments"]
    assert left["ReservoirQuota"] == 5


def test_what_was_reported_is_summed_and_unknown_rules_are_named(cloud, xray):
    reply = xray.get_sampling_targets(SamplingStatisticsDocuments=[report(cloud, n, c) for n, c in (("Default", "a"), ("Default", "b"), ("none", "a"))])
    assert [each["RuleName"] for each in reply["UnprocessedStatistics"]] == ["none"]
    (held,) = xray.get_sampling_statistic_summaries()["SamplingStatisticSummaries"]
    assert (held["RuleName"], held["RequestCount"], held["SampledCount"], held["BorrowCount"]) == ("Default", 20, 4, 2)


def test_clients_hear_when_rules_changed_even_by_a_deletion(cloud, xray):
    def last() -> float:
        return xray.get_sampling_targets(SamplingStatisticsDocuments=[])["LastRuleModification"].timestamp()

    assert last() == 0
    xray.create_sampling_rule(SamplingRule=rule())
    made = last()
    cloud.sleep(5)
    xray.delete_sampling_rule(RuleName="checkout")
    assert last() == pytest.approx(made + 5, abs=1)


def test_a_group_is_made_changed_and_deleted(xray):
    made = xray.create_group(GroupName="slow", FilterExpression="responsetime > 5")["Group"]
    assert made["GroupARN"].startswith("arn:aws:xray:us-east-1:000000000000:group/slow/")
    assert refused_code(xray.create_group, GroupName="slow") == "InvalidRequestException"
    assert refused_code(xray.create_group, GroupName="bad", FilterExpression="slow >") == "InvalidRequestException"
    assert xray.update_group(GroupARN=made["GroupARN"], FilterExpression="responsetime > 9")["Group"]["FilterExpression"] == "responsetime > 9"
    assert [each["GroupName"] for each in xray.get_groups()["Groups"]] == ["Default", "slow"]
    xray.delete_group(GroupName="slow")
    assert refused_code(xray.get_group, GroupName="slow") == "InvalidRequestException"
    assert refused_code(xray.delete_group, GroupName="Default") == "InvalidRequestException"
    assert refused_code(xray.get_group) == "InvalidRequestException"


def test_groups_and_rules_are_tagged(xray):
    group = xray.create_group(GroupName="slow", Tags=[{"Key": "team", "Value": "a"}])["Group"]["GroupARN"]
    held = xray.create_sampling_rule(SamplingRule=rule())["SamplingRuleRecord"]["SamplingRule"]["RuleARN"]
    for arn in (group, held):
        xray.tag_resource(ResourceARN=arn, Tags=[{"Key": "stage", "Value": "prod"}])
    xray.untag_resource(ResourceARN=group, TagKeys=["team"])
    assert xray.list_tags_for_resource(ResourceARN=group)["Tags"] == [{"Key": "stage", "Value": "prod"}]
    assert xray.list_tags_for_resource(ResourceARN=held)["Tags"] == [{"Key": "stage", "Value": "prod"}]
    assert refused_code(xray.list_tags_for_resource, ResourceARN=group + "x") == "ResourceNotFoundException"
    assert refused_code(xray.tag_resource, ResourceARN=group, Tags=[{"Key": f"k{n}", "Value": ""} for n in range(50)]) == "TooManyTagsException"


def test_a_resource_policy_is_kept_by_revisions(xray):
    document = json.dumps({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "xray:PutTraceSegments", "Resource": "*"}})  # fmt: skip
    made = xray.put_resource_policy(PolicyName="sns", PolicyDocument=document, PolicyRevisionId="0")["ResourcePolicy"]
    assert (made["PolicyRevisionId"], made["PolicyDocument"]) == ("1", document)
    assert refused_code(xray.put_resource_policy, PolicyName="sns", PolicyDocument=document, PolicyRevisionId="0") == "InvalidPolicyRevisionIdException"
    assert refused_code(xray.put_resource_policy, PolicyName="bad", PolicyDocument="{}") == "MalformedPolicyDocumentException"
    for number in range(4):
        xray.put_resource_policy(PolicyName=f"p{number}", PolicyDocument=document)
    assert refused_code(xray.put_resource_policy, PolicyName="more", PolicyDocument=document) == "PolicyCountLimitExceededException"
    xray.delete_resource_policy(PolicyName="sns")
    assert [each["PolicyName"] for each in xray.list_resource_policies()["ResourcePolicies"]] == ["p0", "p1", "p2", "p3"]


def test_traces_lie_under_no_key_of_kms_unless_one_is_configured(xray):
    assert xray.get_encryption_config()["EncryptionConfig"] == {"Status": "ACTIVE", "Type": "NONE"}
    assert xray.put_encryption_config(Type="NONE")["EncryptionConfig"]["Type"] == "NONE"


def test_a_daemon_may_tell_of_itself(cloud, xray):
    xray.put_telemetry_records(TelemetryRecords=[{"Timestamp": cloud.now(), "SegmentsReceivedCount": 5}], Hostname="box")
