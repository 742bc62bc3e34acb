"""Glue's Data Catalog: databases, tables and their versions, functions, tags, and what is found among them."""

from __future__ import annotations

import json

import pytest
from bill_workshop import used
from glue_workshop import COLUMNS, KEYS, chosen, described, make_table, part
from notice_workshop import queue, received
from refusals import refused, refused_code

ACCOUNT = "000000000000"


@pytest.fixture
def glue(cloud):
    client = cloud.client("glue")
    client.create_database(DatabaseInput={"Name": "lake"})
    return client


def names(glue, **asked) -> list[str]:
    return [each["Name"] for each in glue.get_tables(DatabaseName="lake", **asked)["TableList"]]


def versions(glue) -> list[str]:
    return [each["VersionId"] for each in glue.get_table_versions(DatabaseName="lake", TableName="logs")["TableVersions"]]


# Databases -----------------------------------------------------------------------------------------


def test_a_database_is_made_shown_changed_and_deleted(cloud, glue):
    glue.create_database(DatabaseInput={"Name": "Sales", "Description": "d", "LocationUri": "s3://b/", "Parameters": {"a": "1"}}, CatalogId=ACCOUNT)
    shown = glue.get_database(Name="SALES")["Database"]
    assert shown.pop("CreateTime").timestamp() == pytest.approx(cloud.now(), abs=5)
    everybody = [{"Principal": {"DataLakePrincipalIdentifier": "IAM_ALLOWED_PRINCIPALS"}, "Permissions": ["ALL"]}]
    assert shown == {
        "Name": "sales", "Description": "d", "LocationUri": "s3://b/", "Parameters": {"a": "1"}, "CreateTableDefaultPermissions": everybody,
        "CatalogId": ACCOUNT,
    }  # fmt: skip
    glue.update_database(Name="sales", DatabaseInput={"Name": "sales", "Description": "e"})
    shown = glue.get_database(Name="sales")["Database"]
    assert shown["Description"] == "e" and "LocationUri" not in shown
    assert [each["Name"] for each in glue.get_databases()["DatabaseList"]] == ["lake", "sales"]
    glue.delete_database(Name="Sales")
    assert refused(glue.get_database, Name="sales") == ("EntityNotFoundException", "Database sales not found.")


def test_databases_that_are_not_or_are_already_are_refused(glue):
    assert refused(glue.create_database, DatabaseInput={"Name": "LAKE"}) == ("AlreadyExistsException", "Database already exists.")
    # https://github.com/floci-io/floci/issues/1229
    renamed = {"Name": "lake", "DatabaseInput": {"Name": "sea"}}
    assert refused(glue.update_database, **renamed) == ("InvalidInputException", "Database cannot be renamed")
    missing = ("EntityNotFoundException", "Database x not found.")
    for call, params in (
        (glue.update_database, {"Name": "x", "DatabaseInput": {"Name": "x"}}), (glue.delete_database, {"Name": "x"}),
        (glue.get_tables, {"DatabaseName": "x"}), (glue.get_table, {"DatabaseName": "x", "Name": "t"}),
        (glue.create_table, {"DatabaseName": "x", "TableInput": {"Name": "t"}}),
        (glue.get_partitions, {"DatabaseName": "x", "TableName": "t"}), (glue.get_user_defined_functions, {"DatabaseName": "x", "Pattern": "*"}),
    ):  # fmt: skip
        assert refused(call, **params) == missing
    assert refused_code(glue.get_database, Name="lake", CatalogId="s3tablescatalog") == "EntityNotFoundException"


def test_databases_come_in_pages(glue):
    for number in range(4):
        glue.create_database(DatabaseInput={"Name": f"d{number}"})
    first = glue.get_databases(MaxResults=2)
    second = glue.get_databases(MaxResults=3, NextToken=first["NextToken"])
    assert [[each["Name"] for each in page["DatabaseList"]] for page in (first, second)] == [["d0", "d1"], ["d2", "d3", "lake"]]
    assert "NextToken" not in second
    assert refused_code(glue.get_databases, NextToken="x") == "InvalidInputException"
    assert glue.get_databases(ResourceShareType="FOREIGN")["DatabaseList"] == []


