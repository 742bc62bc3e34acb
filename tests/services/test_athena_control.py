"""What Athena keeps beside executions: workgroups, named queries, prepared statements, tags; and what it shows of the catalogue."""

from __future__ import annotations

import datetime

import pytest
from athena_workshop import LAZY, Lake
from refusals import refused, refused_code

ARN = "arn:aws:athena:us-east-1:000000000000:workgroup/"


@pytest.fixture
def lake(cloud):
    return Lake(cloud).begin()


@pytest.fixture
def athena(cloud):
    return cloud.client("athena")


# Workgroups ---------------------------------------------------------------------------------------------------------


def test_primary_is_always_there(athena):
    group = athena.get_work_group(WorkGroup="primary")["WorkGroup"]
    assert (group["State"], group["Configuration"]["EnforceWorkGroupConfiguration"]) == ("ENABLED", False)
    assert [each["Name"] for each in athena.list_work_groups()["WorkGroups"]] == ["primary"]
    assert refused(athena.create_work_group, Name="primary") == ("InvalidRequestException", "primary workGroup could not be created")
    assert refused_code(athena.delete_work_group, WorkGroup="primary") == "InvalidRequestException"
    athena.update_work_group(WorkGroup="primary", Description="d", ConfigurationUpdates={"ResultConfigurationUpdates": {"OutputLocation": "s3://r/"}})
    group = athena.get_work_group(WorkGroup="primary")["WorkGroup"]
    assert (group["Description"], group["Configuration"]["ResultConfiguration"]) == ("d", {"OutputLocation": "s3://r/"})


def test_a_workgroup_is_made_changed_and_deleted(athena):
    made = {"ResultConfiguration": {"OutputLocation": "s3://r/a/"}, "BytesScannedCutoffPerQuery": 10_000_000}
    athena.create_work_group(Name="g", Configuration=made, Description="d", Tags=[{"Key": "a", "Value": "b"}])
    held = athena.get_work_group(WorkGroup="g")["WorkGroup"]["Configuration"]
    assert held["BytesScannedCutoffPerQuery"] == 10_000_000 and held["EnforceWorkGroupConfiguration"] is True
    assert refused_code(athena.create_work_group, Name="g") == "InvalidRequestException"
    athena.update_work_group(WorkGroup="g", State="DISABLED", ConfigurationUpdates={
        "RemoveBytesScannedCutoffPerQuery": True, "EnforceWorkGroupConfiguration": False, "ResultConfigurationUpdates": {"RemoveOutputLocation": True},
    })  # fmt: skip
    group = athena.get_work_group(WorkGroup="g")["WorkGroup"]
    assert group["State"] == "DISABLED" and "BytesScannedCutoffPerQuery" not in group["Configuration"] and group["Configuration"]["ResultConfiguration"] == {}
    assert refused(athena.start_query_execution, QueryString="SELECT 1", WorkGroup="g")[1] == "WorkGroup g is disabled."
    athena.create_named_query(Name="n", Database="db", QueryString="SELECT 1", WorkGroup="g")
    assert refused(athena.delete_work_group, WorkGroup="g") == ("InvalidRequestException", "WorkGroup g is not empty")
    athena.delete_work_group(WorkGroup="g", RecursiveDeleteOption=True)
    assert refused(athena.get_work_group, WorkGroup="g") == ("InvalidRequestException", "WorkGroup is not found.")
    assert refused_code(athena.create_work_group, Name="h", Configuration={"ExecutionRole": "arn:aws:iam::000000000000:role/role1"}) == "NotImplemented"
    assert refused_code(athena.create_work_group, Name="h", Configuration={"ResultConfiguration": {"OutputLocation": "nowhere"}}) == "InvalidRequestException"


def test_a_workgroup_that_enforces_its_settings_says_where_results_go(lake):
    lake.athena.create_work_group(Name="g", Configuration={"ResultConfiguration": {
        "OutputLocation": "s3://results/of-group/", "EncryptionConfiguration": {"EncryptionOption": "SSE_S3"},
    }})  # fmt: skip
    execution = lake.run("SELECT 1", WorkGroup="g")
    assert execution["ResultConfiguration"]["OutputLocation"].startswith("s3://results/of-group/") and execution["WorkGroup"] == "g"
    assert refused(lake.start, "CREATE TABLE t WITH (external_location = 's3://lake/t/') AS SELECT 1 AS a", WorkGroup="g")[1].startswith(
        "The Create Table As Select query failed because it was submitted with an 'external_location' property"
    )
    lake.athena.update_work_group(WorkGroup="g", ConfigurationUpdates={"EnforceWorkGroupConfiguration": False})
    assert lake.run("SELECT 1", WorkGroup="g")["ResultConfiguration"]["OutputLocation"].startswith("s3://results/out/")
    assert len(lake.athena.list_query_executions(WorkGroup="g")["QueryExecutionIds"]) == 2
    assert lake.athena.list_query_executions()["QueryExecutionIds"] == []


