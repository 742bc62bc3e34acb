"""The operations of Athena. Notebooks, sessions and calculations (Spark), capacity reservations and other catalogs are refused by name."""

from kumoniwa.services.athena.access import resource_of  # noqa: F401 (the gate's hook)
from kumoniwa.services.athena.catalog import (
    CreateDataCatalog,
    GetDatabase,
    GetDataCatalog,
    GetTableMetadata,
    ListDatabases,
    ListDataCatalogs,
    ListTableMetadata,
)
from kumoniwa.services.athena.execution import (
    TOKENS,  # noqa: F401 (the gate's hook)
    BatchGetQueryExecution,
    GetQueryExecution,
    ListQueryExecutions,
    StartQueryExecution,
    StopQueryExecution,
)
from kumoniwa.services.athena.named_query import (
    BatchGetNamedQuery,
    CreateNamedQuery,
    DeleteNamedQuery,
    GetNamedQuery,
    ListNamedQueries,
    UpdateNamedQuery,
)
from kumoniwa.services.athena.prepared_statement import (
    BatchGetPreparedStatement,
    CreatePreparedStatement,
    DeletePreparedStatement,
    GetPreparedStatement,
    ListPreparedStatements,
    UpdatePreparedStatement,
)
from kumoniwa.services.athena.result import GetQueryResults, GetQueryRuntimeStatistics
from kumoniwa.services.athena.tag import (
    ListTagsForResource,
    TagResource,
    UntagResource,
    all_tags,
    reserved_tag,  # noqa: F401 (the gate's hook)
    tags_of,  # noqa: F401 (the gate's hook)
)
from kumoniwa.services.athena.workgroup import (
    CreateWorkGroup,
    DeleteWorkGroup,
    GetWorkGroup,
    ListEngineVersions,
    ListWorkGroups,
    UpdateWorkGroup,
)

__all__ = [
    "BatchGetNamedQuery", "BatchGetPreparedStatement", "BatchGetQueryExecution", "CreateDataCatalog", "CreateNamedQuery", "CreatePreparedStatement",
    "CreateWorkGroup", "DeleteNamedQuery", "DeletePreparedStatement", "DeleteWorkGroup", "GetDataCatalog", "GetDatabase", "GetNamedQuery",
    "GetPreparedStatement", "GetQueryExecution", "GetQueryResults", "GetQueryRuntimeStatistics", "GetTableMetadata", "GetWorkGroup",
    "ListDataCatalogs", "ListDatabases", "ListEngineVersions", "ListNamedQueries", "ListPreparedStatements", "ListQueryExecutions", "ListTableMetadata",
    "ListTagsForResource", "ListWorkGroups", "StartQueryExecution", "StopQueryExecution", "TagResource", "UntagResource", "UpdateNamedQuery",
    "UpdatePreparedStatement", "UpdateWorkGroup", "all_tags",
]  # fmt: skip
