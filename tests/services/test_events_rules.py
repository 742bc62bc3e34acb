"""EventBridge: buses, rules and what reaches their targets. Recorded answers: test_events, test_events_inputs, test_events_targets."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError
from refusals import refused
from services.lambda_workshop import make, put_role

ACCOUNT = "000000000000"
PATTERN = json.dumps({"source": ["shop"], "detail-type": ["order"]})
DETAIL = {"command": "update", "payload": {"acc_id": "0a78", "sf_id": "baz"}, "multi": ["A", "B"], "single": ["H"], "valid": True, "name": 'say "x"'}


def queue(cloud, name: str = "q", region: str = "us-east-1", service: str = "events.amazonaws.com", **attributes) -> str:
    """A queue that EventBridge may send to; answers its ARN."""
    sqs = cloud.client("sqs", region=region)
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    arn = f"arn:aws:sqs:{region}:{ACCOUNT}:{name}"
    if service:
        statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sqs:SendMessage", "Resource": arn}
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": statement})})
    return arn


def received(cloud, name: str = "q", region: str = "us-east-1") -> list[dict]:
    sqs = cloud.client("sqs", region=region)
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    found = []
    while got := _taken(sqs, url):
        found += got
    return found


def _taken(sqs, url: str) -> list[dict]:
    got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], AttributeNames=["All"]).get("Messages", [])
    for each in got:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
    return got


def rule(cloud, *targets: dict, name: str = "r", region: str = "us-east-1", pattern: str = PATTERN, **more) -> None:
    events = cloud.client("events", region=region)
    events.put_rule(Name=name, EventPattern=pattern, **more)
    bus = {"EventBusName": more["EventBusName"]} if "EventBusName" in more else {}
    assert events.put_targets(Rule=name, Targets=list(targets), **bus)["FailedEntryCount"] == 0


def put(cloud, region: str = "us-east-1", key: str = "test", **more) -> dict:
    entry = {"Source": "shop", "DetailType": "order", "Detail": json.dumps(DETAIL), **more}
    return cloud.client("events", region=region, key=key).put_events(Entries=[entry])


@pytest.fixture
def events(cloud):
    cloud.region()
    return cloud.client("events")


def test_an_event_reaches_the_queue_of_a_rule_as_aws_spells_it(cloud, events):
    # test_put_events_with_target_sqs
    rule(cloud, {"Id": "t", "Arn": queue(cloud)})
    event_id = put(cloud, Resources=["arn:x"])["Entries"][0]["EventId"]
    put(cloud, Source="other")
    cloud.sleep(1)
    bodies = [json.loads(each["Body"]) for each in received(cloud)]
    assert len(bodies) == 1
    time = bodies[0].pop("time")
    assert len(time) == 20 and time.endswith("Z")
    assert list(bodies[0].items()) == [
        ("version", "0"), ("id", event_id), ("detail-type", "order"), ("source", "shop"), ("account", ACCOUNT), ("region", "us-east-1"),
        ("resources", ["arn:x"]), ("detail", DETAIL),
    ]  # fmt: skip


def test_entries_fail_one_by_one(cloud, events):
    # test_put_events_without_source, …_detail, …_detail_type, test_put_event_malformed_detail; the source is AWS's message of aws. sources
    good = {"Source": "shop", "DetailType": "order", "Detail": "{}"}
    entries = [good, *({k: v for k, v in good.items() if k != name} for name in good)]
    entries += [{**good, "Detail": detail} for detail in ("text", "[1]", "{", '"text"')] + [{**good, "Source": "aws.ec2"}]
    answer = events.put_events(Entries=entries)
    assert answer["FailedEntryCount"] == 8
    assert [each.get("ErrorCode") for each in answer["Entries"]] == [
        None, *["InvalidArgument"] * 3, *["MalformedDetail"] * 4, "NotAuthorizedForSourceException",
    ]  # fmt: skip
    assert answer["Entries"][1]["ErrorMessage"] == "Parameter Source is not valid. Reason: Source is a required argument."


def test_too_much_at_once_is_refused(cloud, events):
    # test_put_event_with_too_big_detail
    entry = {"Source": "s", "DetailType": "d", "Detail": json.dumps({"x": "y" * 262_144})}
    assert refused(events.put_events, Entries=[entry]) == ("ValidationException", "Total size of the entries in the request is over the limit.")
    code, text = refused(events.put_events, Entries=[{"Source": "s", "DetailType": "d", "Detail": "{}"}] * 11)
    assert code == "ValidationException" and text.endswith("at 'entries' failed to satisfy constraint: Member must have length less than or equal to 10")


def test_buses(cloud, events):
    # test_create_multiple_event_buses_same_name, test_describe_delete_not_existing_event_bus, test_delete_default_event_bus
    assert events.create_event_bus(Name="b", Description="d")["EventBusArn"] == f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/b"
    assert refused(events.create_event_bus, Name="b") == ("ResourceAlreadyExistsException", "Event bus b already exists.")
    assert refused(events.describe_event_bus, Name="x") == ("ResourceNotFoundException", "Event bus x does not exist.")
    events.delete_event_bus(Name="x")
    assert refused(events.delete_event_bus, Name="default") == ("ValidationException", "Cannot delete event bus default.")
    assert [bus["Name"] for bus in events.list_event_buses()["EventBuses"]] == ["b", "default"]
    first = events.list_event_buses(Limit=1)
    assert first["NextToken"] != "b"  # it is for nobody to read: test_list_event_buses_with_limit
    assert refused(events.list_event_buses, NextToken="b")[0] == "ValidationException"
    assert [bus["Name"] for bus in events.list_event_buses(NextToken=first["NextToken"])["EventBuses"]] == ["default"]
    events.delete_event_bus(Name="b")
    assert [bus["Name"] for bus in events.list_event_buses(NamePrefix="b")["EventBuses"]] == []


def test_rules(cloud, events):
    # test_describe_nonexistent_rule, test_delete_rule_with_targets, test_disable_re_enable_rule, test_list_rule_names_by_target
    rule(cloud, {"Id": "t", "Arn": queue(cloud)})
    assert refused(events.describe_rule, Name="x") == ("ResourceNotFoundException", "Rule x does not exist on EventBus default.")
    assert refused(events.delete_rule, Name="r") == ("ValidationException", "Rule can't be deleted since it has targets.")
    assert events.list_rule_names_by_target(TargetArn=f"arn:aws:sqs:us-east-1:{ACCOUNT}:q")["RuleNames"] == ["r"]
    shown = events.describe_rule(Name="r")
    assert (shown["CreatedBy"], shown["State"], shown["EventBusName"]) == (ACCOUNT, "ENABLED", "default")
    events.disable_rule(Name="r")
    put(cloud)
    cloud.sleep(1)
    assert not received(cloud)
    events.enable_rule(Name="r")
    put(cloud)
    cloud.sleep(1)
    assert len(received(cloud)) == 1
    events.put_rule(Name="r", EventPattern=PATTERN, Description="again")
    assert len(events.list_targets_by_rule(Rule="r")["Targets"]) == 1
    events.put_targets(Rule="r", Targets=[{"Id": name, "Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"} for name in "zab"])
    assert [each["Id"] for each in events.list_targets_by_rule(Rule="r")["Targets"]] == ["t", "z", "a", "b"]
    events.remove_targets(Rule="r", Ids=list("zab"))
    assert events.remove_targets(Rule="r", Ids=["t", "x"])["FailedEntries"][0]["TargetId"] == "x"
    events.delete_rule(Name="r")
    assert events.list_rules()["Rules"] == []


def test_a_pattern_that_is_none_is_refused_with_the_place(cloud, events):
    # test_events_patterns: int_nolist_EXC
    text = 'Event pattern is not valid. Reason: "int" must be an object or an array\n at [Source: (String)"{"int": 42}"; line: 1, column: 11]'
    assert refused(events.put_rule, Name="r", EventPattern='{"int": 42}') == ("InvalidEventPatternException", text)
    event = {"id": "1", "source": "order", "detail-type": "Test", "account": ACCOUNT, "region": "us-east-1", "time": "2022-07-13T13:48:01Z"}
    assert events.test_event_pattern(Event=json.dumps(event), EventPattern='{"source": ["order"]}')["Result"] is True
    for wrong in ("plain string", '["a"]', '{"testEvent": "value"}'):
        assert refused(events.test_event_pattern, Event=wrong, EventPattern='{"a": [1]}') == ("ValidationException", "Parameter Event is not valid.")


PATHS = {"id": "$.detail.payload.acc_id", "all": "$.detail.payload", "none": "$.detail.none", "one": "$.detail.single", "many": "$.detail.multi"}
PATHS |= {"valid": "$.detail.valid", "name": "$.detail.name"}


@pytest.mark.parametrize(
    "template, made",
    [
        # test_input_transformer_nested_keys_replacement, test_put_events_with_input_transformer_input_template_…
        ('{"method": "PUT", "path": "users/<id>", "bod": <all>}', '{"method": "PUT", "path": "users/0a78", "bod": {"acc_id":"0a78","sf_id":"baz"}}'),
        ('"Payload of <all> with <id> and <id>"', '"Payload of {acc_id:0a78,sf_id:baz} with 0a78 and 0a78"'),
        ('{"id" : <id>}', '{"id" : "0a78"}'),
        ('{"id" : "<id>"}', '{"id" : "0a78"}'),
        ('{"bod": [<id>, "hardcoded"]}', '{"bod": ["0a78", "hardcoded"]}'),
        ('"<one> single"\n"<many> multiple"\n"<none> none"', '"[H] single"\n"[A,B] multiple"\n" none"'),
        ('{"one": <one>, "none": <none>}', '{"one": ["H"], "none": ""}'),
        ('"Command is <valid>!"', '"Command is true!"'),
        ('"{[/Check <id>"', '"{[/Check 0a78"'),
        ('{"name": "<name>"}', '{"name": "say \\"x\\""}'),
        ('"<aws.events.rule-name> <aws.events.rule-arn>"', f'"r arn:aws:events:us-east-1:{ACCOUNT}:rule/r"'),
    ],
)
def test_input_is_transformed(cloud, events, template, made):
    transformer = {"InputPathsMap": PATHS, "InputTemplate": template}
    rule(cloud, {"Id": "t", "Arn": queue(cloud), "InputTransformer": transformer})
    put(cloud)
    cloud.sleep(1)
    assert [each["Body"] for each in received(cloud)] == [made]


def test_predefined_events(cloud, events):
    # test_input_transformer_predefined_variables
    template = '{"originalEvent": <aws.events.event>, "originalEventJson": <aws.events.event.json>}'
    rule(cloud, {"Id": "t", "Arn": queue(cloud), "InputTransformer": {"InputTemplate": template}})
    put(cloud)
    cloud.sleep(1)
    body = json.loads(received(cloud)[0]["Body"])
    assert list(body["originalEvent"]) == ["id", "account", "detailType", "time", "source", "region", "resources", "version"]
    assert body["originalEventJson"]["detail"] == DETAIL


def test_input_and_input_path(cloud, events):
    one, two = queue(cloud, "one"), queue(cloud, "two")
    rule(cloud, {"Id": "1", "Arn": one, "Input": '{"a": 1}'}, {"Id": "2", "Arn": two, "InputPath": "$.detail.command"})
    put(cloud)
    cloud.sleep(1)
    assert [received(cloud, "one")[0]["Body"], received(cloud, "two")[0]["Body"]] == ['{"a": 1}', '"update"']


@pytest.mark.parametrize(
    "target, text",
    [
        (
            {"InputPath": "$.detail", "Input": "1"},
            "Only one of Input, InputPath, or InputTransformer must be provided for target t.",  # test_put_event_input_path_and_input_transformer
        ),
        (
            {"InputTransformer": {"InputPathsMap": {"a": "$.a"}, "InputTemplate": "<b>"}},
            "InputTemplate for target t contains invalid placeholder b.",  # test_put_events_with_input_transformer_missing_keys
        ),
    ],
)
def test_wrong_targets_are_refused(cloud, events, target, text):
    events.put_rule(Name="r", EventPattern=PATTERN)
    said = {"Id": "t", "Arn": queue(cloud), **target}
    assert refused(events.put_targets, Rule="r", Targets=[said]) == ("ValidationException", text)


def test_a_rule_has_five_targets(cloud, events):
    # test_add_exceed_fife_targets_per_rule
    events.put_rule(Name="r", EventPattern=PATTERN)
    targets = [{"Id": str(n), "Arn": queue(cloud)} for n in range(6)]
    assert refused(events.put_targets, Rule="r", Targets=targets)[0] == "LimitExceededException"


def test_what_no_service_answers_is_refused_by_name(cloud, events):
    events.put_rule(Name="r", EventPattern=PATTERN)
    code, text = refused(events.put_targets, Rule="r", Targets=[{
        "Id": "t", "Arn": f"arn:aws:batch:us-east-1:{ACCOUNT}:job-queue/x", "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/r",
        "BatchParameters": {"JobDefinition": "d", "JobName": "n"},
    }])
    assert code == "NotImplemented" and "batch" in text


def test_what_is_no_target_is_refused_as_aws_does(cloud, events):
    events.put_rule(Name="r", EventPattern=PATTERN)
    # CloudFormation's reason, as localstack's test_cfn_handle_events_rule tells it.
    said = refused(events.put_targets, Rule="r", Targets=[{"Id": "t", "Arn": "arn:aws:s3:::box"}])
    assert said == ("ValidationException", "s3 is not a supported service for a target.")
    # The order: moto's test_put_targets_error_invalid_arn, …_missing_parameter_sqs_fifo and …_unknown_rule.
    said = refused(events.put_targets, Rule="r", Targets=[{"Id": "a", "Arn": "arn:aws:s3:::box"}, {"Id": "b", "Arn": "box"}])
    assert said == ("ValidationException", "Parameter box is not valid. Reason: Provided Arn is not in correct format.")
    fifo = {"Id": "f", "Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:q.fifo"}
    said = refused(events.put_targets, Rule="none", Targets=[fifo])
    assert said == ("ValidationException", "Parameter(s) SqsParameters must be specified for target: f.")
    assert refused(events.put_targets, Rule="none", Targets=[{"Id": "t", "Arn": "arn:aws:s3:::box"}])[0] == "ResourceNotFoundException"


def test_targets_have_ids_of_their_own_and_queues_for_the_dead(cloud, events):
    """Texts measured by https://github.com/badmintoncryer/cdk-preflight (pf-events-target-id-duplicate, pf-events-target-dlq)."""
    events.put_rule(Name="r", EventPattern=PATTERN)
    arn = queue(cloud)

    def buried(dead: str) -> tuple[str, str]:
        return refused(events.put_targets, Rule="r", Targets=[{"Id": "t", "Arn": arn, "DeadLetterConfig": {"Arn": dead}}])

    assert refused(events.put_targets, Rule="r", Targets=[{"Id": "t", "Arn": arn}] * 2) == (
        "ValidationException", "Parameter targets is not valid. Reason: More than one target with Id 't' is provided.",
    )  # fmt: skip
    assert buried(f"arn:aws:sns:us-east-1:{ACCOUNT}:t") == ("ValidationException", "sns is not supported as a dead letter resource")
    assert buried(f"{arn}.fifo") == ("ValidationException", "SQS FIFO is not supported by Dead Letter Queues")
    assert buried(arn.replace("us-east-1", "eu-west-1"))[0] == "ValidationException"
    said = refused(events.create_event_bus, Name="b", DeadLetterConfig={"Arn": f"arn:aws:sns:us-east-1:{ACCOUNT}:t"})
    assert said == ("ValidationException", "sns is not supported as a dead letter resource")
    transformer = {"InputPathsMap": {"AWSlike": "$.source"}, "InputTemplate": '"<AWSlike>"'}
    rule(cloud, {"Id": "t", "Arn": arn, "InputTransformer": transformer})


