"""Definitions that are almost right: whatever stands in a place, it is read or refused in words, and nothing breaks."""

import copy
import json
import random

import pytest

from kumoniwa.languages.states_definition import read

MODELS = [
    {"StartAt": "C", "TimeoutSeconds": 5, "States": {
        "C": {"Type": "Choice", "Choices": [{"And": [{"Variable": "$.a", "IsPresent": True}, {"Not": {"Variable": "$.a", "StringMatches": "x*"}}], "Next": "T"}], "Default": "W"},
        "W": {"Type": "Wait", "TimestampPath": "$.t", "Next": "T"},
        "T": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "Parameters": {"QueueUrl": "q", "MessageBody.$": "States.Format('{}', $.x)"}, "ResultSelector": {"b.$": "$.y"},
              "ResultPath": "$.r", "TimeoutSeconds": 3, "HeartbeatSecondsPath": "$.h", "Credentials": {"RoleArn": "arn"},
              "Retry": [{"ErrorEquals": ["A"], "IntervalSeconds": 2, "MaxAttempts": 2, "BackoffRate": 1.5, "JitterStrategy": "FULL"}],
              "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.e", "Assign": {"v.$": "$.Error"}, "Next": "P"}], "Next": "P"},
        "P": {"Type": "Parallel", "Branches": [{"StartAt": "F", "States": {"F": {"Type": "Fail", "ErrorPath": "$.e", "Cause": "c"}}}], "Next": "M"},
        "M": {"Type": "Map", "Label": "l", "ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "CSV", "MaxItems": 3}, "Parameters": {"Bucket": "b"}},
              "ItemBatcher": {"MaxItemsPerBatch": 2, "BatchInput": {"x.$": "$$"}}, "ResultWriter": {"Resource": "r", "Parameters": {"Bucket": "b"}}, "ItemSelector": {"i.$": "$$.Map.Item.Index"},
              "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "I", "States": {"I": {"Type": "Pass", "End": True}}}, "End": True}}},
    {"QueryLanguage": "JSONata", "StartAt": "A", "States": {
        "A": {"Type": "Pass", "Output": {"x": "{% $states.input.a[0] %}"}, "Assign": {"v": "{% 1 + 2 %}"}, "Next": "C"},
        "C": {"Type": "Choice", "Choices": [{"Condition": "{% $v = 3 %}", "Output": "{% $v %}", "Next": "M"}], "Default": "M"},
        "M": {"Type": "Map", "Items": "{% [1..3] %}", "MaxConcurrency": "{% 2 %}", "ItemProcessor": {"StartAt": "I", "States": {"I": {"Type": "Succeed"}}}, "End": True}}},
]  # fmt: skip
ODD = [None, 0, -1, 1.5, True, "", " ", "x", "$", "$.", "$$", "$[", "States.Array(", "{% %}", "{% ( %}", "{% $ %}", [], [1], {}, {"a": 1}, [[]], {"a.$": 3}, "9" * 400, "((((" * 50]


def places(node, path=()):
    yield path
    for key, inner in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from places(inner, (*path, key))


@pytest.mark.parametrize("number", range(600))
def test_a_damaged_definition_is_read_or_refused(number):
    chance = random.Random(number)
    model = copy.deepcopy(chance.choice(MODELS))
    for _ in range(chance.choice((1, 1, 2, 3))):
        path = chance.choice([path for path in places(model) if path])
        node = model
        for key in path[:-1]:
            node = node[key]
        if chance.random() < 0.2 and isinstance(node, dict):
            del node[path[-1]]
        else:
            node[path[-1]] = chance.choice(ODD)
    _, wrong = read(json.dumps(model), is_express=chance.random() < 0.3)
    assert all(one.code and one.message for one in wrong)


def test_the_models_themselves_are_right():
    assert [read(json.dumps(model))[1] for model in MODELS] == [[], []]
