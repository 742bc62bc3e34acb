"""What size costs: the same calls on little and on a million of everything.

    python bench/large.py [--count 1000000] [--only table,bucket,queue]

A table, a bucket and a queue are filled over the wire, once with a thousand and once with ``--count`` entries; then the same
calls are made at random places of both. The figure is server CPU milliseconds per call (the process and its living
descendants); for a page of a bucket's list also how long its answer takes. Every answer is checked.
"""

import argparse
import asyncio
import json
import random
import re
import shutil
import statistics
import sys
import tempfile
import time

from aws_load import Ctx, Run, drive, parser, resub
from run import Server
from stack import cpu_s

SMALL = 1_000
CONNECTIONS = 8
ROUNDS = 5


class Cloud:
    """A server, and pooled connections that replay signed requests."""

    def __init__(self, folder):
        self.server = Server(folder)
        self.ctx = Ctx(parser().parse_args(["--endpoint", self.server.endpoint, "--workload", "raw_get"]))

    def raw(self, service, operation, **params):
        return self.ctx.raw(service, operation, **params)

    def client(self, service):
        return self.ctx.client(service)

    def compare(self, ops, count):
        """The cost of each op, by name: medians of rounds in which they take turns, after one that warms them."""
        costs = {name: [] for name in ops}
        for _ in range(1 + ROUNDS):
            for name, op in ops.items():
                costs[name].append(self.make(op, count))
        return {name: statistics.median(found[1:]) for name, found in costs.items()}

    def make(self, op, count, connections=CONNECTIONS):
        """Run ``op(i)`` ``count`` times; answers server CPU milliseconds per call. Anything wrong ends the benchmark."""
        run = Run(self.ctx, op, count, 3600)
        before = cpu_s(self.server.process.pid)
        asyncio.run(drive(run, connections))
        if run.ok != count:
            raise SystemExit(f"{run.bad} of {count} wrong: {next(iter(run.errors), '')}")
        return (cpu_s(self.server.process.pid) - before) * 1000 / count


def expecting(want):
    """An op that sends what ``want(i)`` answers first and checks the answer with what it answers second."""

    def op(i):
        request, is_right = want(i)
        status, _, body = yield request
        return None if status == 200 and is_right(bytes(body)) else f"status {status}: {bytes(body[:200])!r}"

    return op


# Tables --------------------------------------------------------------------------------------------


def item(n):
    """Ten to a partition, 400 bytes each."""
    return {"pk": {"S": f"p{n // 10:07d}"}, "sk": {"S": f"s{n % 10}"}, "n": {"N": str(n)}, "data": {"S": "x" * 360}}


