"""The rules of composite alarms."""

from __future__ import annotations

import pytest

from kumoniwa.languages.alarm_rule import InvalidRule, rule

STATES = {"a": "ALARM", "b": "OK", "c": "INSUFFICIENT_DATA", "two words": "ALARM", "arn:aws:cloudwatch:us-east-1:1:alarm:a": "ALARM"}


@pytest.mark.parametrize(
    "text, holds",
    [
        ("ALARM(a)", True), ("ALARM(b)", False), ("OK(b) AND INSUFFICIENT_DATA(c)", True), ("ALARM(b) OR OK(b)", True), ("NOT ALARM(a)", False),
        ("ALARM(b) AND ALARM(b) OR ALARM(a)", True), ("ALARM(b) AND (ALARM(b) OR ALARM(a))", False), ("NOT (ALARM(a) AND OK(a))", True),
        ('ALARM("two words")', True), ("ALARM(arn:aws:cloudwatch:us-east-1:1:alarm:a)", True), ("TRUE", True), ("false or true", True), ("ALARM(nobody)", False),
        ("AT_LEAST(2, ALARM, (a, b, \"two words\"))", True), ("AT_LEAST(3, ALARM, (a, b, c))", False), ("AT_LEAST(50%, NOT OK, (a, b, c))", True),
    ],
)  # fmt: skip
def test_rules_hold_or_not(text, holds):
    assert rule(text).holds(STATES.get) is holds


@pytest.mark.parametrize(
    "text, said",
    [
        # https://github.com/aws/aws-cdk/issues/34662 and 13953
        ("()", "Unsupported token ')' at char 1"),
        ("ALARM(SampleQueue Oldest)", "Unsupported token 'Oldest' at char 18, must be: ')'"),
        ("ALARM(a) ALARM(b)", "Unsupported token 'ALARM' at char 9"), ("ALARM(a", "Unexpected end of rule, must be: ')'"),
        ("BROKEN(a)", "Unsupported token 'BROKEN' at char 0"), ("(" * 200 + "TRUE", "nested too deeply"), (" OR ".join(["TRUE"] * 501), "500 elements"),
        (" OR ".join(f"ALARM(a{n})" for n in range(101)), "more than 100 alarms"), ("AT_LEAST(x, ALARM, (a))", "Unsupported token 'x' at char 9"),
    ],
)  # fmt: skip
def test_what_is_no_rule_says_where(text, said):
    with pytest.raises(InvalidRule) as refusal:
        rule(text)
    assert said in str(refusal.value)


def test_a_rule_names_its_children_once_each():
    assert rule("ALARM(b) OR (OK(a) AND NOT ALARM(b))").children == ("b", "a")
