"""S3 replication: what rules may say, what is replicated and how it is told, and whose rights decide."""

import json

import pytest
from refusals import refused
from replicated_buckets import EVERYTHING, ROLE, Pair, allow, grant, make_role, rule
from services.customer_keys import allow_customer_keys

DAY_S = 86_400


@pytest.fixture
def pair(make_cloud):
    cloud = make_cloud("us-east-1", "eu-west-1", "aws-global")
    make_role(cloud)
    return Pair(cloud)


# What rules may say --------------------------------------------------------------------------------

RTC = {"ReplicationTime": {"Status": "Enabled", "Time": {"Minutes": 15}}}
METRICS = {"Metrics": {"Status": "Enabled", "EventThreshold": {"Minutes": 15}}}


@pytest.mark.parametrize(
    ("said", "code", "text"),
    [
        # Also cdk-preflight's pf-s3-replication-…, of AWS
        ({"DeleteMarkerReplication": None}, "InvalidRequest", "DeleteMarkerReplication must be specified for this version"),
        ({"DeleteMarkerReplication": None, "Priority": None}, "InvalidRequest", "Priority must be specified for this version of Cross Region "
         "Replication configuration schema. Please refer to S3 Developer Guide for more information."),
        ({"Priority": None}, "InvalidRequest", "Priority must be specified for this version"),
        ({"Prefix": "", "Filter": None}, "InvalidRequest", "cannot be used for this version"),
        ({"Prefix": ""}, "MalformedXML", ""),
        ({"Status": "enabled"}, "MalformedXML", ""),
        ({"ID": "x" * 256}, "InvalidArgument", "255"),
        ({"Filter": {"Tag": {"Key": "a", "Value": "b"}}, "DeleteMarkerReplication": {"Status": "Enabled"}}, "InvalidRequest", "Tag filter"),
        ({"Filter": {"And": {"Prefix": "a"}}}, "MalformedXML", ""),
        ({"Destination": {"Bucket": "there"}}, "InvalidArgument", "Invalid bucket ARN"),
        ({"Destination": {"Bucket": "arn:aws:s3:::here"}}, "InvalidRequest", "cannot be the same"),
        ({"Destination": {"Bucket": "arn:aws:s3:::nowhere"}}, "InvalidRequest", "Destination bucket must have versioning enabled."),
        ({"Destination": {"Bucket": "arn:aws:s3:::plain"}}, "InvalidRequest", "must have versioning enabled"),
        ({"Destination": {"Bucket": "arn:aws:s3:::there", "StorageClass": "COLD"}}, "MalformedXML", ""),
        ({"Destination": {"Bucket": "arn:aws:s3:::there", **RTC}}, "InvalidRequest", "Replication destination must contain both ReplicationTime and Metrics or neither."),
        ({"Destination": {"Bucket": "arn:aws:s3:::there", **RTC, "Metrics": {"Status": "Disabled"}}}, "InvalidRequest", "Metrics must be enabled"),
        # https://github.com/crossplane-contrib/provider-aws/issues/1117
        ({"Destination": {"Bucket": "arn:aws:s3:::there", **METRICS}}, "InvalidRequest", "Metrics cannot contain an event threshold"),
        (
            {"Destination": {"Bucket": "arn:aws:s3:::there", "ReplicationTime": {"Status": "Enabled", "Time": {"Minutes": 5}}, **METRICS}},
            "InvalidArgument", "Invalid time minute value",
        ),
        ({"Destination": {"Bucket": "arn:aws:s3:::there", "AccessControlTranslation": {"Owner": "Destination"}}}, "InvalidArgument",
         "Account must be specified if the Owner in AccessControlTranslation has a value"),
        ({"ExistingObjectReplication": {"Status": "Enabled"}}, "InvalidRequest", "Batch"),
        # https://github.com/hashicorp/terraform-provider-aws/issues/26241
        (
            {"Destination": {"Bucket": "arn:aws:s3:::there", "EncryptionConfiguration": {"ReplicaKmsKeyID": "k"}}},
            "InvalidRequest", "SseKmsEncryptedObjects must be specified if EncryptionConfiguration is present.",
        ),
        ({"SourceSelectionCriteria": {"SseKmsEncryptedObjects": {"Status": "Enabled"}}}, "InvalidRequest", "ReplicaKmsKeyID must be specified"),
        ({"SourceSelectionCriteria": {"SseKmsEncryptedObjects": {"Status": "On"}}}, "MalformedXML", ""),
    ],
)  # fmt: skip
def test_rules_that_aws_refuses_are_refused(pair, said, code, text):
    pair.east.create_bucket(Bucket="plain")
    wanted = {name: value for name, value in (rule() | said).items() if value is not None}
    config = {"Role": ROLE, "Rules": [wanted]}
    told = refused(pair.east.put_bucket_replication, Bucket="here", ReplicationConfiguration=config)
    assert told[0] == code and text in told[1]


