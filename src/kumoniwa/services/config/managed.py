"""AWS's rules that are evaluated here, and how each reads its parameters. What AWS manages besides is refused by name.

https://docs.aws.amazon.com/config/latest/developerguide/managed-rules-by-aws-config.html
"""

from __future__ import annotations

import json
from typing import Any

from kumoniwa.aws import config_rules
from kumoniwa.aws.config_rules import ManagedRule, Parameter
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.services.config import (
    check_account,
    check_backup,
    check_build,
    check_disk,
    check_edge,
    check_identity,
    check_s3,
    check_service,
)
from kumoniwa.services.config.errors import InvalidParameterValueException
from kumoniwa.services.config.verdict import Check, Given, Survey

CHECKS: dict[str, Check] = {
    **check_s3.CHECKS, **check_service.CHECKS, **check_edge.CHECKS, **check_build.CHECKS, **check_backup.CHECKS, **check_identity.CHECKS,
}  # fmt: skip
"""Rules that judge one resource by its configuration item."""
SURVEYS: dict[str, Survey] = {
    **check_account.SURVEYS, **check_backup.SURVEYS, **check_build.SURVEYS, **check_disk.SURVEYS, **check_edge.SURVEYS, **check_identity.SURVEYS, **check_service.SURVEYS,
}  # fmt: skip
"""Rules that look around for themselves, when their time comes."""


def existing(identifier: str) -> ManagedRule:
    found = config_rules.rules().get(identifier)
    if found is None:
        raise InvalidParameterValueException(
            f"The sourceIdentifier {identifier} is invalid.  Please refer to the documentation for a list of valid sourceIdentifiers that can be "
            "used when AWS is the Owner."
        )
    if identifier not in CHECKS and identifier not in SURVEYS:
        raise NotImplementedHere(f"the managed rule {identifier}")
    return found


def given(rule: ManagedRule, text: str | None) -> Given:
    """What the parameters of a rule come to. Raises InvalidParameterValueException in AWS's words (getmoto/moto's
    test_aws_managed_rule_errors)."""
    said = parsed(text)
    if set(said) - set(rule.parameters):
        raise InvalidParameterValueException(f"Unknown parameters provided in the inputParameters: {text}")
    missing = sorted(each.name for each in rule.parameters.values() if not each.is_optional and said.get(each.name) in (None, ""))
    if missing:
        raise InvalidParameterValueException(f"The required parameter [{', '.join(missing)}] is not present in the inputParameters")
    return {each.name: _typed(each, said.get(each.name, each.default)) for each in rule.parameters.values()}


def parsed(text: str | None) -> dict[str, Any]:
    try:
        said = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise InvalidParameterValueException(f"Invalid json {text} passed in the InputParameters field")
    return said


def _typed(parameter: Parameter, value: Any) -> Any:
    """The value as its type reads it; None if there is none."""
    if value is None or value == "":
        return None
    text = value if isinstance(value, str) else json.dumps(value)
    try:
        if parameter.type == "int":
            return int(text)
        if parameter.type == "double":
            return float(text)
    except ValueError:
        raise InvalidParameterValueException(f"The parameter {parameter.name} is no {parameter.type}: {text}.") from None
    if parameter.type == "boolean":
        # Case matters: https://docs.aws.amazon.com/config/latest/developerguide/iam-password-policy.html
        return text == "true"
    if parameter.type == "CSV":
        return tuple(each.strip() for each in text.split(",") if each.strip())
    return text
