"""Libraries that people build upon, used as their own pages show it, against a cloud they know nothing of.

None of them is needed by Kumoniwa, so that each test is left out where its library is not installed. ``libraries.txt`` lists them;
docs/conformance.md tells how they are run, in an environment of their own.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import datetime
import filecmp
import hashlib
import hmac
import importlib.util
import io
import json
import logging
import os
import shutil
import struct
import subprocess
import sys
import time
import urllib.request
import zipfile
from pathlib import Path

import boto3
import pytest

pytestmark = pytest.mark.slow
SECOND = datetime.timedelta(seconds=1)
TRIED_S = 30.0


def until(done, within_s: float = TRIED_S) -> None:
    """Wait for what a library does in threads of its own."""
    end = time.monotonic() + within_s
    while not done():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.1)


def table(name: str, key: str) -> None:
    boto3.client("dynamodb").create_table(
        TableName=name, KeySchema=[{"AttributeName": key, "KeyType": "HASH"}], BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
    )  # fmt: skip


# Data -------------------------------------------------------------------------------------------------


def test_pynamodb_keeps_queries_and_changes_models(kumoniwa):
    models = pytest.importorskip("pynamodb.models")
    attributes, indexes = pytest.importorskip("pynamodb.attributes"), pytest.importorskip("pynamodb.indexes")

    class ByKind(indexes.GlobalSecondaryIndex):
        class Meta:
            projection = indexes.AllProjection()

        kind = attributes.UnicodeAttribute(hash_key=True)

    class Order(models.Model):
        class Meta:
            table_name, host, billing_mode, region = "orders", kumoniwa.endpoint, "PAY_PER_REQUEST", "us-east-1"

        id = attributes.UnicodeAttribute(hash_key=True)
        number = attributes.NumberAttribute(range_key=True)
        kind = attributes.UnicodeAttribute()
        version = attributes.VersionAttribute()
        by_kind = ByKind()

    Order.create_table(wait=True)
    with Order.batch_write() as batch:
        for number in range(60):
            batch.save(Order("a", number, kind="odd" if number % 2 else "even"))
    assert Order.count("a", Order.number.between(10, 19)) == 10
    assert sum(1 for _ in Order.by_kind.query("odd", page_size=7)) == 30
    first, again = Order.get("a", 0), Order.get("a", 0)
    first.update(actions=[Order.kind.set("none")])
    with pytest.raises(pytest.importorskip("pynamodb.exceptions").UpdateError, match="ConditionalCheckFailed"):
        again.update(actions=[Order.kind.set("other")])


def test_a_lock_in_a_table_has_one_holder(kumoniwa):
    locks = pytest.importorskip("python_dynamodb_lock.python_dynamodb_lock")
    locks.DynamoDBLockClient.create_dynamodb_table(boto3.client("dynamodb"), table_name="locks")
    times = {"heartbeat_period": SECOND, "lease_duration": 4 * SECOND, "expiry_period": 60 * SECOND, "safe_period": 3 * SECOND}
    one, other = (locks.DynamoDBLockClient(boto3.resource("dynamodb"), table_name="locks", **times) for _ in range(2))
    held = one.acquire_lock("k")
    with pytest.raises(locks.DynamoDBLockError):
        other.acquire_lock("k", retry_timeout=2 * SECOND, retry_period=SECOND)
    held.release()
    other.acquire_lock("k").release()
    one.close()
    other.close()


def test_smart_open_streams_to_objects_and_back(kumoniwa):
    smart_open = pytest.importorskip("smart_open")
    client = kumoniwa.client("s3")
    client.create_bucket(Bucket="smart")
    through = {"transport_params": {"client": client, "min_part_size": 5 << 20}}
    with smart_open.open("s3://smart/a.gz", "w", **through) as file:
        file.writelines(f"line {number}\n" for number in range(100_000))
    with smart_open.open("s3://smart/a.gz", **through) as file:
        assert sum(1 for _ in file) == 100_000
    with smart_open.open("s3://smart/b", "wb", **through) as file:
        for _ in range(12):
            file.write(bytes(1 << 20))
    with smart_open.open("s3://smart/b", "rb", **through) as file:
        file.seek(10 << 20)
        assert len(file.read()) == 2 << 20


def test_django_keeps_its_files_in_a_bucket(kumoniwa):
    pytest.importorskip("storages")
    from django.conf import settings
    from django.core.files.base import ContentFile
    from storages.backends.s3 import S3Storage

    settings.configure(AWS_S3_ENDPOINT_URL=kumoniwa.endpoint, AWS_STORAGE_BUCKET_NAME="media", AWS_S3_FILE_OVERWRITE=False, USE_TZ=True)
    kumoniwa.client("s3").create_bucket(Bucket="media")
    storage = S3Storage()
    first, second = (storage.save("dir/a.txt", ContentFile(text)) for text in (b"hello", b"again"))
    assert first != second and len(storage.listdir("dir")[1]) == 2 and storage.open(first).read() == b"hello"
    assert urllib.request.urlopen(storage.url(first), timeout=10).read() == b"hello"
    storage.delete(first)
    assert not storage.exists(first) and storage.get_modified_time(second)


def test_aioboto3_reads_and_writes_tables_and_large_objects(kumoniwa):
    aioboto3 = pytest.importorskip("aioboto3")

    async def go() -> None:
        table("aio", "k")
        session = aioboto3.Session()
        async with session.resource("dynamodb") as tables, session.client("s3") as objects:
            aio = await tables.Table("aio")
            async with aio.batch_writer() as batch:
                for number in range(60):
                    await batch.put_item(Item={"k": str(number)})
            assert (await aio.scan())["Count"] == 60
            await objects.create_bucket(Bucket="aio-objects")
            await objects.upload_fileobj(io.BytesIO(bytes(20 << 20)), "aio-objects", "k")
            assert len(await (await objects.get_object(Bucket="aio-objects", Key="k"))["Body"].read()) == 20 << 20

    asyncio.run(go())


# Messages ---------------------------------------------------------------------------------------------


def test_celery_works_over_queues(kumoniwa):
    celery = pytest.importorskip("celery")
    worker = pytest.importorskip("celery.contrib.testing.worker")
    place = kumoniwa.endpoint.removeprefix("http://")
    app, done = celery.Celery("shop", broker=f"sqs://test:test@{place}", backend="cache+memory://"), []
    app.conf.update(
        broker_transport_options={"region": "us-east-1", "is_secure": False, "visibility_timeout": 30, "wait_time_seconds": 1},
        task_default_queue="orders", worker_enable_remote_control=False, broker_connection_retry_on_startup=True,
    )  # fmt: skip

    @app.task(bind=True, max_retries=2)
    def add(self, one: int, other: int) -> None:
        if one == 99 and not self.request.retries:
            raise self.retry(countdown=1)
        done.append(one + other)

    with worker.start_worker(app, perform_ping_check=False, concurrency=1, pool="solo", loglevel="ERROR"):
        for number in range(20):
            add.delay(number, 1)
        add.delay(99, 1)
        add.apply_async((5, 5), countdown=2)
        until(lambda: len(done) == 22)
    assert sorted(done) == sorted([*range(1, 21), 100, 10])


def test_async_kinesis_consumes_what_it_produced(kumoniwa):
    kinesis = pytest.importorskip("kinesis")
    place = {"stream_name": "lines", "endpoint_url": kumoniwa.endpoint, "region_name": "us-east-1"}

    async def go() -> list[int]:
        async with kinesis.Producer(**place, create_stream=True, create_stream_shards=2) as producer:
            for number in range(500):
                await producer.put({"n": number})
            await producer.flush()
        got, end = [], time.monotonic() + TRIED_S
        async with kinesis.Consumer(**place, iterator_type="TRIM_HORIZON", sleep_time_no_records=0.3) as consumer:
            while len(got) < 500 and time.monotonic() < end:
                async for item in consumer:
                    got.append(item["n"])
        return got

    assert sorted(asyncio.run(go())) == list(range(500))


# Secrets and people -----------------------------------------------------------------------------------


def test_the_encryption_sdk_opens_what_any_of_its_keys_sealed(kumoniwa):
    sdk = pytest.importorskip("aws_encryption_sdk")
    kms = kumoniwa.client("kms")
    keys = [kms.create_key()["KeyMetadata"]["Arn"], kms.create_key(MultiRegion=True)["KeyMetadata"]["Arn"]]
    client = sdk.EncryptionSDKClient(commitment_policy=sdk.CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT)
    both = sdk.StrictAwsKmsMasterKeyProvider(key_ids=keys)
    sealed, _ = client.encrypt(source=b"secret" * 1000, key_provider=both, encryption_context={"a": "b"})
    kms.disable_key(KeyId=keys[0])
    opened, header = client.decrypt(source=sealed, key_provider=sdk.DiscoveryAwsKmsMasterKeyProvider())
    assert opened == b"secret" * 1000 and header.encryption_context["a"] == "b"


def test_a_cache_of_secrets_finds_the_new_one(kumoniwa):
    caching = pytest.importorskip("aws_secretsmanager_caching")
    secrets = kumoniwa.client("secretsmanager")
    secrets.create_secret(Name="db", SecretString='{"user": "ann"}')
    cache = caching.SecretCache(caching.SecretCacheConfig(secret_refresh_interval=1), secrets)
    assert json.loads(cache.get_secret_string("db"))["user"] == "ann"
    secrets.put_secret_value(SecretId="db", SecretString='{"user": "bob"}')
    until(lambda: json.loads(cache.get_secret_string("db"))["user"] == "bob")


def _code(seed: str) -> str:
    key = base64.b32decode(seed + "=" * (-len(seed) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at : at + 4])[0] & 0x7FFFFFFF) % 10**6:06}"


def test_pycognito_signs_in_with_a_proof_and_a_second_factor(kumoniwa, tmp_path, monkeypatch):
    """It asks for the pool's keys at AWS's own name, and is led here by the proxy."""
    pycognito, errors = pytest.importorskip("pycognito"), pytest.importorskip("pycognito.exceptions")
    authority = tmp_path / "authority.pem"
    authority.write_bytes(urllib.request.urlopen(f"{kumoniwa.endpoint}/_kumoniwa/ca.pem", timeout=10).read())
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    for name, value in (("HTTPS_PROXY", kumoniwa.endpoint), ("AWS_CA_BUNDLE", str(authority)), ("REQUESTS_CA_BUNDLE", str(authority))):
        monkeypatch.setenv(name, value)
    pools = boto3.client("cognito-idp")
    pool = pools.create_user_pool(PoolName="people", AutoVerifiedAttributes=["email"])["UserPool"]["Id"]
    pools.set_user_pool_mfa_config(UserPoolId=pool, SoftwareTokenMfaConfiguration={"Enabled": True}, MfaConfiguration="OPTIONAL")
    client = pools.create_user_pool_client(
        UserPoolId=pool, ClientName="c", GenerateSecret=True, ExplicitAuthFlows=["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
    )["UserPoolClient"]

    def person(name: str):
        place = {"user_pool_id": pool, "client_id": client["ClientId"], "client_secret": client["ClientSecret"]}
        return pycognito.Cognito(**place, user_pool_region="us-east-1", username=name)

    bob = person("bob")
    bob.set_base_attributes(email="bob@example.com")
    bob.register("bob", "Passw0rd!x")
    bob.admin_confirm_sign_up()
    bob.authenticate("Passw0rd!x")
    assert bob.id_claims["email"] == "bob@example.com"
    bob.renew_access_token()
    seed = bob.associate_software_token()
    assert bob.verify_software_token(_code(seed), "phone")
    bob.set_user_mfa_preference(sms_mfa=False, software_token_mfa=True, preferred="SOFTWARE_TOKEN")
    again, used = person("bob"), _code(seed)
    until(lambda: _code(seed) != used, within_s=40)
    with pytest.raises(errors.SoftwareTokenMFAChallengeException) as asked:
        again.authenticate("Passw0rd!x")
    again.respond_to_software_token_mfa_challenge(_code(seed), asked.value.get_tokens())
    again.verify_tokens()
    ann = person("ann")
    ann.admin_create_user("ann", temporary_password="Temp0rary!1", email="ann@example.com")
    with pytest.raises(errors.ForceChangePasswordException):
        ann.authenticate("Temp0rary!1")
    ann.new_password_challenge("Temp0rary!1", "Permanent0!1")
    assert {each.username for each in ann.get_users()} == {"ann", "bob"}


# What happened ----------------------------------------------------------------------------------------


def test_watchtower_writes_logs(kumoniwa):
    watchtower = pytest.importorskip("watchtower")
    client = kumoniwa.client("logs")
    handler = watchtower.CloudWatchLogHandler(
        log_group_name="app", log_stream_name="s", boto3_client=client, log_group_retention_days=7, log_group_tags={"a": "b"}, send_interval=1
    )
    logger = logging.getLogger("shop")
    logger.setLevel("INFO")
    logger.addHandler(handler)
    for number in range(300):
        logger.info({"n": number})
    handler.flush()
    handler.close()
    pages = client.get_paginator("filter_log_events").paginate(logGroupName="app")
    assert sum(len(page["events"]) for page in pages) == 300


def test_metrics_that_are_embedded_in_logs_are_metrics(kumoniwa, monkeypatch):
    monkeypatch.setenv("AWS_EMF_ENVIRONMENT", "Local")
    monkeypatch.setenv("AWS_EMF_NAMESPACE", "shop")
    metric_scope = pytest.importorskip("aws_embedded_metrics").metric_scope

    @metric_scope
    def work(metrics) -> None:
        metrics.set_dimensions({"Service": "orders"})
        for value in (100, 50):
            metrics.put_metric("Latency", value, "Milliseconds")

    with contextlib.redirect_stdout(io.StringIO()) as said:
        work()
    logs, place = kumoniwa.client("logs"), {"logGroupName": "emf", "logStreamName": "s"}
    logs.create_log_group(logGroupName="emf")
    logs.create_log_stream(**place)
    logs.put_log_events(**place, logEvents=[{"timestamp": int(time.time() * 1000), "message": said.getvalue().strip()}])
    watch = kumoniwa.client("cloudwatch")
    until(lambda: watch.list_metrics(Namespace="shop")["Metrics"])
    (metric,) = watch.list_metrics(Namespace="shop")["Metrics"]
    (point,) = watch.get_metric_statistics(
        Namespace="shop", MetricName="Latency", Dimensions=metric["Dimensions"], StartTime=time.time() - 600, EndTime=time.time() + 60, Period=3600,
        Statistics=["Sum"],
    )["Datapoints"]  # fmt: skip
    assert point["Sum"] == 150.0


def test_segments_of_the_xray_sdk_become_traces(kumoniwa):
    core = pytest.importorskip("aws_xray_sdk.core")
    daemon = json.load(urllib.request.urlopen(f"{kumoniwa.endpoint}/_kumoniwa/health", timeout=10))["xray"]
    core.xray_recorder.configure(service="shop", daemon_address=daemon, sampling=False, context_missing="LOG_ERROR")
    core.patch(["botocore"])
    with core.xray_recorder.in_segment("shop") as segment:
        segment.put_annotation("order", "o1")
        with core.xray_recorder.in_subsegment("work"):
            boto3.client("dynamodb").list_tables()
    traces = kumoniwa.client("xray")
    until(lambda: traces.batch_get_traces(TraceIds=[segment.trace_id])["Traces"])
    found = traces.get_trace_summaries(StartTime=time.time() - 60, EndTime=time.time() + 1, FilterExpression='annotation.order = "o1"')
    assert [each["Id"] for each in found["TraceSummaries"]] == [segment.trace_id]


POWERTOOLS = """
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.utilities import parameters
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig, idempotent_function