def test_a_query_that_would_scan_too_much_is_cancelled(lake):
    lake.athena.create_work_group(Name="g", Configuration={"BytesScannedCutoffPerQuery": 10_000_000, "EnforceWorkGroupConfiguration": False})
    lake.put("big/a.csv", (b"x" * 63 + b"\n") * 170_000)
    lake.table("big", {"a": "string"})
    found = lake.ended(lake.start("SELECT count(*) FROM big", WorkGroup="g"))
    assert (found["Status"]["State"], found["Status"]["StateChangeReason"]) == ("CANCELLED", "Bytes scanned limit was exceeded")
    assert lake.rows("SELECT count(*) FROM big") == [["170000"]]


def test_a_workgroup_measures_its_queries(cloud, lake):
    lake.athena.create_work_group(Name="g", Configuration={"EnforceWorkGroupConfiguration": False})
    lake.put("m/a.csv", "1\n2\n")
    lake.table("m", {"a": "int"})
    begin = cloud.now()
    lake.run("SELECT sum(a) FROM m", WorkGroup="g")
    lake.run("SELECT sum(a) FROM m")
    cloud.sleep(120)
    times = {"StartTime": datetime.datetime.fromtimestamp(begin - 60, datetime.UTC), "EndTime": datetime.datetime.fromtimestamp(cloud.now(), datetime.UTC)}
    dimensions = [{"Name": "WorkGroup", "Value": "g"}, {"Name": "QueryState", "Value": "SUCCEEDED"}, {"Name": "QueryType", "Value": "DML"}]
    found = cloud.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Athena", MetricName="ProcessedBytes", Dimensions=dimensions, Period=600, Statistics=["Sum"], **times
    )["Datapoints"]
    assert sum(each["Sum"] for each in found) == 4
    assert len(cloud.client("cloudwatch").list_metrics(Namespace="AWS/Athena", MetricName="ProcessedBytes")["Metrics"]) == 1


def test_workgroups_are_tagged(athena):
    athena.create_work_group(Name="g", Tags=[{"Key": "a", "Value": "b"}])
    athena.tag_resource(ResourceARN=ARN + "g", Tags=[{"Key": "c", "Value": "d"}])
    athena.untag_resource(ResourceARN=ARN + "g", TagKeys=["a"])
    assert athena.list_tags_for_resource(ResourceARN=ARN + "g")["Tags"] == [{"Key": "c", "Value": "d"}]
    assert refused_code(athena.list_tags_for_resource, ResourceARN=ARN + "none") == "ResourceNotFoundException"


# Kept queries -------------------------------------------------------------------------------------------------------


def test_named_queries_are_kept(athena):
    token = "t" * 32
    said = {"Name": "n", "Database": "db", "QueryString": "SELECT 1", "Description": "d"}
    number = athena.create_named_query(**said, ClientRequestToken=token)["NamedQueryId"]
    assert athena.create_named_query(**said, ClientRequestToken=token)["NamedQueryId"] == number
    athena.update_named_query(NamedQueryId=number, Name="m", QueryString="SELECT 2")
    assert athena.get_named_query(NamedQueryId=number)["NamedQuery"] == {
        "Name": "m", "Database": "db", "QueryString": "SELECT 2", "Description": "d", "NamedQueryId": number, "WorkGroup": "primary",
    }  # fmt: skip
    assert athena.list_named_queries()["NamedQueryIds"] == [number]
    found = athena.batch_get_named_query(NamedQueryIds=[number, "none"])
    assert len(found["NamedQueries"]) == 1 and found["UnprocessedNamedQueryIds"][0]["NamedQueryId"] == "none"
    athena.delete_named_query(NamedQueryId=number)
    assert refused_code(athena.get_named_query, NamedQueryId=number) == "InvalidRequestException"


def test_prepared_statements_are_kept_by_workgroup(athena):
    said = {"StatementName": "st", "WorkGroup": "primary", "QueryStatement": "SELECT ?"}
    athena.create_prepared_statement(**said)
    assert refused_code(athena.create_prepared_statement, **said) == "InvalidRequestException"
    athena.update_prepared_statement(**said | {"QueryStatement": "SELECT ? + 1"}, Description="d")
    held = athena.get_prepared_statement(StatementName="st", WorkGroup="primary")["PreparedStatement"]
    assert (held["QueryStatement"], held["Description"]) == ("SELECT ? + 1", "d")
    assert [each["StatementName"] for each in athena.list_prepared_statements(WorkGroup="primary")["PreparedStatements"]] == ["st"]
    found = athena.batch_get_prepared_statement(PreparedStatementNames=["st", "xx"], WorkGroup="primary")
    assert len(found["PreparedStatements"]) == 1 and found["UnprocessedPreparedStatementNames"][0]["ErrorCode"] == "STATEMENT_NOT_FOUND"
    athena.delete_prepared_statement(StatementName="st", WorkGroup="primary")
    assert refused(athena.get_prepared_statement, StatementName="st", WorkGroup="primary") == (
        "ResourceNotFoundException", "PreparedStatement st was not found in workGroup primary"
    )  # fmt: skip


