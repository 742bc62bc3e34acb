"""The words by which a pool knows its users: OpenID Connect's standard claims and the customer's own.

https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-attributes.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from kumoniwa.services.cognito_idp.errors import InvalidParameterException

LENGTH_MAX = 2048
_TEXT = {"MinLength": "0", "MaxLength": str(LENGTH_MAX)}
_LIMITS = {"String": "StringAttributeConstraints", "Number": "NumberAttributeConstraints"}
_WHOLE = re.compile(r"-?\d{1,18}")
CUSTOM_MAX = 50
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@.]+")
_PHONE = re.compile(r"\+\d{2,15}")


def _text(name: str, *, is_mutable: bool = True, is_required: bool = False, **limits: str) -> dict[str, Any]:
    return {
        "Name": name, "AttributeDataType": "String", "DeveloperOnlyAttribute": False, "Mutable": is_mutable, "Required": is_required,
        "StringAttributeConstraints": limits or _TEXT,
    }  # fmt: skip


def _truth(name: str) -> dict[str, Any]:
    return {"Name": name, "AttributeDataType": "Boolean", "DeveloperOnlyAttribute": False, "Mutable": True, "Required": False}


STANDARD = (
    _text("sub", is_mutable=False, is_required=True, MinLength="1", MaxLength="2048"),
    *(_text(name) for name in ("name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture", "website", "email")),
    _truth("email_verified"), _text("gender"), _text("birthdate", MinLength="10", MaxLength="10"), _text("zoneinfo"), _text("locale"),
    _text("phone_number"), _truth("phone_number_verified"), _text("address"),
    {
        "Name": "updated_at", "AttributeDataType": "Number", "DeveloperOnlyAttribute": False, "Mutable": True, "Required": False,
        "NumberAttributeConstraints": {"MinValue": "0"},
    },
)  # fmt: skip
_STANDARD = {each["Name"]: each for each in STANDARD}


def _limit(limits: dict[str, str], kind: str, bound: str, name: str) -> int | None:
    said = limits.get(bound)
    if said is None:
        return None
    if not _WHOLE.fullmatch(said):
        raise InvalidParameterException(f"Invalid {_LIMITS[kind]} for schema attribute {name}")
    return int(said)


def _check_limits(told: dict[str, Any], kind: str) -> None:
    """The texts: moto's test_create_user_pool_…schema…, those of customers' own cdk-preflight's pf-cognito-schema-…"""
    name, limits = told["Name"], told.get(_LIMITS.get(kind, "")) or {}
    least, most = (_limit(limits, kind, bound, name) for bound in (("MinLength", "MaxLength") if kind == "String" else ("MinValue", "MaxValue")))
    if kind == "String" and max(least or 0, most or 0) > LENGTH_MAX:
        raise InvalidParameterException(f"user.{name}: String attributes cannot have a length of more than {LENGTH_MAX}")
    if least is None or most is None or most >= least:
        return
    bound, less = ("length", "shorter") if kind == "String" else ("value", "smaller")
    if name in _STANDARD:
        raise InvalidParameterException(f"user.{name}: Max {bound} cannot be less than min {bound}.")
    custom_name = name.removeprefix("custom:")
    raise InvalidParameterException(f"Attribute custom:{custom_name} cannot have a max {bound} {less} than it's min {bound}")


def made(told: list[dict[str, Any]] | None) -> tuple[dict[str, Any], ...]:
    """A pool's schema. Raises InvalidParameterException."""
    said: dict[str, dict[str, Any]] = {}
    for each in told or ():
        if each["Name"] in said and each["Name"] not in _STANDARD:
            raise InvalidParameterException(f"Duplicate custom attribute names custom:{each['Name']} are not allowed in a user pool schema.")
        said[each["Name"]] = each
    for name, each in said.items():
        kind = each.get("AttributeDataType")
        if name in _STANDARD:
            _check_limits(each, _STANDARD[name]["AttributeDataType"])
        if name in _STANDARD and (kind not in (None, _STANDARD[name]["AttributeDataType"]) or each.get("DeveloperOnlyAttribute")):
            raise InvalidParameterException(
                f"You can not change AttributeDataType or set developerOnlyAttribute for standard schema attribute {name}"
            )
    standard = [each | {key: value for key, value in said.get(each["Name"], {}).items() if value is not None} for each in STANDARD]
    return (*standard, *(custom(each) for name, each in said.items() if name not in _STANDARD))


