"""Regions killed again and again at random moments under the load of every service: nothing acknowledged is lost, nothing half-done.

Workers of every ``load_*`` write as fast as they can and note what was acknowledged. A kill is SIGKILL through the admin
door, at a random instant, and a restart on what lies on the disk. When the last kill is over each load checks what it finds.
"""

import os
import random
import time

import load_apigateway
import load_appsync
import load_cloudformation
import load_dynamodb
import load_iam
import load_lambda
import load_logs
import load_route53
import load_s3
import load_sqs
import pytest
from cloud.conftest import Up
from worker import REGION

LOADS = (load_iam, load_sqs, load_dynamodb, load_s3, load_logs, load_lambda, load_apigateway, load_appsync, load_cloudformation, load_route53)
"""STS is asked beside IAM."""
KILLS_SHORT, KILLS_LONG = 12, 500
BETWEEN_S, BETWEEN_S_MAX = 0.3, 2.5
BREATH, BREATH_S = 20, 5.0
"""Mostly soon: what begins is killed. Sometimes later: what ends is killed. Every twentieth life is long enough for anything."""
GLOBAL, OF_GLOBAL = "aws-global", 0.2
EDGE, OF_EDGE = "aws-edge", 0.1
LAST_S_MAX = 300


def drill(folder: str, kills: int, seed: int) -> None:
    cloud, chance = Up("--data", folder), random.Random(seed)
    try:
        crews = {load: load.begin(cloud) for load in LOADS}
        workers = [worker for crew in crews.values() for worker in crew]
        for worker in workers:
            worker.start()
        for kill in range(1, kills + 1):
            time.sleep(min(chance.expovariate(1 / BETWEEN_S), BETWEEN_S_MAX) if kill % BREATH else BREATH_S)
            roll = chance.random()
            region = GLOBAL if roll < OF_GLOBAL else EDGE if roll > 1 - OF_EDGE else REGION
            cloud.region(region, "kill")
            cloud.region(region, "restart")
        time.sleep(0.5)
        for worker in workers:
            worker.is_over = True
        for worker in workers:
            worker.join(LAST_S_MAX)
        findings = [failure for worker in workers for failure in worker.failures]
        assert not findings, "\n".join(findings)
        assert not [type(worker).__name__ for worker in workers if worker.is_alive()]
        diary = {f"{type(w).__name__} {w.number}": (w.done, w.unanswered) for w in workers}
        print(f"{kills} kills, seed {seed}: acknowledged and unanswered {diary}")
        assert all(worker.done for worker in workers), diary
        assert sum(worker.unanswered for worker in workers) >= kills, "no kill met a call"
        for load, crew in crews.items():
            load.check(cloud, crew)
    finally:
        cloud.stop()
        print(cloud.said)
    assert "Traceback" not in cloud.said, cloud.said


def test_a_few_kills_under_load_lose_nothing(tmp_path):
    drill(str(tmp_path), KILLS_SHORT, seed=1)


@pytest.mark.slow
def test_five_hundred_kills_under_load_lose_nothing(tmp_path):
    kills = int(os.environ.get("KUMONIWA_KILLS", KILLS_LONG))
    drill(str(tmp_path), kills, seed=random.randrange(1 << 30))
