"""What a call touches: a workgroup, or a data catalog.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonathena.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record
from kumoniwa.services.athena.execution import Execution
from kumoniwa.services.athena.named_query import NamedQuery
from kumoniwa.services.athena.workgroup import PRIMARY

_OF_CATALOGS = ("GetDataCatalog", "CreateDataCatalog", "GetDatabase", "ListDatabases", "GetTableMetadata", "ListTableMetadata")
_OF_ALL = ("ListWorkGroups", "ListDataCatalogs", "ListEngineVersions")


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str | list[str]:
    begin = f"arn:{call.home.partition}:athena:{call.region}:{call.account}:"
    if operation in ("TagResource", "UntagResource", "ListTagsForResource"):
        return str(params.get("ResourceARN"))
    if operation in _OF_ALL:
        return "*"
    if operation in _OF_CATALOGS:
        return f"{begin}datacatalog/{params.get('CatalogName') or params.get('Name') or '*'}"
    if operation == "CreateWorkGroup":
        return f"{begin}workgroup/{params.get('Name')}"
    groups = _held(call, params)
    if groups is None:
        return f"{begin}workgroup/{params.get('WorkGroup') or PRIMARY}"
    return [f"{begin}workgroup/{name}" for name in groups]


def _held(call: Call, params: dict[str, Any]) -> list[str] | None:
    """The workgroups of what is named by an id; None where nothing is."""
    kinds: tuple[tuple[str, type[Record]], ...] = (("QueryExecutionId", Execution), ("NamedQueryId", NamedQuery))
    for member, kind in kinds:
        said = params.get(member, params.get(f"{member}s"))
        if said is not None:
            listed = said if isinstance(said, list) else [said]
            shelf = call.shelf(kind)
            return sorted({shelf[each].workgroup for each in listed if isinstance(each, str) and each in shelf}) or ["*"]
    return None
