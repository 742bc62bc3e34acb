"""What AWS refuses of EventBridge, in its words as cdk-preflight saw them in live deployments (rules/events): each case is named after its rule.
It told no codes; they are those of other refusals of the same operation, where no recording is named. Where it told a text in part, ours goes on.
https://github.com/badmintoncryer/cdk-preflight"""

from __future__ import annotations

import json
from typing import Any

import pytest
from refusals import refused

ACCOUNT = "000000000000"
QUEUE, CLUSTER = f"arn:aws:sqs:us-east-1:{ACCOUNT}:q", f"arn:aws:ecs:us-east-1:{ACCOUNT}:cluster/c"
FUNCTION, STREAM = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f", f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/s"
MACHINE, JOBS = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:m", f"arn:aws:batch:us-east-1:{ACCOUNT}:job-queue/j"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/r"
INVALID, PATTERN = "ValidationException", "InvalidEventPatternException"
WIDE = {"source": ["s" * 2_200]}


def target(name: str, text: str, arn: str = QUEUE, code: str = INVALID, **said):
    return pytest.param("put_targets", {"Rule": "r", "Targets": [{"Id": "t1", "Arn": arn} | said]}, code, text, id=name)


def transformed(name: str, text: str, template: str, code: str = INVALID, **paths: str):
    transformer = {"InputTemplate": template} | ({"InputPathsMap": paths} if paths else {})
    return target(name, text, code=code, InputTransformer=transformer)


def pattern(name: str, why: str, said: dict[str, Any]):
    return pytest.param("put_rule", {"Name": "p", "EventPattern": json.dumps(said)}, PATTERN, why and f"Event pattern is not valid. Reason: {why}", id=name)


def rule(name: str, text: str, code: str = INVALID, **said):
    return pytest.param("put_rule", {"Name": "p"} | said, code, text, id=name)


def endpoint(name: str, text: str, *buses: str, **more):
    routing = {"FailoverConfig": {"Primary": {"HealthCheck": "arn:aws:route53:::healthcheck/a"}, "Secondary": {"Route": "us-west-2"}}}
    said = {"Name": "e", "RoutingConfig": routing, "EventBuses": [{"EventBusArn": f"arn:aws:events:{bus}"} for bus in buses]}
    return pytest.param("create_endpoint", said | more, INVALID, text, id=name)


HERE, THERE = f"us-east-1:{ACCOUNT}:event-bus/b", f"us-west-2:{ACCOUNT}:event-bus/b"
BOTH = "An event bus must be provided in both the primary and secondary regions"

