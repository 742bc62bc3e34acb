"""What the tag policies above an account come to for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.languages import policy_inheritance
from kumoniwa.services.organizations.errors import EffectivePolicyNotFoundException, TargetNotFoundException
from kumoniwa.services.organizations.membership import lineage
from kumoniwa.services.organizations.policy import levels
from kumoniwa.services.organizations.record import TAGS, Account, managed

if TYPE_CHECKING:
    from kumoniwa.kernel.call import Call


def DescribeEffectivePolicy(call: Call, *, PolicyType: str, TargetId: str | None = None) -> dict:
    if PolicyType != TAGS:
        raise NotImplementedHere(f"organizations' policies of type {PolicyType}")
    target = TargetId or call.principal.account
    call, held = managed(call)
    if target not in call.shelf(Account):
        raise TargetNotFoundException
    documents = levels(call, lineage(call, held, target), TAGS)
    if TAGS not in held.types or not any(documents):
        raise EffectivePolicyNotFoundException
    content = orjson.dumps(policy_inheritance.effective(documents)).decode()
    return {"EffectivePolicy": {"PolicyContent": content, "LastUpdatedTimestamp": call.now(), "TargetId": target, "PolicyType": TAGS}}
