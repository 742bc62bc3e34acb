"""What became of a table's items in a period, exported to S3.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html; refusals recorded by ack-api-quirks, October 2026."""

import gzip
import json

import pytest
from refusals import refused

TABLE, BUCKET = "orders", "exchange-of-orders"
SHORT = "Difference between export period from time and export period to time is less than 15 minutes"
EARLY = "Incremental export period from time cannot be less than the table creation time : "


class World:
    def __init__(self, cloud, **more):
        self.cloud, self.ddb, self.s3 = cloud, cloud.client("dynamodb"), cloud.client("s3")
        self.s3.create_bucket(Bucket=BUCKET)
        self.ddb.create_table(
            TableName=TABLE, BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "n", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}, {"AttributeName": "n", "AttributeType": "N"}], **more,
        )  # fmt: skip
        self.arn = self.ddb.describe_table(TableName=TABLE)["Table"]["TableArn"]

    def recover(self):
        self.ddb.update_continuous_backups(TableName=TABLE, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True})

    def put(self, id, **attributes):
        self.ddb.put_item(TableName=TABLE, Item={"id": {"S": id}, "n": {"N": "1"}} | {k: {"S": v} for k, v in attributes.items()})

    def delete(self, id):
        self.ddb.delete_item(TableName=TABLE, Key={"id": {"S": id}, "n": {"N": "1"}})

    def asked(self, start=None, end=None, view=None, **more):
        given = {"ExportFromTime": start, "ExportToTime": end, "ExportViewType": view}
        specification = {name: value for name, value in given.items() if value is not None}
        return {
            "TableArn": self.arn, "S3Bucket": BUCKET, "S3Prefix": "out", "ExportType": "INCREMENTAL_EXPORT",
            "IncrementalExportSpecification": specification, **more,
        }  # fmt: skip

    def export(self, *period, **more):
        made = self.ddb.export_table_to_point_in_time(**self.asked(*period, **more))["ExportDescription"]
        self.cloud.sleep(5)
        return self.ddb.describe_export(ExportArn=made["ExportArn"])["ExportDescription"]

    def read(self, key):
        return self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()

    def changes(self, export):
        """By the item's id, and the summary."""
        summary, found = json.loads(self.read(export["ExportManifest"])), {}
        for line in self.read(summary["manifestFilesS3Key"]).splitlines():
            entry = json.loads(line)
            assert entry["dataFileS3Key"].startswith("out/AWSDynamoDB/data/")
            for each in gzip.decompress(self.read(entry["dataFileS3Key"])).splitlines():
                change = json.loads(each)
                found[change["Keys"]["id"]["S"]] = change
        assert len(found) == summary["itemCount"] == export["ItemCount"]
        return found, summary

    def now(self):
        return int(self.cloud.now())

    def live(self):
        """A period in which something happens, and what happens before and after it."""
        self.recover()
        for id in ("changed", "deleted", "untouched"):
            self.put(id, v="before")
        self.cloud.sleep(60)
        start = self.now()
        self.put("new", v="within")
        self.put("changed", v="within")
        self.cloud.sleep(60)
        self.put("changed", v="at last")
        last = self.cloud.now()
        self.delete("deleted")
        self.put("mayfly", v="within")
        self.delete("mayfly")
        self.cloud.sleep(900)
        end = self.now()
        self.put("changed", v="after")
        self.put("late", v="after")
        self.delete("new")
        self.cloud.sleep(1)
        return start, end, last


@pytest.fixture
def world(cloud):
    return World(cloud)


def image(id, v):
    return {"id": {"S": id}, "n": {"N": "1"}, "v": {"S": v}}


