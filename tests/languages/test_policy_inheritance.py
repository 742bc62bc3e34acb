"""Declarative policies merge as AWS's examples do: https://docs.aws.amazon.com/organizations/latest/userguide/inheritance-examples.html"""

import pytest

from kumoniwa.languages.policy_inheritance import Malformed, effective, tags_of

ALLOWED = "@@operators_allowed_for_child_policies"


def policy(key="costcenter", **settings):
    return {"tags": {key: settings}}


COST = policy(tag_key={"@@assign": "CostCenter"}, tag_value={"@@assign": ["Development", "Support"]})


@pytest.mark.parametrize(
    ("levels", "rule"),
    [
        ([[COST]], {"tag_key": "CostCenter", "tag_value": ["Development", "Support"]}),
        # Example 1: a child overwrites the values.
        ([[COST], [policy(tag_value={"@@assign": ["Sandbox"]})]], {"tag_key": "CostCenter", "tag_value": ["Sandbox"]}),
        # Example 2: it adds to them.
        ([[COST], [], [policy(tag_value={"@@append": ["Marketing"]})]], {"tag_key": "CostCenter", "tag_value": ["Development", "Support", "Marketing"]}),
        # Example 3: it takes one away.
        ([[COST], [policy("CostCenter", tag_value={"@@remove": ["Development"]})]], {"tag_key": "CostCenter", "tag_value": ["Support"]}),
    ],
)
def test_values_are_assigned_appended_and_removed(levels, rule):
    assert effective(levels) == {"tags": {"costcenter": rule}}


def test_a_parent_says_what_its_children_may_do():
    """Example 4."""
    above = policy(
        "project", tag_key={"@@assign": "project", ALLOWED: ["@@none"]},
        tag_value={"@@assign": ["Maintenance", "Escalations"], ALLOWED: ["@@append"]},
    )  # fmt: skip
    below = policy("Project", tag_key={"@@assign": "Project"}, tag_value={"@@append": ["Escalations - research"]})
    wanted = {"tag_key": "project", "tag_value": ["Maintenance", "Escalations", "Escalations - research"]}
    assert effective([[above], [below]]) == {"tags": {"project": wanted}}


def test_of_controls_at_one_level_all_count():
    """Example 5: what both policies at the root let their children do."""
    first = policy("project", tag_value={ALLOWED: ["@@append"], "@@assign": ["Maintenance"]})
    second = policy("project", tag_value={ALLOWED: ["@@append", "@@remove"]})
    child = policy("project", tag_value={"@@append": ["More"], "@@remove": ["Maintenance"]})
    assert effective([[first, second], [child]]) == {"tags": {"project": {"tag_value": ["Maintenance", "More"]}}}


def test_of_values_at_one_level_the_first_attached_counts():
    """Example 6."""
    first = policy("project", tag_key={"@@assign": "PROJECT"}, tag_value={"@@append": ["Maintenance"]})
    second = policy("project", tag_key={"@@assign": "project"})
    assert effective([[first, second]]) == {"tags": {"project": {"tag_key": "PROJECT", "tag_value": ["Maintenance"]}}}


def test_a_control_above_holds_for_all_below_it():
    closed = {"tags": {ALLOWED: ["@@none"], "project": {"tag_key": {"@@assign": "Project"}}}}
    child = {"tags": {"project": {"tag_key": {"@@assign": "PROJECT"}}, "other": {"tag_key": {"@@assign": "Other"}}}}
    assert effective([[closed], [child]]) == {"tags": {"project": {"tag_key": "Project"}}}


def test_a_child_opens_nothing_that_was_closed_above():
    closed = policy("project", tag_key={"@@assign": "Project", ALLOWED: ["@@none"]})
    opening = policy("project", tag_key={ALLOWED: ["@@all"]})
    assert effective([[closed], [opening], [policy("project", tag_key={"@@assign": "X"})]]) == {"tags": {"project": {"tag_key": "Project"}}}


@pytest.mark.parametrize(
    "content",
    [
        "", "[]", "{}", '{"tags": []}', '{"tags": {"a": 1}}', '{"tags": {"a": {"tag_key": {"@@append": "A"}}}}', '{"tags": {"a": {"x": {}}}}',
        '{"tags": {"a": {"tag_value": {"@@assign": [1]}}}}', '{"tags": {"a": {"tag_value": {"@@move": ["x"]}}}}', '{"tags": {}, "more": {}}',
        '{"tags": {"@@operators_allowed_for_child_policies": "@@all"}}', '{"tags": {"a": {"tag_key": {"@@operators_allowed_for_child_policies": []}}}}',
    ],
)  # fmt: skip
def test_what_is_no_tag_policy_is_refused(content):
    with pytest.raises(Malformed):
        tags_of(content)
