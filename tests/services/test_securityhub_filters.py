"""Security Hub: findings are chosen by filters, ordered, paged, counted by insights and changed by automation rules.

https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_AwsSecurityFindingFilters.html
"""

from __future__ import annotations

import pytest
from refusals import refused
from securityhub_workshop import ACCOUNT, US, asff, brought, found, ids, one, update

BUCKET = {"Type": "AwsS3Bucket", "Id": "arn:aws:s3:::shop", "Region": "eu-west-1", "Tags": {"team": "red", "stage": "test"}}
USER = {"Type": "AwsIamUser", "Id": "arn:aws:iam::000000000000:user/ann"}
MANY = (
    "Title", "Id", "GeneratorId", "Region", "Type", "ProductName", "CompanyName", "SeverityLabel", "RecordState", "NoteText", "ResourceId",
)  # fmt: skip
KEY = {"Type": "AwsIamAccessKey", "Id": "AKIA", "Details": {"AwsIamAccessKey": {"PrincipalName": "ann"}}}


@pytest.fixture
def hub(cloud):
    client = cloud.client("securityhub")
    client.enable_security_hub(EnableDefaultStandards=False)
    brought(
        client,
        asff(
            "bucket", Title="Open bucket", Resources=[BUCKET], Severity={"Label": "CRITICAL"}, Confidence=90, UserDefinedFields={"ticket": "A-7"},
            Compliance={"Status": "FAILED"}, Network={"SourceIpV4": "10.1.2.3", "SourcePort": 443},
        ),
        asff("user", Title="Idle user", Resources=[USER, KEY], Severity={"Label": "LOW"}, Confidence=10, CreatedAt="2023-06-01T00:00:00Z"),
        asff("both", Title="open both", Resources=[BUCKET, USER], Severity={"Label": "HIGH"}, Types=["TTPs/Discovery/Recon"], Sample=True),
    )  # fmt: skip
    return client


def compared(comparison: str, *values: str) -> list[dict]:
    return [{"Value": value, "Comparison": comparison} for value in values]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"Title": compared("EQUALS", "Open bucket")}, ["bucket"]),
        ({"Title": compared("EQUALS", "open bucket")}, []),  # case counts
        ({"Title": compared("EQUALS", "Open bucket", "Idle user")}, ["bucket", "user"]),
        ({"Title": compared("PREFIX", "Open", "open")}, ["both", "bucket"]),
        ({"Title": compared("NOT_EQUALS", "Open bucket", "Idle user")}, ["both"]),
        ({"Title": compared("PREFIX_NOT_EQUALS", "Open", "Idle")}, ["both"]),
        # https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_StringFilter.html: first what is wanted, then what is not.
        ({"ResourceType": [*compared("PREFIX", "Aws"), *compared("NOT_EQUALS", "AwsIamAccessKey")]}, ["both", "bucket"]),
        ({"ResourceType": compared("EQUALS", "AwsIamUser")}, ["both", "user"]),
        ({"ResourceType": compared("NOT_EQUALS", "AwsIamUser")}, ["bucket"]),
        ({"ResourceRegion": compared("EQUALS", US)}, ["both", "user"]),
        ({"Type": compared("PREFIX", "TTPs")}, ["both"]),
        ({"SeverityLabel": compared("EQUALS", "HIGH", "LOW"), "ResourceId": compared("PREFIX", "arn:aws:s3")}, ["both"]),
        ({"ComplianceStatus": compared("EQUALS", "FAILED")}, ["bucket"]),
        ({"ComplianceStatus": compared("NOT_EQUALS", "FAILED")}, ["both", "user"]),
        ({"ResourceTags": [{"Key": "team", "Value": "red", "Comparison": "EQUALS"}]}, ["both", "bucket"]),
        ({"ResourceTags": [{"Key": "team", "Value": "red", "Comparison": "NOT_EQUALS"}]}, ["user"]),
        ({"UserDefinedFields": [{"Key": "ticket", "Value": "A-7", "Comparison": "EQUALS"}]}, ["bucket"]),
        ({"ProductFields": [{"Key": "aws/securityhub/ProductName", "Value": "Default", "Comparison": "EQUALS"}]}, ["both", "bucket", "user"]),
        ({"Confidence": [{"Gte": 50}]}, ["bucket"]),
        ({"Confidence": [{"Eq": 10}, {"Gt": 80, "Lt": 95}]}, ["bucket", "user"]),
        ({"SeverityNormalized": [{"Gte": 1, "Lte": 70}]}, ["both", "user"]),
        ({"NetworkSourcePort": [{"Eq": 443}]}, ["bucket"]),
        ({"NetworkSourceIpV4": [{"Cidr": "10.1.0.0/16"}]}, ["bucket"]),
        ({"NetworkSourceIpV4": [{"Cidr": "10.2.0.0/16"}]}, []),
        ({"CreatedAt": [{"Start": "2023-01-01T00:00:00Z", "End": "2023-12-31T00:00:00Z"}]}, ["user"]),
        ({"CreatedAt": [{"DateRange": {"Value": 100_000, "Unit": "DAYS"}}]}, ["both", "bucket", "user"]),
        ({"CreatedAt": [{"DateRange": {"Value": 100_000, "Unit": "DAYS", "Comparison": "OLDER_THAN"}}]}, []),
        ({"Sample": [{"Value": True}]}, ["both"]),
        ({"Sample": [{"Value": False}]}, ["bucket", "user"]),
        ({"Keyword": [{"Value": "IDLE"}]}, ["user"]),
        ({"ResourceAwsIamAccessKeyPrincipalName": compared("EQUALS", "ann")}, ["user"]),
        ({"FindingProviderFieldsSeverityLabel": compared("EQUALS", "HIGH")}, ["both"]),
    ],
)
def test_findings_are_chosen(hub, filters, expected):
    assert ids(hub, **filters) == expected


