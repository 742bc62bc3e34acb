"""Security Hub: findings are brought by whoever looks, and worked on by whoever has to do something about them.

https://docs.aws.amazon.com/securityhub/latest/userguide/finding-update-batchimportfindings.html
https://docs.aws.amazon.com/securityhub/latest/userguide/finding-update-batchupdatefindings.html
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from bill_workshop import used
from refusals import refused
from securityhub_workshop import ACCOUNT, PRODUCT, US, Listener, asff, brought, found, ids, one, update

DAY_S = 86_400
MORE = {"UpdatedAt": "2024-01-02T00:00:00.000Z"}


@pytest.fixture
def hub(cloud):
    client = cloud.client("securityhub")
    client.enable_security_hub(EnableDefaultStandards=False)
    return client


# The hub -------------------------------------------------------------------------------------------


def test_an_account_subscribes_once_and_is_told_so_until_it_ends(cloud):
    hub = cloud.client("securityhub")
    text = f"Account {ACCOUNT} is not subscribed to AWS Security Hub"
    assert refused(hub.describe_hub) == ("InvalidAccessException", text)
    assert refused(hub.get_findings) == ("InvalidAccessException", text)
    assert refused(hub.batch_import_findings, Findings=[asff()]) == ("InvalidAccessException", text)
    hub.enable_security_hub(EnableDefaultStandards=False, Tags={"team": "red"})
    told = hub.describe_hub()
    arn = f"arn:aws:securityhub:{US}:{ACCOUNT}:hub/default"
    assert (told["HubArn"], told["AutoEnableControls"], told["ControlFindingGenerator"]) == (arn, True, "SECURITY_CONTROL")
    assert refused(hub.enable_security_hub) == ("ResourceConflictException", "Account is already subscribed to Security Hub")
    assert hub.get_enabled_standards()["StandardsSubscriptions"] == []
    hub.tag_resource(ResourceArn=arn, Tags={"stage": "test"})
    hub.untag_resource(ResourceArn=arn, TagKeys=["team"])
    assert hub.list_tags_for_resource(ResourceArn=arn)["Tags"] == {"stage": "test"}
    hub.update_security_hub_configuration(AutoEnableControls=False, ControlFindingGenerator="STANDARD_CONTROL")
    assert hub.describe_hub(HubArn=arn)["ControlFindingGenerator"] == "STANDARD_CONTROL"
    assert refused(hub.describe_hub, HubArn=f"{arn}s")[0] == "ResourceNotFoundException"
    hub.disable_security_hub()
    assert refused(hub.disable_security_hub) == ("InvalidAccessException", text)
    role = cloud.client("iam").get_role(RoleName="AWSServiceRoleForSecurityHub")["Role"]
    assert role["Path"] == "/aws-service-role/securityhub.amazonaws.com/"


def test_awss_policies_let_people_read_or_do_all(cloud):
    iam, users = cloud.client("iam"), {}
    for name in ("AWSSecurityHubReadOnlyAccess", "AWSSecurityHubFullAccess"):
        iam.create_user(UserName=name)
        iam.attach_user_policy(UserName=name, PolicyArn=f"arn:aws:iam::aws:policy/{name}")
        key = iam.create_access_key(UserName=name)["AccessKey"]
        users[name] = cloud.client("securityhub", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    reader, master = users.values()
    assert "securityhub:EnableSecurityHub" in refused(reader.enable_security_hub)[1]
    master.enable_security_hub(EnableDefaultStandards=False)
    brought(master, asff())
    assert ids(reader) == ["f-1"]
    assert "securityhub:BatchUpdateFindings" in refused(update, reader, "f-1", Confidence=1)[1]


def test_findings_outlive_a_pause_of_the_hub_and_a_kill(cloud, hub):
    brought(hub, asff())
    cloud.restart(kill=True)
    assert ids(hub) == ["f-1"]
    hub.disable_security_hub()
    hub.enable_security_hub(EnableDefaultStandards=False)
    assert ids(hub) == ["f-1"]


def test_what_is_answered_is_kept_though_the_region_is_killed_that_moment(cloud, hub):
    cloud.kill_at_answer()
    brought(hub, asff("f-1"), asff("f-2"))
    assert ids(hub) == ["f-1", "f-2"]


# Importing -----------------------------------------------------------------------------------------


def test_a_finding_is_completed_as_it_comes(hub):
    brought(hub, asff(FindingProviderFields={"Severity": {"Label": "LOW", "Original": "2"}}))
    finding = one(hub)
    assert finding["Severity"] == {"Label": "LOW", "Normalized": 1, "Original": "2"}
    assert finding["FindingProviderFields"]["Severity"] == {"Label": "LOW", "Original": "2"}
    assert finding["FindingProviderFields"]["Types"] == finding["Types"] == asff()["Types"]
    assert (finding["Workflow"], finding["WorkflowState"], finding["RecordState"]) == ({"Status": "NEW"}, "NEW", "ACTIVE")
    assert (finding["ProductName"], finding["CompanyName"], finding["Region"]) == ("Default", "Personal", US)
    assert finding["Resources"] == [{"Type": "AwsS3Bucket", "Id": "arn:aws:s3:::shop", "Partition": "aws", "Region": US}]
    assert finding["ProductFields"] == {
        "aws/securityhub/FindingId": f"{PRODUCT}/f-1", "aws/securityhub/ProductName": "Default", "aws/securityhub/CompanyName": "Personal",
    }  # fmt: skip


def test_an_integration_of_ones_own_may_name_itself(hub):
    # https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-custom-providers.html
    brought(hub, asff(ProductName="Lantern", CompanyName="Example"))
    finding = one(hub)
    assert (finding["ProductName"], finding["CompanyName"]) == ("Lantern", "Example")
    assert ids(hub, ProductName="Lantern") == ["f-1"]
    assert finding["ProductFields"]["aws/securityhub/ProductName"] == "Default"


def test_findings_that_come_are_billed(cloud, hub):
    """https://aws.amazon.com/security-hub/pricing/"""
    brought(hub, asff("f-1"), asff("f-2"))
    brought(hub, asff("f-1"))  # which says nothing new
    update(hub, "f-1", Confidence=1)
    assert used(cloud)["securityhub:finding_ingestion", PRODUCT] == 2


