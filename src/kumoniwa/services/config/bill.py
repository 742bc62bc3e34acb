"""What AWS bills for AWS Config: each item that is recorded, and each evaluation of a rule; those of conformance packs have a price of their own.

https://aws.amazon.com/config/pricing/. That an evaluation which finds a rule not applicable is not recorded, and so costs nothing, is not said in
words. What Security Hub has its own rules evaluate are security checks, which it bills: https://aws.amazon.com/security-hub/pricing/
"""

from __future__ import annotations

from kumoniwa.kernel.call import Call
from kumoniwa.services.config.rule import SECURITY_HUB, Rule

PACKS = "config-conforms.amazonaws.com"


def recorded(call: Call, type_: str) -> None:
    call.bill("config:configuration_item", type_)


_USAGES = {PACKS: "config:conformance_pack_evaluations", SECURITY_HUB: "securityhub:security_checks"}


def evaluated(call: Call, rule: Rule) -> None:
    call.bill(_USAGES.get(rule.created_by, "config:rule_evaluations"), rule.name)
