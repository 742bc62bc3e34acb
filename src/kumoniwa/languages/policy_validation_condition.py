"""What is wrong with the conditions of a statement, and with the variables in its texts."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Any

from kumoniwa.aws.authorization import Namespace
from kumoniwa.languages import policy_condition as condition
from kumoniwa.languages.policy_issue import Issue, issue

GLOBAL_KEYS = frozenset(["aws:assumedroot", "aws:calledvia", "aws:calledviaawsmcp", "aws:calledviafirst", "aws:calledvialast", "aws:chatbotsourcearn", "aws:currenttime", "aws:ec2instancesourceprivateipv4", "aws:ec2instancesourcevpc", "aws:epochtime", "aws:federatedprovider", "aws:ismcpserviceaction", "aws:multifactorauthage", "aws:multifactorauthpresent", "aws:principalaccount", "aws:principalarn", "aws:principalisawsservice", "aws:principalorgid", "aws:principalorgpaths", "aws:principalservicename", "aws:principalservicenameslist", "aws:principaltag/", "aws:principaltype", "aws:referer", "aws:requestedregion", "aws:requesttag/", "aws:resourceaccount", "aws:resourceorgid", "aws:resourceorgpaths", "aws:resourcetag/", "aws:securetransport", "aws:sourceaccount", "aws:sourcearn", "aws:sourceidentity", "aws:sourceip", "aws:sourceorgid", "aws:sourceorgpaths", "aws:sourceowner", "aws:sourcevpc", "aws:sourcevpcarn", "aws:sourcevpce", "aws:tagkeys", "aws:tokenissuetime", "aws:useragent", "aws:userid", "aws:username", "aws:viaawsmcpservice", "aws:viaawsservice", "aws:vpceaccount", "aws:vpceorgid", "aws:vpceorgpaths", "aws:vpcsourceip"])  # fmt: skip
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html"""
MANY_VALUED = frozenset(
    [
        "aws:calledvia",
        "aws:principalorgpaths",
        "aws:principalservicenameslist",
        "aws:resourceorgpaths",
        "aws:sourceorgpaths",
        "aws:tagkeys",
        "aws:vpceorgpaths",
    ]
)
_CONFUSED = "aws:arn"
_OF_TEXT = ("string", "arn")
_VARIABLE = re.compile(r"\$\{([^}]*)(\}?)")


def of_block(block: Any, path: tuple, is_allow: bool, reference: Mapping[str, Namespace]) -> Iterator[Issue]:
    if not isinstance(block, dict):
        yield issue("DATA_TYPE_MISMATCH", path, data_type="Object")
        return
    if not block:
        yield issue("EMPTY_OBJECT_CONDITION", path)
    for text, keys in block.items():
        here = (*path, text)
        operator = condition.parse_name(text)
        if operator is None:
            yield from _no_operator(text, here)
            continue
        if operator.operator == "null" and operator.every:
            yield issue("NULL_WITH_QUALIFIER", here)
            continue
        if not isinstance(keys, dict):
            yield issue("DATA_TYPE_MISMATCH", here, data_type="Object")
            continue
        if not keys:
            yield issue("EMPTY_OBJECT_CONDITION", here)
        folded = [key.lower() for key in keys]
        for key, value in keys.items():
            if folded.count(key.lower()) > 1:
                yield issue("DUPLICATE_KEYS_WITH_DIFFERENT_CASE", (*here, key), key=key)
            yield from _of_key(key, (*here, key), reference)
            yield from _of_qualifier(operator, key, (*here, key), is_allow)
            yield from _of_values(text, operator, key, value, (*here, key))


def _no_operator(text: str, path: tuple) -> Iterator[Issue]:
    if text.lower().rpartition(":")[2] == "nullifexists":
        yield issue("NULL_WITH_IF_EXISTS", path)
    else:
        yield issue("INVALID_CONDITION_OPERATOR", path, operator=text)


def _of_key(key: str, path: tuple, reference: Mapping[str, Namespace]) -> Iterator[Issue]:
    prefix, colon, name = key.lower().partition(":")
    if not colon or not name:
        yield issue("INVALID_CONDITION_KEY_FORMAT", path)
    elif prefix == "aws":
        stem = f"{prefix}:{name.partition('/')[0]}/" if "/" in name else f"{prefix}:{name}"
        if key.lower() == _CONFUSED:
            yield issue("UNSUPPORTED_GLOBAL_CONDITION_KEY", path)
        elif stem not in GLOBAL_KEYS:
            yield issue("INVALID_GLOBAL_CONDITION_KEY", path, key=key)
    elif prefix in reference and not any(_is_named(key.lower(), known) for known in reference[prefix].keys):
        # Other prefixes are those of identity providers, which may be anything.
        yield issue("INVALID_SERVICE_CONDITION_KEY", path, key=key, service=prefix)


