"""Automation documents: whatever somebody writes is read or refused in words, and what was read can be run."""

from __future__ import annotations

import copy
import json
import random

import pytest

from kumoniwa.languages import automation_document
from kumoniwa.languages.automation_document import InvalidContent, Unsupported

WHOLE = {
    "schemaVersion": "0.3", "description": "d", "assumeRole": "{{ Role }}", "outputs": ["look.Name"],
    "parameters": {"Role": {"type": "AWS::IAM::Role::Arn"}, "Size": {"type": "Integer", "default": 1, "allowedValues": [1, 2]}},
    "mainSteps": [
        {"name": "look", "action": "aws:executeAwsApi", "inputs": {"Service": "sqs", "Api": "ListQueues"}, "maxAttempts": 2, "timeoutSeconds": 5,
         "outputs": [{"Name": "Name", "Selector": "$.a", "Type": "String"}], "onFailure": "step:rest", "isCritical": False},
        {"name": "choose", "action": "aws:branch", "inputs": {"Default": "rest", "Choices": [
            {"NextStep": "rest", "And": [{"Variable": "{{ Size }}", "NumericEquals": 1}, {"Not": {"Variable": "a", "StringEquals": "b"}}]}]}},
        {"name": "rest", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}, "nextStep": "ask"},
        {"name": "ask", "action": "aws:approve", "inputs": {"Approvers": ["a"]}, "isEnd": True},
    ],
}  # fmt: skip
ODD = [None, 0, -1, 1.5, True, "", "x", "{{ Nobody }}", "{{", [], [[]], {}, {"a": None}, ["x"], "step:", 10**30]


def places(value, path=()):
    yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*path, key))


def damaged(chance: random.Random):
    body = copy.deepcopy(WHOLE)
    for _ in range(chance.choice((1, 1, 2, 3))):
        path = chance.choice([each for each in places(body) if each])
        holder = body
        for key in path[:-1]:
            holder = holder[key]
        if chance.random() < 0.3:
            del holder[path[-1]]
        else:
            holder[path[-1]] = copy.deepcopy(chance.choice(ODD))
    return body


def test_a_whole_document_is_read():
    read = automation_document.read(WHOLE)
    assert list(read.steps) == ["look", "choose", "rest", "ask"] and read.steps["look"].on_failure == "rest"
    assert (read.steps["rest"].next, read.steps["ask"].next) == ("ask", "")


def test_ten_thousand_damaged_documents_are_read_or_refused_in_words():
    chance = random.Random(7)
    for _ in range(10_000):
        body = damaged(chance)
        try:
            read = automation_document.read(body)
        except (InvalidContent, Unsupported) as refusal:
            assert str(refusal)
            continue
        for step in read.steps.values():
            for choice in step.inputs.get("Choices", ()):
                try:
                    automation_document.holds(choice)
                except InvalidContent:
                    pass
        assert json.dumps(body)


@pytest.mark.parametrize(
    ("text", "seconds"), [("PT10M", 600), ("P1DT1H", 90_000), ("PT1H30M5S", 5_405)],
)
def test_durations_are_read(text, seconds):
    assert automation_document.seconds(text) == seconds


def test_what_is_no_duration_is_refused():
    for text in ("P", "PT", "10", "-PT1S", "PT1.5S"):
        with pytest.raises(InvalidContent):
            automation_document.seconds(text)


def test_braces_alone_keep_the_value_and_within_a_text_become_one():
    values = {"List": ["a"], "a.b": 7}
    assert automation_document.filled({"x": "{{ List }}", "y": "n={{a.b}}, {{List}}"}, values) == {"x": ["a"], "y": 'n=7, ["a"]'}
    with pytest.raises(automation_document.Unknown):
        automation_document.filled("{{ none }}", values)
