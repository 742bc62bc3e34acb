"""Tables exported to S3, and tables made of what lies there."""

from __future__ import annotations

import gzip
import json

import pytest
from botocore.exceptions import ClientError

TABLE, BUCKET = "orders", "exchange-of-orders"


@pytest.fixture
def ddb(cloud):
    return cloud.client("dynamodb")


@pytest.fixture
def s3(cloud):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    return s3


def make(ddb):
    ddb.create_table(
        TableName=TABLE, BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )  # fmt: skip
    ddb.update_continuous_backups(TableName=TABLE, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True})
    return ddb.describe_table(TableName=TABLE)["Table"]["TableArn"]


def exported(cloud, ddb, arn, **more):
    described = ddb.export_table_to_point_in_time(TableArn=arn, S3Bucket=BUCKET, S3Prefix="out", **more)["ExportDescription"]
    assert described["ExportStatus"] == "IN_PROGRESS"
    cloud.sleep(5)
    return ddb.describe_export(ExportArn=described["ExportArn"])["ExportDescription"]


def lines(s3, export):
    summary = json.loads(s3.get_object(Bucket=BUCKET, Key=export["ExportManifest"])["Body"].read())
    listing = s3.get_object(Bucket=BUCKET, Key=summary["manifestFilesS3Key"])["Body"].read()
    found = []
    for line in listing.splitlines():
        entry = json.loads(line)
        body = gzip.decompress(s3.get_object(Bucket=BUCKET, Key=entry["dataFileS3Key"])["Body"].read())
        of_file = [json.loads(item)["Item"] for item in body.splitlines()]
        assert len(of_file) == entry["itemCount"]
        found += of_file
    assert len(found) == summary["itemCount"] == export["ItemCount"]
    return found


def test_an_export_is_the_table_as_it_was(cloud, ddb, s3):
    arn = make(ddb)
    for number in range(500):
        ddb.put_item(TableName=TABLE, Item={"id": {"S": str(number)}, "raw": {"B": b"bar"}})
    cloud.sleep(2)
    moment = int(cloud.now())
    cloud.sleep(2)
    ddb.delete_item(TableName=TABLE, Key={"id": {"S": "0"}})
    export = exported(cloud, ddb, arn, ExportTime=moment)
    assert (export["ExportStatus"], export["ExportFormat"], export["S3Bucket"]) == ("COMPLETED", "DYNAMODB_JSON", BUCKET)
    found = lines(s3, export)
    assert {item["id"]["S"] for item in found} == {str(number) for number in range(500)}
    assert found[0]["raw"] == {"B": "YmFy"}
    assert len(lines(s3, exported(cloud, ddb, arn))) == 499
    assert [e["ExportStatus"] for e in ddb.list_exports(TableArn=arn)["ExportSummaries"]] == ["COMPLETED", "COMPLETED"]


def test_a_token_met_again_begins_no_second_export(cloud, ddb, s3):
    arn = make(ddb)
    one, other = (exported_arn(ddb, arn) for _ in range(2))
    assert one == other
    cloud.sleep(5)
    assert len(ddb.list_exports()["ExportSummaries"]) == 1


def exported_arn(ddb, arn):
    return ddb.export_table_to_point_in_time(TableArn=arn, S3Bucket=BUCKET, ClientToken="once")["ExportDescription"]["ExportArn"]


def test_an_export_goes_on_after_a_kill(cloud, ddb, s3):
    arn = make(ddb)
    ddb.put_item(TableName=TABLE, Item={"id": {"S": "a"}})
    export = ddb.export_table_to_point_in_time(TableArn=arn, S3Bucket=BUCKET)["ExportDescription"]["ExportArn"]
    cloud.restart(kill=True)
    cloud.sleep(15)
    assert len(lines(s3, ddb.describe_export(ExportArn=export)["ExportDescription"])) == 1


def test_exports_are_refused_and_fail_in_aws_words(cloud, ddb, s3):
    # getmoto/moto, verified tests
    arn = make(ddb)
    with pytest.raises(ddb.exceptions.TableNotFoundException, match=f"Table not found: {arn}x"):
        ddb.export_table_to_point_in_time(TableArn=f"{arn}x", S3Bucket=BUCKET)
    described = ddb.export_table_to_point_in_time(TableArn=arn, S3Bucket="no-such-bucket-at-all")["ExportDescription"]
    cloud.sleep(5)
    failed = ddb.describe_export(ExportArn=described["ExportArn"])["ExportDescription"]
    assert (failed["ExportStatus"], failed["FailureCode"]) == ("FAILED", "S3NoSuchBucket")
    assert "The specified bucket does not exist" in failed["FailureMessage"]
    ddb.update_continuous_backups(TableName=TABLE, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False})
    with pytest.raises(ddb.exceptions.PointInTimeRecoveryUnavailableException):
        ddb.export_table_to_point_in_time(TableArn=arn, S3Bucket=BUCKET)


