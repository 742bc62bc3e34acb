"""What AWS would bill for what goes from one region into another."""

from __future__ import annotations

import pytest
from bill_workshop import used
from replicated_buckets import Pair, make_role, rule
from stories.test_global_tables import EU, TOKYO, US, make, put, replicate
from stories.test_strong_tables import witnessed, world  # noqa: F401 (fixtures)

GB = 1 << 30
USAGE = "network:inter_region_egress"


def sent(cloud, region: str, what: str) -> float:
    return used(cloud, region).get((USAGE, what), 0.0) * GB


def test_a_write_to_a_global_table_is_traffic_to_each_other_region_from_the_one_that_takes_it(make_cloud):
    cloud = make_cloud(US, EU, TOKYO)
    make(cloud.client("dynamodb", US))
    replicate(cloud, EU, TOKYO)
    before = {region: sent(cloud, region, "orders") for region in (US, EU, TOKYO)}
    put(cloud, US, "a", "x" * 10_000)
    cloud.sleep(10)
    after = {region: sent(cloud, region, "orders") for region in (US, EU, TOKYO)}
    assert 20_000 < after[US] - before[US] < 21_000
    assert (after[EU], after[TOKYO]) == (before[EU], before[TOKYO])


def test_what_a_new_replica_is_given_is_traffic_and_a_table_of_one_region_has_none(make_cloud):
    cloud = make_cloud(US, EU)
    make(cloud.client("dynamodb", US))
    for key in "abc":
        put(cloud, US, key, "x" * 10_000)
    cloud.sleep(10)
    assert sent(cloud, US, "orders") == 0
    replicate(cloud, EU)
    assert 30_000 < sent(cloud, US, "orders") < 31_000


def test_a_strongly_consistent_write_goes_to_its_replicas_and_nothing_is_asked_for_a_witness(witnessed):  # noqa: F811
    before = sent(witnessed, "us-east-1", "accounts")
    witnessed.client("dynamodb").put_item(TableName="accounts", Item={"id": {"S": "a"}, "note": {"S": "x" * 10_000}})
    assert 10_000 < sent(witnessed, "us-east-1", "accounts") - before < 11_000


def test_a_strongly_consistent_write_goes_to_both_of_two_replicas(world):  # noqa: F811
    before = sent(world, "us-east-1", "accounts")
    world.client("dynamodb").put_item(TableName="accounts", Item={"id": {"S": "a"}, "note": {"S": "x" * 10_000}})
    assert 20_000 < sent(world, "us-east-1", "accounts") - before < 22_000


# S3 ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def pair(make_cloud) -> Pair:
    cloud = make_cloud("us-east-1", "eu-west-1", "aws-global")
    make_role(cloud)
    return Pair(cloud)


def test_what_is_replicated_into_another_region_is_traffic_of_the_first(pair):
    timed = {"ReplicationTime": {"Status": "Enabled", "Time": {"Minutes": 15}}, "Metrics": {"Status": "Enabled", "EventThreshold": {"Minutes": 15}}}
    pair.replicate(rule(Destination=timed, markers="Disabled"))
    pair.put("a", b"x" * 30_000)
    pair.cloud.sleep(60)
    assert pair.there() == ["a"]
    assert sent(pair.cloud, "us-east-1", "here") == pytest.approx(30_000) and sent(pair.cloud, "eu-west-1", "there") == 0
    assert used(pair.cloud)["s3:replication_time_control", "here"] * GB == pytest.approx(30_000)
    pair.east.put_object_tagging(Bucket="here", Key="a", Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})
    pair.cloud.sleep(60)
    assert sent(pair.cloud, "us-east-1", "here") == pytest.approx(30_000)


def test_what_is_replicated_within_a_region_is_no_traffic(pair):
    pair.east.create_bucket(Bucket="near")
    pair.east.put_bucket_versioning(Bucket="near", VersioningConfiguration={"Status": "Enabled"})
    pair.replicate(rule(bucket="near"))
    pair.put("a", b"x" * 30_000)
    pair.cloud.sleep(60)
    assert pair.status("a") == "COMPLETED"
    assert not [usage for usage, _ in used(pair.cloud) if usage in (USAGE, "s3:replication_time_control")]


def test_a_copy_from_another_region_is_traffic_of_the_region_of_its_source(pair):
    pair.put("a", b"x" * 30_000)
    pair.west.copy_object(Bucket="there", Key="b", CopySource={"Bucket": "here", "Key": "a"})
    assert sent(pair.cloud, "us-east-1", "here") == pytest.approx(30_000)
    pair.east.copy_object(Bucket="here", Key="c", CopySource={"Bucket": "here", "Key": "a"})
    assert sent(pair.cloud, "us-east-1", "here") == pytest.approx(30_000)
