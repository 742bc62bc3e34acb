"""Step Functions: state machines and activities whose data is encrypted under a key of KMS.

What is asked of whom stands in https://docs.aws.amazon.com/step-functions/latest/dg/encryption-at-rest.html
"""

from __future__ import annotations

import json

import pytest
from refusals import refused
from sealed import ACCOUNT, SECRET, User, allow, on_disk
from states_workshop import TRUST

ROLE = f"arn:aws:iam::{ACCOUNT}:role/states"
ARN = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:m"
USE = ("kms:Decrypt", "kms:GenerateDataKey")
WAITS = {"W": {"Type": "Wait", "Seconds": 1000, "Comment": SECRET, "Next": "P"}, "P": {"Type": "Pass", "End": True}}


@pytest.fixture
def states(cloud):
    cloud.client("iam", key=ACCOUNT).create_role(RoleName="states", AssumeRolePolicyDocument=TRUST)
    role(cloud, "*")
    return cloud.client("stepfunctions", key=ACCOUNT)


def role(cloud, *actions: str, **condition) -> None:
    """Let the executions' role do this, and nothing else."""
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"} | ({"Condition": condition} if condition else {})
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    cloud.client("iam", key=ACCOUNT).put_role_policy(RoleName="states", PolicyName="p", PolicyDocument=document)


def sealed(key: str, **more) -> dict:
    return {"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": key, **more}


def make(states, key: str, flow: dict, name: str = "m", kind: str = "STANDARD", **more) -> str:
    definition = json.dumps({"StartAt": next(iter(flow)), "States": flow})
    return states.create_state_machine(
        name=name, definition=definition, roleArn=ROLE, type=kind, encryptionConfiguration=sealed(key, **more)
    )["stateMachineArn"]  # fmt: skip


def begin(states, machine: str, data=SECRET) -> str:
    return states.start_execution(stateMachineArn=machine, input=json.dumps({"said": data}))["executionArn"]


def test_what_an_execution_holds_comes_out_as_it_went_in_survives_a_kill_and_is_not_on_the_disk(cloud, states, key):
    flow = {
        "All": {"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": {"StartAt": "W", "States": {
            "W": {"Type": "Wait", "Seconds": 60, "Next": "E"}, "E": {"Type": "Pass", "Comment": SECRET, "End": True}}}, "Next": "Each"},
        "Each": {"Type": "Map", "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "E2",
            "States": {"E2": {"Type": "Pass", "End": True}}}, "End": True},
    }  # fmt: skip
    machine = make(states, key, flow)
    data = {"items": [SECRET, f"{SECRET} again"]}
    execution = states.start_execution(stateMachineArn=machine, input=json.dumps(data))["executionArn"]
    assert on_disk(cloud) == []
    cloud.restart(kill=True)
    cloud.sleep(100)
    found = states.describe_execution(executionArn=execution)
    assert (json.loads(found["input"]), json.loads(found["output"])) == (data, data["items"])
    assert SECRET in states.describe_state_machine(stateMachineArn=machine)["definition"]
    assert SECRET in json.dumps(states.get_execution_history(executionArn=execution)["events"], default=str)
    assert on_disk(cloud) == []


def test_an_execution_that_failed_is_redriven_from_what_lies_sealed(cloud, states, key):
    flow = {"Both": {"Type": "Parallel", "End": True, "Branches": [
        {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 50, "End": True}}},
        {"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "End": True,
            "Parameters": {"QueueUrl": f"http://localhost:4566/{ACCOUNT}/later", "MessageBody.$": "$.said"}}}},
    ]}}  # fmt: skip
    execution = begin(states, make(states, key, flow))
    cloud.sleep(60)
    assert states.describe_execution(executionArn=execution)["status"] == "FAILED"
    url = cloud.client("sqs", key=ACCOUNT).create_queue(QueueName="later")["QueueUrl"]
    cloud.restart(kill=True)
    states.redrive_execution(executionArn=execution)
    cloud.sleep(60)
    assert states.describe_execution(executionArn=execution)["status"] == "SUCCEEDED"
    assert cloud.client("sqs", key=ACCOUNT).receive_message(QueueUrl=url)["Messages"][0]["Body"] == SECRET


def test_what_a_task_answered_is_not_on_the_disk(cloud, states, key):
    inner = make(states, key, {"P": {"Type": "Pass", "End": True}}, name="inner", kind="EXPRESS")
    flow = {"T": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:sfn:startSyncExecution", "End": True,
                  "Parameters": {"StateMachineArn": inner, "Input.$": "States.JsonToString($)"}}}  # fmt: skip
    execution = begin(states, make(states, key, flow))
    cloud.sleep(2)
    assert SECRET in states.describe_execution(executionArn=execution)["output"]
    assert on_disk(cloud) == []


