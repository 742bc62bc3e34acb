"""Replication between two regions: refused as AWS refuses it, repaired, cut apart, killed in the middle."""

import json
import time
from pathlib import Path

from botocore.exceptions import ClientError
from stage import holds, seconds, until

HERE = Path(__file__).parent
SOURCE, TARGET = "us-east-1", "eu-west-1"
PRIMARY, BACKUP = "primary-bucket-us", "backup-bucket-eu"


def refusal(method, **params):
    try:
        method(**params)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"]["Message"]
    return "", ""


def show(cloud):
    east, west = cloud.client("s3", SOURCE), cloud.client("s3", TARGET)
    cloud.deploy(HERE / "destination.yaml", "backup", TARGET)
    east.create_bucket(Bucket="a-plain-bucket")
    written = json.loads((HERE / "as-written.json").read_text())
    code, text = refusal(east.put_bucket_replication, Bucket="a-plain-bucket", ReplicationConfiguration=written)
    holds("the configuration as written is refused", code == "InvalidRequest" and text.startswith("DeleteMarkerReplication must be specified"), f"{code}: {text}")
    cloud.deploy(HERE / "source.yaml", "primary", SOURCE)

    def copies():
        return [each["Key"] for each in west.list_objects_v2(Bucket=BACKUP).get("Contents", [])]

    put = east.put_object(Bucket=PRIMARY, Key="global-data/k", Body=b"bytes", Metadata={"from": "us"}, Tagging="a=1")
    east.put_object(Bucket=PRIMARY, Key="local/k", Body=b"stays")
    took = until(copies)
    holds("an object appears in the other region", took is not None, seconds(took))
    got = west.get_object(Bucket=BACKUP, Key="global-data/k")
    known = (got["VersionId"], got["StorageClass"], got["ReplicationStatus"], got["Metadata"], got["TagCount"])
    holds("with its version id, metadata and tags, as REPLICA in STANDARD_IA", known == (put["VersionId"], "STANDARD_IA", "REPLICA", {"from": "us"}, 1))
    took = until(lambda: east.head_object(Bucket=PRIMARY, Key="global-data/k")["ReplicationStatus"] == "COMPLETED")
    holds("and its source says COMPLETED", took is not None, seconds(took))
    holds("other keys stay where they are", copies() == ["global-data/k"])

    with cloud.fault("link.cut", {"from": SOURCE, "to": TARGET}):
        for n in range(50):
            east.put_object(Bucket=PRIMARY, Key=f"global-data/cut{n:02}", Body=b"%d" % n)
        time.sleep(3)
        count = len(copies())
    holds("while the link is cut nothing arrives", count == 1, f"{count - 1} of 50 objects")
    took = until(lambda: len(copies()) == 51)
    holds("once it is healed everything does", took is not None, seconds(took))

    for n in range(50):
        east.put_object(Bucket=PRIMARY, Key=f"global-data/kill{n:02}", Body=b"%d" % n)
    cloud.kill_and_restart(SOURCE)
    took = until(lambda: len(copies()) == 101)
    holds("what was acknowledged before the source was killed arrives after its restart", took is not None, seconds(took))

    east.delete_object(Bucket=PRIMARY, Key="global-data/k")
    took = until(lambda: len(copies()) == 100 and west.head_object(Bucket=BACKUP, Key="global-data/k", VersionId=put["VersionId"]))
    holds("a delete marker follows, and the version beneath it stays", took is not None, seconds(took))
