"""Follows the events by the table's stream: keeps every account's balance, and now and then a snapshot."""

from account import apply, new
from boto3.dynamodb.types import TypeDeserializer
from store import balances, keep, snapshots

SNAPSHOT_EVERY = 10
plain = TypeDeserializer().deserialize


def handler(event, context):
    for record in event["Records"]:
        follow({name: plain(value) for name, value in record["dynamodb"]["NewImage"].items()})


def follow(event):
    account = event["account"]
    state = balances.get_item(Key={"account": account}, ConsistentRead=True).get("Item") or new(account)
    if event["version"] <= state["version"]:
        return  # told twice
    state = apply(state, event)
    keep(balances, state)
    if state["version"] % SNAPSHOT_EVERY == 0:
        keep(snapshots, state)
