"""S3 Control: tags of buckets, and batch jobs that replicate what stands already."""

import json

import pytest
from botocore.exceptions import ClientError
from refusals import refused_code
from replicated_buckets import Pair, allow, grant, make_role, rule

ACCOUNT = "000000000000"
BATCH = "arn:aws:iam::000000000000:role/batch"


@pytest.fixture
def pair(make_cloud):
    cloud = make_cloud("us-east-1", "eu-west-1", "aws-global")
    make_role(cloud)
    iam = cloud.client("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": "batchoperations.s3.amazonaws.com"}, "Action": "sts:AssumeRole"}
    iam.create_role(RoleName="batch", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust}))
    grant(cloud, allow("s3:*"), name="batch")
    return Pair(cloud)


def job(pair, **more) -> str:
    generator = {"SourceBucket": "arn:aws:s3:::here", "EnableManifestOutput": False, "Filter": {"EligibleForReplication": True}}
    params = {
        "AccountId": ACCOUNT, "Operation": {"S3ReplicateObject": {}}, "Report": {"Enabled": False}, "Priority": 1, "RoleArn": BATCH,
        "ConfirmationRequired": False, "ManifestGenerator": {"S3JobManifestGenerator": generator}, "ClientRequestToken": "t",
    } | more  # fmt: skip
    params = {name: value for name, value in params.items() if value is not None}
    return pair.cloud.client("s3control").create_job(**params)["JobId"]


def described(pair, id: str) -> dict:
    return pair.cloud.client("s3control").describe_job(AccountId=ACCOUNT, JobId=id)["Job"]


def test_tags_of_a_bucket_are_told_put_and_taken(cloud):
    s3, control = cloud.client("s3"), cloud.client("s3control")
    s3.create_bucket(Bucket="tagged")
    for arn in ("arn:aws:s3:::tagged", "arn:aws:s3:us-east-1:000000000000:bucket/tagged"):
        assert control.list_tags_for_resource(AccountId=ACCOUNT, ResourceArn=arn)["Tags"] == []
        control.tag_resource(AccountId=ACCOUNT, ResourceArn=arn, Tags=[{"Key": "a", "Value": "1"}])
        assert s3.get_bucket_tagging(Bucket="tagged")["TagSet"] == [{"Key": "a", "Value": "1"}]
        control.untag_resource(AccountId=ACCOUNT, ResourceArn=arn, TagKeys=["a"])
    assert refused_code(control.list_tags_for_resource, AccountId=ACCOUNT, ResourceArn="arn:aws:s3:::nowhere") == "NoSuchResource"


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ([{"Key": "aws:a", "Value": "1"}], "InvalidTag"),
        ([{"Key": "a", "Value": "1"}] * 2, "InvalidTag"),
        ([{"Key": "a,b", "Value": "1"}], "InvalidTag"),
        ([{"Key": "a", "Value": "1,2"}], "InvalidTag"),
        ([{"Key": "a"}], "MalformedXML"),
    ],
)
def test_tags_that_are_none_are_refused(cloud, tags, code):
    # Recorded: localstack's TestS3ControlTagging.
    control = cloud.client("s3control", parameter_validation=False)
    cloud.client("s3").create_bucket(Bucket="tagged")
    with pytest.raises(ClientError) as refused:
        control.tag_resource(AccountId=ACCOUNT, ResourceArn="arn:aws:s3:::tagged", Tags=tags)
    assert refused.value.response["Error"]["Code"] == code and "Type" not in refused.value.response["Error"]
    assert control.list_tags_for_resource(AccountId=ACCOUNT, ResourceArn="arn:aws:s3:::tagged")["Tags"] == []


def test_a_bucket_may_be_called_as_the_path_of_s3_control(cloud):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="v20180820")
    s3.put_object(Bucket="v20180820", Key="jobs", Body=b"1")
    assert s3.get_object(Bucket="v20180820", Key="jobs")["Body"].read() == b"1"


def test_a_job_replicates_what_stood_before_the_rules(pair):
    versions = [pair.put("k", body) for body in (b"1", b"2")]
    pair.put("other/k")
    pair.replicate(rule(Filter={"Prefix": "k"}))
    id = job(pair)
    pair.cloud.sleep(30)
    told = described(pair, id)
    assert told["Status"] == "Complete"
    summary = told["ProgressSummary"]
    assert [summary[f"NumberOfTasks{what}"] for what in ("Succeeded", "Failed")] == [2, 0]
    listed = pair.west.list_object_versions(Bucket="there")["Versions"]
    assert [(each["Key"], each["VersionId"]) for each in listed] == [("k", version) for version in reversed(versions)]
    assert pair.status("k") == "COMPLETED"


def test_a_job_tries_again_what_failed(pair):
    grant(pair.cloud, allow("s3:Get*"))
    pair.replicate(rule())
    pair.put("k")
    pair.cloud.sleep(10)
    assert pair.status("k") == "FAILED"
    grant(pair.cloud, allow("s3:*"))
    failed = {"SourceBucket": "arn:aws:s3:::here", "EnableManifestOutput": False, "Filter": {"ObjectReplicationStatuses": ["FAILED"]}}
    id = job(pair, ManifestGenerator={"S3JobManifestGenerator": failed})
    pair.cloud.sleep(30)
    assert described(pair, id)["Status"] == "Complete" and pair.there() == ["k"]


