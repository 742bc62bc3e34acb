"""Unused access: an analyzer finds the roles, keys, passwords and rights that have rested for as long as it was told."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

OWN = "000000000000"
DAY_S = 86_400.0
ROLE = f"arn:aws:iam::{OWN}:role/"


@pytest.fixture
def iam(cloud):
    return cloud.client("iam")


def analyzer(cloud, age: int = 30, **more) -> str:
    configuration = {"unusedAccess": {"unusedAccessAge": age, **more}}
    return cloud.client("accessanalyzer").create_analyzer(analyzerName="unused", type="ACCOUNT_UNUSED_ACCESS", configuration=configuration)["arn"]


def role(iam, name: str, *actions: str, **more) -> str:
    trust = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": OWN}, "Action": "sts:AssumeRole"}}
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust), **more)["Role"]["Arn"]
    if actions:
        document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": list(actions), "Resource": "*"}}
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(document))
    return arn


def session(cloud, arn: str) -> dict[str, str]:
    keys = cloud.client("sts").assume_role(RoleArn=arn, RoleSessionName="session")["Credentials"]
    return {"key": keys["AccessKeyId"], "secret": keys["SecretAccessKey"], "token": keys["SessionToken"]}


def later(cloud, days: float) -> None:
    """Move the clocks of the region, of IAM and of clients so many days ahead, and let the analyzer look."""
    for region in ("us-east-1", "aws-global"):
        cloud.fault("clock.skew", {"region": region}, offset=days * DAY_S)
    before = cloud.now
    cloud.now = lambda: before() + days * DAY_S  # with which clients sign
    cloud.sleep(30)


def findings(cloud, arn: str, status: str = "ACTIVE") -> list[dict]:
    cloud.sleep(30)
    aa = cloud.client("accessanalyzer")
    listed = aa.list_findings_v2(analyzerArn=arn, filter={"status": {"eq": [status]}})["findings"]
    return [{**each, "details": aa.get_finding_v2(analyzerArn=arn, id=each["id"])["findingDetails"]} for each in listed]


def test_a_role_that_nobody_assumed_for_as_long_is_unused_and_one_in_use_is_not(cloud, iam):
    idle, used = role(iam, "idle"), role(iam, "used", "sqs:ListQueues")
    arn = analyzer(cloud)
    assert findings(cloud, arn) == []
    later(cloud, 20)
    cloud.client("sqs", **session(cloud, used)).list_queues()
    assert findings(cloud, arn) == []
    later(cloud, 11)
    [found] = findings(cloud, arn)
    assert (found["resource"], found["resourceType"], found["findingType"]) == (idle, "AWS::IAM::Role", "UnusedIAMRole")
    assert found["details"] == [{"unusedIamRoleDetails": {}}]
    later(cloud, 31)
    assert {each["resource"] for each in findings(cloud, arn)} == {idle, used}
    [told] = [each for each in findings(cloud, arn) if each["resource"] == used]
    assert told["details"][0]["unusedIamRoleDetails"]["lastAccessed"]


def test_use_resolves_and_so_does_deletion(cloud, iam):
    one, other = role(iam, "one", "sqs:ListQueues"), role(iam, "other")
    arn = analyzer(cloud)
    later(cloud, 31)
    assert {each["resource"] for each in findings(cloud, arn)} == {one, other}
    cloud.client("sqs", **session(cloud, one)).list_queues()
    iam.delete_role(RoleName="other")
    later(cloud, 2)
    assert findings(cloud, arn) == []
    assert {each["resource"] for each in findings(cloud, arn, "RESOLVED")} == {one, other}


def test_services_and_actions_that_a_role_in_use_does_not_use_are_told_apart(cloud, iam):
    arn, mine = analyzer(cloud), role(iam, "r", "sqs:ListQueues", "sqs:CreateQueue", "sqs:DeleteQueue", "sns:*", "states:ListStateMachines")
    keys = session(cloud, mine)
    cloud.client("sqs", **keys).create_queue(QueueName="q")
    later(cloud, 31)
    keys = session(cloud, mine)
    cloud.client("sqs", **keys).list_queues()
    cloud.client("stepfunctions", **keys).list_state_machines()
    later(cloud, 2)
    [found] = findings(cloud, arn)
    assert (found["findingType"], found["resource"]) == ("UnusedPermission", mine)
    details = {each["unusedPermissionDetails"]["serviceNamespace"]: each["unusedPermissionDetails"] for each in found["details"]}
    assert set(details) == {"sqs", "sns"}
    assert details["sns"] == {"serviceNamespace": "sns"}
    actions = {each["action"]: each.get("lastAccessed") for each in details["sqs"]["actions"]}
    assert set(actions) == {"CreateQueue", "DeleteQueue"}
    assert actions["CreateQueue"] and not actions["DeleteQueue"]


def test_keys_and_passwords_of_users_are_unused_by_themselves(cloud, iam):
    arn = analyzer(cloud)
    iam.create_user(UserName="u")
    idle, used = (iam.create_access_key(UserName="u")["AccessKey"] for _ in range(2))
    iam.create_login_profile(UserName="u", Password="Abcd-1234-efgh")
    later(cloud, 31)
    with pytest.raises(ClientError):
        cloud.client("sqs", key=used["AccessKeyId"], secret=used["SecretAccessKey"]).list_queues()
    later(cloud, 2)
    found = {each["findingType"]: each for each in findings(cloud, arn)}
    assert set(found) == {"UnusedIAMUserAccessKey", "UnusedIAMUserPassword"}
    assert found["UnusedIAMUserAccessKey"]["details"] == [{"unusedIamUserAccessKeyDetails": {"accessKeyId": idle["AccessKeyId"]}}]
    assert {each["resource"] for each in found.values()} == {f"arn:aws:iam::{OWN}:user/u"}


def test_what_is_tagged_to_be_left_out_is_left_out(cloud, iam):
    role(iam, "kept"), role(iam, "left", Tags=[{"Key": "break-glass", "Value": "yes"}, {"Key": "team", "Value": "red"}])
    arn = analyzer(cloud, analysisRule={"exclusions": [{"resourceTags": [{"break-glass": "yes", "team": "red"}]}]})
    later(cloud, 31)
    assert [each["resource"] for each in findings(cloud, arn)] == [f"{ROLE}kept"]
    cloud.client("accessanalyzer").update_analyzer(analyzerName="unused", configuration={"unusedAccess": {"analysisRule": {"exclusions": []}}})
    assert {each["resource"] for each in findings(cloud, arn)} == {f"{ROLE}kept", f"{ROLE}left"}


def test_an_unused_role_is_an_event_with_what_it_was_before(cloud, iam):
    sqs, events = cloud.client("sqs"), cloud.client("events")
    url = sqs.create_queue(QueueName="heard")["QueueUrl"]
    events.put_rule(Name="r", EventPattern=json.dumps({"source": ["aws.access-analyzer"]}))
    allow = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": "*"}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": allow})})
    events.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": f"arn:aws:sqs:us-east-1:{OWN}:heard"}])
    mine, arn = role(iam, "idle"), analyzer(cloud)
    later(cloud, 31)
    [found] = findings(cloud, arn)
    [message] = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]
    event = json.loads(message["Body"])
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-eventbridge.html
    assert event["detail-type"] == "Unused Access Finding for IAM entities"
    wanted = {"findingId": found["id"], "resource": mine, "previousStatus": "", "status": "ACTIVE", "isDeleted": False, "findingType": "UnusedIAMRole"}
    assert wanted.items() <= event["detail"].items()


def test_the_age_is_ninety_days_unless_said_and_cannot_be_changed(cloud, iam):
    aa = cloud.client("accessanalyzer")
    aa.create_analyzer(analyzerName="a", type="ACCOUNT_UNUSED_ACCESS")
    assert aa.get_analyzer(analyzerName="a")["analyzer"]["configuration"]["unusedAccess"]["unusedAccessAge"] == 90
    for age in (0, 366):
        with pytest.raises(aa.exceptions.ValidationException):
            aa.create_analyzer(analyzerName="b", type="ACCOUNT_UNUSED_ACCESS", configuration={"unusedAccess": {"unusedAccessAge": age}})
    with pytest.raises(aa.exceptions.ValidationException):
        aa.update_analyzer(analyzerName="a", configuration={"unusedAccess": {"unusedAccessAge": 30}})
    with pytest.raises(aa.exceptions.ValidationException):
        aa.list_findings(analyzerArn=f"arn:aws:access-analyzer:us-east-1:{OWN}:analyzer/a")


def test_statistics_count_what_is_unused_by_kind(cloud, iam):
    role(iam, "idle"), iam.create_user(UserName="u")
    iam.create_access_key(UserName="u")
    arn = analyzer(cloud)
    later(cloud, 31)
    assert len(findings(cloud, arn)) == 2
    [counted] = cloud.client("accessanalyzer").get_findings_statistics(analyzerArn=arn)["findingsStatistics"]
    told = counted["unusedAccessFindingsStatistics"]
    assert told["totalActiveFindings"] == 2
    assert {each["unusedAccessType"]: each["total"] for each in told["unusedAccessTypeStatistics"]} == {"UnusedIAMRole": 1, "UnusedIAMUserAccessKey": 1}
    assert told["topAccounts"][0]["account"] == OWN


def test_what_was_found_survives_a_kill(cloud, iam):
    role(iam, "idle")
    arn = analyzer(cloud)
    later(cloud, 31)
    before = findings(cloud, arn)
    cloud.restart(kill=True)
    later(cloud, 1)
    assert [each["id"] for each in findings(cloud, arn)] == [each["id"] for each in before] != []
