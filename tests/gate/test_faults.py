"""Injected faults at the gate: what callers of a broken service see, and what happened nevertheless."""

import json

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError
from refusals import refused_status

US = "us-east-1"


@pytest.fixture
def table(cloud):
    """A table ``things`` of key ``k``, and its client."""
    client = cloud.client("dynamodb")
    client.create_table(
        TableName="things",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return client


def test_an_injected_error_has_the_models_status_and_no_effect(cloud, table):
    fault = cloud.fault("service.error", {"service": "dynamodb", "operations": ["PutItem"]}, code="InternalServerError")
    assert refused_status(table.put_item, TableName="things", Item={"k": {"S": "1"}}) == (500, "InternalServerError")
    assert "Item" not in table.get_item(TableName="things", Key={"k": {"S": "1"}})
    cloud.heal(fault)
    table.put_item(TableName="things", Item={"k": {"S": "1"}})


@pytest.mark.parametrize(
    "service, call, told",
    [
        ("dynamodb", lambda c: c.list_tables, (400, "ProvisionedThroughputExceededException")),
        ("s3", lambda c: c.list_buckets, (503, "SlowDown")),
        ("logs", lambda c: c.describe_log_groups, (400, "ThrottlingException")),
        ("lambda", lambda c: c.list_functions, (429, "TooManyRequestsException")),
    ],
)
def test_throttling_speaks_the_services_own_word(cloud, service, call, told):
    cloud.fault("service.throttle", {"service": service})
    assert refused_status(call(cloud.client(service))) == told


def test_throttling_above_a_rate_lets_the_rate_pass(cloud):
    cloud.fault("service.throttle", {"service": "sqs"}, rps=5)
    outcomes = []
    for _ in range(20):
        try:
            cloud.client("sqs").list_queues()
            outcomes.append(True)
        except ClientError:
            outcomes.append(False)
    assert sum(outcomes) == 5
    cloud.sleep(1)
    cloud.client("sqs").list_queues()


def test_a_share_of_calls_is_hit(cloud):
    cloud.fault("service.error", {"service": "sqs"}, code="InternalError", percent=50)
    failed = 0
    for _ in range(200):
        try:
            cloud.client("sqs").list_queues()
        except ClientError:
            failed += 1
    assert 60 < failed < 140


def test_slowness_before_the_effect_and_after_it(cloud, table):
    fault = cloud.fault("service.slow", {"service": "dynamodb", "operations": "PutItem"}, latency="2s", after=True)
    put = cloud.start(table.put_item, TableName="things", Item={"k": {"S": "1"}})
    cloud.sleep(1)
    assert "Item" in table.get_item(TableName="things", Key={"k": {"S": "1"}})
    assert not put.done()
    cloud.wait(put)
    cloud.heal(fault)
    cloud.fault("service.slow", {"service": "dynamodb", "operations": "PutItem"}, latency=2)
    put = cloud.start(table.put_item, TableName="things", Item={"k": {"S": "2"}})
    cloud.sleep(1)
    assert "Item" not in table.get_item(TableName="things", Key={"k": {"S": "2"}})
    cloud.wait(put)


def test_a_lost_reply_leaves_the_effect(cloud, table):
    cloud.fault("service.lost-reply", {"service": "dynamodb", "operations": "PutItem"})
    with pytest.raises(ConnectionClosedError):
        table.put_item(TableName="things", Item={"k": {"S": "1"}})
    assert "Item" in table.get_item(TableName="things", Key={"k": {"S": "1"}})
    cloud.restart(US, kill=True)
    assert "Item" in table.get_item(TableName="things", Key={"k": {"S": "1"}})


@pytest.mark.parametrize("mode", ["503", "refuse"])
def test_a_service_that_is_down_answers_503_or_not_at_all(cloud, mode):
    cloud.fault("service.down", {"service": "sqs"}, mode=mode)
    if mode == "503":
        assert refused_status(cloud.client("sqs").list_queues) == (503, "ServiceUnavailable")
    else:
        with pytest.raises(ConnectionClosedError):
            cloud.client("sqs").list_queues()
    cloud.client("logs").describe_log_groups()


def test_a_service_that_is_down_in_silence_answers_nobody_until_it_is_healed(cloud):
    fault = cloud.fault("service.down", {"service": "sqs"})
    asked = cloud.start(cloud.client("sqs").list_queues)
    cloud.sleep(3_600)
    assert not asked.done()
    cloud.heal(fault)
    with pytest.raises(ConnectionClosedError):
        cloud.wait(asked)
    cloud.client("sqs").list_queues()


def test_a_control_plane_that_is_down_leaves_the_data_plane(cloud, table):
    cloud.fault("control-plane.down", {"region": US})
    assert refused_status(table.delete_table, TableName="things") == (503, "ServiceUnavailable")
    table.put_item(TableName="things", Item={"k": {"S": "1"}})
    assert table.describe_table(TableName="things")["Table"]["TableStatus"] == "ACTIVE"


def _role(cloud, name):
    trust = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}}
    iam = cloud.client("iam")
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    allow = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}}
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(allow))
    return arn