def imported(cloud, ddb, table="again", form="DYNAMODB_JSON", prefix="", **more):
    described = ddb.import_table(
        S3BucketSource={"S3Bucket": BUCKET, "S3KeyPrefix": prefix}, InputFormat=form,
        TableCreationParameters={
            "TableName": table, "BillingMode": "PAY_PER_REQUEST", "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        }, **more,
    )["ImportTableDescription"]  # fmt: skip
    assert described["ImportStatus"] == "IN_PROGRESS"
    cloud.sleep(5)
    return ddb.describe_import(ImportArn=described["ImportArn"])["ImportTableDescription"]


def test_what_was_exported_can_be_imported(cloud, ddb, s3):
    arn = make(ddb)
    for number in range(300):
        ddb.put_item(TableName=TABLE, Item={"id": {"S": str(number)}, "n": {"N": str(number)}})
    export = exported(cloud, ddb, arn)
    prefix = export["ExportManifest"].replace("manifest-summary.json", "data/")
    done = imported(cloud, ddb, prefix=prefix, InputCompressionType="GZIP")
    assert (done["ImportStatus"], done["ImportedItemCount"], done["ErrorCount"]) == ("COMPLETED", 300, 0)
    assert ddb.scan(TableName="again", Select="COUNT")["Count"] == 300
    assert ddb.get_item(TableName="again", Key={"id": {"S": "7"}})["Item"]["n"] == {"N": "7"}


def test_what_is_no_item_is_counted_and_left_out(cloud, ddb, s3):
    # getmoto/moto, verified tests: such an import has FAILED, and its table stays
    s3.put_object(Bucket=BUCKET, Key="a.json", Body=b'{"Item": {"id": {"S": "1"}}}\n{"id": {"S": "2"}}\nnonsense\n{"Item": {"x": {"S": "3"}}}\n')
    done = imported(cloud, ddb)
    assert (done["ImportStatus"], done["ProcessedItemCount"], done["ImportedItemCount"], done["ErrorCount"]) == ("FAILED", 4, 1, 3)
    assert [item["id"]["S"] for item in ddb.scan(TableName="again")["Items"]] == ["1"]


def test_items_may_follow_one_another_in_a_line(cloud, ddb, s3):
    """moto's test_import_table_single_file_with_multiple_items, verified against AWS."""
    items = [json.dumps({"Item": {"id": {"S": str(number)}}}) for number in range(6)]
    s3.put_object(Bucket=BUCKET, Key="a.json", Body="\n".join(items[:3]) + "\n\n" + items[3] + items[4] + "  " + items[5])
    done = imported(cloud, ddb)
    assert (done["ImportStatus"], done["ProcessedItemCount"], done["ImportedItemCount"], done["ErrorCount"]) == ("COMPLETED", 6, 6, 0)
    assert sorted(item["id"]["S"] for item in ddb.scan(TableName="again")["Items"]) == list("012345")


def test_a_table_is_made_of_comma_separated_lines(cloud, ddb, s3):
    s3.put_object(Bucket=BUCKET, Key="a.csv", Body=b"id;name\n1;Ann\n2;Bob\n")
    done = imported(cloud, ddb, form="CSV", InputFormatOptions={"Csv": {"Delimiter": ";"}})
    assert done["ImportStatus"] == "COMPLETED"
    assert {i["id"]["S"]: i["name"]["S"] for i in ddb.scan(TableName="again")["Items"]} == {"1": "Ann", "2": "Bob"}


def test_only_comma_separated_lines_have_options(cloud, ddb):
    """cdk-preflight's pf-dynamodb-import-format-options, of AWS."""
    with pytest.raises(ClientError) as refused:
        imported(cloud, ddb, InputFormatOptions={"Csv": {"Delimiter": ";"}})
    error = refused.value.response["Error"]
    text = "Invalid Request: Unsupported InputFormatOptions for the given input format: DYNAMODB_JSON."
    assert (error["Code"], error["Message"]) == ("ValidationException", text)


def test_an_import_from_no_bucket_leaves_no_table(cloud, ddb):
    described = ddb.import_table(
        S3BucketSource={"S3Bucket": "no-such-bucket-at-all"}, InputFormat="DYNAMODB_JSON",
        TableCreationParameters={
            "TableName": "again", "BillingMode": "PAY_PER_REQUEST", "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        },
    )["ImportTableDescription"]  # fmt: skip
    cloud.sleep(5)
    failed = ddb.describe_import(ImportArn=described["ImportArn"])["ImportTableDescription"]
    assert (failed["ImportStatus"], failed["FailureCode"]) == ("FAILED", "S3NoSuchBucket")
    assert ddb.list_tables()["TableNames"] == []
    assert [i["ImportStatus"] for i in ddb.list_imports()["ImportSummaryList"]] == ["FAILED"]


@pytest.mark.parametrize("encryption", [{}, {"ServerSideEncryption": "AES256"}])
def test_a_table_is_made_of_a_large_object_of_another_region(make_cloud, encryption):
    cloud = make_cloud()
    for region in ("aws-global", "us-east-1", "eu-west-1"):
        cloud.region(region)
    far = cloud.client("s3", "eu-west-1")
    far.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    lines = b"".join(json.dumps({"Item": {"id": {"S": str(number)}, "note": {"S": "n" * 900}}}).encode() + b"\n" for number in range(2_000))
    far.put_object(Bucket=BUCKET, Key="a.json", Body=lines, **encryption)
    done = imported(cloud, cloud.client("dynamodb"), prefix="a")
    assert (done["ImportStatus"], done["ImportedItemCount"], done["ErrorCount"]) == ("COMPLETED", 2_000, 0), done
