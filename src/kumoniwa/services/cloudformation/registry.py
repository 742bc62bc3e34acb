"""The registry: which resource types there are, as AWS's own schemas describe them.

Only Amazon's types are here, and of those the ones that a template may use. Nobody can register one.
"""

from __future__ import annotations

import json
from typing import Any

from kumoniwa.deploy import schemas, types
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, ValidationError


class TypeNotFoundException(AwsError): ...


def _arn(call: Call, name: str) -> str:
    return f"arn:{call.home.partition}:cloudformation:{call.region}::type/resource/{name.replace('::', '-')}"


def provisioning(schema: dict[str, Any]) -> str:
    """Schemas of types without handlers are of those that the registry cannot provision."""
    if "handlers" not in schema:
        return "NON_PROVISIONABLE"
    return "FULLY_MUTABLE" if "update" in schema["handlers"] else "IMMUTABLE"


def ListTypes(
    call: Call,
    *,
    Visibility: str = "PRIVATE",
    ProvisioningType: str = "FULLY_MUTABLE",
    DeprecatedStatus: str | None = None,
    Type: str = "RESOURCE",
    Filters: dict[str, str] | None = None,
) -> dict:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListTypes.html"""
    filters = Filters or {}
    is_of_amazon = filters.get("Category", "AWS_TYPES") == "AWS_TYPES" and "PublisherId" not in filters
    if Visibility != "PUBLIC" or Type != "RESOURCE" or DeprecatedStatus == "DEPRECATED" or not is_of_amazon:
        return {"TypeSummaries": []}
    found = []
    for name in types.names():
        schema = schemas.schema(name) or {}
        if name.startswith(filters.get("TypeNamePrefix", "")) and provisioning(schema) == ProvisioningType:
            summary = {"Type": "RESOURCE", "TypeName": name, "TypeArn": _arn(call, name), "IsActivated": True}
            found.append(summary | _described(schema))
    return {"TypeSummaries": found}


def _described(schema: dict[str, Any]) -> dict[str, str]:
    return {"Description": schema["description"][:1024]} if schema.get("description") else {}


def DescribeType(
    call: Call,
    *,
    Type: str | None = None,
    TypeName: str | None = None,
    Arn: str | None = None,
) -> dict:
    if Arn is not None:
        parsed = arns.parse(Arn)
        kind, _, dashed = (parsed.resource if parsed else "").removeprefix("type/").partition("/")
        Type, TypeName = kind.upper(), dashed.partition("/")[0].replace("-", "::")
    if not TypeName or not Type:
        raise ValidationError("Either TypeName and Type, or Arn must be specified.")
    schema = schemas.schema(TypeName) if Type == "RESOURCE" and TypeName in types.names() else None
    if schema is None:
        # Recorded: localstack/localstack, test_extensions_api.snapshot.json, test_extension_not_complete.
        raise TypeNotFoundException(f"The type '{TypeName}' cannot be found.")
    found = {
        "Arn": _arn(call, TypeName),
        "Type": "RESOURCE",
        "TypeName": TypeName,
        "IsDefaultVersion": True,
        "Schema": json.dumps(schema),
        "ProvisioningType": provisioning(schema),
        "DeprecatedStatus": "LIVE",
        "Visibility": "PUBLIC",
        "IsActivated": True,
    } | _described(schema)
    optional = {"SourceUrl": schema.get("sourceUrl"), "DocumentationUrl": schema.get("documentationUrl")}
    return found | {name: value for name, value in optional.items() if value}
