"""Small drills on one table, and how to hold them as a person would."""

import json
import os
import subprocess
import sys
from pathlib import Path

KUMONIWA = (sys.executable, "-m", "kumoniwa.cli.main")

SETUP = """\
import os, boto3
dynamodb = boto3.client("dynamodb", region_name="us-east-1", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
if "Orders" not in dynamodb.list_tables()["TableNames"]:
    dynamodb.create_table(
        TableName="Orders", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
"""

TABLE = """\
drill: one-table
says: A table in us-east-1 comes back with every write
setup: setup.py
regions: [us-east-1]
journeys:
  put: {entry: "table://us-east-1/Orders", kind: write, value: note, timeout: 400ms}
  get: {entry: "table://us-east-1/Orders", kind: read, consistency: strong, timeout: 400ms}
load: {put: 20/s, get: 20/s}
warmup: 2s
cooldown: 8s
slo: {success: 0.95, p99_ms: 2000, window: 500ms, hold: 3}
steps:
- {at: 1s, fault: region.kill, target: {region: us-east-1}, for: 2s}
expect: {multiRegion: {rto: 20s, rpo: 0s}}
invariants: [no-lost-acked-writes, session, linearizable: {journey: put}]
repeat: 1
"""


def laid(folder: Path, text: str = TABLE, setup: str = SETUP) -> Path:
    """A drill in a folder of its own."""
    folder.mkdir(exist_ok=True)
    (folder / "drill.yaml").write_text(text)
    (folder / "setup.py").write_text(setup)
    return folder


def hold(folder: Path, *words: str, text: str = TABLE, setup: str = SETUP) -> tuple[int, dict, str]:
    """``kumoniwa drill`` on it; answers the exit code, the report and what was said."""
    laid(folder, text, setup)
    done = subprocess.run(
        [*KUMONIWA, "drill", str(folder), "--out", str(folder / "out"), *words], capture_output=True, text=True, timeout=300, env={**os.environ}
    )
    report = folder / "out" / "report.json"
    return done.returncode, json.loads(report.read_text()) if report.exists() else {}, done.stdout + done.stderr
