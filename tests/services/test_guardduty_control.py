"""GuardDuty: detectors, filters, criteria, statistics, samples, tags, stacks, and what is refused.

https://docs.aws.amazon.com/guardduty/latest/APIReference/Welcome.html
"""

from __future__ import annotations

import json

import pytest
from guardduty_workshop import ACCOUNT, US, Listener, Somebody, detector, findings, put_list, types
from refusals import refused, refused_code, refused_status
from services.test_cloudformation_stack import settled

from kumoniwa.services.guardduty import judging

UNLOGGED, OPENED = "Stealth:S3/ServerAccessLoggingDisabled", "Policy:S3/BucketBlockPublicAccessDisabled"
ABSENT = ("BadRequestException", "The request is rejected since no such resource found.")


@pytest.fixture
def client(cloud):
    return cloud.client("guardduty")


def unlog(cloud, name: str = "eve", bucket: str = "shop") -> Somebody:
    """A finding of low severity of a bucket that is made for it."""
    who = Somebody(cloud, name)
    who.client("s3").create_bucket(Bucket=bucket)
    who.client("s3").put_bucket_logging(Bucket=bucket, BucketLoggingStatus={})
    cloud.sleep(1)
    return who


# Detectors -----------------------------------------------------------------------------------------


def test_an_account_has_one_detector_which_looks_at_calls_and_at_nothing_else(cloud, client):
    id_ = client.create_detector(Enable=True, FindingPublishingFrequency="ONE_HOUR", Tags={"team": "a"})["DetectorId"]
    assert client.list_detectors()["DetectorIds"] == [id_]
    told = client.get_detector(DetectorId=id_)
    assert (told["Status"], told["FindingPublishingFrequency"], told["Tags"]) == ("ENABLED", "ONE_HOUR", {"team": "a"})
    assert told["ServiceRole"] == f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/guardduty.amazonaws.com/AWSServiceRoleForAmazonGuardDuty"
    on = {each["Name"] for each in told["Features"] if each["Status"] == "ENABLED"}
    assert on == {"CLOUD_TRAIL", "S3_DATA_EVENTS"}
    assert told["DataSources"]["FlowLogs"]["Status"] == told["DataSources"]["DNSLogs"]["Status"] == "DISABLED"
    # Recorded: https://github.com/nozaq/terraform-aws-secure-baseline/issues/35
    assert refused(client.create_detector, Enable=True) == (
        "BadRequestException", "The request is rejected because a detector already exists for the current account.",
    )  # fmt: skip
    client.update_detector(DetectorId=id_, FindingPublishingFrequency="SIX_HOURS", Features=[{"Name": "S3_DATA_EVENTS", "Status": "DISABLED"}])
    told = client.get_detector(DetectorId=id_)
    assert (told["FindingPublishingFrequency"], told["DataSources"]["S3Logs"]["Status"]) == ("SIX_HOURS", "DISABLED")


def test_a_detector_that_is_deleted_takes_with_it_what_it_has_and_found(cloud, client):
    id_ = detector(cloud)
    unlog(cloud)
    client.create_filter(DetectorId=id_, Name="low", FindingCriteria={"Criterion": {"severity": {"LessThan": 4}}})
    client.create_ip_set(DetectorId=id_, Name="good", Format="TXT", Location=put_list(cloud, "127.0.0.1"), Activate=True)
    client.delete_detector(DetectorId=id_)
    # Recorded: moto's test_delete_detector.
    assert refused(client.get_detector, DetectorId=id_) == (
        "BadRequestException", "The request is rejected because the input detectorId is not owned by the current account.",
    )  # fmt: skip
    cloud.client("sqs").list_queues()
    cloud.sleep(2)
    again = detector(cloud)
    assert again != id_
    assert (client.list_filters(DetectorId=again)["FilterNames"], client.list_ip_sets(DetectorId=again)["IpSetIds"], findings(cloud)) == ([], [], [])


def test_the_answer_tells_a_type_of_its_own_beside_the_code(cloud, client):
    """Recorded: issue 3890 of boto/boto3."""
    try:
        client.get_detector(DetectorId="0" * 32)
    except client.exceptions.BadRequestException as error:
        assert error.response["Type"] == "InvalidInputException"


