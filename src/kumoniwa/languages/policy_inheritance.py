"""Declarative policies of organizations: what documents at the root, at units and at an account come to for the account.

A setting is a leaf with value-setting operators (``@@assign``, ``@@append``, ``@@remove``); ``@@operators_allowed_for_child_policies``
anywhere above it says which of them policies further down may use.
https://docs.aws.amazon.com/organizations/latest/userguide/policy-operators.html
"""

from __future__ import annotations

from typing import Any

import orjson

from kumoniwa.kernel.errors import AwsError

SETTERS = ("@@assign", "@@append", "@@remove")
ALLOWED = "@@operators_allowed_for_child_policies"
_RULES = frozenset({"tag_key", "tag_value", "enforced_for", "report_required_tag_for"})


class Malformed(AwsError):
    """The document is no policy of its type; the text says why."""

    status = 400


def _demand(is_right: bool, text: str) -> None:
    if not is_right:
        raise Malformed(text)


def _is_control(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(each in (*SETTERS, "@@all", "@@none") for each in value)


def tags_of(content: str) -> dict[str, dict[str, Any]]:
    """The rules of a tag policy by their policy keys. Raises Malformed.
    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_example-tag-policies.html"""
    try:
        document = orjson.loads(content)
    except ValueError:
        raise Malformed("The policy is not JSON.") from None
    _demand(isinstance(document, dict) and document.keys() == {"tags"}, "A tag policy has one member, tags.")
    _demand(isinstance(document["tags"], dict), "tags is an object.")
    rules = {}
    for key, rule in document["tags"].items():
        if key == ALLOWED:
            _demand(_is_control(rule), f"{ALLOWED} lists operators.")
            continue
        _demand(isinstance(rule, dict) and rule.keys() <= {*_RULES, ALLOWED}, f"{key} has a member that tag policies do not know.")
        _demand(ALLOWED not in rule or _is_control(rule[ALLOWED]), f"{ALLOWED} lists operators.")
        for name in _RULES & rule.keys():
            _check_setting(f"{key}.{name}", rule[name], is_list=name != "tag_key")
        rules[key] = rule
    return rules


def _check_setting(name: str, setting: Any, *, is_list: bool) -> None:
    _demand(isinstance(setting, dict) and setting.keys() <= {*SETTERS, ALLOWED}, f"{name} is set by operators.")
    for operator, value in setting.items():
        if operator == ALLOWED:
            _demand(_is_control(value), f"{ALLOWED} lists operators.")
        elif is_list:
            _demand(isinstance(value, list) and all(isinstance(each, str) for each in value), f"{name} is a list of strings.")
        else:
            _demand(operator == "@@assign" and isinstance(value, str), f"{name} is one string.")


class _Merging:
    """The settings so far, by their path, and which operators are still allowed below each path."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, ...], Any] = {}
        self.allowed: dict[tuple[str, ...], frozenset[str]] = {}

    def may(self, path: tuple[str, ...]) -> frozenset[str]:
        every = frozenset(SETTERS)
        for length in range(len(path) + 1):
            every &= self.allowed.get(path[:length], every)
        return every

    def descend(self, documents: list[dict[str, Any]]) -> None:
        """One level further down. Policies at one level are no children of one another: their controls count from the next on, all of
        them together, and where several assign, the first that was attached does."""
        controls: list[tuple[tuple[str, ...], frozenset[str]]] = []
        assigned: set[tuple[str, ...]] = set()
        for document in documents:
            self._take(document, (), assigned, controls)
        for path, allowed in controls:
            self.allowed[path] = self.allowed.get(path, frozenset(SETTERS)) & allowed

    def _take(
        self, node: dict[str, Any], path: tuple[str, ...], assigned: set[tuple[str, ...]], controls: list[tuple[tuple[str, ...], frozenset[str]]]
    ) -> None:
        if ALLOWED in node:
            said = frozenset(node[ALLOWED])
            controls.append((path, frozenset(SETTERS) if "@@all" in said else said & frozenset(SETTERS)))
        may = self.may(path)
        if "@@assign" in node and "@@assign" in may and path not in assigned:
            assigned.add(path)
            self.values[path] = node["@@assign"]
        if "@@append" in node and "@@append" in may:
            held = self.values.get(path, [])
            self.values[path] = held + [each for each in node["@@append"] if each not in held]
        if "@@remove" in node and "@@remove" in may and path in self.values:
            self.values[path] = [each for each in self.values[path] if each not in node["@@remove"]]
        for name, member in node.items():
            if not name.startswith("@@") and isinstance(member, dict):
                # Policy keys are told apart without regard to case.
                self._take(member, (*path, name.lower()), assigned, controls)


def effective(levels: list[list[dict[str, Any]]]) -> dict[str, Any]:
    """What the documents of each level, from the root down, come to: plain values, without operators."""
    merging = _Merging()
    for documents in levels:
        merging.descend(documents)
    found: dict[str, Any] = {}
    for path, value in merging.values.items():
        node = found
        for name in path[:-1]:
            node = node.setdefault(name, {})
        node[path[-1]] = value
    return found
