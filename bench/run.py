"""The figures that README quotes, in one run.

    python bench/run.py [--peers ministack,fauxqs,dynalite] [--only ROW,…] [--quick]

``apigw_lambda`` invokes a function that never granted API Gateway permission, which AWS refuses; Kumoniwa is therefore
started with ``--iam audit``: every decision is still made and recorded, none refuses.
"""

import argparse
import datetime
import io
import json
import os
import platform
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import boto3
from botocore.config import Config

HERE = Path(__file__).parent
KUMONIWA = f"{sys.executable} -m kumoniwa.cli.main up --port {{port}} --data {{dir}} --iam audit"
ROWS = "ddb_put,ddb_get,ddb_query,ddb_transact_write,sqs_send,sqs_receive_delete,s3_put_1k,s3_get_1k,s3_put_5mb,s3_get_5mb,lambda_invoke_warm,apigw_lambda,logs_put"
TABLE_ITEMS = 1_000_000


def family(pid):
    """A process and its living descendants."""
    children = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat") as file:
                children.setdefault(int(file.read().rpartition(")")[2].split()[1]), []).append(int(entry))
        except OSError:
            pass
    found = [pid]
    for each in found:
        found += children.get(each, [])
    return found


def pss_mib(pid):
    """Proportional memory of a process and its descendants, MiB, as if nothing else ran here: what they map of a file counts once,
    and not the less because some other process maps that file too."""
    anonymous, mapped = 0, {}
    for each in family(pid):
        try:
            with open(f"/proc/{each}/smaps_rollup") as file:
                sizes = dict(re.findall(r"^(Pss_Anon|Pss_Shmem):\s+(\d+)", file.read(), re.M))
            with open(f"/proc/{each}/smaps") as file:
                mappings = re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", file.read(), flags=re.M)
        except OSError:
            continue
        anonymous += sum(map(int, sizes.values()))
        for mapping in filter(None, mappings):
            head = mapping.split(None, 5)
            rss, private = (int(re.search(rf"^{name}:\s+(\d+)", mapping, re.M)[1]) for name in ("Rss", "Anonymous"))
            if head[4] != "0":
                place = head[3], head[4], head[2]
                mapped[place] = max(mapped.get(place, 0), rss - private)
    return (anonymous + sum(mapped.values())) / 1024


class Server:
    """A Kumoniwa on a free port."""

    def __init__(self, folder):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "kumoniwa.cli.main", "up", "--port", "0", "--data", folder], stdout=subprocess.PIPE, text=True
        )
        self.endpoint = re.search(r"http://\S+:\d+", self.process.stdout.readline())[0]

    def client(self, name):
        return client(name, self.endpoint)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(15)


def client(name, endpoint):
    return boto3.client(
        name, endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 0}),
    )


def start_s(argv, environment, port, rounds):
    """Process start to the first signed answer, seconds: the least of some rounds."""
    table = client("dynamodb", f"http://127.0.0.1:{port}")
    best = []
    for _ in range(rounds):
        folder = tempfile.mkdtemp()
        began = time.perf_counter()
        process = subprocess.Popen(
            [a.format(port=port, dir=folder) for a in argv], env={**os.environ, **environment}, cwd=folder,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )
        while True:
            try:
                table.list_tables()
                break
            except Exception:
                if time.perf_counter() - began > 60:
                    raise
                time.sleep(0.002)
        best.append(time.perf_counter() - began)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)
    return min(best), statistics.median(best)


def memory():
    """Idle memory with one region in use, and with a million items of 400 bytes; seconds to reopen them."""
    folder = tempfile.mkdtemp()
    server = Server(folder)
    table = server.client("dynamodb")
    table.create_table(
        TableName="bench", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
    )
    table.put_item(TableName="bench", Item={"pk": {"S": "first"}})
    time.sleep(0.5)
    idle = pss_mib(server.process.pid)
    for start in range(0, TABLE_ITEMS, 25):
        puts = [{"PutRequest": {"Item": {"pk": {"S": f"k{i:07d}"}, "n": {"N": str(i)}, "data": {"S": "x" * 360}}}} for i in range(start, start + 25)]
        table.batch_write_item(RequestItems={"bench": puts})
    full = pss_mib(server.process.pid)
    server.stop()
    server = Server(folder)
    table = server.client("dynamodb")
    began = time.perf_counter()
    got = table.get_item(TableName="bench", Key={"pk": {"S": "k0999999"}})["Item"]["n"]["N"]
    reopened = time.perf_counter() - began
    assert got == "999999"
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)
    return idle, full, reopened


def cold_start_ms(rounds=20):
    """The init duration that the function's own REPORT line gives for a handler that imports boto3, and the whole call, ms."""
    folder = tempfile.mkdtemp()
    server = Server(folder)
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr("h.py", "import boto3\n\ndef handler(event, context):\n    return boto3.__version__\n")
    role = server.client("iam").create_role(
        RoleName="cold", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}]}),
    )["Role"]["Arn"]
    function = server.client("lambda")
    whole = []
    for n in range(rounds):
        function.create_function(FunctionName=f"f{n}", Runtime="python3.12", Handler="h.handler", Role=role, Code={"ZipFile": body.getvalue()})
        began = time.perf_counter()
        reply = function.invoke(FunctionName=f"f{n}")
        whole.append((time.perf_counter() - began) * 1000)
        assert b"." in reply["Payload"].read()
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)
    return statistics.median(whole[1:]), min(whole)


def main():
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--peers", default="ministack,fauxqs,dynalite")
    asked.add_argument("--only", default=ROWS)
    asked.add_argument("--quick", action="store_true", help="one round, no memory and start figures")
    asked = asked.parse_args()
    print(f"{datetime.date.today()}, {platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}\n")
    subprocess.run(
        [sys.executable, str(HERE / "compare.py"), "--ours", KUMONIWA, "--peers", asked.peers, "--only", asked.only,
         "--reps", "1" if asked.quick else "3"],
        check=True,
    )  # fmt: skip
    if asked.quick:
        return
    best, median = start_s([sys.executable, "-m", "kumoniwa.cli.main", "up", "--port", "{port}", "--data", "{dir}/d"], {}, 14566, 9)
    print(f"\nstart to the first signed answer: ours {best:.3f} s (median {median:.3f})")
    ministack = os.path.expanduser("~/.cache/kumoniwa-bench-peers/ministack/bin/ministack")
    if os.path.exists(ministack):
        theirs, median = start_s([ministack], {"GATEWAY_PORT": "14567", "BIND_HOST": "127.0.0.1", "LOG_LEVEL": "WARNING"}, 14567, 9)
        print(f"                                  ministack {theirs:.3f} s (median {median:.3f}), {theirs / best:.1f} times ours")
    idle, full, reopened = memory()
    print(f"idle, one region in use: {idle:.1f} MiB PSS over all processes")
    print(f"{TABLE_ITEMS:,} items of 400 bytes: {full:.1f} MiB PSS; first answer after a restart in {reopened:.3f} s")
    median, least = cold_start_ms()
    print(f"cold start of a Python function that imports boto3: {median:.1f} ms median, {least:.1f} ms least (whole call)")


if __name__ == "__main__":
    main()
