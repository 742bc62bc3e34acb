"""Storage class analysis of S3: what is kept and read of objects by their age, told every day in one file that grows.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/analytics-storage-class.html says the columns; no source says the file's name.
"""

import csv
import io
import json

import pytest
from refusals import refused_status

DAY_S, MB = 86_400, 1 << 20
FILE = "told/shop/all.csv"


@pytest.fixture
def s3(cloud):
    s3 = cloud.client("s3")
    for name in ("shop", "books"):
        s3.create_bucket(Bucket=name)
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html, "Grant permissions for S3 Inventory and S3 analytics"
    allowed = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "s3:PutObject", "Resource": "arn:aws:s3:::books/*",
               "Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::shop"},
                             "StringEquals": {"aws:SourceAccount": "000000000000", "s3:x-amz-acl": "bucket-owner-full-control"}}}  # fmt: skip
    s3.put_bucket_policy(Bucket="books", Policy=json.dumps({"Version": "2012-10-17", "Statement": allowed}))
    return s3


def configuration(id: str = "all", target: dict | None = None, **more) -> dict:
    place = {"Bucket": "arn:aws:s3:::books", "Format": "CSV", "Prefix": "told", **(target or {})}
    export = {"OutputSchemaVersion": "V_1", "Destination": {"S3BucketDestination": place}}
    return {"Id": id, "StorageClassAnalysis": {"DataExport": export}, **more}


def configure(s3, **said):
    wanted = configuration(**said)
    return s3.put_bucket_analytics_configuration(Bucket="shop", Id=wanted["Id"], AnalyticsConfiguration=wanted)


def told(s3, key: str = FILE) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(s3.get_object(Bucket="books", Key=key)["Body"].read().decode())))


def test_a_day_is_told_when_it_has_ended_and_the_file_grows(cloud, s3):
    configure(s3)
    s3.put_object(Bucket="shop", Key="big", Body=bytes(MB))
    s3.put_object(Bucket="shop", Key="small", Body=bytes(1024))
    s3.put_object(Bucket="shop", Key="rare", Body=bytes(2 * MB), StorageClass="STANDARD_IA")
    s3.get_object(Bucket="shop", Key="big", Range="bytes=0-524287")["Body"].read()
    assert refused_status(s3.get_object, Bucket="shop", Key="none")[0] == 404
    cloud.sleep(DAY_S - 60)
    assert "Contents" not in s3.list_objects_v2(Bucket="books")
    cloud.sleep(61)
    columns = ("Date", "ConfigId", "StorageClass", "ObjectAge", "ObjectCount", "DataUploaded_MB", "Storage_MB", "DataRetrieved_MB", "GetRequestCount",
               "CumulativeAccessRatio")  # fmt: skip
    assert [tuple(row[name] for name in columns) for row in told(s3)] == [
        ("01-02-2030", "all", "STANDARD", "000-014", "1", "1", "1", "0.5", "1", "0.5"),
        ("01-02-2030", "all", "STANDARD_IA", "000-014", "1", "2", "2", "0", "0", "0"),
        ("01-02-2030", "all", "STANDARD", "ALL", "2", "1.000977", "1.000977", "0.5", "1", "0.499512"),
        ("01-02-2030", "all", "STANDARD_IA", "ALL", "1", "2", "2", "0", "0", "0"),
    ]
    cloud.sleep(DAY_S)
    assert [(row["Date"], row["ObjectAge"], row["DataUploaded_MB"]) for row in told(s3) if row["StorageClass"] == "STANDARD"] == [
        ("01-02-2030", "000-014", "1"), ("01-03-2030", "000-014", "0"), ("01-02-2030", "ALL", "1.000977"), ("01-03-2030", "ALL", "0"),
    ]  # fmt: skip


def test_objects_grow_older_from_group_to_group(cloud, s3):
    configure(s3)
    s3.put_object(Bucket="shop", Key="big", Body=bytes(MB))
    cloud.sleep(15 * DAY_S + 60)
    s3.get_object(Bucket="shop", Key="big")["Body"].read()
    cloud.sleep(DAY_S)
    last = [row for row in told(s3) if row["Date"] == "01-17-2030"]
    assert [(row["ObjectAge"], row["ObjectCount"], row["DataRetrieved_MB"], row["GetRequestCount"]) for row in last] == [
        ("015-029", "1", "1", "1"), ("ALL", "1", "1", "1"),
    ]  # fmt: skip