def filled_table(cloud, name, count):
    cloud.client("dynamodb").create_table(
        TableName=name, BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")],
    )
    template = cloud.raw("dynamodb", "batch_write_item", RequestItems={name: [{"PutRequest": {"Item": {"pk": {"S": "@@ITEMS@@"}}}}]})
    mark = b'[{"PutRequest": {"Item": {"pk": {"S": "@@ITEMS@@"}}}}]'

    def put(i):
        puts = [{"PutRequest": {"Item": item(n)}} for n in range(i * 25, i * 25 + 25)]
        return resub(template, mark, json.dumps(puts).encode()), lambda body: b'"UnprocessedItems":{}' in body

    cloud.make(expecting(put), count // 25)


def table(cloud, count):
    get = cloud.raw("dynamodb", "get_item", TableName="@@TABLE@@", Key={"pk": {"S": "@@PK@@"}, "sk": {"S": "@@SK@@"}})
    query = cloud.raw(
        "dynamodb", "query", TableName="@@TABLE@@", KeyConditionExpression="pk = :p", ExpressionAttributeValues={":p": {"S": "@@PK@@"}}
    )
    gets, queries = {}, {}
    for name, size in (("small", SMALL), ("large", count)):
        filled_table(cloud, name, size)
        dice = random.Random(size)

        def got(i, name=name, size=size, dice=dice):
            n = dice.randrange(size)
            key = item(n)
            request = resub(resub(get, b"@@TABLE@@", name.encode()), b"@@PK@@", key["pk"]["S"].encode())
            return resub(request, b"@@SK@@", key["sk"]["S"].encode()), lambda body: json.loads(body)["Item"]["n"]["N"] == str(n)

        def found(i, name=name, size=size, dice=dice):
            n = dice.randrange(size // 10)
            request = resub(resub(query, b"@@TABLE@@", name.encode()), b"@@PK@@", f"p{n:07d}".encode())
            return request, lambda body: [each["n"]["N"] for each in json.loads(body)["Items"]] == [str(n * 10 + k) for k in range(10)]

        gets[name], queries[name] = expecting(got), expecting(found)
    show("table: GetItem", count, cloud.compare(gets, 4_000))
    show("table: Query of 10 items", count, cloud.compare(queries, 4_000))


# Buckets -------------------------------------------------------------------------------------------


def bucket(cloud, count):
    client, pages, waited = cloud.client("s3"), {}, []
    for name, size in (("small", SMALL), ("large", count)):
        client.create_bucket(Bucket=f"bench-{name}")
        put = cloud.raw("s3", "put_object", Bucket=f"bench-{name}", Key="AAAAAAAAAA", Body=b"x")
        cloud.make(expecting(lambda i, put=put: (put.replace(b"AAAAAAAAAA", b"k/%08d" % i), lambda body: True)), size)
        ask = cloud.raw("s3", "list_objects_v2", Bucket=f"bench-{name}", StartAfter="AAAAAAAAAA")
        dice = random.Random(size)

        def page(i, ask=ask, size=size, dice=dice):
            n = dice.randrange(max(1, size - 1000))
            began = time.perf_counter()
            status, _, body = yield ask.replace(b"AAAAAAAAAA", b"k/%08d" % n)
            waited.append((time.perf_counter() - began) * 1000)
            listed = re.findall(rb"<Key>k/(\d+)</Key>", bytes(body))
            is_right = status == 200 and [int(each) for each in listed] == list(range(n + 1, min(n + 1001, size)))
            return None if is_right else f"status {status}: {len(listed)} keys after {n}"

        pages[name] = page
    show("bucket: a page of 1,000 keys", count, cloud.compare(pages, 160))
    waited.clear()
    cloud.make(pages["large"], 50, connections=1)
    print(f"{'':32} asked one by one, answered in {statistics.median(waited):.1f} ms (median), {max(waited):.1f} ms (slowest of 50)")


# Queues --------------------------------------------------------------------------------------------


def queue(cloud, count):
    client, takes = cloud.client("sqs"), {}
    for name, size in (("empty", 0), ("small", SMALL * 30), ("large", count)):
        url = client.create_queue(QueueName=name)["QueueUrl"]
        entries = [{"Id": str(n), "MessageBody": f"m{n}" + "y" * 100} for n in range(10)]
        send = cloud.raw("sqs", "send_message_batch", QueueUrl=url, Entries=entries)
        receive = cloud.raw("sqs", "receive_message", QueueUrl=url, MaxNumberOfMessages=1, WaitTimeSeconds=0)
        delete = cloud.raw("sqs", "delete_message", QueueUrl=url, ReceiptHandle="@@HANDLE@@")
        if size:
            cloud.make(expecting(lambda i, send=send: (send, lambda body: body.count(b"MessageId") == 10)), size // 10)

        def taken(i, receive=receive, delete=delete, is_empty=not size):
            status, _, body = yield receive
            found = json.loads(bytes(body)).get("Messages", []) if status == 200 else None
            if is_empty:
                return None if found == [] else f"status {status}"
            if not found:
                return f"status {status}: {bytes(body[:200])!r}"
            status, _, body = yield resub(delete, b"@@HANDLE@@", found[0]["ReceiptHandle"].encode())
            return None if status == 200 else f"status {status}"

        takes[name] = taken
    empty = takes.pop("empty")
    show("queue: receive and delete", count, cloud.compare(takes, 4_000), small_is=SMALL * 30)
    print(f"{'':32} receive from an empty queue: {cloud.compare({'empty': empty}, 4_000)['empty']:.3f} ms")


def show(what, count, costs, small_is=SMALL):
    small, large = costs["small"], costs["large"]
    print(f"{what:32} {small:.3f} ms of {small_is:,}, {large:.3f} ms of {count:,} ({large / small:.2f} times)", flush=True)


def main():
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--count", type=int, default=1_000_000)
    asked.add_argument("--only", default="table,bucket,queue")
    asked = asked.parse_args()
    for what in asked.only.split(","):
        folder = tempfile.mkdtemp()
        cloud = Cloud(folder)
        try:
            {"table": table, "bucket": bucket, "queue": queue}[what](cloud, asked.count)
        finally:
            cloud.server.stop()
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