@pytest.mark.parametrize(
    ("normalized", "label"), [(0, "INFORMATIONAL"), (1, "LOW"), (39, "LOW"), (40, "MEDIUM"), (69, "MEDIUM"), (70, "HIGH"), (90, "CRITICAL"), (100, "CRITICAL")]
)
def test_a_severity_that_is_a_number_has_its_label(hub, normalized, label):
    # https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_Severity.html
    brought(hub, asff(Severity={"Normalized": normalized}))
    assert one(hub)["Severity"] == {"Normalized": normalized, "Label": label}


LACKING = {name: value for name, value in asff("g").items() if name != "Severity"}


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        # Recorded: issues of aws-samples/aws-securityhub-config-integration and aquasecurity/kube-bench.
        ({**LACKING}, "data should have required property 'FindingProviderFields', data should match some schema in anyOf"),
        (asff("g", Resources=[]), "data.Resources should NOT have fewer than 1 items"),
        (
            asff("g", Remediation={"Recommendation": {"Text": "x" * 513}}),
            "data.Remediation.Recommendation.Text should NOT be longer than 512 characters",
        ),
        # These follow them.
        (asff("g", Title="x" * 257), "data.Title should NOT be longer than 256 characters"),
        (asff("g", Types=["x"] * 51), "data.Types should NOT have more than 50 items"),
        (asff("g", ProductFields={str(n): "x" for n in range(51)}), "data.ProductFields should NOT have more than 50 properties"),
        (asff("g", Severity={"Label": "URGENT"}), "data.Severity.Label should be equal to one of the allowed values"),
        (asff("g", Severity={}), "data.Severity should have required property 'Label'"),
        (
            asff("g", FindingProviderFields={"Severity": {"Original": "7"}}),
            "data.FindingProviderFields.Severity should have required property 'Label'",
        ),
        (asff("g", Confidence=101), "data.Confidence should be <= 100"),
        (asff("g", CreatedAt="yesterday"), 'data.CreatedAt should match format "date-time"'),
        (asff("g", SchemaVersion="2030-01-01"), "data.SchemaVersion should be equal to one of the allowed values"),
    ],
)
def test_what_does_not_fit_is_named_and_the_rest_of_the_batch_is_taken(hub, wrong, text):
    reply = hub.batch_import_findings(Findings=[wrong, asff()])
    assert (reply["FailedCount"], reply["SuccessCount"]) == (1, 1)
    expected = f"Finding does not adhere to Amazon Finding Format. {text}."
    assert reply["FailedFindings"] == [{"Id": "g", "ErrorCode": "InvalidInput", "ErrorMessage": expected}]
    assert ids(hub) == ["f-1"]