def test_a_question_under_way_is_asked_again_after_a_kill_and_waits_while_kms_is_down(cloud, states, key):
    url = cloud.client("sqs", key=ACCOUNT).create_queue(QueueName="q")["QueueUrl"]
    flow = {"W": {"Type": "Wait", "Seconds": 10, "Next": "T"},
            "T": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "Parameters": {"QueueUrl": url, "MessageBody.$": "$.said"}, "End": True}}  # fmt: skip
    execution = begin(states, make(states, key, flow))
    outage = cloud.fault("service.down", {"service": "kms"})
    cloud.restart(kill=True)
    cloud.sleep(20)
    assert states.describe_execution(executionArn=execution, includedData="METADATA_ONLY")["status"] == "RUNNING"
    cloud.heal(outage)
    asked = cloud.fault("service.slow", {"service": "sqs"}, latency=30)
    cloud.sleep(5)
    cloud.restart(kill=True)
    cloud.heal(asked)
    cloud.sleep(40)
    assert states.describe_execution(executionArn=execution)["status"] == "SUCCEEDED"
    assert [each["Body"] for each in cloud.client("sqs", key=ACCOUNT).receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]] == [SECRET]


def test_a_disabled_key_ends_what_runs_and_lets_nothing_begin(cloud, states, kms, key):
    machine = make(states, key, WAITS, kmsDataKeyReusePeriodSeconds=60)
    execution = begin(states, machine)
    kms.disable_key(KeyId=key)
    begin(states, machine)  # for as long as the data key is used again
    cloud.sleep(61)
    code, text = refused(states.start_execution, stateMachineArn=machine)
    assert code == "KmsInvalidStateException" and "is disabled" in text
    for operation in (states.describe_execution, states.get_execution_history, states.describe_state_machine_for_execution):
        assert refused(operation, executionArn=execution)[0] == "KmsInvalidStateException"
    assert refused(states.describe_state_machine, stateMachineArn=machine)[0] == "KmsInvalidStateException"
    cloud.sleep(1000)
    found = states.describe_execution(executionArn=execution, includedData="METADATA_ONLY")
    assert found["status"] == "FAILED" and "input" not in found
    kms.enable_key(KeyId=key)
    found = states.describe_execution(executionArn=execution)
    assert json.loads(found["input"]) == {"said": SECRET} and "is disabled" in found["cause"]
    states.redrive_execution(executionArn=execution)
    cloud.sleep(1001)
    assert json.loads(states.describe_execution(executionArn=execution)["output"]) == {"said": SECRET}


def test_who_stops_an_execution_without_a_word_needs_no_key(states, kms, key, cloud):
    # https://docs.aws.amazon.com/step-functions/latest/apireference/API_StopExecution.html
    execution = begin(states, make(states, key, WAITS))
    kms.disable_key(KeyId=key)
    cloud.sleep(301)
    assert refused(states.stop_execution, executionArn=execution, cause=SECRET)[0] == "KmsInvalidStateException"
    states.stop_execution(executionArn=execution)
    assert states.describe_execution(executionArn=execution, includedData="METADATA_ONLY")["status"] == "ABORTED"
    kms.enable_key(KeyId=key)
    states.redrive_execution(executionArn=execution)
    states.stop_execution(executionArn=execution, cause=SECRET)
    assert states.describe_execution(executionArn=execution)["cause"] == SECRET and on_disk(cloud) == []


