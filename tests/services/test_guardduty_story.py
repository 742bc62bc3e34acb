"""GuardDuty and what follows from it: a finding is an event that a function answers by isolating who was found, Security Hub hears of it, and
buckets get it.

https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings_eventbridge.html
"""

from __future__ import annotations

import gzip
import json

import pytest
from guardduty_workshop import ACCOUNT, US, Somebody, detector, findings, one, put_list
from lambda_workshop import make
from refusals import refused, refused_code

UNLOGGED = "Stealth:S3/ServerAccessLoggingDisabled"
DENY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]})
ISOLATE = f"""
import datetime, os, urllib.request
import botocore.auth, botocore.crt.auth, botocore.session
# The cloud's time is virtual, and who signs with another one is refused.
botocore.auth.get_current_datetime = botocore.crt.auth.get_current_datetime = lambda remove_tzinfo=True: datetime.datetime.fromtimestamp(
    float(urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"] + "/now").read()), datetime.timezone.utc
)

def handler(event, context):
    user = event["detail"]["resource"]["accessKeyDetails"]["userName"]
    iam = botocore.session.Session().create_client("iam", region_name="us-east-1")
    iam.put_user_policy(UserName=user, PolicyName="isolated", PolicyDocument={DENY!r})
"""


@pytest.fixture
def eve(cloud) -> Somebody:
    return Somebody(cloud)


def unlog(who: Somebody) -> None:
    who.client("s3").put_bucket_logging(Bucket="shop", BucketLoggingStatus={})


def test_who_is_found_is_isolated_by_a_function_that_hears_of_it(durable):
    """finding → EventBridge → function → a policy that denies everything."""
    cloud = durable
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
    iam = cloud.client("iam")
    role = iam.create_role(RoleName="guard", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    may = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["iam:PutUserPolicy", "logs:*"], "Resource": "*"}]}
    iam.put_role_policy(RoleName="guard", PolicyName="p", PolicyDocument=json.dumps(may))
    arn = make(cloud, ISOLATE, name="isolate", Role=role, Timeout=30)["FunctionArn"]
    events = cloud.client("events")
    rule = events.put_rule(
        Name="isolate", EventPattern=json.dumps({"source": ["aws.guardduty"], "detail-type": ["GuardDuty Finding"], "detail": {"type": [UNLOGGED]}})
    )["RuleArn"]
    cloud.client("lambda").add_permission(
        FunctionName="isolate", StatementId="s", Action="lambda:InvokeFunction", Principal="events.amazonaws.com", SourceArn=rule
    )
    events.put_targets(Rule="isolate", Targets=[{"Id": "f", "Arn": arn}])
    eve = Somebody(cloud)
    detector(cloud)
    eve.client("s3").create_bucket(Bucket="shop")
    unlog(eve)
    cloud.sleep_and_settle(2)
    cloud.sleep_and_settle(2)
    assert iam.list_user_policies(UserName="eve")["PolicyNames"] == ["all", "isolated"]
    assert refused_code(eve.client("s3").list_objects_v2, Bucket="shop") == "AccessDenied"
    assert refused_code(eve.client("sqs").list_queues) == "AccessDeniedException"


# Security Hub --------------------------------------------------------------------------------------


def hub_of(cloud):
    hub = cloud.client("securityhub")
    hub.enable_security_hub(EnableDefaultStandards=False)
    return hub


def imported(hub) -> list[dict]:
    told = hub.get_findings(Filters={"ProductName": [{"Value": "GuardDuty", "Comparison": "EQUALS"}]})["Findings"]
    return [each for each in told if "RootCredentialUsage" not in each["Types"][0]]


