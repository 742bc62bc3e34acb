"""AWS::Glue. What names a database or a table may stand in a template by itself or inside of its input."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from kumoniwa.deploy.resource import ID, OMIT, Call, Name, ResourceType, Value, Work, at, each, fields, gone_tags, p, text, use
from kumoniwa.kernel.errors import AwsError

_ABSENT = "EntityNotFoundException"
_catalog = at(p.CatalogId)


def _inside(member: str, name: str) -> Any:
    """What the creating call's input names, or nothing."""

    def found(work: Work) -> str:
        said = work.properties.get(member)
        return str(said.get(name, "")).lower() if isinstance(said, Mapping) else ""

    return found


def _remade(member: str, name: str) -> Any:
    """A change of what identifies the resource within a property that can change otherwise."""

    def replaces(old: Mapping[str, Any], new: Mapping[str, Any]) -> frozenset[str]:
        was, will = ((said.get(member) or {}).get(name) for said in (old, new))
        return frozenset((member,)) if was != will else frozenset()

    return replaces


def _parameters(found: Any) -> Any:
    """A template's values may be numbers and truths; those of the API are texts. CDK's tables have such (``has_encrypted_data``)."""
    if not isinstance(found, Mapping):
        return found
    return {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in found.items()}


_described = fields(
    "BucketColumns Columns Compressed InputFormat Location NumberOfBuckets OutputFormat Parameters SerdeInfo SkewedInfo SortColumns "
    "StoredAsSubDirectories",
    Parameters=_parameters, Columns=each(fields("Comment Name Type")), SerdeInfo=fields("Name Parameters SerializationLibrary", Parameters=_parameters),
)  # fmt: skip

_database = fields("CreateTableDefaultPermissions Description LocationUri Name Parameters", Parameters=_parameters)
_input = use(lambda found, name: {**_database(found), "Name": name}, p.DatabaseInput, p.DatabaseName)

Database = ResourceType(
    name=Name("DatabaseName", 255, lower=True, composed=_inside("DatabaseInput", "Name"), tells=False),
    create=Call("glue:CreateDatabase", "CatalogId", DatabaseInput=_input),
    id=use(str.lower, p.DatabaseName),
    read=Call("glue:GetDatabase", Name=ID, CatalogId=_catalog),
    update=(Call("glue:UpdateDatabase", "CatalogId", Name=ID, DatabaseInput=use(lambda found, name: {**_database(found), "Name": name}, p.DatabaseInput, ID)),),
    delete=Call("glue:DeleteDatabase", Name=ID, CatalogId=_catalog),
    absent=_ABSENT,
    remade_by=_remade("DatabaseInput", "Name"),
)

_table = fields(
    "Description Name Owner Parameters PartitionKeys Retention StorageDescriptor TableType ViewExpandedText ViewOriginalText",
    Parameters=_parameters, StorageDescriptor=_described, PartitionKeys=each(fields("Comment Name Type")),
)  # fmt: skip


def _table_named(name: Value) -> Value:
    return use(lambda found, said: {**_table(found), "Name": said}, p.TableInput, name)


_of_table = {"DatabaseName": at(p.DatabaseName), "CatalogId": _catalog}

Table = ResourceType(
    name=Name("Name", 255, lower=True, within="DatabaseName", composed=_inside("TableInput", "Name"), tells=False),
    create=Call("glue:CreateTable", "CatalogId DatabaseName", TableInput=_table_named(p.Name)),
    # Ref answers the table's name, whatever else identifies it: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-glue-table.html
    id=use(str.lower, p.Name),
    read=Call("glue:GetTable", Name=ID, **_of_table),
    update=(Call("glue:UpdateTable", TableInput=_table_named(ID), **_of_table),),
    delete=Call("glue:DeleteTable", Name=ID, **_of_table),
    absent=_ABSENT,
    remade_by=_remade("TableInput", "Name"),
)

_partition = use(fields("Parameters StorageDescriptor Values", Parameters=_parameters, StorageDescriptor=_described), p.PartitionInput)
_of_partition = {"DatabaseName": at(p.DatabaseName), "TableName": at(p.TableName), "CatalogId": _catalog}
_values = use(lambda found: found.get("Values", OMIT), at(p.PartitionInput))


def _identity(values: Any, *where: str) -> str:
    """Of its four parts the schema calls the last "a hashed string equivalent to the partition values list"; which, AWS does not say."""
    return "|".join((*where, hashlib.sha256("\0".join(values).encode()).hexdigest()))


