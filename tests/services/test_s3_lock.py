"""Object Lock: retentions, legal holds, bypassing governance, a bucket's default."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from refusals import refused_fully


@pytest.fixture
def s3(cloud):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="vault", ObjectLockEnabledForBucket=True)
    return s3


def after(cloud, **delta) -> datetime:
    return datetime.fromtimestamp(int(cloud.now()), UTC) + timedelta(**delta)


PROTECTED = (403, "AccessDenied", "Access Denied because object protected by object lock.")


def test_a_bucket_with_locks_keeps_versions_and_cannot_stop(s3):
    assert s3.get_bucket_versioning(Bucket="vault")["Status"] == "Enabled"
    assert s3.get_object_lock_configuration(Bucket="vault")["ObjectLockConfiguration"] == {"ObjectLockEnabled": "Enabled"}
    status, code, _ = refused_fully(s3.put_bucket_versioning, Bucket="vault", VersioningConfiguration={"Status": "Suspended"})
    assert (status, code) == (409, "InvalidBucketState")


def test_locks_can_be_given_to_a_bucket_that_keeps_versions(s3):
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-configure.html: existing buckets, since November 2023
    s3.create_bucket(Bucket="plain")
    assert refused_fully(s3.get_object_lock_configuration, Bucket="plain")[:2] == (404, "ObjectLockConfigurationNotFoundError")
    wanted = {"ObjectLockEnabled": "Enabled"}
    assert refused_fully(s3.put_object_lock_configuration, Bucket="plain", ObjectLockConfiguration=wanted)[:2] == (409, "InvalidBucketState")
    s3.put_bucket_versioning(Bucket="plain", VersioningConfiguration={"Status": "Enabled"})
    s3.put_object_lock_configuration(Bucket="plain", ObjectLockConfiguration=wanted)
    assert s3.get_object_lock_configuration(Bucket="plain")["ObjectLockConfiguration"] == wanted


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({"Mode": "GOVERNANCE", "Days": 1, "Years": 1}, "MalformedXML"),
        ({"Mode": "GOVERNANCE"}, "MalformedXML"),
        ({"Mode": "governance", "Days": 1}, "MalformedXML"),
        # https://github.com/versity/versitygw/issues/1738 quotes AWS's answer
        ({"Mode": "GOVERNANCE", "Days": 0}, "InvalidArgument"),
        ({"Mode": "COMPLIANCE", "Years": -1}, "InvalidArgument"),
        ({"Mode": "COMPLIANCE", "Days": 36501}, "InvalidArgument"),
    ],
)
def test_a_default_retention_that_makes_no_sense_is_refused(s3, rule, code):
    wanted = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": rule}}
    assert refused_fully(s3.put_object_lock_configuration, Bucket="vault", ObjectLockConfiguration=wanted)[1] == code


def test_the_default_holds_for_everything_that_is_written(cloud, s3):
    rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 2}}
    s3.put_object_lock_configuration(Bucket="vault", ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule})
    put = s3.put_object(Bucket="vault", Key="a", Body=b"1")["VersionId"]
    copy = s3.copy_object(Bucket="vault", Key="b", CopySource="vault/a")["VersionId"]
    upload = s3.create_multipart_upload(Bucket="vault", Key="c")["UploadId"]
    etag = s3.upload_part(Bucket="vault", Key="c", UploadId=upload, PartNumber=1, Body=b"1")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    whole = s3.complete_multipart_upload(Bucket="vault", Key="c", UploadId=upload, MultipartUpload=parts)["VersionId"]
    for key, version in (("a", put), ("b", copy), ("c", whole)):
        kept = s3.get_object_retention(Bucket="vault", Key=key)["Retention"]
        assert kept == {"Mode": "COMPLIANCE", "RetainUntilDate": after(cloud, days=2)}
        assert refused_fully(s3.delete_object, Bucket="vault", Key=key, VersionId=version) == PROTECTED
    cloud.sleep(2 * 86_400 + 1)
    s3.delete_object(Bucket="vault", Key="a", VersionId=put)


def test_a_lock_said_with_the_put_is_told_and_outweighs_the_default(cloud, s3):
    until = after(cloud, days=1)
    s3.put_object(
        Bucket="vault", Key="k", Body=b"1", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until, ObjectLockLegalHoldStatus="ON"
    )
    for told in (s3.get_object(Bucket="vault", Key="k"), s3.head_object(Bucket="vault", Key="k")):
        assert (told["ObjectLockMode"], told["ObjectLockRetainUntilDate"], told["ObjectLockLegalHoldStatus"]) == ("GOVERNANCE", until, "ON")


def test_locks_on_puts_are_checked(cloud, s3):
    put = {"Bucket": "vault", "Key": "k", "Body": b"1"}
    future, past = after(cloud, days=1), after(cloud, days=-1)
    assert refused_fully(s3.put_object, **put, ObjectLockMode="GOVERNANCE")[1] == "InvalidArgument"
    assert refused_fully(s3.put_object, **put, ObjectLockMode="STRICT", ObjectLockRetainUntilDate=future)[2] == "Unknown wormMode directive."
    # https://github.com/versity/versitygw/issues/1734 quotes AWS's answer
    told = refused_fully(s3.put_object, **put, ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=past)
    assert told == (400, "InvalidArgument", "The retain until date must be in the future!")
    s3.create_bucket(Bucket="plain")
    told = refused_fully(s3.put_object, Bucket="plain", Key="k", ObjectLockLegalHoldStatus="ON")
    assert told == (400, "InvalidRequest", "Bucket is missing Object Lock Configuration")
    assert refused_fully(s3.get_object_retention, Bucket="plain", Key="k")[1] == "InvalidRequest"


def test_governance_is_bypassed_by_who_may_and_says_so(cloud, s3):
    until = after(cloud, days=3)
    version = s3.put_object(Bucket="vault", Key="k", Body=b"1", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until)["VersionId"]
    sooner = {"Mode": "GOVERNANCE", "RetainUntilDate": after(cloud, days=1)}
    assert refused_fully(s3.put_object_retention, Bucket="vault", Key="k", Retention=sooner) == PROTECTED
    s3.put_object_retention(Bucket="vault", Key="k", Retention=sooner, BypassGovernanceRetention=True)
    later = {"Mode": "GOVERNANCE", "RetainUntilDate": after(cloud, days=9)}
    s3.put_object_retention(Bucket="vault", Key="k", Retention=later)
    assert s3.get_object_retention(Bucket="vault", Key="k")["Retention"] == later
    # Somebody without the right is refused although they say so.
    iam = cloud.client("iam")
    iam.create_user(UserName="clerk")
    document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*Object*", "Resource": "*"}}
    iam.put_user_policy(UserName="clerk", PolicyName="p", PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName="clerk")["AccessKey"]
    clerk = cloud.client("s3", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    status, code, text = refused_fully(clerk.delete_object, Bucket="vault", Key="k", VersionId=version, BypassGovernanceRetention=True)
    assert (status, code) == (403, "AccessDenied") and "s3:BypassGovernanceRetention" in text
    assert refused_fully(s3.delete_object, Bucket="vault", Key="k", VersionId=version) == PROTECTED
    s3.delete_object(Bucket="vault", Key="k", VersionId=version, BypassGovernanceRetention=True)


def test_what_must_comply_is_bypassed_by_nobody(cloud, s3):
    until = after(cloud, days=3)
    version = s3.put_object(Bucket="vault", Key="k", Body=b"1", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=until)["VersionId"]
    looser = {"Mode": "GOVERNANCE", "RetainUntilDate": after(cloud, days=9)}
    for change in (looser, {"Mode": "COMPLIANCE", "RetainUntilDate": after(cloud, days=1)}, {}):
        assert refused_fully(s3.put_object_retention, Bucket="vault", Key="k", Retention=change, BypassGovernanceRetention=True) == PROTECTED
    named = {"Objects": [{"Key": "k", "VersionId": version}]}
    errors = s3.delete_objects(Bucket="vault", Delete=named, BypassGovernanceRetention=True)["Errors"]
    assert [(each["Code"], each["Message"]) for each in errors] == [PROTECTED[1:]]
    s3.delete_object(Bucket="vault", Key="k")  # a marker on top is always allowed
    assert s3.get_object(Bucket="vault", Key="k", VersionId=version)["Body"].read() == b"1"


def test_root_deletes_what_must_comply_after_its_date_and_not_before(cloud, s3):
    version = s3.put_object(Bucket="vault", Key="k", Body=b"1", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=after(cloud, days=3))["VersionId"]
    early = cloud.fault("clock.skew", {"region": "us-east-1"}, offset=2.999 * 86_400)
    assert refused_fully(s3.delete_object, Bucket="vault", Key="k", VersionId=version, BypassGovernanceRetention=True) == PROTECTED
    cloud.restart(kill=True)
    assert refused_fully(s3.delete_object, Bucket="vault", Key="k", VersionId=version) == PROTECTED
    cloud.heal(early)
    cloud.fault("clock.skew", {"region": "us-east-1"}, offset=3.001 * 86_400)
    s3.delete_object(Bucket="vault", Key="k", VersionId=version)
    assert "Versions" not in s3.list_object_versions(Bucket="vault")


def test_a_legal_hold_stands_until_it_is_lifted(cloud, s3):
    version = s3.put_object(Bucket="vault", Key="k", Body=b"1")["VersionId"]
    assert refused_fully(s3.get_object_legal_hold, Bucket="vault", Key="k")[:2] == (404, "NoSuchObjectLockConfiguration")
    assert refused_fully(s3.get_object_retention, Bucket="vault", Key="k")[:2] == (404, "NoSuchObjectLockConfiguration")
    s3.put_object_legal_hold(Bucket="vault", Key="k", LegalHold={"Status": "ON"})
    cloud.restart(kill=True)
    assert s3.get_object_legal_hold(Bucket="vault", Key="k")["LegalHold"] == {"Status": "ON"}
    assert refused_fully(s3.delete_object, Bucket="vault", Key="k", VersionId=version, BypassGovernanceRetention=True) == PROTECTED
    assert refused_fully(s3.put_object_legal_hold, Bucket="vault", Key="k", LegalHold={"Status": "on"})[1] == "MalformedXML"
    s3.put_object_legal_hold(Bucket="vault", Key="k", LegalHold={"Status": "OFF"})
    s3.delete_object(Bucket="vault", Key="k", VersionId=version)


def test_who_puts_a_lock_needs_the_right_to(cloud, s3):
    iam = cloud.client("iam")
    iam.create_user(UserName="clerk")
    document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}}
    iam.put_user_policy(UserName="clerk", PolicyName="p", PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName="clerk")["AccessKey"]
    clerk = cloud.client("s3", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    clerk.put_object(Bucket="vault", Key="k", Body=b"1")
    text = refused_fully(clerk.put_object, Bucket="vault", Key="k", Body=b"1", ObjectLockLegalHoldStatus="ON")[2]
    assert "s3:PutObjectLegalHold" in text
    until = after(cloud, days=1)
    text = refused_fully(clerk.put_object, Bucket="vault", Key="k", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until)[2]
    assert "s3:PutObjectRetention" in text
