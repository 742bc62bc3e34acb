"""One name for two buckets that replicate into each other: read and written where it is nearest, led elsewhere, and through the loss of a region."""

import tempfile
import urllib.request
from functools import partial
from pathlib import Path

import boto3
from botocore.config import Config
from stage import KEYS, all_at_once, holds, seconds, until

HERE = Path(__file__).parent
NEAR, FAR, ELSEWHERE = "us-east-1", "eu-west-1", "ap-northeast-1"
BUCKETS = {NEAR: "one-name-us", FAR: "one-name-eu"}


class Program:
    """A program that knows no endpoint: HTTPS_PROXY says where the cloud is, AWS_CA_BUNDLE whom to trust. Each of its calls is a
    connection of its own, as of a client that has just started."""

    def __init__(self, cloud, bundle):
        self.cloud, self.bundle = cloud, bundle

    def client(self, service, region=NEAR):
        config = Config(proxies={"https": self.cloud.endpoint}, ignore_configured_endpoint_urls=True, read_timeout=5, retries={"total_max_attempts": 1})
        return boto3.Session(region_name=region, **KEYS).client(service, config=config, verify=self.bundle)

    def put(self, point, key, body):
        return self.client("s3").put_object(Bucket=point, Key=key, Body=body)["VersionId"]

    def get(self, point, key):
        return self.client("s3").get_object(Bucket=point, Key=key)["Body"].read()

    def lead(self, point, region, **dials):
        updates = [{"Bucket": BUCKETS[at], "TrafficDialPercentage": dial} for at, dial in dials.items()]
        self.client("s3control", region).submit_multi_region_access_point_routes(AccountId="000000000000", Mrap=point, RouteUpdates=updates)


def keys(cloud, region):
    return {each["Key"] for each in cloud.client("s3", region).list_objects_v2(Bucket=BUCKETS[region]).get("Contents", [])}


def show(cloud):
    names = {region: {"BucketName": BUCKETS[region], "OtherName": BUCKETS[NEAR if region == FAR else FAR]} for region in BUCKETS}

    def deploy(region, is_replicated):
        cloud.deploy(HERE / "buckets.yaml", f"bucket-{region}", region, {**names[region], "IsReplicated": is_replicated})

    # Each bucket must be there before the other can be replicated into it.
    for is_replicated in ("no", "yes"):
        all_at_once(partial(deploy, is_replicated=is_replicated), names)
    point = cloud.deploy(HERE / "point.yaml", "point", NEAR, {"NearName": BUCKETS[NEAR], "FarName": BUCKETS[FAR]})["PointArn"]
    with tempfile.NamedTemporaryFile(suffix=".pem") as bundle:
        bundle.write(urllib.request.urlopen(f"{cloud.endpoint}/_kumoniwa/ca.pem", timeout=30).read())
        bundle.flush()
        play(cloud, Program(cloud, bundle.name), point)


def play(cloud, program, point):
    took = until(lambda: program.put(point, "first", b"1"))
    holds("what is put under the one name lies in the nearest bucket", took is not None and "first" in keys(cloud, NEAR), seconds(took))
    took = until(lambda: "first" in keys(cloud, FAR))
    holds("and is replicated into the other", took is not None, seconds(took))

    program.lead(point, NEAR, **{NEAR: 0})
    program.put(point, "led", b"2")
    holds("with the nearest region passive it lies in the other", "led" in keys(cloud, FAR))
    took = until(lambda: "led" in keys(cloud, NEAR))
    holds("and is replicated back", took is not None, seconds(took))
    program.lead(point, FAR, **{NEAR: 100})

    cloud.admin("POST", f"regions/{NEAR}/kill")
    took = until(lambda: program.get(point, "led") == b"2")
    holds("a region is killed, and reads go on under the same name", took is not None, seconds(took))
    program.put(point, "meanwhile", b"3")
    holds("and so do writes, in the region that is left", "meanwhile" in keys(cloud, FAR))
    program.lead(point, ELSEWHERE, **{NEAR: 0})
    holds("the lost region is made passive from a third one", program.get(point, "meanwhile") == b"3")

    cloud.admin("POST", f"regions/{NEAR}/restart")
    took = until(lambda: "meanwhile" in keys(cloud, NEAR))
    holds("when it is back it gets what was written meanwhile", took is not None, seconds(took))
    program.lead(point, ELSEWHERE, **{NEAR: 100})
    holds("and is read again once it is active", program.get(point, "meanwhile") == b"3" and program.put(point, "back", b"4") and "back" in keys(cloud, NEAR))