Partition = ResourceType(
    create=Call("glue:CreatePartition", "CatalogId DatabaseName TableName", PartitionInput=_partition),
    id=use(_identity, _values, p.CatalogId, p.DatabaseName, p.TableName),
    read=Call("glue:GetPartition", PartitionValues=_values, **_of_partition),
    update=(Call("glue:UpdatePartition", PartitionValueList=_values, PartitionInput=_partition, **_of_partition),),
    delete=Call("glue:DeletePartition", PartitionValues=_values, **_of_partition),
    absent=_ABSENT,
    remade_by=_remade("PartitionInput", "Values"),
)


# Crawlers ------------------------------------------------------------------------------------------

_CRAWLED = "Classifiers Configuration CrawlerSecurityConfiguration DatabaseName Description LakeFormationConfiguration RecrawlPolicy Role SchemaChangePolicy TablePrefix Targets"
_IDLE, _IDLE_TRIES, _IDLE_S = "READY", 600, 1.0
_crawled = {name: getattr(p, name) for name in _CRAWLED.split()} | {"Schedule": p.Schedule.ScheduleExpression}
_crawler_arn = text("arn:${AWS::Partition}:glue:${AWS::Region}:${AWS::AccountId}:crawler/${ID}")


async def _delete(work: Work) -> None:
    """One that crawls is stopped first: among what the schema says a deletion may do is StopCrawler."""
    for _ in range(_IDLE_TRIES):
        try:
            await work.ask("glue:DeleteCrawler", Name=work.id)
            return
        except AwsError as error:
            if error.code != "CrawlerRunningException":
                raise
        held = await work.look("glue:GetCrawler", Name=work.id)
        if held["Crawler"]["State"] == "RUNNING":
            await work.ask("glue:StopCrawler", Name=work.id)
        await work.pause(_IDLE_S)


Crawler = ResourceType(
    name=Name("Name", 255, tells=False),
    create=Call("glue:CreateCrawler", "Name Tags", **_crawled),
    id=p.Name,
    read=Call("glue:GetCrawler", Name=ID),
    update=(
        Call("glue:UpdateCrawler", Name=ID, **_crawled),
        Call("glue:UntagResource", ResourceArn=_crawler_arn, TagsToRemove=gone_tags).when(gone_tags),
        Call("glue:TagResource", ResourceArn=_crawler_arn, TagsToAdd=p.Tags).when(p.Tags),
    ),
    delete=_delete,
    absent=_ABSENT,
    # What the template does not say any more is again as if it had never been said.
    defaults={
        "Classifiers": [], "Configuration": "", "Description": "", "TablePrefix": "", "Schedule": {"ScheduleExpression": ""},
        "CrawlerSecurityConfiguration": "", "LakeFormationConfiguration": {"UseLakeFormationCredentials": False, "AccountId": ""},
        "RecrawlPolicy": {"RecrawlBehavior": "CRAWL_EVERYTHING"},
        "SchemaChangePolicy": {"UpdateBehavior": "UPDATE_IN_DATABASE", "DeleteBehavior": "DEPRECATE_IN_DATABASE"},
    },
)  # fmt: skip

_KINDS = ("CsvClassifier", "GrokClassifier", "JsonClassifier", "XMLClassifier")
_members = {
    "CsvClassifier": fields(
        "AllowSingleColumn ContainsCustomDatatype=CustomDatatypes ContainsHeader CustomDatatypeConfigured Delimiter DisableValueTrimming Header Name "
        "QuoteSymbol"
    ),
    "GrokClassifier": fields("Classification CustomPatterns GrokPattern Name"), "JsonClassifier": fields("JsonPath Name"),
    "XMLClassifier": fields("Classification Name RowTag"),
}  # fmt: skip


def _classifier(name: Value) -> dict[str, Value]:
    def named(member: str) -> Value:
        return use(lambda found, said: {**_members[member](found), "Name": said}, getattr(p, member), name)

    return {member: named(member) for member in _KINDS}


def _classifier_name(work: Work) -> str:
    said = [work.properties[member].get("Name", "") for member in _KINDS if isinstance(work.properties.get(member), Mapping)]
    return str(said[0]) if said else ""


def _other_classifier(old: Mapping[str, Any], new: Mapping[str, Any]) -> frozenset[str]:
    """Neither its name nor its kind can change."""
    changed = {member for member in _KINDS if (member in old) != (member in new)}
    return frozenset(changed).union(*(_remade(member, "Name")(old, new) for member in _KINDS))


Classifier = ResourceType(
    name=Name("Name", 255, composed=_classifier_name, tells=False),
    create=Call("glue:CreateClassifier", **_classifier(p.Name)),
    id=p.Name,
    read=Call("glue:GetClassifier", Name=ID),
    update=(Call("glue:UpdateClassifier", **_classifier(ID)).writes_all(),),
    delete=Call("glue:DeleteClassifier", Name=ID),
    absent=_ABSENT,
    remade_by=_other_classifier,
)