@pytest.mark.parametrize(
    "said",
    [
        {"Features": [{"Name": "EKS_AUDIT_LOGS", "Status": "ENABLED"}]}, {"Features": [{"Name": "RUNTIME_MONITORING", "Status": "ENABLED"}]},
        {"DataSources": {"Kubernetes": {"AuditLogs": {"Enable": True}}}},
        {"DataSources": {"MalwareProtection": {"ScanEc2InstanceWithFindings": {"EbsVolumes": True}}}},
    ],
)  # fmt: skip
def test_what_nothing_looks_at_is_not_enabled(cloud, client, said):
    assert refused_status(client.create_detector, Enable=True, **said) == (501, "NotImplemented")
    assert client.list_detectors()["DetectorIds"] == []


def test_members_and_administrators_are_refused_by_name(cloud, client):
    id_ = detector(cloud)
    for call, params in (
        (client.create_members, {"DetectorId": id_, "AccountDetails": [{"AccountId": "111111111111", "Email": "a@b.c"}]}),
        (client.enable_organization_admin_account, {"AdminAccountId": "111111111111"}), (client.list_members, {"DetectorId": id_}),
        (client.get_malware_scan_settings, {"DetectorId": id_}), (client.get_usage_statistics, {"DetectorId": id_, "UsageStatisticType": "TOP_RESOURCES", "UsageCriteria": {"DataSources": ["S3_LOGS"]}}),
    ):  # fmt: skip
        assert refused_status(call, **params)[0] == 501


def test_accounts_without_a_detector_are_not_watched(cloud):
    region = cloud.region("us-east-1")
    cloud.client("guardduty").list_detectors()
    assert region.gate.trail.watched == {}
    id_ = detector(cloud)
    assert region.gate.trail.watched == {ACCOUNT: True}
    cloud.client("guardduty").update_detector(DetectorId=id_, Enable=False)
    assert (region.gate.trail.watched, region.gate.trail.asks_for_data) == ({}, False)


def test_each_account_has_findings_of_its_own(cloud):
    detector(cloud)
    other = cloud.client("guardduty", key="111111111111")
    theirs = other.create_detector(Enable=True)["DetectorId"]
    unlog(cloud)
    assert types(cloud) == [UNLOGGED]
    other.get_detector(DetectorId=theirs)
    ids = other.list_findings(DetectorId=theirs)["FindingIds"]
    assert {each["Type"] for each in other.get_findings(DetectorId=theirs, FindingIds=ids)["Findings"]} == {"Policy:IAMUser/RootCredentialUsage"}
    (ours,) = cloud.client("guardduty").list_detectors()["DetectorIds"]
    assert refused_code(other.list_findings, DetectorId=ours) == "BadRequestException"


# Filters -------------------------------------------------------------------------------------------


def test_a_filter_that_archives_hides_what_is_found_from_then_on(cloud, client):
    id_ = detector(cloud, FindingPublishingFrequency="FIFTEEN_MINUTES")
    eve = unlog(cloud)
    listener = Listener(cloud)
    client.create_filter(DetectorId=id_, Name="low", Action="ARCHIVE", FindingCriteria={"Criterion": {"severity": {"LessThan": 4}}})
    for _ in range(2):
        eve.client("s3").delete_public_access_block(Bucket="shop")
        cloud.sleep(1)
    told = {each["Type"]: (each["Service"]["Archived"], each["Service"]["Count"]) for each in findings(cloud)}
    assert told == {UNLOGGED: (False, 1), OPENED: (True, 2)}
    cloud.sleep(1_000)
    assert listener.heard() == []


def test_filters_have_an_order(cloud, client):
    id_ = detector(cloud)
    said = {"DetectorId": id_, "FindingCriteria": {"Criterion": {"type": {"Eq": ["x"]}}}}
    for name in ("first", "second"):
        client.create_filter(Name=name, **said)
    client.create_filter(Name="third", Rank=1, Description="d", Tags={"a": "b"}, **said)
    assert client.list_filters(DetectorId=id_)["FilterNames"] == ["third", "first", "second"]
    told = client.get_filter(DetectorId=id_, FilterName="third")
    assert (told["Rank"], told["Action"], told["Description"], told["Tags"], told["FindingCriteria"]) == (1, "NOOP", "d", {"a": "b"}, said["FindingCriteria"])
    client.update_filter(DetectorId=id_, FilterName="third", Rank=3, Action="ARCHIVE")
    assert client.list_filters(DetectorId=id_)["FilterNames"] == ["first", "second", "third"]
    told = client.get_filter(DetectorId=id_, FilterName="third")
    assert (told["Version"], told["Action"], told["Description"]) == (2, "ARCHIVE", "d")
    client.delete_filter(DetectorId=id_, FilterName="first")
    assert [client.get_filter(DetectorId=id_, FilterName=each)["Rank"] for each in ("second", "third")] == [1, 2]
    # Recorded: moto's test_get_filter_unknown.
    assert refused(client.get_filter, DetectorId=id_, FilterName="first") == ABSENT
    assert refused_code(client.create_filter, Name="third", **said) == "BadRequestException"
    assert refused_code(client.create_filter, Name="fourth", Rank=9, **said) == "BadRequestException"
    assert refused_code(client.create_filter, Name="bad name", **said) == "BadRequestException"
    for empty in ({}, {"Criterion": {}}, {"Criterion": {"type": {}}}):
        assert refused_code(client.create_filter, DetectorId=id_, Name="empty", FindingCriteria=empty) == "BadRequestException"


