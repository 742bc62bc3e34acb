"""What the pattern claims: environments come when they are needed, stay warm, are kept ready where asked, and are replaced when they die."""

import base64
import json
import re
import time
from pathlib import Path

from botocore.exceptions import ClientError
from stage import all_at_once, holds, seconds, until

PROVISIONED = 10


class Function:
    def __init__(self, cloud, name, qualifier=None):
        self.client = cloud.client("lambda")
        self.where = {"FunctionName": name} | ({"Qualifier": qualifier} if qualifier else {})

    def call(self, **event):
        """What it says, the milliseconds that its start took (None if it was warm), and how it failed if it did."""
        reply = self.client.invoke(**self.where, LogType="Tail", Payload=json.dumps(event))
        found = re.search(r"Init Duration: ([\d.]+) ms", base64.b64decode(reply["LogResult"]).decode())
        return json.loads(reply["Payload"].read()), float(found[1]) if found else None, reply.get("FunctionError")


def refusal(operation, **asked):
    try:
        operation(**asked)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"]["Message"], error.response.get("Reason")
    return None, None, None


def show(cloud):
    made = cloud.deploy(Path(__file__).with_name("template.yaml"), "warm-functions")
    on_demand = Function(cloud, made["OnDemand"])
    (first, cold_ms, _), (second, warm_ms, _) = on_demand.call(), on_demand.call()
    holds("the first call starts an environment, the second finds it", cold_ms is not None and warm_ms is None, f"{cold_ms} ms to start, then none")
    same = (first["pid"], first["table"]) == (second["pid"], second["table"])
    holds("with the same objects outside the handler", same and (first["calls"], second["calls"]) == (1, 2), f"call {second['calls']} of process {second['pid']}")

    kept_ready(cloud, made["Ready"])

    count = 20 if cloud.is_short else 100
    answers = all_at_once(lambda _: on_demand.call(meeting={"name": "all", "count": count}), range(count), workers=count)
    environments = len({said["pid"] for said, _, error in answers if error is None})
    failed = [said["errorMessage"] for said, _, error in answers if error is not None]
    measured = f"{environments} processes" + (f", {len(failed)} failed: {failed[0]}" if failed else "")
    holds(f"{count} calls that wait for each other run in {count} environments", environments == count, measured)

    invoke = cloud.client("lambda", attempts=1).invoke
    answers = all_at_once(lambda _: refusal(invoke, FunctionName=made["Alone"], Payload='{"work_s": 1}'), range(4))
    refused = [reason for _, _, reason in answers if reason]
    limit = "ReservedFunctionConcurrentInvocationLimitExceeded"
    holds("of four calls at once a reservation of 1 lets one through", refused == [limit] * 3, f"{len(refused)} times 429 {limit}")

    with cloud.fault("lambda.crash", {"function": made["OnDemand"]}, after=50, percent=100):
        said, _, error = on_demand.call(work_s=0.5)
    holds("a process that is killed in the middle fails its call", error == "Unhandled", said.get("errorType"))
    said, _, error = on_demand.call()
    holds("and the next call works", error is None, f"process {said.get('pid')}")


def kept_ready(cloud, name):
    client, asked = cloud.client("lambda"), {"FunctionName": name, "ProvisionedConcurrentExecutions": PROVISIONED}
    code, text, _ = refusal(client.put_provisioned_concurrency_config, Qualifier="$LATEST", **asked)
    holds("environments of $LATEST are not kept ready", code == "InvalidParameterValueException", text)

    def config():
        return client.get_provisioned_concurrency_config(FunctionName=name, Qualifier="live")

    until(lambda: config()["Status"] == "READY")
    available = config()["AvailableProvisionedConcurrentExecutions"]
    holds(f"{PROVISIONED} of a version are, before its first call", available == PROVISIONED, f"{config()['Status']}, {available} available")
    live = Function(cloud, name, "live")
    asked_at = time.time()
    answers = [said for said, _, _ in all_at_once(lambda _: live.call(work_s=0.5), range(PROVISIONED), workers=PROVISIONED)]
    ready_s = asked_at - max(said["started_at"] for said in answers)
    right = all(said["calls"] == 1 and said["how"] == "provisioned-concurrency" for said in answers)
    processes = len({said["pid"] for said in answers})
    holds(f"and {PROVISIONED} first calls at once start none", right and processes == PROVISIONED and ready_s > 0, f"{processes} processes, the last was ready {seconds(ready_s)} before")
