"""GuardDuty: addresses that an account trusts or knows for bad, what comes from them, and systems that attackers use.

https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_upload-lists.html
"""

from __future__ import annotations

import json

import pytest
from guardduty_workshop import ACCOUNT, Somebody, detector, findings, put_list
from refusals import refused, refused_status

RECON, UNAUTHORIZED = "Recon:IAMUser/MaliciousIPCaller.Custom", "UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom"
DISCOVERY, S3_UNAUTHORIZED = "Discovery:S3/MaliciousIPCaller.Custom", "UnauthorizedAccess:S3/MaliciousIPCaller.Custom"
OF_EVE = {"resource.accessKeyDetails.userName": {"Equals": ["eve"]}}
ROLE = "AWSServiceRoleForAmazonGuardDuty"


@pytest.fixture
def eve(cloud) -> Somebody:
    return Somebody(cloud)


def types(cloud) -> list[str]:
    """What eve was found with: who looks calls from the same address."""
    return sorted(each["Type"] for each in findings(cloud, **OF_EVE))


def one(cloud, type_: str) -> dict:
    (found,) = [each for each in findings(cloud, **OF_EVE) if each["Type"] == type_]
    return found


@pytest.fixture
def guard(cloud, eve):
    """A client and its detector."""
    return cloud.client("guardduty"), detector(cloud)


def put_threats(cloud, guard, text: str, name: str = "bad", *, key: str = "list.txt", **more) -> str:
    client, id_ = guard
    made = client.create_threat_intel_set(
        DetectorId=id_, Name=name, Format="TXT", Location=put_list(cloud, text, key), **{"Activate": True, **more}
    )["ThreatIntelSetId"]
    cloud.sleep(3)
    return made


def status(guard, id_: str, kind: str = "threat_intel_set") -> str:
    member = "ThreatIntelSetId" if kind == "threat_intel_set" else "IpSetId"
    return getattr(guard[0], f"get_{kind}")(DetectorId=guard[1], **{member: id_})["Status"]


def test_who_calls_from_an_address_on_a_threat_list_is_found(cloud, guard, eve):
    """Callers from outside come from loopback addresses here."""
    listed = put_threats(cloud, guard, "# from the feed\n127.0.0.0/8\nbad.example.com\n\n203.0.113.7\n")
    assert status(guard, listed) == "ACTIVE"
    eve.client("sqs").list_queues()
    eve.client("sqs").create_queue(QueueName="q")
    assert types(cloud) == [RECON, UNAUTHORIZED]
    found = one(cloud, RECON)
    assert found["Severity"] == 5.0
    assert json.loads(found["Service"]["AdditionalInfo"]["Value"]) == {"threatListName": "bad"}
    assert found["Service"]["Evidence"]["ThreatIntelligenceDetails"] == [{"ThreatListName": "bad", "ThreatNames": []}]
    assert found["Service"]["Action"]["AwsApiCallAction"]["RemoteIpDetails"] == {"IpAddressV4": "127.0.0.1"}
    assert [each["Type"] for each in findings(cloud, **OF_EVE, **{"service.additionalInfo.threatListName": {"Equals": ["bad"]}, "type": {"Equals": [RECON]}})] == [RECON]


def test_calls_of_data_of_s3_have_finding_types_of_their_own_and_are_looked_at_without_a_trail(cloud, guard, eve):
    s3 = eve.client("s3")
    s3.create_bucket(Bucket="shop")
    put_threats(cloud, guard, "127.0.0.1")
    s3.list_objects_v2(Bucket="shop")
    s3.put_object(Bucket="shop", Key="k", Body=b"v")
    s3.get_object(Bucket="shop", Key="k")
    cloud.sleep(1)
    assert types(cloud) == [DISCOVERY, S3_UNAUTHORIZED]
    found = one(cloud, S3_UNAUTHORIZED)
    assert (found["Severity"], found["Resource"]["ResourceType"], found["Service"]["Count"]) == (8.0, "S3Bucket", 2)
    assert found["Resource"]["S3BucketDetails"][0]["Name"] == "shop"
    # Nobody keeps the events, which were only looked at.
    assert "trail_data" not in cloud.region("us-east-1").store.rows(ACCOUNT).tables


