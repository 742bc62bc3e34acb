"""How long Logs Insights needs for a million events: until the answer is there, CPU of the process that scans, and what others notice.

    python bench/insights.py [--events 1000000] [--streams 20]

The events are JSON of some 150 bytes, written by PutLogEvents over two hours. Every answer is checked. *wall* is from StartQuery to the
first GetQueryResults that is Complete, asked every 20 ms; *scan CPU* is sampled from the scanning process, start of Python included;
*put p99* is what PutLogEvents of one event takes meanwhile. CPU does not depend on what else the machine does; wall does.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time

import boto3

GROUP = "bench"
BATCH = 5_000
SPAN_MS = 2 * 3_600_000


def filled(logs, events, streams):
    logs.create_log_group(logGroupName=GROUP)
    dice, counts = random.Random(1), {"errors": 0, "slow": 0, "sum": 0}
    first = int(time.time() * 1000) - SPAN_MS
    for number in range(streams):
        logs.create_log_stream(logGroupName=GROUP, logStreamName=f"s{number}")
    for start in range(0, events, BATCH):
        batch = []
        for n in range(start, min(start + BATCH, events)):
            latency, level = dice.randrange(1000), "ERROR" if n % 50 == 0 else "INFO"
            counts["errors"] += level == "ERROR"
            counts["slow"] += latency > 990
            counts["sum"] += latency
            message = {"level": level, "latency": latency, "service": f"svc-{n % 7}", "requestId": f"{dice.getrandbits(128):032x}",
                       "path": f"/api/users/{n}", "message": "request handled"}  # fmt: skip
            batch.append({"timestamp": first + n * SPAN_MS // events, "message": json.dumps(message, separators=(",", ":"))})
        logs.put_log_events(logGroupName=GROUP, logStreamName=f"s{start // BATCH % streams}", logEvents=batch)
    return counts


def scan_cpu_s(found):
    """Remember the processor time of whatever scans now."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if b"kumoniwa.engines.log_scan" not in file.read():
                    continue
            with open(f"/proc/{pid}/schedstat") as file:
                found[pid] = int(file.read().split()[0]) / 1e9
        except (OSError, IndexError):
            continue


def others(client, stop, took):
    while not stop.is_set():
        began = time.perf_counter()
        client.put_log_events(logGroupName="other", logStreamName="s", logEvents=[{"timestamp": int(time.time() * 1000), "message": "x"}])
        took.append(time.perf_counter() - began)
        time.sleep(0.005)


def measured(clients, text, check):
    logs, cpu, took, stop = clients("logs"), {}, [], threading.Event()
    thread = threading.Thread(target=others, args=(clients("logs"), stop, took))
    thread.start()
    now, began = int(time.time()), time.perf_counter()
    number = logs.start_query(logGroupName=GROUP, startTime=now - 86_400, endTime=now, queryString=text)["queryId"]
    while (answer := logs.get_query_results(queryId=number))["status"] in ("Scheduled", "Running"):
        scan_cpu_s(cpu)
        time.sleep(0.02)
    wall = time.perf_counter() - began
    stop.set()
    thread.join()
    rows = [{cell["field"]: cell["value"] for cell in row} for row in answer["results"]]
    assert answer["status"] == "Complete" and check(rows, answer["statistics"]), (text, answer["status"], rows[:3])
    took.sort()
    print(f"{text[:78]:<78} wall {wall * 1e3:6.0f} ms, scan CPU {sum(cpu.values()) * 1e3:6.0f} ms, put p99 {took[len(took) * 99 // 100] * 1e3:5.1f} ms", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--streams", type=int, default=20)
    parser.add_argument("--port", type=int, default=4583)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "kumoniwa.cli.main", "up", "--port", str(arguments.port), "--data", folder]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            server.stdout.readline()
            keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
            clients = lambda name: boto3.client(name, endpoint_url=f"http://127.0.0.1:{arguments.port}", **keys)  # noqa: E731
            logs = clients("logs")
            logs.create_log_group(logGroupName="other")
            logs.create_log_stream(logGroupName="other", logStreamName="s")
            counts = filled(logs, arguments.events, arguments.streams)
            print(f"{arguments.events} events, load average {os.getloadavg()[0]:.1f}", flush=True)
            whole = lambda statistics: statistics["recordsScanned"] == arguments.events  # noqa: E731
            measured(clients, "stats count(*) as c", lambda rows, s: whole(s) and rows == [{"c": str(arguments.events)}])
            measured(
                clients, "filter @message like /ERROR/ | stats count(*) as c by bin(5m)",
                lambda rows, s: whole(s) and sum(int(row["c"]) for row in rows) == counts["errors"],
            )  # fmt: skip
            measured(
                clients, 'filter level = "ERROR" | stats avg(latency), count(*) as c by service',
                lambda rows, s: whole(s) and len(rows) == 7 and sum(int(row["c"]) for row in rows) == counts["errors"],
            )  # fmt: skip
            measured(
                clients, "stats sum(latency) as l, pct(latency, 95), count(*) by service",
                lambda rows, s: whole(s) and sum(int(row["l"]) for row in rows) == counts["sum"],
            )  # fmt: skip
            measured(
                clients, "filter latency > 990 | fields @timestamp, requestId, latency | sort latency desc | limit 20",
                lambda rows, s: len(rows) == 20 and s["recordsMatched"] == counts["slow"] and rows[0]["latency"] == "999",
            )  # fmt: skip
            measured(clients, "fields @timestamp, @message | sort @timestamp desc | limit 20", lambda rows, s: whole(s) and len(rows) == 20)
            measured(
                clients, "parse @message '\"path\":\"/api/users/*\"' as user | stats count_distinct(user) as u by bin(1h)",
                lambda rows, s: sum(int(row["u"]) for row in rows) == arguments.events,
            )  # fmt: skip
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
