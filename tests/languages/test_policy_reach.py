"""Whom a policy lets in from outside: held against every request of a small world, decided one by one."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kumoniwa.kernel.principal import Principal
from kumoniwa.languages.policy import MalformedPolicyDocument, parse
from kumoniwa.languages.policy_decision import keys_of
from kumoniwa.languages.policy_pattern import glob
from kumoniwa.languages.policy_reach import STRANGER, Thing, Undecided, Zone, reaches

OWN, OTHER, FRESH = "000000000000", "111122223333", "909090909090"
QUEUE = f"arn:aws:sqs:us-east-1:{OWN}:q"
ACTIONS = ("sqs:SendMessage", "sqs:ReceiveMessage", "sqs:PurgeQueue")
ZONE = Zone(account=OWN, accounts=frozenset({OWN}))
VALUES = {"aws:SourceVpc": ("vpc-1", "vpc-2", "vpc-*"), "aws:PrincipalOrgID": ("o-1", "o-2"), "aws:SourceAccount": (OWN, OTHER)}
OPERATORS = ("StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIfExists", "StringNotLikeIfExists", "ForAnyValue:StringLike", "ForAllValues:StringEquals")  # fmt: skip


@st.composite
def conditions(draw) -> dict:
    block: dict = {}
    for key in draw(st.lists(st.sampled_from(sorted(VALUES)), max_size=2, unique=True)):
        if draw(st.integers(0, 5)) == 0:
            block.setdefault("Null", {})[key] = draw(st.sampled_from(["true", "false"]))
        else:
            block.setdefault(draw(st.sampled_from(OPERATORS)), {})[key] = draw(st.lists(st.sampled_from(VALUES[key]), min_size=1, max_size=2, unique=True))
    return block


@st.composite
def statements(draw) -> dict:
    statement = {
        "Effect": draw(st.sampled_from(["Allow", "Allow", "Deny"])),
        "Principal": draw(st.sampled_from(["*", {"AWS": OTHER}, {"AWS": OWN}, {"AWS": [OWN, f"arn:aws:iam::{OTHER}:root"]}, {"Service": "sns.amazonaws.com"}])),
        draw(st.sampled_from(["Action", "Action", "NotAction"])): draw(st.lists(st.sampled_from([*ACTIONS, "sqs:*"]), min_size=1, max_size=2)),
        "Resource": draw(st.sampled_from(["*", QUEUE, f"{QUEUE}*"])),
    }
    return statement | ({"Condition": block} if (block := draw(conditions())) else {})


def world():
    """Every request of outsiders: who asks, and what its conditions see."""
    choices = {key: (None, STRANGER, *values, *(value.replace("*", "x") for value in values if "*" in value)) for key, values in VALUES.items()}
    for account in (OTHER, FRESH):
        principal = Principal(kind="user", account=account, arn=f"arn:aws:iam::{account}:user/u", user_id="AIDA1")
        for chosen in itertools.product(*choices.values()):
            context = {key.lower(): value for key, value in zip(choices, chosen) if value is not None}
            if context.get("aws:sourceaccount") != OWN:  # for which only services of AWS ask
                yield principal, keys_of(principal) | context


WORLD = list(world())


def is_allowed(policy, principal, context, action: str) -> bool:
    applying = [s for s in policy.statements if s.fits(action.lower()) and s.names(principal, context) and s.applies(QUEUE, context)]
    return bool(applying) and not any(s.is_deny for s in applying)


def covers(reach, principal, context) -> bool:
    who = reach.principal[1]
    is_meant = who == "*" or principal.account in who
    return is_meant and all(glob(text)(context.get(key.lower(), "")) for key, text in reach.condition)


def is_plain(reach, context) -> bool:
    """Whether a request owes nothing to values that an answer does not name."""
    named = {key.lower() for key, _ in reach.condition}
    return all(context.get(key.lower()) in (None, STRANGER) for key in VALUES if key.lower() not in named)


@settings(max_examples=150)
@given(st.lists(statements(), min_size=1, max_size=4))
def test_every_answer_is_true_and_none_is_missing(found):
    try:
        policy = parse(json.dumps({"Version": "2012-10-17", "Statement": found}), "resource")
    except MalformedPolicyDocument:
        return
    told = reaches(policy, (Thing(QUEUE, ACTIONS),), ZONE)
    for action in ACTIONS:
        allowed = [(principal, context) for principal, context in WORLD if is_allowed(policy, principal, context, action)]
        for principal, context in allowed:
            assert any(action in reach.actions and covers(reach, principal, context) for reach in told), (action, principal.account, context)
        for reach in told:
            if action in reach.actions:
                assert any(covers(reach, principal, context) and is_plain(reach, context) for principal, context in allowed), reach


def test_more_values_than_can_be_tried_are_undecided_and_not_guessed():
    keys = {f"aws:PrincipalTag/t{n}": [f"v{m}" for m in range(20)] for n in range(8)}
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": "*", "Condition": {"StringEquals": keys}}
    with pytest.raises(Undecided):
        reaches(parse(json.dumps({"Version": "2012-10-17", "Statement": [statement]}), "resource"), (Thing(QUEUE, ACTIONS),), ZONE)
