"""What AWS refuses of Step Functions, in its words as cdk-preflight saw them in live deployments (rules/stepfunctions): each case is named after its rule.
Others are in test_stepfunctions_states.py. https://github.com/badmintoncryer/cdk-preflight"""

from __future__ import annotations

import json
from typing import Any

import pytest
from lambda_workshop import put_role
from refusals import refused

ACCOUNT = "000000000000"
ROLE, KEY = f"arn:aws:iam::{ACCOUNT}:role/r", "arn:aws:kms:eu-west-1:000000000000:key/11111111-2222-3333-4444-555555555555"
TASK = {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "Parameters": {"QueueUrl": "q", "MessageBody": "m"}, "End": True}
PASS = {"Type": "Pass", "End": True}
DEFINITION, LOGGING, SEALING = "InvalidDefinition", "InvalidLoggingConfiguration", "InvalidEncryptionConfiguration"


def machine(name: str, text: str, states: dict[str, Any], **more):
    definition = json.dumps({"StartAt": next(iter(states)), "States": states} | more.pop("top", {}))
    said = {"name": "m", "roleArn": ROLE, "definition": definition} | more
    return pytest.param("create_state_machine", said, DEFINITION, f"Invalid State Machine Definition: '{text}'", id=name)


def schema(name: str, text: str, state: dict[str, Any], **more):
    return machine(name, f"SCHEMA_VALIDATION_FAILED: {text}", {"A": state}, **more)


def branch(state: str) -> dict[str, Any]:
    return {"StartAt": state, "States": {state: PASS}}


def configured(id: str, code: str, text: str, **more):
    said = {"name": "m", "roleArn": ROLE, "definition": json.dumps({"StartAt": "A", "States": {"A": PASS}})} | more
    return pytest.param("create_state_machine", said, code, text, id=id)


GROUP = {"cloudWatchLogsLogGroup": {"logGroupArn": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:g:*"}}
CASES = [
    schema("asl-branch-shape", "Value cannot be empty at /States/A/Branches", {"Type": "Parallel", "Branches": [], "End": True}),
    machine(
        "asl-choice-rules", "SCHEMA_VALIDATION_FAILED: Value cannot be empty at /States/A/Choices",
        {"A": {"Type": "Choice", "Choices": [], "Default": "B"}, "B": {"Type": "Succeed"}},
    ),
    schema("asl-credentials", "The field 'RoleArn' is required but was missing at /States/A/Credentials", TASK | {"Credentials": {}}),
    machine(
        "asl-duplicate-state-name", "DUPLICATE_STATE_NAME: Duplicate State name: X at /States/P/Branches[1]/States/X",
        {"P": {"Type": "Parallel", "Branches": [branch("X"), branch("X")], "End": True}},
    ),
    schema("asl-jsonpath-syntax", "Value must be a valid JSONPath. at /States/A/InputPath", PASS | {"InputPath": "x"}),
    schema("asl-next-end", "There should only be one of the following fields: [Next, End] at /States/A", PASS | {"Next": "A"}),
    schema("asl-numeric-ranges", "Minimum value is 1 at /States/A/TimeoutSeconds", TASK | {"TimeoutSeconds": 0}),
    schema(
        "asl-path-exclusive", "There should only be one of the following fields: [TimeoutSeconds, TimeoutSecondsPath] at /States/A",
        TASK | {"TimeoutSeconds": 1, "TimeoutSecondsPath": "$.x"},
    ),
    schema(
        "asl-query-language",
        "The QueryLanguage is set to 'JSONata', but field 'InputPath' is only supported for the 'JSONPath' QueryLanguage at /States/A",
        PASS | {"InputPath": "$"}, top={"QueryLanguage": "JSONata"},
    ),
    schema(
        "asl-resource-arn",
        "The resource provided arn:aws:states:::lambda:invoke.sync is not recognized. The value is not a valid resource ARN, or the resource is not available "
        "in this region. at /States/A/Resource",
        {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.sync", "Parameters": {"FunctionName": "f"}, "End": True},
    ),
    schema(
        "asl-retry-catch", "States.ALL must appear alone and at end of list at /States/A/Retry[0]/ErrorEquals[0]",
        TASK | {"Retry": [{"ErrorEquals": ["States.ALL", "a"]}]},
    ),
    schema("asl-state-fields", "Field 'Retry' is not supported at /States/A", PASS | {"Retry": []}),
    machine(
        "asl-unreachable-state", 'MISSING_TRANSITION_TARGET: State "Orphan" is not reachable. at /States/Orphan',
        {"A": {"Type": "Succeed"}, "Orphan": {"Type": "Succeed"}},
    ),
    schema(
        "asl-wait-timing", "There should only be one of the following fields: [SecondsPath, Seconds, TimestampPath, Timestamp] at /States/A",
        {"Type": "Wait", "Seconds": 1, "SecondsPath": "$.x", "End": True},
    ),
    schema(
        "express-unsupported", "Express state machine does not support '.waitForTaskToken' service integration  at /States/A/Resource",
        TASK | {"Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "Parameters": {"QueueUrl": "q", "MessageBody.$": "$$.Task.Token"}},
        type="EXPRESS",
    ),
    configured(
        "encryption-config", SEALING, "Invalid Encryption Configuration: Must set a valid kmsKeyId.",
        encryptionConfiguration={"type": "CUSTOMER_MANAGED_KMS_KEY"},
    ),
    configured(
        "kms-key-region", SEALING, "Invalid Encryption Configuration: Invalid arn eu-west-1",
        encryptionConfiguration={"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": KEY},
    ),
    configured(
        "logging-destination", LOGGING, "Invalid Logging Configuration: Must specify exactly one Log Destination.",
        loggingConfiguration={"level": "ALL", "destinations": []},
    ),
    configured(
        "logging-name-ascii", LOGGING,
        f"Invalid Logging Configuration: 1 validation error detected: Value 'arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:テスト' at 'resourceId' failed to "
        r"satisfy constraint: Member must satisfy regular expression pattern: ^[0-9A-Za-z.\/\-_:]+$",
        name="テスト", loggingConfiguration={"level": "ALL", "destinations": [GROUP]},
    ),
    pytest.param("create_activity", {"name": "act/charset"}, "InvalidName", "Invalid Name: 'act/charset'", id="name-charset"),
]


@pytest.mark.parametrize(("operation", "said", "code", "text"), CASES)
def test_what_aws_refuses_is_refused_in_its_words(cloud, operation, said, code, text):
    trust = {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}
    put_role(cloud, "logs:*", "kms:*", trust=json.dumps({"Version": "2012-10-17", "Statement": [trust]}), arn=ROLE)
    cloud.client("logs").create_log_group(logGroupName="g")
    assert refused(getattr(cloud.client("stepfunctions"), operation), **said) == (code, text)


def test_a_states_name_has_a_length(cloud):
    # pf-sfn-asl-name-limits, whose text was told as far as the name.
    definition = json.dumps({"StartAt": "s" * 81, "States": {"s" * 81: PASS}})
    code, text = refused(cloud.client("stepfunctions").create_state_machine, name="m", roleArn=ROLE, definition=definition)
    assert code == DEFINITION and text.startswith("Invalid State Machine Definition: 'INVALID_STATE_NAME: Invalid State name: ")
