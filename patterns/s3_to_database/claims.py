"""What the pattern claims: a row for each line, exactly once, whatever is told twice, fails or is killed, the database with the rest."""

from pathlib import Path

from stage import built, holds, seconds, until

LINES = 100
LIBRARIES = ("pg8000", "scramp", "asn1crypto", "python-dateutil", "six")


def csv():
    return "\n".join(["item,amount", *(f"item-{n},{n}" for n in range(LINES))]).encode()


def show(cloud):
    with built(Path(__file__).parent, "layer/python", LIBRARIES) as template:
        made = cloud.deploy(template, "s3-to-database")
    s3, bucket = cloud.client("s3"), made["Bucket"]
    cloud.invoke(made["Prepare"], {})

    def put(key):
        s3.put_object(Bucket=bucket, Key=key, Body=csv())

    def loaded(key):
        """The rows of a file, and how many lines and how much its total counts; nothing while nobody can say."""
        try:
            return tuple(cloud.invoke(made["Count"], {"file": key}))
        except RuntimeError:
            return (0, 0, 0)

    def is_done(key):
        return until(lambda: loaded(key)[0] == LINES and not cloud.backlog(made["LinesUrl"]), within_s=90)

    whole = (LINES, LINES, sum(range(LINES)))
    put("plain.csv")
    took = is_done("plain.csv")
    holds(f"a file of {LINES} lines is {LINES} rows, and the total counts each once", loaded("plain.csv") == whole, f"{loaded('plain.csv')[0]} rows, {seconds(took)}")

    etag = s3.head_object(Bucket=bucket, Key="plain.csv")["ETag"].strip('"')
    cloud.invoke(made["Splitter"], {"Records": [{"s3": {"bucket": {"name": bucket}, "object": {"key": "plain.csv", "eTag": etag}}}]})
    until(lambda: not cloud.backlog(made["LinesUrl"]))
    holds("the same file told of twice changes nothing", loaded("plain.csv") == whole, "{} rows, total counts {} lines, {}".format(*loaded("plain.csv")))

    with cloud.fault("queue.duplicate", {"queue": made["LinesUrl"].rpartition("/")[2]}, percent=20), \
         cloud.fault("lambda.error", {"function": made["Loader"]}, percent=20, prevent_execution=False):  # fmt: skip
        put("troubled.csv")
        took = is_done("troubled.csv")
    holds("so do 20 % of messages received twice and 20 % of batches failing after their work", loaded("troubled.csv") == whole, f"{loaded('troubled.csv')[0]} rows, {seconds(took)}")

    put("rebooted.csv")
    until(lambda: loaded("rebooted.csv")[0])
    cloud.client("rds").reboot_db_instance(DBInstanceIdentifier=made["Database"])
    took = is_done("rebooted.csv")
    holds("a database that is rebooted meanwhile has each line once", loaded("rebooted.csv") == whole, f"{loaded('rebooted.csv')[0]} rows, {seconds(took)}")

    put("killed.csv")
    until(lambda: loaded("killed.csv")[0])
    at_kill = loaded("killed.csv")[0]
    cloud.kill_and_restart()
    took = is_done("killed.csv")
    holds(f"a region killed with {at_kill} rows loaded, its database too, loads the rest, each once", loaded("killed.csv") == whole, f"{loaded('killed.csv')[0]} rows, {seconds(took)}")
    kept = [loaded(key) == whole for key in ("plain.csv", "troubled.csv", "rebooted.csv")]
    holds("and what was loaded before is there", all(kept), f"{sum(kept)} of {len(kept)} files")
