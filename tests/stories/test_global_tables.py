"""Global tables of version 2019.11.21, eventually consistent: what is written in one region is soon in the others, whatever happens meanwhile."""

import statistics

import pytest
from botocore.exceptions import ClientError

from kumoniwa.services.dynamodb import log

US, EU, TOKYO = "us-east-1", "eu-west-1", "ap-northeast-1"
REGIONS = (US, EU, TOKYO)
TABLE = "orders"


def make(client, name=TABLE, **more):
    client.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        **({"BillingMode": "PAY_PER_REQUEST"} | more),
    )


def replicate(cloud, *regions, source=US, name=TABLE):
    client = cloud.client("dynamodb", source)
    for region in regions:
        client.update_table(TableName=name, ReplicaUpdates=[{"Create": {"RegionName": region}}])
        for _ in range(100):
            cloud.sleep(0.2)
            if client.describe_table(TableName=name)["Table"]["TableStatus"] == "ACTIVE":
                break
        else:
            raise AssertionError(f"no replica in {region}")


@pytest.fixture
def world(make_cloud):
    """A table with replicas in three regions, as far from each other as AWS's."""
    cloud = make_cloud(*REGIONS, links="aws-p50")
    make(cloud.client("dynamodb", US))
    replicate(cloud, EU, TOKYO)
    return cloud


def put(cloud, region, key, value, **more):
    cloud.client("dynamodb", region).put_item(TableName=TABLE, Item={"id": {"S": key}, "v": {"S": value}, **more})


def value(cloud, region, key):
    item = cloud.client("dynamodb", region).get_item(TableName=TABLE, Key={"id": {"S": key}}, ConsistentRead=True).get("Item")
    return item["v"]["S"] if item else None


def everywhere(cloud, key, regions=REGIONS):
    return {value(cloud, region, key) for region in regions}


def contents(cloud, region):
    items = cloud.client("dynamodb", region).scan(TableName=TABLE)["Items"]
    return {item["id"]["S"]: {k: v for k, v in item.items() if k != "id"} for item in items}


def applied(cloud, kind="apply"):
    return [event for event in cloud.events if event["kind"] == kind and event["table"] == TABLE]


def stream(cloud, region):
    """Everything a region's stream of the table tells."""
    arn = cloud.client("dynamodb", region).describe_table(TableName=TABLE)["Table"]["LatestStreamArn"]
    streams = cloud.client("dynamodbstreams", region)
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    return streams.get_records(ShardIterator=iterator)["Records"]


# What travels ----------------------------------------------------------------------------------------


def test_a_write_is_in_the_other_regions_after_a_while_and_not_before(world):
    put(world, US, "a", "1")
    assert value(world, EU, "a") is None
    world.sleep(3)
    assert everywhere(world, "a") == {"1"}


def test_the_lag_is_lognormal_with_aws_figures(world):
    # median 300 ms and p99 1 s, plus half a round trip of the link: shared model of "usually within a second"
    for number in range(400):
        put(world, US, str(number), "x")
        world.sleep(0.01)
    world.sleep(5)
    lags = [event["applied_at"] - event["written_at"] for event in applied(world) if event["region"] == EU]
    assert len(lags) == 400
    assert 0.28 < statistics.median(lags) < 0.45
    assert 0.7 < sorted(lags)[395] < 1.8
    rows = world.regions[US].report()["dynamodb"]["latency"]
    assert {(row["table"], row["receiving_region"]) for row in rows} >= {(TABLE, EU), (TABLE, TOKYO)}
    assert sum(row["samples"] for row in rows if row["receiving_region"] == EU) == 400


def test_every_kind_of_write_is_replicated(world):
    client = world.client("dynamodb", US)
    put(world, US, "updated", "1")
    put(world, US, "deleted", "1")
    world.sleep(3)
    client.update_item(TableName=TABLE, Key={"id": {"S": "updated"}}, UpdateExpression="SET v = :v", ExpressionAttributeValues={":v": {"S": "2"}})
    client.delete_item(TableName=TABLE, Key={"id": {"S": "deleted"}})
    client.batch_write_item(RequestItems={TABLE: [{"PutRequest": {"Item": {"id": {"S": "batch"}, "v": {"S": "1"}}}}]})
    client.transact_write_items(TransactItems=[{"Put": {"TableName": TABLE, "Item": {"id": {"S": "transaction"}, "v": {"S": "1"}}}}])
    client.execute_statement(Statement=f"INSERT INTO {TABLE} VALUE {{'id': 'partiql', 'v': '1'}}")
    world.sleep(3)
    for region in (EU, TOKYO):
        assert {key: item["v"]["S"] for key, item in contents(world, region).items()} == {
            "updated": "2", "batch": "1", "transaction": "1", "partiql": "1",
        }  # fmt: skip


