"""Databases, tables and partitions in stacks."""

from __future__ import annotations

import pytest
from glue_crawling import Lake, columns
from glue_workshop import chosen
from services.test_cloudformation_stack import settled

LAKE = """
Resources:
  Database:
    Type: AWS::Glue::Database
    Properties:
      CatalogId: !Ref AWS::AccountId
      DatabaseInput: {Name: DBNAME, Description: Data Lake catalog database}
  Logs:
    Type: AWS::Glue::Table
    Properties:
      CatalogId: !Ref AWS::AccountId
      DatabaseName: !Ref Database
      TableInput:
        Name: TABLENAME
        Parameters: {classification: json, has_encrypted_data: true, skip.header.line.count: 1}
        StorageDescriptor:
          Columns: [{Name: at, Type: timestamp}, {Name: path, Type: COLTYPE}]
          Location: s3://my-datalake/raw/web-logs/
          InputFormat: org.apache.hadoop.mapred.TextInputFormat
          OutputFormat: org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat
          SerdeInfo: {SerializationLibrary: org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe}
        PartitionKeys: [{Name: year, Type: string}, {Name: month, Type: string}]
  January:
    Type: AWS::Glue::Partition
    Properties:
      CatalogId: !Ref AWS::AccountId
      DatabaseName: !Ref Database
      TableName: !Ref Logs
      PartitionInput: {Values: ["2026", "MONTH"], StorageDescriptor: {Location: "s3://my-datalake/raw/PLACE/"}}
Outputs:
  Database: {Value: !Ref Database}
  Table: {Value: !Ref Logs}
"""
FIRST = {"DBNAME": "datalake_catalog", "TABLENAME": "web_logs", "COLTYPE": "string", "MONTH": "01", "PLACE": "a"}


def template(**other: str) -> str:
    body = LAKE
    for name, value in {**FIRST, **other}.items():
        body = body.replace(name, value)
    return body


@pytest.fixture
def stacks(cloud):
    cloud.region()
    client = cloud.client("cloudformation")
    client.create_stack(StackName="s", TemplateBody=template())
    assert settled(cloud, "s")["StackStatus"] == "CREATE_COMPLETE", client.describe_stack_events(StackName="s")["StackEvents"]
    return client


def changed(cloud, stacks, **other: str) -> dict[str, str]:
    """How the stack's resources are called after an update."""
    stacks.update_stack(StackName="s", TemplateBody=template(**other))
    assert settled(cloud, "s")["StackStatus"] == "UPDATE_COMPLETE", stacks.describe_stack_events(StackName="s")["StackEvents"]
    return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in stacks.describe_stack_resources(StackName="s")["StackResources"]}


def test_a_stack_makes_a_catalog(cloud, stacks):
    glue = cloud.client("glue")
    outputs = {each["OutputKey"]: each["OutputValue"] for each in settled(cloud, "s")["Outputs"]}
    assert outputs == {"Database": "datalake_catalog", "Table": "web_logs"}
    table = glue.get_table(DatabaseName="datalake_catalog", Name="web_logs")["Table"]
    assert table["Parameters"] == {"classification": "json", "has_encrypted_data": "true", "skip.header.line.count": "1"}
    assert [each["Name"] for each in table["StorageDescriptor"]["Columns"]] == ["at", "path"]
    assert chosen(glue, {"DatabaseName": "datalake_catalog", "TableName": "web_logs"}) == [["2026", "01"]]
    stacks.delete_stack(StackName="s")
    cloud.sleep(60)
    assert glue.get_databases()["DatabaseList"] == []


def test_what_can_change_in_place_does_and_names_replace(cloud, stacks):
    glue, where = cloud.client("glue"), {"DatabaseName": "datalake_catalog", "TableName": "web_logs"}
    before = changed(cloud, stacks, COLTYPE="int")
    table = glue.get_table(DatabaseName="datalake_catalog", Name="web_logs")["Table"]
    assert (table["VersionId"], table["StorageDescriptor"]["Columns"][1]["Type"]) == ("1", "int")
    after = changed(cloud, stacks, PLACE="b")
    assert after == before
    assert glue.get_partition(**where, PartitionValues=["2026", "01"])["Partition"]["StorageDescriptor"]["Location"].endswith("/b/")
    after = changed(cloud, stacks, MONTH="02")
    assert (after["Logs"], after["January"] != before["January"]) == (before["Logs"], True)
    assert chosen(glue, where) == [["2026", "02"]]
    after = changed(cloud, stacks, TABLENAME="Other_Logs")
    assert after["Logs"] == "other_logs" and [each["Name"] for each in glue.get_tables(DatabaseName="datalake_catalog")["TableList"]] == ["other_logs"]
    after = changed(cloud, stacks, DBNAME="second")
    assert after["Database"] == "second" and [each["Name"] for each in glue.get_databases()["DatabaseList"]] == ["second"]
    assert chosen(glue, {"DatabaseName": "second", "TableName": "web_logs"}) == [["2026", "01"]]


