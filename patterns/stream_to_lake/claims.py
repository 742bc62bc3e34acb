"""What the pattern claims: soon, side by side, in order for each key; a bad record stands aside; large batches cost less."""

import itertools
import json
import time
from pathlib import Path

from stage import all_at_once, at_once, holds, holds_soon, seconds, until

SHARDS = 4
KEYS = 16


class Lake:
    """The stream at one end, the objects at the other."""

    def __init__(self, cloud, made):
        self.cloud, self.made = cloud, made
        self.kinesis, self.s3 = cloud.client("kinesis"), cloud.client("s3")
        self.read = {}

    def put(self, run, numbers, **more):
        """Records of one run, dealt to the keys in turn."""
        records = [{"Data": json.dumps({"run": run, "n": n, **more}).encode(), "PartitionKey": f"key-{n % KEYS}"} for n in numbers]
        for start in range(0, len(records), 500):
            reply = self.kinesis.put_records(StreamName=self.made["Stream"], Records=records[start : start + 500])
            assert not reply["FailedRecordCount"], reply

    def lines(self, run):
        """What the lake holds of a run."""
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.made["Bucket"]):
            for each in page.get("Contents", []):
                if each["Key"] not in self.read:
                    body = self.s3.get_object(Bucket=self.made["Bucket"], Key=each["Key"])["Body"].read()
                    self.read[each["Key"]] = [{**json.loads(line), "at": at} for at, line in enumerate(body.splitlines())]
        return [line for lines in self.read.values() for line in lines if line["run"] == run]

    def numbers(self, run):
        return {line["n"] for line in self.lines(run)}

    def bring(self, run, numbers, **more):
        """Put a run; answers the seconds until the lake holds it whole, None if it never does."""
        self.put(run, numbers, **more)
        return until(lambda: self.numbers(run) >= set(numbers))

    def batching(self, size, window_s):
        client, uuid = self.cloud.client("lambda"), self.made["Mapping"]
        client.update_event_source_mapping(UUID=uuid, BatchSize=size, MaximumBatchingWindowInSeconds=window_s)
        until(lambda: client.get_event_source_mapping(UUID=uuid)["State"] == "Enabled")

    def invocations(self, run, numbers, least):
        """How many invocations a run takes, put a few records at a time. Logs come a moment later, but at least so many do."""
        before = self.cloud.invocations(self.made["Function"])
        for start in range(0, len(numbers), 10):
            self.put(run, numbers[start : start + 10])
        until(lambda: self.numbers(run) >= set(numbers))
        until(lambda: self.cloud.invocations(self.made["Function"]) >= before + least)
        return self.cloud.invocations(self.made["Function"]) - before


    def asked(self, query):
        """The rows that Athena answers, as texts, without the names of their columns."""
        athena = self.cloud.client("athena")
        context = {"QueryExecutionContext": {"Database": "lake"}, "WorkGroup": self.made["Workgroup"]}
        id_ = athena.start_query_execution(QueryString=query, **context)["QueryExecutionId"]
        until(lambda: athena.get_query_execution(QueryExecutionId=id_)["QueryExecution"]["Status"]["State"] not in ("QUEUED", "RUNNING"))
        execution = athena.get_query_execution(QueryExecutionId=id_)["QueryExecution"]
        assert execution["Status"]["State"] == "SUCCEEDED", execution["Status"]
        rows = athena.get_query_results(QueryExecutionId=id_)["ResultSet"]["Rows"]
        return [[cell.get("VarCharValue") for cell in row["Data"]] for row in rows[1:]], execution["Statistics"]


