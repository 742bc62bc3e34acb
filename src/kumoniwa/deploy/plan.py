"""What an update would do: old stack and new template → a list of changes, as a change set shows them.

May: compare. May not: change anything. `difference` is also what the deploy itself decides by, once values are known,
so the promise and the deed cannot disagree.

There are two ways to look, and AWS was recorded to show either (localstack/localstack, test_change_set_*.snapshot.json). Without
values, whatever names a resource that changes may change too. With values, what stands is looked at: an attribute of a resource
that is not replaced is taken to stay as it is, and one of a resource that is new or replaced is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kumoniwa.deploy import intrinsics, types
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


def needs_replacement(
    entry: ResourceType, differing: frozenset[str], old: Mapping[str, Any], new: Mapping[str, Any]
) -> frozenset[str]:
    """Those of the differing properties that only a replacement can change."""
    return frozenset() if entry.is_open else differing - entry.mutable | differing & entry.remade_by(old, new)


UNKNOWN = "{{changeSet:KNOWN_AFTER_APPLY}}"
"""What a change set shows of a value that only the deploy will know."""


@dataclass(frozen=True, slots=True)
class Detail:
    """Why a property changes. ``is_certain`` says that it does; else it may. ``cause`` names a parameter, a resource or
    its attribute; ``source`` is AWS's word for what kind of cause that is."""

    property: str
    is_certain: bool
    recreation: str
    source: str
    cause: str = ""
    before: Any = None
    after: Any = None
    attribute: str = "Properties"
    """What of the resource it is about; only properties have names."""


@dataclass(frozen=True, slots=True)
class Change:
    """``action`` is Add, Modify, Remove or Import as AWS spells it; ``replacement`` is "True", "False" or "Conditional".
    ``before`` and ``after`` are the properties, as far as they are known."""

    action: str
    logical_id: str
    type: str
    physical_id: str = ""
    replacement: str | None = None
    details: tuple[Detail, ...] = ()
    policy_action: str | None = None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None

    @property
    def is_beneath(self) -> bool:
        """Whether nothing of it changes but, perhaps, what it names."""
        return self.action == "Modify" and all(detail.source == "Automatic" for detail in self.details)


@dataclass(frozen=True, slots=True)
class Written:
    """What a plan needs to know of a template: what its resources say before parameters have values, which parameters have
    other values than before, which nobody is shown, and the resources as they were drawn."""

    resources: Mapping[str, Any]
    changed: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()
    drawn: Mapping[str, dict[str, Any]] = field(default_factory=dict)

    def said_otherwise(self, resource: str, property_name: str, value: Any) -> bool:
        """Whether the resource was there and had another value, as far as it was known."""
        entry = self.drawn.get(resource)
        return entry is not None and entry.get("Properties", {}).get(property_name) != value

    def member(self, resource: str, name: str) -> Any:
        """What the template says of a resource besides its properties, as it is written."""
        entry = self.resources.get(resource)
        return entry.get(name) if isinstance(entry, dict) else None

    def named(self, resource: str, property_name: str) -> set[str]:
        entry = self.resources.get(resource)
        properties = entry.get("Properties", {}) if isinstance(entry, dict) else {}
        value = properties.get(property_name) if isinstance(properties, dict) else None
        return {owner for owner, attribute in references(value) if attribute is None}

    def shown(self, resource: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: "****" if self.named(resource, name) & self.hidden else _known(value)
            for name, value in properties.items()
        }


def _known(value: Any) -> Any:
    if intrinsics.is_function(value):
        return _text_known(*value["Fn::Sub"]) if "Fn::Sub" in value else UNKNOWN
    if isinstance(value, dict):
        return {key: _known(member) for key, member in value.items()}
    return [_known(member) for member in value] if isinstance(value, list) else value


def _text_known(text: str, values: dict[str, Any]) -> str:
    """A text with what is not known of it in its place. If a variable that it was given is not known, nothing of it is:
    recorded, test_change_set_fn_transform.snapshot.json, test_serverless_fn_transform."""
    for name, value in values.items():
        owner, _, attribute = name.partition(".")
        if not is_deferred(value):
            continue
        if value not in ({"Ref": name}, {"Fn::GetAtt": [owner, attribute]}):
            return UNKNOWN
    return intrinsics.filled(text, {name: UNKNOWN if is_deferred(value) else value for name, value in values.items()})


class Seen(intrinsics.Drawn):
    """What stands, as names mean it to somebody who looks before the deploy: `intrinsics.Scope`. A resource that is to be made
    or replaced means nothing yet."""

    def __init__(self, standing: Mapping[str, Standing], exports: Callable[[str], str | None]) -> None:
        self.standing, self.exports = standing, exports
        self.touched: Mapping[str, str] = {}
        self.problem = ""
        """What was wrong with the first resource whose values could not be told."""

    def ref(self, name: str) -> Any:
        return self.standing[name].reference if self._stays(name) else {"Ref": name}

    def attribute(self, logical_id: str, attribute: str) -> Any:
        known = self.standing[logical_id].attributes if self._stays(logical_id) else {}
        return known.get(attribute, {"Fn::GetAtt": [logical_id, attribute]})

    def _stays(self, name: str) -> bool:
        return name in self.standing and self.touched.get(name, "False") == "False"

    def export(self, name: str) -> Any:
        found = self.exports(name)
        if found is None:
            raise ValidationError(f"No export named {name}")
        return found

    def properties(self, name: str, written: dict[str, Any]) -> dict[str, Any]:
        """A resource's properties, each as far as it is known."""
        found = dict(written)
        for each, value in written.items():
            try:
                found[each] = intrinsics.evaluate(value, self)
                _check_joined(found[each])
            except ValidationError as error:
                self.problem = self.problem or f"ChangeSet creation failed for resource [{name}] because: {error.text}"
        return {each: value for each, value in found.items() if value is not intrinsics.NOTHING}