def test_what_lake_formation_would_look_at_is_refused_by_name(glue):
    for more in ({"TargetDatabase": {"CatalogId": "1" * 12, "DatabaseName": "x"}}, {"CreateTableDefaultPermissions": []}):
        code, text = refused(glue.create_database, DatabaseInput={"Name": "x", **more})
        assert code == "NotImplemented" and f"DatabaseInput.{next(iter(more))}" in text


# Tables --------------------------------------------------------------------------------------------


def test_a_table_is_shown_with_what_aws_fills_in(cloud, glue):
    glue.create_table(DatabaseName="Lake", TableInput={"Name": "Logs", "Parameters": {"a": "B"}, "StorageDescriptor": {"Columns": [{"Name": "UserId", "Type": "int"}]}})
    shown = glue.get_table(DatabaseName="LAKE", Name="LOGS")["Table"]
    assert shown.pop("CreateTime") == shown.pop("UpdateTime")
    assert shown.pop("CreatedBy").startswith("arn:aws:iam::")
    assert shown == {
        "Name": "logs", "DatabaseName": "lake", "Retention": 0, "PartitionKeys": [], "Parameters": {"a": "B"}, "CatalogId": ACCOUNT, "VersionId": "0",
        "IsRegisteredWithLakeFormation": False, "IsMultiDialectView": False, "IsMaterializedView": False,
        "StorageDescriptor": {
            "Columns": [{"Name": "userid", "Type": "int"}], "Compressed": False, "NumberOfBuckets": 0, "BucketColumns": [], "SortColumns": [],
            "StoredAsSubDirectories": False,
        },
    }  # fmt: skip


def test_tables_that_are_not_or_are_already_are_refused(glue):
    make_table(glue)
    assert refused(glue.create_table, DatabaseName="lake", TableInput={"Name": "LOGS"}) == ("AlreadyExistsException", "Table already exists.")
    missing = ("EntityNotFoundException", "Table x not found.")
    assert refused(glue.get_table, DatabaseName="lake", Name="x") == missing
    assert refused(glue.delete_table, DatabaseName="lake", Name="X") == missing
    assert refused(glue.update_table, DatabaseName="lake", TableInput={"Name": "x"}) == missing
    assert refused(glue.get_table_versions, DatabaseName="lake", TableName="x") == missing
    with_parameters = [{"Name": "y", "Type": "int", "Parameters": {"a": "b"}}]
    said = refused(glue.create_table, DatabaseName="lake", TableInput={"Name": "t", "PartitionKeys": with_parameters})
    assert said == ("InvalidInputException", "Parameters not supported for partition columns")
    assert refused_code(glue.create_table, DatabaseName="lake") == "InvalidInputException"


def test_tables_are_found_by_an_expression_and_come_in_pages(glue):
    # The names and what finds how many of them: moto's test_get_tables_expression.
    for name in (
        "mytableprefix_123", "mytableprefix_something_test", "something_mytablepostfix", "test_catchthis123_test", "asduas6781catchthisasdas",
        "fakecatchthisfake", "trailingtest.", "trailingtest...",
    ):  # fmt: skip
        glue.create_table(DatabaseName="lake", TableInput={"Name": name})
    found = {
        r"mytableprefix_\w+": 2, r"\w+_mytablepostfix": 1, r"\w+catchthis\w+": 3, "*": 8, "mytable*": 2, "*table*": 3, "*catch*is*": 3, ".*catch*is*": 3,
        "trailing*.*": 2, "nothing": 0,
    }  # fmt: skip
    assert {expression: len(names(glue, Expression=expression)) for expression in found} == found
    first = glue.get_tables(DatabaseName="lake", MaxResults=5)
    rest = names(glue, NextToken=first["NextToken"])
    assert [each["Name"] for each in first["TableList"]] + rest == sorted(names(glue)) and len(rest) == 3
    assert refused_code(glue.get_tables, DatabaseName="lake", Expression="(") == "InvalidInputException"
    assert refused_code(glue.get_tables, DatabaseName="lake", Expression="(.*.*)*x(a|a)*y", MaxResults=1) == "InvalidInputException"
    (one,) = glue.get_tables(DatabaseName="lake", Expression="fake.*", AttributesToGet=["NAME"])["TableList"]
    assert one == {"Name": "fakecatchthisfake", "DatabaseName": "lake"}


