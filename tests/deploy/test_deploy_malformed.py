"""Malformed templates: whatever is put anywhere, the answer is a blueprint or an AWS-shaped refusal."""

from __future__ import annotations

import copy
import random

import pytest
from small_world import PSEUDO, ZONES
from test_deploy_apply import SHOP
from test_deploy_sam import USER_API

from kumoniwa.deploy import blueprint, sam, template
from kumoniwa.kernel.errors import AwsError

JUNK = [
    None, "", "x", 0, -1, 1.5, True, [], {}, [[]], [None], {"Ref": None}, {"Ref": []}, {"Ref": "Nope"}, {"Fn::GetAtt": "x"},
    {"Fn::GetAtt": []}, {"Fn::GetAtt": ["Table", {"Ref": "Table"}]}, {"Fn::Sub": "${"}, {"Fn::Sub": "${}"}, {"Fn::Sub": [1, 2]},
    {"Fn::Join": []}, {"Fn::If": ["x"]}, {"Fn::If": [[], 1, 2]}, {"Fn::Select": ["x", "y"]}, {"Fn::FindInMap": ["Sizes", [], {}]},
    {"Condition": "IsProd"}, {"Fn::Split": ["", ""]}, {"Fn::Transform": 1}, {"Fn::ImportValue": {"Ref": "Table"}},
    {"Fn::Cidr": ["x", "y"]}, {"Fn::Nope": 1}, {"Fn::GetAZs": []}, {"Fn::Equals": [1]}, "\ud800", "é" * 50,
]  # fmt: skip


def _places(value, found, depth=0):
    members = (
        list(value.items())
        if isinstance(value, dict)
        else list(enumerate(value))
        if isinstance(value, list)
        else []
    )
    for key, member in members:
        found.append((value, key))
        _places(member, found, depth + 1)
    return found


@pytest.mark.parametrize("text", [SHOP, USER_API], ids=["plain", "sam"])
@pytest.mark.parametrize("seed", range(8))
def test_junk_anywhere_is_refused_or_read(text, seed, monkeypatch):
    chance = random.Random(seed)
    original = template.parse(text).body
    for _ in range(25):
        body = copy.deepcopy(original)
        for _ in range(chance.choice([1, 1, 2])):
            holder, key = chance.choice(_places(body, []))
            holder[key] = copy.deepcopy(chance.choice(JUNK))
        monkeypatch.setattr(blueprint, "parse", lambda _, body=body: template.Template(body))
        try:
            blueprint.draw("", {}, PSEUDO, zones=ZONES, transform=sam.transform)
        except AwsError as error:
            assert error.text
