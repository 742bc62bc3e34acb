"""What an update would do: old stack and new template → a list of changes, as a change set shows them.

May: compare. May not: change anything. `difference` is also what the deploy itself decides by, once values are known,
so the promise and the deed cannot disagree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kumoniwa.deploy import types
from kumoniwa.deploy.intrinsics import is_deferred, references
from kumoniwa.deploy.schemas import conform
from kumoniwa.kernel.errors import ValidationError

if TYPE_CHECKING:
    from kumoniwa.deploy.resource import ResourceType
    from kumoniwa.deploy.standing import Standing


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> frozenset[str]:
    """The top-level properties that differ."""
    return frozenset(
        name for name in {*old, *new} if old.get(name) != new.get(name) or (name in old) != (name in new)
    )


def needs_replacement(entry: ResourceType, differing: frozenset[str]) -> frozenset[str]:
    """Those of the differing properties that only a replacement can change."""
    return frozenset() if entry.is_open else differing - entry.mutable


@dataclass(frozen=True, slots=True)
class Change:
    """``action`` is Add, Modify, Remove or Import as AWS spells it; ``replacement`` is "True", "False" or "Conditional"."""

    action: str
    logical_id: str
    type: str
    physical_id: str = ""
    replacement: str | None = None
    # (property, static or dynamic evaluation, whether it needs recreation, what causes it)
    details: tuple[tuple[str, str, str, str | None], ...] = ()
    policy_action: str | None = None


def _modify(
    name: str, entry: dict[str, Any], standing: Standing, touched: Mapping[str, str]
) -> Change | None:
    kind = types.find(standing.type)
    wanted = entry.get("Properties", {})
    old = dict(standing.properties)
    if standing.is_named_by_us and kind and kind.name and kind.name.property not in wanted:
        del old[kind.name.property]
    details = []
    for property_name in sorted({*old, *wanted}):
        value = wanted.get(property_name)
        if is_deferred(value):
            # A Ref changes only by a replacement; an attribute may change whenever its resource does.
            named = references(value)
            causes = sorted(
                {
                    owner
                    for owner, part in named
                    if touched.get(owner, "False") != "False" or (part and owner in touched)
                }
            )
            if not causes:
                continue
            evaluation, cause = "Dynamic", causes[0]
        else:
            brought = conform(standing.type, {property_name: value}).get(property_name)
            if property_name in old and property_name in wanted and old[property_name] == brought:
                continue
            evaluation, cause = "Static", None
        is_fixed = bool(kind and needs_replacement(kind, frozenset((property_name,))))
        recreation = "Never" if not is_fixed else "Always" if evaluation == "Static" else "Conditionally"
        details.append((property_name, evaluation, recreation, cause))
    if not details:
        return None
    recreations = {recreation for _, _, recreation, _ in details}
    replacement = (
        "True" if "Always" in recreations else "Conditional" if "Conditionally" in recreations else "False"
    )
    policy = {"Delete": "ReplaceAndDelete", "Retain": "ReplaceAndRetain", "Snapshot": "ReplaceAndSnapshot"}
    return Change(
        action="Modify",
        logical_id=name,
        type=standing.type,
        physical_id=standing.physical_id,
        replacement=replacement,
        details=tuple(details),
        policy_action=policy[standing.replace_policy] if replacement == "True" else None,
    )


def changes(
    wanted: Mapping[str, dict[str, Any]], standing: Mapping[str, Standing], order: list[list[str]]
) -> list[Change]:
    """What applying a statically resolved template to what stands would do. ``order`` are `graph.levels` of it.

    Raises when a resource's type changed: CloudFormation does not allow that for one logical id.
    """
    retyped = [name for name in wanted if name in standing and wanted[name]["Type"] != standing[name].type]
    if retyped:
        raise ValidationError(
            "Update of resource type is not permitted. The new template modifies resource type of the following "
            f"resources: [{', '.join(sorted(retyped))}]"
        )
    found: list[Change] = []
    # Which resources will have a new Ref or new attributes, and so may change what refers to them.
    touched: dict[str, str] = {}
    for name in (name for level in order for name in level):
        if name not in standing or standing[name].is_unmade:
            found.append(Change(action="Add", logical_id=name, type=wanted[name]["Type"]))
            touched[name] = "Add"
        elif change := _modify(name, wanted[name], standing[name], touched):
            found.append(change)
            touched[name] = change.replacement or ""
    for name in sorted(set(standing) - set(wanted)):
        gone = standing[name]
        kept = {"Retain": "Retain", "RetainExceptOnCreate": "Retain", "Snapshot": "Snapshot"}
        found.append(
            Change(
                action="Remove",
                logical_id=name,
                type=gone.type,
                physical_id=gone.physical_id,
                policy_action=kept.get(gone.deletion_policy, "Delete"),
            )
        )
    return found