def test_an_update_replaces_a_table_and_keeps_what_it_was_as_a_version(glue):
    make_table(glue)
    glue.update_table(DatabaseName="lake", TableInput={"Name": "Logs", "Description": "second"})
    glue.update_table(DatabaseName="lake", TableInput={"Name": "logs", "Description": "third"}, SkipArchive=True, VersionId="1")
    # Each update is a version of its own, kept or not: https://github.com/floci-io/floci/issues/1230 shows the order.
    assert versions(glue) == ["2", "0"]
    stale = {"DatabaseName": "lake", "TableInput": {"Name": "logs"}, "VersionId": "1"}
    assert refused(glue.update_table, **stale) == ("ConcurrentModificationException", "Update table failed due to concurrent modifications.")
    old = glue.get_table_version(DatabaseName="lake", TableName="logs", VersionId="0")["TableVersion"]
    assert (old["VersionId"], old["Table"]["VersionId"], old["Table"]["PartitionKeys"]) == ("0", "0", KEYS)
    new = glue.get_table_version(DatabaseName="lake", TableName="logs")["TableVersion"]["Table"]
    assert (new["VersionId"], new["Description"], new["PartitionKeys"]) == ("2", "third", [])
    assert refused(glue.get_table_version, DatabaseName="lake", TableName="logs", VersionId="20") == ("EntityNotFoundException", "Version not found.")
    assert refused_code(glue.get_table_version, DatabaseName="lake", TableName="logs", VersionId="1x") == "InvalidInputException"


def test_versions_come_in_pages_and_are_deleted(glue):
    make_table(glue)
    for _ in range(4):
        glue.update_table(DatabaseName="lake", TableInput={"Name": "logs"})
    where = {"DatabaseName": "lake", "TableName": "logs"}
    first = glue.get_table_versions(**where, MaxResults=3)
    second = glue.get_table_versions(**where, NextToken=first["NextToken"])
    assert [[each["VersionId"] for each in page["TableVersions"]] for page in (first, second)] == [["4", "3", "2"], ["1", "0"]]
    glue.delete_table_version(**where, VersionId="1")
    assert refused_code(glue.delete_table_version, **where, VersionId="4") == "InvalidInputException"
    errors = glue.batch_delete_table_version(**where, VersionIds=["0", "1"])["Errors"]
    assert errors == [{"TableName": "logs", "VersionId": "1", "ErrorDetail": {"ErrorCode": "EntityNotFoundException", "ErrorMessage": "Version not found."}}]
    assert versions(glue) == ["4", "3", "2"]


def test_tables_are_deleted_in_a_batch_which_tells_what_is_missing(glue):
    make_table(glue)
    make_table(glue, "other")
    # https://github.com/floci-io/floci/issues/1203
    missing = {"ErrorCode": "EntityNotFoundException", "ErrorMessage": "Table none not found"}
    assert glue.batch_delete_table(DatabaseName="lake", TablesToDelete=["Logs", "none"])["Errors"] == [{"TableName": "none", "ErrorDetail": missing}]
    assert names(glue) == ["other"]


def test_what_is_deleted_takes_all_below_it_with_it(cloud, glue):
    where = make_table(glue)
    part(glue, where, "2026", "01", "2026-01-01")
    glue.create_user_defined_function(DatabaseName="lake", FunctionInput={"FunctionName": "f", "ClassName": "c"})
    glue.delete_table(DatabaseName="lake", Name="logs")
    make_table(glue)
    assert chosen(glue, where) == [] and versions(glue) == ["0"]
    part(glue, where, "2026", "01", "2026-01-01")
    glue.delete_database(Name="lake")
    glue.create_database(DatabaseInput={"Name": "lake"})
    assert names(glue) == []
    assert glue.get_user_defined_functions(DatabaseName="lake", Pattern="*")["UserDefinedFunctions"] == []
    cloud.sleep(1)
    rows = cloud.region().store.rows(ACCOUNT)
    assert [rows.one(f"select count(*) from {name}")[0] for name in ("glue_partition", "glue_table", "glue_function", "glue_remains")] == [0, 0, 0, 0]


def test_the_catalog_outlives_a_kill(cloud, glue):
    where = make_table(glue)
    part(glue, where, "2026", "01", "2026-01-01")
    glue.update_table(DatabaseName="lake", TableInput={"Name": "logs", "PartitionKeys": KEYS, "StorageDescriptor": described()})
    cloud.restart(kill=True)
    assert glue.get_table(DatabaseName="lake", Name="logs")["Table"]["VersionId"] == "1"
    assert (versions(glue), chosen(glue, where)) == (["1", "0"], [["2026", "01", "2026-01-01"]])