def test_callers_need_the_rights_that_aws_lists(cloud, states, key):
    alice = User(cloud)
    theirs = alice.client("stepfunctions")
    flow = json.dumps({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}})
    wanted = {"name": "m", "definition": flow, "roleArn": ROLE, "encryptionConfiguration": sealed(key)}
    for rights in (("kms:GenerateDataKey",), ("kms:DescribeKey",)):
        alice.may("states:*", "iam:PassRole", *rights)
        assert refused(theirs.create_state_machine, **wanted)[0] == "KmsAccessDeniedException"
    alice.may("states:*", "iam:PassRole", "kms:DescribeKey", "kms:GenerateDataKey")
    machine = theirs.create_state_machine(**wanted)["stateMachineArn"]
    # The same again is the same, which whoever may not read it cannot be told by comparing texts.
    assert theirs.create_state_machine(**wanted)["stateMachineArn"] == machine
    cloud.sleep(301)
    alice.may("states:*")
    execution = begin(theirs, machine)
    assert refused(theirs.describe_execution, executionArn=execution)[0] == "KmsAccessDeniedException"
    assert refused(theirs.get_execution_history, executionArn=execution)[0] == "KmsAccessDeniedException"
    assert refused(theirs.describe_state_machine, stateMachineArn=machine)[0] == "KmsAccessDeniedException"
    only = theirs.describe_state_machine(stateMachineArn=machine, includedData="METADATA_ONLY")
    assert "definition" not in only
    assert only["encryptionConfiguration"] == sealed(key, kmsDataKeyReusePeriodSeconds=300)
    assert "definition" not in theirs.describe_state_machine_for_execution(executionArn=execution, includedData="METADATA_ONLY")
    alice.may("states:*", "kms:Decrypt")
    assert SECRET in theirs.describe_execution(executionArn=execution)["input"]


def test_kms_sees_the_caller_through_step_functions_and_the_role_by_itself(cloud, states, key):
    role(cloud, *USE, StringEquals={"kms:EncryptionContext:aws:states:stateMachineArn": ARN})
    machine = make(states, key, WAITS)
    begin(states, machine)
    cloud.sleep(301)
    # "Adding kms:ViaService condition to an execution role can prevent a new execution from starting"
    role(cloud, *USE, StringEquals={"kms:ViaService": "states.us-east-1.amazonaws.com"})
    assert refused(states.start_execution, stateMachineArn=machine)[0] == "KmsAccessDeniedException"
    alice = User(cloud)
    alice.may("states:*")
    statement = {"Effect": "Allow", "Action": "kms:*", "Resource": "*", "Condition": {"StringEquals": {"kms:ViaService": "states.us-east-1.amazonaws.com"}}}
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    alice.iam.put_user_policy(UserName="alice", PolicyName="through", PolicyDocument=document)
    assert SECRET in alice.client("stepfunctions").describe_state_machine(stateMachineArn=machine)["definition"]


def test_a_synchronous_execution_asks_its_role_and_its_caller_to_decrypt_alone(cloud, states, key):
    machine = make(states, key, {"P": {"Type": "Pass", "End": True}}, kind="EXPRESS")
    alice = User(cloud)
    alice.may("states:*")
    role(cloud, "kms:Decrypt")
    asked = {"stateMachineArn": machine, "input": json.dumps(SECRET)}
    theirs = alice.client("stepfunctions")
    assert refused(theirs.start_sync_execution, **asked)[0] == "KmsAccessDeniedException"
    only = theirs.start_sync_execution(**asked, includedData="METADATA_ONLY")
    assert only["status"] == "SUCCEEDED" and "output" not in only and "input" not in only
    alice.may("states:*", "kms:Decrypt")
    assert json.loads(theirs.start_sync_execution(**asked)["output"]) == SECRET
    assert on_disk(cloud) == []


def test_the_inputs_of_an_activity_lie_under_its_own_key(cloud, states, kms, key):
    activity = states.create_activity(name="a", encryptionConfiguration=sealed(key))["activityArn"]
    assert states.describe_activity(activityArn=activity)["encryptionConfiguration"]["kmsKeyId"] == key
    assert refused(states.create_activity, name="a")[0] == "ActivityAlreadyExists"
    other = kms.create_key()["KeyMetadata"]["Arn"]
    execution = begin(states, make(states, other, {"T": {"Type": "Task", "Resource": activity, "End": True}}))
    assert on_disk(cloud) == []
    alice = User(cloud)
    alice.may("states:*")
    assert refused(alice.client("stepfunctions").get_activity_task, activityArn=activity)[0] == "KmsAccessDeniedException"
    alice.may("states:*", "kms:Decrypt")
    cloud.restart(kill=True)
    task = alice.client("stepfunctions").get_activity_task(activityArn=activity)
    assert json.loads(task["input"]) == {"said": SECRET}
    alice.may("states:*")  # "SendTaskSuccess: --"
    alice.client("stepfunctions").send_task_success(taskToken=task["taskToken"], output=json.dumps(f"done {SECRET}"))
    assert json.loads(states.describe_execution(executionArn=execution)["output"]) == f"done {SECRET}"
    assert on_disk(cloud) == []


