"""Stack sets: one template in several accounts and regions, through the administration and execution roles."""

from __future__ import annotations

import json

import pytest
from refusals import refused

HERE, THERE = "us-east-1", "eu-west-1"
ADMIN, OTHER = "000000000000", "111111111111"
TEMPLATE = """
Parameters:
  Seconds: {Type: Number, Default: 60}
  Delay: {Type: Number, Default: 0}
Resources:
  Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: ours, VisibilityTimeout: !Ref Seconds, DelaySeconds: !Ref Delay}}
"""


def _trusting(**principal: str) -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


def _allowing(action: str) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": action, "Resource": "*"}})


def _put_role(cloud, account: str, name: str, trust: str, action: str) -> None:
    iam = cloud.client("iam", key=account)
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
    iam.put_role_policy(RoleName=name, PolicyName="may", PolicyDocument=_allowing(action))


@pytest.fixture
def two(cloud):
    """Two regions, and two accounts that trust the first."""
    cloud.region(THERE)
    name = "AWSCloudFormationStackSetAdministrationRole"
    _put_role(cloud, ADMIN, name, _trusting(Service="cloudformation.amazonaws.com"), "sts:AssumeRole")
    trust = _trusting(AWS=f"arn:aws:iam::{ADMIN}:role/{name}")
    for account in (ADMIN, OTHER):
        _put_role(cloud, account, "AWSCloudFormationStackSetExecutionRole", trust, "*")
    return cloud


def _over(cloud, answer: dict, name: str = "ours") -> dict:
    """The operation, once it is over."""
    client = cloud.client("cloudformation")
    for _ in range(600):
        found = client.describe_stack_set_operation(StackSetName=name, OperationId=answer["OperationId"])["StackSetOperation"]
        if found["Status"] not in ("RUNNING", "STOPPING"):
            return found
        cloud.sleep(0.2)
    raise AssertionError(found)


def _results(cloud, answer: dict) -> dict[tuple[str, str], tuple[str, str]]:
    found = cloud.client("cloudformation").list_stack_set_operation_results(StackSetName="ours", OperationId=answer["OperationId"])
    return {(e["Account"], e["Region"]): (e["Status"], e.get("StatusReason", "")) for e in found["Summaries"]}


def _seconds(cloud, account: str, region: str) -> str | None:
    sqs = cloud.client("sqs", region, key=account)
    if "QueueUrls" not in (found := sqs.list_queues()):
        return None
    read = sqs.get_queue_attributes(QueueUrl=found["QueueUrls"][0], AttributeNames=["VisibilityTimeout"])
    return read["Attributes"]["VisibilityTimeout"]


EVERYWHERE = {"Accounts": [ADMIN, OTHER], "Regions": [HERE, THERE]}


def _everywhere(cloud) -> list[str | None]:
    return [_seconds(cloud, account, region) for account in (ADMIN, OTHER) for region in (HERE, THERE)]


def _made(cloud, **more) -> dict:
    """A set with an instance everywhere."""
    client = cloud.client("cloudformation")
    client.create_stack_set(StackSetName="ours", TemplateBody=TEMPLATE, **more)
    done = _over(cloud, client.create_stack_instances(StackSetName="ours", **EVERYWHERE))
    assert done["Status"] == "SUCCEEDED", done
    return done


def test_a_set_makes_real_stacks_in_every_account_and_region(two):
    client = two.client("cloudformation")
    _made(two, Parameters=[{"ParameterKey": "Seconds", "ParameterValue": "77"}], Tags=[{"Key": "team", "Value": "a"}])
    assert _everywhere(two) == ["77"] * 4
    instances = client.list_stack_instances(StackSetName="ours")["Summaries"]
    assert {(e["Account"], e["Region"], e["Status"]) for e in instances} == {
        (account, region, "CURRENT") for account in (ADMIN, OTHER) for region in (HERE, THERE)
    }
    far = client.describe_stack_instance(StackSetName="ours", StackInstanceAccount=OTHER, StackInstanceRegion=THERE)["StackInstance"]
    assert far["StackInstanceStatus"] == {"DetailedStatus": "SUCCEEDED"}
    assert far["StackId"].startswith(f"arn:aws:cloudformation:{THERE}:{OTHER}:stack/StackSet-ours-")
    stack = two.client("cloudformation", THERE, key=OTHER).describe_stacks(StackName=far["StackId"])["Stacks"][0]
    assert stack["StackStatus"] == "CREATE_COMPLETE" and stack["Tags"] == [{"Key": "team", "Value": "a"}]
    shown = client.describe_stack_set(StackSetName="ours")["StackSet"]
    assert (shown["Status"], shown["PermissionModel"], shown["Regions"]) == ("ACTIVE", "SELF_MANAGED", [THERE, HERE])
    assert shown["TemplateBody"] == TEMPLATE and shown["StackSetARN"].endswith(f":stackset/{shown['StackSetId']}")
    assert client.get_template_summary(StackSetName="ours")["ResourceTypes"] == ["AWS::SQS::Queue"]