def test_without_s3_protection_calls_of_data_are_not_looked_at(cloud, guard, eve):
    client, id_ = guard
    s3 = eve.client("s3")
    s3.create_bucket(Bucket="shop")
    client.update_detector(DetectorId=id_, Features=[{"Name": "S3_DATA_EVENTS", "Status": "DISABLED"}])
    put_threats(cloud, guard, "127.0.0.1")
    s3.put_object(Bucket="shop", Key="k", Body=b"v")
    cloud.sleep(1)
    assert types(cloud) == []
    client.update_detector(DetectorId=id_, DataSources={"S3Logs": {"Enable": True}})
    s3.put_object(Bucket="shop", Key="k", Body=b"v")
    cloud.sleep(1)
    assert types(cloud) == [S3_UNAUTHORIZED]


def test_an_address_that_is_trusted_is_silent_whatever_it_does(cloud, guard, eve):
    client, id_ = guard
    trusted = client.create_ip_set(DetectorId=id_, Name="good", Format="TXT", Location=put_list(cloud, "127.0.0.1\n", "good.txt"), Activate=True)["IpSetId"]
    put_threats(cloud, guard, "127.0.0.0/8")
    assert status(guard, trusted, "ip_set") == "ACTIVE"
    before = {each: client.get_findings(DetectorId=id_, FindingIds=[each])["Findings"][0]["Service"]["Count"] for each in client.list_findings(DetectorId=id_)["FindingIds"]}
    cloud.client("sqs").list_queues()  # as root
    eve.client("sqs").list_queues()
    after = {each: client.get_findings(DetectorId=id_, FindingIds=[each])["Findings"][0]["Service"]["Count"] for each in client.list_findings(DetectorId=id_)["FindingIds"]}
    assert after == before
    client.update_ip_set(DetectorId=id_, IpSetId=trusted, Activate=False)
    assert status(guard, trusted, "ip_set") == "INACTIVE"
    eve.client("sqs").list_queues()
    assert RECON in types(cloud)


def test_a_list_is_read_when_it_is_activated_and_not_before_it_is_again(cloud, guard, eve):
    client, id_ = guard
    listed = put_threats(cloud, guard, "203.0.113.7")
    put_list(cloud, "127.0.0.1")
    eve.client("sqs").list_queues()
    assert types(cloud) == []
    client.update_threat_intel_set(DetectorId=id_, ThreatIntelSetId=listed, Activate=True)
    assert status(guard, listed) in ("ACTIVATING", "ACTIVE")
    cloud.sleep(2)
    eve.client("sqs").list_queues()
    assert types(cloud) == [RECON]


def test_a_list_that_cannot_be_read_or_that_names_no_address_is_an_error(cloud, guard, eve):
    client, id_ = guard
    assert status(guard, put_threats(cloud, guard, "bad.example.com\n", "hosts")) == "ERROR"
    missing = client.create_threat_intel_set(DetectorId=id_, Name="missing", Format="TXT", Location="s3://lists/none.txt", Activate=True)["ThreatIntelSetId"]
    cloud.sleep(120)
    assert status(guard, missing) == "ERROR"
    put_list(cloud, "127.0.0.1", "none.txt")
    client.update_threat_intel_set(DetectorId=id_, ThreatIntelSetId=missing, Activate=True)
    cloud.sleep(2)
    assert status(guard, missing) == "ACTIVE"


