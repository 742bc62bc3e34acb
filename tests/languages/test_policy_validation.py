"""Validation answers whatever it is given, and points into the text that it was given."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from kumoniwa.aws.authorization import reference
from kumoniwa.languages.json_places import placed
from kumoniwa.languages.policy_validation import IDENTITY, RESOURCE, SCP, TRUST, validated

NAMES = st.sampled_from(["Version", "Statement", "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition",
                         "AWS", "Federated", "StringLike", "Bool", "IpAddress", "aws:SourceIp", "aws:TagKeys", "s3:prefix", ""])  # fmt: skip
TEXTS = st.sampled_from(["*", "Allow", "Deny", "s3:*", "iam:PassRole", "arn:aws:s3:::b", "arn:", "${", "${}", "10.0.0.0/8", "a?", "2012-10-17", ":", "s3:", "x" * 99])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS | st.text(max_size=5)
DOCUMENTS = st.recursive(SCALARS, lambda held: st.lists(held, max_size=3) | st.dictionaries(NAMES, held, max_size=4), max_leaves=25)


@settings(max_examples=500)
@given(DOCUMENTS, st.sampled_from([IDENTITY, RESOURCE, SCP, TRUST]), st.sampled_from([None, 2]))
def test_any_json_is_answered_with_findings_that_stand_in_it(document, kind, indent):
    text = json.dumps(document, indent=indent)
    for found in validated(text, kind, reference()):
        assert found.text and found.kind in ("ERROR", "WARNING", "SECURITY_WARNING", "SUGGESTION")
        held = document
        for part in found.path:
            held = held[part]


@given(DOCUMENTS, st.sampled_from([None, 2]))
def test_places_lead_to_the_values(document, indent):
    text = json.dumps(document, indent=indent)
    value, place = placed(text)
    assert value == document

    def check(value, place) -> None:
        assert json.loads(text[place.start : place.end]) == value
        for part, held in place.held.items():
            check(value[part], held)

    check(value, place)


@given(st.text(max_size=40))
def test_any_text_is_answered(text):
    validated(text, IDENTITY, reference())
