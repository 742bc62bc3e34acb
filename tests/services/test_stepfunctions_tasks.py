"""Tasks: what state machines ask of other services, and that an execution goes on after a kill without asking twice."""

import json
from datetime import UTC, datetime

import msgspec
import pytest
from botocore.exceptions import ClientError
from lambda_workshop import make as make_function
from lambda_workshop import settle
from states_workshop import events, make, run, start, told, types

SEND = "arn:aws:states:::sqs:sendMessage"


@pytest.fixture
def queue(cloud) -> str:
    return cloud.client("sqs").create_queue(QueueName="q")["QueueUrl"]


def bodies(cloud, queue: str) -> list[str]:
    return [m["Body"] for m in cloud.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])]


def details(cloud, execution: str, type_: str) -> dict:
    found = cloud.client("stepfunctions").get_execution_history(executionArn=execution)["events"]
    return next(value for event in found if event["type"] == type_ for name, value in event.items() if name.endswith("Details"))


def test_a_function_is_invoked_by_its_arn_with_the_input_and_answers_the_output(cloud):
    function = make_function(cloud, "def handler(event, context): return {'got': event}")["FunctionArn"]
    execution = start(cloud, make(cloud, {"T": {"Type": "Task", "Resource": function, "ResultPath": "$.r", "End": True}}), {"x": 1})
    settle(cloud)
    assert json.loads(told(cloud, execution)["output"]) == {"x": 1, "r": {"got": {"x": 1}}}
    assert events(cloud, execution) == [
        (1, 0, "ExecutionStarted"),
        (2, 0, "TaskStateEntered"),
        (3, 2, "LambdaFunctionScheduled"),
        (4, 3, "LambdaFunctionStarted"),
        (5, 4, "LambdaFunctionSucceeded"),
        (6, 5, "TaskStateExited"),
        (7, 6, "ExecutionSucceeded"),
    ]


def test_an_exception_of_a_function_is_an_error_of_its_name(cloud):
    function = make_function(cloud, "class Odd(Exception): pass\ndef handler(event, context): raise Odd('no')")["FunctionArn"]
    states = {
        "T": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": function, "Payload.$": "$"},
              "Catch": [{"ErrorEquals": ["Odd"], "Next": "C"}], "End": True},
        "C": {"Type": "Pass", "Parameters": {"cause.$": "States.StringToJson($.Cause)"}, "End": True},
    }  # fmt: skip
    execution = start(cloud, make(cloud, states))
    settle(cloud)
    assert json.loads(told(cloud, execution)["output"])["cause"]["errorMessage"] == "no"
    assert types(cloud, execution)[2:6] == ["TaskScheduled", "TaskStarted", "TaskFailed", "TaskStateExited"]


def test_the_http_exchange_is_told_as_each_service_has_it(cloud, queue):
    # test_send_message, test_invoke_json_values, test_base_integrations[DYNAMODB_PUT_GET_ITEM]
    cloud.client("dynamodb").create_table(
        TableName="table", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )  # fmt: skip
    cloud.sleep(30)
    function = make_function(cloud, "def handler(event, context): return 'Hello'")["FunctionArn"]
    states = {
        "L": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": function}, "ResultPath": "$.l", "Next": "S"},
        "S": {"Type": "Task", "Resource": SEND, "Parameters": {"QueueUrl": queue, "MessageBody": "m"}, "ResultPath": "$.s", "Next": "D"},
        "D": {"Type": "Task", "Resource": "arn:aws:states:::dynamodb:putItem", "Parameters": {"TableName": "table", "Item": {"id": {"S": "1"}}},
              "ResultPath": "$.d", "End": True},
    }  # fmt: skip
    execution = start(cloud, make(cloud, states))
    settle(cloud)
    said = {name: one["SdkHttpMetadata"]["HttpHeaders"] for name, one in json.loads(told(cloud, execution)["output"]).items()}
    assert (said["l"]["Content-Type"], said["l"]["Content-Length"], said["l"]["X-Amz-Executed-Version"]) == ("application/json", "7", "$LATEST")
    assert said["l"]["X-Amzn-Trace-Id"].startswith("Root=1-")
    assert (said["s"]["Content-Type"], said["s"]["connection"]) == ("application/x-amz-json-1.0", "keep-alive")
    assert (said["d"]["Server"], said["d"]["x-amz-crc32"]) == ("Server", "2745614147")  # of "{}"


