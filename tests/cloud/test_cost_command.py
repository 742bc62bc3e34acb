"""``kumoniwa cost``: what AWS would ask for."""

import json
import subprocess
import sys


def cost(cloud, *words: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "kumoniwa.cli.main", "cost", "--endpoint", f"http://127.0.0.1:{cloud.port}", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_what_was_used_in_two_regions_is_told_with_what_it_costs(up):
    cloud = up("--regions", "us-east-1,eu-west-1")
    assert cost(cloud).stdout.startswith("nothing was used that AWS bills\n")
    for region in ("us-east-1", "eu-west-1"):
        url = cloud.client("sqs", region).create_queue(QueueName="orders")["QueueUrl"]
        for _ in range(4):
            cloud.client("sqs", region).send_message(QueueUrl=url, MessageBody="x")
    ended = cost(cloud)
    assert (ended.returncode, ended.stderr) == (0, "")
    first, second, total, free = ended.stdout.splitlines()
    assert first.split() == ["000000000000", "eu-west-1", "sqs:standard_requests", "5", "requests", "0.000002"]
    assert second.split()[1] == "us-east-1" and total.split()[-2:] == ["0.000004", "USD"] and free.split()[-2:] == ["0.000004", "USD"]
    month = json.loads(cost(cloud, "--month", "1000000", "--by-resource", "--json").stdout)
    assert [(line["resource"], line["quantity"], line["usd"]) for line in month["lines"]] == [("orders", 5_000_000, 2.0)] * 2
    assert cost(cloud, "--account", "111111111111").stdout.startswith("nothing was used")
    assert len(cost(cloud, "--since", "1h").stdout.splitlines()) == 4
    assert cost(cloud, "--since", "90m").returncode == 1

    cloud.region("eu-west-1", "kill")
    ended = cost(cloud)
    assert ended.returncode == 1 and "eu-west-1 is killed and cannot be asked" in ended.stderr and "us-east-1" in ended.stdout
    cloud.region("eu-west-1", "restart")
    assert "eu-west-1" in cost(cloud).stdout
