"""A global table, seen working in a cloud of its own: refused as AWS refuses it, repaired, and with one of its regions dead.

Exits non-zero if any claim fails.

    python patterns/global_table/show.py
"""

import os
import re
import subprocess
import sys
import tempfile
import urllib.request

import global_table
from botocore.exceptions import ClientError
from global_table import REGIONS, TABLE

DOOMED, WRITER, READER = REGIONS


def holds(claim, is_true):
    print(f"{'holds ' if is_true else 'FAILS '} {claim}", flush=True)
    if not is_true:
        sys.exit(1)


def refused_as_written(client):
    try:
        client.create_global_table(GlobalTableName=TABLE, ReplicationGroup=[{"RegionName": region} for region in REGIONS])
    except ClientError as error:
        print(f"        as written: {error.response['Error']['Code']}: {error.response['Error']['Message']}")
        return error.response["Error"]["Code"] == "TableNotFoundException"
    return False


def region(endpoint, name, what):
    urllib.request.urlopen(f"{endpoint}/_kumoniwa/regions/{name}/{what}", data=b"", timeout=60).read()


def write(client, user_id):
    client.put_item(TableName=TABLE, Item={"user_id": {"S": user_id}, "name": {"S": user_id}})


def show(endpoint):
    by_region = global_table.clients(endpoint)
    holds("what joins no tables is refused", refused_as_written(by_region[DOOMED]))
    holds("a DynamoDB client puts no scaling policy", not hasattr(by_region[DOOMED], "put_scaling_policy"))
    global_table.make_2019(by_region)
    global_table.write_and_watch(by_region)
    holds("each region's writes and deletions are in all, and of three writers of one item the last stands", True)
    write(by_region[DOOMED], "before")
    region(endpoint, DOOMED, "kill")
    write(by_region[WRITER], "meanwhile")
    global_table.until("the other region", lambda: global_table.name_in(by_region[READER], "meanwhile"))
    holds(f"with {DOOMED} dead the others go on", True)
    region(endpoint, DOOMED, "restart")
    global_table.until("what it missed", lambda: global_table.name_in(by_region[DOOMED], "meanwhile"))
    global_table.until("what it had", lambda: all(global_table.name_in(client, "before") for client in by_region.values()))
    holds("back on its data it learns what it missed, and what it had acknowledged is everywhere", True)


def main():
    os.environ.update(AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test")
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "kumoniwa.cli.main", "up", "--port", "0", "--data", folder, "--regions", ",".join(REGIONS)]
        cloud = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            found = re.search(r"http://127\.0\.0\.1:\d+", cloud.stdout.readline())
            if not found:
                sys.exit("the cloud did not start")
            show(found[0])
        except TimeoutError as what:
            holds(f"{what} within {global_table.WITHIN_S:g} s", False)
        finally:
            cloud.terminate()
            cloud.wait(30)


if __name__ == "__main__":
    main()
