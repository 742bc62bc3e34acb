"""GuardDuty: what it finds in calls, how findings are counted and told, and what their owner does with them.

Definitions: https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_finding-types-iam.html and …-s3.html
"""

from __future__ import annotations

import json

import pytest
from guardduty_workshop import ACCOUNT, LET_IN, ROOT, US, Listener, Somebody, detector, findings, one, types
from refusals import refused

CLOUDTRAIL, PASSWORD = "Stealth:IAMUser/CloudTrailLoggingDisabled", "Stealth:IAMUser/PasswordPolicyChange"
ANONYMOUS, PUBLIC = "Policy:S3/BucketAnonymousAccessGranted", "Policy:S3/BucketPublicAccessGranted"
OPENED, ACCOUNT_OPENED = "Policy:S3/BucketBlockPublicAccessDisabled", "Policy:S3/AccountBlockPublicAccessDisabled"
UNLOGGED = "Stealth:S3/ServerAccessLoggingDisabled"
OFF = {"BlockPublicAcls": False, "IgnorePublicAcls": False, "BlockPublicPolicy": False, "RestrictPublicBuckets": False}
ON = dict.fromkeys(OFF, True)


@pytest.fixture
def eve(cloud) -> Somebody:
    return Somebody(cloud)


def policy_of(bucket: str, **more) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{**LET_IN, "Resource": f"arn:aws:s3:::{bucket}/*", **more}]})


def put_trail(cloud) -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="logs")
    allow = [
        {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "s3:GetBucketAcl", "Resource": "arn:aws:s3:::logs"},
        {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "s3:PutObject", "Resource": "arn:aws:s3:::logs/*"},
    ]
    s3.put_bucket_policy(Bucket="logs", Policy=json.dumps({"Version": "2012-10-17", "Statement": allow}))
    trails = cloud.client("cloudtrail")
    trails.create_trail(Name="all", S3BucketName="logs")
    trails.start_logging(Name="all")


# Root ----------------------------------------------------------------------------------------------


def test_who_uses_roots_credentials_is_found_in_one_finding_that_counts(cloud):
    id_ = detector(cloud)
    sqs, client = cloud.client("sqs"), cloud.client("guardduty")
    for _ in range(3):
        sqs.list_queues()
    (found,) = client.list_findings(DetectorId=id_, FindingCriteria={"Criterion": {"type": {"Equals": [ROOT]}}})["FindingIds"]
    (root,) = client.get_findings(DetectorId=id_, FindingIds=[found])["Findings"]
    # Recorded: a finding of 2025.
    assert (root["Title"], root["Description"]) == (
        "The API ListFindings was invoked using root credentials.",
        "The API ListFindings was invoked using root credentials from IP address 127.0.0.1.",
    )
    assert root["Resource"] == {
        "ResourceType": "AccessKey",
        "AccessKeyDetails": {"AccessKeyId": "test", "PrincipalId": ACCOUNT, "UserName": "Root", "UserType": "Root"},
    }
    action = root["Service"]["Action"]["AwsApiCallAction"]
    assert (action["Api"], action["ServiceName"], action["CallerType"]) == ("ListFindings", "guardduty.amazonaws.com", "Remote IP")
    assert action["RemoteIpDetails"] == {"IpAddressV4": "127.0.0.1"}
    assert (root["Severity"], root["Service"]["Count"], root["Service"]["FeatureName"]) == (2.0, 4, "CloudTrailManagementEvent")
    assert root["Arn"] == f"arn:aws:guardduty:{US}:{ACCOUNT}:detector/{id_}/finding/{found}"


def test_a_user_who_does_nothing_suspicious_is_not_found(cloud, eve):
    detector(cloud)
    eve.client("sqs").create_queue(QueueName="q")
    eve.client("s3").create_bucket(Bucket="shop")
    eve.client("s3").put_object(Bucket="shop", Key="k", Body=b"v")
    eve.client("iam").create_group(GroupName="g")
    cloud.sleep(5)
    assert types(cloud) == []


# Stealth -------------------------------------------------------------------------------------------


