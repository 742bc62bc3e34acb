"""The operations of Glue: those of the Data Catalog and of crawlers. Connections, jobs, triggers, workflows, schemas and all else are refused by name."""

from kumoniwa.services.glue.access import resource_of  # noqa: F401 (the gate's hook)
from kumoniwa.services.glue.bill import standing_of, uses_of  # noqa: F401 (hooks of the gate's)
from kumoniwa.services.glue.catalog import (
    GetCatalogImportStatus,
    GetDataCatalogEncryptionSettings,
    PutDataCatalogEncryptionSettings,
)
from kumoniwa.services.glue.classifier import CreateClassifier, DeleteClassifier, GetClassifier, GetClassifiers, UpdateClassifier
from kumoniwa.services.glue.crawl import ListCrawls, StartCrawler, StopCrawler
from kumoniwa.services.glue.crawler import (
    BatchGetCrawlers,
    CreateCrawler,
    DeleteCrawler,
    GetCrawler,
    GetCrawlerMetrics,
    GetCrawlers,
    ListCrawlers,
    StartCrawlerSchedule,
    StopCrawlerSchedule,
    UpdateCrawler,
    UpdateCrawlerSchedule,
)
from kumoniwa.services.glue.database import CreateDatabase, DeleteDatabase, GetDatabase, GetDatabases, UpdateDatabase
from kumoniwa.services.glue.function import (
    CreateUserDefinedFunction,
    DeleteUserDefinedFunction,
    GetUserDefinedFunction,
    GetUserDefinedFunctions,
    UpdateUserDefinedFunction,
)
from kumoniwa.services.glue.partition import (
    BatchCreatePartition,
    BatchDeletePartition,
    BatchGetPartition,
    BatchUpdatePartition,
    CreatePartition,
    DeletePartition,
    GetPartition,
    GetPartitions,
    UpdatePartition,
)
from kumoniwa.services.glue.partition_index import CreatePartitionIndex, DeletePartitionIndex, GetPartitionIndexes
from kumoniwa.services.glue.policy import (
    DeleteResourcePolicy,
    GetResourcePolicies,
    GetResourcePolicy,
    PutResourcePolicy,
    policy_of,  # noqa: F401 (the gate's hook)
)
from kumoniwa.services.glue.search import SearchTables
from kumoniwa.services.glue.table import BatchDeleteTable, CreateTable, DeleteTable, GetTable, GetTables, UpdateTable
from kumoniwa.services.glue.tag import (
    GetTags,
    TagResource,
    UntagResource,
    all_tags,
    reserved_tag,  # noqa: F401 (the gate's hook)
    tags_of,  # noqa: F401 (the gate's hook)
)
from kumoniwa.services.glue.version import (
    BatchDeleteTableVersion,
    DeleteTableVersion,
    GetTableVersion,
    GetTableVersions,
)

__all__ = [
    "BatchCreatePartition", "BatchDeletePartition", "BatchDeleteTable", "BatchDeleteTableVersion", "BatchGetCrawlers", "BatchGetPartition",
    "BatchUpdatePartition", "CreateClassifier", "CreateCrawler", "CreateDatabase", "CreatePartition", "CreatePartitionIndex", "CreateTable",
    "CreateUserDefinedFunction", "DeleteClassifier", "DeleteCrawler", "DeleteDatabase", "DeletePartition", "DeletePartitionIndex",
    "DeleteResourcePolicy", "DeleteTable", "DeleteTableVersion", "DeleteUserDefinedFunction", "GetCatalogImportStatus", "GetClassifier",
    "GetClassifiers", "GetCrawler", "GetCrawlerMetrics", "GetCrawlers", "GetDataCatalogEncryptionSettings", "GetDatabase", "GetDatabases",
    "GetPartition", "GetPartitionIndexes", "GetPartitions", "GetResourcePolicies", "GetResourcePolicy", "GetTable", "GetTableVersion",
    "GetTableVersions", "GetTables", "GetTags", "GetUserDefinedFunction", "GetUserDefinedFunctions", "ListCrawlers", "ListCrawls",
    "PutDataCatalogEncryptionSettings", "PutResourcePolicy", "SearchTables", "StartCrawler", "StartCrawlerSchedule", "StopCrawler",
    "StopCrawlerSchedule", "TagResource", "UntagResource", "UpdateClassifier", "UpdateCrawler", "UpdateCrawlerSchedule", "UpdateDatabase",
    "UpdatePartition", "UpdateTable", "UpdateUserDefinedFunction", "all_tags",
]  # fmt: skip
