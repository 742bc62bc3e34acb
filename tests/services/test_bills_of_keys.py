"""What AWS would bill for keys, secrets, logs and alarms."""

from __future__ import annotations

import pytest
from bill_workshop import used

HOUR_S = 3_600
GB = 1 << 30


# KMS: https://aws.amazon.com/kms/pricing/ ----------------------------------------------------------------------


def test_a_key_costs_as_long_as_it_is_not_to_be_deleted_and_aws_own_keys_cost_nothing(cloud):
    kms = cloud.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="sealed-things")
    s3.put_object(Bucket="sealed-things", Key="a", Body=b"x", ServerSideEncryption="aws:kms")
    assert [alias for alias in kms.list_aliases()["Aliases"] if alias["AliasName"] == "alias/aws/s3" and "TargetKeyId" in alias]
    cloud.sleep(2)
    before = used(cloud)["kms:customer_key", key]
    cloud.sleep(10 * HOUR_S)
    assert used(cloud)["kms:customer_key", key] - before == pytest.approx(10)
    kms.schedule_key_deletion(KeyId=key)
    cloud.sleep(2)
    after = used(cloud)["kms:customer_key", key]
    cloud.sleep(10 * HOUR_S)
    assert used(cloud)["kms:customer_key", key] == after
    assert {resource for usage, resource in used(cloud) if usage == "kms:customer_key"} == {key}


def test_the_first_two_rotations_cost_as_much_as_the_key(cloud):
    kms = cloud.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    levels = []
    for _ in range(4):
        cloud.sleep(2)
        before = used(cloud)["kms:customer_key", key]
        cloud.sleep(HOUR_S)
        levels.append(round(used(cloud)["kms:customer_key", key] - before, 3))
        kms.rotate_key_on_demand(KeyId=key)
    assert levels == [1, 2, 3, 3]


def test_requests_are_billed_to_who_makes_them_whosever_the_key_is(cloud):
    mine = cloud.client("kms", key="111111111111")
    policy = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": ["111111111111", "222222222222"]}, "Action": "kms:*", "Resource": "*"}]}'
    arn = mine.create_key(Policy=policy)["KeyMetadata"]["Arn"]
    cloud.client("kms", key="222222222222").encrypt(KeyId=arn, Plaintext=b"x")

    async def told():
        return cloud.region().gate.ledger.told()

    found = {(row[0], row[2]): row[4] for row in cloud.run(told())["used"] if row[2] == "kms:requests"}
    assert found == {("111111111111", "kms:requests"): 1, ("222222222222", "kms:requests"): 1}


def test_pairs_and_asymmetric_keys_have_prices_of_their_own(cloud):
    kms = cloud.client("kms")
    pair = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    kms.sign(KeyId=pair, Message=b"x", SigningAlgorithm="ECDSA_SHA_256")
    kms.generate_data_key_pair(KeyId=kms.create_key()["KeyMetadata"]["KeyId"], KeyPairSpec="ECC_NIST_P256")
    found = used(cloud)
    assert (found["kms:requests", ""], found["kms:asymmetric_requests", ""], found["kms:data_key_pair_requests", ""]) == (2, 1, 1)


