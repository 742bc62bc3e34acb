"""Global indexes whose keys are made of several attributes."""

from __future__ import annotations

import random

import pytest
from botocore.exceptions import ClientError

TABLE = "games"
HASHES, RANGES = (("team", "S"), ("season", "N")), (("round", "S"), ("score", "N"), ("raw", "B"))


@pytest.fixture
def ddb(cloud):
    return cloud.client("dynamodb")


def make(ddb, schema=None, **more):
    schema = schema or [*[(name, "HASH") for name, _ in HASHES], *[(name, "RANGE") for name, _ in RANGES]]
    ddb.create_table(
        TableName=TABLE, BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": k} for n, k in (("id", "S"), *HASHES, *RANGES)],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-all", "Projection": {"ProjectionType": "ALL"},
                "KeySchema": [{"AttributeName": name, "KeyType": kind} for name, kind in schema],
            }
        ], **more,
    )  # fmt: skip


def put(ddb, key, team="a", season=1, round_="r", score=0, raw=b"x"):
    ddb.put_item(
        TableName=TABLE,
        Item={
            "id": {"S": str(key)}, "team": {"S": team}, "season": {"N": str(season)}, "round": {"S": round_}, "score": {"N": str(score)},
            "raw": {"B": raw},
        },
    )  # fmt: skip


def query(ddb, condition, **values):
    names = {f"#{name}": name for name, _ in (*HASHES, *RANGES) if f"#{name}" in condition}
    found = ddb.query(
        TableName=TABLE, IndexName="by-all", KeyConditionExpression=condition, ExpressionAttributeNames=names,
        ExpressionAttributeValues={f":{name}": value for name, value in values.items()},
    )  # fmt: skip
    return [item["id"]["S"] for item in found["Items"]]


HERE = "#team = :t and #season = :s"
AT = {"t": {"S": "a"}, "s": {"N": "1"}}


def test_the_key_is_shown_as_it_was_made(ddb):
    make(ddb)
    [index] = ddb.describe_table(TableName=TABLE)["Table"]["GlobalSecondaryIndexes"]
    assert [(e["AttributeName"], e["KeyType"]) for e in index["KeySchema"]] == [
        ("team", "HASH"), ("season", "HASH"), ("round", "RANGE"), ("score", "RANGE"), ("raw", "RANGE"),
    ]  # fmt: skip


def test_items_sort_by_one_part_after_the_other_whatever_bytes_they_hold(ddb):
    make(ddb)
    dice = random.Random(7)
    rows = []
    for number in range(200):
        row = (dice.choice(["", "a", "ab", "a\x00", "a\x00b", "b"]) + "r", dice.randint(-20, 20), bytes(dice.choices([0, 1, 254, 255], k=dice.randint(1, 3))))
        rows.append((row, str(number)))
        put(ddb, number, round_=row[0], score=row[1], raw=row[2])
    put(ddb, "elsewhere", season=2)
    rows.sort(key=lambda each: (each[0][0].encode(), each[0][1], each[0][2]))
    found = query(ddb, HERE, **AT)
    by_id = {number: row for row, number in rows}
    assert [by_id[number] for number in found] == [row for row, _ in rows]


def test_conditions_name_the_first_parts_and_a_range_of_the_last(ddb):
    make(ddb)
    for number in range(10):
        put(ddb, number, round_="ra" if number < 5 else "rb", score=number)
    assert query(ddb, f"{HERE} and #round = :r", **AT, r={"S": "ra"}) == list("01234")
    assert query(ddb, f"{HERE} and begins_with(#round, :r)", **AT, r={"S": "r"}) == list("0123456789")
    assert query(ddb, f"{HERE} and #round > :r", **AT, r={"S": "ra"}) == list("56789")
    assert query(ddb, f"{HERE} and #round <= :r", **AT, r={"S": "ra"}) == list("01234")
    and_round = {**AT, "r": {"S": "rb"}}
    assert query(ddb, f"{HERE} and #round = :r and #score >= :n", **and_round, n={"N": "7"}) == list("789")
    assert query(ddb, f"{HERE} and #round = :r and #score < :n", **and_round, n={"N": "7"}) == list("56")
    assert query(ddb, f"{HERE} and #round = :r and #score between :n and :m", **and_round, n={"N": "6"}, m={"N": "8"}) == list("678")
    assert query(ddb, f"{HERE} and #round = :r and #score = :n and #raw = :b", **and_round, n={"N": "6"}, b={"B": b"x"}) == ["6"]