# Criteria ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("criterion", "is_met"),
    [
        ({"severity": {"Equals": ["2"]}}, True), ({"severity": {"Eq": ["4", "5"]}}, False), ({"severity": {"GreaterThanOrEqual": 2}}, True),
        ({"severity": {"Gt": 2}}, False), ({"severity": {"Lte": 2, "Gte": 1}}, True), ({"type": {"NotEquals": [UNLOGGED], "Matches": ["Stealth*"]}}, False),
        ({"type": {"Matches": ["Stealth:S3/*"]}}, True), ({"type": {"Matches": ["Stealth:S?/Server*"]}}, True), ({"type": {"Matches": ["Stealth"]}}, False),
        ({"type": {"NotMatches": ["*IAM*"]}}, True), ({"resource.accessKeyDetails.userName": {"Equals": ["eve"]}}, True),
        ({"resource.s3BucketDetails.name": {"Equals": ["shop"]}}, True), ({"resource.s3BucketDetails.name": {"Neq": ["shop"]}}, False),
        ({"service.archived": {"Equals": ["false"]}}, True), ({"service.archived": {"Eq": ["true"]}}, False),
        ({"service.action.awsApiCallAction.remoteIpDetails.ipAddressV4": {"Equals": ["127.0.0.1"]}}, True),
        ({"updatedAt": {"GreaterThan": 1_893_456_000_000 - 1, "LessThan": 1_893_456_000_000 + 60_000}}, True),
        ({"updatedAt": {"GreaterThan": 1_893_456_000_000 + 60_000}}, False), ({"accountId": {"Equals": [ACCOUNT]}, "region": {"Equals": ["eu-west-1"]}}, False),
        ({"resource.instanceDetails.instanceId": {"Equals": ["i-1"]}}, False), ({"service.count": {"Equals": ["1"]}}, True),
    ],
)  # fmt: skip
def test_criteria_of_all_attributes_must_be_met(cloud, client, criterion, is_met):
    """2030 begins at 1,893,456,000 s."""
    detector(cloud)
    unlog(cloud)
    assert types(cloud, **{"type": {"Equals": [UNLOGGED]}, **criterion}) == [UNLOGGED] * is_met


def test_findings_are_sorted_and_paged(cloud, client):
    id_ = detector(cloud)
    client.create_sample_findings(DetectorId=id_)
    pages = client.get_paginator("list_findings").paginate(
        DetectorId=id_, SortCriteria={"AttributeName": "severity", "OrderBy": "DESC"}, PaginationConfig={"PageSize": 4}
    )
    ids = [each for page in pages for each in page["FindingIds"]]
    told = client.get_findings(DetectorId=id_, FindingIds=ids, SortCriteria={"AttributeName": "severity", "OrderBy": "ASC"})["Findings"]
    assert len(ids) == len(set(ids)) == len(told) > 15
    by_id = {each["Id"]: each["Severity"] for each in told}
    assert [by_id[each] for each in ids] == sorted(by_id.values(), reverse=True)
    assert [each["Severity"] for each in told] == sorted(by_id.values())


# Samples -------------------------------------------------------------------------------------------


def test_samples_are_marked_as_such_wherever_they_are_told(cloud, client):
    id_ = detector(cloud)
    hub = cloud.client("securityhub")
    hub.enable_security_hub(EnableDefaultStandards=False)
    listener = Listener(cloud)
    client.create_sample_findings(DetectorId=id_, FindingTypes=[UNLOGGED])
    client.create_sample_findings(DetectorId=id_, FindingTypes=[UNLOGGED])
    (found,) = findings(cloud)
    assert found["Title"].startswith("[SAMPLE]") and found["Description"].startswith("[SAMPLE]")
    assert json.loads(found["Service"]["AdditionalInfo"]["Value"]) == {"sample": True}
    assert (found["Service"]["Count"], found["Severity"]) == (2, 2.0)
    (event,) = listener.heard()
    assert event["detail"]["service"]["additionalInfo"]["sample"] is True
    (told,) = hub.get_findings(Filters={"Title": [{"Value": "[SAMPLE]", "Comparison": "PREFIX"}]})["Findings"]
    assert told["Sample"] is True
    # Nothing here finds such a thing, so that nothing shows what it would look like.
    assert refused_status(client.create_sample_findings, DetectorId=id_, FindingTypes=["Recon:EC2/PortProbeUnprotectedPort"]) == (501, "NotImplemented")


