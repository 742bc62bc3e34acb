"""The sections of a template, checked against each other.

May: refuse, in CloudFormation's words, whatever can be refused without knowing parameter values.
May not: compute a value. Checks run in the order in which CloudFormation reports.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from kumoniwa.deploy.intrinsics import references
from kumoniwa.deploy.parameters import check_declarations
from kumoniwa.kernel.errors import NotImplementedHere, ValidationError

SECTIONS = frozenset(
    [
        "AWSTemplateFormatVersion",
        "Description",
        "Metadata",
        "Parameters",
        "Mappings",
        "Conditions",
        "Transform",
        "Rules",
        "Hooks",
        "Resources",
        "Outputs",
    ]
)
RESOURCE_MEMBERS = frozenset(
    [
        "Type",
        "Properties",
        "DependsOn",
        "Condition",
        "Metadata",
        "CreationPolicy",
        "UpdatePolicy",
        "DeletionPolicy",
        "UpdateReplacePolicy",
        "Version",
    ]
)
PSEUDO_PARAMETERS = frozenset(
    f"AWS::{name}"
    for name in [
        "AccountId",
        "NotificationARNs",
        "NoValue",
        "Partition",
        "Region",
        "StackId",
        "StackName",
        "URLSuffix",
    ]
)
SIGNALLED = ("AWS::CloudFormation::WaitCondition",)
"""The types of ours that may wait for signals."""
POLICIES = ("Delete", "Retain", "RetainExceptOnCreate", "Snapshot")


def section(body: dict[str, Any], name: str) -> dict[str, Any]:
    """A section of a template, empty if it has none. Raises ValidationError for what is no map."""
    found = body.get(name)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ValidationError(f"Template format error: Any {name} member must be an object.")
    return found


def check_outline(body: dict[str, Any]) -> None:
    """What can be said before a transform has run."""
    if unknown := sorted(set(body) - SECTIONS - {name for name in body if name.startswith("Fn::ForEach::")}):
        if unknown != ["Globals"] or "Transform" not in body:
            raise ValidationError(f"Invalid template property or properties [{', '.join(unknown)}]")
    version = body.get("AWSTemplateFormatVersion")
    if version is not None and str(version) != "2010-09-09":
        raise ValidationError("Template format error: unsupported value for AWSTemplateFormatVersion.")
    description = body.get("Description")
    if description is not None and not isinstance(description, str):
        raise ValidationError("Template format error: Description member must be a string.")
    if isinstance(description, str) and len(description.encode()) > 1024:
        raise ValidationError("Template format error: 'Description' length is greater than 1024.")
    if body.get("Hooks"):
        raise NotImplementedHere("the template section Hooks")
    if not section(body, "Resources"):
        raise ValidationError("Template format error: At least one Resources member must be defined.")
    check_declarations(section(body, "Parameters"))


def _check_resources(body: dict[str, Any]) -> None:
    resources = section(body, "Resources")
    if len(resources) > 500:
        raise ValidationError(
            f"Template format error: Number of resources, {len(resources)}, is greater than maximum allowed, 500"
        )
    for name, entry in resources.items():
        if not (name.isascii() and name.isalnum()):
            raise ValidationError(f"Template format error: Resource name {name} is non alphanumeric.")
        if not isinstance(entry, dict):
            raise ValidationError(
                "[/Resources/" + name + "] 'null' values are not allowed in templates"
                if entry is None
                else "Template format error: Any Resources member must be an object."
            )
        if not isinstance(entry.get("Type"), str):
            raise ValidationError(
                f"Template format error: [/Resources/{name}] Every Resources object must contain a Type member."
            )
        if unknown := sorted(set(entry) - RESOURCE_MEMBERS):
            raise ValidationError(f"Invalid template resource property '{unknown[0]}'")
        if not isinstance(entry.get("Properties", {}), dict):
            raise ValidationError(
                "Template format error: [/Resources/" + name + "/Properties] must be an object."
            )
        for member in ("DeletionPolicy", "UpdateReplacePolicy"):
            policy = entry.get(member, "Delete")
            if isinstance(policy, str) and policy not in POLICIES:
                raise ValidationError(
                    f"Template format error: Unrecognized {member} {policy} for resource {name}"
                )
        if entry.get("UpdatePolicy"):
            raise NotImplementedHere(f"UpdatePolicy (resource {name})")
        if entry.get("CreationPolicy"):
            _check_creation_policy(name, entry)
        if null := _null_path(entry.get("Properties"), f"/Resources/{name}/Properties"):
            raise ValidationError(f"[{null}] 'null' values are not allowed in templates")


def _check_creation_policy(name: str, entry: dict[str, Any]) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-creationpolicy.html"""
    if entry["Type"] not in SIGNALLED:
        raise ValidationError(f"CreationPolicy is not supported for the type {entry['Type']} of resource {name}")
    policy = entry["CreationPolicy"]
    if not isinstance(policy, dict) or set(policy) != {"ResourceSignal"} or not isinstance(policy["ResourceSignal"], dict):
        raise ValidationError(f"Template format error: CreationPolicy of resource {name} must contain ResourceSignal.")
    if unknown := sorted(set(policy["ResourceSignal"]) - {"Count", "Timeout"}):
        raise ValidationError(f"Template format error: unknown member {unknown[0]} in CreationPolicy of resource {name}.")