@pytest.mark.parametrize(
    "condition, values",
    [
        ("#team = :t", {"t": {"S": "a"}}),
        (f"{HERE} and #score = :n", {**AT, "n": {"N": "1"}}),
        (f"{HERE} and #round > :r and #score = :n", {**AT, "r": {"S": "r"}, "n": {"N": "1"}}),
        ("#team = :t and #season > :s", AT),
    ],
)
def test_parts_are_not_left_out_and_ranges_come_last(ddb, condition, values):
    make(ddb)
    with pytest.raises(ClientError, match="ValidationException.*Query (key )?condition"):
        query(ddb, condition, **values)


def test_conditions_in_the_old_form_name_as_many_attributes_as_the_key_has(ddb):
    """moto's test_key_conditions_with_range_keys, verified against AWS."""
    make(ddb)
    for score in range(4):
        put(ddb, score, score=score)
    said = {"team": ("EQ", "S", "a"), "season": ("EQ", "N", "1"), "round": ("EQ", "S", "r"), "score": ("GT", "N", "1")}
    conditions = {
        name: {"ComparisonOperator": operator, "AttributeValueList": [{kind: value}]} for name, (operator, kind, value) in said.items()
    }
    found = ddb.query(TableName=TABLE, IndexName="by-all", KeyConditions=conditions)["Items"]
    assert [item["id"]["S"] for item in found] == ["2", "3"]
    with pytest.raises(ClientError, match="Conditions can be of length 1 or 2 only"):
        ddb.query(TableName=TABLE, KeyConditions=conditions)


def test_an_item_that_lacks_a_part_is_not_in_the_index(ddb):
    make(ddb)
    put(ddb, "whole")
    ddb.put_item(TableName=TABLE, Item={"id": {"S": "half"}, "team": {"S": "a"}, "season": {"N": "1"}, "round": {"S": "r"}})
    assert ddb.scan(TableName=TABLE, IndexName="by-all")["Count"] == 1
    ddb.update_item(TableName=TABLE, Key={"id": {"S": "whole"}}, UpdateExpression="REMOVE score")
    assert ddb.scan(TableName=TABLE, IndexName="by-all")["Count"] == 0


def test_pages_go_on_where_they_ended(ddb):
    make(ddb)
    for number in range(25):
        put(ddb, number, score=number % 5)
    pages = ddb.get_paginator("query").paginate(
        TableName=TABLE, IndexName="by-all", KeyConditionExpression="team = :t and season = :s",
        ExpressionAttributeValues={":t": AT["t"], ":s": AT["s"]}, PaginationConfig={"PageSize": 4},
    )  # fmt: skip
    found = [item["score"]["N"] for page in pages for item in page["Items"]]
    assert found == sorted(found) and len(found) == 25


def test_an_index_of_several_attributes_can_be_made_later_and_goes_through_a_kill(cloud, ddb):
    ddb.create_table(
        TableName=TABLE, BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )  # fmt: skip
    put(ddb, 1)
    schema = [{"AttributeName": n, "KeyType": "HASH"} for n, _ in HASHES] + [{"AttributeName": "round", "KeyType": "RANGE"}]
    ddb.update_table(
        TableName=TABLE,
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": k} for n, k in (("id", "S"), *HASHES, RANGES[0])],
        GlobalSecondaryIndexUpdates=[{"Create": {"IndexName": "by-all", "KeySchema": schema, "Projection": {"ProjectionType": "ALL"}}}],
    )
    cloud.restart(kill=True)
    assert query(ddb, HERE, **AT) == ["1"]


@pytest.mark.parametrize(
    "schema",
    [
        [("team", "RANGE"), ("season", "HASH"), ("round", "RANGE")],
        [("team", "HASH"), ("round", "RANGE"), ("season", "HASH")],
        [("team", "HASH"), ("round", "RANGE"), ("round", "RANGE")],
        [("team", "HASH"), ("round", "RANGE"), ("unknown", "RANGE")],
    ],
)
def test_keys_that_make_no_sense_are_refused(ddb, schema):
    with pytest.raises(ClientError, match="ValidationException"):
        make(ddb, schema)