def test_an_update_reaches_all_instances_and_keeps_what_they_override(two):
    client = two.client("cloudformation")
    _made(two)
    over = [{"ParameterKey": "Seconds", "ParameterValue": "99"}]
    answer = client.update_stack_instances(StackSetName="ours", Accounts=[OTHER], Regions=[THERE], ParameterOverrides=over)
    assert _over(two, answer)["Action"] == "UPDATE" and _everywhere(two) == ["60", "60", "60", "99"]
    news = [{"ParameterKey": "Seconds", "ParameterValue": "70"}]
    answer = client.update_stack_set(StackSetName="ours", UsePreviousTemplate=True, Parameters=news)
    assert _over(two, answer)["Status"] == "SUCCEEDED" and _everywhere(two) == ["70", "70", "70", "99"]
    far = client.describe_stack_instance(StackSetName="ours", StackInstanceAccount=OTHER, StackInstanceRegion=THERE)
    assert far["StackInstance"]["ParameterOverrides"] == over
    answer = client.update_stack_instances(StackSetName="ours", Accounts=[OTHER], Regions=[THERE], ParameterOverrides=[])
    _over(two, answer)
    assert _everywhere(two) == ["70"] * 4
    operations = client.list_stack_set_operations(StackSetName="ours")["Summaries"]
    assert [each["Action"] for each in operations] == ["UPDATE", "UPDATE", "UPDATE", "CREATE"]


def test_an_update_of_some_leaves_the_others_outdated(two):
    client = two.client("cloudformation")
    _made(two)
    news = [{"ParameterKey": "Seconds", "ParameterValue": "70"}]
    some = {"Accounts": [ADMIN], "Regions": [HERE]}
    _over(two, client.update_stack_set(StackSetName="ours", UsePreviousTemplate=True, Parameters=news, **some))
    statuses = {(e["Account"], e["Region"]): e["Status"] for e in client.list_stack_instances(StackSetName="ours")["Summaries"]}
    assert statuses.pop((ADMIN, HERE)) == "CURRENT" and set(statuses.values()) == {"OUTDATED"}
    assert _everywhere(two) == ["70", "60", "60", "60"]


def test_instances_are_deleted_or_left_behind(two):
    client = two.client("cloudformation")
    _made(two)
    code, text = refused(client.delete_stack_set, StackSetName="ours")
    # moto's tests, which say the same of AWS: test_delete_stack_set__while_instances_are_running.
    assert (code, text) == ("StackSetNotEmptyException", "StackSet is not empty")
    kept = client.delete_stack_instances(StackSetName="ours", Accounts=[OTHER], Regions=[HERE], RetainStacks=True)
    assert _over(two, kept)["RetainStacks"] is True
    _over(two, client.delete_stack_instances(StackSetName="ours", RetainStacks=False, **EVERYWHERE))
    assert client.list_stack_instances(StackSetName="ours")["Summaries"] == []
    assert _everywhere(two) == [None, None, "60", None]
    client.delete_stack_set(StackSetName="ours")
    # Recorded: localstack/localstack, test_stack_sets.py, test_delete_nonexistent_stack_set.
    client.delete_stack_set(StackSetName="ours")
    assert refused(client.describe_stack_set, StackSetName="ours") == ("StackSetNotFoundException", "StackSet ours not found")
    assert [e["Status"] for e in client.list_stack_sets()["Summaries"]] == ["DELETED"]
    assert client.list_stack_sets(Status="ACTIVE")["Summaries"] == []