# Functions, tags, settings -------------------------------------------------------------------------


def test_functions_are_kept_by_database(glue):
    said = {"FunctionName": "MyFunction", "ClassName": "org.x.F", "OwnerName": "me", "OwnerType": "USER", "ResourceUris": [{"ResourceType": "JAR", "Uri": "s3://b/f.jar"}]}
    glue.create_user_defined_function(DatabaseName="lake", FunctionInput=said)
    shown = glue.get_user_defined_function(DatabaseName="lake", FunctionName="MYFUNCTION")["UserDefinedFunction"]
    assert shown.pop("CreateTime") and shown == {**said, "FunctionName": "myfunction", "DatabaseName": "lake", "CatalogId": ACCOUNT}
    assert refused_code(glue.create_user_defined_function, DatabaseName="lake", FunctionInput=said) == "AlreadyExistsException"
    glue.update_user_defined_function(DatabaseName="lake", FunctionName="myfunction", FunctionInput={"ClassName": "org.x.G"})
    glue.create_database(DatabaseInput={"Name": "other"})
    for name in ("a1", "a2", "b1"):
        glue.create_user_defined_function(DatabaseName="other", FunctionInput={"FunctionName": name})
    pages = glue.get_paginator("get_user_defined_functions").paginate(Pattern="a*", PaginationConfig={"PageSize": 1})
    assert [each["FunctionName"] for page in pages for each in page["UserDefinedFunctions"]] == ["a1", "a2"]
    found = glue.get_user_defined_functions(DatabaseName="lake", Pattern="*")["UserDefinedFunctions"]
    assert [(each["FunctionName"], each["ClassName"]) for each in found] == [("myfunction", "org.x.G")]
    glue.delete_user_defined_function(DatabaseName="lake", FunctionName="MyFunction")
    assert refused_code(glue.get_user_defined_function, DatabaseName="lake", FunctionName="myfunction") == "EntityNotFoundException"


def test_databases_have_tags(cloud, glue):
    glue.create_database(DatabaseInput={"Name": "sales"}, Tags={"team": "a"})
    arn = f"arn:aws:glue:us-east-1:{ACCOUNT}:database/sales"
    glue.tag_resource(ResourceArn=arn, TagsToAdd={"more": "b"})
    glue.untag_resource(ResourceArn=arn, TagsToRemove=["team", "none"])
    assert glue.get_tags(ResourceArn=arn)["Tags"] == {"more": "b"}
    assert refused_code(glue.tag_resource, ResourceArn=arn, TagsToAdd={"aws:x": "b"}) == "InvalidInputException"
    assert refused_code(glue.get_tags, ResourceArn=arn + "x") == "EntityNotFoundException"
    assert refused_code(glue.get_tags, ResourceArn="sales") == "ValidationException"
    assert refused_code(glue.get_tags, ResourceArn=f"arn:aws:glue:us-east-1:{ACCOUNT}:table/lake/logs") == "EntityNotFoundException"
    found = cloud.client("resourcegroupstaggingapi").get_resources(ResourceTypeFilters=["glue:database"])["ResourceTagMappingList"]
    assert [each["ResourceARN"] for each in found] == [arn]


def test_nothing_is_encrypted_and_nobody_is_told_otherwise(glue):
    settings = glue.get_data_catalog_encryption_settings()["DataCatalogEncryptionSettings"]
    assert settings["EncryptionAtRest"] == {"CatalogEncryptionMode": "DISABLED"}
    glue.put_data_catalog_encryption_settings(DataCatalogEncryptionSettings=settings)
    wanted = {"EncryptionAtRest": {"CatalogEncryptionMode": "SSE-KMS"}}
    assert refused_code(glue.put_data_catalog_encryption_settings, DataCatalogEncryptionSettings=wanted) == "NotImplemented"
    assert glue.get_catalog_import_status()["ImportStatus"]["ImportCompleted"] is True


# Searching -----------------------------------------------------------------------------------------


