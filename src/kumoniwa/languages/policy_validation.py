"""What is wrong with a policy, or could be better: those of AWS's checks that its text, the grammar and the table of actions decide.

Covered are the codes of ``policy_issue``. Not claimed are the checks that need what AWS does not publish as data (formats of every resource,
which condition keys go with which actions, Regions of services, allowed types of operators for keys), and those of the older grammar of SCPs.
https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from kumoniwa.aws.authorization import Namespace
from kumoniwa.languages import policy_validation_condition as conditions
from kumoniwa.languages.json_places import TooDeep, placed
from kumoniwa.languages.policy_issue import Issue, issue
from kumoniwa.languages.policy_pattern import glob

IDENTITY, RESOURCE, SCP, TRUST = "IDENTITY_POLICY", "RESOURCE_POLICY", "SERVICE_CONTROL_POLICY", "TRUST"
"""``TRUST`` is a resource policy of a role."""
IDENTITY_CHARACTERS_MAX = 6_144
VERSIONS = ("2012-10-17", "2008-10-17")
_ELEMENTS = ("Version", "Id", "Statement")
_OF_STATEMENT = ("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition")
_PRINCIPALS = ("AWS", "Service", "Federated", "CanonicalUser")
_PASS_ROLE, _CREATE_SLR = "iam:passrole", "iam:createservicelinkedrole"
_GITHUB = "token.actions.githubusercontent.com"

Reference = Mapping[str, Namespace]


def validated(text: str, kind: str, reference: Reference) -> list[Issue]:
    """Everything that is found, in the order of the text."""
    try:
        document, _ = placed(text)
    except json.JSONDecodeError as error:
        return [issue("JSON_SYNTAX_ERROR", (), index=error.pos, line=error.lineno, column=error.colno - 1)]
    except (TooDeep, RecursionError):
        return [issue("JSON_SYNTAX_ERROR", (), index=0, line=1, column=0)]
    if not isinstance(document, dict):
        return [issue("DATA_TYPE_MISMATCH", (), data_type="Object")]
    return list(_of_document(document, text, kind, reference))


def _of_document(document: dict[str, Any], text: str, kind: str, reference: Reference) -> Iterator[Issue]:
    for element in document:
        if element not in _ELEMENTS:
            yield issue("INVALID_POLICY_ELEMENT", (element,), element=element)
    version = document.get("Version")
    if version is None:
        yield issue("MISSING_VERSION")
    elif not isinstance(version, str):
        yield issue("DATA_TYPE_MISMATCH", ("Version",), data_type="String")
    elif version not in VERSIONS:
        yield issue("INVALID_VERSION", ("Version",), version=version)
    size = len(re.sub(r"\s", "", text))
    if kind == IDENTITY and size > IDENTITY_CHARACTERS_MAX:
        yield issue("POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA", size=size, quota=IDENTITY_CHARACTERS_MAX)
    held = document.get("Statement")
    if held is None or held == []:
        yield issue("MISSING_STATEMENT")
        return
    statements = held if isinstance(held, list) else [held]
    for index, statement in enumerate(statements):
        path = ("Statement", index) if isinstance(held, list) else ("Statement",)
        if isinstance(statement, dict):
            yield from _of_statement(statement, path, kind, version or VERSIONS[1], reference)
        else:
            yield issue("DATA_TYPE_MISMATCH", path, data_type="Object")
    read = [each for each in statements if isinstance(each, dict)]
    yield from _of_sids(read, kind)
    yield from _of_sameness(read)


def _of_sids(statements: list[dict[str, Any]], kind: str) -> Iterator[Issue]:
    seen: set[str] = set()
    for index, statement in enumerate(statements):
        sid = statement.get("Sid")
        if isinstance(sid, str) and sid and sid in seen:
            yield issue("UNIQUE_SIDS_REQUIRED" if kind in (IDENTITY, SCP) else "UNIQUE_SIDS_RECOMMENDED", ("Statement", index, "Sid"))
        seen.add(sid if isinstance(sid, str) else "")


def _of_sameness(statements: list[dict[str, Any]]) -> Iterator[Issue]:
    seen: list[dict[str, Any]] = []
    for index, statement in enumerate(statements):
        bare = {name: value for name, value in statement.items() if name != "Sid"}
        if bare in seen:
            yield issue("REDUNDANT_STATEMENT", ("Statement", index))
        seen.append(bare)


# One statement -------------------------------------------------------------------------------------


def _of_statement(statement: dict[str, Any], path: tuple, kind: str, version: Any, reference: Reference) -> Iterator[Issue]:
    for element in statement:
        if element not in _OF_STATEMENT:
            yield issue("INVALID_POLICY_ELEMENT", (*path, element), element=element)
    for one in ("Principal", "Action", "Resource"):
        if one in statement and f"Not{one}" in statement:
            yield issue("UNSUPPORTED_ELEMENT_COMBINATION", path, one=one, other=f"Not{one}")
    yield from _of_sid(statement, path, kind)
    effect = statement.get("Effect")
    if effect is None:
        yield issue("MISSING_EFFECT", path)
    elif not isinstance(effect, str):
        yield issue("DATA_TYPE_MISMATCH", (*path, "Effect"), data_type="String")
    elif effect not in ("Allow", "Deny"):
        yield issue("INVALID_EFFECT", (*path, "Effect"), effect=effect)
    yield from _of_principal_element(statement, path, kind)
    yield from _of_actions(statement, path, reference)
    yield from _of_resources(statement, path, kind, reference)
    if "Condition" in statement:
        yield from conditions.of_block(statement["Condition"], (*path, "Condition"), effect == "Allow", reference)
    if version != VERSIONS[0] and "${" in json.dumps([statement.get(name) for name in ("Resource", "NotResource", "Condition")]):
        yield issue("VARIABLE_UNSUPPORTED_IN_VERSION", path)
    if effect == "Allow":
        yield from _of_breadth(statement, path, _PASS_ROLE, "PASS_ROLE", _has_key(statement, "iam:passedtoservice"))
        yield from _of_breadth(statement, path, _CREATE_SLR, "CREATE_SLR", _has_key(statement, "iam:awsservicename"))
    if kind == TRUST and effect == "Allow":
        yield from _of_federation(statement, path)


def _of_sid(statement: dict[str, Any], path: tuple, kind: str) -> Iterator[Issue]:
    sid = statement.get("Sid")
    if sid is None:
        return
    if not isinstance(sid, str):
        yield issue("DATA_TYPE_MISMATCH", (*path, "Sid"), data_type="String")
    elif not sid:
        yield issue("EMPTY_SID_VALUE", (*path, "Sid"))
    elif kind == IDENTITY and not re.fullmatch(r"[0-9A-Za-z]*", sid):
        yield issue("UNSUPPORTED_SID", (*path, "Sid"))


def _texts(statement: dict[str, Any], element: str, path: tuple) -> Iterator[tuple[str, tuple] | Issue]:
    """The strings of an element with their paths, or what is wrong with it."""
    value = statement[element]
    listed = value if isinstance(value, list) else [value]
    for index, text in enumerate(listed):
        here = (*path, element, index) if isinstance(value, list) else (*path, element)
        yield (text, here) if isinstance(text, str) else issue("DATA_TYPE_MISMATCH", here, data_type="String")


def _of_principal_element(statement: dict[str, Any], path: tuple, kind: str) -> Iterator[Issue]:
    element = next((name for name in ("Principal", "NotPrincipal") if name in statement), None)
    if kind in (IDENTITY, SCP):
        if element is not None:
            code = "SCP_SYNTAX_ERROR_PRINCIPAL" if kind == SCP else "UNSUPPORTED_PRINCIPAL"
            yield issue(code, (*path, element), policy_type=kind)
        return
    if element is None:
        yield issue("MISSING_PRINCIPAL", path)
        return
    if element == "NotPrincipal" and kind == TRUST:
        yield issue("ROLE_TRUST_POLICY_SYNTAX_ERROR_NOTPRINCIPAL", (*path, element))
    elif element == "NotPrincipal" and statement.get("Effect") == "Allow":
        yield issue("ALLOW_WITH_NOT_PRINCIPAL", (*path, element))
    value = statement[element]
    if value == "*":
        return
    if not isinstance(value, dict):
        yield issue("INVALID_PRINCIPAL_FORMAT", (*path, element))
        return
    if not value:
        yield issue("EMPTY_OBJECT_PRINCIPAL", (*path, element))
    for name in value:
        if name not in _PRINCIPALS:
            yield issue("INVALID_PRINCIPAL_KEY", (*path, element, name), key=name)
        elif value[name] == []:
            yield issue("EMPTY_ARRAY_PRINCIPAL", (*path, element, name))
        else:
            yield from _of_principals(value, name, (*path, element))


def _of_principals(value: dict[str, Any], name: str, path: tuple) -> Iterator[Issue]:
    for found in _texts(value, name, path):
        if isinstance(found, Issue):
            yield found
            continue
        text, here = found
        if set(text) & set("*?") and not (name == "AWS" and text == "*"):
            yield issue("UNSUPPORTED_WILDCARD_IN_PRINCIPAL", here, key=name)
        elif name == "AWS" and re.fullmatch(r"AROA[A-Z0-9]{12,}", text):
            yield issue("INVALID_ROLE_REFERENCE", here, id=text)
        elif name == "AWS" and re.fullmatch(r"AIDA[A-Z0-9]{12,}", text):
            yield issue("INVALID_USER_REFERENCE", here, id=text)


# Actions -------------------------------------------------------------------------------------------


def _of_actions(statement: dict[str, Any], path: tuple, reference: Reference) -> Iterator[Issue]:
    element = next((name for name in ("Action", "NotAction") if name in statement), None)
    if element is None:
        yield issue("MISSING_ACTION", path)
        return
    if statement[element] == []:
        yield issue("EMPTY_ARRAY_ACTION", (*path, element))
        return
    actions: list[tuple[str, tuple]] = []
    for found in _texts(statement, element, path):
        if isinstance(found, Issue):
            yield found
        else:
            actions.append(found)
            yield from _of_action(*found, reference)
    redundant = [text for text, _ in actions if any(_covers(other, text) for other, _ in actions)]
    if redundant and element == "Action":
        yield issue("REDUNDANT_ACTION", (*path, element), count=len(redundant), action=redundant[0])


def _covers(other: str, text: str) -> bool:
    """Whether ``other`` means everything that ``text`` means, and more."""
    other, text = other.lower(), text.lower()
    return other != text and not ("?" in other and "*" in text) and glob(other)(text)


def _of_action(text: str, path: tuple, reference: Reference) -> Iterator[Issue]:
    if "${" in text:
        yield issue("VARIABLE_UNSUPPORTED_IN_ELEMENT", path, variable=text)
        return
    if text == "*":
        return
    prefix, colon, name = text.partition(":")
    if set(prefix) & set("*?"):
        yield issue("WILDCARD_IN_SERVICE_NAME", path)
        return
    namespace = reference.get(prefix.lower())
    if namespace is None:
        yield issue("INVALID_SERVICE_IN_ACTION", path, service=prefix, suggestion=_suggestion(prefix.lower(), list(reference)))
    elif not colon or not any(map(glob(name.lower()), namespace.actions)):
        near = _suggestion(name.lower(), list(namespace.actions))
        spelled = {action.name.lower(): f"{prefix}:{action.name}" for action in namespace.actions.values()}
        suggestion = re.sub(r"Did you mean (\S+)\?", lambda found: f"Did you mean {spelled[found[1]]}?", near)
        yield issue("INVALID_ACTION", path, action=text, suggestion=suggestion)


def _suggestion(text: str, known: list[str]) -> str:
    near = difflib.get_close_matches(text, known, 1, 0.75)
    return f" Did you mean {near[0]}?" if near else ""


# Resources -----------------------------------------------------------------------------------------


def _of_resources(statement: dict[str, Any], path: tuple, kind: str, reference: Reference) -> Iterator[Issue]:
    element = next((name for name in ("Resource", "NotResource") if name in statement), None)
    if kind == TRUST:
        if element is not None:
            yield issue("ROLE_TRUST_POLICY_SYNTAX_ERROR_RESOURCE", (*path, element))
        return
    if element is None:
        yield issue("MISSING_RESOURCE", path)
        return
    if statement[element] == []:
        yield issue("EMPTY_ARRAY_RESOURCE", (*path, element))
        return
    resources: list[str] = []
    for found in _texts(statement, element, path):
        if isinstance(found, Issue):
            yield found
        else:
            resources.append(found[0])
            yield from _of_resource(*found, reference)
    redundant = [text for text in resources if "${" not in text and any(_holds(other, text) for other in resources)]
    if redundant and element == "Resource":
        yield issue("REDUNDANT_RESOURCE", (*path, element), count=len(redundant))


def _holds(other: str, text: str) -> bool:
    if other == "*":
        return text != "*"
    same = other.split(":", 5)[:5] == text.split(":", 5)[:5]
    return same and other != text and not ("?" in other and "*" in text) and glob(other)(text)


def _of_resource(text: str, path: tuple, reference: Reference) -> Iterator[Issue]:
    yield from conditions.of_variables(text, path)
    if text == "*" or text.startswith("${"):
        return
    parts = text.split(":", 5)
    if parts[0] != "arn":
        yield issue("INVALID_ARN_PREFIX", path)
        return
    if len(parts) < 6 and "*" not in parts[-1]:
        yield issue("MISSING_ARN_FIELD", path, fields=6)
        return
    service = parts[2] if len(parts) > 2 else "*"
    if service != service.lower() and "${" not in service:
        yield issue("INVALID_ARN_SERVICE_CASE", path, service=service)
    elif not set(service) & set("*?$") and service not in reference:
        yield issue("INVALID_SERVICE", path, service=service)
    if len(parts) == 6:
        yield from _of_place(service, parts[3], parts[4], parts[5], path)


def _of_place(service: str, region: str, account: str, rest: str, path: tuple) -> Iterator[Issue]:
    is_bucket = service == "s3" and not rest.startswith(("accesspoint", "job", "storage-lens", "async-request", "access-grants", "*"))
    if region and (is_bucket or service == "iam") and region != "*":
        yield issue("ARN_REGION_NOT_ALLOWED", path, service=service)
    if account and account != "*" and is_bucket:
        yield issue("ARN_ACCOUNT_NOT_ALLOWED", path, service=service)
    elif account and not re.fullmatch(r"\d{12}|aws|cloudfront", account) and not set(account) & set("*?$"):
        yield issue("INVALID_ARN_ACCOUNT", path, account=account)


# Breadth -------------------------------------------------------------------------------------------


def _listed(statement: dict[str, Any], element: str) -> list[str]:
    value = statement.get(element)
    return [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str)]


def _has_key(statement: dict[str, Any], key: str) -> bool:
    block = statement.get("Condition")
    keys = [name for held in (block.values() if isinstance(block, dict) else ()) if isinstance(held, dict) for name in held]
    return any(name.lower() == key for name in keys)


def _of_breadth(statement: dict[str, Any], path: tuple, action: str, word: str, is_narrowed: bool) -> Iterator[Issue]:
    """A dangerous action that is allowed by a wildcard, or on resources that nobody named."""
    if is_narrowed:
        return
    has_not_resource, is_anywhere = "NotResource" in statement, "*" in _listed(statement, "Resource")
    if not has_not_resource and not is_anywhere:
        return
    if "NotAction" in statement:
        if not any(glob(text.lower())(action) for text in _listed(statement, "NotAction")):
            code = "NOT_ACTION_AND_NOT_RESOURCE" if has_not_resource else "STAR_IN_RESOURCE_AND_NOT_ACTION"
            yield issue(f"{word}_WITH_{code}", path)
        return
    meaning = [(index, text) for index, text in enumerate(_listed(statement, "Action")) if glob(text.lower())(action)]
    if not meaning:
        return
    is_star = all("*" in text for _, text in meaning)
    if has_not_resource:
        code = "STAR_IN_ACTION_AND_NOT_RESOURCE" if is_star else "NOT_RESOURCE"
    else:
        code = "STAR_IN_ACTION_AND_RESOURCE" if is_star else "STAR_IN_RESOURCE"
    yield issue(f"{word}_WITH_{code}", path)


# Trust of other providers --------------------------------------------------------------------------


def _of_federation(statement: dict[str, Any], path: tuple) -> Iterator[Issue]:
    element = statement.get("Principal")
    federated = _listed(element, "Federated") if isinstance(element, dict) else []
    actions = [text.lower() for text in _listed(statement, "Action")]
    saml = [each for each in federated if ":saml-provider/" in each]
    web = [each for each in federated if each not in saml]
    for action, wrong in (("sts:AssumeRoleWithSAML", web), ("sts:AssumeRoleWithWebIdentity", saml)):
        if wrong and action.lower() in actions:
            yield issue("MISMATCHED_ACTION_FOR_PRINCIPAL", (*path, "Action"), action=action, principals=", ".join(wrong))
    block = statement.get("Condition")
    keys = [name.lower() for held in (block.values() if isinstance(block, dict) else ()) if isinstance(held, dict) for name in held]
    for provider in web:
        host = provider.partition(":oidc-provider/")[2] or provider
        if host == _GITHUB and f"{_GITHUB}:sub" not in keys:
            yield issue("MISSING_GITHUB_REPO_CONDITION_KEY", path)
        elif not any(key.startswith(f"{host.lower()}:") for key in keys):
            yield issue("MISSING_CONDITION_KEY_FOR_OIDC_PRINCIPAL", path)