@pytest.mark.parametrize("missing", ["Title", "Resources", "Id", "ProductArn", "AwsAccountId", "UpdatedAt"])
def test_what_lacks_anything_is_refused_alone(cloud, hub, missing):
    said = {name: value for name, value in asff("g").items() if name != missing}
    reply = cloud.client("securityhub", parameter_validation=False).batch_import_findings(Findings=[said, asff()])
    assert (reply["FailedCount"], reply["SuccessCount"]) == (1, 1)
    assert f"data should have required property '{missing}'" in reply["FailedFindings"][0]["ErrorMessage"]


JUNK = (None, 1, 1.5, True, "x", "", [], {}, [None], [1], ["x"], [{}], {"x": 1}, {"x": None}, [[]], -1, 10**30)


def test_junk_in_any_place_is_no_defect_and_no_finding_that_cannot_be_read(cloud, hub, capfd):
    headers = {"authorization": f"AWS4-HMAC-SHA256 Credential=test/20240101/{US}/securityhub/aws4_request, SignedHeaders=host, Signature=0"}
    whole = asff(
        Note={"Text": "a", "UpdatedBy": "b", "UpdatedAt": "2024-01-01T00:00:00Z"}, Compliance={"Status": "FAILED"}, Workflow={"Status": "NEW"},
        FindingProviderFields={"Severity": {"Label": "LOW"}, "Types": ["a"]}, Confidence=1, ProductFields={"a": "b"}, RecordState="ACTIVE",
        RelatedFindings=[{"ProductArn": "a", "Id": "b"}], UserDefinedFields={"a": "b"}, Remediation={"Recommendation": {"Text": "a"}},
    )  # fmt: skip
    for name, value in whole.items():
        inner = [{**value, part: junk} for part in value for junk in JUNK] if isinstance(value, dict) else []
        for junk in (*JUNK, *inner):
            body = json.dumps({"Findings": [{**whole, name: junk}]}).encode()
            status, _, reply = cloud.http("POST", "/findings/import", headers=headers, body=body)
            assert status in (200, 400), (name, junk, reply)
    assert "Traceback" not in capfd.readouterr().err
    found(hub)
    found(hub, Title=[{"Value": "z", "Comparison": "PREFIX"}], Confidence=[{"Gt": 5}], UpdatedAt=[{"DateRange": {"Value": 5, "Unit": "DAYS"}}])


@pytest.mark.parametrize(
    "findings", [[], [None], ["x"], {"a": 1}, [asff(Resources="x")], [asff(Severity=[])], [asff(Types=[1])], [asff(ProductFields={"a": 1})], [asff(Id=" ")]]
)
def test_malformed_batches_are_refused_and_nothing_is_kept(cloud, hub, findings):
    headers = {"authorization": f"AWS4-HMAC-SHA256 Credential=test/20240101/{US}/securityhub/aws4_request, SignedHeaders=host, Signature=0"}
    status, _, body = cloud.http("POST", "/findings/import", headers=headers, body=json.dumps({"Findings": findings}).encode())
    assert status == 400 or (status, json.loads(body)["SuccessCount"]) == (200, 0), (status, body)
    assert found(hub) == []


def test_findings_of_others_and_for_other_products_are_not_taken(hub):
    others = asff("a", AwsAccountId="111122223333"), asff("b", ProductArn=f"arn:aws:securityhub:{US}::product/aws/guardduty")
    reply = hub.batch_import_findings(Findings=list(others))
    assert [(each["Id"], each["ErrorCode"]) for each in reply["FailedFindings"]] == [("a", "InvalidAccess"), ("b", "InvalidAccess")]
    assert found(hub) == []


