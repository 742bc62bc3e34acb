"""Drills that must fail: each breaks one promise on purpose and is found with a counter-example, and its twin is met."""

import pytest
import second_reading
from cloud.conftest import Up
from drill_files import hold

REPLICAS = """\
import os, time, boto3
dynamodb = boto3.client("dynamodb", region_name="us-east-1", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
if "Shared" not in dynamodb.list_tables()["TableNames"]:
    dynamodb.create_table(
        TableName="Shared", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    dynamodb.update_table(TableName="Shared", ReplicaUpdates=[{"Create": {"RegionName": "eu-west-1"}}])
for _ in range(200):
    replicas = dynamodb.describe_table(TableName="Shared")["Table"].get("Replicas", [])
    if replicas and all(replica["ReplicaStatus"] == "ACTIVE" for replica in replicas):
        break
    time.sleep(0.05)
"""

QUEUES = """\
import os, boto3
sqs = boto3.client("sqs", region_name="us-east-1", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
sqs.create_queue(QueueName="events")
sqs.create_queue(QueueName="events.fifo", Attributes={"FifoQueue": "true"})
"""

LOST = """\
drill: slow-replication
says: Losing us-east-1 loses at most two seconds of writes, and none for good
setup: setup.py
regions: [us-east-1, eu-west-1]
journeys:
  put: {entry: "table://us-east-1/Shared", kind: write, value: note, timeout: 400ms}
load: {put: 40/s}
warmup: 2s
cooldown: 8s
slo: {success: 0.9, p99_ms: 2000, window: 500ms, hold: 3}
steps:
SLOW
- {at: 6s, fault: region.kill, target: {region: us-east-1}, for: 3s}
expect: {multiRegion: {rto: 30s, rpo: 2s}}
invariants: [no-lost-acked-writes: {table: Shared}, converged within 20s]
repeat: 1
"""

STALE = """\
drill: stale-reads
says: Whoever wrote reads what they wrote
setup: setup.py
regions: [us-east-1, eu-west-1]
clients: 1
journeys:
  put: {entry: "table://us-east-1/Shared", kind: write, value: note}
  get: {entry: "table://READER/Shared", kind: read, consistency: strong}
load: {put: 20/s, get: 40/s}
warmup: 2s
cooldown: 2s
slo: {p99_ms: 2000}
steps:
- {at: 1s, fault: replication.slow, target: {region: us-east-1}, lag: 8s, for: 5s}
invariants: [session]
repeat: 1
"""

QUEUE = """\
drill: queue
says: Every event arrives, and once
setup: setup.py
journeys:
  send: {entry: "queue://us-east-1/NAME", kind: send}
  take: {entry: "queue://us-east-1/NAME", kind: receive}
load: {send: 20/s, take: 10/s}
warmup: 2s
cooldown: 2s
slo: {p99_ms: 2000}
steps: [STEP]
invariants: [{queue: {forbid: [lost, unexpected, resurrected, duplicated]}}]
repeat: 1
"""

RESIDENCY = """\
drill: residency
says: What Europeans write stays in Europe
setup: setup.py
regions: [us-east-1, eu-west-1]
journeys:
  put: {entry: "table://eu-west-1/Shared", kind: write, value: note, body: {country: COUNTRY}}
load: {put: 20/s}
warmup: 2s
cooldown: 2s
slo: {p99_ms: 2000}
steps: [{at: 2s, end: true}]
invariants: [data-residency: {attribute: country, in: EU, stored-only-in: [eu-west-1, eu-central-1], table: Shared}]
repeat: 1
"""


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory):
    up = Up("--data", str(tmp_path_factory.mktemp("cloud")))
    yield f"http://127.0.0.1:{up.port}"
    up.stop()


def invariant(report, beginning):
    return next(one for one in report["invariants"] if one["name"].startswith(beginning))