def test_who_makes_a_list_must_be_allowed_to_let_the_role_read_it(cloud, guard):
    client, id_ = guard
    iam = cloud.client("iam")
    iam.create_user(UserName="bob")
    allow = {"Effect": "Allow", "Action": "guardduty:*", "Resource": "*"}
    iam.put_user_policy(UserName="bob", PolicyName="guard", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow]}))
    key = iam.create_access_key(UserName="bob")["AccessKey"]
    bob = cloud.client("guardduty", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    said = {"DetectorId": id_, "Name": "bad", "Format": "TXT", "Location": put_list(cloud, "127.0.0.1"), "Activate": True}
    assert refused(bob.create_threat_intel_set, **said)[0] == "AccessDeniedException"
    made = client.create_threat_intel_set(**said)["ThreatIntelSetId"]
    (name,) = iam.list_role_policies(RoleName=ROLE)["PolicyNames"]
    assert iam.get_role_policy(RoleName=ROLE, PolicyName=name)["PolicyDocument"]["Statement"] == [
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::lists/list.txt"}
    ]
    client.delete_threat_intel_set(DetectorId=id_, ThreatIntelSetId=made)
    assert iam.list_role_policies(RoleName=ROLE)["PolicyNames"] == []
    # The role is the service's: nobody else changes it.
    assert refused(iam.put_role_policy, RoleName=ROLE, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow]}))[0] == "UnmodifiableEntity"


@pytest.mark.parametrize(
    "location",
    [
        "s3://lists/list.txt", "https://s3.amazonaws.com/lists/list.txt", "https://s3-us-east-1.amazonaws.com/lists/list.txt",
        "http://lists.s3.amazonaws.com/list.txt", "http://lists.s3-us-east-1.amazonaws.com/list.txt", "https://lists.s3.us-east-1.amazonaws.com/list.txt",
    ],
)  # fmt: skip
def test_each_form_of_a_location_leads_to_the_object(cloud, guard, location):
    client, id_ = guard
    put_list(cloud, "127.0.0.1")
    made = client.create_ip_set(DetectorId=id_, Name="good", Format="TXT", Location=location, Activate=True)["IpSetId"]
    cloud.sleep(3)
    told = client.get_ip_set(DetectorId=id_, IpSetId=made)
    assert (told["Status"], told["Location"], told["Format"], told["Name"]) == ("ACTIVE", location, "TXT", "good")


def test_refusals_of_lists(cloud, guard):
    client, id_ = guard
    place = put_list(cloud, "127.0.0.1")
    said = {"DetectorId": id_, "Format": "TXT", "Location": place, "Activate": False}
    client.create_ip_set(Name="good", **said)
    assert refused(client.create_ip_set, Name="other", **said)[0] == "BadRequestException"
    assert refused(client.create_ip_set, Name="other", **{**said, "Location": "ftp://x/y"}) == (
        "BadRequestException", "The request is rejected because the parameter location has an invalid value.",
    )  # fmt: skip
    for number in range(6):
        client.create_threat_intel_set(Name=f"bad-{number}", **said)
    assert refused(client.create_threat_intel_set, Name="seventh", **said)[0] == "BadRequestException"
    assert refused(client.get_threat_intel_set, DetectorId=id_, ThreatIntelSetId="0" * 32) == (
        "BadRequestException", "The request is rejected since no such resource found.",
    )  # fmt: skip
    assert refused_status(client.create_threat_intel_set, Name="stix", **{**said, "Format": "STIX"}) == (501, "NotImplemented")


def test_a_killed_region_goes_on_reading_and_knows_its_lists(cloud, guard, eve):
    client, id_ = guard
    place = put_list(cloud, "127.0.0.1")
    made = client.create_threat_intel_set(DetectorId=id_, Name="bad", Format="TXT", Location=place, Activate=True)["ThreatIntelSetId"]
    cloud.restart(kill=True)
    cloud.sleep(3)
    assert status((cloud.client("guardduty"), id_), made) == "ACTIVE"
    cloud.restart(kill=True)
    eve.client("sqs").list_queues()
    assert types(cloud) == [RECON]


@pytest.mark.parametrize("system", ["Kali", "Parrot", "Pentoo"])
def test_systems_of_attackers_are_told_by_what_their_sdks_say(cloud, guard, eve, system):
    agent = f"md/Botocore#1.34 os/linux#6.6.9-{system.lower()}1-amd64 lang/python#3.11"
    eve.client("s3").create_bucket(Bucket="shop")
    eve.client("sqs", user_agent_extra=agent).list_queues()
    eve.client("s3", user_agent_extra=agent).list_objects_v2(Bucket="shop")
    cloud.sleep(1)
    assert types(cloud) == [f"PenTest:IAMUser/{system}Linux", f"PenTest:S3/{system}Linux"]