def test_tables_are_searched_by_words_and_times(cloud, glue):
    def found(**asked) -> list[str]:
        return [each["Name"] for each in glue.search_tables(**asked)["TableList"]]

    for name, more in (("customer-link", {"Description": "who bought"}), ("xx-link-yy", {"Owner": "ann"}), ("xxlinkyy", {})):
        glue.create_table(DatabaseName="lake", TableInput={"Name": name, "StorageDescriptor": {"Columns": COLUMNS}, **more})
        cloud.sleep(10)
    # The example of https://docs.aws.amazon.com/glue/latest/webapi/API_SearchTables.html
    assert found(Filters=[{"Key": "Name", "Value": "link"}]) == ["customer-link", "xx-link-yy"]
    assert found(SearchText="bought") == ["customer-link"] and found(SearchText='"path"') == ["customer-link", "xx-link-yy", "xxlinkyy"]
    since = {"Key": "CreateTime", "Value": str(cloud.now() - 15), "Comparator": "GREATER_THAN"}
    assert found(Filters=[since]) == ["xxlinkyy"]
    first = glue.search_tables(SortCriteria=[{"FieldName": "Name", "Sort": "DESC"}], MaxResults=2)
    rest = glue.search_tables(SortCriteria=[{"FieldName": "Name", "Sort": "DESC"}], NextToken=first["NextToken"])
    assert [each["Name"] for page in (first, rest) for each in page["TableList"]] == ["xxlinkyy", "xx-link-yy", "customer-link"]
    assert refused_code(glue.search_tables, Filters=[{"Key": "Colour", "Value": "x"}]) == "InvalidInputException"


# What others hear of it ----------------------------------------------------------------------------


def test_changes_are_told_on_the_bus(cloud, glue):
    url, arn = queue(cloud, "heard")
    events, sqs = cloud.client("events"), cloud.client("sqs")
    allowed = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": allowed})})
    events.put_rule(Name="r", EventPattern=json.dumps({"source": ["aws.glue"]}))
    events.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": arn}])
    where = make_table(glue)
    part(glue, where, "2026", "01", "2026-01-01")
    glue.batch_delete_table(DatabaseName="lake", TablesToDelete=["logs", "none"])
    cloud.sleep(5)
    heard = [json.loads(message["Body"]) for message in received(cloud, url)]
    begin = f"arn:aws:glue:us-east-1:{ACCOUNT}:table/lake/logs"
    # The form of the second is recorded in several repositories that were told it by AWS.
    assert [(each["detail-type"], each["resources"], each["detail"]) for each in heard] == [
        ("Glue Data Catalog Database State Change", [begin], {"databaseName": "lake", "typeOfChange": "CreateTable", "changedTables": ["logs"]}),
        ("Glue Data Catalog Table State Change", [begin], {
            "databaseName": "lake", "tableName": "logs", "typeOfChange": "CreatePartition", "changedPartitions": ["[2026, 01, 2026-01-01]"],
        }),
        ("Glue Data Catalog Database State Change", [begin], {"databaseName": "lake", "typeOfChange": "BatchDeleteTable", "changedTables": ["logs"]}),
    ]  # fmt: skip


def test_requests_are_billed_and_what_the_catalog_holds_by_the_month(cloud, glue):
    where = make_table(glue)
    glue.update_table(DatabaseName="lake", TableInput={"Name": "logs", "PartitionKeys": KEYS})
    for values in (("2025", "12", "2025-12-31"), ("2026", "01", "2026-01-01")):
        part(glue, where, *values)
    glue.create_partition_index(**where, PartitionIndex={"IndexName": "a", "Keys": ["year"]})

    def standing() -> float:
        """On the average of an hour."""
        cloud.sleep(2)
        before = used(cloud).get(("glue:catalog_objects", "catalog"), 0.0)
        cloud.sleep(3_600)
        return used(cloud).get(("glue:catalog_objects", "catalog"), 0.0) - before

    # The database, the table, its old version, two partitions and an index: https://aws.amazon.com/glue/pricing/
    assert standing() == pytest.approx(6)
    assert used(cloud)["glue:catalog_requests", "catalog"] == 6
    glue.delete_partition(**where, PartitionValues=["2025", "12", "2025-12-31"])
    assert standing() == pytest.approx(5)
    glue.delete_table(DatabaseName="lake", Name="logs")
    assert standing() == pytest.approx(1)
    make_table(glue)
    glue.delete_database(Name="lake")
    assert standing() == pytest.approx(0)
