"""What the pattern claims: a row for each line, exactly once, whatever is told twice, fails or is killed; a poison line stands aside."""

import json
from pathlib import Path

from stage import holds, seconds, until

LINES = 100


def csv(poison=()):
    lines = ["item,amount", *(f"item-{n},{'a lot' if n in poison else n}" for n in range(LINES))]
    return "\n".join(lines).encode()


def show(cloud):
    made = cloud.deploy(Path(__file__).with_name("template.yaml"), "s3-to-queue")
    s3, bucket = cloud.client("s3"), made["Bucket"]

    def put(key, **more):
        s3.put_object(Bucket=bucket, Key=key, Body=csv(**more))

    def loaded(key):
        """The rows of a file, and how many lines and how much its total counts."""
        rows = cloud.rows(made["Table"])
        total = next((row for row in rows if row["id"] == f"total:{key}"), {"counted": 0, "amount": 0})
        return sum(row["id"].startswith(f"{key}:") for row in rows), int(total["counted"]), int(total["amount"])

    def is_done(key):
        return until(lambda: loaded(key)[0] == LINES and not cloud.backlog(made["LinesUrl"]))

    whole = (LINES, LINES, sum(range(LINES)))
    put("plain.csv")
    took = is_done("plain.csv")
    holds(f"a file of {LINES} lines is {LINES} rows, and the total counts each once", loaded("plain.csv") == whole, f"{loaded('plain.csv')[0]} rows, {seconds(took)}")

    etag = s3.head_object(Bucket=bucket, Key="plain.csv")["ETag"].strip('"')
    again = {"Records": [{"s3": {"bucket": {"name": bucket}, "object": {"key": "plain.csv", "eTag": etag}}}]}
    cloud.invoke(made["Splitter"], again)
    until(lambda: not cloud.backlog(made["LinesUrl"]))
    holds("the same file told of twice changes nothing", loaded("plain.csv") == whole, "{} rows, total counts {} lines, {}".format(*loaded("plain.csv")))

    with cloud.fault("queue.duplicate", {"queue": made["LinesUrl"].rpartition("/")[2]}, percent=20), \
         cloud.fault("lambda.error", {"function": made["Loader"]}, percent=20, prevent_execution=False):  # fmt: skip
        put("troubled.csv")
        took = is_done("troubled.csv")
    holds("so do 20 % of messages received twice and 20 % of batches failing after their work", loaded("troubled.csv") == whole, f"{loaded('troubled.csv')[0]} rows, {seconds(took)}")

    poison = {13, 42}
    put("poisoned.csv", poison=poison)
    took = until(lambda: cloud.backlog(made["PoisonUrl"]) == len(poison) and not cloud.backlog(made["LinesUrl"]))
    found = {json.loads(body)["item"] for body in cloud.drained(made["PoisonUrl"])}
    count, lines, amount = loaded("poisoned.csv")
    rest = LINES - len(poison)
    holds("poison lines end in the dead-letter queue", found == {f"item-{n}" for n in poison}, f"{sorted(found)}, {seconds(took)}")
    holds("and all others in the table", (count, lines, amount) == (rest, rest, sum(range(LINES)) - sum(poison)), f"{count} rows")

    put("killed.csv")
    until(lambda: loaded("killed.csv")[0])
    at_kill = loaded("killed.csv")[0]
    cloud.kill_and_restart()
    took = is_done("killed.csv")
    holds(f"a region killed with {at_kill} rows loaded loads the rest, each once", loaded("killed.csv") == whole, f"{loaded('killed.csv')[0]} rows, {seconds(took)}")
