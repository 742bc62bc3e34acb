"""What a call to the catalog touches: what it is done to and everything above that, up to the catalog itself.

"All operations performed on a Data Catalog resource require permission on the resource and all the ancestors of that resource"; a list is of
all below it, and who deletes a database deletes its tables and functions.
https://docs.aws.amazon.com/glue/latest/dg/glue-specifying-resource-arns.html,
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsglue.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call

_OF_THE_CATALOG = frozenset({
    "GetCatalogImportStatus", "GetDataCatalogEncryptionSettings", "PutDataCatalogEncryptionSettings", "PutResourcePolicy", "GetResourcePolicy",
    "DeleteResourcePolicy", "GetResourcePolicies",
})  # fmt: skip


def _text(said: Any) -> str:
    """A name as the catalog folds it, whatever a client says it is."""
    return said.lower() if isinstance(said, str) and said else "*"


def _inner(params: dict[str, Any], member: str, name: str) -> str:
    said = params.get(member)
    return _text(said.get(name) if isinstance(said, dict) else None)


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str | list[str]:
    if operation in ("TagResource", "UntagResource", "GetTags"):
        return str(params.get("ResourceArn"))
    if "Crawl" in operation or "Classifier" in operation:
        return _crawlers(call, operation, params)
    said = params.get("CatalogId")
    account = said if isinstance(said, str) and len(said) == 12 and said.isascii() and said.isdigit() else call.account
    begin = f"arn:{call.home.partition}:glue:{call.region}:{account}:"
    if operation in _OF_THE_CATALOG:
        return f"{begin}catalog"
    return [f"{begin}catalog", *(f"{begin}{each}" for each in _below(operation, params))]


def _crawlers(call: Call, operation: str, params: dict[str, Any]) -> str | list[str]:
    """What makes or lists crawlers, and what concerns classifiers, is of no resource."""
    if operation == "BatchGetCrawlers":
        names = params.get("CrawlerNames")
        return [call.arn(f"crawler/{name}", "glue") for name in names] if isinstance(names, list) and names else "*"
    if operation in ("CreateCrawler", "GetCrawlers", "ListCrawlers", "GetCrawlerMetrics") or "Classifier" in operation:
        return "*"
    return call.arn(f"crawler/{params.get('CrawlerName', params.get('Name'))}", "glue")


def _below(operation: str, params: dict[str, Any]) -> list[str]:
    if operation == "SearchTables":
        return ["database/*", "table/*"]
    if operation.endswith(("Database", "Databases")):
        name = _text(params.get("Name")) if "Name" in params else _inner(params, "DatabaseInput", "Name")
        below = [f"table/{name}/*", f"userDefinedFunction/{name}/*"] if operation == "DeleteDatabase" else []
        return [f"database/{name}", *below]
    name = _text(params.get("DatabaseName"))
    if operation.endswith(("Function", "Functions")):
        function = "" if operation.startswith("Create") else f"userDefinedFunction/{name}/{_text(params.get('FunctionName'))}"
        return [f"database/{name}", *([function] if function else [])]
    if operation == "BatchDeleteTable":
        wanted = params.get("TablesToDelete")
        tables = [_text(each) for each in wanted] if isinstance(wanted, list) and wanted else ["*"]
        return [f"database/{name}", *(f"table/{name}/{each}" for each in tables)]
    table = _text(params.get("TableName", params.get("Name"))) if "TableInput" not in params else _inner(params, "TableInput", "Name")
    return [f"database/{name}", f"table/{name}/{table}"]
