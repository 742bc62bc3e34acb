"""Global tables with strong consistency: two of three regions must agree, and whoever cannot find a second one refuses."""

import pytest
from botocore.exceptions import ClientError

VIRGINIA, OHIO, OREGON = "us-east-1", "us-east-2", "us-west-2"
REGIONS = (VIRGINIA, OHIO, OREGON)
TABLE = "accounts"


def make(client, **more):
    client.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        **({"BillingMode": "PAY_PER_REQUEST"} | more),
    )


def strengthen(cloud, *replicas, witness=None):
    more = {"GlobalTableWitnessUpdates": [{"Create": {"RegionName": witness}}]} if witness else {}
    client = cloud.client("dynamodb", VIRGINIA)
    answer = client.update_table(
        TableName=TABLE, ReplicaUpdates=[{"Create": {"RegionName": r}} for r in replicas], MultiRegionConsistency="STRONG", **more
    )["TableDescription"]
    assert (answer["TableStatus"], answer["MultiRegionConsistency"], answer["GlobalTableVersion"]) == ("UPDATING", "STRONG", "2019.11.21")
    cloud.sleep(3)


@pytest.fixture
def world(make_cloud):
    cloud = make_cloud(*REGIONS, links="aws-p50")
    make(cloud.client("dynamodb", VIRGINIA))
    strengthen(cloud, OHIO, OREGON)
    return cloud


@pytest.fixture
def witnessed(make_cloud):
    cloud = make_cloud(*REGIONS, links="aws-p50")
    make(cloud.client("dynamodb", VIRGINIA))
    strengthen(cloud, OHIO, witness=OREGON)
    return cloud


def put(cloud, region, value, key="a", **more):
    return cloud.client("dynamodb", region).put_item(TableName=TABLE, Item={"id": {"S": key}, "v": {"N": str(value)}}, **more)


def read(cloud, region, key="a", strong=True):
    item = cloud.client("dynamodb", region).get_item(TableName=TABLE, Key={"id": {"S": key}}, ConsistentRead=strong).get("Item")
    return int(item["v"]["N"]) if item else None


def add(cloud, region, count=1, key="a"):
    cloud.client("dynamodb", region).update_item(
        TableName=TABLE, Key={"id": {"S": key}}, UpdateExpression="ADD v :one", ExpressionAttributeValues={":one": {"N": str(count)}}
    )


def isolate(cloud, region):
    return cloud.fault("region.isolate", {"region": region})


# What is promised ------------------------------------------------------------------------------------


def test_a_write_is_read_strongly_in_every_region_at_once(world):
    for number, region in enumerate(REGIONS * 2):
        put(world, region, number)
        assert [read(world, other) for other in REGIONS] == [number] * 3
    world.client("dynamodb", OHIO).delete_item(TableName=TABLE, Key={"id": {"S": "a"}})
    assert [read(world, other) for other in REGIONS] == [None] * 3


def test_conditions_and_updates_see_the_latest_version_wherever_it_was_written(world):
    put(world, VIRGINIA, 1)
    for number, region in enumerate((OHIO, OREGON, VIRGINIA, OREGON), 1):
        with pytest.raises(ClientError, match="ConditionalCheckFailed"):
            put(world, region, 0, ConditionExpression="attribute_not_exists(id)")
        add(world, region)
        assert read(world, OHIO) == number + 1


def test_the_first_write_of_an_item_takes_two_round_trips_and_the_next_from_the_same_region_one(world):
    # One remote answer, of the nearest region: Virginia and Ohio are 15 ms apart (cloudping.co).
    began = world.loop.time()
    put(world, VIRGINIA, 1)
    first = world.loop.time() - began
    put(world, VIRGINIA, 2)
    second = world.loop.time() - began - first
    assert 0.025 < first < 0.045 and 0.012 < second < 0.025


def test_eventual_reads_ask_nobody_and_may_be_old(world):
    put(world, VIRGINIA, 1)
    world.sleep(1)
    isolate(world, OREGON)
    put(world, VIRGINIA, 2)
    assert read(world, OREGON, strong=False) == 1
    world.heal()
    world.sleep(15)
    assert read(world, OREGON, strong=False) == 2


def test_strong_queries_scans_and_batches_see_everything_that_was_chosen(world):
    for number, region in enumerate(REGIONS * 4):
        put(world, region, number, key=str(number))
    for region in REGIONS:
        client = world.client("dynamodb", region)
        assert client.scan(TableName=TABLE, ConsistentRead=True)["Count"] == 12
        found = client.query(
            TableName=TABLE, ConsistentRead=True, KeyConditionExpression="id = :id", ExpressionAttributeValues={":id": {"S": "11"}}
        )
        assert found["Items"] == [{"id": {"S": "11"}, "v": {"N": "11"}}]
        keys = [{"id": {"S": str(number)}} for number in range(12)]
        assert len(client.batch_get_item(RequestItems={TABLE: {"Keys": keys, "ConsistentRead": True}})["Responses"][TABLE]) == 12