def test_security_hub_hears_of_findings_in_its_own_format(cloud, eve):
    """https://docs.aws.amazon.com/guardduty/latest/ug/securityhub-integration.html"""
    hub = hub_of(cloud)
    id_ = detector(cloud, FindingPublishingFrequency="FIFTEEN_MINUTES")
    eve.client("s3").create_bucket(Bucket="shop")
    unlog(eve)
    cloud.sleep(1)
    (told,) = imported(hub)
    found = one(cloud, UNLOGGED)
    assert (told["Id"], told["ProductArn"], told["CompanyName"]) == (found["Arn"], f"arn:aws:securityhub:{US}::product/aws/guardduty", "Amazon")
    assert told["GeneratorId"] == f"arn:aws:guardduty:{US}:{ACCOUNT}:detector/{id_}"
    assert told["Types"] == ["TTPs/Defense Evasion/Stealth:S3-ServerAccessLoggingDisabled"]
    assert (told["Severity"]["Label"], told["Severity"]["Product"], told["RecordState"], told["Sample"]) == ("LOW", 2.0, "ACTIVE", False)
    assert told["ProductFields"]["aws/guardduty/service/action/awsApiCallAction/remoteIpDetails/ipAddressV4"] == "127.0.0.1"
    assert told["ProductFields"]["aws/guardduty/service/count"] == "1"
    key, bucket = told["Resources"]
    assert (key["Type"], key["Id"]) == ("AwsIamAccessKey", f"AWS::IAM::AccessKey:{eve.key}")
    assert key["Details"]["AwsIamAccessKey"]["PrincipalName"] == "eve"
    assert (bucket["Type"], bucket["Id"]) == ("AwsS3Bucket", "arn:aws:s3:::shop")
    assert told["Action"]["AwsApiCallAction"]["Api"] == "PutBucketLogging"
    hub.batch_update_findings(FindingIdentifiers=[{"Id": told["Id"], "ProductArn": told["ProductArn"]}], Workflow={"Status": "NOTIFIED"})
    cloud.sleep(60)
    unlog(eve)
    cloud.sleep(900)
    (again,) = imported(hub)
    assert (again["ProductFields"]["aws/guardduty/service/count"], again["Workflow"]["Status"]) == ("2", "NOTIFIED")


def test_an_account_may_stop_what_guardduty_sends(cloud, eve):
    hub = hub_of(cloud)
    product = f"arn:aws:securityhub:{US}::product/aws/guardduty"
    assert product in [each["ProductArn"] for each in hub.describe_products()["Products"]]
    (subscription,) = [each for each in hub.list_enabled_products_for_import()["ProductSubscriptions"] if each.endswith("aws/guardduty")]
    hub.disable_import_findings_for_product(ProductSubscriptionArn=subscription)
    detector(cloud)
    eve.client("s3").create_bucket(Bucket="shop")
    unlog(eve)
    cloud.sleep(1)
    assert len(findings(cloud)) == 1
    assert imported(hub) == []


# Buckets that findings are exported to -------------------------------------------------------------


