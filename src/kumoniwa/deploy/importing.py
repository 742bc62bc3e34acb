"""What may be imported into a stack: a resource that can be read by the one value that identifies it.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.deploy import schemas, types
from kumoniwa.deploy.standing import Blueprint, Standing
from kumoniwa.kernel.errors import ValidationError
from kumoniwa.kernel.record import changed

WATCHED_BY_A_PARENT = "AWS::CloudFormation::Stack"


def identifiers(type_name: str) -> tuple[str, ...]:
    """The properties that identify a resource of a type, by AWS's schema."""
    found = (schemas.schema(type_name) or {}).get("primaryIdentifier", ())
    return tuple(path.removeprefix("/properties/") for path in found)


def is_importable(type_name: str) -> bool:
    entry = types.find(type_name)
    is_readable = entry is not None and bool(entry.drift) and type_name != WATCHED_BY_A_PARENT
    return is_readable and len(identifiers(type_name)) == 1


def nameable(blueprint: Blueprint, standing: dict[str, Standing]) -> dict[str, str]:
    """The new resources that may be there already, and by which name: those that their template names and would retain.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-automatically.html"""
    found = {}
    for name, definition in blueprint.resources.items():
        entry = types.find(definition["Type"])
        if name in standing or entry is None or entry.name is None or not is_importable(definition["Type"]):
            continue
        given = definition.get("Properties", {}).get(entry.name.property)
        is_retained = definition.get("DeletionPolicy") in ("Retain", "RetainExceptOnCreate")
        if is_retained and isinstance(given, str) and identifiers(definition["Type"]) == (entry.name.property,):
            found[name] = given
    return found


def adopted(
    blueprint: Blueprint, old: Blueprint, standing: dict[str, Standing], wanted: list[dict[str, Any]]
) -> Blueprint:
    """A blueprint whose imported resources are marked with their ids. Raises what CloudFormation refuses: an import changes
    nothing else of the stack."""
    named = {each["LogicalResourceId"]: each for each in wanted}
    fresh = [name for name in blueprint.resources if name not in standing]
    if missing := [name for name in fresh if name not in named]:
        raise ValidationError(f"Resources [{', '.join(missing)}] is missing from ResourceToImport list")
    if unknown := [name for name in named if name not in blueprint.resources]:
        raise ValidationError(f"Resources [{', '.join(unknown)}] to import do not exist in the template")
    if again := [name for name in named if name in standing]:
        raise ValidationError(f"Resources [{', '.join(again)}] already exist in the stack")
    written = blueprint.body["Resources"]
    if loose := [name for name in fresh if "DeletionPolicy" not in written[name]]:
        raise ValidationError(
            f"The following resources to import [{', '.join(loose)}] must have DeletionPolicy attribute specified in the template."
        )
    if blueprint.outputs != old.outputs:
        raise ValidationError("As part of the import operation, you cannot modify or add [Outputs]")
    if touched := [name for name in standing if blueprint.resources.get(name) != old.resources.get(name)]:
        raise ValidationError(f"You have modified resources [{', '.join(touched)}] in your template that are not being imported.")
    return marked(blueprint, {name: _id(each, blueprint.resources[name]["Type"]) for name, each in named.items()})


def marked(blueprint: Blueprint, ids: dict[str, str]) -> Blueprint:
    """A blueprint in which some resources are to be imported, by these ids."""
    imported = {name: {**blueprint.resources[name], "Import": id} for name, id in ids.items()}
    return changed(blueprint, resources=blueprint.resources | imported)


def _id(each: dict[str, Any], type_name: str) -> str:
    if each["ResourceType"] != type_name:
        raise ValidationError(f"Resource {each['LogicalResourceId']} to import is of type {type_name}, not {each['ResourceType']}")
    if not is_importable(type_name):
        raise ValidationError(f"ResourceTypes [{type_name}] are not supported for Import")
    given = each["ResourceIdentifier"]
    if set(given) != set(identifiers(type_name)):
        raise ValidationError(
            f"Resource identifier of {each['LogicalResourceId']} must be [{', '.join(identifiers(type_name))}]"
        )
    return next(iter(given.values()))
