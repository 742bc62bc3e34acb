"""UserProfiles in three regions, as two generations of DynamoDB make it, and what a reader of any region sees.

    kumoniwa up --port 4566 &
    python patterns/global_table/global_table.py --endpoint http://127.0.0.1:4566 [--version 2019.11.21 | 2017.11.29]

Against AWS itself leave ``--endpoint`` out; version 2017.11.29 is refused there since 2025.
"""

import argparse
import time

import boto3

TABLE = "UserProfiles"
REGIONS = ("us-east-1", "eu-west-1", "ap-northeast-1")
SCHEMA = {
    "TableName": TABLE,
    "KeySchema": [{"AttributeName": "user_id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "user_id", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
    "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
}
WITHIN_S = 120.0


def clients(endpoint=None):
    """A DynamoDB client for each region: an application talks to its own region's table and to no other."""
    return {region: boto3.client("dynamodb", region_name=region, endpoint_url=endpoint) for region in REGIONS}


def until(what, is_so):
    """Wait for something that takes AWS a while."""
    ends = time.monotonic() + WITHIN_S
    while not is_so():
        if time.monotonic() > ends:
            raise TimeoutError(what)
        time.sleep(0.2)


def make_2017(by_region):
    """The tables must be there before they can be joined: empty, alike, with a stream of both images."""
    for region, client in by_region.items():
        client.create_table(**SCHEMA)
        client.get_waiter("table_exists").wait(TableName=TABLE, WaiterConfig={"Delay": 1})
        print(f"{region}: {TABLE} stands alone")
    first = by_region[REGIONS[0]]
    first.create_global_table(GlobalTableName=TABLE, ReplicationGroup=[{"RegionName": region} for region in REGIONS])
    for region, client in by_region.items():
        until(f"a global table in {region}", lambda client=client: has_joined(client))


def has_joined(client):
    try:
        shown = client.describe_global_table(GlobalTableName=TABLE)["GlobalTableDescription"]
    except client.exceptions.GlobalTableNotFoundException:
        return False
    return shown["GlobalTableStatus"] == "ACTIVE"


def make_2019(by_region):
    """One table, and the others are made from it, one after the other."""
    first = by_region[REGIONS[0]]
    first.create_table(**SCHEMA)
    first.get_waiter("table_exists").wait(TableName=TABLE, WaiterConfig={"Delay": 1})
    for region in REGIONS[1:]:
        first.update_table(TableName=TABLE, ReplicaUpdates=[{"Create": {"RegionName": region}}])
        until(f"a replica in {region}", lambda: is_settled(first))
        print(f"{region}: has a replica")


def is_settled(client):
    table = client.describe_table(TableName=TABLE)["Table"]
    return table["TableStatus"] == "ACTIVE" and all(r["ReplicaStatus"] == "ACTIVE" for r in table.get("Replicas", []))


def name_in(client, user_id):
    item = client.get_item(TableName=TABLE, Key={"user_id": {"S": user_id}}, ConsistentRead=True).get("Item")
    return item["name"]["S"] if item else None


def write_and_watch(by_region):
    """What each region writes is in the others about a second later; what one deletes is gone everywhere."""
    for region, client in by_region.items():
        began = time.monotonic()
        client.put_item(TableName=TABLE, Item={"user_id": {"S": region}, "name": {"S": f"written in {region}"}})
        until("the other regions", lambda user=region: all(name_in(c, user) == f"written in {user}" for c in by_region.values()))
        print(f"{region}: its write is in every region after {time.monotonic() - began:.1f} s")
    by_region[REGIONS[1]].delete_item(TableName=TABLE, Key={"user_id": {"S": REGIONS[0]}})
    until("the deletion", lambda: all(name_in(c, REGIONS[0]) is None for c in by_region.values()))
    print("a deletion is known in every region")
    for region, client in by_region.items():
        client.put_item(TableName=TABLE, Item={"user_id": {"S": "contended"}, "name": {"S": region}})
    until("one winner", lambda: {name_in(c, "contended") for c in by_region.values()} == {REGIONS[-1]})
    print(f"of three writes of one item the last one stands everywhere: {REGIONS[-1]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--endpoint")
    parser.add_argument("--version", choices=("2019.11.21", "2017.11.29"), default="2019.11.21")
    asked = parser.parse_args()
    by_region = clients(asked.endpoint)
    (make_2017 if asked.version == "2017.11.29" else make_2019)(by_region)
    write_and_watch(by_region)


if __name__ == "__main__":
    main()