def test_writes_of_one_item_arrive_in_their_order(world):
    for number in range(50):
        put(world, US, "counter", str(number))
        world.sleep(0.03)
    world.sleep(4)
    told = [r["dynamodb"]["NewImage"]["v"]["S"] for r in stream(world, TOKYO) if r["dynamodb"]["Keys"]["id"]["S"] == "counter"]
    assert told == [str(number) for number in range(50)]


def test_each_replica_has_a_stream_of_its_own_that_tells_of_all_writes(world):
    put(world, US, "a", "1")
    put(world, TOKYO, "b", "1")
    world.sleep(3)
    arns = {world.client("dynamodb", region).describe_table(TableName=TABLE)["Table"]["LatestStreamArn"] for region in REGIONS}
    assert len(arns) == 3
    for region in REGIONS:
        assert {r["dynamodb"]["Keys"]["id"]["S"] for r in stream(world, region)} == {"a", "b"}
        assert {r["awsRegion"] for r in stream(world, region)} == {region}


def test_what_expires_is_deleted_everywhere_and_only_the_region_where_it_did_says_so(world):
    # userIdentity is set in the region that deleted, and in no other:
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html
    world.client("dynamodb", EU).update_time_to_live(TableName=TABLE, TimeToLiveSpecification={"Enabled": True, "AttributeName": "until"})
    world.sleep(2)
    for region in REGIONS:
        found = world.client("dynamodb", region).describe_time_to_live(TableName=TABLE)["TimeToLiveDescription"]
        assert found == {"TimeToLiveStatus": "ENABLED", "AttributeName": "until"}
    put(world, US, "a", "1", until={"N": str(int(world.now()) + 5)})
    world.sleep(40)
    assert everywhere(world, "a") == {None}
    told = [[r for r in stream(world, region) if r["eventName"] == "REMOVE"] for region in REGIONS]
    assert [len(records) for records in told] == [1, 1, 1]
    assert sum("userIdentity" in records[0] for records in told) >= 1


# Conflicts -------------------------------------------------------------------------------------------


def test_of_two_writes_that_did_not_see_each_other_the_later_stands_and_the_loser_is_named(world):
    put(world, US, "a", "first")
    world.sleep(0.05)
    put(world, EU, "a", "second")
    world.sleep(4)
    assert everywhere(world, "a") == {"second"}
    conflicts = applied(world, "conflict")
    assert conflicts and all(c["key"] == {"id": {"S": "a"}} for c in conflicts)
    assert {c["lost"][1] for c in conflicts} == {US} and {c["won"][1] for c in conflicts} == {EU}


def test_a_write_that_saw_the_other_is_no_conflict(world):
    put(world, US, "a", "first")
    world.sleep(3)
    put(world, EU, "a", "second")
    world.sleep(3)
    assert everywhere(world, "a") == {"second"}
    assert applied(world, "conflict") == []


def test_at_the_same_moment_the_greater_regions_name_decides_everywhere(make_cloud):
    cloud = make_cloud(US, EU)
    make(cloud.client("dynamodb", US))
    replicate(cloud, EU)
    one, other = (
        cloud.start(cloud.client("dynamodb", region).put_item, TableName=TABLE, Item={"id": {"S": "a"}, "v": {"S": region}})
        for region in (US, EU)
    )
    cloud.wait(one, other)
    cloud.sleep(4)
    assert everywhere(cloud, "a", (US, EU)) == {US}


def test_a_deletion_is_not_undone_by_an_older_write_that_comes_late(world):
    put(world, US, "a", "1")
    world.sleep(3)
    slow = world.fault("replication.slow", {"region": US, "table": TABLE}, lag=10)
    put(world, US, "a", "late")
    world.sleep(1)
    world.client("dynamodb", EU).delete_item(TableName=TABLE, Key={"id": {"S": "a"}})
    world.sleep(20)
    assert everywhere(world, "a") == {None}
    world.heal(slow)


