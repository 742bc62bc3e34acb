"""Replication between two regions, seen working: refused as AWS refuses it, repaired, cut apart, killed in the middle.

Exits non-zero if any claim fails.

    python patterns/s3_replication/show.py
"""

import json
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import boto3
from botocore.exceptions import ClientError

HERE = Path(__file__).parent
KUMONIWA = [sys.executable, "-m", "kumoniwa.cli.main"]
SOURCE, TARGET = "us-east-1", "eu-west-1"
PRIMARY, BACKUP = "primary-bucket-us", "backup-bucket-eu"
ARRIVED_WITHIN_S = 60.0


class Cloud:
    def __init__(self, folder):
        command = [*KUMONIWA, "up", "--port", "0", "--data", folder, "--regions", f"{SOURCE},{TARGET}"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        found = re.search(r"http://127\.0\.0\.1:(\d+)", self.process.stdout.readline())
        if not found:
            sys.exit("the cloud did not start")
        self.endpoint = f"http://127.0.0.1:{found[1]}"

    def client(self, service, region):
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return boto3.client(service, endpoint_url=self.endpoint, region_name=region, **keys)

    def deploy(self, template, stack, region):
        command = ["deploy", str(HERE / template), "--stack", stack, "--region", region, "--endpoint", self.endpoint]
        done = subprocess.run([*KUMONIWA, *command], capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{template} was not deployed:\n{done.stdout}{done.stderr}")

    def admin(self, method, path, body=None):
        data = json.dumps(body).encode() if body is not None else b"" if method == "POST" else None
        request = urllib.request.Request(f"{self.endpoint}/_kumoniwa/{path}", method=method, data=data)
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.loads(reply.read() or b"{}")


def holds(claim, is_true):
    print(f"{'holds ' if is_true else 'FAILS '} {claim}", flush=True)
    if not is_true:
        sys.exit(1)


def until(condition):
    """Whether something becomes true soon; a region that is not back yet is asked again."""
    end = time.monotonic() + ARRIVED_WITHIN_S
    while time.monotonic() < end:
        try:
            if condition():
                return True
        except (ClientError, OSError):
            pass
        time.sleep(0.1)
    return False


def refusal(method, **params):
    try:
        method(**params)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"]["Message"]
    return "", ""


def show(cloud):
    east, west = cloud.client("s3", SOURCE), cloud.client("s3", TARGET)
    cloud.deploy("destination.yaml", "backup", TARGET)
    east.create_bucket(Bucket="a-plain-bucket")
    written = json.loads((HERE / "as-written.json").read_text())
    code, text = refusal(east.put_bucket_replication, Bucket="a-plain-bucket", ReplicationConfiguration=written)
    print(f"        as written: {code}: {text}")
    holds("the configuration as written is refused", code == "InvalidRequest" and text.startswith("DeleteMarkerReplication"))
    cloud.deploy("source.yaml", "primary", SOURCE)

    began = time.monotonic()
    put = east.put_object(Bucket=PRIMARY, Key="global-data/k", Body=b"bytes", Metadata={"from": "us"}, Tagging="a=1")
    east.put_object(Bucket=PRIMARY, Key="local/k", Body=b"stays")
    arrived = until(lambda: west.head_object(Bucket=BACKUP, Key="global-data/k"))
    holds(f"an object appears in the other region ({time.monotonic() - began:.1f} s)", arrived)
    got = west.get_object(Bucket=BACKUP, Key="global-data/k")
    known = (got["VersionId"], got["StorageClass"], got["ReplicationStatus"], got["Metadata"], got["TagCount"])
    holds("with its version id, metadata and tags, as REPLICA in STANDARD_IA", known == (put["VersionId"], "STANDARD_IA", "REPLICA", {"from": "us"}, 1))
    completed = until(lambda: east.head_object(Bucket=PRIMARY, Key="global-data/k")["ReplicationStatus"] == "COMPLETED")
    holds("and its source says COMPLETED", completed)
    keys = [each["Key"] for each in west.list_objects_v2(Bucket=BACKUP)["Contents"]]
    holds("other keys stay where they are", keys == ["global-data/k"])

    fault = cloud.admin("POST", "faults", {"fault": "link.cut", "target": {"from": SOURCE, "to": TARGET}})["id"]
    for n in range(50):
        east.put_object(Bucket=PRIMARY, Key=f"global-data/cut{n:02}", Body=b"%d" % n)
    time.sleep(3)
    holds("while the link is cut nothing arrives", len(west.list_objects_v2(Bucket=BACKUP)["Contents"]) == 1)
    cloud.admin("DELETE", f"faults/{fault}")
    healed = time.monotonic()
    arrived = until(lambda: len(west.list_objects_v2(Bucket=BACKUP)["Contents"]) == 51)
    holds(f"once it is healed everything does ({time.monotonic() - healed:.1f} s)", arrived)

    for n in range(50):
        east.put_object(Bucket=PRIMARY, Key=f"global-data/kill{n:02}", Body=b"%d" % n)
    cloud.admin("POST", f"regions/{SOURCE}/kill")
    cloud.admin("POST", f"regions/{SOURCE}/restart")
    arrived = until(lambda: len(west.list_objects_v2(Bucket=BACKUP)["Contents"]) == 101)
    holds("what was acknowledged before the source was killed arrives after its restart", arrived)

    east.delete_object(Bucket=PRIMARY, Key="global-data/k")
    gone = until(lambda: len(west.list_objects_v2(Bucket=BACKUP)["Contents"]) == 100)
    holds("a delete marker follows, and the version beneath it stays", gone and until(lambda: west.head_object(Bucket=BACKUP, Key="global-data/k", VersionId=put["VersionId"])))


def main():
    with tempfile.TemporaryDirectory(prefix="kumoniwa-replication-") as folder:
        cloud = Cloud(folder)
        try:
            show(cloud)
        finally:
            cloud.process.terminate()
            cloud.process.wait(15)


if __name__ == "__main__":
    main()