CASES = [
    pytest.param(
        "create_archive", {"ArchiveName": "a", "EventSourceArn": f"arn:aws:events:us-west-2:{ACCOUNT}:event-bus/west"}, "ResourceNotFoundException",
        "Event bus west does not exist.", id="archive-source",
    ),
    pytest.param(
        "create_event_bus", {"Name": "c", "DeadLetterConfig": {"Arn": f"arn:aws:sns:us-east-1:{ACCOUNT}:t"}}, INVALID,
        "sns is not supported as a dead letter resource", id="bus-dlq-arn-type",
    ),
    pytest.param("create_event_bus", {"Name": "team/bus"}, INVALID, "Event bus name must not contain '/'.", id="bus-name"),
    pytest.param(
        "create_event_bus", {"Name": "default"}, "ResourceAlreadyExistsException", "Event bus default already exists.", id="bus-name-default"
    ),
    endpoint(
        "endpoint-buses-names", "Parameter EventBuses is not valid. Reason: Event bus names must match in the primary and secondary regions.", HERE,
        THERE.replace("/b", "/other"),
    ),
    endpoint("endpoint-buses-twice", f"Parameter EventBuses is not valid. Reason: {BOTH}.", HERE, HERE),
    endpoint("endpoint-replication-role", "When replication is enabled, role cannot be empty.", HERE, THERE, ReplicationConfig={"State": "ENABLED"}),
    target("input-path-jsonpath", "InputPath for target t1 is invalid.", InputPath="detail.state"),
    target("input-path-jsonpath-quoted", "InputPath for target t1 is invalid.", InputPath="$.detail['key']"),
    transformed(
        "input-transformer-json-var", "InputTemplate for target t1 contains placeholder aws.events.event.json valid only for JSON template.",
        '"event was <aws.events.event.json> today"',
    ),
    transformed(
        "input-transformer-json-var-array", "InputTemplate for target t1 contains placeholder aws.events.event.json valid only for JSON template.",
        "[<aws.events.event.json>]",
    ),
    transformed("input-transformer-placeholders", "InputTemplate for target t1 contains invalid placeholder undeclared.", '"<undeclared>"'),
    pattern("pattern-empty-array", "Empty arrays are not allowed", {"source": []}),
    pattern("pattern-empty-array-within", "Empty arrays are not allowed", {"detail": {"x": []}}),
    pattern("pattern-operator", "Unrecognized match type startsWith", {"detail": {"x": [{"startsWith": "a"}]}}),
    pattern("pattern-operator-numeric", "Unrecognized numeric range operator: =>", {"detail": {"x": [{"numeric": ["=>", 1]}]}}),
    pattern("pattern-operator-anything-but", "Unsupported anything-but pattern: exists", {"detail": {"x": [{"anything-but": {"exists": True}}]}}),
    pattern("pattern-operator-prefix", "prefix match pattern must be a string", {"detail": {"x": [{"prefix": 5}]}}),
    pattern("pattern-operator-exists", "exists match pattern must be either true or false.", {"detail": {"x": [{"exists": "true"}]}}),
    pattern("pattern-operator-wildcard", "Consecutive wildcard characters at pos 2", {"detail": {"x": [{"wildcard": "a**b"}]}}),
    pattern("pattern-or-exclusive", "Unrecognized match type x", {"detail": {"$or": [{"x": ["1"]}], "y": ["2"]}}),
    pattern("pattern-scalar-value", '"source" must be an object or an array', {"source": "aws.ec2"}),
    rule("rule-cron-fields", "Parameter ScheduleExpression is not valid.", ScheduleExpression="cron(75 20 * * ? *)"),
    rule("rule-cron-fields-day", "Parameter ScheduleExpression is not valid.", ScheduleExpression="cron(0 20 3#1 * ? *)"),
    rule("rule-pattern-size", "Parameter EventPattern for rule p exceeds limit of 2048.", "LimitExceededException", EventPattern=json.dumps(WIDE)),
    rule(
        "rule-schedule-default-bus", "ScheduleExpression is supported only on the default event bus.", ScheduleExpression="rate(1 day)", EventBusName="b"
    ),
    target("target-input-exclusive", "Only one of Input, InputPath, or InputTransformer must be provided for target t1.", Input='"a"', InputPath="$"),
    target("target-input-json", "JSON syntax error in input for target t1.", Input="{not json"),
    target(
        "target-parameters-mismatch", "Parameter(s) EcsParameters not supported for target: t1.", FUNCTION, EcsParameters={"TaskDefinitionArn": "d"}
    ),
    target("target-parameters-mismatch-kinesis", "Parameter(s) KinesisParameters not supported for target: t1.", KinesisParameters={"PartitionKeyPath": "$"}),
    target("target-parameters-required", "Parameter(s) EcsParameters must be specified for target: t1.", CLUSTER, RoleArn=ROLE),
    target("target-parameters-required-batch", "Parameter(s) BatchParameters must be specified for target: t1.", JOBS, RoleArn=ROLE),
    target("target-parameters-required-fifo", "Parameter(s) SqsParameters must be specified for target: t1.", f"{QUEUE}.fifo"),
    target("target-role-required", f"RoleArn is required for target {MACHINE}.", MACHINE),
    target("target-role-required-bus", f"RoleArn is required for target arn:aws:events:{HERE}.", f"arn:aws:events:{HERE}"),
    target("target-role-required-kinesis", f"Rule r does not have RoleArn assigned to invoke target {STREAM}.", STREAM),
]


@pytest.mark.parametrize(("operation", "said", "code", "text"), CASES)
def test_what_aws_refuses_is_refused_in_its_words(cloud, operation, said, code, text):
    events = cloud.client("events")
    events.create_event_bus(Name="b")
    events.put_rule(Name="r", EventPattern='{"source": ["s"]}')
    got, why = refused(getattr(events, operation), **said)
    # What reads patterns goes on with where it was (recorded: test_put_event_pattern_invalid…).
    assert (got, why.partition("\n at [Source")[0]) == (code, text)


def test_an_empty_pattern_of_a_stacks_rule_is_none(cloud):
    # pf-events-pattern-empty
    stacks = cloud.client("cloudformation")
    template = {"Resources": {"Rule": {"Type": "AWS::Events::Rule", "Properties": {"EventPattern": {}}}}}
    stacks.create_stack(StackName="s", TemplateBody=json.dumps(template))
    cloud.sleep(20)
    reasons = " ".join(each.get("ResourceStatusReason", "") for each in stacks.describe_stack_events(StackName="s")["StackEvents"])
    assert "Parameter(s) EventPattern or ScheduleExpression must be specified." in reasons