def test_cut_off_regions_both_take_writes_and_are_equal_once_the_link_is_whole(world):
    put(world, US, "both", "before")
    world.sleep(3)
    cut = world.fault("link.cut", {"from": US, "to": EU})
    put(world, US, "both", "us")
    put(world, US, "only us", "1")
    world.sleep(5)
    put(world, EU, "both", "eu")
    put(world, EU, "only eu", "1")
    world.sleep(5)
    assert value(world, US, "both") == "us"
    assert value(world, EU, "both") == "eu"
    world.heal(cut)
    world.sleep(10)
    assert contents(world, US) == contents(world, EU) == contents(world, TOKYO)
    assert everywhere(world, "both") == {"eu"}
    assert {tuple(c["lost"])[1] for c in applied(world, "conflict")} == {US}


def test_a_region_whose_clock_is_ahead_makes_the_others_later_writes_lose(world):
    skew = world.fault("clock.skew", {"region": EU}, offset=60)
    put(world, EU, "a", "earlier, by a clock that is ahead")
    world.sleep(0.1)
    put(world, US, "a", "later")
    world.sleep(5)
    assert everywhere(world, "a") == {"earlier, by a clock that is ahead"}
    [lost] = {tuple(c["lost"]) for c in applied(world, "conflict")}
    assert lost[1] == US
    # A write that has seen the other does not lose, whatever the clocks say.
    put(world, US, "a", "seen")
    world.sleep(5)
    assert everywhere(world, "a") == {"seen"}
    world.heal(skew)


# Faults ----------------------------------------------------------------------------------------------


def test_paused_replication_keeps_what_it_owes_and_pays_it_later(world):
    pause = world.fault("replication.pause", {"region": US, "table": TABLE})
    put(world, US, "a", "1")
    put(world, TOKYO, "b", "1")
    world.sleep(60)
    assert value(world, EU, "a") is None
    assert value(world, EU, "b") == "1"
    assert world.regions[US].report()["dynamodb"]["replication"][0]["backlog"] == 1
    world.heal(pause)
    world.sleep(3)
    assert everywhere(world, "a") == {"1"}


def test_slowed_replication_lags_by_so_much_more(world):
    world.fault("replication.slow", {"region": US, "table": TABLE}, lag="5s")
    put(world, US, "a", "1")
    world.sleep(4.5)
    assert value(world, EU, "a") is None
    world.sleep(5)
    assert value(world, EU, "a") == "1"


def test_reordered_replication_keeps_the_order_of_each_item(world):
    world.fault("replication.reorder", {"region": US, "table": TABLE}, window="5s")
    for number in range(20):
        put(world, US, "one", str(number))
        put(world, US, f"other {number}", "x")
        world.sleep(0.1)
    world.sleep(15)
    told = [(r["dynamodb"]["Keys"]["id"]["S"], r["dynamodb"]["NewImage"]["v"]["S"]) for r in stream(world, EU)]
    assert [v for key, v in told if key == "one"] == [str(number) for number in range(20)]
    others = [key for key, _ in told if key != "one"]
    assert sorted(others) != others and len(others) == 20


def test_a_writer_killed_after_its_answer_and_before_it_told_anybody_loses_nothing(world):
    put(world, US, "a", "1")
    world.kill(US)
    world.sleep(30)
    assert value(world, EU, "a") is None
    world.region(US)
    world.sleep(5)
    assert everywhere(world, "a") == {"1"}


def test_a_replica_that_was_killed_hears_everything_when_it_is_back(world):
    put(world, US, "before", "1")
    world.sleep(3)
    world.kill(EU)
    for number in range(30):
        put(world, US, str(number), "x")
    world.sleep(30)
    assert len(contents(world, TOKYO)) == 31
    world.region(EU)
    world.sleep(10)
    assert contents(world, EU) == contents(world, US)