def test_slow_replication_and_a_kill_lose_writes_and_every_one_is_named(endpoint, tmp_path):
    slow = "- {at: 0s, fault: replication.slow, target: {region: us-east-1}, lag: 5s}"
    code, report, said = hold(tmp_path, "--endpoint", endpoint, text=LOST.replace("SLOW", slow), setup=REPLICAS)
    assert code == 1, said
    rpo = next(one for one in report["objectives"] if one["name"] == "multiRegion.rpo")
    assert rpo["verdict"] == "PolicyBreached"
    assert 3.0 < rpo["measured"] < 8.0
    (run,) = report["runs"]
    assert len(run["lost"]) == run["lost_count"] == run["rpo_at_failover"]["lost"] + run["rpo_at_failover"]["lost_after_fault"]
    story = second_reading.lines(tmp_path / "out" / "history.jsonl", 1)
    assert second_reading.lost(story, "failover") == {one["key"] for one in run["lost"]}
    assert run["rpo_final"]["value"] == 0  # nothing was lost for good: the region came back with its disk
    assert invariant(report, "converged")["verdict"] == "PolicyMet"


def test_its_twin_without_the_slowness_is_met(endpoint, tmp_path):
    code, report, said = hold(tmp_path, "--endpoint", endpoint, text=LOST.replace("SLOW\n", ""), setup=REPLICAS)
    assert code == 0, said
    (run,) = report["runs"]
    assert run["rpo_at_failover"]["value"] <= 2.0
    assert run["lag"]["eu-west-1"]["n"] > 100


@pytest.mark.slow
def test_a_stale_replica_breaks_a_session_and_the_writers_own_region_does_not(endpoint, tmp_path):
    code, report, said = hold(tmp_path / "stale", "--endpoint", endpoint, text=STALE.replace("READER", "eu-west-1"), setup=REPLICAS)
    assert code == 1, said
    found = invariant(report, "session")["counter_example"]
    assert found["read"]["key"] == found["because"]["key"]
    code, _, said = hold(tmp_path / "fresh", "--endpoint", endpoint, text=STALE.replace("READER", "us-east-1"), setup=REPLICAS)
    assert code == 0, said


@pytest.mark.slow
def test_a_second_delivery_is_found_where_it_was_forbidden(endpoint, tmp_path):
    step = "{at: 0s, fault: queue.duplicate, target: {region: us-east-1, queue: events}, percent: 20, for: 5s}"
    twice = QUEUE.replace("NAME", "events").replace("STEP", step)
    code, report, said = hold(tmp_path / "twice", "--endpoint", endpoint, text=twice, setup=QUEUES)
    assert code == 1, said
    assert "duplicated" in invariant(report, "queue")["why"]
    once = QUEUE.replace("NAME", "events").replace("STEP", "{at: 3s, end: true}")
    code, _, said = hold(tmp_path / "once", "--endpoint", endpoint, text=once, setup=QUEUES)
    assert code == 0, said


@pytest.mark.slow
def test_a_fifo_queue_keeps_its_order_and_its_messages_through_a_kill(endpoint, tmp_path):
    text = QUEUE.replace("NAME", "events.fifo").replace("STEP", "{at: 1s, fault: region.kill, target: {region: us-east-1}, for: 1s}")
    text = text.replace("warmup: 2s", "warmup: 2s\nclients: 3").replace("duplicated]}}]", "duplicated]}}, fifo-order]").replace("slo: {", "slo: {success: 0.5, ")
    code, report, said = hold(tmp_path, "--endpoint", endpoint, text=text, setup=QUEUES)
    assert code == 0, said
    assert report["runs"][0]["queue"]["lost"] == 0


@pytest.mark.slow
def test_data_that_left_its_place_is_found(endpoint, tmp_path):
    code, report, said = hold(tmp_path / "br", "--endpoint", endpoint, text=RESIDENCY.replace("COUNTRY", "BR"), setup=REPLICAS)
    assert code == 0, said
    code, report, said = hold(tmp_path / "eu", "--endpoint", endpoint, text=RESIDENCY.replace("COUNTRY", "DE"), setup=REPLICAS)
    assert code == 1, said
    astray = invariant(report, "data-residency")["counter_example"][0]
    assert (astray["region"], astray["item"]["country"]) == ("us-east-1", {"S": "DE"})
