"""Archived objects: what may be asked of them, and asking them back."""

from refusals import refused_status

DAY_S = 86_400


def archived(cloud, kind: str = "GLACIER"):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="cellar")
    s3.put_object(Bucket="cellar", Key="k", Body=b"bytes", StorageClass=kind)
    return s3


def test_an_archived_object_is_known_but_not_read(cloud):
    s3 = archived(cloud)
    assert s3.head_object(Bucket="cellar", Key="k")["StorageClass"] == "GLACIER"
    assert s3.list_objects_v2(Bucket="cellar")["Contents"][0]["StorageClass"] == "GLACIER"
    assert refused_status(s3.get_object, Bucket="cellar", Key="k") == (403, "InvalidObjectState")
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html, Errors
    assert refused_status(s3.copy_object, Bucket="cellar", Key="j", CopySource="cellar/k") == (403, "ObjectNotInActiveTierError")


def test_a_restored_copy_is_at_hand_for_some_days(cloud):
    s3 = archived(cloud)
    assert s3.restore_object(Bucket="cellar", Key="k", RestoreRequest={"Days": 2})["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert s3.get_object(Bucket="cellar", Key="k")["Body"].read() == b"bytes"
    # Days are counted up to a midnight: 2030-01-01 and two days end with the third of January.
    expected = 'ongoing-request="false", expiry-date="Fri, 04 Jan 2030 00:00:00 GMT"'
    assert s3.head_object(Bucket="cellar", Key="k")["Restore"] == expected
    listed = s3.list_objects_v2(Bucket="cellar", OptionalObjectAttributes=["RestoreStatus"])["Contents"][0]
    assert listed["RestoreStatus"]["IsRestoreInProgress"] is False
    assert s3.restore_object(Bucket="cellar", Key="k", RestoreRequest={"Days": 5})["ResponseMetadata"]["HTTPStatusCode"] == 200
    cloud.sleep(3 * DAY_S)
    assert s3.get_object(Bucket="cellar", Key="k")["Body"].read() == b"bytes"
    cloud.restart(kill=True)
    cloud.sleep(4 * DAY_S)
    assert refused_status(s3.get_object, Bucket="cellar", Key="k") == (403, "InvalidObjectState")
    assert "Restore" not in s3.head_object(Bucket="cellar", Key="k")


def test_at_the_real_pace_a_restore_takes_its_hours(make_cloud):
    cloud = make_cloud(pace="real")
    s3 = archived(cloud, "DEEP_ARCHIVE")
    s3.restore_object(Bucket="cellar", Key="k", RestoreRequest={"Days": 1, "GlacierJobParameters": {"Tier": "Standard"}})
    assert s3.head_object(Bucket="cellar", Key="k")["Restore"] == 'ongoing-request="true"'
    assert refused_status(s3.get_object, Bucket="cellar", Key="k") == (403, "InvalidObjectState")
    assert refused_status(s3.restore_object, Bucket="cellar", Key="k", RestoreRequest={"Days": 1}) == (409, "RestoreAlreadyInProgress")
    cloud.sleep(12 * 3600 + 1)
    assert s3.get_object(Bucket="cellar", Key="k")["Body"].read() == b"bytes"


def test_what_cannot_be_restored_is_refused(cloud):
    s3 = archived(cloud, "DEEP_ARCHIVE")
    s3.put_object(Bucket="cellar", Key="warm", Body=b"1")
    assert refused_status(s3.restore_object, Bucket="cellar", Key="warm", RestoreRequest={"Days": 1}) == (403, "InvalidObjectState")
    fast = {"Days": 1, "GlacierJobParameters": {"Tier": "Expedited"}}
    assert refused_status(s3.restore_object, Bucket="cellar", Key="k", RestoreRequest=fast) == (400, "InvalidArgument")
    assert refused_status(s3.restore_object, Bucket="cellar", Key="k", RestoreRequest={"Days": 0}) == (400, "InvalidArgument")
    assert refused_status(s3.restore_object, Bucket="cellar", Key="none", RestoreRequest={"Days": 1}) == (404, "NoSuchKey")