# Statistics ----------------------------------------------------------------------------------------


def test_findings_are_counted(cloud, client):
    id_ = detector(cloud)
    unlog(cloud)
    unlog(cloud, "bob", "other")
    criteria = {"Criterion": {"type": {"Equals": [UNLOGGED]}}}
    said = {"DetectorId": id_, "FindingCriteria": criteria}
    assert client.get_findings_statistics(FindingStatisticTypes=["COUNT_BY_SEVERITY"], **said)["FindingStatistics"] == {"CountBySeverity": {"2.0": 2}}
    by = {
        group: client.get_findings_statistics(GroupBy=group, **said)["FindingStatistics"]
        for group in ("ACCOUNT", "DATE", "FINDING_TYPE", "RESOURCE", "SEVERITY")
    }
    assert [(each["AccountId"], each["TotalFindings"]) for each in by["ACCOUNT"]["GroupedByAccount"]] == [(ACCOUNT, 2)]
    assert [(each["FindingType"], each["TotalFindings"]) for each in by["FINDING_TYPE"]["GroupedByFindingType"]] == [(UNLOGGED, 2)]
    assert [(each["Severity"], each["TotalFindings"]) for each in by["SEVERITY"]["GroupedBySeverity"]] == [(2.0, 2)]
    assert [each["TotalFindings"] for each in by["RESOURCE"]["GroupedByResource"]] == [1, 1]
    (day,) = by["DATE"]["GroupedByDate"]
    assert (day["Date"].isoformat()[:10], day["TotalFindings"]) == ("2030-01-01", 2)
    assert refused_code(client.get_findings_statistics, GroupBy="ACCOUNT", FindingStatisticTypes=["COUNT_BY_SEVERITY"], **said) == "BadRequestException"
    assert len(client.get_findings_statistics(GroupBy="RESOURCE", MaxResults=1, **said)["FindingStatistics"]["GroupedByResource"]) == 1


# Refusals ------------------------------------------------------------------------------------------


def test_findings_that_there_are_not(cloud, client):
    id_ = detector(cloud)
    assert client.get_findings(DetectorId=id_, FindingIds=["0" * 32])["Findings"] == []
    assert refused(client.archive_findings, DetectorId=id_, FindingIds=["0" * 32]) == (
        "BadRequestException", "The request is rejected because the parameter findingIds has an invalid value.",
    )  # fmt: skip


@pytest.mark.parametrize(
    "criterion",
    [
        {"type": None}, {"severity": {"gte": "4"}}, {"type": {"eq": "x"}}, {"type": {"eq": [None]}}, [], "x", {"": {"eq": ["x"]}}, {"type": {"matches": ["["]}},
        {"updatedAt": {"greaterThan": 1 << 70}}, {"severity": {"lessThan": -1}}, {"." * 200: {"eq": ["x"]}},
    ],
)  # fmt: skip
def test_malformed_criteria_are_refused_and_hurt_nobody(cloud, client, criterion):
    id_ = detector(cloud)
    body = json.dumps({"findingCriteria": {"criterion": criterion}}).encode()
    own = cloud.own_client("guardduty")
    own.meta.events.register("before-call.guardduty.ListFindings", lambda params, **_: params.update(body=body))
    try:
        answer = own.list_findings(DetectorId=id_, FindingCriteria={"Criterion": {"type": {"Eq": ["x"]}}})
    except own.exceptions.ClientError as error:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    else:
        assert answer["FindingIds"] == [] or criterion in ([], {})
    assert client.list_detectors()["DetectorIds"] == [id_]


@pytest.mark.parametrize("agent", ["", "\x7f", "kali" * 2_000])
def test_calls_that_look_strange_are_judged_too(cloud, client, agent):
    detector(cloud)
    eve = Somebody(cloud)
    own = cloud.own_client("sqs", key=eve.key, secret=eve.secret)
    own.meta.events.register("before-send.sqs", lambda request, **_: request.headers.__setitem__("User-Agent", agent))
    own.list_queues()
    assert types(cloud) == (["PenTest:IAMUser/KaliLinux"] if agent.startswith("kali") else [])