def test_who_waits_for_an_execution_sees_of_it_what_his_role_may_decrypt(cloud, states, kms, key):
    inner = make(states, key, {"P": {"Type": "Pass", "End": True}}, name="inner")
    other = kms.create_key()["KeyMetadata"]["Arn"]
    flow = {"T": {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2", "OutputPath": "$.Output", "End": True,
                  "Parameters": {"StateMachineArn": inner, "Input.$": "$"}}}  # fmt: skip
    outer = make(states, other, flow)
    execution = begin(states, outer)
    cloud.sleep(2)
    assert json.loads(states.describe_execution(executionArn=execution)["output"]) == {"said": SECRET}


def test_the_region_s_bus_is_not_told_what_is_encrypted(cloud, states, key):
    # "Execution Input, Output, Error, and Cause will not be included for execution status change events"
    events, sqs = cloud.client("events", key=ACCOUNT), cloud.client("sqs", key=ACCOUNT)
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    queue = f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"
    leave = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": queue}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": leave})})
    events.put_rule(Name="r", EventPattern='{"source":["aws.states"]}')
    events.put_targets(Rule="r", Targets=[{"Id": "q", "Arn": queue}])
    begin(states, make(states, key, {"P": {"Type": "Pass", "End": True}}))
    cloud.sleep(2)
    told = [json.loads(each["Body"])["detail"] for each in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]]
    assert sorted(each["status"] for each in told) == ["RUNNING", "SUCCEEDED"]
    assert all(each["input"] is None and each["output"] is None and each["inputDetails"] == {"included": False} for each in told)


def test_what_is_logged_asks_the_role_and_the_delivery_of_logs(cloud, states, kms, key):
    logs = cloud.client("logs", key=ACCOUNT)
    logs.create_log_group(logGroupName="g")
    definition = json.dumps({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}})
    group = {"cloudWatchLogsLogGroup": {"logGroupArn": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:g:*"}}
    machine = states.create_state_machine(
        name="m", definition=definition, roleArn=ROLE, encryptionConfiguration=sealed(key),
        loggingConfiguration={"level": "ALL", "includeExecutionData": True, "destinations": [group]},
    )["stateMachineArn"]  # fmt: skip
    begin(states, machine)
    cloud.sleep(2)
    assert logs.filter_log_events(logGroupName="g", logStreamNamePrefix="states/")["events"] == [] and on_disk(cloud) == []
    allow(kms, key, "delivery.logs.amazonaws.com", "kms:Decrypt")
    cloud.sleep(120)
    assert SECRET in json.dumps(logs.filter_log_events(logGroupName="g")["events"])


def test_an_update_encrypts_what_begins_then_and_takes_a_key_that_is_lost_away(cloud, states, kms, key):
    definition = json.dumps({"StartAt": "W", "States": WAITS})
    machine = states.create_state_machine(name="m", definition=definition, roleArn=ROLE)["stateMachineArn"]
    plain = begin(states, machine, "nothing")
    assert states.update_state_machine(stateMachineArn=machine, encryptionConfiguration=sealed(key))["revisionId"]
    version = states.publish_state_machine_version(stateMachineArn=machine)["stateMachineVersionArn"]
    begin(states, machine)
    kms.disable_key(KeyId=key)
    cloud.sleep(301)
    assert json.loads(states.describe_execution(executionArn=plain)["input"]) == {"said": "nothing"}
    assert refused(states.start_execution, stateMachineArn=version)[0] == "KmsInvalidStateException"
    states.update_state_machine(stateMachineArn=machine, definition=definition, encryptionConfiguration={"type": "AWS_OWNED_KEY"})
    begin(states, machine, "nothing")
    assert states.describe_state_machine(stateMachineArn=machine)["encryptionConfiguration"] == {"type": "AWS_OWNED_KEY"}


def test_configurations_that_cannot_encrypt_are_refused(states, kms, key):
    def create(**configuration) -> str:
        definition = json.dumps({"StartAt": "W", "States": WAITS})
        return refused(states.create_state_machine, name="x", definition=definition, roleArn=ROLE, encryptionConfiguration=configuration)[0]

    assert create(type="CUSTOMER_MANAGED_KMS_KEY") == "InvalidEncryptionConfiguration"
    assert create(type="AWS_OWNED_KEY", kmsKeyId=key) == "InvalidEncryptionConfiguration"
    signing = kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    assert create(**sealed(signing)) == "InvalidEncryptionConfiguration"
    assert create(**sealed("alias/nothing")) == "InvalidEncryptionConfiguration"
    kms.disable_key(KeyId=key)
    assert create(**sealed(key)) == "InvalidEncryptionConfiguration"
    assert refused(states.create_activity, name="a", encryptionConfiguration=sealed(key))[0] == "InvalidEncryptionConfiguration"
