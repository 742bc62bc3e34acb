"""What the tag policies above an account come to for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.languages import policy_inheritance
from kumoniwa.services.organizations.errors import EffectivePolicyNotFoundException, TargetNotFoundException
from kumoniwa.services.organizations.membership import lineage
from kumoniwa.services.organizations.policy import levels
from kumoniwa.services.organizations.record import TAGS, Account, Attached, managed

if TYPE_CHECKING:
    from kumoniwa.kernel.call import Call


def DescribeEffectivePolicy(call: Call, *, PolicyType: str, TargetId: str | None = None) -> dict:
    if PolicyType != TAGS:
        raise NotImplementedHere(f"organizations' policies of type {PolicyType}")
    target = TargetId or call.principal.account
    call, held = managed(call)
    if target not in call.shelf(Account):
        raise TargetNotFoundException
    places = lineage(call, held, target)
    found = levels(call, places, TAGS)
    if not any(found):
        raise EffectivePolicyNotFoundException
    documents = [[orjson.loads(policy.content) for policy in level] for level in found]
    updated = max(policy.updated for level in found for policy in level)
    hung = max(call.shelf(Attached)[place].since for place, level in zip(places, found) if level)
    return {
        "EffectivePolicy": {
            "PolicyContent": orjson.dumps(policy_inheritance.effective(documents)).decode(),
            "LastUpdatedTimestamp": max(updated, hung), "TargetId": target, "PolicyType": TAGS,
        }
    }  # fmt: skip
