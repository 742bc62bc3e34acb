"""No region answers for another's: an ARN that names something of this name, but elsewhere, names nothing here.

That it names nothing follows from what an ARN is (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html); of which code a
service's refusal is, records of AWS are at hand for KMS, Lambda and where a test names one. The others are the codes for what is not there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import states_workshop
from lambda_workshop import put_role
from refusals import refused, refused_code

TAGS, TAG = {"a": "b"}, [{"Key": "a", "Value": "b"}]
ACCOUNT = "000000000000"


def table(client) -> str:
    made = client.create_table(
        TableName="table", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )  # fmt: skip
    return made["TableDescription"]["TableArn"]


def stream(client) -> str:
    client.create_stream(StreamName="s", ShardCount=1)
    return f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/s"


def log_group(client) -> str:
    client.create_log_group(logGroupName="g")
    return f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:g"


def identity(client) -> str:
    client.create_email_identity(EmailIdentity="example.com")
    return f"arn:aws:ses:us-east-1:{ACCOUNT}:identity/example.com"


def destination(client) -> str:
    client.create_log_group(logGroupName="g")
    target = {"destinationResourceArn": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:g"}
    return client.put_delivery_destination(name="d", deliveryDestinationConfiguration=target)["deliveryDestination"]["arn"]


def pool(client) -> str:
    return client.create_user_pool(PoolName="p")["UserPool"]["Arn"]


CASES: list[tuple[str, Callable[[Any], str], str, Callable[[str], dict[str, Any]]]] = [
    ("dynamodb", table, "put_item", lambda arn: {"TableName": arn, "Item": {"id": {"S": "1"}}}),
    ("dynamodb", table, "describe_table", lambda arn: {"TableName": arn}),
    ("dynamodb", table, "create_backup", lambda arn: {"TableName": arn, "BackupName": "backup"}),
    ("logs", log_group, "describe_log_streams", lambda arn: {"logGroupIdentifier": arn}),
    ("logs", log_group, "tag_resource", lambda arn: {"resourceArn": arn, "tags": TAGS}),
    ("ecr", lambda client: client.create_repository(repositoryName="rr")["repository"]["repositoryArn"], "tag_resource",
     lambda arn: {"resourceArn": arn, "tags": TAG}),
    ("scheduler", lambda client: client.create_schedule_group(Name="g")["ScheduleGroupArn"], "tag_resource",
     lambda arn: {"ResourceArn": arn, "Tags": TAG}),
    ("appsync", lambda client: client.create_graphql_api(name="x", authenticationType="API_KEY")["graphqlApi"]["arn"], "tag_resource",
     lambda arn: {"resourceArn": arn, "tags": TAGS}),
    ("apigateway", lambda client: f"arn:aws:apigateway:us-east-1::/restapis/{client.create_rest_api(name='x')['id']}", "tag_resource",
     lambda arn: {"resourceArn": arn, "tags": TAGS}),
    ("apigatewayv2", lambda client: f"arn:aws:apigateway:us-east-1::/apis/{client.create_api(Name='x', ProtocolType='HTTP')['ApiId']}",
     "tag_resource", lambda arn: {"ResourceArn": arn, "Tags": TAGS}),
    ("logs", destination, "tag_resource", lambda arn: {"resourceArn": arn, "tags": TAGS}),
    ("cognito-idp", pool, "tag_resource", lambda arn: {"ResourceArn": arn, "Tags": TAGS}),
    ("sesv2", identity, "tag_resource", lambda arn: {"ResourceArn": arn, "Tags": TAG}),
]  # fmt: skip


@pytest.mark.parametrize(("service", "make", "method", "asked"), CASES, ids=[f"{case[0]}-{case[2]}" for case in CASES])
def test_an_arn_of_another_region_names_nothing_here(cloud, service, make, method, asked):
    client = cloud.client(service)
    arn = make(client)
    cloud.sleep(30)
    assert "NotFound" in refused_code(getattr(client, method), **asked(arn.replace("us-east-1", "us-west-2")))
    getattr(client, method)(**asked(arn))


def test_kinesis_says_so_of_an_arn_of_another_region(cloud):
    # cdk-preflight: pf-kinesis-consumer-stream-region, -resource-policy-region. It told no code.
    client = cloud.client("kinesis")
    arn = stream(client)
    other = arn.replace("us-east-1", "us-west-2")
    told = ("InvalidArgumentException", f"The region specified in the ARN '{other}' does not match the endpoint region")
    assert refused(client.put_record, StreamARN=other, Data=b"d", PartitionKey="p") == told
    assert refused(client.tag_resource, ResourceARN=other, Tags=TAGS) == told


def test_a_queue_url_of_another_region_leads_to_no_queue_here(cloud):
    # As who worked a queue from elsewhere was told: https://github.com/danvk/mapsnap/pull/436. A host that names no region is of whichever is asked.
    queues = cloud.client("sqs")
    queues.create_queue(QueueName="q")
    for host in ("sqs.us-west-2.amazonaws.com", "us-west-2.queue.amazonaws.com", "sqs.us-west-2.localhost:4566"):
        url = f"http://{host}/{ACCOUNT}/q"
        assert refused(queues.send_message, QueueUrl=url, MessageBody="x") == ("AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.")
        assert refused(queues.receive_message, QueueUrl=url)[0] == "AWS.SimpleQueueService.NonExistentQueue"
    for host in ("sqs.us-east-1.amazonaws.com", "us-east-1.queue.amazonaws.com", "queue.amazonaws.com", "sqs.localhost:4566", "127.0.0.1:4566"):
        queues.send_message(QueueUrl=f"http://{host}/{ACCOUNT}/q", MessageBody="x")


ELSEWHERE = f"arn:aws:events:us-west-2:{ACCOUNT}"
EVENT = {"Source": "a", "DetailType": "b", "Detail": "{}"}
OF_EVENTS: list[tuple[str, dict[str, Any]]] = [
    ("put_events", {"Entries": [EVENT, {**EVENT, "EventBusName": f"{ELSEWHERE}:event-bus/default"}]}),
    ("put_rule", {"Name": "r", "EventBusName": f"{ELSEWHERE}:event-bus/default", "EventPattern": '{"source": ["a"]}'}),
    ("put_targets", {"Rule": "r", "EventBusName": f"{ELSEWHERE}:event-bus/default", "Targets": [{"Id": "1", "Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"}]}),
    ("describe_event_bus", {"Name": f"{ELSEWHERE}:event-bus/default"}),
    ("tag_resource", {"ResourceARN": f"{ELSEWHERE}:rule/r", "Tags": TAG}),
    ("start_replay", {"ReplayName": "r", "EventSourceArn": f"{ELSEWHERE}:archive/a", "EventStartTime": 0, "EventEndTime": 1,
                      "Destination": {"Arn": f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/default"}}),
]  # fmt: skip


@pytest.mark.parametrize(("method", "asked"), OF_EVENTS, ids=[method for method, _ in OF_EVENTS])
def test_eventbridge_takes_no_call_for_another_region(cloud, method, asked):
    # Told of PutRule (https://github.com/aws-samples/amazon-eventbridge-resource-policy-samples/issues/10) and of TagResource without a region. That
    # PutEvents fails as a whole, and not one entry of it, no record shows.
    client = cloud.client("events")
    client.put_rule(Name="r", EventPattern='{"source": ["a"]}')
    assert refused(getattr(client, method), **asked) == ("ValidationException", "Cross-region api call is not allowed.")


def test_an_alarm_acts_and_watches_in_its_own_region(cloud):
    # https://github.com/cds-snc/notification-terraform/pull/128
    # https://github.com/aws-samples/amazon-cloudwatch-auto-alarms/issues/61
    watch = cloud.client("cloudwatch")
    said = {"Namespace": "n", "MetricName": "m", "Period": 60, "Statistic": "Sum", "EvaluationPeriods": 1, "Threshold": 1.0,
            "ComparisonOperator": "GreaterThanThreshold"}  # fmt: skip
    for arn, words in (
        (f"arn:aws:sns:us-west-2:{ACCOUNT}:t", "Invalid region us-west-2 specified. Only us-east-1 is supported."),
        (f"arn:aws-us-gov:sns:us-gov-west-1:{ACCOUNT}:t", "Invalid partition aws-us-gov specified. Only aws is supported."),
    ):
        assert refused(watch.put_metric_alarm, AlarmName="a", AlarmActions=[arn], **said) == ("ValidationError", words)
    watch.put_metric_alarm(AlarmName="a", **said)
    # No record of AWS is at hand of an alarm that hangs on one of another region.
    rule = f'ALARM("arn:aws:cloudwatch:us-west-2:{ACCOUNT}:alarm:a")'
    assert refused(watch.put_composite_alarm, AlarmName="c", AlarmRule=rule)[0] == "ValidationError"
    watch.put_composite_alarm(AlarmName="c", AlarmRule=rule.replace("us-west-2", "us-east-1"))


def test_a_deleted_stack_is_found_by_its_own_id_only(cloud):
    stacks = cloud.client("cloudformation")
    body = '{"Resources": {"T": {"Type": "AWS::SNS::Topic"}}}'
    arn = stacks.create_stack(StackName="s", TemplateBody=body)["StackId"]
    cloud.sleep(30)
    stacks.delete_stack(StackName=arn)
    cloud.sleep(30)
    other = arn.replace("us-east-1", "us-west-2")
    assert refused(stacks.describe_stacks, StackName=other) == ("ValidationError", f"Stack with id {other} does not exist")
    assert stacks.describe_stacks(StackName=arn)["Stacks"][0]["StackStatus"] == "DELETE_COMPLETE"


def test_a_stream_of_another_region_is_not_read_here(cloud):
    tables, streams = cloud.client("dynamodb"), cloud.client("dynamodbstreams")
    table(tables)
    tables.update_table(TableName="table", StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"})
    stream = tables.describe_table(TableName="table")["Table"]["LatestStreamArn"]
    assert refused(streams.describe_stream, StreamArn=stream.replace("us-east-1", "us-west-2"))[0] == "ResourceNotFoundException"
    assert streams.describe_stream(StreamArn=stream)["StreamDescription"]["StreamArn"] == stream


def test_what_another_region_has_of_state_machines_is_left_alone_here(cloud):
    # What is not there is deleted without a word, and what is here stays.
    def elsewhere(arn: str) -> str:
        return arn.replace("us-east-1", "us-west-2")

    states = cloud.client("stepfunctions")
    machine = states_workshop.make(cloud, {"A": {"Type": "Succeed"}})
    version = states.publish_state_machine_version(stateMachineArn=machine)["stateMachineVersionArn"]
    routing = [{"stateMachineVersionArn": version, "weight": 100}]
    live = states.create_state_machine_alias(name="live", routingConfiguration=routing)["stateMachineAliasArn"]
    work = states.create_activity(name="work")["activityArn"]
    assert refused(states.update_state_machine_alias, stateMachineAliasArn=elsewhere(live), description="d")[0] == "ResourceNotFound"
    assert refused(states.list_state_machine_aliases, stateMachineArn=elsewhere(machine))[0] == "StateMachineDoesNotExist"
    states.delete_state_machine_alias(stateMachineAliasArn=elsewhere(live))
    states.delete_activity(activityArn=elsewhere(work))
    assert states.describe_state_machine_alias(stateMachineAliasArn=live)["routingConfiguration"] == routing
    assert states.describe_activity(activityArn=work)["name"] == "work"
    states.delete_state_machine_alias(stateMachineAliasArn=live)
    states.delete_state_machine_version(stateMachineVersionArn=elsewhere(version))
    assert len(states.list_state_machine_versions(stateMachineArn=machine)["stateMachineVersions"]) == 1


def elsewhere(arn: str) -> str:
    return arn.replace("us-east-1", "us-west-2")


def foreign(arn: str) -> str:
    return arn.replace(ACCOUNT, "222222222222")


def named(service: str, resource: str) -> str:
    return f"arn:aws:{service}:us-east-1:{ACCOUNT}:{resource}"


def pipe(cloud, **more: Any) -> Callable[[], Any]:
    asked = {"Name": "p", "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/r", "Source": named("sqs", "a"), "Target": named("sqs", "b"), **more}
    return lambda: cloud.client("pipes").create_pipe(**asked)


def of_a_stream(dead: str) -> dict[str, Any]:
    return {"KinesisStreamParameters": {"StartingPosition": "LATEST", "DeadLetterConfig": {"Arn": dead}}}


def logging_to(arn: str) -> dict[str, Any]:
    return {"Level": "INFO", "CloudwatchLogsLogDestination": {"LogGroupArn": arn}}


def test_all_that_a_pipe_names_is_of_its_region(cloud):
    # cdk-preflight, pf-pipes-cross-region, measured for source and target. Of dead letters and log groups no source tells.
    queue, group = named("sqs", "a"), named("logs", "log-group:g")
    words = ("ValidationException", "Creating cross-region pipe is not permitted.")
    assert refused(pipe(cloud, Source=elsewhere(queue))) == words
    assert refused(pipe(cloud, Target=elsewhere(queue))) == words
    assert refused(pipe(cloud, Enrichment=elsewhere(named("lambda", "function:f")))) == words
    assert refused(pipe(cloud, Source=named("kinesis", "stream/s"), SourceParameters=of_a_stream(elsewhere(queue)))) == words
    assert refused(pipe(cloud, LogConfiguration=logging_to(elsewhere(group)))) == ("ValidationException", "The log group must be in the region us-east-1.")
    assert refused(pipe(cloud, LogConfiguration=logging_to(foreign(group)))) == ("ValidationException", f"The log group must be in the account {ACCOUNT}.")
    stream = {"Level": "INFO", "FirehoseLogDestination": {"DeliveryStreamArn": foreign(named("firehose", "deliverystream/f"))}}
    assert refused(pipe(cloud, LogConfiguration=stream)) == ("ValidationException", f"The delivery stream must be in the account {ACCOUNT}.")
    assert refused(pipe(cloud, LogConfiguration=logging_to("g")))[0] == "ValidationException"
    assert cloud.client("pipes").list_pipes()["Pipes"] == []


def test_the_dead_letters_of_a_schedule_stay_in_its_region(cloud):
    # That AWS refuses it: https://github.com/aws/aws-cdk/pull/32032. Its words are not known to us.
    target = {"Arn": named("sqs", "q"), "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/r", "DeadLetterConfig": {"Arn": elsewhere(named("sqs", "dead"))}}
    asked = {"Name": "s", "ScheduleExpression": "rate(1 hour)", "FlexibleTimeWindow": {"Mode": "OFF"}, "Target": target}
    told = refused(cloud.client("scheduler").create_schedule, **asked)
    assert told == ("ValidationException", "The dead-letter queue ARN provided does not match the current region us-east-1.")


def test_a_delivery_stream_reads_from_and_is_encrypted_in_its_own_region(cloud):
    # The words for keys: cdk-preflight, pf-firehose-encryption-key-region. Of sources no source tells.
    firehose = cloud.client("firehose")
    role, key = put_role(cloud, trust=states_workshop.TRUST.replace("states", "firehose")), named("kms", "key/11111111-2222-3333-4444-555555555555")
    to = {"DeliveryStreamName": "d", "S3DestinationConfiguration": {"RoleARN": role, "BucketARN": "arn:aws:s3:::bucket"}}
    source = {"KinesisStreamARN": elsewhere(named("kinesis", "stream/s")), "RoleARN": role}
    code, words = refused(firehose.create_delivery_stream, DeliveryStreamType="KinesisStreamAsSource", KinesisStreamSourceConfiguration=source, **to)
    assert code == "InvalidArgumentException" and words.startswith("Cross-region streams are not allowed")
    encryption = {"KeyType": "CUSTOMER_MANAGED_CMK", "KeyARN": elsewhere(key)}
    assert refused(firehose.create_delivery_stream, DeliveryStreamEncryptionConfigurationInput=encryption, **to) == (
        "InvalidArgumentException", "Cross-region keys are not allowed for SSE. Please provide CMKs in the same region as firehose",
    )  # fmt: skip
    assert firehose.list_delivery_streams()["DeliveryStreamNames"] == []


def test_a_delivery_stream_encrypts_files_by_a_key_of_the_bucket_s_region(make_cloud):
    # cdk-preflight: pf-firehose-s3-kms-key-region.
    cloud = make_cloud("us-east-1", "us-west-2", "aws-global")
    firehose = cloud.client("firehose")
    cloud.client("s3").create_bucket(Bucket="here")
    cloud.client("s3", region="us-west-2").create_bucket(Bucket="there", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    role, key = put_role(cloud, trust=states_workshop.TRUST.replace("states", "firehose")), named("kms", "key/11111111-2222-3333-4444-555555555555")

    def to(bucket: str, key: str) -> dict[str, Any]:
        return {"RoleARN": role, "BucketARN": f"arn:aws:s3:::{bucket}", "EncryptionConfiguration": {"KMSEncryptionConfig": {"AWSKMSKeyARN": key}}}

    words = f"KMS Key {elsewhere(key)} does not exist in the same region as the S3 bucket. KMS Key region: us-west-2. S3 Bucket Region: us-east-1"
    wrong = to("here", elsewhere(key))
    assert refused(firehose.create_delivery_stream, DeliveryStreamName="d", S3DestinationConfiguration=wrong) == ("InvalidArgumentException", words)
    firehose.create_delivery_stream(DeliveryStreamName="d", ExtendedS3DestinationConfiguration=to("there", elsewhere(key)))
    cloud.sleep(1)
    asked = {"DeliveryStreamName": "d", "CurrentDeliveryStreamVersionId": "1", "DestinationId": "destinationId-000000000001"}
    assert refused(firehose.update_destination, **asked, ExtendedS3DestinationUpdate=wrong) == ("InvalidArgumentException", words)
    firehose.update_destination(**asked, ExtendedS3DestinationUpdate=to("here", key))


def test_logs_are_delivered_to_what_is_in_the_account_and_region_of_who_says_so(cloud):
    # For regions cdk-preflight's pf-logs-delivery-destination-region; for accounts no record of AWS is at hand.
    logs, group = cloud.client("logs"), named("logs", "log-group:g")
    for arn, what in ((elsewhere(group), "Region"), (foreign(group), "Account id"), (foreign(named("firehose", "deliverystream/f")), "Account id")):
        said = {"name": "d", "deliveryDestinationConfiguration": {"destinationResourceArn": arn}}
        words = f"{what} from identity does not match the Destination Resource ARN."
        assert refused(logs.put_delivery_destination, **said) == ("ValidationException", words)


def test_a_stage_logs_to_its_own_region_and_account(cloud):
    # No source tells how AWS refuses it.
    rest, http = cloud.client("apigateway"), cloud.client("apigatewayv2")
    here = named("logs", "log-group:g")
    api = http.create_api(Name="h", ProtocolType="HTTP")["ApiId"]
    log = {"DestinationArn": elsewhere(here), "Format": "$context.requestId"}
    assert refused(http.create_stage, ApiId=api, StageName="s", AccessLogSettings=log)[0] == "BadRequestException"
    theirs = {**log, "DestinationArn": foreign(here)}
    assert refused(http.create_stage, ApiId=api, StageName="s", AccessLogSettings=theirs)[0] == "BadRequestException"
    http.create_stage(ApiId=api, StageName="s", AccessLogSettings={**log, "DestinationArn": here})
    assert refused(http.update_stage, ApiId=api, StageName="s", AccessLogSettings=log)[0] == "BadRequestException"
    api = rest.create_rest_api(name="r")["id"]
    root = rest.get_resources(restApiId=api)["items"][0]["id"]
    rest.put_method(restApiId=api, resourceId=root, httpMethod="GET", authorizationType="NONE")
    rest.put_integration(restApiId=api, resourceId=root, httpMethod="GET", type="MOCK")
    rest.create_deployment(restApiId=api, stageName="s")
    for arn in (elsewhere(here), foreign(here)):
        change = [{"op": "replace", "path": "/accessLogSettings/destinationArn", "value": arn}]
        code, words = refused(rest.update_stage, restApiId=api, stageName="s", patchOperations=change)
        assert code == "BadRequestException" and words.startswith("Invalid ARN specified in the request.")


def test_a_key_of_another_region_is_refused_where_it_is_used(cloud):
    # SNS, like AWS, looks at a key when it uses it: https://github.com/getmoto/moto/pull/3389. Of SQS no source tells. What KMS says of an ARN of
    # another region cdk-preflight saw: pf-sfn-kms-key-region.
    sqs, sns = cloud.client("sqs"), cloud.client("sns")
    key = {"KmsMasterKeyId": elsewhere(named("kms", "key/11111111-2222-3333-4444-555555555555"))}
    queue, topic = sqs.create_queue(QueueName="q", Attributes=key)["QueueUrl"], sns.create_topic(Name="t", Attributes=key)["TopicArn"]
    assert refused(sqs.send_message, QueueUrl=queue, MessageBody="x") == ("KMS.NotFoundException", "Invalid arn us-west-2")
    assert refused(sns.publish, TopicArn=topic, Message="x") == ("KMSNotFound", "Invalid arn us-west-2")


def test_a_data_source_of_appsync_may_be_of_another_region(make_cloud):
    # As who named functions of another region saw it: https://github.com/aws-amplify/amplify-data/issues/431. "Unsupported region." is cdk-preflight's:
    # pf-appsync-ds-dynamodb-region-mismatch.
    cloud = make_cloud("us-east-1", "us-west-2")
    appsync = cloud.client("appsync")
    api = appsync.create_graphql_api(name="x", authenticationType="API_KEY")["graphqlApi"]["apiId"]
    asked = {"apiId": api, "name": "d", "type": "AMAZON_DYNAMODB", "serviceRoleArn": f"arn:aws:iam::{ACCOUNT}:role/r"}
    nowhere = {"tableName": "table", "awsRegion": "us-nowhere-9"}
    assert refused(appsync.create_data_source, **asked, dynamodbConfig=nowhere) == ("BadRequestException", "Unsupported region.")
    function = {"lambdaFunctionArn": elsewhere(named("lambda", "function:f"))}
    asked |= {"name": "f", "type": "AWS_LAMBDA"}
    assert appsync.create_data_source(**asked, lambdaConfig=function)["dataSource"]["lambdaConfig"] == function