def test_a_message_is_sent_to_a_queue(cloud, queue):
    states = {"T": {"Type": "Task", "Resource": SEND, "Parameters": {"QueueUrl": queue, "MessageBody": {"v.$": "$.v"}}, "End": True}}
    found = run(cloud, states, {"v": 7})
    assert found["output"]["SdkHttpMetadata"]["HttpStatusCode"] == 200
    assert bodies(cloud, queue) == ['{"v":7}']
    assert details(cloud, found["executionArn"], "TaskScheduled")["resourceType"] == "sqs"


def test_of_many_executions_that_move_in_one_moment_each_is_asked_for(cloud, queue):
    send = {"Type": "Task", "Resource": SEND, "Parameters": {"QueueUrl": queue, "MessageBody": "x"}, "ResultPath": None}
    read = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:sqs:getQueueAttributes", "Parameters": {"QueueUrl": queue}, "ResultPath": None}
    make_function(cloud, "def handler(event, context): return 1")
    run = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "f"}, "ResultPath": None}
    tasks = [send, run, read, run, send]
    machine = make(cloud, {f"T{n}": task | ({"Next": f"T{n + 1}"} if n < 4 else {"End": True}) for n, task in enumerate(tasks)})
    states = cloud.client("stepfunctions")
    cloud.wait(*[cloud.start(states.start_execution, stateMachineArn=machine, name=f"e{n}") for n in range(40)])
    for _ in tasks:
        settle(cloud)
    executions = states.list_executions(stateMachineArn=machine)["executions"]
    assert [each["status"] for each in executions] == ["SUCCEEDED"] * 40


def test_items_are_written_and_read_by_the_optimized_and_the_sdk_integration(cloud):
    cloud.client("dynamodb").create_table(
        TableName="table", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )  # fmt: skip
    cloud.sleep(30)
    states = {
        "P": {"Type": "Task", "Resource": "arn:aws:states:::dynamodb:putItem", "ResultPath": None, "Next": "G",
              "Parameters": {"TableName": "table", "Item": {"id": {"S.$": "$.id"}, "n": {"N": "5"}}}},
        "G": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:dynamodb:getItem", "End": True,
              "Parameters": {"TableName": "table", "Key": {"id": {"S.$": "$.id"}}}, "ResultSelector": {"n.$": "$.Item.n.N"}},
    }  # fmt: skip
    assert run(cloud, states, {"id": "x"})["output"] == {"n": "5"}


