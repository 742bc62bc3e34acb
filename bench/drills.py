"""Can drills be believed? Null drills must find nothing, sabotage drills their loss, and many kills with one seed the same verdict.

    python bench/drills.py [--repeat 5] [--kills 50]

A global table in two regions under 40 writes a second. Prints one line per claim; exits with 1 if one does not hold.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

SETUP = """
import os, time, boto3
dynamodb = boto3.client("dynamodb", region_name="us-east-1", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
if "Orders" not in dynamodb.list_tables()["TableNames"]:
    dynamodb.create_table(
        TableName="Orders", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    dynamodb.update_table(TableName="Orders", ReplicaUpdates=[{"Create": {"RegionName": "eu-west-1"}}])
while not all(one["ReplicaStatus"] == "ACTIVE" for one in dynamodb.describe_table(TableName="Orders")["Table"].get("Replicas", [{"ReplicaStatus": ""}])):
    time.sleep(0.05)
"""
DRILL = """
drill: {name}
says: {name}
setup: setup.py
regions: [us-east-1, eu-west-1]
journeys:
  put: {{entry: "table://us-east-1/Orders", kind: write, value: note, timeout: 400ms}}
  get: {{entry: "table://eu-west-1/Orders", kind: read, timeout: 400ms}}
load: {{put: 40/s, get: 20/s}}
warmup: 2s
cooldown: 3s
slo: {{success: 0.9, p99_ms: 2000, window: 500ms, hold: 3}}
steps:
{steps}
expect: {{multiRegion: {{rto: {rto}s, rpo: 2s}}}}
invariants: [no-lost-acked-writes: {{table: Orders}}, converged within 20s]
"""
KILL = "- {at: 1s, fault: region.kill, target: {region: us-east-1}, for: 1s}"
SABOTAGE = (
    "- {at: 0s, fault: replication.slow, target: {region: us-east-1}, lag: 5s}\n"
    "- {at: 6s, fault: region.kill, target: {region: us-east-1}, for: 3s}"
)


def hold(name, steps, *words, rto=20):
    """The report of a drill."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "setup.py").write_text(SETUP)
        (folder / "drill.yaml").write_text(DRILL.format(name=name, steps=steps, rto=rto))
        out = folder / "out"
        command = [sys.executable, "-m", "kumoniwa.cli.main", "drill", str(folder), "--out", str(out), *words]
        done = subprocess.run(command, capture_output=True, text=True)
        if not (out / "report.json").exists():
            sys.exit(done.stdout + done.stderr)
        return json.loads((out / "report.json").read_text())


def main():
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--repeat", type=int, default=5, help="null and sabotage drills")
    asked.add_argument("--kills", type=int, default=50, help="consecutive kills with one seed")
    asked = asked.parse_args()
    claims = []

    report = hold("nothing-broken", KILL, "--null", "--repeat", str(asked.repeat))
    quiet = sum(run["rto"]["value"] == 0 and not run["lost_count"] for run in report["runs"])
    claims.append((f"null drill: RTO 0 and nothing lost in {quiet} of {asked.repeat}", quiet == asked.repeat))

    report = hold("sabotage", SABOTAGE, "--repeat", str(asked.repeat))
    caught = [run["lost_count"] for run in report["runs"] if run["lost_count"]]
    claims.append((f"sabotage drill: caught in {len(caught)} of {asked.repeat} (lost writes: {', '.join(map(str, caught))})", len(caught) == asked.repeat))

    report = hold("kills", KILL, "--repeat", str(asked.kills), "--seed", "42")
    verdicts = [(one["name"], one["verdict"]) for one in (*report["objectives"], *report["invariants"])]
    rtos = [run["rto"]["value"] for run in report["runs"]]
    same = len(rtos) == asked.kills and None not in rtos and all(verdict == "PolicyMet" for _, verdict in verdicts)
    spread = f"RTO {min(rtos):.2f}..{max(rtos):.2f} s" if rtos and None not in rtos else f"{len(rtos)} runs; {report['troubles']} {report['failure']}"
    claims.append((f"{asked.kills} kills with one seed: {report['verdict']}, {spread}", same))

    for said, holds in claims:
        print(f"{'holds ' if holds else 'FAILED'}  {said}")
    return 0 if all(holds for _, holds in claims) else 1


if __name__ == "__main__":
    raise SystemExit(main())