def test_a_strong_page_is_charged_once(world):
    client = world.client("dynamodb", OHIO)
    put(world, OREGON, 1)
    world.sleep(120)
    asked = client.scan(TableName=TABLE, ConsistentRead=True, ReturnConsumedCapacity="TOTAL")["ConsumedCapacity"]["CapacityUnits"]
    asked += client.query(
        TableName=TABLE, ConsistentRead=True, KeyConditionExpression="id = :id", ExpressionAttributeValues={":id": {"S": "a"}}, ReturnConsumedCapacity="TOTAL"
    )["ConsumedCapacity"]["CapacityUnits"]
    world.sleep(120)
    points = world.client("cloudwatch", OHIO).get_metric_statistics(
        Namespace="AWS/DynamoDB", MetricName="ConsumedReadCapacityUnits", Dimensions=[{"Name": "TableName", "Value": TABLE}],
        StartTime=world.now() - 240, EndTime=world.now(), Period=60, Statistics=["Sum"],
    )["Datapoints"]  # fmt: skip
    assert sum(point["Sum"] for point in points) == asked == 2.0


def test_a_batch_of_writes_is_chosen_item_by_item(world):
    requests = [{"PutRequest": {"Item": {"id": {"S": str(n)}, "v": {"N": str(n)}}}} for n in range(10)]
    assert world.client("dynamodb", OHIO).batch_write_item(RequestItems={TABLE: requests})["UnprocessedItems"] == {}
    assert [read(world, OREGON, str(n)) for n in range(10)] == list(range(10))


def test_statements_are_chosen_and_read_as_other_calls_are(world):
    virginia, ohio, oregon = (world.client("dynamodb", region) for region in REGIONS)
    virginia.execute_statement(Statement=f"INSERT INTO \"{TABLE}\" VALUE {{'id': 'a', 'v': 1}}")
    with pytest.raises(ClientError, match="DuplicateItemException"):
        ohio.execute_statement(Statement=f"INSERT INTO \"{TABLE}\" VALUE {{'id': 'a', 'v': 2}}")
    answer = ohio.execute_statement(Statement=f"UPDATE \"{TABLE}\" SET v = v + 4 WHERE id = 'a' RETURNING ALL NEW *", ReturnConsumedCapacity="TOTAL")
    assert answer["Items"] == [{"id": {"S": "a"}, "v": {"N": "5"}}]
    assert answer["ConsumedCapacity"]["CapacityUnits"] == 1.0
    isolate(world, VIRGINIA)
    for asked in (f"SELECT v FROM \"{TABLE}\"", f"SELECT v FROM \"{TABLE}\" WHERE id = 'a'"):
        assert oregon.execute_statement(Statement=asked, ConsistentRead=True)["Items"] == [{"v": {"N": "5"}}]
        with pytest.raises(ClientError, match="InternalServerError"):
            virginia.execute_statement(Statement=asked, ConsistentRead=True)
        assert virginia.execute_statement(Statement=asked)["Items"] == [{"v": {"N": "1"}}]
    with pytest.raises(ClientError, match="InternalServerError"):
        virginia.execute_statement(Statement=f"DELETE FROM \"{TABLE}\" WHERE id = 'a'")
    with pytest.raises(ClientError, match="ValidationException"):
        virginia.execute_statement(Statement=f"SELECT v FROM \"{TABLE}\".nowhere", ConsistentRead=True)


def test_a_batch_of_statements_is_chosen_one_by_one(world):
    ohio, oregon = (world.client("dynamodb", region) for region in (OHIO, OREGON))
    put(world, VIRGINIA, 1)
    ohio.create_table(
        TableName="plain", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )  # fmt: skip
    wanted = [f"INSERT INTO {TABLE} VALUE {{'id': 'b', 'v': 2}}", f"INSERT INTO {TABLE} VALUE {{'id': 'a', 'v': 2}}", "INSERT INTO plain VALUE {'id': 'c'}"]
    done = ohio.batch_execute_statement(Statements=[{"Statement": each} for each in wanted])["Responses"]
    assert [each.get("Error", {}).get("Code") for each in done] == [None, "DuplicateItem", None]
    isolate(world, VIRGINIA)
    select = {"Statement": f"SELECT * FROM {TABLE} WHERE id = ?", "ConsistentRead": True}
    asked = [select | {"Parameters": [{"S": key}]} for key in ("a", "b")]
    assert [each["Item"]["v"]["N"] for each in oregon.batch_execute_statement(Statements=asked)["Responses"]] == ["1", "2"]
    alone = world.client("dynamodb", VIRGINIA).batch_execute_statement(Statements=asked)["Responses"]
    assert [each["Error"]["Code"] for each in alone] == ["InternalServerError"] * 2
    assert ohio.get_item(TableName="plain", Key={"id": {"S": "c"}})["Item"] == {"id": {"S": "c"}}


