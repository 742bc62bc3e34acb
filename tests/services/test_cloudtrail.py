"""CloudTrail: event history, trails and their files, the chain of digests."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from refusals import refused_code

ACCOUNT, US, EU = "111111111111", "us-east-1", "eu-west-1"
ARN = f"arn:aws:cloudtrail:{US}:{ACCOUNT}:trail/main"
BUCKET = "trail-files"


@pytest.fixture
def cloud(make_cloud):
    return make_cloud(US, EU, "aws-global")


@pytest.fixture
def ct(cloud):
    return cloud.client("cloudtrail", key=ACCOUNT)


def test_newer_sdks_name_the_service_by_its_last_part(cloud, ct):
    # Smithy's protocols send the name of the service's shape alone (so does the SDK for Go); older SDKs send the whole prefix.
    # https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
    for prefix in ("CloudTrail_20131101", "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101"):
        head = {
            "authorization": f"AWS4-HMAC-SHA256 Credential={ACCOUNT}/20300101/us-east-1/cloudtrail/aws4_request, SignedHeaders=host, Signature=0",
            "x-amz-date": "20300101T000000Z", "content-type": "application/x-amz-json-1.1", "x-amz-target": f"{prefix}.DescribeTrails",
        }  # fmt: skip
        status, _, answer = cloud.http("POST", "/", headers=head, body=b"{}")
        assert (status, json.loads(answer)) == (200, {"trailList": []})


@pytest.fixture
def s3(cloud):
    client = cloud.client("s3", key=ACCOUNT)
    client.create_bucket(Bucket=BUCKET)
    allow = {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": ["s3:GetBucketAcl", "s3:PutObject"]}
    document = {"Version": "2012-10-17", "Statement": {**allow, "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]}}
    client.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(document))
    return client


def trail(ct, name="main", **more) -> dict:
    made = ct.create_trail(Name=name, S3BucketName=BUCKET, **more)
    ct.start_logging(Name=name)
    return made


def files(s3, kind="CloudTrail/") -> dict[str, dict]:
    found = {}
    for each in s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        if f"/{kind}" in each["Key"]:
            found[each["Key"]] = json.loads(gzip.decompress(s3.get_object(Bucket=BUCKET, Key=each["Key"])["Body"].read()))
    return found


def events(s3) -> list[dict]:
    return [record for file in files(s3).values() for record in file["Records"]]


# Event history -------------------------------------------------------------------------------------


def test_what_was_called_is_looked_up_newest_first(cloud, ct):
    sqs = cloud.client("sqs", key=ACCOUNT)
    for name in "ab":
        sqs.create_queue(QueueName=name)
        cloud.sleep(1)
    with pytest.raises(ClientError):
        sqs.get_queue_url(QueueName="none")
    shown = ct.lookup_events()["Events"]
    assert [e["EventName"] for e in shown] == ["GetQueueUrl", "CreateQueue", "CreateQueue"]
    assert [(e["ReadOnly"], e["EventSource"], e["Username"]) for e in shown[:2]] == [
        ("true", "sqs.amazonaws.com", "root"), ("false", "sqs.amazonaws.com", "root"),
    ]  # fmt: skip
    assert json.loads(shown[0]["CloudTrailEvent"])["errorCode"] == "QueueDoesNotExist"
    assert shown[1]["Resources"] == [{"ResourceType": "AWS::SQS::Queue", "ResourceName": "b"}]


@pytest.mark.parametrize(
    ("key", "value", "count"),
    [("EventName", "CreateQueue", 3), ("EventSource", "sqs.amazonaws.com", 4), ("ReadOnly", "true", 1), ("ResourceName", "b", 1),
     ("ResourceType", "AWS::SQS::Queue", 3), ("Username", "root", 4), ("Username", "alice", 0), ("AccessKeyId", ACCOUNT, 4)],
)  # fmt: skip
def test_events_are_found_by_one_attribute(cloud, ct, key, value, count):
    sqs = cloud.client("sqs", key=ACCOUNT)
    for name in "abc":
        sqs.create_queue(QueueName=name)
    sqs.list_queues()
    found = ct.lookup_events(LookupAttributes=[{"AttributeKey": key, "AttributeValue": value}])["Events"]
    assert len([e for e in found if e["EventName"] != "LookupEvents"]) == count


def test_events_come_in_pages_and_within_a_time(cloud, ct):
    sqs = cloud.client("sqs", key=ACCOUNT)
    for number in range(5):
        sqs.create_queue(QueueName=f"q{number}")
        cloud.sleep(10)
    wanted = [{"AttributeKey": "EventName", "AttributeValue": "CreateQueue"}]
    pages = []
    for page in ct.get_paginator("lookup_events").paginate(LookupAttributes=wanted, PaginationConfig={"PageSize": 2}):
        pages.append(page["Events"])
        cloud.sleep(0.5)
    assert [len(page) for page in pages] == [2, 2, 1] and len({e["EventId"] for page in pages for e in page}) == 5
    since = datetime.fromtimestamp(cloud.now() - 26.5, UTC)
    assert len(ct.lookup_events(LookupAttributes=wanted, StartTime=since)["Events"]) == 2
    assert refused_code(ct.lookup_events, StartTime=since, EndTime=datetime.fromtimestamp(0, UTC)) == "InvalidTimeRangeException"
    cloud.sleep(1)
    assert refused_code(ct.lookup_events, NextToken="x") == "InvalidNextTokenException"
    assert refused_code(ct.lookup_events, LookupAttributes=wanted * 2) == "InvalidLookupAttributesException"


def test_an_account_looks_up_twice_a_second_in_each_region(cloud, ct):
    # https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
    ct.lookup_events(), ct.lookup_events()
    assert refused_code(ct.lookup_events) == "ThrottlingException"
    cloud.client("cloudtrail", EU, key=ACCOUNT).lookup_events()
    cloud.client("cloudtrail", key="222222222222").lookup_events()
    cloud.sleep(0.5)
    ct.lookup_events()
    assert refused_code(ct.lookup_events) == "ThrottlingException"


def test_insights_are_refused_by_name(ct):
    for call in (
        lambda: ct.lookup_events(EventCategory="insight"),
        lambda: ct.get_insight_selectors(TrailName="trail"),
        lambda: ct.put_insight_selectors(TrailName="trail", InsightSelectors=[{"InsightType": "ApiCallRateInsight"}]),
    ):
        assert refused_code(call) == "NotImplemented"


def test_what_happens_in_services_without_a_region_is_told_in_virginia(cloud, ct):
    cloud.client("iam", key=ACCOUNT).create_user(UserName="alice")
    cloud.sleep(2)
    by_name = [{"AttributeKey": "EventName", "AttributeValue": "CreateUser"}]
    (found,) = ct.lookup_events(LookupAttributes=by_name)["Events"]
    assert json.loads(found["CloudTrailEvent"])["awsRegion"] == US
    assert cloud.client("cloudtrail", EU, key=ACCOUNT).lookup_events(LookupAttributes=by_name)["Events"] == []


# Trails --------------------------------------------------------------------------------------------


def test_requests_to_s3_are_told_as_they_were_spelled(cloud, ct):
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-understanding-s3-entries.html, and events that others published."""
    s3 = cloud.client("s3", key=ACCOUNT)
    s3.create_bucket(Bucket="shop", ObjectOwnership="BucketOwnerPreferred")
    s3.put_bucket_versioning(Bucket="shop", VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_tagging(Bucket="shop", Tagging={"TagSet": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]})
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject", "Resource": "arn:aws:s3:::shop/*"}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    s3.put_bucket_policy(Bucket="shop", Policy=json.dumps(policy))
    told = {}
    for each in ct.lookup_events(LookupAttributes=[{"AttributeKey": "ResourceName", "AttributeValue": "shop"}])["Events"]:
        event = json.loads(each["CloudTrailEvent"])
        assert event["responseElements"] is None and each["Resources"] == [{"ResourceType": "AWS::S3::Bucket", "ResourceName": "shop"}]
        told[event["eventName"]] = event["requestParameters"]
        assert told[event["eventName"]].pop("bucketName") == "shop" and told[event["eventName"]].pop("Host")
    namespace = {"xmlns": "http://s3.amazonaws.com/doc/2006-03-01/"}
    assert told == {
        "CreateBucket": {"x-amz-object-ownership": "BucketOwnerPreferred"},
        "PutBucketVersioning": {"versioning": "", "VersioningConfiguration": {**namespace, "Status": "Enabled"}},
        "PutBucketTagging": {"tagging": "", "Tagging": {**namespace, "TagSet": {"Tag": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]}}},
        "PutBucketPolicy": {"policy": "", "bucketPolicy": policy},
    }


def test_what_a_service_asks_of_itself_elsewhere_is_no_call(cloud, ct):
    cloud.client("s3", key=ACCOUNT).create_bucket(Bucket="shop")
    cloud.sleep(600)
    found = ct.lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "CreateBucket"}])["Events"]
    assert [json.loads(each["CloudTrailEvent"])["userIdentity"]["type"] for each in found] == ["Root"]


def test_a_trail_is_described(cloud, ct, s3):
    made = ct.create_trail(Name="main", S3BucketName=BUCKET, S3KeyPrefix="p", TagsList=[{"Key": "a", "Value": "1"}])
    assert made["TrailARN"] == ARN and made["LogFileValidationEnabled"] is False and made["IncludeGlobalServiceEvents"] is True
    shown = ct.get_trail(Name=ARN)["Trail"]
    assert (shown["HomeRegion"], shown["HasCustomEventSelectors"], shown["IsOrganizationTrail"]) == (US, False, False)
    assert ct.describe_trails()["trailList"] == [shown] and ct.list_trails()["Trails"][0]["TrailARN"] == ARN
    assert ct.list_tags(ResourceIdList=[ARN])["ResourceTagList"][0]["TagsList"] == [{"Key": "a", "Value": "1"}]
    assert ct.get_trail_status(Name="main")["IsLogging"] is False
    assert refused_code(ct.create_trail, Name="main", S3BucketName=BUCKET) == "TrailAlreadyExistsException"
    ct.update_trail(Name="main", IsMultiRegionTrail=True)
    there = cloud.client("cloudtrail", EU, key=ACCOUNT)
    assert there.describe_trails()["trailList"][0]["TrailARN"] == ARN
    assert there.describe_trails(includeShadowTrails=False)["trailList"] == []
    assert refused_code(there.stop_logging, Name=ARN) == "InvalidHomeRegionException"
    ct.delete_trail(Name="main")
    # The texts: moto's test_get_trail_unknown and test_get_trail_status_unknown_trail.
    for call, named in ((ct.get_trail, "main"), (ct.get_trail_status, ARN)):
        with pytest.raises(ClientError, match=rf"\(TrailNotFoundException\).*: Unknown trail: {named} for the user: {ACCOUNT}$"):
            call(Name="main")


def test_the_topic_of_a_trail_must_be_there_and_let_it_in(ct, s3):
    """The text: moto's test_create_trail_with_nonexisting_topic."""
    said = r"\(InsufficientSnsTopicPolicyException\).*: SNS Topic does not exist or the topic policy is incorrect!$"
    with pytest.raises(ClientError, match=said):
        ct.create_trail(Name="main", S3BucketName=BUCKET, SnsTopicName="none")


@pytest.mark.parametrize("name", ["ab", "-abc", "abc-", "a--b", "a b c", "192.168.5.4"])
def test_a_name_that_is_none_is_refused(ct, name):
    assert refused_code(ct.create_trail, Name=name, S3BucketName=BUCKET) == "InvalidTrailNameException"


def test_a_trail_must_be_able_to_write(cloud, ct):
    assert refused_code(ct.create_trail, Name="main", S3BucketName=BUCKET) == "S3BucketDoesNotExistException"
    cloud.client("s3", key=ACCOUNT).create_bucket(Bucket=BUCKET)
    assert refused_code(ct.create_trail, Name="main", S3BucketName=BUCKET) == "InsufficientS3BucketPolicyException"


def test_a_trail_writes_what_happened_every_five_minutes(cloud, ct, s3):
    trail(ct, S3KeyPrefix="p")
    cloud.client("sqs", key=ACCOUNT).create_queue(QueueName="a")
    cloud.client("dynamodb", EU, key=ACCOUNT).list_tables()
    cloud.sleep(320)
    ((key, _),) = files(s3).items()
    moment = datetime.fromtimestamp(cloud.now() - 20, UTC)
    assert key.startswith(f"p/AWSLogs/{ACCOUNT}/CloudTrail/{US}/{moment:%Y/%m/%d}/{ACCOUNT}_CloudTrail_{US}_") and key.endswith(".json.gz")
    assert "CreateQueue" in [e["eventName"] for e in events(s3)] and "ListTables" not in [e["eventName"] for e in events(s3)]
    assert ct.get_trail_status(Name="main")["LatestDeliveryTime"]
    ct.stop_logging(Name="main")
    cloud.client("sqs", key=ACCOUNT).create_queue(QueueName="late")
    cloud.sleep(320)
    assert "late" not in json.dumps(events(s3))


def test_a_trail_of_all_regions_has_the_events_of_each_and_of_none(cloud, ct, s3):
    trail(ct, IsMultiRegionTrail=True)
    cloud.sleep(1)
    cloud.client("dynamodb", EU, key=ACCOUNT).list_tables()
    cloud.client("iam", key=ACCOUNT).create_user(UserName="alice")
    cloud.sleep(700)
    where = {e["eventName"]: e["awsRegion"] for e in events(s3)}
    assert (where["ListTables"], where["CreateUser"]) == (EU, US)
    assert any(f"/CloudTrail/{EU}/" in key for key in files(s3))


def test_events_of_data_are_kept_where_a_trail_asks_for_them(cloud, ct, s3):
    trail(ct)
    s3.create_bucket(Bucket="other-box")
    chosen = {"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::other-box/in/"]}
    ct.put_event_selectors(TrailName="main", EventSelectors=[{"ReadWriteType": "WriteOnly", "IncludeManagementEvents": False, "DataResources": [chosen]}])
    for key in ("in/a", "out/a"):
        s3.put_object(Bucket="other-box", Key=key, Body=b"x")
        s3.get_object(Bucket="other-box", Key=key)
    cloud.sleep(320)
    (event,) = events(s3)
    assert (event["eventName"], event["eventCategory"], event["managementEvent"]) == ("PutObject", "Data", False)
    assert event["resources"][0]["ARN"] == "arn:aws:s3:::other-box/in/a"


def test_advanced_selectors_choose_by_any_of_their_fields(cloud, ct, s3):
    trail(ct)
    fields = [
        {"Field": "eventCategory", "Equals": ["Data"]}, {"Field": "resources.type", "Equals": ["AWS::DynamoDB::Table"]},
        {"Field": "eventName", "NotStartsWith": ["Get"]},
    ]  # fmt: skip
    ct.put_event_selectors(TrailName="main", AdvancedEventSelectors=[{"Name": "items", "FieldSelectors": fields}])
    table = cloud.client("dynamodb", key=ACCOUNT)
    key = {"AttributeName": "pk", "KeyType": "HASH"}
    table.create_table(
        TableName="tab", BillingMode="PAY_PER_REQUEST", KeySchema=[key], AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}]
    )
    cloud.sleep(5)
    table.put_item(TableName="tab", Item={"pk": {"S": "a"}})
    table.get_item(TableName="tab", Key={"pk": {"S": "a"}})
    cloud.sleep(320)
    assert [e["eventName"] for e in events(s3)] == ["PutItem"]


def test_what_advanced_selectors_may_look_at(ct, s3):
    """https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_AdvancedFieldSelector.html"""
    trail(ct)

    def put(category: str, *others: tuple[str, str]):
        fields = [{"Field": name, "Equals": [value]} for name, value in (("eventCategory", category), *others)]
        return {"TrailName": "main", "AdvancedEventSelectors": [{"FieldSelectors": fields}]}

    ct.put_event_selectors(**put("Management", ("eventSource", "kms.amazonaws.com"), ("readOnly", "true")))
    bucket = ("resources.type", "AWS::S3::Object")
    for wrong in (
        put("Data"), put("Data", bucket, ("f", "x")), put("Management", ("eventName", "CreateBucket")), put("Management", bucket), put("Others"),
    ):  # fmt: skip
        assert refused_code(ct.put_event_selectors, **wrong) == "InvalidEventSelectorsException"
    # The texts: https://github.com/badmintoncryer/cdk-preflight (rules/cloudtrail).
    basic = [{"DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::box/"]}]}]
    many = [{"DataResources": [{"Type": "AWS::S3::Object", "Values": [f"arn:aws:s3:::box/{n}" for n in range(251)]}]}]
    bare = [{"DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::box"]}]}]
    for said, text in (
        (put("Management", bucket), "The following field is not allowed when the eventCategory field value equals Management: resources.type"),
        (put("Management") | {"EventSelectors": basic}, "You can select events by using either EventSelectors or AdvancedEventSelectors, but not both"),
        ({"TrailName": "main", "EventSelectors": many}, r"Specify a valid number of DataResources.Values \(0 to 250\) for all your selectors"),
        ({"TrailName": "main", "EventSelectors": bare}, "Value arn:aws:s3:::box for DataResources.Values is invalid"),
    ):
        with pytest.raises(ClientError, match=f"InvalidEventSelectorsException.*: {text}$"):
            ct.put_event_selectors(**said)
    for unbuilt in (put("Data", bucket, ("eventType", "AwsApiCall")), put("NetworkActivity", ("eventSource", "kms.amazonaws.com"))):
        assert refused_code(ct.put_event_selectors, **unbuilt) == "NotImplemented"


def test_who_listens_is_told_of_each_file(cloud, ct, s3):
    sns, sqs, logs, iam = (cloud.client(name, key=ACCOUNT) for name in ("sns", "sqs", "logs", "iam"))
    url, topic = sqs.create_queue(QueueName="q")["QueueUrl"], sns.create_topic(Name="t")["TopicArn"]
    allow = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(allow)})
    statement = {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "sns:Publish", "Resource": topic}
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps({"Version": "2012-10-17", "Statement": statement}))
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{US}:{ACCOUNT}:q", Attributes={"RawMessageDelivery": "true"})
    logs.create_log_group(logGroupName="g")
    trust = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "sts:AssumeRole"}}
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    may = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "logs:*", "Resource": "*"}}
    iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=json.dumps(may))
    group = f"arn:aws:logs:{US}:{ACCOUNT}:log-group:g:*"
    trail(ct, SnsTopicName="t", CloudWatchLogsLogGroupArn=group, CloudWatchLogsRoleArn=role)
    cloud.sleep(320)
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    assert json.loads(message["Body"])["s3ObjectKey"] == list(files(s3))
    told = logs.get_log_events(logGroupName="g", logStreamName=f"{ACCOUNT}_CloudTrail_{US}")["events"]
    assert {json.loads(each["message"])["eventID"] for each in told} == {e["eventID"] for e in events(s3)}


def test_a_kill_loses_no_event_and_doubles_none(cloud, ct, s3):
    trail(ct)
    sqs = cloud.client("sqs", key=ACCOUNT)
    for number in range(8):
        sqs.create_queue(QueueName=f"q{number}")
        cloud.sleep(110)
        cloud.restart(kill=True)
    cloud.sleep(320)
    made = [e["requestParameters"]["queueName"] for e in events(s3) if e["eventName"] == "CreateQueue"]
    assert sorted(made) == [f"q{number}" for number in range(8)]


def verified(s3, ct, digest_key: str) -> dict:
    """A digest whose signature and files are what they say: the custom validation of
    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-custom-validation.html"""
    stored = s3.get_object(Bucket=BUCKET, Key=digest_key)
    whole = gzip.decompress(stored["Body"].read())
    digest = json.loads(whole)
    text = "\n".join((
        digest["digestEndTime"], f"{digest['digestS3Bucket']}/{digest['digestS3Object']}", hashlib.sha256(whole).hexdigest(),
        digest["previousDigestSignature"] or "null",
    ))  # fmt: skip
    keys = {key["Fingerprint"]: key["Value"] for key in ct.list_public_keys()["PublicKeyList"]}
    der = keys[digest["digestPublicKeyFingerprint"]]
    pem = b"-----BEGIN RSA PUBLIC KEY-----\n" + base64.encodebytes(der) + b"-----END RSA PUBLIC KEY-----\n"
    signature = bytes.fromhex(stored["Metadata"]["signature"])
    serialization.load_pem_public_key(pem).verify(signature, text.encode(), padding.PKCS1v15(), hashes.SHA256())
    for file in digest["logFiles"]:
        body = gzip.decompress(s3.get_object(Bucket=BUCKET, Key=file["s3Object"])["Body"].read())
        assert hashlib.sha256(body).hexdigest() == file["hashValue"]
    return digest


def test_digests_are_signed_and_hang_together(cloud, ct, s3):
    trail(ct, EnableLogFileValidation=True)
    for _ in range(3):
        cloud.client("sqs", key=ACCOUNT).list_queues()
        cloud.sleep(3_700)
    digests = [verified(s3, ct, key) for key in sorted(files(s3, "CloudTrail-Digest/"))]
    assert len(digests) == 3 and digests[0]["previousDigestS3Object"] is None
    for before, after in zip(digests, digests[1:]):
        assert (after["previousDigestS3Object"], after["digestStartTime"]) == (before["digestS3Object"], before["digestEndTime"])
    named = [file["s3Object"] for digest in digests for file in digest["logFiles"]]
    assert named and set(named) <= set(files(s3))
    key = digests[0]["digestS3Object"]
    stored = s3.get_object(Bucket=BUCKET, Key=key)
    s3.put_object(Bucket=BUCKET, Key=key, Body=gzip.compress(gzip.decompress(stored["Body"].read()).replace(b"1", b"2")), Metadata=stored["Metadata"])
    with pytest.raises((InvalidSignature, ClientError, KeyError)):
        verified(s3, ct, key)


class _Keys:
    """The CLI's own client leaves binary values in base64."""

    def __init__(self, client) -> None:
        self.client = client

    def describe_trails(self, **asked):
        return self.client.describe_trails(**asked)

    def list_public_keys(self, **asked):
        listed = self.client.list_public_keys(**asked)["PublicKeyList"]
        return {"PublicKeyList": [key | {"Value": base64.b64encode(key["Value"])} for key in listed]}


class _Buckets:
    """What the AWS CLI's validator asks for a client of a bucket's region."""

    def __init__(self, client) -> None:
        self.client = client

    def get_client(self, bucket: str):
        return self.client


def test_the_aws_clis_own_validator_accepts_the_chain_and_misses_what_was_taken_away(cloud, ct, s3):
    validation = pytest.importorskip("awscli.customizations.cloudtrail.validation")
    trail(ct, EnableLogFileValidation=True)
    start = datetime.fromtimestamp(cloud.now(), UTC)
    cloud.sleep(4 * 3_600 + 100)
    end, faults = datetime.fromtimestamp(cloud.now(), UTC), []

    def chain() -> list[dict]:
        found = validation.create_digest_traverser(
            trail_arn=ARN, cloudtrail_client=_Keys(ct), organization_client=None, s3_client_provider=_Buckets(s3), trail_source_region=US,
            on_invalid=lambda **fault: faults.append(fault["message"]), on_missing=lambda **fault: faults.append("missing"),
            on_gap=lambda **fault: faults.append("gap"),
        )  # fmt: skip
        return list(found.traverse_digests(start, end))

    digests = chain()
    assert (len(digests), faults) == (4, [])
    s3.delete_object(Bucket=BUCKET, Key=digests[1]["digestS3Object"])
    assert len(chain()) == 3 and faults == ["missing"]


def test_a_trails_files_are_encrypted_under_its_key(cloud, ct, s3):
    kms = cloud.client("kms", key=ACCOUNT)
    key = kms.create_key()["KeyMetadata"]["Arn"]
    with pytest.raises(ClientError, match=f"Insufficient permissions to access S3 bucket {BUCKET} or KMS key {key}.") as error:
        trail(ct, KmsKeyId=key)
    assert error.value.response["Error"]["Code"] == "InsufficientEncryptionPolicyException"
    document = json.loads(kms.get_key_policy(KeyId=key)["Policy"])
    leave = {"StringLike": {"kms:EncryptionContext:aws:cloudtrail:arn": f"arn:aws:cloudtrail:*:{ACCOUNT}:trail/*"}}
    # https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html
    document["Statement"].append(
        {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "kms:GenerateDataKey*", "Resource": "*", "Condition": leave}
    )
    kms.put_key_policy(KeyId=key, Policy=json.dumps(document))
    assert trail(ct, KmsKeyId=key.rpartition("/")[2], EnableLogFileValidation=True)["KmsKeyId"] == key
    assert ct.describe_trails()["trailList"][0]["KmsKeyId"] == key
    cloud.client("sqs", key=ACCOUNT).create_queue(QueueName="told-by-the-trail")
    cloud.sleep(3_700)
    (found,) = [name for name, content in files(s3).items() if "told-by-the-trail" in json.dumps(content)]
    head = s3.head_object(Bucket=BUCKET, Key=found)
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key)
    assert files(s3, "CloudTrail-Digest/")
    kms.disable_key(KeyId=key)
    with pytest.raises(ClientError):
        s3.get_object(Bucket=BUCKET, Key=found)
    cloud.sleep(600)
    assert ct.get_trail_status(Name="main")["LatestDeliveryError"]
    assert refused_code(trail, ct=ct, name="second", KmsKeyId=key[:-12] + "000000000000") == "KmsKeyNotFoundException"
    kms.enable_key(KeyId=key)
    ct.update_trail(Name="main", KmsKeyId="")
    assert "KmsKeyId" not in ct.get_trail(Name="main")["Trail"]


def test_some_operations_are_recorded_by_other_names(cloud, ct):
    """Rules and searches ask for these: https://docs.aws.amazon.com/lambda/latest/dg/logging-using-cloudtrail.html,
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-s3-info.html"""
    s3, functions, control = (cloud.client(service, key=ACCOUNT) for service in ("s3", "lambda", "s3control"))
    s3.create_bucket(Bucket="box")
    s3.delete_public_access_block(Bucket="box")
    s3.put_bucket_notification_configuration(Bucket="box", NotificationConfiguration={})
    functions.get_account_settings()
    functions.list_functions()
    assert refused_code(functions.get_policy, FunctionName="none") == "ResourceNotFoundException"
    assert refused_code(control.get_public_access_block, AccountId=ACCOUNT) == "NoSuchPublicAccessBlockConfiguration"
    assert {event["EventName"] for event in ct.lookup_events()["Events"]} == {
        "CreateBucket", "DeleteBucketPublicAccessBlock", "PutBucketNotification", "GetAccountSettings20160819", "ListFunctions20150331",
        "GetPolicy20150331v2", "GetAccountPublicAccessBlock",
    }  # fmt: skip
    found = ct.lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "ListFunctions20150331"}])["Events"]
    assert [event["EventName"] for event in found] == ["ListFunctions20150331"]
