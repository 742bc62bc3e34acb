"""Two buckets in two regions that replicate each other: cut apart, killed in the middle, and equal in the end."""

import json

import pytest

US, EU = "us-east-1", "eu-west-1"
ROLE = "arn:aws:iam::000000000000:role/replicator"
BUCKETS = {US: "here", EU: "there"}


def rule(bucket: str) -> dict:
    return {
        "ID": "all", "Priority": 1, "Status": "Enabled", "Filter": {"Prefix": ""}, "DeleteMarkerReplication": {"Status": "Enabled"},
        "SourceSelectionCriteria": {"ReplicaModifications": {"Status": "Enabled"}}, "Destination": {"Bucket": f"arn:aws:s3:::{bucket}"},
    }  # fmt: skip


@pytest.fixture
def world(make_cloud):
    """Two regions as far from each other as AWS's, and a bucket in each."""
    cloud = make_cloud(US, EU, "aws-global", links="aws-p50")
    iam = cloud.client("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sts:AssumeRole"}
    iam.create_role(RoleName="replicator", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust}))
    document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}
    iam.put_role_policy(RoleName="replicator", PolicyName="may", PolicyDocument=json.dumps(document))
    cloud.client("s3", US).create_bucket(Bucket="here")
    cloud.client("s3", EU).create_bucket(Bucket="there", CreateBucketConfiguration={"LocationConstraint": EU})
    for region, name in BUCKETS.items():
        cloud.client("s3", region).put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return cloud


def replicate(cloud, *ways: tuple[str, str]) -> None:
    for source, target in ways:
        config = {"Role": ROLE, "Rules": [rule(BUCKETS[target])]}
        cloud.client("s3", source).put_bucket_replication(Bucket=BUCKETS[source], ReplicationConfiguration=config)


def put(cloud, region: str, key: str, body: bytes) -> str:
    return cloud.client("s3", region).put_object(Bucket=BUCKETS[region], Key=key, Body=body)["VersionId"]


def contents(cloud, region: str) -> dict[str, bytes]:
    s3, name = cloud.client("s3", region), BUCKETS[region]
    listed = s3.list_objects_v2(Bucket=name).get("Contents", [])
    return {each["Key"]: s3.get_object(Bucket=name, Key=each["Key"])["Body"].read() for each in listed}


def history(cloud, region: str) -> list[tuple]:
    """Every version and marker, in the order in which the bucket lists them."""
    told = cloud.client("s3", region).list_object_versions(Bucket=BUCKETS[region])
    versions = told.get("Versions", []) + told.get("DeleteMarkers", [])
    return sorted((each["Key"], -each["LastModified"].timestamp(), each["VersionId"], each["IsLatest"]) for each in versions)


def states(cloud, region: str) -> set[str]:
    s3, name = cloud.client("s3", region), BUCKETS[region]
    return {s3.head_object(Bucket=name, Key=key)["ReplicationStatus"] for key in contents(cloud, region)}


def test_a_cut_link_loses_nothing_and_is_made_up_for_in_seconds(world):
    replicate(world, (US, EU))
    put(world, US, "before", b"0")
    world.sleep(10)
    cut = world.fault("link.cut", {"from": US, "to": EU})
    written = {f"k{n:03}": b"%d" % n for n in range(300)}
    for key, body in written.items():
        put(world, US, key, body)
    world.sleep(60)
    assert contents(world, EU) == {"before": b"0"} and states(world, US) == {"PENDING", "COMPLETED"}
    world.heal(cut)
    world.sleep(10)
    assert contents(world, EU) == {"before": b"0", **written}
    assert states(world, US) == {"COMPLETED"}
    assert states(world, EU) == {"REPLICA"}


@pytest.mark.parametrize("victim", [US, EU])
def test_a_kill_in_the_middle_loses_nothing_that_was_acknowledged(world, victim):
    replicate(world, (US, EU))
    written = {}
    for n in range(60):
        key, body = f"k{n:02}", b"x" * (200_000 if n % 10 == 0 else 10) + b"%d" % n
        put(world, US, key, body)
        written[key] = body
        world.sleep(0.02)
        if n == 30:
            world.kill(victim)
            world.sleep(3)
            world.region(victim)
    world.sleep(60)
    assert contents(world, EU) == contents(world, US) == written
    assert states(world, US) == {"COMPLETED"}


def test_two_buckets_that_replicate_each_other_agree_however_their_writes_crossed(world):
    replicate(world, (US, EU), (EU, US))
    apart = world.fault("link.cut", {"from": US, "to": EU})
    for n in range(20):
        region = (US, EU)[n % 2]
        put(world, region, f"shared{n % 4}", b"%s %d" % (region.encode(), n))
        put(world, region, f"{region}/{n}", b"own")
        world.sleep(1)
    world.client("s3", EU).delete_object(Bucket="there", Key="shared0")
    assert contents(world, US) != contents(world, EU)
    world.heal(apart)
    world.sleep(60)
    assert contents(world, US) == contents(world, EU) and len(contents(world, US)) == 23
    assert history(world, US) == history(world, EU)
    # Nothing goes round: each version was applied once, where it was not written.
    applied = [(event["key"], event["version"]) for event in world.events if event["kind"] == "apply"]
    assert len(applied) == len(set(applied)) == 41


def test_the_later_of_two_changes_of_tags_stays_on_both_sides(world):
    replicate(world, (US, EU), (EU, US))
    version = put(world, US, "k", b"1")
    world.sleep(10)
    apart = world.fault("link.cut", {"from": US, "to": EU})
    for region, value in ((US, "first"), (EU, "second")):
        tags = {"TagSet": [{"Key": "who", "Value": value}]}
        world.client("s3", region).put_object_tagging(Bucket=BUCKETS[region], Key="k", VersionId=version, Tagging=tags)
        world.sleep(1)
    world.heal(apart)
    world.sleep(30)
    for region, name in BUCKETS.items():
        told = world.client("s3", region).get_object_tagging(Bucket=name, Key="k")["TagSet"]
        assert told == [{"Key": "who", "Value": "second"}]


def test_what_waits_is_written_with_the_put(world):
    """The very moment after an acknowledgement is enough."""
    replicate(world, (US, EU))
    for n in range(10):
        put(world, US, f"k{n}", b"%d" % n)
        world.kill(US)
        world.region(US)
    world.sleep(60)
    assert contents(world, EU) == {f"k{n}": b"%d" % n for n in range(10)}
