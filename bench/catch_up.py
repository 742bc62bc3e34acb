"""How long a replica needs to catch up after its link was cut, on a real server: ``python bench/catch_up.py [--cut 60] [--rate 400]``."""

from __future__ import annotations

import argparse
import itertools
import json
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import boto3

HERE, THERE = "us-east-1", "eu-west-1"
TABLE = "orders"
BATCH = 25


def client(port: int, region: str):
    return boto3.client(
        "dynamodb", region_name=region, endpoint_url=f"http://127.0.0.1:{port}", aws_access_key_id="test", aws_secret_access_key="test"
    )


def admin(port: int, method: str, path: str, body: dict | None = None) -> dict:
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(f"http://127.0.0.1:{port}/_kumoniwa/{path}", data, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read())


def make(here, there) -> None:
    here.create_table(
        TableName=TABLE, KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}], BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )  # fmt: skip
    here.update_table(TableName=TABLE, ReplicaUpdates=[{"Create": {"RegionName": THERE}}])
    while here.describe_table(TableName=TABLE)["Table"]["TableStatus"] != "ACTIVE":
        time.sleep(0.1)
    there.describe_table(TableName=TABLE)


def write(here, rate: int, stopping: threading.Event, written: list[str]) -> None:
    numbers, began = itertools.count(), time.monotonic()
    while not stopping.is_set():
        ids = [f"{next(numbers):08}" for _ in range(BATCH)]
        puts = [{"PutRequest": {"Item": {"id": {"S": i}, "body": {"S": "x" * 200}}}} for i in ids]
        here.batch_write_item(RequestItems={TABLE: puts})
        written += ids
        time.sleep(max(0.0, began + len(written) / rate - time.monotonic()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cut", type=float, default=60.0)
    parser.add_argument("--rate", type=int, default=400)
    asked = parser.parse_args()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = subprocess.Popen([sys.executable, "-m", "kumoniwa.cli.main", "up", "--port", str(port)], stdout=subprocess.PIPE, text=True)
    try:
        server.stdout.readline()
        here, there = client(port, HERE), client(port, THERE)
        make(here, there)
        fault = admin(port, "POST", "faults", {"fault": "link.cut", "target": {"from": HERE, "to": THERE}})["id"]
        stopping, written = threading.Event(), []
        writer = threading.Thread(target=write, args=(here, asked.rate, stopping, written))
        writer.start()
        time.sleep(asked.cut)
        admin(port, "DELETE", f"faults/{fault}")
        healed, last = time.monotonic(), written[-1]
        while "Item" not in there.get_item(TableName=TABLE, Key={"id": {"S": last}}):
            time.sleep(0.02)
        took = time.monotonic() - healed
        stopping.set()
        writer.join()
        print(f"cut for {asked.cut:.0f} s under {asked.rate} writes/s: what was written until the link was whole arrived {took:.1f} s later")
    finally:
        server.terminate()
        server.wait(30)


if __name__ == "__main__":
    main()
