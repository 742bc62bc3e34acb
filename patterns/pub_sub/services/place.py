"""Places an order and tells it. It does not know who listens, and does not wait for them."""

import json
import os

import boto3

events = boto3.client("events")


def handler(order, context):
    entry = {"EventBusName": os.environ["BUS"], "Source": "shop", "DetailType": "Order placed", "Detail": json.dumps(order)}
    reply = events.put_events(Entries=[entry])
    if reply["FailedEntryCount"]:
        raise RuntimeError(reply["Entries"])
    return {"placed": order["order"]}