def test_what_services_ask_of_keys_is_billed_too(cloud):
    kms, s3 = cloud.client("kms"), cloud.client("s3")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    s3.create_bucket(Bucket="sealed-things")
    before = used(cloud)["kms:requests", ""]
    s3.put_object(Bucket="sealed-things", Key="a", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    assert used(cloud)["kms:requests", ""] > before


# Secrets Manager: https://aws.amazon.com/secrets-manager/pricing/ --------------------------------------------------


def test_a_secret_costs_by_the_hour_and_each_call(cloud):
    secrets = cloud.client("secretsmanager")
    secrets.create_secret(Name="password", SecretString="x")
    cloud.sleep(2)
    before = used(cloud)
    secrets.get_secret_value(SecretId="password")
    cloud.sleep(5 * HOUR_S)
    found = used(cloud)
    assert found["secretsmanager:secret", "password"] - before["secretsmanager:secret", "password"] == pytest.approx(5)
    assert found["secretsmanager:api", ""] - before["secretsmanager:api", ""] == 1
    secrets.delete_secret(SecretId="password")
    cloud.sleep(2)
    after = used(cloud)["secretsmanager:secret", "password"]
    cloud.sleep(5 * HOUR_S)
    assert used(cloud)["secretsmanager:secret", "password"] == after


def test_a_replica_is_a_secret_of_its_own(make_cloud):
    cloud = make_cloud("us-east-1", "eu-west-1")
    cloud.client("secretsmanager").create_secret(Name="password", SecretString="x", AddReplicaRegions=[{"Region": "eu-west-1"}])
    cloud.sleep(5 * HOUR_S)
    assert used(cloud, "eu-west-1")["secretsmanager:secret", "password"] == pytest.approx(5, rel=0.01)


# Logs: https://aws.amazon.com/cloudwatch/pricing/ ------------------------------------------------------------------


def test_what_logs_take_is_billed_with_26_bytes_for_each_event_and_so_is_what_they_keep_and_scan(cloud):
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    now = int(cloud.now() * 1000)
    logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=[{"timestamp": now, "message": "ä" * 50}, {"timestamp": now, "message": "x" * 74}])
    size = 100 + 74 + 2 * 26
    cloud.sleep(2)
    before = used(cloud)
    assert before["cloudwatch:logs_ingest", "g"] * GB == pytest.approx(size)
    cloud.sleep(4 * HOUR_S)
    assert (used(cloud)["cloudwatch:logs_storage", "g"] - before["cloudwatch:logs_storage", "g"]) * GB == pytest.approx(4 * size)
    query = logs.start_query(logGroupName="g", startTime=0, endTime=int(cloud.now()) + 1, queryString="fields @message")["queryId"]
    while logs.get_query_results(queryId=query)["status"] != "Complete":
        cloud.sleep(0.1)
    scanned = logs.get_query_results(queryId=query)["statistics"]["bytesScanned"]
    assert scanned > 0 and used(cloud)["cloudwatch:logs_insights", ""] * GB == pytest.approx(scanned)


def test_an_alarm_costs_for_each_metric_and_a_dashboard_once_for_all_regions(make_cloud):
    cloud = make_cloud("aws-global", "us-east-1", "eu-west-1")
    watch = cloud.client("cloudwatch")
    rest = {"ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": 1, "Threshold": 1}
    one = {"MetricName": "m", "Namespace": "n", "Statistic": "Sum", **rest}
    watch.put_metric_alarm(AlarmName="plain", Period=60, **one)
    watch.put_metric_alarm(AlarmName="fast", Period=10, **one)
    stat = {"Metric": {"Namespace": "n", "MetricName": "m"}, "Period": 300, "Stat": "Sum"}
    sums = [{"Id": "a", "MetricStat": stat, "ReturnData": False}, {"Id": "b", "MetricStat": stat, "ReturnData": False}, {"Id": "c", "Expression": "a+b"}]
    watch.put_metric_alarm(AlarmName="sum", Metrics=sums, **rest)
    watch.put_composite_alarm(AlarmName="both", AlarmRule="ALARM(plain) OR ALARM(sum)")
    cloud.client("cloudwatch", "eu-west-1").put_dashboard(DashboardName="d", DashboardBody='{"widgets": []}')
    cloud.sleep(2)
    before = used(cloud), used(cloud, "aws-global")
    cloud.sleep(HOUR_S)
    after = used(cloud), used(cloud, "aws-global")
    assert {key: round(after[0][key] - before[0][key], 3) for key in after[0] if "alarm" in key[0]} == {
        ("cloudwatch:alarm_standard", "plain"): 1, ("cloudwatch:alarm_high_res", "fast"): 1, ("cloudwatch:alarm_standard", "sum"): 2,
        ("cloudwatch:alarm_composite", "both"): 1,
    }  # fmt: skip
    assert after[1]["cloudwatch:dashboard", "d"] - before[1]["cloudwatch:dashboard", "d"] == pytest.approx(1)
    assert not [key for key in used(cloud, "eu-west-1") if "dashboard" in key[0]]