def test_each_item_that_was_written_is_told_once_as_it_was_before_and_after(world):
    start, end, last = world.live()
    export = world.export(start, end)
    found, summary = world.changes(export)
    micros = {"WriteTimestampMicros": {"N": str(round(last * 1_000_000))}}
    key = {"n": {"N": "1"}}
    assert found == {
        "new": {"Metadata": found["new"]["Metadata"], "Keys": {"id": {"S": "new"}} | key, "NewImage": image("new", "within")},
        "changed": {
            "Metadata": micros, "Keys": {"id": {"S": "changed"}} | key, "OldImage": image("changed", "before"), "NewImage": image("changed", "at last"),
        },
        "deleted": {"Metadata": micros, "Keys": {"id": {"S": "deleted"}} | key, "OldImage": image("deleted", "before")},
    }  # fmt: skip
    told = export["IncrementalExportSpecification"]
    assert (told["ExportFromTime"].timestamp(), told["ExportToTime"].timestamp(), told["ExportViewType"]) == (start, end, "NEW_AND_OLD_IMAGES")
    # Each export is billed for 10 MB at least.
    assert (export["ExportStatus"], export["ExportType"], export["BilledSizeBytes"], "ExportTime" in export) == (
        "COMPLETED", "INCREMENTAL_EXPORT", 10_000_000, False,
    )  # fmt: skip
    assert [each["ExportType"] for each in world.ddb.list_exports()["ExportSummaries"]] == ["INCREMENTAL_EXPORT"]
    assert (summary["version"], summary["outputView"], summary["exportType"]) == ("2023-08-01", "NEW_AND_OLD_IMAGES", "INCREMENTAL_EXPORT")
    assert (summary["exportFromTime"][-5:], "exportToTime" in summary, "exportTime" in summary) == (".000Z", True, False)


def test_new_images_alone_leave_a_deletion_its_key(world):
    start, end, _ = world.live()
    found, summary = world.changes(world.export(start, end, "NEW_IMAGE"))
    assert {id: set(change) for id, change in found.items()} == {
        "new": {"Metadata", "Keys", "NewImage"}, "changed": {"Metadata", "Keys", "NewImage"}, "deleted": {"Metadata", "Keys"},
    }  # fmt: skip
    assert summary["outputView"] == "NEW_IMAGE"


def test_an_encrypted_table_s_changes_are_told_open(cloud):
    world = World(cloud, SSESpecification={"Enabled": True, "SSEType": "KMS"})
    start, end, _ = world.live()
    found, _ = world.changes(world.export(start, end))
    assert (found["changed"]["NewImage"], found["deleted"]["OldImage"]) == (image("changed", "at last"), image("deleted", "before"))


def test_one_period_follows_another_without_a_gap(world):
    """Its start is within, its end is not."""
    world.recover()
    start = world.now()
    world.cloud.sleep(900)
    world.put("edge", v="1")
    edge = world.now()
    world.cloud.sleep(900)
    told = [set(world.changes(world.export(*span))[0]) for span in ((start, edge), (edge, edge + 900))]
    assert told == [set(), {"edge"}]


def test_without_an_end_it_is_now(world):
    world.recover()
    start = world.now()
    world.cloud.sleep(899)
    assert refused(world.ddb.export_table_to_point_in_time, **world.asked(start)) == ("InvalidExportTimeException", SHORT)
    world.cloud.sleep(1)
    assert world.export(start)["IncrementalExportSpecification"]["ExportToTime"].timestamp() == start + 900


def test_a_period_is_one_of_fifteen_minutes_to_a_day_that_has_passed(world):
    world.recover()
    made = world.now()
    world.cloud.sleep(3 * 86_400)
    now = world.now()

    def answer(*period):
        code, message = refused(world.ddb.export_table_to_point_in_time, **world.asked(*period))
        assert code == "InvalidExportTimeException"
        return message

    assert answer(now - 899, now) == SHORT
    assert answer(now - 86_401, now).startswith("Difference between export period from time and export period to time is ")
    assert answer(made - 3_600, made + 60).startswith(EARLY + "20")
    assert answer(now - 3_600, now + 60).startswith("Incremental export period to time cannot be greater than the current time : 20")
    assert answer(now, now - 3_600) == "Incremental export period from time should not be greater or equal to incremental export period to time"