@pytest.mark.parametrize(
    "filters",
    [
        {"Title": [*compared("EQUALS", "a"), *compared("NOT_EQUALS", "b")]},
        {"Title": [*compared("EQUALS", "a"), *compared("PREFIX_NOT_EQUALS", "b")]},
        {"Title": compared("CONTAINS", "a")},  # of automation rules only
        {"Title": compared("CONTAINS_WORD", "a")},
        {"Title": [{"Value": "a"}]},
        {"Title": compared("EQUALS", *map(str, range(21)))},
        {name: compared("EQUALS", "a") for name in MANY},
        {"CreatedAt": [{"Start": "yesterday"}]},
        {"CreatedAt": [{}]},
        {"CreatedAt": [{"Start": "2023-01-01T00:00:00Z", "DateRange": {"Value": 1, "Unit": "DAYS"}}]},
        {"Confidence": [{}]},
        {"NetworkSourceIpV4": [{"Cidr": "everywhere"}]},
    ],
)
def test_filters_that_cannot_be_are_refused(hub, filters):
    assert refused(hub.get_findings, Filters=filters)[0] == "InvalidInputException"


def listed(hub, **said) -> list[str]:
    pages = hub.get_paginator("get_findings").paginate(PaginationConfig={"PageSize": 1}, **said)
    return [each["Id"] for page in pages for each in page["Findings"]]


def test_pages_follow_each_other_in_every_order(hub):
    assert sorted(listed(hub)) == ["both", "bucket", "user"]
    up = [{"Field": "SeverityNormalized", "SortOrder": "asc"}]
    assert listed(hub, SortCriteria=up) == ["user", "both", "bucket"]
    assert listed(hub, SortCriteria=[{"Field": "SeverityNormalized", "SortOrder": "desc"}]) == ["bucket", "both", "user"]
    two = [{"Field": "ComplianceStatus", "SortOrder": "desc"}, {"Field": "Title", "SortOrder": "asc"}]
    assert listed(hub, SortCriteria=two) == ["bucket", "user", "both"]
    assert refused(hub.get_findings, SortCriteria=[{"Field": "Beauty"}])[0] == "InvalidInputException"
    assert refused(hub.get_findings, NextToken="nonsense")[0] == "InvalidInputException"
    assert refused(hub.get_findings, MaxResults=101)[0] == "InvalidInputException"


def test_hundreds_are_found_page_by_page(hub):
    for start in range(0, 1_200, 100):
        brought(hub, *(asff(f"f-{n}", Title=f"Number {n % 3}") for n in range(start, start + 100)))
    assert len(found(hub, Title="Number 1")) == 400


# Insights ------------------------------------------------------------------------------------------


def results(hub, arn: str) -> list[tuple[str, int]]:
    told = hub.get_insight_results(InsightArn=arn)["InsightResults"]
    assert told["InsightArn"] == arn
    return [(each["GroupByAttributeValue"], each["Count"]) for each in told["ResultValues"]]


def test_insights_count_what_their_filters_leave(hub):
    live = {"RecordState": compared("EQUALS", "ACTIVE")}
    arn = hub.create_insight(Name="Resources", Filters=live, GroupByAttribute="ResourceId")["InsightArn"]
    assert arn.startswith(f"arn:aws:securityhub:{US}:{ACCOUNT}:insight/{ACCOUNT}/custom/")
    assert results(hub, arn)[:2] == [(BUCKET["Id"], 2), (USER["Id"], 2)] or results(hub, arn)[:2] == [(USER["Id"], 2), (BUCKET["Id"], 2)]
    hub.update_insight(InsightArn=arn, GroupByAttribute="SeverityLabel", Filters=live | {"ResourceType": compared("EQUALS", "AwsIamUser")})
    assert sorted(results(hub, arn)) == [("HIGH", 1), ("LOW", 1)]
    (told,) = hub.get_insights()["Insights"]
    assert (told["InsightArn"], told["Name"], told["GroupByAttribute"]) == (arn, "Resources", "SeverityLabel")
    assert hub.delete_insight(InsightArn=arn)["InsightArn"] == arn
    assert refused(hub.get_insight_results, InsightArn=arn)[0] == "ResourceNotFoundException"
    assert refused(hub.create_insight, Name="x", Filters={}, GroupByAttribute="Beauty")[0] == "InvalidInputException"