def test_kills_at_any_moment_lose_no_write_that_was_answered(world):
    written = {}
    for number in range(60):
        region = REGIONS[number % 3]
        put(world, region, str(number), region)
        written[str(number)] = region
        world.sleep(0.15)
        if number % 7 == 6:
            world.restart(REGIONS[(number // 7) % 3], kill=True)
    world.sleep(20)
    for region in REGIONS:
        assert {key: item["v"]["S"] for key, item in contents(world, region).items()} == written


def test_a_log_with_few_places_keeps_what_a_dead_region_does_not_hear_and_uses_its_places_again(world, monkeypatch):
    monkeypatch.setattr(log, "PLACES", 4)

    def pages():
        region = world.regions[US]
        [(kept, behind)] = region.store.rows("000000000000").all("select count(*), sum(place >= 4) from dynamodb_page")
        return kept, behind

    def write(numbers):
        for number in numbers:
            put(world, US, str(number), "x")
            world.sleep(0.3)

    write(range(20))
    world.sleep(5)
    assert pages() == (4, 0)
    world.kill(EU)
    write(range(20, 40))
    world.restart(US, kill=True)
    write(range(40, 50))
    assert pages()[0] >= 30
    world.region(EU)
    world.sleep(20)
    assert pages() == (4, 0)
    write(range(50, 60))
    world.sleep(5)
    assert len(contents(world, US)) == 60
    assert contents(world, EU) == contents(world, TOKYO) == contents(world, US)


# Members ---------------------------------------------------------------------------------------------


def test_a_new_replica_is_given_what_is_there_and_what_is_written_meanwhile(make_cloud):
    cloud = make_cloud(*REGIONS, links="aws-p50")
    us = cloud.client("dynamodb", US)
    make(us)
    for number in range(2_500):
        us.put_item(TableName=TABLE, Item={"id": {"S": str(number)}, "v": {"S": "old"}})
    us.update_table(TableName=TABLE, ReplicaUpdates=[{"Create": {"RegionName": EU}}])
    for number in range(0, 2_500, 100):
        put(cloud, US, str(number), "new")
        cloud.sleep(0.02)
    cloud.sleep(5)
    assert contents(cloud, EU) == contents(cloud, US)
    assert len(contents(cloud, EU)) > 2_000


def test_a_replica_that_is_being_made_can_be_described_and_nothing_else(make_cloud):
    cloud = make_cloud(US, EU, links="aws-p50")
    make(cloud.client("dynamodb", US))
    put(cloud, US, "a", "1")
    cloud.fault("link.delay", {"link": f"{US}->{EU}"}, rtt_add=5000)
    cloud.client("dynamodb", US).update_table(TableName=TABLE, ReplicaUpdates=[{"Create": {"RegionName": EU}}])
    cloud.sleep(4)
    eu = cloud.client("dynamodb", EU)
    assert eu.describe_table(TableName=TABLE)["Table"]["TableStatus"] == "CREATING"
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        eu.get_item(TableName=TABLE, Key={"id": {"S": "a"}})
    with pytest.raises(ClientError, match="ResourceInUseException"):
        eu.delete_table(TableName=TABLE)
    with pytest.raises(ClientError, match="ResourceInUseException.*The resource which you are attempting to change is in use"):
        cloud.client("dynamodb", US).update_table(TableName=TABLE, TableClass="STANDARD_INFREQUENT_ACCESS")
    cloud.sleep(30)
    assert value(cloud, EU, "a") == "1"


def test_a_replica_made_through_a_kill_of_its_source_is_whole(make_cloud):
    cloud = make_cloud(US, EU, links="aws-p50")
    make(cloud.client("dynamodb", US))
    for number in range(50):
        put(cloud, US, str(number), "x")
    cloud.client("dynamodb", US).update_table(TableName=TABLE, ReplicaUpdates=[{"Create": {"RegionName": EU}}])
    cloud.restart(US, kill=True)
    cloud.sleep(5)
    assert contents(cloud, EU) == contents(cloud, US)
    assert cloud.client("dynamodb", EU).describe_table(TableName=TABLE)["Table"]["TableStatus"] == "ACTIVE"


def test_a_replica_that_is_removed_is_deleted_and_the_table_global_no_more(make_cloud):
    cloud = make_cloud(US, EU)
    us, eu = cloud.client("dynamodb", US), cloud.client("dynamodb", EU)
    make(us)
    replicate(cloud, EU)
    us.update_table(TableName=TABLE, ReplicaUpdates=[{"Delete": {"RegionName": EU}}])
    cloud.sleep(3)
    shown = us.describe_table(TableName=TABLE)["Table"]
    assert not {"Replicas", "GlobalTableVersion", "GlobalTableSettingsReplicationMode"} & shown.keys()
    assert shown["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        eu.describe_table(TableName=TABLE)
    us.update_table(TableName=TABLE, StreamSpecification={"StreamEnabled": False})
    replicate(cloud, EU)
    put(cloud, EU, "again", "1")
    cloud.sleep(3)
    assert value(cloud, US, "again") == "1"


def test_a_removal_reaches_a_region_that_was_cut_off_when_it_is_back(world):
    world.kill(TOKYO)
    world.client("dynamodb", US).update_table(TableName=TABLE, ReplicaUpdates=[{"Delete": {"RegionName": TOKYO}}])
    world.sleep(20)
    shown = world.client("dynamodb", EU).describe_table(TableName=TABLE)["Table"]
    assert {(r["RegionName"], r["ReplicaStatus"]) for r in shown["Replicas"]} == {(US, "ACTIVE"), (TOKYO, "DELETING")}
    world.region(TOKYO)
    world.sleep(5)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        world.client("dynamodb", TOKYO).describe_table(TableName=TABLE)
    shown = world.client("dynamodb", US).describe_table(TableName=TABLE)["Table"]
    assert [(r["RegionName"], r["ReplicaStatus"]) for r in shown["Replicas"]] == [(EU, "ACTIVE")]


def test_a_replicas_own_deletion_leaves_the_others(world):
    world.client("dynamodb", TOKYO).delete_table(TableName=TABLE)
    world.sleep(3)
    for region, other in ((US, EU), (EU, US)):
        shown = world.client("dynamodb", region).describe_table(TableName=TABLE)["Table"]
        assert [r["RegionName"] for r in shown["Replicas"]] == [other]
    put(world, EU, "a", "1")
    world.sleep(3)
    assert value(world, US, "a") == "1"


def test_settings_are_the_whole_groups(world):
    world.client("dynamodb", EU).update_table(
        TableName=TABLE,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}, {"AttributeName": "v", "AttributeType": "S"}],
        GlobalSecondaryIndexUpdates=[
            {"Create": {"IndexName": "by-v", "KeySchema": [{"AttributeName": "v", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}}
        ],
    )
    put(world, US, "a", "1")
    world.sleep(4)
    for region in REGIONS:
        found = world.client("dynamodb", region).query(
            TableName=TABLE, IndexName="by-v", KeyConditionExpression="v = :v", ExpressionAttributeValues={":v": {"S": "1"}}
        )
        assert [item["id"]["S"] for item in found["Items"]] == ["a"]


# Refusals: recorded from AWS in October 2026 (ack-api-quirks, table-replicas) --------------------------

CREATE_EU = [{"Create": {"RegionName": EU}}]


@pytest.mark.parametrize(
    "asked, refusal",
    [
        ({"ReplicaUpdates": CREATE_EU, "TableClass": "STANDARD"}, "Replica modification must be the only operation in the request"),
        ({"ReplicaUpdates": [{"Create": {"RegionName": EU}, "Delete": {"RegionName": EU}}]}, "more than one type of replica actions not allowed"),
        ({"ReplicaUpdates": [{}]}, "There are no actions specified in the Replica Update Action of the request"),
        ({"ReplicaUpdates": [{"Create": {"RegionName": "us-fake-1"}}]}, "Region us-fake-1 is not supported"),
        ({"ReplicaUpdates": [{"Create": {"RegionName": US}}]}, "Cannot add or delete the local region through ReplicaUpdates"),
        ({"ReplicaUpdates": [{"Delete": {"RegionName": US}}]}, "Cannot add or delete the local region through ReplicaUpdates"),
        ({"ReplicaUpdates": [*CREATE_EU, {"Create": {"RegionName": TOKYO}}]}, "more than one create or delete replica actions not allowed"),
        ({"ReplicaUpdates": [{"Delete": {"RegionName": EU}}]}, r"without these replicas: \[eu-west-1\]"),
        ({"ReplicaUpdates": [{"Update": {"RegionName": EU, "TableClassOverride": "STANDARD"}}]}, r"without these replicas: \[eu-west-1\]"),
    ],
)  # fmt: skip
def test_replica_updates_are_refused_in_aws_words(make_cloud, asked, refusal):
    cloud = make_cloud(US, EU)
    make(cloud.client("dynamodb", US))
    with pytest.raises(ClientError, match=f"ValidationException.*{refusal}"):
        cloud.client("dynamodb", US).update_table(TableName=TABLE, **asked)


def test_a_table_that_is_there_already_becomes_no_replica(make_cloud):
    cloud = make_cloud(US, EU)
    make(cloud.client("dynamodb", US))
    make(cloud.client("dynamodb", EU))
    with pytest.raises(ClientError, match="because one or more replicas already existed as tables"):
        cloud.client("dynamodb", US).update_table(TableName=TABLE, ReplicaUpdates=CREATE_EU)


def test_a_provisioned_table_needs_auto_scaling_first(make_cloud):
    cloud = make_cloud(US, EU)
    make(cloud.client("dynamodb", US), BillingMode="PROVISIONED", ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1})
    with pytest.raises(ClientError, match="Table write capacity should either be Pay-Per-Request or AutoScaled"):
        cloud.client("dynamodb", US).update_table(TableName=TABLE, ReplicaUpdates=CREATE_EU)


def test_a_provisioned_table_whose_writes_are_scaled_gets_replicas_and_scales_them_all(make_cloud):
    cloud = make_cloud(US, EU, "aws-global")
    make(cloud.client("dynamodb", US), BillingMode="PROVISIONED", ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1})
    scaling = cloud.client("application-autoscaling", US)
    target = {"ServiceNamespace": "dynamodb", "ResourceId": f"table/{TABLE}", "ScalableDimension": "dynamodb:table:WriteCapacityUnits"}
    scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=9)
    metric = {"PredefinedMetricSpecification": {"PredefinedMetricType": "DynamoDBWriteCapacityUtilization"}, "TargetValue": 70.0}
    scaling.put_scaling_policy(PolicyName="p", **target, PolicyType="TargetTrackingScaling", TargetTrackingScalingPolicyConfiguration=metric)
    cloud.client("dynamodb", US).update_table(TableName=TABLE, ReplicaUpdates=CREATE_EU)
    cloud.sleep(60)
    scaling.register_scalable_target(**target, MinCapacity=4)
    cloud.sleep(60)
    for region in (US, EU):
        told = cloud.client("dynamodb", region).describe_table(TableName=TABLE)["Table"]["ProvisionedThroughput"]
        assert told["WriteCapacityUnits"] == 4


def test_a_region_that_does_not_answer_makes_no_replica(make_cloud):
    cloud = make_cloud(US, EU)
    make(cloud.client("dynamodb", US))
    cloud.kill(EU)
    with pytest.raises(ClientError, match="InternalServerError"):
        cloud.client("dynamodb", US).update_table(TableName=TABLE, ReplicaUpdates=CREATE_EU)
    assert "Replicas" not in cloud.client("dynamodb", US).describe_table(TableName=TABLE)["Table"]


def test_a_stream_is_turned_on_by_itself_and_cannot_be_turned_off(make_cloud):
    cloud = make_cloud(US, EU)
    us = cloud.client("dynamodb", US)
    make(us)
    answer = us.update_table(TableName=TABLE, ReplicaUpdates=CREATE_EU)["TableDescription"]
    assert (answer["TableStatus"], answer["Replicas"], answer["GlobalTableVersion"]) == ("UPDATING", [], "2019.11.21")
    assert answer["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    cloud.sleep(2)
    with pytest.raises(ClientError, match="Disabling Stream is not allowed for a Global Table replica"):
        us.update_table(TableName=TABLE, StreamSpecification={"StreamEnabled": False})
    with pytest.raises(ClientError, match="Table already has an enabled stream"):
        us.update_table(TableName=TABLE, StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"})


def test_the_region_others_were_made_from_stays_for_a_day(make_cloud):
    cloud = make_cloud(US, EU)
    us, eu = cloud.client("dynamodb", US), cloud.client("dynamodb", EU)
    make(us)
    replicate(cloud, EU)
    with pytest.raises(ClientError, match="has acted as a source region for new replica"):
        us.delete_table(TableName=TABLE)
    with pytest.raises(ClientError, match="has acted as a source region for new replica"):
        eu.update_table(TableName=TABLE, ReplicaUpdates=[{"Delete": {"RegionName": US}}])
    cloud.sleep(86_500)
    us.delete_table(TableName=TABLE)
    cloud.sleep(3)
    assert "Replicas" not in eu.describe_table(TableName=TABLE)["Table"]