def test_without_the_administration_role_nothing_begins(cloud):
    client = cloud.client("cloudformation")
    client.create_stack_set(StackSetName="ours", TemplateBody=TEMPLATE)
    code, text = refused(client.create_stack_instances, StackSetName="ours", Accounts=[ADMIN], Regions=[HERE])
    # localstack/localstack, test_stack_sets.py, the first lines of test_create_stack_set_with_stack_instances.
    said = "Account 000000000000 should have 'AWSCloudFormationStackSetAdministrationRole' role with trust relationship to CloudFormation service."
    assert (code, text) == ("ValidationError", said)
    assert client.list_stack_instances(StackSetName="ours")["Summaries"] == []


def test_an_account_that_does_not_trust_us_fails_alone(two):
    client = two.client("cloudformation")
    client.create_stack_set(StackSetName="ours", TemplateBody=TEMPLATE)
    some = {"Accounts": ["222222222222", ADMIN], "Regions": [HERE], "OperationPreferences": {"FailureToleranceCount": 1}}
    answer = client.create_stack_instances(StackSetName="ours", **some)
    assert _over(two, answer)["Status"] == "SUCCEEDED"
    results = _results(two, answer)
    assert results[ADMIN, HERE][0] == "SUCCEEDED" and _seconds(two, ADMIN, HERE) == "60"
    status, reason = results["222222222222", HERE]
    assert status == "FAILED" and reason.startswith("Account 222222222222 should have 'AWSCloudFormationStackSetExecutionRole' role")
    instance = client.list_stack_instances(StackSetName="ours", StackInstanceAccount="222222222222")["Summaries"][0]
    assert instance["Status"] == "OUTDATED" and instance["StackInstanceStatus"] == {"DetailedStatus": "FAILED"}


def test_an_operation_that_fails_too_often_stops(two):
    client = two.client("cloudformation")
    client.create_stack_set(StackSetName="ours", TemplateBody=TEMPLATE)
    some = {"Accounts": ["222222222222", ADMIN], "Regions": [HERE, THERE]}
    answer = client.create_stack_instances(StackSetName="ours", **some)
    assert _over(two, answer)["Status"] == "FAILED"
    statuses = {place: status for place, (status, _) in _results(two, answer).items()}
    assert statuses == {
        ("222222222222", HERE): "FAILED", (ADMIN, HERE): "CANCELLED",
        ("222222222222", THERE): "CANCELLED", (ADMIN, THERE): "CANCELLED",
    }  # fmt: skip
    assert _seconds(two, ADMIN, HERE) is None


def test_a_stack_that_failed_is_made_anew_by_the_next_operation(two):
    client = two.client("cloudformation")
    bad = [{"ParameterKey": "Seconds", "ParameterValue": "99999999"}]
    client.create_stack_set(StackSetName="ours", TemplateBody=TEMPLATE, Parameters=bad)
    answer = client.create_stack_instances(StackSetName="ours", Accounts=[ADMIN], Regions=[THERE])
    assert _over(two, answer)["Status"] == "FAILED"
    answer = client.update_stack_set(StackSetName="ours", UsePreviousTemplate=True)
    assert _over(two, answer)["Status"] == "SUCCEEDED" and _seconds(two, ADMIN, THERE) == "60"


def test_one_operation_at_a_time_and_one_can_be_stopped(two):
    client = two.client("cloudformation")
    client.create_stack_set(StackSetName="ours", TemplateBody=TEMPLATE)
    answer = client.create_stack_instances(StackSetName="ours", **EVERYWHERE)
    assert refused(client.update_stack_set, StackSetName="ours", UsePreviousTemplate=True)[0] == "OperationInProgressException"
    client.stop_stack_set_operation(StackSetName="ours", OperationId=answer["OperationId"])
    assert _over(two, answer)["Status"] == "STOPPED"
    assert "CANCELLED" in {status for status, _ in _results(two, answer).values()}
    code, _ = refused(client.stop_stack_set_operation, StackSetName="ours", OperationId=answer["OperationId"])
    assert code == "InvalidOperationException"


@pytest.mark.parametrize("after_s", [0, 0.05, 0.2, 0.5, 1.0])
@pytest.mark.parametrize("killed", [HERE, THERE])
def test_an_operation_that_was_killed_goes_on_and_nothing_is_made_twice(two, after_s, killed):
    client = two.client("cloudformation")
    client.create_stack_set(StackSetName="ours", TemplateBody=TEMPLATE)
    answer = client.create_stack_instances(StackSetName="ours", **EVERYWHERE)
    two.sleep(after_s)
    two.restart(killed, kill=True)
    if killed == THERE and _over(two, answer)["Status"] == "FAILED":
        # In this small world a call into a region that dies is answered by nobody; the next operation makes it good.
        answer = client.update_stack_set(StackSetName="ours", UsePreviousTemplate=True)
    assert _over(two, answer)["Status"] == "SUCCEEDED" and _everywhere(two) == ["60"] * 4
    stacks = [s for account in (ADMIN, OTHER) for region in (HERE, THERE) for s in two.client("cloudformation", region, key=account).describe_stacks()["Stacks"]]
    assert len(stacks) == 4