def test_of_two_writes_of_one_item_at_once_in_two_regions_one_is_refused(world):
    writes = {}
    for number, region in enumerate((OREGON, VIRGINIA), 1):
        client = world.client("dynamodb", region)
        writes[region] = world.start(client.put_item, TableName=TABLE, Item={"id": {"S": "a"}, "v": {"N": str(number)}})
        world.sleep(0.03)  # Oregon has asked Ohio, and has not heard that its value stands there
    world.wait(writes[OREGON])
    with pytest.raises(ClientError, match="ReplicatedWriteConflictException"):
        world.wait(writes[VIRGINIA])
    assert [read(world, region) for region in REGIONS] == [1] * 3
    put(world, VIRGINIA, 9)  # and may be tried again
    assert read(world, OREGON) == 9


# What fails ------------------------------------------------------------------------------------------


def test_a_region_alone_refuses_writes_and_strong_reads_and_the_others_go_on(world):
    put(world, OREGON, 1)
    isolate(world, OREGON)
    for attempt in (lambda: put(world, OREGON, 2), lambda: read(world, OREGON), lambda: world.client("dynamodb", OREGON).scan(
        TableName=TABLE, ConsistentRead=True
    )):  # fmt: skip
        with pytest.raises(ClientError, match="InternalServerError"):
            attempt()
    assert read(world, OREGON, strong=False) == 1
    put(world, VIRGINIA, 3)
    assert (read(world, VIRGINIA), read(world, OHIO)) == (3, 3)
    world.heal()
    world.sleep(5)
    assert [read(world, region) in (2, 3) for region in REGIONS] == [True] * 3
    assert len({read(world, region) for region in REGIONS}) == 1


def test_a_region_lost_with_all_it_knew_loses_nothing_for_the_others(world):
    for number in range(20):
        put(world, REGIONS[number % 3], number, key=str(number))
    world.kill(VIRGINIA)
    for region in (OHIO, OREGON):
        assert [read(world, region, str(number)) for number in range(20)] == list(range(20))
    add(world, OHIO, 100, key="0")
    world.region(VIRGINIA)
    assert read(world, VIRGINIA, "0") == 100


def test_a_kill_in_the_middle_of_a_write_leaves_it_done_or_not_done(world):
    put(world, VIRGINIA, 0)
    for number, delay in enumerate((0.001, 0.008, 0.012, 0.016, 0.020, 0.024, 0.03, 0.05), 1):
        world.start(world.client("dynamodb", VIRGINIA).put_item, TableName=TABLE, Item={"id": {"S": "a"}, "v": {"N": str(number)}})
        world.sleep(delay)
        before = read(world, OHIO)
        world.kill(VIRGINIA)
        world.sleep(3)
        settled = read(world, OREGON)
        assert settled in (before, number)
        assert read(world, OHIO) == settled
        world.region(VIRGINIA)
        assert read(world, VIRGINIA) == settled
        put(world, VIRGINIA, number)


def test_a_witness_takes_part_and_has_no_table(witnessed):
    put(witnessed, VIRGINIA, 1)
    witnessed.kill(OHIO)
    put(witnessed, VIRGINIA, 2)  # the witness is the second region
    assert read(witnessed, VIRGINIA) == 2
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        witnessed.client("dynamodb", OREGON).describe_table(TableName=TABLE)
    assert witnessed.client("dynamodb", OREGON).list_tables()["TableNames"] == []
    witnessed.kill(VIRGINIA)
    witnessed.region(OHIO)
    assert read(witnessed, OHIO) == 2  # which it knows from the witness
    shown = witnessed.client("dynamodb", OHIO).describe_table(TableName=TABLE)["Table"]
    assert shown["GlobalTableWitnesses"] == [{"RegionName": OREGON, "WitnessStatus": "ACTIVE"}]


# What is refused: recorded from AWS in October 2026 (ack-api-quirks, table-global-tables) ---------------

CREATE = {"ReplicaUpdates": [{"Create": {"RegionName": OHIO}}]}


