"""A global table: refused as AWS refuses it, repaired, and with one of its regions dead."""

from botocore.exceptions import ClientError
from global_table import global_table
from global_table.global_table import REGIONS, TABLE, name_in
from stage import holds, seconds, until

DOOMED, WRITER, READER = REGIONS


def refused_as_written(client):
    try:
        client.create_global_table(GlobalTableName=TABLE, ReplicationGroup=[{"RegionName": region} for region in REGIONS])
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"]["Message"]
    return "", ""


def write(client, user_id):
    client.put_item(TableName=TABLE, Item={"user_id": {"S": user_id}, "name": {"S": user_id}})


def missing_after(work):
    """What somebody waited for in vain; nothing, it is hoped."""
    try:
        work()
    except TimeoutError as what:
        return f"{what}: not within {global_table.WITHIN_S:g} s"
    return ""


def show(cloud):
    by_region = {region: cloud.client("dynamodb", region) for region in REGIONS}
    code, text = refused_as_written(by_region[DOOMED])
    words = "Table not found: Table: 'UserProfiles' not found in region: 'us-east-1'."
    holds("what joins no tables is refused", (code, text) == ("TableNotFoundException", words), f"{code}: {text}")
    holds("a DynamoDB client puts no scaling policy", not hasattr(by_region[DOOMED], "put_scaling_policy"))
    missed = missing_after(lambda: (global_table.make_2019(by_region), global_table.write_and_watch(by_region)))
    holds("each region's writes and deletions are in all, and of three writers of one item the last stands", not missed, missed)
    write(by_region[DOOMED], "before")
    cloud.admin("POST", f"regions/{DOOMED}/kill")
    write(by_region[WRITER], "meanwhile")
    took = until(lambda: name_in(by_region[READER], "meanwhile"))
    holds(f"with {DOOMED} dead the others go on", took is not None, seconds(took))
    cloud.admin("POST", f"regions/{DOOMED}/restart")
    took = until(lambda: name_in(by_region[DOOMED], "meanwhile") and all(name_in(client, "before") for client in by_region.values()))
    holds("back on its data it learns what it missed, and what it had acknowledged is everywhere", took is not None, seconds(took))