def test_some_insights_are_awss_own(hub):
    # https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-managed-insights.html
    buckets = "arn:aws:securityhub:::insight/securityhub/default/30"
    assert results(hub, buckets) == [(BUCKET["Id"], 2), (USER["Id"], 1)]  # all resources of matching findings
    update(hub, "bucket", Workflow={"Status": "RESOLVED"})
    assert sorted(results(hub, buckets)) == [(USER["Id"], 1), (BUCKET["Id"], 1)] or sorted(results(hub, buckets)) == sorted([(USER["Id"], 1), (BUCKET["Id"], 1)])
    assert hub.get_insights(InsightArns=[buckets])["Insights"][0]["Name"] == "Top S3 buckets by counts of findings"
    assert refused(hub.delete_insight, InsightArn=buckets)[0] == "InvalidInputException"


# Automation rules ----------------------------------------------------------------------------------


def automate(hub, order: int, criteria: dict, **more) -> str:
    changes = more.pop("changes")
    actions = [{"Type": "FINDING_FIELDS_UPDATE", "FindingFieldsUpdate": changes}]
    return hub.create_automation_rule(RuleOrder=order, RuleName=f"rule {order}", Description="x", Criteria=criteria, Actions=actions, **more)["RuleArn"]


def test_rules_change_findings_as_they_come_in_their_order(hub):
    automate(hub, 2, {"SeverityLabel": compared("EQUALS", "LOW")}, changes={"Workflow": {"Status": "SUPPRESSED"}})
    automate(hub, 1, {"Title": compared("CONTAINS", "shop")}, changes={"Severity": {"Label": "LOW"}, "Note": {"Text": "mild", "UpdatedBy": "rule"}})
    brought(hub, asff("new", Title="The shop is open"), asff("other"))
    finding = one(hub, "new")
    assert (finding["Severity"]["Label"], finding["Workflow"]["Status"], finding["Note"]["Text"]) == ("LOW", "SUPPRESSED", "mild")
    assert one(hub, "other")["Workflow"]["Status"] == "NEW"
    # What stood before is left alone, and so is what customers change.
    assert one(hub, "user")["Workflow"]["Status"] == "NEW"
    update(hub, "new", Workflow={"Status": "RESOLVED"})
    assert one(hub, "new")["Workflow"]["Status"] == "RESOLVED"


def test_a_terminal_rule_is_the_last_and_a_disabled_one_is_none(hub):
    everything = {"RecordState": compared("EQUALS", "ACTIVE")}
    off = automate(hub, 1, everything, changes={"Criticality": 1}, RuleStatus="DISABLED")
    automate(hub, 2, everything, changes={"Criticality": 2}, IsTerminal=True)
    automate(hub, 3, everything, changes={"Criticality": 3})
    brought(hub, asff("first"))
    assert one(hub, "first")["Criticality"] == 2
    hub.batch_update_automation_rules(UpdateAutomationRulesRequestItems=[{"RuleArn": off, "RuleStatus": "ENABLED", "IsTerminal": True}])
    brought(hub, asff("second"))
    assert one(hub, "second")["Criticality"] == 1


def test_rules_are_shown_tagged_and_deleted(hub):
    arn = automate(hub, 5, {"Title": compared("PREFIX", "x")}, changes={"Confidence": 5}, Tags={"team": "red"})
    (told,) = hub.list_automation_rules()["AutomationRulesMetadata"]
    assert (told["RuleArn"], told["RuleOrder"], told["RuleStatus"], told["IsTerminal"]) == (arn, 5, "ENABLED", False)
    reply = hub.batch_get_automation_rules(AutomationRulesArns=[arn, f"{arn}x"])
    assert reply["Rules"][0]["Actions"] == [{"Type": "FINDING_FIELDS_UPDATE", "FindingFieldsUpdate": {"Confidence": 5}}]
    assert [each["RuleArn"] for each in reply["UnprocessedAutomationRules"]] == [f"{arn}x"]
    assert hub.list_tags_for_resource(ResourceArn=arn)["Tags"] == {"team": "red"}
    reply = hub.batch_delete_automation_rules(AutomationRulesArns=[arn, f"{arn}x"])
    assert (reply["ProcessedAutomationRules"], [each["RuleArn"] for each in reply["UnprocessedAutomationRules"]]) == ([arn], [f"{arn}x"])
    assert hub.list_automation_rules()["AutomationRulesMetadata"] == []
    wrong = [{"Type": "FINDING_FIELDS_UPDATE"}]
    assert refused(hub.create_automation_rule, RuleOrder=1, RuleName="a", Description="b", Criteria={}, Actions=wrong)[0] == "InvalidInputException"