def test_a_database_without_a_name_is_given_one(cloud):
    cloud.region()
    stacks, glue = cloud.client("cloudformation"), cloud.client("glue")
    body = "Resources: {Sea: {Type: AWS::Glue::Database, Properties: {CatalogId: !Ref AWS::AccountId, DatabaseInput: {Description: d}}}}"
    stacks.create_stack(StackName="Stack", TemplateBody=body)
    assert settled(cloud, "Stack")["StackStatus"] == "CREATE_COMPLETE"
    (made,) = glue.get_databases()["DatabaseList"]
    assert made["Name"].startswith("stack-sea-") and made["Description"] == "d"
    stacks.update_stack(StackName="Stack", TemplateBody=body.replace("Description: d", "Description: e"))
    assert settled(cloud, "Stack")["StackStatus"] == "UPDATE_COMPLETE"
    (same,) = glue.get_databases()["DatabaseList"]
    assert (same["Name"], same["Description"]) == (made["Name"], "e")


def test_a_name_that_is_taken_fails_the_stack_and_what_is_not_built_is_refused_by_name(cloud):
    cloud.region()
    stacks = cloud.client("cloudformation")
    cloud.client("glue").create_database(DatabaseInput={"Name": "datalake_catalog"})
    stacks.create_stack(StackName="s", TemplateBody=template())
    assert settled(cloud, "s")["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "Database" in str([each.get("ResourceStatusReason") for each in stacks.describe_stack_events(StackName="s")["StackEvents"]])
    link = template(DBNAME="x").replace("Description: Data Lake catalog database", "TargetDatabase: {CatalogId: '111111111111', DatabaseName: d}")
    stacks.create_stack(StackName="t", TemplateBody=link)
    settled(cloud, "t")
    reasons = [each.get("ResourceStatusReason", "") for each in stacks.describe_stack_events(StackName="t")["StackEvents"]]
    assert any("TargetDatabase" in reason for reason in reasons)


CRAWLS = """
Resources:
  Rows: {Type: AWS::Glue::Classifier, Properties: {JsonClassifier: {Name: ROWS, JsonPath: "$[*]"}}}
  Crawler:
    Type: AWS::Glue::Crawler
    Properties:
      Name: NAME
      Role: ROLE
      DatabaseName: lake
      Targets: {S3Targets: [{Path: "s3://lake-files/t/"}]}
      Classifiers: [!Ref Rows]
      Tags: {team: TEAM}
      MORE
Outputs:
  Crawler: {Value: !Ref Crawler}
  Rows: {Value: !Ref Rows}
"""


def test_a_stack_makes_a_crawler_that_crawls(cloud):
    lake = Lake(cloud)
    lake.store("t/a.json", '[{"id": 1}]')
    stacks, glue = cloud.client("cloudformation"), lake.glue

    def body(**said: str) -> str:
        found = CRAWLS
        for name, value in {"NAME": "c", "ROWS": "rows", "TEAM": "x", "ROLE": lake.role, "MORE": "", **said}.items():
            found = found.replace(name, value)
        return found

    def update(**said: str) -> dict[str, str]:
        stacks.update_stack(StackName="s", TemplateBody=body(**said))
        assert settled(cloud, "s")["StackStatus"] == "UPDATE_COMPLETE", stacks.describe_stack_events(StackName="s")["StackEvents"]
        return {each["OutputKey"]: each["OutputValue"] for each in settled(cloud, "s")["Outputs"]}

    more = "Schedule: {ScheduleExpression: 'cron(0 3 * * ? *)'}\n      TablePrefix: raw_"
    stacks.create_stack(StackName="s", TemplateBody=body(MORE=more))
    assert settled(cloud, "s")["StackStatus"] == "CREATE_COMPLETE", stacks.describe_stack_events(StackName="s")["StackEvents"]
    assert lake.crawl()["Status"] == "SUCCEEDED"
    assert {name: columns(each) for name, each in lake.tables().items()} == {"raw_t": {"id": "int"}}
    assert update(TEAM="y") == {"Crawler": "c", "Rows": "rows"}
    held = glue.get_crawler(Name="c")["Crawler"]
    assert (held.get("TablePrefix"), "Schedule" in held, glue.list_crawlers(Tags={"team": "y"})["CrawlerNames"]) == ("", False, ["c"])
    assert update(NAME="d", ROWS="lines") == {"Crawler": "d", "Rows": "lines"}
    assert (glue.list_crawlers()["CrawlerNames"], glue.get_classifier(Name="lines")["Classifier"]["JsonClassifier"]["Version"]) == (["d"], 1)
    glue.start_crawler(Name="d")
    stacks.delete_stack(StackName="s")
    cloud.sleep(60)
    assert (glue.list_crawlers()["CrawlerNames"], glue.get_classifiers()["Classifiers"]) == ([], [])