def test_a_manifest_names_the_objects_and_a_report_says_what_came_of_them(pair):
    pair.put("a b")
    pair.put("c")
    pair.replicate(rule(Filter={"Prefix": "a"}))
    version = pair.east.head_object(Bucket="here", Key="a b")["VersionId"]
    listed = f"here,a+b,{version}\nhere,c,\nhere,none,\n".encode()
    etag = pair.east.put_object(Bucket="here", Key="lists/manifest.csv", Body=listed)["ETag"]
    manifest = {"Spec": {"Format": "S3BatchOperations_CSV_20180820", "Fields": ["Bucket", "Key", "VersionId"]},
                "Location": {"ObjectArn": "arn:aws:s3:::here/lists/manifest.csv", "ETag": etag.strip('"')}}  # fmt: skip
    report = {"Enabled": True, "Bucket": "arn:aws:s3:::here", "Prefix": "reports", "Format": "Report_CSV_20180820", "ReportScope": "AllTasks"}
    id = job(pair, ManifestGenerator=None, Manifest=manifest, Report=report)
    pair.cloud.sleep(30)
    told = described(pair, id)
    assert (told["Status"], told["ProgressSummary"]["NumberOfTasksFailed"]) == ("Complete", 2)
    said = json.loads(pair.east.get_object(Bucket="here", Key=f"reports/job-{id}/manifest.json")["Body"].read())
    lines = pair.east.get_object(Bucket="here", Key=said["Results"][0]["Key"])["Body"].read().decode().splitlines()
    assert [line.split(",")[1:4:2] for line in lines] == [["a b", "succeeded"], ["c", "failed"], ["none", "failed"]]
    assert pair.there() == ["a b"]


def test_an_inventory_is_a_manifest(pair):
    pair.put("a b")
    pair.replicate(rule())
    allowed = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "s3:PutObject", "Resource": "arn:aws:s3:::here/*"}
    pair.east.put_bucket_policy(Bucket="here", Policy=json.dumps({"Version": "2012-10-17", "Statement": allowed}))
    place = {"Bucket": "arn:aws:s3:::here", "Format": "CSV", "Prefix": "lists"}
    said = {"Id": "i", "IsEnabled": True, "IncludedObjectVersions": "All", "Schedule": {"Frequency": "Daily"}, "Filter": {"Prefix": "a"},
            "Destination": {"S3BucketDestination": place}}  # fmt: skip
    pair.east.put_bucket_inventory_configuration(Bucket="here", Id="i", InventoryConfiguration=said)
    pair.cloud.sleep(5)
    (key,) = [each["Key"] for each in pair.east.list_objects_v2(Bucket="here")["Contents"] if each["Key"].endswith("manifest.json")]
    etag = pair.east.head_object(Bucket="here", Key=key)["ETag"].strip('"')
    manifest = {"Spec": {"Format": "S3InventoryReport_CSV_20161130"}, "Location": {"ObjectArn": f"arn:aws:s3:::here/{key}", "ETag": etag}}
    id = job(pair, ManifestGenerator=None, Manifest=manifest)
    pair.cloud.sleep(30)
    told = described(pair, id)
    assert (told["Status"], told["ProgressSummary"]["TotalNumberOfTasks"]) == ("Complete", 1)
    assert "a b" in pair.there()
    etag = pair.east.put_object(Bucket="here", Key="rubbish", Body=b"[]")["ETag"].strip('"')
    manifest["Location"] = {"ObjectArn": "arn:aws:s3:::here/rubbish", "ETag": etag}
    failed = job(pair, ManifestGenerator=None, Manifest=manifest, ClientRequestToken="u")
    pair.cloud.sleep(30)
    assert described(pair, failed)["FailureReasons"][0]["FailureCode"] == "InvalidManifest"


def test_a_job_awaits_its_confirmation_and_outlives_its_region(pair):
    pair.put("k")
    pair.replicate(rule())
    id = job(pair, ConfirmationRequired=True)
    pair.cloud.sleep(5)
    assert described(pair, id)["Status"] == "Suspended" and pair.there() == []
    pair.cloud.client("s3control").update_job_status(AccountId=ACCOUNT, JobId=id, RequestedJobStatus="Ready")
    pair.cloud.restart("us-east-1", kill=True)
    pair.cloud.sleep(30)
    assert described(pair, id)["Status"] == "Complete" and pair.there() == ["k"]


