"""What AWS bills for secrets: each by the month, replicas as secrets of their own, and each call.

A secret that is to be deleted costs nothing. https://aws.amazon.com/secrets-manager/pricing/
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.ledger import Use
from kumoniwa.kernel.call import Call
from kumoniwa.services.secretsmanager.secret import Secret


def uses_of(call: Call, operation: str, params: dict[str, Any], result: dict[str, Any]) -> tuple[Use, ...]:
    return (("secretsmanager:api", "", 1.0),)


def standing_of(call: Call) -> list[Use]:
    return [("secretsmanager:secret", secret.name, 1.0) for secret in call.shelf(Secret).values() if not secret.deletes_at]