def _as_role(cloud, arn, service="sqs"):
    keys = cloud.client("sts").assume_role(RoleArn=arn, RoleSessionName="session")["Credentials"]
    return cloud.client(service, key=keys["AccessKeyId"], secret=keys["SecretAccessKey"], token=keys["SessionToken"])


def test_a_denied_role_is_denied_in_awss_words_and_others_are_not(cloud):
    sqs, other = _as_role(cloud, _role(cloud, "app")), _as_role(cloud, _role(cloud, "other"))
    cloud.fault("iam.deny", {"role": "app"}, actions="sqs:*")
    with pytest.raises(ClientError, match=r"is not authorized to perform: sqs:listqueues .* with an explicit deny in an identity-based policy") as refused:
        sqs.list_queues()
    assert refused.value.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException")
    other.list_queues()


def test_without_sts_nobody_assumes_a_role_and_sessions_go_on(cloud):
    arn = _role(cloud, "app")
    sqs = _as_role(cloud, arn)
    cloud.fault("iam.sts-down", {"region": US})
    assert refused_status(cloud.client("sts").assume_role, RoleArn=arn, RoleSessionName="session") == (503, "ServiceUnavailable")
    sqs.list_queues()


def test_a_skewed_clock_refuses_those_who_are_right(cloud):
    sqs = _as_role(cloud, _role(cloud, "app"))
    cloud.fault("clock.skew", {"region": US}, offset=301)
    assert refused_status(sqs.list_queues)[0] in (400, 403)
    cloud.heal()
    sqs.list_queues()


def test_a_drifting_clock_is_ever_more_wrong(cloud):
    region = cloud.regions[US]
    cloud.fault("clock.skew", {"region": US}, offset=10, drift_ppm=100_000)
    cloud.sleep(100)
    assert region.clock.now() - cloud.now() == pytest.approx(20, abs=0.1)
    cloud.heal()
    assert region.clock.now() == pytest.approx(cloud.now())


def test_a_full_disk_refuses_writes_and_keeps_what_was_acknowledged(cloud, table):
    table.put_item(TableName="things", Item={"k": {"S": "before"}})
    cloud.fault("disk.full", {"region": US}, free_bytes=40_000)
    kept, refused = [], 0
    for n in range(60):
        try:
            table.put_item(TableName="things", Item={"k": {"S": str(n)}, "v": {"S": "x" * 4_000}})
            kept.append(str(n))
        except ClientError as error:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 500
            refused += 1
    assert kept and refused
    cloud.heal()
    table.put_item(TableName="things", Item={"k": {"S": "after"}})
    for key in ("before", *kept, "after"):
        assert "Item" in table.get_item(TableName="things", Key={"k": {"S": key}})


def test_a_slow_disk_holds_answers_to_writes_and_not_to_reads(cloud, table):
    cloud.fault("disk.slow", {"region": US}, ms=500)
    began = cloud.now()
    table.put_item(TableName="things", Item={"k": {"S": "1"}})
    assert cloud.now() - began == pytest.approx(0.5, abs=0.01)
    began = cloud.now()
    table.get_item(TableName="things", Key={"k": {"S": "1"}})
    assert cloud.now() - began < 0.01


def test_a_paused_disk_answers_no_write_until_it_goes_on(cloud, table):
    fault = cloud.fault("disk.pause", {"region": US})
    put = cloud.start(table.put_item, TableName="things", Item={"k": {"S": "1"}})
    cloud.sleep(60)
    assert not put.done()
    cloud.heal(fault)
    cloud.wait(put)


def test_a_data_plane_behind_a_host_name_can_be_down(cloud):
    cloud.fault("service.down", {"service": "execute-api"}, mode="503")
    status, _, body = cloud.http("GET", "/", host="abcdefghij.execute-api.us-east-1.localhost:4566")
    assert (status, body) == (503, b'{"message":"The service is unavailable."}')