def test_a_job_can_be_cancelled_and_others_are_listed(pair):
    control = pair.cloud.client("s3control")
    pair.put("k")
    pair.replicate(rule())
    id = job(pair, ConfirmationRequired=True)
    assert job(pair, ConfirmationRequired=True) == id  # the same token
    pair.cloud.sleep(5)
    control.update_job_status(AccountId=ACCOUNT, JobId=id, RequestedJobStatus="Cancelled")
    assert refused_code(control.update_job_status, AccountId=ACCOUNT, JobId=id, RequestedJobStatus="Ready") == "JobStatusException"
    assert [(each["JobId"], each["Status"]) for each in control.list_jobs(AccountId=ACCOUNT)["Jobs"]] == [(id, "Cancelled")]
    assert refused_code(control.describe_job, AccountId=ACCOUNT, JobId="none-such") == "NoSuchJob"
    other = job(pair, ConfirmationRequired=True, ClientRequestToken="another")
    first = control.list_jobs(AccountId=ACCOUNT, MaxResults=1)
    last = control.list_jobs(AccountId=ACCOUNT, MaxResults=1, NextToken=first["NextToken"])
    assert ([each["JobId"] for page in (first, last) for each in page["Jobs"]], "NextToken" in last) == ([other, id], False)
    assert refused_code(control.list_jobs, AccountId=ACCOUNT, NextToken="none-such") == "InvalidNextTokenException"


def test_without_rights_a_job_fails_and_says_why(pair):
    pair.put("k")
    pair.replicate(rule())
    grant(pair.cloud, allow("s3:GetObject"), name="batch")
    id = job(pair)
    pair.cloud.sleep(10)
    told = described(pair, id)
    assert told["Status"] == "Failed" and "s3:GetReplicationConfiguration" in told["FailureReasons"][0]["FailureReason"]


def test_operations_that_are_not_done_are_refused_by_name(pair):
    control = pair.cloud.client("s3control")
    with pytest.raises(ClientError) as refused:
        job(pair, Operation={"S3PutObjectTagging": {"TagSet": []}})
    error = refused.value.response["Error"]
    assert error["Code"] == "NotImplemented" and "S3PutObjectTagging" in error["Message"]
    assert refused_code(control.list_access_grants_instances, AccountId=ACCOUNT) == "NotImplemented"


# Public access to all buckets of an account ----------------------------------------------------------

CLOSED = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True, "RestrictPublicBuckets": True}


def test_an_accounts_block_of_public_access_is_put_told_and_taken(cloud):
    # Recorded: localstack's TestS3ControlPublicAccessBlock.
    control = cloud.client("s3control")
    assert refused_code(control.get_public_access_block, AccountId=ACCOUNT) == "NoSuchPublicAccessBlockConfiguration"
    assert refused_code(control.put_public_access_block, AccountId=ACCOUNT, PublicAccessBlockConfiguration={}) == "InvalidRequest"
    assert refused_code(control.get_public_access_block, AccountId="111111111111") == "AccessDenied"
    control.put_public_access_block(AccountId=ACCOUNT, PublicAccessBlockConfiguration={"IgnorePublicAcls": True})
    cloud.restart("aws-global", kill=True)
    held = control.get_public_access_block(AccountId=ACCOUNT)["PublicAccessBlockConfiguration"]
    assert held == dict.fromkeys(CLOSED, False) | {"IgnorePublicAcls": True}
    for _ in range(2):
        control.delete_public_access_block(AccountId=ACCOUNT)
    assert refused_code(control.get_public_access_block, AccountId=ACCOUNT) == "NoSuchPublicAccessBlockConfiguration"


def test_what_an_account_blocks_is_blocked_in_every_region_whatever_a_bucket_says(make_cloud):
    cloud = make_cloud("us-east-1", "eu-west-1", "aws-global")
    s3, stranger = cloud.client("s3", "eu-west-1"), cloud.client("s3", "eu-west-1", key="111111111111")
    s3.create_bucket(Bucket="open", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.delete_public_access_block(Bucket="open")
    s3.put_bucket_ownership_controls(Bucket="open", OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]})
    s3.put_object(Bucket="open", Key="by-acl", Body=b"1", ACL="public-read")
    s3.put_object(Bucket="open", Key="by-policy", Body=b"1")
    anybody = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::open/by-policy"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": anybody})
    s3.put_bucket_policy(Bucket="open", Policy=policy)
    for key in ("by-acl", "by-policy"):
        assert stranger.get_object(Bucket="open", Key=key)["Body"].read() == b"1"
    cloud.client("s3control", "us-east-1").put_public_access_block(AccountId=ACCOUNT, PublicAccessBlockConfiguration=CLOSED)
    for key in ("by-acl", "by-policy"):
        assert refused_code(stranger.get_object, Bucket="open", Key=key) == "AccessDenied"
        assert s3.get_object(Bucket="open", Key=key)["Body"].read() == b"1"
    assert refused_code(s3.put_object, Bucket="open", Key="more", ACL="public-read") == "AccessDenied"
    assert refused_code(s3.put_bucket_acl, Bucket="open", ACL="public-read") == "AccessDenied"
    assert refused_code(s3.put_bucket_policy, Bucket="open", Policy=policy) == "AccessDenied"
    cloud.client("s3control", "us-east-1").delete_public_access_block(AccountId=ACCOUNT)
    assert stranger.get_object(Bucket="open", Key="by-acl")["Body"].read() == b"1"