logger, metrics, tracer, app = Logger(), Metrics(namespace="Shop"), Tracer(), APIGatewayHttpResolver()
store, once, paid = DynamoDBPersistenceLayer(table_name="paid"), IdempotencyConfig(event_key_jmespath="id"), []
records = BatchProcessor(event_type=EventType.SQS)

@idempotent_function(data_keyword_argument="order", persistence_store=store, config=once)
def pay(order):
    paid.append(order)
    return {"paid": order["id"], "number": len(paid)}

@app.post("/orders")
def create():
    tracer.put_annotation("order", app.current_event.json_body["id"])
    metrics.add_metric(name="Orders", unit="Count", value=1)
    return pay(order=app.current_event.json_body)

@app.get("/settings")
def settings():
    return {"plain": parameters.get_parameter("/shop/p", decrypt=True), "secret": parameters.get_secret("shop/s", transform="json")}

@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics
def api(event, context):
    return app.resolve(event, context)

def refuse_odd(record):
    if record.json_body["n"] % 2:
        raise ValueError("odd")

def batch(event, context):
    return process_partial_response(event=event, record_handler=refuse_odd, processor=records, context=context)
"""
PACKED = ("aws_lambda_powertools", "aws_xray_sdk", "jmespath", "wrapt")


def _packed() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("app.py", POWERTOOLS)
        for name in (*PACKED, "typing_extensions"):
            found = Path(importlib.util.find_spec(name).origin)
            top = found.parent if name in PACKED else found
            for each in top.rglob("*.*") if name in PACKED else [found]:
                if "__pycache__" not in each.parts:
                    file.write(each, each.relative_to(top.parent))
    return packed.getvalue()


def test_powertools_pay_once_read_parameters_and_report_parts_of_batches(kumoniwa):
    pytest.importorskip("aws_lambda_powertools")
    trust = {"Statement": {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}}
    everything = {"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
    iam, functions, code = kumoniwa.client("iam"), kumoniwa.client("lambda"), _packed()
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=json.dumps(everything))
    table("paid", "id")
    kumoniwa.client("ssm").put_parameter(Name="/shop/p", Value="v", Type="SecureString")
    kumoniwa.client("secretsmanager").create_secret(Name="shop/s", SecretString='{"a": 1}')
    for name in ("api", "batch"):
        functions.create_function(
            FunctionName=name, Role=role, Runtime=f"python3.{sys.version_info.minor}", Handler=f"app.{name}", Code={"ZipFile": code}, Timeout=20,
            TracingConfig={"Mode": "Active"}, Environment={"Variables": {"POWERTOOLS_SERVICE_NAME": "shop"}},
        )  # fmt: skip
        functions.get_waiter("function_active_v2").wait(FunctionName=name)

    def ask(verb: str, path: str, body: dict | None = None) -> dict:
        event = {
            "version": "2.0", "rawPath": path, "rawQueryString": "", "headers": {}, "body": json.dumps(body), "isBase64Encoded": False,
            "requestContext": {"http": {"method": verb, "path": path}, "stage": "$default"},
        }  # fmt: skip
        return json.loads(json.load(functions.invoke(FunctionName="api", Payload=json.dumps(event))["Payload"])["body"])

    assert [ask("POST", "/orders", {"id": id_})["number"] for id_ in ("o1", "o1", "o2")] == [1, 1, 2]
    assert ask("GET", "/settings") == {"plain": "v", "secret": {"a": 1}}
    queues = kumoniwa.client("sqs")
    buried = queues.create_queue(QueueName="buried")["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=buried, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "1"})
    orders = queues.create_queue(QueueName="orders", Attributes={"VisibilityTimeout": "20", "RedrivePolicy": redrive})["QueueUrl"]
    functions.create_event_source_mapping(
        EventSourceArn=arn.replace("buried", "orders"), FunctionName="batch", FunctionResponseTypes=["ReportBatchItemFailures"], BatchSize=10
    )
    queues.send_message_batch(QueueUrl=orders, Entries=[{"Id": str(n), "MessageBody": json.dumps({"n": n})} for n in range(6)])
    odd: list[int] = []
    until(lambda: odd.extend(_taken(queues, buried)) or len(odd) == 3, within_s=60)
    assert sorted(odd) == [1, 3, 5]
    found = kumoniwa.client("xray").get_trace_summaries(StartTime=time.time() - 300, EndTime=time.time() + 1, FilterExpression='annotation.order = "o1"')
    assert len(found["TraceSummaries"]) == 2
    until(lambda: {each["MetricName"] for each in kumoniwa.client("cloudwatch").list_metrics(Namespace="Shop")["Metrics"]} == {"Orders"})


def _taken(queues, url: str) -> list[int]:
    got = queues.receive_message(QueueUrl=url, WaitTimeSeconds=1, MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(each["Body"])["n"] for each in got]


# Programs ---------------------------------------------------------------------------------------------


@pytest.fixture
def files(kumoniwa, tmp_path):
    """A folder of odd names, and what runs a program of this machine."""
    kumoniwa.client("s3").create_bucket(Bucket="files-of-tools")
    (tmp_path / "from").mkdir()
    for name in ("a", "b c", "ü#?%&+.txt"):
        (tmp_path / "from" / name).write_bytes(os.urandom(300_000))

    def run(*words: str) -> None:
        if shutil.which(words[0]) is None:
            pytest.skip(f"{words[0]} is not there")
        subprocess.run(words, env={**os.environ, "AWS_REGION": "us-east-1"}, check=True, capture_output=True)

    return tmp_path, run


def test_s5cmd_copies_a_folder_there_and_back(kumoniwa, files):
    folder, run = files
    for words in (["sync", f"{folder}/from/", "s3://files-of-tools/s5/"], ["cp", "s3://files-of-tools/s5/*", f"{folder}/to/"]):
        run("s5cmd", "--endpoint-url", kumoniwa.endpoint, *words)
    assert not filecmp.dircmp(folder / "from", folder / "to").diff_files
    assert {each.name for each in (folder / "to").iterdir()} == {each.name for each in (folder / "from").iterdir()}


def test_rclone_finds_a_bucket_as_its_folder_is(kumoniwa, files):
    folder, run = files
    remote = f":s3,provider=Other,env_auth=true,region=us-east-1,endpoint='{kumoniwa.endpoint}':files-of-tools/rc"
    for words in (["sync", f"{folder}/from", remote], ["check", f"{folder}/from", remote, "--download"]):
        run("rclone", "--config", "", *words)
