"""What is put through a door that encrypts is not in the cloud's files, its trail, its console's answers, what watchers hear or what it says.

A text goes through each door, comes out of it again, and is then looked for everywhere else; so is one that a call was refused with.
"""

from __future__ import annotations

import base64
import http.client
import io
import json
import os
import stat
import sys
import time
import zipfile
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from cloud.conftest import Up, eventually

ACCOUNT = "000000000000"
SECRET = "nobody-else-may-ever-read-this-text"
FORMS = (SECRET.encode(), base64.b64encode(SECRET.encode())[:-4], base64.b64encode(b"x" + SECRET.encode())[4:-4], base64.b64encode(b"xx" + SECRET.encode())[4:-4])
"""As it is, and as it looks within base64."""


class Watched:
    """A cloud with a folder, and somebody who hears all that watchers are told."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.up = folder, Up("--data", str(folder))
        self.watcher = http.client.HTTPConnection("127.0.0.1", self.up.port, timeout=20)
        self.watcher.request("GET", "/_kumoniwa/events?since=0")
        self.told = self.watcher.getresponse()
        self.heard = b""
        kms = self.client("kms")
        self.key = kms.create_key()["KeyMetadata"]["Arn"]
        document = json.loads(kms.get_key_policy(KeyId=self.key)["Policy"])
        services = ["logs.us-east-1.amazonaws.com", "sns.amazonaws.com", "events.amazonaws.com"]
        document["Statement"].append({"Effect": "Allow", "Principal": {"Service": services}, "Action": "kms:*", "Resource": "*"})
        kms.put_key_policy(KeyId=self.key, Policy=json.dumps(document))

    def client(self, service: str):
        return self.up.client(service)

    def hear(self) -> bytes:
        """All that watchers were told up to now: until something that is told because of us."""
        mark = f"mark-{time.monotonic_ns()}"
        with pytest.raises(ClientError):
            self.client("sqs").get_queue_url(QueueName=mark)
        number = self.client("sqs").list_queues()["ResponseMetadata"]["RequestId"]
        while number.encode() not in self.heard:
            self.heard += self.told.fp.readline()
        return self.heard

    def everywhere(self) -> dict[str, bytes]:
        """Where a secret must not be. What the trail tells lies readable in a file."""
        places = {str(path.relative_to(self.folder)): path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}
        for path in ("health", "report/us-east-1", "observed", "faults", "links", "mail"):
            places[path] = json.dumps(self.up.admin("GET", path)[1]).encode()
        places["what watchers hear"] = self.hear()
        return places


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    watched = Watched(tmp_path_factory.mktemp("secrets") / "data")
    yield watched
    watched.watcher.close()
    watched.up.stop()
    assert found({"what it says": watched.up.said.encode()}) == []
    assert not any(form in path.read_bytes() for path in watched.folder.rglob("*") if path.is_file() for form in FORMS)


def found(places: dict[str, bytes]) -> list[str]:
    return [name for name, content in places.items() if any(form in content for form in FORMS)]


# Doors: each puts the secret in and answers what comes out -------------------------------------------


def s3(cloud: Watched) -> str:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="secret-things")
    s3.put_object(Bucket="secret-things", Key="k", Body=SECRET.encode(), ServerSideEncryption="aws:kms", SSEKMSKeyId=cloud.key)
    return s3.get_object(Bucket="secret-things", Key="k")["Body"].read().decode()


def sqs(cloud: Watched) -> str:
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName="secret", Attributes={"KmsMasterKeyId": cloud.key, "VisibilityTimeout": "0"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=SECRET)
    return sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"]


def sns(cloud: Watched) -> str:
    sqs, sns = cloud.client("sqs"), cloud.client("sns")
    url = sqs.create_queue(QueueName="told", Attributes={"KmsMasterKeyId": cloud.key, "VisibilityTimeout": "0"})["QueueUrl"]
    arn = sns.create_topic(Name="secret", Attributes={"KmsMasterKeyId": cloud.key})["TopicArn"]
    leave = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": "*"}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": leave})})
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=f"arn:aws:sqs:us-east-1:{ACCOUNT}:told")
    sns.publish(TopicArn=arn, Message=SECRET)
    return sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"][0]["Body"]


def dynamodb(cloud: Watched) -> str:
    dynamodb, key = cloud.client("dynamodb"), {"id": {"S": f"key {SECRET}"}}
    dynamodb.create_table(
        TableName="secret", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": cloud.key},
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )  # fmt: skip
    dynamodb.put_item(TableName="secret", Item=key | {"text": {"S": SECRET}})
    return dynamodb.get_item(TableName="secret", Key=key)["Item"]["text"]["S"]


def logs(cloud: Watched) -> str:
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName="secret", kmsKeyId=cloud.key)
    logs.create_log_stream(logGroupName="secret", logStreamName="s")
    logs.put_log_events(logGroupName="secret", logStreamName="s", logEvents=[{"timestamp": int(time.time() * 1000), "message": SECRET}])
    return logs.get_log_events(logGroupName="secret", logStreamName="s")["events"][0]["message"]


def kinesis(cloud: Watched) -> str:
    kinesis = cloud.client("kinesis")
    kinesis.create_stream(StreamName="secret", ShardCount=1)
    kinesis.start_stream_encryption(StreamName="secret", EncryptionType="KMS", KeyId=cloud.key)
    kinesis.put_record(StreamName="secret", PartitionKey=f"p {SECRET}", Data=SECRET.encode())
    place = kinesis.get_shard_iterator(StreamName="secret", ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON")
    return kinesis.get_records(ShardIterator=place["ShardIterator"])["Records"][0]["Data"].decode()


def firehose(cloud: Watched) -> str:
    s3, firehose, iam = cloud.client("s3"), cloud.client("firehose"), cloud.client("iam")
    s3.create_bucket(Bucket="secret-files")
    trust = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": "firehose.amazonaws.com"}, "Action": "sts:AssumeRole"}}
    role = iam.create_role(RoleName="hose", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    may = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": ["s3:*", "kms:*"], "Resource": "*"}}
    iam.put_role_policy(RoleName="hose", PolicyName="p", PolicyDocument=json.dumps(may))
    destination = {
        "RoleARN": role, "BucketARN": "arn:aws:s3:::secret-files", "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 0},
        "EncryptionConfiguration": {"KMSEncryptionConfig": {"AWSKMSKeyARN": cloud.key}},
    }  # fmt: skip
    firehose.create_delivery_stream(
        DeliveryStreamName="secret", ExtendedS3DestinationConfiguration=destination,
        DeliveryStreamEncryptionConfigurationInput={"KeyType": "CUSTOMER_MANAGED_CMK", "KeyARN": cloud.key},
    )  # fmt: skip
    firehose.put_record(DeliveryStreamName="secret", Record={"Data": SECRET.encode()})
    assert eventually(lambda: s3.list_objects_v2(Bucket="secret-files")["KeyCount"], 20.0)
    (file,) = s3.list_objects_v2(Bucket="secret-files")["Contents"]
    return s3.get_object(Bucket="secret-files", Key=file["Key"])["Body"].read().decode()


def secretsmanager(cloud: Watched) -> str:
    cloud.client("secretsmanager").create_secret(Name="secret", SecretString=SECRET, KmsKeyId=cloud.key)
    return cloud.client("secretsmanager").get_secret_value(SecretId="secret")["SecretString"]


def ssm(cloud: Watched) -> str:
    cloud.client("ssm").put_parameter(Name="/secret", Value=SECRET, Type="SecureString", KeyId=cloud.key)
    return cloud.client("ssm").get_parameter(Name="/secret", WithDecryption=True)["Parameter"]["Value"]


def lambda_environment(cloud: Watched) -> str:
    iam, client = cloud.client("iam"), cloud.client("lambda")
    trust = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}}
    role = iam.create_role(RoleName="function", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("app.py", "import os\ndef handler(event, context):\n    return os.environ['SECRET']\n")
    client.create_function(
        FunctionName="secret", Role=role, Runtime=f"python3.{sys.version_info.minor}", Handler="app.handler", Code={"ZipFile": held.getvalue()},
        Environment={"Variables": {"SECRET": SECRET}}, KMSKeyArn=cloud.key,
    )  # fmt: skip
    return json.loads(client.invoke(FunctionName="secret")["Payload"].read())


def stepfunctions(cloud: Watched) -> str:
    iam, states = cloud.client("iam"), cloud.client("stepfunctions")
    trust = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}}
    role = iam.create_role(RoleName="machine", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    may = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}}
    iam.put_role_policy(RoleName="machine", PolicyName="p", PolicyDocument=json.dumps(may))
    flow = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Comment": SECRET, "Seconds": 1, "Next": "P"}, "P": {"Type": "Pass", "End": True}}}
    machine = states.create_state_machine(
        name="secret", definition=json.dumps(flow), roleArn=role,
        encryptionConfiguration={"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": cloud.key},
    )["stateMachineArn"]  # fmt: skip
    execution = states.start_execution(stateMachineArn=machine, input=json.dumps(SECRET))["executionArn"]
    assert eventually(lambda: states.describe_execution(executionArn=execution)["status"] == "SUCCEEDED", 20.0)
    return states.describe_execution(executionArn=execution)["output"]


def _queue(cloud: Watched, name: str) -> tuple[str, str]:
    """The URL and the ARN of a queue to which EventBridge may send."""
    leave = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": leave})
    url = cloud.client("sqs").create_queue(QueueName=name, Attributes={"Policy": policy, "VisibilityTimeout": "0"})["QueueUrl"]
    return url, f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"


def _received(cloud: Watched, url: str) -> str:
    return cloud.client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"][0]["Body"]


def _role(cloud: Watched, service: str) -> str:
    trust = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sts:AssumeRole"}}
    role = cloud.client("iam").create_role(RoleName=service, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    may = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": ["kms:*", "sqs:*"], "Resource": "*"}}
    cloud.client("iam").put_role_policy(RoleName=service, PolicyName="p", PolicyDocument=json.dumps(may))
    return role


def events(cloud: Watched) -> str:
    events, (url, arn) = cloud.client("events"), _queue(cloud, "heard")
    bus = events.create_event_bus(Name="secret", KmsKeyIdentifier=cloud.key)["EventBusArn"]
    events.create_archive(ArchiveName="secret", EventSourceArn=bus, KmsKeyIdentifier=cloud.key)
    pattern = json.dumps({"source": ["app"], "detail": {"never": [{"exists": False}, SECRET]}})
    events.put_rule(Name="r", EventBusName="secret", EventPattern=pattern)
    events.put_targets(Rule="r", EventBusName="secret", Targets=[{"Id": "q", "Arn": arn}])
    events.put_events(Entries=[{"EventBusName": "secret", "Source": "app", "DetailType": "t", "Detail": json.dumps({"said": SECRET})}])
    return _received(cloud, url)


def scheduler(cloud: Watched) -> str:
    url, arn = _queue(cloud, "scheduled")
    cloud.client("scheduler").create_schedule(
        Name="secret", ScheduleExpression="rate(1 day)", FlexibleTimeWindow={"Mode": "OFF"}, KmsKeyArn=cloud.key,
        Target={"Arn": arn, "RoleArn": _role(cloud, "scheduler"), "Input": SECRET},
    )  # fmt: skip
    return _received(cloud, url)


def pipes(cloud: Watched) -> str:
    (into, source), (out, target) = _queue(cloud, "into"), _queue(cloud, "out")
    cloud.client("pipes").create_pipe(
        Name="secret", Source=source, Target=target, RoleArn=_role(cloud, "pipes"), KmsKeyIdentifier=cloud.key,
        TargetParameters={"InputTemplate": f"{SECRET} <$.body>"},
    )  # fmt: skip
    cloud.client("sqs").send_message(QueueUrl=into, MessageBody="and more")
    return _received(cloud, out)


def xray(cloud: Watched) -> str:
    xray, now = cloud.client("xray"), time.time()
    xray.put_encryption_config(Type="KMS", KeyId=cloud.key)
    trace = f"1-{int(now):08x}-{1:024x}"
    document = {"trace_id": trace, "id": "1" * 16, "name": "shop", "start_time": now - 1, "end_time": now, "metadata": {"said": SECRET}}
    xray.put_trace_segments(TraceSegmentDocuments=[json.dumps(document)])
    return xray.batch_get_traces(TraceIds=[trace])["Traces"][0]["Segments"][0]["Document"]


def cognito_provider(cloud: Watched) -> str:
    idp = cloud.client("cognito-idp")
    pool = idp.create_user_pool(PoolName="secret")["UserPool"]["Id"]
    url = "https://idp.example.com"
    details = {
        "client_id": "kumo", "client_secret": SECRET, "oidc_issuer": url, "authorize_scopes": "openid", "attributes_request_method": "GET",
        "authorize_url": f"{url}/a", "token_url": f"{url}/t", "attributes_url": f"{url}/u", "jwks_uri": f"{url}/k",
    }  # fmt: skip
    idp.create_identity_provider(UserPoolId=pool, ProviderName="Corp", ProviderType="OIDC", ProviderDetails=details)
    told = idp.describe_identity_provider(UserPoolId=pool, ProviderName="Corp")["IdentityProvider"]
    return told["ProviderDetails"]["client_secret"]


DOORS = (s3, sqs, sns, dynamodb, logs, kinesis, firehose, secretsmanager, ssm, lambda_environment, stepfunctions, events, scheduler, pipes,
         xray, cognito_provider)  # fmt: skip


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_what_went_through_a_door_is_nowhere_else(cloud, door):
    assert SECRET in door(cloud)
    assert found(cloud.everywhere()) == []


def test_what_opens_a_push_service_is_nowhere(cloud):
    """It comes out of no door again."""
    sns = cloud.client("sns")
    said = {"PlatformPrincipal": f"id {SECRET}", "PlatformCredential": SECRET}
    arn = sns.create_platform_application(Name="secret", Platform="ADM", Attributes=said)["PlatformApplicationArn"]
    sns.set_platform_application_attributes(PlatformApplicationArn=arn, Attributes=said)
    assert found(cloud.everywhere()) == []


# What a call is refused with --------------------------------------------------------------------------

REFUSED = {
    "a secret that is too long": lambda c: c.client("secretsmanager").create_secret(Name="long", SecretString=SECRET * 2_000),
    "a parameter that is too long": lambda c: c.client("ssm").put_parameter(Name="/long", Value=SECRET * 200, Type="SecureString"),
    "variables that are too long": lambda c: c.client("lambda").update_function_configuration(
        FunctionName="secret", Environment={"Variables": {"SECRET": SECRET * 200}}
    ),
    "a plaintext that is too long": lambda c: c.client("kms").encrypt(KeyId=c.key, Plaintext=SECRET.encode() * 200),
    "what opens a push service that is none": lambda c: c.client("sns").create_platform_application(
        Name="x", Platform="AAA", Attributes={"PlatformCredential": SECRET}
    ),
    "a password that breaks the rules": lambda c: c.client("iam").create_login_profile(UserName="nobody", Password=SECRET),
}


@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED.keys())
def test_what_a_call_is_refused_with_is_told_to_nobody_else(cloud, call):
    with pytest.raises(ClientError):
        call(cloud)
    assert found(cloud.everywhere()) == []


def test_what_opens_everything_is_for_one_user_alone(cloud):
    """The seal, that is: the authority's key follows from it, and lies nowhere."""
    connection = http.client.HTTPConnection("127.0.0.1", cloud.up.port, timeout=20)
    connection.request("GET", "/_kumoniwa/ca.pem")
    assert b"PRIVATE KEY" not in connection.getresponse().read()
    assert b"PRIVATE KEY" not in (cloud.folder / "authority.pem").read_bytes()
    for path in (cloud.folder / "seal", cloud.folder / "authority.pem"):
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600, path
    for folder in (cloud.folder, cloud.folder / "regions", cloud.folder / "regions" / "us-east-1"):
        assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700, folder
