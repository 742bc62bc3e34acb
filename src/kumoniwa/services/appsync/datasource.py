"""Data sources: where resolvers get their data, and the role in which they ask."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from kumoniwa.aws.regions import is_region
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import Record
from kumoniwa.services.appsync import source_relational
from kumoniwa.services.appsync.errors import BadRequestException, NotFoundException
from kumoniwa.services.appsync.eventapi import known
from kumoniwa.services.appsync.graphqlapi import arn_of

CONFIGURATIONS = {
    "AWS_LAMBDA": "lambdaConfig",
    "AMAZON_DYNAMODB": "dynamodbConfig",
    "HTTP": "httpConfig",
    "AMAZON_EVENTBRIDGE": "eventBridgeConfig",
    "RELATIONAL_DATABASE": "relationalDatabaseConfig",
    "NONE": "",
}
"""The kinds we have, and what each must say of itself."""
NEEDS_ROLE = frozenset({"AWS_LAMBDA", "AMAZON_DYNAMODB", "AMAZON_EVENTBRIDGE", "RELATIONAL_DATABASE"})


class DataSource(Record):
    """Shelved by ``api/name``."""

    api: str
    name: str
    kind: str
    role: str = ""
    description: str | None = None
    config: dict[str, Any] = {}


def shown(call: Call, source: DataSource) -> dict[str, Any]:
    said: dict[str, Any] = {
        "dataSourceArn": f"{arn_of(call, source.api)}/datasources/{source.name}",
        "name": source.name,
        "type": source.kind,
    }
    if source.description is not None:
        said["description"] = source.description
    if source.role:
        said["serviceRoleArn"] = source.role
    if CONFIGURATIONS[source.kind]:
        said[CONFIGURATIONS[source.kind]] = source.config
    return said


def found(call: Call, api_id: str, name: str) -> DataSource:
    known(call, api_id)
    source = call.shelf(DataSource).get(f"{api_id}/{name}")
    if source is None:
        raise NotFoundException(f"No data source found named {name}")
    return source


def _made(
    call: Call, api_id: str, name: str, kind: str, role: str | None, description: str | None, configs: dict
) -> DataSource:
    if kind not in CONFIGURATIONS:
        raise NotImplementedHere(f"data sources of type {kind} of appsync")
    wanted = CONFIGURATIONS[kind]
    for member, config in configs.items():
        if config is not None and member != wanted:
            raise BadRequestException(f"{member} is not allowed for a data source of type {kind}.")
    config = configs.get(wanted) or {}
    if wanted and not config:
        raise BadRequestException(f"{wanted} is required for a data source of type {kind}.")
    _check(kind, config)
    if kind in NEEDS_ROLE and not role and not config.get("useCallerCredentials"):
        raise BadRequestException(f"serviceRoleArn is required for a data source of type {kind}.")
    if kind == "HTTP" and config.get("authorizationConfig") and not role:
        raise BadRequestException(
            "serviceRoleArn is required for an HTTP data source with an authorizationConfig."
        )
    if role:
        call.require("iam:PassRole", role, **{"iam:PassedToService": "appsync.amazonaws.com"})
    return DataSource(
        api=api_id, name=name, kind=kind, role=role or "", description=description, config=config
    )


def _check(kind: str, config: dict[str, Any]) -> None:
    if kind == "AMAZON_DYNAMODB" and (config.get("versioned") or config.get("deltaSyncConfig")):
        raise NotImplementedHere("versioned data sources of appsync")
    if kind == "AMAZON_DYNAMODB" and not is_region(config.get("awsRegion") or ""):
        # As cdk-preflight saw it of AWS: pf-appsync-ds-dynamodb-region-mismatch. Tables and functions may be those of another region.
        raise BadRequestException("Unsupported region.")
    if kind == "HTTP":
        parts = urlsplit(config.get("endpoint") or "")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadRequestException("Invalid endpoint: it must be an HTTP(S) address.")
        authorization = config.get("authorizationConfig")
        if authorization and not (authorization.get("awsIamConfig") or {}).get("signingServiceName"):
            raise BadRequestException(
                "awsIamConfig with a signingRegion and a signingServiceName is required."
            )
    if kind == "RELATIONAL_DATABASE":
        _check_database(config)
    arn = {"AWS_LAMBDA": "lambdaFunctionArn", "AMAZON_EVENTBRIDGE": "eventBusArn"}.get(kind)
    if arn is not None and arns.parse(config.get(arn) or "") is None:
        raise BadRequestException(f"Invalid {arn}: it must be an ARN.")


def _check_database(config: dict[str, Any]) -> None:
    """The texts are ours."""
    if (config.get("relationalDatabaseSourceType") or source_relational.KIND) != source_relational.KIND:
        raise BadRequestException("relationalDatabaseSourceType must be RDS_HTTP_ENDPOINT.")
    endpoint = config.get("rdsHttpEndpointConfig") or {}
    for member in ("dbClusterIdentifier", "awsSecretStoreArn"):
        if arns.parse(endpoint.get(member) or "") is None:
            raise BadRequestException(f"Invalid {member}: it must be an ARN.")
    if endpoint.get("awsRegion") and not is_region(endpoint["awsRegion"]):
        raise BadRequestException("Unsupported region.")


def CreateDataSource(
    call: Call,
    *,
    apiId: str,
    name: str,
    type: str,
    description: str | None = None,
    serviceRoleArn: str | None = None,
    dynamodbConfig: dict[str, Any] | None = None,
    lambdaConfig: dict[str, Any] | None = None,
    httpConfig: dict[str, Any] | None = None,
    eventBridgeConfig: dict[str, Any] | None = None,
    relationalDatabaseConfig: dict[str, Any] | None = None,
) -> dict:
    known(call, apiId)
    if f"{apiId}/{name}" in call.shelf(DataSource):
        raise BadRequestException(f"Data source with name {name} already exists")
    configs = {"dynamodbConfig": dynamodbConfig, "lambdaConfig": lambdaConfig, "httpConfig": httpConfig}
    configs |= {"eventBridgeConfig": eventBridgeConfig, "relationalDatabaseConfig": relationalDatabaseConfig}
    source = _made(call, apiId, name, type, serviceRoleArn, description, configs)
    call.shelf(DataSource)[f"{apiId}/{name}"] = source
    return {"dataSource": shown(call, source)}


def UpdateDataSource(
    call: Call,
    *,
    apiId: str,
    name: str,
    type: str,
    description: str | None = None,
    serviceRoleArn: str | None = None,
    dynamodbConfig: dict[str, Any] | None = None,
    lambdaConfig: dict[str, Any] | None = None,
    httpConfig: dict[str, Any] | None = None,
    eventBridgeConfig: dict[str, Any] | None = None,
    relationalDatabaseConfig: dict[str, Any] | None = None,
) -> dict:
    found(call, apiId, name)
    configs = {"dynamodbConfig": dynamodbConfig, "lambdaConfig": lambdaConfig, "httpConfig": httpConfig}
    configs |= {"eventBridgeConfig": eventBridgeConfig, "relationalDatabaseConfig": relationalDatabaseConfig}
    source = _made(call, apiId, name, type, serviceRoleArn, description, configs)
    call.shelf(DataSource)[f"{apiId}/{name}"] = source
    return {"dataSource": shown(call, source)}


def GetDataSource(call: Call, *, apiId: str, name: str) -> dict:
    return {"dataSource": shown(call, found(call, apiId, name))}


def ListDataSources(call: Call, *, apiId: str) -> dict:
    known(call, apiId)
    held = call.shelf(DataSource)
    return {"dataSources": [shown(call, held[key]) for key in sorted(held) if key.startswith(f"{apiId}/")]}