def _null_path(value: Any, path: str) -> str | None:
    stack = [(value, path)] if value is not None else []
    while stack:
        each, here = stack.pop()
        if each is None:
            return here
        if isinstance(each, dict):
            stack.extend((member, f"{here}/{key}") for key, member in each.items())
        elif isinstance(each, list):
            stack.extend((member, f"{here}/{index}") for index, member in enumerate(each))
    return None


def depends_on(entry: dict[str, Any]) -> list[str]:
    """The explicit dependencies of a resource, always as a list."""
    named = entry.get("DependsOn", [])
    named = [named] if isinstance(named, str) else named
    if not isinstance(named, list) or not all(isinstance(each, str) for each in named):
        raise ValidationError("Template format error: DependsOn must be a string or list of strings.")
    return named


def _asked(value: Any) -> Iterator[str]:
    """The conditions that a value asks with Fn::If."""
    pending = [value]
    while pending:
        each = pending.pop()
        if isinstance(each, dict):
            asking = each.get("Fn::If")
            if isinstance(asking, list) and asking and isinstance(asking[0], str):
                yield asking[0]
            each = list(each.values())
        if isinstance(each, list):
            pending.extend(each)


def _check_references(body: dict[str, Any], attributes_of: Callable[[str], Iterable[str] | None]) -> None:
    resources, parameters = section(body, "Resources"), section(body, "Parameters")
    names = set(resources) | set(parameters) | PSEUDO_PARAMETERS

    def check(value: Any, block: str) -> None:
        unresolved: dict[str, None] = {}
        for owner, attribute in references(value):
            if attribute is None:
                if owner not in names:
                    unresolved[owner] = None
            elif owner not in resources:
                raise ValidationError(
                    f"Template error: instance of Fn::GetAtt references undefined resource {owner}"
                )
            elif attribute:
                kind = resources[owner]["Type"]
                known = attributes_of(kind)
                if known is not None and attribute not in known and "*" not in known:
                    raise ValidationError(
                        f"Template error: resource {owner} does not support attribute type {attribute} in Fn::GetAtt"
                    )
        if unresolved:
            raise ValidationError(
                f"Template format error: Unresolved resource dependencies [{', '.join(unresolved)}] "
                f"in the {block} block of the template"
            )

    conditions = section(body, "Conditions")
    for name in _asked([resources, section(body, "Outputs")]):
        if name not in conditions:
            raise ValidationError(f"Template error: unresolved condition dependency {name} in Fn::If")
    for owner, attribute in references(conditions):
        if attribute is not None or (owner not in parameters and owner not in PSEUDO_PARAMETERS):
            raise ValidationError(
                f"Template format error: Unresolved dependencies [{owner}]. Cannot reference resources in the "
                "Conditions block of the template"
            )
    for name, entry in resources.items():
        check(entry.get("Properties"), "Resources")
        missing = [each for each in depends_on(entry) if each not in resources]
        if missing:
            raise ValidationError(
                f"Template format error: Unresolved resource dependencies [{', '.join(missing)}] "
                "in the Resources block of the template"
            )
        _check_condition_name(entry.get("Condition"), conditions, "Resources")
        del name
    for name, entry in section(body, "Outputs").items():
        if not (name.isascii() and name.isalnum()):
            raise ValidationError(f"Template format error: Output name {name} is non alphanumeric.")
        if not isinstance(entry, dict) or "Value" not in entry:
            raise ValidationError("Template format error: Every Outputs member must contain a Value object")
        if entry["Value"] is None:
            raise ValidationError(f"[/Outputs/{name}/Value] 'null' values are not allowed in templates")
        if unknown := sorted(set(entry) - {"Value", "Description", "Export", "Condition"}):
            raise ValidationError(f"Invalid template output property '{unknown[0]}'")
        check(entry["Value"], "Outputs")
        check(entry.get("Export"), "Outputs")
        _check_condition_name(entry.get("Condition"), conditions, "Outputs")


def _check_condition_name(name: Any, conditions: dict[str, Any], block: str) -> None:
    if name is not None and (not isinstance(name, str) or name not in conditions):
        raise ValidationError(
            f"Template format error: Unresolved condition dependency {name} in the {block} block of the template"
        )


def _check_mappings(body: dict[str, Any]) -> None:
    for name, entry in section(body, "Mappings").items():
        if not isinstance(entry, dict) or not entry:
            raise ValidationError(f"Template format error: Every Mappings object must be a map ({name}).")
        for key, members in entry.items():
            if not isinstance(members, dict):
                raise ValidationError(
                    f"Template format error: Every Mappings member {key} must be a map"
                )
            for value in members.values():
                if isinstance(value, dict) or value is None:
                    raise ValidationError(
                        "Template format error: Every Mappings attribute must be a String or a List."
                    )


def check(body: dict[str, Any], attributes_of: Callable[[str], Iterable[str] | None]) -> None:
    """Refuse a (transformed) template. ``attributes_of(type)`` answers what GetAtt knows, or None for an unknown type."""
    check_outline(body)
    _check_mappings(body)
    _check_resources(body)
    if len(section(body, "Outputs")) > 200:
        raise ValidationError(
            f"Template format error: Number of outputs, {len(body['Outputs'])}, is greater than maximum allowed, 200"
        )
    _check_references(body, attributes_of)
    # What AWS refuses is refused in its words first; a type that is not here may well be one of AWS's.
    unknown = sorted(
        {entry["Type"] for entry in body["Resources"].values() if attributes_of(entry["Type"]) is None}
    )
    if unknown:
        raise ValidationError(f"Template format error: Unrecognized resource types: [{', '.join(unknown)}]")
