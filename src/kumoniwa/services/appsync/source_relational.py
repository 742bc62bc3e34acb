"""A relational database as a data source: statements for a cluster of Aurora, asked of RDS's Data API in the role of the data source.

https://docs.aws.amazon.com/appsync/latest/devguide/resolver-mapping-template-reference-rds.html
"""

from __future__ import annotations

import base64
import re
from typing import Any

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.services.appsync.failure import Failure

STATEMENTS_MAX = 2
"""In one request."""
KIND = "RDS_HTTP_ENDPOINT"
_NAME = re.compile(r":([A-Za-z0-9_]+)")
_WORDS = {
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    500: "Internal Server Error",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


def _value(name: str, value: Any, hint: str | None) -> dict[str, Any]:
    """A variable as the Data API wants it, by its JSON type."""
    if value is None:
        told: dict[str, Any] = {"isNull": True}
    elif isinstance(value, bool):
        told = {"booleanValue": value}
    elif hint is None and isinstance(value, int):
        told = {"longValue": value}
    elif hint is None and isinstance(value, float):
        told = {"doubleValue": value}
    elif isinstance(value, str):
        told = {"stringValue": value}
    elif hint is not None:
        told = {"stringValue": orjson.dumps(value).decode()}
    else:
        # The text is one of ours.
        raise Failure(
            f"Unsupported value for the variable {name}: it must be a text, a number, a boolean or null.", "MappingTemplate"
        )
    return {"name": name.removeprefix(":"), "value": told} | (
        {"typeHint": hint} if hint is not None else {}
    )


async def ask(call: Call, config: dict[str, Any], request: dict[str, Any]) -> str:
    """What the statements answered, one after the other, as a text that ``util.rds`` reads. Raises Failure."""
    statements = request.get("statements")
    if not isinstance(statements, list) or not statements or not all(isinstance(each, str) for each in statements):
        raise Failure("Value for field '$[statements]' not found.", "MappingTemplate")
    if len(statements) > STATEMENTS_MAX:
        raise Failure(f"At most {STATEMENTS_MAX} statements can be asked in one request.", "MappingTemplate")
    variables, hints = request.get("variableMap") or {}, request.get("variableTypeHintMap") or {}
    if not isinstance(variables, dict) or not isinstance(hints, dict):
        # The text is one of ours.
        raise Failure("variableMap and variableTypeHintMap must be maps.", "MappingTemplate")
    results = []
    for statement in statements:
        wanted = {f":{name}" for name in _NAME.findall(statement)}
        parameters = [_value(name, value, hints.get(name)) for name, value in variables.items() if name in wanted]
        results.append(await _asked(call, config["rdsHttpEndpointConfig"], statement, parameters))
    return orjson.dumps({"sqlStatementResults": results}, default=_text_of).decode()


def _text_of(value: Any) -> str:
    return base64.b64encode(value).decode()


async def _asked(call: Call, config: dict[str, Any], statement: str, parameters: list[dict[str, Any]]) -> dict[str, Any]:
    more = {
        parameter: config[member]
        for parameter, member in (("database", "databaseName"), ("schema", "schema"))
        if config.get(member)
    }
    try:
        return await call.ask(
            "rds-data:ExecuteStatement",
            to_region=config.get("awsRegion") or None,
            resourceArn=config["dbClusterIdentifier"],
            secretArn=config["awsSecretStoreArn"],
            sql=statement,
            parameters=parameters,
            includeResultMetadata=True,
            **more,
        )
    except NotImplementedHere:
        raise
    except AwsError as error:
        status = error.status or (404 if error.code.endswith("NotFoundException") else 403 if error.code.startswith("AccessDenied") else 400)
        # In what form they are told was seen in aws/aws-cdk#12735.
        text = "RDSHttp:" + orjson.dumps({"message": error.text}).decode()
        raise Failure(text, f"{status} {_WORDS.get(status, 'Error')}", info=error.hint or None) from None


# What templates make of it ---------------------------------------------------------------------------


def _plain(value: dict[str, Any]) -> Any:
    if value.get("isNull"):
        return None
    if "arrayValue" not in value:
        return next(iter(value.values()), None)
    held = value["arrayValue"]
    if "arrayValues" in held:
        return [_plain({"arrayValue": each}) for each in held["arrayValues"]]
    return next(iter(held.values()), [])


def rows(told: Any) -> list[list[dict[str, Any]]]:
    """For each statement its rows; none for one that changes. https://docs.aws.amazon.com/appsync/latest/devguide/rds-helpers-in-util-rds.html"""
    results = (orjson.loads(told) if isinstance(told, str) else told)["sqlStatementResults"]
    found = []
    for each in results:
        labels = [column.get("label") or column["name"] for column in each.get("columnMetadata") or ()]
        lines = [[(label, _plain(value)) for label, value in zip(labels, record)] for record in each.get("records") or ()]
        found.append([{label: value for label, value in line if value is not None} for line in lines])
    return found
