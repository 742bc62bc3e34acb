"""Multi-Region Access Points through real processes: SDKs go to AWS's own name for one, and find it where the cloud is their proxy."""

import contextlib
import http.client

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from cloud.conftest import eventually

EAST, WEST, ACCOUNT = "us-east-1", "us-west-2", "000000000000"


@pytest.fixture
def bundle(shared, tmp_path) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", shared.port, timeout=20)
    connection.request("GET", "/_kumoniwa/ca.pem")
    file = tmp_path / "ca.pem"
    file.write_bytes(connection.getresponse().read())
    connection.close()
    return str(file)


@pytest.fixture
def point(shared, bundle) -> str:
    """The ARN of a point for a bucket in each of two regions; in each the object ``where``, which says its region."""
    for region, constraint in ((EAST, {}), (WEST, {"CreateBucketConfiguration": {"LocationConstraint": WEST}})):
        s3 = shared.client("s3", region)
        s3.create_bucket(Bucket=f"b-{region}", **constraint)
        s3.put_object(Bucket=f"b-{region}", Key="where", Body=region.encode())
    control = client(shared, bundle, "s3control", WEST)
    details = {"Name": "shop", "Regions": [{"Bucket": f"b-{EAST}"}, {"Bucket": f"b-{WEST}"}]}
    assert eventually(lambda: not_refused(control.create_multi_region_access_point, AccountId=ACCOUNT, ClientToken="t", Details=details))
    assert eventually(lambda: control.get_multi_region_access_point(AccountId=ACCOUNT, Name="shop")["AccessPoint"]["Status"] == "READY")
    return f"arn:aws:s3::{ACCOUNT}:accesspoint/{control.get_multi_region_access_point(AccountId=ACCOUNT, Name='shop')['AccessPoint']['Alias']}"


def not_refused(method, **params) -> bool:
    """A name of a bucket is known everywhere in a while."""
    with contextlib.suppress(method.__self__.exceptions.ClientError):
        method(**params)
        return True
    return False


def client(shared, bundle: str, service: str = "s3", region: str = EAST, address: str = "127.0.0.1", patience_s: float = 20):
    """Of a program that knows no endpoint: HTTPS_PROXY says that the cloud is its proxy, and AWS_CA_BUNDLE whom to trust."""
    config = Config(proxies={"https": f"http://{address}:{shared.port}"}, ignore_configured_endpoint_urls=True, read_timeout=patience_s, retries={"max_attempts": 0})
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return botocore.session.Session().create_client(service, region_name=region, config=config, verify=bundle, **keys)


def where(s3, point: str) -> str:
    return s3.get_object(Bucket=point, Key="where")["Body"].read().decode()


def test_an_sdk_reaches_the_nearest_region_and_another_while_that_is_dead(shared, bundle, point):
    s3 = client(shared, bundle)
    # The edge begins its life with this question, and answers it when it has its copy.
    assert where(s3, point) == EAST
    health = shared.regions()
    assert where(client(shared, bundle, address=health[WEST]["address"]), point) == WEST
    big = bytes(range(256)) * 8_192
    s3.put_object(Bucket=point, Key="big", Body=big)
    assert s3.get_object(Bucket=point, Key="big")["Body"].read() == big
    shared.region(EAST, "kill")
    try:
        # What was connected to it is dark, as it is with any region.
        assert where(client(shared, bundle), point) == WEST
        control = client(shared, bundle, "s3control", "eu-west-1")
        update = [{"Region": EAST, "TrafficDialPercentage": 0}]
        control.submit_multi_region_access_point_routes(AccountId=ACCOUNT, Mrap=point, RouteUpdates=update)
    finally:
        shared.region(EAST, "restart")
    s3 = client(shared, bundle)
    assert where(s3, point) == WEST
    # One connection of a client is led anew for each request.
    control.submit_multi_region_access_point_routes(AccountId=ACCOUNT, Mrap=point, RouteUpdates=[{"Region": EAST, "TrafficDialPercentage": 100}])
    assert where(s3, point) == EAST
    shared.region("aws-edge", "kill")
    with pytest.raises(BotoCoreError):
        where(client(shared, bundle, patience_s=1), point)
    shared.region("aws-edge", "restart")
    assert where(client(shared, bundle), point) == EAST


def test_the_cloud_is_a_proxy_for_names_of_aws_alone(shared):
    connection = http.client.HTTPConnection("127.0.0.1", shared.port, timeout=10)
    connection.set_tunnel("example.com", 443)
    with pytest.raises(OSError, match="403 Forbidden"):
        connection.connect()
