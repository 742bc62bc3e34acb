"""What AWS bills for AWS Config: each item that is recorded, and each evaluation of a rule; those of conformance packs have a price of their own.

https://aws.amazon.com/config/pricing/. That an evaluation which finds a rule not applicable is not recorded, and so costs nothing, is not said in
words. What Security Hub has its own rules evaluate is not billed here: https://aws.amazon.com/security-hub/pricing/
"""

from __future__ import annotations

from kumoniwa.kernel.call import Call
from kumoniwa.services.config.rule import SECURITY_HUB, Rule

PACKS = "config-conforms.amazonaws.com"


def recorded(call: Call, type_: str) -> None:
    call.bill("config:configuration_item", type_)


def evaluated(call: Call, rule: Rule) -> None:
    if rule.created_by != SECURITY_HUB:
        call.bill("config:conformance_pack_evaluations" if rule.created_by == PACKS else "config:rule_evaluations", rule.name)