def test_an_analysis_is_of_what_its_filter_means(cloud, s3):
    configure(s3, id="logs", Filter={"And": {"Prefix": "log/", "Tags": [{"Key": "k", "Value": "v"}]}})
    for key, tagging in (("log/a", "k=v"), ("log/b", "k=w"), ("c", "k=v")):
        s3.put_object(Bucket="shop", Key=key, Body=bytes(MB), Tagging=tagging)
        s3.get_object(Bucket="shop", Key=key)["Body"].read()
    cloud.sleep(DAY_S)
    (row, everything) = told(s3, "told/shop/logs.csv")
    assert (row["ObjectCount"], row["DataUploaded_MB"], row["GetRequestCount"], row["Filter"]) == ("1", "1", "1", "prefix=log/;tag:k=v")
    assert everything["ObjectAge"] == "ALL" and everything["ObjectAgeForSIATransition"] == everything["RecommendedObjectAgeForSIATransition"] == ""


def test_what_was_counted_outlives_the_region(cloud, s3):
    configure(s3)
    s3.put_object(Bucket="shop", Key="big", Body=bytes(MB))
    s3.get_object(Bucket="shop", Key="big")["Body"].read()
    cloud.sleep(1)
    cloud.restart(kill=True)
    s3.get_object(Bucket="shop", Key="big")["Body"].read()
    cloud.sleep(DAY_S)
    assert {row["GetRequestCount"] for row in told(s3)} == {"2"}


def test_days_are_told_later_where_the_destination_did_not_allow_it(cloud, s3):
    policy = s3.get_bucket_policy(Bucket="books")["Policy"]
    s3.delete_bucket_policy(Bucket="books")
    configure(s3)
    s3.put_object(Bucket="shop", Key="big", Body=bytes(MB))
    cloud.sleep(DAY_S)
    assert "Contents" not in s3.list_objects_v2(Bucket="books")
    s3.put_bucket_policy(Bucket="books", Policy=policy)
    cloud.sleep(DAY_S)
    assert [row["Date"] for row in told(s3) if row["ObjectAge"] == "ALL"] == ["01-02-2030", "01-03-2030"]


def test_a_deleted_analysis_tells_no_more_and_one_of_its_name_begins_anew(cloud, s3):
    configure(s3)
    s3.put_object(Bucket="shop", Key="big", Body=bytes(MB))
    cloud.sleep(DAY_S + 1)
    s3.delete_bucket_analytics_configuration(Bucket="shop", Id="all")
    s3.delete_object(Bucket="books", Key=FILE)
    cloud.sleep(DAY_S)
    assert "Contents" not in s3.list_objects_v2(Bucket="books")
    configure(s3)
    cloud.sleep(DAY_S)
    assert [row["Date"] for row in told(s3) if row["ObjectAge"] == "ALL"] == ["01-04-2030"]


def test_configurations_are_kept_told_listed_and_deleted(s3):
    # Recorded: localstack's test_s3_analytics_configurations.
    absent = (404, "NoSuchConfiguration")
    assert refused_status(s3.get_bucket_analytics_configuration, Bucket="shop", Id="all") == absent
    assert refused_status(s3.delete_bucket_analytics_configuration, Bucket="shop", Id="all") == absent
    assert configure(s3, Filter={"Prefix": "a"})["ResponseMetadata"]["HTTPStatusCode"] == 204
    configure(s3, id="other")
    assert s3.get_bucket_analytics_configuration(Bucket="shop", Id="all")["AnalyticsConfiguration"] == configuration(Filter={"Prefix": "a"})
    listed = s3.list_bucket_analytics_configurations(Bucket="shop")
    assert [each["Id"] for each in listed["AnalyticsConfigurationList"]] == ["all", "other"] and listed["IsTruncated"] is False
    s3.delete_bucket_analytics_configuration(Bucket="shop", Id="other")
    assert len(s3.list_bucket_analytics_configurations(Bucket="shop")["AnalyticsConfigurationList"]) == 1


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (configuration(id="other"), "MalformedXML"),
        (configuration(target={"Format": "JSON"}), "MalformedXML"),
        (configuration(Filter={"And": {"Prefix": "a"}}), "MalformedXML"),
        (configuration(target={"Bucket": "books"}), "InvalidS3DestinationBucket"),
    ],
)
def test_configurations_that_cannot_be_are_refused(s3, said, code):
    assert refused_status(s3.put_bucket_analytics_configuration, Bucket="shop", Id="all", AnalyticsConfiguration=said) == (400, code)
