"""What the pattern claims: each object that the filter lets through becomes one item, soon; no other invokes anything."""

import json
import time
from pathlib import Path

from stage import all_at_once, holds, holds_soon, seconds, until


def show(cloud):
    made = cloud.deploy(Path(__file__).with_name("template.yaml"), "s3-to-table")
    s3, bucket, table = cloud.client("s3"), made["Bucket"], made["Table"]
    count = 40 if cloud.is_short else 500

    def put(key, body=None):
        s3.put_object(Bucket=bucket, Key=key, Body=json.dumps({"amount": 1.5}).encode() if body is None else body)

    def keys():
        return {row["key"] for row in cloud.rows(table)}

    put("orders/first.json")
    holds("an object becomes an item, the function's cold start and all", (took := until(keys)) is not None, seconds(took))
    strange = "orders/größe + 50%/日本.json"
    put(strange)
    holds("a key with spaces, signs and other scripts arrives as it is", until(lambda: strange in keys()) is not None, strange)

    lags = []
    for n in range(10 if cloud.is_short else 100):
        began, key = time.monotonic(), f"orders/lag-{n}.json"
        put(key)
        until(lambda key=key: "Item" in cloud.table(table).get_item(Key={"key": key}, ConsistentRead=True))
        lags.append(time.monotonic() - began)
    holds_soon(cloud, "put to item within a second", lags)

    before = len(keys())
    wanted = [f"orders/{n:04}.json" for n in range(count)]
    unwanted = [f"orders/{n}.txt" for n in range(5)] + [f"drafts/{n}.json" for n in range(5)]
    all_at_once(put, wanted + unwanted, workers=4)
    took = until(lambda: keys() >= set(wanted))
    holds(f"{count} objects are {count} items", took is not None and len(keys()) == before + count, f"{len(keys()) - before} items")
    until(lambda: cloud.invocations(made["Function"]) >= before + count)
    invoked = cloud.invocations(made["Function"])
    holds("other prefixes and suffixes invoke nothing", invoked == before + count, f"{before + count + len(unwanted)} puts, {invoked} invocations")

    put("orders/broken.json", b"{")
    put("orders/after.json")
    arrived = until(lambda: "orders/after.json" in keys() and cloud.backlog(made["FailuresUrl"]))
    (failure,) = [json.loads(body) for body in cloud.drained(made["FailuresUrl"])] if arrived is not None else [{}]
    said = failure.get("responsePayload", {}).get("errorType")
    holds("a broken object goes to the failure queue, and the next one to the table", said == "JSONDecodeError", said)

    acknowledged = [f"orders/before-{n}.json" for n in range(20)]
    all_at_once(put, acknowledged)
    cloud.kill_and_restart()
    took = until(lambda: keys() >= set(acknowledged))
    holds("what was acknowledged before the region was killed becomes items after it", took is not None, f"{len(keys() & set(acknowledged))} of {len(acknowledged)}")
