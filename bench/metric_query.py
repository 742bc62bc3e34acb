"""What a metric query over thirty days costs: GetMetricData of a metric that had a value every minute.

    python bench/metric_query.py [--requests 50]

The store is filled first, as a month of PutMetricData leaves it: for fifteen days a point a minute, before that one in five minutes (which
is what CloudWatch keeps). *CPU* is that of the server per request, *p50* what the client waits, SDK included; points are counted.
"""

import argparse
import asyncio
import random
import subprocess
import sys
import tempfile
import time

import boto3
from stack import cpu_s

from kumoniwa.cloud.region import Region
from kumoniwa.gate.settings import Settings
from kumoniwa.services.cloudwatch.metric import METRICS, POINTS, Heap, spelled
from kumoniwa.services.cloudwatch.unit import NUMBERS

DAY_S = 86_400
ACCOUNT = "000000000000"


async def filled(folder, now):
    region = Region("us-east-1", Settings(), f"{folder}/us-east-1")
    rows, dice, unit = region.store.rows(ACCOUNT), random.Random(1), NUMBERS["Milliseconds"]
    for table in (METRICS, POINTS):
        rows.use(table)
    for metric, values in ((1, 1), (2, 5)):
        rows.run("insert into metric values (?,?,?,?,?,?)", metric, "bench", f"m{values}", spelled([]), 1 << unit, now)
        for at in range(now - 30 * DAY_S, now, 60):
            step = 300 if at < now - 15 * DAY_S else 60
            heap = Heap()
            for _ in range(values * step // 60):
                value = float(dice.randrange(1000))
                heap.add(1.0, value, value, value)
            if at % step == 0:
                rows.run("insert into metric_point values (?,?,?,?,?,?,?,?)", metric, unit, at, *heap.row())
    region.store.journal.commit()
    region.store.close()


def measured(client, pid, now, name, metric, stat, period, requests, points):
    query = [{"Id": "a", "MetricStat": {"Metric": {"Namespace": "bench", "MetricName": metric}, "Period": period, "Stat": stat}}]
    took = []

    def ask():
        began = time.perf_counter()
        result = client.get_metric_data(MetricDataQueries=query, StartTime=now - 30 * DAY_S, EndTime=now)["MetricDataResults"][0]
        took.append(time.perf_counter() - began)
        assert abs(len(result["Values"]) - points) <= 61, (name, len(result["Values"]), points)

    ask()
    took.clear()
    before = cpu_s(pid)
    for _ in range(requests):
        ask()
    cpu_ms = (cpu_s(pid) - before) / requests * 1e3
    print(f"{name:<58} {points:6} points, {cpu_ms:6.1f} ms of CPU, p50 {sorted(took)[len(took) // 2] * 1e3:6.1f} ms", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=50)
    parser.add_argument("--port", type=int, default=4585)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        now = int(time.time()) // 3_600 * 3_600
        asyncio.run(filled(f"{folder}/regions", now))
        command = [sys.executable, "-m", "kumoniwa.cli.main", "up", "--port", str(arguments.port), "--data", folder]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            server.stdout.readline()
            keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
            client = boto3.client("cloudwatch", endpoint_url=f"http://127.0.0.1:{arguments.port}", **keys)
            for stat in ("Average", "p99"):
                for metric, values in (("m1", "one value"), ("m5", "five values")):
                    for period, points in ((3_600, 720), (300, 8_640), (60, 21_600)):
                        measured(client, server.pid, now, f"{stat} by {period} s, {values} a minute", metric, stat, period, arguments.requests, points)
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