@pytest.mark.parametrize(
    "asked, refusal",
    [
        (CREATE | {"MultiRegionConsistency": "STRONG"}, "Unsupported replica count for global tables with MultiRegionConsistency set to STRONG."),
        (CREATE | {"GlobalTableWitnessUpdates": [{"Create": {"RegionName": OREGON}}]}, "MultiRegionConsistency must be set as STRONG when"),
        (
            CREATE | {"MultiRegionConsistency": "STRONG", "GlobalTableWitnessUpdates": [{"Create": {"RegionName": OHIO}}]},
            "Cannot target multiple regions with the same action",
        ),
        (
            CREATE | {"MultiRegionConsistency": "STRONG", "GlobalTableWitnessUpdates": [{"Create": {"RegionName": VIRGINIA}}]},
            "Cannot add a witness in the same region as an existing replica",
        ),
        (
            CREATE | {"MultiRegionConsistency": "STRONG", "GlobalTableWitnessUpdates": [{"Create": {"RegionName": "us-west-1"}}]},
            r"Unsupported Region\(s\) specified .*: \[us-west-1\]",
        ),
        ({"MultiRegionConsistency": "STRONG"}, "At least one of ProvisionedThroughput"),
        ({"GlobalTableWitnessUpdates": [{"Create": {"RegionName": OREGON}}]}, "At least one of ProvisionedThroughput"),
        (
            CREATE | {"MultiRegionConsistency": "STRONG", "DeletionProtectionEnabled": True},
            "Requests that modify replicas or witnesses must not also modify other fields",
        ),
    ],
)  # fmt: skip
def test_strong_groups_are_born_whole_or_refused_in_aws_words(make_cloud, asked, refusal):
    cloud = make_cloud(*REGIONS)
    make(cloud.client("dynamodb", VIRGINIA))
    with pytest.raises(ClientError, match=f"ValidationException.*{refusal}"):
        cloud.client("dynamodb", VIRGINIA).update_table(TableName=TABLE, **asked)


@pytest.mark.parametrize("flaw", ["items", "ttl"])
def test_what_a_strong_table_cannot_have_stops_it(make_cloud, flaw):
    cloud = make_cloud(*REGIONS)
    client = cloud.client("dynamodb", VIRGINIA)
    make(client)
    if flaw == "items":
        put(cloud, VIRGINIA, 1)
    else:
        client.update_time_to_live(TableName=TABLE, TimeToLiveSpecification={"Enabled": True, "AttributeName": "until"})
    with pytest.raises(ClientError, match="ValidationException"):
        client.update_table(
            TableName=TABLE, ReplicaUpdates=[{"Create": {"RegionName": r}} for r in (OHIO, OREGON)], MultiRegionConsistency="STRONG"
        )


def test_a_strong_group_is_frozen_and_goes_whole(world):
    client = world.client("dynamodb", VIRGINIA)
    for asked, refusal in (
        ({"ReplicaUpdates": [{"Create": {"RegionName": "eu-west-1"}}]}, "Cannot add replicas to a global table with strong"),
        ({"ReplicaUpdates": [{"Delete": {"RegionName": OHIO}}]}, "Deletion of only one table replica is not supported"),
        (CREATE | {"MultiRegionConsistency": "EVENTUAL"}, "MultiRegionConsistency parameter is unsupported on existing global table"),
        ({"ReplicaUpdates": [{"Delete": {"RegionName": OHIO}}], "MultiRegionConsistency": "STRONG"}, "Only Replica Create actions are supported"),
    ):  # fmt: skip
        with pytest.raises(ClientError, match=refusal):
            client.update_table(TableName=TABLE, **asked)
    with pytest.raises(ClientError, match="Deletion of only one table replica is not supported"):
        client.delete_table(TableName=TABLE)
    with pytest.raises(ClientError, match="Time To Live is not supported"):
        client.update_time_to_live(TableName=TABLE, TimeToLiveSpecification={"Enabled": True, "AttributeName": "until"})
    put(world, OHIO, 1)
    client.update_table(TableName=TABLE, ReplicaUpdates=[{"Delete": {"RegionName": r}} for r in (OHIO, OREGON)])
    world.sleep(5)
    assert not {"Replicas", "MultiRegionConsistency", "GlobalTableVersion"} & client.describe_table(TableName=TABLE)["Table"].keys()
    assert read(world, VIRGINIA) == 1
    client.delete_table(TableName=TABLE)


def test_transactions_are_refused(world):
    client = world.client("dynamodb", OHIO)
    with pytest.raises(ClientError, match="ValidationException.*Transactional operations are not supported"):
        client.transact_write_items(TransactItems=[{"Put": {"TableName": TABLE, "Item": {"id": {"S": "a"}}}}])
    with pytest.raises(ClientError, match="ValidationException.*Transactional operations are not supported"):
        client.transact_get_items(TransactItems=[{"Get": {"TableName": TABLE, "Key": {"id": {"S": "a"}}}}])
