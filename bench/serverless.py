"""What an event costs and how long it takes, through whole architectures: the patterns' own templates and code.

    python bench/serverless.py [--objects 2000] [--records 20000] [--rounds 3]

* S3 → Lambda → DynamoDB (`patterns/s3_to_table`): each object is an event, an invocation, a read and an item.
* Kinesis → Lambda → S3 (`patterns/stream_to_lake`): each record is an event; batches of up to 100 are an invocation and an object.

Events per second and core: events divided by the processor seconds of Kumoniwa's process and its living descendants, which includes
the functions' own Python and boto3; the share of those is shown beside it. Put to effect: events that come one at a time, from before
the put until somebody who looks every few milliseconds sees the item or the object. Every event is looked for; a missing one ends the benchmark.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from run import Server
from stack import cpu_s

PATTERNS = Path(__file__).parents[1] / "patterns"
sys.path.insert(0, str(PATTERNS))
from stage import Cloud, all_at_once, percentile  # noqa: E402

WAITS = 200
LOOK_S = 0.005


class Meter:
    """Processor seconds of all, and of what is no region and no door: the functions."""

    def __init__(self, server, cloud):
        self.server, self.cloud = server, cloud

    def read(self):
        with urllib.request.urlopen(f"{self.cloud.endpoint}/_kumoniwa/health") as reply:
            region = json.load(reply)["regions"]["us-east-1"]["pid"]
        return cpu_s(self.server.process.pid), cpu_s(region) - own_cpu_s(region)

    def measure(self, count, work):
        """Events per second and core of some work that makes ``count`` of them, and the functions' share of the processor time."""
        before = self.read()
        work()
        total, functions = (after - earlier for after, earlier in zip(self.read(), before))
        return count / total, functions / total


def own_cpu_s(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def must(condition, look_s=0.25):
    """Wait for what must come. Who looks too often would be part of what is measured."""
    end = time.monotonic() + 300
    while not condition():
        if time.monotonic() > end:
            raise SystemExit("some events had no effect")
        time.sleep(look_s)


def waits(put, is_seen):
    """Seconds from before each put until its effect is seen, one event at a time."""
    found = []
    for n in range(WAITS):
        began = time.monotonic()
        put(n)
        while not is_seen(n):
            if time.monotonic() > began + 60:
                raise SystemExit("an event had no effect")
            time.sleep(LOOK_S)
        found.append(time.monotonic() - began)
    return found


def s3_to_table(cloud, meter, asked):
    made = cloud.deploy(PATTERNS / "s3_to_table" / "template.yaml", "s3-to-table")
    s3, dynamodb = cloud.client("s3"), cloud.client("dynamodb")

    def put(key):
        s3.put_object(Bucket=made["Bucket"], Key=key, Body=b'{"amount": 1}')

    def is_there(key):
        return "Item" in dynamodb.get_item(TableName=made["Table"], Key={"key": {"S": key}}, ConsistentRead=True)

    def burst(round_):
        keys = [f"orders/{round_}-{n}.json" for n in range(asked.objects)]
        all_at_once(put, keys, workers=4)
        for key in keys:
            must(lambda key=key: is_there(key))

    put("orders/warm.json")
    must(lambda: is_there("orders/warm.json"))
    found = waits(lambda n: put(f"orders/wait-{n}.json"), lambda n: is_there(f"orders/wait-{n}.json"))
    report("S3 → Lambda → DynamoDB", [meter.measure(asked.objects, lambda n=n: burst(n)) for n in range(asked.rounds)], found)


def stream_to_lake(cloud, meter, asked):
    made = cloud.deploy(PATTERNS / "stream_to_lake" / "template.yaml", "stream-to-lake")
    kinesis, s3 = cloud.client("kinesis"), cloud.client("s3")

    def put(numbers):
        records = [{"Data": json.dumps({"run": "bench", "n": n}).encode(), "PartitionKey": f"key-{n % 64}"} for n in numbers]
        while records:
            batch, records = records[:500], records[500:]
            reply = kinesis.put_records(StreamName=made["Stream"], Records=batch)
            if reply["FailedRecordCount"]:
                # Four shards take four thousand records a second, and refuse the rest as AWS does.
                records += [record for record, said in zip(batch, reply["Records"]) if "ErrorCode" in said]
                time.sleep(0.1)

    def objects():
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=made["Bucket"])
        return [each["Key"] for page in pages for each in page.get("Contents", [])]

    def lines(keys):
        return sum(s3.get_object(Bucket=made["Bucket"], Key=key)["Body"].read().count(b'"run"') for key in keys)

    def burst():
        before = set(objects())
        seen = {}

        def are_all_there():
            for key in set(objects()) - before - set(seen):
                seen[key] = lines([key])
            return sum(seen.values()) == asked.records

        put(range(asked.records))
        must(are_all_there)

    put([0])
    must(objects)
    before = len(objects())
    found = waits(lambda n: put([n]), lambda n: len(objects()) == before + n + 1)
    report("Kinesis → Lambda → S3", [meter.measure(asked.records, burst) for _ in range(asked.rounds)], found)


def report(name, rates, found):
    rate, share = (statistics.median(values) for values in zip(*rates))
    p50, p99 = (1000 * percentile(found, percent) for percent in (50, 99))
    print(f"{name:<24} {rate:>8.0f} events/s per core ({share:.0%} of it in the functions)   put to effect p50 {p50:.0f} ms, p99 {p99:.0f} ms", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", type=int, default=2_000)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kumoniwa-serverless-") as folder:
        server = Server(folder)
        try:
            cloud = Cloud(server.endpoint)
            meter = Meter(server, cloud)
            s3_to_table(cloud, meter, asked)
            stream_to_lake(cloud, meter, asked)
        finally:
            server.process.terminate()
            server.process.wait(30)


if __name__ == "__main__":
    main()