def test_a_fifo_queue_gets_its_group_and_deduplicates_by_content(cloud, events):
    """"If you specify a fair or FIFO queue as a target, the queue must have content-based deduplication enabled":
    https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_Target.html"""
    arn, other = queue(cloud, "q.fifo", FifoQueue="true", ContentBasedDeduplication="true"), queue(cloud, "other.fifo", FifoQueue="true")
    dead = queue(cloud, "dead")
    events.put_rule(Name="r", EventPattern=PATTERN)
    code, text = refused(events.put_targets, Rule="r", Targets=[{"Id": "t", "Arn": arn}])
    assert (code, text) == ("ValidationException", "Parameter(s) SqsParameters must be specified for target: t.")
    group = {"SqsParameters": {"MessageGroupId": "g"}}
    rule(
        cloud, {"Id": "t", "Arn": arn, **group, "Input": '"same"'}, {"Id": "o", "Arn": other, **group, "DeadLetterConfig": {"Arn": dead}},
    )  # fmt: skip
    for _ in range(2):
        put(cloud)
        cloud.sleep(1)
    (only,) = received(cloud, "q.fifo")
    assert only["Attributes"]["MessageGroupId"] == "g"
    assert not received(cloud, "other.fifo")
    assert len(received(cloud, "dead")) == 2


