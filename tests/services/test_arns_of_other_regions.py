"""No region answers for another's: an ARN that names something of this name, but elsewhere, names nothing here.

That it names nothing follows from what an ARN is (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html); of which code a
service's refusal is, no record of AWS is at hand but for KMS and Lambda. These are the codes for what is not there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import states_workshop
from botocore.exceptions import ClientError

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


def refusal(operation, **asked: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refused:
        operation(**asked)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def destination(client) -> str:
    client.create_log_group(logGroupName="g")
    target = {"destinationResourceArn": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:g"}
    return client.put_delivery_destination(name="d", deliveryDestinationConfiguration=target)["deliveryDestination"]["arn"]


def pool(client) -> str:
    return client.create_user_pool(PoolName="p")["UserPool"]["Arn"]


CASES: list[tuple[str, Callable[[Any], str], str, Callable[[str], dict[str, Any]]]] = [
    ("dynamodb", table, "put_item", lambda arn: {"TableName": arn, "Item": {"id": {"S": "1"}}}),
    ("dynamodb", table, "describe_table", lambda arn: {"TableName": arn}),
    ("dynamodb", table, "tag_resource", lambda arn: {"ResourceArn": arn, "Tags": TAG}),
    ("dynamodb", table, "create_backup", lambda arn: {"TableName": arn, "BackupName": "backup"}),
    ("kinesis", stream, "put_record", lambda arn: {"StreamARN": arn, "Data": b"d", "PartitionKey": "p"}),
    ("kinesis", stream, "tag_resource", lambda arn: {"ResourceARN": arn, "Tags": TAGS}),
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
    with pytest.raises(ClientError) as refused:
        getattr(client, method)(**asked(arn.replace("us-east-1", "us-west-2")))
    assert "NotFound" in refused.value.response["Error"]["Code"]
    getattr(client, method)(**asked(arn))


def test_a_queue_url_of_another_region_leads_to_no_queue_here(cloud):
    # As who worked a queue from elsewhere was told: https://github.com/danvk/mapsnap/pull/436. A host that names no region is of whichever is asked.
    queues = cloud.client("sqs")
    queues.create_queue(QueueName="q")
    for host in ("sqs.us-west-2.amazonaws.com", "us-west-2.queue.amazonaws.com", "sqs.us-west-2.localhost:4566"):
        url = f"http://{host}/{ACCOUNT}/q"
        assert refusal(queues.send_message, QueueUrl=url, MessageBody="x") == ("AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.")
        assert refusal(queues.receive_message, QueueUrl=url)[0] == "AWS.SimpleQueueService.NonExistentQueue"
    for host in ("sqs.us-east-1.amazonaws.com", "us-east-1.queue.amazonaws.com", "queue.amazonaws.com", "sqs.localhost:4566", "127.0.0.1:4566"):
        queues.send_message(QueueUrl=f"http://{host}/{ACCOUNT}/q", MessageBody="x")


ELSEWHERE = f"arn:aws:events:us-west-2:{ACCOUNT}"
EVENT = {"Source": "a", "DetailType": "b", "Detail": "{}"}
OF_EVENTS: list[tuple[str, dict[str, Any]]] = [
    ("put_events", {"Entries": [EVENT, {**EVENT, "EventBusName": f"{ELSEWHERE}:event-bus/default"}]}),
    ("put_rule", {"Name": "r", "EventBusName": f"{ELSEWHERE}:event-bus/default", "EventPattern": '{"source": ["a"]}'}),
    ("put_targets", {"Rule": "r", "EventBusName": f"{ELSEWHERE}:event-bus/default", "Targets": [{"Id": "1", "Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"}]}),
    ("describe_event_bus", {"Name": f"{ELSEWHERE}:event-bus/default"}),
    ("create_archive", {"ArchiveName": "a", "EventSourceArn": f"{ELSEWHERE}:event-bus/default"}),
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
    assert refusal(getattr(client, method), **asked) == ("ValidationException", "Cross-region api call is not allowed.")


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
        assert refusal(watch.put_metric_alarm, AlarmName="a", AlarmActions=[arn], **said) == ("ValidationError", words)
    watch.put_metric_alarm(AlarmName="a", **said)
    # No record of AWS is at hand of an alarm that hangs on one of another region.
    rule = f'ALARM("arn:aws:cloudwatch:us-west-2:{ACCOUNT}:alarm:a")'
    assert refusal(watch.put_composite_alarm, AlarmName="c", AlarmRule=rule)[0] == "ValidationError"
    watch.put_composite_alarm(AlarmName="c", AlarmRule=rule.replace("us-west-2", "us-east-1"))


def test_a_deleted_stack_is_found_by_its_own_id_only(cloud):
    stacks = cloud.client("cloudformation")
    body = '{"Resources": {"T": {"Type": "AWS::SNS::Topic"}}}'
    arn = stacks.create_stack(StackName="s", TemplateBody=body)["StackId"]
    cloud.sleep(30)
    stacks.delete_stack(StackName=arn)
    cloud.sleep(30)
    other = arn.replace("us-east-1", "us-west-2")
    assert refusal(stacks.describe_stacks, StackName=other) == ("ValidationError", f"Stack with id {other} does not exist")
    assert stacks.describe_stacks(StackName=arn)["Stacks"][0]["StackStatus"] == "DELETE_COMPLETE"


def test_a_stream_of_another_region_is_not_read_here(cloud):
    tables, streams = cloud.client("dynamodb"), cloud.client("dynamodbstreams")
    table(tables)
    tables.update_table(TableName="table", StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"})
    stream = tables.describe_table(TableName="table")["Table"]["LatestStreamArn"]
    assert refusal(streams.describe_stream, StreamArn=stream.replace("us-east-1", "us-west-2"))[0] == "ResourceNotFoundException"
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
    assert refusal(states.update_state_machine_alias, stateMachineAliasArn=elsewhere(live), description="d")[0] == "ResourceNotFound"
    assert refusal(states.list_state_machine_aliases, stateMachineArn=elsewhere(machine))[0] == "StateMachineDoesNotExist"
    states.delete_state_machine_alias(stateMachineAliasArn=elsewhere(live))
    states.delete_activity(activityArn=elsewhere(work))
    assert states.describe_state_machine_alias(stateMachineAliasArn=live)["routingConfiguration"] == routing
    assert states.describe_activity(activityArn=work)["name"] == "work"
    states.delete_state_machine_alias(stateMachineAliasArn=live)
    states.delete_state_machine_version(stateMachineVersionArn=elsewhere(version))
    assert len(states.list_state_machine_versions(stateMachineArn=machine)["stateMachineVersions"]) == 1