def _is_named(key: str, known: str) -> bool:
    """Known keys that end openly (``s3:existingobjecttag/``) go on with a name of the customer's."""
    return key == known or (known.endswith(("/", ":")) and key.startswith(known) and len(key) > len(known))


def _of_qualifier(operator: condition.Name, key: str, path: tuple, is_allow: bool) -> Iterator[Issue]:
    folded = key.lower()
    if operator.operator == "null":
        return
    is_single = folded.partition("/")[0] + ("/" if "/" in folded else "") in GLOBAL_KEYS and folded not in MANY_VALUED
    if operator.every == "forallvalues" and is_single and is_allow:
        yield issue("FORALLVALUES_WITH_SINGLE_VALUED_KEY", path, key=key)
    if not operator.every and folded in MANY_VALUED:
        yield issue("MISSING_QUALIFIER", path, key=key)


def _of_values(text: str, operator: condition.Name, key: str, value: Any, path: tuple) -> Iterator[Issue]:
    listed = value if isinstance(value, list) else [value]
    if condition.texts(value) is None:
        yield issue("DATA_TYPE_MISMATCH", path, data_type="String")
        return
    if not listed:
        suffix = {"forallvalues": "_FORALLVALUES", "foranyvalue": "_FORANYVALUE"}.get(operator.every, "_IFEXISTS" if operator.if_exists else "")
        yield issue(f"EMPTY_ARRAY_CONDITION{suffix}", path, key=key)
        return
    if operator.operator in ("bool", "null") and len(listed) > 1:
        yield issue("INVALID_CONDITION_MULTIPLE_BOOLEAN", path)
    for index, one in enumerate(condition.texts(value) or ()):
        here = (*path, index) if isinstance(value, list) else path
        if "${" in one:
            if operator.operator.startswith(_OF_TEXT):
                yield from of_variables(one, here)
            else:
                yield issue("INVALID_VARIABLE_FOR_OPERATOR", here)
        else:
            yield from _of_value(text, operator.operator, one, here)
    if "ipaddress" in operator.operator and key.lower() == "aws:sourceip":
        yield from _of_addresses(operator.operator, listed, path)


def _of_value(text: str, operator: str, value: str, path: tuple) -> Iterator[Issue]:
    if operator in ("bool", "null") and value.lower() not in ("true", "false"):
        yield issue("TYPE_MISMATCH_BOOLEAN", path, operator=text)
    elif operator.startswith("numeric") and condition.number(value) is None:
        yield issue("TYPE_MISMATCH_NUMBER", path, operator=text)
    elif operator.startswith("date") and condition.seconds(value) is None:
        yield issue("TYPE_MISMATCH_DATE", path)
    elif operator.startswith("date") and value.isdigit() and len(value) > 4:
        yield issue("INVALID_DATE_VALUE", path, date=value)
    elif operator.startswith("binary") and not condition.is_base64(value):
        yield issue("TYPE_MISMATCH_STRING", path, operator=text)
    elif operator.startswith("string") and "like" not in operator and set(value) & set("*?"):
        yield issue("WILDCARD_WITHOUT_LIKE_OPERATOR", path)
    elif "ipaddress" in operator:
        try:
            network = ipaddress.ip_network(value, strict=False)
        except ValueError:
            yield issue("TYPE_MISMATCH_IP_RANGE", path, operator=text)
            return
        if "/" in value and str(network.network_address) != str(ipaddress.ip_address(value.partition("/")[0])):
            yield issue("IMPROVE_IP_RANGE", path, address=str(network))


_PRIVATE = [ipaddress.ip_network(each) for each in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")]


def _of_addresses(operator: str, listed: list[Any], path: tuple) -> Iterator[Issue]:
    private = [_is_private(str(each)) for each in listed]
    middle = "NOT_IP_ADDRESS" if operator == "notipaddress" else "IP_ADDRESS"
    if all(private):
        yield issue(f"PRIVATE_{middle}", path)
    elif any(private):
        yield issue(f"PRIVATE_{middle}_SUBSET", path)


def _is_private(text: str) -> bool:
    try:
        network: Any = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return any(network.version == each.version and network.subnet_of(each) for each in _PRIVATE)


# Variables -----------------------------------------------------------------------------------------


def of_variables(text: str, path: tuple) -> Iterator[Issue]:
    for inner, closing in _VARIABLE.findall(text):
        if not closing:
            yield issue("MISSING_BRACE_IN_VARIABLE", path)
        elif not inner.strip():
            yield issue("EMPTY_VARIABLE", path)