def test_what_the_request_says_must_go_together(world):
    world.recover()

    def answer(**said):
        return refused(world.ddb.export_table_to_point_in_time, TableArn=world.arn, S3Bucket=BUCKET, **said)

    span, invalid = {"ExportFromTime": world.now() - 3_600}, "Invalid Request: "
    assert answer(IncrementalExportSpecification=span) == (
        "ValidationException", invalid + "Export Type expected to be Incremental Export when incremental export specification is provided",
    )  # fmt: skip
    assert answer(ExportType="FULL_EXPORT", IncrementalExportSpecification=span) == (
        "ValidationException", invalid + "When Export Type is Full Export , Incremental Export Specification should not be provided",
    )  # fmt: skip
    assert answer(ExportType="INCREMENTAL_EXPORT") == (
        "ValidationException", invalid + "Incremental Export Specification expected when export type is set as Incremental Export",
    )  # fmt: skip
    assert answer(ExportType="INCREMENTAL_EXPORT", IncrementalExportSpecification={"ExportViewType": "NEW_IMAGE"}) == (
        "ValidationException", invalid + "ExportFromTime must be provided in IncrementalExportSpecification",
    )  # fmt: skip
    assert answer(S3SseAlgorithm="AES256", S3SseKmsKeyId="alias/aws/s3") == (
        "ValidationException", invalid + "KMS Key Id is not supported for this encryption type",
    )  # fmt: skip


def test_only_what_recovery_keeps_can_be_told(world):
    world.cloud.sleep(3_600)
    span = world.asked(world.now() - 1_000)
    assert refused(world.ddb.export_table_to_point_in_time, **span)[0] == "PointInTimeRecoveryUnavailableException"
    world.recover()
    assert refused(world.ddb.export_table_to_point_in_time, **span)[0] == "InvalidExportTimeException"


def test_an_export_goes_on_after_a_kill(world):
    start, end, _ = world.live()
    made = world.ddb.export_table_to_point_in_time(**world.asked(start, end))["ExportDescription"]["ExportArn"]
    world.cloud.restart(kill=True)
    world.cloud.sleep(15)
    assert set(world.changes(world.ddb.describe_export(ExportArn=made)["ExportDescription"])[0]) == {"new", "changed", "deleted"}


def test_a_token_stands_for_one_request(world):
    world.recover()
    ask = world.ddb.export_table_to_point_in_time
    one, other = (ask(TableArn=world.arn, S3Bucket=BUCKET, ClientToken="once")["ExportDescription"]["ExportArn"] for _ in range(2))
    assert one == other
    words = "Export conflict: Duplicate request detected with conflicting parameters"
    assert refused(ask, TableArn=world.arn, S3Bucket=BUCKET, S3Prefix="else", ClientToken="once") == ("ExportConflictException", words)


def test_files_lie_under_the_key_that_is_asked_for(cloud, world):
    world.recover()
    world.put("a", v="1")
    key = cloud.client("kms").create_key()["KeyMetadata"]["Arn"]
    kms = {"TableArn": world.arn, "S3Bucket": BUCKET, "S3SseAlgorithm": "KMS"}
    export = world.ddb.export_table_to_point_in_time(**kms, S3SseKmsKeyId=key)["ExportDescription"]
    cloud.sleep(5)
    done = world.ddb.describe_export(ExportArn=export["ExportArn"])["ExportDescription"]
    assert (done["ExportStatus"], done["S3SseAlgorithm"], done["S3SseKmsKeyId"]) == ("COMPLETED", "KMS", key)
    heads = [world.s3.head_object(Bucket=BUCKET, Key=each["Key"]) for each in world.s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert {(head["ServerSideEncryption"], head["SSEKMSKeyId"]) for head in heads} == {("aws:kms", key)}
    summary = json.loads(world.read(done["ExportManifest"]))
    assert (summary["s3SseAlgorithm"], summary["s3SseKmsKeyId"]) == ("KMS", key)
    missing = key.rpartition("/")[0] + "/deadbeef-dead-beef-dead-beefdeadbeef"
    export = world.ddb.export_table_to_point_in_time(**kms, S3SseKmsKeyId=missing)["ExportDescription"]
    cloud.sleep(5)
    failed = world.ddb.describe_export(ExportArn=export["ExportArn"])["ExportDescription"]
    assert (failed["ExportStatus"], failed["FailureCode"]) == ("FAILED", "KmsNotFoundException")


def test_a_moment_that_cannot_be_exported_is_invalid(world):
    world.recover()
    for at in (world.now() - 3_600, world.now() + 3_600):
        answer = refused(world.ddb.export_table_to_point_in_time, TableArn=world.arn, S3Bucket=BUCKET, ExportTime=at)
        assert answer == ("InvalidExportTimeException", "Export Time is invalid")
