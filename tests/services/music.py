"""A table to test with, and how to hear a refusal."""

from __future__ import annotations


def table(client, name="music", **more):
    """A table with a partition key ``pk`` and a sort key ``sk``, both strings."""
    definitions = [{"AttributeName": n, "AttributeType": "S"} for n in ("pk", "sk")] + more.pop(
        "attributes", []
    )
    client.create_table(
        TableName=name,
        AttributeDefinitions=definitions,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        **{"BillingMode": "PAY_PER_REQUEST", **more},
    )
    return name


def index(name, hash_name, range_name=None, **projection):
    schema = [{"AttributeName": hash_name, "KeyType": "HASH"}]
    schema += [{"AttributeName": range_name, "KeyType": "RANGE"}] if range_name else []
    return {"IndexName": name, "KeySchema": schema, "Projection": projection or {"ProjectionType": "ALL"}}


G = [{"AttributeName": "g", "AttributeType": "S"}]