def test_a_batch_has_a_hundred_findings_at_most(hub):
    assert refused(hub.batch_import_findings, Findings=[asff(str(n)) for n in range(101)])[0] == "InvalidInputException"


def test_an_update_counts_if_it_is_later(hub):
    brought(hub, asff())
    brought(hub, asff(Title="The same moment"))
    assert one(hub)["Title"] == "A hole"
    brought(hub, asff(Title="Earlier", UpdatedAt="2023-12-31T23:59:59Z"))
    assert one(hub)["Title"] == "A hole"
    # Two hours ahead of Greenwich: half an hour later.
    brought(hub, asff(Title="Later", UpdatedAt="2024-01-01T02:30:00.000+02:00"))
    assert one(hub)["Title"] == "Later"


def test_providers_do_not_overwrite_what_customers_set(hub):
    brought(hub, asff(Confidence=10, Criticality=10))
    note = {"Text": "known", "UpdatedBy": "me"}
    update(
        hub, "f-1", Note=note, Severity={"Label": "LOW"}, VerificationState="FALSE_POSITIVE", Confidence=90, Workflow={"Status": "SUPPRESSED"},
        UserDefinedFields={"ticket": "7"},
    )  # fmt: skip
    provided = {"Severity": {"Label": "CRITICAL"}, "Confidence": 20, "Criticality": 20, "Types": ["TTPs"]}
    theirs = {"VerificationState": "TRUE_POSITIVE", "Workflow": {"Status": "NEW"}, "UserDefinedFields": {"ticket": "8"}}
    brought(hub, asff(Title="Again", FindingProviderFields=provided, **theirs, **MORE))
    finding = one(hub)
    assert (finding["Title"], finding["Note"]["Text"], finding["VerificationState"]) == ("Again", "known", "FALSE_POSITIVE")
    assert (finding["Severity"]["Label"], finding["Confidence"], finding["Workflow"]) == ("LOW", 90, {"Status": "SUPPRESSED"})
    assert finding["UserDefinedFields"] == {"ticket": "7"}
    assert finding["Criticality"] == 20  # which the customer did not set
    assert finding["FindingProviderFields"]["Severity"] == {"Label": "CRITICAL"}
    assert finding["FindingProviderFields"]["Confidence"] == 20


@pytest.mark.parametrize(("status", "then"), [("NOTIFIED", "NEW"), ("RESOLVED", "NEW"), ("SUPPRESSED", "SUPPRESSED")])
def test_what_comes_back_is_new_unless_it_is_suppressed(hub, status, then):
    # https://docs.aws.amazon.com/securityhub/latest/userguide/finding-workflow-status.html
    brought(hub, asff(RecordState="ARCHIVED"))
    update(hub, "f-1", Workflow={"Status": status})
    brought(hub, asff(RecordState="ACTIVE", **MORE))
    assert one(hub)["Workflow"] == {"Status": then}


def test_what_had_passed_and_fails_is_new(hub):
    brought(hub, asff(Compliance={"Status": "PASSED"}))
    update(hub, "f-1", Workflow={"Status": "RESOLVED"})
    brought(hub, asff(Compliance={"Status": "FAILED"}, **MORE))
    assert one(hub)["Workflow"] == {"Status": "NEW"}


# Updating ------------------------------------------------------------------------------------------


def test_the_workflow_status_is_edited_and_the_time_stays_its_providers(cloud, hub):
    brought(hub, asff("f-1"), asff("f-2"))
    reply = update(hub, "f-1", "f-2", Workflow={"Status": "NOTIFIED"}, Note={"Text": "told them", "UpdatedBy": "me"})
    assert [each["Id"] for each in reply["ProcessedFindings"]] == ["f-1", "f-2"]
    assert ids(hub, WorkflowStatus="NOTIFIED") == ["f-1", "f-2"]
    finding = one(hub)
    assert finding["UpdatedAt"] == "2024-01-01T00:00:00.000Z"
    assert (finding["Note"]["Text"], finding["Note"]["UpdatedBy"]) == ("told them", "me")
    assert datetime.fromisoformat(finding["Note"]["UpdatedAt"]).tzinfo is not None


