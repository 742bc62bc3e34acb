"""A template with everything decided that can be decided before anything is made.

May: run the pure stages in their order (parse, transforms, sections, parameters, conditions, intrinsics, graph).
May not: touch the world. One function, text and values in, plain data out, so that it can run in a child process.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from kumoniwa.aws.regions import regions
from kumoniwa.deploy import (
    extensions,
    graph,
    importing,
    intrinsics,
    macros,
    parameters,
    rules,
    sections,
    types,
)
from kumoniwa.deploy.intrinsics import NOTHING
from kumoniwa.deploy.standing import Blueprint
from kumoniwa.deploy.template import Template, parse
from kumoniwa.kernel.errors import NotImplementedHere, ValidationError

SAM = "AWS::Serverless-2016-10-31"
NOT_YET = ("AWS::CodeDeployBlueGreen", "AWS::SecretsManager-2020-07-23", "AWS::ServiceCatalog")
NAMED_IAM = {
    "AWS::IAM::Group": "GroupName",
    "AWS::IAM::InstanceProfile": "InstanceProfileName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::User": "UserName",
}
IAM = frozenset((*NAMED_IAM, "AWS::IAM::AccessKey", "AWS::IAM::Policy", "AWS::IAM::UserToGroupAddition"))

Transform = Callable[[dict[str, Any], dict[str, str], dict[str, Any]], dict[str, Any]]


@dataclass(slots=True)
class _Static:
    """What names mean before anything stands."""

    body: dict[str, Any]
    values: dict[str, str]
    pseudo: dict[str, Any]
    zone_names: list[str]
    in_condition: bool = False
    decided: dict[str, bool | None] = field(default_factory=dict)

    def _section(self, name: str) -> dict[str, Any]:
        # What a transform reads was not checked yet.
        return sections.section(self.body, name)

    def ref(self, name: str) -> Any:
        # A parameter may say so too: recorded, localstack/localstack, test_logs.snapshot.json, test_cfn_handle_log_group_resource.
        if "AWS::NoValue" in (name, self.values.get(name)):
            return NOTHING
        if name in self.values:
            return parameters.meaning(self._section("Parameters")[name], self.values[name])
        if name in self.pseudo:
            return self.pseudo[name]
        return {"Ref": name}

    def attribute(self, logical_id: str, attribute: str) -> Any:
        return {"Fn::GetAtt": [logical_id, attribute]}

    def condition(self, name: str) -> bool:
        conditions = self._section("Conditions")
        if name not in conditions:
            raise ValidationError(
                f"Template error: unresolved condition dependency {name} in Fn::If"
            )
        if name in self.decided:
            if self.decided[name] is None:
                raise ValidationError(f"Circular dependencies for condition: {name}")
            return bool(self.decided[name])
        self.decided[name] = None
        was, self.in_condition = self.in_condition, True
        value = intrinsics.evaluate(conditions[name], self)
        self.in_condition = was
        if value in ("true", "false"):
            value = value == "true"
        if not isinstance(value, bool):
            raise ValidationError(
                "Template format error: Every Conditions member must be a condition function " + f"({name})."
            )
        self.decided[name] = value
        return value

    def mapping(self, name: str) -> dict[str, Any] | None:
        return self._section("Mappings").get(name)

    def export(self, name: str) -> Any:
        return {"Fn::ImportValue": name}

    def zones(self, region: str) -> list[str]:
        here = self.pseudo.get("AWS::Region")
        if region != here and region not in {each.code for each in regions()}:
            raise ValidationError(
                f"Template validation error: Template error: Fn::GetAZs: invalid region {region}"
            )
        return [region + zone.removeprefix(here) for zone in self.zone_names]


def _capabilities(resources: dict[str, dict[str, Any]]) -> tuple[list[str], list[str]]:
    """What has to be acknowledged for resources, and the types for whose sake."""
    found = sorted({entry["Type"] for entry in resources.values() if entry["Type"] in IAM})
    is_named = any(
        NAMED_IAM.get(entry["Type"], "") in (entry.get("Properties") or {}) for entry in resources.values()
    )
    return (["CAPABILITY_NAMED_IAM" if is_named else "CAPABILITY_IAM"] if found else []), found


def _summary(name: str, entry: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "ParameterKey": name,
        "ParameterType": entry["Type"],
        "NoEcho": parameters.hides(entry),
    }
    if "Default" in entry:
        found["DefaultValue"] = "" if entry["Default"] is None else str(entry["Default"])
    if "Description" in entry:
        found["Description"] = str(entry["Description"])
    values = [str(value) for value in entry.get("AllowedValues", ())]
    found["ParameterConstraints"] = {"AllowedValues": values} if values else {}
    return found


def _policy(entry: dict[str, Any], member: str, scope: _Static) -> str:
    kind = types.find(entry["Type"])
    default = kind.deletion_policy if kind is not None and member == "DeletionPolicy" else "Delete"
    policy = intrinsics.evaluate(entry.get(member, default), scope)
    if policy not in sections.POLICIES or (
        member == "UpdateReplacePolicy" and policy == "RetainExceptOnCreate"
    ):
        raise ValidationError(f"Template format error: Unrecognized {member} {policy}")
    if policy == "Snapshot" and (kind is None or kind.snapshot is None):
        raise NotImplementedHere(f"{member}: Snapshot")
    return policy


def _resources(body: dict[str, Any], scope: _Static) -> dict[str, dict[str, Any]]:
    active = {
        name: entry
        for name, entry in body["Resources"].items()
        if "Condition" not in entry or scope.condition(entry["Condition"])
    }
    found = {}
    for name, entry in active.items():
        properties = intrinsics.evaluate(entry.get("Properties", {}), scope)
        properties = {} if properties is NOTHING else properties
        metadata = intrinsics.evaluate(entry.get("Metadata") or {}, scope)
        if not isinstance(properties, dict):
            raise ValidationError(f"Template format error: [/Resources/{name}/Properties] must be an object.")
        found[name] = {
            "Type": entry["Type"],
            "Properties": properties,
            "DependsOn": [each for each in sections.depends_on(entry) if each in active],
            "DeletionPolicy": _policy(entry, "DeletionPolicy", scope),
            "UpdateReplacePolicy": _policy(entry, "UpdateReplacePolicy", scope),
            "Metadata": {} if metadata is NOTHING else metadata,
        }
        if signals := intrinsics.evaluate(entry.get("CreationPolicy") or {}, scope):
            found[name]["CreationPolicy"] = signals
    for name, entry in found.items():
        missing = {owner for owner, _ in intrinsics.references([entry["Properties"], entry["Metadata"]]) if owner not in active}
        if missing:
            raise ValidationError(
                f"Template format error: Unresolved resource dependencies [{', '.join(sorted(missing))}] "
                "in the Resources block of the template"
            )
        del name
    return found


def _check_text(value: Any, what: str) -> None:
    """Refuse what can never become text. What a resource will have to say is checked when it is known."""
    if (
        value is NOTHING
        or isinstance(value, list)
        or isinstance(value, dict)
        and not intrinsics.is_deferred(value)
    ):
        raise ValidationError(f"Template format error: {what} must evaluate to a String.")


def _outputs(body: dict[str, Any], scope: _Static, active: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for name, entry in (body.get("Outputs") or {}).items():
        if "Condition" in entry and not scope.condition(entry["Condition"]):
            continue
        value = intrinsics.evaluate(entry["Value"], scope)
        missing = {owner for owner, _ in intrinsics.references(value) if owner not in active}
        if missing:
            raise ValidationError(
                f"Unresolved resource dependencies [{', '.join(sorted(missing))}] in the Outputs block of the template"
            )
        _check_text(value, f"Output {name} is malformed. The Value field of every Outputs member")
        found[name] = {"Value": value}
        if "Description" in entry:
            found[name]["Description"] = str(entry["Description"])
        if "Export" in entry:
            if not isinstance(entry["Export"], dict) or set(entry["Export"]) != {"Name"}:
                raise ValidationError(
                    "Template format error: Every Output Export member must contain a Name key."
                )
            export = intrinsics.evaluate(entry["Export"]["Name"], scope)
            _check_text(export, f"Output {name} is malformed. The Name field of every Export member")
            found[name]["Export"] = {"Name": export}
    return found


def outline(template: Template, *, is_lenient: bool = False) -> dict[str, Any]:
    """What can be said of a template without values: for ValidateTemplate and GetTemplateSummary. ``is_lenient`` only names
    the types that are unknown here, which else refuse the template."""
    body = template.body
    sections.check_outline(body)
    found = list(dict.fromkeys([each["Name"] for each in _transforms(body)] + macros.nested(body)))
    written = {name: entry for name, entry in body["Resources"].items() if isinstance(entry, dict) and isinstance(entry.get("Type"), str)}
    kinds = sorted({entry["Type"] for entry in written.values()})
    unknown = [kind for kind in kinds if is_lenient and types.attributes_of(kind) is None]
    if not found:
        sections.check(body, lambda kind: ("*",) if kind in unknown else types.attributes_of(kind))
    capabilities, needing = _capabilities(written)
    if found:
        # A SAM function brings a role of its own unless it names one; CloudFormation says so before it transforms.
        capabilities, needing = [*capabilities, "CAPABILITY_AUTO_EXPAND"], [*needing, *found]
    reason = f"The following resource(s) require capabilities: [{', '.join(needing)}]" if needing else ""
    return {
        "description": body.get("Description", ""),
        "parameters": [_summary(name, entry) for name, entry in (body.get("Parameters") or {}).items()],
        "transforms": found,
        "capabilities": capabilities,
        "capabilities_reason": reason,
        "resource_types": kinds,
        "unknown_types": unknown,
        "version": str(body.get("AWSTemplateFormatVersion") or ""),
        "metadata": body.get("Metadata") or {},
        "identifiers": [
            {
                "ResourceType": kind,
                "LogicalResourceIds": sorted(name for name, entry in written.items() if entry["Type"] == kind),
                "ResourceIdentifiers": list(importing.identifiers(kind)),
            }
            for kind in kinds
            if importing.is_importable(kind)
        ],
    }


def draw(
    text: str,
    given: dict[str, str | None],
    pseudo: dict[str, Any],
    *,
    previous: dict[str, str] | None = None,
    zones: list[str] | None = None,
    transform: Transform | None = None,
    told: list[dict[str, Any]] | None = None,
) -> Blueprint:
    """The whole pure half of a deploy.

    ``given`` are parameter values (None: use the previous one), ``pseudo`` the pseudo parameters by name, ``zones`` the
    region's availability zones, ``transform`` the SAM transform, ``told`` what `macros.Wanted` was answered so far. Raises
    ``ValidationError`` as CloudFormation answers.
    """
    template = parse(text)
    body = template.body
    sections.check_outline(body)
    values = parameters.resolve(body.get("Parameters") or {}, given, previous)
    world = macros.World(told or [])
    body, values = _transformed(body, values, given, previous, pseudo, zones or [], world, transform)
    said = _said(body, values, world)
    if _has_for_each(body):
        raise ValidationError(
            "Template format error: Fn::ForEach needs the transform AWS::LanguageExtensions."
        )
    _check(body, template)
    scope = _Static(body, said, pseudo, zones or [])
    rules.check(body, scope)
    for name in body.get("Conditions") or {}:
        scope.condition(name)
    resources = _resources(body, scope)
    capabilities, _ = _capabilities(body["Resources"])
    declared = body.get("Parameters") or {}
    return Blueprint(
        body=body,
        description=body.get("Description", ""),
        parameters=[_shown(name, declared[name], value, said[name]) for name, value in values.items()],
        values=values,
        resources=resources,
        outputs=_outputs(body, scope, resources),
        levels=graph.levels(graph.needs(resources)),
        transforms=list(dict.fromkeys(world.used)),
        capabilities=capabilities,
        resource_types=sorted({entry["Type"] for entry in resources.values()}),
    )


def _said(body: dict[str, Any], values: dict[str, str], world: macros.World) -> dict[str, str]:
    """The values with what the Parameter Store says in the place of its names."""
    declared, said = body.get("Parameters") or {}, dict(values)
    for name, value in values.items():
        if parameters.is_stored(declared[name]):
            found = world.parameter(value)
            if found is None:
                raise parameters.absent(name, declared[name], value)
            said[name] = found
    return said


def _shown(name: str, entry: dict[str, Any], value: str, said: str) -> dict[str, str]:
    if parameters.hides(entry):
        return {"ParameterKey": name, "ParameterValue": "****"}
    return {"ParameterKey": name, "ParameterValue": value} | ({"ResolvedValue": said} if parameters.is_stored(entry) else {})


def _transforms(body: dict[str, Any]) -> list[dict[str, Any]]:
    return macros.definitions(body["Transform"]) if body.get("Transform") else []


def _transformed(
    body: dict[str, Any],
    values: dict[str, str],
    given: dict[str, str | None],
    previous: dict[str, str] | None,
    pseudo: dict[str, Any],
    zones: list[str],
    world: macros.World,
    transform: Transform | None,
) -> tuple[dict[str, Any], dict[str, str]]:
    """A template without transforms, and the values of its parameters: first what is nested, then what is about all of it."""

    said = _said(body, values, world)

    def evaluate(value: Any) -> Any:
        return intrinsics.evaluate(value, _Static(body, said, pseudo, zones))

    def meanings() -> dict[str, Any]:
        declared = body.get("Parameters") or {}
        return {name: parameters.meaning(declared[name], value) for name, value in said.items()}

    wanted = _transforms(body)
    body = {key: value for key, value in body.items() if key != "Transform"}
    if macros.nested(body):
        body = macros.expand(body, world, evaluate, meanings())
    for each in wanted:
        if each["Name"] == extensions.TRANSFORM:
            world.used.append(each["Name"])
            body = extensions.transform(body, _Static(body, said, pseudo, zones))
            body = _resolved(body, _Static(body, said, pseudo, zones))
        elif each["Name"] == SAM:
            world.used.append(each["Name"])
            if transform is None:
                raise NotImplementedHere(f"the transform {SAM} without kumoniwa[deploy]")
            body = transform(body, said, pseudo)
        else:
            if each["Name"] in NOT_YET:
                raise NotImplementedHere(f"the transform {each['Name']}")
            body = macros.run(each, body, world, evaluate, meanings())
        if not isinstance(body, dict):
            raise macros.TransformFailed("Template format error: unsupported structure.")
        values = parameters.resolve(body.get("Parameters") or {}, {**given, **values}, previous)
        said = _said(body, values, world)
    return body, values


def _resolved(body: dict[str, Any], scope: _Static) -> dict[str, Any]:
    """What the language extensions leave of resources: every function that can be computed, as AWS was recorded to show it
    (localstack/localstack, test_transformers.snapshot.json, TestLanguageExtensionsTransform). What names a hidden parameter
    stays a reference, and what is at fault is left for the checks that say so."""
    declared = body.get("Parameters") or {}
    hidden = {name for name, entry in declared.items() if parameters.hides(entry)}
    resources = {}
    for name, entry in (body.get("Resources") or {}).items():
        properties = entry.get("Properties") if isinstance(entry, dict) else None
        try:
            if isinstance(properties, dict) and not {owner for owner, _ in intrinsics.references(properties)} & hidden:
                entry = {**entry, "Properties": intrinsics.evaluate(properties, scope)}
        except (ValidationError, NotImplementedHere):
            pass
        resources[name] = entry
    return {**body, "Resources": resources}


def _has_for_each(body: dict[str, Any]) -> bool:
    sections_ = (body, body.get("Resources"), body.get("Outputs"), body.get("Conditions"))
    return any(
        key.startswith("Fn::ForEach::")
        for section in sections_
        if isinstance(section, dict)
        for key in section
    )


_LOGICAL_ID = re.compile(r"(?:/Resources/|\[|resource |references undefined resource )([A-Za-z0-9]+)")


def _check(body: dict[str, Any], template: Template) -> None:
    """Refusals that name a resource get the line where the template wrote it as a hint."""
    try:
        sections.check(body, types.attributes_of)
    except ValidationError as error:
        found = _LOGICAL_ID.search(error.text)
        if found and not error.hint:
            error.hint = template.where("Resources", found[1])
        raise
