"""Bills of volumes and snapshots: size and speed as they were asked for, blocks that are kept, calls of the direct APIs."""

import pytest
from bill_workshop import used
from services.volume_workshop import BLOCK, block, held, written

GIB = 1 << 30


def stood(cloud, hours: float = 1.0) -> dict[tuple[str, str], float]:
    """What stands in an hour, as levels."""
    before = used(cloud)
    cloud.sleep_dark(hours * 3_600)
    after = used(cloud)
    return {key: (after[key] - before.get(key, 0.0)) / hours for key in after if after[key] > before.get(key, 0.0)}


def test_volumes_are_billed_as_large_and_as_fast_as_they_are(cloud):
    ec2 = cloud.client("ec2")
    said = ({"VolumeType": "gp3", "Size": 40, "Iops": 4_000, "Throughput": 130}, {"VolumeType": "io2", "Size": 100, "Iops": 70_000}, {"Size": 10})
    fast, faster, plain = (ec2.create_volume(AvailabilityZone="us-east-1a", **each)["VolumeId"] for each in said)
    cloud.sleep(5)
    levels = stood(cloud)
    wanted = {
        ("ec2:gp3_storage", fast): 40, ("ec2:gp3_iops", fast): 1_000, ("ec2:gp3_throughput", fast): 5, ("ec2:gp2_storage", plain): 10,
        ("ec2:io2_storage", faster): 100, ("ec2:io2_iops", faster): 32_000, ("ec2:io2_iops_over_32000", faster): 32_000,
        ("ec2:io2_iops_over_64000", faster): 6_000,
    }  # fmt: skip
    assert levels == pytest.approx(wanted, rel=0.01)
    ec2.delete_volume(VolumeId=faster)
    ec2.delete_volume(VolumeId=plain)
    ec2.modify_volume(VolumeId=fast, Size=50)
    cloud.sleep(5)
    assert {key for key in stood(cloud) if key[0].endswith("storage")} == {("ec2:gp3_storage", fast)}
    assert stood(cloud)["ec2:gp3_storage", fast] == pytest.approx(50, rel=0.01)


def test_snapshots_keep_once_what_they_have_in_common(cloud):
    ebs = cloud.client("ebs")
    first = written(cloud, {0: block("a"), 1: block("b")})
    child = written(cloud, {1: block("B")}, ParentSnapshotId=first)
    held(ebs, child)
    cloud.sleep(5)
    levels = stood(cloud)
    assert levels == pytest.approx({("ec2:snapshot_storage", "snapshots"): 3 * BLOCK / GIB}, rel=0.01)
    counted = used(cloud)
    assert counted["ebs:put_units", first] == 2 and counted["ebs:put_units", child] == 1
    assert counted["ebs:get_units", child] == 2 and counted["ebs:list_requests", child] == 1