def test_what_cannot_be_updated_is_named(hub):
    brought(hub, asff())
    reply = update(hub, "f-1", "none", "f-1", Workflow={"Status": "RESOLVED"})
    assert [each["Id"] for each in reply["ProcessedFindings"]] == ["f-1"]
    # https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_BatchUpdateFindingsUnprocessedFinding.html
    assert [(each["FindingIdentifier"]["Id"], each["ErrorCode"]) for each in reply["UnprocessedFindings"]] == [
        ("none", "FindingNotFound"), ("f-1", "DuplicatedFindingIdentifier"),
    ]  # fmt: skip
    assert refused(update, hub, *map(str, range(101)), Confidence=1)[0] == "InvalidInputException"


def test_a_severity_that_a_customer_sets_keeps_what_it_was_originally(hub):
    brought(hub, asff(Severity={"Label": "HIGH", "Original": "7.5"}))
    update(hub, "f-1", Severity={"Normalized": 95})
    assert one(hub)["Severity"] == {"Original": "7.5", "Normalized": 95, "Label": "CRITICAL"}


def test_a_policy_may_forbid_a_field_or_a_value(cloud, hub):
    # https://docs.aws.amazon.com/securityhub/latest/userguide/finding-update-batchupdatefindings.html#batchupdatefindings-configure-access
    brought(hub, asff())
    path = "securityhub:ASFFSyntaxPath"
    denied = [{"StringEquals": {f"{path}/Workflow.Status": "SUPPRESSED"}}, {"Null": {f"{path}/Severity.Label": "false"}}]
    statements = [{"Effect": "Deny", "Action": "securityhub:BatchUpdateFindings", "Resource": "*", "Condition": each} for each in denied]
    allowed = {"Effect": "Allow", "Action": "securityhub:BatchUpdateFindings", "Resource": "*"}
    iam = cloud.client("iam")
    iam.create_user(UserName="clerk")
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed, *statements]})
    iam.put_user_policy(UserName="clerk", PolicyName="some", PolicyDocument=document)
    key = iam.create_access_key(UserName="clerk")["AccessKey"]
    clerk = cloud.client("securityhub", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    assert refused(update, clerk, "f-1", Workflow={"Status": "SUPPRESSED"})[0] == "AccessDeniedException"
    assert refused(update, clerk, "f-1", Severity={"Label": "LOW"})[0] == "AccessDeniedException"
    assert len(update(clerk, "f-1", Workflow={"Status": "NOTIFIED"})["ProcessedFindings"]) == 1
    assert "securityhub:GetFindings" in refused(clerk.get_findings)[1]


# History and age -----------------------------------------------------------------------------------


def test_the_history_tells_who_changed_what(cloud, hub):
    brought(hub, asff())
    cloud.sleep(60)
    update(hub, "f-1", Workflow={"Status": "NOTIFIED"})
    cloud.sleep(60)
    brought(hub, asff(Title="Wider", **MORE))
    said = {"FindingIdentifier": {"Id": "f-1", "ProductArn": PRODUCT}}
    last, middle, first = hub.get_finding_history(**said)["Records"]
    assert (first["FindingCreated"], first["UpdateSource"]) == (True, {"Type": "BATCH_IMPORT_FINDINGS", "Identity": PRODUCT})
    assert middle["UpdateSource"] == {"Type": "BATCH_UPDATE_FINDINGS", "Identity": f"arn:aws:iam::{ACCOUNT}:root"}
    assert middle["Updates"] == [{"UpdatedField": "Workflow.Status", "OldValue": "NEW", "NewValue": "NOTIFIED"}]
    assert last["Updates"] == [{"UpdatedField": "Title", "OldValue": "A hole", "NewValue": "Wider"}]
    between = hub.get_finding_history(**said, StartTime=first["UpdateTime"] + timedelta(seconds=1), EndTime=middle["UpdateTime"])["Records"]
    assert [each["UpdateTime"] for each in between] == [middle["UpdateTime"]]
    page = hub.get_finding_history(**said, MaxResults=2)
    assert len(page["Records"]) == 2
    assert len(hub.get_finding_history(**said, MaxResults=2, NextToken=page["NextToken"])["Records"]) == 1
    late = datetime(2040, 1, 1, tzinfo=UTC)
    assert refused(hub.get_finding_history, **said, StartTime=late)[0] == "InvalidInputException"


def test_findings_are_gone_ninety_days_after_they_were_changed_last(cloud, hub):
    brought(hub, asff("old"), asff("young"))
    cloud.sleep(60 * DAY_S)
    update(hub, "young", Workflow={"Status": "NOTIFIED"})
    cloud.sleep(31 * DAY_S + 60)
    assert ids(hub) == ["young"]
    cloud.sleep(60 * DAY_S)
    assert ids(hub) == []


# Events --------------------------------------------------------------------------------------------


def test_each_new_and_changed_finding_is_an_event(cloud, hub):
    listener = Listener(cloud)
    brought(hub, asff("f-1"), asff("f-2"))
    update(hub, "f-1", Workflow={"Status": "RESOLVED"})
    brought(hub, asff("f-2"))  # which says nothing new
    told = listener.heard()
    assert {each["detail-type"] for each in told} == {"Security Hub Findings - Imported"}
    seen = sorted((each["detail"]["findings"][0]["Id"], each["detail"]["findings"][0]["Workflow"]["Status"]) for each in told)
    assert seen == [("f-1", "NEW"), ("f-1", "RESOLVED"), ("f-2", "NEW")]
    assert sorted(each["resources"][0] for each in told) == [f"{PRODUCT}/f-1", f"{PRODUCT}/f-1", f"{PRODUCT}/f-2"]
    assert (told[0]["source"], told[0]["account"], told[0]["region"], len(told[0]["detail"]["findings"])) == ("aws.securityhub", ACCOUNT, US, 1)


def test_a_rule_may_choose_findings_by_what_they_say(cloud, hub):
    listener = Listener(cloud, detail={"findings": {"Severity": {"Label": ["CRITICAL"]}, "Workflow": {"Status": ["NEW"]}}})
    brought(hub, asff("mild"), asff("grave", Severity={"Label": "CRITICAL"}))
    assert [each["detail"]["findings"][0]["Id"] for each in listener.heard()] == ["grave"]


# Custom actions ------------------------------------------------------------------------------------


def test_custom_actions_come_change_and_go(hub):
    arn = hub.create_action_target(Name="Send on", Description="To the desk", Id="desk")["ActionTargetArn"]
    assert arn == f"arn:aws:securityhub:{US}:{ACCOUNT}:action/custom/desk"
    assert refused(hub.create_action_target, Name="Twice", Description="x", Id="desk")[0] == "ResourceConflictException"
    assert refused(hub.create_action_target, Name="x" * 21, Description="x", Id="b")[0] == "InvalidInputException"
    assert refused(hub.create_action_target, Name="x", Description="x", Id="a-b")[0] == "InvalidInputException"
    hub.update_action_target(ActionTargetArn=arn, Description="To the other desk")
    assert hub.describe_action_targets(ActionTargetArns=[arn])["ActionTargets"] == [
        {"ActionTargetArn": arn, "Name": "Send on", "Description": "To the other desk"}
    ]
    assert hub.delete_action_target(ActionTargetArn=arn)["ActionTargetArn"] == arn
    assert hub.describe_action_targets()["ActionTargets"] == []
    assert refused(hub.delete_action_target, ActionTargetArn=arn)[0] == "ResourceNotFoundException"


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("create_members", {"AccountDetails": [{"AccountId": "111122223333"}]}),
        ("enable_organization_admin_account", {"AdminAccountId": "111122223333"}),
        ("create_finding_aggregator", {"RegionLinkingMode": "ALL_REGIONS"}),
        ("create_configuration_policy", {"Name": "p", "ConfigurationPolicy": {"SecurityHub": {"ServiceEnabled": True}}}),
        ("update_findings", {"Filters": {}}),
        ("enable_security_hub_v2", {}),
    ],
)
def test_what_is_not_here_is_refused_by_name(hub, operation, params):
    assert refused(getattr(hub, operation), **params)[0] == "NotImplemented"