def show(cloud):
    lake = Lake(cloud, cloud.deploy(Path(__file__).with_name("template.yaml"), "stream-to-lake"))
    took = lake.bring("first", range(KEYS))
    holds("a record becomes a line of an object, the function's cold start and all", took is not None, seconds(took))

    lags = []
    for n in range(10 if cloud.is_short else 100):
        put_at = time.time()
        lake.put(f"lag-{n}", [n])
        until(lambda run=f"lag-{n}": lake.lines(run))
        lags.append(time.time() - put_at)
    holds_soon(cloud, "put to effect within a second", lags)

    side_by_side(cloud, lake)
    order_of_keys(cloud, lake)

    numbers = range(100)
    lake.put("poisoned", numbers[:50])
    lake.kinesis.put_record(StreamName=lake.made["Stream"], Data=b"not JSON", PartitionKey="key-7")
    lake.put("poisoned", numbers[50:])
    took = until(lambda: lake.numbers("poisoned") == set(numbers) and cloud.backlog(lake.made["FailuresUrl"]))
    failures = [json.loads(body) for body in cloud.drained(lake.made["FailuresUrl"])]
    sizes = [failure["KinesisBatchInfo"]["batchSize"] for failure in failures]
    holds("a bad record is halved out of its batch and goes to the failure queue, alone", sizes == [1], f"{failures and failures[0]['requestContext']['condition']}, {seconds(took)}")
    holds("and all others to the lake", lake.numbers("poisoned") == set(numbers), f"{len(lake.numbers('poisoned'))} of {len(numbers)}")

    lake.batching(1, 0)
    numbers = range(50 if cloud.is_short else 200)
    alone = lake.invocations("alone", numbers, len(numbers))
    lake.batching(100, 1)
    together = lake.invocations("together", numbers, SHARDS)
    holds("batches of 100 in a window of a second take fewer invocations than batches of 1", alone >= len(numbers) and together <= alone / 4, f"{together} instead of {alone}")

    lake.batching(10, 0)
    lake.put("killed", range(100), work_s=0.3)
    until(lambda: lake.numbers("killed"))
    had = len(lake.numbers("killed"))
    cloud.kill_and_restart()
    took = until(lambda: lake.numbers("killed") == set(range(100)))
    holds("a region killed in the middle goes on behind its last checkpoint", took is not None, f"{had} lines before, {len(lake.numbers('killed'))} after {seconds(took)}")
    athena_counts(lake)


def athena_counts(lake):
    """What was put, a record known by its run, its key and its number."""
    lake.asked("MSCK REPAIR TABLE clicks")
    rows, statistics = lake.asked("SELECT run, count(DISTINCT key || '/' || cast(n AS varchar)) AS records FROM clicks GROUP BY run")
    counted, put = {run: int(records) for run, records in rows}, {run: len(lake.numbers(run)) for run in ("first", "poisoned", "killed", "order")}
    took = f"{statistics['TotalExecutionTimeInMillis']} ms, {statistics['DataScannedInBytes']:,} bytes scanned"
    holds("Athena counts in the lake what was put into the stream", put.items() <= counted.items(), f"{sum(put.values())} records in {took}")
    _, elsewhere = lake.asked("SELECT count(*) FROM clicks WHERE year = '1999'")
    holds("and reads only the partitions that a query asks for", elsewhere["DataScannedInBytes"] == 0, "0 bytes of another year")


def side_by_side(cloud, lake):
    """Batches that take half a second each, in all shards."""
    lake.bring("slow", range(64), work_s=0.5)
    spans = {(line["shard"], line["began"], line["ended"]) for line in lake.lines("slow")}
    shards = {shard for shard, _, _ in spans}
    together = at_once([span[1:] for span in spans])
    holds(f"{SHARDS} shards are worked on side by side, two batches each", len(shards) == SHARDS and together >= SHARDS, f"{together} at once from {len(shards)} shards")


def order_of_keys(cloud, lake):
    """Keys keep their order, whatever else runs: each of them is put by one writer, all writers at once."""
    count = 5 if cloud.is_short else 100

    def write(key):
        for n in range(count):
            lake.put("order", [key + KEYS * n])

    all_at_once(write, range(KEYS), workers=KEYS)
    took = until(lambda: len(lake.numbers("order")) == KEYS * count)
    out_of_order = 0
    for key in {line["key"] for line in lake.lines("order")}:
        lines = sorted((line for line in lake.lines("order") if line["key"] == key), key=lambda line: (line["began"], line["at"]))
        for one, other in itertools.pairwise(lines):
            is_after = one["ended"] <= other["began"] or (one["began"], one["ended"]) == (other["began"], other["ended"])
            out_of_order += not is_after or one["n"] >= other["n"]
    holds(f"{KEYS * count} records of {KEYS} keys are each worked on after the one before of their key", took is not None and not out_of_order, f"{out_of_order} out of order")
