"""Patch operations: the way API Gateway's updates say what to change.

What is patched are documents in AWS's own spelling. A table of rules, by path, says which operations a place knows and
how its text is read; a path like ``/requestParameters/*`` stands for every entry of a map, ``/binaryMediaTypes/+`` for
every member of a list.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, NamedTuple

from kumoniwa.kernel.errors import AwsError

OPERATIONS_MAX = 1000


class BadRequestException(AwsError): ...


class NotFoundException(AwsError): ...


def flag(value: str | None) -> bool:
    """AWS reads everything that is not ``true`` as false."""
    return (value or "").lower() == "true"


def text(value: str | None) -> str | None:
    return value or None


def listed(value: str | None) -> list[str]:
    return [part.strip() for part in (value or "").split(",") if part.strip()]


class Rule(NamedTuple):
    member: str
    """Where in the document: ``name``, or ``quota.limit``."""
    read: Callable[[str | None], Any] = text
    """Makes the value of its text; may refuse. ``None`` takes the member away."""
    operations: tuple[str, ...] = ("replace",)
    missing: str = ""
    """What is said when an entry is to be changed that is not there."""


class Rules:
    """The patchable places of one kind of document. ``is_listed``: refusals list the places, in the words of the newer kinds."""

    def __init__(self, rules: dict[str, Rule], *, is_listed: bool = False) -> None:
        self.rules, self.is_listed = rules, is_listed

    def applied(self, document: dict[str, Any], operations: list[dict[str, str]] | None) -> dict[str, Any]:
        """The document with every operation done, or BadRequestException and nothing."""
        if len(operations or ()) > OPERATIONS_MAX:
            raise BadRequestException("Too many patch operations.")
        document = copy.deepcopy(document)
        for operation in operations or ():
            self._apply(document, operation.get("op", ""), operation.get("path"), operation.get("value"))
        return document

    def _apply(self, document: dict[str, Any], op: str, path: str | None, value: str | None) -> None:
        found = self._rule(path or "")
        if self.is_listed and op != "replace":
            raise BadRequestException(
                f"Invalid patch path  '{path}' specified for op '{op}'. Please choose supported operations"
            )
        if found is None:
            if self.is_listed:
                places = ", ".join(self.rules)
                raise BadRequestException(
                    f"Invalid patch path  '{path}' specified for op '{op}'. Must be one of: [{places}]"
                )
            raise BadRequestException(f"Invalid patch path {path or 'null'}")
        rule, key, kind = found
        if op not in rule.operations:
            if len(rule.operations) == 3:
                raise BadRequestException(
                    "Invalid patch operation specified. Must be 'add'|'remove'|'replace'"
                )
            raise BadRequestException(
                f"Invalid patch operation specified. Must be one of: [{', '.join(rule.operations)}]"
            )
        holder, member = _holder(document, rule.member)
        if kind == "*":
            _change_entry(holder, member, rule, op, key, value)
        elif kind == "+":
            _change_member(holder, member, op, key, value)
        else:
            _change(holder, member, None if op == "remove" else rule.read(value))

    def _rule(self, path: str) -> tuple[Rule, str, str] | None:
        rule = self.rules.get(path)
        if rule is not None and not path.endswith(("/*", "/+")):
            return rule, "", ""
        head, _, last = path.rpartition("/")
        for kind in "*+":
            rule = self.rules.get(f"{head}/{kind}")
            if rule is not None and last:
                return rule, unescaped(last), kind
        return None


def unescaped(segment: str) -> str:
    """https://datatracker.ietf.org/doc/html/rfc6901#section-3"""
    return segment.replace("~1", "/").replace("~0", "~")


def _holder(document: dict[str, Any], member: str) -> tuple[dict[str, Any], str]:
    *heads, last = member.split(".")
    for head in heads:
        document = document.setdefault(head, {})
    return document, last


def _change(holder: dict[str, Any], member: str, value: Any) -> None:
    if value is None:
        holder.pop(member, None)
    else:
        holder[member] = value


def _change_entry(
    holder: dict[str, Any], member: str, rule: Rule, op: str, key: str, value: str | None
) -> None:
    entries = holder.setdefault(member, {})
    if op != "add" and key not in entries and rule.missing:
        raise NotFoundException(rule.missing)
    if op == "remove":
        entries.pop(key, None)
        if not entries:
            del holder[member]
    else:
        entries[key] = rule.read(value)


def _change_member(holder: dict[str, Any], member: str, op: str, key: str, value: str | None) -> None:
    members = holder.setdefault(member, [])
    if op == "remove" and key in members:
        members.remove(key)
    elif op == "replace" and key in members and value:
        # Recorded from AWS: what replaces another stands behind all the others.
        members.remove(key)
        members.append(value)
    elif op == "add" and key not in members:
        members.append(key)
    if not members:
        del holder[member]