# The catalogue ------------------------------------------------------------------------------------------------------


def test_the_catalogue_is_shown(lake):
    athena = lake.athena
    lake.table("t", {"a": "int"}, keys={"p": "string"}, given={"field.delim": ","}, parameters={"x": "y"})
    assert athena.list_data_catalogs()["DataCatalogsSummary"][0]["CatalogName"] == "AwsDataCatalog"
    assert athena.get_data_catalog(Name="AwsDataCatalog")["DataCatalog"]["Type"] == "GLUE"
    assert [each["Name"] for each in athena.list_databases(CatalogName="AwsDataCatalog")["DatabaseList"]] == ["db"]
    assert athena.get_database(CatalogName="AwsDataCatalog", DatabaseName="db")["Database"]["Name"] == "db"
    table = athena.get_table_metadata(CatalogName="AwsDataCatalog", DatabaseName="db", TableName="t")["TableMetadata"]
    assert (table["Columns"], table["PartitionKeys"]) == ([{"Name": "a", "Type": "int"}], [{"Name": "p", "Type": "string"}])
    assert table["Parameters"]["location"] == "s3://lake/t/" and table["Parameters"]["serde.serialization.lib"] == LAZY and table["Parameters"]["x"] == "y"
    listed = athena.list_table_metadata(CatalogName="AwsDataCatalog", DatabaseName="db", Expression="T*")["TableMetadataList"]
    assert [each["Name"] for each in listed] == ["t"]
    listed = athena.list_table_metadata(CatalogName="AwsDataCatalog", DatabaseName="db", Expression="*T")["TableMetadataList"]
    assert [each["Name"] for each in listed] == ["t"]
    refused = refused_code(athena.list_table_metadata, CatalogName="AwsDataCatalog", DatabaseName="db", Expression="(")
    assert refused == "MetadataException"
    assert refused_code(athena.get_table_metadata, CatalogName="AwsDataCatalog", DatabaseName="db", TableName="none") == "MetadataException"
    assert refused_code(athena.list_databases, CatalogName="other") == "InvalidRequestException"
    assert refused_code(athena.create_data_catalog, Name="hive", Type="HIVE") == "NotImplemented"


# Stacks -------------------------------------------------------------------------------------------------------------

TEMPLATE = """
Resources:
  Group:
    Type: AWS::Athena::WorkGroup
    Properties:
      Name: of-stack
      RecursiveDeleteOption: true
      WorkGroupConfiguration: {ResultConfiguration: {OutputLocation: "s3://results/stack/"}, BytesScannedCutoffPerQuery: CUTOFF}
      Tags: [{Key: a, Value: b}]
  Query:
    Type: AWS::Athena::NamedQuery
    Properties: {Name: n, Database: db, QueryString: SELECT 1, WorkGroup: !Ref Group}
  Statement:
    Type: AWS::Athena::PreparedStatement
    Properties: {StatementName: st, WorkGroup: !Ref Group, QueryStatement: "SELECT ?"}
Outputs:
  Query: {Value: !Ref Query}
  Engine: {Value: !GetAtt Group.WorkGroupConfiguration.EngineVersion.EffectiveEngineVersion}
"""


def test_a_stack_makes_workgroups_and_what_is_in_them(cloud, lake):
    cloudformation, athena = cloud.client("cloudformation"), lake.athena

    def stands(status):
        while (stack := cloudformation.describe_stacks(StackName=number)["Stacks"][0])["StackStatus"].endswith("_IN_PROGRESS"):
            cloud.sleep(1)
        assert stack["StackStatus"] == status, stack
        return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", ())}

    number = cloudformation.create_stack(StackName="s", TemplateBody=TEMPLATE.replace("CUTOFF", "20000000"))["StackId"]
    outputs = stands("CREATE_COMPLETE")
    assert outputs["Engine"] == "Athena engine version 3"
    assert athena.get_named_query(NamedQueryId=outputs["Query"])["NamedQuery"]["WorkGroup"] == "of-stack"
    assert lake.rows("EXECUTE st USING 7", WorkGroup="of-stack") == [["7"]]
    cloudformation.update_stack(StackName="s", TemplateBody=TEMPLATE.replace(", BytesScannedCutoffPerQuery: CUTOFF", "").replace("SELECT ?", "SELECT ? + 1"))
    stands("UPDATE_COMPLETE")
    assert "BytesScannedCutoffPerQuery" not in athena.get_work_group(WorkGroup="of-stack")["WorkGroup"]["Configuration"]
    assert lake.rows("EXECUTE st USING 7", WorkGroup="of-stack") == [["8"]]
    cloudformation.delete_stack(StackName="s")
    stands("DELETE_COMPLETE")
    assert [each["Name"] for each in athena.list_work_groups()["WorkGroups"]] == ["primary"]