def put_destination(cloud, id_: str, **more) -> tuple[str, str]:
    """A bucket and a key as the guide says they must be; answers the destination and the key."""
    s3, kms = cloud.client("s3"), cloud.client("kms")
    s3.create_bucket(Bucket="found")
    who = {"Service": "guardduty.amazonaws.com"}
    allow = [
        {"Effect": "Allow", "Principal": who, "Action": "s3:GetBucketLocation", "Resource": "arn:aws:s3:::found"},
        {"Effect": "Allow", "Principal": who, "Action": "s3:PutObject", "Resource": "arn:aws:s3:::found/guard/*"},
        {
            "Effect": "Deny", "Principal": who, "Action": "s3:PutObject", "Resource": "arn:aws:s3:::found/*",
            "Condition": {"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}},
        },
    ]  # fmt: skip
    s3.put_bucket_policy(Bucket="found", Policy=json.dumps({"Version": "2012-10-17", "Statement": allow}))
    key = kms.create_key()["KeyMetadata"]["Arn"]
    document = json.loads(kms.get_key_policy(KeyId=key)["Policy"])
    let_in = {"Effect": "Allow", "Principal": who, "Action": "kms:GenerateDataKey", "Resource": "*", "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}}}
    document["Statement"].append(let_in)
    kms.put_key_policy(KeyId=key, Policy=json.dumps(document))
    made = cloud.client("guardduty").create_publishing_destination(
        DetectorId=id_, DestinationType="S3", DestinationProperties={"DestinationArn": "arn:aws:s3:::found/guard", "KmsKeyArn": key}, **more
    )["DestinationId"]
    return made, key


def exported(cloud) -> list[dict]:
    s3, told = cloud.client("s3"), []
    for each in s3.list_objects_v2(Bucket="found").get("Contents", ()):
        body = gzip.decompress(s3.get_object(Bucket="found", Key=each["Key"])["Body"].read())
        told += [json.loads(line) for line in body.splitlines()]
    return [each for each in told if "RootCredentialUsage" not in each["type"]]


def test_findings_are_exported_to_a_bucket_under_a_key(cloud, eve):
    id_ = detector(cloud)
    destination, key = put_destination(cloud, id_)
    client = cloud.client("guardduty")
    told = client.describe_publishing_destination(DetectorId=id_, DestinationId=destination)
    assert (told["Status"], told["DestinationProperties"]) == ("PUBLISHING", {"DestinationArn": "arn:aws:s3:::found/guard", "KmsKeyArn": key})
    eve.client("s3").create_bucket(Bucket="shop")
    unlog(eve)
    cloud.sleep(2)
    (finding,) = exported(cloud)
    assert (finding["type"], finding["id"]) == (UNLOGGED, one(cloud, UNLOGGED)["Id"])
    s3 = cloud.client("s3")
    name = s3.list_objects_v2(Bucket="found")["Contents"][0]["Key"]
    assert name.startswith(f"guard/AWSLogs/{ACCOUNT}/GuardDuty/{US}/2030/01/01/") and name.endswith(".jsonl.gz")
    head = s3.head_object(Bucket="found", Key=name)
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key)


def test_a_destination_that_shuts_guardduty_out_is_told_so_and_gets_what_it_missed(cloud, eve):
    id_ = detector(cloud)
    destination, _ = put_destination(cloud, id_)
    client, s3 = cloud.client("guardduty"), cloud.client("s3")
    eve.client("s3").create_bucket(Bucket="shop")
    policy = s3.get_bucket_policy(Bucket="found")["Policy"]
    s3.delete_bucket_policy(Bucket="found")
    unlog(eve)
    cloud.sleep(2)
    told = client.describe_publishing_destination(DetectorId=id_, DestinationId=destination)
    assert told["Status"] == "UNABLE_TO_PUBLISH_FIX_DESTINATION_PROPERTY" and told["PublishingFailureStartTimestamp"] > 0
    s3.put_bucket_policy(Bucket="found", Policy=policy)
    cloud.sleep(1_800)
    assert UNLOGGED in [each["type"] for each in exported(cloud)]
    assert client.list_publishing_destinations(DetectorId=id_)["Destinations"] == [{"DestinationId": destination, "DestinationType": "S3", "Status": "PUBLISHING"}]


def test_a_killed_region_exports_what_it_promised_once(cloud, eve):
    id_ = detector(cloud)
    put_destination(cloud, id_)
    eve.client("s3").create_bucket(Bucket="shop")
    unlog(eve)
    cloud.restart(kill=True)
    cloud.sleep(5)
    cloud.restart(kill=True)
    cloud.sleep(5)
    assert [each["type"] for each in exported(cloud)] == [UNLOGGED]


def test_refusals_of_destinations(cloud):
    id_ = detector(cloud)
    client = cloud.client("guardduty")
    kms = cloud.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    cloud.client("s3").create_bucket(Bucket="shut")
    said = {"DetectorId": id_, "DestinationType": "S3"}
    shut = {"DestinationArn": "arn:aws:s3:::shut", "KmsKeyArn": key}
    code, text = refused(client.create_publishing_destination, DestinationProperties=shut, **said)
    assert code == "BadRequestException" and text.startswith("The request failed because the GuardDuty service principal does not have permission to")
    for bad in ({"DestinationArn": "arn:aws:sqs:us-east-1:1:q", "KmsKeyArn": key}, {"DestinationArn": "arn:aws:s3:::shut"}, {"DestinationArn": "x", "KmsKeyArn": "y"}):
        assert refused_code(client.create_publishing_destination, DestinationProperties=bad, **said) == "BadRequestException"
    destination, _ = put_destination(cloud, id_, Tags={"team": "a"})
    assert client.describe_publishing_destination(DetectorId=id_, DestinationId=destination)["Tags"] == {"team": "a"}
    client.delete_publishing_destination(DetectorId=id_, DestinationId=destination)
    assert refused(client.describe_publishing_destination, DetectorId=id_, DestinationId=destination) == (
        "BadRequestException", "The request is rejected since no such resource found.",
    )  # fmt: skip


def test_a_list_under_a_key_is_read_if_the_key_lets_the_role_in(cloud, eve):
    id_ = detector(cloud)
    client, kms, s3 = cloud.client("guardduty"), cloud.client("kms"), cloud.client("s3")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    place = put_list(cloud, "127.0.0.1")
    s3.put_object(Bucket="lists", Key="list.txt", Body=b"127.0.0.1", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    own = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": ["kms:PutKeyPolicy", "kms:GetKeyPolicy"], "Resource": "*"}
    kms.put_key_policy(KeyId=key, Policy=json.dumps({"Version": "2012-10-17", "Statement": [own]}))
    made = client.create_ip_set(DetectorId=id_, Name="good", Format="TXT", Location=place, Activate=True)["IpSetId"]
    cloud.sleep(90)
    assert client.get_ip_set(DetectorId=id_, IpSetId=made)["Status"] == "ERROR"
    role = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/guardduty.amazonaws.com/AWSServiceRoleForAmazonGuardDuty"
    let_in = {"Effect": "Allow", "Principal": {"AWS": role}, "Action": "kms:Decrypt", "Resource": "*"}
    kms.put_key_policy(KeyId=key, Policy=json.dumps({"Version": "2012-10-17", "Statement": [own, let_in]}))
    client.update_ip_set(DetectorId=id_, IpSetId=made, Activate=True)
    cloud.sleep(3)
    assert client.get_ip_set(DetectorId=id_, IpSetId=made)["Status"] == "ACTIVE"
