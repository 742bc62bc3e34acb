"""The events, of which each stands once and for ever, and the snapshots that save reading them all."""

import os

import boto3
from account import apply, new
from boto3.dynamodb.conditions import Key

dynamodb = boto3.resource("dynamodb")
table = dynamodb.Table(os.environ["EVENTS"])
snapshots = dynamodb.Table(os.environ["SNAPSHOTS"])
balances = dynamodb.Table(os.environ["BALANCES"])
Taken = table.meta.client.exceptions.ConditionalCheckFailedException


def append(event):
    """Raises Taken if another event of that version is there."""
    table.put_item(Item=event, ConditionExpression="attribute_not_exists(version)")


def events(account, after=0, until=None):
    """The events of an account in order."""
    condition = Key("account").eq(account) & (Key("version").gt(after) if until is None else Key("version").between(after + 1, until))
    yield from _pages(table.query, KeyConditionExpression=condition, ConsistentRead=True)


def everything():
    """All events; those of an account in order."""
    yield from _pages(table.scan, ConsistentRead=True)


def _pages(read, **asked):
    while True:
        page = read(**asked)
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        asked["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def load(account):
    """The state of an account: its snapshot and what happened since. Answers how many events were read, too."""
    state, count = snapshots.get_item(Key={"account": account}).get("Item") or new(account), 0
    for event in events(account, after=state["version"]):
        state, count = apply(state, event), count + 1
    return state, count


def keep(where, state):
    """A newer state replaces an older one, never the other way."""
    try:
        where.put_item(
            Item=state,
            ConditionExpression="attribute_not_exists(account) OR version < :version",
            ExpressionAttributeValues={":version": state["version"]},
        )
    except Taken:
        pass  # it is known already: a stream tells some things twice