def test_what_a_service_refuses_has_the_names_of_each_kind_of_integration(cloud):
    parameters = {"TableName": "none", "Key": {"id": {"S": "x"}}}
    plain = run(cloud, {"T": {"Type": "Task", "Resource": "arn:aws:states:::dynamodb:getItem", "Parameters": parameters, "End": True}})
    sdk = run(cloud, {"T": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:dynamodb:getItem", "Parameters": parameters, "End": True}}, name="s")
    assert plain["error"] == "DynamoDB.ResourceNotFoundException" and "(Service: AmazonDynamoDBv2; Status Code: 400; " in plain["cause"]
    assert sdk["error"] == "DynamoDb.ResourceNotFoundException" and "(Service: DynamoDb, Status Code: 400, " in sdk["cause"]


def test_a_task_may_only_do_what_its_role_may(cloud, queue):
    states = {"T": {"Type": "Task", "Resource": SEND, "Parameters": {"QueueUrl": queue, "MessageBody": "x"}, "End": True}}
    found = run(cloud, states, actions=("logs:*",))
    assert found["error"] == "SQS.AmazonSQSException" and "is not authorized to perform: sqs:sendmessage" in found["cause"]
    assert bodies(cloud, queue) == []


def test_a_task_waits_for_its_token_until_somebody_answers(cloud, queue):
    client = cloud.client("stepfunctions")
    states = {"T": {"Type": "Task", "Resource": f"{SEND}.waitForTaskToken", "TimeoutSeconds": 600, "HeartbeatSeconds": 60, "End": True,
                    "Parameters": {"QueueUrl": queue, "MessageBody": {"t.$": "$$.Task.Token"}}}}  # fmt: skip
    execution = start(cloud, make(cloud, states))
    cloud.sleep(50)
    token = json.loads(bodies(cloud, queue)[0])["t"]
    client.send_task_heartbeat(taskToken=token)
    cloud.sleep(50)
    client.send_task_success(taskToken=token, output='{"done": true}')
    assert json.loads(told(cloud, execution)["output"]) == {"done": True}
    assert types(cloud, execution)[2:6] == ["TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded"]
    with pytest.raises(ClientError, match="TaskTimedOut"):
        client.send_task_success(taskToken=token, output="1")
    with pytest.raises(ClientError, match="InvalidToken"):
        client.send_task_success(taskToken="made up", output="1")


def test_a_task_that_is_not_heard_of_times_out_by_its_heartbeat(cloud, queue):
    states = {
        "T": {"Type": "Task", "Resource": f"{SEND}.waitForTaskToken", "HeartbeatSeconds": 10, "End": True,
              "Parameters": {"QueueUrl": queue, "MessageBody": {"t.$": "$$.Task.Token"}},
              "Catch": [{"ErrorEquals": ["States.HeartbeatTimeout"], "Next": "C"}]},
        "C": {"Type": "Pass", "End": True},
    }  # fmt: skip
    found = run(cloud, states, seconds=12)
    assert found["output"] == {"Error": "States.Timeout", "Cause": ""}
    assert "TaskTimedOut" in types(cloud, found["executionArn"])


def test_a_worker_takes_an_activity_task_and_reports_on_it(cloud):
    client = cloud.client("stepfunctions")
    arn = client.create_activity(name="work")["activityArn"]
    polling = cloud.start(client.get_activity_task, activityArn=arn, workerName="me")
    cloud.sleep(5)
    execution = start(cloud, make(cloud, {"T": {"Type": "Task", "Resource": arn, "End": True}}), {"n": 1})
    task = cloud.wait(polling)
    assert json.loads(task["input"]) == {"n": 1}
    client.send_task_failure(taskToken=task["taskToken"], error="Tired", cause="late")
    found = told(cloud, execution)
    assert (found["status"], found["error"], found["cause"]) == ("FAILED", "Tired", "late")
    assert types(cloud, execution)[2:5] == ["ActivityScheduled", "ActivityStarted", "ActivityFailed"]
    assert "taskToken" not in cloud.wait(cloud.start(client.get_activity_task, activityArn=arn))


def test_a_state_machine_waits_for_another_that_it_starts(cloud):
    inner = make(cloud, {"W": {"Type": "Wait", "Seconds": 30, "Next": "P"}, "P": {"Type": "Pass", "Parameters": {"twice.$": "States.MathAdd($.n, $.n)"}, "End": True}}, name="inner")
    states = {"T": {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2", "End": True, "OutputPath": "$.Output",
                    "Parameters": {"StateMachineArn": inner, "Input": {"n.$": "$.n"}}}}  # fmt: skip
    found = run(cloud, states, {"n": 4}, name="outer", seconds=40)
    assert found["output"] == {"twice": 8}


def test_a_kill_loses_no_wait_and_no_variable(cloud):
    states = {
        "A": {"Type": "Pass", "Assign": {"kept": "yes"}, "Next": "W"},
        "W": {"Type": "Wait", "Seconds": 100, "Next": "B"},
        "B": {"Type": "Pass", "Parameters": {"kept.$": "$kept"}, "End": True},
    }
    execution = start(cloud, make(cloud, states))
    cloud.sleep(10)
    cloud.restart(kill=True)
    cloud.sleep(80)
    assert told(cloud, execution)["status"] == "RUNNING"
    cloud.sleep(20)
    assert json.loads(told(cloud, execution)["output"]) == {"kept": "yes"}


@pytest.mark.parametrize("killed_after_s", [0, 0.001, 1, 6])
def test_a_kill_in_mid_workflow_repeats_no_completed_task(cloud, queue, killed_after_s):
    """Each item's message is there once, whenever the region was killed."""
    send = {"Type": "Task", "Resource": SEND, "Parameters": {"QueueUrl": queue, "MessageBody.$": "States.Format('{}', $)"}, "ResultPath": None}
    states = {
        "M": {"Type": "Map", "End": True, "ItemProcessor": {"StartAt": "T", "States": {
            "T": {**send, "Next": "W"}, "W": {"Type": "Wait", "Seconds": 5, "Next": "U"}, "U": {**send, "End": True}}}}
    }  # fmt: skip
    execution = start(cloud, make(cloud, states), [1, 2, 3])
    if killed_after_s:
        cloud.sleep(killed_after_s)
    cloud.restart(kill=True)
    cloud.sleep(20)
    assert told(cloud, execution)["status"] == "SUCCEEDED"
    assert sorted(bodies(cloud, queue)) == ["1", "1", "2", "2", "3", "3"]


def test_an_answer_that_was_given_but_not_heard_before_a_kill_is_given_again(cloud, queue):
    """The question's token is the event that announced it."""
    states = {"T": {"Type": "Task", "Resource": SEND, "Parameters": {"QueueUrl": queue, "MessageBody": "once"}, "End": True}}
    arn = make(cloud, states)
    execution = start(cloud, arn)
    region = cloud.region()
    rows = region.store.rows("000000000000")
    before = rows.all("select * from sfn_strand")
    executions = rows.all("select * from sfn_execution")
    cloud.sleep(1)
    assert told(cloud, execution)["status"] == "SUCCEEDED"

    async def forget_that_it_was_heard() -> None:
        for row in before:
            rows.run("insert or replace into sfn_strand values (?,?,?,?,?,?,?,?)", *row)
        for row in executions:
            rows.run("insert or replace into sfn_execution values (?,?,?,?,?,?,?,?)", *row)
        rows.run("delete from sfn_history where first > 3")
        await region.store.journal.settled()

    cloud.run(forget_that_it_was_heard())
    cloud.restart(kill=True)
    cloud.sleep(1)
    assert told(cloud, execution)["status"] == "SUCCEEDED"
    assert bodies(cloud, queue) == ["once"]


def test_the_status_of_executions_is_told_on_the_bus(cloud, queue):
    # The members were recorded: base/test_base, test_event_bridge_events_base.
    arn = "arn:aws:sqs:us-east-1:000000000000:q"
    policy = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}]}
    cloud.client("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(policy)})
    client = cloud.client("events")
    client.put_rule(Name="r", EventPattern='{"source": ["aws.states"]}')
    client.put_targets(Rule="r", Targets=[{"Id": "q", "Arn": arn}])
    execution = run(cloud, {"A": {"Type": "Pass", "Result": 1, "End": True}}, seconds=3)["executionArn"]
    told_events = [json.loads(body) for body in bodies(cloud, queue)]
    assert sorted(event["detail"]["status"] for event in told_events) == ["RUNNING", "SUCCEEDED"]
    for event in told_events:
        assert (event["detail-type"], event["resources"]) == ("Step Functions Execution Status Change", [execution])
        assert event["detail"]["redriveStatus"] == "NOT_REDRIVABLE"


def test_a_moment_told_by_several_answers_is_the_same(cloud, queue):
    # AWS counts in milliseconds: what is left of a moment is cut off everywhere (localstack's test_execution_dateformat compares two answers).
    arn = "arn:aws:sqs:us-east-1:000000000000:q"
    policy = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}]}
    cloud.client("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(policy)})
    client = cloud.client("events")
    client.put_rule(Name="r", EventPattern='{"source": ["aws.states"], "detail": {"status": ["RUNNING"]}}')
    client.put_targets(Rule="r", Targets=[{"Id": "q", "Arn": arn}])
    machine = make(cloud, {"A": {"Type": "Pass", "Parameters": {"began.$": "$$.Execution.StartTime"}, "End": True}})
    now = cloud.region().clock.now()
    cloud.sleep(int(now) + 2.9997 - now)
    begun = cloud.client("stepfunctions").start_execution(stateMachineArn=machine)
    cloud.sleep(3)
    described = told(cloud, begun["executionArn"])
    (event,) = [json.loads(body) for body in bodies(cloud, queue)]
    moments = {
        begun["startDate"], described["startDate"], datetime.fromtimestamp(event["detail"]["startDate"] / 1000, UTC),
        datetime.fromisoformat(json.loads(described["output"])["began"]),
    }  # fmt: skip
    assert len(moments) == 1 and moments.pop().microsecond == 999_000


def test_a_task_may_stand_for_a_role_of_another_account_that_trusts_the_execution_s(make_cloud):
    # credentials/test_credentials_base: the trusting role names the account, and the task's ARNs are of its own.
    cloud = make_cloud("us-east-1", "aws-global")
    theirs, other = "222222222222", cloud.client("sqs", key="222222222222")
    queue = other.create_queue(QueueName="far")["QueueUrl"]
    iam = cloud.client("iam", key=theirs)
    trust = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "sts:AssumeRole"}}
    role = iam.create_role(RoleName="trusting", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    allow = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}}
    iam.put_role_policy(RoleName="trusting", PolicyName="p", PolicyDocument=json.dumps(allow))
    states = {"T": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "Credentials": {"RoleArn": role},
                    "Parameters": {"QueueUrl": queue, "MessageBody": "hi"}, "End": True}}  # fmt: skip
    assert run(cloud, states, name="a", actions=("sts:AssumeRole",))["status"] == "SUCCEEDED"
    assert [each["Body"] for each in other.receive_message(QueueUrl=queue)["Messages"]] == ["hi"]
    found = run(cloud, states, name="b", actions=("sqs:SendMessage",))
    assert found["error"] == "States.TaskFailed" and "is not authorized to assume the task state's role" in found["cause"]