def custom(told: dict[str, Any]) -> dict[str, Any]:
    if told.get("Required"):
        raise InvalidParameterException("Required custom attributes are not supported currently.")
    kind = told.get("AttributeDataType")
    if kind is None:
        # https://github.com/aws-amplify/amplify-backend knows the text from AWS, and moto's tests say when.
        raise InvalidParameterException("Invalid AttributeDataType input, consider using the provided AttributeDataType enum.")
    _check_limits(told, kind)
    is_for_developers = told.get("DeveloperOnlyAttribute", False)
    limits = _LIMITS.get(kind)
    return {
        "Name": ("dev:" if is_for_developers else "") + f"custom:{told['Name'].removeprefix('custom:')}", "AttributeDataType": kind,
        "DeveloperOnlyAttribute": is_for_developers, "Mutable": told.get("Mutable", True), "Required": False,
        **({limits: told.get(limits) or {}} if kind == "String" or told.get(limits) else {}),
    }  # fmt: skip


def _wrong(text: str) -> InvalidParameterException:
    return InvalidParameterException(f"Attributes did not conform to the schema: {text}")


def _check_value(rule: dict[str, Any], name: str, value: str) -> None:
    if name == "email" and value and not _EMAIL.fullmatch(value):
        raise InvalidParameterException("Invalid email address format.")
    if name == "phone_number" and value and not _PHONE.fullmatch(value):
        raise InvalidParameterException("Invalid phone number format.")
    kind = rule["AttributeDataType"]
    if kind == "Boolean" and value.lower() not in ("true", "false"):
        raise _wrong(f"{name}: Attribute value is not a Boolean")
    if kind == "Number":
        limits = rule.get("NumberAttributeConstraints") or {}
        if not re.fullmatch(r"-?\d{1,18}", value):
            raise _wrong(f"{name}: Attribute value is not a Number")
        if "MinValue" in limits and int(value) < int(limits["MinValue"]) or "MaxValue" in limits and int(value) > int(limits["MaxValue"]):
            raise _wrong(f"{name}: Number must be within its bounds")
    if kind == "String":
        limits = rule.get("StringAttributeConstraints") or {}
        if "MinLength" in limits and len(value) < int(limits["MinLength"]):
            raise _wrong(f"{name}: String must be longer than {limits['MinLength']} characters")
        if "MaxLength" in limits and len(value) > int(limits["MaxLength"]):
            raise _wrong(f"{name}: String must be no longer than {limits['MaxLength']} characters")


def checked(pool: Any, told: list[dict[str, str]] | None, *, is_new: bool) -> dict[str, str]:
    """Attributes as given, by name. Raises InvalidParameterException for those the schema does not take."""
    rules = {rule["Name"]: rule for rule in pool.attributes}
    read: dict[str, str] = {}
    for each in told or ():
        name, value = each["Name"], each.get("Value", "")
        rule = rules.get(name)
        if rule is None:
            raise _wrong(f"Type for attribute {{{name}}} could not be determined")
        if name == "sub" or not is_new and not rule["Mutable"]:
            raise InvalidParameterException(f"user.{name}: Attribute cannot be updated.")
        _check_value(rule, name, value)
        read[name] = value.lower() if rule["AttributeDataType"] == "Boolean" else value
    return read


def check_required(pool: Any, names: Iterable[str]) -> None:
    missing = [rule["Name"] for rule in pool.attributes if rule["Required"] and rule["Name"] != "sub" and rule["Name"] not in names]
    if missing:
        raise _wrong("\n".join(f"{name}: The attribute {name} is required" for name in missing))


def listed(sub: str, attributes: dict[str, str]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in {**attributes, "sub": sub}.items()]