def test_a_trail_that_stops_logging_is_found_with_who_stopped_it(cloud, eve):
    put_trail(cloud)
    detector(cloud)
    eve.client("cloudtrail").stop_logging(Name="all")
    found = one(cloud, CLOUDTRAIL)
    # Recorded, of PutEventSelectors: the tests of aquasecurity/cloudsploit.
    assert (found["Title"], found["Description"]) == (
        "AWS CloudTrail trail all was disabled.",
        "AWS CloudTrail trail all was disabled by eve calling StopLogging under unusual circumstances. This can be attackers attempt to cover their "
        "tracks by eliminating any trace of activity performed while they accessed your account.",
    )
    assert found["Resource"]["AccessKeyDetails"]["AccessKeyId"] == eve.key
    assert found["Resource"]["AccessKeyDetails"]["UserType"] == "IAMUser"
    assert found["Service"]["Action"]["AwsApiCallAction"]["AffectedResources"] == {"AWS::CloudTrail::Trail": "all"}


def test_selectors_that_leave_no_calls_of_management_disable_a_trail_and_others_do_not(cloud, eve):
    put_trail(cloud)
    detector(cloud)
    trails = eve.client("cloudtrail")
    data = [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3"]}]
    trails.put_event_selectors(TrailName="all", EventSelectors=[{"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": data}])
    assert types(cloud) == []
    trails.put_event_selectors(TrailName="all", EventSelectors=[{"ReadWriteType": "All", "IncludeManagementEvents": False, "DataResources": data}])
    assert types(cloud) == [CLOUDTRAIL]


def test_to_delete_the_bucket_of_a_trail_is_to_disable_it(cloud, eve):
    put_trail(cloud)
    detector(cloud)
    s3 = eve.client("s3")
    for each in s3.list_objects_v2(Bucket="logs").get("Contents", ()):
        s3.delete_object(Bucket="logs", Key=each["Key"])
    s3.delete_bucket(Bucket="logs")
    assert types(cloud) == [CLOUDTRAIL]


def test_what_was_refused_disabled_nothing(cloud):
    put_trail(cloud)
    detector(cloud)
    iam = cloud.client("iam")
    iam.create_user(UserName="mallory")
    key = iam.create_access_key(UserName="mallory")["AccessKey"]
    trails = cloud.client("cloudtrail", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    assert refused(trails.stop_logging, Name="all")[0] == "AccessDeniedException"
    assert types(cloud) == []


@pytest.mark.parametrize(
    ("before", "after", "is_found"),
    [
        ({}, {"MinimumPasswordLength": 7}, True),  # without a policy of its own an account asks for eight
        ({}, {"MinimumPasswordLength": 14}, False),
        ({"MinimumPasswordLength": 14}, {"MinimumPasswordLength": 8}, True),
        ({"MinimumPasswordLength": 8, "RequireSymbols": True}, {"MinimumPasswordLength": 8}, True),
        ({"MinimumPasswordLength": 8, "MaxPasswordAge": 30}, {"MinimumPasswordLength": 8, "MaxPasswordAge": 90}, True),
        ({"MinimumPasswordLength": 8, "MaxPasswordAge": 90}, {"MinimumPasswordLength": 8, "MaxPasswordAge": 30}, False),
        ({"MinimumPasswordLength": 8, "RequireSymbols": True}, {"MinimumPasswordLength": 9, "RequireSymbols": True}, False),
    ],
)
def test_a_password_policy_that_asks_for_less_is_found_and_one_that_asks_for_more_is_not(cloud, eve, before, after, is_found):
    """IAM has no region: its calls are judged wherever there is a detector."""
    detector(cloud)
    cloud.sleep(1)
    iam = eve.client("iam")
    if before:
        iam.update_account_password_policy(**{"MinimumPasswordLength": 14, **before})
        cloud.sleep(3)
        weak = {each["Id"] for each in findings(cloud)}
    else:
        weak = set()
    iam.update_account_password_policy(**after)
    cloud.sleep(3)
    found = [each for each in findings(cloud) if each["Id"] not in weak or each["Service"]["Count"] > 1]
    assert [each["Type"] for each in found] == [PASSWORD] * is_found


def test_calls_without_a_region_are_judged_in_each_region_that_has_a_detector(make_cloud):
    cloud = make_cloud("us-east-1", "eu-west-1", "aws-global")
    eve = Somebody(cloud)
    for region in ("us-east-1", "eu-west-1"):
        cloud.client("guardduty", region).create_detector(Enable=True)
    cloud.sleep(1)
    eve.client("iam").update_account_password_policy(MinimumPasswordLength=6)
    cloud.sleep(4)
    for region in ("us-east-1", "eu-west-1"):
        client = cloud.client("guardduty", region)
        (id_,) = client.list_detectors()["DetectorIds"]
        (found,) = client.list_findings(DetectorId=id_, FindingCriteria={"Criterion": {"type": {"Equals": [PASSWORD]}}})["FindingIds"]
        assert client.get_findings(DetectorId=id_, FindingIds=[found])["Findings"][0]["Region"] == region


# Buckets -------------------------------------------------------------------------------------------


def test_a_policy_that_lets_in_everybody_is_found_with_what_is_known_of_the_bucket(cloud, eve):
    detector(cloud)
    s3 = eve.client("s3")
    s3.create_bucket(Bucket="shop")
    s3.put_bucket_tagging(Bucket="shop", Tagging={"TagSet": [{"Key": "team", "Value": "a"}]})
    s3.delete_public_access_block(Bucket="shop")
    s3.put_bucket_policy(Bucket="shop", Policy=policy_of("shop"))
    cloud.sleep(1)
    assert types(cloud) == [ANONYMOUS, OPENED]
    found = one(cloud, ANONYMOUS)
    (bucket,) = found["Resource"]["S3BucketDetails"]
    assert (found["Severity"], found["Resource"]["ResourceType"]) == (8.0, "AccessKey")
    assert (bucket["Name"], bucket["Arn"], bucket["Tags"]) == ("shop", "arn:aws:s3:::shop", [{"Key": "team", "Value": "a"}])
    assert bucket["PublicAccess"]["EffectivePermission"] == "PUBLIC"
    assert bucket["DefaultServerSideEncryption"] == {"EncryptionType": "AES256"}
    # Recorded: a finding of 2021.
    assert one(cloud, OPENED)["Description"] == (
        "Amazon S3 Block Public Access was disabled for S3 bucket shop by eve calling DeleteBucketPublicAccessBlock. If this behavior is not expected, "
        "it may indicate a configuration mistake or that your credentials are compromised."
    )


def test_a_policy_that_names_whom_it_lets_in_or_that_is_blocked_is_not_found(cloud, eve):
    detector(cloud)
    s3 = eve.client("s3")
    s3.create_bucket(Bucket="shop")
    s3.put_public_access_block(Bucket="shop", PublicAccessBlockConfiguration={**ON, "BlockPublicPolicy": False})
    s3.put_bucket_policy(Bucket="shop", Policy=policy_of("shop"))
    s3.create_bucket(Bucket="named")
    s3.put_bucket_policy(Bucket="named", Policy=policy_of("named", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}))
    cloud.sleep(1)
    assert types(cloud) == [OPENED]


@pytest.mark.parametrize(("group", "type_"), [("AllUsers", ANONYMOUS), ("AuthenticatedUsers", PUBLIC)])
def test_a_list_lets_in_everybody_or_everybody_of_aws(cloud, eve, group, type_):
    detector(cloud)
    s3 = eve.client("s3")
    s3.create_bucket(Bucket="shop", ObjectOwnership="BucketOwnerPreferred")
    s3.delete_public_access_block(Bucket="shop")
    s3.put_bucket_acl(Bucket="shop", GrantRead=f"uri=http://acs.amazonaws.com/groups/global/{group}")
    cloud.sleep(1)
    assert types(cloud) == sorted([type_, OPENED])


def test_blocks_of_an_account_and_logs_of_a_bucket_that_are_turned_off_are_found(cloud, eve):
    detector(cloud)
    control, s3 = eve.client("s3control"), eve.client("s3")
    s3.create_bucket(Bucket="shop")
    control.put_public_access_block(AccountId=ACCOUNT, PublicAccessBlockConfiguration=ON)
    s3.put_public_access_block(Bucket="shop", PublicAccessBlockConfiguration=ON)
    cloud.sleep(3)
    assert types(cloud) == []
    control.put_public_access_block(AccountId=ACCOUNT, PublicAccessBlockConfiguration={**ON, "IgnorePublicAcls": False})
    s3.put_bucket_logging(Bucket="shop", BucketLoggingStatus={})
    cloud.sleep(3)
    assert types(cloud) == [ACCOUNT_OPENED, UNLOGGED]


def test_a_bucket_that_is_gone_before_it_is_looked_at_is_told_by_its_name(cloud, eve):
    detector(cloud)
    s3 = eve.client("s3")
    s3.create_bucket(Bucket="shop")
    s3.put_bucket_logging(Bucket="shop", BucketLoggingStatus={})
    s3.delete_bucket(Bucket="shop")
    cloud.sleep(1)
    (bucket,) = one(cloud, UNLOGGED)["Resource"]["S3BucketDetails"]
    assert bucket["Name"] == "shop"


# Counting and telling ------------------------------------------------------------------------------


def test_a_finding_is_told_at_once_and_again_as_often_as_the_detector_says(cloud, eve):
    detector(cloud, FindingPublishingFrequency="FIFTEEN_MINUTES")
    listener, s3 = Listener(cloud), eve.client("s3")
    s3.create_bucket(Bucket="shop")
    s3.put_bucket_logging(Bucket="shop", BucketLoggingStatus={})
    (event,) = listener.heard()
    assert (event["source"], event["detail-type"], event["resources"]) == ("aws.guardduty", "GuardDuty Finding", [])
    assert (event["detail"]["type"], event["detail"]["severity"], event["detail"]["service"]["count"]) == (UNLOGGED, 2.0, 1)
    assert event["detail"]["resource"]["s3BucketDetails"][0]["name"] == "shop"
    cloud.sleep(60)
    for _ in range(2):
        s3.put_bucket_logging(Bucket="shop", BucketLoggingStatus={})
        cloud.sleep(1)
    assert listener.heard() == []
    found = one(cloud, UNLOGGED)
    assert (found["Service"]["Count"], found["Id"]) == (3, event["detail"]["id"])
    assert found["UpdatedAt"] > found["CreatedAt"]
    cloud.sleep(900)
    (again,) = listener.heard()
    assert (again["detail"]["id"], again["detail"]["service"]["count"]) == (event["detail"]["id"], 3)
    cloud.sleep(900)
    assert listener.heard() == []


def test_others_and_other_things_have_findings_of_their_own(cloud, eve):
    detector(cloud)
    bob = Somebody(cloud, "bob")
    for who, bucket in ((eve, "a"), (bob, "a"), (eve, "b")):
        s3 = who.client("s3")
        if who is not bob:
            s3.create_bucket(Bucket=f"shop-{bucket}")
        s3.put_bucket_logging(Bucket=f"shop-{bucket}", BucketLoggingStatus={})
    cloud.sleep(1)
    told = {(each["Resource"]["AccessKeyDetails"]["UserName"], each["Resource"]["S3BucketDetails"][0]["Name"]) for each in findings(cloud)}
    assert told == {("eve", "shop-a"), ("bob", "shop-a"), ("eve", "shop-b")}


def test_what_is_archived_is_over_and_the_next_occurrence_is_a_new_finding(cloud, eve):
    id_ = detector(cloud)
    client, s3 = cloud.client("guardduty"), eve.client("s3")
    s3.create_bucket(Bucket="shop")
    s3.put_bucket_logging(Bucket="shop", BucketLoggingStatus={})
    cloud.sleep(1)
    first = one(cloud, UNLOGGED)["Id"]
    client.archive_findings(DetectorId=id_, FindingIds=[first])
    s3.put_bucket_logging(Bucket="shop", BucketLoggingStatus={})
    cloud.sleep(1)
    (archived,) = findings(cloud, **{"service.archived": {"Equals": ["true"]}})
    (active,) = findings(cloud, **{"service.archived": {"Equals": ["false"]}})
    assert (archived["Id"], archived["Service"]["Count"], archived["Service"]["Archived"]) == (first, 1, True)
    assert (active["Service"]["Count"], active["Id"] != first) == (1, True)
    client.unarchive_findings(DetectorId=id_, FindingIds=[first])
    assert len(findings(cloud, **{"service.archived": {"Equals": ["false"]}})) == 2
    client.update_findings_feedback(DetectorId=id_, FindingIds=[first], Feedback="USEFUL", Comments="indeed")
    assert client.get_findings(DetectorId=id_, FindingIds=[first])["Findings"][0]["Service"]["UserFeedback"] == "USEFUL"


def test_a_suspended_detector_finds_nothing_and_keeps_what_it_found(cloud, eve):
    id_ = detector(cloud)
    client, s3 = cloud.client("guardduty"), eve.client("s3")
    s3.create_bucket(Bucket="shop")
    s3.put_bucket_logging(Bucket="shop", BucketLoggingStatus={})
    cloud.sleep(1)
    client.update_detector(DetectorId=id_, Enable=False)
    s3.put_bucket_logging(Bucket="shop", BucketLoggingStatus={})
    s3.delete_public_access_block(Bucket="shop")
    cloud.sleep(5)
    assert (one(cloud, UNLOGGED)["Service"]["Count"], len(findings(cloud))) == (1, 1)
    client.update_detector(DetectorId=id_, Enable=True)
    s3.delete_public_access_block(Bucket="shop")
    cloud.sleep(1)
    assert types(cloud) == [OPENED, UNLOGGED]


def test_findings_are_forgotten_after_ninety_days(cloud, eve):
    detector(cloud)
    s3 = eve.client("s3")
    s3.create_bucket(Bucket="shop")
    s3.put_bucket_logging(Bucket="shop", BucketLoggingStatus={})
    cloud.sleep(1)
    cloud.sleep_dark(91 * 86_400)
    cloud.sleep(5)
    assert types(cloud) == []


def test_objects_that_are_reached_by_an_access_point_are_calls_of_data_too(cloud, eve):
    detector(cloud)
    s3 = eve.client("s3")
    s3.create_bucket(Bucket="shop")
    arn = eve.client("s3control").create_access_point(AccountId=ACCOUNT, Name="door", Bucket="shop")["AccessPointArn"]
    attacker = eve.client("s3", user_agent_extra="os/linux#6.6.9-kali1-amd64")
    attacker.put_object(Bucket=arn, Key="k", Body=b"v")
    cloud.sleep(1)
    found = one(cloud, "PenTest:S3/KaliLinux")
    assert (found["Resource"]["ResourceType"], found["Service"]["Action"]["AwsApiCallAction"]["Api"]) == ("S3Bucket", "PutObject")


@pytest.mark.parametrize(("params", "is_found"), [({"MinimumPasswordLength": 1_000}, False), ({"MaxPasswordAge": 10_000}, True)])
def test_an_attempt_that_was_refused_is_found_and_answered_as_ever(cloud, eve, params, is_found):
    """ "This finding can also be triggered by an attempt to update or delete your AWS account password policy"."""
    detector(cloud)
    cloud.sleep(1)
    assert refused(eve.client("iam").update_account_password_policy, **params)[0] == "ValidationError"
    cloud.sleep(3)
    assert types(cloud) == [PASSWORD] * is_found


# Kills ---------------------------------------------------------------------------------------------


def test_a_region_that_is_killed_as_a_call_was_answered_finds_it_when_it_is_back(cloud, eve):
    put_trail(cloud)
    detector(cloud)
    s3 = eve.client("s3")
    s3.create_bucket(Bucket="shop")
    s3.put_bucket_logging(Bucket="shop", BucketLoggingStatus={})
    eve.client("cloudtrail").stop_logging(Name="all")
    cloud.restart(kill=True)
    cloud.sleep(2)
    assert types(cloud) == [CLOUDTRAIL, UNLOGGED]
    assert {each["Service"]["Count"] for each in findings(cloud)} == {1}
    eve.client("s3").put_bucket_logging(Bucket="shop", BucketLoggingStatus={})
    cloud.sleep(1)
    assert one(cloud, UNLOGGED)["Service"]["Count"] == 2


def test_regions_without_a_detector_are_told_of_nothing_any_more(cloud, eve):
    id_ = detector(cloud)
    cloud.sleep(2)
    there = cloud.region("aws-global")
    assert there.gate.trail.watched == {ACCOUNT: False}
    cloud.client("guardduty").delete_detector(DetectorId=id_)
    cloud.sleep(2)
    assert there.gate.trail.watched == {}


def test_calls_without_a_region_are_judged_once_aws_global_is_back(cloud, eve):
    cloud.client("guardduty").delete_detector(DetectorId=detector(cloud))  # which leaves its role
    cloud.sleep(2)
    cloud.kill("aws-global")
    detector(cloud)
    cloud.sleep(5)
    cloud.region("aws-global")
    eve.client("iam").update_account_password_policy(MinimumPasswordLength=6)
    cloud.sleep(120)
    assert types(cloud) == [PASSWORD]


def test_calls_without_a_region_are_judged_when_a_region_that_was_dark_is_back(cloud, eve):
    detector(cloud)
    cloud.sleep(2)
    cloud.kill("us-east-1")
    eve.client("iam", region="aws-global").update_account_password_policy(MinimumPasswordLength=6)
    cloud.sleep(10)
    cloud.region("us-east-1")
    cloud.sleep(2)
    assert types(cloud) == [PASSWORD]