def test_causes_of_functions_are_as_the_function_wrote_them_or_as_the_integration_does(cloud):
    # error_handling/test_task_lambda and test_task_service_lambda
    function = make_function(cloud, "def handler(event, context): raise ValueError('no')")["FunctionArn"]
    catch = {"Catch": [{"ErrorEquals": ["States.ALL"], "Next": "E"}], "End": True}
    end = {"E": {"Type": "Pass", "End": True}}
    direct = start(cloud, make(cloud, {"T": {"Type": "Task", "Resource": function, **catch}, **end}, name="a"))
    optimized = {"T": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": function}, **catch}, **end}
    through = start(cloud, make(cloud, optimized, name="b"))
    settle(cloud)
    for execution, begins in ((direct, '{"errorMessage": "no", '), (through, '{"errorMessage":"no",')):
        assert json.loads(told(cloud, execution)["output"])["Cause"].startswith(begins)


def test_a_queue_that_has_no_host_is_the_client_s_failure(cloud):
    # error_handling/test_task_service_sqs, test_send_message_no_such_queue
    states = {"T": {"Type": "Task", "Resource": SEND, "Parameters": {"QueueUrl": "http://no-such-queue", "MessageBody": "x"}, "End": True}}
    assert run(cloud, states)["error"] == "SQS.SdkClientException"


@pytest.mark.parametrize(("payload", "got"), [('"text"', "text"), ("0", 0), ("[]", []), (None, {}), ({"a": 1}, {"a": 1})])
def test_a_text_is_given_to_a_function_as_it_is_and_null_as_nothing(cloud, payload, got):
    # services/test_lambda_task_service: test_invoke, test_invoke_json_values
    function = make_function(cloud, "def handler(event, context): return event")["FunctionArn"]
    asked = {"FunctionName": function, "LogType": "Tail", "Payload.$": "$.p"}
    states = {"T": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": asked, "End": True}}
    execution = start(cloud, make(cloud, states), {"p": payload})
    settle(cloud)
    output = json.loads(told(cloud, execution)["output"])
    assert (output["Payload"], "LogResult" in output) == (got, True)


@pytest.mark.parametrize(("body", "kept"), [("text", b'"text"'), ({"a": "b"}, b'{"a":"b"}'), ([1], b"[1]"), (False, b"false"), (0, b"0")])
def test_bytes_are_given_to_the_sdk_as_json_and_read_as_they_are(cloud, body, kept):
    # services/test_aws_sdk_task_service: test_s3_put_object, test_s3_get_object
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="kept")
    place = {"Bucket": "kept", "Key": "k"}
    states = {
        "Put": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:putObject", "Parameters": {**place, "Body.$": "$"}, "Next": "Get"},
        "Get": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:getObject", "Parameters": place, "End": True},
    }
    output = run(cloud, states, body)["output"]
    assert (output["Body"].encode(), output["ContentLength"], output["Metadata"]) == (kept, len(kept), {})
    found = s3.get_object(**place, ChecksumMode="ENABLED")
    assert (found["Body"].read(), found["ContentType"]) == (kept, "text/plain; charset=UTF-8")
    assert "ChecksumCRC32" in found


def test_events_of_a_state_machine_name_it_and_the_execution(cloud, queue):
    # services/test_events_task_service: test_put_events_base
    arn = "arn:aws:sqs:us-east-1:000000000000:q"
    policy = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}]}
    cloud.client("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(policy)})
    client = cloud.client("events")
    client.put_rule(Name="r", EventPattern='{"source": ["mine"]}')
    client.put_targets(Rule="r", Targets=[{"Id": "q", "Arn": arn}])
    entry = {"Source": "mine", "DetailType": "t", "Detail": {"n": 1}}
    asked = {"Entries": [entry, {**entry, "Resources": ["x"]}]}
    found = run(cloud, {"T": {"Type": "Task", "Resource": "arn:aws:states:::events:putEvents", "Parameters": asked, "End": True}}, seconds=3)
    named = [found["stateMachineArn"], found["executionArn"]]
    resources = [json.loads(body)["resources"] for body in bodies(cloud, queue)]
    assert sorted(resources, key=len) == [named, ["x", *named]]


def test_an_execution_that_is_started_with_null_starts_with_nothing(cloud):
    # callback/test_callback: test_start_execution_sync
    inner = make(cloud, {"P": {"Type": "Pass", "End": True}}, name="inner")
    asked = {"StateMachineArn": inner, "Input": None}
    states = {"T": {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync", "Parameters": asked, "End": True}}
    assert run(cloud, states, name="outer", seconds=3)["output"]["Input"] == "{}"


NESTED = {"StateMachineArn": "", "Input": {"t.$": "$$.Task.Token"}}


def nesting(cloud, asked: dict | None = None, seconds: int = 60, **more) -> tuple[str, str]:
    """An execution that waits for another, and the token of its task."""
    inner = make(cloud, {"W": {"Type": "Wait", "Seconds": seconds, "End": True}}, name="inner")
    task = {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync", "Parameters": {**NESTED, "StateMachineArn": inner}, "End": True, **more}
    execution = start(cloud, make(cloud, {"T": task}, name="outer"))
    cloud.sleep(1)
    nested = cloud.client("stepfunctions").list_executions(stateMachineArn=inner)["executions"][0]["executionArn"]
    return execution, json.loads(told(cloud, nested)["input"])["t"]


def test_a_task_that_waits_for_an_execution_has_a_token_that_may_end_it(cloud):
    # Recorded: callback/test_callback, test_sync_with_task_token.
    client = cloud.client("stepfunctions")
    execution, token = nesting(cloud)
    cloud.restart(kill=True)
    client.send_task_success(taskToken=token, output='"heard"')
    assert told(cloud, execution)["output"] == '"heard"'
    assert types(cloud, execution)[2:] == ["TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded", "TaskStateExited", "ExecutionSucceeded"]
    cloud.sleep(120)
    assert len(events(cloud, execution)) == 8
    with pytest.raises(ClientError, match="TaskTimedOut"):
        client.send_task_success(taskToken=token, output="1")


def test_whoever_holds_the_token_of_such_a_task_may_fail_it(cloud):
    execution, token = nesting(cloud)
    cloud.client("stepfunctions").send_task_failure(taskToken=token, error="Mine", cause="c")
    assert (told(cloud, execution)["error"], told(cloud, execution)["cause"]) == ("Mine", "c")


def test_a_heartbeat_of_such_a_task_does_not_hide_the_end_of_its_execution(cloud):
    execution, token = nesting(cloud, seconds=20, HeartbeatSeconds=15)
    cloud.sleep(12)
    cloud.client("stepfunctions").send_task_heartbeat(taskToken=token)
    cloud.sleep(9)
    assert told(cloud, execution)["status"] == "SUCCEEDED"


def test_what_came_of_such_a_task_is_read_with_the_same_token(cloud):
    # As of tasks that wait for their token; no source tells it of these.
    execution, token = nesting(cloud, seconds=5, ResultSelector={"t.$": "$$.Task.Token"})
    cloud.sleep(6)
    assert json.loads(told(cloud, execution)["output"]) == {"t": token}


def test_a_task_of_an_older_store_hears_of_the_execution_that_it_waits_for(cloud):
    # There the execution stood where the token is.
    execution, _ = nesting(cloud, seconds=20)
    rows = cloud.region().store.rows("000000000000")

    async def as_it_was() -> None:
        [(id_, nested, body)] = rows.all("select id, nested, body from sfn_strand where execution = ?", execution)
        strand = msgspec.msgpack.decode(body)
        strand.pop("nested")
        rows.run(
            "update sfn_strand set token = ?, nested = null, body = ? where execution = ? and id = ?",
            nested, msgspec.msgpack.encode({**strand, "token": nested}), execution, id_,
        )  # fmt: skip
        await cloud.region().store.journal.settled()

    cloud.run(as_it_was())
    cloud.restart(kill=True)
    cloud.sleep(21)
    assert json.loads(told(cloud, execution)["output"])["Status"] == "SUCCEEDED"


def test_an_execution_of_another_account_is_waited_for(make_cloud):
    # credentials/test_credentials_base: test_cross_account_states_start_sync_execution
    cloud = make_cloud("us-east-1", "aws-global")
    theirs = "222222222222"
    iam, far = cloud.client("iam", key=theirs), cloud.client("stepfunctions", key=theirs)
    trust = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root",
             "Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}}  # fmt: skip
    role = iam.create_role(RoleName="trusting", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]

    def allow(*actions: str) -> None:
        document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": actions, "Resource": "*"}}
        iam.put_role_policy(RoleName="trusting", PolicyName="p", PolicyDocument=json.dumps(document))

    waits = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 20, "Next": "P"}, "P": {"Type": "Pass", "Result": 7, "End": True}}}
    machine = far.create_state_machine(name="far", definition=json.dumps(waits), roleArn=role)["stateMachineArn"]

    def asking(**more) -> dict:
        return {"T": {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync", "Parameters": {"StateMachineArn": machine},
                      "Credentials": {"RoleArn": role}, "End": True, **more}}  # fmt: skip

    allow("states:StartExecution", "states:DescribeExecution")
    mine = start(cloud, make(cloud, asking(), name="a", actions=("sts:AssumeRole",)))
    cloud.sleep(10)
    cloud.restart(kill=True)
    assert told(cloud, mine)["status"] == "RUNNING"
    cloud.sleep(15)
    assert json.loads(told(cloud, mine)["output"])["Output"] == "7"
    late = start(cloud, make(cloud, asking(TimeoutSeconds=5), name="b", actions=("sts:AssumeRole",)))
    cloud.sleep(6)
    assert told(cloud, late)["error"] == "States.Timeout"
    allow("states:StartExecution")
    blind = start(cloud, make(cloud, asking(), name="c", actions=("sts:AssumeRole",)))
    cloud.sleep(6)
    assert told(cloud, blind)["error"] == "StepFunctions.AccessDeniedException"


def test_a_task_of_the_sdk_spells_its_members_as_that_for_java_does(cloud):
    # "PascalCase": https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html; capitals ahead are one word, as in
    # DbClusterIdentifier, which definitions on the web have; Utils.unCapitalize of aws-sdk-java-v2's generator has the rule.
    def states(spelling: str) -> dict:
        asked = {"TableName": "table", "BillingMode": "PAY_PER_REQUEST", "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                 "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}], spelling: {"Enabled": True}}  # fmt: skip
        make_table = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:dynamodb:createTable", "Parameters": asked, "ResultPath": None, "Next": "W"}
        read = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:dynamodb:describeTable", "Parameters": {"TableName": "table"}, "End": True}
        return {"T": make_table, "W": {"Type": "Wait", "Seconds": 60, "Next": "D"}, "D": read}

    execution = start(cloud, make(cloud, states("SSESpecification"), name="model"))
    cloud.sleep(1)
    assert 'The field "SSESpecification" is not supported by Step Functions' in told(cloud, execution)["cause"]
    execution = start(cloud, make(cloud, states("SseSpecification"), name="java"))
    cloud.sleep(90)
    shown = json.loads(told(cloud, execution)["output"])["Table"]
    assert shown["SseDescription"]["SseType"] == "KMS" and "SSEDescription" not in shown


