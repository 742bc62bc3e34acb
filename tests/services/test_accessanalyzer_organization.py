"""Analyzers of a whole organization: its members trust each other, and what its policies deny nobody has.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-concepts.html
"""

from __future__ import annotations

import json

import pytest
from organization_workshop import MASTER, RCP, Garden, deny

SERVICE = "access-analyzer.amazonaws.com"
STRANGER = "999988887777"


@pytest.fixture
def garden(cloud):
    garden = Garden(cloud, RCP)
    garden.api.enable_aws_service_access(ServicePrincipal=SERVICE)
    return garden


def queue(cloud, account: str, name: str, *allowed: str) -> None:
    sqs = cloud.client("sqs", key=account)
    statement = {"Effect": "Allow", "Principal": {"AWS": list(allowed)}, "Action": ["sqs:SendMessage", "sqs:PurgeQueue"], "Resource": "*"}
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": statement})})


def active(cloud, arn: str, account: str = MASTER) -> list[dict]:
    cloud.sleep(30)
    wanted = {"status": {"eq": ["ACTIVE"]}, "resourceType": {"eq": ["AWS::SQS::Queue"]}}
    return cloud.client("accessanalyzer", key=account).list_findings(analyzerArn=arn, filter=wanted)["findings"]


def test_members_trust_each_other_and_strangers_are_found_in_all_of_them(cloud, garden):
    one, other = garden.member(), garden.member()
    arn = cloud.client("accessanalyzer", key=MASTER).create_analyzer(analyzerName="all", type="ORGANIZATION")["arn"]
    queue(cloud, one, "inside", other)
    queue(cloud, one, "outside", STRANGER)
    queue(cloud, other, "both", one, STRANGER)
    found = active(cloud, arn)
    assert sorted((each["resource"].rpartition(":")[2], each["resourceOwnerAccount"], each["principal"]["AWS"]) for each in found) == sorted(
        [("outside", one, STRANGER), ("both", other, STRANGER)]
    )
    late = garden.member()
    queue(cloud, late, "late", STRANGER)
    assert {each["resource"].rpartition(":")[2] for each in active(cloud, arn)} == {"outside", "both", "late"}
    garden.api.close_account(AccountId=late)
    assert {each["resource"].rpartition(":")[2] for each in active(cloud, arn)} == {"outside", "both"}


def test_an_account_s_own_analyzer_finds_its_fellow_members(cloud, garden):
    one, other = garden.member(), garden.member()
    queue(cloud, one, "q", other)
    arn = cloud.client("accessanalyzer", key=one).create_analyzer(analyzerName="own", type="ACCOUNT")["arn"]
    assert [each["principal"] for each in active(cloud, arn, one)] == [{"AWS": other}]


def test_what_a_resource_control_policy_denies_is_not_found(cloud, garden):
    one = garden.member()
    queue(cloud, one, "q", STRANGER)
    arn = cloud.client("accessanalyzer", key=one).create_analyzer(analyzerName="own", type="ACCOUNT")["arn"]
    [found] = active(cloud, arn, one)
    assert found["action"] == ["sqs:PurgeQueue", "sqs:SendMessage"]
    garden.policy(deny("sqs:PurgeQueue", Principal="*"), garden.root, kind=RCP)
    [found] = active(cloud, arn, one)
    assert (found["action"], found["resourceControlPolicyRestriction"]) == (["sqs:SendMessage"], "APPLIED")
    outside = {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": garden.id}, "BoolIfExists": {"aws:PrincipalIsAWSService": "false"}}
    garden.policy(deny("sqs:SendMessage", Principal="*", Condition=outside), garden.root, kind=RCP)
    assert active(cloud, arn, one) == []


def test_a_condition_on_the_organization_lets_in_its_other_members_if_there_are_any(cloud, garden):
    sqs = cloud.client("sqs", key=MASTER)
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    only = {"StringEquals": {"aws:PrincipalOrgID": garden.id}}
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*", "Condition": only}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": statement})})
    aa = cloud.client("accessanalyzer", key=MASTER)
    own, whole = (aa.create_analyzer(analyzerName=kind, type=kind)["arn"] for kind in ("ACCOUNT", "ORGANIZATION"))
    assert active(cloud, own) == []
    garden.member()
    [found] = active(cloud, own)
    assert (found["principal"], found["condition"], found["isPublic"]) == ({"AWS": "*"}, {"aws:PrincipalOrgID": garden.id}, False)
    assert active(cloud, whole) == []


def test_a_delegated_administrator_may_and_others_may_not(cloud, garden):
    one, other = garden.member(), garden.member()
    garden.api.register_delegated_administrator(AccountId=one, ServicePrincipal=SERVICE)
    assert cloud.client("accessanalyzer", key=one).create_analyzer(analyzerName="all", type="ORGANIZATION")["arn"]
    for account in (other, STRANGER):
        aa = cloud.client("accessanalyzer", key=account)
        with pytest.raises((aa.exceptions.ValidationException, aa.exceptions.AccessDeniedException)):
            aa.create_analyzer(analyzerName="all", type="ORGANIZATION")


def test_without_trusted_access_there_is_none(cloud):
    Garden(cloud)
    aa = cloud.client("accessanalyzer", key=MASTER)
    with pytest.raises(aa.exceptions.ValidationException, match="Trusted access"):
        aa.create_analyzer(analyzerName="all", type="ORGANIZATION")


def test_unused_access_is_found_in_all_members_but_the_excluded(cloud, garden):
    one, other = garden.member(), garden.member()
    for account in (one, other):
        cloud.client("iam", key=account).create_user(UserName="idle")
        cloud.client("iam", key=account).create_access_key(UserName="idle")
    configuration = {"unusedAccess": {"unusedAccessAge": 30, "analysisRule": {"exclusions": [{"accountIds": [other]}]}}}
    aa = cloud.client("accessanalyzer", key=MASTER)
    arn = aa.create_analyzer(analyzerName="unused", type="ORGANIZATION_UNUSED_ACCESS", configuration=configuration)["arn"]
    cloud.sleep(30)
    for region in ("us-east-1", "aws-global"):
        cloud.fault("clock.skew", {"region": region}, offset=31 * 86_400.0)
    cloud.sleep(30)
    found = aa.list_findings_v2(analyzerArn=arn)["findings"]
    assert {(each["resourceOwnerAccount"], each["findingType"]) for each in found if each["resourceType"] == "AWS::IAM::User"} == {(one, "UnusedIAMUserAccessKey")}
    assert other not in {each["resourceOwnerAccount"] for each in found}