def test_a_function_is_invoked_if_its_policy_lets_the_rule(cloud, events):
    make(cloud, "def handler(event, context): print('got', event['detail']['command'])")
    arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f"
    dead = queue(cloud, "dead")
    rule(cloud, {"Id": "t", "Arn": arn, "DeadLetterConfig": {"Arn": dead}})
    put(cloud)
    cloud.sleep(1)
    assert received(cloud, "dead")[0]["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"
    cloud.client("lambda").add_permission(
        FunctionName="f", StatementId="s", Action="lambda:InvokeFunction", Principal="events.amazonaws.com",
        SourceArn=f"arn:aws:events:us-east-1:{ACCOUNT}:rule/r",
    )  # fmt: skip
    put(cloud)
    cloud.sleep(2)
    assert not received(cloud, "dead")


def test_a_log_group_gets_events_if_a_policy_lets_it(cloud, events):
    # test_put_events_with_target_cloudwatch_logs
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName="/aws/events/g")
    statement = {"Effect": "Allow", "Principal": {"Service": ["events.amazonaws.com", "delivery.logs.amazonaws.com"]}}
    statement |= {"Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "*"}
    logs.put_resource_policy(policyName="p", policyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    rule(cloud, {"Id": "t", "Arn": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/events/g"})
    event_id = put(cloud)["Entries"][0]["EventId"]
    cloud.sleep(2)
    assert [json.loads(each["message"])["id"] for each in logs.filter_log_events(logGroupName="/aws/events/g")["events"]] == [event_id]


def test_what_nobody_may_deliver_is_buried_with_the_reason(cloud, events):
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
    arn = queue(cloud, service="")
    rule(cloud, {"Id": "t", "Arn": arn, "DeadLetterConfig": {"Arn": queue(cloud, "dead")}, "InputPath": "$.detail"})
    event_id = put(cloud)["Entries"][0]["EventId"]
    cloud.sleep(1)
    buried = received(cloud, "dead")[0]
    facts = {name: value["StringValue"] for name, value in buried["MessageAttributes"].items()}
    assert json.loads(buried["Body"])["id"] == event_id
    assert facts.pop("ERROR_MESSAGE")
    assert facts == {"RULE_ARN": f"arn:aws:events:us-east-1:{ACCOUNT}:rule/r", "TARGET_ARN": arn, "ERROR_CODE": "NO_PERMISSIONS"}


def test_a_role_delivers_where_the_target_says_nothing(cloud, events):
    trust = json.dumps({"Statement": {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"}})
    role = put_role(cloud, "sqs:SendMessage", trust=trust, arn=f"arn:aws:iam::{ACCOUNT}:role/sender")
    rule(cloud, {"Id": "t", "Arn": queue(cloud, service=""), "RoleArn": role})
    put(cloud)
    cloud.sleep(1)
    assert len(received(cloud)) == 1


def test_what_was_promised_survives_a_kill(cloud, events):
    rule(cloud, {"Id": "t", "Arn": queue(cloud)})
    ids = [put(cloud)["Entries"][0]["EventId"] for _ in range(20)]
    cloud.restart(kill=True)
    cloud.sleep(5)
    assert sorted(json.loads(each["Body"])["id"] for each in received(cloud)) == sorted(ids)


def test_events_travel_to_other_buses_here_and_in_another_region(cloud, events):
    # test_event_bus_to_event_bus_cross_account_region: in another region an event has another id, its region stays
    cloud.region("us-west-2")
    events.create_event_bus(Name="near")
    cloud.client("events", region="us-west-2").create_event_bus(Name="far")
    rule(cloud, {"Id": "t", "Arn": queue(cloud, "near")}, name="n", EventBusName="near")
    rule(cloud, {"Id": "t", "Arn": queue(cloud, "far", region="us-west-2")}, name="f", region="us-west-2", EventBusName="far")
    trust = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = put_role(cloud, "events:PutEvents", trust=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))
    rule(
        cloud,
        {"Id": "n", "Arn": f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/near", "RoleArn": role},
        {"Id": "f", "Arn": f"arn:aws:events:us-west-2:{ACCOUNT}:event-bus/far", "RoleArn": role},
    )
    event_id = put(cloud)["Entries"][0]["EventId"]
    cloud.sleep(5)
    near = [json.loads(each["Body"]) for each in received(cloud, "near")]
    far = [json.loads(each["Body"]) for each in received(cloud, "far", region="us-west-2")]
    assert [each["id"] for each in near] == [event_id]
    assert [(each["region"], each["id"] == event_id) for each in far] == [("us-east-1", False)]


def test_another_account_needs_the_bus_to_let_it(cloud, events):
    other = "111111111111"
    bus = f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/default"
    rule(cloud, {"Id": "t", "Arn": queue(cloud)})
    with pytest.raises(ClientError, match="AccessDenied"):
        put(cloud, key=other, EventBusName=bus)
    events.put_permission(Action="events:PutEvents", Principal=other, StatementId="s")
    put(cloud, key=other, EventBusName=bus)
    cloud.sleep(1)
    (message,) = received(cloud)
    assert json.loads(message["Body"])["account"] == other  # recorded: test_events_cross_account_region, test_put_events[custom-account]
    assert refused(events.remove_permission, StatementId="x") == ("ResourceNotFoundException", "Statement with the provided id does not exist.")
    events.remove_permission(StatementId="s")
    shown = events.describe_event_bus()
    assert "Policy" not in shown and shown["CreationTime"] <= shown["LastModifiedTime"]  # test_remove_permission[default]


def test_an_execution_is_called_by_the_event_that_began_it(cloud, events):
    # test_put_events_with_target_statefunction_machine
    trust = {"Effect": "Allow", "Principal": {"Service": ["events.amazonaws.com", "states.amazonaws.com"]}, "Action": "sts:AssumeRole"}
    role = put_role(cloud, "states:StartExecution", trust=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))
    states = cloud.client("stepfunctions")
    definition = json.dumps({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}})
    machine = states.create_state_machine(name="m", definition=definition, roleArn=role)["stateMachineArn"]
    rule(cloud, {"Id": "t", "Arn": machine, "RoleArn": role})
    event_id = put(cloud)["Entries"][0]["EventId"]
    cloud.sleep(2)
    (execution,) = states.list_executions(stateMachineArn=machine)["executions"]
    assert execution["name"].startswith(f"{event_id}_") and len(execution["name"]) == 73


def test_tags(cloud, events):
    # tests_tag_untag_resource, tests_tag_list_untag_not_existing_resource
    arn = events.put_rule(Name="r", EventPattern=PATTERN, Tags=[{"Key": "a", "Value": "1"}])["RuleArn"]
    events.tag_resource(ResourceARN=arn, Tags=[{"Key": "b", "Value": "2"}])
    events.untag_resource(ResourceARN=arn, TagKeys=["a", "none"])
    assert events.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
    text = "Rule rx does not exist on EventBus default."
    assert refused(events.list_tags_for_resource, ResourceARN=arn + "x") == ("ResourceNotFoundException", text)