def test_what_is_no_text_goes_as_json_where_the_sdk_takes_a_text(cloud):
    # services/test_aws_sdk_task_service: test_sfn_start_execution_implicit_json_serialisation
    inner = make(cloud, {"P": {"Type": "Pass", "End": True}}, name="inner")
    asked = {"StateMachineArn": inner, "Input": {"a": [1]}, "Name": "begun"}
    states = {"T": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:sfn:startExecution", "Parameters": asked, "End": True}}
    begun = run(cloud, states, name="outer")["output"]["ExecutionArn"]
    assert told(cloud, begun)["output"] == '{"a":[1]}'


def test_a_failure_without_a_name_is_caught_as_null(cloud, queue):
    # callback/test_callback: test_sqs_failure_in_wait_for_task_tok_no_error_field
    asked = {"QueueUrl": queue, "MessageBody.$": "$$.Task.Token"}
    states = {
        "T": {"Type": "Task", "Resource": f"{SEND}.waitForTaskToken", "Parameters": asked,
              "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "C"}], "End": True},
        "C": {"Type": "Pass", "End": True},
    }  # fmt: skip
    execution = run(cloud, states)["executionArn"]
    client = cloud.client("stepfunctions")
    client.send_task_failure(taskToken=bodies(cloud, queue)[0])
    cloud.sleep(1)
    assert json.loads(told(cloud, execution)["output"]) == {"Error": None, "Cause": None}
    with pytest.raises(client.exceptions.InvalidToken):
        client.send_task_success(taskToken="none", output="{")
