"""Follows the orders by the table's stream, and keeps the read model."""

from boto3.dynamodb.types import TypeDeserializer
from model import count

plain = TypeDeserializer().deserialize


def handler(event, context):
    for record in event["Records"]:
        count({name: plain(value) for name, value in record["dynamodb"]["NewImage"].items()})