def test_a_call_that_cannot_be_judged_is_answered_as_ever(cloud, client, monkeypatch, capsys):
    detector(cloud)
    monkeypatch.setattr(judging, "judged", lambda event, known: 1 / 0)
    cloud.client("sqs").create_queue(QueueName="q")
    assert len(cloud.client("sqs").list_queues()["QueueUrls"]) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err
    monkeypatch.undo()
    assert types(cloud) == []


# Tags and stacks -----------------------------------------------------------------------------------


def test_each_kind_of_thing_has_tags(cloud, client):
    id_ = detector(cloud)
    client.create_filter(DetectorId=id_, Name="low", FindingCriteria={"Criterion": {"type": {"Eq": ["x"]}}})
    place = put_list(cloud, "127.0.0.1")
    good = client.create_ip_set(DetectorId=id_, Name="good", Format="TXT", Location=place, Activate=False)["IpSetId"]
    bad = client.create_threat_intel_set(DetectorId=id_, Name="bad", Format="TXT", Location=place, Activate=False)["ThreatIntelSetId"]
    own = f"arn:aws:guardduty:{US}:{ACCOUNT}:detector/{id_}"
    for arn in (own, f"{own}/filter/low", f"{own}/ipset/{good}", f"{own}/threatintelset/{bad}"):
        client.tag_resource(ResourceArn=arn, Tags={"a": "b", "c": "d"})
        client.untag_resource(ResourceArn=arn, TagKeys=["a"])
        assert client.list_tags_for_resource(ResourceArn=arn)["Tags"] == {"c": "d"}
    assert refused(client.list_tags_for_resource, ResourceArn=f"{own}/ipset/{bad}") == ABSENT


STACK = """
Resources:
  Guard: {Type: AWS::GuardDuty::Detector, Properties: {Enable: true, FindingPublishingFrequency: %s, Tags: [{Key: team, Value: a}]}}
  Low:
    Type: AWS::GuardDuty::Filter
    Properties: {DetectorId: !Ref Guard, Name: low, Action: %s, Description: d, Rank: 1, FindingCriteria: {Criterion: {severity: {Lt: 4}}}}
  Good: {Type: AWS::GuardDuty::IPSet, Properties: {DetectorId: !Ref Guard, Format: TXT, Location: 's3://lists/list.txt', Activate: true}}
  Bad: {Type: AWS::GuardDuty::ThreatIntelSet, Properties: {DetectorId: !GetAtt Guard.Id, Format: TXT, Location: 's3://lists/list.txt', Name: %s}}
Outputs: {Guard: {Value: !Ref Guard}, Good: {Value: !Ref Good}, Bad: {Value: !GetAtt Bad.Id}, Low: {Value: !Ref Low}}
"""


def test_a_stack_makes_changes_and_ends_all_of_it(cloud, client):
    put_list(cloud, "127.0.0.1")
    stacks = cloud.client("cloudformation")
    stacks.create_stack(StackName="guard", TemplateBody=STACK % ("ONE_HOUR", "ARCHIVE", "bad"))
    assert settled(cloud, "guard")["StackStatus"] == "CREATE_COMPLETE"
    told = {each["OutputKey"]: each["OutputValue"] for each in stacks.describe_stacks(StackName="guard")["Stacks"][0]["Outputs"]}
    (id_,) = client.list_detectors()["DetectorIds"]
    assert (told["Guard"], told["Low"]) == (id_, "low")
    assert client.get_detector(DetectorId=id_)["Tags"]["team"] == "a"
    cloud.sleep(3)
    good = client.get_ip_set(DetectorId=id_, IpSetId=told["Good"])
    assert (good["Status"], good["Name"].startswith("guard-Good-")) == ("ACTIVE", True)
    assert client.get_threat_intel_set(DetectorId=id_, ThreatIntelSetId=told["Bad"])["Status"] == "INACTIVE"
    stacks.update_stack(StackName="guard", TemplateBody=STACK % ("SIX_HOURS", "NOOP", "worse"))
    assert settled(cloud, "guard")["StackStatus"] == "UPDATE_COMPLETE"
    assert client.get_detector(DetectorId=id_)["FindingPublishingFrequency"] == "SIX_HOURS"
    assert client.get_filter(DetectorId=id_, FilterName="low")["Action"] == "NOOP"
    assert client.get_threat_intel_set(DetectorId=id_, ThreatIntelSetId=told["Bad"])["Name"] == "worse"
    stacks.delete_stack(StackName="guard")
    cloud.sleep(30)
    assert client.list_detectors()["DetectorIds"] == []
