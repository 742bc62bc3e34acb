"""What is granted, and what is new: every answer is held against all requests of a small world."""

from __future__ import annotations

import itertools
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from kumoniwa.languages.policy import parse
from kumoniwa.languages.policy_comparison import SOMEBODY, adding, common_resource, granting
from kumoniwa.languages.policy_pattern import arn
from kumoniwa.languages.policy_reach import STRANGER, Undecided

ACTIONS = ("s3:GetObject", "s3:PutObject", "sqs:SendMessage")
PATTERNS = ("*", "s3:*", "s3:Get*", "s3:?etObject", *ACTIONS)
RESOURCES = ("*", "arn:aws:s3:::a/*", "arn:aws:s3:::a/b*", "arn:aws:s3:::*/b", "arn:aws:s3:::a/b", "arn:aws:sqs:*:*:q")
THINGS = ("arn:aws:s3:::a/b", "arn:aws:s3:::a/bx", "arn:aws:s3:::a/x", "arn:aws:s3:::c/b", "arn:aws:sqs:us-east-1:1:q", "arn:aws:sqs:us-east-1:1:r",
          f"arn:aws:s3:::a/{STRANGER}", f"arn:aws:s3:::a/b{STRANGER}", f"arn:aws:s3:::{STRANGER}/b", STRANGER)  # fmt: skip
CONDITIONS = ({}, {"StringEquals": {"aws:SourceVpc": "v1"}}, {"StringEquals": {"aws:SourceVpc": ["v1", "v2"]}}, {"Bool": {"aws:SecureTransport": "true"}}, {"StringNotEquals": {"aws:SourceVpc": "v1"}})  # fmt: skip
CONTEXTS = [SOMEBODY.keys | {k: v for k, v in (("aws:sourcevpc", vpc), ("aws:securetransport", tls)) if v} for vpc, tls in itertools.product((None, "v1", "v2", STRANGER), (None, "true", "false"))]  # fmt: skip


@st.composite
def statements(draw) -> dict:
    statement = {
        "Effect": draw(st.sampled_from(["Allow", "Allow", "Deny"])),
        draw(st.sampled_from(["Action"] * 4 + ["NotAction"])): draw(st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=2)),
        draw(st.sampled_from(["Resource"] * 4 + ["NotResource"])): draw(st.lists(st.sampled_from(RESOURCES), min_size=1, max_size=2)),
    }
    return statement | ({"Condition": block} if (block := draw(st.sampled_from(CONDITIONS))) else {})


POLICIES = st.lists(statements(), min_size=1, max_size=3)


def policy(found: list[dict]):
    return parse(json.dumps({"Version": "2012-10-17", "Statement": found}), "identity")


def lets(held, action: str, thing: str, context: dict) -> bool:
    applying = [s for s in held.statements if s.fits(action.lower()) and s.applies(thing, context)]
    return bool(applying) and not any(s.is_deny for s in applying)


@settings(max_examples=200)
@given(POLICIES, st.lists(st.sampled_from(ACTIONS), min_size=1, max_size=2), st.lists(st.sampled_from(RESOURCES), min_size=1, max_size=2))
def test_what_is_said_not_to_be_granted_is_nowhere_let_through(found, actions, resources):
    held = policy(found)
    try:
        is_granted = bool(granting(held, actions, resources))
    except Undecided:
        return
    things = [thing for thing in THINGS if any(arn(text)(thing) for text in resources)]
    if not is_granted:
        assert not any(lets(held, action, thing, context) for action in actions for thing in things for context in CONTEXTS)


@settings(max_examples=200)
@given(POLICIES, POLICIES)
def test_what_is_said_to_be_nothing_new_is_nothing_new(new, old):
    first, second = policy(new), policy(old)
    try:
        is_new = bool(adding(first, second, lambda pattern: ACTIONS))
    except Undecided:
        return
    more = any(
        lets(first, action, thing, context) and not lets(second, action, thing, context) for action in ACTIONS for thing in THINGS for context in CONTEXTS
    )
    if not is_new:
        assert not more


@given(POLICIES)
def test_a_policy_has_nothing_new_beside_itself(found):
    assert adding(policy(found), policy(found), lambda pattern: ACTIONS) == []


@given(st.sampled_from(RESOURCES), st.sampled_from(RESOURCES))
def test_what_two_patterns_share_is_meant_by_both(one, other):
    sample = common_resource(one, other)
    shared = [thing for thing in THINGS if arn(one)(thing) and arn(other)(thing)]
    if sample is None:
        assert shared == []
    else:
        assert arn(one)(sample) and arn(other)(sample)