def test_the_same_operation_id_is_one_operation(two):
    client = two.client("cloudformation")
    client.create_stack_set(StackSetName="ours", TemplateBody=TEMPLATE)
    for _ in range(2):
        answer = client.create_stack_instances(StackSetName="ours", Accounts=[ADMIN], Regions=[HERE], OperationId="once")
        assert answer["OperationId"] == "once"
        _over(two, answer)
    assert len(client.list_stack_set_operations(StackSetName="ours")["Summaries"]) == 1
    code, _ = refused(client.update_stack_set, StackSetName="ours", UsePreviousTemplate=True, OperationId="once")
    assert code == "OperationIdAlreadyExistsException"


def test_drift_is_looked_for_in_every_stack(two):
    client = two.client("cloudformation")
    _made(two)
    sqs = two.client("sqs", THERE, key=OTHER)
    sqs.set_queue_attributes(QueueUrl=sqs.list_queues()["QueueUrls"][0], Attributes={"DelaySeconds": "9"})
    done = _over(two, client.detect_stack_set_drift(StackSetName="ours"))
    assert (done["Action"], done["Status"]) == ("DETECT_DRIFT", "SUCCEEDED")
    details = client.describe_stack_set(StackSetName="ours")["StackSet"]["StackSetDriftDetectionDetails"]
    assert (details["DriftStatus"], details["DriftedStackInstancesCount"], details["InSyncStackInstancesCount"]) == ("DRIFTED", 1, 3)
    drifted = client.list_stack_instances(StackSetName="ours", Filters=[{"Name": "DRIFT_STATUS", "Values": "DRIFTED"}])["Summaries"]
    assert [(e["Account"], e["Region"]) for e in drifted] == [(OTHER, THERE)]


def test_what_is_wrong_with_a_set_is_said_at_once(two):
    client = two.client("cloudformation")
    assert refused(client.create_stack_set, StackSetName="1a", TemplateBody=TEMPLATE)[0] == "ValidationError"
    assert refused(client.create_stack_set, StackSetName="ours", TemplateBody="Resources: {}")[0] == "ValidationError"
    role = 'Resources: {R: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {}}}}'
    assert refused(client.create_stack_set, StackSetName="ours", TemplateBody=role)[0] == "InsufficientCapabilitiesException"
    unknown = [{"ParameterKey": "Nope", "ParameterValue": "1"}]
    assert refused(client.create_stack_set, StackSetName="ours", TemplateBody=TEMPLATE, Parameters=unknown)[0] == "ValidationError"
    for more in ({"PermissionModel": "SERVICE_MANAGED"}, {"CallAs": "DELEGATED_ADMIN"}, {"AutoDeployment": {"Enabled": True}}):
        assert refused(client.create_stack_set, StackSetName="ours", TemplateBody=TEMPLATE, **more)[0] == "ValidationError"
    first = client.create_stack_set(StackSetName="ours", TemplateBody=TEMPLATE, ClientRequestToken="once")
    again = client.create_stack_set(StackSetName="ours", TemplateBody=TEMPLATE, ClientRequestToken="once")
    assert again["StackSetId"] == first["StackSetId"]
    assert refused(client.create_stack_set, StackSetName="ours", TemplateBody=TEMPLATE)[0] == "NameAlreadyExistsException"
    # Recorded: localstack/localstack, test_stack_sets.snapshot.json.
    some = {"Accounts": [ADMIN], "Regions": [HERE]}
    assert refused(client.create_stack_instances, StackSetName="none", **some) == ("StackSetNotFoundException", "StackSet none not found")
    assert refused(client.create_stack_instances, StackSetName="ours", Accounts=[ADMIN], Regions=["mars-1"])[0] == "ValidationError"
    assert refused(client.update_stack_instances, StackSetName="ours", **some)[0] == "StackInstanceNotFoundException"
    assert refused(client.describe_stack_set_operation, StackSetName="ours", OperationId="none")[0] == "OperationNotFoundException"