def _check_joined(value: Any) -> None:
    """A list that nobody knows yet is none to AWS when it looks at values, although the deploy will join it: recorded,
    test_change_set_fn_split.snapshot.json, test_fn_split_with_get_att."""
    if isinstance(value, dict):
        if "Fn::Join" in value and not isinstance(value["Fn::Join"][1], list):
            raise ValidationError(f"Template error: {intrinsics.JOIN_TAKES}")
        value = list(value.values())
    for each in value if isinstance(value, list) else ():
        _check_joined(each)


def _modify(
    name: str,
    entry: dict[str, Any],
    standing: Standing,
    touched: Mapping[str, str],
    written: Written,
    was: Written,
    seen: Seen | None,
) -> Change | None:
    kind = types.find(standing.type)
    wanted = entry.get("Properties", {})
    wanted = seen.properties(name, wanted) if seen is not None else wanted
    old = dict(standing.properties)
    if standing.is_named_by_us and kind and kind.name and kind.name.property not in wanted:
        del old[kind.name.property]
    before, after = was.shown(name, old), written.shown(name, wanted)
    details: list[Detail] = []
    for property_name in sorted({*old, *wanted}):
        value = wanted.get(property_name)
        is_fixed = bool(kind and needs_replacement(kind, frozenset((property_name,)), old, wanted))
        if is_deferred(value):
            causes = _causes(value, touched)
            if seen is not None or was.said_otherwise(name, property_name, value):
                causes = [*causes, (False, "DirectModification", "")]
        else:
            brought = conform(standing.type, {property_name: value}).get(property_name)
            if property_name in old and property_name in wanted and old[property_name] == brought:
                continue
            causes = [(True, "ParameterReference", each) for each in sorted(written.named(name, property_name) & written.changed)]
            # What a function makes of a parameter is not looked into, as AWS was recorded.
            causes.append((not causes, "DirectModification", ""))
        values = {"before": before.get(property_name), "after": after.get(property_name)}
        for is_certain, source, cause in causes:
            recreation = "Never" if not is_fixed else "Always" if is_certain or source == "DirectModification" else "Conditionally"
            details.append(Detail(property_name, is_certain, recreation, source, cause, **values))
    if entry.get("Metadata", {}) != (was.drawn[name].get("Metadata", {}) if name in was.drawn else standing.metadata):
        details.append(Detail("", True, "Never", "DirectModification", attribute="Metadata"))
    for attribute in ("DeletionPolicy", "UpdateReplacePolicy"):
        if was.member(name, attribute) != written.member(name, attribute):
            details.append(Detail("", True, "Never", "DirectModification", attribute=attribute))
    if kind is not None and kind.may_change_beneath:
        details.append(Detail("", False, "Never", "Automatic"))
    if not details:
        return None
    recreations = {detail.recreation for detail in details}
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
        before=before,
        after=after,
    )


def _causes(value: Any, touched: Mapping[str, str]) -> list[tuple[bool, str, str]]:
    """Which resources may change a value that names them. A Ref changes only by a replacement; an attribute may change
    whenever its resource does, and does when that is replaced."""
    found = {}
    for owner, attribute in references(value):
        is_certain = touched.get(owner) == "True"
        if touched.get(owner) == "Add":
            # A resource that is new was not named before.
            found[""] = (False, "DirectModification", "")
        elif attribute is None and touched.get(owner, "False") != "False":
            found[owner] = (is_certain, "ResourceReference", owner)
        elif attribute is not None and owner in touched:
            found[f"{owner}.{attribute}"] = (is_certain, "ResourceAttribute", f"{owner}.{attribute}")
    return [found[name] for name in sorted(found)]


def changes(
    wanted: Mapping[str, dict[str, Any]],
    standing: Mapping[str, Standing],
    order: list[list[str]],
    written: Written | None = None,
    was: Written | None = None,
    seen: Seen | None = None,
) -> list[Change]:
    """What applying a statically resolved template to what stands would do. ``order`` are `graph.levels` of it; ``seen`` has
    values looked at.

    Raises when a resource's type changed: CloudFormation does not allow that for one logical id.
    """
    written, was = written or Written({}), was or Written({})
    retyped = [name for name in wanted if name in standing and wanted[name]["Type"] != standing[name].type]
    if retyped:
        raise ValidationError(
            "Update of resource type is not permitted. The new template modifies resource type of the following "
            f"resources: [{', '.join(sorted(retyped))}]"
        )
    found: list[Change] = []
    # Which resources will have a new Ref or new attributes, and so may change what refers to them.
    touched: dict[str, str] = {}
    if seen is not None:
        seen.touched = touched
    for name in (name for level in order for name in level):
        if name not in standing or standing[name].is_unmade:
            properties = wanted[name].get("Properties", {})
            after = written.shown(name, seen.properties(name, properties) if seen is not None else properties)
            imported = wanted[name].get("Import", "")
            action = "Import" if imported else "Add"
            found.append(Change(action, name, wanted[name]["Type"], physical_id=imported, after=after))
            touched[name] = "Add"
        elif change := _modify(name, wanted[name], standing[name], touched, written, was, seen):
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
                # Nobody looks at what is about to go: it is shown as it was written.
                before=was.shown(name, was.drawn.get(name, {}).get("Properties", gone.properties)),
            )
        )
    return found