def test_a_role_is_an_arn_that_the_caller_may_pass(pair):
    for role in ("arn:aws:iam::account:role/replication-role", "replicator"):
        told = refused(pair.east.put_bucket_replication, Bucket="here", ReplicationConfiguration={"Role": role, "Rules": [rule()]})
        assert told[0] == "InvalidArgument"
    iam = pair.cloud.client("iam")
    iam.create_user(UserName="clerk")
    document = json.dumps({"Version": "2012-10-17", "Statement": allow("s3:*")})
    iam.put_user_policy(UserName="clerk", PolicyName="p", PolicyDocument=document)
    key = iam.create_access_key(UserName="clerk")["AccessKey"]
    clerk = pair.cloud.client("s3", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    told = refused(clerk.put_bucket_replication, Bucket="here", ReplicationConfiguration={"Role": ROLE, "Rules": [rule()]})
    assert told[0] == "AccessDenied" and "iam:PassRole" in told[1]


def test_both_buckets_keep_versions_and_the_source_goes_on_to(pair):
    assert refused(pair.east.get_bucket_replication, Bucket="here")[0] == "ReplicationConfigurationNotFoundError"
    pair.east.create_bucket(Bucket="plain")
    told = refused(pair.east.put_bucket_replication, Bucket="plain", ReplicationConfiguration={"Role": ROLE, "Rules": [rule()]})
    assert told == ("InvalidRequest", "Versioning must be 'Enabled' on the bucket to apply a replication configuration")
    pair.replicate(rule())
    kept = pair.east.get_bucket_replication(Bucket="here")["ReplicationConfiguration"]
    assert kept == {"Role": ROLE, "Rules": [rule()]}
    told = refused(pair.east.put_bucket_versioning, Bucket="here", VersioningConfiguration={"Status": "Suspended"})
    assert told[0] == "InvalidBucketState"
    pair.east.delete_bucket_replication(Bucket="here")
    assert refused(pair.east.get_bucket_replication, Bucket="here")[0] == "ReplicationConfigurationNotFoundError"


def test_ids_and_priorities_are_unique(pair):
    twice = {"Role": ROLE, "Rules": [rule(1), rule(2, ID="r1")]}
    assert refused(pair.east.put_bucket_replication, Bucket="here", ReplicationConfiguration=twice)[0] == "InvalidArgument"
    twice = {"Role": ROLE, "Rules": [rule(1), rule(2, Priority=1)]}
    assert "priority" in refused(pair.east.put_bucket_replication, Bucket="here", ReplicationConfiguration=twice)[1]


# What is replicated --------------------------------------------------------------------------------


def test_a_version_arrives_with_all_that_is_known_of_it(pair):
    pair.replicate(rule(Destination={"StorageClass": "STANDARD_IA"}))
    version = pair.put("k", b"bytes", Metadata={"m": "v"}, ContentType="text/x", Tagging="t=1", CacheControl="no-cache")
    assert pair.status("k") == "PENDING" and pair.there() == []
    pair.cloud.sleep(10)
    assert pair.status("k") == "COMPLETED"
    source, got = pair.east.head_object(Bucket="here", Key="k"), pair.west.get_object(Bucket="there", Key="k")
    assert got["Body"].read() == b"bytes"
    for member in ("ETag", "VersionId", "LastModified", "ContentType", "CacheControl", "Metadata"):
        assert got[member] == source[member]
    assert (got["VersionId"], got["StorageClass"], got["ReplicationStatus"]) == (version, "STANDARD_IA", "REPLICA")
    assert pair.west.get_object_tagging(Bucket="there", Key="k")["TagSet"] == [{"Key": "t", "Value": "1"}]
    applied = [event for event in pair.cloud.events if event["kind"] == "apply"]
    assert [(event["key"], event["version"], event["origin"], event["region"]) for event in applied] == [("k", version, "us-east-1", "eu-west-1")]


def test_only_what_a_filter_means_is_replicated(pair):
    pair.replicate(
        rule(1, Filter={"Prefix": "data/"}),
        rule(2, Filter={"Tag": {"Key": "copy", "Value": "yes"}}),
        rule(3, Filter={"And": {"Prefix": "logs/", "Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]}}),
        rule(4, Filter={"Prefix": "off/"}, Status="Disabled"),
    )
    pair.put("data/1")
    pair.put("other")
    pair.put("tagged", Tagging="copy=yes")
    pair.put("logs/half", Tagging="a=1")
    pair.put("logs/both", Tagging="b=2&a=1")
    pair.put("off/1")
    pair.cloud.sleep(10)
    assert pair.there() == ["data/1", "logs/both", "tagged"]
    assert pair.status("other") is None


def test_of_several_rules_for_one_destination_the_highest_priority_decides(pair):
    pair.replicate(
        rule(1, Destination={"StorageClass": "STANDARD_IA"}),
        rule(9, Filter={"Prefix": "hot/"}, Destination={"StorageClass": "STANDARD"}),
    )
    pair.put("hot/1")
    pair.put("cold")
    pair.cloud.sleep(10)
    assert "StorageClass" not in pair.west.head_object(Bucket="there", Key="hot/1")
    assert pair.west.head_object(Bucket="there", Key="cold")["StorageClass"] == "STANDARD_IA"


def test_one_bucket_may_have_several_destinations_here_and_there(pair):
    pair.east.create_bucket(Bucket="beside")
    pair.east.put_bucket_versioning(Bucket="beside", VersioningConfiguration={"Status": "Enabled"})
    pair.replicate(rule(1), rule(2, "beside"))
    pair.put("k", b"x")
    pair.cloud.sleep(10)
    assert pair.status("k") == "COMPLETED" and pair.there() == ["k"]
    assert pair.east.get_object(Bucket="beside", Key="k")["Body"].read() == b"x"


@pytest.mark.parametrize("more", [{}, {"ServerSideEncryption": "AES256"}])
def test_large_and_encrypted_bodies_arrive_whole(pair, more):
    pair.replicate(rule())
    body = bytes(range(256)) * 12_000
    pair.put("large", body, **more)
    pair.put("small", b"small", **more)
    pair.cloud.sleep(10)
    assert pair.west.get_object(Bucket="there", Key="large")["Body"].read() == body
    assert pair.west.get_object(Bucket="there", Key="small")["Body"].read() == b"small"
    assert pair.west.head_object(Bucket="there", Key="large")["ServerSideEncryption"] == "AES256"


def test_what_a_client_encrypted_is_opened_by_its_key_there_too(pair):
    pair.replicate(rule())
    secret = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32}
    allow_customer_keys(pair.east, "here")
    pair.put("early", b"secret", **secret)
    pair.cloud.sleep(10)
    # The destination blocks it: https://docs.aws.amazon.com/AmazonS3/latest/userguide/blocking-unblocking-s3-c-encryption-gpb.html
    assert pair.east.head_object(Bucket="here", Key="early", **secret)["ReplicationStatus"] == "FAILED"
    allow_customer_keys(pair.west, "there")
    body = b"secret" * 30_000
    pair.put("large", body, **secret)
    pair.put("small", b"secret", **secret)
    pair.cloud.sleep(10)
    assert pair.west.get_object(Bucket="there", Key="large", **secret)["Body"].read() == body
    assert pair.west.get_object(Bucket="there", Key="small", **secret)["Body"].read() == b"secret"
    assert refused(pair.west.get_object, Bucket="there", Key="small")[0] == "InvalidRequest"


def test_an_object_of_parts_keeps_them(pair):
    pair.replicate(rule())
    part = b"p" * (5 << 20)
    upload = pair.east.create_multipart_upload(Bucket="here", Key="k")["UploadId"]
    tags = [
        pair.east.upload_part(Bucket="here", Key="k", UploadId=upload, PartNumber=n, Body=body)["ETag"]
        for n, body in ((1, part), (2, b"end"))
    ]
    parts = {"Parts": [{"PartNumber": n, "ETag": tag} for n, tag in enumerate(tags, 1)]}
    etag = pair.east.complete_multipart_upload(Bucket="here", Key="k", UploadId=upload, MultipartUpload=parts)["ETag"]
    pair.cloud.sleep(10)
    got = pair.west.get_object(Bucket="there", Key="k")
    assert got["ETag"] == etag and got["Body"].read() == part + b"end"
    second = pair.west.get_object(Bucket="there", Key="k", PartNumber=2)
    assert second["Body"].read() == b"end" and second["PartsCount"] == 2


def test_copies_are_replicated_and_what_is_archived_from_the_beginning_is_not(pair):
    pair.replicate(rule())
    pair.put("k")
    pair.east.copy_object(Bucket="here", Key="copy", CopySource="here/k")
    pair.put("cold", StorageClass="GLACIER")
    pair.cloud.sleep(10)
    assert pair.there() == ["copy", "k"]


def test_what_was_there_before_the_rules_stays_where_it_is(pair):
    pair.put("old")
    pair.replicate(rule())
    pair.put("new")
    pair.cloud.sleep(10)
    assert pair.there() == ["new"] and pair.status("old") is None


# Markers and changes -------------------------------------------------------------------------------


@pytest.mark.parametrize(("markers", "left"), [("Enabled", []), ("Disabled", ["k"])])
def test_delete_markers_follow_where_it_is_said(pair, markers, left):
    pair.replicate(rule(markers=markers))
    version = pair.put("k")
    pair.cloud.sleep(10)
    marker = pair.east.delete_object(Bucket="here", Key="k")["VersionId"]
    pair.cloud.sleep(10)
    assert pair.there() == left
    markers_there = pair.west.list_object_versions(Bucket="there").get("DeleteMarkers", [])
    assert [each["VersionId"] for each in markers_there] == ([] if left else [marker])
    # The deletion of a version is never replicated.
    pair.east.delete_object(Bucket="here", Key="k", VersionId=version)
    pair.cloud.sleep(10)
    assert pair.west.get_object(Bucket="there", Key="k", VersionId=version)["Body"].read() == b"1"


def test_rules_of_the_first_form_replicate_markers_always(pair):
    first = {"ID": "v1", "Prefix": "", "Status": "Enabled", "Destination": {"Bucket": "arn:aws:s3:::there"}}
    pair.replicate(first)
    pair.put("k")
    pair.cloud.sleep(10)
    assert pair.there() == ["k"]
    pair.east.delete_object(Bucket="here", Key="k")
    pair.cloud.sleep(10)
    assert pair.there() == []


def test_markers_that_a_lifecycle_puts_are_not_replicated(pair):
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-what-is-isnot-replicated.html
    pair.replicate(rule(markers="Enabled"))
    pair.put("k")
    pair.cloud.sleep(10)
    expire = {"ID": "e", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}
    pair.east.put_bucket_lifecycle_configuration(Bucket="here", LifecycleConfiguration={"Rules": [expire]})
    pair.cloud.sleep(3 * DAY_S)
    assert "Contents" not in pair.east.list_objects_v2(Bucket="here")
    assert pair.there() == ["k"]


def test_changes_of_tags_and_locks_follow(make_cloud):
    cloud = make_cloud("us-east-1", "eu-west-1", "aws-global")
    make_role(cloud)
    pair = Pair(cloud, lock=True)
    pair.replicate(rule())
    version = pair.put("k")
    cloud.sleep(10)
    pair.east.put_object_tagging(Bucket="here", Key="k", Tagging={"TagSet": [{"Key": "t", "Value": "2"}]})
    pair.east.put_object_legal_hold(Bucket="here", Key="k", LegalHold={"Status": "ON"})
    cloud.sleep(10)
    assert pair.west.get_object_tagging(Bucket="there", Key="k")["TagSet"] == [{"Key": "t", "Value": "2"}]
    assert refused(pair.west.delete_object, Bucket="there", Key="k", VersionId=version)[0] == "AccessDenied"
    assert pair.status("k") == "COMPLETED"


def test_changes_of_a_replica_come_back_only_where_it_is_said(pair):
    back = {"SourceSelectionCriteria": {"ReplicaModifications": {"Status": "Enabled"}}}
    pair.replicate(rule())
    west = {"Role": ROLE, "Rules": [rule(1, "here")]}
    pair.west.put_bucket_replication(Bucket="there", ReplicationConfiguration=west)
    pair.put("k")
    pair.cloud.sleep(10)
    new = {"TagSet": [{"Key": "t", "Value": "replicas"}]}
    pair.west.put_object_tagging(Bucket="there", Key="k", Tagging=new)
    pair.cloud.sleep(10)
    assert pair.east.get_object_tagging(Bucket="here", Key="k")["TagSet"] == []
    west["Rules"] = [rule(1, "here", **back)]
    pair.west.put_bucket_replication(Bucket="there", ReplicationConfiguration=west)
    pair.west.put_object_tagging(Bucket="there", Key="k", Tagging=new)
    pair.cloud.sleep(10)
    assert pair.east.get_object_tagging(Bucket="here", Key="k")["TagSet"] == new["TagSet"]


def test_replicas_are_not_replicated_onwards(pair):
    pair.east.create_bucket(Bucket="third")
    pair.east.put_bucket_versioning(Bucket="third", VersioningConfiguration={"Status": "Enabled"})
    pair.replicate(rule(1, "third"))
    pair.east.put_bucket_replication(Bucket="third", ReplicationConfiguration={"Role": ROLE, "Rules": [rule(1, "there")]})
    pair.put("k")
    pair.cloud.sleep(20)
    assert [each["Key"] for each in pair.east.list_objects_v2(Bucket="third")["Contents"]] == ["k"]
    assert pair.there() == []


# Rights --------------------------------------------------------------------------------------------

SOURCE = allow("s3:GetReplicationConfiguration", "s3:ListBucket", "s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl", "s3:GetObjectVersionTagging")
TARGET = allow("s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags")


@pytest.mark.parametrize("missing", ["s3:ListBucket", "s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl", "s3:ReplicateObject", "s3:ReplicateTags", "s3:GetObjectVersionTagging"])
def test_without_a_right_of_its_role_a_replication_fails(pair, missing):
    statements = [{**each, "Action": [action for action in each["Action"] if action != missing]} for each in (SOURCE, TARGET)]
    grant(pair.cloud, *statements)
    pair.replicate(rule())
    pair.put("k", Tagging="a=1")
    pair.cloud.sleep(10)
    assert pair.status("k") == "FAILED" and pair.there() == []
    failed = [event for event in pair.cloud.events if event["kind"] == "replication"]
    assert [event["event"] for event in failed] == ["s3:Replication:OperationFailedReplication"]
    grant(pair.cloud, SOURCE, TARGET)
    pair.put("k2", Tagging="a=1")
    pair.cloud.sleep(10)
    assert pair.status("k2") == "COMPLETED"


def test_a_role_that_does_not_trust_s3_replicates_nothing(pair):
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": trust})
    pair.cloud.client("iam").update_assume_role_policy(RoleName="replicator", PolicyDocument=document)
    pair.replicate(rule())
    pair.put("k")
    pair.cloud.sleep(10)
    assert pair.status("k") == "FAILED"


def test_a_bucket_of_another_account_lets_the_role_in_and_may_own_the_replica(pair):
    theirs = pair.cloud.client("s3", "eu-west-1", key="111111111111")
    theirs.create_bucket(Bucket="theirs", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}, ObjectOwnership="ObjectWriter")
    theirs.put_bucket_versioning(Bucket="theirs", VersioningConfiguration={"Status": "Enabled"})
    override = {"Account": "111111111111", "AccessControlTranslation": {"Owner": "Destination"}}
    pair.replicate(rule(1, "theirs", Destination=override))
    pair.put("before")
    pair.cloud.sleep(10)
    assert pair.status("before") == "FAILED"
    statement = {"Effect": "Allow", "Principal": {"AWS": ROLE}, "Resource": "arn:aws:s3:::theirs/*",
                 "Action": ["s3:ReplicateObject", "s3:ReplicateTags", "s3:ReplicateDelete", "s3:ObjectOwnerOverrideToBucketOwner"]}  # fmt: skip
    theirs.put_bucket_policy(Bucket="theirs", Policy=json.dumps({"Version": "2012-10-17", "Statement": statement}))
    pair.put("after")
    pair.cloud.sleep(10)
    assert pair.status("after") == "COMPLETED"
    assert theirs.get_object(Bucket="theirs", Key="after")["Body"].read() == b"1"
    owner = theirs.get_object_acl(Bucket="theirs", Key="after")["Owner"]["ID"]
    assert owner == theirs.list_buckets()["Owner"]["ID"]
    wrong = {"Role": ROLE, "Rules": [rule(1, "theirs", Destination={**override, "Account": "222222222222"})]}
    assert refused(pair.east.put_bucket_replication, Bucket="here", ReplicationConfiguration=wrong)[0] == "InvalidRequest"


# Time ----------------------------------------------------------------------------------------------


def test_a_pause_and_a_lag_hold_replication_up(pair):
    pair.replicate(rule())
    paused = pair.cloud.fault("replication.pause", {"region": "us-east-1", "bucket": "here"})
    pair.put("k")
    pair.cloud.sleep(60)
    assert pair.there() == [] and pair.status("k") == "PENDING"
    pair.cloud.heal(paused)
    pair.cloud.sleep(5)
    assert pair.there() == ["k"]
    pair.cloud.fault("replication.slow", {"region": "us-east-1"}, lag="30s")
    pair.put("k2")
    pair.cloud.sleep(25)
    assert pair.there() == ["k"]
    pair.cloud.sleep(15)
    assert pair.there() == ["k", "k2"]


def test_what_replication_time_control_misses_is_told(pair):
    pair.replicate(rule(Destination={**RTC, **METRICS}))
    sqs, policy = pair.cloud.client("sqs"), '{"Statement": {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:*", "Resource": "*"}}'
    url = sqs.create_queue(QueueName="told", Attributes={"Policy": policy})["QueueUrl"]
    told = {"QueueArn": "arn:aws:sqs:us-east-1:000000000000:told", "Events": ["s3:Replication:*"]}
    pair.cloud.client("s3").put_bucket_notification_configuration(Bucket="here", NotificationConfiguration={"QueueConfigurations": [told]})

    def records() -> list[dict]:
        found = []
        for each in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
            found += json.loads(each["Body"]).get("Records", [])
        return found

    facts = []
    pair.cloud.regions["us-east-1"].listen(facts.append)
    link = pair.cloud.fault("link.cut", {"from": "us-east-1", "to": "eu-west-1"})
    pair.put("k")
    pair.cloud.sleep(14 * 60)
    assert records() == []
    pair.cloud.sleep(2 * 60)
    [missed] = records()
    assert (missed["eventName"], missed["s3"]["object"]["key"]) == ("Replication:OperationMissedThreshold", "k")
    assert missed["replicationEventData"]["threshold"] == 15
    pair.cloud.heal(link)
    pair.cloud.sleep(30)
    assert pair.status("k") == "COMPLETED"
    assert [record["eventName"] for record in records()] == ["Replication:OperationReplicatedAfterThreshold"]
    metrics = [fact[3] for fact in facts if fact[1] == "Replication Metrics"]
    assert metrics[0]["ReplicationLatency"] > 900


def test_the_report_says_what_waits(pair):
    pair.replicate(rule())
    pair.cloud.fault("replication.pause", {"region": "us-east-1"})
    pair.put("k")
    pair.cloud.sleep(30)
    lag = pair.cloud.regions["us-east-1"].report()["s3_replication"]["here>there"]
    assert lag["pending"] == 1 and 29 < lag["oldest_s"] < 32


# Keys of KMS -------------------------------------------------------------------------------------------


@pytest.fixture
def keys(pair):
    """A key of each region, and a rule that replicates under them."""
    made = {region: pair.cloud.client("kms", region).create_key()["KeyMetadata"]["Arn"] for region in ("us-east-1", "eu-west-1")}
    under_key = {"Destination": {"EncryptionConfiguration": {"ReplicaKmsKeyID": made["eu-west-1"]}}}
    pair.replicate(rule(SourceSelectionCriteria={"SseKmsEncryptedObjects": {"Status": "Enabled"}}, **under_key))
    grant(pair.cloud, EVERYTHING, allow("kms:Decrypt", "kms:GenerateDataKey"))
    return made


def test_what_a_key_protects_is_replicated_under_a_key_of_the_other_region(pair, keys):
    bodies = {"small": b"small and secret", "large": bytes(range(256)) * 12_000}
    for key, body in bodies.items():
        pair.put(key, body, ServerSideEncryption="aws:kms", SSEKMSKeyId=keys["us-east-1"])
    pair.put("plain", b"plain")
    pair.cloud.sleep(10)
    for key, body in bodies.items():
        got = pair.west.get_object(Bucket="there", Key=key)
        assert (got["Body"].read(), got["SSEKMSKeyId"]) == (body, keys["eu-west-1"])
        assert got["ETag"] == pair.east.head_object(Bucket="here", Key=key)["ETag"]
        assert pair.status(key) == "COMPLETED"
    assert pair.west.head_object(Bucket="there", Key="plain")["ServerSideEncryption"] == "AES256"
    pair.cloud.client("kms", "eu-west-1").disable_key(KeyId=keys["eu-west-1"])
    assert refused(pair.west.get_object, Bucket="there", Key="large")[0] == "KMS.DisabledException"
    assert pair.east.get_object(Bucket="here", Key="large")["Body"].read() == bodies["large"]


def test_without_its_rule_what_a_key_protects_stays(pair, keys):
    pair.replicate(rule())
    pair.put("k", b"1", ServerSideEncryption="aws:kms", SSEKMSKeyId=keys["us-east-1"])
    pair.cloud.sleep(10)
    assert pair.there() == [] and pair.status("k") is None


@pytest.mark.parametrize("what", ["may not decrypt", "may not encrypt", "the key is disabled", "the key is gone"])
def test_a_key_that_does_not_serve_makes_the_replication_fail(pair, keys, what):
    kms = pair.cloud.client("kms", "eu-west-1")
    if what == "may not decrypt":
        grant(pair.cloud, EVERYTHING, allow("kms:GenerateDataKey"))
    elif what == "may not encrypt":
        grant(pair.cloud, EVERYTHING, allow("kms:Decrypt"))
    elif what == "the key is disabled":
        kms.disable_key(KeyId=keys["eu-west-1"])
    else:
        kms.schedule_key_deletion(KeyId=keys["eu-west-1"], PendingWindowInDays=7)
    pair.put("k", b"1", ServerSideEncryption="aws:kms", SSEKMSKeyId=keys["us-east-1"])
    pair.cloud.sleep(10)
    assert pair.status("k") == "FAILED" and pair.there() == []


def test_a_kill_in_the_midst_of_a_replication_under_keys_loses_nothing(pair, keys):
    body = bytes(range(256)) * 12_000
    pair.put("k", body, ServerSideEncryption="aws:kms", SSEKMSKeyId=keys["us-east-1"])
    pair.cloud.restart(kill=True)
    pair.cloud.sleep(1)
    pair.cloud.restart("eu-west-1", kill=True)
    pair.cloud.sleep(30)
    assert pair.west.get_object(Bucket="there", Key="k")["Body"].read() == body
